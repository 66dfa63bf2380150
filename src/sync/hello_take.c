/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/hello_priv.h"

#include <string.h>

static struct domain *domain_of(struct hello *h, uint32_t id, uint8_t node)
{
	for (uint32_t i = 0; i < h->domain_count; i++)
		if (h->domains[i].id == id && hello_member_of(&h->domains[i], node) != NULL)
			return &h->domains[i];
	return NULL;
}

/* The round trip by its echo of our hello. False: it echoes none of this life of ours, or its
 * numbers cannot be. */
static bool round_trip(
	const struct hello *h, const struct hello_msg *m, uint64_t now_ms, uint64_t *rtt_ms)
{
	if (!m->has_echo || m->echo_boot != h->boot || m->echo_sent_ms > now_ms ||
		m->echo_age_ms > now_ms - m->echo_sent_ms)
		return false;
	*rtt_ms = now_ms - m->echo_sent_ms - m->echo_age_ms;
	return true;
}

/*
 * An offset may be wrong by half of what the round trip took, and hellos wait in the sockets of whoever
 * stands still. Nothing is learned from an echo of what we said before we lived again, nor about
 * clocks where it took that much longer than it does, or we were that late ourselves. A round trip
 * is one all the same then: who is that late now and then must know how far away its peers are.
 */
static void take_rtt(struct hello *h, struct peer *p, const struct hello_msg *m, uint64_t rtt_ms,
	uint64_t now_ms)
{
	uint32_t rtt = (uint32_t)rtt_ms, usual = p->srtt8_ms / 8; /* not late, so it is small */
	bool was_like_ours = p->has_offset && hello_is_clock_alike(h, p);
	bool tells_clock = m->echo_sent_ms >= h->late_ms &&
			   (!p->has_rtt || rtt <= usual + h->clock_limit_ms / 2);

	if (m->echo_sent_ms < h->woke_ms)
		return;
	if (!p->has_rtt)
		p->srtt8_ms = 8 * rtt;
	else
		p->srtt8_ms += rtt - usual;
	p->has_rtt = true;
	if (!tells_clock)
		return;
	p->ahead_ms = (int64_t)(m->wall_ms + rtt / 2 - now_ms);
	p->has_offset = true;
	if (!was_like_ours || !hello_is_clock_alike(h, p)) /* else it has the same say as before */
		hello_check_clock(h);
}

static void take_base(struct hello *h, struct peer *p, const struct hello_msg *m, uint64_t now_ms)
{
	bool compatible = m->version_min <= h->version_max && m->version_max >= h->version_min;

	if (p->heard && p->boot != m->boot) {
		p->has_rtt = p->has_offset = false;
		h->changed = true;
		hello_forget_lists(h, p->node);
		h->ops.event(h->ops.ctx, HELLO_RESTARTED, 0, p->node, (int64_t)m->boot);
	}
	if ((!p->heard || p->compatible) != compatible)
		h->ops.event(h->ops.ctx, HELLO_INCOMPATIBLE, 0, p->node, !compatible);
	h->changed |= !p->up || compatible != p->compatible;
	p->heard = true;
	p->compatible = compatible;
	p->version_min = m->version_min;
	p->version_max = m->version_max;
	p->interval_ms = m->interval_ms;
	p->boot = m->boot;
	p->sent_ms = m->sent_ms;
	p->came_ms = p->heard_ms = now_ms;
}

static void take_state(const struct hello *h, struct domain *d, struct member *mb,
	const struct hello_msg *m, const struct hello_state *s, uint64_t now_ms)
{
	/* of a hello in which we said what we say now, not of one when we once said the same */
	bool known = s->echo == d->says && m->has_echo && m->echo_boot == h->boot &&
		     mb->said_ms != UINT64_MAX && m->echo_sent_ms >= mb->said_ms;

	mb->says = s->says;
	if (!known)
		mb->known_ms = 0;
	else if (mb->known_ms == 0)
		mb->known_ms = now_ms;
}

static void take_states(struct hello *h, struct peer *p, const struct hello_msg *m, uint64_t now_ms)
{
	for (uint32_t i = 0; i < h->domain_count; i++) {
		struct domain *d = &h->domains[i];
		struct member *mb = hello_member_of(d, p->node);
		bool had;
		uint8_t said;

		if (mb == NULL)
			continue;
		had = mb->has_state;
		said = mb->says;
		mb->has_state = false;
		for (unsigned j = 0; j < m->state_count; j++) {
			if (m->states[j].domain != d->id)
				continue;
			mb->has_state = true;
			take_state(h, d, mb, m, &m->states[j], now_ms);
		}
		h->changed |= had != mb->has_state || said != mb->says;
	}
}

