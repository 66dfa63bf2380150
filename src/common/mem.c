/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/mem.h"

#include <errno.h>
#include <linux/mman.h>
#include <stdint.h>
#include <sys/mman.h>

#define HUGE (2UL << 20)

static bool use_hugepages;

void mem_use_hugepages(bool on)
{
	use_hugepages = on;
}

/* What a huge page may hold is taken in whole huge pages, so that mem_free() knows the length
 * without asking what kind of page it was. */
static size_t mem_round(size_t bytes)
{
	return bytes < HUGE ? bytes : (bytes + HUGE - 1) & ~(HUGE - 1);
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

void *mem_zalloc(size_t bytes)
{
	size_t len = mem_round(bytes);
	void *p = NULL;

	if (bytes == 0 || len < bytes)
		return NULL;
	if (len < HUGE)
		return touched(mem_map(len, 0), len);
	if (use_hugepages)
		p = touched(mem_map(len, MAP_HUGETLB | MAP_HUGE_2MB), len);
	return p != NULL ? p : touched(mem_map_aligned(len), len);
}

void mem_free(void *p, size_t bytes)
{
	if (p != NULL)
		munmap(p, mem_round(bytes));
}
