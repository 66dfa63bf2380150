/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_priv.h"
#include "hostile.h"
#include "mem.h"
#include "oracle.h"

#define ASK_US (200 * MS) /* hello is asked for what it knows as often as this */

struct ip6_addr agent_site_address(uint8_t node)
{
	struct ip6_addr a = addr_stranger();

	a.b[4] = 0x51;
	a.b[15] = node;
	return a;
}

/* --- what the engine asks for --- */

static bool is_hostile(const struct agent *a, uint8_t node)
{
	return a->w->shape.hostile == node;
}

static void on_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	struct agent *a = ctx;

	if (is_hostile(a, a->node))
		hostile_send(a, node, buf, len);
	else
		agent_link_send(a, NET_SYNC, node, buf, len);
}

static bool on_covers(void *ctx, uint16_t domain, const struct ip6_addr *hoa)
{
	(void)ctx;
	return addr_domain(hoa) == domain;
}

static bool on_changed(void *ctx, struct record *r, enum engine_why why)
{
	struct agent *a = ctx;
	static const char *const text[] = { [ENGINE_HEARD] = "heard of",
		[ENGINE_TOOK_OVER] = "takes over",
		[ENGINE_HANDED] = "hands on" };

	if (a->site->no_room > 0 && rng_chance(&a->w->rng_odd, a->site->no_room))
		return false;
	a->is_dirty = true;
	if (why == ENGINE_TOOK_OVER && r->hoa.b[15] < a->w->shape.mns)
		oracle_took_over(a->w, a->node, r->hoa.b[15]);
	if (why == ENGINE_HANDED && r->hoa.b[15] < a->w->shape.mns)
		oracle_moved(a->w, r->hoa.b[15]);
	world_tell(a->w, "site %u %s %s: %s, coa %s, owner %u", a->node, text[why],
		addr_str(&r->hoa), r->state == RECORD_LIVE ? "bound" : "tombstone",
		addr_str(&r->coa), records_mesh(a->records, r)->owner.node);
	return true;
}

static void on_next(
	void *ctx, uint16_t domain, const struct next_view *v, const struct next_table *t)
{
	struct agent *a = ctx;

	a->domain[domain].view = *v;
	a->domain[domain].next = *t;
}

static void on_committed(void *ctx, uint64_t token, enum engine_commit how)
{
	agent_committed(ctx, token, how);
}

static const char *says_str(enum next_says says)
{
	static const char *const text[] = { "joining", "ready", "draining", "left" };

	return text[says];
}

static void on_state(void *ctx, uint16_t domain, enum next_says says)
{
	struct agent *a = ctx;

	world_tell(a->w, "site %u is %s in domain %u", a->node, says_str(says), domain);
	a->domain[domain].says = says;
	a->domain[domain].left_told = false;
	hello_say(a->hello, a->hello_domain[domain], says);
	site_wake(a->site);
}

static void on_event(void *ctx, enum engine_event e, uint16_t domain, uint8_t node, uint64_t n)
{
	struct agent *a = ctx;

	world_tell(a->w, "site %u: %s, domain %u, site %u, %llu", a->node, engine_event_name(e),
		domain, node, (unsigned long long)n);
	if ((e == ENGINE_EV_FULL || e == ENGINE_EV_PEER_FULL || e == ENGINE_EV_FORGOTTEN ||
		    e == ENGINE_EV_SNAPSHOT_REFUSED) &&
		!shape_is_spoilt(&a->w->shape, (uint8_t)domain))
		oracle_full(a->w);
	if ((e == ENGINE_EV_MALFORMED || e == ENGINE_EV_FOREIGN) && !is_hostile(a, node) &&
		!is_hostile(a, a->node) && !shape_is_spoilt(&a->w->shape, (uint8_t)domain))
		world_fail(a->w, "site %u takes what site %u sent for %s", a->node, node,
			engine_event_name(e));
}

/* --- what hello says --- */

static void on_hello_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	agent_link_send(ctx, NET_HELLO, node, buf, len);
}

/* Who hears whom decides what is passed on to whom: before anything else is told. */
static void tell_hears(struct agent *a)
{
	for (uint8_t n = 1; n <= a->w->shape.sites; n++) {
		uint64_t up[4];

		if (n == a->node)
			continue;
		hello_up_there(a->hello, n, up);
		engine_hears(a->engine, n, up, agent_now(a));
	}
}

static void on_hello_view(void *ctx, uint32_t hello_domain, const struct next_view *v)
{
	struct agent *a = ctx;

	if (a->engine != NULL)
		engine_view(a->engine, a->domain_of_hello[hello_domain], v, agent_now(a));
}

