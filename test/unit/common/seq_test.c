/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "common/seq.h"

/* RFC 6275, 9.5.1, its own example: after 15, 0 to 15 and 32783 to 65535 are not newer. */
static void test_rfc_example(void **state)
{
	(void)state;
	for (uint32_t seq = 0; seq <= UINT16_MAX; seq++)
		assert_int_equal(seq16_is_newer((uint16_t)seq, 15), seq >= 16 && seq <= 32782);
}

/* "the last received number and the preceding 32768 values", counted one by one. */
static void test_model(void **state)
{
	static const uint16_t lasts[] = { 0, 1, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff };

	(void)state;
	for (size_t i = 0; i < DIM(lasts); i++) {
		uint16_t seq = lasts[i];

		for (unsigned back = 0; back <= 32768; back++, seq--)
			assert_false(seq16_is_newer(seq, lasts[i]));
		for (unsigned rest = 0; rest < 32767; rest++, seq--)
			assert_true(seq16_is_newer(seq, lasts[i]));
		assert_int_equal(seq, lasts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_example),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
