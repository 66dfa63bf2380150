/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What we say of ourselves in a domain. Joining: we serve nothing of our own, because others may
 * know better. We become ready when a ready peer has filled us; or, where none is ready, when all
 * that are configured have answered and each has given its snapshot to the other; or because the
 * operator, or cold-start, says so. Who stood still needs no snapshot, only a digest round.
 * How we leave: drain.c.
 */
#include <errno.h>

#include "common/plant.h"
#include "sync/engine_priv.h"

#define JOIN_MS 20 /* between two looks at who has answered */

/* Members that answer one day. */
static uint8_t next_awaited(const struct domain *d, uint8_t node)
{
	do {
		node = set_next(d->members, node);
	} while (node != 0 && set_has(d->retired, node) && !planted(PLANT_RETIRED_AWAITED));
	return node;
}

void ready_set(struct engine *e, struct domain *d, enum next_says says)
{
	bool is_whole = says == NEXT_READY;

	if (is_whole && d->drains_on) {
		says = NEXT_DRAINING;
		d->drain = DRAIN_QUIET;
		d->drains_on = false;
	}
	d->says = says;
	d->is_raw_new = true;
	d->since_ms = d->streams_ms = e->now_ms;
	d->told_waiting = d->told_refused = d->told_clock = false;
	d->is_filled = d->is_filled_well = false;
	d->waits_for = 0;
	if (is_whole) {
		d->is_frozen = d->is_forced = false;
		/* what our store, or one who filled us, had and others have not */
		for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n))
			repair_want(e, d, n);
	}
	e->opts.ops.state(e->opts.ops.ctx, d->conf.number, says);
	tell(e, ENGINE_EV_STATE, d, 0, says);
	view_update(e, d);
}

/* Two others that agree about the time have had time to be heard. Of one that stood still all hear
 * nothing at first: that none contradicts its clock then says nothing. */
static bool is_time_known(const struct engine *e, const struct domain *d)
{
	if (e->now_ms - d->since_ms >= e->opts.dead_ms)
		return true;
	if (!d->is_frozen)
		return false;
	for (uint8_t n = next_awaited(d, 0); n != 0; n = next_awaited(d, n))
		if (!is_peer_up(e, d, n))
			return false;
	return true;
}

/* It accepts Binding Updates: who has left does until all know. One that is cut off, as we have it
 * from another one, may only be about to come up. */
static bool may_accept(const struct domain *d, uint8_t node)
{
	const struct next_site *s = &d->raw.site[node];

	return next_is_live(&d->raw, node) || (s->reach != NEXT_DEAD && s->says == NEXT_LEFT);
}

/* All those have begun their streams to us. */
static bool have_begun(const struct engine *e, const struct domain *d)
{
	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n)) {
		const struct in *in = e->peer[n]->in;

		if (may_accept(d, n) && (in[STREAM_CHANGES].id == 0 || in[STREAM_SEEN].id == 0))
			return planted(PLANT_STREAMS_IGNORED);
	}
	return true;
}

/* Who had not begun when we did not wait for that any more is not waited for again. */
static bool has_told(const struct in *in, const struct domain *d)
{
	return in->id == 0 || (!in->is_old && in->told != 0 && receive_until(in, d) >= in->told);
}

/* ... and have brought what they began with. */
static bool have_told(const struct engine *e, const struct domain *d)
{
	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n)) {
		const struct in *in = e->peer[n]->in;

		if (may_accept(d, n) &&
			(!has_told(&in[STREAM_CHANGES], d) || !has_told(&in[STREAM_SEEN], d)))
			return planted(PLANT_STREAMS_IGNORED);
	}
	return true;
}

static bool may_wait_for_begun(const struct engine *e, const struct domain *d)
{
	return e->now_ms - d->streams_ms < STREAMS_MS;
}

/* Who stood still may have been filled before others begin to tell it again. */
static bool may_wait_for_told(const struct engine *e, const struct domain *d)
{
	return e->now_ms - d->filled_ms < TOLD_MS || (d->is_frozen && may_wait_for_begun(e, d));
}

/* All that is asked of a joining site is done, but for what streams still bring, and its clock: a
 * wrong one would judge other sites' timestamps, and give its own to records. */
