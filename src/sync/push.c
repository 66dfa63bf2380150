/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records outside of streams: those of a range of keys, as many of them as a datagram takes, for a
 * peer that lacks them.
 */
#include "common/key.h"
#include "records/wire.h"
#include "sync/repair_priv.h"

/* --- keys --- */

static uint32_t range_of(const struct domain *d, uint64_t key)
{
	unsigned bits = digest_bits_of(d->digest);

	return bits == 0 ? 0 : (uint32_t)(key >> (64 - bits));
}

struct between repair_between(const struct domain *d, uint64_t first, uint64_t last)
{
	uint32_t begin = range_of(d, first);

	return (struct between){ .first = first,
		.last = last,
		.begin = begin,
		.range = begin,
		.end = range_of(d, last),
		.left = KEYS_WALK_MAX };
}

struct record *repair_next(
	struct engine *e, const struct domain *d, struct between *b, uint64_t *key)
{
	while (b->left > 0) {
		struct record *r;

		b->left--;
		if (!digest_next(d->digest, b->range, &b->handle)) {
			b->is_over = b->range == b->end;
			if (b->is_over)
				return NULL;
			b->range++;
			b->handle = 0;
			if (b->is_enough)
				return NULL;
			continue;
		}
		r = records_at(e->rs, b->handle);
		*key = record_key(d->conf.id, &r->hoa);
		if (*key >= b->first && *key <= b->last)
			return r;
	}
	return NULL;
}

bool repair_reached(const struct domain *d, const struct between *b, uint64_t *last)
{
	*last = b->is_over ? b->last : repair_first_key(digest_bits_of(d->digest), b->range) - 1;
	return b->is_over || b->range != b->begin;
}

struct message_key repair_entry(const struct domain *d, const struct record *r, uint64_t key)
{
	return (struct message_key){ key, (uint32_t)digest_hash(d->digest, r) };
}

/* --- records --- */

void push_begin(struct engine *e, struct peer *p, struct push *x)
{
	tx_begin(e, p, x->buf, &x->w);
	message_open_records(&x->w, &x->b);
	x->items = 0;
}

static void push_end(struct engine *e, struct peer *p, struct push *x)
{
	int64_t before = p->tokens;

	message_close(&x->w, &x->b, NULL);
	tx_end(e, p, &x->w);
	pace_pushed(p, before);
	p->info.repaired += x->items;
	x->sent += x->items;
}

void push_record(struct engine *e, struct peer *p, const struct domain *d, struct push *x,
	const struct record *r)
{
	struct record_copy c;
	struct net_wr was = x->w;
	struct message_builder was_b = x->b;

	copy_for_wire(e, r, &c);
	message_section(&x->w, &x->b, d->conf.id);
	if (x->w.bad || !record_wire_put(&x->w, &c)) {
		x->w = was;
		x->b = was_b;
		push_end(e, p, x);
		push_begin(e, p, x);
		message_section(&x->w, &x->b, d->conf.id);
		(void)record_wire_put(&x->w, &c); /* fits into an empty one */
	}
	x->items++;
}

/* The rest comes when it is asked for again. */
bool push_may(const struct peer *p, const struct push *x)
{
	return pace_may_push(p) && x->sent + x->items < PUSH_MAX;
}

void push_last(struct engine *e, struct peer *p, struct push *x)
{
	if (x->items > 0 || net_wr_len(&x->w) > MESSAGE_HEADER + 3) /* acknowledgements in front */
		push_end(e, p, x);
}
