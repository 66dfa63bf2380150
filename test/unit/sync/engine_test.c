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

/* What was lost comes again once, not with each acknowledgement that still names it; and it is not
 * taken for lost while it stands in a queue that hello's round trip knows nothing of. */
static void test_again_once(void **state)
{
	const unsigned mns = 5000;
	struct engine_peer_info info;
	uint64_t lost;

	(void)state;
	open_world(2, "engine_again");
	world.max = 2 * mns;
	world.conf.ack_peers = 0;
	world.conf.max_bindings = mns;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	world.queue_ms = 60;
	world.loss_percent = 10;
	lost = world.lost;
	for (unsigned mn = 0; mn < mns; mn++)
		update(1, mn, 1, mn, 1, 600, 1);
	RUN_UNTIL(is_converged(), 20000);
	world.loss_percent = 0;
	lost = world.lost - lost;
	assert_int_equal(engine_peer_info(world.site[1].e, 2, &info), 0);
	assert_in_range(info.sent_again, lost / 4, 5 * lost / 2); /* lost: acknowledgements, too */
}

/* Nor is all that stands behind what was lost first, when that is told again, before an answer to that
 * can be there: the queue is as long for it. */
static void test_first_is_lost(void **state)
{
	const unsigned mns = 5000;
	struct engine_peer_info info;
	struct engine *e;
	uint64_t before;

	(void)state;
	open_world(2, "engine_first");
	world.max = 2 * mns;
	world.conf.ack_peers = 0;
	world.conf.max_bindings = mns;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	e = world.site[1].e;
	world.queue_ms = 60;
	e->peer[2]->lag_ms = 2 * (60 + 5); /* which is known */
	update(1, 0, 1, 0, 1, 600, 1);
	world.cut[1][2] = true; /* not noticed */
	for (unsigned ms = 0; ms < LAZY_MS && world.lost == 0; ms++)
		run_unseen(1);
	world.cut[1][2] = false;
	assert_int_equal(world.lost, 1);
	assert_int_equal(engine_peer_info(e, 2, &info), 0);
	before = info.sent_again;
	for (unsigned mn = 1; mn < mns; mn++)
		update(1, mn, 1, mn, 1, 600, 1);
	RUN_UNTIL(is_converged(), 20000);
	assert_int_equal(engine_peer_info(e, 2, &info), 0);
	assert_in_range(info.sent_again - before, 1, 4);
}

/* --- commits --- */

static void test_ack_all_and_the_dead(void **state)
{
	(void)state;
	open_world(3, "engine");
	world.conf.ack_peers = ENGINE_ACK_ALL;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(200);
	world.cut[1][3] = true; /* lost on the way, and not known yet */
	assert_int_equal(update(1, 1, 1, 1, 1, 600, 1), ENGINE_WAITS);
	engine_turn(world.site[1].e, world.now_ms, WALL + world.now_ms, 2000);
	world.cut[1][3] = false;
	run(60);
	assert_int_equal(world.site[1].committed[1], ENGINE_WAITS); /* 2 has it, 3 has not */
	assert_true(has(2, 1, 1));
	assert_false(has(3, 1, 1));
	stop_site(3); /* no longer waited for */
	RUN_UNTIL(world.site[1].committed[1] == ENGINE_HELD, 3);
}

