/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "rng.h"
#include "sync/next.h"

static struct next_view view(uint8_t self, const char *ready)
{
	struct next_view v = { .domain = next_domain("msp1"), .self = self };

	for (; *ready != '\0'; ready++)
		v.site[*ready - '0'] = (struct next_site){ NEXT_UP, NEXT_READY, 0 };
	return v;
}

/* Changing these numbers is changing the protocol. */
static void test_fixed(void **state)
{
	struct next_view v = view(1, "123");

	(void)state;
	assert_int_equal(next_domain("msp1"), 0xbe938107);
	assert_int_equal(next_domain(""), 0xcae66941);
	assert_int_equal(next_successor(&v, 0), 3);
	assert_int_equal(next_successor(&v, 1), 3);
	assert_int_equal(next_successor(&v, 2), 3);
	assert_int_equal(next_successor(&v, 255), 1);
}

/* Every site's table says the same site, whoever asks. */
static void test_same_everywhere(void **state)
{
	struct next_table a, b;
	struct next_view at1 = view(1, "124"), at2 = view(2, "124");

	(void)state;
	next_fill(&at1, &a);
	next_fill(&at2, &b);
	assert_memory_equal(&a, &b, sizeof(a));
	for (unsigned i = 0; i < NEXT_BUCKETS; i++) {
		assert_int_equal(a.hop[1][i], 1);
		assert_int_equal(a.hop[2][i], 2);
		assert_int_equal(a.hop[4][i], 4);
		assert_int_equal(a.hop[3][i], next_successor(&at1, (uint8_t)i)); /* dead */
		assert_int_equal(a.hop[0][i], a.hop[3][i]);
	}
}

/* A death moves only what the dead one had, about equally to all others; its return brings just
 * that back. */
static void test_movement(void **state)
{
	struct next_view before = view(1, "12345"), after = view(1, "1245");
	unsigned got[NEXT_NODES] = { 0 };

	(void)state;
	for (unsigned b = 0; b < NEXT_BUCKETS; b++) {
		uint8_t was = next_successor(&before, (uint8_t)b);
		uint8_t is = next_successor(&after, (uint8_t)b);

		if (was != 3)
			assert_int_equal(is, was);
		got[was]++;
	}
	for (unsigned node = 1; node <= 5; node++)
		assert_in_range(got[node], 30, 75);
}

static const struct {
	const char *name;
	struct next_site self, other; /* sites 1 (we) and 2; 3 is up and ready */
	uint8_t own, others, dead; /* hop for owner 1, 2, 9; 255: the successor of 1 and 3 */
	bool own_succeeds, other_succeeds;
} rows[] = {
	{ "both ready", { NEXT_UP, NEXT_READY, 0 }, { NEXT_UP, NEXT_READY, 0 }, 1, 2, 255, true,
		true },
	{ "the other is joining", { NEXT_UP, NEXT_READY, 0 }, { NEXT_UP, NEXT_JOINING, 0 }, 1, 255,
		255, true, false },
	{ "the other drains: owner, but no successor", { NEXT_UP, NEXT_READY, 0 },
		{ NEXT_UP, NEXT_DRAINING, 0 }, 1, 2, 255, true, false },
	{ "the other has left", { NEXT_UP, NEXT_READY, 0 }, { NEXT_UP, NEXT_LEFT, 0 }, 1, 255, 255,
		true, false },
	{ "the other is dead, whatever it said", { NEXT_UP, NEXT_READY, 0 },
		{ NEXT_DEAD, NEXT_READY, 0 }, 1, 255, 255, true, false },
	{ "the other is cut off: through the third", { NEXT_UP, NEXT_READY, 0 },
		{ NEXT_CUT_OFF, NEXT_READY, 3 }, 1, 3, 255, true, true },
	{ "we are joining", { NEXT_UP, NEXT_JOINING, 0 }, { NEXT_UP, NEXT_READY, 0 }, 255, 2, 255,
		false, true },
	{ "we have left", { NEXT_UP, NEXT_LEFT, 0 }, { NEXT_UP, NEXT_READY, 0 }, 255, 2, 255, false,
		true },
	{ "we drain", { NEXT_UP, NEXT_DRAINING, 0 }, { NEXT_UP, NEXT_READY, 0 }, 1, 2, 255, false,
		true },
};

static void test_states(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DIM(rows); i++) {
		struct next_view v = view(1, "3");
		struct next_table t;

		v.site[1] = rows[i].self;
		v.site[2] = rows[i].other;
		next_fill(&v, &t);
		assert_int_equal(next_is_ready(&v, 1), rows[i].own_succeeds);
		assert_int_equal(next_is_ready(&v, 2), rows[i].other_succeeds);
		for (unsigned b = 0; b < NEXT_BUCKETS; b++) {
			uint8_t s = next_successor(&v, (uint8_t)b);
			uint8_t hop = v.site[s].reach == NEXT_CUT_OFF ? v.site[s].via : s;

			if (t.hop[1][b] != (rows[i].own == 255 ? hop : rows[i].own) ||
				t.hop[2][b] != (rows[i].others == 255 ? hop : rows[i].others) ||
				t.hop[9][b] != hop)
				fail_msg("%s: bucket %u: %u %u %u", rows[i].name, b, t.hop[1][b],
					t.hop[2][b], t.hop[9][b]);
			assert_true(s == 3 || (s == 1 && rows[i].own_succeeds) ||
				    (s == 2 && rows[i].other_succeeds));
		}
	}
}

static void test_nobody(void **state)
{
	struct next_view v = view(1, "");
	struct next_table t;

	(void)state;
	v.site[1] = (struct next_site){ NEXT_UP, NEXT_JOINING, 0 };
	v.site[2] = (struct next_site){ NEXT_UP, NEXT_DRAINING, 0 };
	next_fill(&v, &t);
	for (unsigned o = 0; o < NEXT_NODES; o++)
		for (unsigned b = 0; b < NEXT_BUCKETS; b++)
			assert_int_equal(t.hop[o][b], o == 2 ? 2 : NEXT_NOBODY);
}

/* Whatever is known of whom: a hop is a site that we hear, or ourselves, or nobody. */
static void test_random(void **state)
{
	uint64_t seed = rng_start("next");

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		struct next_view v = { .domain = (uint32_t)rng_next(&seed), .self = 1 };
		struct next_table t;

		v.site[1] = (struct next_site){ NEXT_UP, rng_next(&seed) % 4, 0 };
		v.site[2] = (struct next_site){ NEXT_UP, rng_next(&seed) % 4, 0 };
		for (unsigned n = 3; n < 9; n++)
			v.site[n] =
				(struct next_site){ rng_next(&seed) % 3, rng_next(&seed) % 4, 2 };
		next_fill(&v, &t);
		for (unsigned o = 0; o < 10; o++) {
			for (unsigned b = 0; b < NEXT_BUCKETS; b++) {
				uint8_t hop = t.hop[o][b];

				assert_true(hop == NEXT_NOBODY || v.site[hop].reach == NEXT_UP);
				if (hop == 1)
					assert_true(next_is_live(&v, 1));
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixed),
		cmocka_unit_test(test_same_everywhere),
		cmocka_unit_test(test_movement),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
