/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "net/icmp6.h"
#include "net/ip6hdr.h"
#include "vectors.h"

#define IP6_LEN sizeof(struct net_ip6)

static void put_addrs(struct buf *b, const char *src, const char *dst)
{
	struct net_ip6 *h = (struct net_ip6 *)b->p;

	if (src != NULL)
		h->src = addr(src);
	if (dst != NULL)
		h->dst = addr(dst);
}

/* An echo request behind Destination Options with an unknown option of this type. */
#define OPTION(type)                                                                               \
	"6000000000183c40" VEC_HEX_CN VEC_HEX_HA "3a00" type "0400000000"                          \
	"80000000000000000000000000000000"
/* An error, and a redirect, behind the same option. */
#define OPTION_ERROR(type, icmp)                                                                   \
	"6000000000103c40" VEC_HEX_CN VEC_HEX_HA "3a00" type "0400000000" icmp "00000000000000"

/* RFC 4443, 2.4 (e). src and dst replace the vector's. */
static const struct {
	const char *name, *hex, *src, *dst;
	uint8_t type, code;
	bool may;
} may_cases[] = {
	{ "UDP", VEC_UDP, NULL, NULL, 1, 4, true },
	{ "echo request", VEC_ECHO, NULL, NULL, 1, 0, true },
	{ "tunnel", VEC_TUNNEL, NULL, NULL, 4, 0, true },
	{ "later fragment", VEC_FRAGMENT_2, NULL, NULL, 2, 0, true },
	{ "link-local source", VEC_ECHO, "fe80::1", NULL, 1, 0, true },
	/* (e.1), (e.2) */
	{ "an error: too big", VEC_TOO_BIG, NULL, NULL, 1, 0, false },
	{ "an error: unreachable", VEC_UNREACHABLE, NULL, NULL, 3, 0, false },
	{ "an error: not even too big about it", VEC_UNREACHABLE, NULL, NULL, 2, 0, false },
	{ "unknown error type", OPTION_ERROR("1e", "7f"), NULL, NULL, 1, 0, false },
	{ "redirect", OPTION_ERROR("1e", "89"), NULL, NULL, 1, 0, false },
	{ "unknown informational type", OPTION_ERROR("1e", "c8"), NULL, NULL, 1, 0, true },
	{ "unknown option before a request", OPTION("9e"), NULL, NULL, 4, 2, true },
	{ "unknown option before an error", OPTION_ERROR("9e", "01"), NULL, NULL, 4, 2, false },
	{ "unknown option before a redirect", OPTION_ERROR("9e", "89"), NULL, NULL, 4, 2, false },
	/* (e.3) and its exceptions */
	{ "multicast", VEC_UDP, NULL, "ff05::2", 1, 4, false },
	{ "multicast, time exceeded", VEC_UDP, NULL, "ff05::2", 3, 0, false },
	{ "multicast, parameter problem 1", VEC_UDP, NULL, "ff05::2", 4, 1, false },
	{ "multicast, too big", VEC_UDP, NULL, "ff05::2", 2, 0, true },
	{ "multicast, option with action 10", OPTION("9e"), NULL, "ff02::1", 4, 2, true },
	{ "multicast, option with action 11", OPTION("de"), NULL, "ff02::1", 4, 2, false },
	{ "multicast, option 10 in an error", OPTION_ERROR("9e", "03"), NULL, "ff02::1", 4, 2,
		false },
	{ "multicast, no option at fault", VEC_UDP, NULL, "ff02::1", 4, 2, false },
	/* (e.6) */
	{ "unspecified source", VEC_UDP, "::", NULL, 1, 4, false },
	{ "multicast source", VEC_UDP, "ff02::1", NULL, 1, 4, false },
	{ "loopback source", VEC_UDP, "::1", NULL, 1, 4, false },
	{ "multicast source, too big", VEC_UDP, "ff02::1", "ff05::2", 2, 0, false },
};

static void test_may_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(may_cases); i++) {
		struct buf b = buf_from_hex(may_cases[i].hex);
		struct ext_info x;

		put_addrs(&b, may_cases[i].src, may_cases[i].dst);
		ext_walk(b.p, (uint16_t)b.n, EXT_TO_US, &x);
		if (icmp6_may_answer(b.p, (uint16_t)b.n, &x, may_cases[i].type,
			    may_cases[i].code) != may_cases[i].may)
			fail_msg("%s", may_cases[i].name);
		buf_free(&b);
	}
}

