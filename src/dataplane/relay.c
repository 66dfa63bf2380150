/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/relay.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "tables/tables.h"

#define BURST_MS    100 /* of limits.relay-*: what may come at once */
#define PER_SHIFT   20 /* fraction bits of cycles a token: 100 Gb/s are 0.2 cycles an octet */
#define OCTETS_MBIT 125000
#define LARGEST     65575 /* octets of a packet: let one through whatever the bound is */

/* A bucket of time: what a token costs is saved up, cycle by cycle. */
struct pace {
	uint64_t per; /* cycles a token << PER_SHIFT; 0: no bound */
	uint64_t depth, saved; /* cycles: most, and now */
	uint64_t last; /* TSC */
};

/* Of a domain. Without bounds, and where all is opened here, the counters are all that is touched. */
struct lane {
	struct dp_relay_counts counts __rte_cache_aligned;
	struct pace mismatches, packets, octets;
};
static_assert(sizeof(struct dp_relay_counts) <= RTE_CACHE_LINE_SIZE, "one line a packet");

struct relay {
	uint32_t domains;
	struct lane lane[];
};

static struct pace pace_of(uint64_t hz, uint64_t rate, uint64_t burst)
{
	struct pace p = { 0 };

	if (rate == 0)
		return p;
	p.per = (uint64_t)((double)hz / (double)rate * (1 << PER_SHIFT));
	p.depth = (uint64_t)((double)hz / (double)rate * (double)burst);
	p.saved = p.depth;
	return p;
}

static bool pace_take(struct pace *p, uint64_t tokens, uint64_t now)
{
	uint64_t cost = tokens * p->per >> PER_SHIFT;

	if (p->per == 0)
		return true;
	p->saved = now - p->last < p->depth - p->saved ? p->saved + (now - p->last) : p->depth;
	p->last = now;
	if (p->saved < cost)
		return false;
	p->saved -= cost;
	return true;
}

/* A worker's part of a bound, at least 1. */
static uint64_t share(uint64_t all, uint16_t workers)
{
	return (all + workers - 1) / workers;
}

static uint64_t burst_of(uint64_t rate, uint64_t least)
{
	uint64_t n = rate * BURST_MS / 1000;

	return n > least ? n : least;
}

int relay_new(const struct conf *conf, uint64_t hz, uint16_t workers, struct relay **out)
{
	struct relay *r = aligned_alloc(
		RTE_CACHE_LINE_SIZE, sizeof(*r) + conf->domain_count * sizeof(r->lane[0]));

	if (r == NULL)
		return -ENOMEM;
	r->domains = conf->domain_count;
	for (uint32_t d = 0; d < conf->domain_count; d++) {
		const struct conf_limits *l = &conf->domains[d].limits;
		uint64_t packets = share(l->relay_packets_per_s, workers);
		uint64_t octets = share((uint64_t)l->relay_mbps * OCTETS_MBIT, workers);

		r->lane[d] = (struct lane){
			.mismatches = pace_of(hz, share(l->mismatch_per_s, workers),
				share(l->mismatch_burst, workers)),
			.packets = pace_of(hz, packets, burst_of(packets, 1)),
			.octets = pace_of(hz, octets, burst_of(octets, LARGEST)),
		};
	}
	*out = r;
	return 0;
}

void relay_free(struct relay *r)
{
	free(r);
}

void relay_add_counts(const struct relay *r, uint16_t domain, struct dp_relay_counts *sum)
{
	const struct dp_relay_counts *c = &r->lane[domain].counts;

	sum->first_packets += c->first_packets;
	sum->first_octets += c->first_octets;
	sum->further_packets += c->further_packets;
	sum->further_octets += c->further_octets;
	sum->mismatches += c->mismatches;
	sum->arrived += c->arrived;
}

/* What is above a bound is not counted against the others. */
static bool may_go(struct dp_worker *w, struct rte_mbuf *m, struct lane *l, struct mesh_answer a)
{
	enum dp_drop reason;
	uint64_t now;

	if (likely(!a.policed && l->packets.per == 0 && l->octets.per == 0))
		return true; /* there is no bound: no need to ask for the time */
	now = rte_rdtsc();
	if (a.policed && !pace_take(&l->mismatches, 1, now))
		reason = DP_DROP_MESH_MISMATCH_RATE;
	else if (!pace_take(&l->packets, 1, now) || !pace_take(&l->octets, m->data_len, now))
		reason = DP_DROP_MESH_RELAY_RATE;
	else
		return true;
	dp_worker_drop(w, m, reason);
	return false;
}

void dp_arrived(struct dp_worker *w, struct rte_mbuf *m, uint16_t domain)
{
	w->relay->lane[domain].counts.arrived += dp_meta(m)->peer == 0;
}

void dp_relay(struct dp_worker *w, struct rte_mbuf *m, uint16_t domain, struct mesh_answer a,
	uint8_t node)
{
	struct lane *l = &w->relay->lane[domain];
	struct dp_meta *meta = dp_meta(m);

	if (!may_go(w, m, l, a))
		return;
	meta->relay_to = node;
	if (a.further) {
		meta->flags |= DP_META_RELAY_ON;
		l->counts.further_packets++;
		l->counts.further_octets += m->data_len;
	} else {
		meta->flags &= (uint8_t)~DP_META_RELAY_ON;
		l->counts.first_packets++;
		l->counts.first_octets += m->data_len;
	}
	l->counts.mismatches += a.policed;
	dp_vec_push(&w->vec[V_RELAY], m);
}
