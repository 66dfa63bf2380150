/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers to hamctl about the data plane, alarms, tables and the store; metrics. */
#include "show_lab.h"

/* --- the rest --- */

static void test_data_plane(void **state)
{
	static const char *const roles[] = { "control", "control+worker", "worker" };
	struct ctl_req req = request(CTL_SHOW_PORTS);
	cJSON *list = ask(&req);

	(void)state;
	assert_int_equal(cJSON_GetArraySize(list), 2);
	assert_string_equal(text(list, 0, "link"), "up");
	assert_string_equal(text(list, 1, "link"), "down");
	assert_string_equal(text(list, 1, "mac"), "02:00:00:00:00:01");
	assert_string_equal(text(list, 0, "rx-packets"), "18446744073709551615");
	cJSON_Delete(list);

	req = request(CTL_SHOW_LCORES);
	list = ask(&req);
	assert_int_equal(cJSON_GetArraySize(list), 3);
	for (int i = 0; i < 3; i++) {
		const cJSON *stages = cJSON_GetObjectItem(cJSON_GetArrayItem(list, i), "stages");

		assert_string_equal(text(list, i, "role"), roles[i]);
		assert_int_equal(number(list, i, "lcore"), 10 + i);
		assert_int_equal(number(list, i, "busy-percent"), i == 0 ? 0 : 25);
		assert_int_equal(number(list, i, "datagrams-held"), 5 * i);
		assert_int_equal(number(list, i, "fragments-held"), 7 * i);
		assert_int_equal(cJSON_GetArraySize(stages), 2);
		assert_string_equal(text(stages, 1, "stage"), "decap");
		assert_true(number(stages, 0, "cycles-per-packet") == (i == 0 ? 0 : 2.5));
		assert_int_equal(number(stages, 0, "busy-percent"), i == 0 ? 0 : 5);
	}
	cJSON_Delete(list);
}

static void test_counters(void **state)
{
	struct ctl_req req = request(CTL_SHOW_COUNTERS);
	cJSON *list = ask(&req);

	(void)state;
	assert_int_equal(cJSON_GetArraySize(list), DP_COUNTER_COUNT + CTL_COUNTER_COUNT);
	assert_string_equal(text(list, 0, "counter"), "rx_packets");
	assert_string_equal(text(list, 0, "scope"), "data-plane");
	assert_int_equal(number(list, 0, "value"), 11);
	assert_string_equal(text(list, DP_COUNTER_COUNT, "counter"), "bu_received");
	assert_string_equal(text(list, DP_COUNTER_COUNT, "scope"), "control");
	assert_string_equal(text(list, DP_COUNTER_COUNT, "unit"), "messages");
	assert_int_equal(number(list, DP_COUNTER_COUNT, "value"), 13);
	cJSON_Delete(list);

	req = request(CTL_SHOW_DROPS);
	list = ask(&req);
	assert_int_equal(cJSON_GetArraySize(list), 1);
	assert_string_equal(text(list, 0, "drop"), "no_route");
	assert_int_equal(number(list, 0, "count"), 12);
	cJSON_Delete(list);
	req = request(CTL_SHOW_DROPS);
	req.all = true;
	assert_int_equal(count_of(&req), DP_DROP_COUNT);
}

static void test_alarms(void **state)
{
	struct ctl_req req = request(CTL_SHOW_ALARMS);
	cJSON *list;

	(void)state;
	memset(alarms, 0, sizeof(alarms));
	assert_int_equal(count_of(&req), 0);
	alarms[ALARM_PORT_DOWN] = (struct alarm){ .raised = true,
		.since_ms = NOW_MS - 61000,
		.last_ms = NOW_MS,
		.count = 2,
		.value = 1,
		.detail = "wan" };
	req = request(CTL_SHOW_ALARMS);
	list = ask(&req);
	assert_int_equal(cJSON_GetArraySize(list), 1);
	assert_string_equal(text(list, 0, "alarm"), "port_down");
	assert_string_equal(text(list, 0, "severity"), "critical");
	assert_string_equal(text(list, 0, "state"), "raised");
	assert_true(strcmp(text(list, 0, "since"), text(list, 0, "last")) < 0);
	assert_int_equal(number(list, 0, "count"), 2);
	assert_int_equal(number(list, 0, "value"), 1);
	assert_string_equal(text(list, 0, "unit"), "ports");
	assert_string_equal(text(list, 0, "detail"), "wan");
	assert_true(strlen(text(list, 0, "what")) > 0 && strlen(text(list, 0, "todo")) > 0);
	cJSON_Delete(list);

	req = request(CTL_SHOW_ALARMS);
	req.all = true;
	list = ask(&req);
	assert_int_equal(cJSON_GetArraySize(list), ALARM_COUNT);
	assert_string_equal(text(list, 0, "state"), "clear");
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "since")));
	cJSON_Delete(list);
}

