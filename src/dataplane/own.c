/* SPDX-License-Identifier: BSD-3-Clause */
/* The control core's side of the data plane: what it takes, what it sends. It has a worker of
 * its own, so that its packets leave by the same stages as everybody's. */
#include <errno.h>

#include <rte_cycles.h>

#include "conf/conf.h"
#include "dataplane/dp_priv.h"
#include "dataplane/watch_priv.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define LINK_POLL_MS 100
#define HOMEWARD_MAX (2 * DP_BURST) /* in a ring: a worker that is behind does without them */

uint32_t dp_punt_take(struct dp *dp, enum dp_punt_class c, struct rte_mbuf **out, uint32_t max)
{
	return rte_ring_dequeue_burst(dp->punt[c], (void **)out, max, NULL);
}

/* NULL: nobody traces. */
static struct watch_lane *tracer(const struct dp_worker *w)
{
	return w->watching[WATCH_TRACE];
}

static void tell_own(struct dp_worker *w, struct rte_mbuf *m)
{
	struct watch_lane *l = tracer(w);

	if (likely(l == NULL))
		return;
	watch_find_coa(w->t, l);
	trace_own(l, m);
}

static void count_drop(struct dp_worker *w, enum dp_drop reason)
{
	w->counters.drop[reason]++;
	if (unlikely(w->watched))
		dp_watch_count(w, reason);
}

/* Few are enough nearly always: see OWN_MBUFS. */
static struct rte_mbuf *empty_mbuf(struct dp_worker *w)
{
	struct rte_mbuf *m = w->own_pool != NULL ? rte_pktmbuf_alloc(w->own_pool) : NULL;

	return m != NULL ? m : rte_pktmbuf_alloc(w->pool);
}

/* A buffer with a copy of pkt and clean metadata. */
static struct rte_mbuf *own_mbuf(struct dp_worker *w, const uint8_t *pkt, uint16_t len)
{
	struct rte_mbuf *m = empty_mbuf(w);
	char *room;

	if (m == NULL) {
		count_drop(w, DP_DROP_NO_BUFFER);
		return NULL;
	}
	room = rte_pktmbuf_append(m, len);
	if (room == NULL) {
		dp_worker_drop(w, m, DP_DROP_TOO_BIG);
		return NULL;
	}
	memcpy(room, pkt, len);
	memset(dp_meta(m), 0, sizeof(struct dp_meta));
	dp_meta(m)->flags = DP_META_OWN;
	tell_own(w, m);
	return m;
}

/* Vectors hold a turn's packets; more than that may be said in one turn. */
static void make_room(struct dp_worker *w)
{
	for (uint16_t i = 0; i < w->port_count; i++) {
		if (w->tx[i].n >= DP_BURST) {
			dp_tx(w);
			return;
		}
	}
}

static void route(struct dp_worker *w, struct rte_mbuf *m)
{
	make_room(w);
	dp_vec_push(&w->vec[V_ROUTE], m);
	if (unlikely(tracer(w) != NULL))
		trace_enter(w, DP_STAGE_ROUTE, V_ROUTE);
	dp_route(w, &w->vec[V_ROUTE]);
	if (unlikely(tracer(w) != NULL))
		trace_leave(w);
}

/* Larger than the path: all fragments or none. */
static int send_fragments(
	struct dp_worker *w, const uint8_t *pkt, uint16_t len, uint16_t mtu, uint32_t fib)
{
	struct dp_meta meta = { .flags = DP_META_OWN, .fib = fib };
	struct rte_mbuf *part[DP_FRAGMENTS];
	uint32_t n = dp_fragment(w, pkt, len, mtu, &meta, part);

	if (n == 0) {
		count_drop(w, DP_DROP_NO_BUFFER);
		return -ENOBUFS;
	}
	for (uint32_t i = 0; i < n; i++) {
		tell_own(w, part[i]);
		route(w, part[i]);
	}
	return 0;
}

int dp_send_by(struct dp_worker *w, const uint8_t *pkt, uint16_t len, uint16_t mtu)
{
	uint32_t value = fib_lookup(w->t->fib, &((const struct net_ip6 *)pkt)->dst);
	struct rte_mbuf *m;

	if (fib_kind(value) == FIB_DOMAIN) {
		count_drop(w, DP_DROP_OWN_NO_BINDING);
		return -EHOSTUNREACH;
	}
	if (fib_kind(value) != FIB_ONLINK && fib_kind(value) != FIB_VIA) {
		count_drop(w, DP_DROP_OWN_NO_ROUTE);
		return -EHOSTUNREACH;
	}
	if (len > mtu)
		return send_fragments(w, pkt, len, mtu, value);
	m = own_mbuf(w, pkt, len);
	if (m == NULL)
		return -ENOBUFS;
	dp_meta(m)->fib = value;
	route(w, m);
	return 0;
}

