/* SPDX-License-Identifier: BSD-3-Clause */
/* Becoming ready, snapshots, digest rounds. */
#include "engine_world.h"

#define MNS   700
#define PAIRS 3000

static int tear_down(void **state)
{
	(void)state;
	close_world();
	return 0;
}

static void register_some(uint8_t node, unsigned from, unsigned count, uint16_t seq)
{
	for (unsigned mn = from; mn < from + count; mn++)
		update(node, mn, 1, mn, seq, 600, 1000U * seq + mn);
}

/* Nobody will ever take what is registered: the store must have it, but it is not alone, nor is what
 * was when there still were others. */
static void is_without_others(void)
{
	struct site *s = &world.site[1];
	struct engine_domain_info info;

	start_site(1);
	step();
	assert_int_equal(s->says, NEXT_READY);
	assert_int_equal(update(1, 1, 1, 1, 1, 600, 1), ENGINE_ALONE);
	assert_int_equal(update(1, 1, 1, 1, 2, 600, 2), ENGINE_HELD);
	records_mesh(s->rs, at(1, 1))->flags |= RECORD_ALONE;
	engine_loaded(s->e, at(1, 1));
	assert_int_equal(mesh_at(1, 1)->flags & RECORD_ALONE, 0);
	assert_int_equal(engine_domain_info(s->e, DOMAIN, &info), 0);
	assert_int_equal(info.alone, 0);
	assert_int_equal(s->events[ENGINE_EV_ALONE], 0);
}

static void test_no_peers(void **state)
{
	(void)state;
	open_world(1, "engine_join");
	is_without_others();
}

static void test_retired_peers(void **state)
{
	(void)state;
	open_world(2, "engine_join");
	world.retired = 2;
	is_without_others();
}

/* Pairs that find no room keep no record out, and no site from becoming ready. */
static void test_more_records_than_pairs(void **state)
{
	struct seen_pair pair = { .ha = agent(1), .domain = DOMAIN, .value = { .epoch = 1 } };
	struct engine_peer_info info;

	(void)state;
	open_world(2, "engine_join");
	world.seen_max = 100;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	for (unsigned mn = 1000; mn < 1200; mn++) { /* nobody registers these */
		pair.hoa = home(mn);
		assert_int_equal(
			engine_seen(world.site[1].e, &pair, world.now_ms, WALL + world.now_ms), 0);
	}
	assert_int_equal(world.site[1].events[ENGINE_EV_FORGOTTEN], 100);
	register_some(1, 0, 300, 1);
	RUN_UNTIL(is_converged() && records_live_in(world.site[2].rs, DOMAIN) == 300, 1000);
	run(50);
	for (unsigned mn = 0; mn < 300; mn++)
		assert_int_equal(world.site[1].committed[1000 + mn], ENGINE_HELD);
	stop_site(2);
	run(500);
	start_site(2);
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	RUN_UNTIL(is_converged(), 3000);
	assert_int_equal(records_live_in(world.site[2].rs, DOMAIN), 300);
	assert_int_equal(engine_peer_info(world.site[1].e, 2, &info), 0);
	assert_false(info.full);
	assert_int_equal(world.site[2].events[ENGINE_EV_FULL], 0);
	assert_int_equal(world.site[2].events[ENGINE_EV_SNAPSHOT_REFUSED], 0);
	/* and their numbers count all the same */
	update(2, 299, 1, 1, 2, 600, 1);
	RUN_UNTIL(has(1, 299, 1), 1000);
}

static void test_first_start_waits_for_all(void **state)
{
	struct engine_domain_info info;

	(void)state;
	open_world(3, "engine_join");
	start_site(1);
	start_site(2);
	run(2900);
	assert_true(all_say(NEXT_JOINING));
	assert_int_equal(world.site[1].events[ENGINE_EV_WAITING_FOR], 0);
	run(200);
	assert_int_equal(world.site[1].events[ENGINE_EV_WAITING_FOR], 1);
	assert_int_equal(engine_domain_info(world.site[1].e, DOMAIN, &info), 0);
	assert_int_equal(info.waits_for, 3);
	assert_false(info.serves);
	start_site(3);
	RUN_UNTIL(all_say(NEXT_READY), 1000);
}

