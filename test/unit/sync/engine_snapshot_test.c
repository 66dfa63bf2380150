/* SPDX-License-Identifier: BSD-3-Clause */
/* What a site is told that joins with nothing. */
#include "engine_world.h"

#define MNS   300
#define STAMP (0xe8000000ULL << 32) /* before the clock of these sites */

static int tear_down(void **state)
{
	(void)state;
	close_world();
	return 0;
}

static uint64_t records_in(uint8_t node, uint8_t from)
{
	struct engine_peer_info info;

	assert_int_equal(engine_peer_info(world.site[node].e, from, &info), 0);
	return info.records_in;
}

static bool seen_at_site(
	uint8_t node, uint16_t domain, unsigned mn, uint8_t ha, struct seen_value *out)
{
	struct ip6_addr hoa = home(mn), agent_addr = agent(ha);

	return seen_get(world.site[node].seen, domain, &hoa, &agent_addr, out);
}

static void open_ready(const char *name, uint8_t sites)
{
	open_world(sites, name);
	world.is_unicast = true;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
}

static void join(uint8_t node)
{
	unsigned domains = 1 + world.has_other[node];

	start_site(node);
	RUN_UNTIL(world.site[node].events[ENGINE_EV_SNAPSHOT_DONE] == domains, 3000);
}

/* --- pairs last seen --- */

static void check_same_seen(unsigned mn)
{
	struct seen_value a, b;

	assert_true(seen_at_site(1, DOMAIN, mn, 1, &a));
	assert_true(seen_at_site(2, DOMAIN, mn, 1, &b));
	assert_true(seen_covers(&a, &b) && seen_covers(&b, &a));
	assert_int_equal(a.ext_seq, 1);
}

/* A record is all that is sent of a mobile node that has one. */
static void test_pairs_of_records(void **state)
{
	(void)state;
	open_ready("engine_snapshot", 2);
	for (unsigned mn = 0; mn < MNS; mn++)
		update(1, mn, 1, mn, 1, 600, 1 + mn);
	update(1, 7, 1, 7, 2, 0, MNS + 1); /* a tombstone's, too */
	update(1, 8, 1, 8, 2, 600, MNS + 2);
	RUN_UNTIL(is_converged(), 3000);
	stop_site(2);
	run(500);
	join(2);
	assert_int_equal(records_in(2, 1), MNS);
	assert_true(has(2, 8, 8));
	for (unsigned mn = 9; mn < MNS; mn++)
		check_same_seen(mn);
}

/* An update of each kind of mobile node, and the same again. */
static enum order_verdict proxy_update(uint8_t node, unsigned mn, uint64_t stamp)
{
	struct site *s = &world.site[node];
	struct ip6_addr hoa = home(mn), ha = agent(1), coa = care_of(mn);
	struct record *r = records_find(s->rs, DOMAIN, &hoa);
	struct order_facts f = { .by = RECORD_BY_STAMP, .number = stamp, .remembers = true };
	struct order_result o;
	struct seen_value v;
	enum order_verdict verdict;

	assert_null(r);
	f.epoch = seen_epoch(s->seen, DOMAIN, &hoa);
	f.seen = seen_get(s->seen, DOMAIN, &hoa, &ha, &v) ? &v : NULL;
	verdict = order_judge(&f, &o);
	if (verdict != ORDER_NEWER)
		return verdict;
	r = records_add(s->rs, DOMAIN, &hoa);
	assert_non_null(r);
	r->ha = ha;
	r->lifetime_s = 4;
	records_set(s->rs, r, RECORD_LIVE, &coa, world.now_ms + 4000);
	engine_accepted(s->e, r, &o, RECORD_BY_STAMP, false, world.now_ms, WALL + world.now_ms);
	return verdict;
}

static enum order_verdict sequence_again(uint8_t node, unsigned mn, uint16_t seq)
{
	struct ip6_addr hoa = home(mn);
	struct order_facts f = { .by = RECORD_BY_SEQUENCE, .number = seq, .remembers = true };
	struct order_result o;
	struct seen_value v;

