/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams and commits: two and three sites over a bad wire. */
#include "engine_world.h"

static int tear_down(void **state)
{
	(void)state;
	close_world();
	return 0;
}

static void open_ready(uint8_t sites)
{
	open_world(sites, "engine");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
}

static void test_registration_arrives(void **state)
{
	(void)state;
	open_ready(2);
	assert_int_equal(update(1, 1, 1, 10, 1, 100, 1), ENGINE_WAITS);
	RUN_UNTIL(world.site[1].committed[1] == ENGINE_HELD, 2 * 5 + 3);
	assert_true(has(2, 1, 10));
	assert_int_equal(owner_at(2, 1), 1);
}

static void test_many_over_a_bad_wire(void **state)
{
	(void)state;
	open_ready(3);
	world.loss_percent = 20;
	world.dup_percent = 5;
	world.jitter_ms = 20;
	for (unsigned round = 1; round <= 20; round++) {
		for (unsigned mn = 0; mn < 100; mn++)
			update((uint8_t)(1 + mn % 3), mn, 1, 1000 * round + mn, (uint16_t)round,
				600, 100 * round + mn);
		run(20);
	}
	RUN_UNTIL(is_converged(), 2000);
	for (uint8_t id = 1; id <= 3; id++)
		for (unsigned mn = 0; mn < 100; mn++)
			assert_true(has(id, mn, 20000 + mn));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_teardown(test_registration_arrives, tear_down),
	cmocka_unit_test_teardown(test_many_over_a_bad_wire, tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