static void test_force(void **state)
{
	(void)state;
	open_world(3, "engine_join");
	start_site(1);
	start_site(2);
	run(500);
	assert_int_equal(engine_force_ready(world.site[1].e, DOMAIN, world.now_ms), 0);
	step();
	assert_int_equal(world.site[1].says, NEXT_READY);
	assert_int_equal(engine_force_ready(world.site[1].e, DOMAIN, world.now_ms), -EALREADY);
	assert_int_equal(engine_force_ready(world.site[1].e, 8, world.now_ms), -ENOENT);
	RUN_UNTIL(world.site[2].says == NEXT_READY, 1000); /* ends it for all */
}

/* That word was for one start: who stands still later is told what it missed. */
static void test_forced_once(void **state)
{
	(void)state;
	open_world(3, "engine_join");
	start_site(1);
	start_site(2);
	run(500);
	assert_int_equal(engine_force_ready(world.site[1].e, DOMAIN, world.now_ms), 0);
	RUN_UNTIL(all_say(NEXT_READY), 1000);
	run(1000);
	stand_still(1, 1000);
	run(10); /* no way there and back */
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 3000);
}

static void test_cold_start(void **state)
{
	(void)state;
	open_world(2, "engine_join");
	world.conf.cold_start_serve = true;
	start_site(1);
	run(4000);
	assert_int_equal(world.site[1].says, NEXT_JOINING); /* the store is not fresh */
	stop_site(1);
	world.conf.store_is_fresh = true;
	start_site(1);
	run(2990);
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	run(30);
	assert_int_equal(world.site[1].says, NEXT_READY);
	stop_site(1);
	world.conf.store_is_fresh = false;
	start_site(1); /* it was read behind engine_new() */
	engine_store_is_fresh(world.site[1].e, DOMAIN, true);
	engine_store_is_fresh(world.site[1].e, 8, true); /* of no domain of ours */
	RUN_UNTIL(world.site[1].says == NEXT_READY, 3100);
}

static void check_all(uint8_t node, unsigned from, unsigned count)
{
	for (unsigned mn = from; mn < from + count; mn++)
		assert_true(has(node, mn, mn));
}

/* Over a wire that loses a fifth, while things change: some go, some come. */
static void test_snapshot(void **state)
{
	(void)state;
	open_world(3, "engine_join");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	register_some(1, 0, MNS / 2, 1);
	register_some(2, MNS / 2, MNS / 2, 1);
	RUN_UNTIL(is_converged(), 3000);
	stop_site(3);
	run(500);
	world.loss_percent = 20;
	start_site(3);
	for (unsigned i = 0; i < 20; i++) {
		run(2);
		update(1, i, 1, i, 2, 0, 2000 + i); /* gone */
		update(2, MNS + i, 1, MNS + i, 1, 600, 2100 + i); /* new */
	}
	RUN_UNTIL(world.site[3].says == NEXT_READY, 5000);
	assert_true(world.site[3].events[ENGINE_EV_SNAPSHOT_DONE] > 0);
	RUN_UNTIL(is_converged(), 5000);
	check_all(3, 20, MNS);
	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(at(3, i)->state, RECORD_TOMBSTONE);
}

