/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams that lose everything at the wrong moment, drains that meet trouble. */
#include "engine_world.h"

#define QUEUE_MS 100 /* one way */

static int tear_down(void **state)
{
	(void)state;
	close_world();
	return 0;
}

static void open_ready(uint8_t sites)
{
	open_world(sites, "engine_edge");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(300);
}

static void register_some(uint8_t node, unsigned count)
{
	for (unsigned mn = 0; mn < count; mn++) {
		update(node, mn, 1, mn, 1, 600, 1 + mn);
		if (mn % 20 == 0)
			run(5);
	}
}

/* --- streams --- */

/* A whole window is lost just when the snapshot is asked for again: it must get there. */
static void lose_window(unsigned phase_ms)
{
	struct peer *giver, *taker;

	open_world(2, "engine_edge");
	world.rate = 2500000;
	world.delay_ms = 10;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 5000);
	register_some(1, 3000);
	run(1000);
	stop_site(2);
	run(500);
	start_site(2);
	giver = world.site[1].e->peer[2];
	taker = world.site[2].e->peer[1];
	RUN_UNTIL(taker->asked_domain != NOBODY &&
			  giver->out[STREAM_SNAPSHOT].id == taker->asked_id &&
			  giver->out[STREAM_SNAPSHOT].sent > 100,
		5000);
	run(phase_ms);
	world.loss_percent = 100;
	while (world.now_ms + 1 < taker->asked_ms + RETRY_MS)
		step();
	world.loss_percent = 0;
	RUN_UNTIL(world.site[2].says == NEXT_READY, 10000);
	assert_true(has(2, 2999, 2999));
	close_world();
}

static void test_window_lost(void **state)
{
	(void)state;
	for (unsigned phase_ms = 0; phase_ms < 120; phase_ms += 20)
		lose_window(phase_ms);
	open_ready(2);
}

/* The count of datagrams goes round: nobody notices. */
static void test_count_goes_round(void **state)
{
	const uint32_t near_end = 0xffffffe0U;
	struct peer *a, *b;

	(void)state;
	open_ready(2);
	run(1000);
	a = world.site[1].e->peer[2];
	b = world.site[2].e->peer[1];
	assert_int_equal(a->numbered, a->heard_until);
	a->numbered = a->heard_until = near_end;
	b->highest = b->received = near_end;
	a->lost = 0;
	for (unsigned mn = 0; mn < 600; mn++) {
		update(1, mn, 1, mn, 1, 600, 1 + mn);
		run(5);
	}
	run(300);
	assert_true(a->numbered < near_end);
	assert_int_equal(a->heard_until, a->numbered);
	for (unsigned mn = 0; mn < 600; mn++)
		assert_int_equal(world.site[1].committed[1 + mn], ENGINE_HELD);
}

/* --- drain --- */

/* What changes in another domain is none of the successor's business, and not waited for. */
static void test_drain_beside_another_domain(void **state)
{
	struct ip6_addr hoa = home(3999), coa = care_of(1);
	struct record *r;

	(void)state;
	open_ready(2);
	for (unsigned mn = 0; mn < 10; mn++)
		update(2, mn, 1, mn, 1, 600, 1 + mn);
	run(500);
	r = records_add(world.site[1].rs, DOMAIN + 2, &hoa);
	assert_non_null(r);
	records_set(world.site[1].rs, r, RECORD_LIVE, &coa, world.now_ms + 600000);
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), 0);
	for (unsigned i = 0; i < 1000; i++) {
		run(1);
		changes_touch(world.site[1].e->changes, r->handle);
	}
	RUN_UNTIL(world.site[1].says == NEXT_LEFT, 1000);
	changes_del(world.site[1].e->changes, r->handle);
}

