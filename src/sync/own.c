/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a record changes here, by control or by a walk over them. Each change is whole or not at all:
 * where there is no room to publish it, the record is what it was before.
 */
#include <errno.h>

#include "common/ntp.h"
#include "common/plant.h"
#include "records/order.h"
#include "records/seen.h"
#include "sync/repair_priv.h"

bool is_past(const struct engine *e, const struct domain *d, const struct record *r)
{
	const struct record_mesh *m = records_mesh(e->rs, r);

	(void)d;
	return (m->flags & RECORD_SUPERSEDED) != 0 ||
	       (r->state == RECORD_LIVE && r->ends_ms <= e->now_ms &&
		       m->owner.node != e->opts.self);
}

void copy_for_wire(struct engine *e, const struct record *r, struct record_copy *out)
{
	struct seen_value v;

	record_copy_of(e->rs, r, e->now_ms, out);
	if (seen_get(e->opts.seen, r->domain, &r->hoa, &r->ha, &v))
		out->stamp = v.stamp;
	if (planted(PLANT_REMAINING_WHOLE))
		out->remaining_ms = record_lasts_most_ms(r->state, r->lifetime_s);
}

int own_raise_seen(
	struct engine *e, const struct domain *d, const struct seen_pair *pair, unsigned how)
{
	if (d->conf.remembers)
		how |= SEEN_REMEMBERED;
	return seen_raise(e->opts.seen, pair, how, stamp_now(e));
}

/* The pair that a record speaks of: it travels with it, so it is not listed. */
struct seen_pair own_pair_of(const struct domain *d, const struct record_copy *c)
{
	return (struct seen_pair){ .hoa = c->hoa,
		.ha = c->ha,
		.domain = d->conf.number,
		.value = { .ext_seq = c->content.ext_seq,
			.stamp = c->stamp,
			.epoch = c->content.epoch,
			.order = c->order } };
}

/* What a record says of its mobile node at one home agent address is said by it no more: it goes, or
 * goes on with another address. Who never heard of it must hear of the number; a refresh is told
 * lazily, and by the record alone. */
void own_outlive(struct engine *e, struct domain *d, const struct record_copy *was)
{
	const struct seen_pair pair = own_pair_of(d, was);

	if (own_raise_seen(e, d, &pair, SEEN_LISTED | SEEN_AGAIN) < 0 && d->conf.remembers)
		tell(e, ENGINE_EV_FORGOTTEN, d, 0, ++d->forgotten);
}

/* --- changes made here --- */

/* As it is now, in the digests or out of them. It is as young as its last change that digests cover:
 * others say nothing of what a round finds. What a round has brought is no younger than that round:
 * as long as the other end has another copy that is a difference which the round has to mend. */
void own_count(struct engine *e, struct domain *d, struct record *r)
{
	struct record_mesh *m = records_mesh(e->rs, r);
	bool had = digest_has(d->digest, r);
	uint64_t was = m->hash;

	if (is_past(e, d, r))
		digest_drop(d->digest, r);
	else
		digest_set(d->digest, r);
	if (!e->is_repairing && (!had || m->hash != was))
		m->changed = repair_tick(e->now_ms);
	else if (!had)
		m->changed = repair_old_tick(e->now_ms);
}

void own_list(struct engine *e, struct domain *d, struct record *r, uint8_t origin, bool is_urgent)
{
	struct record_mesh *m = records_mesh(e->rs, r);

	m->origin = origin;
	changes_touch(e->changes, r->handle);
	commit_moved(e, r);
	/* somebody may wait for it, also when this is a small matter */
	if (is_urgent || commit_has(e, r))
		e->urgent = m->change.number;
	own_count(e, d, r);
}

void change_own(struct engine *e, struct domain *d, struct record *r, bool is_urgent)
{
	own_list(e, d, r, e->opts.self, is_urgent);
}

bool own_publish(struct engine *e, struct record *r, enum engine_why why)
{
	return e->opts.ops.changed(e->opts.ops.ctx, r, why);
}

void own_prefetch(struct engine *e, const struct record *r)
{
	wheel_prefetch(&r->timer);
	changes_prefetch(e->changes, r->handle);
}

static bool change_to(
	struct engine *e, struct domain *d, struct record *r, uint8_t to, bool begins_anew)
{
	struct record_mesh *m = records_mesh(e->rs, r);
	struct owner_version owner = m->owner;
	struct owner_term by = m->remaining_by;
	uint64_t was_ms = r->ends_ms, ends_ms = was_ms;
	bool takes = to == e->opts.self;

	m->owner = order_raise(&owner, to);
	if (begins_anew) {
		m->remaining_by = (struct owner_term){ .node = to, .term = m->owner.term };
		ends_ms = e->now_ms + record_lasts_most_ms(RECORD_LIVE, r->lifetime_s);
	}
	if (takes)
		records_set(e->rs, r, RECORD_LIVE, &r->coa, ends_ms);
	if (!own_publish(e, r, takes ? ENGINE_TOOK_OVER : ENGINE_HANDED)) {
		m->owner = owner;
		m->remaining_by = by;
		if (takes)
			records_set(e->rs, r, RECORD_LIVE, &r->coa, was_ms);
		return false;
	}
	m->flags = (uint8_t)(takes ? m->flags & ~RECORD_GIVEN : m->flags | RECORD_GIVEN);
	change_own(e, d, r, false);
	return true;
}

bool change_owner(struct engine *e, struct domain *d, struct record *r, uint8_t to)
{
	return change_to(e, d, r, to, to == e->opts.self);
}

