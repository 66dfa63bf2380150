/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 4443, 2.2 and 2.4; RFC 8201, 4. */
#include "test.h"

#include "control/icmp_rules.h"
#include "net/ip6hdr.h"
#include "tables/addrs.h"

static const struct {
	const char *addr;
	enum addr_owner owner;
	enum addr_state state;
	uint16_t port;
} rows[] = {
	{ "fe80::1", ADDR_PORT, ADDR_PREFERRED, 0 },
	{ "2001:db8:1::10", ADDR_PORT, ADDR_PREFERRED, 0 },
	{ "2001:db8:1::bad", ADDR_PORT, ADDR_DUPLICATE, 0 },
	{ "fe80::2", ADDR_PORT, ADDR_PREFERRED, 1 },
	{ "2001:db8:2::10", ADDR_PORT, ADDR_PREFERRED, 1 },
	{ "2001:db8:2::7e", ADDR_PORT, ADDR_TENTATIVE, 1 },
	{ "2001:db8:a::1", ADDR_HOME_AGENT, ADDR_PREFERRED, ADDR_NO_PORT },
	{ "2001:db8:a::2", ADDR_PEER, ADDR_ELSEWHERE, ADDR_NO_PORT },
	{ "2001:db8:a::3", ADDR_PEER, ADDR_PREFERRED, ADDR_NO_PORT }, /* adopted */
};

static struct addrs *make(void)
{
	struct addrs *t;

	assert_int_equal(addrs_new(DIM(rows), &t), 0);
	for (size_t i = 0; i < DIM(rows); i++) {
		struct addr_row row = {
			.addr = addr(rows[i].addr),
			.prefix_len = rows[i].owner == ADDR_PORT ? 64 : 128,
			.owner = rows[i].owner,
			.state = rows[i].state,
			.port = rows[i].port,
		};

		assert_int_equal(addrs_add(t, &row), i);
	}
	return t;
}

static void test_kind(void **state)
{
	static const struct {
		uint8_t type;
		enum icmp_kind kind;
	} cases[] = {
		{ 0, ICMP_ERROR },
		{ ICMP6_UNREACHABLE, ICMP_ERROR },
		{ ICMP6_PARAM_PROBLEM, ICMP_ERROR },
		{ 127, ICMP_ERROR },
		{ ICMP6_ECHO_REQUEST, ICMP_ECHO },
		{ ICMP6_ECHO_REPLY, ICMP_OTHER },
		{ 132, ICMP_OTHER },
		{ ICMP6_RS, ICMP_ND },
		{ ICMP6_NS, ICMP_ND },
		{ ICMP6_REDIRECT, ICMP_ND },
		{ 138, ICMP_OTHER },
		{ ICMP6_HAAD_REQUEST, ICMP_DISCOVERY },
		{ ICMP6_HAAD_REPLY, ICMP_OTHER },
		{ ICMP6_MPS, ICMP_DISCOVERY },
		{ ICMP6_MPA, ICMP_OTHER },
		{ 255, ICMP_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		if (icmp_kind(cases[i].type) != cases[i].kind)
			fail_msg("type %u: %d", cases[i].type, icmp_kind(cases[i].type));
	}
}

static void test_about_us(void **state)
{
	static const struct {
		const char *src;
		uint16_t port;
		bool ours;
	} cases[] = {
		{ "2001:db8:1::10", 0, true },
		{ "2001:db8:1::10", 1, true }, /* by whichever way it came back */
		{ "2001:db8:a::1", 0, true },
		{ "2001:db8:a::2", 0, true }, /* that site may be far from who answers */
		{ "2001:db8:a::3", 0, true },
		{ "fe80::1", 0, true },
		{ "fe80::1", 1, false },
		{ "2001:db8:1::bad", 0, false },
		{ "2001:db8:2::7e", 1, false },
		{ "2001:db8:9::9", 0, false },
	};
	struct addrs *t = make();

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct net_ip6 quoted = { .src = addr(cases[i].src) };
		struct icmp6_err_msg msg = { .type = 1, .quoted = (uint8_t *)&quoted };

		if (icmp_is_about_us(t, &msg, cases[i].port) != cases[i].ours)
			fail_msg("%s on port %u", cases[i].src, cases[i].port);
	}
	addrs_free(t);
}