static void test_drain_refused(void **state)
{
	(void)state;
	open_world(2, "engine_edge");
	start_site(1);
	world.conf.max_bindings = 200;
	start_site(2);
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(300);
	register_some(1, 300);
	run(2000);
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), 0);
	run(5000);
	assert_int_equal(world.site[1].says, NEXT_DRAINING);
	assert_int_equal(world.site[1].events[ENGINE_EV_DRAINED], 0);
	assert_int_equal(world.site[1].events[ENGINE_EV_DRAIN_REFUSED], 1);
	/* there is room again, and a digest round has brought the rest */
	world.site[2].e->domain[0].conf.max_bindings = 400;
	RUN_UNTIL(world.site[1].says == NEXT_LEFT, 30000);
	for (unsigned mn = 0; mn < 300; mn++)
		assert_true(has(2, mn, mn));
}

/* The only successor hears us through another site: that one must have everything. */
static void test_drain_to_one_cut_off(void **state)
{
	(void)state;
	open_ready(3);
	world.cut[1][3] = world.cut[3][1] = true;
	run(500);
	world.loss_percent = 100;
	engine_stall(world.site[2].e, 1000, world.now_ms); /* joining: no successor */
	run(5);
	update(1, 1, 1, 1, 1, 600, 1);
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), 0);
	run(3000);
	assert_int_equal(world.site[1].says, NEXT_DRAINING);
	world.loss_percent = 0;
	RUN_UNTIL(world.site[1].says == NEXT_LEFT, 3000);
	RUN_UNTIL(has(3, 1, 1), 500);
}

static void test_drain_outlasts_a_stall(void **state)
{
	(void)state;
	open_ready(2);
	register_some(1, 10);
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), 0);
	run(100);
	engine_stall(world.site[1].e, 1000, world.now_ms);
	assert_int_equal(world.site[1].says, NEXT_JOINING);
	RUN_UNTIL(world.site[1].says != NEXT_JOINING, 3000);
	assert_int_equal(world.site[1].says, NEXT_DRAINING);
	RUN_UNTIL(world.site[1].says == NEXT_LEFT, 3000);
	for (unsigned mn = 0; mn < 10; mn++)
		assert_int_equal(owner_at(2, mn), 2);
}

static void test_undrain_after_a_stall(void **state)
{
	(void)state;
	open_ready(2);
	assert_int_equal(engine_drain(world.site[1].e, DOMAIN, false, world.now_ms), 0);
	run(100);
	engine_stall(world.site[1].e, 1000, world.now_ms);
	assert_int_equal(engine_undrain(world.site[1].e, DOMAIN, world.now_ms), 0);
	RUN_UNTIL(world.site[1].says != NEXT_JOINING, 3000);
	assert_int_equal(world.site[1].says, NEXT_READY);
}

/* --- snapshots --- */

/* Who had to refuse a part of it does not know everything: not ready. */
static void test_snapshot_refused(void **state)
{
	(void)state;
	open_ready(2);
	register_some(1, 300);
	stop_site(2);
	run(500);
	world.conf.max_bindings = 200;
	start_site(2);
	run(5000);
	assert_int_equal(world.site[2].says, NEXT_JOINING);
	assert_int_equal(world.site[2].events[ENGINE_EV_SNAPSHOT_REFUSED], 1);
	assert_in_range(world.site[2].events[ENGINE_EV_SNAPSHOT_BEGUN], 2, 6); /* tries again */
	world.site[2].e->domain[0].conf.max_bindings = 400;
	RUN_UNTIL(world.site[2].says == NEXT_READY, 2000);
	for (unsigned mn = 0; mn < 300; mn++)
		assert_true(has(2, mn, mn));
}

static void test_snapshot_nobody_wants(void **state)
{
	struct engine *e;
	uint64_t again;

	(void)state;
	open_ready(2);
	register_some(1, 300);
	e = world.site[1].e;
	snapshot_give(e, e->peer[2], &e->domain[0], 1000, 1);
	run(5000);
	again = e->peer[2]->info.sent_again;
	run(20000);
	assert_int_equal(e->peer[2]->info.sent_again, again);
	/* one that is wanted is given all the same */
	stop_site(2);
	start_site(2);
	RUN_UNTIL(world.site[2].says == NEXT_READY, 3000);
	assert_true(has(2, 299, 299));
}

