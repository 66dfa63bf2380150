/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A capture's packets: frames as they come in and go out, packets as they are dropped or handed
 * to an engine. Each is judged by itself, there are no marks: what a tunnel holds is looked into.
 */
#include "dataplane/watch_priv.h"

#define HEAD offsetof(struct watch_frame, octets)

struct shot {
	enum watch_what what;
	uint16_t port, arg;
	bool is_frame, is_dropped;
};

static unsigned place_of(const struct shot *s)
{
	if (s->what == WATCH_DROPPED)
		return WATCH_AT_DROPPED;
	return s->what == WATCH_PUNTED ? WATCH_AT_CONTROL : s->port;
}

static void count_lost(struct watch_lane *l, unsigned place)
{
	/* One writer: no need for a locked instruction. */
	atomic_store_explicit(&l->lost[place],
		atomic_load_explicit(&l->lost[place], memory_order_relaxed) + 1,
		memory_order_relaxed);
}

static void prepare(struct watch_lane *l, struct rte_mbuf *m, uint32_t before, const struct shot *s)
{
	uint32_t len = m->data_len + before;
	uint32_t kept = len < l->watch->snaplen ? len : l->watch->snaplen;
	struct watch_frame *f = bring_prepare(l->ring, (uint32_t)HEAD + kept);

	if (f == NULL) {
		count_lost(l, place_of(s));
		return;
	}
	*f = (struct watch_frame){
		.tsc = rte_rdtsc(),
		.len = len,
		.port = s->port,
		.what = (uint8_t)s->what,
		.is_frame = s->is_frame,
		.arg = s->arg,
		.is_dropped = s->is_dropped,
	};
	memcpy(f->octets, rte_pktmbuf_mtod(m, const uint8_t *) - before, kept);
}

static void publish(struct watch_lane *l)
{
	bring_publish(l->ring, bring_at(l->ring));
}

static bool is_port(const struct watch_lane *l, uint16_t port)
{
	return l->watch->filter.port == WATCH_NO_PORT || l->watch->filter.port == port;
}

static bool is_wanted(const struct watch_lane *l, struct rte_mbuf *m, uint16_t port)
{
	return is_port(l, port) &&
	       watch_wants(l, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
}

static bool is_wanted_frame(const struct watch_lane *l, struct rte_mbuf *m, uint16_t port)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t off = watch_l2_len(frame, m->data_len);

	return is_port(l, port) && watch_wants(l, frame + off, off > 0 ? m->data_len - off : 0);
}

/* Whence a packet came; what control made came from nowhere. */
static uint16_t port_of(struct rte_mbuf *m)
{
	return dp_meta(m)->flags & DP_META_OWN ? WATCH_NO_PORT : dp_meta(m)->port;
}

/* dp_rx() has moved the data's beginning past the Ethernet header, which is still there. */
void capture_rx(struct dp_worker *w, struct watch_lane *l, const struct dp_rx_queue *q)
{
	const struct shot in = { .what = WATCH_IN, .port = q->port, .is_frame = true };
	uint32_t l2 = w->port[q->port].vlan == 0 ? 14 : 18;

	if (l->watch->filter.dropped)
		return;
	for (uint32_t i = 0; i < w->vec[V_AGAIN].n; i++) {
		if (is_wanted(l, w->vec[V_AGAIN].pkt[i], q->port))
			prepare(l, w->vec[V_AGAIN].pkt[i], l2, &in);
	}
	publish(l);
}

void capture_punt(struct watch_lane *l, struct rte_mbuf *m, enum dp_punt_class c)
{
	const struct shot punt = { .what = WATCH_PUNTED, .port = port_of(m), .arg = (uint16_t)c };

	/* what waits for a neighbour or is owed an error will be seen when it is sent or dropped */
	if (l->watch->filter.dropped || c == DP_PUNT_RESOLVE || c == DP_PUNT_ERROR ||
		!is_wanted(l, m, punt.port))
		return;
	prepare(l, m, 0, &punt);
	publish(l);
}

static bool is_reason(const struct watch_lane *l, enum dp_drop reason)
{
	return !l->watch->filter.has_reason || l->watch->filter.reason == reason;
}

void capture_drop(struct watch_lane *l, struct rte_mbuf *m, enum dp_drop reason)
{
	struct shot drop = { .arg = (uint16_t)reason, .is_dropped = true };

	if (!is_reason(l, reason))
		return;
	if (watch_is_frame(l, reason)) {
		drop.what = l->in_rx ? WATCH_IN : WATCH_OUT;
		drop.port = l->in_rx ? l->rx_port : l->tx_port;
		drop.is_frame = true;
		if (!is_wanted_frame(l, m, drop.port))
			return;
	} else {
		drop.what = WATCH_DROPPED;
		drop.port = port_of(m);
		if (!is_wanted(l, m, drop.port))
			return;
	}
	prepare(l, m, 0, &drop);
	publish(l);
}

/* A reason that control counts without letting go of the packet. */
void capture_count(struct watch_lane *l, enum dp_drop reason)
{
	if (l->current != NULL)
		capture_drop(l, l->current, reason);
}

/* In the ring before the port takes them; dp_watch_sent() publishes those it took. */
void capture_tx(struct watch_lane *l, const struct dp_vec *v, bool ring)
{
	const struct shot out = { .what = WATCH_OUT, .port = l->tx_port, .is_frame = true };
	bool is_off = ring || l->watch->filter.dropped; /* the lcore with the queue sees it */

	for (uint32_t i = 0; i < v->n; i++) {
		if (!is_off && is_wanted_frame(l, v->pkt[i], l->tx_port))
			prepare(l, v->pkt[i], 0, &out);
		l->at[i + 1] = bring_at(l->ring);
	}
}
