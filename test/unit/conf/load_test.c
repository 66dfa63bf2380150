/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"

static const char *const minimal =
	"{\"ports\":[{\"device\":\"net_null0\",\"name\":\"wan\",\"addresses\":[\"2001:db8:1::10/"
	"64\"]}],"
	"\"routes\":[{\"via\":\"2001:db8:1::1\",\"prefix\":\"::/0\"}],"
	"\"domains\":[{\"name\":\"msp1\",\"home-agent-address\":\"2001:db8:a::1\","
	"\"mobile-prefixes\":[\"2001:db8:a::/48\",\"2001:db8:b::/64\"]}]}";

/* Everything that the file above leaves out. */
static const char *const minimal_printed =
	"node.id = 1 (default)\n"
	"node.name = \"hamd\" (default)\n"
	"node.roles = [\"ha\"] (default)\n"
	"runtime.lcores = \"0\" (default)\n"
	"runtime.memory-mb = 512 (default)\n"
	"runtime.hugepages = true (default)\n"
	"runtime.pdump = false (default)\n"
	"runtime.idle-sleep-us = 0 (default)\n"
	"runtime.watchdog-ms = 10000 (default)\n"
	"runtime.max-bindings = 100000 (default)\n"
	"runtime.max-neighbors = 4096 (default)\n"
	"runtime.max-routes = 1024 (default)\n"
	"runtime.max-subscribers = 1000000 (default)\n"
	"runtime.mbufs = 0 (default)\n"
	"runtime.socket = \"/run/hamd/hamd.sock\" (default)\n"
	"runtime.log-level = \"info\" (default)\n"
	"icmp.errors-per-s = 1000 (default)\n"
	"icmp.burst = 100 (default)\n"
	"reassembly.timeout-ms = 60000 (default)\n"
	"reassembly.max-datagrams = 1024 (default)\n"
	"reassembly.max-fragments = 2048 (default)\n"
	"reassembly.max-per-source = 128 (default)\n"
	"reassembly.max-octets = 3072 (default)\n"
	"ports[0].name = \"wan\"\n"
	"ports[0].device = \"net_null0\"\n"
	"ports[0].mtu = 1500 (default)\n"
	"ports[0].vlan = 0 (default)\n"
	"ports[0].rx-queues = 0 (default)\n"
	"ports[0].dad = true (default)\n"
	"ports[0].addresses = [\"2001:db8:1::10/64\"]\n"
	"routes[0].prefix = \"::/0\"\n"
	"routes[0].via = \"2001:db8:1::1\"\n"
	"routes[0].port = \"wan\" (default)\n"
	"domains[0].name = \"msp1\"\n"
	"domains[0].mobile-prefixes = [\"2001:db8:a::/48\", \"2001:db8:b::/64\"]\n"
	"domains[0].home-agent-address = \"2001:db8:a::1\"\n"
	"domains[0].mode = \"unicast\" (default)\n"
	"domains[0].delivery = \"direct\" (default)\n"
	"domains[0].peers = [] (default)\n"
	"domains[0].home-link = null (default)\n"
	"domains[0].mobile-nodes = [] (default)\n"
	"domains[0].lifetime-max-s = 3600 (default)\n"
	"domains[0].refresh-advice-s = 300 (default)\n"
	"domains[0].ack-peers = 0 (default)\n"
	"domains[0].commit-timeout-ms = \"auto\" (default)\n"
	"domains[0].cold-start = \"wait\" (default)\n"
	"domains[0].join-timeout-ms = 3000 (default)\n"
	"domains[0].drain-wait-ms = 10000 (default)\n"
	"domains[0].home-agent-switch = false (default)\n"
	"domains[0].home-agent-switch-after-s = 600 (default)\n"
	"domains[0].old-coa-grace-ms = 0 (default)\n"
	"domains[0].remember-sequence = false (default)\n"
	"domains[0].encap-limit = \"auto\" (default)\n"
	"domains[0].tcp-mss-clamp = \"auto\" (default)\n"
	"domains[0].care-of-allowed = [] (default)\n"
	"domains[0].care-of-denied = [] (default)\n"
	"domains[0].discovery.home-agents = true (default)\n"
	"domains[0].discovery.prefixes = \"auto\" (default)\n"
	"domains[0].discovery.unsolicited = true (default)\n"
	"domains[0].discovery.min-interval-s = 600 (default)\n"
	"domains[0].discovery.max-interval-s = 86400 (default)\n"
	"domains[0].prefix-lifetimes = [] (default)\n"
	"domains[0].limits.max-bindings = 100000 (default)\n"
	"domains[0].limits.max-bindings-per-care-of = 16 (default)\n"
	"domains[0].limits.bu-per-s-per-source = 20 (default)\n"
	"domains[0].limits.bu-burst-per-source = 40 (default)\n"
	"domains[0].limits.bu-per-s-per-mobile-node = 20 (default)\n"
	"domains[0].limits.bu-burst-per-mobile-node = 40 (default)\n"
	"domains[0].limits.bu-per-s = 10000 (default)\n"
	"domains[0].limits.haad-per-s-per-source = 1 (default)\n"
	"domains[0].limits.haad-burst-per-source = 5 (default)\n"
	"domains[0].limits.haad-per-s = 100 (default)\n"
	"domains[0].limits.mpa-per-s = 500 (default)\n"
	"domains[0].limits.home-agent-switch-per-s = 1 (default)\n"
	"domains[0].limits.mismatch-per-s = 1000 (default)\n"
	"domains[0].limits.mismatch-burst = 200 (default)\n"
	"domains[0].limits.relay-mbps = \"off\" (default)\n"
	"domains[0].limits.relay-packets-per-s = \"off\" (default)\n"
	"domains[0].limits.traffic-mbps = \"off\" (default)\n"
	"domains[0].limits.traffic-packets-per-s = \"off\" (default)\n"
	"accounting.interim-s = 300 (default)\n"
	"accounting.rotate-mb = 0 (default)\n"
	"accounting.rotate-s = 0 (default)\n"
	"accounting.rotate-keep = 10 (default)\n"
	"accounting.sync-s = 5 (default)\n"
	"accounting.buffer-mb = 16 (default)\n";

