/* SPDX-License-Identifier: BSD-3-Clause */
/* Home Agent Switch (RFC 5142): who is told, by which site, what, when, and when no more. */
#include "mesh_lab.h"

#include "control/mip6/switch.h"

#define AFTER_S 60

static int begin(bool switches, uint32_t per_s)
{
	lab.mode = CONF_MODE_UNICAST;
	lab.ack_peers = 1;
	lab.remembers = true;
	lab.switches = switches;
	lab.switch_per_s = per_s;
	lab.switch_after_s = AFTER_S;
	lab_begin();
	return 0;
}

static int on(void **state)
{
	(void)state;
	return begin(true, 1000);
}

static int one_a_second(void **state)
{
	(void)state;
	return begin(true, 1);
}

static int off(void **state)
{
	(void)state;
	return begin(false, 1000);
}

static int teardown(void **state)
{
	(void)state;
	lab_end();
	return 0;
}

static uint64_t count(unsigned n, enum ctl_counter c)
{
	return sites[n].ctl.counters[c];
}

/* Whose, and where; numbers and timestamps go on. */
static void keep(const char *hoa, unsigned agent, bool has_key, int lifetime)
{
	static uint16_t seq;

	seq++;
	ask(&(struct msg){ .at = agent,
		    .hoa = hoa,
		    .seq = seq,
		    .lifetime = lifetime,
		    .timestamp = has_key ? sites[agent].ctl.ntp : 0 },
		HA_ACCEPTED, seq);
	pass(2 * WIRE_MS);
}

static void register_at(unsigned agent)
{
	keep(KEYED, agent, true, 0);
}

static void drain(unsigned n, bool force)
{
	assert_int_equal(engine_drain(sites[n].ctl.mesh->engine, 0, force, sites[n].ctl.now_ms), 0);
	sites[n].ctl.mesh->due_ms = 0;
	pass(1);
	assert_int_equal(sites[n].says, NEXT_DRAINING);
}

static const struct told *last(unsigned n)
{
	assert_true(sites[n].tellings > 0);
	return &sites[n].told[(sites[n].tellings - 1) % GOT];
}

/* The last one of site n is signed, to KEYED, from its own address, and names those sites. */
static void assert_told(unsigned n, unsigned names, unsigned also)
{
	const struct told *t = last(n);
	struct ip6_addr from = agent_of(n), to = addr(KEYED);
	unsigned seen = 0;

	assert_true(t->is_signed);
	assert_true(ip6_eq(&t->src, &from));
	assert_true(ip6_eq(&t->dst, &to));
	for (unsigned i = 0; i < t->agent_count; i++)
		seen |= 1u << t->agents[i].b[15];
	assert_int_equal(seen, 1u << names | (also != 0 ? 1u << also : 0));
	assert_int_equal(t->agent_count, also != 0 ? 2 : 1);
}

/* --- drain --- */

/* At 0, 5, 15 and 35 s; given up 20 s later, and only then the site leaves: nobody was quiet. */
static void test_drain(void **state)
{
	static const unsigned at_ms[] = { 0, 5000, 15000, 35000 };
	uint64_t start_ms;

	(void)state;
	register_at(1);
	keep(HOA, 1, false, 0); /* has no key */
	keep(HOA2, 2, false, 0); /* and is another site's */
	start_ms = lab_ms;
	drain(1, false);
	for (unsigned i = 0; i < DIM(at_ms); i++) {
		pass((unsigned)(start_ms + at_ms[i] + 300 - lab_ms));
		assert_int_equal(sites[1].tellings, i + 1);
		assert_told(1, 2, 3);
		assert_in_range(last(1)->at_ms, start_ms + at_ms[i], start_ms + at_ms[i] + 250);
		assert_true(mip6_is_switching(&sites[1].ctl, 0));
	}
	pass(19000);
	assert_int_equal(sites[1].says, NEXT_DRAINING);
	assert_int_equal(count(1, CTL_HA_SWITCH_UNANSWERED), 0);
	pass(3000);
	assert_int_equal(sites[1].tellings, DIM(at_ms));
	assert_int_equal(count(1, CTL_HA_SWITCH_UNANSWERED), 1);
	assert_int_equal(count(1, CTL_HA_SWITCH_SENT), DIM(at_ms));
	assert_int_equal(count(1, CTL_HA_SWITCH_NO_SA), 1);
	assert_false(mip6_is_switching(&sites[1].ctl, 0));
	assert_int_equal(sites[1].says, NEXT_LEFT);
	assert_bound(KEYED, COA, 1, 0);
	assert_int_equal(sites[2].tellings + sites[3].tellings, 0);
}

