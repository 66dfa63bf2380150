/* SPDX-License-Identifier: BSD-3-Clause */
#include "sync/hello_priv.h"

#include <string.h>

#define PLAIN_MAX (HELLO_MAX - HELLO_SEAL_OVERHEAD)

static void tell_echo(const struct peer *p, struct hello_msg *m, uint64_t now_ms)
{
	uint64_t age = now_ms - p->came_ms;

	if (!p->heard)
		return;
	m->has_echo = true;
	m->hears = hello_is_heard(p, now_ms);
	m->echo_boot = p->boot;
	m->echo_sent_ms = p->sent_ms;
	m->echo_age_ms = age > UINT32_MAX ? UINT32_MAX : (uint32_t)age;
}

static void tell_states(const struct hello *h, const struct peer *p, struct hello_msg *m)
{
	for (uint32_t i = 0; i < h->domain_count; i++) {
		const struct domain *d = &h->domains[i];
		const struct member *mb = hello_member_of(d, p->node);

		if (mb == NULL)
			continue;
		m->states[m->state_count++] = (struct hello_state){ d->id, (uint8_t)d->says,
			mb->has_state ? mb->says : HELLO_WIRE_UNHEARD };
	}
}

/* The next domain's in turn, and with them the key of our labels there. */
static void tell_settings(const struct hello *h, struct peer *p, struct hello_msg *m)
{
	for (uint32_t i = 0; i < h->domain_count; i++) {
		uint32_t at = (p->next_settings + i) % h->domain_count;
		const struct domain *d = &h->domains[at];

		if (hello_member_of(d, p->node) == NULL)
			continue;
		m->settings_domain = d->id;
		m->setting_count = HELLO_SETTING_COUNT;
		memcpy(m->settings, d->setting, sizeof(d->setting));
		m->label_domain = d->id;
		m->label_key = d->label_key;
		p->next_settings = at + 1;
		return;
	}
}

static bool is_told_of(const struct hello *h, const struct peer *p, const struct member *mb)
{
	return mb->node != p->node && mb->has_state && hello_peer_of(h, mb->node)->up;
}

/* False: it does not fit any more. */
static bool tell_list(
	const struct hello *h, const struct domain *d, const struct peer *p, struct hello_msg *m)
{
	struct hello_list *l = &m->lists[m->list_count];
	unsigned count = 0;

	for (uint32_t i = 0; i < d->member_count; i++)
		count += is_told_of(h, p, &d->members[i]);
	if (hello_wire_size(m) + hello_wire_list_size(count) > PLAIN_MAX)
		return false;
	*l = (struct hello_list){ d->id, m->pair_count, (uint16_t)count };
	m->list_count++;
	for (uint32_t i = 0; i < d->member_count; i++)
		if (is_told_of(h, p, &d->members[i]))
			m->pairs[m->pair_count++] =
				(struct hello_pair){ d->members[i].node, d->members[i].says };
	return true;
}

/* As many domains as fit, beginning where the last hello ended. Nobody hears of sites that it
 * shares no domain with. */
static void tell_lists(const struct hello *h, struct peer *p, struct hello_msg *m)
{
	uint32_t start = p->next_list;

	p->next_list = 0;
	for (uint32_t i = 0; i < h->domain_count; i++) {
		uint32_t at = (start + i) % h->domain_count;
		const struct domain *d = &h->domains[at];

		if (hello_member_of(d, p->node) == NULL)
			continue;
		if (!tell_list(h, d, p, m)) {
			p->next_list = at;
			return;
		}
	}
}

/* Echoes name hellos by the millisecond: one that said something else in the same does not count. */
static void note_said(const struct hello *h, struct peer *p, uint64_t now_ms)
{
	bool is_first = p->last_ms != now_ms;

	p->last_ms = now_ms;
	for (uint32_t i = 0; is_first && i < h->domain_count; i++) {
		struct member *mb = hello_member_of(&h->domains[i], p->node);

		if (mb != NULL && mb->said_ms == UINT64_MAX)
			mb->said_ms = now_ms;
	}
}

static void tell(struct hello *h, struct peer *p, uint64_t now_ms, uint64_t wall_ms)
{
	uint8_t plain[PLAIN_MAX], sealed[HELLO_MAX];
	struct hello_msg m = { .version_min = h->version_min,
		.version_max = h->version_max,
		.boot = h->boot,
		.interval_ms = p->hello_ms,
		.sent_ms = now_ms,
		.wall_ms = wall_ms };
	size_t n;

	tell_echo(p, &m, now_ms);
	tell_states(h, p, &m);
	tell_settings(h, p, &m);
	tell_lists(h, p, &m);
	n = hello_encode(&m, plain, sizeof(plain));
	if (!hello_seal(&h->seals[p - h->peers], h->node, plain, n, now_ms, sealed))
		return;
	note_said(h, p, now_ms);
	h->ops.send(h->ops.ctx, p->node, sealed, n + HELLO_SEAL_OVERHEAD);
}

void hello_tell(struct hello *h, bool is_turn, uint64_t now_ms, uint64_t wall_ms)
{
	if (is_turn)
		h->send_ms = now_ms + h->hello_ms;
	for (uint32_t i = 0; i < h->peer_count; i++) {
		struct peer *p = &h->peers[i];

		if (is_turn && now_ms >= p->send_ms) {
			p->send_ms = now_ms + p->hello_ms;
			p->was_told = true;
			p->told_ms = now_ms;
			p->hurry = true;
		}
		if (p->hurry)
			tell(h, p, now_ms, wall_ms);
		p->hurry = false;
		if (p->send_ms < h->send_ms)
			h->send_ms = p->send_ms;
	}
	h->hurry = false;
}
