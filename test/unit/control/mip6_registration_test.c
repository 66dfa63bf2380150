/* SPDX-License-Identifier: BSD-3-Clause */
/* Binding Updates that register: accepted, refused, dropped without a word, and how many. */
#include "mip6_lab.h"

static void test_life(void **state)
{
	struct ip6_addr hoa = addr(HOA), coa = addr(COA);
	struct bc_counts c;
	struct record *r;

	(void)state;
	send_bu(&(struct msg){ .seq = 10 });
	assert_ba(COA, HOA, HA_ACCEPTED, 10, 100);
	assert_bound(HOA, COA);
	assert_int_equal(entry(HOA)->nexthop, nexthop(GATEWAY));
	assert_int_equal(entry(HOA)->flags, 0);
	r = records_find(t.ctl.records, 0, &hoa);
	assert_non_null(r);
	assert_int_equal(entry(HOA)->record, r->handle);
	assert_int_equal(r->seq, 10);
	assert_int_equal(r->flags, MH_BU_A | MH_BU_H);
	assert_int_equal(r->lifetime_s, 400);
	assert_int_equal(r->ends_ms, START_MS + 400000);
	assert_int_equal(r->since_ms, START_MS);
	COUNTED(BU_REGISTERED);

	bc_count_to(entry(HOA), 3, 300);
	t.ctl.now_ms += 1000;
	send_bu(&(struct msg){ .seq = 11, .lifetime = 200 });
	assert_ba(COA, HOA, HA_ACCEPTED, 11, 150); /* lifetime-max-s 600 */
	COUNTED(BU_REFRESHED);
	assert_int_equal(r->ends_ms, START_MS + 601000);

	send_bu(&(struct msg){ .seq = 12, .src = COA2 });
	assert_ba(COA2, HOA, HA_ACCEPTED, 12, 100);
	assert_bound(HOA, COA2);
	COUNTED(BU_MOVED);
	assert_int_equal(r->since_ms, START_MS);
	assert_int_equal(records_at_coa(t.ctl.records, &coa), 0);
	dq_run(t.tables.dq, DQ_SIZE);
	bc_counts(t.tables.bc, entry(HOA), &c);
	assert_int_equal(c.packets_to, 3);
	assert_int_equal(c.bytes_to, 300);

	send_bu(&(struct msg){ .seq = 12, .src = COA2 });
	assert_ba(COA2, HOA, HA_SEQUENCE, 12, 0);
	send_bu(&(struct msg){ .seq = 5 });
	assert_ba(COA, HOA, HA_SEQUENCE, 12, 0);
	assert_bound(HOA, COA2);
	assert_int_equal(t.ctl.counters[CTL_BU_REFUSED], 2);

	send_bu(&(struct msg){ .seq = 13, .src = COA2, .lifetime = -1 });
	assert_ba(COA2, HOA, HA_ACCEPTED, 13, 0);
	assert_null(entry(HOA));
	COUNTED(BU_DEREGISTERED);
	assert_int_equal(records_live(t.ctl.records), 0);
	assert_int_equal(records_tombstones(t.ctl.records), 1);
	assert_int_equal(t.ctl.counters[CTL_BA_SENT], 6);
	assert_int_equal(t.ctl.counters[CTL_BU_RECEIVED], 6);
}

/* From home the answer goes back over the link, without a routing header (9.5.4, 10.3.2). */
static void test_home(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };

	(void)state;
	send_bu(&(struct msg){ .seq = 10 });
	send_bu(&(struct msg){ .seq = 11, .src = HOA, .hao = "", .alt = "", .lifetime = -1 });
	assert_ba(HOA, NULL, HA_ACCEPTED, 11, 0);
	assert_null(entry(HOA));
	assert_int_equal(out.link, 1);
	assert_int_equal(out.port, 5);
	assert_memory_equal(out.mac, mac, 6);
	send_bu(&(struct msg){ .seq = 12, .src = HOA, .hao = "", .alt = "", .lifetime = -1 });
	assert_ba(HOA, NULL, HA_NOT_HOME_AGENT, 12, 0);
	assert_int_equal(out.link, 2);
}

