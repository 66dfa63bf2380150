/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "common/ntp.h"
#include "records/order.h"
#include "records/seen.h"
#include "rng.h"

#define LATE_ERA  0xffffffff00000000ULL /* the last second before 2036-02-07 */
#define FIRST_ERA 0x0000000100000000ULL /* two seconds later */

enum ha { NO_RECORD, SAME_HA, OTHER_HA, TOMB_SAME, TOMB_OTHER };

static const struct {
	const char *name;
	struct {
		enum ha kind;
		uint32_t epoch;
		uint64_t ext_seq;
		enum record_order order;
	} rec;
	struct {
		bool is_there;
		uint32_t epoch;
		uint64_t ext_seq;
		enum record_order order;
	} seen;
	uint32_t epoch; /* of other pairs */
	bool remembers, is_dereg;
	enum record_order by;
	uint64_t number;

	enum order_verdict verdict;
	uint32_t want_epoch;
	uint64_t want;
} rows[] = {
	{ .name = "the first ever", .number = 0, .verdict = ORDER_NEWER, .want_epoch = 1 },
	{ .name = "the first ever, 65535",
		.number = 65535,
		.verdict = ORDER_NEWER,
		.want_epoch = 1,
		.want = 65535 },
	{ .name = "the next",
		.rec = { SAME_HA, 1, 5, 0 },
		.number = 6,
		.verdict = ORDER_NEWER,
		.want_epoch = 1,
		.want = 6 },
	{ .name = "the same again",
		.rec = { SAME_HA, 1, 5, 0 },
		.number = 5,
		.verdict = ORDER_TOO_OLD,
		.want_epoch = 1,
		.want = 5 },
	{ .name = "older",
		.rec = { SAME_HA, 1, 0x20005, 0 },
		.number = 4,
		.verdict = ORDER_TOO_OLD,
		.want_epoch = 1,
		.want = 0x20005 },
	{ .name = "32767 ahead is newer",
		.rec = { SAME_HA, 1, 5, 0 },
		.number = 5 + 32767,
		.verdict = ORDER_NEWER,
		.want_epoch = 1,
		.want = 5 + 32767 },
	{ .name = "32768 ahead is not",
		.rec = { SAME_HA, 1, 5, 0 },
		.number = 5 + 32768,
		.verdict = ORDER_TOO_OLD,
		.want_epoch = 1,
		.want = 5 },
	{ .name = "past the end of 16 bits",
		.rec = { SAME_HA, 1, 0x1fffe, 0 },
		.number = 1,
		.verdict = ORDER_NEWER,
		.want_epoch = 1,
		.want = 0x20001 },
	{ .name = "a tombstone's number counts (10.3.2)",
		.rec = { TOMB_SAME, 1, 5, 0 },
		.number = 5,
		.verdict = ORDER_TOO_OLD,
		.want_epoch = 1,
		.want = 5 },
	{ .name = "back after a de-registration",
		.rec = { TOMB_SAME, 1, 5, 0 },
		.number = 6,
		.verdict = ORDER_NEWER,
		.want_epoch = 1,
		.want = 6 },
	{ .name = "the pair was seen elsewhere, later",
		.rec = { SAME_HA, 1, 5, 0 },
		.seen = { true, 1, 9, 0 },
		.number = 7,
		.verdict = ORDER_TOO_OLD,
		.want_epoch = 1,
		.want = 9 },
	{ .name = "the record is ahead of what was seen",
		.rec = { SAME_HA, 1, 9, 0 },
		.seen = { true, 1, 5, 0 },
		.number = 7,
		.verdict = ORDER_TOO_OLD,
		.want_epoch = 1,
		.want = 9 },

	{ .name = "no record, a number that is not remembered: always forward",
		.seen = { true, 3, 9, 0 },
		.epoch = 3,
		.number = 9,
		.verdict = ORDER_NEWER,
		.want_epoch = 3,
		.want = 0x10009 },
	{ .name = "no record, the number is remembered",
		.seen = { true, 3, 9, 0 },
		.epoch = 3,
		.remembers = true,
		.number = 9,
		.verdict = ORDER_TOO_OLD,
		.want_epoch = 3,
		.want = 9 },
	{ .name = "no record, remembered and newer",
		.seen = { true, 3, 9, 0 },
		.epoch = 3,
		.remembers = true,
		.number = 10,
		.verdict = ORDER_NEWER,
		.want_epoch = 3,
		.want = 10 },
	{ .name = "no record, it was at another address since",
		.seen = { true, 3, 9, 0 },
		.epoch = 4,
		.number = 10,
		.verdict = ORDER_NEWER,
		.want_epoch = 5,
		.want = 10 },
	{ .name = "no record, only ever seen at another address",
		.epoch = 4,
		.number = 10,
		.verdict = ORDER_NEWER,
		.want_epoch = 5,
		.want = 10 },

	{ .name = "to another address for the first time",
		.rec = { OTHER_HA, 1, 500, 0 },
		.epoch = 1,
		.number = 3,
		.verdict = ORDER_NEWER,
		.want_epoch = 2,
		.want = 3 },
	{ .name = "back to an address, its own series goes on",
		.rec = { OTHER_HA, 2, 500, 0 },
		.seen = { true, 1, 7, 0 },
		.epoch = 2,
		.number = 8,
		.verdict = ORDER_NEWER,
		.want_epoch = 3,
		.want = 8 },
	{ .name = "a replay to the address before",
		.rec = { OTHER_HA, 2, 500, 0 },
		.seen = { true, 1, 7, 0 },
		.epoch = 2,
		.remembers = true,
		.number = 7,
		.verdict = ORDER_TOO_OLD,
		.want_epoch = 1,
		.want = 7 },
	{ .name = "the record is not the newest: seen elsewhere in a later epoch",
		.rec = { SAME_HA, 2, 7, 0 },
		.epoch = 3,
		.number = 8,
		.verdict = ORDER_NEWER,
		.want_epoch = 4,
		.want = 8 },

	{ .name = "de-registration at another address",
		.rec = { OTHER_HA, 2, 500, 0 },
		.seen = { true, 1, 7, 0 },
		.epoch = 2,
		.is_dereg = true,
		.number = 8,
		.verdict = ORDER_ELSEWHERE,
		.want_epoch = 1,
		.want = 8 },
	{ .name = "the same, nothing was seen there",
		.rec = { OTHER_HA, 2, 500, 0 },
		.epoch = 2,
		.is_dereg = true,
		.number = 8,
		.verdict = ORDER_ELSEWHERE,
		.want_epoch = 0,
		.want = 8 },
	{ .name = "the same, replayed",
		.rec = { OTHER_HA, 2, 500, 0 },
		.seen = { true, 1, 7, 0 },
		.epoch = 2,
		.remembers = true,
		.is_dereg = true,
		.number = 7,
		.verdict = ORDER_TOO_OLD,
		.want_epoch = 1,
		.want = 7 },
	{ .name = "at another address than what is over",
		.rec = { TOMB_OTHER, 2, 500, 0 },
		.epoch = 2,
		.is_dereg = true,
		.number = 8,
		.verdict = ORDER_NEWER,
		.want_epoch = 3,
		.want = 8 },
	{ .name = "de-registration where it is registered",
		.rec = { SAME_HA, 2, 500, 0 },
		.epoch = 2,
		.is_dereg = true,
		.number = 501,
		.verdict = ORDER_NEWER,
		.want_epoch = 2,
		.want = 501 },

	{ .name = "the first timestamp",
		.by = RECORD_BY_STAMP,
		.number = 1ULL << 40,
		.verdict = ORDER_NEWER,
		.want_epoch = 1,
		.want = 1ULL << 40 },
	{ .name = "a later timestamp",
		.rec = { SAME_HA, 1, 100, RECORD_BY_STAMP },
		.by = RECORD_BY_STAMP,
		.number = 101,
		.verdict = ORDER_NEWER,
		.want_epoch = 1,
		.want = 101 },
	{ .name = "the same timestamp",
		.rec = { SAME_HA, 1, 100, RECORD_BY_STAMP },
		.by = RECORD_BY_STAMP,
		.number = 100,
		.verdict = ORDER_TOO_OLD,
		.want_epoch = 1,
		.want = 100 },
	{ .name = "timestamps are always remembered",
		.seen = { true, 1, 100, RECORD_BY_STAMP },
		.by = RECORD_BY_STAMP,
		.number = 99,
		.verdict = ORDER_TOO_OLD,
		.want_epoch = 1,
		.want = 100 },
	{ .name = "a new era",
		.rec = { SAME_HA, 1, LATE_ERA, RECORD_BY_STAMP },
		.by = RECORD_BY_STAMP,
		.number = FIRST_ERA,
		.verdict = ORDER_NEWER,
		.want_epoch = 2,
		.want = FIRST_ERA },
	{ .name = "a replay from the era before",
		.rec = { SAME_HA, 2, FIRST_ERA, RECORD_BY_STAMP },
		.by = RECORD_BY_STAMP,
		.number = LATE_ERA,
		.verdict = ORDER_TOO_OLD,
		.want_epoch = 2,
		.want = FIRST_ERA },

	{ .name = "from numbers to timestamps",
		.rec = { SAME_HA, 1, 500, RECORD_BY_SEQUENCE },
		.by = RECORD_BY_STAMP,
		.number = 3,
		.verdict = ORDER_NEWER,
		.want_epoch = 2,
		.want = 3 },
	{ .name = "from timestamps to numbers",
		.rec = { SAME_HA, 1, 1ULL << 60, RECORD_BY_STAMP },
		.seen = { true, 1, 1ULL << 60, RECORD_BY_STAMP },
		.by = RECORD_BY_SEQUENCE,
		.number = 3,
		.verdict = ORDER_NEWER,
		.want_epoch = 2,
		.want = 3 },
	{ .name = "the same epoch began with timestamps elsewhere",
		.rec = { SAME_HA, 2, 500, RECORD_BY_SEQUENCE },
		.seen = { true, 2, 1ULL << 60, RECORD_BY_STAMP },
		.by = RECORD_BY_SEQUENCE,
		.number = 501,
		.verdict = ORDER_NEWER,
		.want_epoch = 3,
		.want = 501 },
	{ .name = "epochs are used up",
		.rec = { OTHER_HA, UINT32_MAX, 3, RECORD_BY_SEQUENCE },
		.number = 4,
		.verdict = ORDER_NEWER,
		.want_epoch = UINT32_MAX,
		.want = 4 },
	{ .name = "64 bits are used up",
		.rec = { SAME_HA, 1, UINT64_MAX, RECORD_BY_SEQUENCE },
		.number = 3,
		.verdict = ORDER_NEWER,
		.want_epoch = 2,
		.want = 3 },
};

