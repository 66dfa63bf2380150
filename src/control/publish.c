/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From records to what workers read. An entry of the binding cache carries the next hop of its
 * care-of address and the FIB generation it was found in; a worker that meets another generation
 * looks the care-of address up itself, so a stale entry costs time, never a packet.
 */
#include <assert.h>
#include <errno.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/grace.h"
#include "control/mesh/route.h"
#include "control/pmtu.h"
#include "records/records.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define RERESOLVE_SLICE 256 /* records a turn: a few lookups each, well below a millisecond */
#define PATHS_EVERY_MS  60000

/*
 * The gateway's adjacency behind which the care-of address is, or ADJ_NONE: workers look for
 * themselves. A neighbour's is not remembered: neighbour discovery may forget it and give its
 * number to another one without any change of the FIB; gateways stay as long as their route.
 */
static uint32_t resolve(const struct ctl *ctl, const struct ip6_addr *coa)
{
	uint32_t value = fib_lookup(ctl->t->fib, coa);

	return fib_kind(value) == FIB_VIA ? fib_index(value) : ADJ_NONE;
}

static_assert((int)CONF_MSS_OFF == BC_MSS_OFF && (int)CONF_MSS_AUTO == BC_MSS_AUTO, "copied");

uint16_t publish_path_mtu(struct ctl *ctl, const struct record *r)
{
	uint16_t mtu = pmtu_get(ctl->pmtu, ctl->now_ms, &r->coa, PMTU_TUNNEL);
	const struct record_extra *x;

	if (ctl->route == NULL)
		return mtu;
	x = records_extra(ctl->records, r);
	if (x == NULL || x->mtu == 0 || x->mtu_until_ms <= ctl->now_ms)
		return mtu;
	if (x->mtu_until_ms > ctl->told_mtus_end_ms)
		ctl->told_mtus_end_ms = x->mtu_until_ms;
	return mtu != 0 && mtu < x->mtu ? mtu : x->mtu;
}

/* It moves, from *old_coa, and that still counts for a while. */
static bool has_grace(const struct ctl *ctl, const struct record *r, struct ip6_addr *old_coa)
{
	const struct bc_entry *e;

	if (!grace_is_given(ctl, r->domain))
		return false;
	e = bc_find(ctl->t->bc, &r->hoa);
	if (e == NULL || ip6_eq(&e->coa, &r->coa))
		return false;
	*old_coa = e->coa;
	return true;
}

int publish(struct ctl *ctl, const struct record *r)
{
	const struct conf_domain *d = &ctl->conf->domains[r->domain];
	struct ip6_addr old_coa;
	int ret;
	struct bc_binding b = {
		.hoa = r->hoa,
		.coa = r->coa,
		.ha = r->ha,
		.record = r->handle,
		.domain = r->domain,
		.flags = d->encap_limit == CONF_ENCAP_LIMIT_ALWAYS ? BC_LIMIT_ALWAYS : 0,
		.mss = (uint16_t)d->tcp_mss_clamp,
		.mtu = publish_path_mtu(ctl, r),
		.grace = has_grace(ctl, r, &old_coa),
		.fib_generation = fib_generation(ctl->t->fib),
		.adjacency = resolve(ctl, &r->coa),
	};

	route_place(ctl, r, &b.owner, &b.bucket);
	ret = bc_publish(ctl->t->bc, &b);
	if (ret == 0 && b.grace)
		grace_begin(ctl, r->domain, &r->hoa, &old_coa);
	return ret;
}

bool publish_owner(const struct ctl *ctl, const struct record *r, const struct bc_entry *e)
{
	if (e->record != r->handle || !ip6_eq(&e->coa, &r->coa) || !ip6_eq(&e->ha, &r->ha))
		return false;
	bc_set_owner(e, records_mesh(ctl->records, r)->owner.node);
	return true;
}

int unpublish(struct ctl *ctl, const struct record *r, enum acct_cause cause)
{
	int ret = bc_remove(ctl->t->bc, &r->hoa);

	if (ret == 0)
		acct_stop(ctl, r, cause);
	return ret == -ENOENT ? 0 : ret;
}

/* Begin a walk? One that another change of the FIB overtakes starts again: what it has done is
 * stale. A path MTU that has been forgotten since the last one is what makes another worth it. */
static bool is_walk_due(const struct ctl *ctl, uint32_t generation)
{
	if (ctl->reresolve_generation != generation)
		return true;
	return ctl->reresolve_cursor == 0 && ctl->now_ms - ctl->paths_ms >= PATHS_EVERY_MS &&
	       (pmtu_tunnels_end_ms(ctl->pmtu) > ctl->paths_ms ||
		       ctl->told_mtus_end_ms > ctl->paths_ms);
}

static void refresh(struct ctl *ctl, const struct record *r)
{
	const struct bc_entry *e = bc_find(ctl->t->bc, &r->hoa);

	if (e == NULL)
		return;
	bc_set_nexthop(e, ctl->reresolve_generation, resolve(ctl, &r->coa));
	bc_set_mtu(e, publish_path_mtu(ctl, r));
}

bool publish_reresolve(struct ctl *ctl)
{
	uint32_t generation = fib_generation(ctl->t->fib);

	if (ctl->records == NULL)
		return false;
	if (is_walk_due(ctl, generation)) {
		ctl->reresolve_generation = generation;
		ctl->reresolve_cursor = 0;
		ctl->paths_ms = ctl->now_ms;
	} else if (ctl->reresolve_cursor == 0) {
		return false;
	}
	for (uint32_t i = 0; i < RERESOLVE_SLICE; i++) {
		struct record *r = records_next(ctl->records, &ctl->reresolve_cursor);

		if (r == NULL) {
			ctl->reresolve_cursor = 0;
			return false;
		}
		refresh(ctl, r);
	}
	return true;
}
