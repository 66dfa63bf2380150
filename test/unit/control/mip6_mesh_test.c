/* SPDX-License-Identifier: BSD-3-Clause */
/* Binding Updates in a mesh: three sites with their own engines, mobile nodes that send to one or
 * another of them, and what is acknowledged when. */
#include "mesh_lab.h"

#include "rng.h"

static int begin(enum conf_mode mode, uint32_t ack_peers, bool has_store)
{
	lab.mode = mode;
	lab.ack_peers = ack_peers;
	lab.has_store = has_store;
	lab.remembers = true;
	lab_begin();
	return 0;
}

static int shared(void **state)
{
	(void)state;
	return begin(CONF_MODE_SHARED, 1, false);
}

static int unicast(void **state)
{
	(void)state;
	return begin(CONF_MODE_UNICAST, 1, false);
}

static int stored(void **state)
{
	(void)state;
	return begin(CONF_MODE_SHARED, 1, true);
}

static int teardown(void **state)
{
	(void)state;
	lab_end();
	return 0;
}

static uint64_t count(unsigned n, enum ctl_counter c)
{
	return sites[n].ctl.counters[c];
}

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
	assert_int_equal(count(1, CTL_BA_WAITED), 1);
	assert_int_equal(count(1, CTL_BA_SENT), 1);
	assert_int_equal(mesh_at(1, HOA)->flags & RECORD_ALONE, 0);
	assert_bound(HOA, COA, 1, 1);
}

/* "ack-peers": all that are there; one is further away. */
static void test_ack_all(void **state)
{
	(void)state;
	begin(CONF_MODE_SHARED, CONF_ACK_ALL, false);
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
	assert_int_equal(count(1, CTL_BA_UNCONFIRMED), 0);
}

static void test_ack_none(void **state)
{
	(void)state;
	begin(CONF_MODE_SHARED, CONF_ACK_NONE, false);
	send_bu(&(struct msg){ .at = 1, .seq = 7 });
	assert_answered(1, 0, HA_ACCEPTED, 7);
	assert_int_equal(count(1, CTL_BA_WAITED), 0);
	pass(2 * WIRE_MS);
	assert_bound(HOA, COA, 1, 1);
}

/* With "store" that alone counts, whatever other sites have. */
static void test_ack_store(void **state)
{
	(void)state;
	begin(CONF_MODE_SHARED, CONF_ACK_STORE, true);
	sites[1].disk_stuck = true;
	send_bu(&(struct msg){ .at = 1, .seq = 7 });
	pass(200);
	assert_answered(1, 0, -1, 0);
	assert_bound(HOA, COA, 1, 1);
	sites[1].disk_stuck = false;
	pass(2);
	assert_answered(1, 0, HA_ACCEPTED, 7);
	assert_int_equal(count(1, CTL_BA_HELD), 1);
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
	assert_int_equal(count(1, CTL_BU_REFRESHED), 1);
	pass(1000 + WIRE_MS);
	assert_int_equal(mesh_at(2, HOA)->content.ext_seq, 8);
	/* at a site that was not its owner it is none */
	send_bu(&(struct msg){ .at = 2, .seq = 9 });
	assert_answered(2, 0, -1, 0);
	pass(3 * WIRE_MS);
	assert_answered(2, 0, HA_ACCEPTED, 9);
	assert_bound(HOA, COA, 2, 2);
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
	assert_int_equal(count(1, CTL_BA_UNCONFIRMED), 1);
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
	assert_int_equal(count(1, CTL_BA_NO_ROOM), 2);
	pass(1000); /* the others are sent: they were not held in time */
	assert_int_equal(sites[1].answers, WAITS);
	assert_int_equal(count(1, CTL_BA_UNCONFIRMED), WAITS);
	assert_int_equal(mip6_pending(&sites[1].ctl), 0);
	send_bu(&(struct msg){ .at = 1, .seq = 3, .hoa = HOA2 });
	assert_answered(1, WAITS, -1, 0);
	sites[1].is_deaf = false;
	pass(150);
	assert_answered(1, WAITS, HA_ACCEPTED, 3);
	assert_int_equal(count(1, CTL_BA_UNCONFIRMED), WAITS);
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
	assert_int_equal(count(1, CTL_BA_NO_ROOM), 0);
}

/* Pairs: of each mobile node as many as it may have registered with addresses. */
static void test_room_for_pairs(void **state)
{
	(void)state;
	assert_int_equal(
		seen_max(mesh_seen_table(&sites[1].ctl)), records_max(sites[1].ctl.records));
	lab_end();
	begin(CONF_MODE_UNICAST, 1, false);
	assert_int_equal(seen_max(mesh_seen_table(&sites[1].ctl)),
		SITES * records_max(sites[1].ctl.records));
}

/* --- order --- */

