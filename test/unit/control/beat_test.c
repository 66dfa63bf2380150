/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two sites whose hellos run beside control cores that are slow, and beside lcores that stand
 * still, in virtual time.
 */
#include "test.h"

#include <sodium.h>

#include "control/mesh/beat.h"

#define LCORES  3
#define HELLO_T 100
#define DEAD_T  300
#define WALL    1700000000000ULL
#define WIRE    64

struct site {
	struct beat *b;
	struct mail *mail;
	bool is_frozen;
	bool stands[LCORES];
	uint64_t turns[LCORES];
	uint64_t due_ms;
	unsigned sent;

	/* control */
	bool is_slow; /* reads nothing */
	uint32_t number;
	uint16_t stalls;
	struct next_view view;
	unsigned views, reach[3], stall_events, drifts;
	int64_t stalled_ms;
	bool is_known;
	uint32_t known;
	struct mail_info info;
	unsigned infos;
	unsigned keys;
	uint64_t key; /* of the other's labels */
};

struct datagram {
	uint8_t from;
	size_t n;
	uint8_t b[HELLO_MAX];
};

static struct site site[3]; /* by node id */
static struct datagram wire[WIRE];
static unsigned wire_count;
static uint64_t now_ms;

#define KEY_OF(node) (UINT64_MAX - (node))

static struct ip6_addr address(uint8_t node)
{
	struct ip6_addr a = addr("2001:db8:5::");

	a.b[15] = node;
	return a;
}

static void on_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	struct site *s = ctx;

	assert_int_equal(node, s == &site[1] ? 2 : 1);
	assert_in_range(wire_count, 0, WIRE - 1);
	wire[wire_count].from = (uint8_t)(s - site);
	wire[wire_count].n = len;
	memcpy(wire[wire_count++].b, buf, len);
	s->sent++;
}

static uint64_t turns_of(void *ctx, uint32_t lcore)
{
	return ((struct site *)ctx)->turns[lcore];
}

static void start(uint8_t node)
{
	struct site *s = &site[node];
	uint8_t other = 3 - node;
	const struct hello_peer peer = { other, address(other) };
	const struct hello_domain d = {
		.id = next_domain("msp1"),
		.members = &other,
		.member_count = 1,
		.label_key = KEY_OF(node),
	};
	const struct hello_opts h = { .node = node,
		.boot = node,
		.version_min = 1,
		.version_max = 1,
		.hello_ms = HELLO_T,
		.dead_ms = DEAD_T,
		.clock_limit_ms = 500,
		.peers = &peer,
		.peer_count = 1,
		.domains = &d,
		.domain_count = 1 };
	const struct mail_opts m = {
		.domains = 1, .peers = &other, .peer_count = 1, .ring_octets = MAIL_RING_MIN
	};

	assert_int_equal(mail_new(&m, &s->mail), 0);
	assert_int_equal(beat_new(&(struct beat_opts){ .hello = &h,
					  .mail = s->mail,
					  .lcores = LCORES,
					  .turns = turns_of,
					  .send = on_send,
					  .ctx = s },
				 &s->b),
		0);
}

static void share_keys(void)
{
	struct session_keys k = { .initiator = true };

	randombytes_buf(k.hello, sizeof(k.hello));
	mail_post_keys(site[1].mail, 2, &k);
	k.initiator = false;
	mail_post_keys(site[2].mail, 1, &k);
}

static int set_up(void **state)
{
	(void)state;
	memset(site, 0, sizeof(site));
	wire_count = 0;
	now_ms = 10000;
	start(1);
	start(2);
	share_keys();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		beat_free(site[i].b);
		mail_free(site[i].mail);
	}
	return 0;
}

/* --- control's side --- */

static void say(struct site *s, enum next_says says)
{
	mail_post_say(s->mail, 0, (struct mail_say){ (uint8_t)says, s->stalls, ++s->number });
}

static void heard(struct site *s, const struct mail_event *e)
{
	s->stalls = e->stalls;
	if (e->event == HELLO_REACH) {
		s->reach[e->value]++;
	} else if (e->event == HELLO_STALL) {
		s->stall_events++;
		s->stalled_ms += e->value;
	} else if (e->event == HELLO_DRIFT) {
		s->drifts++;
	} else if (e->event == HELLO_LABEL_KEY) {
		s->keys++;
		s->key = (uint64_t)e->value;
	}
}

static void control(struct site *s)
{
	const struct mail_msg *m;

	while (!s->is_slow && (m = mail_read(s->mail)) != NULL) {
		if (m->kind == MAIL_EVENT) {
			heard(s, &m->event);
		} else if (m->kind == MAIL_VIEW) {
			s->view = m->view.view;
			s->views++;
		} else if (m->kind == MAIL_INFO) {
			s->info = m->info;
			s->infos++;
		} else {
			s->is_known = m->known.is_known;
			s->known = m->known.number;
		}
		mail_done(s->mail);
	}
	mail_push(s->mail);
}

