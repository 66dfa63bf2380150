/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "net/cksum.h"
#include "net/icmp6.h"
#include "net/ip6hdr.h"
#include "net/nd.h"
#include "rng.h"
#include "vectors.h"

#define IP6_LEN sizeof(struct net_ip6)

static const uint8_t mac[6] = { 0x02, 0x00, 0x5e, 0x10, 0x00, 0x01 };

static void fix_cksum(struct buf *b)
{
	const struct net_ip6 *h = (const struct net_ip6 *)b->p;
	uint16_t cksum;

	b->p[42] = b->p[43] = 0;
	cksum = net_cksum(&h->src, &h->dst, IP6_ICMP6, b->p + IP6_LEN, (uint32_t)(b->n - IP6_LEN));
	b->p[42] = (uint8_t)(cksum >> 8);
	b->p[43] = (uint8_t)cksum;
}

static const struct {
	const char *name, *hex, *src, *dst;
	uint8_t type;
	bool lladdr, router, solicited, override;
} vectors[] = {
	{ "solicitation", VEC_NS, "fe80::1", "ff02::1:ff00:100", ICMP6_NS, .lladdr = true },
	{ "DAD", VEC_NS_DAD, "::", "ff02::1:ff00:100", ICMP6_NS },
	{ "advertisement", VEC_NA, VEC_HOA, "fe80::1", ICMP6_NA, true, true, true, true },
	{ "to all nodes", VEC_NA_ALL, VEC_HA, "ff02::1", ICMP6_NA, true, .override = true },
};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(vectors); i++) {
		struct ip6_addr src = addr(vectors[i].src), dst = addr(vectors[i].dst);
		struct ip6_addr target = addr(VEC_HOA);
		struct buf b = buf_from_hex(vectors[i].hex), out = buf_copy(b.p, b.n);
		struct nd_msg m;

		if (nd_decode(b.p, (uint16_t)b.n, &m) != 0)
			fail_msg("%s: refused", vectors[i].name);
		assert_int_equal(m.type, vectors[i].type);
		assert_true(ip6_eq(&m.src, &src) && ip6_eq(&m.dst, &dst));
		assert_true(ip6_eq(&m.target, &target));
		assert_int_equal(m.has_lladdr, vectors[i].lladdr);
		assert_int_equal(m.router, vectors[i].router);
		assert_int_equal(m.solicited, vectors[i].solicited);
		assert_int_equal(m.override, vectors[i].override);
		if (m.has_lladdr)
			assert_memory_equal(m.lladdr, mac, sizeof(mac));

		memset(out.p, 0xff, out.n);
		assert_int_equal(nd_encode(&m, out.p, (uint16_t)(out.n - 1)), -ENOSPC);
		assert_int_equal(nd_encode(&m, out.p, (uint16_t)out.n), out.n);
		assert_memory_equal(out.p, b.p, b.n);
		buf_free(&out);
		buf_free(&b);
	}
}

#define SOLICITED "ff0200000000000000000001ff000100"
#define ALL_NODES "ff020000000000000000000000000001"
#define ZERO      "00000000000000000000000000000000"
#define LOCAL     "fe800000000000000000000000000001"
#define LLADDR    "02005e100001"

