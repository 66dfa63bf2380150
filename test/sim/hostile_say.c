/* SPDX-License-Identifier: BSD-3-Clause */
/* What a bought member makes up: messages that are well formed, and records that are not true. */
#include <string.h>

#include "agent_priv.h"
#include "common/ntp.h"
#include "hostile.h"
#include "net/cursor.h"
#include "records/order.h"
#include "records/wire.h"
#include "sync/message.h"

#define HOMES 200 /* so many home addresses it speaks of */

static uint64_t *rng_of(struct agent *a)
{
	return &a->w->rng_odd;
}

/* Mostly its own domain; one it is no member of, or one that does not exist. */
static uint32_t some_domain(struct agent *a)
{
	uint64_t *rng = rng_of(a);

	if (rng_chance(rng, 800))
		return a->domain[a->w->shape.domains - 1].id;
	return rng_chance(rng, 500) ? a->domain[0].id : (uint32_t)rng_next(rng);
}

/* --- records --- */

static struct ip6_addr some_home(struct agent *a)
{
	uint64_t *rng = rng_of(a);
	uint8_t domain = (uint8_t)(a->w->shape.domains - 1);

	if (rng_chance(rng, 50))
		return addr_home(0, (uint8_t)rng_below(rng, HOMES));
	return addr_home(domain, (uint8_t)rng_below(rng, HOMES));
}

static struct ip6_addr some_agent(struct agent *a)
{
	uint64_t *rng = rng_of(a);
	const struct agent_domain *d = &a->domain[a->w->shape.domains - 1];

	if (rng_chance(rng, 50))
		return addr_stranger();
	return d->agents[rng_below(rng, d->fwd.agent_count)].address;
}

static void make_versions(struct agent *a, struct record_copy *c)
{
	uint64_t *rng = rng_of(a), now = agent_wall(a) << 16;

	c->content = (struct content_version){ .epoch = (uint32_t)rng_between(rng, 1, 3),
		.ext_seq = rng_below(rng, 100000),
		.hlc = now,
		.node = a->node };
	c->owner = order_claim(&c->content);
	if (rng_chance(rng, 300))
		c->owner.term = (uint32_t)(hostile_number(rng, OWNER_TERM_MAX) & OWNER_TERM_MAX);
	if (rng_chance(rng, 300))
		c->owner.node = (uint8_t)rng_between(rng, 1, a->w->shape.sites);
	switch (rng_below(rng, 12)) {
	case 0:
		c->content.epoch = (uint32_t)hostile_number(rng, UINT32_MAX);
		break;
	case 1:
		c->content.ext_seq = hostile_number(rng, UINT64_MAX);
		break;
	case 2:
		c->content.hlc = hostile_number(rng, UINT64_MAX);
		break;
	case 3:
		c->content.node = (uint8_t)hostile_number(rng, 255);
		break;
	case 4:
		c->owner.epoch = c->content.epoch + (uint32_t)rng_below(rng, 2);
		c->owner.ext_seq += rng_below(rng, 2);
		break;
	default:
		break;
	}
}

/* Fields that no release has yet, that must be understood, or that are broken. */
static void make_fields(uint64_t *rng, struct record_copy *c, uint8_t field[RECORD_EXTRA_MAX])
{
	static const uint8_t kinds[] = { 1, 2, 2, 3, 40, 127, 128, 255 };
	uint8_t n = 0;

	for (unsigned i = (unsigned)rng_below(rng, 3); i > 0 && n < 200; i--) {
		uint8_t len = (uint8_t[]){ 0, 3, 4, 8, 40 }[rng_below(rng, 5)];

		field[n++] = kinds[rng_below(rng, DIM(kinds))];
		field[n++] = rng_chance(rng, 900) ? len : (uint8_t)(len + 1);
		for (; len > 0; len--)
			field[n++] = (uint8_t)(rng_chance(rng, 500) ? 0 : rng_next(rng));
	}
	if (rng_chance(rng, 30)) { /* more of them than anybody keeps */
		field[0] = 60;
		field[1] = RECORD_EXTRA_MAX - 2;
		memset(field + 2, 7, RECORD_EXTRA_MAX - 2);
		n = RECORD_EXTRA_MAX;
	}
	c->extra = field;
	c->extra_len = n;
}