/* One that joins is filled, has no say yet, and takes long to answer. */
static void test_ack_all_and_who_joins(void **state)
{
	(void)state;
	open_world(3, "engine");
	world.conf.ack_peers = ENGINE_ACK_ALL;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(200);
	stop_site(3);
	step();
	world.more_ms[3][1] = 150;
	start_site(3);
	engine_clock(world.site[3].e, DOMAIN, true, world.now_ms);
	RUN_UNTIL(world.site[3].events[ENGINE_EV_CLOCK] == 1, 3000);
	assert_int_equal(update(1, 1, 1, 1, 1, 600, 1), ENGINE_WAITS);
	RUN_UNTIL(world.site[1].committed[1] == ENGINE_HELD, 2 * 5 + 3);
	assert_int_equal(world.site[3].says, NEXT_JOINING);
	engine_clock(world.site[3].e, DOMAIN, false, world.now_ms);
	RUN_UNTIL(world.site[3].says == NEXT_READY, 3000);
	run(1000);
	assert_int_equal(update(1, 2, 1, 2, 1, 600, 2), ENGINE_WAITS);
	run(100);
	assert_true(has(2, 2, 2) && has(3, 2, 2));
	assert_int_equal(world.site[1].committed[2], ENGINE_WAITS);
	RUN_UNTIL(world.site[1].committed[2] == ENGINE_HELD, 150);
}

static void test_timeout(void **state)
{
	uint64_t from;

	(void)state;
	open_ready(2);
	run(200);
	world.loss_percent = 100;
	from = world.now_ms;
	assert_int_equal(update(1, 1, 1, 1, 1, 600, 1), ENGINE_WAITS);
	RUN_UNTIL(world.site[1].committed[1] == ENGINE_OUT_OF_TIME, 250);
	assert_in_range(world.site[1].committed_ms[1], from + 200, from + 215);
	{
		struct engine_domain_info info;

		assert_int_equal(engine_domain_info(world.site[1].e, DOMAIN, &info), 0);
		assert_int_equal(info.alone, 1);
		assert_int_equal(world.site[1].events[ENGINE_EV_ALONE], 1);
		world.loss_percent = 0;
		run(500);
		assert_int_equal(engine_domain_info(world.site[1].e, DOMAIN, &info), 0);
		assert_int_equal(info.alone, 0);
	}
}

/* Of the nearest one, and no longer than a mobile node waits. */
static void test_timeout_follows_rtt(void **state)
{
	static const struct {
		unsigned delay_ms, timeout_ms;
	} rows[] = { { 200, 850 }, { 300, 900 }, { 500, 900 } };
	uint64_t from;

	(void)state;
	for (unsigned i = 0; i < DIM(rows); i++) {
		open_world(3, "engine");
		world.delay_ms = rows[i].delay_ms;
		world.more_ms[1][3] = world.more_ms[3][1] = 400;
		start_all();
		RUN_UNTIL(all_say(NEXT_READY), 12000);
		run(2000);
		world.loss_percent = 100;
		from = world.now_ms;
		assert_int_equal(update(1, 1, 1, 1, 1, 600, 1), ENGINE_WAITS);
		run(1500);
		assert_int_equal(world.site[1].committed[1], ENGINE_OUT_OF_TIME);
		assert_in_range(world.site[1].committed_ms[1], from + rows[i].timeout_ms,
			from + rows[i].timeout_ms + 15);
		close_world();
	}
	open_ready(2);
}

static void test_repeat_joins_the_wait(void **state)
{
	(void)state;
	open_ready(2);
	run(200);
	world.loss_percent = 100;
	assert_int_equal(update(1, 1, 1, 1, 1, 600, 1), ENGINE_WAITS);
	run(50);
	assert_int_equal(update(1, 1, 1, 1, 2, 600, 2), ENGINE_WAITS);
	world.loss_percent = 0;
	run(120);
	assert_int_equal(world.site[1].committed[1], ENGINE_HELD);
	assert_int_equal(world.site[1].committed[2], ENGINE_HELD);
	/* a refresh afterwards waits for nobody */
	assert_int_equal(update(1, 1, 1, 1, 3, 600, 3), ENGINE_HELD);
	/* ... but one that claims does */
	assert_int_equal(update(2, 1, 1, 1, 4, 600, 4), ENGINE_WAITS);
}

