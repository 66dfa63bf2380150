/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "net/mh.h"
#include "records/copy.h"
#include "rng.h"

static const uint8_t field_a[] = { 9, 1, 0xaa }, field_b[] = { 9, 1, 0xbb };

static struct record_copy plain(void)
{
	return (struct record_copy){
		.hoa = addr("2001:db8:a::100"),
		.content = { .epoch = 1, .ext_seq = 7, .hlc = 100, .node = 2 },
		.owner = { .epoch = 1, .ext_seq = 7, .node = 2 },
		.ha = addr("2001:db8:a::1"),
		.coa = addr("2001:db8:1::1"),
		.lifetime_s = 3600,
		.flags = MH_BU_A | MH_BU_H,
		.state = RECORD_LIVE,
		.remaining_ms = 3000000,
		.remaining_by = { .node = 2 },
	};
}

static void assert_same(const struct record_copy *a, const struct record_copy *b)
{
	assert_true(ip6_eq(&a->hoa, &b->hoa) && ip6_eq(&a->ha, &b->ha) && ip6_eq(&a->coa, &b->coa));
	assert_int_equal(content_version_cmp(&a->content, &b->content), 0);
	assert_int_equal(owner_version_cmp(&a->owner, &b->owner), 0);
	assert_int_equal(owner_term_cmp(a->remaining_by, b->remaining_by), 0);
	assert_int_equal(a->lifetime_s, b->lifetime_s);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->state, b->state);
	assert_int_equal(a->order, b->order);
	assert_int_equal(a->remaining_ms, b->remaining_ms);
	assert_int_equal(a->mtu, b->mtu);
	assert_int_equal(a->mtu_age_s, b->mtu_age_s);
	assert_int_equal(a->stamp, b->stamp);
	assert_int_equal(a->extra_len, b->extra_len);
	if (a->extra_len > 0)
		assert_memory_equal(a->extra, b->extra, a->extra_len);
}

/* A successor with stale content does not bury a newer registration, nor does that one take the
 * binding from its owner. */
static void test_apart(void **state)
{
	struct record_copy stale = plain(), newer = plain(), m;

	(void)state;
	stale.owner.node = 3;
	stale.owner.term = 1;
	stale.remaining_by = (struct owner_term){ .node = 3, .term = 1 };
	stale.remaining_ms = 3600000;
	newer.content.hlc++; /* by the old owner itself */
	newer.coa = addr("2001:db8:2::2");
	record_merge(&stale, &newer, &m);
	assert_true(ip6_eq(&m.coa, &newer.coa));
	assert_int_equal(m.owner.node, 3);
	assert_int_equal(m.remaining_ms, newer.remaining_ms);

	newer.content.ext_seq = newer.owner.ext_seq = 8; /* by a Binding Update */
	record_merge(&newer, &stale, &m);
	assert_same(&m, &newer);
}

static void test_remaining(void **state)
{
	struct record_copy a = plain(), b = plain(), m;

	(void)state;
	b.remaining_ms--;
	record_merge(&a, &b, &m);
	assert_int_equal(m.remaining_ms, b.remaining_ms);
	/* who took over began anew */
	b.owner.term = 1;
	b.owner.node = b.remaining_by.node = 1;
	b.remaining_by.term = 1;
	b.remaining_ms = 3600000;
	record_merge(&b, &a, &m);
	assert_int_equal(m.remaining_ms, 3600000);
	/* the content changed: what was said of the other one is of no use */
	a.content.hlc++;
	record_merge(&b, &a, &m);
	assert_int_equal(m.remaining_ms, a.remaining_ms);
	assert_int_equal(m.owner.node, 1);
}

