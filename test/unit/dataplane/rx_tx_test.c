/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The two ends of the packet path on a real device, net_ring: what is put into its queue is what
 * dp_rx() takes, what dp_tx() sends fills it. Each frame alone, so that its door is known.
 */
#include "test.h"

#include <rte_eal.h>
#include <rte_ethdev.h>

#include "dataplane/worker.h"
#include "net/ip6hdr.h"
#include "tables/tables.h"

#define POOL 4095
#define ROOM 512 /* of a buffer, behind its headroom */

#define DEVICES 4

static struct rte_mempool *pool;
static struct dp_port_view views[4] = {
	{ .dev = 0, .mtu = 1500, .mac = { 2, 0xaa, 0, 0, 0, 1 }, .link_up = true },
	{ .dev = 0, .mtu = 1500, .mac = { 2, 0xaa, 0, 0, 0, 1 }, .link_up = true, .vlan = 7 },
};
static struct dp_worker worker = { .port = views, .port_count = DIM(views), .has_core = true };
static struct rte_ring *ring;

static int set_up(void **state)
{
	char args[][24] = { "rx-tx-test", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
		"--no-shconf", "--log-level=*:error", "-l", "0", "--vdev=net_ring0",
		"--vdev=net_ring1", "--vdev=net_ring2", "--vdev=net_ring3" };
	char *argv[DIM(args) + 1] = { NULL };
	struct rte_eth_conf conf = { 0 };
	struct tables_opts opts = { .readers = 1,
		.max_bindings = 16,
		.max_neighbors = 16,
		.max_routes = 16,
		.max_addrs = 4,
		.seed = 42 };

	(void)state;
	for (unsigned i = 0; i < DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(DIM(args), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("pkts", POOL, 0, RTE_ALIGN(sizeof(struct dp_meta), 8),
		RTE_PKTMBUF_HEADROOM + ROOM, SOCKET_ID_ANY);
	assert_non_null(pool);
	for (uint16_t d = 0; d < DEVICES; d++) {
		assert_int_equal(rte_eth_dev_configure(d, 1, 1, &conf), 0);
		assert_int_equal(rte_eth_rx_queue_setup(d, 0, 1024, SOCKET_ID_ANY, NULL, pool), 0);
		assert_int_equal(rte_eth_tx_queue_setup(d, 0, 1024, SOCKET_ID_ANY, NULL), 0);
		assert_int_equal(rte_eth_dev_start(d), 0);
	}
	assert_int_equal(tables_new(&opts, &worker.t), 0);
	ring = rte_ring_create("out", 64, SOCKET_ID_ANY, 0);
	assert_non_null(ring);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(rte_mempool_avail_count(pool), POOL); /* no packet was leaked */
	for (uint16_t d = 0; d < DEVICES; d++)
		rte_eth_dev_stop(d);
	rte_ring_free(ring);
	tables_free(worker.t);
	return rte_eal_cleanup();
}

/* --- frames --- */

struct frame {
	uint8_t b[1600];
	uint16_t n;
};

static struct frame frame(const char *dst, const char *src, uint16_t type, uint16_t payload)
{
	struct ip6_addr s = addr("2001:db8:c::1"), d = addr("2001:db8:a::100");
	struct frame f = { .n = (uint16_t)(14 + 40 + payload) };
	struct buf b = buf_from_hex(dst);

	memcpy(f.b, b.p, 6);
	buf_free(&b);
	b = buf_from_hex(src);
	memcpy(f.b + 6, b.p, 6);
	buf_free(&b);
	f.b[12] = (uint8_t)(type >> 8);
	f.b[13] = (uint8_t)type;
	net_ip6_fill((struct net_ip6 *)(f.b + 14), payload, IP6_UDP, 64, &s, &d);
	return f;
}

#define OURS  "02aa 0000 0001"
#define PEER  "0200 0000 0077"
#define GROUP "3333 0000 0001"

static struct frame good(void)
{
	return frame(OURS, PEER, 0x86dd, 64);
}

static struct frame cut(struct frame f, uint16_t n)
{
	f.n = n;
	return f;
}

static struct frame set(struct frame f, uint16_t at, uint8_t value)
{
	f.b[at] = value;
	return f;
}

static struct frame tagged(uint16_t tci)
{
	struct frame f = good();

	memmove(f.b + 16, f.b + 12, f.n - 12u);
	f.n = (uint16_t)(f.n + 4);
	f.b[12] = 0x81;
	f.b[13] = 0;
	f.b[14] = (uint8_t)(tci >> 8);
	f.b[15] = (uint8_t)tci;
	return f;
}

/* first octets in one buffer, the others in a chain of their own. */
static void put(const struct frame *f, uint16_t first)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool);
	uint16_t n = f->n < first ? f->n : first;

	assert_non_null(head);
	memcpy(rte_pktmbuf_append(head, n), f->b, n);
	for (uint16_t at = n; at < f->n; at = (uint16_t)(at + n)) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		n = (uint16_t)(f->n - at < ROOM ? f->n - at : ROOM);
		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, n), f->b + at, n);
		assert_int_equal(rte_pktmbuf_chain(head, m), 0);
	}
	assert_int_equal(rte_eth_tx_burst(0, 0, &head, 1), 1);
}

