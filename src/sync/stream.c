/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our streams to a peer. A piece says "everything at positions first..last, as it is now", so the
 * pieces of a stream are told apart by their positions alone, and what is lost is sent again from
 * the same list: what changed since has moved to the end and is not sent twice.
 *
 * How fast: octets are paced by a rate that grows by a quarter a round trip and shrinks by a
 * quarter when something was lost in one; what is under way is bounded by twice that rate times the
 * round trip time. Datagrams are counted over all streams to a peer, so an acknowledgement says how
 * many left the network and how many are missing. hello's round trip time knows nothing of the
 * queues that our own datagrams stand in, up to the peer's control core: that is measured too, and
 * nothing is taken for lost, or sent again, before it. Records are paced, too: a peer leaves what
 * exceeds its records-per-s, so we tell no more than ours, which is the same as a rule; where its
 * is smaller, it reports what it left as lost.
 */
#include "common/plant.h"
#include "records/seen.h"
#include "records/wire.h"
#include "sync/engine_priv.h"

enum put { PUT_SKIPPED, PUT_DONE, PUT_NO_ROOM };

/* What one piece is made from. It holds records or pairs. */
struct piece {
	struct out *out;
	enum message_stream stream;
	uint32_t *mark; /* where to take it from; moves on */
	uint64_t first, limit; /* positions to be told at most */
	uint64_t last; /* told */
	uint32_t items;
	bool is_whole; /* all up to limit is in it */
};

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* How long it takes until a peer has said what became of a datagram. */
static uint32_t answer_ms(const struct peer *p)
{
	uint32_t quiet = p->rtt_ms + ACK_DELAY_MS;

	return p->lag_ms > quiet ? p->lag_ms : quiet;
}

uint32_t rto_ms(const struct peer *p)
{
	return least(p->rtt_ms + answer_ms(p) + RTO_MIN_MS, RTO_MAX_MS);
}

static uint32_t under_way(const struct peer *p)
{
	return p->numbered - p->heard_until;
}

/* --- datagrams --- */

void tx_begin_full(struct engine *e, struct peer *p, uint8_t *buf, struct net_wr *w)
{
	*w = net_wr_init(buf, ENGINE_DATAGRAM);
	message_write_head(w, &(struct message_head){ e->opts.boot, p->boot });
}

void tx_begin(struct engine *e, struct peer *p, uint8_t *buf, struct net_wr *w)
{
	tx_begin_full(e, p, buf, w);
	if (p->is_open)
		receive_acks(e, p, w);
}

/* Tokens at most, and the greatest debt: 10 ms; 20 datagrams. */
static int64_t burst(const struct peer *p)
{
	return (int64_t)(p->rate * 10 + 20000ULL * ENGINE_DATAGRAM);
}

void tx_end(struct engine *e, struct peer *p, struct net_wr *w)
{
	assert(!w->bad);
	/* answers and acknowledgements leave even on credit: never so many that streams fall
	 * silent for long */
	p->tokens -= (int64_t)net_wr_len(w) * 1000;
	if (p->tokens < -burst(p))
		p->tokens = -burst(p);
	e->opts.ops.send(e->opts.ops.ctx, p->node, w->base, net_wr_len(w));
}

/* --- the lists that streams come from --- */

static struct changes *list_of(struct engine *e, enum message_stream s)
{
	return s == STREAM_SEEN ? seen_changes(e->opts.seen) : e->changes;
}

/* Positions of a snapshot: handles of records, then those of pairs last seen. */
static uint32_t snapshot_end(const struct engine *e)
{
	return records_max(e->rs) + seen_max(e->opts.seen);
}

static uint32_t snapshot_next(struct engine *e, uint32_t mark)
{
	uint32_t records = records_max(e->rs), pair;

	if (mark < records) {
		struct record *r = records_next(e->rs, &mark);

		if (r != NULL)
			return r->handle;
		mark = records;
	}
	pair = seen_next(e->opts.seen, mark - records);
	return pair == 0 ? 0 : records + pair;
}

