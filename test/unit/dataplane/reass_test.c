/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments to us through the packet path, on real tables: what is put together is the packet
 * that was cut, whatever the order, and goes where that would have gone.
 *
 *   port 0: 2001:db8:1::10, neighbour 2001:db8:1::1 (default route); port 1 without addresses
 *   home agent 2001:db8:a::1, 2001:db8:a::100 bound at 2001:db8:f::1
 */
#include "test.h"

#include <rte_eal.h>
#include <rte_rcu_qsbr.h>

#include "dataplane/worker.h"
#include "net/icmp6.h"
#include "rng.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define HA        "2001:db8:a::1"
#define HOA       "2001:db8:a::100"
#define COA       "2001:db8:f::1"
#define CN        "2001:db8:c::1"
#define ANYCAST   "2001:db8:a:0:fdff:ffff:ffff:fffe"
#define PORT_ADDR "2001:db8:1::10"
#define POOL      511
#define MAX       3000 /* octets of a datagram; a buffer holds just that behind its headroom */
#define ROUND     100000

static struct tables *t;
static struct rte_mempool *pool;
static struct dp_port_view views[2];
static struct rte_ring *punt[DP_PUNT_COUNT];
static struct dp_worker worker;
static uint16_t headroom = RTE_PKTMBUF_HEADROOM;
static uint16_t port;

static void route(const char *p, uint32_t value)
{
	struct ip6_prefix pre = prefix(p);

	assert_int_equal(fib_set(t->fib, &pre, value), 0);
}

static void make_tables(void)
{
	struct tables_opts opts = { .readers = 1,
		.max_bindings = 16,
		.max_neighbors = 16,
		.max_routes = 16,
		.max_addrs = 4,
		.seed = 42 };
	struct bc_binding b = { .hoa = addr(HOA), .coa = addr(COA), .ha = addr(HA) };
	struct ip6_addr gateway = addr("2001:db8:1::1");
	uint32_t id;

	assert_int_equal(tables_new(&opts, &t), 0);
	id = adj_add(t->adj, 0, &gateway);
	adj_set(t->adj, id, (const uint8_t[]){ 2, 0, 0, 0, 0, 1 }, ADJ_RESOLVED);
	route("::/0", fib_value(FIB_VIA, id));
	route(PORT_ADDR "/128", fib_value(FIB_LOCAL, 0));
	route("2001:db8:a::/48", fib_value(FIB_DOMAIN, 0));
	route(HA "/128", fib_value(FIB_HOME_AGENT, 0));
	route(ANYCAST "/128", fib_value(FIB_ANYCAST, 0));
	assert_int_equal(bc_publish(t->bc, &b), 0);
}

