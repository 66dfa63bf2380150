/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The highest timestamp (RFC 4285, 6) that was accepted from each home address, whether its binding
 * lasts or not, whether it is configured still or not: what was taken once is never taken again.
 * Plain C, no clock: time is handed in, NTP's 64 bits. One owner (the control core).
 *
 * The memory is bounded and nothing is lost by it: when it is full, an entry gives way whose stamp
 * has left the window in which stamps are taken at all, and from then on whoever is not in the
 * table is held to that stamp (the floor). A message that is older is refused for its age anyway,
 * unless the clock goes back, and that is what the floor is for.
 */
#pragma once

#include <stdint.h>

#include "common/ip6.h"

struct stamps;

struct stamps_opts {
	uint32_t max; /* home addresses, > 0; pages are taken as they are used */
	uint32_t window_s; /* a stamp further from the clock than that is refused by the rules */
	uint64_t floor; /* of those that are not in the table: the time of the start */
	uint64_t seed;
};

int stamps_new(const struct stamps_opts *opts, struct stamps **out); /* 0, -ENOMEM */
void stamps_free(struct stamps *s); /* NULL is fine */

/* The highest stamp accepted from the home address, or the floor, whichever is later. */
uint64_t stamps_get(const struct stamps *s, uint16_t domain, const struct ip6_addr *hoa);
/*
 * This one was accepted; an earlier one than there is changes nothing, but has an entry afterwards:
 * stamps_set(stamps_get()) makes room for what is to come. 0; -ENOSPC: all there is room for are
 * within the window, which passes within seconds.
 */
int stamps_set(struct stamps *s, uint16_t domain, const struct ip6_addr *hoa, uint64_t stamp,
	uint64_t now);

uint32_t stamps_count(const struct stamps *s);
uint64_t stamps_memory(const struct stamps *s); /* octets when all of it is in use */
