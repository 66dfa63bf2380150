/* SPDX-License-Identifier: BSD-3-Clause */
/* What the data plane reads of a binding: next hops and path MTUs, kept true. */
#include "mip6_lab.h"

/* A new FIB: every binding is looked up again, at most 256 a turn, also when another change
 * comes in the middle. */
static void test_reresolve(void **state)
{
	struct ip6_addr nodes[600];
	char hoa[IP6_STRLEN];
	unsigned turns = 0;

	(void)state;
	new_subscribers();
	for (unsigned i = 0; i < DIM(nodes); i++) {
		nodes[i] = addr("2001:db8:a:1::");
		nodes[i].b[14] = (uint8_t)(i >> 8);
		nodes[i].b[15] = (uint8_t)i;
		subscribe(0, nodes[i]);
	}
	subs_seal(t.ctl.subs);
	t.domains[0].limits.bu_burst_per_source = 1000;
	for (unsigned i = 0; i < DIM(nodes); i++)
		send_bu(&(struct msg){ .hao = ip6_str(&nodes[i], hoa) });
	assert_int_equal(bc_count(t.tables.bc), DIM(nodes));
	while (publish_reresolve(&t.ctl)) /* the first generation */
		;
	assert_false(publish_reresolve(&t.ctl));

	set_route("::/0", FIB_VIA, GATEWAY + 1);
	assert_true(publish_reresolve(&t.ctl));
	set_route("::/0", FIB_VIA, GATEWAY + 2);
	do
		turns++;
	while (publish_reresolve(&t.ctl));
	assert_int_equal(turns, 3); /* 256 + 256 + 88 */
	for (unsigned i = 0; i < DIM(nodes); i++)
		assert_int_equal(bc_find(t.tables.bc, &nodes[i])->nexthop, nexthop(GATEWAY + 2));
	assert_false(publish_reresolve(&t.ctl));
}

static void walk(void)
{
	while (publish_reresolve(&t.ctl))
		;
}

/* What is known of the path to a care-of address: with the binding from its first moment on, not
 * lost by a refresh, not taken along to another care-of address. */
static void test_path_mtu(void **state)
{
	struct ip6_addr coa = addr(COA);

	(void)state;
	send_bu(&(struct msg){ .seq = 1 });
	assert_int_equal(entry(HOA)->mtu, UINT16_MAX);
	pmtu_learn(t.ctl.pmtu, t.ctl.now_ms, &coa, PMTU_TUNNEL, 1400);
	send_bu(&(struct msg){ .seq = 2 });
	assert_int_equal(entry(HOA)->mtu, 1400);
	send_bu(&(struct msg){ .seq = 3, .src = COA2 });
	assert_int_equal(entry(HOA)->mtu, UINT16_MAX);
	send_bu(&(struct msg){ .seq = 4 });
	assert_int_equal(entry(HOA)->mtu, 1400);
	send_bu(&(struct msg){ .hao = HOA2 });
	assert_int_equal(entry(HOA2)->mtu, 1400);
	/* the checksum is over what never changes */
	assert_int_equal(entry(HOA)->sum, bc_sum(entry(HOA)));
}

/* RFC 8201, 5.3: once a minute, as long as anything can have been forgotten. */
static void test_path_mtu_ages(void **state)
{
	uint64_t learned_ms = START_MS + 1000;
	struct ip6_addr coa = addr(COA);

	(void)state;
	send_bu(&(struct msg){ .lifetime = 1000 });
	walk();
	t.ctl.now_ms = learned_ms + 120000;
	assert_false(publish_reresolve(&t.ctl)); /* nothing was learned: no walk */
	pmtu_learn(t.ctl.pmtu, learned_ms, &coa, PMTU_TUNNEL, 1400);
	walk();
	assert_int_equal(entry(HOA)->mtu, 1400); /* another binding's packet taught it */
	assert_int_equal(entry(HOA)->nexthop, nexthop(GATEWAY));
	/* what the truth holds shows a minute later, not before */
	pmtu_learn(t.ctl.pmtu, learned_ms, &coa, PMTU_TUNNEL, 1300);
	t.ctl.now_ms += 59999;
	assert_false(publish_reresolve(&t.ctl));
	assert_int_equal(entry(HOA)->mtu, 1400);
	t.ctl.now_ms++;
	walk();
	assert_int_equal(entry(HOA)->mtu, 1300);
	t.ctl.now_ms = learned_ms + PMTU_LIFETIME_MS - 1;
	walk();
	assert_int_equal(entry(HOA)->mtu, 1300);
	t.ctl.now_ms = learned_ms + PMTU_LIFETIME_MS + 59999;
	walk();
	assert_int_equal(entry(HOA)->mtu, UINT16_MAX);
	t.ctl.now_ms += 10 * PATHS_MS;
	assert_int_equal(t.ctl.reresolve_cursor, 0);
	bc_set_mtu(entry(HOA), 1234);
	walk();
	assert_int_equal(entry(HOA)->mtu, 1234); /* that was the last walk */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reresolve, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_mtu, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_mtu_ages, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
