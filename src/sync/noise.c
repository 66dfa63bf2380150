/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/noise.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <sodium.h>

#define BLOCK_LEN 128 /* BLAKE2b's */
#define MESSAGES  2

static const char protocol[] = "Noise_KK_25519_ChaChaPoly_BLAKE2b";

static_assert(sizeof(protocol) - 1 <= NOISE_HASH_LEN, "padded, not hashed (5.2)");
static_assert(NOISE_KEY_LEN == crypto_scalarmult_BYTES &&
		      NOISE_KEY_LEN == crypto_aead_chacha20poly1305_ietf_KEYBYTES,
	"one size for all keys");
static_assert(NOISE_TAG_LEN == crypto_aead_chacha20poly1305_ietf_ABYTES, "tag");
static_assert(NOISE_HASH_LEN == crypto_generichash_blake2b_BYTES_MAX, "BLAKE2b-512");

/* --- hashing (4.3) --- */

struct part {
	const void *p;
	size_t len;
};

static void hash_parts(uint8_t out[NOISE_HASH_LEN], const struct part *parts, unsigned n)
{
	crypto_generichash_blake2b_state st;

	crypto_generichash_blake2b_init(&st, NULL, 0, NOISE_HASH_LEN);
	for (unsigned i = 0; i < n; i++)
		crypto_generichash_blake2b_update(&st, parts[i].p, parts[i].len);
	crypto_generichash_blake2b_final(&st, out, NOISE_HASH_LEN);
	sodium_memzero(&st, sizeof(st));
}

/* RFC 2104 with BLAKE2b-512, which is not BLAKE2's keyed mode. key: a hash, never longer than a
 * block. */
