/* SPDX-License-Identifier: BSD-3-Clause */
/* What the mesh tells an administrator: hamctl, alarms, words; and bindings moved by hand. */
#include "two_sites.h"

/* --- what the operator says --- */

static void test_binding_move(void **state)
{
	static const struct {
		const char *hoa, *to, *error;
		unsigned at;
	} rows[] = {
		{ HOA2, "tokyo", "no such binding: " HOA2, 1 },
		{ HOA, "oslo", "no such site: oslo", 1 },
		{ HOA, "paris", "another site owns this binding: ask paris", 2 },
		{ HOA, "tokyo", "", 1 },
		{ HOA, "tokyo", "another site owns this binding: ask tokyo", 1 },
	};

	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	pass(20);
	for (size_t i = 0; i < DIM(rows); i++) {
		struct ctl_req req = { .key = addr(rows[i].hoa) };

		snprintf(req.site, sizeof(req.site), "%s", rows[i].to);
		ask(rows[i].at, show_binding_move, &req);
		assert_string_equal(req.error, rows[i].error);
		jw_done(&req.out);
		pass(200);
	}
	assert_int_equal(mesh_owner(&node(1)->ctl, record_at(1, HOA)), 2);
	assert_int_equal(mesh_owner(&node(2)->ctl, record_at(2, HOA)), 2);
}

/* Its owner is gone: whom to ask depends on who answers for it. */
static void test_binding_move_ownerless(void **state)
{
	static const struct {
		uint8_t successor;
		const char *error;
	} rows[] = {
		{ 0, "the site that owns this binding is gone, and no other one has it yet; try "
		     "again" },
		{ 1, "this binding is taken over at this moment; try again" },
		{ 2, "another site owns this binding: ask tokyo" },
	};
	struct domain *d;

	(void)state;
	become_ready();
	accept_and_hold(1, HOA, COA, 7);
	records_mesh(node(1)->ctl.records, record_at(1, HOA))->owner.node = 3;
	d = &node(1)->ctl.mesh->engine->domain[0];
	for (size_t i = 0; i < DIM(rows); i++) {
		struct ctl_req req = { .key = addr(HOA), .site = "tokyo" };

		memset(d->successor, rows[i].successor, sizeof(d->successor));
		assert_false(ask(1, show_binding_move, &req));
		assert_string_equal(req.error, rows[i].error);
		jw_done(&req.out);
	}
}

static void test_show_peers(void **state)
{
	struct ctl_req req = { .domain = "" };
	struct hello_info info = {
		.up = true, .has_rtt = true, .has_offset = true, .rtt_ms = 12, .offset_ms = -3
	};
	uint64_t up[4] = { 1 << 3 };
	static const char *const parts[] = { "\"site\":\"tokyo\"", "\"id\":2", "\"state\":\"up\"",
		"\"rtt-ms\":12", "\"clock-offset-ms\":-3", "\"hears\":[\"paris\",\"node 3\"]",
		"\"tx-datagrams\":7", "\"lag-records\":0",
		"{\"domain\":\"msp\",\"reach\":\"up\",\"says\":\"ready\"}" };

	(void)state;
	become_ready();
	mesh_on_info(&node(1)->ctl, 2, &info, up);
	assert_true(ask(1, show_peers, &req));
	for (size_t i = 0; i < DIM(parts); i++)
		if (strstr(req.out.buf, parts[i]) == NULL)
			fail_msg("%s is not in %s", parts[i], req.out.buf);
	jw_done(&req.out);
}

/* --- what is wrong --- */

static void assert_alarm(
	void (*measure)(struct ctl *ctl, struct alarm_fact *f), uint64_t value, const char *detail)
{
	struct alarm_fact f = { 0 };

	measure(&node(1)->ctl, &f);
	assert_int_equal(f.value, value);
	assert_string_equal(f.detail, detail);
}

