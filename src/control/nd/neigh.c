/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The neighbour cache: entries by adjacency number, each driven by rules.c. Bounded everywhere:
 * entries in all (runtime.max-neighbors), unresolved ones (a quarter, so that a scan of an
 * on-link prefix leaves room for who answers; RFC 6583), packets that wait for one (3; RFC 4861,
 * 7.2.2). When it is full, the entry that has been stale longest goes; gateways stay,
 * since routes and bindings carry their numbers.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/nd/nd_priv.h"
#include "control/rng.h"
#include "net/nd.h"
#include "tables/addrs.h"
#include "tables/adj.h"
#include "tables/tables.h"

#define SWEEP_MS     100
#define SWEEP_SLICE  1024 /* entries a sweep: some ten microseconds */
#define DEL_AGAIN_MS 1000 /* when the deferred-free queue was full */

static uint32_t id_of(const struct nd *nd, const struct neigh *n)
{
	return (uint32_t)(n - nd->neigh);
}

/* Counters and lists follow the state. */
static void account(struct nd *nd, struct neigh *n)
{
	bool unresolved = n->exists && n->e.state == ND_INCOMPLETE && !n->gateway;
	bool stale = n->exists && n->e.state == ND_STALE && !n->gateway;
	bool lost = n->exists && n->gateway && !nd_has_mac(&n->e);

	if (unresolved != n->is_unresolved)
		nd->unresolved += unresolved ? 1 : -1;
	if (stale && !n->is_stale)
		TAILQ_INSERT_TAIL(&nd->stale, n, stale);
	else if (!stale && n->is_stale)
		TAILQ_REMOVE(&nd->stale, n, stale);
	if (lost && !n->is_lost)
		TAILQ_INSERT_TAIL(&nd->lost, n, lost);
	else if (!lost && n->is_lost)
		TAILQ_REMOVE(&nd->lost, n, lost);
	nd->lost_count += (uint32_t)lost - n->is_lost;
	n->is_unresolved = unresolved;
	n->is_stale = stale;
	n->is_lost = lost;
}

/* Forget it. -ENOSPC: not now, try again. */
static int neigh_del(struct ctl *ctl, struct neigh *n)
{
	struct nd *nd = ctl->nd;

	if (adj_del(ctl->t->adj, id_of(nd, n)) < 0) {
		ctl_timer_set(ctl, &n->timer, ctl->now_ms + DEL_AGAIN_MS);
		return -ENOSPC;
	}
	wheel_del(ctl->wheel, &n->timer.t);
	for (uint32_t i = 0; i < n->queued; i++)
		dp_drop(ctl->dp, n->queue[i], DP_DROP_NEIGHBOR_PENDING);
	n->queued = 0;
	n->exists = false;
	account(nd, n);
	return 0;
}

static void publish_state(struct ctl *ctl, const struct neigh *n)
{
	uint32_t id = id_of(ctl->nd, n);

	if (nd_has_mac(&n->e))
		adj_set(ctl->t->adj, id, n->e.mac,
			ADJ_RESOLVED | (n->e.state == ND_STALE ? ADJ_REPORT_USE : 0));
	else
		adj_clear(ctl->t->adj, id);
}

static void send_queue(struct ctl *ctl, struct neigh *n)
{
	uint32_t queued = n->queued;

	n->queued = 0;
	for (uint32_t i = 0; i < queued; i++)
		dp_resume(ctl->dp, n->queue[i], id_of(ctl->nd, n));
}

static void fail_queue(struct ctl *ctl, struct neigh *n)
{
	uint32_t queued = n->queued;

	n->queued = 0;
	for (uint32_t i = 0; i < queued; i++)
		punt_unreachable(ctl, n->queue[i]);
}

static void step(struct ctl *ctl, struct neigh *n, const struct nd_event *ev)
{
	struct nd_verdict v = nd_rules_step(&n->e, ev);
	struct adj_tbl *adj = ctl->t->adj;
	uint32_t id = id_of(ctl->nd, n);

	account(ctl->nd, n);
	if (v.timer_ms == ND_TIMER_STOP)
		wheel_del(ctl->wheel, &n->timer.t);
	else if (v.timer_ms != ND_TIMER_KEEP)
		ctl_timer_set(ctl, &n->timer, ctl->now_ms + v.timer_ms);
	if (v.actions & ND_DO_CONFIRM)
		n->confirmed_ms = ctl->now_ms;
	if (v.actions & ND_DO_PUBLISH)
		publish_state(ctl, n);
	if (v.actions & ND_DO_ASK_GROUP)
		nd_solicit(ctl, adj_port(adj, id), adj_addr(adj, id), NULL);
	if (v.actions & ND_DO_ASK)
		nd_solicit(ctl, adj_port(adj, id), adj_addr(adj, id), n->e.mac);
	if (v.actions & ND_DO_SEND_QUEUE)
		send_queue(ctl, n);
	if (v.actions & ND_DO_FAIL) {
		fail_queue(ctl, n);
		if (!n->gateway)
			neigh_del(ctl, n);
	}
}

