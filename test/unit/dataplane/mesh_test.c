/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mesh's tunnels from the seal stage of one site to the open stage of another, on real tables:
 * site 1 (2001:db8:1::10) with one worker, site 2 (2001:db8:2::10) with two. What one puts on the
 * wire is handed to the other as if it had come in; both have a default route, and a route to
 * 2001:db8:c::/48 by port 1: there is the mobile node to which both deliver what they open.
 */
#include "test.h"

#include <rte_eal.h>
#include <rte_rcu_qsbr.h>

#include "conf/conf.h"
#include "control/mesh/route.h"
#include "dataplane/plan.h"
#include "dataplane/relay.h"
#include "dataplane/spread.h"
#include "dataplane/worker.h"
#include "net/frag.h"
#include "net/icmp6.h"
#include "rng.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/sa.h"
#include "tables/tables.h"

#define SITE1   "2001:db8:1::10"
#define SITE2   "2001:db8:2::10"
#define CN      "2001:db8:c::1"
#define MN      "2001:db8:c:1::7"
#define POOL    1023
#define MAX     3000
#define HAND    128
#define WORKERS 2 /* of site 2 */

enum { PUNTED = 1000 }; /* door of what left for control with an error */

struct site {
	struct tables *t;
	struct rte_ring *punt[DP_PUNT_COUNT], *hand[WORKERS], *tx;
	_Atomic bool spreading;
	uint32_t workers;
	struct dp_worker w[WORKERS];
};

static struct rte_mempool *pool;
static struct dp_port_view views[2];
static struct site site1, site2;
static struct mesh_answers answers;

static void route(struct tables *t, const char *p, uint32_t value)
{
	struct ip6_prefix pre = prefix(p);

	assert_int_equal(fib_set(t->fib, &pre, value), 0);
}

static void neighbor(struct tables *t, uint16_t port, const char *text, const char *towards)
{
	struct ip6_addr a = addr(text);
	uint32_t id = adj_add(t->adj, port, &a);

	adj_set(t->adj, id, (const uint8_t[]){ 2, 0, 0, 0, (uint8_t)port, 1 }, ADJ_RESOLVED);
	route(t, towards, fib_value(FIB_VIA, id));
}

static void make_site(struct site *s, uint8_t node, uint32_t workers, const char *own, bool clear)
{
	struct sa_opts mesh = {
		.node = node, .site = addr(own), .workers = workers + 1, .clear = clear, .seed = 7
	};
	struct tables_opts opts = { .readers = workers,
		.max_bindings = 16,
		.mesh_domains = 1,
		.max_neighbors = 16,
		.max_routes = 16,
		.max_addrs = 4,
		.seed = 42,
		.mesh = &mesh };
	struct bc_binding b = { .hoa = addr("2001:db8:a::100"),
		.coa = addr("2001:db8:f::1"),
		.ha = addr("2001:db8:a::1") };
	struct bc_binding mn = { .hoa = addr(MN), .coa = addr("2001:db8:c::9"), .ha = b.ha };
	struct mesh_domain *d;
	char host[64];

	assert_int_equal(tables_new(&opts, &s->t), 0);
	neighbor(s->t, 0, "2001:db8:9::1", "::/0");
	neighbor(s->t, 1, "2001:db8:9:1::1", "2001:db8:c::/48");
	snprintf(host, sizeof(host), "%s/128", own);
	route(s->t, host, fib_value(FIB_LOCAL, 0));
	route(s->t, "2001:db8:dead::/48", fib_value(FIB_UNREACHABLE, 0));
	route(s->t, "2001:db8:a::1/128", fib_value(FIB_HOME_AGENT, 0));
	route(s->t, "2001:db8:c:1::/64", fib_value(FIB_DOMAIN, 0));
	assert_int_equal(bc_publish(s->t->bc, &b), 0);
	assert_int_equal(bc_publish(s->t->bc, &mn), 0);
	d = meshtab_buffer(s->t->mesh, 0);
	assert_int_equal(route_compile(true, FORWARD_DIRECT, &answers), 0);
	*d = (struct mesh_domain){
		.answers = &answers, .self = node, .members = { 1 << 1 | 1 << 2 }
	};
	assert_int_equal(meshtab_publish(s->t->mesh, 0), 0);
	s->workers = workers;
}

static void make_worker(struct site *s, uint16_t i)
{
	struct dp_worker *w = &s->w[i];
	struct reass_opts opts = { .max_datagrams = 64,
		.max_fragments = 128,
		.max_per_source = 32,
		.max_octets = MAX,
		.timeout = UINT64_MAX / 2,
		.seed = { 1, 2 } };
	struct conf_domain domain = { .name = "msp" };
	struct conf conf = { .domains = &domain, .domain_count = 1 };

	memset(w, 0, sizeof(*w));
	w->t = s->t;
	w->id = i;
	w->workers = (uint16_t)s->workers;
	w->is_reader = true;
	w->port = views;
	w->port_count = DIM(views);
	w->pool = pool;
	w->tx_queue[0] = w->tx_queue[1] = PLAN_NO_QUEUE;
	w->tx_ring[0] = w->tx_ring[1] = s->tx;
	memcpy(w->punt, s->punt, sizeof(w->punt));
	if (s->workers > 1) {
		w->hand = s->hand;
		w->spread = &s->spreading;
	}
	fragid_init(&w->fragid, (const uint8_t[FRAGID_KEY_LEN]){ 7 }, i, WORKERS);
	assert_int_equal(relay_new(&conf, rte_get_tsc_hz(), 1, &w->relay), 0);
	assert_int_equal(dp_reass_start(w, opts), 0);
	assert_int_equal(rte_rcu_qsbr_thread_register(s->t->rcu, i), 0);
	rte_rcu_qsbr_thread_online(s->t->rcu, i);
}

static void make_rings(struct site *s, char name)
{
	char text[16];

	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		snprintf(text, sizeof(text), "punt%c%u", name, c);
		s->punt[c] = rte_ring_create(text, 128, SOCKET_ID_ANY, 0);
		assert_non_null(s->punt[c]);
	}
	snprintf(text, sizeof(text), "tx%c", name);
	s->tx = rte_ring_create(text, 128, SOCKET_ID_ANY, 0);
	assert_non_null(s->tx);
	for (unsigned i = 0; i < WORKERS; i++) {
		snprintf(text, sizeof(text), "hand%c%u", name, i);
		s->hand[i] = rte_ring_create(text, HAND, SOCKET_ID_ANY, 0);
		assert_non_null(s->hand[i]);
	}
}

