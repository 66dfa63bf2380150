/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "net/ext.h"
#include "net/ip6hdr.h"
#include "rng.h"
#include "vectors.h"

#define PAD4               "01 02 00 00"
#define PAD6               "01 04 00 00 00 00"
#define OPT_HAO            "c9 10" VEC_HEX_HOA
#define ECHO8              "80 00 00 00 00 00 00 00"
#define X4(s)              s s s s
#define X16(s)             X4(s) X4(s) X4(s) X4(s)
#define X30(s)             X16(s) X4(s) X4(s) X4(s) s s
#define DST(nh)            nh " 00" PAD6 /* an empty Destination Options header */
#define HAO(nh)            nh " 02" PAD4 OPT_HAO /* option at +6 */
#define RH(nh, type, left) nh " 02" type left "00 00 00 00" VEC_HEX_CN
#define FRAG(nh, field)    nh " 00" field "00 00 ab cd"

/* An IPv6 header from VEC_COA to VEC_HA, then what hex says, in a buffer of the exact size. */
static struct buf packet(uint8_t nh, const char *hex)
{
	struct ip6_addr src = addr(VEC_COA), dst = addr(VEC_HA);
	struct buf rest = buf_from_hex(hex);
	struct buf b = { malloc(sizeof(struct net_ip6) + rest.n), sizeof(struct net_ip6) + rest.n };

	assert_non_null(b.p);
	net_ip6_fill((struct net_ip6 *)b.p, (uint16_t)rest.n, nh, 64, &src, &dst);
	memcpy(b.p + sizeof(struct net_ip6), rest.p, rest.n);
	buf_free(&rest);
	return b;
}

