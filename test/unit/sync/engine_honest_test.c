/* SPDX-License-Identifier: BSD-3-Clause */
/* Between honest sites: who takes over, what comes back, what waits for what. */
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

static void register_some(uint8_t node, unsigned count)
{
	for (unsigned mn = 0; mn < count; mn++) {
		update(node, mn, node, mn, 1, 600, 1 + mn);
		if (mn % 20 == 0)
			run(5);
	}
	run(300);
}

static unsigned owned_by(uint8_t node, unsigned count)
{
	unsigned n = 0;

	for (unsigned mn = 0; mn < count; mn++)
		n += at(1, mn) != NULL && owner_at(1, mn) == node;
	return n;
}

/* --- who takes over --- */

static const uint8_t *claimers(uint8_t node)
{
	return world.site[node].e->domain[0].claimer;
}

static const uint8_t *successors(uint8_t node)
{
	return world.site[node].e->domain[0].successor;
}

/* While a site is back at some and not yet at others, all name the same one for a dead site's. */
static void test_one_claimer(void **state)
{
	(void)state;
	open_ready(4, "engine_claimer");
	for (uint8_t n = 1; n < 4; n++)
		world.cut[n][4] = world.cut[4][n] = true;
	run(1000);
	for (uint8_t n = 1; n < 4; n++)
		world.cut[n][4] = world.cut[4][n] = false;
	world.loss_percent = 100; /* no round with it is complete... */
	run(50);
	/* ... but at site 1 */
	view_round_done(world.site[1].e, &world.site[1].e->domain[0], world.site[1].e->peer[4],
		world.now_ms);
	assert_memory_not_equal(successors(1), successors(2), NEXT_BUCKETS);
	for (uint8_t n = 2; n <= 4; n++)
		assert_memory_equal(claimers(1), claimers(n), NEXT_BUCKETS);
}

static unsigned next_of_site_2(unsigned *mn)
{
	while (owner_at(1, *mn) != 2)
		++*mn;
	return (*mn)++;
}

/* As if site 4 had never heard of the claim of site 2. */
static void claim_astray(unsigned mn)
{
	mesh_at(4, mn)->owner.node = 3;
	mesh_at(4, mn)->owner.term = 0;
	mesh_at(1, mn)->owner = mesh_at(4, mn)->owner;
	assert_true(change_owner(world.site[4].e, &world.site[4].e->domain[0], at(4, mn), 4));
}

/* Site 3 dies. What its successor takes over is right, what another one claims is noticed: once
 * all have known of it for long enough to be of one mind. */
static void test_stray_claim(void **state)
{
	unsigned mn = 0;

	(void)state;
	open_ready(4, "engine_stray");
	register_some(3, 40);
	stop_site(3);
	run(CALM_MS + 1000);
	for (uint8_t n = 1; n <= 4; n++)
		assert_int_equal(world.site[n].events[ENGINE_EV_STRAY_CLAIM], 0);
	claim_astray(next_of_site_2(&mn));
	run(200);
	assert_int_equal(world.site[1].events[ENGINE_EV_STRAY_CLAIM], 1);
	/* many are one */
	claim_astray(next_of_site_2(&mn));
	claim_astray(next_of_site_2(&mn));
	run(200);
	assert_int_equal(world.site[1].events[ENGINE_EV_STRAY_CLAIM], 1);
	run(STRAY_MS);
	claim_astray(next_of_site_2(&mn));
	run(200);
	assert_int_equal(world.site[1].events[ENGINE_EV_STRAY_CLAIM], 2);
}

/* A row of sites: the first and the last take each other for dead, and hear of each other's claims
 * by those between them. They do not claim from each other without end. */
static void test_row_of_sites(void **state)
{
	unsigned took;

	(void)state;
	open_world(4, "engine_row");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	register_some(4, 20);
	world.cut[1][3] = world.cut[3][1] = world.cut[1][4] = world.cut[4][1] = true;
	world.cut[2][4] = world.cut[4][2] = true;
	run(2000);
	took = world.site[1].took + world.site[4].took;
	run(10000);
	assert_in_range(world.site[1].took + world.site[4].took - took, 0, 4 * 20);
}

/* Claimed by site 1 and claimed back by site 4. */
static unsigned claimed_back(unsigned from, unsigned end)
{
	unsigned n = 0;

	for (unsigned mn = from; mn < end; mn++)
		n += owner_at(4, mn) == 4 && mesh_at(4, mn)->owner.term > 1;
	return n;
}

