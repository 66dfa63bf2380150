/* SPDX-License-Identifier: BSD-3-Clause */
/* Mobile nodes that send to one site or another: numbers, addresses, and how bindings end. */
#include "mesh_lab.h"

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
		assert_int_equal(counted(n, CTL_BU_REFUSED), 2);
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
	assert_int_equal(counted(1, CTL_BU_ELSEWHERE), 1);
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
	stop_site(1);
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
	stop_site(1);
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
	assert_int_equal(counted(2, CTL_BU_BURIED), 1);
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

/* A tombstone that is here, of a shorter binding, does not make it forget sooner what it ends. */
static void test_unknown_but_a_tombstone(void **state)
{
	(void)state;
	ask(&(struct msg){ .at = 2, .seq = 5, .lifetime = 2 }, HA_ACCEPTED, 5);
	ask(&(struct msg){ .at = 2, .seq = 6, .lifetime = -1 }, HA_ACCEPTED, 6);
	pass(100);
	assert_int_equal(record_at(2, HOA)->state, RECORD_TOMBSTONE);
	assert_true(record_at(2, HOA)->ends_ms < sites[2].ctl.now_ms + 1000 * LIFE_S / 2);
	ask(&(struct msg){ .at = 2, .seq = 8, .lifetime = -1 }, HA_NOT_HOME_AGENT, 8);
	assert_in_range(record_at(2, HOA)->ends_ms, sites[2].ctl.now_ms + 1000 * LIFE_S - 100,
		sites[2].ctl.now_ms + 1000 * LIFE_S);
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

/* Of mobile node n of RANGE, signed. */
static void ask_of(unsigned at, unsigned n, uint16_t seq, int lifetime, int status)
{
	struct msg m = { .at = at, .seq = seq, .lifetime = lifetime };
	char hoa[IP6_STRLEN];

	snprintf(hoa, sizeof(hoa), "2001:db8:a::3%02x", n);
	m.hoa = hoa;
	m.timestamp = sites[at].ctl.ntp;
	ask(&m, status, seq);
}

/* Mobile nodes that come and go with ever other home addresses take no more than their domain's
 * room, here as at the other sites. Who has a record goes on, leaves, and comes back. */
static void test_no_room(void **state)
{
	struct records *rs = sites[1].ctl.records;

	(void)state;
	for (unsigned n = 0; n < 2 * MAX; n++) {
		ask_of(1, n, 7, 0, HA_ACCEPTED);
		if (n > 0)
			ask_of(1, n, 8, -1, HA_ACCEPTED);
	}
	assert_int_equal(records_tombstones_in(rs, 0), 2 * MAX - 1);
	pass(2 * WIRE_MS);
	for (unsigned at = 1; at <= SITES; at++)
		ask_of(at, 2 * MAX, 7, 0, HA_NO_RESOURCES);
	assert_int_equal(counted(1, CTL_BU_REFUSED), 1);
	ask_of(1, 0, 9, 0, HA_ACCEPTED);
	ask_of(2, 0, 9, 0, HA_ACCEPTED); /* at another home agent address, if it is one */
	ask_of(2, 0, 10, -1, HA_ACCEPTED);
	ask_of(2, 0, 11, 0, HA_ACCEPTED);
	ask_of(1, 1, 9, 0, HA_ACCEPTED);
	pass(2 * WIRE_MS);
	for (unsigned at = 1; at <= SITES; at++)
		assert_int_equal(records_live(sites[at].ctl.records) +
					 records_tombstones(sites[at].ctl.records),
			2 * MAX);
	/* nothing is left of what is not known, and so it is not answered */
	send_bu(&(struct msg){ .at = 1, .seq = 7, .lifetime = -1 });
	assert_int_equal(sites[1].drops[DP_DROP_BU_SHORTAGE], 1);
	assert_null(record_at(1, HOA));
	pass(1000 * LIFE_S); /* they last as long as their bindings could have */
	ask_of(1, 2 * MAX, 8, 0, HA_ACCEPTED);
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
	stop_site(1);
	pass(10);
	start_site(1);
	send_bu(&(struct msg){ .at = 1, .seq = 8 });
	assert_int_equal(sites[1].drops[DP_DROP_NOT_READY], 1);
	assert_answered(1, 0, -1, 0);
	assert_false(is_hao_ok(1, HOA));
	assert_int_equal(sites[1].drops[DP_DROP_NOT_READY], 2);
	assert_int_equal(counted(1, CTL_BE_SENT), 0);
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
	assert_int_equal(counted(1, CTL_BU_ELSEWHERE), 1);
	ask(&(struct msg){ .at = 1, .seq = 8, .lifetime = -1 }, HA_ACCEPTED, 8);
	ask(&(struct msg){ .at = 1, .seq = 9, .lifetime = -1 }, HA_NOT_HOME_AGENT, 9);
	assert_int_equal(counted(1, CTL_BU_BURIED), 1);
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
	assert_int_equal(counted(1, CTL_BINDINGS_EXPIRED), 1);
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

int main(void)
{
#define T(f, begin) cmocka_unit_test_setup_teardown(f, begin, lab_teardown)
	const struct CMUnitTest tests[] = {
		T(test_move, begin_shared),
		T(test_forgets, NULL),
		T(test_addresses, begin_unicast),
		T(test_addresses_at_once, begin_unicast),
		T(test_adopted, begin_unicast),
		T(test_unknown, begin_shared),
		T(test_unknown_but_a_tombstone, begin_shared),
		T(test_unknown_full, begin_shared),
		T(test_no_room, begin_unicast),
		T(test_timestamps, begin_shared),
		T(test_not_ready, begin_shared),
		T(test_updates_count, begin_shared),
		T(test_relayed, begin_shared),
		T(test_removed, begin_shared),
		T(test_reload_elsewhere, begin_shared),
		T(test_ending_is_always_possible, begin_unicast),
		T(test_expiry, begin_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
