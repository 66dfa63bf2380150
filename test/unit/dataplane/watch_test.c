/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traces and captures over the real packet path, with the devices left out: packets are put where
 * dp_rx() would leave them, and what reaches a TX vector is taken as sent.
 *
 *   port 0: 2001:db8:1::10/64, gateway 2001:db8:1::1 (default route), MTU 1500
 *   domain 0: 2001:db8:a::/48, home agent 2001:db8:a::1
 *   bindings: a::100 at 2001:db8:f::1, a::101 at the same care-of address
 */
#include "test.h"

#include <errno.h>

#include <rte_eal.h>
#include <rte_rcu_qsbr.h>

#include "dataplane/dp_priv.h"
#include "dataplane/watch_priv.h"
#include "net/icmp6.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define HA      "2001:db8:a::1"
#define HOA     "2001:db8:a::100"
#define COA     "2001:db8:f::1"
#define CN      "2001:db8:c::1"
#define US      "2001:db8:1::10"
#define GATEWAY "2001:db8:1::1"

#define POOL 1023

static struct tables *t;
static struct rte_mempool *pool;
static struct dp_worker worker; /* plays a worker, and control's own */
static struct dp dp;
static struct rte_ring *punt[DP_PUNT_COUNT];
static struct watch *watch;
static const struct dp_rx_queue queue = { 0, 3 };
static struct dp_port_view views[1];
static const uint8_t mac[] = { 2, 0, 0, 0, 0, 1 };
static uint32_t gateway; /* its adjacency */

/* --- the world --- */

static void route(const char *p, uint32_t value)
{
	struct ip6_prefix pre = prefix(p);

	assert_int_equal(fib_set(t->fib, &pre, value), 0);
}

static void bind_at(const char *hoa, const char *coa)
{
	struct bc_binding b = { .hoa = addr(hoa), .coa = addr(coa), .ha = addr(HA) };

	assert_int_equal(bc_publish(t->bc, &b), 0);
}

static void make_tables(void)
{
	struct tables_opts opts = { .readers = 1,
		.max_bindings = 100,
		.max_neighbors = 64,
		.max_routes = 64,
		.max_addrs = 8,
		.seed = 42 };
	struct ip6_addr gw = addr(GATEWAY);

	assert_int_equal(tables_new(&opts, &t), 0);
	gateway = adj_add(t->adj, 0, &gw);
	adj_set(t->adj, gateway, mac, ADJ_RESOLVED);
	route("::/0", fib_value(FIB_VIA, gateway));
	route("2001:db8:1::/64", fib_value(FIB_ONLINK, 0));
	route(US "/128", fib_value(FIB_LOCAL, 0));
	route("2001:db8:a::/48", fib_value(FIB_DOMAIN, 0));
	route(HA "/128", fib_value(FIB_HOME_AGENT, 0));
	route("2001:db8:dead::/48", fib_value(FIB_UNREACHABLE, 0));
	bind_at(HOA, COA);
	bind_at("2001:db8:a::101", COA);
}

static int set_up(void **state)
{
	char args[][24] = { "watch-test", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
		"--no-shconf", "--log-level=*:error", "-l", "0" };
	struct reass_opts reass = { .max_datagrams = 4,
		.max_fragments = 128,
		.max_per_source = 64,
		.max_octets = 1500,
		.timeout = UINT64_MAX / 2 };
	char *argv[DIM(args) + 1] = { NULL };

	(void)state;
	for (unsigned i = 0; i < DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(DIM(args), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("pkts", POOL, 0, RTE_ALIGN(sizeof(struct dp_meta), 8),
		RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	assert_non_null(pool);
	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		char name[16];

		snprintf(name, sizeof(name), "punt%u", c);
		punt[c] = rte_ring_create(name, 128, SOCKET_ID_ANY, 0);
		assert_non_null(punt[c]);
	}
	make_tables();
	views[0] = (struct dp_port_view){ .mtu = 1500, .mac = { 2, 0xaa }, .link_up = true };
	worker.t = t;
	worker.pool = pool;
	worker.port = views;
	worker.port_count = 1;
	memcpy(worker.punt, punt, sizeof(punt));
	dp = (struct dp){ .t = t, .pool = pool, .port_count = 0, .workers = { &worker } };
	memcpy(dp.punt, punt, sizeof(punt));
	dp.views[0].link_up = true;
	return dp_reass_start(&worker, reass);
}

static int tear_down(void **state)
{
	(void)state;
	dp_reass_stop(&worker);
	assert_int_equal(rte_mempool_avail_count(pool), POOL); /* no packet was leaked */
	tables_free(t);
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

/* --- packets --- */

struct pkt {
	uint8_t b[1600];
	uint16_t n;
};

static struct pkt ip6(const char *src, const char *dst, uint8_t next, uint8_t hops,
	const void *payload, uint16_t len)
{
	struct ip6_addr s = addr(src), d = addr(dst);
	struct pkt p = { .n = (uint16_t)(40 + len) };

	net_ip6_fill((struct net_ip6 *)p.b, len, next, hops, &s, &d);
	if (len > 0 && payload != NULL)
		memcpy(p.b + 40, payload, len);
	return p;
}

static struct pkt udp(const char *src, const char *dst)
{
	return ip6(src, dst, IP6_UDP, 64, NULL, 8);
}

static struct pkt tunnel(const char *src, const char *dst, struct pkt inner)
{
	return ip6(src, dst, IP6_IN_IP6, 64, inner.b, inner.n);
}

/* As dp_rx() leaves it: an Ethernet header in front of the data. */
static struct rte_mbuf *put(struct pkt p)
{
	static const uint8_t eth[14] = { 2, 0xaa, [12] = 0x86, [13] = 0xdd };
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, 14), eth, 14);
	memcpy(rte_pktmbuf_append(m, p.n), p.b, p.n);
	rte_pktmbuf_adj(m, 14);
	memset(dp_meta(m), 0, sizeof(struct dp_meta));
	dp_vec_push(&worker.vec[V_AGAIN], m);
	return m;
}

/* What dp_watch_rx() does around dp_rx(), which was put() here. */
static void received(void)
{
	struct watch_lane *trace = worker.watching[WATCH_TRACE],
			  *capture = worker.watching[WATCH_CAPTURE];

	dp_worker_watch(&worker);
	if (trace != NULL) {
		trace_begin_rx(trace, &queue);
		trace_end_rx(&worker, trace);
	}
	if (capture != NULL)
		capture_rx(&worker, capture, &queue);
}

/* The port takes `most` frames of a burst. */
static void send_some(uint32_t most)
{
	struct dp_vec *v = &worker.tx[0];
	uint32_t sent = v->n < most ? v->n : most;

	dp_watch_tx(&worker, 0, v, false);
	for (uint32_t i = 0; i < sent; i++)
		rte_pktmbuf_free(v->pkt[i]);
	dp_watch_sent(&worker, sent);
	for (uint32_t i = sent; i < v->n; i++)
		dp_worker_drop(&worker, v->pkt[i], DP_DROP_TX_FULL);
	v->n = 0;
}

static void empty_rings(void)
{
	void *m;

	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		while (rte_ring_dequeue(punt[c], &m) == 0)
			rte_pktmbuf_free(m);
	}
}

