/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registrations that were followed by another one of the same mobile node (decision 043). While that
 * lasts the merge decides. When it has ended by its lifetime nothing is left of it but the pair last
 * seen; a site that was cut off, or comes back with its store, may hold the one before it still, with
 * more of its lifetime left than the newer one had. It must not come back anywhere: whoever is told of
 * it does not take it, and says the pair again; whoever holds it ends it. Who serves by it waits a
 * moment: a pair may come before the record that says the same, in another stream.
 */
#include "common/ntp.h"
#include "common/plant.h"
#include "common/seq.h"
#include "records/seen.h"
#include "sync/engine_priv.h"

#define SUPERSEDED_MS 1000 /* for so long the record that followed may be on its way */

/* Their order is that of the mobile node, on its way from one number to the next. */
static bool is_one_series(const struct seen_pair *a, const struct seen_pair *b)
{
	return ip6_eq(&a->ha, &b->ha) && a->value.order == RECORD_BY_SEQUENCE &&
	       b->value.order == RECORD_BY_SEQUENCE;
}

/*
 * A version that is higher need not be newer: a site that has forgotten a mobile node, or never heard
 * of it, begins with its first epoch, and what it acknowledged is not to be ended by what others
 * remember. Only what cannot be doubted counts: timestamps; and numbers where they are remembered, of
 * one series, in the 16 bits that the mobile node counts with. What any site would have taken is not
 * older. All must come to the same whatever they heard first, so nothing else does (decision 043).
 */
static bool is_followed(
	const struct domain *d, const struct seen_pair *said, const struct seen_pair *by)
{
	const struct seen_value *a = &said->value, *b = &by->value;

	if (b->epoch < a->epoch ||
		(b->epoch == a->epoch && (b->ext_seq <= a->ext_seq || !ip6_eq(&by->ha, &said->ha))))
		return false;
	if (a->stamp != 0 && b->stamp != 0) /* the same: a pair took it from that record */
		return ntp_is_after(b->stamp, a->stamp);
	return d->conf.remembers && is_one_series(said, by) &&
	       !seq16_is_newer((uint16_t)a->ext_seq, (uint16_t)b->ext_seq);
}

struct said {
	const struct domain *d;
	struct seen_pair pair;
};

static bool follows(const void *ctx, const struct seen_pair *by)
{
	const struct said *s = ctx;

	return is_followed(s->d, &s->pair, by);
}

static bool find(const struct engine *e, const struct said *s, struct seen_pair *by)
{
	return !planted(PLANT_OLDER_RETURNS) &&
	       seen_find(e->opts.seen, s->pair.domain, &s->pair.hoa, follows, s, by);
}

static struct said said_by(struct engine *e, const struct domain *d, const struct record *r)
{
	struct record_copy c;

	copy_for_wire(e, r, &c);
	return (struct said){ .d = d, .pair = own_pair_of(d, &c) };
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
	tell(e, ENGINE_EV_SUPERSEDED, d, 0, ++d->superseded);
}

void superseded_hear(
	struct engine *e, struct domain *d, struct record *r, const struct seen_pair *by)
{
	struct said said;

	if (r == NULL || planted(PLANT_OLDER_RETURNS))
		return;
	said = said_by(e, d, r);
	if (is_followed(d, &said.pair, by))
		end_soon(e, d, r);
}

void superseded_look(struct engine *e, struct domain *d, struct record *r)
{
	const struct said said = said_by(e, d, r);
	struct seen_pair by;

	if (find(e, &said, &by))
		end_soon(e, d, r);
}

bool superseded_refuses(struct engine *e, struct domain *d, const struct record_copy *c,
	const struct seen_pair *pair, struct record *r)
{
	const struct said said = { .d = d, .pair = *pair };
	struct seen_pair by;

	if (r != NULL && !is_past(e, d, r) &&
		content_version_cmp(&records_mesh(e->rs, r)->content, &c->content) > 0)
		return false; /* what followed is here, and told of by itself */
	if (!find(e, &said, &by))
		return false;
	/* who noted it silently, by a record that has ended, may be the only one left that knows */
	if (bucket_take(&e->older, e->now_ms))
		(void)own_raise_seen(e, d, &by, SEEN_LISTED | SEEN_AGAIN);
	return true;
}
