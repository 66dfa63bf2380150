/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mesh/route.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/key.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "records/records.h"
#include "tables/addrs.h"
#include "tables/tables.h"

struct route {
	struct mesh_answers answers[2][2]; /* serving or not, by delivery */
	bool waits[CONF_DOMAINS_MAX]; /* a table is filled and not published yet */
	uint32_t id[CONF_DOMAINS_MAX]; /* next_domain() */
};

static_assert(MESH_NODES == NEXT_NODES && MESH_BUCKETS == NEXT_BUCKETS, "copied");

/* --- answers: forward() is asked about each case once --- */

/* Sites of the mesh that it is asked about: which one it answers with tells the hop it took. */
enum { SELF = 1, PEER, OWNER_HOP, HOLDER, BUCKET_HOP, OWNER };

struct asked {
	struct next_view view;
	struct next_table next;
	struct forward_domain domain;
	struct forward_agent agent;
	struct forward_binding binding;
	struct forward_packet packet;
};

static const enum forward_kind kind_of[] = {
	[MESH_INTERCEPT] = FORWARD_INTERCEPT,
	[MESH_TUNNEL] = FORWARD_TUNNEL,
	[MESH_SIGNALLING] = FORWARD_SIGNALLING,
	[MESH_TUNNEL_ERROR] = FORWARD_TUNNEL_ERROR,
	[MESH_OTHER] = FORWARD_OTHER,
	[MESH_DISCOVERY] = FORWARD_DISCOVERY,
};

static const uint8_t act_of[] = {
	[FORWARD_DELIVER] = MESH_DELIVER,
	[FORWARD_OPEN] = MESH_OPEN,
	[FORWARD_ACCEPT] = MESH_ACCEPT,
	[FORWARD_RELAY] = MESH_RELAY,
	[FORWARD_UNREACHABLE] = MESH_UNREACHABLE,
	[FORWARD_DROP] = MESH_DROP,
};

/* Not those of payload in ESP, which no binding has. */
static const uint8_t drop_of[FORWARD_DROP_COUNT] = {
	[FORWARD_DROP_NOT_READY] = DP_DROP_NOT_READY,
	[FORWARD_DROP_HOP_LIMIT] = DP_DROP_MESH_HOP_LIMIT,
	[FORWARD_DROP_BACK] = DP_DROP_MESH_BACK,
	[FORWARD_DROP_FOREIGN] = DP_DROP_MESH_FOREIGN_DOMAIN,
	[FORWARD_DROP_NO_BINDING] = DP_DROP_DECAP_NO_BINDING,
	[FORWARD_DROP_WRONG_COA] = DP_DROP_DECAP_WRONG_COA,
};

static uint8_t node_of(enum mesh_way way, uint8_t on)
{
	switch (way) {
	case MESH_WAY_HERE:
		return SELF;
	case MESH_WAY_BACK:
		return PEER;
	case MESH_WAY_ON:
		return on;
	default:
		return NEXT_NOBODY;
	}
}

static struct asked *asked_new(bool serving, enum forward_delivery delivery)
{
	struct asked *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->view.self = SELF;
	for (uint8_t node = SELF; node <= OWNER; node++)
		a->view.site[node] = (struct next_site){ NEXT_UP, NEXT_READY, 0 };
	a->view.site[SELF].says = serving ? NEXT_READY : NEXT_JOINING;
	a->domain = (struct forward_domain){ .delivery = delivery,
		.agents = &a->agent,
		.agent_count = 1,
		.view = &a->view,
		.next = &a->next };
	forward_add_member(&a->domain, SELF);
	forward_add_member(&a->domain, PEER);
	a->binding.owner = OWNER;
	return a;
}

static void ask_about(struct asked *a, enum mesh_kind kind, enum mesh_bound bound,
	enum mesh_from from, const enum mesh_way way[MESH_HOP_COUNT])
{
	/* only what is sent on as a peer's first can come back to that peer */
	a->next.hop[OWNER][0] = node_of(way[MESH_HOP_OWNER], OWNER_HOP);
	a->next.hop[NEXT_NOBODY][0] = node_of(way[MESH_HOP_BUCKET], BUCKET_HOP);
	a->agent.node = node_of(way[MESH_HOP_HOLDER], HOLDER);
	a->packet = (struct forward_packet){
		.kind = kind_of[kind],
		.from = (enum forward_from)from,
		.peer = from == MESH_OWN ? 0 : PEER,
		.agent = kind == MESH_INTERCEPT || kind == MESH_DISCOVERY ? NULL : &a->agent,
		.from_coa = bound == MESH_FROM_COA,
	};
}

