/* SPDX-License-Identifier: BSD-3-Clause */
#include "mem.h"

#include <stdlib.h>

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
	return begin(__real_malloc(size + sizeof(struct head)), size);
}

/* Large ones stay untouched pages of the kernel's. */
void *__wrap_calloc(size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all))
		return NULL;
	return begin(__real_calloc(1, all + sizeof(struct head)), all);
}

void *__wrap_realloc(void *p, size_t size)
{
	struct head *h = p == NULL ? NULL : (struct head *)p - 1;
	uint8_t owner = current;
	void *q;

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
