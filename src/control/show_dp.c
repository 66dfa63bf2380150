/* SPDX-License-Identifier: BSD-3-Clause */
/* The data plane for the operator: ports, lcores, what is counted. */
#include <string.h>

#include "control/show_priv.h"
#include "control/still.h"

static void put_mac(struct jw *w, const char *key, const uint8_t mac[6])
{
	jw_strf(w, key, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		mac[5]);
}

static void put_port(struct jw *w, const struct dp_port_info *p)
{
	jw_object(w, NULL);
	jw_str(w, "port", p->name);
	jw_str(w, "device", p->device);
	jw_str(w, "driver", p->driver);
	put_mac(w, "mac", p->mac);
	jw_u64(w, "mtu", p->mtu);
	jw_u64(w, "vlan", p->vlan);
	jw_str(w, "link", p->link_up ? "up" : "down");
	jw_u64(w, "link-mbps", p->link_mbps);
	jw_u64(w, "rx-queues", p->rx_queues);
	jw_u64(w, "tx-queues", p->tx_queues);
	jw_bool(w, "control-rx-queue", p->control_rx_queue);
	jw_bool(w, "control-tx-queue", p->control_tx_queue);
	jw_bool(w, "rss", p->rss);
	jw_bool(w, "all-multicast", p->all_multicast);
	jw_str(w, "granted", p->granted);
	jw_u64(w, "rx-packets", p->rx_packets);
	jw_u64(w, "rx-bytes", p->rx_bytes);
	jw_u64(w, "rx-missed", p->rx_missed);
	jw_u64(w, "rx-errors", p->rx_errors);
	jw_u64(w, "rx-no-buffer", p->rx_nombuf);
	jw_u64(w, "tx-packets", p->tx_packets);
	jw_u64(w, "tx-bytes", p->tx_bytes);
	jw_u64(w, "tx-errors", p->tx_errors);
	jw_end(w, '}');
	jw_newline(w);
}

bool show_ports(struct ctl *ctl, struct ctl_req *req)
{
	struct dp_port_info info;

	if (req->cursor >= dp_port_count(ctl->dp))
		return false;
	dp_port_info(ctl->dp, (uint16_t)req->cursor, &info);
	put_port(&req->out, &info);
	req->cursor++;
	return true;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void put_stage(struct jw *w, const struct dp_stage_info *s, uint64_t cycles)
{
	jw_object(w, NULL);
	jw_str(w, "stage", s->name);
	jw_u64(w, "calls", s->calls);
	jw_u64(w, "packets", s->packets);
	jw_u64(w, "cycles", s->cycles);
	jw_dbl(w, "cycles-per-packet", s->packets > 0 ? (double)s->cycles / (double)s->packets : 0);
	jw_dbl(w, "busy-percent", percent(s->cycles, cycles));
	jw_end(w, '}');
}

const char *show_lcore_role(const struct dp_lcore_info *lc)
{
	return !lc->control ? "worker" : lc->worker < 0 ? "control" : "control+worker";
}

/* How long each part of control's turns took at most. */
static void put_parts(struct jw *w, const struct dp *dp)
{
	struct dp_turn_info part;

	jw_array(w, "parts");
	for (unsigned i = 0; dp_turn_info(dp, i, &part); i++) {
		jw_object(w, NULL);
		jw_str(w, "part", part.name);
		jw_u64(w, "longest-us", part.longest_us);
		jw_str(w, "what", part.help);
		jw_end(w, '}');
	}
	jw_end(w, ']');
}

bool show_lcores(struct ctl *ctl, struct ctl_req *req)
{
	struct jw *w = &req->out;
	struct dp_lcore_info lc;
	struct dp_stage_info stage;
	uint64_t cycles;

	if (req->cursor >= dp_lcore_count(ctl->dp))
		return false;
	dp_lcore_info(ctl->dp, req->cursor, &lc);
	cycles = lc.busy_cycles + lc.idle_cycles;
	jw_object(w, NULL);
	jw_u64(w, "lcore", lc.lcore);
	jw_str(w, "role", show_lcore_role(&lc));
	jw_u64(w, "turns", lc.turns);
	jw_dbl(w, "busy-percent", percent(lc.busy_cycles, cycles));
	jw_u64(w, "busy-cycles", lc.busy_cycles);
	jw_u64(w, "idle-cycles", lc.idle_cycles);
	jw_u64(w, "longest-turn-us", lc.longest_turn_us);
	jw_u64(w, "slow-turns", lc.slow_turns);
	if (lc.control) {
		jw_u64(w, "longest-turn-cpu-us", lc.longest_cpu_us);
		jw_str(w, "longest-turn-cpu-part", lc.longest_cpu_part);
	}
	jw_u64(w, "still-ms", still_ms(ctl->still, req->cursor));
	jw_u64(w, "sleep-us", lc.sleep_us);
	jw_u64(w, "rx-packets", lc.counters.c[DP_COUNTER_RX_PACKETS]);
	jw_u64(w, "tx-packets", lc.counters.c[DP_COUNTER_TX_PACKETS]);
	jw_u64(w, "datagrams-held", lc.datagrams_held);
	jw_u64(w, "fragments-held", lc.fragments_held);
	jw_array(w, "stages");
	for (uint32_t i = 0; i < dp_stage_count(); i++) {
		dp_stage_info(ctl->dp, req->cursor, i, &stage);
		put_stage(w, &stage, cycles);
	}
	jw_end(w, ']');
	if (lc.control)
		put_parts(w, ctl->dp);
	jw_end(w, '}');
	jw_newline(w);
	req->cursor++;
	return true;
}

static void put_counter(struct jw *w, const char *name, const char *scope, uint64_t value,
	const char *unit, const char *help)
{
	jw_object(w, NULL);
	jw_str(w, "counter", name);
	jw_str(w, "scope", scope);
	jw_u64(w, "value", value);
	jw_str(w, "unit", unit);
	jw_str(w, "help", help);
	jw_end(w, '}');
	jw_newline(w);
}

/* All in one step: they are few, and the sums belong to one moment. */
bool show_counters(struct ctl *ctl, struct ctl_req *req)
{
	struct dp_counters sum;

	dp_counters_sum(ctl->dp, &sum);
	for (enum dp_counter c = 0; c < DP_COUNTER_COUNT; c++)
		put_counter(&req->out, dp_counter_name(c), "data-plane", sum.c[c],
			dp_counter_unit(c), dp_counter_help(c));
	for (enum ctl_counter c = 0; c < CTL_COUNTER_COUNT; c++)
		put_counter(&req->out, ctl_counter_name(c), "control", ctl->counters[c],
			ctl_counter_unit(c), ctl_counter_help(c));
	return false;
}

bool show_drops(struct ctl *ctl, struct ctl_req *req)
{
	struct jw *w = &req->out;
	struct dp_counters sum;

	dp_counters_sum(ctl->dp, &sum);
	for (enum dp_drop d = 0; d < DP_DROP_COUNT; d++) {
		if (sum.drop[d] == 0 && !req->all)
			continue;
		jw_object(w, NULL);
		jw_str(w, "drop", dp_drop_name(d));
		jw_u64(w, "count", sum.drop[d]);
		jw_str(w, "help", dp_drop_help(d));
		jw_end(w, '}');
		jw_newline(w);
	}
	return false;
}
