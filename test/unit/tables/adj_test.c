/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "readers.h"
#include "rng.h"
#include "tables/adj.h"
#include "tables/dq.h"

static struct rte_rcu_qsbr *rcu;
static struct dq *dq;
static struct adj_tbl *t;

static void start(uint32_t max)
{
	struct adj_opts opts = { .max = max, .seed = 42 };

	rcu = readers_new(1);
	assert_int_equal(dq_new(rcu, 8, &dq), 0);
	assert_int_equal(adj_new(&opts, dq, &t), 0);
}

static void stop(void)
{
	adj_free(t);
	dq_free(dq);
	free(rcu);
}

static void grace(void)
{
	rte_rcu_qsbr_quiescent(rcu, 0);
	dq_run(dq, UINT32_MAX);
}

static void test_word(void **state)
{
	static const uint8_t mac[6] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };
	struct ip6_addr a = addr("fe80::1");
	uint32_t id;

	(void)state;
	start(4);
	assert_int_equal(adj_word(t, ADJ_NONE), 0);
	assert_int_equal(adj_find(t, 1, &a), ADJ_NONE);
	id = adj_add(t, 1, &a);
	assert_in_range(id, 1, 4);
	assert_int_equal(adj_find(t, 1, &a), id);
	assert_int_equal(adj_find(t, 2, &a), ADJ_NONE); /* another link, another neighbour */
	assert_int_equal(adj_port(t, id), 1);
	assert_true(ip6_eq(adj_addr(t, id), &a));
	assert_int_equal(adj_word(t, id), 0);
	adj_set(t, id, mac, ADJ_RESOLVED);
	assert_true(adj_word(t, id) == (ADJ_RESOLVED | 0x554433221102));
	adj_set(t, id, mac, ADJ_RESOLVED | ADJ_REPORT_USE);
	assert_true(adj_word(t, id) == (ADJ_RESOLVED | ADJ_REPORT_USE | 0x554433221102));
	assert_false(adj_take_used(t, id));
	adj_mark_used(t, id);
	adj_mark_used(t, id);
	assert_true(adj_take_used(t, id));
	assert_false(adj_take_used(t, id));
	adj_clear(t, id);
	assert_int_equal(adj_word(t, id), 0);
	stop();
	adj_free(NULL);
}

/* One bucket and 16 bits of signature: among so many, some collide. */
static void test_other_ports(void **state)
{
	(void)state;
	start(4);
	for (uint32_t i = 0; i < 10; i++) {
		struct ip6_addr a = { { 0xfe, 0x80, [15] = (uint8_t)i } };
		uint32_t id = adj_add(t, 7, &a);

		for (uint32_t port = 0; port <= UINT16_MAX; port++)
			assert_int_equal(
				adj_find(t, (uint16_t)port, &a), port == 7 ? id : ADJ_NONE);
		assert_int_equal(adj_del(t, id), 0);
		grace();
	}
	stop();
}

static void test_ids_rest(void **state)
{
	struct ip6_addr a[5] = { addr("fe80::1"), addr("fe80::2"), addr("fe80::3"), addr("fe80::4"),
		addr("fe80::5") };
	uint32_t id[4];
	uint8_t owner;

	(void)state;
	start(4);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_not_equal(id[i] = adj_add(t, 0, &a[i]), ADJ_NONE);
	assert_int_equal(adj_add(t, 0, &a[4]), ADJ_NONE);
	assert_int_equal(adj_count(t), 4);
	adj_set(t, id[1], a[0].b, ADJ_RESOLVED);
	adj_mark_used(t, id[1]);
	owner = adj_owner(t, id[1]);
	assert_int_equal(adj_del(t, id[1]), 0);
	assert_int_equal(adj_del(t, id[1]), 0); /* once is enough */
	assert_int_equal(adj_count(t), 3);
	assert_int_equal(adj_find(t, 0, &a[1]), ADJ_NONE);
	assert_int_equal(adj_word(t, id[1]), 0); /* who still holds the id finds it unresolved */
	assert_int_equal(adj_add(t, 0, &a[4]), ADJ_NONE); /* before the grace period */
	grace();
	assert_int_equal(adj_owner(t, id[1]), owner); /* what is behind the id is still there */
	assert_true(ip6_eq(adj_addr(t, id[1]), &a[1]));
	assert_int_equal(adj_add(t, 0, &a[4]), id[1]);
	assert_int_equal(adj_owner(t, id[1]), owner + 1);
	assert_false(adj_take_used(t, id[1]));
	stop();
}

static void test_queue_full(void **state)
{
	struct ip6_addr a = addr("fe80::1");
	uint32_t id;

	(void)state;
	start(20);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(adj_del(t, adj_add(t, 0, &a)), 0);
	id = adj_add(t, 0, &a);
	assert_int_equal(adj_del(t, id), -ENOSPC);
	assert_int_equal(adj_find(t, 0, &a), id);
	assert_int_equal(adj_count(t), 1);
	grace();
	assert_int_equal(adj_del(t, id), 0);
	assert_int_equal(adj_count(t), 0);
	stop();
}

static void test_model(void **state)
{
	enum { KEYS = 400, MAX = 200 };
	uint64_t r = rng_start("model");
	uint32_t id[KEYS] = { 0 }, count = 0;

	(void)state;
	start(MAX);
	for (uint32_t op = 0; op < 100000; op++) {
		uint32_t k = rng_below(&r, KEYS), check = rng_below(&r, KEYS);
		uint16_t port = k % 3;
		struct ip6_addr a = { { 0xfe,
			0x80, [14] = (uint8_t)(k / 3 >> 8), [15] = (uint8_t)(k / 3) } };

		if (id[k] == 0) {
			id[k] = adj_add(t, port, &a);
			assert_true(id[k] != 0 || count + dq_used(dq) == MAX);
			count += id[k] != 0;
		} else if (adj_del(t, id[k]) == 0) {
			id[k] = 0;
			count--;
		} else {
			assert_int_equal(dq_room(dq), 0);
		}
		a.b[14] = (uint8_t)(check / 3 >> 8);
		a.b[15] = (uint8_t)(check / 3);
		assert_int_equal(adj_find(t, check % 3, &a), id[check]);
		assert_int_equal(adj_count(t), count);
		if (rng_below(&r, 4) == 0)
			grace();
	}
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_word),
		cmocka_unit_test(test_other_ports),
		cmocka_unit_test(test_ids_rest),
		cmocka_unit_test(test_queue_full),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
