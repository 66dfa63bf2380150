/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list is a ring through handle 0. Markers that stand at one place share a stand, which is a
 * link of its own with a handle above max; there are never more stands than markers.
 */
#include "records/changes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/plant.h"

#define NONE 0

struct stand {
	struct change_link link; /* number: markers that stand here; 0: free, next is the list's */
};

struct changes {
	uint8_t *links;
	size_t stride;
	uint32_t max, count;
	uint64_t last;
	uint32_t free_stand, free_marker; /* heads of lists through what is free */
	struct stand *stand; /* 1..markers: handle max + n */
	uint32_t *marker; /* 1..markers: handle of its stand; free: next free marker */
	uint32_t markers;
};

static bool is_stand(const struct changes *c, uint32_t handle)
{
	return handle > c->max;
}

static struct change_link *link_of(const struct changes *c, uint32_t handle)
{
	if (is_stand(c, handle))
		return &c->stand[handle - c->max].link;
	return (struct change_link *)(void *)(c->links + handle * c->stride);
}

int changes_new(const struct changes_opts *opts, struct changes **out)
{
	struct changes *c;
	uint32_t n = opts->markers;

	if (opts->max == 0 || opts->max > UINT32_MAX - n)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->links = opts->links;
	c->stride = opts->stride;
	c->max = opts->max;
	c->markers = n;
	c->stand = calloc(n + 1ULL, sizeof(*c->stand));
	c->marker = calloc(n + 1ULL, sizeof(*c->marker));
	if (c->stand == NULL || c->marker == NULL) {
		changes_free(c);
		return -ENOMEM;
	}
	for (uint32_t i = n; i > 0; i--) {
		c->stand[i].link.next = c->free_stand;
		c->free_stand = i;
		c->marker[i] = c->free_marker;
		c->free_marker = i;
	}
	*link_of(c, 0) = (struct change_link){ 0 };
	*out = c;
	return 0;
}

void changes_free(struct changes *c)
{
	if (c == NULL)
		return;
	free(c->marker);
	free(c->stand);
	free(c);
}

static void insert_behind(struct changes *c, uint32_t before, uint32_t handle)
{
	struct change_link *b = link_of(c, before), *l = link_of(c, handle);

	l->prev = before;
	l->next = b->next;
	link_of(c, b->next)->prev = handle;
	b->next = handle;
}

static void take_out(struct changes *c, uint32_t handle)
{
	struct change_link *l = link_of(c, handle);

	link_of(c, l->prev)->next = l->next;
	link_of(c, l->next)->prev = l->prev;
	l->prev = l->next = NONE;
}

/* A mistake to be found: only so many changes wait, then the oldest is forgotten. */
static void purge(struct changes *c)
{
	uint32_t h = link_of(c, 0)->next;

	if (!planted(PLANT_QUEUE_PURGES))
		return;
	while (is_stand(c, h))
		h = link_of(c, h)->next;
	if (c->count > 4)
		changes_del(c, h);
}

uint64_t changes_touch(struct changes *c, uint32_t handle)
{
	struct change_link *l = link_of(c, handle);

	if (l->number != 0)
		take_out(c, handle);
	else
		c->count++;
	insert_behind(c, link_of(c, 0)->prev, handle);
	l->number = ++c->last;
	purge(c);
	return c->last;
}

void changes_del(struct changes *c, uint32_t handle)
{
	struct change_link *l = link_of(c, handle);

	if (l->number == 0)
		return;
	take_out(c, handle);
	l->number = 0;
	c->count--;
}

void changes_prefetch(const struct changes *c, uint32_t handle)
{
	const struct change_link *l = link_of(c, handle);

	__builtin_prefetch(link_of(c, l->prev), 1);
	__builtin_prefetch(link_of(c, l->next), 1);
}

uint64_t changes_number(const struct changes *c, uint32_t handle)
{
	return link_of(c, handle)->number;
}

uint64_t changes_last(const struct changes *c)
{
	return c->last;
}

uint64_t changes_skip(struct changes *c)
{
	return ++c->last;
}

uint32_t changes_count(const struct changes *c)
{
	return c->count;
}

/* --- markers --- */

static void leave(struct changes *c, uint32_t marker)
{
	uint32_t s = c->marker[marker];

	if (--link_of(c, s)->number > 0)
		return;
	take_out(c, s);
	link_of(c, s)->next = c->free_stand;
	c->free_stand = s - c->max;
}

static void join(struct changes *c, uint32_t marker, uint32_t stand)
{
	link_of(c, stand)->number++;
	c->marker[marker] = stand;
}

/* At the place behind `before`, which is where another stand may be. */
static void stand_behind(struct changes *c, uint32_t marker, uint32_t before)
{
	uint32_t next = link_of(c, before)->next, s;

	if (is_stand(c, next)) {
		join(c, marker, next);
		return;
	}
	s = c->free_stand + c->max; /* there are as many as markers, and this one has none */
	c->free_stand = link_of(c, s)->next;
	*link_of(c, s) = (struct change_link){ 0 };
	insert_behind(c, before, s);
	join(c, marker, s);
}

uint32_t changes_marker_new(struct changes *c)
{
	uint32_t m = c->free_marker;

	if (m == 0)
		return 0;
	c->free_marker = c->marker[m];
	stand_behind(c, m, 0);
	return m;
}

void changes_marker_free(struct changes *c, uint32_t marker)
{
	leave(c, marker);
	c->marker[marker] = c->free_marker;
	c->free_marker = marker;
}

uint32_t changes_peek(const struct changes *c, uint32_t marker)
{
	uint32_t h = link_of(c, c->marker[marker])->next;

	while (is_stand(c, h))
		h = link_of(c, h)->next;
	return h;
}

uint32_t changes_next(struct changes *c, uint32_t marker)
{
	uint32_t h = changes_peek(c, marker);

	if (h == 0) {
		changes_to_end(c, marker);
		return 0;
	}
	leave(c, marker);
	stand_behind(c, marker, h);
	return h;
}

uint64_t changes_at(const struct changes *c, uint32_t marker)
{
	uint32_t h = changes_peek(c, marker);

	return h == 0 ? c->last : link_of(c, h)->number - 1;
}

void changes_rewind(struct changes *c, uint32_t marker, uint32_t to)
{
	uint32_t old = c->marker[marker];

	if (old == c->marker[to])
		return;
	leave(c, marker);
	join(c, marker, c->marker[to]);
}

void changes_to_start(struct changes *c, uint32_t marker)
{
	leave(c, marker);
	stand_behind(c, marker, 0);
}

void changes_to_end(struct changes *c, uint32_t marker)
{
	uint32_t last = link_of(c, 0)->prev;

	if (last == c->marker[marker])
		return;
	leave(c, marker);
	last = link_of(c, 0)->prev;
	if (is_stand(c, last))
		join(c, marker, last);
	else
		stand_behind(c, marker, last);
}
