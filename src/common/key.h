/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A number for a home address in a domain that every site makes alike. Part of the protocol: its
 * low 8 bits are the bucket whose successor takes over (sync/next.h), its high bits the range of
 * the digests that it counts for (records/digest.h). It has no seed, because sites must agree on
 * it without talking; what flooding can do with that is in docs/decisions/018-records-of-a-mesh.md.
 * Tables that only one site sees use ip6_hash() with a seed of their own. Pure.
 */
#pragma once

#include <stdint.h>

#include "common/ip6.h"

/* domain: next_domain() of its name. */
uint64_t record_key(uint32_t domain, const struct ip6_addr *hoa);

static inline uint8_t record_key_bucket(uint64_t key)
{
	return (uint8_t)key;
}
