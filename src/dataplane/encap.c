/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In:  packets for home addresses with their bindings in worker.bind[].
 * Out: tunnel packets from the home agent address of the binding to its care-of address: what is
 *      plain as a frame, by its port; the rest to ROUTE, next hop known. RFC 2473 (hop limits, encapsulation limit, sizes), RFC 6040 (ECN),
 *      RFC 6438 (flow label). Every check comes before the first octet is changed, because an
 *      ICMPv6 error quotes the packet as it came.
 */
#include "dataplane/worker.h"

#include "net/icmp6.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define OUTER_HOP_LIMIT 64
#define LIMIT_DEFAULT   4 /* RFC 2473, 6.6 */
#define LIMIT_NONE      -1
#define LIMIT_EXCEEDED  -2

bool dp_tunnel_hop(
	struct dp_worker *w, struct rte_mbuf *m, const struct bc_entry *bind, uint16_t *port)
{
	uint64_t cached = atomic_load_explicit(&bind->nexthop, memory_order_relaxed);
	struct dp_meta *meta = dp_meta(m);

	meta->adj = (uint32_t)cached;
	if (unlikely(meta->adj == ADJ_NONE || cached >> 32 != fib_generation(w->t->fib))) {
		meta->fib = fib_lookup(w->t->fib, &bind->coa);
		if (fib_kind(meta->fib) == FIB_VIA)
			meta->adj = fib_index(meta->fib);
		else if (fib_kind(meta->fib) == FIB_ONLINK)
			meta->adj = adj_find(w->t->adj, (uint16_t)fib_index(meta->fib), &bind->coa);
		else
			return false;
	}
	*port = meta->adj != ADJ_NONE ? adj_port(w->t->adj, meta->adj)
				      : (uint16_t)fib_index(meta->fib);
	return true;
}

static bool has_extension(uint8_t next)
{
	return next == IP6_HOPOPT || next == IP6_DSTOPT || next == IP6_ROUTING ||
	       next == IP6_FRAGMENT || next == IP6_AH;
}

/*
 * RFC 2473, 4.1.1: the limit that this tunnel has to carry, LIMIT_NONE, or LIMIT_EXCEEDED with
 * *at the offset that the parameter problem points at. Ours are added when the packet is itself
 * a tunnel packet, or always where the domain says so. (A care-of address inside a mobile prefix,
 * where tunnels would nest too, is refused by control and by dp_tunnel_hop().)
 */
static int encap_limit(struct rte_mbuf *m, const struct bc_entry *bind, uint32_t *at)
{
	const uint8_t *pkt = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t next = dp_ip6(m)->next_header;
	struct ext_info x;

	if (next == IP6_IN_IP6)
		return LIMIT_DEFAULT;
	if (unlikely(has_extension(next))) { /* looked into for the limit alone: seldom there */
		ext_walk(pkt, m->data_len, EXT_TRANSIT, &x);
		if (x.flags & EXT_LIMIT) {
			*at = x.limit_off + 2u;
			return pkt[*at] == 0 ? LIMIT_EXCEEDED : pkt[*at] - 1;
		}
		if (x.upper == IP6_IN_IP6)
			return LIMIT_DEFAULT;
	}
	return bind->flags & BC_LIMIT_ALWAYS ? LIMIT_DEFAULT : LIMIT_NONE;
}

/* RFC 2473, 7.1 (a): the packet is larger than the tunnel takes, and not so small that it must be
 * carried all the same. True: it is gone. */
static bool too_big(struct dp_worker *w, struct rte_mbuf *m, uint32_t overhead, uint32_t path_mtu)
{
	uint32_t mtu = path_mtu - overhead;

	if (likely(m->data_len <= mtu) || m->data_len <= IP6_MIN_MTU)
		return false;
	dp_error(w, m, DP_DROP_ENCAP_TOO_BIG, ICMP6_TOO_BIG, 0,
		mtu > IP6_MIN_MTU ? mtu : IP6_MIN_MTU);
	return true;
}

