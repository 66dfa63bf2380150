/* SPDX-License-Identifier: BSD-3-Clause */
#include "tables/sa.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tables/dq.h"

static_assert(sizeof(struct sa_lane_out) == 64, "a line of its own for who writes it");
static_assert(SA_LANES * SA_GENERATIONS == 1U << 24, "the SPI without the node");

struct sa {
	struct sa_view v; /* the first member */
	struct gcm *gcm;
	struct dq *dq;
	uint32_t workers;
	uint8_t node;
};

int sa_new(const struct sa_opts *opts, struct dq *dq, struct sa **out)
{
	struct sa *sa;
	int ret;

	if (opts->node == 0 || opts->workers == 0 || opts->workers > SA_WORKERS)
		return -EINVAL;
	sa = calloc(1, sizeof(*sa));
	if (sa == NULL)
		return -ENOMEM;
	ret = gcm_new(&sa->gcm);
	if (ret < 0) {
		free(sa);
		return ret;
	}
	sa->v.site = opts->site;
	sa->v.clear = opts->clear;
	sa->v.gcm = sa->gcm;
	sa->v.seed = opts->seed;
	sa->dq = dq;
	sa->workers = opts->workers;
	sa->node = opts->node;
	*out = sa;
	return 0;
}

/* --- generations --- */

static size_t out_size(uint32_t lanes)
{
	return sizeof(struct sa_out) + lanes * sizeof(struct sa_lane_out);
}

static void out_free(struct sa_out *o)
{
	if (o == NULL)
		return;
	gcm_key_free(o->key);
	explicit_bzero(o, out_size(o->lanes));
	free(o);
}

static void in_free(struct sa_in *in)
{
	if (in == NULL)
		return;
	gcm_key_free(in->key);
	explicit_bzero(in, sizeof(*in));
	free(in);
}

/* Pages are touched here: a worker must not fault. */
static void *lanes_new(size_t size)
{
	void *p = aligned_alloc(64, size);

	if (p != NULL)
		memset(p, 0, size);
	return p;
}

/* Another one for each lane, so that no nonce of one is another's. */
static void lane_salt(uint8_t out[ESP_SALT_LEN], const struct sa_keys *keys, uint32_t lane)
{
	memcpy(out, keys->salt, ESP_SALT_LEN);
	out[ESP_SALT_LEN - 1] ^= (uint8_t)lane;
}

/* keys NULL: clear. */
static struct sa_out *out_new(const struct sa *sa, const struct sa_keys *keys)
{
	uint32_t lanes = 2 * sa->workers;
	struct sa_out *o = lanes_new(out_size(lanes));

	if (o == NULL)
		return NULL;
	o->lanes = lanes;
	if (keys == NULL)
		return o;
	o->generation = keys->generation;
	o->key = gcm_key_new(sa->gcm, keys->key);
	if (o->key == NULL) {
		out_free(o);
		return NULL;
	}
	for (uint32_t i = 0; i < lanes; i++) {
		o->lane[i].esp.key = o->key;
		o->lane[i].esp.spi = sa_spi(sa->node, i >> 1, i & 1, o->generation);
		lane_salt(o->lane[i].esp.salt, keys, i);
	}
	return o;
}

static struct sa_in *in_new(const struct sa *sa, uint8_t node, const struct sa_keys *keys)
{
	struct sa_in *in = lanes_new(sizeof(*in));

	if (in == NULL || keys == NULL)
		return in;
	in->generation = keys->generation;
	in->key = gcm_key_new(sa->gcm, keys->key);
	if (in->key == NULL) {
		in_free(in);
		return NULL;
	}
	for (uint32_t i = 0; i < SA_LANES; i++) {
		in->lane[i].esp.key = in->key;
		in->lane[i].esp.spi = sa_spi(node, i >> 1, i & 1, in->generation);
		lane_salt(in->lane[i].esp.salt, keys, i);
	}
	return in;
}

static void add_count(struct sa_count *sum, const struct sa_count *c)
{
	sum->packets += __atomic_load_n(&c->packets, __ATOMIC_RELAXED);
	sum->octets += __atomic_load_n(&c->octets, __ATOMIC_RELAXED);
}

static void add_out(struct sa_count *sum, const struct sa_out *o)
{
	for (uint32_t i = 0; o != NULL && i < o->lanes; i++)
		add_count(sum, &o->lane[i].count);
}

