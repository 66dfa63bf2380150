/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two sites of a mesh, each with its own records, tables and engine, put together as control does
 * it. Stand-ins for what is around: the channel hands datagrams over at the next turn, hello is told
 * by the test, routes and answers are looked at.
 */
#include "test.h"

#include <errno.h>

#include <rte_rcu_qsbr.h>

#include "common/ntp.h"
#include "conf/conf.h"
#include "control/alarm_rules.h"
#include "control/ctl_priv.h"
#include "control/mip6/switch.h"
#include "control/mesh/channel.h"
#include "control/mesh/mesh_priv.h"
#include "control/mesh/pulse.h"
#include "control/mesh/route.h"
#include "control/mip6/advert.h"
#include "control/pmtu.h"
#include "control/show_priv.h"
#include "control/still.h"
#include "net/mh.h"
#include "records/records.h"
#include "records/seen.h"
#include "records/subs.h"
#include "sync/engine_priv.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define SITES    2
#define START_MS 1000000
#define WALL_MS  1800000000000ULL
#define MAX      100
#define QUEUE    256
#define HOA      "2001:db8:a::100"
#define HOA2     "2001:db8:a::101"
#define COA      "2001:db8:c::1"
#define COA2     "2001:db8:d::1"
#define FOREIGN  "2001:db8:b::100" /* in no mobile prefix of the domain */

static struct site {
	struct ctl ctl;
	struct conf conf;
	struct conf_domain domain;
	struct conf_domain_peer member;
	struct conf_mesh_peer peer;
	struct ip6_prefix served;
	struct tables tables;

	bool is_cut; /* hello says that the other one is dead, and nothing gets there */
	enum next_says says;
	bool is_known; /* what it says, by all */
	struct next_view told; /* by hello */
	struct next_view view; /* routes were made of */
	unsigned routes;
	uint64_t token; /* of the last answer that was let go, */
	enum engine_commit how; /* and why */
	unsigned committed, cancelled;
	unsigned heard, moved, stopped; /* sessions */
	enum acct_cause cause; /* of the last that was stopped */
	struct session_info session;
} sites[SITES];

static struct {
	uint8_t to, from, buf[CHANNEL_MAX];
	size_t len;
} queue[QUEUE];
static unsigned queued;
static struct dp_counters counters;

static struct site *site_of(const struct ctl *ctl)
{
	return container_of(ctl, struct site, ctl);
}

static struct site *node(unsigned n)
{
	return &sites[n - 1];
}

/* --- what is around --- */

int channel_new(struct ctl *ctl, char *err, size_t err_len)
{
	(void)ctl;
	(void)err;
	(void)err_len;
	return 0;
}

void channel_free(struct ctl *ctl)
{
	(void)ctl;
}

bool channel_run(struct ctl *ctl)
{
	(void)ctl;
	return false;
}

int channel_input(struct ctl *ctl, const struct ctl_pkt *p)
{
	(void)ctl;
	(void)p;
	return -1;
}

int channel_send(struct ctl *ctl, uint8_t to, const uint8_t *buf, size_t len)
{
	assert_true(len > 0 && len <= CHANNEL_MAX);
	assert_true(queued < QUEUE);
	queue[queued].to = to;
	queue[queued].from = (uint8_t)ctl->conf->node.id;
	memcpy(queue[queued].buf, buf, len);
	queue[queued++].len = len;
	return 0;
}

int channel_info(const struct ctl *ctl, uint8_t n, struct session_info *out)
{
	(void)n;
	*out = site_of(ctl)->session;
	return 0;
}

struct channel_count channel_count(const struct ctl *ctl, uint8_t n)
{
	(void)ctl;
	(void)n;
	return (struct channel_count){ .tx = 7 };
}

int pulse_new(struct ctl *ctl, char *err, size_t err_len)
{
	(void)ctl;
	(void)err;
	(void)err_len;
	return 0;
}

void pulse_free(struct ctl *ctl)
{
	(void)ctl;
}

/* Of what a site says the other one hears at once. */
static struct next_view view_by_hello(const struct site *s)
{
	unsigned self = s->ctl.conf->node.id, other = SITES + 1 - self;
	struct next_view v;

	memset(&v, 0, sizeof(v)); /* to be compared */
	v.domain = next_domain("msp");
	v.self = (uint8_t)self;
	v.site[self] = (struct next_site){ .reach = NEXT_UP, .says = s->says };
	if (!s->is_cut)
		v.site[other] = (struct next_site){ .reach = NEXT_UP, .says = node(other)->says };
	return v;
}

bool pulse_run(struct ctl *ctl)
{
	struct site *s = site_of(ctl);
	struct next_view v = view_by_hello(s);

	if (memcmp(&v, &s->told, sizeof(v)) != 0)
		mesh_on_view(ctl, 0, &v);
	s->told = v;
	return false;
}

void pulse_say(struct ctl *ctl, uint16_t domain, enum next_says says)
{
	assert_int_equal(domain, 0);
	site_of(ctl)->says = says;
}

bool pulse_is_known(const struct ctl *ctl, uint16_t domain)
{
	(void)domain;
	return site_of(ctl)->is_known;
}

int route_new(struct ctl *ctl, char *err, size_t err_len)
{
	(void)ctl;
	(void)err;
	(void)err_len;
	return 0;
}

