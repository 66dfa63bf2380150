/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Draining: the route is withdrawn, we answer whatever still comes, then give our bindings to their
 * successors, wait until those have them, say left, and relay once everybody has heard that; until
 * then others count on what we acknowledge, so all we hold is compared once more.
 */
#include <errno.h>
#include <string.h>

#include "common/plant.h"
#include "sync/engine_priv.h"

static bool is_anybody_ready(const struct domain *d)
{
	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n))
		if (next_is_ready(&d->view, n))
			return true;
	return false;
}

/* Nothing up to drain_change is left for that peer to acknowledge. Its stream tells no positions
 * that hold nothing for it (another domain's), so what it has acknowledged may end in front. */
static bool has_heard(const struct engine *e, const struct domain *d, const struct peer *p)
{
	const struct out *out = &p->out[STREAM_CHANGES];
	uint32_t next;

	if (!p->is_open || out->id == 0)
		return false;
	if (out->acked >= d->drain_change)
		return true;
	next = changes_peek(e->changes, out->sent_mark);
	return out->sent == out->acked &&
	       (next == 0 || changes_number(e->changes, next) > d->drain_change);
}

/* It refused something of what was given away, and no digest round has shown since that it holds
 * everything all the same: such rounds are begun now and then. */
static bool has_refused(struct engine *e, struct domain *d, struct peer *p)
{
	if (p->out[STREAM_CHANGES].refused[d->index] <= d->drain_from ||
		set_has(d->drain_whole, p->node))
		return false;
	if (!d->told_refused)
		tell(e, ENGINE_EV_DRAIN_REFUSED, d, p->node, 0);
	d->told_refused = true;
	if (p->round.domain == NOBODY && e->now_ms >= p->round_due_ms)
		repair_want(e, d, p->node);
	return true;
}

/* Where we do not hear each other, the site that passes it on. */
static uint8_t told_by_us(const struct next_view *v, uint8_t node)
{
	const struct next_site *s = &v->site[node];

	return s->reach == NEXT_CUT_OFF ? s->via : node;
}

/* All that may have become an owner hold what was given to them, or who passes it on does. */
static bool is_flushed(struct engine *e, struct domain *d)
{
	bool is_all = true;

	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n)) {
		uint8_t to = told_by_us(&d->view, n);

		if (!next_is_ready(&d->view, n))
			continue;
		if (is_peer_up(e, d, to) && has_heard(e, d, e->peer[to]) &&
			!has_refused(e, d, e->peer[to]))
			continue;
		is_all = false;
		if (d->drain_lacks == 0)
			d->drain_lacks = n;
	}
	return is_all;
}

/* One that never acknowledges would hold us for ever; whoever forces it wants to leave. */
static bool is_forced_out(struct engine *e, struct domain *d)
{
	if (!d->is_forced_drain || e->now_ms - d->handed_ms < d->conf.drain_wait_ms)
		return false;
	tell(e, ENGINE_EV_DRAIN_FORCED, d, d->drain_lacks, 0);
	return true;
}

void drain_round_whole(struct domain *d, const struct peer *p, const struct round *o)
{
	if (d->drain == DRAIN_FLUSH && o->change >= d->drain_change)
		set_add(d->drain_whole, p->node);
	if (d->drain == DRAIN_GONE && o->begun_ms >= d->gone_ms)
		set_del(d->gone_lacks, p->node);
}

/* Nobody counts on us any more. Of another site's bindings we may have been the only one to
 * acknowledge some, and it may be lost right after us: the others must hold them, too. One that is
 * ready, and kept out here until a round with it, is one of those. */
static void compare_last(struct engine *e, struct domain *d)
{
	d->gone_ms = d->gone_asked_ms = e->now_ms;
	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n)) {
		uint8_t with = told_by_us(&d->raw, n);

		if (!next_is_ready(&d->raw, n))
			continue;
		set_add(d->gone_lacks, with);
		repair_want(e, d, with);
	}
}

/* A round that left something, as it was refused for want of room, say, is not followed by another
 * one by itself for long. */
static void compare_again(struct engine *e, struct domain *d)
{
	if (e->now_ms - d->gone_asked_ms < RETRY_MS)
		return;
	d->gone_asked_ms = e->now_ms;
	for (uint8_t n = set_next(d->gone_lacks, 0); n != 0; n = set_next(d->gone_lacks, n))
		if (is_peer_up(e, d, n) && e->peer[n]->round.domain != d->index)
			repair_want(e, d, n);
}

void drain_gone(struct domain *d)
{
	d->drain = DRAIN_GONE;
	d->gone_ms = 0;
	memset(d->gone_lacks, 0, sizeof(d->gone_lacks));
	walk_begin(d, WALK_DRAIN);
}

