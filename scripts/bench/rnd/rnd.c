/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A traffic source for benchmarks: an EAL plug-in (-d) that works in testpmd, in DPDK's examples
 * and in hamd alike. It hangs an RX callback on ports that it is told of and there
 *
 *   flows    gives each frame the address of a random mobile node, at one or two places;
 *   beacon   puts one frame in the place of another now and then (a neighbour's advertisement);
 *   updates  adds Binding Updates, so many a second.
 *
 * A capture of N packets touches N flows, and large captures slow the source down: so few packets
 * are replayed and their addresses made up here. The cost, 2 to 4 ns a packet, is the same for
 * every program that is measured.
 *
 * The file that HAMD_BENCH_SOURCE names holds one line a function:
 *
 *   DEVICE flows at=38 count=1000000 subnet-bits=6 seed=1
 *   DEVICE beacon every-ms=1000 frame=3333...
 *   DEVICE updates hoa=2001:db8:a:: coa=2001:db8:c:: ha=2001:db8:a::1 count=1000000
 *          subnet-bits=6 lifetime-s=3600 [spi=256 key=HEX]        (one line)
 *
 * While it runs, DPDK's telemetry socket takes
 *
 *   /bench/flows,DEVICE,FIRST,COUNT   other mobile nodes: those without a binding, say
 *   /bench/updates,DEVICE,RATE,KIND   Binding Updates a second; KIND 0: refreshes, 1: to a new
 *                                     care-of address, 2: such ones, but nobody gets them: what
 *                                     making them costs
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_telemetry.h>

#include "common/ntp.h"
#include "common/util.h"
#include "frame.h"

#define PORTS_MAX    8
#define PLACES_MAX   2
#define POOL_SIZE    8191
#define POOL_PRIVATE 256 /* what the program that is measured may keep beside a frame */
#define UPDATE_BURST 32 /* a turn, so that a pause is not made up for in one go */
#define COUNT_MAX    (1U << 31)
#define SPREAD       2654435761U /* a prime above any count: consecutive updates are far apart */

struct flows {
	uint32_t places, at[PLACES_MAX];
	_Atomic uint32_t first, count;
	unsigned subnet_bits;
	uint64_t state;
};

struct beacon {
	uint64_t every, next; /* TSC */
	uint16_t len;
	uint8_t frame[256];
};

enum kind {
	KIND_REFRESH,
	KIND_MOVE,
	KIND_WASTE, /* made and given back at once */
	KIND_COUNT
};

struct updates {
	struct bu_source bu;
	struct bu_frame frame;
	struct mac_key *key;
	uint32_t count;
	_Atomic uint64_t rate; /* a second; 0: none */
	_Atomic uint32_t kind; /* enum kind */
	double due; /* that may be sent by now */
	uint64_t last; /* TSC */
	uint64_t round; /* how often each mobile node has had its turn, */
	uint32_t turn, node,
		step; /* in this one so many; who is next; and how far the one behind */
	_Atomic uint64_t sent;
};

struct source {
	char device[RTE_ETH_NAME_MAX_LEN];
	struct flows flows;
	struct beacon beacon;
	struct updates updates;
	bool attached;
};

static struct source sources[PORTS_MAX];
static unsigned source_count;
static struct rte_mempool *pool; /* of the frames that are added */

/* --- the callback --- */

static void run_flows(struct flows *f, struct rte_mbuf *pkt[], uint16_t n)
{
	uint32_t first = atomic_load_explicit(&f->first, memory_order_relaxed);
	uint32_t count = atomic_load_explicit(&f->count, memory_order_relaxed);

	for (uint16_t i = 0; i < n; i++) {
		uint32_t node = first + node_random(&f->state, count);
		uint8_t *frame = rte_pktmbuf_mtod(pkt[i], uint8_t *);

		for (uint32_t j = 0; j < f->places; j++)
			node_write(frame + f->at[j], node, f->subnet_bits);
	}
}

static void put_frame(struct rte_mbuf *m, const uint8_t *frame, uint16_t len)
{
	memcpy(rte_pktmbuf_mtod(m, void *), frame, len);
	m->data_len = len;
	m->pkt_len = len;
}

/* In the place of the last frame, or, from a port that receives nothing, of its own. */
static uint16_t run_beacon(struct source *s, struct rte_mbuf *pkt[], uint16_t port, uint16_t n)
{
	struct beacon *b = &s->beacon;
	uint64_t now = rte_rdtsc();

	if (now < b->next)
		return n;
	b->next = now + b->every;
	if (n == 0) {
		pkt[0] = rte_pktmbuf_alloc(pool);
		if (pkt[0] == NULL)
			return 0;
		pkt[0]->port = port;
		n = 1;
	}
	put_frame(pkt[n - 1], b->frame, b->len);
	return n;
}

/* How many updates the time since the last call allows, at most max. */
static uint16_t updates_due(struct updates *u, uint16_t max)
{
	uint64_t rate = atomic_load_explicit(&u->rate, memory_order_relaxed), now = rte_rdtsc();

	u->due += (double)(now - u->last) * (double)rate / (double)rte_get_tsc_hz();
	u->last = now;
	if (u->due > UPDATE_BURST)
		u->due = UPDATE_BURST;
	return u->due < max ? (uint16_t)u->due : max;
}

/* All in turn: turn * SPREAD % count, without dividing. */
static void next_node(struct updates *u)
{
	u->node += u->step;
	if (u->node >= u->count)
		u->node -= u->count;
	if (++u->turn < u->count)
		return;
	u->turn = 0;
	u->round++;
}

static void write_update(struct updates *u, struct rte_mbuf *m, enum kind kind)
{
	uint8_t place = u->bu.coa.b[11];

	if (kind != KIND_REFRESH)
		place = (uint8_t)(1 + u->round % 255);
	bu_write(&u->bu, &u->frame, rte_pktmbuf_mtod(m, uint8_t *), u->node,
		(uint16_t)(u->round + 1), place, u->bu.is_signed ? ntp_now() : 0);
	m->data_len = u->frame.len;
	m->pkt_len = u->frame.len;
	next_node(u);
}

static uint16_t run_updates(
	struct updates *u, struct rte_mbuf *pkt[], uint16_t port, uint16_t n, uint16_t max)
{
	enum kind kind = atomic_load_explicit(&u->kind, memory_order_relaxed);
	uint16_t due = updates_due(u, (uint16_t)(max - n));

	if (due == 0 || rte_pktmbuf_alloc_bulk(pool, pkt + n, due) != 0)
		return n;
	u->due -= due;
	for (uint16_t i = 0; i < due; i++) {
		write_update(u, pkt[n + i], kind);
		pkt[n + i]->port = port;
	}
	atomic_store_explicit(&u->sent, u->sent + due, memory_order_relaxed);
	if (kind != KIND_WASTE)
		return (uint16_t)(n + due);
	rte_pktmbuf_free_bulk(pkt + n, due);
	return n;
}

static uint16_t on_rx(
	uint16_t port, uint16_t queue, struct rte_mbuf *pkt[], uint16_t n, uint16_t max, void *ctx)
{
	struct source *s = ctx;

	(void)queue;
	if (s->flows.places > 0)
		run_flows(&s->flows, pkt, n);
	if (s->beacon.len > 0)
		n = run_beacon(s, pkt, port, n);
	if (s->updates.count > 0)
		n = run_updates(&s->updates, pkt, port, n, max);
	return n;
}

/* --- the file --- */

static void fail(const char *line, const char *why)
{
	fprintf(stderr, "bench source: \"%s\": %s\n", line, why);
	exit(2);
}

static struct source *source_of(const char *device)
{
	for (unsigned i = 0; i < source_count; i++) {
		if (strcmp(sources[i].device, device) == 0)
			return &sources[i];
	}
	if (source_count == PORTS_MAX || strlen(device) >= sizeof(sources[0].device))
		fail(device, "too many devices, or too long a name");
	snprintf(sources[source_count].device, sizeof(sources[0].device), "%s", device);
	return &sources[source_count++];
}

/* The value of key in "a=b c=d", or NULL; a static buffer. */
static const char *find(const char *words, const char *key)
{
	static char value[1024];
	size_t len = strlen(key);

	for (const char *p = words; (p = strstr(p, key)) != NULL; p += len) {
		if ((p > words && p[-1] != ' ') || p[len] != '=')
			continue;
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(p + len + 1, " "), p + len + 1);
		return value;
	}
	return NULL;
}

