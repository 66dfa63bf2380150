/* SPDX-License-Identifier: BSD-3-Clause */
/* Accounting tells what is stored. */
#include "persist_lab.h"

/* --- accounting --- */

static struct acct_event events[64];

static void account(void)
{
	t.conf.accounting = (struct conf_accounting){ .file = (char *)"/f", .interim_s = 100 };
	assert_int_equal(acct_new(&t.ctl, &t.ctl.acct), 0);
	start();
	acct_run(&t.ctl);
	assert_int_equal(acct_take(t.ctl.acct, events, DIM(events)), 1); /* on */
}

static struct record *begin_session(unsigned n)
{
	struct record *r = bind_node(n, n, 600);

	acct_start(&t.ctl, r, ACCT_CAUSE_REGISTERED);
	assert_int_equal(acct_take(t.ctl.acct, events, DIM(events)), 1);
	return r;
}

static uint32_t told(void)
{
	for (unsigned i = 0; i < 100; i++)
		acct_run(&t.ctl);
	return acct_take(t.ctl.acct, events, DIM(events));
}

/* What was told last is in the store: counts there are the same or later ones. */
static void test_told_when_stored(void **state)
{
	struct record *r;
	struct ip6_addr old;
	uint64_t stored = 0;

	(void)state;
	account();
	r = begin_session(1);
	while (persist_run(&t.ctl))
		;
	sync_all();
	/* an interim */
	bc_count_to(bc_find(t.tables.bc, &r->hoa), 7, 70);
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 0);
	bc_count_to(bc_find(t.tables.bc, &r->hoa), 1, 10); /* is not in it any more */
	while (persist_run(&t.ctl))
		;
	assert_int_equal(told(), 0);
	assert_int_equal(waiting(), 1);
	stored = feed_peek(t.feed, 0)->image.packets_to;
	sync_all();
	assert_int_equal(told(), 1);
	assert_int_equal(events[0].type, ACCT_INTERIM);
	assert_int_equal(events[0].packets_to, 7);
	assert_int_equal(stored, 8);
	/* a move, and then an end: in their order */
	old = r->coa;
	r = bind_node(1, 2, 600);
	acct_move(&t.ctl, r, &old);
	while (persist_run(&t.ctl))
		;
	assert_int_equal(mip6_withdraw(&t.ctl, r, ACCT_CAUSE_DEREGISTERED), 0);
	dq_drain(t.tables.dq);
	assert_int_equal(told(), 0);
	feed_set_written(t.feed, feed_peek(t.feed, 0)->mark);
	assert_int_equal(told(), 1);
	assert_int_equal(events[0].type, ACCT_MOVE);
	assert_int_equal(events[0].packets_to, 8);
	assert_int_equal(told(), 0);
	while (persist_run(&t.ctl))
		;
	sync_all();
	assert_int_equal(told(), 1);
	assert_int_equal(events[0].type, ACCT_STOP);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 0);
	assert_int_equal(t.ctl.counters[CTL_ACCT_LOST], 0);
	acct_free(&t.ctl, t.ctl.acct);
}

/* A store that cannot be written holds nothing back; what was lost with it is not taken for
 * written when it is well again. */
static void test_told_when_the_store_fails(void **state)
{
	(void)state;
	account();
	begin_session(1);
	while (persist_run(&t.ctl))
		;
	sync_all();
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 0);
	feed_fail(t.feed);
	assert_int_equal(told(), 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 1);
	feed_stat_set(t.feed, FEED_STAT_FAILED, 1);
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 2);
	feed_stat_set(t.feed, FEED_STAT_FAILED, 0);
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 0);
	while (persist_run(&t.ctl))
		;
	sync_all();
	assert_int_equal(told(), 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 2);
	/* thrown away, and well again before anybody looked */
	feed_stat_set(t.feed, FEED_STAT_FAILED, 1);
	t.ctl.now_ms += 100000;
	acct_run(&t.ctl);
	assert_true(persist_run(&t.ctl));
	feed_take(t.feed, waiting());
	feed_stat_set(t.feed, FEED_STAT_FAILED, 0);
	feed_set_written(t.feed, persist_mark(&t.ctl));
	assert_int_equal(told(), 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 3);
	acct_free(&t.ctl, t.ctl.acct);
}

/* The store threw away that a binding had ended, and is well again before its last packet is counted:
 * what is written then does not say it. Not held against the next one. */
static void test_end_thrown_away(void **state)
{
	struct record *r;

	(void)state;
	account();
	r = begin_session(1);
	begin_session(2);
	while (persist_run(&t.ctl))
		;
	sync_all();
	feed_stat_set(t.feed, FEED_STAT_FAILED, 1);
	feed_fail(t.feed);
	assert_int_equal(told(), 0);
	assert_int_equal(mip6_withdraw(&t.ctl, r, ACCT_CAUSE_DEREGISTERED), 0);
	while (persist_run(&t.ctl))
		;
	feed_take(t.feed, waiting());
	feed_stat_set(t.feed, FEED_STAT_FAILED, 0);
	dq_drain(t.tables.dq);
	assert_int_equal(told(), 1);
	assert_int_equal(events[0].type, ACCT_STOP);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 1);
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 0);
	while (persist_run(&t.ctl))
		;
	sync_all();
	assert_int_equal(told(), 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 1);
	acct_free(&t.ctl, t.ctl.acct);
}

