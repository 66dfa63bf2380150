/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "net/cksum.h"
#include "net/ext.h"
#include "net/ip6hdr.h"
#include "net/mh.h"
#include "rng.h"
#include "vectors.h"

/* A message with its right checksum between VEC_HOA and VEC_HA. */
static struct buf message(const char *hex)
{
	struct ip6_addr src = addr(VEC_HOA), dst = addr(VEC_HA);
	struct buf b = buf_from_hex(hex);

	if (b.n >= 8) {
		size_t n = (b.p[1] + 1u) * 8;
		uint16_t cksum;

		b.p[4] = b.p[5] = 0;
		cksum = net_cksum(&src, &dst, IP6_MH, b.p, (uint32_t)(n < b.n ? n : b.n));
		b.p[4] = (uint8_t)(cksum >> 8);
		b.p[5] = (uint8_t)cksum;
	}
	return b;
}

#define Z8  "0000000000000000"
#define Z16 Z8 Z8

/* In the order of RFC 6275, 9.2; least lengths of 6.1.2 to 6.1.9. */
static const struct {
	const char *name, *hex;
	enum mh_check ret;
	uint16_t len;
} check_cases[] = {
	{ "nothing", "", MH_TRUNCATED, 0 },
	{ "seven octets", "3b 00 00 00 00 00 00", MH_TRUNCATED, 0 },
	{ "shorter than it says",
		"3b 01 05 00 00 00 00 00"
		"00 00 00 00 00 00 00",
		MH_TRUNCATED, 0 },
	{ "BRR", "3b 00 00 00 0000 0000", MH_OK, 8 },
	{ "HoTI", "3b 01 01 00 0000 0000" Z8, MH_OK, 16 },
	{ "HoTI short", "3b 00 01 00 0000 0000", MH_BAD_LENGTH, 8 },
	{ "CoTI", "3b 01 02 00 0000 0000" Z8, MH_OK, 16 },
	{ "CoTI short", "3b 00 02 00 0000 0000", MH_BAD_LENGTH, 8 },
	{ "HoT", "3b 02 03 00 0000 0000" Z16, MH_OK, 24 },
	{ "HoT short", "3b 01 03 00 0000 0000" Z8, MH_BAD_LENGTH, 16 },
	{ "CoT", "3b 02 04 00 0000 0000" Z16, MH_OK, 24 },
	{ "CoT short", "3b 01 04 00 0000 0000" Z8, MH_BAD_LENGTH, 16 },
	{ "BU", "3b 01 05 00 0000 0000" Z8, MH_OK, 16 },
	{ "BU short", "3b 00 05 00 0000 0000", MH_BAD_LENGTH, 8 },
	{ "BA", "3b 01 06 00 0000 0000" Z8, MH_OK, 16 },
	{ "BA short", "3b 00 06 00 0000 0000", MH_BAD_LENGTH, 8 },
	{ "BE", "3b 02 07 00 0000 0100" Z16, MH_OK, 24 },
	{ "BE short", "3b 01 07 00 0000 0100" Z8, MH_BAD_LENGTH, 16 },
	{ "longer than the least", "3b 02 05 00 0000 0000" Z16, MH_OK, 24 },
	{ "something behind it", "3b 00 00 00 0000 0000 ff", MH_OK, 8 },
	{ "type 8", "3b 00 08 00 0000 0000", MH_UNKNOWN_TYPE, 8 },
	{ "heartbeat: not spoken here", "3b 01 0d 00 0000 0000" Z8, MH_UNKNOWN_TYPE, 16 },
	{ "type 255", "3b 00 ff 00 0000 0000", MH_UNKNOWN_TYPE, 8 },
	{ "a payload", "3a 01 05 00 0000 0000" Z8, MH_BAD_PROTO, 16 },
	{ "type before payload", "3a 00 ff 00 0000 0000", MH_UNKNOWN_TYPE, 8 },
	{ "payload before length", "3a 00 05 00 0000 0000", MH_BAD_PROTO, 8 },
};

