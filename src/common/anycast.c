/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/anycast.h"

#define HOME_AGENTS  126
#define NUMBER_BITS  7
#define EUI64_LEN    64 /* of prefixes whose interface identifiers have the first form */
#define LEN_MAX      120
#define UNIVERSAL_AT 8 /* the octet with the universal/local bit, */
#define UNIVERSAL    0x02 /* which is 0 in the first form */

static void set_ones(struct ip6_addr *a, unsigned from)
{
	for (unsigned bit = from; bit < 128 - NUMBER_BITS; bit++)
		a->b[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
}

static void set_number(struct ip6_addr *a, uint8_t number)
{
	a->b[15] = (uint8_t)((a->b[15] & ~0x7f) | number);
}

static struct ip6_addr eui64_form(struct ip6_addr a, uint8_t number)
{
	set_ones(&a, EUI64_LEN);
	a.b[UNIVERSAL_AT] &= (uint8_t)~UNIVERSAL;
	set_number(&a, number);
	return a;
}

static struct ip6_addr plain_form(struct ip6_addr a, uint8_t len, uint8_t number)
{
	set_ones(&a, len);
	set_number(&a, number);
	return a;
}

static bool has_eui64_form(const struct ip6_prefix *p)
{
	return p->len <= EUI64_LEN;
}

static bool has_plain_form(const struct ip6_prefix *p)
{
	return p->len != EUI64_LEN && p->len <= LEN_MAX;
}

uint32_t anycast_home_agents(const struct ip6_prefix *p, const struct ip6_addr *agent,
	struct ip6_addr out[static ANYCAST_FORMS])
{
	uint32_t n = 0;

	if (has_eui64_form(p))
		out[n++] = eui64_form(ip6_in_prefix(agent, p) ? *agent : p->addr, HOME_AGENTS);
	if (has_plain_form(p))
		out[n++] = plain_form(p->addr, p->len, HOME_AGENTS);
	return n;
}

bool anycast_is_reserved(const struct ip6_addr *a, const struct ip6_prefix *p)
{
	uint8_t number = a->b[15] & 0x7f;
	struct ip6_addr eui64 = eui64_form(*a, number), plain = plain_form(*a, p->len, number);

	return (has_eui64_form(p) && ip6_eq(a, &eui64)) || (has_plain_form(p) && ip6_eq(a, &plain));
}