static void become_ready(struct engine *e, struct domain *d, bool by_ready)
{
	if (by_ready && !d->is_filled_well)
		d->filled_ms = e->now_ms;
	d->is_filled = true;
	d->is_filled_well |= by_ready;
	if (by_ready && !have_told(e, d) && may_wait_for_told(e, d))
		return;
	if (d->others > 1 && !is_time_known(e, d))
		return;
	if (!d->is_clock_off || planted(PLANT_CLOCK_IGNORED)) {
		ready_set(e, d, NEXT_READY);
		return;
	}
	if (!d->told_clock)
		tell(e, ENGINE_EV_CLOCK, d, 0, 0);
	d->told_clock = true;
}

void ready_snapshot_done(struct engine *e, struct domain *d)
{
	if (d->says == NEXT_JOINING && !d->is_frozen)
		become_ready(e, d, true);
}

/* --- joining --- */

static bool is_ready_peer(const struct engine *e, const struct domain *d, uint8_t node)
{
	return is_peer_up(e, d, node) && next_is_live(&d->raw, node);
}

/*
 * From one that is ready. True: there is one. All that live must have begun their streams to us
 * before it fills us: streams begin where the others' knowledge ends, so between the two nothing is
 * left out.
 */
static bool ask_ready(struct engine *e, struct domain *d)
{
	struct peer *best = NULL;
	bool is_any = false;

	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n)) {
		struct peer *p = e->peer[n];

		if (!is_ready_peer(e, d, n))
			continue;
		is_any = true;
		if (snapshot_is_asked(e, d, p))
			return true;
		if (snapshot_may_want(e, d, p) &&
			(best == NULL || snapshot_is_better(e, d, p, best)))
			best = p;
	}
	if (best != NULL && (have_begun(e, d) || !may_wait_for_begun(e, d)))
		snapshot_want(e, d, best);
	return is_any;
}

/* None is ready: each gives what it has to each. True: all have. */
static bool exchange(struct engine *e, struct domain *d)
{
	bool is_all = true, again = e->now_ms - d->exchanged_ms >= 2 * RETRY_MS;

	if (again)
		d->exchanged_ms = e->now_ms;
	d->waits_for = 0;
	for (uint8_t n = next_awaited(d, 0); n != 0; n = next_awaited(d, n)) {
		struct peer *p = e->peer[n];

		if (!set_has(d->got, n) || !set_has(d->gave, n)) {
			is_all = false;
			if (d->waits_for == 0)
				d->waits_for = n;
		}
		/* what it knows of our having it may have been lost: now and then it is asked
		 * again */
		if (is_peer_up(e, d, n) && snapshot_may_want(e, d, p) &&
			(!set_has(d->got, n) || again || snapshot_is_wanted(e, d, p)))
			snapshot_want(e, d, p);
	}
	return is_all;
}

/*
 * Ready again once a round with a ready peer is complete (ready_round_done()), or when there has
 * been none for dead-ms: then nobody can have taken over, or nobody whom we could ask. That holds
 * for all sites that stood still at once, too.
 */
static void thaw(struct engine *e, struct domain *d)
{
	bool is_any = false;

	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n)) {
		if (!is_ready_peer(e, d, n))
			continue;
		is_any = true;
		repair_want(e, d, n);
	}
	if (is_any || d->none_ready_ms == 0)
		d->none_ready_ms = e->now_ms;
	if (e->now_ms - d->none_ready_ms >= e->opts.dead_ms)
		become_ready(e, d, false);
}

void ready_round_done(struct engine *e, struct domain *d, struct peer *p, uint64_t begun_ms)
{
	if (d->says == NEXT_JOINING && d->is_frozen && is_ready_peer(e, d, p->node) &&
		begun_ms >= d->since_ms && (have_begun(e, d) || !may_wait_for_begun(e, d)))
		become_ready(e, d, true);
}

/* A peer has a new life: whoever is to fill us must do that behind where its streams begin. */
void ready_peer_reset(struct engine *e, struct domain *d)
{
	if (d->is_frozen && may_wait_for_begun(e, d))
		d->is_filled = d->is_filled_well = false;
}

