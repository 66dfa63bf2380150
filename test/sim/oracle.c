/* SPDX-License-Identifier: BSD-3-Clause */
#include "oracle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "mem.h"
#include "oracle_priv.h"

/* Tables are made at the start; what comes on top is for handshakes, questions under way and
 * fields that few records have. */
#define CLOCK_OFF_MS  900 /* clock-limit-ms, and what its measurement may be wrong by */
#define CLOCK_SAME_MS 400
#define MEMORY_MORE   (256ULL << 10)
#define LINE_MORE     (96ULL << 10)

void *oracle_grown(void *list, uint32_t count, uint32_t *cap, size_t size)
{
	if (count + 1 < *cap)
		return list;
	*cap = *cap == 0 ? 64 : 2 * *cap;
	return mem_own_again(list, *cap * size);
}

int oracle_new(struct world *w)
{
	struct oracle *o = calloc(1, sizeof(*o));

	w->oracle = o;
	if (o == NULL)
		return -ENOMEM;
	o->subject = calloc(w->shape.mns, sizeof(*o->subject));
	for (unsigned i = 0; o->subject != NULL && i < w->shape.mns; i++) {
		struct subject *s = &o->subject[i];

		s->bu = oracle_grown(NULL, 0, &s->cap, sizeof(*s->bu));
		s->bu[0] = (struct bu){ 0 }; /* what was acknowledged before anything was */
	}
	return o->subject == NULL ? -ENOMEM : oracle_watch_new(w);
}

void oracle_free(struct world *w)
{
	struct oracle *o = w->oracle;

	if (o == NULL)
		return;
	for (unsigned i = 0; o->subject != NULL && i < w->shape.mns; i++)
		free(o->subject[i].bu);
	oracle_watch_free(w);
	free(o->subject);
	free(o->probe);
	free(o->mtu);
	free(o);
}

/* --- faults --- */

#define RECORD_OCTETS 100 /* at most, mostly */

uint64_t oracle_fill_us(const struct world *w)
{
	return 2 * S * RECORD_OCTETS * w->shape.sleepers / w->shape.rate_max;
}

/* Death is noticed, taken over, given back; a start waits for the others; the mobile nodes' lazily
 * sent refreshes, lost ones repeated, and a digest round. */
uint64_t oracle_settle_us(const struct world *w)
{
	uint64_t us = 3 * w->shape.dead_ms * MS + 6 * S + 20 * w->shape.delay_us;

	us += oracle_fill_us(w);
	return w->shape.loss_ppm > 0 ? us + 4 * S : us;
}

uint64_t oracle_spread_us(const struct world *w)
{
	uint64_t us = 300 * MS + 8ULL * (w->shape.delay_us + w->shape.jitter_us);

	us += w->shape.sleepers > 0 ? S : 0; /* behind what has been said on credit */
	return w->shape.loss_ppm > 0 ? us + 2 * S : us;
}

bool oracle_hear_each_other(struct world *w, uint8_t a, uint8_t b)
{
	const struct net_path *to = net_path(w, a, b), *back = net_path(w, b, a);

	return to->cuts + to->partitions + back->cuts + back->partitions == 0;
}

bool oracle_is_bridged(struct world *w, uint8_t domain, uint8_t a, uint8_t b)
{
	for (uint8_t c = 1; c <= w->shape.sites; c++) {
		if (c == a || c == b || !site_runs(w->site[c]) ||
			!site_is_member(w->site[c], domain))
			continue;
		if (oracle_hear_each_other(w, a, c) && oracle_hear_each_other(w, c, b))
			return true;
	}
	return false;
}

/* Each pair of sites that run reaches each other, by another one at most. Several cuts together may
 * be a partition, and two sites that are cut off from each other have nobody else. */
