/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 2473, 8: errors about tunnel packets, and what the source of the inner packet is told. */
#include "test.h"

#include "control/tunnel_rules.h"
#include "net/icmp6.h"

/* A tunnel packet with an inner packet of inner_len octets, 40 of them a header if they are
 * enough; with the encapsulation limit if it is not -1. */
static struct buf tunnel(uint16_t inner_len, int limit, uint8_t proto)
{
	struct ip6_addr ha = addr("2001:db8:a::1"), coa = addr("2001:db8:5::5");
	struct ip6_addr cn = addr("2001:db8:9::9"), hoa = addr("2001:db8:a::100");
	uint16_t off = limit >= 0 ? 48 : 40;
	struct buf b = { calloc(1, off + inner_len), off + inner_len };

	assert_non_null(b.p);
	net_ip6_fill((struct net_ip6 *)b.p, (uint16_t)(b.n - 40), limit >= 0 ? IP6_DSTOPT : proto,
		64, &ha, &coa);
	if (limit >= 0)
		memcpy(b.p + 40, (uint8_t[]){ proto, 0, 4, 1, (uint8_t)limit, 1, 1, 0 }, 8);
	if (inner_len >= 40)
		net_ip6_fill((struct net_ip6 *)(b.p + off), (uint16_t)(inner_len - 40), IP6_NONE,
			63, &cn, &hoa);
	return b;
}

enum says { NOTHING, UNREACHABLE, TOO_BIG };

static const struct {
	const char *name;
	uint16_t inner_len;
	int limit;
	struct tunnel_error e;
	enum says says;
	uint32_t mtu;
} cases[] = {
	{ "too big", 1460, -1, { ICMP6_TOO_BIG, 0, 1400 }, TOO_BIG, 1360 },
	{ "too big, another code", 1460, -1, { ICMP6_TOO_BIG, 7, 1400 }, TOO_BIG, 1360 },
	{ "too big, with limit", 1460, 3, { ICMP6_TOO_BIG, 0, 1400 }, TOO_BIG, 1352 },
	{ "never below 1280", 1460, -1, { ICMP6_TOO_BIG, 0, 1300 }, TOO_BIG, 1280 },
	{ "just 1280", 1460, -1, { ICMP6_TOO_BIG, 0, 1320 }, TOO_BIG, 1280 },
	{ "just above", 1460, -1, { ICMP6_TOO_BIG, 0, 1321 }, TOO_BIG, 1281 },
	{ "huge", 1460, -1, { ICMP6_TOO_BIG, 0, UINT32_MAX }, TOO_BIG, UINT32_MAX - 40 },
	{ "one octet above what is carried", 1281, -1, { ICMP6_TOO_BIG, 0, 1280 }, TOO_BIG, 1280 },
	{ "is carried", 1280, -1, { ICMP6_TOO_BIG, 0, 1280 }, NOTHING },
	{ "hop limit", 100, -1, { ICMP6_TIME_EXCEEDED, 0, 0 }, UNREACHABLE },
	{ "reassembly time", 100, -1, { ICMP6_TIME_EXCEEDED, 1, 0 }, NOTHING },
	{ "no route", 100, -1, { ICMP6_UNREACHABLE, ICMP6_NO_ROUTE, 0 }, UNREACHABLE },
	{ "prohibited", 100, -1, { ICMP6_UNREACHABLE, ICMP6_PROHIBITED, 0 }, UNREACHABLE },
	{ "beyond scope", 100, -1, { ICMP6_UNREACHABLE, ICMP6_BEYOND_SCOPE, 0 }, UNREACHABLE },
	{ "address", 100, -1, { ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0 }, UNREACHABLE },
	{ "no tunnel ends there", 100, -1, { ICMP6_UNREACHABLE, ICMP6_PORT, 0 }, UNREACHABLE },
	{ "a reason of later days", 100, -1, { ICMP6_UNREACHABLE, 7, 0 }, UNREACHABLE },
	{ "limit 0", 100, 0, { ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, 44 }, UNREACHABLE },
	{ "limit 1", 100, 1, { ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, 44 }, NOTHING },
	{ "limit 0, another code", 100, 0, { ICMP6_PARAM_PROBLEM, ICMP6_BAD_OPTION, 44 }, NOTHING },
	{ "limit 0, beside it", 100, 0, { ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, 42 }, NOTHING },
	{ "no limit there", 100, -1, { ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, 44 }, NOTHING },
	{ "no limit, pointer 0", 100, -1, { ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, 0 }, NOTHING },
	{ "past the end", 100, 0, { ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, UINT32_MAX }, NOTHING },
	{ "next header", 100, -1, { ICMP6_PARAM_PROBLEM, ICMP6_BAD_NEXT_HEADER, 6 }, NOTHING },
	{ "an error of later days", 100, -1, { 5, 0, 0 }, NOTHING },
	{ "an experiment", 100, -1, { 100, 0, 0 }, NOTHING },
};