bool reclaim(struct engine *e, struct domain *d, struct record *r)
{
	return change_to(e, d, r, e->opts.self, false);
}

/* --- what control does --- */

/* A mistake to be found: who misses others begins a new epoch. */
static bool begins_epoch(const struct domain *d)
{
	if (!planted(PLANT_EPOCH_CUT))
		return false;
	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n))
		if (d->raw.site[n].reach == NEXT_DEAD)
			return true;
	return false;
}

bool engine_accepted(struct engine *e, struct record *r, const struct order_result *o,
	enum record_order by, bool is_refresh, uint64_t now_ms, uint64_t wall_ms)
{
	struct domain *d = domain_of(e, r->domain);
	struct record_mesh *m = records_mesh(e->rs, r);
	bool waits = !is_refresh || m->owner.node != e->opts.self ||
		     (m->flags & (RECORD_ALONE | RECORD_SUPERSEDED)) != 0 || commit_has(e, r) ||
		     planted(PLANT_REFRESH_NEW);
	struct record_copy c;
	struct seen_pair pair;

	e->now_ms = now_ms;
	e->wall_ms = wall_ms;
	m->content = order_content(o, hlc_tick(&e->hlc, wall_ms), e->opts.self);
	m->content.epoch += begins_epoch(d);
	m->owner = order_claim(&m->content);
	m->remaining_by = (struct owner_term){ .node = e->opts.self };
	m->order = (uint8_t)by;
	m->flags = (uint8_t)(m->flags & ~(RECORD_GIVEN | RECORD_SUPERSEDED));
	record_copy_of(e->rs, r, now_ms, &c);
	pair = own_pair_of(d, &c);
	(void)own_raise_seen(
		e, d, &pair, 0); /* no room: the record itself still knows its number */
	change_own(e, d, r, waits);
	if (!waits)
		commit_told(e, d, r);
	if (d->drain >= DRAIN_HAND)
		walk_begin(d, WALK_DRAIN); /* that one, too, is to be handed on */
	return waits;
}

void engine_touched(struct engine *e, struct record *r, uint64_t now_ms, uint64_t wall_ms)
{
	struct domain *d = domain_of(e, r->domain);
	struct record_mesh *m = records_mesh(e->rs, r);

	e->now_ms = now_ms;
	e->wall_ms = wall_ms;
	/* the site that made it may have a clock far in front of ours, which we do not follow */
	m->content.hlc = hlc_tick_above(&e->hlc, m->content.hlc, wall_ms);
	m->content.node = e->opts.self;
	m->flags &= (uint8_t)~RECORD_SUPERSEDED; /* removed: that others must hear of */
	if (planted(PLANT_REMOVED_UNTOLD))
		own_count(e, d, r);
	else
		change_own(e, d, r, true);
}

void engine_soft(struct engine *e, struct record *r, uint64_t now_ms)
{
	struct domain *d = domain_of(e, r->domain);

	e->now_ms = now_ms;
	change_own(e, d, r, false);
}

int engine_seen(struct engine *e, const struct seen_pair *pair, uint64_t now_ms, uint64_t wall_ms)
{
	struct domain *d = domain_of(e, pair->domain);
	int ret;

	e->now_ms = now_ms;
	e->wall_ms = wall_ms;
	ret = own_raise_seen(e, d, pair, SEEN_LISTED | SEEN_AGAIN);
	if (ret >= 0)
		e->urgent_seen = changes_last(seen_changes(e->opts.seen));
	return ret < 0 ? ret : 0;
}

void engine_loaded(struct engine *e, struct record *r)
{
	struct domain *d = domain_of(e, r->domain);
	struct record_mesh *m = records_mesh(e->rs, r);

	hlc_hear(&e->hlc, m->content.hlc, e->wall_ms);
	/* how long it lasts was reckoned with a clock that may have been set: anybody knows better */
	m->remaining_by = (struct owner_term){ 0 };
	if (m->flags & RECORD_ALONE) { /* until somebody has it */
		m->flags &= (uint8_t)~RECORD_ALONE;
		alone_set(e, d, r);
	}
	own_count(e, d, r);
	superseded_look(e, d, r);
}

bool engine_end(struct engine *e, struct record *r, uint64_t now_ms)
{
	struct domain *d = domain_of(e, r->domain);
	bool is_ours = records_mesh(e->rs, r)->owner.node == e->opts.self;
	struct record_copy c;

	e->now_ms = now_ms;
	if (planted(PLANT_EXPIRE_ALL))
		return true;
	if (is_ours) {
		record_copy_of(e->rs, r, now_ms, &c);
		own_outlive(e, d, &c);
	}
	if (is_ours || r->state != RECORD_LIVE || d->others == 0)
		return true;
	if (records_mesh(e->rs, r)->flags & RECORD_SUPERSEDED)
		return true; /* no refresh of it is to be waited for */
	digest_drop(d->digest, r);
	return now_ms >= r->ends_ms + e->opts.dead_ms + KEPT_MS;
}

int engine_move(struct engine *e, struct record *r, uint8_t node, uint64_t now_ms, uint64_t wall_ms)
{
	struct domain *d = domain_of(e, r->domain);

	e->now_ms = now_ms;
	e->wall_ms = wall_ms;
	if (!is_member(d, node) || !next_is_ready(&d->view, node))
		return -EINVAL;
	if (r->state != RECORD_LIVE || records_mesh(e->rs, r)->owner.node != e->opts.self)
		return -EPERM;
	if (set_has(d->full, node))
		return -EAGAIN;
	return change_owner(e, d, r, node) ? 0 : -EAGAIN;
}
