/* SPDX-License-Identifier: BSD-3-Clause */
/* A wedged lcore ends the process; a slow one, one that has not begun, and one that has ended, do
 * not. Stand-ins count turns; nothing here depends on how fast the machine is. */
#include "test.h"

#include <stdatomic.h>
#include <time.h>

#include "common/log.h"
#include "host/watchdog.h"

#define LCORES 3

static struct {
	_Atomic bool runs, stands;
	_Atomic uint64_t turns, asked;
	_Atomic unsigned bitten;
} world;

static bool is_running(void *ctx)
{
	assert_ptr_equal(ctx, &world);
	return world.runs;
}

/* Each look finds that an lcore has gone on, but for the second one while it stands. */
static uint64_t turns(void *ctx, uint32_t lcore)
{
	(void)ctx;
	world.asked++;
	return lcore == 1 && world.stands ? 7 : ++world.turns + 100;
}

static uint32_t number(void *ctx, uint32_t lcore)
{
	(void)ctx;
	return lcore + 10;
}

static void bite(void)
{
	world.bitten++;
	world.stands = false; /* what an end of the process is here */
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

/* Until so many more looks were taken. */
static void looks(uint64_t n)
{
	for (uint64_t end = world.asked + n * LCORES; world.asked < end;)
		pause_ms(1);
}

static struct watchdog *start(uint32_t limit_ms)
{
	struct watchdog *w = NULL;
	char err[64];

	memset(&world, 0, sizeof(world));
	assert_int_equal(watchdog_start(&(struct watchdog_opts){ .limit_ms = limit_ms,
						.lcores = LCORES,
						.ctx = &world,
						.is_running = is_running,
						.turns = turns,
						.number = number,
						.bite = bite },
				 &w, err, sizeof(err)),
		0);
	return w;
}

static void test_wedged(void **state)
{
	struct watchdog *w = start(40);

	(void)state;
	world.runs = true;
	looks(5);
	assert_int_equal(world.bitten, 0);
	world.stands = true;
	while (world.bitten == 0)
		pause_ms(1);
	looks(50); /* and no more: it goes on */
	assert_int_equal(world.bitten, 1);
	watchdog_stop(w);
}

/* Nobody is looked at before the lcores run and after they have ended. */
static void test_not_running(void **state)
{
	struct watchdog *w = start(20);

	(void)state;
	world.stands = true;
	pause_ms(60);
	assert_int_equal(world.asked, 0);
	world.runs = true;
	while (world.bitten == 0)
		pause_ms(1);
	world.runs = false;
	world.stands = true;
	pause_ms(60);
	watchdog_stop(w);
	assert_int_equal(world.bitten, 1);
}

/* One that moves less often than it is looked at, but moves, is none. */
static void test_slow(void **state)
{
	struct watchdog *w = start(60000);

	(void)state;
	world.runs = true;
	world.stands = true;
	pause_ms(20);
	watchdog_stop(w); /* at once, though the next look is seconds away */
	assert_int_equal(world.bitten, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wedged),
		cmocka_unit_test(test_not_running),
		cmocka_unit_test(test_slow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