static void test_alarms(void **state)
{
	struct ctl *ctl = &node(1)->ctl;

	(void)state;
	become_ready();
	assert_alarm(mesh_peer_down, 0, "");
	assert_alarm(mesh_clock_off, 0, "");
	assert_alarm(mesh_settings_differ, 0, "");
	assert_alarm(mesh_peer_key, 0, "");
	mesh_on_hello(ctl, HELLO_CLOCK, 0, 0, -700);
	assert_alarm(mesh_clock_off, 700, "domain msp: this clock is ahead");
	mesh_on_hello(ctl, HELLO_CLOCK, 0, 0, 0);
	assert_alarm(mesh_clock_off, 0, "");
	mesh_on_hello(ctl, HELLO_DRIFT, 0, 2, 1 << HELLO_SETTING_MODE | 1 << HELLO_SETTING_AUTH);
	assert_alarm(mesh_settings_differ, 2, "tokyo, domain msp: mode,auth");
	mesh_on_hello(ctl, HELLO_DRIFT, 0, 2, 0);
	assert_alarm(mesh_settings_differ, 0, "");
	mesh_on_hello(ctl, HELLO_INCOMPATIBLE, 0, 2, 1);
	assert_alarm(mesh_peer_incompatible, 1, "tokyo");
	mesh_on_hello(ctl, HELLO_INCOMPATIBLE, 0, 2, 0);
	assert_alarm(mesh_peer_incompatible, 0, "");
	node(1)->session = (struct session_info){
		.established = true, .last_failure = SESSION_HANDSHAKE, .failed_ms = ctl->now_ms
	};
	assert_alarm(mesh_peer_key, 0, ""); /* made up by somebody: it is up */
	cut(1, true);
	pass(20);
	assert_alarm(mesh_peer_down, 1, "tokyo");
	assert_alarm(mesh_peer_key, 1, "tokyo");
	node(1)->session.heard_ms = ctl->now_ms; /* what came before was its last life's */
	assert_alarm(mesh_peer_key, 0, "");
	node(1)->session.failed_ms = ctl->now_ms + 1;
	node(1)->session.last_failure = SESSION_REPLAYED;
	assert_alarm(mesh_peer_key, 0, "");
	assert_alarm(mesh_peer_full, 0, "");
	assert_alarm(mesh_records_differ, 0, "");
}

/* Sessions hear of each hello that came, and once, or a site that only says hello looks silent. */
static void test_session_is_told(void **state)
{
	const struct site *s = node(1);
	uint64_t up[4] = { 0 };

	(void)state;
	become_ready();
	for (unsigned i = 0; i < 6; i++) {
		struct hello_info info = { .up = true, .heard_ms = START_MS + i / 2 };

		mesh_on_info(&node(1)->ctl, 2, &info, up);
		assert_int_equal(s->hellos, 1 + i / 2);
		assert_int_equal(s->hello_ms, START_MS + i / 2);
	}
}

/* It is there, but says nothing of the domain to us: another domain's name, or we are not among its
 * sites. It is not called dead. */
static void test_no_domain(void **state)
{
	struct hello_info info = { .up = true, .heard_ms = START_MS };
	struct ctl *ctl = &node(1)->ctl;
	struct ctl_req req = { .domain = "" };
	uint64_t up[4] = { 0 };

	(void)state;
	become_ready();
	mesh_on_info(ctl, 2, &info, up);
	assert_alarm(mesh_peer_domain, 0, "");
	cut(1, true); /* of the domain, hello says that it is dead there */
	pass(20);
	mesh_on_info(ctl, 2, &info, up);
	assert_alarm(mesh_peer_domain, 1, "tokyo, domain msp");
	assert_alarm(mesh_peer_down, 0, "");
	assert_true(ask(1, show_peers, &req));
	assert_non_null(strstr(req.out.buf, "\"state\":\"no domain\""));
	assert_non_null(strstr(req.out.buf, "{\"domain\":\"msp\",\"reach\":\"not there\"}"));
	jw_done(&req.out);
	info.up = false;
	mesh_on_info(ctl, 2, &info, up);
	assert_alarm(mesh_peer_domain, 0, "");
	assert_alarm(mesh_peer_down, 1, "tokyo");
}

/* What an operator reads of the only peer. */
static void assert_lag(uint64_t records, uint64_t ms)
{
	struct ctl_req req = { .domain = "" };
	char text[64];

	snprintf(text, sizeof(text), "\"lag-records\":%llu,\"lag-ms\":%llu,",
		(unsigned long long)records, (unsigned long long)ms);
	assert_true(ask(1, show_peers, &req));
	if (strstr(req.out.buf, text) == NULL)
		fail_msg("%s is not in %s", text, req.out.buf);
	jw_done(&req.out);
}

/* It hears us and is not told to be up to date by anybody. */
static void test_behind(void **state)
{
	(void)state;
	become_ready();
	assert_alarm(mesh_peer_behind, 0, "");
	assert_lag(0, 0);
	accept_bu(1, HOA, COA, 7, false);
	for (unsigned i = 0; i < 60; i++) { /* what the other one sends is lost */
		node(1)->ctl.now_ms += 10;
		queued = 0;
		turn_one(node(1));
	}
	assert_true(mesh_behind_ms(&node(1)->ctl, 2) >= 400);
	assert_lag(1, mesh_behind_ms(&node(1)->ctl, 2));
	assert_alarm(mesh_peer_behind, mesh_behind_ms(&node(1)->ctl, 2), "tokyo");
	pass(2000);
	assert_alarm(mesh_peer_behind, 0, "");
	assert_lag(0, 0);
}

