/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a world is like before anything happens in it: how many sites, domains and mobile nodes, how
 * they are configured, how the network between them is, and which faults it will know. A shape is
 * drawn from the seed, within the bounds of a named kind.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SHAPE_SITES   100
#define SHAPE_DOMAINS 2
#define SHAPE_MNS     64

/* Faults that a world may know; a world knows some of them, never all (who throws everything at
 * everything sees little of each). X(id, name) */
#define FAULT_LIST(X)                                                                              \
	X(PARTITION, "partition")                                                                  \
	X(CRASH, "crash")                                                                          \
	X(CLOCK, "clock")                                                                          \
	X(PAUSE, "pause")                                                                          \
	X(CUT_PAIR, "cut-pair")                                                                    \
	X(ONE_WAY, "one-way")                                                                      \
	X(BAD_LINKS, "bad-links")                                                                  \
	X(REPLAY, "replay")                                                                        \
	X(DRAIN, "drain")                                                                          \
	X(OPERATOR, "operator")                                                                    \
	X(MEMORY, "memory")                                                                        \
	X(ROOM, "room")                                                                            \
	X(RELEASE, "release")

enum fault {
#define X(id, name) FAULT_##id,
	FAULT_LIST(X)
#undef X
		FAULT_COUNT
};

struct shape_domain {
	bool shared; /* mode */
	bool primary; /* delivery */
	bool with_auth; /* mobile nodes have keys: who is not one of them registers nothing */
	bool serve_cold; /* cold-start: "serve" */
	bool has_stamps; /* Binding Updates carry a timestamp */
	bool has_proxies; /* ... and some come from a MAG, ordered by nothing else */
	bool has_esp; /* payload of one mobile node in three is in ESP */
	uint8_t ack_peers; /* 255: all */
	uint16_t commit_ms; /* commit-timeout-ms; 0: by the nearest peer */
	uint8_t members[SHAPE_SITES];
	uint8_t member_count;
};

struct shape {
	const char *kind;
	uint8_t sites; /* node ids 1..sites */
	uint8_t domains;
	uint8_t mns;
	uint8_t retired; /* a member that is gone for good, as all know; 0: none */
	uint32_t budget; /* of a turn of the engine, in records */
	uint16_t faults; /* 1 << enum fault */
	uint8_t fault_count; /* how many happen, about */
	bool has_store; /* sites keep what they know over a restart */
	bool is_busy; /* no faults but loss; mobile nodes move all the time */
	bool is_restless; /* mobile nodes leave and come back all the time */
	uint16_t
		sleepers; /* bindings that one site finds at its first start, and nobody asks for */
	bool is_crowd; /* all mobile nodes move at the same moments, to the same place */
	uint32_t quota; /* max-bindings of each domain; tombstones may be as many */
	uint32_t records, pairs; /* a site has room for so many, and last seen numbers */
	uint32_t waits; /* acknowledgements that may wait */
	uint16_t agents; /* home agent addresses whose numbers are remembered */
	uint32_t records_s; /* taken from one peer in a second */
	uint32_t rate_max; /* octets a second that a site may send to another one */
	uint32_t delay_us; /* between neighbours, one way */
	uint32_t jitter_us;
	uint32_t loss_ppm; /* always, on every path between sites */
	uint32_t access_loss_ppm; /* between mobile nodes and sites */
	uint32_t hello_ms, dead_ms;
	bool has_own_times; /* each peer may have its own hello-ms and dead-ms */
	uint32_t duration_s; /* of trouble; the time to settle comes on top */
	bool is_soft; /* path MTUs get known; some sites are of a later release and say more */
	bool is_revoking; /* the operator removes bindings */
	bool is_cramped; /* quota and all else may be used up */
	bool is_attacked; /* sealed, and somebody beside the paths sends what it likes */
	uint8_t hostile; /* a site that was bought, in the last domain only; 0: none */
	bool is_sealed; /* real sessions between sites, and somebody who plays with their datagrams */
	struct shape_domain domain[SHAPE_DOMAINS];
};

/* "any" draws among the small kinds. -EINVAL: there is no such kind. */
int shape_draw(uint64_t seed, const char *kind, struct shape *out);
/* Prints the names of the kinds. */
void shape_list(void);
/* One of its members may say what it likes: nothing is promised of it. */
static inline bool shape_is_spoilt(const struct shape *s, uint8_t domain)
{
	return s->hostile != 0 && domain + 1 == s->domains;
}
const char *fault_name(enum fault f);
static inline bool shape_knows(const struct shape *s, enum fault f)
{
	return s->faults >> f & 1;
}
