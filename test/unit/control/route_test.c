/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What workers look up is what sync/forward.h says: for every packet that there is, at a site of a
 * mesh of four, whatever it believes of the others and itself.
 */
#include "test.h"

#include "conf/conf.h"
#include "control/mesh/route.h"
#include "dataplane/dp.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_agent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
