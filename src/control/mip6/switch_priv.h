/* SPDX-License-Identifier: BSD-3-Clause */
/* Home Agent Switch inside: switch.c has one mobile node after the other, switch_walk.c says who is
 * next. Control core only. */
#pragma once

#include "control/mip6/answer.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/switch.h"
#include "sync/next.h"

struct waitings;

/* A domain's. A round is one site's being gone, or our drain; no number is used twice. */
struct part {
	struct bucket begun;
	uint16_t round[NEXT_NODES]; /* of those registered with that site's address; 0: none */
	uint32_t rounds; /* that are not 0 */
	uint32_t waiting;
	bool is_on; /* home-agent-switch */
	bool has_agents; /* some other site is ready */
	bool has_token; /* taken out of the bucket already */
	bool in_walk, has_missed; /* this walk is about all rounds; it left somebody out */
	bool all_told; /* one was, and left nobody out */
};

struct switches {
	struct part *part;
	uint16_t *told; /* by handle: the round in which its mobile node was; 0: in none */
	struct waitings *waiting;
	uint32_t share; /* of the table: a domain's */
	uint32_t rounds; /* of all domains */
	uint16_t last_round;
	uint64_t rng;
	uint64_t looked_ms;
	uint64_t began_ms, walked_ms; /* when the walk began, and when it went on last, */
	uint64_t credit; /* thousandths of a record that are due, */
	uint32_t cursor; /* and where it is; 0: at its end */
	uint8_t buf[MIP6_SWITCH_MAX];
};

static inline struct switches *switches(const struct ctl *ctl)
{
	return ctl->mip6 == NULL ? NULL : ctl->mip6->switches;
}

static inline uint8_t switch_self(const struct ctl *ctl)
{
	return (uint8_t)ctl->conf->node.id;
}

/* --- switch_walk.c --- */
/* The other sites that a mobile node may register with, the best first; out: CONF_PEERS_MAX. */
uint32_t switch_agents(
	const struct ctl *ctl, uint16_t domain, uint64_t random, struct ip6_addr *out);
/* In which the record's mobile node is to be told now; 0: in none. *node: of the site that it is
 * registered with, 0: in none anyway. */
uint16_t switch_round(const struct ctl *ctl, const struct record *rec, uint8_t *node);

/* --- switch.c --- */
/* False: not now. */
bool switch_begin(struct ctl *ctl, const struct record *rec, uint16_t round, uint8_t node);
