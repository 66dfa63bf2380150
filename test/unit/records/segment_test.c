/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "common/crc32c.h"
#include "records/segment.h"
#include "rng.h"

#define NONCE 0x01020304

static const struct segment_head head = {
	.number = 0x1122334455667788,
	.made_ms = 1700000000001,
	.nonce = NONCE,
	.boot = { 1, 2, 3, [15] = 16 },
};

/* Written down by hand, checksums computed apart from our code. */
#define HEAD                                                                                       \
	"48414d4453544f52 00000001 01020304 1122334455667788 0000018bcfe56801"                     \
	"01020300000000000000000000000010 000000000000000000000000 e3d05a3a"

static void test_head(void **state)
{
	struct buf golden = buf_from_hex(HEAD);
	uint8_t page[SEGMENT_PAGE];
	struct segment_head h;

	(void)state;
	memset(page, 0xaa, sizeof(page));
	segment_head_write(&head, page);
	assert_int_equal(golden.n, SEGMENT_HEAD);
	assert_memory_equal(page, golden.p, golden.n);
	for (size_t i = SEGMENT_HEAD; i < sizeof(page); i++)
		assert_int_equal(page[i], 0);
	assert_int_equal(segment_head_read(golden.p, golden.n, &h), 0);
	assert_int_equal(h.number, head.number);
	assert_int_equal(h.made_ms, head.made_ms);
	assert_int_equal(h.nonce, head.nonce);
	assert_memory_equal(h.boot, head.boot, sizeof(h.boot));
	for (size_t n = 0; n < golden.n; n++) {
		struct buf b = buf_copy(golden.p, n);

		assert_int_equal(segment_head_read(b.p, b.n, &h), -EBADMSG);
		buf_free(&b);
	}
	buf_free(&golden);
}

/* Any bit: foreign when it is in the name, else damaged, but never good and never newer. */
static void test_head_flipped(void **state)
{
	struct segment_head h;

	(void)state;
	for (unsigned bit = 0; bit < 8 * SEGMENT_HEAD; bit++) {
		struct buf b = buf_from_hex(HEAD);

		b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(segment_head_read(b.p, b.n, &h), bit < 64 ? -ENOMSG : -EBADMSG);
		buf_free(&b);
	}
}

static void test_head_version(void **state)
{
	static const struct {
		uint32_t version;
		int ret;
	} versions[] = { { 0, -EBADMSG }, { 1, 0 }, { 2, -ENOTSUP }, { UINT32_MAX, -ENOTSUP } };

	(void)state;
	for (size_t i = 0; i < DIM(versions); i++) {
		struct buf b = buf_from_hex(HEAD);
		struct segment_head h;
		uint32_t crc;

		for (int j = 0; j < 4; j++)
			b.p[8 + j] = (uint8_t)(versions[i].version >> (24 - 8 * j));
		crc = crc32c(0, b.p, 60);
		for (int j = 0; j < 4; j++)
			b.p[60 + j] = (uint8_t)(crc >> (24 - 8 * j));
		assert_int_equal(segment_head_read(b.p, b.n, &h), versions[i].ret);
		buf_free(&b);
	}
}

/* --- marks --- */

static void put_mark(uint8_t *page, uint64_t turn, uint64_t length)
{
	struct segment_mark m = { .turn = turn,
		.length = length,
		.at_ms = 7,
		.real_ms = 1700000000001,
		.up_ms = 0x1122334455,
		.flags = 5 };

	segment_mark_write(&m, NONCE, page + segment_mark_at(turn));
}

