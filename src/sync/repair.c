/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Digest rounds: what streams have not brought, whatever the reason. Whoever begins a round asks,
 * the other side answers from what it has and remembers nothing but when the round began:
 *
 *	DIGEST of the top ranges       -> DIFFER: which of them
 *	DIGEST of the leaves of those  -> DIFFER
 *	KEYS of each leaf that differs -> RECORDS that are not the same there, WANT for the others
 *	RECORDS that were wanted, and KEYS again, until WANT says that nothing differs
 *
 * A round is complete when every range was compared once and what differed then is the same at both
 * ends. A difference whose cause is younger than the round, at either end, is none: a stream brings
 * that change, and the round, which would never end under load, does not wait for it: it asks for it
 * a few times only (docs/decisions/041).
 *
 * Questions that are not answered are repeated, several are under way at once. Keys that do not
 * become equal in some tries (a fence keeps a record out, too much was lost) are left for another
 * round, which follows at once as long as each leaves fewer of them than the one before; whoever
 * waits for a round goes on waiting. Then it is over all the same, with an event.
 */
#include <stdlib.h>

#include "sync/repair_priv.h"

#define TOP_BITS 7 /* 128 ranges: one datagram */

static_assert(1 << TOP_BITS <= MESSAGE_HASHES, "one datagram");

static uint8_t min_bits(unsigned a, unsigned b)
{
	return (uint8_t)(a < b ? a : b);
}

/* --- a round --- */

void repair_want(struct engine *e, struct domain *d, uint8_t node)
{
	if (e->peer[node] != NULL && is_member(d, node))
		e->peer[node]->want_round |= 1ULL << d->index;
}

void repair_want_haste(struct engine *e, struct domain *d, uint8_t node)
{
	struct peer *p = e->peer[node];

	if (p == NULL || !is_member(d, node))
		return;
	repair_want(e, d, node);
	p->want_haste |= 1ULL << d->index;
}

void repair_stop(struct peer *p)
{
	free(p->round.block);
	free(p->round.leaf);
	free(p->round.slot);
	p->round = (struct round){ .domain = NOBODY, .id = p->round.id };
}

void repair_abandon(struct engine *e, struct peer *p, uint32_t retry_ms)
{
	p->want_round |= 1ULL << p->round.domain;
	p->want_haste |= (uint64_t)p->round.is_hasty << p->round.domain;
	p->round_retry_ms[p->round.domain] = e->now_ms + retry_ms;
	repair_stop(p);
}

static void begin(struct engine *e, struct peer *p, struct domain *d)
{
	struct round *o = &p->round;
	unsigned bits = digest_bits_of(d->digest);

	p->round_last = d->index;
	p->want_round &= ~(1ULL << d->index);
	o->is_hasty = p->want_haste >> d->index & 1;
	p->want_haste &= ~(1ULL << d->index);
	if (set_has(d->has_peer_bits, p->node))
		bits = min_bits(bits, d->peer_bits[p->node]);
	o->id++;
	o->domain = d->index;
	o->begun_ms = e->now_ms;
	o->change = changes_last(e->changes);
	o->bits = (uint8_t)bits;
	o->top_bits = min_bits(bits, TOP_BITS);
	o->slots = least(2U << bits, o->is_hasty ? ROUND_HASTE : ROUND_SLOTS);
	o->used = 1;
	o->block = calloc(repair_map_words(o->top_bits), sizeof(*o->block));
	o->leaf = calloc(repair_map_words(bits), sizeof(*o->leaf));
	o->slot = calloc(o->slots, sizeof(*o->slot));
	if (o->block == NULL || o->leaf == NULL || o->slot == NULL) {
		o->is_hasty = false; /* it takes less */
		repair_abandon(e, p, RETRY_MS);
		return;
	}
	o->slot[0] = (struct slot){
		.kind = SLOT_DIGEST, .bits = o->top_bits, .count = (uint8_t)(1U << o->top_bits)
	};
}

/* Something was left: is another round of use? */
static bool begins_again(struct engine *e, struct domain *d, const struct peer *p, uint64_t left)
{
	uint64_t was = d->unlike[p->node];

	if (was == 0 || left < was) {
		d->unlike[p->node] = left;
		return true;
	}
	d->unlike[p->node] = 0;
	if (!set_has(d->told_unlike, p->node))
		tell(e, ENGINE_EV_UNLIKE, d, p->node, left);
	set_add(d->told_unlike, p->node);
	return false;
}