/* Every key written, with a value other than the default where there is a choice. */
static const char *const full =
	"{\"domains\":[{\"name\":\"msp1\",\"home-agent-address\":\"2001:db8:a::1\","
	"\"mobile-prefixes\":[\"2001:db8:a::/48\"],\"home-link\":null,\"lifetime-max-s\":420,"
	"\"mode\":\"shared\",\"delivery\":\"primary\",\"peers\":[],"
	"\"commit-timeout-ms\":900,\"cold-start\":\"serve\",\"join-timeout-ms\":100,"
	"\"drain-wait-ms\":0,\"home-agent-switch\":false,\"home-agent-switch-after-s\":\"off\","
	"\"old-coa-grace-ms\":10000,\"remember-sequence\":true,"
	"\"ack-peers\":\"store\",\"refresh-advice-s\":\"off\","
	"\"encap-limit\":\"always\",\"tcp-mss-clamp\":1172,\"care-of-allowed\":[\"2001:db8::/32\"],"
	"\"care-of-denied\":[\"2001:db8:f::/48\",\"fc00::/7\"],\"limits\":{\"max-bindings\":7,"
	"\"max-bindings-per-care-of\":1,\"bu-per-s-per-source\":2,\"bu-burst-per-source\":3,"
	"\"bu-per-s-per-mobile-node\":5,\"bu-burst-per-mobile-node\":6,"
	"\"bu-per-s\":4,\"haad-per-s-per-source\":7,\"haad-burst-per-source\":8,"
	"\"haad-per-s\":9,\"mpa-per-s\":10,\"home-agent-switch-per-s\":15,"
	"\"mismatch-per-s\":11,\"mismatch-burst\":12,\"relay-mbps\":13,"
	"\"relay-packets-per-s\":14,\"traffic-mbps\":15,\"traffic-packets-per-s\":16},"
	"\"discovery\":{\"home-agents\":false,"
	"\"prefixes\":\"always\",\"unsolicited\":false,\"min-interval-s\":9,"
	"\"max-interval-s\":10},\"prefix-lifetimes\":[{\"prefix\":\"2001:db8:a::/48\","
	"\"valid-s\":7200,\"preferred-s\":0}],\"mobile-nodes\":["
	"{\"home-address\":\"2001:db8:a::200\",\"auth\":{\"type\":\"none\"}},"
	"{\"auth\":{\"type\":\"none\"},\"home-address\":\"2001:db8:a::100\"}]}],"
	"\"routes\":[{\"prefix\":\"::/0\",\"via\":\"fe80::1\",\"port\":\"lan\"}],"
	"\"icmp\":{\"errors-per-s\":50,\"burst\":5},"
	"\"store\":{\"path\":\"/var/lib/hamd/n-1\",\"sync-ms\":20,\"counters-s\":\"off\","
	"\"on-damage\":\"refuse\"},"
	"\"reassembly\":{\"timeout-ms\":1000,\"max-datagrams\":100,\"max-fragments\":200,"
	"\"max-per-source\":50,\"max-octets\":1500},"
	"\"accounting\":{\"buffer-mb\":1,\"sync-s\":0,\"rotate-keep\":3,\"rotate-s\":3600,"
	"\"rotate-mb\":64,\"interim-s\":60,\"file\":\"/var/log/hamd/a.jsonl\"},"
	"\"ports\":[{\"name\":\"wan\",\"device\":\"0000:3b:00.0\"},{\"name\":\"lan\","
	"\"device\":\"net_tap0,iface=\\\"a\\\\\",\"mtu\":9000,\"vlan\":7,\"rx-queues\":2,"
	"\"dad\":false,\"addresses\":[\"2001:db8:1::10/64\",\"2001:db8:1::11/128\"]}],"
	"\"runtime\":{\"lcores\":\"2,4-5\",\"memory-mb\":64,\"hugepages\":true,"
	"\"pdump\":true,"
	"\"idle-sleep-us\":50,\"watchdog-ms\":5000,\"max-bindings\":9,\"max-neighbors\":16,\"max-"
	"routes\":16,"
	"\"max-subscribers\":17,"
	"\"mbufs\":8192,\"socket\":\"/tmp/x.sock\","
	"\"dpdk-drivers\":\"/opt/pmds\",\"log-level\":\"debug\"},"
	"\"node\":{\"id\":255,\"name\":\"n-1\",\"roles\":[\"ha\"]}}";

