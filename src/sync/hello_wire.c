/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/hello_wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "common/util.h"
#include "net/cursor.h"

enum { BASE = 1, ECHO, STATES, PEERS, SETTINGS, LABEL };

#define FIELD_LEN 3 /* number, length */
#define BASE_LEN  (1 + 1 + 8 + 4 + 8 + 8)
#define ECHO_LEN  (1 + 8 + 8 + 4)
#define STATE_LEN (4 + 1 + 1)
#define LABEL_LEN (4 + 8)

static_assert(HELLO_WIRE_PAIRS * sizeof(struct hello_pair) > HELLO_MAX, "more than fit");
static_assert(HELLO_SETTING_COUNT <= HELLO_WIRE_SETTINGS, "room for ours");

size_t hello_wire_list_size(unsigned count)
{
	return FIELD_LEN + 4 + count * sizeof(struct hello_pair);
}

size_t hello_wire_size(const struct hello_msg *m)
{
	size_t n = FIELD_LEN + BASE_LEN + FIELD_LEN + (size_t)m->state_count * STATE_LEN;

	if (m->has_echo)
		n += FIELD_LEN + ECHO_LEN;
	for (unsigned i = 0; i < m->list_count; i++)
		n += hello_wire_list_size(m->lists[i].count);
	if (m->setting_count > 0)
		n += FIELD_LEN + 4 + 4 * (size_t)m->setting_count;
	if (m->label_key != 0)
		n += FIELD_LEN + LABEL_LEN;
	return n;
}

/* --- writing --- */

static void put_field(struct net_wr *w, uint8_t number, size_t len)
{
	net_wr_u8(w, number);
	net_wr_u16(w, (uint16_t)len);
}

static void put_base(struct net_wr *w, const struct hello_msg *m)
{
	put_field(w, BASE, BASE_LEN);
	net_wr_u8(w, m->version_min);
	net_wr_u8(w, m->version_max);
	net_wr_u64(w, m->boot);
	net_wr_u32(w, m->interval_ms);
	net_wr_u64(w, m->sent_ms);
	net_wr_u64(w, m->wall_ms);
}

static void put_echo(struct net_wr *w, const struct hello_msg *m)
{
	put_field(w, ECHO, ECHO_LEN);
	net_wr_u8(w, m->hears);
	net_wr_u64(w, m->echo_boot);
	net_wr_u64(w, m->echo_sent_ms);
	net_wr_u32(w, m->echo_age_ms);
}

static void put_states(struct net_wr *w, const struct hello_msg *m)
{
	put_field(w, STATES, (size_t)m->state_count * STATE_LEN);
	for (unsigned i = 0; i < m->state_count; i++) {
		net_wr_u32(w, m->states[i].domain);
		net_wr_u8(w, m->states[i].says);
		net_wr_u8(w, m->states[i].echo);
	}
}

static void put_list(struct net_wr *w, const struct hello_msg *m, const struct hello_list *l)
{
	put_field(w, PEERS, hello_wire_list_size(l->count) - FIELD_LEN);
	net_wr_u32(w, l->domain);
	for (unsigned i = 0; i < l->count; i++) {
		net_wr_u8(w, m->pairs[l->first + i].node);
		net_wr_u8(w, m->pairs[l->first + i].says);
	}
}

static void put_settings(struct net_wr *w, const struct hello_msg *m)
{
	put_field(w, SETTINGS, 4 + 4 * (size_t)m->setting_count);
	net_wr_u32(w, m->settings_domain);
	for (unsigned i = 0; i < m->setting_count; i++)
		net_wr_u32(w, m->settings[i]);
}

static void put_label(struct net_wr *w, const struct hello_msg *m)
{
	put_field(w, LABEL, LABEL_LEN);
	net_wr_u32(w, m->label_domain);
	net_wr_u64(w, m->label_key);
}

size_t hello_encode(const struct hello_msg *m, uint8_t *buf, size_t cap)
{
	struct net_wr w = net_wr_init(buf, cap);

	put_base(&w, m);
	if (m->has_echo)
		put_echo(&w, m);
	put_states(&w, m);
	for (unsigned i = 0; i < m->list_count; i++)
		put_list(&w, m, &m->lists[i]);
	if (m->setting_count > 0)
		put_settings(&w, m);
	if (m->label_key != 0)
		put_label(&w, m);
	return w.bad ? 0 : net_wr_len(&w);
}

