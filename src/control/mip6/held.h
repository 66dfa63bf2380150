/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers that wait until the store has what they acknowledge: first in, first out, bounded. Each
 * keeps the number of the change it waits for; as these only grow, the first one is always the
 * first that is due, and none holds up another that could go. Pure. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/mip6/answer.h"

/* At 300,000 Binding Updates a second, what comes while a disk takes 54 ms; 2.5 MB. */
#define HELD_MAX 16384

struct held_answer {
	uint64_t mark; /* may go when the store has written that far */
	struct mip6_answer answer;
};

struct held;

int held_new(struct held **out); /* 0 or -ENOMEM */
void held_free(struct held *h); /* NULL is fine */

/* Where the next one goes, to be filled in and then put; NULL: full. */
struct held_answer *held_room(struct held *h);
void held_put(struct held *h);
/* The first one if it is due, else NULL; valid until held_drop(). */
const struct held_answer *held_due(const struct held *h, uint64_t written);
void held_drop(struct held *h); /* the first one */

uint32_t held_count(const struct held *h);
uint32_t held_clear(struct held *h); /* how many there were */
