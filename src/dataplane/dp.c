/* SPDX-License-Identifier: BSD-3-Clause */
/* Putting the data plane together: ports, buffers, rings, workers, lcores. */
#include "dataplane/dp_priv.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>

#include "common/log.h"
#include "conf/conf.h"
#include "dataplane/domains.h"
#include "dataplane/police.h"
#include "dataplane/sync.h"
#include "tables/tables.h"

#define TAG "dataplane"

/* Room in the punt rings. Signalling is what a home agent lives of, and who is bound is not put
 * off by who may be invented; what waits for a neighbour
 * is bounded by the neighbour cache anyway. Two hellos of every site there may be. */
static const uint32_t punt_size[] = {
	[DP_PUNT_ND] = 512,
	[DP_PUNT_SYNC] = 4096,
	[DP_PUNT_HELLO] = 512,
	[DP_PUNT_KNOWN] = 4096,
	[DP_PUNT_SIGNALLING] = 4096,
	[DP_PUNT_DISCOVERY] = 512,
	[DP_PUNT_LOCAL] = 512,
	[DP_PUNT_RESOLVE] = 512,
	[DP_PUNT_ERROR] = 512,
};
#define TX_RING_SIZE   2048
#define HAND_RING_SIZE 2048 /* 32 bursts: what a worker gets behind while another one is at rest */
#define RING_MIN       2u /* rte_ring's */
#define POOL_CACHE     256

/*
 * Control's own buffers. What control says is freed by the worker that sends it: out of the pool of
 * received packets, each would push one that the worker has just used out of its cache, which
 * returns them by hundreds and takes as many cold ones. A pool is a queue, too: so few of them that
 * they stay in the caches from one use to the next. Where more are under way, in the descriptors of
 * a device or before a port that is slow, they come from the other pool.
 */
#define OWN_MBUFS 256
#define OWN_CACHE 32 /* and what a lcore keeps for itself: at most one and a half times as many */

static int fail(char *err, size_t err_len, int ret, const char *what)
{
	snprintf(err, err_len, "%s: %s", what, rte_strerror(-ret));
	return ret;
}

static struct rte_ring *ring_new(const char *kind, unsigned i, uint32_t size, unsigned flags)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "hamd_%s_%u", kind, i);
	return rte_ring_create(name, size, (int)rte_socket_id(), flags);
}

/* Without a mesh nothing gets into two of them. */
static uint32_t room_of(const struct dp *dp, enum dp_punt_class c)
{
	bool is_meshs = c == DP_PUNT_SYNC || c == DP_PUNT_HELLO;

	return is_meshs && !conf_has_mesh(dp->conf) ? 0 : punt_size[c];
}

/* A queue of its own, on any port. What it is to get the device is asked for, and may refuse: then
 * anything comes in there. */
static bool control_receives(const struct dp *dp)
{
	for (uint16_t i = 0; i < dp->port_count; i++) {
		if (dp->ports[i].plan.control_rx_queue != PLAN_NO_QUEUE)
			return true;
	}
	return false;
}

/* A window has one owner: where two receive, one takes in what the other must open. */
static bool hands_over(const struct dp *dp)
{
	return dp->t->sa != NULL && (dp->worker_count > 1 || control_receives(dp));
}

/* What is received has one producer where one worker receives; what control sends itself may lack a
 * neighbour, or be owed an error, too. */
static unsigned punt_flags(const struct dp *dp, enum dp_punt_class c)
{
	bool is_received = c != DP_PUNT_RESOLVE && c != DP_PUNT_ERROR;
	bool one = dp->worker_count == 1 && !control_receives(dp);

	return RING_F_SC_DEQ | (is_received && one ? RING_F_SP_ENQ : 0);
}

