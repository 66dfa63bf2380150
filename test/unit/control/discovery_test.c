/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * discovery.c and advert.c over the real records, timers and codecs: what is asked, what is
 * answered, and what nobody asked for, over hours of time that is handed in. Stand-ins below for
 * the ways out and the drop counters.
 */
#include "test.h"

#include <rte_rcu_qsbr.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mip6/discovery_rules.h"
#include "net/cksum.h"
#include "net/icmp6.h"
#include "records/records.h"
#include "records/subs.h"
#include "tables/addrs.h"
#include "tables/bc.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define START_MS 1000000
#define HA       "2001:db8:a::1"
#define ANYCAST  "2001:db8:a:0:fdff:ffff:ffff:fffe"
#define HOA      "2001:db8:a::100"
#define COA      "2001:db8:c::1"
#define CN       "2001:db8:9::9"
#define MANY     20000
#define DQ_SIZE  16

/* --- what surrounds it --- */

static uint64_t drops[DP_DROP_COUNT];
static struct {
	uint8_t pkt[4096];
	uint16_t len;
	unsigned sent, link; /* how many, and how many of them back over the link */
	uint64_t at_ms; /* the last one */
	bool fails;
	bool told[MANY]; /* which mobile node */
} out;

/* Mobile node number i has home address hoa_of(i). */
static struct ip6_addr hoa_of(uint32_t i)
{
	struct ip6_addr a = addr(HOA);

	a.b[13] = (uint8_t)(i >> 16);
	a.b[14] = (uint8_t)(1 + (i >> 8));
	a.b[15] = (uint8_t)i;
	return a;
}

static uint32_t index_of(const struct ip6_addr *hoa)
{
	return (uint32_t)hoa->b[13] << 16 | (uint32_t)(uint8_t)(hoa->b[14] - 1) << 8 | hoa->b[15];
}

static int leave(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	if (out.fails)
		return -1;
	assert_true(len <= sizeof(out.pkt));
	memcpy(out.pkt, pkt, len);
	out.len = len;
	out.sent++;
	out.at_ms = ctl->now_ms;
	out.told[index_of(&((const struct net_ip6 *)pkt)->dst) % MANY] = true;
	return 0;
}

int ctl_send(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	return leave(ctl, pkt, len);
}

int ctl_send_wire(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	(void)ctl;
	(void)pkt;
	(void)len;
	fail_msg("nothing of this goes past the binding cache");
	return 0;
}

int ctl_send_link(
	struct ctl *ctl, uint16_t port, const uint8_t mac[6], const uint8_t *pkt, uint16_t len)
{
	assert_int_equal(port, 5);
	assert_int_equal(mac[5], 9);
	out.link++;
	return leave(ctl, pkt, len);
}

bool icmp_send_error(
	struct ctl *ctl, const struct ctl_pkt *p, uint8_t type, uint8_t code, uint32_t arg)
{
	(void)ctl;
	(void)p;
	(void)arg;
	fail_msg("an error of type %u, code %u", type, code);
	return true;
}

bool icmp_error_token(struct ctl *ctl)
{
	(void)ctl;
	return true;
}

void dp_count_drop(struct dp *dp, enum dp_drop reason)
{
	(void)dp;
	drops[reason]++;
}

/* --- a home agent --- */

static struct {
	struct ctl ctl;
	struct conf conf;
	struct conf_domain domain;
	struct ip6_prefix served[2];
	struct conf_prefix_lifetime lifetime;
	struct tables tables;
} t;

static void set_route(const char *text, enum fib_kind kind)
{
	struct ip6_prefix p = prefix(text);

	assert_int_equal(fib_set(t.tables.fib, &p, fib_value(kind, 0)), 0);
}

static void make_conf(void)
{
	t.served[0] = prefix("2001:db8:a::/48");
	t.served[1] = prefix("2001:db8:b::/64");
	t.lifetime.prefix = t.served[0];
	t.lifetime.lifetimes = (struct conf_lifetimes){ UINT32_MAX, UINT32_MAX };
	t.domain = (struct conf_domain){
		.mobile_prefixes = t.served,
		.mobile_prefix_count = 2,
		.home_agent_address = addr(HA),
		.lifetime_max_s = 3600,
		.discovery = { .home_agents = true,
			.unsolicited = true,
			.min_interval_s = 600,
			.max_interval_s = 86400 },
		.prefix_lifetimes = &t.lifetime,
		.prefix_lifetime_count = 1,
		.limits = { .bu_per_s = 1,
			.haad_per_s_per_source = 1,
			.haad_burst_per_source = 3,
			.haad_per_s = 100,
			.mpa_per_s = 500 },
	};
	t.conf.domains = &t.domain;
	t.conf.domain_count = 1;
	t.conf.runtime.max_bindings = MANY;
}

