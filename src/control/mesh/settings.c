/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all sites of a domain must have alike, each setting as a number for hello. Lists count
 * whatever their order: their numbers are sums. Numbers that are equal by chance (1 in 2^32) hide a
 * difference, no more.
 */
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/mesh_priv.h"
#include "records/subs.h"

/* Of octets that every site makes alike. */
static uint32_t number(const void *p, size_t n)
{
	uint8_t h[crypto_generichash_BYTES_MIN];

	crypto_generichash(h, sizeof(h), p, n, NULL, 0);
	return (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
}

static uint32_t number_of(uint64_t value)
{
	uint8_t b[8];

	for (unsigned i = 0; i < sizeof(b); i++)
		b[i] = (uint8_t)(value >> 8 * i);
	return number(b, sizeof(b));
}

static uint32_t number_of_address(uint8_t with, const struct ip6_addr *a)
{
	uint8_t b[17] = { with };

	memcpy(b + 1, a->b, sizeof(a->b));
	return number(b, sizeof(b));
}

static uint32_t prefixes(const struct conf_domain *d)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < d->mobile_prefix_count; i++)
		sum += number_of_address(d->mobile_prefixes[i].len, &d->mobile_prefixes[i].addr);
	return sum;
}

/* Whichever site is asked tells mobile nodes the same. Those that are left out last for ever. */
static uint32_t prefix_lifetimes(const struct conf_domain *d)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < d->mobile_prefix_count; i++) {
		const struct ip6_prefix *p = &d->mobile_prefixes[i];
		struct conf_lifetimes l = conf_lifetimes_of(d, i);

		if (l.valid_s != CONF_LIFETIME_INFINITE || l.preferred_s != CONF_LIFETIME_INFINITE)
			sum += number_of((uint64_t)l.valid_s << 32 | l.preferred_s) ^
			       number_of_address(p->len, &p->addr);
	}
	return sum;
}

/* In shared mode the peers name none, and it is nobody's own. */
static uint32_t agents(const struct conf *conf, const struct conf_domain *d)
{
	uint32_t sum;

	if (d->mode == CONF_MODE_SHARED)
		return number_of_address(0, &d->home_agent_address);
	sum = number_of_address((uint8_t)conf->node.id, &d->home_agent_address);
	for (uint32_t i = 0; i < d->peer_count; i++)
		sum += number_of_address((uint8_t)conf->mesh.peers[d->peers[i].peer].id,
			&d->peers[i].home_agent_address);
	return sum;
}

static uint32_t members(const struct conf *conf, const struct conf_domain *d)
{
	uint32_t sum = number_of(conf->node.id);

	for (uint32_t i = 0; i < d->peer_count; i++) {
		const struct conf_mesh_peer *p = &conf->mesh.peers[d->peers[i].peer];

		sum += number_of((uint64_t)p->retired << 8 | p->id);
	}
	return sum;
}

void mesh_settings(const struct ctl *ctl, uint16_t domain, uint32_t out[static HELLO_SETTING_COUNT])
{
	const struct conf *conf = ctl->conf;
	const struct conf_domain *d = &conf->domains[domain];

	out[HELLO_SETTING_MODE] = number_of(d->mode);
	out[HELLO_SETTING_DELIVERY] = number_of(d->delivery);
	out[HELLO_SETTING_PREFIXES] = prefixes(d);
	out[HELLO_SETTING_AGENTS] = agents(conf, d);
	out[HELLO_SETTING_MEMBERS] = members(conf, d);
	out[HELLO_SETTING_DEAD] = number_of(conf->mesh.dead_ms);
	out[HELLO_SETTING_LIFETIME] = number_of(d->lifetime_max_s);
	out[HELLO_SETTING_BINDINGS] = number_of(d->limits.max_bindings);
	out[HELLO_SETTING_ACK_PEERS] = number_of(d->ack_peers);
	out[HELLO_SETTING_SEQUENCE] = number_of(d->remember_sequence);
	out[HELLO_SETTING_PROTECT] = number_of(conf->mesh.protect_data);
	out[HELLO_SETTING_PREFIX_LIFETIMES] = prefix_lifetimes(d);
	/* sites are given other subscribers one after the other; that one of them asks for keys and
	 * another does not is never meant */
	out[HELLO_SETTING_AUTH] = number_of(subs_counts(ctl->subs, domain)->has_keys);
}

const char *mesh_setting_names(uint32_t drift, char *buf, size_t room)
{
	size_t at = 0;

	buf[0] = '\0';
	for (enum hello_setting s = 0; s < HELLO_SETTING_COUNT; s++) {
		int n;

		if (!(drift & 1U << s))
			continue;
		n = snprintf(buf + at, room - at, "%s%s", at > 0 ? "," : "", hello_setting_name(s));
		if (n < 0 || (size_t)n >= room - at) {
			buf[at] = '\0'; /* whole names only */
			break;
		}
		at += (size_t)n;
	}
	return buf;
}
