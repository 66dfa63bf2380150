/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 6275, 6.5 to 6.8 and 7.2, against what scapy makes of the same messages. */
#include "test.h"

#include <errno.h>

#include "net/discovery.h"
#include "net/ext.h"
#include "net/icmp6.h"
#include "net/ip6hdr.h"
#include "vectors.h"

typedef int (*decode_fn)(const uint8_t *icmp, uint16_t icmp_len, uint16_t *id);

/* A received vector as the engine gets it: checksum over the home address where one is named. */
static void check_received(const char *hex, decode_fn decode, uint16_t want)
{
	struct buf b = buf_from_hex(hex);
	const struct net_ip6 *h = (const struct net_ip6 *)b.p;
	const struct ip6_addr *src = &h->src;
	struct ext_info x;
	uint16_t id;

	assert_int_equal(ext_walk(b.p, (uint16_t)b.n, EXT_TO_US, &x), EXT_OK);
	if (x.flags & EXT_HAO)
		src = (const struct ip6_addr *)(b.p + x.hao_off + 2);
	assert_true(icmp6_check(src, &h->dst, b.p + x.upper_off, (uint16_t)(b.n - x.upper_off)));
	assert_int_equal(decode(b.p + x.upper_off, (uint16_t)(b.n - x.upper_off), &id), 0);
	assert_int_equal(id, want);
	buf_free(&b);
}

static void test_vectors(void **state)
{
	(void)state;
	check_received(VEC_HAAD_REQUEST, discovery_request_decode, 0x1234);
	check_received(VEC_HAAD_REQUEST_R, discovery_request_decode, 0x1234);
	check_received(VEC_MPS, discovery_solicitation_decode, 0xbeef);
}

static void test_decode(void **state)
{
	static const struct {
		const char *name, *hex;
		decode_fn decode;
		int ret;
	} t[] = {
		{ "request, code 1", "9001000012340000", discovery_request_decode, -EBADMSG },
		{ "request, reserved in use", "900000001234ffff", discovery_request_decode, 0 },
		{ "request, more behind it", "90000000123400000003", discovery_request_decode, 0 },
		{ "request, cut off", "90000000123400", discovery_request_decode, -EBADMSG },
		{ "solicitation, code 1", "9201000012340000", discovery_solicitation_decode,
			-EBADMSG },
		{ "solicitation, reserved in use", "920000001234ffff",
			discovery_solicitation_decode, 0 },
		{ "solicitation, cut off", "92000000123400", discovery_solicitation_decode,
			-EBADMSG },
		{ "an option that nobody knows", "9200000012340000 7f01aabbccddeeff",
			discovery_solicitation_decode, 0 },
		{ "two options",
			"9200000012340000 0102aabbccddeeff0011223344556677 0301aabbccddeeff",
			discovery_solicitation_decode, 0 },
		{ "an option without length", "9200000012340000 7f00aabbccddeeff",
			discovery_solicitation_decode, -EBADMSG },
		{ "an option past the end", "9200000012340000 7f02aabbccddeeff",
			discovery_solicitation_decode, -EBADMSG },
		{ "the longest option, cut off", "9200000012340000 7fffaabbccddeeff",
			discovery_solicitation_decode, -EBADMSG },
		{ "half an option", "9200000012340000 7f", discovery_solicitation_decode,
			-EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < DIM(t); i++) {
		struct buf b = buf_from_hex(t[i].hex);
		uint16_t id = 0;
		int ret = t[i].decode(b.p, (uint16_t)b.n, &id);

		if (ret != t[i].ret || (ret == 0 && id != 0x1234))
			fail_msg("%s: %d, identifier %x", t[i].name, ret, id);
		buf_free(&b);
	}
}

static void test_reply(void **state)
{
	struct ip6_addr agents[DISCOVERY_AGENTS_MAX + 1], ha = addr(VEC_HA), coa = addr(VEC_COA);
	struct buf want = buf_from_hex(VEC_HAAD_REPLY);
	uint8_t buf[DISCOVERY_REPLY_MAX];
	int len;

	(void)state;
	for (size_t i = 0; i < DIM(agents); i++) {
		agents[i] = ha;
		agents[i].b[15] = (uint8_t)(i + 1);
	}
	len = discovery_reply_encode(buf, sizeof(buf), &ha, &coa, 0x1234, agents, 2);
	assert_int_equal(len, want.n);
	assert_memory_equal(buf, want.p, want.n);
	assert_int_equal(
		discovery_reply_encode(buf, (uint16_t)(len - 1), &ha, &coa, 1, agents, 2), -ENOSPC);
	buf_free(&want);

	/* 10.5.1: what does not fit is left out from the end */
	len = discovery_reply_encode(buf, sizeof(buf), &ha, &coa, 1, agents, DIM(agents));
	assert_int_equal(len, DISCOVERY_REPLY_MAX);
	assert_true(len + 24 <= IP6_MIN_MTU);
	assert_memory_equal(buf + len - 16, &agents[DISCOVERY_AGENTS_MAX - 1], 16);
	assert_true(icmp6_check(&ha, &coa, buf + 40, (uint16_t)(len - 40)));
}

static void test_advert(void **state)
{
	const struct discovery_prefix prefixes[] = {
		{ .prefix = prefix("2001:db8:a::/48"),
			.has_router = true,
			.router = addr(VEC_HA),
			.valid_s = UINT32_MAX,
			.preferred_s = UINT32_MAX },
		{ .prefix = prefix("2001:db8:b::/64"), .autonomous = true, .valid_s = 7200 },
	};
	struct ip6_addr ha = addr(VEC_HA), hoa = addr(VEC_HOA);
	struct buf want = buf_from_hex(VEC_MPA);
	uint8_t buf[DISCOVERY_ADVERT_LEN(2)];
	int len = discovery_advert_encode(buf, sizeof(buf), &ha, &hoa, 0xbeef, prefixes, 2);

	(void)state;
	assert_int_equal(len, want.n);
	assert_int_equal(len, sizeof(buf));
	assert_memory_equal(buf, want.p, want.n);
	assert_int_equal(
		discovery_advert_encode(buf, sizeof(buf) - 1, &ha, &hoa, 0xbeef, prefixes, 2),
		-ENOSPC);
	buf_free(&want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_reply),
		cmocka_unit_test(test_advert),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
