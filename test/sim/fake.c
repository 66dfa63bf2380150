/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake.h"

#include <string.h>

#include "common/seq.h"
#include "net/mh.h"
#include "oracle.h"
#include "world.h"

struct fake_binding {
	bool is_known, is_bound;
	struct ip6_addr coa, coa_before, agent;
	uint64_t ends_us;
	uint32_t seq[SHAPE_SITES + 1]; /* by agent; 0: none, else the number + 1 */
	uint8_t at; /* accepted by */
};

static enum fake chosen;
static struct fake_binding table[SHAPE_MNS]; /* of the world at hand */
static struct world *world;
static uint64_t packets;

static const char *const names[] = {
#define X(id, name, what) name,
	FAKE_LIST(X)
#undef X
};

void fake_choose(enum fake mistake)
{
	chosen = mistake;
	world = NULL;
}

const char *fake_name(enum fake mistake)
{
	return names[mistake];
}

static int fake_start(struct site *s)
{
	if (world != s->w || s->w->now_us < S) {
		memset(table, 0, sizeof(table));
		packets = 0;
	}
	world = s->w;
	return 0;
}

static void fake_stop(struct site *s)
{
	for (unsigned i = 0; i < SHAPE_MNS; i++)
		if (chosen == FAKE_LOSES && table[i].at == s->node)
			memset(&table[i], 0, sizeof(table[i]));
}

static uint32_t fake_turn(struct site *s)
{
	(void)s;
	return 50;
}

static void fake_datagram(
	struct site *s, enum net_kind kind, uint8_t from, const uint8_t *buf, size_t len)
{
	(void)s, (void)kind, (void)from, (void)buf, (void)len;
}

/* Home addresses end in 0x100 + the mobile node's number. */
static struct fake_binding *binding(const struct ip6_addr *home)
{
	return &table[home->b[15]];
}

static bool is_in_force(const struct world *w, const struct fake_binding *b)
{
	return b->is_bound && (w->now_us < b->ends_us || chosen == FAKE_NEVER);
}

/* --- Binding Updates --- */

static void answer(struct site *s, const struct pkt *p, uint8_t status, uint16_t seq)
{
	struct pkt_ba ba = {
		.src = p->hdr[0].dst,
		.dst = p->hdr[0].src,
		.hoa = p->bu.hoa,
		.status = status,
		.seq = seq,
		.lifetime_s = status == HA_ACCEPTED ? p->bu.lifetime_s : 0,
		.is_replicated = true,
		.node = s->node,
	};

	if (chosen == FAKE_WRONG_ANSWER)
		ba.src.b[15] ^= s->node;
	net_to_mn(s->w, s->node, p->bu.hoa.b[15], &ba);
}

static void judge(struct site *s, const struct pkt *p)
{
	struct fake_binding *b = binding(&p->bu.hoa);
	uint32_t *last = &b->seq[p->hdr[0].dst.b[15] - 0x10];
	uint64_t life_us = p->bu.lifetime_s * S;

	if (*last != 0 && !seq16_is_newer(p->bu.seq, (uint16_t)(*last - 1)) &&
		chosen != FAKE_OLD_WINS) {
		answer(s, p, HA_SEQUENCE, (uint16_t)(*last - 1));
		return;
	}
	*last = p->bu.seq + 1U;
	answer(s, p, HA_ACCEPTED, p->bu.seq);
	if (p->bu.lifetime_s == 0) {
		if (ip6_eq(&b->agent, &p->hdr[0].dst) && chosen != FAKE_UNDEAD)
			b->is_bound = false;
		return;
	}
	if (!ip6_eq(&b->coa, &p->hdr[0].src))
		b->coa_before = b->is_bound ? b->coa : p->hdr[0].src;
	b->is_bound = true;
	b->coa = p->hdr[0].src;
	b->agent = p->hdr[0].dst;
	b->ends_us = s->w->now_us + (chosen == FAKE_EARLY ? life_us / 2 : life_us);
	b->at = s->node;
}

/* --- data --- */

static bool relay(struct site *s, struct pkt *p, uint8_t from)
{
	uint8_t to = (uint8_t)(s->node % s->w->shape.sites + 1);

	if (chosen == FAKE_BOUNCE && from != 0)
		to = from;
	else if (chosen != FAKE_LOOP && (chosen != FAKE_BOUNCE || p->probe % 5 != 0))
		return false;
	net_relay(s->w, s->node, to, p, true);
	return true;
}

static void intercept(struct site *s, struct pkt *p)
{
	struct fake_binding *b = binding(&pkt_outer(p)->dst);

	if (!is_in_force(s->w, b)) {
		oracle_dropped(s->w, s->node, p, "unreachable");
		return;
	}
	p->hdr[p->depth++] = (struct pkt_hdr){ b->agent, b->coa };
	if (chosen == FAKE_WRONG_SOURCE)
		p->hdr[p->depth - 1].src.b[15] ^= s->node;
	if (chosen == FAKE_WRONG_COA)
		p->hdr[p->depth - 1].dst = b->coa_before;
	if (chosen == FAKE_STRANGE_COA && p->probe % 16 == 0)
		p->hdr[p->depth - 1].dst = binding(&(struct ip6_addr){ { 0 } })->coa;
	oracle_emitted(s->w, s->node, p);
}

static void open_tunnel(struct site *s, struct pkt *p)
{
	struct fake_binding *b = binding(&p->hdr[p->depth - 2].src);

	if (chosen != FAKE_OPEN &&
		(!is_in_force(s->w, b) || !ip6_eq(&b->coa, &pkt_outer(p)->src))) {
		oracle_dropped(s->w, s->node, p, "wrong care-of address");
		return;
	}
	p->depth--;
	if (addr_domain(&pkt_outer(p)->dst) >= 0)
		intercept(s, p);
	else
		oracle_emitted(s->w, s->node, p);
}

static void fake_packet(struct site *s, struct pkt *p, uint8_t from, bool may_relay)
{
	(void)may_relay;
	packets++;
	if (p->kind == PKT_BU)
		judge(s, p);
	else if (chosen == FAKE_SWALLOWS && p->probe % 32 == 0)
		return;
	else if (relay(s, p, from))
		return;
	else if (p->depth == 1)
		intercept(s, p);
	else
		open_tunnel(s, p);
}

static bool fake_is_ready(struct site *s, uint8_t domain)
{
	(void)domain;
	return chosen != FAKE_SLEEPY || s->boot == 1;
}

static uint64_t fake_digest(struct site *s, uint8_t domain, uint32_t *records)
{
	(void)domain;
	*records = 0;
	return chosen == FAKE_DIFFERS ? s->node : 0;
}

static uint64_t fake_memory(struct site *s)
{
	(void)s;
	return chosen == FAKE_GREEDY ? packets << 10 : 0;
}

static void fake_drain(struct site *s, uint8_t domain, enum site_drain how)
{
	(void)s, (void)domain, (void)how;
}

static void fake_tell(struct site *s, uint8_t mn)
{
	(void)s, (void)mn;
}

static void fake_force(struct site *s, uint8_t domain)
{
	(void)s, (void)domain;
}

const struct site_kind fake_kind = {
	.name = "fake",
	.start = fake_start,
	.stop = fake_stop,
	.turn = fake_turn,
	.datagram = fake_datagram,
	.packet = fake_packet,
	.is_ready = fake_is_ready,
	.digest = fake_digest,
	.memory = fake_memory,
	.drain = fake_drain,
	.tell = fake_tell,
	.force = fake_force,
};
