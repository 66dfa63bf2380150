/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside the engine. Who does what:
 *
 *	engine.c       one turn, one datagram, finding domains and peers
 *	engine_make.c  making and freeing
 *	stream.c       our streams to a peer: where they begin, what to send, what again
 *	piece.c        ... one datagram of them
 *	acked.c        ... what was acknowledged of them
 *	pace.c         ... how fast
 *	receive.c      a peer's streams: what was applied, what is missing; acknowledgements told
 *	apply.c        a peer's copy becomes a record, or does not
 *	own.c          changes made here
 *	commit.c       acknowledgements that wait until enough peers hold a record
 *	view.c         who is there, and in the live set; next[][]
 *	walk.c         slices over all records: takeover, hand back, drain, gauges
 *	ready.c        joining, ready
 *	snapshot.c     ... snapshots asked for, and given
 *	drain.c        draining, left
 *	repair.c       digest rounds of ours
 *	question.c     ... what is asked in them
 *	answer.c       ... and in a peer's, what is answered
 *	push.c         ... records that are sent in either
 */
#pragma once

#include <assert.h>

#include "common/bucket.h"
#include "common/wheel.h"
#include "records/changes.h"
#include "records/copy.h"
#include "records/digest.h"
#include "records/records.h"
#include "sync/engine.h"
#include "sync/message.h"

#define LAZY_MS         100 /* refreshes are collected for so long; promised: 1 s */
#define ACK_DELAY_MS    20 /* an acknowledgement nobody waits for, */
#define ACK_EVERY       8 /* ... and after so many datagrams */
#define GREET_MS        200 /* a peer whose boot number is not known is asked for it again */
#define RTO_MIN_MS      100 /* what is not acknowledged is sent again: after 2 RTT and this */
#define RTO_MAX_MS      2000
#define GIVE_TRIES      10 /* a snapshot sent so often in vain is not wanted any more */
#define LAG_MAX_MS      200 /* more is waiting in queues than that: no faster */
#define WINDOW_MIN      16 /* datagrams under way, whatever the rate */
#define WINDOW_QUEUED   1024 /* ... not on the way but in queues; for all it hears a peer has 4,096 */
#define RATE_MIN        125000 /* octets a second: 1 Mbit/s gets through anywhere */
#define AHEAD_MAX       64 /* pieces behind gaps that a stream remembers; more come again */
#define KEYS_MS         50 /* streams that are always full do not keep a list of keys longer */
#define CREDIT_PART     2 /* of the rate: what answers a list of keys while tokens are owed */
#define REPAIR_MS       10000 /* between two digest rounds with a peer, in the background */
#define ROUND_SLOTS     32 /* questions of a digest round under way at once, */
#define ROUND_HASTE     1024 /* ... of one of survivors: 56 KiB while it is under way */
#define ROUND_TRIES     6
#define YOUNG_TRIES     2 /* asked so often about keys of which only young ones differ */
#define DIFFER_MAX      (KEYS_WALK_MAX + MESSAGE_LISTED + 1) /* more cannot differ in one list */
#define HASTES          4 /* rounds that one goes in front of at once, then one in DIGEST_KEY_MS */
#define SETTLE_MS       500 /* survivors compare, before they take over: */
#define SETTLE_RTTS     4 /* ... and as long as the farthest takes for so many steps, */
#define SETTLE_MAX_MS   1000 /* ... after the first of several went */
#define RETRY_MS        1000 /* a round or snapshot that came to nothing is begun again */
#define STREAMS_MS      2000 /* who joins waits for those it has no session with: one is tried again */
#define TOLD_MS         1000 /* ... and, once it is filled, for what streams began with */
#define OLDER_S         1000 /* pairs a second told again, because somebody tells of what is older, */
#define OLDER_MOST      4000 /* ... and so many at once */
#define KEPT_MS         5000 /* and dead-ms: how long others keep what its owner has not renewed */
#define IDLE_MS         50 /* longest time between two turns */
#define REFUSED_MS      1000 /* told that there is no room for so long after the last time, */
#define ROOM_TOLD       3 /* ... then, in such intervals, so often that there is: one may get lost */
#define STRAY_MS        1000 /* between two words about one site's stray claims */
#define KEYS_WALK_MAX   4096 /* records looked at for one list of keys of a peer's */
#define PUSH_MAX        64 /* records sent for one list of keys; the rest when it asks again */
#define WORK_S          2000000 /* records looked at for a peer's questions in a second, at most, */
#define WORK_MOST       200000 /* ... at once, */
#define WORK_INPUT      8192 /* ... and for one datagram: control's turn is not to last */
#define DIGEST_KEYS     8 /* older keys that a peer may bring soon after another, and two a domain */
#define DIGEST_KEY_MS   10000 /* afterwards one in so long: each costs a count of all records */
#define PUT_OFF_MS      1000 /* a record waits for room so long; then it is refused */
#define RECLAIM_MS      5000 /* who was outbid by a site that is dead here claims again after so long, */
#define RECLAIM_DOUBLES 6 /* ... and each time twice as long, so often */
#define CALM_MS         10000 /* who is there has not changed for so long: all agree about it */
#define CLOCK_MORE_MS   86400000 /* further in front of our clock no timestamp is believed */
#define NOBODY          UINT16_MAX