/* A record that changed again before it was sent counts only once the newer state is held. */
static void test_wait_moves(void **state)
{
	(void)state;
	open_ready(2);
	run(200);
	world.cut[1][2] = true;
	update(1, 1, 1, 1, 1, 600, 1);
	update(1, 2, 1, 2, 1, 600, 2);
	engine_turn(world.site[1].e, world.now_ms, WALL + world.now_ms, 2000);
	update(1, 1, 1, 11, 2, 600, 3);
	for (uint32_t i = world.site[1].e->domain[0].wait_head; i != 0;
		i = world.site[1].e->wait[i].next) {
		const struct wait *w = &world.site[1].e->wait[i];

		assert_int_equal(
			w->change, records_mesh_at(world.site[1].rs, w->handle)->change.number);
	}
	world.cut[1][2] = false;
	RUN_UNTIL(world.site[1].committed[1] == ENGINE_HELD, 190);
	assert_true(has(2, 1, 11));
}

static unsigned committed(unsigned from, unsigned count)
{
	unsigned n = 0;

	for (unsigned i = from; i < from + count; i++)
		n += world.site[1].committed[i] != ENGINE_WAITS;
	return n;
}

/* One acknowledgement may end all waits that there are: some in each turn, the rest at once in the
 * next ones. */
static void test_waits_end_in_slices(void **state)
{
	enum { COUNT = 500, BUDGET = 100 };
	struct message_ack m = { .stream = STREAM_CHANGES };
	unsigned before;
	const struct out *out;
	struct engine *e;
	uint32_t budget;

	(void)state;
	open_ready(2);
	run(200);
	e = world.site[1].e;
	out = &e->peer[2]->out[STREAM_CHANGES];
	world.cut[1][2] = world.cut[2][1] = true; /* not noticed */
	for (unsigned mn = 0; mn < COUNT; mn++)
		assert_int_equal(update(1, mn, 1, mn, 1, 600, 1 + mn), ENGINE_WAITS);
	for (unsigned ms = 0; ms < 150 && out->sent < changes_last(e->changes); ms++)
		run_unseen(1);
	assert_int_equal(out->sent, changes_last(e->changes));
	m.id = out->id;
	m.until = out->sent;
	stream_ack(e, e->peer[2], &m);
	assert_int_equal(committed(1, COUNT), 0);
	engine_turn(e, world.now_ms, WALL + world.now_ms, BUDGET);
	before = committed(1, COUNT);
	assert_in_range(before, 1, BUDGET);
	while (before + BUDGET < COUNT) {
		budget = BUDGET;
		assert_int_equal(commit_turn(e, &budget), 0);
		before += BUDGET;
		assert_int_equal(committed(1, COUNT), before);
	}
	budget = BUDGET + 1;
	assert_int_not_equal(commit_turn(e, &budget), 0);
	assert_int_equal(committed(1, COUNT), COUNT);
	for (unsigned i = 1; i <= COUNT; i++)
		assert_int_equal(world.site[1].committed[i], ENGINE_HELD);
}

/* More that wait for a record that does not change stand behind its first one, whatever changed
 * since. */
static void test_wait_joins_its_record(void **state)
{
	struct site *s = &world.site[1];
	const struct wait *w;
	uint32_t first;

	(void)state;
	open_ready(2);
	run(200);
	for (unsigned mn = 0; mn < 10; mn++)
		assert_int_equal(update(1, mn, 1, mn, 1, 600, 1 + mn), ENGINE_WAITS);
	for (unsigned i = 0; i < 2; i++) {
		s->committed[20 + i] = ENGINE_WAITS;
		assert_int_equal(engine_wait(s->e, at(1, 3), 20 + i, world.now_ms), ENGINE_WAITS);
	}
	w = s->e->wait;
	first = s->e->domain[0].wait_head;
	for (unsigned i = 0; i < 3; i++)
		first = w[first].next;
	assert_int_equal(w[first].token, 4);
	for (unsigned i = 0; i < 2; i++) {
		first = w[first].next;
		assert_int_equal(w[first].token, 20 + i);
	}
	for (uint32_t i = s->e->domain[0].wait_head; w[i].next != 0; i = w[i].next)
		assert_true(w[i].change <= w[w[i].next].change);
	/* when it changes they move, and stay in their order */
	assert_int_equal(update(1, 3, 1, 33, 2, 600, 30), ENGINE_WAITS);
	first = s->e->domain[0].wait_tail;
	for (unsigned i = 0; i < 4; i++, first = w[first].prev)
		assert_int_equal(w[first].token, ((unsigned[]){ 30, 21, 20, 4 })[i]);
	RUN_UNTIL(committed(20, 2) == 2, 30);
	assert_int_equal(s->committed[20], ENGINE_HELD);
	assert_int_equal(s->committed[21], ENGINE_HELD);
}

