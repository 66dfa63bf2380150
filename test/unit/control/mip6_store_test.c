/* SPDX-License-Identifier: BSD-3-Clause */
/* Acknowledgements that wait for the store. */
#include "mip6_lab.h"

/* --- answers that wait for the store --- */

static struct feed *with_store(void)
{
	mip6_free(t.ctl.mip6);
	t.conf.store.path = (char *)"/s";
	t.conf.store.sync_ms = 10;
	t.domains[0].ack_peers = CONF_ACK_STORE;
	assert_int_equal(mip6_new(&t.ctl, &t.ctl.mip6), 0);
	assert_int_equal(persist_new(&t.ctl, &t.ctl.persist), 0);
	persist_begin(&t.ctl);
	return ctl_feed(&t.ctl);
}

static int teardown_store(void **state)
{
	persist_free(&t.ctl, t.ctl.persist);
	return teardown(state);
}

/* What the store's thread does: takes all there is, and has written it. */
static void write_all(struct feed *feed)
{
	const struct feed_item *it;

	persist_run(&t.ctl);
	while ((it = feed_peek(feed, 0)) != NULL) {
		feed_set_written(feed, it->mark);
		feed_take(feed, 1);
	}
}

static void test_ack_store(void **state)
{
	struct feed *feed = with_store();

	(void)state;
	send_bu(&(struct msg){ .seq = 1 });
	assert_int_equal(out.len, 0);
	assert_bound(HOA, COA); /* packets follow at once */
	COUNTED(BA_HELD);
	assert_false(mip6_release(&t.ctl));
	persist_run(&t.ctl); /* handed over, not written */
	assert_false(mip6_release(&t.ctl));
	assert_int_equal(out.wire, 0);
	write_all(feed);
	assert_true(mip6_release(&t.ctl));
	assert_int_equal(out.wire, 1);
	assert_ba(COA, HOA, HA_ACCEPTED, 1, 100);
	COUNTED(BA_SENT);
	assert_false(mip6_release(&t.ctl));
	/* refresh, move and end wait alike */
	send_bu(&(struct msg){ .seq = 2 });
	assert_int_equal(out.wire, 1);
	write_all(feed);
	mip6_release(&t.ctl);
	assert_ba(COA, HOA, HA_ACCEPTED, 2, 100);
	send_bu(&(struct msg){ .seq = 3, .src = COA2 });
	assert_int_equal(out.wire, 2);
	write_all(feed);
	mip6_release(&t.ctl);
	assert_ba(COA2, HOA, HA_ACCEPTED, 3, 100);
	send_bu(&(struct msg){ .seq = 4, .src = COA2, .lifetime = -1 });
	assert_int_equal(out.wire, 3);
	assert_null(entry(HOA));
	write_all(feed);
	mip6_release(&t.ctl);
	assert_ba(COA2, HOA, HA_ACCEPTED, 4, 0);
	/* a domain that does not wait */
	send_bu(&(struct msg){ .seq = 1, .dst = "2001:db8:b::1", .hao = "2001:db8:b::100" });
	assert_int_equal(out.wire, 5);
}

/* At home it goes back over the link it came by, later too. */
static void test_ack_store_at_home(void **state)
{
	struct feed *feed = with_store();

	(void)state;
	send_bu(&(struct msg){ .seq = 1 });
	write_all(feed);
	mip6_release(&t.ctl);
	send_bu(&(struct msg){ .seq = 2, .src = HOA, .hao = "", .lifetime = -1 });
	assert_int_equal(out.link, 0);
	write_all(feed);
	mip6_release(&t.ctl);
	assert_int_equal(out.link, 1);
	assert_int_equal(out.port, 5);
	assert_int_equal(out.mac[5], 9);
	assert_ba(HOA, NULL, HA_ACCEPTED, 2, 0);
}

/* Each Binding Update has its answer with its number, in the order they came; what is refused
 * waits only behind what waits. */
static void test_ack_store_in_order(void **state)
{
	struct feed *feed = with_store();

	(void)state;
	send_bu(&(struct msg){ .seq = 10 });
	send_bu(&(struct msg){ .seq = 10 });
	send_bu(&(struct msg){ .seq = 11 });
	assert_int_equal(out.wire, 0);
	assert_int_equal(mip6_held(&t.ctl), 3);
	/* another mobile node that is refused waits for nobody */
	send_bu(&(struct msg){ .seq = 5, .hao = "2001:db8:a::ffff" });
	assert_ba(COA, "2001:db8:a::ffff", HA_NOT_HOME_AGENT, 5, 0);
	assert_int_equal(out.wire, 1);
	feed_set_written(feed, 0);
	assert_false(mip6_release(&t.ctl));
	write_all(feed);
	mip6_release(&t.ctl);
	assert_int_equal(out.wire, 4);
	assert_ba(COA, HOA, HA_ACCEPTED, 11, 100);
	/* one by one */
	send_bu(&(struct msg){ .seq = 12 });
	persist_run(&t.ctl);
	send_bu(&(struct msg){ .seq = 12 });
	send_bu(&(struct msg){ .seq = 13 });
	assert_int_equal(mip6_held(&t.ctl), 3);
	feed_set_written(feed, feed_peek(feed, 0)->mark);
	mip6_release(&t.ctl);
	assert_int_equal(mip6_held(&t.ctl), 1);
	assert_ba(COA, HOA, HA_SEQUENCE, 12, 0);
	write_all(feed);
	mip6_release(&t.ctl);
	assert_ba(COA, HOA, HA_ACCEPTED, 13, 100);
	/* nothing waits: refused at once */
	send_bu(&(struct msg){ .seq = 13 });
	assert_ba(COA, HOA, HA_SEQUENCE, 13, 0);
}

