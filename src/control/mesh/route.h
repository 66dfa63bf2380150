/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where packets go: sync/forward.h's answers for every case there is, compiled into what workers
 * look up (tables/meshtab.h), and what follows from them for the addresses that this site answers
 * for. A domain's table is made anew at each change of its live set; what a site answers to, serving
 * or not, was asked once at the start.
 *
 * ctl->route is NULL without `mesh` in the configuration: then nothing here may be called but what
 * says so. Control core only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip6.h"
#include "sync/forward.h"
#include "sync/next.h"
#include "tables/meshtab.h"

struct conf;
struct ctl;
struct record;
struct route;

/* 0 or -errno with a line in err. From then on workers have a table of each domain, in which this
 * site is joining and knows nobody. */
int route_new(struct ctl *ctl, char *err, size_t err_len);
void route_free(struct ctl *ctl); /* workers must have stopped; fine without a mesh */

/*
 * The live set of a domain has changed: engine_ops.next(). Adopts home agent addresses and gives
 * them back. Both are read in the call. Never fails: what the tables cannot take yet, because
 * workers are still reading the one before, route_run() publishes.
 */
void route_publish(struct ctl *ctl, uint16_t domain, const struct next_view *view,
	const struct next_table *next);
bool route_run(struct ctl *ctl); /* true: something waits for workers */

/* --- fine without a mesh --- */

/* Node of the site that the domain's home agent address was given to: 0: none, or all share it. */
uint8_t route_agent(const struct conf *conf, uint16_t domain, const struct ip6_addr *agent);
/* What workers must know of a record to find its owner; both 0 without a mesh. */
void route_place(const struct ctl *ctl, const struct record *r, uint8_t *owner, uint8_t *bucket);
/* This site answers on that home agent address of the domain now: its own, shared or adopted. */
bool route_is_held(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *agent);

/* --- pure; what route_publish() is made of --- */

/* All that a site, serving or not, answers in a domain with that delivery. 0 or -ENOMEM. */
int route_compile(bool serving, enum forward_delivery delivery, struct mesh_answers *out);
/* All of a domain's table but its answers. */
void route_fill(const struct conf *conf, uint16_t domain, const struct next_view *view,
	const struct next_table *next, struct mesh_domain *out);
