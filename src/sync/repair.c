/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Digest rounds: what streams have not brought, whatever the reason. Whoever begins a round asks,
 * the other side answers from what it has and remembers nothing:
 *
 *	DIGEST of the top ranges       -> DIFFER: which of them
 *	DIGEST of the leaves of those  -> DIFFER
 *	KEYS of each leaf that differs -> RECORDS that are not the same there, WANT for the others
 *	RECORDS that were wanted, and KEYS again, until WANT says that nothing differs
 *
 * Questions that are not answered are repeated, several are under way at once. Keys that do not
 * become equal in some tries (they change all the time, or a fence keeps a record out) are left for
 * another round, which follows at once as long as each leaves fewer of them than the one before;
 * whoever waits for a round goes on waiting. Then it is over all the same, with an event.
 */
#include <stdlib.h>
#include <string.h>

#include "common/key.h"
#include "records/wire.h"
#include "sync/engine_priv.h"

#define TOP_BITS 7 /* 128 ranges: one datagram */
#define FOLDS    16 /* neighbouring ranges summed up in the time that a record is looked at */

static_assert(1 << TOP_BITS <= MESSAGE_HASHES, "one datagram");

static bool bit_get(const uint64_t *map, uint32_t i)
{
	return map[i / 64] >> i % 64 & 1;
}

static void bit_set(uint64_t *map, uint32_t i)
{
	map[i / 64] |= 1ULL << i % 64;
}

static void bit_clear(uint64_t *map, uint32_t i)
{
	map[i / 64] &= ~(1ULL << i % 64);
}

static size_t map_words(unsigned bits)
{
	return bits > 6 ? 1ULL << (bits - 6) : 1;
}

static uint8_t min_bits(unsigned a, unsigned b)
{
	return (uint8_t)(a < b ? a : b);
}

/* --- keys --- */

/* The keys of range i of 2^bits. */
static uint64_t first_key(unsigned bits, uint32_t i)
{
	return bits == 0 ? 0 : (uint64_t)i << (64 - bits);
}

static uint64_t last_key(unsigned bits, uint32_t i)
{
	return first_key(bits, i) + (bits == 0 ? UINT64_MAX : UINT64_MAX >> bits);
}

static uint32_t range_of(const struct domain *d, uint64_t key)
{
	unsigned bits = digest_bits_of(d->digest);

	return bits == 0 ? 0 : (uint32_t)(key >> (64 - bits));
}

/* A walk over the records of a domain whose keys lie between two, in no order. */
struct between {
	uint64_t first, last;
	uint32_t range, end;
	uint32_t handle;
	uint32_t left; /* records to be looked at, at most */
};

static struct between between(const struct domain *d, uint64_t first, uint64_t last)
{
	return (struct between){ .first = first,
		.last = last,
		.range = range_of(d, first),
		.end = range_of(d, last),
		.left = KEYS_WALK_MAX };
}

static struct record *between_next(
	struct engine *e, const struct domain *d, struct between *b, uint64_t *key)
{
	while (b->left > 0) {
		struct record *r;

		b->left--;
		if (!digest_next(d->digest, b->range, &b->handle)) {
			if (b->range == b->end)
				return NULL;
			b->range++;
			b->handle = 0;
			continue;
		}
		r = records_at(e->rs, b->handle);
		*key = record_key(d->conf.id, &r->hoa);
		if (*key >= b->first && *key <= b->last)
			return r;
	}
	return NULL;
}

static struct message_key entry_of(const struct domain *d, const struct record *r, uint64_t key)
{
	return (struct message_key){ key, (uint32_t)digest_hash(d->digest, r) };
}

/* --- records outside of streams --- */

struct push {
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w;
	struct message_builder b;
	uint32_t items, sent;
};

static void push_begin(struct engine *e, struct peer *p, struct push *x)
{
	tx_begin(e, p, x->buf, &x->w);
	message_open_records(&x->w, &x->b);
	x->items = 0;
}

