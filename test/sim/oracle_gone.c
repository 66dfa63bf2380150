/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the operator removed. A mobile node whose binding was ended at one site is served by none as
 * soon as a word has come everywhere, and nothing that befalls sites and paths then brings it back:
 * no digest round, no snapshot, no store. Only the mobile node does, which has heard nothing of it
 * and goes on to refresh. The promise lasts as long as the binding would have: so long it is
 * remembered that it was removed.
 */
#include "oracle_priv.h"

#define LONG_US (5 * S) /* whatever befell paths before that is over */

/* All members have served for long, with nothing between them: whatever is said all hear. Not
 * another release, which may understand nobody, and serves by what it knows itself. */
static bool is_sure(struct world *w, uint8_t mn)
{
	const struct oracle *o = w->oracle;

	if (oracle_is_spoilt(w, mn) || o->is_full || o->open_faults > 0 || o->open_paths > 0 ||
		o->paths_us + LONG_US > w->now_us || shape_knows(&w->shape, FAULT_RELEASE))
		return false;
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		if (n != w->shape.retired && site_is_member(w->site[n], mn_domain(w, mn)) &&
			!oracle_has_served(w, n, mn_domain(w, mn)))
			return false;
	return true;
}

static void is_told(struct world *w, void *ctx, uint64_t mn)
{
	struct subject *s = &w->oracle->subject[mn];

	(void)ctx;
	if (s->removed == 0 || s->removed_us + oracle_spread_us(w) > w->now_us)
		return; /* it was removed once more */
	s->is_removed_for_sure = is_sure(w, (uint8_t)mn);
	w->stats.removed_sure += s->is_removed_for_sure;
}

/* A Binding Update that is under way, or that not all know of yet, may be newer than what was ended. */
void oracle_removed(struct world *w, uint8_t mn)
{
	struct subject *s = &w->oracle->subject[mn];
	const struct bu *b = &s->bu[s->acked];

	s->removed = 0;
	s->is_removed_for_sure = false;
	if (!s->is_void && s->acked != 0 && s->acked == s->count && is_sure(w, mn) &&
		b->acked_us + oracle_spread_us(w) <= w->now_us) {
		s->removed = s->count;
		s->removed_us = w->now_us;
		world_at(w, w->now_us + oracle_spread_us(w), is_told, NULL, mn);
	}
	oracle_excuse(w, s);
}

bool oracle_is_gone(const struct world *w, const struct subject *s, uint32_t bu)
{
	return s->is_removed_for_sure && bu <= s->removed &&
	       w->now_us < s->removed_us + s->bu[s->removed].granted_s * S;
}

void oracle_may_be_back(struct world *w, uint8_t domain)
{
	for (uint8_t i = 0; i < w->shape.mns; i++)
		if (mn_domain(w, i) == domain)
			w->oracle->subject[i].removed = 0;
}
