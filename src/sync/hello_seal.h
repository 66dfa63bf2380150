/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hellos sealed: keys of their own, derived from the session's, with a counter and a replay window
 * of their own, since another lcore than the session's sends and receives them.
 *
 * What stands in clear in front of them, and how long they are, is net/hello.h's.
 *
 * New keys arrive at both ends at different times. Who began the handshake has them first, so it
 * goes on with the old ones until a hello under the new ones shows that the other has them too.
 *
 * One owner; no clock of its own. The structure holds secrets.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/window.h"
#include "sync/hello.h"
#include "sync/noise.h"

#define HELLO_SEAL_OVERHEAD NET_HELLO_OVERHEAD
#define HELLO_SEAL_TYPE     NET_HELLO_TYPE
#define HELLO_SEAL_VERSION  NET_HELLO_VERSION

struct hello_key {
	bool valid;
	bool heard; /* something came under it, or we answered the handshake: it may be used */
	uint32_t name;
	uint64_t made_ms;
	uint64_t counter; /* of the next hello */
	uint8_t tx[NOISE_KEY_LEN], rx[NOISE_KEY_LEN];
	struct window window;
};

struct hello_seal {
	struct hello_key now, before;
};

/* Which keys a hello was sealed with: this stands in clear in it. */
uint32_t hello_seal_name(const struct session_keys *keys);

void hello_seal_keys(struct hello_seal *s, const struct session_keys *keys, uint64_t now_ms);

/* Names of the keys that open, the newest first. Returns how many. */
unsigned hello_seal_names(const struct hello_seal *s, uint32_t names[static 2]);

/* len + HELLO_SEAL_OVERHEAD octets into out, which does not overlap with plain. False: there are
 * no keys. node: ours. */
bool hello_seal(struct hello_seal *s, uint8_t node, const uint8_t *plain, size_t len,
	uint64_t now_ms, uint8_t *out);

/* The form of a datagram; HELLO_TAKEN: it has one, and is of *node. */
enum hello_verdict hello_seal_form(const uint8_t *buf, size_t n, uint8_t *node);

/* A datagram that has a form. n - HELLO_SEAL_OVERHEAD octets into out when it is HELLO_TAKEN or
 * HELLO_OLDER: genuine, but it was overtaken; else nothing. */
enum hello_verdict hello_open(
	struct hello_seal *s, const uint8_t *buf, size_t n, uint64_t now_ms, uint8_t *out);
