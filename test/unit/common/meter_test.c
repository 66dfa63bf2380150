/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "common/meter.h"
#include "rng.h"

#define HZ 2000000000ULL

static unsigned take_all(struct meter *m, uint64_t tokens, uint64_t now, unsigned most)
{
	unsigned n = 0;

	while (n < most && meter_take(m, tokens, now))
		n++;
	return n;
}

static void test_burst_then_rate(void **state)
{
	struct meter m = meter_of(HZ, 1000, 5);

	(void)state;
	assert_int_equal(take_all(&m, 1, 0, 100), 5); /* full at first */
	assert_int_equal(take_all(&m, 1, HZ / 1000 - 1, 100), 0);
	assert_int_equal(take_all(&m, 1, HZ / 1000, 100), 1);
	assert_int_equal(take_all(&m, 1, HZ, 100), 5); /* never more than the burst */
}

/* Whatever the steps, time brings the rate, not more, and less only by what a step may lose. */
static void test_rate(void **state)
{
	static const struct {
		uint64_t rate, tokens;
	} rows[] = { { 12500000000ULL, 1514 }, { 125000, 78 }, { 1000000, 1 }, { 3, 1 } };
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < DIM(rows); i++) {
		struct meter m = meter_of(HZ, rows[i].rate, 2 * rows[i].tokens);
		uint64_t step = HZ * rows[i].tokens / rows[i].rate / 2, taken = 0, now = 0;
		double due;

		take_all(&m, rows[i].tokens, 0, 2);
		for (unsigned n = 0; n < 100000; n++) {
			now += rng_next(&seed) % (step + 2);
			taken += rows[i].tokens * take_all(&m, rows[i].tokens, now, 3);
		}
		due = (double)rows[i].rate / HZ * (double)now;
		assert_true((double)taken > due * 0.98 && (double)taken < due * 1.01);
	}
}

static void test_no_bound(void **state)
{
	struct meter m = meter_mbps(HZ, 0, 4);

	(void)state;
	assert_true(meter_is_off(&m));
	assert_int_equal(take_all(&m, 1 << 20, 0, 100), 100);
}

static void test_traffic(void **state)
{
	struct meter m = meter_packets(HZ, 1001, 4);

	(void)state;
	assert_int_equal(take_all(&m, 1, 0, 1000), 25); /* 251 a second for each, 100 ms of them */
	m = meter_packets(HZ, 1, 4);
	assert_int_equal(take_all(&m, 1, 0, 1000), 1);
	m = meter_mbps(HZ, 80, 1);
	assert_int_equal(take_all(&m, 1000, 0, 5000), 1000);
	m = meter_mbps(HZ, 1, 64); /* the largest packet passes all the same */
	assert_int_equal(take_all(&m, 65575, 0, 5), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_rate),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_no_bound),
		cmocka_unit_test(test_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