/* All of them, with a key or without. */
static void subscribe(enum sub_auth auth)
{
	struct subs_opts opts = { .max = MANY, .domains = 1, .seed = 1 };
	struct sub sub = { .auth = (uint8_t)auth, .key = SUB_NO_KEY };
	struct sub_place there;

	subs_free(t.ctl.subs);
	assert_int_equal(subs_new(&opts, &t.ctl.subs), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		struct ip6_addr hoa = hoa_of(i);

		assert_int_equal(
			subs_add(t.ctl.subs, &hoa, &sub, (struct sub_place){ SUB_NODE, i }, &there),
			0);
	}
	subs_seal(t.ctl.subs);
}

static int setup(void **state)
{
	size_t rcu_bytes = rte_rcu_qsbr_get_memsize(1);

	(void)state;
	memset(&t, 0, sizeof(t));
	memset(&out, 0, sizeof(out));
	memset(drops, 0, sizeof(drops));
	make_conf();
	t.tables.rcu = aligned_alloc(64, (rcu_bytes + 63) & ~63ul);
	assert_int_equal(rte_rcu_qsbr_init(t.tables.rcu, 1), 0);
	assert_int_equal(dq_new(t.tables.rcu, DQ_SIZE, &t.tables.dq), 0);
	assert_int_equal(
		bc_new(&(struct bc_opts){ .max = 16, .seed = 1 }, t.tables.dq, &t.tables.bc), 0);
	assert_int_equal(
		fib_new(&(struct fib_opts){ .max_routes = 16 }, t.tables.dq, &t.tables.fib), 0);
	set_route("2001:db8:a::/48", FIB_DOMAIN);
	set_route(HA "/128", FIB_HOME_AGENT);
	set_route(ANYCAST "/128", FIB_ANYCAST);
	set_route("2001:db8:1::10/128", FIB_LOCAL);
	t.ctl = (struct ctl){ .conf = &t.conf, .t = &t.tables, .now_ms = START_MS, .seed = 1 };
	subscribe(SUB_AUTH_NONE);
	t.ctl.wheel = wheel_new(START_MS);
	assert_non_null(t.ctl.wheel);
	assert_int_equal(
		records_new(&(struct records_opts){ .max = MANY, .seed = 1, .now_ms = START_MS },
			&t.ctl.records),
		0);
	assert_int_equal(mip6_new(&t.ctl, &t.ctl.mip6), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mip6_free(t.ctl.mip6);
	records_free(t.ctl.records);
	wheel_free(t.ctl.wheel);
	bc_free(t.tables.bc);
	fib_free(t.tables.fib);
	dq_free(t.tables.dq);
	free(t.tables.rcu);
	subs_free(t.ctl.subs);
	return 0;
}

/* The home prefix is deprecated, so that the next advertisement is due a second after a binding
 * was found (10.6.2), and another one in a day. */
static void deprecate(void)
{
	t.lifetime.lifetimes = (struct conf_lifetimes){ 7200, 0 };
	t.domain.discovery.min_interval_s = 1;
}

static void bind_at(uint32_t i, uint64_t for_ms)
{
	struct ip6_addr hoa = hoa_of(i), coa = addr(COA);
	struct record *rec = records_add(t.ctl.records, 0, &hoa);

	assert_non_null(rec);
	rec->ha = addr(HA);
	records_set(t.ctl.records, rec, RECORD_LIVE, &coa, t.ctl.now_ms + for_ms);
}

static void fire(void *ctx, struct wheel_timer *w)
{
	struct ctl_timer *timer = container_of(w, struct ctl_timer, t);

	timer->fn(ctx, timer);
}

/* One turn of the control core, so much later. */
static void turn(uint64_t later_ms)
{
	t.ctl.now_ms += later_ms;
	wheel_advance(t.ctl.wheel, t.ctl.now_ms, 64, fire, &t.ctl);
	mip6_expire(&t.ctl);
	mip6_advertise(&t.ctl);
}

static void pass(uint64_t ms, uint64_t step_ms)
{
	for (uint64_t passed = 0; passed < ms; passed += step_ms)
		turn(step_ms);
}

/* Until something was sent; false: not within so many seconds. */
static bool wait_for_one(uint32_t s)
{
	unsigned sent = out.sent;

	for (uint32_t i = 0; i < s * 10 && out.sent == sent; i++)
		turn(100);
	return out.sent > sent;
}

/* --- packets --- */

struct ask {
	uint8_t type, code;
	const char *src, *dst, *hao; /* of the option, NULL: none */
	uint16_t id;
	const char *options; /* hex */
};

/* As icmp.c hands it over: the checksum was right. */
static void ask(const struct ask *a)
{
	struct ip6_addr src = addr(a->src), dst = addr(a->dst), hoa;
	struct buf opts = buf_from_hex(a->options != NULL ? a->options : "");
	uint16_t off = a->hao != NULL ? 64 : 40, len = (uint16_t)(off + 8 + opts.n);
	struct buf b = { calloc(1, len), len };
	struct ctl_pkt p = { .data = b.p,
		.len = len,
		.port = 5,
		.walked = true,
		.src_mac = { 2, 0, 0, 0, 0, 9 },
		.fib = fib_lookup(t.tables.fib, &dst) };

	assert_non_null(b.p);
	net_ip6_fill((struct net_ip6 *)b.p, (uint16_t)(len - 40),
		a->hao != NULL ? IP6_DSTOPT : IP6_ICMP6, 64, &src, &dst);
	if (a->hao != NULL) {
		hoa = addr(a->hao);
		memcpy(b.p + 40, (uint8_t[]){ IP6_ICMP6, 2, 1, 2, 0, 0, 0xc9, 16 }, 8);
		memcpy(b.p + 48, &hoa, sizeof(hoa));
	}
	memcpy(b.p + off,
		(uint8_t[]){ a->type, a->code, 0, 0, (uint8_t)(a->id >> 8), (uint8_t)a->id, 0, 0 },
		8);
	memcpy(b.p + off + 8, opts.p, opts.n);
	assert_int_equal(ext_walk(b.p, len, EXT_TO_US, &p.ext), EXT_OK);
	mip6_discovery_input(&t.ctl, &p, b.p + off, (uint16_t)(len - off));
	buf_free(&b);
	buf_free(&opts);
}

static void solicit_as(uint32_t i, uint16_t id)
{
	char hoa[IP6_STRLEN];
	struct ip6_addr a = hoa_of(i);

	ask(&(struct ask){ ICMP6_MPS, 0, COA, HA, ip6_str(&a, hoa), id, NULL });
}

static void solicit(uint16_t id)
{
	solicit_as(0, id);
}

/* What was sent last: from the home agent to `dst`, intact. Its ICMPv6. */
static const uint8_t *sent(uint8_t type, const char *dst, uint16_t id, uint16_t icmp_len)
{
	const struct net_ip6 *h = (const struct net_ip6 *)out.pkt;
	struct ip6_addr from = addr(HA), to = addr(dst);
	const uint8_t *icmp = out.pkt + 40;

	assert_int_equal(out.len, 40 + icmp_len);
	assert_true(ip6_eq(&h->src, &from) && ip6_eq(&h->dst, &to));
	assert_true(icmp6_check(&from, &to, icmp, icmp_len));
	assert_int_equal(icmp[0], type);
	assert_int_equal(icmp[1], 0);
	assert_int_equal(icmp[4] << 8 | icmp[5], id);
	assert_int_equal(icmp[6] | icmp[7], 0);
	return icmp;
}

/* --- home agents --- */

static void test_agents(void **state)
{
	struct ip6_addr ha = addr(HA);
	const uint8_t *icmp;

	(void)state;
	ask(&(struct ask){ ICMP6_HAAD_REQUEST, 0, CN, ANYCAST, NULL, 0x1234, NULL });
	assert_int_equal(out.sent, 1);
	icmp = sent(ICMP6_HAAD_REPLY, CN, 0x1234, 24);
	assert_memory_equal(icmp + 8, &ha, 16);
	assert_int_equal(t.ctl.counters[CTL_HAAD_ANSWERED], 1);

	/* by its home address, when it names one that is bound (9.3.1) */
	ask(&(struct ask){ ICMP6_HAAD_REQUEST, 0, COA, ANYCAST, HOA, 2, NULL });
	sent(ICMP6_HAAD_REPLY, HOA, 2, 24);
	assert_int_equal(out.link, 0);
	ask(&(struct ask){ ICMP6_HAAD_REQUEST, 0, "fe80::9", ANYCAST, NULL, 3, NULL });
	sent(ICMP6_HAAD_REPLY, "fe80::9", 3, 24);
	assert_int_equal(out.link, 1);
}

static void test_agents_refused(void **state)
{
	(void)state;
	ask(&(struct ask){ ICMP6_HAAD_REQUEST, 1, CN, ANYCAST, NULL, 1, NULL });
	assert_int_equal(drops[DP_DROP_HAAD_INVALID], 1);
	ask(&(struct ask){ ICMP6_HAAD_REQUEST, 0, "ff0e::1", ANYCAST, NULL, 1, NULL });
	assert_int_equal(drops[DP_DROP_HAAD_INVALID], 2);
	ask(&(struct ask){ ICMP6_HAAD_REQUEST, 0, "::", ANYCAST, NULL, 1, NULL });
	assert_int_equal(drops[DP_DROP_HAAD_INVALID], 3);
	ask(&(struct ask){ ICMP6_HAAD_REQUEST, 0, CN, HA, NULL, 1, NULL });
	assert_int_equal(drops[DP_DROP_LOCAL_ICMP6], 1);
	assert_int_equal(out.sent, 0);
	for (unsigned i = 0; i < 10; i++)
		ask(&(struct ask){ ICMP6_HAAD_REQUEST, 0, COA, ANYCAST, NULL, 1, NULL });
	assert_int_equal(out.sent, 3); /* the burst */
	assert_int_equal(drops[DP_DROP_HAAD_RATE], 7);
}

/* --- prefixes, asked for --- */

static void check_advert(uint16_t id)
{
	bool old = t.lifetime.lifetimes.preferred_s == 0;
	struct buf want = buf_from_hex(old ? "0304302000001c200000000000000000"
					     "20010db8000a00000000000000000001"
					     "03044040ffffffffffffffff00000000"
					     "20010db8000b00000000000000000000"
					   : "03043020ffffffffffffffff00000000"
					     "20010db8000a00000000000000000001"
					     "03044040ffffffffffffffff00000000"
					     "20010db8000b00000000000000000000");
	const uint8_t *icmp = sent(ICMP6_MPA, HOA, id, 72);

	assert_memory_equal(icmp + 8, want.p, want.n);
	buf_free(&want);
}

static void test_solicited(void **state)
{
	(void)state;
	bind_at(0, 400000000);
	solicit(0xbeef);
	assert_int_equal(out.sent, 1);
	check_advert(0xbeef);
	/* 6.8: one a second. The rest waits, and the last identifier counts. */
	turn(100);
	solicit(1);
	turn(100);
	solicit(2);
	solicit(3);
	turn(799);
	assert_int_equal(out.sent, 1);
	turn(1);
	assert_int_equal(out.sent, 2);
	assert_int_equal(out.at_ms, START_MS + 1000);
	check_advert(3);
	pass(10000, 100);
	assert_int_equal(out.sent, 2);
	assert_int_equal(t.ctl.counters[CTL_MPS_RECEIVED], 4);
	assert_int_equal(t.ctl.counters[CTL_MPA_SENT], 2);
	assert_int_equal(t.ctl.counters[CTL_MPA_UNSOLICITED], 0);
	/* nothing more before this has become old */
	pass((86400 + 580) * 1000, 1000);
	assert_int_equal(out.sent, 2);
	pass(86400 * 1000, 1000);
	assert_true(out.sent > 2);
}

/* Whoever gets the record of a binding that ended does not wait for what was sent to another. */
static void test_reused_record(void **state)
{
	(void)state;
	bind_at(0, 300);
	solicit(1);
	pass(400, 100);
	assert_int_equal(records_live(t.ctl.records), 0);
	bind_at(1, 100000);
	solicit_as(1, 2);
	assert_int_equal(out.sent, 2);
	assert_true(out.told[1]);
}

/* The table of those that wait is full: dropped, the mobile node repeats after 3 s. */
static void test_solicited_no_room(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 8193; i++) {
		bind_at(i, 86400000);
		solicit_as(i, 1);
		solicit_as(i, 2);
	}
	assert_int_equal(out.sent, 8193);
	assert_int_equal(drops[DP_DROP_MPS_RATE], 1);
	pass(3000, 1);
	assert_int_equal(out.sent, 8193 + 8192);
}

