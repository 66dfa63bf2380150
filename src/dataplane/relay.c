/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/relay.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/meter.h"
#include "conf/conf.h"
#include "tables/tables.h"

/* Of a domain. Without bounds, and where all is opened here, the counters are all that is touched. */
struct lane {
	struct dp_relay_counts counts __rte_cache_aligned;
	struct meter mismatches, packets, octets;
};
static_assert(sizeof(struct dp_relay_counts) <= RTE_CACHE_LINE_SIZE, "one line a packet");

struct relay {
	uint32_t domains;
	struct lane lane[];
};

int relay_new(const struct conf *conf, uint64_t hz, uint16_t workers, struct relay **out)
{
	struct relay *r = aligned_alloc(
		RTE_CACHE_LINE_SIZE, sizeof(*r) + conf->domain_count * sizeof(r->lane[0]));

	if (r == NULL)
		return -ENOMEM;
	r->domains = conf->domain_count;
	for (uint32_t d = 0; d < conf->domain_count; d++) {
		const struct conf_limits *l = &conf->domains[d].limits;

		r->lane[d] = (struct lane){
			.mismatches = meter_of(hz, meter_share(l->mismatch_per_s, workers),
				meter_share(l->mismatch_burst, workers)),
			.packets = meter_packets(hz, l->relay_packets_per_s, workers),
			.octets = meter_mbps(hz, l->relay_mbps, workers),
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

/* What is above a bound is not counted against those behind it: mismatches, packets, octets. */
static bool may_go(struct dp_worker *w, struct rte_mbuf *m, struct lane *l, struct mesh_answer a)
{
	enum dp_drop reason;
	uint64_t now;

	if (likely(!a.policed && meter_is_off(&l->packets) && meter_is_off(&l->octets)))
		return true; /* there is no bound: no need to ask for the time */
	now = rte_rdtsc();
	if (a.policed && !meter_take(&l->mismatches, 1, now))
		reason = DP_DROP_MESH_MISMATCH_RATE;
	else if (!meter_take(&l->packets, 1, now) || !meter_take(&l->octets, m->data_len, now))
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
