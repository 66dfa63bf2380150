/* SPDX-License-Identifier: BSD-3-Clause */
/* A registration that was followed by a shorter one, which has ended since, does not come back by
 * whoever holds it still. */
#include "engine_world.h"

#define MN 7

static int tear_down(void **state)
{
	(void)state;
	close_world();
	return 0;
}

static void open_ready(uint8_t sites, bool remembers)
{
	open_world(sites, "engine_older");
	world.conf.remembers = remembers;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
}

static void cut_off(uint8_t node, bool cut)
{
	for (uint8_t id = 1; id <= world.sites; id++)
		world.cut[node][id] = world.cut[id][node] = cut;
}

static void note(uint8_t node, uint32_t epoch, uint64_t number, uint64_t stamp)
{
	struct seen_pair pair = { .hoa = home(MN),
		.ha = agent(1),
		.domain = DOMAIN,
		.value = { .ext_seq = number, .epoch = epoch, .stamp = stamp } };

	assert_true(seen_raise(world.site[node].seen, &pair, SEEN_REMEMBERED, 0) >= 0);
}

/* As read from the store of a site that was down: of that number, registered so long ago. */
static void load(uint8_t node, enum record_state state, uint64_t number, uint64_t ago_ms)
{
	struct site *s = &world.site[node];
	struct ip6_addr hoa = home(MN), coa = care_of(10);
	struct record *r = records_add(s->rs, DOMAIN, &hoa);
	struct record_mesh *m;

	assert_non_null(r);
	r->ha = agent(1);
	r->lifetime_s = 600;
	records_set(s->rs, r, state, &coa, world.now_ms + 500000);
	m = records_mesh(s->rs, r);
	m->content = (struct content_version){ .ext_seq = number,
		.hlc = (WALL + world.now_ms - ago_ms) << HLC_COUNTER_BITS,
		.epoch = 1,
		.node = 1 };
	m->owner = order_claim(&m->content);
	note(node, 1, number, 0);
	engine_loaded(s->e, r);
}

/* Runs, and nobody but `holder` ever has the registration that was followed. */
static void run_without(uint8_t holder, unsigned coa, uint64_t ms)
{
	while (ms-- > 0) {
		step();
		for (uint8_t id = 1; id <= world.sites; id++)
			assert_false(lives(id) && id != holder && has(id, MN, coa));
	}
}

static void test_after_a_cut(void **state)
{
	(void)state;
	open_ready(2, true);
	update(1, MN, 1, 10, 1, 600, 1);
	RUN_UNTIL(has(2, MN, 10), 100);
	run(1000);
	cut_off(1, true);
	run(1000);
	update(2, MN, 1, 20, 2, 4, 2);
	run(12000);
	assert_null(at(2, MN));
	assert_true(has(1, MN, 10));
	cut_off(1, false);
	run_without(1, 10, 2500);
	assert_null(at(1, MN));
	assert_true(is_converged());
	/* nor by what it had written of it, if it is that that it begins with */
	assert_int_equal(update(1, MN, 1, 30, 3, 600, 3), ENGINE_WAITS);
	run(2000);
	assert_true(has(1, MN, 30) && has(2, MN, 30));
}

/* Its owner is lost meanwhile: who takes it over would give it its whole lifetime again. */
static void test_with_a_dead_owner(void **state)
{
	(void)state;
	open_ready(3, true);
	update(3, MN, 1, 10, 1, 600, 1);
	RUN_UNTIL(has(1, MN, 10) && has(2, MN, 10), 100);
	run(1000);
	cut_off(1, true);
	run(1000);
	update(2, MN, 1, 20, 2, 4, 2);
	run(300);
	stop_site(3);
	run(20000);
	assert_null(at(2, MN));
	assert_int_equal(owner_at(1, MN), 1);
	cut_off(1, false);
	run_without(1, 10, 2500);
	assert_null(at(1, MN));
	assert_true(is_converged());
}

/* The site that was down has it in its store, what followed has been noted silently at the other: with
 * a record that another site's was, and that is gone. */
static void from_store(enum record_state state)
{
	open_ready(2, true);
	note(2, 1, 9, 0);
	stop_site(1);
	run(1000);
	start_site(1);
	load(1, state, 5, 60000);
	run_without(1, 10, 1);
	RUN_UNTIL(at(1, MN) == NULL, 3000);
	assert_null(at(2, MN));
	RUN_UNTIL(all_say(NEXT_READY) && is_converged(), 3000);
}

