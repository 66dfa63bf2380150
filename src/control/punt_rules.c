/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/punt_rules.h"

#include "net/icmp6.h"
#include "tables/adj.h"
#include "tables/fib.h"
#include "tables/tables.h"

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

bool punt_neighbor(
	const struct tables *t, const struct punt_waiting *w, uint16_t *port, struct ip6_addr *addr)
{
	uint32_t adj = w->adj, fib = w->fib;

	if (adj != ADJ_NONE && adj_owner(t->adj, adj) != w->adj_owner) {
		adj = ADJ_NONE;
		fib = fib_lookup(t->fib, &w->dst);
	}
	if (adj == ADJ_NONE && fib_kind(fib) == FIB_VIA)
		adj = fib_index(fib);
	if (adj != ADJ_NONE) {
		*port = adj_port(t->adj, adj);
		*addr = *adj_addr(t->adj, adj);
		return true;
	}
	*port = (uint16_t)fib_index(fib);
	*addr = w->dst;
	return fib_kind(fib) == FIB_ONLINK;
}