static int make_rings(struct dp *dp)
{
	/* beside one worker there is only control */
	unsigned tx_flags = RING_F_SC_DEQ | (dp->worker_count == 1 ? RING_F_SP_ENQ : 0);

	for (enum dp_punt_class c = 0; c < DP_PUNT_COUNT; c++) {
		dp->punt[c] =
			ring_new("punt", c, RTE_MAX(room_of(dp, c), RING_MIN), punt_flags(dp, c));
		if (dp->punt[c] == NULL)
			return -rte_errno;
	}
	for (uint16_t i = 0; i < dp->worker_count; i++) {
		dp->tx_ring[i] = ring_new("tx", i, TX_RING_SIZE, tx_flags);
		if (dp->tx_ring[i] == NULL)
			return -rte_errno;
		if (!hands_over(dp))
			continue;
		dp->hand[i] = ring_new("hand", i, HAND_RING_SIZE, RING_F_SC_DEQ);
		if (dp->hand[i] == NULL)
			return -rte_errno;
	}
	return 0;
}

/* With these none is missing where packets come in, however many wait elsewhere. */
static uint32_t buffers_due(const struct dp *dp)
{
	uint32_t rx = 0, tx = 0, queued = 0, receivers = dp->worker_count + control_receives(dp);

	for (uint16_t i = 0; i < dp->port_count; i++) {
		rx += dp->ports[i].plan.rx_queues;
		tx += dp->ports[i].plan.tx_queues;
	}
	for (enum dp_punt_class c = 0; c < DP_PUNT_COUNT; c++)
		queued += room_of(dp, c);
	queued += receivers * dp->conf->reassembly.max_fragments;
	if (hands_over(dp))
		queued += dp->worker_count * HAND_RING_SIZE;
	return plan_mbufs(rx, tx, PORT_DESCRIPTORS, dp->worker_count, queued);
}

static uint32_t buffers(const struct dp *dp)
{
	uint32_t asked = dp->conf->runtime.mbufs, due = buffers_due(dp);

	if (asked == 0)
		return due;
	if (asked < due)
		log_warn(TAG,
			"runtime.mbufs: %u is less than the %u that ports, queues and fragments "
			"can hold: a flood may use them up",
			asked, due);
	return asked;
}

static int make_pool(struct dp *dp)
{
	uint32_t mtu = 0;
	uint16_t room;

	for (uint16_t i = 0; i < dp->port_count; i++) {
		if (dp->conf->ports[i].mtu > mtu)
			mtu = dp->conf->ports[i].mtu;
	}
	/* A packet of the greatest MTU is one segment, behind the usual headroom, and so is what
	 * is put together from fragments. */
	dp->datagram_max = plan_datagram(mtu, dp->conf->reassembly.max_octets, dp->t->sa != NULL);
	room = (uint16_t)(RTE_PKTMBUF_HEADROOM +
			  RTE_ALIGN(dp->datagram_max + PLAN_L2_OVERHEAD, 64));
	if (room < RTE_MBUF_DEFAULT_BUF_SIZE)
		room = RTE_MBUF_DEFAULT_BUF_SIZE;
	dp->pool = rte_pktmbuf_pool_create("hamd_mbufs", buffers(dp), POOL_CACHE,
		RTE_ALIGN(sizeof(struct dp_meta), RTE_MBUF_PRIV_ALIGN), room, (int)rte_socket_id());
	if (dp->pool == NULL)
		return -rte_errno;
	dp->own_pool = rte_pktmbuf_pool_create("hamd_own_mbufs",
		OWN_MBUFS + dp->worker_count * 2 * OWN_CACHE, OWN_CACHE,
		RTE_ALIGN(sizeof(struct dp_meta), RTE_MBUF_PRIV_ALIGN), room, (int)rte_socket_id());
	return dp->own_pool == NULL ? -rte_errno : 0;
}

