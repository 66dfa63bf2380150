/* SPDX-License-Identifier: BSD-3-Clause */
#include "show_lab.h"

/* --- stand-ins --- */

int delete_returns;
char *config;

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

void channel_heard(struct ctl *ctl, uint8_t node, uint64_t heard_ms)
{
	(void)ctl;
	(void)node;
	(void)heard_ms;
}

struct channel_count channel_count(const struct ctl *ctl, uint8_t node)
{
	(void)ctl;
	return (struct channel_count){ .rx_bytes = 1000 + node, .tx_bytes = 2000 + node };
}

struct persist_status store;

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

struct alarm alarms[ALARM_COUNT];

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
		.longest_cpu_us = 90,
		.longest_cpu_part = "engine",
		.busy_cycles = 100 * i,
		.idle_cycles = 300 * i,
		.datagrams_held = 5 * i,
		.fragments_held = 7 * i };
}

bool dp_turn_info(const struct dp *dp, unsigned part, struct dp_turn_info *out)
{
	(void)dp;
	*out = (struct dp_turn_info){ part == 0 ? "hello" : "engine", "what it is", 10 + part };
	return part < 2;
}

void dp_turn_part(struct dp *dp, enum turn_part part)
{
	(void)dp;
	(void)part;
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

int watch_on_returns;
uint16_t watch_port;
unsigned watches_off;
bool watch_is_off;

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

struct lab t;

void set_name(char name[static CONF_NAME_MAX], const char *to)
{
	snprintf(name, CONF_NAME_MAX, "%s", to);
}

static struct rte_ring *ring_new(void)
{
	struct rte_ring *r = aligned_alloc(64, ((size_t)rte_ring_get_memsize(RING) + 63) & ~63ul);

	assert_int_equal(rte_ring_init(r, "ring", RING, RING_F_SP_ENQ | RING_F_SC_DEQ), 0);
	return r;
}

int setup(void **state)
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

void with_mesh(void)
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
			ignore_committed, keep_state, ignore_event, NULL } };

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
		.hello = { .has_rtt = true, .has_offset = true, .rtt_ms = 12, .offset_ms = -4 } };
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

int teardown(void **state)
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

struct ip6_addr numbered(const char *base, uint32_t i)
{
	struct ip6_addr a = addr(base);

	a.b[13] = (uint8_t)(i >> 16);
	a.b[14] = (uint8_t)(i >> 8);
	a.b[15] = (uint8_t)i;
	return a;
}

struct record *bind_node(uint16_t domain, const struct ip6_addr *hoa, const char *coa_text)
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

void publish_it(const struct record *r)
{
	const struct bc_binding b = { .hoa = r->hoa, .coa = r->coa, .ha = r->ha };

	assert_int_equal(bc_publish(t.tables->bc, &b), 0);
}

/* --- asking --- */

struct ctl_req request(enum ctl_cmd cmd)
{
	struct ctl_req req = { .cmd = cmd };

	jw_init(&req.out, OUT_MAX);
	return req;
}

unsigned lines_of(const struct jw *w, size_t from)
{
	unsigned n = 0;

	for (size_t i = from; i < w->len; i++)
		n += w->buf[i] == '\n';
	return n;
}

unsigned run_slice(struct ctl_req *req)
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

cJSON *ask(struct ctl_req *req)
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

const char *text(const cJSON *list, int i, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(list, i), key);

	if (!cJSON_IsString(v))
		fail_msg("item %d: no string %s", i, key);
	return v->valuestring;
}

double number(const cJSON *list, int i, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(list, i), key);

	if (!cJSON_IsNumber(v))
		fail_msg("item %d: no number %s", i, key);
	return v->valuedouble;
}

int count_of(struct ctl_req *req)
{
	cJSON *list = ask(req);
	int n = cJSON_GetArraySize(list);

	cJSON_Delete(list);
	assert_int_equal(req->status, 0);
	return n;
}

void assert_fails(struct ctl_req *req, int status, const char *error)
{
	cJSON *list = ask(req);

	assert_int_equal(cJSON_GetArraySize(list), 0);
	cJSON_Delete(list);
	assert_int_equal(req->status, status);
	assert_string_equal(req->error, error);
}
