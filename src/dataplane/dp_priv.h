/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside dataplane/: what dp.c puts together and control.c sends through. */
#pragma once

#include <stdatomic.h>

#include "conf/conf.h"
#include "dataplane/dp.h"
#include "dataplane/lcore.h"
#include "dataplane/port.h"
#include "dataplane/spread.h"
#include "dataplane/worker.h"

struct dp {
	const struct conf *conf;
	struct tables *t;
	struct rte_mempool *pool;
	struct rte_mempool *own_pool; /* of what control says */
	uint32_t datagram_max; /* octets of the largest packet that is put together */
	uint16_t port_count, worker_count;
	uint32_t lcore_count;
	uint64_t flow_seed, label_key[CONF_DOMAINS_MAX]; /* as workers have them */
	uint8_t fragid_key[FRAGID_KEY_LEN];
	_Atomic bool running, stop;
	struct dp_sync *sync; /* NULL: no mesh */
	uint64_t links_ms; /* when dp_poll_links() looked last */
	uint16_t links_next; /* at which port it goes on */
	struct watch *watch[WATCH_KIND_COUNT]; /* control: those that are on, or still seen */
	uint16_t watch_sessions; /* control: how many there were */
	struct port ports[DP_MAX_PORTS];
	struct dp_port_view views[DP_MAX_PORTS];
	struct rte_ring *punt[DP_PUNT_COUNT];
	struct rte_ring *tx_ring[PLAN_MAX_WORKERS];
	struct rte_ring *hand[PLAN_MAX_WORKERS]; /* NULL: no mesh, or one that receives */
	struct spread spread; /* control's */
	_Atomic bool spreading; /* what workers see of it */
	uint64_t spread_ms; /* when control looked last */
	uint64_t opened[PLAN_MAX_WORKERS]; /* and what it saw */
	struct dp_worker *workers[PLAN_MAX_WORKERS + 1]; /* [worker_count]: control's own */
	struct lcore lcores[PLAN_MAX_WORKERS + 1];
};

/* --- own.c: what control does with its own worker, hello with the first --- */
int dp_send_by(struct dp_worker *w, const uint8_t *pkt, uint16_t len, uint16_t mtu);
void dp_release_by(struct dp_worker *w, struct rte_mbuf *m);

void dp_watch_all_off(struct dp *dp); /* when no lcore runs any more */

static inline struct dp_worker *dp_own(const struct dp *dp)
{
	return dp->workers[dp->worker_count];
}
