/* SPDX-License-Identifier: BSD-3-Clause */
#include "fault.h"

#include <stdlib.h>

#include "mn.h"
#include "net.h"
#include "oracle.h"
#include "site.h"
#include "world.h"

/* One fault as it happens: what it needs to be undone. */
struct one {
	enum fault fault;
	bool begun;
	uint64_t lasts_us;
	uint8_t a, b; /* sites, or a domain */
	bool side[SHAPE_SITES + 1]; /* partition */
	bool one_way;
	int64_t step_ms;
	uint32_t loss_ppm, copy_ppm, jitter_us, octets_s;
	uint32_t boot; /* crash, pause: of that life of the site */
	struct one *next;
};

#define STEP_SEALED_MS 900

static uint8_t some_site(struct world *w)
{
	return (uint8_t)rng_between(&w->rng_plan, 1, w->shape.sites);
}

/* --- partition: two sides; now and then it works one way still --- */

static void partition(struct world *w, struct one *f, int by)
{
	for (uint8_t a = 1; a <= w->shape.sites; a++)
		for (uint8_t b = 1; b <= w->shape.sites; b++) {
			if (f->side[a] == f->side[b] || (f->one_way && f->side[a]))
				continue;
			net_path(w, a, b)->partitions += by;
		}
}

static bool partition_begins(struct world *w, struct one *f)
{
	unsigned in = 0;

	for (unsigned n = 1; n <= w->shape.sites; n++) {
		f->side[n] = rng_chance(&w->rng_plan, 500);
		in += f->side[n];
	}
	if (in == 0 || in == w->shape.sites)
		f->side[some_site(w)] ^= true;
	f->one_way = rng_chance(&w->rng_plan, 200);
	partition(w, f, 1);
	w->stats.partitions++;
	w->stats.with_partition = 1;
	for (unsigned n = 1; n <= w->shape.sites; n++)
		world_tell(w, "  site %u is on side %c", n, f->side[n] ? 'A' : 'B');
	return true;
}

static void partition_ends(struct world *w, struct one *f)
{
	partition(w, f, -1);
}

/* --- crash, and perhaps a start --- */

static bool crash_begins(struct world *w, struct one *f)
{
	struct site *s;

	f->a = some_site(w);
	s = w->site[f->a];
	if (!site_is_up(s))
		return false;
	f->boot = s->boot;
	w->stats.crashes++;
	w->stats.with_crash = 1;
	oracle_loss(w, f->a);
	site_crash(s);
	return true;
}

static void crash_ends(struct world *w, struct one *f)
{
	struct site *s = w->site[f->a];

	if (site_is_up(s) || s->boot != f->boot)
		return;
	if (s->store != NULL && rng_chance(&w->rng_plan, 300)) {
		world_tell(w, "site %u comes back with an empty store", f->a);
		s->store_free(s->store);
		s->store = NULL;
	}
	w->stats.old_stores += s->store != NULL;
	site_start(s);
}

/* --- frozen --- */

static bool pause_begins(struct world *w, struct one *f)
{
	f->a = some_site(w);
	if (!site_runs(w->site[f->a]))
		return false;
	f->boot = w->site[f->a]->boot;
	/* just so long that others may wait for it still, or not any more */
	if (rng_chance(&w->rng_plan, 300))
		f->lasts_us = MS * (w->shape.dead_ms -
					   rng_below(&w->rng_plan, w->shape.hello_ms + 20ULL));
	w->stats.pauses++;
	site_pause(w->site[f->a]);
	return true;
}

static void pause_ends(struct world *w, struct one *f)
{
	if (w->site[f->a]->boot == f->boot)
		site_resume(w->site[f->a]);
}

/* --- the time of day jumps --- */

static bool clock_begins(struct world *w, struct one *f)
{
	static const int64_t steps[] = { -3600000, -5000, -900, -300, 300, 900, 5000, 3600000 };
	struct site *s;

	f->a = some_site(w);
	s = w->site[f->a];
	f->step_ms = steps[rng_below(&w->rng_plan, DIM(steps))];
	/* a site that starts with an older clock than it had cannot begin a session for as long */
	if (w->shape.is_sealed && llabs(f->step_ms) > STEP_SEALED_MS)
		f->step_ms = f->step_ms < 0 ? -STEP_SEALED_MS : STEP_SEALED_MS;
	s->wall_off_ms += f->step_ms;
	oracle_clock(w, f->a);
	w->stats.clock_steps++;
	w->stats.with_clock = 1;
	world_tell(w, "  clock of site %u by %lld ms", f->a, (long long)f->step_ms);
	return true;
}

