/* SPDX-License-Identifier: BSD-3-Clause */
/* What goes wrong in one domain of two sites leaves their other domain alone. */
#include "engine_world.h"

static int tear_down(void **state)
{
	(void)state;
	close_world();
	return 0;
}

/* How site 2 refuses whatever site 1 tells of the other domain. */
static const struct {
	const char *name;
	bool has_it; /* but no room in it */
} refusals[] = {
	{ "does not have the domain", false },
	{ "has no room in it", true },
};

static void open_refusing(size_t row)
{
	open_world(2, refusals[row].name);
	world.has_other[1] = true;
	world.has_other[2] = refusals[row].has_it;
	start_site(1);
	world.other.max_bindings = 0;
	start_site(2);
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(500);
}

/* One datagram tells of both: what is held of one is held. */
static void check_commit(void)
{
	assert_int_equal(update(1, 1, 1, 1, 1, 600, 1), ENGINE_WAITS);
	update_in(OTHER, 1, 2, 1, 2, 1, 600, 2);
	RUN_UNTIL(world.site[1].committed[1] != ENGINE_WAITS, 100);
	assert_int_equal(world.site[1].committed[1], ENGINE_HELD);
	RUN_UNTIL(world.site[1].committed[2] != ENGINE_WAITS, 100);
	assert_int_equal(world.site[1].committed[2], ENGINE_ALONE);
	assert_true(has(2, 1, 1));
	assert_false(mesh_at(1, 1)->flags & RECORD_ALONE);
}

/* ... and what was given away is with its new owner. */
static void check_move(void)
{
	assert_int_equal(
		engine_move(world.site[1].e, at(1, 1), 2, world.now_ms, WALL + world.now_ms), 0);
	update_in(OTHER, 1, 3, 1, 3, 1, 600, 3);
	run(500);
	assert_int_equal(owner_at(1, 1), 2);
	assert_int_equal(owner_at(2, 1), 2);
	assert_false(mesh_at(1, 1)->flags & RECORD_GIVEN);
	assert_int_equal(world.site[1].took, 0);
}

