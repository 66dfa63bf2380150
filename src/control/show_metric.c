/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Metrics as hamctl gets them, to make OpenMetrics of: lines that describe a metric,
 *   {"metric":NAME,"type":"counter","unit":"packets","help":"..."}
 * and lines with numbers, {"labels":{...},"values":{NAME:number,...}}. In any order; hamctl
 * brings together what belongs to one metric.
 */
#include <rte_version.h>

#include "common/log.h"
#include "conf/conf.h"
#include "control/mesh/channel.h"
#include "control/mesh/mesh_priv.h"
#include "control/metric.h"
#include "control/show_priv.h"
#include "control/still.h"
#include "records/records.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/dq.h"
#include "tables/tables.h"

static const struct {
	const char *name, *unit, *help;
	enum metric_type type;
} metrics[] = {
#define X(id, name, type, unit, labels, help) [METRIC_##id] = { name, unit, help, METRIC_##type },
	METRIC_LIST(X)
#undef X
};

static void describe(
	struct jw *w, const char *name, enum metric_type type, const char *unit, const char *help)
{
	jw_object(w, NULL);
	jw_str(w, "metric", name);
	jw_str(w, "type", type == METRIC_COUNTER ? "counter" : "gauge");
	jw_str(w, "unit", unit);
	jw_str(w, "help", help);
	jw_end(w, '}');
	jw_newline(w);
}

/* A line of numbers: labels, numbers(), values, end(). */
static void begin(struct jw *w)
{
	jw_object(w, NULL);
	jw_object(w, "labels");
}

static void numbers(struct jw *w)
{
	jw_end(w, '}');
	jw_object(w, "values");
}

static void end(struct jw *w)
{
	jw_end(w, '}');
	jw_end(w, '}');
	jw_newline(w);
}

static void put(struct jw *w, enum metric m, uint64_t value)
{
	jw_u64(w, metrics[m].name, value);
}

/* --- what there is: each writes item i of its kind; false: that was the last --- */

static bool put_descriptions(struct ctl *ctl, struct jw *w, uint32_t i)
{
	(void)ctl;
	describe(w, metrics[i].name, metrics[i].type, metrics[i].unit, metrics[i].help);
	return i + 1 < METRIC_COUNT;
}

static bool put_counters(struct ctl *ctl, struct jw *w, uint32_t i)
{
	struct dp_counters sum;

	(void)i;
	dp_counters_sum(ctl->dp, &sum);
	for (enum dp_counter c = 0; c < DP_COUNTER_COUNT; c++)
		describe(w, dp_counter_name(c), METRIC_COUNTER, dp_counter_unit(c),
			dp_counter_help(c));
	for (enum ctl_counter c = 0; c < CTL_COUNTER_COUNT; c++)
		describe(w, ctl_counter_name(c), METRIC_COUNTER, ctl_counter_unit(c),
			ctl_counter_help(c));
	begin(w);
	numbers(w);
	for (enum dp_counter c = 0; c < DP_COUNTER_COUNT; c++)
		jw_u64(w, dp_counter_name(c), sum.c[c]);
	for (enum ctl_counter c = 0; c < CTL_COUNTER_COUNT; c++)
		jw_u64(w, ctl_counter_name(c), ctl->counters[c]);
	end(w);
	return false;
}

static bool put_drops(struct ctl *ctl, struct jw *w, uint32_t i)
{
	struct dp_counters sum;

	(void)i;
	dp_counters_sum(ctl->dp, &sum);
	for (enum dp_drop d = 0; d < DP_DROP_COUNT; d++) {
		begin(w);
		jw_str(w, "reason", dp_drop_name(d));
		numbers(w);
		put(w, METRIC_DROPPED, sum.drop[d]);
		end(w);
	}
	return false;
}

static void put_build(struct ctl *ctl, struct jw *w)
{
	begin(w);
	jw_str(w, "version", HAMD_VERSION);
	jw_str(w, "dpdk", rte_version());
	jw_str(w, "node", ctl->conf->node.name);
	jw_strf(w, "id", "%u", ctl->conf->node.id);
	numbers(w);
	put(w, METRIC_BUILD_INFO, 1);
	end(w);
}

static void put_accounting(struct ctl *ctl, struct jw *w)
{
	struct acct_status s;

	if (!acct_status(ctl, &s))
		return;
	put(w, METRIC_SESSIONS, s.sessions);
	put(w, METRIC_ACCT_QUEUE, s.queued);
	put(w, METRIC_ACCT_WAITING, s.host.waiting);
	put(w, METRIC_ACCT_LINES, s.host.lines);
	put(w, METRIC_ACCT_BYTES, s.host.bytes);
	put(w, METRIC_ACCT_BLOCKED, s.host.blocked);
}

