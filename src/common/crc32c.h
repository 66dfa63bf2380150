/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CRC-32C (Castagnoli; RFC 3720, 12.1): finds damage, is no protection against forgery. Uses the
 * processor's instruction where it has one. Pure, any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* seed: 0, or what was returned for the octets in front of these. */
uint32_t crc32c(uint32_t seed, const void *buf, size_t len);

/* The same without that instruction; for tests. */
uint32_t crc32c_plain(uint32_t seed, const void *buf, size_t len);
