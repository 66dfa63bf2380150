/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "common/bucket_tab.h"
#include "rng.h"

static struct ip6_addr numbered(uint32_t n)
{
	struct ip6_addr a = addr("2001:db8:a::");

	memcpy(a.b + 12, &n, sizeof(n));
	return a;
}

static struct bucket_tab *table(uint32_t entries, uint64_t seed)
{
	struct bucket_tab *t;

	assert_int_equal(bucket_tab_new(entries, seed, &t), 0);
	return t;
}

/* How many of n at one moment get a token of 2 a second, 5 at once. */
static unsigned passed(struct bucket_tab *t, uint32_t group, uint32_t who, unsigned n, uint64_t now)
{
	struct ip6_addr a = numbered(who);
	unsigned count = 0;

	while (n-- > 0) {
		bucket_tab_ask(t, group, &a); /* which takes nothing */
		count += bucket_tab_take(t, group, &a, 2, 5, now);
	}
	return count;
}

static void test_sizes(void **state)
{
	static const uint32_t bad[] = { 0, 1, 2, 3, 5, 12, 4095 };
	struct bucket_tab *t = NULL;

	(void)state;
	for (size_t i = 0; i < DIM(bad); i++)
		assert_int_equal(bucket_tab_new(bad[i], 1, &t), -EINVAL);
	bucket_tab_free(table(BUCKET_TAB_WAYS, 1));
	bucket_tab_free(NULL);
}

static void test_apart(void **state)
{
	struct bucket_tab *t = table(64, 1);

	(void)state;
	assert_int_equal(passed(t, 0, 1, 100, 5000), 5);
	assert_int_equal(passed(t, 0, 2, 100, 5000), 5); /* another address */
	assert_int_equal(passed(t, 1, 1, 100, 5000), 5); /* another group */
	assert_int_equal(passed(t, 0, 1, 100, 5499), 0);
	assert_int_equal(passed(t, 0, 1, 100, 5500), 1);
	assert_int_equal(passed(t, 0, 1, 100, 60000), 5);
	bucket_tab_free(t);
}

/* Who is heard all the time is never forgotten, however many others come; among the others, the
 * longest silent one is. */
static void test_never_forgotten(void **state)
{
	uint64_t seed = rng_start("bucket_tab"), now = 5000;
	struct bucket_tab *t = table(BUCKET_TAB_WAYS, seed); /* all share one set */

	(void)state;
	assert_int_equal(passed(t, 0, 0, 100, now), 5);
	for (uint32_t i = 1; i < 400; i++) {
		now++;
		assert_int_equal(passed(t, 0, i, 100, now), 5); /* starts with a full burst */
		assert_int_equal(passed(t, 0, 0, 100, now), 0); /* half a second for a token */
	}
	assert_int_equal(passed(t, 0, 399, 1, now), 0); /* still there */
	assert_int_equal(passed(t, 0, 398, 1, now), 0);
	assert_int_equal(passed(t, 0, 397, 1, now), 0);
	assert_int_equal(passed(t, 0, 396, 1, now), 1); /* gave way, and comes as a new one */
	bucket_tab_free(t);
}

/* The same when all of it comes within one millisecond. */
static void test_never_forgotten_at_once(void **state)
{
	struct bucket_tab *t = table(BUCKET_TAB_WAYS, rng_start("bucket_tab"));

	(void)state;
	assert_int_equal(passed(t, 0, 0, 100, 5000), 5);
	for (uint32_t i = 1; i < 400; i++) {
		assert_int_equal(passed(t, 0, i, 1, 5000), 1);
		assert_int_equal(passed(t, 0, 0, 10, 5000), 0);
	}
	bucket_tab_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_never_forgotten),
		cmocka_unit_test(test_never_forgotten_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
