/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: what one lcore needs to carry packets from its RX queues to the wire, and the
 * stages that do it. A packet is in exactly one vector at any time; every stage takes all of
 * its vector and lets each packet out by exactly one door: another vector, dp_punt(), or
 * dp_worker_drop(). Nothing here locks, allocates anything but packet buffers, logs or calls
 * the kernel.
 *
 * The control core has a worker of its own too: it carries what control sends, and what
 * arrives on control's own RX queues.
 */
#pragma once

#include <rte_cycles.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "common/fragid.h"
#include "common/util.h"
#include "conf/conf.h"
#include "dataplane/counter.h"
#include "dataplane/dp.h"
#include "dataplane/meta.h"
#include "dataplane/plan.h"
#include "dataplane/reass_tab.h"
#include "dataplane/stage.h"
#include "dataplane/watch.h"
#include "net/tcpmss.h"
#include "tables/bc_view.h"

struct domains;
struct dp_sync;
struct police;
struct watch_lane;

#define DP_BURST      64 /* packets a turn carries at most */
#define DP_AHEAD      16 /* packets: so much before it is used memory is asked for a binding */
#define DP_SPARE      DP_BURST /* fragments beyond the second, of all packets of a turn */
#define DP_VEC        (2 * DP_BURST + DP_SPARE) /* each of them may leave as two fragments */
#define DP_FRAGMENTS  16 /* of one packet: the largest port MTU in pieces of 1280 are eight */
#define DP_HEAD_MAX   18 /* octets of an Ethernet header with a VLAN tag */
#define DP_MAX_OPENED 2 /* tunnels inside each other that are opened */
/* How often a turn looks at what came out: each packet of a nest may have been in fragments, the
 * mesh tunnel around it too. */
#define DP_MAX_PASSES (2 * (DP_MAX_OPENED + 2))
#define DP_MAX_PORTS  16

struct dp_vec {
	uint32_t n;
	struct rte_mbuf *pkt[DP_VEC];
};

/* Lookups of bindings under way (tables/bc_view.h), beside a vector. */
struct dp_sought {
	uint64_t hash[DP_BURST];
	const struct bc_entry *guess[DP_BURST]; /* but for the last DP_AHEAD */
};

struct dp_stage_stat {
	uint64_t calls, packets, cycles;
};

/* How many ICMPv6 errors a worker asks control for: twice what that will send at most, so that the
 * limit is control's, but a flood does not reach it, or its packet buffers the other lcore. */
struct dp_allowance {
	uint64_t cycles; /* TSC, for one more; 0: no limit */
	uint64_t last; /* TSC, of the last one */
	uint64_t turn; /* when time was looked at: once a turn does */
	uint32_t left, burst;
};

struct dp_rx_queue {
	uint16_t port, queue;
	bool is_few; /* what it brought at last */
};

/* What workers must know of a port. Written before workers run; link by control. */
struct dp_port_view {
	uint16_t dev; /* DPDK's number of it; ours is the index */
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t vlan;
	uint16_t vlan_tci_be; /* the tag's network order value */
	struct ip6_addr link_local;
	_Atomic bool link_up;
} __attribute__((aligned(64)));