static void test_refused_in_another(void **state)
{
	(void)state;
	for (size_t row = 0; row < DIM(refusals); row++) {
		open_refusing(row);
		check_commit();
		check_move();
		close_world();
	}
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

/* What survivors compare does not wait for another domain's round, nor for its turn: those follow. */
static void test_haste_comes_first(void **state)
{
	struct domain *d, *other;
	struct peer *p;
	struct engine *e;

	(void)state;
	open_world(2, "engine_haste");
	world.has_other[1] = world.has_other[2] = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(2000);
	e = world.site[1].e;
	p = e->peer[2];
	d = domain_by_number(e, DOMAIN);
	other = domain_by_number(e, OTHER);
	RUN_UNTIL(p->round.domain == NOBODY && p->want_round == 0, 1000);
	p->round_last = d->index; /* it is the other one's turn */
	repair_want(e, other, 2);
	RUN_UNTIL(p->round.domain == other->index, 200);
	p->round_last = d->index;
	repair_want_haste(e, d, 2);
	RUN_UNTIL(p->round.domain == d->index, 100);
	assert_true(p->round.is_hasty);
	RUN_UNTIL(p->round.domain == other->index, 1000);
	assert_false(p->round.is_hasty);
}

/* A site of one domain that comes and goes all the time: another domain's rounds get to their ends
 * all the same. */
static void test_haste_without_end(void **state)
{
	struct domain *d, *other;
	struct peer *p;
	unsigned abandoned = 0;

	(void)state;
	open_world(2, "engine_haste_without_end");
	world.has_other[1] = world.has_other[2] = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(2000);
	p = world.site[1].e->peer[2];
	d = domain_by_number(world.site[1].e, DOMAIN);
	other = domain_by_number(world.site[1].e, OTHER);
	for (unsigned i = 0; i < 2 * HASTES; i++) {
		RUN_UNTIL(p->round.domain == NOBODY && p->want_round == 0, 1000);
		p->round_last = d->index; /* it is the other one's turn */
		repair_want(world.site[1].e, other, 2);
		RUN_UNTIL(p->round.domain == other->index, 200);
		repair_want_haste(world.site[1].e, d, 2);
		step();
		abandoned += p->round.is_hasty;
	}
	assert_in_range(abandoned, 1, HASTES + 1);
	/* that was this domain's share: the other's is its own */
	RUN_UNTIL(p->round.domain == NOBODY && p->want_round == 0, 1000);
	p->round_last = other->index;
	repair_want(world.site[1].e, d, 2);
	RUN_UNTIL(p->round.domain == d->index, 200);
	repair_want_haste(world.site[1].e, other, 2);
	step();
	assert_true(p->round.is_hasty && p->round.domain == other->index);
}

/* ... also where it is compared all the time: other domains get their turns. */
static void test_haste_leaves_turns(void **state)
{
	struct domain *d, *other;
	struct peer *p;
	uint64_t begun_ms;

	(void)state;
	open_world(2, "engine_haste_turns");
	world.has_other[1] = world.has_other[2] = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(2000);
	p = world.site[1].e->peer[2];
	d = domain_by_number(world.site[1].e, DOMAIN);
	other = domain_by_number(world.site[1].e, OTHER);
	RUN_UNTIL(p->round.domain == NOBODY && p->want_round == 0, 1000);
	begun_ms = world.now_ms;
	repair_want(world.site[1].e, other, 2);
	while (p->want_round >> other->index & 1 || p->round.domain == other->index) {
		assert_true(world.now_ms < begun_ms + 1000);
		repair_want_haste(world.site[1].e, d, 2);
		step();
	}
}

/* One that may not begin yet, because the other end is not ready for it, does when it may. */
static void test_haste_later(void **state)
{
	struct domain *d, *other;
	struct peer *p;

	(void)state;
	open_world(2, "engine_haste_later");
	world.has_other[1] = world.has_other[2] = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(2000);
	p = world.site[1].e->peer[2];
	d = domain_by_number(world.site[1].e, DOMAIN);
	other = domain_by_number(world.site[1].e, OTHER);
	RUN_UNTIL(p->round.domain == NOBODY && p->want_round == 0, 1000);
	world.loss_percent = 100; /* that round lasts */
	p->round_last = d->index;
	repair_want(world.site[1].e, other, 2);
	RUN_UNTIL(p->round.domain == other->index, 200);
	p->round_retry_ms[d->index] = world.now_ms + 20;
	repair_want_haste(world.site[1].e, d, 2);
	run(15);
	assert_int_equal(p->round.domain, other->index);
	RUN_UNTIL(p->round.domain == d->index && p->round.is_hasty, 20);
}

/* Who leaves one domain stays in the other. */
static void test_drained_in_one(void **state)
{
	(void)state;
	open_world(2, "engine_drained_in_one");
	world.has_other[1] = world.has_other[2] = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY) && world.site[1].other_says == NEXT_READY &&
			  world.site[2].other_says == NEXT_READY,
		3000);
	run(500);
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), 0);
	RUN_UNTIL(world.site[1].says == NEXT_LEFT, 3000);
	assert_int_equal(world.site[1].other_says, NEXT_READY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_refused_in_another, tear_down),
		cmocka_unit_test_teardown(test_return_beside_silence, tear_down),
		cmocka_unit_test_teardown(test_background_beside_silence, tear_down),
		cmocka_unit_test_teardown(test_turns, tear_down),
		cmocka_unit_test_teardown(test_haste_comes_first, tear_down),
		cmocka_unit_test_teardown(test_haste_without_end, tear_down),
		cmocka_unit_test_teardown(test_haste_leaves_turns, tear_down),
		cmocka_unit_test_teardown(test_haste_later, tear_down),
		cmocka_unit_test_teardown(test_drained_in_one, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
