/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * HMAC-SHA1-96 (RFC 2104, 2404) by IPsec-MB, with keys that live in libsodium's guarded memory.
 * What is kept of a key is the state of SHA-1 behind its inner and outer pad: enough to sign, and
 * as secret as the key itself. Nothing here prints.
 *
 * A struct mac belongs to one thread; keys that were set may be read by any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAC_LEN     12 /* octets of the 96 bits */
#define MAC_MSG_MAX 2112 /* octets: the longest Mobility Header, two addresses and room */

struct mac;

struct mac_key { /* IPsec-MB reads whole 16 octets */
	_Alignas(16) uint8_t inner[20];
	_Alignas(16) uint8_t outer[20];
};

int mac_new(struct mac **out); /* 0, -ENOMEM, -ENOTSUP: no such processor */
void mac_free(struct mac *mac); /* NULL is fine */

/* Room for n > 0 keys, or NULL; locked into memory as far as RLIMIT_MEMLOCK lets it. */
struct mac_key *mac_keys_new(size_t n);
void mac_keys_free(struct mac_key *keys); /* wipes them; NULL is fine */
/* key: any length; the caller wipes it. */
void mac_key_set(struct mac *mac, struct mac_key *to, const uint8_t *key, size_t len);

/* The first 96 bits of HMAC-SHA1(key, msg); len: 1..MAC_MSG_MAX. */
void mac_sign(struct mac *mac, const struct mac_key *key, const uint8_t *msg, size_t len,
	uint8_t tag[static MAC_LEN]);
/* Both compare in constant time. */
bool mac_key_equal(const struct mac_key *a, const struct mac_key *b);
bool mac_equal(const uint8_t a[static MAC_LEN], const uint8_t b[static MAC_LEN]);
