/* SPDX-License-Identifier: BSD-3-Clause */
#include "site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "oracle.h"
#include "world.h"

#define BUFFER      400 /* datagrams that wait for a frozen site */
#define TURN_MAX_MS 50 /* hamd's loop turns at least this often */
#define WAKE_US     100 /* from input to the next turn */

struct waiting {
	struct waiting *next;
	enum net_kind kind;
	uint8_t from;
	bool may_relay;
	struct pkt pkt;
	size_t len;
	uint8_t buf[];
};

int site_new(struct world *w, uint8_t node, const struct site_kind *kind)
{
	struct site *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->w = w;
	s->node = node;
	s->kind = kind;
	s->waiting_end = &s->waiting;
	w->site[node] = s;
	return 0;
}

static void forget_waiting(struct site *s)
{
	struct waiting *x;

	while ((x = s->waiting) != NULL) {
		s->waiting = x->next;
		if (x->kind == NET_DATA)
			oracle_lost(s->w, &x->pkt);
		free(x);
	}
	s->waiting_end = &s->waiting;
	s->waiting_count = 0;
}

void site_free(struct site *s)
{
	if (s == NULL)
		return;
	if (s->up)
		s->kind->stop(s);
	forget_waiting(s);
	if (s->store != NULL)
		s->store_free(s->store);
	free(s);
}

bool site_is_up(const struct site *s)
{
	return s->up;
}

bool site_runs(const struct site *s)
{
	return s->up && !s->paused;
}

uint64_t site_boot(const struct site *s)
{
	return (uint64_t)s->boot << 32 | s->node;
}

bool site_is_member(const struct site *s, uint8_t domain)
{
	const struct shape_domain *d = &s->w->shape.domain[domain];

	for (unsigned i = 0; i < d->member_count; i++)
		if (d->members[i] == s->node)
			return true;
	return false;
}

uint64_t site_mono_ms(const struct site *s)
{
	return s->mono_base_ms + s->w->now_us / MS;
}

uint64_t site_wall_ms(const struct site *s)
{
	return (uint64_t)((int64_t)(WALL_MS + s->w->now_us / MS) + s->wall_off_ms);
}

/* --- turns --- */

static void announce(struct site *s)
{
	for (uint8_t d = 0; d < s->w->shape.domains; d++) {
		bool now = site_runs(s) && site_is_member(s, d) && s->kind->is_ready(s, d);

		if (now == s->announced[d])
			continue;
		if (now)
			oracle_ready(s->w, s->node, d);
		s->announced[d] = now;
		net_route(s->w, s->node, d, now);
		world_tell(s->w, "site %u %s the route of domain %u", s->node,
			now ? "announces" : "withdraws", d);
	}
}

/* Whatever runs on a site runs between these two. */
static void enter(struct site *s)
{
	mem_for(s->node);
}

static void leave(struct site *s)
{
	mem_for(0);
	if (s->up)
		oracle_memory(s->w, s->node, s->kind->memory(s), s->memory_at_start);
}

static void turn(struct world *w, void *ctx, uint64_t gen)
{
	struct site *s = ctx;
	uint32_t next_ms;

	(void)w;
	if (!site_runs(s) || gen != s->turn_gen)
		return;
	enter(s);
	next_ms = s->kind->turn(s);
	leave(s);
	announce(s);
	if (next_ms > TURN_MAX_MS)
		next_ms = TURN_MAX_MS;
	s->turn_at_us = s->w->now_us + (next_ms == 0 ? WAKE_US : next_ms * MS);
	world_at(s->w, s->turn_at_us, turn, s, ++s->turn_gen);
}

void site_wake(struct site *s)
{
	uint64_t at = s->w->now_us + WAKE_US;

	if (!site_runs(s) || s->turn_at_us <= at)
		return;
	s->turn_at_us = at;
	world_at(s->w, at, turn, s, ++s->turn_gen);
}

/* --- power --- */

#define AGAIN_US (300 * MS) /* whoever looks after processes starts it again */
#define REQUESTS 70 /* that a start makes, about */

/* Some starts find no memory at some point. */
static bool plan_lack(struct site *s)
{
	struct world *w = s->w;

	if (!s->kind->has_mesh || !shape_knows(&w->shape, FAULT_MEMORY) || w->now_us >= w->end_us ||
		!rng_chance(&w->rng_odd, 500))
		return false;
	mem_lack_once(s->node, (uint32_t)rng_between(&w->rng_odd, 1, REQUESTS));
	return true;
}

static void start_again(struct world *w, void *ctx, uint64_t boot)
{
	struct site *s = ctx;

	if (s->up || s->boot != boot)
		return;
	site_start(s);
	oracle_fault(w, false);
}

