/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any octets as a configuration: either it is taken, then its mobile nodes are found, it can be
 * printed and its JSON is taken again; or it is refused with one line that says why. What the
 * scanner lets through cJSON takes, so there is no other reason than the text.
 */
#include "fuzz.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "conf/conf.h"

static void check_error(int ret, const char *err)
{
	size_t len = strlen(err);

	FUZZ_CHECK(ret == -EINVAL && len > strlen("f: "));
	for (size_t i = 0; i < len; i++)
		FUZZ_CHECK((unsigned char)err[i] >= ' ' && err[i] != 0x7f);
}

static char *printed(const struct conf *conf)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	FUZZ_CHECK(f != NULL);
	conf_print(conf, f);
	fclose(f);
	return text;
}

static void check_conf(const struct conf *conf)
{
	for (uint32_t i = 0; i < conf->route_count; i++)
		FUZZ_CHECK(conf->routes[i].port >= 0 &&
			   (uint32_t)conf->routes[i].port < conf->port_count);
	for (uint32_t i = 0; i < conf->domain_count; i++) {
		const struct conf_domain *d = &conf->domains[i];

		for (uint32_t j = 0; j < d->peer_count; j++)
			FUZZ_CHECK(d->peers[j].peer >= 0 &&
				   (uint32_t)d->peers[j].peer < conf->mesh.peer_count);
		for (uint32_t j = 1; j < d->mobile_node_count; j++)
			FUZZ_CHECK(memcmp(&d->mobile_nodes[j - 1].home_address,
					   &d->mobile_nodes[j].home_address,
					   sizeof(d->mobile_nodes[j].home_address)) < 0);
	}
}

/* A private key that the seeds name, so that what is said of a mesh is read to its end. */
#define KEY_FD   200
#define KEY_PATH "/proc/self/fd/200"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char key[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
	int fd = memfd_create("key", 0);

	(void)argc;
	(void)argv;
	FUZZ_CHECK(sodium_init() >= 0);
	FUZZ_CHECK(fd >= 0 && dup2(fd, KEY_FD) == KEY_FD && fchmod(KEY_FD, 0600) == 0);
	FUZZ_CHECK(write(KEY_FD, key, sizeof(key) - 1) == (ssize_t)sizeof(key) - 1);
	return close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *conf = NULL, *again = NULL;
	char err[512] = "", *text, *text_again;
	int ret = conf_parse("f", (const char *)data, size, &conf, err, sizeof(err));

	if (ret < 0) {
		check_error(ret, err);
		return 0;
	}
	check_conf(conf);
	ret = conf_parse("f", conf_json(conf), strlen(conf_json(conf)), &again, err, sizeof(err));
	FUZZ_CHECK(ret == 0);
	text = printed(conf);
	text_again = printed(again);
	FUZZ_CHECK(strcmp(text, text_again) == 0);
	free(text);
	free(text_again);
	conf_free(again);
	conf_free(conf);
	return 0;
}
