/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In:  fragments of packets to us; meta.ext is valid.
 * Out: AGAIN: the packet that a fragment completed, in one buffer, without its Fragment header;
 *      its headers are walked again like those of any other. The rest is held in the worker's
 *      table until its others come, its time is over, or it has to make room.
 *
 * RFC 8200, 4.5: headers and next header are the first fragment's. So is the rest of what comes
 * with a packet: the port, the sender's Ethernet address, the tunnels that were opened; fragments
 * that came by different ways are not joined (reass_key.path). RFC 3168, 5.3: ECN.
 */
#include "dataplane/worker.h"

#include "dataplane/plan.h"
#include "net/fraghdr.h"
#include "net/icmp6.h"
#include "tables/sa_view.h"
#include "tables/tables.h"

#define EXPIRE_MAX 32 /* datagrams a call: some microseconds at most */

/* The table lets go of a fragment. */
static void leave(void *worker, void *buf, enum dp_drop why, bool first)
{
	struct dp_worker *w = worker;

	if (why == DP_DROP_FRAG_TIMEOUT && first)
		dp_error(w, buf, why, ICMP6_TIME_EXCEEDED, ICMP6_REASSEMBLY, 0);
	else
		dp_worker_drop(w, buf, why);
}

int dp_reass_start(struct dp_worker *w, struct reass_opts opts)
{
	opts.drop = leave;
	opts.ctx = w;
	w->reass_max = opts.max_octets;
	opts.max_octets -= sizeof(struct net_ip6);
	return reass_tab_new(&opts, &w->reass);
}

void dp_reass_stop(struct dp_worker *w)
{
	reass_tab_free(w->reass);
	w->reass = NULL;
}

void dp_reass_expire(struct dp_worker *w, uint64_t now)
{
	reass_tab_expire(w->reass, now, EXPIRE_MAX);
}

/* Through which tunnels: those of mobile nodes that were opened, and the site it came from, by one hop
 * or two: what was relayed already may be relayed no further, and half of it vouches for no more. */
static uint16_t path_of(const struct dp_meta *meta)
{
	_Static_assert(DP_MAX_OPENED < DP_META_RELAYED, "a bit beside the number");
	return (uint16_t)(meta->peer << 8 | (meta->flags & DP_META_RELAYED) | meta->opened);
}

/* A link-local address means another node on each link. */
static struct reass_key key_of(struct rte_mbuf *m, uint32_t id)
{
	const struct net_ip6 *ip = dp_ip6(m);
	const struct dp_meta *meta = dp_meta(m);
	bool scoped = ip6_is_link_local(&ip->src) || ip6_is_link_local(&ip->dst);

	return (struct reass_key){
		.src = ip->src,
		.dst = ip->dst,
		.id = id,
		.zone = scoped ? (uint16_t)(meta->port + 1) : 0,
		.path = path_of(meta),
	};
}

/* Octets of a packet. Whatever is no mesh tunnel's may have to go into one. */
static uint32_t most(const struct dp_worker *w, struct rte_mbuf *first)
{
	const struct dp_meta *meta = dp_meta(first);

	if (w->t->sa == NULL || (meta->peer == 0 && meta->opened == 0 &&
					ip6_eq(&dp_ip6(first)->dst, &sa_view(w->t->sa)->site)))
		return w->reass_max;
	return w->reass_max - PLAN_MESH_OVERHEAD;
}

/* What only all fragments together tell. -1, or why they make no packet; of that packet its
 * length and its ECN field. */
