/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/meter.h"

#define BURST_MS    100
#define OCTETS_MBIT 125000
#define LARGEST     65575 /* octets of a packet */

struct meter meter_of(uint64_t hz, uint64_t rate, uint64_t burst)
{
	struct meter m = { 0 };

	if (rate == 0)
		return m;
	m.per = (uint64_t)((double)hz / (double)rate * (1 << METER_SHIFT));
	m.depth = (uint64_t)((double)hz / (double)rate * (double)burst);
	m.saved = m.depth;
	return m;
}

static struct meter of_traffic(uint64_t hz, uint64_t rate, uint64_t least)
{
	uint64_t burst = rate * BURST_MS / 1000;

	return meter_of(hz, rate, burst > least ? burst : least);
}

struct meter meter_packets(uint64_t hz, uint64_t packets_per_s, uint16_t sharers)
{
	return of_traffic(hz, meter_share(packets_per_s, sharers), 1);
}

struct meter meter_mbps(uint64_t hz, uint64_t mbps, uint16_t sharers)
{
	return of_traffic(hz, meter_share(mbps * OCTETS_MBIT, sharers), LARGEST);
}

struct meters meters_of(uint64_t hz, uint64_t packets_per_s, uint64_t mbps, uint16_t sharers)
{
	return (struct meters){ .packets = meter_packets(hz, packets_per_s, sharers),
		.octets = meter_mbps(hz, mbps, sharers) };
}

static uint64_t cost_of(const struct meter *m, uint64_t tokens)
{
	return tokens * m->per >> METER_SHIFT;
}

bool meter_can(struct meter *m, uint64_t tokens, uint64_t now)
{
	if (meter_is_off(m))
		return true;
	m->saved = now - m->last < m->depth - m->saved ? m->saved + (now - m->last) : m->depth;
	m->last = now;
	return m->saved >= cost_of(m, tokens);
}

void meter_pay(struct meter *m, uint64_t tokens)
{
	m->saved -= cost_of(m, tokens); /* nothing where there is no bound */
}

bool meter_take(struct meter *m, uint64_t tokens, uint64_t now)
{
	bool can = meter_can(m, tokens, now);

	if (can)
		meter_pay(m, tokens);
	return can;
}

bool meters_can(struct meters *m, uint32_t octets, uint64_t now)
{
	return meter_can(&m->packets, 1, now) && meter_can(&m->octets, octets, now);
}

void meters_pay(struct meters *m, uint32_t octets)
{
	meter_pay(&m->packets, 1);
	meter_pay(&m->octets, octets);
}

bool meters_take(struct meters *m, uint32_t octets, uint64_t now)
{
	bool can = meters_can(m, octets, now);

	if (can)
		meters_pay(m, octets);
	return can;
}
