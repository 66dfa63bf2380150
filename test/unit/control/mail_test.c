/* SPDX-License-Identifier: BSD-3-Clause */
/* Mailboxes whose other side does not read for a while: what is told last arrives, nothing waits. */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include <sodium.h>

#include "control/mesh/mail.h"

static const uint8_t nodes[] = { 2, 7, 255 };

static struct mail *m;

static int set_up(void **state)
{
	const struct mail_opts o = {
		.domains = 2, .peers = nodes, .peer_count = DIM(nodes), .ring_octets = MAIL_RING_MIN
	};

	(void)state;
	assert_int_equal(mail_new(&o, &m), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	mail_free(m);
	return 0;
}

static void test_refused(void **state)
{
	static const uint8_t twice[] = { 3, 3 };
	struct mail_opts o = {
		.peers = twice, .peer_count = DIM(twice), .ring_octets = MAIL_RING_MIN
	};
	struct mail *none = NULL;

	(void)state;
	assert_int_equal(mail_new(&o, &none), -EINVAL);
	o.peer_count = 0;
	o.ring_octets = MAIL_RING_MIN / 2;
	assert_int_equal(mail_new(&o, &none), -EINVAL);
	o.ring_octets = MAIL_RING_MIN + 1;
	assert_int_equal(mail_new(&o, &none), -EINVAL);
	assert_null(none);
}

static void test_says(void **state)
{
	struct mail_say s;

	(void)state;
	assert_false(mail_waits(m));
	assert_false(mail_has_news(m));
	assert_int_equal(mail_say_of(m, 0).number, 0);
	mail_post_say(m, 1, (struct mail_say){ NEXT_READY, 1, 1 });
	mail_post_say(m, 1, (struct mail_say){ NEXT_LEFT, 0xabcd, 0xfffffffe });
	assert_true(mail_waits(m));
	assert_true(mail_has_news(m));
	assert_false(mail_has_news(m));
	s = mail_say_of(m, 1);
	assert_int_equal(s.says, NEXT_LEFT);
	assert_int_equal(s.stalls, 0xabcd);
	assert_int_equal(s.number, 0xfffffffe);
	assert_int_equal(mail_say_of(m, 0).number, 0);
}

static struct {
	unsigned n;
	uint8_t node, hello, data;
	bool initiator;
} taken;

static void on_keys(void *ctx, uint8_t node, const struct session_keys *k)
{
	(void)ctx;
	taken.n++;
	taken.node = node;
	taken.hello = k->hello[NOISE_HASH_LEN - 1];
	taken.data = k->data[0];
	taken.initiator = k->initiator;
}

static struct session_keys keys(uint8_t fill)
{
	struct session_keys k = { .initiator = fill % 2 == 1 };

	memset(k.hello, fill, sizeof(k.hello));
	memset(k.data, fill + 100, sizeof(k.data));
	return k;
}

static void take(void)
{
	memset(&taken, 0, sizeof(taken));
	mail_take_keys(m, on_keys, NULL);
}

static void test_keys(void **state)
{
	struct session_keys k = keys(1);

	(void)state;
	mail_post_keys(m, 7, &k);
	assert_true(mail_has_news(m));
	take();
	assert_int_equal(taken.n, 1);
	assert_int_equal(taken.node, 7);
	assert_int_equal(taken.hello, 1);
	assert_int_equal(taken.data, 101);
	assert_true(taken.initiator);
	take();
	assert_int_equal(taken.n, 0);
	mail_post_keys(m, 3, &k); /* nobody's */
	assert_false(mail_has_news(m));
}

/* The reader is slow: the first ones and the newest arrive, those between have no use. */
static void test_keys_slow(void **state)
{
	(void)state;
	for (uint8_t i = 1; i <= 4; i++) {
		struct session_keys k = keys(i);

		mail_post_keys(m, 255, &k);
	}
	assert_true(mail_push(m)); /* they wait */
	take();
	assert_int_equal(taken.n, 1);
	assert_int_equal(taken.hello, 1);
	mail_has_news(m);
	assert_false(mail_push(m));
	assert_true(mail_has_news(m));
	take();
	assert_int_equal(taken.n, 1);
	assert_int_equal(taken.hello, 4);
	assert_false(mail_push(m));
}

static void test_settings(void **state)
{
	uint32_t all[2][HELLO_SETTING_COUNT], got[2][HELLO_SETTING_COUNT];

	(void)state;
	assert_false(mail_take_settings(m, got[0]));
	for (uint32_t i = 1; i <= 3; i++) {
		all[0][0] = i;
		all[1][HELLO_SETTING_COUNT - 1] = 10 * i;
		mail_post_settings(m, all[0]);
	}
	assert_true(mail_push(m));
	assert_true(mail_has_news(m));
	assert_true(mail_take_settings(m, got[0]));
	assert_int_equal(got[0][0], 1);
	assert_false(mail_take_settings(m, got[0]));
	assert_false(mail_push(m));
	assert_true(mail_has_news(m));
	assert_true(mail_take_settings(m, got[0]));
	assert_int_equal(got[0][0], 3);
	assert_int_equal(got[1][HELLO_SETTING_COUNT - 1], 30);
}

static bool tell_view(uint8_t self)
{
	struct mail_msg msg = { .kind = MAIL_VIEW, .view = { .domain = 1 } };

	msg.view.view.self = self;
	msg.view.view.site[NEXT_NODES - 1].via = self;
	return mail_tell(m, &msg);
}

static bool tell_event(int64_t value)
{
	return mail_tell(m,
		&(struct mail_msg){ .kind = MAIL_EVENT,
			.event = {
				.event = HELLO_DRIFT, .domain = 1, .node = 7, .value = value } });
}

static void test_messages(void **state)
{
	const struct mail_msg *msg;

	(void)state;
	assert_null(mail_read(m));
	assert_true(tell_event(-5));
	assert_true(tell_view(9));
	msg = mail_read(m);
	assert_int_equal(msg->kind, MAIL_EVENT);
	assert_int_equal(msg->event.value, -5);
	assert_int_equal(msg->event.event, HELLO_DRIFT);
	mail_done(m);
	msg = mail_read(m);
	assert_int_equal(msg->kind, MAIL_VIEW);
	assert_int_equal(msg->view.view.self, 9);
	assert_int_equal(msg->view.view.site[NEXT_NODES - 1].via, 9);
	mail_done(m);
	assert_null(mail_read(m));
}

/* Nothing is written over: who tells is told that there is no room. */
static void test_messages_full(void **state)
{
	unsigned views = 0;

	(void)state;
	while (tell_view((uint8_t)(views + 1)))
		views++;
	assert_in_range(views, 1, 4);
	for (unsigned i = 1; i <= views; i++) {
		assert_int_equal(mail_read(m)->view.view.self, i);
		mail_done(m);
	}
	assert_null(mail_read(m));
	assert_true(tell_view(77));
	assert_int_equal(mail_read(m)->view.view.self, 77);
}

/* --- two threads: what is told last is what is known in the end, and never half of it --- */

#define ROUNDS 20000

static _Atomic bool done_posting;

/* Not cmocka's, which is for one thread. */
static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_keys(void *ctx, uint8_t node, const struct session_keys *k)
{
	uint8_t *newest = ctx;

	must(node == 2);
	for (unsigned i = 0; i < NOISE_HASH_LEN; i++) {
		must(k->hello[i] == k->hello[0]);
		must(k->data[i] == (uint8_t)(k->hello[0] + 100));
	}
	*newest = k->hello[0];
}

static void *hello_side(void *ctx)
{
	uint32_t settings[2][HELLO_SETTING_COUNT];
	uint8_t *newest = ctx;
	uint32_t told = 0;

	for (bool end = false; !end || told < ROUNDS;) {
		end = atomic_load(&done_posting);
		if (mail_has_news(m)) {
			mail_take_keys(m, check_keys, newest);
			if (mail_take_settings(m, settings[0]))
				for (unsigned i = 0; i < 2 * HELLO_SETTING_COUNT; i++)
					must(settings[i / HELLO_SETTING_COUNT]
						     [i % HELLO_SETTING_COUNT] == settings[0][0]);
		}
		if (told < ROUNDS && tell_event((int64_t)told + 1))
			told++;
	}
	mail_has_news(m);
	mail_take_keys(m, check_keys, newest);
	return NULL;
}

static void test_threads(void **state)
{
	uint32_t settings[2 * HELLO_SETTING_COUNT];
	uint8_t newest = 0;
	pthread_t thread;
	int64_t heard = 0;

	(void)state;
	atomic_store(&done_posting, false);
	assert_int_equal(pthread_create(&thread, NULL, hello_side, &newest), 0);
	for (uint32_t i = 1; i <= ROUNDS || mail_push(m) || heard < ROUNDS; i++) {
		const struct mail_msg *msg = mail_read(m);
		struct session_keys k = keys((uint8_t)i);

		if (msg != NULL) {
			assert_int_equal(msg->event.value, heard + 1);
			heard++;
			mail_done(m);
		}
		if (i > ROUNDS)
			continue;
		mail_post_keys(m, 2, &k);
		for (unsigned j = 0; j < DIM(settings); j++)
			settings[j] = i;
		mail_post_settings(m, settings);
		mail_push(m);
	}
	atomic_store(&done_posting, true);
	pthread_join(thread, NULL);
	assert_int_equal(newest, (uint8_t)ROUNDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test_setup_teardown(test_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_keys_slow, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_settings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_messages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_messages_full, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_threads, set_up, tear_down),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