/* A mobile node that goes on at another site: what it said before is worth nothing anywhere. */
static void test_move(void **state)
{
	(void)state;
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	ask(&(struct msg){ .at = 2, .seq = 8, .coa = COA2 }, HA_ACCEPTED, 8);
	pass(2 * WIRE_MS);
	assert_bound(HOA, COA2, 2, 2);
	for (unsigned n = 1; n <= SITES; n++) {
		ask(&(struct msg){ .at = n, .seq = 7 }, HA_SEQUENCE, 8);
		ask(&(struct msg){ .at = n, .seq = 8, .coa = COA2 }, HA_SEQUENCE, 8);
		assert_int_equal(count(n, CTL_BU_REFUSED), 2);
	}
	assert_bound(HOA, COA2, 2, 2);
	/* and so it stays when it is at home, and when nothing is left of it but its number */
	ask(&(struct msg){ .at = 3, .seq = 9, .lifetime = -1 }, HA_ACCEPTED, 9);
	pass(2 * WIRE_MS);
	assert_unbound(HOA);
	ask(&(struct msg){ .at = 1, .seq = 8, .coa = COA2 }, HA_SEQUENCE, 9);
	pass(1000 * LIFE_S + 20000);
	assert_null(record_at(1, HOA));
	for (unsigned n = 1; n <= SITES; n++)
		ask(&(struct msg){ .at = n, .seq = 9, .coa = COA2 }, HA_SEQUENCE, 9);
	ask(&(struct msg){ .at = 2, .seq = 10 }, HA_ACCEPTED, 10);
}

/* Without "remember-sequence" a number counts as long as there is a record. */
static void test_forgets(void **state)
{
	(void)state;
	lab.mode = CONF_MODE_SHARED;
	lab.ack_peers = 1;
	lab.has_store = lab.remembers = false;
	lab_begin();
	ask(&(struct msg){ .at = 1, .seq = 9, .lifetime = 10 }, HA_ACCEPTED, 9);
	ask(&(struct msg){ .at = 2, .seq = 9 }, HA_SEQUENCE, 9);
	pass(60000);
	assert_null(record_at(1, HOA));
	ask(&(struct msg){ .at = 2, .seq = 3 }, HA_ACCEPTED, 3);
	pass(2 * WIRE_MS);
	assert_bound(HOA, COA, 2, 2);
}

/* A mobile node keeps a series of numbers for each home agent address (RFC 6275, 11.1). */
static void test_addresses(void **state)
{
	struct ip6_addr agent = agent_of(2);

	(void)state;
	ask(&(struct msg){ .at = 1, .seq = 1000 }, HA_ACCEPTED, 1000);
	pass(2 * WIRE_MS);
	ask(&(struct msg){ .at = 2, .seq = 3, .coa = COA2 }, HA_ACCEPTED, 3);
	assert_true(ip6_eq(&sites[2].got[0].src, &agent));
	pass(2 * WIRE_MS);
	assert_bound(HOA, COA2, 2, 2);
	/* each address by its own numbers, wherever the message comes to */
	ask(&(struct msg){ .at = 3, .agent = 1, .seq = 1000 }, HA_SEQUENCE, 1000);
	ask(&(struct msg){ .at = 3, .agent = 2, .seq = 3 }, HA_SEQUENCE, 3);
	/* leaves the first one: the binding is the other's, and stays */
	ask(&(struct msg){ .at = 1, .seq = 1001, .lifetime = -1 }, HA_ACCEPTED, 1001);
	assert_int_equal(count(1, CTL_BU_ELSEWHERE), 1);
	pass(2 * WIRE_MS);
	assert_bound(HOA, COA2, 2, 2);
	for (unsigned n = 1; n <= SITES; n++)
		ask(&(struct msg){ .at = n, .agent = 1, .seq = 1001 }, HA_SEQUENCE, 1001);
	assert_bound(HOA, COA2, 2, 2);
	/* and one that it never was registered with */
	ask(&(struct msg){ .at = 3, .seq = 50, .lifetime = -1 }, HA_ACCEPTED, 50);
	pass(2 * WIRE_MS);
	for (unsigned n = 1; n <= SITES; n++)
		ask(&(struct msg){ .at = n, .agent = 3, .seq = 50 }, HA_SEQUENCE, 50);
	/* back there */
	ask(&(struct msg){ .at = 1, .seq = 1002 }, HA_ACCEPTED, 1002);
	pass(2 * WIRE_MS);
	assert_bound(HOA, COA, 1, 1);
	ask(&(struct msg){ .at = 2, .seq = 3, .coa = COA2 }, HA_SEQUENCE, 3);
}

/* From one address to the other while a refresh of the first has not been told yet: its number is
 * all the same, whoever heard which of them. */
