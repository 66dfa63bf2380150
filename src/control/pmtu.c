/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/pmtu.h"

#include "net/ip6hdr.h"

static uint32_t set_of(const struct pmtu *p, const struct ip6_addr *dst)
{
	return ip6_hash(dst, p->seed) % PMTU_SETS;
}

uint32_t pmtu_get(const struct pmtu *p, uint64_t now_ms, const struct ip6_addr *dst)
{
	const struct pmtu_entry *e = p->e[set_of(p, dst)];

	for (uint32_t i = 0; i < PMTU_WAYS; i++) {
		if (e[i].until_ms > now_ms && ip6_eq(&e[i].dst, dst))
			return e[i].mtu;
	}
	return 0;
}

void pmtu_learn(struct pmtu *p, uint64_t now_ms, const struct ip6_addr *dst, uint32_t mtu)
{
	struct pmtu_entry *e = p->e[set_of(p, dst)];
	struct pmtu_entry *victim = &e[0];

	if (mtu < IP6_MIN_MTU)
		return;
	for (uint32_t i = 0; i < PMTU_WAYS; i++) {
		if (e[i].until_ms != 0 && ip6_eq(&e[i].dst, dst)) {
			if (e[i].until_ms > now_ms && mtu >= e[i].mtu)
				return;
			victim = &e[i];
			break;
		}
		if (e[i].until_ms < victim->until_ms)
			victim = &e[i];
	}
	*victim = (struct pmtu_entry){ *dst, mtu, now_ms + PMTU_LIFETIME_MS };
}