static void make_odd(uint64_t *rng, struct record_copy *c)
{
	switch (rng_below(rng, 10)) {
	case 0:
		c->lifetime_s = (uint32_t)hostile_number(rng, RECORD_LIFETIME_MAX_S + 1);
		break;
	case 1:
		c->remaining_ms = (uint32_t)hostile_number(rng, c->lifetime_s * 1000 + 1);
		break;
	case 2:
		c->coa = (struct ip6_addr){ { 0xff, 2 } };
		break;
	case 3:
		memset(&c->coa, 0, sizeof(c->coa));
		break;
	case 4:
		c->flags = (uint16_t)rng_next(rng);
		break;
	case 5:
		c->mtu = (uint16_t)rng_between(rng, 1280, 1500);
		c->mtu_age_s = (uint16_t)rng_below(rng, RECORD_MTU_AGE_S);
		break;
	case 6:
		c->remaining_by.term = (uint32_t)(rng_below(rng, 9) & OWNER_TERM_MAX);
		c->remaining_by.node = (uint8_t)hostile_number(rng, 9);
		break;
	default:
		break;
	}
}

static void make_order(struct agent *a, uint64_t *stamp, uint8_t *order, uint64_t *ext_seq)
{
	uint64_t *rng = rng_of(a), now = ntp_from_unix(agent_wall(a) / 1000, 0);
	uint64_t at = rng_chance(rng, 700) ? now - rng_below(rng, 100) * NTP_SECOND
					   : now + rng_below(rng, 1000000) * NTP_SECOND;

	if (rng_chance(rng, 200))
		*stamp = at;
	if (!rng_chance(rng, 200))
		return;
	*order = RECORD_BY_STAMP;
	*ext_seq = at;
}

static void put_record(struct agent *a, struct net_wr *w)
{
	uint64_t *rng = rng_of(a);
	uint8_t field[RECORD_EXTRA_MAX], order = RECORD_BY_SEQUENCE;
	struct record_copy c = { .hoa = some_home(a),
		.ha = some_agent(a),
		.coa = addr_care_of(99, (uint16_t)rng_below(rng, 1000)),
		.lifetime_s = (uint32_t)(4 * rng_between(rng, 1, 60)),
		.flags = 0xc000,
		.state = rng_chance(rng, 800) ? RECORD_LIVE : RECORD_TOMBSTONE };

	c.remaining_ms = (uint32_t)rng_below(rng, c.lifetime_s * 1000 + 1);
	make_versions(a, &c);
	make_order(a, &c.stamp, &order, &c.content.ext_seq);
	c.order = order;
	if (rng_chance(rng, 700) && c.owner.epoch == c.content.epoch)
		c.owner.ext_seq = c.content.ext_seq;
	c.remaining_by = (struct owner_term){ .term = c.owner.term, .node = c.owner.node };
	make_odd(rng, &c);
	if (rng_chance(rng, 400))
		make_fields(rng, &c, field);
	if (!record_wire_put(w, &c))
		w->bad = true;
}

static void put_pair(struct agent *a, struct net_wr *w)
{
	uint64_t *rng = rng_of(a);
	struct seen_pair p = { .hoa = some_home(a),
		.ha = some_agent(a),
		.value = { .epoch = (uint32_t)rng_between(rng, 1, 3),
			.ext_seq = rng_below(rng, 100000) } };

	if (rng_chance(rng, 100))
		p.value.epoch = (uint32_t)hostile_number(rng, UINT32_MAX);
	if (rng_chance(rng, 50)) /* more different ones than there can be */
		p.ha.b[15] = (uint8_t)rng_next(rng);
	make_order(a, &p.value.stamp, &p.value.order, &p.value.ext_seq);
	if (!seen_wire_put(w, &p))
		w->bad = true;
}