static void test_addresses_at_once(void **state)
{
	(void)state;
	ask(&(struct msg){ .at = 1, .seq = 1000 }, HA_ACCEPTED, 1000);
	pass(100);
	send_bu(&(struct msg){ .at = 1, .seq = 1001 });
	assert_answered(1, 1, HA_ACCEPTED, 1001);
	ask(&(struct msg){ .at = 2, .seq = 3, .coa = COA2 }, HA_ACCEPTED, 3);
	pass(100);
	for (unsigned n = 1; n <= SITES; n++)
		ask(&(struct msg){ .at = n, .agent = 1, .seq = 1001 }, HA_SEQUENCE, 1001);
	assert_bound(HOA, COA2, 2, 2);
	/* one site hears both */
	stop(1);
	pass(100);
	send_bu(&(struct msg){ .at = 2, .seq = 4, .coa = COA2 });
	assert_answered(2, 2, HA_ACCEPTED, 4);
	ask(&(struct msg){ .at = 2, .agent = 1, .seq = 1002 }, HA_ACCEPTED, 1002);
	pass(100);
	for (unsigned n = 2; n <= SITES; n++)
		ask(&(struct msg){ .at = n, .agent = 2, .seq = 4, .coa = COA2 }, HA_SEQUENCE, 4);
	assert_bound(HOA, COA, 1, 2);
}

/* At the address of a site that is gone: the one who hears it answers from that address, and is the
 * owner. */
static void test_adopted(void **state)
{
	struct ip6_addr agent = agent_of(1);

	(void)state;
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	pass(2 * WIRE_MS);
	stop(1);
	pass(10);
	ask(&(struct msg){ .at = 2, .agent = 1, .seq = 8, .coa = COA2 }, HA_ACCEPTED, 8);
	assert_true(ip6_eq(&sites[2].got[0].src, &agent));
	pass(2 * WIRE_MS);
	assert_bound(HOA, COA2, 1, 2);
}

/* Sites that do not hear each other: what ends a binding is not known there, and ends it. */
static void test_unknown(void **state)
{
	(void)state;
	sites[1].is_cut = true;
	pass(10);
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	ask(&(struct msg){ .at = 2, .seq = 8, .lifetime = -1 }, HA_NOT_HOME_AGENT, 8);
	assert_int_equal(count(2, CTL_BU_BURIED), 1);
	assert_int_equal(record_at(2, HOA)->state, RECORD_TOMBSTONE);
	assert_in_range(record_at(2, HOA)->ends_ms, sites[2].ctl.now_ms + 1000 * LIFE_S - 100,
		sites[2].ctl.now_ms + 1000 * LIFE_S);
	assert_non_null(entry_at(1, HOA));
	/* who is no subscriber leaves no trace */
	send_bu(&(struct msg){ .at = 2, .seq = 8, .lifetime = -1, .hoa = "2001:db8:a::999" });
	assert_int_equal(sites[2].drops[DP_DROP_BU_AUTH_UNKNOWN], 1);
	assert_null(record_at(2, "2001:db8:a::999"));
	sites[1].is_cut = false;
	pass(2000);
	assert_unbound(HOA);
	ask(&(struct msg){ .at = 1, .seq = 8 }, HA_SEQUENCE, 8);
}

/* Tombstones of what never was here take only so much room. */
static void test_unknown_full(void **state)
{
	struct records *rs = sites[1].ctl.records;

	(void)state;
	for (unsigned i = 0; i < MAX; i++) {
		struct ip6_addr hoa = addr("2001:db8:a::1:0");
		struct record *r;

		hoa.b[15] = (uint8_t)i;
		r = records_add(rs, 0, &hoa);
		records_set(rs, r, RECORD_TOMBSTONE, &hoa, sites[1].ctl.now_ms + 100000);
		records_mesh(rs, r)->content = (struct content_version){ .node = 1 };
		records_mesh(rs, r)->owner.node = 1;
	}
	send_bu(&(struct msg){ .at = 1, .seq = 8, .lifetime = -1 });
	pass(100);
	assert_answered(1, 0, -1, 0);
	assert_int_equal(sites[1].drops[DP_DROP_BU_SHORTAGE], 1);
	/* bindings have room all the same */
	ask(&(struct msg){ .at = 1, .seq = 9 }, HA_ACCEPTED, 9);
}

/* Timestamps (RFC 4285) are known everywhere, and outlive bindings. */
static void test_timestamps(void **state)
{
	uint64_t stamp = sites[1].ctl.ntp + NTP_SECOND, later;
	struct ip6_addr hoa2 = addr(HOA2), agent = agent_of(1);

	(void)state;
	ask(&(struct msg){ .at = 1, .hoa = KEYED, .seq = 7, .timestamp = stamp }, HA_ACCEPTED, 7);
	pass(2 * WIRE_MS);
	for (unsigned n = 1; n <= SITES; n++) {
		assert_true(mip6_stamp(&sites[n].ctl, 0, &record_at(n, KEYED)->hoa) == stamp);
		/* also with a number that is new */
		ask(&(struct msg){ .at = n, .hoa = KEYED, .seq = 8, .timestamp = stamp },
			HA_ID_MISMATCH, 8);
	}
	/* a timestamp alone says nothing of numbers */
	assert_int_equal(mip6_set_stamp(&sites[1].ctl, 0, &hoa2, &agent, 0), 0);
	ask(&(struct msg){ .at = 1, .hoa = HOA2, .seq = 40000 }, HA_ACCEPTED, 40000);
	later = stamp + NTP_SECOND;
	ask(&(struct msg){ .at = 2, .hoa = KEYED, .seq = 8, .timestamp = later, .lifetime = -1 },
		HA_ACCEPTED, 8);
	pass(2 * WIRE_MS);
	ask(&(struct msg){ .at = 3, .hoa = KEYED, .seq = 9, .timestamp = later }, HA_ID_MISMATCH,
		9);
}