/* What lies behind the mark, and at which position; 0: nothing. */
static uint32_t peek(struct engine *e, enum message_stream s, uint32_t mark, uint64_t *pos)
{
	uint32_t h;

	if (s == STREAM_SNAPSHOT) {
		*pos = snapshot_next(e, mark);
		return (uint32_t)*pos;
	}
	h = changes_peek(list_of(e, s), mark);
	*pos = h == 0 ? 0 : changes_number(list_of(e, s), h);
	return h;
}

static void pass(struct engine *e, enum message_stream s, uint32_t *mark, uint32_t handle)
{
	if (s == STREAM_SNAPSHOT)
		*mark = handle;
	else
		changes_next(list_of(e, s), *mark);
}

static void move_mark(struct engine *e, enum message_stream s, uint32_t *mark, uint32_t to)
{
	if (s == STREAM_SNAPSHOT)
		*mark = to;
	else
		changes_rewind(list_of(e, s), *mark, to);
}

/* --- making a piece --- */

static bool is_of_pairs(const struct engine *e, const struct piece *x)
{
	return x->stream == STREAM_SEEN ||
	       (x->stream == STREAM_SNAPSHOT && x->first > records_max(e->rs));
}

static bool is_for(struct engine *e, const struct peer *p, const struct piece *x,
	const struct domain *d, const struct record *r)
{
	uint8_t origin = records_mesh(e->rs, r)->origin;

	if (d == NULL || !is_member(d, p->node) || is_past(e, d, r))
		return false;
	if (x->stream == STREAM_SNAPSHOT)
		return d->index == x->out->domain;
	return origin == e->opts.self || is_cut(e, p->node, origin);
}

static enum put put_record(struct engine *e, struct peer *p, struct piece *x, uint32_t handle,
	struct net_wr *w, struct message_builder *b)
{
	struct record *r = records_at(e->rs, handle);
	struct domain *d = r == NULL ? NULL : domain_by_number(e, r->domain);
	struct record_copy c;

	if (r == NULL || !is_for(e, p, x, d, r))
		return PUT_SKIPPED;
	message_section(w, b, d->conf.id);
	copy_for_wire(e, r, &c);
	return !w->bad && record_wire_put(w, &c) ? PUT_DONE : PUT_NO_ROOM;
}

static enum put put_seen(struct engine *e, struct peer *p, struct piece *x, uint32_t handle,
	struct net_wr *w, struct message_builder *b)
{
	struct seen_pair pair;
	struct domain *d;

	if (x->stream == STREAM_SNAPSHOT)
		handle -= records_max(e->rs);
	if (!seen_at(e->opts.seen, handle, &pair))
		return PUT_SKIPPED;
	d = domain_by_number(e, pair.domain);
	if (d == NULL || !is_member(d, p->node) ||
		(x->stream == STREAM_SNAPSHOT
				? d->index != x->out->domain
				: pair.origin != 0 && !is_cut(e, p->node, pair.origin)))
		return PUT_SKIPPED;
	message_section(w, b, d->conf.id);
	return !w->bad && seen_wire_put(w, &pair) ? PUT_DONE : PUT_NO_ROOM;
}

static enum put put_item(struct engine *e, struct peer *p, struct piece *x, uint32_t handle,
	struct net_wr *w, struct message_builder *b)
{
	struct net_wr was = *w;
	struct message_builder was_b = *b;
	enum put how = is_of_pairs(e, x) ? put_seen(e, p, x, handle, w, b)
					 : put_record(e, p, x, handle, w, b);

	if (how == PUT_NO_ROOM) {
		*w = was;
		*b = was_b;
	}
	return how;
}

/* Takes from the list what fits and lies between first and limit. */
static void fill(struct engine *e, struct peer *p, struct piece *x, struct net_wr *w,
	struct message_builder *b, uint32_t *budget)
{
	uint64_t pos;
	uint32_t h;