static int set_up(void **state)
{
	char args[][24] = { "reass-test", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
		"--no-shconf", "--log-level=*:error", "-l", "0" };
	char *argv[DIM(args) + 1] = { NULL };

	(void)state;
	for (unsigned i = 0; i < DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(DIM(args), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("pkts", POOL, 0, RTE_ALIGN(sizeof(struct dp_meta), 8),
		RTE_PKTMBUF_HEADROOM + MAX, SOCKET_ID_ANY);
	assert_non_null(pool);
	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		char name[16];

		snprintf(name, sizeof(name), "punt%u", c);
		punt[c] = rte_ring_create(name, 128, SOCKET_ID_ANY, 0);
		assert_non_null(punt[c]);
	}
	make_tables();
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
	tables_free(t);
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

static int begin(void **state)
{
	struct reass_opts opts = { .max_datagrams = 64,
		.max_fragments = 128,
		.max_per_source = 32,
		.max_octets = MAX,
		.timeout = UINT64_MAX / 2,
		.seed = { 1, 2 } };

	(void)state;
	memset(&worker, 0, sizeof(worker));
	worker.t = t;
	worker.port = views;
	worker.port_count = DIM(views);
	memcpy(worker.punt, punt, sizeof(punt));
	headroom = RTE_PKTMBUF_HEADROOM;
	port = 0;
	return dp_reass_start(&worker, opts);
}

static int end(void **state)
{
	(void)state;
	dp_reass_stop(&worker);
	assert_int_equal(rte_mempool_avail_count(pool), POOL); /* no packet was leaked */
	return 0;
}

/* --- packets --- */

struct pkt {
	uint8_t b[4000];
	uint16_t n;
};

static struct pkt ip6(
	const char *src, const char *dst, uint8_t next, const void *payload, uint16_t len)
{
	struct ip6_addr s = addr(src), d = addr(dst);
	struct pkt p = { .n = (uint16_t)(40 + len) };

	net_ip6_fill((struct net_ip6 *)p.b, len, next, 64, &s, &d);
	if (payload != NULL)
		memcpy(p.b + 40, payload, len);
	else
		for (unsigned i = 0; i < len; i++)
			p.b[40 + i] = (uint8_t)(i * 7 + i / 256);
	return p;
}

static struct pkt udp(const char *src, const char *dst, uint16_t len)
{
	return ip6(src, dst, IP6_UDP, NULL, len);
}

static struct pkt tunnel(const char *src, const char *dst, struct pkt inner)
{
	return ip6(src, dst, IP6_IN_IP6, inner.b, inner.n);
}

/* An extension header (its octets in hex, next header first) between header and payload. */
static struct pkt with_ext(struct pkt p, uint8_t type, const char *hex)
{
	struct buf b = buf_from_hex(hex);
	struct net_ip6 *ip = (struct net_ip6 *)p.b;

	b.p[0] = ip->next_header;
	ip->next_header = type;
	memmove(p.b + 40 + b.n, p.b + 40, p.n - 40u);
	memcpy(p.b + 40, b.p, b.n);
	p.n = (uint16_t)(p.n + b.n);
	net_ip6_set_payload_len(ip, (uint16_t)(p.n - 40));
	buf_free(&b);
	return p;
}

static struct pkt set_tclass(struct pkt p, uint8_t tclass)
{
	net_ip6_set_vtf((struct net_ip6 *)p.b, tclass, 0);
	return p;
}

/* How a packet is cut: `head` octets are repeated, nh_off names what follows them. */
struct cut {
	uint16_t head, nh_off;
	uint32_t id;
};
static const struct cut plain = { 40, 6, 7 };

static struct pkt fragment(
	const struct pkt *whole, struct cut c, uint16_t off, uint16_t len, bool more)
{
	struct pkt p = { .n = (uint16_t)(c.head + 8 + len) };
	uint8_t *h = p.b + c.head;

	assert_true(c.head + off + len <= whole->n);
	memcpy(p.b, whole->b, c.head);
	h[0] = p.b[c.nh_off];
	p.b[c.nh_off] = IP6_FRAGMENT;
	h[2] = (uint8_t)(off >> 8);
	h[3] = (uint8_t)(off | more);
	h[6] = (uint8_t)(c.id >> 8);
	h[7] = (uint8_t)c.id;
	memcpy(h + 8, whole->b + c.head + off, len);
	net_ip6_set_payload_len((struct net_ip6 *)p.b, (uint16_t)(p.n - 40));
	return p;
}

/* In n pieces of `unit` octets, the last one as long as it comes. */
static void cut(const struct pkt *whole, struct cut c, uint16_t unit, unsigned n, struct pkt *out)
{
	for (unsigned i = 0; i < n; i++) {
		uint16_t off = (uint16_t)(i * unit);

		out[i] = fragment(whole, c, off,
			i < n - 1 ? unit : (uint16_t)(whole->n - c.head - off), i < n - 1);
	}
}

static void put(const struct pkt *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	m->data_off = headroom;
	memcpy(rte_pktmbuf_append(m, p->n), p->b, p->n);
	memset(dp_meta(m), 0, sizeof(struct dp_meta));
	dp_meta(m)->port = port;
	dp_vec_push(&worker.vec[V_AGAIN], m);
}

/* What left since the worker's beginning, or since the last call: at most one packet by tx or
 * punt, and how many were dropped, for one reason at most. */
enum { NOTHING = -1, TX = -2, PUNT = -3 };
struct fate {
	int door; /* NOTHING, TX, PUNT - class, or a reason */
	uint64_t dropped;
	struct dp_meta meta;
	uint8_t b[4100]; /* from the IPv6 header on */
	uint16_t n;
};

static void keep(struct fate *f, struct rte_mbuf *m, int door)
{
	uint16_t l2 = door == TX ? 14 : 0;

	assert_int_equal(f->door, NOTHING);
	f->door = door;
	f->meta = *dp_meta(m);
	f->n = (uint16_t)(m->data_len - l2);
	memcpy(f->b, rte_pktmbuf_mtod(m, uint8_t *) + l2, f->n);
	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(m->pkt_len, m->data_len);
	rte_pktmbuf_free(m);
}

static struct fate collect(const struct dp_counters *before)
{
	struct fate f = { .door = NOTHING };
	void *m;

	for (unsigned i = 0; i < worker.port_count; i++) {
		for (unsigned k = 0; k < worker.tx[i].n; k++)
			keep(&f, worker.tx[i].pkt[k], TX);
		worker.tx[i].n = 0;
	}
	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		while (rte_ring_dequeue(punt[c], &m) == 0)
			keep(&f, m, PUNT - (int)c);
	}
	for (unsigned r = 0; r < DP_DROP_COUNT; r++) {
		uint64_t n = worker.counters.drop[r] - before->drop[r];

		if (n == 0)
			continue;
		assert_int_equal(f.dropped, 0);
		f.dropped = n;
		if (f.door == NOTHING)
			f.door = (int)r;
	}
	return f;
}

static struct fate send_one(struct pkt p)
{
	struct dp_counters before = worker.counters;

	put(&p);
	dp_carry(&worker);
	return collect(&before);
}

static struct fate send_all(const struct pkt *p, unsigned n)
{
	struct dp_counters before = worker.counters;

	for (unsigned i = 0; i < n; i++)
		put(&p[i]);
	dp_carry(&worker);
	return collect(&before);
}

static void check_held(const char *what, struct pkt p)
{
	struct fate f = send_one(p);

	if (f.door != NOTHING)
		fail_msg("%s: door %d", what, f.door);
}

static void check_door(const char *what, struct pkt p, int door)
{
	struct fate f = send_one(p);

	if (f.door != door)
		fail_msg("%s: door %d, not %d", what, f.door, door);
}

static void check_error(const char *what, struct pkt p, enum dp_drop reason, uint8_t type,
	uint8_t code, uint32_t arg)
{
	struct fate f = send_one(p);

	if (f.door != PUNT - (int)DP_PUNT_ERROR || f.meta.drop != reason ||
		f.meta.icmp_type != type || f.meta.icmp_code != code || f.meta.icmp_arg != arg)
		fail_msg("%s: door %d %s icmp %u/%u arg %u", what, f.door,
			dp_drop_name((enum dp_drop)f.meta.drop), f.meta.icmp_type, f.meta.icmp_code,
			f.meta.icmp_arg);
	assert_int_equal(f.n, p.n);
	assert_memory_equal(f.b, p.b, p.n);
}

static void check_same(const char *what, const struct fate *f, const struct fate *want)
{
	if (f->door != want->door || f->n != want->n || memcmp(f->b, want->b, f->n) != 0)
		fail_msg("%s: door %d, %u octets", what, f->door, f->n);
}

/* --- tests --- */

/* Three fragments of a tunnel packet, every order, sizes from 8 octets on, one at a time and in
 * one burst: what leaves is what leaves when the packet was never cut. */
static void test_orders(void **state)
{
	static const uint8_t order[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 },
		{ 2, 0, 1 }, { 2, 1, 0 } };
	struct pkt whole = tunnel(COA, HA, udp(HOA, CN, 1413)), piece[3], turned[3];
	struct fate want = send_one(whole), f;

	(void)state;
	assert_int_equal(want.door, TX);
	assert_int_equal(want.n, 1453);
	for (uint16_t unit = 8; unit <= 720; unit = (uint16_t)(unit + 24)) {
		cut(&whole, plain, unit, 3, piece);
		for (unsigned o = 0; o < DIM(order); o++) {
			for (unsigned i = 0; i < 3; i++)
				turned[i] = piece[order[o][i]];
			check_held("first", turned[0]);
			check_held("second", turned[1]);
			f = send_one(turned[2]);
			check_same("one by one", &f, &want);
			f = send_all(turned, 3);
			check_same("in a burst", &f, &want);
		}
	}
	assert_int_equal(reass_tab_fragments(worker.reass), 0);
}

