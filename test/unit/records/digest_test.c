/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "records/digest.h"
#include "common/key.h"
#include "records/records.h"
#include "rng.h"

#define MAX    200
#define DOMAIN 3
#define BITS   4

static struct records *rs;
static struct digest *d;

static const struct digest_key key_a = { .born_ms = 1000, .key = { 1, 2, 3 } },
			       key_b = { .born_ms = 999, .key = { 7 } },
			       key_c = { .born_ms = 998, .key = { 9 } };

static struct digest *make(struct records *of, unsigned bits, const struct digest_key *key)
{
	struct digest_opts opts = {
		.records = of, .domain = DOMAIN, .domain_id = 77, .bits = bits, .key = *key
	};
	struct digest *made;

	assert_int_equal(digest_new(&opts, &made), 0);
	return made;
}

static void on_del(void *ctx, struct record *r)
{
	(void)ctx;
	if (r->domain == DOMAIN)
		digest_drop(d, r);
}

static struct records *records_of(uint32_t max)
{
	struct records_opts opts = { .max = max, .seed = 5, .mesh = true };
	struct records *made;

	assert_int_equal(records_new(&opts, &made), 0);
	return made;
}

static void start(unsigned bits)
{
	rs = records_of(MAX);
	d = make(rs, bits, &key_a);
	records_on_del(rs, on_del, NULL);
}

static void stop(void)
{
	records_free(rs);
	digest_free(d);
}

static struct ip6_addr hoa_of(unsigned n)
{
	struct ip6_addr a = addr("2001:db8:a::");

	a.b[14] = (uint8_t)(n >> 8);
	a.b[15] = (uint8_t)n;
	return a;
}

static struct record *put_state(struct records *to, unsigned n, enum record_state state)
{
	struct ip6_addr hoa = hoa_of(n);
	struct record *r = records_find(to, DOMAIN, &hoa);

	if (r == NULL)
		r = records_add(to, DOMAIN, &hoa);
	assert_non_null(r);
	records_set(to, r, state, &hoa, 1000);
	return r;
}

/* Each part of the versions and the state count, and nothing else. */
static void test_what_counts(void **state)
{
	struct digest_sum was, now;
	struct record_mesh *m;
	struct record *r;

	(void)state;
	start(0);
	r = put_state(rs, 1, RECORD_LIVE);
	m = records_mesh(rs, r);
	digest_set(d, r);
	was = digest_fold(d, 0, 0);
	assert_int_equal(was.count, 1);
	assert_int_equal(was.hash, digest_hash(d, r));

	r->coa.b[3]++;
	r->flags++;
	r->ends_ms++;
	r->lifetime_s++;
	m->flags |= RECORD_ALONE;
	m->origin++;
	m->remaining_by.term++;
	m->change.number++;
	digest_set(d, r);
	now = digest_fold(d, 0, 0);
	assert_int_equal(now.hash, was.hash);
	assert_int_equal(now.count, 1);

#define CHANGES_WITH(change)                                                                       \
	do {                                                                                       \
		change;                                                                            \
		digest_set(d, r);                                                                  \
		now = digest_fold(d, 0, 0);                                                        \
		assert_int_not_equal(now.hash, was.hash);                                          \
		was = now;                                                                         \
	} while (0)
	CHANGES_WITH(m->content.epoch++);
	CHANGES_WITH(m->content.ext_seq ^= 1ULL << 63);
	CHANGES_WITH(m->content.hlc++);
	CHANGES_WITH(m->content.node++);
	CHANGES_WITH(m->owner.epoch++);
	CHANGES_WITH(m->owner.ext_seq++);
	CHANGES_WITH(m->owner.term = OWNER_TERM_MAX);
	CHANGES_WITH(m->owner.node = 255);
	CHANGES_WITH(put_state(rs, 1, RECORD_TOMBSTONE));
#undef CHANGES_WITH
	assert_int_equal(now.count, 1);
	digest_drop(d, r);
	assert_false(digest_has(d, r));
	digest_drop(d, r);
	now = digest_fold(d, 0, 0);
	assert_int_equal(now.hash | now.count, 0);
	stop();
}

/* The octets that are hashed are part of the protocol: SipHash-2-4 by another implementation, in
 * Python. */
static void test_golden(void **state)
{
	struct record_mesh *m;
	struct record *r;

	(void)state;
	start(2);
	r = put_state(rs, 0x100, RECORD_TOMBSTONE);
	m = records_mesh(rs, r);
	m->content = (struct content_version){
		.ext_seq = 0x1122334455667788, .hlc = 0x99aabbccddeeff00, .epoch = 3, .node = 4
	};
	m->owner = (struct owner_version){
		.ext_seq = 0x0102030405060708, .epoch = 5, .term = 0xabcdef, .node = 6
	};
	digest_set(d, r);
	assert_int_equal(digest_hash(d, r), 0x79ff7e7ea73a46bc);
	stop();
}

