/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "common/ntp.h"
#include "records/changes.h"
#include "records/records.h"
#include "records/seen.h"
#include "rng.h"

#define NOW    (1000 * NTP_SECOND)
#define WINDOW 7
#define FLOOR  (900 * NTP_SECOND)

static struct seen *s;

static void start(uint32_t max, uint16_t addresses)
{
	struct seen_opts opts = {
		.max = max,
		.addresses = addresses,
		.markers = 2,
		.window_s = WINDOW,
		.floor = FLOOR,
		.seed = 3,
	};

	assert_int_equal(seen_new(&opts, &s), 0);
}

static struct seen_pair pair(
	uint16_t domain, uint8_t hoa, uint8_t ha, uint32_t epoch, uint64_t ext_seq, uint64_t stamp)
{
	return (struct seen_pair){
		.hoa = { { 0x20, 1, [15] = hoa } },
		.ha = { { 0x20, 2, [15] = ha } },
		.domain = domain,
		.value = { .epoch = epoch, .ext_seq = ext_seq, .stamp = stamp },
	};
}

static int raise_it(struct seen_pair p, unsigned how)
{
	return seen_raise(s, &p, how, NOW);
}

static void assert_value(
	uint16_t domain, uint8_t hoa, uint8_t ha, uint32_t epoch, uint64_t ext_seq, uint64_t stamp)
{
	struct seen_pair p = pair(domain, hoa, ha, 0, 0, 0);
	struct seen_value v;

	assert_true(seen_get(s, domain, &p.hoa, &p.ha, &v));
	assert_int_equal(v.epoch, epoch);
	assert_int_equal(v.ext_seq, ext_seq);
	assert_int_equal(v.stamp, stamp);
}

static void test_raise(void **state)
{
	struct seen_pair p = pair(1, 1, 1, 0, 0, 0);
	struct seen_value v;

	(void)state;
	start(10, 3);
	assert_false(seen_get(s, 1, &p.hoa, &p.ha, &v));
	assert_int_equal(seen_epoch(s, 1, &p.hoa), 0);
	assert_int_equal(seen_stamp(s, 1, &p.hoa), FLOOR);
	assert_int_equal(raise_it(p, 0), 1); /* room for what is to come */
	assert_int_equal(raise_it(p, 0), 0);
	assert_int_equal(raise_it(pair(1, 1, 1, 2, 5, NOW), 0), 1);
	assert_int_equal(raise_it(pair(1, 1, 1, 2, 4, NOW - 1), 0), 0);
	assert_value(1, 1, 1, 2, 5, NOW);
	assert_int_equal(raise_it(pair(1, 1, 1, 1, 9, NOW + 1), 0), 1); /* each part apart */
	assert_value(1, 1, 1, 2, 5, NOW + 1);
	assert_int_equal(raise_it(pair(1, 1, 1, 3, 1, 0), 0), 1);
	assert_value(1, 1, 1, 3, 1, NOW + 1);

	/* another address, another domain: others */
	assert_int_equal(raise_it(pair(1, 1, 2, 7, 1, NOW + 5), 0), 1);
	assert_int_equal(raise_it(pair(2, 1, 1, 9, 1, NOW + 9), 0), 1);
	assert_value(1, 1, 1, 3, 1, NOW + 1);
	assert_int_equal(seen_epoch(s, 1, &p.hoa), 7);
	assert_int_equal(seen_stamp(s, 1, &p.hoa), NOW + 5);
	assert_int_equal(seen_epoch(s, 2, &p.hoa), 9);
	assert_int_equal(seen_count(s), 3);
	seen_free(s);
	seen_free(NULL);
}

static void test_refused(void **state)
{
	struct seen_opts opts = { .max = 0, .addresses = 1 };

	(void)state;
	assert_int_equal(seen_new(&opts, &s), -EINVAL);
	opts.max = 1;
	opts.addresses = 0;
	assert_int_equal(seen_new(&opts, &s), -EINVAL);
	opts.addresses = 1;
	opts.markers = 1;
	opts.max = 2;
	assert_int_equal(seen_new(&opts, &s), 0);
	/* 64 octets a pair */
	assert_in_range(seen_memory(s), 3 * 64, 3 * 64 + 400);
	seen_free(s);
}

