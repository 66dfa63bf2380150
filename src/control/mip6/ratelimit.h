/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many Binding Updates are looked at: a token bucket for each IPv6 source of a domain and one
 * for the domain. Sources are remembered in a table of fixed size, 4-way set-associative with a
 * keyed hash: a flood from many sources replaces the longest silent ones and then meets the
 * domain's bucket; it cannot choose whom it replaces. A source that is new, or was forgotten,
 * starts with a full burst. Pure: time is handed in. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

struct conf_domain;
struct ratelimit;

#define RATELIMIT_WAYS 4

struct ratelimit_opts {
	const struct conf_domain *domains; /* their limits; kept, must outlive the table */
	uint32_t domain_count;
	uint32_t entries; /* sources remembered: a power of two, at least RATELIMIT_WAYS */
	uint64_t seed;
	uint64_t now_ms;
};

int ratelimit_new(const struct ratelimit_opts *opts, struct ratelimit **out); /* -EINVAL, -ENOMEM */
void ratelimit_free(struct ratelimit *rl); /* NULL is fine */

/* One message from src to domain number `domain`: true when it may be looked at. What its source's
 * bucket refuses costs the domain nothing. */
bool ratelimit_take(
	struct ratelimit *rl, uint32_t domain, const struct ip6_addr *src, uint64_t now_ms);
