/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 2202, 3: the test cases of HMAC-SHA1, truncated to 96 bits as case 5 does it. */
#include "test.h"

#include "common/mac.h"

static const struct {
	const char *name;
	const char *key; /* hex, or an octet and how often */
	unsigned times;
	const char *text; /* itself, or NULL: */
	const char *hex;
	unsigned hex_times;
	const char *tag;
} cases[] = {
	{ "1", "0b", 20, "Hi There", NULL, 0, "b617318655057264e28bc0b6" },
	{ "2", "4a656665", 1, "what do ya want for nothing?", NULL, 0, "effcdf6ae5eb2fa2d27416d5" },
	{ "3", "aa", 20, NULL, "dd", 50, "125d7342b9ac11cd91a39af4" },
	{ "4", "0102030405060708090a0b0c0d0e0f10111213141516171819", 1, NULL, "cd", 50,
		"4c9007f4026250c6bc8414f9" },
	{ "5", "0c", 20, "Test With Truncation", NULL, 0, "4c1a03424b55e07fe7f27be1" },
	{ "6", "aa", 80, "Test Using Larger Than Block-Size Key - Hash Key First", NULL, 0,
		"aa4ae5e15272d00e95705637" },
	{ "7", "aa", 80,
		"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data", NULL,
		0, "e8e99d0f45237d786d6bbaa7" },
};

/* hex, n times over, in a buffer of exactly its size. */
static struct buf repeated(const char *hex, unsigned n)
{
	struct buf once = buf_from_hex(hex);
	struct buf all = { .p = malloc(once.n * n), .n = once.n * n };

	assert_non_null(all.p);
	for (unsigned i = 0; i < n; i++)
		memcpy(all.p + i * once.n, once.p, once.n);
	buf_free(&once);
	return all;
}

static void test_rfc2202(void **state)
{
	struct mac_key *keys = mac_keys_new(DIM(cases));
	struct mac *mac;

	(void)state;
	assert_non_null(keys);
	assert_int_equal(mac_new(&mac), 0);
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf key = repeated(cases[i].key, cases[i].times);

		mac_key_set(mac, &keys[i], key.p, key.n);
		buf_free(&key);
	}
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf msg = cases[i].text != NULL ? buf_copy((const uint8_t *)cases[i].text,
								 strlen(cases[i].text))
						       : repeated(cases[i].hex, cases[i].hex_times);
		struct buf want = buf_from_hex(cases[i].tag);
		struct buf tag = { .p = malloc(MAC_LEN), .n = MAC_LEN };

		assert_non_null(tag.p);
		mac_sign(mac, &keys[i], msg.p, msg.n, tag.p);
		if (!mac_equal(tag.p, want.p))
			fail_msg("test case %s", cases[i].name);
		tag.p[MAC_LEN - 1] ^= 1;
		assert_false(mac_equal(tag.p, want.p));
		buf_free(&msg);
		buf_free(&want);
		buf_free(&tag);
	}
	mac_free(mac);
	mac_keys_free(keys);
}

/* Longest message, twice: nothing is left over from the one before. */
static void test_longest(void **state)
{
	struct mac_key *keys = mac_keys_new(1);
	struct buf msg = repeated("5a", MAC_MSG_MAX);
	uint8_t a[MAC_LEN], b[MAC_LEN], c[MAC_LEN];
	struct mac *mac;

	(void)state;
	assert_non_null(keys);
	assert_int_equal(mac_new(&mac), 0);
	mac_key_set(mac, keys, (const uint8_t *)"0123456789abcdef", 16);
	mac_sign(mac, keys, msg.p, msg.n, a);
	mac_sign(mac, keys, msg.p, msg.n - 1, b);
	mac_sign(mac, keys, msg.p, msg.n, c);
	assert_true(mac_equal(a, c));
	assert_false(mac_equal(a, b));
	buf_free(&msg);
	mac_free(mac);
	mac_keys_free(keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc2202),
		cmocka_unit_test(test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
