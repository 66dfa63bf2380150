/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers to hamctl over real records and tables. Stand-ins below for the data plane's figures,
 * neighbours and the deletion of a binding.
 */
#include "test.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <rte_ring.h>
#include <time.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/channel.h"
#include "control/mesh/mesh_priv.h"
#include "control/metric.h"
#include "control/mip6/switch.h"
#include "control/pmtu.h"
#include "control/show_priv.h"
#include "control/still.h"
#include "net/mh.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/subs.h"
#include "tables/addrs.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define NOW_MS   5000000
#define MAX      6000
#define RING     4
#define OUT_MAX  (4 * CTL_SLICE_BYTES)
#define TURN_MAX 64 /* items a turn may write */

/* --- stand-ins --- */

static int delete_returns;
static char *config;

uint64_t mip6_memory(const struct ctl *ctl)
{
	(void)ctl;
	return 0;
}

int mip6_delete(struct ctl *ctl, const struct ip6_addr *hoa)
{
	(void)ctl;
	(void)hoa;
	return delete_returns;
}

/* The first domain's: mobile nodes of node 2 are told. */
bool switch_info(const struct ctl *ctl, uint16_t domain, struct switch_info *out)
{
	(void)ctl;
	*out = (struct switch_info){ .waiting = 3, .all_told = true };
	return domain == 0;
}

bool switch_is_from(const struct ctl *ctl, uint16_t domain, uint8_t node)
{
	(void)ctl;
	return domain == 0 && node == 2;
}

int channel_info(const struct ctl *ctl, uint8_t node, struct session_info *out)
{
	(void)ctl;
	(void)node;
	*out = (struct session_info){ .established = true };
	return 0;
}

struct channel_count channel_count(const struct ctl *ctl, uint8_t node)
{
	(void)ctl;
	return (struct channel_count){ .rx_bytes = 1000 + node, .tx_bytes = 2000 + node };
}

static struct persist_status store; /* path "" in the configuration: there is none */

bool persist_status(const struct ctl *ctl, struct persist_status *out)
{
	*out = store;
	return ctl->conf->store.path != NULL;
}

uint32_t mip6_held(const struct ctl *ctl)
{
	(void)ctl;
	return 17;
}

bool nd_next(const struct ctl *ctl, uint32_t *cursor, struct nd_info *out)
{
	(void)ctl;
	*out = (struct nd_info){ .port = 0,
		.addr = addr("fe80::1"),
		.mac = { 2, 0, 0, 0, 0, 0xfe },
		.has_mac = *cursor == 0,
		.state = *cursor == 0 ? "reachable" : "incomplete",
		.age_ms = 77,
		.queued = *cursor };
	return (*cursor)++ < 2;
}

static struct alarm alarms[ALARM_COUNT];

const struct alarm *alarm_at(const struct ctl *ctl, enum alarm_id id)
{
	(void)ctl;
	return &alarms[id];
}

bool acct_status(const struct ctl *ctl, struct acct_status *out)
{
	(void)ctl;
	*out = (struct acct_status){ .sessions = 21, .host = { .lines = 22 } };
	return true;
}

uint32_t nd_gateways_unresolved(const struct ctl *ctl, struct ip6_addr *one)
{
	(void)ctl;
	(void)one;
	return 1;
}

void dp_punt_info(const struct dp *dp, enum dp_punt_class c, uint32_t *used, uint32_t *size)
{
	(void)dp;
	*used = c;
	*size = 512;
}

uint32_t dp_port_count(const struct dp *dp)
{
	(void)dp;
	return 2;
}

void dp_port_info(const struct dp *dp, uint16_t port, struct dp_port_info *out)
{
	(void)dp;
	*out = (struct dp_port_info){ .name = "wan",
		.mac = { 2, 0, 0, 0, 0, (uint8_t)port },
		.mtu = 1500,
		.link_up = port == 0,
		.rx_packets = UINT64_MAX };
}

uint32_t dp_lcore_count(const struct dp *dp)
{
	(void)dp;
	return 3;
}