static void test_counters(void **state)
{
	struct pkt whole = tunnel(COA, HA, udp(HOA, CN, 1413)), piece[3];

	(void)state;
	cut(&whole, plain, 480, 3, piece);
	send_all(piece, 3);
	check_held("another", fragment(&whole, (struct cut){ 40, 6, 8 }, 0, 80, true));
	check_error("odd", fragment(&whole, plain, 0, 81, true), DP_DROP_FRAG_LENGTH, 4, 0, 4);
	assert_int_equal(worker.counters.c[DP_COUNTER_FRAGMENTS], 5);
	assert_int_equal(worker.counters.c[DP_COUNTER_FRAGMENTS_JOINED], 3);
	assert_int_equal(worker.counters.c[DP_COUNTER_REASSEMBLED], 1);
	assert_int_equal(worker.counters.c[DP_COUNTER_DECAPSULATED], 1);
	assert_int_equal(reass_tab_fragments(worker.reass), 1);
}

/* Headers in front are the first fragment's, and so is what the Fragment header says comes next;
 * what is put together is walked again. */
static void test_headers(void **state)
{
	static const char *const hao = "00 02 01 02 00 00 c9 10 20010db8000a00000000000000000100";
	uint8_t mh[64] = { 59, 7, 5 };
	struct pkt whole = with_ext(ip6(COA, HA, IP6_MH, mh, sizeof(mh)), IP6_DSTOPT, hao);
	struct pkt other = whole, p[2];
	struct cut c = { 64, 40, 9 };
	struct fate f;

	(void)state;
	cut(&whole, c, 32, 2, p);
	for (unsigned first = 0; first < 2; first++) {
		check_held("one half", p[first]);
		f = send_one(p[1 - first]);
		assert_int_equal(f.door, PUNT - (int)DP_PUNT_KNOWN);
		assert_int_equal(f.n, whole.n);
		assert_memory_equal(f.b, whole.b, whole.n);
		assert_true(f.meta.flags & DP_META_WALKED);
		assert_int_equal(f.meta.ext.hao_off, 46);
		assert_int_equal(f.meta.ext.upper, IP6_MH);
		assert_int_equal(f.meta.ext.upper_off, 64);
	}
	/* a second fragment without options, with another next header, hop limit and length */
	other = ip6(COA, HA, IP6_UDP, whole.b + 64, 64);
	((struct net_ip6 *)other.b)->hop_limit = 3;
	check_held("with options", p[0]);
	f = send_one(fragment(&other, (struct cut){ 40, 6, 9 }, 32, 32, false));
	assert_int_equal(f.door, PUNT - (int)DP_PUNT_KNOWN);
	assert_int_equal(f.n, whole.n);
	assert_memory_equal(f.b, whole.b, whole.n);
}