/* --- time --- */

static void deliver(void)
{
	unsigned n = wire_count;
	struct datagram d[WIRE];

	memcpy(d, wire, n * sizeof(d[0]));
	wire_count = 0;
	for (unsigned i = 0; i < n; i++) {
		struct site *to = &site[3 - d[i].from];
		struct ip6_addr from = address(d[i].from);

		if (to->is_frozen)
			continue;
		beat_input(to->b, &from, d[i].b, d[i].n, now_ms, WALL + now_ms);
		to->due_ms = now_ms;
	}
}

static void step(void)
{
	now_ms++;
	deliver();
	for (unsigned i = 1; i <= 2; i++) {
		struct site *s = &site[i];

		if (s->is_frozen)
			continue;
		if (now_ms >= s->due_ms || mail_waits(s->mail))
			s->due_ms = now_ms + beat_turn(s->b, now_ms, WALL + now_ms);
		for (unsigned l = 0; l < LCORES; l++) /* behind it: after a freeze it is first */
			s->turns[l] += !s->stands[l];
		control(s);
	}
}

static void run(uint64_t ms)
{
	while (ms-- > 0)
		step();
}

static bool sees(const struct site *s, enum next_reach reach, enum next_says says)
{
	const struct next_site *other = &s->view.site[s == &site[1] ? 2 : 1];

	return other->reach == reach && other->says == says;
}

/* --- tests --- */

static void test_up(void **state)
{
	(void)state;
	say(&site[1], NEXT_READY);
	run(1000);
	assert_true(sees(&site[1], NEXT_UP, NEXT_JOINING));
	assert_true(sees(&site[2], NEXT_UP, NEXT_READY));
	assert_int_equal(site[1].view.site[1].says, NEXT_READY);
	assert_int_equal(site[1].reach[NEXT_UP], 1);
	assert_in_range(
		site[1].infos, 3, 6); /* five a second, since there is something to turn for */
	assert_int_equal(site[1].info.node, 2);
	assert_true(site[1].info.info.up);
	assert_true(site[1].info.info.has_rtt);
	assert_int_equal(site[1].info.up[0], 0); /* of others: there is none */
	assert_true(site[1].is_known);
	assert_int_equal(site[1].known, site[1].number);
	assert_int_equal(beat_silent_since(site[1].b), 0);
}

/* Any lcore that stands still makes the site fall silent, and the other take it for dead. */
static void test_wedged(void **state)
{
	(void)state;
	run(1000);
	say(&site[1], NEXT_READY);
	run(1000);
	for (unsigned l = 0; l < LCORES; l++) {
		unsigned sent;

		site[1].stands[l] = true;
		run(BEAT_STILL_MS);
		assert_int_equal(beat_silent_since(site[1].b), 0); /* a slow turn is none */
		assert_true(sees(&site[2], NEXT_UP, NEXT_READY));
		run(HELLO_T);
		assert_int_not_equal(beat_silent_since(site[1].b), 0);
		sent = site[1].sent;
		run(DEAD_T + HELLO_T);
		assert_int_equal(site[1].sent, sent);
		assert_true(sees(&site[2], NEXT_DEAD, NEXT_JOINING));
		assert_int_equal(site[2].reach[NEXT_DEAD], l + 1);
		/* it goes on: others may have taken over, and it says so */
		site[1].stands[l] = false;
		run(500);
		assert_int_equal(beat_silent_since(site[1].b), 0);
		assert_int_equal(site[1].stall_events, l + 1);
		assert_in_range(site[1].stalled_ms, DEAD_T, 1000);
		assert_true(sees(&site[2], NEXT_UP, NEXT_JOINING));
		site[1].stalled_ms = 0;
		say(&site[1], NEXT_READY);
		run(500);
		assert_true(sees(&site[2], NEXT_UP, NEXT_READY));
	}
}

/* Who was frozen as a whole has no lcore that stands still. */
static void test_frozen(void **state)
{
	unsigned sent;

	(void)state;
	run(1000);
	site[1].stands[1] = true; /* an lcore in the middle of a turn */
	run(HELLO_T);
	site[1].is_frozen = true;
	run(3000);
	assert_true(sees(&site[2], NEXT_DEAD, NEXT_JOINING));
	site[1].is_frozen = false;
	sent = site[1].sent;
	run(1);
	site[1].stands[1] = false;
	assert_int_equal(beat_silent_since(site[1].b), 0);
	assert_int_equal(site[1].sent, sent + 1);
	run(300);
	assert_true(sees(&site[2], NEXT_UP, NEXT_JOINING));
	assert_int_equal(site[1].stall_events, 1);
	assert_in_range(site[1].stalled_ms, 2900, 3100);
	/* what it heard before is not taken for silence of the other */
	assert_int_equal(site[1].reach[NEXT_DEAD], 0);
}