void dp_lcore_info(const struct dp *dp, uint32_t i, struct dp_lcore_info *out)
{
	(void)dp;
	*out = (struct dp_lcore_info){ .lcore = 10 + i,
		.control = i < 2,
		.worker = i == 0 ? -1 : (int)i - 1,
		.busy_cycles = 100 * i,
		.idle_cycles = 300 * i,
		.datagrams_held = 5 * i,
		.fragments_held = 7 * i };
}

uint32_t dp_stage_count(void)
{
	return 2;
}

void dp_stage_info(
	const struct dp *dp, uint32_t lcore_index, uint32_t stage, struct dp_stage_info *out)
{
	(void)dp;
	*out = (struct dp_stage_info){ .name = stage == 0 ? "classify" : "decap",
		.calls = 5,
		.packets = 8 * lcore_index,
		.cycles = 20 * lcore_index };
}

void dp_counters_sum(const struct dp *dp, struct dp_counters *out)
{
	(void)dp;
	memset(out, 0, sizeof(*out));
	out->c[DP_COUNTER_RX_PACKETS] = 11;
	out->drop[DP_DROP_NO_ROUTE] = 12;
}

void dp_relay_counts(const struct dp *dp, uint16_t domain, struct dp_relay_counts *out)
{
	(void)dp;
	*out = (struct dp_relay_counts){ domain, 7000, 5, 500, 3 };
}

uint64_t dp_domain_dropped(const struct dp *dp, uint16_t domain)
{
	(void)dp;
	return 70U + domain;
}

void dp_pool_info(const struct dp *dp, uint32_t *available, uint32_t *total)
{
	(void)dp;
	*available = 900;
	*total = 1000;
}

static int watch_on_returns;
static uint16_t watch_port;
static unsigned watches_off;
static bool watch_is_off; /* no worker sees it any more */

int dp_watch_on(struct dp *dp, struct watch *w, uint16_t port)
{
	(void)dp;
	(void)w;
	watch_port = port;
	return watch_on_returns;
}

void dp_watch_off(struct dp *dp, struct watch *w)
{
	(void)dp;
	(void)w;
	watches_off++;
}

bool dp_watch_is_off(struct dp *dp, struct watch *w)
{
	(void)dp;
	(void)w;
	return watch_is_off;
}

/* --- a control core --- */

static struct {
	struct ctl ctl;
	struct conf conf;
	struct conf_domain domains[2];
	struct conf_port ports[1];
	struct tables *tables;
} t;

static void set_name(char name[static CONF_NAME_MAX], const char *to)
{
	snprintf(name, CONF_NAME_MAX, "%s", to);
}

static struct rte_ring *ring_new(void)
{
	struct rte_ring *r = aligned_alloc(64, ((size_t)rte_ring_get_memsize(RING) + 63) & ~63ul);

	assert_int_equal(rte_ring_init(r, "ring", RING, RING_F_SP_ENQ | RING_F_SC_DEQ), 0);
	return r;
}

static int setup(void **state)
{
	const struct tables_opts opts = { .readers = 1,
		.max_bindings = MAX,
		.max_neighbors = 8,
		.max_routes = 16,
		.max_addrs = 8 };

	(void)state;
	memset(&t, 0, sizeof(t));
	set_name(t.domains[0].name, "msp1");
	set_name(t.domains[1].name, "msp2");
	set_name(t.ports[0].name, "wan");
	set_name(t.conf.node.name, "paris");
	t.conf.domains = t.domains;
	t.conf.domain_count = 2;
	t.conf.ports = t.ports;
	t.conf.port_count = 1;
	t.conf.runtime.max_bindings = MAX;
	assert_int_equal(tables_new(&opts, &t.tables), 0);
	t.ctl = (struct ctl){ .conf = &t.conf,
		.t = t.tables,
		.now_ms = NOW_MS,
		.submitted = ring_new(),
		.answered = ring_new() };
	t.ctl.mip6 = (struct mip6 *)&t; /* only looked at for NULL */
	t.ctl.counters[CTL_BU_RECEIVED] = 13;
	assert_int_equal(
		records_new(&(struct records_opts){ .max = MAX, .now_ms = NOW_MS }, &t.ctl.records),
		0);
	assert_int_equal(pmtu_new(MAX, 1, &t.ctl.pmtu), 0);
	return 0;
}

/* --- a mesh with one other site, known by what its parts say --- */

