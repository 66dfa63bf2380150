/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMPv6 by which a mobile node finds its home agents and learns about its home prefixes: Home
 * Agent Address Discovery (RFC 6275, 6.5, 6.6) and Mobile Prefix Discovery (6.7, 6.8, 7.2). What
 * a home agent hears is decoded, what it says encoded. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

/* A Home Agent Address Discovery Request, or a Mobile Prefix Solicitation whose options nobody
 * knows (6.7), after icmp6_check(): 0 and its identifier, or -EBADMSG: code not 0, an option
 * without length or past the end. What follows a request is ignored. */
int discovery_request_decode(const uint8_t *icmp, uint16_t icmp_len, uint16_t *id);
int discovery_solicitation_decode(const uint8_t *icmp, uint16_t icmp_len, uint16_t *id);

/* 10.5.1: so many fit 1,280 octets, also behind a routing header type 2: 64 + 8 + 16 n. */
#define DISCOVERY_AGENTS_MAX 75
#define DISCOVERY_REPLY_MAX  (40 + 8 + 16 * DISCOVERY_AGENTS_MAX)

/* A Home Agent Address Discovery Reply, a whole IPv6 packet: the first DISCOVERY_AGENTS_MAX of n
 * agents, in their order. R (RFC 3963, 7.2) is 0. Its length, or -ENOSPC. */
int discovery_reply_encode(uint8_t *buf, uint16_t cap, const struct ip6_addr *src,
	const struct ip6_addr *dst, uint16_t id, const struct ip6_addr *agents, uint32_t n);

/* A Prefix Information option (RFC 4861, 4.6.2, with R of RFC 6275, 7.2). */
struct discovery_prefix {
	struct ip6_prefix prefix;
	bool autonomous; /* A: addresses may be formed from it */
	bool has_router; /* R: `router`, which is in the prefix, stands for it */
	struct ip6_addr router;
	uint32_t valid_s, preferred_s; /* UINT32_MAX: infinite */
};

#define DISCOVERY_ADVERT_LEN(n) (40 + 8 + 32 * (n))

/* A Mobile Prefix Advertisement, a whole IPv6 packet, M and O 0; L is 0 as well, for a virtual
 * home link has no neighbours. Its length, or -ENOSPC. */
int discovery_advert_encode(uint8_t *buf, uint16_t cap, const struct ip6_addr *src,
	const struct ip6_addr *dst, uint16_t id, const struct discovery_prefix *prefixes,
	uint32_t n);
