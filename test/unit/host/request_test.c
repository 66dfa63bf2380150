/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "host/request.h"

static int parse(const char *line, size_t len, struct ctl_req *req, char err[static 160])
{
	struct buf b = buf_copy(line, len); /* without a terminating zero */
	int ret;

	*req = (struct ctl_req){ 0 };
	err[0] = '\0';
	ret = request_parse((const char *)b.p, b.n, req, err, 160);
	buf_free(&b);
	return ret;
}

static const struct {
	const char *line;
	enum ctl_cmd cmd;
} good[] = {
	{ "{\"cmd\":\"show bindings\"}", CTL_SHOW_BINDINGS },
	{ " { \"cmd\" : \"show binding\", \"key\": \"2001:db8::1\" } \r", CTL_SHOW_BINDING },
	{ "{\"cmd\":\"show summary\",\"domain\":\"msp1\"}", CTL_SHOW_SUMMARY },
	{ "{\"cmd\":\"show ports\"}", CTL_SHOW_PORTS },
	{ "{\"cmd\":\"show lcores\"}", CTL_SHOW_LCORES },
	{ "{\"cmd\":\"show counters\"}", CTL_SHOW_COUNTERS },
	{ "{\"cmd\":\"show drops\",\"all\":true}", CTL_SHOW_DROPS },
	{ "{\"cmd\":\"show routes\"}", CTL_SHOW_ROUTES },
	{ "{\"cmd\":\"show neighbors\"}", CTL_SHOW_NEIGHBORS },
	{ "{\"cmd\":\"show addresses\"}", CTL_SHOW_ADDRESSES },
	{ "{\"cmd\":\"show config\"}", CTL_SHOW_CONFIG },
	{ "{\"cmd\":\"show store\"}", CTL_SHOW_STORE },
	{ "{\"cmd\":\"show version\"}", CTL_SHOW_VERSION },
	{ "{\"cmd\":\"show domains\"}", CTL_SHOW_DOMAINS },
	{ "{\"cmd\":\"show alarms\"}", CTL_SHOW_ALARMS },
	{ "{\"cmd\":\"metrics\"}", CTL_METRICS },
	{ "{\"key\":\"2001:db8::1\",\"cmd\":\"binding delete\"}", CTL_BINDING_DELETE },
	{ "{\"cmd\":\"show peers\"}", CTL_SHOW_PEERS },
	{ "{\"cmd\":\"show sa\"}", CTL_SHOW_SA },
	{ "{\"cmd\":\"binding move\",\"key\":\"2001:db8::1\",\"to\":\"tokyo\"}", CTL_BINDING_MOVE },
	{ "{\"cmd\":\"ready\"}", CTL_READY },
	{ "{\"cmd\":\"drain\"}", CTL_DRAIN },
	{ "{\"cmd\":\"undrain\",\"domain\":\"msp1\"}", CTL_UNDRAIN },
	{ "{\"cmd\":\"reload\"}", CTL_RELOAD },
	{ "{\"cmd\":\"trace\"}", CTL_TRACE },
	{ "{\"cmd\":\"capture\"}", CTL_CAPTURE },
};

static void test_commands(void **state)
{
	struct ctl_req req;
	char err[160];

	(void)state;
	assert_int_equal(DIM(good), CTL_CMD_COUNT);
	for (size_t i = 0; i < DIM(good); i++) {
		if (parse(good[i].line, strlen(good[i].line), &req, err) != 0)
			fail_msg("%s: %s", good[i].line, err);
		assert_int_equal(req.cmd, good[i].cmd);
	}
}

