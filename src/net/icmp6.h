/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMPv6 (RFC 4443): when an error may be sent, building errors and echo replies. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "net/ext.h"

enum icmp6_type {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAM_PROBLEM = 4,
	ICMP6_ECHO_REQUEST = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_RS = 133,
	ICMP6_RA = 134,
	ICMP6_NS = 135,
	ICMP6_NA = 136,
	ICMP6_REDIRECT = 137,
	ICMP6_HAAD_REQUEST = 144,
	ICMP6_HAAD_REPLY = 145,
	ICMP6_MPS = 146,
	ICMP6_MPA = 147,
};

enum icmp6_unreach_code {
	ICMP6_NO_ROUTE = 0,
	ICMP6_PROHIBITED = 1,
	ICMP6_BEYOND_SCOPE = 2,
	ICMP6_ADDRESS = 3,
	ICMP6_PORT = 4,
};

enum icmp6_time_code {
	ICMP6_HOP_LIMIT = 0,
	ICMP6_REASSEMBLY = 1,
};

enum icmp6_param_code {
	ICMP6_BAD_FIELD = 0,
	ICMP6_BAD_NEXT_HEADER = 1,
	ICMP6_BAD_OPTION = 2,
	ICMP6_FIRST_FRAGMENT = 3,
};

/*
 * RFC 4443, 2.4 (e): none about an ICMPv6 error or redirect, about a packet to a multicast
 * address (but Packet Too Big, and parameter problem code 2), nor to a source that does not
 * name one node. `pkt`: the offending packet, `len` octets of it (>= 40); x: its ext_walk(), a
 * refused one too: then the packet is walked again to see whether it is an error. Code 2 needs
 * x->bad_off: a multicast packet is answered only if the option's type starts with 10. What
 * cannot be told from an ICMPv6 error is not answered. Rate limits are the caller's.
 */
bool icmp6_may_answer(
	const uint8_t *pkt, uint16_t len, const struct ext_info *x, uint8_t type, uint8_t code);

/*
 * Write IPv6 header and error into buf: as much of the offending packet (len >= 40) as fits
 * 1,280 octets. arg: MTU or pointer, 0 otherwise. The destination is the offending packet's
 * source. Hop limit 64. buf must not overlap pkt. Returns the whole length or -ENOSPC.
 */
int icmp6_error(uint8_t *buf, uint16_t cap, const struct ip6_addr *src, uint8_t type, uint8_t code,
	uint32_t arg, const uint8_t *pkt, uint16_t len);

/* IPv6 header and echo reply to the request at icmp (icmp6_check()ed, icmp_len octets of it),
 * from src to dst. buf must not overlap it. Returns the whole length or -ENOSPC. */
int icmp6_echo_reply(uint8_t *buf, uint16_t cap, const struct ip6_addr *src,
	const struct ip6_addr *dst, const uint8_t *icmp, uint16_t icmp_len);

/*
 * For other messages. icmp6_begin(): IPv6 header with hop limit 64 into buf; where `len` octets of
 * ICMPv6 go, NULL when they do not fit cap. icmp6_end(): their checksum, once they are written;
 * returns the whole packet's length.
 */
uint8_t *icmp6_begin(uint8_t *buf, uint16_t cap, uint32_t len, const struct ip6_addr *src,
	const struct ip6_addr *dst);
int icmp6_end(uint8_t *buf, uint32_t len);

/* Checksum and least length (8 octets) of a received message: true when it may be looked into. */
bool icmp6_check(const struct ip6_addr *src, const struct ip6_addr *dst, const uint8_t *icmp,
	uint16_t icmp_len);

struct icmp6_err_msg {
	uint8_t type, code;
	uint32_t arg; /* MTU or pointer */
	const uint8_t *quoted; /* the quoted packet's IPv6 header, quoted_len >= 40 */
	uint16_t quoted_len;
};

/* A received error after icmp6_check(): 0, or -EBADMSG (not an error, or too short to quote an
 * IPv6 header). What is quoted is as hostile as the rest. */
int icmp6_error_decode(const uint8_t *icmp, uint16_t icmp_len, struct icmp6_err_msg *out);