/* What was seen outlives the bindings, and gets to who was not there. */
static void test_seen_travels(void **state)
{
	struct ip6_addr hoa = home(1), ha = agent(1);
	struct seen_value v;

	(void)state;
	open_world(2, "engine_join");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	world.cut[1][2] = world.cut[2][1] = true;
	run(10);
	update(1, 1, 1, 1, 41, 4, 1);
	run(6000);
	assert_null(at(1, 1));
	world.cut[1][2] = world.cut[2][1] = false;
	run(1000);
	assert_true(seen_get(world.site[2].seen, DOMAIN, &hoa, &ha, &v));
	assert_int_equal(v.ext_seq, 41);
	/* ... and to who starts with nothing, by a site that learned it */
	stop_site(1);
	run(10);
	start_site(1);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 3000);
	assert_true(seen_get(world.site[1].seen, DOMAIN, &hoa, &ha, &v));
	assert_int_equal(v.ext_seq, 41);
}

/* A record that reached only one survivor. */
static void test_survivors_compare(void **state)
{
	(void)state;
	open_world(3, "engine_join");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(1000);
	register_some(1, 0, MNS, 1);
	RUN_UNTIL(is_converged(), 3000);
	world.cut[1][3] = true; /* one way; hello has not noticed */
	register_some(1, 0, 50, 2);
	for (unsigned mn = 0; mn < 50; mn++)
		update(1, mn, 1, 5000 + mn, 3, 600, 3000 + mn);
	run_unseen(30);
	assert_true(has(2, 7, 5007));
	assert_true(has(3, 7, 7));
	stop_site(1);
	RUN_UNTIL(has(3, 7, 5007) && is_converged(), 1000);
	for (unsigned mn = 0; mn < 50; mn++)
		assert_true(has(3, mn, 5000 + mn));
	/* only what differed was repaired: records pushed, not the table */
	{
		struct engine_peer_info a, b;

		assert_int_equal(engine_peer_info(world.site[2].e, 3, &a), 0);
		assert_int_equal(engine_peer_info(world.site[3].e, 2, &b), 0);
		assert_true(a.repaired + b.repaired <= 4 * 50 + 20);
	}
}

static void test_two_restart_at_once(void **state)
{
	(void)state;
	open_world(3, "engine_join");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	register_some(1, 0, 100, 1);
	register_some(2, 100, 100, 1);
	register_some(3, 200, 100, 1);
	RUN_UNTIL(is_converged(), 3000);
	stop_site(1);
	stop_site(2);
	start_site(1);
	start_site(2);
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	RUN_UNTIL(is_converged(), 3000);
	check_all(1, 0, 300);
	check_all(2, 0, 300);
}

static void set_way(uint8_t a, uint8_t b, unsigned more_ms)
{
	world.more_ms[a][b] = world.more_ms[b][a] = more_ms;
}

/* No digest round between these helps. */
static void no_rounds_of(uint8_t a, uint8_t b)
{
	world.site[a].e->peer[b]->round_retry_ms[0] = UINT64_MAX;
	world.site[b].e->peer[a]->round_retry_ms[0] = UINT64_MAX;
}

static void no_rounds(void)
{
	no_rounds_of(1, 2);
	no_rounds_of(1, 3);
	no_rounds_of(2, 3);
}

static void all_ready(void)
{
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(1000);
}

/* Site 3 begins anew among the others. */
static void renew_3(void)
{
	stop_site(3);
	run(500);
	start_site(3);
}

/* Site 1 has begun its streams to this life of site 3. */
static bool has_begun(void)
{
	const struct peer *p = world.site[1].e->peer[3];

	return p->boot == world.boots && p->is_open;
}

static void way_of_far(void)
{
	world.rate = 1000000; /* it takes a while to tell all */
	set_way(1, 2, 395);
	set_way(1, 3, 145); /* a round trip is as long as the clocks are waited for */
}

/* Site 1 has just begun to tell: some of it comes later. */
static void begin_with_a_loss(void)
{
	RUN_UNTIL(has_begun(), 50);
	run(20);
	world.loss_percent = 100;
	run(5);
	world.loss_percent = 0;
}

static void ready_after_a_loss(void)
{
	begin_with_a_loss();
	RUN_UNTIL(world.site[3].says == NEXT_READY, 900);
}

