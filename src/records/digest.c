/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each record that is in is in the chain of its range and remembers the hash that it was counted
 * with, so that it can be taken out whatever became of it since. While all are counted anew with
 * another key, a bit says which are: it changes its meaning with each key (turn), so that "none"
 * takes one store.
 */
#include "records/digest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/key.h"
#include "common/mem.h"
#include "common/plant.h"
#include "records/put.h"
#include "records/records.h"

_Static_assert(DIGEST_KEY_LEN == crypto_shorthash_KEYBYTES, "one key");

/* Sums of so many bits are kept, so that the first question of a comparison costs nothing. */
#define TOP_BITS 7

struct range {
	uint64_t hash;
	uint32_t count, first;
};

struct digest {
	struct records *records;
	uint32_t domain_id, count;
	uint16_t domain;
	unsigned bits;
	struct range *range;
	struct digest_sum *top; /* NULL: there are so few ranges that they need none */
	struct digest_key key;

	/* counting anew */
	bool counting, has_next;
	uint8_t turn; /* RECORD_DIGEST_TURN or 0: those that have been counted */
	uint32_t at_range, at; /* where: the record that is next, 0: the first of at_range */
	struct digest_key next; /* has_next: with that one after this */
};

int digest_key_cmp(const struct digest_key *a, const struct digest_key *b)
{
	if (a->born_ms != b->born_ms)
		return a->born_ms < b->born_ms ? -1 : 1;
	return memcmp(a->key, b->key, sizeof(a->key));
}

unsigned digest_bits(uint32_t records_max)
{
	unsigned bits = 0;

	while (bits < DIGEST_BITS_MAX && records_max >> bits > DIGEST_RANGE_MAX / 2)
		bits++;
	return bits;
}

int digest_new(const struct digest_opts *opts, struct digest **out)
{
	struct digest *d;

	if (opts->bits > DIGEST_BITS_MAX || !records_has_mesh(opts->records))
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	d->bits = opts->bits;
	d->range = mem_zalloc(sizeof(*d->range) << opts->bits);
	if (opts->bits > TOP_BITS)
		d->top = calloc(1ULL << TOP_BITS, sizeof(*d->top));
	if (d->range == NULL || (d->top == NULL && opts->bits > TOP_BITS)) {
		digest_free(d);
		return -ENOMEM;
	}
	d->records = opts->records;
	d->domain = opts->domain;
	d->domain_id = opts->domain_id;
	d->key = opts->key;
	*out = d;
	return 0;
}

void digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	free(d->top);
	mem_free(d->range, sizeof(*d->range) << d->bits);
	free(d);
}

uint64_t digest_memory(const struct digest *d)
{
	uint64_t top = d->top != NULL ? sizeof(*d->top) << TOP_BITS : 0;

	return sizeof(*d) + (sizeof(*d->range) << d->bits) + top;
}

static uint32_t range_of(const struct digest *d, uint64_t key)
{
	return d->bits == 0 ? 0 : (uint32_t)(key >> (64 - d->bits));
}

/* What it says is part of the protocol: sites of different releases must count alike. */
static uint64_t hash_of(
	const struct digest *d, uint64_t key, const struct record *r, const struct record_mesh *m)
{
	uint8_t in[8 + 21 + 16 + 1], *p = in, h[crypto_shorthash_BYTES];
	uint64_t out = 0;

	p = put_u64(p, key);
	p = put_u64(p, m->content.ext_seq);
	p = put_u64(p, m->content.hlc);
	p = put_u32(p, m->content.epoch);
	p = put_u8(p, m->content.node);
	p = put_u64(p, m->owner.ext_seq);
	p = put_u32(p, m->owner.epoch);
	p = put_u32(p, (uint32_t)m->owner.term << 8 | m->owner.node);
	p = put_u8(p, r->state == RECORD_TOMBSTONE);
	crypto_shorthash(h, in, (size_t)(p - in), d->key.key);
	for (unsigned i = 0; i < sizeof(h); i++)
		out = out << 8 | h[i];
	return out;
}

/* Is it part of its range's hash now? */
static bool is_counted(const struct digest *d, const struct record_mesh *m)
{
	return !d->counting || (m->flags & RECORD_DIGEST_TURN) == d->turn;
}

static struct digest_sum *top_of(struct digest *d, const struct range *g)
{
	return &d->top[(uint32_t)(g - d->range) >> (d->bits - TOP_BITS)];
}

/* In, or out again. */
static void add_hash(struct digest *d, struct range *g, uint64_t hash)
{
	g->hash ^= hash;
	if (d->top != NULL)
		top_of(d, g)->hash ^= hash;
}

static void add_count(struct digest *d, struct range *g, int by)
{
	g->count += (uint32_t)by;
	d->count += (uint32_t)by;
	if (d->top != NULL)
		top_of(d, g)->count += (uint32_t)by;
}

static void count(struct digest *d, struct range *g, uint64_t key, const struct record *r,
	struct record_mesh *m)
{
	m->hash = hash_of(d, key, r, m);
	m->flags = (uint8_t)((m->flags & ~RECORD_DIGEST_TURN) | d->turn);
	add_hash(d, g, m->hash);
	if (planted(PLANT_DIGEST_ORDER))
		g->hash = g->hash << 1 | g->hash >> 63;
}

