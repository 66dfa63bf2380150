/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/check.h"

static int check_name(const struct conf_check *k, uint32_t i)
{
	const char *name = k->conf->domains[i].name;

	for (uint32_t j = 0; j < i; j++) {
		if (strcmp(name, k->conf->domains[j].name) == 0)
			return conf_refuse(k->c,
				"domains[%u].name: \"%s\" is the name of domains[%u]", i, name, j);
	}
	return 0;
}

static int refuse_overlap(
	const struct conf_check *k, const struct conf_place *a, const struct conf_place *b)
{
	const struct conf_place *later = a, *earlier = b;
	char text[2][IP6_PREFIX_STRLEN];

	if (a->i < b->i || (a->i == b->i && a->j < b->j)) {
		later = b;
		earlier = a;
	}
	return conf_refuse(k->c,
		"domains[%u].mobile-prefixes[%u]: %s overlaps domains[%u].mobile-prefixes[%u] (%s)",
		later->i, later->j, ip6_prefix_str(&later->prefix, text[0]), earlier->i, earlier->j,
		ip6_prefix_str(&earlier->prefix, text[1]));
}

/* Collect and sort the mobile prefixes of all domains; none may overlap with another. */
static int check_mobile_prefixes(struct conf_check *k)
{
	char text[IP6_PREFIX_STRLEN];
	uint32_t n = 0;

	for (uint32_t i = 0; i < k->conf->domain_count; i++)
		n += k->conf->domains[i].mobile_prefix_count;
	k->mobile = calloc(n > 0 ? n : 1, sizeof(*k->mobile));
	if (k->mobile == NULL)
		return conf_no_memory(k->c);
	for (uint32_t i = 0; i < k->conf->domain_count; i++) {
		const struct conf_domain *d = &k->conf->domains[i];

		for (uint32_t j = 0; j < d->mobile_prefix_count; j++) {
			if (conf_touches_special(&d->mobile_prefixes[j]))
				return conf_refuse(k->c,
					"domains[%u].mobile-prefixes[%u]: %s is not unicast "
					"routable",
					i, j, ip6_prefix_str(&d->mobile_prefixes[j], text));
			k->mobile[k->mobile_count++] =
				(struct conf_place){ d->mobile_prefixes[j], i, j };
		}
	}
	qsort(k->mobile, n, sizeof(*k->mobile), conf_place_cmp);
	for (uint32_t i = 1; i < n; i++) {
		if (ip6_prefix_overlap(&k->mobile[i - 1].prefix, &k->mobile[i].prefix))
			return refuse_overlap(k, &k->mobile[i - 1], &k->mobile[i]);
	}
	return 0;
}

static int check_home_agent(const struct conf_check *k, uint32_t i)
{
	const struct ip6_addr *a = &k->conf->domains[i].home_agent_address;
	const struct conf_place *in = conf_mobile_prefix(k, a);
	const char *why;
	char text[IP6_STRLEN];

	if (in == NULL || in->i != i)
		why = "is in no mobile prefix of the domain";
	else
		why = conf_why_no_node(a, &in->prefix);
	if (why == NULL)
		return 0;
	return conf_refuse(k->c, "domains[%u].home-agent-address: %s %s", i, ip6_str(a, text), why);
}

const char *conf_why_no_home_address(const struct conf_domain *d, const struct ip6_addr *a)
{
	int in = conf_mobile_prefix_of(d, a);

	if (!ip6_is_routable(a))
		return "is not a unicast routable address";
	if (in < 0)
		return "is in no mobile prefix of the domain";
	if (ip6_eq(a, &d->home_agent_address))
		return "is the home agent address";
	for (uint32_t i = 0; i < d->peer_count; i++) {
		if (ip6_eq(a, &d->peers[i].home_agent_address))
			return "is the home agent address of a peer";
	}
	return conf_why_no_node(a, &d->mobile_prefixes[in]);
}

const char *conf_why_no_lifetime(const struct conf_domain *d, uint32_t lifetime_max_s)
{
	return lifetime_max_s > d->lifetime_max_s ? "is more than that of the domain" : NULL;
}

