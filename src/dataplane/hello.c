/* SPDX-License-Identifier: BSD-3-Clause */
/* The first worker's lcore has more to do than to carry packets: it talks to other sites. What it
 * takes and sends in between its turns as a worker goes by that worker's own stages. */
#include "dataplane/dp_priv.h"
#include "dataplane/sync.h"
#include "dataplane/watch_priv.h"
#include "net/udp.h"

static struct dp_worker *first(const struct dp *dp)
{
	return dp->workers[0];
}

void dp_add_first(struct dp *dp, dp_poll_fn fn, void *ctx)
{
	for (uint32_t i = 0; i < dp->lcore_count; i++) {
		if (dp->lcores[i].worker_id == 0)
			lcore_add_first(&dp->lcores[i], fn, ctx);
	}
}

void dp_hello_wake_at(struct dp *dp, uint64_t tsc)
{
	for (uint32_t i = 0; i < dp->lcore_count; i++) {
		if (dp->lcores[i].worker_id == 0)
			dp->lcores[i].wake_tsc = tsc;
	}
}

bool dp_hello_waits(const struct dp *dp)
{
	return !rte_ring_empty(dp->punt[DP_PUNT_HELLO]);
}

uint32_t dp_hello_take(struct dp *dp, struct dp_hello *out, uint32_t max)
{
	struct rte_mbuf *m[DP_BURST];
	uint32_t n = rte_ring_dequeue_burst(
		dp->punt[DP_PUNT_HELLO], (void **)m, RTE_MIN(max, (uint32_t)DP_BURST), NULL);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = dp_meta(m[i])->ext.upper_off + NET_UDP_LEN; /* sync.c saw to it */

		out[i] = (struct dp_hello){ .m = m[i],
			.src = dp_ip6(m[i])->src,
			.data = rte_pktmbuf_mtod_offset(m[i], const uint8_t *, at),
			.len = (uint16_t)(m[i]->data_len - at) };
	}
	return n;
}

void dp_hello_keys(struct dp *dp, uint8_t node, const struct dp_hello_keys *keys)
{
	dp_sync_keys(dp->sync, node, keys);
}

bool dp_hello_was_unknown(struct dp *dp, uint8_t node)
{
	return dp_sync_was_unknown(dp->sync, node);
}

void dp_hello_begin(struct dp *dp, const struct dp_hello *h)
{
	dp_watch_begin_by(first(dp), h->m, DP_PUNT_HELLO);
}

void dp_hello_end(struct dp *dp, const struct dp_hello *h, int reason)
{
	struct dp_worker *w = first(dp);

	if (reason >= 0) {
		dp_worker_drop(w, h->m, (enum dp_drop)reason);
	} else {
		dp_counted(w, DP_COUNTER_HELLOS_TAKEN, 1);
		dp_release_by(w, h->m);
	}
	dp_watch_end_by(w);
}

int dp_hello_send(struct dp *dp, const uint8_t *pkt, uint16_t len)
{
	int ret = dp_send_by(first(dp), pkt, len, IP6_MIN_MTU);

	if (ret == 0)
		dp_counted(first(dp), DP_COUNTER_HELLOS_SENT, 1);
	return ret;
}
