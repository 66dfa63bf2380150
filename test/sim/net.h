/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network of a world: a path each way between any two sites, with delay, loss, copies,
 * disorder, a rate, and cuts; and the access networks, by which mobile nodes reach sites. A
 * partition cuts both: a mobile node in one half reaches the sites of that half.
 *
 * Locations: 1..sites, each next to the site of that number. Anycast brings a packet to the nearest
 * site that announces the route, some time after it began to and some time after it ceased.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pkt.h"

struct world;

enum net_kind { NET_SYNC, NET_HELLO, NET_DATA };

/* What a path is like at the moment. */
struct net_path {
	uint8_t cuts, partitions; /* how many faults stand in the way */
	uint32_t delay_us, jitter_us;
	uint32_t loss_ppm, copy_ppm;
	uint32_t octets_s; /* 0: no limit */
	uint64_t free_us; /* when the last octet will have left */
};

int net_new(struct world *w);
void net_free(struct world *w);

struct net_path *net_path(struct world *w, uint8_t from, uint8_t to);
/* Between two sites, octets of the engine or of hello. */
void net_send(struct world *w, enum net_kind kind, uint8_t from, uint8_t to, const uint8_t *buf,
	size_t len);
/* A packet by the mesh; may_relay: it comes as "first", not as "relayed". */
void net_relay(struct world *w, uint8_t from, uint8_t to, const struct pkt *p, bool may_relay);

/* The network tells the network's own view of a route's state after some time. */
void net_route(struct world *w, uint8_t node, uint8_t domain, bool announced);
/* The site that anycast brings a packet of this domain to; 0: there is no route. */
uint8_t net_nearest(struct world *w, uint8_t location, uint8_t domain);
bool net_reaches(struct world *w, uint8_t location, uint8_t node);

/* A mobile node (or whoever) sends to a site; a site answers to a mobile node. Both may be lost. */
void net_to_site(struct world *w, uint8_t location, uint8_t node, const struct pkt *p);
void net_to_mn(struct world *w, uint8_t node, uint8_t mn, const struct pkt_ba *ba);
