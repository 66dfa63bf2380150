/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 7739: no number twice, by whichever sharer, and none that follows from those before. */
#include "test.h"

#include <sodium.h>

#include "common/fragid.h"

static const uint8_t key[FRAGID_KEY_LEN] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
	16 };

static uint16_t round_of(uint8_t round, uint16_t half)
{
	uint8_t in[3] = { round, (uint8_t)(half >> 8), (uint8_t)half }, out[8];

	crypto_shorthash(out, in, 3, key);
	return (uint16_t)(out[0] << 8 | out[1]);
}

/* The way back, round by round: what the count was. */
static uint32_t count_of(uint32_t id)
{
	uint16_t left = (uint16_t)(id >> 16), right = (uint16_t)id;

	for (int round = 7; round >= 0; round--) {
		uint16_t was = right ^ round_of((uint8_t)round, left);

		right = left;
		left = was;
	}
	return (uint32_t)left << 16 | right;
}

/* Three sharers leave one of four residues free, also behind the overflow of 32 bits. */
static void test_sequences(void **state)
{
	(void)state;
	for (uint32_t who = 0; who < 3; who++) {
		struct fragid f;
		uint32_t want = who;

		fragid_init(&f, key, who, 3);
		for (unsigned i = 0; i < 1000; i++, want += 4)
			assert_int_equal(count_of(fragid_next(&f)), want);
		f.count = want = UINT32_MAX - 11 + who;
		for (unsigned i = 0; i < 10; i++, want += 4)
			assert_int_equal(count_of(fragid_next(&f)), want);
		assert_int_equal(f.count % 4, who);
	}
}

static void test_one_sharer(void **state)
{
	struct fragid f;

	(void)state;
	fragid_init(&f, key, 0, 1);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(count_of(fragid_next(&f)), i);
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Differences of neighbours are as distinct as random ones: of n numbers of 32 bits about
 * n^2 / 2^33 occur twice. */
static void test_no_pattern(void **state)
{
	enum { N = 1 << 16 };
	uint32_t *diff = calloc(N, sizeof(*diff)), last, twice = 0;
	struct fragid f;

	(void)state;
	assert_non_null(diff);
	fragid_init(&f, key, 0, 2);
	last = fragid_next(&f);
	for (uint32_t i = 0; i < N; i++) {
		uint32_t id = fragid_next(&f);

		diff[i] = id - last;
		last = id;
	}
	qsort(diff, N, sizeof(*diff), compare);
	for (uint32_t i = 1; i < N; i++)
		twice += diff[i] == diff[i - 1];
	free(diff);
	assert_in_range(twice, 0, 8); /* 0.5 expected */
}

static void test_other_key(void **state)
{
	uint8_t other[FRAGID_KEY_LEN] = { 0 };
	struct fragid a, b;
	unsigned same = 0;

	(void)state;
	fragid_init(&a, key, 0, 1);
	fragid_init(&b, other, 0, 1);
	for (unsigned i = 0; i < 1000; i++)
		same += fragid_next(&a) == fragid_next(&b);
	assert_int_equal(same, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_one_sharer),
		cmocka_unit_test(test_no_pattern),
		cmocka_unit_test(test_other_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
