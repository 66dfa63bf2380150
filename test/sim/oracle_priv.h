/* SPDX-License-Identifier: BSD-3-Clause */
/* The oracle, inside: oracle.c knows the faults and looks at all when it is quiet, oracle_mn.c at
 * what mobile nodes hear, oracle_probe.c at packets, oracle_watch.c at how long things take,
 * oracle_gone.c at what the operator removed. */
#pragma once

#include "mn.h"
#include "net.h"
#include "oracle.h"
#include "site.h"
#include "world.h"

#define FATE_US (3 * S) /* by then a packet has arrived or was dropped */

/* A Binding Update that was sent. */
struct bu {
	struct pkt pkt;
	uint8_t agent;
	uint64_t sent_us, acked_us; /* 0: not acknowledged, or not heard of */
	uint64_t until_us; /* the mobile node believes in it until then */
	uint32_t granted_s;
	bool is_replicated; /* as the home agent said */
	uint8_t by; /* the site that acknowledged */
	uint8_t answered_by; /* the first that accepted it; 0: none yet */
	bool unsettled; /* sent or acknowledged while not all was settled */
	struct {
		uint8_t node;
		uint64_t us;
	} heard[4]; /* sites that it came to, by itself or relayed, and when first */
};

/* What there is of a mobile node. */
struct subject {
	struct bu *bu; /* [1..count] in the order of sending */
	uint32_t count, cap;
	uint32_t acked; /* the newest that was acknowledged; 0: none */
	uint32_t kept; /* the newest that every site knew of when all was settled */
	uint64_t took_us; /* when a site last took it over */
	uint32_t removed; /* that one and all before the operator ended; 0: none */
	uint64_t removed_us;
	bool is_removed_for_sure; /* all sites have heard of it */
	bool is_void; /* nothing is promised until the next settled acknowledgement */
	uint64_t void_us;
};

enum fate { FATE_OPEN, FATE_ARRIVED, FATE_DROPPED, FATE_LOST };

struct probe {
	enum probe_kind kind;
	uint8_t mn, other, node;
	enum fate fate;
	uint64_t at_us;
	uint32_t floor; /* PROBE_TO, PROBE_BETWEEN: of the receiver, older ones must not win */
	uint32_t kept; /* older than this must never win, whatever happens */
	bool is_home; /* it is at the site that acknowledged the newest Binding Update */
	bool is_strict; /* all was settled when it was sent */
	bool must_arrive; /* unless somebody says something new meanwhile: */
	uint32_t said, said_other; /* Binding Updates of both mobile nodes until then */
	struct ip6_addr dst; /* home address or correspondent */
};

/* What one site says to another one. */
struct line {
	uint64_t octets; /* above what it may say in the time that has passed */
	uint64_t us;
};

/* What befell a site last. */
struct life {
	uint64_t at_us;
	uint64_t gap_us; /* it went on after so long; else UINT64_MAX */
	uint64_t hello_us[SHAPE_SITES + 1]; /* its last hello to that one left */
};

struct oracle {
	uint32_t open_faults;
	uint64_t changed_us; /* the last begin or end of a fault */
	uint64_t settled_us; /* all will have been dealt with by then */
	uint64_t unsettled_us; /* since when, the last time that it was not settled */
	bool is_full; /* for good */
	uint64_t full_us; /* somebody refused something for want of room; 0: never */
	uint64_t loss_us; /* the last loss of a site; 0: none */
	bool loss_unsettled; /* a loss, and nothing has settled since */
	bool is_whole,
		is_looked_at; /* sites can all reach each other; whether that is up to date */
	uint8_t starting; /* began when all had settled without it, and nothing has happened since */
	uint32_t open_paths;
	uint64_t paths_us; /* the last begin or end of a fault of paths */
	struct life life[SHAPE_SITES + 1];
	struct line line[SHAPE_SITES + 1][SHAPE_SITES + 1];
	uint64_t clock_us[SHAPE_SITES + 1]; /* its time of day was set */
	uint64_t served_us[SHAPE_SITES + 1][SHAPE_DOMAINS]; /* since when it says that it does */
	struct subject *subject; /* by mobile node */
	uint32_t new_acks,
		new_alone; /* registrations acknowledged; of them, as held by nobody else */
	struct watch *watch; /* oracle_watch.c's; NULL: there are too many sites */
	struct mtu *mtu; /* [1..mtus] */
	uint32_t mtus, mtus_cap;
	struct probe *probe; /* [1..count] */
	uint32_t count, cap;
	uint32_t judged; /* up to here every fate is known to be sealed */
};

