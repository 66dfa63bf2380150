/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables/bc.h"

#include <errno.h>
#include <stdlib.h>

#include "common/mem.h"
#include "tables/bc_view.h"
#include "tables/dq.h"
#include "tables/sigtab.h"

struct bc {
	/* The first member, in a line that nobody writes: workers look into it all the time, and
	 * what follows changes with each binding. */
	struct bc_view v;
	uint32_t entries __attribute__((aligned(64)));
	uint32_t fresh; /* entries from here on were never used */
	uint32_t free; /* list of those given back, through `older` */
	uint32_t count, max;
	struct dq *dq;
	bc_final_fn final; /* NULL: none */
	void *final_ctx;
};

int bc_new(const struct bc_opts *opts, struct dq *dq, struct bc **out)
{
	struct bc *bc = mem_zalloc(sizeof(*bc)); /* shares no line with anything else */

	if (bc == NULL)
		return -ENOMEM;
	bc->max = opts->max;
	bc->v.seed = opts->seed;
	bc->dq = dq;
	bc->fresh = 1;
	/* Replaced and removed ones wait in dq: with as many more entries as it holds, a full table
	 * can still change every binding. */
	bc->entries = 1 + opts->max + dq_used(dq) + dq_room(dq);
	bc->v.entry = mem_zalloc(bc->entries * sizeof(*bc->v.entry));
	if (bc->v.entry == NULL)
		goto err_bc;
	if (sigtab_init(&bc->v.tab, opts->max) < 0)
		goto err_entry;
	*out = bc;
	return 0;

err_entry:
	mem_free(bc->v.entry, bc->entries * sizeof(*bc->v.entry));
err_bc:
	mem_free(bc, sizeof(*bc));
	return -ENOMEM;
}

void bc_free(struct bc *bc)
{
	if (bc == NULL)
		return;
	/* What waits in the queue must not find the table gone. */
	dq_drain(bc->dq);
	sigtab_done(&bc->v.tab);
	mem_free(bc->v.entry, bc->entries * sizeof(*bc->v.entry));
	mem_free(bc, sizeof(*bc));
}

uint32_t bc_count(const struct bc *bc)
{
	return bc->count;
}

size_t bc_memory(const struct bc *bc)
{
	return sizeof(*bc) + bc->entries * sizeof(*bc->v.entry) + sigtab_memory(&bc->v.tab);
}

uint32_t bc_sum(const struct bc_entry *e)
{
	uint64_t h = ip6_hash(&e->hoa, e->record);

	h = ip6_hash(&e->ha, h ^ (uint64_t)e->mss << 24 ^ (uint64_t)e->domain << 8 ^ e->flags);
	h = ip6_hash(&e->coa, h);
	h = ip6_hash(&e->old_coa, h ^ e->bucket);
	return (uint32_t)(h ^ h >> 32);
}

static uint32_t entry_take(struct bc *bc)
{
	uint32_t n = bc->free;

	if (n != 0)
		bc->free = bc->v.entry[n].older;
	else if (bc->fresh < bc->entries)
		n = bc->fresh++;
	return n;
}

static void entry_put(struct bc *bc, uint32_t n)
{
	bc->v.entry[n].older = bc->free;
	bc->free = n;
}

/* The entry of hoa and where its number stands, or 0. */
static uint32_t find_at(
	const struct bc *bc, const struct ip6_addr *hoa, uint64_t hash, struct sigtab_it *at)
{
	uint32_t n;

	*at = sigtab_first(&bc->v.tab, hash);
	while ((n = sigtab_next(&bc->v.tab, at)) != 0) {
		if (ip6_eq(&bc->v.entry[n].hoa, hoa))
			break;
	}
	return n;
}

const struct bc_entry *bc_check_again(
	const struct bc *bc, const struct ip6_addr *hoa, uint64_t hash)
{
	struct sigtab_it at;
	uint32_t n = find_at(bc, hoa, hash, &at);

	return n != 0 ? &bc->v.entry[n] : NULL;
}

const struct bc_entry *bc_find(const struct bc *bc, const struct ip6_addr *hoa)
{
	return bc_check_again(bc, hoa, ip6_hash(hoa, bc->v.seed));
}

