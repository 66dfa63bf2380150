/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What was last seen of a mobile node at each home agent address, in each domain, whether its
 * binding lasts or not: the last accepted sequence number, unwrapped, with its epoch, and the
 * highest RFC 4285 timestamp. Merged by the maximum of both, apart. Plain C, no clock: time is
 * handed in, NTP's 64 bits. One owner.
 *
 * While a record lives, its versions say the same for the address that it was registered with, and
 * travel with it: then it is enough to note an entry silently. What else changes is listed, like
 * the records' changes, so that other sites and the store can be told of it (seen_changes()).
 *
 * Bounded: when it is full an entry gives way on which no refusal depends: its number need not be
 * remembered, and its timestamp has left the window in which timestamps are taken at all; whoever
 * is not in the table is held to that timestamp from then on (the floor), as in records/stamps.h.
 * One among millions that are remembered is found. Where there is none, the oldest one that is
 * remembered and has no record behind it is forgotten, and its owner told (seen_on_full()). There is
 * no room where that owner says of all that were looked at that a record still speaks of them.
 *
 * A domain may have a quota, so that none fills the table of all: at it, one of its own entries
 * gives way, or there is no room. Quotas may be more than the table; in one that is full each domain
 * can have its share.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip6.h"

struct changes;
struct seen;

struct seen_value {
	uint64_t ext_seq;
	uint64_t stamp; /* 0: none */
	uint32_t epoch;
	uint8_t order; /* enum record_order of ext_seq */
};

/* One entry as it travels. */
struct seen_pair {
	struct ip6_addr hoa, ha;
	struct seen_value value;
	uint16_t domain; /* here; between sites the message says which */
	uint8_t origin; /* the site that it was learned from; 0: found out here. Does not travel */
};

struct seen_opts {
	uint32_t max; /* pairs, > 0; pages are taken as they are used */
	uint16_t addresses; /* different home agent addresses there are ever, > 0 */
	uint16_t markers; /* of the list of changes */
	uint32_t window_s; /* a timestamp further from the clock than that is refused anyway */
	uint64_t floor; /* of the timestamps of who is not in the table: the time of the start */
	uint64_t seed;
};

int seen_new(const struct seen_opts *opts, struct seen **out); /* 0, -EINVAL, -ENOMEM */
void seen_free(struct seen *s); /* NULL is fine */

/* At most max entries of that domain from now on (0: no bound but the table's), and, where the table
 * is full, share all the same: shares are no more than the table together. Domains without a quota
 * have no share. 0, -ENOMEM. */
int seen_set_quota(struct seen *s, uint16_t domain, uint32_t share, uint32_t max);

/* The greater of two, in each of its parts. */
void seen_merge(const struct seen_value *a, const struct seen_value *b, struct seen_value *out);
/* Who has a learns nothing by b. */
bool seen_covers(const struct seen_value *a, const struct seen_value *b);

enum seen_how {
	SEEN_LISTED = 1, /* others do not hear of it by a record: a change of its own */
	SEEN_AGAIN = 2, /* the same even if it is no news: it was noted silently */
	SEEN_REMEMBERED = 4, /* its number is to be remembered: it gives way last */
};

/*
 * At least this; what there is already counts, too. An earlier one has an entry afterwards, which
 * makes room for what is to come. how: enum seen_how. Returns 1: it was news, 0: it was not,
 * -ENOSPC: there is no room, nothing changed.
 */
int seen_raise(struct seen *s, const struct seen_pair *pair, unsigned how, uint64_t now);

/* Called whenever seen_raise() found news, or was to list it again (is_again), with the handle of
 * the pair; one at most, NULL: none. A handle goes to another pair where one gives way. */
typedef void (*seen_change_fn)(void *ctx, uint32_t handle, bool is_again);
void seen_on_change(struct seen *s, seen_change_fn fn, void *ctx);

/* Whose numbers are remembered. Called from within seen_raise(); must not call this table. */
struct seen_owner {
	void *ctx;
	/* Is there a record that the pair belongs to? It carries the number itself, and the pair is
	 * what keeps it from when it ends: it does not give way. */
	bool (*has_record)(void *ctx, const struct seen_pair *pair);
	/* A number of that domain that was to be remembered gave way. */
	void (*forgot)(void *ctx, uint16_t domain);
};
/* One at most; copied. NULL, as at first: what is remembered never gives way. */
void seen_on_full(struct seen *s, const struct seen_owner *owner);

/* What will be looked for is on its way here: first of several pairs the heads of chains, then of the
 * same ones what hangs on them. */
void seen_prefetch_head(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa);
void seen_prefetch(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa);

bool seen_get(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa,
	const struct ip6_addr *ha, struct seen_value *out);
/* The first pair of that mobile node of which `is` is true; its origin is 0. False: there is none, and
 * *out is of no use. */
typedef bool (*seen_is_fn)(const void *ctx, const struct seen_pair *pair);
bool seen_find(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa, seen_is_fn is,
	const void *ctx, struct seen_pair *out);
/* The highest epoch, and the highest timestamp or the floor, of all pairs of the home address. */
uint32_t seen_epoch(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa);
uint64_t seen_stamp(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa);

/* Handles are 1..max; false: there is none. */
bool seen_at(const struct seen *s, uint32_t handle, struct seen_pair *out);
/* The next handle in use behind `handle`, 0: no more. Start with 0. */
uint32_t seen_next(const struct seen *s, uint32_t handle);
struct changes *seen_changes(struct seen *s);

uint32_t seen_max(const struct seen *s); /* the highest handle there can be */
uint32_t seen_count(const struct seen *s);
uint32_t seen_count_in(const struct seen *s, uint16_t domain); /* of one that has a quota, else 0 */
uint64_t seen_memory(const struct seen *s); /* octets when all of it is in use */