/* Every metric is described once and has a number; nothing else has one. */
static const cJSON *described(const cJSON *list, const char *name)
{
	const cJSON *row, *found = NULL;

	cJSON_ArrayForEach(row, list)
	{
		const cJSON *m = cJSON_GetObjectItemCaseSensitive(row, "metric");

		if (m == NULL || strcmp(m->valuestring, name) != 0)
			continue;
		if (found != NULL)
			fail_msg("%s is there twice", name);
		found = row;
	}
	return found;
}

static const cJSON *number_of(const cJSON *list, const char *name, const char *label)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, list)
	{
		const cJSON *labels = cJSON_GetObjectItemCaseSensitive(row, "labels");
		const cJSON *values = cJSON_GetObjectItemCaseSensitive(row, "values");
		const cJSON *v = cJSON_GetObjectItemCaseSensitive(values, name), *l;
		bool is_it = label == NULL;

		cJSON_ArrayForEach(l, labels)
			is_it |= label != NULL && strcmp(l->valuestring, label) == 0;
		if (v != NULL && is_it)
			return v;
	}
	return NULL;
}

static void test_metrics(void **state)
{
	static const char *const names[] = {
#define X(id, name, ...) name,
		METRIC_LIST(X)
#undef X
#define X(id, name, unit, help) name,
			DP_COUNTER_LIST(X) CTL_COUNTER_LIST(X)
#undef X
	};
	struct ctl_req req = request(CTL_METRICS);
	struct ip6_addr hoa = addr("2001:db8:a::1");
	cJSON *list;
	const cJSON *row, *v;
	int samples = 0;

	(void)state;
	with_mesh();
	publish_it(bind_node(0, &hoa, "2001:db8:c::1"));
	alarms[ALARM_PORT_DOWN].raised = true;
	list = ask(&req);
	for (size_t i = 0; i < DIM(names); i++) {
		const cJSON *d = described(list, names[i]);

		if (d == NULL || number_of(list, names[i], NULL) == NULL)
			fail_msg("%s: no description or no number", names[i]);
		assert_non_null(cJSON_GetObjectItem(d, "help"));
	}
	cJSON_ArrayForEach(row, list)
	{
		cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(row, "values"))
		{
			if (described(list, v->string) == NULL)
				fail_msg("%s is not described", v->string);
			samples++;
		}
		cJSON_ArrayForEach(v, cJSON_GetObjectItemCaseSensitive(row, "labels"))
		{
			if (strstr(v->valuestring, "2001:") != NULL)
				fail_msg("a label for a mobile node: %s", v->valuestring);
		}
	}
	assert_true(samples > (int)DIM(names) + DP_DROP_COUNT);
	assert_int_equal(number_of(list, "bindings", "msp1")->valueint, 1);
	assert_int_equal(number_of(list, "bindings", "msp2")->valueint, 0);
	assert_int_equal(number_of(list, "dropped_packets", "no_route")->valueint, 12);
	assert_int_equal(number_of(list, "rx_packets", NULL)->valueint, 11);
	assert_int_equal(number_of(list, "bu_received", NULL)->valueint, 13);
	assert_int_equal(number_of(list, "port_up", "wan")->valueint, 1);
	assert_int_equal(number_of(list, "lcore_busy_cycles", "12")->valueint, 200);
	assert_int_equal(number_of(list, "stage_packets", "decap")->valueint, 0);
	assert_int_equal(number_of(list, "punt_queue_packets", "error")->valueint, DP_PUNT_ERROR);
	assert_int_equal(number_of(list, "alarm_raised", "port_down")->valueint, 1);
	assert_int_equal(number_of(list, "accounting_sessions", NULL)->valueint, 21);
	assert_int_equal(number_of(list, "domain_ready", "msp1")->valueint, 0);
	assert_int_equal(number_of(list, "domain_ready", "msp2")->valueint, 1); /* has no peer */
	assert_int_equal(number_of(list, "peer_sent_bytes", "tokyo")->valueint, 2002);
	assert_string_equal(number_of(list, "peer_rtt_seconds", "tokyo")->valuestring, "0.012");
	assert_string_equal(
		number_of(list, "peer_clock_offset_seconds", "tokyo")->valuestring, "-0.004");
	assert_string_equal(
		number_of(list, "port_rx_packets", "wan")->valuestring, "18446744073709551615");
	cJSON_Delete(list);
}

