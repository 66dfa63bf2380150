/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whom a packet is about: the addresses of its IPv6 header, of a Home Address option, of a
 * routing header type 2, of a neighbour discovery target, and the same of the packets inside
 * tunnels and of what an ICMPv6 error quotes. For filters of people who look for "the packets of
 * this host". Bounded, trusts nothing, pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

#define NET_PARTIES_DEPTH 4 /* packets inside each other that are looked into */
#define NET_PARTIES_MAX   (4 * NET_PARTIES_DEPTH)

struct net_party {
	const struct ip6_addr *addr; /* in the packet */
	bool is_to; /* it goes there, or is about it; else it comes from there */
};

struct net_parties {
	uint32_t n;
	struct net_party at[NET_PARTIES_MAX];
};

/* pkt: len octets that are there, from the IPv6 header on; fewer than a header: nobody. Any
 * thread. */
void net_parties(const uint8_t *pkt, uint32_t len, struct net_parties *out);
