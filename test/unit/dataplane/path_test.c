/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path from classify to route, on real tables: a packet in, its door and its octets
 * out. Ports are views without devices, so frames are read from the TX vectors.
 *
 *   port 0: 2001:db8:1::10/64, gateway 2001:db8:1::1 (default route), neighbour ::77
 *   port 1: 2001:db8:2::10/64, MTU 1280, neighbour 2001:db8:2::5; 2001:db8:2::6 unresolved
 *   domain 0: 2001:db8:a::/48, home agent 2001:db8:a::1; domain 1: 2001:db8:b::/48, ::1
 *   bindings: a::100 at 2001:db8:f::1, a::101 at 2001:db8:2::5 (on-link, small MTU),
 *             b::100 at 2001:db8:f::2, with "encap-limit": "always"
 */
#include "test.h"

#include <rte_eal.h>
#include <rte_rcu_qsbr.h>

#include "conf/conf.h"
#include "dataplane/police.h"
#include "dataplane/sync.h"
#include "dataplane/worker.h"
#include "net/cksum.h"
#include "net/hello.h"
#include "net/icmp6.h"
#include "net/ip6hdr.h"
#include "net/udp.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define HA           "2001:db8:a::1"
#define HOA          "2001:db8:a::100"
#define ANYCAST      "2001:db8:a:0:fdff:ffff:ffff:fffe"
#define COA          "2001:db8:f::1"
#define CN           "2001:db8:c::1"
#define DOOR_TX      -1
#define DOOR_PUNT(c) (-2 - (int)(c))

static struct tables *t;
static struct rte_mempool *pool;
static struct dp_port_view views[2];
static struct rte_ring *punt[DP_PUNT_COUNT];
static struct dp_worker worker;
static uint32_t gateway;

static const uint8_t mac_gateway[] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t mac_neighbor[] = { 2, 0, 0, 0, 0, 5 };

static void route(const char *p, uint32_t value)
{
	struct ip6_prefix pre = prefix(p);

	assert_int_equal(fib_set(t->fib, &pre, value), 0);
}

static void bind_at(
	const char *hoa, const char *coa, const char *ha, uint16_t domain, uint8_t flags)
{
	struct bc_binding b = {
		.hoa = addr(hoa), .coa = addr(coa), .ha = addr(ha), .domain = domain, .flags = flags
	};

	assert_int_equal(bc_publish(t->bc, &b), 0);
}

static uint32_t neighbor(uint16_t port, const char *a, const uint8_t *mac)
{
	struct ip6_addr n = addr(a);
	uint32_t id = adj_add(t->adj, port, &n);

	assert_int_not_equal(id, ADJ_NONE);
	if (mac != NULL)
		adj_set(t->adj, id, mac, ADJ_RESOLVED);
	return id;
}

static void make_tables(void)
{
	struct tables_opts opts = { .readers = 1,
		.max_bindings = 1000,
		.max_neighbors = 64,
		.max_routes = 64,
		.max_addrs = 8,
		.seed = 42 };

	assert_int_equal(tables_new(&opts, &t), 0);
	gateway = neighbor(0, "2001:db8:1::1", mac_gateway);
	neighbor(1, "2001:db8:2::5", mac_neighbor);
	route("::/0", fib_value(FIB_VIA, gateway));
	route("2001:db8:1::/64", fib_value(FIB_ONLINK, 0));
	route("2001:db8:2::/64", fib_value(FIB_ONLINK, 1));
	route("2001:db8:1::10/128", fib_value(FIB_LOCAL, 0));
	route("2001:db8:2::10/128", fib_value(FIB_LOCAL, 1));
	route("2001:db8:a::/48", fib_value(FIB_DOMAIN, 0));
	route("2001:db8:b::/48", fib_value(FIB_DOMAIN, 1));
	route(HA "/128", fib_value(FIB_HOME_AGENT, 0));
	route("2001:db8:b::1/128", fib_value(FIB_HOME_AGENT, 1));
	route(ANYCAST "/128", fib_value(FIB_ANYCAST, 0));
	route("2001:db8:dead::/48", fib_value(FIB_UNREACHABLE, 0));
	bind_at(HOA, COA, HA, 0, 0);
	bind_at("2001:db8:a::101", "2001:db8:2::5", HA, 0, 0);
	bind_at("2001:db8:a::102", "2001:db8:dead::1", HA, 0, 0);
	bind_at("2001:db8:a::103", "2001:db8:b::100", HA, 0, 0);
	bind_at("2001:db8:b::100", "2001:db8:f::2", "2001:db8:b::1", 1, BC_LIMIT_ALWAYS);
}

