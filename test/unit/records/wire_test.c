/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "net/mh.h"
#include "records/copy.h"
#include "records/seen.h"
#include "records/varint.h"
#include "records/wire.h"
#include "rng.h"

/*
 * Vectors, made by another implementation from the table in records/wire.h. What an earlier release
 * sends must be understood for as long as sites of both may meet: these rows stay.
 */
#define HOA     "20010db8000a00000000000000000100"
#define HA      "0e 0001"
#define COA     "20010db8000c00000000000000000001"
#define CONTENT "01 effd06 018bcfe568010000 02"
#define HEAD    "08 c000" HOA HA COA CONTENT
#define LASTS   "901c 98d5db01" /* 3600 s granted, 3599 s left */
#define STAMP   "01 08 e8fa008040000000"

#define PLAIN "39" HEAD LASTS
#define TAKEN "41 10 c000" HOA HA COA CONTENT "01 effd06 01 03 901c 80dddb01 00 02"
#define TOMB  "24 0d 0000" HOA "10" CONTENT "00 904e"
#define EXTRA "49" HEAD LASTS STAMP "0700 7f02aabb"
#define FULL                                                                                       \
	"7c 12 ffff" HOA "00 fe000000000000000000000000000001" COA                                 \
	"ffffffff0f ffffffffffffffffff01 ffffffffffffffff ff"                                      \
	"ffffffff0f feffffffffffffffff01 ffffff07 fe fcff0f dfe0ff7c feffff07 01" STAMP            \
	"02 04 0500 0257"

static struct record_copy plain(void)
{
	return (struct record_copy){
		.hoa = addr("2001:db8:a::100"),
		.content = { .epoch = 1, .ext_seq = 0x1beef, .hlc = 0x018bcfe568010000, .node = 2 },
		.owner = { .epoch = 1, .ext_seq = 0x1beef, .node = 2 },
		.ha = addr("2001:db8:a::1"),
		.coa = addr("2001:db8:c::1"),
		.lifetime_s = 3600,
		.flags = MH_BU_A | MH_BU_H,
		.state = RECORD_LIVE,
		.remaining_ms = 3599000,
		.remaining_by = { .node = 2 },
	};
}

static struct record_copy taken(void)
{
	struct record_copy c = plain();

	c.owner.term = 1;
	c.owner.node = 3;
	c.remaining_ms = 3600000;
	return c;
}

static struct record_copy tomb(void)
{
	struct record_copy c = plain();

	c.ha = c.hoa;
	c.coa = ip6_unspecified;
	c.flags = 0;
	c.lifetime_s = 0;
	c.state = RECORD_TOMBSTONE;
	c.remaining_ms = 10000;
	return c;
}

static struct record_copy extra(void)
{
	static const uint8_t fields[] = { 7, 0, 0x7f, 2, 0xaa, 0xbb };
	struct record_copy c = plain();

	c.stamp = 0xe8fa008040000000;
	c.extra = fields;
	c.extra_len = sizeof(fields);
	return c;
}

static struct record_copy full(void)
{
	return (struct record_copy){
		.hoa = addr("2001:db8:a::100"),
		.content = { .epoch = UINT32_MAX,
			.ext_seq = UINT64_MAX,
			.hlc = UINT64_MAX,
			.node = 255 },
		.owner = { .epoch = UINT32_MAX,
			.ext_seq = UINT64_MAX - 1,
			.term = OWNER_TERM_MAX,
			.node = 254 },
		.ha = addr("fe00::1"),
		.coa = addr("2001:db8:c::1"),
		.lifetime_s = RECORD_LIFETIME_MAX_S,
		.flags = UINT16_MAX,
		.state = RECORD_LIVE,
		.order = RECORD_BY_STAMP,
		.remaining_ms = RECORD_LIFETIME_MAX_S * 1000 - 1,
		.remaining_by = { .term = OWNER_TERM_MAX - 1, .node = 1 },
		.mtu = 1280,
		.mtu_age_s = RECORD_MTU_AGE_S - 1,
		.stamp = 0xe8fa008040000000,
	};
}

