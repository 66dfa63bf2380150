/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside control/: the context every engine gets, and what engines offer to each other. An
 * engine's rules are a file without I/O (message + state + now in, verdict out); its io file
 * turns verdicts into packets, table changes and timers through the functions below.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/bucket.h"
#include "common/ip6.h"
#include "common/wheel.h"
#include "control/acct.h"
#include "control/alarm_rules.h"
#include "control/counter.h"
#include "control/ctl.h"
#include "dataplane/dp.h"
#include "net/ext.h"
#include "net/ip6hdr.h"
#include "records/feed.h"
#include "sync/engine.h"

struct alarms;
struct bc_entry;
struct channel;
struct conf;
struct conf_domain;
struct grace;
struct data_keys;
struct labels;
struct icmp;
struct icmp6_err_msg;
struct mesh;
struct mip6;
struct nd;
struct persist;
struct persist_load;
struct pmtu;
struct pulse;
struct still;
struct record;
struct records;
struct route;
struct rte_ring;
struct send;
struct sub;
struct subs;
struct tables;
struct tunnel_error;
struct tunnel_quote;

/* A request that is kept for as long as what it watches. */
struct ctl_watched {
	struct ctl_req *req; /* NULL: none */
	bool is_leaving; /* workers may still see it */
};

struct ctl {
	const struct conf *conf; /* of the start: what a reload may change is elsewhere */
	struct subs *subs; /* who may register; a reload replaces it */
	const char *json; /* of the configuration in force; a reload replaces it */
	uint64_t loaded_ms; /* when these two were taken, monotonic */
	uint32_t generation; /* and how many were before them */
	_Atomic(struct ctl_update *) update; /* the reload's that is under way, NULL */
	bool updating; /* it has the old set already */
	uint32_t update_cursor; /* records up to here have a subscriber */
	struct tables *t;
	struct dp *dp;
	struct records *records; /* NULL without domains */
	struct wheel *wheel; /* engines' timers; see ctl_timer */
	struct nd *nd;
	struct icmp *icmp;
	struct send *send;
	struct pmtu *pmtu;
	struct grace *grace; /* NULL where no domain has one */
	struct mip6 *mip6; /* NULL without domains */
	struct acct *acct; /* NULL without accounting */
	struct persist *persist; /* NULL without a store */
	struct persist_load *load; /* while the store is read */
	struct data_keys *data_keys; /* NULL: no mesh, or one without protection */
	uint64_t data_mtu_ms; /* when path MTUs of data tunnels are looked at again */
	struct alarms *alarms;
	struct still *still; /* lcores that stand still */
	/* NULL without a mesh, all of them (mesh/): */
	struct mesh *mesh;
	struct labels *labels;
	struct route *route;
	struct pulse *pulse;
	struct channel *channel;
	struct rte_ring *submitted, *answered;
	uint32_t in_flight; /* the submitters': requests that were not reaped yet */
	struct ctl_req *current; /* the dump that is being sliced, NULL */
	struct ctl_watched watched[WATCH_KIND_COUNT];
	uint32_t reresolve_generation; /* bindings are, or are being, resolved in this one */
	uint32_t reresolve_cursor; /* 0: no walk under way */
	uint64_t told_mtus_end_ms; /* when the last path MTU that other sites told is forgotten */
	uint64_t paths_ms; /* when the last walk began: bindings know the path MTUs of then */
	uint64_t now_ms; /* read once a turn, monotonic */
	bool is_new_ms; /* another one than in the turn before */
	int64_t began; /* time of day at the start, seconds since 1970 */
	uint64_t ntp; /* and the time of day, NTP's 64 bits, */
	uint64_t wall_ms; /* and in milliseconds since 1970 */
	uint64_t counters[CTL_COUNTER_COUNT];
	uint64_t seed;
	bool started; /* the first turn is over */
	bool ready; /* no address is tentative any more, and the log says so */
};

