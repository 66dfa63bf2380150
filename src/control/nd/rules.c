/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/nd/rules.h"

#include <string.h>

static const struct nd_verdict nothing;

const char *nd_state_name(enum nd_state s)
{
	static const char *const name[ND_STATE_COUNT] = {
		[ND_NONE] = "none",
		[ND_INCOMPLETE] = "incomplete",
		[ND_REACHABLE] = "reachable",
		[ND_STALE] = "stale",
		[ND_DELAY] = "delay",
		[ND_PROBE] = "probe",
		[ND_FAILED] = "failed",
	};

	return name[s];
}

static void enter(struct nd_entry *e, enum nd_state s)
{
	e->state = (uint8_t)s;
	e->solicits = 0;
}

static struct nd_verdict ask(struct nd_entry *e, enum nd_action how, uint32_t more)
{
	e->solicits++;
	return (struct nd_verdict){ how | more, ND_RETRANS_MS };
}

/* 7.2.2, 7.3.3: no answer to the last solicitation either. */
static struct nd_verdict fail(struct nd_entry *e)
{
	enter(e, ND_FAILED);
	return (struct nd_verdict){ ND_DO_FAIL | ND_DO_PUBLISH, ND_TIMER_STOP };
}

/* The entry has an address that nobody has confirmed. */
static struct nd_verdict stale(struct nd_entry *e, uint32_t more)
{
	enter(e, ND_STALE);
	return (struct nd_verdict){ ND_DO_PUBLISH | more, ND_TIMER_STOP };
}

/* 7.3.3: the first packet to a stale neighbour starts the wait for a confirmation. */
static struct nd_verdict on_used(struct nd_entry *e)
{
	if (e->state != ND_STALE)
		return nothing;
	enter(e, ND_DELAY);
	return (struct nd_verdict){ ND_DO_PUBLISH, ND_DELAY_MS };
}

static struct nd_verdict on_need(struct nd_entry *e)
{
	struct nd_verdict v;

	if (e->state == ND_INCOMPLETE)
		return nothing;
	if (!nd_has_mac(e)) {
		enter(e, ND_INCOMPLETE);
		return ask(e, ND_DO_ASK_GROUP, 0);
	}
	v = on_used(e);
	v.actions |= ND_DO_SEND_QUEUE;
	return v;
}

static struct nd_verdict on_timer(struct nd_entry *e)
{
	switch (e->state) {
	case ND_INCOMPLETE:
		if (e->solicits < ND_MAX_MULTICAST_SOLICIT)
			return ask(e, ND_DO_ASK_GROUP, 0);
		return fail(e);
	case ND_REACHABLE:
		return stale(e, 0);
	case ND_DELAY:
		enter(e, ND_PROBE);
		return ask(e, ND_DO_ASK, 0);
	case ND_PROBE:
		if (e->solicits < ND_MAX_UNICAST_SOLICIT)
			return ask(e, ND_DO_ASK, 0);
		return fail(e);
	default:
		return nothing;
	}
}

/* 7.2.3: the source link-layer address of a solicitation. Never a confirmation: the neighbour
 * reached us, not we it. */
static struct nd_verdict on_ns(struct nd_entry *e, const struct nd_event *ev)
{
	bool waited = e->state == ND_INCOMPLETE;

	if (!ev->has_mac)
		return nothing;
	if (nd_has_mac(e) && memcmp(e->mac, ev->mac, sizeof(e->mac)) == 0)
		return nothing;
	memcpy(e->mac, ev->mac, sizeof(e->mac));
	return stale(e, waited ? ND_DO_SEND_QUEUE : 0);
}

static struct nd_verdict reachable(struct nd_entry *e, const struct nd_event *ev, uint32_t more)
{
	enter(e, ND_REACHABLE);
	return (struct nd_verdict){ ND_DO_PUBLISH | ND_DO_CONFIRM | more, ev->reachable_ms };
}

/* 7.2.5, and the table of appendix C. */
static struct nd_verdict on_na(struct nd_entry *e, const struct nd_event *ev)
{
	bool differs = ev->has_mac && memcmp(e->mac, ev->mac, sizeof(e->mac)) != 0;

	if (e->state == ND_NONE || e->state == ND_FAILED)
		return nothing;
	if (e->state == ND_INCOMPLETE) {
		if (!ev->has_mac)
			return nothing;
		memcpy(e->mac, ev->mac, sizeof(e->mac));
		return ev->solicited ? reachable(e, ev, ND_DO_SEND_QUEUE)
				     : stale(e, ND_DO_SEND_QUEUE);
	}
	if (differs && !ev->override) /* (I): maybe another one answers for it: find out */
		return e->state == ND_REACHABLE ? stale(e, 0) : nothing;
	if (differs)
		memcpy(e->mac, ev->mac, sizeof(e->mac));
	if (ev->solicited)
		return reachable(e, ev, 0);
	return differs ? stale(e, 0) : nothing;
}

static struct nd_verdict on_recheck(struct nd_entry *e)
{
	if (!nd_has_mac(e) || e->state == ND_PROBE)
		return nothing;
	enter(e, ND_PROBE);
	return ask(e, ND_DO_ASK, ND_DO_PUBLISH);
}

struct nd_verdict nd_rules_step(struct nd_entry *e, const struct nd_event *ev)
{
	switch (ev->type) {
	case ND_EV_NEED:
		return on_need(e);
	case ND_EV_USED:
		return on_used(e);
	case ND_EV_NS:
		return on_ns(e, ev);
	case ND_EV_NA:
		return on_na(e, ev);
	case ND_EV_TIMER:
		return on_timer(e);
	case ND_EV_RECHECK:
		return on_recheck(e);
	}
	return nothing;
}
