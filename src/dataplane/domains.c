/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/domains.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "conf/conf.h"

static_assert(sizeof(struct dp_relay_counts) <= RTE_CACHE_LINE_SIZE, "one line a packet");
static_assert(sizeof(struct meters) <= RTE_CACHE_LINE_SIZE, "one line where there is a bound");

int domains_new(const struct conf *conf, uint64_t hz, uint16_t workers, struct domains **out)
{
	struct domains *d = aligned_alloc(
		RTE_CACHE_LINE_SIZE, sizeof(*d) + conf->domain_count * sizeof(d->of[0]));

	if (d == NULL)
		return -ENOMEM;
	d->bounded = false;
	for (uint32_t i = 0; i < conf->domain_count; i++) {
		const struct conf_limits *l = &conf->domains[i].limits;

		d->of[i] = (struct domain){
			.carried =
				meters_of(hz, l->traffic_packets_per_s, l->traffic_mbps, workers),
			.relayed = meters_of(hz, l->relay_packets_per_s, l->relay_mbps, workers),
			.mismatches = meter_of(hz, meter_share(l->mismatch_per_s, workers),
				meter_share(l->mismatch_burst, workers)),
		};
		d->bounded |= !meters_are_off(&d->of[i].carried);
	}
	*out = d;
	return 0;
}

void domains_free(struct domains *d)
{
	free(d);
}