/*
 * This part of the turn is over, and has done something or not; returns which. Where it has not, the
 * clock is not read behind it, which costs as much as a packet in each turn where one lcore does
 * everything: the little that it took counts as the next part's. In the turn in which the millisecond
 * changes it is read behind all of them, for those that do something once in a while do it then.
 */
static inline bool ctl_part(struct ctl *ctl, enum turn_part part, bool did)
{
	if (did || ctl->is_new_ms)
		dp_turn_part(ctl->dp, part);
	return did;
}

/* A timer of an engine on ctl->wheel. */
struct ctl_timer {
	struct wheel_timer t;
	void (*fn)(struct ctl *ctl, struct ctl_timer *timer);
};

static inline void ctl_timer_set(struct ctl *ctl, struct ctl_timer *timer, uint64_t at_ms)
{
	wheel_set(ctl->wheel, &timer->t, at_ms);
}

static inline void ctl_count(struct ctl *ctl, enum ctl_counter c)
{
	ctl->counters[c]++;
}

/* A packet handed to an engine; valid for the call. */
struct ctl_pkt {
	const uint8_t *data; /* IPv6 header */
	uint16_t len; /* 40 + payload length */
	uint16_t port; /* where it came in */
	struct ext_info ext; /* EXT_TO_US walk (for errors: whatever walk there was) */
	bool walked; /* ext is valid */
	bool tunnelled; /* out of a mobile node's tunnel, care-of address checked */
	bool known; /* signalling from where its mobile node is bound */
	bool unchecked; /* out of a tunnel, but only signalling may be read from it */
	uint8_t peer; /* node of the site of the mesh that handed it over; 0: none did */
	bool relayed; /* and that had it from another one */
	uint32_t fib; /* FIB value of the destination: LOCAL or HOME_AGENT for engines */
	uint8_t src_mac[6];
};

static inline const struct net_ip6 *ctl_pkt_ip6(const struct ctl_pkt *p)
{
	return (const struct net_ip6 *)p->data;
}

/* Who the packet is from for the upper layer: the Home Address option's address if it has one
 * (RFC 6275, 9.3.1), else the source. */
static inline const struct ip6_addr *ctl_pkt_source(const struct ctl_pkt *p)
{
	if (p->walked && p->ext.flags & EXT_HAO)
		return (const struct ip6_addr *)(p->data + p->ext.hao_off + 2);
	return &ctl_pkt_ip6(p)->src;
}

/* --- punt.c: takes packets from the data plane and hands them to engines --- */
bool punt_run(struct ctl *ctl); /* true: there was something */
/* The neighbour this packet waited for never answered: its source is told "address unreachable"
 * (RFC 4861, 7.2.2), the packet dropped. Takes m. */
void punt_unreachable(struct ctl *ctl, struct rte_mbuf *m);

/* --- send.c: what hamd says itself --- */
int send_new(struct send **out); /* 0 or -ENOMEM */
void send_free(struct send *send); /* NULL is fine */
/* The port by which the FIB sends dst, ADDR_NO_PORT if none. A bound home address leaves by
 * the port of its care-of address. */
uint16_t send_port(const struct ctl *ctl, const struct ip6_addr *dst);
/* IPv6 packet of ours, complete. A destination that is a bound home address gets a routing
 * header type 2 and goes to its care-of address (RFC 6275, 9.3.2); an unbound one is dropped
 * (own_no_binding). Checksums are computed over the home address before: nothing to fix.
 * Larger than the path to the destination: fragmented (RFC 8200, 4.5). 0 or -errno, counted. */
int ctl_send(struct ctl *ctl, const uint8_t *pkt, uint16_t len);
/* The same past the binding cache: the destination is what is on the wire (BA, BE). */
int ctl_send_wire(struct ctl *ctl, const uint8_t *pkt, uint16_t len);
/* Neighbour discovery: to a MAC on a port. */
int ctl_send_link(
	struct ctl *ctl, uint16_t port, const uint8_t mac[6], const uint8_t *pkt, uint16_t len);