/* From a mobile node to the address it is registered with. hoa: the error's own field. */
static void send_be(unsigned status, const char *coa, const char *hoa, bool has_hao)
{
	struct ip6_addr src = addr(coa), home = addr(KEYED), to = agent_of(1);
	struct mh_be_msg be = { .status = (uint8_t)status, .hoa = addr(hoa) };
	uint8_t buf[256] = { 0 };
	uint16_t off = 40, len;
	struct ctl_pkt p;

	if (has_hao) {
		memcpy(buf + 40, (uint8_t[]){ IP6_MH, 2, 1, 2, 0, 0, 0xc9, 16 }, 8);
		memcpy(buf + 48, &home, sizeof(home));
		off += 24;
	}
	len = (uint16_t)(off + mh_be_encode(&be, has_hao ? &home : &src, &to, buf + off, 64));
	net_ip6_fill((struct net_ip6 *)buf, (uint16_t)(len - 40), has_hao ? IP6_DSTOPT : IP6_MH, 64,
		&src, &to);
	p = (struct ctl_pkt){
		.data = buf, .len = len, .walked = true, .fib = fib_lookup(sites[1].tables.fib, &to)
	};
	assert_int_equal(ext_walk(buf, len, EXT_TO_US, &p.ext), EXT_OK);
	mip6_input(&sites[1].ctl, &p);
}

static void be_by_option(void)
{
	send_be(MH_BE_UNKNOWN_TYPE, COA, "::", true);
}

static void be_by_field(void)
{
	send_be(MH_BE_UNKNOWN_TYPE, COA, KEYED, false);
}

static void be_from_elsewhere(void)
{
	send_be(MH_BE_UNKNOWN_TYPE, COA2, KEYED, false);
}

static void be_without_address(void)
{
	send_be(MH_BE_UNKNOWN_TYPE, COA, "::", false);
}

static void be_about_binding(void)
{
	send_be(MH_BE_UNKNOWN_BINDING, COA, KEYED, true);
}

static void refresh(void)
{
	register_at(1);
}

static void register_elsewhere(void)
{
	register_at(2);
}

static void deregister(void)
{
	keep(KEYED, 1, true, -1);
}

static void removed(void)
{
	struct ip6_addr hoa = addr(KEYED);

	assert_int_equal(mip6_delete(&sites[1].ctl, &hoa), 0);
}

