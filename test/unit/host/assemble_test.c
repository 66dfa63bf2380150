/* SPDX-License-Identifier: BSD-3-Clause */
/* Legs put together: in every order in which two lcores can tell them. */
#include "test.h"

#include "dataplane/dp.h"
#include "host/assemble.h"
#include "rng.h"

#define LEG_HOPS 8

struct leg {
	struct trace_leg leg;
	struct trace_hop hop[LEG_HOPS];
};

static struct assembly *a;

static int set_up(void **state)
{
	const struct watch_filter none = { 0 };

	(void)state;
	return assembly_new(&none, &a);
}

static int tear_down(void **state)
{
	(void)state;
	assembly_free(a);
	return 0;
}

static void filter(struct watch_filter f)
{
	assembly_free(a);
	assert_int_equal(assembly_new(&f, &a), 0);
}

static struct leg leg(uint64_t id, enum trace_origin origin)
{
	return (struct leg){ .leg = {
				     .id = id, .origin = (uint8_t)origin, .port = 1, .queue = 2 } };
}

static struct leg hop(
	struct leg l, uint64_t tsc, unsigned stage, enum trace_door door, unsigned arg)
{
	l.hop[l.leg.hops++] = (struct trace_hop){
		.tsc = tsc, .stage = (uint8_t)stage, .door = (uint8_t)door, .arg = (uint16_t)arg
	};
	return l;
}

static void add(const struct leg *l, uint64_t now_ms)
{
	assembly_add(a, &l->leg, now_ms);
}

static const struct traced *take(void)
{
	return assembly_take(a, 0, false);
}

/* Nothing more comes from any ring. */
static void settle(void)
{
	assembly_round(a);
	assembly_round(a);
}

/* --- one packet --- */

static struct leg received(uint64_t id, uint64_t tsc)
{
	return hop(leg(id, TRACE_RECEIVED), tsc, DP_STAGE_RX, TRACE_VECTOR, V_AGAIN);
}

static void test_sent(void **state)
{
	struct leg in = hop(received(7, 10), 11, DP_STAGE_ROUTE, TRACE_TX, 0);
	struct leg out = hop(leg(7, TRACE_GOES_ON), 12, DP_STAGE_TX, TRACE_WIRE, 0);
	const struct traced *t;
	const char *reason;

	(void)state;
	add(&in, 0);
	settle();
	assert_null(take());
	add(&out, 0);
	assembly_round(a);
	assert_null(take()); /* perhaps another lcore has something to say */
	assembly_round(a);
	t = take();
	assert_non_null(t);
	assert_true(t->is_received && t->is_whole && !t->is_cut);
	assert_int_equal(t->port, 1);
	assert_int_equal(t->queue, 2);
	assert_int_equal(t->hops, 3);
	assert_string_equal(traced_fate(t, &reason), "sent");
	assert_null(reason);
	assert_null(take());
}

/* Its beginning found no room in the ring. */
static void test_no_beginning(void **state)
{
	struct leg out = hop(leg(7, TRACE_GOES_ON), 12, DP_STAGE_TX, TRACE_WIRE, 0);
	const struct traced *t;

	(void)state;
	add(&out, 0);
	settle();
	t = take();
	assert_non_null(t);
	assert_false(t->is_whole || t->is_received);
}

static void test_made(void **state)
{
	struct leg l = hop(hop(leg(9, TRACE_MADE), 1, TRACE_CONTROL, TRACE_SENT, 0), 2,
		DP_STAGE_ROUTE, TRACE_DROP, DP_DROP_PORT_DOWN);
	const struct traced *t;
	const char *reason;

	(void)state;
	add(&l, 0);
	settle();
	t = take();
	assert_non_null(t);
	assert_false(t->is_received);
	assert_string_equal(traced_fate(t, &reason), "dropped");
	assert_string_equal(reason, "port_down");
}

/* What control counted a reason for was dropped, though it was let go in peace. */
static void test_fates(void **state)
{
	static const struct {
		unsigned doors[3];
		unsigned args[3];
		const char *fate, *reason;
	} cases[] = {
		{ { TRACE_TAKEN, TRACE_DONE }, { 0 }, "taken", NULL },
		{ { TRACE_TAKEN, TRACE_COUNTED, TRACE_DONE }, { 0, DP_DROP_MH_TYPE, 0 }, "dropped",
			"mh_type" },
		{ { TRACE_TAKEN, TRACE_COUNTED, TRACE_DROP },
			{ 0, DP_DROP_ICMP6_RATE, DP_DROP_LOCAL_PORT }, "dropped", "local_port" },
		{ { TRACE_TAKEN, TRACE_WAITS }, { 0 }, "waits", NULL },
		{ { TRACE_RESUMED, TRACE_TX }, { 0 }, "sent", NULL },
		{ { TRACE_TAKEN }, { 0 }, "unknown", NULL },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct leg l = leg(1, TRACE_RECEIVED);
		const struct traced *t;
		const char *fate, *reason;

		for (unsigned k = 0; k < 3 && cases[i].doors[k] != 0; k++)
			l = hop(l, k, TRACE_CONTROL, (enum trace_door)cases[i].doors[k],
				cases[i].args[k]);
		add(&l, 0);
		t = assembly_take(a, 0, true);
		assert_non_null(t);
		fate = traced_fate(t, &reason);
		if (strcmp(fate, cases[i].fate) != 0 || (reason == NULL) != !cases[i].reason ||
			(reason != NULL && strcmp(reason, cases[i].reason) != 0))
			fail_msg("%zu: %s %s", i, fate, reason != NULL ? reason : "-");
	}
}

