/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a domain's mobile nodes may have carried by this site: limits.traffic-mbps and
 * limits.traffic-packets-per-s, so that no provider takes the others' share of a site. Counted are
 * packets to home addresses and tunnel packets to home agent addresses, each with all its octets, when
 * they come to the stage that would treat them; signalling that comes without a tunnel is not. With
 * both bounds a packet that is above either of them counts for neither. Each worker has its share of a
 * bound.
 */
#pragma once

#include <stdint.h>

#include "dataplane/worker.h"

uint64_t quota_dropped(const struct domains *d, uint16_t domain); /* above it; any thread */

/* A packet of that domain; false: it is above what the domain may have, and gone. Where
 * domains_are_bounded(). */
bool dp_quota(struct dp_worker *w, struct rte_mbuf *m, uint16_t domain);