static void test_fields(void **state)
{
	const char *line = "{\"cmd\":\"show bindings\",\"prefix\":\"2001:db8:a::/48\","
			   "\"coa\":\"2001:db8:2::7\",\"domain\":\"msp1\",\"all\":true}";
	struct ip6_addr coa = addr("2001:db8:2::7"), net = addr("2001:db8:a::"),
			key = addr("2001:db8::9");
	struct ctl_req req;
	char err[160];

	(void)state;
	assert_int_equal(parse(line, strlen(line), &req, err), 0);
	assert_true(req.has_prefix && req.has_coa && req.all && !req.has_key);
	assert_int_equal(req.prefix.len, 48);
	assert_true(ip6_eq(&req.prefix.addr, &net));
	assert_int_equal(req.coa.len, 128);
	assert_true(ip6_eq(&req.coa.addr, &coa));
	assert_string_equal(req.domain, "msp1");

	line = "{\"cmd\":\"show binding\",\"key\":\"2001:db8::9\"}";
	assert_int_equal(parse(line, strlen(line), &req, err), 0);
	assert_true(req.has_key && !req.has_prefix && !req.has_coa && !req.all);
	assert_true(ip6_eq(&req.key, &key));
	assert_string_equal(req.domain, "");
}

/* What a site of a mesh is told. */
static void test_mesh(void **state)
{
	static const struct {
		const char *line, *domain, *site;
		bool force;
	} rows[] = {
		{ "{\"cmd\":\"ready\",\"domain\":\"msp1\",\"force\":true}", "msp1", "", true },
		{ "{\"cmd\":\"ready\",\"force\":false}", "", "", false },
		{ "{\"cmd\":\"drain\",\"force\":true}", "", "", true },
		{ "{\"cmd\":\"drain\",\"domain\":\"msp1\"}", "msp1", "", false },
		{ "{\"cmd\":\"binding move\",\"to\":\"tokyo\",\"key\":\"2001:db8::1\"}", "",
			"tokyo", false },
		{ "{\"cmd\":\"show bindings\",\"owner\":\"tokyo\"}", "", "tokyo", false },
		{ "{\"cmd\":\"show summary\",\"owner\":\"tokyo\"}", "", "tokyo", false },
	};
	struct ctl_req req;
	char err[160];

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		if (parse(rows[i].line, strlen(rows[i].line), &req, err) != 0)
			fail_msg("%s: %s", rows[i].line, err);
		assert_string_equal(req.domain, rows[i].domain);
		assert_string_equal(req.site, rows[i].site);
		assert_int_equal(req.force, rows[i].force);
	}
}

static void test_watch(void **state)
{
	const char *line =
		"{\"cmd\":\"trace\",\"prefix\":\"2001:db8:a::/48\",\"source\":\"2001:db8::7\","
		"\"destination\":\"::/0\",\"mobile-node\":\"2001:db8:a::100\",\"port\":\"wan\","
		"\"stage\":\"control\",\"reason\":\"no_route\",\"count\":4294967295,"
		"\"seconds\":0}";
	struct ip6_addr src = addr("2001:db8::7"), hoa = addr("2001:db8:a::100");
	const struct watch_filter *f;
	struct ctl_req req;
	char err[160];

	(void)state;
	f = &req.ask.filter;
	assert_int_equal(parse(line, strlen(line), &req, err), 0);
	assert_int_equal(req.ask.kind, WATCH_TRACE);
	assert_true(f->has_any && f->has_src && f->has_dst && f->has_hoa && f->has_stage &&
		    f->has_reason && f->dropped);
	assert_int_equal(f->any.len, 48);
	assert_true(f->src.len == 128 && ip6_eq(&f->src.addr, &src));
	assert_int_equal(f->dst.len, 0);
	assert_true(ip6_eq(&f->hoa, &hoa));
	assert_int_equal(f->stage, TRACE_CONTROL);
	assert_int_equal(f->reason, DP_DROP_NO_ROUTE);
	assert_string_equal(req.port, "wan");
	assert_int_equal(req.ask.count, 4294967295);
	assert_int_equal(req.ask_seconds, 0);

	line = "{\"cmd\":\"capture\",\"drops\":true,\"snaplen\":96,\"seconds\":86400}";
	assert_int_equal(parse(line, strlen(line), &req, err), 0);
	assert_int_equal(req.ask.kind, WATCH_CAPTURE);
	assert_true(f->dropped && !f->has_reason && !f->has_any && !f->has_stage);
	assert_int_equal(req.ask.snaplen, 96);
	assert_int_equal(req.ask.count, 0); /* until somebody stops it */
	assert_int_equal(req.ask_seconds, 86400);

	line = "{\"cmd\":\"trace\",\"drops\":false}";
	assert_int_equal(parse(line, strlen(line), &req, err), 0);
	assert_false(f->dropped);
	assert_int_equal(req.ask.count, 20); /* ends by itself */
	assert_int_equal(req.ask_seconds, 60);
}

