/* SPDX-License-Identifier: BSD-3-Clause */
/* icmp.c and tunnel.c over the real tables: which way answers and errors leave, what errors from
 * inside a tunnel teach and whom they reach. Stand-ins below for the ways out and the drop
 * counters. */
#include "test.h"

#include <errno.h>
#include <rte_rcu_qsbr.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mesh/data_mtu.h"
#include "control/mesh/labels.h"
#include "control/pmtu.h"
#include "control/tunnel_rules.h"
#include "net/cksum.h"
#include "net/icmp6.h"
#include "tables/addrs.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/sa.h"
#include "tables/tables.h"

#define HA     "2001:db8:a::1"
#define HOA    "2001:db8:a::100"
#define HOA2   "2001:db8:a::101"
#define COA    "2001:db8:c::1"
#define CN     "2001:db8:9::9"
#define DOMAIN 3 /* of all bindings */

/* --- what surrounds it --- */

static unsigned by_binding, by_wire, by_link;
static struct {
	uint8_t pkt[1280];
	uint16_t len;
} sent; /* the last */
static struct ip6_addr sent_to, sent_from;
static uint64_t drops[DP_DROP_COUNT];

static int leave(unsigned *way, const uint8_t *pkt, uint16_t len)
{
	assert_true(len <= sizeof(sent.pkt));
	memcpy(sent.pkt, pkt, len);
	sent.len = len;
	sent_to = ((const struct net_ip6 *)pkt)->dst;
	sent_from = ((const struct net_ip6 *)pkt)->src;
	(*way)++;
	return 0;
}

int ctl_send(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	(void)ctl;
	return leave(&by_binding, pkt, len);
}

int ctl_send_wire(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	(void)ctl;
	return leave(&by_wire, pkt, len);
}

int ctl_send_link(
	struct ctl *ctl, uint16_t port, const uint8_t mac[6], const uint8_t *pkt, uint16_t len)
{
	(void)ctl;
	(void)port;
	(void)mac;
	return leave(&by_link, pkt, len);
}

uint16_t send_port(const struct ctl *ctl, const struct ip6_addr *dst)
{
	(void)ctl;
	(void)dst;
	return 0;
}

#define LINK_MTU 1500
#define SEED     0x5eed
#define SITES    0x517e5 /* between sites */

uint16_t send_link_mtu(const struct ctl *ctl, const struct ip6_addr *dst)
{
	(void)ctl;
	(void)dst;
	return LINK_MTU;
}

/* The domain's number is in the key. */
#define SEED_OF(domain)       (SEED + ((uint64_t)(domain) << 32))
#define PEERS_SEED_OF(domain) (~SEED_OF(domain))

uint32_t dp_flow_label(
	const struct dp *dp, uint16_t domain, const struct net_ip6 *inner, uint16_t len)
{
	(void)dp;
	return net_tunnel_flow(inner, len, SEED_OF(domain));
}

uint32_t dp_site_label(const struct dp *dp, const struct net_ip6 *inner, uint16_t len)
{
	(void)dp;
	return net_tunnel_flow(inner, len, SITES);
}

void nd_input(struct ctl *ctl, const struct ctl_pkt *p)
{
	(void)ctl;
	(void)p;
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
	struct tables tables;
} t;

static void set_route(const char *p, enum fib_kind kind, uint32_t index)
{
	struct ip6_prefix pre = prefix(p);

	assert_int_equal(fib_set(t.tables.fib, &pre, fib_value(kind, index)), 0);
}

static void bind_at(const char *hoa, const char *coa)
{
	struct bc_binding b = {
		.hoa = addr(hoa), .coa = addr(coa), .ha = addr(HA), .domain = DOMAIN
	};

	assert_int_equal(bc_publish(t.tables.bc, &b), 0);
}

static const struct bc_entry *entry(const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	return bc_find(t.tables.bc, &a);
}

static void make_tables(void)
{
	size_t rcu_bytes = rte_rcu_qsbr_get_memsize(1);
	struct bc_opts bc = { .max = 10, .seed = 1 };

	t.tables.rcu = aligned_alloc(64, (rcu_bytes + 63) & ~63ul);
	assert_int_equal(rte_rcu_qsbr_init(t.tables.rcu, 1), 0);
	assert_int_equal(dq_new(t.tables.rcu, 16, &t.tables.dq), 0);
	assert_int_equal(bc_new(&bc, t.tables.dq, &t.tables.bc), 0);
	assert_int_equal(
		fib_new(&(struct fib_opts){ .max_routes = 16 }, t.tables.dq, &t.tables.fib), 0);
	assert_int_equal(addrs_new(4, &t.tables.addrs), 0);
	set_route(HA "/128", FIB_HOME_AGENT, 0);
	set_route("2001:db8:a::/48", FIB_DOMAIN, 0);
	set_route("2001:db8:1::10/128", FIB_LOCAL, 0);
	set_route("::/0", FIB_VIA, 7);
	bind_at(HOA, COA);
	bind_at(HOA2, COA);
}

