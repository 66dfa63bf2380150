/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ring.h>

#include "common/ntp.h"
#include "common/log.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/grace.h"
#include "control/install.h"
#include "control/mesh/beat.h"
#include "control/mesh/channel.h"
#include "control/mesh/data_keys.h"
#include "control/mesh/data_mtu.h"
#include "control/mesh/mesh.h"
#include "control/pmtu.h"
#include "control/still.h"
#include "records/records.h"
#include "records/subs.h"
#include "tables/addrs.h"
#include "tables/dq.h"
#include "tables/tables.h"

/* What a turn does at most of each; together well below a millisecond. */
#define TIMERS_PER_TURN 64
#define FREES_PER_TURN  64

#define REQUESTS_MAX 32 /* in flight */
#define RING_SIZE    64 /* more than can be in flight: never full */

static uint64_t to_ms(const struct timespec *ts)
{
	return (uint64_t)ts->tv_sec * 1000 + (uint64_t)ts->tv_nsec / 1000000;
}

static void read_clocks(struct ctl *ctl)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ctl->is_new_ms = to_ms(&ts) != ctl->now_ms;
	ctl->now_ms = to_ms(&ts);
	clock_gettime(CLOCK_REALTIME, &ts);
	ctl->wall_ms = to_ms(&ts);
	ctl->ntp = ntp_from_unix((uint64_t)ts.tv_sec, (uint32_t)ts.tv_nsec);
}

/* --- the turn --- */

static void on_timer(void *ctx, struct wheel_timer *t)
{
	struct ctl_timer *timer = container_of(t, struct ctl_timer, t);

	timer->fn(ctx, timer);
}

/* A port a turn, in those whose clock is read behind each part: a driver may take its time. */
static void watch_links(struct ctl *ctl)
{
	bool is_news = ctl->is_new_ms && dp_poll_links(ctl->dp, ctl->now_ms);

	if (is_news || !ctl->started)
		nd_start(ctl);
	ctl->started = true;
}

/* Forwarding from the first turn on; ready to be spoken to when duplicate address detection has
 * settled every address. Said once: scripts and people wait for the line. */
static void say_ready(struct ctl *ctl)
{
	uint32_t own = 0, usable = 0;

	for (uint32_t i = 0; i < addrs_count(ctl->t->addrs); i++) {
		const struct addr_row *row = addrs_row(ctl->t->addrs, i);

		if (row->state == ADDR_TENTATIVE)
			return;
		own += row->owner != ADDR_PEER; /* another site's, as long as that is there */
		usable += row->owner != ADDR_PEER && row->state == ADDR_PREFERRED;
	}
	ctl->ready = true;
	nd_ask_gateways(ctl);
	log_info("control", "ready addresses=%u of %u ports=%u domains=%u", usable, own,
		dp_port_count(ctl->dp), ctl->conf->domain_count);
}

static bool run_timers(struct ctl *ctl)
{
	bool busy = wheel_advance(ctl->wheel, ctl->now_ms, TIMERS_PER_TURN, on_timer, ctl) > 0;

	return (ctl->mip6 != NULL && mip6_expire(ctl)) || busy;
}

static bool run_advertisements(struct ctl *ctl)
{
	bool busy = mip6_advertise(ctl);

	return mip6_switch(ctl) || busy;
}

static bool run_keys(struct ctl *ctl)
{
	bool busy = data_keys_run(ctl->data_keys, ctl->now_ms);

	data_mtu_run(ctl);
	dp_balance(ctl->dp, ctl->now_ms);
	return busy;
}

static bool run_store(struct ctl *ctl)
{
	bool busy = persist_run(ctl);

	return mip6_release(ctl) || busy;
}

/* The parts of a turn that speak with other sites, mobile nodes and their neighbours. */
static bool run_protocols(struct ctl *ctl)
{
	bool busy = ctl_part(ctl, TURN_SIGNALLING, punt_run(ctl));

	busy |= ctl_part(ctl, TURN_TIMERS, run_timers(ctl));
	if (ctl->mip6 != NULL) {
		busy |= run_advertisements(ctl);
		ctl_part(ctl, TURN_ADVERTISE, ctl->mesh != NULL); /* may walk and tell nobody */
	}
	busy |= ctl_part(ctl, TURN_KEYS, run_keys(ctl));
	busy |= ctl_part(ctl, TURN_SUBSCRIBERS, subscribers_run(ctl));
	if (ctl->mesh != NULL)
		busy |= mesh_run(ctl);
	return busy;
}

