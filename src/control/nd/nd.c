/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbour discovery of a router (RFC 4861): messages in and out. What they mean for a
 * neighbour is neigh.c's, for an address of ours dad.c's. Home agent and home addresses are never
 * answered for: their link is virtual, packets to them are routed here. Router solicitations,
 * advertisements and redirects are not for us (6.2, 8: a router ignores them; we send no RAs).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/nd/nd_priv.h"
#include "net/icmp6.h"
#include "net/nd.h"
#include "tables/addrs.h"
#include "tables/tables.h"

#define NS_PER_S 1000 /* solicitations that are answered */
#define NS_BURST 200

static const struct ip6_addr all_nodes = { { 0xff, 0x02, [15] = 1 } };
static const struct ip6_addr all_routers = { { 0xff, 0x02, [15] = 2 } };

bool nd_mac_ok(const struct ctl *ctl, uint16_t port, const uint8_t mac[6])
{
	static const uint8_t zero[6];
	uint8_t own[6];

	dp_port_mac(ctl->dp, port, own);
	return !(mac[0] & 1) && memcmp(mac, zero, 6) != 0 && memcmp(mac, own, 6) != 0;
}

/* --- out --- */

static void send_msg(struct ctl *ctl, uint16_t port, const uint8_t mac[6], struct nd_msg *msg)
{
	uint8_t pkt[ND_PKT_MAX];
	int len;

	if (msg->has_lladdr)
		dp_port_mac(ctl->dp, port, msg->lladdr);
	len = nd_encode(msg, pkt, sizeof(pkt));
	if (len > 0 && ctl_send_link(ctl, port, mac, pkt, (uint16_t)len) == 0)
		ctl_count(ctl, msg->type == ICMP6_NS ? CTL_NS_SENT : CTL_NA_SENT);
}

/* A preferred address of that very port, the link-local one if no other; NULL: none yet. */
static const struct ip6_addr *port_source(
	const struct ctl *ctl, uint16_t port, const struct ip6_addr *target)
{
	const struct ip6_addr *src = addrs_source(ctl->t->addrs, target, port);
	const struct addr_row *row = src == NULL ? NULL : addrs_find(ctl->t->addrs, src, port);
	struct ip6_addr link_local;
	uint8_t mac[6];

	if (row != NULL && row->owner == ADDR_PORT && row->port == port)
		return src;
	dp_port_mac(ctl->dp, port, mac);
	ip6_link_local_from_mac(mac, &link_local);
	row = addrs_find(ctl->t->addrs, &link_local, port);
	return row != NULL && row->state == ADDR_PREFERRED ? &row->addr : NULL;
}

void nd_solicit(struct ctl *ctl, uint16_t port, const struct ip6_addr *target, const uint8_t *mac)
{
	const struct ip6_addr *src = port_source(ctl, port, target);
	struct nd_msg msg = { .type = ICMP6_NS, .target = *target, .has_lladdr = true };
	uint8_t group_mac[6];

	if (src == NULL)
		return; /* asked again in a second; detection of our own addresses runs */
	msg.src = *src;
	msg.dst = *target;
	if (mac == NULL) {
		ip6_solicited_node(target, &msg.dst);
		ip6_multicast_mac(&msg.dst, group_mac);
		mac = group_mac;
	}
	send_msg(ctl, port, mac, &msg);
}

void nd_solicit_dad(struct ctl *ctl, const struct addr_row *row)
{
	struct nd_msg msg = { .type = ICMP6_NS, .target = row->addr };
	uint8_t mac[6];

	ip6_solicited_node(&row->addr, &msg.dst);
	ip6_multicast_mac(&msg.dst, mac);
	send_msg(ctl, row->port, mac, &msg);
}

