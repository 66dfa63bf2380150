/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables/sigtab.h"

#include <errno.h>

#include "common/mem.h"

int sigtab_init(struct sigtab *t, uint32_t max)
{
	uint32_t mains = 1;

	while (mains < 1U << 30 && mains * 4ULL < max)
		mains <<= 1;
	/* At four ids a bucket on average, 2.1 % of them hold more than eight (Poisson). An eighth
	 * leaves room for those that wait for a grace period; 64 for tables that are too small
	 * for averages. */
	*t = (struct sigtab){ .mask = mains - 1, .fresh = mains, .total = mains + mains / 8 + 64 };
	t->bucket = mem_zalloc(sigtab_memory(t));
	return t->bucket != NULL ? 0 : -ENOMEM;
}

void sigtab_done(struct sigtab *t)
{
	mem_free(t->bucket, sigtab_memory(t));
	t->bucket = NULL;
}

size_t sigtab_memory(const struct sigtab *t)
{
	return t->total * sizeof(struct sigtab_bucket);
}

static void set_sig(struct sigtab_bucket *b, unsigned slot, uint16_t sig)
{
	_Atomic uint64_t *w = &b->sig[slot / 4];
	unsigned shift = 16 * (slot % 4);
	uint64_t word = atomic_load_explicit(w, memory_order_relaxed);

	word = (word & ~(0xffffULL << shift)) | (uint64_t)sig << shift;
	atomic_store_explicit(w, word, memory_order_relaxed);
}

static uint32_t id_at(const struct sigtab_bucket *b, unsigned slot)
{
	return atomic_load_explicit(&b->id[slot], memory_order_relaxed);
}

static uint32_t next_of(const struct sigtab_bucket *b)
{
	return atomic_load_explicit(&b->next, memory_order_relaxed);
}

/* Signature first: a reader that sees the id with the signature of before overlooks it, as it
 * would have a moment ago. */
static void fill(struct sigtab_bucket *b, unsigned slot, uint64_t hash, uint32_t id)
{
	set_sig(b, slot, (uint16_t)(hash >> 48));
	atomic_store_explicit(&b->id[slot], id, memory_order_release);
	b->used++;
}

/* An empty overflow bucket, 0: none left. */
static uint32_t take(struct sigtab *t)
{
	uint32_t n = t->free;

	if (n != 0)
		t->free = next_of(&t->bucket[n]);
	else if (t->fresh < t->total)
		n = t->fresh++;
	if (n != 0)
		atomic_store_explicit(&t->bucket[n].next, 0, memory_order_relaxed);
	return n;
}

void sigtab_put(struct sigtab *t, uint32_t bucket)
{
	if (bucket == 0)
		return;
	atomic_store_explicit(&t->bucket[bucket].next, t->free, memory_order_relaxed);
	t->free = bucket;
}

int sigtab_add(struct sigtab *t, uint64_t hash, uint32_t id)
{
	struct sigtab_bucket *b = sigtab_main(t, hash);
	uint32_t n;

	while (b->used == SIGTAB_SLOTS && next_of(b) != 0)
		b = &t->bucket[next_of(b)];
	if (b->used < SIGTAB_SLOTS) {
		unsigned slot = 0;

		while (id_at(b, slot) != 0)
			slot++;
		fill(b, slot, hash, id);
		return 0;
	}
	n = take(t);
	if (n == 0)
		return -ENOSPC;
	fill(&t->bucket[n], 0, hash, id);
	atomic_store_explicit(&b->next, n, memory_order_release);
	return 0;
}

void sigtab_replace(const struct sigtab_it *at, uint32_t id)
{
	atomic_store_explicit(&at->bucket->id[at->slot], id, memory_order_release);
}

uint32_t sigtab_del(struct sigtab *t, uint64_t hash, const struct sigtab_it *at)
{
	struct sigtab_bucket *prev = sigtab_main(t, hash), *b = at->bucket;
	uint32_t n = (uint32_t)(b - t->bucket);

	atomic_store_explicit(&b->id[at->slot], 0, memory_order_release);
	if (--b->used > 0 || b == prev)
		return 0;
	while (next_of(prev) != n)
		prev = &t->bucket[next_of(prev)];
	/* Whoever stands in it finds its way on: its own `next` stays until the grace period is
	 * over. */
	atomic_store_explicit(&prev->next, next_of(b), memory_order_release);
	return n;
}