	f.epoch = seen_epoch(world.site[node].seen, DOMAIN, &hoa);
	f.seen = seen_at_site(node, DOMAIN, mn, 1, &v) ? &v : NULL;
	return order_judge(&f, &o);
}

/* Its pair is there as soon as the record is, and when that has ended: nothing is accepted again. */
static void test_replays_at_joined_site(void **state)
{
	struct seen_pair beside = {
		.hoa = home(2), .ha = agent(1), .domain = DOMAIN, .value = { .stamp = STAMP }
	};
	struct ip6_addr hoa = home(2);

	(void)state;
	open_ready("engine_snapshot", 2);
	stop_site(2);
	run(500);
	update(1, 1, 1, 1, 41, 4, 1);
	assert_int_equal(seen_raise(world.site[1].seen, &beside, 0, 0), 1);
	update(1, 2, 1, 2, 41, 4, 2);
	assert_int_equal(proxy_update(1, 3, STAMP), ORDER_NEWER);
	join(2);
	assert_int_equal(records_in(2, 1), 3);
	assert_int_equal(sequence_again(2, 1, 41), ORDER_TOO_OLD);
	assert_int_equal(seen_stamp(world.site[2].seen, DOMAIN, &hoa), STAMP);
	RUN_UNTIL(all_say(NEXT_READY), 1000);
	stop_site(1);
	RUN_UNTIL(at(2, 1) == NULL && at(2, 2) == NULL && at(2, 3) == NULL, 20000);
	assert_int_equal(sequence_again(2, 1, 41), ORDER_TOO_OLD);
	assert_int_equal(sequence_again(2, 1, 42), ORDER_NEWER);
	assert_int_equal(seen_stamp(world.site[2].seen, DOMAIN, &hoa), STAMP);
	assert_int_equal(proxy_update(2, 3, STAMP), ORDER_TOO_OLD);
	assert_int_equal(proxy_update(2, 3, STAMP + 1), ORDER_NEWER);
}

/* What no record says, and what one says that is not told. */
static const struct {
	const char *name;
	uint8_t ha, record_ha;
	uint16_t record_domain; /* 0: there is no record */
	uint64_t ext_seq; /* the record's is 1 */
	bool is_past;
} apart[] = {
	{ "a number that its record does not have", 1, 1, DOMAIN, 2, false },
	{ "of another home agent address", 2, 1, DOMAIN, 1, false },
	{ "its record is of another domain", 1, 1, OTHER, 1, false },
	{ "its record is over, and another site's", 3, 3, DOMAIN, 1, true },
	{ "there is no record", 1, 0, 0, 1, false },
};

static void check_apart(size_t row)
{
	struct seen_pair pair = { .hoa = home(1),
		.ha = agent(apart[row].ha),
		.domain = DOMAIN,
		.value = { .ext_seq = apart[row].ext_seq, .epoch = 1 } };
	struct seen_value v;

	open_world(3, apart[row].name);
	world.is_unicast = true;
	for (uint8_t id = 1; id <= 3; id++)
		world.has_other[id] = apart[row].record_domain == OTHER;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY), 3000);
	RUN_UNTIL(!world.has_other[1] || world.site[1].other_says == NEXT_READY, 3000);
	stop_site(2);
	if (apart[row].record_domain != 0)
		update_in(apart[row].record_domain, 3, 1, apart[row].record_ha, 1, 1, 600, 1);
	run(500);
	engine_seen(world.site[1].e, &pair, world.now_ms, WALL + world.now_ms);
	run(500);
	if (apart[row].is_past) {
		assert_int_equal(owner_at(1, 1), 3);
		records_set(world.site[1].rs, at(1, 1), RECORD_LIVE, &at(1, 1)->coa, world.now_ms);
	}
	join(2);
	assert_true(!apart[row].is_past || at(2, 1) == NULL);
	if (apart[row].record_domain != OTHER) /* else each fills one of them */
		assert_int_equal(world.site[2].e->peer[3]->in[STREAM_SNAPSHOT].id, 0);
	if (!seen_at_site(2, DOMAIN, 1, apart[row].ha, &v) || v.ext_seq != apart[row].ext_seq)
		fail_msg("not told: %s", apart[row].name);
	close_world();
}