static void test_mtu(void **state)
{
	static const struct {
		uint16_t mtu[2], age[2], want, want_age;
	} rows[] = {
		{ { 0, 0 }, { 0, 0 }, 0, 0 },
		{ { 1400, 0 }, { 5, 0 }, 1400, 5 },
		{ { 1400, 1300 }, { 5, 9 }, 1300, 9 },
		{ { 1400, 1400 }, { 5, 9 }, 1400, 9 },
		{ { 1300, 1400 }, { RECORD_MTU_AGE_S, 9 }, 1400, 9 },
		{ { 1300, 1400 }, { RECORD_MTU_AGE_S - 1, 9 }, 1300, RECORD_MTU_AGE_S - 1 },
		{ { 1300, 0 }, { UINT16_MAX, 0 }, 0, 0 },
	};

	(void)state;
	assert_int_equal(RECORD_MTU_AGE_S, 10 * 60);
	for (unsigned i = 0; i < DIM(rows); i++) {
		struct record_copy c[2] = { plain(), plain() }, m;

		for (unsigned k = 0; k < 2; k++) {
			c[k].mtu = rows[i].mtu[k];
			c[k].mtu_age_s = rows[i].age[k];
		}
		for (unsigned k = 0; k < 2; k++) {
			record_merge(&c[k], &c[1 - k], &m);
			assert_int_equal(m.mtu, rows[i].want);
			assert_int_equal(m.mtu_age_s, rows[i].want_age);
		}
		c[0].content.ext_seq++; /* perhaps another care-of address */
		record_merge(&c[1], &c[0], &m);
		assert_int_equal(m.mtu, rows[i].age[0] < RECORD_MTU_AGE_S ? rows[i].mtu[0] : 0);
	}
}

/* Anything, in spaces so small that all kinds of ties happen. */
static struct record_copy any(uint64_t *rng)
{
	struct record_copy c = plain();

	c.content = (struct content_version){ .epoch = (uint32_t)rng_below(rng, 2),
		.ext_seq = rng_below(rng, 2),
		.hlc = rng_below(rng, 2),
		.node = (uint8_t)(1 + rng_below(rng, 2)) };
	c.owner = (struct owner_version){ .epoch = (uint32_t)rng_below(rng, 2),
		.ext_seq = rng_below(rng, 2),
		.term = rng_below(rng, 2) & 1,
		.node = (1 + rng_below(rng, 3)) & 3 };
	c.coa.b[15] = (uint8_t)rng_below(rng, 2);
	c.ha.b[15] = (uint8_t)rng_below(rng, 2);
	c.lifetime_s = 100 + (uint32_t)rng_below(rng, 2);
	c.flags = (uint16_t)rng_below(rng, 2);
	c.state = (uint8_t)(RECORD_LIVE + rng_below(rng, 2));
	c.order = (uint8_t)rng_below(rng, 2);
	c.extra = rng_below(rng, 2) ? field_a : field_b;
	c.extra_len = (uint8_t)(rng_below(rng, 2) * sizeof(field_a));
	c.remaining_ms = 1000 + (uint32_t)rng_below(rng, 3);
	c.remaining_by = (struct owner_term){ .term = rng_below(rng, 2) & 1,
		.node = (1 + rng_below(rng, 2)) & 3 };
	c.mtu = (uint16_t)(rng_below(rng, 3) == 0 ? 0 : 1300 + rng_below(rng, 2));
	c.mtu_age_s = (uint16_t)(RECORD_MTU_AGE_S - 2 + rng_below(rng, 3));
	c.stamp = rng_below(rng, 3) == 0 ? 0 : ~0ULL - 1 + rng_below(rng, 4); /* over the edge */
	return c;
}

/* As a site holds it: merged with itself, so that what is too old is gone. */
static struct record_copy held(uint64_t *rng)
{
	struct record_copy c = any(rng), m;

	record_merge(&c, &c, &m);
	return m;
}

static void test_laws(void **state)
{
	uint64_t rng = rng_start("merge");

	(void)state;
	for (unsigned i = 0; i < 500000; i++) {
		struct record_copy a = held(&rng), b = held(&rng), c = held(&rng), ab, ba, x, y;

		if (rng_below(&rng, 2) == 0) { /* most differ in the first number otherwise */
			b.content = a.content;
			if (rng_below(&rng, 2) == 0)
				c.content = a.content;
		}
		record_merge(&a, &a, &x);
		assert_same(&x, &a);
		record_merge(&a, &b, &ab);
		record_merge(&b, &a, &ba);
		assert_same(&ab, &ba);
		record_merge(&ab, &b, &x);
		assert_same(&x, &ab);
		record_merge(&ab, &c, &x);
		record_merge(&b, &c, &y);
		record_merge(&a, &y, &y); /* in place */
		assert_same(&x, &y);
	}
}

