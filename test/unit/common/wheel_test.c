/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "common/wheel.h"
#include "rng.h"

#define TIMERS 400

struct twin {
	struct wheel_timer t;
	uint64_t ends;
	bool running;
};

struct run {
	struct wheel *w;
	struct twin twin[TIMERS];
	uint64_t now;
	uint64_t fired;
	uint64_t *rnd; /* NULL: callbacks only note */
};

static void set(struct run *x, uint32_t i, uint64_t ends)
{
	wheel_set(x->w, &x->twin[i].t, ends);
	x->twin[i].ends = ends;
	x->twin[i].running = true;
}

static void del(struct run *x, uint32_t i)
{
	wheel_del(x->w, &x->twin[i].t);
	x->twin[i].running = false;
}

/* Mostly near, sometimes as far as a lifetime, a year, for ever; sometimes past. */
static uint64_t some_end(uint64_t *r, uint64_t now)
{
	static const uint64_t spans[] = { 1, 3, 256, 300, 70000, 4000000, 262140000, 1ULL << 35,
		UINT64_MAX / 2 };

	if (rng_below(r, 20) == 0)
		return now > 1000 ? now - rng_below(r, 1000) : 0;
	return now + rng_next(r) % spans[rng_below(r, DIM(spans))];
}

static void on_fire(void *ctx, struct wheel_timer *t)
{
	struct run *x = ctx;
	struct twin *me = container_of(t, struct twin, t);

	assert_true(me->running);
	assert_false(wheel_is_running(t));
	assert_true(me->ends <= x->now); /* never early */
	assert_int_equal(t->expires_ms, me->ends);
	me->running = false;
	x->fired++;
	if (x->rnd == NULL)
		return;
	if (rng_below(x->rnd, 3) == 0)
		set(x, (uint32_t)(me - x->twin), some_end(x->rnd, x->now + 1));
	if (rng_below(x->rnd, 3) == 0)
		del(x, rng_below(x->rnd, TIMERS));
	if (rng_below(x->rnd, 3) == 0)
		set(x, rng_below(x->rnd, TIMERS), some_end(x->rnd, x->now + 1));
}

static void check_states(const struct run *x)
{
	for (uint32_t i = 0; i < TIMERS; i++) {
		assert_int_equal(wheel_is_running(&x->twin[i].t), x->twin[i].running);
		/* never late, once everything due was asked for */
		assert_true(!x->twin[i].running || x->twin[i].ends > x->now);
	}
}

static void test_model(void **state)
{
	static const uint64_t starts[] = { 0, 255, 1700000000000, UINT64_MAX / 4 - 5 };
	uint64_t r = rng_start("model");

	(void)state;
	for (size_t s = 0; s < DIM(starts); s++) {
		struct run x = { .now = starts[s], .rnd = &r };

		x.w = wheel_new(x.now);
		for (uint32_t op = 0; op < 100000; op++) {
			uint32_t i = rng_below(&r, TIMERS);

			switch (rng_below(&r, 8)) {
			case 0:
				del(&x, i);
				break;
			case 1: /* a gap */
				x.now = some_end(&r, x.now) / 2 > x.now ? x.now + 100000
									: x.now + 17;
				break;
			case 2:
				x.now += rng_next(&r) % (1ULL << rng_below(&r, 34));
				break;
			case 3:
				x.now++;
				break;
			default:
				set(&x, i, some_end(&r, x.now));
			}
			if (rng_below(&r, 4) == 0) {
				uint32_t max = 1 + rng_below(&r, 4), n;

				n = (uint32_t)wheel_advance(x.w, x.now, max, on_fire, &x);
				assert_true(n <= max);
			}
			if (rng_below(&r, 4) != 0)
				continue;
			/* A callback may set one that is due at once: until nothing comes. */
			while (wheel_advance(x.w, x.now, 1000, on_fire, &x) > 0)
				continue;
			check_states(&x);
		}
		printf("start %lu: %lu fired\n", starts[s], x.fired);
		assert_true(x.fired > 1000);
		wheel_free(x.w);
	}
}