static const char *const full_printed =
	"node.id = 255\n"
	"node.name = \"n-1\"\n"
	"node.roles = [\"ha\"]\n"
	"runtime.lcores = \"2,4-5\"\n"
	"runtime.memory-mb = 64\n"
	"runtime.hugepages = true\n"
	"runtime.pdump = true\n"
	"runtime.idle-sleep-us = 50\n"
	"runtime.watchdog-ms = 5000\n"
	"runtime.max-bindings = 9\n"
	"runtime.max-neighbors = 16\n"
	"runtime.max-routes = 16\n"
	"runtime.max-subscribers = 17\n"
	"runtime.mbufs = 8192\n"
	"runtime.socket = \"/tmp/x.sock\"\n"
	"runtime.dpdk-drivers = \"/opt/pmds\"\n"
	"runtime.log-level = \"debug\"\n"
	"icmp.errors-per-s = 50\n"
	"icmp.burst = 5\n"
	"store.path = \"/var/lib/hamd/n-1\"\n"
	"store.sync-ms = 20\n"
	"store.counters-s = \"off\"\n"
	"store.on-damage = \"refuse\"\n"
	"reassembly.timeout-ms = 1000\n"
	"reassembly.max-datagrams = 100\n"
	"reassembly.max-fragments = 200\n"
	"reassembly.max-per-source = 50\n"
	"reassembly.max-octets = 1500\n"
	"ports[0].name = \"wan\"\n"
	"ports[0].device = \"0000:3b:00.0\"\n"
	"ports[0].mtu = 1500 (default)\n"
	"ports[0].vlan = 0 (default)\n"
	"ports[0].rx-queues = 0 (default)\n"
	"ports[0].dad = true (default)\n"
	"ports[0].addresses = [] (default)\n"
	"ports[1].name = \"lan\"\n"
	"ports[1].device = \"net_tap0,iface=\\\"a\\\\\"\n"
	"ports[1].mtu = 9000\n"
	"ports[1].vlan = 7\n"
	"ports[1].rx-queues = 2\n"
	"ports[1].dad = false\n"
	"ports[1].addresses = [\"2001:db8:1::10/64\", \"2001:db8:1::11/128\"]\n"
	"routes[0].prefix = \"::/0\"\n"
	"routes[0].via = \"fe80::1\"\n"
	"routes[0].port = \"lan\"\n"
	"domains[0].name = \"msp1\"\n"
	"domains[0].mobile-prefixes = [\"2001:db8:a::/48\"]\n"
	"domains[0].home-agent-address = \"2001:db8:a::1\"\n"
	"domains[0].mode = \"shared\"\n"
	"domains[0].delivery = \"primary\"\n"
	"domains[0].peers = []\n"
	"domains[0].home-link = null\n"
	"domains[0].mobile-nodes[0].home-address = \"2001:db8:a::100\"\n"
	"domains[0].mobile-nodes[0].auth.type = \"none\"\n"
	"domains[0].mobile-nodes[1].home-address = \"2001:db8:a::200\"\n"
	"domains[0].mobile-nodes[1].auth.type = \"none\"\n"
	"domains[0].lifetime-max-s = 420\n"
	"domains[0].refresh-advice-s = \"off\"\n"
	"domains[0].ack-peers = \"store\"\n"
	"domains[0].commit-timeout-ms = 900\n"
	"domains[0].cold-start = \"serve\"\n"
	"domains[0].join-timeout-ms = 100\n"
	"domains[0].drain-wait-ms = 0\n"
	"domains[0].home-agent-switch = false\n"
	"domains[0].home-agent-switch-after-s = \"off\"\n"
	"domains[0].old-coa-grace-ms = 10000\n"
	"domains[0].remember-sequence = true\n"
	"domains[0].encap-limit = \"always\"\n"
	"domains[0].tcp-mss-clamp = 1172\n"
	"domains[0].care-of-allowed = [\"2001:db8::/32\"]\n"
	"domains[0].care-of-denied = [\"2001:db8:f::/48\", \"fc00::/7\"]\n"
	"domains[0].discovery.home-agents = false\n"
	"domains[0].discovery.prefixes = \"always\"\n"
	"domains[0].discovery.unsolicited = false\n"
	"domains[0].discovery.min-interval-s = 9\n"
	"domains[0].discovery.max-interval-s = 10\n"
	"domains[0].prefix-lifetimes[0].prefix = \"2001:db8:a::/48\"\n"
	"domains[0].prefix-lifetimes[0].valid-s = 7200\n"
	"domains[0].prefix-lifetimes[0].preferred-s = 0\n"
	"domains[0].limits.max-bindings = 7\n"
	"domains[0].limits.max-bindings-per-care-of = 1\n"
	"domains[0].limits.bu-per-s-per-source = 2\n"
	"domains[0].limits.bu-burst-per-source = 3\n"
	"domains[0].limits.bu-per-s-per-mobile-node = 5\n"
	"domains[0].limits.bu-burst-per-mobile-node = 6\n"
	"domains[0].limits.bu-per-s = 4\n"
	"domains[0].limits.haad-per-s-per-source = 7\n"
	"domains[0].limits.haad-burst-per-source = 8\n"
	"domains[0].limits.haad-per-s = 9\n"
	"domains[0].limits.mpa-per-s = 10\n"
	"domains[0].limits.home-agent-switch-per-s = 15\n"
	"domains[0].limits.mismatch-per-s = 11\n"
	"domains[0].limits.mismatch-burst = 12\n"
	"domains[0].limits.relay-mbps = 13\n"
	"domains[0].limits.relay-packets-per-s = 14\n"
	"domains[0].limits.traffic-mbps = 15\n"
	"domains[0].limits.traffic-packets-per-s = 16\n"
	"accounting.file = \"/var/log/hamd/a.jsonl\"\n"
	"accounting.interim-s = 60\n"
	"accounting.rotate-mb = 64\n"
	"accounting.rotate-s = 3600\n"
	"accounting.rotate-keep = 3\n"
	"accounting.sync-s = 0\n"
	"accounting.buffer-mb = 1\n";

