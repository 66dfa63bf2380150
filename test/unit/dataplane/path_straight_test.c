/* SPDX-License-Identifier: BSD-3-Clause */
/* The straight way through encapsulation: the same as the long one, or not taken. */
#include "path_lab.h"

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
		cmocka_unit_test(test_straight),
		cmocka_unit_test(test_straight_closed),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
