/* SPDX-License-Identifier: BSD-3-Clause */
#include "pkt.h"

static struct ip6_addr made(uint16_t third, uint16_t fourth, uint16_t seventh, uint16_t last)
{
	return (struct ip6_addr){ { 0x20, 0x01, 0x0d, 0xb8, (uint8_t)(third >> 8), (uint8_t)third,
		(uint8_t)(fourth >> 8), (uint8_t)fourth, 0, 0, 0, 0, (uint8_t)(seventh >> 8),
		(uint8_t)seventh, (uint8_t)(last >> 8), (uint8_t)last } };
}

struct ip6_prefix addr_prefix(uint8_t domain)
{
	return (struct ip6_prefix){ made(0xd00 + domain, 0, 0, 0), 48 };
}

struct ip6_addr addr_home(uint8_t domain, uint8_t mn)
{
	return made(0xd00 + domain, 1, 0, 0x100 + mn);
}

struct ip6_addr addr_sleeper(uint8_t domain, uint16_t i)
{
	return made(0xd00 + domain, 2, i, UINT8_MAX);
}

struct ip6_addr addr_agent(uint8_t domain, uint8_t node)
{
	return made(0xd00 + domain, 0, 0, 0x10 + node);
}

struct ip6_addr addr_care_of(uint8_t mn, uint16_t number)
{
	return made(0xca00, mn, 1, number);
}

struct ip6_addr addr_anycast(uint8_t domain)
{
	return made(0xd00 + domain, 0, 0xffff, 0xfffe);
}

struct ip6_addr addr_correspondent(void)
{
	return made(0xcc00, 0, 0, 1);
}

struct ip6_addr addr_stranger(void)
{
	return made(0xbad0, 0, 0, 1);
}

int addr_domain(const struct ip6_addr *a)
{
	for (uint8_t d = 0; d < 16; d++) {
		struct ip6_prefix p = addr_prefix(d);

		if (ip6_in_prefix(a, &p))
			return d;
	}
	return -1;
}

const char *addr_str(const struct ip6_addr *a)
{
	static char buf[8][IP6_STRLEN];
	static unsigned next;

	return ip6_str(a, buf[next++ % 8]);
}