	x->last = x->first - 1;
	while (*budget > 0) {
		enum put how = PUT_SKIPPED;

		h = peek(e, x->stream, *x->mark, &pos);
		if (h == 0 || pos > x->limit) {
			x->last = x->limit;
			x->is_whole = true;
			return;
		}
		(*budget)--;
		if (pos >= x->first)
			how = put_item(e, p, x, h, w, b);
		if (how == PUT_NO_ROOM)
			return;
		x->items += how == PUT_DONE;
		pass(e, x->stream, x->mark, h);
		if (pos > x->last)
			x->last = pos;
	}
}

static uint8_t flags_of(const struct engine *e, const struct piece *x)
{
	uint8_t flags = is_of_pairs(e, x) ? DELTA_SEEN : 0;

	if (x->stream == STREAM_CHANGES && e->urgent >= x->first)
		flags |= DELTA_ACK_NOW;
	if (x->stream == STREAM_SEEN && e->urgent_seen >= x->first)
		flags |= DELTA_ACK_NOW;
	if (x->stream == STREAM_SNAPSHOT) {
		flags |= x->out->flags;
		if (x->last == snapshot_end(e))
			flags |= DELTA_END | DELTA_ACK_NOW;
	}
	return flags;
}

/* A piece of a snapshot ends where the pairs begin. */
static void bound(const struct engine *e, struct piece *x)
{
	if (x->stream == STREAM_SNAPSHOT && x->first <= records_max(e->rs) &&
		x->limit > records_max(e->rs))
		x->limit = records_max(e->rs);
}

/* One datagram; false: there was nothing to say. A piece without items is sent only when it closes
 * something: a gap, or a part of a snapshot. */
static bool send_piece(
	struct engine *e, struct peer *p, struct piece *x, bool even_empty, uint32_t *budget)
{
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w, acks;
	struct message_builder b;
	struct message_delta m;

	bound(e, x);
	tx_begin(e, p, buf, &w);
	acks = w;
	message_open_delta(&w, &b);
	fill(e, p, x, &w, &b, budget);
	if (x->last < x->first || (x->items == 0 && !(even_empty && x->is_whole))) {
		if (net_wr_len(&acks) > MESSAGE_HEADER)
			tx_end(e, p, &acks);
		return false;
	}
	if (under_way(p) == 0)
		p->heard_ms = e->now_ms;
	if (p->timed == 0) {
		p->timed = p->numbered + 1;
		p->timed_ms = e->now_ms;
	}
	m = (struct message_delta){ .stream = (uint8_t)x->stream,
		.flags = flags_of(e, x),
		.id = x->out->id,
		.number = ++p->numbered,
		.base = x->out->base,
		.first = x->first,
		.last = x->last };
	if (x->stream == STREAM_SNAPSHOT)
		m.domain = e->domain[x->out->domain].conf.id;
	message_close(&w, &b, &m);
	p->told -= 1000LL * x->items;
	tx_end(e, p, &w);
	return true;
}

/* --- how fast --- */

void stream_refill(struct engine *e, struct peer *p)
{
	uint64_t ms = e->now_ms - p->tokens_ms;

	if (ms > 1000)
		ms = 1000;
	p->tokens_ms = e->now_ms;
	p->tokens += (int64_t)(p->rate * ms);
	if (p->tokens > burst(p))
		p->tokens = burst(p);
	p->told += (int64_t)(ms * e->opts.records_s);
	if (p->told > 1000LL * e->opts.records_s)
		p->told = 1000LL * e->opts.records_s;
}

static bool may_send(const struct peer *p)
{
	uint64_t window = 2 * p->rate * (p->rtt_ms + ACK_DELAY_MS) / 1000 / ENGINE_DATAGRAM;

	return p->tokens > 0 && p->told > 0 &&
	       under_way(p) < (window > WINDOW_MIN ? window : WINDOW_MIN);
}

static void slow_down(struct engine *e, struct peer *p)
{
	if (e->now_ms - p->slowed_ms < answer_ms(p))
		return;
	p->slowed_ms = p->sped_ms = e->now_ms;
	p->rate -= p->rate / 4;
	if (p->rate < RATE_MIN)
		p->rate = RATE_MIN;
}

