/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is asked in a digest round of ours: the next thing that is to be compared, and again what
 * was not answered.
 */
#include "sync/repair_priv.h"

static void ask_digest(struct engine *e, struct peer *p, const struct domain *d, struct slot *s)
{
	struct message_digest m = { .domain = d->conf.id,
		.round = p->round.id,
		.digest_key = *digest_key_of(d->digest),
		.most = (uint8_t)digest_bits_of(d->digest),
		.bits = s->bits,
		.count = s->count,
		.from = s->from };
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w;

	for (unsigned i = 0; i < s->count; i++)
		m.hash[i] = digest_fold(d->digest, s->bits, s->from + i).hash;
	tx_begin_full(e, p, buf, &w);
	message_write_digest(&w, &m);
	tx_end(e, p, &w);
}

/* Into the list, in order; of too many, those with the highest keys are left out. */
static void list_key(struct message_keys *m, struct message_key k, bool *is_all)
{
	unsigned i = m->count;

	if (m->count == MESSAGE_LISTED) {
		*is_all = false;
		if (k.key >= m->key[m->count - 1].key)
			return;
		i = --m->count;
	}
	for (; i > 0 && m->key[i - 1].key > k.key; i--)
		m->key[i] = m->key[i - 1];
	m->key[i] = k;
	m->count++;
}

static void ask_keys(struct engine *e, struct peer *p, const struct domain *d, struct slot *s)
{
	struct message_keys m = { .domain = d->conf.id, .round = p->round.id, .first = s->first };
	struct between b = repair_between(d, s->first, s->until);
	uint8_t buf[ENGINE_DATAGRAM];
	bool is_all = true;
	struct net_wr w;
	struct record *r;
	uint64_t key;

	while ((r = repair_next(e, d, &b, &key)) != NULL) {
		list_key(&m, repair_entry(d, r, key), &is_all);
		b.is_enough = m.count == MESSAGE_LISTED;
	}
	if (!repair_reached(d, &b, &m.last))
		m.last = s->until; /* it is compared in part */
	if (!is_all)
		m.last = m.key[m.count - 1].key;
	s->last = m.last;
	tx_begin_full(e, p, buf, &w);
	message_write_keys(&w, &m);
	tx_end(e, p, &w);
}

/* The next thing to be asked; false: all is asked. */
static bool next_block(struct round *o, struct slot *s)
{
	uint32_t per_top = 1U << (o->bits - o->top_bits);

	while (o->at_block < 1U << o->bits) {
		uint32_t at = o->at_block;
		uint32_t step = per_top < MESSAGE_HASHES ? per_top : MESSAGE_HASHES;

		o->at_block += step;
		if (!repair_bit_get(o->block, at / per_top))
			continue;
		*s = (struct slot){
			.kind = SLOT_DIGEST, .bits = o->bits, .count = (uint8_t)step, .from = at
		};
		return true;
	}
	return false;
}

static void set_keys(struct slot *s, uint32_t range, uint64_t first, uint64_t end)
{
	*s = (struct slot){ .kind = SLOT_KEYS,
		.from = range,
		.first = first,
		.end = end,
		.until = end,
		.differ = UINT16_MAX };
}

/* Those keys are done with: on to the rest of what is this question's. */
void question_pass_keys(struct slot *s)
{
	s->kind = SLOT_FREE;
	if (s->last != s->end)
		set_keys(s, s->from, s->last + 1, s->end);
}

/* The rest of a range is a question of its own, which does not wait for an answer to this one. */
static void split(struct round *o, struct slot *s)
{
	if (!o->is_hasty || s->last == s->end || o->has_rest)
		return;
	o->has_rest = true;
	o->rest_of = s->from;
	o->rest_first = s->last + 1;
	o->rest_end = s->end;
	s->end = s->until = s->last;
}

static bool next_rest(struct round *o, struct slot *s)
{
	if (!o->has_rest)
		return false;
	o->has_rest = false;
	set_keys(s, o->rest_of, o->rest_first, o->rest_end);
	return true;
}

