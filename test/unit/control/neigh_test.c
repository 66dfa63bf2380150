/* SPDX-License-Identifier: BSD-3-Clause */
/* Walking the neighbour cache: one number a step, whatever the cache's size, so that a dump can
 * be cut into slices. Stand-ins for what a walk never reaches. */
#include "test.h"

#include "control/nd/nd_priv.h"
#include "tables/tables.h"

#define MAX 1048576 /* runtime.max-neighbors: the most */

void nd_solicit(struct ctl *ctl, uint16_t port, const struct ip6_addr *target, const uint8_t *mac)
{
	(void)ctl;
	(void)port;
	(void)target;
	(void)mac;
	fail();
}

void punt_unreachable(struct ctl *ctl, struct rte_mbuf *m)
{
	(void)ctl;
	(void)m;
	fail();
}

void dp_drop(struct dp *dp, struct rte_mbuf *m, enum dp_drop reason)
{
	(void)dp;
	(void)m;
	(void)reason;
	fail();
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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_walk) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