static void test_to_the_millisecond(void **state)
{
	static const uint64_t ends[] = { 0, 1, 255, 256, 257, 65535, 65536, 16777216, 16777217,
		1ULL << 32 };
	struct run x = { .w = wheel_new(0) };

	(void)state;
	for (uint32_t i = 0; i < DIM(ends); i++)
		set(&x, i, ends[i]);
	for (uint32_t i = 0; i < DIM(ends); i++) {
		if (ends[i] > 0) {
			x.now = ends[i] - 1;
			while (wheel_advance(x.w, x.now, 10, on_fire, &x) > 0)
				continue;
			assert_true(x.twin[i].running);
		}
		x.now = ends[i];
		wheel_advance(x.w, x.now, 10, on_fire, &x);
		assert_false(x.twin[i].running);
	}
	/* Time that steps back fires nothing early. */
	set(&x, 0, x.now + 5);
	assert_int_equal(wheel_advance(x.w, 3, 10, on_fire, &x), 0);
	set(&x, 1, 17); /* has passed */
	assert_int_equal(wheel_advance(x.w, x.now, 10, on_fire, &x), 1);
	assert_true(x.twin[0].running);
	wheel_free(x.w);
}

/* A long sleep with everything due: bounded, nothing is skipped. */
static void test_catching_up(void **state)
{
	struct run x = { .w = wheel_new(1000) };
	uint64_t turns = 0;

	(void)state;
	for (uint32_t i = 0; i < TIMERS; i++)
		set(&x, i, 1000 + 3600000 + i * 977);
	x.now = 1000 + 86400000;
	while (x.fired < TIMERS) {
		size_t n = wheel_advance(x.w, x.now, 7, on_fire, &x);

		assert_true(n <= 7);
		assert_true(++turns < 3 * TIMERS);
	}
	assert_true(turns >= TIMERS / 7);
	wheel_free(x.w);
}

/* Very many come near at the same time: a call sorts no more of them than it may. */
static void test_bounded_sorting(void **state)
{
	enum { N = 100000, MAX = 16 };
	struct run x = { .now = 0 };
	struct twin *many = calloc(N, sizeof(*many));
	struct wheel_timer ***at = calloc(N, sizeof(*at));
	uint64_t calls = 0;

	(void)state;
	x.w = wheel_new(0);
	for (uint32_t i = 0; i < N; i++) {
		many[i] = (struct twin){ .ends = 70000 + i % 200, .running = true };
		wheel_set(x.w, &many[i].t, many[i].ends);
	}
	x.now = 69999;
	while (calls < 2 * N / (8 * MAX)) {
		uint32_t moved = 0;

		for (uint32_t i = 0; i < N && calls < 3; i++)
			at[i] = many[i].t.pprev;
		assert_int_equal(wheel_advance(x.w, x.now, MAX, on_fire, &x), 0);
		/* The one that moves, and its neighbours on both sides of the way. */
		for (uint32_t i = 0; i < N && calls < 3; i++)
			moved += many[i].t.pprev != at[i];
		assert_true(moved <= 3 * 8 * MAX);
		calls++;
	}
	for (x.now = 70000; x.now < 70200; x.now++) {
		size_t n = 0;

		/* It may sort for a while before it fires, and never fires more than asked. */
		for (calls = 0; n < N / 200; calls++) {
			size_t got = wheel_advance(x.w, x.now, MAX, on_fire, &x);

			assert_true(got <= MAX && calls < N / (8 * MAX));
			n += got;
		}
		assert_int_equal(n, N / 200);
	}
	wheel_free(x.w);
	free(at);
	free(many);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_to_the_millisecond),
		cmocka_unit_test(test_catching_up),
		cmocka_unit_test(test_bounded_sorting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
