/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/hello_priv.h"

#include <string.h>

#include "common/plant.h"

/* Looks in one go, when those who are told of one change cause another; the next call goes on. */
#define LOOKS_MAX 4

static uint32_t rtt_of(const struct peer *p)
{
	return p->srtt8_ms / 8;
}

static bool is_live(uint8_t says)
{
	return says == NEXT_READY || says == NEXT_DRAINING;
}

/* What it told is of no use until it is told again. */
void hello_forget_lists(struct hello *h, uint8_t node)
{
	for (uint32_t i = 0; i < h->domain_count; i++) {
		struct member *mb = hello_member_of(&h->domains[i], node);

		if (mb != NULL)
			memset(mb->sees, 0, sizeof(mb->sees));
	}
}

static void look_at_peers(struct hello *h, uint64_t now_ms)
{
	h->expiry_ms = UINT64_MAX;
	for (uint32_t i = 0; i < h->peer_count; i++) {
		struct peer *p = &h->peers[i];
		bool heard = hello_is_heard(p, now_ms);
		bool hears_us = p->hears_us || planted(PLANT_ONE_WAY);
		bool up = heard && hears_us && p->compatible;
		uint64_t end = p->heard_ms + hello_limit(p, p->interval_ms) + 1;

		if (p->up && !up && !planted(PLANT_DEAD_VOUCH))
			hello_forget_lists(h, p->node);
		if (p->up != up)
			hello_hasten(h); /* who asks us about it need not wait */
		p->up = up;
		if (heard && end < h->expiry_ms)
			h->expiry_ms = end;
	}
}

/* --- who is cut off --- */

static bool may_vouch(const struct hello *h, const struct member *v, uint8_t node)
{
	const struct peer *p = hello_peer_of(h, v->node);

	return v->node != node && (p->up || planted(PLANT_DEAD_VOUCH)) && v->has_state &&
	       v->sees[node] != 0 && p->has_rtt && rtt_of(p) < 2 * p->dead_ms;
}

/* Through whom rather: one that serves, else the one that it is now, else the nearest. */
static bool is_better(
	const struct hello *h, const struct member *a, const struct member *b, uint8_t via_now)
{
	uint32_t rtt_a = rtt_of(hello_peer_of(h, a->node));
	uint32_t rtt_b = rtt_of(hello_peer_of(h, b->node));

	if (is_live(a->says) != is_live(b->says))
		return is_live(a->says);
	if (a->node == via_now || b->node == via_now)
		return a->node == via_now;
	return rtt_a != rtt_b ? rtt_a < rtt_b : a->node < b->node;
}

static const struct member *voucher_of(const struct hello *h, const struct domain *d, uint8_t node)
{
	const struct next_site *was = &d->view.site[node];
	uint8_t via_now = was->reach == NEXT_CUT_OFF ? was->via : NEXT_NOBODY;
	const struct member *best = NULL;

	for (uint32_t i = 0; i < d->member_count; i++) {
		const struct member *v = &d->members[i];

		if (may_vouch(h, v, node) && (best == NULL || is_better(h, v, best, via_now)))
			best = v;
	}
	return best;
}

static struct next_site look_at_site(
	const struct hello *h, const struct domain *d, const struct member *mb, uint64_t now_ms)
{
	const struct peer *p = hello_peer_of(h, mb->node);
	const struct member *v;

	if (p->up && mb->has_state)
		return (struct next_site){ NEXT_UP, mb->says, 0 };
	v = voucher_of(h, d, mb->node);
	if (v == NULL)
		return (struct next_site){ NEXT_DEAD, NEXT_JOINING, 0 };
	/* what we hear from itself is newer than what others heard (it has just restarted) */
	if (mb->has_state && hello_is_heard(p, now_ms))
		return (struct next_site){ NEXT_CUT_OFF, mb->says, v->node };
	return (struct next_site){ NEXT_CUT_OFF, v->sees[mb->node] - 1U, v->node };
}

/* --- views --- */

static bool set_site(struct domain *d, uint8_t node, struct next_site s)
{
	struct next_site *at = &d->view.site[node];
	bool is_same = at->reach == s.reach && at->says == s.says && at->via == s.via;

	*at = s;
	return !is_same;
}

