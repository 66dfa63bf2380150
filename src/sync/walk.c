/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Slices over all records: taking over from owners that are gone, handing back to those that are
 * here again, giving all away when we drain; and looking for records that are not alone any more. A
 * walk goes by handles, so it may stop anywhere, and does where there is no room to publish.
 *
 * Only from an owner that is gone may be claimed (view_is_gone()): dead, or saying itself that it
 * does not serve. Not from one that is back and only kept out of the live set until a digest round
 * is complete: two sites that keep each other out would claim from each other without end.
 */
#include <string.h>

#include "common/plant.h"
#include "common/key.h"
#include "sync/engine_priv.h"

/* What is under way sees the new state from where it is on; the rest is for another one. */
void walk_begin(struct domain *d, enum walk_for why)
{
	if (d->walk == WALK_NONE) {
		d->walk = why;
		d->walk_at = 0;
		d->walk_count = d->walk_handed = 0;
		return;
	}
	if (d->walk == why && d->walk_at == 0)
		return; /* it has looked at nothing yet */
	if (d->walk_again < why)
		d->walk_again = why;
	if (d->walk == WALK_RECLAIM && why == WALK_OWNERS)
		d->walk = why; /* somebody may have gone in earnest: from here on */
}

static uint8_t successor_of(const struct domain *d, const struct record *r)
{
	return d->successor[record_key_bucket(record_key(d->conf.id, &r->hoa))];
}

/* All sites that know of the same ones agree about it, also where they do not let one of them back
 * into the live set at the same time. */
static uint8_t claimer_of(const struct domain *d, const struct record *r)
{
	if (planted(PLANT_CLAIM_FROM_RETURNED))
		return successor_of(d, r);
	return d->claimer[record_key_bucket(record_key(d->conf.id, &r->hoa))];
}

/* The site that has returned and whose own address the binding is registered with. */
static uint8_t returned_home(const struct domain *d, const struct record *r)
{
	for (uint32_t i = 0; i < d->conf.member_count; i++) {
		const struct engine_member *m = &d->conf.members[i];

		if (set_has(d->hand_back, m->node) && next_is_ready(&d->view, m->node) &&
			!ip6_is_unspecified(&m->ha) && ip6_eq(&m->ha, &r->ha))
			return m->node;
	}
	return NEXT_NOBODY;
}

/* Whose it should be by all that is known here; NEXT_NOBODY: whose it is. */
static uint8_t better_owner(const struct engine *e, const struct domain *d, const struct record *r)
{
	uint8_t owner = records_mesh(e->rs, r)->owner.node;

	if (r->state != RECORD_LIVE || (records_mesh(e->rs, r)->flags & RECORD_SUPERSEDED))
		return NEXT_NOBODY; /* to take it over would give it its whole lifetime again */
	if (owner != e->opts.self) {
		bool is_ours = view_is_gone(d, e, owner) && claimer_of(d, r) == e->opts.self;

		if (d->retake && (records_mesh(e->rs, r)->flags & RECORD_GIVEN))
			is_ours = true;
		return is_ours && d->says == NEXT_READY ? e->opts.self : NEXT_NOBODY;
	}
	if (d->drain >= DRAIN_HAND)
		return successor_of(d, r);
	return returned_home(d, r);
}

void walk_given(struct engine *e, struct domain *d, struct record *r, uint8_t node, bool holds)
{
	struct record_mesh *m = records_mesh(e->rs, r);

	if (!(m->flags & RECORD_GIVEN) || m->owner.node != node ||
		(m->flags & RECORD_SUPERSEDED) != 0)
		return;
	if (holds) {
		m->flags = (uint8_t)(m->flags & ~RECORD_GIVEN);
	} else if (d->says == NEXT_READY && !change_owner(e, d, r, e->opts.self)) {
		d->retake = true; /* no room just now */
		walk_begin(d, WALK_OWNERS);
	}
}

/*
 * It was ours, and another site claimed it all the same, not by a Binding Update: that one is not
 * dead, though here it is taken for it (in a row of sites the first and the last hear nothing of
 * each other but what the others pass on). To claim it back at once would go on for ever; and if
 * each claim made the lifetime begin anew, the binding would never end.
 * Or it was somebody's, who has just handed it back to one that says joining, for all that we have
 * heard of it: its word that it serves went to him first.
 */
static bool is_outbid(const struct engine *e, const struct domain *d,
	const struct owner_version *was, const struct owner_version *is)
{
	const struct next_site *now = &d->raw.site[is->node];

	if (was == NULL || was->node == is->node || was->epoch != is->epoch ||
		was->ext_seq != is->ext_seq)
		return false;
	return was->node == e->opts.self || (now->reach != NEXT_DEAD && now->says == NEXT_JOINING);
}

void walk_late(
	struct engine *e, struct domain *d, struct record *r, const struct owner_version *was)
{
	uint8_t to = better_owner(e, d, r);

