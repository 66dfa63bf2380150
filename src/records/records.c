/* SPDX-License-Identifier: BSD-3-Clause */
#include "records/records.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/plant.h"

#define DOMAINS  65536
#define RETRY_MS 1000

/* A record and its place in the two hashes; handle = number in the array, 0 is none. */
struct slot {
	struct record r;
	uint32_t next; /* of the same hash, or of the free list */
	uint32_t coa; /* its care-of address's count, 0: counts for nothing */
};

static_assert(sizeof(struct slot) <= 120, "a million of them: memory per binding");

static_assert(sizeof(struct record_mesh) <= 80, "as many again in a mesh");

/* How many live records share a care-of address. */
struct coa {
	struct ip6_addr addr;
	uint32_t count;
	uint32_t next; /* of the same hash, or of the free list */
};

struct records {
	uint32_t max;
	uint32_t fresh, free; /* slots never used from here on; list of those given back */
	uint32_t coa_fresh, coa_free;
	uint32_t live, tombstones;
	uint32_t hash_mask, coa_mask;
	uint64_t seed;
	struct wheel *wheel;
	struct slot *slot;
	struct coa *coa;
	uint64_t *used; /* one bit a handle: walks skip what was freed */
	uint32_t *hash, *coa_hash; /* heads of chains */
	uint32_t *live_in, *tombstones_in; /* by domain */
	records_change_fn changed; /* NULL: nobody wants to know */
	void *changed_ctx;
	records_del_fn on_del; /* NULL: nobody wants to know */
	void *on_del_ctx;
	struct record_mesh *mesh; /* by handle; NULL: there is no mesh */
	struct record_extra **extra; /* by handle, in a mesh; mostly NULL */
	uint64_t extra_octets;
};

/* What a record and its place in a chain take is there from the start: a turn of control in which
 * many are added would wait for the pages otherwise. */
int records_new(const struct records_opts *opts, struct records **out)
{
	struct records *rs = calloc(1, sizeof(*rs));
	uint32_t heads = 1;

	if (rs == NULL)
		return -ENOMEM;
	while (heads <= opts->max / 2) /* one to a chain on average, or two */
		heads <<= 1;
	rs->max = opts->max;
	rs->fresh = rs->coa_fresh = 1;
	rs->hash_mask = heads - 1;
	rs->coa_mask = heads - 1;
	rs->seed = opts->seed;
	rs->wheel = wheel_new(opts->now_ms);
	rs->slot = mem_zalloc((rs->max + 1ULL) * sizeof(*rs->slot));
	rs->coa = mem_zalloc((rs->max + 1ULL) * sizeof(*rs->coa));
	rs->used = calloc(rs->max / 64 + 1, sizeof(*rs->used));
	rs->hash = mem_zalloc(heads * sizeof(*rs->hash));
	rs->coa_hash = mem_zalloc(heads * sizeof(*rs->coa_hash));
	rs->live_in = calloc(DOMAINS, sizeof(*rs->live_in));
	rs->tombstones_in = calloc(DOMAINS, sizeof(*rs->tombstones_in));
	if (rs->wheel == NULL || rs->slot == NULL || rs->coa == NULL || rs->used == NULL ||
		rs->hash == NULL || rs->coa_hash == NULL || rs->live_in == NULL ||
		rs->tombstones_in == NULL)
		goto err;
	if (opts->mesh) {
		rs->mesh = mem_zalloc((rs->max + 1ULL) * sizeof(*rs->mesh));
		rs->extra = mem_zalloc((rs->max + 1ULL) * sizeof(*rs->extra));
		if (rs->mesh == NULL || rs->extra == NULL)
			goto err;
	}
	*out = rs;
	return 0;
err:
	records_free(rs);
	return -ENOMEM;
}

static void free_extras(struct records *rs)
{
	if (rs->extra == NULL)
		return;
	for (uint32_t h = 1; h < rs->fresh; h++)
		free(rs->extra[h]);
	mem_free(rs->extra, (rs->max + 1ULL) * sizeof(*rs->extra));
}

