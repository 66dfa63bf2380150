/* SPDX-License-Identifier: BSD-3-Clause */
/* One row per rule of RFC 6275, 6.7, 6.8, 10.6.2, 10.6.3 and of docs/decisions/008-discovery.md. */
#include "test.h"

#include "conf/conf.h"
#include "control/mip6/discovery_rules.h"
#include "records/records.h"
#include "records/subs.h"

#define HA "2001:db8:a::1"

static void test_judge(void **state)
{
	static const struct {
		const char *name;
		bool malformed, no_hao, not_agent, stranger;
		enum sub_auth auth;
		enum conf_prefixes prefixes;
		int drop; /* -1: answered */
	} t[] = {
		{ "ordinary", .drop = -1 },
		{ "malformed", .malformed = true, .drop = DP_DROP_MPS_INVALID },
		{ "no Home Address option (6.7: MUST)", .no_hao = true,
			.drop = DP_DROP_MPS_NO_HAO },
		{ "malformed comes first", .malformed = true, .no_hao = true,
			.drop = DP_DROP_MPS_INVALID },
		{ "not to its home agent", .not_agent = true, .drop = DP_DROP_MPS_NOT_AGENT },
		{ "mobile node that is configured no more", .stranger = true,
			.drop = DP_DROP_MPS_OFF },
		{ "never", .prefixes = CONF_PREFIXES_NEVER, .drop = DP_DROP_MPS_OFF },
		{ "with a key (RFC 4285, 2)", .auth = SUB_AUTH_MN_HA, .drop = DP_DROP_MPS_OFF },
		{ "with a key, always", .auth = SUB_AUTH_MN_HA, .prefixes = CONF_PREFIXES_ALWAYS,
			.drop = -1 },
		{ "always", .prefixes = CONF_PREFIXES_ALWAYS, .drop = -1 },
		{ "with a key, never", .auth = SUB_AUTH_MN_HA, .prefixes = CONF_PREFIXES_NEVER,
			.drop = DP_DROP_MPS_OFF },
	};
	struct record rec = { .ha = addr(HA), .state = RECORD_LIVE };
	struct ip6_addr ha = addr(HA), other = addr("2001:db8:b::1");

	(void)state;
	for (size_t i = 0; i < DIM(t); i++) {
		struct conf_domain d = { .discovery.prefixes = t[i].prefixes };
		struct sub sub = { .auth = (uint8_t)t[i].auth };
		struct discovery_facts f = {
			.is_valid = !t[i].malformed,
			.has_hao = !t[i].no_hao,
			.dst = t[i].not_agent ? &other : &ha,
			.rec = t[i].no_hao ? NULL : &rec,
			.domain = t[i].no_hao ? NULL : &d,
			.sub = t[i].no_hao || t[i].stranger ? NULL : &sub,
		};
		enum dp_drop drop = DP_DROP_COUNT;
		bool ok = discovery_judge(&f, &drop);

		if (ok != (t[i].drop < 0) || (!ok && (int)drop != t[i].drop))
			fail_msg("%s: %d, drop %d", t[i].name, ok, drop);
	}
}

/* 6.8: not more than one a second, also where 32 bits of milliseconds go round. */
static void test_spacing(void **state)
{
	static const struct {
		uint64_t sent, now;
		uint32_t wait;
	} t[] = {
		{ 5000, 5000, 1000 },
		{ 5000, 5001, 999 },
		{ 5000, 5999, 1 },
		{ 5000, 6000, 0 },
		{ 5000, 500000, 0 },
		{ (1ULL << 32) - 10, (1ULL << 32) + 89, 901 },
		{ (1ULL << 32) - 10, (1ULL << 32) + 990, 0 },
		/* sent when the 32 bits were 0: kept as 1, for 0 is never */
		{ 1ULL << 32, (1ULL << 32) + 500, 501 },
	};
	(void)state;
	assert_int_equal(discovery_spacing_ms(0, 0), 0);
	assert_int_equal(discovery_spacing_ms(0, 500), 0);
	for (size_t i = 0; i < DIM(t); i++) {
		uint32_t sent = discovery_stamp(t[i].sent);

		assert_int_equal(discovery_spacing_ms(sent, t[i].now), t[i].wait);
	}
}

