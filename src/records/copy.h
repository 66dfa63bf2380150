/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One copy of a record as it travels between sites, and how two copies become one. The domain is
 * said by the message that it travels in. Pure, but for reading and writing the record store.
 *
 * The merge is commutative, associative and idempotent, so that sites which heard the same copies
 * hold the same, whatever came first and how often. Content and owner are merged apart, each by
 * its own version. With the content go all fields below it. How long it lasts goes with the
 * content, too; of copies with the same content that one's word counts who was owner last:
 * remaining_by says under which term and owner it was said; what a site read from its store is
 * nobody's word (0, 0) and counts least, because the clock may have been set since. The path MTU is
 * soft: of copies with the same content the lower one counts, until it is RECORD_MTU_AGE_S old.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "records/records.h"
#include "records/version.h"

struct record_copy {
	struct ip6_addr hoa; /* key, with the domain */
	struct content_version content;
	struct owner_version owner;

	/* what `content` is the version of */
	struct ip6_addr ha, coa;
	uint32_t lifetime_s; /* granted, at most RECORD_LIFETIME_MAX_S */
	uint16_t flags; /* of the Binding Update: enum mh_bu_flag */
	uint8_t state; /* enum record_state */
	uint8_t order; /* enum record_order */
	uint8_t extra_len;
	const uint8_t *extra; /* fields that this release does not know, as they came; borrowed */

	/* said of this content by whoever answers for it */
	uint32_t remaining_ms; /* at most record_lasts_most_ms() */
	struct owner_term remaining_by;
	uint16_t mtu, mtu_age_s; /* path MTU to coa, 0: not known; how long it has been known */

	/* of the mobile node, whatever the content: the highest counts */
	uint64_t stamp; /* last accepted RFC 4285 timestamp, 0: none */
};

/* How long a copy of that state and granted lifetime can last at most: a tombstone as long as what
 * it ended, and RECORD_TOMBSTONE_MS at least. */
uint32_t record_lasts_most_ms(uint8_t state, uint32_t lifetime_s);

/* a and b are of one home address; out may be either. */
void record_merge(
	const struct record_copy *a, const struct record_copy *b, struct record_copy *out);

/* The record as it is now, stamp excepted, which stays 0; out->extra is the store's memory until
 * the record changes. */
void record_copy_of(
	struct records *rs, const struct record *r, uint64_t now_ms, struct record_copy *out);
/*
 * Makes the record what the copy says, but for its key and the stamp, by records_set(); its change
 * list, digest and origin are for the caller. 0; -ENOMEM for the fields that are not known:
 * nothing has changed.
 */
int record_copy_put(
	struct records *rs, struct record *r, const struct record_copy *c, uint64_t now_ms);
