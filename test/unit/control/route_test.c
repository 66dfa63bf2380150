/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What workers look up is what sync/forward.h says: for every packet that there is, at a site of a
 * mesh of four, whatever it believes of the others and itself. Then route.c, publish.c and grace.c
 * over real tables: whose addresses are answered for, what a binding's entry says of its owner.
 */
#include "test.h"

#include <rte_rcu_qsbr.h>

#include "common/key.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/grace.h"
#include "control/install.h"
#include "control/mesh/route.h"
#include "control/pmtu.h"
#include "dataplane/dp.h"
#include "records/records.h"
#include "tables/addrs.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define SITES   4
#define BUCKETS 5 /* any: what matters is who succeeds */

static const struct forward_agent agents[SITES + 1] = {
	{ .node = FORWARD_ALL },
	{ .node = 1 },
	{ .node = 2 },
	{ .node = 3 },
	{ .node = 4 },
};

/* Domain 0 is of sites 1 to 3, and 5, which is retired; site 4 is a peer of this one elsewhere. */
static struct conf_mesh_peer peers[] = {
	{ .id = 2 },
	{ .id = 3 },
	{ .id = 4 },
	{ .id = 5, .retired = true },
};
static struct conf_domain_peer domain_peers[] = { { .peer = 0 }, { .peer = 1 }, { .peer = 3 } };
static struct conf_domain domain = {
	.name = "msp1", .peers = domain_peers, .peer_count = DIM(domain_peers)
};
static struct conf conf = {
	.node = { .id = 1 },
	.mesh = { .peers = peers, .peer_count = DIM(peers) },
	.domains = &domain,
	.domain_count = 1,
};

static struct mesh_answers answers[2][2];
static struct mesh_domain compiled;

static struct world {
	struct forward_domain d;
	struct next_view view;
	struct next_table next;
} world;

static const enum forward_kind kind_of[] = {
	[MESH_INTERCEPT] = FORWARD_INTERCEPT,
	[MESH_TUNNEL] = FORWARD_TUNNEL,
	[MESH_SIGNALLING] = FORWARD_SIGNALLING,
	[MESH_TUNNEL_ERROR] = FORWARD_TUNNEL_ERROR,
	[MESH_OTHER] = FORWARD_OTHER,
	[MESH_DISCOVERY] = FORWARD_DISCOVERY,
};

static const char *const act_names[] = { "deliver", "open", "accept", "relay", "unreachable",
	"drop" };

static bool is_same(const struct forward_result *r, const struct mesh_answer *a, uint8_t node)
{
	if ((int)r->act != (int)a->act) /* the enums are in one order: see test_names() */
		return false;
	if (r->act == FORWARD_RELAY)
		return r->node == node && (r->as == FORWARD_RELAYED) == a->further &&
		       r->policed == a->policed;
	return r->act != FORWARD_DROP ||
	       strcmp(forward_drop_name(r->drop), dp_drop_name((enum dp_drop)a->drop)) == 0;
}

static void compare(const struct forward_packet *p, uint8_t owner, enum mesh_kind kind)
{
	struct forward_binding b = { .owner = owner };
	struct mesh_query q = {
		.kind = kind,
		.bound = owner == 0    ? MESH_UNBOUND
			 : p->from_coa ? MESH_FROM_COA
				       : MESH_BOUND,
		.from = (enum mesh_from)p->from,
		.peer = p->peer,
		.owner = owner,
		.bucket = p->bucket,
		.agent = p->agent == NULL ? 0 : p->agent->node,
	};
	struct forward_result r = forward(&world.d, owner == 0 ? NULL : &b, p);
	uint8_t node = 0;
	struct mesh_answer a = mesh_ask(&compiled, &q, &node);

	if (!is_same(&r, &a, node))
		fail_msg("kind %d from %d peer %u owner %u bucket %u agent %u coa %d: %s node %u "
			 "%s, but workers %s node %u %s",
			kind, p->from, p->peer, owner, p->bucket, q.agent, p->from_coa,
			act_names[r.act], r.node,
			r.act == FORWARD_DROP ? forward_drop_name(r.drop) : "", act_names[a.act],
			node, a.act == MESH_DROP ? dp_drop_name((enum dp_drop)a.drop) : "");
}

