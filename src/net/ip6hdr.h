/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The IPv6 header on the wire and what a tunnel does to it: ECN (RFC 6040), DSCP, flow label
 * (RFC 6438). Pure; unaligned structures of octets.
 */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

struct net_ip6 {
	uint8_t vtf[4]; /* version, traffic class, flow label */
	uint8_t payload_len[2];
	uint8_t next_header;
	uint8_t hop_limit;
	struct ip6_addr src, dst;
};
_Static_assert(sizeof(struct net_ip6) == 40, "RFC 8200, 3");
_Static_assert(_Alignof(struct net_ip6) == 1, "may lie anywhere in a packet");

#define IP6_MIN_MTU 1280

enum ip6_proto {
	IP6_HOPOPT = 0,
	IP6_TCP = 6,
	IP6_UDP = 17,
	IP6_DCCP = 33,
	IP6_IN_IP6 = 41,
	IP6_ROUTING = 43,
	IP6_FRAGMENT = 44,
	IP6_ESP = 50,
	IP6_AH = 51,
	IP6_ICMP6 = 58,
	IP6_NONE = 59,
	IP6_DSTOPT = 60,
	IP6_SCTP = 132,
	IP6_MH = 135,
	IP6_UDPLITE = 136,
};

enum ecn { ECN_NOT_ECT = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3 };

static inline uint8_t net_ip6_version(const struct net_ip6 *h)
{
	return h->vtf[0] >> 4;
}

static inline uint32_t net_ip6_vtf(const struct net_ip6 *h)
{
	uint32_t be;

	memcpy(&be, h->vtf, sizeof(be));
	return be32toh(be);
}

static inline uint8_t net_ip6_tclass(const struct net_ip6 *h)
{
	return (uint8_t)(net_ip6_vtf(h) >> 20);
}

static inline uint32_t net_ip6_flow(const struct net_ip6 *h)
{
	return net_ip6_vtf(h) & 0xfffff;
}

static inline uint16_t net_ip6_payload_len(const struct net_ip6 *h)
{
	uint16_t be;

	memcpy(&be, h->payload_len, sizeof(be));
	return be16toh(be);
}

static inline void net_ip6_set_vtf(struct net_ip6 *h, uint8_t tclass, uint32_t flow)
{
	uint32_t be = htobe32(6U << 28 | (uint32_t)tclass << 20 | (flow & 0xfffff));

	memcpy(h->vtf, &be, sizeof(be));
}

static inline void net_ip6_set_payload_len(struct net_ip6 *h, uint16_t len)
{
	uint16_t be = htobe16(len);

	memcpy(h->payload_len, &be, sizeof(be));
}

/* Fill a header: traffic class and flow label 0. */
static inline void net_ip6_fill(struct net_ip6 *h, uint16_t payload_len, uint8_t next_header,
	uint8_t hop_limit, const struct ip6_addr *src, const struct ip6_addr *dst)
{
	net_ip6_set_vtf(h, 0, 0);
	net_ip6_set_payload_len(h, payload_len);
	h->next_header = next_header;
	h->hop_limit = hop_limit;
	h->src = *src;
	h->dst = *dst;
}

/*
 * RFC 6040, 4.2 (figure 4): what the inner header's ECN field becomes when a tunnel ends.
 * Returns the new field, or -1: drop the packet (outer CE on a Not-ECT inner packet).
 * ECT(1) outside wins over ECT(0) inside.
 */
int net_ecn_decap(uint8_t inner_ecn, uint8_t outer_ecn);

/*
 * RFC 3168, 5.3: the ECN field of a packet put together from fragments; `seen` has bit i set when
 * one of them carried i, `first` is the first fragment's. No mark of congestion is lost, and none
 * is given to who is not ECN-capable: -1, drop.
 */
int net_ecn_reassemble(uint8_t seen, uint8_t first);

/* Rewrites the ECN bits in place; the packet's checksums do not cover them. */
static inline void net_ip6_set_ecn(struct net_ip6 *h, uint8_t ecn)
{
	h->vtf[1] = (uint8_t)((h->vtf[1] & 0xcf) | (ecn & 3) << 4);
}

/*
 * RFC 6438: a 20-bit flow label spread uniformly over the inner 5-tuple, never 0. `pkt` is the
 * inner packet with `len` octets (>= 40); upper/upper_off as ext_walk() left them. Where the
 * protocol has no ports: ESP's SPI, else the inner flow label. upper_off 0 when unknown, and for
 * every fragment, the first one too: then addresses and the inner flow label only, so that all
 * fragments of a packet stay together. seed: secret where nobody else shall foretell labels
 * (RFC 6437, 3), as far as a hash of this speed can keep it. Any thread.
 */
uint32_t net_flow_hash(
	const uint8_t *pkt, uint16_t len, uint8_t upper, uint16_t upper_off, uint64_t seed);

/* Private to the functions above and below. */
static inline uint64_t net_flow_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The label from what tells flows between two addresses apart. */
static inline uint32_t net_flow_mix(
	const struct net_ip6 *h, uint32_t word, uint8_t proto, uint64_t seed)
{
	uint64_t x;

	/* Odd constants without structure; each word meets another one, so that equal words or
	 * swapped addresses do not cancel out. The seed is in both factors: else an address could
	 * make one of them 0, and all that went before would not matter. */
	x = net_flow_fold(ip6_word(&h->src, 0) ^ 0xa0761d6478bd642fULL ^ seed,
		ip6_word(&h->src, 1) ^ 0xe7037ed1a0b428dbULL ^ (seed << 32 | seed >> 32));
	x = net_flow_fold(x ^ ip6_word(&h->dst, 0) ^ 0x8ebc6af09c88c6e3ULL,
		ip6_word(&h->dst, 1) ^ 0x589965cc75374cc3ULL ^ seed);
	x = net_flow_fold(x ^ (uint64_t)word << 8 ^ proto, 0x1d8e4e27c47d124fULL);
	x = net_flow_fold(x, 0xeb44accab455d165ULL);

	/* 64 bits onto 1 .. 2^20 - 1. */
	return (uint32_t)((unsigned __int128)x * 0xfffff >> 64) + 1;
}

/* The label of a tunnel packet that carries `inner`, of which len octets (>= 40) are there: what
 * net_flow_hash() says, inline. With ports or without: what stands behind extension headers is not
 * looked for. */
static inline uint32_t net_tunnel_flow(const struct net_ip6 *inner, uint16_t len, uint64_t seed)
{
	bool plain = inner->next_header == IP6_TCP || inner->next_header == IP6_UDP;
	uint32_t word;

	if (plain && len >= sizeof(*inner) + sizeof(word))
		memcpy(&word, inner + 1, sizeof(word));
	else
		word = net_ip6_flow(inner);
	return net_flow_mix(inner, word, plain ? inner->next_header : 0, seed);
}
