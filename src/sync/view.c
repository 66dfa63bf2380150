/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is there. Hello says who is up and what it says of itself (the raw view); packets go by
 * another one, in which a site that was out of the live set comes back only once it says ready and
 * a digest round with it is complete: until then its successors go on answering for it, because
 * they know what it may not have heard of.
 */
#include <string.h>

#include "common/plant.h"
#include "common/key.h"
#include "sync/engine_priv.h"

bool view_serves(const struct domain *d, const struct engine *e)
{
	return next_is_live(&d->view, e->opts.self);
}

bool view_is_gone(const struct domain *d, const struct engine *e, uint8_t node)
{
	const struct next_site *s = &d->raw.site[node];

	if (node == e->opts.self)
		return false;
	if (planted(PLANT_CLAIM_FROM_RETURNED))
		return !next_is_live(&d->view, node); /* and walk.c's claimer_of() */
	return s->reach == NEXT_DEAD || s->says == NEXT_JOINING || s->says == NEXT_LEFT;
}

/* What packets are to think of us. Who said left goes on until everybody knows. */
static enum next_says says_to_packets(const struct domain *d)
{
	if (d->says == NEXT_LEFT && !d->is_left_heard)
		return NEXT_DRAINING;
	return d->says;
}

/* --- out of the live set, and back --- */

/* Whom a digest round that is to bring the site back must be with. */
static uint8_t speaks_for(const struct domain *d, uint8_t node)
{
	return d->raw.site[node].reach == NEXT_CUT_OFF ? d->raw.site[node].via : node;
}

/* Taking over waits for a digest round, each step of which is a round trip; sites that go one after
 * the other do not put it off for ever. */
static void settle(const struct engine *e, struct domain *d)
{
	uint64_t from_ms = e->now_ms + SETTLE_MS;
	uint32_t rtt_ms = 0;

	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n))
		if (is_peer_up(e, d, n) && e->peer[n]->rtt_ms > rtt_ms)
			rtt_ms = e->peer[n]->rtt_ms;
	from_ms += (uint64_t)SETTLE_RTTS * rtt_ms;
	if (e->now_ms >= d->walk_from_ms)
		d->settle_ms = e->now_ms; /* the first to go */
	if (from_ms > d->settle_ms + SETTLE_MAX_MS)
		from_ms = d->settle_ms + SETTLE_MAX_MS;
	d->walk_from_ms = from_ms;
}

/*
 * Each pair of survivors compares at once, also where it was kept out: what one of them has heard of
 * it the other may lack. The one with the lower node id begins; the other one waits for that, and
 * begins where nothing comes: the first one may not have heard that it was back.
 *
 * Taking over may wait for that, packets don't: a claim on every record would be a difference in
 * every record.
 */
static void went(struct engine *e, struct domain *d, uint8_t node)
{
	bool is_any = false;

	d->went_ms = e->now_ms;
	if (d->went_from_ms < e->peer[node]->came_ms)
		d->went_from_ms = e->peer[node]->came_ms;
	set_del(d->is_to_begin, node);
	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n)) {
		if (n == node || !is_peer_up(e, d, n))
			continue;
		is_any = true;
		if (e->opts.self < n)
			repair_want_haste(e, d, n);
		else
			set_add(d->is_to_begin, n);
	}
	if (is_any)
		settle(e, d);
}

/* It has begun to compare since the last site went, and asked us something of it. */
static bool has_begun(const struct domain *d, const struct peer *p)
{
	return p->asks.domain == d->conf.id && p->asks.since_ms > d->went_from_ms;
}

void view_turn(struct engine *e, struct domain *d)
{
	for (uint8_t n = set_next(d->is_to_begin, 0); n != 0; n = set_next(d->is_to_begin, n)) {
		struct peer *p = e->peer[n];
		bool is_over = !is_peer_up(e, d, n) || has_begun(d, p);

		if (!is_over && e->now_ms - d->went_ms < rto_ms(p))
			continue;
		set_del(d->is_to_begin, n);
		if (!is_over)
			repair_want_haste(e, d, n);
	}
}

/* With whoever speaks for it now: that may be another one than when it came back. */
static void want_round(struct engine *e, struct domain *d, uint8_t node)
{
	uint8_t with = speaks_for(d, node);
	const struct peer *p = e->peer[with];

	if (p != NULL && p->round.domain == d->index && p->round.begun_ms >= d->back_ms[node])
		return; /* that round will do */
	repair_want(e, d, with);
}

static void came(struct engine *e, struct domain *d, uint8_t node)
{
	d->back_ms[node] = e->now_ms;
	/* who serves nothing has kept nobody out, and knows nothing better */
	if (!view_serves(d, e))
		set_add(d->in, node);
	else
		want_round(e, d, node);
}

