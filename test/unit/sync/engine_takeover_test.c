/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is there, who takes over, who gives back. */
#include "engine_world.h"

#define MNS 60

static int tear_down(void **state)
{
	(void)state;
	close_world();
	return 0;
}

static void open_ready(uint8_t sites)
{
	open_world(sites, "engine_takeover");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(300);
}

/* All mobile nodes with site 1, everybody has them. */
static void register_all(uint8_t node, uint8_t ha)
{
	for (unsigned mn = 0; mn < MNS; mn++)
		assert_int_equal(update(node, mn, ha, mn, 1, 600, 1 + mn), ENGINE_WAITS);
	RUN_UNTIL(is_converged(), 1000);
}

static unsigned owned(uint8_t at_node, uint8_t owner)
{
	unsigned n = 0;

	for (unsigned mn = 0; mn < MNS; mn++)
		n += owner_at(at_node, mn) == owner;
	return n;
}

static void test_takeover(void **state)
{
	unsigned two, three;

	(void)state;
	open_ready(3);
	register_all(1, 1);
	assert_int_equal(owned(2, 1), MNS);
	run(1000);
	stop_site(1);
	/* at once, without a word between them: next[][] */
	step();
	for (unsigned b = 0; b < NEXT_BUCKETS; b++)
		assert_int_equal(world.site[2].next.hop[1][b], world.site[3].next.hop[1][b]);
	RUN_UNTIL(is_converged() && owned(2, 1) == 0, 1000);
	two = owned(3, 2);
	three = owned(2, 3);
	assert_int_equal(two + three, MNS);
	assert_in_range(two, 1, MNS - 1);
	assert_int_equal(world.site[2].took, two);
	assert_int_equal(world.site[3].took, three);
	/* the granted lifetime began anew */
	for (unsigned mn = 0; mn < MNS; mn++)
		assert_true(at(owner_at(2, mn), mn)->ends_ms >= world.now_ms + 600000 - 1000);
}

/* A newer registration beats a claim that was made on an older one. */
static void test_cut_heals(void **state)
{
	(void)state;
	open_ready(2);
	register_all(1, 1);
	world.cut[1][2] = world.cut[2][1] = true;
	run(100);
	assert_int_equal(owned(2, 2), MNS);
	assert_int_equal(owned(1, 1), MNS);
	assert_int_equal(update(1, 0, 1, 500, 2, 600, 200), ENGINE_ALONE);
	run(100);
	world.cut[1][2] = world.cut[2][1] = false;
	RUN_UNTIL(is_converged() && world.site[1].events[ENGINE_EV_RETURNED] > 0 &&
			  world.site[2].events[ENGINE_EV_RETURNED] > 0,
		3000);
	assert_true(has(2, 0, 500));
	assert_int_equal(owner_at(1, 0), 1);
	assert_int_equal(owner_at(2, 0), 1);
	for (unsigned mn = 1; mn < MNS; mn++)
		assert_int_equal(owner_at(1, mn), 2);
	/* claims end: nobody robs who is back */
	{
		unsigned took = world.site[1].took + world.site[2].took;

		run(3000);
		assert_int_equal(world.site[1].took + world.site[2].took, took);
	}
}

/* Kept out until a digest round is complete, then in; its own bindings are handed back. */
static void test_return(void **state)
{
	(void)state;
	open_world(3, "engine_return");
	world.is_unicast = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(300);
	register_all(1, 1);
	stop_site(1);
	RUN_UNTIL(owned(2, 1) == 0, 1000);
	run(1000);
	start_site(1);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 3000);
	assert_int_equal(owned(1, 1), 0);
	step();
	if (world.site[2].events[ENGINE_EV_RETURNED] == 0)
		assert_int_equal(world.site[2].view.site[1].says, NEXT_JOINING);
	RUN_UNTIL(owned(1, 1) == MNS && owned(2, 1) == MNS && owned(3, 1) == MNS, 2000);
	assert_int_equal(world.site[2].handed + world.site[3].handed, MNS);
	RUN_UNTIL(is_converged(), 2000);
}

