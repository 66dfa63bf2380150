/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/crc32c.h"

#include <string.h>

/* One step of four bits each way: 0x82f63b78 is the polynomial, its lowest power first. */
static const uint32_t nibble[16] = {
	0x00000000,
	0x105ec76f,
	0x20bd8ede,
	0x30e349b1,
	0x417b1dbc,
	0x5125dad3,
	0x61c69362,
	0x7198540d,
	0x82f63b78,
	0x92a8fc17,
	0xa24bb5a6,
	0xb21572c9,
	0xc38d26c4,
	0xd3d3e1ab,
	0xe330a81a,
	0xf36e6f75,
};

uint32_t crc32c_plain(uint32_t seed, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	uint32_t crc = ~seed;

	for (; len > 0; len--, p++) {
		crc ^= *p;
		crc = crc >> 4 ^ nibble[crc & 15];
		crc = crc >> 4 ^ nibble[crc & 15];
	}
	return ~crc;
}

#ifdef __x86_64__

#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse(
	uint32_t seed, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	uint64_t crc = ~seed;

	for (; len >= sizeof(uint64_t); len -= sizeof(uint64_t), p += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		crc = _mm_crc32_u64(crc, word);
	}
	for (; len > 0; len--, p++)
		crc = _mm_crc32_u8((uint32_t)crc, *p);
	return ~(uint32_t)crc;
}

uint32_t crc32c(uint32_t seed, const void *buf, size_t len)
{
	return __builtin_cpu_supports("sse4.2") ? crc32c_sse(seed, buf, len)
						: crc32c_plain(seed, buf, len);
}

#else

uint32_t crc32c(uint32_t seed, const void *buf, size_t len)
{
	return crc32c_plain(seed, buf, len);
}

#endif