/* Every event has words, and a line of any length is one. */
static void test_words(void **state)
{
	struct ctl *ctl = &node(1)->ctl;

	(void)state;
	log_set_level(LOG_DEBUG);
	for (enum engine_event e = 0; e < ENGINE_EV_COUNT; e++)
		mesh_say(ctl, e, 0, 2, UINT64_MAX * (e != ENGINE_EV_STATE));
	for (enum hello_event e = 0; e <= HELLO_LABEL_KEY; e++)
		for (int64_t value = 0; value < 3; value++)
			mesh_say_hello(ctl, e, 0, 2, value);
	mesh_say(ctl, ENGINE_EV_HELD_OUT, 0, 99, 0); /* of no name */
	log_set_level(LOG_ERR);
	assert_string_equal(mesh_site_name(ctl, 99), "node 99");
	assert_int_equal(mesh_find_site(ctl, "paris"), 1);
	assert_int_equal(mesh_find_site(ctl, "tokyo"), 2);
	assert_int_equal(mesh_find_site(ctl, "oslo"), 0);
}

/* A site that says another thing in each hello fills nobody's log. */
static void test_few_words(void **state)
{
	static const struct {
		enum hello_event event;
		int64_t value;
	} rows[] = { { HELLO_REACH, NEXT_DEAD }, { HELLO_RESTARTED, 7 }, { HELLO_INCOMPATIBLE, 1 },
		{ HELLO_DRIFT, 1 }, { HELLO_DRIFT, 0 }, { HELLO_CLOCK, 9 }, { HELLO_CLOCK, 0 } };
	struct ctl *ctl = &node(1)->ctl;

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		struct log_rl *rl = &ctl->mesh->hello_log[rows[i].event];

		*rl = (struct log_rl)LOG_RL_INIT;
		for (unsigned n = 0; n < 1000; n++)
			mesh_say_hello(ctl, rows[i].event, 0, 2, rows[i].value);
		assert_int_equal(rl->suppressed, 1000 - rl->burst);
	}
}

/* A site that two others agree against about the time does not become ready, nor less ready. */
static void test_clock(void **state)
{
	struct ctl *ctl = &node(1)->ctl;

	(void)state;
	mesh_on_hello(ctl, HELLO_CLOCK, 0, 0, 700);
	pass(2000);
	assert_int_equal(node(1)->says[0], NEXT_JOINING);
	mesh_on_hello(ctl, HELLO_CLOCK, 0, 0, 0);
	pass(2000);
	assert_int_equal(node(1)->says[0], NEXT_READY);
	mesh_on_hello(ctl, HELLO_CLOCK, 0, 0, 700);
	pass(200);
	assert_int_equal(node(1)->says[0], NEXT_READY);
}

/* --- settings --- */

static void test_settings(void **state)
{
	uint32_t a[HELLO_SETTING_COUNT], b[HELLO_SETTING_COUNT];
	struct conf_domain *d = &node(2)->domain[0];
	struct conf_prefix_lifetime last = { .lifetimes = { .valid_s = 600, .preferred_s = 0 } };
	char names[80];

	(void)state;
	mesh_settings(&node(1)->ctl, 0, a);
	mesh_settings(&node(2)->ctl, 0, b);
	assert_memory_equal(a, b, sizeof(a)); /* each names itself and the other one */
	d->mode = CONF_MODE_SHARED;
	d->delivery = CONF_DELIVERY_PRIMARY;
	d->lifetime_max_s++;
	d->limits.max_bindings++;
	d->ack_peers = 2;
	d->remember_sequence = true;
	node(2)->served[0].len = 49;
	node(2)->peer.retired = true;
	node(2)->conf.mesh.dead_ms++;
	node(2)->conf.mesh.protect_data = true;
	d->prefix_lifetimes = &last;
	d->prefix_lifetime_count = 1;
	last.prefix = node(2)->served[0];
	mesh_settings(&node(2)->ctl, 0, b);
	for (unsigned i = 0; i < HELLO_SETTING_COUNT; i++)
		if (i != HELLO_SETTING_AUTH && a[i] == b[i])
			fail_msg("%s counts for nothing", hello_setting_name(i));
	assert_string_equal(mesh_setting_names(1 << HELLO_SETTING_DEAD | 1 << HELLO_SETTING_MODE,
				    names, sizeof(names)),
		"mode,dead-ms");
	assert_string_equal(mesh_setting_names(UINT32_MAX, names, 10), "mode");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_binding_move),
		T(test_binding_move_ownerless),
		T(test_show_peers),
		T(test_alarms),
		T(test_session_is_told),
		T(test_no_domain),
		T(test_behind),
		T(test_words),
		T(test_few_words),
		T(test_clock),
		T(test_settings),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
