/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables/fib.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tables/dq.h"
#include "tables/mem.h"

/*
 * An entry is child << 32 | FIB_HAS_VALUE | value, either half 0 for none. Beside each entry, for
 * the writer, stands the length of the prefix that its value comes from, plus 1: 0 for none.
 */
#define FIB_HAS_VALUE  0x80000000U
#define FIB_VALUE_MASK 0x7fffffffU
#define FIB_ROOT_BITS  16
#define FIB_DEPTH      14 /* octets behind the root's */

struct fib_node {
	_Atomic uint64_t entry[256];
	uint8_t len[256]; /* writer only, as what follows */
	uint32_t refs; /* prefixes that end here, and children */
	uint32_t next_free;
} __attribute__((aligned(64)));

struct route {
	struct ip6_prefix prefix;
	bool used;
	uint32_t value;
	uint32_t next; /* of the same hash, or of the free list; 0: none */
};

struct fib {
	_Atomic uint64_t root[1 << FIB_ROOT_BITS];
	uint8_t root_len[1 << FIB_ROOT_BITS];

	struct fib_node *node; /* 0 is none */
	uint32_t nodes, nodes_used, node_free, node_fresh;
	struct route *route; /* 0 is none */
	uint32_t max, count, route_free, route_fresh;
	uint32_t *hash; /* heads of chains */
	uint32_t hash_mask;
	uint64_t seed;
	_Atomic uint32_t generation;
	struct dq *dq;
};

/* A route that shares no octet with another takes 14 nodes: so much for each in a small table.
 * In a large one they share. */
static uint32_t derived_nodes(uint32_t max_routes)
{
	uint64_t apart = (uint64_t)max_routes * FIB_DEPTH, shared = max_routes * 2ULL + 8192;

	return (uint32_t)(apart < shared ? apart : shared);
}

int fib_new(const struct fib_opts *opts, struct dq *dq, struct fib **out)
{
	struct fib *fib = mem_zalloc(sizeof(*fib));
	uint32_t heads = 1;

	if (fib == NULL)
		return -ENOMEM;
	while (heads < opts->max_routes && heads < 1U << 30)
		heads <<= 1;
	fib->nodes = 1 + (opts->max_nodes > 0 ? opts->max_nodes : derived_nodes(opts->max_routes));
	fib->node_fresh = 1;
	fib->max = opts->max_routes;
	fib->route_fresh = 1;
	fib->hash_mask = heads - 1;
	fib->seed = opts->seed;
	fib->dq = dq;
	fib->node = mem_zalloc(fib->nodes * sizeof(*fib->node));
	fib->route = calloc(fib->max + 1ULL, sizeof(*fib->route));
	fib->hash = calloc(heads, sizeof(*fib->hash));
	if (fib->node == NULL || fib->route == NULL || fib->hash == NULL) {
		fib_free(fib);
		return -ENOMEM;
	}
	*out = fib;
	return 0;
}

void fib_free(struct fib *fib)
{
	if (fib == NULL)
		return;
	/* What waits in the queue must not find the trie gone. */
	dq_drain(fib->dq);
	free(fib->hash);
	free(fib->route);
	mem_free(fib->node, fib->nodes * sizeof(*fib->node));
	mem_free(fib, sizeof(*fib));
}

uint32_t fib_count(const struct fib *fib)
{
	return fib->count;
}

size_t fib_memory(const struct fib *fib)
{
	return sizeof(*fib) + fib->nodes * sizeof(*fib->node) +
	       (fib->max + 1ULL) * sizeof(*fib->route) +
	       (fib->hash_mask + 1ULL) * sizeof(*fib->hash);
}

uint32_t fib_generation(const struct fib *fib)
{
	return atomic_load_explicit(&fib->generation, memory_order_acquire);
}

/* After the change itself: who reads the new number finds the new answer. */
static void changed(struct fib *fib)
{
	atomic_fetch_add_explicit(&fib->generation, 1, memory_order_release);
}

/* --- the route list --- */

static uint32_t *chain(const struct fib *fib, const struct ip6_prefix *p)
{
	return &fib->hash[ip6_hash(&p->addr, fib->seed + p->len) & fib->hash_mask];
}

static uint32_t route_find(const struct fib *fib, const struct ip6_prefix *p)
{
	uint32_t r = *chain(fib, p);

	while (r != 0 && !(fib->route[r].prefix.len == p->len &&
				 ip6_eq(&fib->route[r].prefix.addr, &p->addr)))
		r = fib->route[r].next;
	return r;
}

