/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What makes the sites of a domain one home agent: every change of a binding goes to the others in
 * a stream, Binding Acknowledgements wait until enough of them hold it, differences that are left
 * are found by digests, a site that starts is filled by another, and the bindings of one that is
 * gone are taken over.
 *
 * There is one list of changes (records/changes.h): a record that changes moves to its end. A
 * peer's stream is a cursor in that list, not a queue: what is to be sent never takes memory of its
 * own, a newer change replaces the one that waits, and a peer that comes back after a day is
 * served like one that lost a datagram (docs/decisions/019).
 *
 * No sockets, no clock, no randomness of its own: time comes with each call (now_ms monotonic,
 * wall_ms time of day since 1970), datagrams leave through ops. One owner: the control core, or a
 * simulated site. Callbacks are called from within engine_turn(), engine_input(), engine_view()
 * and the calls that change records; they must not call the engine.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip6.h"
#include "records/records.h"
#include "sync/next.h"

struct engine;
struct order_result;
struct seen;
struct seen_pair;

#define ENGINE_DATAGRAM 1200 /* octets at most; sealed and in UDP it stays within 1,280 */
#define ENGINE_ACK_ALL  255 /* ack_peers: all that are there */
#define ENGINE_DOMAINS  64 /* of a site, at most */

/* Cursors in a list of changes that streams to so many peers need. */
#define ENGINE_MARKERS(peers) (3 * (peers))

enum engine_why {
	ENGINE_HEARD, /* a peer's copy was newer */
	ENGINE_TOOK_OVER, /* its owner is gone: we are the owner now; its lifetime began anew, unless
	                   * two sites take each other for dead and claim from each other */
	ENGINE_HANDED, /* given away: drain, hand back, binding move */
};

/* What became of a wait: the Binding Acknowledgement may leave. */
enum engine_commit {
	ENGINE_WAITS, /* not yet: ops.committed() says when */
	ENGINE_HELD, /* enough peers hold it, or none is wanted */
	ENGINE_ALONE, /* no peer to wait for, or all refused it: the local store must have it */
	ENGINE_OUT_OF_TIME, /* not enough in time; of engine_wait() itself: there is no room to wait,
			     * the record counts as alone, and waits when it comes again */
};

/* X(id, name, help): what an operator wants to hear of; domain and node 0 where they do not apply,
 * n as the help says. */
#define ENGINE_EVENT_LIST(X)                                                                       \
	X(STATE, "state", "a domain's state changed here; n: enum next_says")                      \
	X(WAITING_FOR, "waiting_for", "cannot become ready before that site answers")              \
	X(SNAPSHOT_BEGUN, "snapshot_begun",                                                        \
		"a peer fills us; n: records that it had told before another domain's turn")       \
	X(SNAPSHOT_DONE, "snapshot_done", "a peer filled us; n: records")                          \
	X(SNAPSHOT_REFUSED, "snapshot_refused",                                                    \
		"something of a peer's snapshot was refused here: not ready by it, asked again")   \
	X(HELD_OUT, "held_out", "a site left the live set; its bindings are taken over")           \
	X(RETURNED, "returned", "a site is back in the live set")                                  \
	X(TAKEN_OVER, "taken_over", "walk over the records complete; n: bindings taken over")      \
	X(HANDED_BACK, "handed_back", "walk over the records complete; n: bindings handed back")   \
	X(DRAINED, "drained", "every binding of ours is held by its successor")                    \
	X(DRAIN_REFUSED, "drain_refused", "a site refuses bindings of ours: the drain waits")      \
	X(DRAIN_FORCED, "drain_forced",                                                            \
		"left by force though a site has not acknowledged every binding of ours")          \
	X(DRAIN_ENDED, "drain_ended", "no other site is ready any more: the drain is given up")    \
	X(CLOCK, "clock", "cannot become ready: our clock is not that of the others")              \
	X(STRAY_CLAIM, "stray_claim",                                                              \
		"a site took over from a dead one what another one is to take over; n: its owner") \
	X(STALLED, "stalled", "this site stood still; n: for so many ms")                          \
	X(ALONE, "alone", "a binding was acknowledged that no other site holds")                   \
	X(PEER_FULL, "peer_full", "a peer refuses records: its store is full, or a fence")         \
	X(UNLIKE, "unlike", "digest rounds leave a peer's records different; n: how many")         \
	X(PEER_RESTARTED, "peer_restarted", "a peer began a new life")                             \
	X(FOREIGN, "foreign",                                                                      \
		"a peer sent a record of a domain or prefix that is not its own, or with numbers " \
		"that nobody can have reached")                                                    \
	X(FULL, "full", "a record of a peer was refused: max-bindings, or no room")                \
	X(MALFORMED, "malformed", "a peer's datagram makes no sense")                              \
	X(WAITS_FULL, "waits_full", "more acknowledgements wait than there is room for")           \
	X(FORGOTTEN, "forgotten",                                                                  \
		"the number of a mobile node that was to be remembered gave way for another's, "   \
		"or found no room; n: so many since the start")                                    \
	X(SUPERSEDED, "superseded",                                                                \
		"a record ends because its mobile node has registered again since, as a pair "     \
		"last seen says; n: so many since the start")

