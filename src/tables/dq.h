/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deferred free: what workers may still be reading is freed after a grace period. A bounded
 * queue over rte_rcu_qsbr tokens: start, later check without waiting. When it is full, new
 * state is refused by whoever wanted to push; nothing is leaked and nobody waits. (rte_hash's
 * and rte_rcu_qsbr_dq's own modes wait for themselves in one-lcore mode or leak.)
 * One owner, the control core, which is no reader.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct rte_rcu_qsbr;
struct dq;

typedef void (*dq_free_fn)(void *ctx, uint64_t item);

int dq_new(struct rte_rcu_qsbr *rcu, uint32_t size, struct dq **out); /* size: power of two */
void dq_free(struct dq *dq); /* dq_drain() and away; NULL is fine */
/* Runs every waiting free at once, grace period or not: readers must have stopped. A table whose
 * frees may wait here calls it before it goes. */
void dq_drain(struct dq *dq);

uint32_t dq_room(const struct dq *dq);
/* Room for n pushes? 0, or -ENOSPC, counted as refused: asked before changing what can't be
 * undone. */
int dq_need(struct dq *dq, uint32_t n);
/* 0, or -ENOSPC when full, counted. Items are freed in the order in which they were pushed. */
int dq_push(struct dq *dq, dq_free_fn fn, void *ctx, uint64_t item);
/* Free at most max items whose grace period is over; returns how many. Never waits. */
uint32_t dq_run(struct dq *dq, uint32_t max);
uint32_t dq_used(const struct dq *dq);
uint32_t dq_done(const struct dq *dq); /* freed so far, modulo 2^32 */
uint64_t dq_refused(const struct dq *dq); /* answered -ENOSPC, ever */
