/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 4861, 7.2.3, 7.2.5, 7.3.3 and the tables of appendix C, line by line. */
#include "test.h"

#include "control/nd/rules.h"

#define OLD 0xa1 /* the address that the entry has */
#define NEW 0xb2 /* another one */

#define GROUP ND_DO_ASK_GROUP
#define ASK   ND_DO_ASK
#define PUB   ND_DO_PUBLISH
#define CONF  ND_DO_CONFIRM
#define QUEUE ND_DO_SEND_QUEUE
#define FAIL  ND_DO_FAIL
#define STOP  ND_TIMER_STOP

#define REACH_MS 17000

/* Events: mac 0 = no link-layer option. */
#define NS(m)                                                                                      \
	{                                                                                          \
		ND_EV_NS, (m) != 0, false, false,                                                  \
		{                                                                                  \
			m                                                                          \
		}                                                                                  \
	}
#define NA(m, s, o)                                                                                \
	{                                                                                          \
		ND_EV_NA, (m) != 0, s, o, { m }, REACH_MS                                          \
	}
#define EV(t)                                                                                      \
	{                                                                                          \
		ND_EV_##t                                                                          \
	}
#define ST(s, n)                                                                                   \
	{                                                                                          \
		ND_##s, n,                                                                         \
		{                                                                                  \
			OLD                                                                        \
		}                                                                                  \
	}

