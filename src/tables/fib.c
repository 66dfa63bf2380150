/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables/fib.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "common/mem.h"
#include "tables/dq.h"

/*
 * An entry is child << 36 | the child's octet << 32 | FIB_HAS_VALUE | value; no child: 0, no value:
 * 0. Beside each entry, for the writer, stands the length of the prefix that its value comes
 * from, plus 1: 0 for none.
 */
#define FIB_HAS_VALUE  0x80000000U
#define FIB_VALUE_MASK 0x7fffffffU
#define FIB_ROOT_BITS  16
#define FIB_DEPTH      14 /* octets behind the root's */
#define FIB_NODES_MAX  (1U << 28)

/* Nodes up to which a core's own caches hold the trie: a lookup uses three lines of a node at most,
 * other than these seldom. */
#define FIB_SMALL 256

/* Two a route: one where it ends, and one where its way parts from another's. */
#define NODES_PER_ROUTE 2

/*
 * Tells apart addresses that have the octets of `key` in front of `octet`. There is one only where
 * prefixes end, or where the ways of several part: what lies between is compared, not walked.
 */
struct fib_node {
	struct ip6_addr key;
	uint8_t octet; /* 2..15 */
	uint16_t children; /* writer only, as what follows */
	uint32_t ends; /* prefixes that end here */
	uint32_t next_free;
	_Atomic uint64_t entry[256] __attribute__((aligned(64)));
	uint8_t len[256];
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
	uint32_t nodes, node_free, node_fresh;
	_Atomic uint32_t nodes_used; /* readers look, too, whether the trie is a small one */
	struct route *route; /* 0 is none */
	uint32_t max, count, route_free, route_fresh;
	uint32_t *hash; /* heads of chains */
	uint32_t hash_mask;
	uint64_t seed;
	_Atomic uint32_t generation;
	struct dq *dq;
};

