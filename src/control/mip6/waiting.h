/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mobile nodes that a message is under way to: a Mobile Prefix Advertisement that they have to
 * acknowledge, or whose answer waits until a second has passed; a Home Agent Switch. At most one
 * entry a binding, found by the handle of its record; a fixed number of them in all, which bounds
 * what a change of prefixes for a million bindings, or a drain, sets loose. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/ctl_priv.h"

struct waiting {
	struct ctl_timer timer; /* the owner's */
	uint32_t handle;
	uint32_t next; /* of the same hash, or of the free list */
	uint16_t
		id; /* of the solicitation that is to be answered; node of the site to switch from */
	bool answer; /* to a solicitation; else nobody asked, and */
	uint8_t sent; /* it was sent so many times */
};

struct waitings;

int waitings_new(uint32_t max, struct waitings **out); /* 0, -EINVAL (max is 0), -ENOMEM */
void waitings_free(struct waitings *ws); /* NULL is fine; timers must not fire any more */

struct waiting *waiting_find(struct waitings *ws, uint32_t handle); /* NULL: none */
/* A new one with handle set and all else zero, for a binding that has none. NULL: full. */
struct waiting *waiting_add(struct waitings *ws, uint32_t handle);
void waiting_del(struct waitings *ws, struct waiting *w); /* its timer must not run */