/* The tunnel's header, in front of `inner` and what is put between them. */
static inline void put_outer(const struct dp_worker *w, struct net_ip6 *outer,
	const struct net_ip6 *inner, uint32_t inner_len, const struct bc_entry *bind)
{
	uint32_t flow = net_tunnel_flow(inner, (uint16_t)inner_len, w->label_key[bind->domain]);

	/* One copy: the entry keeps the addresses in the header's order. */
	memcpy(&outer->src, &bind->ha, 2 * sizeof(struct ip6_addr));
	net_ip6_set_vtf(outer, net_ip6_tclass(inner), flow);
	net_ip6_set_payload_len(
		outer, (uint16_t)(inner_len + ((const uint8_t *)inner - (uint8_t *)(outer + 1))));
	outer->next_header = IP6_IN_IP6;
	outer->hop_limit = OUTER_HOP_LIMIT;
}

static void put_limit(struct net_ip6 *outer, int limit)
{
	const uint8_t opt[BC_LIMIT_LEN] = { IP6_IN_IP6, 0, 4, 1, (uint8_t)limit, 1, 1, 0 };

	outer->next_header = IP6_DSTOPT;
	memcpy(outer + 1, opt, sizeof(opt));
}

/* What a tunnel packet is made with. */
struct way {
	int limit; /* encapsulation limit, or LIMIT_NONE */
	uint16_t port; /* where it leaves */
	uint16_t overhead; /* octets in front of the inner packet */
	uint32_t mtu; /* of the path to the care-of address */
};

/* The checks, in the order in which their errors matter; true: m goes on. */
static bool admit(
	struct dp_worker *w, struct rte_mbuf *m, const struct bc_entry *bind, struct way *way)
{
	uint32_t at = 0;

	if (unlikely(dp_ip6(m)->hop_limit <= 1)) {
		dp_error(w, m, DP_DROP_HOP_LIMIT, ICMP6_TIME_EXCEEDED, 0, 0);
		return false;
	}
	way->limit = encap_limit(m, bind, &at);
	if (unlikely(way->limit == LIMIT_EXCEEDED)) {
		dp_error(w, m, DP_DROP_ENCAP_LIMIT, ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, at);
		return false;
	}
	if (unlikely(!dp_tunnel_hop(w, m, bind, &way->port))) {
		if (fib_kind(dp_meta(m)->fib) == FIB_UNREACHABLE)
			dp_error(w, m, DP_DROP_NO_ROUTE, ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0);
		else
			dp_worker_drop(w, m, DP_DROP_ENCAP_LOOP);
		return false;
	}
	way->overhead = sizeof(struct net_ip6) + (way->limit == LIMIT_NONE ? 0 : BC_LIMIT_LEN);
	way->mtu = bc_path_mtu(bind, w->port[way->port].mtu);
	return !too_big(w, m, way->overhead, way->mtu);
}

static void encap_one(struct dp_worker *w, struct rte_mbuf *m, const struct bc_entry *bind)
{
	uint32_t inner_len = m->data_len;
	struct net_ip6 *inner;
	struct way way;
	char *room;

	if (!admit(w, m, bind, &way))
		return;
	room = rte_pktmbuf_prepend(m, way.overhead);
	if (unlikely(room == NULL)) {
		dp_worker_drop(w, m, DP_DROP_ENCAP_HEADROOM);
		return;
	}
	inner = (struct net_ip6 *)(room + way.overhead);
	inner->hop_limit--;
	if (unlikely(dp_is_syn(inner, inner_len))) /* one packet of a connection */
		dp_clamp_mss(w, bind, inner, inner_len, w->port[way.port].mtu);
	put_outer(w, (struct net_ip6 *)room, inner, inner_len, bind);
	if (way.limit != LIMIT_NONE)
		put_limit((struct net_ip6 *)room, way.limit);
	dp_meta(m)->flags |= DP_META_ENCAPSULATED;
	if (likely(m->data_len <= way.mtu))
		dp_vec_push(&w->vec[V_ROUTE], m);
	else if (!dp_push_fragments(w, m, way.mtu))
		return;
	bc_count_to(bind, 1, inner_len);
	dp_counted(w, DP_COUNTER_ENCAPSULATED, 1);
}

