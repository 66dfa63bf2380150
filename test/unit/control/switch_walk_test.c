/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is next to be told to switch: many mobile nodes of two domains, one of which tells slowly, and
 * more of them than the table holds. Records are real, and so are subscribers; the mesh is what it
 * last said, nobody answers, and what is sent is counted.
 */
#include "test.h"

#include "common/log.h"
#include "common/mac.h"
#include "common/wheel.h"
#include "conf/conf.h"
#include "control/mesh/mesh_priv.h"
#include "control/mesh/route.h"
#include "control/mip6/mip6_priv.h"
#include "control/mip6/switch.h"
#include "net/ip6hdr.h"
#include "records/records.h"
#include "records/subs.h"

#define START_MS 1000000
#define MANY     20000
#define TABLE    8192 /* waiting at once */

static struct {
	struct ctl ctl;
	struct conf conf;
	struct conf_domain domains[3];
	struct conf_domain_peer members[3];
	struct conf_mesh_peer peer;
	struct mesh mesh;
	struct mip6 mip6;
	unsigned sent[3];
	uint32_t made[3];
} t;

static struct ip6_addr address(unsigned domain, uint32_t n)
{
	struct ip6_addr a = addr("2001:db8:a::");

	a.b[5] = (uint8_t)(a.b[5] + domain);
	a.b[13] = (uint8_t)(n >> 16);
	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

int ctl_send(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	const struct net_ip6 *ip6 = (const struct net_ip6 *)pkt;

	assert_ptr_equal(ctl, &t.ctl);
	assert_int_equal(len, sizeof(*ip6) + 48);
	t.sent[ip6->dst.b[5] - 0xa]++;
	return 0;
}

const struct sub *ctl_subscriber(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa)
{
	return subs_find(ctl->subs, domain, hoa);
}

uint8_t route_agent(const struct conf *conf, uint16_t domain, const struct ip6_addr *agent)
{
	(void)conf;
	(void)domain;
	return agent->b[15];
}

bool mesh_is_owner(const struct ctl *ctl, const struct record *r)
{
	(void)ctl;
	(void)r;
	return true;
}

const char *mesh_site_name(const struct ctl *ctl, uint8_t node)
{
	(void)ctl;
	return node == 1 ? "one" : "two";
}

struct discovery_site mip6_site(const struct ctl *ctl, const struct conf_domain_peer *p)
{
	(void)ctl;
	return (struct discovery_site){ .agent = p->home_agent_address };
}

struct record *mip6_find_record(struct ctl *ctl, const struct ip6_addr *hoa)
{
	(void)ctl;
	(void)hoa;
	return NULL;
}

static void configure(unsigned count, const uint32_t *per_s)
{
	for (unsigned d = 0; d < count; d++) {
		t.members[d].home_agent_address = address(d, 2);
		t.domains[d] = (struct conf_domain){ .home_agent_address = address(d, 1),
			.peers = &t.members[d],
			.peer_count = 1,
			.home_agent_switch = per_s[d] > 0,
			.switch_after_s = 600,
			.limits.switch_per_s = per_s[d] };
		snprintf(t.domains[d].name, sizeof(t.domains[d].name), "msp%u", d);
	}
	t.peer.id = 2;
	t.conf = (struct conf){ .node.id = 1,
		.domains = t.domains,
		.domain_count = count,
		.mesh = { .peers = &t.peer, .peer_count = 1 } };
}

/* Whoever has an address of these domains has the key. */
static void subscribe(unsigned count)
{
	struct subs_opts opts = { .max = 1, .domains = (uint16_t)count, .seed = 1 };
	struct sub sub = { .lifetime_max_s = 600, .auth = SUB_AUTH_MN_HA, .spi = 256 };
	struct mac_key *key;

	assert_int_equal(subs_new(&opts, &t.ctl.subs), 0);
	assert_int_equal(subs_add_key(t.ctl.subs, &key, &sub.key), 0);
	mac_key_set(t.mip6.mac, key, (const uint8_t *)"0123456789abcdef", 16);
	for (unsigned d = 0; d < count; d++) {
		struct ip6_prefix all = { .addr = address(d, 0), .len = 48 };

		sub.domain = (uint16_t)d;
		assert_int_equal(subs_add_range(t.ctl.subs, &all, &sub, 0), 0);
	}
	subs_seal(t.ctl.subs);
}

/* per_s of each domain; 0: it tells nobody. */
static void begin(unsigned count, const uint32_t *per_s)
{
	struct records_opts opts = { .max = 3 * MANY, .seed = 1, .now_ms = START_MS };

	memset(&t, 0, sizeof(t));
	log_set_level(LOG_ERR);
	configure(count, per_s);
	t.ctl.conf = &t.conf;
	t.ctl.mesh = &t.mesh;
	t.ctl.mip6 = &t.mip6;
	t.ctl.now_ms = START_MS;
	t.ctl.wheel = wheel_new(START_MS);
	assert_int_equal(mac_new(&t.mip6.mac), 0);
	assert_int_equal(records_new(&opts, &t.ctl.records), 0);
	subscribe(count);
	assert_int_equal(switches_new(&t.ctl, &t.mip6.switches), 0);
	for (unsigned d = 0; d < count; d++) {
		t.mesh.domain[d].says = NEXT_DRAINING;
		t.mesh.site[2].says[d] = NEXT_READY;
	}
}

static void end(void)
{
	switches_free(t.mip6.switches);
	subs_free(t.ctl.subs);
	records_free(t.ctl.records);
	mac_free(t.mip6.mac);
	wheel_free(t.ctl.wheel);
}

static void bind_many(unsigned domain, uint32_t count)
{
	struct ip6_addr coa = addr("2001:db8:c::1");

	for (uint32_t i = 0; i < count; i++) {
		struct ip6_addr hoa = address(domain, 256 + t.made[domain]++);
		struct record *r = records_add(t.ctl.records, (uint16_t)domain, &hoa);

		assert_non_null(r);
		r->ha = t.domains[domain].home_agent_address;
		r->lifetime_s = 600;
		records_set(t.ctl.records, r, RECORD_LIVE, &coa, t.ctl.now_ms + 600000);
	}
}

static void on_wheel(void *ctx, struct wheel_timer *timer)
{
	struct ctl_timer *x = container_of(timer, struct ctl_timer, t);

	x->fn(ctx, x);
}

/* A turn a millisecond, in which no more than a slice is looked at. */
static void pass(unsigned ms)
{
	while (ms-- > 0) {
		unsigned before = t.sent[0] + t.sent[1] + t.sent[2];

		t.ctl.now_ms++;
		mip6_switch(&t.ctl);
		assert_in_range(t.sent[0] + t.sent[1] + t.sent[2], before, before + 64);
		wheel_advance(t.ctl.wheel, t.ctl.now_ms, 4096, on_wheel, &t.ctl);
	}
}

static struct switch_info info(unsigned domain)
{
	struct switch_info i;