int dp_send(struct dp *dp, const uint8_t *pkt, uint16_t len, uint16_t mtu)
{
	return dp_send_by(dp_own(dp), pkt, len, mtu);
}

int dp_send_link(
	struct dp *dp, uint16_t port, const uint8_t mac[6], const uint8_t *pkt, uint16_t len)
{
	struct dp_worker *w = dp_own(dp);
	struct rte_mbuf *m;

	if (!dp_port_link(dp, port)) {
		dp_count_drop(dp, DP_DROP_PORT_DOWN);
		return -ENETDOWN;
	}
	m = own_mbuf(w, pkt, len);
	if (m == NULL)
		return -ENOBUFS;
	make_room(w);
	if (!dp_put_frame(w, m, port, mac)) {
		dp_drop(dp, m, DP_DROP_ENCAP_HEADROOM);
		return -EMSGSIZE;
	}
	dp_vec_push(&w->tx[port], m);
	if (unlikely(tracer(w) != NULL))
		trace_frame(w, m, port);
	return 0;
}

uint64_t dp_label_key(const struct dp *dp, uint16_t domain)
{
	return dp->label_key[domain];
}

uint32_t dp_flow_label(
	const struct dp *dp, uint16_t domain, const struct net_ip6 *inner, uint16_t len)
{
	return net_tunnel_flow(inner, len, dp->label_key[domain]);
}

uint32_t dp_site_label(const struct dp *dp, const struct net_ip6 *inner, uint16_t len)
{
	return net_tunnel_flow(inner, len, dp->flow_seed);
}

void dp_resume(struct dp *dp, struct rte_mbuf *m, uint32_t adjacency)
{
	struct dp_worker *w = dp_own(dp);

	if (unlikely(tracer(w) != NULL))
		trace_resume(tracer(w), m);
	if (unlikely(w->watched))
		dp_watch_gone(w, m);
	dp_meta(m)->adj = adjacency;
	route(w, m);
}

void dp_drop(struct dp *dp, struct rte_mbuf *m, enum dp_drop reason)
{
	dp_worker_drop(dp_own(dp), m, reason);
}

void dp_release_by(struct dp_worker *w, struct rte_mbuf *m)
{
	if (unlikely(tracer(w) != NULL))
		trace_release(tracer(w), m);
	if (unlikely(w->watched))
		dp_watch_gone(w, m);
	rte_pktmbuf_free(m);
}

/*
 * Whose worker took it in is to have it for its next packet, whose octets it has in its cache: freed
 * here it would get there by way of all the others of its pool, and out of memory. False: that is
 * this lcore, it was made here, or there is no room.
 */
static bool give_back(struct dp *dp, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);
	struct rte_ring *ring;

	if (dp->lcore_count < 2 || meta->worker >= dp->worker_count || meta->flags & DP_META_OWN)
		return false;
	ring = dp->tx_ring[meta->worker];
	return rte_ring_count(ring) < HOMEWARD_MAX && rte_ring_enqueue(ring, dp_homeward(m)) == 0;
}

void dp_release(struct dp *dp, struct rte_mbuf *m)
{
	struct dp_worker *w = dp_own(dp);

	if (likely(!w->watched) && give_back(dp, m))
		return;
	dp_release_by(w, m);
}

void dp_count_drop(struct dp *dp, enum dp_drop reason)
{
	count_drop(dp_own(dp), reason);
}

void dp_flush(struct dp *dp)
{
	dp_tx(dp_own(dp));
}

void dp_balance(struct dp *dp, uint64_t now_ms)
{
	uint64_t fresh[PLAN_MAX_WORKERS];

	if (dp->hand[0] == NULL || now_ms - dp->spread_ms < SPREAD_MS)
		return;
	dp->spread_ms = now_ms;
	for (uint16_t i = 0; i < dp->worker_count; i++) {
		uint64_t n = __atomic_load_n(
			&dp->workers[i]->counters.c[DP_COUNTER_MESH_OPENED], __ATOMIC_RELAXED);

		fresh[i] = n - dp->opened[i];
		dp->opened[i] = n;
	}
	atomic_store_explicit(&dp->spreading, spread_look(&dp->spread, fresh, dp->worker_count),
		memory_order_relaxed);
}

bool dp_poll_links(struct dp *dp, uint64_t now_ms)
{
	uint16_t port = dp->links_next;

	if (port == 0 && now_ms - dp->links_ms < LINK_POLL_MS)
		return false;
	if (port == 0)
		dp->links_ms = now_ms;
	dp->links_next = (uint16_t)((port + 1) % dp->port_count);
	return port_poll_link(&dp->ports[port], &dp->views[port]);
}

int dp_port_set_groups(struct dp *dp, uint16_t port, const struct ip6_addr *groups, uint32_t n)
{
	return port_set_groups(&dp->ports[port], groups, n);
}