/* Offsets count from the IPv6 header: the first extension header is at 40. */
static const struct {
	const char *name;
	uint8_t nh;
	const char *hex;
	enum ext_verdict to_us, transit;
	uint16_t bad_off;
	uint8_t upper, flags; /* of the walk to us */
	uint16_t upper_off, hao_off, rh_off, frag_off, limit_off;
} cases[] = {
	{ "no extension header", 58, ECHO8, .upper = 58, .upper_off = 40 },
	{ "no next header, nothing", 59, "", .upper = 59, .upper_off = 40 },
	{ "ESP is an upper layer", 50, ECHO8, .upper = 50, .upper_off = 40 },
	{ "unknown next header", 253, ECHO8, .upper = 253, .upper_off = 40 },
	{ "empty destination options", 60, DST("3a") ECHO8, .upper = 58, .upper_off = 48 },
	{ "no next header behind one", 60, DST("3b"), .upper = 59, .upper_off = 48 },
	{ "upper layer not there", 60, DST("3a"), .upper = 58, .upper_off = 48 },
	{ "all headers in RFC 8200's order", 0,
		DST("3c") DST("2b") RH("2c", "00", "00") FRAG("33", "00 00") DST("3c") DST("3a")
			ECHO8,
		.upper = 58, .upper_off = 104, .flags = EXT_RH | EXT_ATOMIC, .rh_off = 56,
		.frag_off = 80 },
	{ "AH of 24 octets is walked over", 51, "87 04 00 00" X4("00 00 00 00 00") ECHO8,
		.upper = 135, .upper_off = 64 },

	/* Hop-by-hop comes first or not at all (RFC 8200, 4). */
	{ "hop-by-hop second", 60, DST("00") DST("3a") ECHO8, EXT_BAD_ORDER, .bad_off = 40,
		.upper = 0 },
	{ "hop-by-hop twice", 0, DST("00") DST("3a") ECHO8, EXT_BAD_ORDER, .bad_off = 40,
		.upper = 0 },

	/* Unknown options by the two highest bits of their type (RFC 8200, 4.2). */
	{ "action 00: skipped", 60, "3a 00 1e 04 00 00 00 00" ECHO8, .upper = 58, .upper_off = 48 },
	{ "action 01: silent", 60, "3a 00 5e 04 00 00 00 00" ECHO8, EXT_BAD_OPTION_DROP,
		.upper = 60 },
	{ "action 10", 60, "3a 00 9e 04 00 00 00 00" ECHO8, EXT_BAD_OPTION, .bad_off = 42,
		.upper = 60 },
	{ "action 11", 0, "3a 00 01 00 de 02 00 00" ECHO8, EXT_BAD_OPTION_UNI, .bad_off = 44,
		.upper = 0 },
	{ "jumbo payload is unknown here", 0, "3a 00 c2 04 00 01 00 00" ECHO8, EXT_BAD_OPTION_UNI,
		.bad_off = 42, .upper = 0 },
	{ "router alert", 0, "3a 00 05 02 00 00 01 00" ECHO8, .upper = 58, .upper_off = 48 },
	{ "HAO in hop-by-hop is unknown there", 0, HAO("3a") ECHO8, EXT_BAD_OPTION_UNI,
		.bad_off = 46, .upper = 0 },
	{ "option runs past its header", 60, "3a 00 00 00 1e 03 00 00" ECHO8, EXT_BAD_LENGTH,
		.bad_off = 45, .upper = 60 },
	{ "type without a length", 60, "3a 00 01 03 00 00 00 1e" ECHO8, EXT_BAD_LENGTH,
		.bad_off = 47, .upper = 60 },
	{ "padding runs past its header", 60, "3a 00 01 05 00 00 00 00" ECHO8, EXT_BAD_LENGTH,
		.bad_off = 43, .upper = 60 },

	/* Home Address option (RFC 6275, 6.3, 9.3.1). */
	{ "HAO before a Mobility Header", 60, HAO("87") ECHO8, .upper = 135, .upper_off = 64,
		.flags = EXT_HAO, .hao_off = 46 },
	{ "HAO before ESP", 60, HAO("32") ECHO8, .upper = 50, .upper_off = 64, .flags = EXT_HAO,
		.hao_off = 46 },
	{ "HAO before AH and a Mobility Header", 60,
		HAO("33") "87 04 00 00" X4("00 00 00 00 00") ECHO8, .upper = 135, .upper_off = 88,
		.flags = EXT_HAO, .hao_off = 46 },
	{ "HAO before something else", 60, HAO("3a") ECHO8, .upper = 58, .upper_off = 64,
		.flags = EXT_HAO, .hao_off = 46 },
	{ "HAO not at 8n+6 is taken", 60, "3a 02" OPT_HAO PAD4 ECHO8, .upper = 58, .upper_off = 64,
		.flags = EXT_HAO, .hao_off = 42 },
	{ "HAO after a routing header, before a fragment", 43,
		RH("3c", "00", "00") HAO("2c") FRAG("3a", "00 00") ECHO8, .upper = 58,
		.upper_off = 96, .flags = EXT_HAO | EXT_RH | EXT_ATOMIC, .hao_off = 70,
		.rh_off = 40, .frag_off = 88 },
	{ "HAO before a routing header", 60, HAO("2b") RH("3a", "00", "00") ECHO8, EXT_BAD_ORDER,
		.upper = 43, .flags = EXT_HAO | EXT_RH, .hao_off = 46, .rh_off = 64 },
	{ "HAO after a fragment", 44, FRAG("3c", "00 00") HAO("87") ECHO8, EXT_BAD_ORDER,
		.upper = 60, .flags = EXT_ATOMIC, .frag_off = 40 },
	{ "HAO after AH", 51, "3c 04 00 00" X4("00 00 00 00 00") HAO("87") ECHO8, EXT_BAD_ORDER,
		.upper = 60 },
	{ "HAO twice in two headers", 60, HAO("3c") HAO("87") ECHO8, EXT_BAD_ORDER, .upper = 60,
		.flags = EXT_HAO, .hao_off = 46 },
	{ "HAO twice in one", 60, "87 04 01 00" OPT_HAO OPT_HAO ECHO8, EXT_BAD_ORDER, .upper = 60,
		.flags = EXT_HAO, .hao_off = 44 },
	{ "HAO of 15 octets", 60, "87 02" PAD4 "c9 0f" VEC_HEX_HOA ECHO8, EXT_BAD_LENGTH,
		.bad_off = 47, .upper = 60 },
	{ "HAO multicast", 60, "87 02" PAD4 "c9 10 ff02 0000 0000 0000 0000 0000 0000 0001" ECHO8,
		EXT_HAO_REFUSED, .bad_off = 46, .upper = 135, .upper_off = 64, .flags = EXT_HAO,
		.hao_off = 46 },
	{ "HAO link-local", 60, "3a 02" PAD4 "c9 10 fe80 0000 0000 0000 0000 0000 0000 0001" ECHO8,
		EXT_HAO_REFUSED, .bad_off = 46, .upper = 58, .upper_off = 64, .flags = EXT_HAO,
		.hao_off = 46 },
	{ "HAO unspecified", 60, "87 02" PAD4 "c9 10" X16("00") ECHO8, EXT_HAO_REFUSED,
		.bad_off = 46, .upper = 135, .upper_off = 64, .flags = EXT_HAO, .hao_off = 46 },

	/* Routing headers (RFC 5095, 3; RFC 8200, 4.4; RFC 6275, 6.4, 8.2). */
	{ "RH0, nothing left", 43, RH("3a", "00", "00") ECHO8, .upper = 58, .upper_off = 64,
		.flags = EXT_RH, .rh_off = 40 },
	{ "RH0, one left", 43, RH("3a", "00", "01") ECHO8, EXT_RH_REFUSED, .bad_off = 42,
		.upper = 43, .flags = EXT_RH, .rh_off = 40 },
	{ "RH2, one left", 43, RH("3a", "02", "01") ECHO8, EXT_RH2, .upper = 43, .flags = EXT_RH,
		.rh_off = 40 },
	{ "RH2, nothing left", 43, RH("3a", "02", "00") ECHO8, .upper = 58, .upper_off = 64,
		.flags = EXT_RH, .rh_off = 40 },
	{ "segment routing, two left", 60, DST("2b") RH("3a", "04", "02") ECHO8, EXT_RH_REFUSED,
		.bad_off = 50, .upper = 43, .flags = EXT_RH, .rh_off = 48 },
	{ "unknown type, nothing left", 43, RH("3a", "fd", "00") ECHO8, .upper = 58,
		.upper_off = 64, .flags = EXT_RH, .rh_off = 40 },

	/* Fragments (RFC 8200, 4.5; RFC 6946). */
	{ "atomic", 44, FRAG("3a", "00 00") ECHO8, .upper = 58, .upper_off = 48,
		.flags = EXT_ATOMIC, .frag_off = 40 },
	{ "atomic, reserved bits set", 44, FRAG("3a", "00 06") ECHO8, .upper = 58, .upper_off = 48,
		.flags = EXT_ATOMIC, .frag_off = 40 },
	{ "first", 44, FRAG("3a", "00 01") ECHO8, .upper = 58, .upper_off = 48,
		.flags = EXT_FRAGMENT, .frag_off = 40 },
	{ "second: what looks like a header is none", 44, FRAG("3c", "00 09") HAO("87"),
		.upper = 44, .flags = EXT_FRAGMENT | EXT_NOT_FIRST, .frag_off = 40 },
	{ "last", 44, FRAG("3a", "00 08") ECHO8, .upper = 44, .flags = EXT_FRAGMENT | EXT_NOT_FIRST,
		.frag_off = 40 },
	{ "first without its upper layer", 44, FRAG("3a", "00 01"), EXT_TRUNCATED, .upper = 58,
		.flags = EXT_FRAGMENT, .frag_off = 40 },
	{ "first, cut in its headers", 44, FRAG("3c", "00 01") "3a 01" PAD6, EXT_TRUNCATED,
		EXT_TRUNCATED, .upper = 60, .flags = EXT_FRAGMENT, .frag_off = 40 },
	{ "first, no next header", 44, FRAG("3b", "00 01"), .upper = 59, .upper_off = 48,
		.flags = EXT_FRAGMENT, .frag_off = 40 },
	{ "first, behind options", 60, DST("2c") FRAG("3a", "00 01") ECHO8, .upper = 58,
		.upper_off = 56, .flags = EXT_FRAGMENT, .frag_off = 48 },
	{ "a fragment of a fragment", 44, FRAG("2c", "00 01") FRAG("3a", "00 01") ECHO8,
		EXT_BAD_ORDER, .upper = 44, .flags = EXT_FRAGMENT, .frag_off = 40 },
	{ "a fragment in an atomic one", 44, FRAG("2c", "00 00") FRAG("3a", "00 08") ECHO8,
		EXT_BAD_ORDER, .upper = 44, .flags = EXT_ATOMIC, .frag_off = 40 },
	{ "atomic twice", 44, FRAG("2c", "00 00") FRAG("3a", "00 00") ECHO8, EXT_BAD_ORDER,
		.upper = 44, .flags = EXT_ATOMIC, .frag_off = 40 },

	/* Tunnel Encapsulation Limit (RFC 2473, 4.1.1). */
	{ "limit", 60, "29 00 04 01 03 01 01 00" ECHO8, .upper = 41, .upper_off = 48,
		.flags = EXT_LIMIT, .limit_off = 42 },
	{ "limit of two octets", 60, "29 00 04 02 03 03 01 00" ECHO8, EXT_BAD_LENGTH, .bad_off = 43,
		.upper = 60 },
	{ "two limits: the first counts", 60, "29 00 04 01 03 04 01 05" ECHO8, .upper = 41,
		.upper_off = 48, .flags = EXT_LIMIT, .limit_off = 42 },
	{ "limit in hop-by-hop is none", 0, "29 00 04 01 03 01 01 00" ECHO8, .upper = 41,
		.upper_off = 48 },

	/* Cut off. */
	{ "header not there", 60, "", EXT_TRUNCATED, EXT_TRUNCATED, .upper = 60 },
	{ "seven octets", 60,
		"3a 00"
		"00 00 00 00 00",
		EXT_TRUNCATED, EXT_TRUNCATED, .upper = 60 },
	{ "longer than the packet", 60, "3a 01" PAD6, EXT_TRUNCATED, EXT_TRUNCATED, .upper = 60 },
	{ "AH longer than the packet", 51, "3a 04 00 00 00 00 00 00", EXT_TRUNCATED, EXT_TRUNCATED,
		.upper = 51 },

	/* Our bounds. */
	{ "8 headers", 60, X4(DST("3c")) DST("3c") DST("3c") DST("3c") DST("3a") ECHO8, .upper = 58,
		.upper_off = 104 },
	{ "9 headers", 60, X4(DST("3c")) X4(DST("3c")) DST("3a") ECHO8, EXT_TOO_MANY, EXT_TOO_MANY,
		.upper = 60 },
	{ "32 options", 60, "3c 03" X30("00") "3a 00 00 01 03 00 00 00" ECHO8, .upper = 58,
		.upper_off = 80 },
	{ "33 options", 60, "3c 03" X30("00") "3a 00 00 00 01 02 00 00" ECHO8, EXT_TOO_MANY,
		EXT_TOO_MANY, .upper = 60 },
};

