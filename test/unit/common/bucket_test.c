/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "common/bucket.h"
#include "rng.h"

static unsigned take_all(struct bucket *b, uint64_t now_ms, unsigned most)
{
	unsigned n = 0;

	while (n < most && bucket_take(b, now_ms))
		n++;
	return n;
}

static void test_burst_then_rate(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 10, 5, 1000);
	assert_int_equal(take_all(&b, 1000, 100), 5); /* full at first */
	assert_int_equal(take_all(&b, 1099, 100), 0); /* a token takes 100 ms */
	assert_int_equal(take_all(&b, 1100, 100), 1);
	assert_int_equal(take_all(&b, 1250, 100), 1);
	assert_int_equal(take_all(&b, 1300, 100), 1); /* the 50 ms before were not lost */
	assert_int_equal(take_all(&b, 1800, 100), 5);
	assert_int_equal(take_all(&b, 100000, 100), 5); /* never more than the burst */
}

static void test_slow_clock_fractions(void **state)
{
	struct bucket b;
	unsigned got = 0;

	(void)state;
	/* 3 a second in steps of 1 ms: fractions add up, none is lost, none invented. */
	bucket_init(&b, 3, 2, 0);
	assert_int_equal(take_all(&b, 0, 100), 2);
	for (uint64_t t = 1; t <= 10000; t++)
		got += bucket_take(&b, t);
	assert_int_equal(got, 10 * 3);
}

static void test_time_steps_back(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, 1000, 2, 5000);
	assert_int_equal(take_all(&b, 4000, 100), 2);
	assert_int_equal(take_all(&b, 4999, 100), 0);
	assert_int_equal(take_all(&b, 5000, 100), 0);
	assert_int_equal(take_all(&b, 5001, 100), 1);
}

static void test_extremes(void **state)
{
	struct bucket b;

	(void)state;
	bucket_init(&b, UINT32_MAX, UINT32_MAX, 0);
	assert_int_equal(take_all(&b, UINT64_MAX, 1000), 1000);
	assert_true(b.millitokens <= 1000ULL * UINT32_MAX);
	bucket_init(&b, 0, 3, 0); /* no rate: the burst and nothing more */
	assert_int_equal(take_all(&b, 0, 100), 3);
	assert_int_equal(take_all(&b, UINT64_MAX, 100), 0);
	bucket_init(&b, 100, 0, 0); /* no burst: nothing ever */
	assert_int_equal(take_all(&b, 0, 100), 0);
	assert_int_equal(take_all(&b, 100000, 100), 0);
	/* A rate above one per millisecond. */
	bucket_init(&b, 5000, 10, 0);
	assert_int_equal(take_all(&b, 0, 100), 10);
	assert_int_equal(take_all(&b, 1, 100), 5);
}

/* Against thousandths of a token that are added the long way. */
static void test_model(void **state)
{
	uint64_t seed = 0x4443;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		uint32_t rate = 1 + (uint32_t)rng_below(&seed, 2000);
		uint32_t burst = 1 + (uint32_t)rng_below(&seed, 50);
		uint64_t start = rng_below(&seed, 1000000), now = start;
		uint64_t have = 1000ULL * burst;
		struct bucket b;

		bucket_init(&b, rate, burst, start);
		for (unsigned k = 0; k < 500; k++) {
			uint64_t step = rng_below(&seed, 4) == 0 ? rng_below(&seed, 500) : 0;

			now += step;
			have += step * rate;
			if (have > 1000ULL * burst)
				have = 1000ULL * burst;
			assert_int_equal(bucket_take(&b, now), have >= 1000);
			if (have >= 1000)
				have -= 1000;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_rate),
		cmocka_unit_test(test_slow_clock_fractions),
		cmocka_unit_test(test_time_steps_back),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
