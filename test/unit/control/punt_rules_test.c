/* SPDX-License-Identifier: BSD-3-Clause */
/* Who takes a packet for us, who is told that nobody did. */
#include "test.h"

#include "control/punt_rules.h"
#include "net/icmp6.h"
#include "tables/adj.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/tables.h"

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

/* --- neighbours that packets wait for --- */

static struct tables *world(void)
{
	struct tables_opts opts = { .readers = 1, .max_neighbors = 2, .max_routes = 16, .seed = 3 };
	struct tables *t;

	assert_int_equal(tables_new(&opts, &t), 0);
	return t;
}

static void route(struct tables *t, const char *p, uint32_t value)
{
	struct ip6_prefix pre = prefix(p);

	assert_int_equal(fib_set(t->fib, &pre, value), 0);
}

static void expect(
	const struct tables *t, const struct punt_waiting *w, uint16_t port, const char *neighbor)
{
	struct ip6_addr got, want = addr(neighbor);
	uint16_t at;

	assert_true(punt_neighbor(t, w, &at, &got));
	assert_int_equal(at, port);
	assert_true(ip6_eq(&got, &want));
}

static void test_neighbor(void **state)
{
	struct tables *t = world();
	struct ip6_addr host = addr("2001:db8:2::77"), gw = addr("2001:db8:1::1"), unused;
	struct ip6_addr other = addr("fe80::1");
	struct punt_waiting w = { .adj = adj_add(t->adj, 1, &gw), .dst = addr("2001:db8:c::1") };
	uint16_t port;

	(void)state;
	route(t, "2001:db8:2::/64", fib_value(FIB_ONLINK, 2));
	route(t, "2001:db8:dead::/48", fib_value(FIB_UNREACHABLE, 0));
	route(t, "2001:db8:c::/48", fib_value(FIB_VIA, w.adj));
	w.adj_owner = adj_owner(t->adj, w.adj);
	expect(t, &w, 1, "2001:db8:1::1");
	w = (struct punt_waiting){ .fib = fib_value(FIB_ONLINK, 2), .dst = host };
	expect(t, &w, 2, "2001:db8:2::77");
	w = (struct punt_waiting){ .fib = fib_value(FIB_UNREACHABLE, 0), .dst = host };
	assert_false(punt_neighbor(t, &w, &port, &unused));

	/* forgotten while the packet stood in the queue: what it waits for is still the same */
	w = (struct punt_waiting){ .adj = adj_add(t->adj, 2, &host), .dst = host };
	w.adj_owner = adj_owner(t->adj, w.adj);
	assert_int_equal(adj_del(t->adj, w.adj), 0);
	expect(t, &w, 2, "2001:db8:2::77");
	/* and another's by now */
	dq_run(t->dq, UINT32_MAX);
	assert_int_equal(adj_add(t->adj, 0, &other), w.adj);
	expect(t, &w, 2, "2001:db8:2::77");
	w.dst = addr("2001:db8:c::1");
	expect(t, &w, 1, "2001:db8:1::1");
	w.dst = addr("2001:db8:dead::1");
	assert_false(punt_neighbor(t, &w, &port, &unused));
	tables_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_neighbor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
