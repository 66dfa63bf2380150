/* SPDX-License-Identifier: BSD-3-Clause */
/* A control core that answers hamctl over real records and tables. Stand-ins for the data plane's
 * figures, neighbours and the deletion of a binding. */
#pragma once

#include "test.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <rte_ring.h>
#include <time.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/channel.h"
#include "control/mesh/mesh_priv.h"
#include "control/metric.h"
#include "control/mip6/switch.h"
#include "control/pmtu.h"
#include "control/show_priv.h"
#include "control/still.h"
#include "net/mh.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/subs.h"
#include "tables/addrs.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define NOW_MS   5000000
#define MAX      6000
#define RING     4
#define OUT_MAX  (4 * CTL_SLICE_BYTES)
#define TURN_MAX 40 /* items a turn may write */

/* --- stand-ins --- */

extern int delete_returns;
extern char *config;
extern struct persist_status store; /* path "" in the configuration: there is none */
extern struct alarm alarms[ALARM_COUNT];
extern int watch_on_returns;
extern uint16_t watch_port;
extern unsigned watches_off;
extern bool watch_is_off; /* no worker sees it any more */

/* --- a control core --- */

extern struct lab {
	struct ctl ctl;
	struct conf conf;
	struct conf_domain domains[2];
	struct conf_port ports[1];
	struct tables *tables;
} t;

void set_name(char name[static CONF_NAME_MAX], const char *to);
int setup(void **state);

/* --- a mesh with one other site, known by what its parts say --- */

void with_mesh(void);
int teardown(void **state);
struct ip6_addr numbered(const char *base, uint32_t i);
struct record *bind_node(uint16_t domain, const struct ip6_addr *hoa, const char *coa_text);
void publish_it(const struct record *r);

/* --- asking --- */

struct ctl_req request(enum ctl_cmd cmd);
unsigned lines_of(const struct jw *w, size_t from);

/* One slice, turn by turn; returns its turns. */
unsigned run_slice(struct ctl_req *req);

/* The whole answer as an array; the request's memory is released. */
cJSON *ask(struct ctl_req *req);

const char *text(const cJSON *list, int i, const char *key);
double number(const cJSON *list, int i, const char *key);
int count_of(struct ctl_req *req);
void assert_fails(struct ctl_req *req, int status, const char *error);
