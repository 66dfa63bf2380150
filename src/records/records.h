/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Binding records: the truth about every registration; tables/ is compiled from them. Plain C,
 * no DPDK, no clock: time is handed in. One owner (the control core, a simulated site).
 *
 * A record is live until its lifetime ends, then it is removed. A de-registered one stays as a
 * tombstone for RECORD_TOMBSTONE_MS so that a delayed Binding Update is answered with 135
 * instead of taken (RFC 6275, 10.3.2: MAX_DELETE_BCE_TIMEOUT).
 *
 * In a mesh each record has a second part, struct record_mesh: which version it is, and its places
 * in the list of changes and in the digests. It lies in an array of its own; without a mesh there
 * is none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "common/wheel.h"
#include "records/changes.h"
#include "records/version.h"

#define RECORD_NONE         0
#define RECORD_TOMBSTONE_MS 10000

/* A lifetime of 65535 units of 4 s (RFC 6275, 6.1.8). */
#define RECORD_LIFETIME_MAX_S 262140

#define RECORD_MTU_AGE_S 600 /* a path MTU that nobody confirms any more is forgotten */
#define RECORD_EXTRA_MAX 255 /* octets of fields that this release does not know */

enum record_state { RECORD_LIVE = 1, RECORD_TOMBSTONE };

/* What its mobile node's messages are ordered by. */
enum record_order { RECORD_BY_SEQUENCE, RECORD_BY_STAMP /* RFC 5213: the timestamp alone */ };

struct record {
	struct wheel_timer timer; /* fires at ends_ms; records/ starts and stops it */
	struct ip6_addr hoa; /* key, with domain */
	struct ip6_addr ha; /* the home agent address it was registered with */
	struct ip6_addr coa;
	uint64_t ends_ms; /* end of life, or of the tombstone */
	uint64_t since_ms; /* first registered */
	uint64_t session; /* accounting's number of it; 0: none */
	uint32_t lifetime_s; /* granted */
	uint32_t handle; /* 1..max */
	uint16_t domain;
	uint16_t seq; /* last accepted */
	uint16_t flags; /* of the last accepted Binding Update: enum mh_bu_flag */
	uint8_t state; /* enum record_state */
};

enum record_mesh_flag {
	RECORD_ALONE = 1, /* acknowledged while no other site had it */
	RECORD_IN_DIGEST = 2, /* records/digest.c's own, and: */
	RECORD_DIGEST_TURN = 4,
	RECORD_GIVEN = 8, /* its owner was chosen here, and is not known to hold it */
	RECORD_SUPERSEDED = 16, /* its mobile node has registered again, elsewhere: it ends */
};

#define RECORD_CHANGED_BITS 15

struct record_mesh {
	struct content_version content; /* of what the record says */
	struct owner_version owner; /* who answers for it */
	struct change_link change; /* records/changes.h */
	uint64_t hash; /* records/digest.c's own, as the links in its range */
	uint32_t range_prev, range_next;
	struct owner_term remaining_by; /* whose word the end is */
	uint8_t origin; /* the site that this state was learned from; self: made here */
	uint8_t flags; /* enum record_mesh_flag */
	/* when it changed, in the engine's units (sync/repair_priv.h); goes round */
	uint16_t changed : RECORD_CHANGED_BITS;
	bool order : 1; /* enum record_order */
};

/* What few records have. */
struct record_extra {
	uint64_t mtu_until_ms;
	uint16_t mtu; /* to coa, until then; 0: none */
	uint8_t len;
	uint8_t field[]; /* fields that this release does not know, as they came */
};

struct records;

struct records_opts {
	uint32_t max; /* live and tombstones together; address space is taken at once, pages as
	              they are used */
	uint64_t seed;
	uint64_t now_ms;
	bool mesh; /* 80 octets more for each record */
};

/* What a turn found at its end; called from records_expire(). The record is still there for
 * the call: live (its binding must be withdrawn) or tombstone; it is removed after it. Returning
 * false keeps it: it is asked again a second later (the caller could not withdraw it). */