static void push_end(struct engine *e, struct peer *p, struct push *x)
{
	message_close(&x->w, &x->b, NULL);
	tx_end(e, p, &x->w);
	p->info.repaired += x->items;
	x->sent += x->items;
}

static void push(struct engine *e, struct peer *p, const struct domain *d, struct push *x,
	const struct record *r)
{
	struct record_copy c;
	struct net_wr was = x->w;
	struct message_builder was_b = x->b;

	copy_for_wire(e, r, &c);
	message_section(&x->w, &x->b, d->conf.id);
	if (x->w.bad || !record_wire_put(&x->w, &c)) {
		x->w = was;
		x->b = was_b;
		push_end(e, p, x);
		push_begin(e, p, x);
		message_section(&x->w, &x->b, d->conf.id);
		(void)record_wire_put(&x->w, &c); /* fits into an empty one */
	}
	x->items++;
}

/* The rest comes when it is asked for again. */
static bool may_push(const struct peer *p, const struct push *x)
{
	return p->tokens >= 0 && x->sent + x->items < PUSH_MAX;
}

static void push_last(struct engine *e, struct peer *p, struct push *x)
{
	if (x->items > 0 || net_wr_len(&x->w) > MESSAGE_HEADER + 3) /* acknowledgements in front */
		push_end(e, p, x);
}

/* --- work --- */

/* A short question may cost much: it is answered while the peer's share of our time lasts. What it
 * costs is known afterwards, and owed. An answer that does not come is asked for again. */
static bool may_work(struct engine *e, struct peer *p)
{
	uint64_t ms = e->now_ms - p->work_ms;

	p->work_ms = e->now_ms;
	p->work += (int64_t)((ms < 1000 ? ms : 1000) * WORK_S);
	if (p->work > 1000LL * WORK_MOST)
		p->work = 1000LL * WORK_MOST;
	return p->work > 0 && e->input_work > 0;
}

static void did_work(struct engine *e, struct peer *p, uint32_t records)
{
	e->input_work -= (int32_t)records + 1;
	p->work -= 1000LL * (records + 1);
}

static void did_walk(struct engine *e, struct peer *p, const struct between *b)
{
	did_work(e, p, KEYS_WALK_MAX - b->left);
}

/* --- answers --- */

/* Same keys, and counted; else who has the later key takes the other's: now and then, because
 * somebody could always find an older one. */
static bool is_comparable(
	struct engine *e, struct peer *p, const struct domain *d, const struct digest_key *theirs)
{
	if (digest_key_cmp(theirs, digest_key_of(d->digest)) < 0 &&
		bucket_take(&p->digest_keys, e->now_ms / (DIGEST_KEY_MS / 1000)))
		(void)digest_key_hear(d->digest, theirs);
	return digest_is_ready(d->digest) && digest_key_cmp(digest_key_of(d->digest), theirs) == 0;
}

static struct domain *asked_about(struct engine *e, struct peer *p, uint32_t id)
{
	struct domain *d = domain_by_id(e, id);

	if (d == NULL || !is_member(d, p->node) || !may_work(e, p))
		return NULL;
	return d;
}

static void hear_bits(struct domain *d, const struct peer *p, uint8_t bits)
{
	d->peer_bits[p->node] = bits;
	set_add(d->has_peer_bits, p->node);
}

void repair_digest(struct engine *e, struct peer *p, const struct message_digest *m)
{
	struct domain *d = asked_about(e, p, m->domain);
	struct message_differ out = { .domain = m->domain,
		.round = m->round,
		.bits = m->bits,
		.count = m->count,
		.from = m->from };
	uint8_t buf[ENGINE_DATAGRAM];
	struct net_wr w;

	if (d == NULL)
		return;
	hear_bits(d, p, m->most);
	out.most = (uint8_t)digest_bits_of(d->digest);
	if (!is_comparable(e, p, d, &m->digest_key) || m->bits > out.most) {
		out.flags |= DIFFER_NOT_NOW;
		did_work(e, p, 1);
	} else {
		for (unsigned i = 0; i < m->count; i++)
			if (digest_fold(d->digest, m->bits, m->from + i).hash != m->hash[i])
				bit_set(out.bitmap, i);
		did_work(e, p, m->count * (1 + digest_fold_steps(d->digest, m->bits) / FOLDS));
	}
	out.digest_key = *digest_key_of(d->digest);
	tx_begin(e, p, buf, &w);
	message_write_differ(&w, &out);
	tx_end(e, p, &w);
}