static const struct {
	const char *name;
	struct nd_entry from;
	struct nd_event ev;
	struct { /* afterwards */
		uint8_t state, solicits, mac;
		uint32_t actions, timer_ms;
	} to;
} cases[] = {
	/* resolution (7.2.2) */
	{ "first packet", { ND_NONE }, EV(NEED), { ND_INCOMPLETE, 1, 0, GROUP, 1000 } },
	{ "packet to one that failed", ST(FAILED, 0), EV(NEED),
		{ ND_INCOMPLETE, 1, OLD, GROUP, 1000 } },
	{ "packet while asking", ST(INCOMPLETE, 1), EV(NEED), { ND_INCOMPLETE, 1, OLD, 0, 0 } },
	{ "packet after a race", ST(REACHABLE, 0), EV(NEED), { ND_REACHABLE, 0, OLD, QUEUE, 0 } },
	{ "packet to a stale one", ST(STALE, 0), EV(NEED),
		{ ND_DELAY, 0, OLD, PUB | QUEUE, 5000 } },
	{ "packet while probing", ST(PROBE, 2), EV(NEED), { ND_PROBE, 2, OLD, QUEUE, 0 } },
	{ "second solicitation", ST(INCOMPLETE, 1), EV(TIMER),
		{ ND_INCOMPLETE, 2, OLD, GROUP, 1000 } },
	{ "third solicitation", ST(INCOMPLETE, 2), EV(TIMER),
		{ ND_INCOMPLETE, 3, OLD, GROUP, 1000 } },
	{ "no answer to three", ST(INCOMPLETE, 3), EV(TIMER),
		{ ND_FAILED, 0, OLD, FAIL | PUB, STOP } },

	/* unreachability detection (7.3.3) */
	{ "confirmation gets old", ST(REACHABLE, 0), EV(TIMER), { ND_STALE, 0, OLD, PUB, STOP } },
	{ "stale one is used", ST(STALE, 0), EV(USED), { ND_DELAY, 0, OLD, PUB, 5000 } },
	{ "reachable one is used", ST(REACHABLE, 0), EV(USED), { ND_REACHABLE, 0, OLD, 0, 0 } },
	{ "used again in delay", ST(DELAY, 0), EV(USED), { ND_DELAY, 0, OLD, 0, 0 } },
	{ "nobody confirmed", ST(DELAY, 0), EV(TIMER), { ND_PROBE, 1, OLD, ASK, 1000 } },
	{ "second probe", ST(PROBE, 1), EV(TIMER), { ND_PROBE, 2, OLD, ASK, 1000 } },
	{ "third probe", ST(PROBE, 2), EV(TIMER), { ND_PROBE, 3, OLD, ASK, 1000 } },
	{ "no answer to three probes", ST(PROBE, 3), EV(TIMER),
		{ ND_FAILED, 0, OLD, FAIL | PUB, STOP } },
	{ "late timer, stale", ST(STALE, 0), EV(TIMER), { ND_STALE, 0, OLD, 0, 0 } },
	{ "late timer, failed", ST(FAILED, 0), EV(TIMER), { ND_FAILED, 0, OLD, 0, 0 } },

	/* solicitations received (7.2.3) */
	{ "ns makes an entry", { ND_NONE }, NS(NEW), { ND_STALE, 0, NEW, PUB, STOP } },
	{ "ns without address", { ND_NONE }, NS(0), { ND_NONE, 0, 0, 0, 0 } },
	{ "ns revives", ST(FAILED, 0), NS(NEW), { ND_STALE, 0, NEW, PUB, STOP } },
	{ "ns resolves", ST(INCOMPLETE, 2), NS(NEW), { ND_STALE, 0, NEW, PUB | QUEUE, STOP } },
	{ "ns, incomplete had none but looks equal", ST(INCOMPLETE, 2), NS(OLD),
		{ ND_STALE, 0, OLD, PUB | QUEUE, STOP } },
	{ "ns, other address, reachable", ST(REACHABLE, 0), NS(NEW),
		{ ND_STALE, 0, NEW, PUB, STOP } },
	{ "ns, other address, probe", ST(PROBE, 2), NS(NEW), { ND_STALE, 0, NEW, PUB, STOP } },
	{ "ns, same address", ST(REACHABLE, 0), NS(OLD), { ND_REACHABLE, 0, OLD, 0, 0 } },
	{ "ns, same address, probe", ST(PROBE, 2), NS(OLD), { ND_PROBE, 2, OLD, 0, 0 } },
	{ "ns without address, reachable", ST(REACHABLE, 0), NS(0),
		{ ND_REACHABLE, 0, OLD, 0, 0 } },

	/* advertisements: never make an entry */
	{ "na, no entry", { ND_NONE }, NA(NEW, true, true), { ND_NONE, 0, 0, 0, 0 } },
	{ "na, unsolicited, no entry", { ND_NONE }, NA(NEW, false, true), { ND_NONE, 0, 0, 0, 0 } },
	{ "na, failed", ST(FAILED, 0), NA(NEW, true, true), { ND_FAILED, 0, OLD, 0, 0 } },

	/* advertisements, incomplete */
	{ "inc s=1", ST(INCOMPLETE, 1), NA(NEW, true, true),
		{ ND_REACHABLE, 0, NEW, PUB | CONF | QUEUE, REACH_MS } },
	{ "inc s=1 o=0", ST(INCOMPLETE, 1), NA(NEW, true, false),
		{ ND_REACHABLE, 0, NEW, PUB | CONF | QUEUE, REACH_MS } },
	{ "inc s=0", ST(INCOMPLETE, 1), NA(NEW, false, false),
		{ ND_STALE, 0, NEW, PUB | QUEUE, STOP } },
	{ "inc s=0 o=1", ST(INCOMPLETE, 1), NA(NEW, false, true),
		{ ND_STALE, 0, NEW, PUB | QUEUE, STOP } },
	{ "inc without address", ST(INCOMPLETE, 1), NA(0, true, true),
		{ ND_INCOMPLETE, 1, OLD, 0, 0 } },

	/* override clear, another address: (I) */
	{ "reach s=1 o=0 other", ST(REACHABLE, 0), NA(NEW, true, false),
		{ ND_STALE, 0, OLD, PUB, STOP } },
	{ "reach s=0 o=0 other", ST(REACHABLE, 0), NA(NEW, false, false),
		{ ND_STALE, 0, OLD, PUB, STOP } },
	{ "stale s=1 o=0 other", ST(STALE, 0), NA(NEW, true, false), { ND_STALE, 0, OLD, 0, 0 } },
	{ "delay s=1 o=0 other", ST(DELAY, 0), NA(NEW, true, false), { ND_DELAY, 0, OLD, 0, 0 } },
	{ "probe s=1 o=0 other", ST(PROBE, 2), NA(NEW, true, false), { ND_PROBE, 2, OLD, 0, 0 } },
	{ "probe s=0 o=0 other", ST(PROBE, 2), NA(NEW, false, false), { ND_PROBE, 2, OLD, 0, 0 } },

	/* override set, another address */
	{ "reach s=1 o=1 other", ST(REACHABLE, 0), NA(NEW, true, true),
		{ ND_REACHABLE, 0, NEW, PUB | CONF, REACH_MS } },
	{ "reach s=0 o=1 other", ST(REACHABLE, 0), NA(NEW, false, true),
		{ ND_STALE, 0, NEW, PUB, STOP } },
	{ "stale s=0 o=1 other", ST(STALE, 0), NA(NEW, false, true),
		{ ND_STALE, 0, NEW, PUB, STOP } },
	{ "delay s=0 o=1 other", ST(DELAY, 0), NA(NEW, false, true),
		{ ND_STALE, 0, NEW, PUB, STOP } },
	{ "probe s=1 o=1 other", ST(PROBE, 3), NA(NEW, true, true),
		{ ND_REACHABLE, 0, NEW, PUB | CONF, REACH_MS } },
	{ "probe s=0 o=1 other", ST(PROBE, 3), NA(NEW, false, true),
		{ ND_STALE, 0, NEW, PUB, STOP } },

	/* the same address, or none in the message: (II) */
	{ "reach s=1 same", ST(REACHABLE, 0), NA(OLD, true, false),
		{ ND_REACHABLE, 0, OLD, PUB | CONF, REACH_MS } },
	{ "stale s=1 same", ST(STALE, 0), NA(OLD, true, false),
		{ ND_REACHABLE, 0, OLD, PUB | CONF, REACH_MS } },
	{ "delay s=1 none", ST(DELAY, 0), NA(0, true, false),
		{ ND_REACHABLE, 0, OLD, PUB | CONF, REACH_MS } },
	{ "probe s=1 none o=1", ST(PROBE, 3), NA(0, true, true),
		{ ND_REACHABLE, 0, OLD, PUB | CONF, REACH_MS } },
	{ "stale s=0 same", ST(STALE, 0), NA(OLD, false, true), { ND_STALE, 0, OLD, 0, 0 } },
	{ "reach s=0 same", ST(REACHABLE, 0), NA(OLD, false, true),
		{ ND_REACHABLE, 0, OLD, 0, 0 } },
	{ "probe s=0 same", ST(PROBE, 2), NA(OLD, false, false), { ND_PROBE, 2, OLD, 0, 0 } },
	{ "probe s=0 none", ST(PROBE, 2), NA(0, false, true), { ND_PROBE, 2, OLD, 0, 0 } },

	/* the link was away */
	{ "recheck reachable", ST(REACHABLE, 0), EV(RECHECK),
		{ ND_PROBE, 1, OLD, ASK | PUB, 1000 } },
	{ "recheck stale", ST(STALE, 0), EV(RECHECK), { ND_PROBE, 1, OLD, ASK | PUB, 1000 } },
	{ "recheck probe", ST(PROBE, 2), EV(RECHECK), { ND_PROBE, 2, OLD, 0, 0 } },
	{ "recheck incomplete", ST(INCOMPLETE, 2), EV(RECHECK), { ND_INCOMPLETE, 2, OLD, 0, 0 } },
	{ "recheck failed", ST(FAILED, 0), EV(RECHECK), { ND_FAILED, 0, OLD, 0, 0 } },
};

