/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the targets of src/net. */
#pragma once

#include "fuzz.h"
#include "net/cksum.h"
#include "net/mhopt.h"

/* Puts the right checksum at data[at]: without it hardly an input would get past the check. */
static inline void fuzz_fix_cksum(const struct ip6_addr *src, const struct ip6_addr *dst,
	uint8_t proto, uint8_t *data, uint32_t len, unsigned at)
{
	uint16_t cksum;

	data[at] = data[at + 1] = 0;
	cksum = net_cksum(src, dst, proto, data, len);
	data[at] = (uint8_t)(cksum >> 8);
	data[at + 1] = (uint8_t)cksum;
	FUZZ_CHECK(net_cksum(src, dst, proto, data, len) == 0);
}

static inline bool fuzz_same_opts(const struct mh_opts *a, const struct mh_opts *b)
{
	return a->present == b->present && a->refresh == b->refresh &&
	       a->home_nonce == b->home_nonce && a->coa_nonce == b->coa_nonce &&
	       ip6_eq(&a->alt_coa, &b->alt_coa) &&
	       memcmp(a->auth_data, b->auth_data, sizeof(a->auth_data)) == 0 &&
	       a->nai_len == b->nai_len &&
	       (a->nai_len == 0 || memcmp(a->nai, b->nai, a->nai_len) == 0) &&
	       a->timestamp == b->timestamp && a->spi == b->spi &&
	       memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}