struct dp_worker {
	/* hardly ever written while running */
	struct tables *t;
	const struct dp_port_view *port;
	uint16_t port_count;
	uint16_t id; /* also RCU reader id; == workers for control's */
	uint16_t workers; /* how many there are, control's own aside */
	bool is_reader; /* control's own is none: it is the writer */
	struct rte_mempool *pool; /* for fragments */
	struct rte_mempool *own_pool; /* before `pool` for what control says; NULL: not control's */
	uint64_t
		flow_seed; /* of the flow labels of tunnels between sites; all workers have the same */
	uint64_t label_key[CONF_DOMAINS_MAX]; /* likewise, of mobile nodes' tunnels of a domain */
	uint16_t rxq_count;
	uint16_t rxq_first; /* where a turn begins */
	bool watched; /* anything in watching[]: one branch a burst when there is not */
	uint32_t watch_seen;
	_Atomic uint32_t watch_version; /* control counts it on */
	struct dp_rx_queue rxq[DP_MAX_PORTS * PLAN_MAX_QUEUES];
	uint16_t tx_queue[DP_MAX_PORTS]; /* PLAN_NO_QUEUE: by ring */
	struct rte_ring *tx_ring[DP_MAX_PORTS]; /* of the worker that has a queue */
	struct rte_ring *tx_in; /* what others ask us to send; m->port is the way out. Or, marked by
	                           dp_homeward(), buffers to be freed. NULL: none */
	uint32_t ringed; /* how many came out of it at last, */
	void *ring_item[DP_BURST]; /* and which, until the turn ends */
	bool looks; /* this turn is still to look into it */
	bool has_core; /* its lcore does nothing else: turns are short, so that few may wait for some */
	bool has_many; /* a queue brought many in the last turn: what few wait for */
	uint32_t look_turn; /* 0: this turn looks at what others write: tx_in, RCU's token */
	struct rte_ring *punt[DP_PUNT_COUNT];
	struct rte_ring *const *hand; /* of each worker: packets that others want it to carry; NULL:
	                                 nobody has anything to hand over */
	const _Atomic bool *spread; /* what is opened is spread over the workers: control's word */

	struct fragid fragid;
	struct dp_allowance errors;

	/* this turn's packets */
	uint32_t spare; /* of DP_SPARE, what is left */
	struct dp_vec vec[V_COUNT];
	struct dp_sought home; /* the destinations, beside vec[V_HOME] */
	struct dp_sought tunnel; /* the inner sources, beside vec[V_TUNNEL] */
	struct dp_sought signal; /* the home addresses, beside vec[V_SIGNAL] */
	const struct bc_entry *bind[DP_BURST]; /* beside vec[V_ENCAP] */
	struct dp_vec tx[DP_MAX_PORTS];

	/* what waits longer than a turn: fragments for the others of their datagram */
	struct reass_tab *reass; /* NULL: a worker that receives nothing */
	uint32_t reass_max; /* octets of the largest packet that is put together */

	struct police *police; /* of signalling; NULL: none */
	struct dp_sync *sync; /* the mesh's ports, who may speak to them; NULL: no mesh */
	struct domains *domains; /* bounds and counts of each; NULL: carries nothing that came in */

	/* What watches this worker, its own lanes: taken over from watch_next at the start of a
	 * turn, where watch_version has moved. */
	struct watch_lane *watching[WATCH_KIND_COUNT];
	struct watch_lane *_Atomic watch_next[WATCH_KIND_COUNT]; /* control's */

	struct dp_counters counters;
	struct dp_stage_stat stage[DP_STAGE_COUNT];
} __attribute__((aligned(64)));

bool dp_worker_poll(void *worker); /* a dp_poll_fn */
void dp_worker_sleep(struct dp_worker *w, bool begin); /* RCU: a sleeper is no reader */
void dp_worker_watch(struct dp_worker *w); /* takes over what control wants watched */

/* Everything between rx and tx: what is in vec[V_AGAIN] ends up in tx[], with control, or
 * dropped. */
void dp_carry(struct dp_worker *w);

/* Stages, in the order of the packet path; one file each. dp_rx says how many it took from the
 * queue, dropped ones included; as many as make a burst of what is in `out` already. */
uint32_t dp_rx(struct dp_worker *w, const struct dp_rx_queue *q, struct dp_vec *out);
void dp_classify(struct dp_worker *w, struct dp_vec *in);
void dp_reass(struct dp_worker *w, struct dp_vec *in);
void dp_open(struct dp_worker *w, struct dp_vec *in);
void dp_decap(struct dp_worker *w, struct dp_vec *in);
void dp_intercept(struct dp_worker *w, struct dp_vec *in);
void dp_encap(struct dp_worker *w, struct dp_vec *in);
void dp_seal(struct dp_worker *w, struct dp_vec *in);
void dp_signal(struct dp_worker *w, struct dp_vec *in);
void dp_route(struct dp_worker *w, struct dp_vec *in);
void dp_tx(struct dp_worker *w);

