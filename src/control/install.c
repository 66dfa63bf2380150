/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/install.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/anycast.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/route.h"
#include "tables/addrs.h"
#include "tables/adj.h"
#include "tables/fib.h"
#include "tables/sa.h"
#include "tables/tables.h"

static int add_row(struct ctl *ctl, const struct addr_row *row, char *err, size_t err_len)
{
	int ret = addrs_add(ctl->t->addrs, row);
	char text[IP6_STRLEN];

	if (ret >= 0)
		return 0;
	snprintf(err, err_len, "address %s: %s", ip6_str(&row->addr, text), strerror(-ret));
	return ret;
}

static int add_port_rows(struct ctl *ctl, uint16_t port, char *err, size_t err_len)
{
	const struct conf_port *conf = &ctl->conf->ports[port];
	struct addr_row row = {
		.prefix_len = 128,
		.owner = ADDR_PORT,
		.state = conf->dad ? ADDR_TENTATIVE : ADDR_PREFERRED,
		.port = port,
	};
	uint8_t mac[6];
	int ret;

	dp_port_mac(ctl->dp, port, mac);
	ip6_link_local_from_mac(mac, &row.addr);
	ret = add_row(ctl, &row, err, err_len);
	for (uint32_t i = 0; ret == 0 && i < conf->address_count; i++) {
		struct addr_row more = row;

		more.addr = conf->addresses[i].addr; /* routable: conf_load() saw to it */
		more.prefix_len = conf->addresses[i].len;
		ret = add_row(ctl, &more, err, err_len);
	}
	return ret;
}

/* Those of the sites that serve it, too: adopted when such a site is gone. */
static int add_agents(struct ctl *ctl, uint16_t d, char *err, size_t err_len)
{
	const struct conf_domain *conf = &ctl->conf->domains[d];
	struct addr_row row = {
		.addr = conf->home_agent_address,
		.prefix_len = 128,
		.owner = ADDR_HOME_AGENT,
		.state = ADDR_PREFERRED, /* virtual home link: nobody to ask */
		.port = ADDR_NO_PORT,
		.domain = d,
	};
	int ret = add_row(ctl, &row, err, err_len);

	row.owner = ADDR_PEER;
	row.state = ADDR_ELSEWHERE;
	for (uint32_t i = 0; ret == 0 && i < conf->peer_count; i++) {
		row.addr = conf->peers[i].home_agent_address;
		if (conf->mode == CONF_MODE_UNICAST)
			ret = add_row(ctl, &row, err, err_len);
	}
	return ret;
}

int install_addresses(struct ctl *ctl, char *err, size_t err_len)
{
	int ret = 0;

	for (uint16_t port = 0; ret == 0 && port < ctl->conf->port_count; port++)
		ret = add_port_rows(ctl, port, err, err_len);
	for (uint16_t d = 0; ret == 0 && d < ctl->conf->domain_count; d++)
		ret = add_agents(ctl, d, err, err_len);
	return ret;
}

static int set(struct ctl *ctl, const struct ip6_addr *addr, uint8_t len, uint32_t value, char *err,
	size_t err_len)
{
	struct ip6_prefix prefix = { *addr, len };
	char text[IP6_PREFIX_STRLEN];
	int ret;

	ip6_prefix_mask(&prefix);
	ret = fib_set(ctl->t->fib, &prefix, value);
	if (ret < 0)
		snprintf(err, err_len, "route %s: %s", ip6_prefix_str(&prefix, text),
			strerror(-ret));
	return ret;
}

/* Connected prefixes and own addresses. A tentative one gets its route when detection is over;
 * link-local ones are no business of the FIB. */
static int add_own(struct ctl *ctl, char *err, size_t err_len)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < addrs_count(ctl->t->addrs); i++) {
		const struct addr_row *row = addrs_row(ctl->t->addrs, i);

		if (row->owner != ADDR_PORT) {
			uint8_t node = route_agent(ctl->conf, row->domain, &row->addr);

			ret = set(ctl, &row->addr, 128,
				fib_value(FIB_HOME_AGENT, fib_agent(row->domain, node)), err,
				err_len);
			continue;
		}
		if (ip6_is_link_local(&row->addr))
			continue;
		if (row->prefix_len < 128)
			ret = set(ctl, &row->addr, row->prefix_len,
				fib_value(FIB_ONLINK, row->port), err, err_len);
		if (ret == 0 && row->state == ADDR_PREFERRED)
			ret = set(ctl, &row->addr, 128, fib_value(FIB_LOCAL, i), err, err_len);
	}
	return ret;
}

static int add_anycast(
	struct ctl *ctl, uint16_t d, const struct ip6_prefix *p, char *err, size_t err_len)
{
	const struct conf_domain *conf = &ctl->conf->domains[d];
	struct ip6_addr a[ANYCAST_FORMS];
	uint32_t n = anycast_home_agents(p, &conf->home_agent_address, a);
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < n; i++)
		ret = set(ctl, &a[i], 128, fib_value(FIB_ANYCAST, d), err, err_len);
	return ret;
}

static int add_domain(struct ctl *ctl, uint16_t d, char *err, size_t err_len)
{
	const struct conf_domain *conf = &ctl->conf->domains[d];
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < conf->mobile_prefix_count; i++) {
		const struct ip6_prefix *p = &conf->mobile_prefixes[i];

		ret = set(ctl, &p->addr, p->len, fib_value(FIB_DOMAIN, d), err, err_len);
		if (ret == 0 && conf->discovery.home_agents)
			ret = add_anycast(ctl, d, p, err, err_len);
	}
	return ret;
}

static int add_static(struct ctl *ctl, const struct conf_route *r, char *err, size_t err_len)
{
	char text[IP6_STRLEN];
	uint32_t adj;

	if (r->port < 0) {
		snprintf(err, err_len, "route via %s: no port has it on its link",
			ip6_str(&r->via, text));
		return -EINVAL;
	}
	adj = nd_gateway(ctl, (uint16_t)r->port, &r->via);
	if (adj == ADJ_NONE) {
		snprintf(err, err_len, "route via %s: more gateways than runtime.max-neighbors",
			ip6_str(&r->via, text));
		return -ENOSPC;
	}
	return set(ctl, &r->prefix.addr, r->prefix.len, fib_value(FIB_VIA, adj), err, err_len);
}

int install_peers(struct ctl *ctl, char *err, size_t err_len)
{
	const struct conf_mesh *mesh = &ctl->conf->mesh;

	for (uint32_t i = 0; ctl->t->sa != NULL && i < mesh->peer_count; i++) {
		int ret = mesh->peers[i].retired
				  ? 0
				  : sa_add_peer(ctl->t->sa, (uint8_t)mesh->peers[i].id,
					    &mesh->peers[i].address);

		if (ret < 0) {
			snprintf(err, err_len, "mesh.peers[%u]: tunnels: %s", i, strerror(-ret));
			return ret;
		}
	}
	return 0;
}

int install_routes(struct ctl *ctl, char *err, size_t err_len)
{
	int ret = 0;

	/* Mobile prefixes before what lies in them: fib_set() replaces equal prefixes only. */
	for (uint32_t i = 0; ret == 0 && i < ctl->conf->route_count; i++)
		ret = add_static(ctl, &ctl->conf->routes[i], err, err_len);
	for (uint16_t d = 0; ret == 0 && d < ctl->conf->domain_count; d++)
		ret = add_domain(ctl, d, err, err_len);
	return ret == 0 ? add_own(ctl, err, err_len) : ret;
}