static void test_link_local_source(void **state)
{
	(void)state;
	send_bu(&(struct msg){ .seq = 10, .src = "fe80::9", .alt = COA });
	assert_ba("fe80::9", HOA, HA_ACCEPTED, 10, 100);
	assert_int_equal(out.link, 1);
	assert_bound(HOA, COA);
}

static void test_silent(void **state)
{
	static const struct {
		const char *name;
		struct msg msg;
		enum dp_drop drop;
	} cases[] = {
		{ "no route back", { .src = "2001:db8:dead::1" }, DP_DROP_BU_SOURCE },
		{ "source in a mobile prefix", { .src = HOA2 }, DP_DROP_BU_SOURCE },
		{ "home address as source in the tunnel", { .src = HOA, .tunnelled = true },
			DP_DROP_BU_SOURCE },
		{ "no Home Address option", { .hao = "" }, DP_DROP_BU_NO_HAO },
		{ "no Alternate Care-of Address", { .alt = "" }, DP_DROP_BU_NO_ALT_COA },
		{ "H=0", { .flags = MH_BU_A }, DP_DROP_BU_NOT_HOME },
		{ "option runs past the end", { .raw = "3b010500 0000 0001 c000 0064 0310 0000" },
			DP_DROP_MH_OPTION },
		{ "checksum", { .bad_checksum = true }, DP_DROP_MH_CHECKSUM },
		{ "shorter than it says", { .raw = "3b020500 0000 0001 c000 0064 0102 0000" },
			DP_DROP_MH_TRUNCATED },
		{ "BRR", { .raw = "3b000000 0000 0000" }, DP_DROP_MH_IGNORED },
		{ "BA", { .raw = "3b010600 0000 0000 0001 0064 0102 0000" }, DP_DROP_MH_IGNORED },
		{ "HoTI with a Home Address option",
			{ .raw = "3b010100 0000 0000 0102030405060708" }, DP_DROP_MH_IGNORED },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		uint64_t before = drops[cases[i].drop];

		send_bu(&cases[i].msg);
		if (out.wire + out.link + out.icmp != 0)
			fail_msg("%s: answered", cases[i].name);
		if (drops[cases[i].drop] != before + 1)
			fail_msg("%s: not counted", cases[i].name);
	}
	assert_int_equal(records_live(t.ctl.records) + records_tombstones(t.ctl.records), 0);
	assert_int_equal(bc_count(t.tables.bc), 0);
}

static void test_refused(void **state)
{
	static const struct {
		const char *name;
		struct msg msg;
		const char *hoa;
		int status;
	} cases[] = {
		{ "address of a port", { .dst = PORT_ADDR }, HOA, HA_NOT_SUPPORTED },
		{ "other domain's home address", { .hao = "2001:db8:b::100" }, "2001:db8:b::100",
			HA_NOT_HOME_SUBNET },
		{ "no such mobile node", { .hao = "2001:db8:a::999" }, "2001:db8:a::999",
			HA_NOT_HOME_AGENT },
		{ "the home agent's own address", { .hao = HA }, HA, HA_NOT_HOME_AGENT },
		{ "care-of address ours", { .alt = PORT_ADDR }, HOA, HA_PROHIBITED },
		{ "care-of address a home agent", { .alt = HA }, HOA, HA_PROHIBITED },
		{ "care-of address a home address", { .alt = HOA2 }, HOA, HA_PROHIBITED },
		{ "care-of address in another domain", { .alt = "2001:db8:b::5" }, HOA,
			HA_PROHIBITED },
		{ "care-of address still tentative", { .alt = "2001:db8:1::11" }, HOA,
			HA_PROHIBITED },
	};
	struct addr_row tentative = {
		.addr = addr("2001:db8:1::11"), .prefix_len = 64, .state = ADDR_TENTATIVE
	};

	(void)state;
	assert_true(addrs_add(t.tables.addrs, &tentative) >= 0);
	for (size_t i = 0; i < DIM(cases); i++) {
		send_bu(&cases[i].msg);
		if (sent_ba(COA, cases[i].hoa).status != cases[i].status)
			fail_msg("%s", cases[i].name);
	}
	assert_int_equal(records_live(t.ctl.records) + records_tombstones(t.ctl.records), 0);
	assert_int_equal(bc_count(t.tables.bc), 0);
	assert_int_equal(t.ctl.counters[CTL_BU_REFUSED], DIM(cases));
}

