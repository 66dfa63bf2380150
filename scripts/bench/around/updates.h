/* SPDX-License-Identifier: BSD-3-Clause */
/* Binding Updates of a crowd, and what became of them. Pure, as flow.h. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../rnd/frame.h"
#include "flow.h"

struct updates {
	struct crowd *crowd;
	struct bu_source source;
	struct bu_frame frame;
	bool is_on;
	uint8_t place; /* where they register */
	uint32_t next; /* mobile node */
	uint64_t begin_ns, interval_ns, turn_sent;

	uint64_t sent, acknowledged, refused, slowest_ns;
};

void updates_init(struct updates *u, struct crowd *c);

/* per_s, not 0, a second from now on, of all that are elsewhere or have no acknowledgement. */
void updates_begin(struct updates *u, uint8_t place, uint32_t per_s, uint64_t now_ns);

/* The next one if it is time for it, behind an Ethernet header that is left alone; its length with
 * that header, 0: none is due. Its mobile node has moved with it. */
size_t updates_next(struct updates *u, uint64_t now_ns, uint8_t buf[FRAME_MAX]);

/* A packet (without Ethernet header); false: no Binding Acknowledgement for one of the crowd. One
 * that nobody waits for is taken and not counted. */
bool updates_take(struct updates *u, const uint8_t *pkt, size_t len, uint64_t now_ns);

uint32_t updates_unanswered(const struct updates *u); /* mobile nodes that wait */
