/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a peer acknowledged of our streams to it: what it holds, refused, or misses.
 */
#include "common/plant.h"
#include "sync/stream_priv.h"

/*
 * What is to be sent again: each gap once until an answer to that can be there. Acknowledgements
 * that were under way meanwhile go on naming gaps that are being filled; only those behind the last
 * one taken are news.
 */
static void take_holes(
	struct engine *e, struct peer *p, struct out *out, const struct message_ack *m)
{
	if (m->hole_count == 0 || out->hole_at < out->holes || planted(PLANT_GAP_IGNORED))
		return;
	if (e->now_ms - out->again_ms >= pace_answer_ms(p)) {
		out->again_ms = e->now_ms;
		out->again_until = 0;
	}
	out->holes = out->hole_at = 0;
	for (unsigned i = 0; i < m->hole_count; i++) {
		struct message_hole hole = m->hole[i];

		if (hole.last > out->sent)
			break; /* makes no sense */
		if (hole.last <= out->again_until)
			continue;
		if (hole.first <= out->again_until)
			hole.first = out->again_until + 1;
		out->hole[out->holes++] = hole;
	}
	if (out->holes == 0)
		return;
	out->again_until = out->hole[out->holes - 1].last;
	stream_move_mark(e, (enum message_stream)m->stream, &out->again_mark, out->acked_mark);
}

static bool says_full(const struct message_ack *m, uint32_t domain)
{
	for (unsigned i = 0; i < m->full_count; i++)
		if (m->full[i] == domain)
			return true;
	return (m->flags & ACK_FULL) != 0;
}

/* It has room again: what it refused comes at once, not with the next round in the background. One that
 * is full again and again does not keep other domains from their rounds by that. */
static void has_room(struct engine *e, struct domain *d, const struct peer *p)
{
	uint64_t *room_ms = &d->room_ms[p->node];

	if (*room_ms != 0 && e->now_ms - *room_ms < REPAIR_MS)
		return;
	*room_ms = e->now_ms;
	repair_want(e, d, p->node);
}

static void hear_full(struct engine *e, const struct peer *p, const struct message_ack *m)
{
	for (uint32_t i = 0; i < e->domain_count; i++) {
		struct domain *d = &e->domain[i];

		if (!is_member(d, p->node) || !says_full(m, d->conf.id)) {
			if (set_has(d->full, p->node))
				has_room(e, d, p);
			if (!planted(PLANT_FULL_STAYS))
				set_del(d->full, p->node);
			continue;
		}
		if (!set_has(d->full, p->node))
			tell(e, ENGINE_EV_PEER_FULL, d, p->node, 0);
		set_add(d->full, p->node);
	}
}

static void hear_refused(const struct engine *e, struct out *out, const struct message_ack *m)
{
	for (uint32_t i = 0; i < e->domain_count; i++) {
		uint64_t at = refused_of(&m->refused, e->domain[i].conf.id);

		if (at > out->refused[i] && at <= out->sent)
			out->refused[i] = at;
	}
}

void stream_ack(struct engine *e, struct peer *p, const struct message_ack *m)
{
	struct out *out = &p->out[m->stream];

	pace_heard(e, p, m);
	if (m->id != out->id || m->until > out->sent || m->until < out->base - 1)
		return;
	hear_full(e, p, m);
	hear_refused(e, out, m);
	if (m->until > out->acked) {
		out->acked = m->until;
		out->progress_ms = e->now_ms;
		out->silences = 0;
	}
	take_holes(e, p, out, m);
	if (m->stream == STREAM_CHANGES)
		for (uint32_t i = 0; i < e->domain_count; i++)
			if (is_member(&e->domain[i], p->node))
				commit_check(&e->domain[i]);
	if (m->stream == STREAM_SNAPSHOT && out->acked == stream_snapshot_end(e) && !out->is_done) {
		out->is_done = true;
		snapshot_given(e, p);
	}
}

/* A record that is behind acked_mark now: the peer holds it, as it was or newer, or refused it. */
static void note_acked(
	struct engine *e, const struct peer *p, enum message_stream s, uint32_t h, uint64_t pos)
{
	const struct out *out = &p->out[s];
	struct record *r;
	struct domain *d;

	if (s == STREAM_SEEN || pos < out->since ||
		(s == STREAM_SNAPSHOT && pos > records_max(e->rs)))
		return;
	r = records_at(e->rs, h);
	if (r == NULL || !(records_mesh(e->rs, r)->flags & (RECORD_ALONE | RECORD_GIVEN)))
		return;
	d = domain_by_number(e, r->domain);
	if (d == NULL || !is_member(d, p->node))
		return;
	/* by a snapshot it was told as it was then, or not at all: the changes tell of it since */
	if (records_mesh(e->rs, r)->change.number > out->told_until)
		return;
	if (s == STREAM_CHANGES)
		walk_given(e, d, r, p->node, pos > out->refused[d->index]);
	if (pos > out->refused[d->index] && (s == STREAM_CHANGES || d->index == out->domain))
		alone_clear(e, d, r);
}

/* acked_mark follows what was acknowledged, in slices. */
void acked_follow(struct engine *e, struct peer *p, enum message_stream s, uint32_t *budget)
{
	struct out *out = &p->out[s];
	uint64_t pos;
	uint32_t h;

	while (*budget > 0) {
		h = stream_peek(e, s, out->acked_mark, &pos);
		if (h == 0 || pos > out->acked)
			return;
		(*budget)--;
		/* first: what is taken back moves to the end, and another one would be passed */
		stream_pass(e, s, &out->acked_mark, h);
		note_acked(e, p, s, h, pos);
	}
}
