/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "common/ntp.h"
#include "records/stamps.h"
#include "rng.h"

#define START  ntp_from_unix(1700000000, 0)
#define WINDOW 7

static struct stamps *st;

static void start(uint32_t max)
{
	struct stamps_opts opts = { .max = max, .window_s = WINDOW, .floor = START, .seed = 42 };

	assert_int_equal(stamps_new(&opts, &st), 0);
}

static struct ip6_addr hoa(unsigned i)
{
	return (struct ip6_addr){ { 0x20, 0x01, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i } };
}

static void test_highest(void **state)
{
	struct ip6_addr a = hoa(1), b = hoa(2);

	(void)state;
	start(4);
	assert_true(stamps_get(st, 0, &a) == START);
	assert_int_equal(stamps_set(st, 0, &a, START + 5, START), 0);
	assert_true(stamps_get(st, 0, &a) == START + 5);
	assert_true(stamps_get(st, 1, &a) == START); /* another domain's */
	assert_true(stamps_get(st, 0, &b) == START);
	assert_int_equal(stamps_set(st, 0, &a, START + 4, START), 0);
	assert_true(stamps_get(st, 0, &a) == START + 5);
	assert_int_equal(stamps_set(st, 0, &a, START + 6, START), 0);
	assert_true(stamps_get(st, 0, &a) == START + 6);
	/* below the floor, from before the start: kept, and of no use */
	assert_int_equal(stamps_set(st, 0, &b, START - 1, START), 0);
	assert_true(stamps_get(st, 0, &b) == START);
	assert_int_equal(stamps_count(st), 2);
	stamps_free(st);
	stamps_free(NULL);
}

/* Full of what still counts: nothing gives way. A second later one does, and raises the floor for
 * all that are not in the table, itself too. */
static void test_full(void **state)
{
	const uint64_t second = NTP_SECOND, later = START + (WINDOW + 1) * second;
	struct ip6_addr a = hoa(1), b = hoa(2), c = hoa(3), d = hoa(4);

	(void)state;
	start(2);
	assert_int_equal(stamps_set(st, 0, &a, START + second, START), 0);
	assert_int_equal(stamps_set(st, 0, &b, START + 5 * second, START), 0);
	assert_int_equal(stamps_set(st, 0, &c, later, later), -ENOSPC);
	assert_true(stamps_get(st, 0, &c) == START);
	assert_int_equal(stamps_set(st, 0, &c, later, later + 1), 0);
	assert_int_equal(stamps_count(st), 2);
	assert_true(stamps_get(st, 0, &c) == later);
	assert_true(stamps_get(st, 0, &b) == START + 5 * second);
	assert_true(stamps_get(st, 0, &a) == START + second);
	assert_true(stamps_get(st, 0, &d) == START + second);
	/* of those that have their entry nothing is asked */
	assert_int_equal(stamps_set(st, 0, &b, later, later + 1), 0);
	stamps_free(st);
}

/* Nobody is asked to give way beyond what one call may cost. */
static void test_bounded_look(void **state)
{
	const uint64_t later = START + 20 * NTP_SECOND;
	struct ip6_addr a;

	(void)state;
	start(100);
	for (unsigned i = 0; i < 100; i++) {
		a = hoa(i);
		assert_int_equal(stamps_set(st, 0, &a, i == 50 ? START : later, START), 0);
	}
	a = hoa(1000);
	assert_int_equal(stamps_set(st, 0, &a, later, later), -ENOSPC); /* 1..32 */
	assert_int_equal(stamps_set(st, 0, &a, later, later), 0); /* 51 */
	stamps_free(st);
}

/* Against a table that forgets nothing: no stamp is ever taken twice, and none that the window
 * lets pass and that is new is refused. */
#define HOSTS 64

static void test_model(void **state)
{
	uint64_t rnd = rng_start("model"), now = START, last[2 * HOSTS], taken = 0;

	(void)state;
	start(HOSTS);
	for (unsigned i = 0; i < 2 * HOSTS; i++)
		last[i] = START;
	for (unsigned op = 0; op < 200000; op++) {
		unsigned i = (unsigned)rng_below(&rnd, 2 * HOSTS);
		uint64_t stamp =
			now + rng_below(&rnd, 2 * WINDOW * NTP_SECOND + 1) - WINDOW * NTP_SECOND;
		struct ip6_addr a = hoa(i / 2);
		bool new = ntp_is_after(stamp, stamps_get(st, i % 2, &a));

		assert_int_equal(new, ntp_is_after(stamp, last[i]));
		if (new &&stamps_set(st, i % 2, &a, stamp, now) == 0) {
			last[i] = stamp;
			taken++;
		}
		now += rng_below(&rnd, NTP_SECOND);
	}
	assert_true(taken > 10000);
	assert_int_equal(stamps_count(st), HOSTS);
	stamps_free(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_highest),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_bounded_look),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