/* A site joins another one that has 16,000 bindings; what the snapshot cost. */
static const struct engine_peer_info *join_at(uint32_t here, uint32_t there)
{
	open_world(2, "engine_edge_rate");
	world.max = world.conf.max_bindings = 16000;
	world.seen_max = 2 * world.max;
	world.records_s = here;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	stop_site(2);
	register_some(1, 16000);
	run(1000);
	world.records_s = there;
	start_site(2);
	RUN_UNTIL(world.site[2].says == NEXT_READY, 8000);
	return &world.site[1].e->peer[2]->info;
}

/* The way there carries more records than the peer takes: nothing is told in vain. */
static void test_snapshot_at_records_rate(void **state)
{
	const struct engine_peer_info *info;

	(void)state;
	info = join_at(4000, 4000);
	assert_true(info->sent_again * 10 <= info->sent);
}

/* The peer takes fewer than we tell: it says so, and what was told in vain is a share. */
static void test_snapshot_at_peers_rate(void **state)
{
	const struct engine_peer_info *info;

	(void)state;
	info = join_at(1000000, 4000);
	assert_true(info->sent_again * 2 <= info->sent);
}

/* A fast path, and a peer that answers late, for reasons that hello's round trip time does not know:
 * no more is under way than stands in its queue. */
static void test_window_of_queue(void **state)
{
	const unsigned mns = 40000;
	const struct peer *p;
	uint32_t most = 0;

	(void)state;
	open_world(2, "engine_edge_queue");
	world.max = 2 * mns;
	world.conf.max_bindings = mns;
	world.conf.ack_peers = 0;
	world.records_s = 1000000;
	world.rate = 125000000;
	world.delay_ms = world.jitter_ms = 0;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	world.queue_ms = 60;
	for (unsigned mn = 0; mn < mns; mn++)
		update(1, mn, 1, mn, 1, 6000, 1);
	p = world.site[1].e->peer[2];
	while (!is_converged()) {
		run(1);
		if (p->numbered - p->heard_until > most)
			most = p->numbered - p->heard_until;
	}
	assert_in_range(most, WINDOW_QUEUED / 2, WINDOW_QUEUED);
	assert_int_equal(p->info.sent_again, 0);
}

/* --- repair --- */

/* Questions that cost much more to answer than to ask do not silence the streams. */
static void test_keys_in_bulk(void **state)
{
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w = net_wr_init(buf, sizeof(buf));
	struct message_keys k = { .domain = DOMAIN_ID, .round = 1, .last = UINT64_MAX };
	struct peer *p;
	uint64_t octets, burst;

	(void)state;
	open_world(2, "engine_edge");
	world.rate = 2000000;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	register_some(1, 2000);
	run(3000);
	message_write_head(&w,
		&(struct message_head){ world.site[2].e->opts.boot, world.site[1].e->opts.boot });
	for (;;) {
		struct net_wr was = w;

		message_write_keys(&w, &k);
		if (w.bad) {
			w = was;
			break;
		}
	}
	p = world.site[1].e->peer[2];
	octets = world.octets;
	for (unsigned i = 0; i < 20; i++)
		engine_input(
			world.site[1].e, 2, buf, net_wr_len(&w), world.now_ms, WALL + world.now_ms);
	burst = p->rate * 10 / 1000 + 20 * ENGINE_DATAGRAM + 1; /* rounded up */
	assert_true(p->tokens >= -1000 * (int64_t)burst);
	/* what is left is short answers */
	assert_true(world.octets - octets <= 3 * burst + 20ULL * 42 * 80);
	update(1, 2500, 1, 1, 1, 600, 3000);
	run(200);
	assert_int_equal(world.site[1].committed[3000], ENGINE_HELD);
}

