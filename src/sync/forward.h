/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a packet goes in a mesh of home agents: the one place that decides who delivers, opens,
 * answers, relays or drops. Control copies what it says into tables, the simulator carries it out;
 * nothing else knows modes, owners or hops.
 *
 * What bounds a packet's way: on its own it may be relayed ("first") and by the site that gets it
 * once more ("relayed"), never a third time, and never back to where it came from. What is opened
 * or wrapped at a site is a new packet, FORWARD_OWN, with a bound of its own.
 *
 * Sites may disagree about anything here (who lives, who owns what, which care-of address): then a
 * packet may be dropped, with a reason, but it never goes round. Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "sync/next.h"

#define FORWARD_ALL 0 /* forward_agent.node of an address that all sites share */

enum forward_mode {
	FORWARD_UNICAST, /* each site has home agent addresses of its own */
	FORWARD_SHARED, /* all sites answer on the same */
};

enum forward_delivery {
	FORWARD_DIRECT, /* whoever intercepts tunnels to the care-of address */
	FORWARD_PRIMARY, /* whoever intercepts relays to the owner */
};

/* A home agent (or local mobility anchor) address of the domain and the site it was given to,
 * dead, retired or not. */
struct forward_agent {
	struct ip6_addr address;
	uint8_t node;
};

/*
 * A domain as one site sees it. The view is the one that the next table was filled from: a site
 * that comes back stands in it as joining until a digest round with it is complete, and one that
 * drains stays draining in its own view until its peers know that it left (hello_is_known()).
 */
struct forward_domain {
	enum forward_mode mode;
	enum forward_delivery delivery;
	const struct forward_agent *agents;
	uint32_t agent_count;
	uint64_t
		members[NEXT_NODES / 64]; /* bit n: node n is a site of the domain, self included */
	const struct next_view *view;
	const struct next_table *next;
};

static inline void forward_add_member(struct forward_domain *d, uint8_t node)
{
	d->members[node / 64] |= 1ULL << node % 64;
}

static inline bool forward_is_member(const struct forward_domain *d, uint8_t node)
{
	return (d->members[node / 64] >> node % 64 & 1) != 0;
}

/* What the packet is. The binding is the one of ... */
enum forward_kind {
	/* Into a mobile prefix: the destination, a home address or inside a mobile network prefix
	 * or home network prefix. */
	FORWARD_INTERCEPT,
	/* To a home agent address: */
	FORWARD_TUNNEL, /* a tunnelled packet in clear: its inner source */
	FORWARD_PAYLOAD_ESP, /* ESP of a payload SA: the mobile node of the SA */
	FORWARD_SIGNALLING, /* from a mobile node or MAG: MH, Home Address option, prefix
	                     * solicitation; in ESP of a signalling SA or not. The sender */
	FORWARD_ANSWER, /* to what a site asked for (revocation, heartbeat, ...): not needed */
	FORWARD_TUNNEL_ERROR, /* ICMPv6 error that quotes a tunnel packet: inner destination */
	FORWARD_OTHER, /* echo and whatever else needs no binding */
	/* To the home agents' anycast address of a mobile prefix: */
	FORWARD_DISCOVERY, /* needs no binding */
	FORWARD_KIND_COUNT
};

enum forward_from {
	FORWARD_OWN, /* from an own port, or opened or wrapped here */
	FORWARD_FIRST, /* from a peer, which had it as its own */
	FORWARD_RELAYED, /* from a peer, which had it from another */
	FORWARD_FROM_COUNT
};

struct forward_packet {
	enum forward_kind kind;
	enum forward_from from;
	uint8_t peer; /* who sent it, unless it is our own */
	uint8_t bucket; /* of the binding's key, whether there is such a binding or not */
	const struct forward_agent *agent; /* which one it is sent to; INTERCEPT, DISCOVERY: NULL */
	bool from_coa; /* TUNNEL: the outer source is the binding's care-of address (or within its
	                * grace), the inner source inside the binding */
	uint8_t asker; /* ANSWER: whose node id its number carries */
};

/* What this site's record says, live or past its time and kept; a tombstone is no binding. */
struct forward_binding {
	uint8_t owner;
	bool payload_esp; /* payload of this mobile node must be in its ESP */
	bool proxy; /* PMIPv6 session */
};

enum forward_act {
	FORWARD_DELIVER, /* tunnel to the binding's care-of address (MAG), from the home agent
	                  * address of the record; in ESP where the binding says so */
	FORWARD_OPEN, /* take the tunnel or ESP off; what is inside is a packet of our own */
	FORWARD_ACCEPT, /* judge and answer here, from the address it was sent to */
	FORWARD_RELAY, /* whole, to a peer */
	FORWARD_UNREACHABLE, /* ICMPv6 destination unreachable, address unreachable (code 3) */
	FORWARD_DROP,
};

/* X(id, name, help): why a packet is dropped. */
#define FORWARD_DROP_LIST(X)                                                                       \
	X(NOT_READY, "not_ready",                                                                  \
		"this site serves nothing of its own, and no ready one is there")                  \
	X(HOP_LIMIT, "mesh_hop_limit", "was relayed as often as it may be")                        \
	X(BACK, "mesh_back", "would go back to the site that it came from")                        \
	X(FOREIGN, "mesh_foreign_domain", "is of a domain that the sending site is no member of")  \
	X(NO_BINDING, "decap_no_binding", "inner source has no binding")                           \
	X(WRONG_COA, "decap_wrong_coa", "outer source is not the binding's care-of address")       \
	X(CLEAR, "decap_clear", "tunnelled in clear, but the binding's payload must be in ESP")    \
	X(NO_SA, "esp_no_sa", "in ESP of no mobile node that is bound")

enum forward_drop {
#define X(id, name, help) FORWARD_DROP_##id,
	FORWARD_DROP_LIST(X)
#undef X
		FORWARD_DROP_COUNT
};
const char *forward_drop_name(enum forward_drop drop);

struct forward_result {
	enum forward_act act;
	uint8_t node; /* RELAY: to this peer, which hears us, ... */
	enum forward_from as; /* ... as FORWARD_FIRST or FORWARD_RELAYED; */
	bool policed; /* ... only because it may know better: within the domain's bound on such */
	enum forward_drop drop; /* DROP */
};

/* d: the domain that the destination lies in; NULL: none of ours, which is no matter of the mesh
 * (FORWARD_ACCEPT) unless a peer sent it. b: NULL: no binding. */
struct forward_result forward(const struct forward_domain *d, const struct forward_binding *b,
	const struct forward_packet *p);

/* Who answers on a home agent address now. */
enum forward_holder {
	FORWARD_HOLDER_SELF, /* given to us, or shared, and we serve */
	FORWARD_HOLDER_ADOPTED, /* given to a site that is not live: we do, like any that serves */
	FORWARD_HOLDER_PEER, /* the live site that it was given to */
	FORWARD_HOLDER_BUCKET, /* we serve nothing and it has no live site of its own: the
	                        * successor of the mobile node's bucket */
};
enum forward_holder forward_holder(
	const struct forward_domain *d, const struct forward_agent *agent);
