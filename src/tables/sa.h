/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tunnels of the mesh, as control makes them; what they are: tables/sa_view.h. Control is the
 * only writer, and is no reader. What is replaced is wiped and freed after a grace period, and
 * its counters go to the peer's: none is lost.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tables/sa_view.h"

struct dq;

/* Of one direction. Secret: who made it wipes it. */
struct sa_keys {
	uint8_t key[GCM_KEY_LEN], salt[ESP_SALT_LEN];
	uint32_t generation; /* < SA_GENERATIONS */
};

struct sa_opts {
	uint8_t node; /* ours */
	struct ip6_addr site;
	uint32_t workers; /* ids of workers that seal, the control core's included; <= SA_WORKERS */
	bool clear;
	uint64_t seed;
};

/* 0, -ENOMEM, -ENOTSUP (the processor has no AES), -EINVAL. */
int sa_new(const struct sa_opts *opts, struct dq *dq, struct sa **out);
void sa_free(struct sa *sa); /* workers must have stopped, before dq_free(); NULL is fine */

/* Before workers run. With clear tunnels it is complete; else keys have to come. 0; -EINVAL: no
 * node, ours, or a second one of its id or address; -ENOMEM. */
int sa_add_peer(struct sa *sa, uint8_t node, const struct ip6_addr *address);

/* From now on its packets may come in this generation, too; one of the same number (a matter of
 * 17 bits of chance) makes room for it. 0; -ENOENT: no such peer; -EBUSY: it has SA_INBOUND
 * already; -ENOSPC: the deferred-free queue is full; -ENOMEM. */
int sa_add_in(struct sa *sa, uint8_t node, const struct sa_keys *keys);
/* No longer. 0, -ENOENT, -ENOSPC. */
int sa_del_in(struct sa *sa, uint8_t node, uint32_t generation);
/* From now on packets to it are sealed with these; NULL: none are. 0, -ENOENT, -ENOSPC, -ENOMEM:
 * nothing was changed. */
int sa_set_out(struct sa *sa, uint8_t node, const struct sa_keys *keys);

/* What the path to a peer takes, >= 1280, or UINT16_MAX: what the way out does. */
void sa_set_mtu(struct sa *sa, uint8_t node, uint16_t mtu);

/* Was this number (its low half) sent lately under this SPI? Of the generation that is sealed with
 * now, the newest 2^16 of a lane; whoever quotes a packet has to name both. */
bool sa_was_sent(const struct sa *sa, uint8_t node, uint32_t spi, uint32_t low);

/* Packets to (out) and from (in) a peer since the start; any number of calls, exact when no packet
 * is under way. -ENOENT: no such peer. */
int sa_count(const struct sa *sa, uint8_t node, struct sa_count *out, struct sa_count *in);

/* A lane that has carried something. */
struct sa_info {
	uint8_t node; /* the peer */
	bool outbound, relayed;
	uint32_t spi; /* 0: clear */
	uint32_t worker; /* the sender's */
	struct sa_count count;
	uint64_t number; /* sent last, or the highest taken */
};
/* From *cursor = 0 on; at most SA_LANES lanes are looked at a call: 0 there was none among them,
 * 1 *info is one, -1 the end. */
int sa_next(const struct sa *sa, uint32_t *cursor, struct sa_info *info);
