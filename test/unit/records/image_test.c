/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "records/image.h"
#include "records/records.h"
#include "rng.h"

/* Written down by hand from the table in records/image.h; these octets are on people's disks. */
#define PLAIN                                                                                      \
	"01 01 0003 beef c000 00000e10 0000018bcfe56801 0000018bcfe56800"                          \
	"20010db8000a00000000000000000100 20010db8000a00000000000000000001"                        \
	"20010db8000c00000000000000000001"
#define TIMESTAMP "01 08 e8fa0080 40000000"
#define COUNTERS  "02 20 0000000000000001 0000000000000578 0000000100000000 fffffffffffffff0"

#define SESSION "03 08 0168fa0080123456"
#define VERSIONS                                                                                   \
	"04 2a 000000000001beef 018bcfe568010000 00000007 09"                                      \
	"000000000001bee0 00000006 abcdef 0a 000001 0b 01"
#define EXTRA "05 04 09 02 aabb"
#define ALONE "06 01 01"

static struct record_image plain(void)
{
	return (struct record_image){
		.hoa = addr("2001:db8:a::100"),
		.ha = addr("2001:db8:a::1"),
		.coa = addr("2001:db8:c::1"),
		.ends_ms = 1700000000001,
		.since_ms = 1700000000000,
		.lifetime_s = 3600,
		.domain = 3,
		.seq = 0xbeef,
		.flags = 0xc000,
		.state = RECORD_LIVE,
	};
}

static struct record_image full(void)
{
	struct record_image r = plain();

	r.state = RECORD_TOMBSTONE;
	r.ntp_last = 0xe8fa008040000000;
	r.packets_to = 1;
	r.bytes_to = 1400;
	r.packets_from = 1ULL << 32;
	r.bytes_from = UINT64_MAX - 15;
	r.session = 0x0168fa0080123456;
	r.content = (struct content_version){
		.ext_seq = 0x1beef, .hlc = 0x018bcfe568010000, .epoch = 7, .node = 9
	};
	r.owner = (struct owner_version){
		.ext_seq = 0x1bee0, .epoch = 6, .term = 0xabcdef, .node = 10
	};
	r.remaining_by = (struct owner_term){ .term = 1, .node = 11 };
	r.order = RECORD_BY_STAMP;
	return r;
}

static void assert_same(const struct record_image *a, const struct record_image *b)
{
	assert_true(ip6_eq(&a->hoa, &b->hoa) && ip6_eq(&a->ha, &b->ha) && ip6_eq(&a->coa, &b->coa));
	assert_int_equal(a->ends_ms, b->ends_ms);
	assert_int_equal(a->since_ms, b->since_ms);
	assert_int_equal(a->ntp_last, b->ntp_last);
	assert_int_equal(a->packets_to, b->packets_to);
	assert_int_equal(a->bytes_to, b->bytes_to);
	assert_int_equal(a->packets_from, b->packets_from);
	assert_int_equal(a->bytes_from, b->bytes_from);
	assert_int_equal(a->session, b->session);
	assert_int_equal(a->lifetime_s, b->lifetime_s);
	assert_int_equal(a->domain, b->domain);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->state, b->state);
	assert_int_equal(content_version_cmp(&a->content, &b->content), 0);
	assert_int_equal(owner_version_cmp(&a->owner, &b->owner), 0);
	assert_int_equal(owner_term_cmp(a->remaining_by, b->remaining_by), 0);
	assert_int_equal(a->order, b->order);
	assert_int_equal(a->alone, b->alone);
	assert_int_equal(a->extra_len, b->extra_len);
	if (a->extra_len > 0)
		assert_memory_equal(a->extra, b->extra, a->extra_len);
}

static void check_golden(const struct record_image *r, const char *hex)
{
	struct buf b = buf_from_hex(hex);
	uint8_t out[RECORD_IMAGE_MAX];
	struct record_image again;

	assert_int_equal(record_image_encode(r, out), b.n);
	assert_memory_equal(out, b.p, b.n);
	assert_int_equal(record_image_decode(b.p, b.n, &again), 0);
	assert_same(r, &again);
	buf_free(&b);
}

