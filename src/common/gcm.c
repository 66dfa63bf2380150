/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/gcm.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <intel-ipsec-mb.h>
#include <sodium.h>

#include "common/gcm_wide.h"

struct gcm {
	IMB_MGR *mb;
	bool is_wide; /* gcm_wide_is_there(), and IPsec-MB has nothing as wide */
};

struct gcm_key {
	_Alignas(64) struct gcm_key_data data; /* IPsec-MB wants it there */
	struct gcm_wide wide; /* zero where it is not used */
};

/* More than is used of the stack where a key is made ready. */
#define STACK_MOST 4096

/* sodium_malloc() puts the end at the end of a page. */
static_assert(sizeof(struct gcm_key) % 64 == 0, "so that its start is aligned, too");

int gcm_new(struct gcm **out)
{
	struct gcm *gcm = calloc(1, sizeof(*gcm));
	int ret = -ENOMEM;

	if (gcm == NULL || sodium_init() < 0)
		goto err;
	gcm->mb = alloc_mb_mgr(0);
	if (gcm->mb == NULL)
		goto err;
	init_mb_mgr_auto(gcm->mb, NULL);
	ret = -ENOTSUP;
	if (imb_get_errno(gcm->mb) != 0)
		goto err;
	gcm->is_wide = gcm_wide_is_there() && !(gcm->mb->features & IMB_FEATURE_AVX512_SKX);
	*out = gcm;
	return 0;

err:
	gcm_free(gcm);
	return ret;
}

void gcm_free(struct gcm *gcm)
{
	if (gcm == NULL)
		return;
	if (gcm->mb != NULL)
		free_mb_mgr(gcm->mb);
	free(gcm);
}

struct gcm_key *gcm_key_new(const struct gcm *gcm, const uint8_t octets[static GCM_KEY_LEN])
{
	struct gcm_key *key = sodium_malloc(sizeof(*key));

	if (key == NULL)
		return NULL;
	memset(key, 0, sizeof(*key));
	IMB_AES128_GCM_PRE(gcm->mb, octets, &key->data);
	if (gcm->is_wide)
		gcm_wide_key(&key->wide, key->data.expanded_keys);
	sodium_stackzero(STACK_MOST); /* the key of the hash, where registers were not enough */
	return key;
}

void gcm_key_free(struct gcm_key *key)
{
	sodium_free(key);
}

void gcm_key_prefetch(const struct gcm_key *key)
{
	/* round keys, and the first powers of H */
	for (size_t at = 0; at < 512; at += 64)
		__builtin_prefetch((const uint8_t *)key + at);
}

void gcm_seal(const struct gcm *gcm, const struct gcm_key *key, const uint8_t iv[static GCM_IV_LEN],
	const uint8_t *aad, size_t aad_len, uint8_t *text, size_t len,
	uint8_t tag[static GCM_TAG_LEN])
{
	struct gcm_context_data c;

	if (gcm->is_wide && len >= GCM_WIDE_LEAST && aad_len <= GCM_WIDE_AAD) {
		gcm_wide_seal(&key->wide, iv, aad, aad_len, text, len, tag);
		return;
	}
	IMB_AES128_GCM_ENC(
		gcm->mb, &key->data, &c, text, text, len, iv, aad, aad_len, tag, GCM_TAG_LEN);
}

bool gcm_open(const struct gcm *gcm, const struct gcm_key *key, const uint8_t iv[static GCM_IV_LEN],
	const uint8_t *aad, size_t aad_len, uint8_t *text, size_t len,
	const uint8_t tag[static GCM_TAG_LEN])
{
	struct gcm_context_data c;
	uint8_t due[GCM_TAG_LEN];
	bool is_genuine;

	if (gcm->is_wide && len >= GCM_WIDE_LEAST && aad_len <= GCM_WIDE_AAD)
		gcm_wide_open(&key->wide, iv, aad, aad_len, text, len, due);
	else
		IMB_AES128_GCM_DEC(gcm->mb, &key->data, &c, text, text, len, iv, aad, aad_len, due,
			GCM_TAG_LEN);
	is_genuine = sodium_memcmp(due, tag, GCM_TAG_LEN) == 0;
	sodium_memzero(due, sizeof(due)); /* what makes a forgery genuine */
	return is_genuine;
}