typedef bool (*records_end_fn)(void *ctx, struct record *r);

int records_new(const struct records_opts *opts, struct records **out);
void records_free(struct records *rs);

/* Called whenever a record was given its state by records_set(); one at most, NULL: none. */
typedef void (*records_change_fn)(void *ctx, const struct record *r);
void records_on_change(struct records *rs, records_change_fn fn, void *ctx);

/* Called by records_del() before it goes; one at most, NULL: none. */
typedef void (*records_del_fn)(void *ctx, struct record *r);
void records_on_del(struct records *rs, records_del_fn fn, void *ctx);

struct record *records_find(struct records *rs, uint16_t domain, const struct ip6_addr *hoa);
struct record *records_at(struct records *rs, uint32_t handle); /* NULL: no such record */
/* What records_find(), records_add() and records_set() will look for is on its way here: first of
 * several records the heads of chains, then of the same ones what hangs on them. */
void records_prefetch_heads(const struct records *rs, uint16_t domain, const struct ip6_addr *hoa,
	const struct ip6_addr *coa);
void records_prefetch(const struct records *rs, uint16_t domain, const struct ip6_addr *hoa,
	const struct ip6_addr *coa);
/* A new record with domain, hoa and handle set, everything else zero; it counts for nothing
 * until records_set(). NULL: full. */
struct record *records_add(struct records *rs, uint16_t domain, const struct ip6_addr *hoa);
/* Give it a state and an end; (re)starts its timer and moves the counts (in all, per domain,
 * per care-of address). Change coa only through here. */
void records_set(struct records *rs, struct record *r, enum record_state state,
	const struct ip6_addr *coa, uint64_t ends_ms);
void records_del(struct records *rs, struct record *r);

/* How long a tombstone of it lasts. In a mesh for the lifetime that was granted, too: as long as
 * another site may have the binding that it ends. */
uint32_t records_tombstone_ms(const struct records *rs, const struct record *r);

/* Ends what ended, at most max; returns how many. */
uint32_t records_expire(
	struct records *rs, uint64_t now_ms, uint32_t max, records_end_fn fn, void *ctx);

/* In order of handles from *cursor (start with 0), live and tombstones; NULL at the end. Stable
 * while records come and go: each one that is there all the time is seen exactly once. */
struct record *records_next(struct records *rs, uint32_t *cursor);

uint32_t records_max(const struct records *rs); /* the highest handle there can be */
uint32_t records_live(const struct records *rs);
uint32_t records_live_in(const struct records *rs, uint16_t domain);
uint32_t records_tombstones(const struct records *rs);
uint32_t records_tombstones_in(const struct records *rs, uint16_t domain);
/* The fence that keeps a domain from filling the room of all: `max` live ones, and as many tombstones.
 * Has one more record of that state room? What ends a binding that is here needs none. */
bool records_has_room(
	const struct records *rs, uint16_t domain, uint32_t max, enum record_state state);
/* A tombstone of what was never here, which would take the room of bindings else? */
bool records_has_room_to_bury(const struct records *rs, uint16_t domain, uint32_t max);
/* Live bindings whose care-of address this is (limit per CoA). */
uint32_t records_at_coa(const struct records *rs, const struct ip6_addr *coa);
uint64_t records_memory(const struct records *rs); /* bytes taken */

/* --- with opts.mesh --- */

bool records_has_mesh(const struct records *rs);
struct record_mesh *records_mesh(struct records *rs, const struct record *r);
/* The same by handle, whether a record has it or not. */
struct record_mesh *records_mesh_at(struct records *rs, uint32_t handle);

/* NULL: it has neither. */
const struct record_extra *records_extra(const struct records *rs, const struct record *r);
/* Replaces the fields; len at most RECORD_EXTRA_MAX. 0, -ENOMEM: nothing has changed. */
int records_set_extra(
	struct records *rs, const struct record *r, const uint8_t *field, uint8_t len);
/* 0: none. 0, -ENOMEM. */
int records_set_mtu(struct records *rs, const struct record *r, uint16_t mtu, uint64_t until_ms);
