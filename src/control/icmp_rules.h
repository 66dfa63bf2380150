/* SPDX-License-Identifier: BSD-3-Clause */
/* What icmp.c decides, without I/O (RFC 4443). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "net/ext.h"
#include "net/icmp6.h"

struct addrs;

enum icmp_kind {
	ICMP_ECHO, /* asks for a reply */
	ICMP_ERROR, /* about something that we sent, maybe */
	ICMP_ND, /* neighbour discovery's */
	ICMP_DISCOVERY, /* asks for home agents or prefixes */
	ICMP_OTHER, /* nothing that we take; no answer (2.4 (b)) */
};
enum icmp_kind icmp_kind(uint8_t type);

/* Is this error about a packet that an address of ours sent? `port`: where it came in. */
bool icmp_is_about_us(struct addrs *t, const struct icmp6_err_msg *msg, uint16_t port);
/* The path MTU to take over, 0: none. Less than 1280 is discarded (RFC 8201, 4), and so is what
 * quotes a packet that fits the MTU it tells, or that is larger than the way out takes: it was
 * made up. */
uint32_t icmp_learned_mtu(const struct icmp6_err_msg *msg, uint16_t link_mtu);

/*
 * 2.2: the source of an error about a packet to dst: dst itself if it is a unicast address of
 * ours (in use), else what address selection says for where the error goes. port_in: where the
 * packet came in; port_out: where the error leaves. NULL: there is none.
 */
const struct ip6_addr *icmp_error_source(struct addrs *t, const struct ip6_addr *dst,
	uint16_t port_in, const struct ip6_addr *to, uint16_t port_out);

/* How an error about a packet to us goes back: one about signalling or about a packet with a Home
 * Address option to the address on the wire, past the binding cache (RFC 6275, 9.2, 9.3.1). */
bool icmp_is_for_wire(const struct ext_info *x);
