/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers to hamctl about the version, the configuration and its domains. */
#include "show_lab.h"

/* --- the rest --- */

static void test_version(void **state)
{
	struct ctl_req req = request(CTL_SHOW_VERSION);
	cJSON *list = ask(&req);

	(void)state;
	assert_string_equal(text(list, 0, "version"), HAMD_VERSION);
	assert_string_equal(text(list, 0, "node"), "paris");
	assert_int_equal(number(list, 0, "buffers-free"), 900);
	assert_int_equal(number(list, 0, "buffers"), 1000);
	assert_int_equal(number(list, 0, "bindings"), 0);
	cJSON_Delete(list);
}

/* Of any length, in slices; the lengths are around the pieces it is cut into. */
static void test_config(void **state)
{
	static const size_t lengths[] = { 2, 16383, 16384, 16385, 65535, 65536, 65537, 300000 };

	(void)state;
	for (size_t i = 0; i < DIM(lengths); i++) {
		struct ctl_req req = request(CTL_SHOW_CONFIG);
		size_t n = lengths[i], total = 0;

		config = realloc(config, n + 1);
		memset(config, 'x', n);
		config[n] = '\0';
		t.ctl.json = config;
		do {
			run_slice(&req);
			assert_true(req.out.len <= CTL_SLICE_BYTES + 16384);
			for (size_t k = 0; k < req.out.len; k++, total++)
				assert_int_equal(req.out.buf[k], total < n ? 'x' : '\n');
		} while (!req.done);
		assert_int_equal(total, n + 1);
		jw_done(&req.out);
	}
}

/* A reload between two slices: half of each would be no JSON. */
static void test_config_reloaded(void **state)
{
	struct ctl_req req = request(CTL_SHOW_CONFIG);

	(void)state;
	config = calloc(1, 200001);
	memset(config, 'x', 200000);
	t.ctl.json = config;
	run_slice(&req);
	assert_false(req.done);
	t.ctl.generation++;
	run_slice(&req);
	assert_true(req.done);
	assert_int_equal(req.status, -EAGAIN);
	assert_int_equal(req.out.len, 0);
	jw_done(&req.out);
	req = request(CTL_SHOW_CONFIG);
	do
		run_slice(&req);
	while (!req.done);
	assert_int_equal(req.status, 0);
	jw_done(&req.out);
}

static void test_domains(void **state)
{
	struct ctl_req req = request(CTL_SHOW_DOMAINS);
	struct subs_opts opts = { .max = 10, .domains = 2 };
	struct sub sub = { .domain = 1, .lifetime_max_s = 4, .key = SUB_NO_KEY };
	struct ip6_prefix range = prefix("2001:db8:b:1::/64"), served = prefix("2001:db8:b::/48");
	struct ip6_addr hoa = addr("2001:db8:b::7");
	struct sub_place there;
	cJSON *list, *relayed, *told;

	(void)state;
	assert_int_equal(subs_new(&opts, &t.ctl.subs), 0);
	assert_int_equal(
		subs_add(t.ctl.subs, &hoa, &sub, (struct sub_place){ SUB_LINE, 1 }, &there), 0);
	assert_int_equal(subs_add_range(t.ctl.subs, &range, &sub, 0), 0);
	assert_int_equal(subs_set_file(t.ctl.subs, 1, "/etc/hamd/msp2.jsonl"), 0);
	subs_seal(t.ctl.subs);
	t.domains[1].mobile_prefixes = &served;
	t.domains[1].mobile_prefix_count = 1;
	t.domains[1].home_agent_address = addr("2001:db8:b::1");
	t.ctl.loaded_ms = NOW_MS - 3600000;
	bind_node(1, &hoa, "2001:db8:c::1");
	list = ask(&req);
	assert_int_equal(cJSON_GetArraySize(list), 2);
	assert_string_equal(text(list, 0, "domain"), "msp1");
	assert_int_equal(number(list, 0, "subscribers"), 0);
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "file")));
	assert_string_equal(text(list, 1, "domain"), "msp2");
	assert_string_equal(text(list, 1, "home-agent-address"), "2001:db8:b::1");
	assert_int_equal(number(list, 1, "bindings"), 1);
	assert_int_equal(number(list, 1, "subscribers"), 1);
	assert_int_equal(number(list, 1, "ranges"), 1);
	assert_int_equal(number(list, 1, "dropped-above-limits"), 71);
	assert_string_equal(text(list, 1, "file"), "/etc/hamd/msp2.jsonl");
	assert_int_equal(strlen(text(list, 1, "loaded")), strlen("2023-11-14T22:13:20Z"));
	assert_null(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 1), "state"));
	cJSON_Delete(list);

	with_mesh();
	req = request(CTL_SHOW_DOMAINS);
	list = ask(&req);
	assert_string_equal(text(list, 0, "state"), "joining");
	assert_string_equal(text(list, 0, "waits-for"), "tokyo");
	assert_string_equal(text(list, 0, "mode"), "unicast");
	assert_int_equal(number(list, 0, "alone"), 0);
	told = cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "home-agent-switch");
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(told, "sites")), 1);
	assert_string_equal(
		cJSON_GetArrayItem(cJSON_GetObjectItem(told, "sites"), 0)->valuestring, "tokyo");
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(told, "all-told")));
	assert_int_equal(cJSON_GetObjectItem(told, "waiting")->valueint, 3);
	assert_null(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 1), "home-agent-switch"));
	relayed = cJSON_GetObjectItem(cJSON_GetArrayItem(list, 1), "relayed");
	assert_int_equal(cJSON_GetObjectItem(relayed, "packets")->valueint, 1);
	assert_int_equal(cJSON_GetObjectItem(relayed, "bytes")->valueint, 7000);
	assert_int_equal(cJSON_GetObjectItem(relayed, "further-packets")->valueint, 5);
	assert_int_equal(cJSON_GetObjectItem(relayed, "further-bytes")->valueint, 500);
	assert_int_equal(cJSON_GetObjectItem(relayed, "mismatches")->valueint, 3);
	assert_string_equal(text(list, 1, "state"), "ready");
	assert_string_equal(text(list, 1, "digest"), "0000000000000000");
	assert_null(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 1), "waits-for"));
	cJSON_Delete(list);
	subs_free(t.ctl.subs);
}

/* A host thread's business; should one ask here, it gets an answer. */
static void test_no_reload(void **state)
{
	struct ctl_req req = request(CTL_RELOAD);

	(void)state;
	run_slice(&req);
	assert_true(req.done);
	assert_int_equal(req.status, -ENOTSUP);
	jw_done(&req.out);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_version),
		TEST(test_config),
		TEST(test_config_reloaded),
		TEST(test_domains),
		TEST(test_no_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