static void test_addresses(void **state)
{
	struct seen_pair p = pair(0, 1, 4, 0, 0, 0);
	struct seen_value v;

	(void)state;
	start(10, 3);
	for (uint8_t ha = 1; ha <= 3; ha++)
		assert_int_equal(raise_it(pair(0, 1, ha, 1, 1, 0), 0), 1);
	assert_int_equal(raise_it(p, 0), -ENOSPC);
	assert_false(seen_get(s, 0, &p.hoa, &p.ha, &v));
	assert_int_equal(seen_count(s), 3);
	assert_int_equal(raise_it(pair(0, 2, 3, 1, 1, 0), 0), 1);
	seen_free(s);
}

/* Only what no refusal depends on gives way, and its timestamp is not forgotten. */
static void test_full(void **state)
{
	struct seen_pair old = pair(0, 1, 1, 1, 1, NOW - (WINDOW + 1) * NTP_SECOND), new;
	struct seen_value v;

	(void)state;
	start(3, 2);
	assert_int_equal(raise_it(old, 0), 1);
	assert_int_equal(raise_it(pair(0, 2, 1, 1, 1, NOW - WINDOW * NTP_SECOND), 0), 1);
	assert_int_equal(raise_it(pair(0, 3, 1, 1, 1, 0), SEEN_REMEMBERED), 1);
	new = pair(0, 4, 1, 1, 1, NOW);
	assert_int_equal(raise_it(new, SEEN_LISTED), 1);
	assert_false(seen_get(s, 0, &old.hoa, &old.ha, &v));
	assert_int_equal(seen_stamp(s, 0, &old.hoa), NOW - (WINDOW + 1) * NTP_SECOND);
	assert_value(0, 2, 1, 1, 1, NOW - WINDOW * NTP_SECOND);
	assert_value(0, 3, 1, 1, 1, 0);
	assert_value(0, 4, 1, 1, 1, NOW);
	assert_int_equal(raise_it(pair(0, 5, 1, 1, 1, NOW), 0), -ENOSPC);
	assert_int_equal(changes_count(seen_changes(s)), 1);

	/* remembered no more: it may go, and with it its place in the list */
	assert_int_equal(raise_it(pair(0, 3, 1, 1, 1, 0), SEEN_AGAIN), 0);
	assert_int_equal(changes_count(seen_changes(s)), 2);
	assert_int_equal(raise_it(pair(0, 5, 1, 1, 1, NOW), 0), 1);
	assert_int_equal(changes_count(seen_changes(s)), 1);
	assert_int_equal(seen_count(s), 3);
	seen_free(s);
}

/* One among many that are to be remembered gives way, wherever it is; and again the same one. */
static void test_one_of_many(void **state)
{
	enum { MANY = 3000 };
	struct seen_pair p = pair(0, 1, 1, 1, 1, 0);

	(void)state;
	start(MANY, 1);
	for (unsigned i = 0; i < MANY; i++) {
		p.hoa.b[13] = (uint8_t)(i >> 8);
		p.hoa.b[14] = (uint8_t)i;
		assert_int_equal(raise_it(p, i == 2000 ? 0 : SEEN_REMEMBERED), 1);
	}
	for (unsigned i = 0; i < 3; i++) {
		p.hoa.b[12] = (uint8_t)(1 + i);
		assert_int_equal(raise_it(p, i < 2 ? 0 : SEEN_REMEMBERED), 1);
	}
	p.hoa.b[12] = 9;
	assert_int_equal(raise_it(p, 0), -ENOSPC); /* now it is to be remembered, too */
	assert_int_equal(seen_count(s), MANY);
	seen_free(s);
}