/* Its last slice, which may be the first, does not say that there was something. */
static bool run_publish(struct ctl *ctl)
{
	uint64_t began_ms = ctl->paths_ms;
	bool walks = ctl->reresolve_cursor != 0, more = publish_reresolve(ctl);

	ctl_part(ctl, TURN_PUBLISH, walks || more || ctl->paths_ms != began_ms);
	return more;
}

/* What others are to have of it. */
static bool run_followers(struct ctl *ctl)
{
	bool busy = false;

	if (ctl->acct != NULL)
		busy |= ctl_part(ctl, TURN_ACCOUNTING, acct_run(ctl));
	if (ctl->t->bc != NULL)
		busy |= run_publish(ctl);
	if (ctl->persist != NULL) {
		busy |= run_store(ctl);
		ctl_part(ctl, TURN_STORE, true); /* may look at records and store none */
	}
	busy |= ctl_part(ctl, TURN_REQUESTS, show_run(ctl));
	ctl_part(ctl, TURN_WATCH, watch_run(ctl));
	busy |= ctl_part(ctl, TURN_RECLAIM, dq_run(ctl->t->dq, FREES_PER_TURN) > 0);
	return busy;
}

bool ctl_poll(void *ctx)
{
	struct ctl *ctl = ctx;
	uint64_t begin = rte_rdtsc();
	bool busy;

	read_clocks(ctl);
	ctl_count(ctl, CTL_TURNS);
	still_run(ctl->still, ctl->now_ms);
	watch_links(ctl);
	ctl_part(ctl, TURN_CLOCKS, false);
	busy = run_protocols(ctl);
	busy |= run_followers(ctl);
	dp_flush(ctl->dp);
	ctl_part(ctl, TURN_SEND, busy);
	if (!ctl->ready)
		say_ready(ctl);
	alarm_run(ctl);
	alarm_turn(ctl, (rte_rdtsc() - begin) * 1000000 / rte_get_tsc_hz());
	return busy;
}

/* --- requests --- */

int ctl_submit(struct ctl *ctl, struct ctl_req *req)
{
	if (ctl->in_flight == REQUESTS_MAX)
		return -EAGAIN;
	if (rte_ring_sp_enqueue(ctl->submitted, req) < 0)
		return -EAGAIN;
	ctl->in_flight++;
	return 0;
}

struct ctl_req *ctl_reap(struct ctl *ctl)
{
	void *req;

	if (rte_ring_sc_dequeue(ctl->answered, &req) < 0)
		return NULL;
	ctl->in_flight--;
	return req;
}

/* In our own memory: needs no EAL, leaves no name behind. */
static struct rte_ring *ring_new(const char *name)
{
	ssize_t bytes = rte_ring_get_memsize(RING_SIZE);
	struct rte_ring *r = NULL;

