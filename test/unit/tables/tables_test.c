/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <rte_rcu_qsbr.h>

#include "tables/addrs.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/tables.h"

static void test_together(void **state)
{
	struct tables_opts opts = { .readers = 2,
		.max_bindings = 100,
		.max_neighbors = 10,
		.max_routes = 10,
		.max_addrs = 3,
		.seed = 1 };
	struct ip6_prefix p = prefix("2001:db8:a::/48");
	struct bc_binding b = { .hoa = addr("2001:db8:a::1"), .coa = addr("2001:db8:1::1") };
	struct tables *t;
	uint32_t id;

	(void)state;
	assert_int_equal(tables_new(&opts, &t), 0);
	assert_int_equal(rte_rcu_qsbr_thread_register(t->rcu, 1), 0);
	rte_rcu_qsbr_thread_online(t->rcu, 1);
	assert_int_equal(fib_set(t->fib, &p, fib_value(FIB_DOMAIN, 3)), 0);
	assert_int_equal(fib_lookup(t->fib, &b.hoa), fib_value(FIB_DOMAIN, 3));
	assert_int_equal(bc_publish(t->bc, &b), 0);
	assert_int_not_equal(id = adj_add(t->adj, 0, &b.coa), ADJ_NONE);
	assert_int_equal(addrs_count(t->addrs), 0);
	/* What waits when it all goes: one of each, of a reader that never reports. */
	assert_int_equal(adj_del(t->adj, id), 0);
	assert_int_equal(bc_remove(t->bc, &b.hoa), 0);
	assert_int_equal(fib_del(t->fib, &p), 0);
	assert_int_equal(dq_used(t->dq), 3);
	tables_free(t);

	opts.max_bindings = 0;
	assert_int_equal(tables_new(&opts, &t), 0);
	assert_null(t->bc);
	tables_free(t);
	tables_free(NULL);

	opts.readers = 0; /* refused on the way: what was made before goes again */
	assert_true(tables_new(&opts, &t) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
