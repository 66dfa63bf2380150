/* SPDX-License-Identifier: BSD-3-Clause */
/* Digest rounds, and what waits for them. */
#include "engine_world.h"
#include "common/key.h"
#include "sync/repair_priv.h"

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

static unsigned held_by_1(unsigned mns)
{
	unsigned n = 0;

	for (unsigned mn = 0; mn < mns; mn++)
		n += has(1, mn, mn);
	return n;
}

/* More than site 1 may be sent in the tries of one round: it stays held out until it has all. */
static void test_partial_round(void **state)
{
	const unsigned mns = 2000;

	(void)state;
	open_world(2, "engine_partial");
	world.records_s = 300;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(500);
	link_sites(1, 2, false);
	run(1000);
	for (unsigned mn = 0; mn < mns; mn++)
		update(2, mn, 1, mn, 1, 6000, 1 + mn);
	link_sites(1, 2, true);
	RUN_UNTIL(next_is_ready(&world.site[2].view, 1), 30000);
	assert_int_equal(held_by_1(mns), mns);
	assert_int_equal(world.site[2].events[ENGINE_EV_UNLIKE], 0);
}

/* The same for a site that stood still. */
static void test_partial_thaw(void **state)
{
	const unsigned mns = 2000;

	(void)state;
	open_world(2, "engine_partial_thaw");
	world.records_s = 300;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	world.site[1].is_frozen = true;
	run(1000);
	for (unsigned mn = 0; mn < mns; mn++)
		update(2, mn, 1, mn, 1, 6000, 1 + mn);
	world.site[1].is_frozen = false;
	engine_stall(world.site[1].e, 1000, world.now_ms);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 30000);
	assert_int_equal(held_by_1(mns), mns);
}

/* What is never taken does not hold it out for ever: told once, then it is back. */
static void test_no_progress(void **state)
{
	(void)state;
	open_world(2, "engine_no_progress");
	start_site(1);
	world.conf.max_bindings = 150;
	start_site(2);
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	link_sites(1, 2, false);
	run(1000);
	for (unsigned mn = 0; mn < 300; mn++)
		update(1, mn, 1, mn, 1, 6000, 1 + mn);
	link_sites(1, 2, true);
	RUN_UNTIL(next_is_ready(&world.site[1].view, 2), 5000);
	assert_int_equal(world.site[1].events[ENGINE_EV_UNLIKE], 1);
	run(30000);
	assert_int_equal(world.site[1].events[ENGINE_EV_UNLIKE], 1);
}

/* One range is all that site 2 has. */
static void test_one_range(void **state)
{
	uint64_t rounds;

	(void)state;
	open_world(2, "engine_one_range");
	start_site(1);
	world.conf.max_bindings = 100;
	start_site(2);
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	rounds = world.site[1].e->peer[2]->info.rounds;
	link_sites(1, 2, false);
	run(1000);
	update(1, 1, 1, 1, 1, 600, 1);
	update(2, 2, 1, 2, 1, 600, 2);
	link_sites(1, 2, true);
	RUN_UNTIL(next_is_ready(&world.site[1].view, 2) && next_is_ready(&world.site[2].view, 1),
		2000);
	assert_true(world.site[1].e->peer[2]->info.rounds > rounds);
	assert_true(has(1, 2, 2) && has(2, 1, 1));
}

/* As if the other site had got whatever changed so far. */
static void skip_stream(uint8_t from, uint8_t to)
{
	struct changes *list = world.site[from].e->changes;
	struct out *out = &world.site[from].e->peer[to]->out[STREAM_CHANGES];

	changes_to_end(list, out->sent_mark);
	changes_to_end(list, out->acked_mark);
	changes_to_end(list, out->again_mark);
	out->sent = out->acked = changes_last(list);
	out->holes = out->hole_at = 0;
}

static uint64_t ranges_compared(void)
{
	return world.site[1].e->peer[2]->info.ranges + world.site[2].e->peer[1]->info.ranges;
}

/* One of many differs: its range is looked into, and no other. */
static void test_one_of_many(void **state)
{
	uint64_t ranges;

	(void)state;
	open_world(2, "engine_one_of_many");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	for (unsigned mn = 0; mn < 500; mn++)
		update(1, mn, 1, mn, 1, 600, 1 + mn);
	RUN_UNTIL(is_converged(), 3000);
	run(1000);
	assert_true(digest_bits_of(world.site[1].e->domain[0].digest) > 3);
	update(1, 7, 1, 20000, 2, 600, 600);
	skip_stream(1, 2);
	ranges = ranges_compared();
	RUN_UNTIL(has(2, 7, 20000), 2 * REPAIR_MS);
	assert_int_equal(ranges_compared() - ranges, 1);
}