/* One of the others does not hear it: it is let in there by a round with the third one, which is all
 * the way that there is. */
static void test_return_of_one_cut_off(void **state)
{
	(void)state;
	open_world(3, "engine_return");
	world.is_unicast = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(300);
	register_all(1, 1);
	stop_site(1);
	RUN_UNTIL(owned(2, 1) == 0 && owned(3, 1) == 0, 1000);
	run(1000);
	world.cut[1][2] = world.cut[2][1] = true;
	start_site(1);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 5000);
	run(5);
	assert_int_equal(world.site[2].view.site[1].says, NEXT_JOINING);
	RUN_UNTIL(world.site[2].view.site[1].says == NEXT_READY, 2000);
	assert_int_equal(world.site[2].view.site[1].reach, NEXT_CUT_OFF);
	RUN_UNTIL(owned(1, 1) == MNS && owned(2, 1) == MNS && owned(3, 1) == MNS, 2000);
	RUN_UNTIL(is_converged(), 2000);
}

/* Handed back by a site that has heard that it serves; another one has not, and takes nothing before
 * it has had time to. */
static void test_return_heard_late(void **state)
{
	unsigned took;

	(void)state;
	open_world(3, "engine_return_late");
	world.is_unicast = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(300);
	register_all(1, 1);
	stop_site(1);
	RUN_UNTIL(owned(2, 1) == 0, 1000);
	for (unsigned mn = 0; mn < MNS; mn++)
		assert_int_equal(update(2, mn, 1, 100 + mn, 2, 600, 100 + mn), ENGINE_WAITS);
	RUN_UNTIL(is_converged(), 1000);
	took = world.site[3].took;
	world.is_late[3][1] = true;
	start_site(1);
	RUN_UNTIL(owned(2, 1) == MNS && owned(3, 1) == MNS, 5000);
	run(1000);
	assert_int_equal(world.site[3].took, took);
	assert_int_equal(owned(1, 1), MNS);
	run(RECLAIM_MS);
	assert_in_range(world.site[3].took - took, 1, MNS);
	world.is_late[3][1] = false;
	RUN_UNTIL(owned(1, 1) == MNS && is_converged(), 3000);
}

/* Where all sites have one address, who took over keeps it until the mobile node is heard again. */
static void test_return_in_shared_mode(void **state)
{
	unsigned two;

	(void)state;
	open_ready(3);
	register_all(1, 1);
	stop_site(1);
	RUN_UNTIL(is_converged() && owned(2, 1) == 0, 1000);
	two = owned(2, 2);
	run(1000);
	start_site(1);
	RUN_UNTIL(world.site[1].says == NEXT_READY &&
			  world.site[2].events[ENGINE_EV_RETURNED] > 0 &&
			  world.site[3].events[ENGINE_EV_RETURNED] > 0,
		5000);
	run(3000);
	assert_int_equal(owned(1, 1), 0);
	assert_int_equal(owned(1, 2), two);
	assert_int_equal(owned(1, 3), MNS - two);
	assert_int_equal(world.site[2].handed + world.site[3].handed, 0);
	assert_int_equal(update(1, 0, 1, 500, 2, 600, 200), ENGINE_WAITS);
	RUN_UNTIL(is_converged() && owner_at(2, 0) == 1 && owner_at(3, 0) == 1, 1000);
	assert_int_equal(owned(2, 1), 1);
}

/* The round that it is kept out for begins before its new life is known, which ends it: then there
 * is another one, though nothing else happens any more. */
static void test_return_of_another(void **state)
{
	(void)state;
	open_ready(3);
	register_all(2, 2);
	for (uint8_t n = 2; n <= 3; n++)
		world.cut[1][n] = world.cut[n][1] = true;
	run(1000);
	stop_site(1);
	start_site(1);
	assert_int_equal(engine_force_ready(world.site[1].e, DOMAIN, world.now_ms), 0);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 100);
	memset(world.cut, 0, sizeof(world.cut));
	RUN_UNTIL(world.site[2].view.site[1].says == NEXT_READY &&
			  world.site[3].view.site[1].says == NEXT_READY,
		3000);
	RUN_UNTIL(is_converged(), 2000);
}

