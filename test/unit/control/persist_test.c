/* SPDX-License-Identifier: BSD-3-Clause */
/* What the store is told: persist.c over the real records, tables and feed. The test is the store's end
 * of the feed. */
#include "persist_lab.h"

/* --- telling --- */

static void test_image(void **state)
{
	const struct feed_item *it;
	struct ip6_addr want;
	struct record *r;

	(void)state;
	start();
	t.ctl.now_ms += 5000;
	r = bind_node(1, 2, 100);
	r->flags = 0xc000;
	r->seq = 77;
	r->session = 99;
	bc_count_to(bc_find(t.tables.bc, &r->hoa), 3, 300);
	bc_count_from(bc_find(t.tables.bc, &r->hoa), 4, 400);
	assert_true(persist_is_behind(&t.ctl, r));
	assert_int_equal(persist_mark(&t.ctl), 1);
	assert_true(persist_run(&t.ctl));
	assert_false(persist_is_behind(&t.ctl, r));
	assert_int_equal(waiting(), 1);
	it = feed_peek(t.feed, 0);
	assert_int_equal(it->kind, FEED_RECORD);
	assert_int_equal(it->mark, 1);
	want = hoa_of(1);
	assert_true(ip6_eq(&it->image.hoa, &want));
	want = coa_of(2);
	assert_true(ip6_eq(&it->image.coa, &want));
	assert_true(ip6_eq(&it->image.ha, &t.domains[0].home_agent_address));
	assert_int_equal(it->image.ends_ms, START_UNIX_MS + 105000);
	assert_int_equal(it->image.since_ms, START_UNIX_MS + 5000);
	assert_int_equal(it->image.lifetime_s, 100);
	assert_int_equal(it->image.seq, 77);
	assert_int_equal(it->image.flags, 0xc000);
	assert_int_equal(it->image.session, 99);
	assert_int_equal(it->image.state, RECORD_LIVE);
	assert_int_equal(it->image.domain, 0);
	assert_int_equal(it->image.packets_to, 3);
	assert_int_equal(it->image.bytes_to, 300);
	assert_int_equal(it->image.packets_from, 4);
	assert_int_equal(it->image.bytes_from, 400);
	assert_true(it->image.ntp_last == mip6_stamp(&t.ctl, 0, &r->hoa));
	feed_take(t.feed, 1);
	assert_false(persist_run(&t.ctl));
	assert_int_equal(waiting(), 0);
}

/* Once, as it is when it is handed over, however often it changed; a tombstone too. */
static void test_coalesced(void **state)
{
	struct record *r = NULL;

	(void)state;
	start();
	for (unsigned i = 0; i < 10; i++)
		r = bind_node(1, i, 100);
	assert_int_equal(mip6_withdraw(&t.ctl, r, ACCT_CAUSE_DELETED), 0);
	persist_run(&t.ctl);
	assert_int_equal(waiting(), 1);
	assert_int_equal(feed_peek(t.feed, 0)->image.state, RECORD_TOMBSTONE);
	assert_int_equal(feed_peek(t.feed, 0)->image.seq, 10);
	assert_int_equal(t.ctl.counters[CTL_STORE_RECORDS], 1);
	assert_int_equal(t.ctl.counters[CTL_STORE_COALESCED], 10);
}

/* One that is gone before it was told: whoever waits for its number is not kept waiting. */
static void test_gone(void **state)
{
	struct record *r;

	(void)state;
	start();
	bind_node(1, 1, 100);
	r = bind_node(2, 2, 100);
	records_del(t.ctl.records, r);
	assert_true(persist_run(&t.ctl));
	assert_int_equal(waiting(), 2);
	assert_int_equal(feed_peek(t.feed, 0)->kind, FEED_RECORD);
	assert_int_equal(feed_peek(t.feed, 1)->kind, FEED_MARK);
	assert_int_equal(feed_peek(t.feed, 1)->mark, persist_mark(&t.ctl));
	feed_take(t.feed, 2);
	assert_false(persist_run(&t.ctl));
	assert_int_equal(waiting(), 0);
	/* its number goes to another */
	r = bind_node(3, 3, 100);
	assert_int_equal(r->handle, 2);
	persist_run(&t.ctl);
	assert_int_equal(waiting(), 1);
	assert_int_equal(feed_peek(t.feed, 0)->image.coa.b[15], 3);
}

/* A store that takes nothing: no more than the feed is told, each record waits once, nothing is
 * forgotten, and what ended meanwhile stays until it was told. */
