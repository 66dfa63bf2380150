/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mip6/waiting.h"

#include <errno.h>
#include <stdlib.h>

struct waitings {
	uint32_t mask; /* of the hash; handles are dense numbers: their low bits do */
	uint32_t free; /* entry number, 0: none left */
	struct waiting *entry; /* 0 is none */
	uint32_t *hash;
};

int waitings_new(uint32_t max, struct waitings **out)
{
	struct waitings *ws;
	uint32_t heads = 1;

	if (max == 0)
		return -EINVAL;
	ws = calloc(1, sizeof(*ws));
	if (ws == NULL)
		return -ENOMEM;
	while (heads < max)
		heads <<= 1;
	ws->mask = heads - 1;
	ws->entry = calloc(max + 1ULL, sizeof(*ws->entry));
	ws->hash = calloc(heads, sizeof(*ws->hash));
	if (ws->entry == NULL || ws->hash == NULL) {
		waitings_free(ws);
		return -ENOMEM;
	}
	for (uint32_t i = max; i > 0; i--) {
		ws->entry[i].next = ws->free;
		ws->free = i;
	}
	*out = ws;
	return 0;
}

void waitings_free(struct waitings *ws)
{
	if (ws == NULL)
		return;
	free(ws->hash);
	free(ws->entry);
	free(ws);
}

static uint32_t *chain(const struct waitings *ws, uint32_t handle)
{
	return &ws->hash[handle & ws->mask];
}

struct waiting *waiting_find(struct waitings *ws, uint32_t handle)
{
	for (uint32_t i = *chain(ws, handle); i != 0; i = ws->entry[i].next)
		if (ws->entry[i].handle == handle)
			return &ws->entry[i];
	return NULL;
}

struct waiting *waiting_add(struct waitings *ws, uint32_t handle)
{
	uint32_t i = ws->free, *head = chain(ws, handle);

	if (i == 0)
		return NULL;
	ws->free = ws->entry[i].next;
	ws->entry[i] = (struct waiting){ .handle = handle, .next = *head };
	*head = i;
	return &ws->entry[i];
}

void waiting_del(struct waitings *ws, struct waiting *w)
{
	uint32_t i = (uint32_t)(w - ws->entry), *link = chain(ws, w->handle);

	while (*link != i)
		link = &ws->entry[*link].next;
	*link = w->next;
	w->next = ws->free;
	ws->free = i;
}
