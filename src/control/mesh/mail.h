/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mailboxes between control and hello's lcore (pulse.h). Neither side waits, locks or allocates,
 * and nothing gets lost: what is told is a state, kept by who tells it until there was room, and
 * the newest replaces one that did not go yet.
 *
 *      control -> hello   what we say in each domain: a word each, written over
 *                         keys of a peer's session: a slot each, guarded, empty again when taken
 *                         all domains' settings: one slot
 *      hello -> control   views, events, what is known of peers: messages in a ring
 *
 * One thread on each side; the box is made before and freed after them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/hello.h"
#include "sync/next.h"
#include "sync/session.h"

struct mail;

struct mail_opts {
	uint32_t domains;
	const uint8_t *peers; /* node ids */
	uint32_t peer_count;
	uint32_t ring_octets; /* a power of two; at least MAIL_RING_MIN */
};

/* A view takes at most half of the ring (common/bring.h). */
#define MAIL_RING_MIN 8192

int mail_new(const struct mail_opts *o, struct mail **out); /* 0, -EINVAL or -ENOMEM */
void mail_free(struct mail *m); /* wipes keys; NULL is fine */

/* --- what is said of a domain --- */

struct mail_say {
	uint8_t says; /* enum next_says */
	uint16_t stalls; /* of hello that control had heard of when it said so */
	uint32_t number; /* of this saying, from 1 on; 0: nothing was said yet */
};

/* Control. */
void mail_post_say(struct mail *m, uint32_t domain, struct mail_say s);
/* Keeps the keys until hello's side has taken those before. */
void mail_post_keys(struct mail *m, uint8_t node, const struct session_keys *k);
/* Settings of all domains, HELLO_SETTING_COUNT each. */
void mail_post_settings(struct mail *m, const uint32_t *all);
/* Moves on what did not go yet; true: something still waits. */
bool mail_push(struct mail *m);

/* Hello: something was posted since the last mail_has_news() that said so. */
bool mail_waits(const struct mail *m);
bool mail_has_news(struct mail *m); /* the same; from now on it is old */
struct mail_say mail_say_of(const struct mail *m, uint32_t domain);
/* Calls fn for each peer with new keys, wipes them. */
void mail_take_keys(struct mail *m,
	void (*fn)(void *ctx, uint8_t node, const struct session_keys *k), void *ctx);

/* True: they are in all now. */
bool mail_take_settings(struct mail *m, uint32_t *all);

/* --- what hello has to tell --- */

enum mail_kind { MAIL_EVENT, MAIL_VIEW, MAIL_INFO, MAIL_KNOWN };

struct mail_event {
	enum hello_event event;
	uint16_t domain;
	uint8_t node;
	uint16_t stalls; /* of hello, so far; STALL: with this one */
	int64_t value;
};

struct mail_view {
	uint16_t domain;
	struct next_view view;
};

struct mail_info {
	uint8_t node;
	struct hello_info info;
	uint64_t up[NEXT_NODES / 64];
};

struct mail_known { /* the live peers echo what was said under this number, or not */
	uint16_t domain;
	bool is_known;
	uint32_t number;
};

struct mail_msg {
	enum mail_kind kind;
	union {
		struct mail_event event;
		struct mail_view view;
		struct mail_info info;
		struct mail_known known;
	};
};

/* Hello: false: there is no room now. Only what the kind needs is copied. */
bool mail_tell(struct mail *m, const struct mail_msg *msg);

/* Control: the oldest, until mail_done(); NULL: none. */
const struct mail_msg *mail_read(struct mail *m);
void mail_done(struct mail *m);
