/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path alone: one process, one core, no control, no peer. Bursts of 64 packets, each of
 * a random mobile node, are carried from a port that makes them to one that drops them, and the
 * cycles of each stage are printed: the median of all bursts, and the tenth of them that was
 * fastest. A burst takes some microseconds, so what else the machine does falls into few of them:
 * a change of one stage shows although the machine is busy. For rates and ratios there is
 * scripts/bench/run.
 *
 *   bench-stages intercept|decap|miss|transit|updates BINDINGS [BURSTS [EAL ARGUMENT...]]
 *
 * updates: as intercept, but every other time that it is looked at, another port has some Binding
 * Updates, which nobody answers; printed is what such turns take more for each than those without.
 *
 * Packets are copied from 4096 prepared ones, as DPDK's net_pcap does with infinite_rx=1; rx is
 * printed without that.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "common/mem.h"
#include "conf/conf.h"
#include "dataplane/police.h"
#include "dataplane/worker.h"
#include "frame.h"
#include "net/ip6hdr.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define TEMPLATES   4096
#define STRIDE      2304 /* of a packet buffer */
#define FRAME       78
#define SUBNET_BITS 6
#define WARM        2000 /* bursts */
#define BURSTS      40000
#define AT_ONCE     3 /* updates, as come in four turns of 64 packets at 100,000 a second */

#define HOME                                                                                       \
	{                                                                                          \
		{                                                                                  \
			0x20, 0x01, 0x0d, 0xb8, 0, 0xa                                             \
		}                                                                                  \
	}
#define AWAY                                                                                       \
	{                                                                                          \
		{                                                                                  \
			0x20, 0x01, 0x0d, 0xb8, 0, 0xc                                             \
		}                                                                                  \
	}
#define OTHER                                                                                      \
	{                                                                                          \
		{                                                                                  \
			0x20, 0x01, 0x0d, 0xb8, 0, 0x99, [15] = 1                                  \
		}                                                                                  \
	}
#define ROUTER                                                                                     \
	{                                                                                          \
		{                                                                                  \
			0x20, 0x01, 0x0d, 0xb8, 0, 0x1, [15] = 1                                   \
		}                                                                                  \
	}
#define AGENT                                                                                      \
	{                                                                                          \
		{                                                                                  \
			0x20, 0x01, 0x0d, 0xb8, 0, 0xa, [15] = 1                                   \
		}                                                                                  \
	}

enum looked { LOOKED_NOT, LOOKED_WITHOUT, LOOKED_WITH };

enum kind { INTERCEPT, DECAP, MISS, TRANSIT, UPDATES, KIND_COUNT };

static struct {
	enum kind kind;
	uint32_t bindings, bursts;
	uint8_t *templates;
	uint16_t len;
	uint32_t next;
	uint64_t state;
	uint64_t spent; /* TSC cycles of the source in this burst */
	uint64_t lost; /* of the packets that control would get */
	uint8_t *looked; /* of each burst, enum looked */
	uint32_t burst, looks; /* counted on */
	struct bu_source updates;
	struct bu_frame update;
} bench;

static struct tables *t;
static struct dp_worker worker;
static struct dp_port_view view[] = {
	{ .mac = { 2, [5] = 0x10 }, .mtu = 1600, .link_up = true }, /* of data */
	{ .mac = { 2, [5] = 0x11 }, .mtu = 1600, .link_up = true }, /* of signalling */
};

static void die(const char *what)
{
	fprintf(stderr, "bench-stages: %s\n", what);
	exit(2);
}

/* --- the source --- */

static void fill(uint8_t *frame, uint32_t n)
{
	static const struct ip6_addr home = HOME, away = AWAY, other = OTHER, agent = AGENT;
	static const uint8_t router_mac[6] = { 2, [5] = 0x99 };
	struct net_ip6 *ip = (struct net_ip6 *)(frame + FRAME_ETHER);
	uint16_t len = FRAME - FRAME_ETHER - FRAME_IP6;

	memcpy(frame, view[0].mac, 6);
	memcpy(frame + 6, router_mac, 6);
	frame[12] = 0x86;
	frame[13] = 0xdd;
	if (bench.kind == DECAP) {
		net_ip6_fill(ip, (uint16_t)(FRAME_IP6 + len), IP6_IN_IP6, 64, &away, &agent);
		net_ip6_fill(ip + 1, len, IP6_UDP, 64, &home, &other);
		ip++;
	} else {
		net_ip6_fill(ip, len, IP6_UDP, 64, &other, bench.kind == TRANSIT ? &away : &home);
	}
	memset(ip + 1, 0x55, len);
	memcpy(ip + 1, (const uint8_t[]){ (uint8_t)(n >> 8), (uint8_t)n, 0, 9 }, 4);
}

