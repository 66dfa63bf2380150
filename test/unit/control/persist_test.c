/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the store is told, and what is made of what it tells: persist.c and persist_load.c over the
 * real records, tables and feed. The test is the store's end of the feed.
 */
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

static struct {
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

static int64_t clock_set_ms;
static uint64_t ahead_ms; /* of control's clock, which stands still during a turn */

int clock_gettime(clockid_t id, struct timespec *ts)
{
	uint64_t ms = t.ctl.now_ms + ahead_ms;

	if (id == CLOCK_REALTIME)
		ms += START_UNIX_MS - START_MS + (uint64_t)clock_set_ms;
	*ts = (struct timespec){ (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
	return 0;
}

/* Nobody else runs: waiting would help nobody. */
int nanosleep(const struct timespec *want, struct timespec *left)
{
	(void)want;
	(void)left;
	return 0;
}

static struct ip6_addr hoa_of(unsigned n)
{
	struct ip6_addr a = addr("2001:db8:a::");

	a.b[13] = 1;
	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

static struct ip6_addr coa_of(unsigned n)
{
	struct ip6_addr a = addr("2001:db8:c::");

	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

/* --- a home agent --- */

static void set_route(const char *text, enum fib_kind kind, uint32_t index)
{
	struct ip6_prefix p = prefix(text);

	assert_int_equal(fib_set(t.tables.fib, &p, fib_value(kind, index)), 0);
}

/* Domain 0 serves a range, and one mobile node with a key; domain 1 one mobile node. */
static void subscribe(void)
{
	struct subs_opts opts = { .max = 10, .domains = 2, .seed = 1 };
	struct sub sub = { .lifetime_max_s = 600, .key = SUB_NO_KEY };
	struct ip6_prefix range = prefix("2001:db8:a::/64");
	struct ip6_addr keyed = addr("2001:db8:a::100"), other = addr("2001:db8:b::100");
	struct mac_key *key;
	struct sub_place there;

	assert_int_equal(subs_new(&opts, &t.ctl.subs), 0);
	assert_int_equal(subs_add_range(t.ctl.subs, &range, &sub, 0), 0);
	sub.domain = 1;
	assert_int_equal(
		subs_add(t.ctl.subs, &other, &sub, (struct sub_place){ SUB_NODE, 0 }, &there), 0);
	sub.domain = 0;
	assert_int_equal(subs_add_key(t.ctl.subs, &key, &sub.key), 0);
	sub.auth = SUB_AUTH_MN_HA;
	assert_int_equal(
		subs_add(t.ctl.subs, &keyed, &sub, (struct sub_place){ SUB_NODE, 0 }, &there), 0);
	subs_seal(t.ctl.subs);
}

static void make_conf(void)
{
	t.served[0] = prefix("2001:db8:a::/48");
	t.served[1] = prefix("2001:db8:b::/48");
	t.denied = prefix("2001:db8:bad::/48");
	for (unsigned d = 0; d < 2; d++)
		t.domains[d] = (struct conf_domain){
			.mobile_prefixes = &t.served[d],
			.mobile_prefix_count = 1,
			.home_agent_address = addr(d == 0 ? "2001:db8:a::1" : "2001:db8:b::1"),
			.lifetime_max_s = 600,
			.ack_peers = d == 0 ? CONF_ACK_STORE : CONF_ACK_NONE,
			.care_of_denied = &t.denied,
			.care_of_denied_count = 1,
		};
	for (unsigned d = 0; d < 2; d++)
		snprintf(t.domains[d].name, sizeof(t.domains[d].name), "%s",
			d == 0 ? "alpha" : "beta");
	t.conf.domains = t.domains;
	t.conf.domain_count = 2;
	t.conf.runtime.max_bindings = MAX;
	t.conf.store.path = (char *)"/s";
	t.conf.store.sync_ms = 10;
	t.conf.store.counters_s = 60;
}

static void make_tables(void)
{
	size_t rcu_bytes = rte_rcu_qsbr_get_memsize(1);

	t.tables.rcu = aligned_alloc(64, (rcu_bytes + 63) & ~63ul);
	assert_int_equal(rte_rcu_qsbr_init(t.tables.rcu, 1), 0);
	assert_int_equal(dq_new(t.tables.rcu, DQ_SIZE, &t.tables.dq), 0);
	assert_int_equal(
		bc_new(&(struct bc_opts){ .max = MAX, .seed = 1 }, t.tables.dq, &t.tables.bc), 0);
	assert_int_equal(
		fib_new(&(struct fib_opts){ .max_routes = 16 }, t.tables.dq, &t.tables.fib), 0);
	set_route("2001:db8:a::1/128", FIB_HOME_AGENT, 0);
	set_route("2001:db8:a::/48", FIB_DOMAIN, 0);
	set_route("2001:db8:b::/48", FIB_DOMAIN, 1);
	set_route("2001:db8:c:1::ff/128", FIB_LOCAL, 0);
	set_route("::/0", FIB_VIA, 7);
	assert_int_equal(addrs_new(8, &t.tables.addrs), 0);
}

static void make_control(void)
{
	struct records_opts opts = { .max = MAX + 500, .seed = 1, .now_ms = START_MS };

	t.ctl.conf = &t.conf;
	t.ctl.t = &t.tables;
	t.ctl.now_ms = START_MS;
	t.ctl.ntp = ntp_now();
	t.ctl.seed = 1;
	assert_int_equal(records_new(&opts, &t.ctl.records), 0);
	assert_int_equal(pmtu_new(1000, 1, &t.ctl.pmtu), 0);
	subscribe();
	assert_int_equal(mip6_new(&t.ctl, &t.ctl.mip6), 0);
	assert_int_equal(persist_new(&t.ctl, &t.ctl.persist), 0);
	t.feed = ctl_feed(&t.ctl);
}

static int setup(void **state)
{
	(void)state;
	log_set_level(LOG_ERR);
	memset(&t, 0, sizeof(t));
	clock_set_ms = 0;
	ahead_ms = 0;
	t.ctl.now_ms = START_MS;
	make_conf();
	make_tables();
	make_control();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(t.ctl.load);
	persist_free(&t.ctl, t.ctl.persist);
	mip6_free(t.ctl.mip6);
	subs_free(t.ctl.subs);
	records_free(t.ctl.records);
	pmtu_free(t.ctl.pmtu);
	addrs_free(t.tables.addrs);
	bc_free(t.tables.bc);
	fib_free(t.tables.fib);
	dq_free(t.tables.dq);
	free(t.tables.rcu);
	return 0;
}

/* Binds, refreshes or moves. */
static struct record *bind(unsigned n, unsigned coa, uint32_t lifetime_s)
{
	struct ip6_addr hoa = hoa_of(n), to = coa_of(coa);
	struct record *r = records_find(t.ctl.records, 0, &hoa);
	struct record next;

	if (r == NULL)
		r = records_add(t.ctl.records, 0, &hoa);
	assert_non_null(r);
	next = *r;
	next.coa = to;
	next.ha = t.domains[0].home_agent_address;
	assert_int_equal(publish(&t.ctl, &next), 0);
	r->ha = next.ha;
	r->seq++;
	r->lifetime_s = lifetime_s;
	if (r->state != RECORD_LIVE)
		r->since_ms = t.ctl.now_ms;
	records_set(t.ctl.records, r, RECORD_LIVE, &to, t.ctl.now_ms + 1000ULL * lifetime_s);
	dq_drain(t.tables.dq);
	return r;
}

static uint64_t unix_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* What waits in the feed. */
static uint32_t waiting(void)
{
	uint32_t n = 0;

	while (feed_peek(t.feed, n) != NULL)
		n++;
	return n;
}

static void start(void)
{
	struct ctl_past past = { 0 };

	assert_int_equal(ctl_loaded(&t.ctl, &past, t.err, sizeof(t.err)), 0);
}

/* --- telling --- */

static void test_image(void **state)
{
	const struct feed_item *it;
	struct ip6_addr want;
	struct record *r;

	(void)state;
	start();
	t.ctl.now_ms += 5000;
	r = bind(1, 2, 100);
	r->flags = 0xc000;
	r->seq = 77;
	r->session = 99;
	bc_count_to(bc_find(t.tables.bc, &r->hoa), 3, 300);
	bc_count_from(bc_find(t.tables.bc, &r->hoa), 4, 400);
	assert_true(persist_is_behind(&t.ctl, r));
	assert_int_equal(persist_mark(&t.ctl), 1);
	assert_true(persist_run(&t.ctl));
	assert_false(persist_is_behind(&t.ctl, r));
	assert_int_equal(waiting(), 1);
	it = feed_peek(t.feed, 0);
	assert_int_equal(it->kind, FEED_RECORD);
	assert_int_equal(it->mark, 1);
	want = hoa_of(1);
	assert_true(ip6_eq(&it->image.hoa, &want));
	want = coa_of(2);
	assert_true(ip6_eq(&it->image.coa, &want));
	assert_true(ip6_eq(&it->image.ha, &t.domains[0].home_agent_address));
	assert_int_equal(it->image.ends_ms, START_UNIX_MS + 105000);
	assert_int_equal(it->image.since_ms, START_UNIX_MS + 5000);
	assert_int_equal(it->image.lifetime_s, 100);
	assert_int_equal(it->image.seq, 77);
	assert_int_equal(it->image.flags, 0xc000);
	assert_int_equal(it->image.session, 99);
	assert_int_equal(it->image.state, RECORD_LIVE);
	assert_int_equal(it->image.domain, 0);
	assert_int_equal(it->image.packets_to, 3);
	assert_int_equal(it->image.bytes_to, 300);
	assert_int_equal(it->image.packets_from, 4);
	assert_int_equal(it->image.bytes_from, 400);
	assert_true(it->image.ntp_last == mip6_stamp(&t.ctl, 0, &r->hoa));
	feed_take(t.feed, 1);
	assert_false(persist_run(&t.ctl));
	assert_int_equal(waiting(), 0);
}

/* Once, as it is when it is handed over, however often it changed; a tombstone too. */
static void test_coalesced(void **state)
{
	struct record *r = NULL;

	(void)state;
	start();
	for (unsigned i = 0; i < 10; i++)
		r = bind(1, i, 100);
	assert_int_equal(mip6_withdraw(&t.ctl, r, ACCT_CAUSE_DELETED), 0);
	persist_run(&t.ctl);
	assert_int_equal(waiting(), 1);
	assert_int_equal(feed_peek(t.feed, 0)->image.state, RECORD_TOMBSTONE);
	assert_int_equal(feed_peek(t.feed, 0)->image.seq, 10);
	assert_int_equal(t.ctl.counters[CTL_STORE_RECORDS], 1);
	assert_int_equal(t.ctl.counters[CTL_STORE_COALESCED], 10);
}

/* One that is gone before it was told: whoever waits for its number is not kept waiting. */
static void test_gone(void **state)
{
	struct record *r;

	(void)state;
	start();
	bind(1, 1, 100);
	r = bind(2, 2, 100);
	records_del(t.ctl.records, r);
	assert_true(persist_run(&t.ctl));
	assert_int_equal(waiting(), 2);
	assert_int_equal(feed_peek(t.feed, 0)->kind, FEED_RECORD);
	assert_int_equal(feed_peek(t.feed, 1)->kind, FEED_MARK);
	assert_int_equal(feed_peek(t.feed, 1)->mark, persist_mark(&t.ctl));
	feed_take(t.feed, 2);
	assert_false(persist_run(&t.ctl));
	assert_int_equal(waiting(), 0);
	/* its number goes to another */
	r = bind(3, 3, 100);
	assert_int_equal(r->handle, 2);
	persist_run(&t.ctl);
	assert_int_equal(waiting(), 1);
	assert_int_equal(feed_peek(t.feed, 0)->image.coa.b[15], 3);
}

/* A store that takes nothing: no more than the feed is told, each record waits once, nothing is
 * forgotten, and what ended meanwhile stays until it was told. */
static void test_stalled(void **state)
{
	unsigned told = 0;
	struct record *r;

	(void)state;
	start();
	for (unsigned round = 0; round < 4; round++) {
		for (unsigned n = 0; n < MAX; n++)
			bind(n, round, round == 3 ? 10 : 100);
		while (persist_run(&t.ctl))
			;
		assert_in_range(waiting(), MAX, FEED);
	}
	assert_int_equal(waiting(), FEED);
	r = bind(MAX - 1, 9, 10);
	assert_true(persist_is_behind(&t.ctl, r));
	t.ctl.now_ms += 20000; /* all are over */
	for (unsigned i = 0; i < 100; i++)
		mip6_expire(&t.ctl);
	assert_null(bc_find(t.tables.bc, &r->hoa)); /* no traffic any more */
	assert_ptr_equal(records_at(t.ctl.records, r->handle), r);
	assert_in_range(records_live(t.ctl.records), 1, MAX);
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_EXPIRED] + records_live(t.ctl.records), MAX);
	/* the store comes back */
	while (persist_run(&t.ctl) || waiting() > 0) {
		uint32_t n = waiting();

		for (uint32_t i = 0; i < n; i++)
			told += feed_peek(t.feed, i)->image.lifetime_s == 10;
		feed_take(t.feed, n);
	}
	assert_int_equal(told, MAX);
	for (unsigned i = 0; i < 100; i++) {
		t.ctl.now_ms += 1000;
		mip6_expire(&t.ctl);
	}
	assert_int_equal(records_live(t.ctl.records), 0);
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_EXPIRED], MAX);
}

/* --- all of it --- */

static void sync_all(void)
{
	uint32_t n = waiting();

	feed_take(t.feed, n);
	feed_set_written(t.feed, persist_mark(&t.ctl));
	feed_set_synced(t.feed, persist_mark(&t.ctl), feed_count(t.feed));
}

static void test_walk(void **state)
{
	unsigned records = 0, turns = 0;

	(void)state;
	start();
	for (unsigned n = 0; n < 1000; n++)
		bind(n, n, 100);
	while (persist_run(&t.ctl))
		;
	sync_all();
	assert_false(persist_run(&t.ctl));
	feed_want_all(t.feed);
	while (persist_run(&t.ctl))
		turns++;
	assert_in_range(turns, 5, 20); /* slices */
	assert_int_equal(waiting(), 1002);
	assert_int_equal(feed_peek(t.feed, 0)->kind, FEED_BEGIN);
	assert_int_equal(feed_peek(t.feed, 1001)->kind, FEED_END);
	for (uint32_t i = 1; i <= 1000; i++)
		records += feed_peek(t.feed, i)->kind == FEED_RECORD;
	assert_int_equal(records, 1000);
}

/* It goes no further than the disk follows, but always as far as records change. */
static void test_walk_waits_for_the_disk(void **state)
{
	uint32_t before;

	(void)state;
	start();
	for (unsigned n = 0; n < MAX; n++)
		bind(n, n, 100);
	for (unsigned n = 0; n < 500; n++)
		mip6_withdraw(&t.ctl, bind(n, n, 100), ACCT_CAUSE_DELETED);
	for (unsigned n = MAX; n < MAX + 400; n++)
		bind(n, n, 100);
	while (persist_run(&t.ctl))
		;
	sync_all();
	feed_want_all(t.feed);
	while (persist_run(&t.ctl))
		;
	before = waiting();
	assert_in_range(before, 4096, 4096 + 256);
	for (unsigned n = 600; n < 610; n++)
		bind(n, 1, 100);
	assert_true(persist_run(&t.ctl));
	assert_int_equal(waiting(), before + 20);
	feed_set_synced(t.feed, 0, feed_count(t.feed));
	while (persist_run(&t.ctl))
		;
	assert_int_equal(feed_peek(t.feed, waiting() - 1)->kind, FEED_END);
}

static unsigned count_kind(enum feed_kind kind)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < waiting(); i++)
		n += feed_peek(t.feed, i)->kind == kind;
	return n;
}

