/* SPDX-License-Identifier: BSD-3-Clause */
/* Binding Updates in a mesh: three sites with their own engines, and what is acknowledged when. */
#include "mesh_lab.h"

/* --- the acknowledgement --- */

/* Packets follow at once, the acknowledgement leaves when another site holds it. */
static void test_commit(void **state)
{
	struct ip6_addr agent = agent_of(1);

	(void)state;
	send_bu(&(struct msg){ .at = 1, .seq = 7 });
	assert_non_null(entry_at(1, HOA));
	assert_answered(1, 0, -1, 0);
	assert_int_equal(mip6_pending(&sites[1].ctl), 1);
	pass(2 * WIRE_MS - 1);
	assert_answered(1, 0, -1, 0);
	assert_non_null(record_at(2, HOA));
	pass(4);
	assert_answered(1, 0, HA_ACCEPTED, 7);
	assert_true(ip6_eq(&sites[1].got[0].src, &agent));
	assert_int_equal(mip6_pending(&sites[1].ctl), 0);
	assert_int_equal(counted(1, CTL_BA_WAITED), 1);
	assert_int_equal(counted(1, CTL_BA_SENT), 1);
	assert_int_equal(mesh_at(1, HOA)->flags & RECORD_ALONE, 0);
	assert_bound(HOA, COA, 1, 1);
}

/* "ack-peers": all that are there; one is further away. */
static void test_ack_all(void **state)
{
	(void)state;
	begin_as(CONF_MODE_SHARED, CONF_ACK_ALL, false);
	sites[3].wire_ms = 30;
	send_bu(&(struct msg){ .at = 1, .seq = 7 });
	pass(2 * WIRE_MS + 50);
	assert_answered(1, 0, -1, 0);
	pass(20);
	assert_answered(1, 0, HA_ACCEPTED, 7);
	/* one that leaves is no longer waited for */
	sites[3].is_deaf = true;
	send_bu(&(struct msg){ .at = 1, .seq = 8, .coa = COA2 });
	pass(100);
	assert_answered(1, 1, -1, 0);
	sites[3].is_cut = true;
	pass(3);
	assert_answered(1, 1, HA_ACCEPTED, 8);
	assert_int_equal(counted(1, CTL_BA_UNCONFIRMED), 0);
}

static void test_ack_none(void **state)
{
	(void)state;
	begin_as(CONF_MODE_SHARED, CONF_ACK_NONE, false);
	send_bu(&(struct msg){ .at = 1, .seq = 7 });
	assert_answered(1, 0, HA_ACCEPTED, 7);
	assert_int_equal(counted(1, CTL_BA_WAITED), 0);
	pass(2 * WIRE_MS);
	assert_bound(HOA, COA, 1, 1);
}

/* With "store" that alone counts, whatever other sites have. */
static void test_ack_store(void **state)
{
	(void)state;
	begin_as(CONF_MODE_SHARED, CONF_ACK_STORE, true);
	sites[1].disk_stuck = true;
	send_bu(&(struct msg){ .at = 1, .seq = 7 });
	pass(200);
	assert_answered(1, 0, -1, 0);
	assert_bound(HOA, COA, 1, 1);
	sites[1].disk_stuck = false;
	pass(2);
	assert_answered(1, 0, HA_ACCEPTED, 7);
	assert_int_equal(counted(1, CTL_BA_HELD), 1);
	/* a number that belongs to no binding is in there, too */
	sites[1].disk_stuck = true;
	send_bu(&(struct msg){ .at = 1, .seq = 9, .hoa = HOA2, .lifetime = -1 });
	pass(2);
	assert_answered(1, 1, -1, 0);
	sites[1].disk_stuck = false;
	pass(2);
	assert_answered(1, 1, HA_NOT_HOME_AGENT, 9);
}

