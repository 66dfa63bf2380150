/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registrations that were followed by another one of the same mobile node. While that lasts the merge
 * decides. When it has ended by its lifetime nothing is left of it but the pair last seen; a site
 * that was cut off, or comes back with its store, may hold the one before it still, with more of its
 * lifetime left than the newer one had. It must not come back anywhere: whoever is told of it does
 * not take it, and says the pair again; whoever holds it ends it. Who serves by it waits a moment: a
 * pair may come before the record that says the same, in another stream.
 *
 * Where numbers are not remembered (RFC 6275, 9.5.1) a mobile node that is not bound may begin with
 * any, and a site may have forgotten what another one knows: a lower number is no older one then.
 * What is younger than the shortest lifetime cannot have been followed by what has ended: its owner
 * puts it above what was seen, as it would have done had it known. RFC 4285 timestamps decide in
 * any case where both have one.
 */
#include "common/ntp.h"
#include "common/plant.h"
#include "records/order.h"
#include "records/seen.h"
#include "sync/engine_priv.h"

#define SUPERSEDED_MS 1000 /* for so long the record that followed may be on its way */
#define FRESH_MS      3000 /* less than the shortest lifetime, 4 s, for the sake of clocks */

static bool is_fresh(const struct engine *e, uint64_t hlc)
{
	uint64_t at_ms = hlc >> HLC_COUNTER_BITS;

	return at_ms + FRESH_MS > e->wall_ms && at_ms < e->wall_ms + FRESH_MS;
}

/* Is what `by` says newer indeed? hlc: when that was registered which said `said`. */
static bool is_older(const struct engine *e, const struct domain *d, const struct seen_value *said,
	uint64_t hlc, const struct seen_value *by)
{
	/* the same: what was said is the newest, and has been noted there before */
	if (said->stamp != 0 && by->stamp != 0)
		return ntp_is_after(by->stamp, said->stamp);
	return d->conf.remembers || !is_fresh(e, hlc);
}

static void end_soon(struct engine *e, struct domain *d, struct record *r)
{
	struct record_mesh *m = records_mesh(e->rs, r);
	uint64_t ends_ms = e->now_ms;

	if (view_serves(d, e))
		ends_ms += SUPERSEDED_MS;
	if (m->flags & RECORD_SUPERSEDED)
		return;
	m->flags |= RECORD_SUPERSEDED;
	records_set(e->rs, r, (enum record_state)r->state, &r->coa,
		r->ends_ms < ends_ms ? r->ends_ms : ends_ms);
	own_count(e, d, r);
}

static struct seen_pair pair_of(struct engine *e, const struct domain *d, const struct record *r)
{
	struct record_copy c;

	copy_for_wire(e, r, &c);
	return own_pair_of(d, &c);
}

/* It is the newest that there is, by a number that is not. */
static void put_above(
	struct engine *e, struct domain *d, struct record *r, const struct seen_value *by)
{
	struct record_mesh *m = records_mesh(e->rs, r);
	struct seen_pair pair;

	if (m->owner.node != e->opts.self || by->epoch == UINT32_MAX)
		return;
	m->content.epoch = by->epoch + 1;
	m->content.hlc = hlc_tick_above(&e->hlc, m->content.hlc, e->wall_ms);
	m->content.node = e->opts.self;
	m->owner = order_claim(&m->content);
	pair = pair_of(e, d, r);
	(void)own_raise_seen(e, d, &pair, 0); /* no room: the record itself knows its number */
	change_own(e, d, r, true);
}

static void judge(struct engine *e, struct domain *d, struct record *r,
	const struct seen_pair *said, const struct seen_pair *by)
{
	uint64_t hlc = records_mesh(e->rs, r)->content.hlc;

	if (is_older(e, d, &said->value, hlc, &by->value))
		end_soon(e, d, r);
	else
		put_above(e, d, r, &by->value);
}

void superseded_hear(
	struct engine *e, struct domain *d, struct record *r, const struct seen_pair *by)
{
	struct seen_pair said;

	if (r == NULL || planted(PLANT_OLDER_RETURNS))
		return;
	said = pair_of(e, d, r);
	if (seen_follows(by, &said))
		judge(e, d, r, &said, by);
}

void superseded_look(struct engine *e, struct domain *d, struct record *r)
{
	struct seen_pair said = pair_of(e, d, r), by;

	said.value.stamp = 0; /* noted in the same pair, perhaps: nobody knows any more */
	if (!planted(PLANT_OLDER_RETURNS) && seen_newer(e->opts.seen, &said, &by))
		judge(e, d, r, &said, &by);
}

bool superseded_refuses(struct engine *e, struct peer *p, struct domain *d,
	const struct record_copy *c, const struct seen_pair *pair, struct record *r)
{
	struct seen_pair by;

	if (planted(PLANT_OLDER_RETURNS))
		return false;
	if (r != NULL && !is_past(e, d, r) &&
		content_version_cmp(&records_mesh(e->rs, r)->content, &c->content) > 0)
		return false; /* what followed is here, and told of by itself */
	if (!seen_newer(e->opts.seen, pair, &by))
		return false;
	/* who noted it silently, by a record that has ended, may be the only one left that knows */
	if (bucket_take(&p->older, e->now_ms))
		(void)own_raise_seen(e, d, &by, SEEN_LISTED | SEEN_AGAIN);
	return is_older(e, d, &pair->value, c->content.hlc, &by.value);
}