	if (e->now_ms < d->walk_from_ms)
		return; /* the walk will see it */
	if (to != e->opts.self || records_mesh(e->rs, r)->owner.node == e->opts.self)
		return; /* what is to be given away, a walk gives away */
	if (is_outbid(e, d, was, &records_mesh(e->rs, r)->owner) &&
		!planted(PLANT_CLAIM_FROM_RETURNED)) {
		if (d->reclaim_ms == 0)
			d->reclaim_ms = e->now_ms + ((uint64_t)RECLAIM_MS << d->reclaims);
		return;
	}
	if (!change_owner(e, d, r, to))
		walk_begin(d, WALK_OWNERS); /* no room just now */
}

static void end_walk(struct engine *e, struct domain *d)
{
	if (d->walk_count > 0)
		tell(e, ENGINE_EV_TAKEN_OVER, d, 0, d->walk_count);
	if (d->walk_handed > 0)
		tell(e, ENGINE_EV_HANDED_BACK, d, 0, d->walk_handed);
	if (d->walk_again == WALK_NONE) {
		memset(d->hand_back, 0, sizeof(d->hand_back));
		d->retake = false;
	}
	d->walk = WALK_NONE;
	if (d->walk_again != WALK_NONE)
		walk_begin(d, d->walk_again);
	d->walk_again = WALK_NONE;
}

/* Also what was acknowledged meanwhile: d->sweep_change was the last change when the round with
 * the peer began, and it holds whatever was there then. */
static void sweep(struct engine *e, struct domain *d, uint32_t *budget)
{
	while (*budget > 0) {
		uint32_t at = d->sweep_at - 1;
		struct record *r = records_next(e->rs, &at);
		struct record_mesh *m;

		if (r == NULL || d->alone == 0) {
			d->sweep_at = 0;
			return;
		}
		d->sweep_at = at + 1;
		(*budget)--;
		m = records_mesh(e->rs, r);
		if (r->domain == d->conf.number && m->change.number <= d->sweep_change)
			alone_clear(e, d, r);
	}
}

void sweep_begin(struct domain *d, uint64_t change)
{
	if (d->alone == 0)
		return;
	d->sweep_at = 1; /* 1 + the handle looked at last */
	d->sweep_change = change;
}

static bool give(struct engine *e, struct domain *d, struct record *r, uint8_t to)
{
	bool is_done = d->walk == WALK_RECLAIM && to == e->opts.self ? reclaim(e, d, r)
								     : change_owner(e, d, r, to);

	d->walk_count += is_done && to == e->opts.self;
	d->walk_handed += is_done && to != e->opts.self;
	return is_done;
}

/* The next records that are to have another owner: each touches a dozen lines of memory that are in no
 * cache, so those of several are asked for together. */
struct group {
	struct record *r[ENGINE_AHEAD];
	const struct ip6_addr *hoa[ENGINE_AHEAD];
	uint8_t to[ENGINE_AHEAD];
	uint32_t count;
	uint32_t at; /* the last one looked at */
	bool is_end; /* of all records */
};

static void gather(struct engine *e, const struct domain *d, struct group *g, uint32_t *budget)
{
	g->count = 0;
	g->at = d->walk_at;
	g->is_end = false;
	while (*budget > 0 && g->count < ENGINE_AHEAD) {
		struct record *r = records_next(e->rs, &g->at);
		uint8_t to;

		g->is_end = r == NULL;
		if (g->is_end)
			return;
		(*budget)--;
		to = r->domain == d->conf.number ? better_owner(e, d, r) : NEXT_NOBODY;
		if (to == NEXT_NOBODY)
			continue;
		own_prefetch(e, r);
		g->r[g->count] = r;
		g->hoa[g->count] = &r->hoa;
		g->to[g->count++] = to;
	}
}

/* False: no room. */
static bool give_all(struct engine *e, struct domain *d, const struct group *g)
{
	if (g->count > 0 && e->opts.ops.ahead != NULL)
		e->opts.ops.ahead(e->opts.ops.ctx, g->hoa, g->count);
	for (uint32_t i = 0; i < g->count; i++) {
		if (!give(e, d, g->r[i], g->to[i]))
			return false;
		d->walk_at = g->r[i]->handle;
	}
	d->walk_at = g->at;
	return true;
}

uint32_t walk_turn(struct engine *e, struct domain *d, uint32_t *budget)
{
	if (d->sweep_at != 0)
		sweep(e, d, budget);
	if (d->reclaim_ms != 0 && e->now_ms >= d->reclaim_ms) {
		d->reclaim_ms = 0;
		d->reclaims = (uint8_t)(d->reclaims + (d->reclaims < RECLAIM_DOUBLES));
		walk_begin(d, WALK_RECLAIM);
	}
	if ((d->walk == WALK_OWNERS || d->walk == WALK_RECLAIM) && e->now_ms < d->walk_from_ms)
		return IDLE_MS;
	while (d->walk != WALK_NONE && *budget > 0) {
		struct group g;

		gather(e, d, &g, budget);
		if (!give_all(e, d, &g))
			return 1; /* waits until workers let go of what was there before */
		if (g.is_end)
			end_walk(e, d);
	}
	return d->walk != WALK_NONE || d->sweep_at != 0 ? 0 : IDLE_MS;
}
