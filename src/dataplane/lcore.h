/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An lcore runs a list of poll functions, for ever. Worker and control are such functions; with
 * one lcore the list has both, and nothing else knows how many lcores there are.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/dp.h"
#include "dataplane/turn.h"

#define LCORE_MAX_POLLS 4 /* hello, a worker, control's own worker, control */
#define LCORE_SLOW_MS   10 /* so long a turn counts as slow: the least hello-ms */

struct dp_worker;

struct lcore_poll {
	dp_poll_fn fn;
	void *ctx;
	enum turn_part part; /* of what control's lcore does, or the last of its parts */
};

struct lcore {
	uint32_t id; /* EAL's */
	uint32_t sleep_us; /* when idle; 0: never */
	bool runs_control;
	struct dp_worker *worker; /* NULL: none; told when the lcore sleeps */
	int worker_id; /* -1: none */
	uint32_t poll_count;
	struct lcore_poll poll[LCORE_MAX_POLLS];
	const _Atomic bool *stop;
	uint64_t wake_tsc; /* a poll function's: it does not sleep past that; 0: as it likes */

	/* one writer, the lcore; read by anyone */
	_Atomic uint64_t turns, busy_cycles, idle_cycles, slow_turns;
	struct turns took; /* what turns took; processor time where it runs control */
} __attribute__((aligned(64)));

void lcore_add(struct lcore *lc, enum turn_part part, dp_poll_fn fn, void *ctx);
/* In front of all others: TURN_HELLO. */
void lcore_add_first(struct lcore *lc, dp_poll_fn fn, void *ctx);
/* Nanoseconds, less than a second, that it may sleep for at `now`, of a clock of hz ticks a second;
 * 0: something is due. */
long lcore_nap_ns(const struct lcore *lc, uint64_t now, uint64_t hz);
int lcore_main(void *lcore); /* an lcore_function_t: returns 0 once *stop is true */