static bool is_whole(struct world *w, uint8_t domain)
{
	for (uint8_t a = 1; a <= w->shape.sites; a++)
		for (uint8_t b = 1; b < a; b++) {
			if (!site_runs(w->site[a]) || !site_runs(w->site[b]) ||
				!site_is_member(w->site[a], domain) ||
				!site_is_member(w->site[b], domain))
				continue;
			if (!oracle_hear_each_other(w, a, b) && !oracle_is_bridged(w, domain, a, b))
				return false;
		}
	return true;
}

bool oracle_is_settled(struct world *w)
{
	struct oracle *o = w->oracle;

	if (!o->is_looked_at) {
		o->is_whole = true;
		for (uint8_t d = 0; d < w->shape.domains; d++)
			o->is_whole = o->is_whole &&
				      (shape_is_spoilt(&w->shape, d) || is_whole(w, d));
		o->is_looked_at = true;
	}
	return o->is_whole && !o->is_full && o->open_faults == 0 && w->now_us >= o->settled_us;
}

/* Where only paths are what they were again, nobody starts, or waits for one that does. */
static uint64_t path_settle_us(const struct world *w)
{
	return oracle_settle_us(w) - 3 * S;
}

static void touch(struct world *w, bool is_path)
{
	struct oracle *o = w->oracle;
	uint64_t us = w->now_us + (is_path ? path_settle_us(w) : oracle_settle_us(w));

	if (oracle_is_settled(w)) {
		o->loss_unsettled = false;
		o->unsettled_us = w->now_us;
	}
	o->changed_us = w->now_us;
	o->starting = 0;
	if (us > o->settled_us)
		o->settled_us = us;
	o->is_looked_at = false;
}

void oracle_started(struct world *w, uint8_t node)
{
	bool was_settled = oracle_is_settled(w);

	touch(w, false);
	if (was_settled && w->oracle->life[node].at_us == w->now_us)
		w->oracle->starting = node;
}

/* Whoever starts serves nothing until it is ready, and nobody sends it anything to be served. */
bool oracle_is_quiet(struct world *w, uint8_t node)
{
	const struct oracle *o = w->oracle;

	if (oracle_is_settled(w))
		return true;
	return o->starting != 0 && o->is_whole && o->open_faults == 0 && node != o->starting;
}

void oracle_fault(struct world *w, bool is_path)
{
	touch(w, is_path);
}

void oracle_full(struct world *w)
{
	touch(w, false);
	w->oracle->full_us = w->now_us;
	/* what was refused stays so until there is room: nobody outside can tell when */
	w->oracle->is_full = w->oracle->is_full || w->shape.is_cramped;
}

void oracle_fault_begins(struct world *w, bool is_path)
{
	touch(w, is_path);
	w->oracle->open_faults++;
}

void oracle_fault_ends(struct world *w, bool is_path)
{
	touch(w, is_path);
	w->oracle->open_faults--;
}

void oracle_path_begins(struct world *w)
{
	w->oracle->open_paths++;
	w->oracle->paths_us = w->now_us;
}

void oracle_path_ends(struct world *w)
{
	w->oracle->open_paths--;
	w->oracle->paths_us = w->now_us;
}

void oracle_site(struct world *w, uint8_t node, uint64_t gap_us)
{
	struct life *l = &w->oracle->life[node];

	l->at_us = w->now_us;
	l->gap_us = gap_us;
}

void oracle_hello(struct world *w, uint8_t node, uint8_t to)
{
	/* of one that goes on the one before the stop counts */
	if (w->now_us != w->oracle->life[node].at_us)
		w->oracle->life[node].hello_us[to] = w->now_us;
}

/* When all that it ever spoke to had last been told that it is there: answers go to one alone. */
static uint64_t told_us(struct world *w, uint8_t node)
{
	uint64_t first = UINT64_MAX;

	for (uint8_t n = 1; n <= w->shape.sites; n++) {
		uint64_t us = w->oracle->life[node].hello_us[n];

		if (n != node && site_runs(w->site[n]) && us != 0 && us < first)
			first = us;
	}
	return first;
}

/* Streams keep to the rate, questions and answers to a debt of it: 20 datagrams and 10 ms each way. What
 * sealing adds is not the engine's. */