/* ICMPv6 of which nothing is there, or only in another fragment: it could be an error. */
static void test_may_answer_unknown(void **state)
{
	struct buf b = buf_from_hex(VEC_ECHO), empty = buf_copy(b.p, IP6_LEN);
	struct ext_info x;

	(void)state;
	ext_walk(empty.p, (uint16_t)empty.n, EXT_TO_US, &x);
	assert_false(icmp6_may_answer(empty.p, (uint16_t)empty.n, &x, 1, 0));
	buf_free(&empty);
	buf_free(&b);
}

/* What we write is what scapy writes. */
static const struct {
	const char *name, *hex;
	uint8_t type, code;
	uint32_t arg;
} error_cases[] = {
	{ "too big", VEC_TOO_BIG, ICMP6_TOO_BIG, 0, 1400 },
	{ "unreachable", VEC_UNREACHABLE, ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0 },
	{ "parameter problem", VEC_PARAM, ICMP6_PARAM_PROBLEM, ICMP6_BAD_NEXT_HEADER, 6 },
};

static void test_error_vectors(void **state)
{
	struct buf echo = buf_from_hex(VEC_ECHO);
	struct ip6_addr ha = addr(VEC_HA), cn = addr(VEC_CN);

	(void)state;
	for (size_t i = 0; i < DIM(error_cases); i++) {
		struct buf want = buf_from_hex(error_cases[i].hex), got = buf_copy(want.p, want.n);
		struct icmp6_err_msg m;
		int n;

		memset(got.p, 0xff, got.n);
		n = icmp6_error(got.p, (uint16_t)got.n, &ha, error_cases[i].type,
			error_cases[i].code, error_cases[i].arg, echo.p, (uint16_t)echo.n);
		if (n != (int)want.n || memcmp(got.p, want.p, want.n) != 0)
			fail_msg("%s: other octets", error_cases[i].name);
		assert_int_equal(icmp6_error(got.p, (uint16_t)(got.n - 1), &ha, 1, 0, 0, echo.p,
					 (uint16_t)echo.n),
			-ENOSPC);

		assert_true(icmp6_check(&ha, &cn, want.p + IP6_LEN, (uint16_t)(want.n - IP6_LEN)));
		assert_int_equal(
			icmp6_error_decode(want.p + IP6_LEN, (uint16_t)(want.n - IP6_LEN), &m), 0);
		assert_int_equal(m.type, error_cases[i].type);
		assert_int_equal(m.code, error_cases[i].code);
		assert_int_equal(m.arg, error_cases[i].arg);
		assert_int_equal(m.quoted_len, echo.n);
		assert_memory_equal(m.quoted, echo.p, echo.n);
		buf_free(&got);
		buf_free(&want);
	}
	buf_free(&echo);
}

/* As much as fits 1,280 octets (RFC 4443, 2.4 (c)). */
static void test_error_size(void **state)
{
	static const uint16_t lens[] = { 40, 41, 1231, 1232, 1233, 1500, 65535 };
	struct ip6_addr ha = addr(VEC_HA), cn = addr(VEC_CN);

	(void)state;
	for (size_t i = 0; i < DIM(lens); i++) {
		int want = lens[i] < 1232 ? lens[i] + 48 : 1280;
		uint8_t *pkt = malloc(lens[i]), *buf = malloc((size_t)want);
		const struct net_ip6 *h = (const struct net_ip6 *)buf;

		assert_non_null(pkt);
		assert_non_null(buf);
		memset(pkt, 0xa5, lens[i]);
		((struct net_ip6 *)pkt)->src = cn;
		assert_int_equal(
			icmp6_error(buf, (uint16_t)want, &ha, 3, 0, 0, pkt, lens[i]), want);
		assert_int_equal(net_ip6_payload_len(h), want - 40);
		assert_int_equal(h->hop_limit, 64);
		assert_true(ip6_eq(&h->src, &ha) && ip6_eq(&h->dst, &cn));
		assert_true(icmp6_check(&ha, &cn, buf + 40, (uint16_t)(want - 40)));
		assert_memory_equal(buf + 48, pkt, want - 48);
		free(buf);
		free(pkt);
	}
}