/*
 * Reassembly's table: taken at start, given back when the worker has stopped (what it holds is
 * dropped for SHUTDOWN). drop and ctx of opts are filled in; opts.max_octets: of a whole packet,
 * plan_datagram(), which has to fit any packet buffer behind RTE_PKTMBUF_HEADROOM. 0 or -ENOMEM.
 */
int dp_reass_start(struct dp_worker *w, struct reass_opts opts);
void dp_reass_stop(struct dp_worker *w);
/* Gives up what has waited for too long, a bounded number a call. now: rte_rdtsc(). */
void dp_reass_expire(struct dp_worker *w, uint64_t now);

/* The packet's source is an address of ours. */
bool dp_is_from_us(const struct dp_worker *w, struct rte_mbuf *m);

/* Its extension headers are walked: such a one may go to dp_to_signal() before its source is looked
 * at, which is looked at there if it has to be. */
bool dp_may_be_known(const struct dp_worker *w, struct rte_mbuf *m);

/* A Mobility Header for us: into V_SIGNAL, or at once to control where no binding says more. */
void dp_to_signal(struct dp_worker *w, struct rte_mbuf *m);

/* Doors. */
void dp_worker_drop(struct dp_worker *w, struct rte_mbuf *m, enum dp_drop reason);
void dp_punt(struct dp_worker *w, struct rte_mbuf *m, enum dp_punt_class c);
/* One will soon be: what control last wrote of the queue is asked for meanwhile. */
void dp_punt_ahead(struct dp_worker *w, enum dp_punt_class c);
/* Dropped for `reason`, but the source is owed an ICMPv6 error, which control sends. Above the rate of
 * errors (RFC 4443, 2.4 f), or about an ICMPv6 error (2.4 e.1), it is dropped here, and ICMP6_RATE or
 * ICMP6_NOT_DUE counts the error. */
void dp_error(struct dp_worker *w, struct rte_mbuf *m, enum dp_drop reason, uint8_t type,
	uint8_t code, uint32_t arg);

/* Where the tunnel of a binding leaves: the cached adjacency when it is of this FIB, else looked
 * up; into the packet's meta.adj or meta.fib. False when the care-of address leads nowhere a
 * tunnel may go; *port is the way out. */
bool dp_tunnel_hop(
	struct dp_worker *w, struct rte_mbuf *m, const struct bc_entry *bind, uint16_t *port);

/* Lowers the maximum segment size in a TCP SYN inside a tunnel of the binding that leaves by a
 * port with this MTU. inner and len octets behind it are there; dp_is_syn() said yes. */
void dp_clamp_mss(struct dp_worker *w, const struct bc_entry *bind, struct net_ip6 *inner,
	uint32_t len, uint32_t port_mtu);

/* The same for one that is relayed, alone or in a mobile node's tunnel, by a mesh tunnel that takes
 * inner_mtu octets, where its domain has sizes lowered by themselves. */
void dp_clamp_relayed(struct dp_worker *w, struct rte_mbuf *m, uint32_t inner_mtu);

/* The fragments of a packet of ours (len > mtu >= 1280), all of them or none: how many, in order,
 * each with this metadata. 0: there are no buffers, or it cannot be divided. Counted when made. */
uint32_t dp_fragment(struct dp_worker *w, const uint8_t *pkt, uint16_t len, uint16_t mtu,
	const struct dp_meta *meta, struct rte_mbuf *out[static DP_FRAGMENTS]);

