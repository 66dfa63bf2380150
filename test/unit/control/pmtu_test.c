/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 8201: lowered at once, raised by nobody, forgotten after ten minutes, bounded. */
#include "test.h"

#include "control/pmtu.h"

static struct pmtu *make(void)
{
	struct pmtu *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->seed = 0x1234;
	return p;
}

static void test_life(void **state)
{
	static const struct {
		const char *name;
		uint64_t at_ms;
		uint32_t learn, then;
	} cases[] = {
		{ "nothing known", 0, 0, 0 },
		{ "below the least", 1000, 1279, 0 },
		{ "learned", 2000, 1400, 1400 },
		{ "higher is ignored", 3000, 1450, 1400 },
		{ "lower", 600000, 1280, 1280 },
		{ "equal does not prolong", 900000, 1280, 1280 },
		{ "ten minutes after the last", 600000 + PMTU_LIFETIME_MS - 1, 0, 1280 },
		{ "forgotten", 600000 + PMTU_LIFETIME_MS, 0, 0 },
		{ "any value after that", 600000 + PMTU_LIFETIME_MS, 1480, 1480 },
	};
	struct pmtu *p = make();
	struct ip6_addr a = addr("2001:db8::1"), b = addr("2001:db8::2");

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		if (cases[i].learn != 0)
			pmtu_learn(p, cases[i].at_ms, &a, cases[i].learn);
		uint32_t got = pmtu_get(p, cases[i].at_ms, &a);

		if (got != cases[i].then)
			fail_msg("%s: %u", cases[i].name, got);
		assert_int_equal(pmtu_get(p, cases[i].at_ms, &b), 0);
	}
	free(p);
}

/* A flood pushes out what would go first; what came last is there. */
static void test_flood(void **state)
{
	struct pmtu *p = make();
	struct ip6_addr a = addr("2001:db8::");
	uint32_t known = 0;

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(a.b + 12, &i, sizeof(i));
		pmtu_learn(p, i, &a, 1300);
		assert_int_equal(pmtu_get(p, i, &a), 1300);
	}
	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(a.b + 12, &i, sizeof(i));
		known += pmtu_get(p, 100000, &a) != 0;
	}
	assert_in_range(known, PMTU_SETS, PMTU_SETS * PMTU_WAYS);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