/* One of our streams to a peer. */
struct out {
	uint32_t id; /* 0: not begun */
	uint16_t domain; /* SNAPSHOT: index */
	uint8_t flags; /* SNAPSHOT: DELTA_READY */
	uint64_t told_until; /* SNAPSHOT: the last change when it began; else no bound */
	uint64_t base, sent, acked; /* positions: where it began, told until, acknowledged until */
	uint64_t begun; /* the last position there was then; SNAPSHOT: 0 */
	uint64_t since; /* where the first one of this life of the peer's began: told behind it */
	uint64_t refused[ENGINE_DOMAINS]; /* by index: something of it, up to this position */
	/* where sent, acked, and what is sent again stand: markers; SNAPSHOT: handles */
	uint32_t sent_mark, acked_mark, again_mark;
	struct message_hole hole[MESSAGE_HOLES]; /* to be sent again */
	uint8_t holes, hole_at;
	uint64_t again_until; /* gaps up to this position are being filled... */
	uint64_t again_ms; /* ...since then */
	uint64_t progress_ms; /* acknowledged something, or began to wait */
	uint64_t drained_ms; /* nothing was left to send */
	uint8_t silences; /* SNAPSHOT: sent again since anything was acknowledged; too many end it */
	bool is_done; /* SNAPSHOT: all of it was acknowledged */
};

/* One of a peer's streams to us. */
struct in {
	uint32_t id; /* 0: none */
	uint64_t until; /* applied */
	uint64_t begun_ms;
	uint64_t put_off_ms; /* since when what follows waits for room here, 0: it does not */
	struct message_hole but; /* of what follows, applied but for what waits for room... */
	uint16_t but_of; /* ... in this domain, by index */
	struct refused refused;
	uint64_t end; /* SNAPSHOT: its last position, 0: not known yet */
	uint64_t told; /* not SNAPSHOT: what it began with ends here or before; 0: not known yet */
	bool is_old; /* not SNAPSHOT: begun before we stood still: told says nothing any more */
	struct message_hole ahead[AHEAD_MAX]; /* applied behind a gap, in order, apart */
	uint8_t aheads;
	uint8_t flags; /* SNAPSHOT: DELTA_READY in all of it */
	bool ack_due;
};

enum slot_kind { SLOT_FREE, SLOT_DIGEST, SLOT_KEYS };

/* A question of a digest round that waits for its answer. */
struct slot {
	enum slot_kind kind;
	uint8_t tries;
	uint8_t bits, count; /* DIGEST */
	uint16_t differ; /* KEYS: the fewest old differences of any answer; at first UINT16_MAX */
	uint16_t unsent; /* ... wanted in the last one, and not sent: too many, or no credit */
	uint32_t from; /* DIGEST: first range; KEYS: the range */
	uint64_t first, end; /* KEYS: of the range, this much is this question's */
	uint64_t until; /* ... as much of it as is asked about now */
	uint64_t last; /* ... of what was listed */
	uint64_t sent_ms;
};

