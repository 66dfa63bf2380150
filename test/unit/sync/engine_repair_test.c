/* SPDX-License-Identifier: BSD-3-Clause */
/* Digest rounds, and what waits for them. */
#include "engine_world.h"

static int tear_down(void **state)
{
	(void)state;
	close_world();
	return 0;
}

static void link_sites(uint8_t a, uint8_t b, bool is_linked)
{
	world.cut[a][b] = world.cut[b][a] = !is_linked;
}

/* Site 1 comes back behind site 3, and is heard itself before the round with that one ends. */
static void test_speaker_changes(void **state)
{
	(void)state;
	open_world(3, "engine_speaker");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(500);
	link_sites(1, 2, false);
	step();
	link_sites(1, 3, false);
	run(1000);
	update(2, 1, 1, 1, 1, 600, 1);
	run(1000);
	link_sites(1, 3, true);
	run(3);
	assert_int_equal(world.site[2].e->domain[0].raw.site[1].reach, NEXT_CUT_OFF);
	assert_false(next_is_live(&world.site[2].view, 1));
	link_sites(1, 2, true);
	RUN_UNTIL(next_is_ready(&world.site[2].view, 1), 1000);
	assert_true(has(1, 1, 1));
	RUN_UNTIL(is_converged(), 1000);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_teardown(test_speaker_changes, tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
