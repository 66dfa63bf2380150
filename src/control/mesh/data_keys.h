/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys of the mesh's data tunnels (tables/sa.h): what becomes of them when a session makes new
 * ones, so that a renewal costs no packet.
 *
 *      we began      established: open with the new keys, seal with them
 *      we answered   answered: open with the new keys; established: seal with them
 *
 * so each side opens before the other can seal. The old keys open for two round trips and a second
 * more from when the session knows that the peer has the new ones (confirmed), which may take it
 * some time on bad lines: until then the peer seals with the old ones. Keys that are not renewed
 * end with their session's, SESSION_REJECT_MS: nothing is sealed with older ones.
 *
 * Of session_keys.data each half is a direction's: key, salt and the generation's number are one
 * block of HKDF-Expand with SHA-256 (RFC 5869, 2.3). Both sides make the same; nothing needs saying.
 *
 * No clock of its own. One owner, the control core. NULL stands for a mesh without protection:
 * nothing happens.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "sync/session.h"

struct data_keys;
struct sa;
struct sa_keys;

int data_keys_new(struct sa *sa, struct data_keys **out); /* 0 or -ENOMEM */
void data_keys_free(struct data_keys *d); /* wipes; before tables_free() */

/* session_ops.answered, .established and .confirmed. */
void data_keys_answered(
	struct data_keys *d, uint8_t node, const struct session_keys *keys, uint64_t now_ms);
void data_keys_established(
	struct data_keys *d, uint8_t node, const struct session_keys *keys, uint64_t now_ms);
void data_keys_confirmed(struct data_keys *d, uint8_t node, uint64_t now_ms);
/* The round trip to a peer, as hello measures it. */
void data_keys_rtt(struct data_keys *d, uint8_t node, uint32_t ms);
/* Ends what has ended, and does what found no room in the deferred-free queue or no memory before;
 * once a turn. True: there was something. */
bool data_keys_run(struct data_keys *d, uint64_t now_ms);

enum data_keys_state {
	DATA_KEYS_WAITING, /* we answered with them, and the peer has not used them yet */
	DATA_KEYS_IN_USE,
	DATA_KEYS_OLD, /* replaced: open for what is still under way */
};
/* What a peer's inbound generation is to us; *since_ms: its keys were made then, 0: not known. Not
 * for NULL. */
enum data_keys_state data_keys_state(
	const struct data_keys *d, uint8_t node, uint32_t generation, uint64_t *since_ms);

/* When the keys that packets to a peer are sealed with were made; 0: there are none. */
uint64_t data_keys_since(const struct data_keys *d, uint8_t node);

/* A direction's keys: what the side that began sends, or what the other one does. The caller wipes
 * them. */
void data_keys_derive(const struct session_keys *keys, bool of_initiator, struct sa_keys *out);