/* Whoever holds it gives it, though it is another one's, who is gone. */
static void test_record_of_a_third(void **state)
{
	(void)state;
	open_world(3, "engine_of_a_third");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(1000);
	world.cut[3][1] = true; /* and hello has not noticed */
	update(3, 1, 1, 1, 1, 600, 1);
	run_unseen(30);
	assert_true(has(2, 1, 1));
	assert_null(at(1, 1));
	stop_site(3);
	RUN_UNTIL(has(1, 1, 1),
		SETTLE_MS - 100); /* before anybody takes it over, and tells of that */
}

static unsigned held_anew(unsigned mns)
{
	unsigned n = 0;

	for (unsigned mn = 0; mn < mns; mn++)
		n += has(1, mn, 20000 + mn);
	return n;
}

/* Site 1 has room for 100, in one range, and site 2 for more than are looked at for one question:
 * whatever both have is compared all the same, and what site 1 has no room for does not hold it up. */
static void test_unlike_sizes(void **state)
{
	const unsigned mns = 10000;

	(void)state;
	open_world(2, "engine_unlike_sizes");
	world.max = 2 * mns;
	world.conf.max_bindings = 100;
	start_site(1);
	world.conf.max_bindings = mns;
	start_site(2);
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	for (unsigned mn = 0; mn < 100; mn++)
		update(2, mn, 1, mn, 1, 6000, 1 + mn);
	run(1000);
	assert_int_equal(held_by_1(100), 100);
	link_sites(1, 2, false);
	run(1000);
	for (unsigned mn = 0; mn < mns; mn++)
		update(2, mn, 1, 20000 + mn, 2, 6000, 1 + mn);
	skip_stream(2, 1);
	link_sites(1, 2, true);
	RUN_UNTIL(held_anew(100) == 100, 3000);
	RUN_UNTIL(next_is_ready(&world.site[1].view, 2), 10000);
	assert_in_range(world.site[2].e->peer[1]->info.repaired, 100, 1000);
}

/* Whole lists of keys, while there is always something to acknowledge. */
static void test_full_lists(void **state)
{
	const unsigned mns = 1500;

	(void)state;
	open_world(2, "engine_full_lists");
	world.delay_ms = 20;
	world.conf.max_bindings = 2000; /* 16 ranges */
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	link_sites(1, 2, false);
	run(1000);
	for (unsigned mn = 0; mn < mns; mn++)
		update(2, mn, 1, mn, 1, 6000, 1 + mn);
	link_sites(1, 2, true);
	for (unsigned i = 0; i < 1000; i++) {
		world.site[2].e->peer[1]->in[STREAM_CHANGES].ack_due = true;
		world.site[1].e->peer[2]->in[STREAM_CHANGES].ack_due = true;
		step();
	}
	RUN_UNTIL(is_converged() && held_by_1(mns) == mns, 3000);
}

/* Some mobile nodes at each end say something new all the time. */
static void churn(unsigned first, unsigned mns, uint16_t *seq)
{
	for (uint8_t site = 1; site <= 2; site++)
		for (unsigned n = 0; n < 4; n++) {
			unsigned mn = first + site * mns + rng_below(&world.seed, mns);

			update(site, mn, 1, mn, ++*seq, 6000, 1 + mn);
		}
}

/*
 * Changes are always on their way, in every range and in both directions: whenever two lists of keys
 * are compared they differ. The round ends all the same, once, and what differed before it is mended.
 */
static void test_round_under_load(void **state)
{
	const unsigned old = 300, mns = 500;
	uint16_t seq = 1;

	(void)state;
	open_world(2, "engine_load");
	world.delay_ms = 50;
	world.loss_percent = 5;
	world.conf.ack_peers = 0;
	world.conf.max_bindings = 2000;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 5000);
	link_sites(1, 2, false);
	run(1000);
	for (unsigned mn = 0; mn < old; mn++)
		update(2, mn, 1, mn, 1, 6000, 1 + mn);
	skip_stream(2, 1);
	link_sites(1, 2, true);
	for (unsigned ms = 0; ms < 5000 && !next_is_ready(&world.site[2].view, 1); ms++) {
		churn(old, mns, &seq);
		step();
	}
	assert_true(next_is_ready(&world.site[2].view, 1));
	assert_int_equal(held_by_1(old), old);
	assert_int_equal(world.site[2].events[ENGINE_EV_UNLIKE], 0);
	RUN_UNTIL(is_converged(), 3000);
}

