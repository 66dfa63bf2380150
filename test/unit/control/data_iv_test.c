/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * No (key, nonce) seals two packets of the mesh's data tunnels, whoever seals, whatever happens:
 * real sessions over a wire that loses, copies, reorders and replays, sites that start anew or stand
 * still, and the keys that come of it in real tables. All that is sealed is written down.
 */
#include "test.h"

#include <sodium.h>

#include "common/log.h"
#include "control/mesh/data_keys.h"
#include "rng.h"
#include "tables/dq.h"
#include "tables/readers.h"
#include "tables/sa.h"

#define SITES    3
#define WORKERS  2
#define LANES    (2 * WORKERS)
#define WIRE     64
#define OLD      128
#define DATAGRAM 128
#define WALL     1700000000000ULL
#define STEPS    60000
#define USED     (1U << 20)
#define NONCE    (ESP_SALT_LEN + 8)

struct datagram {
	uint8_t from, to;
	size_t n;
	uint8_t b[DATAGRAM];
};

struct site {
	uint8_t node;
	uint8_t secret[32], public[32];
	uint64_t seed, frozen_until_ms;
	struct sessions *s;
	struct rte_rcu_qsbr *rcu;
	struct dq *dq;
	struct sa *sa;
	struct data_keys *keys;
};

struct used {
	uint8_t key[GCM_KEY_LEN], nonce[NONCE];
	uint8_t by; /* 0: none */
};

static struct site site[SITES + 1]; /* by node id */
static struct datagram wire[WIRE], old[OLD];
static unsigned wire_count, old_count;
static struct used *used;
static unsigned used_count, established, lives;
static uint64_t now, seed;

static struct ip6_addr address(uint8_t node)
{
	struct ip6_addr a = addr("2001:db8:5::");

	a.b[15] = node;
	return a;
}

/* --- what was sealed --- */

static void note(uint8_t by, const uint8_t *key, const uint8_t *nonce)
{
	struct used u = { .by = by };
	uint64_t i = 0;

	memcpy(u.key, key, sizeof(u.key));
	memcpy(u.nonce, nonce, sizeof(u.nonce));
	crypto_generichash(
		(uint8_t *)&i, sizeof(i), u.key, sizeof(u.key) + sizeof(u.nonce), NULL, 0);
	for (;; i++) {
		struct used *at = &used[i % USED];

		if (at->by == 0) {
			*at = u;
			break;
		}
		if (memcmp(at->key, u.key, sizeof(u.key) + sizeof(u.nonce)) == 0)
			fail_msg("sealed by site %u, and by site %u again", at->by, by);
	}
	assert_in_range(++used_count, 1, USED / 2);
}

/* A packet in any lane: the key as it lies expanded, whose first octets are the key. */
static void seal_one(struct site *at, uint8_t to)
{
	struct sa_out *o = sa_out_of(sa_view(at->sa)->peer[to]);
	uint8_t b[ESP_HEAD + 8 + ESP_TAIL_MAX] = { 0 }, nonce[NONCE];
	struct esp_out *esp;

	if (o == NULL)
		return;
	esp = &o->lane[rng_below(&seed, LANES)].esp;
	memcpy(nonce, esp->salt, ESP_SALT_LEN);
	assert_int_not_equal(esp_seal(sa_view(at->sa)->gcm, esp, b + ESP_HEAD, 8, 41), 0);
	memcpy(nonce + ESP_SALT_LEN, b + 8, 8);
	note(at->node, (const uint8_t *)esp->key, nonce);
}

static void test_key_is_seen(void **state)
{
	const uint8_t octets[GCM_KEY_LEN] = "sixteen octets!";
	struct gcm *gcm;
	struct gcm_key *key;

	(void)state;
	assert_int_equal(gcm_new(&gcm), 0);
	key = gcm_key_new(gcm, octets);
	assert_memory_equal(key, octets, sizeof(octets));
	gcm_key_free(key);
	gcm_free(gcm);
}

/* --- sites --- */

static void op_random(void *ctx, uint8_t *buf, size_t len)
{
	rng_fill(&((struct site *)ctx)->seed, buf, len);
}

static void op_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	struct datagram *d = &wire[wire_count];

	if (wire_count == WIRE)
		return;
	assert_in_range(len, 1, DATAGRAM);
	*d = (struct datagram){ .from = ((struct site *)ctx)->node, .to = node, .n = len };
	memcpy(d->b, buf, len);
	old[old_count++ % OLD] = *d;
	wire_count++;
}

static void op_established(void *ctx, uint8_t node, const struct session_keys *k)
{
	data_keys_established(((struct site *)ctx)->keys, node, k, now);
	established++;
}

static void op_answered(void *ctx, uint8_t node, const struct session_keys *k)
{
	data_keys_answered(((struct site *)ctx)->keys, node, k, now);
}

