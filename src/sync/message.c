/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/message.h"

#include <assert.h>
#include <errno.h>

#define MESSAGE_PREFIX 3 /* type, length */
#define DELTA_FIXED    38

static_assert(MESSAGE_HEADER + MESSAGE_PREFIX + 25 + 12 * MESSAGE_LISTED <= MESSAGE_MAX,
	"a full list of keys fits");
static_assert(MESSAGE_HEADER + MESSAGE_PREFIX + 39 + 8 * MESSAGE_HASHES <= MESSAGE_MAX,
	"a full digest fits");

const char *message_name(enum message_type t)
{
	static const char *const names[MESSAGE_TYPE_COUNT] = {
#define X(id, name) [MESSAGE_##id] = (name),
		MESSAGE_LIST(X)
#undef X
	};

	return t > MESSAGE_NONE && t < MESSAGE_TYPE_COUNT ? names[t] : "?";
}

/* --- reading --- */

int message_read_head(struct net_rd *r, struct message_head *out)
{
	uint8_t version = net_rd_u8(r);

	out->boot = net_rd_u64(r);
	out->your_boot = net_rd_u64(r);
	if (r->bad || out->boot == 0)
		return -EBADMSG;
	return version == MESSAGE_VERSION ? 0 : -EPROTONOSUPPORT;
}

static bool read_delta(struct net_rd *r, struct message_delta *m)
{
	m->stream = net_rd_u8(r);
	m->flags = net_rd_u8(r);
	m->id = net_rd_u32(r);
	m->number = net_rd_u32(r);
	m->domain = net_rd_u32(r);
	m->base = net_rd_u64(r);
	m->first = net_rd_u64(r);
	m->last = net_rd_u64(r);
	m->sections = *r;
	return !r->bad && m->stream < STREAM_COUNT && m->base > 0 && m->first >= m->base &&
	       m->last >= m->first && m->last < UINT64_MAX;
}

static bool read_full(struct net_rd *r, struct message_ack *m)
{
	m->full_count = net_rd_left(r) > 0 ? net_rd_u8(r) : 0;
	if (m->full_count > MESSAGE_FULL)
		return false;
	for (unsigned i = 0; i < m->full_count; i++)
		m->full[i] = net_rd_u32(r);
	return true;
}

/* Behind `any`, which releases that know no more take for all domains. */
static bool read_refused(struct net_rd *r, struct refused *m)
{
	m->rest = m->any;
	m->count = net_rd_left(r) > 0 ? net_rd_u8(r) : 0;
	if (m->count > REFUSED_DOMAINS)
		return false;
	if (m->count > 0)
		m->rest = net_rd_u64(r);
	for (unsigned i = 0; i < m->count; i++) {
		m->of[i].domain = net_rd_u32(r);
		m->of[i].until = net_rd_u64(r);
		if (m->of[i].until > m->any)
			return false;
	}
	return m->rest <= m->any;
}

static bool read_ack(struct net_rd *r, struct message_ack *m)
{
	uint64_t at;

	m->stream = net_rd_u8(r);
	m->flags = net_rd_u8(r);
	m->id = net_rd_u32(r);
	m->highest = net_rd_u32(r);
	m->received = net_rd_u32(r);
	m->until = net_rd_u64(r);
	m->refused.any = net_rd_u64(r);
	m->hole_count = net_rd_u8(r);
	if (m->hole_count > MESSAGE_HOLES || m->stream >= STREAM_COUNT)
		return false;
	at = m->until;
	for (unsigned i = 0; i < m->hole_count; i++) {
		m->hole[i].first = net_rd_u64(r);
		m->hole[i].last = net_rd_u64(r);
		if (m->hole[i].first <= at || m->hole[i].last < m->hole[i].first)
			return false;
		at = m->hole[i].last;
	}
	return read_full(r, m) && read_refused(r, &m->refused);
}

