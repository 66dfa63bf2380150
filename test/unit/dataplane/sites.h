/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sites of a mesh side by side, for tests: each with its tables and a worker with the real stages;
 * what one puts on the wire for another is carried there by hand. No devices, clear mesh tunnels or
 * sealed ones.
 *
 *   site n: 2001:db8:n::10, default route by a gateway that takes everything
 *   domain 0, "msp1": 2001:db8:a::/48, sites 1 to 3, home agents 2001:db8:a::1 to ::3 or, shared, ::1
 *   domain 1, "msp2": 2001:db8:b::/48, sites 1 and 2, home agents 2001:db8:b::1 and ::2
 */
#pragma once

#include "test.h"

#include <rte_eal.h>
#include <rte_rcu_qsbr.h>

#include "common/key.h"
#include "conf/conf.h"
#include "control/mesh/route.h"
#include "dataplane/domains.h"
#include "dataplane/relay.h"
#include "dataplane/worker.h"
#include "net/ip6hdr.h"
#include "tables/adj.h"
#include "tables/bc.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/sa.h"
#include "tables/tables.h"

#define SITES   3
#define DOMAINS 2
#define HEAD    14 /* octets of an Ethernet header */

struct site {
	uint8_t node;
	struct conf conf;
	struct tables *t;
	struct dp_port_view view;
	struct dp_worker w;
	struct next_view next_view;
	struct next_table next;
};

static struct site sites[SITES + 1]; /* from 1 on */
static struct rte_mempool *pool;
static struct mesh_answers answers[2][2];

static struct conf_mesh_peer site_peers[SITES + 1][SITES - 1];
static struct conf_domain_peer site_domain_peers[SITES + 1][DOMAINS][SITES - 1];
static struct conf_domain site_domains[SITES + 1][DOMAINS];

static inline struct ip6_addr address_of(const char *format, unsigned n)
{
	char text[IP6_STRLEN];

	snprintf(text, sizeof(text), format, n);
	return addr(text);
}

static inline struct ip6_addr site_address(uint8_t node)
{
	return address_of("2001:db8:%u::10", node);
}

static inline struct ip6_addr agent_address(unsigned domain, uint8_t node)
{
	return address_of(domain == 0 ? "2001:db8:a::%u" : "2001:db8:b::%u", node);
}

/* --- configuration --- */

static void describe(struct site *s, enum conf_mode mode, enum conf_delivery delivery)
{
	uint32_t n = 0;

	s->conf = (struct conf){ .node = { .id = s->node },
		.mesh = { .site_address = site_address(s->node),
			.peers = site_peers[s->node],
			.peer_count = SITES - 1 },
		.domains = site_domains[s->node],
		.domain_count = DOMAINS };
	for (unsigned d = 0; d < DOMAINS; d++) {
		struct conf_domain *dom = &site_domains[s->node][d];

		*dom = (struct conf_domain){ .mode = mode,
			.delivery = delivery,
			.tcp_mss_clamp = CONF_MSS_AUTO,
			.home_agent_address =
				agent_address(d, mode == CONF_MODE_SHARED ? 1 : s->node),
			.peers = site_domain_peers[s->node][d],
			.limits = { .mismatch_per_s = 1000000, .mismatch_burst = 1000000 } };
		snprintf(dom->name, sizeof(dom->name), "msp%u", d + 1);
	}
	for (uint8_t node = 1; node <= SITES; node++) {
		if (node == s->node)
			continue;
		site_peers[s->node][n] =
			(struct conf_mesh_peer){ .id = node, .address = site_address(node) };
		for (unsigned d = 0; d < DOMAINS; d++) {
			struct conf_domain *dom = &site_domains[s->node][d];

			if (d == 0 || (node <= 2 && s->node <= 2))
				site_domain_peers[s->node][d][dom->peer_count++] =
					(struct conf_domain_peer){ .peer = (int)n,
						.home_agent_address = agent_address(d, node) };
		}
		n++;
	}
}

/* --- tables --- */

static void set_route(struct site *s, const struct ip6_addr *a, uint8_t len, uint32_t value)
{
	struct ip6_prefix p = { *a, len };

	assert_int_equal(fib_set(s->t->fib, &p, value), 0);
}