void bc_find_bulk(const struct bc *bc, const struct ip6_addr *const hoa[], uint32_t n,
	const struct bc_entry *out[])
{
	uint64_t hash[BC_BULK_MAX];

	for (uint32_t i = 0; i < n; i++)
		hash[i] = bc_ask(bc, hoa[i]);
	for (uint32_t i = 0; i < n; i++)
		out[i] = bc_guess(bc, hash[i]);
	for (uint32_t i = 0; i < n; i++)
		out[i] = bc_check(bc, hoa[i], hash[i], out[i]);
}

static uint64_t nexthop(uint32_t fib_generation, uint32_t adjacency)
{
	return (uint64_t)fib_generation << 32 | adjacency;
}

void bc_set_nexthop(const struct bc_entry *e, uint32_t fib_generation, uint32_t adjacency)
{
	struct bc_entry *w = (struct bc_entry *)(uintptr_t)e;

	atomic_store_explicit(
		&w->nexthop, nexthop(fib_generation, adjacency), memory_order_relaxed);
}

void bc_set_mtu(const struct bc_entry *e, uint16_t mtu)
{
	struct bc_entry *w = (struct bc_entry *)(uintptr_t)e;

	atomic_store_explicit(&w->mtu, mtu != 0 ? mtu : UINT16_MAX, memory_order_relaxed);
}

void bc_end_grace(const struct bc_entry *e)
{
	struct bc_entry *w = (struct bc_entry *)(uintptr_t)e;

	atomic_store_explicit(&w->grace, false, memory_order_relaxed);
}

void bc_set_owner(const struct bc_entry *e, uint8_t owner)
{
	struct bc_entry *w = (struct bc_entry *)(uintptr_t)e;

	atomic_store_explicit(&w->owner, owner, memory_order_relaxed);
}

/* What the old entry, NULL: none, says of the care-of address before this one. */
static void fill_old_coa(struct bc_entry *e, const struct bc_binding *b, const struct bc_entry *old)
{
	bool grace = false;

	e->old_coa = (struct ip6_addr){ 0 };
	if (old != NULL && !ip6_eq(&old->coa, &b->coa)) {
		e->old_coa = old->coa;
		grace = b->grace;
	} else if (old != NULL) {
		e->old_coa = old->old_coa;
		grace = atomic_load_explicit(&old->grace, memory_order_relaxed);
	}
	atomic_store_explicit(&e->grace, grace, memory_order_relaxed);
}

static void entry_fill(struct bc_entry *e, const struct bc_binding *b, const struct bc_entry *old)
{
	fill_old_coa(e, b, old);
	bc_set_owner(e, b->owner);
	e->hoa = b->hoa;
	e->ha = b->ha;
	e->coa = b->coa;
	e->record = b->record;
	e->domain = b->domain;
	e->flags = b->flags;
	e->mss = b->mss;
	e->bucket = b->bucket;
	e->sum = bc_sum(e);
	bc_set_nexthop(e, b->fib_generation, b->adjacency);
	bc_set_mtu(e, b->mtu);
}

static void counters_zero(struct bc_entry *e)
{
	atomic_store_explicit(&e->packets_to, 0, memory_order_relaxed);
	atomic_store_explicit(&e->bytes_to, 0, memory_order_relaxed);
	atomic_store_explicit(&e->packets_from, 0, memory_order_relaxed);
	atomic_store_explicit(&e->bytes_from, 0, memory_order_relaxed);
}

static void counters_read(const struct bc_entry *e, struct bc_counts *c)
{
	c->packets_to += atomic_load_explicit(&e->packets_to, memory_order_relaxed);
	c->bytes_to += atomic_load_explicit(&e->bytes_to, memory_order_relaxed);
	c->packets_from += atomic_load_explicit(&e->packets_from, memory_order_relaxed);
	c->bytes_from += atomic_load_explicit(&e->bytes_from, memory_order_relaxed);
}

void bc_counts(const struct bc *bc, const struct bc_entry *e, struct bc_counts *out)
{
	*out = (struct bc_counts){ 0 };
	counters_read(e, out);
	for (uint32_t n = e->older; n != 0; n = bc->v.entry[n].older)
		counters_read(&bc->v.entry[n], out);
}

static uint64_t item(uint32_t entry, uint32_t other)
{
	return (uint64_t)other << 32 | entry;
}

