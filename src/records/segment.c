/* SPDX-License-Identifier: BSD-3-Clause */
#include "records/segment.h"

#include <errno.h>
#include <string.h>

#include "common/crc32c.h"
#include "net/cursor.h"
#include "records/put.h"

#define VERSION_AT 8
#define HEAD_CRC   60 /* octets that the head's checksum is over */
#define MARK_CRC   28
#define MARK_TIMES 32 /* the part that older files have not */
#define TIMES_CRC  16
#define MARK_FIRST 512 /* sectors of their own */
#define MARK_OTHER 1024
#define FRAME_CRC  4 /* octets of the checksum in front of what it is over */

static const uint8_t magic[VERSION_AT] = "HAMDSTOR";

void segment_head_write(const struct segment_head *h, uint8_t page[static SEGMENT_PAGE])
{
	uint8_t *p = page;

	memset(page, 0, SEGMENT_PAGE);
	p = put_bytes(p, magic, sizeof(magic));
	p = put_u32(p, SEGMENT_VERSION);
	p = put_u32(p, h->nonce);
	p = put_u64(p, h->number);
	p = put_u64(p, h->made_ms);
	put_bytes(p, h->boot, sizeof(h->boot));
	put_u32(page + HEAD_CRC, crc32c(0, page, HEAD_CRC));
}

int segment_head_read(const uint8_t *buf, size_t len, struct segment_head *out)
{
	struct net_rd r = net_rd_init(buf, len);
	uint32_t version;

	*out = (struct segment_head){ 0 };
	if (len < SEGMENT_HEAD)
		return -EBADMSG;
	if (memcmp(net_rd_bytes(&r, sizeof(magic)), magic, sizeof(magic)) != 0)
		return -ENOMSG;
	version = net_rd_u32(&r);
	out->nonce = net_rd_u32(&r);
	out->number = net_rd_u64(&r);
	out->made_ms = net_rd_u64(&r);
	memcpy(out->boot, net_rd_bytes(&r, sizeof(out->boot)), sizeof(out->boot));
	net_rd_bytes(&r, HEAD_CRC - (size_t)(r.p - buf));
	if (net_rd_u32(&r) != crc32c(0, buf, HEAD_CRC) || version == 0)
		return -EBADMSG;
	return version == SEGMENT_VERSION ? 0 : -ENOTSUP;
}

size_t segment_mark_at(uint64_t turn)
{
	return turn % 2 == 0 ? MARK_FIRST : MARK_OTHER;
}

void segment_mark_write(
	const struct segment_mark *m, uint32_t nonce, uint8_t buf[static SEGMENT_MARK_LEN])
{
	uint8_t *p = buf;

	p = put_u64(p, m->turn);
	p = put_u64(p, m->length);
	p = put_u64(p, m->at_ms);
	p = put_u32(p, m->flags);
	p = put_u32(p, crc32c(nonce, buf, MARK_CRC));
	p = put_u64(p, m->real_ms);
	p = put_u64(p, m->up_ms);
	put_u32(p, crc32c(nonce, buf, MARK_TIMES + TIMES_CRC));
}

static bool read_times(
	struct net_rd *r, const uint8_t *buf, uint32_t nonce, struct segment_mark *out)
{
	static const uint8_t none[SEGMENT_MARK_LEN - MARK_TIMES];

	if (memcmp(buf + MARK_TIMES, none, sizeof(none)) == 0) {
		out->real_ms = out->at_ms;
		out->up_ms = 0;
		return true;
	}
	out->real_ms = net_rd_u64(r);
	out->up_ms = net_rd_u64(r);
	return net_rd_u32(r) == crc32c(nonce, buf, MARK_TIMES + TIMES_CRC);
}

static bool read_mark(const uint8_t *buf, uint32_t nonce, struct segment_mark *out)
{
	struct net_rd r = net_rd_init(buf, SEGMENT_MARK_LEN);

	out->turn = net_rd_u64(&r);
	out->length = net_rd_u64(&r);
	out->at_ms = net_rd_u64(&r);
	out->flags = net_rd_u32(&r);
	if (net_rd_u32(&r) != crc32c(nonce, buf, MARK_CRC) || out->length < SEGMENT_PAGE)
		return false;
	return read_times(&r, buf, nonce, out);
}

int segment_mark_read(
	const uint8_t page[static SEGMENT_PAGE], uint32_t nonce, struct segment_mark *out)
{
	struct segment_mark other;
	bool first = read_mark(page + MARK_FIRST, nonce, out);
	bool second = read_mark(page + MARK_OTHER, nonce, &other);

	if (second && (!first || other.turn > out->turn))
		*out = other;
	return first || second ? 0 : -EBADMSG;
}

size_t frame_seal(uint8_t *frame, uint8_t type, uint16_t len, uint32_t nonce)
{
	size_t total = FRAME_HEAD + (size_t)len;
	uint8_t *p = frame + FRAME_CRC;

	p = put_u16(p, len);
	p = put_u8(p, type);
	put_u8(p, 0);
	put_u32(frame, crc32c(nonce, frame + FRAME_CRC, total - FRAME_CRC));
	return total;
}

int frame_read(const uint8_t *buf, size_t len, uint32_t nonce, struct frame *out)
{
	struct net_rd r = net_rd_init(buf, len);
	uint32_t crc = net_rd_u32(&r);
	size_t total;

	out->len = net_rd_u16(&r);
	out->type = net_rd_u8(&r);
	if (net_rd_u8(&r) != 0 || out->len > FRAME_BODY_MAX)
		return -EBADMSG;
	total = FRAME_HEAD + (size_t)out->len;
	if (len < total)
		return 0;
	out->body = buf + FRAME_HEAD;
	/* what was never written reads as zeroes, and their checksum could be zero */
	if (out->type == 0 || crc != crc32c(nonce, buf + FRAME_CRC, total - FRAME_CRC))
		return -EBADMSG;
	return (int)total;
}
