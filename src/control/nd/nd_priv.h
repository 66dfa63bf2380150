/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside nd/: the neighbour cache (neigh.c), duplicate address detection (dad.c), messages in
 * and out (nd.c). All of it belongs to the control core.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/bucket.h"
#include "common/log.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/nd/dad_rules.h"
#include "control/nd/rules.h"

struct addr_row;
struct nd_msg;

#define NEIGH_QUEUE 3 /* packets that wait for one neighbour */

struct neigh { /* its number is its adjacency's */
	struct ctl_timer timer;
	struct nd_entry e;
	bool exists;
	bool gateway; /* a route's: never collected */
	bool is_unresolved, is_stale; /* counted in nd->unresolved; in nd->stale */
	bool is_lost; /* a gateway without an Ethernet address: in nd->lost */
	uint8_t queued;
	struct rte_mbuf *queue[NEIGH_QUEUE]; /* oldest first */
	uint64_t confirmed_ms; /* last confirmed, or made */
	TAILQ_ENTRY(neigh) stale, lost;
};

struct dad {
	struct ctl_timer timer;
	struct dad_rules rules;
	uint32_t row; /* in addrs */
	bool owed; /* the FIB had no room for what was decided: asked again by the timer */
};

struct nd {
	struct neigh *neigh; /* [1..max] */
	uint32_t max, max_unresolved;
	uint32_t unresolved;
	TAILQ_HEAD(, neigh) lost; /* gateways */
	uint32_t lost_count;
	TAILQ_HEAD(, neigh) stale; /* oldest first */
	struct ctl_timer sweep;
	uint32_t sweep_at;
	struct dad *dad; /* one a row of addrs */
	uint32_t dad_count;
	struct ip6_addr *groups; /* room for a port's */
	struct bucket ns_bucket[CONF_PORTS_MAX]; /* a flood on one link starves no other */
	bool link_up[CONF_PORTS_MAX];
	uint64_t link_up_ms[CONF_PORTS_MAX]; /* last came up again; 0: is up from the start */
	uint64_t rng;
	struct log_rl log_claim;
};

/* --- nd.c --- */
/* A solicitation for target: to its group (mac NULL) or to its Ethernet address. */
void nd_solicit(struct ctl *ctl, uint16_t port, const struct ip6_addr *target, const uint8_t *mac);
/* The solicitation of duplicate address detection: from the unspecified address. */
void nd_solicit_dad(struct ctl *ctl, const struct addr_row *row);
/* An advertisement of an address of ours; to NULL: unsolicited, to all nodes. */
void nd_advertise(
	struct ctl *ctl, const struct addr_row *row, const struct ip6_addr *to, const uint8_t *mac);
/* May a neighbour on this port have this Ethernet address? */
bool nd_mac_ok(const struct ctl *ctl, uint16_t port, const uint8_t mac[6]);

/* --- neigh.c --- */
int neigh_new(struct ctl *ctl, struct nd *nd);
void neigh_free(struct ctl *ctl, struct nd *nd);
void neigh_start(struct ctl *ctl);
/* What a valid message said about one. A solicitation makes an entry, an advertisement never. */
void neigh_heard_ns(struct ctl *ctl, uint16_t port, const struct nd_msg *msg);
bool neigh_heard_na(struct ctl *ctl, uint16_t port, const struct nd_msg *msg); /* false: unknown */

/* --- dad.c --- */
int dad_new(struct ctl *ctl, struct nd *nd);
void dad_free(struct nd *nd);
/* The link of a port is there (again). */
void dad_start(struct ctl *ctl, uint16_t port);
/* A solicitation or advertisement for a row of ours; true: it is ours to answer. */
bool dad_heard(
	struct ctl *ctl, const struct addr_row *row, enum dad_event ev, const uint8_t src_mac[6]);