static void assert_same(const struct record_copy *a, const struct record_copy *b)
{
	assert_true(ip6_eq(&a->hoa, &b->hoa) && ip6_eq(&a->ha, &b->ha) && ip6_eq(&a->coa, &b->coa));
	assert_int_equal(content_version_cmp(&a->content, &b->content), 0);
	assert_int_equal(owner_version_cmp(&a->owner, &b->owner), 0);
	assert_int_equal(owner_term_cmp(a->remaining_by, b->remaining_by), 0);
	assert_int_equal(a->lifetime_s, b->lifetime_s);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->order, b->order);
	assert_int_equal(a->remaining_ms, b->remaining_ms);
	assert_int_equal(a->mtu, b->mtu);
	assert_int_equal(a->mtu_age_s, b->mtu_age_s);
	assert_int_equal(a->stamp, b->stamp);
	assert_int_equal(a->extra_len, b->extra_len);
	if (a->extra_len > 0)
		assert_memory_equal(a->extra, b->extra, a->extra_len);
}

static void check_vector(const struct record_copy *c, const char *hex)
{
	struct buf b = buf_from_hex(hex);
	uint8_t out[RECORD_WIRE_MAX];
	struct net_wr w = net_wr_init(out, sizeof(out));
	struct net_rd r = net_rd_init(b.p, b.n);
	struct record_copy got;

	assert_true(record_wire_put(&w, c));
	assert_int_equal(net_wr_len(&w), b.n);
	assert_memory_equal(out, b.p, b.n);
	assert_int_equal(record_wire_get(&r, &got), 0);
	assert_int_equal(net_rd_left(&r), 0);
	assert_same(c, &got);
	/* all or nothing */
	for (size_t room = 0; room < b.n; room++) {
		w = net_wr_init(out, room);
		assert_false(record_wire_put(&w, c));
		assert_int_equal(net_wr_len(&w), 0);
		assert_false(w.bad);
	}
	buf_free(&b);
}

static void test_vectors(void **state)
{
	struct record_copy a = plain(), b = taken(), c = tomb(), d = extra(), e = full();

	(void)state;
	check_vector(&a, PLAIN);
	check_vector(&b, TAKEN);
	check_vector(&c, TOMB);
	check_vector(&d, EXTRA);
	check_vector(&e, FULL);
}

