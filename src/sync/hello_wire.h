/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a hello says, as octets: fields of number, length and value, so that a newer release may
 * say more; what is not known is skipped. It is sealed by sync/hello_seal.h. Pure.
 *
 *      BASE      once     versions spoken, boot id, interval, two clocks
 *      ECHO      0, 1     the last hello heard of who this one is for
 *      STATES    once     for each domain that both are in: what I am, what I think you are
 *      PEERS     any      of one such domain: its sites that are up here, and what they are
 *      SETTINGS  0, 1     of one such domain: a number for each setting
 *      LABEL     0, 1     of one such domain: the key of the flow labels of the sender's tunnels
 *
 * PEERS of all domains may not fit into one datagram, SETTINGS and LABEL are of one domain in each:
 * they take turns, and what a field says of its domain holds until the domain's turn comes again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/hello.h"

#define HELLO_WIRE_PAIRS    640 /* sites in all PEERS fields: more do not fit into HELLO_MAX */
#define HELLO_WIRE_SETTINGS 64 /* numbers in SETTINGS; a later release may have more than we do */
#define HELLO_WIRE_WALL_MAX (1ULL << 48) /* milliseconds: one can reckon with it */
#define HELLO_WIRE_UNHEARD  0xff /* hello_state.echo: nothing was heard */

struct hello_state {
	uint32_t domain; /* next_domain() */
	uint8_t says; /* enum next_says */
	uint8_t echo; /* what the receiver was heard to say, or HELLO_WIRE_UNHEARD */
};

struct hello_pair {
	uint8_t node; /* not 0 */
	uint8_t says;
};

struct hello_list {
	uint32_t domain;
	uint16_t first, count; /* in pairs[] */
};

struct hello_msg {
	uint8_t version_min, version_max; /* min <= max */
	uint64_t boot; /* not 0 */
	uint32_t interval_ms; /* HELLO_INTERVAL_MIN..HELLO_INTERVAL_MAX */
	uint64_t sent_ms; /* by the sender's monotonic clock */
	uint64_t wall_ms; /* the time of day, since 1970; at most HELLO_WIRE_WALL_MAX */

	bool has_echo;
	bool hears; /* not only once heard: it is not silent now */
	uint64_t echo_boot, echo_sent_ms; /* as it said */
	uint32_t echo_age_ms; /* since it came */

	struct hello_state states[HELLO_DOMAINS];
	struct hello_list lists[HELLO_DOMAINS];
	struct hello_pair pairs[HELLO_WIRE_PAIRS];
	uint32_t settings[HELLO_WIRE_SETTINGS];
	uint32_t settings_domain;
	uint8_t state_count, list_count;
	uint16_t pair_count;
	uint8_t setting_count; /* 0: no such field */
	uint32_t label_domain;
	uint64_t label_key; /* 0: no such field */
};

/* Octets that it takes; with what is added later. */
size_t hello_wire_size(const struct hello_msg *m);
size_t hello_wire_list_size(unsigned count);

/* Returns octets written, or 0: they do not fit. */
size_t hello_encode(const struct hello_msg *m, uint8_t *buf, size_t cap);
/* 0, or -EBADMSG: cut short, a field twice, a value out of its range. Nothing is kept of buf. */
int hello_decode(const uint8_t *buf, size_t len, struct hello_msg *m);
