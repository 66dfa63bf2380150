/* SPDX-License-Identifier: BSD-3-Clause */
/* Which lcores stand still, with counters that the test moves. */
#include "test.h"

#include "control/still.h"

#define LCORES   3
#define OWN      1
#define LIMIT_MS 500

static struct {
	struct still *still;
	uint64_t turns[LCORES], now_ms;
	unsigned looked;
} t;

static uint64_t turns_of(void *ctx, uint32_t i)
{
	assert_ptr_equal(ctx, &t);
	assert_int_not_equal(i, OWN);
	t.looked++;
	return t.turns[i];
}

static uint32_t number_of(void *ctx, uint32_t i)
{
	assert_ptr_equal(ctx, &t);
	return 20 + i;
}

static int setup(void **state)
{
	const struct still_opts opts = { .limit_ms = LIMIT_MS,
		.lcores = LCORES,
		.own = OWN,
		.turns = turns_of,
		.number = number_of,
		.ctx = &t };

	(void)state;
	memset(&t, 0, sizeof(t));
	t.now_ms = 1000000;
	return still_new(&opts, &t.still);
}

static int teardown(void **state)
{
	(void)state;
	still_free(t.still);
	still_free(NULL);
	return 0;
}

/* In steps of `step` ms; lcores go on but for those in the set. */
static void pass(unsigned ms, unsigned step, unsigned stuck)
{
	for (unsigned at = 0; at < ms; at += step) {
		t.now_ms += step;
		for (unsigned i = 0; i < LCORES; i++)
			t.turns[i] += (stuck >> i & 1) == 0;
		still_run(t.still, t.now_ms);
	}
}

static void test_all_go_on(void **state)
{
	(void)state;
	pass(10000, 1, 1U << OWN);
	assert_false(still_is_wedged(t.still));
	assert_int_equal(still_most(t.still).ms, 0);
	assert_in_range(t.looked, 2 * 199, 2 * 201); /* not in each turn */
	assert_int_equal(still_ms(NULL, 1), 0);
	assert_int_equal(still_most(NULL).ms, 0);
	assert_false(still_is_wedged(NULL));
}

static void test_one_of_them(void **state)
{
	static const unsigned lcore[] = { 0, 2 };

	(void)state;
	for (unsigned n = 0; n < DIM(lcore); n++) {
		unsigned i = lcore[n];

		pass(100, 10, 0);
		pass(LIMIT_MS - STILL_LOOK_MS, 10, 1U << i);
		assert_false(still_is_wedged(t.still));
		pass(3 * STILL_LOOK_MS, 10, 1U << i);
		assert_true(still_is_wedged(t.still));
		assert_int_equal(still_most(t.still).number, 20 + i);
		assert_in_range(still_most(t.still).ms, LIMIT_MS + 1, LIMIT_MS + 100);
		assert_int_equal(still_ms(t.still, i), still_most(t.still).ms);
		assert_int_equal(still_ms(t.still, 2 - i), 0);
		assert_int_equal(still_ms(t.still, OWN), 0);
		pass(2 * STILL_LOOK_MS, 10, 0);
		assert_false(still_is_wedged(t.still));
	}
}

static void test_the_longer_one(void **state)
{
	(void)state;
	pass(100, 10, 0);
	pass(1000, 10, 1U << 2);
	pass(1000, 10, 1U << 2 | 1U << 0);
	assert_int_equal(still_most(t.still).number, 22);
	assert_in_range(still_ms(t.still, 0), 900, 1000);
	assert_in_range(still_ms(t.still, 2), 1900, 2000);
}

/* What control slept through says nothing of others: all may have been stopped. */
static void test_control_was_late(void **state)
{
	(void)state;
	pass(100, 10, 0);
	pass(120000, 60000, 5); /* the first time it sees how far they had come */
	assert_false(still_is_wedged(t.still));
	assert_in_range(still_most(t.still).ms, 1, 2 * STILL_LOOK_MS);
	pass(100, 10, 0);
	assert_int_equal(still_most(t.still).ms, 0);
	pass(2000, 80, 1); /* late each time, but not much: it counts */
	assert_in_range(still_ms(t.still, 0), 1800, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_all_go_on),
		T(test_one_of_them),
		T(test_the_longer_one),
		T(test_control_was_late),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