static void judge(unsigned i, enum order_verdict *verdict, struct order_result *out)
{
	struct content_version content = { .epoch = rows[i].rec.epoch,
		.ext_seq = rows[i].rec.ext_seq };
	struct seen_value seen = { .epoch = rows[i].seen.epoch,
		.ext_seq = rows[i].seen.ext_seq,
		.order = (uint8_t)rows[i].seen.order };
	struct order_facts f = {
		.content = rows[i].rec.kind != NO_RECORD ? &content : NULL,
		.order = rows[i].rec.order,
		.is_live = rows[i].rec.kind == SAME_HA || rows[i].rec.kind == OTHER_HA,
		.is_same_ha = rows[i].rec.kind == SAME_HA || rows[i].rec.kind == TOMB_SAME,
		.seen = rows[i].seen.is_there ? &seen : NULL,
		.epoch = rows[i].epoch,
		.remembers = rows[i].remembers,
		.is_deregistration = rows[i].is_dereg,
		.by = rows[i].by,
		.number = rows[i].number,
	};

	*verdict = order_judge(&f, out);
}

static void test_rules(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DIM(rows); i++) {
		enum order_verdict verdict;
		struct order_result out;

		judge(i, &verdict, &out);
		if (verdict != rows[i].verdict || out.epoch != rows[i].want_epoch ||
			out.ext_seq != rows[i].want)
			fail_msg("%s: %d (%u, 0x%llx)", rows[i].name, verdict, out.epoch,
				(unsigned long long)out.ext_seq);
	}
}