static void test_solicited_refused(void **state)
{
	static const char *const hoa = HOA;

	(void)state;
	bind_at(0, 86400000);
	ask(&(struct ask){ ICMP6_MPS, 0, COA, HA, NULL, 1, NULL });
	assert_int_equal(drops[DP_DROP_MPS_NO_HAO], 1);
	ask(&(struct ask){ ICMP6_MPS, 1, COA, HA, hoa, 1, NULL });
	ask(&(struct ask){ ICMP6_MPS, 0, COA, HA, hoa, 1, "7f00000000000000" });
	assert_int_equal(drops[DP_DROP_MPS_INVALID], 2);
	ask(&(struct ask){ ICMP6_MPS, 0, COA, "2001:db8:1::10", hoa, 1, NULL });
	ask(&(struct ask){ ICMP6_MPS, 0, COA, ANYCAST, hoa, 1, NULL });
	assert_int_equal(drops[DP_DROP_LOCAL_ICMP6], 2);
	subscribe(SUB_AUTH_MN_HA);
	solicit(1);
	assert_int_equal(drops[DP_DROP_MPS_OFF], 1);
	assert_int_equal(out.sent, 0);
	assert_int_equal(t.ctl.counters[CTL_MPS_RECEIVED], 0);
	t.domain.discovery.prefixes = CONF_PREFIXES_ALWAYS;
	ask(&(struct ask){ ICMP6_MPS, 0, COA, HA, hoa, 1, "7f01000000000000" });
	assert_int_equal(out.sent, 1);
}