static const struct {
	const char *line, *err;
} bad[] = {
	{ "", "not JSON" },
	{ "x", "not JSON" },
	{ "{\"cmd\":\"show ports\"", "not JSON" },
	{ "[]", "not a JSON object" },
	{ "7", "not a JSON object" },
	{ "{}", "cmd: missing" },
	{ "{\"cmd\":\"show ports\"} x", "something behind the object" },
	{ "{\"cmd\":\"show ports\"}{\"cmd\":\"show ports\"}", "something behind the object" },
	{ "{\"cmd\":7}", "cmd: not a string" },
	{ "{\"cmd\":null}", "cmd: not a string" },
	{ "{\"cmd\":\"show port\"}", "cmd: unknown command \"show port\"" },
	{ "{\"CMD\":\"show ports\"}", "unknown key \"CMD\"" },
	{ "{\"cmd\":\"show ports\",\"x\":1}", "unknown key \"x\"" },
	{ "{\"cmd\":\"show ports\",\"cmd\":\"show ports\"}", "duplicate key \"cmd\"" },
	{ "{\"cmd\":\"show ports\",\"all\":true}", "all: \"show ports\" does not take it" },
	{ "{\"cmd\":\"show drops\",\"all\":1}", "all: not true or false" },
	{ "{\"cmd\":\"show binding\"}", "key: missing" },
	{ "{\"cmd\":\"binding delete\"}", "key: missing" },
	{ "{\"cmd\":\"binding move\",\"to\":\"tokyo\"}", "key: missing" },
	{ "{\"cmd\":\"binding move\",\"key\":\"2001:db8::1\"}", "to: missing" },
	{ "{\"cmd\":\"binding move\",\"key\":\"2001:db8::1\",\"to\":\"\"}",
		"to: a name has 1 to 31 octets" },
	{ "{\"cmd\":\"binding move\",\"key\":\"2001:db8::1\",\"to\":2}", "to: not a string" },
	{ "{\"cmd\":\"drain\",\"force\":\"yes\"}", "force: not true or false" },
	{ "{\"cmd\":\"undrain\",\"force\":true}", "force: \"undrain\" does not take it" },
	{ "{\"cmd\":\"show ports\",\"owner\":\"x\"}", "owner: \"show ports\" does not take it" },
	{ "{\"cmd\":\"drain\",\"to\":\"tokyo\"}", "to: \"drain\" does not take it" },
	{ "{\"cmd\":\"show binding\",\"key\":\"1.2.3.4\"}",
		"key: \"1.2.3.4\" is not an IPv6 address" },
	{ "{\"cmd\":\"show binding\",\"key\":\"2001:db8::/64\"}",
		"key: \"2001:db8::/64\" is not an IPv6 address" },
	{ "{\"cmd\":\"show bindings\",\"prefix\":\"2001:db8::1/64\"}",
		"prefix: \"2001:db8::1/64\" has bits set behind its length" },
	{ "{\"cmd\":\"show bindings\",\"coa\":\"2001:db8::/129\"}",
		"coa: \"2001:db8::/129\" is not an IPv6 prefix" },
	{ "{\"cmd\":\"trace\",\"count\":-1}", "count: not a number from 0 to 4294967295" },
	{ "{\"cmd\":\"trace\",\"count\":4294967296}", "count: not a number from 0 to 4294967295" },
	{ "{\"cmd\":\"trace\",\"count\":1.5}", "count: not a number from 0 to 4294967295" },
	{ "{\"cmd\":\"trace\",\"count\":\"1\"}", "count: not a number from 0 to 4294967295" },
	{ "{\"cmd\":\"trace\",\"count\":1e99}", "count: not a number from 0 to 4294967295" },
	{ "{\"cmd\":\"trace\",\"seconds\":86401}", "seconds: not a number from 0 to 86400" },
	{ "{\"cmd\":\"capture\",\"snaplen\":65536}", "snaplen: not a number from 0 to 65535" },
	{ "{\"cmd\":\"trace\",\"snaplen\":1}", "snaplen: \"trace\" does not take it" },
	{ "{\"cmd\":\"capture\",\"stage\":\"rx\"}", "stage: \"capture\" does not take it" },
	{ "{\"cmd\":\"show ports\",\"count\":1}", "count: \"show ports\" does not take it" },
	{ "{\"cmd\":\"trace\",\"stage\":\"x\"}", "stage: \"x\" is none, see hamctl show lcores" },
	{ "{\"cmd\":\"trace\",\"reason\":\"x\"}",
		"reason: \"x\" is none, see hamctl show drops --all" },
	{ "{\"cmd\":\"trace\",\"drops\":1}", "drops: not true or false" },
	{ "{\"cmd\":\"trace\",\"mobile-node\":\"2001:db8::/64\"}",
		"mobile-node: \"2001:db8::/64\" is not an IPv6 address" },
	{ "{\"cmd\":\"trace\",\"source\":\"2001:db8::1/64\"}",
		"source: \"2001:db8::1/64\" has bits set behind its length" },
	{ "{\"cmd\":\"trace\",\"port\":\"\"}", "port: a name has 1 to 31 octets" },
	{ "{\"cmd\":\"show bindings\",\"domain\":\"\"}", "domain: a name has 1 to 31 octets" },
	{ "{\"cmd\":\"drain\",\"domain\":\"a uid=0\"}", "domain: \"a uid=0\" is not a name" },
	{ "{\"cmd\":\"drain\",\"domain\":\"a\\u0007\"}", "domain: \"a\x07\" is not a name" },
	{ "{\"cmd\":\"trace\",\"port\":\"\xff\"}", "port: \"\xff\" is not a name" },
	{ "{\"cmd\":\"show bindings\",\"domain\":\"12345678901234567890123456789012\"}",
		"domain: a name has 1 to 31 octets" },
};