static void route_add(struct fib *fib, const struct ip6_prefix *p, uint32_t value)
{
	uint32_t r = fib->route_free, *head = chain(fib, p);

	if (r != 0)
		fib->route_free = fib->route[r].next;
	else
		r = fib->route_fresh++;
	fib->route[r] = (struct route){ .prefix = *p, .used = true, .value = value, .next = *head };
	*head = r;
	fib->count++;
}

static void route_del(struct fib *fib, uint32_t r)
{
	uint32_t *link = chain(fib, &fib->route[r].prefix);

	while (*link != r)
		link = &fib->route[*link].next;
	*link = fib->route[r].next;
	fib->route[r] = (struct route){ .next = fib->route_free };
	fib->route_free = r;
	fib->count--;
}

bool fib_next(const struct fib *fib, uint32_t *cursor, struct ip6_prefix *prefix, uint32_t *value)
{
	for (uint32_t r = *cursor + 1; r < fib->route_fresh; r++) {
		if (!fib->route[r].used)
			continue;
		*prefix = fib->route[r].prefix;
		*value = fib->route[r].value;
		*cursor = r;
		return true;
	}
	return false;
}

/* --- the trie --- */

/* The entries of one level: the root's or a node's. */
struct level {
	_Atomic uint64_t *entry;
	uint8_t *len;
	uint32_t node; /* 0: the root */
	unsigned from; /* prefixes longer than `from` and at most `to` bits end here */
	unsigned to;
};

static struct level root_level(struct fib *fib)
{
	return (struct level){ .entry = fib->root, .len = fib->root_len, .to = FIB_ROOT_BITS };
}

static struct level child_level(struct fib *fib, const struct level *l, uint32_t node)
{
	return (struct level){ .entry = fib->node[node].entry,
		.len = fib->node[node].len,
		.node = node,
		.from = l->to,
		.to = l->to + 8 };
}

static unsigned root_index(const struct ip6_addr *a)
{
	return (unsigned)a->b[0] << 8 | a->b[1];
}

static unsigned level_index(const struct level *l, const struct ip6_addr *a)
{
	return l->node == 0 ? root_index(a) : a->b[l->from / 8];
}

static uint32_t child_at(const struct level *l, const struct ip6_addr *a)
{
	return (uint32_t)(atomic_load_explicit(
				  &l->entry[level_index(l, a)], memory_order_relaxed) >>
			  32);
}

/* Child and value share a word that only one side writes at a time: the writer is alone. */
static void set_child(const struct level *l, const struct ip6_addr *a, uint32_t node)
{
	_Atomic uint64_t *e = &l->entry[level_index(l, a)];
	uint64_t value = (uint32_t)atomic_load_explicit(e, memory_order_relaxed);

	atomic_store_explicit(e, (uint64_t)node << 32 | value, memory_order_release);
}

/* Give the entries of a prefix that ends in this level another value (low half of an entry),
 * but for those that a longer prefix has. */
static void paint(
	const struct level *l, const struct ip6_prefix *p, uint32_t value, unsigned new_len_plus_1)
{
	unsigned n = 1U << (l->to - p->len), first = level_index(l, &p->addr);

	for (unsigned i = first; i < first + n; i++) {
		uint64_t child = atomic_load_explicit(&l->entry[i], memory_order_relaxed) >> 32;

		if (l->len[i] > p->len + 1)
			continue;
		atomic_store_explicit(&l->entry[i], child << 32 | value, memory_order_relaxed);
		l->len[i] = (uint8_t)new_len_plus_1;
	}
}

static uint32_t nodes_left(const struct fib *fib)
{
	return fib->nodes - 1 - fib->nodes_used;
}

static uint32_t node_take(struct fib *fib)
{
	uint32_t n = fib->node_free;

	if (n != 0)
		fib->node_free = fib->node[n].next_free;
	else
		n = fib->node_fresh++;
	fib->nodes_used++;
	return n;
}

static void free_node(void *ctx, uint64_t item)
{
	struct fib *fib = ctx;

	/* Nothing ended in it and nothing hung from it: its entries are zero. */
	fib->node[item].next_free = fib->node_free;
	fib->node_free = (uint32_t)item;
	fib->nodes_used--;
}

/* The way to the level where prefixes of this length end, as far as it is there: levels in
 * path[], their number returned. */