static int setup(void **state)
{
	struct addr_row ha = {
		.addr = addr(HA),
		.prefix_len = 128,
		.owner = ADDR_HOME_AGENT,
		.state = ADDR_PREFERRED,
		.port = ADDR_NO_PORT,
	};

	(void)state;
	memset(&t, 0, sizeof(t));
	memset(drops, 0, sizeof(drops));
	by_binding = by_wire = by_link = 0;
	t.conf = (struct conf){ .icmp_errors_per_s = 1, .icmp_burst = 2 };
	t.ctl = (struct ctl){ .conf = &t.conf, .t = &t.tables, .now_ms = 1000 };
	make_tables();
	assert_true(addrs_add(t.tables.addrs, &ha) >= 0);
	assert_int_equal(pmtu_new(10, 1, &t.ctl.pmtu), 0);
	assert_int_equal(icmp_new(&t.ctl, &t.ctl.icmp), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	icmp_free(t.ctl.icmp);
	pmtu_free(t.ctl.pmtu);
	addrs_free(t.tables.addrs);
	bc_free(t.tables.bc);
	fib_free(t.tables.fib);
	dq_free(t.tables.dq);
	free(t.tables.rcu);
	return 0;
}

/* 40 + 16 octets; a Mobility Header behind the IPv6 header. */
static struct buf mobility(const char *src, const char *dst)
{
	struct buf b = { calloc(1, 56), 56 };
	struct ip6_addr from = addr(src), to = addr(dst);

	assert_non_null(b.p);
	net_ip6_fill((struct net_ip6 *)b.p, 16, IP6_MH, 1, &from, &to);
	b.p[40] = IP6_NONE;
	b.p[41] = 1;
	b.p[42] = 1; /* HoTI */
	return b;
}

/* A Home Test Init that the mobile node sent through its tunnel and that goes no further: its
 * source is a home address like any other's (RFC 6275, 10.4.6), and only the binding leads to
 * it. An error about signalling for us goes back to the address on the wire (9.2). */
static void test_errors_about_mobility_headers(void **state)
{
	struct buf through = mobility(HOA, CN), to_us = mobility(COA, HA);
	struct ctl_pkt p = { .data = through.p, .len = 56, .tunnelled = true };

	(void)state;
	icmp_send_error(&t.ctl, &p, ICMP6_UNREACHABLE, ICMP6_NO_ROUTE, 0);
	assert_int_equal(by_binding, 1);
	assert_int_equal(by_wire, 0);
	assert_memory_equal(&sent_to, through.p + 8, 16);

	p = (struct ctl_pkt){ .data = to_us.p, .len = 56, .walked = true };
	assert_int_equal(ext_walk(to_us.p, 56, EXT_TO_US, &p.ext), EXT_OK);
	icmp_send_error(&t.ctl, &p, ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, 40);
	assert_int_equal(by_binding, 1);
	assert_int_equal(by_wire, 1);
	buf_free(&through);
	buf_free(&to_us);
}

static void test_error_rate(void **state)
{
	struct buf b = mobility(CN, HA);
	struct ctl_pkt p = { .data = b.p, .len = 56 };

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		icmp_send_error(&t.ctl, &p, ICMP6_UNREACHABLE, ICMP6_NO_ROUTE, 0);
	assert_int_equal(by_binding + by_wire, 2);
	assert_int_equal(drops[DP_DROP_ICMP6_RATE], 1);
	assert_int_equal(t.ctl.counters[CTL_ICMP6_ERRORS_SENT], 2);
	buf_free(&b);
}

/* No answer to what a home agent does not take: RFC 4443, 2.4 (b). */
static void test_unknown_is_silent(void **state)
{
	static const uint8_t types[] = { ICMP6_ECHO_REPLY, ICMP6_HAAD_REQUEST, ICMP6_MPS, 200 };
	struct ip6_addr from = addr(CN), to = addr(HA);

	(void)state;
	for (size_t i = 0; i < DIM(types); i++) {
		struct buf b = { calloc(1, 48), 48 };
		struct ctl_pkt p = { .data = b.p, .len = 48, .walked = true };
		uint16_t sum;

		assert_non_null(b.p);
		net_ip6_fill((struct net_ip6 *)b.p, 8, IP6_ICMP6, 64, &from, &to);
		b.p[40] = types[i];
		sum = net_cksum(&from, &to, IP6_ICMP6, b.p + 40, 8);
		b.p[42] = (uint8_t)(sum >> 8);
		b.p[43] = (uint8_t)sum;
		assert_int_equal(ext_walk(b.p, 48, EXT_TO_US, &p.ext), EXT_OK);
		icmp_input(&t.ctl, &p);
		assert_int_equal(drops[DP_DROP_LOCAL_ICMP6], i + 1);
		buf_free(&b);
	}
	assert_int_equal(by_binding + by_wire + by_link, 0);
}

/* RFC 4443, 4.2: asked at the anycast address, the home agent answers from its own. */
static void test_echo_to_anycast(void **state)
{
	struct conf_domain domains[2] = { [1] = { .home_agent_address = addr(HA) } };
	struct ip6_addr from = addr(CN), to = addr("2001:db8:a:0:fdff:ffff:ffff:fffe");
	struct ip6_addr ha = addr(HA);
	struct buf b = { calloc(1, 48), 48 };
	struct ctl_pkt p = {
		.data = b.p, .len = 48, .walked = true, .fib = fib_value(FIB_ANYCAST, 1)
	};
	uint16_t sum;

	(void)state;
	assert_non_null(b.p);
	t.conf.domains = domains;
	net_ip6_fill((struct net_ip6 *)b.p, 8, IP6_ICMP6, 64, &from, &to);
	b.p[40] = ICMP6_ECHO_REQUEST;
	sum = net_cksum(&from, &to, IP6_ICMP6, b.p + 40, 8);
	b.p[42] = (uint8_t)(sum >> 8);
	b.p[43] = (uint8_t)sum;
	assert_int_equal(ext_walk(b.p, 48, EXT_TO_US, &p.ext), EXT_OK);
	icmp_input(&t.ctl, &p);
	assert_int_equal(by_binding, 1);
	assert_true(ip6_eq(&sent_to, &from));
	assert_true(ip6_eq(&sent_from, &ha));
	buf_free(&b);
}

/* --- errors from inside a tunnel (RFC 2473, 8) --- */

struct quote {
	const char *ha, *coa, *cn, *hoa; /* HA, COA, CN, HOA */
	uint16_t inner_len; /* 1460 */
	uint16_t here; /* octets of the tunnel packet that are quoted: 1232 */
	int limit; /* -1: none; 0 by default, so 1 is 0 */
	bool fragment; /* the first */
	bool other_label;
	bool of_peer; /* another site made it, */
	unsigned domain; /* in the domain of the binding, or as many further */
};

static const char *or_else(const char *text, const char *otherwise)
{
	return text != NULL ? text : otherwise;
}

/* The tunnel packet as hamd makes it: UDP inside. Its length. */
static uint16_t put_tunnel(uint8_t *at, const struct quote *q)
{
	struct ip6_addr ha = addr(or_else(q->ha, HA)), coa = addr(or_else(q->coa, COA));
	struct ip6_addr cn = addr(or_else(q->cn, CN)), hoa = addr(or_else(q->hoa, HOA));
	uint16_t inner_len = q->inner_len != 0 ? q->inner_len : 1460;
	uint16_t off = q->limit != 0 || q->fragment ? 48 : 40;
	struct net_ip6 *outer = (struct net_ip6 *)at, *inner = (struct net_ip6 *)(at + off);

	net_ip6_fill(inner, (uint16_t)(inner_len - 40), IP6_UDP, 63, &cn, &hoa);
	memcpy(inner + 1, (uint8_t[]){ 0x10, 0, 0x20, 0 }, 4);
	net_ip6_fill(outer, (uint16_t)(off - 40 + inner_len), IP6_IN_IP6, 60, &ha, &coa);
	net_ip6_set_vtf(outer, 0,
		net_tunnel_flow(inner, inner_len,
			q->of_peer ? PEERS_SEED_OF(DOMAIN + q->domain)
				   : SEED_OF(DOMAIN + q->domain)) ^
			q->other_label);
	if (q->limit != 0) {
		outer->next_header = IP6_DSTOPT;
		memcpy(at + 40,
			(uint8_t[]){ IP6_IN_IP6, 0, 4, 1, (uint8_t)(q->limit - 1), 1, 1, 0 }, 8);
	} else if (q->fragment) {
		outer->next_header = IP6_FRAGMENT;
		memcpy(at + 40, (uint8_t[]){ IP6_IN_IP6, 0, 0, 1, 9, 9, 9, 9 }, 8);
	}
	return (uint16_t)(off + inner_len);
}

/* A router says that about the tunnel packet. */
static void router_says(uint8_t type, uint8_t code, uint32_t arg, const struct quote *q)
{
	uint8_t tunnel[4000] = { 0 }, buf[4000] = { 0 };
	uint16_t whole = put_tunnel(tunnel, q), here = q->here != 0 ? q->here : 1232;
	struct ip6_addr router = addr("2001:db8:5::1"), ha = addr(HA);
	struct ctl_pkt p = { .walked = true };
	struct buf exact;
	uint16_t sum;

	if (here > whole)
		here = whole;
	net_ip6_fill((struct net_ip6 *)buf, (uint16_t)(8 + here), IP6_ICMP6, 64, &router, &ha);
	memcpy(buf + 40,
		(uint8_t[]){ type, code, 0, 0, (uint8_t)(arg >> 24), (uint8_t)(arg >> 16),
			(uint8_t)(arg >> 8), (uint8_t)arg },
		8);
	memcpy(buf + 48, tunnel, here);
	sum = net_cksum(&router, &ha, IP6_ICMP6, buf + 40, 8u + here);
	buf[42] = (uint8_t)(sum >> 8);
	buf[43] = (uint8_t)sum;
	exact = buf_copy(buf, 48u + here);
	p.data = exact.p;
	p.len = (uint16_t)exact.n;
	assert_int_equal(ext_walk(exact.p, p.len, EXT_TO_US, &p.ext), EXT_OK);
	icmp_input(&t.ctl, &p);
	buf_free(&exact);
}

/* What the inner source was told, in as many octets of its packet as fit. */
static void check_told(const char *to, uint8_t type, uint8_t code, uint32_t arg)
{
	const uint8_t *icmp = sent.pkt + 40, *quoted = icmp + 8;
	struct ip6_addr want = addr(to), hoa = addr(HOA);

	assert_true(ip6_eq(&sent_to, &want));
	assert_int_equal(icmp[0], type);
	assert_int_equal(icmp[1], code);
	assert_int_equal((uint32_t)icmp[4] << 24 | icmp[5] << 16 | icmp[6] << 8 | icmp[7], arg);
	assert_true(ip6_eq(&((const struct net_ip6 *)quoted)->src, &want));
	assert_true(ip6_eq(&((const struct net_ip6 *)quoted)->dst, &hoa));
	assert_int_equal(quoted[40], 0x10);
	assert_int_equal(net_cksum(&((const struct net_ip6 *)sent.pkt)->src, &want, IP6_ICMP6, icmp,
				 sent.len - 40u),
		0);
}

static unsigned told(void)
{
	return by_binding + by_wire + by_link;
}

/* How a whole life with Packet Too Big goes; the bucket holds two errors. */
static void test_tunnel_too_big(void **state)
{
	struct ip6_addr coa = addr(COA);

	(void)state;
	router_says(ICMP6_TOO_BIG, 0, 1400, &(struct quote){ 0 });
	assert_int_equal(entry(HOA)->mtu, 1400);
	assert_int_equal(entry(HOA2)->mtu, UINT16_MAX); /* until the next walk */
	assert_int_equal(pmtu_get(t.ctl.pmtu, t.ctl.now_ms, &coa, PMTU_TUNNEL), 1400);
	assert_int_equal(pmtu_tunnels_end_ms(t.ctl.pmtu), t.ctl.now_ms + PMTU_LIFETIME_MS);
	assert_int_equal(t.ctl.counters[CTL_PATH_MTU_LOWERED], 1);
	assert_int_equal(by_binding, 1);
	check_told(CN, ICMP6_TOO_BIG, 0, 1360);
	assert_int_equal(sent.len, 40 + 8 + 1232 - 40);
	assert_int_equal(t.ctl.counters[CTL_ICMP6_ERRORS_PASSED_ON], 1);

	/* higher changes nothing, the source is told all the same */
	router_says(ICMP6_TOO_BIG, 0, 1450, &(struct quote){ 0 });
	assert_int_equal(entry(HOA)->mtu, 1400);
	check_told(CN, ICMP6_TOO_BIG, 0, 1410);
	/* without a token: learned, not told */
	router_says(ICMP6_TOO_BIG, 0, 1280, &(struct quote){ 0 });
	assert_int_equal(entry(HOA)->mtu, 1280);
	assert_int_equal(told(), 2);
	assert_int_equal(drops[DP_DROP_ICMP6_RATE], 1);
	assert_int_equal(t.ctl.counters[CTL_ICMP6_ERRORS_PASSED_ON], 2);
	assert_int_equal(t.ctl.counters[CTL_PATH_MTU_LOWERED], 2);
	/* what the other binding hears about the same path */
	router_says(ICMP6_TOO_BIG, 0, 1400, &(struct quote){ .hoa = HOA2 });
	assert_int_equal(entry(HOA2)->mtu, 1280);
}

/* The router is nearer to us than to the site whose home agent address the tunnel comes from: we
 * learn from it all the same, and do not answer for that address. */
static void test_tunnel_of_a_peer(void **state)
{
	struct addr_row peer = { .addr = addr("2001:db8:a::2"),
		.prefix_len = 128,
		.owner = ADDR_PEER,
		.state = ADDR_ELSEWHERE,
		.port = ADDR_NO_PORT };
	struct bc_binding b = { .hoa = addr("2001:db8:a::102"), .coa = addr(COA), .ha = peer.addr };
	const struct quote q = { .ha = "2001:db8:a::2", .hoa = "2001:db8:a::102" };

	(void)state;
	router_says(ICMP6_TOO_BIG, 0, 1400, &q);
	assert_int_equal(drops[DP_DROP_ICMP6_INVALID], 1); /* nobody's that we know */
	assert_true(addrs_add(t.tables.addrs, &peer) >= 0);
	router_says(ICMP6_TOO_BIG, 0, 1400, &q);
	assert_int_equal(drops[DP_DROP_ICMP6_NO_TUNNEL], 1);
	assert_int_equal(bc_publish(t.tables.bc, &b), 0);
	router_says(ICMP6_TOO_BIG, 0, 1400, &q);
	assert_int_equal(entry("2001:db8:a::102")->mtu, 1400);
	assert_int_equal(entry(HOA)->mtu, UINT16_MAX);
}

/* Learned, and nobody is told: the packets that are carried in fragments, and the first of those. */
static void test_tunnel_carried(void **state)
{
	(void)state;
	router_says(ICMP6_TOO_BIG, 0, 1300, &(struct quote){ .inner_len = 1280 });
	assert_int_equal(entry(HOA)->mtu, 1300);
	router_says(ICMP6_TOO_BIG, 0, 1280, &(struct quote){ .inner_len = 1240, .fragment = true });
	assert_int_equal(entry(HOA)->mtu, 1280);
	assert_int_equal(told(), 0);
}

/* Nothing changes, nobody is told, one reason counts. */
static void test_tunnel_lies(void **state)
{
	static const struct {
		const char *name;
		uint32_t mtu;
		struct quote q;
		enum dp_drop drop;
	} cases[] = {
		{ "below 1280", 1279, { 0 }, DP_DROP_ICMP6_MTU },
		{ "0", 0, { 0 }, DP_DROP_ICMP6_MTU },
		{ "fits", 1400, { .inner_len = 1360 }, DP_DROP_ICMP6_MTU },
		{ "larger than the port", 1400, { .inner_len = 1461 }, DP_DROP_ICMP6_MTU },
		{ "inner unbound", 1400, { .hoa = "2001:db8:a::999" }, DP_DROP_ICMP6_NO_TUNNEL },
		{ "inner is no home address", 1400, { .hoa = CN }, DP_DROP_ICMP6_NO_TUNNEL },
		{ "another care-of address", 1400, { .coa = "2001:db8:c::2" },
			DP_DROP_ICMP6_NO_TUNNEL },
		{ "another address of ours", 1400, { .ha = "2001:db8:1::10" },
			DP_DROP_ICMP6_NO_TUNNEL },
		{ "somebody else's", 1400, { .ha = "2001:db8:a::2" }, DP_DROP_ICMP6_INVALID },
		{ "too short to tell", 1400, { .here = 79 }, DP_DROP_ICMP6_NO_TUNNEL },
		{ "header alone", 1400, { .here = 40 }, DP_DROP_ICMP6_NO_TUNNEL },
		{ "half an option", 1400, { .limit = 1, .here = 44 }, DP_DROP_ICMP6_NO_TUNNEL },
	};
	struct addr_row port = { .addr = addr("2001:db8:1::10"),
		.prefix_len = 64,
		.owner = ADDR_PORT,
		.state = ADDR_PREFERRED };

	(void)state;
	assert_true(addrs_add(t.tables.addrs, &port) >= 0);
	for (size_t i = 0; i < DIM(cases); i++) {
		struct ip6_addr coa = addr(or_else(cases[i].q.coa, COA));

		memset(drops, 0, sizeof(drops));
		router_says(ICMP6_TOO_BIG, 0, cases[i].mtu, &cases[i].q);
		for (unsigned d = 0; d < DP_DROP_COUNT; d++) {
			if (drops[d] != (d == cases[i].drop))
				fail_msg("%s: %s %u", cases[i].name, dp_drop_name(d),
					(unsigned)drops[d]);
		}
		if (entry(HOA)->mtu != UINT16_MAX || entry(HOA2)->mtu != UINT16_MAX ||
			pmtu_get(t.ctl.pmtu, t.ctl.now_ms, &coa, PMTU_OWN) != 0 || told() != 0)
			fail_msg("%s: believed", cases[i].name);
	}
	assert_int_equal(t.ctl.counters[CTL_PATH_MTU_LOWERED], 0);
}

/* Too short to see more than the inner header: learned, nothing to pass on. */
static void test_tunnel_short_quote(void **state)
{
	(void)state;
	router_says(ICMP6_TOO_BIG, 0, 1400, &(struct quote){ .here = 83 });
	assert_int_equal(entry(HOA)->mtu, 1400);
	assert_int_equal(drops[DP_DROP_ICMP6_UNPROVEN], 1);
	router_says(ICMP6_TOO_BIG, 0, 1400, &(struct quote){ .here = 84 });
	assert_int_equal(told(), 1);
}

static void test_tunnel_unreachable(void **state)
{
	static const struct {
		uint8_t type, code;
		uint32_t arg;
		int limit;
		bool told;
	} cases[] = {
		{ ICMP6_UNREACHABLE, ICMP6_NO_ROUTE, 0, 0, true },
		{ ICMP6_UNREACHABLE, ICMP6_PORT, 0, 0, true },
		{ ICMP6_TIME_EXCEEDED, 0, 0, 0, true },
		{ ICMP6_TIME_EXCEEDED, 1, 0, 0, false },
		{ ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, 44, 1, true },
		{ ICMP6_PARAM_PROBLEM, ICMP6_BAD_FIELD, 44, 2, false },
		{ ICMP6_PARAM_PROBLEM, ICMP6_BAD_NEXT_HEADER, 40, 0, false },
		{ 9, 0, 0, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct quote q = { .limit = cases[i].limit, .inner_len = 100 };
		unsigned before = told();

		t.ctl.now_ms += 10000; /* a full bucket */
		router_says(cases[i].type, cases[i].code, cases[i].arg, &q);
		if (told() - before != cases[i].told)
			fail_msg("%u/%u: told %u", cases[i].type, cases[i].code, told() - before);
		if (cases[i].told)
			check_told(CN, ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0);
		/* the binding is what it was */
		assert_non_null(entry(HOA));
		assert_int_equal(entry(HOA)->mtu, UINT16_MAX);
	}
	/* of a tunnel that is no more */
	router_says(ICMP6_UNREACHABLE, 0, 0, &(struct quote){ .coa = "2001:db8:c::2" });
	assert_int_equal(drops[DP_DROP_ICMP6_NO_TUNNEL], 1);
	assert_int_equal(told(), t.ctl.counters[CTL_ICMP6_ERRORS_PASSED_ON]);
}

/* Errors are passed on to who sent the inner packet, as far as that can be known; never to who is
 * only said to have. */
static void test_tunnel_inner_source(void **state)
{
	static const struct {
		const char *name;
		struct quote q;
		enum dp_drop drop;
	} cases[] = {
		{ "made up", { .other_label = true }, DP_DROP_ICMP6_UNPROVEN },
		{ "ourselves", { .cn = HA }, DP_DROP_ICMP6_UNPROVEN },
		{ "a port of ours", { .cn = "2001:db8:1::10" }, DP_DROP_ICMP6_UNPROVEN },
		{ "link-local", { .cn = "fe80::1" }, DP_DROP_ICMP6_UNPROVEN },
		{ "a group", { .cn = "ff0e::1" }, DP_DROP_ICMP6_UNPROVEN },
		{ "nobody", { .cn = "::" }, DP_DROP_ICMP6_UNPROVEN },
		{ "loopback", { .cn = "::1" }, DP_DROP_ICMP6_UNPROVEN },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		memset(drops, 0, sizeof(drops));
		router_says(ICMP6_UNREACHABLE, 0, 0, &cases[i].q);
		if (told() != 0 || drops[cases[i].drop] != 1)
			fail_msg("%s", cases[i].name);
	}
	/* but a path MTU is learned: the next packet's source is told by a worker */
	router_says(ICMP6_TOO_BIG, 0, 1400, &(struct quote){ .other_label = true });
	assert_int_equal(entry(HOA)->mtu, 1400);
	assert_int_equal(told(), 0);
	/* another mobile node: through its binding */
	router_says(ICMP6_UNREACHABLE, 0, 0, &(struct quote){ .cn = HOA2 });
	assert_int_equal(by_binding, 1);
	check_told(HOA2, ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0);
}

/* Site 7 is in the domain of the bindings and in the one behind it; one look may be taken. */
static void with_peer(void)
{
	const uint8_t node = 7;

	labels_free(t.ctl.labels);
	assert_int_equal(labels_new(1, 1, t.ctl.now_ms, &t.ctl.labels), 0);
	for (uint16_t d = 0; d <= DOMAIN + 1; d++) {
		assert_int_equal(labels_add_domain(t.ctl.labels, &node, 1), 0);
		labels_live(t.ctl.labels, d, node, true, t.ctl.now_ms);
		labels_heard(t.ctl.labels, d, node, PEERS_SEED_OF(d), t.ctl.now_ms);
	}
}

static bool look(void)
{
	const struct net_ip6 inner = { 0 };

	return labels_made(t.ctl.labels, DOMAIN, &inner, sizeof(inner), 0, t.ctl.now_ms) != -EBUSY;
}

/* In a mesh another site may have sent it: its key is looked for, and only where nothing that is
 * cheaper says no, or ours says yes. */
static void test_tunnel_of_peer(void **state)
{
	static const struct {
		const char *name;
		struct quote q;
		bool is_busy; /* there have been too many looks */
		unsigned told, looks;
		int drop;
	} cases[] = {
		{ "our own", { 0 }, false, 1, 0, -1 },
		{ "a site's", { .of_peer = true }, false, 1, 1, -1 },
		{ "nobody's", { .of_peer = true, .other_label = true }, false, 0, 1,
			DP_DROP_ICMP6_UNPROVEN },
		{ "ours, of another domain", { .domain = 1 }, false, 0, 1, DP_DROP_ICMP6_UNPROVEN },
		{ "a site's, of another domain", { .of_peer = true, .domain = 1 }, false, 0, 1,
			DP_DROP_ICMP6_UNPROVEN },
		{ "too many", { .of_peer = true }, true, 0, 1, DP_DROP_ICMP6_RATE },
		{ "our own, too many", { 0 }, true, 1, 0, -1 },
		{ "no such tunnel", { .of_peer = true, .coa = "2001:db8:c::2" }, false, 0, 0,
			DP_DROP_ICMP6_NO_TUNNEL },
		{ "to ourselves", { .of_peer = true, .cn = HA }, false, 0, 0,
			DP_DROP_ICMP6_UNPROVEN },
		{ "to a group", { .of_peer = true, .cn = "ff0e::1" }, false, 0, 0,
			DP_DROP_ICMP6_UNPROVEN },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		uint64_t passed = t.ctl.counters[CTL_ICMP6_ERRORS_PASSED_ON];
		uint64_t of_sites = t.ctl.counters[CTL_ICMP6_ERRORS_OF_SITES];

		memset(drops, 0, sizeof(drops));
		by_binding = by_wire = by_link = 0;
		t.ctl.now_ms += 5000; /* one more error may be sent */
		with_peer();
		while (cases[i].is_busy && look())
			;
		router_says(ICMP6_UNREACHABLE, 0, 0, &cases[i].q);
		if (told() != cases[i].told || (cases[i].drop >= 0 && drops[cases[i].drop] != 1))
			fail_msg("%s: %u told", cases[i].name, told());
		if (!cases[i].is_busy && !look() != (cases[i].looks == 1))
			fail_msg("%s: a look more or less", cases[i].name);
		assert_int_equal(
			t.ctl.counters[CTL_ICMP6_ERRORS_PASSED_ON] - passed, cases[i].told);
		assert_int_equal(t.ctl.counters[CTL_ICMP6_ERRORS_OF_SITES] - of_sites,
			cases[i].told == 1 && cases[i].q.of_peer);
	}
	/* each kind says the same as about a packet of ours */
	t.ctl.now_ms += 5000;
	with_peer();
	by_binding = by_wire = by_link = 0;
	router_says(ICMP6_TOO_BIG, 0, 1400, &(struct quote){ .of_peer = true });
	check_told(CN, ICMP6_TOO_BIG, 0, 1360);
	assert_int_equal(entry(HOA)->mtu, 1400);
	with_peer();
	router_says(ICMP6_TIME_EXCEEDED, 0, 0, &(struct quote){ .of_peer = true });
	check_told(CN, ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0);
	labels_free(t.ctl.labels);
	t.ctl.labels = NULL;
}

/* No error about an error (RFC 4443, 2.4 (e.1)). */
static void test_tunnel_inner_error(void **state)
{
	struct ctl_pkt p = { .len = 1000 };
	struct tunnel_error e = { ICMP6_UNREACHABLE, ICMP6_ADDRESS, 0 };
	uint8_t tunnel[4000] = { 0 };
	uint16_t len = put_tunnel(tunnel, &(struct quote){ .inner_len = 100 });

	(void)state;
	p.data = tunnel;
	p.len = len;
	tunnel[46] = IP6_ICMP6;
	tunnel[80] = ICMP6_TIME_EXCEEDED;
	assert_true(tunnel_inner(&t.ctl, &p, &e));
	assert_int_equal(p.len, 100);
	assert_false(icmp_send_error(&t.ctl, &p, e.type, e.code, e.arg));
	assert_int_equal(drops[DP_DROP_ICMP6_NOT_DUE], 1);
	/* and none to ourselves */
	put_tunnel(tunnel, &(struct quote){ .inner_len = 100, .cn = HA });
	p = (struct ctl_pkt){ .data = tunnel, .len = len };
	assert_false(tunnel_inner(&t.ctl, &p, &e));
}

/* What hamd says itself: an echo reply to a care-of address, past the tunnel, teaches nothing about
 * the tunnel; whoever knows the two addresses could make it up. */
static void test_own_too_big(void **state)
{
	struct ip6_addr router = addr("2001:db8:5::1"), ha = addr(HA), coa = addr(COA);
	uint8_t buf[48 + 1000] = { 0 };
	struct ctl_pkt p = { .data = buf, .len = sizeof(buf), .walked = true };
	uint16_t sum;

	(void)state;
	net_ip6_fill((struct net_ip6 *)buf, sizeof(buf) - 40, IP6_ICMP6, 64, &router, &ha);
	memcpy(buf + 40, (uint8_t[]){ ICMP6_TOO_BIG, 0, 0, 0, 0, 0, 1400 >> 8, 1400 & 255 }, 8);
	net_ip6_fill((struct net_ip6 *)(buf + 48), 1460, IP6_ICMP6, 64, &ha, &coa);
	sum = net_cksum(&router, &ha, IP6_ICMP6, buf + 40, sizeof(buf) - 40);
	buf[42] = (uint8_t)(sum >> 8);
	buf[43] = (uint8_t)sum;
	assert_int_equal(ext_walk(buf, p.len, EXT_TO_US, &p.ext), EXT_OK);
	icmp_input(&t.ctl, &p);
	assert_int_equal(pmtu_get(t.ctl.pmtu, t.ctl.now_ms, &coa, PMTU_OWN), 1400);
	assert_int_equal(pmtu_get(t.ctl.pmtu, t.ctl.now_ms, &coa, PMTU_TUNNEL), 0);
	assert_int_equal(t.ctl.counters[CTL_PATH_MTU_LOWERED], 1);
	assert_int_equal(told(), 0);
}

/* An error needs an address of ours that is in use; none costs a token. */
static void test_no_source(void **state)
{
	struct buf b = mobility(CN, HOA);
	struct ctl_pkt p = { .data = b.p, .len = 56 };

	(void)state;
	addrs_row(t.tables.addrs, 0)->state = ADDR_TENTATIVE;
	icmp_send_error(&t.ctl, &p, ICMP6_UNREACHABLE, ICMP6_NO_ROUTE, 0);
	assert_int_equal(drops[DP_DROP_OWN_NO_ROUTE], 1);
	assert_int_equal(by_binding + by_wire + by_link, 0);
	assert_true(icmp_error_token(&t.ctl) && icmp_error_token(&t.ctl));
	buf_free(&b);
}

/* --- about data tunnels of a mesh --- */

#define SITE "2001:db8:1::10"
#define PEER "2001:db8:2::10"

static void make_mesh(bool clear)
{
	struct sa_opts o = { .node = 1, .site = addr(SITE), .workers = 1, .clear = clear };
	struct sa_keys k = { .generation = 5 };
	struct ip6_addr peer = addr(PEER);

	assert_int_equal(sa_new(&o, t.tables.dq, &t.tables.sa), 0);
	assert_int_equal(sa_add_peer(t.tables.sa, 2, &peer), 0);
	if (clear)
		return;
	assert_int_equal(sa_set_out(t.tables.sa, 2, &k), 0);
	sa_out_of(sa_view(t.tables.sa)->peer[2])->lane[0].esp.last = 100;
}

static uint32_t peer_mtu(void)
{
	return sa_path_mtu(sa_view(t.tables.sa)->peer[2], LINK_MTU);
}

/* An error about 1,500 octets from src to dst, of which `here` stand in pkt. */
static bool data_error(uint8_t *pkt, uint8_t type, uint32_t arg, const char *src, const char *dst,
	uint8_t next, uint16_t here)
{
	struct icmp6_err_msg msg = { .type = type, .arg = arg, .quoted = pkt, .quoted_len = here };
	struct ip6_addr s = addr(src), d = addr(dst);
	uint32_t vtf = net_ip6_vtf((struct net_ip6 *)pkt);

	net_ip6_fill((struct net_ip6 *)pkt, 1460, next, 60, &s, &d);
	net_ip6_set_vtf((struct net_ip6 *)pkt, 0, vtf);
	return data_mtu_input(&t.ctl, &msg);
}

static void test_data_tunnel(void **state)
{
	uint32_t head[2] = { htobe32(sa_spi(1, 0, false, 5)), htobe32(100) };
	uint8_t pkt[200] = { 0 };

	(void)state;
	assert_false(data_error(pkt, ICMP6_TOO_BIG, 1400, SITE, PEER, IP6_ESP, 56)); /* no mesh */
	make_mesh(false);
	memcpy(pkt + 40, head, sizeof(head));
	assert_false(data_error(pkt, ICMP6_TOO_BIG, 1400, HA, PEER, IP6_ESP, 56));
	assert_false(data_error(pkt, ICMP6_TOO_BIG, 1400, SITE, COA, IP6_ESP, 56));
	assert_false(data_error(pkt, ICMP6_TOO_BIG, 1400, SITE, PEER, IP6_UDP, 56));
	assert_true(data_error(pkt, ICMP6_UNREACHABLE, 0, SITE, PEER, IP6_ESP, 56));
	assert_true(data_error(pkt, ICMP6_TOO_BIG, 1400, SITE, PEER, IP6_ESP, 47));
	assert_int_equal(drops[DP_DROP_ICMP6_UNPROVEN], 1);
	head[1] = htobe32(101); /* never sent */
	memcpy(pkt + 40, head, sizeof(head));
	assert_true(data_error(pkt, ICMP6_TOO_BIG, 1400, SITE, PEER, IP6_ESP, 56));
	assert_int_equal(drops[DP_DROP_ICMP6_UNPROVEN], 2);
	head[1] = htobe32(99);
	memcpy(pkt + 40, head, sizeof(head));
	assert_true(data_error(pkt, ICMP6_TOO_BIG, 1279, SITE, PEER, IP6_ESP, 56));
	assert_int_equal(drops[DP_DROP_ICMP6_MTU], 1);
	assert_int_equal(peer_mtu(), LINK_MTU);
	assert_true(data_error(pkt, ICMP6_TOO_BIG, 1400, SITE, PEER, IP6_ESP, 56));
	assert_int_equal(peer_mtu(), 1400);
	assert_int_equal(t.ctl.counters[CTL_PATH_MTU_LOWERED], 1);
	data_mtu_run(&t.ctl);
	assert_int_equal(peer_mtu(), 1400);
	t.ctl.now_ms += PMTU_LIFETIME_MS + 1;
	data_mtu_run(&t.ctl);
	assert_int_equal(peer_mtu(), LINK_MTU);
	sa_free(t.tables.sa);
}

/* Without keys the flow label proves it: nobody can tell it who does not see the packet. */
static void test_clear_data_tunnel(void **state)
{
	uint8_t pkt[200] = { [40] = IP6_IN_IP6, 0, 4, 1, 1, 1, 1, 0 };
	struct net_ip6 *outer = (struct net_ip6 *)pkt, *inner = (struct net_ip6 *)(pkt + 48);
	struct ip6_addr cn = addr(CN), hoa = addr(HOA);

	(void)state;
	make_mesh(true);
	net_ip6_fill(inner, 1412, IP6_UDP, 63, &cn, &hoa);
	net_ip6_set_vtf(outer, 0, net_tunnel_flow(inner, 152, SITES) ^ 1);
	assert_true(data_error(pkt, ICMP6_TOO_BIG, 1400, SITE, PEER, IP6_DSTOPT, 200));
	assert_int_equal(drops[DP_DROP_ICMP6_UNPROVEN], 1);
	net_ip6_set_vtf(outer, 0, net_tunnel_flow(inner, 152, SITES));
	assert_true(data_error(pkt, ICMP6_TOO_BIG, 1400, SITE, PEER, IP6_DSTOPT, 200));
	assert_int_equal(peer_mtu(), 1400);
	assert_true(data_error(pkt, ICMP6_TOO_BIG, 1300, SITE, PEER, IP6_DSTOPT, 87));
	assert_int_equal(drops[DP_DROP_ICMP6_UNPROVEN], 2);
	sa_free(t.tables.sa);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_errors_about_mobility_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_error_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_is_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_echo_to_anycast, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_source, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tunnel_too_big, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tunnel_of_a_peer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tunnel_carried, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tunnel_lies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tunnel_short_quote, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tunnel_unreachable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tunnel_inner_source, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tunnel_of_peer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tunnel_inner_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_own_too_big, setup, teardown),
		cmocka_unit_test_setup_teardown(test_data_tunnel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clear_data_tunnel, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