/* --- prefixes, not asked for --- */

/* How many mobile nodes were told. */
static unsigned begun(void)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < MANY; i++)
		n += out.told[i];
	return n;
}

/* A binding that nobody told this about, new or restored, gets its time; then PREFIX_ADV_TIMEOUT,
 * doubled, and PREFIX_ADV_RETRIES. */
static void test_unsolicited(void **state)
{
	static const uint32_t gaps_ms[] = { 3000, 6000, 12000 };

	(void)state;
	t.domain.discovery.max_interval_s = 601;
	bind_at(0, 400000000);
	assert_false(wait_for_one(600));
	assert_true(wait_for_one(3));
	check_advert(0);
	for (size_t i = 0; i < DIM(gaps_ms); i++) {
		uint64_t last = out.at_ms;

		assert_true(wait_for_one(20));
		check_advert(0);
		assert_in_range(out.at_ms - last, gaps_ms[i], gaps_ms[i] + 100);
	}
	assert_int_equal(t.ctl.counters[CTL_MPA_UNANSWERED], 0);
	pass(10000, 100);
	assert_int_equal(t.ctl.counters[CTL_MPA_UNANSWERED], 1);
	assert_int_equal(t.ctl.counters[CTL_MPA_UNSOLICITED], 4);
	/* MaxMobPfxAdvInterval later the next one is scheduled, and sent after another delay */
	assert_false(wait_for_one(601 + 600 - 11));
	assert_true(wait_for_one(10));
}

