/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/pmtu.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/mem.h"
#include "net/ip6hdr.h"

#define WAYS 4

/* A destination is known by 64 bits of its hash: two that share them, and the set, share what either
 * learned, and of two MTUs the lower is never wrong. Nobody finds such a pair who does not know the
 * seed. */
struct entry {
	uint64_t tag;
	uint64_t until_ms : 47; /* 0: never used */
	uint64_t use : 1;
	uint64_t mtu : 16;
};

static_assert(sizeof(struct entry) == 16, "one for every binding, twice");

struct pmtu {
	struct entry (*set)[WAYS];
	uint32_t mask;
	uint64_t seed;
	uint64_t tunnels_end_ms;
};

int pmtu_new(uint32_t tunnels, uint64_t seed, struct pmtu **out)
{
	uint64_t places = 2 * ((uint64_t)tunnels + PMTU_OWN_DESTINATIONS);
	struct pmtu *p = calloc(1, sizeof(*p));
	uint32_t sets = 1;

	if (p == NULL)
		return -ENOMEM;
	while ((uint64_t)sets * WAYS < places)
		sets <<= 1;
	p->mask = sets - 1;
	p->seed = seed;
	p->set = mem_zalloc(sets * sizeof(*p->set));
	if (p->set == NULL) {
		free(p);
		return -ENOMEM;
	}
	*out = p;
	return 0;
}

void pmtu_free(struct pmtu *p)
{
	if (p == NULL)
		return;
	mem_free(p->set, (p->mask + 1ULL) * sizeof(*p->set));
	free(p);
}

size_t pmtu_memory(const struct pmtu *p)
{
	return sizeof(*p) + (p->mask + (size_t)1) * sizeof(*p->set);
}

static struct entry *set_of(const struct pmtu *p, const struct ip6_addr *dst)
{
	return p->set[ip6_hash(dst, p->seed) & p->mask];
}

/* Another hash than the set's, which has said a part of its own already. */
static uint64_t tag_of(const struct pmtu *p, const struct ip6_addr *dst)
{
	return ip6_hash(dst, ~p->seed);
}

static struct entry *find(struct entry *set, uint64_t now_ms, uint64_t tag, enum pmtu_use use)
{
	for (struct entry *e = set; e < set + WAYS; e++) {
		if (e->until_ms > now_ms && e->use == use && e->tag == tag)
			return e;
	}
	return NULL;
}

/* Later in this order is worth more. */
static uint64_t worth(const struct entry *e, uint64_t now_ms)
{
	return e->until_ms <= now_ms ? 0 : (uint64_t)e->use << 47 | e->until_ms;
}

/* The place that costs least, NULL: none may be taken for this use. */
static struct entry *place(struct entry *set, uint64_t now_ms, enum pmtu_use use)
{
	struct entry *least = set;

	for (struct entry *e = set + 1; e < set + WAYS; e++) {
		if (worth(e, now_ms) < worth(least, now_ms))
			least = e;
	}
	return worth(least, now_ms) != 0 && least->use > use ? NULL : least;
}

/* A lower one holds until then; one that is known already, as long as a sign of it says. */
static bool note(struct pmtu *p, uint64_t now_ms, const struct ip6_addr *dst, enum pmtu_use use,
	uint32_t mtu, uint64_t until_ms, uint64_t sign_ms)
{
	uint64_t tag = tag_of(p, dst);
	struct entry *set = set_of(p, dst), *e = find(set, now_ms, tag, use);
	bool lowered;

	/* no link of ours takes as much */
	if (mtu < IP6_MIN_MTU || mtu >= UINT16_MAX)
		return false;
	if (e == NULL) {
		e = place(set, now_ms, use);
		if (e == NULL)
			return false;
		*e = (struct entry){ .tag = tag, .use = use, .mtu = UINT16_MAX };
	}
	lowered = mtu < e->mtu;
	if (lowered) {
		e->mtu = mtu & UINT16_MAX;
		e->until_ms = until_ms;
	} else if (e->until_ms < sign_ms) {
		e->until_ms = sign_ms;
	}
	if (use == PMTU_TUNNEL && e->until_ms > p->tunnels_end_ms)
		p->tunnels_end_ms = e->until_ms;
	return lowered;
}

bool pmtu_learn(struct pmtu *p, uint64_t now_ms, const struct ip6_addr *dst, enum pmtu_use use,
	uint32_t mtu)
{
	return note(p, now_ms, dst, use, mtu, now_ms + PMTU_LIFETIME_MS, now_ms + PMTU_HOLD_MS);
}

bool pmtu_hear(struct pmtu *p, uint64_t now_ms, const struct ip6_addr *dst, uint32_t mtu,
	uint64_t until_ms)
{
	bool is_known = mtu == pmtu_get(p, now_ms, dst, PMTU_TUNNEL);

	if (until_ms <= now_ms)
		return false;
	return note(p, now_ms, dst, PMTU_TUNNEL, mtu, until_ms, is_known ? until_ms : 0);
}

uint16_t pmtu_get(
	const struct pmtu *p, uint64_t now_ms, const struct ip6_addr *dst, enum pmtu_use use)
{
	uint64_t tag;
	struct entry *set;
	const struct entry *own, *e;

	if (use == PMTU_TUNNEL && p->tunnels_end_ms <= now_ms)
		return 0; /* of all: asked for each binding that is published */
	tag = tag_of(p, dst);
	set = set_of(p, dst);
	own = find(set, now_ms, tag, PMTU_OWN);
	e = find(set, now_ms, tag, PMTU_TUNNEL);
	if (use == PMTU_OWN && own != NULL && (e == NULL || own->mtu < e->mtu))
		e = own;
	return e != NULL ? e->mtu : 0;
}

uint64_t pmtu_tunnels_end_ms(const struct pmtu *p)
{
	return p->tunnels_end_ms;
}
