/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/mh.h"

#include <assert.h>
#include <errno.h>

#include "common/util.h"
#include "net/cksum.h"
#include "net/ip6hdr.h"

/* What starts every message (RFC 6275, 6.1.1). */
struct mh_fixed {
	uint8_t payload_proto;
	uint8_t header_len; /* units of 8 octets, the first one not counted */
	uint8_t type;
	uint8_t reserved;
	uint8_t cksum[2];
};
static_assert(sizeof(struct mh_fixed) == 6 && offsetof(struct mh_fixed, cksum) == MH_CKSUM_AT,
	"RFC 6275, 6.1.1");

struct mh_rh2 {
	uint8_t next_header;
	uint8_t hdr_ext_len; /* units of 8 octets, the first one not counted */
	uint8_t routing_type;
	uint8_t segments_left;
	uint8_t reserved[4];
	struct ip6_addr hoa;
};
static_assert(sizeof(struct mh_rh2) == MH_RH2_LEN, "RFC 6275, 6.4.1");

#define MH_LEN_UNIT     8
#define MH_LEN_MAX      (MH_LEN_UNIT * (UINT8_MAX + 1))
#define MH_BU_FLAGS     (MH_BU_A | MH_BU_H | MH_BU_L | MH_BU_K | MH_BU_M | MH_BU_R | MH_BU_P)
#define MH_BA_FLAGS     (MH_BA_K | MH_BA_R | MH_BA_P)
#define MH_LENGTH_FIELD 1 /* offset of Header Len */

/* The least Header Len of the types we know (RFC 6275, 6.1.2 to 6.1.9). */
static const uint8_t least_header_len[] = {
	[MH_BRR] = 0,
	[MH_HOTI] = 1,
	[MH_COTI] = 1,
	[MH_HOT] = 2,
	[MH_COT] = 2,
	[MH_BU] = 1,
	[MH_BA] = 1,
	[MH_BE] = 2,
};

const char *ha_status_str(uint8_t status)
{
	static const char *const text[UINT8_MAX + 1] = {
		[HA_ACCEPTED] = "accepted",
		[HA_ACCEPTED_PREFIX_DISCOVERY] = "accepted but prefix discovery necessary",
		[HA_UNSPECIFIED] = "reason unspecified",
		[HA_PROHIBITED] = "administratively prohibited",
		[HA_NO_RESOURCES] = "insufficient resources",
		[HA_NOT_SUPPORTED] = "home registration not supported",
		[HA_NOT_HOME_SUBNET] = "not home subnet",
		[HA_NOT_HOME_AGENT] = "not home agent for this mobile node",
		[HA_DAD_FAILED] = "duplicate address detection failed",
		[HA_SEQUENCE] = "sequence number out of window",
		[HA_EXPIRED_HOME_NONCE] = "expired home nonce index",
		[HA_EXPIRED_COA_NONCE] = "expired care-of nonce index",
		[HA_EXPIRED_NONCES] = "expired nonces",
		[HA_TYPE_CHANGE] = "registration type change disallowed",
		[HA_MR_NOT_PERMITTED] = "mobile router operation not permitted",
		[HA_INVALID_PREFIX] = "invalid prefix",
		[HA_NOT_AUTHORIZED_FOR_PREFIX] = "not authorized for prefix",
		[HA_FORWARDING_FAILED] = "forwarding setup failed",
		[HA_ID_MISMATCH] = "replay protection identifier mismatch",
		[HA_MESG_ID_REQUIRED] = "replay protection identifier required",
		[HA_AUTH_FAIL] = "authentication failed",
	};

	return text[status] != NULL ? text[status] : "unknown status";
}

enum mh_check mh_check(const uint8_t *mh, uint16_t left, const struct ip6_addr *src,
	const struct ip6_addr *dst, struct mh_hdr *out)
{
	const struct mh_fixed *h = (const struct mh_fixed *)mh;

	*out = (struct mh_hdr){ 0 };
	if (left < MH_LEN_UNIT || left < (h->header_len + 1) * MH_LEN_UNIT)
		return MH_TRUNCATED;
	out->type = h->type;
	out->len = (uint16_t)((h->header_len + 1) * MH_LEN_UNIT);
	if (net_cksum(src, dst, IP6_MH, mh, out->len) != 0)
		return MH_BAD_CHECKSUM;
	if (h->type >= DIM(least_header_len))
		return MH_UNKNOWN_TYPE;
	if (h->payload_proto != IP6_NONE)
		return MH_BAD_PROTO;
	if (h->header_len < least_header_len[h->type])
		return MH_BAD_LENGTH;
	return MH_OK;
}

/* The options that follow the fixed part just read. */
static int decode_opts(const struct net_rd *r, struct mh_opts *opts, uint16_t *bad_at)
{
	*bad_at = MH_LENGTH_FIELD;
	return r->bad ? -EBADMSG : mhopt_decode(*r, opts, bad_at);
}

int mh_bu_decode(const uint8_t *mh, uint16_t len, struct mh_bu_msg *out, uint16_t *bad_at)
{
	struct net_rd r = net_rd_init(mh, len);

	*out = (struct mh_bu_msg){ 0 };
	net_rd_bytes(&r, sizeof(struct mh_fixed));
	out->seq = net_rd_u16(&r);
	out->flags = net_rd_u16(&r) & MH_BU_FLAGS;
	out->lifetime = net_rd_u16(&r);
	return decode_opts(&r, &out->opts, bad_at);
}