static void look_at_domain(struct hello *h, uint32_t number, uint64_t now_ms)
{
	struct domain *d = &h->domains[number];
	uint8_t moved[NEXT_NODES];
	unsigned moved_count = 0;
	bool is_new = set_site(d, h->node, (struct next_site){ NEXT_UP, d->says, 0 });

	for (uint32_t i = 0; i < d->member_count; i++) {
		uint8_t node = d->members[i].node;
		enum next_reach was = d->view.site[node].reach;
		struct next_site s = look_at_site(h, d, &d->members[i], now_ms);

		is_new |= set_site(d, node, s);
		if (s.reach != was)
			moved[moved_count++] = node;
	}
	if (is_new)
		h->ops.view(h->ops.ctx, number, &d->view);
	for (unsigned i = 0; i < moved_count; i++)
		h->ops.event(
			h->ops.ctx, HELLO_REACH, number, moved[i], d->view.site[moved[i]].reach);
}

void hello_look(struct hello *h, uint64_t now_ms)
{
	for (unsigned i = 0; i < LOOKS_MAX; i++) {
		h->changed = false;
		look_at_peers(h, now_ms);
		hello_check_clock(h); /* before anybody hears that they are there */
		for (uint32_t d = 0; d < h->domain_count; d++)
			look_at_domain(h, d, now_ms);
		if (!h->changed)
			return;
	}
}

/* --- the clock --- */

static uint64_t distance(int64_t a, int64_t b)
{
	return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

bool hello_is_clock_alike(const struct hello *h, const struct peer *p)
{
	return distance(hello_offset(h, p), 0) <= h->clock_limit_ms;
}

/* Its clock less ours, of a site of the domain that lives. */
static bool has_say(const struct hello *h, const struct member *mb, int64_t *offset_ms)
{
	const struct peer *p = hello_peer_of(h, mb->node);

	*offset_ms = hello_offset(h, p);
	return p->up && p->has_offset && mb->has_state && is_live(mb->says);
}

/* Live sites whose clocks are like one that is so far ahead of ours. */
static unsigned count_alike(const struct hello *h, const struct domain *d, int64_t ahead_ms)
{
	int64_t offset_ms;
	unsigned n = 0;

	for (uint32_t i = 0; i < d->member_count; i++)
		n += has_say(h, &d->members[i], &offset_ms) &&
		     distance(offset_ms, ahead_ms) <= h->clock_limit_ms;
	return n;
}

/* A pair of the domain that agrees with each other and not with us; what it says. Where as many agree
 * with us as with it we are the more, and it is the pair's clocks that are wrong. */
static bool is_outvoted(const struct hello *h, const struct domain *d, int64_t *offset_ms)
{
	int64_t off[NEXT_NODES], its;
	unsigned n = 0;

	for (uint32_t i = 0; i < d->member_count; i++) {
		if (!has_say(h, &d->members[i], &its) || distance(its, 0) <= h->clock_limit_ms)
			continue;
		for (unsigned j = 0; j < n; j++) {
			if (distance(off[j], its) > h->clock_limit_ms)
				continue;
			*offset_ms = its + (off[j] - its) / 2;
			if (count_alike(h, d, 0) < count_alike(h, d, *offset_ms))
				return true;
			break; /* another one may have more */
		}
		off[n++] = its;
	}
	return false;
}

void hello_check_clock(struct hello *h)
{
	for (uint32_t i = 0; i < h->domain_count; i++) {
		struct domain *d = &h->domains[i];
		int64_t offset_ms = 0;
		bool is_off = is_outvoted(h, d, &offset_ms);

		if (is_off == d->is_clock_off)
			continue;
		d->is_clock_off = is_off;
		h->ops.event(h->ops.ctx, HELLO_CLOCK, i, 0, offset_ms);
	}
}

bool hello_is_clock_off(const struct hello *h, uint32_t domain)
{
	return h->domains[domain].is_clock_off;
}

/* --- has everybody heard --- */

static uint64_t silence_of(const struct peer *p)
{
	return hello_limit(p, p->interval_ms);
}

static bool is_known_at(
	const struct hello *h, const struct domain *d, uint8_t node, uint64_t now_ms)
{
	const struct next_site *s = &d->view.site[node];
	const struct member *at = hello_member_of(d, s->reach == NEXT_CUT_OFF ? s->via : node);
	uint64_t silence_ms = 0;

	if (at == NULL || at->known_ms == 0)
		return false;
	if (s->reach == NEXT_CUT_OFF)
		silence_ms = silence_of(hello_peer_of(h, at->node));
	return now_ms - at->known_ms >= silence_ms;
}

bool hello_is_known(const struct hello *h, uint32_t domain, uint64_t now_ms)
{
	const struct domain *d = &h->domains[domain];

	for (uint32_t i = 0; i < d->member_count; i++) {
		uint8_t node = d->members[i].node;

		if (next_is_live(&d->view, node) && !is_known_at(h, d, node, now_ms))
			return false;
	}
	return true;
}