/* Of a life of that site, for that domain. */
uint64_t agent_label_key(const struct site *s, uint8_t domain)
{
	return site_boot(s) << 8 | (domain + 1U);
}

static void on_label_key(struct agent *a, uint8_t domain, uint8_t node, uint64_t key)
{
	const uint64_t who = (1ULL << 40) - 1; /* all but how many lives there were before */

	a->label_key[domain][node] = key;
	if (!is_hostile(a, node) && ((key ^ agent_label_key(a->w->site[node], domain)) & who) != 0)
		world_fail(a->w, "site %u takes for site %u's label key in domain %u what is not",
			a->node, node, domain);
}

static void on_hello_event(
	void *ctx, enum hello_event e, uint32_t hello_domain, uint8_t node, int64_t value)
{
	static const char *const reach[] = { "dead", "up", "cut off" };
	struct agent *a = ctx;

	switch (e) {
	case HELLO_REACH:
		world_tell(a->w, "site %u: site %u is %s in domain %u", a->node, node, reach[value],
			a->domain_of_hello[hello_domain]);
		oracle_verdict(
			a->w, a->domain_of_hello[hello_domain], a->node, node, value != NEXT_DEAD);
		break;
	case HELLO_STALL:
		world_tell(a->w, "site %u: stood still for %lld ms", a->node, (long long)value);
		engine_stall(a->engine, (uint64_t)value, agent_now(a));
		break;
	case HELLO_RESTARTED:
		world_tell(a->w, "site %u: site %u is another process", a->node, node);
		break;
	case HELLO_LABEL_KEY:
		on_label_key(a, a->domain_of_hello[hello_domain], node, (uint64_t)value);
		break;
	case HELLO_DRIFT:
	case HELLO_INCOMPATIBLE:
		world_tell(a->w, "site %u: site %u %s (%llx)", a->node, node,
			e == HELLO_DRIFT ? "has other settings" : "speaks another language",
			(unsigned long long)value);
		if (value != 0 && !is_hostile(a, node) && !is_hostile(a, a->node) &&
			!shape_knows(&a->w->shape, FAULT_RELEASE))
			world_fail(a->w, "site %u finds site %u to be configured differently",
				a->node, node);
		break;
	case HELLO_CLOCK:
		world_tell(a->w, "site %u: its clock is off by %lld ms", a->node, (long long)value);
		engine_clock(a->engine, a->domain_of_hello[hello_domain],
			hello_is_clock_off(a->hello, hello_domain), agent_now(a));
		break;
	}
}

const struct engine_ops agent_engine_ops = { NULL, on_send, on_covers, on_changed, on_next,
	on_committed, on_state, on_event, NULL };
static void on_hello_keys(void *ctx, uint8_t node, const uint32_t *names, unsigned n)
{
	struct agent *a = ctx;

	a->hello_keys[node].count = n;
	memcpy(a->hello_keys[node].name, names, n * sizeof(names[0]));
}

const struct hello_ops agent_hello_ops = { NULL, on_hello_send, on_hello_view, on_hello_event,
	on_hello_keys };

static void ask_hello(struct agent *a)
{
	if (a->w->now_us < a->asked_us + ASK_US)
		return;
	a->asked_us = a->w->now_us;
	tell_hears(a);
	for (uint8_t n = 1; n <= a->w->shape.sites; n++) {
		struct hello_info info;

		if (n != a->node && hello_info(a->hello, n, &info) == 0 && info.has_rtt)
			engine_rtt(a->engine, n, info.rtt_ms);
	}
	for (uint8_t d = 0; d < a->w->shape.domains; d++) {
		struct agent_domain *x = &a->domain[d];

		if (!site_is_member(a->site, d) || x->says != NEXT_LEFT || x->left_told ||
			!hello_is_known(a->hello, a->hello_domain[d], agent_now(a)))
			continue;
		x->left_told = true;
		engine_left_heard(a->engine, d, agent_now(a));
	}
}

/* --- turns --- */

static bool on_end(void *ctx, struct record *r)
{
	struct agent *a = ctx;

	if (!engine_end(a->engine, r, agent_now(a)))
		return false;
	world_tell(a->w, "site %u: %s of %s ends", a->node,
		r->state == RECORD_LIVE ? "the binding" : "the tombstone", addr_str(&r->hoa));
	a->is_dirty = true;
	return true;
}

/* Whoever asks: a domain has no more than it may have. */
static void check_quotas(struct agent *a)
{
	for (uint8_t d = 0; d < a->w->shape.domains; d++) {
		uint32_t live = records_live_in(a->records, d),
			 all = live + records_tombstones_in(a->records, d);

		if (live > a->w->shape.quota || all > 2 * a->w->shape.quota)
			world_fail(a->w, "site %u holds %u bindings of domain %u, and %u records",
				a->node, live, d, all);
	}
}