/* -1: went on; else the reason of its drop. */
static int receive(const struct frame *f, uint16_t first, uint16_t port, struct frame *packet)
{
	struct dp_counters before = worker.counters;
	struct dp_rx_queue q = { .port = port, .queue = 0 };
	struct dp_vec *v = &worker.vec[V_AGAIN];
	int door = -1;

	put(f, first);
	v->n = 0;
	assert_int_equal(dp_rx(&worker, &q, v), 1);
	for (unsigned r = 0; r < DP_DROP_COUNT; r++)
		if (worker.counters.drop[r] != before.drop[r])
			door = (int)r;
	assert_int_equal(v->n, door < 0 ? 1 : 0);
	if (v->n == 1) {
		assert_int_equal(v->pkt[0]->nb_segs, 1);
		assert_int_equal(v->pkt[0]->pkt_len, v->pkt[0]->data_len);
		packet->n = v->pkt[0]->data_len;
		memcpy(packet->b, rte_pktmbuf_mtod(v->pkt[0], void *), packet->n);
		rte_pktmbuf_free(v->pkt[0]);
	}
	return door;
}

/* --- tests --- */

static void check(const char *name, struct frame f, uint16_t port, int want)
{
	struct frame packet;
	int door = receive(&f, 1500, port, &packet);

	if (door != want)
		fail_msg("%s: %s, not %s", name, door < 0 ? "taken" : dp_drop_name(door),
			want < 0 ? "taken" : dp_drop_name(want));
	if (want >= 0)
		return;
	assert_int_equal(packet.n, 40 + 64);
	assert_memory_equal(packet.b, f.b + f.n - packet.n, packet.n);
}

static void test_frames(void **state)
{
	(void)state;
	check("ours", good(), 0, -1);
	check("a header short", cut(good(), 14 + 39), 0, DP_DROP_RX_TOO_SHORT);
	check("no Ethernet header", cut(good(), 13), 0, DP_DROP_RX_TOO_SHORT);
	check("to another", frame(PEER, PEER, 0x86dd, 64), 0, DP_DROP_RX_NOT_FOR_US);
	check("one address, to a group", frame(GROUP, PEER, 0x86dd, 64), 0, DP_DROP_RX_NOT_FOR_US);
	check("from a group", frame(OURS, GROUP, 0x86dd, 64), 0, DP_DROP_RX_BAD_SOURCE_MAC);
	check("from ourselves", frame(OURS, OURS, 0x86dd, 64), 0, DP_DROP_RX_BAD_SOURCE_MAC);
	check("IPv4", frame(OURS, PEER, 0x0800, 64), 0, DP_DROP_RX_NOT_IPV6);
	check("version 4", set(good(), 14, 0x45), 0, DP_DROP_IP6_VERSION);
	check("longer than the frame", set(good(), 14 + 5, 65), 0, DP_DROP_IP6_LENGTH);
	check("jumbogram", set(set(good(), 14 + 5, 0), 14 + 6, IP6_HOPOPT), 0, DP_DROP_IP6_JUMBO);
}

