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

/* For the classes ND, KNOWN, SIGNALLING, DISCOVERY and LOCAL; has_mip6: there are domains. */
struct punt_verdict punt_judge(enum dp_punt_class c, const struct ctl_pkt *p, bool has_mip6);