static bool is_young(uint64_t changed_ms, uint64_t since_ms, uint64_t now_ms)
{
	struct engine *e = world.site[1].e;

	mesh_at(1, 1)->changed = repair_tick(changed_ms);
	e->now_ms = now_ms;
	return repair_is_young(e, at(1, 1), since_ms);
}

/* By when it changed, when the round began, and what time it is. */
static void test_young(void **state)
{
	const uint64_t t = REPAIR_TICK_MS, all = t * REPAIR_TICKS, now = 3 * all + 100 * t;
	const struct {
		uint64_t changed_ms, since_ms, now_ms;
		bool is_young;
	} rows[] = {
		{ now, now, now, false }, /* within one unit nobody can tell */
		{ now + t - 1, now, now + t - 1, false },
		{ now, now, now + t, false },
		{ now + t, now, now + t, true },
		{ now - 1, now, now + 9 * t, false },
		{ now + 5 * t, now, now + 9 * t, true },
		{ 4 * all - t, 4 * all - 2 * t, 4 * all + 3 * t, true }, /* across the end */
		{ 4 * all - 3 * t, 4 * all - 2 * t, 4 * all + 3 * t, false },
		{ now - all + 2 * t, now, now + 3 * t, true }, /* once more, when it went round */
		{ now - all + 2 * t, now - t, now + t, false },
		{ now, now - all / 2, now, false }, /* a round that lasts for hours */
		{ now, now - all / 2 + t, now, true },
		{ now - all / 2, now - all / 2 + t, now, false },
	};

	(void)state;
	open_world(2, "engine_young");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	update(1, 1, 1, 1, 1, 6000, 1);
	for (size_t i = 0; i < DIM(rows); i++)
		if (is_young(rows[i].changed_ms, rows[i].since_ms, rows[i].now_ms) !=
			rows[i].is_young)
			fail_msg("row %zu", i);
}

/* What digests do not cover makes no record young, nor does what a round brings: that one counts as
 * old, whatever time it is. */
static void test_young_by_digest(void **state)
{
	uint16_t was;

	(void)state;
	open_world(2, "engine_young_by_digest");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	update(1, 1, 1, 1, 1, 6000, 1);
	run(4 * REPAIR_TICK_MS);
	was = mesh_at(1, 1)->changed;
	engine_soft(world.site[1].e, at(1, 1), world.now_ms);
	assert_int_equal(mesh_at(1, 1)->changed, was);
	engine_touched(world.site[1].e, at(1, 1), world.now_ms, WALL + world.now_ms);
	assert_int_equal(mesh_at(1, 1)->changed, repair_tick(world.now_ms));
	link_sites(1, 2, false);
	run(1000);
	update(2, 2, 1, 2, 1, 6000, 2);
	skip_stream(2, 1);
	link_sites(1, 2, true);
	RUN_UNTIL(has(1, 2, 2), 3000);
	assert_int_equal((mesh_at(1, 2)->changed + REPAIR_TICKS / 2) % REPAIR_TICKS,
		repair_tick(world.now_ms));
}

/* Site 1 learns a path MTU for it. */
static void touch_soft(void)
{
	engine_soft(world.site[1].e, at(1, 1), world.now_ms);
}

/* It has just changed there. */
static void touch_young(void)
{
	mesh_at(1, 1)->changed = repair_tick(world.now_ms + 1);
}

/*
 * Site 2 alone has the last word of a record, no stream carries it, and site 1 touches it all the time
 * in the round that lets site 2 back in. The first datagram with it is as good as lost.
 */
static void old_behind(const char *name, void (*touch)(void))
{
	uint64_t *repaired;

	open_world(2, name);
	world.delay_ms = 300;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 10000);
	update(2, 1, 1, 1, 1, 6000, 1);
	RUN_UNTIL(has(1, 1, 1) && is_converged(), 5000);
	link_sites(1, 2, false);
	run(3000);
	update(2, 1, 1, 2, 2, 6000, 2);
	skip_stream(2, 1);
	world.site[1].has_no_room = true;
	link_sites(1, 2, true);
	repaired = &world.site[2].e->peer[1]->info.repaired;
	for (*repaired = 0; *repaired == 0;) {
		touch();
		step();
	}
	for (unsigned ms = 0; ms < 310; ms++) {
		touch();
		step();
	}
	assert_false(has(1, 1, 2));
	world.site[1].has_no_room = false;
	for (unsigned ms = 0; ms < 10000 && !next_is_ready(&world.site[1].view, 2); ms++) {
		if (!has(1, 1, 2))
			touch();
		step();
	}
	assert_true(next_is_ready(&world.site[1].view, 2));
	assert_true(has(1, 1, 2));
}

static void test_old_behind_soft(void **state)
{
	(void)state;
	old_behind("engine_old_behind_soft", touch_soft);
}

