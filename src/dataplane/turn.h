/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long an lcore's turns take: by the clock, and of that what the kernel let it run. Where an
 * lcore has no processor for itself the first says more about its neighbours than about hamd.
 *
 * A thread's own processor time is a system call (0.7 us on a virtual machine), too much for each
 * turn and nothing for a worker. So control's lcore asks for it four times a millisecond, and behind a
 * turn that may be the longest: by the clock it was longer than the longest so far. What ran in that
 * turn is then at most what ran since the last time, and that is what counts: up to
 * TURN_CPU_EVERY_US too much, never too little. A hypervisor's other guests are not told apart.
 *
 * Which part of a turn it was is known by the clock: a read of it behind each part that did something,
 * of some twenty, and behind all of them once a millisecond (ctl_part()). The longest of each part says
 * where to look, and has in it what interrupted that, and the parts right before it that did nothing.
 *
 * No clock of its own. One writer, the lcore; read by anyone.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TURN_CPU_EVERY_US 250 /* 0.3 % of a core */

/* What a turn of control's lcore consists of, in this order: TURN_id, its name, what it is. */
#define TURN_PART_LIST(X)                                                                          \
	X(HELLO, "hello", "hello between sites, where this lcore is the first worker's")           \
	X(PACKETS, "packets", "packets, where this lcore is a worker's, and what control's queue") \
	X(CLOCKS, "clocks", "clocks, links, whether an lcore stands still")                        \
	X(SYNC, "sync", "datagrams of other sites")                                                \
	X(SIGNALLING, "signalling", "all other packets that are for control")                      \
	X(TIMERS, "timers", "timers, ends of bindings")                                            \
	X(ADVERTISE, "advertise", "prefix advertisements, mobile nodes that are told to switch")   \
	X(KEYS, "keys", "keys of the tunnels between sites, balance of workers")                   \
	X(SUBSCRIBERS, "subscribers", "a reload of subscribers")                                   \
	X(PEERS, "peers", "what hello heard, routes and handshakes between sites")                 \
	X(ENGINE, "engine", "what sites tell each other of bindings")                              \
	X(ACCOUNTING, "accounting", "accounting")                                                  \
	X(PUBLISH, "publish", "bindings after a change of routes")                                 \
	X(STORE, "store", "the store")                                                             \
	X(REQUESTS, "requests", "answers to hamctl")                                               \
	X(WATCH, "watch", "traces and captures")                                                   \
	X(RECLAIM, "reclaim", "memory that no worker looks at any more")                           \
	X(SEND, "send", "what control sends")                                                      \
	X(ALARMS, "alarms", "alarms")

enum turn_part {
#define X(id, name, help) TURN_##id,
	TURN_PART_LIST(X)
#undef X
		TURN_PARTS
};

struct turns {
	uint64_t hz; /* of the clock that turns are measured with */
	_Atomic uint64_t longest_cycles, longest_cpu_us;
	_Atomic uint64_t part_cycles[TURN_PARTS]; /* the most that each took in one turn */
	_Atomic unsigned cpu_part; /* of the turn with longest_cpu_us, what took most of it */

	/* the lcore's */
	uint64_t cpu_ns, cpu_tsc; /* processor time when it was asked for last, and when that was */
	uint64_t part_tsc; /* when the part began that is under way */
	uint64_t most_cycles; /* of this turn's parts so far, the longest */
	unsigned most;
};

/* A turn begins. */
static inline void turn_begins(struct turns *t, uint64_t tsc)
{
	t->part_tsc = tsc;
	t->most_cycles = 0;
}

/* What was done since the last call was this. */
static inline void turn_part(struct turns *t, enum turn_part part, uint64_t tsc)
{
	uint64_t cycles = tsc - t->part_tsc;

	t->part_tsc = tsc;
	if (cycles > t->most_cycles) {
		t->most_cycles = cycles;
		t->most = part;
	}
	if (cycles > atomic_load_explicit(&t->part_cycles[part], memory_order_relaxed))
		atomic_store_explicit(&t->part_cycles[part], cycles, memory_order_relaxed);
}

/* A turn ended that took so many cycles. */
static inline void turn_took(struct turns *t, uint64_t cycles)
{
	if (cycles > atomic_load_explicit(&t->longest_cycles, memory_order_relaxed))
		atomic_store_explicit(&t->longest_cycles, cycles, memory_order_relaxed);
}

const char *turn_part_name(unsigned part);
const char *turn_part_help(unsigned part);
uint64_t turn_us(const struct turns *t, uint64_t cycles);
bool turn_wants_cpu(const struct turns *t, uint64_t cycles, uint64_t end_tsc);
/* It wanted it: the thread's processor time, read behind the turn. */
void turn_cpu(struct turns *t, uint64_t cycles, uint64_t end_tsc, uint64_t cpu_ns);
