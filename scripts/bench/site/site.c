/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A site of a mesh as its worker sees it, without control: tables are filled once, the keys are
 * written below, next hops are known. It runs until it is told to stop, on the port 0 that EAL's
 * arguments make, so that it can be measured in turn with others (scripts/bench/run mesh-*).
 *
 *   bench-site EAL-ARGUMENT... -- seal|open BINDINGS
 *   bench-site write esn|no-esn FILE OCTETS
 *   bench-site peer                          the same tunnels as ipsec-secgw is told of them
 *
 * seal: packets to mobile nodes that another site owns (delivery primary): the whole way from
 * receiving them to the mesh tunnel. open: that site's way: out of the mesh tunnel, into that of the
 * mobile node. The packets of open are those that `write` seals, with the numbers 1 to 4096 over
 * and over: behind the last one the window is emptied, or all others would be replays. (no-esn: for
 * programs that leave the high half of the number out of what is authenticated.)
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_rcu_qsbr.h>

#include "common/key.h"
#include "common/mem.h"
#include "conf/conf.h"
#include "dataplane/domains.h"
#include "dataplane/relay.h"
#include "dataplane/worker.h"
#include "frame.h"
#include "net/esp.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/fib.h"
#include "tables/meshtab.h"
#include "tables/sa.h"
#include "tables/tables.h"

#define PACKETS     4096 /* of a capture */
#define SUBNET_BITS 6
#define MTU         1600
#define GENERATION  5
#define DOMAIN_ID   77
#define HERE        1 /* this site opens and seals, */
#define THERE       2 /* that one is its peer */
#define MBUFS       16383

#define HOME  "2001:db8:a::"
#define AWAY  "2001:db8:c::"
#define AGENT "2001:db8:a::1"
#define OTHER "2001:db8:99::1"

static const char *const site[] = { NULL, "2001:db8:1::10", "2001:db8:2::10" };
/* Of both directions. */
static const struct sa_keys keys = { .key = { 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99,
					     0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x01 },
	.salt = { 0xa1, 0xa2, 0xa3, 0xa4 },
	.generation = GENERATION };

static struct tables *t;
static struct dp_worker worker;
static struct dp_port_view view = { .mtu = MTU, .link_up = true };
static volatile sig_atomic_t stopped;

static void die(const char *what)
{
	fprintf(stderr, "bench-site: %s\n", what);
	exit(2);
}

static struct ip6_addr address(const char *text)
{
	struct ip6_addr a;

	if (ip6_parse(text, &a) < 0)
		die(text);
	return a;
}

/* --- write --- */

static void put(FILE *f, const void *p, size_t n)
{
	if (fwrite(p, 1, n, f) != n)
		die("cannot write");
}

static void begin_capture(FILE *f)
{
	const uint32_t head[] = { 0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1 };

	put(f, head, sizeof(head));
}

static void put_frame(FILE *f, const uint8_t *frame, uint32_t len)
{
	const uint32_t head[] = { 0, 0, len, len };

	put(f, head, sizeof(head));
	put(f, frame, len);
}

/* Without the high half of the number: what esp_seal() never does. */
static void seal_no_esn(const struct gcm *gcm, const struct esp_out *sa, uint8_t *esp, uint32_t len)
{
	uint8_t iv[GCM_IV_LEN], *text = esp + ESP_HEAD;
	uint32_t n = esp_size(len) - ESP_HEAD - GCM_TAG_LEN;

	memcpy(iv, sa->salt, ESP_SALT_LEN);
	memcpy(iv + ESP_SALT_LEN, esp + 8, 8);
	gcm_seal(gcm, sa->key, iv, esp, 8, text, n, text + n);
}

