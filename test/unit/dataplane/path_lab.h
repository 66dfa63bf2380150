/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path from classify to route, on real tables: a packet in, its door and its octets
 * out. Ports are views without devices, so frames are read from the TX vectors.
 *
 *   port 0: 2001:db8:1::10/64, gateway 2001:db8:1::1 (default route), neighbour ::77
 *   port 1: 2001:db8:2::10/64, MTU 1280, neighbour 2001:db8:2::5; 2001:db8:2::6 unresolved
 *   domain 0: 2001:db8:a::/48, home agent 2001:db8:a::1; domain 1: 2001:db8:b::/48, ::1
 *   bindings: a::100 at 2001:db8:f::1, a::101 at 2001:db8:2::5 (on-link, small MTU),
 *             b::100 at 2001:db8:f::2, with "encap-limit": "always"
 */
#pragma once

#include "test.h"

#include <rte_eal.h>
#include <rte_rcu_qsbr.h>

#include "conf/conf.h"
#include "dataplane/police.h"
#include "dataplane/sync.h"
#include "dataplane/worker.h"
#include "net/cksum.h"
#include "net/hello.h"
#include "net/icmp6.h"
#include "net/ip6hdr.h"
#include "net/udp.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define HA           "2001:db8:a::1"
#define HOA          "2001:db8:a::100"
#define ANYCAST      "2001:db8:a:0:fdff:ffff:ffff:fffe"
#define COA          "2001:db8:f::1"
#define CN           "2001:db8:c::1"
#define DOOR_TX      -1
#define DOOR_PUNT(c) (-2 - (int)(c))

extern struct tables *t;
extern struct rte_mempool *pool;
extern struct dp_port_view views[2];
extern struct rte_ring *punt[DP_PUNT_COUNT];
extern struct dp_worker worker;
extern uint32_t gateway;
extern const uint8_t mac_gateway[];
extern const uint8_t mac_neighbor[];
void route(const char *p, uint32_t value);
void bind_at(const char *hoa, const char *coa, const char *ha, uint16_t domain, uint8_t flags);
uint32_t neighbor(uint16_t port, const char *a, const uint8_t *mac);
int set_up(void **state);
int tear_down(void **state);

/* --- packets --- */

struct pkt {
	uint8_t b[4000];
	uint16_t n;
};

struct pkt ip6(const char *src, const char *dst, uint8_t next, uint8_t hops, const void *payload,
	uint16_t len);
struct pkt udp(const char *src, const char *dst, uint16_t len);
struct pkt tunnel(const char *src, const char *dst, struct pkt inner);

/* An extension header (its octets in hex, next header first) between header and payload. */
struct pkt with_ext(struct pkt p, uint8_t type, const char *hex);

/* A Mobility Header with a Home Address option. */
struct pkt mobility(const char *src, const char *dst, const char *hoa);

struct pkt set_tclass(struct pkt p, uint8_t tclass);
struct pkt set_hops(struct pkt p, uint8_t hops);
extern uint16_t headroom; /* of what put() makes */
void put(const struct pkt *p);

/* What became of the packet that was sent alone: its door, and the packet if it left by tx or
 * punt. */
struct fate {
	int door;
	uint16_t port;
	struct dp_meta meta;
	uint8_t frame[4100];
	uint16_t n;
};

/* How many came out, the last ones in f[max]. */
unsigned collect(struct fate *f, unsigned max, const struct dp_counters *before);

struct fate send_one(struct pkt p);
const char *door_name(int door);

/* Punt class ERROR with this reason, ICMPv6 type, code and argument. */
void check_error(const char *name, struct pkt p, enum dp_drop reason, uint8_t type, uint8_t code,
	uint32_t arg);

void check_door(const char *name, struct pkt p, int door);

/* --- fragments of tunnel packets (RFC 2473, 7.1 (b)) --- */

#define NEAR "2001:db8:a::101" /* at the port with MTU 1280 */

void path_mtu(const char *hoa, uint16_t mtu);

/* A SYN that announces 1440, checksum right. */
struct pkt syn(const char *src, const char *dst, uint8_t flags);

/* A full queue of one class drops under its own name and touches no other. */
void check_full(struct pkt p, enum dp_punt_class c, enum dp_drop reason);

/* --- the straight way through encapsulation --- */

uint64_t packets_to(const char *hoa);
