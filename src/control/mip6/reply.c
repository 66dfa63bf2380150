/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Binding Acknowledgements on their way out: at once, or when the store has what they acknowledge,
 * or, in a mesh, when enough other sites hold it. Where nobody else could take it, the store must
 * have it; a store that cannot be written counts as none then, as the record is said to be alone
 * either way, and registering no one would help nobody. With "ack-peers": "store" it does not.
 */
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/mesh.h"
#include "control/mip6/answer.h"
#include "control/mip6/bu.h"
#include "control/mip6/held.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/pending.h"
#include "records/records.h"

#define RELEASE_SLICE 64 /* answers a turn: more than there are questions, PUNT_BUDGET */

static void send_now(struct ctl *ctl, const struct mip6_answer *a)
{
	int ret = a->on_link ? ctl_send_link(ctl, a->port, a->mac, a->pkt, a->len)
			     : ctl_send_wire(ctl, a->pkt, a->len);

	if (ret == 0)
		ctl_count(ctl, CTL_BA_SENT);
}

/* --- the store --- */

/* Dropped in silence when the store fails, or is too far behind: the mobile node repeats. */
static void hold(struct ctl *ctl, const struct mip6_answer *a)
{
	struct held_answer *h = persist_has_failed(ctl) ? NULL : held_room(ctl->mip6->held);

	if (h == NULL) {
		ctl_count(ctl, CTL_BA_NOT_STORED);
		return;
	}
	h->mark = persist_mark(ctl);
	h->answer = *a;
	held_put(ctl->mip6->held);
	ctl_count(ctl, CTL_BA_HELD);
}

/* No other site holds it. */
static void leave_alone(struct ctl *ctl, const struct mip6_answer *a)
{
	if (ctl->persist != NULL && !persist_has_failed(ctl))
		hold(ctl, a);
	else
		send_now(ctl, a);
}

uint32_t mip6_held(const struct ctl *ctl)
{
	return ctl->mip6->held != NULL ? held_count(ctl->mip6->held) : 0;
}

bool mip6_release(struct ctl *ctl)
{
	struct mip6 *m = ctl->mip6;
	const struct held_answer *h;
	uint64_t written, failures;
	uint32_t n = 0;

	if (m->held == NULL)
		return false;
	written = persist_written(ctl); /* before the failures: feed.h */
	failures = persist_failures(ctl);
	if (failures != m->failures)
		ctl->counters[CTL_BA_NOT_STORED] += held_clear(m->held);
	m->failures = failures;
	while (n < RELEASE_SLICE && (h = held_due(m->held, written)) != NULL) {
		send_now(ctl, &h->answer);
		held_drop(m->held);
		n++;
	}
	return n > 0;
}

/* --- other sites --- */

uint32_t mip6_pending(const struct ctl *ctl)
{
	return ctl->mip6->pending != NULL ? pending_count(ctl->mip6->pending) : 0;
}

/* It may have become alone since its image was written; the answer is held until it is told. */
static void tell_store(struct ctl *ctl, uint64_t token)
{
	uint32_t handle = pending_handle(ctl->mip6->pending, token);
	const struct record *r = records_at(ctl->records, handle);

	if (r != NULL && (records_mesh(ctl->records, r)->flags & RECORD_ALONE) != 0)
		persist_touch(ctl, r);
}

/* The wait is over: enough of them have it, or nobody else can. */
static void release(struct ctl *ctl, const struct mip6_answer *a, enum engine_commit how)
{
	if (how == ENGINE_ALONE)
		leave_alone(ctl, a);
	else
		send_now(ctl, a);
}

void mip6_committed(struct ctl *ctl, uint64_t token, enum engine_commit how)
{
	struct mip6_answer *a = pending_find(ctl->mip6->pending, token);

	if (a == NULL)
		return; /* of one that there was no room for */
	if (how != ENGINE_HELD)
		tell_store(ctl, token);
	if (how == ENGINE_OUT_OF_TIME)
		ctl_count(ctl, CTL_BA_UNCONFIRMED);
	release(ctl, a, how);
	pending_drop(ctl->mip6->pending, token);
}

/* What need not wait needs no room either. One that must, and for which there is none, is not sent:
 * the mobile node repeats. Its record is alone by then, and so the repetition must wait, too
 * (engine_accepted()): it is not acknowledged before another site has it. The engine has as many
 * places as there are here, and divides them among the domains. */
static void wait_for_sites(struct ctl *ctl, struct record *rec, const struct mip6_answer *a)
{
	struct pending *p = ctl->mip6->pending;
	uint64_t token = 0;
	struct mip6_answer *room = pending_put(p, rec->handle, &token);
	enum engine_commit how = mesh_wait(ctl, rec, token);

	if (how == ENGINE_WAITS && room != NULL) {
		*room = *a;
		ctl_count(ctl, CTL_BA_WAITED);
		return;
	}
	if (room != NULL)
		pending_drop(p, token);
	if (how == ENGINE_HELD || how == ENGINE_ALONE)
		release(ctl, a, how);
	else
		ctl_count(ctl, CTL_BA_NO_ROOM);
}

/* --- which of them --- */

/* What the store must have first: each acceptance, and behind one that waits whatever else the
 * mobile node is told, so that answers come in the order of the questions. */
static bool is_for_store(const struct ctl *ctl, const struct bu *b)
{
	const struct mip6_facts *f = &b->f;

	if (f->domain == NULL || f->domain->ack_peers != CONF_ACK_STORE)
		return false;
	return b->v.action != MIP6_REFUSE || (f->rec != NULL && held_count(ctl->mip6->held) > 0);
}

/* What other sites must have first; the same for the order. */
static bool is_for_sites(const struct ctl *ctl, const struct bu_change *c)
{
	if (ctl->mesh == NULL || c->rec == NULL)
		return false;
	return c->waits || pending_has(ctl->mip6->pending, c->rec->handle);
}

static bool is_alone(const struct ctl *ctl, const struct bu_change *c)
{
	return ctl->mesh != NULL && c->is_accepted && c->rec != NULL &&
	       (records_mesh(ctl->records, c->rec)->flags & RECORD_ALONE) != 0;
}

void bu_reply(
	struct ctl *ctl, const struct bu *b, const struct bu_change *c, const struct mip6_answer *a)
{
	if (is_for_store(ctl, b))
		hold(ctl, a);
	else if (is_for_sites(ctl, c))
		wait_for_sites(ctl, c->rec, a);
	else if (is_alone(ctl, c))
		leave_alone(ctl, a);
	else
		send_now(ctl, a);
}
