/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "rng.h"
#include "sync/hello_wire.h"

/* versions 1..2, boot 5, interval 100, sent 7, wall 9 */
#define BASE      "01 001e 01 02 0000000000000005 00000064 0000000000000007 0000000000000009 "
#define NO_STATES "03 0000 "
#define ECHO      "02 0015 01 0000000000000006 0000000000000008 0000000a "

static const struct {
	const char *name, *hex;
	int ret;
} cases[] = {
	{ "least", BASE NO_STATES, 0 },
	{ "echo", BASE ECHO NO_STATES, 0 },
	{ "any order", NO_STATES ECHO BASE, 0 },
	{ "state", BASE "03 0006 be938107 01 ff", 0 },
	{ "unknown field", BASE NO_STATES "7f 0003 aabbcc 80 0000", 0 },
	{ "field number 0", BASE NO_STATES "00 0001 aa", 0 },
	{ "list", BASE NO_STATES "04 0008 be938107 0201 0303", 0 },
	{ "empty list", BASE NO_STATES "04 0004 be938107", 0 },
	{ "two lists", BASE NO_STATES "04 0004 be938107 04 0006 00000001 0500", 0 },
	{ "settings", BASE NO_STATES "05 000c be938107 11111111 22222222", 0 },
	{ "label", BASE NO_STATES "06 000c be938107 0123456789abcdef", 0 },
	{ "longer label", BASE NO_STATES "06 000d be938107 0123456789abcdef ee", 0 },
	{ "longer base",
		"01 001f 01 02 0000000000000005 00000064 0000000000000007 "
		"0000000000000009 ee" NO_STATES,
		0 },
	{ "longer echo", BASE NO_STATES "02 0016 01 0000000000000006 0000000000000008 0000000a ee",
		0 },
	{ "nothing", "", -EBADMSG },
	{ "no base", NO_STATES, -EBADMSG },
	{ "no states", BASE, -EBADMSG },
	{ "base twice", BASE BASE NO_STATES, -EBADMSG },
	{ "echo twice", BASE ECHO ECHO NO_STATES, -EBADMSG },
	{ "states twice", BASE NO_STATES NO_STATES, -EBADMSG },
	{ "settings twice", BASE NO_STATES "05 0008 be938107 11111111 05 0008 be938107 11111111",
		-EBADMSG },
	{ "field cut short", BASE "03 0006 be938107 01", -EBADMSG },
	{ "length cut short", BASE NO_STATES "03 00", -EBADMSG },
	{ "number alone", BASE NO_STATES "7f", -EBADMSG },
	{ "base too short",
		"01 001d 01 02 0000000000000005 00000064 0000000000000007 "
		"00000000000009 " NO_STATES,
		-EBADMSG },
	{ "echo too short", BASE NO_STATES "02 0014 01 0000000000000006 0000000000000008 00000a",
		-EBADMSG },
	{ "half a state", BASE "03 0009 be938107 01 ff be9381", -EBADMSG },
	{ "half a pair", BASE NO_STATES "04 0007 be938107 0201 03", -EBADMSG },
	{ "list of no domain", BASE NO_STATES "04 0003 be9381", -EBADMSG },
	{ "no settings in it", BASE NO_STATES "05 0004 be938107", -EBADMSG },
	{ "half a setting", BASE NO_STATES "05 0006 be938107 1111", -EBADMSG },
	{ "label too short", BASE NO_STATES "06 000b be938107 0123456789abcd", -EBADMSG },
	{ "label with key 0", BASE NO_STATES "06 000c be938107 0000000000000000", -EBADMSG },
	{ "label twice",
		BASE NO_STATES
		"06 000c be938107 0123456789abcdef 06 000c 00000001 0123456789abcdef",
		-EBADMSG },
	{ "versions backwards",
		"01 001e 03 02 0000000000000005 00000064 0000000000000007 "
		"0000000000000009 " NO_STATES,
		-EBADMSG },
	{ "boot id 0",
		"01 001e 01 02 0000000000000000 00000064 0000000000000007 "
		"0000000000000009 " NO_STATES,
		-EBADMSG },
	{ "interval too short",
		"01 001e 01 02 0000000000000005 00000009 0000000000000007 "
		"0000000000000009 " NO_STATES,
		-EBADMSG },
	{ "interval too long",
		"01 001e 01 02 0000000000000005 0000ea61 0000000000000007 "
		"0000000000000009 " NO_STATES,
		-EBADMSG },
	{ "no such time",
		"01 001e 01 02 0000000000000005 00000064 0000000000000007 "
		"0001000000000001 " NO_STATES,
		-EBADMSG },
	{ "says nonsense", BASE "03 0006 be938107 04 00", -EBADMSG },
	{ "echoes nonsense", BASE "03 0006 be938107 00 04", -EBADMSG },
	{ "node 0", BASE NO_STATES "04 0006 be938107 0001", -EBADMSG },
	{ "site says nonsense", BASE NO_STATES "04 0006 be938107 0204", -EBADMSG },
};

