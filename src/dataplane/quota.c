/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/quota.h"

#include <errno.h>
#include <stdlib.h>

#include "common/meter.h"
#include "conf/conf.h"

struct lane {
	struct meter packets, octets;
	uint64_t dropped;
};

struct quota {
	uint32_t domains;
	struct lane lane[];
};

static bool is_bounded(const struct conf *conf)
{
	for (uint32_t d = 0; d < conf->domain_count; d++) {
		const struct conf_limits *l = &conf->domains[d].limits;

		if (l->traffic_mbps != CONF_RATE_OFF || l->traffic_packets_per_s != CONF_RATE_OFF)
			return true;
	}
	return false;
}

int quota_new(const struct conf *conf, uint64_t hz, uint16_t workers, struct quota **out)
{
	struct quota *q;

	*out = NULL;
	if (!is_bounded(conf))
		return 0;
	q = aligned_alloc(
		64, (sizeof(*q) + conf->domain_count * sizeof(q->lane[0]) + 63) / 64 * 64);
	if (q == NULL)
		return -ENOMEM;
	q->domains = conf->domain_count;
	for (uint32_t d = 0; d < conf->domain_count; d++) {
		const struct conf_limits *l = &conf->domains[d].limits;

		q->lane[d] = (struct lane){
			.packets = meter_packets(hz, l->traffic_packets_per_s, workers),
			.octets = meter_mbps(hz, l->traffic_mbps, workers),
		};
	}
	*out = q;
	return 0;
}

void quota_free(struct quota *q)
{
	free(q);
}

uint64_t quota_dropped(const struct quota *q, uint16_t domain)
{
	return __atomic_load_n(&q->lane[domain].dropped, __ATOMIC_RELAXED);
}

bool dp_quota(struct dp_worker *w, struct rte_mbuf *m, uint16_t domain)
{
	struct lane *l = &w->quota->lane[domain];
	uint64_t now;

	if (meter_is_off(&l->packets) && meter_is_off(&l->octets))
		return true; /* another domain's bound: no need to ask for the time */
	now = rte_rdtsc();
	if (meter_take(&l->packets, 1, now) && meter_take(&l->octets, m->data_len, now))
		return true;
	l->dropped++;
	dp_worker_drop(w, m, DP_DROP_DOMAIN_RATE);
	return false;
}