/* length: put in front by the test. */
static const struct {
	const char *name, *body;
	int ret;
} bad[] = {
	{ "as it was", HEAD LASTS, 0 },
	{ "nothing", "", -EBADMSG },
	{ "a mark that is not known", "28 c000" HOA HA COA CONTENT LASTS, -ENOTSUP },
	{ "the highest, whatever follows", "80", -ENOTSUP },
	{ "claimed by nobody", "08 c000" HOA HA COA "01 effd06 018bcfe568010000 00" LASTS,
		-EBADMSG },
	{ "owned by nobody", "00 c000" HOA HA COA CONTENT "01 effd06 00 00" LASTS, -EBADMSG },
	{ "a claim without its mark", "00 c000" HOA HA COA CONTENT "01 effd06 00 02" LASTS,
		-EBADMSG },
	{ "the owner's word with a mark", "18 c000" HOA HA COA CONTENT LASTS "00 02", -EBADMSG },
	{ "nobody's word", "18 c000" HOA HA COA CONTENT LASTS "00 00", 0 },
	{ "another one's word", "18 c000" HOA HA COA CONTENT LASTS "01 02", 0 },
	{ "term 2^24", "00 c000" HOA HA COA CONTENT "01 effd06 80808008 03" LASTS, -EBADMSG },
	{ "term of a word 2^24", "18 c000" HOA HA COA CONTENT LASTS "80808008 03", -EBADMSG },
	{ "epoch 2^32", "08 c000" HOA HA COA "8080808010 00 018bcfe568010000 02" LASTS, -EBADMSG },
	{ "a number longer than need be",
		"08 c000" HOA HA COA "8100 effd06 018bcfe568010000 02" LASTS, -EBADMSG },
	{ "a number of 65 bits",
		"08 c000" HOA HA COA "01 ffffffffffffffffff03 018bcfe568010000 02" LASTS,
		-EBADMSG },
	{ "17 octets in common", "08 c000" HOA "11" COA CONTENT LASTS, -EBADMSG },
	{ "more in common than said", "08 c000" HOA "0d 000001" COA CONTENT LASTS, -EBADMSG },
	{ "care-of address unspecified",
		"08 c000" HOA HA "00000000000000000000000000000000" CONTENT LASTS, -EBADMSG },
	{ "a binding to nowhere", "0c c000" HOA HA CONTENT LASTS, -EBADMSG },
	{ "a tombstone of nowhere", "0d c000" HOA HA CONTENT LASTS, 0 },
	{ "granted nothing", HEAD "00 00", -EBADMSG },
	{ "granted too much", HEAD "fdff0f 00", -EBADMSG },
	{ "over, almost", HEAD "901c 00", 0 },
	{ "all that was granted", HEAD "901c 80dddb01", 0 },
	{ "more than was granted", HEAD "901c 81dddb01", -EBADMSG },
	{ "a tombstone for 10 s", "09 c000" HOA HA COA CONTENT "04 904e", 0 },
	{ "and for longer", "09 c000" HOA HA COA CONTENT "04 914e", -EBADMSG },
	{ "a timestamp", HEAD LASTS STAMP, 0 },
	{ "twice", HEAD LASTS STAMP STAMP, -EBADMSG },
	{ "timestamp 0", HEAD LASTS "01 08 0000000000000000", -EBADMSG },
	{ "too short", HEAD LASTS "01 07 e8fa0080400000", -EBADMSG },
	{ "too long", HEAD LASTS "01 09 e8fa00804000000000", -EBADMSG },
	{ "path MTU 1279", HEAD LASTS "02 04 04ff 0000", -EBADMSG },
	{ "path MTU 1280", HEAD LASTS "02 04 0500 0000", 0 },
	{ "600 s old", HEAD LASTS "02 04 0500 0258", -EBADMSG },
	{ "out of order", HEAD LASTS "02 04 0500 0000" STAMP, -EBADMSG },
	{ "field 0", HEAD LASTS "00 00", -EBADMSG },
	{ "field 3 is kept", HEAD LASTS "03 00", 0 },
	{ "so is 127", HEAD LASTS STAMP "7f 02 0102", 0 },
	{ "field 128 is not", HEAD LASTS "80 00", -ENOTSUP },
	{ "nor is it behind others", HEAD LASTS STAMP "03 00 80 02 aabb", -ENOTSUP },
	{ "field 128 cut short", HEAD LASTS "80 02 aa", -EBADMSG },
	{ "a field's number alone", HEAD LASTS "03", -EBADMSG },
	{ "a field runs past the end", HEAD LASTS "03 02 aa", -EBADMSG },
};

static void test_get(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(bad); i++) {
		struct buf b = buf_from_hex(bad[i].body), m;
		uint8_t out[RECORD_WIRE_MAX];
		struct net_wr w = net_wr_init(out, sizeof(out));
		struct record_copy c;
		struct net_rd r;
		int ret;

		varint_put(&w, b.n);
		net_wr_bytes(&w, b.p, b.n);
		m = buf_copy(out, net_wr_len(&w));
		r = net_rd_init(m.p, m.n);
		ret = record_wire_get(&r, &c);
		if (ret != bad[i].ret)
			fail_msg("%s: %d", bad[i].name, ret);
		/* whatever it was, what comes behind it can be read */
		assert_false(r.bad);
		assert_int_equal(net_rd_left(&r), 0);
		buf_free(&b);
		buf_free(&m);
	}
}

static void test_length(void **state)
{
	static const char *const broken[] = {
		"", /* none */
		"80", /* cut */
		"39 08 c000", /* more than there is */
		"b900 08", /* longer than need be */
		"cd03", /* 461 */
	};
	struct buf long_fields = buf_from_hex("" HEAD LASTS);
	uint8_t out[RECORD_WIRE_MAX + 10];
	struct record_copy c;
	struct net_rd r;

	(void)state;
	for (size_t i = 0; i < DIM(broken); i++) {
		struct buf b = buf_from_hex(broken[i]);

		r = net_rd_init(b.p, b.n);
		assert_int_equal(record_wire_get(&r, &c), -EBADMSG);
		assert_true(r.bad);
		buf_free(&b);
	}
	/* 255 octets that are not known are kept, 256 are not */
	for (unsigned n = 252; n <= 254; n++) {
		struct net_wr w = net_wr_init(out, sizeof(out));

		varint_put(&w, long_fields.n + 2 + n);
		net_wr_bytes(&w, long_fields.p, long_fields.n);
		net_wr_u8(&w, 9);
		net_wr_u8(&w, (uint8_t)n);
		net_wr_zero(&w, n);
		r = net_rd_init(out, net_wr_len(&w));
		assert_int_equal(record_wire_get(&r, &c), n + 2 <= RECORD_EXTRA_MAX ? 0 : -ENOTSUP);
		assert_int_equal(c.extra_len, n + 2 <= RECORD_EXTRA_MAX ? n + 2 : 0);
	}
	buf_free(&long_fields);
}