enum engine_event {
#define X(id, name, help) ENGINE_EV_##id,
	ENGINE_EVENT_LIST(X)
#undef X
		ENGINE_EV_COUNT
};
const char *engine_event_name(enum engine_event e);

struct engine_ops {
	void *ctx;
	/* A datagram for a peer, in clear: the caller seals it. May be lost. */
	void (*send)(void *ctx, uint8_t node, const uint8_t *buf, size_t len);
	/* Is it a home address of that domain? The fence: false refuses a record. */
	bool (*covers)(void *ctx, uint16_t domain, const struct ip6_addr *hoa);
	/* The record changed (new ones too): publish it. False: there is no room now; the engine
	 * takes the change back and tries again later. */
	bool (*changed)(void *ctx, struct record *r, enum engine_why why);
	/* Where packets go, to publish at once, and what it was made of: sites that are back but
	 * are still kept out of it are dead in this view. Both valid in the call. */
	void (*next)(void *ctx, uint16_t domain, const struct next_view *view,
		const struct next_table *t);
	/* A wait is over: ENGINE_HELD, ENGINE_ALONE or ENGINE_OUT_OF_TIME. Must not remove records,
	 * nor call the engine. */
	void (*committed)(void *ctx, uint64_t token, enum engine_commit how);
	/* What hello says of us in that domain from now on. */
	void (*state)(void *ctx, uint16_t domain, enum next_says says);
	void (*event)(void *ctx, enum engine_event e, uint16_t domain, uint8_t node, uint64_t n);
	/* Changes of these are about to be told, one after the other: what changed() looks for may
	 * as well be on its way for all of them. NULL: fine. */
	void (*ahead)(void *ctx, const struct ip6_addr *const hoa[], uint32_t n);
};

#define ENGINE_AHEAD 16 /* home addresses of ahead(), at most */

struct engine_member {
	uint8_t node;
	bool retired; /* gone for good: not waited for */
	struct ip6_addr ha; /* unicast mode: its home agent address; else unspecified */
};

struct engine_domain {
	uint16_t number; /* struct record's domain */
	uint32_t id; /* next_domain() of its name */
	const struct engine_member *members; /* without this site; copied */
	uint32_t member_count;
	const struct ip6_addr *addresses; /* all its home agent addresses: a record that names
	                                     another is refused; copied */
	uint32_t address_count;
	uint16_t ack_peers; /* 0: nobody is waited for; ENGINE_ACK_ALL */
	uint32_t commit_timeout_ms; /* 0: max(200, 2 x RTT of the nearest live peer + 50), <= 900 */
	bool remembers; /* numbers outlive bindings: remember-sequence */
	bool cold_start_serve; /* after join_timeout_ms, if the store is fresh */
	bool store_is_fresh; /* last write younger than the longest lifetime in it */
	uint32_t join_timeout_ms;
	uint32_t drain_wait_ms;
	uint32_t max_bindings; /* live ones; with tombstones twice as many are taken from peers */
};

