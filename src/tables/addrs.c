/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables/addrs.h"

#include <errno.h>
#include <stdlib.h>

struct addrs {
	uint32_t count, max;
	struct addr_row row[];
};

int addrs_new(uint32_t max, struct addrs **out)
{
	struct addrs *t = calloc(1, sizeof(*t) + (size_t)max * sizeof(t->row[0]));

	if (t == NULL)
		return -ENOMEM;
	t->max = max;
	*out = t;
	return 0;
}

void addrs_free(struct addrs *t)
{
	free(t);
}

int addrs_add(struct addrs *t, const struct addr_row *row)
{
	if (addrs_find(t, &row->addr, row->port) != NULL)
		return -EEXIST;
	if (t->count == t->max)
		return -ENOSPC;
	t->row[t->count] = *row;
	return (int)t->count++;
}

struct addr_row *addrs_row(struct addrs *t, uint32_t row)
{
	return row < t->count ? &t->row[row] : NULL;
}

uint32_t addrs_count(const struct addrs *t)
{
	return t->count;
}

struct addr_row *addrs_find(struct addrs *t, const struct ip6_addr *a, uint16_t port)
{
	bool any_port = !ip6_is_link_local(a);

	for (uint32_t i = 0; i < t->count; i++) {
		struct addr_row *r = &t->row[i];

		if (ip6_eq(&r->addr, a) && (any_port || r->port == port))
			return r;
	}
	return NULL;
}

static unsigned common_bits(const struct ip6_addr *a, const struct ip6_addr *b)
{
	unsigned i = 0;

	while (i < 16 && a->b[i] == b->b[i])
		i++;
	if (i == 16)
		return 128;
	return 8 * i + (unsigned)__builtin_clz((unsigned)(a->b[i] ^ b->b[i]) << 24);
}

/* Unicast or multicast that doesn't leave the link (RFC 4291, 2.7). */
static bool stays_on_link(const struct ip6_addr *a)
{
	return ip6_is_link_local(a) || (ip6_is_multicast(a) && (a->b[1] & 0x0f) <= 2);
}

const struct ip6_addr *addrs_source(
	const struct addrs *t, const struct ip6_addr *dst, uint16_t port)
{
	const struct ip6_addr *best = NULL;
	unsigned best_rank = 0;

	for (uint32_t i = 0; i < t->count; i++) {
		const struct addr_row *r = &t->row[i];
		unsigned rank;

		if (r->state != ADDR_PREFERRED || r->owner == ADDR_PEER ||
			ip6_is_link_local(&r->addr) != stays_on_link(dst))
			continue;
		if (r->port == port)
			rank = 3 + common_bits(&r->addr, dst);
		else if (stays_on_link(dst))
			continue;
		else
			rank = r->owner == ADDR_PORT ? 2 : 1;
		if (rank > best_rank) {
			best_rank = rank;
			best = &r->addr;
		}
	}
	return best;
}