static void test_from_a_store(void **state)
{
	(void)state;
	from_store(RECORD_LIVE);
}

static void test_tombstone_from_a_store(void **state)
{
	(void)state;
	from_store(RECORD_TOMBSTONE);
}

/* It knew, and went down before the record had ended. */
static void test_known_when_read(void **state)
{
	(void)state;
	open_world(1, "engine_older");
	start_site(1);
	note(1, 1, 9, 0);
	load(1, RECORD_LIVE, 5, 60000);
	run(2);
	assert_null(at(1, MN));
}

/* A pair may come before the record that says the same: whoever serves waits for that a moment. */
static void test_the_pair_comes_first(void **state)
{
	struct seen_pair pair = { .hoa = home(MN),
		.ha = addr("2001:db8:a::1"),
		.domain = DOMAIN,
		.value = { .ext_seq = 2, .epoch = 1 } };

	(void)state;
	open_ready(2, true);
	update(1, MN, 1, 10, 1, 600, 1);
	run(1000);
	assert_int_equal(engine_seen(world.site[2].e, &pair, world.now_ms, WALL + world.now_ms), 0);
	run(500);
	assert_true(has(1, MN, 10));
	assert_true(at(1, MN)->ends_ms <= world.now_ms + 1000);
	assert_false(digest_has(domain_by_number(world.site[1].e, DOMAIN)->digest, at(1, MN)));
	/* it is not the binding that others are told of any more: what follows is no refresh */
	assert_int_equal(update(1, MN, 1, 10, 3, 600, 2), ENGINE_WAITS);
	run(2000);
	assert_int_equal(world.site[1].committed[2], ENGINE_HELD);
	assert_true(has(1, MN, 10) && has(2, MN, 10));
	/* and the same by another site's record */
	pair.value.ext_seq = 4;
	assert_int_equal(engine_seen(world.site[2].e, &pair, world.now_ms, WALL + world.now_ms), 0);
	run(500);
	update(2, MN, 1, 40, 5, 600, 3);
	run(2000);
	assert_true(has(1, MN, 40) && has(2, MN, 40));
	assert_true(is_converged());
}

/* Who waits takes nothing over: that would give it its whole lifetime again. Nor does it wait for a
 * refresh. */
static void test_owner_lost_meanwhile(void **state)
{
	struct seen_pair pair = { .hoa = home(MN),
		.ha = addr("2001:db8:a::1"),
		.domain = DOMAIN,
		.value = { .ext_seq = 2, .epoch = 1 } };

	(void)state;
	open_ready(4, true);
	update(3, MN, 1, 10, 1, 600, 1);
	RUN_UNTIL(is_converged() && has(1, MN, 10), 1000);
	run(500);
	stop_site(3);
	for (uint8_t id = 1; id <= 4; id++)
		if (lives(id))
			assert_int_equal(apply_seen(world.site[id].e, world.site[id].e->peer[3],
						 domain_by_number(world.site[id].e, DOMAIN), &pair),
				APPLY_NEWER);
	run(1500);
	for (uint8_t id = 1; id <= 4; id++)
		assert_true(!lives(id) || at(id, MN) == NULL);
}

/* What followed is kept, past its time, by who does not own it: nobody is told of it any more, and
 * its owner can't tell. */
static void test_beside_one_that_is_past(void **state)
{
	(void)state;
	open_ready(3, true);
	update(1, MN, 1, 10, 1, 600, 1);
	RUN_UNTIL(has(2, MN, 10) && has(3, MN, 10), 100);
	run(1000);
	cut_off(1, true);
	run(1000);
	update(3, MN, 1, 20, 2, 4, 2);
	RUN_UNTIL(at(3, MN) == NULL, 6000);
	run(100);
	assert_true(has(2, MN, 20));
	world.cut[1][2] = world.cut[2][1] = false;
	run_without(1, 10, 2500);
	assert_null(at(1, MN));
}

/* Numbers are a series for each home agent address: of another one in the same epoch they say
 * nothing. */
