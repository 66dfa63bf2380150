/* SPDX-License-Identifier: BSD-3-Clause */
/* Against a naive twin that remembers every number. */
#include "test.h"

#include <inttypes.h>

#include "rng.h"
#include "common/window.h"

#define SPAN (4 * 64 * WINDOW_WORDS)

static struct window w;
static uint8_t seen[SPAN]; /* the twin; numbers from base on */
static uint64_t base, highest;

static void begin(uint64_t from)
{
	memset(&w, 0, sizeof(w));
	memset(seen, 0, sizeof(seen));
	base = from;
	highest = 0;
}

static bool twin(uint64_t number)
{
	if (highest != 0 && number < highest && highest - number > WINDOW_SIZE)
		return false;
	return !seen[number - base];
}

static void take(uint64_t number)
{
	bool want = twin(number);

	if (window_is_new(&w, number) != want || window_take(&w, number) != want)
		fail_msg("%" PRIu64 " (highest %" PRIu64 "): not %d", number, highest, want);
	assert_false(window_is_new(&w, number));
	if (want)
		seen[number - base] = 1;
	if (number >= highest)
		highest = number + 1;
}

static void test_edges(void **state)
{
	(void)state;
	assert_int_equal(WINDOW_SIZE, 8128);
	begin(0);
	take(0);
	take(0);
	take(WINDOW_SIZE);
	take(1); /* the oldest that is known */
	take(WINDOW_SIZE + 1);
	take(0);
	take(1);
	assert_false(window_take(&w, UINT64_MAX));
	assert_true(window_take(&w, UINT64_MAX - 1));
	assert_true(window_take(&w, UINT64_MAX - WINDOW_SIZE));
	assert_false(window_take(&w, UINT64_MAX - WINDOW_SIZE - 1));
	assert_false(window_take(&w, 2));
}

/* Each step from each position in a word, once around the ring. */
static void test_steps(void **state)
{
	static const uint32_t steps[] = { 1, 2, 63, 64, 65, 127, 128, 640, WINDOW_SIZE - 1,
		WINDOW_SIZE, WINDOW_SIZE + 1, 64 * WINDOW_WORDS, 64 * WINDOW_WORDS + 1 };

	(void)state;
	for (unsigned s = 0; s < DIM(steps); s++) {
		for (uint64_t at = 0; at < 130; at++) {
			begin(0);
			take(at);
			take(at + steps[s]);
			for (uint64_t back = 0; back <= WINDOW_SIZE + 70 && back <= at + steps[s];
				back += 7)
				take(at + steps[s] - back);
		}
	}
}

static void test_model(void **state)
{
	uint64_t seed = rng_start("window");

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		uint64_t top = 0;

		begin(round % 2 == 0 ? 0 : UINT64_MAX - 1 - SPAN);
		while (top < SPAN - 2 * 64) {
			uint64_t r = rng_next(&seed);
			uint64_t reach = r % 8 == 0 ? WINDOW_SIZE + 200 : 100;
			uint64_t back = (r >> 8) % reach;

			take(base + (back > top ? 0 : top - back));
			if (r % 3 == 0)
				top += (r >> 40) % (r % 64 == 0 ? 3000 : 70);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