static void put_items(struct agent *a, struct net_wr *w, struct message_builder *b, bool is_pairs)
{
	uint64_t *rng = rng_of(a);

	for (unsigned n = (unsigned)rng_below(rng, 8); n > 0; n--) {
		struct net_wr before = *w;
		struct message_builder was = *b;

		message_section(w, b, some_domain(a));
		if (is_pairs)
			put_pair(a, w);
		else
			put_record(a, w);
		if (w->bad) {
			*w = before;
			*b = was;
		}
	}
}

/* --- streams --- */

/* A piece behind what it sent last, far ahead of it, or of a stream that it has not begun. */
static void say_delta(struct agent *a, struct hostile_seen *s, struct net_wr *w)
{
	uint64_t *rng = rng_of(a);
	uint8_t stream = (uint8_t)rng_below(rng, STREAM_COUNT);
	struct message_delta m = { .stream = stream,
		.flags = (uint8_t)rng_below(rng, 8),
		.id = s->stream[stream],
		.number = (uint32_t)rng_next(rng),
		.domain = stream == STREAM_SNAPSHOT ? some_domain(a) : 0,
		.base = 1,
		.first = s->sent[stream] + 1 };
	struct message_builder b;

	if (stream == STREAM_SNAPSHOT)
		m.id = s->request;
	if (stream == STREAM_SEEN || rng_chance(rng, 100))
		m.flags |= DELTA_SEEN;
	if (rng_chance(rng, 20))
		m.id += (uint32_t)hostile_number(rng, 3);
	if (rng_chance(rng, 500)) /* gaps, more of them than anybody remembers */
		m.first += 1 + 3 * rng_below(rng, 200);
	m.last = m.first + rng_below(rng, 3);
	message_open_delta(w, &b);
	put_items(a, w, &b, (m.flags & DELTA_SEEN) != 0);
	message_close(w, &b, &m);
}

static void say_ack(struct agent *a, struct hostile_seen *s, struct net_wr *w)
{
	uint64_t *rng = rng_of(a);
	uint8_t stream = (uint8_t)rng_below(rng, STREAM_COUNT);
	uint64_t until = s->heard[stream];
	struct message_ack m = { .stream = stream,
		.id = s->heard_stream[stream],
		.highest = (uint32_t)hostile_number(rng, UINT32_MAX),
		.received = (uint32_t)hostile_number(rng, UINT32_MAX) };

	if (rng_chance(rng, 700))
		m.highest = m.received = 1;
	m.until = rng_chance(rng, 800) ? until - (until > 0 && rng_chance(rng, 500))
				       : hostile_number(rng, UINT64_MAX);
	for (unsigned i = (unsigned)rng_below(rng, MESSAGE_HOLES); i > 0; i--) {
		struct message_hole *h = &m.hole[m.hole_count];

		h->first = m.hole_count == 0 ? m.until + 1 : h[-1].last + rng_between(rng, 0, 3);
		h->last = h->first + rng_below(rng, 3);
		m.hole_count++;
	}
	if (rng_chance(rng, 300))
		refused_note(&m.refused, some_domain(a), rng_below(rng, until + 2));
	if (rng_chance(rng, 100))
		for (unsigned i = 0; i < REFUSED_DOMAINS; i++)
			refused_note(&m.refused, (uint32_t)rng_next(rng), until);
	if (rng_chance(rng, 200))
		m.full[m.full_count++] = some_domain(a);
	if (rng_chance(rng, 50))
		m.flags = ACK_FULL;
	message_write_ack(w, &m);
}

/* --- digests --- */

static struct digest_key some_key(struct agent *a)
{
	struct digest_key k = { .born_ms = hostile_number(rng_of(a), 2 * agent_wall(a)) };

	k.key[0] = (uint8_t)rng_next(rng_of(a));
	return k;
}