static bool read_ask(struct net_rd *r, struct message_ask *m)
{
	m->domain = net_rd_u32(r);
	m->request = net_rd_u32(r);
	m->from = net_rd_left(r) > 0 ? net_rd_u64(r) : 1;
	return true;
}

/* Ranges from..from + count - 1 of 2^bits. */
static bool is_range(uint8_t bits, uint32_t from, uint8_t count)
{
	return bits <= 32 && count > 0 && count <= MESSAGE_HASHES &&
	       (uint64_t)from + count <= 1ULL << bits;
}

static void read_key(struct net_rd *r, struct digest_key *k)
{
	const uint8_t *p;

	k->born_ms = net_rd_u64(r);
	p = net_rd_bytes(r, sizeof(k->key));
	if (p == NULL)
		memset(k->key, 0, sizeof(k->key));
	else
		memcpy(k->key, p, sizeof(k->key));
}

static bool read_digest(struct net_rd *r, struct message_digest *m)
{
	m->domain = net_rd_u32(r);
	m->round = net_rd_u32(r);
	read_key(r, &m->digest_key);
	m->most = net_rd_u8(r);
	m->bits = net_rd_u8(r);
	m->count = net_rd_u8(r);
	m->from = net_rd_u32(r);
	if (m->most > DIGEST_BITS_MAX || !is_range(m->bits, m->from, m->count))
		return false;
	for (unsigned i = 0; i < m->count; i++)
		m->hash[i] = net_rd_u64(r);
	return true;
}

static bool read_differ(struct net_rd *r, struct message_differ *m)
{
	m->domain = net_rd_u32(r);
	m->round = net_rd_u32(r);
	read_key(r, &m->digest_key);
	m->flags = net_rd_u8(r);
	m->most = net_rd_u8(r);
	m->bits = net_rd_u8(r);
	m->count = net_rd_u8(r);
	m->from = net_rd_u32(r);
	for (unsigned i = 0; i < DIM(m->bitmap); i++)
		m->bitmap[i] = net_rd_u64(r);
	return m->most <= DIGEST_BITS_MAX && is_range(m->bits, m->from, m->count);
}

static bool read_keys(struct net_rd *r, struct message_keys *m)
{
	m->domain = net_rd_u32(r);
	m->round = net_rd_u32(r);
	m->first = net_rd_u64(r);
	m->last = net_rd_u64(r);
	m->count = net_rd_u8(r);
	if (m->count > MESSAGE_LISTED || m->last < m->first)
		return false;
	for (unsigned i = 0; i < m->count; i++) {
		uint64_t key = net_rd_u64(r);

		if (key < m->first || key > m->last || (i > 0 && key < m->key[i - 1].key))
			return false;
		m->key[i] = (struct message_key){ key, net_rd_u32(r) };
	}
	return true;
}

static bool read_want(struct net_rd *r, struct message_want *m)
{
	m->domain = net_rd_u32(r);
	m->round = net_rd_u32(r);
	m->first = net_rd_u64(r);
	m->last = net_rd_u64(r);
	m->differ = net_rd_u16(r);
	m->count = net_rd_u8(r);
	if (m->count > MESSAGE_WANTED || m->last < m->first)
		return false;
	for (unsigned i = 0; i < m->count; i++)
		m->key[i] = net_rd_u64(r);
	memset(m->young, 0, sizeof(m->young));
	for (unsigned i = 0; net_rd_left(r) > 0 && i < MESSAGE_YOUNG; i++)
		m->young[i] = net_rd_u64(r);
	return true;
}

