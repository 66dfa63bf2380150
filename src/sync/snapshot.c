/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Snapshots: asked for by a domain that joins, and given. A peer gives one at a time, so domains
 * that want one of the same peer take turns: who has waited longest is next, and a turn that others
 * wait for ends after FILL_TURN_MS. Whoever was interrupted goes on where it was: what became of the
 * records in front of that place streams have told meanwhile, as they do during a snapshot. When a
 * site of the domain is gone, or begins a new life, some of them may have ended before they told
 * it, so what waits begins anew; and a peer of the release before always does. A domain that lost a
 * part in one of these ways is told all of it in its next turn, however long that is: else who
 * comes and goes more often than turns do would keep everybody out.
 */
#include "sync/engine_priv.h"

#define FILL_TURN_MS 5000 /* of one domain, when another one waits for the same peer */
#define WANT_MS      200 /* who has not said so for so long wants it no more: of that peer, or at all */

/* --- turns --- */

/* One that was asked and fell silent is asked anew, or another one is; and who has become ready in
 * another way wants it no more. */
static bool is_under_way(const struct engine *e, struct peer *p)
{
	if (p->asked_domain == NOBODY)
		return false;
	if (p->is_up && e->now_ms - p->asked_ms < RETRY_MS &&
		e->domain[p->asked_domain].says == NEXT_JOINING)
		return true;
	p->asked_domain = NOBODY;
	return false;
}

bool snapshot_is_asked(const struct engine *e, const struct domain *d, struct peer *p)
{
	return is_under_way(e, p) && p->asked_domain == d->index;
}

static bool is_turn_over(const struct engine *e, struct peer *p)
{
	return !is_under_way(e, p) ||
	       (!p->fill[p->asked_domain].is_whole && e->now_ms - p->turn_ms >= FILL_TURN_MS);
}

static bool waits(const struct engine *e, const struct fill *f)
{
	return f->since_ms != 0 && e->now_ms - f->wants_ms < WANT_MS;
}

static uint16_t longest_waiting(const struct engine *e, const struct peer *p)
{
	uint16_t longest = NOBODY;

	for (uint16_t i = 0; i < e->domain_count; i++)
		if (waits(e, &p->fill[i]) &&
			(longest == NOBODY || p->fill[i].since_ms < p->fill[longest].since_ms))
			longest = i;
	return longest;
}

static void ask(struct engine *e, struct domain *d, struct peer *p)
{
	struct fill *f = &p->fill[d->index];
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w;

	f->since_ms = 0;
	p->asked_domain = d->index;
	p->asked_id = p->next_id++;
	p->asked_from = f->until + 1;
	p->turn_ms = p->asked_ms = e->now_ms;
	tx_begin(e, p, buf, &w);
	message_write_ask(&w, &(struct message_ask){ d->conf.id, p->asked_id, p->asked_from });
	tx_end(e, p, &w);
	tell(e, ENGINE_EV_SNAPSHOT_BEGUN, d, p->node, f->records);
}

void snapshot_want(struct engine *e, struct domain *d, struct peer *p)
{
	struct fill *f = &p->fill[d->index];

	if (snapshot_is_asked(e, d, p))
		return;
	if (!waits(e, f))
		f->since_ms = e->now_ms;
	f->wants_ms = e->now_ms;
	if (is_turn_over(e, p) && longest_waiting(e, p) == d->index)
		ask(e, d, p);
}

bool snapshot_is_wanted(const struct engine *e, const struct domain *d, const struct peer *p)
{
	return waits(e, &p->fill[d->index]);
}

bool snapshot_may_want(const struct engine *e, const struct domain *d, const struct peer *p)
{
	uint64_t refused_ms = p->fill[d->index].refused_ms;

	return p->is_open && (refused_ms == 0 || e->now_ms - refused_ms >= RETRY_MS);
}

/* Who has told a part, then who would begin at once, then who is nearest. */
bool snapshot_is_better(
	const struct engine *e, const struct domain *d, struct peer *a, struct peer *b)
{
	bool a_part = a->fill[d->index].until != 0, b_part = b->fill[d->index].until != 0;
	bool a_busy = is_under_way(e, a), b_busy = is_under_way(e, b);

	if (a_part != b_part)
		return a_part;
	if (a_busy != b_busy)
		return b_busy;
	return a->rtt_ms < b->rtt_ms;
}

/* --- what comes of it --- */

