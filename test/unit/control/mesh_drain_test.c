/* SPDX-License-Identifier: BSD-3-Clause */
/* A site that drains, and whether it is ready for traffic. */
#include "two_sites.h"

/* --- what the operator says --- */

static void test_drain(void **state)
{
	struct ctl_req drain = { .domain = "msp" }, undrain = { .domain = "" };

	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	assert_true(ask(1, show_drain, &drain));
	assert_string_equal(drain.out.buf, "{\"domain\":\"msp\",\"state\":\"draining\"}\n");
	jw_done(&drain.out);
	assert_int_equal(node(1)->says[0], NEXT_DRAINING);

	/* as long as something comes it waits */
	for (unsigned i = 0; i < 6; i++) {
		if (i % 2 == 0)
			arrived[0]++;
		else
			mesh_updated(&node(1)->ctl, 0);
		pass(900);
	}
	assert_int_equal(node(1)->says[0], NEXT_DRAINING);
	pass(2000);
	assert_int_equal(node(1)->says[0], NEXT_LEFT);
	assert_int_equal(mesh_owner(&node(2)->ctl, record_at(2, HOA)), 2);
	assert_int_equal(mesh_owner(&node(1)->ctl, record_at(1, HOA)), 2);
	assert_int_equal(node(1)->view.site[1].says, NEXT_DRAINING); /* serves until all know */
	assert_true(mesh_serves(&node(1)->ctl, 0));
	node(1)->is_known = true;
	pass(200);
	assert_int_equal(node(1)->view.site[1].says, NEXT_LEFT);
	assert_false(mesh_serves(&node(1)->ctl, 0));

	/* it relays what still comes, and is not stopped as long as something does */
	for (unsigned i = 0; i < 5; i++) {
		arrived[0]++;
		pass(500);
		assert_false(node(1)->ctl.mesh->domain[0].left_quiet);
	}
	pass(1000);
	assert_true(node(1)->ctl.mesh->domain[0].left_quiet);

	assert_true(ask(1, show_undrain, &undrain));
	jw_done(&undrain.out);
	pass(3000);
	assert_int_equal(node(1)->says[0], NEXT_READY);
}

/* Routes that go on bringing packets here hold it for drain-wait-ms at most. */
static void test_left_is_never_quiet(void **state)
{
	struct ctl_req drain = { .domain = "msp" };
	unsigned ms = 0;

	(void)state;
	become_ready();
	node(1)->is_known = true;
	assert_true(ask(1, show_drain, &drain));
	jw_done(&drain.out);
	pass(1500);
	assert_int_equal(node(1)->view.site[1].says, NEXT_LEFT);
	for (; !node(1)->ctl.mesh->domain[0].left_quiet && ms < 2 * 60000; ms += 500) {
		arrived[0]++;
		pass(500);
	}
	assert_in_range(ms, 60000 - 1500, 60000);
}

/* Nothing comes any more, but what this site held was not compared with the other one yet. */
static void test_left_is_not_held(void **state)
{
	struct ctl_req drain = { .domain = "msp" };

	(void)state;
	become_ready();
	assert_true(ask(1, show_drain, &drain));
	jw_done(&drain.out);
	pass(3000);
	assert_int_equal(node(1)->says[0], NEXT_LEFT);
	node(2)->is_mute = true;
	node(1)->is_known = true;
	pass(3000);
	assert_int_equal(node(1)->view.site[1].says, NEXT_LEFT);
	assert_false(node(1)->ctl.mesh->domain[0].left_quiet);
	node(2)->is_mute = false;
	pass(5000);
	assert_true(node(1)->ctl.mesh->domain[0].left_quiet);
}

/* What comes of another domain holds nothing up, and what does not come of it ends nothing. */
static void test_drain_one_domain(void **state)
{
	struct ctl_req drain = { .domain = "isp" };

	(void)state;
	become_ready();
	assert_true(ask(1, show_drain, &drain));
	jw_done(&drain.out);
	assert_int_equal(node(1)->says[1], NEXT_DRAINING);
	for (unsigned i = 0; i < 12; i++) {
		arrived[0]++;
		mesh_updated(&node(1)->ctl, 0);
		if (i % 3 == 0 && i < 6)
			arrived[1]++;
		else if (i % 3 == 0)
			mesh_updated(&node(1)->ctl, 1);
		pass(300);
	}
	assert_int_equal(node(1)->says[1], NEXT_DRAINING);
	for (unsigned i = 0; i < 5; i++) {
		arrived[0]++;
		mesh_updated(&node(1)->ctl, 0);
		pass(300);
	}
	assert_int_equal(node(1)->says[1], NEXT_LEFT);
	assert_int_equal(node(1)->says[0], NEXT_READY);
}

