/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "readers.h"
#include "rng.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"
#include "tables/sigtab.h"

#define DQ_SIZE 16

static struct rte_rcu_qsbr *rcu;
static struct dq *dq;
static struct bc *bc;

static void start(uint32_t max, uint64_t seed)
{
	struct bc_opts opts = { .max = max, .seed = seed };

	rcu = readers_new(1);
	assert_int_equal(dq_new(rcu, DQ_SIZE, &dq), 0);
	assert_int_equal(bc_new(&opts, dq, &bc), 0);
}

static void stop(void)
{
	bc_free(bc);
	dq_free(dq);
	free(rcu);
}

static void grace(void)
{
	rte_rcu_qsbr_quiescent(rcu, 0);
	dq_run(dq, UINT32_MAX);
}

static struct ip6_addr key(uint32_t i)
{
	return (struct ip6_addr){ { 0x20, 0x01, 0x0d, 0xb8, [12] = (uint8_t)(i >> 24),
		[13] = (uint8_t)(i >> 16), [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i } };
}

static struct bc_binding binding(uint32_t i, uint32_t version)
{
	struct bc_binding b = { .hoa = key(i),
		.coa = key(version),
		.ha = key(7),
		.record = i,
		.domain = (uint16_t)(i % 3),
		.flags = (uint8_t)(version % 2) };

