/* SPDX-License-Identifier: BSD-3-Clause */
/* The longest turn, by a clock of 1,000 ticks a microsecond and processor time as the test says. */
#include "test.h"

#include "dataplane/turn.h"

#define TICKS 1000ull /* a microsecond */
#define HZ    (1000000 * TICKS)

static void test_rows(void **state)
{
	/* One turn behind the other. */
	static const struct {
		const char *name;
		uint64_t idle_us, took_us, ran_us; /* idle: between it and the turn before, ran */
		bool is_asked;
		uint64_t longest_us, cpu_us; /* since the start */
	} rows[] = {
		{ "the first", 0, 20, 20, true, 20, 20 },
		{ "a shorter one", 0, 15, 15, false, 20, 20 },
		{ "as long", 0, 20, 20, false, 20, 20 },
		{ "longer, with what ran since it was asked", 0, 60, 50, true, 60, 60 },
		{ "preempted", 0, 9000, 30, true, 9000, 60 },
		{ "longer than the longest that ran", 0, 100, 80, true, 9000, 80 },
		{ "it is time", 240, 10, 10, true, 9000, 80 },
		{ "short ones add up until then", 200, 10, 10, false, 9000, 80 },
		{ "but to no more than a turn took", 30, 10, 10, true, 9000, 80 },
		{ "never too little", 0, 3000, 3000, true, 9000, 3000 },
		{ "no more than so much too much", 249, 4000, 3500, true, 9000, 3749 },
	};
	struct turns t = { .hz = HZ };
	uint64_t tsc = 77, cpu_ns = 5000;

	(void)state;
	t.cpu_tsc = tsc;
	t.cpu_ns = cpu_ns;
	for (size_t i = 0; i < DIM(rows); i++) {
		uint64_t cycles = rows[i].took_us * TICKS;
		bool asked;

		tsc += rows[i].idle_us * TICKS + cycles;
		cpu_ns += (rows[i].idle_us + rows[i].ran_us) * 1000;
		turn_took(&t, cycles);
		asked = turn_wants_cpu(&t, cycles, tsc);
		if (asked)
			turn_cpu(&t, cycles, tsc, cpu_ns);
		if (asked != rows[i].is_asked ||
			turn_us(&t, t.longest_cycles) != rows[i].longest_us ||
			t.longest_cpu_us != rows[i].cpu_us)
			fail_msg("%s: asked %d, longest %llu us, %llu of processor", rows[i].name,
				asked, (unsigned long long)turn_us(&t, t.longest_cycles),
				(unsigned long long)t.longest_cpu_us);
	}
}

/* The longest of each part, and which part made the longest turn. */
static void test_parts(void **state)
{
	static const struct {
		uint64_t packets_us, engine_us, send_us;
		enum turn_part mostly; /* of the longest turn so far */
	} turns[] = {
		{ 10, 300, 20, TURN_ENGINE },
		{ 200, 5, 0, TURN_ENGINE }, /* a shorter turn */
		{ 100, 150, 400, TURN_SEND },
		{ 251, 250, 250, TURN_PACKETS },
	};
	struct turns t = { .hz = HZ };
	uint64_t tsc = 77, begin, cpu_ns = 0;

	(void)state;
	for (size_t i = 0; i < DIM(turns); i++) {
		begin = tsc;
		turn_begins(&t, tsc);
		turn_part(&t, TURN_PACKETS, tsc += turns[i].packets_us * TICKS);
		turn_part(&t, TURN_ENGINE, tsc += turns[i].engine_us * TICKS);
		turn_part(&t, TURN_SEND, tsc += turns[i].send_us * TICKS);
		cpu_ns += (tsc - begin) / TICKS * 1000;
		turn_cpu(&t, tsc - begin, tsc, cpu_ns);
		assert_int_equal(t.cpu_part, turns[i].mostly);
	}
	assert_int_equal(turn_us(&t, t.part_cycles[TURN_PACKETS]), 251);
	assert_int_equal(turn_us(&t, t.part_cycles[TURN_ENGINE]), 300);
	assert_int_equal(turn_us(&t, t.part_cycles[TURN_SEND]), 400);
	assert_int_equal(t.part_cycles[TURN_STORE], 0);
	for (unsigned i = 0; i < TURN_PARTS; i++) {
		assert_non_null(turn_part_name(i));
		assert_non_null(turn_part_help(i));
	}
}

/* An hour by a fast clock is no small number. */
static void test_hour(void **state)
{
	struct turns t = { .hz = 5000000000 };

	(void)state;
	assert_int_equal(turn_us(&t, 3600 * t.hz), 3600000000u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
