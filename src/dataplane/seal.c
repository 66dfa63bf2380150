/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In:  packets for the site meta.relay_to.
 * Out: mesh tunnel packets from our site address to the peer's, as frames by their port, or to ROUTE,
 *      next hop known, where that takes more than writing its header: ESP, or without protection
 *      IPv6-in-IPv6 with the limit option, whose 1 or 0 says what the SPI says else: that the peer
 *      may relay it once more, or that it may not.
 *      What came in fragments is divided again where it has to be: its source has done what an
 *      error would ask for.
 *      RFC 2473 (hop limit, sizes), RFC 6040 (ECN), RFC 6438 (flow label). Every check comes before
 *      the first octet is changed, because an ICMPv6 error quotes the packet as it came, and goes
 *      to who sent it: of a mobile node's tunnel packet that is relayed whole, the mobile node.
 */
#include "dataplane/worker.h"

#include "net/icmp6.h"
#include "tables/adj.h"
#include "tables/fib.h"
#include "tables/sa_view.h"
#include "tables/tables.h"

#define OUTER_HOP_LIMIT 64
#define LIMIT_FIRST     1
#define LIMIT_RELAYED   0

/* The tunnel to a peer: looked up once for a run of packets to it. */
struct to {
	uint8_t node; /* 0: none yet */
	const struct sa_peer *peer; /* NULL: there is none */
	struct sa_out *out; /* NULL: no keys */
	uint32_t fib, adj; /* where it leaves */
	uint32_t mtu; /* of the tunnel packet; 0: no way there */
	uint32_t inner_mtu;
	bool is_plain; /* `way` needs nothing but its header in front */
	struct dp_way way;
};

#define PLAIN_HEAD 14

static struct to way_to(const struct dp_worker *w, uint8_t node)
{
	const struct sa_view *sa = sa_view(w->t->sa);
	struct to t = { .node = node, .peer = sa->peer[node], .adj = ADJ_NONE };
	uint16_t port;

	if (t.peer == NULL)
		return t;
	t.out = sa_out_of(t.peer);
	t.fib = fib_lookup(w->t->fib, &t.peer->address);
	if (fib_kind(t.fib) == FIB_VIA)
		t.adj = fib_index(t.fib);
	else if (fib_kind(t.fib) == FIB_ONLINK)
		t.adj = adj_find(w->t->adj, (uint16_t)fib_index(t.fib), &t.peer->address);
	else
		return t;
	port = t.adj != ADJ_NONE ? adj_port(w->t->adj, t.adj) : (uint16_t)fib_index(t.fib);
	t.mtu = sa_path_mtu(t.peer, w->port[port].mtu);
	t.inner_mtu = sa_inner_mtu(sa->clear, t.mtu);
	if (t.adj == ADJ_NONE)
		return t;
	t.way = dp_way_by(w, t.adj, t.fib);
	t.is_plain = t.way.is_open && t.way.head_len == PLAIN_HEAD;
	return t;
}

/* The checks, in the order in which their errors matter; true: m goes on. */
static inline bool admit(struct dp_worker *w, struct rte_mbuf *m, const struct to *t)
{
	if (unlikely(dp_ip6(m)->hop_limit <= 1))
		dp_error(w, m, DP_DROP_HOP_LIMIT, ICMP6_TIME_EXCEEDED, 0, 0);
	else if (unlikely(t->out == NULL))
		dp_worker_drop(w, m, DP_DROP_MESH_NO_KEYS);
	else if (unlikely(t->mtu == 0))
		dp_error(w, m, DP_DROP_NO_ROUTE, ICMP6_UNREACHABLE, ICMP6_NO_ROUTE, 0);
	else if (unlikely(m->data_len > t->inner_mtu && m->data_len > IP6_MIN_MTU &&
			  !(dp_meta(m)->flags & DP_META_JOINED)))
		dp_error(w, m, DP_DROP_MESH_TOO_BIG, ICMP6_TOO_BIG, 0,
			t->inner_mtu > IP6_MIN_MTU ? t->inner_mtu : IP6_MIN_MTU);
	else
		return true;
	return false;
}

static void put_limit(uint8_t *at, bool relayed)
{
	const uint8_t opt[SA_CLEAR_HEAD] = { IP6_IN_IP6, 0, 4, 1,
		relayed ? LIMIT_RELAYED : LIMIT_FIRST, 1, 1, 0 };

	memcpy(at, opt, sizeof(opt));
}

/* What stands between the outer header and the inner packet, and behind it. How long that and the
 * packet are then; 0: the numbers of this lane are used up. */