static void test_stalled(void **state)
{
	unsigned told = 0;
	struct record *r;

	(void)state;
	start();
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned n = 0; n < MAX; n++)
			bind_node(n, round, round == 3 ? 10 : 100);
		while (persist_run(&t.ctl))
			;
		assert_in_range(waiting(), MAX, FEED);
	}
	assert_int_equal(waiting(), FEED);
	r = bind_node(MAX - 1, 9, 10);
	assert_true(persist_is_behind(&t.ctl, r));
	t.ctl.now_ms += 20000; /* all are over */
	for (unsigned i = 0; i < 100; i++)
		mip6_expire(&t.ctl);
	assert_null(bc_find(t.tables.bc, &r->hoa)); /* no traffic any more */
	assert_ptr_equal(records_at(t.ctl.records, r->handle), r);
	assert_in_range(records_live(t.ctl.records), 1, MAX);
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_EXPIRED] + records_live(t.ctl.records), MAX);
	/* the store comes back */
	while (persist_run(&t.ctl) || waiting() > 0) {
		uint32_t n = waiting();

		for (uint32_t i = 0; i < n; i++)
			told += feed_peek(t.feed, i)->image.lifetime_s == 10;
		feed_take(t.feed, n);
	}
	assert_int_equal(told, MAX);
	for (unsigned i = 0; i < 100; i++) {
		t.ctl.now_ms += 1000;
		mip6_expire(&t.ctl);
	}
	assert_int_equal(records_live(t.ctl.records), 0);
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_EXPIRED], MAX);
}

/* --- all of it --- */

static void test_walk(void **state)
{
	unsigned records = 0, turns = 0;

	(void)state;
	start();
	for (unsigned n = 0; n < 1000; n++)
		bind_node(n, n, 100);
	while (persist_run(&t.ctl))
		;
	sync_all();
	assert_false(persist_run(&t.ctl));
	feed_want_all(t.feed);
	while (persist_run(&t.ctl))
		turns++;
	assert_in_range(turns, 5, 20); /* slices */
	assert_int_equal(waiting(), 1002);
	assert_int_equal(feed_peek(t.feed, 0)->kind, FEED_BEGIN);
	assert_int_equal(feed_peek(t.feed, 1001)->kind, FEED_END);
	for (uint32_t i = 1; i <= 1000; i++)
		records += feed_peek(t.feed, i)->kind == FEED_RECORD;
	assert_int_equal(records, 1000);
}

/* It goes no further than the disk follows, but always as far as records change. */
static void test_walk_waits_for_the_disk(void **state)
{
	uint32_t before;

	(void)state;
	start();
	for (unsigned n = 0; n < MAX; n++)
		bind_node(n, n, 100);
	for (unsigned n = 0; n < 500; n++)
		mip6_withdraw(&t.ctl, bind_node(n, n, 100), ACCT_CAUSE_DELETED);
	for (unsigned n = MAX; n < MAX + 400; n++)
		bind_node(n, n, 100);
	while (persist_run(&t.ctl))
		;
	sync_all();
	feed_want_all(t.feed);
	while (persist_run(&t.ctl))
		;
	before = waiting();
	assert_in_range(before, 4096, 4096 + 256);
	for (unsigned n = 600; n < 610; n++)
		bind_node(n, 1, 100);
	assert_true(persist_run(&t.ctl));
	assert_int_equal(waiting(), before + 20);
	feed_set_synced(t.feed, 0, feed_count(t.feed));
	while (persist_run(&t.ctl))
		;
	assert_int_equal(feed_peek(t.feed, waiting() - 1)->kind, FEED_END);
}

static unsigned count_kind(enum feed_kind kind)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < waiting(); i++)
		n += feed_peek(t.feed, i)->kind == kind;
	return n;
}

/* A file grows to twice of what there is, and 16384. */
static void test_grown(void **state)
{
	unsigned changes = 0;

	(void)state;
	start();
	for (; changes < 16384 + 2 * 100; changes++) {
		bind_node(changes % 100, changes, 100);
		persist_run(&t.ctl);
		assert_int_equal(count_kind(FEED_BEGIN), 0);
		sync_all();
	}
	persist_run(&t.ctl);
	assert_int_equal(count_kind(FEED_BEGIN), 1);
	while (persist_run(&t.ctl))
		;
	sync_all();
	/* and again when most of it is gone */
	for (unsigned n = 0; n < MAX; n++)
		bind_node(n, n, 20);
	for (unsigned i = 0; i < 16384; i++) {
		bind_node(i % 100, i, 20);
		persist_run(&t.ctl);
		assert_int_equal(count_kind(FEED_BEGIN), 0);
		sync_all();
	}
	t.ctl.now_ms += 30000;
	t.ctl.ntp += 30 * NTP_SECOND;
	for (unsigned i = 0; i < 100; i++)
		mip6_expire(&t.ctl);
	persist_run(&t.ctl);
	assert_int_equal(count_kind(FEED_BEGIN), 1);
}

