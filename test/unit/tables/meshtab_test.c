/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables of a mesh: each published whole, read until the grace period is over; what mesh_ask()
 * makes of one. */
#include "test.h"

#include <errno.h>

#include <rte_rcu_qsbr.h>

#include "common/mem.h"
#include "tables/dq.h"
#include "tables/meshtab.h"

#define DOMAINS 2

static struct rte_rcu_qsbr *rcu;
static size_t rcu_bytes;
static struct dq *dq;
static struct meshtab *t;

static int set_up(void **state)
{
	(void)state;
	rcu_bytes = rte_rcu_qsbr_get_memsize(1);
	rcu = mem_zalloc(rcu_bytes);
	assert_non_null(rcu);
	assert_int_equal(rte_rcu_qsbr_init(rcu, 1), 0);
	assert_int_equal(rte_rcu_qsbr_thread_register(rcu, 0), 0);
	rte_rcu_qsbr_thread_online(rcu, 0);
	assert_int_equal(dq_new(rcu, 2, &dq), 0);
	assert_int_equal(meshtab_new(DOMAINS, dq, &t), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	meshtab_free(t);
	dq_free(dq);
	mem_free(rcu, rcu_bytes);
	return 0;
}

static int publish(uint32_t domain, uint8_t mark)
{
	meshtab_buffer(t, domain)->self = mark;
	return meshtab_publish(t, domain);
}

static void grace_ends(void)
{
	rte_rcu_qsbr_quiescent(rcu, 0);
	dq_run(dq, 8);
}

static void test_publish(void **state)
{
	const struct mesh_domain *first, *second;

	(void)state;
	assert_null(meshtab_domain(t, 0));
	assert_int_equal(publish(0, 1), 0);
	first = meshtab_domain(t, 0);
	assert_int_equal(first->self, 1);
	assert_null(meshtab_domain(t, 1));
	assert_int_equal(publish(0, 2), 0);
	second = meshtab_domain(t, 0);
	assert_int_equal(second->self, 2);
	assert_int_equal(first->self, 1); /* who has it still reads what it was */
	/* a third one waits, and keeps what is in it, until nobody reads the first */
	assert_int_equal(publish(0, 3), -EAGAIN);
	assert_int_equal(publish(0, 4), -EAGAIN);
	assert_int_equal(meshtab_domain(t, 0)->self, 2);
	assert_int_equal(first->self, 1);
	dq_run(dq, 8);
	assert_int_equal(meshtab_publish(t, 0), -EAGAIN); /* no reader has reported */
	grace_ends();
	assert_int_equal(meshtab_publish(t, 0), 0);
	assert_int_equal(meshtab_domain(t, 0)->self, 4);
	assert_int_equal(second->self, 2);
	/* the other domain has its own */
	assert_int_equal(publish(1, 9), 0);
	assert_int_equal(meshtab_domain(t, 0)->self, 4);
	for (uint8_t i = 10; i < 100; i++) {
		grace_ends();
		assert_int_equal(publish(0, i), 0);
		assert_int_equal(meshtab_domain(t, 0)->self, i);
	}
	grace_ends();
}

static void nothing(void *ctx, uint64_t item)
{
	(void)ctx;
	(void)item;
}

/* No room to have it freed: refused, and nothing has changed. */
static void test_full(void **state)
{
	(void)state;
	assert_int_equal(publish(1, 1), 0);
	grace_ends();
	while (dq_room(dq) > 0)
		assert_int_equal(dq_push(dq, nothing, NULL, 0), 0);
	assert_int_equal(publish(1, 2), -EAGAIN);
	assert_int_equal(meshtab_domain(t, 1)->self, 1);
	grace_ends();
	assert_int_equal(meshtab_publish(t, 1), 0);
	assert_int_equal(meshtab_domain(t, 1)->self, 2);
	grace_ends();
}

static void test_memory(void **state)
{
	(void)state;
	assert_true(meshtab_memory(t) > 3 * DOMAINS * sizeof(struct mesh_domain));
	assert_true(sizeof(struct mesh_domain) < 68 << 10);
}

/* Each combination of hops has an answer of its own here: mesh_ask() finds it, and its hop. */
static void test_ask(void **state)
{
	static struct mesh_answers answers;
	static struct mesh_domain d;
	static const uint8_t hops[] = {
		[MESH_WAY_NOBODY] = 0, [MESH_WAY_HERE] = 1, [MESH_WAY_BACK] = 2, [MESH_WAY_ON] = 3
	};
	struct mesh_query q = { .kind = MESH_TUNNEL,
		.bound = MESH_BOUND,
		.from = MESH_FIRST,
		.peer = 2,
		.owner = 7,
		.bucket = 9,
		.agent = 8 };
	struct mesh_answer a;
	uint8_t node;

	(void)state;
	d.answers = &answers;
	d.self = 1;
	d.members[0] = 1 << 1 | 1 << 2;
	answers.foreign = 200;
	for (unsigned i = 0; i < MESH_WAYS; i++)
		answers.at[q.kind][q.bound][q.from][i] = (struct mesh_answer){
			.act = MESH_RELAY, .by = (uint8_t)(i % MESH_HOP_COUNT), .drop = (uint8_t)i
		};
	for (unsigned i = 0; i < MESH_WAYS; i++) {
		d.hop[7][9] = hops[i / 16];
		d.live[8] = hops[i / 4 % 4];
		d.hop[0][9] = hops[i % 4];
		a = mesh_ask(&d, &q, &node);
		assert_int_equal(a.drop, mesh_ways(i / 16, i / 4 % 4, i % 4));
		assert_int_equal(node, a.by == MESH_HOP_OWNER    ? d.hop[7][9]
				       : a.by == MESH_HOP_HOLDER ? d.live[8]
								 : d.hop[0][9]);
	}
	q.peer = 3; /* serves another domain with us */
	assert_int_equal(mesh_ask(&d, &q, &node).drop, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_ask),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
