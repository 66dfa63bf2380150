/* SPDX-License-Identifier: BSD-3-Clause */
/* A home agent of two domains over the real records, tables and codecs: packets in, packets and
 * tables out. Stand-ins for what surrounds it: ICMPv6, the ways out, drop counters. */
#pragma once

#include "test.h"

#include <rte_rcu_qsbr.h>

#include "common/mac.h"
#include "common/ntp.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mip6/answer.h"
#include "control/mip6/held.h"
#include "control/mip6/mip6_priv.h"
#include "control/pmtu.h"
#include "net/cksum.h"
#include "net/icmp6.h"
#include "net/mh.h"
#include "records/records.h"
#include "records/subs.h"
#include "tables/addrs.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define START_MS  1000000
#define HA        "2001:db8:a::1"
#define HOA       "2001:db8:a::100"
#define HOA2      "2001:db8:a::101"
#define COA       "2001:db8:c::1"
#define COA2      "2001:db8:d::1"
#define PORT_ADDR "2001:db8:1::10"
#define GATEWAY   7 /* adjacency */
#define DQ_SIZE   16
#define PATHS_MS  60000

/* --- what surrounds it --- */

extern bool token;
extern uint64_t drops[DP_DROP_COUNT];
extern struct lab_out {
	uint8_t pkt[1280];
	uint16_t len;
	unsigned wire, link; /* how many went which way */
	uint16_t port;
	uint8_t mac[6];
	unsigned icmp;
	uint32_t icmp_arg;
} out;

extern struct lab_said {
	const char *who, *what;
	int32_t status;
} said; /* to whoever traces the packet */

/* --- a home agent of two domains --- */

extern struct lab {
	struct ctl ctl;
	struct conf conf;
	struct conf_domain domains[2];
	struct ip6_prefix served[2];
	struct tables tables;
} t;

void set_route(const char *text, enum fib_kind kind, uint32_t index);

/* --- subscribers --- */

/* A set without any; it becomes the one in use. */
void new_subscribers(void);

void subscribe(uint16_t domain, struct ip6_addr hoa);
uint64_t nexthop(uint32_t adjacency);
int setup(void **state);
int teardown(void **state);

/* --- packets --- */

struct msg {
	const char *src, *dst, *hao, *alt; /* COA, HA, HOA, src; "": absent */
	uint16_t seq;
	uint16_t flags; /* A and H */
	int lifetime; /* 100 units; -1: 0 */
	const char *raw; /* these octets instead of a Binding Update, checksum filled in */
	bool bad_checksum, tunnelled;
	bool known; /* a worker found its mobile node bound to where it comes from */
	uint32_t spi; /* 0: not signed */
	bool bad_mac;
	uint64_t timestamp; /* 0: none */
};

#define SPI   0x12345678
#define START ntp_from_unix(1700000000, 0)

/* The key of HOA, when a test gave it one. */
extern struct mip6_signer signer;

uint16_t put_hao(uint8_t *at, const char *hao);

/* Hands the message to hamd as punt.c would; the buffer has its exact size. */
void send_bu(const struct msg *m);

/* The acknowledgement that went out last: read as the mobile node reads it. */
struct mh_ba_msg sent_ba(const char *dst, const char *hoa);

void assert_ba(const char *dst, const char *hoa, int status, int seq, int lifetime);

/* A signed answer to COA, with this timestamp; 0: without one. */
void assert_signed_ba(int status, int seq, uint64_t timestamp);

void assert_be(int status, const char *dst, const char *hoa);
const struct bc_entry *entry(const char *hoa);
void assert_bound(const char *hoa, const char *coa);

#define COUNTED(c) assert_int_equal(t.ctl.counters[CTL_##c], 1)

/* The event that accounting told next; none: its type is ACCT_TYPE_COUNT. */
struct acct_event told(void);
