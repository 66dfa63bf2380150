/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

/* Standard error goes somewhere else between capture() and captured(); no assertion in
 * between, cmocka writes there too. */
static int saved_stderr = -1;

static void capture(int to)
{
	saved_stderr = dup(STDERR_FILENO);
	dup2(to, STDERR_FILENO);
}

static void restore(void)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
}

static FILE *capture_file(void)
{
	FILE *f = tmpfile();

	assert_non_null(f);
	capture(fileno(f));
	return f;
}

/* All that was written, the caller frees it. */
static char *captured(FILE *f)
{
	restore();
	long n = lseek(fileno(f), 0, SEEK_END);
	char *s = calloc(1, (size_t)n + 1);

	assert_non_null(s);
	assert_int_equal(pread(fileno(f), s, (size_t)n, 0), n);
	fclose(f);
	return s;
}

static void assert_captured(FILE *f, const char *want)
{
	char *s = captured(f);

	assert_string_equal(s, want);
	free(s);
}

static void write_some(void)
{
	log_err("a", "one x=%d", 1);
	log_warn("b", "two");
	log_info("c", "three\nfour\x1b[2J");
	log_debug("d", "not at this level");
	log_set_level(LOG_DEBUG);
	log_debug("d", "now");
	log_set_level(LOG_ERR);
	log_warn("e", "no more");
	assert_true(log_set_level_name("debug"));
	assert_int_equal(log_get_level(), LOG_DEBUG);
	assert_true(log_set_level_name("err"));
	assert_int_equal(log_get_level(), LOG_ERR);
	assert_false(log_set_level_name("debug "));
	assert_false(log_set_level_name("deb"));
	assert_false(log_set_level_name(""));
	assert_int_equal(log_get_level(), LOG_ERR);
	log_set_level(LOG_INFO);
}

#define SOME "err a: one x=1\nwarn b: two\ninfo c: three?four?[2J\ndebug d: now\n"

static void test_direct(void **state)
{
	FILE *f = capture_file();

	(void)state;
	write_some();
	assert_captured(f, SOME);
}

static void test_started(void **state)
{
	FILE *f = capture_file();
	int ret = log_start();
	int again = log_start();

	(void)state;
	write_some();
	log_stop();
	log_info("after", "stop");
	log_stop();
	assert_captured(f, SOME "info after: stop\n");
	assert_int_equal(ret, 0);
	assert_int_equal(again, -EALREADY);
}

static void test_journal(void **state)
{
	FILE *f = capture_file();

	(void)state;
	log_set_journal(true);
	log_err("a", "x");
	log_info("b", "y");
	log_set_journal(false);
	assert_captured(f, "<3>a: x\n<6>b: y\n");
}

static void test_errno(void **state)
{
	int full = open("/dev/full", O_WRONLY), before, after;

	(void)state;
	assert_true(full >= 0);
	capture(full);
	errno = EDOM;
	log_err("a", "write fails");
	before = errno;
	restore();
	close(full);
	FILE *f = capture_file();

	log_start();
	errno = ERANGE;
	log_err("a", "queued");
	after = errno;
	log_stop();
	assert_captured(f, "err a: queued\n");
	assert_int_equal(before, EDOM);
	assert_int_equal(after, ERANGE);
}

static void test_long(void **state)
{
	char text[2 * LOG_LINE_MAX], want[LOG_LINE_MAX + 1] = "info t: ";

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (size_t n = strlen(want); n < LOG_LINE_MAX - 5; n++)
		want[n] = 'x';
	memcpy(want + LOG_LINE_MAX - 5, "...\n", 5);

	FILE *f = capture_file();

	log_info("t", "%s", text);
	assert_captured(f, want);

	/* The longest that is whole. */
	text[LOG_LINE_MAX - 2 - strlen("info t: ")] = '\0';
	f = capture_file();
	log_info("t", "%s", text);
	char *s = captured(f);

	assert_int_equal(strlen(s), LOG_LINE_MAX - 1);
	assert_string_equal(s + strlen(s) - 2, "x\n");
	free(s);
}

#define PRODUCERS 4
#define LINES     200 /* all of them fit the queue: none may be lost */

static void *produce(void *arg)
{
	for (unsigned i = 0; i < LINES; i++)
		log_info("p", "from=%u line=%u", *(unsigned *)arg, i);
	return NULL;
}

