/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Adjacencies: neighbours as workers see them. An adjacency is a number; behind it stand the
 * port, the neighbour's address and one 64-bit word (Ethernet address and flags) that control
 * replaces with one store, so readers never see half an address. Neighbour discovery
 * (control/nd) is the truth and the only writer; on-link destinations are found by
 * (port, address). Ids are 1..max; 0 = none. A freed id is not used again before a grace
 * period has passed.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"

struct dq;
struct adj_tbl;

#define ADJ_NONE 0

/* The word. */
#define ADJ_MAC_MASK   0xffffffffffffULL /* octet 0 of the address in bits 0-7 */
#define ADJ_RESOLVED   (1ULL << 48) /* the address is valid */
#define ADJ_REPORT_USE (1ULL << 49) /* stale: whoever uses it calls adj_mark_used() */

struct adj_opts {
	uint32_t max;
	uint64_t seed;
};

int adj_new(const struct adj_opts *opts, struct dq *dq, struct adj_tbl **out);
void adj_free(struct adj_tbl *t);

/* Control. A new unresolved adjacency, or ADJ_NONE when the table is full. One per (port, addr):
 * the caller looks first. */
uint32_t adj_add(struct adj_tbl *t, uint16_t port, const struct ip6_addr *addr);
int adj_del(struct adj_tbl *t, uint32_t id); /* 0, or -ENOSPC: deferred-free queue full */
void adj_set(struct adj_tbl *t, uint32_t id, const uint8_t mac[6], uint64_t flags);
void adj_clear(struct adj_tbl *t, uint32_t id); /* unresolved again */
bool adj_take_used(struct adj_tbl *t, uint32_t id); /* used since the last call? */
uint32_t adj_count(const struct adj_tbl *t);

/* Any reader between two quiescent reports. */
uint32_t adj_find(const struct adj_tbl *t, uint16_t port, const struct ip6_addr *addr);
uint64_t adj_word(const struct adj_tbl *t, uint32_t id); /* 0 for ADJ_NONE */
uint16_t adj_port(const struct adj_tbl *t, uint32_t id);
const struct ip6_addr *adj_addr(const struct adj_tbl *t, uint32_t id);
/* Differs from one owner of an id to the next, for who keeps an id longer than that: the same again
 * when 256 had it, each after a round of all free ids and a grace period. */
uint8_t adj_owner(const struct adj_tbl *t, uint32_t id);
void adj_mark_used(const struct adj_tbl *t, uint32_t id);