/* What becomes of an answer is not what becomes of the packet. */
static void test_fate_of_answer(void **state)
{
	struct leg in = hop(hop(received(1, 0), 1, TRACE_CONTROL, TRACE_TAKEN, 0), 5, TRACE_CONTROL,
		TRACE_DONE, 0);
	struct leg answer = hop(hop(leg(1, TRACE_CAUSED), 2, TRACE_CONTROL, TRACE_SENT, 0), 3,
		DP_STAGE_ROUTE, TRACE_DROP, DP_DROP_PORT_DOWN);
	const struct traced *t;
	const char *reason;

	(void)state;
	add(&in, 0);
	add(&answer, 0);
	settle();
	t = take();
	assert_non_null(t);
	assert_string_equal(traced_fate(t, &reason), "taken");
	assert_null(reason);
}

/* --- in any order --- */

#define PACKETS 40
#define LANES   2

/* A Binding Update and its answer: worker, control, worker. The leg that comes earlier in time
 * is in its ring earlier. */
static void signalling(uint64_t id, struct leg out[static 5], unsigned lane[static 5])
{
	out[0] = hop(received(id, 10 * id), 10 * id + 1, DP_STAGE_CLASSIFY, TRACE_PUNT,
		DP_PUNT_SIGNALLING);
	out[1] = hop(hop(leg(id, TRACE_CAUSED), 10 * id + 3, TRACE_CONTROL, TRACE_SENT, 0),
		10 * id + 4, DP_STAGE_ROUTE, TRACE_TX, 0);
	out[2] = hop(hop(leg(id, TRACE_GOES_ON), 10 * id + 2, TRACE_CONTROL, TRACE_TAKEN, 0),
		10 * id + 5, TRACE_CONTROL, TRACE_DONE, 0);
	out[3] = hop(leg(id, TRACE_GOES_ON), 10 * id + 6, DP_STAGE_TX, TRACE_RING, 0);
	out[4] = hop(leg(id, TRACE_GOES_ON), 10 * id + 7, DP_STAGE_TX, TRACE_WIRE, 0);
	for (unsigned i = 0; i < 5; i++)
		lane[i] = i == 0 || i == 4 ? 0 : 1;
}

static struct leg queue[LANES][5 * PACKETS];
static unsigned put_n[LANES], got_n[LANES];

static void read_lane(unsigned lane)
{
	while (got_n[lane] < put_n[lane])
		add(&queue[lane][got_n[lane]++], 0);
}

static unsigned check_taken(void)
{
	const struct traced *t;
	unsigned n = 0;

	for (; (t = take()) != NULL; n++) {
		assert_true(t->is_whole);
		assert_int_equal(t->hops, 8);
		for (unsigned i = 1; i < t->hops; i++)
			assert_true(t->hop[i].hop.tsc >= t->hop[i - 1].hop.tsc);
		for (unsigned i = 0; i < t->hops; i++)
			assert_int_equal(t->hop[i].is_answer,
				t->hop[i].hop.door == TRACE_SENT || t->hop[i].hop.door == TRACE_TX);
	}
	return n;
}

/* The reader looks at one ring after the other while both are being written; which is first is
 * not said. */
static unsigned read_on(unsigned *at, unsigned first)
{
	if (*at < LANES) {
		read_lane((*at)++ ^ first);
		return 0;
	}
	*at = 0;
	assembly_round(a);
	return check_taken();
}

static unsigned run_orders(uint64_t *seed, unsigned run)
{
	unsigned packets = 0, at = 0, first = run % LANES;

	memset(put_n, 0, sizeof(put_n));
	memset(got_n, 0, sizeof(got_n));
	for (unsigned p = 0; p < PACKETS; p++) {
		struct leg l[5];
		unsigned lane[5];

		signalling(run * PACKETS + p + 1, l, lane);
		for (unsigned i = 0; i < 5; i++) {
			while (rng_below(seed, 4) == 0)
				packets += read_on(&at, first);
			queue[lane[i]][put_n[lane[i]]++] = l[i];
		}
	}
	for (unsigned i = 0; i < 3 * (LANES + 1); i++)
		packets += read_on(&at, first);
	return packets;
}

