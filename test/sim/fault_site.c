/* SPDX-License-Identifier: BSD-3-Clause */
/* What befalls sites, and what operators do with them. */
#include <stdlib.h>

#include "fault_priv.h"
#include "mn.h"
#include "net.h"
#include "oracle.h"

#define STEP_SEALED_MS 900

/* --- crash, and perhaps a start --- */

bool crash_begins(struct world *w, struct one *f)
{
	struct site *s;

	f->a = fault_some_site(w);
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

void crash_ends(struct world *w, struct one *f)
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
	if (s->store == NULL)
		oracle_forgot(w, f->a);
	site_start(s);
}

/* --- frozen --- */

bool pause_begins(struct world *w, struct one *f)
{
	f->a = fault_some_site(w);
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

void pause_ends(struct world *w, struct one *f)
{
	if (w->site[f->a]->boot == f->boot)
		site_resume(w->site[f->a]);
}

/* --- the time of day jumps --- */

bool clock_begins(struct world *w, struct one *f)
{
	static const int64_t steps[] = { -3600000, -5000, -900, -300, 300, 900, 5000, 3600000 };
	struct site *s;

	f->a = fault_some_site(w);
	s = w->site[f->a];
	f->step_ms = steps[rng_below(&w->rng_plan, DIM(steps))];
	/* who starts with an older clock than it had cannot begin a session for as long: its peers
	 * begin for it, but not at once */
	if (w->shape.is_sealed && llabs(f->step_ms) > STEP_SEALED_MS &&
		rng_chance(&w->rng_seal, 500))
		f->step_ms = f->step_ms < 0 ? -STEP_SEALED_MS : STEP_SEALED_MS;
	s->wall_off_ms += f->step_ms;
	oracle_clock(w, f->a);
	w->stats.clock_steps++;
	w->stats.with_clock = 1;
	world_tell(w, "  clock of site %u by %lld ms", f->a, (long long)f->step_ms);
	return true;
}

void clock_ends(struct world *w, struct one *f)
{
	w->site[f->a]->wall_off_ms -= f->step_ms;
	oracle_clock(w, f->a);
}

/* --- no fault at all: the operator has a binding moved, or a domain served that nobody serves --- */

static bool is_served(struct world *w, uint8_t domain)
{
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		if (w->site[n]->announced[domain])
			return true;
	return false;
}

bool operator_begins(struct world *w, struct one *f)
{
	struct site *s;
	uint8_t mn = (uint8_t)rng_below(&w->rng_plan, w->shape.mns), domain = mn_domain(w, mn);

	f->a = fault_some_site(w);
	f->b = fault_some_site(w);
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

void operator_ends(struct world *w, struct one *f)
{
	(void)w;
	(void)f;
}

/* --- the operator takes a site out --- */

/* The operator has less patience than the site. Nobody forces one out that all others wait for. */
static void press(struct world *w, void *ctx, uint64_t how)
{
	const struct one *f = ctx;
	struct site *s = w->site[f->a];
	bool is_other = false;

	for (uint8_t n = 1; n <= w->shape.sites; n++)
		is_other = is_other || (n != f->a && w->site[n]->announced[f->b]);
	if (f->begun && s->boot == f->boot && site_runs(s) && is_other)
		s->kind->drain(s, f->b, (enum site_drain)how);
}

bool drain_begins(struct world *w, struct one *f)
{
	struct site *s;

	f->a = fault_some_site(w);
	s = w->site[f->a];
	f->b = (uint8_t)rng_below(&w->rng_plan, w->shape.domains);
	if (!site_runs(s) || !site_is_member(s, f->b))
		return false;
	f->boot = s->boot;
	s->kind->drain(s, f->b, DRAIN_ON);
	if (rng_chance(&w->rng_odd, 300))
		world_at(w, w->now_us + rng_below(&w->rng_odd, 2 * S), press, f,
			DRAIN_NOTHING_COMES);
	if (rng_chance(&w->rng_odd, 300))
		world_at(w, w->now_us + rng_below(&w->rng_odd, 4 * S), press, f, DRAIN_FORCE);
	w->stats.drains++;
	return true;
}

static void undrain(struct world *w, void *ctx, uint64_t arg);

void drain_ends(struct world *w, struct one *f)
{
	struct site *s = w->site[f->a];

	if (s->boot != f->boot)
		return;
	if (site_runs(s))
		s->kind->drain(s, f->b, DRAIN_OFF);
	else if (site_is_up(s)) /* frozen: the operator tries again */
		world_at(w, w->now_us + S, undrain, f, 0);
}

static void undrain(struct world *w, void *ctx, uint64_t arg)
{
	(void)arg;
	drain_ends(w, ctx);
}
