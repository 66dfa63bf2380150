/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "conf/conf.h"
#include "dataplane/police.h"

#define HZ 2000000000ULL

static struct conf_domain domains[] = {
	{ .limits = { .bu_per_s_per_source = 20, .bu_burst_per_source = 40 } },
	{ .limits = { .bu_per_s_per_source = 1, .bu_burst_per_source = 2 } },
};
static const struct conf conf = { .domains = domains, .domain_count = DIM(domains) };

static unsigned passed(
	struct police *p, uint32_t domain, const char *hoa, unsigned n, uint64_t now_ms)
{
	struct ip6_addr a = addr(hoa);
	unsigned count = 0;

	while (n-- > 0) {
		police_ask(p, domain, &a); /* which takes nothing */
		count += police_take(p, domain, &a, now_ms * (HZ / 1000));
	}
	return count;
}

/* Each mobile node by itself, as its domain says, in real time. */
static void test_limits(void **state)
{
	struct police *p;

	(void)state;
	assert_int_equal(police_new(&conf, HZ, &p), 0);
	assert_int_equal(passed(p, 0, "2001:db8:a::1", 1000, 7000), 40);
	assert_int_equal(passed(p, 0, "2001:db8:a::2", 1000, 7000), 40);
	assert_int_equal(passed(p, 1, "2001:db8:b::1", 1000, 7000), 2);
	assert_int_equal(passed(p, 0, "2001:db8:a::1", 1000, 7049), 0);
	assert_int_equal(passed(p, 0, "2001:db8:a::1", 1000, 7050), 1);
	assert_int_equal(passed(p, 1, "2001:db8:b::1", 1000, 8000), 1);
	assert_int_equal(passed(p, 0, "2001:db8:a::1", 1000, 8050), 20);
	police_free(p);
}

/* One in a flood, and as many others as are remembered, each at its rate: all of these pass. */
static void test_others(void **state)
{
	struct police *p;

	(void)state;
	assert_int_equal(police_new(&conf, HZ, &p), 0);
	for (unsigned round = 0; round < 3; round++) {
		unsigned loud = 0;

		for (unsigned i = 0; i < POLICE_NODES; i++) {
			char hoa[32];

			snprintf(hoa, sizeof(hoa), "2001:db8:a::%x:%x", i / 256 + 1, i % 256);
			assert_int_equal(passed(p, 0, hoa, 1, 7000 + 2000 * round), 1);
			loud += passed(p, 0, "2001:db8:a::bad", 10, 7000 + 2000 * round);
		}
		assert_int_equal(loud, 40);
	}
	police_free(p);
}

static void test_none(void **state)
{
	(void)state;
	assert_int_equal(passed(NULL, 0, "2001:db8:a::1", 1000, 0), 1000);
	police_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