static void tell_waiting(struct engine *e, struct domain *d)
{
	if (d->told_waiting || d->waits_for == 0 ||
		e->now_ms - d->since_ms < d->conf.join_timeout_ms)
		return;
	d->told_waiting = true;
	tell(e, ENGINE_EV_WAITING_FOR, d, d->waits_for, 0);
}

static void join(struct engine *e, struct domain *d)
{
	bool may_serve =
		d->conf.cold_start_serve && d->conf.store_is_fresh &&
		(e->now_ms - d->since_ms >= d->conf.join_timeout_ms || planted(PLANT_JOIN_AT_ONCE));

	if (d->is_forced || next_awaited(d, 0) == 0) {
		ready_set(e, d, NEXT_READY);
		return;
	}
	if (d->is_filled_well) {
		become_ready(e, d, true);
		return;
	}
	/* the same again where nobody was ready: meanwhile somebody may be, and know better */
	if (d->is_frozen) {
		thaw(e, d);
		return;
	}
	if (ask_ready(e, d))
		return;
	if (d->is_filled || exchange(e, d) || may_serve)
		become_ready(e, d, false);
	else
		tell_waiting(e, d);
}

/* --- a turn, and what the operator wants --- */

uint32_t ready_turn(struct engine *e, struct domain *d)
{
	if (d->says == NEXT_JOINING) {
		join(e, d);
		return JOIN_MS;
	}
	if (d->drain != DRAIN_NO)
		drain_turn(e, d);
	return IDLE_MS;
}

/* One that joins knew all if it was filled, and knows now what it knew then. One that stands still
 * again and again does not begin to wait for streams anew each time, or it never would be ready
 * beside a site that it does not hear: it goes on, and does not count the standstill. */
static void freeze(struct engine *e, struct domain *d, uint64_t gap_ms)
{
	uint64_t from_ms = d->is_frozen ? d->streams_ms + gap_ms : e->now_ms;

	d->is_frozen |= d->says != NEXT_JOINING || d->is_filled;
	d->none_ready_ms = 0;
	d->drains_on |= d->drain != DRAIN_NO;
	d->drain = DRAIN_NO;
	if (d->says != NEXT_JOINING) {
		ready_set(e, d, NEXT_JOINING);
		return;
	}
	d->is_filled = d->is_filled_well = false;
	d->since_ms = e->now_ms;
	d->streams_ms = from_ms < e->now_ms ? from_ms : e->now_ms;
}

/* What a stream began with says nothing any more, unless it began behind the standstill: hello may
 * have said that we join, and others have begun anew, before we hear of it. */
static void note_old(struct engine *e, struct in *in, uint64_t gap_ms)
{
	in->is_old |= in->begun_ms + gap_ms <= e->now_ms;
}

void engine_stall(struct engine *e, uint64_t gap_ms, uint64_t now_ms)
{
	e->now_ms = now_ms;
	tell(e, ENGINE_EV_STALLED, NULL, 0, gap_ms);
	for (uint32_t i = 0; i < e->peer_count; i++) {
		struct in *in = e->peer[e->peer_node[i]]->in;

		note_old(e, &in[STREAM_CHANGES], gap_ms);
		note_old(e, &in[STREAM_SEEN], gap_ms);
	}
	for (uint32_t i = 0; i < e->domain_count; i++) {
		struct domain *d = &e->domain[i];

		/* who has left serves nothing; and where nobody else is nobody took over */
		if (d->says == NEXT_LEFT)
			d->woke_ms = now_ms;
		else if (next_awaited(d, 0) != 0)
			freeze(e, d, gap_ms);
	}
}

void engine_store_is_fresh(struct engine *e, uint16_t number, bool is_fresh)
{
	struct domain *d = domain_by_number(e, number);

	if (d != NULL)
		d->conf.store_is_fresh = is_fresh;
}

int engine_force_ready(struct engine *e, uint16_t number, uint64_t now_ms)
{
	struct domain *d = domain_by_number(e, number);

	e->now_ms = now_ms;
	if (d == NULL)
		return -ENOENT;
	if (d->says != NEXT_JOINING)
		return -EALREADY;
	d->is_forced = true;
	return 0;
}