static void test_decode(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf b = buf_from_hex(cases[i].hex);
		struct hello_msg m;
		int ret = hello_decode(b.p, b.n, &m);

		buf_free(&b);
		if (ret != cases[i].ret)
			fail_msg("%s: got %d", cases[i].name, ret);
	}
}

/* What a release has sent once its successors can read: never change these octets. */
static void test_vector(void **state)
{
	struct buf b = buf_from_hex(BASE ECHO "03 000c be938107 01 ff 00000002 03 02 "
					      "04 0008 be938107 0201 0303 "
					      "05 000c be938107 11111111 22222222");
	struct hello_msg m;
	uint8_t again[HELLO_MAX];

	(void)state;
	assert_int_equal(hello_decode(b.p, b.n, &m), 0);
	assert_int_equal(m.version_min, 1);
	assert_int_equal(m.version_max, 2);
	assert_int_equal(m.boot, 5);
	assert_int_equal(m.interval_ms, 100);
	assert_int_equal(m.sent_ms, 7);
	assert_int_equal(m.wall_ms, 9);
	assert_true(m.has_echo && m.hears);
	assert_int_equal(m.echo_boot, 6);
	assert_int_equal(m.echo_sent_ms, 8);
	assert_int_equal(m.echo_age_ms, 10);
	assert_int_equal(m.state_count, 2);
	assert_int_equal(m.states[0].domain, 0xbe938107);
	assert_int_equal(m.states[0].says, NEXT_READY);
	assert_int_equal(m.states[0].echo, HELLO_WIRE_UNHEARD);
	assert_int_equal(m.states[1].says, NEXT_LEFT);
	assert_int_equal(m.states[1].echo, NEXT_DRAINING);
	assert_int_equal(m.list_count, 1);
	assert_int_equal(m.lists[0].domain, 0xbe938107);
	assert_int_equal(m.lists[0].count, 2);
	assert_int_equal(m.pairs[1].node, 3);
	assert_int_equal(m.pairs[1].says, NEXT_LEFT);
	assert_int_equal(m.settings_domain, 0xbe938107);
	assert_int_equal(m.setting_count, 2);
	assert_int_equal(m.settings[1], 0x22222222);
	assert_int_equal(m.label_key, 0);
	assert_int_equal(hello_encode(&m, again, sizeof(again)), b.n);
	assert_memory_equal(again, b.p, b.n);
	assert_int_equal(hello_wire_size(&m), b.n);
	buf_free(&b);
}

/* The same since there is LABEL. */
static void test_vector_label(void **state)
{
	struct buf b = buf_from_hex(BASE "03 0006 be938107 01 ff 05 0008 be938107 11111111 "
					 "06 000c be938108 0123456789abcdef");
	struct hello_msg m;
	uint8_t again[HELLO_MAX];

	(void)state;
	assert_int_equal(hello_decode(b.p, b.n, &m), 0);
	assert_int_equal(m.settings_domain, 0xbe938107);
	assert_int_equal(m.label_domain, 0xbe938108);
	assert_true(m.label_key == 0x0123456789abcdef);
	assert_int_equal(hello_encode(&m, again, sizeof(again)), b.n);
	assert_memory_equal(again, b.p, b.n);
	assert_int_equal(hello_wire_size(&m), b.n);
	buf_free(&b);
}

