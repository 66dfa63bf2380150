/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables/adj.h"

#include <errno.h>
#include <stdlib.h>

#include "common/mem.h"
#include "tables/dq.h"
#include "tables/sigtab.h"

struct adj {
	_Atomic uint64_t word;
	struct ip6_addr addr;
	uint32_t next_free;
	uint16_t port;
	_Atomic uint8_t used;
	uint8_t owner; /* counts those who had this id */
};

static_assert(sizeof(struct adj) == 32, "two a cache line");

struct adj_tbl {
	struct sigtab tab;
	struct adj *adj; /* 0 is none */
	uint32_t max, count;
	uint32_t oldest_free, newest_free; /* first in, first out: ids rest as long as they can */
	uint64_t seed;
	struct dq *dq;
};

static void id_put(struct adj_tbl *t, uint32_t id)
{
	t->adj[id].next_free = 0;
	if (t->oldest_free == 0)
		t->oldest_free = id;
	else
		t->adj[t->newest_free].next_free = id;
	t->newest_free = id;
}

static uint32_t id_take(struct adj_tbl *t)
{
	uint32_t id = t->oldest_free;

	if (id != 0)
		t->oldest_free = t->adj[id].next_free;
	return id;
}

int adj_new(const struct adj_opts *opts, struct dq *dq, struct adj_tbl **out)
{
	struct adj_tbl *t = mem_zalloc(sizeof(*t)); /* shares no line with anything else */

	if (t == NULL)
		return -ENOMEM;
	t->max = opts->max;
	t->seed = opts->seed;
	t->dq = dq;
	t->adj = mem_zalloc((t->max + 1ULL) * sizeof(*t->adj));
	if (t->adj == NULL)
		goto err_tbl;
	if (sigtab_init(&t->tab, t->max) < 0)
		goto err_adj;
	for (uint32_t id = 1; id <= t->max; id++)
		id_put(t, id);
	*out = t;
	return 0;

err_adj:
	mem_free(t->adj, (t->max + 1ULL) * sizeof(*t->adj));
err_tbl:
	mem_free(t, sizeof(*t));
	return -ENOMEM;
}

void adj_free(struct adj_tbl *t)
{
	if (t == NULL)
		return;
	/* What waits in the queue must not find the table gone. */
	dq_drain(t->dq);
	sigtab_done(&t->tab);
	mem_free(t->adj, (t->max + 1ULL) * sizeof(*t->adj));
	mem_free(t, sizeof(*t));
}

static uint64_t adj_hash(const struct adj_tbl *t, uint16_t port, const struct ip6_addr *addr)
{
	return ip6_hash(addr, t->seed ^ (uint64_t)port << 48);
}

static uint32_t find_at(const struct adj_tbl *t, uint16_t port, const struct ip6_addr *addr,
	uint64_t hash, struct sigtab_it *at)
{
	uint32_t id;

	*at = sigtab_first(&t->tab, hash);
	while ((id = sigtab_next(&t->tab, at)) != 0) {
		if (t->adj[id].port == port && ip6_eq(&t->adj[id].addr, addr))
			break;
	}
	return id;
}

uint32_t adj_find(const struct adj_tbl *t, uint16_t port, const struct ip6_addr *addr)
{
	struct sigtab_it at;

	return find_at(t, port, addr, adj_hash(t, port, addr), &at);
}

uint32_t adj_add(struct adj_tbl *t, uint16_t port, const struct ip6_addr *addr)
{
	uint32_t id = id_take(t);

	if (id == 0)
		return ADJ_NONE;
	adj_clear(t, id);
	atomic_store_explicit(&t->adj[id].used, 0, memory_order_relaxed);
	t->adj[id].addr = *addr;
	t->adj[id].port = port;
	t->adj[id].owner++;
	if (sigtab_add(&t->tab, adj_hash(t, port, addr), id) < 0) {
		id_put(t, id);
		return ADJ_NONE;
	}
	t->count++;
	return id;
}

static void free_deleted(void *ctx, uint64_t item)
{
	struct adj_tbl *t = ctx;

	sigtab_put(&t->tab, (uint32_t)(item >> 32));
	id_put(t, (uint32_t)item);
}

int adj_del(struct adj_tbl *t, uint32_t id)
{
	const struct adj *a = &t->adj[id];
	uint64_t hash = adj_hash(t, a->port, &a->addr), bucket;
	struct sigtab_it at;

	if (dq_need(t->dq, 1) < 0)
		return -ENOSPC;
	if (find_at(t, a->port, &a->addr, hash, &at) != id)
		return 0; /* deleted before */
	bucket = sigtab_del(&t->tab, hash, &at);
	adj_clear(t, id);
	t->count--;
	(void)dq_push(t->dq, free_deleted, t, bucket << 32 | id);
	return 0;
}

void adj_set(struct adj_tbl *t, uint32_t id, const uint8_t mac[6], uint64_t flags)
{
	uint64_t word = flags & ~ADJ_MAC_MASK;

	for (unsigned i = 0; i < 6; i++)
		word |= (uint64_t)mac[i] << 8 * i;
	atomic_store_explicit(&t->adj[id].word, word, memory_order_relaxed);
}

void adj_clear(struct adj_tbl *t, uint32_t id)
{
	atomic_store_explicit(&t->adj[id].word, 0, memory_order_relaxed);
}

uint64_t adj_word(const struct adj_tbl *t, uint32_t id)
{
	return atomic_load_explicit(&t->adj[id].word, memory_order_relaxed);
}

uint16_t adj_port(const struct adj_tbl *t, uint32_t id)
{
	return t->adj[id].port;
}

uint8_t adj_owner(const struct adj_tbl *t, uint32_t id)
{
	return t->adj[id].owner;
}

const struct ip6_addr *adj_addr(const struct adj_tbl *t, uint32_t id)
{
	return &t->adj[id].addr;
}

/* Read before written: while it is set already, workers share the line and none takes it away
 * from the others. */
void adj_mark_used(const struct adj_tbl *t, uint32_t id)
{
	struct adj *a = &t->adj[id];

	if (atomic_load_explicit(&a->used, memory_order_relaxed) == 0)
		atomic_store_explicit(&a->used, 1, memory_order_relaxed);
}

bool adj_take_used(struct adj_tbl *t, uint32_t id)
{
	return atomic_exchange_explicit(&t->adj[id].used, 0, memory_order_relaxed) != 0;
}

uint32_t adj_count(const struct adj_tbl *t)
{
	return t->count;
}
