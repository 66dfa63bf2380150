/* SPDX-License-Identifier: BSD-3-Clause */
/* What control sends: in fragments where the path wants it; and when there is no way, no room and
 * no buffer, an error and a counter each. */
#include "test.h"

#include <errno.h>

#include <rte_eal.h>

#include "dataplane/dp_priv.h"
#include "net/ip6hdr.h"
#include "tables/adj.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define POOL     63
#define ROOM     1600
#define MTU      2000 /* of the paths: more than there is room */
#define NEIGHBOR "2001:db8:1::7"

static struct dp dp;
static struct dp_worker own;
static struct ip6_addr neighbor;

static void route(const char *p, uint32_t value)
{
	struct ip6_prefix pre = prefix(p);

	assert_int_equal(fib_set(dp.t->fib, &pre, value), 0);
}

static int set_up(void **state)
{
	char args[][24] = { "own-test", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
		"--no-shconf", "--log-level=*:error", "-l", "0" };
	char *argv[DIM(args) + 1] = { NULL };
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
	dp.pool = rte_pktmbuf_pool_create("pkts", POOL, 0, RTE_ALIGN(sizeof(struct dp_meta), 8),
		RTE_PKTMBUF_HEADROOM + ROOM, SOCKET_ID_ANY);
	assert_non_null(dp.pool);
	assert_int_equal(tables_new(&opts, &dp.t), 0);
	route("2001:db8:1::/64", fib_value(FIB_ONLINK, 0));
	route("2001:db8:a::/48", fib_value(FIB_DOMAIN, 0));
	dp.port_count = 1;
	dp.views[0] = (struct dp_port_view){ .mtu = 1500, .link_up = true };
	dp.workers[0] = &own;
	own.t = dp.t;
	own.port = dp.views;
	own.port_count = 1;
	own.pool = dp.pool;
	fragid_init(&own.fragid, (const uint8_t[FRAGID_KEY_LEN]){ 7 }, 0, 1);
	neighbor = addr(NEIGHBOR);
	adj_set(dp.t->adj, adj_add(dp.t->adj, 0, &neighbor), (const uint8_t[6]){ 2 }, ADJ_RESOLVED);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(rte_mempool_avail_count(dp.pool), POOL); /* no packet was leaked */
	tables_free(dp.t);
	rte_mempool_free(dp.pool);
	return rte_eal_cleanup();
}

/* Sends to dst; -1 or the reason that was counted. */
static int send_to(const char *dst, uint16_t payload, int want)
{
	static uint8_t pkt[40 + 4000];
	struct ip6_addr s = addr("2001:db8:1::10"), d = addr(dst);
	struct dp_counters before = own.counters;
	int door = -1;

	net_ip6_fill((struct net_ip6 *)pkt, payload, IP6_UDP, 64, &s, &d);
	assert_int_equal(dp_send(&dp, pkt, (uint16_t)(40 + payload), MTU), want);
	for (unsigned r = 0; r < DP_DROP_COUNT; r++)
		if (own.counters.drop[r] != before.drop[r])
			door = (int)r;
	return door;
}

static void test_no_way(void **state)
{
	(void)state;
	assert_int_equal(send_to("2001:db8:a::100", 8, -EHOSTUNREACH), DP_DROP_OWN_NO_BINDING);
	assert_int_equal(send_to("2001:db8:b::100", 8, -EHOSTUNREACH), DP_DROP_OWN_NO_ROUTE);
	assert_int_equal(send_to("2001:db8:1::5", ROOM, -ENOBUFS), DP_DROP_TOO_BIG);
}

static void test_no_buffer(void **state)
{
	static const uint8_t mac[6] = { 2 };
	struct rte_mbuf *all[POOL];
	uint8_t pkt[48] = { 0x60 };
	uint64_t before = own.counters.drop[DP_DROP_NO_BUFFER];

	(void)state;
	assert_int_equal(rte_pktmbuf_alloc_bulk(dp.pool, all, POOL), 0);
	assert_int_equal(send_to("2001:db8:1::5", 8, -ENOBUFS), DP_DROP_NO_BUFFER);
	assert_int_equal(dp_send_link(&dp, 0, mac, pkt, sizeof(pkt)), -ENOBUFS);
	assert_int_equal(own.counters.drop[DP_DROP_NO_BUFFER] - before, 2);
	rte_pktmbuf_free_bulk(all, POOL);
	/* and on it goes */
	assert_int_equal(dp_send_link(&dp, 0, mac, pkt, sizeof(pkt)), 0);
	assert_int_equal(own.tx[0].n, 1);
	rte_pktmbuf_free(own.tx[0].pkt[0]);
	own.tx[0].n = 0;
}

