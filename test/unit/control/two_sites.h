/* SPDX-License-Identifier: BSD-3-Clause */
/* Two sites of a mesh, each with its own records, tables and engine, put together as control does
 * it. Stand-ins for what is around: the channel hands datagrams over at the next turn, hello is told
 * by the test, routes and answers are looked at. */
#pragma once

#include "test.h"

#include <errno.h>

#include <rte_rcu_qsbr.h>

#include "common/ntp.h"
#include "conf/conf.h"
#include "control/alarm_rules.h"
#include "control/ctl_priv.h"
#include "control/mip6/switch.h"
#include "control/mesh/channel.h"
#include "control/mesh/mesh_priv.h"
#include "control/mesh/pulse.h"
#include "control/mesh/route.h"
#include "control/mip6/advert.h"
#include "control/pmtu.h"
#include "control/show_priv.h"
#include "control/still.h"
#include "net/mh.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/subs.h"
#include "sync/engine_priv.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define SITES    2
#define DOMAINS  2 /* the second one where a test wants it */
#define START_MS 1000000
#define WALL_MS  1800000000000ULL
#define MAX      100
#define QUEUE    256
#define HOA      "2001:db8:a::100"
#define HOA2     "2001:db8:a::101"
#define COA      "2001:db8:c::1"
#define COA2     "2001:db8:d::1"
#define FOREIGN  "2001:db8:b::100" /* in no mobile prefix of the domain */

extern struct site {
	struct ctl ctl;
	struct conf conf;
	struct conf_domain domain[DOMAINS];
	struct conf_domain_peer member[DOMAINS];
	struct conf_mesh_peer peer;
	struct ip6_prefix served[DOMAINS];
	struct tables tables;

	bool is_cut; /* hello says that the other one is dead, and nothing gets there */
	bool is_mute; /* nothing of it arrives, and hello has not noticed */
	enum next_says says[DOMAINS];
	bool is_known; /* what it says, by all */
	struct next_view told[DOMAINS]; /* by hello */
	struct next_view view; /* routes were made of */
	unsigned routes;
	uint64_t token; /* of the last answer that was let go, */
	enum engine_commit how; /* and why */
	unsigned committed, cancelled;
	unsigned heard, moved, stopped; /* sessions */
	enum acct_cause cause; /* of the last that was stopped */
	struct session_info session;
	unsigned hellos; /* so often sessions were told that the other one's came, */
	uint64_t hello_ms; /* and when the last one did */
} sites[SITES];

extern unsigned queued;
extern uint64_t arrived[DOMAINS]; /* at the first site, by its routes */
struct site *node(unsigned n);

/* --- sites --- */

int setup(void **state);
int setup_two_domains(void **state);
int teardown(void **state);

/* What is under way arrives, unless a site is cut off. */
void deliver(void);

void turn_one(struct site *s);
void turn(void);
void pass(unsigned ms);
void become_ready(void);

/* --- bindings --- */

struct record *record_at(unsigned n, const char *hoa);
const struct bc_entry *entry_at(unsigned n, const char *hoa);

/* A Binding Update was accepted, as bu.c does it: true: its answer waits. */
bool accept_bu(unsigned n, const char *hoa, const char *coa, uint16_t seq, bool is_refresh);

void accept_and_hold(unsigned n, const char *hoa, const char *coa, uint16_t seq);
void assert_entry(unsigned n, const char *hoa, const char *coa, const char *ha);
void cut(unsigned n, bool is_cut);

/* --- what the operator says --- */

bool ask(unsigned n, show_step_fn step, struct ctl_req *req);
