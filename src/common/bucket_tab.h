/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A token bucket for each address, in a table of fixed size: 4-way set-associative with a keyed
 * hash. Who is new takes the place of whoever of its set was silent longest, and starts with a full
 * burst: a flood from many addresses has to be met by a limit for all of them, but it cannot choose
 * whom it replaces, and whoever floods is never forgotten for it. Pure: time is handed in. One
 * owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

#define BUCKET_TAB_WAYS 4

struct bucket_tab;

/* entries: a power of two, at least BUCKET_TAB_WAYS; 48 octets each, those of a set in three cache
 * lines, touched here. 0, -EINVAL or -ENOMEM. */
int bucket_tab_new(uint32_t entries, uint64_t seed, struct bucket_tab **out);
void bucket_tab_free(struct bucket_tab *t); /* NULL is fine */

/* Before bucket_tab_take() of the same: the memory is on its way, should no cache have it. */
void bucket_tab_ask(const struct bucket_tab *t, uint32_t group, const struct ip6_addr *addr);

/* One token of addr in `group` (< UINT32_MAX; a domain: each counts by itself); false when there is
 * none. rate tokens a second, up to `burst` of them saved up: always the same of a group. */
bool bucket_tab_take(struct bucket_tab *t, uint32_t group, const struct ip6_addr *addr,
	uint32_t rate, uint32_t burst, uint64_t now_ms);