void records_free(struct records *rs)
{
	if (rs == NULL)
		return;
	free_extras(rs);
	mem_free(rs->mesh, (rs->max + 1ULL) * sizeof(*rs->mesh));
	free(rs->tombstones_in);
	free(rs->live_in);
	mem_free(rs->coa_hash, (rs->coa_mask + 1ULL) * sizeof(*rs->coa_hash));
	mem_free(rs->hash, (rs->hash_mask + 1ULL) * sizeof(*rs->hash));
	free(rs->used);
	mem_free(rs->coa, (rs->max + 1ULL) * sizeof(*rs->coa));
	mem_free(rs->slot, (rs->max + 1ULL) * sizeof(*rs->slot));
	wheel_free(rs->wheel);
	free(rs);
}

void records_on_change(struct records *rs, records_change_fn fn, void *ctx)
{
	rs->changed = fn;
	rs->changed_ctx = ctx;
}

void records_on_del(struct records *rs, records_del_fn fn, void *ctx)
{
	rs->on_del = fn;
	rs->on_del_ctx = ctx;
}

uint64_t records_memory(const struct records *rs)
{
	uint64_t heads = rs->hash_mask + 1ULL, coa_heads = rs->coa_mask + 1ULL;
	uint64_t mesh = rs->mesh == NULL ? 0 : sizeof(*rs->mesh) + sizeof(*rs->extra);

	return sizeof(*rs) + (rs->max + 1ULL) * mesh + rs->extra_octets +
	       (rs->max + 1ULL) * (sizeof(*rs->slot) + sizeof(*rs->coa)) +
	       (rs->max / 64 + 1ULL) * sizeof(*rs->used) + heads * sizeof(*rs->hash) +
	       coa_heads * sizeof(*rs->coa_hash) +
	       DOMAINS * (sizeof(*rs->live_in) + sizeof(*rs->tombstones_in));
}

static uint32_t *chain(const struct records *rs, uint16_t domain, const struct ip6_addr *hoa)
{
	return &rs->hash[ip6_hash(hoa, rs->seed ^ (uint64_t)domain << 48) & rs->hash_mask];
}

static uint32_t *coa_chain(const struct records *rs, const struct ip6_addr *coa)
{
	return &rs->coa_hash[ip6_hash(coa, ~rs->seed) & rs->coa_mask];
}

void records_prefetch_heads(const struct records *rs, uint16_t domain, const struct ip6_addr *hoa,
	const struct ip6_addr *coa)
{
	__builtin_prefetch(chain(rs, domain, hoa), 1);
	__builtin_prefetch(coa_chain(rs, coa), 1);
}

void records_prefetch(const struct records *rs, uint16_t domain, const struct ip6_addr *hoa,
	const struct ip6_addr *coa)
{
	const struct slot *s = &rs->slot[*chain(rs, domain, hoa)];

	__builtin_prefetch(&s->r.hoa);
	__builtin_prefetch(&s->next);
	__builtin_prefetch(&rs->coa[*coa_chain(rs, coa)], 1);
}

static struct slot *slot_of(struct record *r)
{
	return container_of(r, struct slot, r);
}

struct record *records_find(struct records *rs, uint16_t domain, const struct ip6_addr *hoa)
{
	for (uint32_t h = *chain(rs, domain, hoa); h != 0; h = rs->slot[h].next) {
		struct record *r = &rs->slot[h].r;

		if (r->domain == domain && ip6_eq(&r->hoa, hoa))
			return r;
	}
	return NULL;
}

static bool is_used(const struct records *rs, uint32_t handle)
{
	return rs->used[handle / 64] >> handle % 64 & 1;
}

struct record *records_at(struct records *rs, uint32_t handle)
{
	if (handle > rs->max || !is_used(rs, handle))
		return NULL;
	return &rs->slot[handle].r;
}

struct record *records_add(struct records *rs, uint16_t domain, const struct ip6_addr *hoa)
{
	uint32_t h = rs->free, *head = chain(rs, domain, hoa);

	if (h != 0)
		rs->free = rs->slot[h].next;
	else if (rs->fresh <= rs->max)
		h = rs->fresh++;
	else
		return NULL;
	rs->slot[h] =
		(struct slot){ .r = { .hoa = *hoa, .domain = domain, .handle = h }, .next = *head };
	*head = h;
	rs->used[h / 64] |= 1ULL << h % 64;
	if (rs->mesh != NULL)
		rs->mesh[h] = (struct record_mesh){ 0 };
	return &rs->slot[h].r;
}

/* --- counts --- */

static uint32_t coa_find(const struct records *rs, const struct ip6_addr *coa)
{
	uint32_t c = *coa_chain(rs, coa);

	while (c != 0 && !ip6_eq(&rs->coa[c].addr, coa))
		c = rs->coa[c].next;
	return c;
}