static struct mesh_answer answer_of(const struct forward_result *r)
{
	struct mesh_answer a = { .act = act_of[r->act] };

	if (r->act == FORWARD_DROP) {
		assert(r->drop == FORWARD_DROP_NOT_READY || drop_of[r->drop] != 0);
		a.drop = drop_of[r->drop];
	}
	if (r->act == FORWARD_RELAY) {
		assert(r->node >= OWNER_HOP && r->node <= BUCKET_HOP);
		a.by = (uint8_t)(r->node - OWNER_HOP); /* the enums are in one order */
		a.further = r->as == FORWARD_RELAYED;
		a.policed = r->policed;
	}
	return a;
}

static_assert(HOLDER - OWNER_HOP == MESH_HOP_HOLDER && BUCKET_HOP - OWNER_HOP == MESH_HOP_BUCKET &&
		      MESH_HOP_OWNER == 0,
	"answer_of()");
static_assert((int)MESH_OWN == FORWARD_OWN && (int)MESH_FIRST == FORWARD_FIRST &&
		      (int)MESH_RELAYED == FORWARD_RELAYED,
	"ask_about()");

static void compile_ways(struct asked *a, enum mesh_kind kind, enum mesh_bound bound,
	enum mesh_from from, struct mesh_answer out[MESH_WAYS])
{
	for (unsigned i = 0; i < MESH_WAYS; i++) {
		enum mesh_way way[MESH_HOP_COUNT] = {
			[MESH_HOP_OWNER] = i / MESH_WAY_COUNT / MESH_WAY_COUNT,
			[MESH_HOP_HOLDER] = i / MESH_WAY_COUNT % MESH_WAY_COUNT,
			[MESH_HOP_BUCKET] = i % MESH_WAY_COUNT,
		};
		struct forward_result r;

		for (unsigned h = 0; h < MESH_HOP_COUNT; h++)
			if (way[h] == MESH_WAY_BACK && from != MESH_FIRST)
				way[h] = MESH_WAY_ON;
		ask_about(a, kind, bound, from, way);
		r = forward(&a->domain, bound == MESH_UNBOUND ? NULL : &a->binding, &a->packet);
		out[i] = answer_of(&r);
	}
}

int route_compile(bool serving, enum forward_delivery delivery, struct mesh_answers *out)
{
	struct asked *a = asked_new(serving, delivery);

	if (a == NULL)
		return -ENOMEM;
	for (enum mesh_kind kind = 0; kind < MESH_KIND_COUNT; kind++)
		for (enum mesh_bound bound = 0; bound < MESH_BOUND_COUNT; bound++)
			for (enum mesh_from from = 0; from < MESH_FROM_COUNT; from++)
				compile_ways(a, kind, bound, from, out->at[kind][bound][from]);
	out->foreign = DP_DROP_MESH_FOREIGN_DOMAIN;
	free(a);
	return 0;
}

/* --- tables --- */

void route_fill(const struct conf *conf, uint16_t domain, const struct next_view *view,
	const struct next_table *next, struct mesh_domain *out)
{
	const struct conf_domain *d = &conf->domains[domain];

	out->id = view->domain;
	out->self = view->self;
	out->clamps = d->tcp_mss_clamp == CONF_MSS_AUTO;
	memset(out->members, 0, sizeof(out->members));
	out->members[view->self / 64] |= 1ULL << view->self % 64;
	for (uint32_t i = 0; i < d->peer_count; i++) {
		const struct conf_mesh_peer *p = &conf->mesh.peers[d->peers[i].peer];

		if (!p->retired)
			out->members[p->id / 64] |= 1ULL << p->id % 64;
	}
	out->live[0] = 0;
	for (unsigned node = 1; node < NEXT_NODES; node++) {
		bool live = node != view->self && next_is_live(view, (uint8_t)node);

		out->live[node] = live ? next_hop(view, (uint8_t)node) : 0;
	}
	memcpy(out->hop, next->hop, sizeof(out->hop));
}

static void try_publish(struct ctl *ctl, uint16_t domain)
{
	ctl->route->waits[domain] = meshtab_publish(ctl->t->mesh, domain) < 0;
}