/* A refresh that no other site is there to hear of: who loses this one loses it. */
static void test_refresh_alone(void **state)
{
	struct engine_domain_info info;

	(void)state;
	open_ready(2);
	run(200);
	update(1, 1, 1, 1, 1, 600, 1);
	RUN_UNTIL(is_converged() && has(2, 1, 1), 300);
	run(50);
	assert_int_equal(update(1, 1, 1, 1, 2, 600, 2), ENGINE_HELD);
	assert_int_equal(mesh_at(1, 1)->flags & RECORD_ALONE, 0);
	run(1500);
	world.cut[1][2] = world.cut[2][1] = true;
	run(5);
	assert_int_equal(update(1, 1, 1, 1, 3, 600, 3), ENGINE_HELD);
	assert_true(mesh_at(1, 1)->flags & RECORD_ALONE);
	assert_int_equal(world.site[1].events[ENGINE_EV_ALONE], 1);
	world.cut[1][2] = world.cut[2][1] = false;
	RUN_UNTIL(engine_domain_info(world.site[1].e, DOMAIN, &info) == 0 && info.alone == 0, 3000);
	assert_true(is_converged());
}

static unsigned alone_at(unsigned n)
{
	struct engine_domain_info info;

	assert_int_equal(engine_domain_info(world.site[n].e, DOMAIN, &info), 0);
	return info.alone;
}

/* Others are configured, and none is up, from the start or while it is waited for: the store must have
 * it, and it is alone until one is told. */
static void test_nobody_is_up(void **state)
{
	(void)state;
	open_world(2, "engine");
	world.conf.commit_timeout_ms = 900;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(200);
	world.loss_percent = 100; /* not known to be gone yet */
	assert_int_equal(update(1, 1, 1, 1, 1, 600, 1), ENGINE_WAITS);
	assert_int_equal(alone_at(1), 0);
	world.cut[1][2] = world.cut[2][1] = true;
	RUN_UNTIL(world.site[1].committed[1] == ENGINE_ALONE, 10);
	assert_int_equal(alone_at(1), 1);
	assert_int_equal(update(1, 2, 1, 2, 1, 600, 2), ENGINE_ALONE);
	assert_int_equal(alone_at(1), 2);
	assert_true(mesh_at(1, 1)->flags & mesh_at(1, 2)->flags & RECORD_ALONE);
	assert_int_equal(world.site[1].events[ENGINE_EV_ALONE], 2);
	world.loss_percent = 0;
	world.cut[1][2] = world.cut[2][1] = false;
	RUN_UNTIL(alone_at(1) == 0, 3000);
	assert_true(has(2, 1, 1) && has(2, 2, 2));
}

/* Nothing was promised: it is not alone, whoever is there. */
static void test_ack_nobody(void **state)
{
	(void)state;
	open_world(2, "engine");
	world.conf.ack_peers = 0;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	assert_int_equal(update(1, 1, 1, 1, 1, 600, 1), ENGINE_HELD);
	world.cut[1][2] = world.cut[2][1] = true;
	run(5);
	assert_int_equal(update(1, 1, 1, 1, 2, 600, 2), ENGINE_HELD);
	assert_int_equal(update(1, 2, 1, 2, 1, 600, 3), ENGINE_HELD);
	assert_int_equal(alone_at(1), 0);
}