/* A file grows to twice of what there is, and 16384. */
static void test_grown(void **state)
{
	unsigned changes = 0;

	(void)state;
	start();
	for (; changes < 16384 + 2 * 100; changes++) {
		bind(changes % 100, changes, 100);
		persist_run(&t.ctl);
		assert_int_equal(count_kind(FEED_BEGIN), 0);
		sync_all();
	}
	persist_run(&t.ctl);
	assert_int_equal(count_kind(FEED_BEGIN), 1);
	while (persist_run(&t.ctl))
		;
	sync_all();
	/* and again when most of it is gone */
	for (unsigned n = 0; n < MAX; n++)
		bind(n, n, 20);
	for (unsigned i = 0; i < 16384; i++) {
		bind(i % 100, i, 20);
		persist_run(&t.ctl);
		assert_int_equal(count_kind(FEED_BEGIN), 0);
		sync_all();
	}
	t.ctl.now_ms += 30000;
	t.ctl.ntp += 30 * NTP_SECOND;
	for (unsigned i = 0; i < 100; i++)
		mip6_expire(&t.ctl);
	persist_run(&t.ctl);
	assert_int_equal(count_kind(FEED_BEGIN), 1);
}

static void test_clock_set(void **state)
{
	(void)state;
	start();
	bind(1, 1, 100);
	persist_run(&t.ctl);
	sync_all();
	clock_set_ms = -1500;
	persist_run(&t.ctl);
	assert_int_equal(waiting(), 0);
	clock_set_ms = -2500;
	persist_run(&t.ctl);
	while (persist_run(&t.ctl))
		;
	assert_int_equal(count_kind(FEED_BEGIN), 1);
	/* images are by the clock of the start, whatever becomes of the time of day */
	assert_int_equal(feed_peek(t.feed, 1)->image.ends_ms, START_UNIX_MS + 100000);
	assert_int_equal(ctl_store_clock(&t.ctl), START_UNIX_MS - START_MS);
	sync_all();
	persist_run(&t.ctl);
	assert_int_equal(waiting(), 0);
	clock_set_ms = 1000000;
	persist_run(&t.ctl);
	assert_int_equal(count_kind(FEED_BEGIN), 1);
}

