/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a Binding Update changes: workers' table, record, timestamp; and endings by others. In a mesh
 * the engine is told, which tells the other sites (control/mesh/mesh.h).
 */
#include <assert.h>
#include <errno.h>

#include "conf/conf.h"
#include "control/mesh/mesh.h"
#include "control/mip6/advert.h"
#include "control/mip6/bu.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/switch.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/subs.h"
#include "tables/bc.h"
#include "tables/tables.h"

/* The record is as it is to be. Who answers for it is said by its version now, and workers are told:
 * the entry is there and changes in place. */
static void settle(struct ctl *ctl, const struct bu *b, struct bu_change *c, bool is_refresh)
{
	int ret = 0;

	if (ctl->mesh == NULL)
		return;
	switch_changed(ctl, c->rec);
	c->waits = mesh_accepted(ctl, c->rec, &b->order, RECORD_BY_SEQUENCE, is_refresh);
	if (c->rec->state == RECORD_LIVE)
		ret = publish(ctl, c->rec);
	assert(ret == 0);
	(void)ret;
}

/* The record goes on with another home agent address: what it said of the mobile node at the old one
 * may not have been told, and is not said by it any more. */
static void leave_agent(struct ctl *ctl, const struct bu *b, const struct record *rec)
{
	const struct record_mesh *m = records_mesh(ctl->records, rec);
	const struct seen_pair pair = {
		.hoa = rec->hoa,
		.ha = rec->ha,
		.domain = b->domain,
		.value = { .ext_seq = m->content.ext_seq,
			.epoch = m->content.epoch,
			.order = m->order },
	};

	(void)mesh_seen(ctl, &pair); /* no room: as if the refresh had been lost */
}

/* Workers first: publishing can fail, and then the record must still be what it was. One whose
 * lifetime is over but that was not ended yet lives on: its counters do too. Ended is what the
 * cache does not have; its record may be there still, for the store's sake. */
static int store(struct ctl *ctl, const struct bu *b, struct bu_change *c)
{
	const struct mip6_facts *f = &b->f;
	bool is_new = c->rec == NULL, begins = bc_find(ctl->t->bc, &f->hoa) == NULL;
	struct record *rec = c->rec;
	struct ip6_addr old_coa;
	struct record next;
	bool is_refresh;
	int ret;

	if (is_new)
		rec = records_add(ctl->records, b->domain, &f->hoa);
	if (rec == NULL)
		return -ENOSPC;
	next = *rec;
	next.coa = f->coa;
	next.ha = b->agent;
	ret = publish(ctl, &next);
	if (ret < 0) {
		if (is_new)
			records_del(ctl->records, rec);
		return ret;
	}
	c->rec = rec;
	if (b->f.is_elsewhere)
		leave_agent(ctl, b, rec);
	/* a longer one must be known elsewhere before the mobile node counts on it */
	is_refresh = b->v.action == MIP6_REFRESH && rec->flags == f->bu->flags &&
		     b->v.lifetime_s <= rec->lifetime_s;
	rec->ha = next.ha;
	rec->seq = b->v.seq;
	rec->flags = f->bu->flags;
	rec->lifetime_s = b->v.lifetime_s;
	old_coa = rec->coa;
	if (begins)
		rec->since_ms = ctl->now_ms;
	records_set(
		ctl->records, rec, RECORD_LIVE, &f->coa, ctl->now_ms + 1000ULL * b->v.lifetime_s);
	settle(ctl, b, c, is_refresh);
	if (begins)
		acct_start(ctl, rec, ACCT_CAUSE_REGISTERED);
	else if (!ip6_eq(&old_coa, &rec->coa))
		acct_move(ctl, rec, &old_coa);
	return 0;
}

static int withdraw(struct ctl *ctl, struct record *rec, enum acct_cause cause)
{
	struct ip6_addr coa = rec->coa;
	int ret = unpublish(ctl, rec, cause);

	if (ret < 0)
		return ret;
	advert_cancel(ctl, rec);
	switch_ended(ctl, rec, cause == ACCT_CAUSE_DEREGISTERED);
	records_set(ctl->records, rec, RECORD_TOMBSTONE, &coa,
		ctl->now_ms + records_tombstone_ms(ctl->records, rec));
	return 0;
}

int mip6_withdraw(struct ctl *ctl, struct record *rec, enum acct_cause cause)
{
	int ret = withdraw(ctl, rec, cause);

	if (ret == 0)
		mesh_touched(ctl, rec);
	return ret;
}

