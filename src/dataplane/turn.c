/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/turn.h"

const char *turn_part_name(unsigned part)
{
	static const char *const names[] = {
#define X(id, name, help) [TURN_##id] = name,
		TURN_PART_LIST(X)
#undef X
	};

	return names[part];
}

const char *turn_part_help(unsigned part)
{
	static const char *const help[] = {
#define X(id, name, text) [TURN_##id] = text,
		TURN_PART_LIST(X)
#undef X
	};

	return help[part];
}

/* A turn of 2^64 / 10^6 cycles is one of some hours. */
uint64_t turn_us(const struct turns *t, uint64_t cycles)
{
	return cycles * 1000000 / t->hz;
}

bool turn_wants_cpu(const struct turns *t, uint64_t cycles, uint64_t end_tsc)
{
	return end_tsc - t->cpu_tsc >= t->hz * TURN_CPU_EVERY_US / 1000000 ||
	       turn_us(t, cycles) > atomic_load_explicit(&t->longest_cpu_us, memory_order_relaxed);
}

void turn_cpu(struct turns *t, uint64_t cycles, uint64_t end_tsc, uint64_t cpu_ns)
{
	uint64_t us = turn_us(t, cycles), ran_us = (cpu_ns - t->cpu_ns) / 1000;

	if (ran_us < us)
		us = ran_us;
	if (us > atomic_load_explicit(&t->longest_cpu_us, memory_order_relaxed)) {
		atomic_store_explicit(&t->longest_cpu_us, us, memory_order_relaxed);
		atomic_store_explicit(&t->cpu_part, t->most, memory_order_relaxed);
	}
	t->cpu_ns = cpu_ns;
	t->cpu_tsc = end_tsc;
}