static void test_drain_refused(void **state)
{
	struct ctl_req joining = { .domain = "msp" }, alone = { .domain = "" },
		       force = { .domain = "", .force = true }, wrong = { .domain = "msp2" },
		       none = { .domain = "" };

	(void)state;
	turn();
	assert_false(ask(1, show_drain, &joining));
	assert_non_null(strstr(joining.error, "domain msp is joining"));
	become_ready();
	cut(1, true);
	pass(20);
	assert_false(ask(1, show_drain, &alone));
	assert_int_equal(alone.status, -EHOSTUNREACH);
	assert_int_equal(node(1)->says[0], NEXT_READY);
	assert_false(ask(1, show_drain, &wrong));
	assert_string_equal(wrong.error, "no such domain: msp2");
	assert_false(ask(1, show_undrain, &none));
	assert_true(ask(1, show_drain, &force));
	assert_int_equal(node(1)->says[0], NEXT_DRAINING);
	jw_done(&joining.out);
	jw_done(&alone.out);
	jw_done(&force.out);
	jw_done(&wrong.out);
	jw_done(&none.out);
}

/* The exit code of hamctl ready gates a route. */
static void test_ready_or_not(void **state)
{
	struct ctl_req waits = { .domain = "" }, force = { .domain = "msp", .force = true },
		       ready = { .domain = "msp" }, bare = { .force = true }, late = force;
	struct alarm_fact f = { 0 };

	(void)state;
	cut(1, true); /* the other site is not there */
	pass(2900);
	mesh_domain_waits(&node(1)->ctl, &f);
	assert_int_equal(f.value, 0);
	pass(200);
	mesh_domain_waits(&node(1)->ctl, &f);
	assert_int_equal(f.value, 1);
	assert_string_equal(f.detail, "msp waits for tokyo");
	assert_false(ask(1, show_ready, &waits));
	assert_string_equal(waits.error, "not ready: domain msp waits for tokyo");
	assert_string_equal(waits.out.buf, "{\"domain\":\"msp\",\"ready\":false}\n");
	assert_false(ask(1, show_ready, &bare));
	assert_true(ask(1, show_ready, &force));
	pass(50);
	assert_true(ask(1, show_ready, &ready));
	assert_string_equal(ready.out.buf, "{\"domain\":\"msp\",\"ready\":true}\n");
	assert_false(ask(1, show_ready, &late));
	node(1)->ctl.ready = false;
	jw_done(&ready.out);
	assert_false(ask(1, show_ready, &ready));
	node(1)->ctl.ready = true;
	jw_done(&waits.out);
	jw_done(&force.out);
	jw_done(&ready.out);
	jw_done(&bare.out);
	jw_done(&late.out);
}

static uint64_t no_turns(void *ctx, uint32_t lcore)
{
	(void)ctx;
	(void)lcore;
	return 7;
}

static uint32_t same_number(void *ctx, uint32_t lcore)
{
	(void)ctx;
	return lcore;
}

/* A worker that stands still, hello's or another: what control knows of the mesh has not changed, and
 * yet no packet is to be brought here. */
static void test_wedged_is_not_ready(void **state)
{
	const struct still_opts opts = {
		.limit_ms = 500, .lcores = 2, .turns = no_turns, .number = same_number
	};
	struct ctl_req one = { .domain = "msp" }, all = { .domain = "" }, late = { .domain = "" };
	struct ctl *ctl = &node(1)->ctl;

	(void)state;
	pass(200);
	assert_int_equal(still_new(&opts, &ctl->still), 0);
	for (unsigned ms = 0; ms <= 500; ms += STILL_LOOK_MS)
		still_run(ctl->still, START_MS + ms);
	assert_true(ask(1, show_ready, &one));
	still_run(ctl->still, START_MS + 550);
	assert_false(ask(1, show_ready, &all));
	assert_string_equal(all.error, "not ready: lcore 1 has finished no turn for 550 ms");
	assert_string_equal(all.out.buf, "{\"domain\":\"msp\",\"ready\":false}\n");
	node(1)->conf.domain_count = 0; /* nor with nothing to serve */
	assert_false(ask(1, show_ready, &late));
	node(1)->conf.domain_count = 1;
	still_free(ctl->still);
	ctl->still = NULL;
	jw_done(&one.out);
	jw_done(&all.out);
	jw_done(&late.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_drain),
		T(test_left_is_never_quiet),
		T(test_left_is_not_held),
		cmocka_unit_test_setup_teardown(test_drain_one_domain, setup_two_domains, teardown),
		T(test_drain_refused),
		T(test_ready_or_not),
		T(test_wedged_is_not_ready),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