static int set_up(void **state)
{
	char args[][24] = { "mesh-test", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
		"--no-shconf", "--log-level=*:error", "-l", "0" };
	char *argv[DIM(args) + 1] = { NULL };

	(void)state;
	for (unsigned i = 0; i < DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(DIM(args), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("pkts", POOL, 0, RTE_ALIGN(sizeof(struct dp_meta), 8),
		RTE_PKTMBUF_HEADROOM + MAX + 100, SOCKET_ID_ANY);
	assert_non_null(pool);
	make_rings(&site1, 'a');
	make_rings(&site2, 'b');
	for (unsigned i = 0; i < DIM(views); i++) {
		views[i] = (struct dp_port_view){
			.dev = (uint16_t)i, .mtu = 1500, .mac = { 2, 0xaa }, .link_up = true
		};
		ip6_link_local_from_mac(views[i].mac, &views[i].link_local);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

static struct sa_keys keys_of(uint8_t sender, uint32_t generation)
{
	struct sa_keys k = { .generation = generation };

	for (unsigned i = 0; i < sizeof(k.key); i++)
		k.key[i] = (uint8_t)(generation * 37 + sender + i);
	for (unsigned i = 0; i < sizeof(k.salt); i++)
		k.salt[i] = (uint8_t)(generation * 11 + sender + i);
	return k;
}

/* What one handshake gives: site 1 sends with it, site 2 opens. */
static void share(uint32_t generation)
{
	struct sa_keys k = keys_of(1, generation);

	assert_int_equal(sa_add_in(site2.t->sa, 1, &k), 0);
	assert_int_equal(sa_set_out(site1.t->sa, 2, &k), 0);
}

static void start(bool clear)
{
	struct ip6_addr a1 = addr(SITE1), a2 = addr(SITE2);

	views[0].mtu = views[1].mtu = 1500;
	site2.spreading = false;
	make_site(&site1, 1, 1, SITE1, clear);
	make_site(&site2, 2, WORKERS, SITE2, clear);
	assert_int_equal(sa_add_peer(site1.t->sa, 2, &a2), 0);
	assert_int_equal(sa_add_peer(site2.t->sa, 1, &a1), 0);
	make_worker(&site1, 0);
	for (uint16_t i = 0; i < WORKERS; i++)
		make_worker(&site2, i);
}

static int begin(void **state)
{
	(void)state;
	start(false);
	share(1);
	return 0;
}

static int begin_clear(void **state)
{
	(void)state;
	start(true);
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WORKERS; i++) {
		dp_reass_stop(&site2.w[i]);
		relay_free(site2.w[i].relay);
	}
	dp_reass_stop(&site1.w[0]);
	relay_free(site1.w[0].relay);
	tables_free(site1.t);
	tables_free(site2.t);
	assert_int_equal(rte_mempool_avail_count(pool), POOL); /* no packet was leaked */
	return 0;
}

/* --- packets --- */

struct pkt {
	uint8_t b[4000];
	uint16_t n;
};

static struct pkt udp(const char *src, const char *dst, uint16_t len)
{
	struct ip6_addr s = addr(src), d = addr(dst);
	struct pkt p = { .n = len };

	for (unsigned i = 40; i < len; i++)
		p.b[i] = (uint8_t)(i * 7);
	net_ip6_fill((struct net_ip6 *)p.b, (uint16_t)(len - 40), IP6_UDP, 64, &s, &d);
	return p;
}

static struct net_ip6 *head(struct pkt *p)
{
	return (struct net_ip6 *)p->b;
}

static struct rte_mbuf *mbuf_of(const struct pkt *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, p->n), p->b, p->n);
	memset(dp_meta(m), 0, sizeof(struct dp_meta));
	return m;
}

static void push(struct dp_vec *v, const struct pkt *p, uint8_t relay_to, uint8_t flags)
{
	struct rte_mbuf *m = mbuf_of(p);

	dp_meta(m)->relay_to = relay_to;
	dp_meta(m)->flags = flags;
	dp_vec_push(v, m);
}

static void seal(struct dp_worker *w)
{
	w->spare = DP_SPARE;
	dp_seal(w, &w->vec[V_RELAY]);
	dp_route(w, &w->vec[V_ROUTE]);
}

/* Frames of a port, without their Ethernet headers. */
static unsigned take_tx(struct dp_worker *w, uint16_t port, struct pkt *out, unsigned max)
{
	struct dp_vec *v = &w->tx[port];
	unsigned n = v->n;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = v->pkt[i];

		if (i < max) {
			out[i].n = (uint16_t)(m->data_len - 14);
			memcpy(out[i].b, rte_pktmbuf_mtod_offset(m, uint8_t *, 14), out[i].n);
		}
		rte_pktmbuf_free(m);
	}
	v->n = 0;
	return n;
}

/* One packet sealed by site 1. */
static struct pkt sealed(const struct pkt *p, uint8_t flags)
{
	struct dp_worker *w = &site1.w[0];
	struct pkt out = { .n = 0 };

	push(&w->vec[V_RELAY], p, 2, flags);
	seal(w);
	assert_int_equal(take_tx(w, 0, &out, 1), 1);
	return out;
}

/* The only drop since: its reason; PUNTED + reason: dropped with an error. -1: none. */
static int reason_since(struct dp_worker *w, const struct dp_counters *before, struct dp_meta *meta)
{
	int reason = -1;
	void *m;

	for (int i = 0; i < DP_DROP_COUNT; i++) {
		if (w->counters.drop[i] == before->drop[i])
			continue;
		assert_int_equal(w->counters.drop[i], before->drop[i] + 1);
		assert_int_equal(reason, -1);
		reason = i;
	}
	while (rte_ring_dequeue(w->punt[DP_PUNT_ERROR], &m) == 0) {
		assert_int_equal(reason, -1);
		*meta = *dp_meta(m);
		reason = PUNTED + meta->drop;
		rte_pktmbuf_free(m);
	}
	return reason;
}

/* What site 2's worker `id` makes of a packet from the wire: -1, and what was inside in *out; or why
 * not; -2: it waits. What becomes of the packet then is others' business. */