/* The MTU of the way out to dst, 0: there is none. */
uint16_t send_link_mtu(const struct ctl *ctl, const struct ip6_addr *dst);
/* What the path to dst takes: the MTU of the way out, or less if that was learned. */
uint16_t send_path_mtu(const struct ctl *ctl, const struct ip6_addr *dst);

/* --- icmp.c --- */
int icmp_new(struct ctl *ctl, struct icmp **out);
void icmp_free(struct icmp *icmp);
/* Not neighbour discovery: echo, errors, anything else for an address of ours. */
void icmp_input(struct ctl *ctl, const struct ctl_pkt *p);
/* To the packet's source, if RFC 4443, 2.4 and the rate limit allow it: true. Counts why not. */
bool icmp_send_error(
	struct ctl *ctl, const struct ctl_pkt *p, uint8_t type, uint8_t code, uint32_t arg);
/* One token of the bucket that errors (also Binding Errors, RFC 6275, 9.3.3) share. */
bool icmp_error_token(struct ctl *ctl);

/* --- tunnel.c --- */
/* A router, or the mobile node, says this about a packet in a tunnel (RFC 2473, 8); p: the
 * message. */
void tunnel_input_error(struct ctl *ctl, const struct ctl_pkt *p, const struct icmp6_err_msg *msg,
	const struct tunnel_quote *q);
/* A packet that we tunnelled and found out ourselves not to arrive: *p becomes what is inside and
 * *e what its source is told. False: nobody is told. */
bool tunnel_inner(const struct ctl *ctl, struct ctl_pkt *p, struct tunnel_error *e);

/* --- nd/ --- */
int nd_new(struct ctl *ctl, struct nd **out);
void nd_free(struct ctl *ctl, struct nd *nd);
/* Tells ports their groups and starts DAD for every tentative row of addrs; at the first turn
 * and when a port's link comes up. */
void nd_start(struct ctl *ctl);
void nd_input(struct ctl *ctl, const struct ctl_pkt *p);
/* A packet waits for this neighbour; takes m. */
void nd_resolve(struct ctl *ctl, uint16_t port, const struct ip6_addr *addr, struct rte_mbuf *m);
/* A gateway's adjacency, made if need be and never collected; ADJ_NONE: table full. */
uint32_t nd_gateway(struct ctl *ctl, uint16_t port, const struct ip6_addr *addr);

/* Once, when our addresses may be used: what arrives for a gateway that is not resolved yet would
 * wait in a queue of a few packets. */
void nd_ask_gateways(struct ctl *ctl);

/* Gateways whose Ethernet address is not known, and one of them if there are any. */
uint32_t nd_gateways_unresolved(const struct ctl *ctl, struct ip6_addr *one);

struct nd_info {
	uint16_t port;
	struct ip6_addr addr;
	uint8_t mac[6];
	bool has_mac, gateway;
	const char *
		state; /* NULL: nobody has this number; "none" "incomplete" "reachable" "stale" "delay" "probe" "failed" */
	uint64_t age_ms; /* since it was last confirmed */
	uint32_t queued;
};
/* One number of the cache a call, from *cursor = 0 on: it may be large and empty. False: end. */
bool nd_next(const struct ctl *ctl, uint32_t *cursor, struct nd_info *out);

/* --- publish.c: from records to tables --- */
/* 0; -ENOSPC: nothing changed. */
int publish(struct ctl *ctl, const struct record *r);
/* Nothing of it changed but its owner, and e is its entry. False: that says something else. */
bool publish_owner(const struct ctl *ctl, const struct record *r, const struct bc_entry *e);
/* What is known of the path to its care-of address, learned here or told by another site of the mesh:
 * octets, 0: nothing. */