/* More than there is room for is refused, not cut; and settings of a later release are. */
static void test_bounds(void **state)
{
	static uint8_t buf[8192];
	struct buf base = buf_from_hex(BASE);
	struct hello_msg m;
	size_t n;

	(void)state;
	for (unsigned states = HELLO_DOMAINS; states <= HELLO_DOMAINS + 1; states++) {
		memcpy(buf, base.p, base.n);
		memset(buf + base.n, 0, sizeof(buf) - base.n);
		buf[base.n] = 3;
		buf[base.n + 1] = (uint8_t)(states * 6 >> 8);
		buf[base.n + 2] = (uint8_t)(states * 6);
		n = base.n + 3 + states * 6;
		assert_int_equal(hello_decode(buf, n, &m), states == HELLO_DOMAINS ? 0 : -EBADMSG);
	}
	for (unsigned pairs = HELLO_WIRE_PAIRS; pairs <= HELLO_WIRE_PAIRS + 1; pairs++) {
		unsigned len = 4 + 2 * pairs;

		memset(buf + base.n, 1, sizeof(buf) - base.n);
		memcpy(buf + base.n, (uint8_t[]){ 3, 0, 0, 4, (uint8_t)(len >> 8), (uint8_t)len },
			6);
		assert_int_equal(hello_decode(buf, base.n + 6 + len, &m),
			pairs == HELLO_WIRE_PAIRS ? 0 : -EBADMSG);
	}
	for (unsigned lists = HELLO_DOMAINS; lists <= HELLO_DOMAINS + 1; lists++) {
		uint8_t *p = buf + base.n;

		memcpy(p, (uint8_t[]){ 3, 0, 0 }, 3);
		p += 3;
		for (unsigned i = 0; i < lists; i++, p += 7)
			memcpy(p, (uint8_t[]){ 4, 0, 4, 0, 0, 0, 1 }, 7);
		assert_int_equal(hello_decode(buf, (size_t)(p - buf), &m),
			lists == HELLO_DOMAINS ? 0 : -EBADMSG);
	}
	n = 4 + 4 * (HELLO_WIRE_SETTINGS + 9);
	memset(buf + base.n, 1, sizeof(buf) - base.n);
	memcpy(buf + base.n, (uint8_t[]){ 3, 0, 0, 5, (uint8_t)(n >> 8), (uint8_t)n }, 6);
	assert_int_equal(hello_decode(buf, base.n + 6 + n, &m), 0);
	assert_int_equal(m.setting_count, HELLO_WIRE_SETTINGS);
	buf_free(&base);
}

static void fill(struct hello_msg *m, uint64_t *seed)
{
	memset(m, 0, sizeof(*m));
	m->version_min = (uint8_t)rng_below(seed, 10);
	m->version_max = (uint8_t)(m->version_min + rng_below(seed, 10));
	m->boot = rng_next(seed) | 1;
	m->interval_ms = (uint32_t)(HELLO_INTERVAL_MIN + rng_below(seed, 50000));
	m->sent_ms = rng_next(seed);
	m->wall_ms = rng_below(seed, HELLO_WIRE_WALL_MAX);
	m->has_echo = rng_below(seed, 2);
	if (m->has_echo) {
		m->hears = rng_below(seed, 2);
		m->echo_boot = rng_next(seed);
		m->echo_sent_ms = rng_next(seed);
		m->echo_age_ms = (uint32_t)rng_next(seed);
	}
	m->state_count = (uint8_t)rng_below(seed, HELLO_DOMAINS + 1);
	for (unsigned i = 0; i < m->state_count; i++)
		m->states[i] = (struct hello_state){ (uint32_t)rng_next(seed),
			(uint8_t)rng_below(seed, 4),
			rng_below(seed, 2) ? HELLO_WIRE_UNHEARD : (uint8_t)rng_below(seed, 4) };
	m->list_count = (uint8_t)rng_below(seed, 5);
	for (unsigned i = 0; i < m->list_count; i++) {
		m->lists[i] = (struct hello_list){ (uint32_t)rng_next(seed), m->pair_count,
			(uint16_t)rng_below(seed, 100) };
		for (unsigned j = 0; j < m->lists[i].count; j++)
			m->pairs[m->pair_count++] = (struct hello_pair){
				(uint8_t)(1 + rng_below(seed, 255)), (uint8_t)rng_below(seed, 4)
			};
	}
	m->setting_count = (uint8_t)rng_below(seed, HELLO_WIRE_SETTINGS + 1);
	if (m->setting_count > 0)
		m->settings_domain = (uint32_t)rng_next(seed);
	for (unsigned i = 0; i < m->setting_count; i++)
		m->settings[i] = (uint32_t)rng_next(seed);
	m->label_key = rng_below(seed, 2) ? rng_next(seed) : 0;
	if (m->label_key != 0)
		m->label_domain = (uint32_t)rng_next(seed);
}

static void test_round_trip(void **state)
{
	uint64_t seed = rng_start("hello_wire");

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		static struct hello_msg m, back;
		uint8_t buf[4096];
		struct buf exact;
		size_t n;

		fill(&m, &seed);
		n = hello_encode(&m, buf, sizeof(buf));
		assert_int_equal(n, hello_wire_size(&m));
		exact = buf_copy(buf, n);
		memset(&back, 0xa5, sizeof(back));
		assert_int_equal(hello_decode(exact.p, n, &back), 0);
		assert_memory_equal(&back, &m, sizeof(m));
		assert_int_equal(hello_encode(&m, exact.p, n), n);
		assert_int_equal(hello_encode(&m, exact.p, n - 1), 0);
		buf_free(&exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_vector_label),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