static bool put_whole(struct ctl *ctl, struct jw *w, uint32_t i)
{
	uint32_t available, total;
	struct ip6_addr one;

	(void)i;
	put_build(ctl, w);
	begin(w);
	numbers(w);
	put(w, METRIC_START_TIME, (uint64_t)ctl->began);
	put(w, METRIC_READY, ctl->ready);
	put(w, METRIC_NEIGHBORS, adj_count(ctl->t->adj));
	put(w, METRIC_GATEWAYS_UNRESOLVED, nd_gateways_unresolved(ctl, &one));
	dp_pool_info(ctl->dp, &available, &total);
	put(w, METRIC_BUFFERS, total);
	put(w, METRIC_BUFFERS_FREE, available);
	put(w, METRIC_FREES_WAITING, dq_used(ctl->t->dq));
	put(w, METRIC_FREES_REFUSED, dq_refused(ctl->t->dq));
	put(w, METRIC_LOG_LOST, log_lost());
	if (ctl->records != NULL) {
		put(w, METRIC_BINDINGS_MAX, ctl->conf->runtime.max_bindings);
		put(w, METRIC_TOMBSTONES, records_tombstones(ctl->records));
		put(w, METRIC_BINDINGS_MEMORY,
			records_memory(ctl->records) + bc_memory(ctl->t->bc));
	}
	put_accounting(ctl, w);
	end(w);
	return false;
}

static void put_domain_mesh(struct ctl *ctl, struct jw *w, uint16_t d)
{
	struct engine_domain_info info;
	struct dp_relay_counts c;

	if (ctl->mesh == NULL || engine_domain_info(ctl->mesh->engine, d, &info) < 0)
		return;
	put(w, METRIC_DOMAIN_READY, info.says == NEXT_READY && !still_is_wedged(ctl->still));
	put(w, METRIC_BINDINGS_ALONE, info.alone);
	put(w, METRIC_ACKS_WAITING, info.waiting);
	dp_relay_counts(ctl->dp, d, &c);
	put(w, METRIC_RELAYED_PACKETS, c.first_packets);
	put(w, METRIC_RELAYED_BYTES, c.first_octets);
	put(w, METRIC_RELAYED_FURTHER_PACKETS, c.further_packets);
	put(w, METRIC_RELAYED_FURTHER_BYTES, c.further_octets);
	put(w, METRIC_RELAYED_MISMATCHES, c.mismatches);
}

static bool put_domain(struct ctl *ctl, struct jw *w, uint32_t i)
{
	if (i >= ctl->conf->domain_count)
		return false;
	begin(w);
	jw_str(w, "domain", ctl->conf->domains[i].name);
	numbers(w);
	put(w, METRIC_BINDINGS, records_live_in(ctl->records, (uint16_t)i));
	put(w, METRIC_BINDINGS_LIMIT, ctl->conf->domains[i].limits.max_bindings);
	put(w, METRIC_DOMAIN_DROPPED, dp_domain_dropped(ctl->dp, (uint16_t)i));
	put_domain_mesh(ctl, w, (uint16_t)i);
	end(w);
	return true;
}

static void put_seconds(struct jw *w, enum metric m, double ms)
{
	jw_strf(w, metrics[m].name, "%.3f", ms / 1000);
}

static void put_site(struct ctl *ctl, struct jw *w, uint8_t node)
{
	const struct mesh_site *s = &ctl->mesh->site[node];
	struct channel_count c = channel_count(ctl, node);
	struct engine_peer_info e = { 0 };

	engine_peer_info(ctl->mesh->engine, node, &e);
	begin(w);
	jw_str(w, "peer", s->conf->name);
	numbers(w);
	put(w, METRIC_PEER_UP, mesh_is_up(s));
	if (s->hello.has_rtt)
		put_seconds(w, METRIC_PEER_RTT, s->hello.rtt_ms);
	if (s->hello.has_offset)
		put_seconds(w, METRIC_PEER_CLOCK, (double)s->hello.offset_ms);
	put(w, METRIC_PEER_LAG, e.behind);
	put_seconds(w, METRIC_PEER_LAG_TIME, (double)mesh_behind_ms(ctl, node));
	put(w, METRIC_PEER_TX, c.tx_bytes);
	put(w, METRIC_PEER_RX, c.rx_bytes);
	put(w, METRIC_PEER_RECORDS, e.records_in);
	put(w, METRIC_PEER_REFUSED, e.refused);
	put(w, METRIC_PEER_REPAIRED, e.repaired);
	end(w);
}

static bool put_peer(struct ctl *ctl, struct jw *w, uint32_t i)
{
	if (ctl->mesh == NULL || i >= NEXT_NODES)
		return false;
	if (ctl->mesh->site[i].conf != NULL && !ctl->mesh->site[i].conf->retired)
		put_site(ctl, w, (uint8_t)i);
	return true;
}

