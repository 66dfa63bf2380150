/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/quota.h"

#include "dataplane/domains.h"

uint64_t quota_dropped(const struct domains *d, uint16_t domain)
{
	return __atomic_load_n(&d->of[domain].dropped, __ATOMIC_RELAXED);
}

bool dp_quota(struct dp_worker *w, struct rte_mbuf *m, uint16_t domain)
{
	struct domain *d = &w->domains->of[domain];

	if (meters_are_off(&d->carried))
		return true; /* another domain's bound: no need to ask for the time */
	if (meters_take(&d->carried, m->data_len, rte_rdtsc()))
		return true;
	d->dropped++;
	dp_worker_drop(w, m, DP_DROP_DOMAIN_RATE);
	return false;
}
