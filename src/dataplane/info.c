/* SPDX-License-Identifier: BSD-3-Clause */
/* What others may read of the data plane: ports, lcores, stages, counters, queues. */
#include "dataplane/dp_priv.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include "conf/conf.h"
#include "dataplane/quota.h"
#include "dataplane/relay.h"

uint32_t dp_port_count(const struct dp *dp)
{
	return dp->port_count;
}

void dp_port_info(const struct dp *dp, uint16_t port, struct dp_port_info *out)
{
	const struct port *p = &dp->ports[port];
	struct rte_eth_stats stats = { 0 };

	memset(out, 0, sizeof(*out));
	snprintf(out->name, sizeof(out->name), "%s", p->conf->name);
	snprintf(out->device, sizeof(out->device), "%s", p->conf->device);
	snprintf(out->driver, sizeof(out->driver), "%s", p->driver);
	snprintf(out->granted, sizeof(out->granted), "%s", p->granted);
	memcpy(out->mac, dp->views[port].mac, sizeof(out->mac));
	out->mtu = dp->views[port].mtu;
	out->vlan = dp->views[port].vlan;
	out->link_up = dp_port_link(dp, port);
	out->link_mbps = p->link_mbps;
	out->rx_queues = p->plan.rx_queues;
	out->tx_queues = p->plan.tx_queues;
	out->control_rx_queue = p->plan.control_rx_queue != PLAN_NO_QUEUE;
	out->control_tx_queue = p->plan.tx_queue[dp->worker_count] != PLAN_NO_QUEUE;
	out->rss = p->rss;
	out->all_multicast = p->all_multicast;
	if (rte_eth_stats_get(p->id, &stats) < 0)
		return;
	out->rx_packets = stats.ipackets;
	out->rx_bytes = stats.ibytes;
	out->rx_missed = stats.imissed;
	out->rx_errors = stats.ierrors;
	out->rx_nombuf = stats.rx_nombuf;
	out->tx_packets = stats.opackets;
	out->tx_bytes = stats.obytes;
	out->tx_errors = stats.oerrors;
}

void dp_port_mac(const struct dp *dp, uint16_t port, uint8_t mac[6])
{
	memcpy(mac, dp->views[port].mac, 6);
}

uint16_t dp_port_mtu(const struct dp *dp, uint16_t port)
{
	return dp->views[port].mtu;
}

bool dp_port_link(const struct dp *dp, uint16_t port)
{
	return atomic_load_explicit(&dp->views[port].link_up, memory_order_relaxed);
}

static void add_counters(const struct dp_worker *w, struct dp_counters *out)
{
	for (unsigned i = 0; i < DP_COUNTER_COUNT; i++)
		out->c[i] += __atomic_load_n(&w->counters.c[i], __ATOMIC_RELAXED);
	for (unsigned i = 0; i < DP_DROP_COUNT; i++)
		out->drop[i] += __atomic_load_n(&w->counters.drop[i], __ATOMIC_RELAXED);
}

void dp_counters_sum(const struct dp *dp, struct dp_counters *out)
{
	memset(out, 0, sizeof(*out));
	for (uint16_t i = 0; i <= dp->worker_count; i++)
		add_counters(dp->workers[i], out);
}

uint32_t dp_lcore_count(const struct dp *dp)
{
	return dp->lcore_count;
}

uint64_t dp_lcore_turns(const struct dp *dp, uint32_t i)
{
	return atomic_load_explicit(&dp->lcores[i].turns, memory_order_relaxed);
}

bool dp_turn_info(const struct dp *dp, unsigned part, struct dp_turn_info *out)
{
	const struct turns *t = &dp->lcores[0].took;

	if (part >= TURN_PARTS)
		return false;
	*out = (struct dp_turn_info){ turn_part_name(part), turn_part_help(part),
		t->hz > 0 ? turn_us(t, t->part_cycles[part]) : 0 };
	return true;
}

static void add_worker(const struct dp_worker *w, struct dp_lcore_info *out)
{
	add_counters(w, &out->counters);
	if (w->reass == NULL)
		return;
	out->datagrams_held += reass_tab_datagrams(w->reass);
	out->fragments_held += reass_tab_fragments(w->reass);
}

void dp_lcore_info(const struct dp *dp, uint32_t i, struct dp_lcore_info *out)
{
	const struct lcore *lc = &dp->lcores[i];

	memset(out, 0, sizeof(*out));
	out->lcore = lc->id;
	out->control = lc->runs_control;
	out->worker = lc->worker_id;
	out->turns = lc->turns;
	out->busy_cycles = lc->busy_cycles;
	out->idle_cycles = lc->idle_cycles;
	if (lc->took.hz > 0) /* it has begun */
		out->longest_turn_us = turn_us(&lc->took, lc->took.longest_cycles);
	out->longest_cpu_us = lc->took.longest_cpu_us;
	out->longest_cpu_part = turn_part_name(lc->took.cpu_part);
	out->slow_turns = lc->slow_turns;
	out->sleep_us = lc->sleep_us;
	if (lc->worker != NULL)
		add_worker(lc->worker, out);
	if (lc->runs_control)
		add_worker(dp->workers[dp->worker_count], out);
}

uint32_t dp_stage_count(void)
{
	return DP_STAGE_COUNT;
}

void dp_stage_info(
	const struct dp *dp, uint32_t lcore_index, uint32_t stage, struct dp_stage_info *out)
{
	static const char *const names[] = {
#define X(id, name) [DP_STAGE_##id] = name,
		DP_STAGE_LIST(X)
#undef X
	};
	const struct lcore *lc = &dp->lcores[lcore_index];

	*out = (struct dp_stage_info){ .name = names[stage] };
	for (unsigned i = 0; i < 2; i++) {
		const struct dp_worker *w = i == 0 ? lc->worker : dp->workers[dp->worker_count];

		if (w == NULL || (i == 1 && !lc->runs_control))
			continue;
		out->calls += __atomic_load_n(&w->stage[stage].calls, __ATOMIC_RELAXED);
		out->packets += __atomic_load_n(&w->stage[stage].packets, __ATOMIC_RELAXED);
		out->cycles += __atomic_load_n(&w->stage[stage].cycles, __ATOMIC_RELAXED);
	}
}

void dp_relay_counts(const struct dp *dp, uint16_t domain, struct dp_relay_counts *out)
{
	*out = (struct dp_relay_counts){ 0 };
	for (uint16_t i = 0; i <= dp->worker_count; i++)
		if (dp->workers[i]->domains != NULL)
			relay_add_counts(dp->workers[i]->domains, domain, out);
}

uint64_t dp_domain_dropped(const struct dp *dp, uint16_t domain)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i <= dp->worker_count; i++)
		if (dp->workers[i]->domains != NULL)
			sum += quota_dropped(dp->workers[i]->domains, domain);
	return sum;
}

void dp_punt_info(const struct dp *dp, enum dp_punt_class c, uint32_t *used, uint32_t *size)
{
	*used = rte_ring_count(dp->punt[c]);
	*size = rte_ring_get_capacity(dp->punt[c]);
}

void dp_pool_info(const struct dp *dp, uint32_t *available, uint32_t *total)
{
	*available = rte_mempool_avail_count(dp->pool);
	*total = dp->pool->size;
}
