/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/session.h"

#include <errno.h>
#include <string.h>

#include "common/plant.h"
#include "common/util.h"
#include "sync/session_priv.h"

#define MESSAGES_MAX     (1ULL << 60) /* under one key */
#define RESPONDER_LAG_MS 15000 /* who answered gives the one who began so much time to renew */

const char *session_verdict_name(enum session_verdict v)
{
	static const char *const names[] = {
#define X(id, name, help) [SESSION_##id] = name,
		SESSION_LIST(X)
#undef X
	};

	static_assert(DIM(names) == SESSION_VERDICT_COUNT, "one name each");
	return names[v];
}

int session_public_key(
	const uint8_t secret[static NOISE_KEY_LEN], uint8_t out[static NOISE_KEY_LEN])
{
	return crypto_scalarmult_base(out, secret) == 0 ? 0 : -EINVAL;
}

struct peer *session_peer_of(struct sessions *s, uint8_t node)
{
	return s->index[node] == 0 ? NULL : &s->peers[s->index[node] - 1];
}

/* A key with which no secret comes about is nobody's. */
static bool is_usable(const struct sessions *s, const struct session_peer *sp)
{
	uint8_t shared[NOISE_KEY_LEN];
	bool ok = crypto_scalarmult(shared, s->secret, sp->key) == 0;

	sodium_memzero(shared, sizeof(shared));
	return ok;
}

static int add_peer(struct sessions *s, const struct session_peer *sp, const uint8_t *own)
{
	struct peer *p = &s->peers[s->peer_count];

	if (sp->node == 0 || sp->node == s->node || s->index[sp->node] != 0 || !is_usable(s, sp) ||
		memcmp(sp->key, own, NOISE_KEY_LEN) == 0)
		return -EINVAL;
	for (uint32_t i = 0; i < s->peer_count; i++)
		if (memcmp(s->peers[i].key, sp->key, NOISE_KEY_LEN) == 0)
			return -EINVAL;
	p->node = sp->node;
	p->address = sp->address;
	memcpy(p->key, sp->key, NOISE_KEY_LEN);
	handshake_derive(p->key, p->mac_key, p->cookie_key);
	s->index[sp->node] = (uint8_t)++s->peer_count;
	return 0;
}

int sessions_new(const struct session_opts *opts, struct sessions **out)
{
	uint8_t own[NOISE_KEY_LEN];
	struct sessions *s;
	size_t size;
	int ret;

	if (opts->node == 0 || opts->peer_count >= SESSION_NODES)
		return -EINVAL;
	size = sizeof(*s) + opts->peer_count * sizeof(s->peers[0]);
	size = (size + 63) & ~(size_t)63; /* libsodium aligns the end */
	s = sodium_malloc(size);
	if (s == NULL)
		return -ENOMEM;
	memset(s, 0, size);
	s->node = opts->node;
	s->ops = opts->ops;
	memcpy(s->secret, opts->secret, NOISE_KEY_LEN);
	ret = session_public_key(s->secret, own);
	for (uint32_t i = 0; ret == 0 && i < opts->peer_count; i++)
		ret = add_peer(s, &opts->peers[i], own);
	if (ret < 0) {
		sodium_free(s);
		return ret;
	}
	handshake_derive(own, s->mac_key, s->cookie_key);
	bucket_init(&s->handshakes, SESSION_HANDSHAKES_S, SESSION_HANDSHAKES_S, opts->now_ms);
	bucket_init(&s->with_cookie, SESSION_HANDSHAKES_S, SESSION_HANDSHAKES_S, opts->now_ms);
	bucket_init(&s->cookies, SESSION_HANDSHAKES_S, SESSION_HANDSHAKES_S, opts->now_ms);
	*out = s;
	return 0;
}

void sessions_free(struct sessions *s)
{
	sodium_free(s); /* wipes */
}

/* --- keys --- */

static bool is_good(const struct keys *k, uint64_t now_ms)
{
	return k->valid && now_ms - k->made_ms < SESSION_REJECT_MS;
}

static int seal(struct keys *k, const uint8_t *plain, size_t len, uint8_t *out)
{
	struct wire_data h = { .type = MSG_DATA, .version = SESSION_VERSION };
	uint8_t nonce[12] = { 0 };

	if (k->counter >= MESSAGES_MAX)
		return -ENOTCONN;
	put32(h.receiver, k->remote);
	put64(h.counter, k->counter++);
	memcpy(nonce + 4, h.counter, sizeof(h.counter));
	memcpy(out, &h, sizeof(h));
	crypto_aead_chacha20poly1305_ietf_encrypt(out + sizeof(h), NULL, plain, len,
		(const uint8_t *)&h, sizeof(h), NULL, nonce, k->tx);
	return 0;
}

