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

/* What one says of another is what that one says of itself; whose key it is, all say alike. */
static void check_peer(const struct conf *a, uint32_t i, const struct conf *b)
{
	const struct conf_domain_peer *p = NULL;

	assert_int_equal(a->mesh.peers[i].id, b->node.id);
	assert_true(ip6_eq(&a->mesh.peers[i].address, &b->mesh.site_address));
	for (uint32_t n = 0; n < a->domains[0].peer_count; n++)
		if (strcmp(a->domains[0].peers[n].name, b->node.name) == 0)
			p = &a->domains[0].peers[n];
	assert_non_null(p);
	if (a->domains[0].mode == CONF_MODE_UNICAST)
		assert_true(ip6_eq(&p->home_agent_address, &b->domains[0].home_agent_address));
}

static void check_alike(const struct conf *a, const struct conf *b)
{
	const struct conf_domain *x = &a->domains[0], *y = &b->domains[0];

	assert_int_equal(a->domain_count, 1);
	assert_int_equal(b->domain_count, 1);
	assert_string_equal(x->name, y->name);
	assert_int_equal(x->mode, y->mode);
	assert_int_equal(x->delivery, y->delivery);
	assert_int_equal(x->mobile_prefix_count, y->mobile_prefix_count);
	for (uint32_t i = 0; i < x->mobile_prefix_count; i++) {
		assert_int_equal(x->mobile_prefixes[i].len, y->mobile_prefixes[i].len);
		assert_true(ip6_eq(&x->mobile_prefixes[i].addr, &y->mobile_prefixes[i].addr));
	}
	for (uint32_t i = 0; i < a->mesh.peer_count; i++)
		for (uint32_t k = 0; k < b->mesh.peer_count; k++)
			if (strcmp(a->mesh.peers[i].name, b->mesh.peers[k].name) == 0)
				assert_memory_equal(a->mesh.peers[i].public_key,
					b->mesh.peers[k].public_key, CONF_KEY_LEN);
}

static void check_mesh(const char *const names[], uint32_t count)
{
	struct conf *site[3];

	for (uint32_t i = 0; i < count; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s.json", config_dir, names[i]);
		site[i] = load(path);
		assert_int_equal(site[i]->mesh.peer_count, count - 1);
	}
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t k = 0; k < count; k++) {
			uint32_t found = 0;

			check_alike(site[i], site[k]);
			for (uint32_t n = 0; n < count - 1; n++) {
				if (strcmp(site[i]->mesh.peers[n].name, site[k]->node.name) != 0)
					continue;
				check_peer(site[i], n, site[k]);
				found++;
			}
			assert_int_equal(found, i != k);
		}
	}
	for (uint32_t i = 0; i < count; i++)
		conf_free(site[i]);
}

/* Those of one mesh would find each other. */
static void test_sites_agree(void **state)
{
	static const char *const three[] = { "mesh-paris", "mesh-tokyo", "mesh-newyork" };
	static const char *const shared[] = { "mesh-shared-paris", "mesh-shared-tokyo" };

	(void)state;
	check_mesh(three, DIM(three));
	check_mesh(shared, DIM(shared));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples),
		cmocka_unit_test(test_sites_agree),
	};

	if (argc != 2) {
		fprintf(stderr, "usage: %s CONFIG_DIR\n", argv[0]);
		return 2;
	}
	config_dir = argv[1];
	return cmocka_run_group_tests(tests, setup, teardown);
}
