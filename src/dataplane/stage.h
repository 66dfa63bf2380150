/* SPDX-License-Identifier: BSD-3-Clause */
/* The stages of the packet path and the vectors between them, by name. No DPDK in here: who shows
 * a packet's way includes it too. */
#pragma once

/* X(id, name): stages whose cycles are counted. */
#define DP_STAGE_LIST(X)                                                                           \
	X(RX, "rx")                                                                                \
	X(CLASSIFY, "classify")                                                                    \
	X(REASS, "reass")                                                                          \
	X(OPEN, "open")                                                                            \
	X(DECAP, "decap")                                                                          \
	X(INTERCEPT, "intercept")                                                                  \
	X(ENCAP, "encap")                                                                          \
	X(SEAL, "seal")                                                                            \
	X(SIGNAL, "signal")                                                                        \
	X(ROUTE, "route")                                                                          \
	X(TX, "tx")

enum dp_stage {
#define X(id, name) DP_STAGE_##id,
	DP_STAGE_LIST(X)
#undef X
		DP_STAGE_COUNT
};

/* X(id, the stage that takes what is in it). */
#define DP_VEC_LIST(X)                                                                              \
	X(AGAIN, CLASSIFY) /* received, taken out of a tunnel, or put together */                   \
	X(FRAGMENT, REASS) /* a part of a packet to us */                                           \
	X(MESH, OPEN) /* from a site of the mesh to our site address */                             \
	X(TUNNEL, DECAP) /* IPv6-in-IPv6 to a home agent address */                                 \
	X(HOME, INTERCEPT) /* for an address inside a mobile prefix */                              \
	X(ENCAP, ENCAP) /* with its binding in worker.bind[] */                                     \
	X(RELAY,                                                                                    \
		SEAL) /* to the site meta.relay_to; DP_META_RELAY_ON: which relays it no further */ \
	X(SIGNAL,                                                                                   \
		SIGNAL) /* a Mobility Header with a Home Address option to a home agent address */  \
	X(ROUTE, ROUTE) /* meta.fib, or meta.adj, says where to */

enum dp_vec_id {
#define X(id, stage) V_##id,
	DP_VEC_LIST(X)
#undef X
		V_COUNT
};