static void carry(struct pkt p)
{
	put(p);
	received();
	dp_carry(&worker);
	send_some(DP_BURST);
}

/* --- watching --- */

static void watch_on(struct watch_opts opts, uint16_t port)
{
	opts.lanes = dp_watch_lanes(&dp);
	assert_int_equal(watch_new(&opts, &watch), 0);
	assert_false(watch_is_on(watch));
	assert_int_equal(dp_watch_on(&dp, watch, port), 0);
	assert_true(watch_is_on(watch));
}

static void watch_off(void)
{
	dp_watch_off(&dp, watch);
	assert_true(dp_watch_is_off(&dp, watch));
	watch_free(watch);
	watch = NULL;
	assert_false(worker.watched);
}

static void trace_on(struct watch_filter f)
{
	watch_on((struct watch_opts){ .kind = WATCH_TRACE, .filter = f }, WATCH_NO_PORT);
}

static size_t put_text(char *text, size_t n, size_t used, const char *fmt, ...) PRINTF_LIKE(4, 5);

static size_t put_text(char *text, size_t n, size_t used, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	used += (size_t)vsnprintf(text + used, n - used, fmt, ap);
	va_end(ap);
	assert_true(used < n);
	return used;
}

static size_t put_hop(char *text, size_t n, size_t used, const struct trace_hop *h)
{
	used = put_text(text, n, used, "%s", trace_stage_name(h->stage));
	if (h->door == TRACE_VECTOR)
		used = put_text(text, n, used, ">%s", trace_vec_name(h->arg));
	else
		used = put_text(text, n, used, ":%s", trace_door_name((enum trace_door)h->door));
	if (h->door == TRACE_DROP || h->door == TRACE_COUNTED)
		used = put_text(text, n, used, "=%s", dp_drop_name((enum dp_drop)h->arg));
	if (h->door == TRACE_PUNT || h->door == TRACE_TAKEN)
		used = put_text(
			text, n, used, "=%s", dp_punt_class_name((enum dp_punt_class)h->arg));
	if (h->more == TRACE_BINDING)
		used = put_text(text, n, used, "(%x)", h->binding.hoa.b[15]);
	if (h->more == TRACE_VERDICT)
		used = put_text(text, n, used, "=%s,%s,%d", h->verdict.who, h->verdict.what,
			h->verdict.status);
	return put_text(text, n, used, " ");
}

/* All legs in the ring, a line each: "+" begins a received packet, "*" one of control's, "&" one
 * that it sent because of another, "." goes on. */
static const char *legs(void)
{
	static char text[8192];
	const struct trace_leg *leg;
	size_t used = 0;
	uint32_t len;

	text[0] = '\0';
	while ((leg = watch_peek(watch, 0, &len)) != NULL) {
		assert_int_equal(len, sizeof(*leg) + leg->hops * sizeof(struct trace_hop));
		used = put_text(text, sizeof(text), used, "%c", "+*&."[leg->origin]);
		for (unsigned i = 0; i < leg->hops; i++) {
			assert_true(i == 0 || trace_hops(leg)[i].tsc >= trace_hops(leg)[i - 1].tsc);
			used = put_hop(text, sizeof(text), used, &trace_hops(leg)[i]);
		}
		text[used - 1] = '\n';
		watch_next(watch, 0);
	}
	return text;
}

static void expect(const char *name, const char *want)
{
	const char *got = legs();

	if (strcmp(got, want) != 0)
		fail_msg("%s:\n%snot\n%s", name, got, want);
}

/* --- the worker's part of a trace --- */

#define TO_MN   "+rx>classify classify>intercept intercept>encap(0) encap>route route:tx\n.tx:wire\n"
#define FROM_MN "+rx>classify classify>decap decap>classify(0) classify>route route:tx\n.tx:wire\n"
#define TRANSIT "+rx>classify classify>route route:tx\n.tx:wire\n"

static void test_ways(void **state)
{
	uint8_t mh[8] = { 59, 0, 5 };

	(void)state;
	trace_on((struct watch_filter){ 0 });
	carry(udp(CN, HOA));
	expect("to a mobile node", TO_MN);
	carry(tunnel(COA, HA, udp(HOA, CN)));
	expect("from a mobile node", FROM_MN);
	carry(udp(CN, "2001:db8:9::1"));
	expect("transit", TRANSIT);
	carry(udp(CN, "2001:db8:a::999"));
	expect("no binding", "+rx>classify classify>intercept intercept:punt=error\n");
	carry(tunnel("2001:db8:f::9", HA, udp(HOA, CN)));
	expect("wrong care-of address", "+rx>classify classify>decap decap:drop=decap_wrong_coa\n");
	carry(ip6(CN, HA, IP6_MH, 64, mh, 8));
	expect("signalling", "+rx>classify classify:punt=signalling\n");
	carry(udp("ff02::1", CN));
	expect("bad source", "+rx>classify classify:drop=src_invalid\n");
	carry(tunnel(COA, HA, udp(HOA, "2001:db8:a::101")));
	expect("between mobile nodes",
		"+rx>classify classify>decap decap>classify(0) classify>intercept "
		"intercept>encap(1) encap>route route:tx\n.tx:wire\n");
	carry(udp(CN, "2001:db8:1::77"));
	expect("unresolved", "+rx>classify classify>route route:punt=resolve\n");
	watch_off();
	empty_rings();
}

