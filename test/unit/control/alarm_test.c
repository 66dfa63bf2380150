/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is measured becomes the alarm it should, and no other. Stand-ins below for the data plane,
 * neighbours and accounting; records, addresses and the deferred-free queue are real.
 */
#include "test.h"

#include <errno.h>

#include "../tables/readers.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/pulse.h"
#include "control/mesh/mesh_priv.h"
#include "control/still.h"
#include "records/records.h"
#include "tables/addrs.h"
#include "tables/dq.h"
#include "tables/tables.h"

#define START_MS 1000000
#define LCORES   3

static struct {
	uint32_t available, total;
	uint64_t turns[LCORES];
	bool link[2];
	struct dp_counters sum;
	uint32_t gateways;
	bool accounting;
	struct acct_status acct;
	bool has_store;
	struct persist_status store;
	struct alarm_fact mesh[ALARM_COUNT];
	uint64_t silent_ms;
} world;

/* What is wrong in a mesh is measured there (mesh_show_test.c). */
#define MESH_ALARMS(X)                                                                             \
	X(mesh_alone, BINDINGS_ALONE)                                                              \
	X(mesh_clock_off, CLOCK_OFF)                                                               \
	X(mesh_peer_down, PEER_DOWN)                                                               \
	X(mesh_peer_domain, PEER_DOMAIN)                                                           \
	X(mesh_peer_key, PEER_KEY)                                                                 \
	X(mesh_peer_incompatible, PEER_INCOMPATIBLE)                                               \
	X(mesh_peer_behind, PEER_BEHIND)                                                           \
	X(mesh_peer_full, PEER_FULL)                                                               \
	X(mesh_settings_differ, SETTINGS_DIFFER)                                                   \
	X(mesh_records_differ, RECORDS_DIFFER)                                                     \
	X(mesh_domain_waits, DOMAIN_WAITS)
