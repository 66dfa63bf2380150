/* SPDX-License-Identifier: BSD-3-Clause */
/* A peer that has the right keys and means harm, or is broken: what it may cost, and spoil. */
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
		update(node, mn, 1, mn, 1, 600, 1 + mn);
		if (mn % 20 == 0)
			run(5);
	}
	run(300);
}

/* A datagram of site 2's to site 1, made by hand. */
static uint8_t forged[ENGINE_DATAGRAM];
static struct net_wr forgery;

static void forge(void)
{
	forgery = net_wr_init(forged, sizeof(forged));
	message_write_head(&forgery,
		&(struct message_head){ world.site[2].e->opts.boot, world.site[1].e->opts.boot });
}

static void hand_in(void)
{
	assert_false(forgery.bad);
	engine_input(world.site[1].e, 2, forged, net_wr_len(&forgery), world.now_ms,
		WALL + world.now_ms);
}

/* --- questions --- */

/* As many lists of all keys as a datagram holds: few of them are looked at. */
static void test_keys_are_paid_for(void **state)
{
	struct message_keys k = { .domain = DOMAIN_ID, .last = UINT64_MAX };
	unsigned asked = 0;
	uint64_t answers;
	struct peer *p;

	(void)state;
	open_ready(2, "engine_keys_paid");
	register_some(1, 3000);
	forge();
	for (struct net_wr was = forgery;; was = forgery) {
		message_write_keys(&forgery, &k);
		if (forgery.bad) {
			forgery = was;
			break;
		}
		asked++;
	}
	p = world.site[1].e->peer[2];
	p->tokens = -1000000000; /* nothing but the bare answers */
	answers = world.sent[1];
	hand_in();
	assert_true(asked > 20);
	assert_in_range(world.sent[1] - answers, 1, WORK_INPUT / 3000 + 2);
	/* nor does a second of it cost more than its share */
	for (unsigned i = 0; i < 1000; i++)
		hand_in();
	assert_in_range(world.sent[1] - answers, 1, WORK_MOST / 3000 + WORK_INPUT / 3000 + 2);
	/* it pays off its debt; then it is answered again */
	world.now_ms += 100;
	answers = world.sent[1];
	hand_in();
	assert_true(world.sent[1] > answers);
}

static struct slot *slot_of_keys(void)
{
	struct round *o = &world.site[1].e->peer[2]->round;

	for (unsigned i = 0; o->domain != NOBODY && i < o->used; i++)
		if (o->slot[i].kind == SLOT_KEYS && o->slot[i].tries > 0)
			return &o->slot[i];
	return NULL;
}

/* Site 1 asks about a range; what is wanted of it, again and again, is not looked up each time. */
static void test_wants_are_paid_for(void **state)
{
	struct message_want want = { .domain = DOMAIN_ID, .differ = 1, .count = 1 };
	unsigned wanted = 0;
	struct slot *s;
	int64_t work;

	(void)state;
	open_ready(2, "engine_wants_paid");
	register_some(1, 3000);
	mesh_at(1, 7)->content.hlc++;
	digest_set(world.site[1].e->domain[0].digest, at(1, 7));
	repair_want(world.site[1].e, &world.site[1].e->domain[0], 2);
	RUN_UNTIL(slot_of_keys() != NULL, 2000);
	s = slot_of_keys();
	want.round = world.site[1].e->peer[2]->round.id;
	want.first = s->first;
	want.last = s->last;
	forge();
	for (struct net_wr was = forgery;; was = forgery) {
		message_write_want(&forgery, &want);
		if (forgery.bad) {
			forgery = was;
			break;
		}
		wanted++;
	}
	assert_true(wanted > 20);
	work = world.site[1].e->peer[2]->work;
	for (unsigned i = 0; i < 10000; i++)
		hand_in();
	assert_true(world.site[1].e->peer[2]->work >= -1000LL * WORK_INPUT);
	assert_true(world.site[1].e->peer[2]->work <= 0 || work <= 0);
	assert_int_equal(world.site[1].e->peer[2]->info.repaired, 0); /* nobody has key 0 */
}