static void test_golden(void **state)
{
	struct record_image a = plain(), b = full();

	(void)state;
	check_golden(&a, PLAIN);
	a.ntp_last = b.ntp_last;
	check_golden(&a, PLAIN TIMESTAMP);
	check_golden(&b, "01 02 0003 beef c000 00000e10 0000018bcfe56801 0000018bcfe56800"
			 "20010db8000a00000000000000000100 20010db8000a00000000000000000001"
			 "20010db8000c00000000000000000001" TIMESTAMP COUNTERS SESSION VERSIONS);
	a = plain();
	a.content = b.content;
	a.owner = b.owner;
	a.remaining_by = b.remaining_by;
	a.order = b.order;
	a.extra = (const uint8_t[]){ 9, 2, 0xaa, 0xbb };
	a.extra_len = 4;
	check_golden(&a, PLAIN VERSIONS EXTRA);
	a.alone = true;
	check_golden(&a, PLAIN VERSIONS EXTRA ALONE);
	a.extra_len = 0;
	check_golden(&a, PLAIN VERSIONS ALONE);
}

static const struct {
	const char *name, *hex;
	int ret;
} cases[] = {
	{ "nothing", "", -EBADMSG },
	{ "form 0", "00", -EBADMSG },
	{ "form 2, whatever it is", "02", -ENOTSUP },
	{ "as it was", PLAIN, 0 },
	{ "state 0", "01 00", -EBADMSG },
	{ "field 5", PLAIN "05 02 aabb", 0 },
	{ "an empty one too", PLAIN "05 00", 0 },
	{ "alone too short", PLAIN "06 00", -EBADMSG },
	{ "alone too long", PLAIN "06 02 0100", -EBADMSG },
	{ "field 7 is skipped", PLAIN "07 02 aabb", 0 },
	{ "an empty one too", PLAIN "07 00", 0 },
	{ "field 127 is skipped behind others", PLAIN TIMESTAMP COUNTERS SESSION "7f 01 00", 0 },
	{ "field 128 is not", PLAIN "80 02 aabb", -ENOTSUP },
	{ "field 128 cut short", PLAIN "80 02 aa", -EBADMSG },
	{ "a field's number alone", PLAIN "05", -EBADMSG },
	{ "a field runs past the end", PLAIN "05 02 aa", -EBADMSG },
	{ "timestamp twice", PLAIN TIMESTAMP TIMESTAMP, -EBADMSG },
	{ "out of order", PLAIN COUNTERS TIMESTAMP, -EBADMSG },
	{ "field 0", PLAIN "00 00", -EBADMSG },
	{ "timestamp too short", PLAIN "01 07 00000000000000", -EBADMSG },
	{ "timestamp too long", PLAIN "01 09 000000000000000000", -EBADMSG },
	{ "session too short", PLAIN "03 04 00000000", -EBADMSG },
	{ "versions", PLAIN VERSIONS, 0 },
	{ "versions too short", PLAIN "04 01 00", -EBADMSG },
	{ "an octet behind versions", PLAIN VERSIONS "00", -EBADMSG },
	{ "content of nobody",
		PLAIN "04 2a 000000000001beef 018bcfe568010000 00000007 00"
		      "000000000001bee0 00000006 abcdef 0a 000001 0b 01",
		-EBADMSG },
	{ "owned by nobody",
		PLAIN "04 2a 000000000001beef 018bcfe568010000 00000007 09"
		      "000000000001bee0 00000006 abcdef 00 000001 0b 01",
		-EBADMSG },
	{ "nobody's word",
		PLAIN "04 2a 000000000001beef 018bcfe568010000 00000007 09"
		      "000000000001bee0 00000006 abcdef 0a 000001 00 01",
		0 },
	{ "numbers of a third kind",
		PLAIN "04 2a 000000000001beef 018bcfe568010000 00000007 09"
		      "000000000001bee0 00000006 abcdef 0a 000001 0b 02",
		-EBADMSG },
	{ "counters too short", PLAIN "02 08 0000000000000000", -EBADMSG },
};

