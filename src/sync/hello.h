/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is there: small sealed datagrams to every peer, many times a second, on a port of their own.
 * From them each site tells, for every domain by itself, which sites are up, cut off or dead, and
 * what they say of themselves. The outcome is a struct next_view a domain.
 *
 * A peer is up when we hear it and its newest hello says that it hears us (a one-way path is not
 * up). It is cut off when it is not up, but a member of the domain that is up here and near says
 * that it is up there: all goes through that member. Else it is dead. Only sites that we hear
 * ourselves vouch, so two dead sites cannot keep each other alive.
 *
 * Time that we did not live ourselves is no silence of others: a gap between the calls of
 * hello_turn() is added to every peer's limit. Others may have taken us for dead in it, so after a
 * gap in what we send that is longer than they wait, we say joining in every domain until told
 * otherwise.
 *
 * No sockets, no clock, no randomness of its own. One owner: the lcore that sends and receives
 * hellos, so that a busy control core does not look dead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip6.h"
#include "net/hello.h"
#include "sync/next.h"
#include "sync/session.h"

#define HELLO_MAX          NET_HELLO_MAX
#define HELLO_DOMAINS      64 /* of a site */
#define HELLO_INTERVAL_MIN 10 /* milliseconds between hellos, news included */
#define HELLO_INTERVAL_MAX 60000
#define HELLO_SILENCES     3 /* so many intervals without a hello are needed, at least */
#define HELLO_LATE_MS                                                                              \
	1000 /* no path takes so much longer than a silence that counts: a hello
                                 * that did was held back on the way and proves no life */

/* X(id, name): what all sites of a domain must have alike; name: the configuration key. A site
 * tells a number made of each one's value. Their order is the protocol's: new ones at the end. */
#define HELLO_SETTING_LIST(X)                                                                      \
	X(MODE, "mode")                                                                            \
	X(DELIVERY, "delivery")                                                                    \
	X(PREFIXES, "mobile-prefixes")                                                             \
	X(AGENTS, "home-agents")                                                                   \
	X(MEMBERS, "peers")                                                                        \
	X(DEAD, "dead-ms")                                                                         \
	X(LIFETIME, "lifetime-max-s")                                                              \
	X(BINDINGS, "max-bindings")                                                                \
	X(ACK_PEERS, "ack-peers")                                                                  \
	X(SEQUENCE, "remember-sequence")                                                           \
	X(AUTH, "auth")                                                                            \
	X(PROTECT, "protect-data")                                                                 \
	X(PREFIX_LIFETIMES, "prefix-lifetimes")

enum hello_setting {
#define X(id, name) HELLO_SETTING_##id,
	HELLO_SETTING_LIST(X)
#undef X
		HELLO_SETTING_COUNT
};
const char *hello_setting_name(enum hello_setting s);

/* X(id, name, help): what became of a datagram. */
#define HELLO_LIST(X)                                                                              \
	X(TAKEN, "taken", "the newest of its sender")                                              \
	HELLO_REFUSED_LIST(X)
#define HELLO_REFUSED_LIST(X)                                                                      \
	X(OLDER, "older", "genuine, but a newer one was taken before")                             \
	X(LATE, "late", "genuine, but held back on the way for too long")                          \
	X(MALFORMED, "malformed", "too short, too long, or of an unknown type")                    \
	X(OTHER_VERSION, "other_version", "of a form that is not spoken here")                     \
	X(STRANGER, "stranger", "of a node, or from an address, that is no peer's")                \
	X(NO_KEYS, "no_keys", "sealed with keys that are not there")                               \
	X(EXPIRED, "expired", "sealed with keys that are too old")                                 \
	X(REPLAYED, "replayed", "its number was taken before, or is too old to tell")              \
	X(FORGED, "forged", "changed on the way, or made up")                                      \
	X(CONTENT, "content", "genuine, but its fields make no sense")

enum hello_verdict {
#define X(id, name, help) HELLO_##id,
	HELLO_LIST(X)
#undef X
		HELLO_VERDICT_COUNT
};
const char *hello_verdict_name(enum hello_verdict v);

enum hello_event {
	HELLO_REACH, /* domain, node; value: enum next_reach, another than before */
	HELLO_RESTARTED, /* node is another process than before; value: its boot id */
	HELLO_INCOMPATIBLE, /* node speaks no version that we do (value 1), or does again (0) */
	HELLO_DRIFT, /* domain, node; value: the settings that differ, 1 << enum hello_setting */
	HELLO_CLOCK, /* domain: live sites of it agree with each other about the time and not with us
	              * (value: theirs less ours, ms), or not any more (0) */
	HELLO_STALL, /* nothing was sent for value ms, longer than others wait: we may have been
	              * taken for dead, and say joining now */
	HELLO_LABEL_KEY, /* domain, node; value: another key of its flow labels there (hello_domain) */
};
#define HELLO_EVENTS (HELLO_LABEL_KEY + 1)

struct hello;

