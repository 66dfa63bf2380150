/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMPv6 errors from inside the tunnels (RFC 2473, 8): Packet Too Big lowers the path MTU of the
 * tunnel, and what concerns the source of the inner packet is passed on to it.
 *
 * Anybody can send such an error. It is heard when it quotes a packet in a tunnel that is there:
 * from the home agent address to the care-of address of the binding of the inner destination. To
 * lower a path MTU, never below 1280, that is enough. Passed on is only what quotes a packet as
 * hamd makes them, down to the flow label, which is a hash with a secret: or else whoever knows a
 * binding could have errors sent to anyone. In a mesh other sites' packets leave from the same
 * address, so theirs will do, with the secret that their site told (control/mesh/labels.h).
 */
#include "control/ctl_priv.h"
#include "control/icmp_rules.h"
#include "control/mesh/labels.h"
#include "control/mesh/mesh.h"
#include "control/pmtu.h"
#include "control/tunnel_rules.h"
#include "records/records.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/fib.h"
#include "tables/tables.h"

static const struct bc_entry *binding_of(const struct ctl *ctl, const struct tunnel_quote *q)
{
	const struct bc_entry *e = ctl->t->bc == NULL ? NULL : bc_find(ctl->t->bc, &q->inner->dst);

	if (e == NULL || !ip6_eq(&e->ha, &q->outer->src) || !ip6_eq(&e->coa, &q->outer->dst))
		return NULL;
	return e;
}

/* Other sites tunnel to that care-of address, too. Their record has it from us, unless ours has less
 * from them already. */
static void spread(struct ctl *ctl, struct record *r, uint16_t mtu)
{
	const struct record_extra *x = records_extra(ctl->records, r);

	if (x != NULL && x->mtu != 0 && x->mtu <= mtu && x->mtu_until_ms > ctl->now_ms)
		return;
	if (records_set_mtu(ctl->records, r, mtu, ctl->now_ms + 1000ULL * RECORD_MTU_AGE_S) == 0)
		mesh_soft(ctl, r);
}

/* In a mesh the record of the binding. */
static struct record *shared_record(const struct ctl *ctl, const struct bc_entry *e)
{
	struct record *r;

	if (ctl->mesh == NULL)
		return NULL;
	r = records_at(ctl->records, e->record);
	return r != NULL && r->state == RECORD_LIVE ? r : NULL;
}

/* False: nothing in it is to be believed. */
static bool learn(struct ctl *ctl, const struct icmp6_err_msg *msg, const struct bc_entry *e)
{
	uint32_t mtu = icmp_learned_mtu(msg, send_link_mtu(ctl, &e->coa));
	struct record *r = shared_record(ctl, e);

	if (mtu == 0) {
		dp_count_drop(ctl->dp, DP_DROP_ICMP6_MTU);
		return false;
	}
	if (pmtu_learn(ctl->pmtu, ctl->now_ms, &e->coa, PMTU_TUNNEL, mtu)) {
		ctl_count(ctl, CTL_PATH_MTU_LOWERED);
		if (r != NULL)
			spread(ctl, r, (uint16_t)mtu);
	}
	/* Others at the care-of address follow within a minute, or by a packet of theirs. */
	bc_set_mtu(e, r != NULL ? publish_path_mtu(ctl, r)
				: pmtu_get(ctl->pmtu, ctl->now_ms, &e->coa, PMTU_TUNNEL));
	return true;
}

static bool is_ours(const struct ctl *ctl, const struct ip6_addr *a)
{
	enum fib_kind kind = fib_kind(fib_lookup(ctl->t->fib, a));

	return kind == FIB_LOCAL || kind == FIB_HOME_AGENT || kind == FIB_ANYCAST;
}

/* What proves that the quoted packet was sent, cheap things first. Nothing of it is passed on: the
 * reason; else -1, and *site is who sent it, 0: we. */
static int proven(struct ctl *ctl, const struct tunnel_quote *q, uint16_t domain, uint8_t *site)
{
	uint32_t label = net_ip6_flow(q->outer);
	int node;

	*site = 0;
	if (!ip6_is_routable(&q->inner->src) || is_ours(ctl, &q->inner->src))
		return DP_DROP_ICMP6_UNPROVEN;
	if (label == dp_flow_label(ctl->dp, domain, q->inner, q->inner_here))
		return -1;
	node = labels_made(ctl->labels, domain, q->inner, q->inner_here, label, ctl->now_ms);
	if (node > 0) {
		*site = (uint8_t)node;
		return -1;
	}
	return node == 0 ? DP_DROP_ICMP6_UNPROVEN : DP_DROP_ICMP6_RATE;
}

static void pass_on(struct ctl *ctl, const struct ctl_pkt *p, const struct tunnel_quote *q,
	uint16_t domain, const struct tunnel_error *e)
{
	struct ctl_pkt inner = {
		.data = (const uint8_t *)q->inner,
		.len = q->inner_here,
		.port = p->port,
	};
	uint8_t site;
	int drop = proven(ctl, q, domain, &site);

	if (drop >= 0) {
		dp_count_drop(ctl->dp, (enum dp_drop)drop);
		return;
	}
	if (!icmp_send_error(ctl, &inner, e->type, e->code, e->arg))
		return;
	ctl_count(ctl, CTL_ICMP6_ERRORS_PASSED_ON);
	if (site != 0)
		ctl_count(ctl, CTL_ICMP6_ERRORS_OF_SITES);
}

void tunnel_input_error(struct ctl *ctl, const struct ctl_pkt *p, const struct icmp6_err_msg *msg,
	const struct tunnel_quote *q)
{
	struct tunnel_error e = { msg->type, msg->code, msg->arg };
	const struct bc_entry *bind = binding_of(ctl, q);

	if (bind == NULL) {
		dp_count_drop(ctl->dp, DP_DROP_ICMP6_NO_TUNNEL);
		return;
	}
	if (msg->type == ICMP6_TOO_BIG && !learn(ctl, msg, bind))
		return;
	if (tunnel_tells(q, &e))
		pass_on(ctl, p, q, bind->domain, &e);
}

bool tunnel_inner(const struct ctl *ctl, struct ctl_pkt *p, struct tunnel_error *e)
{
	struct tunnel_quote q;

	if (!tunnel_open(p->data, p->len, &q) || !tunnel_tells(&q, e))
		return false;
	p->data = (const uint8_t *)q.inner;
	p->len = q.inner_here;
	p->walked = false;
	return !is_ours(ctl, &q.inner->src);
}
