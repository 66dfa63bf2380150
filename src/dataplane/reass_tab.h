/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which fragments wait for which others (RFC 8200, 4.5; RFC 5722): a worker's table of datagrams
 * that are not complete, by source, destination and identification. What a fragment consists of
 * is opaque here, but for its octets: without EAL and without packet buffers, so that it is
 * tested against a naive twin and fuzzed. Time is handed in. One thread; the two counts by any.
 *
 * All memory is taken at start and everything is bounded:
 * - datagrams, and fragments in all: a new one pushes out the oldest datagram. Under a flood that
 *   is the one which has waited for longest in vain; what completes sooner than the flood fills
 *   the table passes unharmed;
 * - fragments of one source: a new one pushes out the oldest datagram of the same source, so that
 *   one source cannot push out everybody, and loses only its own datagrams when its path loses
 *   fragments at a high rate;
 * - fragments of one datagram, and its octets;
 * - the time since its first fragment came.
 *
 * A datagram with fragments that contradict each other, or with too many, or too large, is
 * given up: what was held of it is dropped, and so is what comes of it for another time-out.
 * Such a grave holds no fragment, counts against no source, and is the first to make room.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "dataplane/drop.h"

/* A source with the least MTU of IPv6 makes 8 fragments of the largest datagram that fits a
 * packet buffer (9,648 octets); twice that is no longer an honest one. */
#define REASS_MAX_FRAGMENTS 16

struct reass_key {
	struct ip6_addr src, dst;
	uint32_t id;
	uint16_t zone; /* the port where src or dst is link-local, plus 1; else 0 */
	uint16_t path; /* by which way it came: fragments of different ways are never joined */
};

struct reass_frag {
	void *buf; /* what the owner knows it by */
	const uint8_t *data; /* len octets; they stay until buf is dropped or handed out */
	uint16_t off, len; /* in the fragmentable part; len > 0, a multiple of 8 with `more` */
	bool more;
};

/* A fragment leaves for `why`; first: its offset is 0. Must not call back. */
typedef void (*reass_drop_fn)(void *ctx, void *buf, enum dp_drop why, bool first);

struct reass_opts {
	uint32_t max_datagrams; /* >= 2 */
	uint32_t max_fragments; /* > REASS_MAX_FRAGMENTS */
	uint32_t max_per_source; /* > REASS_MAX_FRAGMENTS */
	uint32_t max_octets; /* of a fragmentable part */
	uint64_t timeout; /* in the caller's ticks */
	uint64_t seed[2]; /* secret: whoever chooses keys must not choose buckets */
	reass_drop_fn drop;
	void *ctx;
};

struct reass_tab;

int reass_tab_new(const struct reass_opts *opts, struct reass_tab **out); /* 0 or -ENOMEM */
/* What is held is dropped for SHUTDOWN. NULL is fine. */
void reass_tab_free(struct reass_tab *t);

/*
 * Takes f->buf. NULL: it is held, or was dropped; so may have been others. Otherwise the datagram
 * is complete and its *count fragments, in their order and without gaps, are the caller's; the
 * array is valid until the next call. now: does not go back.
 */
const struct reass_frag *reass_tab_add(struct reass_tab *t, const struct reass_key *key,
	const struct reass_frag *f, uint64_t now, uint32_t *count);

/* Gives up at most max datagrams whose time is over; returns how many. */
uint32_t reass_tab_expire(struct reass_tab *t, uint64_t now, uint32_t max);

/* Held now; graves are no datagrams. */
uint32_t reass_tab_datagrams(const struct reass_tab *t);
uint32_t reass_tab_fragments(const struct reass_tab *t);
/* Nothing to wait for, graves included: reass_tab_expire() has nothing to do. */
bool reass_tab_is_empty(const struct reass_tab *t);