static bool next_leaf(struct round *o, struct slot *s)
{
	for (uint32_t n = 0; n < 1U << o->bits; n += 64) {
		uint32_t word = (o->at_leaf + n / 64) % (uint32_t)repair_map_words(o->bits), range;

		if (o->leaf[word] == 0)
			continue;
		o->at_leaf = word;
		range = 64 * word + (uint32_t)__builtin_ctzll(o->leaf[word]);
		set_keys(s, range, repair_first_key(o->bits, range),
			repair_last_key(o->bits, range));
		repair_bit_clear(o->leaf, range);
		return true;
	}
	return false;
}

static bool next_question(struct round *o, struct slot *s)
{
	if (next_rest(o, s) || next_leaf(o, s))
		return true;
	return o->top_done && o->bits > o->top_bits && next_block(o, s);
}

/* Streams come first. Digests are few, but where all of a large table's are asked for at once. */
static bool is_paced(const struct round *o, const struct slot *s)
{
	return s->kind == SLOT_KEYS || o->is_hasty;
}

static void ask(struct engine *e, struct peer *p, struct domain *d, struct slot *s)
{
	s->sent_ms = e->now_ms;
	s->tries++;
	if (is_paced(&p->round, s))
		p->round.asked_ms = e->now_ms;
	if (s->kind == SLOT_DIGEST) {
		ask_digest(e, p, d, s);
		return;
	}
	ask_keys(e, p, d, s);
	split(&p->round, s);
}

/* Has it a question, or a new one? *is_more: there may be some. */
static bool has_question(struct round *o, struct slot *s, bool *is_more)
{
	if (s->kind == SLOT_FREE && *is_more)
		*is_more = next_question(o, s);
	return s->kind != SLOT_FREE;
}

static void due_at(struct round *o, uint64_t ms)
{
	if (ms < o->due_ms)
		o->due_ms = ms;
}

/* Is it time for it, asked for the first time or again? */
static bool is_due(
	const struct engine *e, const struct peer *p, struct round *o, const struct slot *s)
{
	if (s->tries > 0 && e->now_ms - s->sent_ms < rto_ms(p)) {
		due_at(o, s->sent_ms + rto_ms(p));
		return false;
	}
	if (is_paced(o, s) && p->tokens < 0 && e->now_ms - o->asked_ms < KEYS_MS) {
		due_at(o, o->asked_ms + KEYS_MS);
		o->waits = true;
		return false;
	}
	return true;
}

/* Asked in vain. False: so is the round. */
static bool leave(struct engine *e, struct peer *p, struct slot *s)
{
	struct round *o = &p->round;
	uint16_t differ = s->differ > s->unsent ? s->differ : s->unsent;

	if (s->kind == SLOT_DIGEST) {
		o->is_hasty = false; /* perhaps that was too much for the way */
		repair_abandon(e, p, RETRY_MS);
		return false;
	}
	o->left += s->differ == UINT16_MAX ? MESSAGE_LISTED : differ;
	question_pass_keys(s);
	return true;
}

/* Asks what is due; false: there is nothing left to ask or to wait for. */
bool question_ask_all(struct engine *e, struct peer *p, uint32_t *budget)
{
	struct round *o = &p->round;
	struct domain *d = &e->domain[o->domain];
	bool is_busy = false, is_more = true;
	uint32_t i;

	if (e->now_ms < o->due_ms && !(o->waits && p->tokens >= 0))
		return true;
	o->due_ms = e->now_ms + IDLE_MS; /* at the latest: times for answers grow and shrink */
	o->waits = false;
	for (i = 0; *budget > 0 && i < (is_more ? o->slots : o->used); i++) {
		struct slot *s = &o->slot[i];

		if (!has_question(o, s, &is_more))
			continue;
		is_busy = true;
		if (i >= o->used)
			o->used = i + 1;
		if (!is_due(e, p, o, s))
			continue;
		if (s->tries == ROUND_TRIES) {
			if (!leave(e, p, s))
				return true;
			o->due_ms = 0;
			continue;
		}
		ask(e, p, d, s);
		*budget -= *budget < 256 ? *budget : 256; /* about what a range costs */
	}
	if (*budget == 0)
		o->due_ms = 0;
	return is_busy || *budget == 0;
}
