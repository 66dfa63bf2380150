/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A traced packet's way. A chosen packet carries a mark (dp_meta.trace); while an lcore has it, a
 * story is written: one hop for each stage it leaves. Stages know nothing of it: which vector a
 * packet went to is seen by looking at the vectors before and after a stage, the other doors
 * (punt, drop) tell. When the packet leaves the lcore, its story goes into the ring in one piece,
 * unless the filter can't want it any more.
 */
#include "dataplane/watch_priv.h"

#include "tables/adj.h"
#include "tables/bc_view.h"
#include "tables/tables.h"

/* session 16, lane 16, number 32 */
static uint64_t mark(const struct watch_lane *l, uint32_t number)
{
	return (uint64_t)l->watch->session << 48 | (uint64_t)l->number << 32 | number;
}

static bool is_marked(const struct watch_lane *l, struct rte_mbuf *m)
{
	return dp_meta(m)->trace >> 48 == l->watch->session;
}

/* --- stories --- */

static struct trace_story *begin(
	struct trace_story *s, struct watch_lane *l, struct rte_mbuf *m, enum trace_origin origin)
{
	s->m = m;
	s->leg = (struct trace_leg){
		.id = dp_meta(m)->trace,
		.lane = l->number,
		.port = l->desk->q.port,
		.queue = l->desk->q.queue,
		.origin = (uint8_t)origin,
	};
	return s;
}

/* The next number is this packet's. */
static void choose(struct watch_lane *l, struct rte_mbuf *m)
{
	dp_meta(m)->trace = mark(l, ++l->desk->marks);
}

static bool passed(const struct trace_story *s, unsigned stage)
{
	for (unsigned i = 0; i < s->leg.hops; i++) {
		if (s->hop[i].stage == stage)
			return true;
	}
	return false;
}

/* May the filter still want it? A received packet that went its way in one leg is known well
 * enough; what control has a hand in is for the reader to decide. */
static bool may_matter(const struct watch *w, const struct trace_story *s)
{
	const struct watch_filter *f = &w->filter;
	const struct trace_hop *last = &s->hop[s->leg.hops - 1];

	if (s->leg.origin != TRACE_RECEIVED || last->door == TRACE_PUNT ||
		last->door == TRACE_WAITS || last->door == TRACE_DIVIDED)
		return true;
	if (last->door == TRACE_TX)
		return w->all_tx &&
		       (!f->has_stage || f->stage == DP_STAGE_TX || passed(s, f->stage));
	return (!f->has_reason || last->arg == f->reason) && (!f->has_stage || passed(s, f->stage));
}

/* Into the ring, but for who has to publish it. */
static void put(struct watch_lane *l, struct trace_story *s)
{
	uint32_t hops = s->leg.hops * (uint32_t)sizeof(s->hop[0]);
	struct trace_leg *out;

	s->m = NULL;
	if (s->leg.hops == 0 || !may_matter(l->watch, s))
		return;
	out = bring_prepare(l->ring, (uint32_t)sizeof(s->leg) + hops);
	if (out == NULL)
		return; /* counted */
	memcpy(out, &s->leg, sizeof(s->leg));
	memcpy(out + 1, s->hop, hops);
}

/* The packet leaves this lcore. */
static void commit(struct watch_lane *l, struct trace_story *s)
{
	put(l, s);
	bring_publish(l->ring, bring_at(l->ring));
}

static struct trace_story *slot_of(struct trace_desk *d, uint64_t id)
{
	return &d->story[(uint32_t)id % DP_BURST];
}

/* A packet that was marked elsewhere, or before this turn, goes on with a story of its own. */
static struct trace_story *stray(struct watch_lane *l, struct rte_mbuf *m)
{
	struct trace_story *s = &l->desk->stray;

	if (s->m == m)
		return s;
	if (s->m != NULL) /* another one's, so far */
		commit(l, s);
	return begin(s, l, m, TRACE_GOES_ON);
}

