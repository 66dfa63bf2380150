/* SPDX-License-Identifier: BSD-3-Clause */
/* A simulated home agent, inside: agent_start.c starts it, agent.c lets it turn, agent_bu.c answers Binding
 * Updates, agent_pkt.c forwards, agent_link.c stands for the sessions, agent_store.c for the
 * store. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent.h"
#include "common/ntp.h"
#include "conf/conf.h"
#include "pkt.h"
#include "records/copy.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/subs.h"
#include "sync/engine.h"
#include "sync/forward.h"
#include "sync/hello.h"
#include "sync/next.h"
#include "world.h"

#define AGENT_LIFE_MAX_S 240 /* granted at most */
#define AGENT_HELD       256 /* acknowledgements that may wait */

/* A domain as this site has it. */
struct agent_domain {
	uint32_t id;
	const struct shape_domain *shape;
	struct forward_agent agents[SHAPE_SITES];
	struct forward_domain fwd;
	struct next_view view; /* as the engine published it */
	struct next_table next;
	struct ip6_prefix prefix;
	struct conf_domain conf;
	struct sub sub; /* every home address of the prefix has one like this */
	enum next_says says;
	bool left_told;
};

struct agent_held {
	uint64_t token; /* 0: free */
	uint32_t handle;
	struct pkt_ba ba;
	bool is_waited_for; /* ack-peers is not 0 */
};

/* The session with a peer: both know which lives of each other they talk to. */
struct agent_link {
	uint32_t boot; /* its; 0: none */
	uint64_t ask_us; /* when to begin again */
};

struct agent {
	struct site *site;
	struct world *w;
	uint8_t node;
	struct records *records;
	struct seen *seen;
	struct engine *engine;
	struct hello *hello;
	struct agent_domain domain[SHAPE_DOMAINS]; /* by the world's number, members or not */
	uint8_t engine_domains;
	uint8_t hello_domain[SHAPE_DOMAINS]; /* hello's numbers of them */
	uint8_t domain_of_hello[SHAPE_DOMAINS];
	uint64_t label_key[SHAPE_DOMAINS][SHAPE_SITES + 1]; /* that sites told; 0: none */
	struct agent_link link[SHAPE_SITES + 1];
	struct {
		uint32_t name[2];
		unsigned count;
	} hello_keys[SHAPE_SITES + 1]; /* that hello told of: others are not looked at */
	struct sessions *sessions; /* NULL: agent_link.c stands for them */
	struct agent_held held[AGENT_HELD];
	uint64_t token;
	uint64_t asked_us; /* hello, what it knows */
	uint64_t saved_us; /* when the store was written last */
	bool is_dirty; /* records changed since */
};

static inline struct agent *agent_of(const struct site *s)
{
	return s->impl;
}

static inline uint64_t agent_now(const struct agent *a)
{
	return site_mono_ms(a->site);
}

static inline uint64_t agent_wall(const struct agent *a)
{
	return site_wall_ms(a->site);
}

/* --- agent.c --- */
extern const struct engine_ops agent_engine_ops; /* ctx: the agent, to be filled in */
extern const struct hello_ops agent_hello_ops;

/* --- agent_start.c --- */
int agent_start(struct site *s);
void agent_stop(struct site *s);

static inline uint64_t agent_stamp(const struct agent *a)
{
	uint64_t ms = agent_wall(a);

	return ntp_from_unix(ms / 1000, (uint32_t)(ms % 1000) * 1000000U);
}

/* --- agent_info.c --- */
void agent_info(struct site *s, bool is_quiet);
bool agent_lets_in(struct site *s, uint8_t domain, uint8_t node);
bool agent_has_room(struct site *s, uint8_t domain);
bool agent_calls_full(struct site *s, uint8_t node);

/* --- agent_soft.c --- */
void agent_say_more(struct agent *a, struct record *r); /* as a later release does */
/* An ICMPv6 error says how much goes to its care-of address. */
void agent_path_mtu(struct site *s, uint8_t mn, uint16_t mtu);
uint64_t agent_soft_digest(struct agent *a, uint8_t domain); /* of what a later release said */
void agent_soft_look(struct site *s, uint8_t mn); /* for the oracle */

/* --- agent_bu.c --- */
void agent_judge(struct agent *a, uint8_t domain, const struct pkt *p);
void agent_committed(struct agent *a, uint64_t token, enum engine_commit how);
bool agent_remove(struct site *s, uint8_t mn); /* by the operator */

/* --- agent_pkt.c --- */
void agent_packet(struct site *s, struct pkt *p, uint8_t from, bool may_relay);

/* --- agent_link.c --- */
void agent_link_turn(struct agent *a); /* begins, and begins again */
void agent_link_send(
	struct agent *a, enum net_kind kind, uint8_t node, const uint8_t *buf, size_t len);
void agent_link_input(
	struct site *s, enum net_kind kind, uint8_t from, const uint8_t *buf, size_t len);
void agent_opened(struct agent *a, uint8_t from, const uint8_t *buf, size_t len);
bool agent_is_peer(const struct agent *a, uint8_t node);
uint64_t agent_label_key(const struct site *s, uint8_t domain);
struct ip6_addr agent_site_address(uint8_t node);

/* --- agent_session.c --- */
int agent_session_start(struct agent *a);
void agent_session_turn(struct agent *a);
void agent_session_wear(struct site *s, bool is_out); /* its keys have sealed that much */
void agent_session_send(struct agent *a, uint8_t node, const uint8_t *buf, size_t len);
void agent_session_input(struct agent *a, uint8_t from, const uint8_t *buf, size_t len);

/* --- agent_store.c --- */
void agent_save(struct agent *a); /* now */
void agent_save_turn(struct agent *a); /* when it is time */
int agent_load(struct agent *a);
int agent_load_sleepers(struct agent *a);
bool agent_store_is_fresh(struct agent *a);
void agent_store_crash(struct agent *a); /* the newest write may not have reached the disk */
