/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input: a datagram to the sync port, from the peer's address; taken as it is, and once more as by
 * somebody who knows our public key (mac1 put right). Whatever it is, it is never taken for a
 * message of the peer, and the two sites still understand each other afterwards.
 */
#include "fuzz.h"

#include <sodium.h>

#include "sync/session.h"
#include "sync/session_priv.h"

static struct sessions *site[2];
static struct ip6_addr address[2];
static uint8_t public[2][NOISE_KEY_LEN], mac_key[MAC_LEN * 2], cookie_key[NOISE_KEY_LEN];
static uint64_t now_ms = 1000, random_state = 1;

static struct {
	uint8_t to;
	size_t n;
	uint8_t b[SESSION_HANDSHAKE_MAX];
} queue[16];
static unsigned queued;

static void op_random(void *ctx, uint8_t *buf, size_t len)
{
	(void)ctx;
	for (size_t i = 0; i < len; i++) {
		random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
		buf[i] = (uint8_t)(random_state >> 56);
	}
}

static void op_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	(void)ctx;
	FUZZ_CHECK(len <= sizeof(queue[0].b));
	if (queued == 16)
		return;
	queue[queued].to = (uint8_t)(node - 1);
	queue[queued].n = len;
	memcpy(queue[queued++].b, buf, len);
}

static void op_established(void *ctx, uint8_t node, const struct session_keys *keys)
{
	(void)ctx;
	(void)node;
	(void)keys;
}

static void settle(void)
{
	uint8_t node, out[SESSION_HANDSHAKE_MAX];
	size_t len;

	for (unsigned i = 0; i < queued; i++)
		sessions_input(site[queue[i].to], &address[1 - queue[i].to], queue[i].b, queue[i].n,
			now_ms, &node, out, &len);
	queued = 0;
}

static void start(void)
{
	uint8_t secret[2][NOISE_KEY_LEN];

	FUZZ_CHECK(sodium_init() >= 0);
	for (unsigned i = 0; i < 2; i++) {
		op_random(NULL, secret[i], sizeof(secret[i]));
		session_public_key(secret[i], public[i]);
		address[i].b[0] = 0x20;
		address[i].b[15] = (uint8_t)(i + 1);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct session_peer peer = { .node = (uint8_t)(2 - i), .address = address[1 - i] };

		memcpy(peer.key, public[1 - i], NOISE_KEY_LEN);
		FUZZ_CHECK(
			sessions_new(&(struct session_opts){ .node = (uint8_t)(i + 1),
					     .secret = secret[i],
					     .peers = &peer,
					     .peer_count = 1,
					     .now_ms = now_ms,
					     .ops = { NULL, op_random, op_send, op_established } },
				&site[i]) == 0);
	}
	handshake_derive(public[0], mac_key, cookie_key);
}

static void check_refused(const uint8_t *data, size_t size)
{
	uint8_t node = 0, *out = malloc(size + 1);
	size_t len;

	FUZZ_CHECK(out != NULL);
	FUZZ_CHECK(sessions_input(site[0], &address[1], data, size, now_ms, &node, out, &len) !=
		   SESSION_DATA);
	FUZZ_CHECK(len == 0);
	free(out);
}

static void check_talk(void)
{
	uint8_t msg[SESSION_OVERHEAD + 4], out[SESSION_OVERHEAD + 4], node;
	size_t len;

	for (unsigned i = 0; i < 200; i++) {
		if (sessions_seal(site[1], 1, (const uint8_t *)"true", 4, now_ms, msg) == 0) {
			FUZZ_CHECK(sessions_input(site[0], &address[1], msg, sizeof(msg), now_ms,
					   &node, out, &len) == SESSION_DATA);
			FUZZ_CHECK(len == 4 && memcmp(out, "true", 4) == 0 && node == 2);
			return;
		}
		now_ms += 50;
		sessions_turn(site[0], now_ms, 1700000000000ULL + now_ms);
		sessions_turn(site[1], now_ms, 1700000000000ULL + now_ms);
		settle();
		settle();
	}
	FUZZ_CHECK(!"the sites found each other again");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *sealed;

	if (site[0] == NULL) {
		start();
		check_talk();
	}
	now_ms += 20;
	check_refused(data, size);
	if (size >= 2 * MAC_LEN) {
		sealed = malloc(size);
		FUZZ_CHECK(sealed != NULL);
		memcpy(sealed, data, size);
		crypto_generichash_blake2b(sealed + size - 2 * MAC_LEN, MAC_LEN, sealed,
			size - 2 * MAC_LEN, mac_key, sizeof(mac_key));
		check_refused(sealed, size);
		free(sealed);
	}
	queued = 0;
	check_talk();
	return 0;
}