/* A digest round that we began with a peer. */
struct round {
	uint16_t domain; /* NOBODY: none is under way */
	uint32_t id;
	uint64_t begun_ms;
	uint64_t change; /* the last change when it began */
	uint64_t left; /* records that could not be made equal */
	uint8_t bits; /* of the ranges whose keys are listed */
	uint8_t top_bits; /* of those compared first */
	bool is_hasty;
	bool top_done; /* those were compared */
	uint64_t asked_ms; /* when anything was asked last that waits for tokens */
	uint64_t due_ms; /* nothing is to be asked earlier, 0: who knows, */
	bool waits; /* ... but as soon as there are tokens */
	uint32_t at_block, at_leaf; /* cursors in what is to be done */
	uint64_t *block; /* bit: top range differs, its leaves are to be compared */
	uint64_t *leaf; /* bit: leaf range differs, its keys are to be listed */
	struct slot *slot;
	uint32_t slots, used; /* how many there are; the first of those that never were used */
	bool has_rest; /* of a range that does not fit into one list, to be asked about beside it: */
	uint32_t rest_of;
	uint64_t rest_first, rest_end;
};

/* A digest round that a peer began with us: all that is remembered of it. */
struct asks {
	uint32_t domain, id; /* as it names them */
	uint64_t since_ms; /* first heard of */
};

/* A domain's snapshot from a peer, by whom it joins: its turn, and what came so far. */
struct fill {
	uint64_t since_ms; /* waits for its turn since, 0: it does not, */
	uint64_t wants_ms; /* ... as it said last */
	uint64_t refused_ms; /* when something of one was refused here last, 0: never */
	uint64_t until; /* position: it goes on behind it; 0: begins */
	uint64_t records;
	uint8_t flags; /* DELTA_READY in all of it */
	bool is_refused; /* something of it was */
	bool is_whole; /* a part was thrown away: the turn lasts until all is told */
};

struct peer {
	uint8_t node;
	bool is_up; /* hello says so, in any domain */
	bool is_open; /* its boot number is known, and ours there */
	bool must_greet;
	uint64_t boot, old_boot;
	bool has_told_hears;
	uint64_t hears[4]; /* sites that are up there */
	uint32_t rtt_ms;
	uint32_t next_id; /* of streams and requests */
	struct out out[STREAM_COUNT];
	struct in in[STREAM_COUNT];

	/* sending */
	uint64_t rate; /* octets a second */
	int64_t tokens; /* millioctets: 1/1000 */
	int64_t told; /* thousandths of records that it may be told now; below 0: a debt */
	int64_t credit; /* millioctets that records may still be pushed for while tokens are owed */
	uint64_t tokens_ms; /* when they grew last */
	uint32_t numbered, heard_until; /* datagrams sent, of them no longer under way */
	uint64_t heard_ms; /* when acknowledged last, or began to be under way */
	uint32_t timed; /* a datagram whose way there and back is being measured, 0: none */
	uint32_t untimed; /* measured since something else was than what a loss may have spoilt */
	uint64_t timed_ms; /* when it was sent */
	uint32_t lag_ms; /* what such ways took: with whatever waits in queues, here and there */
	uint32_t lost; /* as last reported */
	uint64_t slowed_ms, sped_ms;
	uint64_t greeted_ms;

	/* receiving */
	uint32_t highest, received;
	uint16_t unacked; /* datagrams since the last acknowledgement */
	bool ack_now;
	uint64_t ack_ms; /* when the oldest of them came */
	uint64_t came_ms; /* when anything of it came last */
	int64_t work; /* thousandths of records that may be looked at for it now; below 0: a debt */
	uint64_t work_ms;
	struct bucket digest_keys; /* its time goes by in units of DIGEST_KEY_MS / 1000 */
	int64_t records; /* thousandths of records that it may send now; below 0: a debt */
	uint64_t records_ms;

