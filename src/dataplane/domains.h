/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker keeps of each domain: bounds of its traffic, and counts of what is above them or was
 * relayed. quota.c and relay.c are the rules. One owner, the worker; control reads the counts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/meter.h"
#include "dataplane/dp.h"
#include "dataplane/worker.h"

struct conf;

/* Without bounds, and where all is opened here, the counters are all that is touched. */
struct domain {
	struct dp_relay_counts counts __rte_cache_aligned;
	struct meters carried __rte_cache_aligned; /* limits.traffic-* */
	struct meters relayed __rte_cache_aligned; /* limits.relay-* */
	struct meter mismatches __rte_cache_aligned;
	uint64_t dropped; /* above what may be carried */
};

struct domains {
	bool bounded; /* what any of them may have carried */
	struct domain of[];
};

/* hz: of rte_rdtsc(). workers: that share the bounds. 0 or -ENOMEM. */
int domains_new(const struct conf *conf, uint64_t hz, uint16_t workers, struct domains **out);
void domains_free(struct domains *d); /* NULL is fine */

/* dp_quota() has to be asked. */
static inline bool domains_are_bounded(const struct dp_worker *w)
{
	return w->domains != NULL && w->domains->bounded;
}