static struct pkt fragment(uint16_t off_and_more)
{
	uint8_t b[8 + 16] = { IP6_UDP, 0, (uint8_t)(off_and_more >> 8),
		(uint8_t)off_and_more, [7] = 9 };

	return ip6(CN, US, IP6_FRAGMENT, 64, b, sizeof(b));
}

/* What a stage keeps is told when the stage is over; what comes out of it goes on. */
static void test_fragments(void **state)
{
	(void)state;
	trace_on((struct watch_filter){ 0 });
	carry(fragment(16)); /* the second of two */
	expect("first to come", "+rx>classify classify>reass reass:waits\n");
	carry(fragment(1));
	expect("the other", "+rx>classify classify>reass reass>classify classify:punt=local\n");
	carry(fragment(1));
	expect("alone", "+rx>classify classify>reass reass:waits\n");
	dp_reass_expire(&worker, rte_rdtsc() + UINT64_MAX / 2); /* between two turns */
	expect("time is over", ".control:punt=error\n");
	put(fragment(1));
	carry(fragment(16)); /* both in a burst: one becomes part of the other */
	expect("together", "+rx>classify classify>reass reass:waits\n"
			   "+rx>classify classify>reass reass>classify classify:punt=local\n");
	watch_off();
	empty_rings();
}

/* A piece, off octets into the whole, of a tunnel to us. */
static struct pkt tunnel_piece(struct pkt whole, uint16_t off, uint16_t len, bool more)
{
	uint8_t b[8 + 1500] = { IP6_IN_IP6, 0, (uint8_t)(off >> 8),
		(uint8_t)(off | more), [7] = 7 };

	memcpy(b + 8, whole.b + off, len);
	return ip6(COA, HA, IP6_FRAGMENT, 64, b, (uint16_t)(8 + len));
}

/*
 * The buffer of a turn before goes on with the whole tunnel, in which there is a fragment again,
 * and that waits. Meanwhile another packet is ready, of which the port takes nothing: nothing is
 * told of it, and nothing of what was told is taken back.
 */
static void test_waits_inside(void **state)
{
	uint8_t b[8 + 40] = { IP6_UDP, [3] = 1, [7] = 5 };
	struct pkt inner = ip6(HOA, US, IP6_FRAGMENT, 64, b, sizeof(b));

	(void)state;
	trace_on((struct watch_filter){ 0 });
	carry(tunnel_piece(inner, 0, 48, true));
	expect("first piece", "+rx>classify classify>reass reass:waits\n");
	put(udp(CN, "2001:db8:9::1"));
	put(tunnel_piece(inner, 48, (uint16_t)(inner.n - 48), false));
	received();
	dp_carry(&worker);
	expect("the rest", "+rx>classify classify>reass reass:waits\n"
			   "+rx>classify classify>route route:tx\n"
			   ".reass>classify classify>decap decap>classify(0) classify>reass "
			   "reass:waits\n");
	dp_watch_tx(&worker, 0, &worker.tx[0], false);
	expect("nothing yet", "");
	dp_watch_sent(&worker, 0);
	expect("nothing was taken", "");
	send_some(DP_BURST);
	expect("taken", ".tx:wire\n");
	dp_reass_expire(&worker, rte_rdtsc() + UINT64_MAX / 2);
	watch_off();
	empty_rings();
}

/* A packet that leaves as two, and one of control's. */
static void test_divided(void **state)
{
	struct pkt own = ip6(US, CN, IP6_UDP, 64, NULL, 1300);

	(void)state;
	views[0].mtu = 1280;
	trace_on((struct watch_filter){ 0 });
	carry(ip6(CN, HOA, IP6_UDP, 64, NULL, 1230));
	expect("in a tunnel", ".encap>route\n"
			      "+rx>classify classify>intercept intercept>encap(0) encap:divided\n"
			      ".encap>route\n.route:tx\n.route:tx\n.tx:wire\n.tx:wire\n");
	assert_int_equal(dp_send(&dp, own.b, own.n, 1280), 0);
	send_some(DP_BURST);
	expect("control's", "*control:sent route:tx\n*control:sent route:tx\n"
			    ".tx:wire\n.tx:wire\n");
	watch_off();
	views[0].mtu = 1500;
}

/* What a hop says about the packet as it left. */
static void test_hop(void **state)
{
	struct ip6_addr cn = addr(CN), hoa = addr(HOA), ha = addr(HA), coa = addr(COA),
			gw = addr(GATEWAY);
	const struct trace_leg *leg;
	const struct trace_hop *h;
	uint64_t id;
	uint32_t len;

	(void)state;
	trace_on((struct watch_filter){ 0 });
	carry(udp(CN, HOA));
	leg = watch_peek(watch, 0, &len);
	id = leg->id;
	assert_int_equal(leg->port, queue.port);
	assert_int_equal(leg->queue, queue.queue);
	assert_int_equal(leg->hops, 5);
	h = &trace_hops(leg)[2]; /* intercept */
	assert_true(ip6_eq(&h->src, &cn) && ip6_eq(&h->dst, &hoa));
	assert_int_equal(h->len, 48);
	assert_int_equal(h->hop_limit, 64);
	assert_true(ip6_eq(&h->binding.hoa, &hoa) && ip6_eq(&h->binding.coa, &coa));
	h = &trace_hops(leg)[3]; /* encap */
	assert_true(ip6_eq(&h->src, &ha) && ip6_eq(&h->dst, &coa));
	assert_int_equal(h->len, 88);
	assert_int_equal(h->next_header, IP6_IN_IP6);
	h = &trace_hops(leg)[4]; /* route: a frame by now */
	assert_true(ip6_eq(&h->src, &ha) && ip6_eq(&h->dst, &coa));
	assert_int_equal(h->len, 88);
	assert_int_equal(h->more, TRACE_NEXT_HOP);
	assert_true(h->hop.has_addr && ip6_eq(&h->hop.addr, &gw));
	assert_memory_equal(h->hop.mac, mac, 6);
	watch_next(watch, 0);
	leg = watch_peek(watch, 0, &len);
	assert_true(leg->id == id);
	assert_int_equal(trace_hops(leg)[0].len, 88);
	watch_next(watch, 0);
	watch_off();
}