void route_free(struct ctl *ctl)
{
	(void)ctl;
}

void route_publish(struct ctl *ctl, uint16_t domain, const struct next_view *view,
	const struct next_table *next)
{
	struct next_table mine;

	assert_int_equal(domain, 0);
	next_fill(view, &mine);
	assert_memory_equal(next, &mine, sizeof(mine));
	site_of(ctl)->view = *view;
	site_of(ctl)->routes++;
}

void route_place(const struct ctl *ctl, const struct record *r, uint8_t *owner, uint8_t *bucket)
{
	*owner = records_mesh(ctl->records, r)->owner.node;
	*bucket = 7;
}

bool route_run(struct ctl *ctl)
{
	(void)ctl;
	return false;
}

void mip6_committed(struct ctl *ctl, uint64_t token, enum engine_commit how)
{
	struct site *s = site_of(ctl);

	s->token = token;
	s->how = how;
	s->committed++;
}

void switch_changed(struct ctl *ctl, const struct record *rec)
{
	(void)ctl;
	(void)rec;
}

void switch_ended(struct ctl *ctl, const struct record *rec, bool is_answer)
{
	(void)ctl;
	(void)rec;
	(void)is_answer;
}

bool mip6_is_switching(const struct ctl *ctl, uint16_t domain)
{
	(void)ctl;
	(void)domain;
	return false;
}

void advert_cancel(struct ctl *ctl, const struct record *rec)
{
	(void)rec;
	site_of(ctl)->cancelled++;
}

void acct_hear(struct ctl *ctl, struct record *r)
{
	r->session = 0;
	site_of(ctl)->heard++;
}

void acct_move(struct ctl *ctl, struct record *r, const struct ip6_addr *old_coa)
{
	assert_memory_not_equal(&r->coa, old_coa, sizeof(*old_coa));
	site_of(ctl)->moved++;
}

void acct_stop(struct ctl *ctl, const struct record *r, enum acct_cause cause)
{
	(void)r;
	site_of(ctl)->cause = cause;
	site_of(ctl)->stopped++;
}

void persist_touch(struct ctl *ctl, const struct record *r)
{
	(void)ctl;
	(void)r;
}

void dp_counters_sum(const struct dp *dp, struct dp_counters *out)
{
	(void)dp;
	*out = counters;
}

bool show_fail(struct ctl_req *req, int status, const char *fmt, ...)
{
	va_list ap;

	req->status = status;
	va_start(ap, fmt);
	vsnprintf(req->error, sizeof(req->error), fmt, ap);
	va_end(ap);
	return false;
}

/* --- sites --- */

static void configure(struct site *s, unsigned n)
{
	static const char *const names[] = { "paris", "tokyo" };
	unsigned other = SITES + 1 - n;

	s->served = prefix("2001:db8:a::/48");
	s->peer = (struct conf_mesh_peer){ .id = other, .hello_ms = 100, .dead_ms = 300 };
	snprintf(s->peer.name, CONF_NAME_MAX, "%s", names[other - 1]);
	s->member = (struct conf_domain_peer){ .peer = 0 };
	snprintf(s->member.name, CONF_NAME_MAX, "%s", names[other - 1]);
	s->member.home_agent_address = addr(other == 1 ? "2001:db8:a::1" : "2001:db8:a::2");
	s->domain = (struct conf_domain){
		.name = "msp",
		.mobile_prefixes = &s->served,
		.mobile_prefix_count = 1,
		.home_agent_address = addr(n == 1 ? "2001:db8:a::1" : "2001:db8:a::2"),
		.peers = &s->member,
		.peer_count = 1,
		.ack_peers = 1,
		.join_timeout_ms = 3000,
		.drain_wait_ms = 60000,
		.lifetime_max_s = 600,
		.limits = { .max_bindings = MAX },
	};
	s->conf = (struct conf){
		.node = { .id = n },
		.domains = &s->domain,
		.domain_count = 1,
		.runtime.max_bindings = MAX,
		.mesh = { .dead_ms = 300,
			.rate_mbps = 100,
			.records_per_s = 100000,
			.max_waits = 16,
			.peers = &s->peer,
			.peer_count = 1 },
	};
	snprintf(s->conf.node.name, CONF_NAME_MAX, "%s", names[n - 1]);
}

static void make_tables(struct site *s)
{
	size_t rcu_bytes = rte_rcu_qsbr_get_memsize(1);
	struct tables *t = &s->tables;
	struct ip6_prefix all = prefix("::/0");

	t->rcu = aligned_alloc(64, (rcu_bytes + 63) & ~63ul);
	assert_int_equal(rte_rcu_qsbr_init(t->rcu, 1), 0);
	assert_int_equal(dq_new(t->rcu, 64, &t->dq), 0);
	assert_int_equal(bc_new(&(struct bc_opts){ .max = MAX, .seed = 1 }, t->dq, &t->bc), 0);
	assert_int_equal(fib_new(&(struct fib_opts){ .max_routes = 16 }, t->dq, &t->fib), 0);
	assert_int_equal(fib_set(t->fib, &all, fib_value(FIB_VIA, 7)), 0);
}