	/* snapshots asked for by us, one at a time */
	uint16_t asked_domain; /* NOBODY */
	uint32_t asked_id;
	uint64_t asked_from; /* position */
	uint64_t turn_ms; /* when asked, */
	uint64_t asked_ms; /* ... or last heard of it */
	struct fill fill[ENGINE_DOMAINS]; /* by index */

	/* digests */
	struct asks asks;
	uint64_t want_round; /* bit: domain, at once */
	uint64_t want_haste; /* ... with as many questions at once as there may be */
	/* by index: other domains' rounds that it went in front of; its time goes by as that of
	 * digest_keys */
	struct bucket hastes[ENGINE_DOMAINS];
	uint64_t round_due_ms;
	uint64_t round_retry_ms[ENGINE_DOMAINS]; /* by index: not again earlier */
	uint16_t round_last; /* domain of the last one begun: the others come first */
	struct round round;

	struct engine_peer_info info;
};

struct wait {
	struct wheel_timer timer;
	uint64_t token, change;
	uint32_t handle;
	uint32_t prev, next; /* of the domain, by change; free list: next */
	uint32_t chain; /* same hash of handle */
	uint16_t domain; /* index */
};

enum walk_for { WALK_NONE, WALK_RECLAIM, WALK_OWNERS, WALK_DRAIN };

enum drain_step {
	DRAIN_NO,
	DRAIN_QUIET, /* the route is withdrawn: waits until nothing comes any more */
	DRAIN_HAND, /* gives its bindings away */
	DRAIN_FLUSH, /* waits until the successors have them */
	DRAIN_LEFT, /* said left, serves on until all have heard */
	DRAIN_GONE, /* relays */
};

struct domain {
	struct engine_domain conf; /* arrays: own copies */
	uint16_t index;
	uint64_t members[4], retired[4];
	uint32_t others; /* members that are not retired */
	uint64_t full[4]; /* peers that refuse records of it */
	uint64_t room_ms[NEXT_NODES]; /* compared because it had room again, 0: never */
	uint64_t refused_ms[NEXT_NODES]; /* we last refused one for want of room, 0: never */
	uint64_t refusing[4]; /* whose those were, and who was not told of room since */
	uint8_t room_told[NEXT_NODES]; /* how often that was said */
	uint64_t stray_ms[NEXT_NODES]; /* its last stray claim was told of, 0: never */
	struct digest *digest;
	uint8_t peer_bits[NEXT_NODES]; /* of peers' digests, of those that were heard */
	uint64_t has_peer_bits[4];

	/* states */
	enum next_says says;
	bool is_frozen; /* joining because it stood still, not because it started */
	bool is_forced;
	bool is_filled; /* joining: nothing but the clock keeps it from being ready */
	bool is_filled_well; /* ... and it was a ready site that filled it, */
	uint64_t filled_ms; /* ... at that time */
	bool was_told; /* of the first state */
	uint64_t since_ms; /* joining or draining */
	uint64_t streams_ms; /* joining: those it has no session with are waited for since then */
	uint64_t none_ready_ms; /* frozen: no peer is ready since then; 0: not known yet */
	uint64_t exchanged_ms; /* joining: when all were asked again that had been asked before */
	uint64_t got[4], gave[4]; /* snapshots complete: from whom, to whom (of a joining site) */
	uint8_t waits_for;
	bool told_waiting;
	enum drain_step drain;
	uint64_t woke_ms; /* stood still when it had left, until then; 0: never */
	bool drains_on; /* stood still while it drained: goes on once it could be ready */
	uint64_t drain_from; /* HAND, FLUSH: the last change before any binding was given away */
	uint64_t drain_change; /* FLUSH: must be acknowledged */
	uint64_t drain_whole[4]; /* FLUSH: a digest round since shows that it holds everything */
	uint64_t gone_ms; /* GONE: all is given away, 0: not yet; what we held is compared since */
	uint64_t gone_lacks[4]; /* ... with these it is to be, */
	uint64_t gone_asked_ms; /* ... and a round was asked for then */
	bool told_refused; /* in this state: DRAIN_REFUSED or SNAPSHOT_REFUSED */
	uint64_t handed_ms; /* HAND, FLUSH: since then */
	uint8_t drain_lacks; /* FLUSH: a site that has not acknowledged everything, 0: none */
	bool is_clock_off, told_clock;
	bool is_forced_drain, is_left_heard;

