/* SPDX-License-Identifier: BSD-3-Clause */
/* What hamd says itself: past the workers' binding cache, so a routing header takes the place
 * of the tunnel (RFC 6275, 9.3.2), and no larger than the path (RFC 8201). */
#include <errno.h>
#include <stdlib.h>

#include "control/ctl_priv.h"
#include "control/pmtu.h"
#include "net/mh.h"
#include "tables/addrs.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define SEND_MAX 9728 /* the largest port MTU and a routing header */

struct send {
	uint8_t routed[SEND_MAX]; /* a packet with its routing header */
};

int send_new(struct send **out)
{
	struct send *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	*out = s;
	return 0;
}

void send_free(struct send *send)
{
	free(send);
}

static const struct bc_entry *binding_of(const struct ctl *ctl, const struct ip6_addr *dst)
{
	return ctl->t->bc == NULL ? NULL : bc_find(ctl->t->bc, dst);
}

uint16_t send_port(const struct ctl *ctl, const struct ip6_addr *dst)
{
	uint32_t value = fib_lookup(ctl->t->fib, dst);

	if (fib_kind(value) == FIB_DOMAIN) {
		const struct bc_entry *e = binding_of(ctl, dst);

		if (e == NULL)
			return ADDR_NO_PORT;
		value = fib_lookup(ctl->t->fib, &e->coa);
	}
	switch (fib_kind(value)) {
	case FIB_ONLINK:
		return (uint16_t)fib_index(value);
	case FIB_VIA:
		return adj_port(ctl->t->adj, fib_index(value));
	default:
		return ADDR_NO_PORT;
	}
}

uint16_t send_link_mtu(const struct ctl *ctl, const struct ip6_addr *dst)
{
	uint16_t port = send_port(ctl, dst);

	return port == ADDR_NO_PORT ? 0 : dp_port_mtu(ctl->dp, port);
}

uint16_t send_path_mtu(const struct ctl *ctl, const struct ip6_addr *dst)
{
	uint16_t link = send_link_mtu(ctl, dst);
	uint16_t learned = pmtu_get(ctl->pmtu, ctl->now_ms, dst, PMTU_OWN);

	if (link == 0)
		return IP6_MIN_MTU;
	return learned != 0 && learned < link ? learned : link;
}

int ctl_send_wire(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	uint16_t mtu = IP6_MIN_MTU;

	if (len > IP6_MIN_MTU) /* else it fits every path: no lookup */
		mtu = send_path_mtu(ctl, &((const struct net_ip6 *)pkt)->dst);
	return dp_send(ctl->dp, pkt, len, mtu);
}

/* RFC 6275, 6.4 and 9.3.2: to the care-of address, the home address in a routing header directly
 * behind the IPv6 header. What we say carries no other extension header in front of it. */
static int send_routed(
	struct ctl *ctl, const uint8_t *pkt, uint16_t len, const struct ip6_addr *coa)
{
	uint8_t *out = ctl->send->routed;
	struct net_ip6 *ip = (struct net_ip6 *)out;

	if (len > SEND_MAX - MH_RH2_LEN) {
		dp_count_drop(ctl->dp, DP_DROP_TOO_BIG);
		return -EMSGSIZE;
	}
	memcpy(out, pkt, sizeof(*ip));
	mh_rh2_write(out + sizeof(*ip), ip->next_header, &ip->dst);
	memcpy(out + sizeof(*ip) + MH_RH2_LEN, pkt + sizeof(*ip), len - sizeof(*ip));
	ip->next_header = IP6_ROUTING;
	ip->dst = *coa;
	net_ip6_set_payload_len(ip, (uint16_t)(len + MH_RH2_LEN - sizeof(*ip)));
	return ctl_send_wire(ctl, out, (uint16_t)(len + MH_RH2_LEN));
}

int ctl_send(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	const struct net_ip6 *ip = (const struct net_ip6 *)pkt;
	const struct bc_entry *e;

	if (fib_kind(fib_lookup(ctl->t->fib, &ip->dst)) != FIB_DOMAIN)
		return ctl_send_wire(ctl, pkt, len);
	e = binding_of(ctl, &ip->dst);
	if (e == NULL) {
		dp_count_drop(ctl->dp, DP_DROP_OWN_NO_BINDING);
		return -EHOSTUNREACH;
	}
	return send_routed(ctl, pkt, len, &e->coa);
}

int ctl_send_link(
	struct ctl *ctl, uint16_t port, const uint8_t mac[6], const uint8_t *pkt, uint16_t len)
{
	return dp_send_link(ctl->dp, port, mac, pkt, len);
}