static void test_other_series(void **state)
{
	struct seen_pair pair = { .hoa = home(MN),
		.ha = addr("2001:db8:a::2"),
		.domain = DOMAIN,
		.value = { .ext_seq = 50, .epoch = 1 } };
	uint64_t now;

	(void)state;
	open_world(2, "engine_older");
	world.is_unicast = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	now = ntp_from_unix((WALL + world.now_ms) / 1000, 0);
	note(1, 0, 0, now);
	update(1, MN, 1, 10, 1, 600, 1);
	run(500);
	pair.value.stamp = now + NTP_SECOND;
	assert_int_equal(engine_seen(world.site[2].e, &pair, world.now_ms, WALL + world.now_ms), 0);
	run(2500);
	assert_true(has(1, MN, 10) && has(2, MN, 10));
}

/* Where numbers are not remembered any is good for who is not bound, also below one that another
 * site knows of; and whoever is lost, it stays. */
static void test_numbers_begin_anew(void **state)
{
	(void)state;
	open_ready(2, false);
	note(2, 3, 50, 0);
	assert_int_equal(update(1, MN, 1, 10, 5, 600, 1), ENGINE_WAITS);
	run(5000);
	assert_int_equal(world.site[1].committed[1], ENGINE_HELD);
	assert_true(has(1, MN, 10) && has(2, MN, 10));
	assert_true(is_converged());
	stop_site(1);
	run(10000);
	start_site(1);
	RUN_UNTIL(has(1, MN, 10), 3000);
	run(5000);
	assert_true(has(1, MN, 10) && has(2, MN, 10));
}

/* The same in a cut, where it is no longer young when the others hear of it. */
static void test_numbers_begin_anew_in_a_cut(void **state)
{
	(void)state;
	open_ready(2, false);
	note(2, 3, 50, 0);
	cut_off(1, true);
	run(1000);
	update(1, MN, 1, 10, 5, 600, 1);
	run(20000);
	cut_off(1, false);
	run(5000);
	assert_true(has(1, MN, 10) && has(2, MN, 10));
}

static bool all_have(unsigned coa)
{
	for (uint8_t id = 1; id <= world.sites; id++)
		if (!has(id, MN, coa))
			return false;
	return true;
}

/* ... and after that each site begins anew, one after the other: what they hear first is not what the
 * others heard first. */
static void test_rolling_restart(void **state)
{
	(void)state;
	open_ready(3, false);
	cut_off(1, true);
	run(1000);
	update(2, MN, 1, 20, 50, 4, 1);
	run(12000);
	update(1, MN, 1, 10, 5, 600, 2);
	run(1000);
	cut_off(1, false);
	RUN_UNTIL(all_have(10), 5000);
	for (uint8_t id = 3; id > 0; id--) {
		run(3000);
		stop_site(id);
		run(2000);
		start_site(id);
		RUN_UNTIL(world.site[id].says == NEXT_READY, 5000);
		run(3000);
		assert_true(all_have(10));
	}
}

/* Timestamps say that it is the newest; the pair has its timestamp from then on. Its owner is lost. */
static void test_owner_of_a_later_stamp_is_lost(void **state)
{
	uint64_t now;

	(void)state;
	open_ready(3, true);
	now = ntp_from_unix((WALL + world.now_ms) / 1000, 0);
	note(2, 3, 50, now);
	note(3, 3, 50, now);
	run(1000);
	note(1, 0, 0, now + 10 * NTP_SECOND);
	update(1, MN, 1, 10, 5, 600, 1);
	RUN_UNTIL(all_have(10), 1000);
	run(3000);
	stop_site(1);
	run(5000);
	assert_true(has(2, MN, 10) && has(3, MN, 10));
}

/* Who holds the one that was followed, and who knows of that, hear each other by a third site only. */
static void test_in_a_row(void **state)
{
	(void)state;
	open_ready(3, true);
	update(1, MN, 1, 10, 1, 600, 1);
	RUN_UNTIL(all_have(10), 100);
	run(1000);
	stop_site(3);
	cut_off(1, true);
	run(1000);
	update(2, MN, 1, 20, 2, 4, 2);
	run(12000);
	start_site(3);
	world.cut[1][3] = world.cut[3][1] = false;
	RUN_UNTIL(at(1, MN) == NULL && at(2, MN) == NULL && at(3, MN) == NULL, 5000);
	run(3000);
	assert_true(is_converged());
	for (uint8_t id = 1; id <= 3; id++)
		assert_null(at(id, MN));
}

/* One of two sites has forgotten the number that is remembered: it begins a first epoch, and the next
 * number of the mobile node is the next all the same. */