static void ignore_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	(void)ctx;
	(void)node;
	(void)buf;
	(void)len;
}

static bool ignore_covers(void *ctx, uint16_t domain, const struct ip6_addr *hoa)
{
	(void)ctx;
	(void)domain;
	(void)hoa;
	return true;
}

static bool ignore_changed(void *ctx, struct record *r, enum engine_why why)
{
	(void)ctx;
	(void)r;
	(void)why;
	return true;
}

static void ignore_next(
	void *ctx, uint16_t domain, const struct next_view *view, const struct next_table *next)
{
	(void)ctx;
	(void)domain;
	(void)view;
	(void)next;
}

static void ignore_committed(void *ctx, uint64_t token, enum engine_commit how)
{
	(void)ctx;
	(void)token;
	(void)how;
}

static void keep_state(void *ctx, uint16_t domain, enum next_says says)
{
	struct mesh *m = ctx;

	m->domain[domain].says = says;
}

static void ignore_event(void *ctx, enum engine_event e, uint16_t domain, uint8_t node, uint64_t n)
{
	(void)ctx;
	(void)e;
	(void)domain;
	(void)node;
	(void)n;
}

static void with_mesh(void)
{
	static struct conf_mesh_peer peer = { .id = 2, .name = "tokyo" };
	static const struct engine_member member = { .node = 2 };
	static const uint8_t secret[32];
	static struct conf_domain_peer at_msp1 = { .name = "tokyo" };
	struct mesh *m = calloc(1, sizeof(*m));
	struct seen_opts seen = { .max = 16, .addresses = 4, .markers = ENGINE_MARKERS(1) };
	struct engine_domain domains[2] = {
		{ .number = 0, .id = next_domain("msp1"), .members = &member, .member_count = 1 },
		{ .number = 1, .id = next_domain("msp2") },
	};
	struct engine_opts opts = { .self = 1,
		.boot = 1,
		.secret = secret,
		.domains = domains,
		.domain_count = 2,
		.dead_ms = 300,
		.rate_max = 1000000,
		.records_s = 1000,
		.max_waits = 4,
		.now_ms = NOW_MS,
		.wall_ms = NOW_MS,
		.ops = { m, ignore_send, ignore_covers, ignore_changed, ignore_next,
			ignore_committed, keep_state, ignore_event } };

	records_free(t.ctl.records);
	assert_int_equal(
		records_new(&(struct records_opts){ .max = MAX, .now_ms = NOW_MS, .mesh = true },
			&t.ctl.records),
		0);
	assert_int_equal(seen_new(&seen, &m->seen), 0);
	opts.records = t.ctl.records;
	opts.seen = m->seen;
	assert_int_equal(engine_new(&opts, &m->engine), 0);
	m->site[2] = (struct mesh_site){ .conf = &peer,
		.is_member = { true },
		.hello = { .has_rtt = true, .rtt_ms = 12, .offset_ms = -4 } };
	t.domains[0].peers = &at_msp1;
	t.domains[0].peer_count = 1;
	t.conf.node.id = 1;
	t.ctl.mesh = m;
	engine_turn(m->engine, NOW_MS, NOW_MS, 10);
}

static void without_mesh(void)
{
	struct mesh *m = t.ctl.mesh;

	engine_free(m->engine);
	seen_free(m->seen);
	free(m);
	t.ctl.mesh = NULL;
}

static int teardown(void **state)
{
	(void)state;
	if (t.ctl.mesh != NULL)
		without_mesh();
	pmtu_free(t.ctl.pmtu);
	records_free(t.ctl.records);
	tables_free(t.tables);
	free(t.ctl.submitted);
	free(t.ctl.answered);
	free(config);
	config = NULL;
	return 0;
}

static struct ip6_addr numbered(const char *base, uint32_t i)
{
	struct ip6_addr a = addr(base);

	a.b[13] = (uint8_t)(i >> 16);
	a.b[14] = (uint8_t)(i >> 8);
	a.b[15] = (uint8_t)i;
	return a;
}

static struct record *bind_node(uint16_t domain, const struct ip6_addr *hoa, const char *coa_text)
{
	struct record *r = records_add(t.ctl.records, domain, hoa);
	struct ip6_addr coa = addr(coa_text);

