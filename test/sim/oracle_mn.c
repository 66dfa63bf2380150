/* SPDX-License-Identifier: BSD-3-Clause */
/* What mobile nodes send and hear. */
#include "oracle_priv.h"

/* Registered with one agent address, then with another, and somebody may not have heard of the
 * first when the second came: then no one can tell which is newer (the numbers are two series). So
 * are numbers and timestamps. */
static bool is_agent_conflict(
	struct world *w, const struct subject *s, uint8_t agent, bool is_proxy)
{
	uint64_t since = oracle_is_settled(w) ? w->now_us : w->oracle->unsettled_us;

	for (uint32_t i = s->count; i > 0 && s->bu[i].sent_us + oracle_spread_us(w) >= since; i--)
		if (s->bu[i].agent != agent || s->bu[i].pkt.bu.is_proxy != is_proxy)
			return true;
	return false;
}

/* Its number is below one that was used before: the series went round. */
static bool is_wrap(struct world *w, const struct subject *s, const struct bu *b)
{
	for (uint32_t i = s->count - 1; i > 0; i--)
		if (s->bu[i].agent == b->agent)
			return b->pkt.bu.seq < s->bu[i].pkt.bu.seq && !oracle_is_settled(w);
	return false;
}

uint32_t oracle_sent(struct world *w, uint8_t mn, uint8_t agent, const struct pkt *bu)
{
	struct subject *s = &w->oracle->subject[mn];
	bool conflict = is_agent_conflict(w, s, agent, bu->bu.is_proxy);
	struct bu *b;

	s->bu = oracle_grown(s->bu, s->count, &s->cap, sizeof(*s->bu));
	b = &s->bu[++s->count];
	*b = (struct bu){ .pkt = *bu, .agent = agent, .sent_us = w->now_us };
	b->unsettled = !oracle_is_settled(w);
	w->stats.bus++;
	if (conflict) {
		w->stats.void_agents += !s->is_void;
		oracle_excuse(w, s);
	} else if (is_wrap(w, s, b)) {
		w->stats.void_wrap += !s->is_void;
		oracle_excuse(w, s);
	}
	return s->count;
}

/* A de-registration at another address than the binding's ends nothing; whether a registration
 * there that was not acknowledged had made it the binding's, nobody outside can tell. */
static void left_elsewhere(struct world *w, struct subject *s, uint32_t bu)
{
	if (s->bu[bu].pkt.bu.lifetime_s != 0 || s->acked == 0 ||
		s->bu[s->acked].agent == s->bu[bu].agent)
		return;
	w->stats.void_agents += !s->is_void;
	oracle_excuse(w, s);
}

/* A refresh is acknowledged at once, and told to others afterwards: not by a site that can reach none
 * of them. When that one is lost, whoever took over before knows nothing of the refresh. */
static bool is_heard_by_any(struct world *w, uint8_t mn, uint8_t node)
{
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		if (n != node && site_is_member(w->site[n], mn_domain(w, mn)) &&
			site_runs(w->site[n]) && oracle_hear_each_other(w, n, node))
			return true;
	return false;
}

void oracle_acked(struct world *w, uint8_t mn, uint32_t bu, const struct pkt_ba *ba)
{
	struct subject *s = &w->oracle->subject[mn];
	struct bu *b = &s->bu[bu];

	w->stats.acks++;
	if (b->acked_us != 0)
		return;
	b->acked_us = w->now_us;
	b->granted_s = ba->lifetime_s;
	b->until_us = b->sent_us + ba->lifetime_s * S;
	b->is_replicated = ba->is_replicated && is_heard_by_any(w, mn, ba->node);
	b->by = ba->node;
	if (ba->lifetime_s != 0)
		oracle_look_at_end(w, mn, b);
	if (b->pkt.bu.lifetime_s != 0 && ba->lifetime_s == 0 && !oracle_is_spoilt(w, mn))
		world_fail(w, "mn %u: BU #%u asked for %u s and was granted none", mn, bu,
			b->pkt.bu.lifetime_s);
	if (ba->lifetime_s != 0 && oracle_had_peer(w, mn_domain(w, mn), ba->node)) {
		w->oracle->new_acks++;
		w->oracle->new_alone += !ba->is_replicated;
	}
	left_elsewhere(w, s, bu);
	if (bu > s->acked)
		s->acked = bu;
	/* an excuse ends: from here on everybody knows better */
	if (s->is_void && b->pkt.bu.lifetime_s != 0 && !b->unsettled && oracle_is_settled(w) &&
		b->sent_us > s->void_us + oracle_spread_us(w))
		s->is_void = false;
}

/* A mobile node that wanted to leave hears that it is not bound: as good as an acknowledgement. */
void oracle_refused_leave(struct world *w, uint8_t mn, uint32_t bu)
{
	struct subject *s = &w->oracle->subject[mn];

	left_elsewhere(w, s, bu);
	if (bu > s->acked) {
		s->bu[bu].acked_us = w->now_us;
		s->acked = bu;
	}
}

void oracle_ba_source(struct world *w, uint8_t mn, const struct pkt_ba *ba)
{
	const struct subject *s = &w->oracle->subject[mn];

	for (uint32_t i = s->count; i > 0; i--)
		if (ip6_eq(&s->bu[i].pkt.hdr[0].dst, &ba->src) && s->bu[i].pkt.bu.seq == ba->seq)
			return; /* it asked that one, some time ago */
	if (ba->status < 128 && !oracle_is_spoilt(w, mn))
		world_fail(w, "mn %u: a BA came from %s, which it never asked (seq %u)", mn,
			addr_str(&ba->src), ba->seq);
}

/* A number as high, or a higher one, was taken by that agent address. */
static bool is_used(const struct subject *s, uint32_t bu)
{
	for (uint32_t i = bu; i <= s->count; i++)
		if (s->bu[i].agent == s->bu[bu].agent && s->bu[i].acked_us != 0)
			return true;
	return false;
}

/*
 * Without keys nobody can be kept from registering anything (trust.md says so); what protects a
 * live binding even then is its own number. And with keys: what an attacker kept from arriving is
 * new when it comes to an agent address that has heard nothing since (only a timestamp helps).
 */
static bool is_protected(struct world *w, const struct subject *s, uint8_t mn, uint32_t bu)
{
	const struct bu *b = &s->bu[s->acked];

	if (w->shape.domain[mn_domain(w, mn)].with_auth)
		return is_used(s, bu) || (s->acked != 0 && b->agent == s->bu[bu].agent);
	/* what is under way to another agent address may be the binding already */
	for (uint32_t i = s->acked + 1; i <= s->count; i++)
		if (s->bu[i].agent != b->agent)
			return false;
	return oracle_is_settled(w) && s->acked != 0 && b->pkt.bu.lifetime_s != 0 &&
	       b->agent == s->bu[bu].agent && w->now_us + S < b->until_us;
}

bool oracle_replayed(struct world *w, uint64_t random, struct pkt *out)
{
	uint8_t mn = (uint8_t)(random % w->shape.mns);
	struct subject *s = &w->oracle->subject[mn];
	uint32_t bu;

	if (s->count == 0)
		return false;
	bu = 1 + (uint32_t)((random >> 16) % s->count);
	*out = s->bu[bu].pkt;
	if (!is_protected(w, s, mn, bu)) {
		w->stats.void_replay += !s->is_void;
		oracle_excuse(w, s);
	}
	return true;
}

uint64_t oracle_until_us(struct world *w, uint8_t mn, uint32_t bu)
{
	return w->oracle->subject[mn].bu[bu].until_us;
}
