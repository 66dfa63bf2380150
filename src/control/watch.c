/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traces and captures, for as long as somebody wants them. Such a request is kept, not sliced: it
 * is answered when its watch has ended and no worker can see it any more.
 */
#include <errno.h>

#include <rte_ring.h>

#include "conf/conf.h"
#include "control/show_priv.h"

static struct ctl_watched *slot_of(struct ctl *ctl, const struct ctl_req *req)
{
	return &ctl->watched[req->cmd == CTL_TRACE ? WATCH_TRACE : WATCH_CAPTURE];
}

/* WATCH_NO_PORT for any; -ENOENT: there is no such port. */
static int find_port(const struct ctl *ctl, const char *name, uint16_t *port)
{
	*port = WATCH_NO_PORT;
	if (name[0] == '\0')
		return 0;
	for (uint32_t i = 0; i < ctl->conf->port_count; i++) {
		if (strcmp(ctl->conf->ports[i].name, name) == 0) {
			*port = (uint16_t)i;
			return 0;
		}
	}
	return -ENOENT;
}

bool watch_begin(struct ctl *ctl, struct ctl_req *req)
{
	uint16_t port;

	req->done = true; /* unless it is kept */
	if (find_port(ctl, req->port, &port) < 0)
		return show_fail(req, -ENOENT, "no such port: %s", req->port);
	if (dp_watch_on(ctl->dp, req->watch, port) < 0)
		return show_fail(req, -EBUSY, "a %s is running already: one at a time",
			req->cmd == CTL_TRACE ? "trace" : "capture");
	req->done = false;
	*slot_of(ctl, req) = (struct ctl_watched){ .req = req };
	return true;
}

static void step(struct ctl *ctl, struct ctl_watched *w)
{
	struct ctl_req *req = w->req;

	if (!w->is_leaving) {
		if (!watch_is_stopping(req->watch))
			return;
		dp_watch_off(ctl->dp, req->watch);
		w->is_leaving = true;
	}
	if (!dp_watch_is_off(ctl->dp, req->watch))
		return;
	req->done = true;
	w->req = NULL;
	/* There is room for all that can be in flight. */
	(void)rte_ring_enqueue(ctl->answered, req);
}

bool watch_run(struct ctl *ctl)
{
	bool any = false;

	for (unsigned kind = 0; kind < WATCH_KIND_COUNT; kind++) {
		if (ctl->watched[kind].req == NULL)
			continue;
		any = true;
		step(ctl, &ctl->watched[kind]);
	}
	return any;
}