static void test_pairs_apart(void **state)
{
	(void)state;
	for (size_t row = 0; row < DIM(apart); row++)
		check_apart(row);
	open_world(1, "engine_snapshot");
}

/* --- two domains that join at once --- */

#define LARGE   3000
#define SMALL   20
#define SLOW    300 /* records a second */
#define A_PIECE 18 /* records, and no more */
#define FILLED  60000 /* ms, of both, if both are large */
#define TURN    5000 /* of a domain at a peer: FILL_TURN_MS of sync/snapshot.c */

/* Site 1 is ready in both, with so many bindings of the other one, and site 2 is not there. */
static void open_both(uint8_t sites, unsigned other, unsigned small, uint32_t records_s)
{
	open_world(sites, "engine_snapshot");
	for (uint8_t id = 1; id <= sites; id++)
		world.has_other[id] = true;
	world.records_s = records_s;
	world.max = 2 * LARGE + 1;
	world.seen_max = 2 * world.max;
	start_all();
	RUN_UNTIL(all_say(NEXT_READY) && world.site[1].other_says == NEXT_READY, 3000);
	stop_site(2);
	run(500);
	for (unsigned mn = 0; mn < other; mn++)
		update_in(OTHER, 1, mn, 1, mn, 1, 600, 1 + mn);
	for (unsigned mn = 0; mn < small; mn++)
		update(1, mn, 1, mn, 1, 600, 1 + other + mn);
	run(500);
}

static void open_two(uint8_t sites, unsigned other, uint32_t records_s)
{
	open_both(sites, other, SMALL, records_s);
}

static void check_small(void)
{
	for (unsigned mn = 0; mn < SMALL; mn++)
		assert_true(has(2, mn, mn));
}

static const struct fill *other_fill(void)
{
	struct engine *e = world.site[2].e;

	return &e->peer[1]->fill[domain_by_number(e, OTHER)->index];
}

/* The large one comes first, and is slow: it is told once, in parts. */
static void test_turns_of_domains(void **state)
{
	uint64_t begun_ms;

	(void)state;
	open_two(2, LARGE, SLOW);
	begun_ms = world.now_ms;
	start_site(2);
	RUN_UNTIL(other_fill()->until > 0, 1000);
	RUN_UNTIL(world.site[2].says == NEXT_READY, TURN + 1000);
	assert_true(world.now_ms - begun_ms > TURN);
	check_small();
	assert_in_range(other_fill()->until, 1, LARGE - 1);
	assert_in_range(records_live_in(world.site[2].rs, OTHER), 1, LARGE - 1);
	RUN_UNTIL(world.site[2].other_says == NEXT_READY, 1000 * LARGE / SLOW);
	assert_int_equal(records_live_in(world.site[2].rs, OTHER), LARGE);
	/* what lay behind a gap when its turn ended came twice */
	assert_in_range(records_in(2, 1), LARGE + SMALL, LARGE + SMALL + AHEAD_MAX * A_PIECE);
}

/* What the one domain has no room for keeps nobody from asking for the other one. */
static void test_refused_domain_beside_another(void **state)
{
	(void)state;
	open_two(2, SMALL, SLOW);
	world.other.max_bindings = 0;
	start_site(2);
	RUN_UNTIL(world.site[2].says == NEXT_READY, 1000);
	check_small();
	run(3000);
	assert_true(world.site[2].events[ENGINE_EV_SNAPSHOT_REFUSED] > 0);
	assert_int_equal(world.site[2].other_says, NEXT_JOINING);
}

