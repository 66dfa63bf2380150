/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What to ask a port for: one pure function from (what the device can do, what the operator
 * wrote, how many workers there are) to queues, their owners, RSS and rules. So what no device
 * at hand can do is at least tested as data; port.c only carries it out and says what was
 * granted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip6.h"

#define PLAN_MAX_WORKERS 64
#define PLAN_MAX_QUEUES  (PLAN_MAX_WORKERS + 1)
#define PLAN_MAX_RETA    512
#define PLAN_MAX_RULES   160
#define PLAN_NO_QUEUE    UINT16_MAX
#define PLAN_L2_OVERHEAD 18 /* Ethernet header and one VLAN tag */

/* What a mesh tunnel puts around a packet at most: IPv6 header, ESP header, padding and tag. */
#define PLAN_MESH_OVERHEAD 77

struct plan_caps { /* from rte_eth_dev_info */
	uint16_t max_rx_queues, max_tx_queues;
	uint16_t reta_size; /* 0: no redirection table */
	uint64_t rss_hf; /* fields the device can hash over */
	bool rss_level; /* can hash the innermost headers */
	bool fixed_rx_queues; /* made with the device, which spreads packets over all of them: what
	                         nobody polls is lost (net_af_packet's qpairs=) */
	bool equal_queues; /* as many TX as RX queues: net_tap refuses else, net_memif loses what is
	                      sent on a queue that its other end does not have */
	uint16_t min_mtu, max_mtu;
};

struct plan_request {
	uint16_t port; /* spreads single-queue ports over workers */
	uint16_t workers; /* >= 1 */
	bool control_is_worker; /* one lcore does both: no queue of its own for control */
	uint16_t rx_queues; /* configured; 0 = one per worker */
	uint16_t mtu;
	uint64_t rss_wanted; /* RTE_ETH_RSS_* */
	const struct ip6_addr *home_agents; /* for the rules */
	uint16_t home_agent_count;
	const struct ip6_addr *site_address; /* NULL: no mesh */
	uint16_t sync_port; /* UDP */
};

/* A packet that shall reach the control core's queue in hardware. */
struct plan_rule {
	enum { PLAN_RULE_ND, PLAN_RULE_SIGNALLING, PLAN_RULE_SYNC } kind;
	uint8_t type; /* ND: ICMPv6 type; SIGNALLING: next header of the IPv6 header */
	struct ip6_addr dst; /* SIGNALLING: home agent address; SYNC: site address */
	uint16_t port; /* SYNC: UDP's destination */
};

struct plan {
	uint16_t rx_queues, tx_queues; /* to configure, control's included */
	uint16_t rx_owner[PLAN_MAX_QUEUES]; /* worker of an RX queue; == workers: control */
	uint16_t control_rx_queue; /* PLAN_NO_QUEUE: workers hand over by ring */
	uint16_t tx_queue[PLAN_MAX_QUEUES]; /* of worker i, [workers] of control; PLAN_NO_QUEUE: */
	uint16_t tx_via[PLAN_MAX_QUEUES]; /* by ring to this worker */
	uint64_t rss_hf; /* 0: no RSS */
	bool rss_inner;
	uint16_t reta_size;
	uint16_t reta[PLAN_MAX_RETA]; /* only workers' queues */
	struct plan_rule rules[PLAN_MAX_RULES];
	uint16_t rule_count;
};

/* What a driver does not say about itself: sets fixed_rx_queues and equal_queues. */
void plan_know_driver(const char *driver, struct plan_caps *caps);

/* 0; -EINVAL with a line in err: the MTU is outside what the device can do. */
int plan_make(const struct plan_caps *caps, const struct plan_request *req, struct plan *out,
	char *err, size_t err_len);

/* Faults of a device string that a driver would swallow silently: net_af_packet truncates
 * frames that exceed its framesz. 0 or -EINVAL with a line in err. */
int plan_check_device(const char *device, uint16_t mtu, char *err, size_t err_len);

/* The largest packet that is put together from fragments: what a mobile node's packet of the
 * largest MTU becomes in a tunnel, or what the operator asked for; in a mesh PLAN_MESH_OVERHEAD on
 * top, which only packets of the mesh's tunnels may use: so what one site put together and relays,
 * the next one can. */
uint32_t plan_datagram(uint32_t mtu, uint32_t max_octets, bool mesh);

/* Packet buffers: enough for every descriptor ring, every worker's bursts, and what is queued: in
 * the punt queues, for neighbours, fragments for their others. */
uint32_t plan_mbufs(uint32_t rx_queues, uint32_t tx_queues, uint32_t descriptors, uint32_t workers,
	uint32_t queued);
