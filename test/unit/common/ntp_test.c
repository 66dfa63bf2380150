/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "common/ntp.h"

#define S(n) ((uint64_t)(n) << 32)

static void test_from_unix(void **state)
{
	(void)state;
	assert_true(ntp_from_unix(0, 0) == S(2208988800U));
	assert_true(ntp_from_unix(0, 500000000) == (S(2208988800U) | 0x80000000));
	assert_true(ntp_from_unix(0, 999999999) == (S(2208988800U) | 0xfffffffb));
	/* era 1 begins on 7 February 2036 */
	assert_true(ntp_from_unix(2085978496, 0) == 0);
	assert_true(ntp_is_after(ntp_now(), ntp_from_unix(1700000000, 0)));
}

static void test_compare(void **state)
{
	static const struct {
		uint64_t a, b;
		bool after, close; /* by 7 s */
	} cases[] = {
		{ S(100), S(100), false, true },
		{ S(100) + 1, S(100), true, true },
		{ S(100), S(100) + 1, false, true },
		{ S(107), S(100), true, true },
		{ S(107) + 1, S(100), true, false },
		{ S(93), S(100), false, true },
		{ S(93) - 1, S(100), false, false },
		{ S(2), S(0xfffffffe), true, true }, /* over the end of an era */
		{ S(0xfffffffe), S(2), false, true },
		{ 0, S(100), false, false },
		{ UINT64_MAX, S(100), false, false },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++)
		if (ntp_is_after(cases[i].a, cases[i].b) != cases[i].after ||
			ntp_is_close(cases[i].a, cases[i].b, 7) != cases[i].close)
			fail_msg("case %zu", i);
}

static void test_later(void **state)
{
	static const struct {
		uint64_t a, b, later;
	} cases[] = {
		{ 0, 0, 0 },
		{ 0, S(100), S(100) },
		{ S(100), S(100), S(100) },
		{ S(100), S(101), S(101) },
		{ S(0xfffffffe), S(2), S(2) },
		{ S(1), S(0x80000001), S(0x80000001) }, /* half an era apart */
		{ S(2), S(0x80000001), S(0x80000001) },
		{ S(1), S(0x80000002), S(1) },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++)
		if (ntp_later(cases[i].a, cases[i].b) != cases[i].later ||
			ntp_later(cases[i].b, cases[i].a) != cases[i].later)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_unix),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