static void test_refusals(void **state)
{
	struct ctl_req req;
	char err[160];

	(void)state;
	for (size_t i = 0; i < DIM(bad); i++) {
		if (parse(bad[i].line, strlen(bad[i].line), &req, err) != -EINVAL)
			fail_msg("taken: %s", bad[i].line);
		if (strcmp(err, bad[i].err) != 0)
			fail_msg("%s: said \"%s\"", bad[i].line, err);
	}
}

/* Long strings are cut in messages; zeros and deep nesting are refused. */
static void test_hostile(void **state)
{
	static const char zero[] = "{\"cmd\":\"show\0ports\"}",
			  behind[] = "{\"cmd\":\"show ports\"}\0";
	char deep[20000], err[160];
	struct ctl_req req;

	(void)state;
	assert_int_equal(parse(zero, sizeof(zero) - 1, &req, err), -EINVAL);
	assert_int_equal(parse(behind, sizeof(behind) - 1, &req, err), -EINVAL);
	memset(deep, '[', sizeof(deep));
	assert_int_equal(parse(deep, sizeof(deep), &req, err), -EINVAL);
	memset(deep, 'x', sizeof(deep));
	memcpy(deep, "{\"cmd\":\"", 8);
	memcpy(deep + sizeof(deep) - 2, "\"}", 2);
	assert_int_equal(parse(deep, sizeof(deep), &req, err), -EINVAL);
	assert_true(strlen(err) < 100);
	for (size_t n = 0; n < strlen(good[1].line); n++) /* truncated everywhere */
		parse(good[1].line, n, &req, err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_mesh),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
