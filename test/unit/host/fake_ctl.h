/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plays the control core for api and hamctl: a thread that answers requests in slices as
 * control/ctl.h promises, from canned values. No data plane.
 */
#pragma once

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"
#include "control/ctl.h"
#include "fake_watch.h"
#include "host/api.h"

#define FAKE_QUEUE 4 /* fewer than API_CLIENTS: submit says -EAGAIN */

struct fake_ctl {
	pthread_mutex_t lock;
	pthread_t thread;
	struct ctl_req *submitted[FAKE_QUEUE], *answered[API_CLIENTS];
	unsigned submitted_n, answered_n;
	atomic_bool stop, hold; /* hold: takes no request */
	unsigned bindings; /* how many there are */
	atomic_uint slices, refused;
	struct fake_watch watch;
	atomic_uint watching; /* watches that run */
	unsigned packets; /* a turn, for each of them */
	unsigned drain; /* questions about domains until it has left; 0: it does not drain */
};

static inline int fake_submit(void *ctx, struct ctl_req *req)
{
	struct fake_ctl *f = ctx;
	int ret = -EAGAIN;

	pthread_mutex_lock(&f->lock);
	if (f->submitted_n < FAKE_QUEUE) {
		f->submitted[f->submitted_n++] = req;
		ret = 0;
	} else {
		f->refused++;
	}
	pthread_mutex_unlock(&f->lock);
	return ret;
}

static inline struct ctl_req *fake_reap(void *ctx)
{
	struct fake_ctl *f = ctx;
	struct ctl_req *req = NULL;

	pthread_mutex_lock(&f->lock);
	if (f->answered_n > 0) {
		req = f->answered[0];
		memmove(f->answered, f->answered + 1, --f->answered_n * sizeof(req));
	}
	pthread_mutex_unlock(&f->lock);
	return req;
}

/* `n`: traffic grows with every question. */
static inline void fake_binding(struct jw *w, unsigned i, unsigned n)
{
	jw_object(w, NULL);
	jw_strf(w, "home-address", "2001:db8:a::%x", i + 1);
	jw_strf(w, "care-of-address", "2001:db8:%x::1", i % 7);
	jw_str(w, "home-agent-address", "2001:db8:a::ffff");
	jw_str(w, "domain", "msp1");
	jw_str(w, "state", "live");
	jw_u64(w, "sequence", i % 65536);
	jw_u64(w, "lifetime-s", 420);
	jw_u64(w, "remaining-s", 371);
	jw_str(w, "since", "2026-01-02T03:04:05Z");
	jw_str(w, "flags", "AHK");
	jw_u64(w, "packets-to", 10ULL * i * n);
	jw_u64(w, "bytes-to", 1000ULL * i * n);
	jw_u64(w, "packets-from", 5ULL * i * n);
	jw_u64(w, "bytes-from", 500ULL * i * n);
	jw_end(w, '}');
	jw_newline(w);
}

static inline void fake_bindings(struct fake_ctl *f, struct ctl_req *req)
{
	for (unsigned n = 0; n < 256 && req->out.len < CTL_SLICE_BYTES; n++) {
		if (req->cursor < f->bindings)
			fake_binding(&req->out, req->cursor++, f->slices);
	}
	req->done = req->cursor == f->bindings;
}

/* The one home address that is bound is 2001:db8:a::1. */
static inline void fake_one_binding(struct ctl_req *req)
{
	char text[IP6_STRLEN];

	if (strcmp(ip6_str(&req->key, text), "2001:db8:a::1") != 0) {
		req->status = -ENOENT;
		snprintf(req->error, sizeof(req->error), "no such binding: %s", text);
	} else if (req->cmd == CTL_BINDING_DELETE || req->cmd == CTL_BINDING_MOVE) {
		jw_object(&req->out, NULL);
		jw_str(&req->out, req->cmd == CTL_BINDING_MOVE ? "moved" : "deleted", text);
		if (req->cmd == CTL_BINDING_MOVE)
			jw_str(&req->out, "site", req->site);
		jw_end(&req->out, '}');
		jw_newline(&req->out);
	} else {
		fake_binding(&req->out, 0, 1);
	}
}