static int deregister(struct ctl *ctl, const struct bu *b, struct bu_change *c)
{
	int ret = withdraw(ctl, c->rec, ACCT_CAUSE_DEREGISTERED);

	if (ret < 0)
		return ret;
	c->rec->seq = b->v.seq;
	settle(ctl, b, c, false);
	return 0;
}

/* The domain's own room, and that of all. */
static bool has_room_to_bury(const struct ctl *ctl, const struct mip6_facts *f, uint16_t domain)
{
	return records_has_room_to_bury(ctl->records, domain, f->domain->limits.max_bindings) &&
	       records_tombstones(ctl->records) < ctl->conf->runtime.max_bindings;
}

/* Nothing is known here of what this ends; another site may hold it, as long as it may have been
 * granted for. What is here may be a tombstone, or a binding whose time has just run out. */
static int bury(struct ctl *ctl, const struct bu *b, struct bu_change *c)
{
	const struct mip6_facts *f = &b->f;
	struct record *r = c->rec;
	int ret;

	if (r == NULL) {
		if (!has_room_to_bury(ctl, f, b->domain))
			return -ENOSPC;
		r = records_add(ctl->records, b->domain, &f->hoa);
		if (r == NULL)
			return -ENOSPC;
		r->lifetime_s = 0;
		r->since_ms = ctl->now_ms;
	} else if (r->state == RECORD_LIVE) {
		ret = withdraw(ctl, r, ACCT_CAUSE_EXPIRED);
		if (ret < 0)
			return ret;
	}
	c->rec = r;
	if (f->is_elsewhere)
		leave_agent(ctl, b, r);
	r->ha = b->agent;
	r->seq = b->v.seq;
	r->flags = f->bu->flags;
	/* what was here may have been shorter than what another site holds */
	if (r->lifetime_s < f->sub->lifetime_max_s)
		r->lifetime_s = f->sub->lifetime_max_s;
	records_set(ctl->records, r, RECORD_TOMBSTONE, &f->coa,
		ctl->now_ms + records_tombstone_ms(ctl->records, r));
	settle(ctl, b, c, false);
	return 0;
}

static bool has_stamp(const struct mip6_verdict *v)
{
	return v->has_timestamp && v->action != MIP6_REFUSE;
}

/* Only what was last seen of the mobile node at that address changes. */
static int note_elsewhere(struct ctl *ctl, const struct bu *b)
{
	const struct seen_pair pair = {
		.hoa = b->f.hoa,
		.ha = b->agent,
		.domain = b->domain,
		.value = { .ext_seq = b->order.ext_seq,
			/* 0 would say that there was a timestamp, and no number */
			.epoch = b->order.epoch > 0 ? b->order.epoch : 1,
			.stamp = has_stamp(&b->v) ? b->v.timestamp : 0,
			.order = RECORD_BY_SEQUENCE },
	};

	return mesh_seen(ctl, &pair);
}

static int apply(struct ctl *ctl, const struct bu *b, struct bu_change *c)
{
	int ret = 0;

	switch (b->v.action) {
	case MIP6_DISCARD:
	case MIP6_REFUSE:
		return 0;
	case MIP6_REGISTER:
	case MIP6_REFRESH:
	case MIP6_MOVE:
		ret = store(ctl, b, c);
		break;
	case MIP6_DEREGISTER:
		ret = deregister(ctl, b, c);
		break;
	case MIP6_BURY:
		ret = bury(ctl, b, c);
		break;
	case MIP6_ELSEWHERE:
		ret = note_elsewhere(ctl, b);
		break;
	}
	c->is_accepted = ret == 0;
	return ret;
}

/* What was accepted is not taken again, by any message (RFC 4285, 6). Where that can't be
 * remembered nothing is accepted: -ENOSPC. */
static int reserve_stamp(struct ctl *ctl, const struct bu *b)
{
	/* in a mesh others are told of it, and what is held against who is not known is not his */
	uint64_t stamp = ctl->mesh != NULL ? 0 : b->f.ntp_last;

	return has_stamp(&b->v) ? mip6_set_stamp(ctl, b->domain, &b->f.hoa, &b->agent, stamp) : 0;
}

static void remember(struct ctl *ctl, const struct bu *b)
{
	if (has_stamp(&b->v))
		mip6_set_stamp(ctl, b->domain, &b->f.hoa, &b->agent, b->v.timestamp);
}

int bu_carry_out(struct ctl *ctl, const struct bu *b, struct bu_change *c)
{
	int ret = reserve_stamp(ctl, b);

	if (ret == 0)
		ret = apply(ctl, b, c);
	if (ret == 0)
		remember(ctl, b);
	return ret;
}
