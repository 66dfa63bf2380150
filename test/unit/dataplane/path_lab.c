/* SPDX-License-Identifier: BSD-3-Clause */
#include "path_lab.h"

struct tables *t;
struct rte_mempool *pool;
struct dp_port_view views[2];
struct rte_ring *punt[DP_PUNT_COUNT];
struct dp_worker worker;
uint32_t gateway;

const uint8_t mac_gateway[] = { 2, 0, 0, 0, 0, 1 };
const uint8_t mac_neighbor[] = { 2, 0, 0, 0, 0, 5 };

void route(const char *p, uint32_t value)
{
	struct ip6_prefix pre = prefix(p);

	assert_int_equal(fib_set(t->fib, &pre, value), 0);
}

void bind_at(const char *hoa, const char *coa, const char *ha, uint16_t domain, uint8_t flags)
{
	struct bc_binding b = {
		.hoa = addr(hoa), .coa = addr(coa), .ha = addr(ha), .domain = domain, .flags = flags
	};

	assert_int_equal(bc_publish(t->bc, &b), 0);
}

uint32_t neighbor(uint16_t port, const char *a, const uint8_t *mac)
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

int set_up(void **state)
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

int tear_down(void **state)
{
	(void)state;
	assert_int_equal(rte_mempool_avail_count(pool), 1023); /* no packet was leaked */
	tables_free(t);
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

/* --- packets --- */

struct pkt ip6(const char *src, const char *dst, uint8_t next, uint8_t hops, const void *payload,
	uint16_t len)
{
	struct ip6_addr s = addr(src), d = addr(dst);
	struct pkt p = { .n = (uint16_t)(40 + len) };

	net_ip6_fill((struct net_ip6 *)p.b, len, next, hops, &s, &d);
	if (len > 0 && payload != NULL)
		memcpy(p.b + 40, payload, len);
	return p;
}

struct pkt udp(const char *src, const char *dst, uint16_t len)
{
	return ip6(src, dst, IP6_UDP, 64, NULL, len);
}

struct pkt tunnel(const char *src, const char *dst, struct pkt inner)
{
	return ip6(src, dst, IP6_IN_IP6, 64, inner.b, inner.n);
}

struct pkt with_ext(struct pkt p, uint8_t type, const char *hex)
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

struct pkt mobility(const char *src, const char *dst, const char *hoa)
{
	struct ip6_addr a = addr(hoa);
	uint8_t mh[16] = { 59, 1, 5 };
	struct pkt p = with_ext(ip6(src, dst, IP6_MH, 64, mh, sizeof(mh)), IP6_DSTOPT,
		"00 02 01 02 00 00 c9 10 0000 0000 0000 0000 0000 0000 0000 0000");

	memcpy(p.b + 40 + 8, &a, sizeof(a));
	return p;
}

struct pkt set_tclass(struct pkt p, uint8_t tclass)
{
	net_ip6_set_vtf((struct net_ip6 *)p.b, tclass, 0);
	return p;
}

struct pkt set_hops(struct pkt p, uint8_t hops)
{
	((struct net_ip6 *)p.b)->hop_limit = hops;
	return p;
}

uint16_t headroom = RTE_PKTMBUF_HEADROOM;

void put(const struct pkt *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	m->data_off = headroom;
	memcpy(rte_pktmbuf_append(m, p->n), p->b, p->n);
	memset(dp_meta(m), 0, sizeof(struct dp_meta));
	dp_vec_push(&worker.vec[V_AGAIN], m);
}

static void keep(struct fate *f, struct rte_mbuf *m, int door)
{
	f->door = door;
	f->port = m->port;
	f->meta = *dp_meta(m);
	f->n = m->data_len;
	memcpy(f->frame, rte_pktmbuf_mtod(m, void *), m->data_len);
	rte_pktmbuf_free(m);
}

unsigned collect(struct fate *f, unsigned max, const struct dp_counters *before)
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

struct fate send_one(struct pkt p)
{
	struct dp_counters before = worker.counters;
	struct fate f = { .door = -100 };

	put(&p);
	dp_carry(&worker);
	assert_int_equal(collect(&f, 1, &before), 1);
	return f;
}

const char *door_name(int door)
{
	if (door == DOOR_TX)
		return "tx";
	return door < 0 ? dp_punt_class_name((enum dp_punt_class)(-2 - door))
			: dp_drop_name((enum dp_drop)door);
}

void check_error(const char *name, struct pkt p, enum dp_drop reason, uint8_t type, uint8_t code,
	uint32_t arg)
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

void check_door(const char *name, struct pkt p, int door)
{
	struct fate f = send_one(p);

	if (f.door != door)
		fail_msg("%s: %s, not %s", name, door_name(f.door), door_name(door));
}

/* --- fragments of tunnel packets (RFC 2473, 7.1 (b)) --- */

void path_mtu(const char *hoa, uint16_t mtu)
{
	struct ip6_addr a = addr(hoa);

	bc_set_mtu(bc_find(t->bc, &a), mtu);
}

struct pkt syn(const char *src, const char *dst, uint8_t flags)
{
	uint8_t tcp[24] = { 0, 80, 1, 0, [12] = 6 << 4, [13] = flags, [20] = 2, 4, 0x05, 0xa0 };
	struct pkt p = ip6(src, dst, IP6_TCP, 64, tcp, sizeof(tcp));
	const struct net_ip6 *ip = (const struct net_ip6 *)p.b;
	uint16_t sum = net_cksum(&ip->src, &ip->dst, IP6_TCP, p.b + 40, sizeof(tcp));

	p.b[40 + 16] = (uint8_t)(sum >> 8);
	p.b[40 + 17] = (uint8_t)sum;
	return p;
}

void check_full(struct pkt p, enum dp_punt_class c, enum dp_drop reason)
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

/* --- the straight way through encapsulation --- */

uint64_t packets_to(const char *hoa)
{
	struct ip6_addr a = addr(hoa);
	struct bc_counts c;

	bc_counts(t->bc, bc_find(t->bc, &a), &c);
	return c.packets_to << 32 | c.bytes_to;
}