/* --- reading: what a later release adds behind a field's known values is skipped --- */

static bool get_base(struct net_rd *r, struct hello_msg *m)
{
	m->version_min = net_rd_u8(r);
	m->version_max = net_rd_u8(r);
	m->boot = net_rd_u64(r);
	m->interval_ms = net_rd_u32(r);
	m->sent_ms = net_rd_u64(r);
	m->wall_ms = net_rd_u64(r);
	return m->version_min <= m->version_max && m->boot != 0 &&
	       m->wall_ms <= HELLO_WIRE_WALL_MAX && m->interval_ms >= HELLO_INTERVAL_MIN &&
	       m->interval_ms <= HELLO_INTERVAL_MAX;
}

static bool get_echo(struct net_rd *r, struct hello_msg *m)
{
	uint8_t flags = net_rd_u8(r);

	m->has_echo = true;
	m->hears = (flags & 1) != 0;
	m->echo_boot = net_rd_u64(r);
	m->echo_sent_ms = net_rd_u64(r);
	m->echo_age_ms = net_rd_u32(r);
	return true;
}

static bool get_states(struct net_rd *r, struct hello_msg *m)
{
	while (net_rd_left(r) > 0) {
		struct hello_state *s;

		if (m->state_count == HELLO_DOMAINS)
			return false;
		s = &m->states[m->state_count++];
		s->domain = net_rd_u32(r);
		s->says = net_rd_u8(r);
		s->echo = net_rd_u8(r);
		if (s->says > NEXT_LEFT || (s->echo > NEXT_LEFT && s->echo != HELLO_WIRE_UNHEARD))
			return false;
	}
	return true;
}

static bool get_list(struct net_rd *r, struct hello_msg *m)
{
	struct hello_list *l;

	if (m->list_count == HELLO_DOMAINS)
		return false;
	l = &m->lists[m->list_count++];
	l->domain = net_rd_u32(r);
	l->first = m->pair_count;
	l->count = 0;
	while (net_rd_left(r) > 0) {
		struct hello_pair *p;

		if (m->pair_count == HELLO_WIRE_PAIRS)
			return false;
		p = &m->pairs[m->pair_count++];
		p->node = net_rd_u8(r);
		p->says = net_rd_u8(r);
		if (p->node == 0 || p->says > NEXT_LEFT)
			return false;
		l->count++;
	}
	return true;
}

static bool get_settings(struct net_rd *r, struct hello_msg *m)
{
	m->settings_domain = net_rd_u32(r);
	while (net_rd_left(r) > 0 && m->setting_count < HELLO_WIRE_SETTINGS)
		m->settings[m->setting_count++] = net_rd_u32(r);
	return m->setting_count > 0;
}

static bool get_label(struct net_rd *r, struct hello_msg *m)
{
	m->label_domain = net_rd_u32(r);
	m->label_key = net_rd_u64(r);
	return m->label_key != 0;
}

int hello_decode(const uint8_t *buf, size_t len, struct hello_msg *m)
{
	static const struct {
		bool (*get)(struct net_rd *r, struct hello_msg *m);
		bool must, repeats;
	} fields[] = {
		[BASE] = { get_base, .must = true },
		[ECHO] = { get_echo },
		[STATES] = { get_states, .must = true },
		[PEERS] = { get_list, .repeats = true },
		[SETTINGS] = { get_settings },
		[LABEL] = { get_label },
	};
	struct net_rd r = net_rd_init(buf, len);
	bool seen[DIM(fields)] = { false };

	memset(m, 0, sizeof(*m));
	while (net_rd_left(&r) > 0) {
		uint8_t number = net_rd_u8(&r);
		struct net_rd value = net_rd_sub(&r, net_rd_u16(&r));

		if (r.bad)
			return -EBADMSG;
		if (number == 0 || number >= DIM(fields))
			continue;
		if ((seen[number] && !fields[number].repeats) || !fields[number].get(&value, m) ||
			value.bad)
			return -EBADMSG;
		seen[number] = true;
	}
	for (unsigned i = BASE; i < DIM(fields); i++)
		if (fields[i].must && !seen[i])
			return -EBADMSG;
	return 0;
}
