/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who may register: the set of subscribers in use, and how a reload replaces it. The new one counts
 * from one packet to the next; what is left is to end bindings that nobody may have any more, a
 * slice a turn.
 */
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "records/subs.h"
#include "tables/fib.h"
#include "tables/tables.h"

/* A range is a whole prefix, and not every address in there can be a mobile node's: what is sent to
 * it has to come here, and it is not one that belongs to all of a link. */
static bool is_home_address(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa)
{
	return fib_lookup(ctl->t->fib, hoa) == fib_value(FIB_DOMAIN, domain) &&
	       conf_why_no_home_address(&ctl->conf->domains[domain], hoa) == NULL;
}

static const struct sub *find(
	const struct ctl *ctl, const struct subs *set, uint16_t domain, const struct ip6_addr *hoa)
{
	const struct sub *sub = subs_find(set, domain, hoa);

	if (sub != NULL && subs_place(set, sub).source == SUB_RANGE &&
		!is_home_address(ctl, domain, hoa))
		return NULL;
	return sub;
}

const struct sub *ctl_subscriber(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa)
{
	return find(ctl, ctl->subs, domain, hoa);
}

/* The old set is ours until the reload is told that it is over. */
const struct sub *ctl_former_subscriber(
	const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa)
{
	const struct ctl_update *u = atomic_load_explicit(&ctl->update, memory_order_relaxed);

	return ctl->updating ? find(ctl, u->subs, domain, hoa) : NULL;
}

/* --- a reload, from its own thread --- */

void ctl_update(struct ctl *ctl, struct ctl_update *u)
{
	u->ended = 0;
	atomic_store_explicit(&ctl->update, u, memory_order_release);
}

bool ctl_is_updated(const struct ctl *ctl)
{
	return atomic_load_explicit(&ctl->update, memory_order_acquire) == NULL;
}

const struct subs *ctl_subscribers(const struct ctl *ctl)
{
	return ctl->subs;
}

/* --- and here --- */

static void take(struct ctl *ctl, struct ctl_update *u)
{
	struct subs *old = ctl->subs;

	ctl->subs = u->subs;
	u->subs = old;
	ctl->json = u->json;
	ctl->loaded_ms = ctl->now_ms;
	ctl->generation++;
	ctl->updating = true;
	ctl->update_cursor = 0;
	ctl_count(ctl, CTL_RELOADS);
}

bool subscribers_run(struct ctl *ctl)
{
	struct ctl_update *u = atomic_load_explicit(&ctl->update, memory_order_acquire);

	if (u == NULL)
		return false;
	if (!ctl->updating)
		take(ctl, u);
	if (ctl->records != NULL && mip6_end_strangers(ctl, &ctl->update_cursor, &u->ended))
		return true;
	ctl->updating = false;
	atomic_store_explicit(&ctl->update, NULL, memory_order_release);
	return true;
}
