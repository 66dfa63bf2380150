/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hierarchical timer wheel for a million lifetimes: adding, moving and cancelling are O(1),
 * a turn costs what expires. Pure: time is handed in, in milliseconds; a timer never fires
 * early and at most one tick (1 ms) plus the caller's own delay late. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wheel_timer { /* embed it; all zero = not running */
	struct wheel_timer *next;
	struct wheel_timer **pprev;
	uint64_t expires_ms;
};

struct wheel;

typedef void (*wheel_fn)(void *ctx, struct wheel_timer *t); /* may add, del and free any timer */

struct wheel *wheel_new(uint64_t now_ms); /* NULL: no memory */
void wheel_free(struct wheel *w); /* timers still running are forgotten */

/* Start it, or move it when it runs. A time that has passed fires at the next advance. */
void wheel_set(struct wheel *w, struct wheel_timer *t, uint64_t expires_ms);
void wheel_del(struct wheel *w, struct wheel_timer *t); /* fine when it does not run */

/* What moving it will write is on its way here: its neighbours in a list. */
static inline void wheel_prefetch(const struct wheel_timer *t)
{
	__builtin_prefetch(t->next, 1);
	__builtin_prefetch(t->pprev, 1);
}

static inline bool wheel_is_running(const struct wheel_timer *t)
{
	return t->pprev != NULL;
}

/* Fire at most `max` timers due at now_ms; returns how many. There may be more when it returns
 * max, or when a great many timers drew near at once (sorting them in is bounded too, at 8 * max
 * a call): call again in the next turn, nothing is lost, time is not skipped. */
size_t wheel_advance(struct wheel *w, uint64_t now_ms, size_t max, wheel_fn fn, void *ctx);