static uint64_t turns_of(void *ctx, uint32_t lcore)
{
	return lcore == 2 ? 7 : ++*(uint64_t *)ctx;
}

static uint32_t same_number(void *ctx, uint32_t lcore)
{
	(void)ctx;
	return lcore;
}

/* A worker finishes no turn: for how long, and that no domain is ready. */
static void test_wedged(void **state)
{
	uint64_t turns = 0;
	const struct still_opts opts = { .limit_ms = 500,
		.lcores = 3,
		.turns = turns_of,
		.number = same_number,
		.ctx = &turns };
	struct ctl_req req = request(CTL_SHOW_LCORES);
	cJSON *list;

	(void)state;
	with_mesh();
	assert_int_equal(still_new(&opts, &t.ctl.still), 0);
	for (unsigned ms = 0; ms <= 550; ms += STILL_LOOK_MS)
		still_run(t.ctl.still, 1000 + ms);
	list = ask(&req);
	for (int i = 0; i < 3; i++)
		assert_int_equal(number(list, i, "still-ms"), i == 2 ? 550 : 0);
	cJSON_Delete(list);
	req = request(CTL_METRICS);
	list = ask(&req);
	assert_int_equal(number_of(list, "domain_ready", "msp2")->valueint, 0);
	cJSON_Delete(list);
	still_free(t.ctl.still);
	t.ctl.still = NULL;
}

/* Control's lcores say which parts of their turns took how long, the others have no such parts. */
static void test_parts(void **state)
{
	struct ctl_req req = request(CTL_SHOW_LCORES);
	cJSON *list = ask(&req);

	(void)state;
	for (int i = 0; i < 3; i++) {
		cJSON *lcore = cJSON_GetArrayItem(list, i);
		cJSON *parts = cJSON_GetObjectItem(lcore, "parts");

		if (i == 2) {
			assert_null(parts);
			assert_null(cJSON_GetObjectItem(lcore, "longest-turn-cpu-part"));
			continue;
		}
		assert_string_equal(text(list, i, "longest-turn-cpu-part"), "engine");
		assert_int_equal(cJSON_GetArraySize(parts), 2);
		assert_string_equal(text(parts, 0, "part"), "hello");
		assert_string_equal(text(parts, 1, "part"), "engine");
		assert_string_equal(text(parts, 1, "what"), "what it is");
		assert_int_equal(number(parts, 1, "longest-us"), 11);
	}
	cJSON_Delete(list);
}

static void test_routes(void **state)
{
	struct ip6_addr gateway = addr("fe80::1"), ours = addr("2001:db8:1::10");
	int row = addrs_add(t.tables->addrs,
		&(struct addr_row){ .addr = ours, .prefix_len = 64, .state = ADDR_PREFERRED });
	uint32_t adj = adj_add(t.tables->adj, 0, &gateway);
	const struct {
		const char *prefix, *kind, *key, *value;
		uint32_t fib;
	} routes[] = {
		{ "2001:db8:1::10/128", "local", "port", "wan",
			fib_value(FIB_LOCAL, (uint32_t)row) },
		{ "2001:db8:a::1/128", "home-agent", "domain", "msp1",
			fib_value(FIB_HOME_AGENT, 0) },
		{ "2001:db8:b::/48", "mobile-prefix", "domain", "msp2", fib_value(FIB_DOMAIN, 1) },
		{ "2001:db8:1::/64", "on-link", "port", "wan", fib_value(FIB_ONLINK, 0) },
		{ "::/0", "via", "next-hop", "fe80::1", fib_value(FIB_VIA, adj) },
		{ "2001:db8:ff::/48", "unreachable", NULL, NULL, fib_value(FIB_UNREACHABLE, 0) },
		{ "2001:db8:fe::/48", "on-link", "port", "?", fib_value(FIB_ONLINK, 9) },
	};
	struct ctl_req req = request(CTL_SHOW_ROUTES);
	cJSON *list;

	(void)state;
	for (size_t i = 0; i < DIM(routes); i++) {
		struct ip6_prefix p = prefix(routes[i].prefix);

		assert_int_equal(fib_set(t.tables->fib, &p, routes[i].fib), 0);
	}
	list = ask(&req);
	assert_int_equal(cJSON_GetArraySize(list), DIM(routes));
	for (int i = 0; i < (int)DIM(routes); i++) {
		assert_string_equal(text(list, i, "prefix"), routes[i].prefix);
		assert_string_equal(text(list, i, "kind"), routes[i].kind);
		if (routes[i].key != NULL)
			assert_string_equal(text(list, i, routes[i].key), routes[i].value);
	}
	cJSON_Delete(list);
}