/* Where that record stands in the list, or -1. Several may have one key (whoever may choose home
 * addresses can see to that): then the one with its hash, else any of them. */
static int listed(const struct message_keys *m, struct message_key k)
{
	unsigned low = 0, high = m->count;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (m->key[mid].key < k.key)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == m->count || m->key[low].key != k.key)
		return -1;
	for (unsigned i = low; i < m->count && m->key[i].key == k.key; i++)
		if (m->key[i].hash == k.hash)
			return (int)i;
	return (int)low;
}

void repair_keys(struct engine *e, struct peer *p, const struct message_keys *m)
{
	struct domain *d = asked_about(e, p, m->domain);
	struct message_want want = {
		.domain = m->domain, .round = m->round, .first = m->first, .last = m->last
	};
	bool same[MESSAGE_LISTED] = { false };
	struct push x = { .sent = 0 };
	struct between b;
	struct record *r;
	struct net_wr w;
	uint64_t key;

	if (d == NULL || !digest_is_ready(d->digest))
		return;
	b = between(d, m->first, m->last);
	push_begin(e, p, &x);
	while ((r = between_next(e, d, &b, &key)) != NULL) {
		struct message_key k = entry_of(d, r, key);
		int at = listed(m, k);

		if (at >= 0 && m->key[at].hash == k.hash) {
			same[at] = true;
			continue;
		}
		if (at < 0)
			want.differ++;
		if (may_push(p, &x))
			push(e, p, d, &x, r);
	}
	did_walk(e, p, &b);
	push_last(e, p, &x);
	for (unsigned i = 0; i < m->count; i++)
		if (!same[i])
			want.key[want.count++] = m->key[i].key;
	want.differ = (uint16_t)(want.differ + want.count + (b.left == 0));
	tx_begin_full(e, p, x.buf, &w);
	message_write_want(&w, &want);
	tx_end(e, p, &w);
}

/* --- a round --- */

void repair_want(struct engine *e, struct domain *d, uint8_t node)
{
	if (e->peer[node] != NULL && is_member(d, node))
		e->peer[node]->want_round |= 1ULL << d->index;
}

void repair_stop(struct peer *p)
{
	free(p->round.block);
	free(p->round.leaf);
	p->round = (struct round){ .domain = NOBODY, .id = p->round.id };
}

static void abandon(struct engine *e, struct peer *p, uint32_t retry_ms)
{
	p->want_round |= 1ULL << p->round.domain;
	p->round_retry_ms[p->round.domain] = e->now_ms + retry_ms;
	repair_stop(p);
}

static void begin(struct engine *e, struct peer *p, struct domain *d)
{
	struct round *o = &p->round;
	unsigned bits = digest_bits_of(d->digest);

	p->round_last = d->index;
	p->want_round &= ~(1ULL << d->index);
	if (set_has(d->has_peer_bits, p->node))
		bits = min_bits(bits, d->peer_bits[p->node]);
	o->id++;
	o->domain = d->index;
	o->begun_ms = e->now_ms;
	o->change = changes_last(e->changes);
	o->bits = (uint8_t)bits;
	o->top_bits = min_bits(bits, TOP_BITS);
	o->block = calloc(map_words(o->top_bits), sizeof(*o->block));
	o->leaf = calloc(map_words(bits), sizeof(*o->leaf));
	if (o->block == NULL || o->leaf == NULL) {
		abandon(e, p, RETRY_MS);
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
		ready_round_whole(d, p, o.change);
	} else if (begins_again(e, d, p, o.left)) {
		repair_want(e, d, p->node);
		return;
	}
	p->info.rounds++;
	p->round_due_ms = e->now_ms + REPAIR_MS;
	view_round_done(e, d, p, o.begun_ms);
	ready_round_done(e, d, p, o.begun_ms);
}

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
	struct between b = between(d, s->first, last_key(p->round.bits, s->from));
	uint8_t buf[ENGINE_DATAGRAM];
	bool is_all = true;
	struct net_wr w;
	struct record *r;
	uint64_t key;

	while ((r = between_next(e, d, &b, &key)) != NULL)
		list_key(&m, entry_of(d, r, key), &is_all);
	m.last = is_all ? b.last : m.key[m.count - 1].key;
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
		if (!bit_get(o->block, at / per_top))
			continue;
		*s = (struct slot){
			.kind = SLOT_DIGEST, .bits = o->bits, .count = (uint8_t)step, .from = at
		};
		return true;
	}
	return false;
}