/* Ever older keys would have all records counted anew without end. */
static void test_digest_keys(void **state)
{
	struct message_digest m = { .domain = DOMAIN_ID, .bits = 0, .count = 1 };
	struct digest *d;
	unsigned taken = 0;

	(void)state;
	open_ready(2, "engine_digest_keys");
	d = world.site[1].e->domain[0].digest;
	for (unsigned i = 0; i < 1000; i++) {
		m.digest_key.born_ms = 1000000 - i;
		forge();
		message_write_digest(&forgery, &m);
		hand_in();
		taken += digest_key_cmp(digest_key_of(d), &m.digest_key) == 0;
	}
	assert_in_range(taken, 1, DIGEST_KEYS + 2);
	for (unsigned i = 0; i < 2; i++) {
		world.now_ms += DIGEST_KEY_MS;
		for (m.digest_key.born_ms = 999; m.digest_key.born_ms > 900;
			m.digest_key.born_ms--) {
			forge();
			message_write_digest(&forgery, &m);
			hand_in();
		}
	}
	assert_int_equal(digest_key_of(d)->born_ms, 998);
}

/* --- records --- */

/* One that can never be published holds up the others for a second, not for good. */
static void test_put_off_for_ever(void **state)
{
	(void)state;
	open_ready(2, "engine_put_off");
	world.homeless = 2;
	world.refused = 77;
	update(1, 77, 1, 77, 1, 600, 77);
	run(PUT_OFF_MS / 2);
	assert_int_equal(world.site[2].events[ENGINE_EV_FULL], 0); /* it waits for room */
	run(PUT_OFF_MS + 500);
	assert_int_equal(world.site[2].events[ENGINE_EV_FULL], 1);
	run(REFUSED_MS);
	update(1, 100, 1, 100, 1, 600, 100); /* it says that it is not full any more */
	run(60);
	assert_int_equal(update(1, 101, 1, 101, 1, 600, 101), ENGINE_WAITS);
	run(60);
	assert_int_equal(world.site[1].committed[101], ENGINE_HELD);
	assert_false(has(2, 77, 77));
	/* there is room again: a digest round brings it */
	world.homeless = 0;
	repair_want(world.site[1].e, &world.site[1].e->domain[0], 2);
	RUN_UNTIL(has(2, 77, 77), 2000);
}

/* What waited for room when the other site went away has not waited while it was away. */
static void test_put_off_over_an_outage(void **state)
{
	(void)state;
	open_ready(2, "engine_put_off_outage");
	world.homeless = 2;
	world.refused = 77;
	update(1, 77, 1, 77, 1, 600, 77);
	run(PUT_OFF_MS / 2);
	world.cut[1][2] = world.cut[2][1] = true;
	run(3 * PUT_OFF_MS);
	world.cut[1][2] = world.cut[2][1] = false;
	run(PUT_OFF_MS / 2);
	assert_int_equal(world.site[2].events[ENGINE_EV_FULL], 0);
	world.homeless = 0;
	RUN_UNTIL(has(2, 77, 77), 1000);
}

static void tell_of(unsigned mn)
{
	change_own(world.site[2].e, &world.site[2].e->domain[0], at(2, mn), true);
	run(100);
}

