/* SPDX-License-Identifier: BSD-3-Clause */
/* Seeded random numbers for model tests: the seed is printed, HAMD_SEED repeats a run. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct rnd {
	uint64_t s;
};

static inline struct rnd rnd_new(const char *what)
{
	const char *text = getenv("HAMD_SEED");
	uint64_t seed = text != NULL ? strtoull(text, NULL, 0)
				     : (uint64_t)time(NULL) * 0x9e3779b97f4a7c15ULL;

	printf("%s: HAMD_SEED=0x%llx\n", what, (unsigned long long)seed);
	return (struct rnd){ seed };
}

/* splitmix64: every seed is a good one. */
static inline uint64_t rnd_u64(struct rnd *r)
{
	uint64_t z = r->s += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline uint32_t rnd_below(struct rnd *r, uint32_t n)
{
	return (uint32_t)(rnd_u64(r) % n);
}
