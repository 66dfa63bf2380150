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
 * No clock of its own. One writer, the lcore; read by anyone.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TURN_CPU_EVERY_US 250 /* 0.3 % of a core */

struct turns {
	uint64_t hz; /* of the clock that turns are measured with */
	_Atomic uint64_t longest_cycles, longest_cpu_us;

	/* the lcore's */
	uint64_t cpu_ns, cpu_tsc; /* processor time when it was asked for last, and when that was */
};

/* A turn ended that took so many cycles. */
static inline void turn_took(struct turns *t, uint64_t cycles)
{
	if (cycles > atomic_load_explicit(&t->longest_cycles, memory_order_relaxed))
		atomic_store_explicit(&t->longest_cycles, cycles, memory_order_relaxed);
}

uint64_t turn_us(const struct turns *t, uint64_t cycles);
bool turn_wants_cpu(const struct turns *t, uint64_t cycles, uint64_t end_tsc);
/* It wanted it: the thread's processor time, read behind the turn. */
void turn_cpu(struct turns *t, uint64_t cycles, uint64_t end_tsc, uint64_t cpu_ns);
