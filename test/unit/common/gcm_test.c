/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "common/gcm.h"

/* Test case 4 of McGrew, Viega: The Galois/Counter Mode of Operation (GCM), appendix B. */
static const char key_hex[] = "feffe9928665731c6d6a8f9467308308";
static const char iv_hex[] = "cafebabefacedbaddecaf888";
static const char aad_hex[] = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
static const char plain_hex[] = "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
				"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
static const char sealed_hex[] = "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
				 "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091";
static const char tag_hex[] = "5bc94fbc3221a5db94fae95ae7121a47";

struct made {
	struct gcm *gcm;
	struct gcm_key *key;
	struct buf iv, aad, plain, sealed, tag;
};

static struct made make(void)
{
	struct made m = { .iv = buf_from_hex(iv_hex),
		.aad = buf_from_hex(aad_hex),
		.plain = buf_from_hex(plain_hex),
		.sealed = buf_from_hex(sealed_hex),
		.tag = buf_from_hex(tag_hex) };
	struct buf key = buf_from_hex(key_hex);

	assert_int_equal(gcm_new(&m.gcm), 0);
	m.key = gcm_key_new(m.gcm, key.p);
	assert_non_null(m.key);
	buf_free(&key);
	return m;
}

static void done(struct made *m)
{
	gcm_key_free(m->key);
	gcm_free(m->gcm);
	buf_free(&m->iv);
	buf_free(&m->aad);
	buf_free(&m->plain);
	buf_free(&m->sealed);
	buf_free(&m->tag);
}

static void test_seal(void **state)
{
	struct made m = make();
	struct buf text = buf_copy(m.plain.p, m.plain.n);
	uint8_t tag[GCM_TAG_LEN];

	(void)state;
	gcm_key_prefetch(m.key);
	gcm_seal(m.gcm, m.key, m.iv.p, m.aad.p, m.aad.n, text.p, text.n, tag);
	assert_memory_equal(text.p, m.sealed.p, text.n);
	assert_memory_equal(tag, m.tag.p, sizeof(tag));
	buf_free(&text);
	done(&m);
}

static bool opens(const struct made *m, struct buf *text)
{
	return gcm_open(m->gcm, m->key, m->iv.p, m->aad.p, m->aad.n, text->p, text->n, m->tag.p);
}

/* Every bit that counts: one wrong, and it does not open. */
static void test_open(void **state)
{
	struct made m = make();
	struct buf *in[] = { &m.iv, &m.aad, &m.sealed, &m.tag };
	struct buf text = buf_copy(m.sealed.p, m.sealed.n);

	(void)state;
	assert_true(opens(&m, &text));
	assert_memory_equal(text.p, m.plain.p, text.n);
	for (unsigned i = 0; i < DIM(in); i++)
		for (size_t bit = 0; bit < 8 * in[i]->n; bit++) {
			in[i]->p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			memcpy(text.p, m.sealed.p, text.n);
			assert_false(opens(&m, &text));
			in[i]->p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	buf_free(&text);
	done(&m);
}

static void test_nothing(void **state)
{
	(void)state;
	gcm_free(NULL);
	gcm_key_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seal),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
