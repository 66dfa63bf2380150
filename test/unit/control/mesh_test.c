/* SPDX-License-Identifier: BSD-3-Clause */
/* What one site knows, the other gets; and who serves when one is gone. */
#include "two_sites.h"

#include "control/mesh/labels.h"

static void test_ready(void **state)
{
	(void)state;
	assert_false(mesh_serves(&node(1)->ctl, 0));
	turn();
	assert_int_equal(node(1)->says[0], NEXT_JOINING);
	assert_int_equal(node(1)->view.site[1].says, NEXT_JOINING);
	become_ready();
	assert_true(mesh_serves(&node(1)->ctl, 0));
	assert_int_equal(node(1)->view.site[2].says, NEXT_READY);
	assert_int_equal(mesh_domain_id(&node(1)->ctl, 0), next_domain("msp"));
	assert_int_not_equal(mesh_boot(&node(1)->ctl), mesh_boot(&node(2)->ctl));
}

/* The answer waits until the other site's workers know the binding, with the address that it was
 * registered with, and leaves with the acknowledgement. */
static void test_replicated(void **state)
{
	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	turn_one(node(1)); /* in the turn of the update */
	assert_null(entry_at(2, HOA));
	assert_true(queued > 0);
	deliver();
	assert_entry(2, HOA, COA, "2001:db8:a::1");
	assert_int_equal(node(1)->committed, 0);
	pass(10);
	assert_int_equal(node(1)->committed, 1);
	assert_int_equal(node(1)->token, 7);
	assert_int_equal(node(1)->how, ENGINE_HELD);
	assert_int_equal(mesh_owner(&node(2)->ctl, record_at(2, HOA)), 1);
	assert_false(mesh_is_owner(&node(2)->ctl, record_at(2, HOA)));
	assert_true(mesh_is_owner(&node(1)->ctl, record_at(1, HOA)));
	assert_int_equal(record_at(2, HOA)->seq, 7);
	assert_int_equal(record_at(2, HOA)->since_ms, node(2)->ctl.now_ms - 10);
	assert_int_equal(node(2)->ctl.counters[CTL_MESH_HEARD], 1);
	assert_int_equal(node(2)->heard, 1);
}

static void test_moved_to_the_other_site(void **state)
{
	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	record_at(1, HOA)->session = 77; /* it has one there: it goes on */
	accept_and_hold(2, HOA, COA2, 8);
	pass(20);
	assert_int_equal(node(2)->how, ENGINE_HELD);
	assert_int_equal(node(1)->moved, 1);
	assert_int_equal(node(1)->stopped, 0);
	assert_int_equal(record_at(1, HOA)->session, 77);
	assert_entry(1, HOA, COA2, "2001:db8:a::2");
	assert_int_equal(mesh_owner(&node(1)->ctl, record_at(1, HOA)), 2);
}

static void test_ended(void **state)
{
	struct ctl *ctl = &node(1)->ctl;
	struct record *r;

	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	r = record_at(1, HOA);
	assert_int_equal(unpublish(ctl, r, ACCT_CAUSE_DELETED), 0);
	records_set(ctl->records, r, RECORD_TOMBSTONE, &r->coa,
		ctl->now_ms + records_tombstone_ms(ctl->records, r));
	mesh_touched(ctl, r);
	pass(20);
	assert_null(entry_at(2, HOA));
	assert_int_equal(record_at(2, HOA)->state, RECORD_TOMBSTONE);
	assert_int_equal(node(2)->cancelled, 1);
	assert_int_equal(node(2)->stopped, 1);
	assert_int_equal(node(2)->cause, ACCT_CAUSE_ELSEWHERE);
}

