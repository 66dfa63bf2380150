/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real sessions (sync/session.h) of a site in a sealed world: what the network loses, copies,
 * holds back and changes are then sealed datagrams. Randomness is the seed's. The clock that keys
 * grow old by can be set forward (site.keys_age_ms): worlds are too short for a renewal, so now and
 * then all keys of a site are old at once, at another moment than its peers'.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "agent_priv.h"
#include "mem.h"
#include "sync/session_priv.h"

#define NUMBERS (1ULL << 60) /* that one key may seal with */
#define WORN    20

static uint64_t session_now(const struct agent *a)
{
	return agent_now(a) + a->site->keys_age_ms;
}

/* A site's static key lasts: the same in each of its lives. */
static void secret_of(const struct world *w, uint8_t node, uint8_t out[NOISE_KEY_LEN])
{
	const uint64_t who[2] = { w->seed, node };

	crypto_generichash(out, NOISE_KEY_LEN, (const uint8_t *)who, sizeof(who), NULL, 0);
}

void agent_public_key(const struct world *w, uint8_t node, uint8_t out[NOISE_KEY_LEN])
{
	uint8_t secret[NOISE_KEY_LEN];

	secret_of(w, node, secret);
	if (session_public_key(secret, out) < 0)
		abort();
}

static void on_random(void *ctx, uint8_t *buf, size_t len)
{
	struct agent *a = ctx;

	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)rng_next(&a->w->rng_seal);
}

static void on_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	struct agent *a = ctx;

	net_send(a->w, NET_SYNC, a->node, node, buf, len);
}

static void on_established(void *ctx, uint8_t node, const struct session_keys *keys)
{
	struct agent *a = ctx;

	a->w->stats.sessions++;
	world_tell(a->w, "site %u has a session with site %u%s", a->node, node,
		keys->initiator ? ", which it began" : "");
	hello_keys(a->hello, node, keys, agent_now(a));
}

static void on_answered(void *ctx, uint8_t node, const struct session_keys *keys)
{
	(void)ctx;
	(void)node;
	(void)keys;
}

static void on_secrets(void *ctx, uint8_t node, const struct session_secrets *secrets)
{
	(void)ctx;
	(void)node;
	(void)secrets;
}

static void on_confirmed(void *ctx, uint8_t node)
{
	struct agent *a = ctx;

	world_tell(a->w, "site %u: site %u has the new keys", a->node, node);
}

int agent_session_start(struct agent *a)
{
	struct session_peer peers[SHAPE_SITES];
	uint8_t secret[NOISE_KEY_LEN];
	/* some want to know everything, some nothing */
	bool is_curious = a->node % 2 == 0;
	struct session_opts o = {
		.node = a->node,
		.secret = secret,
		.peers = peers,
		.now_ms = session_now(a),
		.ops = { .ctx = a,
			.random = on_random,
			.send = on_send,
			.established = on_established,
			.answered = is_curious ? on_answered : NULL,
			.secrets = is_curious ? on_secrets : NULL,
			.confirmed = is_curious ? on_confirmed : NULL },
	};

	secret_of(a->w, a->node, secret);
	for (uint8_t n = 1; n <= a->w->shape.sites; n++) {
		struct session_peer *p = &peers[o.peer_count];

		if (!agent_is_peer(a, n))
			continue;
		*p = (struct session_peer){ .node = n, .address = agent_site_address(n) };
		agent_public_key(a->w, n, p->key);
		o.peer_count++;
	}
	return sessions_new(&o, &a->sessions);
}

/* Numbers only go up, so none seals twice. At half of those that a key may seal with, it is renewed;
 * at the last one it seals nothing any more. */
void agent_session_wear(struct site *s, bool is_out)
{
	struct agent *a = agent_of(s);
	uint64_t near = (is_out ? NUMBERS : NUMBERS / 2) - rng_below(&a->w->rng_seal, WORN);

	for (uint32_t i = 0; a->sessions != NULL && i < a->sessions->peer_count; i++) {
		struct keys *k = &a->sessions->peers[i].now;

		if (k->valid && k->counter < near)
			k->counter = near;
	}
}

void agent_session_turn(struct agent *a)
{
	if (sessions_turn(a->sessions, session_now(a), agent_wall(a)))
		site_wake(a->site);
}

void agent_session_send(struct agent *a, uint8_t node, const uint8_t *buf, size_t len)
{
	uint8_t out[ENGINE_DATAGRAM + SESSION_OVERHEAD];

	if (sessions_seal(a->sessions, node, buf, len, session_now(a), out) == 0)
		net_send(a->w, NET_SYNC, a->node, node, out, len + SESSION_OVERHEAD);
}

void agent_session_input(struct agent *a, uint8_t from, const uint8_t *buf, size_t len)
{
	struct ip6_addr address = agent_site_address(from);
	uint8_t plain[ENGINE_DATAGRAM + SESSION_OVERHEAD], node;
	enum session_verdict v;
	size_t n;

	v = sessions_input(a->sessions, &address, buf, len, session_now(a), &node, plain, &n);
	if (v == SESSION_DATA) {
		if (node != from)
			world_fail(a->w, "site %u takes what site %u sent for site %u's", a->node,
				from, node);
		agent_opened(a, node, plain, n);
	} else if (v != SESSION_HANDLED) {
		a->w->stats.sealed_refused++;
		world_tell(a->w, "site %u refuses a datagram from site %u's address: %s", a->node,
			from, session_verdict_name(v));
	}
}