/* Between two stages only control does something, or fragments are let go. */
static void rest(struct watch_lane *l)
{
	bool is_control = l->number + 1 == l->watch->lane_count;

	l->desk->stage = is_control ? (unsigned)TRACE_CONTROL : (unsigned)DP_STAGE_REASS;
}

/* NULL: not one of ours. */
static struct trace_story *story_of(struct watch_lane *l, struct rte_mbuf *m)
{
	struct trace_desk *d = l->desk;
	struct trace_story *s;

	if (!is_marked(l, m))
		return NULL;
	if (d->solo.m == m)
		return &d->solo;
	if (d->current.m == m)
		return &d->current;
	s = slot_of(d, dp_meta(m)->trace);
	return s->m == m ? s : stray(l, m);
}

/* Another hop; in a story that is full the last one is written over. */
static struct trace_hop *add_hop(
	struct trace_story *s, unsigned stage, enum trace_door door, uint16_t arg)
{
	struct trace_hop *h;

	if (s->leg.hops < WATCH_HOPS)
		s->leg.hops++;
	h = &s->hop[s->leg.hops - 1];
	*h = (struct trace_hop){
		.tsc = rte_rdtsc(), .stage = (uint8_t)stage, .door = (uint8_t)door, .arg = arg
	};
	return h;
}

/* The packet as it is, off octets into the buffer. */
static void look(struct trace_hop *h, const struct rte_mbuf *m, uint32_t off)
{
	const struct net_ip6 *ip = rte_pktmbuf_mtod_offset(m, const struct net_ip6 *, off);

	if (m->data_len < off + sizeof(*ip))
		return;
	h->len = (uint16_t)(m->data_len - off);
	h->next_header = ip->next_header;
	h->hop_limit = ip->hop_limit;
	h->src = ip->src;
	h->dst = ip->dst;
}

/* The same of a frame; one without an IPv6 packet shows nothing. */
static void look_frame(struct trace_hop *h, const struct rte_mbuf *m)
{
	uint32_t off = watch_l2_len(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);

	look(h, m, off > 0 ? off : m->data_len);
}

static void tell_binding(struct trace_hop *h, const struct bc_entry *bind)
{
	h->more = TRACE_BINDING;
	h->binding.hoa = bind->hoa;
	h->binding.coa = bind->coa;
}

static void tell_site(struct trace_hop *h, uint8_t node, bool relayed)
{
	h->more = TRACE_SITE;
	h->site.node = node;
	h->site.relayed = relayed;
}

static void tell_next_hop(struct trace_hop *h, const uint8_t *frame)
{
	h->more = TRACE_NEXT_HOP;
	memcpy(h->hop.mac, frame, sizeof(h->hop.mac));
}

/* --- received --- */

void trace_begin_rx(struct watch_lane *l, const struct dp_rx_queue *q)
{
	l->desk->q = *q;
	l->desk->stage = DP_STAGE_RX;
}

static bool is_wanted(struct watch_lane *l, const uint8_t *pkt, uint32_t len)
{
	const struct watch_filter *f = &l->watch->filter;

	if (f->port != WATCH_NO_PORT && f->port != l->desk->q.port)
		return false;
	return watch_wants(l, pkt, len);
}

/* One less may be chosen. Several workers may come for the last one: only one gets it. */
static bool take_turn(struct watch_lane *l)
{
	return atomic_load_explicit(&l->watch->left, memory_order_relaxed) > 0 &&
	       atomic_fetch_sub_explicit(&l->watch->left, 1, memory_order_relaxed) > 0;
}

/* What nobody could see in a sealed packet may be what is looked for. */
static struct trace_story *opened(struct watch_lane *l, struct rte_mbuf *m)
{
	struct trace_story *s;

	if (!is_wanted(l, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len) || !take_turn(l))
		return NULL;
	choose(l, m);
	s = begin(slot_of(l->desk, dp_meta(m)->trace), l, m, TRACE_RECEIVED);
	s->leg.port = dp_meta(m)->port; /* where its tunnel came in, maybe at another worker */
	return s;
}