static void test_mark(void **state)
{
	struct buf golden = buf_from_hex(
		"0000000000000002 0000000000001000 0000000000000007 00000005 36d66aef"
		"0000018bcfe56801 0000001122334455 4e69a202");
	uint8_t *page = calloc(1, SEGMENT_PAGE);
	struct segment_mark m;

	(void)state;
	segment_head_write(&head, page);
	assert_int_equal(segment_mark_read(page, NONCE, &m), -EBADMSG);
	put_mark(page, 2, SEGMENT_PAGE);
	assert_memory_equal(page + 512, golden.p, golden.n);
	assert_int_equal(golden.n, SEGMENT_MARK_LEN);
	assert_int_equal(segment_mark_read(page, NONCE, &m), 0);
	assert_int_equal(m.turn, 2);
	assert_int_equal(m.length, SEGMENT_PAGE);
	assert_int_equal(m.at_ms, 7);
	assert_int_equal(m.real_ms, 1700000000001);
	assert_int_equal(m.up_ms, 0x1122334455);
	assert_int_equal(m.flags, SEGMENT_WHOLE | SEGMENT_LOST);
	assert_int_equal(segment_mark_read(page, NONCE + 1, &m), -EBADMSG);
	/* the newer one, wherever it is; the older one when the newer is spoiled */
	put_mark(page, 3, 5000);
	assert_int_equal(segment_mark_read(page, NONCE, &m), 0);
	assert_int_equal(m.length, 5000);
	put_mark(page, 4, 6000);
	assert_int_equal(segment_mark_read(page, NONCE, &m), 0);
	assert_int_equal(m.length, 6000);
	for (unsigned bit = 0; bit < 8 * SEGMENT_MARK_LEN; bit++) {
		page[512 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(segment_mark_read(page, NONCE, &m), 0);
		assert_int_equal(m.length, 5000);
		page[512 + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* a length in front of the first frame is nobody's */
	put_mark(page, 6, SEGMENT_PAGE - 1);
	assert_int_equal(segment_mark_read(page, NONCE, &m), 0);
	assert_int_equal(m.length, 5000);
	/* the two do not touch each other's sector */
	assert_in_range(segment_mark_at(0), SEGMENT_HEAD, SEGMENT_PAGE - 512);
	assert_int_equal(segment_mark_at(0) % 512, 0);
	assert_int_equal(segment_mark_at(1) % 512, 0);
	assert_int_not_equal(segment_mark_at(0), segment_mark_at(1));
	buf_free(&golden);
	free(page);
}

/* One of before it had the times behind it. */
static void test_mark_without_times(void **state)
{
	struct buf golden = buf_from_hex(
		"0000000000000002 0000000000001000 0000000000000007 00000005 36d66aef");
	uint8_t *page = calloc(1, SEGMENT_PAGE);
	struct segment_mark m;

	(void)state;
	memcpy(page + 512, golden.p, golden.n);
	assert_int_equal(segment_mark_read(page, NONCE, &m), 0);
	assert_int_equal(m.at_ms, 7);
	assert_int_equal(m.real_ms, 7);
	assert_int_equal(m.up_ms, 0);
	page[512 + golden.n + 5] = 1;
	assert_int_equal(segment_mark_read(page, NONCE, &m), -EBADMSG);
	buf_free(&golden);
	free(page);
}

/* --- frames --- */

#define FRAME "42768fd4 0003 02 00 aabbcc"

static void test_frame(void **state)
{
	struct buf golden = buf_from_hex(FRAME);
	uint8_t buf[16] = { [FRAME_HEAD] = 0xaa, 0xbb, 0xcc };
	struct frame f;

	(void)state;
	assert_int_equal(frame_seal(buf, FRAME_RECORD, 3, NONCE), golden.n);
	assert_memory_equal(buf, golden.p, golden.n);
	assert_int_equal(frame_read(golden.p, golden.n, NONCE, &f), golden.n);
	assert_int_equal(f.type, FRAME_RECORD);
	assert_int_equal(f.len, 3);
	assert_ptr_equal(f.body, golden.p + FRAME_HEAD);
	assert_int_equal(frame_read(golden.p, golden.n, NONCE + 1, &f), -EBADMSG);
	assert_int_equal(frame_read(buf, sizeof(buf), NONCE, &f), golden.n); /* more behind it */
	for (size_t n = 0; n < golden.n; n++) {
		struct buf b = buf_copy(golden.p, n);

		assert_int_equal(frame_read(b.p, b.n, NONCE, &f), 0);
		buf_free(&b);
	}
	buf_free(&golden);
}

/* A length that grew may ask for more octets; nothing that is spoiled reads as a frame. */
static void test_frame_flipped(void **state)
{
	struct frame f;

	(void)state;
	for (unsigned bit = 0; bit < 8 * 11; bit++) {
		struct buf b = buf_from_hex(FRAME);
		int ret;

		b.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ret = frame_read(b.p, b.n, NONCE, &f);
		assert_true(ret == -EBADMSG || (ret == 0 && f.len > 3));
		buf_free(&b);
	}
}

static void test_frame_limits(void **state)
{
	uint8_t *buf = calloc(1, FRAME_HEAD + FRAME_BODY_MAX + 1);
	struct frame f;

	(void)state;
	/* a hole in a file, whatever its length */
	for (size_t n = FRAME_HEAD; n <= FRAME_HEAD + FRAME_BODY_MAX; n++)
		assert_int_equal(frame_read(buf, n, NONCE, &f), -EBADMSG);
	assert_int_equal(frame_seal(buf, 200, FRAME_BODY_MAX, NONCE), FRAME_HEAD + FRAME_BODY_MAX);
	assert_int_equal(frame_read(buf, FRAME_HEAD + FRAME_BODY_MAX, NONCE, &f),
		FRAME_HEAD + FRAME_BODY_MAX);
	frame_seal(buf, 200, FRAME_BODY_MAX + 1, NONCE);
	assert_int_equal(frame_read(buf, FRAME_HEAD + FRAME_BODY_MAX + 1, NONCE, &f), -EBADMSG);
	assert_int_equal(frame_read(buf, FRAME_HEAD, NONCE, &f), -EBADMSG); /* more will not help */
	frame_seal(buf, 0, 4, NONCE); /* type 0 is what zeroes are */
	assert_int_equal(frame_read(buf, FRAME_HEAD + 4, NONCE, &f), -EBADMSG);
	frame_seal(buf, 200, 0, NONCE);
	assert_int_equal(frame_read(buf, FRAME_HEAD, NONCE, &f), FRAME_HEAD);
	assert_int_equal(f.len, 0);
	free(buf);
}

/* A row of frames cut anywhere reads as those that are whole. */
static void test_row(void **state)
{
	uint64_t rng = rng_start("segment");
	uint8_t row[4096];
	size_t ends[64], n = 0, len = 0;

	(void)state;
	while (n < DIM(ends)) {
		uint16_t body = (uint16_t)rng_below(&rng, 40);

		rng_fill(&rng, row + len + FRAME_HEAD, body);
		len += frame_seal(row + len, (uint8_t)(1 + rng_below(&rng, 255)), body, NONCE);
		ends[n++] = len;
	}
	for (size_t cut = 0; cut <= len; cut++) {
		struct buf b = buf_copy(row, cut);
		size_t at = 0, got = 0;
		struct frame f;
		int ret;

		while ((ret = frame_read(b.p + at, b.n - at, NONCE, &f)) > 0) {
			at += (size_t)ret;
			assert_int_equal(at, ends[got++]);
		}
		assert_int_equal(ret, 0);
		assert_true(got == n || ends[got] > cut);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_head_flipped),
		cmocka_unit_test(test_head_version),
		cmocka_unit_test(test_mark),
		cmocka_unit_test(test_mark_without_times),
		cmocka_unit_test(test_frame),
		cmocka_unit_test(test_frame_flipped),
		cmocka_unit_test(test_frame_limits),
		cmocka_unit_test(test_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