/* A tunnel packet that is larger than its path takes goes on to V_ROUTE as fragments: two around a
 * packet of 1280 octets or less (RFC 2473, 7.1 b), more around one that came in fragments itself.
 * False: there are no buffers for all, or too many in this turn; it is gone. */
bool dp_push_fragments(struct dp_worker *w, struct rte_mbuf *m, uint32_t mtu);

/* A way out: a next hop and what every frame to it begins with. The same for most packets of a
 * burst, so stages keep one while they carry it, and no longer. */
struct dp_way {
	uint32_t adj;
	uint16_t port;
	uint16_t mtu; /* of the port */
	uint16_t head_len;
	uint8_t head[DP_HEAD_MAX];
	bool is_open; /* resolved, nobody waits to hear of its use, the link is up */
	uint64_t word; /* adj_word() */
};

struct dp_way dp_way_by(const struct dp_worker *w, uint32_t adj, uint32_t fib);

/* Ethernet header (and the port's VLAN tag) in front of the packet; m->port becomes the way
 * out. False: no headroom. */
bool dp_put_frame(struct dp_worker *w, struct rte_mbuf *m, uint16_t port, const uint8_t mac[6]);

/* len octets are there, at least an IPv6 header. */
static inline bool dp_is_syn(const struct net_ip6 *ip, uint32_t len)
{
	return ip->next_header == IP6_TCP && len > sizeof(*ip) + NET_TCP_FLAGS &&
	       ((const uint8_t *)(ip + 1))[NET_TCP_FLAGS] & NET_TCP_SYN;
}

/* Of an outer header into the packet that was in it (RFC 6040, 4.2); where the outer one says
 * nothing, that stays as it is. False: drop it. */
static inline bool dp_take_ecn(const struct net_ip6 *outer, struct net_ip6 *inner)
{
	uint8_t said = net_ip6_tclass(outer) & 3;
	int ecn;

	if (likely(said == ECN_NOT_ECT))
		return true;
	ecn = net_ecn_decap(net_ip6_tclass(inner) & 3, said);
	if (ecn < 0)
		return false;
	net_ip6_set_ecn(inner, (uint8_t)ecn);
	return true;
}

static inline void dp_vec_push(struct dp_vec *v, struct rte_mbuf *m)
{
	/* No stage makes packets but encap or seal, once of each two, or out of w->spare: what a turn
	 * received fits. */
	v->pkt[v->n++] = m;
}

/* Packet n of a vector is sought by hoa; the one DP_AHEAD before it is a step further. */
static inline void dp_seek(
	struct dp_sought *s, const struct bc *bc, uint32_t n, const struct ip6_addr *hoa)
{
	s->hash[n] = bc_ask(bc, hoa);
	if (n >= DP_AHEAD)
		s->guess[n - DP_AHEAD] = bc_guess(bc, s->hash[n - DP_AHEAD]);
}

/* The vector has n packets: the last ones, too. */
static inline void dp_seek_rest(struct dp_sought *s, const struct bc *bc, uint32_t n)
{
	for (uint32_t i = n > DP_AHEAD ? n - DP_AHEAD : 0; i < n; i++)
		s->guess[i] = bc_guess(bc, s->hash[i]);
}

/* In a tx_in, a buffer that is only to be freed. Its own octets do not say so: to write there would
 * take them from the cache that they go back to. */
#define DP_HOMEWARD 1U

static inline void *dp_homeward(struct rte_mbuf *m)
{
	return (uint8_t *)m + DP_HOMEWARD; /* buffers begin cache lines */
}

static inline bool dp_is_homeward(const void *item)
{
	return ((uintptr_t)item & DP_HOMEWARD) != 0;
}

/* With or without the mark. */
static inline struct rte_mbuf *dp_ringed(void *item)
{
	return (struct rte_mbuf *)(void *)((uint8_t *)item - ((uintptr_t)item & DP_HOMEWARD));
}

static inline void dp_counted(struct dp_worker *w, enum dp_counter c, uint64_t n)
{
	w->counters.c[c] += n;
}
