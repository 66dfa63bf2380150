/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One walk over a packet's extension headers (RFC 8200, 4; RFC 6275, 6.3, 6.4; RFC 5095;
 * RFC 2473, 4.1.1). Bounded by EXT_MAX_HEADERS, EXT_MAX_OPTIONS and the packet's length;
 * trusts nothing. Leaves offsets, from the first octet of the IPv6 header. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

#define EXT_MAX_HEADERS 8
#define EXT_MAX_OPTIONS 32 /* in all headers of a packet together, Pad1 and PadN included */
#define EXT_MAX_BYTES   512 /* from the end of the IPv6 header to the upper-layer header */

enum ext_flag {
	EXT_HAO = 1, /* a Home Address option; hao_off is valid */
	EXT_RH = 2, /* a routing header; rh_off is valid */
	EXT_FRAGMENT = 4, /* a Fragment header that is not atomic: upper, if it is there, is not
	                        whole */
	EXT_ATOMIC = 8, /* a Fragment header with offset 0 and M 0 (RFC 6946) */
	EXT_LIMIT = 16, /* a Tunnel Encapsulation Limit option; limit_off is valid */
	EXT_NOT_FIRST = 32, /* a fragment with an offset: the walk stopped at its header, there
	                        is no upper-layer header */
};

/* Offsets from the first octet of the IPv6 header; 0 = not there. 20 octets: lives in every
 * packet's metadata. */
struct ext_info {
	uint16_t
		upper_off; /* upper-layer header; the packet's end when upper is IP6_NONE and empty */
	uint16_t nh_off; /* the Next Header octet that names `upper` */
	uint16_t hao_off; /* option type octet of the Home Address option (the address is at +2) */
	uint16_t rh_off; /* first octet of the last routing header */
	uint16_t frag_off; /* first octet of the Fragment header, the first one */
	uint16_t frag_nh_off; /* the Next Header octet that names it */
	uint16_t limit_off; /* option type octet of the Tunnel Encapsulation Limit (value at +2);
	                       the first one */
	uint16_t bad_off; /* what an ICMPv6 parameter problem points at; 0 = none is due */
	uint8_t upper; /* next header value of the upper layer; IP6_FRAGMENT when EXT_NOT_FIRST */
	uint8_t flags; /* enum ext_flag */
	uint8_t headers; /* how many extension headers there were */
};

enum ext_verdict {
	EXT_OK,
	EXT_TRUNCATED, /* a header runs past the packet: drop; no ICMP but for first fragments */
	EXT_TOO_MANY, /* our bounds on headers, options or bytes: drop */
	EXT_BAD_ORDER, /* hop-by-hop not directly after the IPv6 header: parameter problem 1 at
	                       bad_off (RFC 8200, 4); HAO twice, before a routing header, after a
	                       Fragment or AH header (RFC 6275, 6.3), a second Fragment header:
	                       silent, bad_off is 0 */
	EXT_BAD_OPTION, /* unknown option with action 10: parameter problem code 2 at bad_off */
	EXT_BAD_OPTION_UNI, /* action 11: the same unless the destination is multicast */
	EXT_BAD_OPTION_DROP, /* action 01: silent */
	EXT_BAD_LENGTH, /* a known option with a wrong length, or any that runs past its header:
	                       parameter problem code 0 at bad_off, the length octet */
	EXT_RH_REFUSED, /* RH0 or unknown routing type, segments left > 0: parameter problem code 0
	                       at bad_off = the Routing Type octet (RFC 5095) */
	EXT_RH2, /* routing header type 2 with segments left > 0, addressed to us: silent,
	                       we are no mobile node (RFC 6275, 8.2) */
	EXT_HAO_REFUSED, /* the Home Address option's address is not ip6_is_routable(); everything
	                       else was right and is filled in: the caller decides on a Binding
	                       Error (RFC 6275, 9.3.1) */
	EXT_VERDICT_COUNT
};

enum ext_mode {
	EXT_TO_US, /* every rule for the destination applies */
	EXT_TRANSIT, /* only look: offsets and limit option for a packet we encapsulate or quote;
	                unknown options and routing headers are nobody's business here. Never
	                anything but OK, TRUNCATED and TOO_MANY */
};

/*
 * pkt: the IPv6 header (version and lengths already checked), len: 40 + payload length octets
 * that are really there, at least 40. *out is always filled as far as the walk came; upper_off
 * is 0 when it did not reach the upper layer. Any thread.
 *
 * ESP is an upper layer: upper = 50. AH is walked over and nothing of it is verified, so what
 * stands behind it is no more trusted than without.
 *
 * EXT_OK with EXT_HAO is half of RFC 6275, 9.3.1: with upper 50 or 135 the packet is processed;
 * with any other the caller needs a binding of this home address to the packet's source, or
 * drops it and owes a Binding Error. (The RFC also names 51, for nodes that verify AH.)
 *
 * A first fragment that lacks its upper-layer header is EXT_TRUNCATED with EXT_FRAGMENT set:
 * parameter problem code 3 (RFC 8200, 4.5). In transit only a header that is cut off is.
 */
enum ext_verdict ext_walk(
	const uint8_t *pkt, uint16_t len, enum ext_mode mode, struct ext_info *out);