static void start(unsigned n)
{
	struct site *s = node(n);
	struct subs_opts subs = { .max = 10, .domains = 1, .seed = 1 };
	struct records_opts records = {
		.max = 2 * MAX, .seed = 1, .now_ms = START_MS, .mesh = true
	};
	char err[128];

	configure(s, n);
	make_tables(s);
	s->ctl = (struct ctl){ .conf = &s->conf,
		.t = &s->tables,
		.now_ms = START_MS,
		.wall_ms = WALL_MS,
		.ntp = ntp_from_unix(WALL_MS / 1000, 0),
		.seed = 1,
		.ready = true };
	assert_int_equal(records_new(&records, &s->ctl.records), 0);
	assert_int_equal(pmtu_new(MAX, 1, &s->ctl.pmtu), 0);
	assert_int_equal(subs_new(&subs, &s->ctl.subs), 0);
	subs_seal(s->ctl.subs);
	assert_int_equal(mesh_new(&s->ctl, err, sizeof(err)), 0);
}

static void stop(struct site *s)
{
	mesh_free(&s->ctl);
	assert_null(s->ctl.mesh);
	subs_free(s->ctl.subs);
	pmtu_free(s->ctl.pmtu);
	records_free(s->ctl.records);
	bc_free(s->tables.bc);
	fib_free(s->tables.fib);
	dq_free(s->tables.dq);
	free(s->tables.rcu);
}

static int setup(void **state)
{
	(void)state;
	memset(sites, 0, sizeof(sites));
	memset(&counters, 0, sizeof(counters));
	queued = 0;
	log_set_level(LOG_ERR);
	for (unsigned n = 1; n <= SITES; n++)
		start(n);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= SITES; n++)
		stop(node(n));
	return 0;
}

/* What is under way arrives, unless a site is cut off. */
static void deliver(void)
{
	unsigned n = queued;

	for (unsigned i = 0; i < n; i++)
		if (!node(queue[i].to)->is_cut && !node(queue[i].from)->is_cut)
			mesh_input(
				&node(queue[i].to)->ctl, queue[i].from, queue[i].buf, queue[i].len);
	memmove(queue, queue + n, (queued - n) * sizeof(queue[0]));
	queued -= n;
}

static void turn_one(struct site *s)
{
	mesh_run(&s->ctl);
	dq_run(s->tables.dq, 64);
}

static void turn(void)
{
	deliver();
	for (unsigned n = 1; n <= SITES; n++)
		turn_one(node(n));
}

static void pass(unsigned ms)
{
	for (unsigned i = 0; i < ms; i += 5) {
		for (unsigned n = 1; n <= SITES; n++) {
			node(n)->ctl.now_ms += 5;
			node(n)->ctl.wall_ms += 5;
		}
		turn();
	}
}

static void become_ready(void)
{
	pass(1000);
	assert_int_equal(node(1)->says, NEXT_READY);
	assert_int_equal(node(2)->says, NEXT_READY);
}

/* --- bindings --- */

static struct record *record_at(unsigned n, const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	return records_find(node(n)->ctl.records, 0, &a);
}

static const struct bc_entry *entry_at(unsigned n, const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	return bc_find(node(n)->tables.bc, &a);
}

/* A Binding Update was accepted, as bu.c does it: true: its answer waits. */
static bool accept(unsigned n, const char *hoa, const char *coa, uint16_t seq, bool is_refresh)
{
	struct ctl *ctl = &node(n)->ctl;
	struct ip6_addr h = addr(hoa), c = addr(coa);
	struct record *r = records_find(ctl->records, 0, &h);
	struct order_result o = { .ext_seq = seq, .epoch = 1 };

	if (r == NULL)
		r = records_add(ctl->records, 0, &h);
	assert_non_null(r);
	r->ha = node(n)->domain.home_agent_address;
	r->seq = seq;
	r->flags = MH_BU_A | MH_BU_H;
	r->lifetime_s = 600;
	records_set(ctl->records, r, RECORD_LIVE, &c, ctl->now_ms + 600000);
	assert_int_equal(publish(ctl, r), 0);
	return mesh_accepted(ctl, r, &o, RECORD_BY_SEQUENCE, is_refresh);
}

static void accept_and_hold(unsigned n, const char *hoa, const char *coa, uint16_t seq)
{
	assert_true(accept(n, hoa, coa, seq, false));
	assert_int_equal(mesh_wait(&node(n)->ctl, record_at(n, hoa), seq), ENGINE_WAITS);
}

static void assert_entry(unsigned n, const char *hoa, const char *coa, const char *ha)
{
	const struct bc_entry *e = entry_at(n, hoa);
	struct ip6_addr c = addr(coa), h = addr(ha);

	assert_non_null(e);
	assert_memory_equal(&e->coa, &c, sizeof(c));
	assert_memory_equal(&e->ha, &h, sizeof(h));
}

/* --- tests --- */

static void test_ready(void **state)
{
	(void)state;
	assert_false(mesh_serves(&node(1)->ctl, 0));
	turn();
	assert_int_equal(node(1)->says, NEXT_JOINING);
	assert_int_equal(node(1)->view.site[1].says, NEXT_JOINING);
	become_ready();
	assert_true(mesh_serves(&node(1)->ctl, 0));
	assert_int_equal(node(1)->view.site[2].says, NEXT_READY);
	assert_int_equal(mesh_domain_id(&node(1)->ctl, 0), next_domain("msp"));
	assert_int_not_equal(mesh_boot(&node(1)->ctl), mesh_boot(&node(2)->ctl));
}