/* To each kind of address that is ours; what is put together has the queue of its kind. */
static void test_kinds(void **state)
{
	static const struct {
		const char *dst;
		uint8_t type;
		enum dp_punt_class c;
	} rows[] = {
		{ HA, ICMP6_ECHO_REQUEST, DP_PUNT_LOCAL },
		{ PORT_ADDR, ICMP6_ECHO_REQUEST, DP_PUNT_LOCAL },
		{ ANYCAST, ICMP6_HAAD_REQUEST, DP_PUNT_DISCOVERY },
		{ HA, ICMP6_MPS, DP_PUNT_DISCOVERY },
	};

	(void)state;
	for (unsigned i = 0; i < DIM(rows); i++) {
		uint8_t icmp[64] = { rows[i].type };
		struct pkt whole = ip6(CN, rows[i].dst, IP6_ICMP6, icmp, sizeof(icmp)), p[2];

		cut(&whole, plain, 32, 2, p);
		check_held(rows[i].dst, p[1]);
		check_door(rows[i].dst, p[0], PUNT - (int)rows[i].c);
	}
}

/* A Home Address that nobody can have is judged once all is there. */
static void test_refused_home_address(void **state)
{
	static const char *const hao = "00 02 01 02 00 00 c9 10 ff0e0000000000000000000000000001";
	uint8_t mh[64] = { 59, 7, 5 };
	struct pkt whole = with_ext(ip6(COA, HA, IP6_MH, mh, sizeof(mh)), IP6_DSTOPT, hao), p[2];

	(void)state;
	cut(&whole, (struct cut){ 64, 40, 9 }, 32, 2, p);
	check_held("last", p[1]);
	check_door("signalling", p[0], DP_DROP_HAO_INVALID);
	whole = with_ext(udp(COA, HA, 64), IP6_DSTOPT, hao);
	cut(&whole, (struct cut){ 64, 40, 9 }, 32, 2, p);
	check_held("last", p[1]);
	check_door("data", p[0], PUNT - (int)DP_PUNT_LOCAL);
}

