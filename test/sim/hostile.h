/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A member that was bought: it has the keys of a peer, and says what it likes. It runs the product's
 * code, so that it is taken for one of them, but what its engine and its hello say is changed on the
 * way, and it says things of its own: records of other domains and prefixes, with numbers that nobody
 * can have reached, questions without end, answers to what nobody asked, acknowledgements of what was
 * never sent, messages that are cut short or contradict themselves.
 *
 * It is a member of the world's last domain only. What is promised is that the other domains of the
 * sites it talks to are served as if it was not there, that their memory is bounded, and that what
 * makes no sense is counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent;
struct net_wr;

/* Of an engine's datagram to a peer: what leaves instead. */
void hostile_send(struct agent *a, uint8_t node, const uint8_t *buf, size_t len);
/* A datagram for its own engine: it reads, too. */
void hostile_hears(struct agent *a, uint8_t from, const uint8_t *buf, size_t len);
void hostile_turn(struct agent *a);

/* --- hostile_say.c: messages, right but for what they say --- */

/* What it has seen of a peer, to be believed. */
struct hostile_seen {
	uint32_t round; /* that the peer asked in */
	uint32_t stream[3]; /* ids of its own streams */
	uint64_t sent[3]; /* and where they are */
	uint32_t request, heard_stream[3];
	uint64_t heard[3];
	uint8_t bits;
};

/* One of nearly everything: 0, 1, the most, around it, or anything. */
uint64_t hostile_number(uint64_t *rng, uint64_t most);
void hostile_say(struct agent *a, struct hostile_seen *seen, struct net_wr *w);
