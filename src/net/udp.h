/* SPDX-License-Identifier: BSD-3-Clause */
/* UDP over IPv6 (RFC 768, RFC 8200, 8.1): the checksum is not optional here. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

#define NET_UDP_LEN 8 /* octets of the header */

struct net_udp {
	uint16_t src_port, dst_port;
	const uint8_t *data; /* in the packet */
	uint16_t len; /* octets of data */
};

/*
 * `len` octets of UDP, what is behind the IPv6 header's payload and extension headers. 0; -EBADMSG:
 * shorter than the header, or its length is not exactly what is there (nothing we speak has
 * anything behind a datagram, and no jumbogram is taken).
 */
int net_udp_decode(const uint8_t *udp, uint32_t len, struct net_udp *out);
/* Of what was decoded: is the checksum there (0 is none, RFC 8200, 8.1) and right? */
bool net_udp_is_intact(
	const struct ip6_addr *src, const struct ip6_addr *dst, const uint8_t *udp, uint32_t len);

/* IPv6 header with this hop limit, UDP header and `len` octets of data, which may be at their place
 * already, into buf. Returns the whole packet's length, or -ENOSPC. */
int net_udp_packet(uint8_t *buf, uint32_t cap, const struct ip6_addr *src,
	const struct ip6_addr *dst, uint16_t src_port, uint16_t dst_port, uint8_t hop_limit,
	const uint8_t *data, uint32_t len);
