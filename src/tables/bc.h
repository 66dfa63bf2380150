/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The binding cache: which home address is reachable at which care-of address. One writer, the
 * control core. Workers read through bc_view.h; what they find stays valid until their next
 * quiescent report. Holds nothing that can't be rebuilt from records/.
 *
 * 64-byte buckets of eight 16-bit signatures and eight entry numbers, chained when they
 * overflow; entries of 128 bytes in one array. Publishing writes a fresh entry and then one
 * entry number. Counters of a replaced entry are added to its successor after the grace period:
 * no increment is lost, and a reader on the control core never sees a total go back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

struct bc;
struct bc_entry;
struct dq;

struct bc_opts {
	uint32_t max; /* bindings; memory is taken at once: about 160 bytes each */
	uint64_t seed; /* of the hash */
};

struct bc_binding {
	struct ip6_addr hoa, coa, ha;
	uint32_t record;
	uint16_t domain;
	uint8_t flags; /* enum bc_flag */
	uint16_t mss; /* BC_MSS_* or octets: bc_view.h */
	uint16_t mtu; /* what is known of the path to coa, 0: nothing */
	uint8_t owner; /* in a mesh: the site that owns it, and */
	uint8_t bucket; /* of its key (common/key.h) */
	bool grace; /* what comes from the care-of address that this one replaces is still taken */
	uint32_t fib_generation; /* and */
	uint32_t adjacency; /* what the care-of address resolved to; 0 = workers look it up */
};

struct bc_counts {
	uint64_t packets_to, bytes_to, packets_from, bytes_from;
};

int bc_new(const struct bc_opts *opts, struct dq *dq, struct bc **out); /* 0 or -errno */
void bc_free(struct bc *bc); /* NULL is fine; workers must have stopped, before dq_free() */

/* Make a binding visible, or replace it, with one store. 0; -ENOSPC: table or deferred-free
 * queue full, nothing changed. */
int bc_publish(struct bc *bc, const struct bc_binding *b);
/* Take it away. Workers may count in it until the grace period is over: its totals come by
 * bc_on_final(). 0, -ENOENT, -ENOSPC: deferred-free queue full, nothing changed. */
int bc_remove(struct bc *bc, const struct ip6_addr *hoa);

/* Called from dq_run() and dq_drain() for every binding that was removed, once nobody can count in
 * it any more, in the order of the removals: `total` is exact. e is valid for the call. */
typedef void (*bc_final_fn)(void *ctx, const struct bc_entry *e, const struct bc_counts *total);
void bc_on_final(struct bc *bc, bc_final_fn fn, void *ctx); /* fn NULL: nobody wants to know */
const struct bc_entry *bc_find(const struct bc *bc, const struct ip6_addr *hoa);
/* Totals with those of entries that it replaced. Control only. */
void bc_counts(const struct bc *bc, const struct bc_entry *e, struct bc_counts *out);
/* A new cached next hop for a published entry, in place. Control only. */
void bc_set_nexthop(const struct bc_entry *e, uint32_t fib_generation, uint32_t adjacency);
/* The same for the path MTU to its care-of address; 0: nothing is known. Control only. */
void bc_set_mtu(const struct bc_entry *e, uint16_t mtu);
/* Another owner, in a mesh. Control only. */
void bc_set_owner(const struct bc_entry *e, uint8_t owner);
/* Its old care-of address is old enough. Control only. */
void bc_end_grace(const struct bc_entry *e);
uint32_t bc_count(const struct bc *bc);
size_t bc_memory(const struct bc *bc); /* bytes taken */