void trace_end_rx(struct dp_worker *w, struct watch_lane *l)
{
	const struct dp_vec *v = &w->vec[V_AGAIN];

	for (uint32_t i = 0; i < v->n; i++) {
		struct rte_mbuf *m = v->pkt[i];
		struct trace_story *s;

		if (!is_wanted(l, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len) ||
			!take_turn(l))
			continue;
		choose(l, m);
		s = begin(slot_of(l->desk, dp_meta(m)->trace), l, m, TRACE_RECEIVED);
		look(add_hop(s, DP_STAGE_RX, TRACE_VECTOR, V_AGAIN), m, 0);
	}
}

/* A frame that gets no further than its port. */
static void refused_frame(struct watch_lane *l, struct rte_mbuf *m, enum dp_drop reason)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t off = watch_l2_len(frame, m->data_len);
	struct trace_story *s;

	if (!is_wanted(l, frame + off, off > 0 ? m->data_len - off : 0) || !take_turn(l))
		return;
	choose(l, m);
	s = begin(&l->desk->stray, l, m, TRACE_RECEIVED);
	look_frame(add_hop(s, DP_STAGE_RX, TRACE_DROP, (uint16_t)reason), m);
	commit(l, s);
}

/* --- stages --- */

static void remember(struct watch_lane *l, const struct dp_vec *in)
{
	struct trace_desk *d = l->desk;

	d->in_n = 0;
	for (uint32_t i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		struct trace_story *s = slot_of(d, dp_meta(m)->trace);

		if (!is_marked(l, m))
			continue;
		if (s->m != m)
			s = &d->stray;
		if (s->m != m)
			continue;
		d->in[d->in_n].story = s;
		d->in[d->in_n].m = m;
		d->in[d->in_n++].hops = s->leg.hops;
	}
}

/* What has left by no door is still there, or has become part of another packet; or others have
 * taken its place, which have its mark. */
static void keep(struct watch_lane *l)
{
	enum trace_door door = l->desk->stage == DP_STAGE_REASS ? TRACE_WAITS : TRACE_DIVIDED;

	for (uint32_t i = 0; i < l->desk->in_n; i++) {
		struct trace_story *s = l->desk->in[i].story;

		if (s->m != l->desk->in[i].m || s->leg.hops != l->desk->in[i].hops)
			continue;
		add_hop(s, l->desk->stage, door, 0);
		commit(l, s);
	}
}

void trace_enter(struct dp_worker *w, enum dp_stage s, enum dp_vec_id in)
{
	struct trace_desk *d = w->watching[WATCH_TRACE]->desk;

	d->stage = s;
	remember(w->watching[WATCH_TRACE], &w->vec[in]);
	for (unsigned v = 0; v < V_COUNT; v++)
		d->from[v] = w->vec[v].n;
	d->from[in] = 0; /* a stage takes all of it; what is in it then was put there */
	for (uint16_t p = 0; p < w->port_count; p++)
		d->from_tx[p] = w->tx[p].n;
}

static void entered(struct dp_worker *w, struct watch_lane *l, enum dp_vec_id v, uint32_t i)
{
	struct rte_mbuf *m = w->vec[v].pkt[i];
	struct trace_story *s = story_of(l, m);
	const struct bc_entry *bind = NULL;
	struct trace_hop *h;

	if (s == NULL && l->desk->stage == DP_STAGE_OPEN)
		s = opened(l, m);
	if (s == NULL)
		return;
	h = add_hop(s, l->desk->stage, TRACE_VECTOR, (uint16_t)v);
	look(h, m, 0);
	if (v == V_ENCAP) {
		bind = w->bind[i];
	} else if (l->desk->stage == DP_STAGE_DECAP && dp_meta(m)->flags & DP_META_TUNNELLED) {
		const struct ip6_addr *hoa = &dp_ip6(m)->src;

		bc_find_bulk(w->t->bc, &hoa, 1, &bind);
	}
	if (bind != NULL)
		tell_binding(h, bind);
	else if (v == V_RELAY)
		tell_site(h, dp_meta(m)->relay_to, dp_meta(m)->flags & DP_META_RELAY_ON);
	else if (l->desk->stage == DP_STAGE_OPEN)
		tell_site(h, dp_meta(m)->peer, dp_meta(m)->flags & DP_META_RELAYED);
}