/* Filters: who is traced at all. */
static void test_filters(void **state)
{
	static const char *const other = "2001:db8:a::101";
	const struct watch_filter any = { .has_any = true, .any = prefix("2001:db8:a::100/128") },
				  src = { .has_src = true, .src = prefix("2001:db8:c::/48") },
				  dst = { .has_dst = true, .dst = prefix("2001:db8:c::/48") },
				  mn = { .has_hoa = true, .hoa = addr(HOA) },
				  both = { .has_src = true,
					  .src = prefix("2001:db8:c::/48"),
					  .has_dst = true,
					  .dst = prefix("2001:db8:a::100/128") };
	const struct {
		const char *name;
		const struct watch_filter *f;
		struct pkt p;
		bool is_traced;
	} cases[] = {
		{ "any: to", &any, udp(CN, HOA), true },
		{ "any: inside", &any, tunnel(COA, HA, udp(HOA, CN)), true },
		{ "any: other", &any, udp(CN, other), false },
		{ "source", &src, udp(CN, HOA), true },
		{ "source is destination", &src, tunnel(COA, HA, udp(HOA, CN)), false },
		{ "destination inside", &dst, tunnel(COA, HA, udp(HOA, CN)), true },
		{ "destination is source", &dst, udp(CN, HOA), false },
		{ "both", &both, udp(CN, HOA), true },
		{ "both, one does not fit", &both, udp(CN, other), false },
		{ "mobile node: to", &mn, udp(CN, HOA), true },
		{ "mobile node: from", &mn, tunnel(COA, HA, udp(HOA, CN)), true },
		{ "mobile node: its care-of address itself", &mn, udp(COA, HA), true },
		{ "mobile node: another's tunnel from there", &mn, tunnel(COA, HA, udp(other, CN)),
			false },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		trace_on(*cases[i].f);
		carry(cases[i].p);
		if ((legs()[0] != '\0') != cases[i].is_traced)
			fail_msg("%s", cases[i].name);
		watch_off();
	}
	/* where it is now */
	trace_on(mn);
	bind_at(HOA, "2001:db8:f::5");
	carry(udp(COA, HA));
	expect("old care-of address", "");
	carry(udp("2001:db8:f::5", HA));
	expect("new care-of address", "+rx>classify classify:punt=local\n");
	bind_at(HOA, COA);
	watch_off();
	empty_rings();
}

static void test_port(void **state)
{
	(void)state;
	watch_on((struct watch_opts){ .kind = WATCH_TRACE }, 0);
	carry(udp(CN, HOA));
	expect("its port", TO_MN);
	watch_off();
	watch_on((struct watch_opts){ .kind = WATCH_TRACE }, 1);
	carry(udp(CN, HOA));
	expect("another port", "");
	watch_off();
}

/* What becomes of it decides: nothing is written of packets that went another way. */
static void test_fate_filters(void **state)
{
	struct watch_filter drops = { .dropped = true },
			    reason = { .dropped = true,
				    .has_reason = true,
				    .reason = DP_DROP_DECAP_WRONG_COA },
			    full = { .dropped = true,
				    .has_reason = true,
				    .reason = DP_DROP_TX_FULL },
			    stage = { .has_stage = true, .stage = DP_STAGE_ENCAP };
	struct pkt wrong = tunnel("2001:db8:f::9", HA, udp(HOA, CN));

	(void)state;
	trace_on(drops);
	carry(udp(CN, HOA));
	expect("drops: sent", "");
	carry(wrong);
	expect("drops: dropped", "+rx>classify classify>decap decap:drop=decap_wrong_coa\n");
	carry(udp(CN, "2001:db8:a::999"));
	expect("drops: control will know",
		"+rx>classify classify>intercept intercept:punt=error\n");
	watch_off();
	trace_on(reason);
	carry(udp("ff02::1", CN));
	expect("reason: another", "");
	carry(wrong);
	expect("reason", "+rx>classify classify>decap decap:drop=decap_wrong_coa\n");
	watch_off();
	trace_on(full);
	put(udp(CN, HOA));
	received();
	dp_carry(&worker);
	send_some(0);
	expect("full queue", "+rx>classify classify>intercept intercept>encap(0) encap>route "
			     "route:tx\n.tx:drop=tx_full\n");
	watch_off();
	trace_on(stage);
	carry(udp(CN, "2001:db8:9::1"));
	expect("stage: not passed", ".tx:wire\n");
	carry(udp(CN, HOA));
	expect("stage: passed", TO_MN);
	watch_off();
	empty_rings();
}

static void test_count(void **state)
{
	unsigned traced = 0;

	(void)state;
	watch_on((struct watch_opts){ .kind = WATCH_TRACE, .count = 3 }, WATCH_NO_PORT);
	for (unsigned i = 0; i < 5; i++)
		carry(udp(CN, HOA));
	for (const char *p = legs(); (p = strchr(p, '+')) != NULL; p++)
		traced++;
	assert_int_equal(traced, 3);
	watch_off();
}

