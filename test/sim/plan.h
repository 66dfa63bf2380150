/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens in a world: the faults, drawn from its seed within its shape, and the data packets
 * and replays that come on top. All of it is in the queue before the first event.
 */
#pragma once

struct site_kind;
struct world;

/* Sites, network, mobile nodes and oracle, and the plan for all of them. 0, -ENOMEM. */
int plan_begin(struct world *w, const struct site_kind *kind);
/* Lets all of it happen, up to the final verdict. */
void plan_run(struct world *w);
void plan_end(struct world *w);