uint16_t publish_path_mtu(struct ctl *ctl, const struct record *r);
/* Also ends its session. */
int unpublish(struct ctl *ctl, const struct record *r, enum acct_cause cause);
/* One slice of giving published bindings the next hop of the current FIB and what is known of
 * their paths, when the FIB has changed, and once a minute while path MTUs may have been forgotten
 * (RFC 8201, 5.3); true: more to do. */
bool publish_reresolve(struct ctl *ctl);

/* --- acct.c: who used what; nothing happens without accounting --- */
int acct_new(struct ctl *ctl, struct acct **out); /* 0 or -ENOMEM; records must be there */
void acct_free(struct ctl *ctl, struct acct *a); /* NULL is fine */
/* A record that was heard of from another site is live and published here: if it carries packets
 * here, or comes here by itself, it gets a session. */
void acct_hear(struct ctl *ctl, struct record *r);
/* A record that was not live is, and published: it gets a new session. */
void acct_start(struct ctl *ctl, struct record *r, enum acct_cause cause);
/* A live record goes on with its session that began in an earlier run; one that has none yet gets
 * one. */
void acct_resume(struct ctl *ctl, struct record *r);
/* A live record has another care-of address; one without a session begins here. */
void acct_move(struct ctl *ctl, struct record *r, const struct ip6_addr *old_coa);
/* Its entry has just been taken out of the binding cache: unpublish() calls it. */
void acct_stop(struct ctl *ctl, const struct record *r, enum acct_cause cause);
bool acct_run(struct ctl *ctl); /* interims that are due, bounded; true: there was something */
/* Workers have stopped: stops for all that is live. Waits for the host thread. */
void acct_finish(struct ctl *ctl);

struct acct_status {
	struct acct_report host;
	uint64_t events, lost; /* lost: in the ring or behind it */
	uint32_t queued, queue_size; /* of the ring */
	uint32_t sessions;
};
bool acct_status(const struct ctl *ctl, struct acct_status *out); /* false: no accounting */

/* --- persist.c: what the store is told --- */
/* 0 or -ENOMEM; records must be there, and the mesh. */
int persist_new(struct ctl *ctl, struct persist **out);
void persist_free(struct ctl *ctl, struct persist *p); /* before these; NULL is fine */
void persist_load_free(struct persist_load *l); /* NULL is fine */
/* From now on the store is told of each change of a record: by records_on_change(). */
void persist_begin(struct ctl *ctl);
/* A record carried traffic that somebody was told of; nothing happens without a store. */
void persist_touch(struct ctl *ctl, const struct record *r);
/* At the end, when nothing else runs: waits until all that was counted is written, or the store has
 * failed or is stuck. */
void persist_tell_counts(struct ctl *ctl);
bool persist_run(struct ctl *ctl); /* hands over, bounded; true: there was something */
/* Its last change is not handed over yet: it must not go. False without a store. */
bool persist_is_behind(const struct ctl *ctl, const struct record *r);
/* All changes until now are in the store when persist_written() has reached this. */
uint64_t persist_mark(const struct ctl *ctl);
uint64_t persist_written(const struct ctl *ctl);
/* To be asked behind persist_written(): when it has grown, what was not written by then is lost. */
uint64_t persist_failures(const struct ctl *ctl);
bool persist_has_failed(const struct ctl *ctl); /* now: nothing is written */

struct persist_status {
	bool walking; /* everything is being told anew */
	uint64_t waiting; /* changes that are not written yet */
	uint64_t written_ms, written_longest_ms; /* from a change until it was written */
	uint64_t synced_ms, synced_longest_ms; /* and until it was on disk */
	uint64_t stat[FEED_STAT_COUNT];
};
bool persist_status(const struct ctl *ctl, struct persist_status *out); /* false: no store */
/* --- alarm.c --- */
int alarm_new(struct ctl *ctl, struct alarms **out); /* 0 or -ENOMEM */
void alarm_free(struct alarms *a); /* NULL is fine */
void alarm_turn(struct ctl *ctl, uint64_t us); /* what a turn took */
void alarm_run(struct ctl *ctl); /* measures when it is time to */
const struct alarm *alarm_at(const struct ctl *ctl, enum alarm_id id);

