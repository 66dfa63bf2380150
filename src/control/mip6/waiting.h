/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mobile nodes that a Mobile Prefix Advertisement is under way to: those that have to acknowledge
 * one that they did not ask for, and those whose answer waits until a second has passed. At most
 * one entry a binding, found by the handle of its record; a fixed number of them in all, which
 * bounds what a change of prefixes for a million bindings sets loose. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/ctl_priv.h"

struct waiting {
	struct ctl_timer timer; /* the owner's */
	uint32_t handle;
	uint32_t next; /* of the same hash, or of the free list */
	uint16_t id; /* of the solicitation that is to be answered */
	bool answer; /* else the advertisement was unsolicited, and */
	uint8_t sent; /* so many times */
};

struct waitings;

int waitings_new(uint32_t max, struct waitings **out); /* 0, -EINVAL (max is 0), -ENOMEM */
void waitings_free(struct waitings *ws); /* NULL is fine; timers must not fire any more */

struct waiting *waiting_find(struct waitings *ws, uint32_t handle); /* NULL: none */
/* A new one with handle set and all else zero, for a binding that has none. NULL: full. */
struct waiting *waiting_add(struct waitings *ws, uint32_t handle);
void waiting_del(struct waitings *ws, struct waiting *w); /* its timer must not run */