struct engine_opts {
	uint8_t self; /* node id */
	uint64_t boot; /* another number at each start, not 0 */
	struct records
		*records; /* made with mesh; the caller's, as seen; records_on_del() is ours */
	struct seen *seen; /* its list of changes with ENGINE_MARKERS(peers) markers;
	                      seen_on_full() is ours */
	const uint8_t *secret; /* 32 random octets, another at each start; copied */
	const struct engine_domain *domains;
	uint32_t domain_count;
	uint32_t dead_ms;
	uint64_t rate_max; /* octets a second to one peer; a stream starts slower and finds out */
	uint32_t records_s; /* taken from one peer, and told to it, in a second at most */
	uint32_t max_waits; /* acknowledgements that may wait at once: half of them are for the
			     * domains in equal parts, half for any */
	uint64_t now_ms, wall_ms;
	struct engine_ops ops;
};

/* 0; -EINVAL: ids that make no sense; -ENOMEM. Every domain starts as joining (ready at once if it
 * has no member but us that is not retired); ops.state and ops.next are called for each from within
 * the first engine_turn(). */
int engine_new(const struct engine_opts *opts, struct engine **out);
void engine_free(struct engine *e); /* NULL is fine */

/* Does what is due, at most about budget records' worth of it (a record costs some 0.2 us). Returns
 * after how many ms it wants to be called again; 0: there is more to do. */
uint32_t engine_turn(struct engine *e, uint64_t now_ms, uint64_t wall_ms, uint32_t budget);

/* A datagram of a peer's, opened. Anything may be in it. */
void engine_input(struct engine *e, uint8_t node, const uint8_t *buf, size_t len, uint64_t now_ms,
	uint64_t wall_ms);

/* --- what hello knows --- */

/* Every change of what is known of a domain's sites; the entry of this site is ignored. */
void engine_view(struct engine *e, uint16_t domain, const struct next_view *v, uint64_t now_ms);
/* Which sites a peer says are up there (bit node % 64 of word node / 64). */
void engine_hears(struct engine *e, uint8_t node, const uint64_t up[static 4], uint64_t now_ms);
void engine_rtt(struct engine *e, uint8_t node, uint32_t rtt_ms);
/* Every live peer's hello has echoed that we have left the domain: nobody sends us anything that
 * we would have to serve, from now on it is relayed. */
void engine_left_heard(struct engine *e, uint16_t domain, uint64_t now_ms);
/* ... and what we held every ready site holds, as a digest round since has shown: it is safe to stop
 * us, whatever is lost next. Of a ready site that we do not hear, or it us, no more is known than that
 * the one that passes things on to it holds everything: if that one is lost, too, before it has done
 * so, what we alone had acknowledged is lost. True also when the drain was forced: nobody is waited
 * for then. */
bool engine_left_is_held(const struct engine *e, uint16_t domain);
/* Live peers of a domain agree about the time of day, and not with us (hello_is_clock_off()), or not
 * any more. While it is so that domain does not become ready but by engine_force_ready(); one that
 * is ready stays it. */
void engine_clock(struct engine *e, uint16_t domain, bool is_off, uint64_t now_ms);
/* This site stood still for so long that a peer may have taken it for dead (HELLO_STALL): which
 * peer waits how long hello knows. */
void engine_stall(struct engine *e, uint64_t gap_ms, uint64_t now_ms);

/* --- what control does with records --- */

/*
 * A Binding Update, ordered by `by`, was accepted and r was set by records_set() (live, or the
 * tombstone of a de-registration): gives it its versions, notes what was seen, and puts it into
 * the streams. An RFC 4285 timestamp is noted by the caller before, by seen_raise(), not listed.
 * is_refresh: nothing but lifetime and number changed; where this site was not the owner, or the
 * record is alone, it is none all the same. Returns true: the acknowledgement must wait
 * (engine_wait()); false: it may leave at once, with RECORD_ALONE set where no other site is there
 * to hear of it.
 */
bool engine_accepted(struct engine *e, struct record *r, const struct order_result *o,
	enum record_order by, bool is_refresh, uint64_t now_ms, uint64_t wall_ms);
/* This site changed or removed a record by itself (revocation, hamctl): after records_set(). Loses
 * to any newer Binding Update. */
