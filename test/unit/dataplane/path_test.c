/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets in transit, for hamd itself and by their headers; every one by one door. */
#include "path_lab.h"

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
	check_door("signalling from ourselves", mobility("2001:db8:2::10", HA, "2001:db8:a::999"),
		DP_DROP_SRC_OURS);
	check_door("in the name of who is bound", mobility(HA, HA, HOA), DP_DROP_SRC_OURS);
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

/* --- fragments of tunnel packets (RFC 2473, 7.1 (b)) --- */

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

/* --- the mesh's ports --- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transit),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_transit_refused),
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_discovery),
		cmocka_unit_test(test_headers_to_us),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_conservation),
		cmocka_unit_test(test_headroom),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