/* Another one that goes and comes puts a takeover off, but not for long. */
static void test_takeover_is_due(void **state)
{
	uint64_t gone_ms;

	(void)state;
	open_ready(4);
	register_all(1, 1);
	run(1000);
	stop_site(1);
	step();
	gone_ms = world.now_ms;
	for (unsigned i = 0; i < 2; i++) {
		run(400);
		world.site[3].is_frozen = true;
		run(50);
		world.site[3].is_frozen = false;
		RUN_UNTIL(next_is_ready(&world.site[2].view, 3), 300);
	}
	assert_in_range(world.now_ms, gone_ms + 900, gone_ms + 999);
	world.site[3].is_frozen = true;
	while (world.now_ms < gone_ms + SETTLE_MAX_MS + 2 * LAZY_MS)
		step();
	assert_int_equal(owned(2, 1), 0);
	assert_int_equal(owned(4, 1), 0);
}

static void test_no_room_pauses(void **state)
{
	(void)state;
	open_ready(2);
	register_all(1, 1);
	world.site[2].has_no_room = true;
	stop_site(1);
	run(500);
	assert_int_equal(owned(2, 1), MNS);
	world.site[2].has_no_room = false;
	RUN_UNTIL(owned(2, 2) == MNS, 100);
}

/* There is nobody to tell it to: the walk has all of a turn, and is made once. What it changes is told
 * ahead. */
static void test_takeover_in_a_turn(void **state)
{
	struct engine_domain_info info;

	(void)state;
	open_ready(2);
	for (unsigned mn = 0; mn < 200; mn++)
		update(1, mn, 1, mn, 1, 600, 1 + mn);
	RUN_UNTIL(is_converged(), 1000);
	assert_int_equal(world.site[2].ahead, 200); /* as it heard of them */
	world.site[2].ahead = 0;
	stop_site(1);
	tell_views();
	engine_turn(world.site[2].e, world.now_ms, WALL + world.now_ms, 256);
	assert_int_equal(world.site[2].took, 200);
	assert_int_equal(world.site[2].ahead, 200);
	assert_int_equal(engine_domain_info(world.site[2].e, DOMAIN, &info), 0);
	assert_int_equal(info.walk_left, 0);
}

/* A turn takes over no more than it is told to look at; the next ones go on. */
static void test_takeover_in_slices(void **state)
{
	unsigned turns = 0, before;

	(void)state;
	open_ready(2);
	for (unsigned mn = 0; mn < 200; mn++)
		update(1, mn, 1, mn, 1, 600, 1 + mn);
	RUN_UNTIL(is_converged(), 1000);
	stop_site(1);
	tell_views();
	do {
		before = world.site[2].took;
		engine_turn(world.site[2].e, world.now_ms, WALL + world.now_ms, 16);
		assert_true(world.site[2].took - before <= 16);
	} while (++turns < 200 && world.site[2].took < 200);
	assert_int_equal(world.site[2].took, 200);
	assert_in_range(turns, 200 / 16, 100);
}

static void test_expiry(void **state)
{
	(void)state;
	open_ready(2);
	update(1, 1, 1, 1, 1, 4, 1);
	run(3990);
	assert_non_null(at(1, 1));
	run(20);
	assert_null(at(1, 1));
	assert_non_null(at(2, 1)); /* not its owner: kept for a while */
	assert_true(is_converged());
	run(300 + 5000 - 200); /* dead-ms and 5 s */
	assert_non_null(at(2, 1));
	assert_true(is_converged());
	run(200 + 1500);
	assert_null(at(2, 1));
}

