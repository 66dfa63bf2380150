/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 8201: lowered at once, raised by nobody, forgotten after ten minutes, bounded. */
#include "test.h"

#include "control/pmtu.h"

#define SEED 0x1234

static struct pmtu *make(uint32_t tunnels)
{
	struct pmtu *p;

	assert_int_equal(pmtu_new(tunnels, SEED, &p), 0);
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
		{ "above what can be", 1000, 65536, 0 },
		{ "learned", 2000, 1400, 1400 },
		{ "higher is ignored", 3000, 1450, 1400 },
		{ "lower", 600000, 1280, 1280 },
		{ "below the least, known", 600001, 1279, 1280 },
		{ "equal does not prolong", 900000, 1280, 1280 },
		{ "ten minutes after the last", 600000 + PMTU_LIFETIME_MS - 1, 0, 1280 },
		{ "forgotten", 600000 + PMTU_LIFETIME_MS, 0, 0 },
		{ "any value after that", 600000 + PMTU_LIFETIME_MS, 1480, 1480 },
		/* but five minutes after any sign of it */
		{ "equal in the last minutes", 1700000, 1480, 1480 },
		{ "higher in the last minutes", 1750000, 1490, 1480 },
		{ "beyond the ten minutes", 1200000 + PMTU_LIFETIME_MS, 0, 1480 },
		{ "five minutes later", 1750000 + PMTU_HOLD_MS - 1, 0, 1480 },
		{ "forgotten again", 1750000 + PMTU_HOLD_MS, 0, 0 },
	};
	struct pmtu *p = make(0);
	struct ip6_addr a = addr("2001:db8::1"), b = addr("2001:db8::2");

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		bool lower = cases[i].learn != 0 && cases[i].learn == cases[i].then &&
			     pmtu_get(p, cases[i].at_ms, &a, PMTU_OWN) != cases[i].then;
		uint32_t got;

		if (cases[i].learn != 0)
			assert_int_equal(
				pmtu_learn(p, cases[i].at_ms, &a, PMTU_OWN, cases[i].learn), lower);
		got = pmtu_get(p, cases[i].at_ms, &a, PMTU_OWN);
		if (got != cases[i].then)
			fail_msg("%s: %u", cases[i].name, got);
		assert_int_equal(pmtu_get(p, cases[i].at_ms, &b, PMTU_OWN), 0);
	}
	assert_int_equal(pmtu_tunnels_end_ms(p), 0);
	pmtu_free(p);
}

/* When it is worth looking at bindings again. */
static void test_tunnels_end(void **state)
{
	struct pmtu *p = make(10);
	struct ip6_addr a = addr("2001:db8::1"), b = addr("2001:db8::2");

	(void)state;
	pmtu_learn(p, 1000, &a, PMTU_TUNNEL, 1400);
	assert_int_equal(pmtu_tunnels_end_ms(p), 1000 + PMTU_LIFETIME_MS);
	pmtu_learn(p, 2000, &b, PMTU_OWN, 1400);
	assert_int_equal(pmtu_tunnels_end_ms(p), 1000 + PMTU_LIFETIME_MS);
	pmtu_learn(p, 500000, &a, PMTU_TUNNEL, 1400);
	assert_int_equal(pmtu_tunnels_end_ms(p), 500000 + PMTU_HOLD_MS);
	pmtu_free(p);
}

/* A tunnel's is everybody's; what hamd's own packets taught is not the tunnel's. */
/* What another site found ends when it does there, whatever is heard of it in between. */
static void test_heard(void **state)
{
	struct pmtu *p = make(16);
	struct ip6_addr a = addr("2001:db8::1");

	(void)state;
	assert_false(pmtu_hear(p, 590000, &a, 1400, 590000));
	assert_int_equal(pmtu_get(p, 590000, &a, PMTU_TUNNEL), 0);
	assert_true(pmtu_hear(p, 590000, &a, 1400, 600000));
	assert_false(pmtu_hear(p, 595000, &a, 1400, 600000));
	assert_false(pmtu_hear(p, 595000, &a, 1450, 900000)); /* no sign of the lower one */
	assert_int_equal(pmtu_get(p, 599999, &a, PMTU_TUNNEL), 1400);
	assert_int_equal(pmtu_get(p, 600000, &a, PMTU_TUNNEL), 0);
	/* confirmed there */
	assert_true(pmtu_hear(p, 600000, &a, 1400, 700000));
	assert_false(pmtu_hear(p, 650000, &a, 1400, 950000));
	assert_int_equal(pmtu_get(p, 949999, &a, PMTU_TUNNEL), 1400);
	assert_true(pmtu_hear(p, 660000, &a, 1300, 665000));
	assert_int_equal(pmtu_get(p, 664999, &a, PMTU_TUNNEL), 1300);
	assert_int_equal(pmtu_get(p, 665000, &a, PMTU_TUNNEL), 0);
	pmtu_free(p);
}