/* Every truncation of the whole: none is a record. */
static void test_cut(void **state)
{
	struct buf whole = buf_from_hex(FULL);
	struct record_copy c;

	(void)state;
	for (size_t n = 1; n < whole.n; n++) {
		struct buf b = buf_copy(whole.p, n);
		struct net_rd r;
		int ret;

		r = net_rd_init(b.p, b.n);
		assert_int_equal(record_wire_get(&r, &c), -EBADMSG);
		b.p[0] = (uint8_t)(n - 1); /* with the length put right */
		r = net_rd_init(b.p, b.n);
		ret = record_wire_get(&r, &c);
		/* in front of the timestamp, of the path MTU it is one */
		if (ret != (n == 109 || n == 119 ? 0 : -EBADMSG))
			fail_msg("%zu: %d", n, ret);
		buf_free(&b);
	}
	buf_free(&whole);
}

/* An ordinary record is small. */
static void test_size(void **state)
{
	struct record_copy c = plain();
	uint8_t out[RECORD_WIRE_MAX];
	struct net_wr w = net_wr_init(out, sizeof(out));

	(void)state;
	c.ha = addr("2001:db8:ffff::1"); /* a /32 in common */
	c.content.epoch = 1000;
	c.content.ext_seq = 1ULL << 40;
	c.owner = (struct owner_version){
		.epoch = 1000, .ext_seq = 1ULL << 40, .term = 1000, .node = 7
	};
	c.lifetime_s = RECORD_LIFETIME_MAX_S;
	c.remaining_ms = c.lifetime_s * 1000;
	c.remaining_by = (struct owner_term){ .term = 1000, .node = 7 };
	c.stamp = UINT64_MAX;
	assert_true(record_wire_put(&w, &c));
	assert_in_range(net_wr_len(&w), 60, 100);
}

static void test_round_trip(void **state)
{
	uint64_t rng = rng_start("wire");

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		struct record_copy c = full(), got;
		uint8_t out[RECORD_WIRE_MAX],
			fields[RECORD_EXTRA_MAX] = { 3, RECORD_EXTRA_MAX - 2 };
		struct net_wr w = net_wr_init(out, sizeof(out));
		struct net_rd r;

		rng_fill(&rng, &c.hoa, sizeof(c.hoa));
		c.ha = c.hoa;
		c.ha.b[rng_below(&rng, 16)] ^= (uint8_t)rng_next(&rng);
		c.content.epoch >>= rng_below(&rng, 32);
		c.content.ext_seq >>= rng_below(&rng, 64);
		c.content.node = (uint8_t)(1 + rng_below(&rng, 3));
		if (rng_below(&rng, 2) == 0)
			c.owner = (struct owner_version){ .epoch = c.content.epoch,
				.ext_seq = c.content.ext_seq,
				.node = c.content.node };
		c.owner.term = rng_below(&rng, 2) & 1;
		c.remaining_by =
			(struct owner_term){ .term = rng_below(&rng, 2) & 1, .node = c.owner.node };
		c.state = (uint8_t)(RECORD_LIVE + rng_below(&rng, 2));
		c.order = rng_below(&rng, 2) & 1;
		c.lifetime_s = 1 + (uint32_t)rng_below(&rng, RECORD_LIFETIME_MAX_S);
		c.remaining_ms = (uint32_t)rng_below(&rng, 1 + c.lifetime_s * 1000ULL);
		if (rng_below(&rng, 2) == 0)
			c.mtu = c.mtu_age_s = 0;
		if (rng_below(&rng, 2) == 0)
			c.stamp = 0;
		if (c.state == RECORD_TOMBSTONE && rng_below(&rng, 2) == 0)
			c.coa = ip6_unspecified;
		if (rng_below(&rng, 2) == 0) {
			c.extra = fields;
			c.extra_len = sizeof(fields);
		}
		assert_true(record_wire_put(&w, &c));
		r = net_rd_init(out, net_wr_len(&w));
		assert_int_equal(record_wire_get(&r, &got), 0);
		assert_same(&c, &got);
	}
}