	/* views */
	struct next_view raw, view; /* as hello has it; as packets go */
	bool is_view_known;
	bool is_raw_new; /* since claimers were chosen; what we say ourselves is part of it */
	uint64_t in[4]; /* live and in the live set */
	uint64_t back_ms[NEXT_NODES]; /* live again since */
	uint64_t went_ms; /* one was live until then, */
	uint64_t went_from_ms; /* ... and heard of until then */
	uint64_t is_to_begin[4]; /* survivors that are to compare with us, or we do */
	uint64_t unlike[NEXT_NODES]; /* records left different by the round before this one, or 0 */
	uint64_t told_unlike[4];
	uint64_t hand_back[4]; /* returned: what was registered with its address goes back */
	bool retake; /* what was given away, and nobody is known to hold, is taken back */
	uint8_t successor[NEXT_BUCKETS]; /* to whom packets go */
	uint8_t claimer
		[NEXT_BUCKETS]; /* who takes over: of the raw view, which sites share sooner */
	uint64_t changed_ms; /* the raw view's last change */

	/* walk over all records */
	enum walk_for walk, walk_again; /* under way; to begin anew after it */
	uint32_t walk_at;
	uint64_t walk_from_ms; /* not earlier */
	uint64_t settle_ms; /* since when it is put off */
	uint64_t reclaim_ms; /* another one then, 0: none */
	uint8_t reclaims; /* since the raw view changed, RECLAIM_DOUBLES at most */
	uint64_t walk_count, walk_handed;
	uint32_t sweep_at; /* looks for records that are not alone any more; 0: not under way */
	uint64_t sweep_change;

	/* acknowledgements */
	uint32_t wait_head, wait_tail;
	bool must_check; /* waits may be over: somebody acknowledged, came or went */
	uint64_t waiting, alone;
	uint64_t forgotten; /* numbers that were to be remembered */
	uint64_t superseded; /* records ended because of a pair */
};

struct engine {
	struct engine_opts opts;
	struct records *rs;
	struct changes *changes; /* of records */
	struct peer *peer[NEXT_NODES];
	uint8_t peer_node[NEXT_NODES]; /* of those there are */
	uint32_t peer_count;
	struct domain *domain;
	uint32_t domain_count;
	struct hlc hlc;
	uint64_t now_ms, wall_ms;
	bool is_repairing; /* what changes a record now is what a round has found */
	struct bucket older; /* pairs told again, because somebody tells of what is older */
	int32_t input_work; /* records that may be looked at for the present datagram */
	uint64_t urgent; /* the last change that somebody waits for */
	uint64_t urgent_seen; /* the same of last seen numbers: all of them */
	uint64_t cut[NEXT_NODES]
		    [4]; /* sites that do not hear, or are not heard by, the first one */
	bool any_cut;
	uint8_t turn_at; /* peer that is served first */

	struct wheel *wheel; /* of waits */
	struct wait *wait; /* 1.. */
	uint32_t *wait_hash;
	uint32_t wait_mask, wait_free;
	uint32_t wait_count;
	uint32_t wait_kept; /* places for waits that are each domain's own, */
	uint32_t wait_over; /* and waits that are beyond their domain's */
};

/* Counts of datagrams go round: less than half a round apart. */
static inline bool is_later(uint32_t a, uint32_t b)
{
	return a - b - 1 < UINT32_MAX / 2;
}

/* --- sets of sites: 4 words --- */

