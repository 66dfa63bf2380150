/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In:  packets to our site address that are tunnel packets of the mesh: ESP, or without protection
 *      IPv6-in-IPv6 behind the limit option as the seal stage writes it.
 * Out: AGAIN: what was inside, with the site it came from in meta.peer, to be classified like any
 *      other; by the ring of the worker whose business it is, where that is another one.
 *
 * Two ways to another worker. Sealed, because its SPI says so: a window has one owner, and what the
 * sender's workers sealed is opened by as many of ours. Opened, while one worker opens much more
 * than another (dp_set_spread()): then by the inner flow, whose order is kept; it may change once,
 * when spreading ends.
 *
 * Which address the outer header comes from is no proof, and nothing relies on it but where packets
 * are not protected; it is compared all the same: what takes another way than it should is seen.
 */
#include "dataplane/worker.h"

#include "dataplane/watch_priv.h"
#include "tables/sa_view.h"
#include "tables/tables.h"

/* What the sealed packet before was opened with: the same for most of a burst. Only look_up() changes
 * it; what is there at first is what it would say of SPI 0, which is nobody's. */
struct from {
	uint32_t spi;
	const struct sa_peer *peer; /* NULL: there is none */
	struct sa_lane_in *lane; /* NULL: there are no keys */
};

/* What came out of a mesh tunnel. */
struct opened {
	struct esp_inner inner;
	struct sa_count *count; /* of the lane that it came in */
	uint8_t node; /* of the peer */
	bool relayed; /* which had it from another one */
};

/* Packets for other workers: a burst's, each with its worker. */
struct hand {
	uint32_t n;
	struct rte_mbuf *pkt[DP_BURST];
	uint16_t to[DP_BURST];
};

static void hand_to(struct hand *h, struct rte_mbuf *m, uint32_t worker)
{
	h->pkt[h->n] = m;
	h->to[h->n++] = (uint16_t)worker;
}

/* Those for one worker, in their order. */
static void hand_burst(struct dp_worker *w, uint32_t worker, struct rte_mbuf **pkt, uint32_t n)
{
	uint32_t put;

	if (unlikely(w->watched))
		for (uint32_t i = 0; i < n; i++)
			dp_watch_hand(w, pkt[i], worker); /* afterwards they are the other's */
	put = rte_ring_enqueue_burst(w->hand[worker], (void *const *)pkt, n, NULL);
	dp_counted(w, DP_COUNTER_MESH_HANDED, put);
	for (uint32_t i = put; i < n; i++)
		dp_worker_drop(w, pkt[i], DP_DROP_MESH_HAND_FULL);
}

static void hand_over(struct dp_worker *w, struct hand *h)
{
	while (h->n > 0) {
		struct rte_mbuf *pkt[DP_BURST];
		uint32_t to = h->to[0], n = 0, rest = 0;

		for (uint32_t i = 0; i < h->n; i++) {
			if (h->to[i] == to) {
				pkt[n++] = h->pkt[i];
			} else {
				h->pkt[rest] = h->pkt[i];
				h->to[rest++] = h->to[i];
			}
		}
		h->n = rest;
		hand_burst(w, to, pkt, n);
	}
}