/* A path MTU that is none of today's is not sent. */
static void test_soft(void **state)
{
	struct record_copy c = plain(), got;
	uint8_t out[RECORD_WIRE_MAX];

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct net_wr w = net_wr_init(out, sizeof(out));
		struct net_rd r;

		c.mtu = i == 0 ? 1279 : 1280;
		c.mtu_age_s = i == 0 ? 0 : RECORD_MTU_AGE_S;
		assert_true(record_wire_put(&w, &c));
		r = net_rd_init(out, net_wr_len(&w));
		assert_int_equal(record_wire_get(&r, &got), 0);
		assert_int_equal(got.mtu, 0);
	}
}

/* --- pairs --- */

#define PAIR       "18 00" HOA HA "01 effd06"
#define PAIR_STAMP "29 02" HOA HA "03 80808080849080fde801" STAMP

static void check_pair(const struct seen_pair *p, const char *hex)
{
	struct buf b = buf_from_hex(hex);
	uint8_t out[SEEN_WIRE_MAX];
	struct net_wr w = net_wr_init(out, sizeof(out));
	struct net_rd r = net_rd_init(b.p, b.n);
	struct seen_pair got;

	assert_true(seen_wire_put(&w, p));
	assert_int_equal(net_wr_len(&w), b.n);
	assert_memory_equal(out, b.p, b.n);
	assert_int_equal(seen_wire_get(&r, &got), 0);
	assert_true(ip6_eq(&got.hoa, &p->hoa) && ip6_eq(&got.ha, &p->ha));
	assert_int_equal(got.value.epoch, p->value.epoch);
	assert_int_equal(got.value.ext_seq, p->value.ext_seq);
	assert_int_equal(got.value.stamp, p->value.stamp);
	assert_int_equal(got.value.order, p->value.order);
	assert_int_equal(got.domain, 0);
	w = net_wr_init(out, b.n - 1);
	assert_false(seen_wire_put(&w, p));
	assert_int_equal(net_wr_len(&w), 0);
	for (size_t n = 0; n < b.n; n++) {
		struct buf cut = buf_copy(b.p, n);

		r = net_rd_init(cut.p, cut.n);
		assert_int_equal(seen_wire_get(&r, &got), -EBADMSG);
		buf_free(&cut);
	}
	buf_free(&b);
}

static void test_pairs(void **state)
{
	struct seen_pair p = {
		.hoa = addr("2001:db8:a::100"),
		.ha = addr("2001:db8:a::1"),
		.value = { .epoch = 1, .ext_seq = 0x1beef },
	};

	(void)state;
	check_pair(&p, PAIR);
	p.value = (struct seen_value){ .epoch = 3,
		.ext_seq = 0xe8fa008040000000,
		.stamp = 0xe8fa008040000000,
		.order = RECORD_BY_STAMP };
	check_pair(&p, PAIR_STAMP);
}

static void test_bad_pairs(void **state)
{
	static const struct {
		const char *hex;
		int ret;
	} rows[] = {
		{ "18 01" HOA HA "01 effd06", -ENOTSUP },
		{ "1a 00" HOA HA "01 effd06 0500", 0 }, /* skipped */
		{ "1a 00" HOA HA "01 effd06 8000", -ENOTSUP },
		{ "1a 00" HOA HA "01 effd06 0501", -EBADMSG },
		{ "24 00" HOA HA "01 effd06 0500" STAMP, -EBADMSG },
		{ "22 00" HOA HA "01 effd06 0108 0000000000000000", -EBADMSG },
		{ "21 00" HOA HA "01 effd06 0107 00000000000001", -EBADMSG },
		{ "18 00" HOA HA "01 effd80", -EBADMSG },
		{ "1c 00" HOA HA "ffffffff1f effd06", -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		struct buf b = buf_from_hex(rows[i].hex);
		struct net_rd r = net_rd_init(b.p, b.n);
		struct seen_pair p;
		int ret = seen_wire_get(&r, &p);

		if (ret != rows[i].ret || net_rd_left(&r) != 0 || r.bad)
			fail_msg("row %zu: %d", i, ret);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_soft),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_bad_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
