/* SPDX-License-Identifier: BSD-3-Clause */
/* What a long line does to frames, in one direction: when each arrives, whether, and how often.
 * Without clock and sockets: the time is handed in, chance comes from the seed. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_COPIES 2 /* of one frame at the most */
#define LINE_LARGE  1000

#define LINE_COUNTER_LIST(X)                                                                       \
	X(passed, "frames handed on, copies not counted")                                          \
	X(large, "... of LINE_LARGE octets at least: echo requests of a test stand out")           \
	X(cut, "frames that met a line that was cut")                                              \
	X(lost, "frames lost by chance")                                                           \
	X(overflow, "frames that found the queue before the rate limit full")                      \
	X(duplicated, "second copies")                                                             \
	X(late, "frames held back so that others overtake them")

struct line {
	/* settings: line_set() */
	uint64_t delay_ns, jitter_ns, late_ns, queue_ns;
	uint64_t bits_per_s; /* 0: no limit */
	uint32_t loss_ppm, duplicate_ppm, reorder_ppm;
	bool is_cut;

	uint64_t seed; /* anything */

	/* state and counters */
	uint64_t free_ns, last_ns;
#define X(name, help) uint64_t name;
	LINE_COUNTER_LIST(X)
#undef X
};

/* Nothing is lost or late; a queue of 200 ms before a rate limit, 10 ms for those held back. */
void line_init(struct line *l, uint64_t seed);

/* One setting: delay-ms, jitter-ms, late-ms, queue-ms, rate-mbps, loss-percent,
 * duplicate-percent, reorder-percent (decimals are fine), cut (0, 1). -EINVAL: no such key, or no
 * such value. */
int line_set(struct line *l, const char *key, const char *value);

/* A frame of so many octets comes at now_ns, which never goes back. Returns how many copies of it
 * arrive, and when. Frames keep their order, whatever the jitter, but for those held back. */
unsigned line_pass(struct line *l, uint64_t now_ns, size_t octets, uint64_t due_ns[LINE_COPIES]);