/* Whatever is accepted is newer than the record and than all that was seen. */
static void test_forward(void **state)
{
	uint64_t rng = rng_start("order");
	unsigned accepted = 0;

	(void)state;
	for (unsigned i = 0; i < 1000000; i++) {
		struct content_version c = { .epoch = 1 + (uint32_t)rng_below(&rng, 3),
			.ext_seq = rng_next(&rng) >> rng_below(&rng, 64),
			.hlc = rng_next(&rng) };
		struct seen_value v = { .epoch = 1 + (uint32_t)rng_below(&rng, 3),
			.ext_seq = c.ext_seq + rng_below(&rng, 7) - 3,
			.order = rng_below(&rng, 2) & 1 };
		struct order_facts f = {
			.content = rng_below(&rng, 4) ? &c : NULL,
			.order = rng_below(&rng, 2) & 1,
			.is_live = rng_below(&rng, 2),
			.is_same_ha = rng_below(&rng, 2),
			.seen = rng_below(&rng, 4) ? &v : NULL,
			.epoch = (uint32_t)rng_below(&rng, 4),
			.remembers = rng_below(&rng, 2),
			.is_deregistration = rng_below(&rng, 4) == 0,
			.by = rng_below(&rng, 2) & 1,
		};
		struct order_result out;
		struct content_version made;

		f.number = f.by == RECORD_BY_STAMP ? c.ext_seq + rng_below(&rng, 9) - 4
						   : rng_next(&rng) & 0xffff;
		if (order_judge(&f, &out) != ORDER_NEWER)
			continue;
		accepted++;
		made = order_content(&out, 0, 1);
		assert_true(f.content == NULL || content_version_cmp(&made, &c) > 0);
		assert_true(f.seen == NULL || out.epoch > v.epoch ||
			    (out.epoch == v.epoch && out.ext_seq > v.ext_seq));
		assert_true(out.epoch >= f.epoch && out.epoch > 0);
		if (f.by == RECORD_BY_SEQUENCE)
			assert_int_equal(out.ext_seq & 0xffff, f.number);
	}
	assert_in_range(accepted, 300000, 1000000);
}

/* A claim on a newer update beats whatever was raised on an older one. */
static void test_claims(void **state)
{
	struct order_result older = { .epoch = 1, .ext_seq = 5 },
			    newer = { .epoch = 1, .ext_seq = 6 };
	struct content_version c = order_content(&older, 99, 7), c2 = order_content(&newer, 1, 3);
	struct owner_version o = order_claim(&c), o2 = order_claim(&c2), before;

	(void)state;
	assert_int_equal(c.hlc, 99);
	assert_int_equal(c.node, 7);
	assert_int_equal(o.node, 7);
	assert_int_equal(o.term, 0);
	for (unsigned i = 0; i < 1000; i++) {
		before = o;
		o = order_raise(&o, (uint8_t)(1 + i % 255));
		assert_true(owner_version_cmp(&o, &before) > 0);
		assert_int_equal(o.node, 1 + i % 255);
	}
	assert_true(owner_version_cmp(&o2, &o) > 0);
	o.term = OWNER_TERM_MAX;
	o = order_raise(&o, 9);
	assert_int_equal(o.term, OWNER_TERM_MAX);
	assert_int_equal(o.node, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_forward),
		cmocka_unit_test(test_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