/* A frame is complete: with its next hop, or with whatever Ethernet address it goes to. */
void trace_frame(struct dp_worker *w, struct rte_mbuf *m, uint16_t port)
{
	struct watch_lane *l = w->watching[WATCH_TRACE];
	struct trace_story *s = story_of(l, m);
	uint32_t adj = dp_meta(m)->adj;
	struct trace_hop *h;

	if (s == NULL)
		return;
	h = add_hop(s, l->desk->stage, TRACE_TX, port);
	look_frame(h, m);
	tell_next_hop(h, rte_pktmbuf_mtod(m, const uint8_t *));
	if (adj != ADJ_NONE) {
		h->hop.addr = *adj_addr(w->t->adj, adj);
		h->hop.has_addr = true;
	}
	commit(l, s);
}

void trace_leave(struct dp_worker *w)
{
	struct watch_lane *l = w->watching[WATCH_TRACE];

	for (unsigned v = 0; v < V_COUNT; v++) {
		for (uint32_t i = l->desk->from[v]; i < w->vec[v].n; i++)
			entered(w, l, (enum dp_vec_id)v, i);
	}
	for (uint16_t p = 0; p < w->port_count; p++) {
		for (uint32_t i = l->desk->from_tx[p]; i < w->tx[p].n; i++)
			trace_frame(w, w->tx[p].pkt[i], p);
	}
	keep(l);
	rest(l);
}

/* --- the other doors --- */

void trace_punt(struct watch_lane *l, struct rte_mbuf *m, enum dp_punt_class c)
{
	struct trace_story *s = story_of(l, m);
	struct trace_hop *h;

	if (s == NULL)
		return;
	h = add_hop(s, l->desk->stage, TRACE_PUNT, (uint16_t)c);
	look(h, m, 0);
	h->reason = dp_meta(m)->drop;
	commit(l, s);
}

void trace_hand(struct watch_lane *l, struct rte_mbuf *m, uint32_t worker)
{
	struct trace_story *s = story_of(l, m);

	if (s == NULL)
		return;
	look(add_hop(s, l->desk->stage, TRACE_HANDED, (uint16_t)worker), m, 0);
	commit(l, s);
}

void trace_drop(struct watch_lane *l, struct rte_mbuf *m, enum dp_drop reason)
{
	struct trace_story *s;
	struct trace_hop *h;

	if (l->in_rx) { /* it has no mark yet, and its metadata is another packet's */
		refused_frame(l, m, reason);
		return;
	}
	s = story_of(l, m);
	if (s == NULL)
		return;
	h = add_hop(s, reason == DP_DROP_TX_FULL ? (unsigned)DP_STAGE_TX : l->desk->stage,
		TRACE_DROP, (uint16_t)reason);
	if (watch_is_frame(l, reason))
		look_frame(h, m);
	else
		look(h, m, 0);
	if (s == &l->desk->current)
		s->m = NULL; /* the buffer may be another packet's before trace_end() */
	else
		commit(l, s);
}

/* What has not ended is told before a burst is handed over: when it is known how much of it was
 * taken, only that is published. */
void trace_close(struct watch_lane *l)
{
	if (l->desk->stray.m != NULL)
		commit(l, &l->desk->stray);
}

/* A leg of one hop, in the ring before the port has taken the frame: afterwards it is no longer
 * ours to look at. */
