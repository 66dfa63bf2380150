/* SPDX-License-Identifier: BSD-3-Clause */
#include "mn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/seq.h"
#include "net.h"
#include "net/mh.h"
#include "oracle.h"
#include "shape.h"
#include "world.h"

#define FIRST_TIMEOUT_US (1500 * MS) /* InitialBindackTimeoutFirstReg */
#define TIMEOUT_US       S /* INITIAL_BINDACK_TIMEOUT; doubled with each repeat ... */
#define TIMEOUT_MAX_US   (8 * S) /* ... up to this (RFC 6275: 32 s; a world does not last so long) */
#define TRIES_MAX        4 /* then another home agent, where there is one */
#define SENT_MAX         16 /* numbers of one registration that are remembered */
#define AGENTS           (SHAPE_SITES + 1)
#define CROWD_US         (4 * S) /* all move at once as often as this, in a crowd */
#define BRIEF_S          4 /* the shortest lifetime that there is */

struct mn {
	uint8_t id, domain;
	uint8_t location; /* 1..sites */
	uint8_t agent; /* node whose address it registers with; 0: the shared one */
	uint16_t care_of; /* number; 0: none yet */
	uint16_t seq[AGENTS]; /* last used with each agent address */
	uint32_t lifetime_s;

	/* the registration that waits for its acknowledgement */
	bool is_waiting, is_leaving; /* leaving: a de-registration */
	uint8_t tries;
	uint64_t timeout_us;
	uint16_t sent[SENT_MAX];
	uint32_t sent_bu[SENT_MAX]; /* the oracle's number of each */
	uint8_t sent_count;
	uint32_t wait_gen; /* a timer of an older one means nothing */

	bool is_proxied; /* it is at a MAG, which speaks for it */
	bool is_bound;
	bool is_silent; /* at the end: does not say another word */
	uint64_t resynced_us; /* last time it took its number from a refusal */
	uint32_t life_gen;
	bool is_late; /* refreshes in the last moment */
	bool has_moved_on; /* to another agent address, once: numbers say nothing of both */
	bool is_brief; /* registers for a moment, and then says nothing until long after its end */
	uint64_t until_us; /* it believes that it is bound until then */
};

int mns_new(struct world *w)
{
	w->mn = calloc(w->shape.mns, sizeof(*w->mn));
	if (w->mn == NULL)
		return -ENOMEM;
	for (uint8_t i = 0; i < w->shape.mns; i++) {
		struct mn *m = &w->mn[i];
		const struct shape_domain *d;

		m->id = i;
		m->domain = (uint8_t)(i % w->shape.domains);
		d = &w->shape.domain[m->domain];
		m->location = (uint8_t)rng_between(&w->rng_mn, 1, w->shape.sites);
		if (!d->shared)
			m->agent = d->members[rng_below(&w->rng_mn, d->member_count)];
		for (unsigned a = 0; a < AGENTS; a++)
			m->seq[a] = rng_chance(&w->rng_mn, 150)
					    ? (uint16_t)(UINT16_MAX - rng_below(&w->rng_mn, 8))
					    : (uint16_t)rng_next(&w->rng_mn);
		m->lifetime_s = (uint32_t)(4 * rng_between(&w->rng_mn, 2, 20));
		m->is_late = rng_chance(&w->rng_mn, 250);
		if (m->is_late)
			m->lifetime_s = 8;
	}
	return 0;
}

void mns_free(struct world *w)
{
	free(w->mn);
}

uint8_t mn_location(const struct world *w, uint8_t mn)
{
	return w->mn[mn].location;
}

uint8_t mn_domain(const struct world *w, uint8_t mn)
{
	return w->mn[mn].domain;
}

struct ip6_addr mn_home(const struct world *w, uint8_t mn)
{
	return addr_home(w->mn[mn].domain, mn);
}

bool mn_has_esp(const struct world *w, uint8_t mn)
{
	return w->shape.domain[mn_domain(w, mn)].has_esp && mn % 3 == 0;
}

bool mn_is_at_rest(const struct world *w, uint8_t mn)
{
	return !w->mn[mn].is_waiting;
}

/* --- sending --- */

static void on_timeout(struct world *w, void *ctx, uint64_t gen);

/* Anycast takes it to the nearest site; now and then the Internet sees it differently. */
static uint8_t entry(struct world *w, const struct mn *m)
{
	const struct shape_domain *d = &w->shape.domain[m->domain];

	if (rng_chance(&w->rng_mn, 150)) {
		uint8_t n = d->members[rng_below(&w->rng_mn, d->member_count)];

		return net_reaches(w, m->location, n) ? n : 0;
	}
	return net_nearest(w, m->location, m->domain);
}

static uint32_t asked_s(const struct mn *m)
{
	if (m->is_leaving)
		return 0;
	return m->is_brief ? BRIEF_S : m->lifetime_s;
}

