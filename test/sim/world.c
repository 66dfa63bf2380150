/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ntp.h"
#include "mem.h"

uint64_t rng_next(uint64_t *seed)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

uint64_t rng_below(uint64_t *seed, uint64_t n)
{
	return rng_next(seed) % n;
}

uint64_t rng_between(uint64_t *seed, uint64_t lo, uint64_t hi)
{
	return lo + rng_below(seed, hi - lo + 1);
}

bool rng_chance(uint64_t *seed, uint32_t per_mille)
{
	return rng_below(seed, 1000) < per_mille;
}

static struct world *current;

struct world *world_current(void)
{
	return current;
}

int world_new(uint64_t seed, const struct shape *shape, bool trace, struct world **out)
{
	struct world *w = calloc(1, sizeof(*w));
	uint64_t x = seed;

	if (w == NULL)
		return -ENOMEM;
	w->seed = seed;
	w->shape = *shape;
	w->trace = trace;
	w->rng_plan = rng_next(&x);
	w->rng_net = rng_next(&x);
	w->rng_mn = rng_next(&x);
	w->rng_probe = rng_next(&x);
	w->rng_site = rng_next(&x);
	w->rng_seal = rng_next(&x);
	w->rng_odd = rng_next(&x);
	current = w;
	w->stats.sealed = shape->is_sealed;
	w->stats.worlds = 1;
	*out = w;
	return 0;
}

uint64_t world_stamp(const struct world *w)
{
	uint64_t us = WALL_MS * MS + w->now_us;

	return ntp_from_unix(us / S, (uint32_t)(us % S) * 1000);
}

void world_free(struct world *w)
{
	if (w == NULL)
		return;
	current = NULL;
	for (size_t i = 0; i < w->heap_len; i++)
		if (w->heap[i].is_owner)
			free(w->heap[i].ctx);
	free(w->heap);
	free(w);
}

/* --- the queue: a binary heap, the next event first --- */

static bool is_before(const struct world_event *a, const struct world_event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void push(struct world *w, const struct world_event *e)
{
	size_t i = w->heap_len++;

	if (w->heap_len > w->heap_cap) {
		w->heap_cap = w->heap_cap == 0 ? 256 : 2 * w->heap_cap;
		w->heap = mem_own_again(w->heap, w->heap_cap * sizeof(*w->heap));
	}
	for (; i > 0 && is_before(e, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = *e;
}

static struct world_event pop(struct world *w)
{
	struct world_event first = w->heap[0], last = w->heap[--w->heap_len];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < w->heap_len) {
		if (child + 1 < w->heap_len && is_before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!is_before(&w->heap[child], &last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	if (w->heap_len > 0)
		w->heap[i] = last;
	return first;
}

static void add(struct world *w, uint64_t at_us, world_fn fn, void *ctx, uint64_t arg, bool owner)
{
	struct world_event e = {
		.at_us = at_us < w->now_us ? w->now_us : at_us,
		.order = w->order++,
		.fn = fn,
		.ctx = ctx,
		.arg = arg,
		.is_owner = owner,
	};

	push(w, &e);
}

void world_at(struct world *w, uint64_t at_us, world_fn fn, void *ctx, uint64_t arg)
{
	add(w, at_us, fn, ctx, arg, false);
}

void world_post(struct world *w, uint64_t at_us, world_fn fn, void *ctx, uint64_t arg)
{
	add(w, at_us, fn, ctx, arg, true);
}

void world_run(struct world *w, uint64_t until_us)
{
	while (!w->failed && w->heap_len > 0 && w->heap[0].at_us <= until_us) {
		struct world_event e = pop(w);

		w->now_us = e.at_us;
		w->stats.events++;
		e.fn(w, e.ctx, e.arg);
		if (e.is_owner)
			free(e.ctx);
	}
	if (!w->failed && w->now_us < until_us)
		w->now_us = until_us;
}

/* --- the story --- */

void world_describe(struct world *w)
{
	const struct shape *s = &w->shape;

	printf("world %llu (%s): %u sites, %u mobile nodes, %s, %u s of trouble\n",
		(unsigned long long)w->seed, s->kind, s->sites, s->mns,
		s->has_store ? "with stores" : "no stores", s->duration_s);
	printf("  delay %u us, jitter %u us, loss %u/1000000, access loss %u/1000000; hello %u ms, "
	       "dead %u ms\n",
		s->delay_us, s->jitter_us, s->loss_ppm, s->access_loss_ppm, s->hello_ms,
		s->dead_ms);
	if (s->retired != 0)
		printf("  site %u is gone for good, and all know it\n", s->retired);
	printf("  %u records a turn\n", s->budget);
	printf("  faults:");
	for (unsigned f = 0; f < FAULT_COUNT; f++)
		if (shape_knows(s, f))
			printf(" %s", fault_name(f));
	putchar('\n');
	for (unsigned d = 0; d < s->domains; d++) {
		const struct shape_domain *x = &s->domain[d];

		printf("  domain %u: %s, %s, ack-peers %u, %s, sites", d,
			x->shared ? "shared" : "unicast", x->primary ? "primary" : "direct",
			x->ack_peers, x->with_auth ? "keys" : "no keys");
		for (unsigned i = 0; i < x->member_count; i++)
			printf(" %u", x->members[i]);
		putchar('\n');
	}
}

void world_tell(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (!w->trace)
		return;
	printf("%3llu.%06llu  ", (unsigned long long)(w->now_us / S),
		(unsigned long long)(w->now_us % S));
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

void world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->failed)
		return;
	w->failed = true;
	va_start(ap, fmt);
	vsnprintf(w->failure, sizeof(w->failure), fmt, ap);
	va_end(ap);
	world_tell(w, "BROKEN: %s", w->failure);
}
