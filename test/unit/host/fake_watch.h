/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plays workers and control for a watch: keeps its request, writes canned records into its lanes,
 * gives the request back when it is to end. Records come at `packets` a turn of 100 us; at one a turn
 * no more come than find room in the lanes, so that nothing is lost to a reader that is slow.
 */
#pragma once

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "control/ctl.h"
#include "dataplane/dp.h"
#include "dataplane/watch_priv.h"

#define FAKE_FITS 400 /* turns: of a trace that is 240 KB in a lane of 256 */

struct fake_watch {
	struct ctl_req *req; /* NULL: none */
	uint64_t id;
	unsigned turns;
};

static inline struct trace_hop *fake_hop(
	struct trace_story *s, unsigned stage, enum trace_door door, unsigned arg)
{
	struct trace_hop *h = &s->hop[s->leg.hops++];

	*h = (struct trace_hop){ .tsc = rte_rdtsc(),
		.stage = (uint8_t)stage,
		.door = (uint8_t)door,
		.arg = (uint16_t)arg,
		.len = 104,
		.next_header = 58,
		.hop_limit = 64,
		.src = { { 0x20, 1, 0xd, 0xb8, [15] = 1 } },
		.dst = { { 0x20, 1, 0xd, 0xb8, [15] = 2 } } };
	return h;
}

static inline void fake_leg(struct watch *w, uint16_t lane, struct trace_story *s)
{
	struct bring *r = w->lane[lane]->ring;
	uint32_t hops = s->leg.hops * (uint32_t)sizeof(s->hop[0]);
	struct trace_leg *out = bring_prepare(r, (uint32_t)sizeof(s->leg) + hops);

	if (out == NULL)
		return;
	memcpy(out, &s->leg, sizeof(s->leg));
	memcpy(out + 1, s->hop, hops);
	bring_publish(r, bring_at(r));
}

/* A Binding Update that is answered, and a packet for nobody. */
static inline void fake_trace(struct fake_watch *f)
{
	struct watch *w = f->req->watch;
	struct trace_story rx = { .leg = { .id = ++f->id, .origin = TRACE_RECEIVED, .queue = 3 } };
	struct trace_story sent = { .leg = { .id = f->id, .origin = TRACE_CAUSED, .lane = 1 } };
	struct trace_story ctl = { .leg = { .id = f->id, .origin = TRACE_GOES_ON, .lane = 1 } };
	struct trace_story drop = { .leg = { .id = ++f->id, .origin = TRACE_RECEIVED } };
	struct trace_hop *h;

	fake_hop(&rx, DP_STAGE_RX, TRACE_VECTOR, V_AGAIN);
	fake_hop(&rx, DP_STAGE_CLASSIFY, TRACE_PUNT, DP_PUNT_SIGNALLING);
	fake_leg(w, 0, &rx);
	fake_hop(&ctl, TRACE_CONTROL, TRACE_TAKEN, DP_PUNT_SIGNALLING);
	h = fake_hop(&ctl, TRACE_CONTROL, TRACE_SAID, 0);
	h->more = TRACE_VERDICT;
	h->verdict.who = "mip6";
	h->verdict.what = "registered";
	h->len = 0;
	fake_hop(&sent, TRACE_CONTROL, TRACE_SENT, 0);
	h = fake_hop(&sent, DP_STAGE_ROUTE, TRACE_TX, 0);
	h->more = TRACE_NEXT_HOP;
	h->hop.addr = h->dst;
	h->hop.has_addr = true;
	h->hop.mac[5] = 7;
	fake_hop(&sent, DP_STAGE_TX, TRACE_WIRE, 0)->queue = 1;
	fake_leg(w, 1, &sent);
	fake_hop(&ctl, TRACE_CONTROL, TRACE_DONE, 0)->len = 0;
	fake_leg(w, 1, &ctl);
	h = fake_hop(&drop, DP_STAGE_DECAP, TRACE_VECTOR, V_AGAIN);
	h->more = TRACE_BINDING;
	h->binding.hoa = h->src;
	h->binding.coa = h->dst;
	fake_hop(&drop, DP_STAGE_INTERCEPT, TRACE_DROP, DP_DROP_INTERCEPT_NO_BINDING);
	fake_leg(w, 0, &drop);
}

static inline void fake_frame(struct watch *w, uint8_t what, unsigned arg, bool is_dropped)
{
	struct bring *r = w->lane[0]->ring;
	uint32_t n = 100;
	struct watch_frame *f =
		bring_prepare(r, (uint32_t)offsetof(struct watch_frame, octets) + n);

	if (f == NULL)
		return;
	*f = (struct watch_frame){ .tsc = rte_rdtsc(),
		.len = n + 900,
		.what = what,
		.is_frame = what == WATCH_IN,
		.is_dropped = is_dropped,
		.arg = (uint16_t)arg };
	memset(f->octets, 0x60, n);
	bring_publish(r, bring_at(r));
}

static inline void fake_packets(struct fake_watch *f)
{
	if (f->req->cmd == CTL_TRACE) {
		fake_trace(f);
		return;
	}
	fake_frame(f->req->watch, WATCH_IN, 0, false);
	fake_frame(f->req->watch, WATCH_DROPPED, DP_DROP_NO_ROUTE, true);
	fake_frame(f->req->watch, WATCH_PUNTED, DP_PUNT_LOCAL, false);
}

/* True: it is kept. */
static inline bool fake_watch_begin(struct fake_watch *f, struct ctl_req *req)
{
	struct watch *w = req->watch;

	req->done = true;
	if (strcmp(req->port, "nix") == 0) {
		req->status = -ENOENT;
		snprintf(req->error, sizeof(req->error), "no such port: %s", req->port);
		return false;
	}
	if (f->req != NULL) {
		req->status = -EBUSY;
		snprintf(req->error, sizeof(req->error), "a trace is running already");
		return false;
	}
	req->done = false;
	w->tsc_hz = 1000000000;
	w->port_count = 1;
	w->port[0] = (struct watch_port){ "wan", "net_null net_null0", { 2, 0, 0, 0, 0, 1 }, 1000 };
	f->req = req;
	f->turns = 0;
	atomic_store(&w->is_on, true);
	return true;
}
