/* SPDX-License-Identifier: BSD-3-Clause */
#include "shape.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "world.h"

/* Bounds that a shape is drawn in; both ends included. */
static const struct kind {
	const char *name, *what;
	bool is_small; /* "any" may choose it */
	uint16_t share; /* of a thousand "any"; the small ones have what is left */
	uint8_t sites[2], domains[2], mns[2];
	uint16_t delay_ms[2];
	uint16_t duration_s[2];
} kinds[] = {
	{ "pair", "two sites, one domain", true, 0, { 2, 2 }, { 1, 1 }, { 3, 6 }, { 1, 30 },
		{ 20, 40 } },
	{ "trio", "three sites, one domain", true, 0, { 3, 3 }, { 1, 1 }, { 4, 8 }, { 1, 40 },
		{ 20, 40 } },
	{ "five", "four or five sites, one domain", true, 0, { 4, 5 }, { 1, 1 }, { 4, 8 },
		{ 1, 30 }, { 20, 30 } },
	{ "gmx", "three to five sites, two domains, not all sites in both", true, 0, { 3, 5 },
		{ 2, 2 }, { 4, 8 }, { 1, 30 }, { 20, 30 } },
	{ "busy", "two sites, many movements, a bad line and nothing else", false, 30, { 2, 2 },
		{ 1, 1 }, { 30, 30 }, { 20, 24 }, { 12, 12 } },
	{ "joins", "three sites that crash one by one while mobile nodes come and go", false, 50,
		{ 3, 3 }, { 1, 1 }, { 40, 40 }, { 30, 60 }, { 40, 40 } },
	{ "crowd", "all mobile nodes move at once, and sites may say little at a time", false, 30,
		{ 3, 3 }, { 1, 1 }, { 64, 64 }, { 20, 60 }, { 20, 20 } },
	{ "attacked", "two or three sites with real sessions, and who has no keys beside them",
		false, 30, { 2, 3 }, { 1, 1 }, { 3, 6 }, { 1, 30 }, { 20, 30 } },
	{ "cramped", "three sites, and more mobile nodes than they have room for", false, 30,
		{ 3, 3 }, { 1, 2 }, { 10, 16 }, { 1, 30 }, { 20, 30 } },
	{ "hostile", "three to five sites, two domains, and one of the second is bought", false, 30,
		{ 3, 5 }, { 2, 2 }, { 4, 8 }, { 1, 30 }, { 20, 30 } },
	{ "heavy", "two or three sites, thousands of other bindings, and sites may say little",
		false, 20, { 2, 3 }, { 1, 1 }, { 4, 8 }, { 1, 30 }, { 20, 30 } },
	{ "wide", "ten to sixteen sites", false, 0, { 10, 16 }, { 1, 1 }, { 10, 20 }, { 1, 60 },
		{ 20, 30 } },
	{ "hundred", "a hundred sites", false, 0, { 100, 100 }, { 1, 1 }, { 64, 64 }, { 1, 60 },
		{ 10, 10 } },
};

#define QUOTA           128
#define QUOTA_HEAVY     4000
#define QUOTA_MOST      40000 /* digests of two levels */
#define WAITS           256
#define RECORDS_S       100000
#define RECORDS_S_LEAST 100 /* that can be configured */
#define BUDGET          2000
#define BUDGET_LEAST    3
#define RATE_MOST       10000000
#define RATE_LEAST      125000 /* no site says less than that (engine_priv.h) */

static const char *const fault_names[] = {
#define X(id, name) name,
	FAULT_LIST(X)
#undef X
};

/* Of a thousand worlds, how many know it. */
static const uint16_t fault_share[FAULT_COUNT] = {
	[FAULT_PARTITION] = 620,
	[FAULT_CRASH] = 680,
	[FAULT_CLOCK] = 620,
	[FAULT_PAUSE] = 400,
	[FAULT_CUT_PAIR] = 350,
	[FAULT_ONE_WAY] = 300,
	[FAULT_BAD_LINKS] = 450,
	[FAULT_REPLAY] = 600,
	[FAULT_DRAIN] = 250,
	[FAULT_OPERATOR] = 250,
	[FAULT_MEMORY] = 150, /* these are drawn apart */
	[FAULT_ROOM] = 150,
	[FAULT_RELEASE] = 100,
};

const char *fault_name(enum fault f)
{
	return fault_names[f];
}

void shape_list(void)
{
	puts("  any      one of the small kinds below, drawn from the seed");
	for (size_t i = 0; i < DIM(kinds); i++)
		printf("  %-8s %s%s\n", kinds[i].name, kinds[i].what,
			kinds[i].is_small ? "" : " (not in \"any\")");
}

