/* SPDX-License-Identifier: BSD-3-Clause */
/* Which engine takes a punted packet, and which answer one gets that nobody takes. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/ctl_priv.h"

enum punt_to {
	PUNT_TO_ND,
	PUNT_TO_MIP6,
	PUNT_TO_ICMP,
	PUNT_TO_NOBODY, /* counted under drop; answered if there is an answer */
};

struct punt_verdict {
	enum punt_to to;
	bool needs_binding; /* a Home Address option on what is no signalling (RFC 6275, 9.3.1) */
	bool answer; /* icmp_*: an ICMPv6 error to the source */
	uint8_t icmp_type, icmp_code;
	uint32_t icmp_arg;
	enum dp_drop drop;
};

/* Which neighbour a packet of class RESOLVE waits for. Control is no reader of adjacencies: while
 * the packet stood in the queue its neighbour may have been forgotten and the id become another's;
 * then the FIB is asked once more. False: there is no way any more. */
struct punt_waiting {
	uint32_t adj; /* ADJ_NONE: the destination itself, on the port that fib names */
	uint8_t adj_owner;
	uint32_t fib;
	struct ip6_addr dst;
};
bool punt_neighbor(const struct tables *t, const struct punt_waiting *w, uint16_t *port,
	struct ip6_addr *addr);

/* For the classes ND, KNOWN, SIGNALLING, DISCOVERY and LOCAL; has_mip6: there are domains. */
struct punt_verdict punt_judge(enum dp_punt_class c, const struct ctl_pkt *p, bool has_mip6);
