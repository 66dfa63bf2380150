/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <sodium.h>

#include "rng.h"
#include "sync/hello_seal.h"

#define PLAIN  "are you there?"
#define LEN    (sizeof(PLAIN) - 1)
#define SEALED (LEN + HELLO_SEAL_OVERHEAD)

/* Node 1, the first hello under the keys of session(.., 7): made with Python's hashlib and
 * cryptography, not with this code. */
#define VECTOR                                                                                     \
	"01010100c9fd80250000000000000000 "                                                        \
	"54e6add1638b9102065d949a24e4e1e4a4005a908d076d17aceaab13ba8a"

static struct hello_seal one, two;
static uint64_t seed;

/* A handshake that one began. */
static struct session_keys session(bool initiator, uint8_t number)
{
	struct session_keys k = { .initiator = initiator };

	memset(k.hello, number, sizeof(k.hello));
	k.hello[0] = 1;
	return k;
}

static void keys(struct hello_seal *s, uint8_t number, uint64_t now_ms)
{
	struct session_keys k = session(s == &one, number);

	hello_seal_keys(s, &k, now_ms);
}

static int set_up(void **state)
{
	(void)state;
	memset(&one, 0, sizeof(one));
	memset(&two, 0, sizeof(two));
	seed = rng_start("hello_seal");
	return 0;
}

static struct buf sealed(struct hello_seal *from, uint64_t now_ms)
{
	struct buf b = { malloc(SEALED), SEALED };

	assert_true(
		hello_seal(from, from == &one ? 1 : 2, (const uint8_t *)PLAIN, LEN, now_ms, b.p));
	return b;
}

static enum hello_verdict take(struct hello_seal *to, struct buf b, uint64_t now_ms)
{
	uint8_t *plain = malloc(LEN), node;
	enum hello_verdict v = hello_seal_form(b.p, b.n, &node);

	assert_int_equal(v, HELLO_TAKEN);
	v = hello_open(to, b.p, b.n, now_ms, plain);
	if (v == HELLO_TAKEN || v == HELLO_OLDER)
		assert_memory_equal(plain, PLAIN, LEN);
	free(plain);
	return v;
}

static enum hello_verdict say(struct hello_seal *from, struct hello_seal *to, uint64_t now_ms)
{
	struct buf b = sealed(from, now_ms);
	enum hello_verdict v = take(to, b, now_ms);

	buf_free(&b);
	return v;
}

static void test_both_ways(void **state)
{
	uint8_t out[SEALED];
	struct buf b;

	(void)state;
	assert_false(hello_seal(&one, 1, (const uint8_t *)PLAIN, LEN, 0, out));
	keys(&one, 7, 0);
	keys(&two, 7, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(say(&one, &two, 0), HELLO_TAKEN);
		assert_int_equal(say(&two, &one, 0), HELLO_TAKEN);
	}
	/* one way's key does not open the other's */
	b = sealed(&one, 0);
	assert_int_equal(take(&one, b, 0), HELLO_FORGED);
	buf_free(&b);
}

static void test_form(void **state)
{
	uint8_t *longest = calloc(1, HELLO_MAX + 1), node = 0;

	(void)state;
	longest[0] = HELLO_SEAL_TYPE;
	longest[1] = HELLO_SEAL_VERSION;
	longest[2] = 9;
	assert_int_equal(hello_seal_form(longest, HELLO_MAX, &node), HELLO_TAKEN);
	assert_int_equal(node, 9);
	assert_int_equal(hello_seal_form(longest, HELLO_SEAL_OVERHEAD, &node), HELLO_TAKEN);
	assert_int_equal(hello_seal_form(longest, HELLO_SEAL_OVERHEAD - 1, &node), HELLO_MALFORMED);
	assert_int_equal(hello_seal_form(longest, 0, &node), HELLO_MALFORMED);
	assert_int_equal(hello_seal_form(longest, HELLO_MAX + 1, &node), HELLO_MALFORMED);
	longest[1]++;
	assert_int_equal(hello_seal_form(longest, HELLO_MAX, &node), HELLO_OTHER_VERSION);
	longest[0]++;
	assert_int_equal(hello_seal_form(longest, HELLO_MAX, &node), HELLO_MALFORMED);
	free(longest);
}

/* Whatever octet is changed. */
static void test_forged(void **state)
{
	struct buf b;

	(void)state;
	keys(&one, 7, 0);
	keys(&two, 7, 0);
	b = sealed(&one, 0);
	for (size_t i = 2; i < b.n; i++) {
		enum hello_verdict v;

		b.p[i] ^= 0x10;
		v = take(&two, b, 0);
		assert_true(v == (i >= 4 && i < 8 ? HELLO_NO_KEYS : HELLO_FORGED));
		b.p[i] ^= 0x10;
	}
	assert_int_equal(take(&two, b, 0), HELLO_TAKEN); /* none of it changed anything */
	assert_int_equal(take(&two, b, 0), HELLO_REPLAYED);
	buf_free(&b);
}

