/* SPDX-License-Identifier: BSD-3-Clause */
/* Who takes a packet for us, who is told that nobody did, and RFC 2473, 8. */
#include "test.h"

#include "control/punt_rules.h"
#include "net/icmp6.h"
#include "tables/fib.h"

#define NH_OFF 48

static const struct {
	const char *name;
	enum dp_punt_class class;
	uint8_t upper, flags;
	bool unwalked, unchecked, no_mip6, anycast;
	struct punt_verdict want;
} cases[] = {
	{ "neighbour discovery", DP_PUNT_ND, IP6_ICMP6, .want = { .to = PUNT_TO_ND } },
	{ "signalling of the bound", DP_PUNT_KNOWN, IP6_MH, EXT_HAO,
		.want = { .to = PUNT_TO_MIP6 } },
	{ "signalling of the bound without domains", DP_PUNT_KNOWN, IP6_MH, .no_mip6 = true,
		.want = { PUNT_TO_NOBODY, false, true, ICMP6_PARAM_PROBLEM, ICMP6_BAD_NEXT_HEADER,
			NH_OFF, DP_DROP_LOCAL_PROTO } },
	{ "signalling", DP_PUNT_SIGNALLING, IP6_MH, EXT_HAO, .want = { .to = PUNT_TO_MIP6 } },
	{ "signalling in an unchecked tunnel", DP_PUNT_SIGNALLING, IP6_MH, EXT_HAO,
		.unchecked = true, .want = { .to = PUNT_TO_MIP6 } },
	{ "signalling without domains", DP_PUNT_SIGNALLING, IP6_MH, .no_mip6 = true,
		.want = { PUNT_TO_NOBODY, false, true, ICMP6_PARAM_PROBLEM, ICMP6_BAD_NEXT_HEADER,
			NH_OFF, DP_DROP_LOCAL_PROTO } },
	{ "echo", DP_PUNT_LOCAL, IP6_ICMP6, .want = { .to = PUNT_TO_ICMP } },
	{ "echo with a home address", DP_PUNT_LOCAL, IP6_ICMP6, EXT_HAO,
		.want = { .to = PUNT_TO_ICMP, .needs_binding = true } },
	{ "mobility header to a port's address", DP_PUNT_LOCAL, IP6_MH, EXT_HAO,
		.want = { PUNT_TO_NOBODY, false, true, ICMP6_PARAM_PROBLEM, ICMP6_BAD_NEXT_HEADER,
			NH_OFF, DP_DROP_LOCAL_PROTO } },
	{ "udp", DP_PUNT_LOCAL, IP6_UDP,
		.want = { PUNT_TO_NOBODY, false, true, ICMP6_UNREACHABLE, ICMP6_PORT, 0,
			DP_DROP_LOCAL_PORT } },
	{ "tcp with a home address", DP_PUNT_LOCAL, IP6_TCP, EXT_HAO,
		.want = { PUNT_TO_NOBODY, true, true, ICMP6_UNREACHABLE, ICMP6_PORT, 0,
			DP_DROP_LOCAL_PORT } },
	{ "esp with a home address", DP_PUNT_LOCAL, IP6_ESP, EXT_HAO,
		.want = { PUNT_TO_NOBODY, false, true, ICMP6_PARAM_PROBLEM, ICMP6_BAD_NEXT_HEADER,
			NH_OFF, DP_DROP_LOCAL_PROTO } },
	{ "sctp", DP_PUNT_LOCAL, 132,
		.want = { PUNT_TO_NOBODY, false, true, ICMP6_PARAM_PROBLEM, ICMP6_BAD_NEXT_HEADER,
			NH_OFF, DP_DROP_LOCAL_PROTO } },
	{ "no next header", DP_PUNT_LOCAL, IP6_NONE,
		.want = { .to = PUNT_TO_NOBODY, .drop = DP_DROP_LOCAL_PROTO } },
	{ "request for home agents", DP_PUNT_DISCOVERY, IP6_ICMP6, .anycast = true,
		.want = { .to = PUNT_TO_ICMP } },
	{ "request for home agents, with a home address", DP_PUNT_DISCOVERY, IP6_ICMP6, EXT_HAO,
		.anycast = true, .want = { .to = PUNT_TO_ICMP, .needs_binding = true } },
	{ "request for prefixes", DP_PUNT_DISCOVERY, IP6_ICMP6, EXT_HAO,
		.want = { .to = PUNT_TO_ICMP, .needs_binding = true } },
	{ "request for prefixes, unchecked", DP_PUNT_DISCOVERY, IP6_ICMP6, EXT_HAO,
		.unchecked = true,
		.want = { .to = PUNT_TO_NOBODY, .drop = DP_DROP_DECAP_NO_BINDING } },
	{ "signalling to the anycast address", DP_PUNT_SIGNALLING, IP6_MH, EXT_HAO, .anycast = true,
		.want = { .to = PUNT_TO_NOBODY, .drop = DP_DROP_MH_ANYCAST } },
	{ "the same out of an unchecked tunnel", DP_PUNT_SIGNALLING, IP6_MH, EXT_HAO,
		.anycast = true, .unchecked = true,
		.want = { .to = PUNT_TO_NOBODY, .drop = DP_DROP_MH_ANYCAST } },
	{ "udp to the anycast address", DP_PUNT_LOCAL, IP6_UDP, .anycast = true,
		.want = { PUNT_TO_NOBODY, false, true, ICMP6_UNREACHABLE, ICMP6_PORT, 0,
			DP_DROP_LOCAL_PORT } },
	{ "a tunnel to the anycast address", DP_PUNT_LOCAL, IP6_IN_IP6, .anycast = true,
		.want = { PUNT_TO_NOBODY, false, true, ICMP6_PARAM_PROBLEM, ICMP6_BAD_NEXT_HEADER,
			NH_OFF, DP_DROP_LOCAL_PROTO } },
	{ "unchecked", DP_PUNT_LOCAL, IP6_ICMP6, .unchecked = true,
		.want = { .to = PUNT_TO_NOBODY, .drop = DP_DROP_DECAP_NO_BINDING } },
	{ "unwalked", DP_PUNT_LOCAL, IP6_ICMP6, .unwalked = true,
		.want = { .to = PUNT_TO_NOBODY, .drop = DP_DROP_EXT_TRUNCATED } },
};

