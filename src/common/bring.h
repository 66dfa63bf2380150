/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A ring of octets between two threads: one writes records of any length, one reads them, in
 * order, without a lock. What does not fit is refused and counted, nobody ever waits. The writer
 * may prepare several records and publish only the first of them.
 */
#pragma once

#include <stdint.h>

struct bring;

/* octets: a power of two, at least 64. A record takes its length and up to 15 more, and at most
 * half of the ring. 0, -EINVAL or -ENOMEM. */
int bring_new(uint32_t octets, struct bring **out);
/* Wipes: records may be packets, or keys. Both threads must be through; NULL is fine. */
void bring_free(struct bring *r);

/* --- the writer --- */

/* Room for a record of len octets behind those prepared, aligned to 8; NULL: full, counted. */
void *bring_prepare(struct bring *r, uint32_t len);
/* Where the next record would be prepared. */
uint64_t bring_at(const struct bring *r);
/* The reader sees what was prepared before bring_at() was `at`; what was prepared later is
 * forgotten, but for what was published before: that stays. */
void bring_publish(struct bring *r, uint64_t at);
void bring_count_lost(struct bring *r, uint64_t n); /* what the writer left out by itself */

/* --- the reader --- */

/* The oldest record, *len octets, valid until bring_drop(); NULL: none. */
const void *bring_peek(struct bring *r, uint32_t *len);
void bring_drop(struct bring *r); /* done with what bring_peek() showed */

uint64_t bring_lost(const struct bring *r); /* refused so far; any thread */