static void take_lists(struct hello *h, struct peer *p, const struct hello_msg *m)
{
	for (unsigned i = 0; i < m->list_count; i++) {
		const struct hello_list *l = &m->lists[i];
		struct domain *d = domain_of(h, l->domain, p->node);
		uint8_t sees[NEXT_NODES] = { 0 };
		struct member *mb;

		if (d == NULL)
			continue;
		mb = hello_member_of(d, p->node);
		for (unsigned j = 0; j < l->count; j++) {
			const struct hello_pair *pair = &m->pairs[l->first + j];

			sees[pair->node] = (uint8_t)(pair->says + 1);
		}
		if (memcmp(sees, mb->sees, sizeof(sees)) != 0) {
			memcpy(mb->sees, sees, sizeof(sees));
			h->changed = true;
		}
	}
}

static void take_settings(struct hello *h, struct peer *p, const struct hello_msg *m)
{
	struct domain *d;
	struct member *mb;
	uint32_t drift = 0;

	if (m->setting_count == 0)
		return;
	d = domain_of(h, m->settings_domain, p->node);
	if (d == NULL)
		return;
	for (unsigned i = 0; i < m->setting_count && i < HELLO_SETTING_COUNT; i++)
		if (m->settings[i] != d->setting[i])
			drift |= 1U << i;
	mb = hello_member_of(d, p->node);
	if (drift == mb->drift)
		return;
	mb->drift = drift;
	h->ops.event(h->ops.ctx, HELLO_DRIFT, (uint32_t)(d - h->domains), p->node, drift);
}

/* Of a domain that is the peer's too: about any other it has nothing to say. */
static void take_label_key(struct hello *h, struct peer *p, const struct hello_msg *m)
{
	struct domain *d;
	struct member *mb;

	if (m->label_key == 0)
		return;
	d = domain_of(h, m->label_domain, p->node);
	if (d == NULL)
		return;
	mb = hello_member_of(d, p->node);
	if (m->label_key == mb->label_key)
		return;
	mb->label_key = m->label_key;
	h->ops.event(h->ops.ctx, HELLO_LABEL_KEY, (uint32_t)(d - h->domains), p->node,
		(int64_t)m->label_key);
}

static enum hello_verdict take(
	struct hello *h, struct peer *p, const struct hello_msg *m, uint64_t now_ms)
{
	uint64_t rtt = 0;
	bool has_rtt = round_trip(h, m, now_ms, &rtt), hears_us;

	if (has_rtt && rtt > hello_limit(p, m->interval_ms) + HELLO_LATE_MS)
		return HELLO_LATE;
	take_base(h, p, m, now_ms);
	hears_us = m->has_echo && m->hears && m->echo_boot == h->boot;
	h->changed |= hears_us != p->hears_us;
	p->hears_us = hears_us;
	take_states(h, p, m, now_ms);
	take_lists(h, p, m);
	take_settings(h, p, m);
	take_label_key(h, p, m);
	if (has_rtt)
		take_rtt(h, p, m, rtt, now_ms);
	if (h->changed)
		hello_look(h, now_ms);
	return HELLO_TAKEN;
}

static enum hello_verdict input(
	struct hello *h, struct peer *p, const uint8_t *buf, size_t n, uint64_t now_ms)
{
	uint8_t plain[HELLO_MAX];
	struct hello_msg m;
	enum hello_verdict v = hello_open(&h->seals[p - h->peers], buf, n, now_ms, plain);

	if (v != HELLO_TAKEN)
		return v;
	if (hello_decode(plain, n - HELLO_SEAL_OVERHEAD, &m) < 0)
		return HELLO_CONTENT;
	return take(h, p, &m, now_ms);
}

static void note_failure(struct peer *p, enum hello_verdict v, uint64_t now_ms)
{
	p->last_failure = v;
	p->failed_ms = now_ms;
}

void hello_no_keys(struct hello *h, uint8_t node, uint64_t now_ms)
{
	struct peer *p = hello_peer_of(h, node);

	if (p != NULL)
		note_failure(p, HELLO_NO_KEYS, now_ms);
}

enum hello_verdict hello_input(struct hello *h, const struct ip6_addr *from, const uint8_t *buf,
	size_t n, uint64_t now_ms, uint64_t wall_ms)
{
	enum hello_verdict v;
	struct peer *p;
	uint8_t node = 0;

	hello_note_time(h, now_ms, wall_ms);
	v = hello_seal_form(buf, n, &node);
	if (v != HELLO_TAKEN)
		return v;
	p = hello_peer_of(h, node);
	if (p == NULL || !ip6_eq(&p->address, from))
		return HELLO_STRANGER;
	v = input(h, p, buf, n, now_ms);
	if (v != HELLO_TAKEN && v != HELLO_OLDER)
		note_failure(p, v, now_ms);
	return v;
}