bool engine_left_is_held(const struct engine *e, uint16_t number)
{
	const struct domain *d = domain_by_number((struct engine *)e, number);

	if (d == NULL || d->drain != DRAIN_GONE || d->gone_ms == 0)
		return false;
	for (uint8_t n = set_next(d->gone_lacks, 0); n != 0; n = set_next(d->gone_lacks, n))
		if (is_peer_up(e, d, n) && !d->is_forced_drain)
			return false;
	return true;
}

/* True: we may leave. */
static bool flush(struct engine *e, struct domain *d)
{
	d->drain_lacks = 0;
	if (!is_flushed(e, d))
		return is_forced_out(e, d);
	tell(e, ENGINE_EV_DRAINED, d, 0, 0);
	return true;
}

static void hand_over(struct engine *e, struct domain *d)
{
	d->drain = DRAIN_HAND;
	d->drain_from = changes_last(e->changes);
	d->handed_ms = e->now_ms;
	walk_begin(d, WALK_DRAIN);
}

static void say_left(struct engine *e, struct domain *d)
{
	d->drain = DRAIN_LEFT;
	d->is_left_heard = false;
	ready_set(e, d, NEXT_LEFT);
}

/* Whoever was to serve is gone: better we than nobody. What is with them now we take over from them
 * as from any dead site. */
static void give_up_drain(struct engine *e, struct domain *d)
{
	d->drain = DRAIN_NO;
	d->retake = true;
	tell(e, ENGINE_EV_DRAIN_ENDED, d, 0, 0);
	ready_set(e, d, NEXT_READY);
}

/* Who stood still hears of nobody at first: that says nothing. */
static bool is_last(const struct engine *e, const struct domain *d)
{
	bool could_hear = d->woke_ms == 0 || e->now_ms - d->woke_ms >= e->opts.dead_ms;

	return could_hear && !is_anybody_ready(d);
}

void drain_turn(struct engine *e, struct domain *d)
{
	bool is_late = e->now_ms - d->since_ms >= d->conf.drain_wait_ms;

	if (d->drain < DRAIN_GONE && !d->is_forced_drain && is_last(e, d)) {
		give_up_drain(e, d);
		return;
	}
	switch (d->drain) {
	case DRAIN_QUIET:
		if (is_late)
			hand_over(e, d);
		break;
	case DRAIN_HAND:
		if (d->walk != WALK_NONE)
			return;
		d->drain_change = changes_last(e->changes);
		memset(d->drain_whole, 0, sizeof(d->drain_whole));
		d->drain = DRAIN_FLUSH;
		break;
	case DRAIN_FLUSH:
		if (d->walk != WALK_NONE)
			d->drain = DRAIN_HAND; /* accepted meanwhile */
		else if (flush(e, d))
			say_left(e, d);
		break;
	case DRAIN_GONE:
		if (d->gone_ms != 0)
			compare_again(e, d);
		else if (d->walk == WALK_NONE)
			compare_last(e, d);
		break;
	default:
		break;
	}
}

/* --- what the operator wants --- */

int engine_drain(struct engine *e, uint16_t number, bool force, uint64_t now_ms)
{
	struct domain *d = domain_by_number(e, number);

	e->now_ms = now_ms;
	if (d == NULL)
		return -ENOENT;
	if (d->says == NEXT_DRAINING && force && !d->is_forced_drain) {
		d->is_forced_drain = true;
		return 0;
	}
	if (d->says != NEXT_READY)
		return -EALREADY;
	if (!force && !is_anybody_ready(d))
		return -EHOSTUNREACH;
	d->drain = DRAIN_QUIET;
	d->is_forced_drain = force;
	ready_set(e, d, NEXT_DRAINING);
	for (uint32_t i = 0; planted(PLANT_DRAINS_ALL) && i < e->domain_count; i++)
		if (e->domain[i].says == NEXT_READY)
			(void)engine_drain(e, e->domain[i].conf.number, force, now_ms);
	return 0;
}

void engine_quiet(struct engine *e, uint16_t number, uint64_t now_ms)
{
	struct domain *d = domain_by_number(e, number);

	e->now_ms = now_ms;
	if (d != NULL && d->drain == DRAIN_QUIET)
		hand_over(e, d);
}

/* Who has left may have missed something: like one that stood still. */
int engine_undrain(struct engine *e, uint16_t number, uint64_t now_ms)
{
	struct domain *d = domain_by_number(e, number);
	bool had_left;

	e->now_ms = now_ms;
	if (d == NULL)
		return -ENOENT;
	if (d->drains_on) {
		d->drains_on = false; /* it stood still: goes on to be ready again */
		return 0;
	}
	if (d->drain == DRAIN_NO)
		return -EALREADY;
	had_left = d->drain >= DRAIN_LEFT;
	d->drain = DRAIN_NO;
	d->retake = !had_left; /* what its new owners did not take; they give the rest back */
	d->is_frozen = had_left;
	d->none_ready_ms = 0;
	ready_set(e, d, had_left ? NEXT_JOINING : NEXT_READY);
	return 0;
}