/* The cases' rows where `upper` is filled as far as the walk came are checked like the others. */
static void check_case(size_t i, const struct buf *b, enum ext_mode mode)
{
	enum ext_verdict want = mode == EXT_TO_US ? cases[i].to_us : cases[i].transit;
	struct ext_info x;
	enum ext_verdict got;

	memset(&x, 0xff, sizeof(x));
	got = ext_walk(b->p, (uint16_t)b->n, mode, &x);
	if (got != want)
		fail_msg("%s, mode %d: verdict %d, not %d", cases[i].name, mode, got, want);
	if (mode == EXT_TRANSIT) {
		assert_int_equal(x.bad_off, 0);
		return;
	}
	if (x.bad_off != cases[i].bad_off || x.upper != cases[i].upper ||
		x.flags != cases[i].flags || x.upper_off != cases[i].upper_off)
		fail_msg("%s: bad_off %u upper %u at %u flags %#x", cases[i].name, x.bad_off,
			x.upper, x.upper_off, x.flags);
	if (x.hao_off != cases[i].hao_off || x.rh_off != cases[i].rh_off ||
		x.frag_off != cases[i].frag_off || x.limit_off != cases[i].limit_off)
		fail_msg("%s: hao %u rh %u frag %u limit %u", cases[i].name, x.hao_off, x.rh_off,
			x.frag_off, x.limit_off);
	assert_true(b->p[x.nh_off] == x.upper);
	assert_true(x.frag_off == 0 || b->p[x.frag_nh_off] == IP6_FRAGMENT);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf b = packet(cases[i].nh, cases[i].hex);

		check_case(i, &b, EXT_TO_US);
		check_case(i, &b, EXT_TRANSIT);
		buf_free(&b);
	}
}

