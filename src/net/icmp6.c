/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/icmp6.h"

#include <assert.h>
#include <errno.h>

#include "net/cksum.h"
#include "net/cursor.h"
#include "net/ip6hdr.h"

#define ICMP6_HDR_LEN       8 /* type, code, checksum, and the word that every message has */
#define ICMP6_INFORMATIONAL 0x80 /* types from 128 on are no errors (RFC 4443, 2.1) */
#define HOP_LIMIT           64

/* (e.1) and (e.2): would the answer be about an error or a redirect? When we cannot tell what an
 * ICMPv6 message is, it may be one. */
static bool is_error_or_redirect(const uint8_t *pkt, uint16_t len, const struct ext_info *x)
{
	struct ext_info whole;
	uint8_t type;

	/* A walk that was refused half-way did not see the upper layer. */
	if (x->upper_off == 0) {
		ext_walk(pkt, len, EXT_TRANSIT, &whole);
		x = &whole;
	}
	if (x->upper != IP6_ICMP6)
		return false;
	if (x->upper_off == 0 || x->upper_off >= len)
		return true;
	type = pkt[x->upper_off];
	return (type & ICMP6_INFORMATIONAL) == 0 || type == ICMP6_REDIRECT;
}

/* (e.3) and its two exceptions. The second one is for options whose type starts with 10 only. */
static bool may_answer_multicast(
	const uint8_t *pkt, uint16_t len, const struct ext_info *x, uint8_t type, uint8_t code)
{
	if (type == ICMP6_TOO_BIG)
		return true;
	return type == ICMP6_PARAM_PROBLEM && code == ICMP6_BAD_OPTION && x->bad_off != 0 &&
	       x->bad_off < len && pkt[x->bad_off] >> 6 == 2;
}

bool icmp6_may_answer(
	const uint8_t *pkt, uint16_t len, const struct ext_info *x, uint8_t type, uint8_t code)
{
	const struct net_ip6 *h = (const struct net_ip6 *)pkt;

	if (ip6_is_unspecified(&h->src) || ip6_is_multicast(&h->src) || ip6_is_loopback(&h->src))
		return false;
	if (ip6_is_multicast(&h->dst) && !may_answer_multicast(pkt, len, x, type, code))
		return false;
	return !is_error_or_redirect(pkt, len, x);
}

uint8_t *icmp6_begin(uint8_t *buf, uint16_t cap, uint32_t len, const struct ip6_addr *src,
	const struct ip6_addr *dst)
{
	if (sizeof(struct net_ip6) + len > cap)
		return NULL;
	net_ip6_fill((struct net_ip6 *)buf, (uint16_t)len, IP6_ICMP6, HOP_LIMIT, src, dst);
	return buf + sizeof(struct net_ip6);
}

int icmp6_end(uint8_t *buf, uint32_t len)
{
	const struct net_ip6 *h = (const struct net_ip6 *)buf;
	uint8_t *icmp = buf + sizeof(*h);
	uint16_t cksum;

	icmp[2] = 0;
	icmp[3] = 0;
	cksum = net_cksum(&h->src, &h->dst, IP6_ICMP6, icmp, len);
	icmp[2] = (uint8_t)(cksum >> 8);
	icmp[3] = (uint8_t)cksum;
	return (int)(sizeof(*h) + len);
}

int icmp6_error(uint8_t *buf, uint16_t cap, const struct ip6_addr *src, uint8_t type, uint8_t code,
	uint32_t arg, const uint8_t *pkt, uint16_t len)
{
	const uint16_t most = IP6_MIN_MTU - sizeof(struct net_ip6) - ICMP6_HDR_LEN;
	const struct net_ip6 *h = (const struct net_ip6 *)pkt;
	uint32_t quoted = len < most ? len : most;
	struct net_wr w;
	uint8_t *icmp;

	assert(len >= sizeof(*h));
	icmp = icmp6_begin(buf, cap, ICMP6_HDR_LEN + quoted, src, &h->src);
	if (icmp == NULL)
		return -ENOSPC;
	w = net_wr_init(icmp, ICMP6_HDR_LEN + quoted);
	net_wr_u8(&w, type);
	net_wr_u8(&w, code);
	net_wr_u16(&w, 0);
	net_wr_u32(&w, arg);
	net_wr_bytes(&w, pkt, quoted);
	return icmp6_end(buf, ICMP6_HDR_LEN + quoted);
}

int icmp6_echo_reply(uint8_t *buf, uint16_t cap, const struct ip6_addr *src,
	const struct ip6_addr *dst, const uint8_t *icmp, uint16_t icmp_len)
{
	uint8_t *reply = icmp6_begin(buf, cap, icmp_len, src, dst);

	assert(icmp_len >= ICMP6_HDR_LEN);
	if (reply == NULL)
		return -ENOSPC;
	memcpy(reply, icmp, icmp_len);
	reply[0] = ICMP6_ECHO_REPLY;
	reply[1] = 0;
	return icmp6_end(buf, icmp_len);
}

bool icmp6_check(const struct ip6_addr *src, const struct ip6_addr *dst, const uint8_t *icmp,
	uint16_t icmp_len)
{
	return icmp_len >= ICMP6_HDR_LEN && net_cksum(src, dst, IP6_ICMP6, icmp, icmp_len) == 0;
}

int icmp6_error_decode(const uint8_t *icmp, uint16_t icmp_len, struct icmp6_err_msg *out)
{
	struct net_rd r = net_rd_init(icmp, icmp_len);

	*out = (struct icmp6_err_msg){ 0 };
	out->type = net_rd_u8(&r);
	out->code = net_rd_u8(&r);
	net_rd_u16(&r); /* checksum: icmp6_check() */
	out->arg = net_rd_u32(&r);
	out->quoted_len = (uint16_t)net_rd_left(&r);
	out->quoted = net_rd_bytes(&r, sizeof(struct net_ip6));
	if (r.bad || (out->type & ICMP6_INFORMATIONAL) != 0)
		return -EBADMSG;
	return net_ip6_version((const struct net_ip6 *)out->quoted) == 6 ? 0 : -EBADMSG;
}