static uint64_t compare_packets(enum mesh_kind kind, enum forward_from from, uint8_t peer)
{
	bool to_agent = kind != MESH_INTERCEPT && kind != MESH_DISCOVERY;
	uint64_t n = 0;

	for (uint8_t owner = 0; owner <= SITES; owner++) {
		for (unsigned agent = 0; agent < (to_agent ? DIM(agents) : 1); agent++) {
			for (unsigned bits = 0; bits < 2 * BUCKETS; bits++, n++) {
				struct forward_packet p = { .kind = kind_of[kind],
					.from = from,
					.peer = peer,
					.bucket = (uint8_t)(bits / 2),
					.agent = to_agent ? &agents[agent] : NULL,
					.from_coa = kind == MESH_TUNNEL && owner != 0 &&
						    bits % 2 != 0 };

				compare(&p, owner, kind);
			}
		}
	}
	return n;
}

static uint64_t compare_all(enum forward_delivery delivery)
{
	uint64_t n = 0;

	world.d.delivery = delivery;
	next_fill(&world.view, &world.next);
	route_fill(&conf, 0, &world.view, &world.next, &compiled);
	compiled.answers = &answers[next_is_live(&world.view, 1)][delivery];
	for (enum mesh_kind kind = 0; kind < MESH_KIND_COUNT; kind++) {
		n += compare_packets(kind, FORWARD_OWN, 0);
		for (uint8_t peer = 2; peer <= SITES + 1; peer++) {
			n += compare_packets(kind, FORWARD_FIRST, peer);
			n += compare_packets(kind, FORWARD_RELAYED, peer);
		}
	}
	return n;
}

/* What is believed of a site: dead, up and what it says, or cut off behind one of the others and
 * ready or draining. False: there is no such belief. */
static bool believe(unsigned i, uint8_t node)
{
	struct next_site *s = &world.view.site[node];
	uint8_t via = (uint8_t)(2 + (i - 5) / 2);

	*s = (struct next_site){ 0 };
	if (i >= 1 && i <= 4)
		*s = (struct next_site){ NEXT_UP, (enum next_says)(i - 1), 0 };
	if (i >= 5)
		*s = (struct next_site){ NEXT_CUT_OFF, i % 2 == 0 ? NEXT_DRAINING : NEXT_READY,
			via };
	return i < 5 || (via <= SITES && via != node);
}

#define BELIEFS (5 + 2 * (SITES - 1))

static void test_equal(void **state)
{
	uint64_t n = 0;

	(void)state;
	for (unsigned delivery = 0; delivery < 2; delivery++)
		for (unsigned serving = 0; serving < 2; serving++)
			assert_int_equal(
				route_compile(serving, delivery, &answers[serving][delivery]), 0);
	world.d.agents = agents;
	world.d.agent_count = DIM(agents);
	world.d.view = &world.view;
	world.d.next = &world.next;
	world.view = (struct next_view){ .domain = next_domain("msp1"), .self = 1 };
	for (uint8_t node = 1; node <= 3; node++)
		forward_add_member(&world.d, node);
	for (unsigned i = 0; i < BELIEFS * BELIEFS * BELIEFS * 4; i++) {
		unsigned of2 = i % BELIEFS, of3 = i / BELIEFS % BELIEFS,
			 of4 = i / BELIEFS / BELIEFS % BELIEFS;

		if (!believe(of2, 2) || !believe(of3, 3) || !believe(of4, 4))
			continue;
		believe(1 + i / BELIEFS / BELIEFS / BELIEFS, 1);
		n += compare_all(FORWARD_DIRECT) + compare_all(FORWARD_PRIMARY);
	}
	print_message("%lu packets\n", n);
	assert_int_equal(answers[0][0].foreign, DP_DROP_MESH_FOREIGN_DOMAIN);
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal((int)FORWARD_DELIVER, MESH_DELIVER);
	assert_int_equal((int)FORWARD_OPEN, MESH_OPEN);
	assert_int_equal((int)FORWARD_ACCEPT, MESH_ACCEPT);
	assert_int_equal((int)FORWARD_RELAY, MESH_RELAY);
	assert_int_equal((int)FORWARD_UNREACHABLE, MESH_UNREACHABLE);
	assert_int_equal((int)FORWARD_DROP, MESH_DROP);
}

