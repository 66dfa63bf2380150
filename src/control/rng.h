/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random delays and numbers of packets: spread, not secret. splitmix64; the seed comes from the
 * kernel at start (ctl->seed). One owner.
 */
#pragma once

#include <stdint.h>

static inline uint64_t rng_u64(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* lo..hi, both included; the bias of the modulo is below 2^-32. */
static inline uint32_t rng_between(uint64_t *state, uint32_t lo, uint32_t hi)
{
	return lo + (uint32_t)(rng_u64(state) % ((uint64_t)hi - lo + 1));
}