/* The start waits for the store, while control's clock stands still: nothing was set by that. */
static void test_clock_stands_still(void **state)
{
	(void)state;
	start();
	bind(1, 1, 100);
	persist_run(&t.ctl);
	sync_all();
	ahead_ms = 10000;
	persist_run(&t.ctl);
	assert_int_equal(waiting(), 0);
	t.ctl.now_ms += ahead_ms;
	ahead_ms = 0;
	persist_run(&t.ctl);
	assert_int_equal(waiting(), 0);
}

static void test_failure(void **state)
{
	(void)state;
	start();
	for (unsigned n = 0; n < 1000; n++)
		bind(n, n, 100);
	while (persist_run(&t.ctl))
		;
	sync_all();
	feed_want_all(t.feed);
	persist_run(&t.ctl);
	assert_int_equal(count_kind(FEED_BEGIN), 1);
	/* fails in the middle of it */
	feed_fail(t.feed);
	feed_stat_set(t.feed, FEED_STAT_FAILED, 1);
	feed_stat_set(t.feed, FEED_STAT_FAILURES, 1);
	feed_take(t.feed, waiting());
	assert_true(persist_has_failed(&t.ctl));
	assert_false(persist_run(&t.ctl));
	assert_int_equal(t.ctl.counters[CTL_STORE_FAILURES], 1);
	/* what changes is told all the same, and thrown away there */
	bind(1, 1, 100);
	assert_true(persist_run(&t.ctl));
	assert_int_equal(waiting(), 1);
	feed_take(t.feed, 1);
	feed_stat_set(t.feed, FEED_STAT_FAILED, 0);
	feed_want_all(t.feed);
	feed_set_synced(t.feed, 0, feed_count(t.feed));
	while (persist_run(&t.ctl))
		;
	assert_int_equal(waiting(), 1002);
}

/* Traffic alone is told within counters-s, and each record once in that time. */
static void test_counters(void **state)
{
	struct ip6_addr a = hoa_of(7);
	unsigned told = 0;

	(void)state;
	start();
	for (unsigned n = 0; n < 1000; n++)
		bind(n, n, 600);
	while (persist_run(&t.ctl))
		;
	sync_all();
	bc_count_to(bc_find(t.tables.bc, &a), 1, 100);
	for (unsigned s = 0; s < 121; s++) {
		persist_run(&t.ctl);
		for (uint32_t i = 0; i < waiting(); i++) {
			const struct feed_item *it = feed_peek(t.feed, i);

			told++;
			assert_true(ip6_eq(&it->image.hoa, &a));
			assert_int_equal(it->image.packets_to, 1);
		}
		sync_all();
		t.ctl.now_ms += 1000;
	}
	assert_int_equal(told, 1);
}

/* --- a model: the store as a table of images --- */

#define KEYS 60

struct view {
	bool is_there;
	struct record_image image;
};

static struct {
	struct view old[KEYS], now[KEYS]; /* files that are needed until all is written anew */
	bool failed;
} model;

static unsigned key_of(const struct record_image *r)
{
	return (unsigned)r->hoa.b[14] << 8 | r->hoa.b[15];
}

static void model_take(const struct feed_item *it)
{
	if (it->kind == FEED_BEGIN) {
		for (unsigned k = 0; k < KEYS; k++)
			if (model.now[k].is_there)
				model.old[k] = model.now[k];
		memset(model.now, 0, sizeof(model.now));
	} else if (it->kind == FEED_END) {
		memset(model.old, 0, sizeof(model.old));
	} else {
		assert_true(key_of(&it->image) < KEYS);
		model.now[key_of(&it->image)] = (struct view){ true, it->image };
	}
}

static void model_consume(uint64_t n)
{
	const struct feed_item *it;

	for (; n > 0 && (it = feed_peek(t.feed, 0)) != NULL; n--) {
		if (!model.failed) {
			model_take(it);
			feed_set_written(t.feed, it->mark);
			feed_set_synced(t.feed, it->mark, feed_count(t.feed));
		}
		feed_take(t.feed, 1);
	}
}