static void test_vlan(void **state)
{
	(void)state;
	check("tagged", tagged(7), 1, -1);
	check("tagged, with a priority", tagged(0xe007), 1, -1);
	check("another VLAN", tagged(8), 1, DP_DROP_RX_VLAN);
	check("untagged", good(), 1, DP_DROP_RX_VLAN);
	check("tagged where none is", tagged(7), 0, DP_DROP_RX_VLAN);
	check("IPv4 in it", set(set(tagged(7), 16, 8), 17, 0), 1, DP_DROP_RX_NOT_IPV6);
	check("cut in the tag", cut(tagged(7), 16), 1, DP_DROP_RX_VLAN);
}

/* What follows the packet in a short frame is padding. */
static void test_padding(void **state)
{
	struct frame f = good(), packet;

	(void)state;
	f.n = (uint16_t)(f.n + 10);
	assert_int_equal(receive(&f, 1500, 0, &packet), -1);
	assert_int_equal(packet.n, 40 + 64);
}

/* A chain that fits one buffer becomes one; another is dropped, whatever its first buffer says. */
static void test_chained(void **state)
{
	struct frame f = frame(OURS, PEER, 0x86dd, ROOM - 54), packet;

	(void)state;
	assert_int_equal(receive(&f, 20, 0, &packet), -1);
	assert_int_equal(packet.n, f.n - 14);
	assert_memory_equal(packet.b, f.b + 14, packet.n);
	f = frame(OURS, PEER, 0x86dd, ROOM);
	assert_int_equal(receive(&f, 60, 0, &packet), DP_DROP_RX_CHAINED);
}

static void fill(struct dp_vec *v)
{
	while (v->n < DP_BURST) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		assert_non_null(m);
		assert_non_null(rte_pktmbuf_append(m, 60));
		dp_vec_push(v, m);
	}
}

/* A queue, and a ring to the worker that has one: what does not fit is dropped at once, and
 * counted; all else arrives. */
static void test_full(void **state)
{
	uint64_t before = worker.counters.drop[DP_DROP_TX_FULL], sent = 0;
	struct rte_mbuf *m;

	(void)state;
	worker.tx_queue[0] = 0;
	worker.tx_queue[1] = PLAN_NO_QUEUE;
	worker.tx_ring[1] = ring;
	for (unsigned i = 0; i < 40; i++, sent += DP_BURST) {
		fill(&worker.tx[0]);
		dp_tx(&worker);
		assert_int_equal(worker.tx[0].n, 0);
	}
	for (; rte_eth_rx_burst(0, 0, &m, 1) == 1; sent--)
		rte_pktmbuf_free(m);
	assert_true(sent > 0);
	assert_int_equal(worker.counters.drop[DP_DROP_TX_FULL] - before, sent);
	assert_int_equal(worker.counters.c[DP_COUNTER_TX_PACKETS], 40 * DP_BURST - sent);
	assert_int_equal(worker.counters.c[DP_COUNTER_TX_BYTES], 60 * (40ULL * DP_BURST - sent));

	before = worker.counters.drop[DP_DROP_TX_FULL];
	fill(&worker.tx[1]);
	dp_tx(&worker);
	assert_int_equal(worker.counters.drop[DP_DROP_TX_FULL] - before, 1); /* a ring holds 63 */
	assert_int_equal(worker.counters.c[DP_COUNTER_TX_RINGED], 63);
	while (rte_ring_dequeue(ring, (void **)&m) == 0)
		rte_pktmbuf_free(m);
}