/* Past its time elsewhere, its owner gone: a takeover still finds it. */
static void test_takeover_of_the_past(void **state)
{
	uint64_t none;

	(void)state;
	open_ready(2);
	none = digest_of(2);
	update(1, 1, 1, 1, 1, 4, 1);
	run(3000);
	assert_int_not_equal(digest_of(2), none);
	/* its refreshes are acknowledged at once, and get lost with the site */
	world.loss_percent = 100;
	for (uint16_t seq = 2; seq < 4; seq++) {
		assert_int_equal(update(1, 1, 1, 1, seq, 4, seq), ENGINE_HELD);
		run(3000);
	}
	assert_true(has(2, 1, 1));
	assert_true(at(2, 1)->ends_ms + 4000 < world.now_ms);
	assert_int_equal(digest_of(2), none);
	engine_soft(world.site[2].e, at(2, 1), world.now_ms); /* nor by a change of it */
	assert_int_equal(digest_of(2), none);
	assert_int_equal(owner_at(2, 1), 1);
	stop_site(1);
	RUN_UNTIL(owner_at(2, 1) == 2, 100);
	assert_true(at(2, 1)->ends_ms >= world.now_ms + 3800);
	assert_int_not_equal(digest_of(2), none);
}

/* Its bindings reached site 2 alone, and site 1 hears of them only when all is taken over: those that
 * it succeeds to it takes over as they come. */
static void test_takeover_of_late_records(void **state)
{
	unsigned one;

	(void)state;
	open_ready(3);
	run(2000);
	world.cut[3][1] = true; /* one way, and hello has not noticed */
	for (unsigned mn = 0; mn < MNS; mn++)
		update(3, mn, 1, mn, 1, 600, 1 + mn);
	run_unseen(30);
	assert_int_equal(owned(2, 3), MNS);
	assert_null(at(1, 0));
	stop_site(3);
	world.loss_percent = 100;
	run(SETTLE_MAX_MS + 500);
	one = owned(2, 3);
	assert_in_range(one, 1, MNS - 1);
	assert_int_equal(owned(2, 2), MNS - one);
	assert_int_equal(world.site[1].events[ENGINE_EV_TAKEN_OVER], 0);
	world.loss_percent = 0;
	RUN_UNTIL(at(1, 0) != NULL && is_converged(), 3000);
	assert_int_equal(owned(1, 1), one);
	assert_int_equal(owned(2, 1), one);
	assert_int_equal(world.site[1].took, one);
	assert_int_equal(world.site[1].events[ENGINE_EV_TAKEN_OVER], 0); /* by no walk */
}

static void test_drain(void **state)
{
	(void)state;
	open_ready(3);
	register_all(1, 1);
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), 0);
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), -EALREADY);
	run(10);
	assert_int_equal(world.site[1].says, NEXT_DRAINING);
	assert_int_equal(world.site[2].view.site[1].says, NEXT_DRAINING);
	/* still answers */
	update(1, 0, 1, 77, 2, 600, 300);
	engine_quiet(world.site[1].e, DOMAIN, world.now_ms);
	RUN_UNTIL(world.site[1].says == NEXT_LEFT, 1000);
	assert_int_equal(owned(2, 1), 0);
	assert_int_equal(owned(3, 1), 0);
	/* serves on until all have heard */
	assert_int_equal(world.site[1].view.site[1].says, NEXT_DRAINING);
	engine_left_heard(world.site[1].e, DOMAIN, world.now_ms);
	assert_int_equal(world.site[1].view.site[1].says, NEXT_LEFT);
	run(100);
	assert_int_equal(owned(1, 1), 0);
	assert_int_equal(engine_undrain(world.site[1].e, DOMAIN, world.now_ms), 0);
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 2000);
}

/* It serves on after all, before it has left: site 2 has what it was given, and has said so, the word
 * of site 3 is still on its way. */
