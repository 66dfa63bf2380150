/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a record changes: by a peer's copy, or here. Each change is whole or not at all: where there
 * is no room to publish it, the record is what it was before.
 */
#include <string.h>

#include "common/ntp.h"
#include "common/plant.h"
#include "common/key.h"
#include "records/order.h"
#include "records/seen.h"
#include "sync/engine_priv.h"

#define EPOCH_SINCE_S 1735689600ULL /* the year 2025 */
#define EPOCH_LEAST   (1U << 24)
#define EPOCH_MOST    (UINT32_MAX - EPOCH_LEAST)

bool is_past(const struct engine *e, const struct domain *d, const struct record *r)
{
	(void)d;
	return r->state == RECORD_LIVE && r->ends_ms <= e->now_ms &&
	       records_mesh(e->rs, r)->owner.node != e->opts.self;
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

/* --- what was seen --- */

static int raise_seen(
	struct engine *e, const struct domain *d, const struct seen_pair *pair, unsigned how)
{
	if (d->conf.remembers)
		how |= SEEN_REMEMBERED;
	return seen_raise(e->opts.seen, pair, how, stamp_now(e));
}

/* The pair that a record speaks of: it travels with it, so it is not listed. */
static struct seen_pair pair_of(const struct domain *d, const struct record_copy *c)
{
	return (struct seen_pair){ .hoa = c->hoa,
		.ha = c->ha,
		.domain = d->conf.number,
		.value = { .ext_seq = c->content.ext_seq,
			.stamp = c->stamp,
			.epoch = c->content.epoch,
			.order = c->order } };
}

static bool is_address(const struct domain *d, const struct ip6_addr *ha)
{
	for (uint32_t i = 0; i < d->conf.address_count; i++)
		if (ip6_eq(&d->conf.addresses[i], ha))
			return true;
	return d->conf.address_count == 0;
}

static bool is_ours_to_hear(struct engine *e, const struct domain *d, const struct ip6_addr *hoa,
	const struct ip6_addr *ha)
{
	return is_address(d, ha) && e->opts.ops.covers(e->opts.ops.ctx, d->conf.number, hoa);
}

static enum applied refuse(
	struct engine *e, struct peer *p, struct domain *d, enum engine_event why)
{
	if (why == ENGINE_EV_FULL) {
		uint64_t *refused_ms = &d->refused_ms[p->node];

		if (*refused_ms == 0 || e->now_ms - *refused_ms >= REFUSED_MS)
			tell(e, why, d, p->node, 0);
		*refused_ms = e->now_ms;
	} else if (p->info.refused == 0) {
		tell(e, why, d, p->node, 0);
	}
	p->info.refused++;
	return APPLY_REFUSED;
}

void apply_give_up(struct engine *e, struct peer *p, struct domain *d)
{
	(void)refuse(e, p, d, ENGINE_EV_FULL);
}

/*
 * Numbers that nobody can have reached are not believed: they would leave no room for newer ones.
 * Epochs begin at one and rise with a Binding Update each, of which a mobile node sends three a
 * second at most (RFC 6275, 12): fewer than four a second since this protocol began. Where a clock
 * says nothing of use there is room for as many as a mobile node makes in months.
 */
static bool is_epoch_reached(const struct engine *e, uint32_t epoch)
{
	uint64_t s = e->wall_ms / 1000, most = EPOCH_LEAST;

	if (s > EPOCH_SINCE_S && 4 * (s - EPOCH_SINCE_S) > most)
		most = 4 * (s - EPOCH_SINCE_S);
	return epoch <= (most < EPOCH_MOST ? most : EPOCH_MOST);
}

/* A clock may be wrong by hours, but nobody takes over what it says for good. */
static bool is_stamp_reached(const struct engine *e, uint64_t stamp)
{
	return stamp == 0 || !ntp_is_after(stamp, stamp_now(e) + CLOCK_MORE_MS / 1000 * NTP_SECOND);
}

static bool is_value_reached(const struct engine *e, const struct seen_value *v)
{
	return is_epoch_reached(e, v->epoch) && is_stamp_reached(e, v->stamp) &&
	       (v->order != RECORD_BY_STAMP || is_stamp_reached(e, v->ext_seq));
}

/* Whoever owns it claimed it by an update that is in the content, or by an earlier one. */
static bool are_versions_reached(const struct record_copy *c)
{
	if (c->owner.epoch > c->content.epoch ||
		(c->owner.epoch == c->content.epoch && c->owner.ext_seq > c->content.ext_seq))
		return false;
	/* whatever our clock says of it: that one, or the one it was made by, may be wrong */
	return c->content.hlc <= HLC_MOST;
}

enum applied apply_seen(
	struct engine *e, struct peer *p, struct domain *d, const struct seen_pair *pair)
{
	bool is_passed_on = has_cut(e, p->node);
	int ret;

	if (!is_ours_to_hear(e, d, &pair->hoa, &pair->ha) || !is_value_reached(e, &pair->value))
		return refuse(e, p, d, ENGINE_EV_FOREIGN);
	ret = raise_seen(e, d, pair, is_passed_on ? SEEN_LISTED : 0);
	if (ret <
		0) { /* as if it had given way since: it is no promise, and we are not full by it */
		tell(e, ENGINE_EV_FORGOTTEN, d, p->node, ++d->forgotten);
		return APPLY_SAME;
	}
	if (is_passed_on && ret > 0)
		e->urgent_seen = changes_last(seen_changes(e->opts.seen));
	return ret > 0 ? APPLY_NEWER : APPLY_SAME;
}

/* --- changes made here --- */

/* As it is now, in the digests or out of them. */
static void count_in(struct engine *e, struct domain *d, struct record *r)
{
	if (is_past(e, d, r))
		digest_drop(d->digest, r);
	else
		digest_set(d->digest, r);
}

static void list(
	struct engine *e, struct domain *d, struct record *r, uint8_t origin, bool is_urgent)
{
	struct record_mesh *m = records_mesh(e->rs, r);

	m->origin = origin;
	changes_touch(e->changes, r->handle);
	commit_moved(e, r);
	if (is_urgent)
		e->urgent = m->change.number;
	count_in(e, d, r);
}

void change_own(struct engine *e, struct domain *d, struct record *r, bool is_urgent)
{
	list(e, d, r, e->opts.self, is_urgent);
}

static bool publish(struct engine *e, struct record *r, enum engine_why why)
{
	return e->opts.ops.changed(e->opts.ops.ctx, r, why);
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
	if (!publish(e, r, takes ? ENGINE_TOOK_OVER : ENGINE_HANDED)) {
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

/* --- a peer's copy --- */

static bool makes_sense(struct engine *e, const struct domain *d, const struct record_copy *c)
{
	if (c->state != RECORD_LIVE && c->state != RECORD_TOMBSTONE)
		return false;
	if (c->lifetime_s > RECORD_LIFETIME_MAX_S ||
		c->remaining_ms > record_lasts_most_ms(c->state, c->lifetime_s))
		return false;
	if (c->state == RECORD_LIVE && !ip6_is_routable(&c->coa))
		return false;
	if (c->owner.node == 0 || c->content.node == 0)
		return false;
	if (!are_versions_reached(c))
		return false;
	return is_ours_to_hear(e, d, &c->hoa, &c->ha);
}

/* Heard from a peer: told to others only where they cannot hear it themselves. A change of our own
 * that waits in the list stays one: what it made of the record may be ours alone. */
static void learned(struct engine *e, struct domain *d, struct record *r, const struct peer *p)
{
	struct record_mesh *m = records_mesh(e->rs, r);

	if (has_cut(e, p->node)) {
		list(e, d, r, p->node, true);
		return;
	}
	if (m->change.number == 0)
		m->origin = p->node;
	count_in(e, d, r);
}

/* The fence that keeps a domain from filling the store of all. One record more in it: as many
 * tombstones as bindings have room. What ends a binding that is held here needs none. */
static bool is_room_for(const struct engine *e, const struct domain *d, enum record_state state)
{
	uint64_t max = d->conf.max_bindings, live = records_live_in(e->rs, d->conf.number);

	return (state != RECORD_LIVE || live < max) &&
	       live + records_tombstones_in(e->rs, d->conf.number) < 2 * max;
}

/* The same for one that lives again. */
static bool may_live(
	const struct engine *e, const struct domain *d, enum record_state was, enum record_state is)
{
	return was == RECORD_LIVE || is != RECORD_LIVE ||
	       records_live_in(e->rs, d->conf.number) < d->conf.max_bindings;
}

static enum applied take_new(
	struct engine *e, struct peer *p, struct domain *d, const struct record_copy *c)
{
	struct record *r;

	if (c->remaining_ms == 0)
		return APPLY_SAME; /* over */
	if (!is_room_for(e, d, c->state))
		return refuse(e, p, d, ENGINE_EV_FULL);
	r = records_add(e->rs, d->conf.number, &c->hoa);
	if (r == NULL)
		return refuse(e, p, d, ENGINE_EV_FULL);
	if (record_copy_put(e->rs, r, c, e->now_ms) < 0 || !publish(e, r, ENGINE_HEARD)) {
		records_del(e->rs, r);
		return APPLY_LATER;
	}
	learned(e, d, r, p);
	walk_late(e, d, r, NULL);
	return APPLY_NEWER;
}

/* What a record says of its mobile node at one home agent address is said by it no more: it goes, or
 * goes on with another address. Who never heard of it must hear of the number; a refresh is told
 * lazily, and by the record alone. */
static void outlive(struct engine *e, struct domain *d, const struct record_copy *was)
{
	const struct seen_pair pair = pair_of(d, was);

	if (raise_seen(e, d, &pair, SEEN_LISTED | SEEN_AGAIN) < 0 && d->conf.remembers)
		tell(e, ENGINE_EV_FORGOTTEN, d, 0, ++d->forgotten);
}

static bool is_same_word(const struct record_copy *a, const struct record_copy *b)
{
	return content_version_cmp(&a->content, &b->content) == 0 &&
	       owner_version_cmp(&a->owner, &b->owner) == 0;
}

static bool is_same(const struct record_copy *a, const struct record_copy *b)
{
	return is_same_word(a, b) && owner_term_cmp(a->remaining_by, b->remaining_by) == 0 &&
	       a->mtu == b->mtu && ip6_eq(&a->coa, &b->coa) && ip6_eq(&a->ha, &b->ha) &&
	       a->lifetime_s == b->lifetime_s && a->flags == b->flags && a->state == b->state &&
	       a->extra_len == b->extra_len;
}

/* Once in a while: a site that claims one binding claims many. */
static void tell_stray(struct engine *e, struct domain *d, uint8_t by, uint8_t of)
{
	uint64_t *told_ms = &d->stray_ms[by];

	if (*told_ms != 0 && e->now_ms - *told_ms < STRAY_MS)
		return;
	*told_ms = e->now_ms;
	tell(e, ENGINE_EV_STRAY_CLAIM, d, by, of);
}

/* Another owner than the one before. Who claims from a dead site is the same one everywhere, once
 * all know who is there. */
static void note_claim(struct engine *e, struct domain *d, struct record *r,
	const struct owner_version *was, const struct owner_version *is)
{
	struct record_mesh *m = records_mesh(e->rs, r);
	uint8_t claimer = d->claimer[record_key_bucket(record_key(d->conf.id, &r->hoa))];

	if (owner_version_cmp(was, is) == 0)
		return;
	m->flags = (uint8_t)(m->flags & ~RECORD_GIVEN);
	if (was->epoch != is->epoch || was->ext_seq != is->ext_seq || was->node == is->node)
		return; /* by a Binding Update */
	if (d->raw.site[was->node].reach == NEXT_DEAD && was->node != e->opts.self &&
		claimer != is->node && e->now_ms - d->changed_ms >= CALM_MS)
		tell_stray(e, d, is->node, was->node);
}

static enum applied take_newer(struct engine *e, struct peer *p, struct domain *d, struct record *r,
	const struct record_copy *c)
{
	uint8_t extra[RECORD_EXTRA_MAX];
	struct record_copy mine, merged;

	record_copy_of(e->rs, r, e->now_ms, &mine);
	if (mine.extra_len > 0)
		memcpy(extra, mine.extra, mine.extra_len);
	mine.extra = extra; /* the store's own goes when the record changes */
	record_merge(&mine, c, &merged);
	if (planted(PLANT_STALE_OWNER) && mine.owner.node == e->opts.self)
		merged.owner = mine.owner;
	if (is_same(&mine, &merged))
		return APPLY_SAME;
	if (!may_live(e, d, mine.state, merged.state))
		return refuse(e, p, d, ENGINE_EV_FULL);
	if (record_copy_put(e->rs, r, &merged, e->now_ms) < 0)
		return APPLY_LATER;
	if (!publish(e, r, ENGINE_HEARD)) {
		/* without memory for them it loses fields that this release does not know */
		(void)record_copy_put(e->rs, r, &mine, e->now_ms);
		return APPLY_LATER;
	}
	if (!ip6_eq(&mine.ha, &merged.ha))
		outlive(e, d, &mine);
	note_claim(e, d, r, &mine.owner, &merged.owner);
	if (is_same_word(&merged, c))
		learned(e, d, r, p);
	else
		change_own(e, d, r, false); /* made of both: nobody else may have it */
	walk_late(e, d, r, &mine.owner);
	return APPLY_NEWER;
}

enum applied apply_record(
	struct engine *e, struct peer *p, struct domain *d, const struct record_copy *c)
{
	struct seen_pair pair = pair_of(d, c);
	struct record *r;

	if (!makes_sense(e, d, c) || !is_value_reached(e, &pair.value))
		return refuse(e, p, d, ENGINE_EV_FOREIGN);
	hlc_hear(&e->hlc, c->content.hlc, e->wall_ms);
	(void)raise_seen(e, d, &pair, 0); /* no room: the record itself carries its number */
	r = records_find(e->rs, d->conf.number, &c->hoa);
	if (r != NULL && planted(PLANT_SNAPSHOT_INSERTS) && r->state == RECORD_TOMBSTONE &&
		p->asked_domain == d->index) {
		records_del(e->rs, r);
		r = NULL;
	}
	return r == NULL ? take_new(e, p, d, c) : take_newer(e, p, d, r, c);
}

/* --- what control does --- */

/* For PLANT_EPOCH_CUT. */
static bool is_any_dead(const struct domain *d)
{
	for (uint8_t n = set_next(d->members, 0); n != 0; n = set_next(d->members, n))
		if (d->raw.site[n].reach == NEXT_DEAD)
			return true;
	return false;
}

bool engine_accepted(struct engine *e, struct record *r, const struct order_result *o,
	enum record_order by, bool is_refresh, uint64_t now_ms, uint64_t wall_ms)
{
	struct domain *d = domain_by_number(e, r->domain);
	struct record_mesh *m = records_mesh(e->rs, r);
	bool waits = !is_refresh || m->owner.node != e->opts.self ||
		     (m->flags & RECORD_ALONE) != 0 || commit_has(e, r) ||
		     planted(PLANT_REFRESH_NEW);
	struct record_copy c;
	struct seen_pair pair;

	e->now_ms = now_ms;
	e->wall_ms = wall_ms;
	m->content = order_content(o, hlc_tick(&e->hlc, wall_ms), e->opts.self);
	if (planted(PLANT_EPOCH_CUT) && d != NULL && is_any_dead(d))
		m->content.epoch++;
	m->owner = order_claim(&m->content);
	m->remaining_by = (struct owner_term){ .node = e->opts.self };
	m->order = (uint8_t)by;
	m->flags = (uint8_t)(m->flags & ~RECORD_GIVEN);
	if (d == NULL)
		return false;
	record_copy_of(e->rs, r, now_ms, &c);
	pair = pair_of(d, &c);
	(void)raise_seen(e, d, &pair, 0); /* no room: the record itself still knows its number */
	change_own(e, d, r, waits);
	if (!waits)
		commit_told(e, d, r);
	if (d->drain >= DRAIN_HAND)
		walk_begin(d, WALK_DRAIN); /* that one, too, is to be handed on */
	return waits;
}

void engine_touched(struct engine *e, struct record *r, uint64_t now_ms, uint64_t wall_ms)
{
	struct domain *d = domain_by_number(e, r->domain);
	struct record_mesh *m = records_mesh(e->rs, r);

	e->now_ms = now_ms;
	e->wall_ms = wall_ms;
	/* the site that made it may have a clock far in front of ours, which we do not follow */
	m->content.hlc = hlc_tick_above(&e->hlc, m->content.hlc, wall_ms);
	m->content.node = e->opts.self;
	if (d != NULL)
		change_own(e, d, r, true);
}

void engine_soft(struct engine *e, struct record *r, uint64_t now_ms)
{
	struct domain *d = domain_by_number(e, r->domain);

	e->now_ms = now_ms;
	if (d != NULL)
		change_own(e, d, r, false);
}

int engine_seen(struct engine *e, const struct seen_pair *pair, uint64_t now_ms, uint64_t wall_ms)
{
	struct domain *d = domain_by_number(e, pair->domain);
	int ret;

	e->now_ms = now_ms;
	e->wall_ms = wall_ms;
	if (d == NULL)
		return 0;
	ret = raise_seen(e, d, pair, SEEN_LISTED | SEEN_AGAIN);
	if (ret >= 0)
		e->urgent_seen = changes_last(seen_changes(e->opts.seen));
	return ret < 0 ? ret : 0;
}

void engine_loaded(struct engine *e, struct record *r)
{
	struct domain *d = domain_by_number(e, r->domain);
	struct record_mesh *m = records_mesh(e->rs, r);

	if (d == NULL)
		return;
	hlc_hear(&e->hlc, m->content.hlc, e->wall_ms);
	/* how long it lasts was reckoned with a clock that may have been set: anybody knows better */
	m->remaining_by = (struct owner_term){ 0 };
	if (m->flags & RECORD_ALONE) { /* until somebody has it */
		m->flags &= (uint8_t)~RECORD_ALONE;
		alone_set(e, d, r);
	}
	count_in(e, d, r);
}

bool engine_end(struct engine *e, struct record *r, uint64_t now_ms)
{
	struct domain *d = domain_by_number(e, r->domain);
	bool is_ours = records_mesh(e->rs, r)->owner.node == e->opts.self;
	struct record_copy c;

	e->now_ms = now_ms;
	if (d == NULL || planted(PLANT_EXPIRE_ALL))
		return true;
	if (is_ours) {
		record_copy_of(e->rs, r, now_ms, &c);
		outlive(e, d, &c);
	}
	if (is_ours || r->state != RECORD_LIVE || d->others == 0)
		return true;
	digest_drop(d->digest, r);
	return now_ms >= r->ends_ms + e->opts.dead_ms + KEPT_MS;
}