static bool is_back(const struct domain *d, uint8_t node)
{
	if (planted(PLANT_UNADOPT_EARLY) && d->raw.site[node].reach == NEXT_UP)
		return true;
	return next_is_live(&d->raw, node);
}

static void follow_site(struct engine *e, struct domain *d, uint8_t node)
{
	bool was_live = d->back_ms[node] != 0, is_live = is_back(d, node);

	if (is_live && !was_live) {
		came(e, d, node);
	} else if (!is_live && was_live) {
		d->back_ms[node] = 0;
		if (set_has(d->in, node))
			tell(e, ENGINE_EV_HELD_OUT, d, node, 0);
		set_del(d->in, node);
		went(e, d, node);
	} else if (is_live && !view_serves(d, e)) {
		set_add(d->in, node);
	} else if (is_live && !set_has(d->in, node)) {
		want_round(e, d, node);
	}
}

void view_round_done(struct engine *e, struct domain *d, struct peer *p, uint64_t begun_ms)
{
	bool is_changed = false;

	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n)) {
		if (!next_is_live(&d->raw, n) || set_has(d->in, n) || speaks_for(d, n) != p->node ||
			begun_ms < d->back_ms[n])
			continue;
		set_add(d->in, n);
		set_add(d->hand_back, n);
		tell(e, ENGINE_EV_RETURNED, d, n, 0);
		is_changed = true;
	}
	if (is_changed)
		view_update(e, d);
}

/* --- the view that packets go by --- */

static void make_view(const struct engine *e, struct domain *d, struct next_view *out)
{
	*out = (struct next_view){ .domain = d->conf.id, .self = e->opts.self };
	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n)) {
		out->site[n] = d->raw.site[n];
		if (is_back(d, n) && !next_is_live(&d->raw, n)) /* planted */
			out->site[n].says = NEXT_READY;
		if (next_is_live(&d->raw, n) && !set_has(d->in, n))
			out->site[n].says = NEXT_JOINING;
	}
	out->site[e->opts.self] =
		(struct next_site){ .reach = NEXT_UP, .says = says_to_packets(d) };
}

static bool is_same_view(const struct next_view *a, const struct next_view *b)
{
	for (unsigned n = 0; n < NEXT_NODES; n++)
		if (a->site[n].reach != b->site[n].reach || a->site[n].says != b->site[n].says ||
			a->site[n].via != b->site[n].via)
			return false;
	return true;
}

static void publish(struct engine *e, struct domain *d)
{
	struct next_table t;

	for (unsigned b = 0; b < NEXT_BUCKETS; b++)
		d->successor[b] = next_successor(&d->view, (uint8_t)b);
	next_fill(&d->view, &t);
	e->opts.ops.next(e->opts.ops.ctx, d->conf.number, &d->view, &t);
}

/* Who takes over from whom is not decided by the view that packets go by: in that one sites let a
 * returned one back at different moments. True: it is another one for some bucket. */
static bool choose_claimers(const struct engine *e, struct domain *d)
{
	uint8_t was[NEXT_BUCKETS];
	struct next_view v;

	if (!d->is_raw_new)
		return false;
	d->is_raw_new = false;
	v = d->raw;
	memcpy(was, d->claimer, sizeof(was));
	v.site[e->opts.self] = (struct next_site){ .reach = NEXT_UP, .says = d->says };
	for (unsigned b = 0; b < NEXT_BUCKETS; b++)
		d->claimer[b] = next_successor(&v, (uint8_t)b);
	return memcmp(was, d->claimer, sizeof(was)) != 0;
}

void view_update(struct engine *e, struct domain *d)
{
	struct next_view v;

	if (choose_claimers(e, d) && d->says == NEXT_READY)
		walk_begin(d, WALK_OWNERS);
	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n))
		follow_site(e, d, n);
	make_view(e, d, &v);
	if (!d->is_view_known || !is_same_view(&v, &d->view)) {
		d->view = v;
		d->is_view_known = true;
		publish(e, d);
		if (d->says == NEXT_READY)
			walk_begin(d, WALK_OWNERS);
	}
	commit_check(d);
}

/* --- who hears whom --- */

static bool do_hear(const struct engine *e, uint8_t a, uint8_t b)
{
	const struct peer *pa = e->peer[a], *pb = e->peer[b];

	return (!pa->has_told_hears || set_has(pa->hears, b)) &&
	       (!pb->has_told_hears || set_has(pb->hears, a));
}

/* Sites that share none have nothing to hear from each other. */
static bool have_common_domain(const struct engine *e, uint8_t a, uint8_t b)
{
	for (uint32_t i = 0; i < e->domain_count; i++)
		if (is_member(&e->domain[i], a) && is_member(&e->domain[i], b))
			return true;
	return false;
}

