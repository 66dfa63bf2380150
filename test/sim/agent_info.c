/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an operator is shown (hamctl), at any time: whatever befalls a site, it can be asked. And when
 * all is quiet what it shows must be so.
 */
#include <errno.h>

#include "agent_priv.h"
#include "sync/session.h"

static bool shares_domain(const struct agent *a, uint8_t node)
{
	for (uint8_t d = 0; d < a->w->shape.domains; d++)
		if (site_is_member(a->site, d) && site_is_member(a->w->site[node], d))
			return true;
	return false;
}

static void look_at_peer(struct agent *a, uint8_t node, bool is_quiet)
{
	struct engine_peer_info info;
	struct hello_info hello;
	struct session_info session;
	bool is_peer = node != 0 && node <= a->w->shape.sites && node != a->node &&
		       agent_is_peer(a, node);
	bool is_retired = node != 0 && node == a->w->shape.retired && shares_domain(a, node);

	if ((engine_peer_info(a->engine, node, &info) == 0) != (is_peer || is_retired) ||
		(hello_info(a->hello, node, &hello) == 0) != is_peer)
		world_fail(a->w, "site %u shows site %u as a peer, or does not", a->node, node);
	if (a->sessions != NULL &&
		(sessions_info(a->sessions, node, agent_now(a), &session) == 0) != is_peer)
		world_fail(
			a->w, "site %u shows a session with site %u, or does not", a->node, node);
	if (!is_peer || !is_quiet || !site_runs(a->w->site[node]) || a->w->shape.is_cramped ||
		a->w->shape.hostile != 0)
		return;
	if (!hello.up || !info.open || info.full || info.malformed != 0)
		world_fail(a->w, "site %u shows site %u as%s%s%s%s when all is quiet", a->node,
			node, hello.up ? "" : " down", info.open ? "" : " not open",
			info.full ? " full" : "", info.malformed != 0 ? " malformed" : "");
}

/* Whoever serves the domain knows what the present life of each other site labels with. */
static void look_at_label_keys(const struct agent *a, uint8_t number)
{
	const struct shape_domain *d = &a->w->shape.domain[number];

	for (unsigned i = 0; i < d->member_count; i++) {
		const struct site *s = a->w->site[d->members[i]];

		if (s->node != a->node && s->node != a->w->shape.retired && site_runs(s) &&
			a->label_key[number][s->node] != agent_label_key(s, number))
			world_fail(a->w,
				"site %u does not know site %u's label key in domain %u when all "
				"is quiet",
				a->node, s->node, number);
	}
}

/* An operator asks for what cannot be, and is told so. */
static void ask_amiss(struct agent *a, uint8_t number, bool is_ours, enum next_says says)
{
	uint64_t now = agent_now(a);
	int want = is_ours ? -EALREADY : -ENOENT;

	if (is_ours && says == NEXT_JOINING)
		return; /* then it may be */
	if (engine_force_ready(a->engine, number, now) != want)
		world_fail(a->w, "site %u is forced to be ready in domain %u", a->node, number);
	if ((!is_ours || says == NEXT_LEFT) && engine_drain(a->engine, number, true, now) != want)
		world_fail(a->w, "site %u drains domain %u", a->node, number);
	if ((!is_ours || says == NEXT_READY) && engine_undrain(a->engine, number, now) != want)
		world_fail(a->w, "site %u ends a drain of domain %u", a->node, number);
	if (!is_ours)
		engine_quiet(a->engine, number, now);
}

/* A binding goes to members that serve only. */
static void move_amiss(struct agent *a, struct record *r)
{
	for (unsigned n = 0; n <= a->w->shape.sites + 1U; n++) {
		bool may = n != 0 && n <= a->w->shape.sites && n != a->w->shape.retired &&
			   n != a->node && site_is_member(a->w->site[n], (uint8_t)r->domain);

		if (!may && engine_move(a->engine, r, (uint8_t)n, agent_now(a), agent_wall(a)) !=
				    -EINVAL)
			world_fail(a->w, "site %u gives a binding to site %u", a->node, n);
	}
}

static void look_at_domain(struct agent *a, uint8_t number)
{
	struct engine_domain_info info;
	const struct next_view *v = engine_view_of(a->engine, number);
	bool is_ours = number < a->w->shape.domains && site_is_member(a->site, number);

	if ((engine_domain_info(a->engine, number, &info) == 0) != is_ours ||
		(v != NULL) != is_ours || (engine_serves(a->engine, number) && !is_ours))
		world_fail(a->w, "site %u shows domain %u, or does not", a->node, number);
	if (is_ours && (info.says != a->domain[number].says || v->self != a->node ||
			       info.serves != engine_serves(a->engine, number)))
		world_fail(a->w, "site %u shows domain %u as it is not", a->node, number);
	ask_amiss(a, number, is_ours, is_ours ? info.says : NEXT_LEFT);
	if (is_ours)
		for (unsigned n = 0; n <= a->w->shape.sites; n++)
			(void)hello_drift(a->hello, a->hello_domain[number], (uint8_t)n);
}

void agent_info(struct site *s, bool is_quiet)
{
	struct agent *a = agent_of(s);
	uint32_t cursor = 0;
	struct record *r;

	for (unsigned n = 0; n <= a->w->shape.sites + 1U; n++)
		look_at_peer(a, (uint8_t)n, is_quiet);
	for (uint8_t d = 0; d <= a->w->shape.domains; d++)
		look_at_domain(a, d);
	for (uint8_t d = 0; is_quiet && a->w->shape.hostile == 0 && d < a->w->shape.domains; d++)
		if (site_is_member(a->site, d))
			look_at_label_keys(a, d);
	while ((r = records_next(a->records, &cursor)) != NULL)
		if (engine_owner(a->engine, r) > a->w->shape.sites)
			world_fail(a->w, "site %u shows an owner that is none", a->node);
	cursor = 0;
	if ((r = records_next(a->records, &cursor)) != NULL)
		move_amiss(a, r);
	if (seen_count_in(a->seen, 0) > seen_count(a->seen) || records_memory(a->records) == 0 ||
		seen_memory(a->seen) == 0)
		world_fail(a->w, "site %u shows sizes that cannot be", a->node);
}

/* --- what the oracle wants to know --- */

bool agent_lets_in(struct site *s, uint8_t domain, uint8_t node)
{
	return next_is_live(&agent_of(s)->domain[domain].view, node);
}

bool agent_has_room(struct site *s, uint8_t domain)
{
	return records_has_room(agent_of(s)->records, domain, s->w->shape.quota, RECORD_LIVE);
}

bool agent_calls_full(struct site *s, uint8_t node)
{
	struct engine_peer_info info;

	return engine_peer_info(agent_of(s)->engine, node, &info) == 0 && info.full;
}