/* What would be read now, at rest: every record, and nothing that is not over. */
static void model_check(void)
{
	for (unsigned k = 0; k < KEYS; k++) {
		const struct view *v = model.now[k].is_there ? &model.now[k] : &model.old[k];
		struct ip6_addr hoa = hoa_of(k);
		const struct record *r = records_find(t.ctl.records, 0, &hoa);

		if (r == NULL) {
			/* its end is no news */
			assert_true(!v->is_there || v->image.ends_ms <= unix_ms());
			continue;
		}
		assert_true(v->is_there);
		assert_true(ip6_eq(&v->image.coa, &r->coa));
		assert_int_equal(v->image.seq, r->seq);
		assert_int_equal(v->image.state, r->state);
		assert_int_equal(v->image.ends_ms - unix_ms(), r->ends_ms - t.ctl.now_ms);
	}
}

static void model_settle(void)
{
	if (model.failed) {
		model.failed = false;
		feed_stat_set(t.feed, FEED_STAT_FAILED, 0);
		feed_want_all(t.feed);
	}
	feed_set_synced(t.feed, feed_written(t.feed), feed_count(t.feed));
	for (unsigned i = 0; i < 3; i++)
		while (persist_run(&t.ctl) || waiting() > 0)
			model_consume(UINT64_MAX);
	model_check();
}

static void model_change(uint64_t *rng)
{
	unsigned k = (unsigned)rng_below(rng, KEYS);
	struct ip6_addr hoa = hoa_of(k);
	struct record *r = records_find(t.ctl.records, 0, &hoa);

	if (rng_below(rng, 4) == 0 && r != NULL && r->state == RECORD_LIVE)
		assert_int_equal(mip6_withdraw(&t.ctl, r, ACCT_CAUSE_DELETED), 0);
	else
		bind(k, (unsigned)rng_below(rng, 100), 4 + (uint32_t)rng_below(rng, 60));
	dq_drain(t.tables.dq);
}

static void test_model(void **state)
{
	uint64_t rng = rng_start("persist");

	(void)state;
	memset(&model, 0, sizeof(model));
	start();
	for (unsigned step = 0; step < 30000; step++) {
		switch (rng_below(&rng, 12)) {
		case 0:
			t.ctl.now_ms += rng_below(&rng, 300);
			mip6_expire(&t.ctl);
			break;
		case 1:
			feed_want_all(t.feed);
			break;
		case 2:
			if (rng_below(&rng, 50) > 0)
				break;
			model.failed = true;
			feed_fail(t.feed);
			feed_stat_set(t.feed, FEED_STAT_FAILED, 1);
			break;
		case 3:
			if (rng_below(&rng, 30) == 0)
				model_settle();
			break;
		case 4:
		case 5:
			persist_run(&t.ctl);
			break;
		case 6:
			model_consume(rng_below(&rng, 100));
			break;
		default:
			model_change(&rng);
		}
	}
	model_settle();
}

/* --- reading --- */

static struct record_image image_of(unsigned n)
{
	return (struct record_image){
		.hoa = hoa_of(n),
		.ha = t.domains[0].home_agent_address,
		.coa = coa_of(n),
		.ends_ms = unix_ms() + 50000,
		.since_ms = unix_ms() - 30000,
		.lifetime_s = 100,
		.seq = (uint16_t)(1000 + n),
		.flags = 0xc000,
		.state = RECORD_LIVE,
		.packets_to = n,
		.bytes_to = 10 * n,
		.packets_from = 2 * n,
		.bytes_from = 20 * n,
		.session = n,
	};
}

static void load(struct record_image image)
{
	assert_int_equal(ctl_load_record(&t.ctl, 0, &image), 0);
}

static struct record *record_of(unsigned n)
{
	struct ip6_addr hoa = hoa_of(n);

	return records_find(t.ctl.records, 0, &hoa);
}

static void test_load(void **state)
{
	const struct bc_entry *e;
	struct bc_counts c;
	struct record *r;

	(void)state;
	ctl_load_clock(&t.ctl, unix_ms());
	assert_int_equal(ctl_load_domain(&t.ctl, "alpha"), 0);
	assert_int_equal(ctl_load_domain(&t.ctl, "beta"), 1);
	assert_int_equal(ctl_load_domain(&t.ctl, "gamma"), -1);
	load(image_of(5));
	start();
	r = record_of(5);
	assert_non_null(r);
	assert_int_equal(r->state, RECORD_LIVE);
	assert_int_equal(r->seq, 1005);
	assert_int_equal(r->flags, 0xc000);
	assert_int_equal(r->lifetime_s, 100);
	assert_int_equal(r->session, 5);
	assert_int_equal(r->ends_ms, START_MS + 50000);
	assert_int_equal(r->since_ms, START_MS - 30000);
	e = bc_find(t.tables.bc, &r->hoa);
	assert_non_null(e);
	assert_true(ip6_eq(&e->coa, &r->coa) && ip6_eq(&e->ha, &r->ha));
	bc_counts(t.tables.bc, e, &c);
	assert_int_equal(c.packets_to, 5);
	assert_int_equal(c.bytes_to, 50);
	assert_int_equal(c.packets_from, 10);
	assert_int_equal(c.bytes_from, 100);
	assert_int_equal(t.ctl.counters[CTL_STORE_LOADED], 1);
	/* reading is no change */
	assert_false(persist_run(&t.ctl));
	assert_int_equal(waiting(), 0);
}

/* A time long before this start of the machine: since_ms wraps, and is still right by difference. */
static void test_load_older_than_the_machine(void **state)
{
	struct record_image image = image_of(1);

	(void)state;
	image.since_ms = unix_ms() - 10ULL * START_MS;
	ctl_load_clock(&t.ctl, unix_ms());
	load(image);
	start();
	assert_int_equal(t.ctl.now_ms - record_of(1)->since_ms, 10ULL * START_MS);
}

/* The last one counts, whatever it is. */
static void test_load_later_ones(void **state)
{
	struct record_image image = image_of(1);

	(void)state;
	ctl_load_clock(&t.ctl, unix_ms());
	load(image); /* 1: moved */
	image.coa = coa_of(77);
	image.seq++;
	image.packets_to = 1234;
	load(image);
	load(image_of(2)); /* 2: de-registered */
	image = image_of(2);
	image.state = RECORD_TOMBSTONE;
	image.ends_ms = unix_ms() + 5000;
	load(image);
	load(image_of(3)); /* 3: de-registered, and that is over */
	image = image_of(3);
	image.state = RECORD_TOMBSTONE;
	image.ends_ms = unix_ms() - 1;
	load(image);
	load(image_of(4)); /* 4: asked for less time the second time */
	image = image_of(4);
	image.lifetime_s = 4;
	image.ends_ms = unix_ms() - 1;
	load(image);
	load(image_of(5)); /* 5: moved to where nobody may be today */
	image = image_of(5);
	image.coa = addr("2001:db8:bad::1");
	load(image);
	image = image_of(6); /* 6: came back */
	image.state = RECORD_TOMBSTONE;
	image.ends_ms = unix_ms() + 5000;
	load(image);
	load(image_of(6));
	start();
	assert_int_equal(records_live(t.ctl.records), 2);
	assert_int_equal(records_tombstones(t.ctl.records), 1);
	assert_int_equal(record_of(1)->seq, 1002);
	assert_non_null(bc_find(t.tables.bc, &record_of(1)->hoa));
	assert_int_equal(bc_find(t.tables.bc, &record_of(1)->hoa)->packets_to, 1234);
	assert_int_equal(record_of(2)->state, RECORD_TOMBSTONE);
	assert_null(bc_find(t.tables.bc, &record_of(2)->hoa));
	assert_null(record_of(3));
	assert_null(record_of(4));
	assert_null(record_of(5));
	assert_int_equal(record_of(6)->state, RECORD_LIVE);
	assert_int_equal(bc_count(t.tables.bc), 2);
	for (unsigned n = 1; n <= 6; n++) {
		struct ip6_addr coa = coa_of(n);

		assert_int_equal(records_at_coa(t.ctl.records, &coa), n == 6);
	}
}