static void test_mtu(void **state)
{
	static const struct {
		const char *name;
		uint8_t type;
		uint32_t arg;
		uint16_t quoted, link; /* octets */
		uint32_t mtu;
	} cases[] = {
		{ "the least", ICMP6_TOO_BIG, 1280, 1500, 1500, 1280 },
		{ "below the least", ICMP6_TOO_BIG, 1279, 1500, 1500, 0 },
		{ "nothing", ICMP6_TOO_BIG, 0, 1500, 1500, 0 },
		{ "between", ICMP6_TOO_BIG, 1400, 1500, 1500, 1400 },
		{ "just too big", ICMP6_TOO_BIG, 1499, 1500, 1500, 1499 },
		{ "fits", ICMP6_TOO_BIG, 1500, 1500, 1500, 0 },
		{ "small and fits", ICMP6_TOO_BIG, 1400, 100, 1500, 0 },
		{ "larger than we send", ICMP6_TOO_BIG, 1400, 1501, 1500, 0 },
		{ "huge", ICMP6_TOO_BIG, UINT32_MAX, 1500, 1500, 0 },
		{ "no way there", ICMP6_TOO_BIG, 1400, 1500, 0, 0 },
		{ "another error", ICMP6_PARAM_PROBLEM, 1400, 1500, 1500, 0 },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct net_ip6 quoted = { 0 };
		struct icmp6_err_msg msg = {
			.type = cases[i].type,
			.arg = cases[i].arg,
			.quoted = (uint8_t *)&quoted,
			.quoted_len = sizeof(quoted),
		};
		uint32_t mtu;

		net_ip6_set_payload_len(&quoted, (uint16_t)(cases[i].quoted - sizeof(quoted)));
		mtu = icmp_learned_mtu(&msg, cases[i].link);
		if (mtu != cases[i].mtu)
			fail_msg("%s: %u", cases[i].name, mtu);
	}
}

static void test_source(void **state)
{
	static const struct {
		const char *name, *dst;
		uint16_t port_in;
		const char *to;
		uint16_t port_out;
		const char *src;
	} cases[] = {
		{ "asked by its address", "2001:db8:2::10", 0, "2001:db8:9::9", 0,
			"2001:db8:2::10" },
		{ "home agent address", "2001:db8:a::1", 0, "2001:db8:9::9", 0, "2001:db8:a::1" },
		{ "transit", "2001:db8:5::5", 0, "2001:db8:9::9", 0, "2001:db8:1::10" },
		{ "transit, other way back", "2001:db8:5::5", 0, "2001:db8:9::9", 1,
			"2001:db8:2::10" },
		{ "duplicate is not used", "2001:db8:1::bad", 0, "2001:db8:9::9", 0,
			"2001:db8:1::10" },
		{ "tentative is not used", "2001:db8:2::7e", 1, "2001:db8:9::9", 1,
			"2001:db8:2::10" },
		{ "group", "ff02::1", 0, "fe80::99", 0, "fe80::1" },
		{ "link-local to link-local", "fe80::2", 1, "fe80::99", 1, "fe80::2" },
		{ "link-local asked from afar", "fe80::2", 1, "2001:db8:9::9", 1,
			"2001:db8:2::10" },
		{ "link-local of another port", "fe80::2", 0, "fe80::99", 0, "fe80::1" },
	};
	struct addrs *t = make();

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct ip6_addr dst = addr(cases[i].dst), to = addr(cases[i].to);
		const struct ip6_addr *src =
			icmp_error_source(t, &dst, cases[i].port_in, &to, cases[i].port_out);
		struct ip6_addr want = addr(cases[i].src);
		char text[IP6_STRLEN];

		if (src == NULL || !ip6_eq(src, &want))
			fail_msg(
				"%s: %s", cases[i].name, src == NULL ? "none" : ip6_str(src, text));
	}
	addrs_free(t);
}

static void test_no_source(void **state)
{
	struct ip6_addr dst = addr("2001:db8:5::5"), to = addr("2001:db8:9::9");
	struct addrs *t;

	(void)state;
	assert_int_equal(addrs_new(1, &t), 0);
	assert_null(icmp_error_source(t, &dst, 0, &to, 0));
	addrs_free(t);
}

static void test_wire(void **state)
{
	(void)state;
	assert_true(icmp_is_for_wire(&(struct ext_info){ .upper = IP6_MH }));
	assert_true(icmp_is_for_wire(&(struct ext_info){ .upper = IP6_UDP, .flags = EXT_HAO }));
	assert_false(icmp_is_for_wire(&(struct ext_info){ .upper = IP6_UDP, .flags = EXT_RH }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kind),
		cmocka_unit_test(test_about_us),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_no_source),
		cmocka_unit_test(test_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
