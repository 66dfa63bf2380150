/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <assert.h>
#include <errno.h>

#include "records/changes.h"
#include "rng.h"

static_assert(sizeof(struct change_link) == 16, "one a record: memory");

#define MAX     40
#define MARKERS 7

/* Links as they lie in an array of something else. */
static struct {
	char before[24];
	struct change_link link;
} item[MAX + 1];

static struct changes *c;

static void start(uint32_t max, uint16_t markers)
{
	struct changes_opts opts = {
		.links = &item[0].link, .stride = sizeof(item[0]), .max = max, .markers = markers
	};

	memset(item, 0, sizeof(item));
	assert_int_equal(changes_new(&opts, &c), 0);
}

static void test_order(void **state)
{
	uint32_t m, n;

	(void)state;
	start(4, 2);
	m = changes_marker_new(c);
	n = changes_marker_new(c);
	assert_int_not_equal(m, 0);
	assert_int_not_equal(n, m);
	assert_int_equal(changes_marker_new(c), 0);
	assert_int_equal(changes_next(c, m), 0);
	assert_int_equal(changes_at(c, m), 0);

	assert_int_equal(changes_touch(c, 3), 1);
	assert_int_equal(changes_touch(c, 1), 2);
	assert_int_equal(changes_touch(c, 2), 3);
	assert_int_equal(changes_at(c, m), 0);
	assert_int_equal(changes_next(c, m), 3);
	assert_int_equal(changes_at(c, m), 1);
	assert_int_equal(changes_peek(c, m), 1);
	assert_int_equal(changes_touch(c, 1), 4); /* comes later now */
	assert_int_equal(changes_at(c, m), 2);
	assert_int_equal(changes_next(c, m), 2);
	changes_rewind(c, n, m);
	assert_int_equal(changes_next(c, m), 1);
	assert_int_equal(changes_next(c, m), 0);
	assert_int_equal(changes_at(c, m), 4);
	assert_int_equal(changes_at(c, n), 3);
	assert_int_equal(changes_next(c, n), 1);
	changes_to_start(c, n);
	assert_int_equal(changes_next(c, n), 3);
	changes_del(c, 2);
	changes_del(c, 2);
	assert_int_equal(changes_number(c, 2), 0);
	assert_int_equal(changes_number(c, 1), 4);
	assert_int_equal(changes_count(c), 2);
	assert_int_equal(changes_next(c, n), 1);
	changes_marker_free(c, m);
	assert_int_equal(changes_marker_new(c), m);
	assert_int_equal(changes_next(c, m), 3);
	changes_to_end(c, m);
	changes_to_end(c, m);
	assert_int_equal(changes_peek(c, m), 0);
	assert_int_equal(changes_skip(c), 5);
	assert_int_equal(changes_last(c), 5);
	assert_int_equal(changes_at(c, m), 5);
	assert_int_equal(changes_touch(c, 4), 6);
	assert_int_equal(changes_last(c), 6);
	assert_int_equal(changes_next(c, m), 4);
	changes_free(c);
	changes_free(NULL);
}

static void test_refused(void **state)
{
	struct changes_opts opts = { .links = item, .stride = sizeof(item[0]), .max = 0 };

	(void)state;
	assert_int_equal(changes_new(&opts, &c), -EINVAL);
	opts.max = UINT32_MAX;
	opts.markers = 1;
	assert_int_equal(changes_new(&opts, &c), -EINVAL);
}

/* --- against a list that is simply an array --- */

static struct {
	uint32_t handle; /* a marker's: MAX + number */
	uint64_t number; /* of a change */
} list[MAX + MARKERS];
static unsigned length;
static uint64_t last;
static bool in_use[MARKERS + 1];

static unsigned place(uint32_t handle)
{
	unsigned i = 0;

	while (i < length && list[i].handle != handle)
		i++;
	return i;
}

static void model_remove(uint32_t handle)
{
	unsigned i = place(handle);

	if (i == length)
		return;
	length--;
	memmove(&list[i], &list[i + 1], (length - i) * sizeof(list[0]));
}

static void model_insert(unsigned at, uint32_t handle, uint64_t number)
{
	memmove(&list[at + 1], &list[at], (length - at) * sizeof(list[0]));
	list[at].handle = handle;
	list[at].number = number;
	length++;
}

static unsigned model_behind(uint32_t marker)
{
	unsigned i = place(MAX + marker);

	while (i < length && list[i].handle > MAX)
		i++;
	return i;
}

static uint32_t model_peek(uint32_t marker)
{
	unsigned i = model_behind(marker);

	return i == length ? 0 : list[i].handle;
}

static uint64_t model_at(uint32_t marker)
{
	unsigned i = model_behind(marker);

	return i == length ? last : list[i].number - 1;
}

static void model_to(uint32_t marker, unsigned before_or_end)
{
	model_remove(MAX + marker);
	model_insert(before_or_end < length ? before_or_end : length, MAX + marker, 0);
}

static void model_next(uint32_t marker)
{
	uint32_t h = model_peek(marker);

	model_remove(MAX + marker);
	model_insert(h == 0 ? length : place(h) + 1, MAX + marker, 0);
}

static void change(uint64_t *rng)
{
	uint32_t h = 1 + (uint32_t)rng_below(rng, MAX);

	model_remove(h);
	if (rng_below(rng, 4) == 0) {
		changes_del(c, h);
		return;
	}
	model_insert(length, h, ++last);
	assert_int_equal(changes_touch(c, h), last);
}

static void make_or_free(uint32_t m)
{
	if (in_use[m]) {
		changes_marker_free(c, m);
		model_remove(MAX + m);
	} else {
		m = changes_marker_new(c);
		assert_in_range(m, 1, MARKERS);
		assert_false(in_use[m]);
		model_insert(0, MAX + m, 0);
	}
	in_use[m] = !in_use[m];
}

static void move(uint64_t *rng, uint32_t m)
{
	uint32_t to = 1 + (uint32_t)rng_below(rng, MARKERS);

	switch (rng_below(rng, 8)) {
	case 0:
		changes_to_start(c, m);
		model_to(m, 0);
		break;
	case 1:
		changes_to_end(c, m);
		model_to(m, MAX + MARKERS);
		break;
	case 2:
		if (!in_use[to])
			break;
		changes_rewind(c, m, to);
		if (to != m) {
			model_remove(MAX + m);
			model_insert(place(MAX + to), MAX + m, 0);
		}
		break;
	default:
		assert_int_equal(changes_next(c, m), model_peek(m));
		model_next(m);
	}
}

static void compare(void)
{
	unsigned n = 0;

	for (uint32_t m = 1; m <= MARKERS; m++) {
		if (!in_use[m])
			continue;
		assert_int_equal(changes_peek(c, m), model_peek(m));
		assert_int_equal(changes_at(c, m), model_at(m));
	}
	for (unsigned i = 0; i < length; i++) {
		if (list[i].handle > MAX)
			continue;
		assert_int_equal(changes_number(c, list[i].handle), list[i].number);
		n++;
	}
	assert_int_equal(changes_count(c), n);
	assert_int_equal(changes_last(c), last);
}

static void test_model(void **state)
{
	uint64_t rng = rng_start("changes");

	(void)state;
	start(MAX, MARKERS);
	for (unsigned i = 0; i < 300000; i++) {
		uint32_t m = 1 + (uint32_t)rng_below(&rng, MARKERS);

		if (rng_below(&rng, 2) == 0)
			change(&rng);
		else if (rng_below(&rng, 16) == 0)
			make_or_free(m);
		else if (in_use[m])
			move(&rng, m);
		compare();
	}
	changes_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