static void test_keys(void **state)
{
	struct digest_key other = key_a;

	(void)state;
	assert_int_equal(digest_key_cmp(&key_a, &other), 0);
	other.key[DIGEST_KEY_LEN - 1] = 1;
	assert_true(digest_key_cmp(&key_a, &other) < 0);
	assert_true(digest_key_cmp(&other, &key_a) > 0);
	assert_true(digest_key_cmp(&key_b, &key_a) < 0); /* older */
	assert_true(digest_key_cmp(&key_a, &key_b) > 0);
}

/* Who goes on from a record that is not in that range is told to start again. */
static void test_lost(void **state)
{
	struct record *r;
	uint32_t h, range;

	(void)state;
	start(BITS);
	r = put_state(rs, 1, RECORD_LIVE);
	digest_set(d, r);
	range = (uint32_t)(record_key(77, &r->hoa) >> (64 - BITS));
	h = r->handle;
	assert_false(digest_next(d, range, &h));
	h = r->handle;
	assert_true(digest_next(d, range ^ 1, &h)); /* another range's */
	assert_int_equal(h, 0);
	digest_drop(d, r); /* out, but there */
	h = r->handle;
	assert_true(digest_next(d, range, &h));
	assert_int_equal(h, 0);
	h = 77; /* not there */
	assert_true(digest_next(d, range, &h));
	assert_int_equal(h, 0);
	assert_int_equal(digest_bits_of(d), BITS);
	assert_in_range(digest_memory(d), 16 << BITS, (16 << BITS) + 256);
	stop();
}

static void test_refused(void **state)
{
	struct digest_opts opts = { .bits = DIGEST_BITS_MAX + 1 };
	struct records_opts no_mesh = { .max = 4 };

	(void)state;
	rs = records_of(4);
	opts.records = rs;
	assert_int_equal(digest_new(&opts, &d), -EINVAL);
	records_free(rs);
	assert_int_equal(records_new(&no_mesh, &rs), 0);
	opts.records = rs;
	opts.bits = 0;
	assert_int_equal(digest_new(&opts, &d), -EINVAL);
	records_free(rs);
	digest_free(NULL);
}

static void test_bits(void **state)
{
	(void)state;
	assert_int_equal(digest_bits(0), 0);
	assert_int_equal(digest_bits(128), 0);
	assert_int_equal(digest_bits(257), 1);
	assert_int_equal(digest_bits(1000000), 13);
	assert_int_equal(digest_bits(10000000), 17);
	assert_int_equal(digest_bits(UINT32_MAX), DIGEST_BITS_MAX);
}

static bool end_all(void *ctx, struct record *r)
{
	(void)ctx;
	(void)r;
	return true;
}

/* One that ends goes out of the digests with it; one of another domain is not in them. */
static void test_ends(void **state)
{
	(void)state;
	start(BITS);
	for (unsigned i = 0; i < 50; i++)
		digest_set(d, put_state(rs, i, RECORD_LIVE));
	assert_int_equal(digest_count(d), 50);
	assert_int_equal(records_expire(rs, 1000, 100, end_all, NULL), 50);
	assert_int_equal(digest_count(d), 0);
	assert_int_equal(digest_fold(d, 0, 0).hash, 0);
	stop();
}

/* --- against what is counted from nothing --- */

static bool counts(const struct record *r)
{
	return r->coa.b[0] != 0; /* the test's mark for what is in */
}

static void compare(const struct digest_key *key)
{
	struct records *again = records_of(MAX);
	struct digest *fresh = make(again, BITS, key);
	uint32_t cursor = 0, count = 0;
	struct record *r;

	/* in another order: from the highest handle down */
	for (uint32_t h = MAX; h > 0; h--) {
		r = records_at(rs, h);
		if (r == NULL || !counts(r))
			continue;
		struct record *to = records_add(again, DOMAIN, &r->hoa);

		records_set(again, to, (enum record_state)r->state, &r->coa, 1000);
		records_mesh(again, to)->content = records_mesh(rs, r)->content;
		records_mesh(again, to)->owner = records_mesh(rs, r)->owner;
		digest_set(fresh, to);
	}
	for (unsigned k = 0; k <= BITS; k++) {
		for (uint32_t range = 0; range < 1U << k; range++) {
			struct digest_sum a = digest_fold(d, k, range),
					  b = digest_fold(fresh, k, range);

			assert_int_equal(a.hash, b.hash);
			assert_int_equal(a.count, b.count);
		}
	}
	while ((r = records_next(rs, &cursor)) != NULL)
		assert_int_equal(digest_has(d, r), counts(r));
	for (uint32_t range = 0; range < 1U << BITS; range++) {
		for (uint32_t h = 0; digest_next(d, range, &h); count++) {
			r = records_at(rs, h);
			assert_non_null(r);
			assert_true(counts(r));
			assert_int_equal(record_key(77, &r->hoa) >> (64 - BITS), range);
		}
	}
	assert_int_equal(count, digest_count(d));
	digest_free(fresh);
	records_free(again);
}

