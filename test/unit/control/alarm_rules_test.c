/* SPDX-License-Identifier: BSD-3-Clause */
/* Each alarm's row is sound, and is raised and cleared as its row says. */
#include "test.h"

#include "control/alarm_rules.h"

#define START_MS 1000000

static struct alarm a;
static uint64_t now_ms;

static enum alarm_change measured(enum alarm_id id, uint64_t value, uint64_t after_ms)
{
	struct alarm_fact f = { .value = value, .detail = "wan" };

	now_ms += after_ms;
	return alarm_step(id, &a, &f, now_ms);
}

static void start(void)
{
	memset(&a, 0, sizeof(a));
	now_ms = START_MS;
}

static void test_rows(void **state)
{
	(void)state;
	for (enum alarm_id i = 0; i < ALARM_COUNT; i++) {
		const struct alarm_desc *d = alarm_desc(i);

		if (d->name[strspn(d->name, "abcdefghijklmnopqrstuvwxyz_")] != '\0')
			fail_msg("%s: a name is lower case with underscores", d->name);
		for (enum alarm_id j = 0; j < i; j++)
			assert_string_not_equal(d->name, alarm_desc(j)->name);
		if (d->raise_at == 0 || d->clear_below == 0 || d->clear_below > d->raise_at)
			fail_msg("%s: never clear, or clear where it is raised", d->name);
		if (strlen(d->what) < 8 || strlen(d->todo) < 8 || strlen(d->unit) == 0)
			fail_msg("%s: does not say what is wrong", d->name);
		assert_true(d->raise_ms <= 60000 && d->clear_ms <= 60000);
		assert_non_null(alarm_severity_name(d->severity));
	}
}

/* At its threshold, not below; not before its time, and a good moment starts that again. */
static void raise(enum alarm_id i)
{
	const struct alarm_desc *d = alarm_desc(i);

	start();
	assert_int_equal(measured(i, d->raise_at - 1, 0), ALARM_SAME);
	assert_int_equal(measured(i, d->raise_at - 1, 3600000), ALARM_SAME);
	assert_int_equal(a.last_ms, 0);
	if (d->raise_ms > 0) {
		assert_int_equal(measured(i, d->raise_at, 1), ALARM_SAME);
		assert_int_equal(measured(i, d->raise_at, d->raise_ms - 1), ALARM_SAME);
		assert_int_equal(measured(i, d->raise_at - 1, 1), ALARM_SAME);
		assert_int_equal(measured(i, d->raise_at, 1), ALARM_SAME);
		assert_int_equal(measured(i, d->raise_at, d->raise_ms - 1), ALARM_SAME);
		assert_false(a.raised);
	}
	assert_int_equal(measured(i, d->raise_at, 1), ALARM_RAISED);
	assert_true(a.raised);
	assert_int_equal(a.count, 1);
	assert_int_equal(a.since_ms, now_ms);
	assert_int_equal(a.last_ms, now_ms);
	assert_string_equal(a.detail, "wan");
	assert_int_equal(measured(i, UINT64_MAX, 1000), ALARM_SAME);
	assert_true(a.value == UINT64_MAX);
	assert_int_equal(a.count, 1);
}

/* Below its other threshold, not at it; and not before its time. */
static void clear(enum alarm_id i)
{
	const struct alarm_desc *d = alarm_desc(i);

	assert_int_equal(measured(i, d->clear_below, 1), ALARM_SAME);
	assert_int_equal(measured(i, d->clear_below, 3600000), ALARM_SAME);
	if (d->clear_ms > 0) {
		assert_int_equal(measured(i, d->clear_below - 1, 1), ALARM_SAME);
		assert_int_equal(measured(i, d->clear_below - 1, d->clear_ms - 1), ALARM_SAME);
		assert_int_equal(measured(i, d->clear_below, 1), ALARM_SAME);
		assert_int_equal(measured(i, d->clear_below - 1, 1), ALARM_SAME);
		assert_int_equal(measured(i, d->clear_below - 1, d->clear_ms - 1), ALARM_SAME);
		assert_true(a.raised);
	}
	assert_int_equal(measured(i, d->clear_below - 1, 1), ALARM_CLEARED);
	assert_false(a.raised);
	assert_int_equal(a.since_ms, now_ms);
	assert_string_equal(a.detail, "wan"); /* what it was about */
	assert_int_equal(a.count, 1);
}

static void test_each(void **state)
{
	(void)state;
	for (enum alarm_id i = 0; i < ALARM_COUNT; i++) {
		raise(i);
		clear(i);
	}
}

static void test_again(void **state)
{
	const enum alarm_id id = ALARM_DUPLICATE_ADDRESS;

	(void)state;
	start();
	for (unsigned n = 1; n <= 3; n++) {
		assert_int_equal(measured(id, n, 1000), ALARM_RAISED);
		assert_int_equal(a.count, n);
		assert_int_equal(measured(id, 0, 1000), ALARM_CLEARED);
		assert_int_equal(a.last_ms, now_ms - 1000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
