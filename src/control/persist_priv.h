/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside control/persist*.c: persist.c says what is told when, persist_item.c what is said. Control
 * core only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/ctl_priv.h"
#include "records/feed.h"
#include "tables/bc.h"

struct seen;
struct seen_pair;

/* How long ago what is the newest now was told, once it is written. */
struct lag {
	uint64_t mark, since_ms; /* what is waited for; since_ms 0: nothing */
	uint64_t last_ms, longest_ms;
};

struct persist {
	struct feed *feed;
	struct seen *seen; /* NULL: without a mesh, and no number is remembered */
	/* A record's number is its handle; a pair's comes behind those of all records. */
	uint32_t records, size;
	uint32_t *queue; /* of numbers: room for all, as each is in it once */
	uint64_t *queued_bit; /* by number */
	/* By number of the record: packets when it was handed over, low 32 bits; NULL: no sweep. */
	uint32_t *counted;
	uint64_t queued, handed; /* numbers ever put into the queue and taken from it */

	bool wants_all, walking;
	uint32_t walk_cursor; /* records first, then pairs */
	bool walks_pairs;
	uint64_t images; /* and pairs in the file */
	uint64_t marked; /* the mark of the last item */
	uint64_t failures; /* seen */
	int64_t clock_ms; /* times in images minus monotonic time: the time of day at the start */
	int64_t real_ms; /* time of day minus monotonic time, now */
	int64_t real_then_ms; /* and when everything was told last */

	uint32_t sweep_cursor;
	uint64_t sweep_since_ms;
	struct lag written, synced;
};

static inline bool persist_is_queued(const struct persist *p, uint32_t number)
{
	return (p->queued_bit[number / 64] >> number % 64 & 1) != 0;
}

/* Packets of a binding, as persist->counted has them. */
static inline uint32_t persist_packets_low(const struct bc_counts *c)
{
	return (uint32_t)(c->packets_to + c->packets_from);
}

/* --- persist_item.c: what goes into the feed, into room that it has --- */
void persist_put_record(struct ctl *ctl, struct feed_item *it, const struct record *r);
void persist_put_pair(struct ctl *ctl, struct feed_item *it, const struct seen_pair *pair);
bool persist_put_bare(struct persist *p, enum feed_kind kind); /* false: there is no room */

/* The record that says the same of the pair, but for its timestamp; NULL: none does. */
const struct record *persist_teller(struct ctl *ctl, const struct seen_pair *pair);