static void test_check(void **state)
{
	struct ip6_addr src = addr(VEC_HOA), dst = addr(VEC_HA);

	(void)state;
	for (size_t i = 0; i < DIM(check_cases); i++) {
		struct buf b = message(check_cases[i].hex);
		struct mh_hdr h;
		enum mh_check got = mh_check(b.p, (uint16_t)b.n, &src, &dst, &h);

		if (got != check_cases[i].ret || h.len != check_cases[i].len)
			fail_msg("%s: %d, %u octets", check_cases[i].name, got, h.len);
		if (got != MH_TRUNCATED) {
			assert_int_equal(h.type, b.p[2]);
			b.p[4] ^= 0x10; /* the checksum comes before everything */
			assert_int_equal(
				mh_check(b.p, (uint16_t)b.n, &src, &dst, &h), MH_BAD_CHECKSUM);
		}
		buf_free(&b);
	}
}

/* The home address stands in for the care-of address in the checksum (RFC 6275, 6.1.1). */
static void test_check_addresses(void **state)
{
	struct ip6_addr hoa = addr(VEC_HOA), ha = addr(VEC_HA), coa = addr(VEC_COA);
	struct buf b = buf_from_hex(VEC_BU);
	struct mh_hdr h;

	(void)state;
	assert_int_equal(mh_check(b.p + 64, (uint16_t)(b.n - 64), &hoa, &ha, &h), MH_OK);
	assert_int_equal(h.type, MH_BU);
	assert_int_equal(h.len, 32);
	assert_int_equal(mh_check(b.p + 64, (uint16_t)(b.n - 64), &coa, &ha, &h), MH_BAD_CHECKSUM);
	buf_free(&b);
}

/* The Mobility Header of a scapy packet in a buffer of its own size. */
static struct buf mh_of(const char *hex)
{
	struct buf b = buf_from_hex(hex);
	struct ext_info x;
	struct buf mh;

	assert_int_equal(ext_walk(b.p, (uint16_t)b.n, EXT_TRANSIT, &x), EXT_OK);
	assert_int_equal(x.upper, IP6_MH);
	mh = buf_copy(b.p + x.upper_off, b.n - x.upper_off);
	buf_free(&b);
	return mh;
}

static void assert_same(const struct buf *want, const uint8_t *got, int len)
{
	assert_int_equal(len, want->n);
	assert_memory_equal(got, want->p, want->n);
}

static void test_bu_vectors(void **state)
{
	struct ip6_addr hoa = addr(VEC_HOA), ha = addr(VEC_HA), coa = addr(VEC_COA);
	struct buf b = mh_of(VEC_BU);
	struct mh_bu_msg bu;
	uint8_t buf[64];
	uint16_t at;

	(void)state;
	assert_int_equal(mh_bu_decode(b.p, (uint16_t)b.n, &bu, &at), 0);
	assert_int_equal(bu.seq, 0x1234);
	assert_int_equal(bu.flags, MH_BU_A | MH_BU_H | MH_BU_L | MH_BU_K);
	assert_int_equal(bu.lifetime, 60);
	assert_int_equal(bu.opts.present, 1ULL << MHOPT_ALT_COA);
	assert_true(ip6_eq(&bu.opts.alt_coa, &coa));
	/* scapy pads with PadN as we do: the same octets. */
	assert_same(&b, buf, mh_bu_encode(&bu, &hoa, &ha, buf, sizeof(buf)));
	buf_free(&b);

	b = mh_of(VEC_BU_HOME);
	assert_int_equal(mh_bu_decode(b.p, (uint16_t)b.n, &bu, &at), 0);
	assert_int_equal(bu.seq, 7);
	assert_int_equal(bu.flags, MH_BU_A | MH_BU_H);
	assert_int_equal(bu.lifetime, 0);
	assert_int_equal(bu.opts.present, 0);
	assert_same(&b, buf, mh_bu_encode(&bu, &hoa, &ha, buf, sizeof(buf)));
	buf_free(&b);
}