/* Those that are repeated meanwhile start nothing new, and each has its own answer. */
static void test_repeats(void **state)
{
	(void)state;
	send_bu(&(struct msg){ .at = 1, .seq = 7 });
	pass(10);
	send_bu(&(struct msg){ .at = 1, .seq = 8 });
	send_bu(&(struct msg){ .at = 1, .seq = 8 }); /* the network's: behind its own answer */
	assert_answered(1, 0, -1, 0);
	assert_int_equal(mip6_pending(&sites[1].ctl), 3);
	pass(3 * WIRE_MS);
	assert_int_equal(sites[1].answers, 3);
	assert_int_equal(sites[1].got[0].ba.seq, 7);
	assert_int_equal(sites[1].got[0].ba.status, HA_ACCEPTED);
	assert_int_equal(sites[1].got[1].ba.seq, 8);
	assert_int_equal(sites[1].got[1].ba.status, HA_ACCEPTED);
	assert_int_equal(sites[1].got[2].ba.seq, 8);
	assert_int_equal(sites[1].got[2].ba.status, HA_SEQUENCE);
	assert_int_equal(mip6_pending(&sites[1].ctl), 0);
}

/* A refresh loses no registration: it is acknowledged at once, and told within a second. */
static void test_refresh(void **state)
{
	(void)state;
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	pass(100);
	send_bu(&(struct msg){ .at = 1, .seq = 8 });
	assert_answered(1, 1, HA_ACCEPTED, 8);
	assert_int_equal(counted(1, CTL_BU_REFRESHED), 1);
	pass(1000 + WIRE_MS);
	assert_int_equal(mesh_at(2, HOA)->content.ext_seq, 8);
	/* at a site that was not its owner it is none */
	send_bu(&(struct msg){ .at = 2, .seq = 9 });
	assert_answered(2, 0, -1, 0);
	pass(3 * WIRE_MS);
	assert_answered(2, 0, HA_ACCEPTED, 9);
	assert_bound(HOA, COA, 2, 2);
}

/* But for one that is granted more than others know of: the mobile node would count on it. */
static void test_longer_refresh(void **state)
{
	(void)state;
	ask(&(struct msg){ .at = 1, .seq = 7, .lifetime = 2 }, HA_ACCEPTED, 7);
	pass(100);
	send_bu(&(struct msg){ .at = 1, .seq = 8, .lifetime = 4 });
	assert_answered(1, 1, -1, 0);
	pass(3 * WIRE_MS);
	assert_answered(1, 1, HA_ACCEPTED, 8);
	assert_int_equal(mesh_at(2, HOA)->content.ext_seq, 8);
	/* less of it loses nothing */
	send_bu(&(struct msg){ .at = 1, .seq = 9, .lifetime = 2 });
	assert_answered(1, 2, HA_ACCEPTED, 9);
}

/* Others are up, but hold nothing in time: the acknowledgement leaves, and the binding is alone. */
static void test_out_of_time(void **state)
{
	(void)state;
	sites[1].is_deaf = true;
	send_bu(&(struct msg){ .at = 1, .seq = 7 });
	pass(195);
	assert_answered(1, 0, -1, 0);
	pass(800);
	assert_answered(1, 0, HA_ACCEPTED, 7);
	assert_int_equal(counted(1, CTL_BA_UNCONFIRMED), 1);
	assert_true(mesh_at(1, HOA)->flags & RECORD_ALONE);
	sites[1].is_deaf = false;
	pass(1000);
	assert_int_equal(mesh_at(1, HOA)->flags & RECORD_ALONE, 0);
	assert_bound(HOA, COA, 1, 1);
}

/* Nobody else is there, and there is no store. */
static void test_alone(void **state)
{
	(void)state;
	sites[1].is_cut = true;
	pass(10);
	send_bu(&(struct msg){ .at = 1, .seq = 7 });
	assert_answered(1, 0, HA_ACCEPTED, 7);
	assert_true(mesh_at(1, HOA)->flags & RECORD_ALONE);
	sites[1].is_cut = false;
	pass(1000);
	assert_int_equal(mesh_at(1, HOA)->flags & RECORD_ALONE, 0);
}