	assert_non_null(r);
	r->ha = addr("2001:db8:a::ffff");
	r->since_ms = NOW_MS - 61000;
	r->lifetime_s = 420;
	r->seq = 65535;
	r->flags = MH_BU_A | MH_BU_H | MH_BU_K;
	records_set(t.ctl.records, r, RECORD_LIVE, &coa, NOW_MS + 120999);
	return r;
}

static void publish_it(const struct record *r)
{
	const struct bc_binding b = { .hoa = r->hoa, .coa = r->coa, .ha = r->ha };

	assert_int_equal(bc_publish(t.tables->bc, &b), 0);
}

/* --- asking --- */

static struct ctl_req request(enum ctl_cmd cmd)
{
	struct ctl_req req = { .cmd = cmd };

	jw_init(&req.out, OUT_MAX);
	return req;
}

static unsigned lines_of(const struct jw *w, size_t from)
{
	unsigned n = 0;

	for (size_t i = from; i < w->len; i++)
		n += w->buf[i] == '\n';
	return n;
}

/* One slice, turn by turn; returns its turns. */
static unsigned run_slice(struct ctl_req *req)
{
	unsigned turns = 0;
	void *back = NULL;

	jw_reset(&req->out);
	assert_int_equal(rte_ring_enqueue(t.ctl.submitted, req), 0);
	while (rte_ring_dequeue(t.ctl.answered, &back) < 0) {
		size_t before = req->out.len;

		assert_true(show_run(&t.ctl));
		if (req->cmd == CTL_SHOW_BINDINGS)
			assert_true(lines_of(&req->out, before) <= TURN_MAX);
		assert_true(++turns < 100000);
	}
	assert_ptr_equal(back, req);
	assert_null(t.ctl.current);
	assert_false(req->out.failed);
	assert_true(req->out.len < CTL_SLICE_BYTES + 2048 || req->cmd == CTL_SHOW_CONFIG);
	return turns;
}

/* The whole answer as an array; the request's memory is released. */
static cJSON *ask(struct ctl_req *req)
{
	cJSON *all = cJSON_CreateArray();
	char *line, *save = NULL;

	do {
		run_slice(req);
		jw_raw(&req->out, "", 1); /* a string */
		for (line = strtok_r(req->out.buf, "\n", &save); line != NULL;
			line = strtok_r(NULL, "\n", &save)) {
			cJSON *json = cJSON_Parse(line);

			if (json == NULL)
				fail_msg("not JSON: %s", line);
			cJSON_AddItemToArray(all, json);
		}
	} while (!req->done);
	jw_done(&req->out);
	assert_false(show_run(&t.ctl)); /* idle again */
	return all;
}

static const char *text(const cJSON *list, int i, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(list, i), key);

	if (!cJSON_IsString(v))
		fail_msg("item %d: no string %s", i, key);
	return v->valuestring;
}

static double number(const cJSON *list, int i, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(list, i), key);

	if (!cJSON_IsNumber(v))
		fail_msg("item %d: no number %s", i, key);
	return v->valuedouble;
}

static int count_of(struct ctl_req *req)
{
	cJSON *list = ask(req);
	int n = cJSON_GetArraySize(list);

	cJSON_Delete(list);
	assert_int_equal(req->status, 0);
	return n;
}

static void assert_fails(struct ctl_req *req, int status, const char *error)
{
	cJSON *list = ask(req);

	assert_int_equal(cJSON_GetArraySize(list), 0);
	cJSON_Delete(list);
	assert_int_equal(req->status, status);
	assert_string_equal(req->error, error);
}

/* --- bindings --- */