static void on_timer(struct ctl *ctl, struct ctl_timer *timer)
{
	struct neigh *n = container_of(timer, struct neigh, timer);
	struct nd_event ev = { .type = ND_EV_TIMER };

	if (n->e.state == ND_FAILED && !n->gateway)
		neigh_del(ctl, n); /* could not be forgotten when it failed */
	else
		step(ctl, n, &ev);
}

static struct neigh *find(struct ctl *ctl, uint16_t port, const struct ip6_addr *addr)
{
	uint32_t id = adj_find(ctl->t->adj, port, addr);

	return id == ADJ_NONE ? NULL : &ctl->nd->neigh[id];
}

/* What is forgotten makes room only after a grace period, so some room is kept ahead: a
 * sixteenth of the cache. */
static void make_room(struct ctl *ctl)
{
	struct nd *nd = ctl->nd;

	if (adj_count(ctl->t->adj) + nd->max / 16 >= nd->max && !TAILQ_EMPTY(&nd->stale))
		neigh_del(ctl, TAILQ_FIRST(&nd->stale));
}

/* NULL: full. */
static struct neigh *add(struct ctl *ctl, uint16_t port, const struct ip6_addr *addr)
{
	struct nd *nd = ctl->nd;
	struct neigh *n;
	uint32_t id;

	make_room(ctl);
	id = adj_add(ctl->t->adj, port, addr);
	if (id == ADJ_NONE)
		return NULL;
	assert(id <= nd->max);
	n = &nd->neigh[id];
	*n = (struct neigh){
		.timer.fn = on_timer,
		.exists = true,
		.confirmed_ms = ctl->now_ms,
	};
	return n;
}

/* The packet waits; the one that has waited longest gives way (RFC 4861, 7.2.2). */
static void enqueue(struct ctl *ctl, struct neigh *n, struct rte_mbuf *m)
{
	if (n->queued == NEIGH_QUEUE) {
		dp_drop(ctl->dp, n->queue[0], DP_DROP_NEIGHBOR_PENDING);
		memmove(n->queue, n->queue + 1, (NEIGH_QUEUE - 1) * sizeof(n->queue[0]));
		n->queued--;
	}
	n->queue[n->queued++] = m;
}

/* An address of ours that detection has not cleared yet is behind the connected prefix's route:
 * nobody else is to be asked for it. */
static bool is_undecided(const struct ctl *ctl, uint16_t port, const struct ip6_addr *addr)
{
	const struct addr_row *row = addrs_find(ctl->t->addrs, addr, port);

	return row != NULL && row->state == ADDR_TENTATIVE;
}

void nd_resolve(struct ctl *ctl, uint16_t port, const struct ip6_addr *addr, struct rte_mbuf *m)
{
	struct nd_event ev = { .type = ND_EV_NEED };
	struct nd *nd = ctl->nd;
	struct neigh *n;

	if (port >= ctl->conf->port_count || ip6_is_multicast(addr) || ip6_is_unspecified(addr) ||
		is_undecided(ctl, port, addr)) {
		dp_drop(ctl->dp, m, DP_DROP_NEIGHBOR_FAILED);
		return;
	}
	n = find(ctl, port, addr);
	if (n == NULL && nd->unresolved < nd->max_unresolved)
		n = add(ctl, port, addr);
	if (n == NULL) {
		dp_drop(ctl->dp, m, DP_DROP_NEIGHBOR_FULL);
		return;
	}
	enqueue(ctl, n, m);
	step(ctl, n, &ev);
}

uint32_t nd_gateway(struct ctl *ctl, uint16_t port, const struct ip6_addr *addr)
{
	struct neigh *n = find(ctl, port, addr);

	if (n == NULL)
		n = add(ctl, port, addr);
	if (n == NULL)
		return ADJ_NONE;
	n->gateway = true;
	account(ctl->nd, n);
	return id_of(ctl->nd, n);
}

uint32_t nd_gateways_unresolved(const struct ctl *ctl, struct ip6_addr *one)
{
	const struct nd *nd = ctl->nd;

	if (nd->lost_count > 0)
		*one = *adj_addr(ctl->t->adj, id_of(nd, TAILQ_FIRST(&nd->lost)));
	return nd->lost_count;
}

void nd_ask_gateways(struct ctl *ctl)
{
	struct nd_event ev = { .type = ND_EV_NEED };

	for (uint32_t i = 0; i < ctl->conf->route_count; i++) {
		const struct conf_route *r = &ctl->conf->routes[i];
		struct neigh *n = find(ctl, (uint16_t)r->port, &r->via);

		if (n != NULL)
			step(ctl, n, &ev);
	}
}