static inline uint32_t wrap(const struct sa_view *sa, struct sa_lane_out *lane, uint8_t *inner,
	uint32_t len, bool relayed)
{
	if (likely(!sa->clear))
		return esp_seal(sa->gcm, &lane->esp, inner, len, IP6_IN_IP6);
	put_limit(inner - SA_CLEAR_HEAD, relayed);
	return SA_CLEAR_HEAD + len;
}

static inline void put_outer(struct net_ip6 *outer, const struct sa_view *sa, const struct to *t,
	uint8_t tclass, uint32_t flow, uint32_t payload)
{
	net_ip6_set_vtf(outer, tclass, flow);
	net_ip6_set_payload_len(outer, (uint16_t)payload);
	outer->next_header = sa->clear ? IP6_DSTOPT : IP6_ESP;
	outer->hop_limit = OUTER_HOP_LIMIT;
	outer->src = sa->site;
	outer->dst = t->peer->address;
}

/* A frame: what ROUTE would make of it. */
static inline void leave(struct dp_worker *w, struct rte_mbuf *m, const struct dp_way *way)
{
	m->data_off = (uint16_t)(m->data_off - PLAIN_HEAD);
	m->data_len = (uint16_t)(m->data_len + PLAIN_HEAD);
	m->pkt_len = m->data_len;
	m->port = way->port;
	memcpy(rte_pktmbuf_mtod(m, void *), way->head, PLAIN_HEAD);
	dp_vec_push(&w->tx[way->port], m);
}

/* straight: nothing that went the long way waits in front of it. */
static inline void seal_one(
	struct dp_worker *w, struct rte_mbuf *m, const struct to *t, bool straight)
{
	const struct sa_view *sa = sa_view(w->t->sa);
	uint32_t len = m->data_len, head = sa->clear ? SA_CLEAR_HEAD : ESP_HEAD, flow, payload;
	struct dp_meta *meta = dp_meta(m);
	struct net_ip6 *inner = dp_ip6(m);
	bool relayed = (meta->flags & DP_META_RELAY_ON) != 0;
	struct sa_lane_out *lane;
	uint8_t tclass;

	if (!admit(w, m, t))
		return;
	if (unlikely(rte_pktmbuf_headroom(m) < head + sizeof(struct net_ip6) + DP_HEAD_MAX ||
		     rte_pktmbuf_tailroom(m) < ESP_TAIL_MAX)) {
		dp_worker_drop(w, m, DP_DROP_ENCAP_HEADROOM);
		return;
	}
	dp_clamp_relayed(w, m, t->inner_mtu);
	flow = net_tunnel_flow(inner, (uint16_t)len, w->flow_seed);
	tclass = net_ip6_tclass(inner);
	inner->hop_limit--;
	lane = &t->out->lane[sa_lane_of(w->id, relayed)];
	payload = wrap(sa, lane, (uint8_t *)inner, len, relayed);
	if (unlikely(payload == 0)) {
		dp_worker_drop(w, m, DP_DROP_MESH_NO_KEYS);
		return;
	}
	m->data_off = (uint16_t)(m->data_off - head - sizeof(struct net_ip6));
	m->data_len = (uint16_t)(sizeof(struct net_ip6) + payload);
	m->pkt_len = m->data_len;
	put_outer(dp_ip6(m), sa, t, tclass, flow, payload);
	meta->flags |= DP_META_ENCAPSULATED;
	meta->fib = t->fib;
	meta->adj = t->adj;
	if (likely(straight && t->is_plain && m->data_len <= t->mtu))
		leave(w, m, &t->way);
	else if (m->data_len <= t->mtu)
		dp_vec_push(&w->vec[V_ROUTE], m);
	else if (!dp_push_fragments(w, m, t->mtu))
		return;
	sa_counted(&lane->count, len);
	dp_counted(w, DP_COUNTER_MESH_SEALED, 1);
}

/* Behind one that goes the long way the others do, too: no packet overtakes one of its flow. So do
 * all while somebody watches, and is shown each stage. */
void dp_seal(struct dp_worker *w, struct dp_vec *in)
{
	const uint32_t ahead = w->vec[V_ROUTE].n;
	const bool may = !w->watched;
	struct to to = { .node = 0 };

	for (uint32_t i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];

		if (unlikely(dp_meta(m)->relay_to != to.node))
			to = way_to(w, dp_meta(m)->relay_to);
		seal_one(w, m, &to, may && w->vec[V_ROUTE].n == ahead);
	}
	in->n = 0;
}
