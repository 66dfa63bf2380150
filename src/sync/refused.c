/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/refused.h"

#include <stddef.h>

static void raise_to(uint64_t *until, uint64_t at)
{
	if (at > *until)
		*until = at;
}

/* Its place in the list, or where it may have one; NULL: all others were refused later. */
static struct refused_domain *place_of(struct refused *r, uint32_t domain, uint64_t at)
{
	struct refused_domain *oldest = &r->of[0];

	for (unsigned i = 0; i < r->count; i++) {
		if (r->of[i].domain == domain)
			return &r->of[i];
		if (r->of[i].until < oldest->until)
			oldest = &r->of[i];
	}
	if (r->count < REFUSED_DOMAINS) {
		r->of[r->count] = (struct refused_domain){ .domain = domain };
		return &r->of[r->count++];
	}
	if (oldest->until >= at)
		return NULL;
	raise_to(&r->rest, oldest->until);
	*oldest = (struct refused_domain){ .domain = domain };
	return oldest;
}

void refused_note(struct refused *r, uint32_t domain, uint64_t at)
{
	struct refused_domain *place = place_of(r, domain, at);

	raise_to(&r->any, at);
	raise_to(place != NULL ? &place->until : &r->rest, at);
}

void refused_note_all(struct refused *r, uint64_t at)
{
	raise_to(&r->any, at);
	raise_to(&r->rest, at);
}

void refused_add(struct refused *r, const struct refused *more)
{
	for (unsigned i = 0; i < more->count; i++)
		refused_note(r, more->of[i].domain, more->of[i].until);
	refused_note_all(r, more->rest);
}

uint64_t refused_of(const struct refused *r, uint32_t domain)
{
	for (unsigned i = 0; i < r->count; i++)
		if (r->of[i].domain == domain && r->of[i].until > r->rest)
			return r->of[i].until;
	return r->rest;
}
