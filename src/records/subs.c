/* SPDX-License-Identifier: BSD-3-Clause */
#include "records/subs.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mac.h"

#define FROM_FILE 0x80000000U /* in a row's place: a line, else an item of mobile-nodes */
#define ROWS_MIN  64

/* A guarded allocation costs two pages of its own, and three mappings of some ten thousand that a
 * process may have: the keys of 16 million subscribers take 12000. */
#define CHUNK_KEYS 4096

#define TEXT_BLOCK 65536 /* octets */

struct row {
	struct ip6_addr hoa;
	struct sub sub;
	uint32_t next; /* of the same hash; 0 ends it */
	uint32_t place;
};

static_assert(sizeof(struct row) == 48, "a million of them: memory a subscriber");

struct range {
	struct ip6_prefix prefix;
	struct sub sub;
	uint32_t number;
	uint32_t parent; /* the longest that holds all of it; 0: none */
};

struct text_block {
	struct text_block *next;
	size_t used;
	char text[TEXT_BLOCK];
};

struct subs {
	uint32_t max, count, room; /* rows */
	uint32_t hash_mask;
	uint64_t seed;
	struct row *row; /* 1..count */
	uint32_t *hash;
	struct range *range; /* 1..range_count, sorted when sealed */
	uint32_t range_count, range_room;
	struct mac_key **chunk;
	uint32_t chunk_count, chunk_room, key_count;
	struct text_block *texts;
	uint32_t text_blocks;
	uint16_t domains;
	bool sealed;
	struct subs_counts *counts; /* by domain */
};

/* --- life --- */