static void test_uses(void **state)
{
	struct pmtu *p = make(10);
	struct ip6_addr a = addr("2001:db8::1");

	(void)state;
	assert_true(pmtu_learn(p, 1000, &a, PMTU_OWN, 1300));
	assert_int_equal(pmtu_get(p, 1000, &a, PMTU_OWN), 1300);
	assert_int_equal(pmtu_get(p, 1000, &a, PMTU_TUNNEL), 0);
	assert_true(pmtu_learn(p, 2000, &a, PMTU_TUNNEL, 1400));
	assert_int_equal(pmtu_get(p, 2000, &a, PMTU_OWN), 1300);
	assert_int_equal(pmtu_get(p, 2000, &a, PMTU_TUNNEL), 1400);
	assert_true(pmtu_learn(p, 3000, &a, PMTU_TUNNEL, 1290));
	assert_int_equal(pmtu_get(p, 3000, &a, PMTU_OWN), 1290);
	assert_int_equal(pmtu_get(p, 3000, &a, PMTU_TUNNEL), 1290);
	pmtu_free(p);
}

static uint32_t flood(struct pmtu *p, uint32_t n, uint64_t from_ms, enum pmtu_use use)
{
	struct ip6_addr a = addr("2001:db8::");
	uint32_t known = 0;

	for (uint32_t i = 0; i < n; i++) {
		memcpy(a.b + 12, &i, sizeof(i));
		pmtu_learn(p, from_ms + i, &a, use, 1300);
		if (use == PMTU_TUNNEL)
			assert_int_equal(pmtu_get(p, from_ms + i, &a, use), 1300);
	}
	for (uint32_t i = 0; i < n; i++) {
		memcpy(a.b + 12, &i, sizeof(i));
		known += pmtu_get(p, from_ms + n, &a, use) != 0;
	}
	return known;
}

/* A flood pushes out what would go first; what came last is there. */
static void test_flood(void **state)
{
	struct pmtu *p = make(1000);
	size_t places = pmtu_memory(p) / 16;

	(void)state;
	assert_in_range(flood(p, 100000, 0, PMTU_TUNNEL), 2024, places);
	pmtu_free(p);
}

/* As many tunnels as there can be: few of them find no place. */
static void test_all_tunnels(void **state)
{
	struct pmtu *p = make(100000);

	(void)state;
	assert_in_range(flood(p, 100000, 0, PMTU_TUNNEL), 94000, 100000);
	pmtu_free(p);
}

/* How many of n numbered tunnels below a prefix are known; learns them first if asked. */
static uint32_t tunnels(struct pmtu *p, const char *from, uint32_t n, uint64_t at_ms, bool learn)
{
	struct ip6_addr a = addr(from);
	uint32_t known = 0;

	for (uint32_t i = 0; i < n; i++) {
		memcpy(a.b + 12, &i, sizeof(i));
		if (learn)
			pmtu_learn(p, at_ms, &a, PMTU_TUNNEL, 1400);
		known += pmtu_get(p, at_ms, &a, PMTU_TUNNEL) == 1400;
	}
	return known;
}

/* What anybody may invent pushes out no tunnel's, and gives way to further ones itself, be it ever
 * so new. */
static void test_flood_of_others(void **state)
{
	struct pmtu *p = make(1000);
	uint32_t before;

	(void)state;
	tunnels(p, "2001:db8:f::", 500, 0, true);
	before = tunnels(p, "2001:db8:f::", 500, 0, false);
	assert_in_range(before, 490, 500);
	assert_true(flood(p, 100000, 2000, PMTU_OWN) > 1000);
	assert_int_equal(tunnels(p, "2001:db8:f::", 500, 200000, false), before);
	tunnels(p, "2001:db8:e::", 500, 200000, true);
	assert_in_range(tunnels(p, "2001:db8:e::", 500, 200000, false), 490, 500);
	assert_in_range(tunnels(p, "2001:db8:f::", 500, 200000, false), before - 10, before);
	pmtu_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_tunnels_end),
		cmocka_unit_test(test_heard),
		cmocka_unit_test(test_uses),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_all_tunnels),
		cmocka_unit_test(test_flood_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