void oracle_says(struct world *w, uint8_t from, uint8_t to, size_t octets)
{
	struct line *l = &w->oracle->line[from][to];
	uint64_t rate = w->shape.rate_max + w->shape.rate_max / 10,
		 may = (w->now_us - l->us) * rate / S;

	l->us = w->now_us;
	l->octets = (l->octets > may ? l->octets - may : 0) + octets;
	if (l->octets > LINE_MORE + w->shape.rate_max / 50 && w->shape.hostile != from)
		world_fail(w, "site %u floods the line to site %u: %llu octets more than its rate",
			from, to, (unsigned long long)l->octets);
}

void oracle_memory(struct world *w, uint8_t node, uint64_t octets, uint64_t at_start)
{
	if (octets > at_start + MEMORY_MORE)
		world_fail(w, "site %u holds %llu octets, %llu when it began", node,
			(unsigned long long)octets, (unsigned long long)at_start);
}

/* Two or more, and more than `alike`, are the same. */
static bool is_pair(const int64_t off[], unsigned n, unsigned alike)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned same = 0;

		for (unsigned k = 0; k < n; k++)
			same += llabs(off[k] - off[i]) < CLOCK_SAME_MS;
		if (same >= 2 && same > alike)
			return true;
	}
	return false;
}

/* Others that serve, hear it and agree about the time of day, and not with it: more than may agree
 * with it. */
static bool is_clock_off(struct world *w, uint8_t node, uint8_t domain)
{
	const struct oracle *o = w->oracle;
	int64_t off[SHAPE_SITES], mine = w->site[node]->wall_off_ms;
	unsigned n = 0, alike = 0;

	if (o->open_paths > 0 || o->paths_us + 2 * S > w->now_us || w->shape.loss_ppm > 0 ||
		!w->site[node]->kind->has_mesh || shape_is_spoilt(&w->shape, domain))
		return false;
	/* whose clock went back is refused the sessions that it had in an earlier life, as one who
	 * repeats its words: it may hear one site only */
	if (w->shape.is_sealed && mine < 0)
		return false;
	for (uint8_t i = 1; i <= w->shape.sites; i++) {
		int64_t its = w->site[i]->wall_off_ms;

		if (i == node || !site_runs(w->site[i]) || !w->site[i]->announced[domain] ||
			o->served_us[i][domain] + 2 * S > w->now_us ||
			o->clock_us[i] + 2 * S > w->now_us || !oracle_hear_each_other(w, i, node))
			continue;
		if (llabs(its - mine) < CLOCK_OFF_MS)
			alike++;
		else
			off[n++] = its;
	}
	return is_pair(off, n, alike);
}

void oracle_clock(struct world *w, uint8_t node)
{
	w->oracle->clock_us[node] = w->now_us;
}

/* Another site than that one does, and is one that it hears. */
static bool is_any_serving(struct world *w, uint8_t node, uint8_t domain, bool is_heard)
{
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		if (n != node && site_is_member(w->site[n], domain) &&
			w->site[n]->announced[domain] &&
			(!is_heard || oracle_hear_each_other(w, n, node)))
			return true;
	return false;
}

/* "cold-start": it has begun anew, heard nobody who serves, and goes by its store. That may lack the
 * newest of what it knew before it crashed. */
static void may_be_of_store(struct world *w, uint8_t node, uint8_t domain)
{
	if (!w->shape.domain[domain].serve_cold || w->site[node]->store == NULL ||
		w->oracle->life[node].gap_us != UINT64_MAX || is_any_serving(w, node, domain, true))
		return;
	for (uint8_t i = 0; i < w->shape.mns; i++)
		if (mn_domain(w, i) == domain)
			w->oracle->subject[i].kept = 0;
}

