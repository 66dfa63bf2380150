/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watches and workers: control gives a watch to all workers and takes it away (one pointer store
 * each, a grace period), workers take it over between two turns; what is asked at each door is
 * asked for both kinds of watch here.
 */
#include <errno.h>
#include <stdio.h>

#include <rte_rcu_qsbr.h>

#include "conf/conf.h"
#include "dataplane/dp_priv.h"
#include "dataplane/watch_priv.h"
#include "net/parties.h"
#include "tables/tables.h"

/* --- what is looked for --- */

uint32_t watch_l2_len(const uint8_t *frame, uint32_t len)
{
	uint32_t l2 = len >= 18 && frame[12] == 0x81 && frame[13] == 0x00 ? 18 : 14;

	if (len < l2 + sizeof(struct net_ip6) || frame[l2 - 2] != 0x86 || frame[l2 - 1] != 0xdd)
		return 0;
	return net_ip6_version((const struct net_ip6 *)(frame + l2)) == 6 ? l2 : 0;
}

static bool has_party(
	const struct net_parties *p, const struct ip6_prefix *prefix, bool from, bool to)
{
	for (uint32_t i = 0; i < p->n; i++) {
		if ((p->at[i].is_to ? to : from) && ip6_in_prefix(p->at[i].addr, prefix))
			return true;
	}
	return false;
}

/* By its home address wherever that stands, or by a care-of address that is spoken to itself:
 * in front of a tunnel it may be somebody else's too. */
static bool is_of(
	const struct net_parties *p, const struct ip6_addr *hoa, const struct ip6_addr *coa)
{
	const struct ip6_prefix home = { *hoa, 128 }, away = { *coa, 128 };

	return has_party(p, &home, true, true) ||
	       (p->n == 2 && !ip6_is_unspecified(coa) && has_party(p, &away, true, true));
}

bool watch_wants(const struct watch_lane *l, const uint8_t *pkt, uint32_t len)
{
	const struct watch_filter *f = &l->watch->filter;
	struct net_parties p;

	if (!f->has_any && !f->has_src && !f->has_dst && !f->has_hoa)
		return true;
	net_parties(pkt, len, &p);
	return (!f->has_any || has_party(&p, &f->any, true, true)) &&
	       (!f->has_src || has_party(&p, &f->src, true, false)) &&
	       (!f->has_dst || has_party(&p, &f->dst, false, true)) &&
	       (!f->has_hoa || is_of(&p, &f->hoa, &l->coa));
}

void watch_find_coa(const struct tables *t, struct watch_lane *l)
{
	const struct ip6_addr *hoa = &l->watch->filter.hoa;
	const struct bc_entry *bind = NULL;

	if (!l->watch->filter.has_hoa || t->bc == NULL)
		return;
	bc_find_bulk(t->bc, &hoa, 1, &bind);
	l->coa = bind != NULL ? bind->coa : ip6_unspecified;
}

/* --- control --- */

uint16_t dp_watch_lanes(const struct dp *dp)
{
	return (uint16_t)(dp->worker_count + 1);
}

static void tell_ports(const struct dp *dp, struct watch *w)
{
	w->port_count = dp->port_count;
	for (uint16_t i = 0; i < dp->port_count; i++) {
		const struct port *p = &dp->ports[i];
		struct watch_port *out = &w->port[i];

		snprintf(out->name, sizeof(out->name), "%s", p->conf->name);
		snprintf(out->hardware, sizeof(out->hardware), "%.31s %.40s", p->driver,
			p->conf->device);
		memcpy(out->mac, dp->views[i].mac, sizeof(out->mac));
		out->mbps = p->link_mbps;
	}
}

/* Each worker looks at it at the start of its next turn; control's own, now. */
static void give(struct dp *dp, enum watch_kind kind, const struct watch *w)
{
	for (uint16_t i = 0; i <= dp->worker_count; i++) {
		struct dp_worker *to = dp->workers[i];

		atomic_store_explicit(
			&to->watch_next[kind], w != NULL ? w->lane[i] : NULL, memory_order_release);
		atomic_fetch_add_explicit(&to->watch_version, 1, memory_order_release);
	}
	dp_worker_watch(dp_own(dp));
}

int dp_watch_on(struct dp *dp, struct watch *w, uint16_t port)
{
	if (dp->watch[w->kind] != NULL)
		return -EBUSY;
	dp->watch[w->kind] = w;
	w->filter.port = port;
	if (++dp->watch_sessions == 0) /* 0 is the mark of nobody's packets */
		dp->watch_sessions = 1;
	w->session = dp->watch_sessions;
	w->tsc_hz = rte_get_tsc_hz();
	tell_ports(dp, w);
	give(dp, w->kind, w);
	atomic_store_explicit(&w->is_on, true, memory_order_release);
	return 0;
}

void dp_watch_off(struct dp *dp, struct watch *w)
{
	give(dp, w->kind, NULL);
	w->token = rte_rcu_qsbr_start(dp->t->rcu);
}

bool dp_watch_is_off(struct dp *dp, struct watch *w)
{
	if (rte_rcu_qsbr_check(dp->t->rcu, w->token, false) != 1)
		return false;
	dp->watch[w->kind] = NULL;
	return true;
}

void dp_watch_all_off(struct dp *dp)
{
	for (unsigned kind = 0; kind < WATCH_KIND_COUNT; kind++)
		give(dp, (enum watch_kind)kind, NULL);
	for (uint16_t i = 0; i <= dp->worker_count; i++)
		dp_worker_watch(dp->workers[i]);
}

