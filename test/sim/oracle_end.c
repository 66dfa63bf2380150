/* SPDX-License-Identifier: BSD-3-Clause */
/* The end of a world: all is mended, and everything must be everywhere. */
#include <stdio.h>

#include "oracle_priv.h"

#define ALONE_ONE_IN                                                                               \
	11 /* in a busy world; the line loses one datagram in twelve, most are made good */

/* It was not long ago: then they need not agree. */
static bool is_full(const struct world *w)
{
	const struct oracle *o = w->oracle;

	return o->is_full || (o->full_us != 0 && w->now_us < o->full_us + oracle_settle_us(w));
}

/* True: all sites say the same of the domain. `say`: then it is a failure when they do not. */
static bool is_equal(struct world *w, uint8_t domain, bool say)
{
	uint64_t first = 0;
	uint32_t records = 0, n;
	uint8_t of = 0;

	if (shape_is_spoilt(&w->shape, domain) || is_full(w))
		return true;
	for (uint8_t i = 1; i <= w->shape.sites; i++) {
		struct site *s = w->site[i];
		uint64_t digest;

		if (!site_runs(s) || !site_is_member(s, domain))
			continue;
		digest = s->kind->digest(s, domain, &n);
		if (of == 0) {
			of = i;
			first = digest;
			records = n;
		} else if (digest != first) {
			if (say)
				world_fail(w,
					"domain %u: sites %u and %u differ when all is quiet (%u "
					"and %u records)",
					domain, of, i, records, n);
			return false;
		}
	}
	return true;
}

bool oracle_is_converged(struct world *w)
{
	for (uint8_t d = 0; d < w->shape.domains; d++)
		if (!is_equal(w, d, false))
			return false;
	return true;
}

/* Two others that run agree about the time of day, more or less, and this one does not: then it may
 * wait for its clock to be put right before it serves. */
static bool may_have_bad_clock(struct world *w, uint8_t node)
{
	int64_t mine = w->site[node]->wall_off_ms;
	unsigned others = 0;

	for (uint8_t i = 1; i <= w->shape.sites; i++) {
		int64_t off = w->site[i]->wall_off_ms - mine;

		others += i != node && site_runs(w->site[i]) && (off > 300 || off < -300);
	}
	return others >= 2;
}

static void all_ready(struct world *w, uint8_t domain)
{
	/* a site that joins asks each peer for one domain at a time: where one of them is never done
	 * because of a bought member the others may wait for their turn */
	if (w->shape.hostile != 0 || is_full(w))
		return;
	for (uint8_t i = 1; i <= w->shape.sites; i++) {
		struct site *s = w->site[i];

		if (site_runs(s) && site_is_member(s, domain) && !s->kind->is_ready(s, domain) &&
			!may_have_bad_clock(w, i))
			world_fail(w, "site %u is not ready in domain %u, and nothing is wrong", i,
				domain);
	}
}

static void probe_everywhere(struct world *w, uint8_t mn)
{
	for (uint8_t i = 1; i <= w->shape.sites; i++) {
		struct site *s = w->site[i];
		struct pkt p;

		if (!site_runs(s) || !site_is_member(s, mn_domain(w, mn)))
			continue;
		if (s->kind->look != NULL)
			s->kind->look(s, mn);
		if (oracle_probe(w, PROBE_TO, mn, mn, i, &p))
			site_packet(s, &p, 0, true);
		if (oracle_probe(w, PROBE_FROM, mn, mn, i, &p))
			site_packet(s, &p, 0, true);
		if (oracle_probe(w, PROBE_SPOOFED, mn, mn, i, &p))
			site_packet(s, &p, 0, true);
	}
}

void oracle_final(struct world *w)
{
	for (uint8_t i = 0; i < w->shape.mns && w->trace; i++)
		for (uint8_t n = 1; n <= w->shape.sites; n++)
			if (site_runs(w->site[n]) && site_is_member(w->site[n], mn_domain(w, i)))
				w->site[n]->kind->tell(w->site[n], i);
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		if (site_runs(w->site[n]) && w->site[n]->kind->info != NULL)
			w->site[n]->kind->info(w->site[n], w->shape.loss_ppm == 0);
	for (uint8_t d = 0; d < w->shape.domains; d++) {
		all_ready(w, d);
		is_equal(w, d, true);
	}
	for (uint8_t i = 0; i < w->shape.mns && !w->failed; i++) {
		w->stats.final_checks++;
		probe_everywhere(w, i);
	}
}

void oracle_end(struct world *w)
{
	struct oracle *o = w->oracle;

	if (w->shape.is_busy && w->trace)
		printf("%u of %u registrations alone\n", o->new_alone, o->new_acks);
	if (w->shape.is_busy && o->new_alone * ALONE_ONE_IN > o->new_acks)
		world_fail(w, "%u of %u registrations are held by one site only when acknowledged",
			o->new_alone, o->new_acks);
	for (uint32_t i = 1; i <= o->count; i++)
		if (o->probe[i].fate == FATE_OPEN && o->probe[i].at_us + FATE_US < w->now_us)
			world_fail(w, "packet %u neither arrived nor was dropped", i);
}
