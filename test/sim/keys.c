/* SPDX-License-Identifier: BSD-3-Clause */
#include "keys.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "world.h"

#define SLOTS_MIN 1024 /* a power of two, like all sizes of the table */

/* Open addressing, 0: free. What is kept of key and nonce is a hash of 64 bits: among the hundred
 * thousand of a world two are alike by chance once in a billion worlds. */
static struct {
	struct world *w;
	uint64_t *slot, salt;
	size_t slots, used;
} seen;

int __real_crypto_aead_chacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *clen,
	const unsigned char *m, unsigned long long mlen, const unsigned char *ad,
	unsigned long long adlen, const unsigned char *nsec, const unsigned char *npub,
	const unsigned char *k);
int __wrap_crypto_aead_chacha20poly1305_ietf_encrypt(unsigned char *c, unsigned long long *clen,
	const unsigned char *m, unsigned long long mlen, const unsigned char *ad,
	unsigned long long adlen, const unsigned char *nsec, const unsigned char *npub,
	const unsigned char *k);

void keys_begin(struct world *w)
{
	seen.w = w;
	seen.slots = SLOTS_MIN;
	seen.slot = mem_own(SLOTS_MIN * sizeof(*seen.slot));
	memset(seen.slot, 0, SLOTS_MIN * sizeof(*seen.slot));
	seen.used = 0;
	seen.salt = w->seed;
}

void keys_end(void)
{
	free(seen.slot);
	memset(&seen, 0, sizeof(seen));
}

/* False: it is there already. */
static bool put(uint64_t hash)
{
	size_t at = hash & (seen.slots - 1);

	while (seen.slot[at] != 0) {
		if (seen.slot[at] == hash)
			return false;
		at = (at + 1) & (seen.slots - 1);
	}
	seen.slot[at] = hash;
	seen.used++;
	return true;
}

static void grow(void)
{
	uint64_t *old = seen.slot;
	size_t n = seen.slots;

	seen.slots = 2 * n;
	seen.used = 0;
	seen.slot = mem_own(seen.slots * sizeof(*seen.slot));
	memset(seen.slot, 0, seen.slots * sizeof(*seen.slot));
	for (size_t i = 0; i < n; i++)
		if (old[i] != 0)
			(void)put(old[i]);
	free(old);
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
		if (2 * seen.used >= seen.slots)
			grow();
		if (!put(hash_of(k, npub)))
			world_fail(seen.w,
				"%llu octets are sealed under a key and a nonce that "
				"sealed others before",
				mlen);
	}
	return __real_crypto_aead_chacha20poly1305_ietf_encrypt(
		c, clen, m, mlen, ad, adlen, nsec, npub, k);
}
