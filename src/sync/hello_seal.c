/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/hello_seal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "common/plant.h"
#include "common/util.h"

static_assert(sizeof(struct net_hello) + NOISE_TAG_LEN == HELLO_SEAL_OVERHEAD, "as promised");
static_assert(NOISE_HASH_LEN == 2 * NOISE_KEY_LEN, "a key each way");

static void put(uint8_t *p, unsigned n, uint64_t v)
{
	while (n-- > 0) {
		p[n] = (uint8_t)v;
		v >>= 8;
	}
}

static uint64_t get(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

/* Public, the same at both ends: tells which of two keys is meant, and nothing about it. */
static uint32_t name_of(const uint8_t hello[NOISE_HASH_LEN])
{
	uint8_t h[crypto_generichash_BYTES_MIN];

	crypto_generichash(h, sizeof(h), (const uint8_t *)"hello", 5, hello, NOISE_HASH_LEN);
	return (uint32_t)get(h, 4);
}

uint32_t hello_seal_name(const struct session_keys *keys)
{
	return name_of(keys->hello);
}

static bool is_good(const struct hello_key *k, uint64_t now_ms)
{
	return k->valid && now_ms - k->made_ms < SESSION_REJECT_MS;
}

void hello_seal_keys(struct hello_seal *s, const struct session_keys *keys, uint64_t now_ms)
{
	const uint8_t *first = keys->hello, *second = keys->hello + NOISE_KEY_LEN;

	s->before = s->now;
	sodium_memzero(&s->now, sizeof(s->now));
	s->now.valid = true;
	s->now.heard = !keys->initiator;
	s->now.name = name_of(keys->hello);
	s->now.made_ms = now_ms;
	memcpy(s->now.tx, keys->initiator ? first : second, NOISE_KEY_LEN);
	memcpy(s->now.rx, keys->initiator ? second : first, NOISE_KEY_LEN);
}

unsigned hello_seal_names(const struct hello_seal *s, uint32_t names[static 2])
{
	unsigned n = 0;

	if (s->now.valid)
		names[n++] = s->now.name;
	if (s->before.valid)
		names[n++] = s->before.name;
	return n;
}

bool hello_seal(struct hello_seal *s, uint8_t node, const uint8_t *plain, size_t len,
	uint64_t now_ms, uint8_t *out)
{
	struct net_hello h = { HELLO_SEAL_TYPE, HELLO_SEAL_VERSION, .node = node };
	struct hello_key *k = &s->now;
	uint8_t nonce[12] = { 0 };

	if (!k->heard && s->before.heard && is_good(&s->before, now_ms))
		k = &s->before;
	if (!is_good(k, now_ms))
		return false;
	put(h.key, 4, k->name);
	put(h.counter, 8, k->counter++);
	memcpy(nonce + 4, h.counter, sizeof(h.counter));
	memcpy(out, &h, sizeof(h));
	crypto_aead_chacha20poly1305_ietf_encrypt(out + sizeof(h), NULL, plain, len,
		(const uint8_t *)&h, sizeof(h), NULL, nonce, k->tx);
	return true;
}

enum hello_verdict hello_seal_form(const uint8_t *buf, size_t n, uint8_t *node)
{
	int ret = net_hello_check(buf, n);

	if (ret < 0)
		return ret == -EBADMSG ? HELLO_MALFORMED : HELLO_OTHER_VERSION;
	*node = ((const struct net_hello *)buf)->node;
	return HELLO_TAKEN;
}

static struct hello_key *key_of(struct hello_seal *s, uint32_t name)
{
	if (s->now.valid && s->now.name == name)
		return &s->now;
	return s->before.valid && s->before.name == name ? &s->before : NULL;
}

enum hello_verdict hello_open(
	struct hello_seal *s, const uint8_t *buf, size_t n, uint64_t now_ms, uint8_t *out)
{
	const struct net_hello *h = (const struct net_hello *)buf;
	struct hello_key *k = key_of(s, net_hello_key(buf));
	uint64_t counter = get(h->counter, 8);
	uint8_t nonce[12] = { 0 };
	bool newest;

	if (k == NULL)
		return HELLO_NO_KEYS;
	if (!is_good(k, now_ms))
		return HELLO_EXPIRED;
	if (!window_is_new(&k->window, counter) && !planted(PLANT_HELLO_REPLAYED))
		return HELLO_REPLAYED;
	memcpy(nonce + 4, h->counter, sizeof(h->counter));
	if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, buf + sizeof(*h),
		    n - sizeof(*h), buf, sizeof(*h), nonce, k->rx) != 0)
		return HELLO_FORGED;
	newest = counter >= k->window.next && (k == &s->now || s->now.window.next == 0);
	if (planted(PLANT_HELLO_REPLAYED))
		newest = true;
	window_take(&k->window, counter);
	k->heard = true;
	return newest ? HELLO_TAKEN : HELLO_OLDER;
}
