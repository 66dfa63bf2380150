/* SPDX-License-Identifier: BSD-3-Clause */
#include "records/seen.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/ntp.h"
#include "records/age.h"
#include "records/changes.h"

/* Entries of a kind that one seen_raise() looks at for one to give way: 30 us at most, and as much
 * again where records must be asked for. Who may not is the newest then: the next looks further. */
#define LOOKED_AT 256

enum kind { LOOSE, REMEMBERED, KINDS }; /* LOOSE: its number need not be remembered */

struct entry {
	struct ip6_addr hoa;
	uint64_t ext_seq, stamp;
	struct change_link change;
	uint32_t epoch;
	uint32_t next; /* of the same hash; 0 ends it */
	uint16_t domain;
	uint16_t ha; /* number of the address */
	uint8_t order;
	uint8_t origin;
	uint8_t kind;
};

static_assert(sizeof(struct entry) == 64, "one a pair: memory");

/* The entries of a domain that has a quota; the first part is of all others. */
struct part {
	struct age_list list[KINDS];
	uint32_t share, max;
	uint16_t domain;
};

struct seen {
	uint32_t max, count;
	uint32_t window_s;
	uint32_t hash_mask, ha_mask;
	uint64_t floor, seed;
	struct entry *entry; /* 1..max; 0: the list of changes' own */
	struct age_link *age; /* of each; apart, so that an entry is one cache line */
	uint32_t *hash; /* all pairs of a home address are in one chain */
	struct ip6_addr *ha; /* 1..addresses */
	uint16_t *ha_hash; /* open: numbers, 0: free */
	uint16_t ha_max, ha_count;
	struct changes *changes;
	struct part *part;
	uint16_t parts;
	struct seen_owner owner;
	seen_change_fn on_change;
	void *on_change_ctx;
};

static uint32_t power_of_2(uint32_t least)
{
	uint32_t n = 1;

	while (n < least && n < 1U << 31)
		n <<= 1;
	return n;
}

static int allocate(struct seen *s, const struct seen_opts *opts)
{
	struct changes_opts list = {
		.stride = sizeof(*s->entry), .max = opts->max, .markers = opts->markers
	};

	s->hash_mask = power_of_2(opts->max) - 1;
	s->ha_mask = power_of_2(2U * opts->addresses) - 1;
	s->entry = calloc(s->max + 1ULL, sizeof(*s->entry));
	s->hash = mem_zalloc((s->hash_mask + 1ULL) * sizeof(*s->hash));
	s->age = calloc(s->max + 1ULL, sizeof(*s->age));
	s->part = calloc(1, sizeof(*s->part));
	s->ha = calloc(s->ha_max + 1ULL, sizeof(*s->ha));
	s->ha_hash = calloc(s->ha_mask + 1ULL, sizeof(*s->ha_hash));
	if (s->entry == NULL || s->hash == NULL || s->age == NULL || s->part == NULL ||
		s->ha == NULL || s->ha_hash == NULL)
		return -ENOMEM;
	s->parts = 1;
	s->part[0].max = s->max;
	list.links = &s->entry[0].change;
	return changes_new(&list, &s->changes);
}

int seen_new(const struct seen_opts *opts, struct seen **out)
{
	struct seen *s;
	int ret;

	if (opts->max == 0 || opts->addresses == 0)
		return -EINVAL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return -ENOMEM;
	s->max = opts->max;
	s->window_s = opts->window_s;
	s->floor = opts->floor;
	s->seed = opts->seed;
	s->ha_max = opts->addresses;
	ret = allocate(s, opts);
	if (ret < 0) {
		seen_free(s);
		return ret;
	}
	*out = s;
	return 0;
}

void seen_free(struct seen *s)
{
	if (s == NULL)
		return;
	changes_free(s->changes);
	free(s->ha_hash);
	free(s->ha);
	free(s->part);
	free(s->age);
	mem_free(s->hash, (s->hash_mask + 1ULL) * sizeof(*s->hash));
	free(s->entry);
	free(s);
}

uint32_t seen_max(const struct seen *s)
{
	return s->max;
}

uint32_t seen_count(const struct seen *s)
{
	return s->count;
}