/* Both lie in front of a packet from a correspondent to mobile node n. */
static uint32_t make_packet(uint8_t *pkt, uint32_t n, uint32_t octets)
{
	struct net_ip6 *ip = (struct net_ip6 *)pkt;
	struct ip6_addr src = address(OTHER), dst = address(HOME);
	uint32_t len = octets - FRAME_ETHER;

	memset(pkt, 0x55, len);
	net_ip6_fill(ip, (uint16_t)(len - sizeof(*ip)), IP6_UDP, 63, &src, &dst);
	node_write(ip->dst.b, n, SUBNET_BITS);
	memcpy(ip + 1, (const uint8_t[]){ (uint8_t)(n >> 8), (uint8_t)n, 0, 9 }, 4);
	return len;
}

static int write_capture(bool esn, const char *path, uint32_t octets)
{
	static const uint8_t macs[FRAME_ETHER] = { 2, 0x70, 0x63, 0x61, 0x70, 0, 2, 0, 0, 0, 0,
		0x99, 0x86, 0xdd };
	struct esp_out sa = { .spi = sa_spi(THERE, 0, false, GENERATION) };
	uint8_t frame[FRAME_ETHER + sizeof(struct net_ip6) + 2048];
	struct net_ip6 *outer = (struct net_ip6 *)(frame + FRAME_ETHER);
	struct ip6_addr from = address(site[THERE]), to = address(site[HERE]);
	uint8_t *esp = (uint8_t *)(outer + 1);
	FILE *f = fopen(path, "wb");
	struct gcm *gcm;

	if (f == NULL || octets < 78 || octets > 1514 || gcm_new(&gcm) < 0)
		die("cannot write");
	sa.key = gcm_key_new(gcm, keys.key);
	memcpy(sa.salt, keys.salt, sizeof(sa.salt));
	begin_capture(f);
	memcpy(frame, macs, sizeof(macs));
	for (uint32_t n = 0; n < PACKETS; n++) {
		uint32_t len = make_packet(esp + ESP_HEAD, n, octets);
		uint32_t size = esp_seal(gcm, &sa, esp + ESP_HEAD, len, IP6_IN_IP6);

		if (!esn) {
			uint8_t pad = (uint8_t)(-(len + 2) & 3);

			make_packet(esp + ESP_HEAD, n, octets);
			for (uint8_t i = 0; i < pad; i++)
				esp[ESP_HEAD + len + i] = (uint8_t)(i + 1);
			esp[ESP_HEAD + len + pad] = pad;
			esp[ESP_HEAD + len + pad + 1] = IP6_IN_IP6;
			seal_no_esn(gcm, &sa, esp, len);
		}
		net_ip6_fill(outer, (uint16_t)size, IP6_ESP, 64, &from, &to);
		put_frame(f, frame, FRAME_ETHER + (uint32_t)sizeof(*outer) + size);
	}
	if (fclose(f) != 0)
		die("cannot write");
	return 0;
}

/* Packets to mobile nodes out by one SA, those of the peer's in by the other. */
static int print_peer(void)
{
	static const char policy[] = "sp ipv6 %s esp protect %u pri 1 dst " HOME
				     "/48 sport 0:65535 dport 0:65535\n";
	const uint32_t spi[] = { sa_spi(HERE, 0, false, GENERATION),
		sa_spi(THERE, 0, false, GENERATION) };

	for (unsigned in = 0; in < 2; in++) {
		const char *way = in ? "in" : "out";

		printf(policy, way, spi[in]);
		printf("sa %s %u aead_algo aes-128-gcm aead_key ", way, spi[in]);
		for (unsigned i = 0; i < sizeof(keys.key); i++)
			printf("%02x:", keys.key[i]);
		for (unsigned i = 0; i < sizeof(keys.salt); i++)
			printf("%02x%s", keys.salt[i], i + 1 < sizeof(keys.salt) ? ":" : "");
		printf(" mode ipv6-tunnel src %s dst %s\n", site[in ? THERE : HERE],
			site[in ? HERE : THERE]);
	}
	printf("rt ipv6 dst 2001:db8:2::/48 port 0\nrt ipv6 dst " HOME "/48 port 0\n"
	       "neigh port 0 02:00:00:00:00:01\n");
	return 0;
}

