/* SPDX-License-Identifier: BSD-3-Clause */
/* Who takes a packet for us, who is told that nobody did. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