static void speed_up(struct engine *e, struct peer *p)
{
	if (e->now_ms - p->sped_ms < answer_ms(p) || p->lag_ms > p->rtt_ms + LAG_MAX_MS)
		return;
	p->sped_ms = e->now_ms;
	p->rate += p->rate / 4;
	if (p->rate > e->opts.rate_max)
		p->rate = e->opts.rate_max;
}

/* Rises at once, falls slowly: a queue that is empty now fills again. */
static void measure_lag(struct engine *e, struct peer *p, uint32_t highest)
{
	uint32_t ms = least((uint32_t)(e->now_ms - p->timed_ms), RTO_MAX_MS);

	if (p->timed == 0 || is_later(p->timed, highest))
		return;
	p->timed = 0;
	p->lag_ms = ms > p->lag_ms ? ms : p->lag_ms - (p->lag_ms - ms) / 8;
}

static void count_datagrams(struct engine *e, struct peer *p, const struct message_ack *m)
{
	uint32_t lost = m->highest - m->received; /* "below 0" where some came twice */

	if (is_later(m->highest, p->numbered)) /* makes no sense */
		return;
	p->heard_ms = e->now_ms;
	measure_lag(e, p, m->highest);
	if (is_later(m->highest, p->heard_until))
		p->heard_until = m->highest;
	if (is_later(lost, p->lost))
		slow_down(e, p);
	else
		speed_up(e, p);
	p->lost = lost;
}

/* --- acknowledgements --- */

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
	if (e->now_ms - out->again_ms >= answer_ms(p)) {
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
	move_mark(e, (enum message_stream)m->stream, &out->again_mark, out->acked_mark);
}

static bool says_full(const struct message_ack *m, uint32_t domain)
{
	for (unsigned i = 0; i < m->full_count; i++)
		if (m->full[i] == domain)
			return true;
	return (m->flags & ACK_FULL) != 0;
}