int mh_ba_decode(const uint8_t *mh, uint16_t len, struct mh_ba_msg *out, uint16_t *bad_at)
{
	struct net_rd r = net_rd_init(mh, len);

	*out = (struct mh_ba_msg){ 0 };
	net_rd_bytes(&r, sizeof(struct mh_fixed));
	out->status = net_rd_u8(&r);
	out->flags = net_rd_u8(&r) & MH_BA_FLAGS;
	out->seq = net_rd_u16(&r);
	out->lifetime = net_rd_u16(&r);
	return decode_opts(&r, &out->opts, bad_at);
}

int mh_be_decode(const uint8_t *mh, uint16_t len, struct mh_be_msg *out)
{
	struct net_rd r = net_rd_init(mh, len);

	*out = (struct mh_be_msg){ 0 };
	net_rd_bytes(&r, sizeof(struct mh_fixed));
	out->status = net_rd_u8(&r);
	net_rd_u8(&r); /* reserved */
	net_rd_ip6(&r, &out->hoa);
	return r.bad ? -EBADMSG : 0;
}

int mh_switch_decode(const uint8_t *mh, uint16_t len, struct mh_switch_msg *out, uint16_t *bad_at)
{
	struct net_rd r = net_rd_init(mh, len);

	*out = (struct mh_switch_msg){ 0 };
	net_rd_bytes(&r, sizeof(struct mh_fixed));
	out->agent_count = net_rd_u8(&r);
	net_rd_u8(&r); /* reserved */
	out->agents = (const struct ip6_addr *)net_rd_bytes(
		&r, out->agent_count * sizeof(struct ip6_addr));
	return decode_opts(&r, &out->opts, bad_at);
}

static struct net_wr mh_begin(uint8_t *buf, uint16_t cap, enum mh_type type)
{
	struct net_wr w = net_wr_init(buf, cap);

	net_wr_u8(&w, IP6_NONE);
	net_wr_u8(&w, 0); /* Header Len and checksum: mh_end() */
	net_wr_u8(&w, (uint8_t)type);
	net_wr_u8(&w, 0);
	net_wr_u16(&w, 0);
	return w;
}

void mh_set_cksum(uint8_t *mh, uint16_t len, const struct ip6_addr *src, const struct ip6_addr *dst)
{
	struct mh_fixed *h = (struct mh_fixed *)mh;
	uint16_t cksum;

	h->cksum[0] = h->cksum[1] = 0;
	cksum = net_cksum(src, dst, IP6_MH, mh, len);
	h->cksum[0] = (uint8_t)(cksum >> 8);
	h->cksum[1] = (uint8_t)cksum;
}

static int mh_end(const struct net_wr *w, const struct ip6_addr *src, const struct ip6_addr *dst)
{
	struct mh_fixed *h = (struct mh_fixed *)w->base;
	uint32_t len = (uint32_t)net_wr_len(w);

	if (w->bad)
		return -ENOSPC;
	assert(len % MH_LEN_UNIT == 0 && len / MH_LEN_UNIT <= UINT8_MAX + 1);
	h->header_len = (uint8_t)(len / MH_LEN_UNIT - 1);
	mh_set_cksum(w->base, (uint16_t)len, src, dst);
	return (int)len;
}

int mh_bu_encode(const struct mh_bu_msg *bu, const struct ip6_addr *src, const struct ip6_addr *dst,
	uint8_t *buf, uint16_t cap)
{
	struct net_wr w = mh_begin(buf, cap, MH_BU);

	net_wr_u16(&w, bu->seq);
	net_wr_u16(&w, bu->flags & MH_BU_FLAGS);
	net_wr_u16(&w, bu->lifetime);
	mhopt_encode(&w, &bu->opts);
	return mh_end(&w, src, dst);
}

int mh_ba_encode(const struct mh_ba_msg *ba, const struct ip6_addr *src, const struct ip6_addr *dst,
	uint8_t *buf, uint16_t cap)
{
	struct net_wr w = mh_begin(buf, cap, MH_BA);

	net_wr_u8(&w, ba->status);
	net_wr_u8(&w, ba->flags & MH_BA_FLAGS);
	net_wr_u16(&w, ba->seq);
	net_wr_u16(&w, ba->lifetime);
	mhopt_encode(&w, &ba->opts);
	return mh_end(&w, src, dst);
}

int mh_be_encode(const struct mh_be_msg *be, const struct ip6_addr *src, const struct ip6_addr *dst,
	uint8_t *buf, uint16_t cap)
{
	struct net_wr w = mh_begin(buf, cap, MH_BE);

	net_wr_u8(&w, be->status);
	net_wr_u8(&w, 0);
	net_wr_ip6(&w, &be->hoa);
	return mh_end(&w, src, dst);
}

int mh_switch_encode(const struct mh_switch_msg *sw, const struct ip6_addr *src,
	const struct ip6_addr *dst, uint8_t *buf, uint16_t cap)
{
	struct net_wr w = mh_begin(buf, cap < MH_LEN_MAX ? cap : MH_LEN_MAX, MH_HA_SWITCH);

	net_wr_u8(&w, sw->agent_count);
	net_wr_u8(&w, 0);
	for (unsigned i = 0; i < sw->agent_count; i++)
		net_wr_ip6(&w, &sw->agents[i]);
	mhopt_encode(&w, &sw->opts);
	return mh_end(&w, src, dst);
}

void mh_rh2_write(uint8_t buf[static MH_RH2_LEN], uint8_t next_header, const struct ip6_addr *hoa)
{
	*(struct mh_rh2 *)buf = (struct mh_rh2){
		.next_header = next_header,
		.hdr_ext_len = sizeof(struct mh_rh2) / 8 - 1,
		.routing_type = 2,
		.segments_left = 1,
		.hoa = *hoa,
	};
}
