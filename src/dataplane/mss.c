/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP's maximum segment size through tunnels. Packet Too Big is filtered on half of the Internet,
 * and who does not hear it sends segments that never arrive. So each SYN that goes into a mobile
 * node's tunnel or comes out of it is told what fits: one that comes out speaks for what goes in
 * later, and the other way round. A SYN with extension headers before TCP is left alone, and so
 * is a fragment: nobody sends such.
 */
#include "dataplane/worker.h"

#include "tables/bc_view.h"
#include "tables/fib.h"
#include "tables/meshtab.h"
#include "tables/tables.h"

#define TCP_HEADER 20

/* What fits the tunnel without options in the TCP header, which its user subtracts (RFC 6691). */
static uint16_t fitting(const struct bc_entry *bind, uint32_t port_mtu)
{
	if (bind->mss != BC_MSS_AUTO)
		return bind->mss;
	return (uint16_t)(bc_path_mtu(bind, port_mtu) - bc_overhead(bind) - sizeof(struct net_ip6) -
			  TCP_HEADER); /* of 1280 at least */
}

void dp_clamp_mss(struct dp_worker *w, const struct bc_entry *bind, struct net_ip6 *inner,
	uint32_t len, uint32_t port_mtu)
{
	if (bind->mss == BC_MSS_OFF)
		return;
	if (net_tcp_clamp_mss(
		    (uint8_t *)(inner + 1), len - sizeof(*inner), fitting(bind, port_mtu)))
		dp_counted(w, DP_COUNTER_TCP_MSS_CLAMPED, 1);
}

/* What comes back may have to be relayed in the mobile node's tunnel, whichever way this goes. */
void dp_clamp_relayed(struct dp_worker *w, struct rte_mbuf *m, uint32_t inner_mtu)
{
	uint32_t domain = fib_domain(dp_meta(m)->fib), len = m->data_len;
	struct net_ip6 *ip = dp_ip6(m);

	if (ip->next_header == IP6_IN_IP6 && len >= 2 * sizeof(*ip)) {
		ip++;
		len -= sizeof(*ip);
	}
	if (!dp_is_syn(ip, len) || !meshtab_domain(w->t->mesh, domain)->clamps)
		return;
	if (net_tcp_clamp_mss((uint8_t *)(ip + 1), len - sizeof(*ip),
		    (uint16_t)(inner_mtu - 2 * sizeof(*ip) - TCP_HEADER)))
		dp_counted(w, DP_COUNTER_TCP_MSS_CLAMPED, 1);
}
