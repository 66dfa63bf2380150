/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Path MTUs by destination (RFC 8201): what Packet Too Big taught, about tunnels as about what
 * hamd says itself. This is the truth; entries of the binding cache hold copies of it (publish.c).
 * What a packet in a tunnel taught counts for both; what another one taught, which anybody could
 * have made up who knows an address, not for tunnels.
 *
 * Lowered at once, raised by nobody, forgotten ten minutes after it was lowered and never within
 * five of a Packet Too Big. Bounded: sets of four, twice as many places as there can be bindings
 * and PMTU_OWN_DESTINATIONS more. In a full set the one gives way that would be forgotten first,
 * but never a tunnel's for another's. Who gave way learns again by its next large packet. Pure:
 * time is handed in. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip6.h"

#define PMTU_OWN_DESTINATIONS 1024
#define PMTU_LIFETIME_MS      600000
#define PMTU_HOLD_MS          300000

enum pmtu_use {
	PMTU_OWN, /* a destination of what hamd says itself */
	PMTU_TUNNEL, /* the care-of address of a binding, checked */
};

struct pmtu;

/* tunnels: most bindings. Address space is taken at once, pages as they are used. 0 or -ENOMEM. */
int pmtu_new(uint32_t tunnels, uint64_t seed, struct pmtu **out);
void pmtu_free(struct pmtu *p); /* NULL is fine */
size_t pmtu_memory(const struct pmtu *p); /* bytes taken */

/* A Packet Too Big said so. Below 1280 (RFC 8201, 4): ignored. Not below what is known: only
 * remembered as a sign that it still holds. True: the path MTU was lowered. */
bool pmtu_learn(struct pmtu *p, uint64_t now_ms, const struct ip6_addr *dst, enum pmtu_use use,
	uint32_t mtu);
/* The same of a tunnel's care-of address, where another site found it: forgotten here when it is
 * there. A higher one is no sign. True: the path MTU was lowered. */
bool pmtu_hear(struct pmtu *p, uint64_t now_ms, const struct ip6_addr *dst, uint32_t mtu,
	uint64_t until_ms);
/* 0: nothing known, the link's MTU holds. */
uint16_t pmtu_get(
	const struct pmtu *p, uint64_t now_ms, const struct ip6_addr *dst, enum pmtu_use use);
/* When the last of the tunnels' will be forgotten; 0: none was learned. */
uint64_t pmtu_tunnels_end_ms(const struct pmtu *p);
