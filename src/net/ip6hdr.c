/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/ip6hdr.h"

#define ECN_DROP (-1)

int net_ecn_decap(uint8_t inner_ecn, uint8_t outer_ecn)
{
	/* RFC 6040, figure 4: a row is the inner field, a column the outer one. */
	static const int8_t figure_4[4][4] = {
		[ECN_NOT_ECT] = {
			[ECN_NOT_ECT] = ECN_NOT_ECT, [ECN_ECT0] = ECN_NOT_ECT,
			[ECN_ECT1] = ECN_NOT_ECT, [ECN_CE] = ECN_DROP,
		},
		[ECN_ECT0] = {
			[ECN_NOT_ECT] = ECN_ECT0, [ECN_ECT0] = ECN_ECT0,
			[ECN_ECT1] = ECN_ECT1, [ECN_CE] = ECN_CE,
		},
		[ECN_ECT1] = {
			[ECN_NOT_ECT] = ECN_ECT1, [ECN_ECT0] = ECN_ECT1,
			[ECN_ECT1] = ECN_ECT1, [ECN_CE] = ECN_CE,
		},
		[ECN_CE] = {
			[ECN_NOT_ECT] = ECN_CE, [ECN_ECT0] = ECN_CE,
			[ECN_ECT1] = ECN_CE, [ECN_CE] = ECN_CE,
		},
	};

	return figure_4[inner_ecn & 3][outer_ecn & 3];
}

int net_ecn_reassemble(uint8_t seen, uint8_t first)
{
	if ((seen & 1 << ECN_CE) == 0)
		return first & 3;
	return (seen & 1 << ECN_NOT_ECT) != 0 ? ECN_DROP : ECN_CE;
}

/*
 * Four octets that tell flows between two addresses apart: the ports where the protocol starts
 * with them, ESP's SPI, and for the rest what the sender itself calls the flow.
 */
static uint32_t flow_word(const uint8_t *pkt, uint16_t len, uint8_t upper, uint16_t upper_off)
{
	uint32_t word;

	switch (upper) {
	case IP6_TCP:
	case IP6_UDP:
	case IP6_DCCP:
	case IP6_ESP:
	case IP6_SCTP:
	case IP6_UDPLITE:
		if (upper_off != 0 && len >= upper_off + sizeof(word)) {
			memcpy(&word, pkt + upper_off, sizeof(word));
			return word;
		}
		break;
	}
	return net_ip6_flow((const struct net_ip6 *)pkt);
}

static inline uint64_t fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint32_t net_flow_hash(
	const uint8_t *pkt, uint16_t len, uint8_t upper, uint16_t upper_off, uint64_t seed)
{
	const struct net_ip6 *h = (const struct net_ip6 *)pkt;
	uint64_t proto = upper_off != 0 ? upper : 0;
	uint64_t word = flow_word(pkt, len, upper, upper_off);
	uint64_t x;

	/* Odd constants without structure; each word meets another one, so that equal words or
	 * swapped addresses do not cancel out. The seed is in both factors: else an address could
	 * make one of them 0, and all that went before would not matter. */
	x = fold(ip6_word(&h->src, 0) ^ 0xa0761d6478bd642fULL ^ seed,
		ip6_word(&h->src, 1) ^ 0xe7037ed1a0b428dbULL ^ (seed << 32 | seed >> 32));
	x = fold(x ^ ip6_word(&h->dst, 0) ^ 0x8ebc6af09c88c6e3ULL,
		ip6_word(&h->dst, 1) ^ 0x589965cc75374cc3ULL ^ seed);
	x = fold(x ^ word << 8 ^ proto, 0x1d8e4e27c47d124fULL);
	x = fold(x, 0xeb44accab455d165ULL);

	/* 64 bits onto 1 .. 2^20 - 1. */
	return (uint32_t)((unsigned __int128)x * 0xfffff >> 64) + 1;
}

uint32_t net_tunnel_flow(const struct net_ip6 *inner, uint16_t len, uint64_t seed)
{
	bool plain = inner->next_header == IP6_TCP || inner->next_header == IP6_UDP;

	return net_flow_hash(
		(const uint8_t *)inner, len, inner->next_header, plain ? sizeof(*inner) : 0, seed);
}
