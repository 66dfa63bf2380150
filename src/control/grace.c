/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/grace.h"

#include <errno.h>
#include <stdlib.h>

#include "common/util.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/tables.h"

struct one {
	struct ctl_timer timer; /* the first member */
	struct one *free;
	struct ip6_addr hoa, old_coa;
};

struct grace {
	struct one *free;
	struct one one[GRACE_MAX];
};

static bool is_wanted(const struct conf *conf)
{
	for (uint32_t i = 0; i < conf->domain_count; i++)
		if (conf->domains[i].old_coa_grace_ms > 0)
			return true;
	return false;
}

static void put(struct grace *g, struct one *o)
{
	o->free = g->free;
	g->free = o;
}

int grace_new(struct ctl *ctl, struct grace **out)
{
	struct grace *g;

	if (!is_wanted(ctl->conf))
		return 0;
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return -ENOMEM;
	for (uint32_t i = GRACE_MAX; i-- > 0;)
		put(g, &g->one[i]);
	*out = g;
	return 0;
}

void grace_free(struct grace *g)
{
	free(g);
}

bool grace_is_given(const struct ctl *ctl, uint16_t domain)
{
	return ctl->grace != NULL && ctl->grace->free != NULL &&
	       ctl->conf->domains[domain].old_coa_grace_ms > 0;
}

/* One that moved again has its time from then on for the address it left then; should it be back
 * where it was, and gone again, what is left of the first time holds. */
static void is_over(struct ctl *ctl, struct ctl_timer *timer)
{
	struct one *o = container_of(timer, struct one, timer);
	const struct bc_entry *e = bc_find(ctl->t->bc, &o->hoa);

	if (e != NULL && ip6_eq(&e->old_coa, &o->old_coa))
		bc_end_grace(e);
	put(ctl->grace, o);
}

void grace_begin(struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa,
	const struct ip6_addr *old_coa)
{
	struct one *o = ctl->grace->free;

	ctl->grace->free = o->free;
	o->hoa = *hoa;
	o->old_coa = *old_coa;
	o->timer.fn = is_over;
	ctl_timer_set(ctl, &o->timer, ctl->now_ms + ctl->conf->domains[domain].old_coa_grace_ms);
}
