/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan.h"

#include <errno.h>
#include <stdlib.h>

#include "attack.h"
#include "fault.h"
#include "keys.h"
#include "mn.h"
#include "net.h"
#include "oracle.h"
#include "site.h"
#include "world.h"

#define PROBE_MS 40 /* a data packet as often as this, on average */

/* Some worlds last until every binding that nobody refreshes must have ended. */
#define LONG_REST    120 /* of a thousand */
#define LONG_REST_US (100 * S)

/* --- data --- */

static uint8_t some_site(struct world *w, uint8_t domain)
{
	const struct shape_domain *d = &w->shape.domain[domain];

	return d->members[rng_below(&w->rng_probe, d->member_count)];
}

static void probe(struct world *w, void *ctx, uint64_t arg)
{
	uint8_t mn = (uint8_t)rng_below(&w->rng_probe, w->shape.mns), other = mn, node;
	static const enum probe_kind kinds[] = { PROBE_TO, PROBE_TO, PROBE_TO, PROBE_FROM,
		PROBE_FROM, PROBE_BETWEEN, PROBE_SPOOFED };
	enum probe_kind kind = kinds[rng_below(&w->rng_probe, DIM(kinds))];
	struct pkt p;

	(void)ctx;
	(void)arg;
	world_at(w, w->now_us + rng_between(&w->rng_probe, 1, 2 * PROBE_MS * MS), probe, NULL, 0);
	if (kind == PROBE_BETWEEN) {
		other = (uint8_t)rng_below(&w->rng_probe, w->shape.mns);
		if (other == mn || mn_domain(w, other) != mn_domain(w, mn))
			return;
	}
	node = some_site(w, mn_domain(w, mn));
	if (!site_is_up(w->site[node]) || !oracle_probe(w, kind, mn, other, node, &p))
		return;
	world_tell(w, "packet %u at site %u from %s to %s", p.probe, node,
		addr_str(&pkt_outer(&p)->src), addr_str(&pkt_outer(&p)->dst));
	site_packet(w->site[node], &p, 0, true);
}

/* --- what is asked of home agents --- */

#define ASK_MS 200 /* as often as this, on average */

static void ask(struct world *w, void *ctx, uint64_t arg)
{
	static const enum probe_kind kinds[] = { PROBE_ANSWER, PROBE_ANSWER, PROBE_ERROR,
		PROBE_DISCOVERY, PROBE_ECHO };
	uint64_t *rng = &w->rng_odd;
	enum probe_kind kind = kinds[rng_below(rng, DIM(kinds))];
	uint8_t mn = (uint8_t)rng_below(rng, w->shape.mns), d = mn_domain(w, mn), node;
	struct pkt p;

	(void)ctx;
	(void)arg;
	world_at(w, w->now_us + rng_between(rng, 1, 2 * ASK_MS * MS), ask, NULL, 0);
	node = w->shape.domain[d].members[rng_below(rng, w->shape.domain[d].member_count)];
	if (!site_is_up(w->site[node]) || !oracle_probe(w, kind, mn, mn, node, &p))
		return;
	world_tell(w, "packet %u at site %u asks %s", p.probe, node, addr_str(&p.hdr[0].dst));
	site_packet(w->site[node], &p, 0, true);
}

#define MTU_MS 1000

static void path_mtu(struct world *w, void *ctx, uint64_t arg)
{
	uint64_t *rng = &w->rng_odd;
	uint8_t mn = (uint8_t)rng_below(rng, w->shape.mns);
	struct site *s = w->site[rng_between(rng, 1, w->shape.sites)];

	(void)ctx;
	(void)arg;
	world_at(w, w->now_us + rng_between(rng, 1, 2 * MTU_MS * MS), path_mtu, NULL, 0);
	if (site_runs(s) && site_is_member(s, mn_domain(w, mn)))
		s->kind->path_mtu(s, mn, (uint16_t)(1280 + 20 * rng_below(rng, 10)));
}

#define SHOW_MS 1500

static void show(struct world *w, void *ctx, uint64_t arg)
{
	struct site *s = w->site[rng_between(&w->rng_odd, 1, w->shape.sites)];

	(void)ctx;
	(void)arg;
	world_at(w, w->now_us + rng_between(&w->rng_odd, 1, 2 * SHOW_MS * MS), show, NULL, 0);
	if (site_runs(s))
		s->kind->info(s, false);
}

static void plan_questions(struct world *w, const struct site_kind *kind)
{
	if (!kind->has_mesh || w->shape.sites > 16)
		return;
	world_at(w, S, ask, NULL, 0);
	world_at(w, S, show, NULL, 0);
	if (w->shape.is_soft)
		world_at(w, S, path_mtu, NULL, 0);
}

/* --- the operator ends bindings --- */

static void revoke(struct world *w, void *ctx, uint64_t arg)
{
	uint64_t *rng = &w->rng_odd;
	uint8_t mn = (uint8_t)rng_below(rng, w->shape.mns), d = mn_domain(w, mn);
	const struct shape_domain *domain = &w->shape.domain[d];
	struct site *s = w->site[domain->members[rng_below(rng, domain->member_count)]];

	(void)ctx;
	(void)arg;
	if (!site_runs(s) || !s->announced[d] || s->kind->remove == NULL || !s->kind->remove(s, mn))
		return;
	w->stats.removed++;
	oracle_removed(w, mn);
}

