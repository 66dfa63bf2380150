/* SPDX-License-Identifier: BSD-3-Clause */
/* When generations of data keys come and go, on a real table of two sites; time is given. */
#include "test.h"

#include <sodium.h>

#include "control/mesh/data_keys.h"
#include "tables/dq.h"
#include "tables/readers.h"
#include "tables/sa.h"

#define A     1
#define B     2
#define PLACE (2 * SESSION_REJECT_MS)

/* The two ends of one tunnel. */
struct end {
	struct rte_rcu_qsbr *rcu;
	struct dq *dq;
	struct sa *sa;
	struct data_keys *keys;
	uint8_t node, peer;
};

static struct end a, b;
static uint64_t now;

static void end_new(struct end *e, uint8_t node, uint32_t dq_size)
{
	struct sa_opts o = { .node = node, .workers = 1 };
	struct ip6_addr peer = addr("2001:db8::1");

	*e = (struct end){ .rcu = readers_new(1), .node = node, .peer = node == A ? B : A };
	assert_int_equal(dq_new(e->rcu, dq_size, &e->dq), 0);
	assert_int_equal(sa_new(&o, e->dq, &e->sa), 0);
	assert_int_equal(sa_add_peer(e->sa, e->peer, &peer), 0);
	assert_int_equal(data_keys_new(e->sa, &e->keys), 0);
}

static void end_free(struct end *e)
{
	data_keys_free(e->keys);
	sa_free(e->sa);
	dq_free(e->dq);
	free(e->rcu);
}

static int begin(void **state)
{
	(void)state;
	now = 1000;
	end_new(&a, A, 64);
	end_new(&b, B, 64);
	return 0;
}

static int end(void **state)
{
	(void)state;
	end_free(&a);
	end_free(&b);
	return 0;
}

static struct session_keys handshake(uint8_t number, bool initiator)
{
	struct session_keys k = { .initiator = initiator };

	for (unsigned i = 0; i < sizeof(k.data); i++)
		k.data[i] = (uint8_t)(number + i);
	return k;
}

static void run(struct end *e)
{
	data_keys_run(e->keys, now);
	rte_rcu_qsbr_quiescent(e->rcu, 0);
	dq_run(e->dq, 64);
}

static unsigned generations(const struct end *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SA_INBOUND; i++)
		n += sa_view(e->sa)->peer[e->peer]->in[i] != NULL;
	return n;
}

static bool seals(const struct end *e)
{
	return sa_out_of(sa_view(e->sa)->peer[e->peer]) != NULL;
}

/* Something sealed at one end opens at the other: what it is sealed with. */
struct sealed {
	uint8_t b[256];
	uint32_t len, spi;
};

static struct sealed seal(const struct end *e)
{
	struct sa_out *o = sa_out_of(sa_view(e->sa)->peer[e->peer]);
	struct sealed s = { .spi = o->lane[0].esp.spi };

	assert_non_null(o);
	s.len = esp_seal(sa_view(e->sa)->gcm, &o->lane[0].esp, s.b + ESP_HEAD, 40, 41);
	return s;
}

static bool opens(const struct end *e, struct sealed *s)
{
	struct sa_in *in = sa_in_of(sa_view(e->sa)->peer[e->peer], sa_spi_generation(s->spi));
	struct esp_inner inner;

	return in != NULL &&
	       esp_open(sa_view(e->sa)->gcm, &in->lane[0].esp, s->b, s->len, &inner) == ESP_OPENED;
}

static void check_flow(const struct end *from, const struct end *to)
{
	struct sealed s = seal(from);

	assert_true(opens(to, &s));
}

