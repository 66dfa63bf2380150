/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mobility options (RFC 6275, 6.2; RFC 4283; RFC 4285): one table for reading, alignment and
 * writing. Options we do not know are skipped (6.2.1), and so are subtypes; misaligned ones are
 * taken, what runs past the end is refused.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "net/cursor.h"

enum mhopt_type {
	MHOPT_PAD1 = 0,
	MHOPT_PADN = 1,
	MHOPT_REFRESH = 2,
	MHOPT_ALT_COA = 3,
	MHOPT_NONCE = 4,
	MHOPT_AUTH_DATA = 5,
	MHOPT_MN_ID = 8, /* RFC 4283, subtype 1: a network access identifier */
	MHOPT_MN_AUTH = 9, /* RFC 4285, 5, subtype 1: MN-HA */
	MHOPT_REPLAY = 10, /* RFC 4285, 6 */
};

#define MHOPT_MAC_LEN 12

struct mh_opts {
	uint64_t present; /* bit t: option of type t, MHOPT_REFRESH and up, was there */
	uint16_t refresh; /* units of 4 s */
	uint16_t home_nonce, coa_nonce;
	struct ip6_addr alt_coa;
	uint8_t auth_data[12];
	const uint8_t *nai; /* inside the message that was read; nai_len octets, not text */
	uint8_t nai_len; /* 1..254 */
	uint64_t timestamp; /* 64-bit NTP time */
	uint32_t spi;
	uint16_t
		mac_at; /* read only: the MAC's offset in the message, which the MAC covers up to it */
	uint8_t mac[MHOPT_MAC_LEN];
};

static inline bool mh_opts_has(const struct mh_opts *o, uint8_t type)
{
	return type < 64 && (o->present >> type & 1) != 0;
}

/*
 * r: positioned at the options, base at the message's start; *out is overwritten. 0, or -EBADMSG
 * and *bad_at, the offset of the first option that runs past the end, has a length which is not
 * its type's, comes twice, or follows what must be last: Binding Authorization Data (RFC 6275,
 * 6.2), MN-HA authentication but for padding and MN-AAA, MN-AAA but for padding (RFC 4285, 5).
 */
int mhopt_decode(struct net_rd r, struct mh_opts *out, uint16_t *bad_at);

/* Writes what opts->present names, authentication last (one kind of it at most), padded as each option's alignment asks, and pads the message
 * to a multiple of 8 (offsets count from w->base, the message's start). */
void mhopt_encode(struct net_wr *w, const struct mh_opts *opts);