static inline bool set_has(const uint64_t set[static 4], uint8_t node)
{
	return set[node / 64] >> node % 64 & 1;
}

static inline void set_add(uint64_t set[static 4], uint8_t node)
{
	set[node / 64] |= 1ULL << node % 64;
}

static inline void set_del(uint64_t set[static 4], uint8_t node)
{
	set[node / 64] &= ~(1ULL << node % 64);
}

/* The first member behind `node` (start with 0), 0: no more. */
uint8_t set_next(const uint64_t set[static 4], uint8_t node);

/* --- engine.c --- */

struct domain *domain_by_number(struct engine *e, uint16_t number); /* NULL: none */
/* The same, of what has one: a record, a pair, what hello knows of. */
struct domain *domain_of(struct engine *e, uint16_t number);
struct domain *domain_by_id(struct engine *e, uint32_t id);
bool is_member(const struct domain *d, uint8_t node); /* self is none */
bool is_peer_up(const struct engine *e, const struct domain *d, uint8_t node);
void tell(struct engine *e, enum engine_event ev, const struct domain *d, uint8_t node, uint64_t n);
uint64_t stamp_now(const struct engine *e); /* the time of day, NTP's */
/* P is to be told by us what O says, because they do not hear each other. */
static inline bool is_cut(const struct engine *e, uint8_t p, uint8_t o)
{
	return e->any_cut && set_has(e->cut[p], o);
}
/* Somebody is cut off from it. */
bool has_cut(const struct engine *e, uint8_t o);

static inline uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* --- stream.c, pace.c, acked.c --- */

/* A datagram: begin, add messages, end. */
void tx_begin(struct engine *e, struct peer *p, uint8_t *buf, struct net_wr *w);
/* Without the acknowledgements that are due: for what may need all of it. */
void tx_begin_full(struct engine *e, struct peer *p, uint8_t *buf, struct net_wr *w);
void tx_end(struct engine *e, struct peer *p, struct net_wr *w);
void peer_reset(struct engine *e, struct peer *p); /* the peer's is a new life */
/* It is open now; or, it joins again in the same life: where they stand, and `told` is of now. */
void streams_begin(struct engine *e, struct peer *p);
void streams_came_up(struct engine *e, struct peer *p);
void stream_refill(struct engine *e, struct peer *p); /* what may be sent now, at each turn */
void snapshot_give(
	struct engine *e, struct peer *p, struct domain *d, uint32_t request, uint64_t from);
/* Positions of a snapshot: handles of records, then those of pairs last seen; this is the last. */
uint32_t stream_snapshot_end(const struct engine *e);
void stream_ack(struct engine *e, struct peer *p, const struct message_ack *m);
/* Sends what is due; *budget: records. Returns when to be called again. */
uint32_t stream_turn(struct engine *e, struct peer *p, uint32_t *budget);
uint32_t rto_ms(const struct peer *p);
/* May records be pushed, on credit if need be? What was, at `before` tokens, is taken from that. */
bool pace_may_push(const struct peer *p);
void pace_pushed(struct peer *p, int64_t before);

/* --- receive.c --- */

void receive_delta(struct engine *e, struct peer *p, struct message_delta *m);
/* Up to where all of that domain is applied. */
uint64_t receive_until(const struct in *in, const struct domain *d);
void receive_records(struct engine *e, struct peer *p, struct net_rd *sections);
void receive_acks(struct engine *e, struct peer *p, struct net_wr *w); /* those that are due */
bool receive_has_acks(const struct engine *e, const struct peer *p);
/* Acknowledges all streams, whether something came of them or not. */
void receive_say_now(struct peer *p);
/* Tells those whose records were refused when that is over, also where nothing else is to be said. */
void receive_room(struct engine *e, struct domain *d);

/* --- apply.c --- */

enum applied {
	APPLY_SAME, /* nothing new in it */
	APPLY_NEWER,
	APPLY_REFUSED, /* by a fence or for want of space: it is not held here */
	APPLY_LATER, /* no room to publish it now */
};
/* These are next: the tables are larger than any cache, so what they touch of them is asked for
 * together; n: at most ENGINE_AHEAD, an ordinary datagram's. */