/* Whose it is, and which of two copies is the newer one. */
static void test_binding_in_mesh(void **state)
{
	struct ip6_addr hoa = addr("2001:db8:a::7");
	struct ctl_req req = request(CTL_SHOW_BINDING);
	struct record_mesh *m;
	struct record *r;
	cJSON *list;

	(void)state;
	with_mesh();
	r = bind_node(0, &hoa, "2001:db8:c::1");
	m = records_mesh(t.ctl.records, r);
	m->content =
		(struct content_version){ .epoch = 1, .ext_seq = 65543, .hlc = 0xab, .node = 2 };
	m->owner = (struct owner_version){ .epoch = 1, .ext_seq = 65543, .term = 3, .node = 2 };
	m->flags = RECORD_ALONE;
	req.key = hoa;
	list = ask(&req);
	assert_string_equal(text(list, 0, "owner"), "tokyo");
	assert_string_equal(text(list, 0, "version"), "1.65543.ab@2");
	assert_string_equal(text(list, 0, "owner-version"), "1.65543.3@2");
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "alone")));
	cJSON_Delete(list);
	for (unsigned i = 0; i < 3; i++) {
		req = request(CTL_SHOW_BINDINGS);
		set_name(req.site, i == 0 ? "tokyo" : i == 1 ? "paris" : "oslo");
		if (i == 2)
			assert_fails(&req, -ENOENT, "no such site: oslo");
		else
			assert_int_equal(count_of(&req), i == 0);
	}
}

static void test_binding(void **state)
{
	struct ip6_addr hoa = addr("2001:db8:b::7");
	struct ctl_req req = request(CTL_SHOW_BINDING);
	struct record *r = bind_node(1, &hoa, "2001:db8:c::1");
	char since[] = "2026-01-01T00:00:00Z";
	cJSON *list;

	(void)state;
	publish_it(r);
	bc_count_to(bc_find(t.tables->bc, &hoa), 3, 300);
	bc_count_from(bc_find(t.tables->bc, &hoa), 4, 400);
	req.key = hoa;
	list = ask(&req);
	assert_int_equal(req.status, 0);
	assert_int_equal(cJSON_GetArraySize(list), 1);
	assert_string_equal(text(list, 0, "home-address"), "2001:db8:b::7");
	assert_string_equal(text(list, 0, "care-of-address"), "2001:db8:c::1");
	assert_string_equal(text(list, 0, "home-agent-address"), "2001:db8:a::ffff");
	assert_string_equal(text(list, 0, "domain"), "msp2");
	assert_string_equal(text(list, 0, "state"), "live");
	assert_string_equal(text(list, 0, "flags"), "AHK");
	assert_int_equal(strlen(text(list, 0, "since")), strlen(since));
	assert_int_equal(number(list, 0, "sequence"), 65535);
	assert_int_equal(number(list, 0, "lifetime-s"), 420);
	assert_int_equal(number(list, 0, "remaining-s"), 120);
	assert_int_equal(number(list, 0, "packets-to"), 3);
	assert_int_equal(number(list, 0, "bytes-to"), 300);
	assert_int_equal(number(list, 0, "packets-from"), 4);
	assert_int_equal(number(list, 0, "bytes-from"), 400);
	assert_null(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "tunnel-mtu"));
	cJSON_Delete(list);

	/* when the path takes less than the link */
	bc_set_mtu(bc_find(t.tables->bc, &hoa), 1400);
	req = request(CTL_SHOW_BINDING);
	req.key = hoa;
	list = ask(&req);
	assert_int_equal(number(list, 0, "tunnel-mtu"), 1360);
	cJSON_Delete(list);

	req = request(CTL_SHOW_BINDING);
	req.key = addr("2001:db8:b::8");
	assert_fails(&req, -ENOENT, "no such binding: 2001:db8:b::8");
	records_set(t.ctl.records, r, RECORD_TOMBSTONE, &r->coa, NOW_MS + 5000);
	req = request(CTL_SHOW_BINDING);
	req.key = hoa;
	assert_fails(&req, -ENOENT, "no such binding: 2001:db8:b::7");
}

static const struct {
	const char *name, *prefix, *coa, *domain;
	bool all;
	int n;
} filters[] = {
	{ "none", NULL, NULL, "", false, 3 },
	{ "all", NULL, NULL, "", true, 4 },
	{ "prefix", "2001:db8:a::/64", NULL, "", false, 2 },
	{ "prefix, all", "2001:db8:a::/64", NULL, "", true, 3 },
	{ "home address", "2001:db8:a::2/128", NULL, "", false, 1 },
	{ "coa", NULL, "2001:db8:c::/64", "", false, 2 },
	{ "domain", NULL, NULL, "msp2", false, 1 },
	{ "prefix and coa", "2001:db8:a::/64", "2001:db8:c::/64", "", false, 1 },
	{ "domain against prefix", "2001:db8:a::/64", NULL, "msp2", false, 0 },
};

