/* SPDX-License-Identifier: BSD-3-Clause */
/* What a trace owes to everybody else: it comes back from each call, and it ends. */
#include "test.h"

#include <pthread.h>

#include "fake_watch.h"
#include "host/assemble.h"
#include "host/stream.h"

static struct ctl_req req;
static struct fake_watch fake;
static struct stream *stream;
static struct jw out;

static void begin(uint32_t count)
{
	req = (struct ctl_req){ .cmd = CTL_TRACE };
	req.ask.kind = WATCH_TRACE;
	req.ask.count = count;
	assert_int_equal(stream_new(&req, 2, 1000, &stream), 0);
	req.watch = stream_watch(stream);
	fake = (struct fake_watch){ 0 };
	jw_init(&out, 1 << 20);
}

static void turn_on(void)
{
	assert_true(fake_watch_begin(&fake, &req));
}

/* How many packets were told. */
static uint64_t end(void)
{
	uint64_t told, lost;

	while (stream_end(stream, &out, 1000000))
		jw_reset(&out);
	stream_counts(stream, &told, &lost);
	stream_free(stream);
	jw_done(&out);
	return told;
}

static atomic_bool enough;

/* A packet with one hop after the other, without a pause. */
static void *flood(void *arg)
{
	struct bring *r = ((struct watch *)arg)->lane[0]->ring;
	struct trace_story s = { .leg = { .id = 1, .origin = TRACE_GOES_ON } };
	uint32_t len = sizeof(s.leg) + sizeof(s.hop[0]);

	fake_hop(&s, DP_STAGE_ROUTE, TRACE_TX, 0);
	while (!atomic_load_explicit(&enough, memory_order_relaxed)) {
		uint8_t *p = bring_prepare(r, len);

		if (p == NULL)
			continue;
		s.leg.id++; /* which is work for who reads */
		memcpy(p, &s.leg, sizeof(s.leg));
		memcpy(p + sizeof(s.leg), s.hop, sizeof(s.hop[0]));
		bring_publish(r, bring_at(r));
	}
	return NULL;
}

/* A worker that never pauses: who else talks to hamctl's socket is served all the same. */
static void test_flood(void **state)
{
	pthread_t thread;

	(void)state;
	begin(0);
	turn_on();
	assert_int_equal(pthread_create(&thread, NULL, flood, req.watch), 0);
	while (!stream_pump(stream, &out, 1000)) /* until it has begun */
		continue;
	for (unsigned i = 0; i < 20; i++) {
		(void)stream_pump(stream, &out, 1000);
		jw_reset(&out);
	}
	atomic_store(&enough, true);
	pthread_join(thread, NULL);
	assert_true(end() > 0);
}

/* As many packets as are wanted were chosen, and one was not told: no other comes for it. */
static void test_lost_of_count(void **state)
{
	uint64_t now_ms = 50000;

	(void)state;
	begin(3);
	assert_false(stream_pump(stream, &out, 2000)); /* control has not taken it yet */
	atomic_store(&req.watch->left, 1);
	assert_false(stream_pump(stream, &out, now_ms));
	turn_on();
	fake_trace(&fake); /* two of them */
	assert_true(stream_pump(stream, &out, now_ms));
	(void)stream_pump(stream, &out, now_ms + 4 * ASSEMBLE_WAIT_MS);
	assert_false(watch_is_stopping(req.watch)); /* the third may come at any time */
	atomic_store(&req.watch->left, 0);
	now_ms += 4 * ASSEMBLE_WAIT_MS;
	(void)stream_pump(stream, &out, now_ms);
	assert_true(watch_is_stopping(req.watch));
	assert_int_equal(end(), 2);
}

/* The last ones are on their way between two lcores: they are waited for. */
static void test_last_of_count(void **state)
{
	struct trace_story rx = { .leg = { .id = 7, .origin = TRACE_RECEIVED } };

	(void)state;
	begin(1);
	turn_on();
	atomic_store(&req.watch->left, 0);
	fake_hop(&rx, DP_STAGE_RX, TRACE_VECTOR, V_AGAIN);
	fake_leg(req.watch, 0, &rx);
	assert_true(stream_pump(stream, &out, 50000));
	(void)stream_pump(stream, &out, 50000 + ASSEMBLE_WAIT_MS - 1);
	assert_false(watch_is_stopping(req.watch));
	(void)stream_pump(stream, &out, 50000 + ASSEMBLE_WAIT_MS);
	assert_true(watch_is_stopping(req.watch)); /* it was told as it was */
	assert_int_equal(end(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_lost_of_count),
		cmocka_unit_test(test_last_of_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
