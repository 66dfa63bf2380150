/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include "net/cksum.h"
#include "net/ip6hdr.h"
#include "net/mh.h"

/* Offsets in the frame. */
#define AT_SRC   (FRAME_ETHER + 8)
#define AT_HAO   (FRAME_ETHER + FRAME_IP6)
#define AT_HOA   (AT_HAO + 8)
#define AT_MH    (AT_HAO + FRAME_HAO)
#define AT_CKSUM (AT_MH + MH_CKSUM_AT)
#define AT_SEQ   (AT_MH + 6)
#define AT_COA   (AT_MH + 16)
#define AT_STAMP (AT_MH + FRAME_BU + 4)
#define AT_SPI   (AT_MH + FRAME_BU + 16)
#define AT_MAC   (AT_MH + FRAME_BU + 20)

#define PLACE   11 /* octet of a care-of address that moves, */
#define SUBNET  6 /* and those that node_write() writes */
#define NODE_ID 12

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, (uint16_t)(v >> 16));
	put16(p + 2, (uint16_t)v);
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

/* The words that tell a mobile node's addresses from another's. */
static uint32_t node_words(const uint8_t *addr)
{
	return get16(addr + SUBNET) + get16(addr + NODE_ID) + get16(addr + NODE_ID + 2);
}

/* RFC 6275, 6.1.7 and 6.2.5; RFC 4285, 5 and 6: each option at the offset it asks for. */
static void put_mh(const struct bu_source *s, uint8_t *mh)
{
	static const uint8_t head[] = { 59, 0, MH_BU, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 1, 0,
		MHOPT_ALT_COA, 16 };

	memcpy(mh, head, sizeof(head));
	put16(mh + 10, s->lifetime);
	memcpy(mh + sizeof(head), &s->coa, sizeof(s->coa));
	mh[1] = FRAME_BU / 8 - 1;
	if (!s->is_signed)
		return;
	mh[1] += FRAME_AUTH / 8;
	memcpy(mh + FRAME_BU, (const uint8_t[]){ 1, 0, MHOPT_REPLAY, 8 }, 4);
	memcpy(mh + FRAME_BU + 12, (const uint8_t[]){ 0, MHOPT_MN_AUTH, 17, 1 }, 4);
	put32(mh + FRAME_BU + 16, s->spi);
}

/* Of a message without what each has of its own. A signed one is all its own. */
static uint32_t prepare_sum(const struct bu_source *s, const struct bu_frame *t)
{
	uint8_t mh[FRAME_BU];
	struct ip6_addr hoa = s->hoa;
	uint8_t *coa = mh + (AT_COA - AT_MH);

	memcpy(mh, t->octets + AT_MH, sizeof(mh));
	memset(hoa.b + SUBNET, 0, 2);
	memset(hoa.b + NODE_ID, 0, 4);
	memset(coa + SUBNET, 0, 2);
	memset(coa + NODE_ID, 0, 4);
	coa[PLACE] = 0;
	return (uint16_t)~net_cksum(&hoa, &s->ha, IP6_MH, mh, sizeof(mh));
}

void bu_prepare(const struct bu_source *s, struct bu_frame *out)
{
	static const uint8_t hao[] = { IP6_MH, FRAME_HAO / 8 - 1, 1, 2, 0, 0, 201, 16 };
	uint8_t *f = out->octets;

	memset(out, 0, sizeof(*out));
	out->len = (uint16_t)(AT_MH + FRAME_BU + (s->is_signed ? FRAME_AUTH : 0));
	memcpy(f, s->dst_mac, 6);
	memcpy(f + 6, s->src_mac, 6);
	put16(f + 12, 0x86dd);
	net_ip6_fill((struct net_ip6 *)(f + FRAME_ETHER),
		(uint16_t)(out->len - FRAME_ETHER - FRAME_IP6), IP6_DSTOPT, 64, &s->coa, &s->ha);
	memcpy(f + AT_HAO, hao, sizeof(hao));
	memcpy(f + AT_HOA, &s->hoa, sizeof(s->hoa));
	put_mh(s, f + AT_MH);
	out->sum = prepare_sum(s, out);
}

/* RFC 4285, 5.1: care-of address, home address, the message up to the MAC. */
static void sign(const struct bu_source *s, uint8_t *f)
{
	uint8_t msg[32 + AT_MAC - AT_MH];

	memcpy(msg, f + AT_COA, 16);
	memcpy(msg + 16, f + AT_HOA, 16);
	memcpy(msg + 32, f + AT_MH, AT_MAC - AT_MH);
	mac_sign(s->mac, s->key, msg, sizeof(msg), f + AT_MAC);
}

static uint16_t signed_cksum(const struct bu_source *s, const struct bu_frame *t, const uint8_t *f)
{
	struct ip6_addr hoa;

	memcpy(&hoa, f + AT_HOA, sizeof(hoa));
	return net_cksum(&hoa, &s->ha, IP6_MH, f + AT_MH, (uint32_t)(t->len - AT_MH));
}

/* The place is an odd octet: the low half of its word. */
static uint16_t plain_cksum(const struct bu_frame *t, const uint8_t *f)
{
	uint32_t sum = t->sum + node_words(f + AT_HOA) + node_words(f + AT_COA) +
		       f[AT_COA + PLACE] + get16(f + AT_SEQ);

	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

void bu_write(const struct bu_source *s, const struct bu_frame *t, uint8_t *to, uint32_t n,
	uint16_t seq, uint8_t place, uint64_t stamp)
{
	memcpy(to, t->octets, t->len);
	node_write(to + AT_HOA, n, s->subnet_bits);
	node_write(to + AT_SRC, n, s->subnet_bits);
	to[AT_SRC + PLACE] = place;
	memcpy(to + AT_COA, to + AT_SRC, sizeof(struct ip6_addr));
	put16(to + AT_SEQ, seq);
	if (!s->is_signed) {
		put16(to + AT_CKSUM, plain_cksum(t, to));
		return;
	}
	put32(to + AT_STAMP, (uint32_t)(stamp >> 32));
	put32(to + AT_STAMP + 4, (uint32_t)stamp);
	sign(s, to);
	put16(to + AT_CKSUM, signed_cksum(s, t, to));
}
