/* SPDX-License-Identifier: BSD-3-Clause */
/* A ring that carried keys leaves none in memory that somebody else gets. Linked with
 * --wrap=free. */
#include "test.h"

#include <stdbool.h>

#include "common/bring.h"

#define OCTETS 1024
#define HEAD   8 /* octets in front of a record */

static const uint8_t *watched;
static bool was_freed;
static unsigned left; /* octets that are not 0 */

void __real_free(void *p);
void __wrap_free(void *p);

void __wrap_free(void *p)
{
	if (p != NULL && p == watched) {
		was_freed = true;
		for (unsigned i = 0; i < OCTETS; i++)
			left += watched[i] != 0;
		watched = NULL;
	}
	__real_free(p);
}

/* What was read is no less secret than what was not. */
static void test_wiped(void **state)
{
	struct bring *r;
	uint32_t len;

	(void)state;
	assert_int_equal(bring_new(OCTETS, &r), 0);
	for (unsigned i = 0; i < 9; i++) {
		uint8_t *p = bring_prepare(r, 100);

		assert_non_null(p);
		memset(p, 0x5a, 100);
		bring_publish(r, bring_at(r));
		if (i == 0)
			watched = p - HEAD; /* where the ring begins */
	}
	for (unsigned i = 0; i < 5; i++) {
		assert_non_null(bring_peek(r, &len));
		bring_drop(r);
	}
	bring_free(r);
	assert_true(was_freed);
	assert_int_equal(left, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
