/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <pthread.h>

#include <intel-ipsec-mb.h>

#include "common/gcm.h"
#include "common/gcm_wide.h"
#include "rng.h"

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

/* The wide one against IPsec-MB's, at every length up to some chunks, with and without additional
 * data; and what was sealed by one is opened by the other. */
static void test_wide(void **state)
{
	IMB_MGR *mb = alloc_mb_mgr(0);
	struct gcm_key_data *data = aligned_alloc(64, (sizeof(*data) + 63) & ~63UL);
	struct gcm_wide *wide = aligned_alloc(64, sizeof(*wide));
	uint64_t seed = rng_start("gcm");
	struct gcm_context_data c;

	(void)state;
	if (!gcm_wide_is_there())
		skip();
	init_mb_mgr_auto(mb, NULL);
	for (size_t len = 0; len < 2000; len++) {
		uint8_t key[16], iv[12], aad[16], tag[2][16], text[3][2000];
		size_t aad_len = len % 17;

		rng_fill(&seed, key, sizeof(key));
		rng_fill(&seed, iv, sizeof(iv));
		rng_fill(&seed, aad, sizeof(aad));
		rng_fill(&seed, text[0], len);
		IMB_AES128_GCM_PRE(mb, key, data);
		gcm_wide_key(wide, data->expanded_keys);
		IMB_AES128_GCM_ENC(
			mb, data, &c, text[1], text[0], len, iv, aad, aad_len, tag[0], 16);
		memcpy(text[2], text[0], len);
		gcm_wide_seal(wide, iv, aad, aad_len, text[2], len, tag[1]);
		assert_memory_equal(text[2], text[1], len);
		assert_memory_equal(tag[1], tag[0], 16);
		memset(tag[1], 0, sizeof(tag[1]));
		gcm_wide_open(wide, iv, aad, aad_len, text[2], len, tag[1]);
		assert_memory_equal(text[2], text[0], len);
		assert_memory_equal(tag[1], tag[0], 16);
	}
	free_mb_mgr(mb);
	free(data);
	free(wide);
}

/* Every octet counts, also where the wide one does the work. */
static void test_long(void **state)
{
	struct made m = make();
	uint8_t text[600], was[600], tag[GCM_TAG_LEN];
	uint64_t seed = 5;

	(void)state;
	rng_fill(&seed, was, sizeof(was));
	memcpy(text, was, sizeof(text));
	gcm_seal(m.gcm, m.key, m.iv.p, m.aad.p, 12, text, sizeof(text), tag);
	for (unsigned i = 0; i < sizeof(text); i++) {
		uint8_t copy[600];

		memcpy(copy, text, sizeof(copy));
		copy[i] ^= 1;
		assert_false(gcm_open(m.gcm, m.key, m.iv.p, m.aad.p, 12, copy, sizeof(copy), tag));
	}
	assert_true(gcm_open(m.gcm, m.key, m.iv.p, m.aad.p, 12, text, sizeof(text), tag));
	assert_memory_equal(text, was, sizeof(text));
	done(&m);
}

/* --- what stays on the stack --- */

#define STACK (1 << 20)
#ifdef __clang__
#define IS_CLANG true
#define SPILLS   __has_feature(thread_sanitizer) /* which keeps values where it can watch them */
#else
#define IS_CLANG false
#define SPILLS   false
#endif

struct errand {
	struct made *m;
	struct buf text;
	const uint8_t *tag;
};

static void *open_forgery(void *arg)
{
	struct errand *x = arg;

	assert_false(gcm_open(
		x->m->gcm, x->m->key, x->m->iv.p, x->m->aad.p, 12, x->text.p, x->text.n, x->tag));
	return NULL;
}

/* Does it in a thread that ends, on a stack of its own; which is returned, to be freed. */
static uint8_t *stack_of(struct errand *x)
{
	uint8_t *stack = aligned_alloc(4096, STACK);
	pthread_attr_t attr;
	pthread_t thread;

	assert_non_null(stack);
	memset(stack, 0, STACK);
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstack(&attr, stack, STACK), 0);
	assert_int_equal(pthread_create(&thread, &attr, open_forgery, x), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	return stack;
}

/* The tag that would have made a forgery genuine, and what of the key stream was not used: of short
 * ones and of long ones. */
static void test_stack_of_open(void **state)
{
	uint8_t stream[400] = { 0 }, tag[GCM_TAG_LEN], wrong[GCM_TAG_LEN] = { 1 };
	struct made m = make();

	(void)state;
	if (SPILLS)
		skip();
	gcm_seal(m.gcm, m.key, m.iv.p, m.aad.p, 12, stream, sizeof(stream), tag);
	for (size_t len = 20; len <= 300; len += 40) {
		struct errand x = { .m = &m, .text = { calloc(1, len), len }, .tag = wrong };
		uint8_t *stack;

		gcm_seal(m.gcm, m.key, m.iv.p, m.aad.p, 12, x.text.p, len, tag);
		stack = stack_of(&x);
		if (memmem(stack, STACK, tag, sizeof(tag)) != NULL)
			fail_msg("the tag of %zu octets", len);
		/* what a compiler spills is its own business: GCC's code was looked at */
		if (!IS_CLANG && memmem(stack, STACK, stream + len, 12) != NULL)
			fail_msg("the key stream behind %zu octets", len);
		free(stack);
		buf_free(&x.text);
	}
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
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_stack_of_open),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
