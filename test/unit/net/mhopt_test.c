/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "net/mhopt.h"
#include "rng.h"
#include "vectors.h"

#define REFRESH  (1ULL << MHOPT_REFRESH)
#define ALT_COA  (1ULL << MHOPT_ALT_COA)
#define NONCE    (1ULL << MHOPT_NONCE)
#define AUTH     (1ULL << MHOPT_AUTH_DATA)
#define AUTH_HEX "0102030405060708090a0b0c"
#define MN_ID    (1ULL << MHOPT_MN_ID)
#define MN_AUTH  (1ULL << MHOPT_MN_AUTH)
#define REPLAY   (1ULL << MHOPT_REPLAY)
#define MN_HA    "09 11 01 00000100" AUTH_HEX
#define MN_AAA   "09 09 02 00000003 aabbccdd"

/* Options alone; offsets count from them. */
static const struct {
	const char *name, *hex;
	int ret;
	uint16_t bad_at;
	uint64_t present;
} decode_cases[] = {
	{ "nothing", "", 0, 0, 0 },
	{ "pad1 only", "00 00 00 00", 0, 0, 0 },
	{ "padn, its octets ignored", "01 02 ff ff 01 00", 0, 0, 0 },
	{ "padn past the end", "00 01 05 00 00", -EBADMSG, 1, 0 },
	{ "type without a length", "00 00 02", -EBADMSG, 2, 0 },
	{ "pad1 needs no length", "01 00 00", 0, 0, 0 },
	{ "unknown is skipped", "7f 02 aa bb 02 02 00 3c", 0, 0, REFRESH },
	{ "unknown of length 0", "7f 00 02 02 00 3c", 0, 0, REFRESH },
	{ "unknown above the table", "ff 01 00 06 02 00 00", 0, 0, 0 },
	{ "unknown past the end", "02 02 00 3c 7f 03 aa bb", -EBADMSG, 4, REFRESH },
	{ "length past the end", "01 ff 00", -EBADMSG, 0, 0 },

	{ "refresh of 1", "02 01 00 00", -EBADMSG, 0, 0 },
	{ "refresh of 3", "02 03 00 00 00", -EBADMSG, 0, 0 },
	{ "refresh of 0", "02 00", -EBADMSG, 0, 0 },
	{ "alt-coa", "03 10" VEC_HEX_COA, 0, 0, ALT_COA },
	{ "alt-coa cut short", "00 03 10 20 01", -EBADMSG, 1, 0 },
	{ "alt-coa of 15", "03 0f 200100000000000000000000000000", -EBADMSG, 0, 0 },
	{ "alt-coa at any offset", "00 00 00 03 10" VEC_HEX_COA, 0, 0, ALT_COA },
	{ "nonce indices", "04 04 11 12 21 22", 0, 0, NONCE },
	{ "nonce indices of 2", "04 02 11 12", -EBADMSG, 0, 0 },
	{ "all", "02 02 00 1e 04 04 11 12 21 22 03 10" VEC_HEX_COA "05 0c" AUTH_HEX, 0, 0,
		REFRESH | ALT_COA | NONCE | AUTH },
	{ "twice", "02 02 00 1e 00 00 02 02 00 1e", -EBADMSG, 6, REFRESH },
	{ "unknown twice", "7f 00 7f 00", 0, 0, 0 },
	/* RFC 6275, 6.2: last, without padding behind it. */
	{ "authorization data", "05 0c" AUTH_HEX, 0, 0, AUTH },
	{ "authorization data, padding", "05 0c" AUTH_HEX "00 00", -EBADMSG, 0, 0 },
	{ "authorization data, then more", "00 05 0c" AUTH_HEX "02 02 00 1e", -EBADMSG, 1, 0 },
	{ "authorization data of 10", "05 0a 01020304050607080900", -EBADMSG, 0, 0 },
	/* RFC 4283 */
	{ "nai", "08 04 01 614062", 0, 0, MN_ID },
	{ "nai of one octet", "08 02 01 61", 0, 0, MN_ID },
	{ "nai of nothing", "08 01 01", -EBADMSG, 0, 0 },
	{ "identifier without a subtype is none of ours", "08 00", 0, 0, 0 },
	{ "identifier of another kind", "08 03 02 6162", 0, 0, 0 },
	{ "nai twice", "08 02 01 61 08 02 01 61", -EBADMSG, 4, MN_ID },
	{ "nai past the end", "08 04 01 6140", -EBADMSG, 0, 0 },
	/* RFC 4285 */
	{ "replay protection", "0a 08 0102030405060708", 0, 0, REPLAY },
	{ "replay protection of 4", "0a 04 01020304", -EBADMSG, 0, 0 },
	{ "mn-ha", MN_HA, 0, 0, MN_AUTH },
	{ "mn-ha, padding", MN_HA "00 01 01 00", 0, 0, MN_AUTH },
	{ "mn-ha, mn-aaa", MN_HA MN_AAA "00", 0, 0, MN_AUTH },
	{ "mn-ha, mn-aaa twice", MN_HA MN_AAA MN_AAA, -EBADMSG, 30, MN_AUTH },
	{ "mn-aaa alone", MN_AAA "00", 0, 0, 0 },
	{ "mn-aaa, then mn-ha", MN_AAA MN_HA, -EBADMSG, 11, 0 },
	{ "mn-aaa, then more", MN_AAA "02 02 00 1e", -EBADMSG, 11, 0 },
	{ "mn-ha twice", MN_HA MN_HA, -EBADMSG, 19, MN_AUTH },
	{ "mn-ha, then more", MN_HA "02 02 00 1e", -EBADMSG, 19, MN_AUTH },
	{ "mn-ha, then unknown", MN_HA "7f 00", -EBADMSG, 19, MN_AUTH },
	{ "mn-ha, then nai", MN_HA "08 02 01 61", -EBADMSG, 19, MN_AUTH },
	{ "mn-ha, then authorization data", MN_HA "05 0c" AUTH_HEX, -EBADMSG, 19, MN_AUTH },
	{ "mn-ha of 16", "09 10 01 00000100 0102030405060708090a0b", -EBADMSG, 0, 0 },
	{ "mn-ha of 18", "09 12 01 00000100" AUTH_HEX "0d", -EBADMSG, 0, 0 },
	{ "mn-ha past the end", "09 11 01 00000100 0102030405060708090a0b", -EBADMSG, 0, 0 },
};