static void test_rate(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 1000; i++)
		send_bu(&(struct msg){ .seq = i });
	assert_int_equal(t.ctl.counters[CTL_BU_RECEIVED], 1000);
	assert_int_equal(t.ctl.counters[CTL_BA_SENT], 100);
	assert_int_equal(drops[DP_DROP_BU_RATE], 900);
	send_bu(&(struct msg){ .seq = 1001, .src = COA2 }); /* another source */
	assert_ba(COA2, HOA, HA_ACCEPTED, 1001, 100);
	token = false; /* nobody's limits apply to an address of a port */
	send_bu(&(struct msg){ .src = "2001:db8:e::1", .dst = PORT_ADDR });
	assert_int_equal(out.len, 0);
	assert_int_equal(drops[DP_DROP_BU_RATE], 901);
}

/* Whoever takes a mobile node's care-of address for a source, and other mobile nodes there, take
 * nothing from its refreshes. */
static void test_rate_at_a_care_of_address(void **state)
{
	(void)state;
	send_bu(&(struct msg){ .seq = 1 });
	send_bu(&(struct msg){ .seq = 1, .hao = HOA2 });
	assert_bound(HOA2, COA);
	for (uint16_t i = 0; i < 1000; i++)
		send_bu(&(struct msg){ .seq = i, .hao = "2001:db8:a::77" });
	assert_int_equal(drops[DP_DROP_BU_RATE], 902);
	for (uint16_t i = 0; i < 1000; i++)
		send_bu(&(struct msg){ .seq = (uint16_t)(2 + i), .hao = HOA2, .known = true });
	assert_int_equal(drops[DP_DROP_BU_RATE], 902 + 900);
	send_bu(&(struct msg){ .seq = 2, .known = true });
	assert_ba(COA, HOA, HA_ACCEPTED, 2, 100);
}

/* One that may speak, from ever new sources: the last accepted one counts, refusals cost nothing,
 * and leaving is free. */
static void test_rate_of_a_node(void **state)
{
	char src[32];

	(void)state;
	for (uint16_t i = 1; i <= 200; i++) {
		rte_rcu_qsbr_quiescent(t.tables.rcu, 0);
		dq_run(t.tables.dq, DQ_SIZE);
		snprintf(src, sizeof(src), "2001:db8:c::%x", i);
		send_bu(&(struct msg){ .seq = i, .src = src });
		send_bu(&(struct msg){ .seq = i > 150 ? 150 : i, .src = src }); /* 135 */
	}
	assert_int_equal(t.ctl.counters[CTL_BU_REGISTERED] + t.ctl.counters[CTL_BU_MOVED], 150);
	assert_int_equal(t.ctl.counters[CTL_BU_REFUSED], 200);
	assert_int_equal(drops[DP_DROP_BU_RATE_MOBILE_NODE], 50);
	assert_int_equal(drops[DP_DROP_BU_RATE], 0);
	send_bu(&(struct msg){ .seq = 300, .lifetime = -1 });
	assert_ba(COA, HOA, HA_ACCEPTED, 300, 0);
}

/* A reader that never reports: the deferred-free queue fills up. What is bound stays bound, what
 * is new is met with silence, nothing is lost once the reader goes on. */
static void test_shortage(void **state)
{
	struct ip6_addr hoa = addr(HOA);
	uint16_t seq = 1;

	(void)state;
	rte_rcu_qsbr_thread_register(t.tables.rcu, 0);
	rte_rcu_qsbr_thread_online(t.tables.rcu, 0);
	send_bu(&(struct msg){ .seq = seq });
	while (drops[DP_DROP_BU_SHORTAGE] == 0 && seq < 100) {
		seq++;
		send_bu(&(struct msg){ .seq = seq, .src = seq % 2 ? COA : COA2 });
	}
	assert_int_equal(drops[DP_DROP_BU_SHORTAGE], 1);
	assert_int_equal(out.len, 0);
	assert_bound(HOA, seq % 2 ? COA2 : COA); /* the one before */
	assert_int_equal(records_find(t.ctl.records, 0, &hoa)->seq, seq - 1);

	send_bu(&(struct msg){ .seq = (uint16_t)(seq + 1), .lifetime = -1 });
	assert_int_equal(drops[DP_DROP_BU_SHORTAGE], 2);
	assert_non_null(entry(HOA));
	assert_int_equal(mip6_delete(&t.ctl, &hoa), -ENOSPC);
	t.ctl.now_ms += 401000;
	mip6_expire(&t.ctl);
	assert_non_null(entry(HOA)); /* could not be withdrawn */
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_EXPIRED], 0);

	rte_rcu_qsbr_quiescent(t.tables.rcu, 0);
	rte_rcu_qsbr_thread_offline(t.tables.rcu, 0);
	dq_run(t.tables.dq, DQ_SIZE);
	t.ctl.now_ms += 1001;
	mip6_expire(&t.ctl);
	assert_null(entry(HOA));
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_EXPIRED], 1);
	assert_int_equal(records_live(t.ctl.records), 0);
}

