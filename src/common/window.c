/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/window.h"

#include <assert.h>

static_assert((WINDOW_WORDS & (WINDOW_WORDS - 1)) == 0, "a ring");

static uint64_t *word_of(struct window *w, uint64_t number)
{
	return &w->bits[number / 64 % WINDOW_WORDS];
}

static uint64_t bit_of(uint64_t number)
{
	return 1ULL << number % 64;
}

bool window_is_new(const struct window *w, uint64_t number)
{
	if (number == UINT64_MAX)
		return false;
	if (number >= w->next)
		return true;
	if (w->next - number > WINDOW_SIZE)
		return false;
	return (w->bits[number / 64 % WINDOW_WORDS] & bit_of(number)) == 0;
}

/* The words between the highest one in use and the one that number needs are of numbers that were
 * never seen. */
static void advance(struct window *w, uint64_t number)
{
	uint64_t last = w->next == 0 ? 0 : (w->next - 1) / 64, words = number / 64 - last;

	if (words > WINDOW_WORDS)
		words = WINDOW_WORDS;
	for (uint64_t i = 1; i <= words; i++)
		w->bits[(last + i) % WINDOW_WORDS] = 0;
	w->next = number + 1;
}

bool window_take(struct window *w, uint64_t number)
{
	if (!window_is_new(w, number))
		return false;
	if (number >= w->next)
		advance(w, number);
	*word_of(w, number) |= bit_of(number);
	return true;
}