/* Workers still read what was there before: the change waits, and is whole when they do not. */
static void test_no_room_to_publish(void **state)
{
	char hoa[40];

	(void)state;
	become_ready();
	assert_int_equal(dq_room(node(2)->tables.dq), 64);
	rte_rcu_qsbr_thread_register(node(2)->tables.rcu, 0);
	rte_rcu_qsbr_thread_online(node(2)->tables.rcu, 0);
	accept_and_hold(1, HOA, COA, 1);
	pass(20);
	for (uint16_t seq = 2; dq_room(node(2)->tables.dq) > 0 && seq < 200; seq++) {
		accept_and_hold(1, HOA, seq % 2 == 0 ? COA2 : COA, seq);
		pass(20);
	}
	assert_int_equal(dq_room(node(2)->tables.dq), 0);
	accept_and_hold(1, HOA, "2001:db8:e::1", 200);
	pass(50);
	assert_true(record_at(2, HOA)->seq < 200);
	snprintf(hoa, sizeof(hoa), "%s", HOA);
	assert_memory_equal(&entry_at(2, hoa)->coa, &record_at(2, HOA)->coa, 16);
	rte_rcu_qsbr_quiescent(node(2)->tables.rcu, 0);
	rte_rcu_qsbr_thread_offline(node(2)->tables.rcu, 0);
	pass(2500);
	assert_entry(2, HOA, "2001:db8:e::1", "2001:db8:a::1");
	assert_int_equal(record_at(2, HOA)->seq, 200);
}

/* A home address of no mobile prefix of the domain is nobody's to tell. */
static void test_fence(void **state)
{
	struct engine_peer_info info;

	(void)state;
	become_ready();
	accept_bu(1, FOREIGN, COA, 1, false);
	accept_bu(1, "2001:db8:a::2", COA, 1, false); /* a home agent address */
	accept_bu(1, HOA, COA, 1, false);
	pass(20);
	assert_null(record_at(2, FOREIGN));
	assert_null(record_at(2, "2001:db8:a::2"));
	assert_non_null(record_at(2, HOA));
	assert_int_equal(engine_peer_info(node(2)->ctl.mesh->engine, 1, &info), 0);
	assert_true(info.refused >= 2);
}

static void test_taken_over(void **state)
{
	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	bc_set_mtu(entry_at(2, HOA), 1300);
	cut(1, true);
	pass(2000);
	assert_int_equal(mesh_owner(&node(2)->ctl, record_at(2, HOA)), 2);
	assert_int_equal(bc_path_mtu(entry_at(2, HOA), 1500), 1300); /* nothing else changed */
	assert_int_equal(node(2)->ctl.counters[CTL_MESH_TAKEN_OVER], 1);
	assert_int_equal(entry_at(2, HOA)->owner, 2); /* workers know, too */
	assert_entry(2, HOA, COA, "2001:db8:a::1"); /* from the address it was registered with */
	assert_int_equal(node(2)->view.site[1].reach, NEXT_DEAD);

	/* what was registered with its address goes back when it is */
	cut(1, false);
	pass(3000);
	assert_int_equal(mesh_owner(&node(2)->ctl, record_at(2, HOA)), 1);
	assert_int_equal(mesh_owner(&node(1)->ctl, record_at(1, HOA)), 1);
	assert_int_equal(node(2)->ctl.counters[CTL_MESH_HANDED_ON], 1);
}

static void test_alone(void **state)
{
	struct alarm_fact f = { 0 };

	(void)state;
	become_ready();
	cut(1, true);
	pass(20);
	assert_true(accept_bu(1, HOA, COA, 7, false));
	assert_int_equal(mesh_wait(&node(1)->ctl, record_at(1, HOA), 7), ENGINE_ALONE);
	mesh_alone(&node(1)->ctl, &f);
	assert_int_equal(f.value, 1);
	assert_string_equal(f.detail, "domain msp");
	assert_int_equal(node(1)->ctl.counters[CTL_MESH_ALONE], 1);
	cut(1, false);
	pass(3000);
	f = (struct alarm_fact){ 0 };
	mesh_alone(&node(1)->ctl, &f);
	assert_int_equal(f.value, 0);
	assert_non_null(entry_at(2, HOA));
}

