/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside dataplane/: what workers do when they are watched. Everything here is off the fast path:
 * it is reached behind worker.watched. A lane is one worker's, control's own included; it may be
 * touched from dp_worker_watch() of a turn to the next turn's.
 */
#pragma once

#include <stdatomic.h>

#include "common/bring.h"
#include "dataplane/worker.h"

#define WATCH_HOPS 32 /* of a leg: rx, seven stages a pass, and room */

/* A leg that is being written. */
struct trace_story {
	struct rte_mbuf *m; /* whose; NULL: nobody's, or the packet has left */
	struct trace_leg leg;
	struct trace_hop hop[WATCH_HOPS];
};

struct trace_desk {
	struct trace_story story[DP_BURST]; /* of the burst that is carried, by number */
	struct trace_story current; /* control: of the packet that an engine looks at */
	bool is_busy; /* there is one */
	struct trace_story solo; /* control: of the packet that it sends on or made */
	struct trace_story stray; /* of a packet that is in none of these */
	uint32_t marks; /* packets chosen so far */
	unsigned stage; /* enum trace_stage that runs, or lets go of something between two runs */
	struct dp_rx_queue q; /* while it is RX */
	uint32_t from[V_COUNT], from_tx[DP_MAX_PORTS]; /* vectors before it ran */
	uint32_t in_n; /* stories of what went in, and how long they were */
	struct {
		struct trace_story *story;
		struct rte_mbuf *m;
		unsigned hops;
	} in[DP_VEC];
};

struct watch_lane {
	struct watch *watch;
	struct bring *ring;
	uint16_t number;
	bool in_rx; /* what is dropped now has not been looked at yet */
	uint16_t rx_port, tx_port;
	struct rte_mbuf *current; /* control: what an engine looks at; NULL: nothing */
	uint64_t at[DP_VEC + 1]; /* the ring behind each packet of a burst to be sent */
	_Atomic uint64_t lost[WATCH_PLACES]; /* of a capture; one writer */
	struct ip6_addr coa; /* the mobile node's at this moment; unspecified: none */
	struct trace_desk *desk; /* of a trace */
};

struct watch {
	enum watch_kind kind;
	struct watch_filter filter;
	uint32_t snaplen;
	uint16_t session; /* part of every mark: packets keep those of traces that ended */
	bool all_tx; /* a trace: what goes to the wire may be wanted */
	_Atomic int64_t left; /* a trace: packets that may still be chosen */
	_Atomic bool is_on, stopping;
	uint64_t token; /* control: RCU's, once it is off */
	uint64_t tsc_hz, clock_tsc, clock_ns;
	uint16_t port_count;
	struct watch_port port[WATCH_PORTS];
	uint16_t lane_count;
	struct watch_lane *lane[];
};

static_assert(WATCH_PORTS == DP_MAX_PORTS, "watch.h sees no worker.h");

/* Whether the packet is one of those looked for, but for port, stage and fate. len octets are
 * there from pkt on, an IPv6 header if there are 40 of them. */
bool watch_wants(const struct watch_lane *l, const uint8_t *pkt, uint32_t len);
/* Where the filter's mobile node is at this moment, for watch_wants(). */
void watch_find_coa(const struct tables *t, struct watch_lane *l);
/* Where the IPv6 packet of a frame is, 0: there is none. */
uint32_t watch_l2_len(const uint8_t *frame, uint32_t len);

/* A drop of something that begins with its Ethernet header. */
static inline bool watch_is_frame(const struct watch_lane *l, enum dp_drop reason)
{
	return l->in_rx || reason == DP_DROP_TX_FULL;
}

/* --- what happens to packets; both kinds of watch --- */
uint32_t dp_watch_rx(struct dp_worker *w, const struct dp_rx_queue *q); /* does dp_rx() */
void dp_watch_punt(struct dp_worker *w, struct rte_mbuf *m, enum dp_punt_class c);
void dp_watch_hand(struct dp_worker *w, struct rte_mbuf *m, uint32_t worker);
void dp_watch_drop(struct dp_worker *w, struct rte_mbuf *m, enum dp_drop reason);
/* Around handing a burst to a port (ring: to another lcore): the first `sent` of it were taken. */
void dp_watch_tx(struct dp_worker *w, uint16_t port, const struct dp_vec *v, bool ring);
void dp_watch_sent(struct dp_worker *w, uint32_t sent);
void dp_watch_count(struct dp_worker *w, enum dp_drop reason); /* control, see dp_count_drop() */
/* Control lets go of a packet, be it the one that an engine looks at: its buffer may be another's. */
void dp_watch_gone(struct dp_worker *w, const struct rte_mbuf *m);

/* dp_watch_begin() and _end() by any worker. */
void dp_watch_begin_by(struct dp_worker *w, struct rte_mbuf *m, enum dp_punt_class c);
void dp_watch_end_by(struct dp_worker *w);

/* --- trace.c --- */
void trace_begin_rx(struct watch_lane *l, const struct dp_rx_queue *q);
void trace_end_rx(struct dp_worker *w, struct watch_lane *l);
void trace_enter(struct dp_worker *w, enum dp_stage s, enum dp_vec_id in);
void trace_leave(struct dp_worker *w);
void trace_punt(struct watch_lane *l, struct rte_mbuf *m, enum dp_punt_class c);
void trace_hand(struct watch_lane *l, struct rte_mbuf *m, uint32_t worker);
void trace_drop(struct watch_lane *l, struct rte_mbuf *m, enum dp_drop reason);
void trace_close(struct watch_lane *l);
void trace_tx(struct dp_worker *w, struct watch_lane *l, const struct dp_vec *v, bool ring);
void trace_own(struct watch_lane *l, struct rte_mbuf *m);
void trace_resume(struct watch_lane *l, struct rte_mbuf *m);
void trace_frame(struct dp_worker *w, struct rte_mbuf *m, uint16_t port); /* past route */
void trace_take(struct watch_lane *l, enum dp_punt_class c);
void trace_release(struct watch_lane *l, const struct rte_mbuf *m);
void trace_end(struct watch_lane *l);
void trace_count(struct watch_lane *l, enum dp_drop reason);
void trace_say(struct watch_lane *l, const char *who, const char *what, int32_t status);

/* --- capture.c --- */
void capture_rx(struct dp_worker *w, struct watch_lane *l, const struct dp_rx_queue *q);
void capture_punt(struct watch_lane *l, struct rte_mbuf *m, enum dp_punt_class c);
void capture_drop(struct watch_lane *l, struct rte_mbuf *m, enum dp_drop reason);
void capture_tx(struct watch_lane *l, const struct dp_vec *v, bool ring);
void capture_count(struct watch_lane *l, enum dp_drop reason);