static void add_in(struct sa_count *sum, const struct sa_in *in)
{
	for (uint32_t i = 0; in != NULL && i < SA_LANES; i++)
		add_count(sum, &in->lane[i].count);
}

/* No worker sees them any more, so they count no more either. (dq_free_fn) */
static void retire_out(void *peer, uint64_t item)
{
	struct sa_out *o = (struct sa_out *)(uintptr_t)item;

	add_out(&((struct sa_peer *)peer)->past_out, o);
	out_free(o);
}

static void retire_in(void *peer, uint64_t item)
{
	struct sa_in *in = (struct sa_in *)(uintptr_t)item;

	add_in(&((struct sa_peer *)peer)->past_in, in);
	in_free(in);
}

/* --- peers --- */

static uint32_t place_of(const struct sa *sa, const struct ip6_addr *a)
{
	uint64_t i = ip6_hash(a, sa->v.seed);

	while (sa->v.by_address[i % (2 * SA_NODES)] != 0)
		i++;
	return (uint32_t)(i % (2 * SA_NODES));
}

int sa_add_peer(struct sa *sa, uint8_t node, const struct ip6_addr *address)
{
	struct sa_peer *p;

	if (node == 0 || node == sa->node || sa->v.peer[node] != NULL ||
		sa_by_address(sa, address) != NULL)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	p->address = *address;
	p->node = node;
	p->mtu = UINT16_MAX;
	if (sa->v.clear) {
		p->out = out_new(sa, NULL);
		p->in[0] = in_new(sa, node, NULL);
		if (p->out == NULL || p->in[0] == NULL) {
			out_free(p->out);
			in_free(p->in[0]);
			free(p);
			return -ENOMEM;
		}
	}
	sa->v.by_address[place_of(sa, address)] = node;
	sa->v.peer[node] = p;
	return 0;
}

static void peer_free(struct sa_peer *p)
{
	if (p == NULL)
		return;
	out_free(p->out);
	for (unsigned i = 0; i < SA_INBOUND; i++)
		in_free(p->in[i]);
	free(p);
}

void sa_free(struct sa *sa)
{
	if (sa == NULL)
		return;
	/* What waits in the queue must not find its peer gone. */
	dq_drain(sa->dq);
	for (unsigned i = 0; i < SA_NODES; i++)
		peer_free(sa->v.peer[i]);
	gcm_free(sa->gcm);
	free(sa);
}

/* The place of a generation; SA_INBOUND: it has none. */
static unsigned find_in(const struct sa_peer *p, uint32_t generation)
{
	unsigned i;

	for (i = 0; i < SA_INBOUND; i++) {
		const struct sa_in *in = p->in[i];

		if (in != NULL && in->generation == generation)
			break;
	}
	return i;
}

static unsigned free_in(const struct sa_peer *p)
{
	unsigned i;

	for (i = 0; i < SA_INBOUND && p->in[i] != NULL; i++)
		;
	return i;
}

/* Room in the queue for what was there was asked for before. */
static void put_in(struct sa *sa, struct sa_peer *p, unsigned place, struct sa_in *in)
{
	struct sa_in *old = p->in[place];

	atomic_store_explicit(&p->in[place], in, memory_order_release);
	if (old != NULL)
		dq_push(sa->dq, retire_in, p, (uintptr_t)old);
}

int sa_add_in(struct sa *sa, uint8_t node, const struct sa_keys *keys)
{
	struct sa_peer *p = sa->v.peer[node];
	struct sa_in *in;
	unsigned place;

	if (p == NULL)
		return -ENOENT;
	place = find_in(p, keys->generation);
	if (place == SA_INBOUND)
		place = free_in(p);
	if (place == SA_INBOUND)
		return -EBUSY;
	if (p->in[place] != NULL && dq_need(sa->dq, 1) < 0)
		return -ENOSPC;
	in = in_new(sa, node, keys);
	if (in == NULL)
		return -ENOMEM;
	put_in(sa, p, place, in);
	return 0;
}

int sa_del_in(struct sa *sa, uint8_t node, uint32_t generation)
{
	struct sa_peer *p = sa->v.peer[node];
	unsigned place;

	if (p == NULL)
		return -ENOENT;
	place = find_in(p, generation);
	if (place == SA_INBOUND)
		return -ENOENT;
	if (dq_need(sa->dq, 1) < 0)
		return -ENOSPC;
	put_in(sa, p, place, NULL);
	return 0;
}

