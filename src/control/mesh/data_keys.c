/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mesh/data_keys.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "common/log.h"
#include "tables/sa.h"

#define TAG "mesh"

#define RTT_UNKNOWN_MS 500 /* until hello has measured it: half around the world and back */
#define SLACK_MS       1000
#define HALF           (NOISE_HASH_LEN / 2)

static_assert(
	crypto_auth_hmacsha256_BYTES >= GCM_KEY_LEN + ESP_SALT_LEN + 4, "one block is enough");
static_assert(crypto_auth_hmacsha256_KEYBYTES == HALF, "a half is a key");

/* Keys that no packet comes under any more, when it is time. */
struct ending {
	bool is_used;
	bool is_sealed_with; /* by the peer, for all we know: sooner when it has newer ones */
	uint32_t generation;
	uint64_t since_ms; /* keys made */
	uint64_t at_ms;
};

struct row {
	bool has_answered, has_now;
	uint32_t answered, now; /* generations that the peer's packets may come in */
	uint64_t answered_ms, now_ms; /* when their keys were made */
	uint64_t answered_until_ms; /* when nobody will use that any more */
	struct ending ending[SA_INBOUND];
	uint64_t until_ms; /* when what we seal with is too old */
	bool seals;
	uint32_t rtt_ms;
	bool waits_in, waits_out; /* for room or memory */
	struct sa_keys in, out; /* what waits */
};

/* In guarded memory. */
struct data_keys {
	struct sa *sa;
	uint64_t next_ms; /* nothing is due before */
	struct row row[SA_NODES];
};

int data_keys_new(struct sa *sa, struct data_keys **out)
{
	struct data_keys *d = sodium_malloc((sizeof(*d) + 63) & ~(size_t)63);

	if (d == NULL)
		return -ENOMEM;
	memset(d, 0, sizeof(*d));
	d->sa = sa;
	d->next_ms = UINT64_MAX;
	for (unsigned i = 0; i < SA_NODES; i++)
		d->row[i].rtt_ms = RTT_UNKNOWN_MS;
	*out = d;
	return 0;
}

void data_keys_free(struct data_keys *d)
{
	sodium_free(d); /* wipes */
}

/* HKDF-Expand(half, "hamd mesh data", 32). */
void data_keys_derive(const struct session_keys *keys, bool of_initiator, struct sa_keys *out)
{
	static const uint8_t info[] = "hamd mesh data\x01"; /* and the block's number */
	uint8_t okm[crypto_auth_hmacsha256_BYTES];
	uint32_t number;

	crypto_auth_hmacsha256(okm, info, sizeof(info) - 1, keys->data + (of_initiator ? 0 : HALF));
	memcpy(out->key, okm, sizeof(out->key));
	memcpy(out->salt, okm + sizeof(out->key), sizeof(out->salt));
	memcpy(&number, okm + sizeof(out->key) + sizeof(out->salt), sizeof(number));
	out->generation = be32toh(number) % SA_GENERATIONS;
	sodium_memzero(okm, sizeof(okm));
}

static void due(struct data_keys *d, uint64_t at_ms)
{
	if (at_ms < d->next_ms)
		d->next_ms = at_ms;
}

/* --- opening --- */

/* Makes way: the one that would end first ends now. */
static void end_one(struct data_keys *d, uint8_t node)
{
	struct ending *first = NULL;

	for (unsigned i = 0; i < SA_INBOUND; i++) {
		struct ending *e = &d->row[node].ending[i];

		if (e->is_used && (first == NULL || e->at_ms < first->at_ms))
			first = e;
	}
	if (first != NULL && sa_del_in(d->sa, node, first->generation) != -ENOSPC)
		first->is_used = false;
}

/* Its number is another one's now. */
static void end_not(struct row *r, uint32_t generation)
{
	for (unsigned i = 0; i < SA_INBOUND; i++)
		if (r->ending[i].generation == generation)
			r->ending[i].is_used = false;
}

/* Opens with r->in, or will as soon as that is possible. */
static void add_in(struct data_keys *d, uint8_t node, uint64_t now_ms)
{
	struct row *r = &d->row[node];
	int ret = sa_add_in(d->sa, node, &r->in);

	end_not(r, r->in.generation);
	if (ret == -EBUSY) {
		end_one(d, node);
		ret = sa_add_in(d->sa, node, &r->in);
	}
	r->waits_in = ret == -EBUSY || ret == -ENOSPC || ret == -ENOMEM;
	if (r->waits_in)
		due(d, now_ms);
	else
		sodium_memzero(&r->in, sizeof(r->in));
}

/* When what is under way now has arrived. */
static uint64_t arrived_ms(const struct row *r, uint64_t now_ms)
{
	return now_ms + 2 * (uint64_t)r->rtt_ms + SLACK_MS;
}

/* Nothing comes in e's generation any more after e->at_ms. */
static void end_later(struct data_keys *d, uint8_t node, const struct ending *e)
{
	struct row *r = &d->row[node];

	due(d, e->at_ms);
	for (unsigned i = 0; i < SA_INBOUND; i++) {
		if (r->ending[i].is_used)
			continue;
		r->ending[i] = *e;
		r->ending[i].is_used = true;
		return;
	}
	/* All places are taken by those: this one has not got one yet, and waits no longer. */
}

/* --- sealing --- */

static void set_out(struct data_keys *d, uint8_t node, uint64_t now_ms)
{
	struct row *r = &d->row[node];
	int ret = sa_set_out(d->sa, node, &r->out);

	r->waits_out = ret == -ENOSPC || ret == -ENOMEM;
	if (r->waits_out)
		due(d, now_ms);
	else
		sodium_memzero(&r->out, sizeof(r->out));
}

/* --- what sessions say --- */