static void step(uint64_t *rng)
{
	unsigned n = (unsigned)rng_below(rng, MAX);
	struct ip6_addr hoa = hoa_of(n), in = { { 1 } };
	struct record *r = records_find(rs, DOMAIN, &hoa);
	struct record_mesh *m;

	switch (rng_below(rng, 4)) {
	case 0:
		if (r != NULL)
			records_del(rs, r);
		break;
	case 1:
		if (r == NULL)
			break;
		digest_drop(d, r);
		records_set(rs, r, (enum record_state)r->state, &ip6_unspecified, 1000);
		break;
	default:
		r = put_state(rs, n, RECORD_LIVE + (rng_below(rng, 2) & 1));
		records_set(rs, r, (enum record_state)r->state, &in, 1000);
		m = records_mesh(rs, r);
		m->content.ext_seq = rng_next(rng);
		m->owner.node = rng_next(rng) & 0xff;
		digest_set(d, r);
	}
}

static void test_model(void **state)
{
	uint64_t rng = rng_start("digest");

	(void)state;
	start(BITS);
	for (unsigned i = 0; i < 20000; i++) {
		step(&rng);
		if (i % 64 == 0)
			compare(&key_a);
	}
	stop();
}

/* While all is counted anew with another key, changes go on; a third key waits for its turn. */
static void test_other_key(void **state)
{
	uint64_t rng = rng_start("digest");

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		const struct digest_key *want = &key_b;

		start(BITS);
		for (unsigned i = 0; i < 300; i++)
			step(&rng);
		assert_false(digest_key_hear(d, &key_a));
		assert_true(digest_turn(d, 0));
		assert_true(digest_key_hear(d, &key_b));
		assert_int_equal(digest_key_cmp(digest_key_of(d), &key_b), 0);
		assert_false(digest_is_ready(d));
		for (unsigned i = 0; !digest_turn(d, (uint32_t)rng_below(&rng, 8)); i++) {
			assert_in_range(i, 0, 10000);
			for (unsigned k = 0; k < 4; k++)
				step(&rng);
			if (rng_below(&rng, 40) == 0 && digest_key_hear(d, &key_c))
				want = &key_c;
		}
		assert_true(digest_is_ready(d));
		assert_int_equal(digest_key_cmp(digest_key_of(d), want), 0);
		compare(want);
		stop();
	}
}

/* Who walks a range and stops sees all that stay, or is told to start again. */
static void test_walk(void **state)
{
	uint64_t rng = rng_start("digest");

	(void)state;
	for (unsigned round = 0; round < 500; round++) {
		bool seen[MAX] = { 0 };
		uint32_t h = 0;

		start(0);
		for (unsigned i = 0; i < 60; i++)
			digest_set(d, put_state(rs, i, RECORD_LIVE));
		while (digest_next(d, 0, &h)) {
			unsigned n = (unsigned)rng_below(&rng, 30); /* 30 and above stay */
			struct ip6_addr hoa = hoa_of(n);
			struct record *r = records_find(rs, DOMAIN, &hoa);

			if (h == 0)
				continue;
			seen[records_at(rs, h)->hoa.b[15]] = true;
			if (records_at(rs, h)->hoa.b[15] < 30 && rng_below(&rng, 4) == 0) {
				/* where it stopped, a record of another domain is now */
				records_del(rs, records_at(rs, h));
				records_add(rs, DOMAIN + 1, &hoa);
				continue;
			}
			if (rng_below(&rng, 3) == 0)
				continue;
			if (r != NULL)
				records_del(rs, r);
			if (rng_below(&rng, 2) == 0)
				digest_set(d, put_state(rs, 60 + n, RECORD_LIVE));
		}
		for (unsigned i = 30; i < 60; i++)
			assert_true(seen[i]);
		stop();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_counts),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_other_key),
		cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