static void put_tx(struct watch_lane *l, struct rte_mbuf *m, bool ring, uint16_t queue)
{
	struct trace_story *s = begin(&l->desk->stray, l, m, TRACE_GOES_ON);
	struct trace_hop *h = add_hop(s, DP_STAGE_TX, ring ? TRACE_RING : TRACE_WIRE, l->tx_port);

	look_frame(h, m);
	h->queue = queue;
	put(l, s);
}

void trace_tx(struct dp_worker *w, struct watch_lane *l, const struct dp_vec *v, bool ring)
{
	rest(l);
	for (uint32_t i = 0; i < v->n; i++) {
		if (is_marked(l, v->pkt[i]) && l->watch->all_tx)
			put_tx(l, v->pkt[i], ring, ring ? 0 : w->tx_queue[l->tx_port]);
		l->at[i + 1] = bring_at(l->ring);
	}
}

/* --- control --- */

void trace_own(struct watch_lane *l, struct rte_mbuf *m)
{
	const struct trace_story *cause = &l->desk->current;
	const uint8_t *pkt = rte_pktmbuf_mtod(m, const uint8_t *);
	struct trace_story *s = &l->desk->solo;

	l->desk->stage = TRACE_CONTROL;
	if (l->desk->is_busy) {
		dp_meta(m)->trace = cause->leg.id;
		begin(s, l, m, TRACE_CAUSED);
	} else if (l->watch->filter.port == WATCH_NO_PORT && watch_wants(l, pkt, m->data_len) &&
		   take_turn(l)) {
		choose(l, m);
		begin(s, l, m, TRACE_MADE);
	} else {
		return;
	}
	look(add_hop(s, TRACE_CONTROL, TRACE_SENT, 0), m, 0);
}

void trace_take(struct watch_lane *l, enum dp_punt_class c)
{
	struct trace_desk *d = l->desk;

	d->stage = TRACE_CONTROL;
	d->is_busy = is_marked(l, l->current);
	if (!d->is_busy)
		return;
	begin(&d->current, l, l->current, TRACE_GOES_ON);
	look(add_hop(&d->current, TRACE_CONTROL, TRACE_TAKEN, (uint16_t)c), l->current, 0);
}

void trace_release(struct watch_lane *l, const struct rte_mbuf *m)
{
	struct trace_story *s = &l->desk->current;

	if (s->m != m)
		return;
	add_hop(s, TRACE_CONTROL, TRACE_DONE, 0);
	s->m = NULL;
}

/* On its way again, be it the packet that is looked at or one that waited. */
void trace_resume(struct watch_lane *l, struct rte_mbuf *m)
{
	struct trace_story *s = &l->desk->current;

	l->desk->stage = TRACE_CONTROL;
	if (!is_marked(l, m))
		return;
	if (s->m == m)
		s->m = NULL;
	begin(&l->desk->solo, l, m, TRACE_GOES_ON);
	add_hop(&l->desk->solo, TRACE_CONTROL, TRACE_RESUMED, 0);
}

void trace_end(struct watch_lane *l)
{
	struct trace_desk *d = l->desk;

	if (!d->is_busy)
		return;
	d->is_busy = false;
	if (d->current.m != NULL) /* neither dropped, nor done with, nor on its way */
		add_hop(&d->current, TRACE_CONTROL, TRACE_WAITS, 0);
	commit(l, &d->current);
}

void trace_count(struct watch_lane *l, enum dp_drop reason)
{
	if (l->desk->is_busy)
		add_hop(&l->desk->current, TRACE_CONTROL, TRACE_COUNTED, (uint16_t)reason);
}

void trace_say(struct watch_lane *l, const char *who, const char *what, int32_t status)
{
	struct trace_hop *h;

	if (!l->desk->is_busy)
		return;
	h = add_hop(&l->desk->current, TRACE_CONTROL, TRACE_SAID, 0);
	h->more = TRACE_VERDICT;
	h->verdict.who = who;
	h->verdict.what = what;
	h->verdict.status = status;
}