static void make_cut(struct engine *e, uint8_t a)
{
	uint64_t was[4];

	memcpy(was, e->cut[a], sizeof(was));
	memset(e->cut[a], 0, sizeof(e->cut[a]));
	for (uint32_t i = 0; i < e->peer_count; i++) {
		uint8_t b = e->peer_node[i];

		if (b == a || !e->peer[a]->is_up || !e->peer[b]->is_up || do_hear(e, a, b) ||
			!have_common_domain(e, a, b))
			continue;
		set_add(e->cut[a], b);
		e->any_cut = true;
		for (uint32_t k = 0; k < e->domain_count && !set_has(was, b); k++)
			if (is_member(&e->domain[k], a) && is_member(&e->domain[k], b))
				repair_want(e, &e->domain[k], a);
	}
}

static void cuts_update(struct engine *e)
{
	e->any_cut = false;
	for (uint32_t i = 0; i < e->peer_count; i++)
		make_cut(e, e->peer_node[i]);
}

void engine_hears(struct engine *e, uint8_t node, const uint64_t up[static 4], uint64_t now_ms)
{
	struct peer *p = e->peer[node];

	e->now_ms = now_ms;
	if (p == NULL || (p->has_told_hears && memcmp(p->hears, up, sizeof(p->hears)) == 0))
		return;
	p->has_told_hears = true;
	memcpy(p->hears, up, sizeof(p->hears));
	cuts_update(e);
}

/* --- what hello says --- */

static void follow_peer(struct engine *e, struct peer *p)
{
	bool is_up = false;

	for (uint32_t i = 0; i < e->domain_count; i++)
		is_up |= is_peer_up(e, &e->domain[i], p->node);
	if (is_up && !p->is_up && p->is_open)
		streams_came_up(e, p);
	if (is_up != p->is_up) {
		p->is_up = is_up;
		for (unsigned s = 0; s < STREAM_COUNT; s++)
			p->in[s].put_off_ms = 0; /* nothing of it waited meanwhile */
		if (!is_up)
			snapshots_cut_short(e, p);
		cuts_update(e);
	}
}

static bool joins_here(const struct next_site *s)
{
	return s->reach == NEXT_UP && s->says == NEXT_JOINING;
}

void engine_view(struct engine *e, uint16_t number, const struct next_view *v, uint64_t now_ms)
{
	struct domain *d = domain_of(e, number);

	e->now_ms = now_ms;
	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n)) {
		struct next_site was = d->raw.site[n];
		bool was_cut = was.reach == NEXT_CUT_OFF;

		if (was.reach != v->site[n].reach || was.says != v->site[n].says) {
			d->changed_ms = now_ms;
			d->is_raw_new = true;
			d->reclaims = 0;
		}
		/* it does not drain any more: what it gave away goes back, as to one that returned */
		if (was.says == NEXT_DRAINING && v->site[n].says == NEXT_READY)
			set_add(d->hand_back, n);
		d->raw.site[n] = v->site[n];
		if (e->peer[n] != NULL) {
			follow_peer(e, e->peer[n]);
			if (joins_here(&v->site[n]) && !joins_here(&was) && e->peer[n]->is_open)
				streams_begin(e, e->peer[n]);
		}
		/* what it told us last is with that one, or will be */
		if (v->site[n].reach == NEXT_CUT_OFF && !was_cut)
			repair_want(e, d, v->site[n].via);
	}
	view_update(e, d);
}

void engine_rtt(struct engine *e, uint8_t node, uint32_t rtt_ms)
{
	if (e->peer[node] != NULL)
		e->peer[node]->rtt_ms = rtt_ms < RTO_MAX_MS ? rtt_ms : RTO_MAX_MS;
}

void engine_clock(struct engine *e, uint16_t number, bool is_off, uint64_t now_ms)
{
	struct domain *d = domain_of(e, number);

	e->now_ms = now_ms;
	d->is_clock_off = is_off;
}

void engine_left_heard(struct engine *e, uint16_t number, uint64_t now_ms)
{
	struct domain *d = domain_of(e, number);

	e->now_ms = now_ms;
	if (d->says != NEXT_LEFT || d->is_left_heard)
		return;
	d->is_left_heard = true;
	drain_gone(d);
	view_update(e, d);
}

uint8_t engine_owner(const struct engine *e, const struct record *r)
{
	const struct domain *d = domain_of((struct engine *)e, r->domain);
	uint8_t owner = records_mesh(e->rs, r)->owner.node;

	if (next_is_live(&d->view, owner))
		return owner;
	return d->successor[record_key_bucket(record_key(d->conf.id, &r->hoa))];
}
