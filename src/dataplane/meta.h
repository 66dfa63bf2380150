/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What travels with a packet from stage to stage and to the control core, in the mbuf's private
 * area: one cache line. From dp_rx on, a packet's data starts at its IPv6 header and its length
 * is 40 + payload length. Only dataplane/ and control/punt.c see mbufs.
 */
#pragma once

#include <rte_mbuf.h>

#include "dataplane/dp.h"
#include "net/ext.h"
#include "net/ip6hdr.h"

enum dp_meta_flag {
	DP_META_TUNNELLED = 1, /* came out of a mobile node's tunnel, care-of address checked */
	DP_META_UNCHECKED = 2, /* came out of a tunnel that only signalling may leave */
	DP_META_WALKED = 4, /* ext is valid */
	DP_META_ENCAPSULATED = 8, /* we put it into a tunnel */
	DP_META_OWN = 16, /* control made it: no hop limit to lose */
	DP_META_RELAYED = 32, /* the peer had it from another one: it is relayed no further */
	DP_META_RELAY_ON = 64, /* of a packet in V_RELAY: its next site is to relay it no further */
	DP_META_JOINED = 128, /* put together from fragments: it may leave in fragments, too */
};

struct dp_meta {
	struct ext_info ext;
	uint32_t fib; /* what the FIB said about the destination */
	uint32_t adj; /* next hop, when it is known already */
	uint64_t trace; /* its mark, if it is traced: see trace.c; 0: it is not */
	uint16_t port; /* where it came in */
	uint8_t flags; /* enum dp_meta_flag */
	uint8_t opened; /* mobile nodes' tunnels opened so far */
	uint8_t peer; /* node of the site that it came from, in a mesh tunnel; 0: of none. A packet
	                 that is opened (but UNCHECKED) or wrapped here is one of our own: 0 again */
	uint8_t relay_to; /* of a packet in V_RELAY: node of the site that it goes to */
	uint8_t src_mac[6];
	uint8_t worker; /* whose lcore took it in, and has its pool's cache */
	uint8_t icmp_type, icmp_code; /* punt class ERROR */
	uint8_t drop; /* punt class ERROR: enum dp_drop it is counted under */
	uint8_t adj_owner; /* punt class RESOLVE: of adj, which may be another's when control looks */
	uint32_t icmp_arg; /* punt class ERROR: MTU or pointer */
};
_Static_assert(sizeof(struct dp_meta) <= 64, "one cache line");
_Static_assert(DP_DROP_COUNT <= UINT8_MAX + 1, "dp_meta.drop");

static inline struct dp_meta *dp_meta(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

static inline struct net_ip6 *dp_ip6(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, struct net_ip6 *);
}