static void say_digest(struct agent *a, struct hostile_seen *s, struct net_wr *w)
{
	uint64_t *rng = rng_of(a);
	struct message_digest m = { .domain = some_domain(a),
		.round = s->round + (uint32_t)rng_below(rng, 2),
		.digest_key = some_key(a),
		.most = (uint8_t)hostile_number(rng, 32),
		.bits = (uint8_t)rng_below(rng, 12),
		.count = (uint8_t)rng_between(rng, 1, MESSAGE_HASHES) };

	if (m.count > 1U << m.bits)
		m.count = (uint8_t)(1U << m.bits);
	m.from = (uint32_t)rng_below(rng, (1ULL << m.bits) - m.count + 1);
	message_write_digest(w, &m);
}

static void say_differ(struct agent *a, struct hostile_seen *s, struct net_wr *w)
{
	uint64_t *rng = rng_of(a);
	struct message_differ m = { .domain = some_domain(a),
		.round = s->round,
		.digest_key = some_key(a),
		.flags = (uint8_t)rng_below(rng, 2),
		.most = (uint8_t)hostile_number(rng, 32),
		.bits = rng_chance(rng, 700) ? s->bits : (uint8_t)rng_below(rng, 8),
		.count = 1,
		.bitmap = { UINT64_MAX } };

	if (rng_chance(rng, 500) && m.bits < 8)
		m.count = (uint8_t)(1U << m.bits);
	message_write_differ(w, &m);
}

static void say_keys(struct agent *a, struct hostile_seen *s, struct net_wr *w)
{
	uint64_t *rng = rng_of(a);
	struct message_keys m = { .domain = some_domain(a), .round = s->round, .last = UINT64_MAX };
	uint64_t step = UINT64_MAX / (MESSAGE_LISTED + 1);

	m.count = (uint8_t)rng_below(rng, MESSAGE_LISTED + 1);
	for (unsigned i = 0; i < m.count; i++)
		m.key[i] = (struct message_key){ (i + 1) * step, (uint32_t)rng_next(rng) };
	message_write_keys(w, &m);
}

static void say_want(struct agent *a, struct hostile_seen *s, struct net_wr *w)
{
	uint64_t *rng = rng_of(a);
	struct message_want m = { .domain = some_domain(a),
		.round = s->round + (uint32_t)rng_below(rng, 2),
		.last = UINT64_MAX >> rng_below(rng, 8),
		.differ = (uint16_t)hostile_number(rng, UINT16_MAX),
		.count = (uint8_t)rng_below(rng, MESSAGE_WANTED + 1) };

	for (unsigned i = 0; i < m.count; i++)
		m.key[i] = rng_next(rng);
	message_write_want(w, &m);
}

static void say_records(struct agent *a, struct net_wr *w)
{
	struct message_builder b;

	message_open_records(w, &b);
	put_items(a, w, &b, false);
	message_close(w, &b, NULL);
}

/* Of a release that nobody has yet. */
static void say_unknown(struct agent *a, struct net_wr *w)
{
	net_wr_u8(w, (uint8_t)rng_between(rng_of(a), MESSAGE_TYPE_COUNT, 255));
	net_wr_u16(w, 5);
	net_wr_zero(w, 5);
}

void hostile_say(struct agent *a, struct hostile_seen *s, struct net_wr *w)
{
	switch (rng_below(rng_of(a), 10)) {
	case 0:
		s->request++;
		message_write_ask(
			w, &(struct message_ask){ some_domain(a), s->request, s->request % 8 });
		break;
	case 1:
		say_digest(a, s, w);
		break;
	case 2:
		say_differ(a, s, w);
		break;
	case 3:
		say_keys(a, s, w);
		break;
	case 4:
		say_want(a, s, w);
		break;
	case 5:
		say_records(a, w);
		break;
	case 6:
		say_unknown(a, w);
		break;
	case 7:
		say_ack(a, s, w);
		break;
	default:
		say_delta(a, s, w);
	}
}
