/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In:  packets that leave: meta.adj names the next hop, or meta.fib says how to find it.
 *      Transit packets still have their hop limit to lose; our own (tunnel packets, what
 *      control says) have not.
 * Out: frames in the ports' TX vectors; what has no Ethernet address yet to the control core.
 */
#include "dataplane/worker.h"

#include "net/icmp6.h"
#include "tables/adj.h"
#include "tables/fib.h"
#include "tables/tables.h"

static uint32_t adjacency_of(const struct dp_worker *w, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);

	if (meta->adj != ADJ_NONE)
		return meta->adj;
	if (fib_kind(meta->fib) == FIB_VIA)
		return fib_index(meta->fib);
	return adj_find(w->t->adj, (uint16_t)fib_index(meta->fib), &dp_ip6(m)->dst);
}

/* What a router owes to packets of others (RFC 8200, 3 and 5; RFC 4291, 2.5.6). True: gone. */
static bool refuse_transit(struct dp_worker *w, struct rte_mbuf *m, uint16_t port)
{
	const struct net_ip6 *ip = dp_ip6(m);

	if (unlikely(ip6_is_link_local(&ip->src)))
		dp_error(w, m, DP_DROP_SRC_SCOPE, ICMP6_UNREACHABLE, ICMP6_BEYOND_SCOPE, 0);
	else if (unlikely(ip->hop_limit <= 1))
		dp_error(w, m, DP_DROP_HOP_LIMIT, ICMP6_TIME_EXCEEDED, 0, 0);
	else if (unlikely(m->data_len > w->port[port].mtu))
		dp_error(w, m, DP_DROP_TOO_BIG, ICMP6_TOO_BIG, 0, w->port[port].mtu);
	else
		return false;
	return true;
}

bool dp_put_frame(struct dp_worker *w, struct rte_mbuf *m, uint16_t port, const uint8_t mac[6])
{
	const struct dp_port_view *p = &w->port[port];
	uint16_t len = p->vlan == 0 ? 14 : 18;
	uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(m, len);

	if (unlikely(frame == NULL))
		return false;
	memcpy(frame, mac, 6);
	memcpy(frame + 6, p->mac, 6);
	if (p->vlan != 0) {
		frame[12] = 0x81;
		frame[13] = 0x00;
		memcpy(frame + 14, &p->vlan_tci_be, 2);
	}
	frame[len - 2] = 0x86;
	frame[len - 1] = 0xdd;
	m->port = port;
	return true;
}

static void route_one(struct dp_worker *w, struct rte_mbuf *m)
{
	struct dp_meta *meta = dp_meta(m);
	uint32_t adj = adjacency_of(w, m);
	uint64_t word = adj_word(w->t->adj, adj);
	uint16_t port = adj != ADJ_NONE ? adj_port(w->t->adj, adj) : (uint16_t)fib_index(meta->fib);
	bool transit = !(meta->flags & (DP_META_ENCAPSULATED | DP_META_OWN));

	if (transit && refuse_transit(w, m, port))
		return;
	meta->adj = adj;
	if (unlikely(!(word & ADJ_RESOLVED))) {
		dp_punt(w, m, DP_PUNT_RESOLVE); /* comes back by dp_resume(), hop limit untouched */
		return;
	}
	if (unlikely(word & ADJ_REPORT_USE))
		adj_mark_used(w->t->adj, adj);
	if (unlikely(!atomic_load_explicit(&w->port[port].link_up, memory_order_relaxed))) {
		dp_worker_drop(w, m, DP_DROP_PORT_DOWN);
		return;
	}
	if (transit)
		dp_ip6(m)->hop_limit--;
	if (unlikely(!dp_put_frame(w, m, port, (const uint8_t *)&word))) {
		dp_worker_drop(w, m, DP_DROP_ENCAP_HEADROOM);
		return;
	}
	dp_counted(w, DP_COUNTER_FORWARDED, transit);
	dp_vec_push(&w->tx[port], m);
}

void dp_route(struct dp_worker *w, struct dp_vec *in)
{
	for (uint32_t i = 0; i < in->n; i++)
		route_one(w, in->pkt[i]);
	in->n = 0;
}
