/* SPDX-License-Identifier: BSD-3-Clause */
/* Another set of subscribers while bindings are there. */
#include "mip6_lab.h"

/* --- reloads --- */

static struct ip6_addr node(unsigned i)
{
	struct ip6_addr a = addr("2001:db8:a:1::");

	a.b[14] = (uint8_t)(i >> 8);
	a.b[15] = (uint8_t)i;
	return a;
}

/* Those whose number leaves no rest by `every`, from 0 on; 0: none. */
static struct subs *set_of(unsigned nodes, unsigned every)
{
	struct subs *keep = t.ctl.subs, *made;

	t.ctl.subs = NULL;
	new_subscribers();
	for (unsigned i = 0; every > 0 && i < nodes; i += every)
		subscribe(0, node(i));
	subs_seal(t.ctl.subs);
	made = t.ctl.subs;
	t.ctl.subs = keep;
	return made;
}

static void bind_nodes(unsigned n)
{
	char hoa[IP6_STRLEN];

	t.domains[0].limits.bu_burst_per_source = 1000;
	for (unsigned i = 0; i < n; i++) {
		struct ip6_addr a = node(i);

		send_bu(&(struct msg){ .seq = 1, .hao = ip6_str(&a, hoa) });
	}
	assert_int_equal(records_live(t.ctl.records), n);
}

/* The new set answers from the first turn on; bindings without a subscriber end in slices, the
 * others stay, and the old set comes back when that is done. */
static void test_reload(void **state)
{
	struct subs *old, *new;
	struct ctl_update u;
	unsigned turns = 0;
	char hoa[IP6_STRLEN];

	(void)state;
	subs_free(t.ctl.subs);
	t.ctl.subs = old = set_of(600, 1);
	bind_nodes(600);
	assert_false(subscribers_run(&t.ctl));
	assert_true(ctl_is_updated(&t.ctl));
	new = set_of(600, 3);
	u = (struct ctl_update){ .subs = new, .json = "{}" };
	ctl_update(&t.ctl, &u);
	assert_false(ctl_is_updated(&t.ctl));
	while (!ctl_is_updated(&t.ctl)) {
		uint32_t before = records_live(t.ctl.records);

		assert_true(subscribers_run(&t.ctl));
		assert_true(before - records_live(t.ctl.records) <= 26);
		if (turns++ == 0) {
			struct ip6_addr gone = node(599);

			assert_ptr_equal(t.ctl.subs, new);
			assert_string_equal(t.ctl.json, "{}");
			send_bu(&(struct msg){ .seq = 2, .hao = ip6_str(&gone, hoa) });
			assert_ba(COA, hoa, HA_NOT_HOME_AGENT, 2, 0);
		}
		rte_rcu_qsbr_quiescent(t.tables.rcu, 0);
		dq_run(t.tables.dq, DQ_SIZE);
	}
	assert_true(turns > 10);
	assert_ptr_equal(u.subs, old);
	assert_int_equal(u.ended, 400);
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_REMOVED], 400);
	assert_int_equal(records_live(t.ctl.records), 200);
	assert_int_equal(records_tombstones(t.ctl.records), 400);
	for (unsigned i = 0; i < 600; i++) {
		struct ip6_addr a = node(i);

		assert_int_equal(bc_find(t.tables.bc, &a) != NULL, i % 3 == 0);
	}
	assert_false(subscribers_run(&t.ctl));
	subs_free(old);
}

/* A reader that holds everything up: no more than what may wait is ended, nothing is skipped, and it
 * goes on when the reader has moved. */
