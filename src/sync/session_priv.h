/* SPDX-License-Identifier: BSD-3-Clause */
/* Between session.c, which keeps and renews keys, and handshake.c, which makes them. */
#pragma once

#include <assert.h>

#include <sodium.h>

#include "common/bucket.h"
#include "sync/session.h"
#include "common/window.h"

#define MAC_LEN    16
#define COOKIE_LEN 16
#define STAMP_LEN  8
#define NONCE_LEN  crypto_aead_xchacha20poly1305_ietf_NPUBBYTES

enum { MSG_INIT = 1, MSG_RESPONSE, MSG_COOKIE, MSG_DATA };

/* As on the wire: numbers big-endian, no alignment. */
struct wire_init {
	uint8_t type, version, node, zero;
	uint8_t sender[4];
	uint8_t noise[NOISE_OVERHEAD + STAMP_LEN];
	uint8_t mac1[MAC_LEN], mac2[MAC_LEN];
};

struct wire_response {
	uint8_t type, version, node, zero;
	uint8_t sender[4], receiver[4];
	uint8_t noise[NOISE_OVERHEAD];
	uint8_t mac1[MAC_LEN], mac2[MAC_LEN];
};

struct wire_cookie {
	uint8_t type, version, zero[2];
	uint8_t receiver[4];
	uint8_t nonce[NONCE_LEN];
	uint8_t sealed[COOKIE_LEN + NOISE_TAG_LEN];
};

struct wire_data {
	uint8_t type, version, zero[2];
	uint8_t receiver[4], counter[8];
};

static_assert(sizeof(struct wire_init) == SESSION_HANDSHAKE_MAX, "the longest");
static_assert(sizeof(struct wire_data) + NOISE_TAG_LEN == SESSION_OVERHEAD, "as promised");

struct keys {
	bool valid, initiator;
	uint32_t local, remote; /* who is meant, in the receiver's words */
	uint64_t made_ms;
	uint64_t counter; /* of the next message */
	uint8_t tx[NOISE_KEY_LEN], rx[NOISE_KEY_LEN];
	uint8_t hello[NOISE_HASH_LEN], data[NOISE_HASH_LEN];
	struct window window;
};

struct peer {
	uint8_t node;
	uint8_t key[NOISE_KEY_LEN];
	struct ip6_addr address;
	uint8_t mac_key[MAC_LEN * 2], cookie_key[NOISE_KEY_LEN]; /* of what we send to it */

	struct keys now, before, next; /* next: we answered, nothing came under it yet */

	bool unconfirmed; /* nothing came under `now` yet */
	uint32_t confirms; /* messages that we sent for the peer to use it, */
	uint64_t confirm_ms; /* and when the next one is due */

	/* our own handshake */
	bool pending;
	struct noise noise;
	uint32_t local;
	uint64_t begun_ms, due_ms; /* sent; to be sent again */
	uint32_t tries;
	uint8_t sent_mac1[MAC_LEN];
	uint8_t cookie[COOKIE_LEN];
	uint64_t cookie_ms; /* when it came; 0: none */

	uint64_t stamp; /* the highest accepted from it */
	uint64_t instead_ms; /* its handshake was refused: ours is due then; 0: no */
	uint64_t lives_ms; /* it had keys of ours at that time, by whatever was sealed with them */

	struct session_info info;
};

struct sessions {
	uint8_t node;
	uint8_t secret[NOISE_KEY_LEN];
	uint8_t mac_key[MAC_LEN * 2], cookie_key[NOISE_KEY_LEN]; /* of what is sent to us */
	uint8_t cookie_secret[NOISE_KEY_LEN];
	uint64_t cookie_secret_ms;
	uint64_t stamp; /* the last one that we sent */
	uint64_t wall_ms;
	struct bucket handshakes, with_cookie, cookies;
	struct session_ops ops;
	uint8_t index[SESSION_NODES]; /* into peers, + 1 */
	uint32_t peer_count;
	uint32_t next_peer; /* to be looked at by sessions_turn() */
	struct peer peers[];
};

static_assert(SESSION_NODES - 1 <= UINT8_MAX, "index");

static inline void put32(uint8_t p[4], uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline uint32_t get32(const uint8_t p[4])
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void put64(uint8_t p[8], uint64_t v)
{
	put32(p, (uint32_t)(v >> 32));
	put32(p + 4, (uint32_t)v);
}

static inline uint64_t get64(const uint8_t p[8])
{
	return (uint64_t)get32(p) << 32 | get32(p + 4);
}

/* --- session.c --- */

struct peer *session_peer_of(struct sessions *s, uint8_t node); /* NULL: none */
/* The handshake is finished: *k become what is sealed with. */
void session_use(struct sessions *s, struct peer *p, const struct keys *k, uint64_t now_ms);
void session_answered(struct sessions *s, const struct peer *p); /* p->next is new */

/* --- handshake.c --- */

/* The keys that both sides of a peer's or of our own key derive for mac1 and cookies. */
void handshake_derive(const uint8_t public[NOISE_KEY_LEN], uint8_t mac_key[MAC_LEN * 2],
	uint8_t cookie_key[NOISE_KEY_LEN]);
void handshake_begin(struct sessions *s, struct peer *p, uint64_t now_ms);
enum session_verdict handshake_init(
	struct sessions *s, struct peer *p, const struct wire_init *m, uint64_t now_ms);
enum session_verdict handshake_response(
	struct sessions *s, struct peer *p, const struct wire_response *m, uint64_t now_ms);
enum session_verdict handshake_cookie(
	struct sessions *s, struct peer *p, const struct wire_cookie *m, uint64_t now_ms);