int subs_new(const struct subs_opts *opts, struct subs **out)
{
	struct subs *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	s->max = opts->max;
	s->seed = opts->seed;
	s->domains = opts->domains;
	s->room = ROWS_MIN;
	s->hash_mask = ROWS_MIN - 1;
	s->row = calloc(s->room + 1, sizeof(*s->row));
	s->hash = calloc(ROWS_MIN, sizeof(*s->hash));
	s->counts = calloc(opts->domains > 0 ? opts->domains : 1, sizeof(*s->counts));
	if (s->row == NULL || s->hash == NULL || s->counts == NULL) {
		subs_free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void subs_free(struct subs *s)
{
	struct text_block *next;

	if (s == NULL)
		return;
	for (uint32_t i = 0; i < s->chunk_count; i++)
		mac_keys_free(s->chunk[i]);
	for (; s->texts != NULL; s->texts = next) {
		next = s->texts->next;
		free(s->texts);
	}
	free(s->chunk);
	free(s->range);
	free(s->counts);
	free(s->hash);
	free(s->row);
	free(s);
}

uint64_t subs_memory(const struct subs *s)
{
	return sizeof(*s) + (s->room + 1ULL) * sizeof(*s->row) +
	       (s->hash_mask + 1ULL) * sizeof(*s->hash) +
	       (uint64_t)s->chunk_count * CHUNK_KEYS * sizeof(struct mac_key) +
	       s->chunk_room * sizeof(*s->chunk) + s->text_blocks * sizeof(struct text_block) +
	       s->range_room * sizeof(*s->range) + s->domains * sizeof(*s->counts);
}

/* --- rows --- */

static uint32_t *chain(const struct subs *s, uint16_t domain, const struct ip6_addr *hoa)
{
	return &s->hash[ip6_hash(hoa, s->seed ^ (uint64_t)domain << 48) & s->hash_mask];
}

static struct row *find_row(const struct subs *s, uint16_t domain, const struct ip6_addr *hoa)
{
	for (uint32_t i = *chain(s, domain, hoa); i != 0; i = s->row[i].next) {
		struct row *r = &s->row[i];

		if (r->sub.domain == domain && ip6_eq(&r->hoa, hoa))
			return r;
	}
	return NULL;
}

static void link_row(struct subs *s, uint32_t i)
{
	uint32_t *head = chain(s, s->row[i].sub.domain, &s->row[i].hoa);

	s->row[i].next = *head;
	*head = i;
}

/* Twice as many rows and, once there are more rows than chains, chains. */
static int grow(struct subs *s)
{
	uint32_t room = s->room > UINT32_MAX / 4 ? UINT32_MAX / 2 : 2 * s->room;
	struct row *rows = reallocarray(s->row, room + 1ULL, sizeof(*rows));
	uint32_t *hash;

	if (rows == NULL)
		return -ENOMEM;
	s->row = rows;
	s->room = room;
	hash = calloc(2 * (s->hash_mask + 1ULL), sizeof(*hash));
	if (hash == NULL)
		return -ENOMEM;
	free(s->hash);
	s->hash = hash;
	s->hash_mask = 2 * s->hash_mask + 1;
	for (uint32_t i = 1; i <= s->count; i++)
		link_row(s, i);
	return 0;
}

static struct sub_place row_place(const struct row *r)
{
	return (struct sub_place){ r->place & FROM_FILE ? SUB_LINE : SUB_NODE,
		r->place & ~FROM_FILE };
}

/* *text: the set's copy of it. */
static int keep_text(struct subs *s, const char **text)
{
	size_t len = *text != NULL ? strlen(*text) + 1 : 0;

	if (len == 0)
		return 0;
	assert(len <= TEXT_BLOCK);
	if (s->texts == NULL || TEXT_BLOCK - s->texts->used < len) {
		struct text_block *b = malloc(sizeof(*b));

		if (b == NULL)
			return -ENOMEM;
		b->next = s->texts;
		b->used = 0;
		s->texts = b;
		s->text_blocks++;
	}
	*text = memcpy(s->texts->text + s->texts->used, *text, len);
	s->texts->used += len;
	return 0;
}

int subs_add(struct subs *s, const struct ip6_addr *hoa, const struct sub *sub,
	struct sub_place place, struct sub_place *there)
{
	const struct row *other = find_row(s, sub->domain, hoa);
	struct subs_counts *counts = &s->counts[sub->domain];
	struct sub mine = *sub;

	assert(!s->sealed);
	if (other != NULL) {
		*there = row_place(other);
		return -EEXIST;
	}
	if (s->count == s->max)
		return -ENOSPC;
	if ((s->count == s->room && grow(s) < 0) || keep_text(s, &mine.nai) < 0)
		return -ENOMEM;
	s->row[++s->count] = (struct row){
		.hoa = *hoa,
		.sub = mine,
		.place = place.number | (place.source == SUB_LINE ? FROM_FILE : 0),
	};
	link_row(s, s->count);
	counts->subscribers++;
	counts->lines += place.source == SUB_LINE;
	counts->open_lines += place.source == SUB_LINE && sub->auth == SUB_AUTH_NONE;
	counts->has_keys |= sub->auth != SUB_AUTH_NONE;
	return 0;
}

int subs_set_file(struct subs *s, uint16_t domain, const char *path)
{
	s->counts[domain].file = path;
	return keep_text(s, &s->counts[domain].file);
}

uint32_t subs_count(const struct subs *s)
{
	return s->count;
}

const struct subs_counts *subs_counts(const struct subs *s, uint16_t domain)
{
	return &s->counts[domain];
}

/* --- keys --- */

int subs_add_key(struct subs *s, struct mac_key **key, uint32_t *number)
{
	uint32_t i = s->key_count / CHUNK_KEYS;

	if (i == s->chunk_room) {
		uint32_t room = 2 * s->chunk_room + 1;
		struct mac_key **more = reallocarray(s->chunk, room, sizeof(struct mac_key *));

		if (more == NULL)
			return -ENOMEM;
		s->chunk = more;
		s->chunk_room = room;
	}
	if (i == s->chunk_count) {
		s->chunk[i] = mac_keys_new(CHUNK_KEYS);
		if (s->chunk[i] == NULL)
			return -ENOMEM;
		s->chunk_count++;
	}
	*number = s->key_count++;
	*key = &s->chunk[i][*number % CHUNK_KEYS];
	return 0;
}

const struct mac_key *subs_key(const struct subs *s, const struct sub *sub)
{
	if (sub->key == SUB_NO_KEY)
		return NULL;
	return &s->chunk[sub->key / CHUNK_KEYS][sub->key % CHUNK_KEYS];
}

/* --- ranges --- */

int subs_add_range(
	struct subs *s, const struct ip6_prefix *range, const struct sub *sub, uint32_t number)
{
	struct subs_counts *counts = &s->counts[sub->domain];
	struct sub mine = *sub;

	assert(!s->sealed);
	if (s->range_count + 1 >= s->range_room) {
		uint32_t room = 2 * s->range_room + 2;
		struct range *more = reallocarray(s->range, room, sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		s->range = more;
		s->range_room = room;
	}
	if (keep_text(s, &mine.nai) < 0)
		return -ENOMEM;
	s->range[++s->range_count] =
		(struct range){ .prefix = *range, .sub = mine, .number = number };
	counts->ranges++;
	counts->has_keys |= sub->auth != SUB_AUTH_NONE;
	return 0;
}

/* One that holds another comes before it. */
static int compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	int d = memcmp(&x->prefix.addr, &y->prefix.addr, sizeof(x->prefix.addr));

	return d != 0 ? d : x->prefix.len - y->prefix.len;
}

void subs_seal(struct subs *s)
{
	struct row *rows = reallocarray(s->row, s->count + 1ULL, sizeof(*rows));
	uint32_t around = 0;

	s->sealed = true;
	if (rows != NULL) {
		s->row = rows;
		s->room = s->count;
	}
	if (s->range_count > 0)
		qsort(s->range + 1, s->range_count, sizeof(*s->range), compare_ranges);
	for (uint32_t i = 1; i <= s->range_count; i++) {
		while (around != 0 &&
			!ip6_in_prefix(&s->range[i].prefix.addr, &s->range[around].prefix))
			around = s->range[around].parent;
		s->range[i].parent = around;
		around = i;
	}
}

/* Ranges lie beside or in each other: of those that begin at or before the address, only the last
 * one and those around it can hold it. */
static const struct range *find_range(
	const struct subs *s, uint16_t domain, const struct ip6_addr *hoa)
{
	uint32_t low = 0, high = s->range_count;

	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;

		if (memcmp(&s->range[middle].prefix.addr, hoa, sizeof(*hoa)) <= 0)
			low = middle;
		else
			high = middle - 1;
	}
	while (low != 0 && !ip6_in_prefix(hoa, &s->range[low].prefix))
		low = s->range[low].parent;
	return low != 0 && s->range[low].sub.domain == domain ? &s->range[low] : NULL;
}

/* --- using --- */

const struct sub *subs_find(const struct subs *s, uint16_t domain, const struct ip6_addr *hoa)
{
	const struct row *row = find_row(s, domain, hoa);
	const struct range *range = row == NULL ? find_range(s, domain, hoa) : NULL;

	return row != NULL ? &row->sub : range != NULL ? &range->sub : NULL;
}

struct sub_place subs_place(const struct subs *s, const struct sub *sub)
{
	uintptr_t at = (uintptr_t)sub - (uintptr_t)s->row;

	if (at < (s->count + 1ULL) * sizeof(*s->row))
		return row_place(&s->row[at / sizeof(*s->row)]);
	return (struct sub_place){ SUB_RANGE, container_of(sub, const struct range, sub)->number };
}

/* --- comparing --- */

static bool same_nai(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_same(
	const struct subs *a, const struct sub *x, const struct subs *b, const struct sub *y)
{
	const struct mac_key *p = subs_key(a, x), *q = subs_key(b, y);

	return x->auth == y->auth && x->spi == y->spi && x->lifetime_max_s == y->lifetime_max_s &&
	       x->replay == y->replay && same_nai(x->nai, y->nai) && (p == NULL) == (q == NULL) &&
	       (p == NULL || mac_key_equal(p, q));
}

static void compare_all_ranges(
	const struct subs *from, const struct subs *to, struct subs_diff *out)
{
	uint32_t i = 1, j = 1;

	while (i <= from->range_count || j <= to->range_count) {
		int d = i > from->range_count ? 1
			: j > to->range_count ? -1
					      : compare_ranges(&from->range[i], &to->range[j]);

		out->removed += d < 0;
		out->added += d > 0;
		if (d == 0)
			out->changed += !is_same(from, &from->range[i].sub, to, &to->range[j].sub);
		i += d <= 0;
		j += d >= 0;
	}
}

void subs_compare(const struct subs *from, const struct subs *to, struct subs_diff *out)
{
	*out = (struct subs_diff){ 0 };
	for (uint32_t i = 1; i <= to->count; i++) {
		const struct row *new = &to->row[i], *old;

		old = find_row(from, new->sub.domain, &new->hoa);
		out->added += old == NULL;
		out->changed += old != NULL && !is_same(from, &old->sub, to, &new->sub);
	}
	/* what is not new in the one was in the other, and the rest of that is gone */
	out->removed = from->count - (to->count - out->added);
	compare_all_ranges(from, to, out);
}
