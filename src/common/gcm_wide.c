/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GHASH as in Gueron, Kounavis: Intel Carry-Less Multiplication Instruction and its Usage for
 * Computing the GCM Mode. Blocks and the hash key have their octets reversed; the key is multiplied
 * by x beforehand, which saves a shift of each product, and eight products are added before they
 * are reduced.
 */
#include "common/gcm_wide.h"

#include <assert.h>
#include <cpuid.h>
#include <string.h>

#include <immintrin.h>

static_assert(sizeof(struct gcm_wide) % 64 == 0, "keys lie at the end of a page");

#define WIDE        __attribute__((target("avx2,aes,pclmul,vaes,vpclmulqdq")))
#define WIDE_INLINE WIDE __attribute__((always_inline)) static inline

/* Or what should be registers is memory. */
#define UNROLLED _Pragma("GCC unroll 16")

#define CHUNK (16 * GCM_WIDE_AHEAD)

bool gcm_wide_is_there(void)
{
	unsigned a, b, c, d;

	if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("aes") ||
		!__builtin_cpu_supports("pclmul") || __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0)
		return false;
	return (c & bit_VAES) != 0 && (c & bit_VPCLMULQDQ) != 0;
}

WIDE_INLINE __m128i load(const void *p)
{
	return _mm_loadu_si128(p);
}

