/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The data plane as control, host and main see it: ports, workers, the punt queues, and the
 * control core's own way out. Packets are opaque here; control/punt.c looks inside them
 * through dataplane/meta.h.
 *
 * Threads: dp_new/start/stop/free by main; dp_punt_take, dp_send*, dp_release, dp_drop,
 * dp_port_set_groups by the control core; dp_hello_* by the first worker's lcore; dp_port_info,
 * dp_counters_*, dp_lcore_* by anyone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/ip6.h"
#include "dataplane/counter.h"
#include "dataplane/turn.h"

struct conf;
struct dp;
struct net_ip6;
struct rte_mbuf;
struct tables;
struct watch;

/* Queues to the control core, by class, each bounded: a flood of one starves no other. */
enum dp_punt_class {
	DP_PUNT_ND, /* neighbour solicitations and advertisements */
	DP_PUNT_SYNC, /* UDP from a peer's site address to ours, mesh.port: whole and intact */
	DP_PUNT_HELLO, /* the same to the next port, under keys with a name that the peer has; the
	                * first worker's lcore takes them itself */
	DP_PUNT_KNOWN, /* Mobility Header from where its mobile node is bound */
	DP_PUNT_SIGNALLING, /* any other Mobility Header */
	DP_PUNT_DISCOVERY, /* ICMPv6 that asks for home agents or prefixes */
	DP_PUNT_LOCAL, /* everything else for an address of ours: echo, errors */
	DP_PUNT_RESOLVE, /* next hop has no Ethernet address yet */
	DP_PUNT_ERROR, /* dropped, but the source is owed an ICMPv6 error or Binding Error */
	DP_PUNT_COUNT
};
const char *dp_punt_class_name(enum dp_punt_class c);
enum dp_drop dp_punt_full(enum dp_punt_class c); /* what does not fit is counted as */

/* -errno and a line in err. Ports are configured and started, no packet is taken yet. Replaces
 * an lcore's worth of EAL thinking: rte_eal_init() ran before. */
int dp_new(
	const struct conf *conf, struct tables *tables, struct dp **out, char *err, size_t err_len);
void dp_free(struct dp *dp); /* stops and closes ports */

/* A function of an lcore's list: one turn; true when there was something to do. */
typedef bool (*dp_poll_fn)(void *ctx);

/* Workers start on their lcores; `control` becomes part of the main lcore's list, which
 * dp_run() runs in the calling thread until dp_stop() (any thread, signal handlers too). */
int dp_run(struct dp *dp, dp_poll_fn control, void *ctx);
/* Before that: a function in front of all that the first worker's lcore does, which with one lcore
 * is the only one. */
void dp_add_first(struct dp *dp, dp_poll_fn fn, void *ctx);
void dp_stop(struct dp *dp);

/* --- control core --- */
uint32_t dp_punt_take(struct dp *dp, enum dp_punt_class c, struct rte_mbuf **out, uint32_t max);
/* A packet of ours, complete from the IPv6 header on (hop limit set): routed by the FIB, past
 * the binding cache; in fragments if it is larger than mtu octets (mtu >= 1280). Copied. 0, or
 * -ENOBUFS/-EHOSTUNREACH (counted). */
int dp_send(struct dp *dp, const uint8_t *pkt, uint16_t len, uint16_t mtu);
/* To an Ethernet address on a port, whatever the FIB says (neighbour discovery). */
int dp_send_link(
	struct dp *dp, uint16_t port, const uint8_t mac[6], const uint8_t *pkt, uint16_t len);
/* The flow label that workers give to a packet in a mobile node's tunnel of that domain with this one
 * inside, of which len octets (>= 40) are there; and in a tunnel to another site. */
uint32_t dp_flow_label(
	const struct dp *dp, uint16_t domain, const struct net_ip6 *inner, uint16_t len);
