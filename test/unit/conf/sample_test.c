/* SPDX-License-Identifier: BSD-3-Clause */
/* Every sample in config/ is a configuration that hamd takes. */
#include "test.h"

#include <glob.h>

#include "conf/conf.h"

static const char *config_dir;

static void test_samples(void **state)
{
	char pattern[4096], err[512];
	unsigned parsed = 0;
	glob_t g;

	(void)state;
	snprintf(pattern, sizeof(pattern), "%s/*.json", config_dir);
	assert_int_equal(glob(pattern, 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct conf *c = NULL;

		if (strstr(g.gl_pathv[i], ".schema.json") != NULL)
			continue;
		if (conf_load(g.gl_pathv[i], &c, err, sizeof(err)) < 0)
			fail_msg("%s", err);
		conf_free(c);
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
	return cmocka_run_group_tests(tests, NULL, NULL);
}
