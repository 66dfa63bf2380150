/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one FIB: "what is this destination?". Two rte_fib6 instances, left and right, since
 * rte_fib6 has no RCU in 22.11: changes go to the idle one, one pointer swap, a grace period,
 * the same changes to the other. Writer: the control core; readers: workers and control.
 * Beside it stands the route list, the truth that both are built from.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

struct rte_rcu_qsbr;
struct fib;

enum fib_kind {
	FIB_UNREACHABLE = 0, /* no route */
	FIB_LOCAL, /* an address of ours on a port; index = row in addrs */
	FIB_HOME_AGENT, /* a home agent address; index = domain */
	FIB_DOMAIN, /* inside a mobile prefix; index = domain: ask the binding cache */
	FIB_ONLINK, /* a neighbour; index = port: ask adj_find(port, destination) */
	FIB_VIA, /* behind a gateway; index = adjacency */
	FIB_KIND_COUNT
};

static inline uint32_t fib_value(enum fib_kind kind, uint32_t index)
{
	return (uint32_t)kind << 28 | index;
}

static inline enum fib_kind fib_kind(uint32_t value)
{
	return (enum fib_kind)(value >> 28);
}

static inline uint32_t fib_index(uint32_t value)
{
	return value & 0x0fffffff;
}

struct fib_opts {
	uint32_t max_routes; /* in all; -ENOSPC past it */
	uint32_t num_tbl8; /* rte_fib6's trie nodes; 0 = derived from max_routes */
	int socket; /* NUMA node or -1 */
};

int fib_new(const struct fib_opts *opts, struct rte_rcu_qsbr *rcu, struct fib **out);
void fib_free(struct fib *fib);

/* Change the route list; visible to readers after fib_poll() swapped. fib_set replaces. 0,
 * -ENOSPC, -ENOENT. A failed call changes nothing. */
int fib_set(struct fib *fib, const struct ip6_prefix *prefix, uint32_t value);
int fib_del(struct fib *fib, const struct ip6_prefix *prefix);

/* One bounded step (at most `max` route changes, never waits); call it every turn. Returns true
 * while there is work left. */
bool fib_poll(struct fib *fib, uint32_t max);
/* All of it, waiting; only before workers run. */
void fib_settle(struct fib *fib);

/* Counts swaps: a cached answer from another generation may be stale. Any reader. */
uint32_t fib_generation(const struct fib *fib);

/* Bulk lookup, n <= 64; addresses are copied from where they lie. Any reader between two
 * quiescent reports. */
void fib_lookup_bulk(
	const struct fib *fib, const struct ip6_addr *const dst[], uint32_t *value, uint32_t n);
static inline uint32_t fib_lookup(const struct fib *fib, const struct ip6_addr *dst)
{
	uint32_t v;

	fib_lookup_bulk(fib, &dst, &v, 1);
	return v;
}

/* The route list in order of insertion, from *cursor on (start with 0); false at the end.
 * Control only. */
bool fib_next(const struct fib *fib, uint32_t *cursor, struct ip6_prefix *prefix, uint32_t *value);
uint32_t fib_count(const struct fib *fib);
