/* SPDX-License-Identifier: BSD-3-Clause */
#include "net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attack.h"
#include "mem.h"
#include "mn.h"
#include "oracle.h"
#include "site.h"
#include "world.h"

#define ACCESS_US    (2 * MS) /* from a mobile node to the site next to it */
#define QUEUE_US     (200 * MS) /* a rate-limited path holds no more, then it drops */
#define ROUTE_UP_US  (100 * MS) /* until the world has heard of a route */
#define ROUTE_OFF_US (400 * MS) /* ... and that it is gone */
#define COPY_US      (20 * MS) /* a copy comes within */

struct net {
	struct net_path path[SHAPE_SITES + 1][SHAPE_SITES + 1]; /* [from][to] */
	bool announced[SHAPE_SITES + 1][SHAPE_DOMAINS]; /* as the world sees it */
	uint32_t change[SHAPE_SITES + 1][SHAPE_DOMAINS]; /* only the last one counts */
};

struct datagram {
	enum net_kind kind;
	uint8_t from, to;
	bool may_relay;
	size_t len;
	struct pkt pkt; /* NET_DATA */
	uint8_t buf[]; /* others */
};

int net_new(struct world *w)
{
	w->net = calloc(1, sizeof(*w->net));
	if (w->net == NULL)
		return -ENOMEM;
	for (unsigned a = 1; a <= w->shape.sites; a++)
		for (unsigned b = 1; b <= w->shape.sites; b++) {
			struct net_path *p = &w->net->path[a][b];
			unsigned apart = a > b ? a - b : b - a;

			/* a ring of continents: who is far is far both ways */
			if (apart > w->shape.sites / 2U)
				apart = w->shape.sites - apart;
			p->delay_us = w->shape.delay_us * (apart > 3 ? 3 : apart);
			p->jitter_us = w->shape.jitter_us;
			p->loss_ppm = w->shape.loss_ppm;
		}
	return 0;
}

void net_free(struct world *w)
{
	free(w->net);
}

struct net_path *net_path(struct world *w, uint8_t from, uint8_t to)
{
	return &w->net->path[from][to];
}

static bool hits(struct world *w, uint32_t ppm)
{
	return ppm > 0 && rng_below(&w->rng_net, 1000000) < ppm;
}

/* --- between sites --- */

static void lose(struct world *w, const struct datagram *d)
{
	if (d->kind == NET_DATA)
		oracle_lost(w, &d->pkt);
}

static void arrive(struct world *w, void *ctx, uint64_t arg)
{
	struct datagram *d = ctx;
	struct site *s = w->site[d->to];

	(void)arg;
	if (!site_is_up(s))
		lose(w, d);
	else if (d->kind == NET_DATA)
		site_packet(s, &d->pkt, d->from, d->may_relay);
	else
		site_datagram(s, d->kind, d->from, d->buf, d->len);
}

/* When it is there; 0: never. */
static uint64_t travel(struct world *w, struct net_path *p, size_t len)
{
	uint64_t begins = w->now_us;

	if (p->cuts + p->partitions > 0 || hits(w, p->loss_ppm))
		return 0;
	if (p->octets_s > 0) {
		if (p->free_us > begins)
			begins = p->free_us;
		if (begins > w->now_us + QUEUE_US)
			return 0;
		begins += len * S / p->octets_s;
		p->free_us = begins;
	}
	return begins + p->delay_us + rng_below(&w->rng_net, p->jitter_us + 1ULL);
}

static struct datagram *made(
	enum net_kind kind, uint8_t from, uint8_t to, const uint8_t *buf, size_t len)
{
	struct datagram *d = mem_own(sizeof(*d) + len);

	*d = (struct datagram){ .kind = kind, .from = from, .to = to, .len = len };
	if (len > 0)
		memcpy(d->buf, buf, len);
	return d;
}