/*
 * Nobody counts in the replaced entry any more: its total moves to the successor. The queue is
 * first in, first out, so what this entry had replaced is already in it, and the successor,
 * even when it was replaced or removed meanwhile, is still waiting behind it.
 */
static void free_replaced(void *ctx, uint64_t it)
{
	struct bc *bc = ctx;
	uint32_t n = (uint32_t)it;
	struct bc_entry *e = &bc->v.entry[n], *newer = &bc->v.entry[it >> 32];
	struct bc_counts c = { 0 };

	assert(e->older == 0 && newer->older == n);
	counters_read(e, &c);
	bc_count_to(newer, c.packets_to, c.bytes_to);
	bc_count_from(newer, c.packets_from, c.bytes_from);
	newer->older = 0;
	entry_put(bc, n);
}

/* What this entry had replaced stood before it in the queue: all of it is folded in. */
static void free_removed(void *ctx, uint64_t it)
{
	struct bc *bc = ctx;
	const struct bc_entry *e = &bc->v.entry[(uint32_t)it];

	assert(e->older == 0);
	if (bc->final != NULL) {
		struct bc_counts total = { 0 };

		counters_read(e, &total);
		bc->final(bc->final_ctx, e, &total);
	}
	sigtab_put(&bc->v.tab, (uint32_t)(it >> 32));
	entry_put(bc, (uint32_t)it);
}

static bool is_same(const struct bc_entry *e, const struct bc_binding *b)
{
	return ip6_eq(&e->coa, &b->coa) && ip6_eq(&e->ha, &b->ha) && e->record == b->record &&
	       e->domain == b->domain && e->flags == b->flags && e->mss == b->mss &&
	       e->bucket == b->bucket;
}

static int replace(
	struct bc *bc, const struct bc_binding *b, uint32_t old, const struct sigtab_it *at)
{
	uint32_t n;

	/* A refresh: what may change in place changes in place. */
	if (is_same(&bc->v.entry[old], b)) {
		bc_set_nexthop(&bc->v.entry[old], b->fib_generation, b->adjacency);
		bc_set_mtu(&bc->v.entry[old], b->mtu);
		bc_set_owner(&bc->v.entry[old], b->owner);
		return 0;
	}
#ifdef BC_PLANT_TORN_PUBLISH
	/* What the concurrent test must find: built into a test program of its own only. */
	entry_fill(&bc->v.entry[old], b, &bc->v.entry[old]);
	return 0;
#endif
	if (dq_need(bc->dq, 1) < 0 || (n = entry_take(bc)) == 0)
		return -ENOSPC;
	entry_fill(&bc->v.entry[n], b, &bc->v.entry[old]);
	counters_zero(&bc->v.entry[n]);
	bc->v.entry[n].older = old;
	sigtab_replace(at, n);
	(void)dq_push(bc->dq, free_replaced, bc, item(old, n));
	return 0;
}

int bc_publish(struct bc *bc, const struct bc_binding *b)
{
	uint64_t hash = ip6_hash(&b->hoa, bc->v.seed);
	struct sigtab_it at;
	uint32_t n = find_at(bc, &b->hoa, hash, &at);

	if (n != 0)
		return replace(bc, b, n, &at);
	if (bc->count == bc->max || (n = entry_take(bc)) == 0)
		return -ENOSPC;
	entry_fill(&bc->v.entry[n], b, NULL);
	counters_zero(&bc->v.entry[n]);
	bc->v.entry[n].older = 0;
	if (sigtab_add(&bc->v.tab, hash, n) < 0) {
		entry_put(bc, n);
		return -ENOSPC;
	}
	bc->count++;
	return 0;
}

void bc_on_final(struct bc *bc, bc_final_fn fn, void *ctx)
{
	bc->final = fn;
	bc->final_ctx = ctx;
}

int bc_remove(struct bc *bc, const struct ip6_addr *hoa)
{
	uint64_t hash = ip6_hash(hoa, bc->v.seed);
	struct sigtab_it at;
	uint32_t n = find_at(bc, hoa, hash, &at), bucket;

	if (n == 0)
		return -ENOENT;
	if (dq_need(bc->dq, 1) < 0)
		return -ENOSPC;
	bucket = sigtab_del(&bc->v.tab, hash, &at);
	bc->count--;
	(void)dq_push(bc->dq, free_removed, bc, item(n, bucket));
	return 0;
}
