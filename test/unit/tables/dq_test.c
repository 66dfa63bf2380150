/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "readers.h"
#include "tables/dq.h"

#define SIZE 8

struct log {
	uint32_t n;
	uint64_t item[64];
	struct dq *again; /* push once more from inside */
};

static void note(void *ctx, uint64_t item)
{
	struct log *log = ctx;
	struct dq *dq = log->again;

	log->item[log->n++] = item;
	log->again = NULL;
	if (dq != NULL)
		assert_int_equal(dq_push(dq, note, log, item + 100), 0);
}

static struct rte_rcu_qsbr *rcu;
static struct dq *dq;
static struct log seen;

static int set_up(void **state)
{
	(void)state;
	rcu = readers_new(1);
	seen = (struct log){ 0 };
	return dq_new(rcu, SIZE, &dq);
}

static int tear_down(void **state)
{
	(void)state;
	dq_free(dq);
	free(rcu);
	return 0;
}

static void push(uint64_t item)
{
	assert_int_equal(dq_push(dq, note, &seen, item), 0);
}

static void test_sizes(void **state)
{
	static const uint32_t bad[] = { 0, 3, 12, UINT32_MAX };
	struct dq *none = NULL;

	(void)state;
	for (size_t i = 0; i < DIM(bad); i++)
		assert_int_equal(dq_new(rcu, bad[i], &none), -EINVAL);
	assert_null(none);
	dq_free(NULL);
}

/* One-lcore mode: who reads is who writes, and it reports between two turns. */
static void test_reader_is_writer(void **state)
{
	(void)state;
	push(1);
	assert_int_equal(dq_run(dq, 10), 0);
	assert_int_equal(dq_run(dq, 10), 0);
	push(2);
	rte_rcu_qsbr_quiescent(rcu, 0);
	push(3); /* after the report: that one isn't due */
	assert_int_equal(dq_run(dq, 10), 2);
	assert_int_equal(seen.item[0], 1);
	assert_int_equal(seen.item[1], 2);
	assert_int_equal(dq_used(dq), 1);
	rte_rcu_qsbr_quiescent(rcu, 0);
	assert_int_equal(dq_run(dq, 10), 1);
	assert_int_equal(dq_run(dq, 10), 0);
}

static void test_sleeping_reader(void **state)
{
	(void)state;
	push(1);
	rte_rcu_qsbr_thread_offline(rcu, 0);
	push(2);
	assert_int_equal(dq_run(dq, 10), 2);
	rte_rcu_qsbr_thread_online(rcu, 0);
	push(3);
	assert_int_equal(dq_run(dq, 10), 0);
}

static void test_reader_never_reports(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < SIZE; i++)
		push(i);
	assert_int_equal(dq_room(dq), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(dq_push(dq, note, &seen, 99), -ENOSPC);
		assert_int_equal(dq_run(dq, 10), 0);
	}
	assert_int_equal(dq_need(dq, 1), -ENOSPC);
	assert_int_equal(dq_refused(dq), 4);
	assert_int_equal(dq_used(dq), SIZE);
	assert_int_equal(seen.n, 0);

	rte_rcu_qsbr_quiescent(rcu, 0);
	assert_int_equal(dq_run(dq, 3), 3);
	assert_int_equal(dq_need(dq, 3), 0);
	assert_int_equal(dq_need(dq, 4), -ENOSPC);
	assert_int_equal(dq_run(dq, 10), SIZE - 3);
	for (uint64_t i = 0; i < SIZE; i++)
		assert_int_equal(seen.item[i], i);
	assert_int_equal(dq_room(dq), SIZE);
}

static void test_no_reader(void **state)
{
	(void)state;
	rte_rcu_qsbr_thread_offline(rcu, 0);
	assert_int_equal(rte_rcu_qsbr_thread_unregister(rcu, 0), 0);
	push(1);
	assert_int_equal(dq_run(dq, 1), 1);
}

/* Many times around the ring, pushing from inside a free, and what is left at the end. */
static void test_around(void **state)
{
	uint64_t next = 0, freed = 0;

	(void)state;
	for (unsigned turn = 0; turn < 1000; turn++) {
		for (unsigned i = 0; i < 1 + turn % SIZE; i++)
			push(next++);
		rte_rcu_qsbr_quiescent(rcu, 0);
		seen.n = 0;
		dq_run(dq, SIZE);
		for (uint32_t i = 0; i < seen.n; i++)
			assert_int_equal(seen.item[i], freed++);
	}
	assert_int_equal(freed, next);

	seen = (struct log){ .again = dq };
	for (unsigned i = 0; i < SIZE; i++)
		push(i);
	dq_drain(dq);
	assert_int_equal(seen.n, SIZE + 1);
	assert_int_equal(seen.item[SIZE], 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sizes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reader_is_writer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sleeping_reader, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reader_never_reports, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_reader, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_around, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
