/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port.h"

#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_flow.h>

#include "common/log.h"
#include "conf/conf.h"

#define TAG "port"

#define GROUPS_MAX 128

/* Spread over addresses and ports, and over ESP's SPI where the device can. */
#define RSS_WANTED                                                                                 \
	(RTE_ETH_RSS_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP |          \
		RTE_ETH_RSS_NONFRAG_IPV6_OTHER | RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_ESP)

/* "net_af_packet0,iface=x" is the device "net_af_packet0"; a PCI address names itself, in lower
 * case whatever the operator wrote. */
static void device_name(const struct conf_port *conf, char *name, size_t len)
{
	snprintf(name, len, "%.*s", (int)strcspn(conf->device, ","), conf->device);
	if (conf_port_is_virtual(conf))
		return;
	for (char *p = name; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
}

int port_find(const struct conf_port *conf, uint16_t *id, char *err, size_t err_len)
{
	char name[64];

	device_name(conf, name, sizeof(name));
	if (rte_eth_dev_get_port_by_name(name, id) == 0)
		return 0;
	snprintf(err, err_len,
		"port %s: device %s does not open (what dpdk says is in the log; a PCI device must "
		"be bound to a DPDK driver, an interface must exist)",
		conf->name, conf->device);
	return -ENODEV;
}

int port_plan(struct port *p, const struct conf_port *conf, const struct plan_request *req,
	char *err, size_t err_len)
{
	struct plan_request r = *req;
	struct rte_eth_dev_info info;
	struct plan_caps caps;
	char why[160];
	int ret;

	p->conf = conf;
	ret = rte_eth_dev_info_get(p->id, &info);
	if (ret < 0) {
		snprintf(err, err_len, "port %s: %s", conf->name, rte_strerror(-ret));
		return ret;
	}
	snprintf(p->driver, sizeof(p->driver), "%s", info.driver_name);
	caps = (struct plan_caps){
		.max_rx_queues = info.max_rx_queues,
		.max_tx_queues = info.max_tx_queues,
		.reta_size = info.reta_size,
		.rss_hf = info.flow_type_rss_offloads,
		.rss_level = (info.flow_type_rss_offloads & RTE_ETH_RSS_LEVEL_MASK) != 0,
		.min_mtu = info.min_mtu,
		/* a driver that does not know says UINT16_MAX, one that never heard of MTUs says 0 */
		.max_mtu = info.max_mtu == 0 ? UINT16_MAX : info.max_mtu,
	};
	plan_know_driver(info.driver_name, &caps);
	r.mtu = (uint16_t)conf->mtu;
	r.rx_queues = (uint16_t)conf->rx_queues;
	r.rss_wanted = RSS_WANTED;
	ret = plan_check_device(conf->device, r.mtu, why, sizeof(why));
	if (ret == 0)
		ret = plan_make(&caps, &r, &p->plan, why, sizeof(why));
	if (ret < 0)
		snprintf(err, err_len, "port %s: %s", conf->name, why);
	return ret;
}

static int configure(struct port *p)
{
	struct rte_eth_conf ec = {
		.rxmode = { .mq_mode = RTE_ETH_MQ_RX_NONE, .mtu = p->conf->mtu },
		.txmode = { .mq_mode = RTE_ETH_MQ_TX_NONE },
	};

	if (p->plan.rss_hf != 0) {
		ec.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		ec.rx_adv_conf.rss_conf.rss_hf = p->plan.rss_hf;
		if (p->plan.rss_inner)
			ec.rx_adv_conf.rss_conf.rss_hf |= RTE_ETH_RSS_LEVEL_INNERMOST;
	}
	return rte_eth_dev_configure(p->id, p->plan.rx_queues, p->plan.tx_queues, &ec);
}

static int set_up_queues(struct port *p, struct rte_mempool *pool)
{
	uint16_t rxd = PORT_DESCRIPTORS, txd = PORT_DESCRIPTORS;
	int socket = rte_eth_dev_socket_id(p->id);
	int ret = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &rxd, &txd);

	for (uint16_t q = 0; ret == 0 && q < p->plan.rx_queues; q++)
		ret = rte_eth_rx_queue_setup(p->id, q, rxd, (unsigned)socket, NULL, pool);
	for (uint16_t q = 0; ret == 0 && q < p->plan.tx_queues; q++)
		ret = rte_eth_tx_queue_setup(p->id, q, txd, (unsigned)socket, NULL);
	return ret;
}

