/* SPDX-License-Identifier: BSD-3-Clause */
#include "mem.h"

#include <sodium.h>
#include <stdlib.h>

#include "world.h"

/* In front of what is handed out, as large as the alignment that malloc() promises. */
struct head {
	uint64_t size;
	uint64_t node;
};

/* volatile: the compiler knows that malloc() looks at nothing of ours, but this one does. */
static volatile uint8_t current;
static uint64_t held[256];

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
void __wrap_free(void *p);
void *__real_sodium_malloc(size_t size);
void *__real_sodium_allocarray(size_t n, size_t size);
void *__wrap_sodium_malloc(size_t size);
void *__wrap_sodium_allocarray(size_t n, size_t size);

void mem_for(uint8_t node)
{
	current = node;
}

uint8_t mem_current(void)
{
	return current;
}

uint64_t mem_of(uint8_t node)
{
	return held[node];
}

static uint8_t lacking;
static uint16_t lacks; /* of a thousand */
static uint8_t once_at;
static uint32_t once;

void mem_lack(uint8_t node, uint16_t per_mille)
{
	lacking = node;
	lacks = per_mille;
}

bool mem_is_lacking(uint8_t node)
{
	return lacks > 0 && lacking == node;
}

void mem_lack_once(uint8_t node, uint32_t nth)
{
	once_at = node;
	once = nth;
}

static bool is_refused(void)
{
	struct world *w = world_current();

	if (current == 0 || w == NULL)
		return false;
	if (current == once_at && once > 0 && --once == 0)
		return true;
	return current == lacking && lacks > 0 && rng_chance(&w->rng_odd, lacks);
}

static void *begin(struct head *h, size_t size)
{
	if (h == NULL)
		return NULL;
	h->size = size;
	h->node = current;
	held[current] += size;
	return h + 1;
}

void *__wrap_malloc(size_t size)
{
	if (is_refused())
		return NULL;
	return begin(__real_malloc(size + sizeof(struct head)), size);
}

/* Large ones stay untouched pages of the kernel's. */
void *__wrap_calloc(size_t n, size_t size)
{
	size_t all;

	if (is_refused() || __builtin_mul_overflow(n, size, &all))
		return NULL;
	return begin(__real_calloc(1, all + sizeof(struct head)), all);
}

void *__wrap_realloc(void *p, size_t size)
{
	struct head *h = p == NULL ? NULL : (struct head *)p - 1;
	uint8_t owner = current;
	void *q;

	if (is_refused())
		return NULL;
	if (h != NULL) {
		held[h->node] -= h->size;
		current = (uint8_t)h->node;
	}
	q = begin(__real_realloc(h, size + sizeof(*h)), size);
	current = owner;
	return q;
}

void __wrap_free(void *p)
{
	struct head *h = p == NULL ? NULL : (struct head *)p - 1;

	if (h == NULL)
		return;
	held[h->node] -= h->size;
	__real_free(h);
}

void *__wrap_sodium_malloc(size_t size)
{
	return is_refused() ? NULL : __real_sodium_malloc(size);
}

void *__wrap_sodium_allocarray(size_t n, size_t size)
{
	return is_refused() ? NULL : __real_sodium_allocarray(n, size);
}

void *mem_own_again(void *p, size_t size)
{
	uint8_t owner = current;

	current = 0;
	p = realloc(p, size);
	current = owner;
	if (p == NULL)
		abort();
	return p;
}

void *mem_own(size_t size)
{
	return mem_own_again(NULL, size);
}
