/* SPDX-License-Identifier: BSD-3-Clause */
/* Promises of the mesh that other tests keep only by chance: each of these fails when the line that
 * keeps one is taken out (docs/mesh.md). */
#include "engine_world.h"

static int tear_down(void **state)
{
	(void)state;
	close_world();
	return 0;
}

static void open_ready(uint8_t sites)
{
	open_world(sites, "engine_promise");
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
}

/* As read from the store: content of that number, made at site 1. */
static void load(uint8_t node, unsigned mn, enum record_state state, uint64_t number)
{
	struct site *s = &world.site[node];
	struct ip6_addr hoa = home(mn), coa = care_of(mn);
	struct record *r = records_add(s->rs, DOMAIN, &hoa);
	struct record_mesh *m;

	assert_non_null(r);
	r->ha = agent(1);
	r->lifetime_s = 600;
	records_set(s->rs, r, state, &coa, world.now_ms + 600000);
	m = records_mesh(s->rs, r);
	m->content =
		(struct content_version){ .ext_seq = number, .hlc = number, .epoch = 1, .node = 1 };
	m->owner = order_claim(&m->content);
	m->order = RECORD_BY_SEQUENCE;
	engine_loaded(s->e, r);
}

/* Whoever accepts a Binding Update owns the binding, there and everywhere. */
static void test_who_accepts_owns(void **state)
{
	(void)state;
	open_ready(3);
	update(1, 1, 1, 10, 1, 600, 1);
	RUN_UNTIL(is_converged() && at(3, 1) != NULL, 1000);
	update(2, 1, 1, 20, 2, 600, 2);
	assert_int_equal(owner_at(2, 1), 2);
	RUN_UNTIL(has(1, 1, 20) && has(3, 1, 20), 1000);
	for (uint8_t id = 1; id <= 3; id++)
		assert_int_equal(owner_at(id, 1), 2);
}

/* What was acknowledged alone is so no longer once somebody has it: told as a change, or found in
 * a digest round. */
static void test_alone_ends(void **state)
{
	struct engine_domain_info info;

	(void)state;
	open_ready(2);
	update(1, 1, 1, 10, 1, 600, 1);
	RUN_UNTIL(world.site[1].committed[1] == ENGINE_HELD, 1000);
	stop_site(2);
	run(10);
	assert_int_equal(update(1, 2, 1, 20, 1, 600, 2), ENGINE_ALONE);
	assert_int_equal(engine_domain_info(world.site[1].e, DOMAIN, &info), 0);
	assert_int_equal(info.alone, 1);
	start_site(2);
	RUN_UNTIL(engine_domain_info(world.site[1].e, DOMAIN, &info) == 0 && info.alone == 0, 5000);
	assert_true(has(2, 2, 20));
}

/* A site that joins knows from its store that a binding ended; the one that fills it does not. */
static void test_snapshot_brings_nothing_back(void **state)
{
	(void)state;
	open_world(2, "engine_promise");
	start_site(1);
	load(1, 1, RECORD_LIVE, 5);
	engine_force_ready(world.site[1].e, DOMAIN, world.now_ms);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 1000);
	start_site(2);
	load(2, 1, RECORD_TOMBSTONE, 6);
	while (world.site[2].says != NEXT_READY) {
		step();
		assert_int_equal(at(2, 1)->state, RECORD_TOMBSTONE);
	}
	RUN_UNTIL(is_converged(), 3000);
	assert_int_equal(at(1, 1)->state, RECORD_TOMBSTONE);
}

/* A record with another site's, or nobody's, home agent address is none of the domain's. */
static void test_foreign_address(void **state)
{
	(void)state;
	open_world(2, "engine_promise");
	world.is_unicast = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	update(1, 1, 9, 10, 1, 600, 1);
	update(1, 2, 2, 20, 1, 600, 2);
	RUN_UNTIL(has(2, 2, 20), 1000);
	run(500);
	assert_null(at(2, 1));
	assert_true(world.site[2].events[ENGINE_EV_FOREIGN] > 0);
}

/* None is ready: who has given nothing yet does not become ready before it has. */
static void test_snapshots_go_both_ways(void **state)
{
	(void)state;
	open_world(2, "engine_promise");
	world.rate = 100000; /* so that giving takes its time */
	start_site(1);
	start_site(2);
	for (unsigned mn = 0; mn < 700; mn++)
		load(1, mn, RECORD_LIVE, 5);
	RUN_UNTIL(world.site[1].says == NEXT_READY, 10000);
	for (unsigned mn = 0; mn < 700; mn++)
		assert_true(has(2, mn, mn));
}

