/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/reass_tab.h"

#include <assert.h>
#include <errno.h>
#include <sys/queue.h>

#include "common/mem.h"

#define TOTAL_UNKNOWN UINT32_MAX

struct dgram;
TAILQ_HEAD(dgram_queue, dgram);

/* Who has fragments here; as many as datagrams at most. */
struct source {
	LIST_ENTRY(source) bucket; /* or the list of unused ones */
	struct dgram_queue dgrams; /* oldest first */
	struct ip6_addr addr;
	uint32_t fragments;
	uint16_t zone;
};
LIST_HEAD(source_list, source);

struct dgram {
	LIST_ENTRY(dgram) bucket;
	TAILQ_ENTRY(dgram) age; /* in live, dead or unused */
	TAILQ_ENTRY(dgram) sibling; /* in source->dgrams */
	struct source *source; /* NULL: given up, for `why` */
	struct reass_key key;
	uint64_t deadline;
	uint32_t total; /* octets of the fragmentable part, once the last fragment is there */
	uint32_t octets; /* held */
	uint32_t count;
	enum dp_drop why;
	struct reass_frag frag[REASS_MAX_FRAGMENTS]; /* by offset; they do not overlap */
};
LIST_HEAD(dgram_list, dgram);

struct reass_tab {
	struct reass_opts o;
	size_t bytes; /* of all this */
	uint32_t mask; /* buckets of each kind - 1 */
	uint32_t live_count, fragments;
	struct dgram_queue live, dead, unused; /* the first two by deadline */
	struct source_list no_source;
	struct dgram_list *dgram_bucket;
	struct source_list *source_bucket;
	struct dgram *dgram;
	struct source *source;
};

static_assert(sizeof(struct reass_key) == 40, "compared as octets: no padding");

static inline struct dgram_list *dgram_bucket(struct reass_tab *t, const struct reass_key *key)
{
	uint64_t h = ip6_hash(&key->dst, ip6_hash(&key->src, t->o.seed[0]));
	unsigned __int128 m;

	h ^= (uint64_t)key->id << 32 | (uint32_t)key->zone << 8 | key->path;
	m = (unsigned __int128)h * (t->o.seed[1] | 1);
	return &t->dgram_bucket[((uint64_t)m ^ (uint64_t)(m >> 64)) & t->mask];
}

static inline struct source_list *source_bucket(
	struct reass_tab *t, const struct ip6_addr *addr, uint16_t zone)
{
	return &t->source_bucket[(ip6_hash(addr, t->o.seed[1]) + zone) & t->mask];
}

/* --- life --- */

static uint32_t buckets_for(uint32_t n)
{
	uint32_t size = 1;

	while (size < n)
		size *= 2;
	return size;
}

int reass_tab_new(const struct reass_opts *opts, struct reass_tab **out)
{
	uint32_t n = opts->max_datagrams, size = buckets_for(n);
	size_t bytes = sizeof(struct reass_tab) + n * sizeof(struct dgram) +
		       n * sizeof(struct source) + size * sizeof(struct dgram_list) +
		       size * sizeof(struct source_list);
	struct reass_tab *t = mem_zalloc(bytes);

	assert(n >= 2 && opts->max_fragments > REASS_MAX_FRAGMENTS &&
		opts->max_per_source > REASS_MAX_FRAGMENTS);
	*out = t;
	if (t == NULL)
		return -ENOMEM;
	t->o = *opts;
	t->bytes = bytes;
	t->mask = size - 1;
	t->dgram = (struct dgram *)(t + 1);
	t->source = (struct source *)(t->dgram + n);
	t->dgram_bucket = (struct dgram_list *)(t->source + n);
	t->source_bucket = (struct source_list *)(t->dgram_bucket + size);
	TAILQ_INIT(&t->live);
	TAILQ_INIT(&t->dead);
	TAILQ_INIT(&t->unused);
	for (uint32_t i = 0; i < n; i++) {
		TAILQ_INSERT_TAIL(&t->unused, &t->dgram[i], age);
		LIST_INSERT_HEAD(&t->no_source, &t->source[i], bucket);
	}
	return 0;
}

/* --- leaving --- */

static void source_put(struct reass_tab *t, struct dgram *d)
{
	struct source *s = d->source;

	TAILQ_REMOVE(&s->dgrams, d, sibling);
	s->fragments -= d->count;
	d->source = NULL;
	if (!TAILQ_EMPTY(&s->dgrams))
		return;
	LIST_REMOVE(s, bucket);
	LIST_INSERT_HEAD(&t->no_source, s, bucket);
}

