/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/key.h"

/* The finalizer of splitmix64: one to one, each bit depends on all. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static uint64_t big_endian(const uint8_t b[8])
{
	uint64_t w;

	memcpy(&w, b, sizeof(w));
	return __builtin_bswap64(w);
}

/* No two home addresses of a /64 have the same. */
uint64_t record_key(uint32_t domain, const struct ip6_addr *hoa)
{
	uint64_t x = mix((uint64_t)domain * 0x9e3779b97f4a7c15ULL + big_endian(hoa->b));

	return mix(x ^ big_endian(hoa->b + 8));
}
