/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/anycast.h"
#include "conf/text.h"

static const struct ip6_prefix special[] = {
	{ { { 0 } }, 127 }, /* unspecified and loopback */
	{ { { [10] = 0xff, [11] = 0xff } }, 96 }, /* IPv4-mapped */
	{ { { 0xfe, 0x80 } }, 10 }, /* link-local */
	{ { { 0xff } }, 8 }, /* multicast */
};

bool conf_touches_special(const struct ip6_prefix *p)
{
	for (size_t i = 0; i < DIM(special); i++) {
		if (ip6_prefix_overlap(p, &special[i]))
			return true;
	}
	return false;
}

bool conf_is_special(const struct ip6_prefix *p)
{
	for (size_t i = 0; i < DIM(special); i++) {
		if (p->len >= special[i].len && ip6_in_prefix(&p->addr, &special[i]))
			return true;
	}
	return false;
}

bool conf_is_router_anycast(const struct ip6_addr *a, const struct ip6_prefix *p)
{
	struct ip6_prefix link = *p;

	/* A /127 is a link of two routers, both addresses are in use (RFC 6164). */
	ip6_prefix_mask(&link);
	return link.len < 127 && ip6_eq(a, &link.addr);
}

const char *conf_why_no_node(const struct ip6_addr *a, const struct ip6_prefix *p)
{
	if (conf_is_router_anycast(a, p))
		return "is the anycast address of the link's routers";
	if (anycast_is_reserved(a, p))
		return "is an anycast address that RFC 2526 reserves";
	return NULL;
}

int conf_place_cmp(const void *a, const void *b)
{
	const struct conf_place *x = a, *y = b;
	int d = memcmp(&x->prefix.addr, &y->prefix.addr, sizeof(x->prefix.addr));

	if (d != 0)
		return d;
	if (x->prefix.len != y->prefix.len)
		return x->prefix.len < y->prefix.len ? -1 : 1;
	if (x->i != y->i)
		return x->i < y->i ? -1 : 1;
	return x->j < y->j ? -1 : x->j > y->j;
}

const struct conf_place *conf_mobile_prefix(const struct conf_check *k, const struct ip6_addr *a)
{
	uint32_t low = 0, high = k->mobile_count;

	/* The last one that begins at or before the address: no other can hold it. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (memcmp(&k->mobile[middle].prefix.addr, a, sizeof(*a)) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && ip6_in_prefix(a, &k->mobile[low - 1].prefix) ? &k->mobile[low - 1] : NULL;
}

/* What mobile nodes of a home agent without a store lose at most after its restart, against a
 * Binding Update each in that time. */
#define ADVICE_S 300

static void derive_domain(const struct conf *conf, struct conf_domain *d)
{
	if (d->limits.max_bindings == 0)
		d->limits.max_bindings = conf->runtime.max_bindings;
	if (d->refresh_advice_s == CONF_ADVICE_AUTO)
		d->refresh_advice_s = conf->store.path != NULL ? CONF_ADVICE_OFF : ADVICE_S;
	if (d->ack_peers == CONF_ACK_AUTO)
		d->ack_peers = conf_peers_left(conf, d) > 0 ? 1 : CONF_ACK_NONE;
	else if (d->ack_peers == CONF_ACK_ZERO)
		d->ack_peers = CONF_ACK_NONE;
}

/* After conf_check_auth(): ranges have what they take from default then. */
static void derive_remember(struct conf *conf)
{
	for (uint32_t i = 0; i < conf->domain_count; i++) {
		struct conf_domain *d = &conf->domains[i];

		d->remember_given = conf_is_given_at(
			conf_domain(), d, offsetof(struct conf_domain, remember_sequence));
		if (!d->remember_given)
			d->remember_sequence = conf_has_bare_numbers(d);
	}
}

/* Defaults that come from other keys. */
static void derive(struct conf *conf)
{
	struct conf_runtime *r = &conf->runtime;
	struct conf_mesh *m = &conf->mesh;

	r->lcore_count = conf_lcore_count(r->lcores);
	if (r->socket[0] == '\0')
		snprintf(r->socket, sizeof(r->socket), "/run/hamd/%s.sock", conf->node.name);
	for (uint32_t i = 0; i < conf->domain_count; i++)
		derive_domain(conf, &conf->domains[i]);
	for (uint32_t i = 0; i < m->peer_count; i++) {
		if (m->peers[i].hello_ms == 0)
			m->peers[i].hello_ms = m->hello_ms;
		if (m->peers[i].dead_ms == 0)
			m->peers[i].dead_ms = m->dead_ms;
	}
}

static uint32_t anycasts(const struct conf *conf, const struct conf_place *mobile)
{
	const struct conf_domain *d = &conf->domains[mobile->i];
	struct ip6_addr out[ANYCAST_FORMS];

	if (!d->discovery.home_agents)
		return 0;
	return anycast_home_agents(&mobile->prefix, &d->home_agent_address, out);
}

/* What the forwarding table has to hold: the routes, a port's link-local address, an address and
 * its on-link prefix, home agent addresses (peers' too), the mobile prefixes and their anycast addresses. */
static int check_fib_size(const struct conf_check *k)
{
	const struct conf *conf = k->conf;
	uint32_t need = conf->route_count + conf->port_count + conf->domain_count + k->mobile_count;

	for (uint32_t i = 0; i < conf->domain_count; i++)
		need += conf->domains[i].mode == CONF_MODE_UNICAST ? conf->domains[i].peer_count
								   : 0;
	for (uint32_t i = 0; i < conf->port_count; i++)
		need += 2 * conf->ports[i].address_count;
	for (uint32_t i = 0; i < k->mobile_count; i++)
		need += anycasts(conf, &k->mobile[i]);
	if (need <= conf->runtime.max_routes)
		return 0;
	return conf_refuse(k->c,
		"runtime.max-routes: %u is less than the %u entries that ports, routes and domains "
		"need",
		conf->runtime.max_routes, need);
}

static int check_subscriber_count(const struct conf_check *k)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < k->conf->domain_count; i++)
		n += k->conf->domains[i].mobile_node_count;
	if (n <= k->conf->runtime.max_subscribers)
		return 0;
	return conf_refuse(k->c,
		"runtime.max-subscribers: %u is less than the %" PRIu64 " mobile-nodes there are",
		k->conf->runtime.max_subscribers, n);
}

