/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Noise_KK_25519_ChaChaPoly_BLAKE2b (The Noise Protocol Framework, revision 34): the handshake of
 * two sites that know each other's public key. Two messages, then two keys:
 *
 *      initiator -> responder   e, es, ss   payload   readable by a holder of the responder's key,
 *                                                     and replayable
 *      responder -> initiator   e, ee, se   payload   forward secret, mutual
 *
 * Pure: no clock and no randomness but the ephemeral key that is handed in, which must be fresh
 * for each handshake. One owner. The structure holds secrets: keep it in memory of libsodium's
 * where it lives long, and call noise_wipe().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOISE_KEY_LEN   32 /* X25519's, public and secret, and ChaCha20-Poly1305's */
#define NOISE_TAG_LEN   16
#define NOISE_HASH_LEN  64
#define NOISE_OVERHEAD  (NOISE_KEY_LEN + NOISE_TAG_LEN) /* of a handshake message */
#define NOISE_LABEL_MAX 32

struct noise {
	uint8_t ck[NOISE_HASH_LEN], h[NOISE_HASH_LEN];
	uint8_t k[NOISE_KEY_LEN];
	uint64_t n;
	uint8_t s[NOISE_KEY_LEN], e[NOISE_KEY_LEN]; /* our secrets */
	uint8_t rs[NOISE_KEY_LEN], re[NOISE_KEY_LEN]; /* the other's public keys */
	bool initiator;
	uint8_t messages; /* done */
};

/* prologue: what both must agree on in clear; any length. secret: our static key; remote: the
 * other's public one. 0; -EINVAL: our key has no public one (it cannot happen to a generated
 * key). */
int noise_start(struct noise *n, bool initiator, const uint8_t secret[static NOISE_KEY_LEN],
	const uint8_t remote[static NOISE_KEY_LEN], const void *prologue, size_t prologue_len);

/*
 * The next handshake message, NOISE_OVERHEAD + len octets into out (which does not overlap with
 * payload). 0; -EPROTO: it is not our turn; -EBADMSG: the other's key is one that yields no
 * secret. After any error the handshake is over.
 */
int noise_write(struct noise *n, const uint8_t ephemeral[static NOISE_KEY_LEN],
	const uint8_t *payload, size_t len, uint8_t *out);
/*
 * Takes the other's; len - NOISE_OVERHEAD octets into payload. 0, -EPROTO as above, or -EBADMSG:
 * too short, not made with the keys and the prologue that we know, or changed on the way; then
 * *n is as it was, so that a forged message ends nothing, and payload holds nothing of it.
 */
int noise_read(struct noise *n, const uint8_t *msg, size_t len, uint8_t *payload);

bool noise_is_done(const struct noise *n); /* both messages went */

/* Once it is done: what we seal with and what we open with. */
void noise_split(
	const struct noise *n, uint8_t tx[static NOISE_KEY_LEN], uint8_t rx[static NOISE_KEY_LEN]);
/* Once it is done: 64 more octets of key that both sides derive alike and that tell nothing about
 * others. label: what for, at most NOISE_LABEL_MAX characters. */
void noise_export(const struct noise *n, const char *label, uint8_t out[static NOISE_HASH_LEN]);
/* A name for this session, public; the same at both ends. */
const uint8_t *noise_hash(const struct noise *n);

void noise_wipe(struct noise *n);
