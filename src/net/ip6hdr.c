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

uint32_t net_flow_hash(
	const uint8_t *pkt, uint16_t len, uint8_t upper, uint16_t upper_off, uint64_t seed)
{
	return net_flow_mix((const struct net_ip6 *)pkt, flow_word(pkt, len, upper, upper_off),
		upper_off != 0 ? upper : 0, seed);
}