/* All may call hello_say(), none another function of this module. */
struct hello_ops {
	void *ctx;
	/* A datagram to the peer's address, hello's port. */
	void (*send)(void *ctx, uint8_t node, const uint8_t *buf, size_t len);
	/* The domain's view is another now; valid in the call (and by hello_view()). */
	void (*view)(void *ctx, uint32_t domain, const struct next_view *v);
	void (*event)(void *ctx, enum hello_event e, uint32_t domain, uint8_t node, int64_t value);
	/* The peer's hellos open under these keys from now on, by their names (net/hello.h), the
	 * newest first; 1 or 2. NULL: nobody wants to know. */
	void (*keys)(void *ctx, uint8_t node, const uint32_t *names, unsigned n);
};

struct hello_peer {
	uint8_t node; /* 1..255, not ours */
	struct ip6_addr address;
	uint32_t hello_ms, dead_ms; /* between it and us; 0: as with all */
};

struct hello_domain {
	uint32_t id; /* next_domain() of its name */
	const uint8_t *members; /* nodes of the other sites; each is a peer */
	uint32_t member_count;
	uint32_t setting[HELLO_SETTING_COUNT];
	uint64_t label_key; /* of the flow labels of this site's tunnels in it, told to the members
	                     * and nobody else; 0: there is none to tell */
};

struct hello_opts {
	uint8_t node; /* ours */
	uint64_t boot; /* another, and not 0, in each life of the process */
	uint8_t version_min, version_max; /* of the sync protocol, that we speak */
	uint32_t hello_ms; /* HELLO_INTERVAL_MIN..HELLO_INTERVAL_MAX */
	uint32_t dead_ms; /* > 0 */
	uint32_t clock_limit_ms;
	const struct hello_peer *peers; /* this and the next are copied; a domain's number in all
	                                 * that follows is its place in the list */
	uint32_t peer_count;
	const struct hello_domain *domains;
	uint32_t domain_count; /* <= HELLO_DOMAINS */
	struct hello_ops ops;
};

/* All domains say joining and all peers are dead at first. 0; -EINVAL: ids or numbers that make no
 * sense; -ENOMEM. Keys lie in guarded memory of libsodium's. */
int hello_new(const struct hello_opts *opts, struct hello **out);
void hello_free(struct hello *h); /* wipes; NULL is fine */

/* New keys of the session with a peer (session_ops.established). The old ones still open; who
 * began the handshake uses the new ones only when a hello under them arrived. */
void hello_keys(struct hello *h, uint8_t node, const struct session_keys *keys, uint64_t now_ms);

/* What we say of ourselves; hello_turn() tells it to all. */
void hello_say(struct hello *h, uint32_t domain, enum next_says says);

/* The domain's settings are others now (opts.setting before). */
void hello_set_settings(
	struct hello *h, uint32_t domain, const uint32_t setting[static HELLO_SETTING_COUNT]);

/*
 * Sends and notices what is due; returns in how many milliseconds it wants to be called again.
 * Besides, call it behind hello_say(), hello_keys() and hello_input(): there may be news to tell.
 * now_ms: monotonic, wall_ms: the time of day, since 1970. may_send: control has finished a turn
 * and every worker has polled not long ago; otherwise we fall silent, so that others take over.
 */
uint32_t hello_turn(struct hello *h, uint64_t now_ms, uint64_t wall_ms, bool may_send);

/* A datagram to hello's port. */
enum hello_verdict hello_input(struct hello *h, const struct ip6_addr *from, const uint8_t *buf,
	size_t n, uint64_t now_ms, uint64_t wall_ms);

/* A hello from the peer's address was dropped before it got here: its key's name is none that
 * ops.keys() told. */
void hello_no_keys(struct hello *h, uint8_t node, uint64_t now_ms);

const struct next_view *hello_view(const struct hello *h, uint32_t domain);

/* Whether every live peer of the domain says that it heard what we say now. One that is cut off
 * cannot: for it, the site it is reached through must have heard it a silence ago. */
bool hello_is_known(const struct hello *h, uint32_t domain, uint64_t now_ms);

/* At least two live sites of the domain agree with each other, and not with us, about the time of
 * day; and no fewer than agree with us, this site counted: of two against two it is not our clock. */
bool hello_is_clock_off(const struct hello *h, uint32_t domain);

struct hello_info {
	bool up, incompatible;
	bool has_rtt, has_offset;
	uint8_t version_min, version_max;
	uint32_t interval_ms;
	uint32_t rtt_ms; /* smoothed */
	int64_t offset_ms; /* its clock less ours */
	uint64_t heard_ms; /* 0: never */
	uint64_t boot;
	enum hello_verdict last_failure; /* of the last datagram that was refused */
	uint64_t failed_ms; /* when; 0: never */
};
/* -EINVAL: no such peer. */
int hello_info(const struct hello *h, uint8_t node, struct hello_info *out);
/* Who is up there, by its newest hello, in any domain that both are in: bit node % 64 of word
 * node / 64. */
void hello_up_there(const struct hello *h, uint8_t node, uint64_t up[static NEXT_NODES / 64]);
/* Settings of the domain that differ at the peer, 1 << enum hello_setting; 0 also for who is no
 * member. */
uint32_t hello_drift(const struct hello *h, uint32_t domain, uint8_t node);
