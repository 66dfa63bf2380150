/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/icmp_rules.h"

#include <stddef.h>

#include "net/ip6hdr.h"
#include "tables/addrs.h"

enum icmp_kind icmp_kind(uint8_t type)
{
	if (type < 128)
		return ICMP_ERROR;
	if (type == ICMP6_ECHO_REQUEST)
		return ICMP_ECHO;
	if (type >= ICMP6_RS && type <= ICMP6_REDIRECT)
		return ICMP_ND;
	if (type == ICMP6_HAAD_REQUEST || type == ICMP6_MPS)
		return ICMP_DISCOVERY;
	return ICMP_OTHER;
}

static const struct addr_row *own(struct addrs *t, const struct ip6_addr *a, uint16_t port)
{
	const struct addr_row *row = addrs_find(t, a, port);

	return row != NULL && row->state == ADDR_PREFERRED ? row : NULL;
}

bool icmp_is_about_us(struct addrs *t, const struct icmp6_err_msg *msg, uint16_t port)
{
	const struct addr_row *row =
		addrs_find(t, &((const struct net_ip6 *)msg->quoted)->src, port);

	/* what another site of the mesh said may be answered to the site nearest to whoever does */
	return row != NULL && (row->state == ADDR_PREFERRED || row->state == ADDR_ELSEWHERE);
}

uint32_t icmp_learned_mtu(const struct icmp6_err_msg *msg, uint16_t link_mtu)
{
	const struct net_ip6 *ip = (const struct net_ip6 *)msg->quoted;
	uint32_t len = sizeof(*ip) + net_ip6_payload_len(ip);

	if (msg->type != ICMP6_TOO_BIG || msg->arg < IP6_MIN_MTU || msg->arg >= len ||
		len > link_mtu)
		return 0;
	return msg->arg;
}

const struct ip6_addr *icmp_error_source(struct addrs *t, const struct ip6_addr *dst,
	uint16_t port_in, const struct ip6_addr *to, uint16_t port_out)
{
	const struct addr_row *row = ip6_is_multicast(dst) ? NULL : own(t, dst, port_in);

	/* A link-local source reaches nobody behind a router. */
	if (row != NULL && (!ip6_is_link_local(dst) || ip6_is_link_local(to)))
		return &row->addr;
	return addrs_source(t, to, port_out);
}

bool icmp_is_for_wire(const struct ext_info *x)
{
	return x->upper == IP6_MH || (x->flags & EXT_HAO) != 0;
}
