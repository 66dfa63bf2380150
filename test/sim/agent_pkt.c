/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets: classified as the dataplane does, then whatever sync/forward.c says. */
#include "agent_priv.h"
#include "common/plant.h"
#include "mn.h"
#include "oracle.h"
#include "common/key.h"

struct seen_here {
	struct forward_packet fwd;
	struct record *r; /* of the binding; NULL: none */
	struct forward_binding binding;
};

static const struct forward_agent *agent_address(
	const struct agent_domain *d, const struct ip6_addr *a)
{
	for (uint32_t i = 0; i < d->fwd.agent_count; i++)
		if (ip6_eq(&d->agents[i].address, a))
			return &d->agents[i];
	return NULL;
}

static void look_up(
	struct agent *a, uint8_t domain, const struct ip6_addr *hoa, struct seen_here *x)
{
	struct record *r = records_find(a->records, domain, hoa);

	x->fwd.bucket = record_key_bucket(record_key(a->domain[domain].id, hoa));
	if (r == NULL || r->state != RECORD_LIVE)
		return;
	x->r = r;
	x->binding.owner = records_mesh(a->records, r)->owner.node;
	x->binding.payload_esp = mn_has_esp(a->w, hoa->b[15]);
	x->binding.proxy = records_mesh(a->records, r)->order == RECORD_BY_STAMP;
}

static void classify(struct agent *a, uint8_t domain, struct pkt *p, struct seen_here *x)
{
	const struct pkt_hdr *outer = pkt_outer(p);
	const struct ip6_addr *inner_src;

	x->fwd.agent = agent_address(&a->domain[domain], &outer->dst);
	if (p->kind == PKT_DATA && p->what == PKT_DISCOVERY) {
		x->fwd.kind = FORWARD_DISCOVERY;
	} else if (x->fwd.agent == NULL) {
		x->fwd.kind = FORWARD_INTERCEPT;
		look_up(a, domain, &outer->dst, x);
	} else if (p->kind == PKT_BU) {
		x->fwd.kind = FORWARD_SIGNALLING;
		look_up(a, domain, &p->bu.hoa, x);
	} else if (p->depth > 1) {
		inner_src = &p->hdr[p->depth - 2].src;
		x->fwd.kind = p->what == PKT_ESP ? FORWARD_PAYLOAD_ESP : FORWARD_TUNNEL;
		look_up(a, domain, inner_src, x);
		x->fwd.from_coa = x->r != NULL && ip6_eq(&x->r->coa, &outer->src);
	} else if (p->what == PKT_ANSWER) {
		x->fwd.kind = FORWARD_ANSWER;
		x->fwd.asker = p->asker;
	} else if (p->what == PKT_ERROR) {
		x->fwd.kind = FORWARD_TUNNEL_ERROR;
		look_up(a, domain, &p->about, x);
	} else {
		x->fwd.kind = FORWARD_OTHER;
	}
}

static void deliver(struct agent *a, struct pkt *p, const struct record *r)
{
	if (p->depth == PKT_DEPTH) {
		oracle_dropped(a->w, a->node, p, "nested_too_deep");
		return;
	}
	p->hdr[p->depth++] = (struct pkt_hdr){ r->ha, r->coa };
	if (planted(PLANT_OWN_SOURCE) && !a->domain[r->domain].shape->shared)
		pkt_outer(p)->src = addr_agent((uint8_t)r->domain, a->node);
	p->hops = 0;
	p->from = 0;
	oracle_emitted(a->w, a->node, p);
}

static void forward_one(struct agent *a, struct pkt *p, uint8_t from, bool may_relay);

static void open_tunnel(struct agent *a, struct pkt *p)
{
	p->depth--;
	p->what = PKT_TUNNEL;
	p->hops = 0;
	p->from = 0;
	if (addr_domain(&pkt_outer(p)->dst) < 0)
		oracle_emitted(a->w, a->node, p);
	else
		forward_one(a, p, 0, true);
}

static void carry_out(struct agent *a, uint8_t domain, struct pkt *p, struct seen_here *x,
	const struct forward_result *r)
{
	switch (r->act) {
	case FORWARD_DELIVER:
		deliver(a, p, x->r);
		break;
	case FORWARD_OPEN:
		open_tunnel(a, p);
		break;
	case FORWARD_ACCEPT:
		if (p->kind == PKT_BU)
			agent_judge(a, domain, p);
		else
			oracle_accepted(a->w, a->node, p);
		break;
	case FORWARD_RELAY:
		if (r->node == 0 || r->node == a->node || r->node > a->w->shape.sites) {
			world_fail(a->w, "site %u relays to site %u", a->node, r->node);
			break;
		}
		net_relay(a->w, a->node, r->node, p, r->as == FORWARD_FIRST);
		break;
	case FORWARD_UNREACHABLE:
		oracle_dropped(a->w, a->node, p, "unreachable");
		break;
	case FORWARD_DROP:
		oracle_dropped(a->w, a->node, p, forward_drop_name(r->drop));
		break;
	}
}

static void forward_one(struct agent *a, struct pkt *p, uint8_t from, bool may_relay)
{
	int domain = addr_domain(&pkt_outer(p)->dst);
	struct seen_here x = { .fwd = { .peer = from } };
	struct forward_result r;

	x.fwd.from = from == 0 ? FORWARD_OWN : may_relay ? FORWARD_FIRST : FORWARD_RELAYED;
	if (domain < 0 || !site_is_member(a->site, (uint8_t)domain)) {
		/* not a matter of the mesh, or of a peer that is in no such domain here */
		x.fwd.kind = FORWARD_OTHER;
		r = forward(NULL, NULL, &x.fwd);
		oracle_dropped(a->w, a->node, p,
			r.act == FORWARD_DROP ? forward_drop_name(r.drop) : "foreign");
		return;
	}
	classify(a, (uint8_t)domain, p, &x);
	r = forward(&a->domain[domain].fwd, x.r != NULL ? &x.binding : NULL, &x.fwd);
	carry_out(a, (uint8_t)domain, p, &x, &r);
}

void agent_packet(struct site *s, struct pkt *p, uint8_t from, bool may_relay)
{
	forward_one(agent_of(s), p, from, may_relay);
}