static void test_waits_are_bounded(void **state)
{
	(void)state;
	open_world(2, "engine");
	world.max_waits = 10;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	for (unsigned mn = 0; mn < 10; mn++)
		assert_int_equal(update(1, mn, 1, 1, 1, 600, 1 + mn), ENGINE_WAITS);
	assert_int_equal(update(1, 10, 1, 1, 1, 600, 11), ENGINE_OUT_OF_TIME);
	assert_int_equal(world.site[1].events[ENGINE_EV_WAITS_FULL], 1);
	RUN_UNTIL(world.site[1].committed[10] == ENGINE_HELD, 30);
	assert_int_equal(update(1, 11, 1, 1, 1, 600, 12), ENGINE_WAITS);
}

/* --- fences --- */

static bool is_held_full(void)
{
	struct engine_peer_info info;

	assert_int_equal(engine_peer_info(world.site[1].e, 2, &info), 0);
	return info.full;
}

/* There is room again, and nothing else to be said: whoever was told that there is none hears it,
 * though the first word of it is lost. */
static void test_room_again(void **state)
{
	(void)state;
	open_world(2, "engine_room");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	world.site[2].e->domain[0].conf.max_bindings = 5;
	for (unsigned mn = 0; mn < 10; mn++)
		update(1, mn, 1, mn, 1, 600, 1 + mn);
	run(300);
	assert_true(is_held_full());
	world.site[2].e->domain[0].conf.max_bindings = 50;
	RUN_UNTIL(!is_held_full(), 2000);
	world.site[2].e->domain[0].conf.max_bindings = 5;
	update(1, 20, 1, 20, 1, 600, 20);
	run(300);
	assert_true(is_held_full());
	world.loss_percent = 100;
	world.site[1].e->peer[2]->round_due_ms += 60000;
	RUN_UNTIL(world.site[2].e->domain[0].room_told[1] == 1, 2000);
	world.loss_percent = 0;
	RUN_UNTIL(!is_held_full(), 2000);
}

static void test_full_peer_does_not_count(void **state)
{
	struct engine_peer_info info;

	(void)state;
	open_world(3, "engine");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	world.site[2].e->domain[0].conf.max_bindings = 5;
	for (unsigned mn = 0; mn < 10; mn++)
		update(1, mn, 1, mn, 1, 600, 1 + mn);
	run(300);
	assert_int_equal(records_live_in(world.site[2].rs, DOMAIN), 5);
	assert_int_equal(records_live_in(world.site[3].rs, DOMAIN), 10);
	assert_int_equal(engine_peer_info(world.site[1].e, 2, &info), 0);
	assert_true(info.full);
	assert_true(world.site[2].events[ENGINE_EV_FULL] > 0);
	/* the only one that is left refuses: alone */
	stop_site(3);
	run(5);
	assert_int_not_equal(update(1, 20, 1, 20, 1, 600, 20), ENGINE_HELD);
	run(250);
	assert_int_not_equal(world.site[1].committed[20], ENGINE_HELD);
	assert_int_not_equal(world.site[1].committed[20], ENGINE_WAITS);
}

static void test_foreign_records(void **state)
{
	struct engine_peer_info info;

	(void)state;
	open_ready(2);
	world.covers_none = true;
	update(1, 1, 1, 1, 1, 600, 1);
	run(300);
	assert_null(at(2, 1));
	assert_int_not_equal(world.site[1].committed[1], ENGINE_HELD);
	assert_int_equal(engine_peer_info(world.site[2].e, 1, &info), 0);
	assert_true(info.refused > 0);
	assert_int_equal(world.site[2].events[ENGINE_EV_FOREIGN], 1);
}