/* --- whose address it is --- */

static void test_agent(void **state)
{
	struct ip6_addr own = addr("2001:db8:a::1"), second = addr("2001:db8:a::2"),
			third = addr("2001:db8:a::3");

	(void)state;
	domain.home_agent_address = own;
	domain_peers[0].home_agent_address = second;
	domain_peers[1].home_agent_address = third;
	assert_int_equal(route_agent(&conf, 0, &own), 0); /* no mesh */
	conf.mesh.site_address = addr("2001:db8:1::10");
	assert_int_equal(route_agent(&conf, 0, &own), 1);
	assert_int_equal(route_agent(&conf, 0, &second), 2);
	assert_int_equal(route_agent(&conf, 0, &third), 3);
	domain.mode = CONF_MODE_SHARED;
	assert_int_equal(route_agent(&conf, 0, &own), 0);
	domain.mode = CONF_MODE_UNICAST;
}

/* --- a site --- */

#define GRACE_MS 500

static struct ip6_prefix mobile;
static struct ctl ctl;
static struct tables *t;
static char err[128];

static void on_timer(void *ctx, struct wheel_timer *timer)
{
	struct ctl_timer *own = container_of(timer, struct ctl_timer, t);

	own->fn(ctx, own);
}

static void make_site(void)
{
	struct tables_opts opts = { .readers = 1,
		.max_bindings = 16,
		.mesh_domains = 1,
		.max_neighbors = 16,
		.max_routes = 16,
		.max_addrs = 8,
		.seed = 3 };
	struct records_opts rec = { .max = 16, .mesh = true };

	mobile = prefix("2001:db8:a::/48");
	domain = (struct conf_domain){ .name = "msp1",
		.peers = domain_peers,
		.peer_count = DIM(domain_peers),
		.mobile_prefixes = &mobile,
		.mobile_prefix_count = 1,
		.old_coa_grace_ms = GRACE_MS,
		.home_agent_address = addr("2001:db8:a::1") };
	for (uint32_t i = 0; i < DIM(domain_peers); i++) {
		domain_peers[i].home_agent_address = addr("2001:db8:a::");
		domain_peers[i].home_agent_address.b[15] = (uint8_t)peers[domain_peers[i].peer].id;
	}
	conf.mesh.site_address = addr("2001:db8:1::10");
	assert_int_equal(tables_new(&opts, &t), 0);
	assert_int_equal(rte_rcu_qsbr_thread_register(t->rcu, 0), 0);
	rte_rcu_qsbr_thread_online(t->rcu, 0);
	ctl = (struct ctl){ .conf = &conf, .t = t, .now_ms = 1000 };
	ctl.wheel = wheel_new(ctl.now_ms);
	assert_int_equal(records_new(&rec, &ctl.records), 0);
	assert_int_equal(pmtu_new(16, 1, &ctl.pmtu), 0);
	assert_int_equal(grace_new(&ctl, &ctl.grace), 0);
}

static int start_site(void **state)
{
	(void)state;
	make_site();
	assert_int_equal(install_addresses(&ctl, err, sizeof(err)), 0);
	assert_int_equal(install_routes(&ctl, err, sizeof(err)), 0);
	assert_int_equal(route_new(&ctl, err, sizeof(err)), 0);
	return 0;
}

static int stop_site(void **state)
{
	(void)state;
	route_free(&ctl);
	records_free(ctl.records);
	pmtu_free(ctl.pmtu);
	wheel_free(ctl.wheel);
	grace_free(ctl.grace);
	tables_free(t);
	return 0;
}

static void grace_period(void)
{
	rte_rcu_qsbr_quiescent(t->rcu, 0);
	dq_run(t->dq, 16);
}

/* One letter for each site from 1 on: r ready, j joining, x dead. */
static void publish_view(const char *text)
{
	struct next_view v = { .domain = next_domain("msp1"), .self = 1 };
	static struct next_table next;

	for (uint8_t n = 1; *text != '\0'; text++, n++)
		if (*text != 'x')
			v.site[n] = (struct next_site){ NEXT_UP,
				*text == 'r' ? NEXT_READY : NEXT_JOINING, 0 };
	next_fill(&v, &next);
	route_publish(&ctl, 0, &v, &next);
}

