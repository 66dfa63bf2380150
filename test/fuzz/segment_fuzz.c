/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file of the store, as host/store_read.c goes through one: head, marks, frames, records. Hardly
 * anything would get past the checksums of frames: the first octet says whether they are put right
 * before.
 */
#include "fuzz.h"

#include <errno.h>

#include "net/cursor.h"
#include "records/image.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/segment.h"
#include "records/wire.h"

#define MAX 65536

static void check_record(const struct frame *f)
{
	struct record_image r, again;
	uint8_t buf[RECORD_IMAGE_MAX], twice[RECORD_IMAGE_MAX];
	int ret = record_image_decode(f->body, f->len, &r);
	size_t len;

	FUZZ_CHECK(ret == 0 || ret == -EBADMSG || ret == -ENOTSUP);
	if (ret < 0)
		return;
	FUZZ_CHECK(r.state == RECORD_LIVE || r.state == RECORD_TOMBSTONE);
	FUZZ_CHECK(r.lifetime_s <= RECORD_LIFETIME_MAX_S);
	len = record_image_encode(&r, buf);
	FUZZ_CHECK(record_image_decode(buf, len, &again) == 0);
	FUZZ_CHECK(record_image_encode(&again, twice) == len);
	FUZZ_CHECK(memcmp(buf, twice, len) == 0);
}

/* Behind the number of its domain. */
static void check_seen(const struct frame *f)
{
	struct net_rd r = net_rd_init(f->body, f->len);
	uint8_t buf[SEEN_WIRE_MAX];
	struct net_wr w = net_wr_init(buf, sizeof(buf));
	struct seen_pair pair, again;
	int ret;

	net_rd_u16(&r);
	ret = seen_wire_get(&r, &pair);
	FUZZ_CHECK(ret == 0 || ret == -EBADMSG || ret == -ENOTSUP);
	if (ret < 0)
		return;
	FUZZ_CHECK(seen_wire_put(&w, &pair));
	r = net_rd_init(buf, net_wr_len(&w));
	FUZZ_CHECK(seen_wire_get(&r, &again) == 0 && net_rd_left(&r) == 0);
	FUZZ_CHECK(ip6_eq(&pair.hoa, &again.hoa) && ip6_eq(&pair.ha, &again.ha));
	FUZZ_CHECK(pair.value.ext_seq == again.value.ext_seq);
	FUZZ_CHECK(pair.value.epoch == again.value.epoch);
	FUZZ_CHECK(pair.value.stamp == again.value.stamp);
	FUZZ_CHECK(pair.value.order == again.value.order);
}

static void check_frames(const uint8_t *buf, size_t len, uint32_t nonce)
{
	size_t at = 0;
	struct frame f;
	int n;

	while ((n = frame_read(buf + at, len - at, nonce, &f)) > 0) {
		FUZZ_CHECK((size_t)n == FRAME_HEAD + f.len && (size_t)n <= len - at);
		FUZZ_CHECK(f.type != 0 && f.len <= FRAME_BODY_MAX);
		FUZZ_CHECK(f.body == buf + at + FRAME_HEAD);
		if (f.type == FRAME_RECORD)
			check_record(&f);
		if (f.type == FRAME_SEEN)
			check_seen(&f);
		at += (size_t)n;
	}
	FUZZ_CHECK(n == 0 || n == -EBADMSG);
	/* what may become a frame is shorter than the longest one */
	FUZZ_CHECK(n < 0 || len - at < FRAME_HEAD + FRAME_BODY_MAX);
}

/* Every frame's checksum as it should be, as far as their lengths lead. */
static void seal(uint8_t *buf, size_t len, uint32_t nonce)
{
	for (size_t at = 0; len - at >= FRAME_HEAD;) {
		uint16_t body = (uint16_t)(buf[at + 4] << 8 | buf[at + 5]);

		if (body > FRAME_BODY_MAX || body > len - at - FRAME_HEAD)
			return;
		at += frame_seal(buf + at, buf[at + 6], body, nonce);
	}
}

static void check_page(const uint8_t *page)
{
	struct segment_head h;
	struct segment_mark m, twice;
	uint8_t again[SEGMENT_PAGE] = { 0 };
	int ret = segment_head_read(page, SEGMENT_HEAD, &h);

	FUZZ_CHECK(ret == 0 || ret == -ENOMSG || ret == -EBADMSG || ret == -ENOTSUP);
	if (ret == 0) {
		segment_head_write(&h, again);
		FUZZ_CHECK(segment_head_read(again, sizeof(again), &h) == 0);
	}
	ret = segment_mark_read(page, h.nonce, &m);
	FUZZ_CHECK(ret == 0 || ret == -EBADMSG);
	FUZZ_CHECK(ret < 0 || m.length >= SEGMENT_PAGE);
	if (ret < 0)
		return;
	segment_mark_write(&m, h.nonce, again + segment_mark_at(m.turn));
	memset(again + segment_mark_at(m.turn + 1), 0, SEGMENT_MARK_LEN);
	FUZZ_CHECK(segment_mark_read(again, h.nonce, &twice) == 0);
	FUZZ_CHECK(twice.turn == m.turn && twice.length == m.length && twice.at_ms == m.at_ms);
	FUZZ_CHECK(twice.real_ms == m.real_ms && twice.up_ms == m.up_ms);
}

static void check_cut_heads(const uint8_t *data)
{
	struct segment_head h;

	for (size_t n = 0; n < SEGMENT_HEAD; n += 7) {
		uint8_t *cut = malloc(n + 1);

		memcpy(cut, data, n);
		FUZZ_CHECK(segment_head_read(cut, n, &h) == -EBADMSG);
		free(cut);
	}
}

/* Input: an octet, the head, both marks, frames. The rest of the first page is not looked at. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t front = 1 + SEGMENT_HEAD + 2 * SEGMENT_MARK_LEN;
	uint8_t page[SEGMENT_PAGE] = { 0 };
	struct segment_head h;
	uint8_t *frames;

	if (size < front || size > MAX)
		return 0;
	memcpy(page, data + 1, SEGMENT_HEAD);
	memcpy(page + segment_mark_at(0), data + 1 + SEGMENT_HEAD, SEGMENT_MARK_LEN);
	memcpy(page + segment_mark_at(1), data + 1 + SEGMENT_HEAD + SEGMENT_MARK_LEN,
		SEGMENT_MARK_LEN);
	check_page(page);
	check_cut_heads(data + 1);
	segment_head_read(page, SEGMENT_HEAD, &h);
	frames = malloc(size - front + 1);
	memcpy(frames, data + front, size - front);
	if (data[0] % 2 == 0)
		seal(frames, size - front, h.nonce);
	check_frames(frames, size - front, h.nonce);
	free(frames);
	return 0;
}
