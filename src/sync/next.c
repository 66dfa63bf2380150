/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/next.h"

#include <string.h>

#include <sodium.h>

uint32_t next_domain(const char *name)
{
	uint8_t h[crypto_generichash_BYTES_MIN];

	crypto_generichash(h, sizeof(h), (const uint8_t *)name, strlen(name), NULL, 0);
	return (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
}

bool next_is_live(const struct next_view *v, uint8_t node)
{
	const struct next_site *s = &v->site[node];

	return s->reach != NEXT_DEAD && (s->says == NEXT_READY || s->says == NEXT_DRAINING);
}

bool next_is_ready(const struct next_view *v, uint8_t node)
{
	return next_is_live(v, node) && v->site[node].says == NEXT_READY;
}

/* Part of the protocol: sites of different releases must choose alike (the finalizer of
 * splitmix64). */
static uint64_t weight(uint32_t domain, uint8_t bucket, uint8_t node)
{
	uint64_t x = (uint64_t)domain << 16 | (uint64_t)bucket << 8 | node;

	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* Of these n ready sites. */
static uint8_t best_of(uint32_t domain, uint8_t bucket, const uint8_t *nodes, unsigned n)
{
	uint8_t best = NEXT_NOBODY;
	uint64_t most = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t w = weight(domain, bucket, nodes[i]);

		if (best == NEXT_NOBODY || w > most) {
			best = nodes[i];
			most = w;
		}
	}
	return best;
}

static unsigned ready_sites(const struct next_view *v, uint8_t nodes[NEXT_NODES])
{
	unsigned n = 0;

	for (unsigned node = 1; node < NEXT_NODES; node++)
		if (next_is_ready(v, (uint8_t)node))
			nodes[n++] = (uint8_t)node;
	return n;
}

uint8_t next_successor(const struct next_view *v, uint8_t bucket)
{
	uint8_t nodes[NEXT_NODES];

	return best_of(v->domain, bucket, nodes, ready_sites(v, nodes));
}

uint8_t next_hop(const struct next_view *v, uint8_t node)
{
	return v->site[node].reach == NEXT_CUT_OFF ? v->site[node].via : node;
}

void next_fill(const struct next_view *v, struct next_table *out)
{
	uint8_t successor[NEXT_BUCKETS], nodes[NEXT_NODES];
	unsigned n = ready_sites(v, nodes);

	for (unsigned b = 0; b < NEXT_BUCKETS; b++) {
		uint8_t node = best_of(v->domain, (uint8_t)b, nodes, n);

		successor[b] = node == NEXT_NOBODY ? NEXT_NOBODY : next_hop(v, node);
	}
	for (unsigned owner = 0; owner < NEXT_NODES; owner++) {
		if (next_is_live(v, (uint8_t)owner))
			memset(out->hop[owner], next_hop(v, (uint8_t)owner), NEXT_BUCKETS);
		else
			memcpy(out->hop[owner], successor, NEXT_BUCKETS);
	}
}