/* All that is on its way from site 1, but for the first, is late. */
static void delay_all_but_first(uint64_t until_ms)
{
	bool is_first = true;

	for (unsigned i = 0; i < world.wire_count; i++) {
		if (world.wire[i].from != 1)
			continue;
		if (!is_first)
			world.wire[i].at_ms = until_ms;
		is_first = false;
	}
	assert_false(is_first);
}

/* The end of what is not asked for any more is no end of what is. */
static void test_late_end_of_another(void **state)
{
	const struct peer *giver, *taker;
	uint64_t late_ms;

	(void)state;
	open_two(2, 100, 100000);
	start_site(2);
	giver = world.site[1].e->peer[2];
	taker = world.site[2].e->peer[1];
	RUN_UNTIL(taker->asked_domain == domain_by_number(world.site[2].e, OTHER)->index, 1000);
	run(world.delay_ms);
	RUN_UNTIL(giver->out[STREAM_SNAPSHOT].id == taker->asked_id &&
			  giver->out[STREAM_SNAPSHOT].sent == stream_snapshot_end(world.site[1].e),
		1000);
	late_ms = world.now_ms + RETRY_MS + 500;
	delay_all_but_first(late_ms);
	world.loss_percent = 100;
	RUN_UNTIL(world.now_ms == late_ms - 1, RETRY_MS + 500);
	assert_int_equal(taker->asked_domain, domain_by_number(world.site[2].e, DOMAIN)->index);
	run(10);
	world.loss_percent = 0;
	assert_int_equal(world.site[2].says, NEXT_JOINING);
	RUN_UNTIL(world.site[2].says == NEXT_READY, 3000);
	check_small();
	RUN_UNTIL(world.site[2].other_says == NEXT_READY, 3000);
	assert_int_equal(records_live_in(world.site[2].rs, OTHER), 100);
}

/* A site that is gone may have told the giver, and not us, what lies in front of the place. */
static void test_part_begins_anew(void **state)
{
	const struct peer *taker;

	(void)state;
	open_two(3, LARGE, SLOW);
	stop_site(3);
	start_site(2);
	start_site(3);
	taker = world.site[2].e->peer[1];
	RUN_UNTIL(other_fill()->until > 0 &&
			  taker->asked_domain == domain_by_number(world.site[2].e, DOMAIN)->index,
		TURN + 1000);
	stop_site(3);
	step();
	assert_int_equal(other_fill()->until, 0);
}

static bool are_both_ready(uint8_t node)
{
	return world.site[node].says == NEXT_READY && world.site[node].other_says == NEXT_READY;
}

/* Two domains that take longer than a turn each, of a peer that always begins with everything: what
 * one was told before its turn ended does not come again and again. */
static void test_turns_at_older_giver(void **state)
{
	(void)state;
	open_both(2, LARGE, LARGE, SLOW);
	world.older = 1;
	start_site(2);
	RUN_UNTIL(are_both_ready(2), FILLED);
	assert_int_equal(records_live_in(world.site[2].rs, DOMAIN), LARGE);
	assert_int_equal(records_live_in(world.site[2].rs, OTHER), LARGE);
	assert_in_range(records_in(2, 1), 2 * LARGE, 4 * LARGE);
}

/* Nor where a third site comes and goes more often than turns do. */
static void test_turns_beside_restless_site(void **state)
{
	uint64_t until_ms;

	(void)state;
	open_both(3, LARGE, LARGE, SLOW);
	stop_site(3);
	start_site(2);
	until_ms = world.now_ms + FILLED;
	while (!are_both_ready(2)) {
		start_site(3);
		run(TURN - 1000);
		stop_site(3);
		run(10);
		assert_true(world.now_ms < until_ms);
	}
	assert_int_equal(records_live_in(world.site[2].rs, DOMAIN), LARGE);
	assert_int_equal(records_live_in(world.site[2].rs, OTHER), LARGE);
}