/* The care-of address of one that was ended from home is the home address: nothing is sent there. */
static void test_load_ended_at_home(void **state)
{
	struct record_image image = image_of(1);

	(void)state;
	ctl_load_clock(&t.ctl, unix_ms());
	load(image);
	image.state = RECORD_TOMBSTONE;
	image.coa = image.hoa;
	load(image);
	start();
	assert_non_null(record_of(1));
	assert_int_equal(record_of(1)->state, RECORD_TOMBSTONE);
	assert_int_equal(t.ctl.counters[CTL_STORE_LEFT_OUT], 0);
}

/* What the configuration has no place for. */
static const struct {
	const char *name, *hoa, *ha, *coa;
	int domain;
	bool fits;
} places[] = {
	{ "as it was", "2001:db8:a::7", "2001:db8:a::1", "2001:db8:c::1", 0, true },
	{ "another domain's", "2001:db8:b::100", "2001:db8:b::1", "2001:db8:c::1", 1, true },
	{ "no such domain", "2001:db8:a::7", "2001:db8:a::1", "2001:db8:c::1", -1, false },
	{ "no such mobile node", "2001:db8:b::101", "2001:db8:b::1", "2001:db8:c::1", 1, false },
	{ "outside the range", "2001:db8:a:1::7", "2001:db8:a::1", "2001:db8:c::1", 0, false },
	{ "the home agent itself", "2001:db8:a::1", "2001:db8:a::1", "2001:db8:c::1", 0, false },
	{ "another home agent address", "2001:db8:a::7", "2001:db8:a::2", "2001:db8:c::1", 0,
		false },
	{ "denied care-of address", "2001:db8:a::7", "2001:db8:a::1", "2001:db8:bad::1", 0, false },
	{ "care-of address is ours", "2001:db8:a::7", "2001:db8:a::1", "2001:db8:c:1::ff", 0,
		false },
	{ "care-of address at home", "2001:db8:a::7", "2001:db8:a::1", "2001:db8:b::9", 0, false },
};

static void test_load_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(places); i++) {
		struct record_image image = image_of(0);
		uint64_t left_out = t.ctl.counters[CTL_STORE_LEFT_OUT];

		teardown(NULL);
		setup(NULL);
		image.hoa = addr(places[i].hoa);
		image.ha = addr(places[i].ha);
		image.coa = addr(places[i].coa);
		ctl_load_clock(&t.ctl, unix_ms());
		assert_int_equal(ctl_load_record(&t.ctl, places[i].domain, &image), 0);
		start();
		left_out = t.ctl.counters[CTL_STORE_LEFT_OUT];
		if (records_live(t.ctl.records) != places[i].fits || left_out != !places[i].fits)
			fail_msg("%s: %u bound, %u left out", places[i].name,
				records_live(t.ctl.records), (unsigned)left_out);
	}
}

/* How long is left, of a lifetime of 100 s granted at the 0 of the clock that the store has. */
static const struct {
	const char *name;
	int64_t now_s, left_s;
	bool tombstone;
} clocks[] = {
	{ "at once", 0, 100, false },
	{ "later", 60, 40, false },
	{ "the last moment", 99, 1, false },
	{ "over", 100, 0, false },
	{ "long over", 1000000000, 0, false },
	{ "granted by a clock that is ahead", -1, 100, false },
	{ "granted by a clock that is years ahead", -1000000000, 100, false },
	{ "tombstone", 3, 7, true },
	{ "tombstone of a clock that is ahead", -500, 10, true },
	{ "tombstone, over", 10, 0, true },
};

static void test_load_clocks(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(clocks); i++) {
		struct record_image image = image_of(1);
		uint64_t granted_ms = 5000000000000;
		struct record *r;
		uint64_t left_ms;

		teardown(NULL);
		setup(NULL);
		image.state = clocks[i].tombstone ? RECORD_TOMBSTONE : RECORD_LIVE;
		image.ends_ms = granted_ms + (clocks[i].tombstone ? 10000 : 100000);
		image.since_ms = granted_ms;
		ctl_load_clock(&t.ctl, granted_ms + (uint64_t)(1000 * clocks[i].now_s));
		load(image);
		start();
		r = record_of(1);
		left_ms = r != NULL ? r->ends_ms - t.ctl.now_ms : 0;
		if ((r != NULL) != (clocks[i].left_s > 0) ||
			left_ms != 1000 * (uint64_t)clocks[i].left_s)
			fail_msg("%s: %u ms left", clocks[i].name, (unsigned)left_ms);
		/* registered in time to come: now */
		if (r != NULL &&
			t.ctl.now_ms - r->since_ms !=
				(uint64_t)(clocks[i].now_s > 0 ? 1000 * clocks[i].now_s : 0))
			fail_msg("%s: since %u", clocks[i].name, (unsigned)r->since_ms);
	}
}

/* Files by clocks of their own. */
static void test_load_two_clocks(void **state)
{
	struct record_image image = image_of(1);

	(void)state;
	image.ends_ms = 90000;
	ctl_load_clock(&t.ctl, 50000);
	load(image);
	image = image_of(2);
	image.ends_ms = 7000000;
	ctl_load_clock(&t.ctl, 6980000);
	load(image);
	start();
	assert_int_equal(record_of(1)->ends_ms, START_MS + 40000);
	assert_int_equal(record_of(2)->ends_ms, START_MS + 20000);
}

static void test_load_stamps(void **state)
{
	struct record_image image = image_of(0);
	struct ip6_addr keyed = addr("2001:db8:a::100");
	uint64_t floor = mip6_stamp(&t.ctl, 0, &keyed), later = floor + 3 * NTP_SECOND;

	(void)state;
	image.hoa = keyed;
	ctl_load_clock(&t.ctl, unix_ms());
	image.ntp_last = floor - NTP_SECOND;
	load(image);
	assert_true(mip6_stamp(&t.ctl, 0, &keyed) == floor);
	image.ntp_last = later;
	image.ends_ms = unix_ms() - 1; /* its binding is over, the timestamp is not */
	load(image);
	assert_null(records_find(t.ctl.records, 0, &keyed));
	assert_true(mip6_stamp(&t.ctl, 0, &keyed) == later);
	image.ntp_last = floor + 2 * 86400 * NTP_SECOND; /* of a clock that was wrong */
	load(image);
	assert_true(mip6_stamp(&t.ctl, 0, &keyed) == later);
	start();
}

/* --- numbers that outlive bindings, without a mesh --- */

static void begin_remembering(void)
{
	persist_free(&t.ctl, t.ctl.persist);
	mip6_free(t.ctl.mip6);
	t.domains[0].remember_sequence = t.domains[0].remember_given = true;
	assert_int_equal(mip6_new(&t.ctl, &t.ctl.mip6), 0);
	assert_int_equal(persist_new(&t.ctl, &t.ctl.persist), 0);
	t.feed = ctl_feed(&t.ctl);
}