static void test_undrain(void **state)
{
	unsigned two;

	(void)state;
	open_world(3, "engine_undrain");
	world.is_unicast = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(300);
	register_all(1, 1);
	world.more_ms[3][1] = 1000;
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), 0);
	run(10);
	engine_quiet(world.site[1].e, DOMAIN, world.now_ms);
	RUN_UNTIL(owned(2, 1) == 0 && owned(3, 1) == 0, 300);
	run(100);
	two = owned(2, 2);
	assert_in_range(two, 1, MNS - 1);
	assert_int_equal(world.site[1].says, NEXT_DRAINING);
	assert_int_equal(engine_undrain(world.site[1].e, DOMAIN, world.now_ms), 0);
	assert_int_equal(world.site[1].says, NEXT_READY);
	RUN_UNTIL(owned(1, 1) == MNS && owned(2, 1) == MNS && owned(3, 1) == MNS, 3000);
	assert_int_equal(world.site[2].handed, two);
	world.more_ms[3][1] = 0;
	RUN_UNTIL(is_converged(), 3000);
	run(1000);
	assert_int_equal(owned(1, 1), MNS);
	assert_int_equal(engine_undrain(world.site[1].e, DOMAIN, world.now_ms), -EALREADY);
}

/* Site 1 alone holds bindings of site 2's, whose word takes long to site 3. Both are
 * gone as soon as the first one may be stopped. */
static void test_drain_of_the_only_copy(void **state)
{
	struct engine *e;

	(void)state;
	open_ready(3);
	run(2000);
	e = world.site[1].e;
	world.more_ms[2][3] = 3000;
	assert_int_equal(update(2, 1, 2, 1, 1, 600, 1), ENGINE_WAITS);
	RUN_UNTIL(world.site[2].committed[1] == ENGINE_HELD, 100);
	assert_int_equal(engine_drain(e, DOMAIN, false, world.now_ms), 0);
	engine_quiet(e, DOMAIN, world.now_ms);
	RUN_UNTIL(world.site[1].says == NEXT_LEFT, 1000);
	assert_null(at(3, 1));
	run(100);
	assert_false(engine_left_is_held(e, DOMAIN));
	/* a round that began before another one came does not count */
	world.more_ms[3][1] = 100;
	repair_want(e, domain_by_number(e, DOMAIN), 3);
	RUN_UNTIL(e->peer[3]->round.domain != NOBODY, 10);
	update(2, 2, 2, 2, 1, 600, 2);
	RUN_UNTIL(has(1, 2, 2), 10);
	engine_left_heard(e, DOMAIN, world.now_ms);
	assert_false(engine_left_is_held(e, DOMAIN));
	RUN_UNTIL(engine_left_is_held(e, DOMAIN), 2000);
	stop_site(1);
	stop_site(2);
	world.cut[2][3] = true;
	run(10);
	assert_true(has(3, 1, 1) && has(3, 2, 2));
	assert_false(engine_left_is_held(world.site[3].e, DOMAIN));
	assert_false(engine_left_is_held(world.site[3].e, 99));
}

/* The same of a site that is ready again, and that no round has brought back to site 1. */
static void test_drain_beside_one_kept_out(void **state)
{
	struct engine *e;

	(void)state;
	open_ready(3);
	run(2000);
	stop_site(3);
	run(500);
	e = world.site[1].e;
	start_site(3);
	for (unsigned ms = 0; ms < 1500; ms++) {
		repair_stop(e->peer[3]);
		e->peer[3]->round_retry_ms[0] = world.now_ms + RETRY_MS;
		step();
	}
	assert_int_equal(world.site[3].says, NEXT_READY);
	assert_int_equal(world.site[1].view.site[3].says, NEXT_JOINING);
	world.more_ms[2][3] = 3000;
	assert_int_equal(update(2, 1, 2, 1, 1, 600, 1), ENGINE_WAITS);
	RUN_UNTIL(world.site[2].committed[1] == ENGINE_HELD, 100);
	assert_int_equal(engine_drain(e, DOMAIN, false, world.now_ms), 0);
	engine_quiet(e, DOMAIN, world.now_ms);
	RUN_UNTIL(world.site[1].says == NEXT_LEFT, 500);
	assert_int_equal(world.site[1].view.site[3].says, NEXT_JOINING);
	engine_left_heard(e, DOMAIN, world.now_ms);
	RUN_UNTIL(engine_left_is_held(e, DOMAIN), 2000);
	assert_true(has(3, 1, 1));
}

