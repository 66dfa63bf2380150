/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "common/bucket_tab.h"
#include "conf/conf.h"
#include "control/mip6/ratelimit.h"

#define START_MS 5000

static const struct conf_domain domains[] = {
	{ .limits = { .bu_per_s_per_source = 2, .bu_burst_per_source = 5, .bu_per_s = 1000 } },
	{ .limits = { .bu_per_s_per_source = 100, .bu_burst_per_source = 100, .bu_per_s = 20 } },
	{ .limits = { .bu_per_s_per_source = 1, .bu_burst_per_source = 1, .bu_per_s = 100000 } },
	{ .limits = { .bu_per_s_per_mobile_node = 3, .bu_burst_per_mobile_node = 6 } },
};

static struct ratelimit *table(uint32_t entries, uint64_t seed)
{
	struct ratelimit *rl;

	assert_int_equal(ratelimit_new(&(struct ratelimit_opts){ .domains = domains,
					       .domain_count = DIM(domains),
					       .entries = entries,
					       .seed = seed,
					       .now_ms = START_MS },
				 &rl),
		0);
	return rl;
}

/* How many of n messages at one moment pass. */
static unsigned passed(
	struct ratelimit *rl, uint32_t domain, const struct ip6_addr *src, unsigned n, uint64_t now)
{
	unsigned count = 0;

	while (n-- > 0)
		count += ratelimit_take(rl, domain, src, false, now);
	return count;
}

static struct ip6_addr numbered(uint32_t n)
{
	struct ip6_addr a = addr("2001:db8::");

	memcpy(a.b + 12, &n, sizeof(n));
	return a;
}

static void test_sizes(void **state)
{
	static const uint32_t bad[] = { 0, 1, 2, 3, 5, 12, 4095 };
	struct ratelimit *rl = NULL;

	(void)state;
	for (size_t i = 0; i < DIM(bad); i++)
		assert_int_equal(ratelimit_new(&(struct ratelimit_opts){ .domains = domains,
						       .domain_count = DIM(domains),
						       .entries = bad[i] },
					 &rl),
			-EINVAL);
	ratelimit_free(NULL);
}

static void test_source(void **state)
{
	struct ratelimit *rl = table(64, 1);
	struct ip6_addr a = addr("2001:db8:c::1"), b = addr("2001:db8:c::2");

	(void)state;
	assert_int_equal(passed(rl, 0, &a, 10, START_MS), 5); /* the burst */
	assert_int_equal(passed(rl, 0, &b, 1, START_MS), 1); /* another source has its own */
	assert_int_equal(passed(rl, 0, &a, 1, START_MS + 499), 0);
	assert_int_equal(passed(rl, 0, &a, 2, START_MS + 500), 1); /* 2 a second */
	assert_int_equal(passed(rl, 0, &a, 10, START_MS + 1500), 2);
	assert_int_equal(
		passed(rl, 0, &a, 10, START_MS + 60000), 5); /* never more than the burst */
	ratelimit_free(rl);
}

/* One address that speaks to two domains has a bucket in each, with that domain's limits. */
static void test_domains_apart(void **state)
{
	struct ratelimit *rl = table(BUCKET_TAB_WAYS, 1);
	struct ip6_addr a = addr("2001:db8:c::1");

	(void)state;
	assert_int_equal(passed(rl, 0, &a, 100, START_MS), 5);
	assert_int_equal(passed(rl, 1, &a, 100, START_MS), 20);
	ratelimit_free(rl);
}

static void test_domain_in_all(void **state)
{
	struct ratelimit *rl = table(64, 1);
	unsigned count = 0;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		struct ip6_addr a = numbered(i);

		count += passed(rl, 1, &a, 1, START_MS);
	}
	assert_int_equal(count, 20);
	for (uint32_t i = 0; i < 100; i++) {
		struct ip6_addr a = numbered(i);

		count += passed(rl, 1, &a, 1, START_MS + 500);
	}
	assert_int_equal(count, 30);
	ratelimit_free(rl);
}

/* What a source's own bucket refuses is not taken from the domain: one loud source leaves the
 * others their share. */
static void test_loud_source(void **state)
{
	struct conf_domain d = {
		.limits = { .bu_per_s_per_source = 1, .bu_burst_per_source = 2, .bu_per_s = 10 }
	};
	struct ratelimit *rl;
	struct ip6_addr loud = addr("2001:db8:c::1");
	unsigned count = 0;

	(void)state;
	assert_int_equal(ratelimit_new(&(struct ratelimit_opts){ .domains = &d,
					       .domain_count = 1,
					       .entries = 64,
					       .seed = 1,
					       .now_ms = START_MS },
				 &rl),
		0);
	assert_int_equal(passed(rl, 0, &loud, 1000, START_MS), 2);
	for (uint32_t i = 0; i < 20; i++) {
		struct ip6_addr a = numbered(i);

		count += passed(rl, 0, &a, 1, START_MS);
	}
	assert_int_equal(count, 8);
	ratelimit_free(rl);
}

/* Invented sources use up what is there for strangers; who speaks from where it is bound has its
 * own, and that is bounded as well. */
static void test_known_apart(void **state)
{
	struct ratelimit *rl = table(64, 1);
	unsigned strangers = 0, known = 0;

	(void)state;
	for (uint32_t i = 0; i < 100; i++) {
		struct ip6_addr a = numbered(i);

		strangers += ratelimit_take(rl, 1, &a, false, START_MS);
	}
	assert_int_equal(strangers, 20);
	for (uint32_t i = 100; i < 200; i++) {
		struct ip6_addr a = numbered(i);

		known += ratelimit_take(rl, 1, &a, true, START_MS);
	}
	assert_int_equal(known, 20);
	ratelimit_free(rl);
}