int fib_new(const struct fib_opts *opts, struct dq *dq, struct fib **out)
{
	struct fib *fib = mem_zalloc(sizeof(*fib));
	uint32_t heads = 1;

	if (fib == NULL)
		return -ENOMEM;
	while (heads < opts->max_routes && heads < 1U << 30)
		heads <<= 1;
	fib->nodes =
		1 + (opts->max_nodes > 0 ? opts->max_nodes : NODES_PER_ROUTE * opts->max_routes);
	assert(fib->nodes <= FIB_NODES_MAX);
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

static struct level node_level(struct fib *fib, uint32_t n)
{
	struct fib_node *node = &fib->node[n];

	return (struct level){ .entry = node->entry,
		.len = node->len,
		.node = n,
		.from = 8U * node->octet,
		.to = 8U * node->octet + 8 };
}

static unsigned root_index(const struct ip6_addr *a)
{
	return (unsigned)a->b[0] << 8 | a->b[1];
}

static unsigned level_index(const struct level *l, const struct ip6_addr *a)
{
	return l->node == 0 ? root_index(a) : a->b[l->from / 8];
}

static uint32_t entry_child(uint64_t entry)
{
	return (uint32_t)(entry >> 36);
}

static unsigned entry_octet(uint64_t entry)
{
	return entry >> 32 & 15;
}

static uint32_t child_at(const struct level *l, const struct ip6_addr *a)
{
	return entry_child(
		atomic_load_explicit(&l->entry[level_index(l, a)], memory_order_relaxed));
}

/* Child and value share a word that only one side writes at a time: the writer is alone. */
static void set_child(
	struct fib *fib, const struct level *l, const struct ip6_addr *a, uint32_t node)
{
	_Atomic uint64_t *e = &l->entry[level_index(l, a)];
	uint64_t value = (uint32_t)atomic_load_explicit(e, memory_order_relaxed);

	if (node != 0)
		value |= (uint64_t)node << 36 | (uint64_t)fib->node[node].octet << 32;
	atomic_store_explicit(e, value, memory_order_release);
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
	return fib->nodes - 1 - atomic_load_explicit(&fib->nodes_used, memory_order_relaxed);
}

static uint32_t node_take(struct fib *fib, const struct ip6_addr *key, unsigned octet)
{
	uint32_t n = fib->node_free;

	if (n != 0)
		fib->node_free = fib->node[n].next_free;
	else
		n = fib->node_fresh++;
	fib->nodes_used++;
	memset(&fib->node[n], 0, sizeof(fib->node[n]));
	fib->node[n].key = *key;
	fib->node[n].octet = (uint8_t)octet;
	return n;
}

static void free_node(void *ctx, uint64_t item)
{
	struct fib *fib = ctx;

	fib->node[item].next_free = fib->node_free;
	fib->node_free = (uint32_t)item;
	fib->nodes_used--;
}

/* The octet in whose node prefixes of this length end; FIB_ROOT_BITS and less end in the root. */
static unsigned end_octet(unsigned len)
{
	return (len - 1) / 8;
}

/* How many octets in front are the same. */
static unsigned common_octets(const struct ip6_addr *a, const struct ip6_addr *b)
{
	unsigned n = 0;

	while (n < sizeof(a->b) && a->b[n] == b->b[n])
		n++;
	return n;
}

static bool ends_in(const struct level *l, const struct ip6_prefix *p)
{
	return p->len <= l->to;
}

/* The way to the level where the prefix ends, as far as it is there: levels in path[], their
 * number returned. */
static unsigned walk(struct fib *fib, const struct ip6_prefix *p, struct level path[FIB_DEPTH + 1])
{
	unsigned n = 1;

	path[0] = root_level(fib);
	while (!ends_in(&path[n - 1], p)) {
		uint32_t next = child_at(&path[n - 1], &p->addr);
		const struct fib_node *node = &fib->node[next];

		if (next == 0 || node->octet > end_octet(p->len) ||
			common_octets(&node->key, &p->addr) < node->octet)
			break;
		path[n++] = node_level(fib, next);
	}
	return n;
}

/* Nodes that grow() will take. */
static unsigned missing(const struct fib *fib, const struct level *last, const struct ip6_prefix *p)
{
	uint32_t other;

	if (ends_in(last, p))
		return 0;
	other = child_at(last, &p->addr);
	if (other == 0)
		return 1;
	return common_octets(&fib->node[other].key, &p->addr) < end_octet(p->len) ? 2 : 1;
}

static void adopt(struct fib *fib, uint32_t parent, uint32_t child)
{
	struct level l = node_level(fib, parent);

	set_child(fib, &l, &fib->node[child].key, child);
	fib->node[parent].children++;
}

/* Make the level where the prefix ends, below the last one of its path: at the end of the way, in
 * the middle of another's, or beside one that parts from it before. What is above sees all of it
 * with one store. */
static struct level grow(struct fib *fib, const struct level *last, const struct ip6_prefix *p)
{
	uint32_t other = child_at(last, &p->addr);
	uint32_t node = node_take(fib, &p->addr, end_octet(p->len)), top = node;

	if (other != 0) {
		unsigned same = common_octets(&fib->node[other].key, &p->addr);

		if (same < end_octet(p->len)) {
			top = node_take(fib, &p->addr, same);
			adopt(fib, top, node);
		}
		adopt(fib, top, other);
	} else if (last->node != 0) {
		fib->node[last->node].children++;
	}
	set_child(fib, last, &p->addr, top);
	return node_level(fib, node);
}

int fib_set(struct fib *fib, const struct ip6_prefix *prefix, uint32_t value)
{
	struct level path[FIB_DEPTH + 1], end;
	uint32_t r = route_find(fib, prefix);
	unsigned n;

	assert(value <= FIB_VALUE_MASK);
	if (r != 0 && fib->route[r].value == value)
		return 0;
	n = walk(fib, prefix, path);
	end = path[n - 1];
	if (r == 0 && (fib->count == fib->max || nodes_left(fib) < missing(fib, &end, prefix)))
		return -ENOSPC;
	if (!ends_in(&end, prefix))
		end = grow(fib, &end, prefix);
	if (r != 0) {
		fib->route[r].value = value;
	} else {
		route_add(fib, prefix, value);
		fib->node[end.node].ends++; /* the root's: nobody asks */
	}
	paint(&end, prefix, FIB_HAS_VALUE | value, prefix->len + 1U);
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

/* The only child there is. */
static uint32_t only_child(const struct fib_node *node)
{
	for (unsigned i = 0; i < 256; i++) {
		uint32_t child =
			entry_child(atomic_load_explicit(&node->entry[i], memory_order_relaxed));

		if (child != 0)
			return child;
	}
	return 0;
}

/* Take nodes away that nothing needs any more, the last of the path first: one without a child is
 * gone, one with a single child is passed by. At most two: the one above has another child. */
static void release(
	struct fib *fib, const struct level path[], unsigned n, const struct ip6_prefix *p)
{
	while (--n > 0) {
		uint32_t at = path[n].node, above = path[n - 1].node;
		struct fib_node *node = &fib->node[at];

		if (node->ends > 0 || node->children > 1)
			return;
		set_child(fib, &path[n - 1], &p->addr, only_child(node));
		(void)dq_push(fib->dq, free_node, fib, at);
		if (node->children > 0 || above == 0)
			return;
		fib->node[above].children--;
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
	if (n > 1 && dq_need(fib->dq, NODES_PER_ROUTE) < 0)
		return -ENOSPC;
	route_del(fib, r);
	c = cover(fib, &path[n - 1], prefix);
	paint(&path[n - 1], prefix, c != 0 ? FIB_HAS_VALUE | fib->route[c].value : 0,
		c != 0 ? fib->route[c].prefix.len + 1U : 0);
	fib->node[path[n - 1].node].ends--;
	release(fib, path, n, prefix);
	changed(fib);
	return 0;
}

/* --- looking up --- */

static inline bool on_the_way(const struct fib_node *node, const struct ip6_addr *a, unsigned octet)
{
#ifdef __SSE2__
	__m128i key = _mm_loadu_si128((const __m128i *)&node->key);
	__m128i same = _mm_cmpeq_epi8(key, _mm_loadu_si128((const __m128i *)a));

	return (~(unsigned)_mm_movemask_epi8(same) & ((1U << octet) - 1)) == 0;
#else
	return memcmp(&node->key, a, octet) == 0;
#endif
}

static inline uint64_t root_entry(const struct fib *fib, const struct ip6_addr *a)
{
	return atomic_load_explicit(&fib->root[root_index(a)], memory_order_acquire);
}

/* From an entry down to the next one; false: the longest prefix was found. */
static inline bool go_down(
	const struct fib *fib, uint64_t *entry, const struct ip6_addr *a, uint32_t *value)
{
	const struct fib_node *node = &fib->node[entry_child(*entry)];
	unsigned octet = entry_octet(*entry);

	if (!on_the_way(node, a, octet))
		return false;
	*entry = atomic_load_explicit(&node->entry[a->b[octet]], memory_order_acquire);
	if (*entry & FIB_HAS_VALUE)
		*value = (uint32_t)*entry & FIB_VALUE_MASK;
	return entry_child(*entry) != 0;
}

/* The child of an entry, if any, is on its way. */
static inline void ask_for(const struct fib *fib, uint64_t e, const struct ip6_addr *a)
{
	const struct fib_node *node = &fib->node[entry_child(e)];

	__builtin_prefetch(node);
	__builtin_prefetch((const void *)&node->entry[a->b[entry_octet(e)]]);
}

/* All destinations go down a level together, so that their cache misses overlap. */
static void lookup_large(
	const struct fib *fib, const struct ip6_addr *const dst[], uint32_t *value, uint32_t n)
{
	uint64_t way[FIB_BULK_MAX]; /* the entry whose child is next */
	uint8_t who[FIB_BULK_MAX];
	uint32_t left = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint64_t e = root_entry(fib, dst[i]);

		value[i] = (uint32_t)e & FIB_VALUE_MASK;
		ask_for(fib, e, dst[i]);
		way[left] = e;
		who[left] = (uint8_t)i;
		left += entry_child(e) != 0;
	}
	while (left > 0) {
		uint32_t deeper = 0;

		for (uint32_t j = 0; j < left; j++) {
			uint8_t i = who[j];
			uint64_t e = way[j];

			if (!go_down(fib, &e, dst[i], &value[i]))
				continue;
			ask_for(fib, e, dst[i]);
			way[deeper] = e;
			who[deeper++] = i;
		}
		left = deeper;
	}
}

/* One after the other: half the instructions, where nothing has to be waited for. Packets of one
 * burst often go to one address, that of the home agent most of all. */
static void lookup_small(
	const struct fib *fib, const struct ip6_addr *const dst[], uint32_t *value, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t e;
		uint32_t best;

		if (i > 0 && ip6_eq(dst[i], dst[i - 1])) {
			value[i] = value[i - 1];
			continue;
		}
		e = root_entry(fib, dst[i]);
		best = (uint32_t)e & FIB_VALUE_MASK;
		if (likely(entry_child(e) != 0)) {
			while (go_down(fib, &e, dst[i], &best))
				;
		}
		value[i] = best;
	}
}

void fib_lookup_bulk(
	const struct fib *fib, const struct ip6_addr *const dst[], uint32_t *value, uint32_t n)
{
	if (atomic_load_explicit(&fib->nodes_used, memory_order_relaxed) <= FIB_SMALL)
		lookup_small(fib, dst, value, n);
	else
		lookup_large(fib, dst, value, n);
}
