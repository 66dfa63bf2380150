/* SPDX-License-Identifier: BSD-3-Clause */
/* How bindings end: by their mobile node, by time, by hamctl; sessions and tombstones. */
#include "mip6_lab.h"

static void assert_told(enum acct_type type, enum acct_cause cause, uint64_t session)
{
	struct acct_event e = told();

	assert_int_equal(e.type, type);
	assert_int_equal(e.cause, cause);
	assert_true(e.session == session);
}

#define NOTHING_TOLD() assert_int_equal(told().type, ACCT_TYPE_COUNT)

/* One session from a registration to its end, whatever ends it. */
static void test_sessions(void **state)
{
	struct ip6_addr hoa = addr(HOA);
	char file[] = "/a";
	struct acct_event e;
	uint64_t session;

	(void)state;
	t.conf.accounting = (struct conf_accounting){ .file = file, .interim_s = 300 };
	assert_int_equal(acct_new(&t.ctl, &t.ctl.acct), 0);
	send_bu(&(struct msg){ .seq = 10 });
	e = told();
	assert_int_equal(e.type, ACCT_START);
	assert_int_equal(e.lifetime_s, 400);
	session = e.session;
	send_bu(&(struct msg){ .seq = 11 });
	send_bu(&(struct msg){ .seq = 11 }); /* refused */
	NOTHING_TOLD();
	send_bu(&(struct msg){ .seq = 12, .src = COA2 });
	assert_told(ACCT_MOVE, ACCT_CAUSE_NONE, session);
	/* lapsed, but not ended yet: its counters go on, and so does the session */
	t.ctl.now_ms += 400001;
	send_bu(&(struct msg){ .seq = 1 });
	e = told();
	assert_int_equal(e.type, ACCT_MOVE);
	assert_int_equal(e.duration_ms, 400001);
	assert_true(e.session == session);
	send_bu(&(struct msg){ .seq = 2, .lifetime = -1 });
	assert_told(ACCT_STOP, ACCT_CAUSE_DEREGISTERED, session);
	send_bu(&(struct msg){ .seq = 3, .lifetime = -1 }); /* there is nothing any more */
	NOTHING_TOLD();

	send_bu(&(struct msg){ .seq = 4 });
	session = told().session;
	t.ctl.now_ms += 400001;
	mip6_expire(&t.ctl);
	assert_told(ACCT_STOP, ACCT_CAUSE_EXPIRED, session);
	send_bu(&(struct msg){ .seq = 5 });
	session = told().session;
	assert_int_equal(mip6_delete(&t.ctl, &hoa), 0);
	assert_told(ACCT_STOP, ACCT_CAUSE_DELETED, session);
	NOTHING_TOLD();
	acct_free(&t.ctl, t.ctl.acct);
}

/* A binding that ended is out of the cache at once, its record may stay for the store's sake: who
 * comes back meanwhile begins anew, and is billed once. */
static void test_session_after_the_end(void **state)
{
	struct ip6_addr hoa = addr(HOA);
	uint64_t first, second;
	char file[] = "/a";
	struct record *r;
	struct acct_event e;

	(void)state;
	t.conf.accounting = (struct conf_accounting){ .file = file, .interim_s = 300 };
	assert_int_equal(acct_new(&t.ctl, &t.ctl.acct), 0);
	send_bu(&(struct msg){ .seq = 1 });
	first = told().session;
	t.ctl.now_ms += 400001;
	r = records_find(t.ctl.records, 0, &hoa);
	assert_int_equal(unpublish(&t.ctl, r, ACCT_CAUSE_EXPIRED), 0);
	assert_told(ACCT_STOP, ACCT_CAUSE_EXPIRED, first);
	send_bu(&(struct msg){ .seq = 2, .src = COA2 });
	e = told();
	assert_int_equal(e.type, ACCT_START);
	second = e.session;
	assert_true(second != first);
	assert_int_equal(r->since_ms, t.ctl.now_ms);
	send_bu(&(struct msg){ .seq = 3, .lifetime = -1 });
	assert_told(ACCT_STOP, ACCT_CAUSE_DEREGISTERED, second);
	NOTHING_TOLD();
	acct_free(&t.ctl, t.ctl.acct);
}