void dp_watch_begin_by(struct dp_worker *w, struct rte_mbuf *m, enum dp_punt_class c)
{
	struct watch_lane *trace = w->watching[WATCH_TRACE], *capture;

	if (likely(!w->watched))
		return;
	capture = w->watching[WATCH_CAPTURE];
	if (capture != NULL)
		capture->current = m;
	if (trace == NULL)
		return;
	trace->current = m;
	trace_take(trace, c);
}

void dp_watch_begin(struct dp *dp, struct rte_mbuf *m, enum dp_punt_class c)
{
	dp_watch_begin_by(dp_own(dp), m, c);
}

void dp_watch_gone(struct dp_worker *w, const struct rte_mbuf *m)
{
	struct watch_lane *capture = w->watching[WATCH_CAPTURE];

	if (capture != NULL && capture->current == m)
		capture->current = NULL;
}

void dp_watch_end_by(struct dp_worker *w)
{
	if (likely(!w->watched))
		return;
	for (unsigned kind = 0; kind < WATCH_KIND_COUNT; kind++) {
		if (w->watching[kind] != NULL)
			w->watching[kind]->current = NULL;
	}
	if (w->watching[WATCH_TRACE] != NULL)
		trace_end(w->watching[WATCH_TRACE]);
}

void dp_watch_end(struct dp *dp)
{
	dp_watch_end_by(dp_own(dp));
}

void dp_watch_say(struct dp *dp, const char *who, const char *what, int32_t status)
{
	if (unlikely(dp_own(dp)->watching[WATCH_TRACE] != NULL))
		trace_say(dp_own(dp)->watching[WATCH_TRACE], who, what, status);
}

/* --- workers --- */

void dp_worker_watch(struct dp_worker *w)
{
	w->watch_seen = atomic_load_explicit(&w->watch_version, memory_order_acquire);
	w->watched = false;
	for (unsigned kind = 0; kind < WATCH_KIND_COUNT; kind++) {
		w->watching[kind] =
			atomic_load_explicit(&w->watch_next[kind], memory_order_acquire);
		if (w->watching[kind] == NULL)
			continue;
		watch_find_coa(w->t, w->watching[kind]);
		w->watched = true;
	}
}

uint32_t dp_watch_rx(struct dp_worker *w, const struct dp_rx_queue *q)
{
	struct watch_lane *trace = w->watching[WATCH_TRACE], *capture = w->watching[WATCH_CAPTURE];
	uint32_t n;

	for (unsigned kind = 0; kind < WATCH_KIND_COUNT; kind++) {
		struct watch_lane *l = w->watching[kind];

		if (l == NULL)
			continue;
		l->in_rx = true;
		l->rx_port = q->port;
		watch_find_coa(w->t, l);
	}
	if (trace != NULL)
		trace_begin_rx(trace, q);
	n = dp_rx(w, q, &w->vec[V_AGAIN]);
	if (trace != NULL) {
		trace->in_rx = false;
		trace_end_rx(w, trace);
	}
	if (capture != NULL) {
		capture->in_rx = false;
		capture_rx(w, capture, q);
	}
	return n;
}

void dp_watch_punt(struct dp_worker *w, struct rte_mbuf *m, enum dp_punt_class c)
{
	if (w->watching[WATCH_TRACE] != NULL)
		trace_punt(w->watching[WATCH_TRACE], m, c);
	if (w->watching[WATCH_CAPTURE] != NULL)
		capture_punt(w->watching[WATCH_CAPTURE], m, c);
}

void dp_watch_hand(struct dp_worker *w, struct rte_mbuf *m, uint32_t worker)
{
	if (w->watching[WATCH_TRACE] != NULL)
		trace_hand(w->watching[WATCH_TRACE], m, worker);
}

void dp_watch_drop(struct dp_worker *w, struct rte_mbuf *m, enum dp_drop reason)
{
	if (w->watching[WATCH_TRACE] != NULL)
		trace_drop(w->watching[WATCH_TRACE], m, reason);
	if (w->watching[WATCH_CAPTURE] != NULL)
		capture_drop(w->watching[WATCH_CAPTURE], m, reason);
	dp_watch_gone(w, m);
}

void dp_watch_count(struct dp_worker *w, enum dp_drop reason)
{
	if (w->watching[WATCH_TRACE] != NULL)
		trace_count(w->watching[WATCH_TRACE], reason);
	if (w->watching[WATCH_CAPTURE] != NULL)
		capture_count(w->watching[WATCH_CAPTURE], reason);
}

void dp_watch_tx(struct dp_worker *w, uint16_t port, const struct dp_vec *v, bool ring)
{
	if (w->watching[WATCH_TRACE] != NULL)
		trace_close(w->watching[WATCH_TRACE]);
	for (unsigned kind = 0; kind < WATCH_KIND_COUNT; kind++) {
		struct watch_lane *l = w->watching[kind];

		if (l == NULL)
			continue;
		l->tx_port = port;
		if (!w->is_reader) /* control sends without having received */
			watch_find_coa(w->t, l);
		l->at[0] = bring_at(l->ring);
	}
	if (w->watching[WATCH_TRACE] != NULL)
		trace_tx(w, w->watching[WATCH_TRACE], v, ring);
	if (w->watching[WATCH_CAPTURE] != NULL)
		capture_tx(w->watching[WATCH_CAPTURE], v, ring);
}

void dp_watch_sent(struct dp_worker *w, uint32_t sent)
{
	for (unsigned kind = 0; kind < WATCH_KIND_COUNT; kind++) {
		struct watch_lane *l = w->watching[kind];

		if (l != NULL)
			bring_publish(l->ring, l->at[sent]);
	}
}
