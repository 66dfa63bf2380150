/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <rte_rcu_qsbr.h>
#include <sys/mman.h>

#include "common/mem.h"
#include "tables/addrs.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/tables.h"

/* Without anybody having touched them. */
static void check_pages(void *p, size_t bytes)
{
	unsigned char there[(9 << 20) / 4096];

	assert_int_equal(mincore(p, bytes, there), 0);
	for (size_t i = 0; i < (bytes + 4095) / 4096; i++)
		assert_int_equal(there[i] & 1, 1);
}

static void test_mem(void **state)
{
	static const size_t sizes[] = { 1, 4096, 4097, (2 << 20) - 1, 2 << 20, (2 << 20) + 1,
		9 << 20 };

	(void)state;
	for (unsigned huge = 0; huge < 2; huge++) {
		mem_use_hugepages(huge);
		for (size_t i = 0; i < DIM(sizes); i++) {
			uint8_t *p = mem_zalloc(sizes[i]);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % 4096, 0);
			if (sizes[i] >= 2 << 20)
				assert_int_equal((uintptr_t)p % (2 << 20), 0);
			check_pages(p, sizes[i]);
			for (size_t at = 0; at < sizes[i]; at += 512)
				assert_int_equal(p[at], 0);
			assert_int_equal(p[sizes[i] - 1], 0);
			p[0] = p[sizes[i] - 1] = 1;
			mem_free(p, sizes[i]);
		}
	}
	mem_use_hugepages(false);
	assert_null(mem_zalloc(0));
	assert_null(mem_zalloc(SIZE_MAX));
	assert_null(mem_zalloc(1ULL << 60));
	mem_free(NULL, 5);
}

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
		cmocka_unit_test(test_mem),
		cmocka_unit_test(test_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