int sa_set_out(struct sa *sa, uint8_t node, const struct sa_keys *keys)
{
	struct sa_peer *p = sa->v.peer[node];
	struct sa_out *o = NULL, *old;

	if (p == NULL)
		return -ENOENT;
	old = p->out;
	if (old != NULL && dq_need(sa->dq, 1) < 0)
		return -ENOSPC;
	if (keys != NULL) {
		o = out_new(sa, keys);
		if (o == NULL)
			return -ENOMEM;
	}
	atomic_store_explicit(&p->out, o, memory_order_release);
	if (old != NULL)
		dq_push(sa->dq, retire_out, p, (uintptr_t)old);
	return 0;
}

void sa_set_mtu(struct sa *sa, uint8_t node, uint16_t mtu)
{
	if (sa->v.peer[node] != NULL)
		atomic_store_explicit(&sa->v.peer[node]->mtu, mtu, memory_order_relaxed);
}

#define LATELY (1U << 16)

bool sa_was_sent(const struct sa *sa, uint8_t node, uint32_t spi, uint32_t low)
{
	const struct sa_out *o = sa->v.peer[node] != NULL ? sa->v.peer[node]->out : NULL;
	uint32_t lane = sa_lane_of(sa_spi_worker(spi), sa_spi_relayed(spi));
	uint64_t last;

	if (o == NULL || o->key == NULL || sa_spi_node(spi) != sa->node ||
		sa_spi_generation(spi) != o->generation || lane >= o->lanes)
		return false;
	last = __atomic_load_n(&o->lane[lane].esp.last, __ATOMIC_RELAXED);
	return (uint32_t)last - low < (last < LATELY ? (uint32_t)last : LATELY);
}

/* --- what they carried --- */

int sa_count(const struct sa *sa, uint8_t node, struct sa_count *out, struct sa_count *in)
{
	const struct sa_peer *p = sa->v.peer[node];

	if (p == NULL)
		return -ENOENT;
	*out = p->past_out;
	*in = p->past_in;
	add_out(out, p->out);
	for (unsigned i = 0; i < SA_INBOUND; i++)
		add_in(in, p->in[i]);
	return 0;
}

static bool tell(const struct sa *sa, struct sa_info *info, uint32_t lane, uint32_t spi,
	const struct sa_count *c, uint64_t number)
{
	add_count(&info->count, c);
	info->relayed = lane & 1;
	info->worker = lane >> 1;
	info->spi = sa->v.clear ? 0 : spi;
	info->number = number;
	return info->count.packets > 0;
}

static bool tell_out(
	const struct sa *sa, const struct sa_peer *p, uint32_t lane, struct sa_info *info)
{
	const struct sa_out *o = p->out;
	const struct sa_lane_out *l;

	if (o == NULL || lane >= o->lanes)
		return false;
	l = &o->lane[lane];
	*info = (struct sa_info){ .node = p->node, .outbound = true };
	return tell(sa, info, lane, l->esp.spi, &l->count,
		__atomic_load_n(&l->esp.last, __ATOMIC_RELAXED));
}

static bool tell_in(const struct sa *sa, const struct sa_peer *p, unsigned place, uint32_t lane,
	struct sa_info *info)
{
	const struct sa_in *in = p->in[place];
	const struct sa_lane_in *l;
	uint64_t next;

	if (in == NULL)
		return false;
	l = &in->lane[lane];
	next = __atomic_load_n(&l->esp.window.next, __ATOMIC_RELAXED);
	*info = (struct sa_info){ .node = p->node };
	return tell(sa, info, lane, l->esp.spi, &l->count, next > 0 ? next - 1 : 0);
}

/* A cursor counts lanes: of each peer its outbound ones, then those of each inbound generation. */
#define PEER_LANES (SA_LANES * (1 + SA_INBOUND))

int sa_next(const struct sa *sa, uint32_t *cursor, struct sa_info *info)
{
	for (unsigned looked = 0; looked < SA_LANES; looked++) {
		uint32_t node = *cursor / PEER_LANES, lane = *cursor % PEER_LANES;
		const struct sa_peer *p = node < SA_NODES ? sa->v.peer[node] : NULL;
		bool found;

		if (node >= SA_NODES)
			return -1;
		if (p == NULL) {
			*cursor = (node + 1) * PEER_LANES;
			continue;
		}
		++*cursor;
		found = lane < SA_LANES
				? tell_out(sa, p, lane, info)
				: tell_in(sa, p, lane / SA_LANES - 1, lane % SA_LANES, info);
		if (found)
			return 1;
	}
	return 0;
}
