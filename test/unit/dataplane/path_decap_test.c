/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets from mobile nodes out of tunnels. */
#include "path_lab.h"

/* --- fragments of tunnel packets (RFC 2473, 7.1 (b)) --- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decap),
		cmocka_unit_test(test_decap_refused),
		cmocka_unit_test(test_decap_ecn),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