/* The other one takes it only later: there are rounds until then, whoever begins them by itself. */
static void test_drain_compares_again(void **state)
{
	(void)state;
	for (uint8_t me = 1; me <= 2; me++) {
		uint8_t other = 3 - me;
		struct engine *e;
		struct record *r;

		open_ready(2);
		register_all(1, 1);
		e = world.site[me].e;
		assert_int_equal(engine_drain(e, DOMAIN, false, world.now_ms), 0);
		engine_quiet(e, DOMAIN, world.now_ms);
		RUN_UNTIL(world.site[me].says == NEXT_LEFT, 1000);
		world.refuser = other;
		world.refused = 3;
		r = at(other, 3);
		digest_drop(domain_by_number(world.site[other].e, DOMAIN)->digest, r);
		changes_del(world.site[other].e->changes, r->handle);
		records_del(world.site[other].rs, r);
		engine_left_heard(e, DOMAIN, world.now_ms);
		run(4500);
		assert_false(engine_left_is_held(e, DOMAIN));
		world.refuser = 0;
		RUN_UNTIL(engine_left_is_held(e, DOMAIN), RETRY_MS + 2000);
		assert_true(has(other, 3, 3));
		close_world();
	}
	open_ready(2);
}

static void test_drain_refused(void **state)
{
	(void)state;
	open_ready(2);
	stop_site(2);
	step();
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), -EHOSTUNREACH);
	assert_int_equal(engine_drain(world.site[1].e, 99, false, world.now_ms), -ENOENT);
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, true, world.now_ms), 0);
	RUN_UNTIL(world.site[1].says == NEXT_LEFT, 2000);
}

/* A ready site that takes nothing: with force it is not waited for longer than drain-wait-ms. */
static void test_drain_forced(void **state)
{
	uint64_t begun_ms;

	(void)state;
	for (unsigned forced_late = 0; forced_late < 2; forced_late++) {
		open_ready(2);
		world.refuser = 2;
		world.refused = 3;
		update(1, 3, 1, 3, 1, 600, 3);
		begun_ms = world.now_ms;
		assert_int_equal(engine_drain(world.site[1].e, DOMAIN, !forced_late, begun_ms), 0);
		if (forced_late) {
			run(5000);
			assert_int_equal(world.site[1].says, NEXT_DRAINING);
			assert_int_equal(
				engine_drain(world.site[1].e, DOMAIN, true, world.now_ms), 0);
			RUN_UNTIL(world.site[1].says == NEXT_LEFT, 100);
		} else {
			RUN_UNTIL(world.site[1].says == NEXT_LEFT, 1200);
			assert_true(world.now_ms - begun_ms >= 1000); /* to be quiet, to be heard */
		}
		assert_int_equal(world.site[1].events[ENGINE_EV_DRAIN_FORCED], 1);
		assert_int_equal(world.site[1].events[ENGINE_EV_DRAINED], 0);
		assert_int_equal(
			engine_drain(world.site[1].e, DOMAIN, true, world.now_ms), -EALREADY);
		engine_left_heard(world.site[1].e, DOMAIN, world.now_ms);
		RUN_UNTIL(engine_left_is_held(world.site[1].e, DOMAIN), 10);
		close_world();
	}
	open_ready(2);
}

static void test_freeze(void **state)
{
	(void)state;
	open_ready(2);
	register_all(1, 1);
	world.site[1].is_frozen = true;
	run(1000);
	assert_int_equal(owned(2, 2), MNS);
	world.site[1].is_frozen = false;
	engine_stall(world.site[1].e, 1000, world.now_ms);
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	assert_false(next_is_live(&world.site[1].view, 1));
	RUN_UNTIL(world.site[1].says == NEXT_READY, 2000);
	assert_int_equal(owned(1, 2), MNS);
	/* less than dead-ms: another peer may wait less, and hello knows which */
	engine_stall(world.site[1].e, 200, world.now_ms);
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 2000);
	/* nobody there: ready again after dead-ms */
	stop_site(2);
	step();
	engine_stall(world.site[1].e, 1000, world.now_ms);
	run(250);
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 150);
}