static int check_mobile_node(const struct conf_check *k, uint32_t i, uint32_t j)
{
	const struct conf_domain *d = &k->conf->domains[i];
	const struct conf_mobile_node *mn = &d->mobile_nodes[j];
	const char *why = conf_why_no_home_address(d, &mn->home_address);
	char text[IP6_STRLEN];

	if (why != NULL)
		return conf_refuse(k->c, "domains[%u].mobile-nodes[%u].home-address: %s %s", i, j,
			ip6_str(&mn->home_address, text), why);
	why = conf_why_no_lifetime(d, mn->lifetime_max_s);
	if (why != NULL)
		return conf_refuse(k->c, "domains[%u].mobile-nodes[%u].lifetime-max-s: %u %s", i, j,
			mn->lifetime_max_s, why);
	return 0;
}

/* RFC 6275, 10.3.1: where bindings are in nonvolatile storage the advice must be left out. */
static int check_store(const struct conf_check *k, uint32_t i)
{
	const struct conf_domain *d = &k->conf->domains[i];
	bool has_store = k->conf->store.path != NULL;

	if (!has_store && d->ack_peers == CONF_ACK_STORE)
		return conf_refuse(
			k->c, "domains[%u].ack-peers: \"store\", but there is no store", i);
	if (has_store && d->refresh_advice_s != CONF_ADVICE_OFF)
		return conf_refuse(k->c,
			"domains[%u].refresh-advice-s: %u, but bindings are in the store: \"off\" "
			"or \"auto\" (RFC 6275, 10.3.1)",
			i, d->refresh_advice_s);
	return 0;
}

/* --- discovery --- */

static bool is_mobile_prefix(const struct conf_domain *d, const struct ip6_prefix *p)
{
	int i = conf_mobile_prefix_of(d, &p->addr);

	return i >= 0 && d->mobile_prefixes[i].len == p->len;
}

static int check_lifetimes(const struct conf_check *k, uint32_t i)
{
	const struct conf_domain *d = &k->conf->domains[i];
	char text[IP6_PREFIX_STRLEN];

	for (uint32_t j = 0; j < d->prefix_lifetime_count; j++) {
		const struct conf_prefix_lifetime *l = &d->prefix_lifetimes[j];

		if (!is_mobile_prefix(d, &l->prefix))
			return conf_refuse(k->c,
				"domains[%u].prefix-lifetimes[%u].prefix: %s is no mobile prefix "
				"of the domain",
				i, j, ip6_prefix_str(&l->prefix, text));
		for (uint32_t n = 0; n < j; n++)
			if (ip6_eq(&d->prefix_lifetimes[n].prefix.addr, &l->prefix.addr))
				return conf_refuse(k->c,
					"domains[%u].prefix-lifetimes[%u].prefix: %s is that of "
					"prefix-lifetimes[%u]",
					i, j, ip6_prefix_str(&l->prefix, text), n);
		if (l->lifetimes.preferred_s != CONF_LIFETIME_INFINITE &&
			l->lifetimes.preferred_s > l->lifetimes.valid_s)
			return conf_refuse(k->c,
				"domains[%u].prefix-lifetimes[%u].preferred-s: %u is more than "
				"valid-s (%u)",
				i, j, l->lifetimes.preferred_s, l->lifetimes.valid_s);
	}
	return 0;
}

static int check_discovery(const struct conf_check *k, uint32_t i)
{
	const struct conf_discovery *d = &k->conf->domains[i].discovery;

	if (d->min_interval_s > d->max_interval_s)
		return conf_refuse(k->c,
			"domains[%u].discovery.min-interval-s: %u is more than max-interval-s "
			"(%u)",
			i, d->min_interval_s, d->max_interval_s);
	return check_lifetimes(k, i);
}

/* --- mobile nodes --- */

struct numbered {
	struct conf_mobile_node mn;
	uint32_t at; /* in the file */
};

static int by_home_address(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	int d = memcmp(&x->mn.home_address, &y->mn.home_address, sizeof(x->mn.home_address));

	return d != 0 ? d : x->at < y->at ? -1 : x->at > y->at;
}