/* Versions at the end of their range are not believed: nothing could be newer. */
static void test_versions_out_of_reach(void **state)
{
	static const struct {
		uint32_t epoch, owner_epoch;
		uint64_t ahead_ms;
		bool is_ours_newer, by_stamp, is_taken;
	} rows[] = {
		{ .epoch = 1, .owner_epoch = 1, .is_taken = true },
		{ .epoch = 1 << 24, .owner_epoch = 1, .is_taken = true },
		{ .epoch = UINT32_MAX, .owner_epoch = 1 },
		{ .epoch = UINT32_MAX - (1 << 24), .owner_epoch = 1 },
		{ .epoch = 1, .owner_epoch = 2 },
		{ .epoch = 1,
			.owner_epoch = 1,
			.ahead_ms = CLOCK_MORE_MS - 10000,
			.is_taken = true },
		/* a clock that is wrong by more: its records are taken */
		{ .epoch = 1,
			.owner_epoch = 1,
			.ahead_ms = CLOCK_MORE_MS + 10000,
			.is_taken = true },
		{ .epoch = 1,
			.owner_epoch = 1,
			.ahead_ms = 100ULL * 365 * CLOCK_MORE_MS,
			.is_taken = true },
		{ .epoch = 1, .owner_epoch = 1, .ahead_ms = HLC_MOST >> HLC_COUNTER_BITS },
		{ .epoch = 1, .owner_epoch = 1, .by_stamp = true, .is_taken = true },
		{ .epoch = 1,
			.owner_epoch = 1,
			.by_stamp = true,
			.ahead_ms = CLOCK_MORE_MS + 10000 },
	};

	(void)state;
	open_ready(2, "engine_reach");
	for (unsigned i = 0; i < DIM(rows); i++) {
		struct record_mesh *m;
		uint64_t hlc = WALL + world.now_ms + rows[i].ahead_ms;

		world.cut[1][2] = world.cut[2][1] = true; /* not before it is as the row says */
		update(2, i, 1, i, 1, 600, 1 + i);
		m = mesh_at(2, i);
		m->content.epoch = rows[i].epoch;
		m->owner.epoch = rows[i].owner_epoch;
		if (!rows[i].by_stamp) {
			m->content.hlc = hlc << HLC_COUNTER_BITS;
		} else {
			m->order = RECORD_BY_STAMP;
			m->content.ext_seq = ntp_from_unix(hlc / 1000, 0);
			m->owner.ext_seq = m->content.ext_seq;
		}
		world.cut[1][2] = world.cut[2][1] = false;
		tell_of(i);
		if (has(1, i, i) != rows[i].is_taken)
			fail_msg("row %u", i);
	}
	assert_int_equal(world.site[1].events[ENGINE_EV_FOREIGN], 1); /* told once */
}

static uint64_t hlc_ms(const struct record_mesh *m)
{
	return m->content.hlc >> HLC_COUNTER_BITS;
}

/* Its clock was ten days ahead, and was put right: others take its records, and nobody's numbers
 * stay there; a change that no Binding Update caused still counts. */
static void test_clock_was_far_ahead(void **state)
{
	const uint64_t ahead_ms = 10ULL * CLOCK_MORE_MS;
	struct ip6_addr coa = care_of(1);
	uint64_t far;

	(void)state;
	open_ready(2, "engine_far_ahead");
	update(2, 1, 1, 1, 1, 600, 1);
	world.site[2].e->hlc.last = (WALL + world.now_ms + ahead_ms) << HLC_COUNTER_BITS;
	mesh_at(2, 1)->content.hlc = far = ++world.site[2].e->hlc.last;
	tell_of(1);
	assert_true(has(1, 1, 1));
	assert_true(mesh_at(1, 1)->content.hlc == far);
	for (unsigned mn = 2; mn < 4; mn++) {
		update(mn - 1, mn, 1, mn, 1, 600, mn);
		run(100);
		assert_in_range(hlc_ms(mesh_at(1, mn)), WALL, WALL + world.now_ms + HLC_AHEAD_MS);
		assert_in_range(hlc_ms(mesh_at(2, mn)), WALL, WALL + world.now_ms + HLC_AHEAD_MS);
	}
	records_set(world.site[1].rs, at(1, 1), RECORD_TOMBSTONE, &coa, world.now_ms + 10000);
	engine_touched(world.site[1].e, at(1, 1), world.now_ms, WALL + world.now_ms);
	assert_true(mesh_at(1, 1)->content.hlc == far + 1);
	run(200);
	assert_int_equal(at(2, 1)->state, RECORD_TOMBSTONE);
}

