/* SPDX-License-Identifier: BSD-3-Clause */
#include "transit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct transit_frame *pool;
/* waiting: a heap, the next one first */
static uint32_t unused[TRANSIT_FRAMES_MAX], waiting[TRANSIT_FRAMES_MAX];
static unsigned unused_count, waiting_count;
static uint64_t order;

int transit_init(void)
{
	pool = malloc(TRANSIT_FRAMES_MAX * sizeof(*pool));
	if (pool == NULL)
		return -ENOMEM;
	while (unused_count < TRANSIT_FRAMES_MAX) {
		unused[unused_count] = TRANSIT_FRAMES_MAX - 1 - unused_count;
		unused_count++;
	}
	return 0;
}

static bool is_before(uint32_t a, uint32_t b)
{
	const struct transit_frame *x = &pool[a], *y = &pool[b];

	return x->due_ns != y->due_ns ? x->due_ns < y->due_ns : x->order < y->order;
}

static void swap(unsigned i, unsigned j)
{
	uint32_t t = waiting[i];

	waiting[i] = waiting[j];
	waiting[j] = t;
}

static void push(uint32_t frame)
{
	unsigned i = waiting_count++;

	waiting[i] = frame;
	for (; i > 0 && is_before(waiting[i], waiting[(i - 1) / 2]); i = (i - 1) / 2)
		swap(i, (i - 1) / 2);
}

static uint32_t pop(void)
{
	uint32_t first = waiting[0];
	unsigned i = 0;

	waiting[0] = waiting[--waiting_count];
	for (;;) {
		unsigned least = i;

		for (unsigned c = 2 * i + 1; c <= 2 * i + 2 && c < waiting_count; c++)
			if (is_before(waiting[c], waiting[least]))
				least = c;
		if (least == i)
			return first;
		swap(i, least);
		i = least;
	}
}

bool transit_hold(void *to, uint64_t due_ns, const uint8_t *data, size_t len)
{
	struct transit_frame *f;

	if (unused_count == 0 || len > sizeof(f->data))
		return false;
	f = &pool[unused[--unused_count]];
	f->to = to;
	f->due_ns = due_ns;
	f->order = order++;
	f->len = (uint16_t)len;
	memcpy(f->data, data, len);
	push((uint32_t)(f - pool));
	return true;
}

const struct transit_frame *transit_next(uint64_t now_ns)
{
	uint32_t i;

	if (waiting_count == 0 || pool[waiting[0]].due_ns > now_ns)
		return NULL;
	i = pop();
	unused[unused_count++] = i;
	return &pool[i];
}

uint64_t transit_due(void)
{
	return waiting_count > 0 ? pool[waiting[0]].due_ns : 0;
}