static void test_filters(void **state)
{
	struct ip6_addr hoa[] = { addr("2001:db8:a::1"), addr("2001:db8:a::2"),
		addr("2001:db8:a::3"), addr("2001:db8:b::1") };
	struct record *gone;

	(void)state;
	bind_node(0, &hoa[0], "2001:db8:c::1");
	bind_node(0, &hoa[1], "2001:db8:d::1");
	gone = bind_node(0, &hoa[2], "2001:db8:c::2");
	records_set(t.ctl.records, gone, RECORD_TOMBSTONE, &gone->coa, NOW_MS + 5000);
	bind_node(1, &hoa[3], "2001:db8:c::3");
	for (size_t i = 0; i < DIM(filters); i++) {
		struct ctl_req req = request(CTL_SHOW_BINDINGS);

		req.all = filters[i].all;
		set_name(req.domain, filters[i].domain);
		req.has_prefix = filters[i].prefix != NULL;
		if (req.has_prefix)
			req.prefix = prefix(filters[i].prefix);
		req.has_coa = filters[i].coa != NULL;
		if (req.has_coa)
			req.coa = prefix(filters[i].coa);
		int n = count_of(&req);

		if (n != filters[i].n)
			fail_msg("%s: %d bindings", filters[i].name, n);
	}
	struct ctl_req req = request(CTL_SHOW_BINDINGS);

	set_name(req.domain, "nix");
	assert_fails(&req, -ENOENT, "no such domain: nix");
}

/* One line, whatever the filters leave; what was de-registered is not in it. */
static void test_summary(void **state)
{
	struct ctl_req req = request(CTL_SHOW_SUMMARY);
	struct record *gone = NULL;
	cJSON *list;

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		struct ip6_addr hoa = numbered("2001:db8:a::", i);
		struct record *r = bind_node(0, &hoa, i < 10 ? "2001:db8:c::1" : "2001:db8:d::1");

		publish_it(r);
		if (i % 2 == 0)
			bc_count_to(bc_find(t.tables->bc, &hoa), 3, 300);
		if (i % 4 == 0)
			bc_count_from(bc_find(t.tables->bc, &hoa), 5, 500);
		gone = r;
	}
	records_set(t.ctl.records, gone, RECORD_TOMBSTONE, &gone->coa, NOW_MS + 5000);
	list = ask(&req);
	assert_int_equal(req.status, 0);
	assert_int_equal(cJSON_GetArraySize(list), 1);
	assert_int_equal(number(list, 0, "bindings"), 1999);
	assert_int_equal(number(list, 0, "used-to"), 1000);
	assert_int_equal(number(list, 0, "used-from"), 500);
	assert_int_equal(number(list, 0, "packets-to"), 3000);
	assert_int_equal(number(list, 0, "bytes-to"), 300000);
	assert_int_equal(number(list, 0, "packets-from"), 2500);
	assert_int_equal(number(list, 0, "bytes-from"), 250000);
	cJSON_Delete(list);

	req = request(CTL_SHOW_SUMMARY);
	req.has_coa = true;
	req.coa = prefix("2001:db8:c::/64");
	list = ask(&req);
	assert_int_equal(number(list, 0, "bindings"), 10);
	assert_int_equal(number(list, 0, "used-to"), 5);
	cJSON_Delete(list);

	req = request(CTL_SHOW_SUMMARY);
	set_name(req.domain, "nix");
	assert_fails(&req, -ENOENT, "no such domain: nix");
}