/* "Ready" that control said before it heard that the site stood still is out of date. */
static void test_stale_says(void **state)
{
	(void)state;
	run(500);
	say(&site[1], NEXT_READY);
	run(500);
	assert_true(sees(&site[2], NEXT_UP, NEXT_READY));
	site[1].is_frozen = true;
	run(1000);
	site[1].is_frozen = false;
	site[1].is_slow = true; /* it has not read of the stall */
	run(2);
	say(&site[1], NEXT_READY);
	run(500);
	assert_true(sees(&site[2], NEXT_UP, NEXT_JOINING));
	site[1].is_slow = false;
	run(2);
	assert_int_equal(site[1].stall_events, 1);
	say(&site[1], NEXT_READY);
	run(500);
	assert_true(sees(&site[2], NEXT_UP, NEXT_READY));
	/* that it has left may be said at any time */
	site[1].is_frozen = true;
	run(1000);
	site[1].is_frozen = false;
	site[1].is_slow = true;
	run(2);
	say(&site[1], NEXT_LEFT);
	run(500);
	assert_true(sees(&site[2], NEXT_UP, NEXT_LEFT));
}

/* A control core that reads nothing for a minute in which the other comes and goes: in the end it
 * knows what is, and of everything that happened the newest. */
static void test_slow_control(void **state)
{
	(void)state;
	run(500);
	assert_true(sees(&site[2], NEXT_UP, NEXT_JOINING));
	site[2].is_slow = true;
	for (unsigned i = 0; i < 30; i++) {
		site[1].is_frozen = true;
		run(1000);
		site[1].is_frozen = false;
		run(300);
		say(&site[1], i % 2 == 0 ? NEXT_READY : NEXT_DRAINING);
		run(700);
	}
	assert_int_equal(site[1].stall_events, 30);
	site[2].is_slow = false;
	run(20);
	assert_true(sees(&site[2], NEXT_UP, NEXT_DRAINING));
	assert_true(site[2].infos > 0);
	/* and again nothing is told twice */
	site[2].views = 0;
	run(1000);
	assert_int_equal(site[2].views, 0);
	site[1].is_frozen = true;
	run(1000);
	assert_true(sees(&site[2], NEXT_DEAD, NEXT_JOINING));
}

/* Stalls that control does not hear of add up. */
static void test_slow_stalls(void **state)
{
	(void)state;
	run(500);
	site[1].is_slow = true;
	while (mail_tell(site[1].mail, &(struct mail_msg){ .kind = MAIL_VIEW }))
		;
	while (mail_tell(site[1].mail, &(struct mail_msg){ .kind = MAIL_KNOWN }))
		; /* the box is full */
	for (unsigned i = 0; i < 3; i++) {
		site[1].is_frozen = true;
		run(1000);
		site[1].is_frozen = false;
		run(200);
	}
	site[1].is_slow = false;
	run(20);
	assert_int_equal(site[1].stall_events, 1);
	assert_int_equal(site[1].stalls, 3);
	assert_in_range(site[1].stalled_ms, 2700, 3300);
}

/* Settings that a reload changes are told, and found to differ. */
static void test_settings(void **state)
{
	uint32_t all[HELLO_SETTING_COUNT] = { 7 };

	(void)state;
	run(1000);
	assert_int_equal(site[1].drifts, 0);
	mail_post_settings(site[2].mail, all);
	run(500);
	assert_int_equal(site[1].drifts, 1);
	mail_post_settings(site[1].mail, all);
	run(500);
	assert_int_equal(site[1].drifts, 2); /* and the same again */
}

/* The key of the other's labels, once, however late control reads its mail. */
static void test_label_key(void **state)
{
	(void)state;
	site[1].is_slow = true;
	run(3000);
	site[1].is_slow = false;
	run(1000);
	for (unsigned i = 1; i <= 2; i++) {
		assert_int_equal(site[i].keys, 1);
		assert_true(site[i].key == KEY_OF(3 - i));
	}
}

/* New keys while the other is slow to read the mail: nobody falls silent. */
static void test_renew(void **state)
{
	(void)state;
	run(1000);
	for (unsigned i = 0; i < 20; i++) {
		share_keys();
		run(1 + i * 7);
	}
	run(1000);
	assert_int_equal(site[1].reach[NEXT_DEAD] + site[2].reach[NEXT_DEAD], 0);
	assert_true(sees(&site[1], NEXT_UP, NEXT_JOINING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wedged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_frozen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stale_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_slow_control, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_slow_stalls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_settings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_label_key, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_renew, set_up, tear_down),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