/* All that it took is given back, and it is tried again. */
static void not_started(struct site *s, int ret, bool is_lacking)
{
	s->up = false;
	oracle_site(s->w, s->node, UINT64_MAX);
	world_tell(s->w, "site %u does not start: %d", s->node, ret);
	s->w->stats.unmade++;
	if (ret != -ENOMEM || !(is_lacking || mem_is_lacking(s->node)))
		world_fail(s->w, "site %u does not start: %d", s->node, ret);
	else if (s->kind->memory(s) != 0)
		world_fail(s->w, "site %u did not start, and holds %llu octets", s->node,
			(unsigned long long)s->kind->memory(s));
	world_at(s->w, s->w->now_us + AGAIN_US, start_again, s, s->boot);
}

void site_start(struct site *s)
{
	bool is_lacking;
	int ret;

	if (s->up)
		return;
	s->up = true;
	s->paused = false;
	s->boot++;
	oracle_site(s->w, s->node, UINT64_MAX);
	s->mono_base_ms = rng_between(&s->w->rng_site, 1, 1000000000);
	world_tell(s->w, "site %u starts (boot %u, %s)", s->node, s->boot,
		s->store != NULL ? "with a store" : "no store");
	enter(s);
	is_lacking = plan_lack(s);
	ret = s->kind->start(s);
	mem_lack_once(0, 0);
	if (ret < 0) {
		mem_for(0);
		not_started(s, ret, is_lacking);
		return;
	}
	s->memory_at_start = s->kind->memory(s);
	leave(s);
	s->turn_at_us = s->w->now_us;
	world_at(s->w, s->w->now_us, turn, s, ++s->turn_gen);
}

void site_crash(struct site *s)
{
	if (!s->up)
		return;
	world_tell(s->w, "site %u crashes", s->node);
	s->kind->stop(s);
	s->impl = NULL;
	s->up = s->paused = false;
	oracle_site(s->w, s->node, UINT64_MAX);
	forget_waiting(s);
	announce(s);
}

/* The route stays: nobody withdraws it for a process that is frozen. */
void site_pause(struct site *s)
{
	if (!site_runs(s))
		return;
	world_tell(s->w, "site %u is frozen", s->node);
	s->paused = true;
	s->paused_us = s->w->now_us;
	oracle_site(s->w, s->node, UINT64_MAX);
}

static void input(struct site *s, enum net_kind kind, uint8_t from, bool may_relay, struct pkt *p,
	const uint8_t *buf, size_t len)
{
	enter(s);
	if (kind == NET_DATA && p->kind == PKT_BU)
		oracle_heard(s->w, s->node, p->bu.hoa.b[15], p);
	if (kind == NET_DATA)
		s->kind->packet(s, p, from, may_relay);
	else
		s->kind->datagram(s, kind, from, buf, len);
	leave(s);
}

/* First the loop turns, and may see that time has passed, or first it reads what came. */
void site_resume(struct site *s)
{
	struct waiting *x;

	if (!s->up || !s->paused)
		return;
	world_tell(s->w, "site %u goes on, %u datagrams waited", s->node, s->waiting_count);
	s->paused = false;
	oracle_site(s->w, s->node, s->w->now_us - s->paused_us);
	s->turn_at_us = s->w->now_us;
	s->is_waking = s->waiting_count > 0;
	if (rng_chance(&s->w->rng_site, 500))
		turn(s->w, s, ++s->turn_gen);
	else
		world_at(s->w, s->w->now_us, turn, s, ++s->turn_gen);
	s->is_waking = false;
	while ((x = s->waiting) != NULL) {
		s->waiting = x->next;
		input(s, x->kind, x->from, x->may_relay, &x->pkt, x->buf, x->len);
		free(x);
	}
	s->waiting_end = &s->waiting;
	s->waiting_count = 0;
}

/* --- input --- */

static void wait_in_buffer(struct site *s, enum net_kind kind, uint8_t from, bool may_relay,
	const struct pkt *p, const uint8_t *buf, size_t len)
{
	struct waiting *x;

	if (s->waiting_count >= BUFFER) {
		if (kind == NET_DATA)
			oracle_lost(s->w, p);
		return;
	}
	x = mem_own(sizeof(*x) + len);
	*x = (struct waiting){ .kind = kind, .from = from, .may_relay = may_relay, .len = len };
	if (p != NULL)
		x->pkt = *p;
	if (len > 0)
		memcpy(x->buf, buf, len);
	*s->waiting_end = x;
	s->waiting_end = &x->next;
	s->waiting_count++;
}

void site_datagram(struct site *s, enum net_kind kind, uint8_t from, const uint8_t *buf, size_t len)
{
	if (s->paused) {
		wait_in_buffer(s, kind, from, false, NULL, buf, len);
		return;
	}
	input(s, kind, from, false, NULL, buf, len);
	site_wake(s);
}

void site_packet(struct site *s, const struct pkt *p, uint8_t from, bool may_relay)
{
	struct pkt copy = *p;

	if (s->paused) {
		wait_in_buffer(s, NET_DATA, from, may_relay, p, NULL, 0);
		return;
	}
	input(s, NET_DATA, from, may_relay, &copy, NULL, 0);
	site_wake(s);
}
