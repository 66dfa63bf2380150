/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Live reload: a thread that waits for SIGHUP or `hamctl reload`, reads the configuration and the
 * subscribers files again, and hands what is new to the control core. Subscribers (mobile-nodes,
 * subscribers and their files) and log-level can change; any other difference from the
 * configuration of the start, and any error, refuses the whole, and nothing has changed.
 *
 * Memory: while a reload runs there are two sets of subscribers and two configurations.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct conf;
struct ctl_req;
struct ctl_update;
struct reload;
struct subs;

/* The control core's functions (control/ctl.h), or a test's. Called by the thread. */
struct reload_ops {
	void *ctx;
	void (*update)(void *ctx, struct ctl_update *u);
	bool (*is_updated)(void *ctx);
};

struct reload_opts {
	const char *path; /* the configuration's; stays */
	const struct conf *conf; /* of the start; stays */
	const struct subs *subs; /* in use now; control's */
	struct reload_ops ops;
};

/* SIGHUP is blocked in every thread. 0, or -errno with a line in err. */
int reload_start(const struct reload_opts *opts, struct reload **out, char *err, size_t err_len);
/* Control does not run any more, and nobody asks: gives up a reload that is under way and joins the
 * thread; NULL is fine. */
void reload_stop(struct reload *r);

/*
 * For api's thread. A request for a reload (CTL_RELOAD), which comes back by reload_reap() when the
 * reload has ended, or at once with -EBUSY when one runs already. 0, -EAGAIN: too many that came
 * back were not reaped.
 */
int reload_submit(struct reload *r, struct ctl_req *req);
struct ctl_req *reload_reap(struct reload *r); /* NULL: none ready */