static void put_in(struct digest *d, struct range *g, uint32_t h, struct record_mesh *m)
{
	m->flags |= RECORD_IN_DIGEST;
	m->range_prev = 0;
	m->range_next = g->first;
	if (g->first != 0)
		records_mesh_at(d->records, g->first)->range_prev = h;
	g->first = h;
	add_count(d, g, 1);
}

void digest_set(struct digest *d, struct record *r)
{
	struct record_mesh *m = records_mesh(d->records, r);
	uint64_t key = record_key(d->domain_id, &r->hoa);
	struct range *g = &d->range[range_of(d, key)];

	if (!(m->flags & RECORD_IN_DIGEST))
		put_in(d, g, r->handle, m);
	else if (is_counted(d, m))
		add_hash(d, g, m->hash);
	count(d, g, key, r, m);
}

void digest_drop(struct digest *d, struct record *r)
{
	struct record_mesh *m = records_mesh(d->records, r);
	struct range *g;

	if (!(m->flags & RECORD_IN_DIGEST))
		return;
	g = &d->range[range_of(d, record_key(d->domain_id, &r->hoa))];
	if (is_counted(d, m))
		add_hash(d, g, m->hash);
	if (m->range_prev != 0)
		records_mesh_at(d->records, m->range_prev)->range_next = m->range_next;
	else
		g->first = m->range_next;
	if (m->range_next != 0)
		records_mesh_at(d->records, m->range_next)->range_prev = m->range_prev;
	if (d->counting && d->at == r->handle) {
		d->at = m->range_next;
		d->at_range += d->at == 0;
	}
	m->flags &= (uint8_t)~RECORD_IN_DIGEST;
	add_count(d, g, -1);
}

bool digest_has(const struct digest *d, const struct record *r)
{
	return (records_mesh(d->records, r)->flags & RECORD_IN_DIGEST) != 0;
}

uint64_t digest_hash(const struct digest *d, const struct record *r)
{
	return records_mesh(d->records, r)->hash;
}

struct digest_sum digest_fold(const struct digest *d, unsigned k, uint32_t range)
{
	struct digest_sum sum = { 0 };
	unsigned rest = d->bits - k;

	if (k <= TOP_BITS && d->top != NULL) {
		rest = TOP_BITS - k;
		for (uint32_t i = range << rest; i < (range + 1) << rest; i++) {
			sum.hash ^= d->top[i].hash;
			sum.count += d->top[i].count;
		}
		return sum;
	}
	for (uint64_t i = (uint64_t)range << rest; i < (uint64_t)(range + 1ULL) << rest; i++) {
		sum.hash ^= d->range[i].hash;
		sum.count += d->range[i].count;
	}
	return sum;
}

uint32_t digest_fold_steps(const struct digest *d, unsigned k)
{
	return 1U << ((k <= TOP_BITS && d->top != NULL ? TOP_BITS : d->bits) - k);
}

unsigned digest_bits_of(const struct digest *d)
{
	return d->bits;
}

uint32_t digest_count(const struct digest *d)
{
	return d->count;
}

static bool is_in_range(const struct digest *d, uint32_t handle, uint32_t range)
{
	const struct record *r = records_at(d->records, handle);

	return r != NULL && r->domain == d->domain && digest_has(d, r) &&
	       range_of(d, record_key(d->domain_id, &r->hoa)) == range;
}

bool digest_next(const struct digest *d, uint32_t range, uint32_t *handle)
{
	if (*handle == 0) {
		*handle = d->range[range].first;
		return *handle != 0;
	}
	if (!is_in_range(d, *handle, range)) {
		*handle = 0;
		return true;
	}
	*handle = records_mesh_at(d->records, *handle)->range_next;
	return *handle != 0;
}

/* --- counting anew --- */

const struct digest_key *digest_key_of(const struct digest *d)
{
	return d->has_next ? &d->next : &d->key;
}

static void begin(struct digest *d, const struct digest_key *key)
{
	d->key = *key;
	d->counting = true;
	d->has_next = false;
	d->turn ^= RECORD_DIGEST_TURN;
	d->at_range = d->at = 0;
	for (uint32_t i = 0; i < 1U << d->bits; i++)
		d->range[i].hash = 0;
	for (uint32_t i = 0; d->top != NULL && i < 1U << TOP_BITS; i++)
		d->top[i].hash = 0;
}

bool digest_key_hear(struct digest *d, const struct digest_key *key)
{
	if (digest_key_cmp(key, digest_key_of(d)) >= 0)
		return false;
	if (d->counting) {
		d->next = *key;
		d->has_next = true;
	} else {
		begin(d, key);
	}
	return true;
}

bool digest_is_ready(const struct digest *d)
{
	return !d->counting;
}

static void count_again(struct digest *d, struct range *g, uint32_t h)
{
	const struct record *r = records_at(d->records, h);
	struct record_mesh *m = records_mesh_at(d->records, h);

	if (!is_counted(d, m))
		count(d, g, record_key(d->domain_id, &r->hoa), r, m);
}

bool digest_turn(struct digest *d, uint32_t budget)
{
	if (!d->counting)
		return true;
	while (budget-- > 0 && d->at_range < 1U << d->bits) {
		struct range *g = &d->range[d->at_range];

		if (d->at == 0)
			d->at = g->first;
		if (d->at != 0) {
			count_again(d, g, d->at);
			d->at = records_mesh_at(d->records, d->at)->range_next;
		}
		d->at_range += d->at == 0;
	}
	if (d->at_range < 1U << d->bits)
		return false;
	d->counting = false;
	if (d->has_next)
		begin(d, &d->next);
	return !d->counting;
}