static enum says said(const struct tunnel_error *e)
{
	if (e->type == ICMP6_TOO_BIG && e->code == 0)
		return TOO_BIG;
	assert_true(e->type == ICMP6_UNREACHABLE && e->code == ICMP6_ADDRESS && e->arg == 0);
	return UNREACHABLE;
}

static void test_tells(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf b = tunnel(cases[i].inner_len, cases[i].limit, IP6_IN_IP6);
		struct tunnel_error e = cases[i].e;
		enum says says = NOTHING;
		struct tunnel_quote q;

		assert_true(tunnel_open(b.p, (uint16_t)b.n, &q));
		if (tunnel_tells(&q, &e))
			says = said(&e);
		if (says != cases[i].says || (says == TOO_BIG && e.arg != cases[i].mtu))
			fail_msg("%s: %d %u", cases[i].name, says, e.arg);
		buf_free(&b);
	}
}

/* Of any length: what is there is told from what the headers promise. */
static void test_open(void **state)
{
	(void)state;
	for (int limit = -1; limit <= 0; limit++) {
		struct buf b = tunnel(1400, limit, IP6_IN_IP6);
		uint16_t off = limit < 0 ? 40 : 48;

		for (uint16_t len = 40; len <= b.n; len++) {
			struct buf cut = buf_copy(b.p, len);
			struct tunnel_quote q;

			if (tunnel_open(cut.p, len, &q) != (len >= off + 40))
				fail_msg("limit %d, %u octets", limit, len);
			if (len >= off + 40) {
				assert_ptr_equal(q.outer, cut.p);
				assert_ptr_equal(q.inner, cut.p + off);
				assert_int_equal(q.inner_off, off);
				assert_int_equal(q.inner_here, len - off);
				assert_int_equal(q.outer_len, off + 1400);
				assert_int_equal(q.inner_len, 1400);
				assert_int_equal(q.limit_off, limit < 0 ? 0 : 44);
			}
			buf_free(&cut);
		}
		buf_free(&b);
	}
}

static void test_open_refused(void **state)
{
	struct buf udp = tunnel(100, -1, IP6_UDP), ip4 = tunnel(100, -1, IP6_IN_IP6);
	struct buf frag = tunnel(100, 0, IP6_IN_IP6), less = tunnel(100, -1, IP6_IN_IP6);
	struct tunnel_quote q;

	(void)state;
	assert_false(tunnel_open(udp.p, 140, &q));
	ip4.p[40] = 0x45;
	assert_false(tunnel_open(ip4.p, 140, &q));
	/* the first fragment is opened, the next has nothing to show */
	frag.p[6] = IP6_FRAGMENT;
	memcpy(frag.p + 40, (uint8_t[]){ IP6_IN_IP6, 0, 0, 1, 1, 2, 3, 4 }, 8);
	assert_true(tunnel_open(frag.p, 148, &q));
	assert_int_equal(q.inner_off, 48);
	frag.p[43] = 0x81;
	assert_false(tunnel_open(frag.p, 148, &q));
	/* an inner packet that ends before the tunnel packet does */
	net_ip6_set_payload_len((struct net_ip6 *)(less.p + 40), 10);
	assert_true(tunnel_open(less.p, 140, &q));
	assert_int_equal(q.inner_here, 50);
	buf_free(&udp);
	buf_free(&ip4);
	buf_free(&frag);
	buf_free(&less);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tells),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_open_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