static int plan_ports(struct dp *dp, char *err, size_t err_len)
{
	struct ip6_addr agents[CONF_DOMAINS_MAX];
	struct plan_request req = {
		.workers = dp->worker_count,
		.control_is_worker = rte_lcore_count() == 1,
		.home_agents = agents,
		.home_agent_count = (uint16_t)dp->conf->domain_count,
		.sync_port = (uint16_t)dp->conf->mesh.port,
	};

	if (conf_has_mesh(dp->conf))
		req.site_address = &dp->conf->mesh.site_address;

	for (uint32_t i = 0; i < dp->conf->domain_count; i++)
		agents[i] = dp->conf->domains[i].home_agent_address;
	for (uint16_t i = 0; i < dp->port_count; i++) {
		int ret = port_find(&dp->conf->ports[i], &dp->ports[i].id, err, err_len);

		if (ret < 0)
			return ret;
		req.port = i;
		ret = port_plan(&dp->ports[i], &dp->conf->ports[i], &req, err, err_len);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static void give_queues(struct dp *dp, struct dp_worker *w)
{
	for (uint16_t i = 0; i < dp->port_count; i++) {
		const struct plan *plan = &dp->ports[i].plan;

		for (uint16_t q = 0; q < plan->rx_queues; q++) {
			if (plan->rx_owner[q] == w->id)
				w->rxq[w->rxq_count++] = (struct dp_rx_queue){ i, q };
		}
		w->tx_queue[i] = plan->tx_queue[w->id];
		w->tx_ring[i] = dp->tx_ring[plan->tx_via[w->id]];
	}
}

/* Packets that came in: by a queue of its own, or handed over by another worker. */
static bool carries(const struct dp_worker *w)
{
	return w->rxq_count > 0 || (w->is_reader && w->hand != NULL);
}

/* To whoever carries packets that came in. */
static int give_limits(const struct dp *dp, struct dp_worker *w)
{
	int ret;

	if (!carries(w) || dp->conf->domain_count == 0)
		return 0;
	ret = police_new(dp->conf, rte_get_tsc_hz(), &w->police);
	return ret < 0 ? ret
		       : domains_new(dp->conf, rte_get_tsc_hz(), dp->worker_count, &w->domains);
}

static int give_reass(struct dp *dp, struct dp_worker *w)
{
	const struct conf_reassembly *c = &dp->conf->reassembly;
	struct reass_opts opts = { .max_datagrams = c->max_datagrams,
		.max_fragments = c->max_fragments,
		.max_per_source = c->max_per_source,
		.max_octets = dp->datagram_max,
		.timeout = c->timeout_ms * rte_get_tsc_hz() / 1000 };

	if (!carries(w))
		return 0;
	if (getrandom(opts.seed, sizeof(opts.seed), 0) != sizeof(opts.seed))
		return -errno;
	return dp_reass_start(w, opts);
}

/* Of those that receive: what control itself refuses is before it already. */
static struct dp_allowance give_errors(const struct dp *dp)
{
	return (struct dp_allowance){ .cycles = rte_get_tsc_hz() / 2 / dp->conf->icmp_errors_per_s,
		.last = rte_rdtsc(),
		.left = 2 * dp->conf->icmp_burst,
		.burst = 2 * dp->conf->icmp_burst };
}

/* Worker i, or with i == worker_count what control has. */
static int make_worker(struct dp *dp, uint16_t i)
{
	struct dp_worker *w = rte_zmalloc("hamd_worker", sizeof(*w), 64);
	int ret;

	if (w == NULL)
		return -ENOMEM;
	dp->workers[i] = w;
	w->t = dp->t;
	w->id = i;
	w->port = dp->views;
	w->port_count = dp->port_count;
	memcpy(w->punt, dp->punt, sizeof(w->punt));
	w->pool = dp->pool;
	w->sync = dp->sync;
	w->flow_seed = dp->flow_seed;
	memcpy(w->label_key, dp->label_key, sizeof(w->label_key));
	fragid_init(&w->fragid, dp->fragid_key, i, dp->worker_count + 1u);
	w->workers = dp->worker_count;
	w->is_reader = i < dp->worker_count;
	w->own_pool = w->is_reader ? NULL : dp->own_pool;
	if (hands_over(dp)) {
		w->hand = dp->hand;
		w->spread = &dp->spreading;
	}
	if (w->is_reader) {
		w->tx_in = dp->tx_ring[i];
		w->errors = give_errors(dp);
	}
	give_queues(dp, w);
	if (w->is_reader && rte_rcu_qsbr_thread_register(dp->t->rcu, i) != 0)
		return -ENOSPC;
	ret = give_limits(dp, w);
	return ret < 0 ? ret : give_reass(dp, w);
}

/* The main lcore runs control, and the only worker when there is no other lcore. */
static void make_lcores(struct dp *dp)
{
	uint32_t n = 0, id;
	struct lcore *main_lcore = &dp->lcores[n++];
	struct dp_worker *own = dp->workers[dp->worker_count];

	main_lcore->id = rte_get_main_lcore();
	main_lcore->runs_control = true;
	main_lcore->worker_id = -1;
	RTE_LCORE_FOREACH_WORKER(id)
	{
		struct lcore *lc = &dp->lcores[n++];

		lc->id = id;
		lc->worker_id = (int)n - 2;
	}
	if (n == 1)
		main_lcore->worker_id = 0;
	dp->lcore_count = n;
	for (uint32_t i = 0; i < n; i++) {
		struct lcore *lc = &dp->lcores[i];

		lc->sleep_us = dp->conf->runtime.idle_sleep_us;
		lc->stop = &dp->stop;
		if (lc->worker_id < 0)
			continue;
		lc->worker = dp->workers[lc->worker_id];
		lc->worker->has_core = !lc->runs_control;
		lcore_add(lc, TURN_PACKETS, dp_worker_poll, lc->worker);
	}
	if (own->rxq_count > 0)
		lcore_add(main_lcore, TURN_PACKETS, dp_worker_poll, own);
}

/* Of more than 256 octets the kernel may give less at once. */
static int draw(void *to, size_t n)
{
	uint8_t *p = to;

	while (n > 0) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno != EINTR)
			return -errno;
		p += got > 0 ? got : 0;
		n -= got > 0 ? (size_t)got : 0;
	}
	return 0;
}