/* RFC 8200, 4.5: what is wrong with one fragment. */
static void test_refused(void **state)
{
	struct pkt whole = udp(CN, PORT_ADDR, 1000), high = fragment(&whole, plain, 0, 16, false);
	struct pkt chain = with_ext(udp(CN, PORT_ADDR, 64), IP6_DSTOPT,
		"00 01 01 0c 0000 0000"
		"0000 0000 0000 0000");
	uint8_t ns[64] = { ICMP6_NS };
	struct pkt nd = ip6("fe80::5", PORT_ADDR, IP6_ICMP6, ns, sizeof(ns));

	(void)state;
	check_error("odd", fragment(&whole, plain, 0, 15, true), DP_DROP_FRAG_LENGTH, 4, 0, 4);
	high.b[42] = 0xff;
	high.b[43] = 0xf8;
	check_error("beyond", high, DP_DROP_FRAG_BEYOND, 4, 0, 42);
	check_door("empty", fragment(&whole, plain, 8, 0, true), DP_DROP_FRAG_EMPTY);
	check_error(
		"chain cut", fragment(&chain, plain, 0, 8, true), DP_DROP_EXT_TRUNCATED, 4, 3, 0);
	check_error("no upper layer", fragment(&chain, plain, 0, 16, true), DP_DROP_EXT_TRUNCATED,
		4, 3, 0);
	check_held("an octet of it", fragment(&chain, plain, 0, 24, true));
	check_door("neighbour discovery", fragment(&nd, plain, 0, 32, true), DP_DROP_ND_FRAGMENT);
	whole = udp(CN, "ff02::1", 64);
	check_door("to a group", fragment(&whole, plain, 0, 16, true), DP_DROP_DST_MULTICAST);
	whole = udp(PORT_ADDR, HA, 64);
	check_held("from us", fragment(&whole, plain, 0, 16, true));
	check_door("from us", fragment(&whole, plain, 16, 48, false), DP_DROP_SRC_OURS);
}

/* A second Fragment header in the chain, which the first fragment holds, or it is refused. */
static void test_nested(void **state)
{
	static const char *const options = "00 00 01 04 00000000";
	struct pkt whole = udp(CN, PORT_ADDR, 64), part = fragment(&whole, plain, 0, 32, true);

	(void)state;
	check_door("in a row", fragment(&part, plain, 0, 24, true), DP_DROP_EXT_ORDER);
	part = with_ext(udp(CN, PORT_ADDR, 64), IP6_FRAGMENT, "00 00 00 00 00 00 00 01");
	check_door("an atomic one in one", fragment(&part, plain, 0, 24, true), DP_DROP_EXT_ORDER);
	part = with_ext(fragment(&whole, plain, 0, 32, true), IP6_DSTOPT, options);
	check_door("behind options", fragment(&part, plain, 0, 16, true), DP_DROP_EXT_ORDER);
	check_error("not there yet", fragment(&part, plain, 0, 8, true), DP_DROP_EXT_TRUNCATED, 4,
		3, 0);
}

/* RFC 3168, 5.3. */
static void test_ecn(void **state)
{
	static const struct {
		uint8_t first, second;
		int result; /* of the outer header; -1: dropped */
	} rows[] = { { 0, 0, 0 }, { 2, 2, 2 }, { 2, 3, 3 }, { 3, 2, 3 }, { 0, 3, -1 }, { 3, 0, -1 },
		{ 1, 2, 1 } };

	(void)state;
	for (unsigned i = 0; i < DIM(rows); i++) {
		struct pkt whole = set_tclass(udp(CN, PORT_ADDR, 64), rows[i].first);
		struct fate f;

		check_held("first", fragment(&whole, plain, 0, 32, true));
		whole = set_tclass(whole, rows[i].second);
		f = send_one(fragment(&whole, plain, 32, 32, false));
		if (rows[i].result < 0) {
			assert_int_equal(f.door, DP_DROP_FRAG_ECN);
			assert_int_equal(f.dropped, 2);
			continue;
		}
		assert_int_equal(f.door, PUNT - (int)DP_PUNT_LOCAL);
		assert_int_equal(net_ip6_tclass((struct net_ip6 *)f.b), rows[i].result);
	}
}

/* The largest datagram, wherever its first fragment lies in its buffer; one octet more. */
static void test_size(void **state)
{
	struct pkt whole = udp(CN, PORT_ADDR, MAX - 40), p[3];

	(void)state;
	for (headroom = RTE_PKTMBUF_HEADROOM; headroom < 1200; headroom += 214) {
		struct fate f;

		cut(&whole, plain, 1000, 3, p);
		f = send_all(p, 3);
		assert_int_equal(f.door, PUNT - (int)DP_PUNT_LOCAL);
		assert_int_equal(f.n, MAX);
		assert_memory_equal(f.b, whole.b, MAX);
	}
	headroom = RTE_PKTMBUF_HEADROOM;
	whole = udp(CN, PORT_ADDR, MAX - 39);
	cut(&whole, plain, 1000, 3, p);
	check_held("first", p[0]);
	check_held("second", p[1]);
	check_door("one too many", p[2], DP_DROP_FRAG_TOO_BIG);
	check_door("of no use any more", p[0], DP_DROP_FRAG_TOO_BIG);
	/* headers in front count as well, when they are known */
	whole = with_ext(udp(CN, PORT_ADDR, MAX - 40), IP6_DSTOPT, "00 00 01 04 00000000");
	cut(&whole, (struct cut){ 48, 40, 8 }, 1000, 3, p);
	check_held("last", p[2]);
	check_held("second", p[1]);
	check_door("eight too many", p[0], DP_DROP_FRAG_TOO_BIG);
	assert_int_equal(worker.counters.drop[DP_DROP_FRAG_TOO_BIG], 4 + 3);
	assert_int_equal(reass_tab_fragments(worker.reass), 0);
}

