/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside the mesh's part of control:
 *
 *	mesh.c      making and freeing, a turn, what hello and the channel say
 *	ops.c       what the engine asks for: tables, accounting, routes, datagrams
 *	say.c       what the engine tells, for the log
 *	records.c   for whoever changes records, and for whoever asks
 *	know.c      what is known of peers, and what is wrong with them: alarms
 *	settings.c  what all sites must have alike, as numbers
 *
 * Control core only.
 */
#pragma once

#include "common/log.h"
#include "control/mesh/mesh.h"

struct alarm_fact;
struct conf_domain;
struct conf_mesh_peer;
struct engine_ops;

/* What of a site hello and the engine told. */
struct mesh_site {
	const struct conf_mesh_peer *conf; /* NULL: no peer */
	bool is_member[ENGINE_DOMAINS]; /* of the domain with that number */
	uint32_t drift[ENGINE_DOMAINS]; /* 1 << enum hello_setting that differ */
	enum next_reach reach[ENGINE_DOMAINS];
	enum next_says says[ENGINE_DOMAINS]; /* as it was heard last */
	uint64_t gone_ms[ENGINE_DOMAINS]; /* not in the live set since then; 0: it is in it */
	bool is_incompatible;
	struct hello_info hello; /* all zero: nothing yet */
	uint64_t up[NEXT_NODES / 64]; /* there */
	uint64_t behind_ms; /* since when it has not acknowledged all changes; 0: it has */
	uint64_t unlike, unlike_ms; /* records that a digest round left different, and when */
};

struct mesh_part { /* in a domain: ours */
	uint32_t id;
	enum next_says says;
	uint64_t says_ms; /* since */
	bool left_told; /* the engine knows that everybody heard of it */
	/* and nothing is relayed any more, and what we held all others hold, or it took long
	 * enough: may be stopped */
	bool left_quiet;
	uint64_t left_told_ms;
	uint64_t quiet_from_ms; /* draining, or left: nothing has come since then */
	uint64_t updates; /* Binding Updates that came, not from a peer */
	uint64_t heard; /* they and what came in tunnels, by then; left: what peers hand on, too */
	int64_t clock_off_ms; /* peers agree about the time: theirs less ours; 0: with us too */
};

struct mesh {
	struct engine *engine;
	struct seen *seen;
	uint64_t boot;
	uint64_t due_ms; /* the engine wants to be called then */
	uint64_t asked_ms; /* pulse, whether what we said is known */
	uint64_t stalls; /* times this site stood still */
	struct log_rl log[ENGINE_EV_COUNT], hello_log[HELLO_EVENTS];
	struct mesh_part domain[ENGINE_DOMAINS];
	struct mesh_site site[NEXT_NODES];
};

/* --- ops.c --- */
void mesh_ops(struct ctl *ctl, struct engine_ops *out);

/* --- say.c --- */
void mesh_say(struct ctl *ctl, enum engine_event e, uint16_t domain, uint8_t node, uint64_t n);
void mesh_say_hello(
	struct ctl *ctl, enum hello_event event, uint16_t domain, uint8_t node, int64_t value);
const char *mesh_says_name(enum next_says says);
const char *mesh_reach_name(enum next_reach reach);

/* --- know.c --- */
bool mesh_is_up(const struct mesh_site *s); /* in any domain */
/* It is there, but says nothing of this domain to us: it has none of that name, or does not count us
 * among its sites. Hello's two words of it come apart by BEAT_INFO_MS. */
bool mesh_lacks(const struct mesh_site *s, unsigned domain);
void mesh_watch_sites(struct ctl *ctl); /* some times a second: who falls behind */
uint64_t mesh_behind_ms(const struct ctl *ctl, uint8_t node); /* for so long; 0: it is not */

/* Alarms (control/alarm_rules.h); fine without a mesh. */
void mesh_alone(struct ctl *ctl, struct alarm_fact *f);
void mesh_clock_off(struct ctl *ctl, struct alarm_fact *f);
void mesh_peer_down(struct ctl *ctl, struct alarm_fact *f);
void mesh_peer_domain(struct ctl *ctl, struct alarm_fact *f);
void mesh_peer_key(struct ctl *ctl, struct alarm_fact *f);
void mesh_peer_incompatible(struct ctl *ctl, struct alarm_fact *f);
void mesh_peer_behind(struct ctl *ctl, struct alarm_fact *f);
void mesh_peer_full(struct ctl *ctl, struct alarm_fact *f);
void mesh_settings_differ(struct ctl *ctl, struct alarm_fact *f);
void mesh_records_differ(struct ctl *ctl, struct alarm_fact *f);
void mesh_domain_waits(struct ctl *ctl, struct alarm_fact *f);

/* --- settings.c --- */
/* Names of the settings of a set of bits, apart by commas; returns buf. */
const char *mesh_setting_names(uint32_t drift, char *buf, size_t room);
