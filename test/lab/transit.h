/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames on their way: each is handed in with the time at which it arrives, and comes out then;
 * of two at the same time the first goes first. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSIT_FRAME_MAX  2048 /* Ethernet with an MTU of 1500, VLAN tags, and room */
#define TRANSIT_FRAMES_MAX 32768 /* 1 Gbit/s of full frames for 400 ms; 64 MB, if used */

struct transit_frame {
	void *to; /* whoever gets it, as handed in */
	uint64_t due_ns, order;
	uint16_t len;
	uint8_t data[TRANSIT_FRAME_MAX];
};

int transit_init(void); /* 0, -ENOMEM */

/* false: too many are on their way, or it is too long. The octets are copied. */
bool transit_hold(void *to, uint64_t due_ns, const uint8_t *data, size_t len);

/* One that has arrived by now_ns, NULL: none has. It is good until the next transit_hold(). */
const struct transit_frame *transit_next(uint64_t now_ns);

uint64_t transit_due(void); /* when the next one arrives, 0: none is on its way */