/* No longer a datagram that waits; still findable, and in no queue. */
static void quit(struct reass_tab *t, struct dgram *d)
{
	TAILQ_REMOVE(&t->live, d, age);
	source_put(t, d);
	t->live_count--;
	t->fragments -= d->count;
}

static void drop_all(struct reass_tab *t, struct dgram *d, enum dp_drop why)
{
	for (uint32_t i = 0; i < d->count; i++)
		t->o.drop(t->o.ctx, d->frag[i].buf, why, d->frag[i].off == 0);
	d->count = 0;
}

static void forget(struct reass_tab *t, struct dgram *d)
{
	LIST_REMOVE(d, bucket);
	TAILQ_INSERT_TAIL(&t->unused, d, age);
}

static void push_out(struct reass_tab *t, struct dgram *d, enum dp_drop why)
{
	quit(t, d);
	drop_all(t, d, why);
	forget(t, d);
}

/* It stays, to refuse what still comes of it. */
static void bury(struct reass_tab *t, struct dgram *d, enum dp_drop why, uint64_t now)
{
	quit(t, d);
	drop_all(t, d, why);
	d->why = why;
	d->deadline = now + t->o.timeout;
	TAILQ_INSERT_TAIL(&t->dead, d, age);
}

static void dig_up(struct reass_tab *t, struct dgram *d)
{
	TAILQ_REMOVE(&t->dead, d, age);
	forget(t, d);
}

void reass_tab_free(struct reass_tab *t)
{
	if (t == NULL)
		return;
	while (!TAILQ_EMPTY(&t->live))
		push_out(t, TAILQ_FIRST(&t->live), DP_DROP_SHUTDOWN);
	mem_free(t, t->bytes);
}

uint32_t reass_tab_expire(struct reass_tab *t, uint64_t now, uint32_t max)
{
	struct dgram *d;
	uint32_t n = 0;

	for (; n < max && (d = TAILQ_FIRST(&t->live)) != NULL && d->deadline <= now; n++)
		push_out(t, d, DP_DROP_FRAG_TIMEOUT);
	for (; n < max && (d = TAILQ_FIRST(&t->dead)) != NULL && d->deadline <= now; n++)
		dig_up(t, d);
	return n;
}

/* --- coming --- */

static struct source *source_get(struct reass_tab *t, const struct ip6_addr *addr, uint16_t zone)
{
	struct source_list *list = source_bucket(t, addr, zone);
	struct source *s;

	LIST_FOREACH(s, list, bucket)
	{
		if (ip6_eq(&s->addr, addr) && s->zone == zone)
			return s;
	}
	/* never empty: a source has a datagram, and there is one to spare for the new one */
	s = LIST_FIRST(&t->no_source);
	LIST_REMOVE(s, bucket);
	LIST_INSERT_HEAD(list, s, bucket);
	TAILQ_INIT(&s->dgrams);
	s->addr = *addr;
	s->zone = zone;
	s->fragments = 0;
	return s;
}

static struct dgram *find(
	struct reass_tab *t, const struct reass_key *key, uint64_t now, struct dgram_list *list)
{
	struct dgram *d;

	LIST_FOREACH(d, list, bucket)
	{
		if (memcmp(&d->key, key, sizeof(*key)) == 0)
			break;
	}
	if (d == NULL || d->deadline > now)
		return d;
	/* late, and reass_tab_expire() has not come by yet */
	if (d->source == NULL)
		dig_up(t, d);
	else
		push_out(t, d, DP_DROP_FRAG_TIMEOUT);
	return NULL;
}

static struct dgram *begin(
	struct reass_tab *t, const struct reass_key *key, uint64_t now, struct dgram_list *list)
{
	struct dgram *d;

	if (TAILQ_EMPTY(&t->unused)) {
		d = TAILQ_FIRST(&t->dead);
		if (d != NULL)
			dig_up(t, d);
		else
			push_out(t, TAILQ_FIRST(&t->live), DP_DROP_FRAG_EVICTED);
	}
	d = TAILQ_FIRST(&t->unused);
	TAILQ_REMOVE(&t->unused, d, age);
	LIST_INSERT_HEAD(list, d, bucket);
	TAILQ_INSERT_TAIL(&t->live, d, age);
	t->live_count++;
	d->source = source_get(t, &key->src, key->zone);
	TAILQ_INSERT_TAIL(&d->source->dgrams, d, sibling);
	d->key = *key;
	d->deadline = now + t->o.timeout;
	d->total = TOTAL_UNKNOWN;
	d->octets = 0;
	d->count = 0;
	return d;
}

enum verdict { FITS, DUPLICATE, CONTRADICTS };