/* There are as many counts as records: one is always left. */
static uint32_t coa_hold(struct records *rs, const struct ip6_addr *coa)
{
	uint32_t c = coa_find(rs, coa), *head;

	if (c == 0) {
		c = rs->coa_free;
		if (c != 0)
			rs->coa_free = rs->coa[c].next;
		else
			c = rs->coa_fresh++;
		head = coa_chain(rs, coa);
		rs->coa[c] = (struct coa){ .addr = *coa, .next = *head };
		*head = c;
	}
	rs->coa[c].count++;
	return c;
}

static void coa_release(struct records *rs, uint32_t c)
{
	uint32_t *link = coa_chain(rs, &rs->coa[c].addr);

	if (--rs->coa[c].count > 0)
		return;
	while (*link != c)
		link = &rs->coa[*link].next;
	*link = rs->coa[c].next;
	rs->coa[c].next = rs->coa_free;
	rs->coa_free = c;
}

/* Takes a record out of all counts. */
static void uncount(struct records *rs, struct record *r)
{
	struct slot *s = slot_of(r);

	if (r->state == RECORD_TOMBSTONE) {
		rs->tombstones--;
		rs->tombstones_in[r->domain]--;
	}
	if (r->state != RECORD_LIVE)
		return;
	rs->live--;
	rs->live_in[r->domain]--;
	coa_release(rs, s->coa);
	s->coa = 0;
}

static void count(struct records *rs, struct record *r)
{
	if (r->state == RECORD_TOMBSTONE) {
		rs->tombstones++;
		rs->tombstones_in[r->domain]++;
	}
	if (r->state != RECORD_LIVE)
		return;
	rs->live++;
	rs->live_in[r->domain]++;
	slot_of(r)->coa = coa_hold(rs, &r->coa);
}

void records_set(struct records *rs, struct record *r, enum record_state state,
	const struct ip6_addr *coa, uint64_t ends_ms)
{
	struct ip6_addr to = *coa; /* may be r->coa itself */
	/* As it was counted: nothing to look for in tables larger than any cache. */
	bool stays = r->state == RECORD_LIVE && state == RECORD_LIVE && ip6_eq(&r->coa, &to);

	if (!stays)
		uncount(rs, r);
	if (rs->mesh != NULL && !ip6_eq(&r->coa, &to))
		(void)records_set_mtu(rs, r, 0, 0); /* of another path; takes no memory */
	r->state = (uint8_t)state;
	r->coa = to;
	r->ends_ms = ends_ms;
	if (!stays)
		count(rs, r);
	wheel_set(rs->wheel, &r->timer, ends_ms);
	if (rs->changed != NULL)
		rs->changed(rs->changed_ctx, r);
}

static void drop_extra(struct records *rs, uint32_t h)
{
	struct record_extra *x = rs->extra[h];

	if (x == NULL)
		return;
	rs->extra_octets -= sizeof(*x) + x->len;
	free(x);
	rs->extra[h] = NULL;
}

void records_del(struct records *rs, struct record *r)
{
	uint32_t h = r->handle, *link = chain(rs, r->domain, &r->hoa);

	if (rs->on_del != NULL)
		rs->on_del(rs->on_del_ctx, r);
	if (rs->mesh != NULL)
		drop_extra(rs, h);
	uncount(rs, r);
	wheel_del(rs->wheel, &r->timer);
	while (*link != h)
		link = &rs->slot[*link].next;
	*link = rs->slot[h].next;
	rs->slot[h].next = rs->free;
	rs->free = h;
	rs->used[h / 64] &= ~(1ULL << h % 64);
}

/* --- what a mesh needs --- */

bool records_has_mesh(const struct records *rs)
{
	return rs->mesh != NULL;
}

struct record_mesh *records_mesh(struct records *rs, const struct record *r)
{
	return &rs->mesh[r->handle];
}

struct record_mesh *records_mesh_at(struct records *rs, uint32_t handle)
{
	return &rs->mesh[handle];
}

const struct record_extra *records_extra(const struct records *rs, const struct record *r)
{
	return rs->extra[r->handle];
}

/* With as many octets of fields; what is there already stays. */
static struct record_extra *extra_of(struct records *rs, uint32_t h, uint8_t len)
{
	struct record_extra *old = rs->extra[h], *x;

