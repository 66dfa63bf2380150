/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands for the encrypted sessions in most worlds (agent_session.c has them): datagrams travel in
 * clear, but each says from which life to which life it is, and one that is not for this life, or
 * of a life that no handshake made known, is not to be opened, like one under other keys. Hello
 * gets keys that are different for each pair of lives, as from a handshake.
 */
#include <sodium.h>
#include <string.h>

#include "agent_priv.h"
#include "hostile.h"
#include "net/hello.h"

#define RETRY_US S /* SESSION_RETRY_MIN_MS */

enum link_type { LINK_BEGIN, LINK_ANSWER, LINK_DATA };

struct link_head {
	uint8_t type;
	uint32_t from, to; /* lives */
};

#define PLAIN_MAX 1400

static void send_head(
	struct agent *a, enum link_type type, uint8_t node, const uint8_t *buf, size_t len)
{
	uint8_t out[sizeof(struct link_head) + PLAIN_MAX];
	struct link_head h = {
		.type = (uint8_t)type, .from = a->site->boot, .to = a->link[node].boot
	};

	memset(out, 0, sizeof(h));
	memcpy(out, &h, sizeof(h));
	if (len > PLAIN_MAX) {
		world_fail(a->w, "site %u sends a datagram of %zu octets", a->node, len);
		return;
	}
	if (len > 0)
		memcpy(out + sizeof(h), buf, len);
	net_send(a->w, NET_SYNC, a->node, node, out, sizeof(h) + len);
}

bool agent_is_peer(const struct agent *a, uint8_t node)
{
	for (unsigned d = 0; d < a->w->shape.domains; d++)
		if (node != a->node && site_is_member(a->site, (uint8_t)d) &&
			site_is_member(a->w->site[node], (uint8_t)d))
			return node != a->w->shape.retired;
	return false;
}

void agent_link_turn(struct agent *a)
{
	if (a->sessions != NULL) {
		agent_session_turn(a);
		return;
	}
	for (uint8_t n = 1; n <= a->w->shape.sites; n++) {
		struct agent_link *l = &a->link[n];

		if (l->boot != 0 || a->w->now_us < l->ask_us || !agent_is_peer(a, n))
			continue;
		l->ask_us = a->w->now_us + RETRY_US;
		send_head(a, LINK_BEGIN, n, NULL, 0);
	}
}

static void establish(struct agent *a, uint8_t node, uint32_t boot)
{
	struct session_keys keys = { .initiator = a->node < node };
	uint32_t who[4] = { node, boot, a->node, a->site->boot };

	if (a->link[node].boot == boot)
		return;
	a->link[node].boot = boot;
	if (keys.initiator) {
		who[0] = a->node;
		who[1] = a->site->boot;
		who[2] = node;
		who[3] = boot;
	}
	crypto_generichash(keys.hello, sizeof(keys.hello), (uint8_t *)who, sizeof(who), NULL, 0);
	hello_keys(a->hello, node, &keys, agent_now(a));
	world_tell(a->w, "site %u has a session with site %u", a->node, node);
}

void agent_link_send(
	struct agent *a, enum net_kind kind, uint8_t node, const uint8_t *buf, size_t len)
{
	if (kind == NET_HELLO)
		net_send(a->w, NET_HELLO, a->node, node, buf, len);
	else if (a->sessions != NULL)
		agent_session_send(a, node, buf, len);
	else if (a->link[node].boot != 0)
		send_head(a, LINK_DATA, node, buf, len);
}

/* What a session opened. */
void agent_opened(struct agent *a, uint8_t from, const uint8_t *buf, size_t len)
{
	if (a->w->shape.hostile == a->node)
		hostile_hears(a, from, buf, len);
	engine_input(a->engine, from, buf, len, agent_now(a), agent_wall(a));
}

/* Workers drop what is under no key that they were told of (dataplane/sync.c). */
static bool is_key_told(const struct agent *a, uint8_t node, const uint8_t *buf)
{
	for (unsigned i = 0; i < a->hello_keys[node].count; i++)
		if (a->hello_keys[node].name[i] == net_hello_key(buf))
			return true;
	return false;
}

static bool is_opened(enum hello_verdict v)
{
	return v == HELLO_TAKEN || v == HELLO_OLDER || v == HELLO_LATE;
}

void agent_link_input(
	struct site *s, enum net_kind kind, uint8_t from, const uint8_t *buf, size_t len)
{
	struct agent *a = agent_of(s);
	struct ip6_addr address = agent_site_address(from);
	struct link_head h;

	if (kind == NET_HELLO) {
		enum hello_verdict v =
			hello_input(a->hello, &address, buf, len, agent_now(a), agent_wall(a));

		if (is_opened(v) && !is_key_told(a, from, buf))
			world_fail(a->w,
				"site %u opens a hello of site %u under a key that its "
				"workers do not know",
				a->node, from);
		return;
	}
	if (a->sessions != NULL) {
		agent_session_input(a, from, buf, len);
		return;
	}
	memcpy(&h, buf, sizeof(h));
	if (h.type == LINK_BEGIN) {
		if (h.from < a->link[from].boot)
			return; /* an old one, on its way for long */
		establish(a, from, h.from);
		send_head(a, LINK_ANSWER, from, NULL, 0);
	} else if (h.to != s->boot) {
		return;
	} else if (h.type == LINK_ANSWER && h.from >= a->link[from].boot) {
		establish(a, from, h.from);
	} else if (h.type == LINK_DATA && h.from == a->link[from].boot) {
		agent_opened(a, from, buf + sizeof(h), len - sizeof(h));
	}
}