static void test_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf b = buf_from_hex(cases[i].hex);
		struct record_image r;
		int ret = record_image_decode(b.p, b.n, &r);

		if (ret != cases[i].ret)
			fail_msg("%s: %d", cases[i].name, ret);
		buf_free(&b);
	}
}

/* Values that no writer of ours writes. */
static void test_values(void **state)
{
	static const struct {
		unsigned at;
		uint8_t to;
		int ret;
	} values[] = {
		{ 1, 2, 0 },
		{ 1, 3, -EBADMSG },
		{ 1, 255, -EBADMSG },
		{ 8, 1, -EBADMSG }, /* lifetime */
		{ 9, 4, -EBADMSG },
		{ 9, 3, 0 },
	};

	(void)state;
	for (size_t i = 0; i < DIM(values); i++) {
		struct buf b = buf_from_hex(PLAIN);
		struct record_image r;

		b.p[values[i].at] = values[i].to;
		if (record_image_decode(b.p, b.n, &r) != values[i].ret)
			fail_msg("octet %u is %u", values[i].at, values[i].to);
		buf_free(&b);
	}
}

static void test_cut(void **state)
{
	struct buf whole = buf_from_hex(PLAIN TIMESTAMP COUNTERS SESSION VERSIONS);
	const size_t good[] = { 76, 76 + 10, 76 + 10 + 34, 76 + 10 + 34 + 10,
		76 + 10 + 34 + 10 + 44 };

	(void)state;
	for (size_t n = 0; n <= whole.n; n++) {
		struct buf b = buf_copy(whole.p, n);
		struct record_image r;
		bool is_good = n == good[0] || n == good[1] || n == good[2] || n == good[3] ||
			       n == good[4];

		assert_int_equal(record_image_decode(b.p, b.n, &r), is_good ? 0 : -EBADMSG);
		buf_free(&b);
	}
	buf_free(&whole);
}

static void test_longest(void **state)
{
	static const uint8_t extra[RECORD_EXTRA_MAX] = { 9, RECORD_EXTRA_MAX - 2 };
	struct record_image r = full(), again;
	uint8_t buf[RECORD_IMAGE_MAX];

	(void)state;
	r.extra = extra;
	r.extra_len = RECORD_EXTRA_MAX;
	r.alone = true;
	assert_int_equal(record_image_encode(&r, buf), RECORD_IMAGE_MAX);
	assert_int_equal(record_image_decode(buf, sizeof(buf), &again), 0);
	assert_same(&r, &again);
}

static uint64_t some(uint64_t *rng)
{
	return rng_below(rng, 3) == 0 ? 0 : rng_next(rng) >> rng_below(rng, 64);
}

static void test_round_trip(void **state)
{
	uint64_t rng = rng_start("image");

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct record_image r = {
			.ends_ms = some(&rng),
			.since_ms = some(&rng),
			.ntp_last = some(&rng),
			.packets_to = some(&rng),
			.bytes_to = some(&rng),
			.packets_from = some(&rng),
			.bytes_from = some(&rng),
			.session = some(&rng),
			.lifetime_s = (uint32_t)rng_below(&rng, RECORD_LIFETIME_MAX_S + 1),
			.domain = (uint16_t)rng_next(&rng),
			.seq = (uint16_t)rng_next(&rng),
			.flags = (uint16_t)rng_next(&rng),
			.state = (uint8_t)(RECORD_LIVE + rng_below(&rng, 2)),
		};
		uint8_t buf[RECORD_IMAGE_MAX];
		struct record_image again;
		size_t len;

		if (rng_below(&rng, 2) == 0) {
			struct record_image f = full();

			r.content = f.content;
			r.content.hlc = rng_next(&rng);
			r.owner = f.owner;
			r.owner.term = rng_next(&rng) & OWNER_TERM_MAX;
			r.remaining_by = f.remaining_by;
			r.order = rng_below(&rng, 2) & 1;
		}
		rng_fill(&rng, &r.hoa, 3 * sizeof(r.hoa));
		len = record_image_encode(&r, buf);
		assert_in_range(len, 76, sizeof(buf));
		assert_int_equal(record_image_decode(buf, len, &again), 0);
		assert_same(&r, &again);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
