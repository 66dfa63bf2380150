/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many Binding Updates are looked at: a token bucket for each IPv6 source of a domain, for each
 * mobile node that speaks from where it is bound one instead, and two for the domain: one for those,
 * one for everybody else, so that whoever invents addresses, or takes the care-of address of somebody
 * for a source, takes nothing from a refresh. How many are carried out:
 * a bucket for each mobile node. How many requests for home agents are answered: a bucket for each
 * source, and one for the domain. Sources and mobile nodes are remembered in tables of fixed size
 * (common/bucket_tab.h): a flood from many sources replaces the longest silent ones and then meets
 * the domain's bucket. Pure: time is handed in. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

struct conf_domain;
struct ratelimit;

struct ratelimit_opts {
	const struct conf_domain *domains; /* their limits; kept, must outlive the table */
	uint32_t domain_count;
	uint32_t entries; /* remembered in each table: as in bucket_tab_new() */
	uint64_t seed;
	uint64_t now_ms;
};

int ratelimit_new(const struct ratelimit_opts *opts, struct ratelimit **out); /* -EINVAL, -ENOMEM */
void ratelimit_free(struct ratelimit *rl); /* NULL is fine */

/* One message to domain number `domain`: true when it may be looked at. What the first bucket refuses
 * costs the domain nothing. known: it comes from the care-of address of a binding of the home address
 * in it, and `who` is that home address; else its source. */
bool ratelimit_take(struct ratelimit *rl, uint32_t domain, const struct ip6_addr *who, bool known,
	uint64_t now_ms);

/* One request for home agents (RFC 6275, 10.5.1): true when it may be answered. */
bool ratelimit_take_request(
	struct ratelimit *rl, uint32_t domain, const struct ip6_addr *src, uint64_t now_ms);

/* One registration, refresh or move that was found good: true when it may be carried out. Asked
 * last, so that nobody who cannot authenticate uses up what a mobile node has. */
bool ratelimit_take_node(
	struct ratelimit *rl, uint32_t domain, const struct ip6_addr *hoa, uint64_t now_ms);