WIDE_INLINE __m128i reversed(__m128i v)
{
	return _mm_shuffle_epi8(
		v, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

WIDE_INLINE __m256i reversed2(__m256i v)
{
	return _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(_mm_set_epi8(0, 1, 2, 3, 4, 5, 6,
					      7, 8, 9, 10, 11, 12, 13, 14, 15)));
}

/* --- AES --- */

WIDE_INLINE __m128i encrypt(const struct gcm_wide *k, __m128i v)
{
	v = _mm_xor_si128(v, load(k->round[0]));
	UNROLLED
	for (unsigned r = 1; r < GCM_WIDE_ROUNDS - 1; r++)
		v = _mm_aesenc_si128(v, load(k->round[r]));
	return _mm_aesenclast_si128(v, load(k->round[GCM_WIDE_ROUNDS - 1]));
}

/* The next eight blocks of the key stream. counter: reversed, of the first two. */
WIDE_INLINE void stream(const struct gcm_wide *k, __m256i *counter, __m256i out[4])
{
	const __m256i two = _mm256_set_epi32(0, 0, 0, 2, 0, 0, 0, 2);
	__m256i key = _mm256_broadcastsi128_si256(load(k->round[0]));

	UNROLLED
	for (unsigned i = 0; i < 4; i++) {
		out[i] = _mm256_xor_si256(reversed2(*counter), key);
		*counter = _mm256_add_epi32(*counter, two);
	}
	UNROLLED
	for (unsigned r = 1; r < GCM_WIDE_ROUNDS - 1; r++) {
		key = _mm256_broadcastsi128_si256(load(k->round[r]));
		UNROLLED
		for (unsigned i = 0; i < 4; i++)
			out[i] = _mm256_aesenc_epi128(out[i], key);
	}
	key = _mm256_broadcastsi128_si256(load(k->round[GCM_WIDE_ROUNDS - 1]));
	UNROLLED
	for (unsigned i = 0; i < 4; i++)
		out[i] = _mm256_aesenclast_epi128(out[i], key);
}

/* --- GHASH --- */

/* A product of 256 bits: low + middle * x^64 + high * x^128. */
struct product {
	__m128i low, middle, high;
};

WIDE_INLINE void add_product(struct product *p, __m128i a, __m128i b)
{
	p->low = _mm_xor_si128(p->low, _mm_clmulepi64_si128(a, b, 0x00));
	p->high = _mm_xor_si128(p->high, _mm_clmulepi64_si128(a, b, 0x11));
	p->middle = _mm_xor_si128(p->middle, _mm_clmulepi64_si128(a, b, 0x01));
	p->middle = _mm_xor_si128(p->middle, _mm_clmulepi64_si128(a, b, 0x10));
}

WIDE_INLINE __m128i reduced(struct product p)
{
	const __m128i poly = _mm_set_epi64x((long long)0xc200000000000000ULL, 1);

	p.middle = _mm_xor_si128(p.middle, _mm_clmulepi64_si128(p.low, poly, 0x10));
	p.middle = _mm_xor_si128(p.middle, _mm_shuffle_epi32(p.low, 0x4e));
	p.high = _mm_xor_si128(p.high, _mm_clmulepi64_si128(p.middle, poly, 0x10));
	return _mm_xor_si128(p.high, _mm_shuffle_epi32(p.middle, 0x4e));
}

WIDE_INLINE __m128i multiplied(__m128i a, __m128i b)
{
	struct product p = { 0 };

	add_product(&p, a, b);
	return reduced(p);
}

WIDE_INLINE __m128i power(const struct gcm_wide *k, unsigned n)
{
	return load(k->power[GCM_WIDE_AHEAD - n]);
}

/* Eight blocks. */
WIDE_INLINE __m128i hash_chunk(const struct gcm_wide *k, __m128i y, const __m256i block[4])
{
	__m256i low = _mm256_setzero_si256(), middle = low, high = low;
	struct product p;

	UNROLLED
	for (unsigned i = 0; i < 4; i++) {
		__m256i h = _mm256_loadu_si256((const void *)k->power[2 * i]);
		__m256i x = reversed2(block[i]);

		if (i == 0)
			x = _mm256_xor_si256(x, _mm256_zextsi128_si256(y));
		low = _mm256_xor_si256(low, _mm256_clmulepi64_epi128(x, h, 0x00));
		high = _mm256_xor_si256(high, _mm256_clmulepi64_epi128(x, h, 0x11));
		middle = _mm256_xor_si256(middle, _mm256_clmulepi64_epi128(x, h, 0x01));
		middle = _mm256_xor_si256(middle, _mm256_clmulepi64_epi128(x, h, 0x10));
	}
	p.low = _mm_xor_si128(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
	p.high = _mm_xor_si128(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
	p.middle =
		_mm_xor_si128(_mm256_castsi256_si128(middle), _mm256_extracti128_si256(middle, 1));
	return reduced(p);
}

/* n blocks, at most eight. */
WIDE_INLINE __m128i hash_blocks(const struct gcm_wide *k, __m128i y, const uint8_t *at, unsigned n)
{
	struct product p = { 0 };

	for (unsigned i = 0; i < n; i++) {
		__m128i x = reversed(load(at + 16 * i));

		add_product(&p, i == 0 ? _mm_xor_si128(x, y) : x, power(k, n - i));
	}
	return n > 0 ? reduced(p) : y;
}

WIDE void gcm_wide_key(struct gcm_wide *k, const uint8_t expanded[static GCM_WIDE_ROUNDS * 16])
{
	const __m128i poly = _mm_set_epi64x((long long)0xc200000000000000ULL, 1);
	__m128i h, first, carry;

	memset(k, 0, sizeof(*k));
	memcpy(k->round, expanded, sizeof(k->round));
	h = reversed(encrypt(k, _mm_setzero_si128()));
	/* times x: all bits one up, and the highest, should it be set, folded in */
	carry = _mm_srai_epi32(_mm_shuffle_epi32(h, 0xff), 31);
	first = _mm_or_si128(_mm_slli_epi64(h, 1), _mm_slli_si128(_mm_srli_epi64(h, 63), 8));
	first = _mm_xor_si128(first, _mm_and_si128(carry, poly));
	h = first;
	for (unsigned n = 1; n <= GCM_WIDE_AHEAD; n++) {
		_mm_storeu_si128((void *)k->power[GCM_WIDE_AHEAD - n], h);
		h = multiplied(h, first);
	}
}

/* --- GCM --- */

/* Text and key stream do not stay on the stack. */
WIDE_INLINE void wipe(uint8_t chunk[static CHUNK])
{
	memset(chunk, 0, CHUNK);
	__asm__ volatile("" : : "r"(chunk) : "memory"); /* or it would be left out */
}

/* Less than a chunk. What is not there of its last block is hashed as zeros. */
WIDE_INLINE __m128i crypt_tail(const struct gcm_wide *k, __m256i *counter, __m128i y, uint8_t *text,
	size_t len, bool seals)
{
	_Alignas(32) uint8_t last[CHUNK] = { 0 };
	__m256i s[4], *block = (__m256i *)last;

	if (len == 0)
		return y;
	memcpy(last, text, len); /* before there is key stream: registers are saved for it */
	stream(k, counter, s);
	if (!seals)
		y = hash_blocks(k, y, last, (unsigned)((len + 15) / 16));
	UNROLLED
	for (unsigned i = 0; i < 4; i++)
		_mm256_store_si256(&block[i], _mm256_xor_si256(_mm256_load_si256(&block[i]), s[i]));
	memcpy(text, last, len);
	memset(last + len, 0, CHUNK - len);
	if (seals)
		y = hash_blocks(k, y, last, (unsigned)((len + 15) / 16));
	wipe(last);
	return y;
}

WIDE_INLINE __m128i crypt_chunks(const struct gcm_wide *k, __m256i *counter, __m128i y,
	uint8_t *text, size_t len, bool seals)
{
	for (uint8_t *end = text + len; text < end; text += CHUNK) {
		__m256i s[4], in[4], out[4];

		stream(k, counter, s);
		UNROLLED
		for (unsigned i = 0; i < 4; i++) {
			in[i] = _mm256_loadu_si256((const void *)(text + 32 * i));
			out[i] = _mm256_xor_si256(in[i], s[i]);
			_mm256_storeu_si256((void *)(text + 32 * i), out[i]);
		}
		y = hash_chunk(k, y, seals ? out : in);
	}
	return y;
}

WIDE_INLINE void crypt(const struct gcm_wide *k, const uint8_t *iv, const uint8_t *aad,
	size_t aad_len, uint8_t *text, size_t len, uint8_t *tag, bool seals)
{
	uint8_t first[16] = { [15] = 1 }, head[16] = { 0 };
	size_t whole = len / CHUNK * CHUNK;
	__m128i y = _mm_setzero_si128(), j, lengths;
	__m256i counter;

	memcpy(first, iv, 12);
	j = reversed(load(first));
	counter = _mm256_add_epi32(
		_mm256_broadcastsi128_si256(j), _mm256_set_epi32(0, 0, 0, 2, 0, 0, 0, 1));
	memcpy(head, aad, aad_len);
	y = hash_blocks(k, y, head, aad_len > 0);
	y = crypt_chunks(k, &counter, y, text, whole, seals);
	y = crypt_tail(k, &counter, y, text + whole, len - whole, seals);
	lengths = _mm_set_epi64x((long long)(8 * aad_len), (long long)(8 * len));
	y = multiplied(_mm_xor_si128(y, lengths), power(k, 1));
	_mm_storeu_si128((void *)tag, _mm_xor_si128(reversed(y), encrypt(k, load(first))));
}

WIDE void gcm_wide_seal(const struct gcm_wide *k, const uint8_t iv[static 12], const uint8_t *aad,
	size_t aad_len, uint8_t *text, size_t len, uint8_t tag[static 16])
{
	crypt(k, iv, aad, aad_len, text, len, tag, true);
}

WIDE void gcm_wide_open(const struct gcm_wide *k, const uint8_t iv[static 12], const uint8_t *aad,
	size_t aad_len, uint8_t *text, size_t len, uint8_t tag[static 16])
{
	crypt(k, iv, aad, aad_len, text, len, tag, false);
}
