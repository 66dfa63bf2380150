/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes wrong in one domain of two sites leaves their other domain alone. */
#include "engine_world.h"

static int tear_down(void **state)
{
	(void)state;
	close_world();
	return 0;
}

/* Rounds of one domain that site 2 does not answer, whether or not hello says that it is there. */
static void check_return(bool is_heard_of)
{
	const struct peer *p;

	open_world(2, "engine_no_answer");
	world.has_other[1] = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	world.all_say_other = is_heard_of;
	p = world.site[1].e->peer[2];
	/* one is wanted, and not under way: who restarts does not end it */
	RUN_UNTIL(p->round.domain == NOBODY && p->want_round & 1, 2 * REPAIR_MS);
	stop_site(2);
	run(500);
	start_site(2);
	RUN_UNTIL(all_say(NEXT_READY) && next_is_live(&world.site[1].view, 2), 10000);
}

static void test_return_beside_silence(void **state)
{
	(void)state;
	check_return(false);
	close_world();
	check_return(true);
}

/* ... and the rounds in the background go on. */
static void check_background(bool is_heard_of)
{
	struct engine_peer_info info;
	uint64_t rounds;

	open_world(2, "engine_no_answer");
	world.has_other[1] = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	world.all_say_other = is_heard_of;
	run(2000);
	assert_int_equal(engine_peer_info(world.site[1].e, 2, &info), 0);
	rounds = info.rounds;
	run(3 * REPAIR_MS);
	assert_int_equal(engine_peer_info(world.site[1].e, 2, &info), 0);
	assert_in_range(info.rounds - rounds, 2, 3);
}

static void test_background_beside_silence(void **state)
{
	(void)state;
	check_background(false);
	close_world();
	check_background(true);
}

/* A domain that always wants another round leaves their turns to the others. */
static void test_turns(void **state)
{
	struct engine *e;
	uint64_t begun_ms;

	(void)state;
	open_world(2, "engine_turns");
	world.has_other[1] = world.has_other[2] = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(2000);
	e = world.site[1].e;
	begun_ms = world.now_ms;
	repair_want(e, domain_by_number(e, DOMAIN), 2);
	do {
		assert_true(world.now_ms < begun_ms + 1000);
		repair_want(e, domain_by_number(e, OTHER), 2);
		step();
	} while (e->peer[2]->round.domain != domain_by_number(e, DOMAIN)->index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_return_beside_silence, tear_down),
		cmocka_unit_test_teardown(test_background_beside_silence, tear_down),
		cmocka_unit_test_teardown(test_turns, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
