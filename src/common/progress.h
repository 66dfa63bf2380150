/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether something that counts its turns goes on: for those who look at the counter from time to
 * time. One owner; no clock of its own. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool has_begun; /* it was looked at */
	uint64_t turns; /* then */
	uint64_t still_ms; /* it has not moved for so long, of the time that the looker lived */
	uint64_t looked_ms;
};

/*
 * Looks again: for how long it has stood still. Of the time since the last look no more than
 * most_ms counts: the looker itself, and all with it, may have stood still for the rest.
 */
static inline uint64_t progress_look(
	struct progress *p, uint64_t turns, uint64_t now_ms, uint64_t most_ms)
{
	uint64_t since = now_ms - p->looked_ms;

	if (!p->has_begun || turns != p->turns)
		p->still_ms = 0;
	else
		p->still_ms += since < most_ms ? since : most_ms;
	p->has_begun = true;
	p->turns = turns;
	p->looked_ms = now_ms;
	return p->still_ms;
}