/* Tells somebody of keys. */
static void tell(struct sessions *s, uint8_t node, const struct keys *k,
	void (*fn)(void *ctx, uint8_t node, const struct session_keys *keys))
{
	struct session_keys sk = { .initiator = k->initiator };

	memcpy(sk.hello, k->hello, sizeof(sk.hello));
	memcpy(sk.data, k->data, sizeof(sk.data));
	if (planted(PLANT_HELLO_KEY)) {
		memcpy(sk.hello + (k->initiator ? 0 : NOISE_KEY_LEN), k->tx, NOISE_KEY_LEN);
		memcpy(sk.hello + (k->initiator ? NOISE_KEY_LEN : 0), k->rx, NOISE_KEY_LEN);
	}
	fn(s->ops.ctx, node, &sk);
	sodium_memzero(&sk, sizeof(sk));
}

void session_answered(struct sessions *s, const struct peer *p)
{
	if (s->ops.answered != NULL)
		tell(s, p->node, &p->next, s->ops.answered);
}

static void send_empty(struct sessions *s, struct peer *p)
{
	uint8_t empty[SESSION_OVERHEAD], nothing[1] = { 0 };

	if (seal(&p->now, nothing, 0, empty) == 0)
		s->ops.send(s->ops.ctx, p->node, empty, sizeof(empty));
}

/* The other side waits for a message under the new keys before it uses them. */
static void confirm(struct sessions *s, struct peer *p, uint64_t now_ms)
{
	p->confirm_ms = now_ms + ((uint64_t)SESSION_CONFIRM_MS << p->confirms);
	p->confirms++;
	send_empty(s, p);
}

static void confirm_again(struct sessions *s, struct peer *p, uint64_t now_ms)
{
	if (p->unconfirmed && p->now.initiator && p->confirms < SESSION_CONFIRMS &&
		now_ms >= p->confirm_ms && is_good(&p->now, now_ms))
		confirm(s, p, now_ms);
}

/* Something came under the keys in use. */
static void confirmed(struct sessions *s, struct peer *p)
{
	if (!p->unconfirmed)
		return;
	p->unconfirmed = false;
	if (s->ops.confirmed != NULL)
		s->ops.confirmed(s->ops.ctx, p->node);
}

/* Nothing is to be begun in its place. */
static void has_keys(struct peer *p, uint64_t now_ms)
{
	if (now_ms > p->lives_ms)
		p->lives_ms = now_ms;
	p->instead_ms = 0;
}

void session_use(struct sessions *s, struct peer *p, const struct keys *k, uint64_t now_ms)
{
	p->before = p->now;
	p->now = *k;
	p->unconfirmed = true;
	p->confirms = 0;
	p->info.handshakes++;
	p->info.heard_ms = now_ms;
	has_keys(p, now_ms);
	tell(s, p->node, k, s->ops.established);
	if (k->initiator)
		confirm(s, p, now_ms);
}

int sessions_seal(struct sessions *s, uint8_t node, const uint8_t *plain, size_t len,
	uint64_t now_ms, uint8_t *out)
{
	struct peer *p = session_peer_of(s, node);

	if (p == NULL)
		return -EINVAL;
	return is_good(&p->now, now_ms) ? seal(&p->now, plain, len, out) : -ENOTCONN;
}

/* --- input --- */

static struct keys *keys_of(struct peer *p, uint32_t local)
{
	struct keys *all[] = { &p->now, &p->before, &p->next };

	for (unsigned i = 0; i < DIM(all); i++)
		if (all[i]->valid && all[i]->local == local)
			return all[i];
	return NULL;
}

static enum session_verdict input_data(struct sessions *s, struct peer *p, const uint8_t *buf,
	size_t n, uint64_t now_ms, uint8_t *out, size_t *len)
{
	const struct wire_data *h = (const struct wire_data *)buf;
	struct keys *k = keys_of(p, get32(h->receiver));
	uint64_t counter = get64(h->counter);
	uint8_t nonce[12] = { 0 };
	unsigned long long plain;

	if (k == NULL)
		return SESSION_NO_KEYS;
	if (!is_good(k, now_ms))
		return SESSION_EXPIRED;
	if (!window_is_new(&k->window, counter) && !planted(PLANT_WINDOW_IGNORED))
		return SESSION_REPLAYED;
	memcpy(nonce + 4, h->counter, sizeof(h->counter));
	if (crypto_aead_chacha20poly1305_ietf_decrypt(out, &plain, NULL, buf + sizeof(*h),
		    n - sizeof(*h), buf, sizeof(*h), nonce, k->rx) != 0)
		return SESSION_FORGED;
	window_take(&k->window, counter);
	if (k == &p->next) {
		struct keys next = *k;

		sodium_memzero(k, sizeof(*k));
		session_use(s, p, &next, now_ms);
		sodium_memzero(&next, sizeof(next));
		k = &p->now;
	}
	if (k == &p->now)
		confirmed(s, p);
	/* Who began asks for an answer by saying nothing; it does not answer itself: this ends. */
	if (k == &p->now && plain == 0 && !k->initiator)
		send_empty(s, p);
	p->info.heard_ms = now_ms;
	has_keys(p, now_ms);
	*len = plain;
	return plain == 0 ? SESSION_HANDLED : SESSION_DATA;
}

