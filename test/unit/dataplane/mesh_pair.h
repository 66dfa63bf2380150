/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mesh's tunnels from the seal stage of one site to the open stage of another, on real tables:
 * site 1 (2001:db8:1::10) with one worker, site 2 (2001:db8:2::10) with two. What one puts on the
 * wire is handed to the other as if it had come in; both have a default route, and a route to
 * 2001:db8:c::/48 by port 1: there is the mobile node to which both deliver what they open.
 */
#pragma once

#include "test.h"

#include <rte_eal.h>
#include <rte_rcu_qsbr.h>

#include "conf/conf.h"
#include "control/mesh/route.h"
#include "dataplane/plan.h"
#include "dataplane/domains.h"
#include "dataplane/relay.h"
#include "dataplane/spread.h"
#include "dataplane/worker.h"
#include "net/frag.h"
#include "net/icmp6.h"
#include "rng.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/sa.h"
#include "tables/tables.h"

#define SITE1   "2001:db8:1::10"
#define SITE2   "2001:db8:2::10"
#define CN      "2001:db8:c::1"
#define MN      "2001:db8:c:1::7"
#define POOL    1023
#define MAX     3000
#define HAND    128
#define WORKERS 2 /* of site 2 */

struct site {
	struct tables *t;
	struct rte_ring *punt[DP_PUNT_COUNT], *hand[WORKERS], *tx;
	_Atomic bool spreading;
	uint32_t workers;
	struct dp_worker w[WORKERS];
};

extern struct dp_port_view views[2];
extern struct site site1, site2;
void route(struct tables *t, const char *p, uint32_t value);
int set_up(void **state);
int tear_down(void **state);
struct sa_keys keys_of(uint8_t sender, uint32_t generation);
int begin_sealed(void **state);
int begin_clear(void **state);
int end_sites(void **state);

/* --- packets --- */

struct pkt {
	uint8_t b[4000];
	uint16_t n;
};

struct pkt udp(const char *src, const char *dst, uint16_t len);
struct net_ip6 *head(struct pkt *p);
struct rte_mbuf *mbuf_of(const struct pkt *p);
void push(struct dp_vec *v, const struct pkt *p, uint8_t relay_to, uint8_t flags);
void seal(struct dp_worker *w);

/* Frames of a port, without their Ethernet headers. */
unsigned take_tx(struct dp_worker *w, uint16_t port, struct pkt *out, unsigned max);

/* One packet sealed by site 1. */
struct pkt sealed(const struct pkt *p, uint8_t flags);

/* The only drop since: its reason; PUNTED + reason: dropped with an error. -1: none. */
int reason_since(struct dp_worker *w, const struct dp_counters *before, struct dp_meta *meta);

/* What site 2's worker `id` makes of a packet from the wire: -1, and what was inside in *out; or why
 * not; -2: it waits. What becomes of the packet then is others' business. */
int arrive(unsigned id, const struct pkt *p, struct pkt *out);

/* The worker of site 2 that opens what worker 0 of site 1 seals. */
unsigned opener(void);

void check_arrives(const struct pkt *wire, const struct pkt *sent);
void check_drop(const struct pkt *wire, enum dp_drop reason);

/* --- sizes --- */

struct dp_meta check_seal_error(struct pkt p, uint8_t flags, enum dp_drop reason);

/* --- what is not opened --- */

void put_spi(struct pkt *p, uint32_t spi);