static void test_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(decode_cases); i++) {
		struct buf b = buf_from_hex(decode_cases[i].hex);
		struct mh_opts opts;
		uint16_t at = 0;
		int ret;

		memset(&opts, 0xff, sizeof(opts));
		ret = mhopt_decode(net_rd_init(b.p, b.n), &opts, &at);
		buf_free(&b);
		if (ret != decode_cases[i].ret || opts.present != decode_cases[i].present)
			fail_msg("%s: got %d, present %#llx", decode_cases[i].name, ret,
				(unsigned long long)opts.present);
		if (ret < 0 && at != decode_cases[i].bad_at)
			fail_msg("%s: fault at %u", decode_cases[i].name, at);
	}
}

static void test_values(void **state)
{
	struct buf b =
		buf_from_hex("02 02 01 1e 04 04 11 12 21 22 03 10" VEC_HEX_COA "05 0c" AUTH_HEX);
	struct ip6_addr coa = addr(VEC_COA);
	struct mh_opts opts;
	uint16_t at;

	(void)state;
	assert_int_equal(mhopt_decode(net_rd_init(b.p, b.n), &opts, &at), 0);
	assert_int_equal(opts.refresh, 0x011e);
	assert_int_equal(opts.home_nonce, 0x1112);
	assert_int_equal(opts.coa_nonce, 0x2122);
	assert_memory_equal(&opts.alt_coa, &coa, sizeof(coa));
	assert_memory_equal(opts.auth_data, b.p + b.n - 12, 12);
	assert_true(mh_opts_has(&opts, MHOPT_NONCE));
	assert_false(mh_opts_has(&opts, MHOPT_PADN));
	assert_false(mh_opts_has(&opts, 64 + MHOPT_NONCE));
	buf_free(&b);
}