/* Data keeps to the workers' queues; 0 when the device refused: then control's gets its share,
 * and software classifies it like any other. */
static bool set_reta(struct port *p)
{
	struct rte_eth_rss_reta_entry64 reta[PLAN_MAX_RETA / RTE_ETH_RETA_GROUP_SIZE];

	if (p->plan.reta_size == 0)
		return false;
	memset(reta, 0, sizeof(reta));
	for (uint16_t i = 0; i < p->plan.reta_size; i++) {
		reta[i / RTE_ETH_RETA_GROUP_SIZE].mask |= 1ULL << i % RTE_ETH_RETA_GROUP_SIZE;
		reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] =
			p->plan.reta[i];
	}
	return rte_eth_dev_rss_reta_update(p->id, reta, p->plan.reta_size) == 0;
}

/* Each rule is optional: what the device does not take, software does. */
static bool add_rule(const struct port *p, const struct plan_rule *rule)
{
	struct rte_flow_attr attr = { .ingress = 1 };
	struct rte_flow_action_queue queue = { .index = p->plan.control_rx_queue };
	struct rte_flow_action action[] = {
		{ .type = RTE_FLOW_ACTION_TYPE_QUEUE, .conf = &queue },
		{ .type = RTE_FLOW_ACTION_TYPE_END },
	};
	struct rte_flow_item_ipv6 ip = { 0 }, ip_mask = { 0 };
	struct rte_flow_item_icmp6 icmp = { .type = rule->type }, icmp_mask = { .type = 0xff };
	struct rte_flow_item_udp udp = { .hdr.dst_port = rte_cpu_to_be_16(rule->port) };
	struct rte_flow_item_udp udp_mask = { .hdr.dst_port = UINT16_MAX };
	struct rte_flow_item pattern[] = {
		{ .type = RTE_FLOW_ITEM_TYPE_ETH },
		{ .type = RTE_FLOW_ITEM_TYPE_IPV6 },
		{ .type = RTE_FLOW_ITEM_TYPE_END },
		{ .type = RTE_FLOW_ITEM_TYPE_END },
	};
	struct rte_flow_error why;

	if (rule->kind == PLAN_RULE_ND) {
		pattern[2] = (struct rte_flow_item){
			.type = RTE_FLOW_ITEM_TYPE_ICMP6, .spec = &icmp, .mask = &icmp_mask
		};
	} else {
		memcpy(ip.hdr.dst_addr, &rule->dst, sizeof(rule->dst));
		memset(ip_mask.hdr.dst_addr, 0xff, sizeof(rule->dst));
		pattern[1].spec = &ip;
		pattern[1].mask = &ip_mask;
	}
	if (rule->kind == PLAN_RULE_SIGNALLING) {
		ip.hdr.proto = rule->type;
		ip_mask.hdr.proto = 0xff;
	} else if (rule->kind == PLAN_RULE_SYNC) {
		pattern[2] = (struct rte_flow_item){
			.type = RTE_FLOW_ITEM_TYPE_UDP, .spec = &udp, .mask = &udp_mask
		};
	}
	return rte_flow_validate(p->id, &attr, pattern, action, &why) == 0 &&
	       rte_flow_create(p->id, &attr, pattern, action, &why) != NULL;
}

