/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the engine asks for. A record that changed at a peer is made visible to the workers, like one
 * that changed here; whoever it belongs to, this site may carry its packets, and bills what it
 * carries: a session begins here with the first of them (acct_hear()).
 */
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/channel.h"
#include "control/mesh/labels.h"
#include "control/mesh/mesh_priv.h"
#include "control/mesh/pulse.h"
#include "control/mesh/route.h"
#include "control/mip6/advert.h"
#include "control/mip6/switch.h"
#include "control/pmtu.h"
#include "records/records.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/tables.h"

static void on_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	(void)channel_send(
		ctx, node, buf, len); /* counted where it fails, sent again if it counts */
}

/*
 * The fence: in a mobile prefix of that domain, and not an address that can be no mobile node's.
 * Not "a subscriber of ours": sites are reloaded one after the other, and one that has a subscriber
 * less would refuse what the others hold, and never become ready by it (docs/decisions/025).
 */
static bool on_covers(void *ctx, uint16_t domain, const struct ip6_addr *hoa)
{
	const struct ctl *ctl = ctx;

	return conf_why_no_home_address(&ctl->conf->domains[domain], hoa) == NULL;
}

/* Others found it out: a path MTU counts where it is less than what is known here, as long as there. */
static void learn_mtu(struct ctl *ctl, const struct record *r)
{
	const struct record_extra *x = records_extra(ctl->records, r);

	if (x != NULL && x->mtu != 0)
		(void)pmtu_hear(ctl->pmtu, ctl->now_ms, &r->coa, x->mtu, x->mtu_until_ms);
}

/* Live: in the binding cache as it is now. False: there is no room, nothing changed. */
static bool show(struct ctl *ctl, struct record *r, enum engine_why why)
{
	const struct bc_entry *e = bc_find(ctl->t->bc, &r->hoa);
	bool begins = e == NULL;
	struct ip6_addr old_coa = begins ? r->coa : e->coa;

	if (why == ENGINE_HEARD)
		learn_mtu(ctl, r);
	else if (!begins && publish_owner(ctl, r, e))
		return true;
	if (publish(ctl, r) < 0)
		return false;
	if (begins) {
		r->since_ms = ctl->now_ms;
		acct_hear(ctl, r);
	} else if (r->session != 0 && !ip6_eq(&old_coa, &r->coa)) {
		acct_move(ctl, r, &old_coa);
	}
	return true;
}

static bool on_changed(void *ctx, struct record *r, enum engine_why why)
{
	struct ctl *ctl = ctx;

	ctl_count(ctl, why == ENGINE_HEARD       ? CTL_MESH_HEARD
		       : why == ENGINE_TOOK_OVER ? CTL_MESH_TAKEN_OVER
						 : CTL_MESH_HANDED_ON);
	if (why == ENGINE_HANDED) /* nothing but its owner: records_set() was not called */
		persist_touch(ctl, r);
	if (r->state == RECORD_LIVE) {
		if (!show(ctl, r, why))
			return false;
		switch_changed(ctl, r);
		return true;
	}
	if (unpublish(ctl, r, ACCT_CAUSE_ELSEWHERE) < 0)
		return false;
	advert_cancel(ctl, r);
	switch_ended(ctl, r, true);
	return true;
}

/* The binding cache is larger than any other. */
static void on_ahead(void *ctx, const struct ip6_addr *const hoa[], uint32_t n)
{
	const struct ctl *ctl = ctx;
	uint64_t hash[ENGINE_AHEAD];

	for (uint32_t i = 0; i < n; i++)
		hash[i] = bc_ask(ctl->t->bc, hoa[i]);
	for (uint32_t i = 0; i < n; i++)
		(void)bc_guess(ctl->t->bc, hash[i]);
}

static void on_next(
	void *ctx, uint16_t domain, const struct next_view *view, const struct next_table *next)
{
	struct ctl *ctl = ctx;

	for (unsigned n = 1; n < NEXT_NODES; n++) {
		uint64_t *gone_ms = &ctl->mesh->site[n].gone_ms[domain];
		bool is_live = next_is_live(view, (uint8_t)n);

		labels_live(ctl->labels, domain, (uint8_t)n, is_live, ctl->now_ms);
		if (is_live)
			*gone_ms = 0;
		else if (*gone_ms == 0)
			*gone_ms = ctl->now_ms;
	}
	route_publish(ctl, domain, view, next);
}

static void on_committed(void *ctx, uint64_t token, enum engine_commit how)
{
	mip6_committed(ctx, token, how);
}

static void on_state(void *ctx, uint16_t domain, enum next_says says)
{
	struct ctl *ctl = ctx;
	struct mesh_part *d = &ctl->mesh->domain[domain];

	d->says = says;
	d->says_ms = d->quiet_from_ms = ctl->now_ms;
	d->left_told = d->left_quiet = false;
	pulse_say(ctl, domain, says);
}

static void on_event(void *ctx, enum engine_event e, uint16_t domain, uint8_t node, uint64_t n)
{
	struct ctl *ctl = ctx;
	struct mesh_site *s = &ctl->mesh->site[node];

	if (e == ENGINE_EV_UNLIKE) {
		s->unlike = n;
		s->unlike_ms = ctl->now_ms;
	}
	if (e == ENGINE_EV_ALONE)
		ctl_count(ctl, CTL_MESH_ALONE);
	if (e == ENGINE_EV_FORGOTTEN)
		ctl_count(ctl, CTL_MESH_FORGOTTEN);
	if (e == ENGINE_EV_SUPERSEDED)
		ctl_count(ctl, CTL_MESH_SUPERSEDED);
	mesh_say(ctl, e, domain, node, n);
}

void mesh_ops(struct ctl *ctl, struct engine_ops *out)
{
	*out = (struct engine_ops){ ctl, on_send, on_covers, on_changed, on_next, on_committed,
		on_state, on_event, on_ahead };
}