/*
 * The straight way for what most packets are: TCP, UDP or anything else without extension headers,
 * that fits the path as one packet and whose next hop is known. It takes the same steps as the
 * stages do one after the other, in one go: both headers are written in front of the packet while
 * it is looked at, and it leaves as a frame. False: m is untouched and has to go the long way.
 */
struct straight {
	uint64_t cached; /* bc_entry.nexthop of what leaves by `way` */
	uint32_t mtu; /* of way.port; 0: the way is not plain */
	struct dp_way way;
	uint8_t head[16]; /* way.head ends it: copied at once */
};

#define STRAIGHT_HEAD 14
#define STRAIGHT_ROOM (sizeof(struct net_ip6) + sizeof(((struct straight *)NULL)->head))

/* Takes another way; false: it has to be looked up. */
static bool turn(const struct dp_worker *w, struct straight *s, uint64_t cached)
{
	if ((uint32_t)cached == ADJ_NONE || cached >> 32 != fib_generation(w->t->fib))
		return false;
	s->cached = cached;
	s->way = dp_way_by(w, (uint32_t)cached, 0);
	s->mtu = s->way.is_open && s->way.head_len == STRAIGHT_HEAD ? s->way.mtu : 0;
	memcpy(s->head + sizeof(s->head) - STRAIGHT_HEAD, s->way.head, STRAIGHT_HEAD);
	return true;
}

static bool may_nest(uint8_t next)
{
	const uint64_t those = 1ULL << IP6_IN_IP6 | 1ULL << IP6_HOPOPT | 1ULL << IP6_DSTOPT |
			       1ULL << IP6_ROUTING | 1ULL << IP6_FRAGMENT | 1ULL << IP6_AH;

	return next < 64 && (those >> next & 1) != 0;
}

static bool go_straight(
	struct dp_worker *w, struct rte_mbuf *m, const struct bc_entry *bind, struct straight *s)
{
	uint64_t cached = atomic_load_explicit(&bind->nexthop, memory_order_relaxed);
	struct net_ip6 *inner = dp_ip6(m), *outer = inner - 1;
	uint32_t len = m->data_len;

	if (unlikely(cached != s->cached) && !turn(w, s, cached))
		return false;
	if (unlikely(inner->hop_limit <= 1 || may_nest(inner->next_header) ||
		     (bind->flags & BC_LIMIT_ALWAYS) || m->data_off < STRAIGHT_ROOM ||
		     len + sizeof(*outer) > bc_path_mtu(bind, s->mtu)))
		return false;
	inner->hop_limit--;
	if (unlikely(dp_is_syn(inner, len))) /* one packet of a connection */
		dp_clamp_mss(w, bind, inner, len, s->mtu);
	put_outer(w, outer, inner, len, bind);
	memcpy((uint8_t *)outer - sizeof(s->head), s->head, sizeof(s->head));
	m->data_off = (uint16_t)(m->data_off - sizeof(*outer) - STRAIGHT_HEAD);
	m->data_len = (uint16_t)(len + sizeof(*outer) + STRAIGHT_HEAD);
	m->pkt_len = m->data_len;
	m->port = s->way.port;
	dp_vec_push(&w->tx[s->way.port], m);
	bc_count_to(bind, 1, len);
	return true;
}

/* Behind one that goes the long way the others do, too: no packet overtakes one of its flow. So do
 * all while somebody watches, and is shown each stage. */
void dp_encap(struct dp_worker *w, struct dp_vec *in)
{
	const uint32_t ahead = w->vec[V_ROUTE].n;
	struct straight s = { .cached = 0 };
	bool straight = !w->watched;
	uint32_t gone = 0;

	for (uint32_t i = 0; i < in->n; i++) {
		if (likely(straight && go_straight(w, in->pkt[i], w->bind[i], &s))) {
			gone++;
			continue;
		}
		encap_one(w, in->pkt[i], w->bind[i]);
		straight = straight && w->vec[V_ROUTE].n == ahead;
	}
	dp_counted(w, DP_COUNTER_ENCAPSULATED, gone);
	in->n = 0;
}
