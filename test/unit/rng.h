/* SPDX-License-Identifier: BSD-3-Clause */
/* Seeded random numbers for model tests (splitmix64): the same everywhere, so that a printed
 * seed is a test case. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Another seed in every run, printed; HAMD_SEED in the environment repeats one. */
static inline uint64_t rng_start(const char *what)
{
	const char *text = getenv("HAMD_SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0)
				     : (uint64_t)time(NULL) * 0x9e3779b97f4a7c15ULL;

	printf("%s: HAMD_SEED=0x%llx\n", what, (unsigned long long)seed);
	return seed;
}

static inline uint64_t rng_next(uint64_t *seed)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* 0 .. n - 1 */
static inline uint64_t rng_below(uint64_t *seed, uint64_t n)
{
	return rng_next(seed) % n;
}

static inline void rng_fill(uint64_t *seed, void *buf, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)rng_next(seed);
}