static void test_order(void **state)
{
	struct buf a, b, old;

	(void)state;
	keys(&one, 7, 0);
	keys(&two, 7, 0);
	old = sealed(&one, 0);
	a = sealed(&one, 0);
	b = sealed(&one, 0);
	assert_int_equal(take(&two, b, 0), HELLO_TAKEN);
	assert_int_equal(take(&two, a, 0), HELLO_OLDER);
	assert_int_equal(take(&two, a, 0), HELLO_REPLAYED);
	for (unsigned i = 0; i < WINDOW_SIZE; i++)
		assert_int_equal(say(&one, &two, 0), HELLO_TAKEN);
	assert_int_equal(take(&two, old, 0), HELLO_REPLAYED); /* too far behind to tell */
	buf_free(&a);
	buf_free(&b);
	buf_free(&old);
}

/* One began, and has the keys before the other: nothing is lost, whatever comes when. */
static void test_renewal(void **state)
{
	struct buf under_old, late, newest_old;

	(void)state;
	keys(&one, 7, 0);
	keys(&two, 7, 0);
	assert_int_equal(say(&one, &two, 0), HELLO_TAKEN);
	assert_int_equal(say(&two, &one, 0), HELLO_TAKEN);
	late = sealed(&one, 0);
	keys(&one, 8, 120000);
	assert_int_equal(say(&one, &two, 120000), HELLO_TAKEN);
	assert_int_equal(say(&two, &one, 120000), HELLO_TAKEN);
	under_old = sealed(&one, 120000);
	newest_old = sealed(&one, 120000);
	keys(&two, 8, 120100);
	assert_int_equal(take(&two, under_old, 120100), HELLO_TAKEN);
	assert_int_equal(say(&two, &one, 120200), HELLO_TAKEN); /* new: one goes over to it */
	assert_true(one.now.heard);
	assert_int_equal(say(&one, &two, 120200), HELLO_TAKEN);
	assert_int_equal(one.now.counter, 1);
	assert_int_equal(take(&two, late, 120300), HELLO_OLDER); /* genuine, but of before */
	assert_int_equal(take(&two, newest_old, 120300), HELLO_OLDER); /* whatever its number */
	buf_free(&under_old);
	buf_free(&late);
	buf_free(&newest_old);
}

/* The other never got the new keys: one uses them when the old are no good any more. */
static void test_renewal_lost(void **state)
{
	(void)state;
	keys(&one, 7, 0);
	keys(&two, 7, 0);
	assert_int_equal(say(&two, &one, 0), HELLO_TAKEN);
	keys(&one, 8, 120000);
	assert_int_equal(say(&one, &two, SESSION_REJECT_MS - 1), HELLO_TAKEN);
	assert_int_equal(say(&one, &two, SESSION_REJECT_MS), HELLO_NO_KEYS);
	keys(&two, 8, 180000);
	assert_int_equal(say(&one, &two, SESSION_REJECT_MS), HELLO_TAKEN);
}

/* Keys that nothing came under are not fallen back to. */
static void test_renewal_twice(void **state)
{
	(void)state;
	keys(&one, 7, 0);
	keys(&one, 8, 10);
	keys(&two, 8, 10);
	assert_int_equal(say(&one, &two, 20), HELLO_TAKEN);
	assert_int_equal(one.before.counter, 0);
}

static void test_expired(void **state)
{
	uint8_t out[SEALED];
	struct buf b;

	(void)state;
	keys(&one, 7, 1000);
	keys(&two, 7, 0);
	b = sealed(&one, 1000 + SESSION_REJECT_MS - 1);
	assert_int_equal(take(&two, b, SESSION_REJECT_MS), HELLO_EXPIRED);
	assert_false(
		hello_seal(&one, 1, (const uint8_t *)PLAIN, LEN, 1000 + SESSION_REJECT_MS, out));
	buf_free(&b);
}

/* No number is used twice under a key, and the keys are not the session's. */
static void test_numbers(void **state)
{
	struct buf a, b;

	(void)state;
	keys(&one, 7, 0);
	a = sealed(&one, 0);
	keys(&one, 8, 0);
	b = sealed(&one, 0);
	assert_memory_not_equal(a.p + 4, b.p + 4, 4); /* another key, another name */
	assert_memory_equal(a.p + 8, b.p + 8, 8); /* and numbers from 0 */
	buf_free(&b);
	b = sealed(&one, 0);
	assert_memory_not_equal(a.p + 8, b.p + 8, 8);
	buf_free(&a);
	buf_free(&b);
}

/* Changing these octets is changing the protocol. */
static void test_vector(void **state)
{
	struct buf want = buf_from_hex(VECTOR), got;

	(void)state;
	keys(&one, 7, 0);
	got = sealed(&one, 0);
	assert_int_equal(got.n, want.n);
	assert_memory_equal(got.p, want.p, want.n);
	buf_free(&want);
	buf_free(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_both_ways, set_up),
		cmocka_unit_test_setup(test_form, set_up),
		cmocka_unit_test_setup(test_forged, set_up),
		cmocka_unit_test_setup(test_order, set_up),
		cmocka_unit_test_setup(test_renewal, set_up),
		cmocka_unit_test_setup(test_renewal_lost, set_up),
		cmocka_unit_test_setup(test_renewal_twice, set_up),
		cmocka_unit_test_setup(test_expired, set_up),
		cmocka_unit_test_setup(test_numbers, set_up),
		cmocka_unit_test_setup(test_vector, set_up),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