#define X(fn, id)                                                                                  \
	void fn(struct ctl *ctl, struct alarm_fact *f)                                             \
	{                                                                                          \
		(void)ctl;                                                                         \
		*f = world.mesh[ALARM_##id];                                                       \
	}
MESH_ALARMS(X)
#undef X

uint64_t pulse_silent_ms(const struct ctl *ctl)
{
	(void)ctl;
	return world.silent_ms;
}

void dp_pool_info(const struct dp *dp, uint32_t *available, uint32_t *total)
{
	(void)dp;
	*available = world.available;
	*total = world.total;
}

static uint64_t turns_of(void *ctx, uint32_t i)
{
	(void)ctx;
	return world.turns[i];
}

static uint32_t number_of(void *ctx, uint32_t i)
{
	(void)ctx;
	return 10 + i;
}

uint32_t dp_port_count(const struct dp *dp)
{
	(void)dp;
	return 2;
}

bool dp_port_link(const struct dp *dp, uint16_t port)
{
	(void)dp;
	return world.link[port];
}

void dp_counters_sum(const struct dp *dp, struct dp_counters *out)
{
	(void)dp;
	*out = world.sum;
}

uint32_t nd_gateways_unresolved(const struct ctl *ctl, struct ip6_addr *one)
{
	(void)ctl;
	*one = addr("fe80::1");
	return world.gateways;
}

bool acct_status(const struct ctl *ctl, struct acct_status *out)
{
	(void)ctl;
	*out = world.acct;
	return world.accounting;
}

bool persist_status(const struct ctl *ctl, struct persist_status *out)
{
	(void)ctl;
	*out = world.store;
	return world.has_store;
}

static struct {
	struct ctl ctl;
	struct conf conf;
	struct conf_port ports[2];
	struct conf_domain domains[2];
	struct tables tables;
} t;

static int setup(void **state)
{
	const struct records_opts opts = { .max = 100, .seed = 1, .now_ms = START_MS };
	const struct addr_row row = { .addr = addr("2001:db8::1"), .prefix_len = 64 };
	const struct still_opts still = {
		.limit_ms = 500, .lcores = LCORES, .turns = turns_of, .number = number_of
	};

	(void)state;
	memset(&t, 0, sizeof(t));
	memset(&world, 0, sizeof(world));
	world.available = world.total = 1000;
	world.link[0] = world.link[1] = true;
	snprintf(t.ports[1].name, CONF_NAME_MAX, "lan");
	snprintf(t.domains[1].name, CONF_NAME_MAX, "msp2");
	t.domains[0].limits.max_bindings = t.domains[1].limits.max_bindings = 100;
	t.conf.ports = t.ports;
	t.conf.port_count = 2;
	t.conf.domains = t.domains;
	t.conf.domain_count = 2;
	t.conf.runtime.max_bindings = 100;
	t.tables.rcu = readers_new(1);
	assert_int_equal(dq_new(t.tables.rcu, 16, &t.tables.dq), 0);
	assert_int_equal(addrs_new(8, &t.tables.addrs), 0);
	assert_int_equal(addrs_add(t.tables.addrs, &row), 0);
	t.ctl = (struct ctl){ .conf = &t.conf, .t = &t.tables, .now_ms = START_MS, .ready = true };
	assert_int_equal(records_new(&opts, &t.ctl.records), 0);
	assert_int_equal(still_new(&still, &t.ctl.still), 0);
	assert_int_equal(alarm_new(&t.ctl, &t.ctl.alarms), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	alarm_free(t.ctl.alarms);
	still_free(t.ctl.still);
	records_free(t.ctl.records);
	addrs_free(t.tables.addrs);
	dq_free(t.tables.dq);
	free(t.tables.rcu);
	return 0;
}

/* Some seconds pass in turns of 10 ms; workers run all the while, but for the lcore `stuck`. */
static void pass(double s, int stuck)
{
	for (unsigned i = 0; i < 100 * s; i++) {
		t.ctl.now_ms += 10;
		for (int n = 0; n < LCORES; n++)
			world.turns[n] += n != stuck;
		still_run(t.ctl.still, t.ctl.now_ms);
		alarm_run(&t.ctl);
	}
}

#define NONE ALARM_COUNT

static void assert_only(enum alarm_id id, const char *detail)
{
	for (enum alarm_id i = 0; i < ALARM_COUNT; i++) {
		if (alarm_at(&t.ctl, i)->raised != (i == id))
			fail_msg("%s is%s raised", alarm_desc(i)->name, i == id ? " not" : "");
	}
	if (id != NONE)
		assert_string_equal(alarm_at(&t.ctl, id)->detail, detail);
}

static void nothing(void *ctx, uint64_t item)
{
	(void)ctx;
	(void)item;
}

static void put_nodes(uint16_t domain, uint32_t from, uint32_t n, enum record_state state)
{
	for (uint32_t i = from; i < from + n; i++) {
		struct ip6_addr hoa = addr("2001:db8:a::"), coa = addr("2001:db8:c::1");

		hoa.b[15] = (uint8_t)i;
		records_set(t.ctl.records, records_add(t.ctl.records, domain, &hoa), state, &coa,
			START_MS + 1000000);
	}
}

static void bind_nodes(uint16_t domain, uint32_t from, uint32_t n)
{
	put_nodes(domain, from, n, RECORD_LIVE);
}

static void test_quiet(void **state)
{
	(void)state;
	pass(30, -1);
	assert_only(NONE, NULL);
}

static void test_pool(void **state)
{
	(void)state;
	world.available = 51; /* 94.9 % in use */
	pass(3, -1);
	assert_only(NONE, NULL);
	world.available = 50;
	pass(3, -1);
	assert_only(ALARM_POOL_LOW, "50 of 1000 free");
	world.available = 500;
	pass(7, -1);
	assert_only(NONE, NULL);
}

/* One that waits is freed in time; then the reader reports no more. */
static void test_frees(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(dq_push(t.tables.dq, nothing, NULL, 0), 0);
		pass(1, -1);
		rte_rcu_qsbr_quiescent(t.tables.rcu, 0);
		assert_int_equal(dq_run(t.tables.dq, 16), 1);
	}
	assert_int_equal(dq_push(t.tables.dq, nothing, NULL, 0), 0);
	assert_int_equal(dq_push(t.tables.dq, nothing, NULL, 0), 0);
	pass(3, -1);
	assert_only(ALARM_FREES_STALLED, "2 wait");
	rte_rcu_qsbr_quiescent(t.tables.rcu, 0);
	dq_run(t.tables.dq, 16);
	pass(3, -1);
	assert_only(NONE, NULL);
}

static void test_wedged(void **state)
{
	(void)state;
	pass(2, -1);
	pass(3, 2);
	assert_only(ALARM_WORKER_WEDGED, "lcore 12");
	assert_in_range(alarm_at(&t.ctl, ALARM_WORKER_WEDGED)->value, 2500, 3500);
	pass(3, 0); /* the control core's own is this one: it measures */
	assert_only(NONE, NULL);
}

/* Control stood still itself, and all with it: workers have not moved by the time it looks. */
static void test_stopped(void **state)
{
	(void)state;
	pass(2, -1);
	t.ctl.now_ms += 30000;
	still_run(t.ctl.still, t.ctl.now_ms);
	alarm_run(&t.ctl);
	assert_only(NONE, NULL);
}

static void test_silent(void **state)
{
	(void)state;
	world.silent_ms = 250;
	pass(1, -1);
	assert_only(ALARM_HELLO_SILENT, "");
	assert_int_equal(alarm_at(&t.ctl, ALARM_HELLO_SILENT)->value, 250);
	world.silent_ms = 0;
	pass(2, -1);
	assert_only(NONE, NULL);
	world.silent_ms = 600; /* and it is known why */
	pass(0.8, 2);
	assert_only(ALARM_HELLO_SILENT, "lcore 12");
}

static void test_slow(void **state)
{
	(void)state;
	alarm_turn(&t.ctl, 4999);
	pass(1, -1);
	assert_only(NONE, NULL);
	alarm_turn(&t.ctl, 5000);
	alarm_turn(&t.ctl, 1000);
	pass(1, -1);
	assert_only(ALARM_CONTROL_SLOW, "");
	pass(62, -1);
	assert_only(NONE, NULL);
}

static void test_punt(void **state)
{
	(void)state;
	for (enum dp_punt_class c = 0; c < DP_PUNT_COUNT; c++) {
		assert_non_null(strstr(dp_drop_name(dp_punt_full(c)), dp_punt_class_name(c)));
		world.sum.drop[dp_punt_full(c)]++; /* one is enough */
		pass(2, -1);
		assert_only(ALARM_PUNT_OVERFLOW, "");
		pass(13, -1);
		assert_only(NONE, NULL);
	}
}

static void test_tx(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		world.sum.drop[DP_DROP_TX_FULL] += 9;
		pass(0.1, -1);
	}
	assert_only(NONE, NULL);
	world.sum.drop[DP_DROP_TX_FULL] += 150;
	pass(2, -1);
	assert_only(ALARM_TX_OVERFLOW, "");
	pass(13, -1);
	assert_only(NONE, NULL);
}