uint32_t dp_site_label(const struct dp *dp, const struct net_ip6 *inner, uint16_t len);
/* What net_tunnel_flow() makes the former with: drawn at the start, not 0, another in each domain, so
 * that who may know one of them knows nothing of the others. */
uint64_t dp_label_key(const struct dp *dp, uint16_t domain);
/* A punted packet goes on over a now resolved adjacency. Takes the packet. */
void dp_resume(struct dp *dp, struct rte_mbuf *m, uint32_t adjacency);
void dp_drop(struct dp *dp, struct rte_mbuf *m, enum dp_drop reason); /* takes the packet */
void dp_release(struct dp *dp, struct rte_mbuf *m); /* handled, not dropped; takes the packet */
void dp_count_drop(struct dp *dp, enum dp_drop reason); /* without a packet at hand */
/* Watching packets (dataplane/watch.h): while it is on, workers write into it, those that came in
 * by `port`, or WATCH_NO_PORT. 0, or -EBUSY: there is one of its kind already. */
int dp_watch_on(struct dp *dp, struct watch *w, uint16_t port);
void dp_watch_off(struct dp *dp, struct watch *w); /* no turn that begins now sees it */
bool dp_watch_is_off(struct dp *dp, struct watch *w); /* and none that still runs: it may go */
/* Around what is done with a punted packet: what is sent, counted and said in between belongs to
 * it. who, what: literals; status: a protocol's, or -1. */
void dp_watch_begin(struct dp *dp, struct rte_mbuf *m, enum dp_punt_class c);
void dp_watch_say(struct dp *dp, const char *who, const char *what, int32_t status);
void dp_watch_end(struct dp *dp);
/* Puts what dp_send* collected on the wire; once a turn. */
void dp_flush(struct dp *dp);
/* Whether what comes out of mesh tunnels is spread over the workers: looks every SPREAD_MS. */
void dp_balance(struct dp *dp, uint64_t now_ms);
/* Refreshes link states at most every 100 ms, one port a turn. True when one changed. */
bool dp_poll_links(struct dp *dp, uint64_t now_ms);
/* The groups a port listens to, all of them. 0 or -errno (then all-multicast is on). */
int dp_port_set_groups(struct dp *dp, uint16_t port, const struct ip6_addr *groups, uint32_t n);

/* --- the first worker's lcore: from within a function of dp_add_first() --- */

/* A datagram of class HELLO. */
struct dp_hello {
	struct rte_mbuf *m;
	struct ip6_addr src;
	const uint8_t *data; /* in m */
	uint16_t len;
};
bool dp_hello_waits(const struct dp *dp); /* there is one */
uint32_t dp_hello_take(struct dp *dp, struct dp_hello *out, uint32_t max);
/* Names of the keys that open a peer's hellos, those that it is to use first. Hellos under others
 * are dropped before they are queued; at the start all are. */
#define DP_HELLO_KEYS 2
struct dp_hello_keys {
	uint32_t n; /* <= DP_HELLO_KEYS */
	uint32_t name[DP_HELLO_KEYS];
};
void dp_hello_keys(struct dp *dp, uint8_t node, const struct dp_hello_keys *keys);
/* A hello of the peer's, or from its address, was dropped for that since it was asked last. */
bool dp_hello_was_unknown(struct dp *dp, uint8_t node);
/* Around what is done with one, the second instead of dp_release() or, with a reason >= 0, of
 * dp_drop(); takes it. */
void dp_hello_begin(struct dp *dp, const struct dp_hello *h);
void dp_hello_end(struct dp *dp, const struct dp_hello *h, int reason);
/* dp_send() by that worker's own way: an IPv6 packet of ours of at most 1,280 octets. On the wire
 * in the same turn. */
int dp_hello_send(struct dp *dp, const uint8_t *pkt, uint16_t len);
/* That lcore, should it have nothing to do, does not sleep past this time (rte_rdtsc()). */
void dp_hello_wake_at(struct dp *dp, uint64_t tsc);