/* With one, it must have it, also what repeats it; one that has failed counts as none. */
static void test_alone_with_a_store(void **state)
{
	struct feed *feed = ctl_feed(&sites[1].ctl);

	(void)state;
	sites[1].is_cut = sites[1].disk_stuck = true;
	pass(10);
	send_bu(&(struct msg){ .at = 1, .seq = 7 });
	pass(10);
	send_bu(&(struct msg){ .at = 1, .seq = 8 });
	pass(10);
	assert_answered(1, 0, -1, 0);
	assert_int_equal(mip6_held(&sites[1].ctl), 2);
	sites[1].disk_stuck = false;
	pass(3);
	assert_int_equal(sites[1].answers, 2);
	assert_int_equal(sites[1].got[0].ba.seq, 7);
	assert_int_equal(sites[1].got[1].ba.seq, 8);
	feed_stat_set(feed, FEED_STAT_FAILED, 1);
	send_bu(&(struct msg){ .at = 1, .seq = 9, .coa = COA2 });
	assert_answered(1, 2, HA_ACCEPTED, 9);
	assert_true(mesh_at(1, HOA)->flags & RECORD_ALONE);
}

/* More wait than there is room for: not answered; and what repeats it is not answered before
 * somebody else holds it. */
static void test_full(void **state)
{
	(void)state;
	sites[1].is_deaf = true;
	for (uint16_t i = 1; i <= WAITS; i++)
		send_bu(&(struct msg){ .at = 1, .seq = i });
	assert_int_equal(mip6_pending(&sites[1].ctl), WAITS);
	for (uint16_t i = 1; i <= 2; i++)
		send_bu(&(struct msg){ .at = 1, .seq = i, .hoa = HOA2 });
	assert_int_equal(counted(1, CTL_BA_NO_ROOM), 2);
	pass(1000); /* the others are sent: they were not held in time */
	assert_int_equal(sites[1].answers, WAITS);
	assert_int_equal(counted(1, CTL_BA_UNCONFIRMED), WAITS);
	assert_int_equal(mip6_pending(&sites[1].ctl), 0);
	send_bu(&(struct msg){ .at = 1, .seq = 3, .hoa = HOA2 });
	assert_answered(1, WAITS, -1, 0);
	sites[1].is_deaf = false;
	pass(150);
	assert_answered(1, WAITS, HA_ACCEPTED, 3);
	assert_int_equal(counted(1, CTL_BA_UNCONFIRMED), WAITS);
	assert_bound(HOA2, COA, 1, 1);
}

/* What need not wait is answered however many do: here those of another domain. */
static void test_full_of_others(void **state)
{
	uint64_t token;

	(void)state;
	for (unsigned i = 0; i < WAITS; i++)
		assert_non_null(pending_put(sites[1].ctl.mip6->pending, 99, &token));
	sites[1].is_cut = true;
	pass(10);
	send_bu(&(struct msg){ .at = 1, .seq = 7 });
	assert_answered(1, 0, HA_ACCEPTED, 7);
	assert_int_equal(counted(1, CTL_BA_NO_ROOM), 0);
}

/* Pairs: of each mobile node as many as it may have registered with addresses. */
static void test_room_for_pairs(void **state)
{
	(void)state;
	assert_int_equal(
		seen_max(mesh_seen_table(&sites[1].ctl)), records_max(sites[1].ctl.records));
	lab_end();
	begin_as(CONF_MODE_UNICAST, 1, false);
	assert_int_equal(seen_max(mesh_seen_table(&sites[1].ctl)),
		SITES * records_max(sites[1].ctl.records));
}

int main(void)
{
#define T(f, begin) cmocka_unit_test_setup_teardown(f, begin, lab_teardown)
	const struct CMUnitTest tests[] = {
		T(test_commit, begin_shared),
		T(test_ack_all, NULL),
		T(test_ack_none, NULL),
		T(test_ack_store, NULL),
		T(test_repeats, begin_shared),
		T(test_refresh, begin_shared),
		T(test_longer_refresh, begin_shared),
		T(test_out_of_time, begin_shared),
		T(test_alone, begin_shared),
		T(test_room_for_pairs, begin_shared),
		T(test_alone_with_a_store, begin_stored),
		T(test_full, begin_shared),
		T(test_full_of_others, begin_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