void apply_prefetch(
	struct engine *e, const struct domain *d, const struct record_copy *const c[], uint32_t n);
enum applied apply_record(
	struct engine *e, struct peer *p, struct domain *d, const struct record_copy *c);
enum applied apply_seen(
	struct engine *e, struct peer *p, struct domain *d, const struct seen_pair *pair);
/* It was put off for too long: refused. */
void apply_give_up(struct engine *e, struct peer *p, struct domain *d);

/* --- own.c --- */

/* The record changed here: its place in the list of changes, and in the digest. */
void change_own(struct engine *e, struct domain *d, struct record *r, bool is_urgent);
/* Another owner for a record, by us; its lifetime begins anew when it is us, because its owner may
 * have extended it last. False: no room. */
bool change_owner(struct engine *e, struct domain *d, struct record *r, uint8_t to);
/* We again, where another site claimed it that only seems to be gone: what that one said of its
 * lifetime stays. */
bool reclaim(struct engine *e, struct domain *d, struct record *r);
/* One of these follows: what it writes beside the record itself is on its way here. */
void own_prefetch(struct engine *e, const struct record *r);
/* As it travels. */
void copy_for_wire(struct engine *e, const struct record *r, struct record_copy *out);
/* As seen_raise(); how: of enum seen_how. */
int own_raise_seen(
	struct engine *e, const struct domain *d, const struct seen_pair *pair, unsigned how);
/* The pair that a record speaks of: it travels with it, so it is not listed. */
struct seen_pair own_pair_of(const struct domain *d, const struct record_copy *c);
/* What a record says of its mobile node at one home agent address is said by it no more. */
void own_outlive(struct engine *e, struct domain *d, const struct record_copy *was);
void own_count(struct engine *e, struct domain *d, struct record *r); /* in the digests, or not */
void own_list(struct engine *e, struct domain *d, struct record *r, uint8_t origin, bool is_urgent);
bool own_publish(struct engine *e, struct record *r, enum engine_why why); /* false: no room */
/* Live, but past its time and another site's, or superseded: kept, and not told to anybody. */
bool is_past(const struct engine *e, const struct domain *d, const struct record *r);

/* --- superseded.c --- */

/* A copy of a registration that was followed by another one, which may have ended since: it is not
 * to be taken, and whoever tells of it hears of the number. pair: what the copy says, not noted yet;
 * r: what is held here, or NULL. */
bool superseded_refuses(struct engine *e, struct domain *d, const struct record_copy *c,
	const struct seen_pair *pair, struct record *r);
/* A pair of its mobile node has come, and is not noted yet. r: NULL is fine. */
void superseded_hear(
	struct engine *e, struct domain *d, struct record *r, const struct seen_pair *by);
/* It was read from the store, as all pairs were: may it last? */
void superseded_look(struct engine *e, struct domain *d, struct record *r);

/* --- commit.c --- */

int commit_new(struct engine *e);
void commit_free(struct engine *e);
/* Ends waits that are over, *budget at most. Returns when to be called again; 0: at once. */
uint32_t commit_turn(struct engine *e, uint32_t *budget);
static inline void commit_check(struct domain *d) /* somebody acknowledged, came or went */
{
	d->must_check = true; /* the next turn looks */
}
void commit_moved(struct engine *e, struct record *r); /* has another change number now */
void commit_gone(struct engine *e, struct record *r);
bool commit_has(const struct engine *e, const struct record *r); /* somebody waits for it */
void commit_told(struct engine *e, struct domain *d, struct record *r); /* nobody waits for it */
void alone_set(struct engine *e, struct domain *d, struct record *r);
void alone_clear(struct engine *e, struct domain *d, struct record *r);

/* --- view.c --- */

