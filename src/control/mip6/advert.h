/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mobile Prefix Advertisements on their way: answers, and those that nobody asked for (RFC 6275,
 * 10.6.2, 10.6.3). Control core only.
 *
 * Every live binding has a time at which an unsolicited one is due, four octets beside its record,
 * like that of the last one sent. A walk over all records, paced so that a million take a minute,
 * finds a binding that has none yet, new or restored, and gives it one at random; and begins what
 * is due. What was begun is in a table of
 * fixed size (waiting.h) until a solicitation acknowledges it or it was repeated often enough. So
 * neither a start with a million bindings nor a domain of mobile nodes that never answer makes a
 * burst: a full table and the domain's rate (limits.mpa-per-s) leave the rest for the next walk.
 */
#pragma once

#include "control/ctl_priv.h"

struct adverts;
struct record;

int adverts_new(struct ctl *ctl, struct adverts **out); /* 0 or -ENOMEM */
void adverts_free(struct adverts *a); /* NULL is fine */
uint64_t adverts_memory(const struct ctl *ctl); /* octets taken */

/* The mobile node asked, and may be told: now, or when a second has passed since the last one;
 * acknowledges what it did not ask for. False: it has to wait and there is no room. */
bool advert_answer(struct ctl *ctl, const struct record *rec, uint16_t id);
/* The binding ends: nothing more goes there (10.6.2), and the next one begins anew. */
void advert_cancel(struct ctl *ctl, const struct record *rec);
/* And its record goes: somebody else may get the handle. */
void advert_forget(struct ctl *ctl, const struct record *rec);
