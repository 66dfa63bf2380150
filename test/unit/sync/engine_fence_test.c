/* SPDX-License-Identifier: BSD-3-Clause */
/* What one site, or one domain, may not do to another. */
#include "engine_world.h"

static int tear_down(void **state)
{
	(void)state;
	close_world();
	return 0;
}

static void open_ready(uint8_t sites, const char *name)
{
	open_world(sites, name);
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(300);
}

/* Site 2's clock is 10 s ahead; what site 1 removes all the same stays removed. */
static void test_removed_stays(void **state)
{
	struct record_mesh *m;
	struct record *r;
	uint64_t ahead;

	(void)state;
	open_ready(2, "engine_removed");
	update(2, 1, 1, 1, 1, 600, 1);
	m = mesh_at(2, 1);
	ahead = (WALL + world.now_ms + 10000) << 16;
	m->content.hlc = ahead;
	change_own(world.site[2].e, &world.site[2].e->domain[0], at(2, 1), true);
	RUN_UNTIL(is_converged() && has(1, 1, 1), 300);
	r = at(1, 1);
	records_set(world.site[1].rs, r, RECORD_TOMBSTONE, &r->coa, world.now_ms + 600000);
	engine_touched(world.site[1].e, r, world.now_ms, WALL + world.now_ms);
	assert_int_equal(mesh_at(1, 1)->content.hlc, ahead + 1);
	RUN_UNTIL(is_converged() && at(2, 1)->state == RECORD_TOMBSTONE, 1000);
	assert_int_equal(at(1, 1)->state, RECORD_TOMBSTONE);
	/* our own clock did not follow */
	update(1, 2, 1, 2, 1, 600, 2);
	assert_true(mesh_at(1, 2)->content.hlc < (WALL + world.now_ms + 1000) << 16);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_teardown(test_removed_stays, tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
