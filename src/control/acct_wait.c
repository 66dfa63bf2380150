/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/acct_wait.h"

#include <assert.h>
#include <stdlib.h>

static_assert((ACCT_WAIT_SIZE & (ACCT_WAIT_SIZE - 1)) == 0, "the count goes on without end");

struct waiting {
	uint64_t mark;
	struct acct_event event;
};

struct acct_wait {
	uint32_t head, tail; /* counted on without end */
	uint32_t given_up; /* those before it */
	struct waiting item[ACCT_WAIT_SIZE];
};

struct acct_wait *acct_wait_new(void)
{
	return calloc(1, sizeof(struct acct_wait));
}

void acct_wait_free(struct acct_wait *w)
{
	free(w);
}

uint32_t acct_wait_count(const struct acct_wait *w)
{
	return w->head - w->tail;
}

void acct_wait_put(struct acct_wait *w, const struct acct_event *e, uint64_t mark)
{
	assert(acct_wait_count(w) < ACCT_WAIT_SIZE);
	w->item[w->head++ % ACCT_WAIT_SIZE] = (struct waiting){ .mark = mark, .event = *e };
}

void acct_wait_give_up(struct acct_wait *w, uint32_t n)
{
	uint32_t end = w->tail + (n < acct_wait_count(w) ? n : acct_wait_count(w));

	if ((int32_t)(end - w->given_up) > 0)
		w->given_up = end;
}

struct acct_event *acct_wait_first(struct acct_wait *w, uint64_t reached, bool *given_up)
{
	struct waiting *first = &w->item[w->tail % ACCT_WAIT_SIZE];

	if (w->head == w->tail)
		return NULL;
	*given_up = (int32_t)(w->given_up - w->tail) > 0;
	return *given_up || first->mark <= reached ? &first->event : NULL;
}

void acct_wait_drop(struct acct_wait *w)
{
	assert(w->head != w->tail);
	w->tail++;
	/* else it would come to lie ahead of them when they have gone once around */
	if ((int32_t)(w->given_up - w->tail) < 0)
		w->given_up = w->tail;
}