static void make_updates(void)
{
	static const uint8_t router_mac[6] = { 2, [5] = 0x99 };

	bench.updates = (struct bu_source){
		.hoa = HOME, .coa = AWAY, .ha = AGENT, .lifetime = 100, .subnet_bits = SUBNET_BITS
	};
	memcpy(bench.updates.dst_mac, view[1].mac, 6);
	memcpy(bench.updates.src_mac, router_mac, 6);
	bu_prepare(&bench.updates, &bench.update);
}

/* By the other port. */
static uint16_t on_update(
	uint16_t port, uint16_t queue, struct rte_mbuf *pkt[], uint16_t n, uint16_t max, void *ctx)
{
	uint64_t start = rte_rdtsc();

	(void)port, (void)queue, (void)n;
	bench.looked[bench.burst] = bench.looks++ % 2 == 0 ? LOOKED_WITHOUT : LOOKED_WITH;
	if (bench.looked[bench.burst] == LOOKED_WITHOUT || max < AT_ONCE ||
		rte_pktmbuf_alloc_bulk(ctx, pkt, AT_ONCE) != 0)
		return 0;
	for (uint16_t i = 0; i < AT_ONCE; i++) {
		bu_write(&bench.updates, &bench.update, rte_pktmbuf_mtod(pkt[i], uint8_t *),
			node_random(&bench.state, bench.bindings), (uint16_t)bench.looks, 0, 0);
		pkt[i]->data_len = bench.update.len;
		pkt[i]->pkt_len = bench.update.len;
	}
	bench.spent += rte_rdtsc() - start;
	return AT_ONCE;
}

static uint16_t on_rx(
	uint16_t port, uint16_t queue, struct rte_mbuf *pkt[], uint16_t n, uint16_t max, void *ctx)
{
	uint64_t start = rte_rdtsc();

	(void)port, (void)queue, (void)max, (void)ctx;
	for (uint16_t i = 0; i < n; i++) {
		uint32_t node = node_random(&bench.state, bench.bindings);
		uint8_t *frame = rte_pktmbuf_mtod(pkt[i], uint8_t *);

		memcpy(frame, bench.templates + (size_t)bench.next * STRIDE, bench.len);
		bench.next = (bench.next + 1) % TEMPLATES;
		pkt[i]->data_len = bench.len;
		pkt[i]->pkt_len = bench.len;
		if (bench.kind == MISS)
			node += bench.bindings;
		if (bench.kind == DECAP) {
			node_write(frame + FRAME_ETHER + 8, node, SUBNET_BITS);
			node_write(frame + FRAME_ETHER + FRAME_IP6 + 8, node, SUBNET_BITS);
		} else {
			node_write(frame + FRAME_ETHER + 24, node, SUBNET_BITS);
		}
	}
	bench.spent += rte_rdtsc() - start;
	return n;
}

static void make_templates(void)
{
	bench.len = FRAME + (bench.kind == DECAP ? FRAME_IP6 : 0);
	bench.templates = rte_zmalloc(NULL, (size_t)TEMPLATES * STRIDE, 64);
	if (bench.templates == NULL)
		die("no memory for packets");
	for (uint32_t n = 0; n < TEMPLATES; n++)
		fill(bench.templates + (size_t)n * STRIDE, n);
}

/* --- what the packets meet --- */

static void route(struct ip6_addr addr, uint8_t len, uint32_t value)
{
	struct ip6_prefix p = { addr, len };

	if (fib_set(t->fib, &p, value) < 0)
		die("no room for a route");
}

static void bind_all(uint32_t gateway)
{
	for (uint32_t n = 0; n < bench.bindings; n++) {
		struct bc_binding b = { .hoa = HOME,
			.coa = AWAY,
			.ha = AGENT,
			.record = n + 1,
			.mss = BC_MSS_AUTO,
			.adjacency = gateway,
			.fib_generation = fib_generation(t->fib) };

		node_write(b.hoa.b, n, SUBNET_BITS);
		node_write(b.coa.b, n, SUBNET_BITS);
		if (bc_publish(t->bc, &b) < 0)
			die("no room for a binding");
	}
}

