/* SPDX-License-Identifier: BSD-3-Clause */
#include "attack.h"

#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "mem.h"
#include "net.h"
#include "site.h"
#include "sync/session_priv.h"
#include "world.h"

#define KEPT      64 /* datagrams that it remembers, the newest */
#define LONGEST   1400
#define EVERY_MS  25 /* it does something as often as this, on average */
#define FLOOD     120 /* copies in one moment: more than a site answers in a second */
#define FLOOD_ONE 60 /* of so many things it does one is a flood */
#define ANSWERED  200 /* of a thousand beginnings it answers in the peer's place, ... */
#define REPEATED  300 /* ... and repeats when they are about to be answered, or were */

struct kept {
	enum net_kind kind;
	uint8_t from, to;
	size_t len;
	uint8_t buf[LONGEST];
};

/* Of the world at hand. */
static struct kept kept[KEPT], first[KEPT]; /* any; beginnings of handshakes, which are longer */
static unsigned count, firsts;

static void send(struct world *w, const struct kept *k);

/* --- handshakes that it makes up --- */

/* Public keys are public: what shows only that a site's own is known can be made by anybody. */
static void seal_for(struct world *w, uint8_t to, uint8_t *msg, size_t len)
{
	uint8_t key[NOISE_KEY_LEN], mac_key[2 * MAC_LEN], cookie_key[NOISE_KEY_LEN];
	uint8_t *mac1 = msg + len - 2 * MAC_LEN;

	agent_public_key(w, to, key);
	handshake_derive(key, mac_key, cookie_key);
	crypto_generichash_blake2b(mac1, MAC_LEN, msg, len - 2 * MAC_LEN, mac_key, sizeof(mac_key));
	memset(mac1 + MAC_LEN, 0, MAC_LEN);
}

/* An ephemeral key that yields no secret with any other, or one that is as good as any; what is
 * sealed behind it is not. */
static void make_noise(uint64_t *rng, uint8_t *noise, size_t len)
{
	bool is_low = rng_chance(rng, 500);

	for (size_t i = 0; i < len; i++)
		noise[i] = is_low && i < NOISE_KEY_LEN ? 0 : (uint8_t)rng_next(rng);
}

static void begin_falsely(struct world *w)
{
	uint64_t *rng = &w->rng_odd;
	struct kept k = { .kind = NET_SYNC, .len = sizeof(struct wire_init) };
	struct wire_init m = { .type = MSG_INIT, .version = SESSION_VERSION };

	k.from = (uint8_t)rng_between(rng, 1, w->shape.sites);
	k.to = (uint8_t)rng_between(rng, 1, w->shape.sites);
	m.node = k.from;
	put32(m.sender, (uint32_t)rng_next(rng) << 8 | k.to);
	make_noise(rng, m.noise, sizeof(m.noise));
	seal_for(w, k.to, (uint8_t *)&m, sizeof(m));
	memcpy(k.buf, &m, sizeof(m));
	send(w, &k);
}

/* It has seen a handshake begin, and is nearer than the peer. */
static void answer_falsely(struct world *w, void *ctx, uint64_t arg)
{
	const struct kept *begun = ctx;
	const struct wire_init *to = (const struct wire_init *)begun->buf;
	struct kept k = { .kind = NET_SYNC,
		.from = begun->to,
		.to = begun->from,
		.len = sizeof(struct wire_response) };
	struct wire_response m = {
		.type = MSG_RESPONSE, .version = SESSION_VERSION, .node = begun->to
	};

	(void)arg;
	put32(m.sender, (uint32_t)rng_next(&w->rng_odd) << 8 | begun->from);
	memcpy(m.receiver, to->sender, sizeof(m.receiver));
	make_noise(&w->rng_odd, m.noise, sizeof(m.noise));
	seal_for(w, k.to, (uint8_t *)&m, sizeof(m));
	memcpy(k.buf, &m, sizeof(m));
	world_tell(w, "somebody answers site %u in the place of site %u", k.to, k.from);
	send(w, &k);
}

static void repeat(struct world *w, void *ctx, uint64_t arg)
{
	(void)arg;
	send(w, ctx);
}

static void later(struct world *w, uint64_t after_us, world_fn fn, const struct kept *k)
{
	struct kept *copy = mem_own(sizeof(*copy));

	*copy = *k;
	world_post(w, w->now_us + after_us, fn, copy, 0);
}