static bool same(const struct punt_verdict *a, const struct punt_verdict *b)
{
	return a->to == b->to && a->needs_binding == b->needs_binding && a->answer == b->answer &&
	       a->icmp_type == b->icmp_type && a->icmp_code == b->icmp_code &&
	       a->icmp_arg == b->icmp_arg && a->drop == b->drop;
}

static void test_judge(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct ctl_pkt p = {
			.walked = !cases[i].unwalked,
			.unchecked = cases[i].unchecked,
			.fib = fib_value(cases[i].anycast ? FIB_ANYCAST : FIB_HOME_AGENT, 0),
			.ext = { .upper = cases[i].upper,
				.flags = cases[i].flags,
				.nh_off = NH_OFF },
		};
		struct punt_verdict v = punt_judge(cases[i].class, &p, !cases[i].no_mip6);

		if (!same(&v, &cases[i].want))
			fail_msg("%s: to %d, binding %d, answer %d %u/%u/%u, drop %s",
				cases[i].name, v.to, v.needs_binding, v.answer, v.icmp_type,
				v.icmp_code, v.icmp_arg, dp_drop_name(v.drop));
	}
}

/* A tunnel packet with an inner packet of inner_len octets, 40 of them a header if they are
 * enough; with the encapsulation limit if asked for. */
static struct buf tunnel(uint16_t inner_len, bool limit, uint8_t proto)
{
	struct ip6_addr ha = addr("2001:db8:a::1"), coa = addr("2001:db8:5::5");
	struct ip6_addr cn = addr("2001:db8:9::9"), hoa = addr("2001:db8:a::100");
	uint16_t off = limit ? 48 : 40;
	struct buf b = { calloc(1, off + inner_len), off + inner_len };

	assert_non_null(b.p);
	net_ip6_fill((struct net_ip6 *)b.p, (uint16_t)(b.n - 40), limit ? IP6_DSTOPT : proto, 64,
		&ha, &coa);
	if (limit)
		memcpy(b.p + 40, (uint8_t[]){ proto, 0, 4, 1, 3, 1, 1, 0 }, 8);
	if (inner_len >= 40)
		net_ip6_fill((struct net_ip6 *)(b.p + off), (uint16_t)(inner_len - 40), IP6_NONE,
			63, &cn, &hoa);
	return b;
}

static void test_open_tunnel(void **state)
{
	static const struct {
		const char *name;
		uint16_t inner_len;
		bool limit;
		uint8_t proto;
		struct punt_error e;
		bool told;
		struct punt_error want;
	} t[] = {
		{ "too big", 1460, false, IP6_IN_IP6, { ICMP6_TOO_BIG, 0, 1400 }, true,
			{ ICMP6_TOO_BIG, 0, 1360 } },
		{ "too big, with limit", 1460, true, IP6_IN_IP6, { ICMP6_TOO_BIG, 0, 1400 }, true,
			{ ICMP6_TOO_BIG, 0, 1352 } },
		{ "never below 1280", 1460, false, IP6_IN_IP6, { ICMP6_TOO_BIG, 0, 1300 }, true,
			{ ICMP6_TOO_BIG, 0, 1280 } },
		{ "must fit", 1280, false, IP6_IN_IP6, { ICMP6_TOO_BIG, 0, 1280 }, false, { 0 } },
		{ "hop limit", 100, false, IP6_IN_IP6, { ICMP6_TIME_EXCEEDED, 0, 0 }, true,
			{ ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0 } },
		{ "limit 0", 100, true, IP6_IN_IP6, { ICMP6_PARAM_PROBLEM, 0, 44 }, true,
			{ ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0 } },
		{ "no tunnel", 100, false, IP6_UDP, { ICMP6_TIME_EXCEEDED, 0, 0 }, false, { 0 } },
		{ "half a header inside", 39, false, IP6_IN_IP6, { ICMP6_TIME_EXCEEDED, 0, 0 },
			false, { 0 } },
	};
	struct ip6_addr cn = addr("2001:db8:9::9");

	(void)state;
	for (size_t i = 0; i < DIM(t); i++) {
		struct buf b = tunnel(t[i].inner_len, t[i].limit, t[i].proto);
		struct ctl_pkt p = { .data = b.p, .len = (uint16_t)b.n, .walked = true };
		struct punt_error e = t[i].e;
		bool told = punt_open_tunnel(&p, &e);

		if (told != t[i].told)
			fail_msg("%s: told %d", t[i].name, told);
		if (told && (e.type != t[i].want.type || e.code != t[i].want.code ||
				    e.arg != t[i].want.arg))
			fail_msg("%s: %u/%u/%u", t[i].name, e.type, e.code, e.arg);
		if (told) {
			assert_int_equal(p.len, t[i].inner_len);
			assert_true(ip6_eq(&ctl_pkt_ip6(&p)->src, &cn));
			assert_false(p.walked);
		}
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_open_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
