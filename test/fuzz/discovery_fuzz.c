/* SPDX-License-Identifier: BSD-3-Clause */
/* Input: an ICMPv6 message; read as a request and as a solicitation, and as what a reply and an
 * advertisement are made from. */
#include "net_fuzz.h"

#include <errno.h>

#include "net/cursor.h"
#include "net/discovery.h"
#include "net/icmp6.h"
#include "net/ip6hdr.h"

#define HDR      sizeof(struct net_ip6)
#define PREFIXES 64

static const struct ip6_addr src = { { 0x20, 1 } }, dst = { { 0x20, 2 } };

static void check_decoders(const uint8_t *icmp, uint16_t len)
{
	uint16_t id, solicited;
	bool request = discovery_request_decode(icmp, len, &id) == 0;

	FUZZ_CHECK(request == (len >= 8 && icmp[1] == 0));
	if (request)
		FUZZ_CHECK(id == (icmp[4] << 8 | icmp[5]));
	if (discovery_solicitation_decode(icmp, len, &solicited) < 0)
		return;
	/* the same and more: its options end where it ends */
	FUZZ_CHECK(request && solicited == id);
	for (size_t at = 8; at < len; at += icmp[at + 1] * 8u)
		FUZZ_CHECK(icmp[at + 1] > 0 && at + icmp[at + 1] * 8u <= len);
}

static void check_packet(const uint8_t *pkt, int len, uint8_t type, uint16_t id)
{
	FUZZ_CHECK(net_ip6_payload_len((const struct net_ip6 *)pkt) == len - (int)HDR);
	FUZZ_CHECK(pkt[HDR] == type && pkt[HDR + 1] == 0);
	FUZZ_CHECK(pkt[HDR + 4] == id >> 8 && pkt[HDR + 5] == (id & 0xff));
	FUZZ_CHECK(icmp6_check(&src, &dst, pkt + HDR, (uint16_t)(len - (int)HDR)));
}

static void check_reply(struct net_rd r)
{
	uint16_t id = net_rd_u16(&r);
	uint32_t n = (uint32_t)(net_rd_left(&r) / 16);
	uint32_t fit = n < DISCOVERY_AGENTS_MAX ? n : DISCOVERY_AGENTS_MAX;
	const struct ip6_addr *agents = (const struct ip6_addr *)net_rd_bytes(&r, n * 16);
	uint8_t buf[DISCOVERY_REPLY_MAX];
	int len;

	if (agents == NULL)
		return;
	len = discovery_reply_encode(buf, sizeof(buf), &src, &dst, id, agents, n);
	FUZZ_CHECK(len == (int)(HDR + 8 + 16 * fit));
	check_packet(buf, len, ICMP6_HAAD_REPLY, id);
	FUZZ_CHECK(memcmp(buf + HDR + 8, agents, 16 * fit) == 0);
	FUZZ_CHECK(discovery_reply_encode(buf, (uint16_t)(len - 1), &src, &dst, id, agents, n) ==
		   -ENOSPC);
}

static struct discovery_prefix read_prefix(struct net_rd *r)
{
	struct discovery_prefix p = { 0 };
	uint8_t flags = net_rd_u8(r);

	p.prefix.len = net_rd_u8(r) % 129;
	p.autonomous = flags & 1;
	p.has_router = flags & 2;
	p.valid_s = net_rd_u32(r);
	p.preferred_s = net_rd_u32(r);
	if (p.preferred_s > p.valid_s)
		p.preferred_s = p.valid_s;
	net_rd_ip6(r, &p.router);
	p.prefix.addr = p.router;
	ip6_prefix_mask(&p.prefix);
	return p;
}

/* The option back, as RFC 4861, 4.6.2 and RFC 6275, 7.2 have it. */
static void check_option(struct net_rd *r, const struct discovery_prefix *p)
{
	struct ip6_addr a;
	uint8_t flags;

	FUZZ_CHECK(net_rd_u8(r) == 3 && net_rd_u8(r) == 4 && net_rd_u8(r) == p->prefix.len);
	flags = net_rd_u8(r);
	FUZZ_CHECK(
		((flags & 0x40) != 0) == p->autonomous && ((flags & 0x20) != 0) == p->has_router);
	FUZZ_CHECK((flags & ~0x60) == 0);
	FUZZ_CHECK(net_rd_u32(r) == p->valid_s && net_rd_u32(r) == p->preferred_s);
	FUZZ_CHECK(net_rd_u32(r) == 0);
	net_rd_ip6(r, &a);
	FUZZ_CHECK(ip6_eq(&a, p->has_router ? &p->router : &p->prefix.addr));
}

static void check_advert(struct net_rd r)
{
	uint8_t buf[DISCOVERY_ADVERT_LEN(PREFIXES)];
	struct discovery_prefix p[PREFIXES];
	uint16_t id = net_rd_u16(&r);
	uint32_t n = 0;
	int len;

	while (n < PREFIXES && net_rd_left(&r) >= 26)
		p[n++] = read_prefix(&r);
	len = discovery_advert_encode(buf, sizeof(buf), &src, &dst, id, p, n);
	FUZZ_CHECK(len == (int)DISCOVERY_ADVERT_LEN(n));
	check_packet(buf, len, ICMP6_MPA, id);
	r = net_rd_init(buf + HDR + 8, (size_t)len - HDR - 8);
	for (uint32_t i = 0; i < n; i++)
		check_option(&r, &p[i]);
	FUZZ_CHECK(!r.bad && net_rd_left(&r) == 0);
	FUZZ_CHECK(
		discovery_advert_encode(buf, (uint16_t)(len - 1), &src, &dst, id, p, n) == -ENOSPC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 4096)
		return 0;
	check_decoders(data, (uint16_t)size);
	check_reply(net_rd_init(data, size));
	check_advert(net_rd_init(data, size));
	return 0;
}