/* A near site fills it in no time, a far one has just accepted what neither of them has heard of. */
static void test_ready_knows_what_far_sites_accepted(void **state)
{
	(void)state;
	open_world(3, "engine_join_far");
	way_of_far();
	all_ready();
	renew_3();
	run(290);
	register_some(1, 0, 1000, 1);
	assert_false(has_begun());
	ready_after_a_loss();
	check_all(3, 0, 1000);
}

/* Of what site 1 registers site 3 has no room for one of ours, and for nothing of the other domain. */
static void begin_without_room(bool first_is_other, bool last_is_other, bool last_is_ours)
{
	open_world(3, "engine_join_no_room");
	way_of_far();
	set_way(1, 2, 795);
	world.has_other[1] = world.has_other[3] = true; /* site 2 fills it in ours */
	all_ready();
	renew_3();
	no_rounds();
	world.homeless = 3;
	world.homeless_in = OTHER;
	world.refused = 2000;
	run(290);
	if (first_is_other)
		update_in(OTHER, 1, 2001, 1, 1, 1, 600, 1);
	register_some(1, 0, 1000, 1);
	if (last_is_other)
		update_in(OTHER, 1, 2002, 1, 1, 1, 600, 2);
	if (last_is_ours)
		update(1, 2000, 1, 1, 1, 600, 3);
	assert_false(has_begun());
}

/* It is waited for in that domain alone, whatever comes before and after it. */
static void test_ready_beside_a_domain_without_room(void **state)
{
	(void)state;
	for (unsigned which = 1; which <= 2; which++) {
		begin_without_room(which & 1, which & 2, false);
		ready_after_a_loss();
		check_all(3, 0, 1000);
		close_world();
	}
	begin_without_room(true, true, false);
	RUN_UNTIL(world.site[3].says == NEXT_READY, 600);
	check_all(3, 0, 1000);
	close_world();
	/* what is lost between two of them is not passed over */
	begin_without_room(true, true, false);
	begin_with_a_loss();
	RUN_UNTIL(world.site[3].says == NEXT_READY, TOLD_MS);
	check_all(3, 0, 1000);
}

/* A second, as for anything that it was to be told. */
static void test_ready_without_room(void **state)
{
	(void)state;
	for (unsigned is_other = 0; is_other < 2; is_other++) {
		begin_without_room(false, is_other == 1, true);
		RUN_UNTIL(has_begun(), 50);
		run(TOLD_MS);
		assert_int_equal(world.site[3].says, NEXT_JOINING);
		RUN_UNTIL(world.site[3].says == NEXT_READY, 300);
		close_world();
	}
}

/* ... after it has said left: it serves on until all have heard that. */
static void test_ready_knows_what_one_that_left_accepted(void **state)
{
	(void)state;
	open_world(3, "engine_join_left");
	way_of_far();
	all_ready();
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), 0);
	RUN_UNTIL(world.site[1].says == NEXT_LEFT, 3000);
	renew_3();
	run(290);
	assert_true(engine_serves(world.site[1].e, DOMAIN));
	register_some(1, 0, 1000, 1);
	assert_false(has_begun());
	ready_after_a_loss();
	check_all(3, 0, 1000);
}

static void see(uint8_t node, unsigned mn)
{
	struct seen_pair pair = { .hoa = home(mn), .ha = agent(1), .domain = DOMAIN };

	pair.value.epoch = 1;
	engine_seen(world.site[node].e, &pair, world.now_ms, WALL + world.now_ms);
}

static bool is_seen_at(uint8_t node, unsigned mn)
{
	struct ip6_addr hoa = home(mn), ha = agent(1);
	struct seen_value v;

	return seen_get(world.site[node].seen, DOMAIN, &hoa, &ha, &v);
}

/* ... or seen: numbers without a binding. */
static void test_ready_knows_what_far_sites_saw(void **state)
{
	(void)state;
	open_world(3, "engine_join_far_pairs");
	way_of_far();
	all_ready();
	renew_3();
	run(290);
	for (unsigned mn = 0; mn < PAIRS; mn++)
		see(1, mn);
	assert_false(has_begun());
	ready_after_a_loss();
	for (unsigned mn = 0; mn < PAIRS; mn++)
		assert_true(is_seen_at(3, mn));
}

