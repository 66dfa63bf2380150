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

static inline uint32_t adjacency_of(const struct dp_worker *w, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);

	if (meta->adj != ADJ_NONE)
		return meta->adj;
	if (fib_kind(meta->fib) == FIB_VIA)
		return fib_index(meta->fib);
	return adj_find(w->t->adj, (uint16_t)fib_index(meta->fib), &dp_ip6(m)->dst);
}

/* What a router owes to packets of others (RFC 8200, 3 and 5; RFC 4291, 2.5.6). True: gone. */
static inline bool refuse_transit(struct dp_worker *w, struct rte_mbuf *m, uint32_t mtu)
{
	const struct net_ip6 *ip = dp_ip6(m);

	if (unlikely(ip6_is_link_local(&ip->src)))
		dp_error(w, m, DP_DROP_SRC_SCOPE, ICMP6_UNREACHABLE, ICMP6_BEYOND_SCOPE, 0);
	else if (unlikely(ip->hop_limit <= 1))
		dp_error(w, m, DP_DROP_HOP_LIMIT, ICMP6_TIME_EXCEEDED, 0, 0);
	else if (unlikely(m->data_len > mtu))
		dp_error(w, m, DP_DROP_TOO_BIG, ICMP6_TOO_BIG, 0, mtu);
	else
		return false;
	return true;
}

/* Ethernet header with the port's VLAN tag, if it has one; its length. */
static uint16_t make_head(const struct dp_port_view *p, const uint8_t mac[6], uint8_t *head)
{
	uint16_t len = p->vlan == 0 ? 14 : DP_HEAD_MAX;

	memcpy(head, mac, 6);
	memcpy(head + 6, p->mac, 6);
	if (p->vlan != 0) {
		head[12] = 0x81;
		head[13] = 0x00;
		memcpy(head + 14, &p->vlan_tci_be, 2);
	}
	head[len - 2] = 0x86;
	head[len - 1] = 0xdd;
	return len;
}

bool dp_put_frame(struct dp_worker *w, struct rte_mbuf *m, uint16_t port, const uint8_t mac[6])
{
	uint8_t head[DP_HEAD_MAX], len = (uint8_t)make_head(&w->port[port], mac, head);
	char *frame = rte_pktmbuf_prepend(m, len);

	if (frame == NULL)
		return false;
	memcpy(frame, head, len);
	m->port = port;
	return true;
}

struct dp_way dp_way_by(const struct dp_worker *w, uint32_t adj, uint32_t fib)
{
	struct dp_way y = { .adj = adj, .word = adj_word(w->t->adj, adj) };

	y.port = adj != ADJ_NONE ? adj_port(w->t->adj, adj) : (uint16_t)fib_index(fib);
	y.mtu = w->port[y.port].mtu;
	y.head_len = make_head(&w->port[y.port], (const uint8_t *)&y.word, y.head);
	y.is_open = (y.word & (ADJ_RESOLVED | ADJ_REPORT_USE)) == ADJ_RESOLVED &&
		    atomic_load_explicit(&w->port[y.port].link_up, memory_order_relaxed);
	return y;
}

/* True: it may leave all the same. */
static bool pass_closed(struct dp_worker *w, struct rte_mbuf *m, const struct dp_way *y)
{
	if (!(y->word & ADJ_RESOLVED)) {
		dp_meta(m)->adj_owner = adj_owner(w->t->adj, y->adj);
		dp_punt(w, m, DP_PUNT_RESOLVE); /* comes back by dp_resume(), hop limit untouched */
		return false;
	}
	if (y->word & ADJ_REPORT_USE)
		adj_mark_used(w->t->adj, y->adj);
	if (atomic_load_explicit(&w->port[y->port].link_up, memory_order_relaxed))
		return true;
	dp_worker_drop(w, m, DP_DROP_PORT_DOWN);
	return false;
}

static inline void route_one(struct dp_worker *w, struct rte_mbuf *m, const struct dp_way *y)
{
	struct dp_meta *meta = dp_meta(m);
	bool transit = !(meta->flags & (DP_META_ENCAPSULATED | DP_META_OWN));
	char *frame;

	if (transit && refuse_transit(w, m, y->mtu))
		return;
	meta->adj = y->adj;
	if (unlikely(!y->is_open) && !pass_closed(w, m, y))
		return;
	if (transit)
		dp_ip6(m)->hop_limit--;
	frame = rte_pktmbuf_prepend(m, y->head_len);
	if (unlikely(frame == NULL)) {
		dp_worker_drop(w, m, DP_DROP_ENCAP_HEADROOM);
		return;
	}
	if (likely(y->head_len == 14))
		memcpy(frame, y->head, 14);
	else
		memcpy(frame, y->head, DP_HEAD_MAX);
	m->port = y->port;
	dp_counted(w, DP_COUNTER_FORWARDED, transit);
	dp_vec_push(&w->tx[y->port], m);
}

void dp_route(struct dp_worker *w, struct dp_vec *in)
{
	struct dp_way way = { .adj = ADJ_NONE };

	for (uint32_t i = 0; i < in->n; i++) {
		uint32_t adj = adjacency_of(w, in->pkt[i]);

		if (adj == ADJ_NONE || adj != way.adj)
			way = dp_way_by(w, adj, dp_meta(in->pkt[i])->fib);
		route_one(w, in->pkt[i], &way);
	}
	in->n = 0;
}
