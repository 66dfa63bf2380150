/* SPDX-License-Identifier: BSD-3-Clause */
/* Binding Errors, Parameter Problems, and packets with a Home Address option. */
#include "mip6_lab.h"

static void test_binding_error(void **state)
{
	(void)state;
	send_bu(&(struct msg){ .raw = "3b006300 0000 0000" });
	assert_be(MH_BE_UNKNOWN_TYPE, COA, HOA);
	send_bu(&(struct msg){ .raw = "3b010100 0000 0000 0102030405060708", .hao = "" });
	assert_be(MH_BE_UNKNOWN_TYPE, COA, "::"); /* HoTI: no correspondent */
	send_bu(&(struct msg){ .raw = "3b010d00 0000 0000 0102030405060708", .hao = "" });
	assert_be(MH_BE_UNKNOWN_TYPE, COA, "::"); /* heartbeat */
	assert_int_equal(drops[DP_DROP_MH_TYPE], 3);
	assert_int_equal(t.ctl.counters[CTL_BE_SENT], 3);
	send_bu(&(struct msg){ .raw = "3b006300 0000 0000", .src = "fe80::9" });
	assert_be(MH_BE_UNKNOWN_TYPE, "fe80::9", HOA);
	assert_int_equal(out.link, 1);
	token = false;
	send_bu(&(struct msg){ .raw = "3b006300 0000 0000" });
	assert_int_equal(out.len, 0);
	assert_int_equal(drops[DP_DROP_ICMP6_RATE], 1);
	assert_int_equal(t.ctl.counters[CTL_BE_SENT], 4);
}

static void test_param_problem(void **state)
{
	(void)state;
	send_bu(&(struct msg){ .raw = "06010500 0000 0001 c000 0064 0102 0000" });
	assert_int_equal(out.icmp, 1);
	assert_int_equal(out.icmp_arg, 64); /* Payload Proto */
	assert_int_equal(drops[DP_DROP_MH_PROTO], 1);
	send_bu(&(struct msg){ .raw = "3b000500 0000 0001", .hao = "" });
	assert_int_equal(out.icmp, 2);
	assert_int_equal(out.icmp_arg, 41); /* Header Len */
	assert_int_equal(drops[DP_DROP_MH_LENGTH], 1);
	assert_int_equal(out.wire, 0);
}

/* Data with a Home Address option: an empty packet (next header 59) is data enough. */
static bool hao_ok(const char *src, const char *hoa)
{
	struct ip6_addr from = addr(src), to = addr(HA);
	struct ctl_pkt p = { .walked = true, .fib = fib_lookup(t.tables.fib, &to) };
	uint8_t buf[64];
	bool ok;

	put_hao(buf + 40, hoa);
	buf[40] = IP6_NONE;
	net_ip6_fill((struct net_ip6 *)buf, 24, IP6_DSTOPT, 64, &from, &to);
	p.data = buf;
	p.len = sizeof(buf);
	p.ext.flags = EXT_HAO;
	p.ext.hao_off = 46;
	out.len = 0;
	ok = mip6_hao_ok(&t.ctl, &p);
	return ok;
}

static void test_hao(void **state)
{
	(void)state;
	assert_false(hao_ok(COA, HOA)); /* may have been bound before the start */
	assert_int_equal(out.len, 0);
	assert_false(hao_ok(COA, "2001:db8:a::999")); /* cannot */
	assert_be(MH_BE_UNKNOWN_BINDING, COA, "2001:db8:a::999");
	assert_false(hao_ok(COA, "2001:db8:f::1"));
	assert_be(MH_BE_UNKNOWN_BINDING, COA, "2001:db8:f::1");
	send_bu(&(struct msg){ .seq = 1 });
	assert_true(hao_ok(COA, HOA));
	assert_int_equal(out.len, 0);
	assert_false(hao_ok(COA2, HOA));
	assert_be(MH_BE_UNKNOWN_BINDING, COA2, HOA);
	t.ctl.now_ms = START_MS + 1200000 - 1; /* the longer of the two domains' */
	mip6_expire(&t.ctl);
	assert_false(hao_ok(COA, HOA));
	assert_int_equal(out.len, 0);
	t.ctl.now_ms++;
	assert_false(hao_ok(COA, HOA));
	assert_be(MH_BE_UNKNOWN_BINDING, COA, HOA);
	assert_false(hao_ok("ff0e::1", HOA));
	assert_int_equal(out.len, 0);
	assert_int_equal(drops[DP_DROP_ICMP6_NOT_DUE], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_binding_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_param_problem, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hao, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
