/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/session_priv.h"

#include <string.h>

#include "common/plant.h"

#define COOKIE_SECRET_MS 120000 /* so long a cookie is good, at most */
#define JITTER_MS        333

static const char mac_label[] = "hamd mesh mac1", cookie_label[] = "hamd mesh cookie";

static void derive(uint8_t *out, size_t len, const char *label, const uint8_t *public)
{
	crypto_generichash_blake2b_state st;

	crypto_generichash_blake2b_init(&st, NULL, 0, len);
	crypto_generichash_blake2b_update(&st, (const uint8_t *)label, strlen(label));
	crypto_generichash_blake2b_update(&st, public, NOISE_KEY_LEN);
	crypto_generichash_blake2b_final(&st, out, len);
}

void handshake_derive(const uint8_t public[NOISE_KEY_LEN], uint8_t mac_key[MAC_LEN * 2],
	uint8_t cookie_key[NOISE_KEY_LEN])
{
	derive(mac_key, MAC_LEN * 2, mac_label, public);
	derive(cookie_key, NOISE_KEY_LEN, cookie_label, public);
}

static void mac(
	uint8_t out[MAC_LEN], const uint8_t *key, size_t key_len, const void *msg, size_t len)
{
	crypto_generichash_blake2b(out, MAC_LEN, msg, len, key, key_len);
}

/* Both handshake messages end with mac1 and mac2; the cookie is one that the peer gave us. */
static void seal_macs(struct peer *p, uint8_t *msg, size_t len, uint64_t now_ms)
{
	uint8_t *mac1 = msg + len - 2 * MAC_LEN, *mac2 = msg + len - MAC_LEN;

	mac(mac1, p->mac_key, sizeof(p->mac_key), msg, len - 2 * MAC_LEN);
	memset(mac2, 0, MAC_LEN);
	if (p->cookie_ms != 0 && now_ms - p->cookie_ms < COOKIE_SECRET_MS)
		mac(mac2, p->cookie, sizeof(p->cookie), msg, len - MAC_LEN);
	memcpy(p->sent_mac1, mac1, MAC_LEN);
}

static bool is_mac1_right(const struct sessions *s, const uint8_t *msg, size_t len)
{
	uint8_t want[MAC_LEN];

	mac(want, s->mac_key, sizeof(s->mac_key), msg, len - 2 * MAC_LEN);
	return sodium_memcmp(want, msg + len - 2 * MAC_LEN, MAC_LEN) == 0;
}

static void cookie_of(
	struct sessions *s, const struct peer *p, uint64_t now_ms, uint8_t out[COOKIE_LEN])
{
	if (s->cookie_secret_ms == 0 || now_ms - s->cookie_secret_ms >= COOKIE_SECRET_MS) {
		s->ops.random(s->ops.ctx, s->cookie_secret, sizeof(s->cookie_secret));
		s->cookie_secret_ms = now_ms | 1;
	}
	crypto_generichash_blake2b(out, COOKIE_LEN, p->address.b, sizeof(p->address.b),
		s->cookie_secret, sizeof(s->cookie_secret));
}

static bool is_mac2_right(
	struct sessions *s, const struct peer *p, const uint8_t *msg, size_t len, uint64_t now_ms)
{
	uint8_t cookie[COOKIE_LEN], want[MAC_LEN];

	cookie_of(s, p, now_ms, cookie);
	mac(want, cookie, sizeof(cookie), msg, len - MAC_LEN);
	return sodium_memcmp(want, msg + len - MAC_LEN, MAC_LEN) == 0;
}

static void send_cookie(
	struct sessions *s, struct peer *p, const struct wire_init *m, uint64_t now_ms)
{
	struct wire_cookie c = { .type = MSG_COOKIE, .version = SESSION_VERSION };
	uint8_t cookie[COOKIE_LEN];

	cookie_of(s, p, now_ms, cookie);
	memcpy(c.receiver, m->sender, sizeof(c.receiver));
	s->ops.random(s->ops.ctx, c.nonce, sizeof(c.nonce));
	crypto_aead_xchacha20poly1305_ietf_encrypt(c.sealed, NULL, cookie, sizeof(cookie), m->mac1,
		sizeof(m->mac1), NULL, c.nonce, s->cookie_key);
	s->ops.send(s->ops.ctx, p->node, (const uint8_t *)&c, sizeof(c));
}

/* Before anything costly: at most so many a second, then only from who has a cookie, which shows
 * that it receives what is sent to the address it speaks from. */
static bool admit(struct sessions *s, struct peer *p, const struct wire_init *m, uint64_t now_ms)
{
	if (bucket_take(&s->handshakes, now_ms))
		return true;
	if (is_mac2_right(s, p, (const uint8_t *)m, sizeof(*m), now_ms))
		return bucket_take(&s->with_cookie, now_ms);
	if (bucket_take(&s->cookies, now_ms))
		send_cookie(s, p, m, now_ms);
	return false;
}

