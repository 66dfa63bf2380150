/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers of 7 bits an octet, the lowest first; bit 7 says that more follow. One form for each
 * number: what is longer than need be, or above the caller's most, is none. Pure.
 */
#pragma once

#include <stdint.h>

#include "net/cursor.h"

#define VARINT_MAX 10 /* octets of a 64-bit number */

static inline void varint_put(struct net_wr *w, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		net_wr_u8(w, (uint8_t)(v | 0x80));
	net_wr_u8(w, (uint8_t)v);
}

static inline uint64_t varint_get(struct net_rd *r, uint64_t most)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = net_rd_u8(r);

		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b & 0x80)
			continue;
		if (r->bad || v > most || (b == 0 && shift > 0))
			break;
		return v;
	}
	r->bad = true;
	return 0;
}
