/* SPDX-License-Identifier: BSD-3-Clause */
/* Walking the neighbour cache: one number a step, whatever the cache's size, so that a dump can
 * be cut into slices; and which gateways are not there. Stand-ins for what this never reaches. */
#include "test.h"

#include "control/nd/nd_priv.h"
#include "net/nd.h"
#include "tables/tables.h"

#define MAX 1048576 /* runtime.max-neighbors: the most */

void nd_solicit(struct ctl *ctl, uint16_t port, const struct ip6_addr *target, const uint8_t *mac)
{
	(void)ctl;
	(void)port;
	(void)target;
	(void)mac;
}

void punt_unreachable(struct ctl *ctl, struct rte_mbuf *m)
{
	(void)ctl;
	(void)m;
	fail();
}

static unsigned dropped;

void dp_drop(struct dp *dp, struct rte_mbuf *m, enum dp_drop reason)
{
	(void)dp;
	(void)m;
	(void)reason;
	dropped++;
}

void dp_resume(struct dp *dp, struct rte_mbuf *m, uint32_t adjacency)
{
	(void)dp;
	(void)m;
	(void)adjacency;
	fail();
}

void dp_count_drop(struct dp *dp, enum dp_drop reason)
{
	(void)dp;
	(void)reason;
	fail();
}

static void test_walk(void **state)
{
	struct conf conf = { .runtime = { .max_neighbors = MAX } };
	struct nd nd = { 0 };
	struct tables tables = { 0 };
	struct ctl ctl = { .conf = &conf, .t = &tables, .nd = &nd };
	struct nd_info info;
	uint32_t cursor = 0, steps = 0;

	(void)state;
	assert_int_equal(neigh_new(&ctl, &nd), 0);
	while (nd_next(&ctl, &cursor, &info)) {
		assert_null(info.state);
		assert_int_equal(cursor, ++steps);
	}
	assert_int_equal(steps, MAX);
	neigh_free(&ctl, &nd);
}

static void hear(struct ctl *ctl, const char *who)
{
	struct nd_msg msg = { .target = addr(who),
		.has_lladdr = true,
		.lladdr = { 2 },
		.solicited = true,
		.override = true };

	assert_true(neigh_heard_na(ctl, 0, &msg));
}

static void test_gateways(void **state)
{
	struct conf_route routes[] = { { .via = addr("fe80::1") }, { .via = addr("fe80::2") },
		{ .via = addr("fe80::3") } };
	struct conf_port port = { .name = "wan" };
	struct conf conf = { .runtime = { .max_neighbors = 16 },
		.routes = routes,
		.route_count = 3,
		.ports = &port,
		.port_count = 1 };
	const struct tables_opts opts = {
		.readers = 1, .max_neighbors = 16, .max_routes = 16, .max_addrs = 1
	};
	struct ctl ctl = { .conf = &conf, .wheel = wheel_new(0) };
	struct nd nd = { 0 };
	struct ip6_addr one, other = addr("fe80::9");

	(void)state;
	ctl.nd = &nd;
	assert_int_equal(tables_new(&opts, &ctl.t), 0);
	assert_int_equal(neigh_new(&ctl, &nd), 0);
	assert_int_equal(nd_gateways_unresolved(&ctl, &one), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_not_equal(nd_gateway(&ctl, 0, &routes[i].via), 0);
	assert_int_equal(nd_gateways_unresolved(&ctl, &one), 3);
	assert_true(ip6_eq(&one, &routes[0].via));
	nd_ask_gateways(&ctl);
	assert_int_equal(nd_gateways_unresolved(&ctl, &one), 3);
	hear(&ctl, "fe80::1");
	hear(&ctl, "fe80::3");
	assert_int_equal(nd_gateways_unresolved(&ctl, &one), 1);
	assert_true(ip6_eq(&one, &routes[1].via));
	hear(&ctl, "fe80::2");
	assert_int_equal(nd_gateways_unresolved(&ctl, &one), 0);
	/* a neighbour that is no gateway is nobody's alarm */
	nd_resolve(&ctl, 0, &other, (struct rte_mbuf *)&dropped); /* never looked into */
	assert_int_equal(nd.unresolved, 1);
	assert_int_equal(nd_gateways_unresolved(&ctl, &one), 0);
	neigh_free(&ctl, &nd);
	assert_int_equal(dropped, 1);
	tables_free(ctl.t);
	wheel_free(ctl.wheel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_gateways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
