/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AES-128-GCM (NIST SP 800-38D) by IPsec-MB, a message at a time and in place: its calls for one
 * buffer cost less than its queue of jobs (docs/decisions/022-mesh-esp.md). Keys lie expanded in
 * libsodium's guarded memory. Nothing here prints.
 *
 * struct gcm holds nothing that changes: any thread may use it, and any key that was set.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCM_KEY_LEN 16
#define GCM_IV_LEN  12
#define GCM_TAG_LEN 16

struct gcm;
struct gcm_key;

int gcm_new(struct gcm **out); /* 0, -ENOMEM, -ENOTSUP: no such processor */
void gcm_free(struct gcm *gcm); /* NULL is fine */

/* NULL: no memory. Locked into memory as far as RLIMIT_MEMLOCK lets it; the caller wipes octets. */
struct gcm_key *gcm_key_new(const struct gcm *gcm, const uint8_t octets[static GCM_KEY_LEN]);
void gcm_key_free(struct gcm_key *key); /* wipes it; NULL is fine */
void gcm_key_prefetch(const struct gcm_key *key);

/* A (key, iv) must never come twice: whoever calls sees to it. */
void gcm_seal(const struct gcm *gcm, const struct gcm_key *key, const uint8_t iv[static GCM_IV_LEN],
	const uint8_t *aad, size_t aad_len, uint8_t *text, size_t len,
	uint8_t tag[static GCM_TAG_LEN]);
/* False: it is not what was sealed, and text is not to be used. */
bool gcm_open(const struct gcm *gcm, const struct gcm_key *key, const uint8_t iv[static GCM_IV_LEN],
	const uint8_t *aad, size_t aad_len, uint8_t *text, size_t len,
	const uint8_t tag[static GCM_TAG_LEN]);