static uint32_t be32_at(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

/* The lane of an SPI; NULL: its keys are not here. Where packets are not protected there are lanes
 * without keys: none of them is for what is sealed. */
static void look_up(const struct sa_view *sa, uint32_t spi, struct from *f)
{
	struct sa_in *in;

	*f = (struct from){ .spi = spi, .peer = sa->peer[sa_spi_node(spi)] };
	if (f->peer == NULL || sa->clear)
		return;
	in = sa_in_of(f->peer, sa_spi_generation(spi));
	if (in != NULL && in->key != NULL)
		f->lane = &in->lane[sa_lane_of(sa_spi_worker(spi), sa_spi_relayed(spi))];
}

static int reason_of(enum esp_verdict v)
{
	static const int16_t reasons[] = {
		[ESP_OPENED] = -1,
		[ESP_SHORT] = DP_DROP_MESH_ESP_SHORT,
		[ESP_OTHER] = DP_DROP_MESH_ESP_KEYS, /* a lane has the SPI it is found by */
		[ESP_REPLAYED] = DP_DROP_MESH_ESP_REPLAYED,
		[ESP_FORGED] = DP_DROP_MESH_ESP_FORGED,
		[ESP_PADDING] = DP_DROP_MESH_ESP_PADDING,
	};

	_Static_assert(DIM(reasons) == ESP_VERDICT_COUNT, "a reason for each");
	return reasons[v];
}

/* -1 and what is inside, or why it is dropped; HANDED: it is to be opened by the worker *to. What
 * cannot be from a peer, or be opened by anybody, is not handed to anybody. */
#define HANDED -2

static inline int open_sealed(const struct dp_worker *w, struct rte_mbuf *m, struct from *f,
	struct opened *o, uint32_t *to)
{
	const struct sa_view *sa = sa_view(w->t->sa);
	uint32_t spi = be32_at(dp_ip6(m) + 1);

	if (unlikely(spi != f->spi))
		look_up(sa, spi, f);
	if (unlikely(f->peer == NULL))
		return DP_DROP_MESH_STRANGER;
	if (unlikely(!ip6_eq(&dp_ip6(m)->src, &f->peer->address)))
		return DP_DROP_MESH_SOURCE;
	if (unlikely(f->lane == NULL))
		return DP_DROP_MESH_ESP_KEYS;
	*to = w->hand != NULL ? sa_owner(spi, w->workers) : w->id;
	if (*to != w->id)
		return HANDED;
	o->node = f->peer->node;
	o->relayed = sa_spi_relayed(spi);
	o->count = &f->lane->count;
	return reason_of(esp_open(sa->gcm, &f->lane->esp,
		rte_pktmbuf_mtod_offset(m, uint8_t *, sizeof(struct net_ip6)),
		m->data_len - (uint32_t)sizeof(struct net_ip6), &o->inner));
}

/* The same of an unprotected one; whose it is, its source alone says. Any worker opens it: there is
 * nothing to remember. */
static int open_clear(const struct dp_worker *w, struct rte_mbuf *m, struct opened *o)
{
	const uint32_t head = sizeof(struct net_ip6) + SA_CLEAR_HEAD;
	const struct sa_peer *peer = sa_by_address(w->t->sa, &dp_ip6(m)->src);

	if (peer == NULL)
		return DP_DROP_MESH_STRANGER;
	if (!sa_view(w->t->sa)->clear)
		return DP_DROP_MESH_CLEAR;
	o->node = peer->node;
	o->relayed = rte_pktmbuf_mtod(m, const uint8_t *)[sizeof(struct net_ip6) + 4] == 0;
	o->count = &sa_in_of(peer, 0)->lane[sa_lane_of(w->id, o->relayed)].count;
	o->inner = (struct esp_inner){ .at = rte_pktmbuf_mtod_offset(m, uint8_t *, head),
		.len = m->data_len - head,
		.next_header = IP6_IN_IP6 };
	return -1;
}

/* -1, or why this is no packet that may leave a tunnel. */
static inline int check_inner(const struct esp_inner *inner)
{
	const struct net_ip6 *ip = (const struct net_ip6 *)inner->at;

	if (unlikely(inner->next_header != IP6_IN_IP6 || inner->len < sizeof(*ip) ||
		     net_ip6_version(ip) != 6 ||
		     net_ip6_payload_len(ip) > inner->len - sizeof(*ip) ||
		     (net_ip6_payload_len(ip) == 0 && ip->next_header == IP6_HOPOPT)))
		return DP_DROP_MESH_INNER;
	if (unlikely(ip6_is_link_local(&ip->src) || ip6_is_link_local(&ip->dst)))
		return DP_DROP_DECAP_LINK_LOCAL;
	return -1;
}

/* From here on the inner packet is the packet. */
static inline void become(struct rte_mbuf *m, const struct opened *o)
{
	const struct net_ip6 *ip = (const struct net_ip6 *)o->inner.at;
	struct dp_meta *meta = dp_meta(m);

	m->data_off = (uint16_t)(o->inner.at - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)(sizeof(*ip) + net_ip6_payload_len(ip));
	m->pkt_len = m->data_len;
	meta->flags =
		(uint8_t)((meta->flags & DP_META_JOINED) | (o->relayed ? DP_META_RELAYED : 0));
	meta->peer = o->node;
	meta->adj = 0;
}

/* Opened: to be classified, here or by the worker that its flow belongs to. */
static void pass_on(struct dp_worker *w, struct rte_mbuf *m, struct hand *h)
{
	uint32_t to = w->id;

	if (unlikely(w->spread != NULL && atomic_load_explicit(w->spread, memory_order_relaxed)))
		to = net_tunnel_flow(dp_ip6(m), m->data_len, w->flow_seed) % w->workers;
	if (likely(to == w->id))
		dp_vec_push(&w->vec[V_AGAIN], m);
	else
		hand_to(h, m, to);
}

static void open_one(struct dp_worker *w, struct rte_mbuf *m, struct from *f, struct hand *h)
{
	const struct net_ip6 *outer = dp_ip6(m);
	uint32_t to = w->id;
	struct opened o;
	int reason;

	if (likely(outer->next_header == IP6_ESP))
		reason = open_sealed(w, m, f, &o, &to);
	else
		reason = open_clear(w, m, &o);
	if (unlikely(reason == HANDED)) {
		hand_to(h, m, to);
		return;
	}
	if (likely(reason < 0))
		reason = check_inner(&o.inner);
	if (likely(reason < 0) && !dp_take_ecn(outer, (struct net_ip6 *)o.inner.at))
		reason = DP_DROP_DECAP_ECN;
	if (unlikely(reason >= 0)) {
		dp_worker_drop(w, m, (enum dp_drop)reason);
		return;
	}
	become(m, &o);
	sa_counted(o.count, m->data_len);
	dp_counted(w, DP_COUNTER_MESH_OPENED, 1);
	pass_on(w, m, h);
}

void dp_open(struct dp_worker *w, struct dp_vec *in)
{
	struct from from = { .spi = 0 };
	struct hand hand = { .n = 0 };

	for (uint32_t i = 0; i < in->n; i++) {
		if (i + 1 < in->n)
			rte_prefetch0(rte_pktmbuf_mtod_offset(in->pkt[i + 1], uint8_t *, 64));
		open_one(w, in->pkt[i], &from, &hand);
	}
	hand_over(w, &hand);
	in->n = 0;
}
