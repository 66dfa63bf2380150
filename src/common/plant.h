/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults that are built in on purpose, to see that the simulator finds them: each is a mistake that
 * somebody could make. Only test/sim's own second build knows them (HAMD_PLANT), where one is
 * chosen on the command line; everywhere else planted() is the constant false and the compiler
 * leaves nothing of it. Write it where the mistake would be made:
 *
 *	if (planted(PLANT_GAP_IGNORED))
 *		return;
 */
#pragma once

#include <stdbool.h>

/* X(id, name, what is wrong): the simulator finds each of these within 500 worlds. */
#define PLANT_LIST(X)                                                                              \
	X(ONE_VERSION, "one-version", "content and owner are merged by one version")               \
	X(TOMBSTONE_EARLY, "tombstone-early", "a tombstone is forgotten at once")                  \
	X(ACK_BEFORE_APPLY, "ack-before-apply", "a peer acknowledges deltas it did not apply")     \
	X(DIGEST_ORDER, "digest-order", "a digest depends on the order of the records")            \
	X(REMAINING_WHOLE, "remaining-whole", "the granted lifetime travels, not what remains")    \
	X(STALE_OWNER, "stale-owner", "an owner goes on after it heard of a newer one")            \
	X(HOP_IGNORED, "hop-ignored", "a packet that was relayed is relayed again")                \
	X(OWN_SOURCE, "own-source", "a tunnel's source is this site's address, not the record's")  \
	X(GAP_IGNORED, "gap-ignored", "a gap report is ignored")                                   \
	X(SELF_COMMIT, "self-commit", "a site counts itself among the peers that hold a record")   \
	X(REFRESH_NEW, "refresh-new", "a refresh counts as new content")                           \
	X(CLAIM_FROM_RETURNED, "claim-from-returned", "who came back is taken over from again")    \
	X(EPOCH_CUT, "epoch-cut", "a site that misses others begins a new epoch")                  \
	X(DEAD_VOUCH, "dead-vouch", "sites that nobody hears vouch for each other")                \
	X(ONE_WAY, "one-way", "a path that works one way is taken for up")                         \
	X(GOES_BACK, "goes-back", "a packet is sent back to where it came from")                   \
	X(JOINING_SERVES, "joining-serves", "a site delivers by what it knows before it is ready") \
	X(ANY_COA, "any-coa", "a tunnel is opened from any care-of address")                       \
	X(CLOCK_IGNORED, "clock-ignored", "a site with a wrong clock becomes ready")               \
	X(SNAPSHOT_INSERTS, "snapshot-inserts", "a snapshot brings back what was deleted")         \
	X(UNADOPT_EARLY, "unadopt-early", "an address is given back before its site is ready")     \
	X(QUEUE_PURGES, "queue-purges", "a full send queue forgets its oldest change")             \
	X(EXPIRE_ALL, "expire-all", "whoever holds a record expires it on time, not its owner")    \
	X(STALL_VERDICT, "stall-verdict", "who was frozen calls the others dead")                  \
	X(HELLO_KEY, "hello-key", "hello is sealed with the session's own key")                    \
	X(FOREIGN_DATA, "foreign-data", "packets come from peers that are not in their domain")    \
	X(DRAINS_ALL, "drains-all", "who is drained in one domain leaves all")                     \
	X(JOIN_AT_ONCE, "join-at-once", "cold-start does not wait for those who may know better")  \
	X(ROUND_ENDLESS, "round-endless", "a digest round also waits for what changed meanwhile")  \
	X(FULL_STAYS, "full-stays", "a peer that had no room is not told anything any more")       \
	X(PACE_IGNORED, "pace-ignored", "streams go as fast as they can")                          \
	X(RETIRED_AWAITED, "retired-awaited", "a site that is gone for good is waited for")        \
	X(REMOVED_UNTOLD, "removed-untold", "others are not told what the operator removed")       \
	X(OLDER_RETURNS, "older-returns",                                                          \
		"a registration comes back when a shorter one has ended")                          \
	X(STREAMS_IGNORED, "streams-ignored",                                                      \
		"a site is ready before those that serve tell it what is new")                     \
	X(STAMP_IGNORED, "stamp-ignored", "a handshake that was begun once is answered again")     \
	X(WINDOW_IGNORED, "window-ignored", "what a session has opened it opens again")            \
	X(KEYS_AT_ONCE, "keys-at-once",                                                            \
		"who answers a handshake uses the keys before the other has them")                 \
	X(HELLO_REPLAYED, "hello-replayed", "a hello that was heard is news again")

enum plant {
	PLANT_NONE,
#define X(id, name, help) PLANT_##id,
	PLANT_LIST(X)
#undef X
		PLANT_COUNT
};

#ifdef HAMD_PLANT
extern enum plant plant_chosen; /* test/sim's */
#define planted(p) (plant_chosen == (p))
#else
#define planted(p) false
#endif