/* The delay is spread over all of its range. */
static void test_spread(void **state)
{
	unsigned half;

	(void)state;
	t.domain.discovery.min_interval_s = 1000;
	t.domain.discovery.max_interval_s = 3000;
	for (uint32_t i = 0; i < 1000; i++)
		bind_at(i, 400000000);
	pass(1000 * 1000, 100);
	assert_int_equal(begun(), 0);
	pass(1000 * 1000, 100);
	half = begun();
	pass(1010 * 1000, 100);
	assert_in_range(half, 400, 600);
	assert_int_equal(begun(), 1000);
}

/* The mobile node discards it and asks (11.4.3): that ends the repetitions, and is answered. */
static void test_acknowledged(void **state)
{
	(void)state;
	deprecate();
	bind_at(0, 400000000);
	assert_true(wait_for_one(4));
	solicit(0x77); /* at once: a second has to pass */
	assert_int_equal(out.sent, 1);
	assert_true(wait_for_one(2));
	check_advert(0x77);
	pass(60000, 100);
	assert_int_equal(out.sent, 2);
	assert_int_equal(t.ctl.counters[CTL_MPA_UNANSWERED], 0);
}

static void test_acknowledged_later(void **state)
{
	(void)state;
	deprecate();
	bind_at(0, 400000000);
	assert_true(wait_for_one(4));
	pass(2000, 100);
	solicit(0x78); /* two seconds later: answered at once */
	assert_int_equal(out.sent, 2);
	check_advert(0x78);
	pass(60000, 100);
	assert_int_equal(out.sent, 2);
}