static int arrive(unsigned id, const struct pkt *p, struct pkt *out)
{
	struct dp_worker *w = &site2.w[id];
	struct dp_counters before = w->counters;
	struct dp_vec *again = &w->vec[V_AGAIN];
	struct dp_meta meta;
	int reason;

	push(again, p, 0, 0);
	for (unsigned pass = 0; pass < DP_MAX_PASSES && again->n > 0; pass++) {
		struct rte_mbuf *m = again->pkt[0];

		assert_int_equal(again->n, 1);
		if (dp_meta(m)->peer == 1 && pass > 0) {
			out->n = m->data_len;
			memcpy(out->b, rte_pktmbuf_mtod(m, uint8_t *), out->n);
			rte_pktmbuf_free(m);
			again->n = 0;
			return reason_since(w, &before, &meta);
		}
		dp_classify(w, again);
		dp_reass(w, &w->vec[V_FRAGMENT]);
		dp_open(w, &w->vec[V_MESH]);
		dp_decap(w, &w->vec[V_TUNNEL]);
	}
	reason = reason_since(w, &before, &meta);
	return reason >= 0 ? reason : -2;
}

/* The worker of site 2 that opens what worker 0 of site 1 seals. */
static unsigned opener(void)
{
	return sa_owner(sa_spi(1, 0, false, 1), WORKERS);
}

/* Where it is opened, whoever gets it. */
static unsigned opener_of(const struct pkt *wire)
{
	uint32_t spi;

	memcpy(&spi, wire->b + 40, 4);
	return ((const struct net_ip6 *)wire->b)->next_header == IP6_ESP
		       ? sa_owner(be32toh(spi), WORKERS)
		       : opener();
}

static void check_arrives(const struct pkt *wire, const struct pkt *sent)
{
	struct pkt got, want = *sent;

	assert_int_equal(arrive(opener_of(wire), wire, &got), -1);
	head(&want)->hop_limit = 63;
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.b, want.b, want.n);
}

static void check_drop(const struct pkt *wire, enum dp_drop reason)
{
	struct pkt got;
	int r = arrive(opener_of(wire), wire, &got);

	if (r != (int)reason)
		fail_msg("%s, not %s", r < 0 ? "arrived" : dp_drop_name((enum dp_drop)(r % PUNTED)),
			dp_drop_name(reason));
}

/* --- there and back --- */

static void test_sizes(void **state)
{
	(void)state;
	for (uint16_t len = 40; len <= 1426; len = (uint16_t)(len + (len < 200 ? 1 : 61))) {
		struct pkt p = udp(CN, MN, len), wire = sealed(&p, len & 1 ? DP_META_RELAY_ON : 0);

		assert_int_equal(wire.n, 40 + esp_size(len));
		check_arrives(&wire, &p);
	}
}

static void test_outer_header(void **state)
{
	struct pkt p = udp(CN, MN, 100), wire, again;
	uint32_t spi;

	(void)state;
	net_ip6_set_vtf(head(&p), 0xb9, 0x12345);
	wire = sealed(&p, 0);
	again = sealed(&p, DP_META_RELAY_ON);
	assert_int_equal(net_ip6_version(head(&wire)), 6);
	assert_int_equal(net_ip6_tclass(head(&wire)), 0xb9);
	assert_int_not_equal(net_ip6_flow(head(&wire)), 0);
	assert_int_equal(net_ip6_flow(head(&wire)), net_ip6_flow(head(&again)));
	assert_int_equal(head(&wire)->next_header, IP6_ESP);
	assert_int_equal(head(&wire)->hop_limit, 64);
	assert_true(ip6_eq(&head(&wire)->src, &(struct ip6_addr){ 0 }) == false);
	assert_memory_equal(&head(&wire)->src, &sa_view(site1.t->sa)->site, 16);
	assert_memory_equal(&head(&wire)->dst, &sa_view(site2.t->sa)->site, 16);
	memcpy(&spi, wire.b + 40, 4);
	assert_int_equal(be32toh(spi), 0x01000001);
	memcpy(&spi, again.b + 40, 4);
	assert_int_equal(be32toh(spi), 0x01800001);
	check_arrives(&wire, &p);
}

/* The provenance that later stages go by. */
static void test_provenance(void **state)
{
	struct dp_worker *w = &site2.w[opener()];
	struct pkt p = udp(CN, MN, 100);

	(void)state;
	for (unsigned relayed = 0; relayed < 2; relayed++) {
		struct pkt wire = sealed(&p, relayed ? DP_META_RELAY_ON : 0);
		struct rte_mbuf *m;

		push(&w->vec[V_MESH], &wire, 0, DP_META_WALKED);
		dp_open(w, &w->vec[V_MESH]);
		assert_int_equal(w->vec[V_AGAIN].n, 1);
		m = w->vec[V_AGAIN].pkt[0];
		assert_int_equal(dp_meta(m)->peer, 1);
		assert_int_equal(dp_meta(m)->flags, relayed ? DP_META_RELAYED : 0);
		assert_int_equal(dp_meta(m)->opened, 0);
		rte_pktmbuf_free(m);
		w->vec[V_AGAIN].n = 0;
	}
}

static void test_counts(void **state)
{
	struct sa_count out, in;
	struct sa_info info;
	uint32_t cursor = 0;
	int ret, found = 0;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct pkt p = udp(CN, MN, (uint16_t)(100 + i)), wire = sealed(&p, 0);

		check_arrives(&wire, &p);
	}
	assert_int_equal(sa_count(site1.t->sa, 2, &out, &in), 0);
	assert_int_equal(out.packets, 5);
	assert_int_equal(out.octets, 510);
	assert_int_equal(in.packets, 0);
	assert_int_equal(sa_count(site2.t->sa, 1, &out, &in), 0);
	assert_int_equal(in.packets, 5);
	assert_int_equal(in.octets, 510);
	assert_int_equal(site1.w[0].counters.c[DP_COUNTER_MESH_SEALED], 5);
	assert_int_equal(site2.w[opener()].counters.c[DP_COUNTER_MESH_OPENED], 5);
	while ((ret = sa_next(site2.t->sa, &cursor, &info)) >= 0) {
		if (ret == 0)
			continue;
		found++;
		assert_int_equal(info.node, 1);
		assert_false(info.outbound);
		assert_int_equal(info.spi, 0x01000001);
		assert_int_equal(info.number, 5);
		assert_int_equal(info.count.packets, 5);
	}
	assert_int_equal(found, 1);
}

/* --- sizes --- */