void data_keys_answered(
	struct data_keys *d, uint8_t node, const struct session_keys *keys, uint64_t now_ms)
{
	struct row *r;

	if (d == NULL)
		return;
	r = &d->row[node];
	if (r->has_answered) /* the peer has begun anew, and will not use that any more */
		end_later(d, node,
			&(struct ending){ .generation = r->answered,
				.since_ms = r->answered_ms,
				.at_ms = now_ms });
	data_keys_derive(keys, !keys->initiator, &r->in);
	r->answered = r->in.generation;
	r->has_answered = true;
	r->answered_ms = now_ms;
	r->answered_until_ms = now_ms + SESSION_REJECT_MS;
	due(d, r->answered_until_ms);
	add_in(d, node, now_ms);
}

void data_keys_established(
	struct data_keys *d, uint8_t node, const struct session_keys *keys, uint64_t now_ms)
{
	struct sa_keys in;
	struct row *r;

	if (d == NULL)
		return;
	r = &d->row[node];
	data_keys_derive(keys, !keys->initiator, &in);
	data_keys_derive(keys, keys->initiator, &r->out);
	if (r->has_now && r->now != in.generation)
		end_later(d, node,
			&(struct ending){ .is_sealed_with = true,
				.generation = r->now,
				.since_ms = r->now_ms,
				.at_ms = now_ms + SESSION_REJECT_MS });
	r->now_ms = now_ms;
	if (r->has_answered && r->answered == in.generation) {
		r->has_answered = false; /* in use now */
		r->now_ms = r->answered_ms;
	} else {
		r->in = in;
		add_in(d, node, now_ms);
	}
	r->now = in.generation;
	r->has_now = true;
	sodium_memzero(&in, sizeof(in));
	set_out(d, node, now_ms);
	r->seals = true;
	r->until_ms = now_ms + SESSION_REJECT_MS;
	due(d, r->until_ms);
}

void data_keys_confirmed(struct data_keys *d, uint8_t node, uint64_t now_ms)
{
	struct row *r;

	if (d == NULL)
		return;
	r = &d->row[node];
	for (unsigned i = 0; i < SA_INBOUND; i++) {
		struct ending *e = &r->ending[i];

		if (!e->is_used || !e->is_sealed_with)
			continue;
		e->is_sealed_with = false;
		if (arrived_ms(r, now_ms) < e->at_ms)
			e->at_ms = arrived_ms(r, now_ms);
		due(d, e->at_ms);
	}
}

void data_keys_rtt(struct data_keys *d, uint8_t node, uint32_t ms)
{
	if (d != NULL)
		d->row[node].rtt_ms = ms;
}

/* --- time --- */

static void end_due(struct data_keys *d, uint8_t node, uint64_t now_ms)
{
	for (unsigned i = 0; i < SA_INBOUND; i++) {
		struct ending *e = &d->row[node].ending[i];

		if (!e->is_used)
			continue;
		if (e->at_ms <= now_ms)
			e->is_used = sa_del_in(d->sa, node, e->generation) == -ENOSPC;
		if (e->is_used)
			due(d, e->at_ms);
	}
}

/* They were not renewed in time. */
static void give_up(struct data_keys *d, uint8_t node, uint64_t now_ms)
{
	struct row *r = &d->row[node];

	if (sa_set_out(d->sa, node, NULL) < 0) {
		due(d, now_ms);
		return;
	}
	r->seals = false;
	sodium_memzero(&r->out, sizeof(r->out));
	r->waits_out = false;
	end_later(d, node,
		&(struct ending){ .generation = r->now,
			.since_ms = r->now_ms,
			.at_ms = arrived_ms(r, now_ms) });
	r->has_now = false;
	log_info(TAG, "data keys too old, not renewed node=%u", node);
}

static void run_row(struct data_keys *d, uint8_t node, uint64_t now_ms)
{
	struct row *r = &d->row[node];

	if (r->waits_in)
		add_in(d, node, now_ms);
	if (r->waits_out)
		set_out(d, node, now_ms);
	if (r->seals && r->until_ms <= now_ms)
		give_up(d, node, now_ms);
	else if (r->seals)
		due(d, r->until_ms);
	if (r->has_answered && r->answered_until_ms <= now_ms) {
		end_later(d, node,
			&(struct ending){ .generation = r->answered,
				.since_ms = r->answered_ms,
				.at_ms = now_ms });
		r->has_answered = false;
	} else if (r->has_answered) {
		due(d, r->answered_until_ms);
	}
	end_due(d, node, now_ms);
}

enum data_keys_state data_keys_state(
	const struct data_keys *d, uint8_t node, uint32_t generation, uint64_t *since_ms)
{
	const struct row *r = &d->row[node];

	*since_ms = 0;
	if (r->has_now && r->now == generation) {
		*since_ms = r->now_ms;
		return DATA_KEYS_IN_USE;
	}
	if (r->has_answered && r->answered == generation) {
		*since_ms = r->answered_ms;
		return DATA_KEYS_WAITING;
	}
	for (unsigned i = 0; i < SA_INBOUND; i++)
		if (r->ending[i].is_used && r->ending[i].generation == generation)
			*since_ms = r->ending[i].since_ms;
	return DATA_KEYS_OLD;
}

uint64_t data_keys_since(const struct data_keys *d, uint8_t node)
{
	return d->row[node].seals ? d->row[node].now_ms : 0;
}

bool data_keys_run(struct data_keys *d, uint64_t now_ms)
{
	if (d == NULL || now_ms < d->next_ms)
		return false;
	d->next_ms = UINT64_MAX;
	for (unsigned node = 1; node < SA_NODES; node++)
		run_row(d, (uint8_t)node, now_ms);
	return true;
}
