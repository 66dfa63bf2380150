/* SPDX-License-Identifier: BSD-3-Clause */
#include "records/stamps.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/mem.h"
#include "common/ntp.h"

#define LOOKED_AT 32 /* entries that one stamps_set() looks at for one to give way: some 3 us */

struct entry {
	struct ip6_addr hoa;
	uint64_t stamp;
	uint32_t next; /* of the same hash; 0 ends it */
	uint16_t domain;
};

static_assert(sizeof(struct entry) == 32, "one a subscriber: memory");

struct stamps {
	uint32_t max, count;
	uint32_t hand; /* the last that was looked at */
	uint32_t window_s;
	uint32_t hash_mask;
	uint64_t floor, seed;
	struct entry *entry; /* 1..max */
	uint32_t *hash;
};

int stamps_new(const struct stamps_opts *opts, struct stamps **out)
{
	struct stamps *s = calloc(1, sizeof(*s));
	uint32_t heads = 1;

	if (s == NULL)
		return -ENOMEM;
	while (heads <= opts->max / 2) /* one to a chain on average, or two */
		heads <<= 1;
	s->max = opts->max;
	s->window_s = opts->window_s;
	s->hash_mask = heads - 1;
	s->floor = opts->floor;
	s->seed = opts->seed;
	s->entry = calloc(s->max + 1ULL, sizeof(*s->entry));
	s->hash = mem_zalloc(heads * sizeof(*s->hash));
	if (s->entry == NULL || s->hash == NULL) {
		stamps_free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void stamps_free(struct stamps *s)
{
	if (s == NULL)
		return;
	mem_free(s->hash, (s->hash_mask + 1ULL) * sizeof(*s->hash));
	free(s->entry);
	free(s);
}

uint32_t stamps_count(const struct stamps *s)
{
	return s->count;
}

uint64_t stamps_memory(const struct stamps *s)
{
	return sizeof(*s) + (s->max + 1ULL) * sizeof(*s->entry) +
	       (s->hash_mask + 1ULL) * sizeof(*s->hash);
}

static uint32_t *chain(const struct stamps *s, uint16_t domain, const struct ip6_addr *hoa)
{
	return &s->hash[ip6_hash(hoa, s->seed ^ (uint64_t)domain << 48) & s->hash_mask];
}

static uint32_t find(const struct stamps *s, uint16_t domain, const struct ip6_addr *hoa)
{
	uint32_t i = *chain(s, domain, hoa);

	while (i != 0 && !(s->entry[i].domain == domain && ip6_eq(&s->entry[i].hoa, hoa)))
		i = s->entry[i].next;
	return i;
}

uint64_t stamps_get(const struct stamps *s, uint16_t domain, const struct ip6_addr *hoa)
{
	uint32_t i = find(s, domain, hoa);

	return i != 0 && ntp_is_after(s->entry[i].stamp, s->floor) ? s->entry[i].stamp : s->floor;
}

static void unlink_entry(struct stamps *s, uint32_t i)
{
	uint32_t *link = chain(s, s->entry[i].domain, &s->entry[i].hoa);

	while (*link != i)
		link = &s->entry[*link].next;
	*link = s->entry[i].next;
}

static bool is_past(const struct stamps *s, uint32_t i, uint64_t now)
{
	return ntp_is_after(now - s->window_s * NTP_SECOND, s->entry[i].stamp);
}

/* The hand goes round, so that whoever speaks often enough is passed over. */
static uint32_t make_room(struct stamps *s, uint64_t now)
{
	if (s->count < s->max)
		return ++s->count;
	for (unsigned n = 0; n < LOOKED_AT; n++) {
		s->hand = s->hand % s->max + 1;
		if (!is_past(s, s->hand, now))
			continue;
		if (ntp_is_after(s->entry[s->hand].stamp, s->floor))
			s->floor = s->entry[s->hand].stamp;
		unlink_entry(s, s->hand);
		return s->hand;
	}
	return 0;
}

int stamps_set(
	struct stamps *s, uint16_t domain, const struct ip6_addr *hoa, uint64_t stamp, uint64_t now)
{
	uint32_t i = find(s, domain, hoa), *head;

	if (i != 0) {
		if (ntp_is_after(stamp, s->entry[i].stamp))
			s->entry[i].stamp = stamp;
		return 0;
	}
	i = make_room(s, now);
	if (i == 0)
		return -ENOSPC;
	head = chain(s, domain, hoa);
	s->entry[i] =
		(struct entry){ .hoa = *hoa, .stamp = stamp, .next = *head, .domain = domain };
	*head = i;
	return 0;
}
