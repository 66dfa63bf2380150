/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our streams to a peer. A piece says "everything at positions first..last, as it is now", so the
 * pieces of a stream are told apart by their positions alone, and what is lost is sent again from
 * the same list: what changed since has moved to the end and is not sent twice.
 *
 * A stream always begins at once, and with something: when nothing else is to be told, with a
 * position at which there is nothing. So whoever joins knows where it began, and when it has what
 * was to be told then (ready.c). To one that joins again in the same life, because it stood still,
 * it begins once more, under another number: what was told in front of that says nothing of now.
 */
#include <string.h>

#include "records/seen.h"
#include "sync/stream_priv.h"

/* --- beginning --- */

/* Who was filled by another live peer lacks what that one had not got yet. */
static const struct peer *least_told(
	const struct engine *e, const struct peer *p, enum message_stream s)
{
	const struct peer *least = NULL;

	for (uint32_t i = 0; i < e->peer_count; i++) {
		const struct peer *q = e->peer[e->peer_node[i]];

		if (q != p && q->is_up && q->is_open && q->out[s].id != 0 &&
			(least == NULL || q->out[s].acked < least->out[s].acked))
			least = q;
	}
	return least;
}

static void begin_at(struct engine *e, struct peer *p, enum message_stream s, bool is_new)
{
	struct out *out = &p->out[s];
	struct changes *list = stream_list(e, s);
	const struct peer *from = is_new ? least_told(e, p, s) : p;

	if (from != NULL)
		changes_rewind(list, out->sent_mark, from->out[s].acked_mark);
	else
		changes_to_end(list, out->sent_mark);
	changes_rewind(list, out->acked_mark, out->sent_mark);
	changes_rewind(list, out->again_mark, out->sent_mark);
	out->base = changes_at(list, out->sent_mark) + 1;
	out->begun = changes_skip(list);
}

/* from: position, of a snapshot. */
static void begin(
	struct engine *e, struct peer *p, enum message_stream s, uint32_t id, uint64_t from)
{
	struct out *out = &p->out[s], fresh = { .id = id, .told_until = UINT64_MAX };
	bool is_new = out->id == 0 || s == STREAM_SNAPSHOT;

	if (!is_new) { /* what the one before it was told of positions stays true */
		fresh.since = out->since;
		memcpy(fresh.refused, out->refused, sizeof(fresh.refused));
	}
	fresh.sent_mark = out->sent_mark;
	fresh.acked_mark = out->acked_mark;
	fresh.again_mark = out->again_mark;
	*out = fresh;
	if (s == STREAM_SNAPSHOT) {
		out->sent_mark = out->acked_mark = out->again_mark = (uint32_t)(from - 1);
		out->base = from;
	} else {
		begin_at(e, p, s, is_new);
	}
	if (is_new)
		out->since = out->base;
	out->sent = out->acked = out->base - 1;
	out->progress_ms = out->drained_ms = e->now_ms;
	p->heard_until = p->numbered; /* nobody waits for what was under way of the one before */
}

void streams_begin(struct engine *e, struct peer *p)
{
	begin(e, p, STREAM_CHANGES, p->next_id++, 0);
	begin(e, p, STREAM_SEEN, p->next_id++, 0);
}

void snapshot_give(
	struct engine *e, struct peer *p, struct domain *d, uint32_t request, uint64_t from)
{
	begin(e, p, STREAM_SNAPSHOT, request, from);
	p->out[STREAM_SNAPSHOT].domain = d->index;
	p->out[STREAM_SNAPSHOT].told_until = changes_last(e->changes);
	p->out[STREAM_SNAPSHOT].flags =
		d->says == NEXT_READY || d->says == NEXT_DRAINING ? DELTA_READY : 0;
}

void peer_reset(struct engine *e, struct peer *p)
{
	for (unsigned s = 0; s < STREAM_COUNT; s++) {
		p->out[s].id = 0;
		p->out[s].holes = p->out[s].hole_at = 0;
		p->in[s] = (struct in){ 0 };
	}
	p->is_open = p->ack_now = false;
	for (uint32_t i = 0; i < e->domain_count; i++)
		set_del(e->domain[i].full, p->node);
	p->numbered = p->heard_until = p->lost = 0;
	p->timed = p->untimed = p->lag_ms = 0;
	p->highest = p->received = 0;
	p->unacked = 0;
	snapshots_cut_short(e, p);
	p->asks = (struct asks){ 0 }; /* its numbers of rounds begin anew */
	/* whoever waits for that round goes on waiting: nothing else may ever ask for another one */
	if (p->round.domain != NOBODY)
		repair_abandon(e, p, 0);
	for (uint32_t i = 0; i < e->domain_count; i++)
		if (is_member(&e->domain[i], p->node)) {
			set_del(e->domain[i].got, p->node);
			set_del(e->domain[i].gave, p->node);
			ready_peer_reset(e, &e->domain[i]);
		}
}

/* Nobody knows what arrived of what is not acknowledged. */
static void lose_all(struct engine *e, struct peer *p, enum message_stream s)
{
	struct out *out = &p->out[s];

	p->heard_until = p->numbered;
	if (out->id == 0 || out->sent == out->acked)
		return;
	out->hole[0] = (struct message_hole){ out->acked + 1, out->sent };
	out->holes = 1;
	out->hole_at = 0;
	out->again_until = out->sent;
	out->again_ms = out->progress_ms = e->now_ms;
	stream_move_mark(e, s, &out->again_mark, out->acked_mark);
}

