/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/discovery.h"

#include <assert.h>
#include <errno.h>

#include "net/cursor.h"
#include "net/icmp6.h"
#include "net/ip6hdr.h"

#define HDR_LEN        8 /* type, code, checksum, identifier, reserved or flags: all four of them */
#define ADDR_LEN       16
#define OPT_PREFIX     3
#define OPT_PREFIX_LEN 32

enum prefix_flag { PREFIX_AUTONOMOUS = 0x40, PREFIX_ROUTER = 0x20 };

static_assert(40 + 24 + HDR_LEN + ADDR_LEN * DISCOVERY_AGENTS_MAX <= IP6_MIN_MTU, "10.5.1");
static_assert(40 + 24 + HDR_LEN + ADDR_LEN * (DISCOVERY_AGENTS_MAX + 1) > IP6_MIN_MTU, "no fewer");

static int read_header(struct net_rd *r, uint16_t *id)
{
	uint8_t code;

	net_rd_u8(r); /* type */
	code = net_rd_u8(r);
	net_rd_u16(r); /* checksum: icmp6_check() */
	*id = net_rd_u16(r);
	net_rd_u16(r); /* reserved, the R flag of RFC 3963 in it */
	return r->bad || code != 0 ? -EBADMSG : 0;
}

int discovery_request_decode(const uint8_t *icmp, uint16_t icmp_len, uint16_t *id)
{
	struct net_rd r = net_rd_init(icmp, icmp_len);

	return read_header(&r, id);
}

int discovery_solicitation_decode(const uint8_t *icmp, uint16_t icmp_len, uint16_t *id)
{
	struct net_rd r = net_rd_init(icmp, icmp_len);
	int ret = read_header(&r, id);

	while (ret == 0 && net_rd_left(&r) > 0) {
		uint8_t units;

		net_rd_u8(&r); /* type: none is defined */
		units = net_rd_u8(&r);
		if (units == 0 || net_rd_bytes(&r, units * 8u - 2) == NULL)
			ret = -EBADMSG;
	}
	return ret;
}

static struct net_wr write_header(uint8_t *icmp, uint32_t len, uint8_t type, uint16_t id)
{
	struct net_wr w = net_wr_init(icmp, len);

	net_wr_u8(&w, type);
	net_wr_u8(&w, 0);
	net_wr_u16(&w, 0); /* checksum: icmp6_end() */
	net_wr_u16(&w, id);
	net_wr_u16(&w, 0);
	return w;
}

int discovery_reply_encode(uint8_t *buf, uint16_t cap, const struct ip6_addr *src,
	const struct ip6_addr *dst, uint16_t id, const struct ip6_addr *agents, uint32_t n)
{
	uint32_t fit = n < DISCOVERY_AGENTS_MAX ? n : DISCOVERY_AGENTS_MAX;
	uint32_t len = HDR_LEN + ADDR_LEN * fit;
	uint8_t *icmp = icmp6_begin(buf, cap, len, src, dst);
	struct net_wr w;

	if (icmp == NULL)
		return -ENOSPC;
	w = write_header(icmp, len, ICMP6_HAAD_REPLY, id);
	for (uint32_t i = 0; i < fit; i++)
		net_wr_ip6(&w, &agents[i]);
	return icmp6_end(buf, len);
}

static void write_prefix(struct net_wr *w, const struct discovery_prefix *p)
{
	uint8_t flags = (uint8_t)((p->autonomous ? PREFIX_AUTONOMOUS : 0) |
				  (p->has_router ? PREFIX_ROUTER : 0));

	assert(p->preferred_s <= p->valid_s); /* more of it hangs a deployed mobile node */
	net_wr_u8(w, OPT_PREFIX);
	net_wr_u8(w, OPT_PREFIX_LEN / 8);
	net_wr_u8(w, p->prefix.len);
	net_wr_u8(w, flags);
	net_wr_u32(w, p->valid_s);
	net_wr_u32(w, p->preferred_s);
	net_wr_u32(w, 0); /* reserved */
	net_wr_ip6(w, p->has_router ? &p->router : &p->prefix.addr);
}

int discovery_advert_encode(uint8_t *buf, uint16_t cap, const struct ip6_addr *src,
	const struct ip6_addr *dst, uint16_t id, const struct discovery_prefix *prefixes,
	uint32_t n)
{
	uint32_t len = HDR_LEN + OPT_PREFIX_LEN * n;
	uint8_t *icmp = icmp6_begin(buf, cap, len, src, dst);
	struct net_wr w;

	if (icmp == NULL)
		return -ENOSPC;
	w = write_header(icmp, len, ICMP6_MPA, id);
	for (uint32_t i = 0; i < n; i++)
		write_prefix(&w, &prefixes[i]);
	return icmp6_end(buf, len);
}
