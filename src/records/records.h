/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Binding records: the truth about every registration; tables/ is compiled from them. Plain C,
 * no DPDK, no clock: time is handed in. One owner (the control core, a simulated site).
 *
 * A record is live until its lifetime ends, then it is removed. A de-registered one stays as a
 * tombstone for RECORD_TOMBSTONE_MS so that a delayed Binding Update is answered with 135
 * instead of taken (RFC 6275, 10.3.2: MAX_DELETE_BCE_TIMEOUT).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "common/wheel.h"

#define RECORD_NONE         0
#define RECORD_TOMBSTONE_MS 10000

enum record_state { RECORD_LIVE = 1, RECORD_TOMBSTONE };

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

struct records;

struct records_opts {
	uint32_t max; /* live and tombstones together; address space is taken at once, pages as
	              they are used */
	uint64_t seed;
	uint64_t now_ms;
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

struct record *records_find(struct records *rs, uint16_t domain, const struct ip6_addr *hoa);
struct record *records_at(struct records *rs, uint32_t handle); /* NULL: no such record */
/* A new record with domain, hoa and handle set, everything else zero; it counts for nothing
 * until records_set(). NULL: full. */
struct record *records_add(struct records *rs, uint16_t domain, const struct ip6_addr *hoa);
/* Give it a state and an end; (re)starts its timer and moves the counts (in all, per domain,
 * per care-of address). Change coa only through here. */
void records_set(struct records *rs, struct record *r, enum record_state state,
	const struct ip6_addr *coa, uint64_t ends_ms);
void records_del(struct records *rs, struct record *r);

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
/* Live bindings whose care-of address this is (limit per CoA). */
uint32_t records_at_coa(const struct records *rs, const struct ip6_addr *coa);
uint64_t records_memory(const struct records *rs); /* bytes taken */
