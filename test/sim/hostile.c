/* SPDX-License-Identifier: BSD-3-Clause */
#include "hostile.h"

#include <string.h>

#include "agent_priv.h"
#include "mem.h"
#include "mn.h"
#include "net/cursor.h"
#include "oracle.h"
#include "sync/hello_wire.h"
#include "sync/message.h"

#define TURN_US     (20 * MS) /* it says something of its own as often as this */
#define HONEST      400 /* of a thousand datagrams go as they are: else it would soon be alone */
#define HELLO_TRUE  970 /* ... of a thousand hellos */
#define PREFIX      3 /* octets in front of a message's body: type, length */
#define LISTED_MOST 64
#define INTRUDES    200 /* of a thousand turns */

static struct hostile_seen seen[SHAPE_SITES + 1]; /* of the world at hand */
static const struct world *world;
static uint64_t turn_us;

static struct hostile_seen *seen_of(const struct agent *a, uint8_t node)
{
	if (world != a->w) {
		world = a->w;
		turn_us = 0;
		memset(seen, 0, sizeof(seen));
	}
	return &seen[node];
}

uint64_t hostile_number(uint64_t *rng, uint64_t most)
{
	switch (rng_below(rng, 6)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return most;
	case 3:
		return most - 1;
	case 4:
		return most / 2;
	default:
		return most == UINT64_MAX ? rng_next(rng) : rng_below(rng, most + 1);
	}
}

/* --- octets that were right --- */

/* The message at `at`, and where the next one begins; false: there is none. */
static bool next_message(const uint8_t *buf, size_t len, size_t *at, size_t *end)
{
	if (*at + PREFIX > len)
		return false;
	*end = *at + PREFIX + ((size_t)buf[*at + 1] << 8 | buf[*at + 2]);
	return *end <= len;
}

/* A message of the datagram, the first or a later one. */
static bool some_message(uint64_t *rng, const uint8_t *buf, size_t len, size_t *at, size_t *end)
{
	size_t next = MESSAGE_HEADER;

	if (!next_message(buf, len, &next, end))
		return false;
	for (*at = next; rng_chance(rng, 500); *at = next) {
		next = *end;
		if (!next_message(buf, len, &next, end)) {
			*end = next;
			return true;
		}
	}
	return true;
}

static uint8_t other_octet(uint64_t *rng, uint8_t was)
{
	const uint8_t to[] = { 0, 1, 0xff, 0x7f, 0x80, (uint8_t)(was + 1), (uint8_t)(was - 1),
		(uint8_t)rng_next(rng) };

	return to[rng_below(rng, DIM(to))];
}

static void change_octets(uint64_t *rng, uint8_t *buf, size_t len)
{
	size_t at, end;

	if (!some_message(rng, buf, len, &at, &end) || end <= at)
		return;
	for (unsigned n = (unsigned)rng_between(rng, 1, 3); n > 0; n--) {
		/* the first ones say what the others are */
		size_t most = rng_chance(rng, 700) && end - at > 48 ? 48 : end - at;
		size_t i = at + rng_below(rng, most);

		buf[i] = other_octet(rng, buf[i]);
	}
}

/* A message ends early, and says so: its fields do not. */
static size_t cut_message(uint64_t *rng, uint8_t *buf, size_t len)
{
	size_t at, end, body;

	if (!some_message(rng, buf, len, &at, &end) || end <= at + PREFIX)
		return len;
	body = rng_below(rng, end - at - PREFIX);
	buf[at + 1] = (uint8_t)(body >> 8);
	buf[at + 2] = (uint8_t)body;
	if (rng_chance(rng, 500))
		memmove(buf + at + PREFIX + body, buf + end, len - end);
	return len - (end - at - PREFIX - body);
}

static size_t spoil(struct agent *a, uint8_t *buf, size_t len)
{
	uint64_t *rng = &a->w->rng_odd;

	switch (rng_below(rng, 8)) {
	case 0:
		return cut_message(rng, buf, len);
	case 1:
		return rng_below(rng, len + 1);
	case 2: { /* the head: version, lives */
		size_t i = rng_below(rng, MESSAGE_HEADER);

		buf[i] = other_octet(rng, buf[i]);
		return len;
	}
	default:
		change_octets(rng, buf, len);
		return len;
	}
}

/* --- what it sees --- */