/* ... ever less often, and a binding ends in its time: after 20 s, given anew once. */
static void test_row_of_sites_ends(void **state)
{
	unsigned took, back;

	(void)state;
	open_world(4, "engine_row_ends");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	for (unsigned mn = 0; mn < 200; mn++)
		update(4, mn, 1, mn, 1, mn < 100 ? 6000 : 20, 1 + mn);
	run(300);
	world.cut[1][3] = world.cut[3][1] = world.cut[1][4] = world.cut[4][1] = true;
	world.cut[2][4] = world.cut[4][2] = true;
	run(SETTLE_MAX_MS + RECLAIM_MS + 2000);
	back = claimed_back(0, 100);
	assert_true(back > 0);
	assert_true(claimed_back(100, 200) > 0);
	run(40000);
	for (uint8_t n = 1; n <= 4; n++)
		for (unsigned mn = 100; mn < 200; mn++)
			if (at(n, mn) != NULL && at(n, mn)->state == RECORD_LIVE)
				fail_msg("site %u has %u", n, mn);
	took = world.site[1].took + world.site[4].took;
	run(12 * RECLAIM_MS);
	assert_in_range(world.site[1].took + world.site[4].took - took, back, 3 * back);
	for (unsigned mn = 0; mn < 100; mn++)
		assert_true(has(1, mn, mn));
}

/* --- drain, move --- */

/* Its only successor dies before the drain is through: ready again, and owner of all. */
static void test_successors_vanish(void **state)
{
	(void)state;
	open_ready(2, "engine_vanish");
	register_some(1, 50);
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), 0);
	RUN_UNTIL(owned_by(2, 50) > 10, 2000);
	stop_site(2);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 1000);
	assert_int_equal(world.site[1].events[ENGINE_EV_DRAIN_ENDED], 1);
	assert_int_equal(world.site[1].events[ENGINE_EV_DRAINED], 0);
	RUN_UNTIL(owned_by(1, 50) == 50, 3000);
	/* with force it goes all the same */
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), -EHOSTUNREACH);
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, true, world.now_ms), 0);
	RUN_UNTIL(world.site[1].says == NEXT_LEFT, 2000);
}

/* The successor refuses a part, the operator thinks better of it: all comes back. */
static void test_undrain_after_refusal(void **state)
{
	(void)state;
	open_world(2, "engine_undrain");
	world.is_unicast = true;
	start_site(1);
	world.conf.max_bindings = 100;
	start_site(2);
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(300);
	register_some(1, 150);
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), 0);
	run(3000);
	assert_int_equal(world.site[1].says, NEXT_DRAINING);
	assert_int_equal(owned_by(2, 150), 150);
	assert_int_equal(engine_undrain(world.site[1].e, DOMAIN, world.now_ms), 0);
	RUN_UNTIL(owned_by(1, 150) == 150, 2000);
	run(300);
	for (unsigned mn = 0; mn < 150; mn++)
		assert_true(at(2, mn) == NULL || owner_at(2, mn) == 1);
}

static void test_move(void **state)
{
	struct engine *e;

	(void)state;
	open_ready(2, "engine_move_refused");
	e = world.site[1].e;
	register_some(1, 3);
	assert_int_equal(engine_move(e, at(1, 1), 2, world.now_ms, WALL + world.now_ms), 0);
	run(200);
	assert_int_equal(owner_at(1, 1), 2);
	assert_false(mesh_at(1, 1)->flags & RECORD_GIVEN);
	assert_int_equal(engine_move(e, at(1, 1), 2, world.now_ms, WALL), -EPERM);
	/* site 2 refuses it now: it comes back */
	world.refuser = 2;
	world.refused = 2;
	assert_int_equal(engine_move(e, at(1, 2), 2, world.now_ms, WALL + world.now_ms), 0);
	assert_int_equal(owner_at(1, 2), 2);
	RUN_UNTIL(owner_at(1, 2) == 1, 300);
	/* a site that is full need not be asked */
	set_add(e->domain[0].full, 2);
	assert_int_equal(engine_move(e, at(1, 0), 2, world.now_ms, WALL), -EAGAIN);
}

/* --- pairs last seen --- */

/* Sites 1 and 2 do not hear each other: who speaks for them tells them, and nobody else. */
static void test_pairs_are_passed_on(void **state)
{
	struct seen_pair pair = { .hoa = home(9), .ha = agent(1), .domain = DOMAIN };
	struct engine_peer_info before, after;
	struct seen_value v;

	(void)state;
	open_ready(4, "engine_pairs_passed");
	world.cut[1][2] = world.cut[2][1] = true;
	run(1500);
	engine_peer_info(world.site[4].e, 3, &before);
	pair.value.epoch = 2;
	engine_seen(world.site[1].e, &pair, world.now_ms, WALL + world.now_ms);
	run(300);
	for (uint8_t n = 2; n <= 4; n++)
		assert_true(seen_get(world.site[n].seen, DOMAIN, &pair.hoa, &pair.ha, &v));
	engine_peer_info(world.site[4].e, 3, &after);
	assert_int_equal(after.records_in, before.records_in);
}

/* --- streams and comparisons --- */