void neigh_heard_ns(struct ctl *ctl, uint16_t port, const struct nd_msg *msg)
{
	struct nd_event ev = { .type = ND_EV_NS, .has_mac = true };
	struct neigh *n = find(ctl, port, &msg->src);

	if (n == NULL)
		n = add(ctl, port, &msg->src);
	if (n == NULL) {
		dp_count_drop(ctl->dp, DP_DROP_NEIGHBOR_FULL);
		return;
	}
	memcpy(ev.mac, msg->lladdr, sizeof(ev.mac));
	step(ctl, n, &ev);
}

bool neigh_heard_na(struct ctl *ctl, uint16_t port, const struct nd_msg *msg)
{
	struct nd_event ev = {
		.type = ND_EV_NA,
		.has_mac = msg->has_lladdr,
		.solicited = msg->solicited,
		.override = msg->override,
		.reachable_ms =
			rng_between(&ctl->nd->rng, ND_REACHABLE_MS / 2, ND_REACHABLE_MS / 2 * 3),
	};
	struct neigh *n = find(ctl, port, &msg->target);

	if (n == NULL)
		return false;
	memcpy(ev.mac, msg->lladdr, sizeof(ev.mac));
	step(ctl, n, &ev);
	return true;
}

/* Workers leave a mark at stale neighbours that they use; a link that came up again makes what
 * was confirmed before doubtful, and gateways are asked at once. */
static void sweep_one(struct ctl *ctl, struct neigh *n)
{
	uint32_t id = id_of(ctl->nd, n);
	uint64_t up_ms = ctl->nd->link_up_ms[adj_port(ctl->t->adj, id)];
	struct nd_event ev = { .type = ND_EV_USED };

	if (n->e.state == ND_STALE && adj_take_used(ctl->t->adj, id)) {
		step(ctl, n, &ev);
	} else if (n->e.state == ND_REACHABLE && n->confirmed_ms < up_ms) {
		ev.type = n->gateway ? ND_EV_RECHECK : ND_EV_TIMER;
		step(ctl, n, &ev);
	}
}

static void on_sweep(struct ctl *ctl, struct ctl_timer *timer)
{
	struct nd *nd = ctl->nd;
	uint32_t n = nd->max < SWEEP_SLICE ? nd->max : SWEEP_SLICE;

	for (uint32_t i = 0; i < n; i++) {
		nd->sweep_at = nd->sweep_at % nd->max + 1;
		if (nd->neigh[nd->sweep_at].exists)
			sweep_one(ctl, &nd->neigh[nd->sweep_at]);
	}
	ctl_timer_set(ctl, timer, ctl->now_ms + SWEEP_MS);
}

bool nd_next(const struct ctl *ctl, uint32_t *cursor, struct nd_info *out)
{
	const struct nd *nd = ctl->nd;
	const struct neigh *n;
	uint32_t id;

	if (*cursor >= nd->max)
		return false;
	id = ++*cursor;
	n = &nd->neigh[id];
	*out = (struct nd_info){ 0 };
	if (!n->exists)
		return true;
	*out = (struct nd_info){
		.port = adj_port(ctl->t->adj, id),
		.addr = *adj_addr(ctl->t->adj, id),
		.has_mac = nd_has_mac(&n->e),
		.gateway = n->gateway,
		.state = nd_state_name((enum nd_state)n->e.state),
		.age_ms = ctl->now_ms - n->confirmed_ms,
		.queued = n->queued,
	};
	if (out->has_mac)
		memcpy(out->mac, n->e.mac, sizeof(out->mac));
	return true;
}

void neigh_start(struct ctl *ctl)
{
	ctl->nd->sweep.fn = on_sweep;
	ctl_timer_set(ctl, &ctl->nd->sweep, ctl->now_ms + SWEEP_MS);
}

int neigh_new(struct ctl *ctl, struct nd *nd)
{
	nd->max = ctl->conf->runtime.max_neighbors;
	nd->max_unresolved = nd->max >= 4 ? nd->max / 4 : 1;
	TAILQ_INIT(&nd->stale);
	TAILQ_INIT(&nd->lost);
	nd->neigh = calloc((size_t)nd->max + 1, sizeof(nd->neigh[0]));
	return nd->neigh == NULL ? -ENOMEM : 0;
}

void neigh_free(struct ctl *ctl, struct nd *nd)
{
	for (uint32_t id = 1; nd->neigh != NULL && id <= nd->max; id++) {
		struct neigh *n = &nd->neigh[id];

		for (uint32_t i = 0; n->exists && i < n->queued; i++)
			dp_drop(ctl->dp, n->queue[i], DP_DROP_SHUTDOWN);
	}
	free(nd->neigh);
}