/* RFC 5869, 2.3, computed with Python's hmac: T(1) of "hamd mesh data". */
static void test_derive(void **state)
{
	static const struct {
		bool of_initiator;
		uint8_t key[16], salt[4];
		uint32_t generation;
	} cases[] = {
		{ true,
			{ 0x76, 0xe0, 0xba, 0x7c, 0x6b, 0x94, 0xfd, 0x13, 0x99, 0x61, 0xe3, 0xd4,
				0x83, 0x93, 0x29, 0x94 },
			{ 0x96, 0x88, 0xca, 0x62 }, 0x15e62 },
		{ false,
			{ 0x4f, 0x3e, 0x1f, 0xde, 0x5e, 0x8d, 0x1c, 0x53, 0x15, 0x12, 0xfa, 0x31,
				0x61, 0xd5, 0x96, 0xff },
			{ 0x6f, 0x01, 0x41, 0xf7 }, 0xfd96 },
	};
	struct session_keys k = handshake(0, true);

	(void)state;
	for (unsigned i = 0; i < DIM(cases); i++) {
		struct sa_keys out;

		data_keys_derive(&k, cases[i].of_initiator, &out);
		assert_memory_equal(out.key, cases[i].key, 16);
		assert_memory_equal(out.salt, cases[i].salt, 4);
		assert_int_equal(out.generation, cases[i].generation);
	}
}

/* A begins. Each side opens before the other seals, and packets under way arrive. */
static void renew(uint8_t number)
{
	struct session_keys ka = handshake(number, true), kb = handshake(number, false);
	bool had = seals(&a);
	struct sealed late[2];

	if (had) {
		late[0] = seal(&a);
		late[1] = seal(&b);
	}
	data_keys_answered(b.keys, A, &kb, now);
	if (had) {
		check_flow(&a, &b);
		check_flow(&b, &a);
	}
	data_keys_established(a.keys, B, &ka, now);
	check_flow(&a, &b);
	if (had)
		check_flow(&b, &a); /* still with the old ones */
	data_keys_established(b.keys, A, &kb, now);
	data_keys_confirmed(b.keys, A, now);
	check_flow(&a, &b);
	check_flow(&b, &a);
	data_keys_confirmed(a.keys, B, now);
	if (had) {
		now += 2 * 100 + 999;
		run(&a);
		run(&b);
		assert_true(opens(&b, &late[0]));
		assert_true(opens(&a, &late[1]));
		late[0] = seal(&a);
	}
}

static void test_renew(void **state)
{
	(void)state;
	data_keys_rtt(a.keys, B, 100);
	data_keys_rtt(b.keys, A, 100);
	for (uint8_t i = 1; i < 20; i++) {
		renew(i);
		assert_int_equal(generations(&a), i > 1 ? 2 : 1);
		now += 1;
		run(&a);
		run(&b);
		assert_int_equal(generations(&a), 1);
		assert_int_equal(generations(&b), 1);
		now += SESSION_REKEY_MS;
		run(&a);
		run(&b);
	}
	assert_int_equal(dq_used(a.dq), 0);
	assert_int_equal(dq_used(b.dq), 0);
}

static void check_state(
	const struct end *e, uint32_t spi, enum data_keys_state state, uint64_t since)
{
	uint64_t since_ms;

	assert_int_equal(
		data_keys_state(e->keys, e->peer, sa_spi_generation(spi), &since_ms), state);
	assert_int_equal(since_ms, since);
}

/* What an operator is told of a generation, from the answer to its end. */
static void test_state(void **state)
{
	struct session_keys ka = handshake(2, true), kb = handshake(2, false);
	uint64_t first = now;
	uint32_t old, new;

	(void)state;
	assert_int_equal(data_keys_since(a.keys, B), 0);
	renew(1);
	old = seal(&a).spi;
	check_state(&b, old, DATA_KEYS_IN_USE, first);
	now += SESSION_REKEY_MS;
	data_keys_answered(b.keys, A, &kb, now);
	now += 7;
	data_keys_established(a.keys, B, &ka, now);
	new = seal(&a).spi;
	assert_int_not_equal(new, old);
	assert_int_equal(data_keys_since(a.keys, B), now);
	check_state(&b, new, DATA_KEYS_WAITING, now - 7);
	check_state(&b, old, DATA_KEYS_IN_USE, first);
	data_keys_established(b.keys, A, &kb, now);
	check_state(&b, new, DATA_KEYS_IN_USE, now - 7);
	check_state(&b, old, DATA_KEYS_OLD, first);
	assert_int_equal(data_keys_since(b.keys, A), now - 7);
	check_state(&b, new + 1, DATA_KEYS_OLD, 0); /* one that there never was */
}

