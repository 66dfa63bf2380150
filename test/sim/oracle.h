/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must be true of the home agents, whatever happens to them. The oracle knows what mobile
 * nodes sent and what was acknowledged to them, what faults were made, and where packets came out;
 * of the sites it knows nothing, but for two numbers: the digest of a domain, to be equal
 * everywhere in the end, and the memory.
 *
 * "Settled": no fault is in progress, and the last one ended (or, one that stays, began) long
 * enough ago for the sites to have dealt with it. Then everything is promised. While it is not
 * settled a packet may be dropped, with a reason, or reach a mobile node where it was before, but
 * never anybody else, never from a wrong source, and never go round.
 *
 * What the home agents cannot promise is excused, and counted:
 *   - a mobile node's registration, after a second site was lost before the first loss had settled,
 *     or after a loss of the only site that held it (it was acknowledged as held by no other, or by
 *     a site that could reach no other);
 *   - which of two agent addresses wins that were used on two sides of a cut; and what a
 *     de-registration ends that is sent to one where none was acknowledged;
 *   - numbers that went round once while not all sites could hear of it;
 *   - a replay, in a domain without keys, where nobody remembers the mobile node any more;
 *   - what the operator removed;
 *   - a Binding Update that an attacker kept from arriving and brings later to an agent address
 *     that has heard nothing newer.
 * An excuse ends with the next registration that is acknowledged when all is settled.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "pkt.h"

struct world;

int oracle_new(struct world *w);
void oracle_free(struct world *w);

/* --- faults --- */

/* is_path: nothing but paths between sites changed. */
void oracle_fault(struct world *w, bool is_path); /* for good, or in a moment */
void oracle_fault_begins(struct world *w, bool is_path);
void oracle_fault_ends(struct world *w, bool is_path);
void oracle_loss(struct world *w, uint8_t node); /* a site loses what it knows */
void oracle_forgot(struct world *w, uint8_t node); /* ... and begins again without a store */
bool oracle_is_settled(struct world *w);
/* A crashed site began again: where all had settled without it that disturbs nobody but itself. */
void oracle_started(struct world *w, uint8_t node);
/* A site refuses something for want of room: what all are to hold somebody does not. */
void oracle_full(struct world *w);
/* A path between sites is worse than it was; or as good as it was again. */
void oracle_path_begins(struct world *w);
void oracle_path_ends(struct world *w);
/* A site started, stopped, was frozen, or, gap_us, went on after so long. */
void oracle_site(struct world *w, uint8_t node, uint64_t gap_us);
/* Its time of day is set. */
void oracle_clock(struct world *w, uint8_t node);
/* So many octets of the engine's leave it for another one. */
void oracle_says(struct world *w, uint8_t from, uint8_t to, size_t octets);
/* A hello leaves a site for another one. */
void oracle_hello(struct world *w, uint8_t node, uint8_t to);
/* A site that had none is ready to serve a domain. */
void oracle_ready(struct world *w, uint8_t node, uint8_t domain);
/* What a site holds now, and held when it began. */
void oracle_memory(struct world *w, uint8_t node, uint64_t octets, uint64_t at_start);
/* One site changed its mind about whether another one lives, in a domain. */
void oracle_verdict(struct world *w, uint8_t domain, uint8_t by, uint8_t node, bool lives);
/* A site takes a mobile node's binding over; the operator moves it. */
void oracle_took_over(struct world *w, uint8_t node, uint8_t mn);
void oracle_moved(struct world *w, uint8_t mn);
/* The operator has a binding removed, at some site. */
void oracle_removed(struct world *w, uint8_t mn);
/* The operator ends the waiting of a domain that nobody serves. */
void oracle_forced(struct world *w, uint8_t domain);
/* How long after the last fault everything is promised again. */
uint64_t oracle_settle_us(const struct world *w);

/* --- mobile nodes --- */

/* A Binding Update leaves; its number, from 1. */
uint32_t oracle_sent(struct world *w, uint8_t mn, uint8_t agent, const struct pkt *bu);
void oracle_acked(struct world *w, uint8_t mn, uint32_t bu, const struct pkt_ba *ba);
/* It comes to a site, by itself or relayed; an answer leaves. */
void oracle_heard(struct world *w, uint8_t node, uint8_t mn, const struct pkt *bu);
void oracle_answers(struct world *w, uint8_t node, uint8_t mn, const struct pkt_ba *ba);
/* Until when it believes in a registration that was acknowledged. */
uint64_t oracle_until_us(struct world *w, uint8_t mn, uint32_t bu);
void oracle_refused_leave(struct world *w, uint8_t mn, uint32_t bu);
void oracle_ba_source(struct world *w, uint8_t mn, const struct pkt_ba *ba);
/* The attacker sends one again that was sent before; false: there was none. */
bool oracle_replayed(struct world *w, uint64_t random, struct pkt *out);

/* An error said how much goes to a care-of address; a site that has the binding holds it so. */
void oracle_mtu_known(struct world *w, uint8_t mn, const struct ip6_addr *coa, uint16_t mtu);
void oracle_mtu_held(
	struct world *w, uint8_t node, uint8_t mn, const struct ip6_addr *coa, uint16_t mtu);

/* --- packets --- */

enum probe_kind {
	PROBE_TO, /* from a correspondent to a home address */
	PROBE_FROM, /* from a mobile node, through its tunnel, to a correspondent */
	PROBE_BETWEEN, /* from one mobile node to another */
	PROBE_ANSWER, /* to what a home agent asked for, at a home agent address */
	PROBE_ERROR, /* about a tunnel packet */
	PROBE_DISCOVERY, /* to the anycast address */
	PROBE_ECHO, /* to a home agent address */
	PROBE_SPOOFED, /* says it is from a mobile node, from where that never was */
	PROBE_FOREIGN, /* to a home address, by the mesh, from a site that is not in its domain */
};

/* A packet is let loose at a site. False: it would say nothing now (nobody is registered). */
bool oracle_probe(struct world *w, enum probe_kind kind, uint8_t mn, uint8_t other, uint8_t node,
	struct pkt *out);
void oracle_relays(struct world *w, uint8_t from, uint8_t to, struct pkt *p);
/* Leaves a site by its own port, to whoever its outermost destination is. */
void oracle_emitted(struct world *w, uint8_t node, const struct pkt *p);
/* A home agent keeps it for itself. */
void oracle_accepted(struct world *w, uint8_t node, const struct pkt *p);
void oracle_dropped(struct world *w, uint8_t node, const struct pkt *p, const char *reason);
void oracle_lost(struct world *w, const struct pkt *p); /* the network's doing */

/* Digests are equal; while bindings end they may differ for a moment. */
bool oracle_is_converged(struct world *w);
/* All must have settled: sites ready, digests equal, every registration everywhere. Lets packets
 * loose at every site; their fates are judged by oracle_end(). */
void oracle_final(struct world *w);
void oracle_end(struct world *w);