static struct dp_meta check_seal_error(struct pkt p, uint8_t flags, enum dp_drop reason)
{
	struct dp_worker *w = &site1.w[0];
	struct dp_counters before = w->counters;
	struct dp_meta meta = { 0 };
	int r;

	push(&w->vec[V_RELAY], &p, 2, flags);
	seal(w);
	r = reason_since(w, &before, &meta);
	if (r != PUNTED + (int)reason)
		fail_msg("%d, not an error for %s", r, dp_drop_name(reason));
	return meta;
}

static void check_seal_drop(const struct pkt *p, uint8_t relay_to, enum dp_drop reason)
{
	struct dp_worker *w = &site1.w[0];
	struct dp_counters before = w->counters;
	struct dp_meta meta;

	push(&w->vec[V_RELAY], p, relay_to, 0);
	seal(w);
	assert_int_equal(reason_since(w, &before, &meta), reason);
}

static void test_too_big(void **state)
{
	struct dp_meta meta = check_seal_error(udp(CN, MN, 1427), 0, DP_DROP_MESH_TOO_BIG);
	struct pkt p = udp(CN, MN, 1280), wire[4];

	(void)state;
	assert_int_equal(meta.icmp_type, ICMP6_TOO_BIG);
	assert_int_equal(meta.icmp_arg, 1426);
	sa_set_mtu(site1.t->sa, 2, 1400);
	meta = check_seal_error(udp(CN, MN, 1327), 0, DP_DROP_MESH_TOO_BIG);
	assert_int_equal(meta.icmp_arg, 1326);
	sa_set_mtu(site1.t->sa, 2, 1300);
	meta = check_seal_error(udp(CN, MN, 1281), 0, DP_DROP_MESH_TOO_BIG);
	assert_int_equal(meta.icmp_arg, 1280);
	/* what must be carried all the same goes in two */
	push(&site1.w[0].vec[V_RELAY], &p, 2, 0);
	seal(&site1.w[0]);
	assert_int_equal(take_tx(&site1.w[0], 0, wire, 4), 2);
	for (unsigned i = 0; i < 2; i++) {
		struct pkt got;

		assert_true(wire[i].n <= 1300);
		assert_int_equal(head(&wire[i])->next_header, IP6_FRAGMENT);
		assert_int_equal(arrive(opener(), &wire[i], &got), i == 0 ? -2 : -1);
		if (i == 1)
			assert_memory_equal(got.b + 40, p.b + 40, 1240);
	}
}

/* What came in fragments leaves in fragments; not more of them than a turn has room for. */
static void test_joined(void **state)
{
	struct pkt p = udp(CN, MN, 2600), wire[200], got;
	struct dp_counters before = site1.w[0].counters;
	struct dp_vec *v = &site1.w[0].vec[V_RELAY];
	unsigned n;

	(void)state;
	sa_set_mtu(site1.t->sa, 2, 1280);
	push(v, &p, 2, DP_META_JOINED);
	seal(&site1.w[0]);
	n = take_tx(&site1.w[0], 0, wire, DIM(wire));
	assert_int_equal(n, 3);
	views[1].mtu = 3000;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(arrive(opener(), &wire[i], &got), i + 1 < n ? -2 : -1);
	assert_int_equal(got.n, p.n);
	assert_memory_equal(got.b + 40, p.b + 40, p.n - 40u);
	for (unsigned i = 0; i < DP_BURST; i++)
		push(v, &p, 2, DP_META_JOINED);
	seal(&site1.w[0]);
	assert_int_equal(take_tx(&site1.w[0], 0, wire, 0), 3 * DP_BURST);
	/* each takes one of the spare ones; here they are used up before the last */
	for (unsigned i = 0; i < DP_BURST; i++)
		push(v, &p, 2, DP_META_JOINED);
	site1.w[0].spare = DP_SPARE - 1;
	dp_seal(&site1.w[0], v);
	dp_route(&site1.w[0], &site1.w[0].vec[V_ROUTE]);
	assert_int_equal(take_tx(&site1.w[0], 0, wire, 0), 3 * (DP_BURST - 1));
	assert_int_equal(
		site1.w[0].counters.drop[DP_DROP_NO_BUFFER], before.drop[DP_DROP_NO_BUFFER] + 1);
}

/* In pieces of at most 1280 octets: how many. */
static unsigned cut(const struct pkt *p, struct pkt *out)
{
	struct frag f;

	assert_int_equal(frag_init(&f, p->b, p->n, 1280, 77), 0);
	for (unsigned i = 0; i < f.count; i++)
		out[i].n = frag_next(&f, out[i].b);
	return f.count;
}

/* As large as it may be: in a tunnel the other site puts it together, too. What comes by no tunnel of
 * the mesh may have to go into one. */
static void test_joined_largest(void **state)
{
	struct pkt p = udp(CN, MN, MAX - PLAN_MESH_OVERHEAD), wire[4], got;
	struct dp_worker *w = &site2.w[0];
	unsigned n;

	(void)state;
	push(&site1.w[0].vec[V_RELAY], &p, 2, DP_META_JOINED);
	seal(&site1.w[0]);
	n = take_tx(&site1.w[0], 0, wire, DIM(wire));
	assert_int_equal(n, 3);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(arrive(opener(), &wire[i], &got), i + 1 < n ? -2 : -1);
	assert_int_equal(got.n, p.n);
	route(site2.t, "2001:db8:2::11/128", fib_value(FIB_LOCAL, 0));
	for (uint16_t over = 0; over < 2; over++) {
		void *m = NULL;

		p = udp(CN, "2001:db8:2::11", (uint16_t)(MAX - PLAN_MESH_OVERHEAD + over));
		n = cut(&p, wire);
		for (unsigned i = 0; i < n; i++)
			push(&w->vec[V_AGAIN], &wire[i], 0, 0);
		dp_carry(w);
		assert_int_equal(w->counters.drop[DP_DROP_FRAG_TOO_BIG], over ? n : 0);
		assert_int_equal(rte_ring_dequeue(w->punt[DP_PUNT_LOCAL], &m), over ? -ENOENT : 0);
		if (!over)
			rte_pktmbuf_free(m);
	}
}