static void make_routes(struct site *s)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct ip6_addr gateway = address_of("2001:db8:%u::1", s->node),
			own = site_address(s->node), any = { 0 };
	uint32_t adj = adj_add(s->t->adj, 0, &gateway);

	adj_set(s->t->adj, adj, mac, ADJ_RESOLVED);
	set_route(s, &any, 0, fib_value(FIB_VIA, adj));
	set_route(s, &own, 128, fib_value(FIB_LOCAL, 0));
	for (uint16_t d = 0; d < DOMAINS; d++) {
		struct ip6_addr pre = addr(d == 0 ? "2001:db8:a::" : "2001:db8:b::");
		struct ip6_addr anycast = addr(d == 0 ? "2001:db8:a:0:fdff:ffff:ffff:fffe"
						      : "2001:db8:b:0:fdff:ffff:ffff:fffe");

		set_route(s, &pre, 48, fib_value(FIB_DOMAIN, d));
		set_route(s, &anycast, 128, fib_value(FIB_ANYCAST, d));
		for (uint8_t node = 1; node <= SITES; node++) {
			struct ip6_addr a = agent_address(d, node);

			if (d == 0 || (node <= 2 && s->node <= 2))
				set_route(s, &a, 128,
					fib_value(FIB_HOME_AGENT,
						fib_agent(d, route_agent(&s->conf, d, &a))));
			if (site_domains[s->node][d].mode == CONF_MODE_SHARED)
				break;
		}
	}
}

static void make_tables(struct site *s, bool clear)
{
	struct sa_opts sa = { .node = s->node,
		.site = site_address(s->node),
		.workers = 2,
		.clear = clear,
		.seed = 11 };
	struct tables_opts opts = { .readers = 1,
		.max_bindings = 100,
		.mesh_domains = DOMAINS,
		.max_neighbors = 8,
		.max_routes = 64,
		.max_addrs = 8,
		.mesh = &sa,
		.seed = 42 };

	assert_int_equal(tables_new(&opts, &s->t), 0);
	for (uint8_t node = 1; node <= SITES; node++) {
		struct ip6_addr a = site_address(node);

		if (node != s->node)
			assert_int_equal(sa_add_peer(s->t->sa, node, &a), 0);
	}
	make_routes(s);
}

static void give_keys(void)
{
	for (uint8_t from = 1; from <= SITES; from++) {
		for (uint8_t to = 1; to <= SITES; to++) {
			struct sa_keys k = { .key = { from, to }, .generation = 5 };

			if (from == to)
				continue;
			assert_int_equal(sa_set_out(sites[from].t->sa, to, &k), 0);
			assert_int_equal(sa_add_in(sites[to].t->sa, from, &k), 0);
		}
	}
}

static void make_worker(struct site *s)
{
	static struct rte_ring *punt[SITES + 1][DP_PUNT_COUNT];

	memset(&s->w, 0, sizeof(s->w));
	s->view = (struct dp_port_view){
		.mtu = 1500, .mac = { 2, 0, 0, 0, 1, s->node }, .link_up = true
	};
	ip6_link_local_from_mac(s->view.mac, &s->view.link_local);
	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		char name[24];

		snprintf(name, sizeof(name), "punt%u-%u", s->node, c);
		if (punt[s->node][c] == NULL)
			punt[s->node][c] = rte_ring_create(name, 64, SOCKET_ID_ANY, 0);
		assert_non_null(punt[s->node][c]);
		s->w.punt[c] = punt[s->node][c];
	}
	s->w.t = s->t;
	s->w.port = &s->view;
	s->w.port_count = 1;
	s->w.workers = 1;
	s->w.pool = pool;
	fragid_init(&s->w.fragid, (const uint8_t[FRAGID_KEY_LEN]){ 7 }, 0, 2);
	assert_int_equal(domains_new(&s->conf, rte_get_tsc_hz(), 1, &s->w.domains), 0);
}

/* What site n believes of the others in a domain: one letter each: r ready, d draining, j joining,
 * l left, x dead; a digit: cut off and ready, reached through that site. */
static void believe(struct site *s, uint16_t domain, const char *text)
{
	struct mesh_domain *d = meshtab_buffer(s->t->mesh, domain);
	bool serving;

	s->next_view = (struct next_view){ .domain = next_domain(s->conf.domains[domain].name),
		.self = s->node };
	for (uint8_t n = 1; *text != '\0'; text++, n++) {
		static const char letters[] = "jrdl"; /* in order of enum next_says */
		const char *at = strchr(letters, *text);

		if (at != NULL)
			s->next_view.site[n] =
				(struct next_site){ NEXT_UP, (enum next_says)(at - letters), 0 };
		else if (*text != 'x')
			s->next_view.site[n] = (struct next_site){ NEXT_CUT_OFF, NEXT_READY,
				(uint8_t)(*text - '0') };
	}
	next_fill(&s->next_view, &s->next);
	route_fill(&s->conf, domain, &s->next_view, &s->next, d);
	serving = next_is_live(&s->next_view, s->node);
	d->answers = &answers[serving][s->conf.domains[domain].delivery];
	assert_int_equal(meshtab_publish(s->t->mesh, domain), 0);
	rte_rcu_qsbr_quiescent(s->t->rcu, 0);
	dq_run(s->t->dq, 16);
}

