/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers that wait, against a naive twin: random ones come and go. */
#include "test.h"

#include <errno.h>

#include "control/mip6/pending.h"
#include "rng.h"

#define MAX     40
#define HANDLES 24
#define STEPS   200000

struct twin {
	uint64_t token; /* 0: free */
	uint32_t handle;
	uint16_t port;
};

static unsigned count_of(const struct twin twins[MAX], uint32_t handle)
{
	unsigned n = 0;

	for (unsigned i = 0; i < MAX; i++)
		n += twins[i].token != 0 && twins[i].handle == handle;
	return n;
}

static void put(struct pending *p, struct twin *t, uint32_t handle, uint16_t port)
{
	struct mip6_answer *a = pending_put(p, handle, &t->token);

	assert_non_null(a);
	assert_true(t->token != 0);
	*a = (struct mip6_answer){ .port = port };
	t->handle = handle;
	t->port = port;
}

static void drop(struct pending *p, struct twin *t)
{
	assert_non_null(pending_find(p, t->token));
	assert_int_equal(pending_find(p, t->token)->port, t->port);
	pending_drop(p, t->token);
	assert_null(pending_find(p, t->token)); /* whoever has the place next */
	t->token = 0;
}

static void test_model(void **state)
{
	static struct twin twins[MAX];
	struct pending *p = NULL;
	uint64_t rng = rng_start("pending"), token;
	unsigned count = 0;

	(void)state;
	memset(twins, 0, sizeof(twins));
	assert_int_equal(pending_new(MAX, &p), 0);
	for (unsigned i = 0; i < STEPS; i++) {
		struct twin *t = &twins[rng_below(&rng, MAX)];
		uint32_t handle = 1 + (uint32_t)rng_below(&rng, HANDLES);

		if (t->token != 0) {
			drop(p, t);
			count--;
		} else if (rng_below(&rng, 4) > 0) {
			put(p, t, handle, (uint16_t)i);
			count++;
		}
		assert_int_equal(pending_count(p), count);
		assert_int_equal(pending_has(p, handle), count_of(twins, handle) > 0);
		if (count == MAX)
			assert_null(pending_put(p, handle, &token));
	}
	pending_free(p);
}

static void test_unknown(void **state)
{
	struct pending *p = NULL;

	(void)state;
	assert_int_equal(pending_new(0, &p), -EINVAL);
	assert_int_equal(pending_new(1, &p), 0);
	assert_null(pending_find(p, 0)); /* of one that had no room */
	assert_null(pending_find(p, 1));
	assert_null(pending_find(p, UINT32_MAX));
	assert_false(pending_has(p, 1));
	pending_free(p);
	pending_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