/* One half came from the peer's own port, the other it had from somebody else. */
static void test_joined_ways(void **state)
{
	struct dp_worker *w = &site2.w[opener()];
	struct pkt p = udp(CN, "2001:db8:a::1", 1400), half[2];

	(void)state;
	assert_int_equal(cut(&p, half), 2);
	for (unsigned i = 0; i < 2; i++) {
		struct pkt wire = sealed(&half[i], i == 0 ? DP_META_RELAY_ON : 0);

		push(&w->vec[V_AGAIN], &wire, 0, 0);
	}
	dp_carry(w);
	assert_int_equal(w->counters.c[DP_COUNTER_MESH_OPENED], 2);
	assert_int_equal(w->counters.c[DP_COUNTER_REASSEMBLED], 0);
	assert_int_equal(reass_tab_fragments(w->reass), 2);
}

static void test_seal_refused(void **state)
{
	struct pkt p = udp(CN, MN, 100);
	struct ip6_prefix to = prefix(SITE2 "/128");
	struct rte_mbuf *m;
	struct dp_counters before;
	struct dp_meta meta;

	(void)state;
	head(&p)->hop_limit = 1;
	meta = check_seal_error(p, 0, DP_DROP_HOP_LIMIT);
	assert_int_equal(meta.icmp_type, ICMP6_TIME_EXCEEDED);
	head(&p)->hop_limit = 64;
	check_seal_drop(&p, 3, DP_DROP_MESH_NO_KEYS); /* no peer at all */
	assert_int_equal(fib_set(site1.t->fib, &to, fib_value(FIB_UNREACHABLE, 0)), 0);
	meta = check_seal_error(p, 0, DP_DROP_NO_ROUTE);
	assert_int_equal(meta.icmp_type, ICMP6_UNREACHABLE);
	assert_int_equal(fib_del(site1.t->fib, &to), 0);
	m = mbuf_of(&p);
	memmove((uint8_t *)m->buf_addr + 20, p.b, p.n);
	m->data_off = 20;
	dp_meta(m)->relay_to = 2;
	before = site1.w[0].counters;
	dp_vec_push(&site1.w[0].vec[V_RELAY], m);
	seal(&site1.w[0]);
	assert_int_equal(reason_since(&site1.w[0], &before, &meta), DP_DROP_ENCAP_HEADROOM);
	sa_out_of(sa_view(site1.t->sa)->peer[2])->lane[0].esp.last = ESP_NUMBERS;
	check_seal_drop(&p, 2, DP_DROP_MESH_NO_KEYS);
	assert_int_equal(sa_set_out(site1.t->sa, 2, NULL), 0);
	check_seal_drop(&p, 2, DP_DROP_MESH_NO_KEYS);
}

/* --- what is not opened --- */

static void put_spi(struct pkt *p, uint32_t spi)
{
	spi = htobe32(spi);
	memcpy(p->b + 40, &spi, 4);
}

static void test_forged(void **state)
{
	struct pkt p = udp(CN, MN, 100);

	(void)state;
	for (unsigned at = 44; at < 40 + esp_size(100); at++) {
		struct pkt wire = sealed(&p, 0), bad = wire;
		struct pkt got;
		int r;

		bad.b[at] ^= 0x10;
		r = arrive(opener(), &bad, &got);
		/* a number that is changed may also be one that was taken */
		assert_true(r == DP_DROP_MESH_ESP_FORGED ||
			    (at < 48 && r == DP_DROP_MESH_ESP_REPLAYED));
		check_arrives(&wire, &p); /* the forged one did not take its place */
	}
}

static void test_not_opened(void **state)
{
	struct ip6_addr other = addr("2001:db8:1::11");
	struct pkt p = udp(CN, MN, 100), wire = sealed(&p, 0), bad;

	(void)state;
	bad = wire;
	head(&bad)->src = other;
	check_drop(&bad, DP_DROP_MESH_SOURCE);
	bad = wire;
	put_spi(&bad, sa_spi(77, 0, false, 1));
	check_drop(&bad, DP_DROP_MESH_STRANGER);
	bad = wire;
	put_spi(&bad, sa_spi(2, 0, false, 1)); /* our own */
	check_drop(&bad, DP_DROP_MESH_STRANGER);
	bad = wire;
	put_spi(&bad, sa_spi(1, 0, false, 9));
	check_drop(&bad, DP_DROP_MESH_ESP_KEYS);
	bad = wire;
	put_spi(&bad, sa_spi(1, 0, true, 1)); /* the other kind of hop: another nonce */
	check_drop(&bad, DP_DROP_MESH_ESP_FORGED);
	bad = wire;
	put_spi(&bad, sa_spi(1, 2, false, 1)); /* another worker: that too */
	check_drop(&bad, DP_DROP_MESH_ESP_FORGED);
	bad = wire;
	bad.n = 40 + 16 + 16;
	net_ip6_set_payload_len(head(&bad), 32);
	check_drop(&bad, DP_DROP_MESH_ESP_SHORT);
	check_arrives(&wire, &p);
	check_drop(&wire, DP_DROP_MESH_ESP_REPLAYED);
}

/* Sealed as a peer that has lost its mind would: genuine all the same. */
static struct pkt genuine(const void *text, uint32_t len, uint8_t next)
{
	struct sa_out *o = sa_out_of(sa_view(site1.t->sa)->peer[2]);
	struct pkt p = { .n = 0 };
	uint32_t n;

	memcpy(p.b + 40 + ESP_HEAD, text, len);
	n = esp_seal(sa_view(site1.t->sa)->gcm, &o->lane[0].esp, p.b + 40 + ESP_HEAD, len, next);
	net_ip6_fill(head(&p), (uint16_t)n, IP6_ESP, 64, &sa_view(site1.t->sa)->site,
		&sa_view(site2.t->sa)->site);
	p.n = (uint16_t)(40 + n);
	return p;
}

static void test_inner(void **state)
{
	struct pkt p = udp(CN, MN, 100), bad;
	struct ip6_addr ll = addr("fe80::1");

	(void)state;
	bad = genuine(p.b, p.n, IP6_UDP);
	check_drop(&bad, DP_DROP_MESH_INNER);
	bad = genuine(p.b, 39, IP6_IN_IP6);
	check_drop(&bad, DP_DROP_MESH_INNER);
	bad = genuine(p.b, 99, IP6_IN_IP6);
	check_drop(&bad, DP_DROP_MESH_INNER);
	bad = genuine(p.b, 0, IP6_NONE);
	check_drop(&bad, DP_DROP_MESH_INNER);
	head(&p)->vtf[0] = 0x40;
	bad = genuine(p.b, p.n, IP6_IN_IP6);
	check_drop(&bad, DP_DROP_MESH_INNER);
	p = udp(CN, MN, 40);
	head(&p)->next_header = IP6_HOPOPT;
	bad = genuine(p.b, p.n, IP6_IN_IP6);
	check_drop(&bad, DP_DROP_MESH_INNER);
	p = udp(CN, MN, 100);
	head(&p)->dst = ll;
	bad = genuine(p.b, p.n, IP6_IN_IP6);
	check_drop(&bad, DP_DROP_DECAP_LINK_LOCAL);
	p = udp("fe80::2", MN, 100);
	bad = genuine(p.b, p.n, IP6_IN_IP6);
	check_drop(&bad, DP_DROP_DECAP_LINK_LOCAL);
}