/* Control's own buffers come first; where all of them are under way, the others do. */
static void test_own_pool(void **state)
{
	static const uint8_t mac[6] = { 2 };
	uint8_t pkt[48] = { 0x60 };

	(void)state;
	own.own_pool = rte_pktmbuf_pool_create("own", 3, 0, RTE_ALIGN(sizeof(struct dp_meta), 8),
		RTE_PKTMBUF_HEADROOM + ROOM, SOCKET_ID_ANY);
	assert_non_null(own.own_pool);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(dp_send_link(&dp, 0, mac, pkt, sizeof(pkt)), 0);
	assert_int_equal(own.tx[0].n, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_ptr_equal(own.tx[0].pkt[i]->pool, i < 3 ? own.own_pool : dp.pool);
	rte_pktmbuf_free_bulk(own.tx[0].pkt, 5);
	own.tx[0].n = 0;
	assert_int_equal(rte_mempool_avail_count(own.own_pool), 3);
	rte_mempool_free(own.own_pool);
	own.own_pool = NULL;
}

/* A packet of len octets on a path of mtu: how many frames it becomes. */
static unsigned frames_of(uint16_t len, uint16_t mtu)
{
	static uint8_t pkt[9600];
	struct ip6_addr s = addr("2001:db8:1::10");
	unsigned n, octets = 0;

	net_ip6_fill((struct net_ip6 *)pkt, (uint16_t)(len - 40), IP6_ICMP6, 64, &s, &neighbor);
	assert_int_equal(dp_send(&dp, pkt, len, mtu), 0);
	n = own.tx[0].n;
	for (unsigned i = 0; i < n; i++) {
		const struct rte_mbuf *m = own.tx[0].pkt[i];

		assert_true(m->data_len <= mtu + 14u);
		assert_int_equal(m->pkt_len, m->data_len);
		octets += m->data_len - 14u - 40u - (n > 1 ? 8 : 0);
	}
	assert_int_equal(octets, len - 40);
	rte_pktmbuf_free_bulk(own.tx[0].pkt, n);
	own.tx[0].n = 0;
	return n;
}

static void test_fragments(void **state)
{
	uint64_t fragmented = own.counters.c[DP_COUNTER_FRAGMENTED];
	uint64_t dropped = own.counters.drop[DP_DROP_NO_BUFFER];
	struct ip6_addr s = addr("2001:db8:1::10");
	struct rte_mbuf *all[POOL];
	uint8_t pkt[1281] = { 0 };

	(void)state;
	assert_int_equal(frames_of(1280, 1280), 1);
	assert_int_equal(frames_of(1281, 1280), 2);
	assert_int_equal(frames_of(1500, 1500), 1);
	assert_int_equal(frames_of(9600, 1280), 8);
	assert_int_equal(own.counters.c[DP_COUNTER_FRAGMENTED] - fragmented, 2);
	/* all of them or none */
	assert_int_equal(rte_pktmbuf_alloc_bulk(dp.pool, all, POOL - 1), 0);
	net_ip6_fill((struct net_ip6 *)pkt, 1241, IP6_ICMP6, 64, &s, &neighbor);
	assert_int_equal(dp_send(&dp, pkt, 1281, 1280), -ENOBUFS);
	assert_int_equal(own.counters.drop[DP_DROP_NO_BUFFER] - dropped, 1);
	assert_int_equal(own.tx[0].n, 0);
	rte_pktmbuf_free_bulk(all, POOL - 1);
}

static void test_link_down(void **state)
{
	static const uint8_t mac[6] = { 2 };
	uint8_t pkt[48] = { 0x60 };

	(void)state;
	dp.views[0].link_up = false;
	assert_int_equal(dp_send_link(&dp, 0, mac, pkt, sizeof(pkt)), -ENETDOWN);
	assert_int_equal(own.counters.drop[DP_DROP_PORT_DOWN], 1);
	dp.views[0].link_up = true;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_way),
		cmocka_unit_test(test_no_buffer),
		cmocka_unit_test(test_own_pool),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_link_down),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
