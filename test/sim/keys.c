/* SPDX-License-Identifier: BSD-3-Clause */
#include "keys.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "sync/noise.h"
#include "world.h"

#define SLOTS_MIN 1024 /* a power of two, like all sizes of the table */

/* Open addressing, 0: free. What is kept of key and nonce is a hash of 64 bits: among the hundred
 * thousand of a world two are alike by chance once in a billion worlds. */
struct table {
	uint64_t *slot;
	size_t slots, used;
};

static struct {
	struct world *w;
	uint64_t salt;
	struct table sealed, opened;
} seen;

int __real_crypto_aead_chacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *clen,
	const unsigned char *m, unsigned long long mlen, const unsigned char *ad,
	unsigned long long adlen, const unsigned char *nsec, const unsigned char *npub,
	const unsigned char *k);
int __wrap_crypto_aead_chacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *clen,
	const unsigned char *m, unsigned long long mlen, const unsigned char *ad,
	unsigned long long adlen, const unsigned char *nsec, const unsigned char *npub,
	const unsigned char *k);

int __real_crypto_aead_chacha20poly1305_ietf_decrypt(unsigned char *m, unsigned long long *mlen,
	unsigned char *nsec, const unsigned char *c, unsigned long long clen,
	const unsigned char *ad, unsigned long long adlen, const unsigned char *npub,
	const unsigned char *k);
int __wrap_crypto_aead_chacha20poly1305_ietf_decrypt(unsigned char *m, unsigned long long *mlen,
	unsigned char *nsec, const unsigned char *c, unsigned long long clen,
	const unsigned char *ad, unsigned long long adlen, const unsigned char *npub,
	const unsigned char *k);

static void table_begin(struct table *t, size_t slots)
{
	*t = (struct table){ .slot = mem_own(slots * sizeof(*t->slot)), .slots = slots };
	memset(t->slot, 0, slots * sizeof(*t->slot));
}

void keys_begin(struct world *w)
{
	seen.w = w;
	seen.salt = w->seed;
	table_begin(&seen.sealed, SLOTS_MIN);
	table_begin(&seen.opened, SLOTS_MIN);
}

void keys_end(void)
{
	free(seen.sealed.slot);
	free(seen.opened.slot);
	memset(&seen, 0, sizeof(seen));
}

static bool put(struct table *t, uint64_t hash)
{
	size_t at = hash & (t->slots - 1);

	while (t->slot[at] != 0) {
		if (t->slot[at] == hash)
			return false;
		at = (at + 1) & (t->slots - 1);
	}
	t->slot[at] = hash;
	t->used++;
	return true;
}

static void grow(struct table *t)
{
	struct table old = *t;

	table_begin(t, 2 * old.slots);
	for (size_t i = 0; i < old.slots; i++)
		if (old.slot[i] != 0)
			(void)put(t, old.slot[i]);
	free(old.slot);
}

/* False: it is there already. */
static bool is_first(struct table *t, uint64_t hash)
{
	if (2 * t->used >= t->slots)
		grow(t);
	return put(t, hash);
}

static uint64_t hash_of(const unsigned char *key, const unsigned char *nonce)
{
	uint64_t hash = seen.salt, part[6] = { 0 };

	memcpy(part, key, crypto_aead_chacha20poly1305_ietf_KEYBYTES);
	memcpy(part + 4, nonce, crypto_aead_chacha20poly1305_ietf_NPUBBYTES);
	for (unsigned i = 0; i < DIM(part); i++) {
		hash ^= part[i];
		hash = rng_next(&hash);
	}
	return hash | 1;
}

int __wrap_crypto_aead_chacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *clen,
	const unsigned char *m, unsigned long long mlen, const unsigned char *ad,
	unsigned long long adlen, const unsigned char *nsec, const unsigned char *npub,
	const unsigned char *k)
{
	if (seen.w != NULL) {
		seen.w->stats.seals++;
		if (!is_first(&seen.sealed, hash_of(k, npub)))
			world_fail(seen.w,
				"%llu octets are sealed under a key and a nonce that "
				"sealed others before",
				mlen);
	}
	return __real_crypto_aead_chacha20poly1305_ietf_encrypt(
		c, clen, m, mlen, ad, adlen, nsec, npub, k);
}

/* A handshake's first message may be opened again, and is then refused for its stamp: what is sealed
 * in handshakes is told by the hash that goes with it. */
int __wrap_crypto_aead_chacha20poly1305_ietf_decrypt(unsigned char *m, unsigned long long *mlen,
	unsigned char *nsec, const unsigned char *c, unsigned long long clen,
	const unsigned char *ad, unsigned long long adlen, const unsigned char *npub,
	const unsigned char *k)
{
	int ret = __real_crypto_aead_chacha20poly1305_ietf_decrypt(
		m, mlen, nsec, c, clen, ad, adlen, npub, k);

	if (ret == 0 && seen.w != NULL && adlen != NOISE_HASH_LEN &&
		!is_first(&seen.opened, hash_of(k, npub)))
		world_fail(seen.w, "%llu sealed octets are opened that were opened before", clen);
	return ret;
}