/* A failure while nothing waits is nothing to what comes later. */
static void test_failed_before(void **state)
{
	(void)state;
	account();
	begin_session(1);
	feed_fail(t.feed);
	assert_int_equal(told(), 0);
	while (persist_run(&t.ctl))
		;
	sync_all();
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 0);
	while (persist_run(&t.ctl))
		;
	sync_all();
	assert_int_equal(told(), 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 0);
	acct_free(&t.ctl, t.ctl.acct);
}

/* A store that takes nothing: what waits is bounded, moves are told early rather than not at all,
 * interims wait. */
static void test_told_when_the_store_stalls(void **state)
{
	enum { MOVES = 6000 };
	struct ip6_addr old = coa_of(0);
	struct record *r;
	unsigned got = 0, n;

	(void)state;
	account();
	r = begin_session(1);
	for (unsigned i = 1; i <= MOVES; i++) {
		r = bind_node(1, i % 2, 600);
		acct_move(&t.ctl, r, &old);
		if (i % 32 == 0)
			got += acct_take(t.ctl.acct, events, DIM(events));
	}
	got += acct_take(t.ctl.acct, events, DIM(events));
	assert_int_equal(got, MOVES - 4096);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], MOVES - 4096);
	assert_int_equal(events[0].type, ACCT_MOVE);
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 0);
	while (persist_run(&t.ctl))
		;
	sync_all();
	while ((n = told()) > 0) {
		got += n;
		assert_int_equal(events[0].type, got > MOVES ? ACCT_INTERIM : ACCT_MOVE);
		while (persist_run(&t.ctl))
			;
		sync_all();
	}
	assert_int_equal(got, MOVES + 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], MOVES - 4096);
	assert_int_equal(t.ctl.counters[CTL_ACCT_LOST], 0);
	acct_free(&t.ctl, t.ctl.acct);
}

/* At the end: first the store, then the lines, with and without a sweep of counters. */
static void test_told_at_the_end(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		struct record *r;

		persist_teardown(NULL);
		persist_setup(NULL);
		if (round == 1) {
			persist_free(&t.ctl, t.ctl.persist);
			t.conf.store.counters_s = 0;
			assert_int_equal(persist_new(&t.ctl, &t.ctl.persist), 0);
			t.feed = ctl_feed(&t.ctl);
		}
		account();
		r = begin_session(1);
		while (persist_run(&t.ctl))
			;
		sync_all();
		bc_count_to(bc_find(t.tables.bc, &r->hoa), 7, 70);
		acct_finish(&t.ctl); /* nobody takes anything: gives up in the end */
		assert_int_equal(waiting(), 1);
		assert_int_equal(feed_peek(t.feed, 0)->image.packets_to, 7);
		assert_int_equal(acct_take(t.ctl.acct, events, DIM(events)), 2);
		assert_int_equal(events[0].type, ACCT_INTERIM);
		assert_int_equal(events[0].packets_to, 7);
		assert_int_equal(events[1].type, ACCT_OFF);
		acct_free(&t.ctl, t.ctl.acct);
	}
}

/* The session of another site's binding that begins at the end is the next run's, too: or that
 * would bill the same octets once more. */
static void test_heard_told_at_the_end(void **state)
{
	const struct feed_item *it;
	struct record *r;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		persist_teardown(NULL);
		persist_setup(NULL);
		account();
		r = bind_node(1, 1, 600);
		acct_hear(&t.ctl, r);
		if (round == 1) /* its counts are told by now, and its session is all that is not */
			bc_count_to(bc_find(t.tables.bc, &r->hoa), 7, 70);
		while (persist_run(&t.ctl))
			;
		sync_all();
		if (round == 0)
			bc_count_to(bc_find(t.tables.bc, &r->hoa), 7, 70);
		acct_finish(&t.ctl);
		assert_int_equal(acct_take(t.ctl.acct, events, DIM(events)), 3);
		assert_int_equal(events[0].type, ACCT_START);
		assert_int_equal(events[0].cause, ACCT_CAUSE_HEARD);
		assert_int_equal(events[1].type, ACCT_INTERIM);
		assert_int_equal(events[1].packets_to, 7);
		assert_true(events[1].session == events[0].session);
		assert_int_equal(waiting(), 1);
		it = feed_peek(t.feed, 0);
		assert_true(it->image.session == events[0].session);
		assert_int_equal(it->image.packets_to, 7);
		acct_free(&t.ctl, t.ctl.acct);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, persist_setup, persist_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_told_when_stored),
		TEST(test_told_when_the_store_fails),
		TEST(test_end_thrown_away),
		TEST(test_failed_before),
		TEST(test_told_when_the_store_stalls),
		TEST(test_told_at_the_end),
		TEST(test_heard_told_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