/* A stage that gives a packet back to its own vector. */
static void test_own_vector(void **state)
{
	(void)state;
	trace_on((struct watch_filter){ 0 });
	put(udp(CN, HOA));
	received();
	trace_enter(&worker, DP_STAGE_CLASSIFY, V_AGAIN);
	trace_leave(&worker);
	dp_carry(&worker);
	send_some(DP_BURST);
	expect("twice", "+rx>classify classify>classify classify>intercept intercept>encap(0) "
			"encap>route route:tx\n.tx:wire\n");
	watch_off();
}

/* A whole burst, each packet with its own story. */
static void test_burst(void **state)
{
	const char *text;
	unsigned to = 0;

	(void)state;
	trace_on((struct watch_filter){ 0 });
	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned i = 0; i < DP_BURST; i++)
			put(i % 2 == 0 ? udp(CN, HOA) : udp("ff02::1", CN));
		received();
		dp_carry(&worker);
		send_some(DP_BURST);
		to = 0;
		text = legs();
		for (const char *p = text; (p = strstr(p, "intercept>encap")) != NULL; p++)
			to++;
		assert_int_equal(to, DP_BURST / 2);
		to = 0;
		for (const char *p = text; (p = strstr(p, "drop=src_invalid")) != NULL; p++)
			to++;
		assert_int_equal(to, DP_BURST / 2);
	}
	watch_off();
}

/* A port that takes two of three. */
static void test_tx_full(void **state)
{
	(void)state;
	trace_on((struct watch_filter){ 0 });
	for (unsigned i = 0; i < 3; i++)
		put(udp(CN, "2001:db8:9::1"));
	received();
	dp_carry(&worker);
	send_some(2);
	expect("two of three",
		"+rx>classify classify>route route:tx\n+rx>classify classify>route route:tx\n"
		"+rx>classify classify>route route:tx\n.tx:wire\n.tx:wire\n.tx:drop=tx_full\n");
	watch_off();
}

/* Frames that dp_rx() refuses: no marks yet, and metadata of whoever had the buffer before. */
static void refuse_frame(const uint8_t *frame, uint16_t len, enum dp_drop reason)
{
	struct watch_lane *l = worker.watching[WATCH_TRACE];
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, len), frame, len);
	memset(dp_meta(m), 0xff, sizeof(struct dp_meta));
	if (l == NULL)
		l = worker.watching[WATCH_CAPTURE];
	else
		trace_begin_rx(l, &queue);
	l->in_rx = true;
	l->rx_port = queue.port;
	dp_worker_drop(&worker, m, reason);
	l->in_rx = false;
}

static void test_refused_frames(void **state)
{
	static const uint8_t arp[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 8, [13] = 6 };
	struct pkt p = udp(CN, HOA);
	uint8_t frame[200] = { 2, 0xaa, [12] = 0x86, [13] = 0xdd };
	const struct trace_leg *leg;
	uint32_t len;

	(void)state;
	memcpy(frame + 14, p.b, p.n);
	trace_on((struct watch_filter){ 0 });
	refuse_frame(arp, sizeof(arp), DP_DROP_RX_NOT_IPV6);
	expect("no IPv6", "+rx:drop=rx_not_ipv6\n");
	refuse_frame(arp, 3, DP_DROP_RX_TOO_SHORT);
	expect("short", "+rx:drop=rx_too_short\n");
	refuse_frame(arp, sizeof(arp), DP_DROP_RX_NOT_IPV6);
	leg = watch_peek(watch, 0, &len);
	assert_int_equal(trace_hops(leg)[0].len, 0); /* no addresses */
	watch_next(watch, 0);
	watch_off();
	trace_on((struct watch_filter){ .has_hoa = true, .hoa = addr(HOA) });
	refuse_frame(arp, sizeof(arp), DP_DROP_RX_NOT_IPV6);
	expect("nobody's", "");
	refuse_frame(frame, (uint16_t)(14 + p.n), DP_DROP_RX_NOT_FOR_US);
	expect("the mobile node's", "+rx:drop=rx_not_for_us\n");
	watch_off();
}

/* Marks of a trace that has ended mean nothing to the next. */
static void test_old_marks(void **state)
{
	struct rte_mbuf *m;

	(void)state;
	trace_on((struct watch_filter){ 0 });
	m = put(udp(CN, HOA));
	received();
	assert_true(dp_meta(m)->trace != 0);
	watch_off();
	trace_on((struct watch_filter){ .has_any = true, .any = prefix("2001:db8:77::/48") });
	received();
	dp_carry(&worker);
	send_some(DP_BURST);
	expect("old mark", "");
	watch_off();
}

/* More than the ring takes: counted, and the packets do not notice. */
static void test_overflow(void **state)
{
	unsigned traced = 0, lost = 0;

	(void)state;
	trace_on((struct watch_filter){ 0 });
	for (unsigned i = 0; i < 3000; i++)
		carry(udp(CN, HOA));
	lost = (unsigned)watch_lost(watch);
	for (uint32_t len; watch_peek(watch, 0, &len) != NULL; traced++)
		watch_next(watch, 0);
	assert_true(lost > 0 && traced > 0);
	assert_int_equal(traced + lost, 2 * 3000);
	carry(udp(CN, HOA));
	expect("room again", TO_MN);
	watch_off();
}

static void carry_mix(struct dp_counters *out)
{
	const struct pkt mix[] = {
		udp(CN, HOA),
		tunnel(COA, HA, udp(HOA, CN)),
		tunnel(COA, HA, udp(HOA, "2001:db8:a::101")),
		udp(CN, "2001:db8:9::1"),
		udp(CN, "2001:db8:a::999"),
		tunnel("2001:db8:f::9", HA, udp(HOA, CN)),
		udp("ff02::1", CN),
		udp(CN, US),
	};
	struct dp_counters before = worker.counters;

	for (unsigned i = 0; i < DP_BURST; i++)
		put(mix[i % DIM(mix)]);
	received();
	dp_carry(&worker); /* which asserts that nothing is lost */
	send_some(10);
	empty_rings();
	for (unsigned i = 0; i < DP_COUNTER_COUNT; i++)
		out->c[i] = worker.counters.c[i] - before.c[i];
	for (unsigned i = 0; i < DP_DROP_COUNT; i++)
		out->drop[i] = worker.counters.drop[i] - before.drop[i];
}