static void test_ba_vectors(void **state)
{
	struct ip6_addr hoa = addr(VEC_HOA), ha = addr(VEC_HA);
	struct buf b = mh_of(VEC_BA);
	struct mh_ba_msg ba;
	uint8_t buf[64];
	uint16_t at;

	(void)state;
	assert_int_equal(mh_ba_decode(b.p, (uint16_t)b.n, &ba, &at), 0);
	assert_int_equal(ba.status, HA_ACCEPTED);
	assert_int_equal(ba.flags, MH_BA_K);
	assert_int_equal(ba.seq, 0x1234);
	assert_int_equal(ba.lifetime, 45);
	assert_int_equal(ba.opts.present, 1ULL << MHOPT_REFRESH);
	assert_int_equal(ba.opts.refresh, 30);
	assert_same(&b, buf, mh_ba_encode(&ba, &ha, &hoa, buf, sizeof(buf)));
	for (uint16_t cap = 0; cap < b.n; cap++) {
		struct buf room = { malloc(cap + 1u), 0 };

		room.p = realloc(room.p, cap > 0 ? cap : 1);
		assert_int_equal(mh_ba_encode(&ba, &ha, &hoa, room.p, cap), -ENOSPC);
		buf_free(&room);
	}
	buf_free(&b);

	b = mh_of(VEC_BA_135);
	assert_int_equal(mh_ba_decode(b.p, (uint16_t)b.n, &ba, &at), 0);
	assert_int_equal(ba.status, HA_SEQUENCE);
	assert_int_equal(ba.seq, 255);
	assert_same(&b, buf, mh_ba_encode(&ba, &ha, &hoa, buf, sizeof(buf)));
	buf_free(&b);
}

static void test_be_vector(void **state)
{
	struct ip6_addr hoa = addr(VEC_HOA), ha = addr(VEC_HA), coa = addr(VEC_COA);
	struct buf b = mh_of(VEC_BE);
	struct mh_be_msg be;
	uint8_t buf[24];

	(void)state;
	assert_int_equal(mh_be_decode(b.p, (uint16_t)b.n, &be), 0);
	assert_int_equal(be.status, MH_BE_UNKNOWN_BINDING);
	assert_true(ip6_eq(&be.hoa, &hoa));
	assert_same(&b, buf, mh_be_encode(&be, &ha, &coa, buf, sizeof(buf)));
	assert_int_equal(mh_be_encode(&be, &ha, &coa, buf, sizeof(buf) - 1), -ENOSPC);
	assert_int_equal(mh_be_decode(b.p, (uint16_t)(b.n - 1), &be), -EBADMSG);
	buf_free(&b);
}

/* RFC 5142, 4: counts of addresses, with and without options; what runs past the end. */
static void test_switch(void **state)
{
	static const struct {
		const char *hex;
		int ret;
		unsigned count, at;
	} cases[] = {
		{ "3b 00 0c 00 0000 00 00", 0, 0, 0 },
		{ "3b 00 0c 00 0000 00 ff", 0, 0, 0 }, /* reserved */
		{ "3b 02 0c 00 0000 01 00" VEC_HEX_HA, 0, 1, 0 },
		{ "3b 03 0c 00 0000 01 00" VEC_HEX_HA "02 02 004b 01 02 0000", 0, 1, 0 },
		{ "3b 04 0c 00 0000 02 00" VEC_HEX_HA VEC_HEX_CN, 0, 2, 0 },
		{ "3b 02 0c 00 0000 02 00" VEC_HEX_HA, -EBADMSG, 0, 1 },
		{ "3b 00 0c 00 0000 ff 00", -EBADMSG, 0, 1 },
		{ "3b 03 0c 00 0000 01 00" VEC_HEX_HA "02 07 004b 01 02 0000", -EBADMSG, 0, 24 },
		{ "3b 00 0c", -EBADMSG, 0, 1 },
	};
	struct ip6_addr ha = addr(VEC_HA), hoa = addr(VEC_HOA), many[255];

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf b = buf_from_hex(cases[i].hex);
		struct mh_switch_msg sw;
		uint16_t at = 0;
		int ret = mh_switch_decode(b.p, (uint16_t)b.n, &sw, &at);

		if (ret != cases[i].ret || (ret < 0 && at != cases[i].at) ||
			(ret == 0 && sw.agent_count != cases[i].count))
			fail_msg("case %zu: %d, %u addresses, at %u", i, ret, sw.agent_count, at);
		if (ret == 0) {
			struct buf got = buf_copy(b.p, b.n);

			b.p[7] = 0;
			assert_int_equal(
				mh_switch_encode(&sw, &ha, &hoa, got.p, (uint16_t)b.n), b.n);
			assert_int_equal(net_cksum(&ha, &hoa, IP6_MH, got.p, (uint32_t)b.n), 0);
			got.p[4] = got.p[5] = 0;
			assert_memory_equal(got.p, b.p, b.n);
			assert_int_equal(
				mh_switch_encode(&sw, &ha, &hoa, got.p, (uint16_t)(b.n - 1)),
				-ENOSPC);
			buf_free(&got);
		}
		buf_free(&b);
	}
	/* the longest one there is, and what no length field says */
	for (unsigned n = 126; n <= 255; n++) {
		struct mh_switch_msg sw = { .agents = many, .agent_count = (uint8_t)n };
		uint8_t buf[4200];

		memset(many, 0x20, sizeof(many));
		assert_int_equal(mh_switch_encode(&sw, &ha, &hoa, buf, sizeof(buf)),
			n <= 127 ? (int)(8 + 16 * n) : -ENOSPC);
	}
}

