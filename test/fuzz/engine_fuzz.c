/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input: what a peer with a session says, hostile, one datagram after another (length in two
 * octets, then what stands behind the head), with turns in between. An honest peer shares another
 * domain with us. Whatever is said: nothing of a domain is taken from who is not in it, no record
 * lies outside its domain's prefix or names a foreign home agent address, the bounds hold, and a
 * datagram is answered with few.
 */
#include "fuzz.h"

#include "records/order.h"
#include "records/records.h"
#include "records/seen.h"
#include "sync/engine.h"
#include "sync/message.h"

#define HOSTILE     2
#define HONEST      3
#define OUR_BOOT    7
#define ITS_BOOT    9
#define MAX         48
#define SHARED      1 /* number of the domain that the hostile peer is in */
#define OTHERS      2 /* ... and of the one it is not in */
#define ANSWERS_MAX 24 /* datagrams for one: 64 records pushed, an answer, acknowledgements */

static struct records *rs;
static struct seen *seen;
static struct engine *e;
static uint64_t now_ms;
static unsigned sent, pending[OTHERS + 1]; /* acknowledgements that wait, by domain */

static const struct ip6_addr agent = { { 0x20, 0x01, 0x0d, 0xb8, 0, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	1 } };

static bool is_inside(const struct ip6_addr *a)
{
	return memcmp(a, &agent, 6) == 0;
}

static void op_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	struct net_rd r = net_rd_init(buf, len), sections, items;
	struct message_head h;
	struct message m;
	uint32_t domain;
	int ret;

	(void)ctx;
	FUZZ_CHECK(node == HOSTILE || node == HONEST);
	FUZZ_CHECK(len <= ENGINE_DATAGRAM);
	FUZZ_CHECK(message_read_head(&r, &h) == 0);
	while ((ret = message_read(&r, &m)) > 0) {
		FUZZ_CHECK(m.type != MESSAGE_NONE);
		sections = m.type == MESSAGE_DELTA ? m.delta.sections : m.sections;
		if (m.type != MESSAGE_DELTA && m.type != MESSAGE_RECORDS)
			continue;
		while (message_read_section(&sections, &domain, &items) > 0)
			FUZZ_CHECK(node == HONEST || domain == SHARED);
	}
	FUZZ_CHECK(ret == 0);
	sent++;
}

static bool op_covers(void *ctx, uint16_t domain, const struct ip6_addr *hoa)
{
	(void)ctx;
	(void)domain;
	return is_inside(hoa);
}

static bool op_changed(void *ctx, struct record *r, enum engine_why why)
{
	(void)ctx;
	(void)why;
	FUZZ_CHECK(records_at(rs, r->handle) == r);
	return now_ms % 7 != 0; /* no room now and then */
}

static void op_next(
	void *ctx, uint16_t domain, const struct next_view *v, const struct next_table *t)
{
	(void)ctx;
	(void)domain;
	(void)v;
	(void)t;
}

static void op_committed(void *ctx, uint64_t token, enum engine_commit how)
{
	(void)ctx;
	FUZZ_CHECK((token == SHARED || token == OTHERS) && how != ENGINE_WAITS);
	FUZZ_CHECK(pending[token]-- > 0);
}

static void op_state(void *ctx, uint16_t domain, enum next_says says)
{
	(void)ctx;
	(void)domain;
	(void)says;
}

static void op_event(void *ctx, enum engine_event ev, uint16_t domain, uint8_t node, uint64_t n)
{
	(void)ctx;
	(void)domain;
	(void)node;
	(void)n;
	FUZZ_CHECK(engine_event_name(ev)[0] != '?');
}

static void start(void)
{
	static const struct engine_member two[] = { { .node = HOSTILE }, { .node = HONEST } };
	static const uint8_t secret[32] = { 1 };
	struct engine_domain d[] = {
		{ .number = SHARED, .id = SHARED, .members = two, .member_count = 2 },
		{ .number = OTHERS, .id = OTHERS, .members = two + 1, .member_count = 1 },
	};

	for (unsigned i = 0; i < 2; i++) {
		d[i].addresses = &agent;
		d[i].address_count = 1;
		d[i].ack_peers = 1;
		d[i].remembers = true;
		d[i].max_bindings = MAX / 2;
		d[i].drain_wait_ms = 100;
	}
	FUZZ_CHECK(records_new(&(struct records_opts){ .max = MAX, .now_ms = now_ms, .mesh = true },
			   &rs) == 0);
	FUZZ_CHECK(seen_new(&(struct seen_opts){ .max = 2 * MAX,
				    .addresses = 4,
				    .markers = ENGINE_MARKERS(2),
				    .window_s = 300 },
			   &seen) == 0);
	FUZZ_CHECK(engine_new(&(struct engine_opts){ .self = 1,
				      .boot = OUR_BOOT,
				      .records = rs,
				      .seen = seen,
				      .secret = secret,
				      .domains = d,
				      .domain_count = 2,
				      .dead_ms = 300,
				      .rate_max = 1000000,
				      .records_s = 1000,
				      .max_waits = 4,
				      .now_ms = now_ms,
				      .wall_ms = 1700000000000ULL,
				      .ops = { NULL, op_send, op_covers, op_changed, op_next,
					      op_committed, op_state, op_event } },
			   &e) == 0);
}

