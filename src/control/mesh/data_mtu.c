/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mesh/data_mtu.h"

#include "control/ctl_priv.h"
#include "control/icmp_rules.h"
#include "control/pmtu.h"
#include "net/icmp6.h"
#include "tables/sa.h"
#include "tables/tables.h"

#define LOOK_MS 10000

/* What workers are told: of a peer, what is known now. */
static void tell(struct ctl *ctl, const struct sa_peer *p)
{
	uint16_t mtu = pmtu_get(ctl->pmtu, ctl->now_ms, &p->address, PMTU_TUNNEL);

	sa_set_mtu(ctl->t->sa, p->node, mtu > 0 ? mtu : UINT16_MAX);
}

/* off: of the ESP header. */
static bool was_sealed(const struct ctl *ctl, const struct sa_peer *p,
	const struct icmp6_err_msg *msg, uint32_t off)
{
	uint32_t be[2];

	if (msg->quoted_len < off + sizeof(be))
		return false;
	memcpy(be, msg->quoted + off, sizeof(be));
	return sa_was_sent(ctl->t->sa, p->node, be32toh(be[0]), be32toh(be[1]));
}

/* off: of the inner packet. */
static bool was_wrapped(const struct ctl *ctl, const struct icmp6_err_msg *msg, uint32_t off)
{
	const struct net_ip6 *outer = (const struct net_ip6 *)msg->quoted;

	return msg->quoted_len >= off + sizeof(struct net_ip6) &&
	       net_ip6_flow(outer) == dp_site_label(ctl->dp,
					      (const struct net_ip6 *)(msg->quoted + off),
					      (uint16_t)(msg->quoted_len - off));
}

static void learn(struct ctl *ctl, const struct sa_peer *p, const struct icmp6_err_msg *msg)
{
	uint32_t mtu = icmp_learned_mtu(msg, send_link_mtu(ctl, &p->address));

	if (mtu == 0)
		dp_count_drop(ctl->dp, DP_DROP_ICMP6_MTU);
	else if (pmtu_learn(ctl->pmtu, ctl->now_ms, &p->address, PMTU_TUNNEL, mtu))
		ctl_count(ctl, CTL_PATH_MTU_LOWERED);
	tell(ctl, p);
}

bool data_mtu_input(struct ctl *ctl, const struct icmp6_err_msg *msg)
{
	const struct net_ip6 *outer = (const struct net_ip6 *)msg->quoted;
	const struct sa_peer *p;
	struct ext_info x;
	bool ours;

	if (ctl->t->sa == NULL || !ip6_eq(&outer->src, &sa_view(ctl->t->sa)->site))
		return false;
	p = sa_by_address(ctl->t->sa, &outer->dst);
	if (p == NULL)
		return false;
	ext_walk(msg->quoted, msg->quoted_len, EXT_TRANSIT, &x);
	if (x.upper_off == 0 || x.upper != (sa_view(ctl->t->sa)->clear ? IP6_IN_IP6 : IP6_ESP))
		return false;
	if (msg->type != ICMP6_TOO_BIG)
		return true;
	ours = x.upper == IP6_ESP ? was_sealed(ctl, p, msg, x.upper_off)
				  : was_wrapped(ctl, msg, x.upper_off);
	if (ours)
		learn(ctl, p, msg);
	else
		dp_count_drop(ctl->dp, DP_DROP_ICMP6_UNPROVEN);
	return true;
}

void data_mtu_run(struct ctl *ctl)
{
	if (ctl->t->sa == NULL || ctl->now_ms < ctl->data_mtu_ms)
		return;
	ctl->data_mtu_ms = ctl->now_ms + LOOK_MS;
	for (unsigned node = 1; node < SA_NODES; node++)
		if (sa_view(ctl->t->sa)->peer[node] != NULL)
			tell(ctl, sa_view(ctl->t->sa)->peer[node]);
}