/* What ends the repetition, and what it counts as; the drain goes on then, long before its time. */
static void test_answers(void **state)
{
	static const struct {
		const char *name;
		void (*does)(void);
		bool ends;
		unsigned answered, unknown, ignored;
	} cases[] = {
		{ "registered at another site", register_elsewhere, true, 1, 0, 0 },
		{ "de-registered", deregister, true, 1, 0, 0 },
		{ "removed by the operator", removed, true, 0, 0, 0 },
		{ "binding error with an option", be_by_option, true, 0, 1, 0 },
		{ "binding error that names it", be_by_field, true, 0, 1, 0 },
		{ "binding error from elsewhere", be_from_elsewhere, false, 0, 0, 1 },
		{ "binding error without an address", be_without_address, false, 0, 0, 1 },
		{ "another binding error", be_about_binding, false, 0, 0, 1 },
		{ "refresh", refresh, false, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		begin(true, 1000);
		register_at(1);
		drain(1, false);
		pass(300);
		assert_int_equal(sites[1].tellings, 1);
		cases[i].does();
		pass(3000);
		if (mip6_is_switching(&sites[1].ctl, 0) == cases[i].ends ||
			(sites[1].says == NEXT_LEFT) != cases[i].ends)
			fail_msg("%s: says %d", cases[i].name, sites[1].says);
		pass(3000);
		if (sites[1].tellings != (cases[i].ends ? 1 : 2))
			fail_msg("%s: told %u times", cases[i].name, sites[1].tellings);
		if (count(1, CTL_HA_SWITCH_ANSWERED) != cases[i].answered ||
			count(1, CTL_HA_SWITCH_UNKNOWN) != cases[i].unknown ||
			sites[1].drops[DP_DROP_MH_IGNORED] != cases[i].ignored)
			fail_msg("%s: counted otherwise", cases[i].name);
		lab_end();
	}
}

/* A registration that another site heard ends it here as soon as it is known; one that begins while
 * the site drains is told, too; undrain ends all, and the next drain tells again. */
static void test_undrain(void **state)
{
	(void)state;
	drain(1, false);
	pass(200);
	assert_int_equal(sites[1].tellings, 0);
	register_at(1);
	pass(1200);
	assert_int_equal(sites[1].tellings, 1);
	assert_int_equal(engine_undrain(sites[1].ctl.mesh->engine, 0, sites[1].ctl.now_ms), 0);
	sites[1].ctl.mesh->due_ms = 0;
	pass(8000);
	assert_int_equal(sites[1].tellings, 1);
	assert_int_equal(count(1, CTL_HA_SWITCH_UNANSWERED), 0);
	drain(1, false);
	pass(300);
	assert_int_equal(sites[1].tellings, 2);
	/* that of site 2 is none that anybody is to register with */
	lab_end();
	on(NULL);
	register_at(1);
	drain(2, false);
	drain(1, false);
	pass(300);
	assert_told(1, 3, 0);
}

/* Whoever comes back to the address is told anew: it may be another device. */
static void test_comes_back(void **state)
{
	(void)state;
	register_at(1);
	drain(1, false);
	pass(300);
	assert_int_equal(sites[1].tellings, 1);
	deregister();
	register_at(1);
	pass(1300);
	assert_int_equal(sites[1].tellings, 2);
	assert_int_equal(count(1, CTL_HA_SWITCH_ANSWERED), 1);
}

/* Nobody is there to go to: no word, and no waiting for answers. */
static void test_nobody_ready(void **state)
{
	(void)state;
	register_at(1);
	stop_site(2);
	stop_site(3);
	pass(DEAD_MS + 100);
	drain(1, true);
	pass(3000);
	assert_int_equal(sites[1].tellings, 0);
	assert_false(mip6_is_switching(&sites[1].ctl, 0));
}

static void test_off(void **state)
{
	(void)state;
	register_at(1);
	drain(1, false);
	pass(3000);
	assert_int_equal(sites[1].tellings, 0);
	assert_int_equal(sites[1].says, NEXT_LEFT);
	assert_int_equal(switches_memory(&sites[1].ctl), 0);
}

/* One begun a second, in the order of records; the drain waits for all of them. */
static void test_rate(void **state)
{
	char hoa[] = "2001:db8:a::301";
	uint64_t start_ms;

	(void)state;
	for (char c = '1'; c <= '5'; c++) {
		hoa[sizeof(hoa) - 2] = c;
		keep(hoa, 1, true, 0);
	}
	start_ms = lab_ms;
	drain(1, false);
	pass(4900);
	assert_int_equal(sites[1].tellings, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_in_range(
			sites[1].told[i].at_ms, start_ms + 1000 * i, start_ms + 1000 * i + 250);
	for (unsigned i = 0; i < 5; i++)
		for (unsigned k = 0; k < i; k++)
			assert_false(ip6_eq(&sites[1].told[i].dst, &sites[1].told[k].dst));
	assert_true(mip6_is_switching(&sites[1].ctl, 0));
	pass(52000);
	assert_int_equal(sites[1].tellings, 20);
	assert_int_equal(count(1, CTL_HA_SWITCH_UNANSWERED), 2);
}

/* --- a site that is gone --- */

static unsigned successor(void)
{
	unsigned n = mesh_at(2, KEYED)->owner.node;

	assert_in_range(n, 2, 3);
	assert_int_equal(mesh_at(3, KEYED)->owner.node, n);
	return n;
}

/* Not before the time; by the owner alone, from its own address, which is all that it names. */
static void test_gone(void **state)
{
	unsigned n;

	(void)state;
	register_at(1);
	stop_site(1);
	pass(1000 * AFTER_S - 500);
	n = successor();
	assert_int_equal(sites[2].tellings + sites[3].tellings, 0);
	pass(1000);
	assert_int_equal(sites[n].tellings, 1);
	assert_int_equal(sites[5 - n].tellings, 0);
	assert_told(n, n, 0);
	pass(5000);
	assert_int_equal(sites[n].tellings, 2);
	register_at(n);
	assert_int_equal(count(n, CTL_HA_SWITCH_ANSWERED), 1);
	pass(30000);
	assert_int_equal(sites[n].tellings, 2);
	assert_int_equal(sites[5 - n].tellings, 0);
}

/* It is back in time, or while its mobile nodes are told. */
static void test_returns(void **state)
{
	unsigned n;

	(void)state;
	register_at(1);
	stop_site(1);
	pass(1000 * AFTER_S - 5000);
	start_site(1);
	pass(20000);
	assert_int_equal(sites[2].tellings + sites[3].tellings, 0);
	stop_site(1);
	pass(1000 * AFTER_S + 500);
	n = successor();
	assert_int_equal(sites[n].tellings, 1);
	start_site(1);
	pass(20000);
	assert_int_equal(sites[1].says, NEXT_READY);
	assert_int_equal(sites[n].tellings, 1);
	assert_int_equal(count(n, CTL_HA_SWITCH_UNANSWERED), 0);
}

/* A successor that is gone itself: the next one tells, in its own name. */
static void test_both_gone(void **state)
{
	unsigned n;

	(void)state;
	register_at(1);
	stop_site(1);
	pass(1000 * AFTER_S + 500);
	n = successor();
	assert_int_equal(sites[n].tellings, 1);
	stop_site(n);
	pass(2000);
	n = 5 - n;
	assert_int_equal(sites[n].tellings, 1);
	assert_told(n, n, 0);
}

/* Whoever is retired is gone at once, also where nobody else ever is; one that drains is none to
 * name itself. */
static void test_retired(void **state)
{
	(void)state;
	register_at(1);
	for (unsigned n = 2; n <= 3; n++)
		sites[n].domain.switch_after_s = CONF_SWITCH_NEVER;
	stop_site(1);
	pass(2000 * AFTER_S);
	assert_int_equal(sites[2].tellings + sites[3].tellings, 0);
	for (unsigned n = 2; n <= 3; n++)
		sites[n].peers[0].retired = true; /* node 1's entry */
	drain(5 - successor(), false);
	pass(200);
	assert_int_equal(sites[successor()].tellings, 1);
	assert_told(successor(), successor(), 0);
	assert_int_equal(sites[5 - successor()].tellings, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_drain, on, teardown),
		cmocka_unit_test(test_answers),
		cmocka_unit_test_setup_teardown(test_undrain, on, teardown),
		cmocka_unit_test_setup_teardown(test_comes_back, on, teardown),
		cmocka_unit_test_setup_teardown(test_nobody_ready, on, teardown),
		cmocka_unit_test_setup_teardown(test_off, off, teardown),
		cmocka_unit_test_setup_teardown(test_rate, one_a_second, teardown),
		cmocka_unit_test_setup_teardown(test_gone, on, teardown),
		cmocka_unit_test_setup_teardown(test_returns, on, teardown),
		cmocka_unit_test_setup_teardown(test_both_gone, on, teardown),
		cmocka_unit_test_setup_teardown(test_retired, on, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