void engine_touched(struct engine *e, struct record *r, uint64_t now_ms, uint64_t wall_ms);
/* A soft field changed, a path MTU: told to others, but the record is no newer by it. */
void engine_soft(struct engine *e, struct record *r, uint64_t now_ms);
/* A number of a pair was taken without any record's changing, or its record is about to be
 * registered with another home agent address: notes it, and tells others, also if they may know.
 * 0; -ENOSPC: there is no room to remember it. */
int engine_seen(struct engine *e, const struct seen_pair *pair, uint64_t now_ms, uint64_t wall_ms);
/* Read from the store: versions are set, and RECORD_ALONE if it was. */
void engine_loaded(struct engine *e, struct record *r);
/* All of that domain was read, before the first turn: engine_domain.store_is_fresh, known only now. */
void engine_store_is_fresh(struct engine *e, uint16_t domain, bool is_fresh);
/* ENGINE_WAITS: ops.committed(token) follows within the commit timeout; else it is done. */
enum engine_commit engine_wait(struct engine *e, struct record *r, uint64_t token, uint64_t now_ms);
/*
 * Called from records_expire(): may it end now? True: remove it (the engine has let go of it).
 * False: it is another site's and is kept, and served, for some seconds more: ask again.
 */
bool engine_end(struct engine *e, struct record *r, uint64_t now_ms);

/* --- the operator --- */

/* "ready --force": ends the waiting. -ENOENT: no such domain; -EALREADY: it does not wait. */
int engine_force_ready(struct engine *e, uint16_t domain, uint64_t now_ms);
/* -ENOENT, -EALREADY; -EHOSTUNREACH: no ready peer, and no force. Without force it is given up
 * when no ready peer is left before all have heard that we left: ready again. With force, also of a
 * drain under way, a site that does not acknowledge what it was given is waited for no longer than
 * drain_wait_ms. */
int engine_drain(struct engine *e, uint16_t domain, bool force, uint64_t now_ms);
/* Binding Updates and tunnelled packets have ceased: it need not wait any longer. */
void engine_quiet(struct engine *e, uint16_t domain, uint64_t now_ms);
int engine_undrain(struct engine *e, uint16_t domain, uint64_t now_ms);
/* -EINVAL: node is not ready in its domain; -EPERM: this site is not the owner; -EAGAIN: no room
 * here or there. When that site refuses it after all, it comes back. */
int engine_move(
	struct engine *e, struct record *r, uint8_t node, uint64_t now_ms, uint64_t wall_ms);

struct engine_peer_info {
	bool open; /* heard in its present life */
	bool full; /* it refuses records of some domain now */
	uint64_t behind; /* changes made here that it has not acknowledged */
	uint64_t rate; /* octets a second it is sent at most now */
	uint64_t sent, sent_again, received; /* datagrams of streams */
	uint64_t records_in, records_newer; /* taken from it; of them changed something */
	uint64_t refused; /* by a fence, max-bindings or the lack of room */
	uint64_t malformed;
	uint64_t rounds, ranges,
		repaired; /* digest rounds complete, ranges that differed, records sent */
};
int engine_peer_info(const struct engine *e, uint8_t node, struct engine_peer_info *out);

struct engine_domain_info {
	enum next_says says;
	bool serves; /* live in its own view: answers and delivers itself */
	uint8_t waits_for; /* joining: a site without whose answer it cannot become ready; 0: none */
	uint64_t alone; /* bindings that no other site is known to hold */
	uint64_t waiting; /* acknowledgements */
	uint64_t walk_left; /* handles that a takeover or hand-back has still to look at */
	uint64_t digest; /* over all records: equal at all sites once they are quiet */
};
int engine_domain_info(const struct engine *e, uint16_t domain, struct engine_domain_info *out);
/* engine_domain_info.serves alone, which is asked for each Binding Update. False: no such domain. */
bool engine_serves(const struct engine *e, uint16_t domain);
/* The view that ops.next() was given last. NULL: no such domain. */
const struct next_view *engine_view_of(const struct engine *e, uint16_t domain);
/* Who answers for a record now: its owner, or, that one gone, its successor; 0: nobody. */
uint8_t engine_owner(const struct engine *e, const struct record *r);