static void test_authentication(void **state)
{
	struct buf b = buf_from_hex(
		"08 04 01 614062 0a 08 e1234567 89abcdef 09 11 01 fffffffe" AUTH_HEX "00");
	struct mh_opts opts;
	uint16_t at;

	(void)state;
	assert_int_equal(mhopt_decode(net_rd_init(b.p, b.n), &opts, &at), 0);
	assert_int_equal(opts.nai_len, 3);
	assert_memory_equal(opts.nai, "a@b", 3);
	assert_true(opts.timestamp == 0xe123456789abcdef);
	assert_int_equal(opts.spi, 0xfffffffe);
	assert_int_equal(opts.mac_at, b.n - 1 - MHOPT_MAC_LEN);
	assert_memory_equal(opts.mac, b.p + opts.mac_at, MHOPT_MAC_LEN);
	buf_free(&b);
}

/* Behind `before` octets of a message: alignments of RFC 6275, 6.2.4 to 6.2.7. */
static const struct {
	const char *name;
	uint64_t present;
	unsigned before;
	const char *hex;
} encode_cases[] = {
	{ "nothing, aligned", 0, 8, "" },
	{ "nothing behind a BU", 0, 12, "01 02 00 00" },
	{ "one octet is Pad1", 0, 15, "00" },
	{ "two are PadN", 0, 14, "01 00" },
	{ "refresh 2n", REFRESH, 12, "02 02 00 1e" },
	{ "refresh at an odd offset", REFRESH, 11, "00 02 02 00 1e" },
	{ "alt-coa 8n+6", ALT_COA, 12, "01 00 03 10" VEC_HEX_COA },
	{ "alt-coa far from it", ALT_COA, 15, "01 05 00 00 00 00 00 03 10" VEC_HEX_COA },
	{ "nonce 2n", NONCE, 12, "04 04 11 12 21 22 01 04 00 00 00 00" },
	{ "authorization data 8n+2, nothing behind", AUTH, 12, "01 04 00 00 00 00 05 0c" AUTH_HEX },
	{ "a correspondent's update", NONCE | AUTH, 12, "04 04 11 12 21 22 05 0c" AUTH_HEX },
	{ "all", REFRESH | ALT_COA | NONCE | AUTH, 12,
		"02 02 00 1e 01 04 00 00 00 00 03 10" VEC_HEX_COA
		"04 04 11 12 21 22 01 02 00 00 05 0c" AUTH_HEX },
	{ "mn-ha 8n+5: ends the message", MN_AUTH, 12, "00" MN_HA },
	{ "mn-ha behind alt-coa", ALT_COA | MN_AUTH, 12,
		"01 00 03 10" VEC_HEX_COA "01 03 00 00 00" MN_HA },
	{ "replay protection 8n+2, mn-ha last", REPLAY | MN_AUTH, 12,
		"01 04 00 00 00 00 0a 08 e1234567 89abcdef 00" MN_HA },
	{ "nai anywhere", REFRESH | MN_ID, 12, "02 02 00 1e 08 04 01 614062 01 00" },
	{ "unknown ones are not written", REFRESH | 1ULL << 63 | 3, 12, "02 02 00 1e" },
};

static struct mh_opts some_opts(uint64_t present)
{
	struct mh_opts o = { .present = present,
		.refresh = 30,
		.home_nonce = 0x1112,
		.coa_nonce = 0x2122,
		.alt_coa = addr(VEC_COA),
		.nai = (const uint8_t *)"a@b",
		.nai_len = 3,
		.timestamp = 0xe123456789abcdef,
		.spi = 256 };