/* What the device was asked for and what it gave, for the log and `hamctl show ports`. */
static void say_granted(struct port *p, bool mtu, bool reta)
{
	const struct plan *plan = &p->plan;
	char rss[64] = "no", queue[64] = "ring";

	if (plan->rss_hf != 0)
		snprintf(rss, sizeof(rss), "%s fields 0x%llx%s",
			plan->rss_inner ? "innermost" : "outer", (unsigned long long)plan->rss_hf,
			reta ? ", table" : "");
	if (plan->control_rx_queue != PLAN_NO_QUEUE)
		snprintf(queue, sizeof(queue), "queue %u with %u of %u rules",
			plan->control_rx_queue, p->rules_granted, plan->rule_count);
	snprintf(p->granted, sizeof(p->granted), "rx %u, tx %u, rss %s, control by %s, mtu %s",
		plan->rx_queues, plan->tx_queues, rss, queue, mtu ? "set" : "left to the device");
	log_info(TAG, "port %s: %s driver=%s", p->conf->name, p->granted, p->driver);
}

static void fill_view(const struct port *p, struct dp_port_view *view)
{
	struct rte_ether_addr mac;

	memset(view, 0, sizeof(*view));
	if (rte_eth_macaddr_get(p->id, &mac) == 0)
		memcpy(view->mac, mac.addr_bytes, sizeof(view->mac));
	view->dev = p->id;
	view->mtu = (uint16_t)p->conf->mtu;
	view->vlan = (uint16_t)p->conf->vlan;
	view->vlan_tci_be = rte_cpu_to_be_16(view->vlan);
	ip6_link_local_from_mac(view->mac, &view->link_local);
}

int port_start(struct port *p, struct rte_mempool *pool, struct dp_port_view *view, char *err,
	size_t err_len)
{
	const char *step = "configure";
	bool mtu = false, reta;
	int ret = configure(p);

	p->configured = ret == 0;
	if (ret == 0) {
		step = "queue setup";
		ret = set_up_queues(p, pool);
	}
	if (ret == 0) {
		step = "start";
		/* some drivers (virtual ones) have no MTU of their own to set */
		mtu = rte_eth_dev_set_mtu(p->id, (uint16_t)p->conf->mtu) == 0;
		ret = rte_eth_dev_start(p->id);
	}
	if (ret < 0) {
		snprintf(err, err_len, "port %s: %s: %s", p->conf->name, step, rte_strerror(-ret));
		return ret;
	}
	p->started = true;
	(void)rte_eth_promiscuous_disable(p->id);
	reta = set_reta(p);
	for (uint16_t i = 0; i < p->plan.rule_count; i++)
		p->rules_granted = (uint16_t)(p->rules_granted + add_rule(p, &p->plan.rules[i]));
	p->rss = p->plan.rss_hf != 0;
	fill_view(p, view);
	say_granted(p, mtu, reta);
	port_poll_link(p, view);
	return 0;
}

void port_stop(struct port *p)
{
	if (p->started)
		(void)rte_eth_dev_stop(p->id);
	if (p->configured) /* its queues hold buffers of our pool */
		(void)rte_eth_dev_close(p->id);
	p->configured = false;
	p->started = false;
}

bool port_poll_link(struct port *p, struct dp_port_view *view)
{
	struct rte_eth_link link = { 0 };
	bool up;

	if (rte_eth_link_get_nowait(p->id, &link) < 0)
		return false;
	up = link.link_status == RTE_ETH_LINK_UP;
	p->link_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	return atomic_exchange_explicit(&view->link_up, up, memory_order_relaxed) != up;
}

int port_set_groups(struct port *p, const struct ip6_addr *groups, uint32_t n)
{
	struct rte_ether_addr mac[GROUPS_MAX];
	int ret = -ENOSPC;

	if (n <= GROUPS_MAX) {
		for (uint32_t i = 0; i < n; i++)
			ip6_multicast_mac(&groups[i], mac[i].addr_bytes);
		ret = rte_eth_dev_set_mc_addr_list(p->id, mac, n);
	}
	/* A port that cannot filter must hear everything: neighbour discovery needs its groups. */
	p->all_multicast = ret < 0;
	if (ret < 0)
		(void)rte_eth_allmulticast_enable(p->id);
	else
		(void)rte_eth_allmulticast_disable(p->id);
	return ret;
}