#define PROLOGUE_LEN 12

static void prologue(uint8_t out[PROLOGUE_LEN], uint8_t initiator, uint8_t responder)
{
	memcpy(out, "hamd mesh", 9);
	out[9] = SESSION_VERSION;
	out[10] = initiator;
	out[11] = responder;
}

/* The low octet names the peer, so that no table of numbers is needed. */
static uint32_t new_index(struct sessions *s, const struct peer *p)
{
	uint8_t r[4];
	uint32_t index;

	do {
		s->ops.random(s->ops.ctx, r, sizeof(r));
		index = get32(r) << 8 | p->node;
	} while (index == p->now.local || index == p->before.local || index == p->next.local ||
		 (p->pending && index == p->local));
	return index;
}

static void make_keys(
	struct keys *k, const struct noise *n, uint32_t local, uint32_t remote, uint64_t now_ms)
{
	*k = (struct keys){ .valid = true,
		.initiator = n->initiator,
		.local = local,
		.remote = remote,
		.made_ms = now_ms };
	noise_split(n, k->tx, k->rx);
	noise_export(n, "hello", k->hello);
	noise_export(n, "data", k->data);
}

static void tell_secrets(const struct sessions *s, const struct peer *p, const struct keys *k)
{
	struct session_secrets t = {
		.local = k->local, .remote = k->remote, .rx = k->rx, .tx = k->tx
	};

	if (s->ops.secrets == NULL)
		return;
	t.keys.initiator = k->initiator;
	memcpy(t.keys.hello, k->hello, sizeof(t.keys.hello));
	memcpy(t.keys.data, k->data, sizeof(t.keys.data));
	s->ops.secrets(s->ops.ctx, p->node, &t);
	sodium_memzero(&t, sizeof(t));
}

/* --- we begin --- */

/* Above all that we ever sent, also before a restart as long as the clock was not set back. */
static uint64_t next_stamp(struct sessions *s)
{
	uint64_t now = s->wall_ms << 16;

	s->stamp = now > s->stamp ? now : s->stamp + 1;
	return s->stamp;
}

static uint64_t retry_ms(struct sessions *s, struct peer *p)
{
	uint64_t wait = (uint64_t)SESSION_RETRY_MIN_MS << (p->tries < 8 ? p->tries : 8);
	uint8_t r[4];

	s->ops.random(s->ops.ctx, r, sizeof(r));
	return (wait < SESSION_RETRY_MAX_MS ? wait : SESSION_RETRY_MAX_MS) + get32(r) % JITTER_MS;
}

void handshake_begin(struct sessions *s, struct peer *p, uint64_t now_ms)
{
	struct wire_init m = { .type = MSG_INIT, .version = SESSION_VERSION, .node = s->node };
	uint8_t words[PROLOGUE_LEN], ephemeral[NOISE_KEY_LEN], stamp[STAMP_LEN];
	int ret;

	noise_wipe(&p->noise);
	prologue(words, s->node, p->node);
	p->local = new_index(s, p);
	p->pending = true;
	p->instead_ms = 0;
	p->begun_ms = now_ms;
	p->due_ms = now_ms + retry_ms(s, p);
	p->tries++;
	put32(m.sender, p->local);
	put64(stamp, next_stamp(s));
	s->ops.random(s->ops.ctx, ephemeral, sizeof(ephemeral));
	ret = noise_start(&p->noise, true, s->secret, p->key, words, sizeof(words));
	if (ret == 0)
		ret = noise_write(&p->noise, ephemeral, stamp, sizeof(stamp), m.noise);
	sodium_memzero(ephemeral, sizeof(ephemeral));
	if (ret < 0) {
		p->pending = false; /* a public key of low order: sessions_new() let none in */
		return;
	}
	seal_macs(p, (uint8_t *)&m, sizeof(m), now_ms);
	s->ops.send(s->ops.ctx, p->node, (const uint8_t *)&m, sizeof(m));
}

enum session_verdict handshake_response(
	struct sessions *s, struct peer *p, const struct wire_response *m, uint64_t now_ms)
{
	uint8_t nothing[1];
	struct keys k;

	if (!is_mac1_right(s, (const uint8_t *)m, sizeof(*m)))
		return SESSION_MAC;
	if (!p->pending || get32(m->receiver) != p->local)
		return SESSION_UNASKED;
	if (noise_read(&p->noise, m->noise, sizeof(m->noise), nothing) < 0)
		return SESSION_HANDSHAKE;
	make_keys(&k, &p->noise, p->local, get32(m->sender), now_ms);
	tell_secrets(s, p, &k);
	noise_wipe(&p->noise);
	p->pending = false;
	p->tries = 0;
	session_use(s, p, &k, now_ms);
	sodium_memzero(&k, sizeof(k));
	return SESSION_HANDLED;
}

enum session_verdict handshake_cookie(
	struct sessions *s, struct peer *p, const struct wire_cookie *m, uint64_t now_ms)
{
	uint8_t cookie[COOKIE_LEN];

