/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Accounting events that wait until the store has what they tell, in their order: what was billed
 * must not go back when hamd is killed. Bounded. One owner, the control core.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "control/acct.h"

/* At 10,000 lines a second: what comes while a disk takes 400 ms. 2 MB, touched as it is used. */
#define ACCT_WAIT_SIZE 4096

struct acct_wait;

struct acct_wait *acct_wait_new(void); /* NULL: no memory */
void acct_wait_free(struct acct_wait *w); /* NULL is fine */
uint32_t acct_wait_count(const struct acct_wait *w);
/* There must be room. mark: when it may be told. */
void acct_wait_put(struct acct_wait *w, const struct acct_event *e, uint64_t mark);
/* The first n of those that wait now wait no longer: they are let go whatever their mark. */
void acct_wait_give_up(struct acct_wait *w, uint32_t n);
/* The first one if it may go, now that everything up to mark `reached` is in the store, else NULL;
 * *given_up: it did not wait to its end. Then acct_wait_drop(). */
struct acct_event *acct_wait_first(struct acct_wait *w, uint64_t reached, bool *given_up);
void acct_wait_drop(struct acct_wait *w);