/* --- queues of a turn --- */

/* n frames to a link-local address that is not ours: classify drops them, and that is all. */
static void arrive(uint16_t dev, unsigned n)
{
	struct frame f = good();
	struct ip6_addr nobody = addr("fe80::9");

	memcpy(f.b + 14 + 24, &nobody, sizeof(nobody));
	while (n-- > 0) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		assert_non_null(m);
		memcpy(rte_pktmbuf_append(m, f.n), f.b, f.n);
		assert_int_equal(rte_eth_tx_burst(dev, 0, &m, 1), 1);
	}
}

struct turn {
	const char *name;
	unsigned few, many; /* that arrive at devices 1 and 0 */
	unsigned carried, bursts; /* what the turn does: packets, and in how many bursts */
};

/* What is few is carried with what is many, and waits for that while turns are full, three of them
 * at most. No queue is left out, whatever the other one has, and nothing that was taken is left for
 * the next turn. */
static void test_queues(void **state)
{
	static const struct turn turns[] = {
		{ "not known yet", 1, DP_BURST, DP_BURST + 1, 2 },
		{ "few wait", 1, DP_BURST, DP_BURST, 1 },
		{ "a second turn", 1, DP_BURST, DP_BURST, 1 },
		{ "a third one", 1, DP_BURST, DP_BURST, 1 },
		{ "few first, with no more than a burst", 0, DP_BURST, DP_BURST, 1 },
		{ "with what was left", 3, DP_BURST - 3, DP_BURST, 1 },
		{ "the second turn", 0, DP_BURST, DP_BURST, 1 },
		{ "hardly full", 0, DP_BURST / 2, DP_BURST / 2, 1 },
		{ "few first again", 1, DP_BURST - 4, DP_BURST, 1 },
		{ "not full", 0, DP_BURST / 2 - 1, DP_BURST / 2 - 1, 1 },
		{ "nobody waits behind that", 2, DP_BURST, DP_BURST, 1 },
		{ "the rest, and few wait", 1, DP_BURST, DP_BURST, 1 },
		{ "no turn is full", 0, 0, 2, 1 },
		{ "that one", 0, 0, 1, 1 },
		{ "none", 0, DP_BURST, DP_BURST, 1 },
		{ "many wait once", DP_BURST, 0, 0, 0 },
		{ "and are seen", 0, DP_BURST, 2 * DP_BURST, 2 },
		{ "many wait never", DP_BURST / 4, DP_BURST, DP_BURST, 1 },
		{ "many wait never", DP_BURST / 4, DP_BURST, DP_BURST, 1 },
		{ "till they are few", DP_BURST / 4 - 1, DP_BURST, DP_BURST, 1 },
		{ "the rest of many", 0, 0, 3 * DP_BURST / 4 - 1, 1 },
		{ "idle", 0, 0, 0, 0 },
	};
	const struct dp_stage_stat *s = &worker.stage[DP_STAGE_CLASSIFY];

	(void)state;
	views[1] = views[0];
	views[1].dev = 1;
	worker.rxq[0] = (struct dp_rx_queue){ 0, 0 };
	worker.rxq[1] = (struct dp_rx_queue){ 1, 0 };
	worker.rxq_count = 2;
	for (unsigned i = 0; i < DIM(turns); i++) {
		const struct turn *t = &turns[i];
		struct dp_stage_stat before = *s;
		uint64_t dropped = worker.counters.drop[DP_DROP_DST_SCOPE];

		arrive(0, t->many);
		arrive(1, t->few);
		assert_int_equal(dp_worker_poll(&worker), t->carried > 0);
		if (s->packets - before.packets != t->carried ||
			s->calls - before.calls != t->bursts)
			fail_msg("%s: %u packets in %u bursts", t->name,
				(unsigned)(s->packets - before.packets),
				(unsigned)(s->calls - before.calls));
		assert_int_equal(worker.counters.drop[DP_DROP_DST_SCOPE] - dropped, t->carried);
	}
}