/* RAND_ADV_DELAY as 10.6.2 has it. */
static void test_delay(void **state)
{
	static const struct {
		uint32_t min, max, preferred;
		uint64_t random;
		uint32_t want;
	} t[] = {
		{ 600, 86400, UINT32_MAX, 0, 600 },
		{ 600, 86400, UINT32_MAX, 85799, 86399 },
		{ 600, 86400, UINT32_MAX, 85800, 600 },
		{ 600, 86400, 3600, 2999, 3599 },
		{ 600, 86400, 3600, 3000, 600 },
		/* abs(): the preferred lifetime is below the least delay */
		{ 600, 86400, 0, 0, 600 },
		{ 600, 86400, 0, 599, 1199 },
		{ 600, 86400, 0, 600, 600 },
		{ 600, 86400, 600, 12345, 600 },
		{ 1, 1, UINT32_MAX, 12345, 1 },
	};

	(void)state;
	for (size_t i = 0; i < DIM(t); i++) {
		struct conf_discovery d = { .min_interval_s = t[i].min,
			.max_interval_s = t[i].max };

		assert_int_equal(discovery_delay_s(&d, t[i].preferred, t[i].random), t[i].want);
	}
}

static void test_prefixes(void **state)
{
	struct ip6_prefix mobile[] = { prefix("2001:db8:b::/64"), prefix("2001:db8:a::/48"),
		prefix("2001:db8:c::/96") };
	struct conf_prefix_lifetime lifetimes[] = { { .prefix = mobile[2],
		.lifetimes = { 7200, 3600 } } };
	struct conf_domain d = {
		.mobile_prefixes = mobile,
		.mobile_prefix_count = DIM(mobile),
		.home_agent_address = addr(HA),
		.prefix_lifetimes = lifetimes,
		.prefix_lifetime_count = 1,
	};
	struct discovery_prefix out[DISCOVERY_PREFIXES_MAX];

	(void)state;
	assert_int_equal(discovery_prefixes(&d, out), 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_memory_equal(&out[i].prefix, &mobile[i], sizeof(mobile[i]));
		/* addresses are formed behind 64 bits only, and the agent is in one of them */
		assert_int_equal(out[i].autonomous, i == 0);
		assert_int_equal(out[i].has_router, i == 1);
		assert_int_equal(out[i].valid_s, i == 2 ? 7200 : UINT32_MAX);
		assert_int_equal(out[i].preferred_s, i == 2 ? 3600 : UINT32_MAX);
	}
	assert_true(ip6_eq(&out[1].router, &d.home_agent_address));
}

/* --- home agents of a mesh --- */

static uint32_t agents(
	bool serving, const uint32_t *rtt, uint32_t n, uint64_t random, struct ip6_addr *out)
{
	struct discovery_site sites[8];
	struct ip6_addr own = addr("2001:db8:a::1");

	for (uint32_t i = 0; i < n; i++) {
		sites[i] = (struct discovery_site){ own, rtt[i] };
		sites[i].agent.b[15] = (uint8_t)(2 + i);
	}
	return discovery_agents(&own, serving, sites, n, random, out);
}

static void test_agents(void **state)
{
	const uint32_t rtt[] = { 90000, 0, 200, 4000 }, equal[] = { 500, 500, 500 };
	struct ip6_addr out[9];
	unsigned first[8] = { 0 };

	(void)state;
	for (uint64_t r = 0; r < 1000; r++) { /* whatever chance says */
		assert_int_equal(agents(true, rtt, 4, r * 0x9e3779b97f4a7c15ULL, out), 5);
		assert_int_equal(out[0].b[15], 1);
		assert_int_equal(out[1].b[15], 4);
		assert_int_equal(out[2].b[15], 5);
		assert_int_equal(out[3].b[15], 2);
		assert_int_equal(out[4].b[15], 3);
	}
	/* joining: the others; alone: itself all the same */
	assert_int_equal(agents(false, rtt, 4, 7, out), 4);
	assert_int_equal(out[0].b[15], 4);
	assert_int_equal(agents(false, rtt, 0, 7, out), 1);
	assert_int_equal(out[0].b[15], 1);
	/* equals, each in front now and then */
	for (uint64_t r = 1; r <= 1000; r++) {
		assert_int_equal(agents(false, equal, 3, r * 0x9e3779b97f4a7c15ULL, out), 3);
		first[out[0].b[15]]++;
	}
	assert_true(first[2] > 200 && first[3] > 200 && first[4] > 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_judge),
		cmocka_unit_test(test_spacing),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_agents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