/* What tells B that A has the new keys is lost again and again: B seals with the old ones, and they
 * open until A knows better and all of that has arrived, or they are too old. */
static void test_unconfirmed(void **state)
{
	struct session_keys ka = handshake(2, true), kb = handshake(2, false);
	struct sealed late;

	(void)state;
	data_keys_rtt(a.keys, B, 100);
	renew(1);
	data_keys_answered(b.keys, A, &kb, now);
	data_keys_established(a.keys, B, &ka, now);
	for (unsigned i = 0; i < 100; i++, now += 150) {
		run(&a);
		run(&b);
		check_flow(&b, &a);
		check_flow(&a, &b);
	}
	late = seal(&b);
	data_keys_established(b.keys, A, &kb, now);
	data_keys_confirmed(b.keys, A, now);
	assert_int_not_equal(seal(&b).spi, late.spi);
	data_keys_confirmed(a.keys, B, now);
	now += 2 * 100 + 999;
	data_keys_confirmed(a.keys, B, now); /* it is no news: nothing takes longer */
	run(&a);
	assert_true(opens(&a, &late));
	now++;
	run(&a);
	assert_false(opens(&a, &late));
	check_flow(&b, &a);

	ka = handshake(3, true);
	late = seal(&b);
	data_keys_established(a.keys, B, &ka, now);
	now += SESSION_REJECT_MS - 1;
	run(&a);
	assert_true(opens(&a, &late));
	now++;
	run(&a);
	assert_false(opens(&a, &late));
}

/* Nobody renews: nothing is sealed with keys that are too old, and nothing opens either. */
static void test_too_old(void **state)
{
	struct sealed s;

	(void)state;
	renew(1);
	now += SESSION_REJECT_MS - 1;
	run(&a);
	assert_true(seals(&a));
	s = seal(&a);
	now += 1;
	run(&a);
	run(&b);
	assert_false(seals(&a));
	assert_true(opens(&b, &s)); /* it was under way */
	now += 2 * 500 + 1000;
	run(&a);
	run(&b);
	assert_int_equal(generations(&a), 0);
	assert_int_equal(generations(&b), 0);
	renew(2);
	check_flow(&a, &b);
}

/* Answers that never arrive: the keys in use go on, and only the newest answer is kept. */
static void test_unanswered(void **state)
{
	struct session_keys kb;

	(void)state;
	renew(1);
	for (uint8_t i = 2; i < 30; i++) {
		kb = handshake(i, false);
		data_keys_answered(b.keys, A, &kb, now);
		check_flow(&a, &b);
		assert_true(generations(&b) <= 3);
		now += 50;
		run(&b);
	}
	assert_int_equal(generations(&b), 2);
	kb = handshake(29, true); /* the last one arrived after all */
	data_keys_established(a.keys, B, &kb, now);
	check_flow(&a, &b);
	kb = handshake(30, false);
	data_keys_answered(b.keys, A, &kb, now);
	now += SESSION_REJECT_MS;
	run(&b);
	now += PLACE;
	run(&b);
	assert_int_equal(generations(&b), 0);
}

