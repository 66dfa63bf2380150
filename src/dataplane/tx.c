/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In:  finished frames, by port.
 * Out: the port's own queue, or the ring of the worker that has one. What does not fit is
 *      dropped: waiting for a slow port would make every other port wait.
 */
#include <rte_ethdev.h>

#include "dataplane/watch_priv.h"
#include "dataplane/worker.h"

static void send_queue(struct dp_worker *w, uint16_t port, struct dp_vec *v)
{
	uint64_t bytes = 0;
	uint16_t sent;

	for (uint32_t i = 0; i < v->n; i++)
		bytes += v->pkt[i]->pkt_len;
	if (unlikely(w->watched))
		dp_watch_tx(w, port, v, false);
	sent = rte_eth_tx_burst(w->port[port].dev, w->tx_queue[port], v->pkt, (uint16_t)v->n);
	if (unlikely(w->watched))
		dp_watch_sent(w, sent);
	for (uint32_t i = sent; i < v->n; i++) {
		bytes -= v->pkt[i]->pkt_len;
		dp_worker_drop(w, v->pkt[i], DP_DROP_TX_FULL);
	}
	dp_counted(w, DP_COUNTER_TX_PACKETS, sent);
	dp_counted(w, DP_COUNTER_TX_BYTES, bytes);
}

static void send_ring(struct dp_worker *w, uint16_t port, struct dp_vec *v)
{
	uint32_t put;

	if (unlikely(w->watched))
		dp_watch_tx(w, port, v, true);
	put = rte_ring_enqueue_burst(w->tx_ring[port], (void *const *)v->pkt, v->n, NULL);
	if (unlikely(w->watched))
		dp_watch_sent(w, put);
	for (uint32_t i = put; i < v->n; i++)
		dp_worker_drop(w, v->pkt[i], DP_DROP_TX_FULL);
	dp_counted(w, DP_COUNTER_TX_RINGED, put);
}

void dp_tx(struct dp_worker *w)
{
	struct dp_stage_stat *stat = &w->stage[DP_STAGE_TX];

	for (uint16_t port = 0; port < w->port_count; port++) {
		struct dp_vec *v = &w->tx[port];
		uint64_t start;

		if (v->n == 0)
			continue;
		start = rte_rdtsc();
		stat->calls++;
		stat->packets += v->n;
		if (w->tx_queue[port] != PLAN_NO_QUEUE)
			send_queue(w, port, v);
		else
			send_ring(w, port, v);
		v->n = 0;
		stat->cycles += rte_rdtsc() - start;
	}
}