/* Home agent addresses of sites that are not live are answered for here. */
static void adopt(struct ctl *ctl, uint16_t domain, const struct next_view *view)
{
	const struct conf_domain *d = &ctl->conf->domains[domain];
	const struct forward_domain f = { .view = view };

	for (uint32_t i = 0; d->mode == CONF_MODE_UNICAST && i < d->peer_count; i++) {
		const struct forward_agent agent = { d->peers[i].home_agent_address,
			(uint8_t)ctl->conf->mesh.peers[d->peers[i].peer].id };
		struct addr_row *row = addrs_find(ctl->t->addrs, &agent.address, ADDR_NO_PORT);

		row->state = forward_holder(&f, &agent) == FORWARD_HOLDER_ADOPTED ? ADDR_PREFERRED
										  : ADDR_ELSEWHERE;
	}
}

void route_publish(struct ctl *ctl, uint16_t domain, const struct next_view *view,
	const struct next_table *next)
{
	struct mesh_domain *d = meshtab_buffer(ctl->t->mesh, domain);
	bool serving = next_is_live(view, view->self);
	unsigned delivery = ctl->conf->domains[domain].delivery;

	route_fill(ctl->conf, domain, view, next, d);
	d->answers = &ctl->route->answers[serving][delivery];
	adopt(ctl, domain, view);
	try_publish(ctl, domain);
}

bool route_run(struct ctl *ctl)
{
	bool waits = false;

	for (uint16_t d = 0; d < ctl->conf->domain_count; d++) {
		if (ctl->route->waits[d])
			try_publish(ctl, d);
		waits |= ctl->route->waits[d];
	}
	return waits;
}

uint8_t route_agent(const struct conf *conf, uint16_t domain, const struct ip6_addr *agent)
{
	const struct conf_domain *d = &conf->domains[domain];

	if (!conf_has_mesh(conf) || d->mode == CONF_MODE_SHARED)
		return FORWARD_ALL;
	for (uint32_t i = 0; i < d->peer_count; i++)
		if (ip6_eq(agent, &d->peers[i].home_agent_address))
			return (uint8_t)conf->mesh.peers[d->peers[i].peer].id;
	return (uint8_t)conf->node.id;
}

void route_place(const struct ctl *ctl, const struct record *r, uint8_t *owner, uint8_t *bucket)
{
	*owner = 0;
	*bucket = 0;
	if (ctl->route == NULL)
		return;
	*owner = records_mesh(ctl->records, r)->owner.node;
	*bucket = record_key_bucket(record_key(ctl->route->id[r->domain], &r->hoa));
}

bool route_is_held(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *agent)
{
	const struct addr_row *row = addrs_find(ctl->t->addrs, agent, ADDR_NO_PORT);

	return row != NULL && row->owner != ADDR_PORT && row->domain == domain &&
	       row->state == ADDR_PREFERRED;
}

/* --- life --- */

/* Nobody serves yet, and nobody is known. */
static int publish_nothing(struct ctl *ctl)
{
	struct {
		struct next_view view;
		struct next_table next;
	} *x = calloc(1, sizeof(*x));

	if (x == NULL)
		return -ENOMEM;
	x->view.self = (uint8_t)ctl->conf->node.id;
	x->view.site[x->view.self].reach = NEXT_UP;
	for (uint16_t d = 0; d < ctl->conf->domain_count; d++) {
		ctl->route->id[d] = next_domain(ctl->conf->domains[d].name);
		x->view.domain = ctl->route->id[d];
		route_publish(ctl, d, &x->view, &x->next);
	}
	free(x);
	return 0;
}

int route_new(struct ctl *ctl, char *err, size_t err_len)
{
	int ret = 0;

	snprintf(err, err_len, "mesh: no memory");
	ctl->route = calloc(1, sizeof(*ctl->route));
	if (ctl->route == NULL)
		return -ENOMEM;
	for (unsigned i = 0; ret == 0 && i < 4; i++)
		ret = route_compile(
			i / 2, (enum forward_delivery)(i % 2), &ctl->route->answers[i / 2][i % 2]);
	if (ret == 0)
		ret = publish_nothing(ctl);
	if (ret < 0)
		route_free(ctl);
	return ret;
}

static_assert((int)CONF_DELIVERY_DIRECT == FORWARD_DIRECT &&
		      (int)CONF_DELIVERY_PRIMARY == FORWARD_PRIMARY,
	"route_publish()");

void route_free(struct ctl *ctl)
{
	free(ctl->route);
	ctl->route = NULL;
}
