/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The IPv6 header on the wire and what a tunnel does to it: ECN (RFC 6040), DSCP, flow label
 * (RFC 6438). Pure; unaligned structures of octets.
 */
#pragma once

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

static inline uint8_t net_ip6_tclass(const struct net_ip6 *h)
{
	return (uint8_t)(h->vtf[0] << 4 | h->vtf[1] >> 4);
}

static inline uint32_t net_ip6_flow(const struct net_ip6 *h)
{
	return (uint32_t)(h->vtf[1] & 0x0f) << 16 | (uint32_t)h->vtf[2] << 8 | h->vtf[3];
}

static inline uint16_t net_ip6_payload_len(const struct net_ip6 *h)
{
	return (uint16_t)(h->payload_len[0] << 8 | h->payload_len[1]);
}

static inline void net_ip6_set_vtf(struct net_ip6 *h, uint8_t tclass, uint32_t flow)
{
	h->vtf[0] = (uint8_t)(0x60 | tclass >> 4);
	h->vtf[1] = (uint8_t)((tclass & 0x0fu) << 4 | (flow >> 16 & 0x0f));
	h->vtf[2] = (uint8_t)(flow >> 8);
	h->vtf[3] = (uint8_t)flow;
}

static inline void net_ip6_set_payload_len(struct net_ip6 *h, uint16_t len)
{
	h->payload_len[0] = (uint8_t)(len >> 8);
	h->payload_len[1] = (uint8_t)len;
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

/* The label of a tunnel packet that carries `inner`, of which len octets (>= 40) are there. With
 * ports or without: what stands behind extension headers is not looked for. */
uint32_t net_tunnel_flow(const struct net_ip6 *inner, uint16_t len, uint64_t seed);
