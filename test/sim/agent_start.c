/* SPDX-License-Identifier: BSD-3-Clause */
/* A site begins: what control reads from its configuration, here from the world's shape. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_priv.h"
#include "oracle.h"

#define JOIN_MS       3000
#define DRAIN_MS      1000
#define SEEN_WINDOW_S 7

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
		.limits = { .max_bindings = a->w->shape.quota,
			.max_bindings_per_care_of = a->w->shape.quota },
	};
	d->sub = (struct sub){
		.lifetime_max_s = AGENT_LIFE_MAX_S, .key = SUB_NO_KEY, .domain = number
	};
	d->view.domain = d->id;
	d->view.self = a->node;
}

/* With times of its own a pair may say hello more often, and wait as long as all others. */
static struct hello_peer peer_of(const struct agent *a, uint8_t node)
{
	struct hello_peer p = { .node = node, .address = agent_site_address(node) };
	const struct shape *s = &a->w->shape;

	if (s->has_own_times && (a->node + node) % 3 != 0) {
		p.hello_ms = (a->node + node) % 2 != 0 ? s->hello_ms / 2 : s->hello_ms;
		p.dead_ms = s->dead_ms;
	}
	return p;
}

static int start_hello(struct agent *a)
{
	struct hello_peer peers[SHAPE_SITES];
	struct hello_domain domains[SHAPE_DOMAINS] = { 0 };
	uint8_t members[SHAPE_DOMAINS][SHAPE_SITES];
	struct hello_opts o = {
		.node = a->node,
		.boot = site_boot(a->site),
		.version_min = a->site->release == RELEASE_OTHER ? 2 : 1,
		.version_max = a->site->release == RELEASE_OURS ? 1 : 2,
		.hello_ms = a->w->shape.hello_ms,
		.dead_ms = a->w->shape.dead_ms,
		.clock_limit_ms = 500,
		.peers = peers,
		.domains = domains,
		.ops = agent_hello_ops,
	};
	bool is_peer[SHAPE_SITES + 1] = { false };

	o.ops.ctx = a;
	for (uint8_t d = 0; d < a->w->shape.domains; d++) {
		struct hello_domain *h = &domains[o.domain_count];
		const struct shape_domain *shape = &a->w->shape.domain[d];

		if (!site_is_member(a->site, d))
			continue;
		h->id = a->domain[d].id;
		h->members = members[d];
		h->label_key = agent_label_key(a->site, d);
		for (unsigned i = 0; i < HELLO_SETTING_COUNT; i++)
			h->setting[i] = i + (a->site->release == RELEASE_NEXT && i % 3 == 0);
		for (unsigned i = 0; i < shape->member_count; i++)
			if (shape->members[i] != a->node &&
				shape->members[i] != a->w->shape.retired) {
				members[d][h->member_count++] = shape->members[i];
				is_peer[shape->members[i]] = true;
			}
		a->hello_domain[d] = (uint8_t)o.domain_count;
		a->domain_of_hello[o.domain_count++] = d;
	}
	for (uint8_t n = 1; n <= a->w->shape.sites; n++)
		if (is_peer[n])
			peers[o.peer_count++] = peer_of(a, n);
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
		.commit_timeout_ms = shape->commit_ms,
		.remembers = shape->with_auth,
		.cold_start_serve = shape->serve_cold,
		.join_timeout_ms = JOIN_MS,
		.drain_wait_ms = DRAIN_MS,
		.max_bindings = a->w->shape.quota,
	};
	for (unsigned i = 0; i < x->fwd.agent_count; i++)
		addresses[i] = x->agents[i].address;
	for (unsigned i = 0; i < shape->member_count; i++) {
		struct engine_member *m = &members[d->member_count];

		if (shape->members[i] == a->node)
			continue;
		*m = (struct engine_member){ .node = shape->members[i],
			.retired = shape->members[i] == a->w->shape.retired };
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
		.boot = site_boot(a->site),
		.records = a->records,
		.seen = a->seen,
		.secret = secret,
		.domains = domains,
		.dead_ms = a->w->shape.dead_ms,
		.rate_max = a->w->shape.rate_max,
		.records_s = a->w->shape.records_s,
		.max_waits = a->w->shape.waits,
		.now_ms = agent_now(a),
		.wall_ms = agent_wall(a),
		.ops = agent_engine_ops,
	};

	o.ops.ctx = a;
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

/* The engine is there before the store is read; how old that is is known by then. */
static int read_store(struct agent *a)
{
	int ret = agent_load(a);

	if (ret == 0)
		ret = agent_load_sleepers(a);
	for (uint8_t d = 0; d < a->w->shape.domains; d++)
		if (ret == 0 && site_is_member(a->site, d))
			engine_store_is_fresh(a->engine, d, agent_store_is_fresh(a));
	return ret;
}

static int make_parts(struct agent *a)
{
	const struct shape *shape = &a->w->shape;
	struct records_opts ro = { .max = shape->records,
		.seed = rng_next(&a->w->rng_site),
		.now_ms = agent_now(a),
		.mesh = true };
	struct seen_opts so = { .max = shape->pairs,
		.addresses = shape->agents,
		.markers = ENGINE_MARKERS(SHAPE_SITES),
		.window_s = SEEN_WINDOW_S,
		.seed = rng_next(&a->w->rng_site) };
	int ret = records_new(&ro, &a->records);

	if (ret == 0)
		ret = seen_new(&so, &a->seen);
	if (ret == 0)
		ret = start_hello(a);
	if (ret == 0)
		ret = start_engine(a);
	if (ret == 0 && shape->is_sealed)
		ret = agent_session_start(a);
	return ret < 0 ? ret : read_store(a);
}

static void give_back(struct site *s)
{
	struct agent *a = agent_of(s);

	engine_free(a->engine);
	sessions_free(a->sessions);
	hello_free(a->hello);
	seen_free(a->seen);
	records_free(a->records);
	free(a);
	s->impl = NULL;
}

int agent_start(struct site *s)
{
	struct agent *a = calloc(1, sizeof(*a));
	int ret;

	if (a == NULL)
		return -ENOMEM;
	s->impl = a;
	a->site = s;
	a->w = s->w;
	a->node = s->node;
	for (uint8_t d = 0; d < s->w->shape.domains; d++)
		set_up_domain(a, d);
	ret = make_parts(a);
	if (ret < 0)
		give_back(s);
	return ret;
}

void agent_stop(struct site *s)
{
	if (agent_of(s) == NULL)
		return;
	agent_store_crash(agent_of(s));
	give_back(s);
}