static struct conf *parse(const char *text)
{
	struct buf b = buf_copy(text, strlen(text));
	struct conf *conf = NULL;
	char err[256];

	if (conf_parse("t.json", (const char *)b.p, b.n, &conf, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	buf_free(&b);
	return conf;
}

static void check_printed(const struct conf *conf, const char *wanted)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	conf_print(conf, f);
	fclose(f);
	assert_string_equal(text, wanted);
	free(text);
}

static void test_defaults(void **state)
{
	struct conf *c = parse(minimal);

	(void)state;
	check_printed(c, minimal_printed);
	assert_string_equal(c->path, "t.json");
	assert_true(c->node.role_ha);
	assert_int_equal(c->runtime.lcore_count, 1);
	assert_int_equal(c->routes[0].port, 0);
	assert_int_equal(c->domains[0].encap_limit, CONF_ENCAP_LIMIT_AUTO);
	assert_false(conf_has_accounting(c));
	assert_int_equal(c->warning_count, 1);
	assert_string_equal(
		c->warnings[0], "domains[0] (msp1): no mobile nodes, nobody can register");
	assert_string_equal(conf_json(c), minimal);
	conf_free(c);
}

static void test_full(void **state)
{
	struct conf *c = parse(full);
	struct ip6_addr a = addr("2001:db8:1::10");

	(void)state;
	check_printed(c, full_printed);
	assert_int_equal(c->runtime.lcore_count, 3);
	assert_int_equal(c->icmp_errors_per_s, 50);
	assert_int_equal(c->reassembly.timeout_ms, 1000);
	assert_int_equal(c->reassembly.max_datagrams, 100);
	assert_int_equal(c->reassembly.max_fragments, 200);
	assert_int_equal(c->reassembly.max_per_source, 50);
	assert_int_equal(c->reassembly.max_octets, 1500);
	assert_true(ip6_eq(&c->ports[1].addresses[0].addr, &a)); /* host bits kept */
	assert_int_equal(c->routes[0].port, 1);
	assert_int_equal(c->domains[0].encap_limit, CONF_ENCAP_LIMIT_ALWAYS);
	assert_int_equal(c->domains[0].mobile_nodes[0].auth.type, CONF_AUTH_NONE);
	assert_true(conf_has_accounting(c));
	assert_int_equal(c->warning_count, 1);
	assert_string_equal(c->warnings[0], "domains[0] (msp1): 2 mobile nodes without "
					    "authentication (auth.type \"none\"): anyone "
					    "may register in their place");
	assert_string_equal(conf_json(c), full);
	conf_free(c);
}

/* The longest on-link prefix is the port to send by, whatever comes first. */
static void test_route_port(void **state)
{
	struct conf *c = parse(
		"{\"ports\":[{\"name\":\"a\",\"device\":\"net_null0\",\"addresses\":[\"2001:db8::1/"
		"32\"]},"
		"{\"name\":\"b\",\"device\":\"net_null1\",\"addresses\":[\"2001:db8:1::1/64\"]},"
		"{\"name\":\"c\",\"device\":\"net_null2\",\"addresses\":[\"2001:db8:1:9::1/48\"]}],"
		"\"routes\":[{\"prefix\":\"2001:db8:7::/48\",\"via\":\"2001:db8:1::2\"},"
		"{\"prefix\":\"::/0\",\"via\":\"2001:db8:2::2\"}]}");

	(void)state;
	assert_int_equal(c->routes[0].port, 1);
	assert_int_equal(c->routes[1].port, 0);
	assert_int_equal(c->warning_count, 0);
	conf_free(c);
}

/* A port that cannot carry a full minimum-sized packet in a tunnel is said, where there are
 * tunnels at all. */
static void test_small_mtu(void **state)
{
	static const struct {
		const char *port, *rest;
		uint32_t warnings;
	} rows[] = {
		{ "\"mtu\":1327",
			",\"domains\":[{\"name\":\"d\",\"mobile-prefixes\":[\"2001:db8:a::/"
			"48\"],\"home-agent-address\":\"2001:db8:a::1\"}]",
			2 },
		{ "\"mtu\":1328",
			",\"domains\":[{\"name\":\"d\",\"mobile-prefixes\":[\"2001:db8:a::/"
			"48\"],\"home-agent-address\":\"2001:db8:a::1\"}]",
			1 },
		{ "\"mtu\":1280", "", 0 },
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		struct conf *c;

		snprintf(text, sizeof(text),
			"{\"ports\":[{\"name\":\"a\",\"device\":\"net_null0\",%s}]%s}",
			rows[i].port, rows[i].rest);
		c = parse(text);
		assert_int_equal(c->warning_count, rows[i].warnings);
		if (rows[i].warnings == 2)
			assert_non_null(strstr(c->warnings[1], "ports[0] (a): mtu 1327:"));
		conf_free(c);
	}
}

/* The process's own time: what else the machine does is no fault of the parser. */
static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#define MANY 100000

#if defined(__SANITIZE_ADDRESS__)
#define MANY_TAKE_S 10
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MANY_TAKE_S 10
#endif
#endif
#ifndef MANY_TAKE_S
#define MANY_TAKE_S 1
#endif

/* Written in an order that is not the sorted one: 7 is coprime to MANY. */
static void write_many(FILE *f)
{
	fprintf(f, "{\"ports\":[{\"name\":\"wan\",\"device\":\"net_null0\"}],\"domains\":[{"
		   "\"name\":\"msp1\",\"home-agent-address\":\"2001:db8:a:ffff::1\","
		   "\"mobile-prefixes\":[\"2001:db8:a::/48\"],\"mobile-nodes\":[\n");
	for (unsigned i = 0; i < MANY; i++)
		fprintf(f,
			"{ \"home-address\": \"2001:db8:a::1:%x:%x\", \"auth\": { \"type\": "
			"\"none\" } }%s",
			i * 7 % MANY >> 16, i * 7 % MANY & 0xffff, i < MANY - 1 ? ",\n" : "\n");
	fprintf(f, "]}]}\n");
}

static void test_many_mobile_nodes(void **state)
{
	struct ip6_addr hoa = addr("2001:db8:a::1:0:0");
	char err[256], *text = NULL;
	struct conf *c = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	double start, took;

	(void)state;
	assert_non_null(f);
	write_many(f);
	fclose(f);
	start = cpu_s();
	if (conf_parse("t.json", text, len, &c, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	took = cpu_s() - start;
	print_message("%u mobile nodes, %zu octets: %.3f s\n", MANY, len, took);
	assert_true(took < MANY_TAKE_S);
	free(text);
	assert_int_equal(c->domains[0].mobile_node_count, MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		hoa.b[13] = (uint8_t)(i >> 16);
		hoa.b[14] = (uint8_t)(i >> 8);
		hoa.b[15] = (uint8_t)i;
		assert_true(ip6_eq(&c->domains[0].mobile_nodes[i].home_address, &hoa));
	}
	conf_free(c);
}

/* What a mobile prefix lasts: as written, for ever where nothing is, and never preferred for longer
 * than it is valid. */
static void test_lifetimes(void **state)
{
	static const char *const text =
		"{\"ports\":[{\"name\":\"a\",\"device\":\"net_null0\"}],\"domains\":[{"
		"\"name\":\"d\",\"home-agent-address\":\"2001:db8:a::1\",\"mobile-prefixes\":["
		"\"2001:db8:a::/48\",\"2001:db8:b::/64\",\"2001:db8:c::/48\"],"
		"\"prefix-lifetimes\":[{\"prefix\":\"2001:db8:c::/48\",\"valid-s\":60},"
		"{\"prefix\":\"2001:db8:a::/48\",\"valid-s\":9000,\"preferred-s\":8000}]}]}";
	static const struct conf_lifetimes want[] = {
		{ 9000, 8000 },
		{ CONF_LIFETIME_INFINITE, CONF_LIFETIME_INFINITE },
		{ 60, 60 },
	};
	struct ip6_addr in = addr("2001:db8:b::ffff"), out = addr("2001:db8:b:1::");
	struct conf *c = parse(text);

	(void)state;
	for (uint32_t i = 0; i < DIM(want); i++) {
		struct conf_lifetimes l = conf_lifetimes_of(&c->domains[0], i);

		assert_int_equal(l.valid_s, want[i].valid_s);
		assert_int_equal(l.preferred_s, want[i].preferred_s);
	}
	assert_int_equal(conf_mobile_prefix_of(&c->domains[0], &in), 1);
	assert_int_equal(conf_mobile_prefix_of(&c->domains[0], &out), -1);
	conf_free(c);
}

static void test_find_in_none(void **state)
{
	struct conf *c = parse(minimal);

	(void)state;
	assert_int_equal(c->domains[0].mobile_node_count, 0);
	conf_free(c);
	conf_free(NULL);
}

static void check_load(const char *path, int wanted, const char *why)
{
	struct conf *c = NULL;
	char err[256] = "", line[256];

	snprintf(line, sizeof(line), "%s: %s", path, why);
	assert_int_equal(conf_load(path, &c, err, sizeof(err)), wanted);
	assert_string_equal(err, line);
}

/* A file of `size` octets, all zero but its text; a hole takes no room. */
static void write_file(const char *path, const char *text, off_t size)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	if (size > 0)
		assert_int_equal(truncate(path, size), 0);
}

static void test_load(void **state)
{
	char dir[] = "/tmp/hamd-load-XXXXXX", path[64], err[256];
	struct conf *c = NULL;

	(void)state;
	assert_non_null(mkdtemp(dir));
	check_load(dir, -EISDIR, "Is a directory");
	snprintf(path, sizeof(path), "%s/hamd.json", dir);
	check_load(path, -ENOENT, "No such file or directory");

	write_file(path, minimal, 0);
	if (conf_load(path, &c, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	assert_string_equal(c->path, path);
	check_printed(c, minimal_printed);
	conf_free(c);

	write_file(path, "{}", (64 << 20) + 1);
	check_load(path, -EFBIG, "larger than 64 MiB");
	unlink(path);
	rmdir(dir);
}

/* --- pipes --- */

static void check_again(const char *path, const char *why)
{
	struct conf *c = NULL;
	char err[256] = "", line[256];

	snprintf(line, sizeof(line), "%s: %s", path, why);
	assert_int_equal(conf_load_again(path, &c, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, line);
}

/* Nobody waits for who writes into it, nor takes what is no file. */
static void test_nobody_writes(void **state)
{
	char dir[] = "/tmp/hamd-load-XXXXXX", path[64];
	struct conf *c = NULL;
	char err[256];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/hamd.json", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	check_load(path, -EINVAL, "is a pipe that nobody writes into");
	check_again(path, "is a pipe: it cannot be read again");
	unlink(path);
	check_load("/dev/null", -EINVAL, "is neither a regular file nor a pipe");
	check_again("/dev/null", "is neither a regular file nor a pipe");
	write_file(path, minimal, 0);
	assert_int_equal(conf_load_again(path, &c, err, sizeof(err)), 0);
	conf_free(c);
	unlink(path);
	rmdir(dir);
}

/* The end that a thread writes to, half of it after a while. */
static void *write_slowly(void *arg)
{
	int fd = *(const int *)arg;
	size_t half = strlen(minimal) / 2, n = 0;

	for (unsigned i = 0; i < 2; i++) {
		size_t len = i == 0 ? half : strlen(minimal) - half;

		if (i > 0)
			usleep(20000);
		n += write(fd, minimal + i * half, len) == (ssize_t)len;
	}
	close(fd);
	return n == 2 ? arg : NULL;
}

/* What somebody writes into it is waited for, to its end. */
static void test_pipe(void **state)
{
	struct conf *c = NULL;
	char path[32], err[256] = "";
	void *written;
	pthread_t writer;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd[0]);
	check_again(path, "is a pipe: it cannot be read again");
	assert_int_equal(pthread_create(&writer, NULL, write_slowly, &fd[1]), 0);
	if (conf_load(path, &c, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	assert_int_equal(pthread_join(writer, &written), 0);
	assert_non_null(written);
	check_printed(c, minimal_printed);
	conf_free(c);
	close(fd[0]);
}

/* The writer of a pipe with a name comes a moment later, or somebody was there and wrote nothing. */
static void *write_late(void *arg)
{
	int fd;

	usleep(50000);
	fd = open(arg, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	return write_slowly(&fd) != NULL ? arg : NULL;
}

static void *write_nothing(void *arg)
{
	int fd = open(arg, O_WRONLY | O_CLOEXEC);

	close(fd);
	return fd >= 0 ? arg : NULL;
}

static void test_late_writer(void **state)
{
	char dir[] = "/tmp/hamd-load-XXXXXX", path[64], err[256] = "";
	struct conf *c = NULL;
	void *written;
	pthread_t writer;
	int reader;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/hamd.json", dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(
		path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* so that no writer waits for ever */
	assert_true(reader >= 0);
	assert_int_equal(pthread_create(&writer, NULL, write_late, path), 0);
	if (conf_load(path, &c, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	assert_int_equal(pthread_join(writer, &written), 0);
	assert_non_null(written);
	check_printed(c, minimal_printed);
	conf_free(c);

	assert_int_equal(pthread_create(&writer, NULL, write_nothing, path), 0);
	check_load(path, -EINVAL, "is a pipe that nobody writes into");
	assert_int_equal(pthread_join(writer, &written), 0);
	assert_non_null(written);
	close(reader);
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_route_port),
		cmocka_unit_test(test_small_mtu),
		cmocka_unit_test(test_many_mobile_nodes),
		cmocka_unit_test(test_lifetimes),
		cmocka_unit_test(test_find_in_none),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_nobody_writes),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_late_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
