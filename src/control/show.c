/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers host threads' requests. A turn writes a few items (so that a packet that comes in
 * meanwhile does not wait for a dump), a slice goes back to the submitter when it is long
 * enough, and the request's cursor is all that is kept: a submitter that does not come back
 * costs nothing.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <rte_ring.h>

#include "conf/conf.h"
#include "control/show_priv.h"

/* A turn takes about 0.1 ms: in octets, of which 12 are written in 0.1 us (a binding of a mesh has
 * 600). Looking at a record and its entry takes some 0.4 us with a million of them (cache misses). */
#define TURN_COST 12288
#define LOOK_COST 48

static bool show_no_reload(struct ctl *ctl, struct ctl_req *req);

static const show_step_fn steps[CTL_CMD_COUNT] = {
	[CTL_SHOW_BINDINGS] = show_bindings,
	[CTL_SHOW_BINDING] = show_binding,
	[CTL_SHOW_SUMMARY] = show_summary,
	[CTL_SHOW_PORTS] = show_ports,
	[CTL_SHOW_LCORES] = show_lcores,
	[CTL_SHOW_COUNTERS] = show_counters,
	[CTL_SHOW_DROPS] = show_drops,
	[CTL_SHOW_ROUTES] = show_routes,
	[CTL_SHOW_NEIGHBORS] = show_neighbors,
	[CTL_SHOW_ADDRESSES] = show_addresses,
	[CTL_SHOW_CONFIG] = show_config,
	[CTL_SHOW_STORE] = show_store,
	[CTL_SHOW_VERSION] = show_version,
	[CTL_SHOW_DOMAINS] = show_domains,
	[CTL_SHOW_PEERS] = show_peers,
	[CTL_SHOW_SA] = show_sa,
	[CTL_SHOW_ALARMS] = show_alarms,
	[CTL_METRICS] = show_metrics,
	[CTL_BINDING_DELETE] = show_binding_delete,
	[CTL_BINDING_MOVE] = show_binding_move,
	[CTL_READY] = show_ready,
	[CTL_DRAIN] = show_drain,
	[CTL_UNDRAIN] = show_undrain,
	[CTL_RELOAD] = show_no_reload,
};

bool show_fail(struct ctl_req *req, int status, const char *fmt, ...)
{
	va_list ap;

	req->status = status;
	va_start(ap, fmt);
	vsnprintf(req->error, sizeof(req->error), fmt, ap);
	va_end(ap);
	return false;
}

/* A host thread reads files: none has taken it. */
static bool show_no_reload(struct ctl *ctl, struct ctl_req *req)
{
	(void)ctl;
	return show_fail(req, -ENOTSUP, "nobody here reloads");
}

const char *show_domain_name(const struct ctl *ctl, uint32_t domain)
{
	return domain < ctl->conf->domain_count ? ctl->conf->domains[domain].name : "?";
}

const char *show_port_name(const struct ctl *ctl, uint32_t port)
{
	return port < ctl->conf->port_count ? ctl->conf->ports[port].name : "?";
}

static bool is_watch(const struct ctl_req *req)
{
	return req->cmd == CTL_TRACE || req->cmd == CTL_CAPTURE;
}

void show_time(struct jw *w, const char *key, uint64_t ago_ms)
{
	char text[32] = "";
	struct timespec now;
	struct tm tm;
	time_t then;

	/* in milliseconds: whole seconds would make two of one moment, now this, now that */
	clock_gettime(CLOCK_REALTIME, &now);
	then = (time_t)(((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 - (int64_t)ago_ms) /
			1000);
	if (gmtime_r(&then, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	jw_str(w, key, text);
}

static bool slice_is_over(const struct ctl_req *req)
{
	return req->done || req->out.len >= CTL_SLICE_BYTES;
}

static void run_turn(struct ctl *ctl, struct ctl_req *req)
{
	for (int left = TURN_COST; left > 0 && !slice_is_over(req);) {
		size_t before = req->out.len;

		req->done = !steps[req->cmd](ctl, req) || req->out.failed;
		left -= LOOK_COST + (int)(req->out.len - before);
	}
}

bool show_run(struct ctl *ctl)
{
	void *next;

	if (ctl->current == NULL) {
		if (rte_ring_dequeue(ctl->submitted, &next) < 0)
			return false;
		ctl->current = next;
		if (is_watch(ctl->current) && watch_begin(ctl, ctl->current)) {
			ctl->current = NULL;
			return true;
		}
	}
	run_turn(ctl, ctl->current);
	/* Should there be no room, it is asked again in the next turn. */
	if (slice_is_over(ctl->current) && rte_ring_enqueue(ctl->answered, ctl->current) == 0)
		ctl->current = NULL;
	return true;
}
