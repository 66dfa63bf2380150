/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/forward.h"

#include <assert.h>
#include <stddef.h>

#include "common/plant.h"
#include "common/util.h"

const char *forward_drop_name(enum forward_drop drop)
{
	static const char *const names[] = {
#define X(id, name, help) [FORWARD_DROP_##id] = name,
		FORWARD_DROP_LIST(X)
#undef X
	};

	static_assert(DIM(names) == FORWARD_DROP_COUNT, "one name each");
	return names[drop];
}

static struct forward_result dropped(enum forward_drop why)
{
	return (struct forward_result){ .act = FORWARD_DROP, .drop = why };
}

static struct forward_result here(enum forward_act act)
{
	return (struct forward_result){ .act = act };
}

static bool is_serving(const struct forward_domain *d)
{
	return next_is_live(d->view, d->view->self);
}

enum forward_holder forward_holder(
	const struct forward_domain *d, const struct forward_agent *agent)
{
	if (agent->node != FORWARD_ALL && agent->node != d->view->self) {
		if (next_is_live(d->view, agent->node))
			return FORWARD_HOLDER_PEER;
		return is_serving(d) ? FORWARD_HOLDER_ADOPTED : FORWARD_HOLDER_BUCKET;
	}
	return is_serving(d) ? FORWARD_HOLDER_SELF : FORWARD_HOLDER_BUCKET;
}

static bool is_held_by_peer(const struct forward_domain *d, const struct forward_packet *p)
{
	return p->agent != NULL && forward_holder(d, p->agent) == FORWARD_HOLDER_PEER;
}

/* Hands it to a peer, if it may still be relayed and does not come from there. */
static struct forward_result relay(const struct forward_packet *p, uint8_t node)
{
	if (p->from == FORWARD_RELAYED && !planted(PLANT_HOP_IGNORED))
		return dropped(FORWARD_DROP_HOP_LIMIT);
	if (p->from == FORWARD_FIRST && node == p->peer && !planted(PLANT_GOES_BACK))
		return dropped(FORWARD_DROP_BACK);
	return (struct forward_result){ .act = FORWARD_RELAY,
		.node = node,
		.as = p->from == FORWARD_OWN ? FORWARD_FIRST : FORWARD_RELAYED };
}

static struct forward_result relay_to_holder(
	const struct forward_domain *d, const struct forward_packet *p)
{
	return relay(p, next_hop(d->view, p->agent->node));
}

static uint8_t hop_of(const struct forward_domain *d, const struct forward_binding *b,
	const struct forward_packet *p)
{
	return d->next->hop[b->owner][p->bucket];
}

/* We serve nothing: to the live site it is addressed to, else to the bucket's successor, which
 * nobody's buckets (hop[0]) name. What that one sent itself it sent by us, to one that only we hear:
 * that is the owner. */
static struct forward_result hand_over(const struct forward_domain *d,
	const struct forward_binding *b, const struct forward_packet *p)
{
	uint8_t node = d->next->hop[NEXT_NOBODY][p->bucket];
	struct forward_result r;

	if (is_held_by_peer(d, p))
		node = next_hop(d->view, p->agent->node);
	if (node == NEXT_NOBODY || node == d->view->self)
		return dropped(FORWARD_DROP_NOT_READY);
	r = relay(p, node);
	if (r.act == FORWARD_DROP && r.drop == FORWARD_DROP_BACK && b != NULL) {
		node = hop_of(d, b, p);
		if (node != NEXT_NOBODY && node != d->view->self)
			r = relay(p, node);
	}
	return r.act == FORWARD_RELAY ? r : dropped(FORWARD_DROP_NOT_READY);
}

static struct forward_result intercept(const struct forward_domain *d,
	const struct forward_binding *b, const struct forward_packet *p)
{
	struct forward_result r;
	uint8_t hop;

	if (b == NULL)
		return here(FORWARD_UNREACHABLE);
	hop = hop_of(d, b, p);
	if (hop == d->view->self || b->proxy || (d->delivery == FORWARD_DIRECT && !b->payload_esp))
		return here(FORWARD_DELIVER);
	r = hop == NEXT_NOBODY ? dropped(FORWARD_DROP_NOT_READY) : relay(p, hop);
	/* where it may go no further a record is as good as its owner, but for ESP: two sites
	 * never seal with the same numbers */
	return r.act == FORWARD_DROP && !b->payload_esp ? here(FORWARD_DELIVER) : r;
}

