/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/tunnel_rules.h"

#include "net/ext.h"
#include "net/icmp6.h"

#define LIMIT_VALUE 2 /* third octet of the option */

bool tunnel_open(const uint8_t *pkt, uint16_t len, struct tunnel_quote *q)
{
	struct ext_info x;

	if (ext_walk(pkt, len, EXT_TRANSIT, &x) != EXT_OK || x.upper != IP6_IN_IP6 ||
		x.upper_off > len || len - x.upper_off < (int)sizeof(struct net_ip6))
		return false;
	*q = (struct tunnel_quote){
		.outer = (const struct net_ip6 *)pkt,
		.inner = (const struct net_ip6 *)(pkt + x.upper_off),
		.inner_off = x.upper_off,
		.inner_here = (uint16_t)(len - x.upper_off),
		.limit_off = (uint16_t)(x.flags & EXT_LIMIT ? x.limit_off + LIMIT_VALUE : 0),
	};
	q->outer_len = sizeof(*q->outer) + net_ip6_payload_len(q->outer);
	q->inner_len = sizeof(*q->inner) + net_ip6_payload_len(q->inner);
	if (q->inner_here > q->inner_len) /* what stands behind it is not the packet's */
		q->inner_here = (uint16_t)q->inner_len;
	return net_ip6_version(q->inner) == 6;
}

/* Another tunnel's entry said that no further one may follow: "pointing to a valid Tunnel
 * Encapsulation Limit [...] set to a value zero" (8.2; 8.1 has "one" in its place). */
static bool is_at_limit(const struct tunnel_quote *q, const struct tunnel_error *e)
{
	return e->code == ICMP6_BAD_FIELD && q->limit_off != 0 && e->arg == q->limit_off &&
	       ((const uint8_t *)q->outer)[q->limit_off] == 0;
}

bool tunnel_tells(const struct tunnel_quote *q, struct tunnel_error *e)
{
	switch (e->type) {
	case ICMP6_TOO_BIG:
		/* 7.1 (b): what fits 1,280 octets is not refused, but carried in fragments */
		if (q->inner_len <= IP6_MIN_MTU)
			return false;
		e->code = 0;
		e->arg = e->arg > q->inner_off + (uint32_t)IP6_MIN_MTU ? e->arg - q->inner_off
								       : IP6_MIN_MTU;
		return true;
	case ICMP6_TIME_EXCEEDED: /* in transit; a reassembly's time is the mobile node's affair */
		if (e->code != 0)
			return false;
		break;
	case ICMP6_UNREACHABLE:
		break;
	case ICMP6_PARAM_PROBLEM:
		if (!is_at_limit(q, e))
			return false;
		break;
	default:
		return false;
	}
	*e = (struct tunnel_error){ ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0 };
	return true;
}