/* A stream that is never through does not keep a comparison from its end. */
static void test_round_beside_a_stream(void **state)
{
	unsigned seq = 2;

	(void)state;
	open_world(2, "engine_beside");
	world.rate = 250000;
	world.conf.ack_peers = 0;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	register_some(1, 3000);
	run(3000);
	digest_drop(world.site[2].e->domain[0].digest, at(2, 2999));
	records_del(world.site[2].rs, at(2, 2999));
	repair_want(world.site[1].e, &world.site[1].e->domain[0], 2);
	/* 100 octets each, 5 a ms: twice the rate */
	for (unsigned ms = 0; ms < 3000 && !has(2, 2999, 2999); ms++, seq++) {
		for (unsigned i = 0; i < 5; i++)
			update(1, (5 * ms + i) % 2900, 1, seq, (uint16_t)seq, 600, 3001);
		step();
	}
	assert_true(has(2, 2999, 2999));
}

/* A registration at site 1 that site 2 knows of and site 3, far away, not yet, when site 2 stands still;
 * it is ready again before site 3 has heard of it. */
static void wait_beside_one_that_stood_still(uint32_t ack_peers, uint8_t refuser)
{
	open_world(3, "engine_begin_again");
	world.conf.ack_peers = ack_peers;
	world.conf.commit_timeout_ms = 5000;
	world.more_ms[1][3] = world.more_ms[3][1] = 395;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(1000);
	world.refuser = refuser;
	world.refused = 7;
	assert_int_equal(update(1, 7, 1, 7, 1, 600, 1), ENGINE_WAITS);
	run(50);
	stand_still(2, 1000);
	RUN_UNTIL(world.site[2].says == NEXT_READY, 300);
	run(30);
	assert_int_equal(world.site[1].committed[1], ENGINE_WAITS);
	RUN_UNTIL(world.site[1].committed[1] == ENGINE_HELD, 1000);
	assert_true(has(3, 7, 7));
}

/* Its stream begins again: what it has acknowledged in front of that it holds, */
static void test_begun_again_holds(void **state)
{
	(void)state;
	wait_beside_one_that_stood_still(2, 0);
	assert_true(has(2, 7, 7));
}

/* ... but for what it refused. */
static void test_begun_again_refused(void **state)
{
	(void)state;
	wait_beside_one_that_stood_still(1, 2);
	assert_null(at(2, 7));
}

/* --- the clock --- */

static void test_clock_is_off(void **state)
{
	(void)state;
	open_ready(3, "engine_clock");
	register_some(2, 5);
	stop_site(1);
	run(1000);
	start_site(1);
	engine_clock(world.site[1].e, DOMAIN, true, world.now_ms);
	run(5000);
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	assert_int_equal(world.site[1].events[ENGINE_EV_CLOCK], 1);
	engine_clock(world.site[1].e, DOMAIN, false, world.now_ms);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 200);
	assert_true(has(1, 4, 4));
	/* who is ready stays it; who stood still has to have it put right */
	engine_clock(world.site[1].e, DOMAIN, true, world.now_ms);
	run(1000);
	assert_int_equal(world.site[1].says, NEXT_READY);
	engine_stall(world.site[1].e, 1000, world.now_ms);
	run(3000);
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	/* the operator knows better */
	assert_int_equal(engine_force_ready(world.site[1].e, DOMAIN, world.now_ms), 0);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 200);
}

/* It has all bindings and waits for nothing but its clock; then it stands still, and what others
 * accept meanwhile it lacks: not ready by what it knew. */
static void test_stall_while_filled(void **state)
{
	(void)state;
	open_ready(3, "engine_filled_stall");
	register_some(2, 5);
	stop_site(1);
	run(1000);
	start_site(1);
	engine_clock(world.site[1].e, DOMAIN, true, world.now_ms);
	run(3000);
	assert_true(has(1, 4, 4));
	world.site[1].is_frozen = true;
	run(200);
	update(2, 1, 1, 77, 2, 600, 100);
	run(1000);
	world.site[1].is_frozen = false;
	engine_stall(world.site[1].e, 1200, world.now_ms);
	engine_clock(world.site[1].e, DOMAIN, false, world.now_ms);
	step();
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 3000);
	assert_true(has(1, 1, 77));
}

/* All gave it what they had while nobody was ready; now one is, and may know better. */
static void test_ready_while_filled(void **state)
{
	(void)state;
	open_world(2, "engine_filled_ready");
	start_all();
	engine_clock(world.site[1].e, DOMAIN, true, world.now_ms);
	RUN_UNTIL(world.site[2].says == NEXT_READY, 3000);
	assert_int_equal(world.site[1].events[ENGINE_EV_SNAPSHOT_DONE], 1);
	RUN_UNTIL(world.site[1].events[ENGINE_EV_SNAPSHOT_DONE] == 2, 200);
	run(3000);
	assert_int_equal(world.site[1].events[ENGINE_EV_SNAPSHOT_DONE], 2); /* that will do */
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	engine_clock(world.site[1].e, DOMAIN, false, world.now_ms);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 100);
}

