/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbour solicitations and advertisements on the wire (RFC 4861, 4.3, 4.4, 7.1). Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

struct nd_msg {
	uint8_t type; /* ICMP6_NS or ICMP6_NA */
	struct ip6_addr src, dst, target;
	bool has_lladdr; /* source (NS) or target (NA) link-layer address */
	uint8_t lladdr[6];
	bool router, solicited, override; /* NA */
};

/*
 * pkt: a whole IPv6 packet without extension headers whose upper layer is ICMPv6, len octets.
 * Every validity check of RFC 4861, 7.1.1 and 7.1.2: hop limit 255, checksum, code 0, length,
 * target not multicast, option lengths, the rules for the unspecified source, S=0 to multicast.
 * Beyond them: no multicast source, and a link-layer address is six octets and not a group's.
 * Of several the first counts. 0 or -EBADMSG.
 */
int nd_decode(const uint8_t *pkt, uint16_t len, struct nd_msg *out);

#define ND_PKT_MAX 72 /* IPv6 header, message, one link-layer option */

/* A whole IPv6 packet with hop limit 255; has_lladdr chooses the option. Returns its length or
 * -ENOSPC. */
int nd_encode(const struct nd_msg *msg, uint8_t *buf, uint16_t cap);