static void view(void)
{
	struct next_view v = { .domain = SHARED, .self = 1 };

	v.site[HOSTILE] = (struct next_site){ .reach = NEXT_UP, .says = NEXT_READY };
	v.site[HONEST] = (struct next_site){ .reach = NEXT_UP, .says = NEXT_READY };
	engine_view(e, SHARED, &v, now_ms);
	engine_view(e, OTHERS, &v, now_ms);
	engine_force_ready(e, SHARED, now_ms);
	engine_force_ready(e, OTHERS, now_ms);
}

/* A binding of our own in each domain, which somebody waits for. */
static void bind(uint16_t domain, uint8_t host)
{
	struct ip6_addr hoa = agent, coa = { { 0x20, 0x01, 0x0d, 0xb8, 0, 0x0c } };
	struct record *r;

	hoa.b[15] = host;
	r = records_add(rs, domain, &hoa);
	FUZZ_CHECK(r != NULL);
	r->ha = agent;
	r->lifetime_s = 40;
	records_set(rs, r, RECORD_LIVE, &coa, now_ms + 40000);
	FUZZ_CHECK(engine_accepted(e, r, &(struct order_result){ .ext_seq = 1, .epoch = 1 },
		RECORD_BY_SEQUENCE, false, now_ms, 1700000000000ULL + now_ms));
	if (engine_wait(e, r, domain, now_ms) == ENGINE_WAITS)
		pending[domain]++;
}

static bool op_end(void *ctx, struct record *r)
{
	(void)ctx;
	return engine_end(e, r, now_ms);
}

static void turn(uint32_t ms)
{
	now_ms += ms;
	records_expire(rs, now_ms, MAX, op_end, NULL);
	engine_turn(e, now_ms, 1700000000000ULL + now_ms, 500);
}

static void say(const uint8_t *body, size_t len)
{
	uint8_t *buf = malloc(MESSAGE_HEADER + len);
	struct net_wr w;

	FUZZ_CHECK(buf != NULL);
	w = net_wr_init(buf, MESSAGE_HEADER + len);
	message_write_head(&w, &(struct message_head){ ITS_BOOT, OUR_BOOT });
	net_wr_bytes(&w, body, len);
	sent = 0;
	engine_input(e, HOSTILE, buf, net_wr_len(&w), now_ms, 1700000000000ULL + now_ms);
	FUZZ_CHECK(sent <= ANSWERS_MAX);
	free(buf);
}

static void check(void)
{
	struct engine_domain_info info;
	uint32_t cursor = 0, count = 0;
	struct record *r;

	while ((r = records_next(rs, &cursor)) != NULL) {
		FUZZ_CHECK(is_inside(&r->hoa) && ip6_eq(&r->ha, &agent));
		FUZZ_CHECK(r->domain == SHARED || r->domain == OTHERS);
		FUZZ_CHECK(r->ends_ms <= now_ms + RECORD_LIFETIME_MAX_S * 1000ULL);
		count += r->domain == OTHERS;
	}
	FUZZ_CHECK(count == 1); /* ours, and it is as it was */
	FUZZ_CHECK(records_live_in(rs, SHARED) <= MAX / 2);
	FUZZ_CHECK(engine_domain_info(e, SHARED, &info) == 0 && info.waiting == pending[SHARED]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_rd r = net_rd_init(data, size);

	now_ms = 1000;
	memset(pending, 0, sizeof(pending));
	start();
	turn(1);
	view();
	turn(1);
	say(NULL, 0);
	bind(SHARED, 0x10);
	bind(OTHERS, 0x11);
	while (net_rd_left(&r) > 2) {
		uint16_t head = net_rd_u16(&r);
		size_t len = head & 0x7ff, left = net_rd_left(&r);

		if (len > left)
			len = left;
		say(net_rd_bytes(&r, len), len);
		turn(head >> 11);
		check();
	}
	turn(1000);
	engine_free(e);
	seen_free(seen);
	records_free(rs);
	return 0;
}
