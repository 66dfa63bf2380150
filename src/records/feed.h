/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between whoever changes records (the producer) and whoever writes them down (the consumer): a
 * bounded queue of images one way, how far it got the other. One thread at each end; neither ever
 * waits for the other. What does not fit stays with the producer, which knows the records and can
 * ask again later: the queue never loses anything, and holds up nobody.
 *
 * Every item carries a mark, a number of the producer's that never goes down. "Written up to mark
 * n" means that every item with a mark of n or less outlives this process, "on disk" that it
 * outlives a loss of power. After a failure the consumer goes on taking items without writing
 * them, and asks for all records again once it can write: the producer sends everything between
 * FEED_BEGIN and FEED_END.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "records/image.h"
#include "records/seen.h"

enum feed_kind {
	FEED_RECORD,
	FEED_SEEN, /* a pair last seen, of a mesh */
	FEED_MARK, /* nothing: all changes up to its mark have been told */
	FEED_BEGIN, /* all records follow; what was written before is not needed once... */
	FEED_END, /* ...they are all there */
};

struct feed_item {
	uint64_t mark;
	enum feed_kind kind;
	union {
		struct {
			struct record_image image; /* of a FEED_RECORD; its extra points to: */
			uint8_t extra[RECORD_EXTRA_MAX];
		};
		struct seen_pair pair; /* of a FEED_SEEN */
	};
};

/* What the consumer tells about itself; X(id, name, help). */
#define FEED_STAT_LIST(X)                                                                          \
	X(FAILED, "failed", "1 while nothing can be written")                                      \
	X(ERRNO, "errno", "why, or why the last time")                                             \
	X(FAILED_MS, "failed-ms", "when, milliseconds since 1970")                                 \
	X(FAILURES, "failures", "how often writing failed")                                        \
	X(RECORDS, "records", "records and pairs last seen written")                               \
	X(BYTES, "bytes", "octets written")                                                        \
	X(SYNCS, "syncs", "times that what was written was forced to disk")                        \
	X(SYNC_US, "sync-us", "how long the last one took, microseconds")                          \
	X(SYNC_LONGEST_US, "sync-longest-us", "and the longest one")                               \
	X(CHECKPOINTS, "checkpoints", "times that all records were written anew")                  \
	X(FILES, "files", "files there are")                                                       \
	X(DISK_BYTES, "disk-bytes", "and their octets")

enum feed_stat {
#define X(id, name, help) FEED_STAT_##id,
	FEED_STAT_LIST(X)
#undef X
		FEED_STAT_COUNT
};

struct feed;

int feed_new(uint32_t size, struct feed **out); /* items: a power of two. 0, -EINVAL, -ENOMEM */
void feed_free(struct feed *f); /* both ends must have stopped; NULL is fine */

/* --- the producer --- */

/* Where the next item goes, NULL: no room now. Fill it in, then put it. */
struct feed_item *feed_room(struct feed *f);
void feed_put(struct feed *f);
/* The consumer sees what was put until now, and is woken if it sleeps. */
void feed_flush(struct feed *f);

uint64_t feed_count(const struct feed *f); /* items put, ever */
/* Of these, how many are on disk. */
uint64_t feed_synced_count(const struct feed *f);

/* Failures until now must be looked at behind what is written: what was lost then is not. */
uint64_t feed_written(const struct feed *f); /* up to this mark */
uint64_t feed_synced(const struct feed *f); /* on disk, up to this mark */
uint64_t feed_failures(const struct feed *f);
/* The consumer asked for all records; asking is forgotten with this call. */
bool feed_wants_all(struct feed *f);

/* Any thread. */
uint64_t feed_stat(const struct feed *f, enum feed_stat s);

/* --- the consumer --- */

typedef void (*feed_wake_fn)(void *ctx); /* called by the producer: must not block */

/* Before the producer's first flush. */
void feed_on_wake(struct feed *f, feed_wake_fn fn, void *ctx);

/* The n-th item that waits, from 0; NULL: there are no more. Valid until feed_take(). */
const struct feed_item *feed_peek(struct feed *f, uint32_t n);
void feed_take(struct feed *f, uint32_t n); /* away with the first n */

/* True: nothing waits, the consumer may sleep and will be woken. To be called before each sleep;
 * ends with the wake. */
bool feed_may_sleep(struct feed *f);

void feed_set_written(struct feed *f, uint64_t mark);
void feed_set_synced(struct feed *f, uint64_t mark, uint64_t count);
/* What was taken since the last feed_set_written() is lost, and so is all that is taken from now
 * on: before any of it is taken. */
void feed_fail(struct feed *f);
void feed_want_all(struct feed *f);

void feed_stat_set(struct feed *f, enum feed_stat s, uint64_t v);
void feed_stat_add(struct feed *f, enum feed_stat s, uint64_t v);