int message_read(struct net_rd *r, struct message *out)
{
	struct net_rd body;
	bool ok = true;
	uint8_t type;

	if (net_rd_left(r) == 0)
		return r->bad ? -EBADMSG : 0;
	type = net_rd_u8(r);
	body = net_rd_sub(r, net_rd_u16(r));
	if (r->bad)
		return -EBADMSG;
	out->type = (enum message_type)type;
	switch (type) {
	case MESSAGE_DELTA:
		ok = read_delta(&body, &out->delta);
		break;
	case MESSAGE_ACK:
		ok = read_ack(&body, &out->ack);
		break;
	case MESSAGE_ASK:
		ok = read_ask(&body, &out->ask);
		break;
	case MESSAGE_DIGEST:
		ok = read_digest(&body, &out->digest);
		break;
	case MESSAGE_DIFFER:
		ok = read_differ(&body, &out->differ);
		break;
	case MESSAGE_KEYS:
		ok = read_keys(&body, &out->keys);
		break;
	case MESSAGE_WANT:
		ok = read_want(&body, &out->want);
		break;
	case MESSAGE_RECORDS:
		out->sections = body;
		break;
	default:
		out->type = MESSAGE_NONE;
	}
	return ok && !body.bad ? 1 : -EBADMSG;
}

int message_read_section(struct net_rd *sections, uint32_t *domain, struct net_rd *items)
{
	if (net_rd_left(sections) == 0)
		return sections->bad ? -EBADMSG : 0;
	*domain = net_rd_u32(sections);
	*items = net_rd_sub(sections, net_rd_u16(sections));
	return sections->bad ? -EBADMSG : 1;
}

/* --- writing --- */

void message_write_head(struct net_wr *w, const struct message_head *h)
{
	net_wr_u8(w, MESSAGE_VERSION);
	net_wr_u64(w, h->boot);
	net_wr_u64(w, h->your_boot);
}

static void open(struct net_wr *w, struct message_builder *b, enum message_type t)
{
	*b = (struct message_builder){ .start = w->p };
	net_wr_u8(w, (uint8_t)t);
	net_wr_u16(w, 0);
}

/* The 16 bits at p get the number of octets behind them. */
static void put_length(const struct net_wr *w, uint8_t *p)
{
	size_t n = (size_t)(w->p - p) - 2;

	if (w->bad)
		return;
	p[0] = (uint8_t)(n >> 8);
	p[1] = (uint8_t)n;
}

static void close_section(struct net_wr *w, struct message_builder *b)
{
	if (b->section != NULL)
		put_length(w, b->section);
	b->section = NULL;
}

void message_open_delta(struct net_wr *w, struct message_builder *b)
{
	open(w, b, MESSAGE_DELTA);
	net_wr_zero(w, DELTA_FIXED);
}

void message_open_records(struct net_wr *w, struct message_builder *b)
{
	open(w, b, MESSAGE_RECORDS);
}

void message_section(struct net_wr *w, struct message_builder *b, uint32_t domain)
{
	if (b->section != NULL && b->domain == domain)
		return;
	close_section(w, b);
	net_wr_u32(w, domain);
	b->section = w->p;
	b->domain = domain;
	net_wr_u16(w, 0);
}

void message_close(struct net_wr *w, struct message_builder *b, const struct message_delta *delta)
{
	struct net_wr at;

	close_section(w, b);
	if (w->bad)
		return;
	put_length(w, b->start + 1);
	if (delta == NULL)
		return;
	at = net_wr_init(b->start + MESSAGE_PREFIX, DELTA_FIXED);
	net_wr_u8(&at, delta->stream);
	net_wr_u8(&at, delta->flags);
	net_wr_u32(&at, delta->id);
	net_wr_u32(&at, delta->number);
	net_wr_u32(&at, delta->domain);
	net_wr_u64(&at, delta->base);
	net_wr_u64(&at, delta->first);
	net_wr_u64(&at, delta->last);
}

static void write_refused(struct net_wr *w, const struct refused *m)
{
	net_wr_u8(w, m->count);
	net_wr_u64(w, m->rest);
	for (unsigned i = 0; i < m->count; i++) {
		net_wr_u32(w, m->of[i].domain);
		net_wr_u64(w, m->of[i].until);
	}
}

