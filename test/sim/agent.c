/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_priv.h"
#include "mem.h"
#include "oracle.h"

#define BUDGET        2000 /* of a turn of the engine, in records */
#define JOIN_MS       3000
#define DRAIN_MS      1000
#define RECORDS_S     100000
#define ASK_US        (200 * MS) /* hello is asked for what it knows as often as this */
#define SEEN_MAX      1024
#define SEEN_WINDOW_S 7

struct ip6_addr agent_site_address(uint8_t node)
{
	struct ip6_addr a = addr_stranger();

	a.b[4] = 0x51;
	a.b[15] = node;
	return a;
}

/* --- what the engine asks for --- */

static void on_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	agent_link_send(ctx, NET_SYNC, node, buf, len);
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

	a->is_dirty = true;
	if (why == ENGINE_TOOK_OVER)
		oracle_took_over(a->w, a->node, r->hoa.b[15]);
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
	if (e == ENGINE_EV_MALFORMED || e == ENGINE_EV_FOREIGN)
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
	case HELLO_DRIFT:
	case HELLO_INCOMPATIBLE:
		if (value != 0)
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

/* --- start --- */

static void set_up_domain(struct agent *a, uint8_t number)
{
	struct agent_domain *d = &a->domain[number];
	const struct shape_domain *shape = &a->w->shape.domain[number];
	char name[16];

	snprintf(name, sizeof(name), "msp%u", number);
	d->shape = shape;
	d->id = next_domain(name);
	d->prefix = addr_prefix(number);
	d->fwd = (struct forward_domain){
		.mode = shape->shared ? FORWARD_SHARED : FORWARD_UNICAST,
		.delivery = shape->primary ? FORWARD_PRIMARY : FORWARD_DIRECT,
		.agents = d->agents,
		.agent_count = shape->shared ? 1 : shape->member_count,
		.view = &d->view,
		.next = &d->next,
	};
	d->agents[0] = (struct forward_agent){ addr_agent(number, 0), FORWARD_ALL };
	for (unsigned i = 0; i < shape->member_count; i++) {
		uint8_t n = shape->members[i];

		forward_add_member(&d->fwd, n);
		if (!shape->shared)
			d->agents[i] = (struct forward_agent){ addr_agent(number, n), n };
	}
	d->conf = (struct conf_domain){
		.mobile_prefixes = &d->prefix,
		.mobile_prefix_count = 1,
		.lifetime_max_s = AGENT_LIFE_MAX_S,
		.limits = { .max_bindings = AGENT_RECORDS,
			.max_bindings_per_care_of = AGENT_RECORDS },
	};
	d->sub = (struct sub){
		.lifetime_max_s = AGENT_LIFE_MAX_S, .key = SUB_NO_KEY, .domain = number
	};
	d->view.domain = d->id;
	d->view.self = a->node;
}

static int start_hello(struct agent *a)
{
	struct hello_peer peers[SHAPE_SITES];
	struct hello_domain domains[SHAPE_DOMAINS] = { 0 };
	uint8_t members[SHAPE_DOMAINS][SHAPE_SITES];
	struct hello_opts o = {
		.node = a->node,
		.boot = (uint64_t)a->site->boot << 32 | a->node,
		.version_min = 1,
		.version_max = 1,
		.hello_ms = a->w->shape.hello_ms,
		.dead_ms = a->w->shape.dead_ms,
		.clock_limit_ms = 500,
		.peers = peers,
		.domains = domains,
		.ops = { a, on_hello_send, on_hello_view, on_hello_event },
	};
	bool is_peer[SHAPE_SITES + 1] = { false };

	for (uint8_t d = 0; d < a->w->shape.domains; d++) {
		struct hello_domain *h = &domains[o.domain_count];
		const struct shape_domain *shape = &a->w->shape.domain[d];

		if (!site_is_member(a->site, d))
			continue;
		h->id = a->domain[d].id;
		h->members = members[d];
		for (unsigned i = 0; i < shape->member_count; i++)
			if (shape->members[i] != a->node) {
				members[d][h->member_count++] = shape->members[i];
				is_peer[shape->members[i]] = true;
			}
		a->hello_domain[d] = (uint8_t)o.domain_count;
		a->domain_of_hello[o.domain_count++] = d;
	}
	for (uint8_t n = 1; n <= a->w->shape.sites; n++)
		if (is_peer[n])
			peers[o.peer_count++] = (struct hello_peer){ n, agent_site_address(n) };
	return hello_new(&o, &a->hello);
}

static void describe_domain(const struct agent *a, uint8_t number, struct engine_domain *d,
	struct engine_member *members, struct ip6_addr *addresses)
{
	const struct agent_domain *x = &a->domain[number];
	const struct shape_domain *shape = x->shape;

