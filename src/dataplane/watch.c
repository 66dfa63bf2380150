/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "dataplane/watch_priv.h"

/* A trace's legs are some hundred octets, of few packets. A capture at 1 Gbit/s fills its ring in
 * 8 ms; the reader comes every few. */
#define TRACE_OCTETS   (256 * 1024)
#define CAPTURE_OCTETS (1024 * 1024)

#define CLOCK_NS 100000000 /* how long two clocks may run apart before they are compared again */

static void lane_free(struct watch_lane *l)
{
	if (l == NULL)
		return;
	bring_free(l->ring);
	free(l->desk);
	free(l);
}

uint32_t watch_octets(const struct watch *w)
{
	return w->kind == WATCH_TRACE ? TRACE_OCTETS : CAPTURE_OCTETS;
}

bool watch_is_used_up(const struct watch *w)
{
	return atomic_load_explicit(&w->left, memory_order_relaxed) <= 0;
}

static struct watch_lane *lane_new(struct watch *w, uint16_t number)
{
	struct watch_lane *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	l->watch = w;
	l->number = number;
	if (w->kind == WATCH_TRACE) {
		l->desk = malloc(sizeof(*l->desk));
		if (l->desk != NULL) /* touched here, workers must not fault */
			memset(l->desk, 0, sizeof(*l->desk));
	}
	if (bring_new(watch_octets(w), &l->ring) < 0 ||
		(w->kind == WATCH_TRACE && l->desk == NULL)) {
		lane_free(l);
		return NULL;
	}
	return l;
}

int watch_new(const struct watch_opts *opts, struct watch **out)
{
	const struct watch_filter *f = &opts->filter;
	struct watch *w = calloc(1, sizeof(*w) + opts->lanes * sizeof(w->lane[0]));
	bool late = f->dropped || f->has_stage;

	if (w == NULL)
		return -ENOMEM;
	w->kind = opts->kind;
	w->filter = *f;
	w->snaplen = opts->snaplen > 0 ? opts->snaplen : UINT32_MAX;
	/* What becomes of a packet decides only at its end whether it counts. */
	w->left = opts->count > 0 && !late ? opts->count : INT64_MAX;
	w->all_tx = !f->dropped || (f->has_reason && f->reason == DP_DROP_TX_FULL);
	w->lane_count = opts->lanes;
	for (uint16_t i = 0; i < opts->lanes; i++) {
		w->lane[i] = lane_new(w, i);
		if (w->lane[i] == NULL) {
			watch_free(w);
			return -ENOMEM;
		}
	}
	*out = w;
	return 0;
}

void watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	for (uint16_t i = 0; i < w->lane_count; i++)
		lane_free(w->lane[i]);
	free(w);
}

void watch_stop(struct watch *w)
{
	atomic_store_explicit(&w->stopping, true, memory_order_relaxed);
}

bool watch_is_stopping(const struct watch *w)
{
	return atomic_load_explicit(&w->stopping, memory_order_relaxed);
}

bool watch_is_on(const struct watch *w)
{
	return atomic_load_explicit(&w->is_on, memory_order_acquire);
}

const void *watch_peek(struct watch *w, uint16_t lane, uint32_t *len)
{
	return bring_peek(w->lane[lane]->ring, len);
}

void watch_next(struct watch *w, uint16_t lane)
{
	bring_drop(w->lane[lane]->ring);
}

uint16_t watch_lanes(const struct watch *w)
{
	return w->lane_count;
}

uint64_t watch_lost(const struct watch *w)
{
	uint64_t n = 0;

	for (uint16_t i = 0; i < w->lane_count; i++)
		n += bring_lost(w->lane[i]->ring);
	return n;
}

uint64_t watch_lost_at(const struct watch *w, unsigned place)
{
	uint64_t n = 0;

	for (uint16_t i = 0; i < w->lane_count; i++)
		n += atomic_load_explicit(&w->lane[i]->lost[place], memory_order_relaxed);
	return n;
}

uint16_t watch_ports(const struct watch *w, const struct watch_port **out)
{
	*out = w->port;
	return w->port_count;
}

uint64_t watch_ns(struct watch *w, uint64_t tsc)
{
	uint64_t now = rte_rdtsc();
	double ns_per_cycle = 1e9 / (double)w->tsc_hz;
	struct timespec ts;

	if (w->clock_tsc == 0 || (double)(now - w->clock_tsc) * ns_per_cycle > CLOCK_NS) {
		clock_gettime(CLOCK_REALTIME, &ts);
		w->clock_tsc = now;
		w->clock_ns = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	}
	return w->clock_ns +
	       (uint64_t)(int64_t)((double)(int64_t)(tsc - w->clock_tsc) * ns_per_cycle);
}

double watch_us(const struct watch *w, uint64_t from, uint64_t to)
{
	return (double)(int64_t)(to - from) * 1e6 / (double)w->tsc_hz;
}

const char *trace_stage_name(unsigned stage)
{
	static const char *const names[] = {
#define X(id, name) [DP_STAGE_##id] = name,
		DP_STAGE_LIST(X)
#undef X
			[TRACE_CONTROL] = "control",
	};

	static_assert(DIM(names) == TRACE_STAGE_COUNT, "one name a stage");
	return stage < DIM(names) ? names[stage] : "?";
}

const char *trace_vec_name(unsigned v)
{
	static const enum dp_stage stages[] = {
#define X(id, stage) [V_##id] = DP_STAGE_##stage,
		DP_VEC_LIST(X)
#undef X
	};

	return v < DIM(stages) ? trace_stage_name(stages[v]) : "?";
}

const char *trace_door_name(enum trace_door d)
{
	static const char *const names[] = {
#define X(id, name) [TRACE_##id] = name,
		TRACE_DOOR_LIST(X)
#undef X
	};

	static_assert(DIM(names) == TRACE_DOOR_COUNT, "one name a door");
	return d < DIM(names) ? names[d] : "?";
}