static void hear_full(struct engine *e, const struct peer *p, const struct message_ack *m)
{
	for (uint32_t i = 0; i < e->domain_count; i++) {
		struct domain *d = &e->domain[i];

		if (!is_member(d, p->node) || !says_full(m, d->conf.id)) {
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

	count_datagrams(e, p, m);
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
	if (m->stream == STREAM_SNAPSHOT && out->acked == snapshot_end(e) && !out->is_done) {
		out->is_done = true;
		ready_snapshot_given(e, p);
	}
}

/* A record that is behind acked_mark now: the peer holds it, as it was or newer, or refused it. */
static void note_acked(
	struct engine *e, const struct peer *p, enum message_stream s, uint32_t h, uint64_t pos)
{
	const struct out *out = &p->out[s];
	struct record *r;
	struct domain *d;

	if (s == STREAM_SEEN || pos < out->base ||
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
static void follow(struct engine *e, struct peer *p, enum message_stream s, uint32_t *budget)
{
	struct out *out = &p->out[s];
	uint64_t pos;
	uint32_t h;

	while (*budget > 0) {
		h = peek(e, s, out->acked_mark, &pos);
		if (h == 0 || pos > out->acked)
			return;
		(*budget)--;
		/* first: what is taken back moves to the end, and another one would be passed */
		pass(e, s, &out->acked_mark, h);
		note_acked(e, p, s, h, pos);
	}
}

/* --- beginning --- */

static void begin_at(struct engine *e, struct peer *p, enum message_stream s)
{
	struct out *out = &p->out[s];
	struct changes *list = list_of(e, s);
	const struct peer *least_told = NULL;

	/* who was filled by another live peer lacks what that one had not got yet */
	for (uint32_t i = 0; i < e->peer_count; i++) {
		const struct peer *q = e->peer[e->peer_node[i]];

		if (q != p && q->is_up && q->is_open && q->out[s].id != 0 &&
			(least_told == NULL || q->out[s].acked < least_told->out[s].acked))
			least_told = q;
	}
	if (least_told != NULL)
		changes_rewind(list, out->sent_mark, least_told->out[s].acked_mark);
	else
		changes_to_end(list, out->sent_mark);
	changes_rewind(list, out->acked_mark, out->sent_mark);
	changes_rewind(list, out->again_mark, out->sent_mark);
	out->base = changes_at(list, out->sent_mark) + 1;
}

static void begin(struct engine *e, struct peer *p, enum message_stream s, uint32_t id)
{
	struct out *out = &p->out[s], fresh = { .id = id, .told_until = UINT64_MAX };

	fresh.sent_mark = out->sent_mark;
	fresh.acked_mark = out->acked_mark;
	fresh.again_mark = out->again_mark;
	*out = fresh;
	if (s == STREAM_SNAPSHOT) {
		out->sent_mark = out->acked_mark = out->again_mark = 0;
		out->base = 1;
	} else {
		begin_at(e, p, s);
	}
	out->sent = out->acked = out->base - 1;
	out->progress_ms = out->drained_ms = e->now_ms;
	p->heard_until = p->numbered; /* nobody waits for what was under way of the one before */
}

void streams_begin(struct engine *e, struct peer *p)
{
	begin(e, p, STREAM_CHANGES, p->next_id++);
	begin(e, p, STREAM_SEEN, p->next_id++);
}

void snapshot_give(struct engine *e, struct peer *p, struct domain *d, uint32_t request)
{
	begin(e, p, STREAM_SNAPSHOT, request);
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
	p->timed = p->lag_ms = 0;
	p->highest = p->received = 0;
	p->unacked = 0;
	p->asked_domain = NOBODY;
	repair_stop(p);
	for (uint32_t i = 0; i < e->domain_count; i++)
		if (is_member(&e->domain[i], p->node)) {
			set_del(e->domain[i].got, p->node);
			set_del(e->domain[i].gave, p->node);
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
	move_mark(e, s, &out->again_mark, out->acked_mark);
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

	while (out->hole_at<out->holes && * budget> 0 && may_send(p)) {
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
		if (send_piece(e, p, &x, true, budget))
			p->info.sent_again++;
		else
			x.last = x.is_whole ? x.limit : x.first - 1;
		if (x.last >= hole->last)
			out->hole_at++;
		else
			hole->first = x.last + 1;
	}
}

/* A stream that carries only refreshes is collected for a while. */
static bool is_due(struct engine *e, const struct out *out, enum message_stream s)
{
	uint64_t urgent = s == STREAM_SEEN ? e->urgent_seen : e->urgent;

	return s == STREAM_SNAPSHOT || urgent > out->sent || e->now_ms - out->drained_ms >= LAZY_MS;
}

static uint32_t send_fresh(
	struct engine *e, struct peer *p, enum message_stream s, uint32_t *budget)
{
	struct out *out = &p->out[s];

	while (*budget > 0 && may_send(p)) {
		struct piece x = { .out = out, .stream = s, .mark = &out->sent_mark };
		uint64_t pos;

		x.first = out->sent + 1;
		x.limit = s == STREAM_SNAPSHOT ? snapshot_end(e) : changes_last(list_of(e, s));
		if (s == STREAM_SNAPSHOT ? out->sent == x.limit
					 : peek(e, s, out->sent_mark, &pos) == 0) {
			out->drained_ms = e->now_ms;
			return IDLE_MS;
		}
		if (!is_due(e, out, s))
			return (uint32_t)(LAZY_MS - (e->now_ms - out->drained_ms));
		if (out->sent == out->acked)
			out->progress_ms = e->now_ms;
		if (!send_piece(e, p, &x, s == STREAM_SNAPSHOT, budget))
			continue; /* nothing for this peer so far: the next piece will say so */
		p->info.sent++;
		out->sent = x.last;
	}
	return 1;
}

static uint32_t one_stream(
	struct engine *e, struct peer *p, enum message_stream s, uint32_t *budget)
{
	struct out *out = &p->out[s];
	uint32_t next;

	if (out->id == 0 || out->silences > GIVE_TRIES)
		return IDLE_MS;
	follow(e, p, s, budget);
	if (out->sent > out->acked && out->hole_at == out->holes &&
		e->now_ms - out->progress_ms >= rto_ms(p)) {
		lose_all(e, p, s);
		slow_down(e, p);
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
	if (under_way(p) > 0 && e->now_ms - p->heard_ms >= rto_ms(p)) {
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
