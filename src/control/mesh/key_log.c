/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mesh/key_log.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "common/bring.h"
#include "sync/hello_seal.h"

#define HEX (2 * NOISE_KEY_LEN + 1)

static_assert(NOISE_HASH_LEN == 2 * NOISE_KEY_LEN, "a key each way");

static void put(struct bring *ring, char line[KEY_LOG_LINE])
{
	uint32_t len = (uint32_t)strlen(line);
	char *room = bring_prepare(ring, len);

	if (room != NULL) {
		memcpy(room, line, len);
		bring_publish(ring, bring_at(ring));
	}
	sodium_memzero(line, KEY_LOG_LINE);
}

static void put_session(struct bring *ring, uint32_t receiver, const uint8_t *key)
{
	char line[KEY_LOG_LINE], hex[HEX];

	sodium_bin2hex(hex, sizeof(hex), key, NOISE_KEY_LEN);
	snprintf(line, sizeof(line), "SESSION %08x %s\n", receiver, hex);
	put(ring, line);
	sodium_memzero(hex, sizeof(hex));
}

/* both: of who began, of who answered. */
static void put_both(struct bring *ring, const char *head, const uint8_t both[NOISE_HASH_LEN],
	uint8_t began, uint8_t answered)
{
	char line[KEY_LOG_LINE], first[HEX], second[HEX];

	sodium_bin2hex(first, sizeof(first), both, NOISE_KEY_LEN);
	sodium_bin2hex(second, sizeof(second), both + NOISE_KEY_LEN, NOISE_KEY_LEN);
	snprintf(line, sizeof(line), "%s %s %s %02x %02x\n", head, first, second, began, answered);
	put(ring, line);
	sodium_memzero(first, sizeof(first));
	sodium_memzero(second, sizeof(second));
}

void key_log_put(struct bring *ring, uint8_t node, uint8_t peer, const struct session_secrets *s)
{
	uint8_t began = s->keys.initiator ? node : peer, answered = s->keys.initiator ? peer : node;
	char head[32];

	if (ring == NULL)
		return;
	put_session(ring, s->local, s->rx);
	put_session(ring, s->remote, s->tx);
	snprintf(head, sizeof(head), "HELLO %08x", hello_seal_name(&s->keys));
	put_both(ring, head, s->keys.hello, began, answered);
	put_both(ring, "DATA", s->keys.data, began, answered);
}
