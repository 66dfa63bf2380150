/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/mem.h"

#include <assert.h>
#include <errno.h>
#include <linux/mman.h>
#include <stdint.h>
#include <sys/mman.h>

#if MEM_HAS_FENCES
#include <sanitizer/asan_interface.h>
#endif

#define HUGE (2UL << 20)
#define PAGE 4096UL

static bool use_hugepages;

void mem_use_hugepages(bool on)
{
	use_hugepages = on;
}

/* --- fences --- */

#if MEM_HAS_FENCES

/* In front, and behind what the last page has left. As large as the pages: what is asked for starts
 * where it would without. */
static size_t fence_len(size_t bytes)
{
	return bytes < HUGE ? PAGE : HUGE;
}

static void *fence(void *map, size_t bytes, size_t len)
{
	size_t front = fence_len(bytes);
	uint8_t *p = map;

	if (p == NULL)
		return NULL;
	ASAN_POISON_MEMORY_REGION(p, front);
	ASAN_POISON_MEMORY_REGION(p + front + bytes, len - front - bytes);
	return p + front;
}

/* Whoever gives it back knows how much it was. */
static void *unfence(void *start, size_t bytes, size_t len)
{
	size_t front = fence_len(bytes);
	uint8_t *p = start;

	assert(__asan_address_is_poisoned(p - 1) && !__asan_address_is_poisoned(p + bytes - 1) &&
		__asan_address_is_poisoned(p + bytes));
	ASAN_UNPOISON_MEMORY_REGION(p - front, len);
	return p - front;
}

#else

static size_t fence_len(size_t bytes)
{
	(void)bytes;
	return 0;
}

static void *fence(void *map, size_t bytes, size_t len)
{
	(void)bytes;
	(void)len;
	return map;
}

static void *unfence(void *start, size_t bytes, size_t len)
{
	(void)bytes;
	(void)len;
	return start;
}

#endif

/* --- memory --- */

/* What a huge page may hold is taken in whole huge pages, so that mem_free() knows the length
 * without asking what kind of page it was. */
static size_t mem_len(size_t bytes)
{
	size_t page = bytes < HUGE ? PAGE : HUGE;

	return ((bytes + page - 1) & ~(page - 1)) + 2 * fence_len(bytes);
}

static void *mem_map(size_t bytes, int flags)
{
	void *p = mmap(
		NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return p != MAP_FAILED ? p : NULL;
}

/* Pages now, not at first touch: a core that forwards or controls would wait for each, and for those
 * that the kernel has to clear, or its host to find, for milliseconds; and where there are none it
 * would be killed. A kernel that cannot (before Linux 5.14) gives them at first touch. NULL: none. */
static void *touched(void *p, size_t bytes)
{
	if (p == NULL || madvise(p, bytes, MADV_POPULATE_WRITE) == 0 || errno == EINVAL)
		return p;
	munmap(p, bytes);
	return NULL;
}

/* Starts at a multiple of 2 MB: the kernel makes transparent huge pages only of those. */
static void *mem_map_aligned(size_t bytes)
{
	uint8_t *p = mem_map(bytes + HUGE, 0);
	size_t head, tail;

	if (p == NULL)
		return NULL;
	head = -(uintptr_t)p & (HUGE - 1);
	tail = HUGE - head;
	if (head > 0)
		munmap(p, head);
	if (tail > 0)
		munmap(p + head + bytes, tail);
	/* Refused where the kernel has none: then it is ordinary pages. */
	(void)madvise(p + head, bytes, MADV_HUGEPAGE);
	return p + head;
}

static void *mem_take(size_t len, bool large)
{
	void *p = NULL;

	if (!large)
		return touched(mem_map(len, 0), len);
	if (use_hugepages)
		p = touched(mem_map(len, MAP_HUGETLB | MAP_HUGE_2MB), len);
	return p != NULL ? p : touched(mem_map_aligned(len), len);
}

void *mem_zalloc(size_t bytes)
{
	size_t len = mem_len(bytes);

	if (bytes == 0 || len < bytes)
		return NULL;
	return fence(mem_take(len, bytes >= HUGE), bytes, len);
}

void mem_free(void *p, size_t bytes)
{
	size_t len = mem_len(bytes);

	if (p != NULL)
		munmap(unfence(p, bytes, len), len);
}