static void test_producers(void **state)
{
	pthread_t thread[PRODUCERS];
	unsigned id[PRODUCERS], next[PRODUCERS] = { 0 }, lines = 0;
	uint64_t lost = log_lost();

	(void)state;
	for (unsigned round = 0; round < 20; round++) {
		FILE *f = capture_file();

		log_start();
		for (unsigned i = 0; i < PRODUCERS; i++) {
			id[i] = i;
			pthread_create(&thread[i], NULL, produce, &id[i]);
		}
		for (unsigned i = 0; i < PRODUCERS; i++)
			pthread_join(thread[i], NULL);
		log_stop();
		char *s = captured(f), *save = NULL;

		memset(next, 0, sizeof(next));
		lines = 0;
		for (char *l = strtok_r(s, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
			unsigned from, line;
			int end = 0;

			if (sscanf(l, "info p: from=%u line=%u%n", &from, &line, &end) != 2 ||
				l[end] != '\0' || from >= PRODUCERS || line != next[from]++)
				fail_msg("unexpected line: %s", l);
			lines++;
		}
		free(s);
		assert_int_equal(lines, PRODUCERS * LINES);
	}
	assert_int_equal(log_lost(), lost);
}

/* Wakes up by itself: a line is written while nothing else happens. */
static void test_wakes(void **state)
{
	int p[2];
	char buf[64] = "";
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(p), 0);
	capture(p[1]);
	log_start();
	for (unsigned i = 0; i < 50; i++) {
		usleep(i * 40); /* asleep, falling asleep, awake */
		log_info("w", "up");
		n = read(p[0], buf, sizeof(buf) - 1);
		if (n != 11)
			break;
	}
	log_stop();
	restore();
	close(p[0]);
	close(p[1]);
	assert_int_equal(n, 11);
	assert_string_equal(buf, "info w: up\n");
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* A pipe that nobody reads: producers go on, lines are lost and counted, log_stop() returns. */
static void test_stuck(void **state)
{
	uint64_t lost = log_lost(), start = now_ms(), wrote, stopped;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	capture(p[1]);
	log_start();
	for (unsigned i = 0; i < 20000; i++)
		log_info("s", "stuck line=%u", i);
	wrote = now_ms();
	lost = log_lost() - lost;
	log_stop();
	stopped = now_ms();
	restore();
	close(p[0]);
	close(p[1]);
	assert_true(wrote - start < 5000);
	assert_true(stopped - wrote < 5000);
	assert_true(lost > 10000);
}

static void test_says_lost(void **state)
{
	int p[2];
	char *all = calloc(1, 1 << 20);
	size_t n = 0;
	ssize_t got;

	(void)state;
	assert_int_equal(pipe(p), 0);
	capture(p[1]);
	log_start();
	for (unsigned i = 0; i < 20000; i++)
		log_info("s", "line=%u", i);
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	for (unsigned idle = 0; idle < 100; idle++) {
		while ((got = read(p[0], all + n, (1 << 20) - 1 - n)) > 0)
			n += (size_t)got;
		if (strstr(all, "lost") != NULL)
			break;
		usleep(10000);
	}
	log_stop();
	restore();
	close(p[0]);
	close(p[1]);
	assert_non_null(strstr(all, "info s: line=0\n"));
	assert_non_null(strstr(all, "\nwarn log: queue full, lines lost count="));
	free(all);
}

static void test_rate_limit(void **state)
{
	struct log_rl rl = LOG_RL_INIT;
	uint32_t suppressed = 77;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		assert_true(log_rl_pass(&rl, 3, &suppressed));
		assert_int_equal(suppressed, 0);
	}
	for (unsigned i = 0; i < 7; i++)
		assert_false(log_rl_pass(&rl, 5002, &suppressed));
	assert_true(log_rl_pass(&rl, 5003, &suppressed));
	assert_int_equal(suppressed, 7);
	assert_true(log_rl_pass(&rl, 5003, &suppressed));
	assert_int_equal(suppressed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_started),
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_errno),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_producers),
		cmocka_unit_test(test_wakes),
		cmocka_unit_test(test_stuck),
		cmocka_unit_test(test_says_lost),
		cmocka_unit_test(test_rate_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
