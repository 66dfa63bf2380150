/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Path MTUs of what hamd says itself (RFC 8201): at most 1024 destinations, forgotten after ten
 * minutes, only ever lowered until then. Sets of four; the one that would be forgotten first
 * gives way. Pure: time is handed in. One owner.
 */
#pragma once

#include <stdint.h>

#include "common/ip6.h"

#define PMTU_SETS        256
#define PMTU_WAYS        4
#define PMTU_LIFETIME_MS 600000

struct pmtu_entry {
	struct ip6_addr dst;
	uint32_t mtu;
	uint64_t until_ms; /* 0: free */
};

struct pmtu { /* all zero but the seed: empty */
	uint64_t seed;
	struct pmtu_entry e[PMTU_SETS][PMTU_WAYS];
};

/* A Packet Too Big said so. Below 1280 (RFC 8201, 4) or not below what is known: ignored. */
void pmtu_learn(struct pmtu *p, uint64_t now_ms, const struct ip6_addr *dst, uint32_t mtu);
/* 0: nothing known, the link's MTU holds. */
uint32_t pmtu_get(const struct pmtu *p, uint64_t now_ms, const struct ip6_addr *dst);
