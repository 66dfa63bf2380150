/* SPDX-License-Identifier: BSD-3-Clause */
#include "records/feed.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define LINE __attribute__((aligned(64))) /* each end writes lines of its own */

struct feed {
	uint32_t size;
	feed_wake_fn wake;
	void *wake_ctx;

	/* the producer's */
	LINE uint64_t put; /* not all of it is seen yet */
	uint64_t tail_seen;
	LINE _Atomic uint64_t head; /* items put before it are the consumer's to read */

	/* the consumer's */
	LINE uint64_t head_seen;
	LINE _Atomic uint64_t tail; /* items before it were taken */
	_Atomic uint64_t written, synced, synced_count, failures;
	_Atomic uint64_t stat[FEED_STAT_COUNT];

	/* both ends', rarely */
	LINE atomic_bool wants_all;
	atomic_bool asleep;

	LINE struct feed_item item[];
};

int feed_new(uint32_t size, struct feed **out)
{
	size_t bytes = sizeof(struct feed) + size * sizeof(struct feed_item);
	struct feed *f;

	if (size == 0 || size > 1U << 24 || (size & (size - 1)) != 0)
		return -EINVAL;
	bytes = (bytes + 63) & ~(size_t)63;
	f = aligned_alloc(64, bytes);
	if (f == NULL)
		return -ENOMEM;
	*f = (struct feed){ .size = size };
	*out = f;
	return 0;
}

void feed_free(struct feed *f)
{
	free(f);
}

static struct feed_item *item(struct feed *f, uint64_t n)
{
	return &f->item[n & (f->size - 1)];
}

/* --- the producer --- */

struct feed_item *feed_room(struct feed *f)
{
	if (f->put - f->tail_seen == f->size)
		f->tail_seen = atomic_load_explicit(&f->tail, memory_order_acquire);
	return f->put - f->tail_seen < f->size ? item(f, f->put) : NULL;
}

void feed_put(struct feed *f)
{
	f->put++;
}

void feed_flush(struct feed *f)
{
	if (atomic_load_explicit(&f->head, memory_order_relaxed) == f->put)
		return;
	/* Either the consumer sees the new head before it sleeps, or its sleep is seen here: both
	 * sides first write, then read, in one order (seq_cst). */
	atomic_store(&f->head, f->put);
	if (atomic_load(&f->asleep) && atomic_exchange(&f->asleep, false) && f->wake != NULL)
		f->wake(f->wake_ctx);
}

uint64_t feed_count(const struct feed *f)
{
	return f->put;
}

uint64_t feed_synced_count(const struct feed *f)
{
	return atomic_load_explicit(&f->synced_count, memory_order_acquire);
}

uint64_t feed_written(const struct feed *f)
{
	return atomic_load_explicit(&f->written, memory_order_acquire);
}

uint64_t feed_synced(const struct feed *f)
{
	return atomic_load_explicit(&f->synced, memory_order_acquire);
}

uint64_t feed_failures(const struct feed *f)
{
	return atomic_load_explicit(&f->failures, memory_order_acquire);
}

bool feed_wants_all(struct feed *f)
{
	return atomic_load_explicit(&f->wants_all, memory_order_relaxed) &&
	       atomic_exchange(&f->wants_all, false);
}

uint64_t feed_stat(const struct feed *f, enum feed_stat s)
{
	return atomic_load_explicit(&f->stat[s], memory_order_relaxed);
}

/* --- the consumer --- */

void feed_on_wake(struct feed *f, feed_wake_fn fn, void *ctx)
{
	f->wake = fn;
	f->wake_ctx = ctx;
}

const struct feed_item *feed_peek(struct feed *f, uint32_t n)
{
	uint64_t at = atomic_load_explicit(&f->tail, memory_order_relaxed) + n;

	if (at >= f->head_seen)
		f->head_seen = atomic_load_explicit(&f->head, memory_order_acquire);
	return at < f->head_seen ? item(f, at) : NULL;
}

void feed_take(struct feed *f, uint32_t n)
{
	uint64_t tail = atomic_load_explicit(&f->tail, memory_order_relaxed);

	atomic_store_explicit(&f->tail, tail + n, memory_order_release);
}

bool feed_may_sleep(struct feed *f)
{
	atomic_store(&f->asleep, true);
	if (atomic_load(&f->head) == atomic_load_explicit(&f->tail, memory_order_relaxed))
		return true;
	atomic_store(&f->asleep, false);
	return false;
}

void feed_set_written(struct feed *f, uint64_t mark)
{
	atomic_store_explicit(&f->written, mark, memory_order_release);
}

void feed_set_synced(struct feed *f, uint64_t mark, uint64_t count)
{
	atomic_store_explicit(&f->synced, mark, memory_order_release);
	atomic_store_explicit(&f->synced_count, count, memory_order_release);
}

void feed_fail(struct feed *f)
{
	atomic_fetch_add_explicit(&f->failures, 1, memory_order_release);
}

void feed_want_all(struct feed *f)
{
	atomic_store(&f->wants_all, true);
}

void feed_stat_set(struct feed *f, enum feed_stat s, uint64_t v)
{
	atomic_store_explicit(&f->stat[s], v, memory_order_relaxed);
}

void feed_stat_add(struct feed *f, enum feed_stat s, uint64_t v)
{
	feed_stat_set(f, s, feed_stat(f, s) + v);
}
