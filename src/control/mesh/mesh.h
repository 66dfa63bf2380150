/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mesh in the control core: holds the engine (sync/engine.h), lends it time, datagrams, tables
 * and the log, and lets it turn. What hello knows comes by pulse.h, datagrams by channel.h; where
 * packets go leaves by route.h; waiting Binding Acknowledgements are mip6's.
 *
 * ctl->mesh is NULL without `mesh` in the configuration: then nothing here may be called but what
 * says so. With it every domain is the engine's, under its number in the configuration, one without
 * peers too (ready at once); hello numbers domains alike. Control core only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "records/order.h"
#include "sync/engine.h"
#include "sync/hello.h"
#include "sync/next.h"

struct ctl;
struct mesh;
struct record;
struct seen;
struct seen_pair;

/* 0 or -errno with a line in err. Behind records and mip6; makes pulse, channel, route and labels,
 * too: ctl->mesh is set while it does. */
int mesh_new(struct ctl *ctl, char *err, size_t err_len);
void mesh_free(struct ctl *ctl); /* before the records; fine without a mesh */

/* A turn, behind the punt rings so that what a Binding Update waits for leaves in the same turn;
 * true: there is more to do. */
bool mesh_run(struct ctl *ctl);

/* A Binding Update to a home agent address of that domain came, whatever becomes of it, and not from
 * a peer: a drain waits until none does. Fine without a mesh. */
void mesh_updated(struct ctl *ctl, uint16_t domain);

/* --- for whoever changes records; time is ctl->now_ms's --- */

/*
 * A Binding Update was accepted and the record set (engine_accepted()): true: the acknowledgement
 * must wait, by mesh_wait(). Nothing else is noted of a de-registration that found none: it is a
 * tombstone like others.
 */
bool mesh_accepted(struct ctl *ctl, struct record *r, const struct order_result *o,
	enum record_order by, bool is_refresh);
/* ENGINE_WAITS: mip6_committed(token) follows, never from within this call. */
enum engine_commit mesh_wait(struct ctl *ctl, struct record *r, uint64_t token);
/* This site changed or ended it by itself (hamctl, reload): after records_set(). Without a mesh
 * nothing happens. */
void mesh_touched(struct ctl *ctl, struct record *r);
/* A path MTU was learned (records_set_mtu()). */
void mesh_soft(struct ctl *ctl, struct record *r);
/* A number was taken without any record's changing. 0; -ENOSPC: no room to remember it. */
int mesh_seen(struct ctl *ctl, const struct seen_pair *pair);
/* From records_expire(): may it go? Without a mesh: yes. */
bool mesh_may_end(struct ctl *ctl, struct record *r);
/* Read from the store, its versions set. */
void mesh_loaded(struct ctl *ctl, struct record *r);
/* After the last mesh_loaded(), before the first turn: whether the store was written less long ago
 * than the longest lifetime in it, by domain. */
void mesh_store_is_fresh(struct ctl *ctl, uint16_t domain, bool is_fresh);

/* --- for whoever asks --- */

/* Answers and delivers for itself in that domain: not while it joins, nor when it has left (until
 * the others know, it still does). True without a mesh. */
bool mesh_serves(const struct ctl *ctl, uint16_t domain);
/* Who answers for a record now, 0: nobody; without a mesh: this site. */
uint8_t mesh_owner(const struct ctl *ctl, const struct record *r);
/* This site is the record's owner; true without a mesh. */
bool mesh_is_owner(const struct ctl *ctl, const struct record *r);
/* Numbers and stamps seen last; NULL without a mesh. Its changes are told by mesh_seen() only. */
struct seen *mesh_seen_table(const struct ctl *ctl);
/* next_domain() of its name. */
uint32_t mesh_domain_id(const struct ctl *ctl, uint16_t domain);
/* Another number in each life of the process, not 0. */
uint64_t mesh_boot(const struct ctl *ctl);
/* Name of a site for people: the configuration's, "node 7" for one that it does not name. */
const char *mesh_site_name(const struct ctl *ctl, uint8_t node);
uint8_t mesh_find_site(const struct ctl *ctl, const char *name); /* ours too; 0: none */

/* What all sites of a domain must have alike, as hello tells it: a number made of each. A reload may
 * change it. */
void mesh_settings(
	const struct ctl *ctl, uint16_t domain, uint32_t out[static HELLO_SETTING_COUNT]);

/* --- from channel.h and pulse.h --- */

/* A datagram of a peer's, opened. */
void mesh_input(struct ctl *ctl, uint8_t node, const uint8_t *buf, size_t len);

/* From pulse_run(), in the order in which hello said so. domain: the configuration's number. */
void mesh_on_view(struct ctl *ctl, uint16_t domain, const struct next_view *view);
void mesh_on_hello(
	struct ctl *ctl, enum hello_event event, uint16_t domain, uint8_t node, int64_t value);
/* A few times a second for each peer: what hello knows of it, and who is up there. */
void mesh_on_info(struct ctl *ctl, uint8_t node, const struct hello_info *info,
	const uint64_t up[static NEXT_NODES / 64]);
