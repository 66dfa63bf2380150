/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "net/cksum.h"
#include "net/ip6hdr.h"
#include "rng.h"
#include "vectors.h"

#define IP6_LEN sizeof(struct net_ip6)

/* Octet by octet, as RFC 1071, 1 says it. */
static uint16_t naive(const struct ip6_addr *src, const struct ip6_addr *dst, uint8_t proto,
	const uint8_t *data, uint32_t len)
{
	uint64_t sum = (len >> 16) + (len & 0xffff) + proto;

	for (unsigned i = 0; i < 16; i += 2)
		sum += (unsigned)(src->b[i] << 8 | src->b[i + 1]) +
		       (unsigned)(dst->b[i] << 8 | dst->b[i + 1]);
	for (uint32_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (unsigned)data[i] << 8 : data[i];
	while (sum > 0xffff)
		sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)~sum;
}

/* RFC 1071, 3: these octets add up to ddf2; the pseudo-header adds its length, 8. */
static void test_rfc1071(void **state)
{
	struct buf b = buf_from_hex("00 01 f2 03 f4 f5 f6 f7");

	(void)state;
	assert_int_equal(
		net_cksum(&ip6_unspecified, &ip6_unspecified, 0, b.p, 8), (uint16_t) ~(0xddf2 + 8));
	buf_free(&b);
	/* Nothing at all: the pseudo-header alone. */
	assert_int_equal(net_cksum(&ip6_unspecified, &ip6_unspecified, 58, "", 0), (uint16_t)~58);
}

static const struct {
	const char *name, *hex;
	uint16_t off; /* of the upper layer */
	const char *src, *dst; /* as the checksum sees them (RFC 8200, 8.1; RFC 6275, 6.1.1) */
	uint16_t cksum_at; /* in the upper layer */
} vectors[] = {
	{ "udp, odd length", VEC_UDP, 40, VEC_CN, VEC_HOA, 6 },
	{ "echo", VEC_ECHO, 40, VEC_CN, VEC_HA, 2 },
	{ "neighbour solicitation", VEC_NS_DAD, 40, "::", "ff02::1:ff00:100", 2 },
	{ "binding update: HoA for source", VEC_BU, 64, VEC_HOA, VEC_HA, 4 },
	{ "binding ack: HoA for destination", VEC_BA, 64, VEC_HA, VEC_HOA, 4 },
	{ "binding error: the wire's", VEC_BE, 40, VEC_HA, VEC_COA, 4 },
};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(vectors); i++) {
		struct ip6_addr src = addr(vectors[i].src), dst = addr(vectors[i].dst);
		struct buf b = buf_from_hex(vectors[i].hex);
		uint16_t off = vectors[i].off;
		const uint8_t *nh = b.p + 6;
		uint8_t proto = off == IP6_LEN ? *nh : b.p[IP6_LEN];
		struct buf up = buf_copy(b.p + off, b.n - off);
		uint8_t *field = up.p + vectors[i].cksum_at;
		uint16_t stored = (uint16_t)(field[0] << 8 | field[1]);

		if (net_cksum(&src, &dst, proto, up.p, (uint32_t)up.n) != 0)
			fail_msg("%s: intact, but not 0", vectors[i].name);
		field[0] = field[1] = 0;
		if (net_cksum(&src, &dst, proto, up.p, (uint32_t)up.n) != stored)
			fail_msg("%s: not what scapy stores", vectors[i].name);
		buf_free(&up);
		buf_free(&b);
	}
}

static void check_model(uint64_t *seed, uint32_t len, unsigned align, int fill)
{
	uint64_t at_seed = *seed;
	uint8_t *base = malloc(align + len + 1), *data = base + align;
	struct ip6_addr src, dst;
	uint8_t proto = (uint8_t)rng_next(seed);
	uint16_t got;

	assert_non_null(base);
	base = realloc(base, align + len > 0 ? align + len : 1); /* not an octet more */
	assert_non_null(base);
	data = base + align;
	rng_fill(seed, &src, sizeof(src));
	rng_fill(seed, &dst, sizeof(dst));
	if (fill < 0)
		rng_fill(seed, data, len);
	else
		memset(data, fill, len);
	got = net_cksum(&src, &dst, proto, data, len);
	if (got != naive(&src, &dst, proto, data, len))
		fail_msg("seed %#llx: %u octets at +%u", (unsigned long long)at_seed, len, align);
	/* What is stored makes the sum right, and any other octet makes it wrong. */
	if (len >= 8) {
		uint32_t at = (uint32_t)rng_below(seed, len);

		data[2] = data[3] = 0;
		got = net_cksum(&src, &dst, proto, data, len);
		data[2] = (uint8_t)(got >> 8);
		data[3] = (uint8_t)got;
		assert_int_equal(net_cksum(&src, &dst, proto, data, len), 0);
		data[at] ^= (uint8_t)(1 + rng_below(seed, 254));
		assert_int_not_equal(net_cksum(&src, &dst, proto, data, len), 0);
	}
	free(base);
}

static void test_model(void **state)
{
	uint64_t seed = 0x6275;

	(void)state;
	for (uint32_t len = 0; len < 300; len++) {
		for (unsigned align = 0; align < 9; align++)
			check_model(&seed, len, align, -1);
		check_model(&seed, len, 1, 0xff); /* every addition carries */
		check_model(&seed, len, 0, 0x00);
	}
	for (unsigned i = 0; i < 20; i++)
		check_model(&seed, (uint32_t)(60000 + rng_below(&seed, 9000)), i % 8,
			i < 18 ? -1 : 0xff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc1071),
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
