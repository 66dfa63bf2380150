/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Identification fields of fragments (RFC 7739). A repeated one mixes two packets up, a guessed
 * one lets somebody off the path do so. Each sharer of a key (worker, control core) counts in a
 * sequence of its own, and a keyed permutation of 32 bits hides the count: nobody locks, no
 * number comes twice before 2^32 / sharers packets of one of them, whatever the destination, and
 * what was seen tells nothing about what comes. Pure; one owner each.
 */
#pragma once

#include <stdint.h>

#define FRAGID_KEY_LEN 16

struct fragid {
	uint8_t key[FRAGID_KEY_LEN];
	uint32_t count;
	uint32_t step;
};

/* The sequence of sharer `number` of `sharers` (number < sharers <= 2^16) under a secret key that
 * they have in common. */
void fragid_init(struct fragid *f, const uint8_t key[static FRAGID_KEY_LEN], uint32_t number,
	uint32_t sharers);
/* Some 0.15 us. */
uint32_t fragid_next(struct fragid *f);
