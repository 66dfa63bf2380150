/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/nd.h"

#include <assert.h>
#include <errno.h>

#include "net/cksum.h"
#include "net/cursor.h"
#include "net/icmp6.h"
#include "net/ip6hdr.h"

#define ND_HOP_LIMIT  255 /* nobody forwarded it (RFC 4861, 3.1) */
#define ND_MSG_LEN    24 /* without options */
#define ND_OPT_SOURCE 1
#define ND_OPT_TARGET 2
#define ND_OPT_LEN    8 /* of both, on Ethernet (RFC 2464, 6) */

/* What we write (RFC 4861, 4.3, 4.4 and 4.6.1); the option may be left out. */
struct nd_wire {
	uint8_t type, code;
	uint8_t cksum[2];
	uint8_t flags; /* enum nd_flag */
	uint8_t reserved[3];
	struct ip6_addr target;
	uint8_t opt_type, opt_units; /* units of 8 octets */
	uint8_t lladdr[6];
};
static_assert(offsetof(struct nd_wire, opt_type) == ND_MSG_LEN, "RFC 4861, 4.3 and 4.4");
static_assert(sizeof(struct net_ip6) + sizeof(struct nd_wire) == ND_PKT_MAX, "the longest");

enum nd_flag { ND_ROUTER = 0x80, ND_SOLICITED = 0x40, ND_OVERRIDE = 0x20 };

static bool is_solicited_node(const struct ip6_addr *a)
{
	struct ip6_addr group;

	ip6_solicited_node(a, &group); /* keeps the last three octets, fixes the others */
	return ip6_eq(a, &group);
}

/* The link-layer address that belongs into this type of message; the first one, if several. */
static int read_options(struct net_rd *r, struct nd_msg *out)
{
	const uint8_t wanted = out->type == ICMP6_NS ? ND_OPT_SOURCE : ND_OPT_TARGET;

	while (net_rd_left(r) > 0) {
		uint8_t type = net_rd_u8(r);
		uint8_t units = net_rd_u8(r);
		const uint8_t *body;

		if (units == 0)
			return -EBADMSG; /* RFC 4861, 4.6 */
		body = net_rd_bytes(r, units * 8u - 2);
		if (body == NULL)
			return -EBADMSG;
		if (type != wanted || out->has_lladdr)
			continue;
		/* An address of another length, or of a group, is nobody's. */
		if (units * 8 != ND_OPT_LEN || (body[0] & 1) != 0)
			return -EBADMSG;
		memcpy(out->lladdr, body, sizeof(out->lladdr));
		out->has_lladdr = true;
	}
	return r->bad ? -EBADMSG : 0;
}

/* The rules that relate header and message (RFC 4861, 7.1.1 and 7.1.2). */
static bool is_consistent(const struct nd_msg *m)
{
	if (ip6_is_multicast(&m->target) || ip6_is_multicast(&m->src))
		return false;
	if (m->type == ICMP6_NA)
		return !(ip6_is_multicast(&m->dst) && m->solicited);
	return !ip6_is_unspecified(&m->src) || (is_solicited_node(&m->dst) && !m->has_lladdr);
}

int nd_decode(const uint8_t *pkt, uint16_t len, struct nd_msg *out)
{
	const struct net_ip6 *h = (const struct net_ip6 *)pkt;
	const uint8_t *icmp = pkt + sizeof(*h);
	struct net_rd r;
	uint8_t flags;

	*out = (struct nd_msg){ 0 };
	if (len < sizeof(*h) + ND_MSG_LEN || net_ip6_payload_len(h) != len - sizeof(*h))
		return -EBADMSG;
	if (h->next_header != IP6_ICMP6 || h->hop_limit != ND_HOP_LIMIT)
		return -EBADMSG;
	if (!icmp6_check(&h->src, &h->dst, icmp, net_ip6_payload_len(h)))
		return -EBADMSG;
	out->src = h->src;
	out->dst = h->dst;
	r = net_rd_init(icmp, net_ip6_payload_len(h));
	out->type = net_rd_u8(&r);
	if ((out->type != ICMP6_NS && out->type != ICMP6_NA) || net_rd_u8(&r) != 0)
		return -EBADMSG;
	net_rd_u16(&r); /* checksum */
	flags = net_rd_u8(&r);
	net_rd_bytes(&r, 3); /* reserved */
	if (out->type == ICMP6_NA) {
		out->router = (flags & ND_ROUTER) != 0;
		out->solicited = (flags & ND_SOLICITED) != 0;
		out->override = (flags & ND_OVERRIDE) != 0;
	}
	net_rd_ip6(&r, &out->target);
	if (read_options(&r, out) < 0 || !is_consistent(out))
		return -EBADMSG;
	return 0;
}

int nd_encode(const struct nd_msg *msg, uint8_t *buf, uint16_t cap)
{
	const bool is_na = msg->type == ICMP6_NA;
	const uint16_t len = ND_MSG_LEN + (msg->has_lladdr ? ND_OPT_LEN : 0);
	struct nd_wire m = {
		.type = msg->type,
		.target = msg->target,
		.opt_type = is_na ? ND_OPT_TARGET : ND_OPT_SOURCE,
		.opt_units = ND_OPT_LEN / 8,
	};
	uint16_t cksum;

	assert(is_na || msg->type == ICMP6_NS);
	if (cap < sizeof(struct net_ip6) + len)
		return -ENOSPC;
	if (is_na)
		m.flags = (uint8_t)((msg->router ? ND_ROUTER : 0) |
				    (msg->solicited ? ND_SOLICITED : 0) |
				    (msg->override ? ND_OVERRIDE : 0));
	memcpy(m.lladdr, msg->lladdr, sizeof(m.lladdr));
	cksum = net_cksum(&msg->src, &msg->dst, IP6_ICMP6, &m, len);
	m.cksum[0] = (uint8_t)(cksum >> 8);
	m.cksum[1] = (uint8_t)cksum;
	net_ip6_fill((struct net_ip6 *)buf, len, IP6_ICMP6, ND_HOP_LIMIT, &msg->src, &msg->dst);
	memcpy(buf + sizeof(struct net_ip6), &m, len);
	return (int)(sizeof(struct net_ip6) + len);
}
