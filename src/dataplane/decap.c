/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In:  outer destination is a home agent address, next header IPv6 after whatever extension
 *      headers; meta.ext is valid.
 * Out: inner packets, to be classified like any other; in a mesh RELAY: whole, to the site that opens
 *      it, or may know better why it does not fit.
 * The outer source must be the binding's care-of address, or anyone on the Internet could send
 * through us as the mobile node (RFC 6275, 10.4.5). One exception: what is inside is signalling
 * to a home agent address, which is judged on its own merits wherever it comes from: a mobile
 * node that moved sends its Binding Update through the tunnel it still has.
 */
#include "common/key.h"
#include "dataplane/domains.h"
#include "dataplane/quota.h"
#include "dataplane/relay.h"
#include "dataplane/worker.h"
#include "tables/fib.h"
#include "tables/meshtab.h"
#include "tables/tables.h"

/* -1 and the inner header, or the reason why it is no IPv6 packet that may leave a tunnel. */
static inline int inner_of(struct rte_mbuf *m, struct net_ip6 **inner)
{
	uint32_t off = dp_meta(m)->ext.upper_off, left = m->data_len - off;
	struct net_ip6 *ip = rte_pktmbuf_mtod_offset(m, struct net_ip6 *, off);

	*inner = ip;
	if (unlikely(left < sizeof(*ip) || net_ip6_version(ip) != 6 ||
		     net_ip6_payload_len(ip) > left - sizeof(*ip) ||
		     (net_ip6_payload_len(ip) == 0 && ip->next_header == IP6_HOPOPT)))
		return DP_DROP_DECAP_INNER;
	if (unlikely(dp_meta(m)->opened >= DP_MAX_OPENED))
		return DP_DROP_DECAP_LIMIT;
	if (unlikely(ip6_is_link_local(&ip->src) || ip6_is_link_local(&ip->dst)))
		return DP_DROP_DECAP_LINK_LOCAL;
	return -1;
}

/* -1, or why this tunnel packet may not speak for its inner source. */
static inline int check_binding(
	const struct dp_meta *meta, const struct net_ip6 *outer, const struct bc_entry *bind)
{
	if (unlikely(bind == NULL))
		return DP_DROP_DECAP_NO_BINDING;
	if (unlikely(bind->domain != fib_domain(meta->fib)))
		return DP_DROP_DECAP_WRONG_DOMAIN;
	if (unlikely(!bc_is_from(bind, &outer->src)))
		return DP_DROP_DECAP_WRONG_COA;
	return -1;
}

#define HANDED_ON (-2)

/* In a mesh. why: what check_binding() says. -1 to open it here, the reason why not, or HANDED_ON:
 * another site has to. Out of line: without a mesh nobody pays for it. */
static __attribute__((noinline)) int by_mesh(struct dp_worker *w, struct rte_mbuf *m,
	const struct net_ip6 *inner, const struct bc_entry *bind, int why)
{
	uint32_t fib = dp_meta(m)->fib;
	const struct mesh_domain *d = meshtab_domain(w->t->mesh, fib_domain(fib));
	struct mesh_query q = dp_query(m, MESH_TUNNEL);
	struct mesh_answer a;
	uint8_t node;

	if (why == DP_DROP_DECAP_WRONG_DOMAIN)
		return why;
	q.agent = fib_node(fib);
	if (bind != NULL) {
		q.bound = why < 0 ? MESH_FROM_COA : MESH_BOUND;
		q.owner = atomic_load_explicit(&bind->owner, memory_order_relaxed);
		q.bucket = bind->bucket;
	} else {
		q.bucket = record_key_bucket(record_key(d->id, &inner->src));
	}
	a = mesh_ask(d, &q, &node);
	if (a.act == MESH_RELAY || a.act == MESH_OPEN)
		dp_arrived(w, m, fib_domain(fib));
	if (a.act == MESH_RELAY) {
		dp_relay(w, m, fib_domain(fib), a, node);
		return HANDED_ON;
	}
	return a.act == MESH_OPEN ? -1 : a.drop;
}