void streams_came_up(struct engine *e, struct peer *p)
{
	p->timed = 0; /* on its way since before */
	for (unsigned s = 0; s < STREAM_COUNT; s++)
		lose_all(e, p, (enum message_stream)s);
}

/* --- a turn --- */

/* What is missing, oldest first. */
static void send_again(struct engine *e, struct peer *p, enum message_stream s, uint32_t *budget)
{
	struct out *out = &p->out[s];

	while (out->hole_at<out->holes && * budget> 0 && pace_may_send(p)) {
		struct message_hole *hole = &out->hole[out->hole_at];
		struct piece x = { .out = out,
			.stream = s,
			.mark = &out->again_mark,
			.first = hole->first,
			.limit = hole->last };

		if (hole->last <= out->acked) {
			out->hole_at++;
			continue;
		}
		if (piece_send(e, p, &x, true, budget))
			p->info.sent_again++;
		else
			x.last = x.is_whole ? x.limit : x.first - 1;
		if (x.last >= hole->last)
			out->hole_at++;
		else
			hole->first = x.last + 1;
	}
}

/* All is sent that was to be told when it began. */
static bool has_begun(const struct out *out)
{
	return out->sent >= out->begun;
}

/* A stream that carries only refreshes is collected for a while, once it has begun. */
static bool is_due(struct engine *e, const struct out *out, enum message_stream s)
{
	uint64_t urgent = s == STREAM_SEEN ? e->urgent_seen : e->urgent;

	return s == STREAM_SNAPSHOT || urgent > out->sent || !has_begun(out) ||
	       e->now_ms - out->drained_ms >= LAZY_MS;
}

static bool is_drained(
	struct engine *e, const struct out *out, enum message_stream s, uint64_t last)
{
	uint64_t pos;

	if (s == STREAM_SNAPSHOT)
		return out->sent == last;
	return has_begun(out) && stream_peek(e, s, out->sent_mark, &pos) == 0;
}

static uint32_t send_fresh(
	struct engine *e, struct peer *p, enum message_stream s, uint32_t *budget)
{
	struct out *out = &p->out[s];

	while (*budget > 0 && pace_may_send(p)) {
		struct piece x = { .out = out, .stream = s, .mark = &out->sent_mark };
		bool even_empty = s == STREAM_SNAPSHOT || !has_begun(out);

		x.first = out->sent + 1;
		x.limit = s == STREAM_SNAPSHOT ? stream_snapshot_end(e)
					       : changes_last(stream_list(e, s));
		if (is_drained(e, out, s, x.limit)) {
			out->drained_ms = e->now_ms;
			return IDLE_MS;
		}
		if (!is_due(e, out, s))
			return (uint32_t)(LAZY_MS - (e->now_ms - out->drained_ms));
		if (out->sent == out->acked)
			out->progress_ms = e->now_ms;
		if (!piece_send(e, p, &x, even_empty, budget))
			continue; /* nothing for this peer so far: the next piece will say so */
		p->info.sent++;
		out->sent = x.last;
	}
	return 1;
}

/* Nothing is heard of what is under way. The answer to what was sent again is due later: that stood in
 * the same queue, behind the answer that named it. */
static bool is_silent(const struct engine *e, const struct peer *p, const struct out *out)
{
	uint32_t answer_ms = pace_answer_ms(p), ms = rto_ms(p);

	if (e->now_ms - out->again_ms < answer_ms)
		ms = least(2 * answer_ms + RTO_MIN_MS, RTO_MAX_MS);
	return out->sent > out->acked && out->hole_at == out->holes &&
	       e->now_ms - out->progress_ms >= ms;
}

static uint32_t one_stream(
	struct engine *e, struct peer *p, enum message_stream s, uint32_t *budget)
{
	struct out *out = &p->out[s];
	uint32_t next;

	if (out->id == 0 || out->silences > GIVE_TRIES)
		return IDLE_MS;
	acked_follow(e, p, s, budget);
	if (is_silent(e, p, out)) {
		lose_all(e, p, s);
		pace_slow_down(e, p);
		out->silences += s == STREAM_SNAPSHOT;
	}
	send_again(e, p, s, budget);
	if (out->hole_at < out->holes)
		return 1;
	next = send_fresh(e, p, s, budget);
	return out->sent > out->acked ? least(next, 10) : next;
}

uint32_t stream_turn(struct engine *e, struct peer *p, uint32_t *budget)
{
	uint32_t next = IDLE_MS;

	/* whichever stream it was of: what nobody speaks of does not keep the window shut */
	if (pace_under_way(p) > 0 && e->now_ms - p->heard_ms >= rto_ms(p)) {
		p->heard_until = p->numbered;
		p->timed = 0;
	}
	for (unsigned s = 0; s < STREAM_COUNT; s++) {
		/* changes before snapshot, last seen numbers in front of it, too */
		static const enum message_stream order[STREAM_COUNT] = { STREAM_CHANGES,
			STREAM_SEEN, STREAM_SNAPSHOT };

		next = least(next, one_stream(e, p, order[s], budget));
	}
	if (receive_has_acks(e, p)) {
		uint8_t buf[ENGINE_DATAGRAM];
		struct net_wr w;

		tx_begin(e, p, buf, &w);
		tx_end(e, p, &w);
	}
	return p->unacked > 0 ? least(next, ACK_DELAY_MS) : next;
}
