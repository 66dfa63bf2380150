/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One neighbour's life (RFC 4861, 7.2 and 7.3) as a pure state machine: an event changes the
 * entry, what is to be done about it comes back as data. Reachability is confirmed by solicited
 * advertisements only: a router hears nothing from upper layers. An entry is made by us (a packet
 * needs it, or a solicitation told us its address), never by an advertisement.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* RFC 4861, 10 */
#define ND_RETRANS_MS            1000 /* RetransTimer */
#define ND_MAX_MULTICAST_SOLICIT 3
#define ND_MAX_UNICAST_SOLICIT   3
#define ND_REACHABLE_MS          30000 /* REACHABLE_TIME; 0.5 to 1.5 of it are used (6.3.2) */
#define ND_DELAY_MS              5000 /* DELAY_FIRST_PROBE_TIME */

enum nd_state {
	ND_NONE, /* nobody has asked for it yet */
	ND_INCOMPLETE, /* being asked for; no address yet */
	ND_REACHABLE, /* confirmed a short while ago */
	ND_STALE, /* has an address, unconfirmed; nobody uses it */
	ND_DELAY, /* used; maybe somebody confirms it within 5 s */
	ND_PROBE, /* being asked directly */
	ND_FAILED, /* never answered; asked again when a packet needs it */
	ND_STATE_COUNT
};
const char *nd_state_name(enum nd_state s);

struct nd_entry { /* all zero: ND_NONE */
	uint8_t state; /* enum nd_state */
	uint8_t solicits; /* sent in this state */
	uint8_t mac[6]; /* valid where nd_has_mac() */
};

static inline bool nd_has_mac(const struct nd_entry *e)
{
	return e->state >= ND_REACHABLE && e->state <= ND_PROBE;
}

enum nd_event_type {
	ND_EV_NEED, /* a packet waits for the address */
	ND_EV_USED, /* a packet was sent to it */
	ND_EV_NS, /* it solicited us: mac if has_mac */
	ND_EV_NA, /* it advertised itself: mac if has_mac, solicited, override */
	ND_EV_TIMER,
	ND_EV_RECHECK, /* the link was away: ask now */
};

struct nd_event {
	enum nd_event_type type;
	bool has_mac, solicited, override;
	uint8_t mac[6];
	uint32_t reachable_ms; /* ND_EV_NA: how long a confirmation holds this time */
};

enum nd_action {
	ND_DO_ASK_GROUP = 1, /* a solicitation to the solicited-node group */
	ND_DO_ASK = 2, /* a solicitation to the address we have */
	ND_DO_PUBLISH = 4, /* what workers know has changed: state or address */
	ND_DO_CONFIRM = 8, /* reachable as of now */
	ND_DO_SEND_QUEUE = 16, /* what waits can go */
	ND_DO_FAIL = 32, /* what waits is in vain; the entry may be deleted */
};

#define ND_TIMER_KEEP 0
#define ND_TIMER_STOP UINT32_MAX

struct nd_verdict {
	uint32_t actions; /* enum nd_action */
	uint32_t timer_ms; /* from now; or ND_TIMER_KEEP, ND_TIMER_STOP */
};

struct nd_verdict nd_rules_step(struct nd_entry *e, const struct nd_event *ev);