/* An address that somebody else sends from as a mobile node's is not that mobile node. */
static void test_known_is_no_source(void **state)
{
	struct conf_domain d = {
		.limits = { .bu_per_s_per_source = 1, .bu_burst_per_source = 1, .bu_per_s = 10 }
	};
	struct ip6_addr a = addr("2001:db8:a::1");
	struct ratelimit *rl;

	(void)state;
	assert_int_equal(ratelimit_new(&(struct ratelimit_opts){ .domains = &d,
					       .domain_count = 1,
					       .entries = 64,
					       .seed = 1,
					       .now_ms = START_MS },
				 &rl),
		0);
	assert_true(ratelimit_take(rl, 0, &a, false, START_MS));
	assert_false(ratelimit_take(rl, 0, &a, false, START_MS));
	assert_true(ratelimit_take(rl, 0, &a, true, START_MS));
	assert_false(ratelimit_take(rl, 0, &a, true, START_MS));
	ratelimit_free(rl);
}

/* Requests for home agents: per source and in all, and nothing that Binding Updates need. */
static void test_requests(void **state)
{
	struct conf_domain d = { .limits = { .bu_per_s_per_source = 1,
					 .bu_burst_per_source = 1,
					 .bu_per_s = 1,
					 .haad_per_s_per_source = 1,
					 .haad_burst_per_source = 3,
					 .haad_per_s = 10 } };
	struct ratelimit *rl;
	struct ip6_addr loud = addr("2001:db8:c::1");
	unsigned count = 0;

	(void)state;
	assert_int_equal(ratelimit_new(&(struct ratelimit_opts){ .domains = &d,
					       .domain_count = 1,
					       .entries = 1024, /* nobody is forgotten */
					       .seed = 1,
					       .now_ms = START_MS },
				 &rl),
		0);
	for (unsigned i = 0; i < 100; i++)
		count += ratelimit_take_request(rl, 0, &loud, START_MS);
	assert_int_equal(count, 3);
	for (uint32_t i = 0; i < 100; i++) {
		struct ip6_addr a = numbered(i);

		count += ratelimit_take_request(rl, 0, &a, START_MS);
	}
	assert_int_equal(count, 10);
	assert_int_equal(passed(rl, 0, &loud, 1, START_MS), 1);
	assert_true(ratelimit_take_request(rl, 0, &loud, START_MS + 1000));
	assert_false(ratelimit_take_request(rl, 0, &loud, START_MS + 1000));
	ratelimit_free(rl);
}

static void test_mobile_node(void **state)
{
	struct ratelimit *rl = table(64, 1);
	struct ip6_addr a = addr("2001:db8:a::1"), b = addr("2001:db8:a::2");
	unsigned count[3] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		count[0] += ratelimit_take_node(rl, 3, &a, START_MS);
	count[1] = ratelimit_take_node(rl, 3, &b, START_MS); /* another has its own */
	for (unsigned i = 0; i < 20; i++)
		count[2] += ratelimit_take_node(rl, 3, &a, START_MS + 1000);
	assert_int_equal(count[0], 6);
	assert_int_equal(count[1], 1);
	assert_int_equal(count[2], 3);
	ratelimit_free(rl);
}

/* One set: a fifth source replaces the one that was silent longest, never a busy one. */
static void test_replacement(void **state)
{
	struct ratelimit *rl = table(BUCKET_TAB_WAYS, 1);
	struct ip6_addr a[5];

	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		a[i] = numbered(i);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(passed(rl, 0, &a[i], 10, START_MS + i), 5);
	assert_int_equal(passed(rl, 0, &a[0], 1, START_MS + 4), 0); /* 1 is the oldest now */
	assert_int_equal(passed(rl, 0, &a[4], 10, START_MS + 5), 5);
	assert_int_equal(passed(rl, 0, &a[0], 1, START_MS + 6), 0);
	assert_int_equal(passed(rl, 0, &a[2], 1, START_MS + 6), 0);
	assert_int_equal(passed(rl, 0, &a[3], 1, START_MS + 6), 0);
	assert_int_equal(passed(rl, 0, &a[1], 1, START_MS + 6), 1); /* forgotten */
	ratelimit_free(rl);
}

/* 3,000 sources in a table of 4,096: most are remembered, and who is not depends on the seed. */
static void test_spread(void **state)
{
	static bool forgotten[2][3000];

	(void)state;
	for (unsigned s = 0; s < 2; s++) {
		struct ratelimit *rl = table(4096, 0x1234 + s);
		unsigned count = 0;

		for (uint32_t i = 0; i < DIM(forgotten[s]); i++) {
			struct ip6_addr a = numbered(i);

			assert_int_equal(passed(rl, 2, &a, 2, START_MS + 1), 1);
		}
		for (uint32_t i = 0; i < DIM(forgotten[s]); i++) {
			struct ip6_addr a = numbered(i);

			forgotten[s][i] = passed(rl, 2, &a, 1, START_MS + 2) != 0;
			count += forgotten[s][i];
		}
		assert_in_range(count, 1, DIM(forgotten[s]) / 4);
		ratelimit_free(rl);
	}
	assert_memory_not_equal(forgotten[0], forgotten[1], sizeof(forgotten[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_domains_apart),
		cmocka_unit_test(test_domain_in_all),
		cmocka_unit_test(test_loud_source),
		cmocka_unit_test(test_known_apart),
		cmocka_unit_test(test_known_is_no_source),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_mobile_node),
		cmocka_unit_test(test_replacement),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