static void complete(struct engine *e, struct peer *p)
{
	struct domain *d = &e->domain[p->round.domain];
	struct round o = p->round;

	repair_stop(p);
	if (o.left == 0) {
		d->unlike[p->node] = 0;
		set_del(d->told_unlike, p->node);
		sweep_begin(d, o.change);
		drain_round_whole(d, p, &o);
	} else if (begins_again(e, d, p, o.left)) {
		repair_want(e, d, p->node);
		return;
	}
	p->info.rounds++;
	p->round_due_ms = e->now_ms + REPAIR_MS;
	view_round_done(e, d, p, o.begun_ms);
	ready_round_done(e, d, p, o.begun_ms);
}

static bool is_due(const struct engine *e, const struct peer *p, const struct domain *d)
{
	return p->want_round >> d->index & 1 && e->now_ms >= p->round_retry_ms[d->index] &&
	       is_peer_up(e, d, p->node) && digest_is_ready(d->digest);
}

/* Haste goes in front of other domains so often, and then at times. A site that comes and goes all the
 * time does not keep them from their rounds: then its own waits for those. */
static bool may_pass(const struct engine *e, struct peer *p, uint32_t domain)
{
	return bucket_take(&p->hastes[domain], e->now_ms / (DIGEST_KEY_MS / 1000));
}

/* A round without haste, of whatever domain, begins anew behind one that has it: it would ask one
 * thing after the other while somebody waits. */
static bool gives_way(struct engine *e, struct peer *p)
{
	if (p->round.domain == NOBODY || p->round.is_hasty)
		return false;
	for (uint32_t i = 0; i < e->domain_count; i++)
		if (p->want_haste >> i & 1 && is_due(e, p, &e->domain[i]) && may_pass(e, p, i))
			return true;
	return false;
}

/*
 * Lower node ids begin in the background, so that a pair compares once: also where a round is
 * wanted of a peer that does not answer. Domains take turns, so that such a one (the peer does not
 * have it, or not us in it) does not keep others from theirs. Those where somebody waits come first.
 */
static struct domain *due(struct engine *e, struct peer *p)
{
	struct domain *next = NULL;

	if (e->opts.self < p->node && e->now_ms >= p->round_due_ms) {
		p->round_due_ms = e->now_ms + REPAIR_MS;
		for (uint32_t i = 0; i < e->domain_count; i++)
			repair_want(e, &e->domain[i], p->node);
	}
	for (uint32_t n = 1; n <= e->domain_count; n++) {
		struct domain *d = &e->domain[(p->round_last + n) % e->domain_count];

		if (!is_due(e, p, d))
			continue;
		if (p->want_haste >> d->index & 1 && (next == NULL || may_pass(e, p, d->index)))
			return d;
		if (next == NULL)
			next = d;
	}
	return next;
}

uint32_t repair_turn(struct engine *e, struct peer *p, uint32_t *budget)
{
	if (gives_way(e, p))
		repair_abandon(e, p, 0);
	if (p->round.domain == NOBODY) {
		struct domain *d = due(e, p);

		if (d == NULL)
			return IDLE_MS;
		begin(e, p, d);
	}
	if (p->round.domain == NOBODY || !digest_is_ready(e->domain[p->round.domain].digest))
		return IDLE_MS;
	if (!question_ask_all(e, p, budget))
		complete(e, p);
	return 5;
}

/* --- answers heard --- */

static struct slot *slot_of_digest(struct round *o, uint8_t bits, uint32_t from)
{
	for (uint32_t i = 0; i < o->used; i++) {
		struct slot *s = &o->slot[i];

		if (s->kind == SLOT_DIGEST && s->bits == bits && s->from == from)
			return s;
	}
	return NULL;
}

/* Who has more than fits into an answer says less than it was asked: up to the end of one of its
 * ranges, and none is smaller than these. So a range is not asked about in more parts than that. */
static bool is_part(uint64_t last, uint64_t asked)
{
	uint64_t least_range = UINT64_MAX >> DIGEST_BITS_MAX;

	return last == asked || (last < asked && (last & least_range) == least_range);
}

static struct slot *slot_of_keys(struct round *o, uint64_t first, uint64_t last)
{
	for (uint32_t i = 0; i < o->used; i++) {
		struct slot *s = &o->slot[i];

		if (s->kind == SLOT_KEYS && s->first == first && last >= first &&
			is_part(last, s->last))
			return s;
	}
	return NULL;
}

