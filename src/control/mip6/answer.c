/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mip6/answer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "net/ip6hdr.h"

#define ANSWER_HOP_LIMIT 64

static_assert(MHOPT_MAC_LEN == MAC_LEN, "HMAC-SHA1-96");

void mip6_sign(const struct mip6_signer *s, const struct ip6_addr *coa, const struct ip6_addr *hoa,
	const uint8_t *mh, uint16_t covered, uint8_t tag[static MAC_LEN])
{
	uint8_t msg[MAC_MSG_MAX];
	uint8_t *p = msg + 2 * sizeof(struct ip6_addr);

	assert(2 * sizeof(struct ip6_addr) + covered <= sizeof(msg));
	memcpy(msg, coa, sizeof(*coa));
	memcpy(msg + sizeof(*coa), hoa, sizeof(*hoa));
	memcpy(p, mh, covered);
	memset(p + MH_CKSUM_AT, 0, 2);
	mac_sign(s->mac, s->key, msg, (size_t)(p - msg) + covered, tag);
}

/* The MAC is filled in when all else is written. */
static struct mh_opts ba_opts(const struct mip6_facts *f, const struct mip6_verdict *v)
{
	struct mh_opts o = { 0 };

	if (v->refresh_s > 0) {
		o.present |= 1ULL << MHOPT_REFRESH;
		o.refresh = (uint16_t)(v->refresh_s / MH_LIFETIME_UNIT_S);
	}
	if (v->has_timestamp) {
		o.present |= 1ULL << MHOPT_REPLAY;
		o.timestamp = v->timestamp;
	}
	if (v->sign) {
		o.present |= 1ULL << MHOPT_MN_AUTH;
		o.spi = f->bu->opts.spi;
	}
	return o;
}

/* The message ends with its MAC. */
static void sign_end(const struct mip6_signer *s, const struct ip6_addr *coa,
	const struct ip6_addr *hoa, const struct ip6_addr *from, uint8_t *mh, uint16_t len)
{
	uint16_t mac_at = (uint16_t)(len - MAC_LEN);

	mip6_sign(s, coa, hoa, mh, mac_at, mh + mac_at);
	mh_set_cksum(mh, len, from, hoa);
}

int mip6_write_ba(const struct mip6_facts *f, const struct mip6_verdict *v,
	const struct ip6_addr *from, const struct mip6_signer *key, uint8_t *buf, uint16_t cap)
{
	uint16_t rh_len = ip6_eq(&f->src, &f->hoa) ? 0 : MH_RH2_LEN;
	uint16_t off = (uint16_t)(sizeof(struct net_ip6) + rh_len);
	struct mh_ba_msg ba = {
		.status = (uint8_t)v->status,
		.seq = v->seq,
		.lifetime = (uint16_t)(v->lifetime_s / MH_LIFETIME_UNIT_S),
		.opts = ba_opts(f, v),
	};
	int len;

	if (cap < off)
		return -ENOSPC;
	/* 6.1.1, RFC 8200, 8.1: the checksum is over the final destination, the home address */
	len = mh_ba_encode(&ba, from, &f->hoa, buf + off, (uint16_t)(cap - off));
	if (len < 0)
		return len;
	if (v->sign)
		sign_end(key, &f->coa, &f->hoa, from, buf + off, (uint16_t)len);
	net_ip6_fill((struct net_ip6 *)buf, (uint16_t)(rh_len + len),
		rh_len > 0 ? IP6_ROUTING : IP6_MH, ANSWER_HOP_LIMIT, from, &f->src);
	if (rh_len > 0)
		mh_rh2_write(buf + sizeof(struct net_ip6), IP6_MH, &f->hoa);
	return off + len;
}

int mip6_write_be(enum mh_be_status status, const struct ip6_addr *from, const struct ip6_addr *to,
	const struct ip6_addr *hoa, uint8_t *buf, uint16_t cap)
{
	uint16_t off = sizeof(struct net_ip6);
	struct mh_be_msg be = { .status = (uint8_t)status, .hoa = *hoa };
	int len;

	if (cap < off)
		return -ENOSPC;
	len = mh_be_encode(&be, from, to, buf + off, (uint16_t)(cap - off));
	if (len < 0)
		return len;
	net_ip6_fill((struct net_ip6 *)buf, (uint16_t)len, IP6_MH, ANSWER_HOP_LIMIT, from, to);
	return off + len;
}

int mip6_write_switch(
	const struct mip6_switch *s, const struct mip6_signer *key, uint8_t *buf, uint16_t cap)
{
	uint16_t off = sizeof(struct net_ip6);
	struct mh_switch_msg sw = {
		.agents = s->agents,
		.agent_count = s->agent_count,
		.opts = { .present = 1ULL << MHOPT_MN_AUTH, .spi = s->spi },
	};
	int len;

	if (s->timestamp != 0) {
		sw.opts.present |= 1ULL << MHOPT_REPLAY;
		sw.opts.timestamp = s->timestamp;
	}
	if (cap < off)
		return -ENOSPC;
	len = mh_switch_encode(&sw, &s->from, &s->hoa, buf + off, (uint16_t)(cap - off));
	if (len < 0)
		return len;
	sign_end(key, &s->coa, &s->hoa, &s->from, buf + off, (uint16_t)len);
	net_ip6_fill(
		(struct net_ip6 *)buf, (uint16_t)len, IP6_MH, ANSWER_HOP_LIMIT, &s->from, &s->hoa);
	return off + len;
}