void net_send(struct world *w, enum net_kind kind, uint8_t from, uint8_t to, const uint8_t *buf,
	size_t len)
{
	struct net_path *p = net_path(w, from, to);
	uint64_t at = travel(w, p, len);

	if (kind == NET_HELLO)
		oracle_hello(w, from, to);
	else
		oracle_says(w, from, to, len);
	w->stats.datagrams++;
	w->stats.bytes += len;
	attack_sees(w, kind, from, to, buf, len);
	if (at == 0)
		return;
	world_post(w, at, arrive, made(kind, from, to, buf, len), 0);
	if (hits(w, p->copy_ppm))
		world_post(w, at + rng_below(&w->rng_net, COPY_US), arrive,
			made(kind, from, to, buf, len), 0);
}

void net_relay(struct world *w, uint8_t from, uint8_t to, const struct pkt *p, bool may_relay)
{
	struct datagram *d = made(NET_DATA, from, to, NULL, 0);
	uint64_t at = travel(w, net_path(w, from, to), 100);

	d->pkt = *p;
	d->may_relay = may_relay;
	oracle_relays(w, from, to, &d->pkt);
	if (at != 0) {
		world_post(w, at, arrive, d, 0);
		return;
	}
	lose(w, d);
	free(d);
}

/* --- routes --- */

struct route {
	uint8_t node, domain;
	bool announced;
	uint32_t change;
};

static void route_is_known(struct world *w, void *ctx, uint64_t arg)
{
	struct route *r = ctx;

	(void)arg;
	if (w->net->change[r->node][r->domain] == r->change)
		w->net->announced[r->node][r->domain] = r->announced;
}

void net_route(struct world *w, uint8_t node, uint8_t domain, bool announced)
{
	struct route *r = mem_own(sizeof(*r));

	*r = (struct route){ node, domain, announced, ++w->net->change[node][domain] };
	world_post(w, w->now_us + (announced ? ROUTE_UP_US : ROUTE_OFF_US), route_is_known, r, 0);
}

bool net_reaches(struct world *w, uint8_t location, uint8_t node)
{
	return location == node || net_path(w, location, node)->partitions == 0;
}

uint8_t net_nearest(struct world *w, uint8_t location, uint8_t domain)
{
	uint8_t best = 0;
	uint32_t least = 0;

	for (uint8_t n = 1; n <= w->shape.sites; n++) {
		uint32_t far = n == location ? 0 : net_path(w, location, n)->delay_us;

		if (!w->net->announced[n][domain] || !net_reaches(w, location, n))
			continue;
		if (best == 0 || far < least) {
			best = n;
			least = far;
		}
	}
	return best;
}

/* --- mobile nodes --- */

static uint64_t access_us(struct world *w, uint8_t location, uint8_t node)
{
	uint64_t us = ACCESS_US + rng_below(&w->rng_net, ACCESS_US);

	return location == node ? us : us + net_path(w, location, node)->delay_us;
}

static void arrive_at_site(struct world *w, void *ctx, uint64_t node)
{
	struct site *s = w->site[node];

	if (site_is_up(s))
		site_packet(s, ctx, 0, true);
	else
		oracle_lost(w, ctx);
}

void net_to_site(struct world *w, uint8_t location, uint8_t node, const struct pkt *p)
{
	struct pkt *copy;

	if (!net_reaches(w, location, node) || hits(w, w->shape.access_loss_ppm))
		return;
	copy = mem_own(sizeof(*copy));
	*copy = *p;
	world_post(w, w->now_us + access_us(w, location, node), arrive_at_site, copy, node);
}

static void arrive_at_mn(struct world *w, void *ctx, uint64_t mn)
{
	mn_hears(w, (uint8_t)mn, ctx);
}

void net_to_mn(struct world *w, uint8_t node, uint8_t mn, const struct pkt_ba *ba)
{
	uint8_t location = mn_location(w, mn);
	struct pkt_ba *copy;

	oracle_answers(w, node, mn, ba);

	if (!net_reaches(w, location, node) || hits(w, w->shape.access_loss_ppm))
		return;
	copy = mem_own(sizeof(*copy));
	*copy = *ba;
	world_post(w, w->now_us + access_us(w, location, node), arrive_at_mn, copy, mn);
}