/* A peer's padding that is none: the text is sealed with GCM by hand. */
static void test_padding(void **state)
{
	struct sa_out *o = sa_out_of(sa_view(site1.t->sa)->peer[2]);
	struct esp_out *e = &o->lane[0].esp;
	struct pkt p = { .n = 40 + 16 + 48 + 16 };
	uint8_t aad[12] = { 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9 }, iv[12] = { 0 };

	(void)state;
	net_ip6_fill(head(&p), 80, IP6_ESP, 64, &sa_view(site1.t->sa)->site,
		&sa_view(site2.t->sa)->site);
	put_spi(&p, e->spi);
	p.b[47] = p.b[55] = iv[11] = 9;
	memcpy(iv, e->salt, 4);
	p.b[56 + 44] = 7; /* not 1 */
	p.b[56 + 46] = 2;
	p.b[56 + 47] = IP6_IN_IP6;
	gcm_seal(sa_view(site1.t->sa)->gcm, o->key, iv, aad, 12, p.b + 56, 48, p.b + 56 + 48);
	check_drop(&p, DP_DROP_MESH_ESP_PADDING);
}

static void test_ecn(void **state)
{
	static const struct {
		uint8_t inner, outer;
		int out; /* -1: dropped */
	} cases[] = { { 0, 0, 0 }, { 0, 3, -1 }, { 2, 3, 3 }, { 2, 2, 2 }, { 1, 3, 3 },
		{ 3, 2, 3 } };

	(void)state;
	for (unsigned i = 0; i < DIM(cases); i++) {
		struct pkt p = udp(CN, MN, 80), wire, got;

		net_ip6_set_ecn(head(&p), cases[i].inner);
		wire = sealed(&p, 0);
		assert_int_equal(net_ip6_tclass(head(&wire)) & 3, cases[i].inner);
		net_ip6_set_ecn(head(&wire), cases[i].outer);
		if (cases[i].out < 0) {
			check_drop(&wire, DP_DROP_DECAP_ECN);
			continue;
		}
		assert_int_equal(arrive(opener(), &wire, &got), -1);
		assert_int_equal(net_ip6_tclass(head(&got)) & 3, cases[i].out);
	}
}

/* A mesh packet in a mobile node's tunnel, and one in another mesh packet. */
static void test_nested(void **state)
{
	struct pkt p = udp(CN, MN, 100), wire = sealed(&p, 0);
	struct dp_worker *w = &site2.w[opener()];
	struct rte_mbuf *m = mbuf_of(&wire);
	struct pkt in_tunnel = { .n = (uint16_t)(40 + wire.n) };
	struct ip6_addr coa = addr("2001:db8:f::1"), ha = addr("2001:db8:a::1");

	(void)state;
	dp_meta(m)->peer = 1;
	dp_vec_push(&w->vec[V_AGAIN], m);
	dp_carry(w);
	assert_int_equal(w->counters.drop[DP_DROP_MESH_NESTED], 1);
	head(&wire)->src = addr("2001:db8:a::100");
	net_ip6_fill(head(&in_tunnel), wire.n, IP6_IN_IP6, 64, &coa, &ha);
	memcpy(in_tunnel.b + 40, wire.b, wire.n);
	check_drop(&in_tunnel, DP_DROP_MESH_NESTED);
}

/* ESP to an address of ours that is not the site's, and clear tunnels of strangers. */
static void test_not_mesh(void **state)
{
	struct pkt p = udp(CN, MN, 100), wire = sealed(&p, 0), clear = wire;
	struct dp_worker *w = &site2.w[opener()];
	void *m = NULL;

	(void)state;
	route(site2.t, "2001:db8:2::11/128", fib_value(FIB_LOCAL, 0));
	head(&wire)->dst = addr("2001:db8:2::11");
	push(&w->vec[V_AGAIN], &wire, 0, 0);
	dp_carry(w);
	assert_int_equal(rte_ring_dequeue(w->punt[DP_PUNT_LOCAL], &m), 0);
	rte_pktmbuf_free(m);
	head(&clear)->next_header = IP6_DSTOPT;
	memcpy(clear.b + 40, (uint8_t[]){ 41, 0, 4, 1, 1, 1, 1, 0 }, 8);
	check_drop(&clear, DP_DROP_MESH_CLEAR);
	head(&clear)->src = addr(CN);
	check_drop(&clear, DP_DROP_MESH_STRANGER);
	clear.b[44] = 2; /* not as a peer writes it: a packet to us like any other */
	push(&w->vec[V_AGAIN], &clear, 0, 0);
	dp_carry(w);
	assert_int_equal(rte_ring_dequeue(w->punt[DP_PUNT_LOCAL], &m), 0);
	rte_pktmbuf_free(m);
}

/* --- generations --- */

static void quiesce(void)
{
	rte_rcu_qsbr_quiescent(site1.t->rcu, 0);
	for (unsigned i = 0; i < WORKERS; i++)
		rte_rcu_qsbr_quiescent(site2.t->rcu, i);
	dq_run(site1.t->dq, 64);
	dq_run(site2.t->dq, 64);
}

