/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one FIB: "what is this destination?". A trie of ours: the first 16 bits index the root, and
 * below it there is a node of 256 entries for each octet where prefixes end or their ways part; the
 * octets between are compared, not walked. An entry holds the value of the longest prefix that ends
 * in this node, and the child where longer ones are. A change of a route rewrites entries of one
 * node, each with one store, so a reader sees every destination as it was before or as it is
 * after; nodes that nothing needs any more are freed after a grace period. (rte_fib6 of DPDK
 * 22.11 loses count of its nodes with every deletion and soon refuses all additions:
 * docs/decisions/003-own-fib.md; why octets are skipped: docs/decisions/013-packet-path.md.)
 *
 * Writer: the control core; readers: workers and control. Beside the trie stands the route
 * list, the truth that it is built from.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip6.h"

struct dq;
struct fib;

enum fib_kind {
	FIB_UNREACHABLE = 0, /* no route */
	FIB_LOCAL, /* an address of ours on a port; index = row in addrs */
	FIB_HOME_AGENT, /* a home agent address, our own or a peer's; index = fib_agent() */
	FIB_DOMAIN, /* inside a mobile prefix; index = domain: ask the binding cache */
	FIB_ONLINK, /* a neighbour; index = port: ask adj_find(port, destination) */
	FIB_VIA, /* behind a gateway; index = adjacency */
	FIB_ANYCAST, /* home agents' anycast address of a mobile prefix; index = domain */
	FIB_KIND_COUNT
};

#define FIB_BULK_MAX 64

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

/* The home agent address of a domain that was given to a site; node 0: to all, or there is no mesh. */
static inline uint32_t fib_agent(uint16_t domain, uint8_t node)
{
	return (uint32_t)node << 16 | domain;
}

/* Of FIB_HOME_AGENT, FIB_DOMAIN and FIB_ANYCAST. */
static inline uint16_t fib_domain(uint32_t value)
{
	return (uint16_t)value;
}

static inline uint8_t fib_node(uint32_t value)
{
	return (uint8_t)(value >> 16);
}

struct fib_opts {
	uint32_t max_routes; /* in all; -ENOSPC past it */
	uint32_t max_nodes; /* of the trie, 2.3 KB each; 0 = enough for max_routes */
	uint64_t seed; /* of the route list's hash */
};

int fib_new(const struct fib_opts *opts, struct dq *dq, struct fib **out); /* 0 or -errno */
void fib_free(struct fib *fib); /* NULL is fine; workers must have stopped, before dq_free() */

/* Add or replace a route (no host bits in prefix). Visible to readers at once. 0, or -ENOSPC:
 * routes, nodes or deferred-free queue full, nothing changed. */
int fib_set(struct fib *fib, const struct ip6_prefix *prefix, uint32_t value);
/* 0, -ENOENT, or -ENOSPC: deferred-free queue full, nothing changed. */
int fib_del(struct fib *fib, const struct ip6_prefix *prefix);

/* Counts changes: an answer that was cached under another generation may be stale. Read it
 * before the lookup whose answer is kept. Any reader. */
uint32_t fib_generation(const struct fib *fib);

/* Bulk lookup, n <= FIB_BULK_MAX. Any reader between two quiescent reports. */
void fib_lookup_bulk(
	const struct fib *fib, const struct ip6_addr *const dst[], uint32_t *value, uint32_t n);
static inline uint32_t fib_lookup(const struct fib *fib, const struct ip6_addr *dst)
{
	uint32_t v;

	fib_lookup_bulk(fib, &dst, &v, 1);
	return v;
}

/* The route list, from *cursor on (start with 0); false at the end. In order of insertion as
 * long as nothing was deleted; each route that is there all the time is seen exactly once.
 * Control only. */
bool fib_next(const struct fib *fib, uint32_t *cursor, struct ip6_prefix *prefix, uint32_t *value);
uint32_t fib_count(const struct fib *fib);
size_t fib_memory(const struct fib *fib); /* bytes taken */
