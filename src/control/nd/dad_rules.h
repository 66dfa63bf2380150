/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Duplicate address detection of one address (RFC 4862, 5.4), pure: a random wait, one
 * solicitation from the unspecified address, one second without an objection. An address that
 * was in use before its link went away stays in use while it is asked for again (else every
 * flap of a cable would cost two seconds of traffic); it is given up when somebody says that
 * it is his.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define DAD_DELAY_MS 1000 /* MAX_RTR_SOLICITATION_DELAY: the most */
#define DAD_WAIT_MS  1000 /* RetransTimer, after DupAddrDetectTransmits = 1 */

enum dad_state {
	DAD_IDLE,
	DAD_DELAY, /* the random wait */
	DAD_ASKED, /* solicitation sent */
	DAD_UNIQUE,
	DAD_DUPLICATE, /* for ever */
};

struct dad_rules { /* all zero: DAD_IDLE */
	uint8_t state; /* enum dad_state */
	bool in_use; /* was unique before */
};

enum dad_event {
	DAD_EV_START, /* the link is there */
	DAD_EV_TIMER,
	DAD_EV_NS_UNSPECIFIED, /* another one asks from :: whether he may have it */
	DAD_EV_NS, /* somebody wants to resolve it */
	DAD_EV_NA, /* somebody has it */
};

enum dad_action {
	DAD_DO_DELAY = 1, /* start the timer: random, at most DAD_DELAY_MS */
	DAD_DO_ASK = 2, /* solicit, timer after DAD_WAIT_MS */
	DAD_DO_USE = 4, /* it is ours */
	DAD_DO_GIVE_UP = 8, /* it is another one's; stop the timer */
	DAD_DO_ANSWER = 16, /* in use: the solicitation is answered like any other */
	DAD_DO_WARN = 32, /* in use, and another one claims it (5.4.4) */
};

uint32_t dad_rules_step(struct dad_rules *d, enum dad_event ev); /* enum dad_action */
