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
	assert_int_equal(world.site[2].e->peer[3]->in[STREAM_SNAPSHOT].id, 0); /* by site 1 */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_pairs_of_records, tear_down),
		cmocka_unit_test_teardown(test_replays_at_joined_site, tear_down),
		cmocka_unit_test_teardown(test_pairs_apart, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
