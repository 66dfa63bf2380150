/* SPDX-License-Identifier: BSD-3-Clause */
/* Input: what is behind an IPv6 header, said to be UDP. */
#include "net_fuzz.h"

#include "net/ip6hdr.h"
#include "net/udp.h"

static const struct ip6_addr src = { .b = { 0x20, 1 } }, dst = { .b = { 0x20, 2 } };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t pkt[sizeof(struct net_ip6) + 2048];
	struct net_udp u, again;
	uint32_t len = (uint32_t)size;

	if (size > 2048 || net_udp_decode(data, len, &u) < 0)
		return 0;
	FUZZ_CHECK(len >= NET_UDP_LEN && u.len == len - NET_UDP_LEN);
	(void)net_udp_is_intact(&src, &dst, data, len);
	/* what is written is read as it was, and intact, whatever came */
	FUZZ_CHECK(net_udp_packet(pkt, sizeof(pkt), &src, &dst, u.src_port, u.dst_port, 64, u.data,
			   u.len) == (int)(sizeof(struct net_ip6) + len));
	FUZZ_CHECK(net_udp_decode(pkt + sizeof(struct net_ip6), len, &again) == 0);
	FUZZ_CHECK(again.src_port == u.src_port && again.dst_port == u.dst_port);
	FUZZ_CHECK(again.len == u.len && memcmp(again.data, u.data, u.len) == 0);
	FUZZ_CHECK(net_udp_is_intact(&src, &dst, pkt + sizeof(struct net_ip6), len));
	return 0;
}
