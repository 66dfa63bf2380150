/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "records/version.h"
#include "rng.h"

static void test_unwrap(void **state)
{
	static const struct {
		uint64_t last;
		uint16_t seq;
		uint64_t want;
	} rows[] = {
		{ 0, 1, 1 },
		{ 0, 65535, 65535 },
		{ 0, 0, 65536 }, /* any accepted number is newer, the same one too */
		{ 65535, 0, 65536 },
		{ 65536, 1, 65537 },
		{ 65536, 0, 131072 },
		{ 0x1fffe, 0xfffd, 0x2fffd },
		{ 0xffff00000005ULL, 4, 0xffff00010004ULL },
	};

	(void)state;
	for (unsigned i = 0; i < DIM(rows); i++)
		assert_int_equal(version_unwrap(rows[i].last, rows[i].seq), rows[i].want);
}

/* Each field outweighs all behind it; equal is equal. */
static void test_order(void **state)
{
	static const struct content_version content[] = {
		{ .node = 1 },
		{ .node = 2 },
		{ .hlc = 1, .node = 1 },
		{ .ext_seq = 1, .hlc = 0, .node = 0 },
		{ .ext_seq = 1, .hlc = 7, .node = 9 },
		{ .ext_seq = 1ULL << 40, .hlc = 0, .node = 0 },
		{ .epoch = 1 },
		{ .epoch = 1, .ext_seq = 3, .hlc = 1 },
		{ .epoch = UINT32_MAX },
	};
	static const struct owner_version owner[] = {
		{ .node = 1 },
		{ .node = 2 },
		{ .term = 1, .node = 1 },
		{ .ext_seq = 1 },
		{ .ext_seq = 1, .term = 9, .node = 9 },
		{ .ext_seq = 1ULL << 40 },
		{ .epoch = 1 },
		{ .epoch = UINT32_MAX },
	};

	(void)state;
	for (unsigned i = 0; i < DIM(content); i++)
		for (unsigned k = 0; k < DIM(content); k++)
			assert_int_equal(
				content_version_cmp(&content[i], &content[k]), (i > k) - (i < k));
	for (unsigned i = 0; i < DIM(owner); i++)
		for (unsigned k = 0; k < DIM(owner); k++)
			assert_int_equal(
				owner_version_cmp(&owner[i], &owner[k]), (i > k) - (i < k));
}

/* Not back while it is near the clock, never far ahead of it: neither because of another, nor
 * because the clock once was. */
static void test_hlc(void **state)
{
	struct hlc h = { 0 };
	uint64_t now = 1000000, seed = rng_start("hlc"), before = 0;

	(void)state;
	assert_int_equal(hlc_tick(&h, now), now << 16);
	assert_int_equal(hlc_tick(&h, now), (now << 16) + 1);
	hlc_hear(&h, (now + 100) << 16, now);
	assert_int_equal(hlc_tick(&h, now), ((now + 100) << 16) + 1);
	hlc_hear(&h, UINT64_MAX, now);
	assert_int_equal(hlc_tick(&h, now), ((now + HLC_AHEAD_MS) << 16) + 1);
	assert_int_equal(hlc_tick(&h, now + HLC_AHEAD_MS + 1), (now + HLC_AHEAD_MS + 1) << 16);
	now *= 1000; /* it goes back more than forth */
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t r = rng_next(&seed), tick;

		now = now + r % 3 - (r % 64 == 0 ? 900 : 0); /* steps of the clock, back too */
		if (r & 1ULL << 40)
			hlc_hear(&h, (now + (r >> 48) % 2000 - 1000) << 16, now);
		tick = hlc_tick(&h, now);
		assert_true(tick > before || before >> 16 > now + HLC_AHEAD_MS);
		assert_true(tick >> 16 <= now + HLC_AHEAD_MS);
		before = tick;
	}
}

/* A clock that was far ahead, and is put right. */
static void test_hlc_comes_back(void **state)
{
	const uint64_t now = 1000000, day = 86400000;
	struct hlc h = { 0 };
	uint64_t far = hlc_tick(&h, now + 2 * day);

	(void)state;
	assert_int_equal(hlc_tick(&h, now), now << 16);
	assert_int_equal(hlc_tick(&h, now), (now << 16) + 1);
	/* what was made under it can be changed all the same */
	assert_int_equal(hlc_tick_above(&h, far, now), far + 1);
	assert_int_equal(hlc_tick_above(&h, far + 1, now), far + 2);
	assert_int_equal(hlc_tick_above(&h, 5, now + 1), (now + 1) << 16);
	/* but what is not believed is not outbid */
	assert_int_equal(hlc_tick_above(&h, HLC_MOST - 1, now), HLC_MOST);
	assert_true(hlc_tick_above(&h, HLC_MOST, now) < (now + 2) << 16);
	assert_true(hlc_tick_above(&h, UINT64_MAX, now) < (now + 2) << 16);
	/* a step back of less goes on */
	far = hlc_tick(&h, now + 10);
	assert_int_equal(hlc_tick(&h, now + 10 - HLC_AHEAD_MS), far + 1);
	assert_int_equal(hlc_tick(&h, now + 9 - HLC_AHEAD_MS), (now + 9 - HLC_AHEAD_MS) << 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unwrap),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_hlc),
		cmocka_unit_test(test_hlc_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