/* Thousands: slices and turns stay small, every one is there once, though others come and go. */
static void test_many(void **state)
{
	static uint8_t seen[MAX];
	struct ctl_req req = request(CTL_SHOW_BINDINGS);
	struct record *churn = NULL;
	struct ip6_addr other = addr("2001:db8:b::1");
	unsigned slices = 0;

	(void)state;
	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < 5000; i++) {
		struct ip6_addr hoa = numbered("2001:db8:a::", i);

		bind_node(0, &hoa, "2001:db8:c::1");
	}
	do {
		run_slice(&req);
		jw_raw(&req.out, "", 1); /* a string */
		req.out.len--;
		for (const char *p = req.out.buf; p < req.out.buf + req.out.len;
			p = strchr(p, '\n') + 1) {
			struct ip6_addr hoa;
			char a[IP6_STRLEN];

			assert_int_equal(sscanf(p, "{\"home-address\":\"%45[0-9a-f:]", a), 1);
			assert_int_equal(ip6_parse(a, &hoa), 0);
			if (hoa.b[5] == 0xa)
				seen[hoa.b[14] << 8 | hoa.b[15]]++;
		}
		if (churn != NULL)
			records_del(t.ctl.records, churn);
		other.b[15]++;
		churn = bind_node(1, &other, "2001:db8:c::2");
		slices++;
	} while (!req.done);
	jw_done(&req.out);
	assert_true(slices > 20 && slices < 60);
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(seen[i], 1);

	/* Nothing matches: it takes a few turns, none of them looks at all 5000. */
	req = request(CTL_SHOW_BINDINGS);
	req.has_prefix = true;
	req.prefix = prefix("2001:db8:f::/64");
	unsigned turns = run_slice(&req);

	assert_true(req.done && req.out.len == 0);
	assert_true(turns >= 5 && turns < 10);
	jw_done(&req.out);
}

static void test_delete(void **state)
{
	struct ctl_req req = request(CTL_BINDING_DELETE);
	cJSON *list;

	(void)state;
	req.key = addr("2001:db8:a::1");
	delete_returns = 0;
	list = ask(&req);
	assert_int_equal(req.status, 0);
	assert_string_equal(text(list, 0, "deleted"), "2001:db8:a::1");
	cJSON_Delete(list);
	req = request(CTL_BINDING_DELETE);
	delete_returns = -ENOENT;
	assert_fails(&req, -ENOENT, "no such binding: ::");
	req = request(CTL_BINDING_DELETE);
	delete_returns = -ENOSPC;
	assert_fails(&req, -ENOSPC,
		"nothing can be deleted at this moment: No space left on device; try again");
}

/* A node that only routes. */
static void test_no_domains(void **state)
{
	struct records *kept = t.ctl.records;
	struct ctl_req req = request(CTL_SHOW_BINDINGS);

	(void)state;
	delete_returns = 0;
	t.ctl.records = NULL;
	t.ctl.mip6 = NULL;
	t.conf.domain_count = 0;
	assert_int_equal(count_of(&req), 0);
	req = request(CTL_SHOW_BINDING);
	assert_fails(&req, -ENOENT, "no such binding: ::");
	req = request(CTL_BINDING_DELETE);
	assert_fails(&req, -ENOENT, "no such binding: ::");
	req = request(CTL_SHOW_VERSION);
	assert_int_equal(count_of(&req), 1);
	t.ctl.records = kept;
}

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

/* Nobody takes the answers: the next one waits, and nothing is lost. */
static void test_answers_pile_up(void **state)
{
	struct ctl_req req[RING];
	void *back;

	(void)state;
	for (unsigned i = 0; i < RING; i++)
		req[i] = request(CTL_SHOW_VERSION);
	for (unsigned i = 0; i < RING; i++) {
		assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &req[i]), 0);
		show_run(&t.ctl);
		show_run(&t.ctl);
	}
	assert_ptr_equal(t.ctl.current, &req[RING - 1]); /* a ring holds one less than its size */
	for (unsigned i = 0; i < RING; i++) {
		assert_int_equal(rte_ring_dequeue(t.ctl.answered, &back), 0);
		assert_ptr_equal(back, &req[i]);
		show_run(&t.ctl);
		assert_int_equal(lines_of(&req[i].out, 0), 1);
		jw_done(&req[i].out);
	}
}

static struct ctl_req watch_request(enum ctl_cmd cmd, const char *port)
{
	struct watch_opts opts = { .kind = cmd == CTL_TRACE ? WATCH_TRACE : WATCH_CAPTURE };
	struct ctl_req req = request(cmd);

	assert_int_equal(watch_new(&opts, &req.watch), 0);
	snprintf(req.port, sizeof(req.port), "%s", port);
	return req;
}

static void *next_answer(void)
{
	void *back = NULL;

	show_run(&t.ctl);
	watch_run(&t.ctl);
	(void)rte_ring_dequeue(t.ctl.answered, &back);
	return back;
}

