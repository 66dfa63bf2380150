/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mesh/mail.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/bring.h"
#include "common/util.h"

/* In guarded memory. */
struct slot {
	struct session_keys sent; /* hello's while is_full */
	struct session_keys kept; /* control's: they wait for the slot */
};

struct peer {
	uint8_t node;
	bool is_kept; /* control's */
	_Atomic bool is_full;
};

#define SETTINGS (HELLO_SETTING_COUNT * sizeof(uint32_t)) /* octets, of a domain */

struct mail {
	uint32_t domain_count, peer_count;
	_Atomic uint64_t *say; /* a word a domain */
	struct peer *peer;
	struct slot *slot; /* one each */
	uint8_t index[NEXT_NODES]; /* into peer, + 1 */
	uint32_t kept; /* control's: peers with is_kept */
	uint32_t *settings_sent, *settings_kept; /* as with keys */
	bool is_settings_kept;
	_Atomic bool is_settings_full;
	struct bring *ring;
	_Atomic uint32_t posted __attribute__((aligned(64))); /* times */
	uint32_t seen __attribute__((aligned(64))); /* of these, hello's */
};

/* says 8, stalls 16, number 32 */
static uint64_t word_of(struct mail_say s)
{
	return (uint64_t)s.says << 48 | (uint64_t)s.stalls << 32 | s.number;
}

static int make(struct mail *m, const struct mail_opts *o)
{
	/* libsodium aligns the end */
	size_t slots = ((o->peer_count + 1) * sizeof(m->slot[0]) + 63) & ~(size_t)63;

	m->domain_count = o->domains;
	m->peer_count = o->peer_count;
	m->say = calloc(o->domains + 1, sizeof(m->say[0]));
	m->peer = calloc(o->peer_count + 1, sizeof(m->peer[0]));
	m->slot = sodium_malloc(slots);
	m->settings_sent = calloc(o->domains + 1, SETTINGS);
	m->settings_kept = calloc(o->domains + 1, SETTINGS);
	if (m->say == NULL || m->peer == NULL || m->slot == NULL || m->settings_sent == NULL ||
		m->settings_kept == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < o->peer_count; i++) {
		m->peer[i].node = o->peers[i];
		if (m->index[o->peers[i]] != 0)
			return -EINVAL;
		m->index[o->peers[i]] = (uint8_t)(i + 1);
	}
	return bring_new(o->ring_octets, &m->ring);
}

int mail_new(const struct mail_opts *o, struct mail **out)
{
	struct mail *m;
	int ret;

	static_assert(sizeof(struct mail_msg) + 32 <= MAIL_RING_MIN / 2, "fits half of the ring");
	if (o->ring_octets < MAIL_RING_MIN || o->peer_count >= NEXT_NODES)
		return -EINVAL;
	m = aligned_alloc(64, sizeof(*m));
	if (m == NULL)
		return -ENOMEM;
	memset(m, 0, sizeof(*m));
	ret = make(m, o);
	if (ret < 0) {
		mail_free(m);
		return ret;
	}
	*out = m;
	return 0;
}

void mail_free(struct mail *m)
{
	if (m == NULL)
		return;
	bring_free(m->ring);
	sodium_free(m->slot); /* wipes */
	free(m->settings_sent);
	free(m->settings_kept);
	free(m->peer);
	free(m->say);
	free(m);
}

/* --- control -> hello --- */

static void ring_the_bell(struct mail *m)
{
	atomic_fetch_add_explicit(&m->posted, 1, memory_order_release);
}

void mail_post_say(struct mail *m, uint32_t domain, struct mail_say s)
{
	atomic_store_explicit(&m->say[domain], word_of(s), memory_order_relaxed);
	ring_the_bell(m);
}

static void hand_over(struct mail *m, uint32_t i)
{
	if (atomic_load_explicit(&m->peer[i].is_full, memory_order_acquire))
		return;
	m->slot[i].sent = m->slot[i].kept;
	sodium_memzero(&m->slot[i].kept, sizeof(m->slot[i].kept));
	atomic_store_explicit(&m->peer[i].is_full, true, memory_order_release);
	m->peer[i].is_kept = false;
	m->kept--;
	ring_the_bell(m);
}

