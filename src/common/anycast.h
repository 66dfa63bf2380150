/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reserved subnet anycast addresses (RFC 2526): the highest 128 interface identifiers of every
 * subnet belong to nobody in particular. Number 126 is that of Mobile IPv6 home agents. Pure, any
 * thread.
 *
 * The RFC has two forms. Where interface identifiers are the 64 bits of EUI-64, behind prefixes of 64
 * bits, they begin with fdff:ffff:ffff:ff80. Where they have another length, all bits between
 * prefix and number are ones. A subnet whose prefix is shorter than 64 bits can be read either
 * way, and mobile nodes do: the first form in one of its /64, or the second one right behind the
 * prefix (UMIP does for every length but 64).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

#define ANYCAST_FORMS 2

/*
 * The home agents' anycast addresses of the subnet p, where home agent `agent` serves it: how
 * many. First form: with 64 bits, or with fewer in the /64 that holds the agent, or in the first
 * one if the agent is elsewhere. Second form: with any other length up to 120. None beyond that:
 * an interface identifier has 8 bits at least (RFC 2526, 2).
 */
uint32_t anycast_home_agents(const struct ip6_prefix *p, const struct ip6_addr *agent,
	struct ip6_addr out[static ANYCAST_FORMS]);

/* a, an address in subnet p, is one that "MUST NOT be used for unicast addresses" (RFC 2526, 2),
 * in either form; of a shorter subnet every /64 counts. */
bool anycast_is_reserved(const struct ip6_addr *a, const struct ip6_prefix *p);