/* Packets of both generations under way, in any order: none is lost until the old one ends. */
static void test_renew(void **state)
{
	struct pkt sent[60], wire[60];
	struct sa_count out, in;
	struct sa_keys k2 = keys_of(1, 2);

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		if (i == 20) /* who answered opens with them before anybody seals */
			assert_int_equal(sa_add_in(site2.t->sa, 1, &k2), 0);
		if (i == 30)
			assert_int_equal(sa_set_out(site1.t->sa, 2, &k2), 0);
		sent[i] = udp(CN, MN, (uint16_t)(60 + i));
		wire[i] = sealed(&sent[i], 0);
		quiesce();
	}
	for (unsigned i = 60; i-- > 0;)
		if (i != 29)
			check_arrives(&wire[i], &sent[i]);
	assert_int_equal(sa_del_in(site2.t->sa, 1, 1), 0);
	quiesce();
	assert_int_equal(dq_used(site2.t->dq), 0);
	assert_int_equal(dq_used(site1.t->dq), 0);
	check_drop(&wire[29], DP_DROP_MESH_ESP_KEYS);
	check_drop(&wire[30], DP_DROP_MESH_ESP_REPLAYED);
	sa_count(site1.t->sa, 2, &out, &in);
	assert_int_equal(out.packets, 60);
	sa_count(site2.t->sa, 1, &out, &in);
	assert_int_equal(in.packets, 59);
}

/* What makes a nonce: salt and number. Over lanes and generations none comes twice. */
static void test_numbers(void **state)
{
	struct sa *sa;
	struct sa_opts o = { .node = 1, .workers = SA_WORKERS };
	struct ip6_addr peer = addr(SITE2);
	static uint8_t seen[SA_LANES][ESP_SALT_LEN];

	(void)state;
	assert_int_equal(sa_new(&o, site1.t->dq, &sa), 0);
	assert_int_equal(sa_add_peer(sa, 2, &peer), 0);
	for (uint32_t g = 1; g < 4; g++) {
		struct sa_keys k = keys_of(1, g);
		struct sa_out *out;

		assert_int_equal(sa_set_out(sa, 2, &k), 0);
		out = sa_out_of(sa_view(sa)->peer[2]);
		assert_int_equal(out->lanes, SA_LANES);
		for (unsigned i = 0; i < SA_LANES; i++) {
			memcpy(seen[i], out->lane[i].esp.salt, ESP_SALT_LEN);
			assert_int_equal(out->lane[i].esp.last, 0);
			assert_ptr_equal(out->lane[i].esp.key, out->key);
			assert_int_equal(out->lane[i].esp.spi, sa_spi(1, i / 2, i & 1, g));
			for (unsigned j = 0; j < i; j++)
				assert_memory_not_equal(seen[i], seen[j], ESP_SALT_LEN);
		}
	}
	sa_free(sa);
}

/* --- many workers --- */

static void test_other_worker(void **state)
{
	unsigned other = 1 - opener();
	struct dp_worker *w = &site2.w[other];
	struct pkt p = udp(CN, MN, 100);
	void *m;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct pkt wire = sealed(&p, 0);

		push(&w->vec[V_AGAIN], &wire, 0, 0);
	}
	dp_carry(w);
	assert_int_equal(w->counters.c[DP_COUNTER_MESH_HANDED], 3);
	assert_int_equal(w->counters.c[DP_COUNTER_MESH_OPENED], 0);
	assert_int_equal(rte_ring_count(site2.hand[opener()]), 3);
	w = &site2.w[opener()];
	assert_true(dp_worker_poll(w));
	assert_int_equal(w->counters.c[DP_COUNTER_MESH_OPENED], 3);
	assert_int_equal(w->counters.c[DP_COUNTER_TX_RINGED], 3);
	while (rte_ring_dequeue(site2.tx, &m) == 0)
		rte_pktmbuf_free(m);
	/* what cannot be from a peer is no worker's business */
	head(&p)->dst = addr(SITE2);
	head(&p)->next_header = IP6_ESP;
	put_spi(&p, sa_spi(1, 0, false, 1));
	w = &site2.w[other];
	push(&w->vec[V_AGAIN], &p, 0, 0);
	dp_carry(w);
	assert_int_equal(w->counters.drop[DP_DROP_MESH_SOURCE], 1);
	put_spi(&p, sa_spi(77, other, false, 1));
	push(&w->vec[V_AGAIN], &p, 0, 0);
	dp_carry(w);
	assert_int_equal(w->counters.drop[DP_DROP_MESH_STRANGER], 1);
	head(&p)->src = addr(SITE1);
	put_spi(&p, sa_spi(1, 0, false, 9)); /* its owner had no keys for it either */
	push(&w->vec[V_AGAIN], &p, 0, 0);
	dp_carry(w);
	assert_int_equal(w->counters.drop[DP_DROP_MESH_ESP_KEYS], 1);
	assert_int_equal(w->counters.c[DP_COUNTER_MESH_HANDED], 3);
}

static void test_ring_full(void **state)
{
	unsigned other = 1 - opener();
	struct dp_worker *w = &site2.w[other];
	struct pkt p = udp(CN, MN, 100);
	void *m;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k < DP_BURST; k++) {
			struct pkt wire = sealed(&p, 0);

			push(&w->vec[V_AGAIN], &wire, 0, 0);
		}
		dp_carry(w);
	}
	assert_int_equal(w->counters.c[DP_COUNTER_MESH_HANDED], HAND - 1);
	assert_int_equal(w->counters.drop[DP_DROP_MESH_HAND_FULL], 3 * DP_BURST - HAND + 1);
	while (rte_ring_dequeue(site2.hand[opener()], &m) == 0)
		rte_pktmbuf_free(m);
}

/* Each flow goes to one worker, in order; both get some. */
static void test_spread(void **state)
{
	struct dp_worker *w = &site2.w[opener()], *o = &site2.w[1 - opener()];
	struct pkt here[64], there[64];
	unsigned n = 0, at_home, away;
	uint8_t last[16] = { 0 };

	(void)state;
	site2.spreading = true;
	for (unsigned i = 0; i < 64; i++) {
		struct pkt p = udp(CN, MN, 100), wire;

		p.b[40] = 0; /* source port: 16 flows, four packets each */
		p.b[41] = (uint8_t)(i % 16);
		p.b[60] = (uint8_t)(i / 16 + 1);
		wire = sealed(&p, 0);
		push(&w->vec[V_AGAIN], &wire, 0, 0);
	}
	dp_carry(w);
	at_home = take_tx(w, 1, here, 64);
	o->vec[V_AGAIN].n = rte_ring_dequeue_burst(
		site2.hand[o->id], (void **)o->vec[V_AGAIN].pkt, DP_BURST, NULL);
	dp_carry(o);
	away = take_tx(o, 1, there, 64);
	assert_int_equal(at_home + away, 64);
	assert_true(at_home > 0 && away > 0);
	assert_int_equal(at_home % 4, 0);
	for (struct pkt *p = here; n < 64; n++) {
		const uint8_t *inner;

		p = n < at_home ? &here[n] : &there[n - at_home];
		inner = p->b + sizeof(struct net_ip6);
		assert_int_equal(inner[60], last[inner[41]] + 1);
		last[inner[41]]++;
	}
}

