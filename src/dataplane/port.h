/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports: carries out a plan on a DPDK device, says what was granted. Main thread before and
 * after the lcores run; link and group functions by the control core.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "dataplane/plan.h"
#include "dataplane/worker.h"

#define PORT_DESCRIPTORS 1024

struct conf_port;
struct rte_mempool;

struct port {
	const struct conf_port *conf;
	uint16_t id; /* DPDK's number of it */
	bool configured, started, rss;
	_Atomic bool all_multicast;
	struct plan plan;
	char driver[32];
	uint32_t link_mbps;
	uint16_t rules_granted;
	char granted[160];
};

/* The device of a configured port: opened by EAL before. 0 or -ENODEV with a line in err. */
int port_find(const struct conf_port *conf, uint16_t *id, char *err, size_t err_len);
/* Ask the device, make the plan. */
int port_plan(struct port *p, const struct conf_port *conf, const struct plan_request *req,
	char *err, size_t err_len);
/* Configure queues, MTU, RSS, rules and start. Fills the view that workers read. */
int port_start(struct port *p, struct rte_mempool *pool, struct dp_port_view *view, char *err,
	size_t err_len);
void port_stop(struct port *p);
/* Reads the link state; true when it changed. */
bool port_poll_link(struct port *p, struct dp_port_view *view);
int port_set_groups(struct port *p, const struct ip6_addr *groups, uint32_t n);
