/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One encrypted session with each peer, over datagrams that may be lost, copied, reordered and
 * made up: Noise_KK handshakes (sync/noise.h), keys that are renewed while the old ones still
 * open, a replay window, and nothing expensive for strangers. The shape, and most numbers, are
 * WireGuard's.
 *
 * A peer is named by its public key; its node id stands in clear in handshakes and is bound into
 * them with the version. Checked in this order: sizes, version, node id and source address, a
 * keyed hash that needs no more than the public key (mac1), a bound on handshakes a second and
 * beyond it a cookie (mac2), and only then X25519; the timestamp in the first message, which
 * alone could be replayed, must be above all before. What is known to be forged changes nothing. A peer
 * that is silent and whose handshakes a flood keeps out is begun with by us.
 *
 * Both sides may begin. Of two handshakes that cross the lower node id's is finished. Who answered
 * uses the new keys once a message under them has arrived. Who began sends one at once that says
 * nothing, and again, less and less often, until it is answered: either may be lost.
 *
 * No sockets, no clock, no randomness of its own. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/ip6.h"
#include "sync/noise.h"

#define SESSION_VERSION       1
#define SESSION_OVERHEAD      32 /* of a sealed datagram: header, counter, tag */
#define SESSION_HANDSHAKE_MAX 96 /* octets of the longest handshake message */
#define SESSION_NODES         256 /* ids 1..255 */

#define SESSION_REKEY_MS     120000 /* who began makes new keys; the other one somewhat later */
#define SESSION_REJECT_MS    180000 /* older keys seal and open nothing */
#define SESSION_RETRY_MIN_MS 1000 /* an unanswered handshake is begun again, ... */
#define SESSION_RETRY_MAX_MS 2000 /* ... less and less often */
#define SESSION_QUIET_MS     3000 /* silent for so long, and its handshake refused: it lost its keys */
#define SESSION_HANDSHAKES_S 50 /* begun by others and taken without a cookie, a second */
#define SESSION_CONFIRM_MS   200 /* new keys are confirmed again, then after twice the time, ... */
#define SESSION_CONFIRMS     7 /* ... for 12.6 s: afterwards what else is said does it */

struct sessions;

/* X(id, name, help): what became of a datagram. */
#define SESSION_LIST(X)                                                                            \
	X(DATA, "data", "opened")                                                                  \
	X(HANDLED, "handled", "a message of the session's own")                                    \
	SESSION_REFUSED_LIST(X)
#define SESSION_REFUSED_LIST(X)                                                                    \
	X(MALFORMED, "malformed", "too short, too long, or of an unknown type")                    \
	X(OTHER_VERSION, "other_version", "of a version that is not spoken here")                  \
	X(STRANGER, "stranger", "of a node, or from an address, that is no peer's")                \
	X(MAC, "mac", "made without knowing our public key")                                       \
	X(FLOOD, "flood", "more handshakes than are taken: asked for a cookie")                    \
	X(HANDSHAKE, "handshake", "handshake made with other keys than we know")                   \
	X(OLD, "old", "handshake begun earlier than one that was taken")                           \
	X(CROSSED, "crossed", "handshake while ours goes first")                                   \
	X(UNASKED, "unasked", "answer or cookie that nobody waits for")                            \
	X(NO_KEYS, "no_keys", "sealed with keys that are not there any more, or never were")       \
	X(EXPIRED, "expired", "sealed with keys that are too old")                                 \
	X(REPLAYED, "replayed", "its number was taken before, or is too old to tell")              \
	X(FORGED, "forged", "changed on the way, or made up")

enum session_verdict {
#define X(id, name, help) SESSION_##id,
	SESSION_LIST(X)
#undef X
		SESSION_VERDICT_COUNT
};
const char *session_verdict_name(enum session_verdict v);

/* Keys for what goes past the session: hellos and the data tunnels. The first half of each is for
 * what the side that began the handshake sends, the second for the other's. Valid in the call. */
struct session_keys {
	bool initiator; /* we began */
	uint8_t hello[NOISE_HASH_LEN], data[NOISE_HASH_LEN];
};