static void send_bu(struct world *w, struct mn *m)
{
	struct pkt p = { .kind = PKT_BU, .depth = 1 };
	uint8_t n = entry(w, m), at = m->sent_count % SENT_MAX;

	p.hdr[0].src = addr_care_of(m->id, m->care_of);
	p.hdr[0].dst = addr_agent(m->domain, m->agent);
	p.bu.hoa = mn_home(w, m->id);
	p.bu.seq = ++m->seq[m->agent];
	if (w->shape.domain[m->domain].has_stamps)
		p.bu.stamp = world_stamp(w);
	p.bu.is_proxy = m->is_proxied;
	p.bu.lifetime_s = asked_s(m);
	m->sent[at] = p.bu.seq;
	m->sent_bu[at] = oracle_sent(w, m->id, m->agent, &p);
	if (m->sent_count < SENT_MAX)
		m->sent_count++;
	world_tell(w, "mn %u at %u: BU #%u seq %u %s %s to %s by site %u", m->id, m->location,
		m->sent_bu[at], p.bu.seq, m->is_leaving ? "leaves" : "coa", addr_str(&p.hdr[0].src),
		addr_str(&p.hdr[0].dst), n);
	if (n != 0)
		net_to_site(w, m->location, n, &p);
	world_at(w, w->now_us + m->timeout_us, on_timeout, m, ++m->wait_gen);
}

/* A new registration, or the same again with a new lifetime. */
static void register_now(struct world *w, struct mn *m, bool is_leaving)
{
	m->is_leaving = is_leaving;
	m->is_waiting = true;
	m->tries = 1;
	m->sent_count = 0;
	m->timeout_us = m->is_bound ? TIMEOUT_US : FIRST_TIMEOUT_US;
	send_bu(w, m);
}

static void change_agent(struct world *w, struct mn *m)
{
	const struct shape_domain *d = &w->shape.domain[m->domain];

	if (d->shared)
		return;
	m->agent = d->members[rng_below(&w->rng_mn, d->member_count)];
	m->sent_count = 0;
	m->has_moved_on = true;
}

static void on_timeout(struct world *w, void *ctx, uint64_t gen)
{
	struct mn *m = ctx;

	if (!m->is_waiting || gen != m->wait_gen)
		return;
	if (m->sent_count == SENT_MAX)
		m->sent_count = 0;
	if (m->tries++ >= TRIES_MAX) {
		/* 11.8: it goes on at its slowest, or looks for another agent */
		m->tries = 1;
		if (!m->is_leaving && rng_chance(&w->rng_mn, 500))
			change_agent(w, m);
	}
	m->timeout_us = 2 * m->timeout_us > TIMEOUT_MAX_US ? TIMEOUT_MAX_US : 2 * m->timeout_us;
	send_bu(w, m);
}

/* --- living --- */

static void live(struct world *w, void *ctx, uint64_t gen);

static void live_again(struct world *w, struct mn *m, uint64_t after_us)
{
	world_at(w, w->now_us + after_us, live, m, ++m->life_gen);
}

static void move(struct world *w, struct mn *m)
{
	if (rng_chance(&w->rng_mn, 700))
		m->location = (uint8_t)rng_between(&w->rng_mn, 1, w->shape.sites);
	m->care_of++;
	m->is_proxied = w->shape.domain[m->domain].has_proxies &&
			rng_chance(&w->rng_odd, m->is_proxied ? 900 : 300);
	if (rng_chance(&w->rng_mn, 100))
		change_agent(w, m);
	register_now(w, m, false);
}

/* The last word: some repeat it until they are heard, some have nothing more to say, and what they
 * registered must still hold. */
static void come_to_rest(struct world *w, struct mn *m)
{
	m->is_silent = rng_chance(&w->rng_mn, 500);
	m->lifetime_s = 4 * 60;
	if (m->is_silent) {
		m->is_waiting = false;
		return;
	}
	m->care_of++;
	register_now(w, m, false);
}

/* Like passengers of one train: all to the same place, within a moment. */
static void live_in_crowd(struct world *w, struct mn *m)
{
	uint64_t nth = w->now_us / CROWD_US;

	m->location = (uint8_t)(1 + nth % w->shape.sites);
	m->lifetime_s = 80;
	m->care_of++;
	register_now(w, m, false);
	live_again(w, m, (nth + 1) * CROWD_US + rng_below(&w->rng_mn, MS) - w->now_us);
}

/* A registration that ends long before the one that it follows would have: whoever has not heard of
 * it must not bring that one back. Where numbers are remembered, of one series (decision 043). */
static bool may_live_briefly(const struct world *w, const struct mn *m)
{
	const struct shape_domain *d = &w->shape.domain[m->domain];

	return m->is_bound && !w->shape.is_busy && d->with_auth && !d->has_proxies &&
	       !m->has_moved_on;
}

static void live_briefly(struct world *w, struct mn *m)
{
	m->is_brief = true;
	m->location = (uint8_t)rng_between(&w->rng_odd, 1, w->shape.sites);
	m->care_of++;
	register_now(w, m, false);
	live_again(w, m, rng_between(&w->rng_odd, (BRIEF_S + 2) * S, 20 * S));
}

