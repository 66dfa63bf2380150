/* SPDX-License-Identifier: BSD-3-Clause */
/* The handshake against a published vector, and against everybody in between. */
#include "test.h"

#include <errno.h>

#include <sodium.h>

#include "sync/noise.h"

/* Noise_KK_25519_ChaChaPoly_BLAKE2b of the "cacophony" vectors (haskell-cryptography/cacophony,
 * vectors/cacophony.txt, public domain). */
#define PROLOGUE       "4a6f686e2047616c74"
#define INIT_STATIC    "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1"
#define INIT_EPHEMERAL "893e28b9dc6ca8d611ab664754b8ceb7bac5117349a4439a6b0569da977c464a"
#define INIT_PUBLIC    "6bc3822a2aa7f4e6981d6538692b3cdf3e6df9eea6ed269eb41d93c22757b75a"
#define RESP_STATIC    "4a3acbfdb163dec651dfa3194dece676d437029c62a408b4c5ea9114246e4893"
#define RESP_EPHEMERAL "bbdb4cdbd309f1a1f2e1456967fe288cadd6f712d65dc7b7793d5e63da6b375b"
#define RESP_PUBLIC    "31e0303fd6418d2f8c0e78b91f22e8caed0fbe48656dcf4767e4834f701b8f62"
#define HASH                                                                                       \
	"76dbc866183c8ee7363dbf0ebab8d6355010245f9817aa78359818a03a052586"                         \
	"d7e8b4bb2ae5622a1a61212df90af04bb2b2cc189ce0e819ba0c4970c9f71805"

static const struct {
	const char *plain, *sealed;
} messages[] = {
	{ "4c756477696720766f6e204d69736573",
		"ca35def5ae56cec33dc2036731ab14896bc4c75dbb07a61f879f8e3afa4c7944"
		"f79a1d4b21fc3ea4a0c87213b8b4f0599d758682c26a3ae5e09195a3e742bc74" },
	{ "4d757272617920526f746862617264",
		"95ebc60d2b1fa672c1f46a8aa265ef51bfe38e7ccb39ec5be34069f144808843"
		"e20b1bf85731f75d7e21b5d54baaa66341de4292c3d42571c1bd7e7f1abe38" },
	/* under the two keys that come of it: initiator, responder, initiator, responder */
	{ "462e20412e20486179656b", "25bfaa58833b07cdd6af7c07f2c51daac681a8ac0a02dd373259bd" },
	{ "4361726c204d656e676572", "ef586cff556dec8ef0053871ff0d4bf3f2c72e842487ec6d1da69f" },
	{ "4a65616e2d426170746973746520536179",
		"3265d50513550a354425d0218ba1e5f25d4994ce8990e6964398dba5982dbcbd85" },
	{ "457567656e2042f6686d20766f6e2042617765726b",
		"f11c02d5c3223d7b9281b52e1b134962b91bc3bfbd1646354dab9fc19b66bf6c1e0a6f431e" },
};

struct key {
	uint8_t b[NOISE_KEY_LEN];
};

static struct key key(const char *hex)
{
	struct buf b = buf_from_hex(hex);
	struct key k;

	assert_int_equal(b.n, sizeof(k.b));
	memcpy(k.b, b.p, sizeof(k.b));
	buf_free(&b);
	return k;
}

struct pair {
	struct noise init, resp;
	struct buf msg[2]; /* what they say to each other */
};

static void start(struct pair *p)
{
	struct key is = key(INIT_STATIC), ip = key(INIT_PUBLIC);
	struct key rs = key(RESP_STATIC), rp = key(RESP_PUBLIC);
	struct buf prologue = buf_from_hex(PROLOGUE);

	assert_int_equal(noise_start(&p->init, true, is.b, rp.b, prologue.p, prologue.n), 0);
	assert_int_equal(noise_start(&p->resp, false, rs.b, ip.b, prologue.p, prologue.n), 0);
	for (unsigned i = 0; i < 2; i++)
		p->msg[i] = buf_from_hex(messages[i].sealed);
	buf_free(&prologue);
}

static void end(struct pair *p)
{
	noise_wipe(&p->init);
	noise_wipe(&p->resp);
	buf_free(&p->msg[0]);
	buf_free(&p->msg[1]);
}

static void check_written(struct noise *n, const char *ephemeral, unsigned i)
{
	struct buf plain = buf_from_hex(messages[i].plain), want = buf_from_hex(messages[i].sealed);
	struct key e = key(ephemeral);
	uint8_t out[256];

	assert_int_equal(noise_write(n, e.b, plain.p, plain.n, out), 0);
	assert_int_equal(plain.n + NOISE_OVERHEAD, want.n);
	assert_memory_equal(out, want.p, want.n);
	buf_free(&plain);
	buf_free(&want);
}

static void check_read(struct noise *n, const struct buf *msg, unsigned i)
{
	struct buf want = buf_from_hex(messages[i].plain);
	uint8_t out[256];

	assert_int_equal(noise_read(n, msg->p, msg->n, out), 0);
	assert_memory_equal(out, want.p, want.n);
	buf_free(&want);
}

static void shake(struct pair *p)
{
	start(p);
	check_written(&p->init, INIT_EPHEMERAL, 0);
	check_read(&p->resp, &p->msg[0], 0);
	check_written(&p->resp, RESP_EPHEMERAL, 1);
	check_read(&p->init, &p->msg[1], 1);
	assert_true(noise_is_done(&p->init) && noise_is_done(&p->resp));
}