/* The others find out by their own silence limits, before they hear it from each other. */
static void tell_dead(uint8_t node)
{
	for (uint8_t a = 1; a <= world.sites; a++) {
		struct next_view v = { .domain = DOMAIN_ID, .self = a };

		for (uint8_t b = 1; b <= world.sites; b++)
			if (b != node)
				v.site[b] = (struct next_site){ NEXT_UP, world.site[b].says, 0 };
		if (a != node)
			engine_view(world.site[a].e, DOMAIN, &v, world.now_ms);
	}
}

/* Bindings ended at a site that told only one other before it went: the third one, whose successors
 * have nothing to claim, hears of it at once. */
static void test_survivors_compare_at_once(void **state)
{
	(void)state;
	open_ready(3);
	run(2000); /* the rounds that ready sites begin with */
	for (unsigned mn = 0; mn < 50; mn++)
		update(1, mn, 1, mn, 1, 600, 1 + mn);
	RUN_UNTIL(is_converged() && at(3, 49) != NULL, 1000);
	world.cut[1][3] = true; /* one way, and hello has not noticed */
	for (unsigned mn = 0; mn < 50; mn++)
		update(1, mn, 1, mn, 2, 0, 100 + mn);
	run_unseen(30);
	assert_int_equal(at(2, 49)->state, RECORD_TOMBSTONE);
	assert_int_equal(at(3, 49)->state, RECORD_LIVE);
	stop_site(1);
	tell_dead(1);
	RUN_UNTIL(is_converged(), 200);
	for (unsigned mn = 0; mn < 50; mn++)
		assert_int_equal(at(3, mn)->state, RECORD_TOMBSTONE);
}

/* Hello of one site about one other, and of nobody else. */
static void tell_one(uint8_t a, uint8_t b, enum next_says says)
{
	uint64_t up[4] = { 0xe }; /* they all hear each other */

	world.site[a].told.site[b] = (struct next_site){ NEXT_UP, says, 0 };
	for (uint8_t c = 1; c <= world.sites; c++)
		if (c != a)
			engine_hears(world.site[a].e, c, up, world.now_ms);
	engine_view(world.site[a].e, DOMAIN, &world.site[a].told, world.now_ms);
}

/* Bindings ended at a site that had come back, and told only site 2, which had let it back in. */
static void end_at_returned(enum next_says to_first)
{
	for (uint8_t n = 1; n <= 2; n++)
		world.cut[3][n] = world.cut[n][3] = true;
	run(1000);
	for (uint8_t n = 1; n <= 2; n++)
		tell_one(3, n, NEXT_READY);
	tell_one(1, 3, to_first);
	tell_one(2, 3, NEXT_READY);
	world.cut[2][3] = world.cut[3][2] = false; /* the other way brings nothing yet */
	for (unsigned ms = 0; ms < 1000 && !next_is_live(&world.site[2].view, 3); ms++)
		run_unseen(1);
	assert_true(next_is_live(&world.site[2].view, 3));
	assert_false(next_is_live(&world.site[1].view, 3));
	for (unsigned mn = 0; mn < 50; mn++)
		update(3, mn, 1, mn, 2, 0, 100 + mn);
	run_unseen(30);
	assert_int_equal(at(2, 49)->state, RECORD_TOMBSTONE);
	assert_int_equal(at(1, 49)->state, RECORD_LIVE);
}

/* It goes again before site 1, which would begin, has let it back in, or has heard that it may. */
static void test_survivors_compare_who_was_kept_out(void **state)
{
	static const struct {
		enum next_says says; /* as site 1 has heard */
		bool begins; /* site 2, which otherwise only answers */
	} rows[] = { { NEXT_READY, false }, { NEXT_JOINING, true } };

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		const struct peer *p;
		bool begins = false;

		open_ready(3);
		run(2000);
		for (unsigned mn = 0; mn < 50; mn++)
			update(1, mn, 1, mn, 1, 600, 1 + mn);
		RUN_UNTIL(is_converged() && at(3, 49) != NULL, 1000);
		end_at_returned(rows[i].says);
		p = world.site[2].e->peer[1];
		stop_site(3);
		tell_dead(3);
		for (unsigned ms = 0; ms < 300; ms++) {
			step();
			begins |= p->round.is_hasty;
		}
		assert_true(is_converged());
		for (unsigned mn = 0; mn < 50; mn++)
			assert_int_equal(at(1, mn)->state, RECORD_TOMBSTONE);
		assert_int_equal(begins, rows[i].begins);
		close_world();
	}
	open_ready(3);
}

#define NEWS 1000

/* The same with many bindings, of which a thousand moved and reached one survivor alone: in nearly as
 * many ranges of the digests. */
struct many {
	const char *what;
	unsigned mns, delay_ms;
	uint64_t rate; /* octets a second */
	uint64_t line; /* the same, of the way between them; 0: any */
	uint32_t room; /* of the digests, where it is not for so many */
	bool is_compared; /* a round in the background is under way */
	unsigned within_ms;
	uint32_t octets; /* in the first second, which is not counted, at most; 0: any */
};