/* --- who answers --- */

/* Something else of a mobile node, with a Home Address option. */
static bool is_hao_ok(unsigned n, const char *hoa)
{
	uint8_t pkt[64] = { 0x60 };
	struct ctl_pkt p = { .data = pkt, .len = sizeof(pkt), .walked = true };
	struct ip6_addr home = addr(hoa), from = addr(COA);

	p.ext.flags = EXT_HAO;
	p.ext.hao_off = 42;
	memcpy(pkt + 44, &home, sizeof(home));
	memcpy(pkt + 8, &from, sizeof(from));
	return mip6_hao_ok(&sites[n].ctl, &p);
}

/* A site that has nothing yet answers nobody; one that is drained does. */
static void test_not_ready(void **state)
{
	(void)state;
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	pass(2 * WIRE_MS);
	stop(1);
	pass(10);
	start(1);
	send_bu(&(struct msg){ .at = 1, .seq = 8 });
	assert_int_equal(sites[1].drops[DP_DROP_NOT_READY], 1);
	assert_answered(1, 0, -1, 0);
	assert_false(is_hao_ok(1, HOA));
	assert_int_equal(sites[1].drops[DP_DROP_NOT_READY], 2);
	assert_int_equal(count(1, CTL_BE_SENT), 0);
	pass(2000);
	assert_true(is_hao_ok(1, HOA));
	assert_int_equal(sites[1].says, NEXT_READY);
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_SEQUENCE, 7);
	assert_int_equal(engine_drain(sites[1].ctl.mesh->engine, 0, false, sites[1].ctl.now_ms), 0);
	pass(10);
	assert_int_equal(sites[1].says, NEXT_DRAINING);
	send_bu(&(struct msg){ .at = 1, .seq = 8 });
	pass(3 * WIRE_MS);
	assert_answered(1, 1, HA_ACCEPTED, 8);
}

/* A drain waits for updates that routes bring, good or bad, not for what a peer hands on. */
static void test_updates_count(void **state)
{
	const uint64_t *n = &sites[1].ctl.mesh->domain[0].updates;

	(void)state;
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	assert_int_equal(*n, 1);
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_SEQUENCE, 7);
	assert_int_equal(*n, 2);
	ask(&(struct msg){ .at = 1, .seq = 8, .peer = 2 }, HA_ACCEPTED, 8);
	assert_int_equal(*n, 2);
}

/* Relayed by another site: answered straight, but not over a link that is another site's. */
static void test_relayed(void **state)
{
	struct ip6_addr agent = agent_of(1), coa = addr(COA);

	(void)state;
	ask(&(struct msg){ .at = 1, .seq = 7, .peer = 2 }, HA_ACCEPTED, 7);
	assert_true(ip6_eq(&sites[1].got[0].src, &agent));
	assert_true(ip6_eq(&sites[1].got[0].dst, &coa));
	assert_int_equal(sites[1].by_link, 0);
	send_bu(&(struct msg){ .at = 1, .seq = 8, .lifetime = -1, .is_home = true, .peer = 2 });
	assert_int_equal(sites[1].drops[DP_DROP_BU_SOURCE], 1);
	pass(100);
	assert_bound(HOA, COA, 1, 1);
	ask(&(struct msg){ .at = 1, .seq = 8, .lifetime = -1, .is_home = true }, HA_ACCEPTED, 8);
	assert_int_equal(sites[1].by_link, 1);
	assert_unbound(HOA);
}

/* --- endings --- */

/* Another set of subscribers, between two turns; how many bindings it ended. */
static uint32_t reload(unsigned n, const char *const *homes, unsigned homes_count)
{
	struct ctl *ctl = &sites[n].ctl;
	struct ctl_update u = { .json = "{}" };
	struct subs *old = ctl->subs;

	subscribe(&sites[n], homes, homes_count);
	u.subs = ctl->subs;
	ctl->subs = old;
	ctl_update(ctl, &u);
	while (!ctl_is_updated(ctl))
		subscribers_run(ctl);
	subs_free(u.subs);
	return u.ended;
}

/* hamctl and a reload, at a site that is not the owner: everybody hears of it, and any newer
 * Binding Update wins. */