static void test_rh2_vector(void **state)
{
	struct buf b = buf_from_hex(VEC_BA);
	struct ip6_addr hoa = addr(VEC_HOA);
	uint8_t rh2[MH_RH2_LEN];

	(void)state;
	memset(rh2, 0xff, sizeof(rh2));
	mh_rh2_write(rh2, IP6_MH, &hoa);
	assert_memory_equal(rh2, b.p + sizeof(struct net_ip6), sizeof(rh2));
	buf_free(&b);
}

/* Only the flags we know, in both directions; faults are named by their place. */
static void test_flags_and_faults(void **state)
{
	static const struct {
		const char *name, *hex;
		uint16_t bad_at;
	} faults[] = {
		{ "no sequence number", "3b 00 05 00 0000", 1 },
		{ "no lifetime", "3b 01 05 00 0000 0001 f000 00", 1 },
		{ "alt-coa past the end", "3b 01 05 00 0000 0001 f000 003c 00 03 10 20", 13 },
		{ "refresh of 3", "3b 01 05 00 0000 0001 f000 003c 02 03 00 00", 12 },
	};
	struct ip6_addr hoa = addr(VEC_HOA), ha = addr(VEC_HA);
	struct mh_bu_msg bu = { .flags = 0xffff };
	struct mh_ba_msg ba = { .flags = 0xff };
	uint8_t buf[16];
	uint16_t at;

	(void)state;
	assert_int_equal(mh_bu_encode(&bu, &hoa, &ha, buf, sizeof(buf)), 16);
	assert_int_equal(buf[8] << 8 | buf[9], 0xfe00);
	buf[9] = 0xff;
	assert_int_equal(mh_bu_decode(buf, 16, &bu, &at), 0);
	assert_int_equal(bu.flags, 0xfe00);
	assert_int_equal(mh_ba_encode(&ba, &ha, &hoa, buf, sizeof(buf)), 16);
	assert_int_equal(buf[7], 0xe0);
	buf[7] = 0xff;
	assert_int_equal(mh_ba_decode(buf, 16, &ba, &at), 0);
	assert_int_equal(ba.flags, 0xe0);
	for (size_t i = 0; i < DIM(faults); i++) {
		struct buf b = buf_from_hex(faults[i].hex);

		if (mh_bu_decode(b.p, (uint16_t)b.n, &bu, &at) != -EBADMSG ||
			at != faults[i].bad_at)
			fail_msg("BU, %s: at %u", faults[i].name, at);
		if (mh_ba_decode(b.p, (uint16_t)b.n, &ba, &at) != -EBADMSG ||
			at != faults[i].bad_at)
			fail_msg("BA, %s: at %u", faults[i].name, at);
		buf_free(&b);
	}
}

