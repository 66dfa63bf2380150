/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mip6/answer.h"

#include <errno.h>

#include "net/ip6hdr.h"

#define ANSWER_HOP_LIMIT 64

int mip6_write_ba(const struct mip6_facts *f, const struct mip6_verdict *v,
	const struct ip6_addr *from, uint8_t *buf, uint16_t cap)
{
	uint16_t rh_len = ip6_eq(&f->src, &f->hoa) ? 0 : MH_RH2_LEN;
	uint16_t off = (uint16_t)(sizeof(struct net_ip6) + rh_len);
	struct mh_ba_msg ba = {
		.status = (uint8_t)v->status,
		.seq = v->seq,
		.lifetime = (uint16_t)(v->lifetime_s / MH_LIFETIME_UNIT_S),
	};
	int len;

	if (cap < off)
		return -ENOSPC;
	/* 6.1.1, RFC 8200, 8.1: the checksum is over the final destination, the home address */
	len = mh_ba_encode(&ba, from, &f->hoa, buf + off, (uint16_t)(cap - off));
	if (len < 0)
		return len;
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
