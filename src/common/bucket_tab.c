/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/bucket_tab.h"

#include <assert.h>
#include <errno.h>

#include "common/bucket.h"
#include "common/mem.h"

struct entry {
	struct ip6_addr addr;
	uint32_t group; /* + 1; 0 = never used */
	struct bucket bucket; /* last_ms: when the address was last heard */
};

#define LINE 64 /* octets of a cache line */
#define SET  (BUCKET_TAB_WAYS * sizeof(struct entry))

struct bucket_tab {
	uint64_t seed;
	uint32_t set_mask;
	struct entry entry[] __attribute__((aligned(LINE)));
};

static_assert(SET % LINE == 0, "a set begins a line, and ends one");

static size_t table_octets(uint32_t entries)
{
	return sizeof(struct bucket_tab) + entries * sizeof(struct entry);
}

int bucket_tab_new(uint32_t entries, uint64_t seed, struct bucket_tab **out)
{
	struct bucket_tab *t;

	if (entries < BUCKET_TAB_WAYS || (entries & (entries - 1)) != 0)
		return -EINVAL;
	t = mem_zalloc(table_octets(entries)); /* touched here: a worker must not fault */
	if (t == NULL)
		return -ENOMEM;
	t->seed = seed;
	t->set_mask = entries / BUCKET_TAB_WAYS - 1;
	*out = t;
	return 0;
}

void bucket_tab_free(struct bucket_tab *t)
{
	if (t != NULL)
		mem_free(t, table_octets((t->set_mask + 1) * BUCKET_TAB_WAYS));
}

/* Longer silent; within one millisecond, who has more left: not who is in a flood. */
static bool is_quieter(const struct bucket *a, const struct bucket *b)
{
	if (a->last_ms != b->last_ms)
		return a->last_ms < b->last_ms;
	return a->millitokens > b->millitokens;
}

static uint64_t set_of(const struct bucket_tab *t, uint32_t group, const struct ip6_addr *addr)
{
	return (ip6_hash(addr, t->seed ^ group) & t->set_mask) * BUCKET_TAB_WAYS;
}

void bucket_tab_ask(const struct bucket_tab *t, uint32_t group, const struct ip6_addr *addr)
{
	const char *set = (const char *)&t->entry[set_of(t, group, addr)];

	for (size_t at = 0; at < SET; at += LINE)
		__builtin_prefetch(set + at); /* nobody else's: that it is written needs no word */
}

/* The address's entry, or the one of its set that is empty or longest silent. */
static struct entry *find(
	struct bucket_tab *t, uint32_t group, const struct ip6_addr *addr, bool *found)
{
	struct entry *ways = &t->entry[set_of(t, group, addr)];
	struct entry *oldest = ways;

	*found = true;
	for (struct entry *e = ways; e < ways + BUCKET_TAB_WAYS; e++) {
		if (e->group == group + 1 && ip6_eq(&e->addr, addr))
			return e;
		if (is_quieter(&e->bucket, &oldest->bucket))
			oldest = e;
	}
	*found = false;
	return oldest;
}

bool bucket_tab_take(struct bucket_tab *t, uint32_t group, const struct ip6_addr *addr,
	uint32_t rate, uint32_t burst, uint64_t now_ms)
{
	bool found;
	struct entry *e = find(t, group, addr, &found);

	if (!found) {
		e->addr = *addr;
		e->group = group + 1;
		bucket_init(&e->bucket, rate, burst, now_ms);
	}
	return bucket_take(&e->bucket, now_ms);
}