/* --- mip6/ --- */
int mip6_new(struct ctl *ctl, struct mip6 **out);
void mip6_free(struct mip6 *mip6);
/* Octets that go with the number of bindings, beside records and tables. */
uint64_t mip6_memory(const struct ctl *ctl);
void mip6_input(struct ctl *ctl, const struct ctl_pkt *p); /* a Mobility Header to us */
/* Something with a Home Address option that is not signalling (RFC 6275, 9.3.1): true when a
 * binding HoA -> source exists; else a Binding Error, status 1, has been sent. */
bool mip6_hao_ok(struct ctl *ctl, const struct ctl_pkt *p);
/* Sends what waited for the store and is in it now, bounded; true: there was something. */
bool mip6_release(struct ctl *ctl);
uint32_t mip6_held(const struct ctl *ctl); /* answers that wait for it */
uint32_t mip6_pending(const struct ctl *ctl); /* and for other sites */
/* What mesh_wait(token) made wait is over: from within a turn of the engine, so it must not call
 * mesh_*() that change something, nor end records. */
void mip6_committed(struct ctl *ctl, uint64_t token, enum engine_commit how);
bool mip6_expire(struct ctl *ctl); /* ends what ended, bounded; true: there was something */
int mip6_delete(struct ctl *ctl, const struct ip6_addr *hoa); /* operator; 0, -ENOENT, -ENOSPC */
/* One slice of ending the bindings of who is no subscriber any more, from *cursor 0 on; adds to
 * *ended how many. True: more to do. */
bool mip6_end_strangers(struct ctl *ctl, uint32_t *cursor, uint32_t *ended);
/* A Home Agent Address Discovery Request or Mobile Prefix Solicitation to us: icmp6_check()ed, `len`
 * octets at `icmp` in p. Only with domains. */
void mip6_discovery_input(
	struct ctl *ctl, const struct ctl_pkt *p, const uint8_t *icmp, uint16_t len);
/* Tells mobile nodes prefixes that they did not ask for, bounded; true: somebody was told. */
bool mip6_advertise(struct ctl *ctl);
/* Tells mobile nodes to switch to another home agent, bounded; true: somebody was told. */
bool mip6_switch(struct ctl *ctl);
/* This site drains, and mobile nodes of the domain are still to be told, or have not answered. */
bool mip6_is_switching(const struct ctl *ctl, uint16_t domain);

/* The highest timestamp (RFC 4285, 6) accepted from a home address, or what is held against it in
 * its place; and that one was accepted, at home agent address ha (records/stamps.h; in a mesh
 * records/seen.h). -ENOSPC: no room for it now. */
uint64_t mip6_stamp(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa);
/* Sequence numbers of bindings that ended, without a mesh; NULL: none are remembered. */
struct seen *mip6_numbers(const struct ctl *ctl);
int mip6_set_stamp(struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa,
	const struct ip6_addr *ha, uint64_t stamp);

/* --- subscribers.c --- */
/* Who may register with this home address, NULL: nobody. For the turn: a reload takes it away. */
const struct sub *ctl_subscriber(
	const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa);

/* Who could until the reload that is under way, NULL: nobody, or none is. For the turn. */
const struct sub *ctl_former_subscriber(
	const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa);

bool subscribers_run(struct ctl *ctl); /* one slice of a reload; true: there was something */

/* --- watch.c --- */
/* A request to watch packets begins, or is refused: then false, and it is answered as it is. */
bool watch_begin(struct ctl *ctl, struct ctl_req *req);
/* Answers those that are to end; never waits. True: somebody watches. */
bool watch_run(struct ctl *ctl);

/* --- show.c --- */
bool show_run(struct ctl *ctl); /* answers requests, a slice a turn; true: there was something */