static void test_steps(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct nd_entry e = cases[i].from;
		struct nd_verdict v = nd_rules_step(&e, &cases[i].ev);

		if (e.state != cases[i].to.state || e.solicits != cases[i].to.solicits ||
			e.mac[0] != cases[i].to.mac)
			fail_msg("%s: %s, %u solicitations, mac %02x", cases[i].name,
				nd_state_name((enum nd_state)e.state), e.solicits, e.mac[0]);
		if (v.actions != cases[i].to.actions || v.timer_ms != cases[i].to.timer_ms)
			fail_msg(
				"%s: actions 0x%x, timer %u", cases[i].name, v.actions, v.timer_ms);
	}
}

/* A neighbour that never answers costs three solicitations and three seconds; one that is gone
 * is asked three times directly. */
static void test_lives(void **state)
{
	const struct nd_event need = EV(NEED), used = EV(USED), timer = EV(TIMER);
	const struct nd_event na = NA(OLD, true, true);
	struct nd_entry e = { 0 };
	uint32_t asked = 0, ms = 0;
	struct nd_verdict v = nd_rules_step(&e, &need);

	(void)state;
	for (; !(v.actions & ND_DO_FAIL); v = nd_rules_step(&e, &timer)) {
		assert_true(v.actions & ND_DO_ASK_GROUP);
		asked++;
		ms += v.timer_ms;
	}
	assert_int_equal(asked, 3);
	assert_int_equal(ms, 3000);

	nd_rules_step(&e, &need);
	nd_rules_step(&e, &na);
	nd_rules_step(&e, &timer);
	v = nd_rules_step(&e, &used);
	asked = 0;
	ms = 0;
	for (; !(v.actions & ND_DO_FAIL); v = nd_rules_step(&e, &timer)) {
		assert_true(nd_has_mac(&e));
		asked += (v.actions & ND_DO_ASK) != 0;
		ms += v.timer_ms;
	}
	assert_int_equal(asked, 3);
	assert_int_equal(ms, 8000);
	assert_false(nd_has_mac(&e));
}

static void test_names(void **state)
{
	(void)state;
	for (enum nd_state s = 0; s < ND_STATE_COUNT; s++)
		assert_non_null(nd_state_name(s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_lives),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