void view_update(struct engine *e, struct domain *d);
/* Begins to compare with those survivors that have not begun by themselves. */
void view_turn(struct engine *e, struct domain *d);
/* A digest round with that peer is complete. */
void view_round_done(struct engine *e, struct domain *d, struct peer *p, uint64_t begun_ms);
bool view_serves(const struct domain *d, const struct engine *e);
/* Its bindings may be claimed: dead, or says itself that it serves none. */
bool view_is_gone(const struct domain *d, const struct engine *e, uint8_t node);

/* --- walk.c --- */

void walk_begin(struct domain *d, enum walk_for why);
uint32_t walk_turn(struct engine *e, struct domain *d, uint32_t *budget);
/* A record that was heard names an owner: is it ours to take over? was: the one that it had here,
 * NULL: it is new. */
void walk_late(
	struct engine *e, struct domain *d, struct record *r, const struct owner_version *was);
void sweep_begin(struct domain *d, uint64_t change);
/* That peer has acknowledged a record: was it given to it, and in vain? */
void walk_given(struct engine *e, struct domain *d, struct record *r, uint8_t node, bool holds);

/* --- ready.c --- */

void ready_set(struct engine *e, struct domain *d, enum next_says says);
uint32_t ready_turn(struct engine *e, struct domain *d);
void ready_snapshot_done(struct engine *e, struct domain *d); /* of a ready peer's, as a whole */
void ready_round_done(struct engine *e, struct domain *d, struct peer *p, uint64_t begun_ms);
void ready_peer_reset(struct engine *e, struct domain *d);

/* --- snapshot.c --- */

/* Called in each turn in which the domain wants it; it is asked for when it is its turn. */
void snapshot_want(struct engine *e, struct domain *d, struct peer *p);
bool snapshot_is_wanted(const struct engine *e, const struct domain *d, const struct peer *p);
bool snapshot_may_want(const struct engine *e, const struct domain *d, const struct peer *p);
/* It was, and is under way. */
bool snapshot_is_asked(const struct engine *e, const struct domain *d, struct peer *p);
/* Rather of a than of b. */
bool snapshot_is_better(
	const struct engine *e, const struct domain *d, struct peer *a, struct peer *b);
/* A piece of one that p was asked for, and of no other. */
bool snapshot_is_ours(const struct engine *e, const struct peer *p, const struct message_delta *m);
void snapshot_begins(struct peer *p, struct in *in, uint64_t base);
void snapshot_heard(struct engine *e, struct peer *p, uint32_t records); /* another piece applied */
void snapshot_put_off(const struct engine *e, struct peer *p); /* ... or refused, to come again */
/* p went, or began a new life. */
void snapshots_cut_short(struct engine *e, struct peer *p);
void snapshot_asked(struct engine *e, struct peer *p, const struct message_ask *m);
void snapshot_given(struct engine *e, struct peer *p); /* all of it was acknowledged */

/* --- drain.c --- */

void drain_turn(struct engine *e, struct domain *d);
void drain_gone(struct domain *d); /* everybody knows that we have left */
/* A round left no difference. */
void drain_round_whole(struct domain *d, const struct peer *p, const struct round *o);

/* --- repair.c, answer.c --- */

void repair_want(struct engine *e, struct domain *d, uint8_t node);
/* The same, where what differs is what somebody waits for: it is asked about all at once. Not to fill a
 * site: what is sent beside a stream takes the place of what the stream sends. */
void repair_want_haste(struct engine *e, struct domain *d, uint8_t node);
void repair_stop(struct peer *p);
/* It is stopped, and wanted again after so long. */
void repair_abandon(struct engine *e, struct peer *p, uint32_t retry_ms);
uint32_t repair_turn(struct engine *e, struct peer *p, uint32_t *budget);
void repair_digest(struct engine *e, struct peer *p, const struct message_digest *m);
void repair_differ(struct engine *e, struct peer *p, const struct message_differ *m);
void repair_keys(struct engine *e, struct peer *p, const struct message_keys *m);
void repair_want_heard(struct engine *e, struct peer *p, const struct message_want *m);
