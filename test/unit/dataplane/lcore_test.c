/* SPDX-License-Identifier: BSD-3-Clause */
/* An lcore's list: the order of it, who goes first, and how long it may sleep. */
#include "test.h"

#include <stdatomic.h>
#include <time.h>

#include <rte_eal.h>

#include "dataplane/dp_priv.h"

static char order[64];
static char name_h[] = "h", name_w[] = "w", name_o[] = "o", name_c[] = "c";
static _Atomic bool stop;
static struct lcore lc;
static unsigned turns_left;

static bool say(void *ctx)
{
	size_t n = strlen(order);

	if (n + 1 < sizeof(order))
		order[n] = *(const char *)ctx;
	return false;
}

static bool last(void *ctx)
{
	say(ctx);
	if (--turns_left == 0)
		stop = true;
	return false;
}

static void reset(struct lcore *l)
{
	memset(order, 0, sizeof(order));
	memset(l, 0, sizeof(*l));
	l->stop = &stop;
	stop = false;
}

/* Hello goes in front of worker and control, whenever it was added. */
static void test_first(void **state)
{
	(void)state;
	reset(&lc);
	turns_left = 2;
	lcore_add(&lc, TURN_PACKETS, say, name_w);
	lcore_add_first(&lc, say, name_h);
	lcore_add(&lc, TURN_PACKETS, say, name_o);
	lcore_add(&lc, TURN_PACKETS, last, name_c);
	assert_int_equal(lcore_main(&lc), 0);
	assert_string_equal(order, "hwochwoc");
	assert_int_equal(lc.turns, 2);
}

static bool dawdle(void *ctx)
{
	const unsigned *ms = ctx;
	uint64_t end = rte_rdtsc() + rte_get_tsc_hz() / 1000 * *ms;

	while (rte_rdtsc() < end)
		rte_pause();
	return last(ctx);
}

/* A machine that stands still makes any turn slow: the slow one is, and the longest. */
static void test_slow(void **state)
{
	static unsigned ms = LCORE_SLOW_MS;
	uint64_t slow = rte_get_tsc_hz() / 1000 * LCORE_SLOW_MS;

	(void)state;
	reset(&lc);
	turns_left = 3;
	lcore_add(&lc, TURN_PACKETS, dawdle, &ms);
	assert_int_equal(lcore_main(&lc), 0);
	assert_int_equal(lc.slow_turns, 3);
	assert_true(lc.took.longest_cycles >= slow);
	reset(&lc);
	turns_left = 1000;
	lcore_add(&lc, TURN_PACKETS, last, name_c);
	assert_int_equal(lcore_main(&lc), 0);
	assert_true(lc.slow_turns < 10); /* none but for the machine */
}

/* The first worker's lcore, be it control's own or another. */
static void test_whose(void **state)
{
	static struct dp dp;

	(void)state;
	for (unsigned lcores = 1; lcores <= 3; lcores++) {
		memset(&dp, 0, sizeof(dp));
		dp.lcore_count = lcores;
		for (unsigned i = 0; i < lcores; i++)
			dp.lcores[i].worker_id = lcores == 1 ? 0 : (int)i - 1;
		dp_add_first(&dp, say, name_h);
		dp_hello_wake_at(&dp, 7);
		for (unsigned i = 0; i < lcores; i++) {
			bool is_first = dp.lcores[i].worker_id == 0;

			assert_int_equal(dp.lcores[i].poll_count, is_first);
			assert_int_equal(dp.lcores[i].wake_tsc, is_first ? 7 : 0);
		}
	}
}

static uint64_t processor_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

/* First it waits for long, then it works for less long; both are turns. */
static bool wait_and_work(void *ctx)
{
	uint64_t begin = processor_us();

	(void)ctx;
	if (turns_left == 2)
		nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	while (turns_left == 1 && processor_us() - begin < 3000)
		;
	return true;
}

/* By the clock the first is the longest, by processor time the second, whoever else runs here. */
static void test_longest(void **state)
{
	(void)state;
	for (unsigned control = 0; control < 2; control++) {
		reset(&lc);
		lc.runs_control = control;
		turns_left = 2;
		lcore_add(&lc, TURN_PACKETS, wait_and_work, NULL);
		lcore_add(&lc, TURN_PACKETS, last, name_c);
		assert_int_equal(lcore_main(&lc), 0);
		assert_true(turn_us(&lc.took, lc.took.longest_cycles) >=
			    45000); /* the clock is no exact one */
		if (control == 0) /* a worker asks the kernel nothing */
			assert_int_equal(lc.took.longest_cpu_us, 0);
		else
			assert_in_range(lc.took.longest_cpu_us, 2900, 6000);
	}
}

/* One that would sleep for 900 ms does not sleep past what is due. */
static void test_nap(void **state)
{
	static const struct {
		uint64_t wake, now;
		long ns;
	} rows[] = {
		{ 0, 5000000000, 900000000 }, /* nothing is */
		{ 5000000000, 5000000000, 0 },
		{ 4999999999, 5000000000, 0 },
		{ 5000000003, 5000000000, 1 },
		{ 5015000000, 5000000000, 5000000 },
		{ 7699999999, 5000000000, 899999999 },
		{ 7700000001, 5000000000, 900000000 },
		{ 8000000000, 5000000000, 900000000 },
		{ UINT64_MAX, 5000000000, 900000000 },
	};

	(void)state;
	reset(&lc);
	lc.sleep_us = 900000;
	for (size_t i = 0; i < DIM(rows); i++) {
		lc.wake_tsc = rows[i].wake;
		assert_int_equal(lcore_nap_ns(&lc, rows[i].now, 3000000000), rows[i].ns);
	}
}

static int set_up(void **state)
{
	char args[][24] = { "lcore-test", "--no-huge", "-m", "64", "--no-pci", "--no-telemetry",
		"--no-shconf", "--log-level=*:error", "-l", "0" };
	char *argv[DIM(args) + 1] = { NULL };

	(void)state;
	for (unsigned i = 0; i < DIM(args); i++)
		argv[i] = args[i];
	return rte_eal_init(DIM(args), argv) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_whose),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_nap),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