/* The answer waits until the other site's workers know the binding, with the address that it was
 * registered with, and leaves with the acknowledgement. */
static void test_replicated(void **state)
{
	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	turn_one(node(1)); /* in the turn of the update */
	assert_null(entry_at(2, HOA));
	assert_true(queued > 0);
	deliver();
	assert_entry(2, HOA, COA, "2001:db8:a::1");
	assert_int_equal(node(1)->committed, 0);
	pass(10);
	assert_int_equal(node(1)->committed, 1);
	assert_int_equal(node(1)->token, 7);
	assert_int_equal(node(1)->how, ENGINE_HELD);
	assert_int_equal(mesh_owner(&node(2)->ctl, record_at(2, HOA)), 1);
	assert_false(mesh_is_owner(&node(2)->ctl, record_at(2, HOA)));
	assert_true(mesh_is_owner(&node(1)->ctl, record_at(1, HOA)));
	assert_int_equal(record_at(2, HOA)->seq, 7);
	assert_int_equal(record_at(2, HOA)->since_ms, node(2)->ctl.now_ms - 10);
	assert_int_equal(node(2)->ctl.counters[CTL_MESH_HEARD], 1);
	assert_int_equal(node(2)->heard, 1);
}

static void test_moved_to_the_other_site(void **state)
{
	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	record_at(1, HOA)->session = 77; /* it has one there: it goes on */
	accept_and_hold(2, HOA, COA2, 8);
	pass(20);
	assert_int_equal(node(2)->how, ENGINE_HELD);
	assert_int_equal(node(1)->moved, 1);
	assert_int_equal(node(1)->stopped, 0);
	assert_int_equal(record_at(1, HOA)->session, 77);
	assert_entry(1, HOA, COA2, "2001:db8:a::2");
	assert_int_equal(mesh_owner(&node(1)->ctl, record_at(1, HOA)), 2);
}

static void test_ended(void **state)
{
	struct ctl *ctl = &node(1)->ctl;
	struct record *r;

	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	r = record_at(1, HOA);
	assert_int_equal(unpublish(ctl, r, ACCT_CAUSE_DELETED), 0);
	records_set(ctl->records, r, RECORD_TOMBSTONE, &r->coa,
		ctl->now_ms + records_tombstone_ms(ctl->records, r));
	mesh_touched(ctl, r);
	pass(20);
	assert_null(entry_at(2, HOA));
	assert_int_equal(record_at(2, HOA)->state, RECORD_TOMBSTONE);
	assert_int_equal(node(2)->cancelled, 1);
	assert_int_equal(node(2)->stopped, 1);
	assert_int_equal(node(2)->cause, ACCT_CAUSE_ELSEWHERE);
}

/* Workers still read what was there before: the change waits, and is whole when they do not. */
static void test_no_room_to_publish(void **state)
{
	char hoa[40];

	(void)state;
	become_ready();
	assert_int_equal(dq_room(node(2)->tables.dq), 64);
	rte_rcu_qsbr_thread_register(node(2)->tables.rcu, 0);
	rte_rcu_qsbr_thread_online(node(2)->tables.rcu, 0);
	accept_and_hold(1, HOA, COA, 1);
	pass(20);
	for (uint16_t seq = 2; dq_room(node(2)->tables.dq) > 0 && seq < 200; seq++) {
		accept_and_hold(1, HOA, seq % 2 == 0 ? COA2 : COA, seq);
		pass(20);
	}
	assert_int_equal(dq_room(node(2)->tables.dq), 0);
	accept_and_hold(1, HOA, "2001:db8:e::1", 200);
	pass(50);
	assert_true(record_at(2, HOA)->seq < 200);
	snprintf(hoa, sizeof(hoa), "%s", HOA);
	assert_memory_equal(&entry_at(2, hoa)->coa, &record_at(2, HOA)->coa, 16);
	rte_rcu_qsbr_quiescent(node(2)->tables.rcu, 0);
	rte_rcu_qsbr_thread_offline(node(2)->tables.rcu, 0);
	pass(2500);
	assert_entry(2, HOA, "2001:db8:e::1", "2001:db8:a::1");
	assert_int_equal(record_at(2, HOA)->seq, 200);
}

/* A home address of no mobile prefix of the domain is nobody's to tell. */
static void test_fence(void **state)
{
	struct engine_peer_info info;

	(void)state;
	become_ready();
	accept(1, FOREIGN, COA, 1, false);
	accept(1, "2001:db8:a::2", COA, 1, false); /* a home agent address */
	accept(1, HOA, COA, 1, false);
	pass(20);
	assert_null(record_at(2, FOREIGN));
	assert_null(record_at(2, "2001:db8:a::2"));
	assert_non_null(record_at(2, HOA));
	assert_int_equal(engine_peer_info(node(2)->ctl.mesh->engine, 1, &info), 0);
	assert_true(info.refused >= 2);
}

