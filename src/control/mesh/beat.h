/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What hello's lcore does (pulse.h), but for the packets: lets hello turn, tells control by mail
 * what it says (mail.h), and decides whether this site may still be heard: only while every lcore
 * finishes turns. A site whose control core or a worker stands still must fall silent, so that
 * others take over.
 *
 * No I/O, no clock: it is handed the time, and what other lcores count. One owner, that lcore.
 */
#pragma once

#include <stdint.h>

#include "control/mesh/mail.h"
#include "sync/hello.h"

/* An lcore that has finished no turn for so long stands still; more where others wait longer. */
#define BEAT_STILL_MS 500

static inline uint32_t beat_still_ms(uint32_t dead_ms)
{
	return dead_ms > BEAT_STILL_MS ? dead_ms : BEAT_STILL_MS;
}

/* What is known of a peer is told this often: somebody reads it. */
#define BEAT_INFO_MS 200
/* Peers of whom it is told in one turn: what is up there is looked for in all domains. */
#define BEAT_INFO_PEERS 4

struct beat;

struct beat_opts {
	const struct hello_opts *hello; /* but for its ops */
	struct mail *mail;
	uint32_t lcores; /* watched, hello's own too */
	uint64_t (*turns)(void *ctx, uint32_t lcore); /* that it has finished */
	/* A datagram to the peer's address, hello's port. */
	void (*send)(void *ctx, uint8_t node, const uint8_t *buf, size_t len);
	/* hello_ops.keys; NULL: nobody wants to know */
	void (*keys)(void *ctx, uint8_t node, const uint32_t *names, unsigned n);
	void *ctx;
};

int beat_new(const struct beat_opts *o, struct beat **out); /* 0, -EINVAL or -ENOMEM */
void beat_free(struct beat *b); /* wipes; NULL is fine. The mail is the caller's */

/* Sends, notices and tells what is due; returns in how many milliseconds it wants to be called
 * again. Before, when there is mail, and behind beat_input(). */
uint32_t beat_turn(struct beat *b, uint64_t now_ms, uint64_t wall_ms);

/* A datagram to hello's port. */
enum hello_verdict beat_input(struct beat *b, const struct ip6_addr *from, const uint8_t *buf,
	size_t n, uint64_t now_ms, uint64_t wall_ms);

/* hello_no_keys(). */
void beat_no_keys(struct beat *b, uint8_t node, uint64_t now_ms);

/* Since when nothing may be sent, 0: it may. Any thread. */
uint64_t beat_silent_since(const struct beat *b);