/* -1: any would do. */
static int last_number(unsigned n)
{
	struct ip6_addr hoa = hoa_of(n);
	uint16_t seq;

	return numbers_last(&t.ctl, 0, &hoa, record_of(n), &seq) ? seq : -1;
}

/* How many pairs a rewriting has, and of them the last. */
static unsigned told_pairs(struct seen_pair *last)
{
	const struct feed_item *it;
	unsigned n = 0;

	feed_want_all(t.feed);
	while (persist_run(&t.ctl))
		;
	for (uint32_t i = 0; (it = feed_peek(t.feed, i)) != NULL; i++) {
		if (it->kind != FEED_SEEN)
			continue;
		*last = it->pair;
		n++;
	}
	sync_all();
	return n;
}

/* Of a binding that ended while hamd was away, or just now: it is told when all is written anew, but
 * not beside its record, and is the number of the next run. */
static void test_numbers(void **state)
{
	struct record_image image = image_of(3);
	struct seen_pair pair = { 0 };

	(void)state;
	begin_remembering();
	ctl_load_clock(&t.ctl, unix_ms());
	image.ends_ms = unix_ms() - 1;
	load(image);
	start();
	assert_null(record_of(3));
	assert_int_equal(last_number(3), 1003);
	assert_int_equal(last_number(4), -1);
	assert_int_equal(told_pairs(&pair), 1);
	assert_int_equal(pair.value.ext_seq, 1003);
	assert_true(ip6_eq(&pair.hoa, &image.hoa));

	bind(3, 1, 600)->seq = 2000;
	assert_int_equal(told_pairs(&pair), 0);
	assert_int_equal(last_number(3), 2000);
	while (persist_run(&t.ctl))
		;
	sync_all();
	t.ctl.now_ms += 600001;
	while (mip6_expire(&t.ctl))
		;
	assert_null(record_of(3));
	assert_int_equal(last_number(3), 2000);
	assert_int_equal(told_pairs(&pair), 1);

	teardown(NULL);
	setup(NULL);
	begin_remembering();
	ctl_load_clock(&t.ctl, unix_ms());
	load(image_of(5));
	assert_int_equal(ctl_load_seen(&t.ctl, 0, &pair), 0);
	start();
	assert_int_equal(last_number(3), 2000);
	assert_int_equal(last_number(5), 1005);
}

static void load_pair(unsigned n, const char *hoa, const char *ha)
{
	struct seen_pair pair = { .value = { .epoch = 1, .ext_seq = 1000 + n } };

	pair.hoa = hoa != NULL ? addr(hoa) : hoa_of(n);
	pair.ha = addr(ha);
	assert_int_equal(ctl_load_seen(&t.ctl, 0, &pair), 0);
}

/* A home agent alone that got another address: what was accepted at the old one counts at the new
 * one. What sites of a mesh accepted does not, and nothing takes the place of the address itself. */
static void test_numbers_of_other_addresses(void **state)
{
	struct record_image image = image_of(1);
	struct seen_pair pair = { 0 };

	(void)state;
	begin_remembering();
	ctl_load_clock(&t.ctl, unix_ms());
	load_pair(4, NULL, "2001:db8:a::2");
	image.ha = addr("2001:db8:a::2");
	load(image);
	image = image_of(2);
	image.ha = addr("2001:db8:a::3");
	image.content.node = 7;
	load(image);
	image = image_of(3);
	image.content.node = 7;
	image.ends_ms = unix_ms();
	load(image);
	load_pair(0, "2001:db8:bad::1", "2001:db8:a::1"); /* a prefix that it had */
	load_pair(5, NULL, "2001:db8:a::1");
	start();
	assert_null(record_of(1));
	assert_int_equal(last_number(1), 1001);
	assert_int_equal(last_number(2), -1);
	assert_int_equal(last_number(3), 1003);
	assert_int_equal(last_number(4), -1);
	assert_int_equal(last_number(5), 1005);
	assert_int_equal(told_pairs(&pair), 3);
	bind(6, 1, 600)->seq = 2000;
	t.ctl.now_ms += 600001;
	while (persist_run(&t.ctl))
		;
	sync_all();
	while (mip6_expire(&t.ctl))
		;
	assert_null(record_of(6));
	assert_int_equal(last_number(6), 2000);
	assert_int_equal(t.ctl.counters[CTL_MESH_FORGOTTEN], 0);
}

/* A full table, of which more have a record than are looked at for room at once: the newest number
 * is remembered, an older one without a record is not. A turn ends few, as each may look so far. */
static void test_numbers_full(void **state)
{
	enum { BOUND = 300, FEW = 16, TURNS = 1000 };
	uint32_t before = BOUND;

	(void)state;
	t.conf.runtime.max_bindings = BOUND;
	begin_remembering();
	ctl_load_clock(&t.ctl, unix_ms());
	for (unsigned n = 0; n < 2 * BOUND; n++)
		load_pair(n, NULL, "2001:db8:a::1");
	for (unsigned n = 0; n < BOUND; n++)
		load(image_of(n));
	start();
	load_pair(2 * BOUND, NULL, "2001:db8:a::1");
	assert_int_equal(last_number(2 * BOUND), 1000 + 2 * BOUND);
	assert_int_equal(last_number(BOUND), -1);
	assert_int_equal(t.ctl.counters[CTL_MESH_FORGOTTEN], 1);
	while (persist_run(&t.ctl))
		;
	sync_all();
	t.ctl.now_ms += 50001;
	for (unsigned i = 0; i < TURNS; i++) {
		mip6_expire(&t.ctl);
		assert_in_range(before - records_live(t.ctl.records), 0, FEW);
		before = records_live(t.ctl.records);
	}
	assert_int_equal(before, 0);
	for (unsigned n = 0; n < BOUND; n++)
		assert_int_equal(last_number(n), 1000 + n);
}

static void test_load_too_many(void **state)
{
	struct record_image image;

	(void)state;
	ctl_load_clock(&t.ctl, unix_ms());
	for (unsigned n = 0; n < MAX; n++)
		load(image_of(n));
	load(image_of(0)); /* one that is there */
	image = image_of(MAX);
	image.state = RECORD_TOMBSTONE; /* of which there may be more */
	load(image);
	assert_int_equal(ctl_load_end(&t.ctl), 0);
	load(image_of(MAX + 1));
	assert_int_equal(ctl_load_end(&t.ctl), -ENOSPC);
	start();
	assert_int_equal(records_live(t.ctl.records), MAX);
	assert_int_equal(bc_count(t.tables.bc), MAX);
}

/* A history that has too many bindings at once in its middle, but not at its end: it is what is
 * left that counts, each as it was last, and the order does not. */