/* Renewed faster than the old ones end: the newest always works. */
static void test_fast(void **state)
{
	(void)state;
	for (uint8_t i = 1; i < 40; i++) {
		struct session_keys ka = handshake(i, true), kb = handshake(i, false);

		data_keys_answered(b.keys, A, &kb, now);
		data_keys_established(a.keys, B, &ka, now);
		check_flow(&a, &b);
		data_keys_established(b.keys, A, &kb, now);
		check_flow(&b, &a);
		check_flow(&a, &b);
		assert_true(generations(&a) <= SA_INBOUND);
		assert_true(generations(&b) <= SA_INBOUND);
		now += 10;
		run(&a);
		run(&b);
	}
	for (unsigned i = 0; i < 2;
		i++) { /* they are too old; then nothing of them comes any more */
		now += PLACE;
		run(&a);
	}
	assert_int_equal(generations(&a), 0);
}

static void nothing(void *ctx, uint64_t item)
{
	(void)ctx;
	(void)item;
}

/* The queue of what is to be freed is full: everything happens as soon as there is room. */
static void test_full(void **state)
{
	struct session_keys ka = handshake(2, true), kb = handshake(2, false);
	struct sealed old;

	(void)state;
	end_free(&a);
	end_new(&a, A, 1);
	renew(1);
	assert_int_equal(dq_push(a.dq, nothing, NULL, 0), 0);
	data_keys_answered(b.keys, A, &kb, now);
	data_keys_established(a.keys, B, &ka, now);
	old = seal(&a);
	data_keys_run(a.keys, now); /* still no room */
	check_flow(&a, &b);
	assert_int_equal(seal(&a).spi, old.spi);
	run(&a);
	run(&a);
	assert_int_not_equal(seal(&a).spi, old.spi);
	check_flow(&a, &b);
	assert_true(opens(&b, &old));
	now += PLACE;
	run(&a);
	assert_false(seals(&a));
}

/* Two generations of one number: the newer is the one that opens. */
static void test_same_number(void **state)
{
	struct session_keys ka = handshake(1, true), kb = handshake(1, false);

	(void)state;
	renew(1);
	for (unsigned i = 0; i < 3; i++) {
		data_keys_answered(b.keys, A, &kb, now);
		data_keys_established(a.keys, B, &ka, now);
		data_keys_established(b.keys, A, &kb, now);
		assert_int_equal(generations(&b), 1);
		now += 5000;
		run(&a);
		run(&b);
		check_flow(&a, &b);
		check_flow(&b, &a);
	}
}

/* The number of one that is about to end comes again: the new one does not end with it. */
static void test_number_again(void **state)
{
	(void)state;
	renew(1);
	now -= 1000; /* renew() waited until just before the end of the old ones */
	renew(2);
	now -= 1000;
	renew(1);
	now += 5000;
	run(&a);
	run(&b);
	check_flow(&a, &b);
	check_flow(&b, &a);
}

static void test_none(void **state)
{
	struct session_keys k = handshake(1, true);

	(void)state;
	data_keys_answered(NULL, A, &k, now);
	data_keys_established(NULL, A, &k, now);
	data_keys_confirmed(NULL, A, now);
	data_keys_rtt(NULL, A, 5);
	assert_false(data_keys_run(NULL, now));
	data_keys_free(NULL);
	/* of a site that is none: nothing comes of it */
	data_keys_established(a.keys, 77, &k, now);
	data_keys_run(a.keys, now + PLACE);
	assert_false(seals(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_derive),
		cmocka_unit_test_setup_teardown(test_renew, begin, end),
		cmocka_unit_test_setup_teardown(test_state, begin, end),
		cmocka_unit_test_setup_teardown(test_unconfirmed, begin, end),
		cmocka_unit_test_setup_teardown(test_too_old, begin, end),
		cmocka_unit_test_setup_teardown(test_unanswered, begin, end),
		cmocka_unit_test_setup_teardown(test_fast, begin, end),
		cmocka_unit_test_setup_teardown(test_full, begin, end),
		cmocka_unit_test_setup_teardown(test_same_number, begin, end),
		cmocka_unit_test_setup_teardown(test_number_again, begin, end),
		cmocka_unit_test_setup_teardown(test_none, begin, end),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
