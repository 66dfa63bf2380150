/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/frag.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "net/cursor.h"
#include "net/ip6hdr.h"

#define FRAG_HDR_LEN 8
#define FRAG_MORE    1

static uint32_t divided_up(uint32_t a, uint32_t b)
{
	return (a + b - 1) / b;
}

/* As few fragments as will do, and as equal as pieces of 8 octets can be. */
static void divide(struct frag *f, uint16_t mtu)
{
	uint32_t body = (uint32_t)f->len - f->head_len;
	uint32_t room = (uint32_t)(mtu - f->head_len - FRAG_HDR_LEN) & ~7u;
	uint32_t count = divided_up(body, room);

	f->piece = (uint16_t)(8 * divided_up(body, 8 * count));
	f->count = (uint16_t)divided_up(body, f->piece);
	f->size = (uint16_t)(f->head_len + FRAG_HDR_LEN + (count > 1 ? f->piece : body));
}

int frag_init(struct frag *f, const uint8_t *pkt, uint16_t len, uint16_t mtu, uint32_t id)
{
	uint16_t nh_off = offsetof(struct net_ip6, next_header);
	uint16_t head = sizeof(struct net_ip6);

	if (len < head || mtu < IP6_MIN_MTU)
		return -EINVAL;
	while (pkt[nh_off] == IP6_HOPOPT || pkt[nh_off] == IP6_ROUTING) {
		uint32_t next = head + 8u;

		if (next > len)
			return -EINVAL;
		next += 8u * pkt[head + 1];
		if (next + FRAG_HDR_LEN + 8 > mtu || next > len)
			return -EINVAL;
		nh_off = head;
		head = (uint16_t)next;
	}
	if (head == len)
		return -EINVAL;
	*f = (struct frag){ .pkt = pkt, .len = len, .head_len = head, .nh_off = nh_off, .id = id };
	divide(f, mtu);
	return 0;
}

uint16_t frag_next(struct frag *f, uint8_t *buf)
{
	uint16_t left = (uint16_t)(f->len - f->head_len - f->done);
	bool more = left > f->piece;
	uint16_t n = more ? f->piece : left;
	struct net_wr w = net_wr_init(buf, f->size);

	if (left == 0)
		return 0;
	net_wr_bytes(&w, f->pkt, f->head_len);
	net_wr_u8(&w, f->pkt[f->nh_off]);
	net_wr_u8(&w, 0);
	net_wr_u16(&w, (uint16_t)(f->done | (more ? FRAG_MORE : 0))); /* units of 8, flags below */
	net_wr_u32(&w, f->id);
	net_wr_bytes(&w, f->pkt + f->head_len + f->done, n);
	buf[f->nh_off] = IP6_FRAGMENT;
	net_ip6_set_payload_len(
		(struct net_ip6 *)buf, (uint16_t)(net_wr_len(&w) - sizeof(struct net_ip6)));
	f->done = (uint16_t)(f->done + n);
	return (uint16_t)net_wr_len(&w);
}