/* From the end of the IPv6 header to the upper layer: 512 octets pass, 520 do not. */
static void test_bytes(void **state)
{
	static const struct {
		uint8_t units; /* of both headers */
		enum ext_verdict verdict;
	} rows[] = { { 31, EXT_OK }, { 32, EXT_TOO_MANY }, { 255, EXT_TOO_MANY } };

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		size_t hdr = (rows[i].units + 1u) * 8, n = sizeof(struct net_ip6) + 2 * hdr;
		uint8_t *p = calloc(1, n);
		struct ext_info x;

		assert_non_null(p);
		p[6] = IP6_DSTOPT;
		for (unsigned k = 0; k < 2; k++) {
			uint8_t *h = p + sizeof(struct net_ip6) + k * hdr;

			h[0] = k == 0 ? IP6_DSTOPT : IP6_NONE;
			h[1] = rows[i].units;
			/* Two PadN fill up to 510 octets. */
			for (size_t at = 2; at < hdr;) {
				size_t pad = hdr - at > 257 ? 200 : hdr - at;

				h[at] = 1;
				h[at + 1] = (uint8_t)(pad - 2);
				at += pad;
			}
		}
		assert_int_equal(ext_walk(p, (uint16_t)n, EXT_TO_US, &x), rows[i].verdict);
		assert_int_equal(ext_walk(p, (uint16_t)n, EXT_TRANSIT, &x), rows[i].verdict);
		if (rows[i].verdict == EXT_OK)
			assert_int_equal(x.upper_off, 40 + 512);
		free(p);
	}
}

