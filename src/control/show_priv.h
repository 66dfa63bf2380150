/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How requests are answered: show.c cuts answers into slices and turns; what an answer consists
 * of is a function that writes one item a call. Control core only.
 */
#pragma once

#include "control/ctl_priv.h"

/*
 * Writes the item at req->cursor (one line, or a few that belong together, far below
 * CTL_SLICE_BYTES) or skips it, and moves the cursor. False: that was the last, or it failed
 * through show_fail(). Takes at most some 10 us.
 */
typedef bool (*show_step_fn)(struct ctl *ctl, struct ctl_req *req);

bool show_bindings(struct ctl *ctl, struct ctl_req *req);
bool show_summary(struct ctl *ctl, struct ctl_req *req);
bool show_binding(struct ctl *ctl, struct ctl_req *req);
bool show_binding_delete(struct ctl *ctl, struct ctl_req *req);

bool show_ports(struct ctl *ctl, struct ctl_req *req);
bool show_lcores(struct ctl *ctl, struct ctl_req *req);
bool show_counters(struct ctl *ctl, struct ctl_req *req);
bool show_drops(struct ctl *ctl, struct ctl_req *req);

bool show_routes(struct ctl *ctl, struct ctl_req *req);
bool show_neighbors(struct ctl *ctl, struct ctl_req *req);
bool show_addresses(struct ctl *ctl, struct ctl_req *req);
bool show_store(struct ctl *ctl, struct ctl_req *req);
bool show_config(struct ctl *ctl, struct ctl_req *req);
bool show_version(struct ctl *ctl, struct ctl_req *req);

bool show_domains(struct ctl *ctl, struct ctl_req *req);
bool show_peers(struct ctl *ctl, struct ctl_req *req);
bool show_sa(struct ctl *ctl, struct ctl_req *req);
bool show_ready(struct ctl *ctl, struct ctl_req *req);
bool show_drain(struct ctl *ctl, struct ctl_req *req);
bool show_undrain(struct ctl *ctl, struct ctl_req *req);
bool show_binding_move(struct ctl *ctl, struct ctl_req *req);
bool show_alarms(struct ctl *ctl, struct ctl_req *req);
bool show_metrics(struct ctl *ctl, struct ctl_req *req);

/* What is kept in monotonic time, as a date. */
void show_time(struct jw *w, const char *key, uint64_t ago_ms);

/* The request ends here; returns false, so that a step function can return it. */
bool show_fail(struct ctl_req *req, int status, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Names for the numbers that tables hold; "?" for one that is none. */
const char *show_domain_name(const struct ctl *ctl, uint32_t domain);
const char *show_port_name(const struct ctl *ctl, uint32_t port);
const char *show_lcore_role(const struct dp_lcore_info *lc);