void nd_advertise(
	struct ctl *ctl, const struct addr_row *row, const struct ip6_addr *to, const uint8_t *mac)
{
	struct nd_msg msg = {
		.type = ICMP6_NA,
		.src = row->addr,
		.dst = to != NULL ? *to : all_nodes,
		.target = row->addr,
		.has_lladdr = true,
		.router = true,
		.solicited = to != NULL,
		.override = true,
	};
	uint8_t group_mac[6];

	if (to == NULL) {
		ip6_multicast_mac(&all_nodes, group_mac);
		mac = group_mac;
	}
	send_msg(ctl, row->port, mac, &msg);
}

/* --- in --- */

static bool is_on_link(const struct ctl *ctl, uint16_t port, const struct ip6_addr *a)
{
	const struct conf_port *conf = &ctl->conf->ports[port];

	if (ip6_is_link_local(a))
		return true;
	for (uint32_t i = 0; i < conf->address_count; i++) {
		if (ip6_in_prefix(a, &conf->addresses[i]))
			return true;
	}
	return false;
}

/* Our row for a target, if it is this port's; NULL. */
static const struct addr_row *own_row(
	const struct ctl *ctl, uint16_t port, const struct ip6_addr *target)
{
	const struct addr_row *row = addrs_find(ctl->t->addrs, target, port);

	return row != NULL && row->owner == ADDR_PORT && row->port == port ? row : NULL;
}

/* 7.2.3, 7.2.4. A source outside the link's prefixes is answered to where the frame came from,
 * but makes no entry: nothing would ever be sent to it over this link. */
static void input_ns(struct ctl *ctl, const struct ctl_pkt *p, const struct nd_msg *msg)
{
	const struct addr_row *row = own_row(ctl, p->port, &msg->target);
	bool unspecified = ip6_is_unspecified(&msg->src);

	ctl_count(ctl, CTL_NS_RECEIVED);
	if (row == NULL ||
		!dad_heard(ctl, row, unspecified ? DAD_EV_NS_UNSPECIFIED : DAD_EV_NS, p->src_mac) ||
		row->state != ADDR_PREFERRED) {
		dp_count_drop(ctl->dp, DP_DROP_ND_IGNORED);
		return;
	}
	if (!bucket_take(&ctl->nd->ns_bucket[p->port], ctl->now_ms)) {
		dp_count_drop(ctl->dp, DP_DROP_ND_RATE);
		return;
	}
	if (unspecified) {
		nd_advertise(ctl, row, NULL, NULL);
		return;
	}
	if (msg->has_lladdr && is_on_link(ctl, p->port, &msg->src))
		neigh_heard_ns(ctl, p->port, msg);
	nd_advertise(ctl, row, &msg->src, msg->has_lladdr ? msg->lladdr : p->src_mac);
}

static void input_na(struct ctl *ctl, const struct ctl_pkt *p, const struct nd_msg *msg)
{
	const struct addr_row *row = own_row(ctl, p->port, &msg->target);

	ctl_count(ctl, CTL_NA_RECEIVED);
	if (row != NULL)
		dad_heard(ctl, row, DAD_EV_NA, p->src_mac);
	/* An address that turned out to be another's is a neighbour like any other. */
	if (row != NULL && row->state != ADDR_DUPLICATE)
		return;
	if (!neigh_heard_na(ctl, p->port, msg))
		dp_count_drop(ctl->dp, DP_DROP_ND_IGNORED);
}