static void test_port(void **state)
{
	(void)state;
	world.link[1] = false;
	pass(2, -1);
	assert_only(ALARM_PORT_DOWN, "lan");
	assert_int_equal(alarm_at(&t.ctl, ALARM_PORT_DOWN)->value, 1);
	world.link[1] = true;
	pass(2, -1);
	assert_only(NONE, NULL);
}

static void test_duplicate(void **state)
{
	(void)state;
	addrs_row(t.tables.addrs, 0)->state = ADDR_DUPLICATE;
	pass(1, -1);
	assert_only(ALARM_DUPLICATE_ADDRESS, "2001:db8::1");
	addrs_row(t.tables.addrs, 0)->state = ADDR_PREFERRED;
	pass(1, -1);
	assert_only(NONE, NULL);
}

static void test_gateway(void **state)
{
	(void)state;
	world.gateways = 2;
	t.ctl.ready = false; /* it was not asked yet */
	pass(10, -1);
	assert_only(NONE, NULL);
	t.ctl.ready = true;
	pass(4, -1);
	assert_only(NONE, NULL);
	pass(2, -1);
	assert_only(ALARM_GATEWAY_UNRESOLVED, "fe80::1");
	world.gateways = 0;
	pass(2, -1);
	assert_only(NONE, NULL);
}

static void test_bindings(void **state)
{
	(void)state;
	bind_nodes(0, 1, 89);
	pass(1, -1);
	assert_only(NONE, NULL);
	bind_nodes(0, 90, 1);
	pass(1, -1);
	assert_only(ALARM_BINDINGS_FULL, "runtime.max-bindings");
	t.domains[0].limits.max_bindings = 91; /* 98 % of them */
	pass(1, -1);
	assert_string_equal(alarm_at(&t.ctl, ALARM_BINDINGS_FULL)->detail, "domain ");
	t.domains[0].limits.max_bindings = 200;
	t.conf.runtime.max_bindings = 200;
	pass(12, -1);
	assert_only(NONE, NULL);
	t.domains[1].limits.max_bindings = 2;
	bind_nodes(1, 100, 2);
	pass(1, -1);
	assert_only(ALARM_BINDINGS_FULL, "domain msp2");
}