static void test_removed(void **state)
{
	static const char *const others[] = { HOA2, HOA3 };
	struct ip6_addr hoa = addr(HOA);

	(void)state;
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	pass(2 * WIRE_MS);
	assert_int_equal(mip6_delete(&sites[2].ctl, &hoa), 0);
	pass(2 * WIRE_MS);
	assert_unbound(HOA);
	ask(&(struct msg){ .at = 1, .seq = 8 }, HA_ACCEPTED, 8);
	pass(2 * WIRE_MS);
	assert_bound(HOA, COA, 1, 1);
	assert_int_equal(reload(3, others, DIM(others)), 1);
	pass(2 * WIRE_MS);
	assert_unbound(HOA);
}

/* A mobile node that is not known at a site yet, or not any more: what else is reloaded there is no
 * word about it. */
static void test_reload_elsewhere(void **state)
{
	static const char *const others[] = { HOA2, HOA3 };

	(void)state;
	assert_int_equal(reload(3, others, DIM(others)), 0);
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	pass(2 * WIRE_MS);
	assert_int_equal(reload(3, others, 1), 0);
	pass(2 * WIRE_MS);
	assert_bound(HOA, COA, 1, 1);
	assert_int_equal(reload(3, all_homes, DIM(all_homes)), 0);
	assert_int_equal(reload(3, others, DIM(others)), 1);
	pass(2 * WIRE_MS);
	assert_unbound(HOA);
}

/* However often a mobile node registers, what ends a binding is taken. */
static void test_ending_is_always_possible(void **state)
{
	(void)state;
	sites[1].domain.limits.bu_per_s_per_mobile_node = 1;
	sites[1].domain.limits.bu_burst_per_mobile_node = 1;
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	send_bu(&(struct msg){ .at = 1, .seq = 8, .coa = COA2 });
	assert_int_equal(sites[1].drops[DP_DROP_BU_RATE_MOBILE_NODE], 1);
	ask(&(struct msg){ .at = 1, .agent = 2, .seq = 50, .lifetime = -1 }, HA_ACCEPTED, 50);
	assert_int_equal(count(1, CTL_BU_ELSEWHERE), 1);
	ask(&(struct msg){ .at = 1, .seq = 8, .lifetime = -1 }, HA_ACCEPTED, 8);
	ask(&(struct msg){ .at = 1, .seq = 9, .lifetime = -1 }, HA_NOT_HOME_AGENT, 9);
	assert_int_equal(count(1, CTL_BU_BURIED), 1);
	assert_int_equal(sites[1].drops[DP_DROP_BU_RATE_MOBILE_NODE], 1);
}

/* On time at its owner; elsewhere it is served for some seconds more, for it may go on. */
static void test_expiry(void **state)
{
	(void)state;
	ask(&(struct msg){ .at = 1, .seq = 7, .lifetime = 10 }, HA_ACCEPTED, 7);
	pass(39900 - 2 * WIRE_MS);
	assert_bound(HOA, COA, 1, 1);
	pass(200 + 2 * WIRE_MS + 1000);
	assert_null(record_at(1, HOA));
	assert_non_null(entry_at(2, HOA));
	assert_int_equal(count(1, CTL_BINDINGS_EXPIRED), 1);
	/* there it goes on */
	ask(&(struct msg){ .at = 2, .seq = 8, .lifetime = 10 }, HA_ACCEPTED, 8);
	pass(100);
	assert_bound(HOA, COA, 1, 2);
	pass(40000 + DEAD_MS + 7000);
	for (unsigned n = 1; n <= SITES; n++) {
		assert_null(entry_at(n, HOA));
		assert_null(record_at(n, HOA));
	}
}

/* --- the store --- */

static bool has_pair(unsigned n, const char *hoa, unsigned agent, struct seen_value *out)
{
	struct ip6_addr a = addr(hoa), ha = agent_of(agent);

	return seen_get(mesh_seen_table(&sites[n].ctl), 0, &a, &ha, out);
}

