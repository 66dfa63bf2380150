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
