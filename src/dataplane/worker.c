/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/worker.h"

#include <assert.h>

#include <rte_rcu_qsbr.h>

#include "dataplane/watch_priv.h"
#include "net/icmp6.h"
#include "tables/tables.h"

#if defined(__x86_64__) && !defined(__PRFCHW__)
#error "prefetches to write are none without -mprfchw (src/meson.build)"
#endif

/*
 * While turns are full, one of so many looks at what other cores write all the time: a line of theirs
 * costs as much as a packet. So their frames wait 25 us longer at most, with 64 packets to a turn and
 * 130 ns to a packet, and some 200 where each is sealed; grace periods last as much longer. Where
 * frames are not few every turn looks. The same of a queue that brought few packets at last: see
 * waits().
 */
#define LOOK_TURNS 4
#define FEW        (DP_BURST / 4)

void dp_worker_drop(struct dp_worker *w, struct rte_mbuf *m, enum dp_drop reason)
{
	w->counters.drop[reason]++;
	if (unlikely(w->watched))
		dp_watch_drop(w, m, reason);
	rte_pktmbuf_free(m);
}

/* Where the n-th that goes through a ring stands in it. */
static void *ring_slot(struct rte_ring *r, uint32_t n)
{
	return (void **)(r + 1) + (n & r->mask);
}

void dp_punt_ahead(struct dp_worker *w, enum dp_punt_class c)
{
	struct rte_ring *r = w->punt[c];

	__builtin_prefetch(&r->cons);
	if (!rte_ring_is_prod_single(r)) /* another worker may be in the middle of it */
		return;
	__builtin_prefetch(&r->prod, 1);
	__builtin_prefetch(ring_slot(r, r->prod.head), 1);
}

void dp_punt(struct dp_worker *w, struct rte_mbuf *m, enum dp_punt_class c)
{
	if (unlikely(w->watched))
		dp_watch_punt(w, m, c); /* afterwards it is control's */
	if (rte_ring_enqueue(w->punt[c], m) == 0)
		dp_counted(w, DP_COUNTER_PUNTED, 1);
	else
		dp_worker_drop(w, m, dp_punt_full(c));
}

static bool may_err(struct dp_worker *w)
{
	struct dp_allowance *a = &w->errors;

	if (a->cycles == 0)
		return true;
	if (a->left == 0 && a->turn != w->counters.c[DP_COUNTER_POLLS]) {
		uint64_t now = rte_rdtsc(), more = (now - a->last) / a->cycles;

		a->turn = w->counters.c[DP_COUNTER_POLLS];
		a->left = more < a->burst ? (uint32_t)more : a->burst;
		a->last = more < a->burst ? a->last + more * a->cycles : now;
	}
	if (a->left == 0)
		return false;
	a->left--;
	return true;
}

/* RFC 4443, 2.4 (e.1): about an error nobody is told. Control would find out; but how often it may be
 * asked is bounded, and not for these. (Behind extension headers they are, and it does.) */
static bool is_error(struct rte_mbuf *m)
{
	const struct net_ip6 *ip = dp_ip6(m);

	return ip->next_header == IP6_ICMP6 && m->data_len > sizeof(*ip) &&
	       *(const uint8_t *)(ip + 1) < ICMP6_ECHO_REQUEST;
}

void dp_error(struct dp_worker *w, struct rte_mbuf *m, enum dp_drop reason, uint8_t type,
	uint8_t code, uint32_t arg)
{
	struct dp_meta *meta = dp_meta(m);

	if (unlikely(is_error(m))) {
		w->counters.drop[DP_DROP_ICMP6_NOT_DUE]++;
		dp_worker_drop(w, m, reason);
		return;
	}
	if (unlikely(!may_err(w))) {
		w->counters.drop[DP_DROP_ICMP6_RATE]++;
		dp_worker_drop(w, m, reason);
		return;
	}
	meta->drop = (uint8_t)reason;
	meta->icmp_type = type;
	meta->icmp_code = code;
	meta->icmp_arg = arg;
	dp_punt(w, m, DP_PUNT_ERROR);
}

/* One stage with its cycles counted; an empty vector costs nothing. `traced` is known when this is
 * compiled. */
static inline __attribute__((always_inline)) void run(struct dp_worker *w, bool traced,
	enum dp_stage s, enum dp_vec_id in, void (*stage)(struct dp_worker *, struct dp_vec *))
{
	struct dp_vec *v = &w->vec[in];
	struct dp_stage_stat *stat = &w->stage[s];
	uint64_t start;

	if (v->n == 0)
		return;
	start = rte_rdtsc();
	stat->calls++;
	stat->packets += v->n;
	if (traced)
		trace_enter(w, s, in);
	stage(w, v);
	if (traced)
		trace_leave(w);
	stat->cycles += rte_rdtsc() - start;
}

