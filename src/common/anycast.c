/* SPDX-License-Identifier: BSD-3-Clause */
#include "common/anycast.h"

#define HOME_AGENTS  126
#define NUMBER_BITS  7
#define EUI64_LEN    64 /* of prefixes whose interface identifiers have the first form */
#define LEN_MAX      120
#define UNIVERSAL_AT 8 /* the octet with the universal/local bit, */
#define UNIVERSAL    0x02 /* which is 0 in the first form */

/* Also where the number will be. */
static void set_ones(struct ip6_addr *a, unsigned from)
{
	unsigned at = from / 8;

	a->b[at] |= (uint8_t)(0xff >> from % 8);
	memset(a->b + at + 1, 0xff, sizeof(a->b) - at - 1);
}

static void set_number(struct ip6_addr *a, uint8_t number)
{
	a->b[15] = (uint8_t)((a->b[15] & ~((1U << NUMBER_BITS) - 1)) | number);
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
	struct ip6_addr form;

	if (has_eui64_form(p)) {
		form = eui64_form(*a, number);
		if (ip6_eq(a, &form))
			return true;
	}
	if (!has_plain_form(p))
		return false;
	form = plain_form(*a, p->len, number);
	return ip6_eq(a, &form);
}