	if (bytes > 0)
		r = aligned_alloc(
			RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL((size_t)bytes, RTE_CACHE_LINE_SIZE));
	if (r != NULL)
		rte_ring_init(r, name, RING_SIZE, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return r;
}

/* --- life --- */

static int records_make(struct ctl *ctl)
{
	uint32_t max = ctl->conf->runtime.max_bindings;
	bool has_mesh = conf_has_mesh(ctl->conf);
	struct records_opts opts = {
		/* A node that comes while another's tombstone lasts must find room. In a mesh they
		 * last as long as the bindings that they end could: as many again. */
		.max = max + (has_mesh ? max : max / 16) + 16,
		.seed = ctl->seed,
		.now_ms = ctl->now_ms,
		.mesh = has_mesh,
	};

	return ctl->conf->domain_count == 0 ? 0 : records_new(&opts, &ctl->records);
}

static uint64_t turns_of(void *dp, uint32_t lcore)
{
	return dp_lcore_turns(dp, lcore);
}

static uint32_t number_of(void *dp, uint32_t lcore)
{
	struct dp_lcore_info info;

	dp_lcore_info(dp, lcore, &info);
	return info.lcore;
}

/* For as long as hello speaks for a site of which an lcore stands still. */
static int still_make(struct ctl *ctl)
{
	struct still_opts opts = { .limit_ms = beat_still_ms(ctl->conf->mesh.dead_ms),
		.lcores = dp_lcore_count(ctl->dp),
		.turns = turns_of,
		.number = number_of,
		.ctx = ctl->dp };
	struct dp_lcore_info info;

	for (uint32_t i = 0; i < opts.lcores; i++) {
		dp_lcore_info(ctl->dp, i, &info);
		if (info.control)
			opts.own = i;
	}
	return still_new(&opts, &ctl->still);
}

static int engines_make(struct ctl *ctl)
{
	int ret;

	ctl->wheel = wheel_new(ctl->now_ms);
	ctl->submitted = ring_new("ctl_submitted");
	ctl->answered = ring_new("ctl_answered");
	if (ctl->wheel == NULL || ctl->submitted == NULL || ctl->answered == NULL)
		return -ENOMEM;
	ret = records_make(ctl);
	if (ret == 0)
		ret = pmtu_new(ctl->conf->domain_count > 0 ? ctl->conf->runtime.max_bindings : 0,
			ctl->seed, &ctl->pmtu);
	if (ret == 0)
		ret = grace_new(ctl, &ctl->grace);
	if (ret == 0)
		ret = send_new(&ctl->send);
	if (ret == 0)
		ret = icmp_new(ctl, &ctl->icmp);
	if (ret == 0)
		ret = nd_new(ctl, &ctl->nd);
	if (ret == 0 && ctl->conf->domain_count > 0)
		ret = mip6_new(ctl, &ctl->mip6);
	if (ret == 0 && ctl->t->sa != NULL && ctl->conf->mesh.protect_data)
		ret = data_keys_new(ctl->t->sa, &ctl->data_keys);
	if (ret == 0)
		ret = still_make(ctl);
	if (ret == 0)
		ret = alarm_new(ctl, &ctl->alarms);
	if (ret == 0 && ctl->records != NULL && conf_has_accounting(ctl->conf))
		ret = acct_new(ctl, &ctl->acct);
	return ret;
}

int ctl_new(const struct conf *conf, struct subs *subs, struct tables *tables, struct dp *dp,
	struct ctl **out, char *err, size_t err_len)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));
	int ret;

	snprintf(err, err_len, "control: no memory");
	if (ctl == NULL)
		return -ENOMEM;
	ctl->conf = conf;
	ctl->t = tables;
	ctl->dp = dp;
	read_clocks(ctl);
	ctl->began = time(NULL);
	if (getrandom(&ctl->seed, sizeof(ctl->seed), 0) != sizeof(ctl->seed)) {
		ret = -errno;
		snprintf(err, err_len, "control: getrandom: %s", strerror(-ret));
		goto err_ctl;
	}
	ret = install_addresses(ctl, err, err_len);
	if (ret < 0)
		goto err_ctl;
	ret = install_peers(ctl, err, err_len);
	if (ret < 0)
		goto err_ctl;
	ret = engines_make(ctl);
	if (ret < 0) {
		snprintf(err, err_len, "control: %s", strerror(-ret));
		goto err_ctl;
	}
	ret = install_routes(ctl, err, err_len);
	if (ret < 0)
		goto err_ctl;
	ctl->subs = subs;
	ctl->json = conf_json(conf);
	ctl->loaded_ms = ctl->now_ms;
	if (conf_has_mesh(conf) && ctl->records != NULL)
		ret = mesh_new(ctl, err, err_len);
	if (ret < 0)
		goto err_subs;
	if (ctl->records != NULL && conf->store.path != NULL)
		ret = persist_new(ctl, &ctl->persist);
	if (ret < 0) {
		snprintf(err, err_len, "control: %s", strerror(-ret));
		goto err_subs;
	}
	*out = ctl;
	return 0;

err_subs:
	ctl->subs = NULL; /* the caller's */
err_ctl:
	ctl_free(ctl);
	return ret;
}

void ctl_finish(struct ctl *ctl)
{
	acct_finish(ctl);
}

struct bring *ctl_key_log(const struct ctl *ctl)
{
	return channel_key_log(ctl);
}

struct acct *ctl_acct(const struct ctl *ctl)
{
	return ctl->acct;
}

void ctl_free(struct ctl *ctl)
{
	if (ctl == NULL)
		return;
	persist_load_free(ctl->load);
	persist_free(ctl, ctl->persist);
	mesh_free(ctl);
	acct_free(ctl, ctl->acct);
	alarm_free(ctl->alarms);
	still_free(ctl->still);
	data_keys_free(ctl->data_keys);
	mip6_free(ctl->mip6);
	nd_free(ctl, ctl->nd);
	icmp_free(ctl->icmp);
	send_free(ctl->send);
	pmtu_free(ctl->pmtu);
	records_free(ctl->records);
	subs_free(ctl->subs);
	wheel_free(ctl->wheel);
	grace_free(ctl->grace);
	free(ctl->submitted);
	free(ctl->answered);
	free(ctl);
}
