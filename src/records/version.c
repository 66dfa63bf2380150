/* SPDX-License-Identifier: BSD-3-Clause */
#include "records/version.h"

static int cmp(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

int content_version_cmp(const struct content_version *a, const struct content_version *b)
{
	int c = cmp(a->epoch, b->epoch);

	if (c == 0)
		c = cmp(a->ext_seq, b->ext_seq);
	if (c == 0)
		c = cmp(a->hlc, b->hlc);
	return c != 0 ? c : cmp(a->node, b->node);
}

int owner_version_cmp(const struct owner_version *a, const struct owner_version *b)
{
	int c = cmp(a->epoch, b->epoch);

	if (c == 0)
		c = cmp(a->ext_seq, b->ext_seq);
	if (c == 0)
		c = cmp(a->term, b->term);
	return c != 0 ? c : cmp(a->node, b->node);
}

int owner_term_cmp(struct owner_term a, struct owner_term b)
{
	int c = cmp(a.term, b.term);

	return c != 0 ? c : cmp(a.node, b.node);
}

uint64_t version_unwrap(uint64_t last, uint16_t seq)
{
	uint16_t ahead = (uint16_t)(seq - (uint16_t)last);

	return last + (ahead != 0 ? ahead : 1U << 16);
}

uint64_t hlc_tick(struct hlc *h, uint64_t now_ms)
{
	uint64_t now = now_ms << HLC_COUNTER_BITS;
	bool is_astray = h->last >> HLC_COUNTER_BITS > now_ms + HLC_AHEAD_MS;

	h->last = now > h->last || is_astray ? now : h->last + 1;
	return h->last;
}

uint64_t hlc_tick_above(struct hlc *h, uint64_t above, uint64_t now_ms)
{
	uint64_t tick = hlc_tick(h, now_ms);

	return tick > above || above >= HLC_MOST ? tick : above + 1;
}

void hlc_hear(struct hlc *h, uint64_t seen, uint64_t now_ms)
{
	uint64_t most = (now_ms + HLC_AHEAD_MS) << HLC_COUNTER_BITS;

	if (seen > most)
		seen = most;
	if (seen > h->last)
		h->last = seen;
}
