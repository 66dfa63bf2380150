/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Binding Updates, as control answers them: the order of the mobile node's messages first
 * (records/order.h), then the rules (control/mip6/rules.h), then the record, the engine, and the
 * acknowledgement, now or when enough peers hold the record. And the operator, who ends a binding.
 */
#include <string.h>

#include "agent_priv.h"
#include "common/ntp.h"
#include "control/mip6/rules.h"
#include "mn.h"
#include "records/order.h"

#define HA_STAMP_OLD 157 /* RFC 5213: timestamp lower than previously accepted */

struct question {
	struct agent *a;
	uint8_t domain;
	const struct pkt *p;
	struct record *r; /* of the home address; NULL: none */
	bool is_same_ha; /* it is registered with the address that is asked */
	struct order_result order;
};

static void send_ba(struct agent *a, const struct pkt_ba *ba)
{
	/* home addresses end in 0x100 + the mobile node's number */
	net_to_mn(a->w, a->node, ba->hoa.b[15], ba);
}

static struct pkt_ba answer(const struct question *q, uint8_t status)
{
	return (struct pkt_ba){
		.src = q->p->hdr[0].dst,
		.dst = q->p->hdr[0].src,
		.hoa = q->p->bu.hoa,
		.status = status,
		.seq = q->p->bu.seq,
		.is_replicated = true,
		.node = q->a->node,
	};
}

/* --- verdict --- */

static enum record_order order_of(const struct question *q)
{
	return q->p->bu.is_proxy ? RECORD_BY_STAMP : RECORD_BY_SEQUENCE;
}

/* RFC 4285: later than any that was accepted of the mobile node, at whichever address. */
static bool is_stamp_old(const struct question *q)
{
	uint64_t stamp = q->p->bu.stamp;

	return stamp != 0 && !ntp_is_after(stamp, seen_stamp(q->a->seen, q->domain, &q->p->bu.hoa));
}

/* Before anything else is done with it, as control does. */
static void note_stamp(const struct question *q)
{
	const struct seen_pair pair = { .hoa = q->p->bu.hoa,
		.ha = q->p->hdr[0].dst,
		.domain = q->domain,
		.value = { .stamp = q->p->bu.stamp } };

	if (q->p->bu.stamp != 0)
		(void)seen_raise(q->a->seen, &pair,
			q->a->domain[q->domain].shape->with_auth ? SEEN_REMEMBERED : 0,
			agent_stamp(q->a));
}

static enum order_verdict judge_order(struct question *q)
{
	struct agent *a = q->a;
	const struct ip6_addr *hoa = &q->p->bu.hoa, *ha = &q->p->hdr[0].dst;
	struct seen_value seen;
	struct order_facts f = {
		.is_same_ha = q->is_same_ha,
		.epoch = seen_epoch(a->seen, q->domain, hoa),
		.remembers = a->domain[q->domain].shape->with_auth,
		.is_deregistration = q->p->bu.lifetime_s == 0,
		.by = order_of(q),
		.number = q->p->bu.is_proxy ? q->p->bu.stamp : q->p->bu.seq,
	};

	if (q->r != NULL) {
		const struct record_mesh *m = records_mesh(a->records, q->r);

		f.content = &m->content;
		f.order = (enum record_order)m->order;
		f.is_live = q->r->state == RECORD_LIVE;
	}
	/* one without an epoch has no number yet, but a timestamp */
	if (seen_get(a->seen, q->domain, hoa, ha, &seen) && seen.epoch != 0)
		f.seen = &seen;
	return order_judge(&f, &q->order);
}

static void judge_rules(const struct question *q, struct mip6_verdict *out)
{
	struct agent *a = q->a;
	struct agent_domain *d = &a->domain[q->domain];
	struct mh_bu_msg bu = {
		.seq = q->p->bu.seq,
		.flags = MH_BU_A | MH_BU_H,
		.lifetime = (uint16_t)(q->p->bu.lifetime_s / MH_LIFETIME_UNIT_S),
		.opts = { .present = 1ULL << MHOPT_ALT_COA, .alt_coa = q->p->hdr[0].src },
	};
	struct mip6_facts f = {
		.bu = &bu,
		.src = q->p->hdr[0].src,
		.hoa = q->p->bu.hoa,
		.coa = q->p->hdr[0].src,
		.has_hao = true,
		.domain = &d->conf,
		.sub = &d->sub,
		.src_answerable = true,
		.rec = q->r,
		.in_mesh = true,
		.is_elsewhere = q->r != NULL && !q->is_same_ha,
		.order = ORDER_NEWER,
		.bindings = records_live(a->records),
		.bindings_max = a->w->shape.records,
		.bindings_in_domain = records_live_in(a->records, q->domain),
		.no_room = !records_has_room(
			a->records, q->domain, d->conf.limits.max_bindings, RECORD_LIVE),
		.bindings_at_coa = records_at_coa(a->records, &q->p->hdr[0].src),
		.now_ms = agent_now(a),
	};

	mip6_judge(&f, out);
}

