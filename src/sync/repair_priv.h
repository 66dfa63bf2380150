/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between the files that make digest rounds: ranges of keys, records that are sent for them, the
 * questions of a round of ours, the answers to those of a peer's. The control core's alone.
 */
#pragma once

#include "common/plant.h"
#include "sync/engine_priv.h"

/* --- which ranges: bitmaps --- */

static inline bool repair_bit_get(const uint64_t *map, uint32_t i)
{
	return map[i / 64] >> i % 64 & 1;
}

static inline void repair_bit_set(uint64_t *map, uint32_t i)
{
	map[i / 64] |= 1ULL << i % 64;
}

static inline void repair_bit_clear(uint64_t *map, uint32_t i)
{
	map[i / 64] &= ~(1ULL << i % 64);
}

static inline size_t repair_map_words(unsigned bits)
{
	return bits > 6 ? 1ULL << (bits - 6) : 1;
}

/* The keys of range i of 2^bits. */
static inline uint64_t repair_first_key(unsigned bits, uint32_t i)
{
	return bits == 0 ? 0 : (uint64_t)i << (64 - bits);
}

static inline uint64_t repair_last_key(unsigned bits, uint32_t i)
{
	return repair_first_key(bits, i) + (bits == 0 ? UINT64_MAX : UINT64_MAX >> bits);
}

/* We had no room for records of its just now. */
static inline bool repair_refuses(
	const struct engine *e, const struct domain *d, const struct peer *p)
{
	uint64_t refused_ms = d->refused_ms[p->node];

	return refused_ms != 0 && e->now_ms - refused_ms < REFUSED_MS;
}

/*
 * Is the record's last change younger than a round that began then? A stream brings it, so no round
 * waits for it. Times are kept in units of about half a second that go round in four hours and a
 * half: within the unit in which the round began nothing is younger than it, and four hours and a
 * half after a change a record looks young once more, with all that changed together with it. Such a
 * one, and an old difference at the other end that a young record hides, is sent like any other, and
 * asked for again a few times (YOUNG_TRIES).
 */
#define REPAIR_TICK_MS 512
#define REPAIR_TICKS   (1U << RECORD_CHANGED_BITS)

static inline uint16_t repair_tick(uint64_t ms)
{
	return (uint16_t)(ms / REPAIR_TICK_MS % REPAIR_TICKS);
}

/* Of what a round finds and nothing is known of: as old as can be told. */
static inline uint16_t repair_old_tick(uint64_t ms)
{
	return (uint16_t)((ms / REPAIR_TICK_MS + REPAIR_TICKS / 2) % REPAIR_TICKS);
}

static inline bool repair_is_young(
	const struct engine *e, const struct record *r, uint64_t since_ms)
{
	uint64_t round = e->now_ms / REPAIR_TICK_MS - since_ms / REPAIR_TICK_MS;
	uint32_t age = (uint32_t)(e->now_ms / REPAIR_TICK_MS + REPAIR_TICKS -
				  records_mesh(e->rs, r)->changed) %
		       REPAIR_TICKS;

	return round < REPAIR_TICKS / 2 && age < round && !planted(PLANT_ROUND_ENDLESS);
}

/* --- push.c --- */

/* A walk over the records of a domain whose keys lie between two: range by range of our digest, in
 * no order within one. The other site's ranges may be larger, by as much as it has less room. */
struct between {
	uint64_t first, last;
	uint32_t begin, range, end;
	uint32_t handle;
	uint32_t left; /* records to be looked at, at most */
	bool is_enough; /* set by the user: no further than to the end of this range */
	bool is_over;
};

struct between repair_between(const struct domain *d, uint64_t first, uint64_t last);
/* NULL: no more, enough, or as many were looked at as may be. */
struct record *repair_next(
	struct engine *e, const struct domain *d, struct between *b, uint64_t *key);
/* Afterwards: the last key up to which all were seen. False: not even one range was, it has more
 * records than may be looked at. */
bool repair_reached(const struct domain *d, const struct between *b, uint64_t *last);
struct message_key repair_entry(const struct domain *d, const struct record *r, uint64_t key);

struct push {
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w;
	struct message_builder b;
	uint32_t items, sent;
};

void push_begin(struct engine *e, struct peer *p, struct push *x);
void push_record(struct engine *e, struct peer *p, const struct domain *d, struct push *x,
	const struct record *r);
bool push_may(const struct peer *p, const struct push *x);
void push_last(struct engine *e, struct peer *p, struct push *x);

/* --- answer.c --- */

bool answer_may_work(struct engine *e, struct peer *p);
void answer_did_walk(struct engine *e, struct peer *p, const struct between *b);
/* Same keys, and counted; else who has the later key takes the other's. */
bool answer_is_comparable(
	struct engine *e, struct peer *p, const struct domain *d, const struct digest_key *theirs);
void answer_hear_bits(struct domain *d, const struct peer *p, uint8_t bits);

/* --- question.c --- */

/* Asks what is due; false: there is nothing left to ask or to wait for. */
bool question_ask_all(struct engine *e, struct peer *p, uint32_t *budget);
/* Those keys are done with: on to the rest of what is this question's. */
void question_pass_keys(struct slot *s);
