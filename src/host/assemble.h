/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From legs to packets: what lcores tell about a packet in pieces is put together here, and shown
 * when it has ended, if it is what the filter asked for. Legs of one packet come from several
 * rings, in any order between them. Bounded: ASSEMBLE_PACKETS at a time, ASSEMBLE_HOPS each; a
 * packet of which nothing is heard for ASSEMBLE_WAIT_MS ends as it is. One owner.
 */
#pragma once

#include "dataplane/watch.h"

#define ASSEMBLE_PACKETS 1024
#define ASSEMBLE_HOPS    64
#define ASSEMBLE_WAIT_MS 5000 /* a packet waits for its neighbour up to 3 s */

struct assembly;

struct traced_hop {
	struct trace_hop hop;
	uint16_t lane; /* whose */
	bool is_answer; /* of what control made because of the packet */
};

struct traced {
	bool is_received; /* it came in by `port` and `queue`; else control made it */
	bool is_whole; /* its beginning and its end are there */
	bool is_cut; /* there were more hops than these */
	uint16_t port, queue;
	unsigned hops; /* in the order of time */
	struct traced_hop hop[ASSEMBLE_HOPS];
};

int assembly_new(const struct watch_filter *filter, struct assembly **out); /* 0 or -ENOMEM */
void assembly_free(struct assembly *a); /* NULL is fine */
void assembly_add(struct assembly *a, const struct trace_leg *leg, uint64_t now_ms);
/* To be called when each ring has been emptied once since the last time. */
void assembly_round(struct assembly *a);
/* A packet that has ended (all: or has not), valid until the next call; NULL: none. */
const struct traced *assembly_take(struct assembly *a, uint64_t now_ms, bool all);
uint64_t assembly_lost(const struct assembly *a); /* packets for which there was no room */

/* What became of it in a word: "sent", "dropped" with its reason, "taken" (by control), "waits",
 * "unknown". */
const char *traced_fate(const struct traced *t, const char **reason);
