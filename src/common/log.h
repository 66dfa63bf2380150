/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines: "LEVEL tag: sentence key=value ...", to standard error. Before log_start() the
 * caller writes itself; afterwards lines go through a bounded lock-free queue to a thread of
 * the log's own, because the control core never blocks. A full queue loses lines, counts them
 * and says so. Workers do not log (they count).
 *
 * Whose fault it is chooses the level: a peer's is info (rate-limited), the operator's warn,
 * ours err. Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/util.h"

enum log_level { LOG_ERR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVEL_COUNT };

#define LOG_LINE_MAX 512 /* longer lines are cut */

void log_set_level(enum log_level level);
bool log_set_level_name(const char *name); /* "err" ... "debug"; false: no such level */
enum log_level log_get_level(void);
/* Lines get systemd's "<N>" priority prefix instead of the level's name. */
void log_set_journal(bool on);
/* Start and stop (flush, join) the writing thread; -errno. */
int log_start(void);
void log_stop(void);
uint64_t log_lost(void);

void log_write(enum log_level level, const char *tag, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_err(tag, ...)   log_write(LOG_ERR, tag, __VA_ARGS__)
#define log_warn(tag, ...)  log_write(LOG_WARN, tag, __VA_ARGS__)
#define log_info(tag, ...)  log_write(LOG_INFO, tag, __VA_ARGS__)
#define log_debug(tag, ...) log_write(LOG_DEBUG, tag, __VA_ARGS__)

/* One per class of event: at most `burst` lines per 5 s, then silence, then "N more
 * suppressed" with the next line that passes. Not thread-safe: one owner. */
struct log_rl {
	uint32_t burst;
	uint32_t left;
	uint32_t suppressed;
	uint64_t window_ms;
};
#define LOG_RL_INIT                                                                                \
	{                                                                                          \
		.burst = 10                                                                        \
	}

/* True when a line may be written; *suppressed says how many were not since the last one. */
bool log_rl_pass(struct log_rl *rl, uint64_t now_ms, uint32_t *suppressed);
