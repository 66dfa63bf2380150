/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets let loose where and when a mistake would show: a site that has just become ready, and a
 * registration that would have ended, had it not been renewed. And what a site must know by the word
 * of one that serves: long before all has settled.
 */
#include "mem.h"
#include "oracle_priv.h"

#define LONG_US  (5 * S) /* whatever befell a site before that is over */
#define TURN_US  (20 * MS) /* between two turns of a site, and to work off what came */
#define READY_US (30 * MS) /* between two looks at a site that has become ready */
#define READIES  5
#define END_US   (20 * MS) /* steps after the end of a registration as another site reckons it */
#define ENDS     4

struct look {
	uint8_t mn, node;
};

static void look(struct world *w, void *ctx, uint64_t arg)
{
	const struct look *l = ctx;
	struct site *s = w->site[l->node];
	struct pkt p;

	(void)arg;
	if (site_is_up(s) && oracle_probe(w, PROBE_TO, l->mn, l->mn, l->node, &p))
		site_packet(s, &p, 0, true);
}

static void look_later(struct world *w, uint64_t us, uint8_t mn, uint8_t node)
{
	struct look *l = mem_own(sizeof(*l));

	*l = (struct look){ mn, node };
	world_post(w, us, look, l, 0);
}

void oracle_look_at(struct world *w, uint8_t node, uint8_t domain)
{
	for (uint8_t i = 0; i < w->shape.mns; i++) {
		for (unsigned k = 0; k < READIES && mn_domain(w, i) == domain; k++)
			look_later(w, w->now_us + MS + k * READY_US, i, node);
	}
}

void oracle_look_at_end(struct world *w, uint8_t mn, const struct bu *b)
{
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		for (unsigned i = 1; i <= ENDS && n != b->by; i++)
			if (site_is_member(w->site[n], mn_domain(w, mn)))
				look_later(w,
					b->until_us + net_path(w, b->by, n)->delay_us + i * END_US,
					mn, n);
}

/* --- what it was told --- */

bool oracle_has_served(struct world *w, uint8_t node, uint8_t domain)
{
	const struct oracle *o = w->oracle;

	return site_runs(w->site[node]) && w->site[node]->announced[domain] &&
	       o->life[node].at_us + LONG_US < w->now_us &&
	       o->served_us[node][domain] + LONG_US < w->now_us;
}

/* Nothing has been amiss for long, but that this one may have begun again. */
static bool is_calm_around(struct world *w, uint8_t domain, uint8_t node)
{
	const struct oracle *o = w->oracle;

	/* what found no room, or no memory, comes again */
	if ((shape_knows(&w->shape, FAULT_ROOM) || shape_knows(&w->shape, FAULT_MEMORY)) &&
		o->changed_us + LONG_US > w->now_us)
		return false;
	if (w->shape.loss_ppm > 0 || w->shape.is_cramped || !w->site[node]->kind->has_mesh ||
		o->open_faults > 0 || o->open_paths > 0 || o->paths_us + LONG_US > w->now_us ||
		!site_runs(w->site[node]) || !w->site[node]->announced[domain])
		return false;
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		if (n != node && site_is_member(w->site[n], domain) &&
			!oracle_has_served(w, n, domain))
			return false;
	return true;
}

/* A word goes at once, unless so many do that the window is full. */
static uint64_t word_us(struct world *w, uint8_t from, uint8_t to)
{
	const struct net_path *p = net_path(w, from, to);
	uint64_t us = p->delay_us + p->jitter_us + TURN_US;

	/* what another domain has to say goes by the same window */
	return w->shape.is_crowd || w->shape.sleepers > 0 || w->shape.hostile != 0
		       ? us + oracle_spread_us(w)
		       : us;
}

/* When a site knows what another one has accepted: when a word has come, but not before it serves. */
static uint64_t known_us(struct world *w, const struct bu *b, uint8_t domain, uint8_t node)
{
	uint64_t word_came_us =
		oracle_heard_us(b, b->answered_by) + word_us(w, b->answered_by, node);
	uint64_t served_us = w->oracle->served_us[node][domain];

	return word_came_us > served_us ? word_came_us : served_us;
}

uint32_t oracle_told(struct world *w, uint8_t mn, uint8_t node)
{
	const struct subject *s = &w->oracle->subject[mn];

	if (s->is_void || !is_calm_around(w, mn_domain(w, mn), node))
		return 0;
	for (uint32_t i = s->count; i > 0; i--) {
		const struct bu *b = &s->bu[i];

		if (b->answered_by != 0 && known_us(w, b, mn_domain(w, mn), node) <= w->now_us)
			return i;
	}
	return 0;
}