bool snapshot_is_ours(const struct engine *e, const struct peer *p, const struct message_delta *m)
{
	return p->asked_domain != NOBODY && m->id == p->asked_id &&
	       m->domain == e->domain[p->asked_domain].conf.id &&
	       (m->base == p->asked_from || m->base == 1);
}

static void begin_anew(struct fill *f)
{
	f->until = f->records = 0;
	f->flags = DELTA_READY;
	f->is_refused = false;
}

/* Its first piece: goes on, or begins anew, because we said so, or because the peer knows no other
 * way. */
void snapshot_begins(struct peer *p, struct in *in, uint64_t base)
{
	struct fill *f = &p->fill[p->asked_domain];

	if (base == 1) {
		f->is_whole |= p->asked_from > 1;
		begin_anew(f);
	}
	in->flags = f->flags;
	if (f->is_refused)
		refused_note_all(&in->refused, f->until);
}

/* Who lacks a part knows less than the one that is to be relieved: asked again, it or another. */
static void refused(struct engine *e, struct domain *d, struct peer *p)
{
	p->fill[d->index].refused_ms = e->now_ms;
	if (!d->told_refused)
		tell(e, ENGINE_EV_SNAPSHOT_REFUSED, d, p->node, 0);
	d->told_refused = true;
}

static void done(struct engine *e, struct domain *d, struct peer *p)
{
	struct fill was = p->fill[d->index];

	p->asked_domain = NOBODY;
	begin_anew(&p->fill[d->index]);
	p->fill[d->index].is_whole = false;
	if (was.is_refused) {
		refused(e, d, p);
		return;
	}
	set_add(d->got, p->node);
	tell(e, ENGINE_EV_SNAPSHOT_DONE, d, p->node, was.records);
	if (!(was.flags & DELTA_READY))
		return;
	for (uint32_t k = 0; k < e->peer_count; k++) /* nobody else tells it this time */
		e->peer[e->peer_node[k]]->fill[d->index].is_whole = false;
	ready_snapshot_done(e, d);
}

void snapshot_heard(struct engine *e, struct peer *p, uint32_t records)
{
	const struct in *in = &p->in[STREAM_SNAPSHOT];
	struct domain *d;
	struct fill *f;

	if (p->asked_domain == NOBODY || in->id != p->asked_id)
		return; /* late, of another one */
	d = &e->domain[p->asked_domain];
	f = &p->fill[d->index];
	p->asked_ms = e->now_ms;
	f->until = in->until;
	f->records += records;
	f->flags = in->flags;
	f->is_refused = in->refused.any != 0;
	if (in->end != 0 && in->until >= in->end)
		done(e, d, p);
}

/* No room for it now, or it came too fast: it comes again, and the peer has not fallen silent. */
void snapshot_put_off(const struct engine *e, struct peer *p)
{
	if (p->asked_domain != NOBODY && p->in[STREAM_SNAPSHOT].id == p->asked_id)
		p->asked_ms = e->now_ms;
}

/* Of all peers: who is asked next may be another one. What is under way goes on. */
static void throw_away_parts(struct engine *e, uint32_t domain)
{
	bool is_part = false;

	for (uint32_t k = 0; k < e->peer_count; k++) {
		struct peer *q = e->peer[e->peer_node[k]];

		if (q->asked_domain == domain)
			continue;
		is_part |= q->fill[domain].until != 0;
		begin_anew(&q->fill[domain]);
	}
	for (uint32_t k = 0; k < e->peer_count && is_part; k++)
		e->peer[e->peer_node[k]]->fill[domain].is_whole = true;
}

/* What p told of its domains, to us or to whoever tells us, may have been cut short. */
void snapshots_cut_short(struct engine *e, struct peer *p)
{
	p->asked_domain = NOBODY;
	for (uint32_t i = 0; i < e->domain_count; i++)
		if (is_member(&e->domain[i], p->node))
			throw_away_parts(e, i);
}

/* --- given --- */

void snapshot_asked(struct engine *e, struct peer *p, const struct message_ask *m)
{
	struct domain *d = domain_by_id(e, m->domain);
	bool is_there = m->from >= 1 && m->from <= stream_snapshot_end(e);

	/* one that was asked for earlier, and comes late, does not end the present one */
	if (d != NULL && is_member(d, p->node) && m->request > p->out[STREAM_SNAPSHOT].id)
		snapshot_give(e, p, d, m->request, is_there ? m->from : 1);
}

void snapshot_given(struct engine *e, struct peer *p)
{
	set_add(e->domain[p->out[STREAM_SNAPSHOT].domain].gave, p->node);
}