/* What is under way is none of its business. */
static void test_part_under_way_goes_on(void **state)
{
	uint64_t until;

	(void)state;
	open_two(3, LARGE, SLOW);
	stop_site(3);
	start_site(2);
	start_site(3);
	RUN_UNTIL(other_fill()->until > 100, 1000);
	until = other_fill()->until;
	stop_site(3);
	step();
	assert_in_range(other_fill()->until, until, LARGE - 1);
	start_site(3);
	run(500);
	assert_in_range(other_fill()->until, until + 1, LARGE - 1);
	assert_false(other_fill()->is_whole);
}

/* Whoever does not know the place begins with everything. */
static void test_place_that_is_none(void **state)
{
	struct engine *e;
	struct peer *p;
	uint64_t end;

	(void)state;
	open_two(2, SMALL, SLOW);
	e = world.site[1].e;
	p = e->peer[2];
	end = stream_snapshot_end(e);
	{
		const struct {
			uint64_t from, base;
		} t[] = { { 1, 1 }, { 0, 1 }, { 7, 7 }, { end, end }, { end + 1, 1 },
			{ 1ULL << 32, 1 }, { UINT64_MAX, 1 } };

		for (uint32_t i = 0; i < DIM(t); i++) {
			snapshot_asked(
				e, p, &(struct message_ask){ DOMAIN_ID, 1000 + i, t[i].from });
			assert_int_equal(p->out[STREAM_SNAPSHOT].id, 1000 + i);
			assert_int_equal(p->out[STREAM_SNAPSHOT].base, t[i].base);
		}
	}
}

/* So does a release that knows no places, and that is no snapshot with a part missing. */
static void test_base_of_snapshot(void **state)
{
	struct message_delta m = { .id = 9, .domain = DOMAIN_ID };
	struct in in = { .id = 9, .until = 49 };
	struct engine *e;
	struct peer *p;
	struct fill *f;

	(void)state;
	open_two(2, SMALL, SLOW);
	e = world.site[1].e;
	p = e->peer[2];
	p->asked_domain = domain_by_number(e, DOMAIN)->index;
	p->asked_id = m.id;
	p->asked_from = 50;
	f = &p->fill[p->asked_domain];
	*f = (struct fill){ .until = 49, .records = 40, .is_refused = true };
	m.base = 2;
	assert_false(snapshot_is_ours(e, p, &m));
	m.base = 51;
	assert_false(snapshot_is_ours(e, p, &m));
	m.base = 50;
	assert_true(snapshot_is_ours(e, p, &m));
	snapshot_begins(p, &in, m.base);
	assert_int_equal(in.refused.any, 49);
	assert_int_equal(in.flags, 0);
	m.base = 1;
	assert_true(snapshot_is_ours(e, p, &m));
	in = (struct in){ .id = 9 };
	snapshot_begins(p, &in, m.base);
	assert_int_equal(in.refused.any, 0);
	assert_int_equal(in.flags, DELTA_READY);
	assert_int_equal(f->until, 0);
	assert_int_equal(f->records, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_pairs_of_records, tear_down),
		cmocka_unit_test_teardown(test_replays_at_joined_site, tear_down),
		cmocka_unit_test_teardown(test_pairs_apart, tear_down),
		cmocka_unit_test_teardown(test_turns_of_domains, tear_down),
		cmocka_unit_test_teardown(test_refused_domain_beside_another, tear_down),
		cmocka_unit_test_teardown(test_late_end_of_another, tear_down),
		cmocka_unit_test_teardown(test_part_begins_anew, tear_down),
		cmocka_unit_test_teardown(test_turns_at_older_giver, tear_down),
		cmocka_unit_test_teardown(test_turns_beside_restless_site, tear_down),
		cmocka_unit_test_teardown(test_part_under_way_goes_on, tear_down),
		cmocka_unit_test_teardown(test_place_that_is_none, tear_down),
		cmocka_unit_test_teardown(test_base_of_snapshot, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