static void note_said(struct hostile_seen *s, const struct message *m)
{
	if (m->type == MESSAGE_DELTA) {
		s->stream[m->delta.stream] = m->delta.id;
		s->sent[m->delta.stream] = m->delta.last;
	} else if (m->type == MESSAGE_ASK) {
		s->request = m->ask.request;
	}
}

void hostile_hears(struct agent *a, uint8_t from, const uint8_t *buf, size_t len)
{
	struct hostile_seen *s = seen_of(a, from);
	struct net_rd r = net_rd_init(buf, len);
	struct message_head head;
	struct message m;

	if (message_read_head(&r, &head) < 0)
		return;
	while (message_read(&r, &m) > 0) {
		if (m.type == MESSAGE_DELTA) {
			s->heard_stream[m.delta.stream] = m.delta.id;
			s->heard[m.delta.stream] = m.delta.last;
		} else if (m.type == MESSAGE_DIGEST) {
			s->round = m.digest.round;
			s->bits = m.digest.bits;
		} else if (m.type == MESSAGE_KEYS) {
			s->round = m.keys.round;
		}
	}
}

static void look_at(struct hostile_seen *s, const uint8_t *buf, size_t len)
{
	struct net_rd r = net_rd_init(buf, len);
	struct message_head head;
	struct message m;

	if (message_read_head(&r, &head) < 0)
		return;
	while (message_read(&r, &m) > 0)
		note_said(s, &m);
}

/* --- what leaves --- */

void hostile_send(struct agent *a, uint8_t node, const uint8_t *buf, size_t len)
{
	uint64_t *rng = &a->w->rng_odd;
	uint8_t out[MESSAGE_MAX];

	look_at(seen_of(a, node), buf, len);
	if (rng_chance(rng, HONEST)) {
		agent_link_send(a, NET_SYNC, node, buf, len);
		return;
	}
	memcpy(out, buf, len);
	len = spoil(a, out, len);
	a->w->stats.spoilt++;
	if (len > 0)
		agent_link_send(a, NET_SYNC, node, out, len);
}

static void say_one(struct agent *a, uint8_t node)
{
	uint64_t *rng = &a->w->rng_odd;
	const struct site *s = a->w->site[node];
	struct message_head head = { .boot = site_boot(a->site), .your_boot = site_boot(s) };
	uint8_t buf[MESSAGE_MAX];
	struct net_wr w = net_wr_init(buf, sizeof(buf)), before;
	size_t len;

	message_write_head(&w, &head);
	for (unsigned n = (unsigned)rng_between(rng, 1, 3); n > 0; n--) {
		before = w;
		hostile_say(a, seen_of(a, node), &w);
		if (w.bad)
			w = before;
	}
	len = net_wr_len(&w);
	if (rng_chance(rng, 200))
		len = spoil(a, buf, len);
	a->w->stats.spoilt++;
	if (len > 0)
		agent_link_send(a, NET_SYNC, node, buf, len);
}

static uint8_t some_peer(struct agent *a)
{
	uint8_t node = (uint8_t)rng_between(&a->w->rng_odd, 1, a->w->shape.sites - 1U);

	return node < a->node ? node : (uint8_t)(node + 1);
}

/* A packet to a mobile node of the domain that it is not in, as if its peers served it that one. */
static void intrude(struct agent *a, uint8_t node)
{
	uint64_t *rng = &a->w->rng_odd;
	uint8_t mn = (uint8_t)rng_below(rng, a->w->shape.mns);
	struct pkt p;

	if (mn_domain(a->w, mn) == 0 && oracle_probe(a->w, PROBE_FOREIGN, mn, mn, a->node, &p))
		net_relay(a->w, a->node, node, &p, rng_chance(rng, 500));
}

void hostile_turn(struct agent *a)
{
	(void)seen_of(a, 0);
	if (a->w->now_us < turn_us || a->w->now_us >= a->w->end_us)
		return;
	turn_us = a->w->now_us + TURN_US;
	for (uint8_t n = 1; n <= a->w->shape.sites; n++)
		if (agent_is_peer(a, n) && site_is_up(a->w->site[n]))
			say_one(a, n);
	if (rng_chance(&a->w->rng_odd, INTRUDES))
		intrude(a, some_peer(a));
}

/* --- hello --- */

