/* SPDX-License-Identifier: BSD-3-Clause */
/* What befalls a site's process: no memory, no room to publish, another release of it. */
#include "fault_priv.h"
#include "mem.h"
#include "oracle.h"

/* --- no memory: what is asked for fails now and then --- */

bool memory_begins(struct world *w, struct one *f)
{
	f->a = fault_some_site(w);
	if (!site_runs(w->site[f->a]))
		return false;
	f->lasts_us = rng_between(&w->rng_odd, 200, 3000) * MS;
	mem_lack(f->a, (uint16_t)rng_between(&w->rng_odd, 100, 900));
	w->stats.lacks++;
	return true;
}

void memory_ends(struct world *w, struct one *f)
{
	(void)w;
	mem_lack(f->a, 0);
}

/* --- workers hold on to what was published: nothing new can be, now and then --- */

bool room_begins(struct world *w, struct one *f)
{
	struct site *s;

	f->a = fault_some_site(w);
	s = w->site[f->a];
	if (!site_runs(s))
		return false;
	/* a record waits a second for room before it is refused */
	f->lasts_us = rng_between(&w->rng_odd, 100, 2500) * MS;
	s->no_room = (uint16_t)rng_between(&w->rng_odd, 300, 1000);
	return true;
}

void room_ends(struct world *w, struct one *f)
{
	w->site[f->a]->no_room = 0;
}

/* --- somebody begins with another release, and takes it back --- */

static void change(struct world *w, struct site *s, uint8_t release)
{
	oracle_loss(w, s->node);
	site_crash(s);
	s->release = release;
	site_start(s);
}

bool release_begins(struct world *w, struct one *f)
{
	struct site *s;

	f->a = fault_some_site(w);
	s = w->site[f->a];
	if (!site_runs(s))
		return false;
	f->lasts_us = rng_between(&w->rng_odd, 500, 8000) * MS;
	/* one that speaks ours, too, and says more of its settings; or one that does not */
	change(w, s, rng_chance(&w->rng_odd, 500) ? RELEASE_NEXT : RELEASE_OTHER);
	w->stats.releases++;
	return true;
}

void release_ends(struct world *w, struct one *f)
{
	if (site_is_up(w->site[f->a]))
		change(w, w->site[f->a], RELEASE_OURS);
	else
		w->site[f->a]->release = RELEASE_OURS;
}