static bool put_queues(struct ctl *ctl, struct jw *w, uint32_t i)
{
	uint32_t used, size;

	dp_punt_info(ctl->dp, (enum dp_punt_class)i, &used, &size);
	begin(w);
	jw_str(w, "class", dp_punt_class_name((enum dp_punt_class)i));
	numbers(w);
	put(w, METRIC_PUNT_QUEUE, used);
	put(w, METRIC_PUNT_QUEUE_LIMIT, size);
	end(w);
	return i + 1 < DP_PUNT_COUNT;
}

static bool put_port(struct ctl *ctl, struct jw *w, uint32_t i)
{
	struct dp_port_info p;

	dp_port_info(ctl->dp, (uint16_t)i, &p);
	begin(w);
	jw_str(w, "port", p.name);
	numbers(w);
	put(w, METRIC_PORT_UP, p.link_up);
	put(w, METRIC_PORT_SPEED, 1000000ULL * p.link_mbps);
	put(w, METRIC_PORT_RX_PACKETS, p.rx_packets);
	put(w, METRIC_PORT_RX_BYTES, p.rx_bytes);
	put(w, METRIC_PORT_RX_MISSED, p.rx_missed);
	put(w, METRIC_PORT_RX_ERRORS, p.rx_errors);
	put(w, METRIC_PORT_RX_NO_BUFFER, p.rx_nombuf);
	put(w, METRIC_PORT_TX_PACKETS, p.tx_packets);
	put(w, METRIC_PORT_TX_BYTES, p.tx_bytes);
	put(w, METRIC_PORT_TX_ERRORS, p.tx_errors);
	end(w);
	return i + 1 < dp_port_count(ctl->dp);
}

static void put_stage(struct ctl *ctl, struct jw *w, uint32_t i, uint32_t stage)
{
	struct dp_stage_info s;
	struct dp_lcore_info lc;

	dp_lcore_info(ctl->dp, i, &lc);
	dp_stage_info(ctl->dp, i, stage, &s);
	begin(w);
	jw_strf(w, "lcore", "%u", lc.lcore);
	jw_str(w, "stage", s.name);
	numbers(w);
	put(w, METRIC_STAGE_CALLS, s.calls);
	put(w, METRIC_STAGE_PACKETS, s.packets);
	put(w, METRIC_STAGE_CYCLES, s.cycles);
	end(w);
}

static bool put_lcore(struct ctl *ctl, struct jw *w, uint32_t i)
{
	struct dp_lcore_info lc;

	dp_lcore_info(ctl->dp, i, &lc);
	begin(w);
	jw_strf(w, "lcore", "%u", lc.lcore);
	jw_str(w, "role", show_lcore_role(&lc));
	numbers(w);
	put(w, METRIC_LCORE_TURNS, lc.turns);
	put(w, METRIC_LCORE_BUSY, lc.busy_cycles);
	put(w, METRIC_LCORE_IDLE, lc.idle_cycles);
	jw_strf(w, metrics[METRIC_LCORE_LONGEST].name, "%.6f", (double)lc.longest_turn_us / 1e6);
	put(w, METRIC_LCORE_SLOW, lc.slow_turns);
	if (lc.control)
		jw_strf(w, metrics[METRIC_LCORE_CPU].name, "%.6f", (double)lc.longest_cpu_us / 1e6);
	end(w);
	for (uint32_t s = 0; s < dp_stage_count(); s++)
		put_stage(ctl, w, i, s);
	return i + 1 < dp_lcore_count(ctl->dp);
}

static bool put_alarms(struct ctl *ctl, struct jw *w, uint32_t i)
{
	const struct alarm_desc *d = alarm_desc((enum alarm_id)i);
	const struct alarm *a = alarm_at(ctl, (enum alarm_id)i);

	begin(w);
	jw_str(w, "alarm", d->name);
	jw_str(w, "severity", alarm_severity_name(d->severity));
	numbers(w);
	put(w, METRIC_ALARM, a->raised);
	put(w, METRIC_ALARM_COUNT, a->count);
	end(w);
	return i + 1 < ALARM_COUNT;
}

static bool (*const kinds[])(struct ctl *ctl, struct jw *w, uint32_t i) = {
	put_descriptions,
	put_whole,
	put_counters,
	put_drops,
	put_domain,
	put_peer,
	put_queues,
	put_lcore,
	put_port,
	put_alarms,
};

/* The cursor: the kind above, the item below. */
bool show_metrics(struct ctl *ctl, struct ctl_req *req)
{
	uint32_t kind = req->cursor >> 16, i = req->cursor & UINT16_MAX;

	if (kinds[kind](ctl, &req->out, i))
		req->cursor++;
	else
		req->cursor = (kind + 1) << 16;
	return req->cursor >> 16 < DIM(kinds);
}
