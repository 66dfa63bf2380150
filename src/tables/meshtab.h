/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where packets go in a mesh, as workers read it: sync/forward.h's answers, to be looked up. Control
 * compiles them (control/mesh/route.h): a worker says what a packet is, how it came and what binding
 * it concerns, and is told what to do with it. It knows no modes, no deliveries and no live sets.
 *
 * One table for each domain, published whole with one pointer: a site's death is one store. Three
 * buffers each: the one that workers read, the one they may still be reading, the one that is being
 * filled; so nothing is allocated after the start. Writer: the control core; readers: workers and
 * control, between two quiescent reports.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip6.h"

struct dq;
struct meshtab_own;

#define MESH_NODES   256 /* node ids 1..255; 0: nobody, or all of them */
#define MESH_BUCKETS 256

/* What a packet is: of forward.h's kinds those that there are. */
enum mesh_kind {
	MESH_INTERCEPT, /* to a mobile prefix */
	MESH_TUNNEL, /* to a home agent address: IPv6 in IPv6, */
	MESH_SIGNALLING, /* from a mobile node, */
	MESH_TUNNEL_ERROR, /* ICMPv6 error that quotes a tunnel packet, */
	MESH_OTHER, /* anything else */
	MESH_DISCOVERY, /* to the home agents' anycast address */
	MESH_KIND_COUNT
};

/* What is known of the mobile node. */
enum mesh_bound {
	MESH_UNBOUND,
	MESH_BOUND,
	MESH_FROM_COA, /* MESH_TUNNEL: and it speaks from where it is bound */
	MESH_BOUND_COUNT
};

enum mesh_from {
	MESH_OWN, /* from a port, or opened or wrapped here */
	MESH_FIRST, /* from a peer, */
	MESH_RELAYED, /* which had it from another one */
	MESH_FROM_COUNT
};

/* Where a hop leads, seen from the packet. */
enum mesh_way {
	MESH_WAY_NOBODY,
	MESH_WAY_HERE,
	MESH_WAY_BACK, /* to the peer that it came from */
	MESH_WAY_ON,
	MESH_WAY_COUNT
};

/* The hops that matter. Which of them a packet that is relayed takes: mesh_answer.by. */
enum mesh_hop {
	MESH_HOP_OWNER, /* next[owner][bucket] of the binding */
	MESH_HOP_HOLDER, /* the live peer that the home agent address belongs to */
	MESH_HOP_BUCKET, /* the bucket's successor */
	MESH_HOP_COUNT
};

enum mesh_act {
	MESH_DELIVER, /* into the tunnel of the binding */
	MESH_OPEN, /* out of the tunnel */
	MESH_ACCEPT, /* to control */
	MESH_RELAY, /* whole, to a peer */
	MESH_UNREACHABLE, /* its source is told */
	MESH_DROP,
};

struct mesh_answer {
	uint8_t act; /* enum mesh_act */
	uint8_t by; /* MESH_RELAY: enum mesh_hop */
	bool further; /* MESH_RELAY: it came from a peer, so the next one keeps it */
	bool policed; /* MESH_RELAY: only because that site may know better */
	uint8_t drop; /* MESH_DROP: the data plane's reason (enum dp_drop) */
};

#define MESH_WAYS (MESH_WAY_COUNT * MESH_WAY_COUNT * MESH_WAY_COUNT)

/* All answers of a site that serves a domain, or of one that does not. */
struct mesh_answers {
	struct mesh_answer at[MESH_KIND_COUNT][MESH_BOUND_COUNT][MESH_FROM_COUNT][MESH_WAYS];
	uint8_t foreign; /* drop reason: the peer that sent it is no member of the domain */
};

static inline unsigned mesh_ways(enum mesh_way owner, enum mesh_way holder, enum mesh_way bucket)
{
	return ((unsigned)owner * MESH_WAY_COUNT + holder) * MESH_WAY_COUNT + bucket;
}

/* A domain as this site sees it. */
struct mesh_domain {
	const struct mesh_answers *answers; /* outlives the table */
	uint64_t members[MESH_NODES / 64]; /* bit n: node n serves the domain too */
	uint32_t id; /* for record_key() */
	uint8_t self;
	bool clamps; /* TCP's segment size is lowered to what fits on the way */
	uint8_t live[MESH_NODES]; /* to a live peer; 0: it is none, or this site */
	uint8_t hop[MESH_NODES][MESH_BUCKETS]; /* next[owner][bucket] */
};

static inline bool mesh_is_member(const struct mesh_domain *d, uint8_t node)
{
	return (d->members[node / 64] >> node % 64 & 1) != 0;
}

struct mesh_query {
	enum mesh_kind kind;
	enum mesh_bound bound;
	enum mesh_from from;
	uint8_t peer; /* unless MESH_OWN */
	uint8_t owner, bucket; /* of the binding; without one the bucket of the address, owner 0 */
	uint8_t agent; /* node of the home agent address; 0: shared, or none is concerned */
};

static inline enum mesh_way mesh_way(
	const struct mesh_domain *d, const struct mesh_query *q, uint8_t hop)
{
	if (hop == 0)
		return MESH_WAY_NOBODY;
	if (hop == d->self)
		return MESH_WAY_HERE;
	return q->from == MESH_FIRST && hop == q->peer ? MESH_WAY_BACK : MESH_WAY_ON;
}

/* What to do with the packet; MESH_RELAY: *node is the site to hand it to. */
static inline struct mesh_answer mesh_ask(
	const struct mesh_domain *d, const struct mesh_query *q, uint8_t *node)
{
	const uint8_t hop[MESH_HOP_COUNT] = { d->hop[q->owner][q->bucket], d->live[q->agent],
		d->hop[0][q->bucket] };
	struct mesh_answer a;

	if (q->from != MESH_OWN && !mesh_is_member(d, q->peer))
		return (struct mesh_answer){ .act = MESH_DROP, .drop = d->answers->foreign };
	a = d->answers->at[q->kind][q->bound][q->from][mesh_ways(
		mesh_way(d, q, hop[0]), mesh_way(d, q, hop[1]), mesh_way(d, q, hop[2]))];
	*node = hop[a.by];
	return a;
}

struct meshtab {
	uint32_t count; /* of domains */
	struct meshtab_own *own; /* control's */
	const struct mesh_domain *_Atomic domain[]; /* NULL until its first table is published */
};

int meshtab_new(uint32_t domains, struct dq *dq, struct meshtab **out); /* 0 or -ENOMEM */
void meshtab_free(
	struct meshtab *t); /* NULL is fine; workers must have stopped, before dq_free() */
size_t meshtab_memory(const struct meshtab *t); /* bytes taken */

/* The domain's table, for any reader; NULL: none yet. */
static inline const struct mesh_domain *meshtab_domain(const struct meshtab *t, uint32_t domain)
{
	return atomic_load_explicit(&t->domain[domain], memory_order_acquire);
}

/* The buffer to fill, whatever was in it; nobody reads it. Control only. */
struct mesh_domain *meshtab_buffer(struct meshtab *t, uint32_t domain);
/* Workers read what is in the buffer from now on. -EAGAIN: they may still be reading the table
 * before the last one, or the deferred-free queue is full: nothing changed, the buffer keeps what
 * is in it. */
int meshtab_publish(struct meshtab *t, uint32_t domain);