static const struct {
	const char *name, *hex;
	enum ext_verdict to_us;
	uint8_t upper;
	uint16_t upper_off;
	uint8_t flags;
	uint16_t bad_off;
} vectors[] = {
	{ "BU", VEC_BU, EXT_OK, 135, 64, EXT_HAO, 0 },
	{ "BU from home", VEC_BU_HOME, EXT_OK, 135, 40, 0, 0 },
	{ "BA with RH2", VEC_BA, EXT_RH2, 43, 0, EXT_RH, 0 },
	{ "tunnel with limit", VEC_TUNNEL, EXT_OK, 41, 48, EXT_LIMIT, 0 },
	{ "router alert", VEC_ALERT, EXT_OK, 58, 48, 0, 0 },
	{ "RH0", VEC_RH0, EXT_RH_REFUSED, 43, 0, EXT_RH, 42 },
	{ "first fragment", VEC_FRAGMENT_1, EXT_OK, 58, 48, EXT_FRAGMENT, 0 },
	{ "last fragment", VEC_FRAGMENT_2, EXT_OK, 44, 0, EXT_FRAGMENT | EXT_NOT_FIRST, 0 },
	{ "echo with HAO", VEC_HAO_ECHO, EXT_OK, 58, 64, EXT_HAO, 0 },
	{ "neighbour solicitation", VEC_NS, EXT_OK, 58, 40, 0, 0 },
};

static void test_vectors(void **state)
{
	struct ip6_addr hoa = addr(VEC_HOA);

	(void)state;
	for (size_t i = 0; i < DIM(vectors); i++) {
		struct buf b = buf_from_hex(vectors[i].hex);
		struct ext_info x;
		enum ext_verdict got = ext_walk(b.p, (uint16_t)b.n, EXT_TO_US, &x);

		if (got != vectors[i].to_us || x.upper != vectors[i].upper ||
			x.upper_off != vectors[i].upper_off || x.flags != vectors[i].flags ||
			x.bad_off != vectors[i].bad_off)
			fail_msg("%s: verdict %d upper %u at %u flags %#x bad %u", vectors[i].name,
				got, x.upper, x.upper_off, x.flags, x.bad_off);
		if (x.flags & EXT_HAO)
			assert_memory_equal(b.p + x.hao_off + 2, &hoa, sizeof(hoa));
		assert_int_equal(ext_walk(b.p, (uint16_t)b.n, EXT_TRANSIT, &x), EXT_OK);
		buf_free(&b);
	}
}

/* Whatever the octets: in bounds, and only what the mode may answer. */
static void check_sane(const struct buf *b)
{
	for (enum ext_mode mode = EXT_TO_US; mode <= EXT_TRANSIT; mode++) {
		struct ext_info x;
		enum ext_verdict v = ext_walk(b->p, (uint16_t)b->n, mode, &x);

		assert_in_range(v, EXT_OK, EXT_VERDICT_COUNT - 1);
		if (mode == EXT_TRANSIT)
			assert_true(v == EXT_OK || v == EXT_TRUNCATED || v == EXT_TOO_MANY);
		assert_true(x.upper_off <= b->n && x.nh_off < b->n && x.bad_off < b->n);
		assert_true(b->p[x.nh_off] == x.upper);
		assert_true((x.upper_off == 0) == (v != EXT_OK && v != EXT_HAO_REFUSED) ||
			    (x.flags & EXT_NOT_FIRST) != 0);
		if (x.flags & EXT_HAO)
			assert_true(x.hao_off + 18u <= b->n);
	}
}

static void test_hostile(void **state)
{
	uint64_t seed = 0x8200;

	(void)state;
	for (size_t i = 0; i < DIM(cases) + DIM(vectors); i++) {
		struct buf whole = i < DIM(cases) ? packet(cases[i].nh, cases[i].hex)
						  : buf_from_hex(vectors[i - DIM(cases)].hex);

		for (size_t n = sizeof(struct net_ip6); n <= whole.n; n++) {
			struct buf cut = buf_copy(whole.p, n);

			check_sane(&cut);
			for (unsigned k = 0; k < 32; k++) {
				size_t at = 6 + rng_below(&seed, n - 6);

				cut.p[at] ^= (uint8_t)(1 << rng_below(&seed, 8));
				check_sane(&cut);
			}
			buf_free(&cut);
		}
		buf_free(&whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