/* Nor do such that come all the time: what is owed for answers is paid for by half of the rate. */
static void test_keys_without_end(void **state)
{
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w = net_wr_init(buf, sizeof(buf));
	struct message_keys k = { .domain = DOMAIN_ID, .round = 1, .last = UINT64_MAX };
	struct site *s = &world.site[1];
	unsigned held = 0;
	uint64_t octets;

	(void)state;
	open_world(2, "engine_edge");
	world.rate = 250000;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	register_some(1, 2000);
	run(5000);
	message_write_head(
		&w, &(struct message_head){ world.site[2].e->opts.boot, s->e->opts.boot });
	message_write_keys(&w, &k);
	octets = world.octets;
	for (unsigned i = 1; i <= 100; i++) {
		engine_input(s->e, 2, buf, net_wr_len(&w), world.now_ms, WALL + world.now_ms);
		update(1, 2000 + i, 1, 1, 1, 600, 3000 + i);
		run(10);
	}
	assert_in_range(world.octets - octets, 0, world.rate + world.rate / 4);
	for (unsigned i = 1; i <= 100; i++)
		held += s->committed[3000 + i] == ENGINE_HELD;
	assert_in_range(held, 80, 100);
}

/* Now and then something is lost of the little that is said. How long it takes until something else is
 * said is no round trip: what waits for one, a digest round for one, would wait for seconds. */
static void test_lag_of_a_bad_line(void **state)
{
	const struct peer *p;

	(void)state;
	open_ready(2);
	p = world.site[1].e->peer[2];
	for (unsigned i = 0; i < 300; i++) {
		world.cut[1][2] = rng_below(&world.seed, 100) < 30;
		update(1, 1 + i % 20, 1, 1000 + i, (uint16_t)(1 + i), 600, 1 + i);
		run_unseen(60 + rng_below(&world.seed, 60));
		assert_in_range(p->lag_ms, 0, 2 * world.delay_ms + ACK_DELAY_MS);
	}
	assert_true(world.lost > 50);
}

/* So much is said that each acknowledgement tells of a loss: a queue that becomes longer is seen, and
 * one that becomes shorter is. */
static void test_lag_of_a_lossy_queue(void **state)
{
	const struct peer *p;
	uint32_t quiet_ms;

	(void)state;
	open_ready(2);
	p = world.site[1].e->peer[2];
	quiet_ms = 2 * world.delay_ms + ACK_DELAY_MS;
	world.loss_percent = 40;
	for (unsigned i = 0; i < 8000 || (i < 24000 && p->lag_ms > 2 * quiet_ms); i++) {
		/* mostly within eight samples, of half a second each */
		world.queue_ms = i < 8000 ? QUEUE_MS : 0;
		update(1, 1 + i % 2000, 1, 1000 + i, (uint16_t)(1 + i), 600, 1 + i % 12000);
		run_unseen(1);
		if (i == 7999)
			assert_in_range(p->lag_ms, 2 * (QUEUE_MS + world.delay_ms), 1000);
	}
	assert_in_range(p->lag_ms, 0, 2 * quiet_ms);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_teardown(test_window_lost, tear_down),
	cmocka_unit_test_teardown(test_count_goes_round, tear_down),
	cmocka_unit_test_teardown(test_drain_beside_another_domain, tear_down),
	cmocka_unit_test_teardown(test_drain_refused, tear_down),
	cmocka_unit_test_teardown(test_drain_to_one_cut_off, tear_down),
	cmocka_unit_test_teardown(test_drain_outlasts_a_stall, tear_down),
	cmocka_unit_test_teardown(test_undrain_after_a_stall, tear_down),
	cmocka_unit_test_teardown(test_lag_of_a_bad_line, tear_down),
	cmocka_unit_test_teardown(test_lag_of_a_lossy_queue, tear_down),
	cmocka_unit_test_teardown(test_snapshot_refused, tear_down),
	cmocka_unit_test_teardown(test_snapshot_nobody_wants, tear_down),
	cmocka_unit_test_teardown(test_snapshot_at_records_rate, tear_down),
	cmocka_unit_test_teardown(test_snapshot_at_peers_rate, tear_down),
	cmocka_unit_test_teardown(test_window_of_queue, tear_down),
	cmocka_unit_test_teardown(test_keys_in_bulk, tear_down),
	cmocka_unit_test_teardown(test_keys_without_end, tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
