/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/fraghdr.h"

#include "net/cursor.h"
#include "net/ip6hdr.h"

#define OFFSET_MASK 0xfff8
#define MORE        1

enum fraghdr_verdict fraghdr_read(
	const uint8_t *pkt, uint16_t len, uint16_t at, struct fraghdr *out, uint32_t *pointer)
{
	struct net_rd r = net_rd_init(pkt + at + 2, FRAGHDR_LEN - 2);
	uint16_t field = net_rd_u16(&r);

	*out = (struct fraghdr){
		.id = net_rd_u32(&r),
		.off = field & OFFSET_MASK,
		.len = (uint16_t)(len - at - FRAGHDR_LEN),
		.data_off = (uint16_t)(at + FRAGHDR_LEN),
		.more = (field & MORE) != 0,
	};
	if (out->len == 0)
		return FRAGHDR_EMPTY;
	if (out->more && out->len % 8 != 0) {
		*pointer = offsetof(struct net_ip6, payload_len);
		return FRAGHDR_ODD;
	}
	/* The headers in front count as if this were the first fragment. */
	if (at - sizeof(struct net_ip6) + out->off + out->len > UINT16_MAX) {
		*pointer = at + 2u;
		return FRAGHDR_BEYOND;
	}
	return FRAGHDR_OK;
}

void fraghdr_strip(uint8_t *pkt, uint16_t at, uint16_t nh_off)
{
	pkt[nh_off] = pkt[at];
	memmove(pkt + FRAGHDR_LEN, pkt, at);
}
