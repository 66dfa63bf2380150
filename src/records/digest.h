/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a site holds of one domain, in a few numbers that it can compare with another site's: 2^bits
 * ranges of keys (the high bits of record_key()), for each the number of records in it and the
 * exclusive or of a keyed hash (SipHash-2-4) of each: of key, both versions and whether it is a
 * tombstone, nothing else. So sites that merged the same copies have the same digests, whatever
 * came first. Each change costs one hash; nothing is ever counted anew but with a new key.
 *
 * The key is a random one of the domain's sites, unknown to whoever chooses home addresses and
 * sequence numbers (docs/decisions/018-records-of-a-mesh.md). Each site makes one at its start; of
 * two keys that meet the older one is for both. A site that takes another key makes its digests
 * anew, in slices, and has none to compare until then.
 *
 * The user says what is in: all records but those that have ended at a site that is not their
 * owner. Plain C, one owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct record;
struct records;

#define DIGEST_KEY_LEN   16
#define DIGEST_BITS_MAX  18 /* 4 MB, for 33 million records */
#define DIGEST_RANGE_MAX 256 /* records in a range that digest_bits() is about */

struct digest_key {
	uint64_t born_ms; /* time of day when it was made, milliseconds since 1970 */
	uint8_t key[DIGEST_KEY_LEN]; /* random */
};

/* < 0: a is the one for both; 0: they are the same. */
int digest_key_cmp(const struct digest_key *a, const struct digest_key *b);

/* Of as many records as there may be: half of DIGEST_RANGE_MAX in a range then, so that hardly
 * any range has more than that. */
unsigned digest_bits(uint32_t records_max);

struct digest;

struct digest_opts {
	struct records *records; /* with opts.mesh */
	uint16_t domain; /* number of the domain in records */
	uint32_t domain_id; /* next_domain() of its name */
	unsigned bits; /* at most DIGEST_BITS_MAX; a site of another size has others */
	struct digest_key key;
};

int digest_new(const struct digest_opts *opts, struct digest **out); /* 0, -EINVAL, -ENOMEM */
void digest_free(struct digest *d); /* NULL is fine */

/* In, as it is now; whether it was in or not. After every change of a version or the state. */
void digest_set(struct digest *d, struct record *r);
/* Out: it goes, or it has ended here. Fine when it is not in. */
void digest_drop(struct digest *d, struct record *r);
bool digest_has(const struct digest *d, const struct record *r);
/* What one that is in counts for, while digest_is_ready(). */
uint64_t digest_hash(const struct digest *d, const struct record *r);

struct digest_sum {
	uint64_t hash;
	uint32_t count;
};

/*
 * Of all keys whose highest k bits are `range`; k <= bits, k = 0: of all. Takes digest_fold_steps().
 * Only while digest_is_ready().
 */
struct digest_sum digest_fold(const struct digest *d, unsigned k, uint32_t range);
uint32_t digest_fold_steps(const struct digest *d, unsigned k);
unsigned digest_bits_of(const struct digest *d);
uint32_t digest_count(const struct digest *d);

/*
 * The records that are in, of one of the 2^bits ranges, in no order: start with *handle 0; false:
 * there are no more. Whoever stops in between goes on with the handle: all that are in the range
 * all the time are seen, unless the one at which it stopped has left the range meanwhile. Then
 * *handle is 0: start again.
 */
bool digest_next(const struct digest *d, uint32_t range, uint32_t *handle);

const struct digest_key *digest_key_of(const struct digest *d);
/* The key of another site; true: it is older, so that it is for both, and digest_turn() has work
 * to do. */
bool digest_key_hear(struct digest *d, const struct digest_key *key);
bool digest_is_ready(const struct digest *d);
/* Goes on with counting anew, through at most `budget` records or ranges; true: it is ready. */
bool digest_turn(struct digest *d, uint32_t budget);

uint64_t digest_memory(const struct digest *d); /* octets when all of it is in use */