static void plan_removals(struct world *w)
{
	uint64_t rest_us = w->end_us + oracle_settle_us(w);

	for (uint64_t i = rng_between(&w->rng_odd, 4, 12); i > 0; i--)
		world_at(w, rng_between(&w->rng_odd, 6 * S, w->end_us), revoke, NULL, 0);
	for (unsigned i = 0; i < 2; i++)
		world_at(w, rng_between(&w->rng_odd, rest_us, rest_us + 6 * S), revoke, NULL, 0);
}

/* --- an attacker, who recorded everything --- */

static void replay(struct world *w, void *ctx, uint64_t arg)
{
	struct pkt p;
	uint8_t node;
	int domain;

	(void)ctx;
	(void)arg;
	if (!oracle_replayed(w, rng_next(&w->rng_plan), &p))
		return;
	domain = addr_domain(&p.bu.hoa);
	node = w->shape.domain[domain]
		       .members[rng_below(&w->rng_plan, w->shape.domain[domain].member_count)];
	if (!site_is_up(w->site[node]))
		return;
	world_tell(w, "a BU of %s, seq %u, coa %s, to %s, is replayed at site %u",
		addr_str(&p.bu.hoa), p.bu.seq, addr_str(&p.hdr[0].src), addr_str(&p.hdr[0].dst),
		node);
	w->stats.replays++;
	site_packet(w->site[node], &p, 0, true);
}

/* --- keys grow old --- */

#define AGE_MS_MIN 20000
#define AGE_MS_MAX 130000 /* beyond SESSION_REKEY_MS; twice: beyond SESSION_REJECT_MS */

static void age(struct world *w, void *ctx, uint64_t arg)
{
	struct site *s = ctx;
	uint64_t ms = rng_between(&w->rng_seal, AGE_MS_MIN, AGE_MS_MAX);

	(void)arg;
	world_tell(w, "the keys of site %u are older by %llu ms", s->node, (unsigned long long)ms);
	s->keys_age_ms += ms;
}

static void wear(struct world *w, void *ctx, uint64_t is_out)
{
	struct site *s = ctx;

	if (!site_runs(s) || s->kind->wear == NULL)
		return;
	world_tell(w, "the keys of site %u have sealed as much as they may%s", s->node,
		is_out ? "" : ", nearly");
	s->kind->wear(s, is_out != 0);
}

#define WEARS 150 /* of a thousand sites, twice */

static void plan_wears(struct world *w)
{
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		for (unsigned is_out = 0; is_out < 2; is_out++)
			if (rng_chance(&w->rng_seal, WEARS))
				world_at(w, rng_between(&w->rng_seal, 2 * S, w->end_us), wear,
					w->site[n], is_out);
}

static void plan_ages(struct world *w)
{
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		for (unsigned i = (unsigned)rng_below(&w->rng_seal, 3); i > 0; i--)
			world_at(
				w, rng_between(&w->rng_seal, 2 * S, w->end_us), age, w->site[n], 0);
}

/* --- the whole --- */

static void start(struct world *w, void *ctx, uint64_t node)
{
	(void)ctx;
	site_start(w->site[node]);
}

static int make_sites(struct world *w, const struct site_kind *kind)
{
	for (uint8_t n = 1; n <= w->shape.sites; n++) {
		if (site_new(w, n, kind) < 0)
			return -ENOMEM;
		if (n != w->shape.retired)
			world_at(w, rng_below(&w->rng_plan, 500 * MS), start, NULL, n);
		if (shape_knows(&w->shape, FAULT_CLOCK)) /* none is quite right */
			w->site[n]->wall_off_ms = (int64_t)rng_below(&w->rng_plan, 400) - 200;
	}
	return 0;
}

int plan_begin(struct world *w, const struct site_kind *kind)
{
	unsigned replays = shape_knows(&w->shape, FAULT_REPLAY)
				   ? (unsigned)rng_between(&w->rng_plan, 3, 30)
				   : 0;

	w->end_us = w->shape.duration_s * S;
	keys_begin(w);
	if (oracle_new(w) < 0 || net_new(w) < 0 || mns_new(w) < 0 || make_sites(w, kind) < 0)
		return -ENOMEM;
	mns_begin(w);
	faults_plan(w);
	if (w->shape.is_sealed) {
		plan_ages(w);
		plan_wears(w);
	}
	for (unsigned i = 0; i < replays; i++)
		world_at(w, rng_between(&w->rng_plan, 2 * S, w->end_us), replay, NULL, 0);
	world_at(w, S, probe, NULL, 0);
	plan_questions(w, kind);
	if (w->shape.is_revoking)
		plan_removals(w);
	attack_begin(w);
	return 0;
}

void plan_run(struct world *w)
{
	uint64_t rest_us;

	world_run(w, w->end_us);
	if (!w->failed)
		faults_mend(w);
	/* mobile nodes that wait for an answer repeat after 8 s at the latest */
	rest_us = oracle_settle_us(w) + 12 * S;
	if (rng_chance(&w->rng_plan, LONG_REST))
		rest_us += LONG_REST_US;
	world_run(w, w->end_us + rest_us);
	/* what lay in the buffer of a frozen site ends later there, by as much */
	for (unsigned i = 0; i < 25 && !w->failed && !oracle_is_converged(w); i++)
		world_run(w, w->now_us + 300 * MS);
	if (!w->failed)
		oracle_final(w);
	if (!w->failed)
		world_run(w, w->now_us + 4 * S);
	if (!w->failed)
		oracle_end(w);
	w->stats.virtual_s = w->now_us / S;
}

void plan_end(struct world *w)
{
	for (unsigned n = 1; n <= w->shape.sites; n++)
		site_free(w->site[n]);
	faults_free(w);
	mns_free(w);
	net_free(w);
	oracle_free(w);
	keys_end();
}