static void test_spread_look(void **state)
{
	static const struct {
		uint64_t opened[3];
		bool on;
	} looks[] = {
		{ { 4999, 0, 0 }, false }, /* not worth it */
		{ { 10000, 5000, 5000 }, false }, /* 2 : 1 and no more */
		{ { 10001, 5000, 9000 }, true },
		{ { 9000, 5000, 9000 }, true }, /* less than what it began at: goes on */
		{ { 9000, 9000, 9000 }, true },
		{ { 9000, 2000, 9000 }, true },
	};
	struct spread s = { 0 };
	uint64_t even[3] = { 9000, 9000, 9000 };

	(void)state;
	for (unsigned i = 0; i < DIM(looks); i++)
		assert_int_equal(spread_look(&s, looks[i].opened, 3), looks[i].on);
	for (unsigned i = 1; i < SPREAD_CALM; i++)
		assert_true(spread_look(&s, even, 3));
	assert_false(spread_look(&s, even, 3));
	assert_false(spread_look(&s, (uint64_t[]){ 9000 }, 1));
}

/* --- without protection --- */

static void test_clear(void **state)
{
	struct sa_count out, in;

	(void)state;
	for (unsigned relayed = 0; relayed < 2; relayed++) {
		uint8_t opt[8] = { 41, 0, 4, 1, (uint8_t)!relayed, 1, 1, 0 };
		struct pkt p = udp(CN, MN, 1452), wire = sealed(&p, relayed ? DP_META_RELAY_ON : 0);
		struct dp_worker *w = &site2.w[1];

		assert_int_equal(wire.n, 1500);
		assert_int_equal(head(&wire)->next_header, IP6_DSTOPT);
		assert_memory_equal(wire.b + 40, opt, 8);
		check_arrives(&wire, &p);
		push(&w->vec[V_MESH], &wire, 0, 0); /* any worker */
		dp_open(w, &w->vec[V_MESH]);
		assert_int_equal(dp_meta(w->vec[V_AGAIN].pkt[0])->peer, 1);
		assert_int_equal(
			dp_meta(w->vec[V_AGAIN].pkt[0])->flags, relayed ? DP_META_RELAYED : 0);
		rte_pktmbuf_free(w->vec[V_AGAIN].pkt[0]);
		w->vec[V_AGAIN].n = 0;
	}
	sa_count(site2.t->sa, 1, &out, &in);
	assert_int_equal(in.packets, 4);
	check_seal_error(udp(CN, MN, 1453), 0, DP_DROP_MESH_TOO_BIG);
}

static void test_clear_refused(void **state)
{
	struct pkt p = udp(CN, MN, 100), wire = sealed(&p, 0), esp = wire;

	(void)state;
	head(&wire)->src = addr(CN);
	check_drop(&wire, DP_DROP_MESH_STRANGER);
	head(&esp)->next_header = IP6_ESP;
	put_spi(&esp, sa_spi(1, 1, false, 0)); /* there is a generation 0, but no key */
	check_drop(&esp, DP_DROP_MESH_ESP_KEYS);
}

/* Nothing of a clear packet vouches for the sealed one behind it, whatever SPI that names. */
static void test_clear_then_sealed(void **state)
{
	const uint32_t spi[] = { 0, sa_spi(1, 1, false, 0) };
	const enum dp_drop why[] = { DP_DROP_MESH_STRANGER, DP_DROP_MESH_ESP_KEYS };
	struct pkt p = udp(CN, MN, 100), clear = sealed(&p, 0), esp = clear;

	(void)state;
	head(&esp)->next_header = IP6_ESP;
	for (unsigned id = 0; id < WORKERS; id++) {
		struct dp_worker *w = &site2.w[id];

		for (unsigned i = 0; i < DIM(spi); i++) {
			put_spi(&esp, spi[i]);
			push(&w->vec[V_MESH], &clear, 0, 0);
			push(&w->vec[V_MESH], &esp, 0, 0);
			dp_open(w, &w->vec[V_MESH]);
			assert_int_equal(w->vec[V_AGAIN].n, 1);
			rte_pktmbuf_free(w->vec[V_AGAIN].pkt[0]);
			w->vec[V_AGAIN].n = 0;
			assert_int_equal(w->counters.drop[why[i]], 1);
		}
		assert_int_equal(w->counters.c[DP_COUNTER_MESH_HANDED], 0);
		assert_int_equal(w->counters.c[DP_COUNTER_MESH_OPENED], 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sizes, begin, end),
		cmocka_unit_test_setup_teardown(test_outer_header, begin, end),
		cmocka_unit_test_setup_teardown(test_provenance, begin, end),
		cmocka_unit_test_setup_teardown(test_counts, begin, end),
		cmocka_unit_test_setup_teardown(test_too_big, begin, end),
		cmocka_unit_test_setup_teardown(test_joined, begin, end),
		cmocka_unit_test_setup_teardown(test_joined_largest, begin, end),
		cmocka_unit_test_setup_teardown(test_joined_ways, begin, end),
		cmocka_unit_test_setup_teardown(test_seal_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_forged, begin, end),
		cmocka_unit_test_setup_teardown(test_not_opened, begin, end),
		cmocka_unit_test_setup_teardown(test_inner, begin, end),
		cmocka_unit_test_setup_teardown(test_padding, begin, end),
		cmocka_unit_test_setup_teardown(test_ecn, begin, end),
		cmocka_unit_test_setup_teardown(test_nested, begin, end),
		cmocka_unit_test_setup_teardown(test_not_mesh, begin, end),
		cmocka_unit_test_setup_teardown(test_renew, begin, end),
		cmocka_unit_test_setup_teardown(test_numbers, begin, end),
		cmocka_unit_test_setup_teardown(test_other_worker, begin, end),
		cmocka_unit_test_setup_teardown(test_ring_full, begin, end),
		cmocka_unit_test_setup_teardown(test_spread, begin, end),
		cmocka_unit_test(test_spread_look),
		cmocka_unit_test_setup_teardown(test_clear, begin_clear, end),
		cmocka_unit_test_setup_teardown(test_clear_refused, begin_clear, end),
		cmocka_unit_test_setup_teardown(test_clear_then_sealed, begin_clear, end),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
