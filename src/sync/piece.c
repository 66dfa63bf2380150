/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A piece of a stream: a datagram that says "everything at positions first..last, as it is now".
 */
#include "records/seen.h"
#include "records/wire.h"
#include "sync/stream_priv.h"

enum put { PUT_SKIPPED, PUT_DONE, PUT_NO_ROOM };

/* --- the lists that streams come from --- */

struct changes *stream_list(struct engine *e, enum message_stream s)
{
	return s == STREAM_SEEN ? seen_changes(e->opts.seen) : e->changes;
}

/* Positions of a snapshot: handles of records, then those of pairs last seen. */
uint32_t stream_snapshot_end(const struct engine *e)
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
uint32_t stream_peek(struct engine *e, enum message_stream s, uint32_t mark, uint64_t *pos)
{
	uint32_t h;

	if (s == STREAM_SNAPSHOT) {
		*pos = snapshot_next(e, mark);
		return (uint32_t)*pos;
	}
	h = changes_peek(stream_list(e, s), mark);
	*pos = h == 0 ? 0 : changes_number(stream_list(e, s), h);
	return h;
}

void stream_pass(struct engine *e, enum message_stream s, uint32_t *mark, uint32_t handle)
{
	if (s == STREAM_SNAPSHOT)
		*mark = handle;
	else
		changes_next(stream_list(e, s), *mark);
}

void stream_move_mark(struct engine *e, enum message_stream s, uint32_t *mark, uint32_t to)
{
	if (s == STREAM_SNAPSHOT)
		*mark = to;
	else
		changes_rewind(stream_list(e, s), *mark, to);
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

/*
 * Whoever is given a snapshot has been told the record in front of it, or is told by a stream what
 * became of it since, and has noted from it what was seen of its mobile node: its number, and the
 * timestamp that copy_for_wire() puts beside it (apply_record()).
 */
static bool is_in_record(struct engine *e, const struct peer *p, const struct piece *x,
	const struct domain *d, const struct seen_pair *pair)
{
	const struct record *r = records_find(e->rs, pair->domain, &pair->hoa);
	const struct record_mesh *m;
	struct seen_value said;

	if (r == NULL || !ip6_eq(&r->ha, &pair->ha) || !is_for(e, p, x, d, r))
		return false;
	m = records_mesh(e->rs, r);
	said = (struct seen_value){ .ext_seq = m->content.ext_seq,
		.epoch = m->content.epoch,
		.stamp = pair->value.stamp,
		.order = m->order };
	return seen_covers(&said, &pair->value);
}

static bool is_pair_for(struct engine *e, const struct peer *p, const struct piece *x,
	const struct domain *d, const struct seen_pair *pair)
{
	if (d == NULL || !is_member(d, p->node))
		return false;
	if (x->stream == STREAM_SNAPSHOT)
		return d->index == x->out->domain && !is_in_record(e, p, x, d, pair);
	return pair->origin == 0 || is_cut(e, p->node, pair->origin);
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
	if (!is_pair_for(e, p, x, d, &pair))
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

		h = stream_peek(e, x->stream, *x->mark, &pos);
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
		stream_pass(e, x->stream, x->mark, h);
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
	if (x->stream != STREAM_SNAPSHOT && x->last >= x->out->begun)
		flags |= DELTA_TOLD;
	if (x->stream == STREAM_SNAPSHOT) {
		flags |= x->out->flags;
		if (x->last == stream_snapshot_end(e))
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
bool piece_send(
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
	if (pace_under_way(p) == 0)
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