/* What does not fit our record: its owner, or the site that the mobile node spoke to, may know
 * better. */
static struct forward_result mismatch(const struct forward_domain *d,
	const struct forward_binding *b, const struct forward_packet *p)
{
	struct forward_result r = dropped(FORWARD_DROP_NO_BINDING);
	uint8_t hop = NEXT_NOBODY;

	if (b != NULL) {
		hop = hop_of(d, b, p);
		r = dropped(p->from_coa ? FORWARD_DROP_CLEAR : FORWARD_DROP_WRONG_COA);
	} else if (is_held_by_peer(d, p)) {
		hop = next_hop(d->view, p->agent->node);
	}
	if (hop != NEXT_NOBODY && hop != d->view->self) {
		struct forward_result on = relay(p, hop);

		if (on.act == FORWARD_RELAY) {
			on.policed = true;
			return on;
		}
	}
	return r;
}

static struct forward_result tunnel(const struct forward_domain *d, const struct forward_binding *b,
	const struct forward_packet *p)
{
	if (d->delivery == FORWARD_PRIMARY && is_held_by_peer(d, p)) {
		struct forward_result r = relay_to_holder(d, p);

		if (r.act == FORWARD_RELAY)
			return r;
	}
	if (b != NULL && (p->from_coa || planted(PLANT_ANY_COA)) && !b->payload_esp)
		return here(FORWARD_OPEN);
	return mismatch(d, b, p);
}

/* Only the owner keeps the window. */
static struct forward_result payload_esp(const struct forward_domain *d,
	const struct forward_binding *b, const struct forward_packet *p)
{
	uint8_t hop;

	if (b == NULL)
		return is_held_by_peer(d, p) ? relay_to_holder(d, p) : dropped(FORWARD_DROP_NO_SA);
	hop = hop_of(d, b, p);
	if (hop == d->view->self)
		return here(FORWARD_OPEN);
	return hop == NEXT_NOBODY ? dropped(FORWARD_DROP_NOT_READY) : relay(p, hop);
}

static struct forward_result answer(const struct forward_domain *d, const struct forward_packet *p)
{
	if (p->asker != d->view->self && next_is_live(d->view, p->asker))
		return relay(p, next_hop(d->view, p->asker));
	return here(FORWARD_ACCEPT);
}

static struct forward_result other(const struct forward_domain *d, const struct forward_packet *p)
{
	if (is_held_by_peer(d, p)) {
		struct forward_result r = relay_to_holder(d, p);

		if (r.act == FORWARD_RELAY)
			return r;
	}
	return here(FORWARD_ACCEPT);
}

/* Kinds that are judged by what a site that serves knows. */
static struct forward_result from_cache(const struct forward_domain *d,
	const struct forward_binding *b, const struct forward_packet *p)
{
	if (!is_serving(d) && !planted(PLANT_JOINING_SERVES))
		return hand_over(d, b, p);
	switch (p->kind) {
	case FORWARD_INTERCEPT:
		return intercept(d, b, p);
	case FORWARD_TUNNEL:
		return tunnel(d, b, p);
	case FORWARD_PAYLOAD_ESP:
		return payload_esp(d, b, p);
	case FORWARD_SIGNALLING:
		return is_held_by_peer(d, p) ? relay_to_holder(d, p) : here(FORWARD_ACCEPT);
	default: /* FORWARD_TUNNEL_ERROR: any site can check the quote */
		return here(FORWARD_ACCEPT);
	}
}

struct forward_result forward(const struct forward_domain *d, const struct forward_binding *b,
	const struct forward_packet *p)
{
	if (p->from != FORWARD_OWN &&
		(d == NULL || (!forward_is_member(d, p->peer) && !planted(PLANT_FOREIGN_DATA))))
		return dropped(FORWARD_DROP_FOREIGN);
	if (d == NULL)
		return here(FORWARD_ACCEPT);
	switch (p->kind) {
	case FORWARD_ANSWER:
		return answer(d, p);
	case FORWARD_OTHER:
		return other(d, p);
	case FORWARD_DISCOVERY:
		return here(FORWARD_ACCEPT);
	default:
		return from_cache(d, b, p);
	}
}