/* The checksum is put right, so that each row fails by what its name says (RFC 4861, 7.1). */
static const struct {
	const char *name, *hex;
	int ret;
} rules[] = {
	{ "good solicitation", "6000000000183aff" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA,
		0 },
	{ "hop limit 254", "6000000000183afe" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA,
		-EBADMSG },
	{ "code 1", "6000000000183aff" LOCAL SOLICITED "8701000000000000" VEC_HEX_HOA, -EBADMSG },
	{ "router solicitation", "6000000000183aff" LOCAL SOLICITED "8500000000000000" VEC_HEX_HOA,
		-EBADMSG },
	{ "redirect", "6000000000183aff" LOCAL SOLICITED "8900000000000000" VEC_HEX_HOA, -EBADMSG },
	{ "not ICMPv6", "60000000001811ff" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA,
		-EBADMSG },
	{ "payload length too small",
		"6000000000173aff" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA, -EBADMSG },
	{ "payload length too large",
		"6000000000193aff" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA, -EBADMSG },
	{ "23 octets",
		"6000000000173aff" LOCAL SOLICITED
		"8700000000000000 20010db8000a000000000000000001",
		-EBADMSG },
	{ "multicast target", "6000000000183aff" LOCAL SOLICITED "8700000000000000" ALL_NODES,
		-EBADMSG },
	{ "multicast source", "6000000000183aff" ALL_NODES SOLICITED "8700000000000000" VEC_HEX_HOA,
		-EBADMSG },
	{ "reserved bits", "6000000000183aff" LOCAL SOLICITED "87000000ffffffff" VEC_HEX_HOA, 0 },
	/* 7.1.1: the unspecified source */
	{ "DAD to all nodes", "6000000000183aff" ZERO ALL_NODES "8700000000000000" VEC_HEX_HOA,
		-EBADMSG },
	{ "DAD to unicast", "6000000000183aff" ZERO VEC_HEX_HOA "8700000000000000" VEC_HEX_HOA,
		-EBADMSG },
	{ "DAD with a link-layer address",
		"6000000000203aff" ZERO SOLICITED "8700000000000000" VEC_HEX_HOA "0101" LLADDR,
		-EBADMSG },
	{ "DAD with another option",
		"6000000000203aff" ZERO SOLICITED "8700000000000000" VEC_HEX_HOA "0e01" LLADDR, 0 },
	{ "unicast probe", "6000000000183aff" LOCAL VEC_HEX_HOA "8700000000000000" VEC_HEX_HOA, 0 },
	/* 7.1.2 */
	{ "solicited to multicast",
		"6000000000183aff" LOCAL ALL_NODES "8800000040000000" VEC_HEX_HOA, -EBADMSG },
	{ "unsolicited to multicast",
		"6000000000183aff" LOCAL ALL_NODES "88000000a0000000" VEC_HEX_HOA, 0 },
	/* options */
	{ "option of length 0",
		"6000000000203aff" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA "0100" LLADDR,
		-EBADMSG },
	{ "option of length 0 before nothing but zeros",
		"6000000000203aff" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA
		"fe00000000000000",
		-EBADMSG },
	{ "unknown option of length 0",
		"6000000000203aff" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA "fe00" LLADDR,
		-EBADMSG },
	{ "option past the end",
		"6000000000203aff" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA "fe02" LLADDR,
		-EBADMSG },
	{ "half an option",
		"60000000001c3aff" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA "01010200",
		-EBADMSG },
	{ "one octet of an option",
		"6000000000193aff" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA "01", -EBADMSG },
	{ "link-layer address of 14 octets",
		"6000000000283aff" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA "0102" LLADDR
		"0000000000000000",
		-EBADMSG },
	{ "link-layer group address",
		"6000000000203aff" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA "0101"
		"333300000001",
		-EBADMSG },
	{ "the other one's address is ignored",
		"6000000000203aff" LOCAL SOLICITED "8700000000000000" VEC_HEX_HOA "0201"
		"333300000001",
		0 },
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(rules); i++) {
		struct buf b = buf_from_hex(rules[i].hex);
		struct nd_msg m;

		fix_cksum(&b);
		if (nd_decode(b.p, (uint16_t)b.n, &m) != rules[i].ret)
			fail_msg("%s", rules[i].name);
		b.p[43] ^= 0x20; /* and never with a wrong checksum */
		if (nd_decode(b.p, (uint16_t)b.n, &m) != -EBADMSG)
			fail_msg("%s: checksum", rules[i].name);
		buf_free(&b);
	}
}

/* The first of several; the right kind among others. */
static void test_options(void **state)
{
	struct buf b = buf_from_hex("6000000000383aff" LOCAL SOLICITED
				    "8700000000000000" VEC_HEX_HOA "fe01" LLADDR "0201"
				    "020000000099"
				    "0101" LLADDR "0101"
				    "020000000077");
	struct nd_msg m;

	(void)state;
	fix_cksum(&b);
	assert_int_equal(nd_decode(b.p, (uint16_t)b.n, &m), 0);
	assert_true(m.has_lladdr);
	assert_memory_equal(m.lladdr, mac, sizeof(mac));
	buf_free(&b);
}

/* A solicitation never carries an advertisement's flags. */
static void test_flags_of_solicitation(void **state)
{
	struct nd_msg m = { .type = ICMP6_NS,
		.src = addr("fe80::1"),
		.dst = addr(VEC_HOA),
		.target = addr(VEC_HOA),
		.router = true,
		.solicited = true,
		.override = true };
	uint8_t buf[ND_PKT_MAX];

	(void)state;
	assert_int_equal(nd_encode(&m, buf, sizeof(buf)), 64);
	assert_int_equal(buf[44], 0);
	assert_int_equal(nd_decode(buf, 64, &m), 0);
	assert_false(m.router || m.solicited || m.override);
}

static void test_hostile(void **state)
{
	uint64_t seed = 0x4861;

	(void)state;
	for (size_t i = 0; i < DIM(rules); i++) {
		struct buf whole = buf_from_hex(rules[i].hex);

		for (size_t n = 0; n <= whole.n; n++) {
			for (unsigned k = 0; k < 20; k++) {
				struct buf b = buf_copy(whole.p, n);
				struct nd_msg m;

				if (n > 0 && k > 0)
					b.p[rng_below(&seed, n)] ^= (uint8_t)(1 << k % 8);
				if (n >= 44 && k % 2 == 0) {
					net_ip6_set_payload_len(
						(struct net_ip6 *)b.p, (uint16_t)(n - IP6_LEN));
					fix_cksum(&b);
				}
				if (nd_decode(b.p, (uint16_t)n, &m) == 0)
					assert_true(!ip6_is_multicast(&m.target));
				buf_free(&b);
			}
		}
		buf_free(&whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_flags_of_solicitation),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