static void cut(unsigned n, bool is_cut)
{
	for (unsigned i = 1; i <= SITES; i++)
		node(i)->is_cut = is_cut;
	(void)n;
}

static void test_taken_over(void **state)
{
	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	cut(1, true);
	pass(2000);
	assert_int_equal(mesh_owner(&node(2)->ctl, record_at(2, HOA)), 2);
	assert_int_equal(node(2)->ctl.counters[CTL_MESH_TAKEN_OVER], 1);
	assert_int_equal(entry_at(2, HOA)->owner, 2); /* workers know, too */
	assert_entry(2, HOA, COA, "2001:db8:a::1"); /* from the address it was registered with */
	assert_int_equal(node(2)->view.site[1].reach, NEXT_DEAD);

	/* what was registered with its address goes back when it is */
	cut(1, false);
	pass(3000);
	assert_int_equal(mesh_owner(&node(2)->ctl, record_at(2, HOA)), 1);
	assert_int_equal(mesh_owner(&node(1)->ctl, record_at(1, HOA)), 1);
	assert_int_equal(node(2)->ctl.counters[CTL_MESH_HANDED_ON], 1);
}

static void test_alone(void **state)
{
	struct alarm_fact f = { 0 };

	(void)state;
	become_ready();
	cut(1, true);
	pass(20);
	assert_true(accept(1, HOA, COA, 7, false));
	assert_int_equal(mesh_wait(&node(1)->ctl, record_at(1, HOA), 7), ENGINE_ALONE);
	mesh_alone(&node(1)->ctl, &f);
	assert_int_equal(f.value, 1);
	assert_string_equal(f.detail, "domain msp");
	assert_int_equal(node(1)->ctl.counters[CTL_MESH_ALONE], 1);
	cut(1, false);
	pass(3000);
	f = (struct alarm_fact){ 0 };
	mesh_alone(&node(1)->ctl, &f);
	assert_int_equal(f.value, 0);
	assert_non_null(entry_at(2, HOA));
}

/* Who stood still for longer than others wait says joining; hello did so by itself already. */
static void test_stood_still(void **state)
{
	struct ctl *ctl = &node(1)->ctl;

	(void)state;
	become_ready();
	mesh_on_hello(ctl, HELLO_STALL, 0, 0, 1000);
	assert_int_equal(node(1)->says, NEXT_JOINING);
	pass(2000);
	assert_int_equal(node(1)->says, NEXT_READY);
	/* less than the longest dead-ms: some peer waits less, and hello knows which */
	mesh_on_hello(ctl, HELLO_STALL, 0, 0, 200);
	assert_int_equal(node(1)->says, NEXT_JOINING);
	pass(2000);
	assert_int_equal(node(1)->says, NEXT_READY);
}

/* Others tunnel to the same care-of address: what one learned of the path all know. */
static void test_path_mtu(void **state)
{
	struct ctl *ctl = &node(1)->ctl;
	struct ip6_addr coa = addr(COA);

	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	assert_int_equal(
		records_set_mtu(ctl->records, record_at(1, HOA), 1300, ctl->now_ms + 600000), 0);
	mesh_soft(ctl, record_at(1, HOA));
	pass(300);
	assert_int_equal(pmtu_get(node(2)->ctl.pmtu, node(2)->ctl.now_ms, &coa, PMTU_TUNNEL), 1300);
	assert_int_equal(bc_path_mtu(entry_at(2, HOA), 9000), 1300);
}

static void test_end_of_life(void **state)
{
	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	for (unsigned n = 1; n <= SITES; n++)
		node(n)->ctl.now_ms += 600000;
	assert_false(
		mesh_may_end(&node(2)->ctl, record_at(2, HOA))); /* its owner may know better */
	assert_true(mesh_may_end(&node(1)->ctl, record_at(1, HOA)));
	node(2)->ctl.now_ms += 6000;
	assert_true(mesh_may_end(&node(2)->ctl, record_at(2, HOA)));
}

static void test_seen(void **state)
{
	struct seen_pair pair = { .hoa = addr(HOA),
		.ha = addr("2001:db8:a::2"),
		.value = { .ext_seq = 77, .epoch = 1 } };
	struct seen_value v;

	(void)state;
	become_ready();
	assert_int_equal(mesh_seen(&node(2)->ctl, &pair), 0);
	pass(20);
	assert_true(seen_get(mesh_seen_table(&node(1)->ctl), 0, &pair.hoa, &pair.ha, &v));
	assert_int_equal(v.ext_seq, 77);
}

/* --- what the operator says --- */

static bool ask(unsigned n, show_step_fn step, struct ctl_req *req)
{
	jw_init(&req->out, 65536);
	while (step(&node(n)->ctl, req))
		;
	jw_raw(&req->out, "", 1); /* makes it a string */
	return req->status == 0;
}

