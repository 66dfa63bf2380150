/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/parties.h"

#include "net/ext.h"
#include "net/icmp6.h"
#include "net/ip6hdr.h"

#define ICMP6_HEADER 8 /* in front of what an error quotes, and of a solicitation's target */
#define RH2_TYPE     2
#define RH2_LEN      2 /* the length octet of one with an address (RFC 6275, 6.4.1) */
#define RH2_ADDRESS  8 /* octets in front of the address */

static void add(struct net_parties *out, const uint8_t *addr, bool is_to)
{
	out->at[out->n++] = (struct net_party){ (const struct ip6_addr *)addr, is_to };
}

/* One IPv6 header with its extension headers. The walk saw to it that the option has its length
 * and that the routing header is there whole. */
static void take_headers(const uint8_t *pkt, const struct ext_info *x, struct net_parties *out)
{
	const struct net_ip6 *ip = (const struct net_ip6 *)pkt;
	const uint8_t *rh = pkt + x->rh_off;

	add(out, ip->src.b, false);
	add(out, ip->dst.b, true);
	if (x->flags & EXT_HAO)
		add(out, pkt + x->hao_off + 2, false);
	if (x->flags & EXT_RH && rh[1] >= RH2_LEN && rh[2] == RH2_TYPE)
		add(out, rh + RH2_ADDRESS, true);
}

static uint32_t take_icmp6(const uint8_t *icmp, uint32_t left, struct net_parties *out)
{
	bool has_target;

	if (left < ICMP6_HEADER)
		return 0;
	if (icmp[0] < ICMP6_ECHO_REQUEST) /* an error (RFC 4443, 2.1) */
		return ICMP6_HEADER;
	has_target = icmp[0] == ICMP6_NS || icmp[0] == ICMP6_NA;
	if (has_target && left >= ICMP6_HEADER + sizeof(struct ip6_addr))
		add(out, icmp + ICMP6_HEADER, true);
	return 0;
}

/* Where the next packet begins inside this one, 0: there is none. */
static uint32_t take_packet(const uint8_t *pkt, uint32_t len, struct net_parties *out)
{
	uint32_t whole = sizeof(struct net_ip6) + net_ip6_payload_len((const struct net_ip6 *)pkt),
		 inner;
	struct ext_info x;

	if (whole > len) /* a quotation is cut */
		whole = len;
	if (whole > UINT16_MAX)
		whole = UINT16_MAX;
	(void)ext_walk(pkt, (uint16_t)whole, EXT_TRANSIT, &x);
	take_headers(pkt, &x, out);
	if (x.upper_off == 0) /* also in a fragment that is not the first */
		return 0;
	if (x.upper == IP6_IN_IP6)
		return x.upper_off;
	if (x.upper != IP6_ICMP6)
		return 0;
	inner = take_icmp6(pkt + x.upper_off, whole - x.upper_off, out);
	return inner > 0 ? x.upper_off + inner : 0;
}

void net_parties(const uint8_t *pkt, uint32_t len, struct net_parties *out)
{
	out->n = 0;
	for (unsigned depth = 0; depth < NET_PARTIES_DEPTH; depth++) {
		uint32_t next;

		if (len < sizeof(struct net_ip6) ||
			net_ip6_version((const struct net_ip6 *)pkt) != 6)
			return;
		next = take_packet(pkt, len, out);
		if (next == 0)
			return;
		pkt += next;
		len -= next;
	}
}