void mail_post_keys(struct mail *m, uint8_t node, const struct session_keys *k)
{
	uint32_t i = m->index[node];

	if (i-- == 0)
		return;
	m->slot[i].kept = *k;
	m->kept += !m->peer[i].is_kept;
	m->peer[i].is_kept = true;
	hand_over(m, i);
}

static void hand_over_settings(struct mail *m)
{
	if (!m->is_settings_kept ||
		atomic_load_explicit(&m->is_settings_full, memory_order_acquire))
		return;
	memcpy(m->settings_sent, m->settings_kept, m->domain_count * SETTINGS);
	m->is_settings_kept = false;
	atomic_store_explicit(&m->is_settings_full, true, memory_order_release);
	ring_the_bell(m);
}

void mail_post_settings(struct mail *m, const uint32_t *all)
{
	memcpy(m->settings_kept, all, m->domain_count * SETTINGS);
	m->is_settings_kept = true;
	hand_over_settings(m);
}

bool mail_push(struct mail *m)
{
	hand_over_settings(m);
	for (uint32_t i = 0; m->kept > 0 && i < m->peer_count; i++)
		if (m->peer[i].is_kept)
			hand_over(m, i);
	return m->kept > 0 || m->is_settings_kept;
}

bool mail_waits(const struct mail *m)
{
	return atomic_load_explicit(&m->posted, memory_order_relaxed) != m->seen;
}

bool mail_has_news(struct mail *m)
{
	uint32_t posted = atomic_load_explicit(&m->posted, memory_order_acquire);

	if (posted == m->seen)
		return false;
	m->seen = posted;
	return true;
}

struct mail_say mail_say_of(const struct mail *m, uint32_t domain)
{
	uint64_t word = atomic_load_explicit(&m->say[domain], memory_order_relaxed);

	return (struct mail_say){ .says = (uint8_t)(word >> 48),
		.stalls = (uint16_t)(word >> 32),
		.number = (uint32_t)word };
}

void mail_take_keys(struct mail *m,
	void (*fn)(void *ctx, uint8_t node, const struct session_keys *k), void *ctx)
{
	for (uint32_t i = 0; i < m->peer_count; i++) {
		if (!atomic_load_explicit(&m->peer[i].is_full, memory_order_acquire))
			continue;
		fn(ctx, m->peer[i].node, &m->slot[i].sent);
		sodium_memzero(&m->slot[i].sent, sizeof(m->slot[i].sent));
		atomic_store_explicit(&m->peer[i].is_full, false, memory_order_release);
	}
}

bool mail_take_settings(struct mail *m, uint32_t *all)
{
	if (!atomic_load_explicit(&m->is_settings_full, memory_order_acquire))
		return false;
	memcpy(all, m->settings_sent, m->domain_count * SETTINGS);
	atomic_store_explicit(&m->is_settings_full, false, memory_order_release);
	return true;
}

/* --- hello -> control --- */

static uint32_t size_of(enum mail_kind kind)
{
	static const uint32_t size[] = {
		[MAIL_EVENT] = sizeof(struct mail_event),
		[MAIL_VIEW] = sizeof(struct mail_view),
		[MAIL_INFO] = sizeof(struct mail_info),
		[MAIL_KNOWN] = sizeof(struct mail_known),
	};

	static_assert(DIM(size) == MAIL_KNOWN + 1, "one each");
	return (uint32_t)offsetof(struct mail_msg, event) + size[kind];
}

bool mail_tell(struct mail *m, const struct mail_msg *msg)
{
	uint32_t len = size_of(msg->kind);
	void *room = bring_prepare(m->ring, len);

	if (room == NULL)
		return false;
	memcpy(room, msg, len);
	bring_publish(m->ring, bring_at(m->ring));
	return true;
}

const struct mail_msg *mail_read(struct mail *m)
{
	uint32_t len;

	return bring_peek(m->ring, &len);
}

void mail_done(struct mail *m)
{
	bring_drop(m->ring);
}
