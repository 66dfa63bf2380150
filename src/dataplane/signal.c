/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In:  Mobility Headers with a Home Address option to a home agent address, their lookups begun.
 * Out: the control core. Who speaks from where it is bound stands in a queue of its own: no flood of
 *      invented home or care-of addresses gets between a mobile node and its refresh, nor does one in
 *      the name of another. That the message is genuine is for control to find out.
 */
#include "dataplane/police.h"
#include "dataplane/worker.h"
#include "tables/bc.h"
#include "tables/fib.h"
#include "tables/tables.h"

/* Out of a mesh: there other sites' sources and what is relayed come first. */
bool dp_may_be_known(const struct dp_worker *w, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);

	return meta->ext.upper == IP6_MH && (meta->ext.flags & EXT_HAO) != 0 &&
	       fib_kind(meta->fib) == FIB_HOME_AGENT && w->t->mesh == NULL;
}

void dp_to_signal(struct dp_worker *w, struct rte_mbuf *m)
{
	struct dp_vec *signal = &w->vec[V_SIGNAL];
	const struct dp_meta *meta = dp_meta(m);
	struct ip6_addr hoa;

	if (!(meta->ext.flags & EXT_HAO) || fib_kind(meta->fib) != FIB_HOME_AGENT) {
		dp_punt(w, m, DP_PUNT_SIGNALLING);
		return;
	}
	memcpy(&hoa, rte_pktmbuf_mtod_offset(m, const uint8_t *, meta->ext.hao_off + 2),
		sizeof(hoa));
	dp_seek(&w->signal, w->t->bc, signal->n, &hoa);
	police_ask(w->police, fib_domain(meta->fib), &hoa);
	if (signal->n == 0)
		dp_punt_ahead(w, DP_PUNT_KNOWN);
	dp_vec_push(signal, m);
}

/* Of who speaks from where it is bound, to the address that it is registered with; else NULL. */
static const struct bc_entry *known_speaker(struct dp_worker *w, struct rte_mbuf *m, uint32_t i)
{
	const struct net_ip6 *ip = dp_ip6(m);
	const struct bc_entry *bind;
	struct ip6_addr hoa;

	memcpy(&hoa, (const uint8_t *)ip + dp_meta(m)->ext.hao_off + 2, sizeof(hoa));
	bind = bc_check(w->t->bc, &hoa, w->signal.hash[i], w->signal.guess[i]);
	return bind != NULL && ip6_eq(&bind->coa, &ip->src) && ip6_eq(&bind->ha, &ip->dst) ? bind
											   : NULL;
}

/* Nobody is bound to an address of ours: who is known need not be asked. In a mesh it was asked. */
static void unknown(struct dp_worker *w, struct rte_mbuf *m)
{
	if (w->t->mesh == NULL && dp_is_from_us(w, m))
		dp_worker_drop(w, m, DP_DROP_SRC_OURS);
	else
		dp_punt(w, m, DP_PUNT_SIGNALLING);
}

void dp_signal(struct dp_worker *w, struct dp_vec *in)
{
	uint64_t now = rte_rdtsc();

	for (uint32_t i = 0; i < in->n; i++) {
		struct rte_mbuf *m = in->pkt[i];
		const struct bc_entry *bind = known_speaker(w, m, i);

		if (bind == NULL)
			unknown(w, m);
		else if (police_take(w->police, bind->domain, &bind->hoa, now))
			dp_punt(w, m, DP_PUNT_KNOWN);
		else
			dp_worker_drop(w, m, DP_DROP_PUNT_KNOWN_RATE);
	}
	in->n = 0;
}