/* Whoever watches, the same is counted. */
static void test_conservation(void **state)
{
	struct dp_counters plain = { 0 }, traced = { 0 }, captured = { 0 };

	(void)state;
	carry_mix(&plain);
	trace_on((struct watch_filter){ 0 });
	carry_mix(&traced);
	watch_off();
	watch_on((struct watch_opts){ .kind = WATCH_CAPTURE }, WATCH_NO_PORT);
	carry_mix(&captured);
	watch_off();
	assert_memory_equal(&plain, &traced, sizeof(plain));
	assert_memory_equal(&plain, &captured, sizeof(plain));
}

/* --- control's part --- */

/* The next packet of a class, between dp_watch_begin() and the end. */
static struct rte_mbuf *take(enum dp_punt_class c)
{
	struct rte_mbuf *m;

	assert_int_equal(dp_punt_take(&dp, c, &m, 1), 1);
	dp_watch_begin(&dp, m, c);
	return m;
}

static void test_answer(void **state)
{
	uint8_t mh[8] = { 59, 0, 5 };
	struct pkt ba = ip6(HA, CN, IP6_MH, 64, mh, 8);
	struct rte_mbuf *m;

	(void)state;
	trace_on((struct watch_filter){ .has_src = true, .src = prefix("2001:db8:c::/48") });
	carry(ip6(CN, HA, IP6_MH, 64, mh, 8));
	m = take(DP_PUNT_SIGNALLING);
	dp_watch_say(&dp, "mip6", "registered", 0);
	assert_int_equal(dp_send(&dp, ba.b, ba.n, 1500), 0);
	dp_release(&dp, m);
	dp_watch_end(&dp);
	send_some(DP_BURST);
	expect("signalling",
		"+rx>classify classify:punt=signalling\n"
		"&control:sent route:tx\n"
		".control:taken=signalling control:verdict=mip6,registered,0 control:done\n"
		".tx:wire\n");
	dp_watch_say(&dp, "nobody", "is looked at", 0);
	assert_int_equal(dp_send(&dp, ba.b, ba.n, 1500), 0);
	send_some(DP_BURST);
	expect("of its own, not wanted", "");
	watch_off();
	trace_on((struct watch_filter){ .has_src = true, .src = prefix(HA "/128") });
	assert_int_equal(dp_send(&dp, ba.b, ba.n, 1500), 0);
	send_some(DP_BURST);
	expect("of its own", "*control:sent route:tx\n.tx:wire\n");
	assert_int_equal(dp_send_link(&dp, 0, mac, ba.b, ba.n), 0);
	send_some(DP_BURST);
	expect("over the link", "*control:sent control:tx\n.tx:wire\n");
	watch_off();
}

static void test_control_drops(void **state)
{
	struct pkt own = udp(US, "2001:db8:dead::1");
	struct rte_mbuf *m;

	(void)state;
	trace_on((struct watch_filter){ 0 });
	carry(udp(CN, US));
	m = take(DP_PUNT_LOCAL);
	dp_drop(&dp, m, DP_DROP_LOCAL_PORT);
	dp_watch_end(&dp);
	expect("dropped", "+rx>classify classify:punt=local\n"
			  ".control:taken=local control:drop=local_port\n");
	carry(udp(CN, US));
	m = take(DP_PUNT_LOCAL);
	dp_count_drop(&dp, DP_DROP_ICMP6_INVALID);
	assert_int_equal(dp_send(&dp, own.b, own.n, 1500), -EHOSTUNREACH);
	dp_release(&dp, m);
	dp_watch_end(&dp);
	expect("counted",
		"+rx>classify classify:punt=local\n"
		".control:taken=local control:counted=icmp6_invalid control:counted=own_no_route "
		"control:done\n");
	dp_count_drop(&dp, DP_DROP_ICMP6_INVALID);
	expect("nobody's", "");
	watch_off();
}

/* A buffer that control lets go may be the next packet's, within the same call. */
static void test_buffer_again(void **state)
{
	struct pkt own = udp(US, CN);
	struct rte_mbuf *m;

	(void)state;
	trace_on((struct watch_filter){ 0 });
	carry(udp(CN, US));
	m = take(DP_PUNT_LOCAL);
	dp_drop(&dp, m, DP_DROP_LOCAL_PORT);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(dp_send(&dp, own.b, own.n, 1500), 0);
	dp_watch_end(&dp);
	send_some(DP_BURST);
	expect("again",
		"+rx>classify classify:punt=local\n"
		"&control:sent route:tx\n&control:sent route:tx\n&control:sent route:tx\n"
		".control:taken=local control:drop=local_port\n.tx:wire\n.tx:wire\n.tx:wire\n");
	watch_off();
}

static void test_waits(void **state)
{
	struct ip6_addr n = addr("2001:db8:1::77");
	struct rte_mbuf *m, *other;
	uint32_t id;

	(void)state;
	trace_on((struct watch_filter){ 0 });
	carry(udp(CN, "2001:db8:1::77"));
	carry(udp(CN, "2001:db8:1::77"));
	m = take(DP_PUNT_RESOLVE);
	dp_watch_end(&dp);
	expect("waits", "+rx>classify classify>route route:punt=resolve\n"
			"+rx>classify classify>route route:punt=resolve\n"
			".control:taken=resolve control:waits\n");
	id = adj_add(t->adj, 0, &n);
	adj_set(t->adj, id, mac, ADJ_RESOLVED);
	/* the second one gets through at once, and gives the first its chance */
	other = take(DP_PUNT_RESOLVE);
	dp_resume(&dp, m, id);
	dp_resume(&dp, other, id);
	dp_watch_end(&dp);
	send_some(DP_BURST);
	expect("resumed", ".control:resumed route:tx\n.control:resumed route:tx\n"
			  ".control:taken=resolve\n.tx:wire\n.tx:wire\n");
	assert_int_equal(adj_del(t->adj, id), 0);
	watch_off();
}

