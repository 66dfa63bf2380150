/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the parts of hello: hello.c (start, time), hello_tell.c (what we send), hello_take.c
 * (what comes), hello_look.c (what follows from it). */
#pragma once

#include "sync/hello.h"
#include "sync/hello_seal.h"
#include "sync/hello_wire.h"

struct peer {
	uint8_t node;
	struct ip6_addr address;
	uint32_t hello_ms, dead_ms;
	uint64_t send_ms; /* the next hello to it */
	bool was_told;
	uint64_t told_ms; /* the last one */
	uint64_t last_ms; /* the same, or one out of turn */

	/* of its newest hello */
	bool heard; /* there was one */
	bool hears_us;
	bool compatible;
	uint8_t version_min, version_max;
	uint32_t interval_ms;
	uint64_t boot;
	uint64_t sent_ms; /* by its clock */
	uint64_t came_ms;
	uint64_t heard_ms; /* the same, less the time that we did not live since */

	bool up; /* as of the last look */
	bool has_rtt, has_offset;
	uint32_t srtt8_ms; /* smoothed, times 8 */
	int64_t ahead_ms; /* its time of day less our monotonic clock: ours may be set meanwhile */

	bool hurry; /* it has news to get before its turn */
	uint32_t next_list, next_settings; /* domains whose turn it is, in what it is told */

	enum hello_verdict last_failure;
	uint64_t failed_ms;
};

/* A peer in one domain. */
struct member {
	uint8_t node;
	bool has_state; /* its newest hello knows the domain */
	uint8_t says; /* enum next_says */
	uint64_t said_ms; /* when the first hello told it what we say now; UINT64_MAX: none yet */
	uint64_t known_ms; /* since when it echoes what we say now; 0: it does not */
	uint32_t drift;
	uint64_t label_key; /* it told; 0: none */
	uint8_t sees[NEXT_NODES]; /* who is up there: enum next_says + 1, 0: not up */
};

struct domain {
	uint32_t id;
	enum next_says says; /* we */
	uint32_t setting[HELLO_SETTING_COUNT];
	uint64_t label_key; /* ours; 0: none */
	bool is_clock_off;
	struct next_view view;
	uint8_t index[NEXT_NODES]; /* into members, + 1 */
	struct member *members;
	uint32_t member_count;
};

struct hello {
	uint8_t node;
	uint8_t version_min, version_max;
	uint64_t boot;
	uint32_t hello_ms; /* the least of any peer's */
	uint32_t clock_limit_ms;
	struct hello_ops ops;

	bool changed; /* something that a view may depend on */
	bool hurry; /* some peer is in a hurry */
	bool has_turned;
	uint64_t due_ms; /* when we asked to be called */
	uint64_t
		woke_ms; /* when we lived again last: what came may have waited for us until then */
	uint64_t late_ms; /* when we were so late last that nothing is learned about clocks */
	int64_t wall_ahead_ms; /* our time of day less our monotonic clock, */
	int64_t checked_ahead_ms; /* ... when it was compared with the others' for its own sake */
	uint64_t send_ms; /* the next hello to anybody */
	uint64_t expiry_ms; /* when somebody may become silent; UINT64_MAX: nobody can */

	uint8_t index[NEXT_NODES]; /* into peers, + 1 */
	struct peer *peers;
	struct hello_seal *seals; /* one each, in memory of libsodium's */
	uint32_t peer_count;
	struct domain *domains;
	uint32_t domain_count;
};

static inline struct peer *hello_peer_of(const struct hello *h, uint8_t node)
{
	return h->index[node] == 0 ? NULL : &h->peers[h->index[node] - 1];
}

/* NULL: not a site of the domain. */
static inline struct member *hello_member_of(const struct domain *d, uint8_t node)
{
	return d->index[node] == 0 ? NULL : &d->members[d->index[node] - 1];
}

/* How long the sender of hellos at this interval, it or we, may be silent. */
static inline uint64_t hello_limit(const struct peer *p, uint32_t interval_ms)
{
	uint64_t silences = (uint64_t)HELLO_SILENCES * interval_ms;

	return silences > p->dead_ms ? silences : p->dead_ms;
}

static inline bool hello_is_heard(const struct peer *p, uint64_t now_ms)
{
	return p->heard && now_ms - p->heard_ms <= hello_limit(p, p->interval_ms);
}

/* --- hello_tell.c --- */

/* To every peer whose turn it is or that is in a hurry, or only to the latter. */
void hello_tell(struct hello *h, bool is_turn, uint64_t now_ms, uint64_t wall_ms);

/* --- hello_look.c --- */

/* Makes the views anew and tells what is different. */
void hello_look(struct hello *h, uint64_t now_ms);
void hello_forget_lists(struct hello *h, uint8_t node);
void hello_check_clock(struct hello *h);
bool hello_is_clock_alike(const struct hello *h, const struct peer *p); /* its is like ours */
/* Its clock less ours, ms; of one that has an RTT. */
static inline int64_t hello_offset(const struct hello *h, const struct peer *p)
{
	return (int64_t)((uint64_t)p->ahead_ms - (uint64_t)h->wall_ahead_ms);
}

/* --- hello.c --- */

/* There is news: the next hellos come soon, HELLO_INTERVAL_MIN behind the last ones. */
void hello_hasten(struct hello *h);
/* Time in which we were not called is no silence of others; and whether our clock was set in it. */
void hello_note_time(struct hello *h, uint64_t now_ms, uint64_t wall_ms);