static const struct kind *named(const char *name)
{
	for (size_t i = 0; i < DIM(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static const struct kind *choose(uint64_t *rng)
{
	unsigned small = 0, nth = (unsigned)rng_below(rng, 1000);

	for (size_t i = 0; i < DIM(kinds); i++) {
		if (nth < kinds[i].share)
			return &kinds[i];
		nth -= kinds[i].share;
	}
	for (size_t i = 0; i < DIM(kinds); i++)
		small += kinds[i].is_small;
	nth = (unsigned)rng_below(rng, small);
	for (size_t i = 0;; i++)
		if (kinds[i].is_small && nth-- == 0)
			return &kinds[i];
}

static uint8_t within(uint64_t *rng, const uint8_t b[2])
{
	return (uint8_t)rng_between(rng, b[0], b[1]);
}

static void draw_domain(uint64_t *rng, struct shape *s, struct shape_domain *d)
{
	bool all = s->domains == 1;

	d->shared = rng_chance(rng, 500);
	d->primary = rng_chance(rng, 250);
	d->with_auth = rng_chance(rng, 800);
	d->serve_cold = rng_chance(rng, 300);
	d->ack_peers = rng_chance(rng, 800) ? 1 : (uint8_t[]){ 255, 2, 0 }[rng_below(rng, 3)];
	for (uint8_t n = 1; n <= s->sites; n++)
		if (all || rng_chance(rng, 750))
			d->members[d->member_count++] = n;
	/* a domain is at two sites at least */
	for (uint8_t n = 1; d->member_count < 2; n++)
		if (d->member_count == 0 || d->members[0] != n)
			d->members[d->member_count++] = n;
}

/* Lost datagrams are made good while the mobile node waits for its acknowledgement, mostly. */
static void make_busy(uint64_t *rng, struct shape *s)
{
	s->is_busy = true;
	s->faults = 0;
	s->jitter_us = 1000;
	s->loss_ppm = (uint32_t)rng_between(rng, 70000, 90000);
	s->access_loss_ppm = 0;
	s->domain[0].shared = true;
	s->domain[0].ack_peers = 1;
}

#define SEALED_SHARE 250 /* of a thousand worlds */
#define STAMPS_SHARE 200
#define ESP_SHARE    200
#define SOFT_SHARE   200
#define LARGE_SHARE  50

/* From a stream of its own: worlds without any of it are what they were before it came. */
static void draw_more(uint64_t seed, struct shape *s)
{
	uint64_t rng = seed ^ 0x6d6f72656d6f7265ULL, odd = seed ^ 0x6f646474726169ULL;

	rng_next(&rng);
	for (unsigned d = 0; d < s->domains && s->sites <= 16 && !s->is_busy; d++) {
		s->domain[d].has_stamps = rng_chance(&odd, STAMPS_SHARE);
		s->domain[d].has_proxies = s->domain[d].has_stamps && rng_chance(&odd, 500);
		s->domain[d].has_esp = rng_chance(&odd, ESP_SHARE);
	}
	for (unsigned f = FAULT_MEMORY; f < FAULT_COUNT && s->faults != 0; f++)
		if (rng_chance(&odd, fault_share[f]))
			s->faults |= (uint16_t)(1U << f);
	if (rng_chance(&odd, LARGE_SHARE) && s->hostile == 0) {
		s->quota = QUOTA_MOST;
		s->records = s->pairs = 4 * QUOTA_MOST;
	}
	s->is_soft = rng_chance(&odd, SOFT_SHARE);
	s->is_sealed = !s->is_busy && s->sites <= 16 && rng_chance(&rng, SEALED_SHARE);
}

#define SLOW_SHARE    150 /* of a thousand worlds */
#define COMMIT_SHARE  200
#define TIMES_SHARE   250
#define WAITS_SHARE   100
#define ONLY_SHARE    200 /* ... of those with two domains */
#define RETIRED_SHARE 200 /* ... of those with three sites and more */
#define REVOKE_SHARE  200

/* What may be configured, and how much is done in a turn; from a stream of its own, too. */
static void draw_settings(uint64_t seed, struct shape *s)
{
	uint64_t rng = seed ^ 0x73657474696e6773ULL;

	rng_next(&rng);
	s->budget = BUDGET;
	if (s->sites > 16 || s->is_busy)
		return;
	if (rng_chance(&rng, SLOW_SHARE))
		s->budget = (uint32_t)rng_between(&rng, BUDGET_LEAST, 40);
	if (rng_chance(&rng, WAITS_SHARE))
		s->waits = (uint32_t)rng_between(&rng, 2, 8);
	s->has_own_times = rng_chance(&rng, TIMES_SHARE);
	for (unsigned d = 0; d < s->domains; d++)
		if (rng_chance(&rng, COMMIT_SHARE))
			s->domain[d].commit_ms = (uint16_t)rng_between(&rng, 50, 900);
	if (s->domains > 1 && s->hostile == 0 && rng_chance(&rng, ONLY_SHARE))
		s->domain[1].member_count = 1;
	if (s->sites > 2 && s->hostile == 0 && !s->is_restless && !s->is_crowd &&
		rng_chance(&rng, RETIRED_SHARE))
		s->retired = (uint8_t)rng_between(&rng, 1, s->sites);
	s->is_revoking = rng_chance(&rng, REVOKE_SHARE);
}

/* Nothing but a site that is gone for long, comes back, and is asked at once what it knows. */
static void make_joins(struct shape *s)
{
	s->is_restless = true;
	if (s->has_store) /* what it has is old: nobody may be served by it */
		s->domain[0].serve_cold = true;
	s->faults = 1U << FAULT_CRASH;
	s->fault_count = 3;
	s->jitter_us = s->delay_us / 10;
	s->loss_ppm = s->access_loss_ppm = 0;
}

/* A domain of those that are honest, and one of all. */
static void make_hostile(uint64_t *rng, struct shape *s)
{
	struct shape_domain *clean = &s->domain[0], *spoilt = &s->domain[1];

	s->hostile = (uint8_t)rng_between(rng, 1, s->sites);
	s->records_s = RECORDS_S_LEAST;
	clean->member_count = spoilt->member_count = 0;
	for (uint8_t n = 1; n <= s->sites; n++) {
		spoilt->members[spoilt->member_count++] = n;
		if (n != s->hostile)
			clean->members[clean->member_count++] = n;
	}
}

/* Fewer places than mobile nodes, and than numbers that are to be remembered. */
static void make_cramped(uint64_t seed, struct shape *s)
{
	uint64_t rng = seed ^ 0x6372616d706564ULL;

	rng_next(&rng);
	s->is_cramped = true;
	s->quota = (uint32_t)rng_between(&rng, 3, 12);
	s->records = 2 * s->quota * s->domains;
	s->pairs = (uint32_t)rng_between(&rng, 8, 40);
	s->waits = (uint32_t)rng_between(&rng, 1, 6);
	s->agents = (uint16_t)rng_between(&rng, 2, 8);
	for (unsigned d = 0; d < s->domains; d++)
		s->domain[d].has_stamps = s->domain[d].has_stamps || rng_chance(&rng, 400);
	s->records_s = RECORDS_S_LEAST;
}

/* Whoever begins is told of more than may be said in a second. */
static void make_heavy(uint64_t *rng, struct shape *s)
{
	s->sleepers = (uint16_t)rng_between(rng, 2500, 3500);
	s->faults = 1U << FAULT_CRASH;
	s->has_store = false; /* an image of all that is written now and then */
	s->loss_ppm = 0;
	s->rate_max = RATE_LEAST;
	s->quota = QUOTA_HEAVY;
	s->records = s->pairs = 4 * QUOTA_HEAVY;
}

/* More to say at a time than may be said. */
static void make_crowd(struct shape *s)
{
	s->is_crowd = true;
	s->faults = 0;
	s->loss_ppm = s->access_loss_ppm = 0;
	s->rate_max = RATE_LEAST;
}

int shape_draw(uint64_t seed, const char *kind, struct shape *out)
{
	uint64_t rng = seed ^ 0x73686170656f6677ULL;
	const struct kind *k;

	rng_next(&rng);
	k = strcmp(kind, "any") == 0 ? choose(&rng) : named(kind);
	if (k == NULL)
		return -EINVAL;
	*out = (struct shape){ .kind = k->name };
	out->sites = within(&rng, k->sites);
	out->domains = within(&rng, k->domains);
	out->mns = within(&rng, k->mns);
	out->delay_us = (uint32_t)(1000 * rng_between(&rng, k->delay_ms[0], k->delay_ms[1]));
	out->jitter_us = (uint32_t)rng_below(&rng, out->delay_us / 2 + 1);
	out->loss_ppm = rng_chance(&rng, 700) ? 0 : (uint32_t)rng_below(&rng, 20000);
	out->access_loss_ppm = rng_chance(&rng, 400) ? 0 : (uint32_t)rng_below(&rng, 150000);
	out->hello_ms = rng_chance(&rng, 700) ? 100 : 50;
	out->dead_ms = out->hello_ms * (uint32_t)rng_between(&rng, 3, 5);
	out->duration_s = (uint32_t)rng_between(&rng, k->duration_s[0], k->duration_s[1]);
	out->has_store = rng_chance(&rng, 600);
	out->rate_max = RATE_MOST;
	out->quota = QUOTA;
	out->records = 4 * QUOTA;
	out->pairs = 8 * QUOTA;
	out->waits = WAITS;
	out->agents = SHAPE_DOMAINS * (SHAPE_SITES + 1);
	out->records_s = RECORDS_S;
	for (unsigned f = 0; f < FAULT_MEMORY; f++)
		if (rng_chance(&rng, fault_share[f]))
			out->faults |= (uint16_t)(1U << f);
	out->fault_count = (uint8_t)rng_between(&rng, 2, 8);
	for (unsigned d = 0; d < out->domains; d++)
		draw_domain(&rng, out, &out->domain[d]);
	if (strcmp(k->name, "busy") == 0)
		make_busy(&rng, out);
	if (strcmp(k->name, "joins") == 0)
		make_joins(out);
	if (strcmp(k->name, "hostile") == 0)
		make_hostile(&rng, out);
	if (strcmp(k->name, "crowd") == 0)
		make_crowd(out);
	if (strcmp(k->name, "heavy") == 0)
		make_heavy(&rng, out);
	draw_more(seed, out);
	draw_settings(seed, out);
	if (strcmp(k->name, "attacked") == 0)
		out->is_sealed = out->is_attacked = true;
	if (strcmp(k->name, "cramped") == 0)
		make_cramped(seed, out);
	return 0;
}