/* A site that stood still is told by a near one what that one has heard meanwhile, and of a far one
 * it hears only when the time for the clocks is over: what that has just accepted, and streams that
 * began in its life before the standstill say nothing of. */
static void thawed_knows(bool is_far_new)
{
	open_world(3, "engine_thaw_far");
	way_of_far();
	set_way(1, 3, 395);
	all_ready();
	world.site[3].is_frozen = true;
	if (is_far_new) {
		stop_site(1);
		start_site(1);
		set_way(1, 2, 95);
		RUN_UNTIL(world.site[1].says == NEXT_READY, 3000);
	} else {
		see(1, 1500); /* of these no round tells */
	}
	run(1500);
	register_some(1, 0, 500, 1);
	world.cut[1][3] = world.cut[3][1] = true; /* nothing of it has arrived */
	world.site[3].is_frozen = false;
	engine_stall(world.site[3].e, 1000, world.now_ms);
	run(390);
	register_some(1, 500, 500, 1);
	assert_true(world.site[3].e->peer[2]->info.rounds > 0);
	assert_int_equal(world.site[3].says, NEXT_JOINING);
	world.cut[1][3] = world.cut[3][1] = false;
	no_rounds_of(1, 3);
	if (is_far_new) { /* the near one has this behind its round, and before the streams begin */
		run(500);
		register_some(1, 1000, 200, 1);
	}
	RUN_UNTIL(world.site[3].says == NEXT_READY, STREAMS_MS - 390);
	check_all(3, 0, is_far_new ? 1200 : 1000);
	assert_true(is_far_new || is_seen_at(3, 1500));
	close_world();
}

static void test_thawed_knows_what_far_sites_accepted(void **state)
{
	(void)state;
	thawed_knows(false);
	thawed_knows(true);
}

/* A far one begins its stream behind what the near one has, so that must fill it afterwards. */
static void test_filled_when_far_sites_have_begun(void **state)
{
	unsigned mns = 0;

	(void)state;
	open_world(3, "engine_join_filled");
	set_way(1, 3, 145);
	all_ready();
	renew_3();
	no_rounds();
	while (!has_begun()) {
		assert_true(mns < 500);
		update(1, mns, 1, mns, 1, 600, 1000 + mns);
		mns++;
		step();
	}
	assert_true(mns > 290);
	RUN_UNTIL(world.site[3].says == NEXT_READY, 600);
	check_all(3, 0, mns);
}

/* Nobody has anything to tell, or the last is nothing for the one that joins: it needs a second for
 * those alone that never say where their streams begin. */
static void test_streams_begin_with_nothing(void **state)
{
	(void)state;
	open_world(3, "engine_join_nothing");
	world.has_other[1] = world.has_other[2] = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(1000);
	for (unsigned round = 0; round < 2; round++) {
		stop_site(3);
		run(500);
		start_site(3);
		RUN_UNTIL(world.site[3].says == NEXT_READY, 600); /* dead-ms for the clocks */
		update_in(OTHER, 1, 1, 1, 1, (uint16_t)(round + 1), 600, 1);
		run(500);
	}
}

static uint64_t took_to_join(uint8_t node)
{
	uint64_t from_ms = world.now_ms;

	start_site(node);
	RUN_UNTIL(world.site[node].says == NEXT_READY, 3000);
	return world.now_ms - from_ms;
}

/* One that serves, and that it does not hear: it may be about to, so that it waits for some time,
 * and no longer. The same again in each life, and when it stood still meanwhile. */