uint64_t seen_memory(const struct seen *s)
{
	return sizeof(*s) + (s->max + 1ULL) * sizeof(*s->entry) +
	       (s->hash_mask + 1ULL) * sizeof(*s->hash) + (s->max + 1ULL) * sizeof(*s->age) +
	       (s->ha_max + 1ULL) * sizeof(*s->ha) + (s->ha_mask + 1ULL) * sizeof(*s->ha_hash) +
	       s->parts * sizeof(*s->part);
}

/* --- quotas --- */

static struct part *part_of(const struct seen *s, uint16_t domain)
{
	for (uint16_t i = 1; i < s->parts; i++)
		if (s->part[i].domain == domain)
			return &s->part[i];
	return &s->part[0];
}

static uint32_t count_of(const struct part *p)
{
	return p->list[LOOSE].count + p->list[REMEMBERED].count;
}

uint32_t seen_count_in(const struct seen *s, uint16_t domain)
{
	const struct part *p = part_of(s, domain);

	return p == &s->part[0] ? 0 : count_of(p);
}

/* In a part of its own from now on. NULL: no memory. */
static struct part *new_part(struct seen *s, uint16_t domain)
{
	struct part *p = realloc(s->part, (s->parts + 1ULL) * sizeof(*p));

	if (p == NULL)
		return NULL;
	s->part = p;
	p = &s->part[s->parts++];
	*p = (struct part){ .domain = domain };
	for (uint32_t i = 1; i <= s->count; i++) {
		if (s->entry[i].domain != domain)
			continue;
		age_del(&s->part[0].list[s->entry[i].kind], s->age, i);
		age_add(&p->list[s->entry[i].kind], s->age, i);
	}
	return p;
}

int seen_set_quota(struct seen *s, uint16_t domain, uint32_t share, uint32_t max)
{
	struct part *p = part_of(s, domain);

	if (p == &s->part[0])
		p = new_part(s, domain);
	if (p == NULL)
		return -ENOMEM;
	p->share = share;
	p->max = max == 0 ? s->max : max;
	return 0;
}

/* --- values --- */

static bool is_later_stamp(uint64_t a, uint64_t b)
{
	return a != 0 && (b == 0 || ntp_is_after(a, b));
}

static bool is_later_number(const struct seen_value *a, const struct seen_value *b)
{
	if (a->epoch != b->epoch)
		return a->epoch > b->epoch;
	if (a->ext_seq != b->ext_seq)
		return a->ext_seq > b->ext_seq;
	return a->order > b->order;
}

static bool is_same_value(const struct seen_value *a, const struct seen_value *b)
{
	return a->epoch == b->epoch && a->ext_seq == b->ext_seq && a->order == b->order &&
	       a->stamp == b->stamp;
}

void seen_merge(const struct seen_value *a, const struct seen_value *b, struct seen_value *out)
{
	struct seen_value m = is_later_number(a, b) ? *a : *b;

	m.stamp = ntp_later(a->stamp, b->stamp);
	*out = m;
}

bool seen_covers(const struct seen_value *a, const struct seen_value *b)
{
	return !is_later_number(b, a) && !is_later_stamp(b->stamp, a->stamp);
}

/* --- home agent addresses --- */

/* Where its number is, or would be. */
static uint16_t *ha_place(const struct seen *s, const struct ip6_addr *ha)
{
	uint64_t h = ip6_hash(ha, s->seed);

	while (s->ha_hash[h & s->ha_mask] != 0 && !ip6_eq(&s->ha[s->ha_hash[h & s->ha_mask]], ha))
		h++;
	return &s->ha_hash[h & s->ha_mask];
}

/* 0: there is no room for one more. */
static uint16_t ha_number(struct seen *s, const struct ip6_addr *ha)
{
	uint16_t *place = ha_place(s, ha);

	if (*place == 0 && s->ha_count < s->ha_max) {
		*place = ++s->ha_count;
		s->ha[*place] = *ha;
	}
	return *place;
}

/* --- entries --- */

static uint32_t *chain(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa)
{
	return &s->hash[ip6_hash(hoa, s->seed ^ (uint64_t)domain << 48) & s->hash_mask];
}

void seen_prefetch_head(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa)
{
	__builtin_prefetch(chain(s, domain, hoa), 1);
}

void seen_prefetch(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa)
{
	__builtin_prefetch(&s->entry[*chain(s, domain, hoa)], 1);
}