static int draw_secrets(struct dp *dp)
{
	int ret = draw(&dp->flow_seed, sizeof(dp->flow_seed));

	if (ret == 0)
		ret = draw(dp->label_key, sizeof(dp->label_key));
	if (ret == 0)
		ret = draw(dp->fragid_key, sizeof(dp->fragid_key));
	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < DIM(dp->label_key); i++)
		dp->label_key[i] += dp->label_key[i] == 0;
	return 0;
}

static int make(struct dp *dp, char *err, size_t err_len)
{
	int ret = plan_ports(dp, err, err_len);

	if (ret < 0)
		return ret;
	ret = draw_secrets(dp);
	if (ret < 0)
		return fail(err, err_len, ret, "getrandom");
	ret = make_pool(dp);
	if (ret < 0)
		return fail(err, err_len, ret,
			"packet buffers (runtime.memory-mb, runtime.mbufs, reassembly)");
	ret = make_rings(dp);
	if (ret < 0)
		return fail(err, err_len, ret, "rings");
	if (conf_has_mesh(dp->conf)) {
		ret = dp_sync_new(&dp->conf->mesh, &dp->sync);
		if (ret < 0)
			return fail(err, err_len, ret, "mesh");
	}
	for (uint16_t i = 0; i < dp->port_count; i++) {
		ret = port_start(&dp->ports[i], dp->pool, &dp->views[i], err, err_len);
		if (ret < 0)
			return ret;
	}
	for (uint16_t i = 0; i <= dp->worker_count; i++) {
		ret = make_worker(dp, i);
		if (ret < 0)
			return fail(err, err_len, ret, "workers");
	}
	make_lcores(dp);
	return 0;
}