/* Order outlives a restart of all: of what is bound, of what was ended, and of what is gone. */
static void test_restart(void **state)
{
	struct record_mesh before;
	struct seen_value seen;

	(void)state;
	ask(&(struct msg){ .at = 2, .seq = 300, .hoa = HOA3, .lifetime = 10 }, HA_ACCEPTED, 300);
	pass(40000 + 20000);
	assert_null(record_at(1, HOA3));
	ask(&(struct msg){ .at = 1, .seq = 65535 }, HA_ACCEPTED, 65535);
	ask(&(struct msg){ .at = 2, .seq = 2, .coa = COA2 }, HA_ACCEPTED, 2);
	ask(&(struct msg){ .at = 1, .seq = 20, .hoa = HOA2 }, HA_ACCEPTED, 20);
	ask(&(struct msg){ .at = 1, .seq = 21, .hoa = HOA2, .lifetime = -1 }, HA_ACCEPTED, 21);
	pass(200);
	/* one has written everything anew: what no record says is in there, too */
	feed_want_all(ctl_feed(&sites[3].ctl));
	pass(200);
	assert_true(sites[3].disk->count < 10);
	before = *mesh_at(3, HOA);
	assert_int_equal(before.content.ext_seq, 65536 + 2);
	for (unsigned n = 1; n <= SITES; n++)
		stop(n);
	lab_ms += 30000;
	start(3);
	assert_int_equal(content_version_cmp(&mesh_at(3, HOA)->content, &before.content), 0);
	assert_int_equal(owner_version_cmp(&mesh_at(3, HOA)->owner, &before.owner), 0);
	assert_int_equal(mesh_at(3, HOA)->remaining_by.node, 0); /* nobody's word */
	assert_non_null(entry_at(3, HOA));
	assert_int_equal(record_at(3, HOA2)->state, RECORD_TOMBSTONE);
	assert_in_range(record_at(3, HOA2)->ends_ms, sites[3].ctl.now_ms + 300000,
		sites[3].ctl.now_ms + 370000); /* 400 s were granted */
	assert_true(has_pair(3, HOA3, 1, &seen));
	assert_int_equal(seen.ext_seq, 300);
	start(1);
	start(2);
	pass(2000);
	for (unsigned n = 1; n <= SITES; n++) {
		assert_int_equal(sites[n].says, NEXT_READY);
		ask(&(struct msg){ .at = n, .seq = 65535 }, HA_SEQUENCE, 2);
		ask(&(struct msg){ .at = n, .seq = 2 }, HA_SEQUENCE, 2);
		ask(&(struct msg){ .at = n, .seq = 21, .hoa = HOA2 }, HA_SEQUENCE, 21);
		ask(&(struct msg){ .at = n, .seq = 300, .hoa = HOA3 }, HA_SEQUENCE, 300);
	}
	assert_bound(HOA, COA2, 1, 0); /* who was ready first took it over */
	ask(&(struct msg){ .at = 3, .seq = 22, .hoa = HOA2 }, HA_ACCEPTED, 22);
}

/* From one address to the other before the store was told of a refresh of the first: its number
 * belongs to no record any more, and is on disk for itself. */
static void test_restart_moved(void **state)
{
	struct seen_value seen;

	(void)state;
	begin(CONF_MODE_UNICAST, 1, true);
	ask(&(struct msg){ .at = 1, .seq = 1000 }, HA_ACCEPTED, 1000);
	pass(200);
	send_bu(&(struct msg){ .at = 1, .seq = 1001 });
	assert_answered(1, 1, HA_ACCEPTED, 1001);
	send_bu(&(struct msg){ .at = 1, .agent = 2, .seq = 3, .coa = COA2 });
	pass(200);
	for (unsigned n = 1; n <= SITES; n++)
		stop(n);
	start(1);
	assert_true(has_pair(1, HOA, 2, &seen));
	assert_int_equal(seen.ext_seq, 3);
	assert_true(has_pair(1, HOA, 1, &seen));
	assert_int_equal(seen.ext_seq, 1001);
}

static struct engine_domain_info info_of(unsigned n)
{
	struct engine_domain_info info;

	assert_int_equal(engine_domain_info(sites[n].ctl.mesh->engine, 0, &info), 0);
	return info;
}

/* What nobody else has is still known to be so. */
static void test_restart_alone(void **state)
{
	(void)state;
	sites[1].is_cut = true;
	pass(10);
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	assert_int_equal(info_of(1).alone, 1);
	pass(10);
	stop(1);
	start(1);
	pass(10);
	assert_int_equal(info_of(1).alone, 1);
	assert_true(mesh_at(1, HOA)->flags & RECORD_ALONE);
	pass(3000);
	assert_int_equal(info_of(1).alone, 0);
	assert_bound(HOA, COA, 1, 0);
}

/* The same where it turned out after its image had been written: there was nobody in time, or all
 * went while it waited. */
static void test_restart_late_alone(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const char *hoa = i == 0 ? HOA : HOA2;

		sites[1].is_deaf = true;
		send_bu(&(struct msg){ .at = 1, .seq = 7, .hoa = hoa });
		pass(50);
		assert_answered(1, 0, -1, 0);
		sites[1].is_cut = i == 1;
		pass(i == 1 ? 10 : 1000);
		assert_answered(1, 0, HA_ACCEPTED, 7);
		assert_true(mesh_at(1, hoa)->flags & RECORD_ALONE);
		pass(10);
		stop(1);
		start(1);
		assert_true(mesh_at(1, hoa)->flags & RECORD_ALONE);
		pass(3000);
		assert_int_equal(info_of(1).alone, 0);
	}
}