static uint32_t agent_turn(struct site *s)
{
	struct agent *a = agent_of(s);
	uint64_t now = agent_now(a), wall = agent_wall(a);
	uint32_t next = hello_turn(a->hello, now, wall, true), engine_next;

	agent_link_turn(a);
	if (is_hostile(a, a->node))
		hostile_turn(a);
	ask_hello(a);
	records_expire(a->records, now, s->w->shape.budget, on_end, a);
	engine_next = engine_turn(a->engine, now, wall, s->w->shape.budget);
	agent_save_turn(a);
	check_quotas(a);
	return next < engine_next ? next : engine_next;
}

/* --- questions --- */

static bool agent_is_ready(struct site *s, uint8_t domain)
{
	return agent_of(s)->domain[domain].says == NEXT_READY;
}

static uint64_t agent_digest(struct site *s, uint8_t domain, uint32_t *records)
{
	struct engine_domain_info info = { 0 };

	*records = records_live_in(agent_of(s)->records, domain);
	engine_domain_info(agent_of(s)->engine, domain, &info);
	return info.digest ^ agent_soft_digest(agent_of(s), domain);
}

static uint64_t agent_memory(struct site *s)
{
	return mem_of(s->node);
}

static void agent_drain(struct site *s, uint8_t domain, enum site_drain how)
{
	static const char *const text[] = { "undrain", "drain", "drain by force",
		"expect nothing more for" };
	struct agent *a = agent_of(s);
	int ret = 0;

	if (how == DRAIN_NOTHING_COMES)
		engine_quiet(a->engine, domain, agent_now(a));
	else if (how == DRAIN_OFF)
		ret = engine_undrain(a->engine, domain, agent_now(a));
	else
		ret = engine_drain(a->engine, domain, how == DRAIN_FORCE, agent_now(a));
	world_tell(s->w, "site %u is told to %s domain %u: %d", s->node, text[how], domain, ret);
	site_wake(s);
}

static void agent_tell(struct site *s, uint8_t mn)
{
	struct agent *a = agent_of(s);
	uint8_t domain = (uint8_t)(mn % s->w->shape.domains);
	struct ip6_addr home = addr_home(domain, mn);
	struct record *r = records_find(a->records, domain, &home);
	const struct record_mesh *m;

	if (r == NULL) {
		world_tell(s->w, "  site %u knows nothing of mn %u", s->node, mn);
		return;
	}
	m = records_mesh(a->records, r);
	world_tell(s->w,
		"  site %u, mn %u: %s coa %s ha %s for %lld ms; content %u/%llu/%llx/%u owner "
		"%u/%llu/%u/%u",
		s->node, mn, r->state == RECORD_LIVE ? "bound" : "tombstone", addr_str(&r->coa),
		addr_str(&r->ha), (long long)(r->ends_ms - agent_now(a)), m->content.epoch,
		(unsigned long long)m->content.ext_seq, (unsigned long long)m->content.hlc,
		m->content.node, m->owner.epoch, (unsigned long long)m->owner.ext_seq,
		m->owner.term, m->owner.node);
}

static void agent_force(struct site *s, uint8_t domain)
{
	engine_force_ready(agent_of(s)->engine, domain, agent_now(agent_of(s)));
}

static bool agent_move(struct site *s, uint8_t mn, uint8_t node)
{
	struct agent *a = agent_of(s);
	uint8_t domain = (uint8_t)(mn % s->w->shape.domains);
	struct ip6_addr home = addr_home(domain, mn);
	struct record *r = records_find(a->records, domain, &home);
	int ret = -ENOENT;

	if (r != NULL)
		ret = engine_move(a->engine, r, node, agent_now(a), agent_wall(a));
	world_tell(s->w, "site %u is told to move mn %u to site %u: %d", s->node, mn, node, ret);
	site_wake(s);
	return ret == 0;
}

const struct site_kind agent_kind = {
	.name = "agent",
	.has_mesh = true,
	.start = agent_start,
	.stop = agent_stop,
	.turn = agent_turn,
	.datagram = agent_link_input,
	.packet = agent_packet,
	.is_ready = agent_is_ready,
	.has_room = agent_has_room,
	.calls_full = agent_calls_full,
	.lets_in = agent_lets_in,
	.digest = agent_digest,
	.memory = agent_memory,
	.drain = agent_drain,
	.tell = agent_tell,
	.force = agent_force,
	.move = agent_move,
	.remove = agent_remove,
	.path_mtu = agent_path_mtu,
	.look = agent_soft_look,
	.info = agent_info,
	.wear = agent_session_wear,
};