static inline uint32_t timed_rx(struct dp_worker *w, const struct dp_rx_queue *q)
{
	struct dp_stage_stat *stat = &w->stage[DP_STAGE_RX];
	uint64_t start = rte_rdtsc();
	uint32_t received = likely(!w->watched) ? dp_rx(w, q, &w->vec[V_AGAIN]) : dp_watch_rx(w, q);

	if (received == 0)
		return 0; /* polling an empty queue is idling, not work */
	stat->calls++;
	stat->packets += received;
	stat->cycles += rte_rdtsc() - start;
	return received;
}

static void too_deep(struct dp_worker *w, bool traced, struct dp_vec *in)
{
	if (traced)
		trace_enter(w, DP_STAGE_CLASSIFY, V_AGAIN);
	for (uint32_t i = 0; i < in->n; i++)
		dp_worker_drop(w, in->pkt[i], DP_DROP_DECAP_LIMIT);
	in->n = 0;
}

/* Packets that left by any door so far; the fragments of one that we made are one. Those that came
 * stay behind a door of their own, and come out as one packet, or by the others. */
static inline uint64_t gone(const struct dp_worker *w)
{
	const uint64_t *c = w->counters.c;
	uint64_t n = c[DP_COUNTER_PUNTED] + c[DP_COUNTER_MESH_HANDED] + c[DP_COUNTER_FRAGMENTED] -
		     c[DP_COUNTER_FRAGMENTS_MADE];

	n += c[DP_COUNTER_FRAGMENTS_JOINED] - c[DP_COUNTER_REASSEMBLED];
	n += w->reass != NULL ? reass_tab_fragments(w->reass) : 0;
	for (unsigned i = 0; i < DP_DROP_COUNT; i++)
		n += w->counters.drop[i];
	n -= w->counters.drop[DP_DROP_ICMP6_RATE]; /* of an error that was not made, */
	n -= w->counters.drop[DP_DROP_ICMP6_NOT_DUE]; /* and of one that nobody is owed */
	for (uint16_t i = 0; i < w->port_count; i++)
		n += w->tx[i].n;
	return n;
}

/* Read it top to bottom: this is the whole packet path. */
static inline __attribute__((always_inline)) void carry(struct dp_worker *w, bool traced)
{
#ifndef NDEBUG
	uint64_t due = gone(w) + w->vec[V_AGAIN].n;
#endif
	for (unsigned pass = 0; pass < DP_MAX_PASSES && w->vec[V_AGAIN].n > 0; pass++) {
		run(w, traced, DP_STAGE_CLASSIFY, V_AGAIN,
			dp_classify); /* -> all but ENCAP, punt */
		run(w, traced, DP_STAGE_REASS, V_FRAGMENT, dp_reass); /* -> AGAIN, held */
		run(w, traced, DP_STAGE_OPEN, V_MESH, dp_open); /* -> AGAIN, other worker */
		dp_seek_rest(&w->signal, w->t->bc, w->vec[V_SIGNAL].n);
		run(w, traced, DP_STAGE_DECAP, V_TUNNEL, dp_decap); /* -> AGAIN */
		run(w, traced, DP_STAGE_INTERCEPT, V_HOME, dp_intercept); /* -> ENCAP */
		run(w, traced, DP_STAGE_ENCAP, V_ENCAP, dp_encap); /* -> tx, ROUTE */
		run(w, traced, DP_STAGE_SEAL, V_RELAY, dp_seal); /* -> ROUTE */
		run(w, traced, DP_STAGE_SIGNAL, V_SIGNAL, dp_signal); /* -> punt */
		run(w, traced, DP_STAGE_ROUTE, V_ROUTE, dp_route); /* -> tx, punt */
	}
	too_deep(w, traced, &w->vec[V_AGAIN]);
	assert(gone(w) == due); /* nothing is lost, nothing is counted twice */
}

void dp_carry(struct dp_worker *w)
{
	if (w->vec[V_AGAIN].n == 0)
		return;
	w->spare = DP_SPARE;
	if (likely(w->watching[WATCH_TRACE] == NULL)) /* what a trace costs while there is none */
		carry(w, false);
	else
		carry(w, true);
}

/*
 * What other lcores ask us to send, where they have no TX queue on the port, and buffers that come
 * home. All of it comes out of another core's cache, a line some hundred cycles after it is asked for:
 * the ring's lines, and RCU's, are asked for at the start of a turn; what is in the ring, when its
 * packets are received; and that is there when they are on their way.
 */
static void begin_looking(struct dp_worker *w)
{
	w->looks = w->tx_in != NULL && w->look_turn == 0;
	if (w->look_turn != 0)
		return;
	if (w->is_reader)
		__builtin_prefetch(&w->t->rcu->token);
	if (w->looks) {
		__builtin_prefetch(&w->tx_in->prod);
		__builtin_prefetch(ring_slot(w->tx_in, w->tx_in->cons.head));
	}
}

