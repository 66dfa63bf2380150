/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/fragid.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static_assert(crypto_shorthash_KEYBYTES == FRAGID_KEY_LEN, "SipHash-2-4");

/* A Feistel network with SipHash as round function. Four rounds make a good permutation (Luby and
 * Rackoff), on large halves; these have 16 bits, where four would show after some 2^16 numbers. */
#define ROUNDS 8

void fragid_init(struct fragid *f, const uint8_t key[static FRAGID_KEY_LEN], uint32_t number,
	uint32_t sharers)
{
	assert(number < sharers && sharers <= 1U << 16);
	memcpy(f->key, key, sizeof(f->key));
	f->count = number;
	/* a power of two: sequences stay apart when the count overflows */
	f->step = 1;
	while (f->step < sharers)
		f->step <<= 1;
}

static uint16_t scramble(const struct fragid *f, uint8_t round, uint16_t half)
{
	const uint8_t in[] = { round, (uint8_t)(half >> 8), (uint8_t)half };
	uint8_t out[crypto_shorthash_BYTES];

	crypto_shorthash(out, in, sizeof(in), f->key);
	return (uint16_t)(out[0] << 8 | out[1]);
}

uint32_t fragid_next(struct fragid *f)
{
	uint16_t left = (uint16_t)(f->count >> 16), right = (uint16_t)f->count;

	f->count += f->step;
	for (uint8_t round = 0; round < ROUNDS; round++) {
		uint16_t next = left ^ scramble(f, round, right);

		left = right;
		right = next;
	}
	return (uint32_t)left << 16 | right;
}
