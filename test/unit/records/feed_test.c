/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "records/feed.h"
#include "rng.h"

static struct feed *f;
static unsigned wakes;

static void on_wake(void *ctx)
{
	(void)ctx;
	wakes++;
}

static bool put(uint64_t mark)
{
	struct feed_item *it = feed_room(f);

	if (it == NULL)
		return false;
	*it = (struct feed_item){ .mark = mark, .image.seq = (uint16_t)mark };
	feed_put(f);
	return true;
}

static void test_sizes(void **state)
{
	static const uint32_t bad[] = { 0, 3, 1000, (1U << 24) + 1, 1U << 25 };

	(void)state;
	for (size_t i = 0; i < DIM(bad); i++)
		assert_int_equal(feed_new(bad[i], &f), -EINVAL);
	feed_free(NULL);
}

static void test_queue(void **state)
{
	(void)state;
	assert_int_equal(feed_new(4, &f), 0);
	assert_null(feed_peek(f, 0));
	assert_true(put(1));
	assert_null(feed_peek(f, 0)); /* put, but not flushed */
	feed_flush(f);
	assert_int_equal(feed_peek(f, 0)->mark, 1);
	assert_null(feed_peek(f, 1));
	for (uint64_t n = 2; n <= 4; n++)
		assert_true(put(n));
	assert_false(put(5));
	feed_flush(f);
	for (uint32_t n = 0; n < 4; n++) {
		assert_int_equal(feed_peek(f, n)->mark, n + 1);
		assert_int_equal(feed_peek(f, n)->image.seq, n + 1);
	}
	assert_null(feed_peek(f, 4));
	feed_take(f, 3);
	assert_int_equal(feed_peek(f, 0)->mark, 4);
	for (uint64_t n = 5; n <= 7; n++)
		assert_true(put(n));
	assert_false(put(8));
	assert_int_equal(feed_count(f), 7);
	feed_free(f);
}

static void test_progress(void **state)
{
	(void)state;
	assert_int_equal(feed_new(4, &f), 0);
	assert_int_equal(feed_written(f), 0);
	feed_set_written(f, 7);
	feed_set_synced(f, 5, 3);
	assert_int_equal(feed_written(f), 7);
	assert_int_equal(feed_synced(f), 5);
	assert_int_equal(feed_synced_count(f), 3);
	assert_int_equal(feed_failures(f), 0);
	feed_fail(f);
	assert_int_equal(feed_failures(f), 1);
	assert_false(feed_wants_all(f));
	feed_want_all(f);
	assert_true(feed_wants_all(f));
	assert_false(feed_wants_all(f));
	feed_stat_set(f, FEED_STAT_ERRNO, ENOSPC);
	feed_stat_add(f, FEED_STAT_BYTES, 10);
	feed_stat_add(f, FEED_STAT_BYTES, 5);
	assert_int_equal(feed_stat(f, FEED_STAT_ERRNO), ENOSPC);
	assert_int_equal(feed_stat(f, FEED_STAT_BYTES), 15);
	feed_free(f);
}

/* Woken once, only when asleep, and never asleep while something waits. */
static void test_wake(void **state)
{
	(void)state;
	assert_int_equal(feed_new(4, &f), 0);
	feed_on_wake(f, on_wake, NULL);
	wakes = 0;
	put(1);
	feed_flush(f);
	assert_int_equal(wakes, 0);
	assert_false(feed_may_sleep(f));
	feed_take(f, 1);
	assert_true(feed_may_sleep(f));
	feed_flush(f); /* nothing new */
	assert_int_equal(wakes, 0);
	put(2);
	feed_flush(f);
	assert_int_equal(wakes, 1);
	put(3);
	feed_flush(f);
	assert_int_equal(wakes, 1);
	feed_free(f);
}

/* --- two threads: nothing lost, nothing twice, nobody sleeps for ever --- */

#define ITEMS 200000

static int wake_fd;

static void wake_up(void *ctx)
{
	(void)ctx;
	eventfd_write(wake_fd, 1);
}

static void *consume(void *ctx)
{
	uint64_t *bad = ctx, next = 1, rng = 5;

	while (next <= ITEMS) {
		const struct feed_item *it;
		eventfd_t value;
		uint32_t n = 0;

		while (n < 1 + rng_below(&rng, 16) && (it = feed_peek(f, n)) != NULL) {
			*bad += it->mark != next || it->image.ends_ms != 3 * next ||
				it->image.seq != (uint16_t)next;
			next++;
			n++;
		}
		feed_take(f, n);
		feed_set_written(f, next - 1);
		if (n == 0 && feed_may_sleep(f))
			eventfd_read(wake_fd, &value);
	}
	return NULL;
}

static void test_threads(void **state)
{
	uint64_t bad = 0, rng = rng_start("feed");
	pthread_t thread;

	(void)state;
	wake_fd = eventfd(0, EFD_CLOEXEC);
	assert_true(wake_fd >= 0);
	assert_int_equal(feed_new(64, &f), 0);
	feed_on_wake(f, wake_up, NULL);
	assert_int_equal(pthread_create(&thread, NULL, consume, &bad), 0);
	for (uint64_t n = 1; n <= ITEMS;) {
		for (uint64_t burst = rng_below(&rng, 40); burst > 0 && n <= ITEMS; burst--) {
			struct feed_item *it = feed_room(f);

			if (it == NULL)
				break;
			*it = (struct feed_item){ .mark = n,
				.image = { .ends_ms = 3 * n, .seq = (uint16_t)n } };
			feed_put(f);
			n++;
		}
		feed_flush(f);
		assert_true(feed_written(f) < n);
		if (rng_below(&rng, 64) == 0)
			usleep(20);
	}
	pthread_join(thread, NULL);
	assert_int_equal(bad, 0);
	assert_int_equal(feed_written(f), ITEMS);
	feed_free(f);
	close(wake_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_wake),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