static void test_drain(void **state)
{
	struct ctl_req drain = { .domain = "msp" }, undrain = { .domain = "" };

	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	assert_true(ask(1, show_drain, &drain));
	assert_string_equal(drain.out.buf, "{\"domain\":\"msp\",\"state\":\"draining\"}\n");
	jw_done(&drain.out);
	assert_int_equal(node(1)->says, NEXT_DRAINING);

	/* as long as something comes it waits */
	for (unsigned i = 0; i < 6; i++) {
		counters.c[DP_COUNTER_DECAPSULATED]++;
		pass(900);
	}
	assert_int_equal(node(1)->says, NEXT_DRAINING);
	pass(2000);
	assert_int_equal(node(1)->says, NEXT_LEFT);
	assert_int_equal(mesh_owner(&node(2)->ctl, record_at(2, HOA)), 2);
	assert_int_equal(mesh_owner(&node(1)->ctl, record_at(1, HOA)), 2);
	assert_int_equal(node(1)->view.site[1].says, NEXT_DRAINING); /* serves until all know */
	assert_true(mesh_serves(&node(1)->ctl, 0));
	node(1)->is_known = true;
	pass(200);
	assert_int_equal(node(1)->view.site[1].says, NEXT_LEFT);
	assert_false(mesh_serves(&node(1)->ctl, 0));

	assert_true(ask(1, show_undrain, &undrain));
	jw_done(&undrain.out);
	pass(3000);
	assert_int_equal(node(1)->says, NEXT_READY);
}

static void test_drain_refused(void **state)
{
	struct ctl_req joining = { .domain = "msp" }, alone = { .domain = "" },
		       force = { .domain = "", .force = true }, wrong = { .domain = "msp2" },
		       none = { .domain = "" };

	(void)state;
	turn();
	assert_false(ask(1, show_drain, &joining));
	assert_non_null(strstr(joining.error, "domain msp is joining"));
	become_ready();
	cut(1, true);
	pass(20);
	assert_false(ask(1, show_drain, &alone));
	assert_int_equal(alone.status, -EHOSTUNREACH);
	assert_int_equal(node(1)->says, NEXT_READY);
	assert_false(ask(1, show_drain, &wrong));
	assert_string_equal(wrong.error, "no such domain: msp2");
	assert_false(ask(1, show_undrain, &none));
	assert_true(ask(1, show_drain, &force));
	assert_int_equal(node(1)->says, NEXT_DRAINING);
	jw_done(&joining.out);
	jw_done(&alone.out);
	jw_done(&force.out);
	jw_done(&wrong.out);
	jw_done(&none.out);
}

/* The exit code of hamctl ready gates a route. */
static void test_ready_or_not(void **state)
{
	struct ctl_req waits = { .domain = "" }, force = { .domain = "msp", .force = true },
		       ready = { .domain = "msp" }, bare = { .force = true }, late = force;
	struct alarm_fact f = { 0 };

	(void)state;
	cut(1, true); /* the other site is not there */
	pass(2900);
	mesh_domain_waits(&node(1)->ctl, &f);
	assert_int_equal(f.value, 0);
	pass(200);
	mesh_domain_waits(&node(1)->ctl, &f);
	assert_int_equal(f.value, 1);
	assert_string_equal(f.detail, "msp waits for tokyo");
	assert_false(ask(1, show_ready, &waits));
	assert_string_equal(waits.error, "not ready: domain msp waits for tokyo");
	assert_string_equal(waits.out.buf, "{\"domain\":\"msp\",\"ready\":false}\n");
	assert_false(ask(1, show_ready, &bare));
	assert_true(ask(1, show_ready, &force));
	pass(50);
	assert_true(ask(1, show_ready, &ready));
	assert_string_equal(ready.out.buf, "{\"domain\":\"msp\",\"ready\":true}\n");
	assert_false(ask(1, show_ready, &late));
	node(1)->ctl.ready = false;
	jw_done(&ready.out);
	assert_false(ask(1, show_ready, &ready));
	node(1)->ctl.ready = true;
	jw_done(&waits.out);
	jw_done(&force.out);
	jw_done(&ready.out);
	jw_done(&bare.out);
	jw_done(&late.out);
}

static uint64_t no_turns(void *ctx, uint32_t lcore)
{
	(void)ctx;
	(void)lcore;
	return 7;
}

static uint32_t same_number(void *ctx, uint32_t lcore)
{
	(void)ctx;
	return lcore;
}

/* A worker that stands still, hello's or another: what control knows of the mesh has not changed, and
 * yet no packet is to be brought here. */
static void test_wedged_is_not_ready(void **state)
{
	const struct still_opts opts = {
		.limit_ms = 500, .lcores = 2, .turns = no_turns, .number = same_number
	};
	struct ctl_req one = { .domain = "msp" }, all = { .domain = "" }, late = { .domain = "" };
	struct ctl *ctl = &node(1)->ctl;

	(void)state;
	pass(200);
	assert_int_equal(still_new(&opts, &ctl->still), 0);
	for (unsigned ms = 0; ms <= 500; ms += STILL_LOOK_MS)
		still_run(ctl->still, START_MS + ms);
	assert_true(ask(1, show_ready, &one));
	still_run(ctl->still, START_MS + 550);
	assert_false(ask(1, show_ready, &all));
	assert_string_equal(all.error, "not ready: lcore 1 has finished no turn for 550 ms");
	assert_string_equal(all.out.buf, "{\"domain\":\"msp\",\"ready\":false}\n");
	node(1)->conf.domain_count = 0; /* nor with nothing to serve */
	assert_false(ask(1, show_ready, &late));
	node(1)->conf.domain_count = 1;
	still_free(ctl->still);
	ctl->still = NULL;
	jw_done(&one.out);
	jw_done(&all.out);
	jw_done(&late.out);
}