static void test_tombstone(void **state)
{
	(void)state;
	send_bu(&(struct msg){ .seq = 10 });
	send_bu(&(struct msg){ .seq = 12, .lifetime = -1 });
	t.ctl.now_ms += RECORD_TOMBSTONE_MS - 1;
	mip6_expire(&t.ctl);
	send_bu(&(struct msg){ .seq = 11 }); /* delayed */
	assert_ba(COA, HOA, HA_SEQUENCE, 12, 0);
	assert_null(entry(HOA));
	send_bu(&(struct msg){ .seq = 13, .lifetime = -1 });
	assert_ba(COA, HOA, HA_NOT_HOME_AGENT, 13, 0);
	t.ctl.now_ms += 2;
	mip6_expire(&t.ctl);
	assert_int_equal(records_tombstones(t.ctl.records), 0);
	assert_string_equal(said.who, "mip6");
	assert_string_equal(said.what, "refused");
	assert_int_equal(said.status, HA_NOT_HOME_AGENT);
	send_bu(&(struct msg){ .seq = 11 });
	assert_ba(COA, HOA, HA_ACCEPTED, 11, 100);
	assert_bound(HOA, COA);
	assert_string_equal(said.what, "registered");
	assert_int_equal(said.status, HA_ACCEPTED);
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_EXPIRED], 0);
}

static void test_tombstone_comes_back(void **state)
{
	(void)state;
	send_bu(&(struct msg){ .seq = 10 });
	send_bu(&(struct msg){ .seq = 11, .lifetime = -1 });
	send_bu(&(struct msg){ .seq = 12 });
	assert_ba(COA, HOA, HA_ACCEPTED, 12, 100);
	assert_bound(HOA, COA);
	assert_int_equal(t.ctl.counters[CTL_BU_REGISTERED], 2);
	assert_int_equal(records_live(t.ctl.records), 1);
	assert_int_equal(records_tombstones(t.ctl.records), 0);
}

static void test_expire(void **state)
{
	(void)state;
	send_bu(&(struct msg){ .seq = 1 });
	t.ctl.now_ms += 399999;
	mip6_expire(&t.ctl);
	assert_non_null(entry(HOA));
	t.ctl.now_ms += 2;
	assert_true(mip6_expire(&t.ctl));
	assert_null(entry(HOA));
	assert_int_equal(records_live(t.ctl.records), 0);
	COUNTED(BINDINGS_EXPIRED);
	send_bu(&(struct msg){ .seq = 1 }); /* its number went with it */
	assert_ba(COA, HOA, HA_ACCEPTED, 1, 100);
}

static void test_delete(void **state)
{
	struct ip6_addr hoa = addr(HOA), elsewhere = addr(COA);

	(void)state;
	assert_int_equal(mip6_delete(&t.ctl, &hoa), -ENOENT);
	assert_int_equal(mip6_delete(&t.ctl, &elsewhere), -ENOENT);
	send_bu(&(struct msg){ .seq = 5 });
	assert_int_equal(mip6_delete(&t.ctl, &hoa), 0);
	assert_null(entry(HOA));
	COUNTED(BINDINGS_DELETED);
	assert_int_equal(mip6_delete(&t.ctl, &hoa), -ENOENT);
	send_bu(&(struct msg){ .seq = 5 }); /* was on its way */
	assert_ba(COA, HOA, HA_SEQUENCE, 5, 0);
	send_bu(&(struct msg){ .seq = 6 });
	assert_ba(COA, HOA, HA_ACCEPTED, 6, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sessions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_session_after_the_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tombstone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tombstone_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expire, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delete, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