static void test_load_more_in_the_middle(void **state)
{
	enum { HOMES = MAX + 5000 };
	static struct record_image last[HOMES];
	uint64_t rng = rng_start("middle");
	unsigned live = 0;

	(void)state;
	ctl_load_clock(&t.ctl, unix_ms());
	for (unsigned n = 0; n < HOMES; n++)
		load(image_of(n));
	assert_int_equal(records_live(t.ctl.records), MAX);
	for (unsigned step = 0; step < 4 * HOMES; step++) {
		unsigned n = (unsigned)rng_below(&rng, HOMES);
		struct record_image image = image_of(n);

		image.coa = coa_of(step);
		image.seq = (uint16_t)step;
		image.session = step;
		if (rng_below(&rng, 3) == 0) {
			image.state = RECORD_TOMBSTONE;
			image.ends_ms = unix_ms() + (rng_below(&rng, 8) == 0 ? 5000 : 0);
		}
		load(image);
		last[n] = image;
	}
	for (unsigned n = 0; n < HOMES; n++) { /* and down to what is allowed */
		if (n % 2 == 0) {
			last[n] = image_of(n);
			last[n].ends_ms = unix_ms() - 1;
			load(last[n]);
		} else if (last[n].state == 0) {
			last[n] = image_of(n);
		}
	}
	assert_int_equal(ctl_load_end(&t.ctl), 0);
	start();
	for (unsigned n = 0; n < HOMES; n++) {
		const struct record *r = record_of(n);
		bool is_over = last[n].ends_ms <= unix_ms();

		live += !is_over && last[n].state == RECORD_LIVE;
		assert_int_equal(r == NULL, is_over);
		if (r == NULL)
			continue;
		assert_int_equal(r->state, last[n].state);
		assert_int_equal(r->seq, last[n].seq);
		assert_int_equal(r->session, last[n].session);
		assert_true(ip6_eq(&r->coa, &last[n].coa));
	}
	assert_int_equal(records_live(t.ctl.records), live);
	assert_int_equal(bc_count(t.tables.bc), live);
}

/* Until when there is silence about mobile nodes that are not bound: for as long as one may hold a
 * binding that has been forgotten. Lifetimes are up to 600 s. */
static const struct {
	const char *name;
	uint64_t known_ms, quiet_ms;
} knowns[] = {
	{ "nothing", 0, 600000 },
	{ "a minute", 60000, 540000 },
	{ "all but the last moment", 599999, 1 },
	{ "just long enough", 600000, 0 },
	{ "for ever", UINT64_MAX, 0 },
};

static void test_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(knowns); i++) {
		uint64_t known_ms[2] = { 0, knowns[i].known_ms };
		struct ctl_past past = {
			.known_ms = known_ms, .was_damaged = i % 2 == 0, .has_no_clock = i % 2 == 1
		};

		teardown(NULL);
		setup(NULL);
		ctl_load_clock(&t.ctl, unix_ms());
		assert_int_equal(ctl_loaded(&t.ctl, &past, t.err, sizeof(t.err)), 0);
		assert_int_equal(t.ctl.mip6->quiet_until_ms[0], START_MS + 600000);
		if (t.ctl.mip6->quiet_until_ms[1] != START_MS + knowns[i].quiet_ms)
			fail_msg("%s: silent for %u ms", knowns[i].name,
				(unsigned)(t.ctl.mip6->quiet_until_ms[1] - START_MS));
		assert_int_equal(t.ctl.counters[CTL_STORE_DAMAGED], past.was_damaged);
		assert_int_equal(t.ctl.counters[CTL_STORE_NO_CLOCK], past.has_no_clock);
	}
}

/* --- accounting --- */

static struct acct_event events[64];

static void account(void)
{
	t.conf.accounting = (struct conf_accounting){ .file = (char *)"/f", .interim_s = 100 };
	assert_int_equal(acct_new(&t.ctl, &t.ctl.acct), 0);
	start();
	acct_run(&t.ctl);
	assert_int_equal(acct_take(t.ctl.acct, events, DIM(events)), 1); /* on */
}

static struct record *begin_session(unsigned n)
{
	struct record *r = bind(n, n, 600);

	acct_start(&t.ctl, r, ACCT_CAUSE_REGISTERED);
	assert_int_equal(acct_take(t.ctl.acct, events, DIM(events)), 1);
	return r;
}

static uint32_t told(void)
{
	for (unsigned i = 0; i < 100; i++)
		acct_run(&t.ctl);
	return acct_take(t.ctl.acct, events, DIM(events));
}

/* What was told last is in the store: counts there are the same or later ones. */
static void test_told_when_stored(void **state)
{
	struct record *r;
	struct ip6_addr old;
	uint64_t stored = 0;

	(void)state;
	account();
	r = begin_session(1);
	while (persist_run(&t.ctl))
		;
	sync_all();
	/* an interim */
	bc_count_to(bc_find(t.tables.bc, &r->hoa), 7, 70);
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 0);
	bc_count_to(bc_find(t.tables.bc, &r->hoa), 1, 10); /* is not in it any more */
	while (persist_run(&t.ctl))
		;
	assert_int_equal(told(), 0);
	assert_int_equal(waiting(), 1);
	stored = feed_peek(t.feed, 0)->image.packets_to;
	sync_all();
	assert_int_equal(told(), 1);
	assert_int_equal(events[0].type, ACCT_INTERIM);
	assert_int_equal(events[0].packets_to, 7);
	assert_int_equal(stored, 8);
	/* a move, and then an end: in their order */
	old = r->coa;
	r = bind(1, 2, 600);
	acct_move(&t.ctl, r, &old);
	while (persist_run(&t.ctl))
		;
	assert_int_equal(mip6_withdraw(&t.ctl, r, ACCT_CAUSE_DEREGISTERED), 0);
	dq_drain(t.tables.dq);
	assert_int_equal(told(), 0);
	feed_set_written(t.feed, feed_peek(t.feed, 0)->mark);
	assert_int_equal(told(), 1);
	assert_int_equal(events[0].type, ACCT_MOVE);
	assert_int_equal(events[0].packets_to, 8);
	assert_int_equal(told(), 0);
	while (persist_run(&t.ctl))
		;
	sync_all();
	assert_int_equal(told(), 1);
	assert_int_equal(events[0].type, ACCT_STOP);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 0);
	assert_int_equal(t.ctl.counters[CTL_ACCT_LOST], 0);
	acct_free(&t.ctl, t.ctl.acct);
}

/* A store that cannot be written holds nothing back; what was lost with it is not taken for
 * written when it is well again. */
static void test_told_when_the_store_fails(void **state)
{
	(void)state;
	account();
	begin_session(1);
	while (persist_run(&t.ctl))
		;
	sync_all();
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 0);
	feed_fail(t.feed);
	assert_int_equal(told(), 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 1);
	feed_stat_set(t.feed, FEED_STAT_FAILED, 1);
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 2);
	feed_stat_set(t.feed, FEED_STAT_FAILED, 0);
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 0);
	while (persist_run(&t.ctl))
		;
	sync_all();
	assert_int_equal(told(), 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 2);
	/* thrown away, and well again before anybody looked */
	feed_stat_set(t.feed, FEED_STAT_FAILED, 1);
	t.ctl.now_ms += 100000;
	acct_run(&t.ctl);
	assert_true(persist_run(&t.ctl));
	feed_take(t.feed, waiting());
	feed_stat_set(t.feed, FEED_STAT_FAILED, 0);
	feed_set_written(t.feed, persist_mark(&t.ctl));
	assert_int_equal(told(), 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 3);
	acct_free(&t.ctl, t.ctl.acct);
}

/* The store threw away that a binding had ended, and is well again before its last packet is counted:
 * what is written then does not say it. Not held against the next one. */
static void test_end_thrown_away(void **state)
{
	struct record *r;

	(void)state;
	account();
	r = begin_session(1);
	begin_session(2);
	while (persist_run(&t.ctl))
		;
	sync_all();
	feed_stat_set(t.feed, FEED_STAT_FAILED, 1);
	feed_fail(t.feed);
	assert_int_equal(told(), 0);
	assert_int_equal(mip6_withdraw(&t.ctl, r, ACCT_CAUSE_DEREGISTERED), 0);
	while (persist_run(&t.ctl))
		;
	feed_take(t.feed, waiting());
	feed_stat_set(t.feed, FEED_STAT_FAILED, 0);
	dq_drain(t.tables.dq);
	assert_int_equal(told(), 1);
	assert_int_equal(events[0].type, ACCT_STOP);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 1);
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 0);
	while (persist_run(&t.ctl))
		;
	sync_all();
	assert_int_equal(told(), 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 1);
	acct_free(&t.ctl, t.ctl.acct);
}