int dp_new(
	const struct conf *conf, struct tables *tables, struct dp **out, char *err, size_t err_len)
{
	uint32_t lcores = rte_lcore_count();
	struct dp *dp;
	int ret;

	*out = NULL;
	if (lcores > PLAN_MAX_WORKERS) {
		snprintf(err, err_len, "runtime.lcores: %u lcores, at most %u are used", lcores,
			PLAN_MAX_WORKERS);
		return -EINVAL;
	}
	dp = rte_zmalloc("hamd_dp", sizeof(*dp), 64);
	if (dp == NULL)
		return fail(err, err_len, -ENOMEM, "data plane (runtime.memory-mb)");
	dp->conf = conf;
	dp->t = tables;
	dp->port_count = (uint16_t)conf->port_count;
	dp->worker_count = (uint16_t)(lcores > 1 ? lcores - 1 : 1);
	ret = make(dp, err, err_len);
	if (ret < 0)
		dp_free(dp);
	else
		*out = dp;
	return ret;
}

/* What still waits somewhere goes back to the pool, counted. */
static void empty_ring(struct dp *dp, struct rte_ring *ring)
{
	void *item;

	while (ring != NULL && rte_ring_dequeue(ring, &item) == 0) {
		struct rte_mbuf *m = dp_ringed(item);

		if (dp_is_homeward(item))
			rte_pktmbuf_free(m);
		else
			dp_worker_drop(dp->workers[dp->worker_count], m, DP_DROP_SHUTDOWN);
	}
}

void dp_free(struct dp *dp)
{
	if (dp == NULL)
		return;
	for (uint16_t i = 0; i < dp->port_count; i++)
		port_stop(&dp->ports[i]);
	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		empty_ring(dp, dp->punt[c]);
		rte_ring_free(dp->punt[c]);
	}
	for (uint16_t i = 0; i < dp->worker_count; i++) {
		empty_ring(dp, dp->tx_ring[i]);
		rte_ring_free(dp->tx_ring[i]);
		empty_ring(dp, dp->hand[i]);
		rte_ring_free(dp->hand[i]);
	}
	for (uint16_t i = 0; i <= dp->worker_count; i++) {
		if (dp->workers[i] != NULL) {
			dp_reass_stop(dp->workers[i]);
			police_free(dp->workers[i]->police);
			domains_free(dp->workers[i]->domains);
		}
		rte_free(dp->workers[i]);
	}
	dp_sync_free(dp->sync);
	rte_mempool_free(dp->own_pool);
	rte_mempool_free(dp->pool);
	rte_free(dp);
}

int dp_run(struct dp *dp, dp_poll_fn control, void *ctx)
{
	struct lcore *main_lcore = &dp->lcores[0];
	int ret = 0;

	lcore_add(main_lcore, TURN_ALARMS, control, ctx);
	atomic_store_explicit(&dp->running, true, memory_order_relaxed);
	for (uint32_t i = 0; i < dp->lcore_count; i++) {
		if (dp->lcores[i].worker != NULL)
			rte_rcu_qsbr_thread_online(dp->t->rcu, dp->lcores[i].worker->id);
	}
	for (uint32_t i = 1; i < dp->lcore_count && ret == 0; i++)
		ret = rte_eal_remote_launch(lcore_main, &dp->lcores[i], dp->lcores[i].id);
	if (ret == 0)
		lcore_main(main_lcore);
	dp_stop(dp);
	for (uint32_t i = 1; i < dp->lcore_count; i++)
		rte_eal_wait_lcore(dp->lcores[i].id);
	for (uint32_t i = 0; i < dp->lcore_count; i++) {
		if (dp->lcores[i].worker != NULL)
			rte_rcu_qsbr_thread_offline(dp->t->rcu, dp->lcores[i].worker->id);
	}
	dp_watch_all_off(dp); /* their makers free them next */
	return ret;
}

void dp_turn_part(struct dp *dp, enum turn_part part)
{
	turn_part(&dp->lcores[0].took, part, rte_rdtsc());
}

bool dp_is_running(const struct dp *dp)
{
	return atomic_load_explicit(&dp->running, memory_order_relaxed) &&
	       !atomic_load_explicit(&dp->stop, memory_order_relaxed);
}

void dp_stop(struct dp *dp)
{
	atomic_store_explicit(&dp->stop, true, memory_order_relaxed);
}
