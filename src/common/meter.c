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

bool meter_take(struct meter *m, uint64_t tokens, uint64_t now)
{
	uint64_t cost = tokens * m->per >> METER_SHIFT;

	if (meter_is_off(m))
		return true;
	m->saved = now - m->last < m->depth - m->saved ? m->saved + (now - m->last) : m->depth;
	m->last = now;
	if (m->saved < cost)
		return false;
	m->saved -= cost;
	return true;
}
