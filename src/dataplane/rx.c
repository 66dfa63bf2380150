/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the port: frames that are not for us or not whole IPv6 packets are dropped here, so that
 * every later stage finds the IPv6 header at the start of one segment, with as many octets
 * behind it as its payload length says.
 */
#include <rte_ethdev.h>

#include "dataplane/worker.h"

#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHER_LEN      14
#define VLAN_LEN       4

static uint16_t be16_at(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* Whose frame? To a group: the port's filter is a help, the packet's destination decides. */
static int check_mac(const struct dp_port_view *port, const uint8_t *frame)
{
	if (memcmp(frame, port->mac, 6) != 0 && !(frame[0] == 0x33 && frame[1] == 0x33))
		return DP_DROP_RX_NOT_FOR_US;
	if (frame[6] & 1 || memcmp(frame + 6, port->mac, 6) == 0)
		return DP_DROP_RX_BAD_SOURCE_MAC;
	return -1;
}

/* The Ethernet header's length with the port's VLAN tag, or minus a reason. */
static int check_l2(const struct dp_port_view *port, const uint8_t *frame, uint32_t len)
{
	uint16_t type;
	int reason;

	if (len < ETHER_LEN)
		return -DP_DROP_RX_TOO_SHORT - 1;
	reason = check_mac(port, frame);
	if (reason >= 0)
		return -reason - 1;
	type = be16_at(frame + 12);
	if (port->vlan == 0) {
		if (type == ETHERTYPE_VLAN)
			return -DP_DROP_RX_VLAN - 1;
		return type == ETHERTYPE_IPV6 ? ETHER_LEN : -DP_DROP_RX_NOT_IPV6 - 1;
	}
	if (type != ETHERTYPE_VLAN || len < ETHER_LEN + VLAN_LEN ||
		(be16_at(frame + 14) & 0xfff) != port->vlan)
		return -DP_DROP_RX_VLAN - 1;
	return be16_at(frame + 16) == ETHERTYPE_IPV6 ? ETHER_LEN + VLAN_LEN
						     : -DP_DROP_RX_NOT_IPV6 - 1;
}

/* Begins at the IPv6 header and ends where that says. */
static void cut(struct rte_mbuf *m, uint32_t l2, const struct net_ip6 *ip)
{
	uint16_t whole = (uint16_t)(sizeof(*ip) + net_ip6_payload_len(ip));

	m->data_off = (uint16_t)(m->data_off + l2);
	m->data_len = whole;
	m->pkt_len = whole;
}

/*
 * Strip the Ethernet header and what follows the packet; a reason, or -1 when it is whole. A frame
 * to a group with a packet to one address in it is nobody's: every router that hears it would
 * forward it, and errors about it (RFC 4443, 2.4 e.4) would multiply.
 */
static int trim(struct rte_mbuf *m, uint32_t l2)
{
	bool group = rte_pktmbuf_mtod(m, const uint8_t *)[0] & 1;
	const struct net_ip6 *ip;
	uint32_t left = m->data_len - l2, whole;

	if (left < sizeof(*ip))
		return DP_DROP_RX_TOO_SHORT;
	ip = rte_pktmbuf_mtod_offset(m, const struct net_ip6 *, l2);
	if (net_ip6_version(ip) != 6)
		return DP_DROP_IP6_VERSION;
	if (group && !ip6_is_multicast(&ip->dst))
		return DP_DROP_RX_NOT_FOR_US;
	if (net_ip6_payload_len(ip) == 0 && ip->next_header == IP6_HOPOPT)
		return DP_DROP_IP6_JUMBO;
	whole = sizeof(*ip) + net_ip6_payload_len(ip);
	if (whole > left)
		return DP_DROP_IP6_LENGTH;
	cut(m, l2, ip);
	return -1;
}

/* Eight octets at once: an Ethernet address and two that are masked out or looked at, too. */
static inline uint64_t octets(const void *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return w;
}

static const uint8_t mac_mask[8] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0 };
static const uint8_t type_ipv6[8] = { [6] = ETHERTYPE_IPV6 >> 8, [7] = ETHERTYPE_IPV6 & 0xff };

/* What most frames are, at one glance: one segment, whole, to this port (mac: its address) from
 * another one, IPv6 without a tag. False says nothing. */
static inline bool is_plain(const struct rte_mbuf *m, uint64_t mac)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct net_ip6 *ip = (const struct net_ip6 *)(frame + ETHER_LEN);
	uint64_t mask = octets(mac_mask), to, from;
	uint32_t payload;

	if (m->data_len < ETHER_LEN + sizeof(*ip) || m->nb_segs != 1)
		return false;
	to = octets(frame);
	from = octets(frame + 6);
	payload = net_ip6_payload_len(ip);
	return ((to ^ mac) & mask) == 0 && (from & ~mask) == octets(type_ipv6) &&
	       ((from ^ mac) & mask) != 0 && !(frame[6] & 1) && net_ip6_version(ip) == 6 &&
	       payload > 0 && payload + ETHER_LEN + sizeof(*ip) <= m->data_len;
}

static inline void begin(
	const struct dp_worker *w, struct rte_mbuf *m, uint16_t port, const uint8_t *frame)
{
	struct dp_meta *meta = dp_meta(m);

	meta->trace = 0;
	meta->fib = 0;
	meta->adj = 0;
	meta->port = port;
	meta->flags = 0;
	meta->opened = 0;
	meta->peer = 0;
	meta->relay_to = 0;
	meta->worker = (uint8_t)w->id;
	memcpy(meta->src_mac, frame + 6, sizeof(meta->src_mac));
	m->port = port;
	m->ol_flags = 0; /* nothing a driver left may ask for an offload on the way out */
}

/* Anything else. False: it is dropped. */
static __attribute__((noinline)) bool unpack(struct dp_worker *w, struct rte_mbuf *m, uint16_t port)
{
	const uint8_t *frame;
	int l2, reason;

	if (m->nb_segs > 1 && rte_pktmbuf_linearize(m) < 0) {
		dp_worker_drop(w, m, DP_DROP_RX_CHAINED);
		return false;
	}
	frame = rte_pktmbuf_mtod(m, const uint8_t *);
	l2 = check_l2(&w->port[port], frame, m->data_len);
	reason = l2 < 0 ? -l2 - 1 : trim(m, (uint32_t)l2);
	if (reason >= 0) {
		dp_worker_drop(w, m, (enum dp_drop)reason);
		return false;
	}
	begin(w, m, port, frame);
	return true;
}

uint32_t dp_rx(struct dp_worker *w, const struct dp_rx_queue *q, struct dp_vec *out)
{
	const struct dp_port_view *port = &w->port[q->port];
	struct rte_mbuf *pkt[DP_BURST];
	uint16_t n = rte_eth_rx_burst(port->dev, q->queue, pkt, (uint16_t)(DP_BURST - out->n));
	uint64_t bytes = 0, mac = 0;

	memcpy(&mac, port->mac, sizeof(port->mac));
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkt[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkt[i];
		const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

		bytes += m->pkt_len;
		if (likely(port->vlan == 0 && is_plain(m, mac))) {
			cut(m, ETHER_LEN, (const struct net_ip6 *)(frame + ETHER_LEN));
			begin(w, m, q->port, frame);
		} else if (!unpack(w, m, q->port)) {
			continue;
		}
		dp_vec_push(out, m);
	}
	dp_counted(w, DP_COUNTER_RX_PACKETS, n);
	dp_counted(w, DP_COUNTER_RX_BYTES, bytes);
	return n;
}