static void test_clock_set(void **state)
{
	(void)state;
	start();
	bind_node(1, 1, 100);
	persist_run(&t.ctl);
	sync_all();
	clock_set_ms = -1500;
	persist_run(&t.ctl);
	assert_int_equal(waiting(), 0);
	clock_set_ms = -2500;
	persist_run(&t.ctl);
	while (persist_run(&t.ctl))
		;
	assert_int_equal(count_kind(FEED_BEGIN), 1);
	/* images are by the clock of the start, whatever becomes of the time of day */
	assert_int_equal(feed_peek(t.feed, 1)->image.ends_ms, START_UNIX_MS + 100000);
	assert_int_equal(ctl_store_clock(&t.ctl), START_UNIX_MS - START_MS);
	sync_all();
	persist_run(&t.ctl);
	assert_int_equal(waiting(), 0);
	clock_set_ms = 1000000;
	persist_run(&t.ctl);
	assert_int_equal(count_kind(FEED_BEGIN), 1);
}

/* The start waits for the store, while control's clock stands still: nothing was set by that. */
static void test_clock_stands_still(void **state)
{
	(void)state;
	start();
	bind_node(1, 1, 100);
	persist_run(&t.ctl);
	sync_all();
	ahead_ms = 10000;
	persist_run(&t.ctl);
	assert_int_equal(waiting(), 0);
	t.ctl.now_ms += ahead_ms;
	ahead_ms = 0;
	persist_run(&t.ctl);
	assert_int_equal(waiting(), 0);
}

static void test_failure(void **state)
{
	(void)state;
	start();
	for (unsigned n = 0; n < 1000; n++)
		bind_node(n, n, 100);
	while (persist_run(&t.ctl))
		;
	sync_all();
	feed_want_all(t.feed);
	persist_run(&t.ctl);
	assert_int_equal(count_kind(FEED_BEGIN), 1);
	/* fails in the middle of it */
	feed_fail(t.feed);
	feed_stat_set(t.feed, FEED_STAT_FAILED, 1);
	feed_stat_set(t.feed, FEED_STAT_FAILURES, 1);
	feed_take(t.feed, waiting());
	assert_true(persist_has_failed(&t.ctl));
	assert_false(persist_run(&t.ctl));
	assert_int_equal(t.ctl.counters[CTL_STORE_FAILURES], 1);
	/* what changes is told all the same, and thrown away there */
	bind_node(1, 1, 100);
	assert_true(persist_run(&t.ctl));
	assert_int_equal(waiting(), 1);
	feed_take(t.feed, 1);
	feed_stat_set(t.feed, FEED_STAT_FAILED, 0);
	feed_want_all(t.feed);
	feed_set_synced(t.feed, 0, feed_count(t.feed));
	while (persist_run(&t.ctl))
		;
	assert_int_equal(waiting(), 1002);
}

/* Traffic alone is told within counters-s, and each record once in that time. */
static void test_counters(void **state)
{
	struct ip6_addr a = hoa_of(7);
	unsigned told = 0;

	(void)state;
	start();
	for (unsigned n = 0; n < 1000; n++)
		bind_node(n, n, 600);
	while (persist_run(&t.ctl))
		;
	sync_all();
	bc_count_to(bc_find(t.tables.bc, &a), 1, 100);
	for (unsigned s = 0; s < 121; s++) {
		persist_run(&t.ctl);
		for (uint32_t i = 0; i < waiting(); i++) {
			const struct feed_item *it = feed_peek(t.feed, i);

			told++;
			assert_true(ip6_eq(&it->image.hoa, &a));
			assert_int_equal(it->image.packets_to, 1);
		}
		sync_all();
		t.ctl.now_ms += 1000;
	}
	assert_int_equal(told, 1);
}

/* --- a model: the store as a table of images --- */

#define KEYS 60

struct view {
	bool is_there;
	struct record_image image;
};

static struct {
	struct view old[KEYS], now[KEYS]; /* files that are needed until all is written anew */
	bool failed;
} model;

static unsigned key_of(const struct record_image *r)
{
	return (unsigned)r->hoa.b[14] << 8 | r->hoa.b[15];
}

static void model_take(const struct feed_item *it)
{
	if (it->kind == FEED_BEGIN) {
		for (unsigned k = 0; k < KEYS; k++)
			if (model.now[k].is_there)
				model.old[k] = model.now[k];
		memset(model.now, 0, sizeof(model.now));
	} else if (it->kind == FEED_END) {
		memset(model.old, 0, sizeof(model.old));
	} else {
		assert_true(key_of(&it->image) < KEYS);
		model.now[key_of(&it->image)] = (struct view){ true, it->image };
	}
}

static void model_consume(uint64_t n)
{
	const struct feed_item *it;

	for (; n > 0 && (it = feed_peek(t.feed, 0)) != NULL; n--) {
		if (!model.failed) {
			model_take(it);
			feed_set_written(t.feed, it->mark);
			feed_set_synced(t.feed, it->mark, feed_count(t.feed));
		}
		feed_take(t.feed, 1);
	}
}