/* --- carried out --- */

static void hold(struct agent *a, struct record *r, const struct pkt_ba *ba)
{
	struct agent_held *h = a->held;
	enum engine_commit how;
	uint64_t token = ++a->token;

	while (h < a->held + AGENT_HELD && h->token != 0)
		h++;
	if (h == a->held + AGENT_HELD)
		return; /* no room: the mobile node repeats */
	*h = (struct agent_held){ .token = token, .handle = r->handle, .ba = *ba };
	h->is_waited_for = a->domain[r->domain].shape->ack_peers != 0;
	how = engine_wait(a->engine, r, token, agent_now(a));
	if (how != ENGINE_WAITS)
		agent_committed(a, token, how);
}

void agent_committed(struct agent *a, uint64_t token, enum engine_commit how)
{
	for (struct agent_held *h = a->held; h < a->held + AGENT_HELD; h++) {
		if (h->token != token)
			continue;
		h->token = 0;
		h->ba.is_replicated = how == ENGINE_HELD && h->is_waited_for;
		if (how == ENGINE_ALONE)
			agent_save(a); /* nobody else has it: the store must */
		send_ba(a, &h->ba);
		return;
	}
	world_fail(a->w, "site %u: a commit nobody waits for", a->node);
}

static uint32_t quota_of(const struct question *q)
{
	return q->a->domain[q->domain].conf.limits.max_bindings;
}

static struct record *room(struct question *q)
{
	if (q->r == NULL)
		q->r = records_add(q->a->records, q->domain, &q->p->bu.hoa);
	return q->r;
}

static void settle(struct question *q, bool is_refresh, const struct pkt_ba *ba)
{
	struct agent *a = q->a;
	struct pkt_ba now = *ba;

	a->is_dirty = true;
	if (a->w->shape.is_soft)
		agent_say_more(a, q->r);
	if (engine_accepted(a->engine, q->r, &q->order, order_of(q), is_refresh, agent_now(a),
		    agent_wall(a))) {
		hold(a, q->r, ba);
		return;
	}
	if ((records_mesh(a->records, q->r)->flags & RECORD_ALONE) != 0) {
		now.is_replicated = false;
		agent_save(a); /* nobody else has it: the store must */
	} else {
		now.is_replicated = a->domain[q->domain].shape->ack_peers != 0;
	}
	send_ba(a, &now);
}

/* The record goes on with another address: what it said of the mobile node at the old one is not said
 * by it any more. */
static void leave_agent(const struct question *q)
{
	const struct record_mesh *m = records_mesh(q->a->records, q->r);
	const struct seen_pair pair = { .hoa = q->r->hoa,
		.ha = q->r->ha,
		.domain = q->domain,
		.value = { .ext_seq = m->content.ext_seq,
			.epoch = m->content.epoch,
			.order = m->order } };

	(void)engine_seen(q->a->engine, &pair, agent_now(q->a), agent_wall(q->a));
}

static void register_mn(struct question *q, const struct mip6_verdict *v)
{
	struct pkt_ba ba = answer(q, (uint8_t)v->status);
	struct record *r = room(q);
	uint64_t now = agent_now(q->a);

	if (r == NULL) {
		ba.status = HA_NO_RESOURCES;
		send_ba(q->a, &ba);
		return;
	}
	ba.lifetime_s = v->lifetime_s;
	if (q->r->state != 0 && !q->is_same_ha)
		leave_agent(q);
	r->ha = q->p->hdr[0].dst;
	r->seq = q->p->bu.seq;
	r->flags = MH_BU_A | MH_BU_H;
	r->lifetime_s = v->lifetime_s;
	records_set(
		q->a->records, r, RECORD_LIVE, &q->p->hdr[0].src, now + v->lifetime_s * 1000ULL);
	settle(q, v->action == MIP6_REFRESH && q->is_same_ha, &ba);
}