/* --- a capture --- */

/* All records: place, octets kept and in all, what they begin with, why. */
static const char *frames(void)
{
	static char text[8192];
	static const char *const what[] = { "in", "out", "dropped", "punted" };
	const struct watch_frame *f;
	size_t used = 0;
	uint32_t len;

	text[0] = '\0';
	while ((f = watch_peek(watch, 0, &len)) != NULL) {
		used = put_text(text, sizeof(text), used, "%s %d %s %u/%u %02x", what[f->what],
			f->port == WATCH_NO_PORT ? -1 : f->port, f->is_frame ? "frame" : "packet",
			(unsigned)(len - offsetof(struct watch_frame, octets)), f->len,
			f->octets[0]);
		if (f->is_dropped)
			used = put_text(text, sizeof(text), used, " %s",
				dp_drop_name((enum dp_drop)f->arg));
		else if (f->what == WATCH_PUNTED)
			used = put_text(text, sizeof(text), used, " %s",
				dp_punt_class_name((enum dp_punt_class)f->arg));
		used = put_text(text, sizeof(text), used, "\n");
		watch_next(watch, 0);
	}
	return text;
}

static void expect_frames(const char *name, const char *want)
{
	const char *got = frames();

	if (strcmp(got, want) != 0)
		fail_msg("%s:\n%snot\n%s", name, got, want);
}

static void capture_on(struct watch_filter f, uint32_t snaplen)
{
	watch_on((struct watch_opts){ .kind = WATCH_CAPTURE, .filter = f, .snaplen = snaplen },
		WATCH_NO_PORT);
}

static void test_capture(void **state)
{
	struct rte_mbuf *m;
	struct pkt own = udp(US, CN);

	(void)state;
	capture_on((struct watch_filter){ 0 }, 0);
	carry(udp(CN, HOA));
	expect_frames("to a mobile node", "in 0 frame 62/62 02\nout 0 frame 102/102 02\n");
	carry(tunnel("2001:db8:f::9", HA, udp(HOA, CN)));
	expect_frames(
		"dropped", "in 0 frame 102/102 02\ndropped 0 packet 88/88 60 decap_wrong_coa\n");
	carry(udp(CN, US));
	expect_frames("punted", "in 0 frame 62/62 02\npunted 0 packet 48/48 60 local\n");
	m = take(DP_PUNT_LOCAL);
	dp_count_drop(&dp, DP_DROP_LOCAL_ICMP6);
	assert_int_equal(dp_send(&dp, own.b, own.n, 1500), 0);
	dp_release(&dp, m);
	dp_watch_end(&dp);
	send_some(DP_BURST);
	expect_frames("control", "dropped 0 packet 48/48 60 local_icmp6\nout 0 frame 62/62 02\n");
	carry(udp(CN, "2001:db8:a::999"));
	expect_frames("an error is owed", "in 0 frame 62/62 02\n");
	m = take(DP_PUNT_ERROR);
	dp_drop(&dp, m, DP_DROP_INTERCEPT_NO_BINDING);
	dp_watch_end(&dp);
	expect_frames("and dropped", "dropped 0 packet 48/48 60 intercept_no_binding\n");
	watch_off();
}

/* What is counted when the packet is let go is nobody's: its buffer may be another's. */
static void test_capture_gone(void **state)
{
	struct rte_mbuf *m;

	(void)state;
	capture_on((struct watch_filter){ .dropped = true }, 0);
	for (unsigned way = 0; way < 3; way++) {
		carry(udp(CN, US));
		m = take(DP_PUNT_LOCAL);
		if (way == 0)
			dp_release(&dp, m);
		else if (way == 1)
			dp_drop(&dp, m, DP_DROP_LOCAL_PORT);
		else
			dp_resume(&dp, m, gateway);
		send_some(DP_BURST);
		dp_count_drop(&dp, DP_DROP_LOCAL_ICMP6);
		dp_watch_end(&dp);
		expect_frames("let go", way == 1 ? "dropped 0 packet 48/48 60 local_port\n" : "");
	}
	watch_off();
}

/* What control says to a mobile node that moves, without having received anything. */
static void test_follows(void **state)
{
	struct pkt old = udp(US, COA), now = udp(US, "2001:db8:f::2");

	(void)state;
	capture_on((struct watch_filter){ .has_hoa = true, .hoa = addr(HOA) }, 14);
	bind_at(HOA, "2001:db8:f::2");
	assert_int_equal(dp_send(&dp, old.b, old.n, 1500), 0);
	assert_int_equal(dp_send(&dp, now.b, now.n, 1500), 0);
	send_some(DP_BURST);
	expect_frames("captured", "out 0 frame 14/62 02\n");
	watch_off();
	bind_at(HOA, COA);
	trace_on((struct watch_filter){ .has_hoa = true, .hoa = addr(HOA) });
	bind_at(HOA, "2001:db8:f::2");
	assert_int_equal(dp_send(&dp, old.b, old.n, 1500), 0);
	assert_int_equal(dp_send(&dp, now.b, now.n, 1500), 0);
	send_some(DP_BURST);
	expect("traced", "*control:sent route:tx\n.tx:wire\n");
	watch_off();
	bind_at(HOA, COA);
}

static void test_capture_filters(void **state)
{
	static const uint8_t arp[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 8, [13] = 6 };

	(void)state;
	capture_on((struct watch_filter){ .has_hoa = true, .hoa = addr(HOA) }, 60);
	carry(udp(CN, HOA));
	carry(udp(CN, "2001:db8:a::101"));
	refuse_frame(arp, sizeof(arp), DP_DROP_RX_NOT_IPV6);
	expect_frames("mobile node, cut", "in 0 frame 60/62 02\nout 0 frame 60/102 02\n");
	watch_off();
	capture_on((struct watch_filter){ .dropped = true }, 0);
	carry(udp(CN, HOA));
	carry(udp(CN, US));
	carry(udp("ff02::1", CN));
	refuse_frame(arp, sizeof(arp), DP_DROP_RX_NOT_IPV6);
	expect_frames("drops",
		"dropped 0 packet 48/48 60 src_invalid\nin 0 frame 60/60 ff rx_not_ipv6\n");
	watch_off();
	capture_on(
		(struct watch_filter){
			.dropped = true, .has_reason = true, .reason = DP_DROP_TX_FULL },
		0);
	carry(udp("ff02::1", CN));
	for (unsigned i = 0; i < 3; i++)
		put(udp(CN, HOA));
	received();
	dp_carry(&worker);
	send_some(2);
	expect_frames("reason", "out 0 frame 102/102 02 tx_full\n");
	watch_off();
	empty_rings();
}