	assert_true(switch_info(&t.ctl, (uint16_t)domain, &i));
	return i;
}

/* More than there is room for: the rest when the first are given up, and then all are told. */
static void test_full(void **state)
{
	(void)state;
	begin(1, (const uint32_t[]){ 1000000 });
	bind_many(0, MANY);
	pass(4900);
	assert_int_equal(t.sent[0], TABLE);
	assert_int_equal(info(0).waiting, TABLE);
	assert_false(info(0).all_told);
	pass(49000); /* three repetitions each, and nobody else */
	assert_int_equal(t.sent[0], 4 * TABLE);
	assert_int_equal(info(0).waiting, TABLE);
	assert_true(mip6_is_switching(&t.ctl, 0));
	pass(120000);
	assert_true(info(0).all_told);
	assert_int_equal(info(0).waiting, 0);
	assert_int_equal(t.sent[0], 4 * MANY);
	assert_int_equal(t.ctl.counters[CTL_HA_SWITCH_UNANSWERED], MANY);
	assert_false(mip6_is_switching(&t.ctl, 0));
	pass(20000);
	assert_int_equal(t.sent[0], 4 * MANY);
	end();
}

/* A domain that tells one a second holds up no other, is not told faster by it, and has not told all
 * because a walk is over; nobody takes more than its share of the table. */
static void test_two(void **state)
{
	(void)state;
	begin(3, (const uint32_t[]){ 1, 0, 1000000 });
	bind_many(0, 100);
	bind_many(1, 100);
	bind_many(2, MANY);
	pass(4900);
	assert_in_range(t.sent[0], 4, 5);
	assert_int_equal(t.sent[1], 0);
	assert_int_equal(t.sent[2], TABLE / 2);
	assert_false(info(0).all_told);
	assert_false(info(2).all_told);
	assert_false(switch_info(&t.ctl, 1, &(struct switch_info){ 0 }));
	pass(15000);
	assert_in_range(info(0).waiting, 19, 20);
	assert_false(info(0).all_told);
	/* it drains no more: who was told hears nothing more, the other goes on */
	t.mesh.domain[0].says = NEXT_LEFT;
	pass(21000);
	assert_int_equal(info(0).waiting, 0);
	assert_false(mip6_is_switching(&t.ctl, 0));
	assert_true(mip6_is_switching(&t.ctl, 2));
	end();
}

/* Another site is ready only later: nobody is marked as told before. */
static void test_later(void **state)
{
	(void)state;
	begin(1, (const uint32_t[]){ 1000 });
	bind_many(0, 10);
	t.mesh.site[2].says[0] = NEXT_DRAINING;
	pass(1500);
	assert_int_equal(t.sent[0] + info(0).waiting, 0);
	assert_false(mip6_is_switching(&t.ctl, 0));
	t.mesh.site[2].says[0] = NEXT_READY;
	pass(1200);
	assert_int_equal(t.sent[0], 10);
	end();
}

/* A drain anew is about all of them anew, also before the first one is told. */
static void test_anew(void **state)
{
	(void)state;
	begin(1, (const uint32_t[]){ 1 });
	bind_many(0, 1);
	pass(300);
	assert_int_equal(t.sent[0], 1);
	pass(60000);
	assert_true(info(0).all_told);
	assert_int_equal(info(0).waiting, 0);
	bind_many(0, 1);
	pass(2000); /* takes the token */
	assert_int_equal(info(0).waiting, 1);
	t.mesh.domain[0].says = NEXT_READY;
	pass(200);
	t.mesh.domain[0].says = NEXT_DRAINING;
	pass(100);
	assert_false(info(0).all_told);
	assert_true(mip6_is_switching(&t.ctl, 0));
	pass(3000);
	assert_int_equal(t.sent[0], 4 + 1 + 2);
	end();
}

/* ... and when a walk is half over: at its end the first half has not been told. */
static void test_half(void **state)
{
	(void)state;
	begin(1, (const uint32_t[]){ 1 });
	bind_many(0, 2);
	pass(300);
	assert_int_equal(t.sent[0], 1);
	t.mesh.domain[0].says = NEXT_READY;
	pass(200);
	t.mesh.domain[0].says = NEXT_DRAINING;
	pass(700);
	assert_int_equal(t.sent[0], 2);
	pass(1000);
	assert_false(info(0).all_told);
	pass(3000);
	assert_int_equal(t.sent[0], 3);
	assert_true(info(0).all_told);
	end();
}

/* Turns that take long have room for one domain's walk: each has its turn. */
static void test_slow(void **state)
{
	(void)state;
	begin(2, (const uint32_t[]){ 1000000, 1000000 });
	for (unsigned i = 0; i < 2000; i++) {
		bind_many(0, 1);
		bind_many(1, 1);
	}
	for (unsigned i = 0; i < 30; i++) {
		t.ctl.now_ms += 99;
		pass(1);
	}
	assert_in_range(t.sent[0], 400, 500);
	assert_in_range(t.sent[1], 400, 500);
	end();
}

/* Who drains tells nothing of another one's mobile nodes, who took these over will; nor does who is
 * not ready. */
static void test_not_ready(void **state)
{
	static const enum next_says says[] = { NEXT_JOINING, NEXT_DRAINING, NEXT_LEFT, NEXT_READY };

	(void)state;
	for (size_t i = 0; i < DIM(says); i++) {
		begin(1, (const uint32_t[]){ 1000 });
		bind_many(0, 10);
		for (uint32_t n = 0; n < 10; n++) {
			struct ip6_addr hoa = address(0, 256 + n);

			records_find(t.ctl.records, 0, &hoa)->ha = address(0, 2);
		}
		t.mesh.domain[0].says = says[i];
		t.mesh.site[2].gone_ms[0] = t.ctl.now_ms - 600000;
		pass(1500);
		assert_int_equal(t.sent[0], says[i] == NEXT_READY ? 10 : 0);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_anew),
		cmocka_unit_test(test_half),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_not_ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