static void begin_with(uint32_t max_octets)
{
	struct reass_opts opts = { .max_datagrams = 4,
		.max_fragments = 64,
		.max_per_source = 32,
		.max_octets = max_octets,
		.timeout = UINT64_MAX / 2 };

	dp_reass_stop(&worker);
	assert_int_equal(dp_reass_start(&worker, opts), 0);
}

/* A buffer that is smaller than it should be, from a driver's own memory perhaps; and a bound that
 * only the first fragment's headers exceed. */
static void test_size_at_last(void **state)
{
	struct pkt whole = udp(CN, PORT_ADDR, MAX - 39), p[3];

	(void)state;
	begin_with(MAX + 100);
	cut(&whole, plain, 1000, 3, p);
	assert_int_equal(send_all(p, 3).door, DP_DROP_FRAG_TOO_BIG);
	begin_with(1000);
	for (unsigned over = 0; over < 2; over++) {
		whole = with_ext(udp(CN, PORT_ADDR, (uint16_t)(1000 - 48 + over)), IP6_DSTOPT,
			"00 00 01 04 00000000");
		cut(&whole, (struct cut){ 48, 40, 7 }, 400, 3, p);
		assert_int_equal(send_all(p, 3).door,
			over ? (int)DP_DROP_FRAG_TOO_BIG : PUNT - (int)DP_PUNT_LOCAL);
	}
}

/* What the walk said of the first fragment is not true of the whole. */
static void test_walk_is_forgotten(void **state)
{
	struct pkt whole = udp(CN, PORT_ADDR, 64), p[2];
	struct dp_counters before;

	(void)state;
	cut(&whole, plain, 32, 2, p);
	put(&p[0]);
	put(&p[1]);
	dp_classify(&worker, &worker.vec[V_AGAIN]);
	before = worker.counters;
	dp_reass(&worker, &worker.vec[V_FRAGMENT]);
	assert_int_equal(worker.vec[V_AGAIN].n, 1);
	assert_false(dp_meta(worker.vec[V_AGAIN].pkt[0])->flags & DP_META_WALKED);
	dp_carry(&worker);
	assert_int_equal(collect(&before).door, PUNT - (int)DP_PUNT_LOCAL);
}

/* RFC 5722. */
static void test_overlap(void **state)
{
	struct pkt whole = udp(CN, PORT_ADDR, 64);
	struct fate f;

	(void)state;
	check_held("first", fragment(&whole, plain, 0, 32, true));
	check_door("twice", fragment(&whole, plain, 0, 32, true), DP_DROP_FRAG_DUPLICATE);
	f = send_one(fragment(&whole, plain, 24, 40, false));
	assert_int_equal(f.door, DP_DROP_FRAG_OVERLAP);
	assert_int_equal(f.dropped, 2);
	check_door("later", fragment(&whole, plain, 32, 32, false), DP_DROP_FRAG_OVERLAP);
}

/* What came through a tunnel and what did not are never one packet, whoever sends it; nor are
 * fragments with a link-local address from two links. */
static void test_ways(void **state)
{
	struct pkt whole = udp(HOA, PORT_ADDR, 64), p[2];

	(void)state;
	cut(&whole, plain, 32, 2, p);
	check_held("through the tunnel", tunnel(COA, HA, p[0]));
	check_held("past it", p[1]);
	check_door("through it", tunnel(COA, HA, p[1]), PUNT - (int)DP_PUNT_LOCAL);
	check_door("past it", p[0], PUNT - (int)DP_PUNT_LOCAL);
	whole = udp("fe80::5", PORT_ADDR, 64);
	cut(&whole, plain, 32, 2, p);
	check_held("on one link", p[0]);
	port = 1;
	check_held("on another", p[1]);
	port = 0;
	check_door("on the one", p[1], PUNT - (int)DP_PUNT_LOCAL);
	port = 1;
	check_door("on the other", p[0], PUNT - (int)DP_PUNT_LOCAL);
	/* else the link does not matter */
	whole = udp(CN, PORT_ADDR, 64);
	cut(&whole, plain, 32, 2, p);
	check_held("on one link", p[0]);
	port = 0;
	check_door("on the other", p[1], PUNT - (int)DP_PUNT_LOCAL);
}

