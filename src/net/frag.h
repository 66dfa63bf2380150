/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragmentation at the source (RFC 8200, 4.5) of what does not fit the path. Headers up to a
 * routing header are repeated in each fragment. The pieces are about equal, so that a tunnel
 * further on, which takes its headers' length off the path MTU, does not have to fragment the
 * first of them again (RFC 2473, 4.1). Pure.
 */
#pragma once

#include <stdint.h>

struct frag {
	const uint8_t *pkt;
	uint16_t len;
	uint16_t head_len; /* IPv6 header and per-fragment headers */
	uint16_t nh_off; /* octet in the head that names what follows it */
	uint16_t piece; /* octets behind the head that a fragment carries, but for the last */
	uint16_t count; /* fragments */
	uint16_t size; /* octets of the largest of them, at most the MTU */
	uint16_t done; /* octets behind the head that were sent */
	uint32_t id;
};

/* How many it takes at most: of a packet without headers that are repeated. */
static inline uint32_t frag_most(uint16_t len, uint16_t mtu)
{
	uint32_t room = (mtu - 40u - 8u) & ~7u;

	return (len - 40u + room - 1) / room;
}

/* pkt: a whole IPv6 packet of ours, len octets, > mtu; mtu >= 1280. 0, or -EINVAL: no whole
 * packet, or headers that leave no room. */
int frag_init(struct frag *f, const uint8_t *pkt, uint16_t len, uint16_t mtu, uint32_t id);
/* The next fragment into buf (f->size octets of room): its length, 0 after the last. */
uint16_t frag_next(struct frag *f, uint8_t *buf);
