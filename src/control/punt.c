/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the data plane's queues to the engines: the only file of control/ that knows packet
 * buffers. Each class has its budget a turn, so that no flood starves another class or lets a
 * turn get long: 7 x 32 packets of some microseconds each stay below a millisecond. A datagram of
 * another site may cost far more, a handshake, or less: of these so many are taken as go into a
 * slice of time.
 */
#include <rte_cycles.h>

#include "control/ctl_priv.h"
#include "control/mesh/channel.h"
#include "control/punt_rules.h"
#include "control/tunnel_rules.h"
#include "dataplane/meta.h"
#include "net/icmp6.h"
#include "tables/addrs.h"
#include "tables/adj.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define PUNT_BUDGET 32 /* packets of a class and turn */
#define SYNC_BURST  2 /* a handshake takes a fourth of a millisecond */
#define SYNC_US     200

static struct ctl_pkt view(struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);
	struct ctl_pkt p = {
		.data = rte_pktmbuf_mtod(m, const uint8_t *),
		.len = rte_pktmbuf_data_len(m),
		.port = meta->port,
		.ext = meta->ext,
		.walked = (meta->flags & DP_META_WALKED) != 0,
		.tunnelled = (meta->flags & DP_META_TUNNELLED) != 0,
		.unchecked = (meta->flags & DP_META_UNCHECKED) != 0,
		.peer = meta->peer,
		.relayed = (meta->flags & DP_META_RELAYED) != 0,
		.fib = meta->fib,
	};

	memcpy(p.src_mac, meta->src_mac, sizeof(p.src_mac));
	return p;
}

/* RFC 4862, 5.4: a tentative address is not assigned yet. Others reach us only when the FIB has
 * them, a link-local one is known to its port from the start. */
static bool is_unassigned(const struct ctl *ctl, const struct ctl_pkt *p)
{
	const struct ip6_addr *dst = &ctl_pkt_ip6(p)->dst;
	const struct addr_row *row;

	if (!ip6_is_link_local(dst))
		return false;
	row = addrs_find(ctl->t->addrs, dst, p->port);
	return row == NULL || row->state != ADDR_PREFERRED;
}

/* For ND, KNOWN, SIGNALLING, DISCOVERY, LOCAL. */
static void hand_over(struct ctl *ctl, enum dp_punt_class c, struct rte_mbuf *m)
{
	struct ctl_pkt p = view(m);
	struct punt_verdict v;

	p.known = c == DP_PUNT_KNOWN;
	v = punt_judge(c, &p, ctl->mip6 != NULL);
	if (c != DP_PUNT_ND && is_unassigned(ctl, &p)) {
		dp_drop(ctl->dp, m, DP_DROP_DST_SCOPE);
		return;
	}
	if (v.needs_binding && (ctl->mip6 == NULL || !mip6_hao_ok(ctl, &p))) {
		dp_drop(ctl->dp, m, DP_DROP_HAO_NO_BINDING);
		return;
	}
	switch (v.to) {
	case PUNT_TO_ND:
		dp_watch_say(ctl->dp, "nd", "takes it", -1);
		nd_input(ctl, &p);
		break;
	case PUNT_TO_MIP6:
		dp_watch_say(ctl->dp, "mip6", "takes it", -1);
		mip6_input(ctl, &p);
		break;
	case PUNT_TO_ICMP:
		dp_watch_say(ctl->dp, "icmp", "takes it", -1);
		icmp_input(ctl, &p);
		break;
	case PUNT_TO_NOBODY:
		if (v.answer)
			(void)icmp_send_error(ctl, &p, v.icmp_type, v.icmp_code, v.icmp_arg);
		dp_drop(ctl->dp, m, v.drop);
		return;
	}
	dp_release(ctl->dp, m);
}

static void resolve(struct ctl *ctl, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);
	const struct punt_waiting w = { .adj = meta->adj,
		.adj_owner = meta->adj_owner,
		.fib = meta->fib,
		.dst = dp_ip6(m)->dst };
	struct ip6_addr addr;
	uint16_t port;

	if (punt_neighbor(ctl->t, &w, &port, &addr))
		nd_resolve(ctl, port, &addr, m);
	else
		dp_drop(ctl->dp, m, DP_DROP_NO_ROUTE);
}

/* An error to the source of the packet, or of what we tunnelled in it; never to ourselves. */
static void tell_source(struct ctl *ctl, struct rte_mbuf *m, struct tunnel_error e)
{
	const struct dp_meta *meta = dp_meta(m);
	struct ctl_pkt p = view(m);

	if (meta->flags & DP_META_OWN)
		return;
	if (meta->flags & DP_META_ENCAPSULATED && !tunnel_inner(ctl, &p, &e))
		return;
	(void)icmp_send_error(ctl, &p, e.type, e.code, e.arg);
}

void punt_unreachable(struct ctl *ctl, struct rte_mbuf *m)
{
	tell_source(ctl, m, (struct tunnel_error){ ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0 });
	dp_drop(ctl->dp, m, DP_DROP_NEIGHBOR_FAILED);
}

static void owed_error(struct ctl *ctl, struct rte_mbuf *m)
{
	const struct dp_meta *meta = dp_meta(m);
	enum dp_drop reason = (enum dp_drop)meta->drop;

	tell_source(
		ctl, m, (struct tunnel_error){ meta->icmp_type, meta->icmp_code, meta->icmp_arg });
	dp_drop(ctl->dp, m, reason);
}

/* From another site. */
static void sync_input(struct ctl *ctl, struct rte_mbuf *m)
{
	struct ctl_pkt p = view(m);
	int drop;

	dp_watch_say(ctl->dp, "mesh", "takes it", -1);
	drop = channel_input(ctl, &p);
	if (drop >= 0)
		dp_drop(ctl->dp, m, (enum dp_drop)drop);
	else
		dp_release(ctl->dp, m);
}

static uint32_t run_class(struct ctl *ctl, enum dp_punt_class c, uint32_t max)
{
	struct rte_mbuf *pkt[PUNT_BUDGET];
	uint32_t n = dp_punt_take(ctl->dp, c, pkt, max);

	for (uint32_t i = 0; i < n; i++) {
		dp_watch_begin(ctl->dp, pkt[i], c);
		if (c == DP_PUNT_SYNC)
			sync_input(ctl, pkt[i]);
		else if (c == DP_PUNT_RESOLVE)
			resolve(ctl, pkt[i]);
		else if (c == DP_PUNT_ERROR)
			owed_error(ctl, pkt[i]);
		else
			hand_over(ctl, c, pkt[i]);
		dp_watch_end(ctl->dp);
	}
	return n;
}

bool punt_run(struct ctl *ctl)
{
	uint64_t end = rte_rdtsc() + SYNC_US * (rte_get_tsc_hz() / 1000000);
	uint32_t n = 0, more = SYNC_BURST;

	while (ctl->channel != NULL && more == SYNC_BURST && rte_rdtsc() < end) {
		more = run_class(ctl, DP_PUNT_SYNC, SYNC_BURST);
		n += more;
	}
	ctl_part(ctl, TURN_SYNC, n > 0);
	for (enum dp_punt_class c = 0; c < DP_PUNT_COUNT; c++) {
		if (c != DP_PUNT_SYNC && c != DP_PUNT_HELLO) /* that is pulse.h's */
			n += run_class(ctl, c, PUNT_BUDGET);
	}
	return n > 0;
}
