/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a record changes by a peer's copy. Each change is whole or not at all: where there is no room
 * to publish it, the record is what it was before.
 */
#include <string.h>

#include "common/key.h"
#include "common/ntp.h"
#include "common/plant.h"
#include "records/seen.h"
#include "sync/engine_priv.h"

#define EPOCH_SINCE_S 1735689600ULL /* the year 2025 */
#define EPOCH_LEAST   (1U << 24)
#define EPOCH_MOST    (UINT32_MAX - EPOCH_LEAST)

/* --- what was seen --- */

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

		if (*refused_ms == 0 || e->now_ms - *refused_ms >= REFUSED_MS) {
			tell(e, why, d, p->node, 0);
			receive_say_now(p); /* it may have come outside of streams */
		}
		*refused_ms = e->now_ms;
		set_add(d->refusing, p->node);
		d->room_told[p->node] = 0;
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
	superseded_hear(e, d, records_find(e->rs, d->conf.number, &pair->hoa), pair);
	ret = own_raise_seen(e, d, pair, is_passed_on ? SEEN_LISTED : 0);
	if (ret <
		0) { /* as if it had given way since: it is no promise, and we are not full by it */
		tell(e, ENGINE_EV_FORGOTTEN, d, p->node, ++d->forgotten);
		return APPLY_SAME;
	}
	if (is_passed_on && ret > 0)
		e->urgent_seen = changes_last(seen_changes(e->opts.seen));
	return ret > 0 ? APPLY_NEWER : APPLY_SAME;
}

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
		own_list(e, d, r, p->node, true);
		return;
	}
	if (m->change.number == 0)
		m->origin = p->node;
	own_count(e, d, r);
}

/* The fence of a domain (records_has_room()), for one that lives again. */
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
	if (!records_has_room(e->rs, d->conf.number, d->conf.max_bindings, c->state))
		return refuse(e, p, d, ENGINE_EV_FULL);
	r = records_add(e->rs, d->conf.number, &c->hoa);
	if (r == NULL)
		return refuse(e, p, d, ENGINE_EV_FULL);
	if (record_copy_put(e->rs, r, c, e->now_ms) < 0 || !own_publish(e, r, ENGINE_HEARD)) {
		records_del(e->rs, r);
		return APPLY_LATER;
	}
	learned(e, d, r, p);
	walk_late(e, d, r, NULL);
	return APPLY_NEWER;
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
	if (!own_publish(e, r, ENGINE_HEARD)) {
		/* without memory for them it loses fields that this release does not know */
		(void)record_copy_put(e->rs, r, &mine, e->now_ms);
		return APPLY_LATER;
	}
	if (!ip6_eq(&mine.ha, &merged.ha))
		own_outlive(e, d, &mine);
	if (content_version_cmp(&mine.content, &merged.content) != 0)
		records_mesh(e->rs, r)->flags &= (uint8_t)~RECORD_SUPERSEDED;
	note_claim(e, d, r, &mine.owner, &merged.owner);
	if (is_same_word(&merged, c))
		learned(e, d, r, p);
	else
		change_own(e, d, r, false); /* made of both: nobody else may have it */
	walk_late(e, d, r, &mine.owner);
	return APPLY_NEWER;
}

void apply_prefetch(
	struct engine *e, const struct domain *d, const struct record_copy *const c[], uint32_t n)
{
	const struct ip6_addr *hoa[ENGINE_AHEAD];
	uint16_t number = d->conf.number;

	for (uint32_t i = 0; i < n; i++) {
		hoa[i] = &c[i]->hoa;
		records_prefetch_heads(e->rs, number, &c[i]->hoa, &c[i]->coa);
		seen_prefetch_head(e->opts.seen, number, &c[i]->hoa);
	}
	for (uint32_t i = 0; i < n; i++) {
		records_prefetch(e->rs, number, &c[i]->hoa, &c[i]->coa);
		seen_prefetch(e->opts.seen, number, &c[i]->hoa);
	}
	if (n > 0 && e->opts.ops.ahead != NULL)
		e->opts.ops.ahead(e->opts.ops.ctx, hoa, n);
}

enum applied apply_record(
	struct engine *e, struct peer *p, struct domain *d, const struct record_copy *c)
{
	struct seen_pair pair = own_pair_of(d, c);
	struct record *r;
	enum applied a;

	if (!makes_sense(e, d, c) || !is_value_reached(e, &pair.value))
		return refuse(e, p, d, ENGINE_EV_FOREIGN);
	hlc_hear(&e->hlc, c->content.hlc, e->wall_ms);
	r = records_find(e->rs, d->conf.number, &c->hoa);
	if (superseded_refuses(e, d, c, &pair, r))
		return APPLY_SAME;
	if (r != NULL && planted(PLANT_SNAPSHOT_INSERTS) && r->state == RECORD_TOMBSTONE &&
		p->asked_domain == d->index) {
		records_del(e->rs, r);
		r = NULL;
	}
	a = r == NULL ? take_new(e, p, d, c) : take_newer(e, p, d, r, c);
	/* not of what comes again: until then the pair is that of the record that is held. No room:
	 * the record itself carries its number */
	if (a != APPLY_LATER)
		(void)own_raise_seen(e, d, &pair, 0);
	return a;
}
