/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mip6/held.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct held {
	uint32_t head, tail; /* counted on without end: held = head - tail */
	struct held_answer answer[HELD_MAX];
};

static_assert((HELD_MAX & (HELD_MAX - 1)) == 0, "counts go on over their end");

int held_new(struct held **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : -ENOMEM;
}

void held_free(struct held *h)
{
	free(h);
}

uint32_t held_count(const struct held *h)
{
	return h->head - h->tail;
}

struct held_answer *held_room(struct held *h)
{
	return held_count(h) < HELD_MAX ? &h->answer[h->head % HELD_MAX] : NULL;
}

void held_put(struct held *h)
{
	h->head++;
}

const struct held_answer *held_due(const struct held *h, uint64_t written)
{
	const struct held_answer *a = &h->answer[h->tail % HELD_MAX];

	return held_count(h) > 0 && a->mark <= written ? a : NULL;
}

void held_drop(struct held *h)
{
	assert(held_count(h) > 0);
	h->tail++;
}

uint32_t held_clear(struct held *h)
{
	uint32_t n = held_count(h);

	h->tail = h->head;
	return n;
}