/* Of those with a timestamp within the window none gives way, but the one that has left it does. */
static void test_one_of_many_stamps(void **state)
{
	enum { MANY = 200 };
	struct seen_pair p = pair(0, 1, 1, 1, 1, NOW);

	(void)state;
	start(MANY, 1);
	for (unsigned i = 0; i < MANY; i++) {
		p.hoa.b[14] = (uint8_t)i;
		p.value.stamp = i == 150 ? NOW - 2 * WINDOW * NTP_SECOND : NOW;
		assert_int_equal(raise_it(p, 0), 1);
	}
	p.hoa.b[12] = 1;
	assert_int_equal(raise_it(p, 0), 1);
	p.hoa.b[12] = 2;
	assert_int_equal(raise_it(p, 0), -ENOSPC);
	seen_free(s);
}

static uint32_t told_handle;
static unsigned told_count;
static bool told_again;

static void on_change(void *ctx, uint32_t handle, bool is_again)
{
	assert_ptr_equal(ctx, &told_handle);
	told_handle = handle;
	told_again = is_again;
	told_count++;
}

static void test_tells(void **state)
{
	struct seen_pair out;

	(void)state;
	start(10, 2);
	raise_it(pair(0, 1, 1, 1, 1, 0), 0);
	seen_on_change(s, on_change, &told_handle);
	told_count = 0;
	raise_it(pair(0, 1, 1, 1, 1, 0), SEEN_LISTED); /* no news */
	raise_it(pair(0, 1, 1, 1, 0, 0), 0);
	assert_int_equal(told_count, 0);
	raise_it(pair(0, 2, 1, 1, 1, 0), 0);
	assert_int_equal(told_count, 1);
	assert_false(told_again);
	raise_it(pair(0, 1, 1, 1, 2, 0), 0);
	assert_int_equal(told_count, 2);
	assert_true(seen_at(s, told_handle, &out));
	assert_int_equal(out.hoa.b[15], 1);
	raise_it(pair(0, 1, 1, 1, 0, NOW), SEEN_REMEMBERED);
	assert_int_equal(told_count, 3);
	raise_it(pair(0, 1, 1, 1, 0, 0), SEEN_LISTED | SEEN_AGAIN);
	assert_int_equal(told_count, 4);
	assert_true(told_again);
	seen_on_change(s, NULL, NULL);
	raise_it(pair(0, 1, 1, 1, 3, 0), 0);
	assert_int_equal(told_count, 4);
	seen_free(s);
}

static void test_changes(void **state)
{
	struct changes *c;
	struct seen_pair out;
	uint32_t m;

	(void)state;
	start(10, 2);
	c = seen_changes(s);
	m = changes_marker_new(c);
	raise_it(pair(0, 1, 1, 1, 1, 0), 0); /* silently */
	raise_it(pair(0, 2, 1, 1, 1, 0), SEEN_LISTED);
	raise_it(pair(0, 3, 1, 1, 1, 0), SEEN_LISTED);
	raise_it(pair(0, 2, 1, 1, 1, 0), SEEN_LISTED); /* no news */
	raise_it(pair(0, 1, 1, 1, 1, 0), SEEN_AGAIN);
	assert_true(seen_at(s, changes_next(c, m), &out));
	assert_int_equal(out.hoa.b[15], 2);
	assert_true(seen_at(s, changes_next(c, m), &out));
	assert_int_equal(out.hoa.b[15], 3);
	assert_true(seen_at(s, changes_next(c, m), &out));
	assert_int_equal(out.hoa.b[15], 1);
	assert_int_equal(changes_next(c, m), 0);
	assert_false(seen_at(s, 0, &out));
	assert_false(seen_at(s, 4, &out));
	assert_int_equal(seen_next(s, 0), 1);
	assert_int_equal(seen_next(s, 2), 3);
	assert_int_equal(seen_next(s, 3), 0);
	seen_free(s);
}

static struct seen_value any(uint64_t *rng)
{
	return (struct seen_value){ .epoch = (uint32_t)rng_below(rng, 3),
		.ext_seq = rng_below(rng, 3),
		.stamp = rng_below(rng, 3) == 0 ? 0 : ~0ULL - 1 + rng_below(rng, 4),
		.order = rng_below(rng, 2) & 1 };
}

