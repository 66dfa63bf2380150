/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may register: the subscribers of all domains, one by one and by ranges of home addresses, as
 * mobile-nodes, subscribers files and ranges say. Plain C, no DPDK.
 *
 * A set is built by one thread, sealed, and never changed again: any thread may read it, for as
 * long as whoever owns it keeps it. A reload builds a whole new one beside the one in use; control
 * then takes the new one in one step, so that at any time exactly one of them answers, and gives
 * the old one back. What a subscriber does lives elsewhere, in records and stamps.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

struct mac_key;
struct subs;

enum sub_auth { SUB_AUTH_NONE, SUB_AUTH_MN_HA };

#define SUB_NO_KEY UINT32_MAX

/* What holds for a subscriber. */
struct sub {
	const char *nai; /* NULL: any; the set's memory */
	uint32_t spi; /* MN_HA */
	uint32_t lifetime_max_s; /* a multiple of 4 */
	uint32_t key; /* MN_HA: number of the key, else SUB_NO_KEY */
	uint16_t domain;
	uint8_t auth; /* enum sub_auth */
	bool replay; /* the replay protection option is demanded */
};

/* Where it was said, for people: mobile-nodes[number], line `number` of the file, or
 * ranges[number]. */
enum sub_source { SUB_NODE, SUB_LINE, SUB_RANGE };

struct sub_place {
	enum sub_source source;
	uint32_t number; /* < 2^31 */
};

/* --- building --- */

struct subs_opts {
	uint32_t max; /* subscribers, ranges not counted */
	uint16_t domains;
	uint64_t seed;
};

int subs_new(const struct subs_opts *opts, struct subs **out); /* 0, -ENOMEM */
void subs_free(struct subs *s); /* wipes its keys; NULL is fine */

/* Room for one more key, in guarded memory, and its number. 0, -ENOMEM. */
int subs_add_key(struct subs *s, struct mac_key **key, uint32_t *number);
/*
 * One more subscriber; `sub` and its nai are copied. 0; -EEXIST: the home address is there already,
 * *there is where; -ENOSPC: more than max; -ENOMEM.
 */
int subs_add(struct subs *s, const struct ip6_addr *hoa, const struct sub *sub,
	struct sub_place place, struct sub_place *there);
/* All home addresses of a prefix that have no line of their own; no two ranges are equal. 0,
 * -ENOMEM. */
int subs_add_range(
	struct subs *s, const struct ip6_prefix *range, const struct sub *sub, uint32_t number);
/* Remember the name of the domain's file. 0, -ENOMEM. */
int subs_set_file(struct subs *s, uint16_t domain, const char *path);
/* The last call before it is used. */
void subs_seal(struct subs *s);

/* --- using --- */

/* The subscriber's own, else the longest range that holds the home address, else NULL. */
const struct sub *subs_find(const struct subs *s, uint16_t domain, const struct ip6_addr *hoa);
/* Where a sub that subs_find() returned was said. */
struct sub_place subs_place(const struct subs *s, const struct sub *sub);
/* Valid as long as the set; NULL without one. */
const struct mac_key *subs_key(const struct subs *s, const struct sub *sub);

struct subs_counts {
	uint32_t subscribers; /* one by one, and of these */
	uint32_t lines; /* those from the file, and of these */
	uint32_t open_lines; /* those with SUB_AUTH_NONE */
	uint32_t ranges;
	bool has_keys; /* anyone of them, ranges included, has a key */
	const char *file; /* where the lines are from, NULL; the set's memory */
};

const struct subs_counts *subs_counts(const struct subs *s, uint16_t domain);
uint32_t subs_count(const struct subs *s); /* subscribers of all domains */
uint64_t subs_memory(const struct subs *s); /* octets taken, keys included */

/* --- comparing --- */

struct subs_diff { /* subscribers and ranges together */
	uint32_t added, changed, removed;
};

/* What it takes to get from one set to the other; a key counts by what it is, not by where it was
 * read. Two look-ups a subscriber: a second for some millions. */
void subs_compare(const struct subs *from, const struct subs *to, struct subs_diff *out);
