/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a domain's mobile nodes may have carried: through the real stages of site 1 of a mesh, where
 * two domains have a mobile node each.
 */
#include "sites.h"

#include "dataplane/domains.h"
#include "dataplane/quota.h"

#define CN "2001:db8:c::1"

static const char *const hoa[DOMAINS] = { "2001:db8:a::100", "2001:db8:b::100" };
static const char *const coa[DOMAINS] = { "2001:db8:f::1", "2001:db8:f::2" };
static struct pkt to[DOMAINS], from[DOMAINS]; /* packets to mobile nodes, tunnels from them */

/* A second of this clock takes minutes: none of it passes in a test. */
static void bounded(unsigned domain, uint32_t mbps, uint32_t packets_per_s)
{
	struct conf_limits *l = &site_domains[1][domain].limits;

	l->traffic_mbps = mbps;
	l->traffic_packets_per_s = packets_per_s;
	domains_free(sites[1].w.domains);
	assert_int_equal(domains_new(&sites[1].conf, UINT64_MAX >> 24, 1, &sites[1].w.domains), 0);
}

static unsigned passed(const struct pkt *p, unsigned n)
{
	unsigned through = 0;

	for (unsigned i = 0; i < n; i++) {
		struct fate f = site_take(&sites[1], p);

		through += f.door == DOOR_TX;
		if (f.door != DOOR_TX)
			assert_int_equal(f.door, DP_DROP_DOMAIN_RATE);
	}
	return through;
}

static int set_up(void **state)
{
	struct ip6_addr cn = addr(CN);

	(void)state;
	sites_make(CONF_MODE_UNICAST, CONF_DELIVERY_DIRECT, true);
	for (unsigned d = 0; d < DOMAINS; d++) {
		struct ip6_addr mn = addr(hoa[d]), at = addr(coa[d]), agent = agent_address(d, 1);

		bind_at(&sites[1], hoa[d], coa[d], (uint16_t)d, 1, 1);
		to[d] = ip6(&cn, &mn, IP6_UDP, NULL, 100);
		from[d] = ip6(&mn, &cn, IP6_UDP, NULL, 100);
		from[d] = ip6(&at, &agent, IP6_IN_IP6, from[d].b, from[d].n);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	domains_free(sites[1].w.domains);
	sites[1].w.domains = NULL;
	return 0;
}

static void test_none(void **state)
{
	(void)state;
	bounded(0, 0, 0);
	assert_false(domains_are_bounded(&sites[1].w));
	for (unsigned d = 0; d < DOMAINS; d++) {
		assert_int_equal(passed(&to[d], 100), 100);
		assert_int_equal(passed(&from[d], 100), 100);
	}
}

/* Both ways have one bound, and another domain does not feel it. */
static void test_packets(void **state)
{
	(void)state;
	bounded(0, 0, 100);
	assert_int_equal(passed(&to[0], 7), 7);
	assert_int_equal(passed(&from[0], 10), 3);
	assert_int_equal(passed(&to[0], 10), 0);
	assert_int_equal(passed(&to[1], 100), 100);
	assert_int_equal(passed(&from[1], 100), 100);
	assert_int_equal(quota_dropped(sites[1].w.domains, 0), 17);
	assert_int_equal(quota_dropped(sites[1].w.domains, 1), 0);
}

/* What is too large for the octets that are left takes nothing of the packets that are. */
static void test_both(void **state)
{
	static const uint8_t much[1200];
	struct ip6_addr cn = addr(CN), mn = addr(hoa[0]);
	struct pkt large = ip6(&cn, &mn, IP6_UDP, much, sizeof(much));
	const unsigned fit = 65575 / large.n;

	(void)state;
	bounded(0, 1, 10 * (fit + 2)); /* 100 ms of it at once: two more than those that fit */
	assert_int_equal(passed(&large, fit + 10), fit);
	assert_true(65575 - fit * large.n > 3u * to[0].n);
	assert_int_equal(passed(&to[0], 10), 2);
}

static void test_octets(void **state)
{
	(void)state;
	bounded(1, 1, 0); /* the largest packet at once */
	assert_int_equal(passed(&to[1], 1000), 65575 / to[1].n);
	assert_int_equal(passed(&to[0], 1000), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_packets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_octets, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_both, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, sites_set_up, sites_tear_down);
}
