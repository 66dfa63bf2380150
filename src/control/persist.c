/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the store is told. A record that changes is queued by its number, once however often it
 * changes before it is handed over, and handed over as it is then: a store that is slow, or away,
 * costs four octets a record, and never a Binding Update. Everything is told anew, a slice a turn,
 * when the store asks for it, when its file has grown to twice of what there is to say, and when
 * the clock was set, so that what is on disk says soon what time it is now. Ends by time are not
 * told: they stand in the record. Packets that were counted are told with the record, and for
 * bindings that carry traffic without changing every store.counters-s.
 *
 * In a mesh, and where sequence numbers are remembered, what was last seen of a mobile node at one
 * home agent address outlives its binding, and is told, too: but for what its record says in its own
 * image, whose reader notes it from there.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/mesh.h"
#include "control/persist_priv.h"
#include "records/feed.h"
#include "records/records.h"
#include "records/seen.h"
#include "tables/bc.h"
#include "tables/tables.h"

/* 1.2 MB: at 300,000 changes a second, what comes while a disk takes 27 ms. */
#define FEED_SIZE 8192

/* A turn: a record takes some 0.1 us, one that is not in the cache 0.3 us. */
#define HAND_OVER_SLICE 256
#define WALK_SLICE      128
#define SWEEP_SLICE     256

/* Of a walk no more than that is on its way to the disk, half a megabyte: what changes meanwhile
 * is not to wait behind it. */
#define WALK_AHEAD 4096

/* A file with so many images more than two of each record is written anew. */
#define GROWN_IMAGES 16384

#define CLOCK_SET_MS 2000 /* the clock was set, not slewed */
#define STUCK_MS     5000 /* at the end: the store takes nothing for so long */

