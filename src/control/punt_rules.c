/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/punt_rules.h"

#include "net/icmp6.h"
#include "tables/fib.h"

static struct punt_verdict refuse(enum dp_drop drop)
{
	return (struct punt_verdict){ .to = PUNT_TO_NOBODY, .drop = drop };
}

static struct punt_verdict answer(enum dp_drop drop, uint8_t type, uint8_t code, uint32_t arg)
{
	return (struct punt_verdict){
		.to = PUNT_TO_NOBODY,
		.answer = true,
		.icmp_type = type,
		.icmp_code = code,
		.icmp_arg = arg,
		.drop = drop,
	};
}

static struct punt_verdict judge_local(const struct ctl_pkt *p)
{
	switch (p->ext.upper) {
	case IP6_ICMP6:
		return (struct punt_verdict){ .to = PUNT_TO_ICMP };
	case IP6_UDP:
	case IP6_TCP:
		return answer(DP_DROP_LOCAL_PORT, ICMP6_UNREACHABLE, ICMP6_PORT, 0);
	case IP6_NONE: /* RFC 8200, 4.7: nothing to be recognized */
		return refuse(DP_DROP_LOCAL_PROTO);
	default:
		return answer(DP_DROP_LOCAL_PROTO, ICMP6_PARAM_PROBLEM, ICMP6_BAD_NEXT_HEADER,
			p->ext.nh_off);
	}
}

struct punt_verdict punt_judge(enum dp_punt_class c, const struct ctl_pkt *p, bool has_mip6)
{
	struct punt_verdict v;

	if (c == DP_PUNT_ND)
		return (struct punt_verdict){ .to = PUNT_TO_ND };
	if (!p->walked)
		return refuse(DP_DROP_EXT_TRUNCATED);
	/* a home registration names its home agent: there may be several behind this address */
	if (p->ext.upper == IP6_MH && fib_kind(p->fib) == FIB_ANYCAST)
		return refuse(DP_DROP_MH_ANYCAST);
	if ((c == DP_PUNT_KNOWN || c == DP_PUNT_SIGNALLING) && has_mip6)
		return (struct punt_verdict){ .to = PUNT_TO_MIP6 };
	/* The source of what is in an unchecked tunnel may be anybody's. */
	if (p->unchecked)
		return refuse(DP_DROP_DECAP_NO_BINDING);
	v = judge_local(p);
	/* ESP vouches for a Home Address option itself: that we don't speak it is said, but its
	 * binding is not asked for */
	v.needs_binding = (p->ext.flags & EXT_HAO) != 0 && p->ext.upper != IP6_MH &&
			  p->ext.upper != IP6_ESP;
	return v;
}

bool punt_open_tunnel(struct ctl_pkt *p, struct punt_error *e)
{
	struct ext_info x;
	uint16_t off, len;

	if (ext_walk(p->data, p->len, EXT_TRANSIT, &x) != EXT_OK || x.upper != IP6_IN_IP6)
		return false;
	off = x.upper_off;
	if (p->len < off + sizeof(struct net_ip6))
		return false;
	len = (uint16_t)(p->len - off);
	if (e->type == ICMP6_TOO_BIG) {
		/* 7.1 (b): what fits 1,280 octets is not refused */
		if (len <= IP6_MIN_MTU)
			return false;
		e->arg = e->arg > off + (uint32_t)IP6_MIN_MTU ? e->arg - off : IP6_MIN_MTU;
	} else {
		*e = (struct punt_error){ ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0 };
	}
	p->data += off;
	p->len = len;
	p->walked = false;
	return true;
}
