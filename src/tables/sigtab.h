/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a hash to the numbers that may stand behind it: 64-byte buckets of eight 16-bit
 * signatures and eight 32-bit ids, chained when they overflow. What the ids number (binding
 * cache entries, adjacencies) holds the key, and the reader compares it there: a wrong or
 * outdated id costs a comparison, never a wrong answer.
 *
 * One writer, the control core; readers under RCU. An id never moves from slot to slot, so a
 * reader that walks a chain cannot miss one that is there all the time. An empty overflow bucket
 * is taken out of its chain and given back by the owner after a grace period. Private to
 * tables/.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "common/util.h"

#define SIGTAB_SLOTS 8

struct sigtab_bucket {
	_Atomic uint64_t sig[2]; /* four signatures each, slot 0 lowest */
	_Atomic uint32_t id[SIGTAB_SLOTS]; /* 0: empty, whatever its signature says */
	_Atomic uint32_t next; /* overflow bucket, 0: none */
	uint32_t used; /* writer only: ids in it */
} __attribute__((aligned(64)));

static_assert(sizeof(struct sigtab_bucket) == 64, "one cache line");

struct sigtab {
	struct sigtab_bucket *bucket;
	uint32_t mask; /* main buckets - 1; overflow buckets follow them */
	uint32_t total;
	uint32_t fresh; /* overflow buckets from here on were never used */
	uint32_t free; /* list of those given back, through `next` */
};

/* For `max` ids at four of eight slots a bucket. 0 or -ENOMEM. */
int sigtab_init(struct sigtab *t, uint32_t max);
void sigtab_done(struct sigtab *t);
size_t sigtab_memory(const struct sigtab *t);

/* A walk over the candidates for one hash. */
struct sigtab_it {
	struct sigtab_bucket *bucket;
	uint32_t hits; /* slots of this bucket that still are to be looked at, one bit each */
	uint16_t sig;
	uint8_t slot; /* of the id that sigtab_next() returned last */
};

/* Writer. 0, or -ENOSPC: out of overflow buckets. */
int sigtab_add(struct sigtab *t, uint64_t hash, uint32_t id);
/* Writer: another id, for the same key, where the walk stands. */
void sigtab_replace(const struct sigtab_it *at, uint32_t id);
/* Writer: empty the slot where the walk stands. Returns the bucket to hand to sigtab_put()
 * after a grace period, or 0. */
uint32_t sigtab_del(struct sigtab *t, uint64_t hash, const struct sigtab_it *at);
void sigtab_put(struct sigtab *t, uint32_t bucket); /* 0 is fine */

static inline struct sigtab_bucket *sigtab_main(const struct sigtab *t, uint64_t hash)
{
	return &t->bucket[hash & t->mask];
}

static inline void sigtab_prefetch(const struct sigtab *t, uint64_t hash)
{
	__builtin_prefetch(sigtab_main(t, hash));
}

/* One bit for each slot whose signature is sig. Two loads, so that a writer's store of four
 * signatures is seen whole. */
static inline uint32_t sigtab_match(const struct sigtab_bucket *b, uint16_t sig)
{
	uint64_t lo = atomic_load_explicit(&b->sig[0], memory_order_relaxed);
	uint64_t hi = atomic_load_explicit(&b->sig[1], memory_order_relaxed);

#if defined(__SSE2__) && !defined(SIGTAB_NO_SIMD)
	__m128i same = _mm_cmpeq_epi16(
		_mm_set_epi64x((long long)hi, (long long)lo), _mm_set1_epi16((short)sig));

	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128()));
#else
	uint32_t hits = 0;

	for (unsigned i = 0; i < SIGTAB_SLOTS; i++)
		hits |= (uint32_t)((uint16_t)((i < 4 ? lo : hi) >> 16 * (i % 4)) == sig) << i;
	return hits;
#endif
}

/* Most often the only candidate for a hash, or 0: none. What is not the one that is looked for
 * calls for a walk. */
static inline uint32_t sigtab_peek(const struct sigtab *t, uint64_t hash)
{
	struct sigtab_bucket *b = sigtab_main(t, hash);
	uint32_t hits = sigtab_match(b, (uint16_t)(hash >> 48));

	if (unlikely(hits == 0))
		return 0;
	return atomic_load_explicit(&b->id[__builtin_ctz(hits)], memory_order_acquire);
}

static inline struct sigtab_it sigtab_first(const struct sigtab *t, uint64_t hash)
{
	struct sigtab_it it = { .bucket = sigtab_main(t, hash), .sig = (uint16_t)(hash >> 48) };

	it.hits = sigtab_match(it.bucket, it.sig);
	return it;
}

/* The next candidate, 0 at the end. */
static inline uint32_t sigtab_next(const struct sigtab *t, struct sigtab_it *it)
{
	for (;;) {
		uint32_t id, next;

		while (it->hits != 0) {
			it->slot = (uint8_t)__builtin_ctz(it->hits);
			it->hits &= it->hits - 1;
			id = atomic_load_explicit(&it->bucket->id[it->slot], memory_order_acquire);
			if (likely(id != 0))
				return id;
		}
		next = atomic_load_explicit(&it->bucket->next, memory_order_acquire);
		if (likely(next == 0))
			return 0;
		it->bucket = &t->bucket[next];
		it->hits = sigtab_match(it->bucket, it->sig);
	}
}