static void hmac(uint8_t out[NOISE_HASH_LEN], const uint8_t key[NOISE_HASH_LEN],
	const struct part *a, const struct part *b)
{
	uint8_t pad[BLOCK_LEN], inner[NOISE_HASH_LEN];

	memset(pad, 0x36, sizeof(pad));
	for (unsigned i = 0; i < NOISE_HASH_LEN; i++)
		pad[i] ^= key[i];
	hash_parts(inner, (const struct part[]){ { pad, sizeof(pad) }, *a, *b }, 3);
	for (unsigned i = 0; i < BLOCK_LEN; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	hash_parts(out, (const struct part[]){ { pad, sizeof(pad) }, { inner, sizeof(inner) } }, 2);
	sodium_memzero(pad, sizeof(pad));
	sodium_memzero(inner, sizeof(inner));
}

/* HKDF with two outputs (4.3). a may be ck. */
static void hkdf(const uint8_t ck[NOISE_HASH_LEN], const void *ikm, size_t ikm_len,
	uint8_t a[NOISE_HASH_LEN], uint8_t b[NOISE_HASH_LEN])
{
	static const uint8_t one = 1, two = 2;
	uint8_t temp[NOISE_HASH_LEN];

	hmac(temp, ck, &(struct part){ ikm, ikm_len }, &(struct part){ NULL, 0 });
	hmac(a, temp, &(struct part){ &one, 1 }, &(struct part){ NULL, 0 });
	hmac(b, temp, &(struct part){ a, NOISE_HASH_LEN }, &(struct part){ &two, 1 });
	sodium_memzero(temp, sizeof(temp));
}

/* --- the symmetric state (5.1, 5.2) --- */

static void mix_hash(struct noise *n, const void *data, size_t len)
{
	hash_parts(n->h, (const struct part[]){ { n->h, NOISE_HASH_LEN }, { data, len } }, 2);
}

static void mix_key(struct noise *n, const uint8_t ikm[NOISE_KEY_LEN])
{
	uint8_t key[NOISE_HASH_LEN];

	hkdf(n->ck, ikm, NOISE_KEY_LEN, n->ck, key);
	memcpy(n->k, key, NOISE_KEY_LEN);
	n->n = 0;
	sodium_memzero(key, sizeof(key));
}

/* 12.3: 32 bits of zeros, then the counter, little-endian. */
static void nonce(uint64_t n, uint8_t out[12])
{
	memset(out, 0, 4);
	for (unsigned i = 0; i < 8; i++)
		out[4 + i] = (uint8_t)(n >> 8 * i);
}

static void encrypt_and_hash(struct noise *n, const uint8_t *plain, size_t len, uint8_t *out)
{
	uint8_t iv[12];

	nonce(n->n++, iv);
	crypto_aead_chacha20poly1305_ietf_encrypt(
		out, NULL, plain, len, n->h, NOISE_HASH_LEN, NULL, iv, n->k);
	mix_hash(n, out, len + NOISE_TAG_LEN);
}

static int decrypt_and_hash(struct noise *n, const uint8_t *in, size_t len, uint8_t *plain)
{
	uint8_t iv[12];

	nonce(n->n++, iv);
	if (crypto_aead_chacha20poly1305_ietf_decrypt(
		    plain, NULL, NULL, in, len, n->h, NOISE_HASH_LEN, iv, n->k) != 0)
		return -EBADMSG;
	mix_hash(n, in, len);
	return 0;
}

/* --- the handshake (5.3, 7.5) --- */

int noise_start(struct noise *n, bool initiator, const uint8_t secret[static NOISE_KEY_LEN],
	const uint8_t remote[static NOISE_KEY_LEN], const void *prologue, size_t prologue_len)
{
	uint8_t own[NOISE_KEY_LEN];

	if (crypto_scalarmult_base(own, secret) != 0)
		return -EINVAL;
	*n = (struct noise){ .initiator = initiator };
	memcpy(n->h, protocol, sizeof(protocol) - 1);
	memcpy(n->ck, n->h, NOISE_HASH_LEN);
	memcpy(n->s, secret, NOISE_KEY_LEN);
	memcpy(n->rs, remote, NOISE_KEY_LEN);
	mix_hash(n, prologue, prologue_len);
	mix_hash(n, initiator ? own : remote, NOISE_KEY_LEN);
	mix_hash(n, initiator ? remote : own, NOISE_KEY_LEN);
	return 0;
}

/* A public key of low order yields no secret: whoever sends one gets no further. */
static int mix_dh(
	struct noise *n, const uint8_t secret[NOISE_KEY_LEN], const uint8_t public[NOISE_KEY_LEN])
{
	uint8_t shared[NOISE_KEY_LEN];
	int ret = crypto_scalarmult(shared, secret, public) == 0 ? 0 : -EBADMSG;

	if (ret == 0)
		mix_key(n, shared);
	sodium_memzero(shared, sizeof(shared));
	return ret;
}

/* The tokens behind the first e: "es, ss" of the first message, "ee, se" of the second, each from
 * the side that we are. */
static int mix_message(struct noise *n)
{
	const uint8_t *es_or_se_secret, *es_or_se_public;
	bool ours_is_e = n->initiator == (n->messages == 0);
	int ret = 0;

	es_or_se_secret = ours_is_e ? n->e : n->s;
	es_or_se_public = ours_is_e ? n->rs : n->re;
	if (n->messages == 0) {
		ret = mix_dh(n, es_or_se_secret, es_or_se_public);
		return ret < 0 ? ret : mix_dh(n, n->s, n->rs);
	}
	ret = mix_dh(n, n->e, n->re);
	return ret < 0 ? ret : mix_dh(n, es_or_se_secret, es_or_se_public);
}

static bool is_our_turn(const struct noise *n, bool write)
{
	return n->messages < MESSAGES && write == (n->initiator == (n->messages == 0));
}

int noise_write(struct noise *n, const uint8_t ephemeral[static NOISE_KEY_LEN],
	const uint8_t *payload, size_t len, uint8_t *out)
{
	int ret;

	if (!is_our_turn(n, true))
		return -EPROTO;
	memcpy(n->e, ephemeral, NOISE_KEY_LEN);
	if (crypto_scalarmult_base(out, n->e) != 0)
		return -EBADMSG;
	mix_hash(n, out, NOISE_KEY_LEN);
	ret = mix_message(n);
	if (ret < 0)
		return ret;
	encrypt_and_hash(n, payload, len, out + NOISE_KEY_LEN);
	n->messages++;
	return 0;
}

int noise_read(struct noise *n, const uint8_t *msg, size_t len, uint8_t *payload)
{
	struct noise next = *n;
	int ret;

	if (!is_our_turn(n, false))
		return -EPROTO;
	if (len < NOISE_OVERHEAD)
		return -EBADMSG;
	memcpy(next.re, msg, NOISE_KEY_LEN);
	mix_hash(&next, msg, NOISE_KEY_LEN);
	ret = mix_message(&next);
	if (ret == 0)
		ret = decrypt_and_hash(&next, msg + NOISE_KEY_LEN, len - NOISE_KEY_LEN, payload);
	if (ret == 0) {
		next.messages++;
		*n = next;
	}
	noise_wipe(&next);
	return ret;
}

bool noise_is_done(const struct noise *n)
{
	return n->messages == MESSAGES;
}

void noise_split(
	const struct noise *n, uint8_t tx[static NOISE_KEY_LEN], uint8_t rx[static NOISE_KEY_LEN])
{
	uint8_t first[NOISE_HASH_LEN], second[NOISE_HASH_LEN];

	assert(noise_is_done(n));
	hkdf(n->ck, NULL, 0, first, second);
	memcpy(n->initiator ? tx : rx, first, NOISE_KEY_LEN);
	memcpy(n->initiator ? rx : tx, second, NOISE_KEY_LEN);
	sodium_memzero(first, sizeof(first));
	sodium_memzero(second, sizeof(second));
}

void noise_export(const struct noise *n, const char *label, uint8_t out[static NOISE_HASH_LEN])
{
	uint8_t unused[NOISE_HASH_LEN];
	size_t len = strlen(label);

	assert(noise_is_done(n) && len > 0 && len <= NOISE_LABEL_MAX);
	hkdf(n->ck, label, len, out, unused);
	sodium_memzero(unused, sizeof(unused));
}

const uint8_t *noise_hash(const struct noise *n)
{
	return n->h;
}

void noise_wipe(struct noise *n)
{
	sodium_memzero(n, sizeof(*n));
}
