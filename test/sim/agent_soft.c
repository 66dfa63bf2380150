/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a record carries besides its binding: fields of a later release, which this one does not know,
 * keeps and passes on; and the path MTU to the care-of address, which is soft.
 */
#include "agent_priv.h"
#include "common/ip6.h"
#include "oracle.h"

#define MORE_FIELD 60 /* below those that must be understood (records/wire.c) */
#define MORE_MAX   40 /* octets of its value */

/* Every second site is of that release; what it says depends on what it was asked only. */
void agent_say_more(struct agent *a, struct record *r)
{
	uint8_t field[2 + MORE_MAX], len = (uint8_t)(r->seq % MORE_MAX);

	if (a->node % 2 == 0)
		return;
	field[0] = MORE_FIELD;
	field[1] = len;
	for (unsigned i = 0; i < len; i++)
		field[2 + i] = (uint8_t)(r->seq + i);
	/* no memory: it says less */
	(void)records_set_extra(a->records, r, field, (uint8_t)(2 + len));
}

uint64_t agent_soft_digest(struct agent *a, uint8_t domain)
{
	uint64_t sum = 0;
	uint32_t cursor = 0;
	struct record *r;

	while ((r = records_next(a->records, &cursor)) != NULL) {
		const struct record_extra *x = records_extra(a->records, r);
		uint64_t h = r->hoa.b[15];

		if (r->domain != domain || r->state != RECORD_LIVE || x == NULL ||
			r->ends_ms <= agent_now(a)) /* kept, but told to nobody */
			continue;
		for (unsigned i = 0; i < x->len; i++) {
			h ^= x->field[i];
			h = rng_next(&h);
		}
		sum += x->len > 0 ? h : 0;
	}
	return sum;
}

static struct record *record_of(struct agent *a, uint8_t mn)
{
	uint8_t domain = (uint8_t)(mn % a->w->shape.domains);
	struct ip6_addr home = addr_home(domain, mn);
	struct record *r = records_find(a->records, domain, &home);

	return r != NULL && r->state == RECORD_LIVE ? r : NULL;
}

/* As control/tunnel.c: the lower one counts. */
void agent_path_mtu(struct site *s, uint8_t mn, uint16_t mtu)
{
	struct agent *a = agent_of(s);
	struct record *r = record_of(a, mn);
	const struct record_extra *x = r == NULL ? NULL : records_extra(a->records, r);

	if (r == NULL ||
		(x != NULL && x->mtu != 0 && x->mtu <= mtu && x->mtu_until_ms > agent_now(a)))
		return;
	if (records_set_mtu(a->records, r, mtu, agent_now(a) + 1000ULL * RECORD_MTU_AGE_S) < 0)
		return;
	world_tell(a->w, "site %u: %u octets go to %s", a->node, mtu, addr_str(&r->coa));
	oracle_mtu_known(a->w, mn, &r->coa, mtu);
	engine_soft(a->engine, r, agent_now(a));
}

void agent_soft_look(struct site *s, uint8_t mn)
{
	struct agent *a = agent_of(s);
	struct record *r = record_of(a, mn);
	const struct record_extra *x = r == NULL ? NULL : records_extra(a->records, r);

	if (x != NULL && x->mtu != 0 && x->mtu_until_ms > agent_now(a))
		oracle_mtu_held(a->w, a->node, mn, &r->coa, x->mtu);
}