	if (old != NULL && old->len == len)
		return old;
	x = realloc(old, sizeof(*x) + len);
	if (x == NULL)
		return NULL;
	if (old == NULL)
		*x = (struct record_extra){ 0 };
	rs->extra_octets += sizeof(*x) + len - (old == NULL ? 0 : sizeof(*x) + x->len);
	x->len = len;
	rs->extra[h] = x;
	return x;
}

int records_set_extra(struct records *rs, const struct record *r, const uint8_t *field, uint8_t len)
{
	struct record_extra *x = rs->extra[r->handle];

	if (len == 0 && (x == NULL || x->mtu == 0)) {
		drop_extra(rs, r->handle);
		return 0;
	}
	x = extra_of(rs, r->handle, len);
	if (x == NULL)
		return -ENOMEM;
	if (len > 0)
		memmove(x->field, field, len);
	return 0;
}

int records_set_mtu(struct records *rs, const struct record *r, uint16_t mtu, uint64_t until_ms)
{
	struct record_extra *x = rs->extra[r->handle];

	if (mtu == 0 && (x == NULL || x->len == 0)) {
		drop_extra(rs, r->handle);
		return 0;
	}
	x = extra_of(rs, r->handle, x == NULL ? 0 : x->len);
	if (x == NULL)
		return -ENOMEM;
	x->mtu = mtu;
	x->mtu_until_ms = until_ms;
	return 0;
}

/* --- time --- */

uint32_t records_tombstone_ms(const struct records *rs, const struct record *r)
{
	uint32_t granted_ms = r->lifetime_s * 1000;

	if (planted(PLANT_TOMBSTONE_EARLY))
		return 1;
	if (rs->mesh == NULL || granted_ms < RECORD_TOMBSTONE_MS)
		return RECORD_TOMBSTONE_MS;
	return granted_ms;
}

struct expiry {
	struct records *rs;
	uint64_t now_ms;
	records_end_fn fn;
	void *ctx;
};

static void on_end(void *ctx, struct wheel_timer *t)
{
	struct expiry *x = ctx;
	struct record *r = container_of(t, struct record, timer);

	if (x->fn(x->ctx, r))
		records_del(x->rs, r);
	else if (!wheel_is_running(t))
		wheel_set(x->rs->wheel, t, x->now_ms + RETRY_MS);
}

uint32_t records_expire(
	struct records *rs, uint64_t now_ms, uint32_t max, records_end_fn fn, void *ctx)
{
	struct expiry x = { .rs = rs, .now_ms = now_ms, .fn = fn, .ctx = ctx };

	return (uint32_t)wheel_advance(rs->wheel, now_ms, max, on_end, &x);
}

struct record *records_next(struct records *rs, uint32_t *cursor)
{
	uint32_t from = *cursor + 1;

	for (uint32_t i = from / 64; i <= rs->fresh / 64 && i <= rs->max / 64; i++) {
		uint64_t word = rs->used[i];

		if (i == from / 64)
			word &= ~0ULL << from % 64;
		while (word != 0) {
			uint32_t h = 64 * i + (uint32_t)__builtin_ctzll(word);

			word &= word - 1;
			if (rs->slot[h].r.state == 0)
				continue; /* being made */
			*cursor = h;
			return &rs->slot[h].r;
		}
	}
	return NULL;
}

uint32_t records_max(const struct records *rs)
{
	return rs->max;
}

uint32_t records_live(const struct records *rs)
{
	return rs->live;
}

uint32_t records_live_in(const struct records *rs, uint16_t domain)
{
	return rs->live_in[domain];
}

uint32_t records_tombstones(const struct records *rs)
{
	return rs->tombstones;
}

uint32_t records_tombstones_in(const struct records *rs, uint16_t domain)
{
	return rs->tombstones_in[domain];
}

bool records_has_room(
	const struct records *rs, uint16_t domain, uint32_t max, enum record_state state)
{
	uint64_t live = rs->live_in[domain];

	return (state != RECORD_LIVE || live < max) &&
	       live + rs->tombstones_in[domain] < 2ULL * max;
}

bool records_has_room_to_bury(const struct records *rs, uint16_t domain, uint32_t max)
{
	return rs->tombstones_in[domain] < max &&
	       records_has_room(rs, domain, max, RECORD_TOMBSTONE);
}

uint32_t records_at_coa(const struct records *rs, const struct ip6_addr *coa)
{
	return rs->coa[coa_find(rs, coa)].count;
}