/* What would be read now, at rest: every record, and nothing that is not over. */
static void model_check(void)
{
	for (unsigned k = 0; k < KEYS; k++) {
		const struct view *v = model.now[k].is_there ? &model.now[k] : &model.old[k];
		struct ip6_addr hoa = hoa_of(k);
		const struct record *r = records_find(t.ctl.records, 0, &hoa);

		if (r == NULL) {
			/* its end is no news */
			assert_true(!v->is_there || v->image.ends_ms <= unix_ms());
			continue;
		}
		assert_true(v->is_there);
		assert_true(ip6_eq(&v->image.coa, &r->coa));
		assert_int_equal(v->image.seq, r->seq);
		assert_int_equal(v->image.state, r->state);
		assert_int_equal(v->image.ends_ms - unix_ms(), r->ends_ms - t.ctl.now_ms);
	}
}

static void model_settle(void)
{
	if (model.failed) {
		model.failed = false;
		feed_stat_set(t.feed, FEED_STAT_FAILED, 0);
		feed_want_all(t.feed);
	}
	feed_set_synced(t.feed, feed_written(t.feed), feed_count(t.feed));
	for (unsigned i = 0; i < 3; i++)
		while (persist_run(&t.ctl) || waiting() > 0)
			model_consume(UINT64_MAX);
	model_check();
}

static void model_change(uint64_t *rng)
{
	unsigned k = (unsigned)rng_below(rng, KEYS);
	struct ip6_addr hoa = hoa_of(k);
	struct record *r = records_find(t.ctl.records, 0, &hoa);

	if (rng_below(rng, 4) == 0 && r != NULL && r->state == RECORD_LIVE)
		assert_int_equal(mip6_withdraw(&t.ctl, r, ACCT_CAUSE_DELETED), 0);
	else
		bind_node(k, (unsigned)rng_below(rng, 100), 4 + (uint32_t)rng_below(rng, 60));
	dq_drain(t.tables.dq);
}

static void test_model(void **state)
{
	uint64_t rng = rng_start("persist");

	(void)state;
	memset(&model, 0, sizeof(model));
	start();
	for (unsigned step = 0; step < 30000; step++) {
		switch (rng_below(&rng, 12)) {
		case 0:
			t.ctl.now_ms += rng_below(&rng, 300);
			mip6_expire(&t.ctl);
			break;
		case 1:
			feed_want_all(t.feed);
			break;
		case 2:
			if (rng_below(&rng, 50) > 0)
				break;
			model.failed = true;
			feed_fail(t.feed);
			feed_stat_set(t.feed, FEED_STAT_FAILED, 1);
			break;
		case 3:
			if (rng_below(&rng, 30) == 0)
				model_settle();
			break;
		case 4:
		case 5:
			persist_run(&t.ctl);
			break;
		case 6:
			model_consume(rng_below(&rng, 100));
			break;
		default:
			model_change(&rng);
		}
	}
	model_settle();
}

/* --- the end --- */

/* Nobody else runs: everything is handed over, traffic since the last sweep too. */
static void test_finish(void **state)
{
	struct ip6_addr a = hoa_of(3);

	(void)state;
	start();
	for (unsigned n = 0; n < 10; n++)
		bind_node(n, n, 100);
	while (persist_run(&t.ctl))
		;
	sync_all();
	bc_count_from(bc_find(t.tables.bc, &a), 5, 500);
	bind_node(4, 5, 100);
	assert_true(ctl_store_finish(&t.ctl));
	assert_int_equal(waiting(), 2);
	feed_stat_set(t.feed, FEED_STAT_FAILED, 1); /* nobody takes it, and nobody waits */
	for (unsigned n = 0; n < 10; n++)
		bind_node(n, n, 100);
	assert_false(ctl_store_finish(&t.ctl));
}

/* The store does not fail, but takes nothing either: there is an end to waiting, and what is left
 * is said. */
static void test_finish_gives_up(void **state)
{
	(void)state;
	start();
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned n = 0; n < MAX; n++)
			bind_node(n, i, 100);
		while (persist_run(&t.ctl))
			;
	}
	assert_int_equal(waiting(), FEED);
	assert_false(ctl_store_finish(&t.ctl));
	sync_all();
	assert_true(ctl_store_finish(&t.ctl));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, persist_setup, persist_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_image),
		TEST(test_coalesced),
		TEST(test_gone),
		TEST(test_stalled),
		TEST(test_walk),
		TEST(test_walk_waits_for_the_disk),
		TEST(test_grown),
		TEST(test_clock_set),
		TEST(test_clock_stands_still),
		TEST(test_failure),
		TEST(test_counters),
		TEST(test_model),
		TEST(test_finish),
		TEST(test_finish_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
