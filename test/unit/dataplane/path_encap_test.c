/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets for mobile nodes into tunnels: limits, fragments, path MTUs, TCP segment sizes. */
#include "path_lab.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
