/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "common/progress.h"

static void test_still(void **state)
{
	struct progress p = { 0 };

	(void)state;
	assert_int_equal(progress_look(&p, 0, 5000, 100), 0); /* the first look */
	assert_int_equal(progress_look(&p, 0, 5040, 100), 40);
	assert_int_equal(progress_look(&p, 0, 5100, 100), 100);
	assert_int_equal(progress_look(&p, 1, 5200, 100), 0);
	assert_int_equal(progress_look(&p, 1, 5300, 100), 100);
	assert_int_equal(progress_look(&p, 0, 5310, 100), 0); /* whatever it is, it is another */
}

/* What the looker did not live does not count. */
static void test_frozen(void **state)
{
	struct progress p = { 0 };

	(void)state;
	progress_look(&p, 7, 1000, 100);
	assert_int_equal(progress_look(&p, 7, 61000, 100), 100);
	assert_int_equal(progress_look(&p, 7, 61050, 100), 150);
	assert_int_equal(progress_look(&p, 8, 61060, 100), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_still),
		cmocka_unit_test(test_frozen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