/* ... nor pairs last seen. */
static void test_pairs_out_of_reach(void **state)
{
	struct seen_pair pair = { .hoa = home(5), .ha = agent(1), .domain = DOMAIN };
	struct seen_value v;

	(void)state;
	open_ready(2, "engine_pairs_reach");
	pair.value.epoch = UINT32_MAX;
	engine_seen(world.site[2].e, &pair, world.now_ms, WALL + world.now_ms);
	run(300);
	assert_false(seen_get(world.site[1].seen, DOMAIN, &pair.hoa, &pair.ha, &v));
	pair.hoa = home(6);
	pair.value.epoch = 3;
	engine_seen(world.site[2].e, &pair, world.now_ms, WALL + world.now_ms);
	run(300);
	assert_true(seen_get(world.site[1].seen, DOMAIN, &pair.hoa, &pair.ha, &v));
}

/* An owner that nobody can outbid is outbid by the next Binding Update. */
static void test_last_term(void **state)
{
	(void)state;
	open_ready(3, "engine_last_term");
	update(2, 1, 1, 1, 1, 600, 1);
	run(100);
	mesh_at(2, 1)->owner.term = OWNER_TERM_MAX;
	tell_of(1);
	assert_int_equal(mesh_at(1, 1)->owner.term, OWNER_TERM_MAX);
	stop_site(2);
	run(2000);
	/* packets go to its successor, whoever the record names */
	assert_int_equal(
		engine_owner(world.site[1].e, at(1, 1)), engine_owner(world.site[3].e, at(3, 1)));
	update(3, 1, 1, 9, 2, 600, 2);
	RUN_UNTIL(has(1, 1, 9) && owner_at(1, 1) == 3, 500);
	assert_int_equal(mesh_at(1, 1)->owner.term, 0);
}

/* Pairs of home addresses that no one registers: the domain's share of the table, no more. */
static void test_quota_of_pairs(void **state)
{
	struct seen_pair pair = { .ha = agent(1), .domain = DOMAIN, .value = { .epoch = 1 } };
	struct site *s = &world.site[1];

	(void)state;
	open_world(2, "engine_pairs_quota");
	world.seen_max = 100;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	assert_int_equal(seen_set_quota(s->seen, DOMAIN, 60, 60), 0); /* as if another one had 40 */
	for (unsigned mn = 0; mn < 200; mn++) {
		pair.hoa = home(mn);
		engine_seen(world.site[2].e, &pair, world.now_ms, WALL + world.now_ms);
		run(5);
	}
	run(500);
	assert_int_equal(seen_count(s->seen), 60);
	assert_int_equal(seen_count_in(s->seen, DOMAIN), 60);
	pair.domain = DOMAIN + 1;
	for (unsigned mn = 0; mn < 40; mn++) {
		pair.hoa = home(mn);
		assert_int_equal(seen_raise(s->seen, &pair, SEEN_REMEMBERED, 0), 1);
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_teardown(test_keys_are_paid_for, tear_down),
	cmocka_unit_test_teardown(test_wants_are_paid_for, tear_down),
	cmocka_unit_test_teardown(test_digest_keys, tear_down),
	cmocka_unit_test_teardown(test_put_off_for_ever, tear_down),
	cmocka_unit_test_teardown(test_put_off_over_an_outage, tear_down),
	cmocka_unit_test_teardown(test_versions_out_of_reach, tear_down),
	cmocka_unit_test_teardown(test_clock_was_far_ahead, tear_down),
	cmocka_unit_test_teardown(test_pairs_out_of_reach, tear_down),
	cmocka_unit_test_teardown(test_last_term, tear_down),
	cmocka_unit_test_teardown(test_quota_of_pairs, tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