static bool is_same(const struct seen_value *a, const struct seen_value *b)
{
	return a->epoch == b->epoch && a->ext_seq == b->ext_seq && a->stamp == b->stamp &&
	       a->order == b->order;
}

static void test_laws(void **state)
{
	uint64_t rng = rng_start("seen");

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		struct seen_value a = any(&rng), b = any(&rng), c = any(&rng), x, y;

		seen_merge(&a, &a, &x);
		assert_true(is_same(&x, &a));
		seen_merge(&a, &b, &x);
		seen_merge(&b, &a, &y);
		assert_true(is_same(&x, &y));
		seen_merge(&x, &c, &x);
		seen_merge(&b, &c, &y);
		seen_merge(&a, &y, &y);
		assert_true(is_same(&x, &y));
	}
}

/* Against an array with a place for each pair. */
static void test_model(void **state)
{
	static struct {
		bool is_there;
		struct seen_value value;
	} model[3][20][4];
	uint64_t rng = rng_start("seen");
	uint32_t count = 0;

	(void)state;
	start(3 * 20 * 4, 4);
	for (unsigned i = 0; i < 100000; i++) {
		unsigned d = (unsigned)rng_below(&rng, 3), n = (unsigned)rng_below(&rng, 20),
			 ha = (unsigned)rng_below(&rng, 4);
		struct seen_pair p = pair((uint16_t)d, (uint8_t)n, (uint8_t)ha,
			(uint32_t)rng_below(&rng, 1 + i / 100), rng_below(&rng, 5),
			FLOOR + 1 + rng_below(&rng, 1 + i));
		struct seen_value *v = &model[d][n][ha].value, got;
		uint32_t epoch = 0;
		uint64_t stamp = FLOOR;

		assert_int_equal(
			seen_get(s, (uint16_t)d, &p.hoa, &p.ha, &got), model[d][n][ha].is_there);
		assert_true(raise_it(p, rng_below(&rng, 8) & 7) >= 0);
		count += !model[d][n][ha].is_there;
		model[d][n][ha].is_there = true;
		seen_merge(v, &p.value, v);
		assert_true(seen_get(s, (uint16_t)d, &p.hoa, &p.ha, &got));
		assert_true(is_same(v, &got));
		for (unsigned k = 0; k < 4; k++) {
			v = &model[d][n][k].value;
			epoch = v->epoch > epoch ? v->epoch : epoch;
			stamp = v->stamp > stamp ? v->stamp : stamp;
		}
		assert_int_equal(seen_epoch(s, (uint16_t)d, &p.hoa), epoch);
		assert_int_equal(seen_stamp(s, (uint16_t)d, &p.hoa), stamp);
		assert_int_equal(seen_count(s), count);
	}
	seen_free(s);
}

/* A domain at its quota gives up one of its own, and only of these that may. */
static void test_quota(void **state)
{
	const uint64_t old = NOW - (WINDOW + 1) * NTP_SECOND;
	struct seen_pair p = pair(7, 1, 1, 0, 0, 0);
	struct seen_value v;

	(void)state;
	start(10, 2);
	assert_int_equal(raise_it(pair(7, 1, 1, 1, 1, old), 0), 1);
	assert_int_equal(raise_it(pair(8, 1, 1, 1, 1, old), 0), 1);
	assert_int_equal(seen_set_quota(s, 7, 0, 2), 0); /* what is there counts */
	assert_int_equal(seen_count_in(s, 7), 1);
	assert_int_equal(seen_count_in(s, 8), 0);
	assert_int_equal(raise_it(pair(7, 2, 1, 1, 1, 0), SEEN_REMEMBERED), 1);
	assert_int_equal(raise_it(pair(7, 3, 1, 1, 1, 0), SEEN_REMEMBERED), 1);
	assert_false(seen_get(s, 7, &p.hoa, &p.ha, &v));
	assert_true(seen_get(s, 8, &p.hoa, &p.ha, &v));
	assert_int_equal(raise_it(pair(7, 4, 1, 1, 1, 0), SEEN_REMEMBERED), -ENOSPC);
	assert_int_equal(seen_count_in(s, 7), 2);
	assert_int_equal(raise_it(pair(8, 4, 1, 1, 1, 0), SEEN_REMEMBERED), 1);
	assert_int_equal(seen_set_quota(s, 7, 0, 3), 0);
	assert_int_equal(raise_it(pair(7, 4, 1, 1, 1, 0), SEEN_REMEMBERED), 1);
	seen_free(s);
}