/* Who it was given to is on disk, too. */
static void test_restart_handed(void **state)
{
	uint8_t heir;

	(void)state;
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	pass(100);
	assert_int_equal(engine_move(sites[1].ctl.mesh->engine, record_at(1, HOA), 2,
				 sites[1].ctl.now_ms, sites[1].ctl.wall_ms),
		0);
	pass(100);
	heir = (uint8_t)mesh_at(1, HOA)->owner.node;
	assert_int_equal(heir, 2);
	stop(1);
	start(1);
	assert_int_equal(mesh_at(1, HOA)->owner.node, 2);
}

/* A store of before the mesh: bindings get versions, and numbers go on. */
static void test_restart_from_alone(void **state)
{
	struct seen_value seen;

	(void)state;
	for (unsigned n = 1; n <= SITES; n++)
		stop(n);
	sites[1].disk->count = 0;
	for (unsigned i = 0; i < 3; i++) {
		struct feed_item *it = &sites[1].disk->item[sites[1].disk->count++];

		*it = (struct feed_item){ .kind = FEED_RECORD };
		it->image = (struct record_image){
			.hoa = addr(i < 2 ? HOA : HOA2),
			.ha = agent_of(1),
			.coa = addr(i == 0 ? COA : COA2),
			.ends_ms = WALL_MS + lab_ms + (i < 2 ? 300000 : 0),
			.lifetime_s = 400,
			.seq = i == 0 ? 65530 : 4,
			.flags = MH_BU_A | MH_BU_H,
			.state = RECORD_LIVE,
		};
	}
	sites[2].disk->count = sites[3].disk->count = 0;
	for (unsigned n = 1; n <= SITES; n++)
		start(n);
	assert_int_equal(mesh_at(1, HOA)->content.ext_seq, 65536 + 4);
	assert_int_equal(mesh_at(1, HOA)->content.epoch, 1);
	assert_int_equal(mesh_at(1, HOA)->owner.node, 1);
	assert_null(record_at(1, HOA2)); /* over, but for its number */
	assert_true(has_pair(1, HOA2, 1, &seen));
	assert_int_equal(seen.ext_seq, 4);
	pass(2000);
	assert_bound(HOA, COA2, 1, 0);
	ask(&(struct msg){ .at = 3, .seq = 4 }, HA_SEQUENCE, 4);
	ask(&(struct msg){ .at = 3, .seq = 5 }, HA_ACCEPTED, 5);
	ask(&(struct msg){ .at = 1, .seq = 4, .hoa = HOA2 }, HA_SEQUENCE, 4);
}

/* Where nobody answers a domain may be served from a store that is fresh. */
static void test_cold_start(void **state)
{
	(void)state;
	lab.mode = CONF_MODE_SHARED;
	lab.ack_peers = 1;
	lab.has_store = lab.remembers = lab.serve_cold = true;
	lab_begin();
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_ACCEPTED, 7);
	pass(100);
	for (unsigned n = 1; n <= SITES; n++)
		stop(n);
	start(1);
	pass(2900);
	assert_int_equal(sites[1].says, NEXT_JOINING);
	pass(300);
	assert_int_equal(sites[1].says, NEXT_READY);
	ask(&(struct msg){ .at = 1, .seq = 7 }, HA_SEQUENCE, 7);
	ask(&(struct msg){ .at = 1, .seq = 8 }, HA_ACCEPTED, 8);
	/* one that is older than all that is in it, or says not how old it is, is not */
	for (unsigned i = 0; i < 2; i++) {
		stop(1);
		away_ms = i == 0 ? 400000 : 0;
		no_clock = i == 1;
		start(1);
		away_ms = 0;
		no_clock = false;
		pass(4000);
		assert_int_equal(sites[1].says, NEXT_JOINING);
	}
	lab.serve_cold = false;
}

/* --- sites that crash --- */

#define HOMES DIM(all_homes)

/* What a mobile node knows of itself at one agent address. What was acknowledged at once is a
 * refresh, or a number without a binding: a crash may lose these. */
static struct series {
	uint16_t sent, acked; /* the last ones; sent 0: none */
	bool is_acked;
} series[HOMES][SITES + 1];
static uint64_t said_ms;

/* Takes what a site sent since the last call. */
static void hear(unsigned n, unsigned *heard, unsigned home, unsigned agent)
{
	struct series *s = &series[home][agent];

	for (; *heard < sites[n].answers; ++*heard) {
		const struct answer *a = &sites[n].got[*heard % GOT];

		if (a->ba.status == HA_SEQUENCE || a->ba.seq != s->sent || a->at_ms == said_ms)
			continue;
		s->acked = s->sent;
		s->is_acked = true;
	}
}

