/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists of handles in the order in which they were put there: the oldest is what gives way first.
 * A handle is in one list at most; its links are in an array of the user's, by handle. Pure, all in
 * constant time.
 */
#pragma once

#include <stdint.h>

struct age_link {
	uint32_t older, newer; /* 0: none */
};

struct age_list { /* all zero: empty */
	uint32_t oldest, newest, count;
};

/* One that is in no list. */
static inline void age_add(struct age_list *l, struct age_link *link, uint32_t i)
{
	link[i] = (struct age_link){ .older = l->newest };
	*(l->newest != 0 ? &link[l->newest].newer : &l->oldest) = i;
	l->newest = i;
	l->count++;
}

/* One that is in this list. */
static inline void age_del(struct age_list *l, struct age_link *link, uint32_t i)
{
	struct age_link *x = &link[i];

	*(x->older != 0 ? &link[x->older].newer : &l->oldest) = x->newer;
	*(x->newer != 0 ? &link[x->newer].older : &l->newest) = x->older;
	l->count--;
}