size_t __real_hello_encode(const struct hello_msg *m, uint8_t *buf, size_t cap);
size_t __wrap_hello_encode(const struct hello_msg *m, uint8_t *buf, size_t cap);

static void lie_of_lists(uint64_t *rng, struct hello_msg *m)
{
	unsigned many = rng_chance(rng, 200) ? LISTED_MOST : 1;

	for (unsigned n = 0; n < many; n++) {
		struct hello_list *l;
		struct hello_pair *p;

		if (m->list_count < HELLO_DOMAINS && m->pair_count < HELLO_WIRE_PAIRS) {
			l = &m->lists[m->list_count++];
			*l = (struct hello_list){ m->states[0].domain ^ (uint32_t)(n % 2),
				m->pair_count, 1 };
			p = &m->pairs[m->pair_count++];
			p->node = (uint8_t)hostile_number(rng, SHAPE_SITES);
			p->says = (uint8_t)hostile_number(rng, 5);
		}
		if (m->state_count < HELLO_DOMAINS && rng_chance(rng, 500))
			m->states[m->state_count++] =
				(struct hello_state){ m->states[0].domain, (uint8_t)(n % 5), 0 };
	}
}

static void lie_of_times(uint64_t *rng, struct hello_msg *m)
{
	m->sent_ms = rng_chance(rng, 500) ? hostile_number(rng, UINT64_MAX) : m->sent_ms - 5000;
	m->echo_sent_ms += rng_chance(rng, 500) ? 100000 : 0;
	m->echo_age_ms = (uint32_t)hostile_number(rng, UINT32_MAX);
	m->wall_ms = hostile_number(rng, 2 * HELLO_WIRE_WALL_MAX);
}

static void lie(uint64_t *rng, struct hello_msg *m)
{
	switch (rng_below(rng, 10)) {
	case 0:
		m->version_min = (uint8_t)rng_below(rng, 4);
		m->version_max = (uint8_t)rng_below(rng, 4);
		break;
	case 1:
		m->boot = hostile_number(rng, UINT64_MAX);
		break;
	case 2:
		m->interval_ms = (uint32_t)(rng_chance(rng, 500)
						    ? HELLO_INTERVAL_MIN - 1
						    : HELLO_INTERVAL_MAX + rng_below(rng, 2));
		break;
	case 3:
		lie_of_times(rng, m);
		break;
	case 4:
		m->has_echo = !m->has_echo;
		m->hears = !m->hears;
		m->echo_boot++;
		break;
	case 5:
		m->setting_count = (uint8_t)rng_between(rng, 1, HELLO_WIRE_SETTINGS);
		m->settings_domain ^= (uint32_t)rng_below(rng, 2);
		m->settings[rng_below(rng, m->setting_count)]++;
		break;
	case 6:
		m->state_count = 0;
		break;
	default:
		lie_of_lists(rng, m);
	}
}

/* Octets of fields: unknown numbers, fields twice, lengths that are not theirs. */
static size_t spoil_hello(uint64_t *rng, uint8_t *buf, size_t len, size_t cap)
{
	size_t i = rng_below(rng, len), more = rng_below(rng, len);

	switch (rng_below(rng, 4)) {
	case 0:
		return 1 + rng_below(rng, len);
	case 1: /* all of it, once more */
		if (len + more > cap)
			return len;
		memcpy(buf + len, buf, more);
		return len + more;
	default:
		buf[i < 40 || rng_chance(rng, 300) ? i : 0] = other_octet(rng, buf[i]);
		return len;
	}
}

size_t __wrap_hello_encode(const struct hello_msg *m, uint8_t *buf, size_t cap)
{
	struct world *w = world_current();
	struct hello_msg lies = *m;
	uint64_t *rng;
	size_t len;

	if (w == NULL || w->shape.hostile == 0 || mem_current() != w->shape.hostile ||
		w->now_us >= w->end_us)
		return __real_hello_encode(m, buf, cap);
	rng = &w->rng_odd;
	if (rng_chance(rng, HELLO_TRUE))
		return __real_hello_encode(m, buf, cap);
	w->stats.spoilt++;
	if (rng_chance(rng, 750))
		lie(rng, &lies);
	len = __real_hello_encode(&lies, buf, cap);
	if (len == 0)
		return __real_hello_encode(m, buf, cap);
	return rng_chance(rng, 300) ? spoil_hello(rng, buf, len, cap) : len;
}
