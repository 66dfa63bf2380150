/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/bring.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define LINE 64
#define SKIP UINT32_MAX /* nothing more up to the end of the ring */
#define HEAD 8 /* octets in front of a record: its length, and what keeps it aligned */

/* Positions count octets without end; a record never wraps. */
struct bring {
	uint32_t size;
	uint8_t *buf;

	_Atomic uint64_t head __attribute__((aligned(LINE))); /* published; the writer's */
	uint64_t at; /* prepared up to here */
	uint64_t tail_seen; /* what the writer last saw of tail */
	_Atomic uint64_t lost;

	_Atomic uint64_t tail __attribute__((aligned(LINE))); /* read up to here; the reader's */
};

int bring_new(uint32_t octets, struct bring **out)
{
	struct bring *r;

	if (octets < LINE || octets > 1U << 31 || (octets & (octets - 1)) != 0)
		return -EINVAL;
	r = aligned_alloc(LINE, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	memset(r, 0, sizeof(*r));
	r->size = octets;
	r->buf = malloc(octets);
	if (r->buf == NULL) {
		free(r);
		return -ENOMEM;
	}
	memset(r->buf, 0, octets); /* touched here, not by a writer that must not fault */
	*out = r;
	return 0;
}

void bring_free(struct bring *r)
{
	if (r == NULL)
		return;
	explicit_bzero(r->buf, r->size);
	free(r->buf);
	free(r);
}

static uint64_t taken(uint32_t len)
{
	return HEAD + (((uint64_t)len + 7) & ~7ULL);
}

static void put_len(struct bring *r, uint64_t at, uint32_t len)
{
	memcpy(r->buf + (at & (r->size - 1)), &len, sizeof(len));
}

static uint32_t get_len(const struct bring *r, uint64_t at)
{
	uint32_t len;

	memcpy(&len, r->buf + (at & (r->size - 1)), sizeof(len));
	return len;
}

static bool has_room(struct bring *r, uint64_t need)
{
	if (r->at + need - r->tail_seen <= r->size)
		return true;
	r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	return r->at + need - r->tail_seen <= r->size;
}

void *bring_prepare(struct bring *r, uint32_t len)
{
	uint64_t to_end = r->size - (r->at & (r->size - 1));
	uint64_t need = taken(len), skip = to_end < need ? to_end : 0;
	void *room;

	/* more than half might never find room, wherever the ring stands */
	if (need > r->size / 2 || !has_room(r, skip + need)) {
		bring_count_lost(r, 1);
		return NULL;
	}
	if (skip > 0)
		put_len(r, r->at, SKIP);
	r->at += skip;
	put_len(r, r->at, len);
	room = r->buf + (r->at & (r->size - 1)) + HEAD;
	r->at += need;
	return room;
}

uint64_t bring_at(const struct bring *r)
{
	return r->at;
}

void bring_publish(struct bring *r, uint64_t at)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed); /* ours */

	/* What is published may be read already, and its room be somebody else's. */
	if (at < head)
		at = head;
	r->at = at;
	atomic_store_explicit(&r->head, at, memory_order_release);
}

void bring_count_lost(struct bring *r, uint64_t n)
{
	/* One writer: no need for a locked instruction. */
	atomic_store_explicit(&r->lost, atomic_load_explicit(&r->lost, memory_order_relaxed) + n,
		memory_order_relaxed);
}

const void *bring_peek(struct bring *r, uint32_t *len)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);

	if (tail == head)
		return NULL;
	*len = get_len(r, tail);
	if (*len == SKIP) {
		tail += r->size - (tail & (r->size - 1));
		atomic_store_explicit(&r->tail, tail, memory_order_release);
		*len = get_len(r, tail);
	}
	return r->buf + (tail & (r->size - 1)) + HEAD;
}

void bring_drop(struct bring *r)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	atomic_store_explicit(&r->tail, tail + taken(get_len(r, tail)), memory_order_release);
}

uint64_t bring_lost(const struct bring *r)
{
	return atomic_load_explicit(&r->lost, memory_order_relaxed);
}