static void make_tables(void)
{
	static const uint8_t gateway_mac[6] = { 2, [5] = 1 };
	struct tables_opts opts = { .readers = 1,
		.max_bindings = bench.bindings,
		.max_neighbors = 1024,
		.max_routes = 1024,
		.max_addrs = 8,
		.seed = 42 };
	struct ip6_addr router = ROUTER;
	uint32_t gateway;

	if (tables_new(&opts, &t) < 0)
		die("no memory for tables");
	gateway = adj_add(t->adj, 0, &router);
	adj_set(t->adj, gateway, gateway_mac, ADJ_RESOLVED);
	route((struct ip6_addr){ { 0 } }, 0, fib_value(FIB_VIA, gateway));
	route((struct ip6_addr)HOME, 48, fib_value(FIB_DOMAIN, 0));
	route((struct ip6_addr)AGENT, 128, fib_value(FIB_HOME_AGENT, 0));
	bind_all(gateway);
}

/* --- the worker --- */

static struct rte_mempool *make_pool(void)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create("pkts", 16383, 256,
		RTE_ALIGN(sizeof(struct dp_meta), RTE_MBUF_PRIV_ALIGN), RTE_MBUF_DEFAULT_BUF_SIZE,
		SOCKET_ID_ANY);

	if (pool == NULL)
		die("no memory for packet buffers");
	return pool;
}

static uint16_t make_port(const char *device, struct rte_mempool *pool, rte_rx_callback_fn source)
{
	struct rte_eth_conf conf = { 0 };
	uint16_t dev;

	if (rte_eth_dev_get_port_by_name(device, &dev) < 0 ||
		rte_eth_dev_configure(dev, 1, 1, &conf) < 0 ||
		rte_eth_rx_queue_setup(dev, 0, 256, SOCKET_ID_ANY, NULL, pool) < 0 ||
		rte_eth_tx_queue_setup(dev, 0, 256, SOCKET_ID_ANY, NULL) < 0 ||
		rte_eth_dev_start(dev) < 0 || rte_eth_add_rx_callback(dev, 0, source, pool) == NULL)
		die("no port");
	return dev;
}

static void make_worker(struct rte_mempool *pool)
{
	static struct conf_domain domain = { .limits = { .bu_per_s_per_source = 1000000,
						     .bu_burst_per_source = 1000000 } };
	static const struct conf conf = { .domains = &domain, .domain_count = 1 };

	static const char *const devices[] = { "net_null0", "net_null1" };
	char name[16];

	worker.t = t;
	worker.port = view;
	worker.port_count = bench.kind == UPDATES ? 2 : 1;
	worker.rxq_count = worker.port_count;
	for (uint16_t i = 0; i < worker.rxq_count; i++) {
		view[i].dev = make_port(devices[i], pool, i == 0 ? on_rx : on_update);
		worker.rxq[i].port = i;
	}
	worker.is_reader = true;
	worker.has_core = true;
	worker.pool = pool;
	worker.flow_seed = 42;
	if (police_new(&conf, rte_get_tsc_hz(), &worker.police) < 0)
		die("no memory for limits");
	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		snprintf(name, sizeof(name), "punt%u", c);
		worker.punt[c] = rte_ring_create(name, 1024, SOCKET_ID_ANY, 0);
		if (worker.punt[c] == NULL)
			die("no memory for rings");
	}
	if (rte_rcu_qsbr_thread_register(t->rcu, 0) < 0)
		die("no reader");
	rte_rcu_qsbr_thread_online(t->rcu, 0);
}

/* As when control is too slow: what is punted is dropped. */
static void drain(void)
{
	void *m[DP_BURST];
	unsigned n;

	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		while ((n = rte_ring_dequeue_burst(worker.punt[c], m, DP_BURST, NULL)) > 0) {
			rte_pktmbuf_free_bulk((struct rte_mbuf **)m, n);
			bench.lost += n;
		}
	}
}

/* --- figures --- */

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t *taken[DP_STAGE_COUNT + 2]; /* cycles of 64 packets, of all stages, of the turn */

static void turn(uint32_t burst)
{
	struct dp_stage_stat before[DP_STAGE_COUNT];
	uint64_t all = 0, start;

	bench.burst = burst;
	bench.spent = 0;
	memcpy(before, worker.stage, sizeof(before));
	start = rte_rdtsc();
	dp_worker_poll(&worker);
	taken[DP_STAGE_COUNT + 1][burst] = (uint32_t)(rte_rdtsc() - start - bench.spent);
	drain();
	for (unsigned s = 0; s < DP_STAGE_COUNT; s++) {
		uint64_t spent = worker.stage[s].cycles - before[s].cycles;

		if (s == DP_STAGE_RX)
			spent -= bench.spent;
		taken[s][burst] = (uint32_t)spent;
		all += spent;
	}
	taken[DP_STAGE_COUNT][burst] = (uint32_t)all;
}