static void test_forgotten_number(void **state)
{
	(void)state;
	open_ready(3, true);
	run(1000);
	note(2, 3, 65536 + 50, 0);
	note(3, 3, 65536 + 50, 0);
	assert_int_equal(update(1, MN, 1, 10, 51, 600, 1), ENGINE_WAITS);
	run(3000);
	for (uint8_t id = 1; id <= 3; id++)
		assert_true(has(id, MN, 10));
}

/* Two addresses used at one side of a cut raise the epoch there; later one is used again at the other
 * side. */
static void test_epochs_of_one_side(void **state)
{
	(void)state;
	open_world(2, "engine_older");
	world.is_unicast = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	update(1, MN, 1, 10, 1, 600, 1);
	run(1000);
	cut_off(1, true);
	run(1000);
	update(2, MN, 2, 20, 100, 4, 2);
	run(1000);
	update(2, MN, 1, 21, 2, 4, 3);
	run(8000);
	update(1, MN, 1, 12, 3, 600, 4);
	run(1000);
	cut_off(1, false);
	run(5000);
	assert_true(has(1, MN, 12) && has(2, MN, 12));
}

/* What followed has not ended, it is on its way. */
static void test_beside_one_that_comes(void **state)
{
	(void)state;
	open_world(3, "engine_older");
	world.conf.remembers = false;
	start_site(1);
	start_site(2);
	world.conf.max_bindings = 1;
	start_site(3);
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	run(1000);
	update(3, MN + 1, 1, 77, 1, 600, 3);
	run(1000);
	world.more_ms[1][3] = 100;
	world.more_ms[2][1] = 300;
	update(1, MN, 1, 10, 5, 600, 1);
	run(50);
	update(2, MN, 1, 20, 6, 600, 2);
	run(3500);
	assert_true(has(1, MN, 20) && has(2, MN, 20));
}

/* Not below one that is remembered: somebody has repeated an old message at a site that could not
 * tell. */
static void test_remembered_numbers(void **state)
{
	(void)state;
	open_ready(2, true);
	note(2, 3, 50, 0);
	assert_int_equal(update(1, MN, 1, 10, 5, 600, 1), ENGINE_WAITS);
	run_without(1, 10, 2000);
	assert_null(at(1, MN));
}

/* Timestamps tell what numbers do not; in_s: how long nobody hears of it. */
static void by_stamps(int ahead_s, unsigned in_s, bool stands)
{
	uint64_t now;

	open_ready(2, false);
	now = ntp_from_unix((WALL + world.now_ms) / 1000, 0);
	note(2, 3, 50, now);
	note(1, 0, 0, now + (uint64_t)(int64_t)ahead_s * NTP_SECOND);
	cut_off(1, true);
	run(1000);
	update(1, MN, 1, 10, 5, 600, 1);
	run(in_s * 1000);
	cut_off(1, false);
	run(4000);
	assert_int_equal(has(1, MN, 10), stands);
	assert_int_equal(has(2, MN, 10), stands);
}

static void test_later_stamp(void **state)
{
	(void)state;
	by_stamps(10, 10, true);
}

static void test_earlier_stamp(void **state)
{
	(void)state;
	by_stamps(-10, 0, false);
}

/* There was no room for what followed until that had ended; its timestamp has been noted. */
static void test_no_room_for_what_followed(void **state)
{
	uint64_t now;

	(void)state;
	open_ready(2, false);
	run(1000);
	now = ntp_from_unix((WALL + world.now_ms) / 1000, 0);
	note(1, 0, 0, now);
	update(1, MN, 1, 10, 5, 600, 1);
	run(1000);
	assert_true(has(2, MN, 10));
	note(2, 0, 0, now + NTP_SECOND);
	world.site[1].has_no_room = true;
	update(2, MN, 1, 20, 6, 4, 2);
	run(8000);
	world.site[1].has_no_room = false;
	run(12000);
	assert_null(at(1, MN));
	assert_null(at(2, MN));
}

static void hear(uint8_t node, uint64_t number)
{
	struct seen_pair pair = { .hoa = home(MN),
		.ha = addr("2001:db8:a::1"),
		.domain = DOMAIN,
		.value = { .ext_seq = number, .epoch = 1 } };
	struct engine *e = world.site[node].e;

	assert_int_equal(
		apply_seen(e, e->peer[2], domain_by_number(e, DOMAIN), &pair), APPLY_NEWER);
}

