/* SPDX-License-Identifier: BSD-3-Clause */
#include "line.h"

#include <errno.h>

#include "test.h"

#define MS      1000000ULL
#define FRAMES  20000
#define OCTETS  1000
#define SPACING (1 * MS)

static struct line made(const char *settings)
{
	struct line l;
	char text[128], *save = NULL, *key;

	line_init(&l, 7);
	snprintf(text, sizeof(text), "%s", settings);
	for (key = strtok_r(text, " ", &save); key != NULL; key = strtok_r(NULL, " ", &save))
		assert_int_equal(line_set(&l, key, strtok_r(NULL, " ", &save)), 0);
	return l;
}

static void test_set(void **state)
{
	static const struct {
		const char *key, *value;
		int ret;
	} cases[] = {
		{ "delay-ms", "12.5", 0 },
		{ "delay-ms", "-1", -EINVAL },
		{ "delay-ms", "60001", -EINVAL },
		{ "delay-ms", "1x", -EINVAL },
		{ "delay-ms", "", -EINVAL },
		{ "delay-ms", "nan", -EINVAL },
		{ "loss-percent", "100", 0 },
		{ "loss-percent", "100.1", -EINVAL },
		{ "cut", "1", 0 },
		{ "cut", "0.5", -EINVAL },
		{ "delay", "1", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct line l = made("");
		int ret = line_set(&l, cases[i].key, cases[i].value);

		if (ret != cases[i].ret)
			fail_msg("%s %s: %d", cases[i].key, cases[i].value, ret);
	}
	assert_int_equal(made("delay-ms 12.5").delay_ns, 12500000);
	assert_int_equal(made("loss-percent 0.5").loss_ppm, 5000);
	assert_int_equal(made("rate-mbps 10").bits_per_s, 10000000);
}

/* FRAMES frames, SPACING apart; what arrived, per cent of them, within [least, most]. */
static void test_counts(void **state)
{
	static const struct {
		const char *settings;
		double copies, late; /* expected, per cent */
	} cases[] = {
		{ "", 100, 0 },
		{ "delay-ms 40", 100, 0 },
		{ "delay-ms 40 jitter-ms 30", 100, 0 },
		{ "loss-percent 5", 95, 0 },
		{ "duplicate-percent 10", 110, 0 },
		{ "reorder-percent 20", 100, 20 },
		{ "loss-percent 50 duplicate-percent 50", 75, 0 },
		{ "loss-percent 100", 0, 0 },
		{ "cut 1", 0, 0 },
		{ "rate-mbps 4", 50, 0 }, /* 8 Mbit/s come */
		{ "rate-mbps 9", 100, 0 },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct line l = made(cases[i].settings);
		uint64_t copies = 0, late = 0, most = 0, due[LINE_COPIES];

		for (uint64_t n = 0; n < FRAMES; n++) {
			unsigned c = line_pass(&l, n * SPACING, OCTETS, due);

			copies += c;
			if (c == 0)
				continue;
			assert_true(due[0] >= n * SPACING + l.delay_ns);
			late += due[0] < most;
			most = due[0] > most ? due[0] : most;
		}
		assert_int_equal(l.passed + l.lost + l.cut + l.overflow, FRAMES);
		assert_int_equal(copies, l.passed + l.duplicated);
		if (copies < FRAMES * (cases[i].copies - 1.5) / 100 ||
			copies > FRAMES * (cases[i].copies + 1.5) / 100)
			fail_msg("%s: %llu copies", cases[i].settings, (unsigned long long)copies);
		/* one that is late lets up to 10 others pass: those before it are not late */
		if (l.late < FRAMES * (cases[i].late - 1) / 100 ||
			l.late > FRAMES * (cases[i].late + 1) / 100 || (late > 0) != (l.late > 0))
			fail_msg("%s: %llu late", cases[i].settings, (unsigned long long)l.late);
	}
}

/* A queue of 200 ms before a rate limit: a burst is spread, and what does not fit is dropped. */
static void test_rate(void **state)
{
	struct line l = made("rate-mbps 8 delay-ms 5");
	uint64_t due[LINE_COPIES];
	unsigned passed = 0;

	(void)state;
	for (unsigned n = 0; n < 1000; n++)
		if (line_pass(&l, 0, OCTETS, due) == 1)
			assert_int_equal(due[0], (uint64_t)++passed * MS + 5 * MS);
	assert_int_equal(passed, 201); /* one of them was being sent */
	assert_int_equal(l.overflow, 1000 - 201);
}

static void test_seed(void **state)
{
	struct line a = made("loss-percent 30 jitter-ms 9"), b = a, c = a;
	uint64_t x[LINE_COPIES] = { 0 }, y[LINE_COPIES] = { 0 }, z[LINE_COPIES];
	bool differs = false;

	(void)state;
	c.seed++;
	for (uint64_t n = 0; n < 1000; n++) {
		unsigned copies = line_pass(&a, n * SPACING, OCTETS, x);

		assert_int_equal(line_pass(&b, n * SPACING, OCTETS, y), copies);
		assert_int_equal(x[0], y[0]);
		differs |= line_pass(&c, n * SPACING, OCTETS, z) != copies;
	}
	assert_true(differs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
