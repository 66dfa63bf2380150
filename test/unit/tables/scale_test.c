/* SPDX-License-Identifier: BSD-3-Clause */
/* A million bindings: memory as docs promise it, all of them found, and what a lookup costs. */
#include "test.h"

#include <time.h>

#include "readers.h"
#include "records/records.h"
#include "rng.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"

#define MAX 1000000
#ifndef N
#define N MAX /* bindings made; fewer under sanitizers, which take ten times as long */
#endif
#define BYTES_A_BINDING 400 /* bound; what it is is printed */

static struct rte_rcu_qsbr *rcu;
static struct dq *dq;
static struct bc *bc;
static struct records *rs;

/* All of one /64, numbered on: what an operator has. */
static struct ip6_addr key(uint32_t i)
{
	return (struct ip6_addr){ { 0x20, 0x01, 0x0d, 0xb8, 0,
		0x0a, [13] = (uint8_t)(i >> 16), [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i } };
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_memory(void **state)
{
	double a_binding = (double)bc_memory(bc) / MAX, a_record = (double)records_memory(rs) / MAX;

	(void)state;
	printf("bytes per binding: binding cache %.1f + records %.1f = %.1f; struct record %zu\n",
		a_binding, a_record, a_binding + a_record, sizeof(struct record));
	assert_true(a_record <= 160);
	assert_true(a_binding + a_record <= BYTES_A_BINDING);
}

static void test_fill(void **state)
{
	double t0 = seconds();

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		struct bc_binding b = { .hoa = key(i), .coa = key(~i), .domain = 1 };
		struct record *r = records_add(rs, 1, &b.hoa);

		assert_non_null(r);
		records_set(rs, r, RECORD_LIVE, &b.coa, 3600000 + i % 1000);
		b.record = r->handle;
		assert_int_equal(bc_publish(bc, &b), 0);
	}
	printf("made and published: %.0f ns each\n", (seconds() - t0) * 1e9 / N);
	assert_int_equal(bc_count(bc), N);
	assert_int_equal(records_live(rs), N);
	assert_int_equal(records_live_in(rs, 1), N);
}

static void lookup(const uint32_t *order, uint32_t keys, bool there)
{
	const struct bc_entry *out[32];
	const struct ip6_addr *hoa[32];
	struct ip6_addr k[32];

	for (uint32_t at = 0; at < N; at += 32) {
		for (uint32_t i = 0; i < 32; i++) {
			k[i] = key(order[at + i] % keys + (there ? 0 : N));
			hoa[i] = &k[i];
		}
		bc_find_bulk(bc, hoa, 32, out);
		for (uint32_t i = 0; i < 32; i++) {
			if (!there) {
				assert_null(out[i]);
				continue;
			}
			if (out[i] == NULL || out[i]->sum == 0 || !ip6_eq(&out[i]->hoa, &k[i]))
				fail_msg("key %u", order[at + i] % keys);
		}
	}
}

/* The loop without lookups, to be taken off. */
static double floor_ns(const uint32_t *order, uint32_t keys)
{
	double t0 = seconds();
	uint64_t x = 0;

	for (uint32_t at = 0; at < N; at++) {
		struct ip6_addr k = key(order[at] % keys);

		x += ip6_word(&k, 1);
		__asm__ volatile("" : : "r"(x));
	}
	return (seconds() - t0) * 1e9 / N;
}

static void test_find_all(void **state)
{
	static const uint32_t spread[] = { N / 100, N / 10, N };
	uint32_t *order = malloc(N * sizeof(*order));
	uint64_t r = rng_start("order");

	(void)state;
	assert_non_null(order);
	for (uint32_t i = 0; i < N; i++)
		order[i] = i;
	for (uint32_t i = N - 1; i > 0; i--) {
		uint32_t j = rng_below(&r, i + 1), x = order[i];

		order[i] = order[j];
		order[j] = x;
	}
	for (size_t s = 0; s < DIM(spread); s++) {
		double t0 = seconds(), t;

		lookup(order, spread[s], true);
		t = (seconds() - t0) * 1e9 / N;
		printf("found in bursts of 32, %u keys: %.1f ns each, without it %.1f\n", spread[s],
			t, floor_ns(order, spread[s]));
	}
	lookup(order, N, false);
	free(order);
}

/* Every binding moves once, then goes, with what workers saw freed on the way. */
static void test_move_and_remove(void **state)
{
	double t0 = seconds();

	(void)state;
	for (uint32_t i = 0; i < N; i++) {
		struct bc_binding b = { .hoa = key(i), .coa = key(i / 2), .domain = 1 };
		struct record *r = records_find(rs, 1, &b.hoa);

		assert_non_null(r);
		records_set(rs, r, RECORD_LIVE, &b.coa, 7200000);
		b.record = r->handle;
		assert_int_equal(bc_publish(bc, &b), 0);
		if (i % 32 == 0) {
			rte_rcu_qsbr_quiescent(rcu, 0);
			dq_run(dq, 64);
		}
	}
	printf("moved: %.0f ns each\n", (seconds() - t0) * 1e9 / N);
	assert_int_equal(records_at_coa(rs, &(struct ip6_addr){ 0 }), 0);
	for (uint32_t i = 0; i < N; i++) {
		struct ip6_addr hoa = key(i), coa = key(i / 2);

		assert_int_equal(records_at_coa(rs, &coa), 2 - i % 2);
		assert_int_equal(bc_remove(bc, &hoa), 0);
		records_del(rs, records_find(rs, 1, &hoa));
		rte_rcu_qsbr_quiescent(rcu, 0);
		dq_run(dq, 64);
	}
	assert_int_equal(bc_count(bc), 0);
	assert_int_equal(records_live(rs), 0);
}

static int set_up(void **state)
{
	struct bc_opts bc_opts = { .max = MAX, .seed = 0x1234567890abcdef };
	struct records_opts rs_opts = { .max = MAX, .seed = 0xfedcba0987654321, .now_ms = 0 };

	(void)state;
	rcu = readers_new(1);
	assert_int_equal(dq_new(rcu, 16384, &dq), 0);
	assert_int_equal(bc_new(&bc_opts, dq, &bc), 0);
	assert_int_equal(records_new(&rs_opts, &rs), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	records_free(rs);
	bc_free(bc);
	dq_free(dq);
	free(rcu);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_fill),
		cmocka_unit_test(test_find_all),
		cmocka_unit_test(test_move_and_remove),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
