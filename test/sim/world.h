/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One simulated world: virtual time, everything that is going to happen, and whoever takes part.
 * Nothing in it runs by itself, nothing looks at a real clock and all chance comes from one seed:
 * the same seed is the same world, event by event.
 *
 * Time is in microseconds since the world began (world.now_us). Events of the same moment happen
 * in the order in which they were asked for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/util.h"
#include "shape.h"

#define MS 1000ULL /* microseconds */
#define S  1000000ULL

#define WALL_MS 1700000000000ULL /* the time of day when a world begins */

struct mn;
struct net;
struct one;
struct oracle;
struct site;
struct world;

typedef void (*world_fn)(struct world *w, void *ctx, uint64_t arg);

struct world_event {
	uint64_t at_us, order;
	world_fn fn;
	void *ctx;
	uint64_t arg;
	bool is_owner; /* ctx is freed with the event */
};

/* What a campaign adds up over its worlds. X(name, what) */
#define STATS_LIST(X)                                                                              \
	X(worlds, "worlds")                                                                        \
	X(with_partition, "worlds with a partition")                                               \
	X(with_crash, "worlds with a crash")                                                       \
	X(with_clock, "worlds with a clock step")                                                  \
	X(virtual_s, "virtual seconds")                                                            \
	X(events, "events")                                                                        \
	X(crashes, "crashes")                                                                      \
	X(old_stores, "restarts with an old store")                                                \
	X(pauses, "pauses")                                                                        \
	X(partitions, "partitions")                                                                \
	X(cut_pairs, "pairs cut off")                                                              \
	X(one_ways, "paths cut one way")                                                           \
	X(bad_links, "spells of loss, copies and disorder")                                        \
	X(clock_steps, "clock steps")                                                              \
	X(moves, "bindings moved by hand")                                                         \
	X(removed, "bindings removed by the operator")                                             \
	X(removed_sure, "... which all sites heard of")                                            \
	X(forced, "domains served by force")                                                       \
	X(lacks, "spells without memory")                                                          \
	X(unmade, "starts that failed for the lack of it")                                         \
	X(releases, "sites begun with another release")                                            \
	X(drains, "drains")                                                                        \
	X(datagrams, "datagrams between sites")                                                    \
	X(bytes, "octets between sites")                                                           \
	X(sealed, "worlds with real sessions")                                                     \
	X(sessions, "sessions made")                                                               \
	X(sealed_refused, "sealed datagrams that were refused")                                    \
	X(attacks, "datagrams of an attacker beside the paths")                                    \
	X(spoilt, "datagrams of a hostile member, changed or made up")                             \
	X(blamed, "sites that say so of it")                                                       \
	X(seals, "seals, none under the key and nonce of another one")                             \
	X(bus, "Binding Updates")                                                                  \
	X(acks, "positive acknowledgements heard")                                                 \
	X(refusals, "refusals heard")                                                              \
	X(replays, "replays by an attacker")                                                       \
	X(probes, "data packets")                                                                  \
	X(strict, "data packets with no fault in progress")                                        \
	X(delivered, "data packets that arrived")                                                  \
	X(dropped, "data packets dropped with a reason")                                           \
	X(lost, "data packets that the network lost")                                              \
	X(stale, "arrived where the mobile node had been, during a fault")                         \
	X(void_loss,                                                                               \
		"excused: a second loss before the first had settled, or an unreplicated ack")     \
	X(void_agents, "excused: two agent addresses on two sides of a cut")                       \
	X(void_wrap, "excused: numbers that went round during a cut")                              \
	X(void_replay, "excused: a replay that nothing tells from the truth")                      \
	X(final_checks, "mobile nodes looked at when all was quiet")

struct stats {
#define X(name, what) uint64_t name;
	STATS_LIST(X)
#undef X
};

struct world {
	uint64_t seed;
	uint64_t now_us;
	uint64_t end_us; /* from here on nothing new is begun: all is mended and must settle */
	struct shape shape;

	struct world_event *heap;
	size_t heap_len, heap_cap;
	uint64_t order;

	uint64_t rng_plan, rng_net, rng_mn, rng_probe, rng_site, rng_seal,
		rng_odd; /* independent */

	struct net *net;
	struct site *site[SHAPE_SITES + 1]; /* by node id */
	struct mn *mn; /* shape.mns of them */
	struct one *faults; /* planned */
	struct oracle *oracle;

	struct stats stats;
	bool trace; /* print the story as it happens */
	bool failed;
	char failure[512];
};

int world_new(uint64_t seed, const struct shape *shape, bool trace, struct world **out);
void world_free(struct world *w);
/* The one at hand, for what the linker puts between two functions; NULL: none. */
struct world *world_current(void);

void world_at(struct world *w, uint64_t at_us, world_fn fn, void *ctx, uint64_t arg);
/* The same, and ctx, from malloc(), is freed after the call or with the world. */
void world_post(struct world *w, uint64_t at_us, world_fn fn, void *ctx, uint64_t arg);
/* Let it happen until until_us or the first failure. */
void world_run(struct world *w, uint64_t until_us);

/* What the world is like, as the first lines of its story. */
void world_describe(struct world *w);
/* One line of the story. */
/* The right time of day, NTP's. */
uint64_t world_stamp(const struct world *w);
void world_tell(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A promise was broken: the first one is kept, and the world stops. */
void world_fail(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);

uint64_t rng_next(uint64_t *seed); /* splitmix64 */
uint64_t rng_below(uint64_t *seed, uint64_t n); /* 0..n-1 */
uint64_t rng_between(uint64_t *seed, uint64_t lo, uint64_t hi); /* both included */
bool rng_chance(uint64_t *seed, uint32_t per_mille);