/* The port's tag is part of the frame. */
static void test_capture_vlan(void **state)
{
	struct rte_mbuf *m;

	(void)state;
	views[0].vlan = 7;
	views[0].vlan_tci_be = rte_cpu_to_be_16(7);
	capture_on((struct watch_filter){ 0 }, 0);
	m = put(udp(CN, "2001:db8:9::1"));
	memcpy(rte_pktmbuf_mtod(m, uint8_t *) - 18, "\xaa", 1);
	received();
	dp_carry(&worker);
	send_some(DP_BURST);
	expect_frames("with a tag", "in 0 frame 66/66 aa\nout 0 frame 66/66 02\n");
	watch_off();
	views[0].vlan = 0;
}

/* Only what the port took went out. */
static void test_capture_tx(void **state)
{
	(void)state;
	capture_on((struct watch_filter){ .has_dst = true, .dst = prefix("2001:db8:9::/48") }, 14);
	for (unsigned i = 0; i < 3; i++)
		put(udp(CN, "2001:db8:9::1"));
	received();
	dp_carry(&worker);
	send_some(1);
	expect_frames("one of three",
		"in 0 frame 14/62 02\nin 0 frame 14/62 02\nin 0 frame 14/62 02\n"
		"out 0 frame 14/62 02\nout 0 frame 14/62 02 tx_full\n"
		"out 0 frame 14/62 02 tx_full\n");
	watch_off();
}

static void test_capture_overflow(void **state)
{
	unsigned kept = 0;
	uint32_t len;

	(void)state;
	capture_on((struct watch_filter){ 0 }, 0);
	for (unsigned i = 0; i < 8000; i++)
		carry(udp(CN, HOA));
	for (; watch_peek(watch, 0, &len) != NULL; kept++)
		watch_next(watch, 0);
	assert_true(watch_lost(watch) > 0);
	assert_int_equal(kept + watch_lost(watch), 2 * 8000);
	assert_int_equal(watch_lost_at(watch, 0), watch_lost(watch));
	watch_off();
}

/* --- coming and going --- */

/* One of a kind; freed only when every worker has been through. */
static void test_life(void **state)
{
	struct watch_opts opts = { .kind = WATCH_TRACE, .lanes = dp_watch_lanes(&dp) };
	struct watch *second;

	(void)state;
	assert_int_equal(rte_rcu_qsbr_thread_register(t->rcu, 0), 0);
	rte_rcu_qsbr_thread_online(t->rcu, 0);
	trace_on((struct watch_filter){ 0 });
	assert_int_equal(watch_new(&opts, &second), 0);
	assert_int_equal(dp_watch_on(&dp, second, WATCH_NO_PORT), -EBUSY);
	assert_false(watch_is_stopping(watch));
	watch_stop(watch);
	assert_true(watch_is_stopping(watch));
	dp_watch_off(&dp, watch);
	assert_false(dp_watch_is_off(&dp, watch)); /* a turn is still running */
	assert_int_equal(dp_watch_on(&dp, second, WATCH_NO_PORT), -EBUSY);
	rte_rcu_qsbr_quiescent(t->rcu, 0);
	assert_true(dp_watch_is_off(&dp, watch));
	watch_free(watch);
	assert_int_equal(dp_watch_on(&dp, second, WATCH_NO_PORT), 0);
	watch = second;
	rte_rcu_qsbr_thread_offline(t->rcu, 0);
	rte_rcu_qsbr_thread_unregister(t->rcu, 0);
	watch_off();
}

/* A worker takes a watch over between two turns, not in the middle of one. */
static void test_take_over(void **state)
{
	struct dp_worker other = { .t = t };
	struct dp two = { .t = t, .worker_count = 1, .workers = { &other, &worker } };
	struct watch_opts opts = { .kind = WATCH_CAPTURE, .lanes = dp_watch_lanes(&two) };

	(void)state;
	assert_int_equal(opts.lanes, 2);
	assert_int_equal(watch_new(&opts, &watch), 0);
	assert_int_equal(dp_watch_on(&two, watch, WATCH_NO_PORT), 0);
	assert_true(worker.watched); /* control's own, at once */
	assert_false(other.watched);
	assert_false(other.watch_seen == other.watch_version);
	dp_worker_watch(&other);
	assert_true(other.watched && other.watching[WATCH_CAPTURE] == watch->lane[0]);
	assert_true(worker.watching[WATCH_CAPTURE] == watch->lane[1]);
	dp_watch_off(&two, watch);
	assert_true(other.watched);
	dp_worker_watch(&other);
	assert_false(other.watched);
	assert_true(dp_watch_is_off(&two, watch));
	watch_free(watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_waits_inside),
		cmocka_unit_test(test_divided),
		cmocka_unit_test(test_hop),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_port),
		cmocka_unit_test(test_fate_filters),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_own_vector),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_tx_full),
		cmocka_unit_test(test_refused_frames),
		cmocka_unit_test(test_old_marks),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_conservation),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_control_drops),
		cmocka_unit_test(test_buffer_again),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_capture),
		cmocka_unit_test(test_capture_gone),
		cmocka_unit_test(test_follows),
		cmocka_unit_test(test_capture_filters),
		cmocka_unit_test(test_capture_vlan),
		cmocka_unit_test(test_capture_tx),
		cmocka_unit_test(test_capture_overflow),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_take_over),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
