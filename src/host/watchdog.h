/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host thread that looks whether each lcore goes on. One that finishes no turn for a while will
 * not by itself: the log says so at half of the time, and then the process is aborted, so that
 * whoever watches it (systemd) has a core file and starts it anew. Until then a mesh site has been
 * silent for long (control/mesh/beat.h) and others serve.
 *
 * Time in which this thread, and with it the process, did not run does not count: a stopped or
 * suspended hamd is not wedged.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct watchdog;

struct watchdog_opts {
	uint32_t limit_ms; /* runtime.watchdog-ms; > 0 */
	uint32_t lcores;
	void *ctx;
	bool (*is_running)(void *ctx); /* lcores are to finish turns */
	uint64_t (*turns)(void *ctx, uint32_t lcore); /* that it has finished */
	uint32_t (*number)(void *ctx, uint32_t lcore); /* for the log */
	void (*bite)(void); /* ends the process: abort() */
};

int watchdog_start(const struct watchdog_opts *o, struct watchdog **out, char *err, size_t err_len);
void watchdog_stop(struct watchdog *w); /* NULL is fine */