static const char *const fake_lines[CTL_CMD_COUNT] = {
	[CTL_SHOW_PORTS] =
		"{\"port\":\"wan\",\"device\":\"net_af_packet0,iface=veth0\",\"driver\":"
		"\"net_af_packet\",\"mac\":\"02:00:00:00:00:01\",\"mtu\":1500,\"vlan\":0,"
		"\"link\":\"up\",\"link-mbps\":10000,\"rx-queues\":1,\"tx-queues\":2,"
		"\"rx-packets\":7,\"rx-bytes\":700,\"rx-missed\":0,\"rx-errors\":0,"
		"\"rx-no-buffer\":0,\"tx-packets\":8,\"tx-bytes\":800,\"tx-errors\":0,"
		"\"granted\":\"1 rx queue, 2 tx queues\"}\n",
	[CTL_SHOW_LCORES] =
		"{\"lcore\":0,\"role\":\"control+worker\",\"turns\":1000,\"busy-percent\":12.500,"
		"\"longest-turn-us\":90,\"slow-turns\":0,\"sleep-us\":0,\"rx-packets\":7,\"tx-"
		"packets\":8,"
		"\"datagrams-held\":1,\"fragments-held\":2,"
		"\"stages\":[{\"stage\":\"classify\",\"calls\":5,\"packets\":7,\"cycles\":700,"
		"\"cycles-per-packet\":100.000,\"busy-percent\":3.000}]}\n",
	[CTL_SHOW_ROUTES] =
		"{\"prefix\":\"::/0\",\"kind\":\"via\",\"next-hop\":\"fe80::1\",\"port\":\"wan\"}\n"
		"{\"prefix\":\"2001:db8:a::/48\",\"kind\":\"mobile-prefix\",\"domain\":\"msp1\"}\n",
	[CTL_SHOW_NEIGHBORS] =
		"{\"address\":\"fe80::1\",\"port\":\"wan\",\"mac\":\"02:00:00:00:00:02\",\"state\":"
		"\"reachable\",\"age-ms\":1200,\"gateway\":true,\"queued\":0}\n",
	[CTL_SHOW_ADDRESSES] =
		"{\"address\":\"2001:db8:1::10\",\"prefix-length\":64,\"owner\":\"port\",\"port\":"
		"\"wan\",\"state\":\"preferred\"}\n",
	[CTL_SHOW_PEERS] =
		"{\"site\":\"tokyo\",\"id\":2,\"address\":\"2001:db8:2::10\",\"state\":\"up\","
		"\"rtt-ms\":12,\"clock-offset-ms\":-3,\"hears\":[\"paris\",\"osaka\"],"
		"\"lag-records\":0,\"domains\":[{\"domain\":\"msp1\",\"reach\":\"up\",\"says\":"
		"\"ready\"},{\"domain\":\"msp2\",\"reach\":\"dead\"}]}\n"
		"{\"site\":\"osaka\",\"id\":3,\"address\":\"2001:db8:3::10\",\"state\":\"dead\","
		"\"hears\":[],\"last-failure\":\"channel: handshake\",\"last-failure-s\":7,"
		"\"domains\":[]}\n",
	[CTL_SHOW_SA] =
		"{\"site\":\"tokyo\",\"id\":2,\"direction\":\"out\",\"hop\":\"first\",\"worker\":0,"
		"\"state\":\"in use\",\"spi\":\"0x01000001\",\"generation\":1,\"age-s\":12,"
		"\"number\":7,\"packets\":7,\"bytes\":700}\n",
	[CTL_RELOAD] = "{\"subscribers\":3,\"added\":1,\"changed\":0,\"removed\":2,"
		       "\"bindings-ended\":1,\"took-ms\":12}\n",
	[CTL_SHOW_CONFIG] = "{\"node\":{\"id\":1,\"name\":\"paris\"}}\n",
	/* in no order, with what has to be escaped, a number beyond a double, a metric without one */
	[CTL_METRICS] =
		"{\"metric\":\"rx_bytes\",\"type\":\"counter\",\"unit\":\"bytes\",\"help\":"
		"\"what came\\nand \\\\ more\"}\n"
		"{\"metric\":\"port_up\",\"type\":\"gauge\",\"unit\":\"\",\"help\":\"a link\"}\n"
		"{\"labels\":{\"port\":\"wan\"},\"values\":{\"port_up\":1,\"rx_bytes\":"
		"\"9007199254740993\"}}\n"
		"{\"metric\":\"nothing\",\"type\":\"gauge\",\"unit\":\"\",\"help\":\"none\"}\n"
		"{\"labels\":{\"port\":\"l\\\"\\\\\\nan\",\"role\":\"x\"},\"values\":{"
		"\"port_up\":0,\"rx_bytes\":7}}\n"
		"{\"metric\":\"turn_seconds\",\"type\":\"gauge\",\"unit\":\"seconds\",\"help\":"
		"\"longest\"}\n"
		"{\"labels\":{},\"values\":{\"turn_seconds\":\"0.000123\"}}\n",
	[CTL_SHOW_ALARMS] =
		"{\"alarm\":\"port_down\",\"severity\":\"critical\",\"state\":\"raised\","
		"\"since\":\"2026-01-02T03:04:05Z\",\"last\":\"2026-01-02T03:04:06Z\","
		"\"count\":1,\"value\":1,\"unit\":\"ports\",\"raised-at\":1,"
		"\"cleared-below\":1,\"detail\":\"wan\",\"what\":\"a port has no link\","
		"\"todo\":\"check the cable\"}\n",
	[CTL_SHOW_VERSION] =
		"{\"version\":\"0.1.0\",\"node\":\"paris\",\"node-id\":1,\"bindings\":1,"
		"\"tombstones\":0,\"bindings-max\":1000,\"bindings-bytes\":9999,"
		"\"buffers-free\":900,\"buffers\":1000}\n",
};

