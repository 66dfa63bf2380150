/* SPDX-License-Identifier: BSD-3-Clause */
/* Input: an IPv6 packet; taken as it is, and with payload length and checksum put right. */
#include "net_fuzz.h"

#include <errno.h>

#include "net/icmp6.h"
#include "net/ip6hdr.h"
#include "net/nd.h"

#define HDR sizeof(struct net_ip6)

static void check_rules(const uint8_t *pkt, const struct nd_msg *m)
{
	const struct net_ip6 *h = (const struct net_ip6 *)pkt;

	FUZZ_CHECK(h->hop_limit == 255 && pkt[HDR + 1] == 0);
	FUZZ_CHECK(m->type == ICMP6_NS || m->type == ICMP6_NA);
	FUZZ_CHECK(!ip6_is_multicast(&m->target) && !ip6_is_multicast(&m->src));
	FUZZ_CHECK(!m->has_lladdr || (m->lladdr[0] & 1) == 0);
	if (m->type == ICMP6_NS) {
		FUZZ_CHECK(!m->router && !m->solicited && !m->override);
		FUZZ_CHECK(!ip6_is_unspecified(&m->src) ||
			   (!m->has_lladdr && ip6_is_multicast(&m->dst)));
	} else {
		FUZZ_CHECK(!m->solicited || !ip6_is_multicast(&m->dst));
	}
}

/* The options once more, by hand: the link-layer address is the first of its type, and whole. */
static void check_lladdr(const uint8_t *pkt, uint16_t len, const struct nd_msg *m)
{
	const uint8_t type = m->type == ICMP6_NS ? 1 : 2;
	size_t at = HDR + 24;

	while (at < len && pkt[at] != type)
		at += pkt[at + 1] * 8u;
	FUZZ_CHECK(m->has_lladdr == (at < len));
	if (m->has_lladdr)
		FUZZ_CHECK(pkt[at + 1] == 1 && memcmp(pkt + at + 2, m->lladdr, 6) == 0);
}

static void check_packet(const uint8_t *pkt, uint16_t len)
{
	struct nd_msg a, b;
	uint8_t buf[ND_PKT_MAX];
	int n;

	if (nd_decode(pkt, len, &a) < 0)
		return;
	check_rules(pkt, &a);
	check_lladdr(pkt, len, &a);
	n = nd_encode(&a, buf, sizeof(buf));
	FUZZ_CHECK(n == (a.has_lladdr ? 72 : 64));
	FUZZ_CHECK(nd_decode(buf, (uint16_t)n, &b) == 0);
	FUZZ_CHECK(a.type == b.type && ip6_eq(&a.src, &b.src) && ip6_eq(&a.dst, &b.dst));
	FUZZ_CHECK(ip6_eq(&a.target, &b.target) && a.has_lladdr == b.has_lladdr);
	FUZZ_CHECK(memcmp(a.lladdr, b.lladdr, sizeof(a.lladdr)) == 0);
	FUZZ_CHECK(a.router == b.router && a.solicited == b.solicited && a.override == b.override);
	FUZZ_CHECK(nd_encode(&a, buf, (uint16_t)(n - 1)) == -ENOSPC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_ip6 *h;
	uint8_t *pkt;

	if (size < HDR || size > 4096)
		return 0;
	check_packet(data, (uint16_t)size);
	pkt = malloc(size);
	FUZZ_CHECK(pkt != NULL);
	memcpy(pkt, data, size);
	h = (struct net_ip6 *)pkt;
	net_ip6_set_payload_len(h, (uint16_t)(size - HDR));
	if (size >= HDR + 4)
		fuzz_fix_cksum(&h->src, &h->dst, IP6_ICMP6, pkt + HDR, (uint32_t)(size - HDR), 2);
	check_packet(pkt, (uint16_t)size);
	free(pkt);
	return 0;
}
