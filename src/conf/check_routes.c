/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/check.h"

/* The port that has an address with this on-link prefix, or -1; the longest prefix wins. */
static int find_on_link(const struct conf *conf, const struct ip6_addr *a)
{
	int port = -1;
	int longest = -1;

	for (uint32_t i = 0; i < conf->port_count; i++) {
		for (uint32_t j = 0; j < conf->ports[i].address_count; j++) {
			const struct ip6_prefix *p = &conf->ports[i].addresses[j];

			if (p->len > longest && ip6_in_prefix(a, p)) {
				longest = p->len;
				port = (int)i;
			}
		}
	}
	return port;
}

/* The port whose own address this is, or -1. */
static int find_own(const struct conf *conf, const struct ip6_addr *a)
{
	for (uint32_t i = 0; i < conf->port_count; i++) {
		for (uint32_t j = 0; j < conf->ports[i].address_count; j++) {
			if (ip6_eq(a, &conf->ports[i].addresses[j].addr))
				return (int)i;
		}
	}
	return -1;
}

/* Is the next hop a neighbour? Finds its port where the file names none. */
static int check_via(const struct conf_check *k, uint32_t i)
{
	struct conf_route *r = &k->conf->routes[i];
	const struct conf_place *mobile = conf_mobile_prefix(k, &r->via);
	int port = find_on_link(k->conf, &r->via), own = find_own(k->conf, &r->via);
	char via[IP6_STRLEN], text[IP6_PREFIX_STRLEN];

	ip6_str(&r->via, via);
	if (ip6_is_link_local(&r->via)) {
		if (r->port < 0)
			return conf_refuse(
				k->c, "routes[%u].via: link-local %s needs a port", i, via);
		return 0;
	}
	if (!ip6_is_routable(&r->via))
		return conf_refuse(k->c, "routes[%u].via: %s is not a unicast address", i, via);
	if (own >= 0)
		return conf_refuse(
			k->c, "routes[%u].via: %s is an address of ports[%d]", i, via, own);
	if (mobile != NULL)
		return conf_refuse(k->c,
			"routes[%u].via: %s is in domains[%u].mobile-prefixes[%u] (%s)", i, via,
			mobile->i, mobile->j, ip6_prefix_str(&mobile->prefix, text));
	if (port < 0)
		return conf_refuse(k->c, "routes[%u].via: %s is on-link at no port", i, via);
	if (r->port >= 0 && r->port != port)
		return conf_refuse(k->c, "routes[%u].via: %s is not on-link at port \"%s\"", i, via,
			k->conf->ports[r->port].name);
	r->port = port;
	return 0;
}

/* Would the route take packets that are a port's own, or a neighbour's? */
static int check_connected(const struct conf_check *k, uint32_t i, const char *text)
{
	const struct ip6_prefix *p = &k->conf->routes[i].prefix;

	for (uint32_t m = 0; m < k->conf->port_count; m++) {
		for (uint32_t n = 0; n < k->conf->ports[m].address_count; n++) {
			const struct ip6_prefix *a = &k->conf->ports[m].addresses[n];

			if (p->len == 128 && ip6_eq(&p->addr, &a->addr))
				return conf_refuse(k->c,
					"routes[%u].prefix: %s is the address "
					"ports[%u].addresses[%u]",
					i, text, m, n);
			if (p->len == a->len && ip6_in_prefix(&a->addr, p))
				return conf_refuse(k->c,
					"routes[%u].prefix: %s is the link of "
					"ports[%u].addresses[%u]",
					i, text, m, n);
		}
	}
	return 0;
}

/* The first mobile node at or behind an address, which is in the prefix if any is. */
static const struct conf_mobile_node *find_mobile_node_in(
	const struct conf_domain *d, const struct ip6_prefix *p)
{
	uint32_t low = 0, high = d->mobile_node_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (memcmp(&d->mobile_nodes[middle].home_address, &p->addr, sizeof(p->addr)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == d->mobile_node_count || !ip6_in_prefix(&d->mobile_nodes[low].home_address, p))
		return NULL;
	return &d->mobile_nodes[low];
}

/* A longer prefix than a mobile one takes part of it away: fine unless somebody lives there. */
static int check_hides(const struct conf_check *k, uint32_t i, const char *text)
{
	const struct ip6_prefix *p = &k->conf->routes[i].prefix;
	const struct conf_place *mobile = conf_mobile_prefix(k, &p->addr);
	const struct conf_mobile_node *mn;
	const struct conf_domain *d;
	char hidden[IP6_STRLEN];

	if (mobile == NULL || p->len < mobile->prefix.len)
		return 0;
	d = &k->conf->domains[mobile->i];
	mn = find_mobile_node_in(d, p);
	if (p->len == mobile->prefix.len)
		return conf_refuse(k->c, "routes[%u].prefix: %s is domains[%u].mobile-prefixes[%u]",
			i, text, mobile->i, mobile->j);
	if (ip6_in_prefix(&d->home_agent_address, p))
		return conf_refuse(k->c,
			"routes[%u].prefix: %s hides domains[%u].home-agent-address (%s)", i, text,
			mobile->i, ip6_str(&d->home_agent_address, hidden));
	for (uint32_t j = 0; j < d->peer_count; j++) {
		if (ip6_in_prefix(&d->peers[j].home_agent_address, p))
			return conf_refuse(k->c,
				"routes[%u].prefix: %s hides "
				"domains[%u].peers[%u].home-agent-address (%s)",
				i, text, mobile->i, j,
				ip6_str(&d->peers[j].home_agent_address, hidden));
	}
	if (mn != NULL)
		return conf_refuse(k->c,
			"routes[%u].prefix: %s hides a mobile node of domains[%u] (%s)", i, text,
			mobile->i, ip6_str(&mn->home_address, hidden));
	return 0;
}

static int check_route(const struct conf_check *k, uint32_t i)
{
	char text[IP6_PREFIX_STRLEN];

	ip6_prefix_str(&k->conf->routes[i].prefix, text);
	if (conf_is_special(&k->conf->routes[i].prefix))
		return conf_refuse(k->c, "routes[%u].prefix: %s is not unicast routable", i, text);
	if (check_connected(k, i, text) < 0 || check_hides(k, i, text) < 0)
		return -EINVAL;
	return check_via(k, i);
}

static int check_unique(const struct conf_check *k)
{
	uint32_t n = k->conf->route_count;
	struct conf_place *list = calloc(n > 0 ? n : 1, sizeof(*list));
	char text[IP6_PREFIX_STRLEN];
	int ret = 0;

	if (list == NULL)
		return conf_no_memory(k->c);
	for (uint32_t i = 0; i < n; i++)
		list[i] = (struct conf_place){ k->conf->routes[i].prefix, i, 0 };
	qsort(list, n, sizeof(*list), conf_place_cmp);
	for (uint32_t i = 1; i < n && ret == 0; i++) {
		if (list[i].prefix.len == list[i - 1].prefix.len &&
			ip6_eq(&list[i].prefix.addr, &list[i - 1].prefix.addr))
			ret = conf_refuse(k->c, "routes[%u].prefix: %s is that of routes[%u]",
				list[i].i, ip6_prefix_str(&list[i].prefix, text), list[i - 1].i);
	}
	free(list);
	return ret;
}

int conf_check_routes(const struct conf_check *k)
{
	for (uint32_t i = 0; i < k->conf->route_count; i++) {
		if (check_route(k, i) < 0)
			return -EINVAL;
	}
	return check_unique(k);
}