/* Once a turn that looks. */
static void take_ringed(struct dp_worker *w)
{
	if (!w->looks)
		return;
	w->looks = false;
	w->ringed = rte_ring_dequeue_burst(w->tx_in, w->ring_item, DP_BURST, NULL);
	for (uint32_t i = 0; i < w->ringed; i++) {
		struct rte_mbuf *m = dp_ringed(w->ring_item[i]);

		__builtin_prefetch(m, 1); /* whoever frees it looks into both lines, */
		__builtin_prefetch(&m->next, 1); /* and who takes it next writes them */
		if (dp_is_homeward(w->ring_item[i]))
			__builtin_prefetch(dp_meta(m), 1);
	}
}

/* Its first octets are written next by a driver that copies. */
static void take_home(struct rte_mbuf *m)
{
	uint8_t *octets = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;

	__builtin_prefetch(octets, 1);
	__builtin_prefetch(octets + RTE_CACHE_LINE_SIZE, 1);
	rte_pktmbuf_free(m);
}

/* How many. */
static uint32_t send_ringed(struct dp_worker *w)
{
	if (w->ringed == 0 || w->look_turn != 0)
		return 0;
	for (uint32_t i = 0; i < w->ringed; i++) {
		struct rte_mbuf *m = dp_ringed(w->ring_item[i]);

		if (dp_is_homeward(w->ring_item[i]))
			take_home(m);
		else
			dp_vec_push(&w->tx[m->port], m);
	}
	dp_tx(w);
	return w->ringed;
}

/* The turn ends, in which so many packets came in. */
static void look_up(struct dp_worker *w, uint64_t received)
{
	/* No table pointer survives this line; nor any turn, but who is to know hears it later. */
	if (w->is_reader && w->look_turn == 0)
		rte_rcu_qsbr_quiescent(w->t->rcu, w->id);
	if (!w->has_core || received < DP_BURST / 2 || w->ringed >= FEW)
		w->look_turn = 0;
	else
		w->look_turn = (w->look_turn + 1) % LOOK_TURNS;
}

/* Packets that other workers have taken in for us. */
static bool take_handed(struct dp_worker *w)
{
	struct dp_vec *v = &w->vec[V_AGAIN];

	if (w->hand == NULL || !w->is_reader)
		return false;
	v->n = rte_ring_dequeue_burst(w->hand[w->id], (void **)v->pkt, DP_BURST, NULL);
	if (v->n == 0)
		return false;
	dp_carry(w);
	return true;
}

/* A packet that is alone among others of another kind takes twice the time of one of four: its code,
 * its lines and its branches are in no cache when it comes. */
static bool waits(const struct dp_worker *w, const struct dp_rx_queue *q)
{
	return q->is_few && w->look_turn != 0 && w->has_many;
}

/*
 * Queue after queue, until there is half a burst at least: what is few is carried with what is many,
 * so that the memory that it waits for is waited for meanwhile. So the queue that brought most is the
 * last one in the next turn, and finds room for all but those few.
 */
static void take_queues(struct dp_worker *w)
{
	const struct dp_vec *in = &w->vec[V_AGAIN];
	uint32_t most = 0;
	uint16_t q = w->rxq_first;

	for (uint16_t i = 0; i < w->rxq_count; i++) {
		struct dp_rx_queue *rxq = &w->rxq[q];
		uint32_t n = 0;

		if (!waits(w, rxq)) {
			n = timed_rx(w, rxq); /* -> AGAIN */
			rxq->is_few = n < FEW;
		}
		q = q + 1 < w->rxq_count ? (uint16_t)(q + 1) : 0;
		if (n > 0 && n >= most) {
			most = n;
			w->rxq_first = q;
		}
		if (in->n >= DP_BURST / 2 || i + 1 == w->rxq_count || w->watched) {
			take_ringed(w);
			dp_carry(w);
			dp_tx(w);
		}
	}
	w->has_many = most >= FEW;
}

bool dp_worker_poll(void *worker)
{
	struct dp_worker *w = worker;
	uint64_t before = w->counters.c[DP_COUNTER_RX_PACKETS];
	uint32_t ringed;
	bool handed;

	begin_looking(w);
	if (unlikely(
		    atomic_load_explicit(&w->watch_version, memory_order_relaxed) != w->watch_seen))
		dp_worker_watch(w);
	dp_tx(w);
	handed = take_handed(w);
	if (handed)
		dp_tx(w);
	take_queues(w);
	take_ringed(w); /* has no queue */
	ringed = send_ringed(w);
	dp_counted(w, DP_COUNTER_POLLS, 1);
	if (w->reass != NULL && unlikely(!reass_tab_is_empty(w->reass)))
		dp_reass_expire(w, rte_rdtsc());
	look_up(w, w->counters.c[DP_COUNTER_RX_PACKETS] - before);
	if (ringed == 0 && !handed && w->counters.c[DP_COUNTER_RX_PACKETS] == before)
		return false;
	dp_counted(w, DP_COUNTER_BUSY_POLLS, 1);
	return true;
}

void dp_worker_sleep(struct dp_worker *w, bool begin)
{
	if (!w->is_reader)
		return;
	if (begin)
		rte_rcu_qsbr_thread_offline(w->t->rcu, w->id);
	else
		rte_rcu_qsbr_thread_online(w->t->rcu, w->id);
}