/* Nothing is held for whom a tunnel does not vouch for, not even an error is sent. */
static void test_unchecked(void **state)
{
	uint8_t mh[64] = { 59, 7, 5 };
	struct pkt bu = with_ext(ip6("2001:db8:f::9", HA, IP6_MH, mh, sizeof(mh)), IP6_DSTOPT,
			   "00 00 01 04 00000000"),
		   p[3];
	struct fate f;

	(void)state;
	cut(&bu, (struct cut){ 48, 40, 7 }, 32, 2, p);
	check_door("first", tunnel("2001:db8:f::9", HA, p[0]), DP_DROP_DECAP_NO_BINDING);
	check_door("last", tunnel("2001:db8:f::9", HA, p[1]), DP_DROP_DECAP_NO_BINDING);
	check_door("odd",
		tunnel("2001:db8:f::9", HA, fragment(&bu, (struct cut){ 48, 40, 7 }, 0, 33, true)),
		DP_DROP_DECAP_NO_BINDING);
	assert_int_equal(worker.counters.c[DP_COUNTER_FRAGMENTS], 0);
	/* the tunnel's own fragments are another matter */
	bu = tunnel("2001:db8:f::9", HA, bu);
	cut(&bu, plain, 40, 3, p);
	f = send_all(p, 3);
	assert_int_equal(f.door, PUNT - (int)DP_PUNT_SIGNALLING);
	assert_true(f.meta.flags & DP_META_UNCHECKED);
}

/* Every packet of a nest that is opened may have been in fragments. */
static void test_every_depth(void **state)
{
	struct pkt a = udp("2001:db8:a::110", PORT_ADDR, 300), b, c, p[2], q[2], r[2];
	struct bc_binding bind = {
		.hoa = addr("2001:db8:a::110"), .coa = addr(HOA), .ha = addr(HA)
	};
	struct fate f;

	(void)state;
	assert_int_equal(bc_publish(t->bc, &bind), 0);
	cut(&a, plain, 152, 2, p);
	for (unsigned i = 0; i < 2; i++) {
		b = tunnel(HOA, HA, p[i]);
		cut(&b, plain, 104, 2, q);
		for (unsigned k = 0; k < 2; k++) {
			c = tunnel(COA, HA, q[k]);
			cut(&c, (struct cut){ 40, 6, 7 + i * 2 + k }, 80, 2, r);
			check_held("outermost", r[1]);
			if (i + k < 2)
				check_held("inside", r[0]);
		}
	}
	f = send_one(r[0]);
	assert_int_equal(f.door, PUNT - (int)DP_PUNT_LOCAL);
	assert_int_equal(f.n, a.n);
	assert_memory_equal(f.b, a.b, a.n);
	assert_int_equal(f.meta.opened, 2);
	assert_int_equal(worker.counters.c[DP_COUNTER_REASSEMBLED], 4 + 2 + 1);
	assert_int_equal(reass_tab_fragments(worker.reass), 0);
	assert_int_equal(bc_remove(t->bc, &bind.hoa), 0);
}

/* Time is over: the source hears of it, if the first fragment was here, with that fragment as
 * it was. */
static void test_timeout(void **state)
{
	struct pkt whole = udp(CN, PORT_ADDR, 64), first = fragment(&whole, plain, 0, 32, true);
	struct dp_counters before;
	struct fate f;

	(void)state;
	check_held("second", fragment(&whole, plain, 32, 8, true));
	check_held("first", first);
	check_held("no first", fragment(&whole, (struct cut){ 40, 6, 8 }, 32, 32, false));
	before = worker.counters;
	dp_reass_expire(&worker, rte_rdtsc());
	assert_int_equal(reass_tab_datagrams(worker.reass), 2);
	dp_reass_expire(&worker, UINT64_MAX);
	f = collect(&before);
	assert_int_equal(f.door, PUNT - (int)DP_PUNT_ERROR);
	assert_int_equal(f.meta.drop, DP_DROP_FRAG_TIMEOUT);
	assert_int_equal(f.meta.icmp_type, ICMP6_TIME_EXCEEDED);
	assert_int_equal(f.meta.icmp_code, 1);
	assert_int_equal(f.n, first.n);
	assert_memory_equal(f.b, first.b, first.n);
	assert_int_equal(f.dropped, 2); /* the others; this one is counted once control is done */
	assert_int_equal(worker.counters.drop[DP_DROP_FRAG_TIMEOUT], 2);
	assert_int_equal(reass_tab_datagrams(worker.reass), 0);
}