static unsigned news(const struct many *m, unsigned i)
{
	return i * (m->mns / NEWS);
}

static bool has_news(const struct many *m, uint8_t node)
{
	for (unsigned i = NEWS; i > 0; i--)
		if (!has(node, news(m, i - 1), m->mns + i - 1))
			return false;
	return true;
}

static void open_many(const struct many *m)
{
	open_world(3, "engine_promise");
	world.max = 2 * m->mns;
	world.conf.max_bindings = m->room != 0 ? m->room : m->mns;
	world.max_waits = 2 * NEWS;
	world.delay_ms = m->delay_ms;
	world.rate = m->rate;
	start_all();
	for (uint8_t id = 1; id <= 3; id++)
		for (unsigned mn = 0; mn < m->mns; mn++)
			load(id, mn, RECORD_LIVE, 5);
	for (uint8_t id = 1; id <= 3; id++) {
		engine_force_ready(world.site[id].e, DOMAIN, world.now_ms);
		run(2); /* the first one is known to be ready: nobody claims from it */
	}
	RUN_UNTIL(all_say(NEXT_READY) && is_converged(), 5000);
	run(3000); /* the rounds that ready sites begin with */
}

static void compare_many(const struct many *m)
{
	const struct peer *p;
	uint64_t octets;

	open_many(m);
	p = world.site[2].e->peer[3];
	world.cut[1][3] = true; /* one way, and hello has not noticed */
	for (unsigned i = 0; i < NEWS; i++)
		update(1, news(m, i), 1, m->mns + i, 6, 600, 1 + i);
	for (unsigned ms = 0; ms < 3000 && !has_news(m, 2); ms++)
		run_unseen(1);
	assert_true(has_news(m, 2));
	assert_false(has(3, news(m, 0), m->mns));
	if (m->is_compared) {
		repair_want(world.site[2].e, &world.site[2].e->domain[0], 3);
		while (p->round.domain == NOBODY)
			run_unseen(1);
	}
	world.line = m->line;
	stop_site(1);
	tell_dead(1);
	octets = world.octets;
	if (m->octets != 0) {
		run(1000);
		assert_in_range(world.octets - octets, 0, m->octets);
	}
	for (unsigned ms = 0; ms < m->within_ms && !has_news(m, 3); ms++)
		step();
	if (!has_news(m, 3))
		fail_msg("%s: not within %u ms", m->what, m->within_ms);
	close_world();
}

#define MBIT 125000 /* octets a second */

static void test_survivors_of_many(void **state)
{
	static const struct many rows[] = {
		{ "near", 50000, 1, 1000 * MBIT, .within_ms = 1000 },
		{ "far", 50000, 100, 1000 * MBIT, .within_ms = 1000 },
		{ "2 Mbit/s", 3000, 5, 2 * MBIT, .within_ms = 3000 },
		{ "16 Mbit/s", 3000, 5, 16 * MBIT, .within_ms = 1000 },
		{ "a round is under way", 3000, 30, 1000 * MBIT, .within_ms = 1000, .room = 50000,
			.is_compared = true },
		{ "many ranges", 3000, 5, MBIT, .within_ms = 6000, .room = 4000000, .line = MBIT,
			.octets = 2 * MBIT + 50000 },
	};

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++)
		compare_many(&rows[i]);
}

/* What is passed on for others is no lag of the site that told it. */
static void test_passed_on_is_no_lag(void **state)
{
	struct engine_peer_info info;

	(void)state;
	open_ready(3);
	world.cut[2][3] = world.cut[3][2] = true;
	run(1000);
	update(2, 1, 1, 10, 1, 600, 1);
	RUN_UNTIL(has(3, 1, 10), 1000);
	run(3000);
	for (uint8_t node = 2; node <= 3; node++) {
		assert_int_equal(engine_peer_info(world.site[1].e, node, &info), 0);
		assert_int_equal(info.behind, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_who_accepts_owns, tear_down),
		cmocka_unit_test_teardown(test_alone_ends, tear_down),
		cmocka_unit_test_teardown(test_snapshot_brings_nothing_back, tear_down),
		cmocka_unit_test_teardown(test_foreign_address, tear_down),
		cmocka_unit_test_teardown(test_snapshots_go_both_ways, tear_down),
		cmocka_unit_test_teardown(test_survivors_compare_at_once, tear_down),
		cmocka_unit_test_teardown(test_survivors_compare_who_was_kept_out, tear_down),
		cmocka_unit_test_teardown(test_survivors_of_many, tear_down),
		cmocka_unit_test_teardown(test_passed_on_is_no_lag, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