/* --- anyone --- */
struct dp_port_info {
	char name[32], device[256], driver[32];
	uint8_t mac[6];
	uint16_t mtu, vlan;
	bool link_up;
	uint32_t link_mbps; /* 0: unknown */
	uint16_t rx_queues, tx_queues;
	bool control_rx_queue; /* the control core has its own */
	bool control_tx_queue;
	bool rss;
	bool all_multicast; /* the driver refused a filter */
	char granted[160]; /* what was asked and granted, in words */
	uint64_t rx_packets, rx_bytes, rx_missed, rx_errors, rx_nombuf; /* the driver's own */
	uint64_t tx_packets, tx_bytes, tx_errors;
};
uint32_t dp_port_count(const struct dp *dp);
void dp_port_info(const struct dp *dp, uint16_t port, struct dp_port_info *out);
void dp_port_mac(const struct dp *dp, uint16_t port, uint8_t mac[6]);
uint16_t dp_port_mtu(const struct dp *dp, uint16_t port);
bool dp_port_link(const struct dp *dp, uint16_t port);

uint16_t dp_watch_lanes(const struct dp *dp); /* that a watch needs */

/* Sum over workers and the control core's own. */
void dp_counters_sum(const struct dp *dp, struct dp_counters *out);

struct dp_stage_info {
	const char *name;
	uint64_t calls, packets, cycles;
};
struct dp_lcore_info {
	uint32_t lcore;
	bool control;
	int worker; /* its number, -1: none */
	uint64_t turns, busy_cycles, idle_cycles, longest_turn_us, slow_turns;
	uint64_t longest_cpu_us; /* of control: the most of a turn that it had a processor for */
	const char *longest_cpu_part; /* and what took most of that turn */
	uint32_t sleep_us;
	uint32_t datagrams_held, fragments_held; /* by reassembly, now */
	struct dp_counters counters;
};
uint32_t dp_lcore_count(const struct dp *dp);
/* Turns that the lcore has finished: control's, a worker's, both; it stands still when this does. */
uint64_t dp_lcore_turns(const struct dp *dp, uint32_t i);
/* Control's: what it has done since the last call, or since its turn began, was this. */
void dp_turn_part(struct dp *dp, enum turn_part part);
struct dp_turn_info {
	const char *name, *help;
	uint64_t longest_us; /* in any turn since the start, by the clock */
};
/* A part of the turns of control's lcore; false: there is none of that number. */
bool dp_turn_info(const struct dp *dp, unsigned part, struct dp_turn_info *out);
bool dp_is_running(const struct dp *dp); /* dp_run() was called, dp_stop() was not */
void dp_lcore_info(const struct dp *dp, uint32_t i, struct dp_lcore_info *out);
uint32_t dp_stage_count(void);
void dp_stage_info(
	const struct dp *dp, uint32_t lcore_index, uint32_t stage, struct dp_stage_info *out);
/* What was relayed of a domain, by whose it was before: handed to the seal stage, which may still drop
 * it; and what routes still bring here of it. */
struct dp_relay_counts {
	uint64_t first_packets, first_octets; /* our own */
	uint64_t further_packets, further_octets; /* a peer's: their second and last hop */
	uint64_t mismatches; /* of both: relayed because a peer may know better */
	uint64_t arrived; /* not from a peer: tunnels of mobile nodes, opened here or relayed, and
			   * signalling that was relayed (what is accepted control counts) */
};
/* Sum over workers; all 0 without a mesh. */
void dp_relay_counts(const struct dp *dp, uint16_t domain, struct dp_relay_counts *out);
/* Packets above limits.traffic-*; sum over workers. */
uint64_t dp_domain_dropped(const struct dp *dp, uint16_t domain);
/* Packets that wait in a queue to control, and how many fit. */
void dp_punt_info(const struct dp *dp, enum dp_punt_class c, uint32_t *used, uint32_t *size);
/* Buffers in the pool that are free now, and all of them. */
void dp_pool_info(const struct dp *dp, uint32_t *available, uint32_t *total);