/* A peer that sends more than it may is slowed down, and nothing is lost by that. */
static void test_record_rate(void **state)
{
	(void)state;
	open_world(2, "engine");
	world.records_s = 100;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(1000);
	for (unsigned mn = 0; mn < 300; mn++)
		update(1, mn, 1, mn, 1, 600, 1 + mn);
	run(1000);
	assert_in_range(records_live_in(world.site[2].rs, DOMAIN), 100, 220);
	RUN_UNTIL(records_live_in(world.site[2].rs, DOMAIN) == 300, 5000);
}

static void test_no_room_is_no_loss(void **state)
{
	(void)state;
	open_ready(2);
	world.site[2].has_no_room = true;
	update(1, 1, 1, 1, 1, 600, 1);
	run(100);
	assert_null(at(2, 1));
	assert_int_equal(world.site[1].committed[1], ENGINE_WAITS);
	world.site[2].has_no_room = false;
	RUN_UNTIL(world.site[1].committed[1] == ENGINE_HELD, 150);
	/* the same for one that changes */
	world.site[2].has_no_room = true;
	update(1, 1, 1, 2, 2, 600, 2);
	run(100);
	assert_true(has(2, 1, 1));
	world.site[2].has_no_room = false;
	RUN_UNTIL(has(2, 1, 2), 300);
}

/* What was refused comes as soon as there is room, not when all is compared the next time. */
static void test_refused_comes_with_room(void **state)
{
	struct peer *p;

	(void)state;
	open_ready(2);
	p = world.site[1].e->peer[2];
	world.site[2].has_no_room = true;
	update(1, 1, 1, 1, 1, 600, 1);
	RUN_UNTIL(world.site[1].events[ENGINE_EV_PEER_FULL] == 1, 2000);
	run(200);
	assert_null(at(2, 1));
	p->round_due_ms = world.now_ms + 600000;
	world.site[2].has_no_room = false;
	RUN_UNTIL(has(2, 1, 1), 2500);
}

/* --- bounds --- */

/* A peer that comes back after a thousand changes is told the state, not the story. */
static void test_slow_peer_costs_no_story(void **state)
{
	uint64_t before;

	(void)state;
	open_ready(2);
	update(1, 1, 1, 0, 1, 600, 1);
	run(500);
	world.cut[1][2] = world.cut[2][1] = true;
	run(5);
	for (uint16_t i = 2; i < 1002; i++) {
		update(1, i % 10, 1, i, i, 600, 2);
		if (i % 10 == 0)
			step();
	}
	world.cut[1][2] = world.cut[2][1] = false;
	before = world.site[2].e->peer[1]->info.records_in;
	run(1000);
	assert_true(has(2, 9, 999));
	assert_in_range(world.site[2].e->peer[1]->info.records_in - before, 10, 40);
}

/* Refreshes are collected: many in one datagram, within a second. */
static void test_refreshes_are_lazy(void **state)
{
	uint64_t before;

	(void)state;
	open_ready(2);
	for (unsigned mn = 0; mn < 100; mn++)
		update(1, mn, 1, mn, 1, 600, 1 + mn);
	run(1000);
	before = world.sent[1];
	for (unsigned mn = 0; mn < 100; mn++) {
		assert_int_equal(update(1, mn, 1, mn, 2, 600, 200 + mn), ENGINE_HELD);
		if (mn % 2 == 0)
			step();
	}
	run(900);
	assert_in_range(world.sent[1] - before, 1, 30);
	for (unsigned mn = 0; mn < 100; mn++)
		assert_int_equal(mesh_at(2, mn)->content.ext_seq, 2);
}

static uint16_t mtu_at(uint8_t node, unsigned mn)
{
	const struct record_extra *x = records_extra(world.site[node].rs, at(node, mn));

	return x == NULL ? 0 : x->mtu;
}

