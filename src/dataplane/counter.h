/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What workers count: monotonic, one writer each, never reset; readers subtract. One list makes
 * enum, names, units and help (`hamctl show counters`, docs/counters.md).
 */
#pragma once

#include <stdint.h>

#include "dataplane/drop.h"

/* X(id, name, unit, help) */
#define DP_COUNTER_LIST(X)                                                                         \
	X(RX_PACKETS, "rx_packets", "packets", "received from ports")                              \
	X(RX_BYTES, "rx_bytes", "bytes", "received from ports, Ethernet header included")          \
	X(TX_PACKETS, "tx_packets", "packets", "handed to ports")                                  \
	X(TX_BYTES, "tx_bytes", "bytes", "handed to ports, Ethernet header included")              \
	X(TX_RINGED, "tx_ringed", "packets", "handed to another lcore that owns the port's queue") \
	X(FORWARDED, "forwarded", "packets", "transit: sent on by a route, not through a tunnel")  \
	X(ENCAPSULATED, "encapsulated", "packets", "put into a tunnel to a care-of address")       \
	X(FRAGMENTED, "fragmented", "packets",                                                     \
		"packets of ours, tunnel packets most of all, that were fragmented because they "  \
		"are larger than the path takes")                                                  \
	X(FRAGMENTS_MADE, "fragments_made", "packets", "fragments made of them")                   \
	X(DECAPSULATED, "decapsulated", "packets", "taken out of a mobile node's tunnel")          \
	X(FRAGMENTS, "fragments", "packets",                                                       \
		"fragments addressed to us that reassembly looked at")                             \
	X(FRAGMENTS_JOINED, "fragments_joined", "packets",                                         \
		"fragments that were put together; the others of `fragments` are held or dropped") \
	X(REASSEMBLED, "reassembled", "packets", "put together from fragments")                    \
	X(MESH_OPENED, "mesh_opened", "packets", "taken out of a mesh tunnel of a peer")           \
	X(MESH_SEALED, "mesh_sealed", "packets", "put into a mesh tunnel to a peer")               \
	X(MESH_HANDED, "mesh_handed", "packets",                                                   \
		"out of, or in, a mesh tunnel: handed to the worker that opens or carries them")   \
	X(TCP_MSS_CLAMPED, "tcp_mss_clamped", "packets",                                           \
		"TCP SYNs whose maximum segment size was lowered to what a tunnel takes")          \
	X(PUNTED, "punted", "packets", "handed to the control core, or hellos to their lcore")     \
	X(HELLOS_TAKEN, "hellos_taken", "datagrams", "hellos of other sites that were taken")      \
	X(HELLOS_SENT, "hellos_sent", "datagrams", "hellos sent to other sites")                   \
	X(POLLS, "polls", "turns", "turns of the loop")                                            \
	X(BUSY_POLLS, "busy_polls", "turns", "turns that found packets")

enum dp_counter {
#define X(id, name, unit, help) DP_COUNTER_##id,
	DP_COUNTER_LIST(X)
#undef X
		DP_COUNTER_COUNT
};

const char *dp_counter_name(enum dp_counter c);
const char *dp_counter_unit(enum dp_counter c);
const char *dp_counter_help(enum dp_counter c);

/* One per worker, and one for what the control core sends and drops. */
struct dp_counters {
	uint64_t c[DP_COUNTER_COUNT];
	uint64_t drop[DP_DROP_COUNT];
} __attribute__((aligned(64)));