	b.coa.b[2] = 0xff;
	return b;
}

static void check(const struct bc_entry *e, const struct bc_binding *b)
{
	assert_non_null(e);
	assert_true(ip6_eq(&e->hoa, &b->hoa));
	assert_true(ip6_eq(&e->coa, &b->coa));
	assert_true(ip6_eq(&e->ha, &b->ha));
	assert_int_equal(e->record, b->record);
	assert_int_equal(e->domain, b->domain);
	assert_int_equal(e->flags, b->flags);
	assert_int_equal(e->sum, bc_sum(e));
}

/* The path MTU changes in place, by a refresh too, and is the new care-of address's after a move. */
static void test_mtu(void **state)
{
	struct bc_binding b = binding(1, 10), moved = binding(1, 12);
	const struct bc_entry *e;

	(void)state;
	start(4, 42);
	b.mtu = 1400;
	assert_int_equal(bc_publish(bc, &b), 0);
	e = bc_find(bc, &b.hoa);
	assert_int_equal(bc_path_mtu(e, 1500), 1400);
	assert_int_equal(bc_path_mtu(e, 1280), 1280);
	bc_set_mtu(e, 1300);
	assert_int_equal(bc_path_mtu(e, 1500), 1300);
	bc_set_mtu(e, 0);
	assert_int_equal(bc_path_mtu(e, 9600), 9600);
	assert_int_equal(bc_publish(bc, &b), 0);
	assert_ptr_equal(bc_find(bc, &b.hoa), e);
	assert_int_equal(bc_path_mtu(e, 1500), 1400);
	check(e, &b);
	assert_int_equal(bc_publish(bc, &moved), 0);
	assert_int_equal(bc_path_mtu(bc_find(bc, &b.hoa), 1500), 1500);
	assert_int_equal(bc_path_mtu(e, 1500), 1400); /* who still reads the old one */
	stop();
}

/* Another owner is a store in place; another bucket would be another binding. */
static void test_owner(void **state)
{
	struct bc_binding b = binding(1, 10);
	const struct bc_entry *e;

	(void)state;
	start(4, 42);
	b.owner = 3;
	b.bucket = 77;
	assert_int_equal(bc_publish(bc, &b), 0);
	e = bc_find(bc, &b.hoa);
	assert_int_equal(e->owner, 3);
	assert_int_equal(e->bucket, 77);
	b.owner = 4;
	assert_int_equal(bc_publish(bc, &b), 0);
	assert_ptr_equal(bc_find(bc, &b.hoa), e);
	assert_int_equal(e->owner, 4);
	check(e, &b);
	b.coa = key(99);
	b.owner = 5;
	assert_int_equal(bc_publish(bc, &b), 0);
	assert_int_equal(e->owner, 4); /* who still reads the old one */
	assert_int_equal(bc_find(bc, &b.hoa)->owner, 5);
	stop();
}

/* After a move with grace, and until that is over, it may speak from where it was. */
static void test_grace(void **state)
{
	struct bc_binding b = binding(1, 10);
	struct ip6_addr first = b.coa, second = key(98), third = key(97);
	const struct bc_entry *e;

	(void)state;
	start(8, 42);
	b.grace = true;
	assert_int_equal(bc_publish(bc, &b), 0);
	e = bc_find(bc, &b.hoa);
	assert_true(bc_is_from(e, &first));
	assert_false(bc_is_from(e, &(struct ip6_addr){ 0 })); /* there was no other before */
	b.coa = second;
	assert_int_equal(bc_publish(bc, &b), 0);
	e = bc_find(bc, &b.hoa);
	assert_true(bc_is_from(e, &first) && bc_is_from(e, &second));
	/* a refresh changes nothing about it, nor does another flag */
	b.grace = false;
	assert_int_equal(bc_publish(bc, &b), 0);
	b.flags ^= 1;
	assert_int_equal(bc_publish(bc, &b), 0);
	e = bc_find(bc, &b.hoa);
	assert_true(bc_is_from(e, &first) && bc_is_from(e, &second));
	bc_end_grace(e);
	assert_false(bc_is_from(e, &first));
	/* the one before the last does not come back */
	b.coa = third;
	b.grace = true;
	assert_int_equal(bc_publish(bc, &b), 0);
	e = bc_find(bc, &b.hoa);
	assert_true(bc_is_from(e, &second) && bc_is_from(e, &third));
	assert_false(bc_is_from(e, &first));
	/* a move without */
	b.coa = first;
	b.grace = false;
	assert_int_equal(bc_publish(bc, &b), 0);
	assert_false(bc_is_from(bc_find(bc, &b.hoa), &third));
	check(bc_find(bc, &b.hoa), &b);
	stop();
}

static void test_life(void **state)
{
	struct bc_binding a = binding(1, 10), moved = binding(1, 11);
	const struct bc_entry *old;

	(void)state;
	start(4, 42);
	assert_null(bc_find(bc, &a.hoa));
	assert_int_equal(bc_remove(bc, &a.hoa), -ENOENT);
	a.fib_generation = 5;
	a.adjacency = 6;
	assert_int_equal(bc_publish(bc, &a), 0);
	old = bc_find(bc, &a.hoa);
	check(old, &a);
	assert_true(old->nexthop == (5ULL << 32 | 6));

	/* A refresh changes in place and needs no grace period. */
	a.adjacency = 7;
	assert_int_equal(bc_publish(bc, &a), 0);
	assert_ptr_equal(bc_find(bc, &a.hoa), old);
	assert_true(old->nexthop == (5ULL << 32 | 7));
	assert_int_equal(dq_used(dq), 0);
	bc_set_nexthop(old, 8, 9);
	assert_true(old->nexthop == (8ULL << 32 | 9));

	/* A move: who found the old one still reads the old one. */
	assert_int_equal(bc_publish(bc, &moved), 0);
	check(bc_find(bc, &a.hoa), &moved);
	check(old, &a);
	assert_int_equal(bc_count(bc), 1);
	assert_int_equal(bc_remove(bc, &a.hoa), 0);
	assert_null(bc_find(bc, &a.hoa));
	assert_int_equal(bc_count(bc), 0);
	check(old, &a);
	stop();
	bc_free(NULL);
}

/* A full table refuses new bindings and still moves every one that it has. */
static void test_full(void **state)
{
	(void)state;
	start(5, 42);
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(bc_publish(bc, &(struct bc_binding){ .hoa = key(i) }), 0);
	assert_int_equal(bc_publish(bc, &(struct bc_binding){ .hoa = key(5) }), -ENOSPC);
	for (uint32_t turn = 0; turn < 20; turn++) {
		for (uint32_t i = 0; i < DQ_SIZE; i++) {
			struct bc_binding b = binding(i % 5, 100 * turn + i);

			assert_int_equal(bc_publish(bc, &b), 0);
		}
		grace();
	}
	assert_null(bc_find(bc, &(struct ip6_addr){ 0 }));
	assert_int_equal(bc_count(bc), 5);
	stop();
}

/* The reader never reports: refused, counted, nothing changed, nothing lost, and well again. */
static void test_queue_full(void **state)
{
	struct bc_binding b, refused = binding(1, 99);

	(void)state;
	start(8, 42);
	for (uint32_t i = 0; i <= DQ_SIZE; i++) {
		b = binding(1, i);
		assert_int_equal(bc_publish(bc, &b), 0);
		bc_count_to(bc_find(bc, &b.hoa), 1, 10);
	}
	assert_int_equal(dq_refused(dq), 0);
	assert_int_equal(bc_publish(bc, &refused), -ENOSPC);
	assert_int_equal(bc_remove(bc, &b.hoa), -ENOSPC);
	assert_int_equal(dq_refused(dq), 2);
	check(bc_find(bc, &b.hoa), &b);
	assert_int_equal(bc_count(bc), 1);
	b.adjacency = 3; /* a refresh passes */
	assert_int_equal(bc_publish(bc, &b), 0);
	assert_int_equal(bc_publish(bc, &(struct bc_binding){ .hoa = key(2) }), 0);
	grace();
	assert_int_equal(bc_publish(bc, &refused), 0);
	for (uint32_t i = 0; i < 1000; i++) {
		grace();
		b = binding(1, i);
		assert_int_equal(bc_publish(bc, &b), 0);
	}
	assert_int_equal(bc_remove(bc, &b.hoa), 0);
	stop();
}

static uint64_t packets(uint32_t i)
{
	struct ip6_addr a = key(i);
	const struct bc_entry *e = bc_find(bc, &a);
	struct bc_counts c;

	assert_non_null(e);
	bc_counts(bc, e, &c);
	assert_int_equal(c.bytes_to, 10 * c.packets_to);
	assert_int_equal(c.packets_from, 2 * c.packets_to);
	assert_int_equal(c.bytes_from, 3 * c.packets_to);
	return c.packets_to;
}

static void count(const struct bc_entry *e)
{
	bc_count_to(e, 1, 10);
	bc_count_from(e, 2, 3);
}

static struct {
	unsigned n;
	struct ip6_addr hoa;
	struct bc_counts total;
} finals;

static void take_final(void *ctx, const struct bc_entry *e, const struct bc_counts *total)
{
	(void)ctx;
	finals.n++;
	finals.hoa = e->hoa;
	finals.total = *total;
}

/* Counting goes on in entries that were replaced or removed, until the grace period is over. */
static void test_counters(void **state)
{
	const struct bc_entry *held[6];
	struct ip6_addr hoa;
	uint64_t sum = 0;

	(void)state;
	start(4, 42);
	memset(&finals, 0, sizeof(finals));
	bc_on_final(bc, take_final, NULL);
	for (uint32_t round = 0; round < 4; round++) {
		for (uint32_t i = 0; i < DIM(held); i++) {
			struct bc_binding b = binding(1, 10 * round + i);

			assert_int_equal(bc_publish(bc, &b), 0);
			held[i] = bc_find(bc, &b.hoa);
			for (uint32_t j = 0; j <= i; j++, sum++)
				count(held[j]);
			assert_int_equal(packets(1), sum);
			/* One in the middle of the chain becomes free: nothing seems lost. */
			dq_run(dq, 1);
			assert_int_equal(packets(1), sum);
		}
		rte_rcu_qsbr_quiescent(rcu, 0);
		while (dq_run(dq, 1) == 1)
			assert_int_equal(packets(1), sum);
	}
	/* Replaced, and the successor removed, before the grace period of either is over. */
	for (uint32_t i = 0; i < 2; i++) {
		struct bc_binding b = binding(1, 90 + i);

		assert_int_equal(bc_publish(bc, &b), 0);
		held[i] = bc_find(bc, &b.hoa);
		count(held[i]);
	}
	assert_int_equal(bc_remove(bc, &held[1]->hoa), 0);
	count(held[0]);
	count(held[1]);
	dq_run(dq, DQ_SIZE);
	assert_int_equal(finals.n, 0);
	grace();
	assert_int_equal(finals.n, 1);
	hoa = key(1);
	assert_true(ip6_eq(&finals.hoa, &hoa));
	assert_int_equal(finals.total.packets_to, sum + 4);
	assert_int_equal(finals.total.bytes_to, 10 * (sum + 4));
	assert_int_equal(finals.total.packets_from, 2 * (sum + 4));
	assert_int_equal(finals.total.bytes_from, 3 * (sum + 4));
	/* Registered anew: counted anew. */
	assert_int_equal(bc_publish(bc, &(struct bc_binding){ .hoa = key(1) }), 0);
	assert_int_equal(packets(1), 0);
	stop();
}

/* All in one bucket: chains grow, shrink in any order, and give everything back. */
static void test_one_chain(void **state)
{
	enum { N = 60 };
	uint64_t r = rng_start("one chain");
	struct ip6_addr k[N];
	uint32_t found = 0;

	(void)state;
	start(1000, 42);
	for (uint32_t i = 0; found < N; i++) {
		k[found] = key(i);
		found += (ip6_hash(&k[found], 42) & 255) == 7;
	}
	for (uint32_t round = 0; round < 200; round++) {
		bool in[N] = { false };

		for (uint32_t op = 0; op < 4 * N; op++) {
			uint32_t i = rng_below(&r, N);
			struct bc_binding b = { .hoa = k[i], .record = i };

			if (in[i])
				assert_int_equal(bc_remove(bc, &k[i]), 0);
			else
				assert_int_equal(bc_publish(bc, &b), 0);
			in[i] = !in[i];
			if (rng_below(&r, 8) == 0 || dq_room(dq) == 0)
				grace();
		}
		for (uint32_t i = 0; i < N; i++) {
			const struct bc_entry *e = bc_find(bc, &k[i]);

			assert_int_equal(e != NULL, in[i]);
			if (!in[i])
				continue;
			assert_int_equal(e->record, i);
			assert_int_equal(bc_remove(bc, &k[i]), 0);
			grace();
		}
		assert_int_equal(bc_count(bc), 0);
	}
	stop();
}

struct twin {
	bool there;
	struct bc_binding b;
	uint64_t packets;
};

/* What was removed and is not free yet, in that order. */
static struct {
	uint32_t head, tail;
	struct twin twin[DQ_SIZE];
} removed;

static void check_final(void *ctx, const struct bc_entry *e, const struct bc_counts *total)
{
	const struct twin *t = &removed.twin[removed.tail++ % DQ_SIZE];

	(void)ctx;
	check(e, &t->b);
	assert_int_equal(total->packets_to, t->packets);
	assert_int_equal(total->bytes_from, 3 * t->packets);
}

static void compare_bulk(uint64_t *r, const struct twin *twin, uint32_t keys)
{
	struct ip6_addr k[BC_BULK_MAX];
	const struct ip6_addr *hoa[BC_BULK_MAX] = { NULL };
	const struct bc_entry *out[BC_BULK_MAX];
	uint32_t which[BC_BULK_MAX], n = rng_below(r, BC_BULK_MAX + 1);

	for (uint32_t i = 0; i < n; i++) {
		which[i] = rng_below(r, keys);
		k[i] = key(which[i]);
		hoa[i] = &k[i];
	}
	bc_find_bulk(bc, hoa, n, out);
	for (uint32_t i = 0; i < n; i++) {
		if (twin[which[i]].there)
			check(out[i], &twin[which[i]].b);
		else
			assert_null(out[i]);
	}
}

static void step(uint64_t *r, struct twin *twin, uint32_t max)
{
	uint32_t i = rng_below(r, 2 * max), room = dq_room(dq), before = bc_count(bc);
	struct twin *t = &twin[i];
	struct bc_binding b = binding(i, (uint32_t)rng_next(r));
	int ret;

	if (rng_below(r, 3) == 0) {
		ret = bc_remove(bc, &b.hoa);
		assert_int_equal(ret, !t->there ? -ENOENT : room == 0 ? -ENOSPC : 0);
		if (ret == 0) {
			removed.twin[removed.head++ % DQ_SIZE] = *t;
			*t = (struct twin){ .there = false };
		}
		return;
	}
	ret = bc_publish(bc, &b);
	if (t->there ? room == 0 : before == max) {
		assert_int_equal(ret, -ENOSPC);
		return;
	}
	assert_int_equal(ret, 0);
	t->there = true;
	t->b = b;
	count(bc_find(bc, &b.hoa));
	t->packets++;
	assert_int_equal(packets(i), t->packets);
}

static void test_model(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 7, 64, 1000 };
	uint64_t r = rng_start("model");

	(void)state;
	for (size_t s = 0; s < DIM(sizes); s++) {
		uint32_t max = sizes[s];
		struct twin *twin = calloc(2 * max, sizeof(*twin));

		start(max, rng_next(&r));
		removed.head = removed.tail = 0;
		bc_on_final(bc, check_final, NULL);
		for (uint32_t op = 0; op < 60000; op++) {
			uint32_t there = 0;

			step(&r, twin, max);
			compare_bulk(&r, twin, 2 * max);
			if (rng_below(&r, 6) == 0)
				rte_rcu_qsbr_quiescent(rcu, 0);
			if (rng_below(&r, 3) == 0)
				dq_run(dq, rng_below(&r, 5));
			if (op % 1000 != 0)
				continue;
			for (uint32_t i = 0; i < 2 * max; i++)
				there += twin[i].there;
			assert_int_equal(bc_count(bc), there);
		}
		stop();
		assert_int_equal(removed.tail, removed.head);
		free(twin);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_grace),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_queue_full),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_one_chain),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