static void test_status_str(void **state)
{
	(void)state;
	for (unsigned s = 0; s <= UINT8_MAX; s++)
		assert_non_null(ha_status_str((uint8_t)s));
	assert_string_equal(ha_status_str(HA_SEQUENCE), "sequence number out of window");
	assert_string_equal(ha_status_str(200), "unknown status");
}

static void test_round_trip(void **state)
{
	uint64_t seed = 0x6120;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		struct mh_bu_msg in = { 0 }, out;
		struct ip6_addr src, dst;
		struct mh_hdr h;
		uint8_t buf[96];
		uint16_t at;
		int len;

		rng_fill(&seed, &src, sizeof(src));
		rng_fill(&seed, &dst, sizeof(dst));
		rng_fill(&seed, &in.opts, sizeof(in.opts));
		in.seq = (uint16_t)rng_next(&seed);
		in.flags = (uint16_t)rng_next(&seed) & 0xfe00;
		in.lifetime = (uint16_t)rng_next(&seed);
		in.opts.present &= 0x3c;
		len = mh_bu_encode(&in, &src, &dst, buf, sizeof(buf));
		assert_true(len > 0 && len % 8 == 0);
		assert_int_equal(mh_check(buf, (uint16_t)len, &src, &dst, &h), MH_OK);
		assert_int_equal(h.len, len);
		assert_int_equal(mh_bu_decode(buf, (uint16_t)len, &out, &at), 0);
		assert_int_equal(out.seq, in.seq);
		assert_int_equal(out.flags, in.flags);
		assert_int_equal(out.lifetime, in.lifetime);
		assert_int_equal(out.opts.present, in.opts.present);
		if (mh_opts_has(&in.opts, MHOPT_ALT_COA))
			assert_true(ip6_eq(&out.opts.alt_coa, &in.opts.alt_coa));
	}
}

/* Every message cut at every octet, and with bits flipped, in a buffer of its size. */
static void test_hostile(void **state)
{
	static const char *const all[] = { VEC_BU, VEC_BU_HOME, VEC_BA, VEC_BE, VEC_HOTI, VEC_BRR };
	struct ip6_addr src = addr(VEC_HOA), dst = addr(VEC_HA);
	uint64_t seed = 0x9200;

	(void)state;
	for (size_t i = 0; i < DIM(all); i++) {
		struct buf whole = mh_of(all[i]);

		for (size_t n = 0; n <= whole.n; n++) {
			for (unsigned k = 0; k < 200; k++) {
				struct buf b = buf_copy(whole.p, n);
				struct mh_bu_msg bu;
				struct mh_ba_msg ba;
				struct mh_be_msg be;
				struct mh_switch_msg sw;
				struct mh_hdr h;
				uint16_t at = 0xffff;

				if (n > 0 && k > 0)
					b.p[rng_below(&seed, n)] ^= (uint8_t)(1 << k % 8);
				if (mh_check(b.p, (uint16_t)n, &src, &dst, &h) != MH_TRUNCATED)
					assert_true(h.len <= n);
				if (mh_bu_decode(b.p, (uint16_t)n, &bu, &at) < 0)
					assert_true(at < n || at == 1);
				(void)mh_ba_decode(b.p, (uint16_t)n, &ba, &at);
				(void)mh_be_decode(b.p, (uint16_t)n, &be);
				if (mh_switch_decode(b.p, (uint16_t)n, &sw, &at) == 0)
					assert_true(8u + 16u * sw.agent_count <= n);
				buf_free(&b);
			}
		}
		buf_free(&whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_addresses),
		cmocka_unit_test(test_bu_vectors),
		cmocka_unit_test(test_ba_vectors),
		cmocka_unit_test(test_be_vector),
		cmocka_unit_test(test_switch),
		cmocka_unit_test(test_rh2_vector),
		cmocka_unit_test(test_flags_and_faults),
		cmocka_unit_test(test_status_str),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