static bool is_held(const char *text)
{
	struct ip6_addr a = addr(text);

	return route_is_held(&ctl, 0, &a);
}

/* Whose home agent address it is, as workers know it. */
static void test_addresses(void **state)
{
	(void)state;
	for (uint8_t node = 1; node <= 5; node++) {
		struct ip6_addr a = addr("2001:db8:a::");
		uint32_t value;

		a.b[15] = node;
		value = fib_lookup(t->fib, &a);
		assert_int_equal(fib_kind(value), node == 4 ? FIB_DOMAIN : FIB_HOME_AGENT);
		assert_int_equal(fib_domain(value), 0);
		assert_int_equal(fib_node(value), node == 4 ? 0 : node);
	}
}

static void test_adoption(void **state)
{
	struct ip6_addr far = addr("2001:db8:f::1");

	(void)state;
	assert_true(is_held("2001:db8:a::1"));
	assert_false(is_held("2001:db8:a::2")); /* nobody serves yet, this site neither */
	assert_false(is_held("2001:db8:a::5"));
	publish_view("rrr");
	assert_true(is_held("2001:db8:a::1"));
	assert_false(is_held("2001:db8:a::2") || is_held("2001:db8:a::3"));
	assert_true(is_held("2001:db8:a::5")); /* retired */
	publish_view("rxr");
	assert_true(is_held("2001:db8:a::2"));
	assert_false(is_held("2001:db8:a::3"));
	/* answers from it; what hamd says of itself has its own address */
	assert_true(ip6_eq(addrs_source(t->addrs, &far, 0), &domain.home_agent_address));
	publish_view("rjx"); /* back, and not ready */
	assert_true(is_held("2001:db8:a::2") && is_held("2001:db8:a::3"));
	publish_view("rrx");
	assert_false(is_held("2001:db8:a::2"));
	publish_view("jrx"); /* who does not serve adopts nothing */
	assert_false(is_held("2001:db8:a::3") || is_held("2001:db8:a::5"));
	assert_false(is_held("2001:db8:a::4") || is_held("2001:db8:1::10"));
}

/* The newest view gets to the workers, however long they read the one before. */
static void test_slow_readers(void **state)
{
	const struct mesh_domain *first;

	(void)state;
	first = meshtab_domain(t->mesh, 0);
	assert_int_equal(first->hop[2][0], 0);
	publish_view("rrr");
	assert_int_equal(meshtab_domain(t->mesh, 0)->hop[2][0], 2);
	assert_false(route_run(&ctl));
	publish_view("rxr");
	publish_view("rxx");
	assert_true(route_run(&ctl));
	assert_int_equal(meshtab_domain(t->mesh, 0)->hop[2][0], 2);
	grace_period();
	assert_false(route_run(&ctl));
	assert_int_equal(meshtab_domain(t->mesh, 0)->hop[2][0], 1);
	assert_int_equal(meshtab_domain(t->mesh, 0)->live[2], 0);
	assert_false(route_run(&ctl));
}

/* --- entries --- */

static struct record *bind_at(const char *coa, uint8_t owner)
{
	struct ip6_addr hoa = addr("2001:db8:a::100"), a = addr(coa);
	struct record *r = records_find(ctl.records, 0, &hoa);

	if (r == NULL)
		r = records_add(ctl.records, 0, &hoa);
	assert_non_null(r);
	r->ha = addr("2001:db8:a::2");
	records_mesh(ctl.records, r)->owner.node = owner;
	records_set(ctl.records, r, RECORD_LIVE, &a, UINT64_MAX / 2);
	assert_int_equal(publish(&ctl, r), 0);
	return r;
}

static const struct bc_entry *entry(void)
{
	struct ip6_addr hoa = addr("2001:db8:a::100");

	return bc_find(t->bc, &hoa);
}

