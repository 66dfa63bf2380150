/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/still.h"

#include <errno.h>
#include <stdlib.h>

#include "common/progress.h"

struct still {
	struct still_opts o;
	uint64_t next_ms; /* to look */
	struct progress lcore[];
};

int still_new(const struct still_opts *o, struct still **out)
{
	struct still *s = calloc(1, sizeof(*s) + o->lcores * sizeof(s->lcore[0]));

	if (s == NULL)
		return -ENOMEM;
	s->o = *o;
	*out = s;
	return 0;
}

void still_free(struct still *s)
{
	free(s);
}

void still_run(struct still *s, uint64_t now_ms)
{
	if (now_ms < s->next_ms)
		return;
	s->next_ms = now_ms + STILL_LOOK_MS;
	/* twice the time between two looks: control may be late, but when it is much later, what
	 * held it up may have held up all */
	for (uint32_t i = 0; i < s->o.lcores; i++)
		if (i != s->o.own)
			progress_look(&s->lcore[i], s->o.turns(s->o.ctx, i), now_ms,
				2 * (uint64_t)STILL_LOOK_MS);
}

uint64_t still_ms(const struct still *s, uint32_t lcore)
{
	return s == NULL ? 0 : s->lcore[lcore].still_ms;
}

struct still_lcore still_most(const struct still *s)
{
	struct still_lcore most = { 0 };

	for (uint32_t i = 0; s != NULL && i < s->o.lcores; i++) {
		if (s->lcore[i].still_ms <= most.ms)
			continue;
		most.ms = s->lcore[i].still_ms;
		most.number = s->o.number(s->o.ctx, i);
	}
	return most;
}

bool still_is_wedged(const struct still *s)
{
	return s != NULL && still_most(s).ms > s->o.limit_ms;
}
