/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that another site of the mesh has to treat: how many, and how many at most. What a domain
 * has relayed is bounded (limits.relay-mbps, limits.relay-packets-per-s), and so is what is relayed
 * only because a peer may know better (limits.mismatch-per-s, limits.mismatch-burst): tunnels that do
 * not fit our bindings, which anybody can send. A packet that is above one bound counts for none of
 * the others. Each worker has its share of a bound, and counters of
 * its own, those of a domain on one cache line. They say of each domain, too, whether mobile nodes
 * still get here, which is what a drain waits for the end of.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/worker.h"
#include "tables/meshtab.h"

void relay_add_counts(const struct domains *d, uint16_t domain, struct dp_relay_counts *sum);

/* How the packet came: the beginning of what mesh_ask() is asked. */
static inline struct mesh_query dp_query(struct rte_mbuf *m, enum mesh_kind kind)
{
	const struct dp_meta *meta = dp_meta(m);
	struct mesh_query q = { .kind = kind, .peer = meta->peer };

	if (meta->peer != 0)
		q.from = meta->flags & DP_META_RELAYED ? MESH_RELAYED : MESH_FIRST;
	return q;
}

/* A mobile node of the domain sent this, and it is opened here or relayed. What a peer handed on is
 * nothing that routes brought here, so it is not counted. */
void dp_arrived(struct dp_worker *w, struct rte_mbuf *m, uint16_t domain);

/* From here on the packet is one of our own. */
static inline void dp_make_own(struct dp_meta *meta)
{
	meta->peer = 0;
	meta->flags &= (uint8_t) ~(DP_META_RELAYED | DP_META_RELAY_ON);
}

/* A packet of the domain goes to a site as it is, or is dropped for a bound. */
void dp_relay(struct dp_worker *w, struct rte_mbuf *m, uint16_t domain, struct mesh_answer a,
	uint8_t node);
