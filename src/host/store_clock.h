/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What time it is, three times over: by the clock of this run's files, which is never set; by the
 * time of day, which may be; and by what the machine has been up. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "records/segment.h"

struct store_moment {
	uint8_t boot[SEGMENT_BOOT_LEN]; /* which start of the machine; zeroes: not known */
	uint64_t real_ms; /* since 1970 */
	uint64_t up_ms; /* since that start, sleep included; 0: not known */
};

/* What the clocks say of the time between two moments; X(id, text). */
#define STORE_CLOCK_LIST(X)                                                                        \
	X(OK, "")                                                                                  \
	X(BACK, "the clock is behind the last time that something was stored")                     \
	X(AHEAD, "the clock is ahead of the last time that something was stored by more than a "   \
		 "machine is likely to have been off")

enum store_clock {
#define X(id, text) STORE_CLOCK_##id,
	STORE_CLOCK_LIST(X)
#undef X
		STORE_CLOCK_COUNT
};

void store_clocks(struct store_moment *out); /* not boot */
void store_now(struct store_moment *out); /* all of it; reads a file */
/* By the clock that is clock_ms ahead of CLOCK_MONOTONIC: milliseconds. */
uint64_t store_own_ms(int64_t clock_ms);

/* The machine was not started in between. */
bool store_is_same_boot(const struct store_moment *a, const struct store_moment *b);
/* Milliseconds between them; 0 where no clock can tell, and *clock says why. */
uint64_t store_passed_ms(
	const struct store_moment *from, const struct store_moment *to, enum store_clock *clock);
const char *store_clock_text(enum store_clock clock);