/* A failure while nothing waits is nothing to what comes later. */
static void test_failed_before(void **state)
{
	(void)state;
	account();
	begin_session(1);
	feed_fail(t.feed);
	assert_int_equal(told(), 0);
	while (persist_run(&t.ctl))
		;
	sync_all();
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 0);
	while (persist_run(&t.ctl))
		;
	sync_all();
	assert_int_equal(told(), 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], 0);
	acct_free(&t.ctl, t.ctl.acct);
}

/* A store that takes nothing: what waits is bounded, moves are told early rather than not at all,
 * interims wait. */
static void test_told_when_the_store_stalls(void **state)
{
	enum { MOVES = 6000 };
	struct ip6_addr old = coa_of(0);
	struct record *r;
	unsigned got = 0, n;

	(void)state;
	account();
	r = begin_session(1);
	for (unsigned i = 1; i <= MOVES; i++) {
		r = bind(1, i % 2, 600);
		acct_move(&t.ctl, r, &old);
		if (i % 32 == 0)
			got += acct_take(t.ctl.acct, events, DIM(events));
	}
	got += acct_take(t.ctl.acct, events, DIM(events));
	assert_int_equal(got, MOVES - 4096);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], MOVES - 4096);
	assert_int_equal(events[0].type, ACCT_MOVE);
	t.ctl.now_ms += 100000;
	assert_int_equal(told(), 0);
	while (persist_run(&t.ctl))
		;
	sync_all();
	while ((n = told()) > 0) {
		got += n;
		assert_int_equal(events[0].type, got > MOVES ? ACCT_INTERIM : ACCT_MOVE);
		while (persist_run(&t.ctl))
			;
		sync_all();
	}
	assert_int_equal(got, MOVES + 1);
	assert_int_equal(t.ctl.counters[CTL_ACCT_UNSTORED], MOVES - 4096);
	assert_int_equal(t.ctl.counters[CTL_ACCT_LOST], 0);
	acct_free(&t.ctl, t.ctl.acct);
}

/* At the end: first the store, then the lines, with and without a sweep of counters. */
static void test_told_at_the_end(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		struct record *r;

		teardown(NULL);
		setup(NULL);
		if (round == 1) {
			persist_free(&t.ctl, t.ctl.persist);
			t.conf.store.counters_s = 0;
			assert_int_equal(persist_new(&t.ctl, &t.ctl.persist), 0);
			t.feed = ctl_feed(&t.ctl);
		}
		account();
		r = begin_session(1);
		while (persist_run(&t.ctl))
			;
		sync_all();
		bc_count_to(bc_find(t.tables.bc, &r->hoa), 7, 70);
		acct_finish(&t.ctl); /* nobody takes anything: gives up in the end */
		assert_int_equal(waiting(), 1);
		assert_int_equal(feed_peek(t.feed, 0)->image.packets_to, 7);
		assert_int_equal(acct_take(t.ctl.acct, events, DIM(events)), 2);
		assert_int_equal(events[0].type, ACCT_INTERIM);
		assert_int_equal(events[0].packets_to, 7);
		assert_int_equal(events[1].type, ACCT_OFF);
		acct_free(&t.ctl, t.ctl.acct);
	}
}

/* The session of another site's binding that begins at the end is the next run's, too: or that
 * would bill the same octets once more. */
static void test_heard_told_at_the_end(void **state)
{
	const struct feed_item *it;
	struct record *r;

	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		teardown(NULL);
		setup(NULL);
		account();
		r = bind(1, 1, 600);
		acct_hear(&t.ctl, r);
		if (round == 1) /* its counts are told by now, and its session is all that is not */
			bc_count_to(bc_find(t.tables.bc, &r->hoa), 7, 70);
		while (persist_run(&t.ctl))
			;
		sync_all();
		if (round == 0)
			bc_count_to(bc_find(t.tables.bc, &r->hoa), 7, 70);
		acct_finish(&t.ctl);
		assert_int_equal(acct_take(t.ctl.acct, events, DIM(events)), 3);
		assert_int_equal(events[0].type, ACCT_START);
		assert_int_equal(events[0].cause, ACCT_CAUSE_HEARD);
		assert_int_equal(events[1].type, ACCT_INTERIM);
		assert_int_equal(events[1].packets_to, 7);
		assert_true(events[1].session == events[0].session);
		assert_int_equal(waiting(), 1);
		it = feed_peek(t.feed, 0);
		assert_true(it->image.session == events[0].session);
		assert_int_equal(it->image.packets_to, 7);
		acct_free(&t.ctl, t.ctl.acct);
	}
}

/* --- the end --- */

/* Nobody else runs: everything is handed over, traffic since the last sweep too. */
static void test_finish(void **state)
{
	struct ip6_addr a = hoa_of(3);

	(void)state;
	start();
	for (unsigned n = 0; n < 10; n++)
		bind(n, n, 100);
	while (persist_run(&t.ctl))
		;
	sync_all();
	bc_count_from(bc_find(t.tables.bc, &a), 5, 500);
	bind(4, 5, 100);
	assert_true(ctl_store_finish(&t.ctl));
	assert_int_equal(waiting(), 2);
	feed_stat_set(t.feed, FEED_STAT_FAILED, 1); /* nobody takes it, and nobody waits */
	for (unsigned n = 0; n < 10; n++)
		bind(n, n, 100);
	assert_false(ctl_store_finish(&t.ctl));
}

/* The store does not fail, but takes nothing either: there is an end to waiting, and what is left
 * is said. */
static void test_finish_gives_up(void **state)
{
	(void)state;
	start();
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned n = 0; n < MAX; n++)
			bind(n, i, 100);
		while (persist_run(&t.ctl))
			;
	}
	assert_int_equal(waiting(), FEED);
	assert_false(ctl_store_finish(&t.ctl));
	sync_all();
	assert_true(ctl_store_finish(&t.ctl));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_image),
		TEST(test_coalesced),
		TEST(test_gone),
		TEST(test_stalled),
		TEST(test_walk),
		TEST(test_walk_waits_for_the_disk),
		TEST(test_grown),
		TEST(test_clock_set),
		TEST(test_clock_stands_still),
		TEST(test_failure),
		TEST(test_counters),
		TEST(test_model),
		TEST(test_load),
		TEST(test_load_older_than_the_machine),
		TEST(test_load_later_ones),
		TEST(test_load_ended_at_home),
		TEST(test_load_places),
		TEST(test_load_clocks),
		TEST(test_load_two_clocks),
		TEST(test_load_stamps),
		TEST(test_numbers),
		TEST(test_numbers_of_other_addresses),
		TEST(test_numbers_full),
		TEST(test_load_too_many),
		TEST(test_load_more_in_the_middle),
		TEST(test_known),
		TEST(test_told_when_stored),
		TEST(test_told_when_the_store_fails),
		TEST(test_end_thrown_away),
		TEST(test_failed_before),
		TEST(test_told_when_the_store_stalls),
		TEST(test_told_at_the_end),
		TEST(test_heard_told_at_the_end),
		TEST(test_finish),
		TEST(test_finish_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