/* Room for one more, [1..count]. */
void *oracle_grown(void *list, uint32_t count, uint32_t *cap, size_t size);

/* Of a mobile node in a domain with a bought member nothing is promised. */
static inline bool oracle_is_spoilt(const struct world *w, uint8_t mn)
{
	return shape_is_spoilt(&w->shape, mn_domain(w, mn));
}

/* --- oracle.c --- */

/* Is everything promised of a packet at that site? */
bool oracle_is_quiet(struct world *w, uint8_t node);
bool oracle_hear_each_other(struct world *w, uint8_t a, uint8_t b);
/* A site that is up hears both, and is near enough to speak for them. */
bool oracle_is_bridged(struct world *w, uint8_t domain, uint8_t a, uint8_t b);
/* Without a ready site a domain is not served; one that waits for those that are down may have to
 * wait for long. */
bool oracle_is_waiting(struct world *w, uint8_t domain);
/* Nothing but a short stop of its own, shorter than others wait, may have happened to it. */
bool oracle_is_calm(struct world *w, uint8_t node, bool may_have_stopped);
/* To tell a site of all that it does not know, and others of what that site has: of what nobody asks
 * for there may be much. */
uint64_t oracle_fill_us(const struct world *w);
/* How long a change takes to be everywhere when there is no fault. */
uint64_t oracle_spread_us(const struct world *w);
void oracle_excuse(struct world *w, struct subject *s);

/* --- oracle_gone.c --- */

/* No site may serve it by that Binding Update any more: the operator has ended it. */
bool oracle_is_gone(const struct world *w, const struct subject *s, uint32_t bu);
/* A site serves the domain by what it knows itself: that may be old. */
void oracle_may_be_back(struct world *w, uint8_t domain);

/* --- oracle_look.c --- */

/* Packets to all of a domain's mobile nodes at a site that has just become ready. */
void oracle_look_at(struct world *w, uint8_t node, uint8_t domain);
/* ... and to one, when the registration would end that it has renewed by then. */
void oracle_look_at_end(struct world *w, uint8_t mn, const struct bu *b);
/* It has run and served the domain for longer than whatever befell it before takes to be over. */
bool oracle_has_served(struct world *w, uint8_t node, uint8_t domain);
/* The newest Binding Update that a site has been told of, whatever else it lacks; 0: none for sure. */
uint32_t oracle_told(struct world *w, uint8_t mn, uint8_t node);

/* --- oracle_soft.c --- */

/* Not about a mobile node's packets, but for the home agent itself. */
static inline bool oracle_is_asking(enum probe_kind k)
{
	return k == PROBE_ANSWER || k == PROBE_ERROR || k == PROBE_DISCOVERY || k == PROBE_ECHO;
}
void oracle_address_asked(struct world *w, struct probe *pr, struct pkt *p);

/* --- oracle_watch.c --- */

/* For the last second that site has called another one alive that serves. Where datagrams get lost
 * one may be called dead, or be filled late, and then a registration waits for nobody. */
bool oracle_had_peer(struct world *w, uint8_t domain, uint8_t node);
/* When it came to that site, by itself or relayed; UINT64_MAX: never. */
uint64_t oracle_heard_us(const struct bu *b, uint8_t node);
int oracle_watch_new(struct world *w);
void oracle_watch_free(struct world *w);
