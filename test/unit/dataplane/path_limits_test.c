/* SPDX-License-Identifier: BSD-3-Clause */
/* What is bounded: queues for control, rates of a source, errors. */
#include "path_lab.h"

/* --- fragments of tunnel packets (RFC 2473, 7.1 (b)) --- */

static void test_punt_full(void **state)
{
	uint8_t echo[8] = { ICMP6_ECHO_REQUEST }, ns[24] = { ICMP6_NS };
	uint8_t haad[8] = { ICMP6_HAAD_REQUEST };

	(void)state;
	check_full(ip6("fe80::5", "2001:db8:1::10", IP6_ICMP6, 255, ns, 24), DP_PUNT_ND,
		DP_DROP_PUNT_ND_FULL);
	check_full(mobility(COA, HA, HOA), DP_PUNT_KNOWN, DP_DROP_PUNT_KNOWN_FULL);
	check_full(mobility(COA, HA, "2001:db8:a::999"), DP_PUNT_SIGNALLING,
		DP_DROP_PUNT_SIGNALLING_FULL);
	check_full(ip6(CN, "2001:db8:1::10", IP6_ICMP6, 64, echo, 8), DP_PUNT_LOCAL,
		DP_DROP_PUNT_LOCAL_FULL);
	check_full(ip6(CN, ANYCAST, IP6_ICMP6, 64, haad, 8), DP_PUNT_DISCOVERY,
		DP_DROP_PUNT_DISCOVERY_FULL);
	check_full(udp(CN, "2001:db8:2::6", 8), DP_PUNT_RESOLVE, DP_DROP_PUNT_RESOLVE_FULL);
	check_full(udp(CN, "2001:db8:a::999", 8), DP_PUNT_ERROR, DP_DROP_PUNT_ERROR_FULL);
}

/* --- the mesh's ports --- */

/* One mobile node in whose name somebody floods: the queue keeps its room for the others. */
static void test_police(void **state)
{
	struct conf_domain domains[] = {
		{ .limits = { .bu_per_s_per_source = 1, .bu_burst_per_source = 7 } },
		{ .limits = { .bu_per_s_per_source = 1, .bu_burst_per_source = 3 } },
	};
	struct conf conf = { .domains = domains, .domain_count = DIM(domains) };
	struct dp_counters before = worker.counters;
	struct pkt loud = mobility(COA, HA, HOA),
		   other = mobility("2001:db8:2::5", HA, "2001:db8:a::101"),
		   second = mobility("2001:db8:f::2", "2001:db8:b::1", "2001:db8:b::100"),
		   stranger = mobility("2001:db8:f::77", HA, HOA);
	void *m;

	(void)state;
	assert_int_equal(police_new(&conf, UINT64_MAX, &worker.police), 0); /* time stands still */
	for (unsigned i = 0; i < 60; i++) {
		put(&loud);
		put(&second);
		put(&stranger);
		if (i < 5)
			put(&other);
		dp_carry(&worker);
	}
	assert_int_equal(rte_ring_count(punt[DP_PUNT_KNOWN]), 7 + 3 + 5);
	assert_int_equal(rte_ring_count(punt[DP_PUNT_SIGNALLING]), 60);
	assert_int_equal(worker.counters.drop[DP_DROP_PUNT_KNOWN_RATE] -
				 before.drop[DP_DROP_PUNT_KNOWN_RATE],
		60 - 7 + 60 - 3);
	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		while (rte_ring_dequeue(punt[c], &m) == 0)
			rte_pktmbuf_free(m);
	}
	police_free(worker.police);
	worker.police = NULL;
}

/* No more errors are asked for than twice what control sends; the packets are dropped as before. */
static void test_error_allowance(void **state)
{
	const struct dp_allowance none = { 0 };
	struct pkt p = set_hops(udp(CN, HOA, 8), 1);
	struct dp_counters before;

	(void)state;
	worker.errors = (struct dp_allowance){
		.cycles = UINT64_MAX / 2, .last = rte_rdtsc(), .left = 2, .burst = 2
	};
	check_door("the first", p, DOOR_PUNT(DP_PUNT_ERROR));
	check_door("the second", p, DOOR_PUNT(DP_PUNT_ERROR));
	worker.counters.c[DP_COUNTER_POLLS]++;
	before = worker.counters;
	put(&p);
	dp_carry(&worker);
	assert_int_equal(
		worker.counters.drop[DP_DROP_HOP_LIMIT] - before.drop[DP_DROP_HOP_LIMIT], 1);
	assert_int_equal(
		worker.counters.drop[DP_DROP_ICMP6_RATE] - before.drop[DP_DROP_ICMP6_RATE], 1);
	assert_int_equal(rte_ring_count(punt[DP_PUNT_ERROR]), 0);
	/* time passes: as many as it is worth, at most a burst, and looked at once a turn */
	worker.errors.cycles = 1;
	before = worker.counters;
	put(&p);
	dp_carry(&worker);
	assert_int_equal(rte_ring_count(punt[DP_PUNT_ERROR]), 0);
	worker.counters.c[DP_COUNTER_POLLS]++;
	check_door("later", p, DOOR_PUNT(DP_PUNT_ERROR));
	check_door("later still", p, DOOR_PUNT(DP_PUNT_ERROR));
	put(&p);
	dp_carry(&worker);
	assert_int_equal(rte_ring_count(punt[DP_PUNT_ERROR]), 0);
	worker.errors = none;
}

/* Nobody is told about an ICMPv6 error: what control may be asked is not spent on them. */
static void test_no_error_about_errors(void **state)
{
	const struct dp_allowance none = { 0 };
	static const uint8_t body[8] = { ICMP6_TIME_EXCEEDED };
	struct pkt p = ip6(CN, HOA, IP6_ICMP6, 1, body, sizeof(body));

	(void)state;
	worker.errors = (struct dp_allowance){
		.cycles = UINT64_MAX / 2, .last = rte_rdtsc(), .left = 1, .burst = 1
	};
	for (unsigned i = 0; i < 3; i++) {
		struct dp_counters before = worker.counters;

		put(&p);
		dp_carry(&worker);
		assert_int_equal(
			worker.counters.drop[DP_DROP_HOP_LIMIT] - before.drop[DP_DROP_HOP_LIMIT],
			1);
		assert_int_equal(worker.counters.drop[DP_DROP_ICMP6_NOT_DUE] -
					 before.drop[DP_DROP_ICMP6_NOT_DUE],
			1);
		assert_int_equal(rte_ring_count(punt[DP_PUNT_ERROR]), 0);
	}
	p.b[sizeof(struct net_ip6)] = ICMP6_ECHO_REQUEST;
	check_door("a question is no error", p, DOOR_PUNT(DP_PUNT_ERROR));
	worker.errors = none;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_punt_full),
		cmocka_unit_test(test_police),
		cmocka_unit_test(test_error_allowance),
		cmocka_unit_test(test_no_error_about_errors),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