static void test_echo_vector(void **state)
{
	struct buf request = buf_from_hex(VEC_ECHO), want = buf_from_hex(VEC_ECHO_REPLY);
	struct ip6_addr ha = addr(VEC_HA), cn = addr(VEC_CN);
	struct buf got = buf_copy(want.p, want.n);
	uint16_t n = (uint16_t)(request.n - IP6_LEN);

	(void)state;
	memset(got.p, 0xff, got.n);
	assert_true(icmp6_check(&cn, &ha, request.p + IP6_LEN, n));
	assert_int_equal(
		icmp6_echo_reply(got.p, (uint16_t)got.n, &ha, &cn, request.p + IP6_LEN, n), want.n);
	assert_memory_equal(got.p, want.p, want.n);
	assert_int_equal(
		icmp6_echo_reply(got.p, (uint16_t)(got.n - 1), &ha, &cn, request.p + IP6_LEN, n),
		-ENOSPC);
	buf_free(&got);
	buf_free(&want);
	buf_free(&request);
}

/* No packet is longer than 65,535 octets: a reply to more is refused, not wrapped around. */
static void test_echo_huge(void **state)
{
	struct ip6_addr ha = addr(VEC_HA), cn = addr(VEC_CN);
	uint8_t *icmp = calloc(1, UINT16_MAX), *buf = malloc(UINT16_MAX);

	(void)state;
	assert_non_null(icmp);
	assert_non_null(buf);
	assert_int_equal(
		icmp6_echo_reply(buf, UINT16_MAX, &ha, &cn, icmp, UINT16_MAX - 39), -ENOSPC);
	assert_int_equal(
		icmp6_echo_reply(buf, UINT16_MAX, &ha, &cn, icmp, UINT16_MAX - 40), UINT16_MAX);
	free(buf);
	free(icmp);
}

static void test_check(void **state)
{
	struct buf b = buf_from_hex(VEC_ECHO);
	struct ip6_addr ha = addr(VEC_HA), cn = addr(VEC_CN);
	uint8_t *icmp = b.p + IP6_LEN;

	(void)state;
	for (uint16_t n = 0; n < b.n - IP6_LEN; n++) {
		struct buf cut = buf_copy(icmp, n);

		assert_false(icmp6_check(&cn, &ha, cut.p, n));
		buf_free(&cut);
	}
	icmp[2] ^= 1;
	assert_false(icmp6_check(&cn, &ha, icmp, (uint16_t)(b.n - IP6_LEN)));
	buf_free(&b);
}

static void test_error_decode(void **state)
{
	static const struct {
		const char *name, *hex; /* before 40 octets of an IPv6 header, less cut */
		uint8_t first; /* of the quoted header */
		size_t cut;
		int ret;
	} rows[] = {
		{ "too big", "02 00 0000 00000578", 0x60, 0, 0 },
		{ "unknown error type", "7f 00 0000 00000000", 0x60, 0, 0 },
		{ "quotes 39 octets", "02 00 0000 00000578", 0x60, 1, -EBADMSG },
		{ "quotes nothing", "02 00 0000 00000578", 0x60, 40, -EBADMSG },
		{ "seven octets", "02 00 0000 000005", 0x60, 40, -EBADMSG },
		{ "quotes IPv4", "02 00 0000 00000578", 0x45, 0, -EBADMSG },
		{ "not an error", "80 00 0000 00000000", 0x60, 0, -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		struct buf head = buf_from_hex(rows[i].hex);
		size_t n = head.n + 40 - rows[i].cut;
		struct buf b = { calloc(1, n), n };
		struct icmp6_err_msg m;

		assert_non_null(b.p);
		memcpy(b.p, head.p, head.n);
		if (n > head.n)
			b.p[head.n] = rows[i].first;
		if (icmp6_error_decode(b.p, (uint16_t)n, &m) != rows[i].ret)
			fail_msg("%s", rows[i].name);
		buf_free(&b);
		buf_free(&head);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_may_answer),
		cmocka_unit_test(test_may_answer_unknown),
		cmocka_unit_test(test_error_vectors),
		cmocka_unit_test(test_error_size),
		cmocka_unit_test(test_echo_vector),
		cmocka_unit_test(test_echo_huge),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_error_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
