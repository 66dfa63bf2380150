/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One writer churns while four readers look up and count. Readers verify each entry's checksum;
 * no increment may get lost. Built a second time with BC_PLANT_TORN_PUBLISH, where bc_publish()
 * overwrites a published entry: then this test must see torn entries. Under the thread
 * sanitizer it is the proof of the memory orders in bc.c and sigtab.h.
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "readers.h"
#include "rng.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"

#define READERS 4
#define KEYS    96
#define BURST   32
#define DQ_SIZE 256

static struct rte_rcu_qsbr *rcu;
static struct dq *dq;
static struct bc *bc;
static _Atomic bool stop;

struct reader {
	pthread_t thread;
	uint32_t id;
	uint64_t seed;
	uint64_t bursts, found, missed, torn, wrong;
	uint64_t counted[KEYS];
};

static struct ip6_addr key(uint32_t i)
{
	return (struct ip6_addr){ { 0x20, 0x01, 0x0d, 0xb8, [15] = (uint8_t)i } };
}

/* Every field follows from the key and the version, so that a mixture can't go unnoticed. */
static struct bc_binding binding(uint32_t i, uint64_t version)
{
	struct bc_binding b = { .hoa = key(i),
		.record = (uint32_t)version,
		.domain = (uint16_t)version,
		.flags = (uint8_t)version };

	memcpy(b.coa.b, &version, sizeof(version));
	memcpy(b.ha.b + 8, &version, sizeof(version));
	return b;
}

static void read_burst(struct reader *r, uint64_t *rnd)
{
	const struct ip6_addr *hoa[BURST];
	const struct bc_entry *out[BURST];
	struct ip6_addr k[BURST];
	uint32_t which[BURST];

	for (uint32_t i = 0; i < BURST; i++) {
		which[i] = rng_below(rnd, KEYS);
		k[i] = key(which[i]);
		hoa[i] = &k[i];
	}
	bc_find_bulk(bc, hoa, BURST, out);
	for (uint32_t i = 0; i < BURST; i++) {
		if (out[i] == NULL) {
			r->missed++;
			continue;
		}
		r->found++;
		r->wrong += !ip6_eq(&out[i]->hoa, &k[i]);
		r->torn += bc_sum(out[i]) != out[i]->sum;
		r->counted[which[i]]++;
		bc_count_to(out[i], 1, 100);
	}
	r->bursts++;
}

static void *reader_main(void *arg)
{
	struct reader *r = arg;
	uint64_t rnd = r->seed;

	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		read_burst(r, &rnd);
		rte_rcu_qsbr_quiescent(rcu, r->id);
		if (r->bursts % 64 == 0) { /* a nap, as an idle worker takes one */
			rte_rcu_qsbr_thread_offline(rcu, r->id);
			sched_yield();
			rte_rcu_qsbr_thread_online(rcu, r->id);
		}
	}
	rte_rcu_qsbr_thread_offline(rcu, r->id);
	return NULL;
}

static void start(struct reader readers[READERS], uint64_t *rnd)
{
	struct bc_opts opts = { .max = KEYS, .seed = rng_next(rnd) };

	rcu = readers_new(READERS);
	assert_int_equal(dq_new(rcu, DQ_SIZE, &dq), 0);
	assert_int_equal(bc_new(&opts, dq, &bc), 0);
	stop = false;
	for (uint32_t i = 0; i < READERS; i++) {
		readers[i] = (struct reader){ .id = i, .seed = rng_next(rnd) };
		assert_int_equal(
			pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]), 0);
	}
}

static struct reader join(struct reader readers[READERS])
{
	struct reader sum = { 0 };

	stop = true;
	for (uint32_t i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		sum.bursts += readers[i].bursts;
		sum.found += readers[i].found;
		sum.missed += readers[i].missed;
		sum.torn += readers[i].torn;
		sum.wrong += readers[i].wrong;
		for (uint32_t k = 0; k < KEYS; k++)
			sum.counted[k] += readers[i].counted[k];
	}
	return sum;
}

static void tear_down(void)
{
	bc_free(bc);
	dq_free(dq);
	free(rcu);
}

static bool time_is_up(const struct timespec *since, double seconds)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - since->tv_sec) + (double)(now.tv_nsec - since->tv_nsec) / 1e9 >
	       seconds;
}

