/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands for the store: an image of all records and pairs, written now and then. A crash may
 * bring back the image before the last one. Ends are by the time of day, which may have jumped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent_priv.h"
#include "mem.h"
#include "net/mh.h"
#include "records/order.h"

#define SLEEP_S  3600 /* how long a sleeper is bound */
#define WRITE_US (200 * MS) /* after a change, at the latest */

struct saved {
	struct record_copy copy;
	uint8_t extra[RECORD_EXTRA_MAX]; /* what its `extra` points to */
	uint16_t domain;
	uint64_t ends_wall_ms;
	uint8_t flags;
};

struct image {
	uint32_t records, pairs;
	uint64_t wall_ms;
	struct saved *record;
	struct seen_pair *pair;
};

struct store {
	struct image now, before;
};

static void image_free(struct image *i)
{
	free(i->record);
	free(i->pair);
	memset(i, 0, sizeof(*i));
}

static void store_free(void *store)
{
	struct store *st = store;

	image_free(&st->now);
	image_free(&st->before);
	free(st);
}

static void write_records(struct agent *a, struct image *i)
{
	uint32_t cursor = 0;
	struct record *r;

	while ((r = records_next(a->records, &cursor)) != NULL) {
		struct saved *s = &i->record[i->records++];

		record_copy_of(a->records, r, agent_now(a), &s->copy);
		if (s->copy.extra_len > 0)
			memcpy(s->extra, s->copy.extra, s->copy.extra_len);
		s->domain = r->domain;
		s->flags = records_mesh(a->records, r)->flags & RECORD_ALONE;
		s->ends_wall_ms = agent_wall(a) + s->copy.remaining_ms;
	}
}

static void image_write(struct agent *a, struct image *i)
{
	i->record = mem_own((records_live(a->records) + records_tombstones(a->records) + 1ULL) *
			    sizeof(*i->record));
	i->pair = mem_own((seen_count(a->seen) + 1) * sizeof(*i->pair));
	i->wall_ms = agent_wall(a);
	write_records(a, i);
	for (uint32_t h = 0; (h = seen_next(a->seen, h)) != 0;)
		if (seen_at(a->seen, h, &i->pair[i->pairs]))
			i->pairs++;
}

void agent_save(struct agent *a)
{
	struct store *st = a->site->store;

	a->saved_us = a->w->now_us;
	a->is_dirty = false;
	if (!a->w->shape.has_store)
		return;
	if (st == NULL) {
		st = mem_own(sizeof(*st));
		memset(st, 0, sizeof(*st));
		a->site->store = st;
		a->site->store_free = store_free;
	}
	image_free(&st->before);
	st->before = st->now;
	memset(&st->now, 0, sizeof(st->now));
	image_write(a, &st->now);
}

void agent_save_turn(struct agent *a)
{
	if (a->is_dirty && a->w->now_us >= a->saved_us + WRITE_US)
		agent_save(a);
}

/* Of mobile nodes that are no part of the world; they outlast it. */
int agent_load_sleepers(struct agent *a)
{
	const struct shape_domain *d = &a->w->shape.domain[0];
	struct record_copy c = { .ha = addr_agent(0, d->shared ? 0 : a->node),
		.content = { .epoch = 1,
			.ext_seq = 1,
			.hlc = agent_wall(a) << HLC_COUNTER_BITS,
			.node = a->node },
		.lifetime_s = SLEEP_S,
		.remaining_ms = SLEEP_S * 1000,
		.flags = MH_BU_A | MH_BU_H,
		.state = RECORD_LIVE };

	if (a->node != d->members[0] || a->site->boot != 1)
		return 0;
	c.owner = order_claim(&c.content);
	for (uint16_t i = 0; i < a->w->shape.sleepers; i++) {
		struct record *r;

		c.hoa = addr_sleeper(0, i);
		c.coa = addr_care_of(UINT8_MAX, i);
		r = records_add(a->records, 0, &c.hoa);
		if (r == NULL || record_copy_put(a->records, r, &c, agent_now(a)) < 0)
			return -ENOMEM;
		engine_loaded(a->engine, r);
	}
	return 0;
}

bool agent_store_is_fresh(struct agent *a)
{
	const struct store *st = a->site->store;

	return st != NULL && st->now.records > 0 &&
	       agent_wall(a) < st->now.wall_ms + AGENT_LIFE_MAX_S * 1000ULL;
}

void agent_store_crash(struct agent *a)
{
	struct store *st = a->site->store;

	if (st == NULL || st->before.record == NULL || !rng_chance(&a->w->rng_site, 300))
		return;
	image_free(&st->now);
	st->now = st->before;
	memset(&st->before, 0, sizeof(st->before));
}

static int load_record(struct agent *a, const struct saved *s)
{
	struct record_copy c = s->copy;
	struct record *r;

	c.extra = s->extra;
	if (s->ends_wall_ms <= agent_wall(a))
		return 0;
	if (s->ends_wall_ms - agent_wall(a) < c.remaining_ms)
		c.remaining_ms = (uint32_t)(s->ends_wall_ms - agent_wall(a));
	r = records_add(a->records, s->domain, &c.hoa);
	if (r == NULL)
		abort();
	if (record_copy_put(a->records, r, &c, agent_now(a)) < 0)
		return -ENOMEM;
	records_mesh(a->records, r)->flags |= s->flags;
	engine_loaded(a->engine, r);
	return 0;
}

int agent_load(struct agent *a)
{
	const struct store *st = a->site->store;

	if (st == NULL)
		return 0;
	for (uint32_t i = 0; i < st->now.records; i++)
		if (load_record(a, &st->now.record[i]) < 0)
			return -ENOMEM;
	for (uint32_t i = 0; i < st->now.pairs; i++)
		seen_raise(a->seen, &st->now.pair[i], SEEN_REMEMBERED, 0);
	world_tell(
		a->w, "site %u reads %u records from its store", a->node, records_live(a->records));
	return 0;
}