/* Of n values, the one that 1 / of of them are below; sorts them. */
static double rank(uint32_t *values, uint32_t n, uint32_t of)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / of];
}

static void print(const char *name, uint32_t *values)
{
	double median = rank(values, bench.bursts, 2), tenth = rank(values, bench.bursts, 10);

	if (values[bench.bursts - 1] > 0)
		printf("%-10s %6.1f %6.1f\n", name, median / DP_BURST, tenth / DP_BURST);
}

/* Of the bursts that were looked at so. */
static double rank_of(const uint32_t *values, enum looked looked, uint32_t of)
{
	uint32_t *some = calloc(bench.bursts, sizeof(*some)), n = 0;
	double value;

	if (some == NULL)
		die("no memory for figures");
	for (uint32_t i = 0; i < bench.bursts; i++)
		if (bench.looked[i] == looked)
			some[n++] = values[i];
	value = n > 0 ? rank(some, n, of) : 0;
	free(some);
	return value;
}

/* What a burst with updates takes more for each than one without. */
static double more(const uint32_t *values, uint32_t of)
{
	return (rank_of(values, LOOKED_WITH, of) - rank_of(values, LOOKED_WITHOUT, of)) / AT_ONCE;
}

static void print_more(const char *name, uint32_t *values)
{
	if (rank_of(values, LOOKED_WITH, 2) > 0)
		printf("%-10s %6.0f %6.0f %6.0f\n", name, more(values, 2), more(values, 10),
			rank_of(values, LOOKED_WITHOUT, 2));
}

static void report(void)
{
	static const char *const names[] = {
#define X(id, name) [DP_STAGE_##id] = name,
		DP_STAGE_LIST(X)
#undef X
	};
	const uint64_t *c = worker.counters.c;

	if (bench.kind == UPDATES)
		printf("more       median  tenth  a turn without (median)\n");
	else
		printf("cycles     median  tenth\n");
	for (unsigned s = 0; s < DIM(taken); s++)
		(bench.kind == UPDATES ? print_more : print)(s < DP_STAGE_COUNT    ? names[s]
							     : s == DP_STAGE_COUNT ? "all"
										   : "turn",
			taken[s]);
	printf("received %lu encapsulated %lu decapsulated %lu sent %lu punted %lu\n",
		c[DP_COUNTER_RX_PACKETS], c[DP_COUNTER_ENCAPSULATED], c[DP_COUNTER_DECAPSULATED],
		c[DP_COUNTER_TX_PACKETS], bench.lost);
}

static void read_arguments(int argc, char *argv[])
{
	static const char *const kinds[KIND_COUNT] = { "intercept", "decap", "miss", "transit",
		"updates" };

	if (argc < 3)
		die("intercept|decap|miss|transit|updates BINDINGS [BURSTS [EAL ARGUMENT...]]");
	while (strcmp(kinds[bench.kind], argv[1]) != 0) {
		if (++bench.kind == KIND_COUNT)
			die("no such kind of packets");
	}
	bench.bindings = (uint32_t)strtoul(argv[2], NULL, 0);
	bench.bursts = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 0) : BURSTS;
	if (bench.bindings == 0 || bench.bursts < 2)
		die("at least one binding and two bursts");
}

int main(int argc, char *argv[])
{
	const char *eal[32] = { argv[0], "--no-pci", "--no-telemetry", "--log-level=*:error",
		"--vdev=net_null0", "--vdev=net_null1,no-rx=1", "--in-memory", "-m", "256" };
	int n = argc > 4 ? 6 : 9;

	read_arguments(argc, argv);
	for (int i = 4; i < argc && n < (int)DIM(eal) - 1; i++)
		eal[n++] = argv[i];
	if (rte_eal_init(n, (char **)(uintptr_t)eal) < 0)
		die("no EAL");
	mem_use_hugepages(true);
	make_templates();
	make_updates();
	make_tables();
	make_worker(make_pool());
	bench.looked = calloc(bench.bursts, sizeof(*bench.looked));
	if (bench.looked == NULL)
		die("no memory for figures");
	for (unsigned s = 0; s < DIM(taken); s++) {
		taken[s] = calloc(bench.bursts, sizeof(*taken[s]));
		if (taken[s] == NULL)
			die("no memory for figures");
	}
	for (uint32_t i = 0; i < WARM + bench.bursts; i++)
		turn(i < WARM ? 0 : i - WARM);
	report();
	return 0;
}
