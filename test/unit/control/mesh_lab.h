/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Home agents of one domain in virtual time: each with its own records, tables, engine, Binding
 * Update path, and, if it is to have one, a store, all as control puts them together. Stand-ins for
 * what is around: datagrams take WIRE_MS from site to site, hello knows at once who is up, and a
 * disk is the list of what its store was told. Mobile nodes are what the test sends and reads.
 */
#pragma once

#include "test.h"

#include <errno.h>

#include <rte_rcu_qsbr.h>

#include "common/log.h"
#include "common/mac.h"
#include "common/ntp.h"
#include "common/wheel.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/channel.h"
#include "control/mesh/mesh_priv.h"
#include "control/mesh/pulse.h"
#include "control/mesh/route.h"
#include "control/mip6/answer.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/pending.h"
#include "control/pmtu.h"
#include "net/mh.h"
#include "records/feed.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/subs.h"
#include "tables/addrs.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define SITES    3
#define START_MS 1000000
#define WALL_MS  1800000000000ULL
#define WIRE_MS  20
#define MAX      100 /* bindings */
#define QUEUE    1024
#define GOT      64 /* answers kept */
#define DISK     4096
#define WAITS    16
#define DEAD_MS  300
#define LIFE_S   600
#define HOMES    3
#define HOA      "2001:db8:a::100"
#define HOA2     "2001:db8:a::101"
#define HOA3     "2001:db8:a::102"
#define KEYED    "2001:db8:a::200" /* has a key */
#define RANGE    "2001:db8:a::300/120" /* have one, too */
#define COA      "2001:db8:c::1"
#define COA2     "2001:db8:d::1"
#define SPI      0x12345678
#define KEY      "0123456789abcdef"

struct answer {
	struct ip6_addr src, dst;
	struct mh_ba_msg ba;
	uint64_t at_ms;
};

/* A Home Agent Switch that a site sent. */
struct told {
	struct ip6_addr src, dst, agents[SITES];
	unsigned agent_count;
	struct mh_opts opts;
	bool is_signed; /* by the key of the lab */
	uint64_t at_ms;
};

struct disk {
	struct feed_item item[DISK];
	unsigned count, begun;
	bool walking;
};

extern struct site {
	struct ctl ctl;
	struct conf conf;
	struct conf_domain domain;
	struct conf_domain_peer members[SITES - 1];
	struct conf_mesh_peer peers[SITES - 1];
	struct ip6_prefix served;
	struct tables tables;
	uint8_t node;
	bool runs, is_cut; /* hello says that the others are dead, and nothing gets anywhere */
	bool is_deaf; /* hello works, the channel does not */
	bool disk_stuck;
	enum next_says says;
	struct disk *disk; /* stays when the site does not */
	struct answer got[GOT];
	unsigned answers, by_link;
	struct told told[GOT];
	unsigned tellings;
	uint64_t drops[DP_DROP_COUNT];
	unsigned wire_ms; /* to it and from it, more than WIRE_MS */
} sites[SITES + 1];

/* What the domain is like, for sites that are started from now on. */
extern struct lab {
	enum conf_mode mode;
	uint32_t ack_peers;
	bool has_store, remembers, serve_cold;
	bool switches; /* home-agent-switch, so many a second, after so many: */
	uint32_t switch_per_s, switch_after_s;
} lab;

extern struct lab_queue {
	uint8_t to, from, buf[CHANNEL_MAX];
	size_t len;
	uint64_t at_ms;
} queue[QUEUE];
extern unsigned queued;
extern uint64_t lab_ms; /* since START_MS */
extern struct mip6_signer signer; /* as mobile nodes sign, and check */
struct site *site_of(const struct ctl *ctl);

/* --- sites --- */

struct ip6_addr agent_of(unsigned n);

/* A set of these who have no key, and KEYED. */
void subscribe(struct site *s, const char *const *homes, unsigned count);

/* Of the store that is read. */
extern uint64_t away_ms;
extern bool no_clock, store_lost;
extern const char *const all_homes[HOMES];
void start_site(unsigned n);

/* Gone without a word. */
void stop_site(unsigned n);

/* --- time --- */

/* A long time in longer steps. */
void pass(unsigned ms);

void lab_begin(void);
void lab_end(void);

/* --- Binding Updates --- */

struct msg {
	unsigned at; /* the site that it is handed to */
	unsigned agent; /* the site whose home agent address it is sent to; 0: the same */
	const char *hoa, *coa; /* HOA, COA */
	uint16_t seq;
	int lifetime; /* units; 0: 100, -1: 0 */
	uint64_t timestamp; /* 0: not signed */
	uint8_t peer; /* relayed by that site */
	bool is_home; /* from the home address itself */
};

void send_bu(const struct msg *m);

/* The last one that a site sent; status -1: not more than `before` of them. */
void assert_answered(unsigned n, unsigned before, int status, unsigned seq);

/* Sends it, and waits until it is answered, so. */
void ask(const struct msg *m, int status, unsigned seq);

struct record *record_at(unsigned n, const char *hoa);
const struct record_mesh *mesh_at(unsigned n, const char *hoa);
const struct bc_entry *entry_at(unsigned n, const char *hoa);

/* Bound at all that run, to coa, registered with site `agent`'s address; owner 0: any. */
void assert_bound(const char *hoa, const char *coa, unsigned agent, unsigned owner);

void assert_unbound(const char *hoa);

/* --- kinds of domains --- */

int begin_as(enum conf_mode mode, uint32_t ack_peers, bool has_store);
int begin_shared(void **state);
int begin_unicast(void **state);
int begin_stored(void **state);
int lab_teardown(void **state);
uint64_t counted(unsigned n, enum ctl_counter c);