static void test_reload_waits_for_readers(void **state)
{
	struct ctl_update u;

	(void)state;
	subs_free(t.ctl.subs);
	t.ctl.subs = set_of(100, 1);
	bind_nodes(100);
	rte_rcu_qsbr_thread_register(t.tables.rcu, 0);
	rte_rcu_qsbr_thread_online(t.tables.rcu, 0);
	u = (struct ctl_update){ .subs = set_of(100, 0), .json = "{}" };
	ctl_update(&t.ctl, &u);
	for (unsigned i = 0; i < 100; i++)
		assert_true(subscribers_run(&t.ctl));
	assert_false(ctl_is_updated(&t.ctl));
	assert_in_range(u.ended, 1, DQ_SIZE);
	assert_int_equal(records_live(t.ctl.records), 100 - u.ended);
	while (!ctl_is_updated(&t.ctl)) {
		rte_rcu_qsbr_quiescent(t.tables.rcu, 0);
		dq_run(t.tables.dq, DQ_SIZE);
		assert_true(subscribers_run(&t.ctl));
	}
	assert_int_equal(u.ended, 100);
	assert_int_equal(bc_count(t.tables.bc), 0);
	subs_free(u.subs);
	rte_rcu_qsbr_thread_offline(t.tables.rcu, 0);
	rte_rcu_qsbr_thread_unregister(t.tables.rcu, 0);
}

/* Whose binding a reload ends, for whoever sends the bill: the new set knows no name any more. */
static void test_reload_names_who_goes(void **state)
{
	struct sub sub = { .nai = "alice@example.com", .lifetime_max_s = 80, .key = SUB_NO_KEY };
	struct ip6_prefix range = prefix("2001:db8:a::/48");
	char file[] = "/a";
	struct acct_event e;
	struct ctl_update u;
	struct subs *old;

	(void)state;
	t.conf.accounting = (struct conf_accounting){ .file = file, .interim_s = 300 };
	assert_int_equal(acct_new(&t.ctl, &t.ctl.acct), 0);
	new_subscribers();
	assert_int_equal(subs_add_range(t.ctl.subs, &range, &sub, 0), 0);
	subs_seal(t.ctl.subs);
	old = t.ctl.subs;
	send_bu(&(struct msg){ .seq = 1 });
	assert_string_equal(told().nai, "alice@example.com");
	u = (struct ctl_update){ .subs = set_of(0, 0), .json = "{}" };
	ctl_update(&t.ctl, &u);
	while (!ctl_is_updated(&t.ctl))
		subscribers_run(&t.ctl);
	subs_free(u.subs);
	assert_ptr_equal(u.subs, old);
	e = told();
	assert_int_equal(e.type, ACCT_STOP);
	assert_int_equal(e.cause, ACCT_CAUSE_REMOVED);
	assert_string_equal(e.nai, "alice@example.com");
	acct_free(&t.ctl, t.ctl.acct);
}

/* Another lifetime: the binding stays as it is, the next Binding Update gets it. */
static void test_reload_keeps_bindings(void **state)
{
	struct sub sub = { .lifetime_max_s = 80, .key = SUB_NO_KEY };
	struct ip6_addr hoa = addr(HOA);
	struct ctl_update u = { .json = "{}" };
	struct subs *old = t.ctl.subs;
	struct sub_place there;

	(void)state;
	send_bu(&(struct msg){ .seq = 1 });
	assert_ba(COA, HOA, HA_ACCEPTED, 1, 100);
	t.ctl.subs = NULL;
	new_subscribers();
	assert_int_equal(
		subs_add(t.ctl.subs, &hoa, &sub, (struct sub_place){ SUB_LINE, 1 }, &there), 0);
	subs_seal(t.ctl.subs);
	u.subs = t.ctl.subs;
	t.ctl.subs = old;
	ctl_update(&t.ctl, &u);
	while (!ctl_is_updated(&t.ctl))
		subscribers_run(&t.ctl);
	assert_int_equal(u.ended, 0);
	assert_bound(HOA, COA);
	assert_int_equal(records_find(t.ctl.records, 0, &hoa)->lifetime_s, 400);
	send_bu(&(struct msg){ .seq = 2 });
	assert_ba(COA, HOA, HA_ACCEPTED, 2, 20);
	subs_free(u.subs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload_waits_for_readers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload_names_who_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reload_keeps_bindings, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
