/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mip6/pending.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct entry {
	struct mip6_answer answer;
	uint32_t life; /* which user of the place this is: the upper half of its token */
	uint32_t handle; /* 0: free */
	uint32_t next; /* of the same hash, or free */
};

struct pending {
	uint32_t max, used, count;
	uint32_t mask;
	uint32_t free; /* behind those never used */
	uint32_t *hash; /* handles are dense numbers: their low bits do */
	struct entry *entry; /* 1..max */
};

int pending_new(uint32_t max, struct pending **out)
{
	struct pending *p;
	uint32_t heads = 1;

	if (max == 0)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	while (heads < max && heads < 1U << 31)
		heads <<= 1;
	p->max = max;
	p->mask = heads - 1;
	p->entry = calloc(max + 1ULL, sizeof(*p->entry));
	p->hash = calloc(heads, sizeof(*p->hash));
	if (p->entry == NULL || p->hash == NULL) {
		pending_free(p);
		return -ENOMEM;
	}
	*out = p;
	return 0;
}

void pending_free(struct pending *p)
{
	if (p == NULL)
		return;
	free(p->hash);
	free(p->entry);
	free(p);
}

static uint32_t take(struct pending *p)
{
	uint32_t i = p->free;

	if (i != 0)
		p->free = p->entry[i].next;
	else if (p->used < p->max)
		i = ++p->used;
	return i;
}

struct mip6_answer *pending_put(struct pending *p, uint32_t handle, uint64_t *token)
{
	uint32_t *head = &p->hash[handle & p->mask], i = take(p);
	struct entry *e = &p->entry[i];

	assert(handle != 0);
	if (i == 0)
		return NULL;
	e->handle = handle;
	e->next = *head;
	*head = i;
	p->count++;
	*token = (uint64_t)e->life << 32 | i;
	return &e->answer;
}

static struct entry *find(struct pending *p, uint64_t token)
{
	uint32_t i = (uint32_t)token;
	struct entry *e = &p->entry[i];

	if (i == 0 || i > p->used || e->handle == 0 || e->life != token >> 32)
		return NULL;
	return e;
}

struct mip6_answer *pending_find(struct pending *p, uint64_t token)
{
	struct entry *e = find(p, token);

	return e != NULL ? &e->answer : NULL;
}

uint32_t pending_handle(struct pending *p, uint64_t token)
{
	const struct entry *e = find(p, token);

	return e != NULL ? e->handle : 0;
}

void pending_drop(struct pending *p, uint64_t token)
{
	struct entry *e = find(p, token);
	uint32_t i, *link;

	assert(e != NULL);
	i = (uint32_t)(e - p->entry);
	link = &p->hash[e->handle & p->mask];
	while (*link != i)
		link = &p->entry[*link].next;
	*link = e->next;
	e->handle = 0;
	e->life++;
	e->next = p->free;
	p->free = i;
	p->count--;
}

bool pending_has(const struct pending *p, uint32_t handle)
{
	uint32_t i = p->count > 0 ? p->hash[handle & p->mask] : 0;

	while (i != 0 && p->entry[i].handle != handle)
		i = p->entry[i].next;
	return i != 0;
}

uint32_t pending_count(const struct pending *p)
{
	return p->count;
}