	for (unsigned i = 0; i < sizeof(o.auth_data); i++)
		o.auth_data[i] = o.mac[i] = (uint8_t)(i + 1);
	return o;
}

static void test_encode(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(encode_cases); i++) {
		struct mh_opts opts = some_opts(encode_cases[i].present);
		struct buf want = buf_from_hex(encode_cases[i].hex);
		size_t n = encode_cases[i].before + want.n;

		/* Every room that is too small is refused, the exact one is enough. */
		for (size_t cap = encode_cases[i].before; cap <= n; cap++) {
			struct buf b = { malloc(cap), cap };
			struct net_wr w = net_wr_init(b.p, b.n);

			assert_non_null(b.p);
			net_wr_zero(&w, encode_cases[i].before);
			mhopt_encode(&w, &opts);
			if (w.bad != (cap < n))
				fail_msg("%s: room %zu of %zu", encode_cases[i].name, cap, n);
			if (cap == n && (net_wr_len(&w) != n || memcmp(b.p + encode_cases[i].before,
									want.p, want.n) != 0))
				fail_msg("%s: other octets", encode_cases[i].name);
			buf_free(&b);
		}
		buf_free(&want);
	}
}

/* What was written is read again, wherever the options start. */
static void test_round_trip(void **state)
{
	(void)state;
	for (uint64_t present = 0; present < 2048; present += 4) {
		if ((present & 0xc0) != 0 || (present & AUTH && present & MN_AUTH))
			continue; /* no such options; two that must be last */
		for (unsigned before = 0; before < 16; before++) {
			struct mh_opts in = some_opts(present), out;
			uint8_t buf[160];
			struct net_wr w = net_wr_init(buf, sizeof(buf));
			struct net_rd r;
			uint16_t at;

			net_wr_zero(&w, before);
			mhopt_encode(&w, &in);
			assert_false(w.bad);
			assert_int_equal(net_wr_len(&w) % 8, 0);
			r = net_rd_init(buf, net_wr_len(&w));
			net_rd_bytes(&r, before);
			assert_int_equal(mhopt_decode(r, &out, &at), 0);
			assert_int_equal(out.present, present);
			if (present & REFRESH)
				assert_int_equal(out.refresh, in.refresh);
			if (present & ALT_COA)
				assert_true(ip6_eq(&out.alt_coa, &in.alt_coa));
			if (present & NONCE)
				assert_int_equal(out.coa_nonce, in.coa_nonce);
			if (present & AUTH)
				assert_memory_equal(out.auth_data, in.auth_data, 12);
			if (present & MN_ID)
				assert_memory_equal(out.nai, in.nai, in.nai_len);
			if (present & REPLAY)
				assert_true(out.timestamp == in.timestamp);
			if (present & MN_AUTH) {
				assert_int_equal(out.spi, in.spi);
				assert_memory_equal(out.mac, in.mac, MHOPT_MAC_LEN);
				assert_int_equal(out.mac_at, net_wr_len(&w) - MHOPT_MAC_LEN);
			}
		}
	}
}

/* Random octets in buffers of their size: never read outside, the fault lies inside. */
static void test_hostile(void **state)
{
	uint64_t seed = 0x6275;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		size_t n = rng_below(&seed, 64);
		uint8_t *p = malloc(n > 0 ? n : 1);
		struct mh_opts opts;
		uint16_t at = 0xffff;

		assert_non_null(p);
		for (size_t k = 0; k < n; k++) /* small numbers: types and lengths that fit */
			p[k] = (uint8_t)rng_below(&seed, i % 2 == 0 ? 12 : 256);
		if (mhopt_decode(net_rd_init(p, n), &opts, &at) < 0)
			assert_true(at < n);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_authentication),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