static void live(struct world *w, void *ctx, uint64_t gen)
{
	struct mn *m = ctx;
	uint64_t half_us = m->lifetime_s * S / 2;

	if (gen != m->life_gen)
		return;
	if (m->is_brief && w->now_us > m->until_us)
		m->is_bound = false;
	m->is_brief = false;
	if (w->now_us >= w->end_us) {
		come_to_rest(w, m);
		return;
	}
	if (w->shape.is_crowd) {
		live_in_crowd(w, m);
		return;
	}
	if (m->is_waiting && rng_chance(&w->rng_mn, 600)) {
		live_again(w, m, S); /* wait for the answer, mostly */
		return;
	}
	if (may_live_briefly(w, m) && rng_chance(&w->rng_odd, 90)) {
		live_briefly(w, m);
		return;
	}
	if (!m->is_bound || w->shape.is_busy || rng_chance(&w->rng_mn, 450))
		move(w, m);
	else if (rng_chance(&w->rng_mn, w->shape.is_restless ? 600 : 120))
		register_now(w, m, true);
	else
		register_now(w, m, false);
	if (half_us > 12 * S)
		half_us = 12 * S;
	if (w->shape.is_restless)
		half_us = S;
	if (w->shape.is_busy)
		half_us = 600 * MS;
	live_again(w, m, rng_between(&w->rng_mn, 300 * MS, half_us));
}

static void rest(struct world *w, void *ctx, uint64_t arg)
{
	(void)arg;
	live_again(w, ctx, 0);
}

void mns_begin(struct world *w)
{
	for (unsigned i = 0; i < w->shape.mns; i++) {
		struct mn *m = &w->mn[i];

		live_again(w, m, rng_between(&w->rng_mn, S, 5 * S));
		world_at(w, w->end_us + rng_between(&w->rng_mn, 0, S), rest, m, 0);
	}
}

/* --- hearing --- */

/* RFC 6275, 11.7.3: with 135 comes the last number accepted; the next try starts from there. */
static void resync(struct world *w, struct mn *m, const struct pkt_ba *ba)
{
	if (!m->is_waiting || !seq16_is_newer(ba->seq, m->seq[m->agent]))
		return;
	if (w->now_us - m->resynced_us < 100 * MS)
		return; /* not more often than that: MAX_UPDATE_RATE is 3 a second */
	m->resynced_us = w->now_us;
	m->seq[m->agent] = ba->seq;
	m->timeout_us = TIMEOUT_US;
	send_bu(w, m);
}

/* In the last moment, if that is before all comes to rest. */
static void renew_late(struct world *w, struct mn *m)
{
	uint64_t at_us = m->until_us - rng_between(&w->rng_mn, 15 * MS, 250 * MS);

	if (at_us > w->now_us && at_us < w->end_us)
		live_again(w, m, at_us - w->now_us);
}

static void accepted(struct world *w, struct mn *m, uint32_t bu, const struct pkt_ba *ba)
{
	oracle_acked(w, m->id, bu, ba);
	m->is_waiting = false;
	m->is_bound = !m->is_leaving;
	m->until_us = oracle_until_us(w, m->id, bu);
	m->wait_gen++;
	if (m->is_leaving)
		m->care_of++;
	else if (m->is_late && !m->is_brief && rng_chance(&w->rng_mn, 700))
		renew_late(w, m);
}

void mn_hears(struct world *w, uint8_t mn, const struct pkt_ba *ba)
{
	struct mn *m = &w->mn[mn];
	struct ip6_addr agent = addr_agent(m->domain, m->agent);
	struct ip6_addr care_of = addr_care_of(m->id, m->care_of);

	world_tell(w, "mn %u: BA from %s (site %u) status %u seq %u lifetime %u%s", mn,
		addr_str(&ba->src), ba->node, ba->status, ba->seq, ba->lifetime_s,
		ba->is_replicated ? "" : " alone");
	if (!ip6_eq(&ba->dst, &care_of))
		return; /* of where it was before: nobody is there any more */
	if (!ip6_eq(&ba->src, &agent)) {
		oracle_ba_source(w, mn, ba);
		return;
	}
	if (ba->status < 128) {
		for (unsigned i = 0; i < m->sent_count && m->is_waiting; i++)
			if (m->sent[i] == ba->seq)
				accepted(w, m, m->sent_bu[i], ba);
		return;
	}
	w->stats.refusals++;
	if (ba->status == HA_SEQUENCE)
		resync(w, m, ba);
	else if (ba->status == HA_NOT_HOME_AGENT && m->is_leaving && m->is_waiting) {
		/* nothing is left to be ended: that is what was wanted */
		m->is_waiting = m->is_bound = false;
		m->wait_gen++;
		m->care_of++;
		oracle_refused_leave(w, mn, m->sent_bu[0]);
	}
}
