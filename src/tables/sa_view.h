/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tunnels of the mesh as workers use them. A peer has generations, each made with one exchange
 * of keys: one that packets to it are sealed with, and those that its packets may come in. A
 * generation has a lane for each worker of its sender and each kind of hop ("first", "relayed"):
 * what RFC 4301 calls a security association. All lanes of a direction share one key; the nonces
 * of no two are alike, because worker and kind are XORed into the salt.
 *
 *      SPI   node of the sender 8 | relayed 1 | worker of the sender 6 | generation 17
 *
 * so both ends know each other's SPIs without a word. A lane is changed by one worker only: an
 * outbound one by its own, an inbound one by that which sa_owner() names; that others read along
 * (counters) costs nothing. Generations are replaced by control (tables/sa.h) and freed after a
 * grace period.
 *
 * Without a key a generation is one of clear tunnels ("protect-data": false): number 0, it counts.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/gcm.h"
#include "common/ip6.h"
#include "net/esp.h"
#include "net/ip6hdr.h"

#define SA_NODES       256 /* ids 1..255 */
#define SA_WORKERS     64 /* what the SPI has room for; the control core's counts as one */
#define SA_LANES       (2 * SA_WORKERS)
#define SA_GENERATIONS (1U << 17)
#define SA_INBOUND     4 /* in use, answered but not yet in use, and two that come to their end */
#define SA_CLEAR_HEAD  8 /* Destination Options with the limit that says "first" or "relayed" */

static inline uint32_t sa_spi(uint8_t node, uint32_t worker, bool relayed, uint32_t generation)
{
	return (uint32_t)node << 24 | (uint32_t)relayed << 23 | worker << 17 | generation;
}

static inline uint8_t sa_spi_node(uint32_t spi)
{
	return (uint8_t)(spi >> 24);
}

static inline bool sa_spi_relayed(uint32_t spi)
{
	return (spi >> 23 & 1) != 0;
}

static inline uint32_t sa_spi_worker(uint32_t spi)
{
	return spi >> 17 & (SA_WORKERS - 1);
}

static inline uint32_t sa_spi_generation(uint32_t spi)
{
	return spi & (SA_GENERATIONS - 1);
}

static inline uint32_t sa_lane_of(uint32_t worker, bool relayed)
{
	return worker << 1 | relayed;
}

/* Who of so many workers opens what has this SPI: a sender's workers one after the other, another
 * one first for each sender. */
static inline uint32_t sa_owner(uint32_t spi, uint32_t workers)
{
	return workers == 1 ? 0 : (sa_spi_worker(spi) + sa_spi_node(spi)) % workers;
}

struct sa_count {
	uint64_t packets, octets; /* inner packets; one writer */
};

struct sa_lane_out {
	struct esp_out esp;
	struct sa_count count;
} __attribute__((aligned(64)));

struct sa_lane_in {
	struct esp_in esp;
	struct sa_count count;
} __attribute__((aligned(64)));

struct sa_out {
	struct gcm_key *key; /* NULL: clear */
	uint32_t generation, lanes;
	struct sa_lane_out lane[]; /* sa_lane_of() */
};

struct sa_in {
	struct gcm_key *key; /* NULL: clear */
	uint32_t generation;
	struct sa_lane_in lane[SA_LANES];
};

struct sa_peer {
	struct ip6_addr address;
	uint8_t node;
	_Atomic uint16_t mtu; /* of the path, UINT16_MAX: not below the way out's; sa_set_mtu() */
	struct sa_out *_Atomic out; /* NULL: nothing can be sent */
	struct sa_in *_Atomic in[SA_INBOUND];
	struct sa_count past_out, past_in; /* control only: of generations that are gone */
};

/* What readers need: the first member of struct sa. Peers do not change while workers run. */
struct sa_view {
	struct ip6_addr site; /* ours */
	bool clear; /* packets are not protected, and only such are taken */
	const struct gcm *gcm;
	struct sa_peer *peer[SA_NODES]; /* NULL: none */
	uint64_t seed;
	uint8_t by_address[2 * SA_NODES]; /* node, 0: none; from the address' hash on */
};

struct sa;

static inline const struct sa_view *sa_view(const struct sa *sa)
{
	return (const struct sa_view *)sa;
}

/* NULL: no peer has it. Any thread. */
static inline struct sa_peer *sa_by_address(const struct sa *sa, const struct ip6_addr *a)
{
	const struct sa_view *v = sa_view(sa);
	uint64_t i = ip6_hash(a, v->seed);

	for (;; i++) {
		uint8_t node = v->by_address[i % (2 * SA_NODES)];

		if (node == 0 || ip6_eq(&v->peer[node]->address, a))
			return v->peer[node]; /* of node 0 there is none */
	}
}

/* NULL: not one of the generations that packets of this peer may come in. Any reader between two
 * quiescent reports. */
static inline struct sa_in *sa_in_of(const struct sa_peer *p, uint32_t generation)
{
	for (unsigned i = 0; i < SA_INBOUND; i++) {
		struct sa_in *in = atomic_load_explicit(&p->in[i], memory_order_acquire);

		if (in != NULL && in->generation == generation)
			return in;
	}
	return NULL;
}

static inline struct sa_out *sa_out_of(const struct sa_peer *p)
{
	return atomic_load_explicit(&p->out, memory_order_acquire);
}

static inline void sa_counted(struct sa_count *c, uint32_t octets)
{
	__atomic_store_n(&c->packets, c->packets + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&c->octets, c->octets + octets, __ATOMIC_RELAXED);
}

/* The largest tunnel packet to a peer that arrives whole, where the way out takes link_mtu. */
static inline uint32_t sa_path_mtu(const struct sa_peer *p, uint32_t link_mtu)
{
	uint32_t mtu = atomic_load_explicit(&p->mtu, memory_order_relaxed);

	return mtu < link_mtu ? mtu : link_mtu;
}

/* The largest packet that a tunnel packet of `mtu` octets has room for. */
static inline uint32_t sa_inner_mtu(bool clear, uint32_t mtu)
{
	uint32_t room = mtu - (uint32_t)sizeof(struct net_ip6);

	return clear ? room - SA_CLEAR_HEAD : ((room - ESP_HEAD - GCM_TAG_LEN) & ~3u) - 2;
}
