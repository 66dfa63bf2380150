/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/lcore.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "dataplane/worker.h"

/* An idle lcore looks this often before it believes that nothing comes: a burst's packets
 * arrive closer together than that. */
#define IDLE_TURNS_BEFORE_SLEEP 32

void lcore_add(struct lcore *lc, enum turn_part part, dp_poll_fn fn, void *ctx)
{
	assert(lc->poll_count < LCORE_MAX_POLLS);
	lc->poll[lc->poll_count++] = (struct lcore_poll){ fn, ctx, part };
}

void lcore_add_first(struct lcore *lc, dp_poll_fn fn, void *ctx)
{
	assert(lc->poll_count < LCORE_MAX_POLLS);
	memmove(&lc->poll[1], &lc->poll[0], lc->poll_count * sizeof(lc->poll[0]));
	lc->poll[0] = (struct lcore_poll){ fn, ctx, TURN_HELLO };
	lc->poll_count++;
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
	/* One writer: no need for a locked instruction. */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

long lcore_nap_ns(const struct lcore *lc, uint64_t now, uint64_t hz)
{
	long ns = (long)lc->sleep_us * 1000;
	uint64_t left;

	if (lc->wake_tsc == 0)
		return ns;
	if (lc->wake_tsc <= now)
		return 0;
	left = lc->wake_tsc - now;
	if (left >= hz) /* longer than it would sleep by itself */
		return ns;
	left = left * 1000000000 / hz; /* below 2^64 up to 18 GHz */
	return left < (uint64_t)ns ? (long)left : ns;
}

static void doze(struct lcore *lc)
{
	struct timespec ts = { .tv_nsec = lcore_nap_ns(lc, rte_rdtsc(), rte_get_tsc_hz()) };

	if (ts.tv_nsec == 0)
		return;
	if (lc->worker != NULL)
		dp_worker_sleep(lc->worker, true);
	nanosleep(&ts, NULL);
	if (lc->worker != NULL)
		dp_worker_sleep(lc->worker, false);
}

static uint64_t processor_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void begin(struct lcore *lc, uint64_t now)
{
	lc->took.hz = rte_get_tsc_hz();
	if (!lc->runs_control)
		return;
	lc->took.cpu_ns = processor_ns(); /* what came before is no turn */
	lc->took.cpu_tsc = now;
}

static void count_turn(struct lcore *lc, uint64_t took, uint64_t end, bool busy, uint64_t slow)
{
	add(&lc->turns, 1);
	add(busy ? &lc->busy_cycles : &lc->idle_cycles, took);
	turn_took(&lc->took, took);
	if (lc->runs_control && turn_wants_cpu(&lc->took, took, end))
		turn_cpu(&lc->took, took, end, processor_ns());
	if (took >= slow)
		add(&lc->slow_turns, 1);
}

static bool take_turn(struct lcore *lc, uint64_t start)
{
	bool busy = false;

	turn_begins(&lc->took, start);
	for (uint32_t i = 0; i < lc->poll_count; i++) {
		busy |= lc->poll[i].fn(lc->poll[i].ctx);
		if (lc->runs_control)
			turn_part(&lc->took, lc->poll[i].part, rte_rdtsc());
	}
	return busy;
}

int lcore_main(void *lcore)
{
	struct lcore *lc = lcore;
	uint64_t start = rte_rdtsc(), slow = rte_get_tsc_hz() / 1000 * LCORE_SLOW_MS;
	uint32_t idle = 0;

	begin(lc, start);
	while (!atomic_load_explicit(lc->stop, memory_order_relaxed)) {
		bool busy = take_turn(lc, start);
		uint64_t end = rte_rdtsc();

		count_turn(lc, end - start, end, busy, slow);
		start = end;
		idle = busy ? 0 : idle + 1;
		if (lc->sleep_us > 0 && idle >= IDLE_TURNS_BEFORE_SLEEP) {
			doze(lc);
			start = rte_rdtsc(); /* sleeping is neither a turn nor work */
			add(&lc->idle_cycles, start - end);
		}
	}
	return 0;
}
