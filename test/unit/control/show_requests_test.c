/* SPDX-License-Identifier: BSD-3-Clause */
/* How requests of hamctl are kept, refused and written, whatever they ask for. */
#include "show_lab.h"

/* --- the rest --- */

/* Nobody takes the answers: the next one waits, and nothing is lost. */
static void test_answers_pile_up(void **state)
{
	struct ctl_req req[RING];
	void *back;

	(void)state;
	for (unsigned i = 0; i < RING; i++)
		req[i] = request(CTL_SHOW_VERSION);
	for (unsigned i = 0; i < RING; i++) {
		assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &req[i]), 0);
		show_run(&t.ctl);
		show_run(&t.ctl);
	}
	assert_ptr_equal(t.ctl.current, &req[RING - 1]); /* a ring holds one less than its size */
	for (unsigned i = 0; i < RING; i++) {
		assert_int_equal(rte_ring_dequeue(t.ctl.answered, &back), 0);
		assert_ptr_equal(back, &req[i]);
		show_run(&t.ctl);
		assert_int_equal(lines_of(&req[i].out, 0), 1);
		jw_done(&req[i].out);
	}
}

static struct ctl_req watch_request(enum ctl_cmd cmd, const char *port)
{
	struct watch_opts opts = { .kind = cmd == CTL_TRACE ? WATCH_TRACE : WATCH_CAPTURE };
	struct ctl_req req = request(cmd);

	assert_int_equal(watch_new(&opts, &req.watch), 0);
	snprintf(req.port, sizeof(req.port), "%s", port);
	return req;
}

static void *next_answer(void)
{
	void *back = NULL;

	show_run(&t.ctl);
	watch_run(&t.ctl);
	(void)rte_ring_dequeue(t.ctl.answered, &back);
	return back;
}

/* A trace is kept until it is to end and no worker sees it; others are answered meanwhile. */
static void test_watch(void **state)
{
	struct ctl_req trace = watch_request(CTL_TRACE, "wan"),
		       capture = watch_request(CTL_CAPTURE, ""), other = request(CTL_SHOW_VERSION);

	(void)state;
	watches_off = 0;
	watch_is_off = false;
	watch_on_returns = 0;
	assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &trace), 0);
	assert_null(next_answer());
	assert_int_equal(watch_port, 0);
	assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &capture), 0);
	assert_null(next_answer());
	assert_int_equal(watch_port, WATCH_NO_PORT);
	assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &other), 0);
	assert_ptr_equal(next_answer(), &other);
	assert_int_equal(watches_off, 0);
	watch_stop(trace.watch);
	for (unsigned i = 0; i < 3; i++)
		assert_null(next_answer());
	assert_int_equal(watches_off, 1);
	watch_is_off = true;
	assert_ptr_equal(next_answer(), &trace);
	assert_true(trace.done && trace.status == 0);
	assert_null(next_answer());
	watch_stop(capture.watch);
	assert_ptr_equal(next_answer(), &capture);
	assert_int_equal(watches_off, 2);
	watch_free(trace.watch);
	watch_free(capture.watch);
	jw_done(&other.out);
}

static void test_watch_refused(void **state)
{
	struct ctl_req req = watch_request(CTL_TRACE, "lan");

	(void)state;
	assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &req), 0);
	assert_ptr_equal(next_answer(), &req);
	assert_true(req.done);
	assert_int_equal(req.status, -ENOENT);
	assert_string_equal(req.error, "no such port: lan");
	req.port[0] = '\0';
	req.done = false;
	watch_on_returns = -EBUSY;
	assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &req), 0);
	assert_ptr_equal(next_answer(), &req);
	assert_int_equal(req.status, -EBUSY);
	assert_string_equal(req.error, "a trace is running already: one at a time");
	watch_on_returns = 0;
	watch_free(req.watch);
}

/* No memory for the answer: it ends, and says that it is not whole. */
static void test_no_memory(void **state)
{
	struct ctl_req req = { .cmd = CTL_SHOW_COUNTERS };
	void *back;

	(void)state;
	jw_init(&req.out, 100);
	assert_int_equal(rte_ring_enqueue(t.ctl.submitted, &req), 0);
	assert_true(show_run(&t.ctl));
	assert_int_equal(rte_ring_dequeue(t.ctl.answered, &back), 0);
	assert_true(req.done && req.out.failed);
	jw_done(&req.out);
}

static uint64_t real_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* A moment has one second, whatever part of another one has passed since. */
static void test_time(void **state)
{
	struct jw w;

	(void)state;
	jw_init(&w, 4096);
	for (unsigned part = 100; part < 1000; part += 100) {
		uint64_t now, second;
		char want[64];
		time_t t0;

		do { /* until nothing came between the two clocks */
			now = real_ms();
			second = now / 1000 - 5;
			jw_reset(&w);
			jw_object(&w, NULL);
			show_time(&w, "at", now - (1000 * second + part));
			jw_end(&w, '}');
		} while (real_ms() - now > 50);
		t0 = (time_t)second;
		strftime(want, sizeof(want), "{\"at\":\"%Y-%m-%dT%H:%M:%SZ\"}", gmtime(&t0));
		assert_int_equal(w.len, strlen(want));
		assert_memory_equal(w.buf, want, w.len);
	}
	jw_done(&w);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time),
		TEST(test_answers_pile_up),
		TEST(test_watch),
		TEST(test_watch_refused),
		TEST(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