/* A trace is kept until it is to end and no worker sees it; others are answered meanwhile. */
static void test_watch(void **state)
{
	struct ctl_req trace = watch_request(CTL_TRACE, "wan"),
		       capture = watch_request(CTL_CAPTURE, ""), other = request(CTL_SHOW_VERSION);

	(void)state;
	watches_off = 0;
	watch_is_off = false;
	watch_on_returns = 0;
	assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &trace), 0);
	assert_null(next_answer());
	assert_int_equal(watch_port, 0);
	assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &capture), 0);
	assert_null(next_answer());
	assert_int_equal(watch_port, WATCH_NO_PORT);
	assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &other), 0);
	assert_ptr_equal(next_answer(), &other);
	assert_int_equal(watches_off, 0);
	watch_stop(trace.watch);
	for (unsigned i = 0; i < 3; i++)
		assert_null(next_answer());
	assert_int_equal(watches_off, 1);
	watch_is_off = true;
	assert_ptr_equal(next_answer(), &trace);
	assert_true(trace.done && trace.status == 0);
	assert_null(next_answer());
	watch_stop(capture.watch);
	assert_ptr_equal(next_answer(), &capture);
	assert_int_equal(watches_off, 2);
	watch_free(trace.watch);
	watch_free(capture.watch);
	jw_done(&other.out);
}

static void test_watch_refused(void **state)
{
	struct ctl_req req = watch_request(CTL_TRACE, "lan");

	(void)state;
	assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &req), 0);
	assert_ptr_equal(next_answer(), &req);
	assert_true(req.done);
	assert_int_equal(req.status, -ENOENT);
	assert_string_equal(req.error, "no such port: lan");
	req.port[0] = '\0';
	req.done = false;
	watch_on_returns = -EBUSY;
	assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &req), 0);
	assert_ptr_equal(next_answer(), &req);
	assert_int_equal(req.status, -EBUSY);
	assert_string_equal(req.error, "a trace is running already: one at a time");
	watch_on_returns = 0;
	watch_free(req.watch);
}

/* No memory for the answer: it ends, and says that it is not whole. */
static void test_no_memory(void **state)
{
	struct ctl_req req = { .cmd = CTL_SHOW_COUNTERS };
	void *back;

	(void)state;
	jw_init(&req.out, 100);
	assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &req), 0);
	assert_true(show_run(&t.ctl));
	assert_int_equal(rte_ring_dequeue(t.ctl.answered, &back), 0);
	assert_true(req.done && req.out.failed);
	jw_done(&req.out);
}

static uint64_t real_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* A moment has one second, whatever part of another one has passed since. */
static void test_time(void **state)
{
	struct jw w;

	(void)state;
	jw_init(&w, 4096);
	for (unsigned part = 100; part < 1000; part += 100) {
		uint64_t now, second;
		char want[64];
		time_t t0;

		do { /* until nothing came between the two clocks */
			now = real_ms();
			second = now / 1000 - 5;
			jw_reset(&w);
			jw_object(&w, NULL);
			show_time(&w, "at", now - (1000 * second + part));
			jw_end(&w, '}');
		} while (real_ms() - now > 50);
		t0 = (time_t)second;
		strftime(want, sizeof(want), "{\"at\":\"%Y-%m-%dT%H:%M:%SZ\"}", gmtime(&t0));
		assert_int_equal(w.len, strlen(want));
		assert_memory_equal(w.buf, want, w.len);
	}
	jw_done(&w);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time),
		TEST(test_binding),
		TEST(test_binding_in_mesh),
		TEST(test_filters),
		TEST(test_summary),
		TEST(test_many),
		TEST(test_delete),
		TEST(test_no_domains),
		TEST(test_data_plane),
		TEST(test_counters),
		TEST(test_alarms),
		TEST(test_metrics),
		TEST(test_wedged),
		TEST(test_routes),
		TEST(test_neighbors_and_addresses),
		TEST(test_store),
		TEST(test_version),
		TEST(test_config),
		TEST(test_config_reloaded),
		TEST(test_domains),
		TEST(test_no_reload),
		TEST(test_answers_pile_up),
		TEST(test_watch),
		TEST(test_watch_refused),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