static int judge(
	const struct dp_worker *w, const struct reass_frag *f, uint32_t n, uint32_t *len, int *ecn)
{
	struct rte_mbuf *first = f[0].buf;
	uint8_t seen = 0;

	*len = dp_meta(first)->ext.frag_off;
	for (uint32_t i = 0; i < n; i++) {
		seen |= (uint8_t)(1 << (net_ip6_tclass(dp_ip6(f[i].buf)) & 3));
		*len += f[i].len;
	}
	/* every buffer of ours holds reass_max octets; one that a driver brought along may not */
	if (*len > most(w, first) || *len + RTE_PKTMBUF_HEADROOM > first->buf_len)
		return DP_DROP_FRAG_TOO_BIG;
	*ecn = net_ecn_reassemble(seen, net_ip6_tclass(dp_ip6(first)) & 3);
	return *ecn < 0 ? DP_DROP_FRAG_ECN : -1;
}

/* The first fragment's buffer takes the others in: judge() saw to it that they fit. */
static void append_all(struct rte_mbuf *m, const struct reass_frag *f, uint32_t n, uint32_t len)
{
	if (unlikely(rte_pktmbuf_tailroom(m) < len - m->data_len)) {
		memmove((uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM,
			rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
		m->data_off = RTE_PKTMBUF_HEADROOM;
	}
	for (uint32_t i = 1; i < n; i++) {
		memcpy(rte_pktmbuf_append(m, f[i].len), f[i].data, f[i].len);
		rte_pktmbuf_free(f[i].buf);
	}
}

static void join(struct dp_worker *w, const struct reass_frag *f, uint32_t n)
{
	struct rte_mbuf *m = f[0].buf;
	struct dp_meta *meta = dp_meta(m);
	uint32_t len;
	int ecn, reason = judge(w, f, n, &len, &ecn);

	if (unlikely(reason >= 0)) {
		for (uint32_t i = 0; i < n; i++)
			dp_worker_drop(w, f[i].buf, (enum dp_drop)reason);
		return;
	}
	fraghdr_strip(rte_pktmbuf_mtod(m, uint8_t *), meta->ext.frag_off, meta->ext.frag_nh_off);
	rte_pktmbuf_adj(m, FRAGHDR_LEN);
	append_all(m, f, n, len);
	net_ip6_set_payload_len(dp_ip6(m), (uint16_t)(len - sizeof(struct net_ip6)));
	net_ip6_set_ecn(dp_ip6(m), (uint8_t)ecn);
	meta->flags = (uint8_t)((meta->flags & ~DP_META_WALKED) | DP_META_JOINED);
	dp_counted(w, DP_COUNTER_FRAGMENTS_JOINED, n);
	dp_counted(w, DP_COUNTER_REASSEMBLED, 1);
	dp_vec_push(&w->vec[V_AGAIN], m);
}

static void reass_one(struct dp_worker *w, struct rte_mbuf *m, uint64_t now)
{
	const uint8_t *pkt = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct reass_frag *whole;
	struct reass_frag frag;
	struct reass_key key;
	uint32_t pointer = 0, n;
	struct fraghdr f;

	switch (fraghdr_read(pkt, m->data_len, dp_meta(m)->ext.frag_off, &f, &pointer)) {
	case FRAGHDR_OK:
		break;
	case FRAGHDR_EMPTY:
		dp_worker_drop(w, m, DP_DROP_FRAG_EMPTY);
		return;
	case FRAGHDR_ODD:
		dp_error(w, m, DP_DROP_FRAG_LENGTH, ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, pointer);
		return;
	case FRAGHDR_BEYOND:
		dp_error(w, m, DP_DROP_FRAG_BEYOND, ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, pointer);
		return;
	}
	key = key_of(m, f.id);
	frag = (struct reass_frag){ m, pkt + f.data_off, f.off, f.len, f.more };
	whole = reass_tab_add(w->reass, &key, &frag, now, &n);
	if (whole != NULL)
		join(w, whole, n);
}

void dp_reass(struct dp_worker *w, struct dp_vec *in)
{
	uint64_t now = rte_rdtsc();

	dp_counted(w, DP_COUNTER_FRAGMENTS, in->n);
	for (uint32_t i = 0; i < in->n; i++)
		reass_one(w, in->pkt[i], now);
	in->n = 0;
}