void message_write_ack(struct net_wr *w, const struct message_ack *m)
{
	struct message_builder b;

	open(w, &b, MESSAGE_ACK);
	net_wr_u8(w, m->stream);
	net_wr_u8(w, m->flags);
	net_wr_u32(w, m->id);
	net_wr_u32(w, m->highest);
	net_wr_u32(w, m->received);
	net_wr_u64(w, m->until);
	net_wr_u64(w, m->refused.any);
	net_wr_u8(w, m->hole_count);
	for (unsigned i = 0; i < m->hole_count; i++) {
		net_wr_u64(w, m->hole[i].first);
		net_wr_u64(w, m->hole[i].last);
	}
	if (m->full_count > 0 || m->refused.count > 0)
		net_wr_u8(w, m->full_count);
	for (unsigned i = 0; i < m->full_count; i++)
		net_wr_u32(w, m->full[i]);
	if (m->refused.count > 0)
		write_refused(w, &m->refused);
	message_close(w, &b, NULL);
}

void message_write_ask(struct net_wr *w, const struct message_ask *m)
{
	struct message_builder b;

	open(w, &b, MESSAGE_ASK);
	net_wr_u32(w, m->domain);
	net_wr_u32(w, m->request);
	if (m->from != 1)
		net_wr_u64(w, m->from);
	message_close(w, &b, NULL);
}

static void write_key(struct net_wr *w, const struct digest_key *k)
{
	net_wr_u64(w, k->born_ms);
	net_wr_bytes(w, k->key, sizeof(k->key));
}

void message_write_digest(struct net_wr *w, const struct message_digest *m)
{
	struct message_builder b;

	open(w, &b, MESSAGE_DIGEST);
	net_wr_u32(w, m->domain);
	net_wr_u32(w, m->round);
	write_key(w, &m->digest_key);
	net_wr_u8(w, m->most);
	net_wr_u8(w, m->bits);
	net_wr_u8(w, m->count);
	net_wr_u32(w, m->from);
	for (unsigned i = 0; i < m->count; i++)
		net_wr_u64(w, m->hash[i]);
	message_close(w, &b, NULL);
}

void message_write_differ(struct net_wr *w, const struct message_differ *m)
{
	struct message_builder b;

	open(w, &b, MESSAGE_DIFFER);
	net_wr_u32(w, m->domain);
	net_wr_u32(w, m->round);
	write_key(w, &m->digest_key);
	net_wr_u8(w, m->flags);
	net_wr_u8(w, m->most);
	net_wr_u8(w, m->bits);
	net_wr_u8(w, m->count);
	net_wr_u32(w, m->from);
	for (unsigned i = 0; i < DIM(m->bitmap); i++)
		net_wr_u64(w, m->bitmap[i]);
	message_close(w, &b, NULL);
}

void message_write_keys(struct net_wr *w, const struct message_keys *m)
{
	struct message_builder b;

	open(w, &b, MESSAGE_KEYS);
	net_wr_u32(w, m->domain);
	net_wr_u32(w, m->round);
	net_wr_u64(w, m->first);
	net_wr_u64(w, m->last);
	net_wr_u8(w, m->count);
	for (unsigned i = 0; i < m->count; i++) {
		net_wr_u64(w, m->key[i].key);
		net_wr_u32(w, m->key[i].hash);
	}
	message_close(w, &b, NULL);
}

static bool has_young(const struct message_want *m)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < MESSAGE_YOUNG; i++)
		any |= m->young[i];
	return any != 0;
}

void message_write_want(struct net_wr *w, const struct message_want *m)
{
	struct message_builder b;

	open(w, &b, MESSAGE_WANT);
	net_wr_u32(w, m->domain);
	net_wr_u32(w, m->round);
	net_wr_u64(w, m->first);
	net_wr_u64(w, m->last);
	net_wr_u16(w, m->differ);
	net_wr_u8(w, m->count);
	for (unsigned i = 0; i < m->count; i++)
		net_wr_u64(w, m->key[i]);
	for (unsigned i = 0; has_young(m) && i < MESSAGE_YOUNG; i++)
		net_wr_u64(w, m->young[i]);
	message_close(w, &b, NULL);
}
