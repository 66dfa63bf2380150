/* SPDX-License-Identifier: BSD-3-Clause */
/* icmp.c over the real table of addresses: which way answers and errors leave. Stand-ins below
 * for the ways out and the drop counters. */
#include "test.h"

#include <errno.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "net/cksum.h"
#include "net/icmp6.h"
#include "tables/addrs.h"
#include "tables/fib.h"
#include "tables/tables.h"

#define HA  "2001:db8:a::1"
#define HOA "2001:db8:a::100"
#define COA "2001:db8:c::1"
#define CN  "2001:db8:9::9"

/* --- what surrounds it --- */

static unsigned by_binding, by_wire, by_link;
static struct ip6_addr sent_to, sent_from;
static uint64_t drops[DP_DROP_COUNT];

static int leave(unsigned *way, const uint8_t *pkt)
{
	sent_to = ((const struct net_ip6 *)pkt)->dst;
	sent_from = ((const struct net_ip6 *)pkt)->src;
	(*way)++;
	return 0;
}

int ctl_send(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	(void)ctl;
	(void)len;
	return leave(&by_binding, pkt);
}

int ctl_send_wire(struct ctl *ctl, const uint8_t *pkt, uint16_t len)
{
	(void)ctl;
	(void)len;
	return leave(&by_wire, pkt);
}

int ctl_send_link(
	struct ctl *ctl, uint16_t port, const uint8_t mac[6], const uint8_t *pkt, uint16_t len)
{
	(void)ctl;
	(void)port;
	(void)mac;
	(void)len;
	return leave(&by_link, pkt);
}

uint16_t send_port(const struct ctl *ctl, const struct ip6_addr *dst)
{
	(void)ctl;
	(void)dst;
	return 0;
}

void send_pmtu(struct ctl *ctl, const struct ip6_addr *dst, uint32_t mtu)
{
	(void)ctl;
	(void)dst;
	(void)mtu;
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
	assert_int_equal(addrs_new(4, &t.tables.addrs), 0);
	assert_true(addrs_add(t.tables.addrs, &ha) >= 0);
	assert_int_equal(icmp_new(&t.ctl, &t.ctl.icmp), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	icmp_free(t.ctl.icmp);
	addrs_free(t.tables.addrs);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_errors_about_mobility_headers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_error_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_is_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_echo_to_anycast, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_source, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
