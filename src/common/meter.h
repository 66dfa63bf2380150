/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bound of so many tokens a second, kept as time: what a token costs is saved up, cycle by cycle.
 * For bounds that a packet is held against, up to 100 Gb/s counted in octets; common/bucket.h counts
 * in milliseconds. One owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct meter {
	uint64_t per; /* cycles a token << METER_SHIFT; 0: no bound */
	uint64_t depth, saved; /* cycles: most, and now */
	uint64_t last; /* of the clock */
};

#define METER_SHIFT 20 /* fraction bits: 100 Gb/s are 0.2 cycles an octet */

/* hz: of the clock that meter_can() is told. rate: tokens a second, 0: no bound. burst: tokens that
 * may go at once after a quiet time, and do in the beginning. */
struct meter meter_of(uint64_t hz, uint64_t rate, uint64_t burst);

/* Of traffic, one's share of it: 100 ms of it at once, and at least one packet of any size. */
struct meter meter_packets(uint64_t hz, uint64_t packets_per_s, uint16_t sharers);
struct meter meter_mbps(uint64_t hz, uint64_t mbps, uint16_t sharers);

/* Part of a rate or burst for one of so many that share it, at least 1 of any. */
static inline uint64_t meter_share(uint64_t all, uint16_t sharers)
{
	return (all + sharers - 1) / sharers;
}

static inline bool meter_is_off(const struct meter *m)
{
	return m->per == 0;
}

/* The time has come to now; false: there is not enough for that many tokens. Takes none. */
bool meter_can(struct meter *m, uint64_t tokens, uint64_t now);
/* Takes what meter_can() has just said there is. */
void meter_pay(struct meter *m, uint64_t tokens);
/* Both: false, and nothing is taken, or true. */
bool meter_take(struct meter *m, uint64_t tokens, uint64_t now);

/* Two bounds that hold for the same packets. One that is above either of them costs nothing of the
 * other. */
struct meters {
	struct meter packets, octets;
};

/* As meter_packets() and meter_mbps(). */
struct meters meters_of(uint64_t hz, uint64_t packets_per_s, uint64_t mbps, uint16_t sharers);

static inline bool meters_are_off(const struct meters *m)
{
	return meter_is_off(&m->packets) && meter_is_off(&m->octets);
}

/* As meter_can() and so on, of a packet of so many octets. */
bool meters_can(struct meters *m, uint32_t octets, uint64_t now);
void meters_pay(struct meters *m, uint32_t octets);
bool meters_take(struct meters *m, uint32_t octets, uint64_t now);
