/* SPDX-License-Identifier: BSD-3-Clause */
/* The table against a naive twin: random handles come and go. */
#include "test.h"

#include <errno.h>

#include "control/mip6/waiting.h"
#include "rng.h"

#define MAX     32
#define HANDLES 256
#define STEPS   200000

static void test_model(void **state)
{
	static struct waiting *twin[HANDLES];
	struct waitings *ws = NULL;
	uint64_t rng = rng_start("model");
	unsigned count = 0;

	(void)state;
	memset(twin, 0, sizeof(twin));
	assert_int_equal(waitings_new(MAX, &ws), 0);
	for (unsigned i = 0; i < STEPS; i++) {
		uint32_t h = 1 + rng_next(&rng) % (HANDLES - 1);
		struct waiting *w = waiting_find(ws, h);

		assert_ptr_equal(w, twin[h]);
		if (w != NULL) {
			assert_int_equal(w->handle, h);
			assert_int_equal(w->id, h);
			waiting_del(ws, w);
			twin[h] = NULL;
			count--;
			continue;
		}
		w = waiting_add(ws, h);
		assert_int_equal(w != NULL, count < MAX);
		if (w == NULL)
			continue;
		/* nothing is left of who had the place before */
		assert_true(!w->answer && w->sent == 0 && w->id == 0 && w->timer.fn == NULL);
		assert_false(wheel_is_running(&w->timer.t));
		w->id = (uint16_t)h;
		w->answer = true;
		w->sent = 3;
		twin[h] = w;
		count++;
	}
	waitings_free(ws);
}

static void test_sizes(void **state)
{
	struct waitings *ws = NULL;

	(void)state;
	assert_int_equal(waitings_new(0, &ws), -EINVAL);
	assert_int_equal(waitings_new(1, &ws), 0);
	assert_non_null(waiting_add(ws, 7));
	assert_null(waiting_add(ws, 8));
	assert_null(waiting_find(ws, 8));
	waiting_del(ws, waiting_find(ws, 7));
	assert_non_null(waiting_add(ws, 8));
	waitings_free(ws);
	waitings_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