static void test_old_behind_young(void **state)
{
	(void)state;
	old_behind("engine_old_behind_young", touch_young);
}

/* Rounds are numbered anew in each life of the site that asks: the first one of this life is not
 * the first one of the last. */
static void test_asked_in_two_lives(void **state)
{
	const struct asks *asks;
	uint64_t again_ms;

	(void)state;
	open_world(2, "engine_two_lives");
	start_all();
	asks = &world.site[2].e->peer[1]->asks;
	RUN_UNTIL(asks->id == 1, 10000);
	stop_site(1);
	run(3000);
	again_ms = world.now_ms;
	start_site(1);
	RUN_UNTIL(world.site[1].e->peer[2]->round.id == 1, 10000);
	run(2 * world.delay_ms);
	assert_int_equal(asks->id, 1);
	assert_true(asks->since_ms > again_ms);
}

/* Site 2 has heard something that site 1 has not, which asks about its keys: m answers that. */
static struct slot *asks_for_keys(const char *name, struct message_want *m)
{
	struct peer *p;
	struct slot *s;

	open_world(2, name);
	world.delay_ms = 300;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 10000);
	link_sites(1, 2, false);
	run(1000);
	update(2, 1, 1, 1, 1, 6000, 1);
	link_sites(1, 2, true);
	p = world.site[1].e->peer[2];
	RUN_UNTIL(p->round.domain != NOBODY && p->round.slot[0].kind == SLOT_KEYS, 5000);
	s = &p->round.slot[0];
	m->round = p->round.id;
	m->first = s->first;
	m->last = s->last;
	return s;
}

/* Who always says that a little less differs keeps a round no longer than that many may differ. */
static void test_differ_is_bounded(void **state)
{
	struct peer *p;
	struct message_want m = { .domain = DOMAIN_ID, .differ = UINT16_MAX };
	struct slot *s;

	(void)state;
	s = asks_for_keys("engine_differ", &m);
	p = world.site[1].e->peer[2];
	repair_want_heard(world.site[1].e, p, &m);
	assert_int_equal(s->differ, KEYS_WALK_MAX + MESSAGE_LISTED + 1);
}

/* What was wanted and could not be sent is a difference, though the other end has it for a change that
 * is younger than the round: only that end's change comes by a stream. */
static void test_unsent_is_left(void **state)
{
	struct message_want m = { .domain = DOMAIN_ID, .count = 1, .young = { 1 } };
	struct ip6_addr hoa = home(1);
	struct engine *e;
	struct peer *p;
	struct slot *s;

	(void)state;
	s = asks_for_keys("engine_unsent", &m);
	e = world.site[1].e;
	p = e->peer[2];
	assert_true(has(1, 1, 1));
	m.key[0] = record_key(DOMAIN_ID, &hoa);
	p->info.repaired = 0;
	p->tokens = -1;
	p->credit = 0;
	e->input_work = WORK_INPUT;
	repair_want_heard(e, p, &m);
	assert_int_equal(p->info.repaired, 0);
	assert_int_equal(s->kind, SLOT_KEYS);
	assert_int_equal(s->unsent, 1);
	assert_int_equal(s->differ, 1);
	p->credit = 1; /* the last that it is good for */
	repair_want_heard(e, p, &m);
	assert_int_equal(p->info.repaired, 1);
	assert_true(p->credit < 0);
	assert_int_equal(s->unsent, 0);
	assert_int_equal(s->differ, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_teardown(test_young, tear_down),
	cmocka_unit_test_teardown(test_young_by_digest, tear_down),
	cmocka_unit_test_teardown(test_old_behind_soft, tear_down),
	cmocka_unit_test_teardown(test_old_behind_young, tear_down),
	cmocka_unit_test_teardown(test_asked_in_two_lives, tear_down),
	cmocka_unit_test_teardown(test_differ_is_bounded, tear_down),
	cmocka_unit_test_teardown(test_unsent_is_left, tear_down),
	cmocka_unit_test_teardown(test_round_under_load, tear_down),
	cmocka_unit_test_teardown(test_speaker_changes, tear_down),
	cmocka_unit_test_teardown(test_partial_round, tear_down),
	cmocka_unit_test_teardown(test_partial_thaw, tear_down),
	cmocka_unit_test_teardown(test_no_progress, tear_down),
	cmocka_unit_test_teardown(test_one_range, tear_down),
	cmocka_unit_test_teardown(test_one_of_many, tear_down),
	cmocka_unit_test_teardown(test_record_of_a_third, tear_down),
	cmocka_unit_test_teardown(test_unlike_sizes, tear_down),
	cmocka_unit_test_teardown(test_full_lists, tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
