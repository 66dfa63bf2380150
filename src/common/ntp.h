/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The 64-bit timestamp of NTP (RFC 5905, 6): seconds since 1900 and their fraction, 32 bits each.
 * It starts again in 2036, so stamps are compared by their difference, which holds for 68 years.
 * Pure but for ntp_now(), any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define NTP_UNIX_EPOCH 2208988800ULL /* 1970 in NTP's seconds: 70 years with 17 leap days */
#define NTP_SECOND     (1ULL << 32)

static inline uint64_t ntp_from_unix(uint64_t sec, uint32_t nsec)
{
	return (sec + NTP_UNIX_EPOCH) << 32 | ((uint64_t)nsec << 32) / 1000000000U;
}

static inline uint64_t ntp_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ntp_from_unix((uint64_t)ts.tv_sec, (uint32_t)ts.tv_nsec);
}

static inline bool ntp_is_after(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;
}

/* The later one; 0 is none. Of two that are half an era apart neither is, and the greater number is
 * taken: the same, whichever comes first. */
static inline uint64_t ntp_later(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a | b;
	if (ntp_is_after(a, b) == ntp_is_after(b, a))
		return a > b ? a : b;
	return ntp_is_after(a, b) ? a : b;
}

/* At most `seconds` apart, whichever is the later one. */
static inline bool ntp_is_close(uint64_t a, uint64_t b, uint32_t seconds)
{
	uint64_t apart = ntp_is_after(a, b) ? a - b : b - a;

	return apart <= seconds * NTP_SECOND;
}