void oracle_ready(struct world *w, uint8_t node, uint8_t domain)
{
	if (w->oracle->clock_us[node] + 2 * S < w->now_us && is_clock_off(w, node, domain))
		world_fail(w,
			"site %u becomes ready in domain %u with a clock that is off by %lld ms",
			node, domain, (long long)w->site[node]->wall_off_ms);
	w->oracle->served_us[node][domain] = w->now_us;
	oracle_look_at(w, node, domain);
	may_be_of_store(w, node, domain);
	if (!is_any_serving(w, node, domain, true))
		oracle_may_be_back(w, domain);
	if (!is_any_serving(w, node, domain, false))
		oracle_fault(w, false);
}

bool oracle_is_waiting(struct world *w, uint8_t domain)
{
	bool is_down = false;

	for (uint8_t n = 1; n <= w->shape.sites; n++) {
		if (!site_is_member(w->site[n], domain))
			continue;
		if (w->site[n]->announced[domain])
			return false;
		is_down = is_down || (n != w->shape.retired && !site_runs(w->site[n]));
	}
	return is_down;
}

bool oracle_is_calm(struct world *w, uint8_t node, bool may_have_stopped)
{
	const struct life *l = &w->oracle->life[node];
	uint64_t long_us = (3 * w->shape.dead_ms + 2000) * MS;

	if (w->now_us > l->at_us + long_us)
		return true;
	/* others have not missed it, so they have not said that they do */
	return may_have_stopped && l->gap_us != UINT64_MAX && told_us(w, node) <= l->at_us &&
	       l->at_us - told_us(w, node) + w->shape.jitter_us + 15 * MS < w->shape.dead_ms * MS;
}

void oracle_excuse(struct world *w, struct subject *s)
{
	s->is_void = true;
	s->kept = 0;
	s->void_us = w->now_us;
}

/* Only one holder is certain: whoever acknowledged it, and not even one peer. */
static bool is_alone_at(struct world *w, const struct subject *s, uint8_t node)
{
	const struct bu *b = &s->bu[s->acked];

	if (s->acked == 0 || b->is_replicated || b->by != node)
		return false;
	/* settled since: then the others have it long ago */
	return !oracle_is_settled(w) || w->now_us < b->acked_us + oracle_settle_us(w);
}

void oracle_loss(struct world *w, uint8_t node)
{
	struct oracle *o = w->oracle;
	bool second;

	touch(w, false);
	second = o->loss_unsettled;
	for (unsigned i = 0; i < w->shape.mns; i++) {
		struct subject *s = &o->subject[i];

		if (!second && !is_alone_at(w, s, node))
			continue;
		if (!s->is_void)
			w->stats.void_loss++;
		oracle_excuse(w, s);
	}
	o->loss_unsettled = true;
	o->loss_us = w->now_us;
}

/* Has it anything of that domain, in its memory or a store? Who begins anew without one does not,
 * before it serves. */
static bool may_remember(struct world *w, uint8_t node, uint8_t domain)
{
	const struct site *s = w->site[node];

	return s->store != NULL ||
	       (site_is_up(s) &&
		       (s->announced[domain] || w->oracle->life[node].gap_us != UINT64_MAX));
}

void oracle_forgot(struct world *w, uint8_t node)
{
	for (uint8_t d = 0; d < w->shape.domains; d++) {
		bool is_anybody = !site_is_member(w->site[node], d);

		for (uint8_t n = 1; n <= w->shape.sites && !is_anybody; n++)
			is_anybody = n != node && site_is_member(w->site[n], d) &&
				     may_remember(w, n, d);
		for (uint8_t i = 0; i < w->shape.mns && !is_anybody; i++)
			if (mn_domain(w, i) == d) {
				w->stats.void_loss += !w->oracle->subject[i].is_void;
				oracle_excuse(w, &w->oracle->subject[i]);
			}
	}
}

void oracle_forced(struct world *w, uint8_t domain)
{
	touch(w, false);
	for (unsigned i = 0; i < w->shape.mns; i++)
		if (mn_domain(w, (uint8_t)i) == domain) {
			w->stats.void_loss += !w->oracle->subject[i].is_void;
			oracle_excuse(w, &w->oracle->subject[i]);
		}
}