static void bind_at(struct site *s, const char *hoa, const char *coa, uint16_t domain,
	uint8_t agent, uint8_t owner)
{
	struct bc_binding b = { .hoa = addr(hoa),
		.coa = addr(coa),
		.ha = agent_address(domain, agent),
		.domain = domain,
		.owner = owner,
		.mss = BC_MSS_AUTO };

	b.bucket = record_key_bucket(record_key(next_domain(s->conf.domains[domain].name), &b.hoa));
	assert_int_equal(bc_publish(s->t->bc, &b), 0);
}

static void sites_free(void)
{
	for (uint8_t n = 1; n <= SITES; n++) {
		domains_free(sites[n].w.domains);
		tables_free(sites[n].t);
		sites[n].w.domains = NULL;
		sites[n].t = NULL;
	}
}

/* All sites, ready, without bindings. */
static void sites_make(enum conf_mode mode, enum conf_delivery delivery, bool clear)
{
	sites_free();
	for (uint8_t n = 1; n <= SITES; n++) {
		struct site *s = &sites[n];

		s->node = n;
		describe(s, mode, delivery);
		make_tables(s, clear);
		assert_int_equal(rte_rcu_qsbr_thread_register(s->t->rcu, 0), 0);
		rte_rcu_qsbr_thread_online(s->t->rcu, 0);
		make_worker(s);
		believe(s, 0, "rrr");
		believe(s, 1, n <= 2 ? "rr" : "xxr");
	}
	if (!clear)
		give_keys();
}

static int sites_set_up(void **state)
{
	char args[][24] = { "sites-test", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
		"--no-shconf", "--log-level=*:error", "-l", "0" };
	char *argv[DIM(args) + 1] = { NULL };

	(void)state;
	for (unsigned i = 0; i < DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(DIM(args), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create(
		"pkts", 1023, 0, RTE_ALIGN(sizeof(struct dp_meta), 8), 4096, SOCKET_ID_ANY);
	assert_non_null(pool);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(route_compile(i / 2, i % 2, &answers[i / 2][i % 2]), 0);
	return 0;
}

static int sites_tear_down(void **state)
{
	(void)state;
	sites_free();
	assert_int_equal(rte_mempool_avail_count(pool), 1023); /* no packet was leaked */
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

/* --- packets --- */

struct pkt {
	uint8_t b[4000];
	uint16_t n;
};

static struct pkt ip6(const struct ip6_addr *src, const struct ip6_addr *dst, uint8_t next,
	const void *payload, uint16_t len)
{
	struct pkt p = { .n = (uint16_t)(sizeof(struct net_ip6) + len) };

	net_ip6_fill((struct net_ip6 *)p.b, len, next, 64, src, dst);
	if (len > 0 && payload != NULL)
		memcpy(p.b + sizeof(struct net_ip6), payload, len);
	return p;
}

/* What became of a packet at a site. */
#define DOOR_TX      (-1)
#define DOOR_PUNT(c) (-2 - (int)(c))
#define DOOR_NONE    (-100)

struct fate {
	int door; /* or an enum dp_drop */
	struct dp_meta meta;
	struct pkt pkt; /* as it left, without Ethernet header */
};

static void keep(struct fate *f, struct rte_mbuf *m, int door, uint16_t head)
{
	f->door = door;
	f->meta = *dp_meta(m);
	f->pkt.n = (uint16_t)(m->data_len - head);
	memcpy(f->pkt.b, rte_pktmbuf_mtod_offset(m, void *, head), f->pkt.n);
	rte_pktmbuf_free(m);
}

/* One packet that comes in by the site's port. */
static struct fate site_take(struct site *s, const struct pkt *p)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint64_t before[DP_DROP_COUNT];
	struct fate f = { .door = DOOR_NONE };
	unsigned n = 0;

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, p->n), p->b, p->n);
	memset(dp_meta(m), 0, sizeof(struct dp_meta));
	memcpy(before, s->w.counters.drop, sizeof(before));
	dp_vec_push(&s->w.vec[V_AGAIN], m);
	dp_carry(&s->w);
	for (; s->w.tx[0].n > 0; n++)
		keep(&f, s->w.tx[0].pkt[--s->w.tx[0].n], DOOR_TX, HEAD);
	for (unsigned c = 0; c < DP_PUNT_COUNT; c++) {
		void *x;

		for (; rte_ring_dequeue(s->w.punt[c], &x) == 0; n++)
			keep(&f, x, DOOR_PUNT(c), 0);
	}
	for (unsigned r = 0; r < DP_DROP_COUNT; r++) {
		if (s->w.counters.drop[r] > before[r])
			f.door = (int)r;
		n += (unsigned)(s->w.counters.drop[r] - before[r]);
	}
	assert_int_equal(n, 1);
	return f;
}