static unsigned forgotten[10]; /* by domain */
static uint64_t recorded; /* bit: home address */

static bool has_record(void *ctx, const struct seen_pair *p)
{
	assert_ptr_equal(ctx, forgotten);
	return recorded >> p->hoa.b[15] & 1;
}

static void forgot(void *ctx, uint16_t domain)
{
	assert_ptr_equal(ctx, forgotten);
	forgotten[domain]++;
}

static const struct seen_owner owner = { forgotten, has_record, forgot };

static bool is_there(uint16_t domain, uint8_t hoa)
{
	struct seen_pair p = pair(domain, hoa, 1, 0, 0, 0);
	struct seen_value v;

	return seen_get(s, domain, &p.hoa, &p.ha, &v);
}

static int remember(uint16_t domain, uint8_t hoa, uint64_t stamp)
{
	return raise_it(pair(domain, hoa, 1, 1, 1, stamp), SEEN_REMEMBERED);
}

static void begin_owned(uint32_t max)
{
	start(max, 2);
	memset(forgotten, 0, sizeof(forgotten));
	recorded = 0;
	seen_on_full(s, &owner);
}

/* What is remembered gives way where nothing else does: the oldest that has no record. */
static void test_forgets(void **state)
{
	(void)state;
	begin_owned(5);
	recorded = 1U << 2;
	assert_int_equal(remember(1, 1, NOW), 1); /* within the window */
	for (uint8_t hoa = 2; hoa <= 5; hoa++)
		assert_int_equal(remember(1, hoa, 0), 1);
	assert_int_equal(remember(1, 3, 0), 0); /* heard of again: newer than the fourth */
	assert_int_equal(remember(1, 6, 0), 1);
	assert_false(is_there(1, 4));
	assert_int_equal(forgotten[1], 1);
	assert_int_equal(remember(1, 7, 0), 1);
	assert_false(is_there(1, 5));
	assert_int_equal(remember(1, 8, 0), 1);
	assert_false(is_there(1, 3));
	assert_true(is_there(1, 1) && is_there(1, 2));
	/* what need not be remembered goes first, however new it is, and is no loss */
	assert_int_equal(raise_it(pair(1, 8, 1, 1, 1, 0), 0), 0);
	assert_int_equal(remember(1, 9, 0), 1);
	assert_false(is_there(1, 8));
	assert_int_equal(forgotten[1], 3);
	recorded = ~0ULL;
	assert_int_equal(remember(1, 10, 0), -ENOSPC);
	assert_int_equal(forgotten[1], 3);
	recorded &= ~(1ULL << 9);
	assert_int_equal(remember(1, 10, 0), 1);
	assert_false(is_there(1, 9));
	seen_on_full(s, NULL);
	recorded = 0;
	assert_int_equal(remember(1, 11, 0), -ENOSPC);
	seen_free(s);
}

/* One without a record among more with one than are looked at is found by one of the next. */
static void test_forgets_one_of_many(void **state)
{
	enum { MANY = 3000 };
	struct seen_pair p = pair(0, 1, 1, 1, 1, 0);
	unsigned tries = 1;

	(void)state;
	begin_owned(MANY);
	recorded = 1U << 1;
	for (unsigned i = 0; i < MANY; i++) {
		p.hoa.b[13] = (uint8_t)(i >> 8);
		p.hoa.b[14] = (uint8_t)i;
		p.hoa.b[15] = i != 2000;
		assert_int_equal(raise_it(p, SEEN_REMEMBERED), 1);
	}
	p.hoa.b[12] = 1;
	while (raise_it(p, SEEN_REMEMBERED) == -ENOSPC && tries < MANY)
		tries++;
	assert_in_range(tries, 2, MANY / 200);
	assert_int_equal(forgotten[0], 1);
	seen_free(s);
}