static int set_up(void **state)
{
	char args[][24] = { "path-test", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
		"--no-shconf", "--log-level=*:error", "-l", "0" };
	char *argv[DIM(args) + 1] = { NULL };

	(void)state;
	for (unsigned i = 0; i < DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(DIM(args), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create(
		"pkts", 1023, 0, RTE_ALIGN(sizeof(struct dp_meta), 8), 4096, SOCKET_ID_ANY);
	assert_non_null(pool);
	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		char name[16];

		snprintf(name, sizeof(name), "punt%u", c);
		punt[c] = rte_ring_create(name, 128, SOCKET_ID_ANY, 0);
		assert_non_null(punt[c]);
	}
	make_tables();
	for (unsigned i = 0; i < DIM(views); i++) {
		views[i] = (struct dp_port_view){ .dev = (uint16_t)i,
			.mtu = i == 0 ? 1500 : 1280,
			.mac = { 2, 0xaa, 0, 0, 0, (uint8_t)i },
			.link_up = true };
		ip6_link_local_from_mac(views[i].mac, &views[i].link_local);
	}
	worker.t = t;
	worker.port = views;
	worker.port_count = DIM(views);
	memcpy(worker.punt, punt, sizeof(punt));
	worker.pool = pool;
	fragid_init(&worker.fragid, (const uint8_t[FRAGID_KEY_LEN]){ 7 }, 0, 2);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(rte_mempool_avail_count(pool), 1023); /* no packet was leaked */
	tables_free(t);
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

/* --- packets --- */

struct pkt {
	uint8_t b[4000];
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

static struct pkt udp(const char *src, const char *dst, uint16_t len)
{
	return ip6(src, dst, IP6_UDP, 64, NULL, len);
}

static struct pkt tunnel(const char *src, const char *dst, struct pkt inner)
{
	return ip6(src, dst, IP6_IN_IP6, 64, inner.b, inner.n);
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

/* A Mobility Header with a Home Address option. */
static struct pkt mobility(const char *src, const char *dst, const char *hoa)
{
	struct ip6_addr a = addr(hoa);
	uint8_t mh[16] = { 59, 1, 5 };
	struct pkt p = with_ext(ip6(src, dst, IP6_MH, 64, mh, sizeof(mh)), IP6_DSTOPT,
		"00 02 01 02 00 00 c9 10 0000 0000 0000 0000 0000 0000 0000 0000");

	memcpy(p.b + 40 + 8, &a, sizeof(a));
	return p;
}

static struct pkt set_tclass(struct pkt p, uint8_t tclass)
{
	net_ip6_set_vtf((struct net_ip6 *)p.b, tclass, 0);
	return p;
}

static struct pkt set_hops(struct pkt p, uint8_t hops)
{
	((struct net_ip6 *)p.b)->hop_limit = hops;
	return p;
}

static uint16_t headroom = RTE_PKTMBUF_HEADROOM; /* of what put() makes */

static void put(const struct pkt *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	m->data_off = headroom;
	memcpy(rte_pktmbuf_append(m, p->n), p->b, p->n);
	memset(dp_meta(m), 0, sizeof(struct dp_meta));
	dp_vec_push(&worker.vec[V_AGAIN], m);
}

/* What became of the packet that was sent alone: its door, and the packet if it left by tx or
 * punt. */
struct fate {
	int door;
	uint16_t port;
	struct dp_meta meta;
	uint8_t frame[4100];
	uint16_t n;
};

static void keep(struct fate *f, struct rte_mbuf *m, int door)
{
	f->door = door;
	f->port = m->port;
	f->meta = *dp_meta(m);
	f->n = m->data_len;
	memcpy(f->frame, rte_pktmbuf_mtod(m, void *), m->data_len);
	rte_pktmbuf_free(m);
}

/* How many came out, the last ones in f[max]. */
static unsigned collect(struct fate *f, unsigned max, const struct dp_counters *before)
{
	unsigned out = 0;

	for (unsigned i = 0; i < worker.port_count; i++) {
		for (unsigned k = 0; k < worker.tx[i].n; k++, out++)
			keep(&f[out < max ? out : max - 1], worker.tx[i].pkt[k], DOOR_TX);
		worker.tx[i].n = 0;
	}
	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		void *m;

		for (; rte_ring_dequeue(punt[c], &m) == 0; out++)
			keep(&f[out < max ? out : max - 1], m, DOOR_PUNT(c));
	}
	for (unsigned r = 0; r < DP_DROP_COUNT; r++) {
		unsigned n = (unsigned)(worker.counters.drop[r] - before->drop[r]);

		if (n > 0)
			f[out < max ? out : max - 1].door = (int)r;
		out += n;
	}
	return out;
}

static struct fate send_one(struct pkt p)
{
	struct dp_counters before = worker.counters;
	struct fate f = { .door = -100 };

	put(&p);
	dp_carry(&worker);
	assert_int_equal(collect(&f, 1, &before), 1);
	return f;
}

static const char *door_name(int door)
{
	if (door == DOOR_TX)
		return "tx";
	return door < 0 ? dp_punt_class_name((enum dp_punt_class)(-2 - door))
			: dp_drop_name((enum dp_drop)door);
}

/* Punt class ERROR with this reason, ICMPv6 type, code and argument. */
static void check_error(const char *name, struct pkt p, enum dp_drop reason, uint8_t type,
	uint8_t code, uint32_t arg)
{
	struct fate f = send_one(p);

	if (f.door != DOOR_PUNT(DP_PUNT_ERROR) || f.meta.drop != reason ||
		f.meta.icmp_type != type || f.meta.icmp_code != code || f.meta.icmp_arg != arg)
		fail_msg("%s: %s reason %s icmp %u/%u arg %u", name, door_name(f.door),
			dp_drop_name((enum dp_drop)f.meta.drop), f.meta.icmp_type, f.meta.icmp_code,
			f.meta.icmp_arg);
	/* the quoted packet is the packet as it came */
	if (f.meta.opened == 0 && (f.n != p.n || memcmp(f.frame, p.b, p.n) != 0))
		fail_msg("%s: the packet was changed before the error", name);
}

static void check_door(const char *name, struct pkt p, int door)
{
	struct fate f = send_one(p);

	if (f.door != door)
		fail_msg("%s: %s, not %s", name, door_name(f.door), door_name(door));
}

/* --- tests --- */

static void test_transit(void **state)
{
	struct pkt p = udp(CN, "2001:db8:2::5", 100);
	struct fate f = send_one(p);

	(void)state;
	assert_int_equal(f.door, DOOR_TX);
	assert_int_equal(f.port, 1);
	assert_int_equal(f.n, 14 + 140);
	assert_memory_equal(f.frame, mac_neighbor, 6);
	assert_memory_equal(f.frame + 6, views[1].mac, 6);
	assert_int_equal(f.frame[12] << 8 | f.frame[13], 0x86dd);
	assert_int_equal(f.frame[14 + 7], 63);
	f.frame[14 + 7] = 64; /* nothing else changed */
	assert_memory_equal(f.frame + 14, p.b, p.n);
	f = send_one(udp("2001:db8:2::5", CN, 10));
	assert_int_equal(f.port, 0);
	assert_memory_equal(f.frame, mac_gateway, 6);
}

static void test_vlan(void **state)
{
	struct fate f;

	(void)state;
	views[1].vlan = 100;
	views[1].vlan_tci_be = rte_cpu_to_be_16(100);
	f = send_one(udp(CN, "2001:db8:2::5", 10));
	views[1].vlan = 0;
	assert_int_equal(f.n, 18 + 50);
	assert_memory_equal(f.frame + 12, ((uint8_t[]){ 0x81, 0x00, 0x00, 100, 0x86, 0xdd }), 6);
}

static void test_transit_refused(void **state)
{
	(void)state;
	check_error("hop limit 1", set_hops(udp(CN, "2001:db8:2::5", 10), 1), DP_DROP_HOP_LIMIT, 3,
		0, 0);
	check_error("hop limit 0", set_hops(udp(CN, "2001:db8:2::5", 10), 0), DP_DROP_HOP_LIMIT, 3,
		0, 0);
	check_error("too big", udp(CN, "2001:db8:2::5", 1241), DP_DROP_TOO_BIG, 2, 0, 1280);
	check_door("just fits", udp(CN, "2001:db8:2::5", 1240), DOOR_TX);
	check_error("no route", udp(CN, "2001:db8:dead::5", 10), DP_DROP_NO_ROUTE, 1, 0, 0);
	check_error("link-local source", udp("fe80::5", "2001:db8:2::5", 10), DP_DROP_SRC_SCOPE, 1,
		2, 0);
	check_door("multicast source", udp("ff02::1", CN, 10), DP_DROP_SRC_INVALID);
	check_door("loopback source", udp("::1", CN, 10), DP_DROP_SRC_INVALID);
	check_door("mapped source", udp("::ffff:1.2.3.4", CN, 10), DP_DROP_SRC_INVALID);
	check_door("unspecified source", udp("::", CN, 10), DP_DROP_SRC_INVALID);
	check_door("loopback destination", udp(CN, "::1", 10), DP_DROP_DST_INVALID);
	check_door("multicast destination", udp(CN, "ff0e::1", 10), DP_DROP_DST_MULTICAST);
	check_door("foreign link-local", udp("fe80::5", "fe80::6", 10), DP_DROP_DST_SCOPE);
	views[1].link_up = false;
	check_door("port down", udp(CN, "2001:db8:2::5", 10), DP_DROP_PORT_DOWN);
	views[1].link_up = true;
}

static void test_resolve(void **state)
{
	struct fate f = send_one(udp(CN, "2001:db8:2::6", 10));

	(void)state;
	assert_int_equal(f.door, DOOR_PUNT(DP_PUNT_RESOLVE));
	assert_int_equal(f.meta.fib, fib_value(FIB_ONLINK, 1));
	assert_int_equal(f.meta.adj, ADJ_NONE);
	assert_int_equal(f.frame[7], 64); /* comes back: the hop limit waits until it leaves */
}

static void test_local(void **state)
{
	uint8_t ns[24] = { ICMP6_NS }, ra[16] = { ICMP6_RA }, echo[8] = { ICMP6_ECHO_REQUEST };
	char ll[IP6_STRLEN];

	(void)state;
	ip6_str(&views[0].link_local, ll);
	check_door("echo", ip6(CN, "2001:db8:1::10", IP6_ICMP6, 64, echo, 8),
		DOOR_PUNT(DP_PUNT_LOCAL));
	check_door("echo to link-local", ip6("fe80::5", ll, IP6_ICMP6, 64, echo, 8),
		DOOR_PUNT(DP_PUNT_LOCAL));
	check_door("solicitation to a group", ip6("::", "ff02::1:ff00:10", IP6_ICMP6, 255, ns, 24),
		DOOR_PUNT(DP_PUNT_ND));
	check_door("solicitation, unicast",
		ip6("fe80::5", "2001:db8:1::10", IP6_ICMP6, 255, ns, 24), DOOR_PUNT(DP_PUNT_ND));
	check_door("router advertisement", ip6("fe80::5", "ff02::1", IP6_ICMP6, 255, ra, 16),
		DP_DROP_ND_IGNORED);
	check_door("ND in an atomic fragment",
		with_ext(ip6("fe80::5", "2001:db8:1::10", IP6_ICMP6, 255, ns, 24), IP6_FRAGMENT,
			"00 00 00 00 00 00 00 01"),
		DP_DROP_ND_FRAGMENT);
	check_door("from ourselves", udp("2001:db8:2::10", "2001:db8:1::10", 8), DP_DROP_SRC_OURS);
	check_door(
		"mobility header", ip6(CN, HA, IP6_MH, 64, echo, 8), DOOR_PUNT(DP_PUNT_SIGNALLING));
	/* a queue of their own for those who speak from where they are bound */
	check_door("signalling of the bound", mobility(COA, HA, HOA), DOOR_PUNT(DP_PUNT_KNOWN));
	check_door("from another care-of address", mobility("2001:db8:f::9", HA, HOA),
		DOOR_PUNT(DP_PUNT_SIGNALLING));
	check_door("to another home agent", mobility(COA, "2001:db8:b::1", HOA),
		DOOR_PUNT(DP_PUNT_SIGNALLING));
	check_door(
		"not bound", mobility(COA, HA, "2001:db8:a::999"), DOOR_PUNT(DP_PUNT_SIGNALLING));
	check_door("to an address of a port", mobility(COA, "2001:db8:1::10", HOA),
		DOOR_PUNT(DP_PUNT_SIGNALLING));
	check_door("tunnel to an address that is no home agent's",
		tunnel(COA, "2001:db8:1::10", udp(HOA, CN, 8)), DOOR_PUNT(DP_PUNT_LOCAL));
}

/* Home agents' anycast address is ours, but no end of a tunnel. What asks for home agents or
 * prefixes has a queue of its own. */
static void test_discovery(void **state)
{
	uint8_t haad[8] = { ICMP6_HAAD_REQUEST }, mps[8] = { ICMP6_MPS }, mpa[8] = { ICMP6_MPA };
	uint8_t echo[8] = { ICMP6_ECHO_REQUEST }, mh[8] = { 59, 0, 5 };
	struct fate f;

	(void)state;
	check_door("request for home agents", ip6(CN, ANYCAST, IP6_ICMP6, 64, haad, 8),
		DOOR_PUNT(DP_PUNT_DISCOVERY));
	f = send_one(ip6(CN, ANYCAST, IP6_ICMP6, 64, haad, 8));
	assert_int_equal(f.door, DOOR_PUNT(DP_PUNT_DISCOVERY));
	assert_int_equal(f.meta.fib, fib_value(FIB_ANYCAST, 0));
	check_door("request for prefixes", ip6(COA, HA, IP6_ICMP6, 64, mps, 8),
		DOOR_PUNT(DP_PUNT_DISCOVERY));
	check_door("advertisement", ip6(COA, HA, IP6_ICMP6, 64, mpa, 8), DOOR_PUNT(DP_PUNT_LOCAL));
	check_door("request for home agents, out of the tunnel",
		tunnel(COA, HA, ip6(HOA, ANYCAST, IP6_ICMP6, 64, haad, 8)),
		DOOR_PUNT(DP_PUNT_DISCOVERY));
	check_door("the same out of nobody's tunnel",
		tunnel("2001:db8:f::66", HA, ip6(HOA, ANYCAST, IP6_ICMP6, 64, haad, 8)),
		DP_DROP_DECAP_WRONG_COA);
	check_door("request from the anycast address", ip6(ANYCAST, HA, IP6_ICMP6, 64, haad, 8),
		DP_DROP_SRC_OURS);
	check_door("echo to anycast", ip6(CN, ANYCAST, IP6_ICMP6, 64, echo, 8),
		DOOR_PUNT(DP_PUNT_LOCAL));
	check_door("mobility header to anycast", ip6(CN, ANYCAST, IP6_MH, 64, mh, 8),
		DOOR_PUNT(DP_PUNT_SIGNALLING));
	check_door("tunnel to anycast", tunnel(COA, ANYCAST, udp(HOA, CN, 8)),
		DOOR_PUNT(DP_PUNT_LOCAL));
}

static void test_headers_to_us(void **state)
{
	static const char *const rh0 = "00 02 00 01 00 00 00 00 20010db8000a00000000000000000100";
	static const char *const rh2 = "00 02 02 01 00 00 00 00 20010db8000a00000000000000000100";
	static const char *const hao = "00 02 01 02 00 00 c9 10 ff0e0000000000000000000000000001";
	static const char *const pad = "00 00 01 04 00 00 00 00";
	struct pkt many = udp(CN, HA, 8);
	uint8_t mh[8] = { 59, 0, 5 };
	struct fate f;

	(void)state;
	check_error("RH0 to us", with_ext(udp(CN, HA, 8), IP6_ROUTING, rh0), DP_DROP_RH_REFUSED, 4,
		0, 42);
	check_door("RH2 to us", with_ext(udp(CN, HA, 8), IP6_ROUTING, rh2), DP_DROP_RH2_TO_US);
	check_door("RH0 in transit is not ours",
		with_ext(udp(CN, "2001:db8:2::5", 8), IP6_ROUTING, rh0), DOOR_TX);
	check_error("unknown option 10",
		with_ext(udp(CN, HA, 8), IP6_DSTOPT, "00 00 80 01 00 01 01 00"), DP_DROP_EXT_OPTION,
		4, 2, 42);
	check_door("unknown option 01",
		with_ext(udp(CN, HA, 8), IP6_DSTOPT, "00 00 40 01 00 01 01 00"),
		DP_DROP_EXT_OPTION);
	check_door("unknown option 00",
		with_ext(udp(CN, HA, 8), IP6_DSTOPT, "00 00 20 01 00 01 01 00"),
		DOOR_PUNT(DP_PUNT_LOCAL));
	check_door("header past the end",
		with_ext(udp(CN, HA, 0), IP6_DSTOPT, "00 08 01 04 00 00 00 00"),
		DP_DROP_EXT_TRUNCATED);
	check_error("limit of two octets",
		with_ext(udp(CN, HA, 8), IP6_DSTOPT, "00 00 04 02 03 03 01 00"),
		DP_DROP_EXT_OPTION_LENGTH, 4, 0, 43);
	check_error("hop-by-hop in the second place",
		with_ext(with_ext(udp(CN, HA, 8), IP6_HOPOPT, pad), IP6_DSTOPT, pad),
		DP_DROP_EXT_ORDER, 4, 1, 40);
	check_door("two home addresses",
		with_ext(mobility(COA, HA, HOA), IP6_DSTOPT,
			"00 02 01 02 00 00 c9 10 20010db8000a00000000000000000100"),
		DP_DROP_EXT_ORDER);
	for (unsigned i = 0; i < 9; i++)
		many = with_ext(many, IP6_DSTOPT, pad);
	check_door("nine headers", many, DP_DROP_EXT_TOO_MANY);
	/* a home address that nobody can have: silent in signalling, else a Binding Error */
	check_door("multicast home address, signalling",
		with_ext(ip6(CN, HA, IP6_MH, 64, mh, 8), IP6_DSTOPT, hao), DP_DROP_HAO_INVALID);
	check_door("multicast home address, data", with_ext(udp(CN, HA, 8), IP6_DSTOPT, hao),
		DOOR_PUNT(DP_PUNT_LOCAL));
	/* a tunnel packet may have options of its own */
	f = send_one(with_ext(tunnel(COA, HA, udp(HOA, "2001:db8:2::5", 8)), IP6_DSTOPT,
		"00 00 04 01 04 01 01 00"));
	assert_int_equal(f.door, DOOR_TX);
	assert_int_equal(f.n, 14 + 48);
}

static void test_intercept(void **state)
{
	struct pkt p = set_tclass(udp(CN, HOA, 100), 0xb9 /* EF, ECT(1) */);
	struct fate f = send_one(p);
	const struct net_ip6 *outer = (const struct net_ip6 *)(f.frame + 14), *inner = outer + 1;
	struct ip6_addr ha = addr(HA), coa = addr(COA);
	struct bc_counts before, after;

	(void)state;
	assert_int_equal(f.door, DOOR_TX);
	assert_int_equal(f.port, 0);
	assert_int_equal(f.n, 14 + 40 + p.n);
	assert_true(ip6_eq(&outer->src, &ha) && ip6_eq(&outer->dst, &coa));
	assert_int_equal(outer->next_header, IP6_IN_IP6);
	assert_int_equal(outer->hop_limit, 64);
	assert_int_equal(net_ip6_payload_len(outer), p.n);
	assert_int_equal(net_ip6_version(outer), 6);
	assert_int_equal(net_ip6_tclass(outer), 0xb9); /* DSCP and ECN are copied */
	assert_int_not_equal(net_ip6_flow(outer), 0);
	assert_int_equal(inner->hop_limit, 63);
	/* one packet and its inner octets are counted */
	const struct ip6_addr hoa = addr(HOA);
	bc_counts(t->bc, bc_find(t->bc, &hoa), &before);
	send_one(p);
	bc_counts(t->bc, bc_find(t->bc, &hoa), &after);
	assert_int_equal(after.packets_to - before.packets_to, 1);
	assert_int_equal(after.bytes_to - before.bytes_to, p.n);
	assert_int_equal(after.packets_from, before.packets_from);
}

static void test_intercept_refused(void **state)
{
	(void)state;
	check_error(
		"no binding", udp(CN, "2001:db8:a::999", 8), DP_DROP_INTERCEPT_NO_BINDING, 1, 3, 0);
	check_error("hop limit", set_hops(udp(CN, HOA, 8), 1), DP_DROP_HOP_LIMIT, 3, 0, 0);
	check_error("link-local source", udp("fe80::5", HOA, 8), DP_DROP_SRC_SCOPE, 1, 2, 0);
	check_error("link-local source, no binding", udp("fe80::5", "2001:db8:a::999", 8),
		DP_DROP_SRC_SCOPE, 1, 2, 0);
	check_error(
		"result exceeds the MTU", udp(CN, HOA, 1421), DP_DROP_ENCAP_TOO_BIG, 2, 0, 1460);
	check_door("just fits", udp(CN, HOA, 1420), DOOR_TX);
	check_error("small MTU, PTB never below 1280", udp(CN, "2001:db8:a::101", 1241),
		DP_DROP_ENCAP_TOO_BIG, 2, 0, 1280);
	check_door("small MTU, fits", udp(CN, "2001:db8:a::101", 1200), DOOR_TX);
	check_error("no route to the care-of address", udp(CN, "2001:db8:a::102", 8),
		DP_DROP_NO_ROUTE, 1, 3, 0);
	check_door("care-of address in a mobile prefix", udp(CN, "2001:db8:a::103", 8),
		DP_DROP_ENCAP_LOOP);
}

static void test_encap_limit(void **state)
{
	static const char *const limit_0 = "00 00 04 01 00 01 01 00";
	static const char *const limit_3 = "00 00 04 01 03 01 01 00";
	struct pkt nested = tunnel("2001:db8:9::1", HOA, udp(CN, "2001:db8:9::2", 8));
	struct fate f = send_one(nested);

	(void)state;
	assert_int_equal(f.door, DOOR_TX);
	assert_int_equal(f.frame[14 + 6], IP6_DSTOPT);
	assert_memory_equal(f.frame + 14 + 40, ((uint8_t[]){ 41, 0, 4, 1, 4, 1, 1, 0 }), 8);
	f = send_one(with_ext(nested, IP6_DSTOPT, limit_3));
	assert_memory_equal(f.frame + 14 + 40, ((uint8_t[]){ 41, 0, 4, 1, 2, 1, 1, 0 }), 8);
	/* options without a limit in front of the tunnel */
	f = send_one(with_ext(nested, IP6_DSTOPT, "00 00 01 04 00 00 00 00"));
	assert_memory_equal(f.frame + 14 + 40, ((uint8_t[]){ 41, 0, 4, 1, 4, 1, 1, 0 }), 8);
	check_error(
		"limit 0", with_ext(nested, IP6_DSTOPT, limit_0), DP_DROP_ENCAP_LIMIT, 4, 0, 44);
	check_error("limit 0 behind authentication",
		with_ext(with_ext(nested, IP6_DSTOPT, limit_0), IP6_AH,
			"00 02 00 00 00000001 00000001 00000000"),
		DP_DROP_ENCAP_LIMIT, 4, 0, 60);
	/* the first limit counts, and also in what is no tunnel packet */
	f = send_one(with_ext(with_ext(nested, IP6_DSTOPT, limit_0), IP6_DSTOPT, limit_3));
	assert_memory_equal(f.frame + 14 + 40, ((uint8_t[]){ 41, 0, 4, 1, 2, 1, 1, 0 }), 8);
	check_error("limit 0 in front of UDP", with_ext(udp(CN, HOA, 8), IP6_DSTOPT, limit_0),
		DP_DROP_ENCAP_LIMIT, 4, 0, 44);
	f = send_one(with_ext(udp(CN, HOA, 8), IP6_DSTOPT, "00 00 01 04 00 00 00 00"));
	assert_int_equal(f.frame[14 + 6], IP6_IN_IP6);
	/* behind another header that is a packet's own, nothing is looked for */
	f = send_one(tunnel(
		"2001:db8:9::1", HOA, with_ext(udp(CN, "2001:db8:9::2", 8), IP6_DSTOPT, limit_0)));
	assert_memory_equal(f.frame + 14 + 40, ((uint8_t[]){ 41, 0, 4, 1, 4, 1, 1, 0 }), 8);
	f = send_one(udp(CN, "2001:db8:b::100", 8)); /* "always" */
	assert_memory_equal(f.frame + 14 + 40, ((uint8_t[]){ 41, 0, 4, 1, 4, 1, 1, 0 }), 8);
	/* the option counts against the MTU */
	check_error("option and MTU", udp(CN, "2001:db8:b::100", 1413), DP_DROP_ENCAP_TOO_BIG, 2, 0,
		1452);
	check_door("option just fits", udp(CN, "2001:db8:b::100", 1412), DOOR_TX);
}

/* --- fragments of tunnel packets (RFC 2473, 7.1 (b)) --- */

/* A tunnel packet of two fragments: how they look, and that together they are the packet. limit:
 * with the encapsulation limit option. */
static void check_fragments(const char *name, struct pkt p, uint32_t mtu, bool limit)
{
	struct dp_counters before = worker.counters;
	struct fate f[2];
	uint8_t whole[4000], *at = whole;
	uint16_t body = (uint16_t)(p.n + (limit ? BC_LIMIT_LEN : 0));

	put(&p);
	dp_carry(&worker);
	if (collect(f, 2, &before) != 2 || f[0].door != DOOR_TX || f[1].door != DOOR_TX)
		fail_msg("%s: %s", name, door_name(f[0].door));
	for (unsigned i = 0; i < 2; i++) {
		const struct net_ip6 *ip = (const struct net_ip6 *)(f[i].frame + 14);
		const uint8_t *fh = (const uint8_t *)(ip + 1);
		uint16_t n = (uint16_t)(f[i].n - 14 - 48);

		assert_true(f[i].n - 14u <= mtu && f[i].n > 14 + 48);
		assert_int_equal(net_ip6_payload_len(ip), n + 8);
		assert_memory_equal(ip, f[0].frame + 14, 4); /* traffic class, flow label */
		assert_memory_equal(&ip->src, f[0].frame + 14 + 8, 32);
		assert_int_equal(ip->next_header, IP6_FRAGMENT);
		assert_int_equal(ip->hop_limit, 64);
		assert_int_equal(fh[0], limit ? IP6_DSTOPT : IP6_IN_IP6);
		assert_int_equal(fh[1], 0);
		assert_int_equal(fh[2] << 8 | fh[3], (at - whole) | (i == 0));
		assert_memory_equal(fh + 4, f[0].frame + 14 + 44, 4);
		memcpy(at, fh + 8, n);
		at += n;
	}
	assert_int_equal(at - whole, body);
	/* a tunnel further on need not fragment them again */
	assert_true(f[0].n - 14 + 48 <= IP6_MIN_MTU);
	if (limit)
		assert_memory_equal(whole, ((uint8_t[]){ 41, 0, 4, 1, 4, 1, 1, 0 }), 8);
	p.b[7]--; /* the hop limit */
	assert_memory_equal(whole + body - p.n, p.b, p.n);
	assert_int_equal(
		worker.counters.c[DP_COUNTER_FRAGMENTED] - before.c[DP_COUNTER_FRAGMENTED], 1);
	assert_int_equal(
		worker.counters.c[DP_COUNTER_FRAGMENTS_MADE] - before.c[DP_COUNTER_FRAGMENTS_MADE],
		2);
	assert_int_equal(
		worker.counters.c[DP_COUNTER_ENCAPSULATED] - before.c[DP_COUNTER_ENCAPSULATED], 1);
}

#define NEAR "2001:db8:a::101" /* at the port with MTU 1280 */

static void test_fragments(void **state)
{
	struct ip6_addr hoa = addr(NEAR);
	struct bc_counts was, is;

	(void)state;
	check_door("fits", udp(CN, NEAR, 1200), DOOR_TX);
	bc_counts(t->bc, bc_find(t->bc, &hoa), &was);
	for (uint16_t len = 1201; len <= 1240; len++)
		check_fragments("up to 1280", udp(CN, NEAR, len), 1280, false);
	bc_counts(t->bc, bc_find(t->bc, &hoa), &is);
	assert_int_equal(is.packets_to - was.packets_to, 40);
	assert_int_equal(is.bytes_to - was.bytes_to, 40 * 40 + 40 * (1201 + 1240) / 2);
	check_error("1281", udp(CN, NEAR, 1241), DP_DROP_ENCAP_TOO_BIG, ICMP6_TOO_BIG, 0, 1280);
	check_fragments(
		"traffic class", set_tclass(udp(CN, NEAR, 1240), 0xb8 | ECN_ECT0), 1280, false);
	check_fragments("a fragment in fragments",
		with_ext(udp(CN, NEAR, 1232), IP6_FRAGMENT, "00 00 00 01 00 00 00 01"), 1280,
		false);
	check_fragments("a tunnel in fragments, with its limit",
		tunnel("2001:db8:9::1", NEAR, udp(CN, "2001:db8:9::2", 1180)), 1280, true);
}

/* Numbers differ from packet to packet, and not by one. */
static void test_fragment_numbers(void **state)
{
	uint32_t id[8];

	(void)state;
	for (unsigned i = 0; i < DIM(id); i++) {
		struct dp_counters before = worker.counters;
		struct pkt p = udp(CN, NEAR, 1240);
		struct fate f[2];

		put(&p);
		dp_carry(&worker);
		assert_int_equal(collect(f, 2, &before), 2);
		memcpy(&id[i], f[0].frame + 14 + 44, 4);
		for (unsigned k = 0; k < i; k++)
			assert_int_not_equal(id[i], id[k]);
		if (i > 1)
			assert_int_not_equal(id[i] - id[i - 1], id[i - 1] - id[i - 2]);
	}
}

/* Neither fragment without the other. */
static void test_fragments_without_buffers(void **state)
{
	struct rte_mbuf *held[1023];
	unsigned n = 0;

	(void)state;
	while (n < DIM(held) - 2)
		assert_non_null(held[n++] = rte_pktmbuf_alloc(pool));
	/* one for the packet, one is left */
	check_door("one buffer", udp(CN, NEAR, 1240), DP_DROP_NO_BUFFER);
	rte_pktmbuf_free(held[--n]);
	check_fragments("two buffers", udp(CN, NEAR, 1240), 1280, false);
	rte_pktmbuf_free_bulk(held, n);
}

/* A burst in which each packet becomes two. */
static void test_fragment_burst(void **state)
{
	struct dp_counters before = worker.counters;
	struct pkt p = udp(CN, NEAR, 1240);
	struct fate f;

	(void)state;
	for (unsigned i = 0; i < DP_BURST; i++)
		put(&p);
	dp_carry(&worker);
	assert_int_equal(worker.tx[1].n, 2 * DP_BURST);
	assert_int_equal(collect(&f, 1, &before), 2 * DP_BURST);
	assert_int_equal(worker.counters.c[DP_COUNTER_FRAGMENTED] - before.c[DP_COUNTER_FRAGMENTED],
		DP_BURST);
}

static void path_mtu(const char *hoa, uint16_t mtu)
{
	struct ip6_addr a = addr(hoa);

	bc_set_mtu(bc_find(t->bc, &a), mtu);
}

/* What was learned of the path counts where the port takes more, and only there. */
static void test_path_mtu(void **state)
{
	static const char *const always = "2001:db8:b::100"; /* with the limit option */

	(void)state;
	path_mtu(HOA, 1400);
	check_error("1361", udp(CN, HOA, 1321), DP_DROP_ENCAP_TOO_BIG, ICMP6_TOO_BIG, 0, 1360);
	check_door("1360", udp(CN, HOA, 1320), DOOR_TX);
	path_mtu(HOA, 1280);
	check_error("1281", udp(CN, HOA, 1241), DP_DROP_ENCAP_TOO_BIG, ICMP6_TOO_BIG, 0, 1280);
	check_fragments("1280", udp(CN, HOA, 1240), 1280, false);
	check_fragments("1241", udp(CN, HOA, 1201), 1280, false);
	check_door("1240", udp(CN, HOA, 1200), DOOR_TX);
	path_mtu(HOA, 1319);
	check_fragments("one octet short", udp(CN, HOA, 1240), 1319, false);
	path_mtu(HOA, 1320);
	check_door("just fits", udp(CN, HOA, 1240), DOOR_TX);
	path_mtu(HOA, 9000);
	check_error("the port's", udp(CN, HOA, 1421), DP_DROP_ENCAP_TOO_BIG, 2, 0, 1460);
	path_mtu(HOA, 0);
	check_error("forgotten", udp(CN, HOA, 1421), DP_DROP_ENCAP_TOO_BIG, 2, 0, 1460);
	path_mtu(always, 1400);
	check_error("option", udp(CN, always, 1313), DP_DROP_ENCAP_TOO_BIG, 2, 0, 1352);
	path_mtu(always, 1320);
	check_fragments("option, 1280", udp(CN, always, 1240), 1320, true);
	path_mtu(always, 0);
}

/* A SYN that announces 1440, checksum right. */
static struct pkt syn(const char *src, const char *dst, uint8_t flags)
{
	uint8_t tcp[24] = { 0, 80, 1, 0, [12] = 6 << 4, [13] = flags, [20] = 2, 4, 0x05, 0xa0 };
	struct pkt p = ip6(src, dst, IP6_TCP, 64, tcp, sizeof(tcp));
	const struct net_ip6 *ip = (const struct net_ip6 *)p.b;
	uint16_t sum = net_cksum(&ip->src, &ip->dst, IP6_TCP, p.b + 40, sizeof(tcp));

	p.b[40 + 16] = (uint8_t)(sum >> 8);
	p.b[40 + 17] = (uint8_t)sum;
	return p;
}

/* What a SYN announces when it is through, `at` octets into its frame; its checksum is right and
 * the counter tells whether it was touched. */
static void check_mss(const char *name, struct pkt p, unsigned at, unsigned mss)
{
	uint64_t before = worker.counters.c[DP_COUNTER_TCP_MSS_CLAMPED];
	struct fate f = send_one(p);
	const struct net_ip6 *ip = (const struct net_ip6 *)(f.frame + at);
	unsigned got = f.frame[at + 62] << 8 | f.frame[at + 63];

	if (f.door != DOOR_TX || got != mss)
		fail_msg("%s: door %d, maximum segment size %u", name, f.door, got);
	if (net_cksum(&ip->src, &ip->dst, IP6_TCP, ip + 1, 24) != 0)
		fail_msg("%s: checksum", name);
	if (worker.counters.c[DP_COUNTER_TCP_MSS_CLAMPED] - before != (mss < 1440))
		fail_msg("%s: counter", name);
}

static void mss_at(const char *hoa, const char *coa, uint8_t flags, uint16_t mss)
{
	struct bc_binding b = {
		.hoa = addr(hoa), .coa = addr(coa), .ha = addr(HA), .flags = flags, .mss = mss
	};

	assert_int_equal(bc_publish(t->bc, &b), 0);
}

static void test_mss(void **state)
{
	static const char *const mn = "2001:db8:a::110", *const near = "2001:db8:a::111";

	(void)state;
	check_mss("off", syn(CN, HOA, 2), 54, 1440);
	check_mss("off, from the mobile node", tunnel(COA, HA, syn(HOA, CN, 2)), 14, 1440);
	check_mss("no tunnel", syn(CN, "2001:db8:9::1", 2), 14, 1440);
	mss_at(mn, "2001:db8:f::3", 0, BC_MSS_AUTO);
	check_mss("to", syn(CN, mn, 2), 54, 1400);
	check_mss("to, answer", syn(CN, mn, 0x12), 54, 1400);
	check_mss("to, no SYN", syn(CN, mn, 0x10), 54, 1440);
	check_mss("from", tunnel("2001:db8:f::3", HA, syn(mn, CN, 2)), 14, 1400);
	check_mss("from, answer", tunnel("2001:db8:f::3", HA, syn(mn, CN, 0x12)), 14, 1400);
	check_mss("from, no SYN", tunnel("2001:db8:f::3", HA, syn(mn, CN, 0x10)), 14, 1440);
	path_mtu(mn, 1400);
	check_mss("to, path MTU", syn(CN, mn, 2), 54, 1300);
	check_mss("from, path MTU", tunnel("2001:db8:f::3", HA, syn(mn, CN, 2)), 14, 1300);
	path_mtu(mn, 1280);
	check_mss("to, least path MTU", syn(CN, mn, 2), 54, 1180);
	mss_at(mn, "2001:db8:f::3", BC_LIMIT_ALWAYS, BC_MSS_AUTO);
	check_mss("to, with the limit option", syn(CN, mn, 2), 62, 1392);
	check_mss("from, with it", tunnel("2001:db8:f::3", HA, syn(mn, CN, 2)), 14, 1392);
	mss_at(mn, "2001:db8:f::3", 0, 1300);
	check_mss("to, a number", syn(CN, mn, 2), 54, 1300);
	check_mss("from, a number", tunnel("2001:db8:f::3", HA, syn(mn, CN, 2)), 14, 1300);
	/* The tunnel's MTU counts, not that of the port where the SYN itself goes. */
	mss_at(near, "2001:db8:2::5", 0, BC_MSS_AUTO);
	check_mss("to, small MTU", syn(CN, near, 2), 54, 1180);
	check_mss("from, small MTU", tunnel("2001:db8:2::5", HA, syn(near, CN, 2)), 14, 1180);
	mss_at(mn, "2001:db8:f::3", 0, BC_MSS_AUTO);
	check_mss("between mobile nodes", tunnel("2001:db8:2::5", HA, syn(near, mn, 2)), 54, 1180);
}

/* A SYN that is shorter than a TCP header, by every number of octets. */
static void test_mss_short(void **state)
{
	static const char *const mn = "2001:db8:a::112";

	(void)state;
	mss_at(mn, "2001:db8:f::4", 0, BC_MSS_AUTO);
	for (uint16_t n = 0; n < 24; n++) {
		struct pkt p = syn(CN, mn, 2);
		struct fate f;

		p.n = (uint16_t)(40 + n);
		net_ip6_set_payload_len((struct net_ip6 *)p.b, n);
		f = send_one(p);
		assert_int_equal(f.door, DOOR_TX);
		assert_memory_equal(f.frame + 14 + 40 + 40, p.b + 40, n);
	}
}

static void test_decap(void **state)
{
	struct pkt inner = udp(HOA, "2001:db8:2::5", 100);
	struct fate f = send_one(tunnel(COA, HA, inner));
	struct ip6_addr hoa = addr(HOA);
	struct bc_counts c;

	(void)state;
	assert_int_equal(f.door, DOOR_TX);
	assert_int_equal(f.port, 1);
	assert_int_equal(f.n, 14 + inner.n);
	assert_int_equal(f.frame[14 + 7], 63);
	f.frame[14 + 7] = 64;
	assert_memory_equal(f.frame + 14, inner.b, inner.n);
	bc_counts(t->bc, bc_find(t->bc, &hoa), &c);
	assert_true(c.packets_from >= 1 && c.bytes_from >= inner.n);
}

static void test_decap_refused(void **state)
{
	struct pkt inner = udp(HOA, CN, 100), cut;

	(void)state;
	check_door("wrong care-of address", tunnel("2001:db8:f::9", HA, inner),
		DP_DROP_DECAP_WRONG_COA);
	check_door("no binding", tunnel(COA, HA, udp("2001:db8:a::999", CN, 8)),
		DP_DROP_DECAP_NO_BINDING);
	check_door("not a home address", tunnel(COA, HA, udp("2001:db8:c::9", CN, 8)),
		DP_DROP_DECAP_NO_BINDING);
	check_door("another domain's home agent", tunnel(COA, "2001:db8:b::1", inner),
		DP_DROP_DECAP_WRONG_DOMAIN);
	check_door("headers in disorder are no signalling",
		tunnel("2001:db8:f::9", HA,
			with_ext(ip6(HOA, HA, IP6_MH, 64, NULL, 8), IP6_DSTOPT,
				"00 00 80 04 00 00 00 00")),
		DP_DROP_DECAP_WRONG_COA);
	check_door("link-local inside", tunnel(COA, HA, udp("fe80::1", CN, 8)),
		DP_DROP_DECAP_LINK_LOCAL);
	check_door(
		"multicast inside", tunnel(COA, HA, udp(HOA, "ff02::1", 8)), DP_DROP_DST_MULTICAST);
	check_door("nothing inside", ip6(COA, HA, IP6_IN_IP6, 64, NULL, 0), DP_DROP_DECAP_INNER);
	cut = tunnel(COA, HA, inner);
	net_ip6_set_payload_len((struct net_ip6 *)(cut.b + 40), 101);
	check_door("inner length past the end", cut, DP_DROP_DECAP_INNER);
	cut = tunnel(COA, HA, inner);
	cut.b[40] = 0x45;
	check_door("inner is not IPv6", cut, DP_DROP_DECAP_INNER);
	check_door("tunnels in tunnels in tunnels",
		tunnel(COA, HA, tunnel(HOA, HA, tunnel(HOA, HA, inner))), DP_DROP_DECAP_WRONG_COA);
	check_door("congestion outside, not ECN-capable inside",
		set_tclass(tunnel(COA, HA, inner), ECN_CE), DP_DROP_DECAP_ECN);
}

static void test_decap_ecn(void **state)
{
	struct fate f = send_one(set_tclass(
		tunnel(COA, HA, set_tclass(udp(HOA, "2001:db8:2::5", 8), 0xb8 | ECN_ECT0)),
		ECN_CE));

	(void)state;
	assert_int_equal(f.door, DOOR_TX);
	assert_int_equal(net_ip6_tclass((const struct net_ip6 *)(f.frame + 14)), 0xb8 | ECN_CE);
}

/* What was inside is classified like any other. */
static void test_again(void **state)
{
	uint8_t echo[8] = { ICMP6_ECHO_REQUEST }, mh[8] = { 59, 0, 5 }, ns[24] = { ICMP6_NS };
	const struct net_ip6 *outer;
	struct ip6_addr coa2 = addr("2001:db8:f::2"), ha2 = addr("2001:db8:b::1");
	struct fate f = send_one(tunnel(COA, HA, udp(HOA, "2001:db8:b::100", 100)));

	(void)state;
	/* mobile node to mobile node */
	outer = (const struct net_ip6 *)(f.frame + 14);
	assert_int_equal(f.door, DOOR_TX);
	assert_true(ip6_eq(&outer->dst, &coa2) && ip6_eq(&outer->src, &ha2));
	/* to itself */
	f = send_one(tunnel(COA, HA, udp(HOA, HOA, 100)));
	assert_int_equal(f.door, DOOR_TX);
	assert_int_equal(((const struct net_ip6 *)(f.frame + 14) + 1)->hop_limit, 63);
	/* to its home agent */
	f = send_one(tunnel(COA, HA, ip6(HOA, HA, IP6_ICMP6, 64, echo, 8)));
	assert_int_equal(f.door, DOOR_PUNT(DP_PUNT_LOCAL));
	assert_true(f.meta.flags & DP_META_TUNNELLED);
	check_door("a tunnel is no link", tunnel(COA, HA, ip6(HOA, HA, IP6_ICMP6, 255, ns, 24)),
		DP_DROP_ND_INVALID);
	/* signalling from a care-of address that is not known yet, and only signalling */
	f = send_one(tunnel("2001:db8:f::9", HA, ip6("2001:db8:f::9", HA, IP6_MH, 64, mh, 8)));
	assert_int_equal(f.door, DOOR_PUNT(DP_PUNT_SIGNALLING));
	assert_true(f.meta.flags & DP_META_UNCHECKED);
	check_door("options, but no signalling, to us",
		tunnel("2001:db8:f::9", HA,
			with_ext(udp(HOA, HA, 8), IP6_DSTOPT, "00 00 01 04 00 00 00 00")),
		DP_DROP_DECAP_WRONG_COA);
	check_door("signalling to somebody else",
		tunnel("2001:db8:f::9", HA, ip6("2001:db8:f::9", CN, IP6_MH, 64, mh, 8)),
		DP_DROP_DECAP_NO_BINDING);
	/* an error about what was inside */
	check_error("hop limit inside", tunnel(COA, HA, set_hops(udp(HOA, CN, 8), 1)),
		DP_DROP_HOP_LIMIT, 3, 0, 0);
}

/* A mobile node whose tunnel holds another tunnel to us is opened twice, no deeper. */
static void test_depth(void **state)
{
	struct pkt two = tunnel(COA, HA, tunnel(HOA, HA, udp(HOA, CN, 8)));

	(void)state;
	bind_at("2001:db8:a::110", HOA, HA, 0, 0);
	bind_at("2001:db8:a::111", "2001:db8:a::110", HA, 0, 0);
	check_door("two", tunnel(COA, HA, tunnel(HOA, HA, udp("2001:db8:a::110", CN, 8))), DOOR_TX);
	check_door("two, wrong inside", two, DP_DROP_DECAP_WRONG_COA);
	check_door("three",
		tunnel(COA, HA,
			tunnel(HOA, HA,
				tunnel("2001:db8:a::110", HA, udp("2001:db8:a::111", CN, 8)))),
		DP_DROP_DECAP_LIMIT);
}

/* Mixed bursts of odd sizes: as many packets leave as came, whatever the door. */
static void test_conservation(void **state)
{
	static const unsigned sizes[] = { 1, 3, 31, 32, 63, 64 };
	const struct pkt mix[] = {
		udp(CN, HOA, 64), tunnel(COA, HA, udp(HOA, CN, 64)),
		tunnel(COA, HA, udp(HOA, "2001:db8:b::100", 64)), udp(CN, "2001:db8:2::5", 64),
		udp(CN, "2001:db8:a::999", 64), tunnel("2001:db8:f::9", HA, udp(HOA, CN, 64)),
		udp("ff02::1", CN, 8), udp(CN, NEAR, 1240), /* leaves as two */
	};

	(void)state;
	for (unsigned s = 0; s < DIM(sizes); s++) {
		struct dp_counters before = worker.counters;
		uint64_t out = 0;
		void *m;

		for (unsigned i = 0; i < sizes[s]; i++)
			put(&mix[i % DIM(mix)]);
		dp_carry(&worker);
		for (unsigned i = 0; i < worker.port_count; i++) {
			out += worker.tx[i].n;
			rte_pktmbuf_free_bulk(worker.tx[i].pkt, worker.tx[i].n);
			worker.tx[i].n = 0;
		}
		for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
			for (; rte_ring_dequeue(punt[c], &m) == 0; out++)
				rte_pktmbuf_free(m);
		}
		for (unsigned r = 0; r < DP_DROP_COUNT; r++)
			out += worker.counters.drop[r] - before.drop[r];
		out -= worker.counters.c[DP_COUNTER_FRAGMENTED] - before.c[DP_COUNTER_FRAGMENTED];
		assert_int_equal(out, sizes[s]);
		for (unsigned v = 0; v < V_COUNT; v++)
			assert_int_equal(worker.vec[v].n, 0);
	}
}

/* A full queue of one class drops under its own name and touches no other. */
static void check_full(struct pkt p, enum dp_punt_class c, enum dp_drop reason)
{
	struct dp_counters before = worker.counters;
	uint64_t dropped = 0;
	void *m;

	for (unsigned i = 0; i < 4; i++) {
		for (unsigned k = 0; k < 50; k++)
			put(&p);
		dp_carry(&worker);
	}
	for (unsigned r = 0; r < DP_DROP_COUNT; r++)
		dropped += worker.counters.drop[r] - before.drop[r];
	if (worker.counters.drop[reason] - before.drop[reason] != 200 - 127 || dropped != 200 - 127)
		fail_msg("%s: %llu dropped", dp_punt_class_name(c), (unsigned long long)dropped);
	for (unsigned i = 0; i < DP_PUNT_COUNT; i++)
		assert_int_equal(rte_ring_count(punt[i]), i == c ? 127 : 0);
	while (rte_ring_dequeue(punt[c], &m) == 0)
		rte_pktmbuf_free(m);
}

static void test_punt_full(void **state)
{
	uint8_t echo[8] = { ICMP6_ECHO_REQUEST }, ns[24] = { ICMP6_NS };
	uint8_t haad[8] = { ICMP6_HAAD_REQUEST };

	(void)state;
	check_full(ip6("fe80::5", "2001:db8:1::10", IP6_ICMP6, 255, ns, 24), DP_PUNT_ND,
		DP_DROP_PUNT_ND_FULL);
	check_full(mobility(COA, HA, HOA), DP_PUNT_KNOWN, DP_DROP_PUNT_KNOWN_FULL);
	check_full(mobility(COA, HA, "2001:db8:a::999"), DP_PUNT_SIGNALLING,
		DP_DROP_PUNT_SIGNALLING_FULL);
	check_full(ip6(CN, "2001:db8:1::10", IP6_ICMP6, 64, echo, 8), DP_PUNT_LOCAL,
		DP_DROP_PUNT_LOCAL_FULL);
	check_full(ip6(CN, ANYCAST, IP6_ICMP6, 64, haad, 8), DP_PUNT_DISCOVERY,
		DP_DROP_PUNT_DISCOVERY_FULL);
	check_full(udp(CN, "2001:db8:2::6", 8), DP_PUNT_RESOLVE, DP_DROP_PUNT_RESOLVE_FULL);
	check_full(udp(CN, "2001:db8:a::999", 8), DP_PUNT_ERROR, DP_DROP_PUNT_ERROR_FULL);
}

/* --- the mesh's ports --- */

#define SITE "2001:db8:1::10"
#define PEER "2001:db8:51::2"
#define SYNC 4750
#define KEY  0x11223344 /* a name of the peer's keys */

static struct dp_sync *make_sync(void)
{
	struct conf_mesh_peer peers[] = { { .id = 4, .address = addr("2001:db8:53::4") },
		{ .id = 2, .address = addr(PEER) }, { .id = 5, .address = addr(HOA) },
		{ .id = 3, .address = addr("2001:db8:52::3"), .retired = true } };
	struct conf_mesh mesh = {
		.site_address = addr(SITE), .port = SYNC, .peers = peers, .peer_count = DIM(peers)
	};
	struct dp_sync *s;

	assert_int_equal(dp_sync_new(&mesh, &s), 0);
	return s;
}

static struct pkt datagram(const char *src, const char *dst, uint16_t port, uint16_t len)
{
	struct ip6_addr s = addr(src), d = addr(dst);
	uint8_t data[1500] = { 4, 1 };
	struct pkt p;

	p.n = (uint16_t)net_udp_packet(p.b, sizeof(p.b), &s, &d, SYNC, port, 64, data, len);
	return p;
}

static struct pkt hello_of(const char *src, uint8_t version, uint32_t key, uint16_t len)
{
	uint8_t data[1500] = { NET_HELLO_TYPE, version, 2, 0, (uint8_t)(key >> 24),
		(uint8_t)(key >> 16), (uint8_t)(key >> 8), (uint8_t)key };
	struct ip6_addr s = addr(src), d = addr(SITE);
	struct pkt p;

	p.n = (uint16_t)net_udp_packet(p.b, sizeof(p.b), &s, &d, SYNC + 1, SYNC + 1, 64, data, len);
	return p;
}

static struct pkt hello(const char *src, uint32_t key, uint16_t len)
{
	return hello_of(src, NET_HELLO_VERSION, key, len);
}

static struct pkt twist(struct pkt p, unsigned at, uint8_t to)
{
	p.b[at] = to;
	return p;
}

/* Only what is from a site, whole and intact, gets into a queue. */
static void test_sync(void **state)
{
	struct dp_sync *s = make_sync();
	struct pkt good = datagram(PEER, SITE, SYNC, 100);
	const struct {
		const char *name;
		struct pkt p;
		int door;
	} rows[] = {
		{ "session", good, DOOR_PUNT(DP_PUNT_SYNC) },
		{ "session, the largest", datagram(PEER, SITE, SYNC, 1232),
			DOOR_PUNT(DP_PUNT_SYNC) },
		{ "the other peer's", datagram("2001:db8:53::4", SITE, SYNC, 1),
			DOOR_PUNT(DP_PUNT_SYNC) },
		{ "hello", hello(PEER, KEY, 100), DOOR_PUNT(DP_PUNT_HELLO) },
		{ "behind an extension header",
			with_ext(good, IP6_DSTOPT, "00 00 01 04 00 00 00 00"),
			DOOR_PUNT(DP_PUNT_SYNC) },
		{ "another port", datagram(PEER, SITE, SYNC + 2, 100), DOOR_PUNT(DP_PUNT_LOCAL) },
		{ "the port below", datagram(PEER, SITE, SYNC - 1, 100), DOOR_PUNT(DP_PUNT_LOCAL) },
		{ "another address of ours", datagram(PEER, "2001:db8:2::10", SYNC, 100),
			DOOR_PUNT(DP_PUNT_LOCAL) },
		{ "a home agent address", datagram(PEER, HA, SYNC, 100), DOOR_PUNT(DP_PUNT_LOCAL) },
		{ "a stranger", datagram(CN, SITE, SYNC, 100), DP_DROP_MESH_STRANGER },
		{ "a stranger's hello", datagram(CN, SITE, SYNC + 1, 100), DP_DROP_MESH_STRANGER },
		{ "who is gone for good", datagram("2001:db8:52::3", SITE, SYNC, 100),
			DP_DROP_MESH_STRANGER },
		{ "in the name of a home address",
			with_ext(good, IP6_DSTOPT,
				"00 02 01 02 00 00 c9 10 2001 0db8 000a 0000 0000 0000 0000 0100"),
			DP_DROP_MESH_STRANGER },
		{ "from ourselves", datagram("2001:db8:2::10", SITE, SYNC, 8), DP_DROP_SRC_OURS },
		{ "length of less", twist(good, 45, 107), DP_DROP_UDP_LENGTH },
		{ "length of more", twist(good, 45, 109), DP_DROP_UDP_LENGTH },
		{ "no length", twist(twist(good, 44, 0), 45, 0), DP_DROP_UDP_LENGTH },
		{ "changed", twist(good, 100, 1), DP_DROP_UDP_CHECKSUM },
		{ "without a checksum", twist(twist(good, 46, 0), 47, 0), DP_DROP_UDP_CHECKSUM },
	};

	(void)state;
	check_door("without a mesh it is not ours", good, DOOR_PUNT(DP_PUNT_LOCAL));
	worker.sync = s;
	dp_sync_keys(s, 2, &(struct dp_hello_keys){ 1, { KEY } });
	for (size_t i = 0; i < DIM(rows); i++)
		check_door(rows[i].name, rows[i].p, rows[i].door);
	check_door("in a tunnel, though of a peer's address",
		tunnel(COA, HA, datagram(HOA, SITE, SYNC, 100)), DP_DROP_MESH_STRANGER);
	check_full(good, DP_PUNT_SYNC, DP_DROP_PUNT_SYNC_FULL);
	check_full(hello(PEER, KEY, 100), DP_PUNT_HELLO, DP_DROP_PUNT_HELLO_FULL);
	worker.sync = NULL;
	dp_sync_free(s);
}

/* Hellos under keys that there are: of that peer, in use or before, by their names. */
static void test_hello_keys(void **state)
{
	enum { OTHERS = 2 };
	struct dp_sync *s = make_sync();
	const struct dp_hello_keys two = { 2, { 0, KEY } }, other = { 1, { KEY + 1 } };
	const struct {
		const char *name;
		struct pkt p;
		int door;
	} rows[] = {
		{ "in use", hello(PEER, 0, 100), DOOR_PUNT(DP_PUNT_HELLO) },
		{ "before", hello(PEER, KEY, 100), DOOR_PUNT(DP_PUNT_HELLO) },
		[OTHERS] = { "the other peer's", hello(PEER, KEY + 1, 100), DP_DROP_HELLO_NO_KEYS },
		{ "the other peer", hello("2001:db8:53::4", KEY + 1, 100),
			DOOR_PUNT(DP_PUNT_HELLO) },
		{ "none, though the other has no second one", hello("2001:db8:53::4", 0, 100),
			DP_DROP_HELLO_NO_KEYS },
		{ "of a peer without keys", hello(HOA, KEY, 100), DP_DROP_HELLO_NO_KEYS },
		{ "the shortest", hello(PEER, KEY, NET_HELLO_OVERHEAD), DOOR_PUNT(DP_PUNT_HELLO) },
		{ "too short", hello(PEER, KEY, NET_HELLO_OVERHEAD - 1), DP_DROP_HELLO_MALFORMED },
		{ "nothing", hello(PEER, KEY, 0), DP_DROP_HELLO_MALFORMED },
		{ "the longest", hello(PEER, KEY, NET_HELLO_MAX), DOOR_PUNT(DP_PUNT_HELLO) },
		{ "too long", hello(PEER, KEY, NET_HELLO_MAX + 1), DP_DROP_HELLO_MALFORMED },
		{ "another type", datagram(PEER, SITE, SYNC + 1, 100), DP_DROP_HELLO_MALFORMED },
		{ "another version", hello_of(PEER, NET_HELLO_VERSION + 1, KEY, 100),
			DP_DROP_HELLO_OTHER_VERSION },
	};

	(void)state;
	worker.sync = s;
	check_door("no keys yet", hello(PEER, 0, 100), DP_DROP_HELLO_NO_KEYS);
	dp_sync_keys(s, 2, &two);
	dp_sync_keys(s, 4, &other);
	dp_sync_keys(s, 77, &other); /* no peer */
	assert_true(dp_sync_was_unknown(s, 2));
	for (size_t i = 0; i < DIM(rows); i++) {
		check_door(rows[i].name, rows[i].p, rows[i].door);
		assert_int_equal(dp_sync_was_unknown(s, 2), i == OTHERS);
		assert_false(dp_sync_was_unknown(s, 2));
	}
	assert_true(dp_sync_was_unknown(s, 4) && dp_sync_was_unknown(s, 5));
	assert_false(dp_sync_was_unknown(s, 77));
	dp_sync_keys(s, 2, &other);
	check_door("not any more", hello(PEER, KEY, 100), DP_DROP_HELLO_NO_KEYS);
	worker.sync = NULL;
	dp_sync_free(s);
}

/* Whoever speaks with a peer's address, but has never seen its hellos, fills no queue: each genuine
 * one in between gets in, and at once. */
static void test_hello_flood(void **state)
{
	struct dp_counters before = worker.counters;
	struct dp_sync *s = make_sync();
	struct pkt genuine = hello(PEER, KEY, 100);
	uint32_t key = KEY;
	void *m;

	(void)state;
	worker.sync = s;
	dp_sync_keys(s, 2, &(struct dp_hello_keys){ 1, { KEY } });
	for (unsigned turn = 1; turn <= 100; turn++) {
		for (unsigned i = 0; i < 50; i++) {
			struct pkt p = hello(PEER, ++key, 100);

			put(i == turn % 50 ? &genuine : &p);
		}
		dp_carry(&worker);
		assert_int_equal(rte_ring_count(punt[DP_PUNT_HELLO]), turn);
	}
	assert_int_equal(
		worker.counters.drop[DP_DROP_HELLO_NO_KEYS] - before.drop[DP_DROP_HELLO_NO_KEYS],
		100 * 49);
	assert_int_equal(worker.counters.drop[DP_DROP_PUNT_HELLO_FULL],
		before.drop[DP_DROP_PUNT_HELLO_FULL]);
	while (rte_ring_dequeue(punt[DP_PUNT_HELLO], &m) == 0)
		rte_pktmbuf_free(m);
	worker.sync = NULL;
	dp_sync_free(s);
}

/* One mobile node in whose name somebody floods: the queue keeps its room for the others. */
static void test_police(void **state)
{
	struct conf_domain domains[] = {
		{ .limits = { .bu_per_s_per_source = 1, .bu_burst_per_source = 7 } },
		{ .limits = { .bu_per_s_per_source = 1, .bu_burst_per_source = 3 } },
	};
	struct conf conf = { .domains = domains, .domain_count = DIM(domains) };
	struct dp_counters before = worker.counters;
	struct pkt loud = mobility(COA, HA, HOA),
		   other = mobility("2001:db8:2::5", HA, "2001:db8:a::101"),
		   second = mobility("2001:db8:f::2", "2001:db8:b::1", "2001:db8:b::100"),
		   stranger = mobility("2001:db8:f::77", HA, HOA);
	void *m;

	(void)state;
	assert_int_equal(police_new(&conf, UINT64_MAX, &worker.police), 0); /* time stands still */
	for (unsigned i = 0; i < 60; i++) {
		put(&loud);
		put(&second);
		put(&stranger);
		if (i < 5)
			put(&other);
		dp_carry(&worker);
	}
	assert_int_equal(rte_ring_count(punt[DP_PUNT_KNOWN]), 7 + 3 + 5);
	assert_int_equal(rte_ring_count(punt[DP_PUNT_SIGNALLING]), 60);
	assert_int_equal(worker.counters.drop[DP_DROP_PUNT_KNOWN_RATE] -
				 before.drop[DP_DROP_PUNT_KNOWN_RATE],
		60 - 7 + 60 - 3);
	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		while (rte_ring_dequeue(punt[c], &m) == 0)
			rte_pktmbuf_free(m);
	}
	police_free(worker.police);
	worker.police = NULL;
}

/* Headers grow into the room in front of a packet, or the packet is dropped whole. */
static void test_headroom(void **state)
{
	static const struct {
		const char *name, *dst;
		uint16_t room;
		int door;
	} rows[] = {
		{ "Ethernet", "2001:db8:2::5", 14, DOOR_TX },
		{ "no room for Ethernet", "2001:db8:2::5", 13, DP_DROP_ENCAP_HEADROOM },
		{ "a tunnel and Ethernet", HOA, 54, DOOR_TX },
		{ "a tunnel, no room for Ethernet", HOA, 53, DP_DROP_ENCAP_HEADROOM },
		{ "no room for a tunnel", HOA, 39, DP_DROP_ENCAP_HEADROOM },
		{ "no room for the limit", "2001:db8:b::100", 47, DP_DROP_ENCAP_HEADROOM },
	};

	(void)state;
	for (unsigned i = 0; i < DIM(rows); i++) {
		headroom = rows[i].room;
		check_door(rows[i].name, udp(CN, rows[i].dst, 8), rows[i].door);
	}
	headroom = RTE_PKTMBUF_HEADROOM;
}

/* No more errors are asked for than twice what control sends; the packets are dropped as before. */
static void test_error_allowance(void **state)
{
	const struct dp_allowance none = { 0 };
	struct pkt p = set_hops(udp(CN, HOA, 8), 1);
	struct dp_counters before;

	(void)state;
	worker.errors = (struct dp_allowance){
		.cycles = UINT64_MAX / 2, .last = rte_rdtsc(), .left = 2, .burst = 2
	};
	check_door("the first", p, DOOR_PUNT(DP_PUNT_ERROR));
	check_door("the second", p, DOOR_PUNT(DP_PUNT_ERROR));
	worker.counters.c[DP_COUNTER_POLLS]++;
	before = worker.counters;
	put(&p);
	dp_carry(&worker);
	assert_int_equal(
		worker.counters.drop[DP_DROP_HOP_LIMIT] - before.drop[DP_DROP_HOP_LIMIT], 1);
	assert_int_equal(
		worker.counters.drop[DP_DROP_ICMP6_RATE] - before.drop[DP_DROP_ICMP6_RATE], 1);
	assert_int_equal(rte_ring_count(punt[DP_PUNT_ERROR]), 0);
	/* time passes: as many as it is worth, at most a burst, and looked at once a turn */
	worker.errors.cycles = 1;
	before = worker.counters;
	put(&p);
	dp_carry(&worker);
	assert_int_equal(rte_ring_count(punt[DP_PUNT_ERROR]), 0);
	worker.counters.c[DP_COUNTER_POLLS]++;
	check_door("later", p, DOOR_PUNT(DP_PUNT_ERROR));
	check_door("later still", p, DOOR_PUNT(DP_PUNT_ERROR));
	put(&p);
	dp_carry(&worker);
	assert_int_equal(rte_ring_count(punt[DP_PUNT_ERROR]), 0);
	worker.errors = none;
}

/* Nobody is told about an ICMPv6 error: what control may be asked is not spent on them. */
static void test_no_error_about_errors(void **state)
{
	const struct dp_allowance none = { 0 };
	static const uint8_t body[8] = { ICMP6_TIME_EXCEEDED };
	struct pkt p = ip6(CN, HOA, IP6_ICMP6, 1, body, sizeof(body));

	(void)state;
	worker.errors = (struct dp_allowance){
		.cycles = UINT64_MAX / 2, .last = rte_rdtsc(), .left = 1, .burst = 1
	};
	for (unsigned i = 0; i < 3; i++) {
		struct dp_counters before = worker.counters;

		put(&p);
		dp_carry(&worker);
		assert_int_equal(
			worker.counters.drop[DP_DROP_HOP_LIMIT] - before.drop[DP_DROP_HOP_LIMIT],
			1);
		assert_int_equal(worker.counters.drop[DP_DROP_ICMP6_NOT_DUE] -
					 before.drop[DP_DROP_ICMP6_NOT_DUE],
			1);
		assert_int_equal(rte_ring_count(punt[DP_PUNT_ERROR]), 0);
	}
	p.b[sizeof(struct net_ip6)] = ICMP6_ECHO_REQUEST;
	check_door("a question is no error", p, DOOR_PUNT(DP_PUNT_ERROR));
	worker.errors = none;
}

/* --- the straight way through encapsulation --- */

/* What control does once it has resolved the care-of address, or has not. */
static void cache_hop(const char *hoa, uint32_t adj)
{
	struct ip6_addr a = addr(hoa);

	bc_set_nexthop(bc_find(t->bc, &a), fib_generation(t->fib), adj);
}

static void cache_hops(bool known)
{
	struct ip6_addr near = addr("2001:db8:2::5");
	uint32_t neighbor = known ? adj_find(t->adj, 1, &near) : ADJ_NONE;

	cache_hop(HOA, known ? gateway : ADJ_NONE);
	cache_hop(NEAR, neighbor);
	cache_hop("2001:db8:b::100", known ? gateway : ADJ_NONE);
}

static uint64_t packets_to(const char *hoa)
{
	struct ip6_addr a = addr(hoa);
	struct bc_counts c;

	bc_counts(t->bc, bc_find(t->bc, &a), &c);
	return c.packets_to << 32 | c.bytes_to;
}

/* What comes out of a burst of one packet; each fragment has a number of its own. */
static struct fate send_or_divide(const struct pkt *p)
{
	struct dp_counters before = worker.counters;
	struct fate f = { .door = -100 };

	put(p);
	dp_carry(&worker);
	if (collect(&f, 1, &before) > 1)
		memset(f.frame, 0, sizeof(f.frame));
	return f;
}

/* One packet by both ways: the same door, the same octets, the same counters. */
static void check_both(const char *name, const char *hoa, struct pkt p)
{
	struct dp_counters a = worker.counters, b;
	uint64_t to = packets_to(hoa), to_long;
	struct fate straight, other;

	cache_hops(false);
	other = send_or_divide(&p);
	to_long = packets_to(hoa) - to;
	b = worker.counters;
	cache_hops(true);
	straight = send_or_divide(&p);
	cache_hops(false);
	if (straight.door != other.door || straight.port != other.port || straight.n != other.n ||
		memcmp(straight.frame, other.frame, other.n) != 0)
		fail_msg("%s: %s, %u octets; by the long way %s, %u octets", name,
			door_name(straight.door), straight.n, door_name(other.door), other.n);
	assert_int_equal(packets_to(hoa) - to, 2 * to_long);
	for (unsigned c = 0; c < DP_COUNTER_COUNT; c++)
		assert_int_equal(worker.counters.c[c] - b.c[c], b.c[c] - a.c[c]);
	for (unsigned r = 0; r < DP_DROP_COUNT; r++)
		assert_int_equal(worker.counters.drop[r] - b.drop[r], b.drop[r] - a.drop[r]);
}

static void check_all_both(const char *hoa)
{
	static const uint8_t protocols[] = { IP6_UDP, IP6_TCP, IP6_ICMP6, IP6_ESP, IP6_SCTP,
		IP6_NONE, IP6_IN_IP6, IP6_AH, 63, 64, 105, 255 };
	static const uint16_t lengths[] = { 0, 3, 4, 20, 600, 1200, 1201, 1240, 1241, 1420, 1421,
		1460, 1461 };
	uint8_t syn[1500] = { 0x12, 0x34, 0, 80, [12] = 0x60, [13] = 2, [20] = 2, 4, 0x05, 0xb4 };
	char name[64];

	for (unsigned i = 0; i < DIM(protocols); i++) {
		for (unsigned k = 0; k < DIM(lengths); k++) {
			struct pkt p = ip6(CN, hoa, protocols[i], 64, syn, lengths[k]);

			snprintf(name, sizeof(name), "%s: protocol %u, %u octets", hoa,
				protocols[i], lengths[k]);
			check_both(name, hoa, p);
			check_both("traffic class", hoa, set_tclass(p, (uint8_t)(k * 19)));
		}
	}
	check_both("hop limit 1", hoa, set_hops(udp(CN, hoa, 8), 1));
	check_both("hop limit 2", hoa, set_hops(udp(CN, hoa, 8), 2));
	check_both(
		"options", hoa, with_ext(udp(CN, hoa, 8), IP6_DSTOPT, "00 00 04 01 00 01 00 00"));
	check_both("limit", hoa, with_ext(udp(CN, hoa, 8), IP6_DSTOPT, "00 00 04 01 03 01 00 00"));
	check_both("hop by hop", hoa, with_ext(udp(CN, hoa, 8), IP6_HOPOPT, "0000010400000000"));
	check_both("fragment", hoa, with_ext(udp(CN, hoa, 8), IP6_FRAGMENT, "0000000100000001"));
}

/* Which way it was, or both would be the same and nobody would notice. */
static void check_way(bool is_straight)
{
	const struct dp_stage_stat *route = &worker.stage[DP_STAGE_ROUTE];
	uint64_t before = route->packets;
	struct pkt p = udp(CN, HOA, 8);

	cache_hops(is_straight);
	send_or_divide(&p);
	cache_hops(false);
	assert_int_equal(route->packets - before, is_straight ? 0 : 1);
}

static void test_straight(void **state)
{
	static const char *const hoas[] = { HOA, NEAR, "2001:db8:b::100" };

	(void)state;
	check_way(true);
	check_way(false);
	for (unsigned i = 0; i < DIM(hoas); i++) {
		check_all_both(hoas[i]);
		for (headroom = 38; headroom < 60; headroom++)
			check_both("headroom", hoas[i], udp(CN, hoas[i], 8));
		headroom = RTE_PKTMBUF_HEADROOM;
	}
	path_mtu(HOA, 1300);
	check_all_both(HOA);
	path_mtu(HOA, 0);
}

/* What makes a way another one than it was: seen at once. */
static void test_straight_closed(void **state)
{
	struct ip6_addr near = addr("2001:db8:2::5");
	uint32_t neighbor = adj_find(t->adj, 1, &near);

	(void)state;
	views[1].link_up = false;
	check_both("port down", NEAR, udp(CN, NEAR, 8));
	views[1].link_up = true;
	views[1].vlan = 100;
	views[1].vlan_tci_be = rte_cpu_to_be_16(100);
	check_both("VLAN", NEAR, udp(CN, NEAR, 8));
	views[1].vlan = 0;
	adj_clear(t->adj, neighbor);
	cache_hops(true);
	check_door("unresolved", udp(CN, NEAR, 8), DOOR_PUNT(DP_PUNT_RESOLVE));
	adj_set(t->adj, neighbor, mac_neighbor, ADJ_RESOLVED | ADJ_REPORT_USE);
	(void)adj_take_used(t->adj, neighbor);
	check_door("stale", udp(CN, NEAR, 8), DOOR_TX);
	assert_true(adj_take_used(t->adj, neighbor));
	adj_set(t->adj, neighbor, mac_neighbor, ADJ_RESOLVED);
	route("2001:db8:f::/64", fib_value(FIB_ONLINK, 1)); /* another generation, another way */
	check_door("another route", udp(CN, HOA, 8), DOOR_PUNT(DP_PUNT_RESOLVE));
	route("2001:db8:f::/64", fib_value(FIB_VIA, gateway));
	cache_hops(false);
}

/* Packets of one flow leave in the order in which they came, whichever way each of them goes. */
static void test_order(void **state)
{
	struct pkt long_way = with_ext(udp(CN, HOA, 8), IP6_DSTOPT, "00 00 01 04 00 00 00 00");
	struct pkt dropped = set_hops(udp(CN, HOA, 8), 1);

	(void)state;
	cache_hops(true);
	for (unsigned at = 0; at < DP_BURST; at++) {
		struct dp_counters before = worker.counters;
		struct fate f;

		for (unsigned i = 0; i < DP_BURST; i++) {
			struct pkt p = i == at ? long_way : i % 5 == 4 ? dropped : udp(CN, HOA, 8);

			p.b[p.n - 1] = (uint8_t)i;
			put(&p);
		}
		dp_carry(&worker);
		assert_int_equal(worker.vec[V_ROUTE].n, 0);
		for (unsigned i = 0, last = 0; i < worker.tx[0].n; i++) {
			struct rte_mbuf *m = worker.tx[0].pkt[i];
			unsigned number = rte_pktmbuf_mtod(m, uint8_t *)[m->data_len - 1];

			assert_true(i == 0 || number > last);
			last = number;
		}
		assert_int_equal(collect(&f, 1, &before), DP_BURST);
	}
	cache_hops(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transit),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_transit_refused),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_sync),
		cmocka_unit_test(test_hello_keys),
		cmocka_unit_test(test_hello_flood),
		cmocka_unit_test(test_discovery),
		cmocka_unit_test(test_headers_to_us),
		cmocka_unit_test(test_intercept),
		cmocka_unit_test(test_intercept_refused),
		cmocka_unit_test(test_encap_limit),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_fragment_numbers),
		cmocka_unit_test(test_fragments_without_buffers),
		cmocka_unit_test(test_fragment_burst),
		cmocka_unit_test(test_path_mtu),
		cmocka_unit_test(test_mss),
		cmocka_unit_test(test_mss_short),
		cmocka_unit_test(test_decap),
		cmocka_unit_test(test_decap_refused),
		cmocka_unit_test(test_decap_ecn),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_conservation),
		cmocka_unit_test(test_punt_full),
		cmocka_unit_test(test_police),
		cmocka_unit_test(test_headroom),
		cmocka_unit_test(test_error_allowance),
		cmocka_unit_test(test_no_error_about_errors),
		cmocka_unit_test(test_straight),
		cmocka_unit_test(test_straight_closed),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