/* Whose the datagram is, by what it says in clear. */
static struct peer *sender_of(struct sessions *s, const uint8_t *buf, const struct ip6_addr *from)
{
	bool by_node = buf[0] == MSG_INIT || buf[0] == MSG_RESPONSE;
	struct peer *p = session_peer_of(s, by_node ? buf[2] : buf[7]); /* the index's low octet */

	return p != NULL && ip6_eq(&p->address, from) ? p : NULL;
}

static bool is_size_right(const uint8_t *buf, size_t n)
{
	switch (buf[0]) {
	case MSG_INIT:
		return n == sizeof(struct wire_init);
	case MSG_RESPONSE:
		return n == sizeof(struct wire_response);
	case MSG_COOKIE:
		return n == sizeof(struct wire_cookie);
	default:
		return buf[0] == MSG_DATA && n >= SESSION_OVERHEAD;
	}
}

enum session_verdict sessions_input(struct sessions *s, const struct ip6_addr *from,
	const uint8_t *buf, size_t n, uint64_t now_ms, uint8_t *node, uint8_t *out, size_t *len)
{
	enum session_verdict v;
	struct peer *p;

	*len = 0;
	if (n < sizeof(struct wire_data) || !is_size_right(buf, n))
		return SESSION_MALFORMED;
	if (buf[1] != SESSION_VERSION)
		return SESSION_OTHER_VERSION;
	p = sender_of(s, buf, from);
	if (p == NULL)
		return SESSION_STRANGER;
	*node = p->node;
	switch (buf[0]) {
	case MSG_INIT:
		v = handshake_init(s, p, (const struct wire_init *)buf, now_ms);
		break;
	case MSG_RESPONSE:
		v = handshake_response(s, p, (const struct wire_response *)buf, now_ms);
		break;
	case MSG_COOKIE:
		v = handshake_cookie(s, p, (const struct wire_cookie *)buf, now_ms);
		break;
	default:
		v = input_data(s, p, buf, n, now_ms, out, len);
		break;
	}
	if (v != SESSION_DATA && v != SESSION_HANDLED) {
		p->info.last_failure = v;
		p->info.failed_ms = now_ms;
	}
	return v;
}

/* --- time --- */

/* The peer may never have heard that we have the keys, and as long as hello finds no others than
 * those that only one of us uses, nobody says anything else. */
static bool is_confirmed_in_vain(const struct peer *p, uint64_t now_ms)
{
	return p->unconfirmed && p->now.initiator && p->confirms == SESSION_CONFIRMS &&
	       now_ms >= p->confirm_ms;
}

static bool is_handshake_due(const struct peer *p, uint64_t now_ms)
{
	uint64_t lag = p->now.initiator ? 0 : RESPONDER_LAG_MS;

	if (p->pending)
		return now_ms >= p->due_ms;
	/* We answered: the other one is about to speak. A handshake of ours, also one in its place,
	 * would end at the same time: each end would then have the keys of the other one as the
	 * newer ones. */
	if (is_good(&p->next, now_ms) && now_ms - p->next.made_ms < SESSION_RETRY_MAX_MS)
		return false;
	if (p->instead_ms != 0 && now_ms >= p->instead_ms)
		return true;
	return !is_good(&p->now, now_ms) || is_confirmed_in_vain(p, now_ms) ||
	       now_ms - p->now.made_ms >= SESSION_REKEY_MS + lag ||
	       p->now.counter >= MESSAGES_MAX / 2;
}

static void forget(struct keys *k, uint64_t now_ms)
{
	if (k->valid && !is_good(k, now_ms))
		sodium_memzero(k, sizeof(*k));
}

bool sessions_turn(struct sessions *s, uint64_t now_ms, uint64_t wall_ms)
{
	uint32_t begun = 0;

	s->wall_ms = wall_ms;
	for (uint32_t n = 0; n < s->peer_count; n++) {
		/* all in turn, or the first ones would begin again before the last ever did */
		struct peer *p = &s->peers[s->next_peer];

		forget(&p->now, now_ms);
		forget(&p->before, now_ms);
		forget(&p->next, now_ms);
		confirm_again(s, p, now_ms);
		if (is_handshake_due(p, now_ms)) {
			if (begun++ == SESSION_BEGINS)
				return true;
			handshake_begin(s, p, now_ms);
		}
		s->next_peer = (s->next_peer + 1) % s->peer_count;
	}
	return false;
}

void sessions_heard(struct sessions *s, uint8_t node, uint64_t now_ms)
{
	struct peer *p = session_peer_of(s, node);

	if (p != NULL)
		has_keys(p, now_ms);
}

int sessions_info(const struct sessions *s, uint8_t node, uint64_t now_ms, struct session_info *out)
{
	const struct peer *p;

	if (s->index[node] == 0)
		return -EINVAL;
	p = &s->peers[s->index[node] - 1];
	*out = p->info;
	out->established = is_good(&p->now, now_ms);
	out->since_ms = p->now.made_ms;
	return 0;
}