static void test_entry(void **state)
{
	struct ip6_addr hoa = addr("2001:db8:a::100"), ha = addr("2001:db8:a::2");
	const struct bc_entry *e;
	struct record *r;

	(void)state;
	r = bind_at("2001:db8:f::1", 2);
	e = entry();
	assert_int_equal(e->owner, 2);
	assert_int_equal(e->bucket, record_key_bucket(record_key(next_domain("msp1"), &hoa)));
	assert_true(ip6_eq(&e->ha, &ha)); /* not our own */
	assert_int_equal(bc_path_mtu(e, 1500), 1500);
	/* taken over: a store in place; and a path MTU that another site has learned */
	assert_int_equal(records_set_mtu(ctl.records, r, 1400, ctl.now_ms + 10), 0);
	bind_at("2001:db8:f::1", 1);
	assert_ptr_equal(entry(), e);
	assert_int_equal(e->owner, 1);
	assert_int_equal(bc_path_mtu(e, 1500), 1400);
	pmtu_learn(ctl.pmtu, ctl.now_ms, &r->coa, PMTU_TUNNEL, 1300);
	bind_at("2001:db8:f::1", 1);
	assert_int_equal(bc_path_mtu(e, 1500), 1300);
	ctl.now_ms += 11;
	bind_at("2001:db8:f::1", 1);
	assert_int_equal(bc_path_mtu(e, 1500), 1300);
}

static void walk_after(uint64_t ms)
{
	ctl.now_ms += ms;
	while (publish_reresolve(&ctl))
		;
}

/* What another site told is forgotten in its time, within a minute, without anybody's saying so. */
static void test_told_mtu(void **state)
{
	struct record *r;

	(void)state;
	r = bind_at("2001:db8:f::1", 2);
	walk_after(1);
	assert_int_equal(records_set_mtu(ctl.records, r, 1400, ctl.now_ms + 100000), 0);
	bind_at("2001:db8:f::1", 2);
	assert_int_equal(bc_path_mtu(entry(), 1500), 1400);
	walk_after(60000);
	assert_int_equal(bc_path_mtu(entry(), 1500), 1400);
	walk_after(60000);
	assert_int_equal(bc_path_mtu(entry(), 1500), 1500);
}

static void pass_ms(uint64_t ms)
{
	ctl.now_ms += ms;
	wheel_advance(ctl.wheel, ctl.now_ms, 100, on_timer, &ctl);
}

static bool is_from(const char *coa)
{
	struct ip6_addr a = addr(coa);

	return bc_is_from(entry(), &a);
}

static void test_grace(void **state)
{
	(void)state;
	bind_at("2001:db8:f::1", 1);
	bind_at("2001:db8:f::2", 1);
	pass_ms(GRACE_MS - 1);
	assert_true(is_from("2001:db8:f::1"));
	bind_at("2001:db8:f::2", 1); /* a refresh */
	assert_true(is_from("2001:db8:f::1"));
	pass_ms(1);
	assert_false(is_from("2001:db8:f::1"));
	assert_true(is_from("2001:db8:f::2"));
	/* two moves: each address has its own time */
	bind_at("2001:db8:f::3", 1);
	pass_ms(GRACE_MS - 1);
	bind_at("2001:db8:f::4", 1);
	pass_ms(1);
	assert_true(is_from("2001:db8:f::3"));
	pass_ms(GRACE_MS);
	assert_false(is_from("2001:db8:f::3"));
	/* all places taken: the move counts at once */
	ctl.now_ms++;
	for (unsigned i = 0; i < GRACE_MAX; i++)
		grace_begin(&ctl, 0, &entry()->hoa, &entry()->ha);
	assert_false(grace_is_given(&ctl, 0));
	bind_at("2001:db8:f::5", 1);
	assert_false(is_from("2001:db8:f::4"));
	for (unsigned i = 0; i <= GRACE_MAX / 100; i++)
		pass_ms(GRACE_MS);
	assert_true(grace_is_given(&ctl, 0));
	domain.old_coa_grace_ms = 0;
	assert_false(grace_is_given(&ctl, 0));
	bind_at("2001:db8:f::6", 1);
	assert_false(is_from("2001:db8:f::5"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_agent),
		cmocka_unit_test_setup_teardown(test_addresses, start_site, stop_site),
		cmocka_unit_test_setup_teardown(test_adoption, start_site, stop_site),
		cmocka_unit_test_setup_teardown(test_slow_readers, start_site, stop_site),
		cmocka_unit_test_setup_teardown(test_entry, start_site, stop_site),
		cmocka_unit_test_setup_teardown(test_told_mtu, start_site, stop_site),
		cmocka_unit_test_setup_teardown(test_grace, start_site, stop_site),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