	(void)s;
	if (!p->pending || get32(m->receiver) != p->local)
		return SESSION_UNASKED;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(cookie, NULL, NULL, m->sealed,
		    sizeof(m->sealed), p->sent_mac1, sizeof(p->sent_mac1), m->nonce,
		    p->cookie_key) != 0)
		return SESSION_FORGED;
	memcpy(p->cookie, cookie, sizeof(p->cookie));
	p->cookie_ms = now_ms | 1;
	return SESSION_HANDLED; /* it goes with the next try */
}

/* --- the other begins --- */

static bool ours_goes_first(const struct sessions *s, const struct peer *p, uint64_t now_ms)
{
	return p->pending && s->node < p->node && now_ms - p->begun_ms < SESSION_RETRY_MIN_MS;
}

/*
 * A peer that was restarted with its clock set back can't begin, nor can one that has to get through a
 * flood of handshakes, and to us its old keys are good: we begin in its place, once its own try does
 * not go first any more. It may be nobody's try. So only where nothing came of the peer for a while:
 * each time ends in keys, which is hearing of it, or is one that is under way. Replays and floods then
 * make us begin once in three seconds at most.
 *
 * An old handshake was made by the peer once; one that was not looked at may be anybody's. Only the
 * former puts off our next one.
 */
static void begin_instead(
	const struct sessions *s, struct peer *p, enum session_verdict why, uint64_t now_ms)
{
	bool goes_first = p->node < s->node;

	/* ours crossed its try before, or was lost: the next one in step with it; a replay puts that
	 * off only so far */
	if (p->pending && goes_first && why == SESSION_OLD) {
		uint64_t latest =
			p->begun_ms + SESSION_RETRY_MAX_MS + JITTER_MS + SESSION_RETRY_MIN_MS;

		p->due_ms = now_ms + SESSION_RETRY_MIN_MS;
		if (p->due_ms > latest)
			p->due_ms = latest;
	}
	if (p->pending || p->instead_ms != 0 || now_ms - p->lives_ms < SESSION_QUIET_MS)
		return;
	p->instead_ms = now_ms + (goes_first ? SESSION_RETRY_MIN_MS : 0);
}

static void respond(
	struct sessions *s, struct peer *p, struct noise *n, uint32_t remote, uint64_t now_ms)
{
	struct wire_response r = {
		.type = MSG_RESPONSE, .version = SESSION_VERSION, .node = s->node
	};
	uint8_t ephemeral[NOISE_KEY_LEN], nothing[1] = { 0 };
	uint32_t local = new_index(s, p);
	int ret;

	s->ops.random(s->ops.ctx, ephemeral, sizeof(ephemeral));
	ret = noise_write(n, ephemeral, nothing, 0, r.noise);
	sodium_memzero(ephemeral, sizeof(ephemeral));
	if (ret < 0)
		return; /* an ephemeral key that yields no secret: its sender's loss */
	make_keys(&p->next, n, local, remote, now_ms);
	tell_secrets(s, p, &p->next);
	session_answered(s, p); /* before the other side can use them */
	put32(r.sender, local);
	put32(r.receiver, remote);
	seal_macs(p, (uint8_t *)&r, sizeof(r), now_ms);
	s->ops.send(s->ops.ctx, p->node, (const uint8_t *)&r, sizeof(r));
	if (planted(PLANT_KEYS_AT_ONCE)) {
		session_use(s, p, &p->next, now_ms);
		p->next.valid = false;
	}
}

enum session_verdict handshake_init(
	struct sessions *s, struct peer *p, const struct wire_init *m, uint64_t now_ms)
{
	uint8_t words[PROLOGUE_LEN], stamp[STAMP_LEN];
	enum session_verdict v = SESSION_HANDLED;
	struct noise n;

	if (!is_mac1_right(s, (const uint8_t *)m, sizeof(*m)))
		return SESSION_MAC;
	if (!admit(s, p, m, now_ms)) {
		begin_instead(s, p, SESSION_FLOOD, now_ms);
		return SESSION_FLOOD;
	}
	prologue(words, p->node, s->node);
	if (noise_start(&n, false, s->secret, p->key, words, sizeof(words)) < 0)
		return SESSION_HANDSHAKE;
	if (noise_read(&n, m->noise, sizeof(m->noise), stamp) < 0)
		v = SESSION_HANDSHAKE;
	else if (get64(stamp) <= p->stamp && !planted(PLANT_STAMP_IGNORED))
		v = SESSION_OLD;
	else
		p->stamp = get64(stamp);
	if (v == SESSION_OLD)
		begin_instead(s, p, v, now_ms);
	if (v == SESSION_HANDLED && ours_goes_first(s, p, now_ms))
		v = SESSION_CROSSED;
	if (v == SESSION_HANDLED) {
		p->pending = false;
		respond(s, p, &n, get32(m->sender), now_ms);
	}
	noise_wipe(&n);
	return v;
}