void nd_input(struct ctl *ctl, const struct ctl_pkt *p)
{
	uint16_t off = p->walked ? p->ext.upper_off : sizeof(struct net_ip6);
	struct nd_msg msg;

	/* A tunnel is no link: hop limit 255 in it proves nothing. */
	if (p->tunnelled || p->unchecked || p->port >= ctl->conf->port_count) {
		dp_count_drop(ctl->dp, DP_DROP_ND_INVALID);
		return;
	}
	if (p->walked && p->ext.flags & (EXT_FRAGMENT | EXT_ATOMIC)) {
		dp_count_drop(ctl->dp, DP_DROP_ND_FRAGMENT);
		return;
	}
	if (off < p->len && p->data[off] != ICMP6_NS && p->data[off] != ICMP6_NA) {
		dp_count_drop(ctl->dp, DP_DROP_ND_IGNORED);
		return;
	}
	if (nd_decode(p->data, p->len, &msg) < 0 ||
		(msg.has_lladdr && !nd_mac_ok(ctl, p->port, msg.lladdr))) {
		dp_count_drop(ctl->dp, DP_DROP_ND_INVALID);
		return;
	}
	if (msg.type == ICMP6_NS)
		input_ns(ctl, p, &msg);
	else
		input_na(ctl, p, &msg);
}

/* --- ports --- */

static uint32_t add_group(struct ip6_addr *groups, uint32_t n, const struct ip6_addr *group)
{
	for (uint32_t i = 0; i < n; i++) {
		if (ip6_eq(&groups[i], group))
			return n;
	}
	groups[n] = *group;
	return n + 1;
}

/* All nodes, all routers, and the solicited-node group of each address (RFC 4291, 2.8). */
static void join_groups(struct ctl *ctl, uint16_t port)
{
	struct ip6_addr *groups = ctl->nd->groups;
	uint32_t n = add_group(groups, 0, &all_nodes);
	int ret;

	n = add_group(groups, n, &all_routers);
	for (uint32_t i = 0; i < addrs_count(ctl->t->addrs); i++) {
		const struct addr_row *row = addrs_row(ctl->t->addrs, i);
		struct ip6_addr group;

		if (row->owner != ADDR_PORT || row->port != port)
			continue;
		ip6_solicited_node(&row->addr, &group);
		n = add_group(groups, n, &group);
	}
	ret = dp_port_set_groups(ctl->dp, port, groups, n);
	if (ret < 0)
		log_info("nd", "port takes no multicast filter, all groups reach us port=%s: %s",
			ctl->conf->ports[port].name, strerror(-ret));
}

void nd_start(struct ctl *ctl)
{
	struct nd *nd = ctl->nd;

	if (!ctl->started)
		neigh_start(ctl);
	for (uint16_t port = 0; port < ctl->conf->port_count; port++) {
		bool was_up = nd->link_up[port];

		nd->link_up[port] = dp_port_link(ctl->dp, port);
		if (!ctl->started)
			join_groups(ctl, port);
		if (was_up || !nd->link_up[port])
			continue;
		if (ctl->started)
			nd->link_up_ms[port] = ctl->now_ms;
		dad_start(ctl, port);
	}
}

int nd_new(struct ctl *ctl, struct nd **out)
{
	struct nd *nd = calloc(1, sizeof(*nd));
	int ret = -ENOMEM;

	if (nd == NULL)
		return -ENOMEM;
	nd->rng = ctl->seed ^ 0x6e64;
	nd->log_claim = (struct log_rl)LOG_RL_INIT;
	for (uint32_t i = 0; i < DIM(nd->ns_bucket); i++)
		bucket_init(&nd->ns_bucket[i], NS_PER_S, NS_BURST, ctl->now_ms);
	nd->groups = calloc(addrs_count(ctl->t->addrs) + 2u, sizeof(nd->groups[0]));
	if (nd->groups == NULL)
		goto err_nd;
	ret = neigh_new(ctl, nd);
	if (ret < 0)
		goto err_groups;
	ret = dad_new(ctl, nd);
	if (ret < 0)
		goto err_neigh;
	*out = nd;
	return 0;

err_neigh:
	neigh_free(ctl, nd);
err_groups:
	free(nd->groups);
err_nd:
	free(nd);
	return ret;
}

void nd_free(struct ctl *ctl, struct nd *nd)
{
	if (nd == NULL)
		return;
	dad_free(nd);
	neigh_free(ctl, nd);
	free(nd->groups);
	free(nd);
}