static void test_neighbors_and_addresses(void **state)
{
	const struct addr_row rows[] = {
		{ .addr = addr("2001:db8:1::10"), .prefix_len = 64, .state = ADDR_TENTATIVE },
		{ .addr = addr("2001:db8:a::1"),
			.prefix_len = 128,
			.owner = ADDR_HOME_AGENT,
			.state = ADDR_PREFERRED,
			.port = ADDR_NO_PORT },
		{ .addr = addr("fe80::2"), .prefix_len = 128, .state = ADDR_DUPLICATE },
	};
	static const char *const states[] = { "tentative", "preferred", "duplicate" };
	struct ctl_req req = request(CTL_SHOW_NEIGHBORS);
	cJSON *list = ask(&req);

	(void)state;
	assert_int_equal(cJSON_GetArraySize(list), 2);
	assert_string_equal(text(list, 0, "mac"), "02:00:00:00:00:fe");
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 1), "mac")));
	assert_string_equal(text(list, 1, "state"), "incomplete");
	assert_int_equal(number(list, 0, "age-ms"), 77);
	cJSON_Delete(list);

	for (size_t i = 0; i < DIM(rows); i++)
		assert_int_equal(addrs_add(t.tables->addrs, &rows[i]), i);
	req = request(CTL_SHOW_ADDRESSES);
	list = ask(&req);
	assert_int_equal(cJSON_GetArraySize(list), 3);
	for (int i = 0; i < 3; i++)
		assert_string_equal(text(list, i, "state"), states[i]);
	assert_string_equal(text(list, 0, "port"), "wan");
	assert_string_equal(text(list, 1, "domain"), "msp1");
	assert_null(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 1), "port"));
	cJSON_Delete(list);
}

static void test_store(void **state)
{
	struct ctl_req req = request(CTL_SHOW_STORE);
	cJSON *list;

	(void)state;
	assert_fails(&req, -ENOENT, "there is no store: bindings are not kept");
	t.conf.store.path = (char *)"/s";
	store = (struct persist_status){ .waiting = 3, .written_ms = 4, .synced_ms = 5 };
	store.stat[FEED_STAT_RECORDS] = 6;
	req = request(CTL_SHOW_STORE);
	list = ask(&req);
	assert_string_equal(text(list, 0, "store"), "/s");
	assert_string_equal(text(list, 0, "state"), "writing");
	assert_null(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "last-error"));
	assert_int_equal(number(list, 0, "waiting"), 3);
	assert_int_equal(number(list, 0, "written-ms"), 4);
	assert_int_equal(number(list, 0, "disk-ms"), 5);
	assert_int_equal(number(list, 0, "records"), 6);
	assert_int_equal(number(list, 0, "answers-waiting"), 17);
	cJSON_Delete(list);
	store.walking = true;
	store.stat[FEED_STAT_ERRNO] = ENOSPC;
	store.stat[FEED_STAT_FAILED_MS] = 1700000000123;
	req = request(CTL_SHOW_STORE);
	list = ask(&req);
	assert_string_equal(text(list, 0, "state"), "writing anew");
	assert_string_equal(text(list, 0, "last-error"), "No space left on device");
	assert_string_equal(text(list, 0, "last-error-at"), "2023-11-14T22:13:20Z");
	cJSON_Delete(list);
	store.stat[FEED_STAT_FAILED] = 1;
	req = request(CTL_SHOW_STORE);
	list = ask(&req);
	assert_string_equal(text(list, 0, "state"), "failed");
	cJSON_Delete(list);
	t.conf.store.path = NULL;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_data_plane),
		TEST(test_counters),
		TEST(test_alarms),
		TEST(test_metrics),
		TEST(test_wedged),
		TEST(test_parts),
		TEST(test_routes),
		TEST(test_neighbors_and_addresses),
		TEST(test_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
