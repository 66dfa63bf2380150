/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMPv6 errors about packets in our tunnels (RFC 2473, 8): which of them concern the source of
 * what is inside, and what it is told. Pure; what a router quotes is as hostile as anything.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/ip6hdr.h"

/* A tunnel packet, as much of it as there is. */
struct tunnel_quote {
	const struct net_ip6 *outer;
	const struct net_ip6 *inner;
	uint32_t outer_len, inner_len; /* as their headers say */
	uint16_t inner_off; /* octets of tunnel headers */
	uint16_t inner_here; /* octets of the inner packet that are there, at least its header */
	uint16_t limit_off; /* of the encapsulation limit's value, 0: none */
};

/* pkt: an IPv6 header, len (>= 40) octets that are there. False: no tunnel packet, or not enough
 * of it to see both headers, as in all fragments but the first. */
bool tunnel_open(const uint8_t *pkt, uint16_t len, struct tunnel_quote *q);

struct tunnel_error {
	uint8_t type, code;
	uint32_t arg;
};

/* 8.1 and 8.2: an error about the tunnel packet becomes what the inner source is told. False:
 * it is told nothing. */
bool tunnel_tells(const struct tunnel_quote *q, struct tunnel_error *e);