static const char *need(const char *words, const char *key)
{
	const char *v = find(words, key);

	if (v == NULL)
		fail(words, key);
	return v;
}

static uint32_t number(const char *words, const char *key)
{
	const char *v = need(words, key);
	char *end;
	unsigned long n = strtoul(v, &end, 0);

	if (*v == '\0' || *end != '\0' || n > UINT32_MAX)
		fail(words, key);
	return (uint32_t)n;
}

static struct ip6_addr address(const char *words, const char *key)
{
	struct ip6_addr a;

	if (inet_pton(AF_INET6, need(words, key), &a) != 1)
		fail(words, key);
	return a;
}

static size_t hex(const char *words, const char *key, uint8_t *to, size_t max)
{
	const char *v = need(words, key);
	size_t n = strlen(v) / 2;

	if (n > max || strlen(v) % 2 != 0 || strspn(v, "0123456789abcdefABCDEF") != 2 * n)
		fail(words, key);
	for (size_t i = 0; i < n; i++) {
		const char pair[] = { v[2 * i], v[2 * i + 1], '\0' };

		to[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

static void read_flows(struct source *s, const char *words)
{
	struct flows *f = &s->flows;
	char *at = strdup(need(words, "at")), *rest = at, *one;

	while ((one = strsep(&rest, ",")) != NULL) {
		if (f->places == PLACES_MAX)
			fail(words, "at");
		f->at[f->places++] = (uint32_t)strtoul(one, NULL, 0);
	}
	free(at);
	f->count = number(words, "count");
	f->subnet_bits = number(words, "subnet-bits");
	f->state = number(words, "seed");
	if (f->count == 0 || f->subnet_bits > 16)
		fail(words, "count, subnet-bits");
}

static void read_beacon(struct source *s, const char *words)
{
	s->beacon.every = number(words, "every-ms"); /* TSC when the port is there */
	s->beacon.len = (uint16_t)hex(words, "frame", s->beacon.frame, sizeof(s->beacon.frame));
}

static void read_key(struct updates *u, const char *words)
{
	uint8_t key[64];
	size_t len = hex(words, "key", key, sizeof(key));

	u->key = mac_keys_new(1);
	if (u->key == NULL || mac_new(&u->bu.mac) < 0)
		fail(words, "no memory, or no such processor");
	mac_key_set(u->bu.mac, u->key, key, len);
	u->bu.key = u->key;
	u->bu.spi = number(words, "spi");
	u->bu.is_signed = true;
}

static void read_updates(struct source *s, const char *words)
{
	struct updates *u = &s->updates;

	u->bu.hoa = address(words, "hoa");
	u->bu.coa = address(words, "coa");
	u->bu.ha = address(words, "ha");
	u->bu.subnet_bits = number(words, "subnet-bits");
	u->bu.lifetime = (uint16_t)(number(words, "lifetime-s") / 4);
	u->bu.src_mac[0] = 2;
	u->count = number(words, "count");
	if (u->count == 0 || u->count > COUNT_MAX || u->bu.subnet_bits > 16)
		fail(words, "count, subnet-bits");
	u->step = SPREAD % u->count;
	if (find(words, "key") != NULL)
		read_key(u, words);
}

static void read_file(const char *path)
{
	static const struct {
		const char *name;
		void (*read)(struct source *s, const char *words);
	} functions[] = { { "flows", read_flows }, { "beacon", read_beacon },
		{ "updates", read_updates } };
	FILE *f = fopen(path, "re");
	char line[2048], device[64], name[16];
	unsigned i;

	if (f == NULL)
		fail(path, strerror(errno));
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%63s %15s", device, name) != 2)
			fail(line, "not DEVICE FUNCTION KEY=VALUE...");
		for (i = 0; i < DIM(functions) && strcmp(functions[i].name, name) != 0; i++)
			;
		if (i == DIM(functions))
			fail(line, "no such function");
		functions[i].read(source_of(device), line);
	}
	fclose(f);
}

/* --- telemetry --- */

/* "DEVICE,A,B": the source, or NULL. */
static struct source *parse(const char *params, unsigned long *a, unsigned long *b)
{
	char device[RTE_ETH_NAME_MAX_LEN];

	if (params == NULL || sscanf(params, "%63[^,],%lu,%lu", device, a, b) != 3)
		return NULL;
	for (unsigned i = 0; i < source_count; i++) {
		if (strcmp(sources[i].device, device) == 0)
			return &sources[i];
	}
	return NULL;
}

static int set_flows(const char *cmd, const char *params, struct rte_tel_data *out)
{
	unsigned long first, count;
	struct source *s = parse(params, &first, &count);

	(void)cmd;
	if (s == NULL || count == 0 || first > UINT32_MAX || count > UINT32_MAX)
		return -EINVAL;
	atomic_store_explicit(&s->flows.first, (uint32_t)first, memory_order_relaxed);
	atomic_store_explicit(&s->flows.count, (uint32_t)count, memory_order_relaxed);
	return rte_tel_data_string(out, "done");
}

static int set_updates(const char *cmd, const char *params, struct rte_tel_data *out)
{
	unsigned long rate, kind;
	struct source *s = parse(params, &rate, &kind);

	(void)cmd;
	if (s == NULL || s->updates.count == 0 || rate > 100000000 || kind >= KIND_COUNT)
		return -EINVAL;
	atomic_store_explicit(&s->updates.kind, (uint32_t)kind, memory_order_relaxed);
	atomic_store_explicit(&s->updates.rate, rate, memory_order_relaxed);
	rte_tel_data_start_dict(out);
	return rte_tel_data_add_dict_u64(
		out, "sent", atomic_load_explicit(&s->updates.sent, memory_order_relaxed));
}

/* --- attaching --- */

static void begin_updates(struct updates *u, uint16_t port)
{
	rte_eth_macaddr_get(port, (struct rte_ether_addr *)u->bu.dst_mac);
	bu_prepare(&u->bu, &u->frame);
	u->last = rte_rdtsc();
}

static void begin_beacon(struct beacon *b, uint16_t port)
{
	rte_eth_macaddr_get(port, (struct rte_ether_addr *)b->frame);
	b->every *= rte_get_tsc_hz() / 1000;
}

/* When the program has configured the port; true: done with it. */
static bool attach(struct source *s)
{
	struct rte_eth_dev_info info;
	struct rte_eth_link link;
	uint16_t port;

	if (rte_eth_dev_get_port_by_name(s->device, &port) < 0 ||
		rte_eth_dev_info_get(port, &info) < 0 || info.nb_rx_queues == 0 ||
		rte_eth_link_get_nowait(port, &link) < 0 || link.link_status == 0)
		return false;
	if (pool == NULL)
		pool = rte_pktmbuf_pool_create("bench_source", POOL_SIZE, 256, POOL_PRIVATE,
			RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		fail(s->device, "no memory for packet buffers");
	if (s->updates.count > 0)
		begin_updates(&s->updates, port);
	if (s->beacon.len > 0)
		begin_beacon(&s->beacon, port);
	if (rte_eth_add_rx_callback(port, 0, on_rx, s) == NULL)
		fail(s->device, "takes no callback");
	return true;
}

static void *wait_for_ports(void *ctx)
{
	struct timespec pause = { .tv_nsec = 20000000 };
	unsigned left = source_count;

	(void)ctx;
	while (left > 0) {
		nanosleep(&pause, NULL);
		for (unsigned i = 0; i < source_count; i++) {
			if (sources[i].attached || !attach(&sources[i]))
				continue;
			sources[i].attached = true;
			left--;
		}
	}
	rte_telemetry_register_cmd("/bench/flows", set_flows, "DEVICE,FIRST,COUNT");
	rte_telemetry_register_cmd("/bench/updates", set_updates, "DEVICE,RATE,KIND");
	return NULL;
}

/* Plug-ins are loaded before there is memory or a port: a thread waits for both. */
RTE_INIT(bench_source)
{
	const char *path = getenv("HAMD_BENCH_SOURCE");
	pthread_t thread;

	if (path == NULL)
		return;
	read_file(path);
	if (source_count > 0 && pthread_create(&thread, NULL, wait_for_ports, NULL) == 0)
		pthread_detach(thread);
}