/* --- what the packets meet --- */

static void route(const char *text, uint8_t len, uint32_t value)
{
	struct ip6_prefix p = { address(text), len };

	if (fib_set(t->fib, &p, value) < 0)
		die("no room for a route");
}

static void bind_all(uint32_t gateway, uint32_t bindings, uint8_t owner)
{
	for (uint32_t n = 0; n < bindings; n++) {
		struct bc_binding b = { .hoa = address(HOME),
			.coa = address(AWAY),
			.ha = address(AGENT),
			.record = n + 1,
			.mss = BC_MSS_AUTO,
			.owner = owner,
			.adjacency = gateway,
			.fib_generation = fib_generation(t->fib) };

		node_write(b.hoa.b, n, SUBNET_BITS);
		node_write(b.coa.b, n, SUBNET_BITS);
		b.bucket = record_key_bucket(record_key(DOMAIN_ID, &b.hoa));
		if (bc_publish(t->bc, &b) < 0)
			die("no room for a binding");
	}
}

/* Delivery primary: whose owner is here is delivered, others are relayed to it. */
static void make_domain(void)
{
	static struct mesh_answers answers;
	struct mesh_domain *d = meshtab_buffer(t->mesh, 0);

	memset(d, 0, sizeof(*d));
	for (unsigned from = 0; from < MESH_FROM_COUNT; from++) {
		for (unsigned way = 0; way < MESH_WAYS; way++) {
			bool here = way / (MESH_WAY_COUNT * MESH_WAY_COUNT) == MESH_WAY_HERE;

			answers.at[MESH_INTERCEPT][MESH_UNBOUND][from][way].act = MESH_UNREACHABLE;
			answers.at[MESH_INTERCEPT][MESH_BOUND][from][way] = (struct mesh_answer){
				.act = here ? MESH_DELIVER : MESH_RELAY, .by = MESH_HOP_OWNER
			};
		}
	}
	d->answers = &answers;
	d->id = DOMAIN_ID;
	d->self = HERE;
	d->members[0] = 1 << HERE | 1 << THERE;
	d->clamps = true;
	for (unsigned owner = HERE; owner <= THERE; owner++)
		memset(d->hop[owner], (int)owner, sizeof(d->hop[owner]));
	if (meshtab_publish(t->mesh, 0) < 0)
		die("no table of the domain");
}

static void make_tables(uint32_t bindings, uint8_t owner)
{
	struct sa_opts mesh = {
		.node = HERE, .site = address(site[HERE]), .workers = 2, .seed = 5
	};
	struct tables_opts opts = { .readers = 1,
		.max_bindings = bindings,
		.max_neighbors = 1024,
		.max_routes = 1024,
		.max_addrs = 8,
		.mesh_domains = 1,
		.mesh = &mesh,
		.seed = 42 };
	struct ip6_addr router = address("2001:db8:1::1"), there = address(site[THERE]);
	uint32_t gateway;

	if (tables_new(&opts, &t) < 0)
		die("no memory for tables");
	gateway = adj_add(t->adj, 0, &router);
	adj_set(t->adj, gateway, (const uint8_t[6]){ 2, [5] = 1 }, ADJ_RESOLVED);
	route("::", 0, fib_value(FIB_VIA, gateway));
	route(site[HERE], 128, fib_value(FIB_LOCAL, 0));
	route(HOME, 48, fib_value(FIB_DOMAIN, 0));
	route(AGENT, 128, fib_value(FIB_HOME_AGENT, 0));
	bind_all(gateway, bindings, owner);
	make_domain();
	if (sa_add_peer(t->sa, THERE, &there) < 0 || sa_add_in(t->sa, THERE, &keys) < 0 ||
		sa_set_out(t->sa, THERE, &keys) < 0)
		die("no tunnel");
}

/* --- the worker --- */