/*
 * RFC 5722 and RFC 8200, 4.5: nothing may overlap, but a fragment that the network delivered
 * twice may be ignored; twice is what has the same octets, not only the same place. *at: where
 * it belongs.
 */
static enum verdict place(const struct dgram *d, const struct reass_frag *f, uint32_t *at)
{
	uint32_t end = (uint32_t)f->off + f->len, i = d->count;
	const struct reass_frag *prev, *next;

	while (i > 0 && d->frag[i - 1].off >= f->off)
		i--;
	*at = i;
	prev = i > 0 ? &d->frag[i - 1] : NULL;
	next = i < d->count ? &d->frag[i] : NULL;
	if (next != NULL && next->off == f->off && next->len == f->len && next->more == f->more &&
		memcmp(next->data, f->data, f->len) == 0)
		return DUPLICATE;
	if ((prev != NULL && (uint32_t)prev->off + prev->len > f->off) ||
		(next != NULL && next->off < end))
		return CONTRADICTS;
	/* The last fragment ends the datagram, and no other does. */
	if (!f->more && (next != NULL || d->total != TOTAL_UNKNOWN))
		return CONTRADICTS;
	if (f->more && d->total != TOTAL_UNKNOWN && end > d->total)
		return CONTRADICTS;
	return FITS;
}

/* Room for one more fragment of d, whose bounds of its own allow it. */
static void make_room(struct reass_tab *t, struct dgram *d)
{
	struct dgram *old;

	if (d->source->fragments == t->o.max_per_source) {
		old = TAILQ_FIRST(&d->source->dgrams);
		push_out(t, old != d ? old : TAILQ_NEXT(d, sibling), DP_DROP_FRAG_SOURCE_LIMIT);
	}
	if (t->fragments == t->o.max_fragments) {
		old = TAILQ_FIRST(&t->live);
		push_out(t, old != d ? old : TAILQ_NEXT(d, age), DP_DROP_FRAG_EVICTED);
	}
}

static void hold(struct reass_tab *t, struct dgram *d, const struct reass_frag *f, uint32_t at)
{
	make_room(t, d);
	memmove(&d->frag[at + 1], &d->frag[at], (d->count - at) * sizeof(d->frag[0]));
	d->frag[at] = *f;
	d->count++;
	d->octets += f->len;
	if (!f->more)
		d->total = (uint32_t)f->off + f->len;
	d->source->fragments++;
	t->fragments++;
}

static void give_up(struct reass_tab *t, struct dgram *d, const struct reass_frag *f,
	enum dp_drop why, uint64_t now)
{
	bury(t, d, why, now);
	t->o.drop(t->o.ctx, f->buf, why, f->off == 0);
}

const struct reass_frag *reass_tab_add(struct reass_tab *t, const struct reass_key *key,
	const struct reass_frag *f, uint64_t now, uint32_t *count)
{
	struct dgram_list *list = dgram_bucket(t, key);
	struct dgram *d = find(t, key, now, list);
	enum verdict verdict;
	uint32_t at;

	if (d == NULL)
		d = begin(t, key, now, list);
	if (d->source == NULL) {
		t->o.drop(t->o.ctx, f->buf, d->why, f->off == 0);
		return NULL;
	}
	verdict = place(d, f, &at);
	if (verdict == DUPLICATE) {
		t->o.drop(t->o.ctx, f->buf, DP_DROP_FRAG_DUPLICATE, f->off == 0);
	} else if (verdict == CONTRADICTS) {
		give_up(t, d, f, DP_DROP_FRAG_OVERLAP, now);
	} else if ((uint32_t)f->off + f->len > t->o.max_octets) {
		give_up(t, d, f, DP_DROP_FRAG_TOO_BIG, now);
	} else if (d->count == REASS_MAX_FRAGMENTS) {
		give_up(t, d, f, DP_DROP_FRAG_TOO_MANY, now);
	} else {
		hold(t, d, f, at);
		if (d->octets == d->total) {
			*count = d->count;
			quit(t, d);
			forget(t, d);
			return d->frag;
		}
	}
	return NULL;
}

uint32_t reass_tab_datagrams(const struct reass_tab *t)
{
	return __atomic_load_n(&t->live_count, __ATOMIC_RELAXED);
}

uint32_t reass_tab_fragments(const struct reass_tab *t)
{
	return __atomic_load_n(&t->fragments, __ATOMIC_RELAXED);
}

bool reass_tab_is_empty(const struct reass_tab *t)
{
	return TAILQ_EMPTY(&t->live) && TAILQ_EMPTY(&t->dead);
}