static void test_binding_move(void **state)
{
	static const struct {
		const char *hoa, *to, *error;
		unsigned at;
	} rows[] = {
		{ HOA2, "tokyo", "no such binding: " HOA2, 1 },
		{ HOA, "oslo", "no such site: oslo", 1 },
		{ HOA, "paris", "another site owns this binding: ask paris", 2 },
		{ HOA, "tokyo", "", 1 },
		{ HOA, "tokyo", "another site owns this binding: ask tokyo", 1 },
	};

	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	for (size_t i = 0; i < DIM(rows); i++) {
		struct ctl_req req = { .key = addr(rows[i].hoa) };

		snprintf(req.site, sizeof(req.site), "%s", rows[i].to);
		ask(rows[i].at, show_binding_move, &req);
		assert_string_equal(req.error, rows[i].error);
		jw_done(&req.out);
		pass(200);
	}
	assert_int_equal(mesh_owner(&node(1)->ctl, record_at(1, HOA)), 2);
	assert_int_equal(mesh_owner(&node(2)->ctl, record_at(2, HOA)), 2);
}

/* Its owner is gone: whom to ask depends on who answers for it. */
static void test_binding_move_ownerless(void **state)
{
	static const struct {
		uint8_t successor;
		const char *error;
	} rows[] = {
		{ 0, "the site that owns this binding is gone, and no other one has it yet; try "
		     "again" },
		{ 1, "this binding is taken over at this moment; try again" },
		{ 2, "another site owns this binding: ask tokyo" },
	};
	struct domain *d;

	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	records_mesh(node(1)->ctl.records, record_at(1, HOA))->owner.node = 3;
	d = &node(1)->ctl.mesh->engine->domain[0];
	for (size_t i = 0; i < DIM(rows); i++) {
		struct ctl_req req = { .key = addr(HOA), .site = "tokyo" };

		memset(d->successor, rows[i].successor, sizeof(d->successor));
		assert_false(ask(1, show_binding_move, &req));
		assert_string_equal(req.error, rows[i].error);
		jw_done(&req.out);
	}
}

static void test_show_peers(void **state)
{
	struct ctl_req req = { .domain = "" };
	struct hello_info info = { .up = true, .has_rtt = true, .rtt_ms = 12, .offset_ms = -3 };
	uint64_t up[4] = { 1 << 3 };
	static const char *const parts[] = { "\"site\":\"tokyo\"", "\"id\":2", "\"state\":\"up\"",
		"\"rtt-ms\":12", "\"clock-offset-ms\":-3", "\"hears\":[\"paris\",\"node 3\"]",
		"\"tx-datagrams\":7", "\"lag-records\":0",
		"{\"domain\":\"msp\",\"reach\":\"up\",\"says\":\"ready\"}" };

	(void)state;
	become_ready();
	mesh_on_info(&node(1)->ctl, 2, &info, up);
	assert_true(ask(1, show_peers, &req));
	for (size_t i = 0; i < DIM(parts); i++)
		if (strstr(req.out.buf, parts[i]) == NULL)
			fail_msg("%s is not in %s", parts[i], req.out.buf);
	jw_done(&req.out);
}

/* --- what is wrong --- */

static void assert_alarm(
	void (*measure)(struct ctl *ctl, struct alarm_fact *f), uint64_t value, const char *detail)
{
	struct alarm_fact f = { 0 };

	measure(&node(1)->ctl, &f);
	assert_int_equal(f.value, value);
	assert_string_equal(f.detail, detail);
}

static void test_alarms(void **state)
{
	struct ctl *ctl = &node(1)->ctl;

	(void)state;
	become_ready();
	assert_alarm(mesh_peer_down, 0, "");
	assert_alarm(mesh_clock_off, 0, "");
	assert_alarm(mesh_settings_differ, 0, "");
	assert_alarm(mesh_peer_key, 0, "");
	mesh_on_hello(ctl, HELLO_CLOCK, 0, 0, -700);
	assert_alarm(mesh_clock_off, 700, "domain msp: this clock is ahead");
	mesh_on_hello(ctl, HELLO_CLOCK, 0, 0, 0);
	assert_alarm(mesh_clock_off, 0, "");
	mesh_on_hello(ctl, HELLO_DRIFT, 0, 2, 1 << HELLO_SETTING_MODE | 1 << HELLO_SETTING_AUTH);
	assert_alarm(mesh_settings_differ, 2, "tokyo, domain msp: mode,auth");
	mesh_on_hello(ctl, HELLO_DRIFT, 0, 2, 0);
	assert_alarm(mesh_settings_differ, 0, "");
	mesh_on_hello(ctl, HELLO_INCOMPATIBLE, 0, 2, 1);
	assert_alarm(mesh_peer_incompatible, 1, "tokyo");
	mesh_on_hello(ctl, HELLO_INCOMPATIBLE, 0, 2, 0);
	assert_alarm(mesh_peer_incompatible, 0, "");
	node(1)->session = (struct session_info){
		.established = true, .last_failure = SESSION_HANDSHAKE, .failed_ms = ctl->now_ms
	};
	assert_alarm(mesh_peer_key, 0, ""); /* made up by somebody: it is up */
	cut(1, true);
	pass(20);
	assert_alarm(mesh_peer_down, 1, "tokyo");
	assert_alarm(mesh_peer_key, 1, "tokyo");
	node(1)->session.heard_ms = ctl->now_ms; /* what came before was its last life's */
	assert_alarm(mesh_peer_key, 0, "");
	node(1)->session.failed_ms = ctl->now_ms + 1;
	node(1)->session.last_failure = SESSION_REPLAYED;
	assert_alarm(mesh_peer_key, 0, "");
	assert_alarm(mesh_peer_full, 0, "");
	assert_alarm(mesh_records_differ, 0, "");
}