static int64_t clock_at(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Both of now: ctl->now_ms stands still while nothing but the store is driven, and a clock that
 * seems to have been set is a reason to write everything anew. */
static int64_t clock_now(void)
{
	return clock_at(CLOCK_REALTIME) - clock_at(CLOCK_MONOTONIC);
}

/* --- the queue --- */

static void enqueue(struct ctl *ctl, uint32_t number)
{
	struct persist *p = ctl->persist;

	if (persist_is_queued(p, number)) {
		ctl_count(ctl, CTL_STORE_COALESCED);
		return;
	}
	p->queued_bit[number / 64] |= 1ULL << number % 64;
	p->queue[p->queued++ % p->size] = number;
}

static void on_change(void *ctx, const struct record *r)
{
	enqueue(ctx, r->handle);
}

/* A pair that changed with its record: that is told for itself, and a timestamp with it, if it is
 * not told yet. */
static bool is_told_by_record(struct ctl *ctl, const struct seen_pair *pair)
{
	const struct record *r = persist_teller(ctl, pair);

	return r != NULL && (pair->value.stamp == 0 || persist_is_queued(ctl->persist, r->handle));
}

/* The record that says the same of it is about to go, or to go on with another address: what it was
 * when it was handed over says it still, and nothing does if that was before this number. */
static bool was_told_by_record(struct ctl *ctl, const struct seen_pair *pair)
{
	const struct record *r = persist_teller(ctl, pair);

	return r != NULL && !persist_is_queued(ctl->persist, r->handle);
}

static void on_seen(void *ctx, uint32_t handle, bool is_again)
{
	struct ctl *ctl = ctx;
	struct persist *p = ctl->persist;
	struct seen_pair pair;

	if (seen_at(p->seen, handle, &pair) &&
		!(is_again ? was_told_by_record(ctl, &pair) : is_told_by_record(ctl, &pair)))
		enqueue(ctl, p->records + handle);
}

bool persist_is_behind(const struct ctl *ctl, const struct record *r)
{
	const struct persist *p = ctl->persist;

	return p != NULL && persist_is_queued(p, r->handle);
}

void persist_touch(struct ctl *ctl, const struct record *r)
{
	if (ctl->persist != NULL)
		on_change(ctl, r);
}

uint64_t persist_mark(const struct ctl *ctl)
{
	return ctl->persist->queued;
}

uint64_t persist_written(const struct ctl *ctl)
{
	return feed_written(ctl->persist->feed);
}

uint64_t persist_failures(const struct ctl *ctl)
{
	return feed_failures(ctl->persist->feed);
}

bool persist_has_failed(const struct ctl *ctl)
{
	return feed_stat(ctl->persist->feed, FEED_STAT_FAILED) != 0;
}

/* --- handing over --- */

static void hand_over_one(struct ctl *ctl, uint32_t number, struct feed_item *it)
{
	struct persist *p = ctl->persist;
	struct seen_pair pair;
	const struct record *r;

	p->queued_bit[number / 64] &= ~(1ULL << number % 64);
	if (number >= p->records) {
		if (seen_at(p->seen, number - p->records, &pair) && !is_told_by_record(ctl, &pair))
			persist_put_pair(ctl, it, &pair);
		return;
	}
	/* mip6_expire() keeps what is queued; the engine takes back what it could not publish */
	r = records_at(ctl->records, number);
	if (r != NULL)
		persist_put_record(ctl, it, r);
}

/* In the order of the changes. How many. */
static uint32_t hand_over(struct ctl *ctl)
{
	struct persist *p = ctl->persist;
	struct feed_item *it;
	uint32_t n = 0;

	while (n < HAND_OVER_SLICE && p->handed < p->queued && (it = feed_room(p->feed)) != NULL) {
		hand_over_one(ctl, p->queue[p->handed++ % p->size], it);
		n++;
	}
	if (p->marked != p->handed) /* the last ones had nothing to tell */
		persist_put_bare(p, FEED_MARK);
	return n;
}

/* --- all of them --- */

static bool is_due(const struct ctl *ctl)
{
	const struct persist *p = ctl->persist;
	uint64_t records = records_live(ctl->records) + records_tombstones(ctl->records);

	if (p->seen != NULL)
		records += seen_count(p->seen);
	return p->wants_all || llabs(p->real_ms - p->real_then_ms) > CLOCK_SET_MS ||
	       p->images >= 2 * records + GROWN_IMAGES;
}

static void begin_walk(struct ctl *ctl)
{
	struct persist *p = ctl->persist;

	if (p->walking || persist_has_failed(ctl) || !is_due(ctl) ||
		!persist_put_bare(p, FEED_BEGIN))
		return;
	p->walking = true;
	p->wants_all = false;
	p->walk_cursor = 0;
	p->walks_pairs = false;
	p->images = 0;
	p->real_then_ms = p->real_ms;
}

/* The next pair, if no record tells it; false: that was all. */
static bool walk_pair(struct ctl *ctl, struct feed_item *it)
{
	struct persist *p = ctl->persist;
	struct seen_pair pair;

	p->walk_cursor = seen_next(p->seen, p->walk_cursor);
	if (!seen_at(p->seen, p->walk_cursor, &pair))
		return false;
	if (persist_teller(ctl, &pair) == NULL)
		persist_put_pair(ctl, it, &pair);
	return true;
}

/* One step of the walk, with room for what it has to say; false: it is at its end. */
static bool walk_one(struct ctl *ctl, struct feed_item *it)
{
	struct persist *p = ctl->persist;
	const struct record *r;

	if (p->walks_pairs)
		return walk_pair(ctl, it);
	r = records_next(ctl->records, &p->walk_cursor);
	if (r != NULL) {
		persist_put_record(ctl, it, r);
		return true;
	}
	p->walks_pairs = p->seen != NULL;
	p->walk_cursor = 0;
	return p->walks_pairs;
}

/* As far as the disk follows; and in any case as many as changes were handed over, so that it gets
 * to its end. True: it went on. */
static bool walk(struct ctl *ctl, uint32_t handed)
{
	struct persist *p = ctl->persist;
	uint32_t max = handed;

	if (!p->walking)
		return false;
	if (feed_count(p->feed) - feed_synced_count(p->feed) < WALK_AHEAD)
		max = WALK_SLICE;
	for (uint32_t i = 0; i < max; i++) {
		struct feed_item *it = feed_room(p->feed);

		if (it == NULL)
			return i > 0;
		if (!walk_one(ctl, it)) {
			p->walking = !persist_put_bare(p, FEED_END);
			return true;
		}
	}
	return max > 0;
}

static void look_at_store(struct persist *p)
{
	/* This first: who fails and comes back in between asks in the next turn. The other way round
	 * its failure would end the walk that answers it, for good. */
	bool wants_all = feed_wants_all(p->feed);
	uint64_t failures = feed_failures(p->feed);

	if (failures != p->failures)
		p->walking = false; /* what it was told of it is lost */
	p->failures = failures;
	p->wants_all |= wants_all;
}

/* --- traffic --- */

static void sweep_one(struct ctl *ctl, const struct record *r)
{
	const struct bc_entry *e = r->state == RECORD_LIVE ? bc_find(ctl->t->bc, &r->hoa) : NULL;
	struct bc_counts c;

	if (e == NULL)
		return;
	bc_counts(ctl->t->bc, e, &c);
	if (persist_packets_low(&c) != ctl->persist->counted[r->handle])
		on_change(ctl, r);
}

/* All records once every counters-s, evenly. */
static void sweep(struct ctl *ctl)
{
	struct persist *p = ctl->persist;
	uint64_t period_ms = 1000ULL * ctl->conf->store.counters_s;
	uint64_t passed_ms = ctl->now_ms - p->sweep_since_ms;
	uint64_t goal = passed_ms < period_ms ? p->records * passed_ms / period_ms : p->records;

	for (uint32_t i = 0; i < SWEEP_SLICE && p->sweep_cursor < goal; i++) {
		const struct record *r = records_next(ctl->records, &p->sweep_cursor);

		if (r == NULL)
			p->sweep_cursor = p->records;
		else
			sweep_one(ctl, r);
	}
	if (passed_ms < period_ms || p->sweep_cursor < p->records)
		return;
	p->sweep_cursor = 0;
	p->sweep_since_ms = ctl->now_ms;
}

/* --- a turn --- */

/* True: it has just been reached, after longer than `limit_ms`. */
static bool follow(
	struct lag *l, uint64_t newest, uint64_t reached, uint64_t now_ms, uint64_t limit_ms)
{
	bool late = false;

	if (l->since_ms > 0 && reached >= l->mark) {
		l->last_ms = now_ms - l->since_ms;
		if (l->last_ms > l->longest_ms)
			l->longest_ms = l->last_ms;
		late = l->last_ms > limit_ms;
		l->since_ms = 0;
	}
	if (l->since_ms == 0 && newest > reached) {
		l->mark = newest;
		l->since_ms = now_ms;
	}
	return late;
}

static void follow_all(struct ctl *ctl)
{
	struct persist *p = ctl->persist;

	follow(&p->written, p->queued, feed_written(p->feed), ctl->now_ms, UINT64_MAX);
	if (follow(&p->synced, p->queued, feed_synced(p->feed), ctl->now_ms,
		    ctl->conf->store.sync_ms))
		ctl_count(ctl, CTL_STORE_LATE);
}

bool persist_run(struct ctl *ctl)
{
	struct persist *p = ctl->persist;
	uint32_t n;
	bool busy;

	p->real_ms = clock_now();
	look_at_store(p);
	ctl->counters[CTL_STORE_FAILURES] = feed_stat(p->feed, FEED_STAT_FAILURES);
	begin_walk(ctl);
	n = hand_over(ctl);
	busy = walk(ctl, n) || n > 0;
	if (p->counted != NULL)
		sweep(ctl);
	feed_flush(p->feed);
	follow_all(ctl);
	return busy;
}

/* --- when nothing else runs --- */

/* Until it is done, or the store takes nothing any more. */
static void drive(struct ctl *ctl, bool (*is_done)(const struct persist *p))
{
	static const struct timespec pause = { .tv_nsec = 1000000 };
	unsigned idle_ms = 0;

	while (!is_done(ctl->persist) && !persist_has_failed(ctl) && idle_ms < STUCK_MS) {
		if (persist_run(ctl)) {
			idle_ms = 0;
			continue;
		}
		nanosleep(&pause, NULL);
		idle_ms++;
	}
}

static bool has_told_all(const struct persist *p)
{
	return !p->walking && !p->wants_all && p->handed == p->queued &&
	       feed_synced(p->feed) == p->handed;
}

static bool has_handed_over(const struct persist *p)
{
	return p->handed == p->queued;
}

void ctl_store_settle(struct ctl *ctl)
{
	look_at_store(ctl->persist);
	drive(ctl, has_told_all);
}

static bool has_written(const struct persist *p)
{
	return p->handed == p->queued && feed_written(p->feed) >= p->handed;
}

void persist_tell_counts(struct ctl *ctl)
{
	uint32_t cursor = 0;
	const struct record *r;

	while ((r = records_next(ctl->records, &cursor)) != NULL) {
		if (ctl->persist->counted != NULL)
			sweep_one(ctl, r);
		else if (r->state == RECORD_LIVE)
			on_change(ctl, r);
	}
	drive(ctl, has_written);
}

bool ctl_store_finish(struct ctl *ctl)
{
	uint32_t cursor = 0;
	const struct record *r;

	if (ctl->persist->counted != NULL)
		while ((r = records_next(ctl->records, &cursor)) != NULL)
			sweep_one(ctl, r);
	drive(ctl, has_handed_over);
	return has_handed_over(ctl->persist) && !persist_has_failed(ctl);
}

int64_t ctl_store_clock(const struct ctl *ctl)
{
	return ctl->persist->clock_ms;
}

/* --- what others know of it --- */

struct feed *ctl_feed(const struct ctl *ctl)
{
	return ctl->persist != NULL ? ctl->persist->feed : NULL;
}

static uint64_t lag_ms(const struct lag *l, uint64_t now_ms)
{
	return l->since_ms > 0 ? now_ms - l->since_ms : l->last_ms;
}

bool persist_status(const struct ctl *ctl, struct persist_status *out)
{
	const struct persist *p = ctl->persist;

	if (p == NULL)
		return false;
	*out = (struct persist_status){
		.walking = p->walking,
		.waiting = p->queued - feed_written(p->feed),
		.written_ms = lag_ms(&p->written, ctl->now_ms),
		.written_longest_ms = p->written.longest_ms,
		.synced_ms = lag_ms(&p->synced, ctl->now_ms),
		.synced_longest_ms = p->synced.longest_ms,
	};
	for (enum feed_stat s = 0; s < FEED_STAT_COUNT; s++)
		out->stat[s] = feed_stat(p->feed, s);
	return true;
}

/* --- life --- */

int persist_new(struct ctl *ctl, struct persist **out)
{
	struct persist *p = calloc(1, sizeof(*p));
	int ret;

	if (p == NULL)
		return -ENOMEM;
	p->seen = ctl->mesh != NULL ? mesh_seen_table(ctl) : mip6_numbers(ctl);
	p->records = p->size = records_max(ctl->records) + 1;
	if (p->seen != NULL)
		p->size += seen_max(p->seen) + 1;
	p->clock_ms = p->real_ms = p->real_then_ms = clock_now();
	p->sweep_since_ms = ctl->now_ms;
	p->queue = calloc(p->size, sizeof(*p->queue));
	p->queued_bit = calloc(p->size / 64 + 1, sizeof(*p->queued_bit));
	if (ctl->conf->store.counters_s > 0)
		p->counted = calloc(p->records, sizeof(*p->counted));
	ret = feed_new(FEED_SIZE, &p->feed);
	if (ret == 0 && (p->queue == NULL || p->queued_bit == NULL ||
				(ctl->conf->store.counters_s > 0 && p->counted == NULL)))
		ret = -ENOMEM;
	if (ret < 0) {
		persist_free(ctl, p);
		return ret;
	}
	*out = p;
	return 0;
}

void persist_begin(struct ctl *ctl)
{
	records_on_change(ctl->records, on_change, ctl);
	if (ctl->persist->seen != NULL)
		seen_on_change(ctl->persist->seen, on_seen, ctl);
}

void persist_free(struct ctl *ctl, struct persist *p)
{
	if (p == NULL)
		return;
	records_on_change(ctl->records, NULL, NULL);
	if (p->seen != NULL)
		seen_on_change(p->seen, NULL, NULL);
	feed_free(p->feed);
	free(p->queue);
	free(p->queued_bit);
	free(p->counted);
	free(p);
}
