/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AES-128-GCM (NIST SP 800-38D) by VAES and VPCLMULQDQ, two blocks an instruction, for processors
 * that have them without AVX512: IPsec-MB 1.3 uses one block an instruction there. Only for long
 * messages, where it halves the time; behind common/gcm.h, with the keys that IPsec-MB expanded.
 * No branch and no address depends on a secret. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GCM_WIDE_LEAST  256 /* octets from which on it is the faster one */
#define GCM_WIDE_AAD    16 /* octets of additional data, at most: one block */
#define GCM_WIDE_ROUNDS 11 /* keys of AES-128 */
#define GCM_WIDE_AHEAD  8 /* blocks hashed before one reduction */

struct gcm_wide {
	_Alignas(64) uint8_t round[GCM_WIDE_ROUNDS][16];
	uint8_t power[GCM_WIDE_AHEAD][16]; /* of the hash key, times x: the 8th first */
	uint8_t unused[16];
};

bool gcm_wide_is_there(void); /* this processor has what it takes */
/* expanded: the round keys in their order. */
void gcm_wide_key(struct gcm_wide *k, const uint8_t expanded[static GCM_WIDE_ROUNDS * 16]);
/* Seals, or opens without comparing the tag: that is left to the caller. aad_len <= GCM_WIDE_AAD. */
void gcm_wide_seal(const struct gcm_wide *k, const uint8_t iv[static 12], const uint8_t *aad,
	size_t aad_len, uint8_t *text, size_t len, uint8_t tag[static 16]);
void gcm_wide_open(const struct gcm_wide *k, const uint8_t iv[static 12], const uint8_t *aad,
	size_t aad_len, uint8_t *text, size_t len, uint8_t tag[static 16]);