static void op_confirmed(void *ctx, uint8_t node)
{
	data_keys_confirmed(((struct site *)ctx)->keys, node, now);
}

static void start(struct site *at)
{
	struct sa_opts o = { .node = at->node, .workers = WORKERS };
	struct session_peer peers[SITES];
	uint32_t n = 0;

	at->rcu = readers_new(1);
	assert_int_equal(dq_new(at->rcu, 4, &at->dq), 0); /* often full */
	assert_int_equal(sa_new(&o, at->dq, &at->sa), 0);
	for (uint8_t id = 1; id <= SITES; id++) {
		if (id == at->node)
			continue;
		peers[n] = (struct session_peer){ .node = id, .address = address(id) };
		memcpy(peers[n].key, site[id].public, sizeof(peers[n].key));
		assert_int_equal(sa_add_peer(at->sa, id, &peers[n++].address), 0);
	}
	assert_int_equal(data_keys_new(at->sa, &at->keys), 0);
	assert_int_equal(sessions_new(&(struct session_opts){ .node = at->node,
					      .secret = at->secret,
					      .peers = peers,
					      .peer_count = n,
					      .now_ms = now,
					      .ops = { at, op_random, op_send, op_established,
						      op_answered, NULL, op_confirmed } },
				 &at->s),
		0);
	lives++;
}

static void stop(struct site *at)
{
	sessions_free(at->s);
	data_keys_free(at->keys);
	sa_free(at->sa);
	dq_free(at->dq);
	free(at->rcu);
}

/* --- what happens --- */

static void deliver(const struct datagram *d)
{
	struct site *to = &site[d->to];
	struct ip6_addr from = address(d->from);
	uint8_t b[DATAGRAM], out[DATAGRAM], node;
	size_t len;

	if (now < to->frozen_until_ms)
		return;
	memcpy(b, d->b, d->n);
	(void)sessions_input(to->s, &from, b, d->n, now, &node, out, &len);
}

/* Any of what is under way; it may stay there and come once more, or be lost. */
static void arrive(void)
{
	unsigned i = wire_count == 0 ? 0 : (unsigned)rng_below(&seed, wire_count);
	struct datagram d = wire[i];

	if (wire_count == 0)
		return;
	if (rng_below(&seed, 8) != 0)
		wire[i] = wire[--wire_count];
	if (rng_below(&seed, 10) != 0)
		deliver(&d);
}

static void turn(struct site *at)
{
	if (now < at->frozen_until_ms)
		return;
	sessions_turn(at->s, now, WALL + now);
	data_keys_run(at->keys, now);
	if (rng_below(&seed, 3) == 0)
		return; /* a worker has not looked yet */
	rte_rcu_qsbr_quiescent(at->rcu, 0);
	dq_run(at->dq, 64);
}

static void any_step(void)
{
	struct site *at = &site[1 + rng_below(&seed, SITES)];
	uint64_t what = rng_below(&seed, 1000);

	now += rng_below(&seed, 40) == 0 ? rng_below(&seed, 20000) : rng_below(&seed, 200);
	if (what < 1) {
		stop(at);
		start(at);
	} else if (what < 2) {
		at->frozen_until_ms = now + rng_below(&seed, 2 * SESSION_REJECT_MS);
	} else if (what < 20 && old_count > 0) {
		deliver(&old[rng_below(&seed, old_count < OLD ? old_count : OLD)]);
	}
	for (unsigned i = 0; i < 4; i++)
		arrive();
	for (uint8_t id = 1; id <= SITES; id++) {
		turn(&site[id]);
		for (uint8_t to = 1; to <= SITES; to++)
			if (to != id && now >= site[id].frozen_until_ms)
				seal_one(&site[id], to);
	}
}

static void test_never_twice(void **state)
{
	(void)state;
	log_set_level(LOG_ERR);
	seed = rng_start("data_iv");
	used = calloc(USED, sizeof(*used));
	assert_non_null(used);
	now = 1000;
	for (uint8_t id = 1; id <= SITES; id++) {
		site[id].node = id;
		site[id].seed = rng_next(&seed);
		rng_fill(&seed, site[id].secret, sizeof(site[id].secret));
		assert_int_equal(session_public_key(site[id].secret, site[id].public), 0);
	}
	for (uint8_t id = 1; id <= SITES; id++)
		start(&site[id]);
	for (unsigned i = 0; i < STEPS; i++)
		any_step();
	/* it was no world in which nothing happens */
	print_message("%u packets, %u times new keys, %u lives\n", used_count, established, lives);
	assert_true(used_count > STEPS && established > 100 && lives > 20);
	for (uint8_t id = 1; id <= SITES; id++)
		stop(&site[id]);
	free(used);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_is_seen),
		cmocka_unit_test(test_never_twice),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