/* It does not fit the binding, but what is inside may be judged without. */
static bool may_be_signalling(const struct net_ip6 *inner, int reason)
{
	if (reason != DP_DROP_DECAP_NO_BINDING && reason != DP_DROP_DECAP_WRONG_COA &&
		reason != DP_DROP_DECAP_WRONG_DOMAIN)
		return false;
	return inner->next_header == IP6_DSTOPT || inner->next_header == IP6_MH;
}

/* From here on the inner packet is the packet. Where the mobile node is bound here and speaks from
 * where it is, it is one of our own, whoever relayed what it was in. Else nobody but the peer that it
 * came from vouches for it, so it stays a peer's: for the domains that it may speak to, and for how
 * often it may be relayed. */
static inline void open_tunnel(struct rte_mbuf *m, const struct net_ip6 *inner, uint8_t flags)
{
	struct dp_meta *meta = dp_meta(m);
	uint16_t off = (uint16_t)((const uint8_t *)inner - rte_pktmbuf_mtod(m, const uint8_t *));

	m->data_off = (uint16_t)(m->data_off + off);
	m->data_len = (uint16_t)(sizeof(*inner) + net_ip6_payload_len(inner));
	m->pkt_len = m->data_len;
	if (unlikely(flags == DP_META_UNCHECKED))
		flags = (uint8_t)(flags | (meta->flags & DP_META_RELAYED));
	else
		meta->peer = 0;
	meta->flags = flags;
	meta->opened++;
	meta->adj = 0;
}

/* Before the packet is classified again: the way out that is looked up here is the tunnel's. */
static void clamp(struct dp_worker *w, struct rte_mbuf *m, struct net_ip6 *inner, uint32_t len,
	const struct bc_entry *bind)
{
	uint16_t port;

	if (dp_tunnel_hop(w, m, bind, &port))
		dp_clamp_mss(w, bind, inner, len, w->port[port].mtu);
}

static inline void decap_one(struct dp_worker *w, struct rte_mbuf *m, struct net_ip6 *inner,
	const struct bc_entry *bind, bool mesh)
{
	const struct net_ip6 *outer = dp_ip6(m);
	struct dp_meta *meta = dp_meta(m);
	int reason = check_binding(meta, outer, bind);
	uint32_t len = sizeof(*inner) + net_ip6_payload_len(inner);

	if (mesh)
		reason = by_mesh(w, m, inner, bind, reason);
	if (mesh && reason == HANDED_ON)
		return;
	if (unlikely(reason >= 0) && !may_be_signalling(inner, reason)) {
		dp_worker_drop(w, m, (enum dp_drop)reason);
		return;
	}
	if (unlikely(!dp_take_ecn(outer, inner))) {
		dp_worker_drop(w, m, DP_DROP_DECAP_ECN);
		return;
	}
	if (unlikely(reason >= 0)) {
		meta->drop = (uint8_t)reason; /* counted if it turns out to be anything else */
		open_tunnel(m, inner, DP_META_UNCHECKED);
	} else {
		if (unlikely(dp_is_syn(inner, len))) /* one packet of a connection */
			clamp(w, m, inner, len, bind);
		open_tunnel(m, inner, DP_META_TUNNELLED);
		bc_count_from(bind, 1, len);
	}
	dp_counted(w, DP_COUNTER_DECAPSULATED, 1);
	dp_vec_push(&w->vec[V_AGAIN], m);
}

void dp_decap(struct dp_worker *w, struct dp_vec *in)
{
	const struct bc *bc = w->t->bc;
	const bool mesh = w->t->mesh != NULL, bounded = domains_are_bounded(w);

	dp_seek_rest(&w->tunnel, bc, in->n);
	for (uint32_t i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		struct net_ip6 *inner;
		int reason;

		if (unlikely(bounded) && !dp_quota(w, m, fib_domain(dp_meta(m)->fib)))
			continue;
		reason = inner_of(m, &inner);
		if (unlikely(reason >= 0))
			dp_worker_drop(w, m, (enum dp_drop)reason);
		else
			decap_one(w, m, inner,
				bc_check(bc, &inner->src, w->tunnel.hash[i], w->tunnel.guess[i]),
				mesh);
	}
	in->n = 0;
}
