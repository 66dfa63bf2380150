/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A home agent whose store is the test: persist.c and persist_load.c over the real records, tables and
 * feed. The clocks are the test's.
 */
#pragma once

#include "test.h"

#include <errno.h>
#include <rte_rcu_qsbr.h>
#include <time.h>

#include "common/log.h"
#include "common/ntp.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/numbers.h"
#include "control/pmtu.h"
#include "records/feed.h"
#include "records/image.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/subs.h"
#include "rng.h"
#include "tables/addrs.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define START_MS 50000000
#define MAX      4000 /* bindings */
#define DQ_SIZE  4096
#define FEED     8192 /* items, as persist.c has it */

extern struct persist_lab {
	struct ctl ctl;
	struct conf conf;
	struct conf_domain domains[2];
	struct ip6_prefix served[2], denied;
	struct tables tables;
	struct feed *feed;
	char err[160];
} t;

/* The time of day goes with control's clock, unless a test sets it. */
#define START_UNIX_MS 1800000000000ULL

extern int64_t clock_set_ms;
extern uint64_t ahead_ms; /* of control's clock, which stands still during a turn */

struct ip6_addr hoa_of(unsigned n);
struct ip6_addr coa_of(unsigned n);
int persist_setup(void **state);
int persist_teardown(void **state);
/* Binds, refreshes or moves. */
struct record *bind_node(unsigned n, unsigned coa, uint32_t lifetime_s);
uint64_t unix_ms(void);
/* What waits in the feed. */
uint32_t waiting(void);
void start(void);
void sync_all(void);
struct record_image image_of(unsigned n);
void load(struct record_image image);
struct record *record_of(unsigned n);
