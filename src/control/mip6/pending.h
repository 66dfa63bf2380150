/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers that wait until enough sites of the mesh hold the record that they acknowledge: found by
 * the token that goes with the wait (sync/engine.h), and by the record, behind whose waiting
 * answers later ones stay in their order. Bounded; memory is touched as it is used. Pure. One
 * owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/mip6/answer.h"

struct pending;

int pending_new(uint32_t max, struct pending **out); /* 0, -EINVAL (max is 0), -ENOMEM */
void pending_free(struct pending *p); /* NULL is fine */

/* A place for an answer about that record, to be filled in, and its token, which is never 0.
 * NULL: full. */
struct mip6_answer *pending_put(struct pending *p, uint32_t handle, uint64_t *token);
/* NULL: nothing waits under that token, or not any more. */
struct mip6_answer *pending_find(struct pending *p, uint64_t token);
/* The record of such an answer, 0: there is none. */
uint32_t pending_handle(struct pending *p, uint64_t token);
void pending_drop(struct pending *p, uint64_t token); /* one that is there */

bool pending_has(const struct pending *p, uint32_t handle);
uint32_t pending_count(const struct pending *p);