/* Who stood still for longer than others wait says joining; hello did so by itself already. */
static void test_stood_still(void **state)
{
	struct ctl *ctl = &node(1)->ctl;

	(void)state;
	become_ready();
	mesh_on_hello(ctl, HELLO_STALL, 0, 0, 1000);
	assert_int_equal(node(1)->says[0], NEXT_JOINING);
	pass(2000);
	assert_int_equal(node(1)->says[0], NEXT_READY);
	/* less than the longest dead-ms: some peer waits less, and hello knows which */
	mesh_on_hello(ctl, HELLO_STALL, 0, 0, 200);
	assert_int_equal(node(1)->says[0], NEXT_JOINING);
	pass(2000);
	assert_int_equal(node(1)->says[0], NEXT_READY);
}

/* Others tunnel to the same care-of address: what one learned of the path all know. */
static void test_path_mtu(void **state)
{
	struct ctl *ctl = &node(1)->ctl;
	struct ip6_addr coa = addr(COA);

	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	assert_int_equal(
		records_set_mtu(ctl->records, record_at(1, HOA), 1300, ctl->now_ms + 600000), 0);
	mesh_soft(ctl, record_at(1, HOA));
	pass(300);
	assert_int_equal(pmtu_get(node(2)->ctl.pmtu, node(2)->ctl.now_ms, &coa, PMTU_TUNNEL), 1300);
	assert_int_equal(bc_path_mtu(entry_at(2, HOA), 9000), 1300);
}

static int made(struct ctl *ctl, const struct net_ip6 *inner, uint32_t label)
{
	return labels_made(ctl->labels, 0, inner, sizeof(*inner), label, ctl->now_ms);
}

/* Whose label it is: told by hello, for one domain; while the site is live, and a while longer. */
static void test_labels(void **state)
{
	struct ctl *ctl = &node(1)->ctl;
	const uint64_t key = 0xfeedfacecafef00d;
	struct net_ip6 inner = { .src = addr(COA), .dst = addr(HOA) };
	uint32_t label = net_tunnel_flow(&inner, sizeof(inner), key);

	(void)state;
	mesh_on_hello(ctl, HELLO_LABEL_KEY, 0, 2, (int64_t)key);
	assert_int_equal(made(ctl, &inner, label), 0);
	become_ready();
	assert_int_equal(made(ctl, &inner, label), 2);
	assert_int_equal(made(ctl, &inner, label ^ 1), 0);
	cut(1, true);
	pass(20);
	assert_int_equal(made(ctl, &inner, label), 2);
	ctl->now_ms += LABELS_KEPT_MS;
	assert_int_equal(made(ctl, &inner, label), 0);
}

static void test_end_of_life(void **state)
{
	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	for (unsigned n = 1; n <= SITES; n++)
		node(n)->ctl.now_ms += 600000;
	assert_false(
		mesh_may_end(&node(2)->ctl, record_at(2, HOA))); /* its owner may know better */
	assert_true(mesh_may_end(&node(1)->ctl, record_at(1, HOA)));
	node(2)->ctl.now_ms += 6000;
	assert_true(mesh_may_end(&node(2)->ctl, record_at(2, HOA)));
}

static void test_seen(void **state)
{
	struct seen_pair pair = { .hoa = addr(HOA),
		.ha = addr("2001:db8:a::2"),
		.value = { .ext_seq = 77, .epoch = 1 } };
	struct seen_value v;

	(void)state;
	become_ready();
	assert_int_equal(mesh_seen(&node(2)->ctl, &pair), 0);
	pass(20);
	assert_true(seen_get(mesh_seen_table(&node(1)->ctl), 0, &pair.hoa, &pair.ha, &v));
	assert_int_equal(v.ext_seq, 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_ready),
		T(test_replicated),
		T(test_moved_to_the_other_site),
		T(test_ended),
		T(test_no_room_to_publish),
		T(test_fence),
		T(test_taken_over),
		T(test_alone),
		T(test_stood_still),
		T(test_path_mtu),
		T(test_labels),
		T(test_end_of_life),
		T(test_seen),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
