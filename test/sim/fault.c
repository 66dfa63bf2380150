/* SPDX-License-Identifier: BSD-3-Clause */
#include "fault.h"

#include <stdlib.h>

#include "fault_priv.h"
#include "oracle.h"

static const struct {
	bool (*begins)(struct world *w, struct one *f); /* false: it cannot, now */
	void (*ends)(struct world *w, struct one *f);
	bool is_state; /* what it makes lasts, and all must settle in it: not a fault in progress */
	bool is_path; /* hellos do not come through as they did */
	uint32_t lasts_ms[2];
} rows[FAULT_COUNT] = {
	[FAULT_PARTITION] = { partition_begins, partition_ends, false, true, { 200, 12000 } },
	[FAULT_CRASH] = { crash_begins, crash_ends, true, false, { 50, 15000 } },
	[FAULT_CLOCK] = { clock_begins, clock_ends, true, false, { 2000, 20000 } },
	[FAULT_PAUSE] = { pause_begins, pause_ends, false, false, { 50, 5000 } },
	[FAULT_CUT_PAIR] = { cut_pair_begins, cut_pair_ends, true, true, { 500, 15000 } },
	[FAULT_ONE_WAY] = { one_way_begins, one_way_ends, true, true, { 500, 15000 } },
	[FAULT_BAD_LINKS] = { bad_links_begins, bad_links_ends, false, true, { 500, 8000 } },
	[FAULT_OPERATOR] = { operator_begins, operator_ends, true, true, { 100, 1000 } },
	[FAULT_MEMORY] = { memory_begins, memory_ends, false, false, { 200, 3000 } },
	[FAULT_ROOM] = { room_begins, room_ends, false, false, { 100, 2500 } },
	[FAULT_RELEASE] = { release_begins, release_ends, false, true, { 500, 8000 } },
	[FAULT_DRAIN] = { drain_begins, drain_ends, true, false, { 3000, 15000 } },
};

static void end(struct world *w, void *ctx, uint64_t arg)
{
	struct one *f = ctx;

	(void)arg;
	if (!f->begun)
		return;
	f->begun = false;
	if (rows[f->fault].is_path)
		oracle_path_ends(w);
	world_tell(w, "%s ends", fault_name(f->fault));
	rows[f->fault].ends(w, f);
	if (f->fault == FAULT_CRASH)
		oracle_started(w, f->a);
	else if (!rows[f->fault].is_state)
		oracle_fault_ends(w, rows[f->fault].is_path);
	else
		oracle_fault(w, rows[f->fault].is_path);
}

static void begin(struct world *w, void *ctx, uint64_t arg)
{
	struct one *f = ctx;

	(void)arg;
	world_tell(w, "%s begins, for %llu ms", fault_name(f->fault),
		(unsigned long long)(f->lasts_us / MS));
	if (!rows[f->fault].begins(w, f)) {
		world_tell(w, "  but cannot now");
		return;
	}
	f->begun = true;
	if (rows[f->fault].is_path)
		oracle_path_begins(w);
	if (!rows[f->fault].is_state)
		oracle_fault_begins(w, rows[f->fault].is_path);
	else
		oracle_fault(w, rows[f->fault].is_path);
	world_at(w, w->now_us + f->lasts_us, end, f, 0);
}

static bool draw(struct world *w, enum fault *out)
{
	unsigned known = 0, nth;

	for (unsigned f = 0; f < FAULT_COUNT; f++)
		known += rows[f].begins != NULL && shape_knows(&w->shape, f);
	if (known == 0)
		return false;
	nth = (unsigned)rng_below(&w->rng_plan, known);
	for (unsigned f = 0;; f++)
		if (rows[f].begins != NULL && shape_knows(&w->shape, f) && nth-- == 0) {
			*out = f;
			return true;
		}
}

static void plan_one(struct world *w, enum fault fault, uint64_t at)
{
	struct one *f = calloc(1, sizeof(*f));

	if (f == NULL)
		abort();
	f->fault = fault;
	f->lasts_us =
		MS * rng_between(&w->rng_plan, rows[fault].lasts_ms[0], rows[fault].lasts_ms[1]);
	f->next = w->faults;
	w->faults = f;
	world_at(w, at, begin, f, 0);
}

/* Each crash once the one before is forgotten, and long enough for the others to live without. */
static void plan_joins(struct world *w)
{
	uint64_t at = 7 * S, down_us = oracle_settle_us(w) + rng_below(&w->rng_plan, S);

	for (unsigned i = 0; i < w->shape.fault_count && at + down_us < w->end_us; i++) {
		plan_one(w, FAULT_CRASH, at);
		w->faults->lasts_us = down_us;
		at += down_us + 2 * S + rng_below(&w->rng_plan, S);
	}
}

/* Half of the worlds know peace between faults, in the others they pile up. */
void faults_plan(struct world *w)
{
	uint64_t peace_us = rng_chance(&w->rng_plan, 500) ? oracle_settle_us(w) + 5 * S : 0;
	uint64_t at = rng_between(&w->rng_plan, 2 * S, 8 * S);
	enum fault fault;

	if (w->shape.is_restless) {
		plan_joins(w);
		return;
	}
	for (unsigned i = 0; i < w->shape.fault_count && draw(w, &fault); i++) {
		/* each that it knows, once at least */
		for (unsigned f = 0; i == 0 && f < FAULT_COUNT; f++)
			if (rows[f].begins != NULL && shape_knows(&w->shape, f) && f != fault)
				plan_one(w, f, rng_between(&w->rng_plan, 2 * S, w->end_us - S));
		if (at >= w->end_us)
			break;
		plan_one(w, fault, at);
		at += rng_chance(&w->rng_plan, 500) ? rng_below(&w->rng_plan, 2 * S)
						    : peace_us + rng_below(&w->rng_plan, 6 * S);
	}
}

void faults_mend(struct world *w)
{
	world_tell(w, "all is mended");
	for (struct one *f = w->faults; f != NULL; f = f->next)
		if (f->fault != FAULT_CLOCK || !f->begun)
			end(w, f, 0);
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		if (!site_is_up(w->site[n]) && n != w->shape.retired)
			site_start(w->site[n]);
	oracle_fault(w, false);
}

void faults_free(struct world *w)
{
	struct one *f;

	while ((f = w->faults) != NULL) {
		w->faults = f->next;
		free(f);
	}
}