/*
 * Who stood still is heard by nobody at first, and nobody says what its clock is like. One of two others
 * that is there again, and a digest round with it, do not make it ready: both agree about the time.
 */
static void test_clock_after_a_stall(void **state)
{
	(void)state;
	open_ready(3, "engine_stall_clock");
	run(1000); /* streams began before each standstill */
	world.cut[1][3] = true;
	engine_stall(world.site[1].e, 1000, world.now_ms);
	run(200);
	assert_true(world.site[1].e->peer[2]->info.rounds > 0);
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	engine_clock(world.site[1].e, DOMAIN, true, world.now_ms);
	world.cut[1][3] = false;
	run(1000);
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	engine_clock(world.site[1].e, DOMAIN, false, world.now_ms);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 200);
	/* where both are there it need not wait for longer than the round, */
	run(1000);
	stand_still(1, 1000);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 250);
	/* nor for one that does not come, but for so long as it would take to be heard, */
	run(1000);
	world.cut[1][3] = true;
	stand_still(1, 1000);
	run(STREAMS_MS - 100);
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 200);
	/* the time where nobody else hears it either */
	stop_site(3);
	stand_still(1, 1000);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 350);
}

/* Its own hello says that it joins, and others begin their streams anew, before the engine is told of
 * the standstill: those it need not wait for once more. */
static void test_stall_is_told_late(void **state)
{
	(void)state;
	open_ready(3, "engine_stall_late");
	run(1000);
	world.site[3].is_frozen = true;
	run(400);
	world.site[3].is_frozen = false;
	for (uint8_t a = 1; a <= 2; a++) {
		struct next_view v = world.site[a].told;

		v.site[3] = (struct next_site){ .reach = NEXT_UP, .says = NEXT_JOINING };
		engine_view(world.site[a].e, DOMAIN, &v, world.now_ms);
		world.site[a].told = v;
	}
	run_unseen(20);
	engine_stall(world.site[3].e, 400, world.now_ms);
	assert_int_equal(world.site[3].says, NEXT_JOINING);
	RUN_UNTIL(world.site[3].says == NEXT_READY, 250);
}

/* Who has left and stood still hears nobody at first: that is no reason to serve again. */
static void test_left_stood_still(void **state)
{
	struct engine *e;

	(void)state;
	open_ready(2, "engine_left_stood_still");
	update(2, 1, 2, 1, 1, 600, 1);
	RUN_UNTIL(is_converged() && at(1, 1) != NULL, 1000);
	e = world.site[2].e;
	assert_int_equal(engine_drain(e, DOMAIN, false, world.now_ms), 0);
	RUN_UNTIL(world.site[2].says == NEXT_LEFT, 3000);
	world.cut[1][2] = world.cut[2][1] = true; /* before all know that it has left */
	engine_stall(e, 1000, world.now_ms);
	run(200);
	assert_int_equal(world.site[2].says, NEXT_LEFT);
	world.cut[1][2] = world.cut[2][1] = false;
	run(500);
	assert_int_equal(world.site[2].says, NEXT_LEFT);
	/* it has time to hear somebody now, and does not */
	world.cut[1][2] = world.cut[2][1] = true;
	RUN_UNTIL(world.site[2].says == NEXT_READY, 100);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_teardown(test_one_claimer, tear_down),
	cmocka_unit_test_teardown(test_stray_claim, tear_down),
	cmocka_unit_test_teardown(test_row_of_sites, tear_down),
	cmocka_unit_test_teardown(test_row_of_sites_ends, tear_down),
	cmocka_unit_test_teardown(test_successors_vanish, tear_down),
	cmocka_unit_test_teardown(test_undrain_after_refusal, tear_down),
	cmocka_unit_test_teardown(test_move, tear_down),
	cmocka_unit_test_teardown(test_pairs_are_passed_on, tear_down),
	cmocka_unit_test_teardown(test_round_beside_a_stream, tear_down),
	cmocka_unit_test_teardown(test_begun_again_holds, tear_down),
	cmocka_unit_test_teardown(test_begun_again_refused, tear_down),
	cmocka_unit_test_teardown(test_clock_is_off, tear_down),
	cmocka_unit_test_teardown(test_stall_while_filled, tear_down),
	cmocka_unit_test_teardown(test_clock_after_a_stall, tear_down),
	cmocka_unit_test_teardown(test_stall_is_told_late, tear_down),
	cmocka_unit_test_teardown(test_ready_while_filled, tear_down),
	cmocka_unit_test_teardown(test_left_stood_still, tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
