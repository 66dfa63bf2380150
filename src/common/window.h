/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which numbers of sealed messages were taken: each is taken once, and none that lies further
 * back than the window (RFC 6479's ring of words: moving it clears whole words, nothing is
 * shifted). Ask with window_is_new() before opening, mark with window_take() only what proved
 * genuine. Pure; one owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define WINDOW_WORDS 128 /* a power of two */
#define WINDOW_SIZE  (64 * (WINDOW_WORDS - 1)) /* numbers below the highest that are still known */

struct window {
	uint64_t next; /* highest taken + 1; 0: none */
	uint64_t bits[WINDOW_WORDS];
};

/* All zero is an empty window. UINT64_MAX is never taken. */
bool window_is_new(const struct window *w, uint64_t number);
/* True: taken just now. False: it was taken before, or lies behind the window. */
bool window_take(struct window *w, uint64_t number);
