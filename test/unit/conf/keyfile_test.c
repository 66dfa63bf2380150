/* SPDX-License-Identifier: BSD-3-Clause */
/* Key files, alone and through a configuration: who may own and read them, and what is in them. */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "common/mac.h"
#include "conf/conf.h"
#include "conf/keyfile.h"

#define HEX16  "000102030405060708090a0b0c0d0e0f"
#define NO_KEY "holds no key of 16 to 64 octets in hex or base64"

static const struct {
	const char *name, *text;
	unsigned mode; /* 0600 */
	size_t len; /* of the key */
	const char *why; /* NULL: it is taken */
} cases[] = {
	{ "hex", HEX16, 0, 16, NULL },
	{ "hex and a newline", HEX16 "\n", 0, 16, NULL },
	{ "white space around", " \t" HEX16 "\r\n", 0400, 16, NULL },
	{ "capitals", "000102030405060708090A0B0C0D0E0F", 0, 16, NULL },
	{ "hex of 64", HEX16 HEX16 HEX16 HEX16, 0, 64, NULL },
	{ "hex of 15", "000102030405060708090a0b0c0d0e", 0, 0,
		"holds a key of less than 16 octets" },
	{ "hex of 65", HEX16 HEX16 HEX16 HEX16 "00", 0, 0, "holds a key of more than 64 octets" },
	{ "hex of 66", HEX16 HEX16 HEX16 HEX16 "0000", 0, 0, NO_KEY },
	{ "half an octet", HEX16 "1", 0, 0, NO_KEY },
	{ "base64", "AAECAwQFBgcICQoLDA0ODw==", 0, 16, NULL },
	{ "base64 without padding", "AAECAwQFBgcICQoLDA0ODw", 0, 0, NO_KEY },
	{ "base64 of 15", "AAECAwQFBgcICQoLDA0O", 0, 0, "holds a key of less than 16 octets" },
	{ "0x in front", "0x" HEX16, 0, 0, NO_KEY },
	{ "two lines", HEX16 "\n" HEX16 "\n", 0, 0, NO_KEY },
	{ "a password", "correct horse battery staple", 0, 0, NO_KEY },
	{ "nothing", "", 0, 0, "holds a key of less than 16 octets" },
	{ "readable by the group", HEX16, 0640, 0, "is open to others (mode 0640); use chmod 600" },
	{ "readable by others", HEX16, 0604, 0, "is open to others (mode 0604); use chmod 600" },
	{ "writable by the group", HEX16, 0620, 0, "is open to others (mode 0620); use chmod 600" },
};

static char path[] = "/tmp/hamd-keyfile-XXXXXX";

static void write_file(const char *text, unsigned mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static int setup(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

static void test_files(void **state)
{
	struct keyfile *k;

	(void)state;
	assert_true(sodium_init() >= 0);
	k = sodium_malloc(sizeof(*k));
	assert_non_null(k);
	for (size_t i = 0; i < DIM(cases); i++) {
		char why[KEYFILE_WHY_MAX] = "";
		int ret;

		chmod(path, 0600);
		write_file(cases[i].text, cases[i].mode != 0 ? cases[i].mode : 0600);
		ret = keyfile_read(path, k, why);
		if ((ret == 0) != (cases[i].why == NULL) ||
			strcmp(why, cases[i].why != NULL ? cases[i].why : "") != 0)
			fail_msg("%s: %d %s", cases[i].name, ret, why);
		if (ret < 0)
			continue;
		assert_int_equal(k->len, cases[i].len);
		for (size_t j = 0; j < k->len; j++)
			assert_int_equal(k->key[j], j % 16);
	}
	sodium_free(k);
}

static void test_owner_and_kind(void **state)
{
	char why[KEYFILE_WHY_MAX] = "";
	struct keyfile k;

	(void)state;
	assert_int_equal(keyfile_read("/nowhere/key", &k, why), -ENOENT);
	assert_string_equal(why, "No such file or directory");
	assert_int_equal(keyfile_read("/tmp", &k, why), -EINVAL);
	assert_string_equal(why, "is not a regular file");
	/* nobody waits for who writes into a pipe */
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(keyfile_read(path, &k, why), -EINVAL);
	assert_string_equal(why, "is not a regular file");
	unlink(path);
	write_file(HEX16, 0600);
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(path, 4242, 0), 0);
	assert_int_equal(keyfile_read(path, &k, why), -EINVAL);
	assert_string_equal(why, "belongs to user 4242, neither root nor hamd's");
	assert_int_equal(chown(path, 0, 0), 0);
}

/* The key is in conf->keys and nowhere that is shown. */
static void test_conf(void **state)
{
	static const uint8_t msg[] = "signed";
	char text[1024], err[256] = "", *shown = NULL;
	uint8_t a[MAC_LEN], b[MAC_LEN];
	struct mac_key *key = mac_keys_new(1);
	const struct conf_auth *auth;
	struct conf *c = NULL;
	size_t shown_len;
	struct mac *mac;
	FILE *f;

	(void)state;
	chmod(path, 0600);
	write_file(HEX16 "\n", 0600);
	snprintf(text, sizeof(text),
		"{\"ports\":[{\"name\":\"wan\",\"device\":\"net_null0\"}],\"domains\":[{"
		"\"name\":\"msp1\",\"mobile-prefixes\":[\"2001:db8:a::/48\"],"
		"\"home-agent-address\":\"2001:db8:a::1\",\"mobile-nodes\":["
		"{\"home-address\":\"2001:db8:a::101\",\"auth\":{\"type\":\"mn-ha\",\"spi\":256,"
		"\"key-file\":\"%s\",\"replay\":true,\"nai\":\"a@b\"}},"
		"{\"home-address\":\"2001:db8:a::100\",\"auth\":{\"type\":\"none\"}}]}]}",
		path);
	if (conf_parse("t.json", text, strlen(text), &c, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	auth = &c->domains[0].mobile_nodes[1].auth; /* sorted */
	assert_int_equal(auth->type, CONF_AUTH_MN_HA);
	assert_int_equal(auth->spi, 256);
	assert_true(auth->replay);
	assert_string_equal(auth->nai, "a@b");
	assert_true(auth->has_key);
	assert_int_equal(c->key_count, 1);
	assert_int_equal(c->warning_count, 1); /* the other one */

	assert_non_null(key);
	assert_int_equal(mac_new(&mac), 0);
	mac_key_set(mac, key,
		(const uint8_t *)"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
		16);
	mac_sign(mac, key, msg, sizeof(msg), a);
	mac_sign(mac, &c->keys[auth->key], msg, sizeof(msg), b);
	assert_true(mac_equal(a, b));

	f = open_memstream(&shown, &shown_len);
	assert_non_null(f);
	conf_print(c, f);
	fclose(f);
	assert_non_null(strstr(shown, "domains[0].mobile-nodes[1].auth.spi = 256\n"));
	assert_non_null(strstr(shown, "domains[0].mobile-nodes[1].auth.nai = \"a@b\"\n"));
	assert_null(strstr(shown, "mobile-nodes[0].auth.spi"));
	assert_non_null(strstr(shown, path));
	assert_null(strstr(shown, "00010203"));
	assert_null(strstr(conf_json(c), "00010203"));
	free(shown);
	conf_free(c);
	mac_free(mac);
	mac_keys_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_owner_and_kind),
		cmocka_unit_test(test_conf),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
