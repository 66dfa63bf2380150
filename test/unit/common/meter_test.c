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

/* Packets and octets: what is above one of them takes nothing of the other. 10 packets and 10,000
 * octets a second, one and 65,575 at once. */
static void test_both(void **state)
{
	static const struct {
		const char *name;
		uint64_t at_ms;
		uint32_t octets;
		bool passes;
		double packets, kilooctets; /* left */
	} rows[] = {
		{ "both are there", 0, 60000, true, 0, 5.575 },
		{ "no packet is left", 0, 100, false, 0, 5.575 },
		{ "half a packet", 50, 100, false, 0.5, 5.575 }, /* octets are not looked at */
		{ "a packet, but too few octets", 100, 7000, false, 1, 6.575 },
		{ "still there", 100, 6575, true, 0, 0 },
		{ "neither is", 100, 1, false, 0, 0 },
		{ "a packet, and no octet", 200, 1001, false, 1, 1 },
		{ "a second later", 1200, 11001, false, 1, 11 },
		{ "as many as there are", 1200, 10999, true, 0, 0.001 },
	};
	struct meters m = { meter_of(HZ, 10, 1), meter_of(HZ, 10000, 65575) };

	(void)state;
	for (unsigned i = 0; i < DIM(rows); i++) {
		uint64_t now = rows[i].at_ms * (HZ / 1000);
		bool passed = meters_take(&m, rows[i].octets, now);
		double packets = (double)m.packets.saved * 10 / HZ;
		double kilooctets = (double)m.octets.saved * 10 / HZ;

		if (passed != rows[i].passes || packets < rows[i].packets - 0.0001 ||
			packets > rows[i].packets + 0.0001 ||
			kilooctets < rows[i].kilooctets - 0.0001 ||
			kilooctets > rows[i].kilooctets + 0.0001)
			fail_msg("%s: %d, left %f packets, %f kilooctets", rows[i].name, passed,
				packets, kilooctets);
	}
}

/* One of them has no bound. */
static void test_one_of_both(void **state)
{
	struct meters packets = meters_of(HZ, 100, 0, 1), octets = meters_of(HZ, 0, 1, 1);
	struct meters none = meters_of(HZ, 0, 0, 1);

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		assert_true(meters_take(&packets, 65575, 0));
	assert_false(meters_take(&packets, 0, 0));
	for (unsigned i = 0; i < 65575; i++)
		assert_true(meters_take(&octets, 1, 0));
	assert_false(meters_take(&octets, 1, 0));
	assert_false(meters_are_off(&packets) || meters_are_off(&octets));
	assert_true(meters_are_off(&none) && meters_take(&none, 65575, 0));
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
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_one_of_both),
		cmocka_unit_test(test_no_bound),
		cmocka_unit_test(test_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
