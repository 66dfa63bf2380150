/* SPDX-License-Identifier: BSD-3-Clause */
/* When the clock is read behind a part of control's turn. */
#include "test.h"

#include "control/ctl_priv.h"

static unsigned reads[TURN_PARTS];

void dp_turn_part(struct dp *dp, enum turn_part part)
{
	(void)dp;
	reads[part]++;
}

static void test_parts(void **state)
{
	static const struct {
		bool did, is_new_ms, is_read;
	} rows[] = {
		{ false, false, false },
		{ true, false, true },
		{ false, true, true }, /* it may have done what it does once in a while */
		{ true, true, true },
	};

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		struct ctl ctl = { .is_new_ms = rows[i].is_new_ms };

		memset(reads, 0, sizeof(reads));
		assert_int_equal(ctl_part(&ctl, TURN_TIMERS, rows[i].did), rows[i].did);
		for (unsigned part = 0; part < TURN_PARTS; part++)
			assert_int_equal(reads[part], part == TURN_TIMERS && rows[i].is_read);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
