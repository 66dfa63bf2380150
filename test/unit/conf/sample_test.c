/* SPDX-License-Identifier: BSD-3-Clause */
/* Every sample in config/ is a configuration that hamd takes; those of a mesh with a private key in
 * the place of the one that is not in the tree. */
#include "test.h"

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "conf/conf.h"

#define KEY "\"private-key-file\": \""

static const char *config_dir;
static char key_path[] = "/tmp/hamd-sample-XXXXXX";

static int setup(void **state)
{
	static const char key[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
	int fd = mkstemp(key_path);

	(void)state;
	if (fd < 0 || sodium_init() < 0 || write(fd, key, sizeof(key) - 1) < 0)
		return -1;
	return close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(key_path);
}

/* The sample, with a key file that is there. */
static struct conf *load(const char *path)
{
	char text[65536], with_key[65536 + sizeof(key_path)], err[512];
	FILE *f = fopen(path, "re");
	struct conf *c = NULL;
	const char *at;
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	at = strstr(text, KEY);
	if (at == NULL)
		at = text + n;
	snprintf(with_key, sizeof(with_key), "%.*s%s%s%s", (int)(at - text), text,
		*at != '\0' ? KEY : "", *at != '\0' ? key_path : "",
		*at != '\0' ? strchr(at + strlen(KEY), '"') : "");
	if (conf_parse(path, with_key, strlen(with_key), &c, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	return c;
}

static void test_samples(void **state)
{
	char pattern[4096];
	unsigned parsed = 0;
	glob_t g;

	(void)state;
	snprintf(pattern, sizeof(pattern), "%s/*.json", config_dir);
	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		if (strstr(g.gl_pathv[i], ".schema.json") != NULL)
			continue;
		conf_free(load(g.gl_pathv[i]));
		parsed++;
	}
	globfree(&g);
	assert_true(parsed >= 4);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: %s CONFIG_DIR\n", argv[0]);
		return 2;
	}
	config_dir = argv[1];
	return cmocka_run_group_tests(tests, setup, teardown);
}