/* What is less than this would end a hamd whose lcore only waited for its turn. */
#define WATCHDOG_MIN_MS 1000

static int check_runtime(const struct conf_check *k)
{
	const struct conf_runtime *r = &k->conf->runtime;

	/* A secondary process maps the primary's memory by its files: only huge pages have some. */
	if (r->pdump && !r->hugepages)
		return conf_refuse(
			k->c, "runtime.pdump: needs huge pages, runtime.hugepages is false");
	if (r->watchdog_ms > 0 && r->watchdog_ms < WATCHDOG_MIN_MS)
		return conf_refuse(k->c, "runtime.watchdog-ms: %u is neither 0 nor at least %u",
			r->watchdog_ms, WATCHDOG_MIN_MS);
	return 0;
}

/* One source must not be able to push out everybody, nor fragments to take all packet buffers. */
static int check_reassembly(const struct conf_check *k)
{
	const struct conf_reassembly *r = &k->conf->reassembly;
	const struct conf_runtime *rt = &k->conf->runtime;
	/* a worker each, and control's, which has a queue of its own where the card can do it */
	uint32_t receivers = rt->lcore_count;

	if (2 * r->max_per_source > r->max_datagrams)
		return conf_refuse(k->c,
			"reassembly.max-per-source: %u is more than half of max-datagrams (%u)",
			r->max_per_source, r->max_datagrams);
	if (2 * r->max_per_source > r->max_fragments)
		return conf_refuse(k->c,
			"reassembly.max-per-source: %u is more than half of max-fragments (%u)",
			r->max_per_source, r->max_fragments);
	if (rt->mbufs != 0 && 2ULL * receivers * r->max_fragments > rt->mbufs)
		return conf_refuse(k->c,
			"runtime.mbufs: %u is less than twice reassembly.max-fragments (%u) of "
			"each core (%u)",
			rt->mbufs, r->max_fragments, receivers);
	return 0;
}

int conf_check(struct conf_ctx *c)
{
	struct conf_check k = { .c = c, .conf = c->conf };
	int ret;

	derive(c->conf);
	ret = check_runtime(&k);
	if (ret == 0)
		ret = check_reassembly(&k);
	if (ret == 0)
		ret = conf_check_auth(&k);
	derive_remember(c->conf);
	if (ret == 0)
		ret = conf_check_domains(&k);
	if (ret == 0)
		ret = conf_check_ports(&k);
	if (ret == 0)
		ret = conf_check_mesh(&k);
	if (ret == 0)
		ret = conf_check_routes(&k);
	if (ret == 0)
		ret = check_fib_size(&k);
	if (ret == 0)
		ret = check_subscriber_count(&k);
	if (ret == 0)
		ret = conf_check_accounting(&k);
	free(k.mobile);
	return ret;
}