static void set_keys(struct slot *s, uint32_t range, uint64_t first)
{
	*s = (struct slot){
		.kind = SLOT_KEYS, .from = range, .first = first, .differ = MESSAGE_LISTED
	};
}

/* Those keys are done with: on to the rest of the range. */
static void pass_keys(const struct round *o, struct slot *s)
{
	s->kind = SLOT_FREE;
	if (s->last != last_key(o->bits, s->from))
		set_keys(s, s->from, s->last + 1);
}

static bool next_leaf(struct round *o, struct slot *s)
{
	for (uint32_t n = 0; n < 1U << o->bits; n += 64) {
		uint32_t word = (o->at_leaf + n / 64) % (uint32_t)map_words(o->bits), range;

		if (o->leaf[word] == 0)
			continue;
		o->at_leaf = word;
		range = 64 * word + (uint32_t)__builtin_ctzll(o->leaf[word]);
		set_keys(s, range, first_key(o->bits, range));
		bit_clear(o->leaf, range);
		return true;
	}
	return false;
}

static bool next_question(struct round *o, struct slot *s)
{
	if (next_leaf(o, s))
		return true;
	return o->top_done && o->bits > o->top_bits && next_block(o, s);
}

static void ask(struct engine *e, struct peer *p, struct domain *d, struct slot *s)
{
	s->sent_ms = e->now_ms;
	s->tries++;
	if (s->kind == SLOT_DIGEST)
		ask_digest(e, p, d, s);
	else
		ask_keys(e, p, d, s);
}

/* Asks what is due; false: there is nothing left to ask or to wait for. */
static bool ask_all(struct engine *e, struct peer *p, uint32_t *budget)
{
	struct round *o = &p->round;
	struct domain *d = &e->domain[o->domain];
	bool is_busy = false;

	for (unsigned i = 0; i<ROUND_SLOTS && * budget> 0; i++) {
		struct slot *s = &o->slot[i];

		if (s->kind == SLOT_FREE && !next_question(o, s))
			continue;
		is_busy = true;
		if (s->tries > 0 && e->now_ms - s->sent_ms < rto_ms(p))
			continue;
		if (s->kind == SLOT_KEYS && p->tokens < 0)
			continue; /* streams first */
		if (s->tries == ROUND_TRIES) {
			if (s->kind == SLOT_DIGEST) {
				abandon(e, p, RETRY_MS);
				return true;
			}
			o->left += s->differ;
			pass_keys(o, s);
			continue;
		}
		ask(e, p, d, s);
		*budget -= *budget < 256 ? *budget : 256; /* about what a range costs */
	}
	return is_busy || *budget == 0;
}

static bool is_due(const struct engine *e, const struct peer *p, const struct domain *d)
{
	return p->want_round >> d->index & 1 && e->now_ms >= p->round_retry_ms[d->index] &&
	       is_peer_up(e, d, p->node) && digest_is_ready(d->digest);
}

/*
 * Lower node ids begin in the background, so that a pair compares once: also where a round is
 * wanted of a peer that does not answer. Domains take turns, so that such a one (the peer does not
 * have it, or not us in it) does not keep others from theirs.
 */
