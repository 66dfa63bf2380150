/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The binding cache as workers read it: two adjacent cache lines per binding. The first is what
 * a lookup compares and where the packet goes; the second the tunnel's two addresses, in the
 * order of an IPv6 header, and what an operator bills with. An entry is never changed after it
 * was published but for `nexthop`, `mtu`, `owner`, `grace` and the counters: a new content is a new
 * entry.
 */
#pragma once

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip6.h"
#include "net/ip6hdr.h"
#include "tables/sigtab.h"

enum bc_flag {
	BC_LIMIT_ALWAYS = 1, /* the domain adds the encapsulation limit option to every packet */
};

/* bc_entry.mss: these, or the largest maximum segment size that TCP may announce. */
enum { BC_MSS_OFF, BC_MSS_AUTO /* what fits the tunnel */ };

struct bc_entry {
	struct ip6_addr hoa;
	_Atomic uint64_t nexthop; /* FIB generation << 32 | adjacency; see bc_set_nexthop() */
	uint32_t record; /* handle in records/ */
	uint32_t sum; /* over all that never changes; tests verify it */
	uint32_t older; /* control only: the entry this one replaced, until its counters
	                             are folded in */
	uint16_t domain;
	uint8_t flags; /* enum bc_flag */
	_Atomic uint8_t owner; /* in a mesh: node of the site that owns it */
	uint16_t mss; /* BC_MSS_* or octets */
	_Atomic uint16_t
		mtu; /* of the path to coa, UINT16_MAX: not below the link's; bc_set_mtu() */
	struct ip6_addr old_coa; /* the one before coa; */
	_Atomic bool grace; /* tunnels from there are still opened */
	uint8_t bucket; /* in a mesh: of its key (common/key.h) */
	uint8_t unused[2];

	struct ip6_addr ha; /* tunnel source: the home agent address it was registered with */
	struct ip6_addr coa; /* tunnel destination */
	_Atomic uint64_t packets_to, bytes_to; /* to the mobile node, inner packets */
	_Atomic uint64_t packets_from, bytes_from; /* from the mobile node, inner packets */
} __attribute__((aligned(64)));

static_assert(sizeof(struct bc_entry) == 128, "two cache lines");
static_assert(offsetof(struct bc_entry, ha) == 64, "what encapsulation needs starts a line");
static_assert(offsetof(struct bc_entry, coa) == 80, "source and destination as in the header");

/* What readers need of the cache: its first member. Nothing of it changes while readers run, but for
 * what is left of the overflow buckets, seldom. */
struct bc_view {
	struct sigtab tab;
	struct bc_entry *entry; /* 0 is none */
	uint64_t seed;
};

struct bc;

static inline const struct bc_view *bc_view(const struct bc *bc)
{
	return (const struct bc_view *)bc;
}

/*
 * A lookup in steps, for who has other work between them: at a million bindings each touches memory
 * that no cache holds, and a core waits for some twenty lines at a time, not for a burst's. What is
 * found stays valid until the caller's next quiescent report.
 *
 *   hash = bc_ask(bc, hoa)               the bucket is on its way
 *   guess = bc_guess(bc, hash)           both lines of what will nearly always be the binding
 *   e = bc_check(bc, hoa, hash, guess)   the binding, or NULL
 */
static inline uint64_t bc_ask(const struct bc *bc, const struct ip6_addr *hoa)
{
	uint64_t hash = ip6_hash(hoa, bc_view(bc)->seed);

	sigtab_prefetch(&bc_view(bc)->tab, hash);
	return hash;
}

static inline const struct bc_entry *bc_guess(const struct bc *bc, uint64_t hash)
{
	const struct bc_entry *e = &bc_view(bc)->entry[sigtab_peek(&bc_view(bc)->tab, hash)];

	__builtin_prefetch(e);
	if (likely(e != bc_view(bc)->entry)) /* that of no binding is read by all workers */
		__builtin_prefetch(&e->ha, 1);
	return e;
}

/* Where a bucket has overflown, two signatures are alike, or there is no binding. */
const struct bc_entry *bc_check_again(
	const struct bc *bc, const struct ip6_addr *hoa, uint64_t hash);

static inline const struct bc_entry *bc_check(const struct bc *bc, const struct ip6_addr *hoa,
	uint64_t hash, const struct bc_entry *guess)
{
	if (likely(ip6_eq(&guess->hoa, hoa) && guess != bc_view(bc)->entry))
		return guess;
	return bc_check_again(bc, hoa, hash);
}

#define BC_BULK_MAX 64

/* The bindings of n home addresses (n <= BC_BULK_MAX), NULL where there is none: all the steps, for
 * a caller that has nothing else to do meanwhile. */
void bc_find_bulk(const struct bc *bc, const struct ip6_addr *const hoa[], uint32_t n,
	const struct bc_entry *out[]);

#define BC_LIMIT_LEN 8 /* Destination Options with the encapsulation limit and padding */

/* Octets that the tunnel puts in front of a packet that is no tunnel packet itself. */
static inline uint32_t bc_overhead(const struct bc_entry *e)
{
	return sizeof(struct net_ip6) + (e->flags & BC_LIMIT_ALWAYS ? BC_LIMIT_LEN : 0);
}

/* The largest tunnel packet that arrives whole, where the way out takes link_mtu octets. Any
 * worker; the entry's first line. */
static inline uint32_t bc_path_mtu(const struct bc_entry *e, uint32_t link_mtu)
{
	uint32_t mtu = atomic_load_explicit(&e->mtu, memory_order_relaxed);

	return mtu < link_mtu ? mtu : link_mtu;
}

/* The mobile node speaks from its care-of address, or not long ago did. Any worker. */
static inline bool bc_is_from(const struct bc_entry *e, const struct ip6_addr *src)
{
	if (likely(ip6_eq(src, &e->coa)))
		return true;
	return atomic_load_explicit(&e->grace, memory_order_relaxed) && ip6_eq(src, &e->old_coa);
}

/* What `sum` is over: everything that never changes after publishing. Any reader. */
uint32_t bc_sum(const struct bc_entry *e);

/* One relaxed add for a run of packets of one binding. Any worker. */
static inline void bc_count_to(const struct bc_entry *e, uint64_t packets, uint64_t bytes)
{
	struct bc_entry *w = (struct bc_entry *)(uintptr_t)e;

	atomic_fetch_add_explicit(&w->packets_to, packets, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->bytes_to, bytes, memory_order_relaxed);
}

static inline void bc_count_from(const struct bc_entry *e, uint64_t packets, uint64_t bytes)
{
	struct bc_entry *w = (struct bc_entry *)(uintptr_t)e;

	atomic_fetch_add_explicit(&w->packets_from, packets, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->bytes_from, bytes, memory_order_relaxed);
}
