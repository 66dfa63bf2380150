/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "conf/check.h"
#include "conf/text.h"

static int check_names(const struct conf_check *k, uint32_t i)
{
	const struct conf_port *p = &k->conf->ports[i];

	for (uint32_t j = 0; j < i; j++) {
		if (strcmp(p->name, k->conf->ports[j].name) == 0)
			return conf_refuse(k->c, "ports[%u].name: \"%s\" is the name of ports[%u]",
				i, p->name, j);
	}
	return 0;
}

/* Two ports of one card, of one virtual device, or of one interface behind two of them. */
static int check_device(const struct conf_check *k, uint32_t i)
{
	const char *device = k->conf->ports[i].device, *iface, *other_iface;
	size_t len = conf_device_id_len(device), iface_len = 0, other_len = 0;

	iface = conf_device_iface(device, &iface_len);
	for (uint32_t j = 0; j < i; j++) {
		const char *other = k->conf->ports[j].device;

		if (conf_device_id_len(other) == len && strncasecmp(device, other, len) == 0)
			return conf_refuse(k->c,
				"ports[%u].device: \"%.*s\" is the device of ports[%u]", i,
				(int)len, device, j);
		other_iface = conf_device_iface(other, &other_len);
		if (iface != NULL && other_iface != NULL && iface_len == other_len &&
			memcmp(iface, other_iface, iface_len) == 0)
			return conf_refuse(k->c,
				"ports[%u].device: \"%.*s\" is the interface of ports[%u]", i,
				(int)iface_len, iface, j);
	}
	return 0;
}

/* Is the address, or its link, there already? Two ports at one link would leave open which of
 * them its neighbours are behind. Compares with what stands above. */
static int check_unique(const struct conf_check *k, uint32_t i, uint32_t j, const char *text)
{
	const struct ip6_prefix *a = &k->conf->ports[i].addresses[j];

	for (uint32_t m = 0; m <= i; m++) {
		const struct conf_port *port = &k->conf->ports[m];
		uint32_t n_max = m == i ? j : port->address_count;

		for (uint32_t n = 0; n < n_max; n++) {
			const struct ip6_prefix *b = &port->addresses[n];

			if (ip6_eq(&a->addr, &b->addr))
				return conf_refuse(k->c,
					"ports[%u].addresses[%u]: %s is an address of ports[%u]", i,
					j, text, m);
			if (m != i && a->len == b->len && ip6_in_prefix(&a->addr, b))
				return conf_refuse(k->c,
					"ports[%u].addresses[%u]: the link of %s is that of "
					"ports[%u].addresses[%u]",
					i, j, text, m, n);
		}
	}
	return 0;
}

static int check_address(const struct conf_check *k, uint32_t i, uint32_t j)
{
	const struct ip6_prefix *a = &k->conf->ports[i].addresses[j];
	const struct conf_place *mobile = conf_mobile_prefix(k, &a->addr);
	char text[IP6_PREFIX_STRLEN], in[IP6_PREFIX_STRLEN];

	ip6_prefix_str(a, text);
	if (!ip6_is_routable(&a->addr))
		return conf_refuse(k->c,
			"ports[%u].addresses[%u]: %s is not a unicast routable address", i, j,
			text);
	if (a->len == 0)
		return conf_refuse(k->c,
			"ports[%u].addresses[%u]: %s: a link has a prefix length of 1..128", i, j,
			text);
	if (conf_is_router_anycast(&a->addr, a))
		return conf_refuse(k->c,
			"ports[%u].addresses[%u]: %s is the anycast address of the link's routers",
			i, j, text);
	if (mobile != NULL)
		return conf_refuse(k->c,
			"ports[%u].addresses[%u]: %s is in domains[%u].mobile-prefixes[%u] (%s)", i,
			j, text, mobile->i, mobile->j, ip6_prefix_str(&mobile->prefix, in));
	return check_unique(k, i, j, text);
}

int conf_check_ports(const struct conf_check *k)
{
	for (uint32_t i = 0; i < k->conf->port_count; i++) {
		if (check_names(k, i) < 0 || check_device(k, i) < 0)
			return -EINVAL;
		for (uint32_t j = 0; j < k->conf->ports[i].address_count; j++) {
			if (check_address(k, i, j) < 0)
				return -EINVAL;
		}
	}
	return 0;
}