static struct rte_mempool *make_port(void)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_mempool *pool = rte_pktmbuf_pool_create("pkts", MBUFS, 256,
		RTE_ALIGN(sizeof(struct dp_meta), RTE_MBUF_PRIV_ALIGN), RTE_MBUF_DEFAULT_BUF_SIZE,
		SOCKET_ID_ANY);
	struct rte_ether_addr mac;

	if (pool == NULL || rte_eth_dev_count_avail() == 0 ||
		rte_eth_dev_configure(0, 1, 1, &conf) < 0 ||
		rte_eth_rx_queue_setup(0, 0, 1024, SOCKET_ID_ANY, NULL, pool) < 0 ||
		rte_eth_tx_queue_setup(0, 0, 1024, SOCKET_ID_ANY, NULL) < 0 ||
		rte_eth_dev_start(0) < 0 || rte_eth_macaddr_get(0, &mac) < 0)
		die("no port");
	memcpy(view.mac, mac.addr_bytes, sizeof(view.mac));
	return pool;
}

static void make_worker(struct rte_mempool *pool)
{
	static struct conf_domain domain;
	struct conf conf = { .domains = &domain, .domain_count = 1 };
	char name[16];

	worker.t = t;
	worker.port = &view;
	worker.port_count = 1;
	worker.rxq_count = 1;
	worker.workers = 1;
	worker.is_reader = true;
	worker.pool = pool;
	worker.flow_seed = 42;
	if (domains_new(&conf, rte_get_tsc_hz(), 1, &worker.domains) < 0)
		die("no memory");
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

static void on_signal(int number)
{
	(void)number;
	stopped = 1;
}

/* The capture begins anew. */
static void renew(struct window *w)
{
	if (w->next > PACKETS)
		memset(w, 0, sizeof(*w));
}

static void run(void)
{
	struct sa_in *in = sa_in_of(sa_view(t->sa)->peer[THERE], GENERATION);
	struct window *w = &in->lane[0].esp.window;

	while (!stopped) {
		dp_worker_poll(&worker);
		renew(w);
	}
}

static void report(void)
{
	const uint64_t *c = worker.counters.c;

	printf("received %lu sealed %lu opened %lu sent %lu\n", c[DP_COUNTER_RX_PACKETS],
		c[DP_COUNTER_MESH_SEALED], c[DP_COUNTER_MESH_OPENED], c[DP_COUNTER_TX_PACKETS]);
	for (unsigned s = 0; s < DP_STAGE_COUNT; s++)
		if (worker.stage[s].packets > 0)
			printf("stage %u: %.1f cycles a packet\n", s,
				(double)worker.stage[s].cycles / (double)worker.stage[s].packets);
	for (unsigned r = 0; r < DP_DROP_COUNT; r++)
		if (worker.counters.drop[r] > 0)
			printf("%s %lu\n", dp_drop_name((enum dp_drop)r), worker.counters.drop[r]);
}

int main(int argc, char *argv[])
{
	uint32_t bindings;
	bool opens;
	int n;

	if (argc == 5 && strcmp(argv[1], "write") == 0)
		return write_capture(
			strcmp(argv[2], "esn") == 0, argv[3], (uint32_t)strtoul(argv[4], NULL, 0));
	if (argc == 2 && strcmp(argv[1], "peer") == 0)
		return print_peer();
	n = rte_eal_init(argc, argv);
	if (n < 0 || argc - n != 3)
		die("EAL-ARGUMENT... -- seal|open BINDINGS");
	opens = strcmp(argv[n + 1], "open") == 0;
	bindings = (uint32_t)strtoul(argv[n + 2], NULL, 0);
	if (bindings == 0 || (!opens && strcmp(argv[n + 1], "seal") != 0))
		die("seal|open, and at least one binding");
	mem_use_hugepages(true);
	make_tables(bindings, opens ? HERE : THERE);
	make_worker(make_port());
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	run();
	report();
	return 0;
}