/* No entry left although the limits allow one more: silence, and no record stays behind. */
static void test_no_entry(void **state)
{
	struct bc_binding b = { .hoa = addr("2001:db8:a:2::") };
	struct ip6_addr hoa = addr(HOA);
	unsigned n = 0;

	(void)state;
	do {
		b.hoa.b[14] = (uint8_t)(n >> 8);
		b.hoa.b[15] = (uint8_t)n;
	} while (bc_publish(t.tables.bc, &b) == 0 && ++n < 10000);
	send_bu(&(struct msg){ .seq = 1 });
	assert_int_equal(drops[DP_DROP_BU_SHORTAGE], 1);
	assert_int_equal(out.len, 0);
	assert_null(records_find(t.ctl.records, 0, &hoa));
	assert_null(entry(HOA));
}

static void test_domain_options(void **state)
{
	(void)state;
	t.domains[0].encap_limit = CONF_ENCAP_LIMIT_ALWAYS;
	t.domains[0].tcp_mss_clamp = 1300;
	send_bu(&(struct msg){ .seq = 1, .src = "2001:db8:1::20" });
	assert_int_equal(entry(HOA)->flags, BC_LIMIT_ALWAYS);
	assert_int_equal(entry(HOA)->mss, 1300);
	/* on-link: a neighbour is not remembered, it may be forgotten and numbered anew */
	assert_int_equal(entry(HOA)->nexthop, nexthop(0));
}

/* --- ranges --- */

/* Everybody in a prefix, but for what is nobody's home address. */
static void test_range(void **state)
{
	static const struct {
		const char *hoa;
		int status;
		uint16_t lifetime;
	} rows[] = {
		{ HOA, HA_ACCEPTED, 100 }, /* its own line */
		{ "2001:db8:a:9::7", HA_ACCEPTED, 30 },
		{ "2001:db8:a:8::7", HA_ACCEPTED, 20 },
		{ HA, HA_NOT_HOME_AGENT, 0 },
		{ "2001:db8:a::", HA_NOT_HOME_AGENT, 0 },
		{ "2001:db8:a:7::7", HA_NOT_HOME_AGENT, 0 }, /* hidden by a route */
		{ "2001:db8:b::7", HA_NOT_HOME_SUBNET, 0 },
	};
	struct sub wide = { .lifetime_max_s = 80, .key = SUB_NO_KEY }, narrow = wide;
	struct ip6_prefix all = prefix("2001:db8:a::/48"), one = prefix("2001:db8:a:9::/64");

	(void)state;
	narrow.lifetime_max_s = 120;
	set_route("2001:db8:a:7::/64", FIB_VIA, GATEWAY);
	new_subscribers();
	subscribe(0, addr(HOA));
	assert_int_equal(subs_add_range(t.ctl.subs, &all, &wide, 0), 0);
	assert_int_equal(subs_add_range(t.ctl.subs, &one, &narrow, 1), 0);
	subs_seal(t.ctl.subs);
	for (size_t i = 0; i < DIM(rows); i++) {
		send_bu(&(struct msg){ .seq = 1, .hao = rows[i].hoa });
		assert_ba(COA, rows[i].hoa, rows[i].status, 1, rows[i].lifetime);
	}
	assert_int_equal(records_live(t.ctl.records), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_home, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_local_source, setup, teardown),
		cmocka_unit_test_setup_teardown(test_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate_at_a_care_of_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate_of_a_node, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shortage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_entry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_domain_options, setup, teardown),
		cmocka_unit_test_setup_teardown(test_range, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
