/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/relay.h"

#include "dataplane/domains.h"
#include "tables/tables.h"

void relay_add_counts(const struct domains *d, uint16_t domain, struct dp_relay_counts *sum)
{
	const struct dp_relay_counts *c = &d->of[domain].counts;

	sum->first_packets += c->first_packets;
	sum->first_octets += c->first_octets;
	sum->further_packets += c->further_packets;
	sum->further_octets += c->further_octets;
	sum->mismatches += c->mismatches;
	sum->arrived += c->arrived;
}

/* What is above a bound counts for none of them. */
static bool may_go(struct dp_worker *w, struct rte_mbuf *m, struct domain *d, struct mesh_answer a)
{
	enum dp_drop reason;
	uint64_t now;

	if (likely(!a.policed && meters_are_off(&d->relayed)))
		return true; /* there is no bound: no need to ask for the time */
	now = rte_rdtsc();
	if (a.policed && !meter_can(&d->mismatches, 1, now)) {
		reason = DP_DROP_MESH_MISMATCH_RATE;
	} else if (!meters_can(&d->relayed, m->data_len, now)) {
		reason = DP_DROP_MESH_RELAY_RATE;
	} else {
		if (a.policed)
			meter_pay(&d->mismatches, 1);
		meters_pay(&d->relayed, m->data_len);
		return true;
	}
	dp_worker_drop(w, m, reason);
	return false;
}

void dp_arrived(struct dp_worker *w, struct rte_mbuf *m, uint16_t domain)
{
	w->domains->of[domain].counts.arrived += dp_meta(m)->peer == 0;
}

void dp_relay(struct dp_worker *w, struct rte_mbuf *m, uint16_t domain, struct mesh_answer a,
	uint8_t node)
{
	struct domain *d = &w->domains->of[domain];
	struct dp_meta *meta = dp_meta(m);

	if (!may_go(w, m, d, a))
		return;
	meta->relay_to = node;
	if (a.further) {
		meta->flags |= DP_META_RELAY_ON;
		d->counts.further_packets++;
		d->counts.further_octets += m->data_len;
	} else {
		meta->flags &= (uint8_t)~DP_META_RELAY_ON;
		d->counts.first_packets++;
		d->counts.first_octets += m->data_len;
	}
	d->counts.mismatches += a.policed;
	dp_vec_push(&w->vec[V_RELAY], m);
}