/* From i on the next of the home address, with whatever home agent address. */
static uint32_t same_hoa(
	const struct seen *s, uint32_t i, uint16_t domain, const struct ip6_addr *hoa)
{
	while (i != 0 && !(s->entry[i].domain == domain && ip6_eq(&s->entry[i].hoa, hoa)))
		i = s->entry[i].next;
	return i;
}

static uint32_t find(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa, uint16_t ha)
{
	uint32_t i = same_hoa(s, *chain(s, domain, hoa), domain, hoa);

	while (i != 0 && s->entry[i].ha != ha)
		i = same_hoa(s, s->entry[i].next, domain, hoa);
	return i;
}

static struct seen_value value_of(const struct entry *e)
{
	return (struct seen_value){
		.ext_seq = e->ext_seq, .stamp = e->stamp, .epoch = e->epoch, .order = e->order
	};
}

static bool is_past(const struct seen *s, const struct entry *e, uint64_t now)
{
	return e->stamp == 0 || ntp_is_after(now - s->window_s * NTP_SECOND, e->stamp);
}

/* The newest of its kind. */
static void set_kind(struct seen *s, struct part *p, uint32_t i, enum kind kind)
{
	age_del(&p->list[s->entry[i].kind], s->age, i);
	s->entry[i].kind = (uint8_t)kind;
	age_add(&p->list[kind], s->age, i);
}

static void remove_entry(struct seen *s, struct part *p, uint32_t i)
{
	struct entry *e = &s->entry[i];
	uint32_t *link = chain(s, e->domain, &e->hoa);

	age_del(&p->list[e->kind], s->age, i);
	if (is_later_stamp(e->stamp, s->floor))
		s->floor = e->stamp;
	changes_del(s->changes, i);
	while (*link != i)
		link = &s->entry[*link].next;
	*link = e->next;
	if (e->kind == REMEMBERED)
		s->owner.forgot(s->owner.ctx, e->domain);
}

static bool may_go(const struct seen *s, uint32_t i, uint64_t now)
{
	const struct entry *e = &s->entry[i];
	struct seen_pair pair;

	if (!is_past(s, e, now))
		return false;
	if (e->kind == LOOSE)
		return true;
	return s->owner.has_record != NULL && seen_at(s, i, &pair) &&
	       !s->owner.has_record(s->owner.ctx, &pair);
}

/* The oldest of its kind that may. 0: none of those looked at; there are *looks left. */
static uint32_t give_way(
	struct seen *s, struct part *p, enum kind kind, uint64_t now, uint32_t *looks)
{
	for (uint32_t n = p->list[kind].count; n > 0 && *looks > 0; n--) {
		uint32_t i = p->list[kind].oldest;

		(*looks)--;
		if (may_go(s, i, now)) {
			remove_entry(s, p, i);
			return i;
		}
		set_kind(s, p, i, kind);
	}
	return 0;
}

/* Of a full table, for a part that has less than its share: some other has more. */
static struct part *most_over(struct seen *s)
{
	struct part *most = &s->part[0];
	int64_t over = count_of(most);

	for (uint16_t i = 1; i < s->parts; i++) {
		struct part *p = &s->part[i];
		int64_t by = (int64_t)count_of(p) - p->share;

		if (by > over) {
			most = p;
			over = by;
		}
	}
	return most;
}

/* What no refusal depends on first, whose ever it is where the table is full. */
static uint32_t make_room(struct seen *s, struct part *p, bool is_table_full, uint64_t now)
{
	uint32_t looks = LOOKED_AT, i = give_way(s, p, LOOSE, now, &looks);

	for (uint16_t n = 0; i == 0 && is_table_full && n < s->parts; n++)
		if (&s->part[n] != p)
			i = give_way(s, &s->part[n], LOOSE, now, &looks);
	if (i != 0)
		return i;
	looks = LOOKED_AT;
	if (is_table_full && count_of(p) < p->share)
		p = most_over(s);
	return give_way(s, p, REMEMBERED, now, &looks);
}

static uint32_t room(struct seen *s, struct part *p, uint64_t now)
{
	if (count_of(p) >= p->max)
		return make_room(s, p, false, now);
	return s->count < s->max ? ++s->count : make_room(s, p, true, now);
}