static void sees_beginning(struct world *w, const struct kept *k)
{
	if (rng_chance(&w->rng_odd, ANSWERED))
		later(w, 1, answer_falsely, k);
	if (rng_chance(&w->rng_odd, REPEATED))
		later(w, rng_below(&w->rng_odd, 4 * (uint64_t)w->shape.delay_us) + 1, repeat, k);
}

/* --- what it has seen --- */

void attack_sees(struct world *w, enum net_kind kind, uint8_t from, uint8_t to, const uint8_t *buf,
	size_t len)
{
	struct kept *k = &kept[count % KEPT];

	if (!w->shape.is_attacked || len == 0 || len > LONGEST || kind == NET_DATA)
		return;
	if (kind == NET_SYNC && buf[0] == MSG_INIT)
		k = &first[firsts++ % KEPT];
	else if (rng_chance(&w->rng_odd, 200))
		count++;
	else
		return;
	*k = (struct kept){ .kind = kind, .from = from, .to = to, .len = len };
	memcpy(k->buf, buf, len);
	if (k->kind == NET_SYNC && buf[0] == MSG_INIT && len == sizeof(struct wire_init))
		sees_beginning(w, k);
}

static const struct kept *some(uint64_t *rng)
{
	if (firsts > 0 && rng_chance(rng, 300))
		return &first[rng_below(rng, firsts < KEPT ? firsts : KEPT)];
	return count == 0 ? NULL : &kept[rng_below(rng, count < KEPT ? count : KEPT)];
}

/* What it cannot open it can change, cut short, or send elsewhere. */
static void spoil(struct world *w, struct kept *k)
{
	uint64_t *rng = &w->rng_odd;

	switch (rng_below(rng, 6)) {
	case 0: /* as it is */
		break;
	case 1: /* the head: type, version, numbers in clear */
		k->buf[rng_below(rng, k->len < 16 ? k->len : 16)] = (uint8_t)rng_below(rng, 8);
		break;
	case 2:
		k->buf[rng_below(rng, k->len)] ^= (uint8_t)rng_between(rng, 1, 255);
		break;
	case 3:
		k->len = rng_below(rng, k->len) + 1;
		break;
	case 4: /* back to who sent it, or to a third, from whomever */
		k->to = (uint8_t)rng_between(rng, 1, w->shape.sites);
		k->from = (uint8_t)rng_between(rng, 1, w->shape.sites);
		break;
	default: /* nothing was ever like it */
		for (size_t i = 0; i < k->len; i++)
			k->buf[i] = (uint8_t)rng_next(rng);
		k->buf[0] = (uint8_t)rng_below(rng, 6);
	}
}

static void send(struct world *w, const struct kept *k)
{
	const struct net_path *p = net_path(w, k->from, k->to);

	/* it carries nothing over a cut */
	if (k->from == k->to || p->cuts + p->partitions > 0)
		return;
	w->stats.attacks++;
	if (site_is_up(w->site[k->to]))
		site_datagram(w->site[k->to], k->kind, k->from, k->buf, k->len);
}

/* Beginnings that are right but for what only the peer knows: a site has to look at each. */
static void flood(struct world *w)
{
	uint64_t *rng = &w->rng_odd;
	struct kept k;

	if (firsts == 0)
		return;
	k = first[rng_below(rng, firsts < KEPT ? firsts : KEPT)];
	world_tell(w, "site %u is flooded with handshakes from site %u's address", k.to, k.from);
	for (unsigned i = 0; i < FLOOD; i++)
		send(w, &k);
}

static void strike(struct world *w, void *ctx, uint64_t arg)
{
	uint64_t *rng = &w->rng_odd;
	const struct kept *k = some(rng);
	struct kept copy;

	(void)ctx;
	(void)arg;
	if (w->now_us >= w->end_us)
		return;
	world_at(w, w->now_us + rng_between(rng, 1, 2 * EVERY_MS * MS), strike, NULL, 0);
	if (k == NULL)
		return;
	copy = *k;
	spoil(w, &copy);
	if (rng_below(rng, FLOOD_ONE) == 0)
		flood(w);
	else if (rng_chance(rng, 100))
		begin_falsely(w);
	else
		send(w, &copy);
}

void attack_begin(struct world *w)
{
	count = firsts = 0;
	if (w->shape.is_attacked)
		world_at(w, S, strike, NULL, 0);
}
