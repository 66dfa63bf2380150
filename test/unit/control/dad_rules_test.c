/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 4862, 5.4. */
#include "test.h"

#include "control/nd/dad_rules.h"

#define IN_USE true
#define FRESH  false

static const struct {
	const char *name;
	struct dad_rules from;
	enum dad_event ev;
	uint8_t state;
	bool in_use;
	uint32_t actions;
} cases[] = {
	{ "start", { DAD_IDLE, FRESH }, DAD_EV_START, DAD_DELAY, FRESH, DAD_DO_DELAY },
	{ "delay over", { DAD_DELAY, FRESH }, DAD_EV_TIMER, DAD_ASKED, FRESH, DAD_DO_ASK },
	{ "nobody objects", { DAD_ASKED, FRESH }, DAD_EV_TIMER, DAD_UNIQUE, IN_USE, DAD_DO_USE },
	{ "link flaps while asking", { DAD_ASKED, FRESH }, DAD_EV_START, DAD_DELAY, FRESH,
		DAD_DO_DELAY },
	{ "late timer", { DAD_UNIQUE, IN_USE }, DAD_EV_TIMER, DAD_UNIQUE, IN_USE, 0 },

	/* 5.4.3: another one's solicitation */
	{ "before the link", { DAD_IDLE, FRESH }, DAD_EV_NS_UNSPECIFIED, DAD_IDLE, FRESH, 0 },
	{ "other asks first", { DAD_DELAY, FRESH }, DAD_EV_NS_UNSPECIFIED, DAD_DUPLICATE, FRESH,
		DAD_DO_GIVE_UP },
	{ "both ask", { DAD_ASKED, FRESH }, DAD_EV_NS_UNSPECIFIED, DAD_DUPLICATE, FRESH,
		DAD_DO_GIVE_UP },
	{ "resolution of a tentative one", { DAD_ASKED, FRESH }, DAD_EV_NS, DAD_ASKED, FRESH, 0 },
	{ "other asks for ours", { DAD_UNIQUE, IN_USE }, DAD_EV_NS_UNSPECIFIED, DAD_UNIQUE, IN_USE,
		DAD_DO_ANSWER },
	{ "resolution of ours", { DAD_UNIQUE, IN_USE }, DAD_EV_NS, DAD_UNIQUE, IN_USE,
		DAD_DO_ANSWER },

	/* 5.4.4: another one's advertisement */
	{ "other has it, delay", { DAD_DELAY, FRESH }, DAD_EV_NA, DAD_DUPLICATE, FRESH,
		DAD_DO_GIVE_UP },
	{ "other has it", { DAD_ASKED, FRESH }, DAD_EV_NA, DAD_DUPLICATE, FRESH, DAD_DO_GIVE_UP },
	{ "other claims ours", { DAD_UNIQUE, IN_USE }, DAD_EV_NA, DAD_UNIQUE, IN_USE, DAD_DO_WARN },

	/* a duplicate stays one */
	{ "duplicate, start", { DAD_DUPLICATE, FRESH }, DAD_EV_START, DAD_DUPLICATE, FRESH, 0 },
	{ "duplicate, timer", { DAD_DUPLICATE, FRESH }, DAD_EV_TIMER, DAD_DUPLICATE, FRESH, 0 },
	{ "duplicate, ns", { DAD_DUPLICATE, FRESH }, DAD_EV_NS, DAD_DUPLICATE, FRESH, 0 },

	/* the link was away: in use, and asked for again */
	{ "again", { DAD_UNIQUE, IN_USE }, DAD_EV_START, DAD_DELAY, IN_USE, DAD_DO_DELAY },
	{ "again, resolution", { DAD_ASKED, IN_USE }, DAD_EV_NS, DAD_ASKED, IN_USE, DAD_DO_ANSWER },
	{ "again, other asks", { DAD_ASKED, IN_USE }, DAD_EV_NS_UNSPECIFIED, DAD_ASKED, IN_USE,
		DAD_DO_ANSWER },
	{ "again, other has it", { DAD_ASKED, IN_USE }, DAD_EV_NA, DAD_DUPLICATE, FRESH,
		DAD_DO_GIVE_UP },
	{ "again, nobody objects", { DAD_ASKED, IN_USE }, DAD_EV_TIMER, DAD_UNIQUE, IN_USE,
		DAD_DO_USE },
};

static void test_steps(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct dad_rules d = cases[i].from;
		uint32_t actions = dad_rules_step(&d, cases[i].ev);

		if (d.state != cases[i].state || d.in_use != cases[i].in_use ||
			actions != cases[i].actions)
			fail_msg("%s: state %u, in_use %u, actions 0x%x", cases[i].name, d.state,
				d.in_use, actions);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