static void test_joins_beside_one_cut_off(void **state)
{
	(void)state;
	open_world(3, "engine_join_cut_off");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(1000);
	for (unsigned round = 0; round < 2; round++) {
		stop_site(3);
		world.cut[1][3] = world.cut[3][1] = true;
		run(500);
		assert_in_range(took_to_join(3), STREAMS_MS, STREAMS_MS + 300);
	}
	stop_site(3);
	run(500);
	start_site(3);
	run(500);
	stand_still(3, 1000);
	run(STREAMS_MS - 100);
	assert_int_equal(world.site[3].says, NEXT_JOINING);
	RUN_UNTIL(world.site[3].says == NEXT_READY, 500);
}

/* Of one that never says that it has told what it began with, what it has is waited for as long. */
static void test_joins_beside_an_untold_one(void **state)
{
	(void)state;
	open_world(2, "engine_join_untold");
	world.untold = 1;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(1000);
	stop_site(2);
	run(500);
	assert_in_range(took_to_join(2), TOLD_MS, TOLD_MS + 300);
}

/* Unlike stand_still() the time goes by. */
static void stood_still(uint8_t node, uint64_t ms)
{
	world.site[node].is_frozen = true;
	run(ms);
	world.site[node].is_frozen = false;
	engine_stall(world.site[node].e, ms, world.now_ms);
}

static void stands_still_often(uint8_t node)
{
	stood_still(node, 400);
	run(STREAMS_MS - 100);
	assert_int_equal(world.site[node].says, NEXT_JOINING);
	stood_still(node, 400);
	RUN_UNTIL(world.site[node].says == NEXT_READY, TOLD_MS + 300);
}

/* Each standstill begins all anew but the time for streams that do not come: of a site that is cut
 * off, and of one that never says what they began with. */
static void test_stands_still_often(void **state)
{
	(void)state;
	open_world(3, "engine_join_still_often");
	all_ready();
	world.cut[1][3] = world.cut[3][1] = true;
	run(1000);
	stands_still_often(1);
	/* what it stands still is not a part of that time */
	stood_still(1, 400);
	run(300);
	stood_still(1, 1700);
	run(STREAMS_MS - 300 - 100);
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 300);
	close_world();
	open_world(2, "engine_join_still_untold");
	world.untold = 2;
	all_ready();
	stands_still_often(1);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_teardown(test_no_peers, tear_down),
	cmocka_unit_test_teardown(test_retired_peers, tear_down),
	cmocka_unit_test_teardown(test_more_records_than_pairs, tear_down),
	cmocka_unit_test_teardown(test_first_start_waits_for_all, tear_down),
	cmocka_unit_test_teardown(test_force, tear_down),
	cmocka_unit_test_teardown(test_forced_once, tear_down),
	cmocka_unit_test_teardown(test_cold_start, tear_down),
	cmocka_unit_test_teardown(test_snapshot, tear_down),
	cmocka_unit_test_teardown(test_seen_travels, tear_down),
	cmocka_unit_test_teardown(test_survivors_compare, tear_down),
	cmocka_unit_test_teardown(test_two_restart_at_once, tear_down),
	cmocka_unit_test_teardown(test_ready_knows_what_far_sites_accepted, tear_down),
	cmocka_unit_test_teardown(test_ready_beside_a_domain_without_room, tear_down),
	cmocka_unit_test_teardown(test_ready_without_room, tear_down),
	cmocka_unit_test_teardown(test_ready_knows_what_one_that_left_accepted, tear_down),
	cmocka_unit_test_teardown(test_ready_knows_what_far_sites_saw, tear_down),
	cmocka_unit_test_teardown(test_thawed_knows_what_far_sites_accepted, tear_down),
	cmocka_unit_test_teardown(test_filled_when_far_sites_have_begun, tear_down),
	cmocka_unit_test_teardown(test_streams_begin_with_nothing, tear_down),
	cmocka_unit_test_teardown(test_joins_beside_one_cut_off, tear_down),
	cmocka_unit_test_teardown(test_joins_beside_an_untold_one, tear_down),
	cmocka_unit_test_teardown(test_stands_still_often, tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