static void bury(struct question *q, const struct pkt_ba *ba)
{
	struct record *r = room(q);
	struct records *rs = q->a->records;

	if (r == NULL)
		return; /* no room: the mobile node repeats */
	if (r->state == 0) { /* there was none: another site may hold what it ends */
		r->ha = q->p->hdr[0].dst;
		r->lifetime_s = AGENT_LIFE_MAX_S;
	}
	r->seq = q->p->bu.seq;
	records_set(rs, r, RECORD_TOMBSTONE, &q->p->hdr[0].src,
		agent_now(q->a) + records_tombstone_ms(rs, r));
	settle(q, false, ba);
}

/* 133, and it leaves a trace all the same: somebody else may hold the registration. */
static void bury_unknown(struct question *q)
{
	struct pkt_ba ba = answer(q, HA_NOT_HOME_AGENT);

	if (q->r == NULL && !records_has_room_to_bury(q->a->records, q->domain, quota_of(q)))
		return;
	if (q->r != NULL && !q->is_same_ha)
		q->r->ha = q->p->hdr[0].dst;
	bury(q, &ba);
}

/* The binding belongs to another home agent address: only the number is taken. */
static void leave_elsewhere(struct question *q)
{
	struct agent *a = q->a;
	struct pkt_ba ba = answer(q, HA_ACCEPTED);
	struct seen_pair pair = {
		.hoa = q->p->bu.hoa,
		.ha = q->p->hdr[0].dst,
		.value = { .ext_seq = q->order.ext_seq,
			.epoch = q->order.epoch > 0 ? q->order.epoch : 1,
			.stamp = q->p->bu.stamp,
			.order = (uint8_t)order_of(q) },
		.domain = q->domain,
	};

	a->is_dirty = true;
	engine_seen(a->engine, &pair, agent_now(a), agent_wall(a));
	send_ba(a, &ba);
}

static void carry_out(struct question *q, const struct mip6_verdict *v)
{
	struct pkt_ba ba = answer(q, (uint8_t)v->status);

	switch (v->action) {
	case MIP6_DISCARD:
		world_fail(q->a->w, "site %u: the rules discard a plain BU", q->a->node);
		break;
	case MIP6_REFUSE:
		ba.seq = v->seq;
		send_ba(q->a, &ba);
		break;
	case MIP6_BURY:
		bury_unknown(q);
		break;
	case MIP6_DEREGISTER:
		bury(q, &ba);
		break;
	default:
		register_mn(q, v);
	}
}

void agent_judge(struct agent *a, uint8_t domain, const struct pkt *p)
{
	struct question q = { .a = a, .domain = domain, .p = p };
	struct mip6_verdict v;
	struct pkt_ba ba;

	q.r = records_find(a->records, domain, &p->bu.hoa);
	q.is_same_ha = q.r != NULL && ip6_eq(&q.r->ha, &p->hdr[0].dst);
	if (is_stamp_old(&q)) {
		ba = answer(&q, HA_STAMP_OLD);
		send_ba(a, &ba);
		return;
	}
	switch (judge_order(&q)) {
	case ORDER_TOO_OLD:
		ba = answer(&q, p->bu.is_proxy ? HA_STAMP_OLD : HA_SEQUENCE);
		ba.seq = (uint16_t)q.order.ext_seq;
		send_ba(a, &ba);
		break;
	case ORDER_ELSEWHERE:
		leave_elsewhere(&q);
		break;
	case ORDER_NEWER:
		judge_rules(&q, &v);
		if (v.action != MIP6_REFUSE)
			note_stamp(&q);
		carry_out(&q, &v);
		break;
	}
}

/* As control does it (control/mip6/change.c). */
bool agent_remove(struct site *s, uint8_t mn)
{
	struct agent *a = agent_of(s);
	uint8_t domain = mn_domain(s->w, mn);
	struct ip6_addr home = mn_home(s->w, mn), coa;
	struct record *r = records_find(a->records, domain, &home);

	if (r == NULL || r->state != RECORD_LIVE)
		return false;
	coa = r->coa;
	records_set(a->records, r, RECORD_TOMBSTONE, &coa,
		agent_now(a) + records_tombstone_ms(a->records, r));
	engine_touched(a->engine, r, agent_now(a), agent_wall(a));
	a->is_dirty = true;
	world_tell(s->w, "site %u is told to remove mn %u", s->node, mn);
	site_wake(s);
	return true;
}
