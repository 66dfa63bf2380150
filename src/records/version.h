/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which of two copies of a record is newer: two orders, never one. What a mobile node said last
 * decides about the content; who answers for it is another matter, and one number for both would
 * let a successor with stale content bury an acknowledged newer registration. Both orders are
 * total and transitive, so that every site merges to the same, whatever came first. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * epoch: raised when the mobile node's own order starts anew (another home agent address, another
 * kind of order). ext_seq: its sequence number without wrapping, or its timestamp. hlc: of the
 * site that made the change, breaks ties and orders what no message caused. node: that site.
 */
struct content_version {
	uint64_t ext_seq;
	uint64_t hlc;
	uint32_t epoch;
	uint8_t node;
};

/* epoch and ext_seq of the Binding Update by which it was claimed; term: raised by takeover, drain,
 * return and by hand, which claim nothing newer; node: the owner. */
#define OWNER_TERM_MAX 0xffffff /* 64 a second for as long as a binding lasts at most */

struct owner_version {
	uint64_t ext_seq;
	uint32_t epoch;
	uint32_t node : 8;
	uint32_t term : 24;
};

/* One owner's words about a content: which of its owners they come from. */
struct owner_term {
	uint32_t node : 8;
	uint32_t term : 24;
};

/* < 0: a is older; 0: equal; > 0: a is newer. */
int content_version_cmp(const struct content_version *a, const struct content_version *b);
int owner_version_cmp(const struct owner_version *a, const struct owner_version *b);
int owner_term_cmp(struct owner_term a, struct owner_term b);

/* The 16-bit sequence number of an accepted Binding Update, unwrapped: the least number above
 * last whose low 16 bits are seq. */
uint64_t version_unwrap(uint64_t last, uint16_t seq);

/*
 * A hybrid logical clock: milliseconds since 1970 and a counter in one number. It does not go back
 * with a clock that is set back a little; but it never stays further than HLC_AHEAD_MS in front of
 * the clock, so that a clock which was once far ahead is forgotten when it is put right. Who needs a
 * number above one that it has seen makes sure of it: hlc_tick() does not. now_ms: the time of day.
 */
#define HLC_COUNTER_BITS 16
#define HLC_AHEAD_MS     500 /* past its own clock nobody follows another's further than this */
#define HLC_MOST         (UINT64_MAX / 2) /* of a record that is believed: the year 6429 */

struct hlc {
	uint64_t last;
};

uint64_t hlc_tick(struct hlc *h, uint64_t now_ms); /* for a change made here */
/* The same, above `above` where that can be: a change of what was changed under it. */
uint64_t hlc_tick_above(struct hlc *h, uint64_t above, uint64_t now_ms);
void hlc_hear(struct hlc *h, uint64_t seen, uint64_t now_ms); /* of a change made elsewhere */
