/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Home agents that are perfect by magic, all of them one table, but for one mistake of choice: what
 * the oracle says of these shows whether the oracle is any good. Used by the self-test alone.
 */
#pragma once

#include "site.h"

/* X(id, name, what is wrong) */
#define FAKE_LIST(X)                                                                               \
	X(PERFECT, "perfect", "nothing")                                                           \
	X(LOSES, "loses", "a site that crashes takes with it what it accepted")                    \
	X(OLD_WINS, "old-wins", "any Binding Update is accepted, old ones too")                    \
	X(WRONG_COA, "wrong-coa", "packets follow a mobile node one move late")                    \
	X(STRANGE_COA, "strange-coa", "a packet goes to another mobile node's care-of address")    \
	X(WRONG_SOURCE, "wrong-source", "tunnels begin at the site's own address")                 \
	X(WRONG_ANSWER, "wrong-answer", "answers come from the site's own address")                \
	X(LOOP, "loop", "packets are relayed round the sites")                                     \
	X(BOUNCE, "bounce", "a packet is relayed back to where it came from")                      \
	X(EARLY, "early", "a binding ends after half its time")                                    \
	X(NEVER, "never", "a binding never ends")                                                  \
	X(OPEN, "open", "a tunnel is opened whoever its source is")                                \
	X(UNDEAD, "undead", "a de-registration is acknowledged and ignored")                       \
	X(SWALLOWS, "swallows", "now and then a packet is forgotten")                              \
	X(DIFFERS, "differs", "two sites say different things of the same domain")                 \
	X(SLEEPY, "sleepy", "a restarted site is never ready")                                     \
	X(GREEDY, "greedy", "memory grows with every packet")

enum fake {
#define X(id, name, what) FAKE_##id,
	FAKE_LIST(X)
#undef X
		FAKE_COUNT
};

/* The mistake of the worlds that begin from now on. */
void fake_choose(enum fake mistake);
const char *fake_name(enum fake mistake);
extern const struct site_kind fake_kind;
