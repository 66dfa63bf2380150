/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the traffic source writes into frames: addresses of mobile nodes by number, and Binding
 * Updates that a home agent has not seen yet. Pure, no DPDK: unit tests read what it writes with
 * hamd's own decoders.
 *
 * Mobile node n is at subnet n % 2^subnet_bits of its /48 (octets 6 and 7) and there at interface
 * identifier NODE_FIRST + n / 2^subnet_bits; its care-of address has the same octets in another
 * /48. So both ends of a tunnel follow from one number.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/ip6.h"
#include "common/mac.h"

#define NODE_FIRST 0x100 /* smaller ones are routers and home agents */

#define FRAME_ETHER 14
#define FRAME_IP6   40
#define FRAME_HAO   24 /* Destination Options header with the Home Address option */
#define FRAME_BU    32 /* Binding Update with an alternate care-of address */
#define FRAME_AUTH  32 /* and with a timestamp and an MN-HA authenticator */
#define FRAME_MAX   (FRAME_ETHER + FRAME_IP6 + FRAME_HAO + FRAME_BU + FRAME_AUTH)

static inline void node_write(uint8_t *addr, uint32_t n, unsigned subnet_bits)
{
	uint32_t id = __builtin_bswap32(NODE_FIRST + (n >> subnet_bits));
	uint16_t subnet = __builtin_bswap16((uint16_t)(n & ((1U << subnet_bits) - 1)));

	memcpy(addr + 6, &subnet, sizeof(subnet));
	memcpy(addr + 12, &id, sizeof(id));
}

/* A number below `count`, each as likely as any other (Lemire's multiplication; the bias of
 * count / 2^32 does not matter here). *state: any start. */
static inline uint32_t node_random(uint64_t *state, uint32_t count)
{
	unsigned __int128 m;

	*state += 0xa0761d6478bd642fULL;
	m = (unsigned __int128)*state * (*state ^ 0xe7037ed1a0b428dbULL);
	return (uint32_t)((uint64_t)(uint32_t)((uint64_t)(m >> 64) ^ (uint64_t)m) * count >> 32);
}

/* What all Binding Updates of a source share. */
struct bu_source {
	struct ip6_addr hoa, coa; /* /48 of the home and of the care-of addresses */
	struct ip6_addr ha;
	uint8_t src_mac[6], dst_mac[6];
	uint16_t lifetime; /* units of 4 s */
	unsigned subnet_bits;
	bool is_signed;
	uint32_t spi;
	struct mac *mac;
	const struct mac_key *key;
};

struct bu_frame { /* written once, copied and finished for each message */
	uint16_t len;
	uint32_t sum; /* of the checksum's words, but for those that bu_write() writes */
	uint8_t octets[FRAME_MAX];
};

void bu_prepare(const struct bu_source *s, struct bu_frame *out);

/*
 * The Binding Update of mobile node n into `to`, which holds t->len octets. place: another one is
 * another care-of address; stamp: NTP time, above the one of the message before. Not reentrant
 * with a key: a struct mac belongs to one thread.
 */
void bu_write(const struct bu_source *s, const struct bu_frame *t, uint8_t *to, uint32_t n,
	uint16_t seq, uint8_t place, uint64_t stamp);