static bool is_of_round(
	const struct engine *e, const struct peer *p, uint32_t domain, uint32_t round)
{
	return p->round.domain != NOBODY && p->round.id == round &&
	       e->domain[p->round.domain].conf.id == domain;
}

void repair_differ(struct engine *e, struct peer *p, const struct message_differ *m)
{
	struct round *o = &p->round;
	struct slot *s;
	bool is_same;

	if (!is_of_round(e, p, m->domain, m->round))
		return;
	answer_hear_bits(&e->domain[o->domain], p, m->most);
	/* in any case: "not now" is said because the keys differ, too */
	is_same = answer_is_comparable(e, p, &e->domain[o->domain], &m->digest_key);
	if ((m->flags & DIFFER_NOT_NOW) || !is_same || m->most < o->bits) {
		repair_abandon(e, p, rto_ms(p));
		return;
	}
	s = slot_of_digest(o, m->bits, m->from);
	if (s == NULL || s->count != m->count)
		return;
	s->kind = SLOT_FREE;
	o->due_ms = 0;
	for (uint32_t i = 0; i < m->count; i++) {
		if (!repair_bit_get(m->bitmap, i))
			continue;
		if (m->bits == o->bits) {
			repair_bit_set(o->leaf, m->from + i);
			p->info.ranges++;
		} else {
			repair_bit_set(o->block, m->from + i);
		}
	}
	if (m->bits == o->top_bits)
		o->top_done = true;
}

/* Where it stands in the list, or -1. */
static int wanted(const struct message_want *m, uint64_t key)
{
	unsigned low = 0, high = m->count;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (m->key[mid] < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low < m->count && m->key[low] == key ? (int)low : -1;
}

/* What became of the keys of a WANT: */
struct given {
	uint16_t young; /* the peer counts them as old, and it was our change that is younger */
	uint16_t unsent; /* whatever the peer counts them as: they are missing there */
};

/* The keys are in order, and in the range that was asked about: others are not found. */
static struct given push_wanted(
	struct engine *e, struct peer *p, const struct domain *d, const struct message_want *m)
{
	struct between b = repair_between(d, m->first, m->last);
	struct push x = { .sent = 0 };
	struct given g = { 0 };
	struct record *r;
	uint64_t key;

	push_begin(e, p, &x);
	while ((r = repair_next(e, d, &b, &key)) != NULL) {
		int at = wanted(m, key);

		if (at < 0)
			continue;
		if (!push_may(p, &x)) {
			g.unsent++;
			continue;
		}
		push_record(e, p, d, &x, r);
		g.young += !repair_bit_get(m->young, (uint32_t)at) &&
			   repair_is_young(e, r, p->round.begun_ms);
	}
	answer_did_walk(e, p, &b);
	push_last(e, p, &x);
	return g;
}

/* At the next turn it counts as left. */
static void give_up(struct slot *s)
{
	s->tries = ROUND_TRIES;
	s->sent_ms = 0;
}

void repair_want_heard(struct engine *e, struct peer *p, const struct message_want *m)
{
	struct round *o = &p->round;
	uint32_t differ = least(m->differ, DIFFER_MAX);
	struct given g = { 0 };
	struct domain *d;
	struct slot *s;

	if (!is_of_round(e, p, m->domain, m->round))
		return;
	d = &e->domain[o->domain];
	s = slot_of_keys(o, m->first, m->last);
	if (s == NULL || (m->count > 0 && !answer_may_work(e, p)))
		return;
	if (m->count > 0)
		g = push_wanted(e, p, d, m);
	differ -= least(differ, g.young);
	if (differ < g.unsent)
		differ = g.unsent; /* nobody else brings what the other end's change only hides */
	s->unsent = g.unsent;
	o->due_ms = 0;
	if (differ < s->differ || m->last < s->last || planted(PLANT_ROUND_ENDLESS))
		s->tries = 1; /* it goes on, a part at a time */
	else if (differ > 0 && (set_has(d->full, p->node) || repair_refuses(e, d, p)))
		give_up(s); /* what differs has no room */
	if (differ < s->differ || m->last < s->last)
		s->differ = (uint16_t)differ;
	s->until = s->last = m->last;
	if (differ > 0)
		return; /* asked again when it is due: until then what was sent has come */
	/* Behind a young record at one end there may be an old difference at the other, whose copy
	 * was lost. The round is not to wait for it: as soon as what comes came. */
	if (m->count > 0 && s->tries < YOUNG_TRIES)
		s->sent_ms = e->now_ms + ACK_DELAY_MS - rto_ms(p);
	else
		question_pass_keys(s);
}