static void test_orders(void **state)
{
	uint64_t seed = rng_start("assemble");

	(void)state;
	for (unsigned run = 0; run < 400; run++)
		assert_int_equal(run_orders(&seed, run), PACKETS);
	assert_int_equal(assembly_lost(a), 0);
}

/* --- bounds --- */

static void test_wait(void **state)
{
	struct leg in = hop(received(3, 10), 11, DP_STAGE_ROUTE, TRACE_PUNT, DP_PUNT_RESOLVE);
	const struct traced *t;

	(void)state;
	add(&in, 1000);
	settle();
	assert_null(assembly_take(a, 1000 + ASSEMBLE_WAIT_MS - 1, false));
	t = assembly_take(a, 1000 + ASSEMBLE_WAIT_MS, false);
	assert_non_null(t);
	assert_false(t->is_whole);
	add(&in, 9000);
	t = assembly_take(a, 9000, true); /* the trace is over */
	assert_non_null(t);
}

static void test_cut(void **state)
{
	struct leg in = received(1, 0), l = leg(1, TRACE_GOES_ON);
	struct leg out = hop(leg(1, TRACE_GOES_ON), 99, TRACE_CONTROL, TRACE_DONE, 0);
	const struct traced *t;

	(void)state;
	for (unsigned i = 0; i < LEG_HOPS; i++)
		l = hop(l, i, DP_STAGE_CLASSIFY, TRACE_VECTOR, V_AGAIN);
	add(&in, 0);
	for (unsigned i = 0; i <= ASSEMBLE_HOPS / LEG_HOPS; i++)
		add(&l, 0);
	add(&out, 0);
	t = assembly_take(a, 0, true);
	assert_non_null(t);
	assert_true(t->is_cut && !t->is_whole);
	assert_int_equal(t->hops, ASSEMBLE_HOPS);
}

static void test_full(void **state)
{
	unsigned n = 0;

	(void)state;
	for (uint64_t id = 1; id <= ASSEMBLE_PACKETS + 5; id++) {
		struct leg in = received(id, id);

		add(&in, id);
	}
	assert_int_equal(assembly_lost(a), 5);
	for (const struct traced *t; (t = assembly_take(a, 0, true)) != NULL; n++)
		assert_true(t->hop[0].hop.tsc > 5); /* the oldest ones gave way */
	assert_int_equal(n, ASSEMBLE_PACKETS);
}

/* --- filters that only the end decides --- */

static void test_filters(void **state)
{
	struct leg sent = hop(received(1, 10), 11, DP_STAGE_ROUTE, TRACE_TX, 0);
	struct leg dropped =
		hop(received(2, 10), 11, DP_STAGE_DECAP, TRACE_DROP, DP_DROP_DECAP_LIMIT);
	struct leg counted =
		hop(hop(received(3, 10), 11, TRACE_CONTROL, TRACE_COUNTED, DP_DROP_MH_TYPE), 12,
			TRACE_CONTROL, TRACE_DONE, 0);
	struct leg sent_on =
		hop(hop(received(4, 10), 13, TRACE_CONTROL, TRACE_COUNTED, DP_DROP_ICMP6_RATE), 14,
			DP_STAGE_ROUTE, TRACE_TX, 0);
	const struct {
		struct watch_filter f;
		uint64_t tsc[3]; /* of the last hops that come out */
		unsigned n;
	} cases[] = {
		{ { .dropped = true }, { 11, 12, 14 }, 3 },
		{ { .dropped = true, .has_reason = true, .reason = DP_DROP_DECAP_LIMIT }, { 11 },
			1 },
		{ { .dropped = true, .has_reason = true, .reason = DP_DROP_MH_TYPE }, { 12 }, 1 },
		{ { .dropped = true, .has_reason = true, .reason = DP_DROP_NO_ROUTE }, { 0 }, 0 },
		{ { .has_stage = true, .stage = DP_STAGE_DECAP }, { 11 }, 1 },
		{ { .has_stage = true, .stage = TRACE_CONTROL }, { 12 }, 1 }, /* 4 goes on */
		{ { .dropped = true, .has_stage = true, .stage = DP_STAGE_TX }, { 0 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		const struct traced *t;
		unsigned n = 0;

		filter(cases[i].f);
		add(&sent, 0);
		add(&dropped, 0);
		add(&counted, 0);
		add(&sent_on, 0);
		settle();
		for (; (t = take()) != NULL; n++)
			assert_int_equal(t->hop[t->hops - 1].hop.tsc, cases[i].tsc[n]);
		assert_int_equal(n, cases[i].n);
		/* where only drops count, a frame that is ready has ended; else it has not */
		assert_true(cases[i].f.dropped == (assembly_take(a, 0, true) == NULL) ||
			    cases[i].f.has_stage);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_beginning, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_made, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fates, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fate_of_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_orders, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_filters, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
