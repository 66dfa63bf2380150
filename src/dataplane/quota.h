/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a domain's mobile nodes may have carried by this site: limits.traffic-mbps and
 * limits.traffic-packets-per-s, so that no provider takes the others' share of a site. Counted are
 * packets to home addresses and tunnel packets to home agent addresses, each with all its octets, when
 * they come to the stage that would treat them; signalling that comes without a tunnel is not. Each
 * worker has its share of a bound. One owner, the worker; control reads the counts.
 */
#pragma once

#include <stdint.h>

#include "dataplane/worker.h"

struct conf;
struct quota;

/* hz: of rte_rdtsc(). workers: that share the bounds. *out is NULL where no domain has any. 0 or
 * -ENOMEM. */
int quota_new(const struct conf *conf, uint64_t hz, uint16_t workers, struct quota **out);
void quota_free(struct quota *q); /* NULL is fine */
uint64_t quota_dropped(const struct quota *q, uint16_t domain); /* packets above it; any thread */

/* A packet of that domain; false: it is above what the domain may have, and gone. w->quota is not
 * NULL. */
bool dp_quota(struct dp_worker *w, struct rte_mbuf *m, uint16_t domain);