	*d = (struct engine_domain){
		.number = number,
		.id = x->id,
		.members = members,
		.addresses = addresses,
		.address_count = x->fwd.agent_count,
		.ack_peers = shape->ack_peers,
		.remembers = shape->with_auth,
		.cold_start_serve = shape->serve_cold,
		.store_is_fresh = agent_store_is_fresh((struct agent *)a),
		.join_timeout_ms = JOIN_MS,
		.drain_wait_ms = DRAIN_MS,
		.max_bindings = AGENT_RECORDS,
	};
	for (unsigned i = 0; i < x->fwd.agent_count; i++)
		addresses[i] = x->agents[i].address;
	for (unsigned i = 0; i < shape->member_count; i++) {
		struct engine_member *m = &members[d->member_count];

		if (shape->members[i] == a->node)
			continue;
		*m = (struct engine_member){ .node = shape->members[i] };
		if (!shape->shared)
			m->ha = addr_agent(number, m->node);
		d->member_count++;
	}
}

static int start_engine(struct agent *a)
{
	struct engine_domain domains[SHAPE_DOMAINS];
	struct engine_member members[SHAPE_DOMAINS][SHAPE_SITES];
	struct ip6_addr addresses[SHAPE_DOMAINS][SHAPE_SITES];
	uint8_t secret[32];
	struct engine_opts o = {
		.self = a->node,
		.boot = (uint64_t)a->site->boot << 32 | a->node,
		.records = a->records,
		.seen = a->seen,
		.secret = secret,
		.domains = domains,
		.dead_ms = a->w->shape.dead_ms,
		.rate_max = a->w->shape.rate_max,
		.records_s = RECORDS_S,
		.max_waits = AGENT_HELD,
		.now_ms = agent_now(a),
		.wall_ms = agent_wall(a),
		.ops = { a, on_send, on_covers, on_changed, on_next, on_committed, on_state,
			on_event },
	};

	for (unsigned i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)rng_next(&a->w->rng_site);
	for (uint8_t d = 0; d < a->w->shape.domains; d++)
		if (site_is_member(a->site, d)) {
			describe_domain(a, d, &domains[o.domain_count], members[d], addresses[d]);
			o.domain_count++;
		}
	a->engine_domains = (uint8_t)o.domain_count;
	return engine_new(&o, &a->engine);
}

static void agent_stop(struct site *s);

static int agent_start(struct site *s)
{
	struct agent *a = calloc(1, sizeof(*a));
	struct records_opts ro = { .max = AGENT_RECORDS,
		.seed = rng_next(&s->w->rng_site),
		.now_ms = site_mono_ms(s),
		.mesh = true };
	struct seen_opts so = { .max = SEEN_MAX,
		.addresses = SHAPE_DOMAINS * (SHAPE_SITES + 1),
		.markers = ENGINE_MARKERS(SHAPE_SITES),
		.window_s = SEEN_WINDOW_S,
		.seed = rng_next(&s->w->rng_site) };

	if (a == NULL)
		return -ENOMEM;
	s->impl = a;
	a->site = s;
	a->w = s->w;
	a->node = s->node;
	for (uint8_t d = 0; d < s->w->shape.domains; d++)
		set_up_domain(a, d);
	if (records_new(&ro, &a->records) < 0 || seen_new(&so, &a->seen) < 0 ||
		start_hello(a) < 0 || start_engine(a) < 0 ||
		(s->w->shape.is_sealed && agent_session_start(a) < 0))
		return -EINVAL;
	agent_load(a);
	return 0;
}

static void agent_stop(struct site *s)
{
	struct agent *a = agent_of(s);

	if (a == NULL)
		return;
	agent_store_crash(a);
	engine_free(a->engine);
	sessions_free(a->sessions);
	hello_free(a->hello);
	seen_free(a->seen);
	records_free(a->records);
	free(a);
	s->impl = NULL;
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

static uint32_t agent_turn(struct site *s)
{
	struct agent *a = agent_of(s);
	uint64_t now = agent_now(a), wall = agent_wall(a);
	uint32_t next = hello_turn(a->hello, now, wall, true), engine_next;

	agent_link_turn(a);
	ask_hello(a);
	records_expire(a->records, now, BUDGET, on_end, a);
	engine_next = engine_turn(a->engine, now, wall, BUDGET);
	agent_save_turn(a);
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
	return info.digest;
}

static uint64_t agent_memory(struct site *s)
{
	return mem_of(s->node);
}

static void agent_drain(struct site *s, uint8_t domain, bool on)
{
	struct agent *a = agent_of(s);
	int ret = on ? engine_drain(a->engine, domain, false, agent_now(a))
		     : engine_undrain(a->engine, domain, agent_now(a));

	world_tell(s->w, "site %u is told to %s domain %u: %d", s->node, on ? "drain" : "undrain",
		domain, ret);
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
	.digest = agent_digest,
	.memory = agent_memory,
	.drain = agent_drain,
	.tell = agent_tell,
	.force = agent_force,
	.move = agent_move,
};
