/* SPDX-License-Identifier: BSD-3-Clause */
/* Positions refused, by domain: exact for those refused last, never too low for the others. */
#include "test.h"

#include "rng.h"
#include "sync/refused.h"

#define DOMAINS (2 * REFUSED_DOMAINS)

static void test_apart(void **state)
{
	struct refused r = { 0 };

	(void)state;
	assert_int_equal(refused_of(&r, 1), 0);
	refused_note(&r, 1, 10);
	refused_note(&r, 2, 20);
	refused_note(&r, 2, 15);
	assert_int_equal(refused_of(&r, 1), 10);
	assert_int_equal(refused_of(&r, 2), 20);
	assert_int_equal(refused_of(&r, 3), 0);
	assert_int_equal(r.any, 20);
	refused_note_all(&r, 12);
	assert_int_equal(refused_of(&r, 1), 12);
	assert_int_equal(refused_of(&r, 2), 20);
	assert_int_equal(refused_of(&r, 3), 12);
	assert_int_equal(r.any, 20);
}

static void test_add(void **state)
{
	struct refused r = { 0 }, more = { 0 };

	(void)state;
	refused_note(&r, 1, 10);
	refused_note(&more, 2, 20);
	refused_add(&r, &more);
	assert_int_equal(refused_of(&r, 1), 10);
	assert_int_equal(refused_of(&r, 2), 20);
	assert_int_equal(refused_of(&r, 3), 0);
	refused_note_all(&more, 30);
	refused_add(&r, &more);
	assert_int_equal(refused_of(&r, 1), 30);
	assert_int_equal(r.any, 30);
}

/* Of too many domains the one refused longest ago speaks for all that are not listed. */
static void test_too_many(void **state)
{
	struct refused r = { 0 };

	(void)state;
	for (uint32_t d = 1; d <= REFUSED_DOMAINS; d++)
		refused_note(&r, d, 10 * d);
	assert_int_equal(r.rest, 0);
	refused_note(&r, 100, 5);
	assert_int_equal(r.rest, 5);
	refused_note(&r, 101, 1000);
	assert_int_equal(r.rest, 10);
	assert_int_equal(refused_of(&r, 1), 10);
	assert_int_equal(refused_of(&r, 2), 20);
	assert_int_equal(refused_of(&r, 101), 1000);
	assert_int_equal(refused_of(&r, 7777), 10);
}

static void test_never_too_low(void **state)
{
	uint64_t seed = rng_start("refused"), truth[DOMAINS] = { 0 };
	struct refused r = { 0 };

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		uint32_t d = rng_below(&seed, DOMAINS);
		uint64_t at = i + rng_below(&seed, 50);

		refused_note(&r, d, at);
		if (at > truth[d])
			truth[d] = at;
		assert_in_range(r.count, 1, REFUSED_DOMAINS);
		for (d = 0; d < DOMAINS; d++)
			assert_in_range(refused_of(&r, d), truth[d], r.any);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_never_too_low),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