/* The store cannot be written: what it was asked for is done, and not acknowledged. */
static void test_ack_store_fails(void **state)
{
	struct feed *feed = with_store();

	(void)state;
	send_bu(&(struct msg){ .seq = 1 });
	persist_run(&t.ctl);
	feed_fail(feed);
	feed_stat_set(feed, FEED_STAT_FAILED, 1);
	feed_take(feed, 1);
	feed_set_written(feed, 99); /* later, and something else */
	assert_false(mip6_release(&t.ctl));
	assert_int_equal(out.wire, 0);
	COUNTED(BA_NOT_STORED);
	send_bu(&(struct msg){ .seq = 2, .src = COA2 });
	assert_int_equal(out.wire, 0);
	assert_bound(HOA, COA2);
	assert_int_equal(t.ctl.counters[CTL_BA_NOT_STORED], 2);
	send_bu(&(struct msg){ .seq = 2, .src = COA2 });
	assert_ba(COA2, HOA, HA_SEQUENCE, 2, 0);
	/* it comes back */
	feed_stat_set(feed, FEED_STAT_FAILED, 0);
	send_bu(&(struct msg){ .seq = 3, .src = COA2 });
	feed_set_written(feed, 0);
	write_all(feed);
	mip6_release(&t.ctl);
	assert_ba(COA2, HOA, HA_ACCEPTED, 3, 100);
}

/* Only so many wait; the others are as if their answer had been lost. */
static void test_ack_store_full(void **state)
{
	struct feed *feed = with_store();
	struct held_answer *a;
	unsigned n = 0;

	(void)state;
	while ((a = held_room(t.ctl.mip6->held)) != NULL) {
		*a = (struct held_answer){ .answer = { .len = 40, .on_link = n % 2 == 0 } };
		held_put(t.ctl.mip6->held);
		n++;
	}
	assert_int_equal(n, HELD_MAX);
	send_bu(&(struct msg){ .seq = 1 });
	assert_bound(HOA, COA);
	COUNTED(BA_NOT_STORED);
	while (mip6_release(&t.ctl))
		;
	assert_int_equal(out.wire, HELD_MAX / 2);
	assert_int_equal(out.link, HELD_MAX / 2);
	send_bu(&(struct msg){ .seq = 2 });
	write_all(feed);
	mip6_release(&t.ctl);
	assert_ba(COA, HOA, HA_ACCEPTED, 2, 100);
}

/* An end that the store has not been told of yet: the record stays, the binding does not. And so
 * does one whose timestamp is ahead of the clock, until it is not. */
static void test_store_needs_it(void **state)
{
	struct feed *feed = with_store();
	struct ip6_addr hoa = addr(HOA);

	(void)state;
	send_bu(&(struct msg){ .seq = 1, .lifetime = 1 });
	t.ctl.now_ms += 4001;
	mip6_expire(&t.ctl);
	assert_null(entry(HOA));
	assert_non_null(records_find(t.ctl.records, 0, &hoa));
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_EXPIRED], 0);
	write_all(feed);
	t.ctl.now_ms += 1001;
	mip6_expire(&t.ctl);
	assert_null(records_find(t.ctl.records, 0, &hoa));
	COUNTED(BINDINGS_EXPIRED);

	send_bu(&(struct msg){ .seq = 2, .lifetime = 1 });
	write_all(feed);
	mip6_set_stamp(
		&t.ctl, 0, &hoa, &t.domains[0].home_agent_address, t.ctl.ntp + 6 * NTP_SECOND);
	t.ctl.now_ms += 4001;
	t.ctl.ntp += 4 * NTP_SECOND;
	mip6_expire(&t.ctl);
	assert_null(entry(HOA));
	assert_non_null(records_find(t.ctl.records, 0, &hoa));
	t.ctl.now_ms += 2001;
	t.ctl.ntp += 2 * NTP_SECOND;
	mip6_expire(&t.ctl);
	assert_null(records_find(t.ctl.records, 0, &hoa));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ack_store, setup, teardown_store),
		cmocka_unit_test_setup_teardown(test_ack_store_at_home, setup, teardown_store),
		cmocka_unit_test_setup_teardown(test_ack_store_in_order, setup, teardown_store),
		cmocka_unit_test_setup_teardown(test_ack_store_fails, setup, teardown_store),
		cmocka_unit_test_setup_teardown(test_ack_store_full, setup, teardown_store),
		cmocka_unit_test_setup_teardown(test_store_needs_it, setup, teardown_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