static void test_vector(void **state)
{
	uint8_t tx[2][NOISE_KEY_LEN], rx[2][NOISE_KEY_LEN], out[256], iv[12] = { 0 };
	struct buf hash = buf_from_hex(HASH);
	struct pair p;

	(void)state;
	shake(&p);
	assert_memory_equal(noise_hash(&p.init), hash.p, NOISE_HASH_LEN);
	assert_memory_equal(noise_hash(&p.resp), hash.p, NOISE_HASH_LEN);
	noise_split(&p.init, tx[0], rx[0]);
	noise_split(&p.resp, tx[1], rx[1]);
	assert_memory_equal(tx[0], rx[1], NOISE_KEY_LEN);
	assert_memory_equal(rx[0], tx[1], NOISE_KEY_LEN);
	for (unsigned i = 2; i < DIM(messages); i++) {
		struct buf plain = buf_from_hex(messages[i].plain);
		struct buf want = buf_from_hex(messages[i].sealed);

		iv[4] = (uint8_t)(i / 2 - 1);
		crypto_aead_chacha20poly1305_ietf_encrypt(
			out, NULL, plain.p, plain.n, NULL, 0, NULL, iv, tx[i % 2]);
		assert_memory_equal(out, want.p, want.n);
		buf_free(&plain);
		buf_free(&want);
	}
	buf_free(&hash);
	end(&p);
}

static void test_export(void **state)
{
	uint8_t a[NOISE_HASH_LEN], b[NOISE_HASH_LEN], c[NOISE_HASH_LEN], tx[32], rx[32];
	struct pair p;

	(void)state;
	shake(&p);
	noise_export(&p.init, "hello", a);
	noise_export(&p.resp, "hello", b);
	noise_export(&p.init, "data", c);
	noise_split(&p.init, tx, rx);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, c, sizeof(a));
	assert_memory_not_equal(a, tx, sizeof(tx));
	assert_memory_not_equal(a, rx, sizeof(rx));
	end(&p);
}

/* Each bit of each message, each shorter length: refused, and the true one is still taken. */
static void test_changed(void **state)
{
	uint8_t out[256];
	struct pair p;

	(void)state;
	start(&p);
	check_written(&p.init, INIT_EPHEMERAL, 0);
	for (unsigned m = 0; m < 2; m++) {
		struct noise *to = m == 0 ? &p.resp : &p.init;
		struct buf *msg = &p.msg[m];

		for (size_t bit = 0; bit < 8 * msg->n; bit++) {
			msg->p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(noise_read(to, msg->p, msg->n, out), -EBADMSG);
			msg->p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		for (size_t n = 0; n < msg->n; n++)
			assert_int_equal(noise_read(to, msg->p, n, out), -EBADMSG);
		check_read(to, msg, m);
		if (m == 0)
			check_written(&p.resp, RESP_EPHEMERAL, 1);
	}
	end(&p);
}

/* A point of low order as ephemeral key: no secret comes of it. */
static void test_low_order(void **state)
{
	uint8_t out[256];
	struct pair p;

	(void)state;
	start(&p);
	memset(p.msg[0].p, 0, NOISE_KEY_LEN);
	assert_int_equal(noise_read(&p.resp, p.msg[0].p, p.msg[0].n, out), -EBADMSG);
	p.msg[0].p[0] = 1;
	assert_int_equal(noise_read(&p.resp, p.msg[0].p, p.msg[0].n, out), -EBADMSG);
	end(&p);
}

/* Another prologue (version, node id), another key at one end: no session. */
static void test_others(void **state)
{
	struct key is = key(INIT_STATIC), ip = key(INIT_PUBLIC), rs = key(RESP_STATIC);
	struct pair p;
	struct noise n;
	uint8_t out[256];

	(void)state;
	start(&p);
	assert_int_equal(noise_start(&n, false, rs.b, ip.b, "John Gale", 9), 0);
	assert_int_equal(noise_read(&n, p.msg[0].p, p.msg[0].n, out), -EBADMSG);
	assert_int_equal(noise_start(&n, false, rs.b, ip.b, NULL, 0), 0);
	assert_int_equal(noise_read(&n, p.msg[0].p, p.msg[0].n, out), -EBADMSG);
	/* it expects somebody else */
	assert_int_equal(noise_start(&n, false, rs.b, p.init.rs, "John Galt", 9), 0);
	assert_int_equal(noise_read(&n, p.msg[0].p, p.msg[0].n, out), -EBADMSG);
	/* it is somebody else */
	assert_int_equal(noise_start(&n, false, is.b, ip.b, "John Galt", 9), 0);
	assert_int_equal(noise_read(&n, p.msg[0].p, p.msg[0].n, out), -EBADMSG);
	noise_wipe(&n);
	end(&p);
}

static void test_turns(void **state)
{
	struct key e = key(INIT_EPHEMERAL);
	uint8_t out[256], payload[1] = { 0 };
	struct pair p;

	(void)state;
	start(&p);
	assert_int_equal(noise_read(&p.init, p.msg[0].p, p.msg[0].n, out), -EPROTO);
	assert_int_equal(noise_write(&p.resp, e.b, payload, 1, out), -EPROTO);
	check_written(&p.init, INIT_EPHEMERAL, 0);
	assert_int_equal(noise_write(&p.init, e.b, payload, 1, out), -EPROTO);
	assert_false(noise_is_done(&p.init));
	check_read(&p.resp, &p.msg[0], 0);
	assert_int_equal(noise_read(&p.resp, p.msg[0].p, p.msg[0].n, out), -EPROTO);
	check_written(&p.resp, RESP_EPHEMERAL, 1);
	assert_int_equal(noise_write(&p.resp, e.b, payload, 1, out), -EPROTO);
	end(&p);
}

static void test_wipe(void **state)
{
	static const struct noise zero;
	struct pair p;

	(void)state;
	shake(&p);
	end(&p);
	assert_memory_equal(&p.init, &zero, sizeof(zero));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_export),
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_low_order),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_wipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