static void test_all_freeze(void **state)
{
	(void)state;
	open_ready(3);
	for (uint8_t id = 1; id <= 3; id++)
		engine_stall(world.site[id].e, 1000, world.now_ms);
	RUN_UNTIL(all_say(NEXT_READY), 1000);
}

static void test_move(void **state)
{
	struct record *r;

	(void)state;
	open_ready(3);
	register_all(1, 1);
	r = at(1, 5);
	assert_int_equal(engine_move(world.site[1].e, r, 9, world.now_ms, WALL), -EINVAL);
	assert_int_equal(engine_move(world.site[1].e, r, 3, world.now_ms, WALL), 0);
	assert_int_equal(engine_move(world.site[1].e, r, 2, world.now_ms, WALL), -EPERM);
	RUN_UNTIL(owner_at(2, 5) == 3 && owner_at(3, 5) == 3, 300);
	run(500);
	assert_int_equal(owned(2, 3), 1);
}

/* Sites 1 and 2 do not hear each other, site 3 hears both: nothing is taken over, and what one
 * says reaches the other. */
static void test_cut_off(void **state)
{
	(void)state;
	open_ready(3);
	register_all(1, 1);
	world.cut[1][2] = world.cut[2][1] = true;
	run(200);
	assert_int_equal(world.site[2].view.site[1].reach, NEXT_CUT_OFF);
	assert_int_equal(owned(2, 1), MNS);
	update(1, 1, 1, 901, 2, 600, 400);
	update(2, 2, 1, 902, 2, 600, 401);
	update(1, 3, 1, 0, 2, 0, 402);
	RUN_UNTIL(has(2, 1, 901) && has(1, 2, 902), 200);
	assert_int_equal(at(2, 3)->state, RECORD_TOMBSTONE);
	world.cut[1][2] = world.cut[2][1] = false;
	run(1000);
	assert_true(is_converged());
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_teardown(test_takeover, tear_down),
	cmocka_unit_test_teardown(test_cut_heals, tear_down),
	cmocka_unit_test_teardown(test_return, tear_down),
	cmocka_unit_test_teardown(test_return_of_one_cut_off, tear_down),
	cmocka_unit_test_teardown(test_return_heard_late, tear_down),
	cmocka_unit_test_teardown(test_return_in_shared_mode, tear_down),
	cmocka_unit_test_teardown(test_return_of_another, tear_down),
	cmocka_unit_test_teardown(test_takeover_is_due, tear_down),
	cmocka_unit_test_teardown(test_no_room_pauses, tear_down),
	cmocka_unit_test_teardown(test_takeover_in_a_turn, tear_down),
	cmocka_unit_test_teardown(test_takeover_in_slices, tear_down),
	cmocka_unit_test_teardown(test_expiry, tear_down),
	cmocka_unit_test_teardown(test_takeover_of_the_past, tear_down),
	cmocka_unit_test_teardown(test_takeover_of_late_records, tear_down),
	cmocka_unit_test_teardown(test_drain, tear_down),
	cmocka_unit_test_teardown(test_undrain, tear_down),
	cmocka_unit_test_teardown(test_drain_of_the_only_copy, tear_down),
	cmocka_unit_test_teardown(test_drain_beside_one_kept_out, tear_down),
	cmocka_unit_test_teardown(test_drain_compares_again, tear_down),
	cmocka_unit_test_teardown(test_drain_refused, tear_down),
	cmocka_unit_test_teardown(test_drain_forced, tear_down),
	cmocka_unit_test_teardown(test_freeze, tear_down),
	cmocka_unit_test_teardown(test_all_freeze, tear_down),
	cmocka_unit_test_teardown(test_move, tear_down),
	cmocka_unit_test_teardown(test_cut_off, tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
