/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/mesh/labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/bucket.h"
#include "conf/conf.h"
#include "net/ip6hdr.h"

struct site {
	uint64_t key, old_key; /* 0: none */
	uint64_t until_ms, old_until_ms; /* UINT64_MAX: it is live */
	uint8_t node;
};

struct domain {
	struct site *site;
	uint32_t count;
	struct bucket looks; /* its own: who can use it up has bindings of this domain */
};

struct labels {
	uint32_t rate, burst;
	uint64_t born_ms;
	uint32_t domain_count;
	struct domain domain[CONF_DOMAINS_MAX];
};

int labels_new(uint32_t rate, uint32_t burst, uint64_t now_ms, struct labels **out)
{
	struct labels *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	l->rate = rate;
	l->burst = burst;
	l->born_ms = now_ms;
	*out = l;
	return 0;
}

void labels_free(struct labels *l)
{
	if (l == NULL)
		return;
	for (uint32_t d = 0; d < l->domain_count; d++) {
		struct domain *at = &l->domain[d];

		sodium_memzero(at->site, at->count * sizeof(at->site[0]));
		free(at->site);
	}
	free(l);
}

int labels_add_domain(struct labels *l, const uint8_t *nodes, uint32_t count)
{
	struct domain *at = &l->domain[l->domain_count];

	at->site = calloc(count + 1, sizeof(at->site[0]));
	if (at->site == NULL)
		return -ENOMEM;
	l->domain_count++;
	at->count = count;
	bucket_init(&at->looks, l->rate, l->burst, l->born_ms);
	for (uint32_t i = 0; i < count; i++)
		at->site[i].node = nodes[i];
	return 0;
}

/* NULL: not in the domain. */
static struct site *site_of(struct labels *l, uint16_t domain, uint8_t node)
{
	struct domain *at = &l->domain[domain];

	for (uint32_t i = 0; i < at->count; i++)
		if (at->site[i].node == node)
			return &at->site[i];
	return NULL;
}

void labels_heard(struct labels *l, uint16_t domain, uint8_t node, uint64_t key, uint64_t now_ms)
{
	struct site *s = site_of(l, domain, node);
	uint64_t kept_ms = now_ms + LABELS_KEPT_MS;

	if (s == NULL || s->key == key)
		return;
	s->old_key = s->key;
	/* one that has run out does not begin anew */
	s->old_until_ms = s->until_ms < kept_ms ? s->until_ms : kept_ms;
	s->key = key;
}

void labels_live(struct labels *l, uint16_t domain, uint8_t node, bool is_live, uint64_t now_ms)
{
	struct site *s = site_of(l, domain, node);

	if (s == NULL)
		return;
	if (is_live)
		s->until_ms = UINT64_MAX;
	else if (s->until_ms == UINT64_MAX)
		s->until_ms = now_ms + LABELS_KEPT_MS;
}

/* A key that counts now, or 0. */
static uint64_t usable(uint64_t key, uint64_t until_ms, uint64_t now_ms)
{
	return now_ms < until_ms ? key : 0;
}

static bool made(const struct site *s, const struct net_ip6 *inner, uint16_t len, uint32_t label,
	uint64_t now_ms)
{
	const uint64_t keys[] = {
		usable(s->key, s->until_ms, now_ms),
		usable(s->old_key, s->old_until_ms, now_ms),
	};

	for (unsigned i = 0; i < 2; i++)
		if (keys[i] != 0 && net_tunnel_flow(inner, len, keys[i]) == label)
			return true;
	return false;
}

int labels_made(struct labels *l, uint16_t domain, const struct net_ip6 *inner, uint16_t len,
	uint32_t label, uint64_t now_ms)
{
	struct domain *at;

	if (l == NULL || l->domain[domain].count == 0)
		return 0;
	at = &l->domain[domain];
	if (!bucket_take(&at->looks, now_ms))
		return -EBUSY;
	for (uint32_t i = 0; i < at->count; i++)
		if (made(&at->site[i], inner, len, label, now_ms))
			return at->site[i].node;
	return 0;
}