/* Quotas may be more than the table: a domain has its share of one that another has filled. */
static void test_shares(void **state)
{
	(void)state;
	begin_owned(10);
	assert_int_equal(seen_set_quota(s, 7, 6, 10), 0);
	assert_int_equal(seen_set_quota(s, 8, 4, 8), 0);
	for (uint8_t hoa = 0; hoa < 10; hoa++)
		assert_int_equal(remember(7, hoa, 0), 1);
	for (uint8_t hoa = 0; hoa < 4; hoa++)
		assert_int_equal(remember(8, hoa, 0), 1);
	assert_int_equal(seen_count_in(s, 7), 6);
	assert_int_equal(seen_count_in(s, 8), 4);
	assert_int_equal(forgotten[7], 4);
	assert_false(is_there(7, 3));
	assert_true(is_there(7, 4));
	/* no more than that, and the other takes nothing back */
	assert_int_equal(remember(8, 9, 0), 1);
	assert_int_equal(remember(7, 10, 0), 1);
	assert_int_equal(seen_count_in(s, 7), 6);
	assert_int_equal(seen_count_in(s, 8), 4);
	assert_int_equal(forgotten[7], 5);
	assert_int_equal(forgotten[8], 1);
	/* but what nobody needs is anybody's */
	assert_int_equal(raise_it(pair(7, 10, 1, 1, 1, 0), 0), 0);
	assert_int_equal(remember(8, 10, 0), 1);
	assert_int_equal(seen_count_in(s, 8), 5);
	assert_int_equal(forgotten[8], 1);
	seen_free(s);
}

static void test_origin(void **state)
{
	struct seen_pair p = pair(1, 1, 1, 2, 5, 0), got;

	(void)state;
	start(10, 2);
	p.origin = 9;
	assert_int_equal(raise_it(p, SEEN_LISTED), 1);
	assert_true(seen_at(s, 1, &got));
	assert_int_equal(got.origin, 9);
	p = pair(1, 1, 1, 1, 1,
		NOW); /* an older number, a newer timestamp: both together are ours */
	p.origin = 8;
	assert_int_equal(raise_it(p, SEEN_LISTED), 1);
	assert_true(seen_at(s, 1, &got));
	assert_int_equal(got.origin, 0);
	seen_free(s);
}

static bool is_above(const void *ctx, const struct seen_pair *p)
{
	return p->value.ext_seq > *(const uint64_t *)ctx;
}

/* Of that mobile node alone. */
static void test_find(void **state)
{
	struct seen_pair x, out;
	uint64_t bound = 100;

	(void)state;
	start(8, 4);
	x = pair(1, 1, 1, 5, 100, 0);
	assert_int_equal(seen_raise(s, &x, 0, NOW), 1);
	x = pair(1, 2, 1, 9, 900, 0);
	assert_int_equal(seen_raise(s, &x, 0, NOW), 1);
	x = pair(2, 1, 1, 9, 900, 0);
	assert_int_equal(seen_raise(s, &x, 0, NOW), 1);
	x = pair(1, 1, 3, 4, 101, 0);
	x.origin = 3;
	assert_false(seen_find(s, 1, &x.hoa, is_above, &bound, &out));
	assert_int_equal(seen_raise(s, &x, SEEN_LISTED, NOW), 1);
	assert_true(seen_find(s, 1, &x.hoa, is_above, &bound, &out));
	assert_int_equal(out.value.ext_seq, 101);
	assert_int_equal(out.ha.b[15], 3);
	assert_int_equal(out.origin, 0);
	bound = 101;
	assert_false(seen_find(s, 1, &x.hoa, is_above, &bound, &out));
	seen_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raise),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_one_of_many),
		cmocka_unit_test(test_one_of_many_stamps),
		cmocka_unit_test(test_tells),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_laws),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_quota),
		cmocka_unit_test(test_forgets),
		cmocka_unit_test(test_forgets_one_of_many),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