static void clock_ends(struct world *w, struct one *f)
{
	w->site[f->a]->wall_off_ms -= f->step_ms;
	oracle_clock(w, f->a);
}

/* --- single paths --- */

static bool two_sites(struct world *w, struct one *f)
{
	f->a = some_site(w);
	f->b = some_site(w);
	return f->a != f->b;
}

static bool cut_pair_begins(struct world *w, struct one *f)
{
	if (!two_sites(w, f))
		return false;
	net_path(w, f->a, f->b)->cuts++;
	net_path(w, f->b, f->a)->cuts++;
	w->stats.cut_pairs++;
	world_tell(w, "  between sites %u and %u", f->a, f->b);
	return true;
}

static void cut_pair_ends(struct world *w, struct one *f)
{
	net_path(w, f->a, f->b)->cuts--;
	net_path(w, f->b, f->a)->cuts--;
}

static bool one_way_begins(struct world *w, struct one *f)
{
	if (!two_sites(w, f))
		return false;
	net_path(w, f->a, f->b)->cuts++;
	w->stats.one_ways++;
	world_tell(w, "  from site %u to %u", f->a, f->b);
	return true;
}

static void one_way_ends(struct world *w, struct one *f)
{
	net_path(w, f->a, f->b)->cuts--;
}

static void bad_links(struct world *w, struct one *f, int by)
{
	for (uint8_t a = 1; a <= w->shape.sites; a++)
		for (uint8_t b = 1; b <= w->shape.sites; b++) {
			struct net_path *p = net_path(w, a, b);

			p->loss_ppm += (uint32_t)by * f->loss_ppm;
			p->copy_ppm += (uint32_t)by * f->copy_ppm;
			p->jitter_us += (uint32_t)by * f->jitter_us;
			if (f->octets_s > 0)
				p->octets_s = by > 0 ? f->octets_s : 0;
		}
}

static bool bad_links_begins(struct world *w, struct one *f)
{
	f->loss_ppm = (uint32_t)rng_below(&w->rng_plan, 250000);
	f->copy_ppm = rng_chance(&w->rng_plan, 500) ? 100000 : 0;
	f->jitter_us = (uint32_t)rng_below(&w->rng_plan, 50 * MS);
	f->octets_s = rng_chance(&w->rng_plan, 250) ? 20000 : 0;
	bad_links(w, f, 1);
	w->stats.bad_links++;
	return true;
}

static void bad_links_ends(struct world *w, struct one *f)
{
	bad_links(w, f, -1);
}

/* --- no fault at all: the operator has a binding moved, or a domain served that nobody serves --- */

static bool is_served(struct world *w, uint8_t domain)
{
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		if (w->site[n]->announced[domain])
			return true;
	return false;
}

static bool operator_begins(struct world *w, struct one *f)
{
	struct site *s;
	uint8_t mn = (uint8_t)rng_below(&w->rng_plan, w->shape.mns), domain = mn_domain(w, mn);

	f->a = some_site(w);
	f->b = some_site(w);
	s = w->site[f->a];
	if (!site_runs(s) || !site_is_member(s, domain) || s->kind->move == NULL)
		return false;
	if (!is_served(w, domain)) {
		oracle_forced(w, domain);
		s->kind->force(s, domain);
		w->stats.forced++;
		return true;
	}
	if (f->a == f->b || !site_is_member(w->site[f->b], domain))
		return false;
	if (s->kind->move(s, mn, f->b)) {
		oracle_moved(w, mn);
		w->stats.moves++;
	}
	return true;
}

static void operator_ends(struct world *w, struct one *f)
{
	(void)w;
	(void)f;
}

/* --- the operator takes a site out --- */

static bool drain_begins(struct world *w, struct one *f)
{
	struct site *s;

	f->a = some_site(w);
	s = w->site[f->a];
	f->b = (uint8_t)rng_below(&w->rng_plan, w->shape.domains);
	if (!site_runs(s) || !site_is_member(s, f->b))
		return false;
	f->boot = s->boot;
	s->kind->drain(s, f->b, true);
	w->stats.drains++;
	return true;
}

static void undrain(struct world *w, void *ctx, uint64_t arg);

static void drain_ends(struct world *w, struct one *f)
{
	struct site *s = w->site[f->a];

	if (s->boot != f->boot)
		return;
	if (site_runs(s))
		s->kind->drain(s, f->b, false);
	else if (site_is_up(s)) /* frozen: the operator tries again */
		world_at(w, w->now_us + S, undrain, f, 0);
}

static void undrain(struct world *w, void *ctx, uint64_t arg)
{
	(void)arg;
	drain_ends(w, ctx);
}

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
		if (!site_is_up(w->site[n]))
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
