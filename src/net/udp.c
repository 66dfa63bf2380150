/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/udp.h"

#include <errno.h>
#include <string.h>

#include "net/cksum.h"
#include "net/cursor.h"
#include "net/ip6hdr.h"

#define CKSUM_AT 6 /* octets into the header */

int net_udp_decode(const uint8_t *udp, uint32_t len, struct net_udp *out)
{
	struct net_rd r = net_rd_init(udp, len);

	out->src_port = net_rd_u16(&r);
	out->dst_port = net_rd_u16(&r);
	if (net_rd_u16(&r) != len || len < NET_UDP_LEN)
		return -EBADMSG;
	out->data = udp + NET_UDP_LEN;
	out->len = (uint16_t)(len - NET_UDP_LEN);
	return 0;
}

bool net_udp_is_intact(
	const struct ip6_addr *src, const struct ip6_addr *dst, const uint8_t *udp, uint32_t len)
{
	return (udp[CKSUM_AT] | udp[CKSUM_AT + 1]) != 0 &&
	       net_cksum(src, dst, IP6_UDP, udp, len) == 0;
}

int net_udp_packet(uint8_t *buf, uint32_t cap, const struct ip6_addr *src,
	const struct ip6_addr *dst, uint16_t src_port, uint16_t dst_port, uint8_t hop_limit,
	const uint8_t *data, uint32_t len)
{
	uint32_t udp_len = NET_UDP_LEN + len, head = sizeof(struct net_ip6);
	uint8_t *udp = buf + head;
	struct net_wr w;
	uint16_t sum;

	if (len > UINT16_MAX - NET_UDP_LEN || cap < head + udp_len)
		return -ENOSPC;
	net_ip6_fill((struct net_ip6 *)buf, (uint16_t)udp_len, IP6_UDP, hop_limit, src, dst);
	w = net_wr_init(udp, NET_UDP_LEN);
	net_wr_u16(&w, src_port);
	net_wr_u16(&w, dst_port);
	net_wr_u16(&w, (uint16_t)udp_len);
	net_wr_u16(&w, 0);
	memmove(udp + NET_UDP_LEN, data, len);
	sum = net_cksum(src, dst, IP6_UDP, udp, udp_len);
	if (sum == 0)
		sum = UINT16_MAX; /* 0 would say that there is none (RFC 8200, 8.1) */
	udp[CKSUM_AT] = (uint8_t)(sum >> 8);
	udp[CKSUM_AT + 1] = (uint8_t)sum;
	return (int)(head + udp_len);
}