static void test_shutdown(void **state)
{
	struct pkt whole = udp(CN, PORT_ADDR, 64);

	(void)state;
	check_held("one", fragment(&whole, plain, 0, 32, true));
	check_held("another", fragment(&whole, (struct cut){ 40, 6, 8 }, 0, 32, true));
	dp_reass_stop(&worker);
	assert_int_equal(worker.counters.drop[DP_DROP_SHUTDOWN], 2);
}

/* Each bound has its name, and old datagrams make room. */
static void test_bounds(void **state)
{
	struct pkt whole = udp(CN, PORT_ADDR, 400);
	uint64_t *drop = worker.counters.drop;

	(void)state;
	for (uint32_t id = 0; id < 33; id++)
		send_one(fragment(&whole, (struct cut){ 40, 6, id }, 0, 16, true));
	assert_int_equal(drop[DP_DROP_FRAG_SOURCE_LIMIT], 1);
	for (uint32_t i = 0; i < 64; i++) {
		whole.b[23] = (uint8_t)(100 + i);
		send_one(fragment(&whole, plain, 0, 16, true));
	}
	assert_int_equal(drop[DP_DROP_FRAG_EVICTED], 32);
	for (uint16_t i = 0; i < 17; i++)
		send_one(fragment(&whole, (struct cut){ 40, 6, 99 }, (uint16_t)(i * 8), 8, true));
	assert_int_equal(drop[DP_DROP_FRAG_TOO_MANY], 17);
}

/* Random fragments of random packets among others: as many packets leave as came, or are held,
 * or became part of one (dp_carry() asserts it too, in builds with assertions). */
static void test_conservation(void **state)
{
	uint64_t seed = rng_start("reass"), in = 0, out = 0;
	struct pkt whole = tunnel(COA, HA, udp(HOA, CN, 600)), other = udp(CN, HOA, 64);
	const struct dp_counters *c = &worker.counters;
	void *m;

	(void)state;
	for (unsigned i = 0; i < ROUND; i++) {
		unsigned n = 1 + (unsigned)rng_below(&seed, DP_BURST);

		for (unsigned k = 0; k < n && i < ROUND; k++, i++, in++) {
			struct cut to = { 40, 6, (uint32_t)rng_below(&seed, 8) };
			uint16_t at = (uint16_t)rng_below(&seed, 4);
			struct pkt p;

			whole.b[23] = (uint8_t)rng_below(&seed, 6);
			p = fragment(&whole, to, (uint16_t)(at * 160), 160, at < 3);
			if (rng_below(&seed, 50) == 0)
				p.b[43] ^= 8;
			put(rng_below(&seed, 10) == 0 ? &other : &p);
		}
		dp_carry(&worker);
		if (rng_below(&seed, 50) == 0)
			dp_reass_expire(&worker, UINT64_MAX);
		for (unsigned p = 0; p < worker.port_count; p++) {
			out += worker.tx[p].n;
			rte_pktmbuf_free_bulk(worker.tx[p].pkt, worker.tx[p].n);
			worker.tx[p].n = 0;
		}
		for (unsigned q = 0; q < DP_PUNT_COUNT; q++) {
			for (; rte_ring_dequeue(punt[q], &m) == 0; out++)
				rte_pktmbuf_free(m);
		}
	}
	for (unsigned r = 0; r < DP_DROP_COUNT; r++)
		out += c->drop[r];
	assert_true(c->c[DP_COUNTER_REASSEMBLED] > ROUND / 100);
	assert_int_equal(in, out + reass_tab_fragments(worker.reass) +
				     c->c[DP_COUNTER_FRAGMENTS_JOINED] -
				     c->c[DP_COUNTER_REASSEMBLED]);
	assert_int_equal(rte_mempool_avail_count(pool), POOL - reass_tab_fragments(worker.reass));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_orders),
		TEST(test_counters),
		TEST(test_headers),
		TEST(test_kinds),
		TEST(test_refused_home_address),
		TEST(test_refused),
		TEST(test_nested),
		TEST(test_ecn),
		TEST(test_size),
		TEST(test_size_at_last),
		TEST(test_walk_is_forgotten),
		TEST(test_overlap),
		TEST(test_ways),
		TEST(test_unchecked),
		TEST(test_every_depth),
		TEST(test_timeout),
		TEST(test_shutdown),
		TEST(test_bounds),
		TEST(test_conservation),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