/* One that moves, and one beyond what a double holds. */
static inline void fake_counters(struct fake_ctl *f, struct jw *w)
{
	for (unsigned i = 0; i < 2; i++) {
		jw_object(w, NULL);
		jw_str(w, "counter", i == 0 ? "rx_packets" : "bu_received");
		jw_str(w, "scope", i == 0 ? "data-plane" : "control");
		jw_u64(w, "value", i == 0 ? f->slices * 100ULL : (1ULL << 53) + 1);
		jw_str(w, "unit", i == 0 ? "packets" : "messages");
		jw_str(w, "help", "what was counted");
		jw_end(w, '}');
		jw_newline(w);
	}
}

static inline void fake_drops(struct ctl_req *req)
{
	static const char shown[] = "{\"drop\":\"no_route\",\"count\":3,\"help\":\"no route\"}\n";
	static const char zero[] = "{\"drop\":\"hop_limit\",\"count\":0,\"help\":\"too far\"}\n";

	jw_raw(&req->out, shown, sizeof(shown) - 1);
	if (req->all)
		jw_raw(&req->out, zero, sizeof(zero) - 1);
}

/* "msp1" drains when it is told to, has left after some questions, some later all know that, and
 * then nothing comes any more; "msp2" never does. */
static inline void fake_domains(struct fake_ctl *f, struct jw *w)
{
	const char *state = f->drain == 0 ? "ready" : f->drain > 4 ? "draining" : "left";

	for (unsigned d = 1; d <= 2; d++) {
		jw_object(w, NULL);
		jw_strf(w, "domain", "msp%u", d);
		jw_strf(w, "home-agent-address", "2001:db8:%x::1", 9 + d);
		jw_u64(w, "bindings", 1);
		jw_u64(w, "subscribers", 3);
		jw_u64(w, "ranges", 0);
		jw_null(w, "file");
		jw_str(w, "loaded", "2026-11-24T12:00:00Z");
		jw_str(w, "state", d == 1 ? state : "ready");
		if (d == 1 && f->drain > 0 && f->drain <= 4) {
			jw_bool(w, "left-is-known", f->drain <= 3);
			jw_bool(w, "left-is-quiet", f->drain == 1);
		}
		jw_end(w, '}');
		jw_newline(w);
	}
	if (f->drain > 1)
		f->drain--;
}

static inline void fake_fail(struct ctl_req *req, int status, const char *text)
{
	req->status = status;
	snprintf(req->error, sizeof(req->error), "%s", text);
}