/* What ends is not taken back from who refused it: it would have its whole lifetime again. */
static void test_given_and_refused(void **state)
{
	struct site *s = &world.site[1];

	(void)state;
	open_ready(2, true);
	update(1, MN, 1, 10, 5, 600, 1);
	run(1000);
	world.site[2].has_no_room = true;
	world.more_ms[2][1] = 300;
	assert_int_equal(engine_move(s->e, at(1, MN), 2, world.now_ms, WALL + world.now_ms), 0);
	RUN_UNTIL(world.site[2].e->peer[1]->in[STREAM_CHANGES].refused.any != 0, 5000);
	hear(1, 6);
	run(4000);
	assert_null(at(1, MN));
}

/* The operator removes what ends: that, others hear of. */
static void test_removed_meanwhile(void **state)
{
	struct record *r;

	(void)state;
	open_ready(2, true);
	update(1, MN, 1, 10, 5, 600, 1);
	run(1000);
	hear(1, 6);
	assert_int_equal(world.site[1].events[ENGINE_EV_SUPERSEDED], 1);
	r = at(1, MN);
	records_set(world.site[1].rs, r, RECORD_TOMBSTONE, &r->coa, world.now_ms + 600000);
	engine_touched(world.site[1].e, r, world.now_ms, WALL + world.now_ms);
	RUN_UNTIL(at(2, MN)->state == RECORD_TOMBSTONE, 500);
}

/* Who tells of what is older without end has the pair told to all so often, not as often. */
static void test_told_again_so_often(void **state)
{
	struct record_copy c = { .hoa = home(MN),
		.ha = addr("2001:db8:a::1"),
		.coa = care_of(10),
		.lifetime_s = 600,
		.remaining_ms = 500000,
		.content = { .ext_seq = 5, .epoch = 1, .node = 1, .hlc = 1 },
		.state = RECORD_LIVE };
	struct domain *d;
	uint64_t first;

	(void)state;
	open_ready(2, true);
	note(2, 1, 9, 0);
	c.owner = order_claim(&c.content);
	d = domain_by_number(world.site[2].e, DOMAIN);
	first = changes_last(seen_changes(world.site[2].seen));
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(
			apply_record(world.site[2].e, world.site[2].e->peer[1], d, &c), APPLY_SAME);
	assert_in_range(changes_last(seen_changes(world.site[2].seen)) - first, 1, OLDER_MOST);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_teardown(test_after_a_cut, tear_down),
	cmocka_unit_test_teardown(test_with_a_dead_owner, tear_down),
	cmocka_unit_test_teardown(test_from_a_store, tear_down),
	cmocka_unit_test_teardown(test_tombstone_from_a_store, tear_down),
	cmocka_unit_test_teardown(test_known_when_read, tear_down),
	cmocka_unit_test_teardown(test_the_pair_comes_first, tear_down),
	cmocka_unit_test_teardown(test_owner_lost_meanwhile, tear_down),
	cmocka_unit_test_teardown(test_beside_one_that_is_past, tear_down),
	cmocka_unit_test_teardown(test_other_series, tear_down),
	cmocka_unit_test_teardown(test_numbers_begin_anew, tear_down),
	cmocka_unit_test_teardown(test_remembered_numbers, tear_down),
	cmocka_unit_test_teardown(test_later_stamp, tear_down),
	cmocka_unit_test_teardown(test_earlier_stamp, tear_down),
	cmocka_unit_test_teardown(test_numbers_begin_anew_in_a_cut, tear_down),
	cmocka_unit_test_teardown(test_rolling_restart, tear_down),
	cmocka_unit_test_teardown(test_owner_of_a_later_stamp_is_lost, tear_down),
	cmocka_unit_test_teardown(test_in_a_row, tear_down),
	cmocka_unit_test_teardown(test_forgotten_number, tear_down),
	cmocka_unit_test_teardown(test_epochs_of_one_side, tear_down),
	cmocka_unit_test_teardown(test_beside_one_that_comes, tear_down),
	cmocka_unit_test_teardown(test_no_room_for_what_followed, tear_down),
	cmocka_unit_test_teardown(test_given_and_refused, tear_down),
	cmocka_unit_test_teardown(test_removed_meanwhile, tear_down),
	cmocka_unit_test_teardown(test_told_again_so_often, tear_down),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