static void say(uint64_t *rng, unsigned down)
{
	unsigned home = (unsigned)rng_below(rng, HOMES), at, agent, heard;
	struct series *s;

	do
		at = 1 + (unsigned)rng_below(rng, SITES);
	while (at == down || !sites[at].runs || sites[at].says != NEXT_READY);
	/* at another's address where that one is gone */
	agent = lab.mode == CONF_MODE_SHARED ? 1 : down != 0 && rng_below(rng, 2) ? down : at;
	s = &series[home][agent];
	heard = sites[at].answers;
	said_ms = lab_ms;
	s->sent = (uint16_t)((s->sent != 0 ? s->sent : 1000 * agent) + 1 + rng_below(rng, 3));
	send_bu(&(struct msg){ .at = at,
		.agent = agent,
		.hoa = all_homes[home],
		.coa = rng_below(rng, 2) ? COA : COA2,
		.seq = s->sent,
		.lifetime = rng_below(rng, 5) == 0 ? -1 : 1 + (int)rng_below(rng, 20) });
	for (unsigned i = 0; i < 100 && heard == sites[at].answers; i++)
		pass(1 + (unsigned)rng_below(rng, 20));
	hear(at, &heard, home, agent);
}

/* No number that was taken anywhere is taken again, at any site, by any address. */
static void check_numbers(void)
{
	for (unsigned home = 0; home < HOMES; home++)
		for (unsigned agent = 1; agent <= SITES; agent++)
			for (unsigned n = 1; n <= SITES; n++) {
				const struct series *s = &series[home][agent];
				unsigned before = sites[n].answers;

				if (!s->is_acked)
					continue;
				send_bu(&(struct msg){ .at = n,
					.agent = agent,
					.hoa = all_homes[home],
					.seq = s->acked });
				assert_answered(
					n, before, HA_SEQUENCE, sites[n].got[before % GOT].ba.seq);
			}
}

static void crash(uint64_t *rng, unsigned n)
{
	/* what it was told last is not on its disk */
	sites[n].disk_stuck = rng_below(rng, 2) == 0;
	say(rng, 0);
	stop(n);
	pass(1 + (unsigned)rng_below(rng, 1000));
}

/* One site after the other, with time to settle; its disk knows less than it did. */
static void test_crashes(void **state)
{
	uint64_t rng = rng_start("crashes");

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		memset(series, 0, sizeof(series));
		begin(round % 2 ? CONF_MODE_UNICAST : CONF_MODE_SHARED, 1, true);
		for (unsigned i = 0; i < 40; i++) {
			unsigned n = 1 + (unsigned)rng_below(&rng, SITES);

			for (uint64_t k = rng_below(&rng, 6); k > 0; k--)
				say(&rng, 0);
			crash(&rng, n);
			for (uint64_t k = rng_below(&rng, 4); k > 0; k--)
				say(&rng, n);
			start(n);
			pass(3000 + (unsigned)rng_below(&rng, 60000));
			assert_int_equal(sites[n].says, NEXT_READY);
			check_numbers();
		}
		if (round == 0)
			lab_end();
	}
}

/* All at once: what waited for the store is on each one's own disk. */
static void test_crash_of_all(void **state)
{
	uint64_t rng = rng_start("crash of all");

	(void)state;
	memset(series, 0, sizeof(series));
	begin(CONF_MODE_SHARED, CONF_ACK_STORE, true);
	for (unsigned i = 0; i < 40; i++) {
		for (uint64_t k = rng_below(&rng, 10); k > 0; k--)
			say(&rng, 0);
		for (unsigned n = 1; n <= SITES; n++) {
			sites[n].disk_stuck = rng_below(&rng, 2) == 0;
			say(&rng, 0);
		}
		for (unsigned n = 1; n <= SITES; n++)
			stop(n);
		lab_ms += rng_below(&rng, 100000);
		for (unsigned n = 1; n <= SITES; n++)
			start(n);
		pass(3000);
		check_numbers();
	}
}

int main(void)
{
#define T(f, begin) cmocka_unit_test_setup_teardown(f, begin, teardown)
	const struct CMUnitTest tests[] = {
		T(test_commit, shared),
		T(test_ack_all, NULL),
		T(test_ack_none, NULL),
		T(test_ack_store, NULL),
		T(test_repeats, shared),
		T(test_refresh, shared),
		T(test_out_of_time, shared),
		T(test_alone, shared),
		T(test_room_for_pairs, shared),
		T(test_alone_with_a_store, stored),
		T(test_full, shared),
		T(test_full_of_others, shared),
		T(test_move, shared),
		T(test_forgets, NULL),
		T(test_addresses, unicast),
		T(test_addresses_at_once, unicast),
		T(test_adopted, unicast),
		T(test_unknown, shared),
		T(test_unknown_full, shared),
		T(test_timestamps, shared),
		T(test_not_ready, shared),
		T(test_updates_count, shared),
		T(test_relayed, shared),
		T(test_removed, shared),
		T(test_reload_elsewhere, shared),
		T(test_ending_is_always_possible, unicast),
		T(test_expiry, shared),
		T(test_restart, stored),
		T(test_restart_alone, stored),
		T(test_restart_late_alone, stored),
		T(test_restart_handed, stored),
		T(test_restart_moved, NULL),
		T(test_restart_from_alone, stored),
		T(test_cold_start, NULL),
		T(test_crashes, NULL),
		T(test_crash_of_all, NULL),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