/* It hears us and is not told to be up to date by anybody. */
static void test_behind(void **state)
{
	(void)state;
	become_ready();
	assert_alarm(mesh_peer_behind, 0, "");
	accept(1, HOA, COA, 7, false);
	for (unsigned i = 0; i < 60; i++) { /* what the other one sends is lost */
		node(1)->ctl.now_ms += 10;
		queued = 0;
		turn_one(node(1));
	}
	assert_true(mesh_behind_ms(&node(1)->ctl, 2) >= 400);
	assert_alarm(mesh_peer_behind, mesh_behind_ms(&node(1)->ctl, 2), "tokyo");
	pass(2000);
	assert_alarm(mesh_peer_behind, 0, "");
}

/* Every event has words, and a line of any length is one. */
static void test_words(void **state)
{
	struct ctl *ctl = &node(1)->ctl;

	(void)state;
	log_set_level(LOG_DEBUG);
	for (enum engine_event e = 0; e < ENGINE_EV_COUNT; e++)
		mesh_say(ctl, e, 0, 2, UINT64_MAX * (e != ENGINE_EV_STATE));
	for (enum hello_event e = 0; e <= HELLO_STALL; e++)
		for (int64_t value = 0; value < 3; value++)
			mesh_say_hello(ctl, e, 0, 2, value);
	mesh_say(ctl, ENGINE_EV_HELD_OUT, 0, 99, 0); /* of no name */
	log_set_level(LOG_ERR);
	assert_string_equal(mesh_site_name(ctl, 99), "node 99");
	assert_int_equal(mesh_find_site(ctl, "paris"), 1);
	assert_int_equal(mesh_find_site(ctl, "tokyo"), 2);
	assert_int_equal(mesh_find_site(ctl, "oslo"), 0);
}

/* A site that two others agree against about the time does not become ready, nor less ready. */
static void test_clock(void **state)
{
	struct ctl *ctl = &node(1)->ctl;

	(void)state;
	mesh_on_hello(ctl, HELLO_CLOCK, 0, 0, 700);
	pass(2000);
	assert_int_equal(node(1)->says, NEXT_JOINING);
	mesh_on_hello(ctl, HELLO_CLOCK, 0, 0, 0);
	pass(2000);
	assert_int_equal(node(1)->says, NEXT_READY);
	mesh_on_hello(ctl, HELLO_CLOCK, 0, 0, 700);
	pass(200);
	assert_int_equal(node(1)->says, NEXT_READY);
}

/* --- settings --- */

static void test_settings(void **state)
{
	uint32_t a[HELLO_SETTING_COUNT], b[HELLO_SETTING_COUNT];
	struct conf_domain *d = &node(2)->domain;
	char names[80];

	(void)state;
	mesh_settings(&node(1)->ctl, 0, a);
	mesh_settings(&node(2)->ctl, 0, b);
	assert_memory_equal(a, b, sizeof(a)); /* each names itself and the other one */
	d->mode = CONF_MODE_SHARED;
	d->delivery = CONF_DELIVERY_PRIMARY;
	d->lifetime_max_s++;
	d->limits.max_bindings++;
	d->ack_peers = 2;
	d->remember_sequence = true;
	node(2)->served.len = 49;
	node(2)->peer.retired = true;
	node(2)->conf.mesh.dead_ms++;
	mesh_settings(&node(2)->ctl, 0, b);
	for (unsigned i = 0; i < HELLO_SETTING_COUNT; i++)
		if (i != HELLO_SETTING_AUTH && a[i] == b[i])
			fail_msg("%s counts for nothing", hello_setting_name(i));
	assert_string_equal(mesh_setting_names(1 << HELLO_SETTING_DEAD | 1 << HELLO_SETTING_MODE,
				    names, sizeof(names)),
		"mode,dead-ms");
	assert_string_equal(mesh_setting_names(UINT32_MAX, names, 10), "mode");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_ready),
		T(test_replicated),
		T(test_moved_to_the_other_site),
		T(test_ended),
		T(test_no_room_to_publish),
		T(test_fence),
		T(test_taken_over),
		T(test_alone),
		T(test_stood_still),
		T(test_path_mtu),
		T(test_end_of_life),
		T(test_seen),
		T(test_drain),
		T(test_drain_refused),
		T(test_ready_or_not),
		T(test_wedged_is_not_ready),
		T(test_binding_move),
		T(test_binding_move_ownerless),
		T(test_show_peers),
		T(test_alarms),
		T(test_behind),
		T(test_words),
		T(test_clock),
		T(test_settings),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