/* 10.6.2: a registration that ends takes along what was scheduled. */
static void test_cancelled(void **state)
{
	struct ip6_addr hoa = hoa_of(0);

	(void)state;
	deprecate();
	bind_at(0, 7000);
	assert_true(wait_for_one(4));
	pass(60000, 100); /* the second one came before the end, the third would have after */
	assert_int_equal(out.sent, 2);
	assert_int_equal(t.ctl.counters[CTL_BINDINGS_EXPIRED], 1);
	assert_int_equal(t.ctl.counters[CTL_MPA_UNANSWERED], 0);

	bind_at(0, 100000);
	assert_true(wait_for_one(4));
	assert_int_equal(mip6_delete(&t.ctl, &hoa), 0);
	pass(60000, 100);
	assert_int_equal(out.sent, 3);

	/* and so does an answer that waits */
	bind_at(0, 100000);
	solicit(1);
	solicit(2);
	assert_int_equal(mip6_delete(&t.ctl, &hoa), 0);
	pass(5000, 100);
	assert_int_equal(out.sent, 4);
}

/* The same record lives again: what it was scheduled for is over, and it gets a time anew. */
static void test_registered_again(void **state)
{
	struct ip6_addr hoa = hoa_of(0), coa = addr(COA);

	(void)state;
	deprecate();
	bind_at(0, 400000000);
	assert_true(wait_for_one(4));
	solicit(1);
	assert_true(wait_for_one(2)); /* told: nothing is due for a day */
	assert_int_equal(mip6_delete(&t.ctl, &hoa), 0);
	records_set(t.ctl.records, records_find(t.ctl.records, 0, &hoa), RECORD_LIVE, &coa,
		t.ctl.now_ms + 400000000);
	assert_true(wait_for_one(4));
}

static void test_not_told(void **state)
{
	(void)state;
	deprecate();
	t.domain.discovery.unsolicited = false;
	bind_at(0, 400000000);
	pass(30000, 100);
	t.domain.discovery.unsolicited = true;
	subscribe(SUB_AUTH_MN_HA);
	pass(30000, 100);
	assert_int_equal(out.sent, 0);
}

/* What cannot be sent is repeated like what was lost. */
static void test_send_fails(void **state)
{
	(void)state;
	deprecate();
	bind_at(0, 400000000);
	out.fails = true;
	pass(4000, 100);
	assert_int_equal(t.ctl.counters[CTL_MPA_UNSOLICITED], 1);
	assert_int_equal(t.ctl.counters[CTL_MPA_SENT], 0);
	out.fails = false;
	assert_true(wait_for_one(4));
}

/* Twenty thousand are due in one moment: so many a second begin, no turn does more than its
 * share, and nobody is left out. */
static void test_no_burst(void **state)
{
	unsigned most = 0;

	(void)state;
	deprecate();
	for (uint32_t i = 0; i < MANY; i++)
		bind_at(i, 400000000);
	pass(22000, 10); /* the walk has seen all of them, and begins with the first ones */
	for (unsigned i = 0; i < 100; i++) {
		unsigned before = out.sent;

		turn(10);
		if (out.sent - before > most)
			most = out.sent - before;
	}
	assert_true(most <= 64 + 64); /* the walk's slice, and the timers' */
	assert_in_range(begun(), 400, 2 * 500 + 51 + 10); /* two seconds of the second walk */
	/* none of them ever answers: the table holds the rate down, and goes on */
	for (unsigned i = 0; i < 3000; i++) {
		turn(10);
		assert_true(begun() - t.ctl.counters[CTL_MPA_UNANSWERED] <= 8192);
	}
	pass(140000, 10);
	assert_int_equal(begun(), MANY);
	assert_int_equal(t.ctl.counters[CTL_MPA_UNANSWERED], MANY);
	assert_int_equal(t.ctl.counters[CTL_MPA_UNSOLICITED], 4 * MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_agents, setup, teardown),
		cmocka_unit_test_setup_teardown(test_agents_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_solicited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reused_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_solicited_no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_solicited_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unsolicited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_acknowledged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_acknowledged_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_registered_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancelled, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_send_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_burst, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