static struct domain *due(struct engine *e, struct peer *p)
{
	if (e->opts.self < p->node && e->now_ms >= p->round_due_ms) {
		p->round_due_ms = e->now_ms + REPAIR_MS;
		for (uint32_t i = 0; i < e->domain_count; i++)
			repair_want(e, &e->domain[i], p->node);
	}
	for (uint32_t n = 1; n <= e->domain_count; n++) {
		struct domain *d = &e->domain[(p->round_last + n) % e->domain_count];

		if (is_due(e, p, d))
			return d;
	}
	return NULL;
}

uint32_t repair_turn(struct engine *e, struct peer *p, uint32_t *budget)
{
	if (p->round.domain == NOBODY) {
		struct domain *d = due(e, p);

		if (d == NULL)
			return IDLE_MS;
		begin(e, p, d);
	}
	if (p->round.domain == NOBODY || !digest_is_ready(e->domain[p->round.domain].digest))
		return IDLE_MS;
	if (!ask_all(e, p, budget))
		complete(e, p);
	return 5;
}

/* --- answers heard --- */

static struct slot *slot_for(struct round *o, enum slot_kind kind, uint8_t bits, uint32_t from,
	uint64_t first, uint64_t last)
{
	for (unsigned i = 0; i < ROUND_SLOTS; i++) {
		struct slot *s = &o->slot[i];

		if (s->kind != kind)
			continue;
		if (kind == SLOT_DIGEST ? s->bits == bits && s->from == from
					: s->first == first && s->last == last)
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
	hear_bits(&e->domain[o->domain], p, m->most);
	/* in any case: "not now" is said because the keys differ, too */
	is_same = is_comparable(e, p, &e->domain[o->domain], &m->digest_key);
	if ((m->flags & DIFFER_NOT_NOW) || !is_same || m->most < o->bits) {
		abandon(e, p, rto_ms(p));
		return;
	}
	s = slot_for(o, SLOT_DIGEST, m->bits, m->from, 0, 0);
	if (s == NULL || s->count != m->count)
		return;
	s->kind = SLOT_FREE;
	for (uint32_t i = 0; i < m->count; i++) {
		if (!bit_get(m->bitmap, i))
			continue;
		if (m->bits == o->bits) {
			bit_set(o->leaf, m->from + i);
			p->info.ranges++;
		} else {
			bit_set(o->block, m->from + i);
		}
	}
	if (m->bits == o->top_bits)
		o->top_done = true;
}

static bool is_wanted(const struct message_want *m, uint64_t key)
{
	unsigned low = 0, high = m->count;

	while (low < high) {
		unsigned mid = (low + high) / 2;

		if (m->key[mid] < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low < m->count && m->key[low] == key;
}

/* The keys are in order, and in the range that was asked about: others are not found. */
static void push_wanted(
	struct engine *e, struct peer *p, const struct domain *d, const struct message_want *m)
{
	struct between b = between(d, m->first, m->last);
	struct push x = { .sent = 0 };
	struct record *r;
	uint64_t key;

	push_begin(e, p, &x);
	while ((r = between_next(e, d, &b, &key)) != NULL)
		if (is_wanted(m, key) && may_push(p, &x))
			push(e, p, d, &x, r);
	did_walk(e, p, &b);
	push_last(e, p, &x);
}

void repair_want_heard(struct engine *e, struct peer *p, const struct message_want *m)
{
	struct round *o = &p->round;
	struct slot *s;

	if (!is_of_round(e, p, m->domain, m->round))
		return;
	s = slot_for(o, SLOT_KEYS, 0, 0, m->first, m->last);
	if (s == NULL || (m->count > 0 && !may_work(e, p)))
		return;
	if (m->count > 0)
		push_wanted(e, p, &e->domain[o->domain], m);
	if (m->differ < s->differ)
		s->tries = 1; /* it goes on, a part at a time */
	s->differ = m->differ;
	if (m->differ == 0) /* else asked again when it is due: until then what was sent has come */
		pass_keys(o, s);
}