static uint32_t add(struct seen *s, const struct seen_pair *p, uint16_t ha, uint64_t now)
{
	struct part *part = part_of(s, p->domain);
	uint32_t i = room(s, part, now), *head = chain(s, p->domain, &p->hoa);

	if (i == 0)
		return 0;
	s->entry[i] = (struct entry){
		.hoa = p->hoa,
		.next = *head,
		.domain = p->domain,
		.ha = ha,
	};
	age_add(&part->list[LOOSE], s->age, i);
	*head = i;
	return i;
}

int seen_raise(struct seen *s, const struct seen_pair *pair, unsigned how, uint64_t now)
{
	uint16_t ha = ha_number(s, &pair->ha);
	uint32_t i = ha != 0 ? find(s, pair->domain, &pair->hoa, ha) : 0;
	struct seen_value old, v;
	struct entry *e;
	bool is_news = i == 0;

	if (i == 0)
		i = ha != 0 ? add(s, pair, ha, now) : 0;
	if (i == 0)
		return -ENOSPC;
	e = &s->entry[i];
	old = value_of(e);
	seen_merge(&old, &pair->value, &v);
	is_news = is_news || is_later_number(&v, &old) || v.stamp != old.stamp;
	e->ext_seq = v.ext_seq;
	e->stamp = v.stamp;
	e->epoch = v.epoch;
	e->order = v.order;
	set_kind(s, part_of(s, e->domain), i, (how & SEEN_REMEMBERED) != 0 ? REMEMBERED : LOOSE);
	if ((is_news && (how & SEEN_LISTED) != 0) || (how & SEEN_AGAIN) != 0) {
		/* made of both: nobody else may have it */
		e->origin = is_same_value(&v, &pair->value) ? pair->origin : 0;
		changes_touch(s->changes, i);
	}
	if ((is_news || (how & SEEN_AGAIN) != 0) && s->on_change != NULL)
		s->on_change(s->on_change_ctx, i, (how & SEEN_AGAIN) != 0);
	return is_news;
}

bool seen_get(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa,
	const struct ip6_addr *ha, struct seen_value *out)
{
	uint16_t number = *ha_place(s, ha);
	uint32_t i = number != 0 ? find(s, domain, hoa, number) : 0;

	if (i == 0)
		return false;
	*out = value_of(&s->entry[i]);
	return true;
}

bool seen_find(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa, seen_is_fn is,
	const void *ctx, struct seen_pair *out)
{
	uint32_t i = same_hoa(s, *chain(s, domain, hoa), domain, hoa);

	for (; i != 0; i = same_hoa(s, s->entry[i].next, domain, hoa)) {
		(void)seen_at(s, i, out);
		out->origin = 0;
		if (is(ctx, out))
			return true;
	}
	return false;
}

uint32_t seen_epoch(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa)
{
	uint32_t epoch = 0, i = same_hoa(s, *chain(s, domain, hoa), domain, hoa);

	for (; i != 0; i = same_hoa(s, s->entry[i].next, domain, hoa)) {
		if (s->entry[i].epoch > epoch)
			epoch = s->entry[i].epoch;
	}
	return epoch;
}

uint64_t seen_stamp(const struct seen *s, uint16_t domain, const struct ip6_addr *hoa)
{
	uint64_t stamp = s->floor;
	uint32_t i = same_hoa(s, *chain(s, domain, hoa), domain, hoa);

	for (; i != 0; i = same_hoa(s, s->entry[i].next, domain, hoa)) {
		if (is_later_stamp(s->entry[i].stamp, stamp))
			stamp = s->entry[i].stamp;
	}
	return stamp;
}

void seen_on_change(struct seen *s, seen_change_fn fn, void *ctx)
{
	s->on_change = fn;
	s->on_change_ctx = ctx;
}

void seen_on_full(struct seen *s, const struct seen_owner *owner)
{
	s->owner = owner != NULL ? *owner : (struct seen_owner){ 0 };
}

/* --- all of them --- */

bool seen_at(const struct seen *s, uint32_t handle, struct seen_pair *out)
{
	const struct entry *e;

	if (handle == 0 || handle > s->count)
		return false;
	e = &s->entry[handle];
	*out = (struct seen_pair){
		.hoa = e->hoa,
		.ha = s->ha[e->ha],
		.value = value_of(e),
		.domain = e->domain,
		.origin = e->origin,
	};
	return true;
}

uint32_t seen_next(const struct seen *s, uint32_t handle)
{
	return handle < s->count ? handle + 1 : 0;
}

struct changes *seen_changes(struct seen *s)
{
	return s->changes;
}