/* Sort the mobile nodes, which shows who is there twice. */
static int sort_mobile_nodes(const struct conf_check *k, uint32_t i)
{
	const struct conf_domain *d = &k->conf->domains[i];
	uint32_t n = d->mobile_node_count, twice = 0;
	struct numbered *list = calloc(n > 0 ? n : 1, sizeof(*list));
	char text[IP6_STRLEN];
	int ret = 0;

	if (list == NULL)
		return conf_no_memory(k->c);
	for (uint32_t j = 0; j < n; j++)
		list[j] = (struct numbered){ d->mobile_nodes[j], j };
	qsort(list, n, sizeof(*list), by_home_address);
	for (uint32_t j = 0; j < n; j++) {
		d->mobile_nodes[j] = list[j].mn;
		d->mobile_nodes[j].number = list[j].at;
		if (j > 0 && ip6_eq(&list[j].mn.home_address, &list[j - 1].mn.home_address))
			twice = j;
	}
	if (twice > 0)
		ret = conf_refuse(k->c,
			"domains[%u].mobile-nodes[%u].home-address: %s is that of mobile-nodes[%u]",
			i, list[twice].at, ip6_str(&list[twice].mn.home_address, text),
			list[twice - 1].at);
	free(list);
	return ret;
}

static int warn_of_ranges(const struct conf_check *k, uint32_t i)
{
	const struct conf_subscribers *s = &k->conf->domains[i].subscribers;
	char text[IP6_PREFIX_STRLEN];
	int ret = 0;

	for (uint32_t j = 0; j < s->range_count && ret == 0; j++) {
		if (s->ranges[j].auth.type == CONF_AUTH_NONE)
			ret = conf_warn(k->c,
				"domains[%u].subscribers.ranges[%u] (%s): no authentication "
				"(auth.type \"none\"): anyone may register in there",
				i, j, ip6_prefix_str(&s->ranges[j].home_addresses, text));
	}
	return ret;
}

static int warn_of(const struct conf_check *k, uint32_t i)
{
	const struct conf_domain *d = &k->conf->domains[i];
	uint32_t open = 0;

	if (d->mobile_node_count == 0 && d->subscribers.file == NULL &&
		d->subscribers.range_count == 0)
		return conf_warn(
			k->c, "domains[%u] (%s): no mobile nodes, nobody can register", i, d->name);
	for (uint32_t j = 0; j < d->mobile_node_count; j++)
		open += d->mobile_nodes[j].auth.type == CONF_AUTH_NONE;
	if (open > 0 && conf_warn(k->c,
				"domains[%u] (%s): %u mobile node%s without authentication "
				"(auth.type \"none\"): anyone may register in their place",
				i, d->name, open, open == 1 ? "" : "s") < 0)
		return -ENOMEM;
	return warn_of_ranges(k, i);
}

#define TUNNEL_MTU_MIN 1328u

/* RFC 2473, 7.1: what is no larger than 1280 octets must be carried, in fragments if need be, and
 * is whole with 1280 + 40, and 8 for the encapsulation limit. */
static int warn_mtu(struct conf_check *k)
{
	const struct conf *c = k->conf;
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && c->domain_count > 0 && i < c->port_count; i++) {
		if (c->ports[i].mtu < TUNNEL_MTU_MIN)
			ret = conf_warn(k->c,
				"ports[%u] (%s): mtu %u: tunnel packets around 1280 octets need %u "
				"and are sent in fragments",
				i, c->ports[i].name, c->ports[i].mtu, TUNNEL_MTU_MIN);
	}
	return ret;
}

int conf_check_domains(struct conf_check *k)
{
	int ret = check_mobile_prefixes(k);

	for (uint32_t i = 0; i < k->conf->domain_count && ret == 0; i++) {
		if (check_name(k, i) < 0 || check_home_agent(k, i) < 0 || check_store(k, i) < 0)
			return -EINVAL;
		for (uint32_t j = 0; j < k->conf->domains[i].mobile_node_count; j++) {
			if (check_mobile_node(k, i, j) < 0)
				return -EINVAL;
		}
		ret = check_discovery(k, i);
		if (ret == 0)
			ret = conf_check_subscribers(k, i);
		if (ret == 0)
			ret = sort_mobile_nodes(k, i);
		if (ret == 0)
			ret = warn_of(k, i);
	}
	if (ret == 0 && k->conf->domain_count == 0 && k->conf->store.path != NULL)
		ret = conf_warn(k->c, "store: there is no domain whose bindings it could keep");
	return ret == 0 ? warn_mtu(k) : ret;
}