/* Where ended ones stay for long they take room, as many as bindings. */
static void test_ended_bindings(void **state)
{
	struct records_opts opts = { .max = 300, .seed = 1, .now_ms = t.ctl.now_ms };

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		opts.mesh = i == 1;
		records_free(t.ctl.records);
		assert_int_equal(records_new(&opts, &t.ctl.records), 0);
		t.domains[1].limits.max_bindings = 10;
		bind_nodes(1, 1, 8);
		put_nodes(1, 9, 9, RECORD_TOMBSTONE);
		pass(1, -1);
		assert_only(NONE, NULL);
		put_nodes(1, 18, 1, RECORD_TOMBSTONE);
		pass(1, -1);
		if (!opts.mesh)
			assert_only(NONE, NULL);
	}
	assert_only(ALARM_BINDINGS_FULL, "domain msp2, ended ones too");
}

static void test_accounting(void **state)
{
	(void)state;
	world.acct.host.blocked = true;
	world.acct.host.waiting = 4711;
	world.acct.queued = 3;
	pass(5, -1); /* none is configured */
	assert_only(NONE, NULL);
	world.accounting = true;
	pass(4, -1);
	assert_only(ALARM_ACCOUNTING_BLOCKED, "4711 octets and 3 events wait");
	world.acct.host.blocked = false;
	pass(3, -1);
	assert_only(NONE, NULL);
	t.ctl.counters[CTL_ACCT_LOST]++;
	pass(2, -1);
	assert_only(ALARM_ACCOUNTING_LOSING, "");
	pass(62, -1);
	assert_only(NONE, NULL);
}

static void test_store(void **state)
{
	(void)state;
	world.store.stat[FEED_STAT_FAILED] = 1;
	world.store.stat[FEED_STAT_ERRNO] = ENOSPC;
	world.store.synced_ms = 5000;
	world.store.waiting = 12;
	pass(5, -1); /* there is none */
	assert_only(NONE, NULL);
	world.has_store = true;
	pass(1, -1);
	assert_only(ALARM_STORE_FAILED, "No space left on device");
	world.store.stat[FEED_STAT_FAILED] = 0;
	world.store.synced_ms = 10;
	pass(2, -1);
	assert_only(NONE, NULL);
	world.store.stat[FEED_STAT_FAILURES]++; /* and over before anybody asked */
	pass(1, -1);
	assert_only(ALARM_STORE_FAILED, "No space left on device");
	pass(2, -1);
	assert_only(NONE, NULL);
	world.store.synced_ms = 1000;
	pass(1, -1);
	assert_only(ALARM_STORE_BEHIND, "12 changes wait");
	world.store.synced_ms = 10;
	pass(12, -1);
	assert_only(NONE, NULL);
	t.ctl.counters[CTL_STORE_DAMAGED] = 1;
	pass(1, -1);
	assert_only(ALARM_STORE_DAMAGED, "");
	pass(100, -1);
	assert_only(ALARM_STORE_DAMAGED, "");
}

/* Each is raised by its own measure, keeps its detail, and goes. */
static void test_mesh(void **state)
{
	static const enum alarm_id ids[] = {
#define X(fn, id) ALARM_##id,
		MESH_ALARMS(X)
#undef X
	};

	(void)state;
	for (size_t i = 0; i < DIM(ids); i++) {
		struct alarm_fact *f = &world.mesh[ids[i]];

		f->value = alarm_desc(ids[i])->raise_at;
		snprintf(f->detail, sizeof(f->detail), "tokyo %zu", i);
		pass(3, -1);
		assert_only(ids[i], f->detail);
		assert_int_equal(alarm_at(&t.ctl, ids[i])->count, 1);
		*f = (struct alarm_fact){ 0 };
		pass(62, -1);
		assert_only(NONE, NULL);
	}
}

/* Without a domain there are no records. */
static void test_router(void **state)
{
	struct records *rs = t.ctl.records;

	(void)state;
	t.ctl.records = NULL;
	pass(1, -1);
	assert_only(NONE, NULL);
	t.ctl.records = rs;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_quiet),
		TEST(test_pool),
		TEST(test_frees),
		TEST(test_wedged),
		TEST(test_stopped),
		TEST(test_silent),
		TEST(test_slow),
		TEST(test_punt),
		TEST(test_tx),
		TEST(test_port),
		TEST(test_duplicate),
		TEST(test_gateway),
		TEST(test_bindings),
		TEST(test_ended_bindings),
		TEST(test_accounting),
		TEST(test_store),
		TEST(test_mesh),
		TEST(test_router),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