static uint64_t carried(void)
{
	uint64_t before = worker.stage[DP_STAGE_CLASSIFY].packets;

	(void)dp_worker_poll(&worker);
	return worker.stage[DP_STAGE_CLASSIFY].packets - before;
}

/* Where all are few nobody is there to wait for, full as turns may be. */
static void test_all_few(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < DEVICES; i++) {
		views[i] = views[0];
		views[i].dev = i;
		worker.rxq[i] = (struct dp_rx_queue){ i, 0 };
	}
	worker.rxq_count = DEVICES;
	for (unsigned turn = 0; turn < 5; turn++) {
		for (uint16_t i = 0; i < DEVICES; i++)
			arrive(i, DP_BURST / 4 - 1);
		assert_int_equal(carried(), DEVICES * (DP_BURST / 4 - 1));
	}
}

/* A turn that has control's in it may take milliseconds: nobody waits for another one. */
static void test_beside_control(void **state)
{
	(void)state;
	assert_int_equal(carried(), 0); /* no turn is full yet */
	worker.has_core = false;
	worker.rxq_count = 2;
	for (unsigned turn = 0; turn < 5; turn++) {
		arrive(0, DP_BURST - 1);
		arrive(1, 1);
		assert_int_equal(carried(), DP_BURST);
	}
	worker.has_core = true;
}

/* --- what other lcores send --- */

/* A turn with n frames of its own, and `others` that another lcore wants sent; how many of those are
 * sent by now. */
static unsigned ringed(unsigned n, unsigned others)
{
	struct rte_mbuf *m;

	arrive(0, n);
	while (others-- > 0) {
		m = rte_pktmbuf_alloc(pool);
		assert_non_null(m);
		assert_non_null(rte_pktmbuf_append(m, 60));
		m->port = 1;
		assert_int_equal(rte_ring_enqueue(worker.tx_in, m), 0);
	}
	(void)dp_worker_poll(&worker);
	return rte_ring_count(ring);
}

/* Few are waited for while turns are full, four of them at most; many, or beside little, never. */
static void test_ringed(void **state)
{
	static const struct {
		unsigned own, others, sent;
	} turns[] = {
		{ DP_BURST, 1, 1 },
		{ DP_BURST, 1, 1 },
		{ DP_BURST, 1, 1 },
		{ DP_BURST, 1, 1 },
		{ DP_BURST, 0, 4 },
		{ DP_BURST / 2 - 1, 1, 4 }, /* not full: */
		{ 1, 1, 6 },
		{ 0, 1, 7 },
		{ DP_BURST, 15, 22 },
		{ DP_BURST, 1, 22 },
		{ 0, 0, 22 },
		{ DP_BURST, 16, 39 }, /* many: */
		{ DP_BURST, 1, 40 },
		{ DP_BURST, 1, 40 },
		{ 0, 0, 40 },
		{ 0, 0, 41 },
	};
	struct rte_mbuf *m;

	(void)state;
	worker.tx_in = rte_ring_create("in", 64, SOCKET_ID_ANY, RING_F_SC_DEQ);
	assert_non_null(worker.tx_in);
	worker.tx_queue[1] = PLAN_NO_QUEUE;
	worker.tx_ring[1] = ring;
	for (unsigned i = 0; i < DIM(turns); i++) {
		unsigned sent = ringed(turns[i].own, turns[i].others);

		if (sent != turns[i].sent)
			fail_msg("turn %u: %u", i, sent);
	}
	while (rte_ring_dequeue(ring, (void **)&m) == 0)
		rte_pktmbuf_free(m);
	rte_ring_free(worker.tx_in);
	worker.tx_in = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_chained),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_queues),
		cmocka_unit_test(test_all_few),
		cmocka_unit_test(test_beside_control),
		cmocka_unit_test(test_ringed),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