static void test_whole_entries(void **state)
{
	uint64_t rnd = rng_start("whole entries");
	struct reader readers[READERS], sum;
	uint64_t published = 0, removed = 0, refused = 0;
	struct timespec t0;

	(void)state;
	start(readers, &rnd);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (uint64_t op = 0; op % 1024 != 0 || !time_is_up(&t0, 2); op++) {
		uint32_t i = rng_below(&rnd, KEYS);
		struct bc_binding b = binding(i, rng_next(&rnd));
		int ret = op % 4 == 0 ? bc_remove(bc, &b.hoa) : bc_publish(bc, &b);

		published += ret == 0 && op % 4 != 0;
		removed += ret == 0 && op % 4 == 0;
		if (ret == -ENOSPC) {
			refused++;
			sched_yield(); /* let them report */
		}
		dq_run(dq, 4);
	}
	sum = join(readers);
	printf("published %lu removed %lu refused %lu; bursts %lu found %lu missed %lu "
	       "torn %lu wrong %lu\n",
		published, removed, refused, sum.bursts, sum.found, sum.missed, sum.torn,
		sum.wrong);
	tear_down();
	assert_true(published > 1000 && removed > 100 && sum.found > 1000);
	assert_int_equal(sum.wrong, 0);
#ifdef BC_PLANT_TORN_PUBLISH
	assert_true(sum.torn > 0);
#else
	assert_int_equal(sum.torn, 0);
#endif
}

#ifndef BC_PLANT_TORN_PUBLISH
static uint64_t billed[KEYS], bills;

static void bill(void *ctx, const struct bc_entry *e, const struct bc_counts *c)
{
	(void)ctx;
	assert_int_equal(c->bytes_to, 100 * c->packets_to);
	billed[e->hoa.b[15]] += c->packets_to;
	bills++;
}

static uint64_t total(uint32_t i)
{
	struct ip6_addr k = key(i);
	const struct bc_entry *e = bc_find(bc, &k);
	struct bc_counts c = { 0 };

	if (e != NULL)
		bc_counts(bc, e, &c);
	assert_int_equal(c.bytes_to, 100 * c.packets_to);
	return c.packets_to;
}

static void test_no_increment_lost(void **state)
{
	uint64_t rnd = rng_start("no increment lost");
	struct reader readers[READERS], sum;
	uint64_t seen[KEYS] = { 0 }, moves = 0, removals = 0, all = 0;
	struct timespec t0;

	(void)state;
	start(readers, &rnd);
	bc_on_final(bc, bill, NULL);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (uint64_t op = 0; op % 1024 != 0 || !time_is_up(&t0, 2); op++) {
		uint32_t i = rng_below(&rnd, KEYS);
		struct bc_binding b = binding(i, rng_next(&rnd));

		/* Removed while packets are being counted in it, and in what it replaced. */
		if (op % 16 == 15 && bc_remove(bc, &b.hoa) == 0) {
			seen[i] = 0;
			removals++;
		}
		moves += bc_publish(bc, &b) == 0;
		if (dq_run(dq, rng_below(&rnd, 4)) == 0 && dq_room(dq) == 0)
			sched_yield();
		/* Packets are counted between the two loads: each is checked by itself. */
		struct bc_counts c = { 0 };
		const struct bc_entry *e = bc_find(bc, &b.hoa);

		if (e != NULL)
			bc_counts(bc, e, &c);
		assert_true(c.packets_to >= seen[i]);
		seen[i] = c.packets_to;
	}
	sum = join(readers);
	dq_drain(dq);
	for (uint32_t i = 0; i < KEYS; i++) {
		all += sum.counted[i];
		if (billed[i] + total(i) != sum.counted[i])
			fail_msg("key %u: %lu + %lu counted, not %lu", i, billed[i], total(i),
				sum.counted[i]);
	}
	printf("moves %lu removals %lu packets %lu\n", moves, removals, all);
	tear_down();
	assert_int_equal(bills, removals);
	assert_true(moves > 1000 && removals > 100 && all > 1000);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_entries),
#ifndef BC_PLANT_TORN_PUBLISH
		cmocka_unit_test(test_no_increment_lost),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