/* All of a session's keys; valid in the call. */
struct session_secrets {
	uint32_t local, remote; /* numbers in what the peer, and what we send */
	const uint8_t *rx, *tx; /* keys of these, NOISE_KEY_LEN octets */
	struct session_keys keys;
};

struct session_ops {
	void *ctx;
	void (*random)(void *ctx, uint8_t *buf, size_t len);
	/* A datagram of the session's own, to the peer's address. */
	void (*send)(void *ctx, uint8_t node, const uint8_t *buf, size_t len);
	/* From now on messages are sealed with new keys. */
	void (*established)(void *ctx, uint8_t node, const struct session_keys *keys);
	/* We have answered a handshake: messages under these keys may come from now on, and nothing
	 * is sealed with them before established(), if that ever comes. NULL: nobody wants to know. */
	void (*answered)(void *ctx, uint8_t node, const struct session_keys *keys);
	/* Keys were made, and may be used from now on: for a key log. NULL: there is none. */
	void (*secrets)(void *ctx, uint8_t node, const struct session_secrets *secrets);
	/* The peer has the keys that were established last: something has come under them. Until
	 * then it may seal with those before. Once for each. NULL: nobody wants to know. */
	void (*confirmed)(void *ctx, uint8_t node);
};

struct session_peer {
	uint8_t node; /* 1..255, not ours */
	uint8_t key[NOISE_KEY_LEN]; /* public */
	struct ip6_addr address;
};

struct session_opts {
	uint8_t node; /* ours */
	const uint8_t *secret; /* NOISE_KEY_LEN octets; copied */
	const struct session_peer *peers; /* copied */
	uint32_t peer_count;
	uint64_t now_ms;
	struct session_ops ops;
};

/* now_ms everywhere: monotonic. 0, -EINVAL: ids or keys that make no sense, two of one id or key;
 * -ENOMEM. All secrets lie in guarded memory of libsodium's. */
int sessions_new(const struct session_opts *opts, struct sessions **out);
void sessions_free(struct sessions *s); /* wipes; NULL is fine */

/* Begins, repeats, renews and forgets what is due: a few times a second at least. wall_ms: the time
 * of day, milliseconds since 1970; a site that has restarted with its clock set back cannot begin
 * until it has caught up, but answers: its tries make the others begin. True: there is more to begin, by another call soon: a handshake costs
 * some 150 us, and one call begins SESSION_BEGINS at most. */
#define SESSION_BEGINS 2
bool sessions_turn(struct sessions *s, uint64_t now_ms, uint64_t wall_ms);

/* A datagram from the sync port. SESSION_DATA: *node, and *len octets in out, which has room for
 * n - SESSION_OVERHEAD and may be buf + 16; else nothing is in out. */
enum session_verdict sessions_input(struct sessions *s, const struct ip6_addr *from,
	const uint8_t *buf, size_t n, uint64_t now_ms, uint8_t *node, uint8_t *out, size_t *len);

/* Seals len > 0 octets for a peer: len + SESSION_OVERHEAD into out, which does not overlap with
 * plain. 0; -ENOTCONN: there are no keys now (a handshake is under way); -EINVAL: no such peer. */
int sessions_seal(struct sessions *s, uint8_t node, const uint8_t *plain, size_t len,
	uint64_t now_ms, uint8_t *out);

/* Something that was sealed with a peer's session_keys came from it, by another way than here: it has
 * them, so nothing is begun in its place. No such peer: nothing. */
void sessions_heard(struct sessions *s, uint8_t node, uint64_t now_ms);

struct session_info {
	bool established; /* messages can be sealed */
	uint64_t since_ms; /* keys made */
	uint64_t heard_ms; /* last genuine datagram; 0: never */
	uint32_t handshakes; /* finished, ever */
	enum session_verdict last_failure; /* of the last datagram that was refused */
	uint64_t failed_ms; /* when; 0: never */
};
/* -EINVAL: no such peer. */
int sessions_info(
	const struct sessions *s, uint8_t node, uint64_t now_ms, struct session_info *out);

/* base64 of sodium's kind of a private key -> its public key; both NOISE_KEY_LEN octets. */
int session_public_key(
	const uint8_t secret[static NOISE_KEY_LEN], uint8_t out[static NOISE_KEY_LEN]);