/* What is told to a site. */
static inline void fake_order(struct fake_ctl *f, struct ctl_req *req)
{
	struct jw *w = &req->out;

	if (req->cmd == CTL_DRAIN && strcmp(req->domain, "msp2") == 0 && !req->force) {
		fake_fail(req, -EHOSTUNREACH, "domain msp2: no other site is ready");
		return;
	}
	if (req->cmd == CTL_DRAIN)
		f->drain = 6;
	else if (req->cmd == CTL_UNDRAIN)
		f->drain = 0;
	jw_object(w, NULL);
	jw_str(w, "domain", req->domain[0] != '\0' ? req->domain : "msp1");
	if (req->cmd == CTL_READY)
		jw_bool(w, "ready", f->drain == 0);
	else
		jw_str(w, "state", f->drain > 0 ? "draining" : "ready");
	jw_end(w, '}');
	jw_newline(w);
	if (req->cmd == CTL_READY && f->drain > 0)
		fake_fail(req, -EAGAIN, "not ready: domain msp1 is draining");
}

static inline void fake_answer(struct fake_ctl *f, struct ctl_req *req)
{
	f->slices++;
	if (req->cmd == CTL_SHOW_BINDINGS && req->site[0] != '\0') {
		req->status = -ENOENT;
		snprintf(req->error, sizeof(req->error), "no such site: %s", req->site);
	} else if (req->cmd == CTL_SHOW_BINDINGS && req->domain[0] != '\0' &&
		   strcmp(req->domain, "msp1") != 0) {
		req->status = -ENOENT;
		snprintf(req->error, sizeof(req->error), "no such domain: %s", req->domain);
	} else if (req->cmd == CTL_SHOW_BINDINGS) {
		fake_bindings(f, req);
		return;
	} else if (req->cmd == CTL_SHOW_DOMAINS) {
		fake_domains(f, &req->out);
	} else if (req->cmd == CTL_READY || req->cmd == CTL_DRAIN || req->cmd == CTL_UNDRAIN) {
		fake_order(f, req);
	} else if (req->cmd == CTL_SHOW_COUNTERS) {
		fake_counters(f, &req->out);
	} else if (req->cmd == CTL_SHOW_DROPS) {
		fake_drops(req);
	} else if (fake_lines[req->cmd] != NULL) {
		jw_raw(&req->out, fake_lines[req->cmd], strlen(fake_lines[req->cmd]));
	} else {
		fake_one_binding(req);
	}
	req->done = true;
}

static inline void fake_give_back(struct fake_ctl *f, struct ctl_req *req)
{
	pthread_mutex_lock(&f->lock);
	f->answered[f->answered_n++] = req;
	pthread_mutex_unlock(&f->lock);
}

static inline void fake_watch_turn(struct fake_ctl *f)
{
	struct ctl_req *req = f->watch.req;

	if (req == NULL)
		return;
	if (!watch_is_stopping(req->watch)) {
		if (f->packets == 1 && f->watch.turns++ >= FAKE_FITS)
			return;
		for (unsigned i = 0; i < f->packets; i++)
			fake_packets(&f->watch);
		return;
	}
	f->watch.req = NULL;
	f->watching = 0;
	req->done = true;
	fake_give_back(f, req);
}

static inline void *fake_main(void *arg)
{
	struct fake_ctl *f = arg;

	while (!f->stop) {
		struct ctl_req *req = NULL;

		fake_watch_turn(f);
		pthread_mutex_lock(&f->lock);
		if (f->submitted_n > 0 && !f->hold) {
			req = f->submitted[0];
			memmove(f->submitted, f->submitted + 1, --f->submitted_n * sizeof(req));
		}
		pthread_mutex_unlock(&f->lock);
		if (req == NULL) {
			usleep(100);
			continue;
		}
		if ((req->cmd == CTL_TRACE || req->cmd == CTL_CAPTURE) &&
			fake_watch_begin(&f->watch, req)) {
			f->watching = 1;
			continue;
		}
		if (!req->done)
			fake_answer(f, req); /* outside the lock: it is ours alone */
		fake_give_back(f, req);
	}
	return NULL;
}

static inline int fake_start(struct fake_ctl *f, unsigned bindings)
{
	*f = (struct fake_ctl){
		.lock = PTHREAD_MUTEX_INITIALIZER, .bindings = bindings, .packets = 1
	};
	return -pthread_create(&f->thread, NULL, fake_main, f);
}

static inline void fake_stop(struct fake_ctl *f)
{
	f->stop = true;
	pthread_join(f->thread, NULL);
}