/* --- records --- */

static struct records *rs;

static void start(void)
{
	struct records_opts opts = { .max = 4, .seed = 1, .now_ms = 5000, .mesh = true };

	assert_int_equal(records_new(&opts, &rs), 0);
}

static void test_there_and_back(void **state)
{
	struct record_copy in = plain(), out;
	struct record *r;

	(void)state;
	start();
	in.owner.term = 3;
	in.owner.node = 9;
	in.extra = field_a;
	in.extra_len = sizeof(field_a);
	in.mtu = 1400;
	in.mtu_age_s = 10;
	in.content.ext_seq = 0x12345;
	r = records_add(rs, 1, &in.hoa);
	assert_int_equal(record_copy_put(rs, r, &in, 6000), 0);
	assert_int_equal(r->seq, 0x2345);
	assert_int_equal(r->since_ms, 6000);
	assert_int_equal(r->ends_ms, 6000 + 3000000);
	assert_int_equal(records_live(rs), 1);
	record_copy_of(rs, r, 6000, &out);
	assert_same(&in, &out);

	record_copy_of(rs, r, 7001, &out); /* time goes on */
	assert_int_equal(out.remaining_ms, in.remaining_ms - 1001);
	assert_int_equal(out.mtu_age_s, 12);
	record_copy_of(rs, r, 6000 + 589999, &out);
	assert_int_equal(out.mtu, 1400);
	record_copy_of(rs, r, 6000 + 590000, &out);
	assert_int_equal(out.mtu, 0);
	record_copy_of(rs, r, 6000 + 3000001, &out);
	assert_int_equal(out.remaining_ms, 0);

	/* merged with itself, put back: its own memory */
	record_copy_of(rs, r, 7000, &out);
	assert_int_equal(record_copy_put(rs, r, &out, 7000), 0);
	assert_int_equal(r->since_ms, 6000);
	record_copy_of(rs, r, 7000, &out);
	assert_memory_equal(out.extra, field_a, sizeof(field_a));

	in.state = RECORD_TOMBSTONE;
	in.order = RECORD_BY_STAMP;
	in.extra_len = 0;
	in.mtu = 0;
	in.mtu_age_s = 0;
	assert_int_equal(record_copy_put(rs, r, &in, 7000), 0);
	assert_int_equal(r->seq, 0);
	assert_int_equal(records_tombstones(rs), 1);
	assert_null(records_extra(rs, r));
	record_copy_of(rs, r, 7000, &out);
	assert_same(&in, &out);
	records_free(rs);
}

/* Whatever the clock did, nothing lasts longer than what was granted. */
static void test_most(void **state)
{
	struct record_copy in = plain(), out;
	struct record *r;

	(void)state;
	assert_int_equal(record_lasts_most_ms(RECORD_LIVE, 8), 8000);
	assert_int_equal(record_lasts_most_ms(RECORD_TOMBSTONE, 8), RECORD_TOMBSTONE_MS);
	assert_int_equal(record_lasts_most_ms(RECORD_TOMBSTONE, 11), 11000);
	assert_int_equal(record_lasts_most_ms(RECORD_LIVE, RECORD_LIFETIME_MAX_S), 262140000);
	start();
	r = records_add(rs, 1, &in.hoa);
	assert_int_equal(record_copy_put(rs, r, &in, 6000), 0);
	records_set(rs, r, RECORD_LIVE, &r->coa, 1ULL << 40);
	record_copy_of(rs, r, 6000, &out);
	assert_int_equal(out.remaining_ms, 3600000);
	records_free(rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apart),
		cmocka_unit_test(test_remaining),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_laws),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