/* What a stranger's site learned of the path reaches the owner, and makes the record no newer. */
static void test_path_mtu_is_soft(void **state)
{
	struct content_version before;
	struct record *r;

	(void)state;
	open_ready(2);
	update(1, 1, 1, 1, 1, 600, 1);
	RUN_UNTIL(is_converged() && has(2, 1, 1), 1000);
	before = mesh_at(2, 1)->content;
	r = at(2, 1);
	assert_int_equal(records_set_mtu(world.site[2].rs, r, 1400, world.now_ms + 600000), 0);
	engine_soft(world.site[2].e, r, world.now_ms);
	RUN_UNTIL(mtu_at(1, 1) == 1400, 2000);
	for (uint8_t node = 1; node <= 2; node++)
		assert_int_equal(content_version_cmp(&mesh_at(node, 1)->content, &before), 0);
	assert_int_equal(owner_at(1, 1), 1);
	assert_int_equal(owner_at(2, 1), 1);
}

/* Nor does it make who waits for the record wait longer. */
static void test_path_mtu_while_somebody_waits(void **state)
{
	struct record *r;
	uint64_t from_ms;

	(void)state;
	open_ready(2);
	update(1, 1, 1, 1, 1, 600, 1);
	RUN_UNTIL(is_converged() && has(2, 1, 1), 1000);
	run(300);
	from_ms = world.now_ms;
	assert_int_equal(update(1, 1, 1, 2, 2, 600, 2), ENGINE_WAITS);
	run(4);
	r = at(1, 1);
	assert_int_equal(records_set_mtu(world.site[1].rs, r, 1400, world.now_ms + 600000), 0);
	engine_soft(world.site[1].e, r, world.now_ms);
	RUN_UNTIL(world.site[1].committed[2] != ENGINE_WAITS, 500);
	assert_int_equal(world.site[1].committed[2], ENGINE_HELD);
	assert_in_range(world.now_ms - from_ms, 0, 4 + 2 * world.delay_ms + 5);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_teardown(test_registration_arrives, tear_down),
	cmocka_unit_test_teardown(test_many_over_a_bad_wire, tear_down),
	cmocka_unit_test_teardown(test_again_once, tear_down),
	cmocka_unit_test_teardown(test_first_is_lost, tear_down),
	cmocka_unit_test_teardown(test_ack_all_and_the_dead, tear_down),
	cmocka_unit_test_teardown(test_ack_all_and_who_joins, tear_down),
	cmocka_unit_test_teardown(test_timeout, tear_down),
	cmocka_unit_test_teardown(test_timeout_follows_rtt, tear_down),
	cmocka_unit_test_teardown(test_repeat_joins_the_wait, tear_down),
	cmocka_unit_test_teardown(test_wait_moves, tear_down),
	cmocka_unit_test_teardown(test_waits_end_in_slices, tear_down),
	cmocka_unit_test_teardown(test_wait_joins_its_record, tear_down),
	cmocka_unit_test_teardown(test_refresh_alone, tear_down),
	cmocka_unit_test_teardown(test_nobody_is_up, tear_down),
	cmocka_unit_test_teardown(test_ack_nobody, tear_down),
	cmocka_unit_test_teardown(test_waits_are_bounded, tear_down),
	cmocka_unit_test_teardown(test_room_again, tear_down),
	cmocka_unit_test_teardown(test_full_peer_does_not_count, tear_down),
	cmocka_unit_test_teardown(test_foreign_records, tear_down),
	cmocka_unit_test_teardown(test_record_rate, tear_down),
	cmocka_unit_test_teardown(test_no_room_is_no_loss, tear_down),
	cmocka_unit_test_teardown(test_refused_comes_with_room, tear_down),
	cmocka_unit_test_teardown(test_slow_peer_costs_no_story, tear_down),
	cmocka_unit_test_teardown(test_refreshes_are_lazy, tear_down),
	cmocka_unit_test_teardown(test_path_mtu_is_soft, tear_down),
	cmocka_unit_test_teardown(test_path_mtu_while_somebody_waits, tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