static unsigned walk(struct fib *fib, const struct ip6_prefix *p, struct level path[FIB_DEPTH + 1])
{
	unsigned n = 1;

	path[0] = root_level(fib);
	while (path[n - 1].to < p->len) {
		uint32_t node = child_at(&path[n - 1], &p->addr);

		if (node == 0)
			break;
		path[n] = child_level(fib, &path[n - 1], node);
		n++;
	}
	return n;
}

/* Levels on the way to where prefixes of this length end. */
static unsigned levels_for(unsigned len)
{
	return len <= FIB_ROOT_BITS ? 1 : 1 + (len - FIB_ROOT_BITS + 7) / 8;
}

static void hold(struct fib *fib, const struct level *l)
{
	if (l->node != 0)
		fib->node[l->node].refs++;
}

int fib_set(struct fib *fib, const struct ip6_prefix *prefix, uint32_t value)
{
	struct level path[FIB_DEPTH + 1];
	unsigned n = walk(fib, prefix, path), want = levels_for(prefix->len);
	uint32_t r = route_find(fib, prefix);

	assert(value <= FIB_VALUE_MASK);
	if (r != 0 && fib->route[r].value == value)
		return 0;
	if (r == 0 && (fib->count == fib->max || nodes_left(fib) < want - n))
		return -ENOSPC;
	for (; n < want; n++) {
		uint32_t node = node_take(fib);

		set_child(&path[n - 1], &prefix->addr, node);
		hold(fib, &path[n - 1]);
		path[n] = child_level(fib, &path[n - 1], node);
	}
	if (r != 0) {
		fib->route[r].value = value;
	} else {
		route_add(fib, prefix, value);
		hold(fib, &path[n - 1]);
	}
	paint(&path[n - 1], prefix, FIB_HAS_VALUE | value, prefix->len + 1U);
	changed(fib);
	return 0;
}

/* The longest route that covers this one and ends in the same level, or 0: shorter ones are
 * remembered from the levels above while looking up. */
static uint32_t cover(const struct fib *fib, const struct level *l, const struct ip6_prefix *p)
{
	struct ip6_prefix c = *p;
	unsigned least = l->node == 0 ? 0 : l->from + 1;

	while (c.len > least) {
		uint32_t r;

		c.len--;
		ip6_prefix_mask(&c);
		r = route_find(fib, &c);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Take away nodes that hold nothing any more, from the end of the path on. */
static void release(
	struct fib *fib, const struct level path[], unsigned n, const struct ip6_prefix *p)
{
	while (--n > 0 && --fib->node[path[n].node].refs == 0) {
		set_child(&path[n - 1], &p->addr, 0);
		(void)dq_push(fib->dq, free_node, fib, path[n].node);
	}
}

int fib_del(struct fib *fib, const struct ip6_prefix *prefix)
{
	struct level path[FIB_DEPTH + 1];
	uint32_t r = route_find(fib, prefix), c;
	unsigned n;

	if (r == 0)
		return -ENOENT;
	n = walk(fib, prefix, path);
	if (dq_need(fib->dq, n - 1) < 0)
		return -ENOSPC;
	route_del(fib, r);
	c = cover(fib, &path[n - 1], prefix);
	paint(&path[n - 1], prefix, c != 0 ? FIB_HAS_VALUE | fib->route[c].value : 0,
		c != 0 ? fib->route[c].prefix.len + 1U : 0);
	release(fib, path, n, prefix);
	changed(fib);
	return 0;
}

/* All destinations go down a level together, so that their cache misses overlap. */
void fib_lookup_bulk(
	const struct fib *fib, const struct ip6_addr *const dst[], uint32_t *value, uint32_t n)
{
	const _Atomic uint64_t *at[FIB_BULK_MAX];
	uint8_t who[FIB_BULK_MAX];
	uint32_t left = n;

	for (uint32_t i = 0; i < n; i++) {
		value[i] = 0;
		who[i] = (uint8_t)i;
		at[i] = &fib->root[root_index(dst[i])];
	}
	for (unsigned octet = FIB_ROOT_BITS / 8; left > 0; octet++) {
		uint32_t deeper = 0;

		for (uint32_t j = 0; j < left; j++) {
			uint64_t e = atomic_load_explicit(at[j], memory_order_acquire);
			uint8_t i = who[j];

			if (e & FIB_HAS_VALUE)
				value[i] = (uint32_t)e & FIB_VALUE_MASK;
			if (e >> 32 == 0)
				continue;
			at[deeper] = &fib->node[e >> 32].entry[dst[i]->b[octet]];
			__builtin_prefetch((const void *)at[deeper]);
			who[deeper++] = i;
		}
		left = deeper;
	}
}
