/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "records/records.h"
#include "rng.h"

static struct records *rs;

static void start(uint32_t max, uint64_t now_ms)
{
	struct records_opts opts = { .max = max, .seed = 42, .now_ms = now_ms };

	assert_int_equal(records_new(&opts, &rs), 0);
}

static bool remove_it(void *ctx, struct record *r)
{
	uint32_t *n = ctx;

	assert_non_null(r);
	++*n;
	return true;
}

static void test_life(void **state)
{
	struct ip6_addr hoa = addr("2001:db8:a::1"), coa = addr("2001:db8:1::1"),
			coa2 = addr("2001:db8:2::1");
	struct record *r, *other;
	uint32_t ended = 0;

	(void)state;
	start(4, 1000);
	assert_null(records_find(rs, 0, &hoa));
	r = records_add(rs, 0, &hoa);
	assert_non_null(r);
	other = records_add(rs, 1, &hoa); /* another domain, another record */
	assert_ptr_not_equal(r, other);
	assert_ptr_equal(records_find(rs, 0, &hoa), r);
	assert_ptr_equal(records_find(rs, 1, &hoa), other);
	assert_ptr_equal(records_at(rs, r->handle), r);
	assert_int_equal(records_live(rs), 0);
	assert_null(records_next(rs, &(uint32_t){ 0 })); /* both are being made */

	records_set(rs, r, RECORD_LIVE, &coa, 5000);
	assert_int_equal(records_live(rs), 1);
	assert_int_equal(records_live_in(rs, 0), 1);
	assert_int_equal(records_live_in(rs, 1), 0);
	assert_int_equal(records_at_coa(rs, &coa), 1);
	records_set(rs, other, RECORD_LIVE, &coa, 6000);
	assert_int_equal(records_at_coa(rs, &coa), 2);
	records_set(rs, r, RECORD_LIVE, &coa2, 7000); /* a move, and a longer life */
	assert_int_equal(records_at_coa(rs, &coa), 1);
	assert_int_equal(records_at_coa(rs, &coa2), 1);
	assert_int_equal(records_live(rs), 2);

	assert_int_equal(records_expire(rs, 5999, 10, remove_it, &ended), 0);
	assert_int_equal(records_expire(rs, 6000, 10, remove_it, &ended), 1);
	assert_null(records_find(rs, 1, &hoa));
	assert_int_equal(records_at_coa(rs, &coa), 0);

	records_set(rs, r, RECORD_TOMBSTONE, &r->coa, 6000 + RECORD_TOMBSTONE_MS);
	assert_int_equal(records_live(rs), 0);
	assert_int_equal(records_live_in(rs, 0), 0);
	assert_int_equal(records_tombstones(rs), 1);
	assert_int_equal(records_at_coa(rs, &coa2), 0);
	assert_ptr_equal(records_next(rs, &(uint32_t){ 0 }), r);
	assert_int_equal(records_expire(rs, 15999, 10, remove_it, &ended), 0);
	assert_int_equal(records_expire(rs, 16000, 10, remove_it, &ended), 1);
	assert_int_equal(records_tombstones(rs), 0);
	assert_int_equal(ended, 2);
	assert_null(records_find(rs, 0, &hoa));
	records_free(rs);
	records_free(NULL);
}

static void test_handles(void **state)
{
	static const uint32_t none[] = { 0, 1, 4, 5, 1000, UINT32_MAX };
	struct ip6_addr coa = addr("2001:db8:1::1");
	struct record *r[5];

	(void)state;
	start(4, 0);
	for (size_t i = 0; i < DIM(none); i++)
		assert_null(records_at(rs, none[i]));
	for (uint32_t i = 0; i < 5; i++) {
		struct ip6_addr hoa = { { 0x20, [15] = (uint8_t)i } };

		r[i] = records_add(rs, 0, &hoa);
		assert_int_equal(r[i] != NULL, i < 4);
		if (r[i] == NULL)
			continue;
		assert_in_range(r[i]->handle, 1, 4);
		records_set(rs, r[i], RECORD_LIVE, &coa, 100);
	}
	records_del(rs, r[2]);
	assert_null(records_at(rs, 3));
	assert_int_equal(records_at_coa(rs, &coa), 3);
	assert_non_null(records_add(rs, 0, &(struct ip6_addr){ { 0x21 } }));
	assert_null(records_add(rs, 0, &(struct ip6_addr){ { 0x22 } }));
	records_free(rs);
}

/* One that can't be withdrawn now is asked again a second later; one that was prolonged in the
 * call keeps its new end. */
struct reluctant {
	uint32_t asked;
	uint64_t prolong_to;
	bool let_go;
};

static bool reluctant(void *ctx, struct record *r)
{
	struct reluctant *x = ctx;

	x->asked++;
	if (x->prolong_to != 0)
		records_set(rs, r, RECORD_LIVE, &r->coa, x->prolong_to);
	return x->let_go;
}

static void test_kept(void **state)
{
	struct ip6_addr hoa = addr("2001:db8:a::1"), coa = addr("2001:db8:1::1");
	struct reluctant x = { 0 };

	(void)state;
	start(4, 0);
	records_set(rs, records_add(rs, 0, &hoa), RECORD_LIVE, &coa, 100);
	assert_int_equal(records_expire(rs, 150, 10, reluctant, &x), 1);
	assert_int_equal(records_live(rs), 1);
	assert_int_equal(records_expire(rs, 1149, 10, reluctant, &x), 0);
	x.prolong_to = 9000;
	assert_int_equal(records_expire(rs, 1150, 10, reluctant, &x), 1);
	assert_int_equal(records_expire(rs, 8999, 10, reluctant, &x), 0);
	x.prolong_to = 0;
	x.let_go = true;
	assert_int_equal(records_expire(rs, 9000, 10, reluctant, &x), 1);
	assert_int_equal(x.asked, 3);
	assert_int_equal(records_live(rs), 0);
	records_free(rs);
}

static void count_it(void *ctx, const struct record *r)
{
	uint32_t *n = ctx;

	assert_int_equal(r->ends_ms, 50 + *n);
	++*n;
}

/* Whoever asks is told of each state that a record is given, when it has it. */
static void test_told(void **state)
{
	struct ip6_addr hoa = addr("2001:db8:a::1");
	uint32_t told = 0;
	struct record *r;

	(void)state;
	start(4, 0);
	assert_int_equal(records_max(rs), 4);
	records_on_change(rs, count_it, &told);
	r = records_add(rs, 0, &hoa);
	assert_int_equal(told, 0);
	records_set(rs, r, RECORD_LIVE, &hoa, 50);
	records_set(rs, r, RECORD_TOMBSTONE, &hoa, 51);
	assert_int_equal(told, 2);
	records_del(rs, r);
	assert_int_equal(told, 2);
	records_free(rs);
}

/* --- in a mesh --- */

static void start_mesh(uint32_t max)
{
	struct records_opts opts = { .max = max, .seed = 42, .mesh = true };

	assert_int_equal(records_new(&opts, &rs), 0);
}

static void fill(uint16_t domain, uint32_t from, uint32_t n, enum record_state state)
{
	struct ip6_addr hoa = addr("2001:db8:a::"), coa = addr("2001:db8:1::1");

	for (uint32_t k = from; k < from + n; k++) {
		hoa.b[15] = (uint8_t)k;
		records_set(rs, records_add(rs, domain, &hoa), state, &coa, 9000);
	}
}

/* A domain's fence: as many live ones as it may have, and as many tombstones again. */
static void test_room(void **state)
{
	static const struct {
		uint32_t live, ended;
		bool may_live, may_end, may_bury; /* of 4 */
	} rows[] = {
		{ 0, 0, true, true, true },
		{ 3, 4, true, true, false },
		{ 4, 0, false, true, true },
		{ 4, 3, false, true, true },
		{ 4, 4, false, false, false },
		{ 0, 3, true, true, true },
		{ 0, 7, true, true, false },
		{ 0, 8, false, false, false },
		{ 1, 7, false, false, false },
		{ 6, 1, false, true, true }, /* it was given less since */
		{ 6, 2, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		start(100, 1000);
		fill(1, 0, 10, RECORD_LIVE); /* another domain's do not count */
		fill(0, 0, rows[i].live, RECORD_LIVE);
		fill(0, rows[i].live, rows[i].ended, RECORD_TOMBSTONE);
		if (records_has_room(rs, 0, 4, RECORD_LIVE) != rows[i].may_live ||
			records_has_room(rs, 0, 4, RECORD_TOMBSTONE) != rows[i].may_end ||
			records_has_room_to_bury(rs, 0, 4) != rows[i].may_bury)
			fail_msg("row %zu", i);
		records_free(rs);
	}
	start(4, 1000); /* the sum does not go round */
	assert_true(records_has_room(rs, 0, 1U << 31, RECORD_LIVE));
	records_free(rs);
}

static void test_tombstone(void **state)
{
	static const struct {
		uint32_t granted_s, alone_ms, mesh_ms;
	} rows[] = {
		{ 0, 10000, 10000 },
		{ 10, 10000, 10000 },
		{ 12, 10000, 12000 },
		{ RECORD_LIFETIME_MAX_S, 10000, 262140000 },
	};

	(void)state;
	for (unsigned i = 0; i < DIM(rows); i++) {
		struct record r = { .lifetime_s = rows[i].granted_s };

		start(1, 0);
		assert_int_equal(records_tombstone_ms(rs, &r), rows[i].alone_ms);
		records_free(rs);
		start_mesh(1);
		assert_int_equal(records_tombstone_ms(rs, &r), rows[i].mesh_ms);
		records_free(rs);
	}
}

static void see_it_go(void *ctx, struct record *r)
{
	struct record **gone = ctx;

	assert_int_equal(r->state, RECORD_LIVE); /* all of it is still there */
	assert_ptr_equal(records_at(rs, r->handle), r);
	*gone = r;
}

/* Whoever has the handle next has nothing of who had it before. */
static void test_second_part(void **state)
{
	struct ip6_addr hoa = addr("2001:db8:a::1"), coa = addr("2001:db8:1::1");
	struct record *r, *gone = NULL;
	uint64_t memory;

	(void)state;
	start(4, 0);
	assert_false(records_has_mesh(rs));
	memory = records_memory(rs);
	records_free(rs);
	start_mesh(4);
	assert_true(records_has_mesh(rs));
	assert_int_equal(records_memory(rs), memory + 5 * 88);

	records_on_del(rs, see_it_go, &gone);
	for (unsigned i = 0; i < 2; i++) {
		struct record_mesh *m;

		r = records_add(rs, 0, &hoa);
		m = records_mesh(rs, r);
		assert_ptr_equal(m, records_mesh_at(rs, r->handle));
		assert_int_equal(m->flags, 0);
		assert_int_equal(m->content.ext_seq, 0);
		assert_int_equal(m->change.number, 0);
		assert_null(records_extra(rs, r));
		m->flags = RECORD_ALONE;
		m->content.ext_seq = 7;
		m->change.number = 9;
		assert_int_equal(records_set_mtu(rs, r, 1400, 10), 0);
		records_set(rs, r, RECORD_LIVE, &coa, 1000);
		records_del(rs, r);
		assert_ptr_equal(gone, r);
		gone = NULL;
	}
	assert_int_equal(records_memory(rs), memory + 5 * 88);
	records_free(rs);
}

/* What few records have is there when it is, and is counted. */
static void test_extra(void **state)
{
	static const uint8_t field[RECORD_EXTRA_MAX] = { 1, 2, 3 };
	struct ip6_addr hoa = addr("2001:db8:a::1"), coa = addr("2001:db8:c::1");
	const struct record_extra *x;
	struct record *r;
	uint64_t memory;

	(void)state;
	start_mesh(4);
	memory = records_memory(rs);
	r = records_add(rs, 0, &hoa);
	assert_int_equal(records_set_mtu(rs, r, 0, 0), 0);
	assert_int_equal(records_set_extra(rs, r, NULL, 0), 0);
	assert_null(records_extra(rs, r));

	assert_int_equal(records_set_extra(rs, r, field, 3), 0);
	assert_int_equal(records_set_mtu(rs, r, 1400, 77), 0);
	x = records_extra(rs, r);
	assert_int_equal(x->mtu, 1400);
	assert_int_equal(x->mtu_until_ms, 77);
	assert_int_equal(x->len, 3);
	assert_memory_equal(x->field, field, 3);
	assert_int_equal(records_memory(rs), memory + sizeof(*x) + 3);

	assert_int_equal(records_set_extra(rs, r, field, RECORD_EXTRA_MAX), 0);
	assert_int_equal(records_extra(rs, r)->mtu, 1400);
	assert_int_equal(records_memory(rs), memory + sizeof(*x) + RECORD_EXTRA_MAX);
	assert_int_equal(records_set_extra(rs, r, NULL, 0), 0);
	assert_int_equal(records_extra(rs, r)->mtu, 1400);
	assert_int_equal(records_memory(rs), memory + sizeof(*x));
	assert_int_equal(records_set_mtu(rs, r, 0, 0), 0);
	assert_null(records_extra(rs, r));
	assert_int_equal(records_memory(rs), memory);

	/* the fields stay when the path MTU goes */
	assert_int_equal(records_set_mtu(rs, r, 1400, 77), 0);
	assert_int_equal(records_set_extra(rs, r, field, 3), 0);
	assert_int_equal(records_set_mtu(rs, r, 0, 0), 0);
	assert_int_equal(records_extra(rs, r)->len, 3);
	assert_int_equal(records_set_extra(rs, r, NULL, 0), 0);
	assert_null(records_extra(rs, r));

	/* it is a path's to one care-of address */
	records_set(rs, r, RECORD_LIVE, &coa, 1000);
	assert_int_equal(records_set_mtu(rs, r, 1400, 77), 0);
	records_set(rs, r, RECORD_LIVE, &r->coa, 2000);
	assert_int_equal(records_extra(rs, r)->mtu, 1400);
	records_set(rs, r, RECORD_LIVE, &hoa, 3000);
	assert_null(records_extra(rs, r));
	assert_int_equal(records_set_mtu(rs, r, 1400, 77), 0);
	records_free(rs); /* and what is there, with it */
}

/* --- against plain arrays --- */

enum { KEYS = 300, MAX = 200, COAS = 12, DOMAINS = 3 };

struct twin {
	enum record_state state; /* 0: none */
	struct record *r;
	uint32_t coa;
	uint64_t ends;
};

static struct twin twin[KEYS];
static uint64_t now;

static struct ip6_addr key(uint32_t k)
{
	return (struct ip6_addr){
		{ 0x20, [14] = (uint8_t)(k / DOMAINS >> 8), [15] = (uint8_t)(k / DOMAINS) }
	};
}

static struct ip6_addr coa_of(uint32_t c)
{
	return (struct ip6_addr){ { 0x30, [15] = (uint8_t)c } };
}

static bool on_end(void *ctx, struct record *r)
{
	uint32_t k = 0;

	(void)ctx;
	while (twin[k].r != r)
		k++;
	assert_int_equal(r->state, twin[k].state);
	assert_true(twin[k].ends <= now && r->ends_ms == twin[k].ends);
	twin[k] = (struct twin){ 0 };
	return true;
}

static void check_counts(void)
{
	uint32_t live = 0, dead = 0, in[DOMAINS] = { 0 }, at[COAS] = { 0 };
	uint32_t ended[DOMAINS] = { 0 };

	for (uint32_t k = 0; k < KEYS; k++) {
		struct ip6_addr hoa = key(k);

		assert_ptr_equal(records_find(rs, k % DOMAINS, &hoa), twin[k].r);
		dead += twin[k].state == RECORD_TOMBSTONE;
		ended[k % DOMAINS] += twin[k].state == RECORD_TOMBSTONE;
		if (twin[k].state != RECORD_LIVE)
			continue;
		live++;
		in[k % DOMAINS]++;
		at[twin[k].coa]++;
		assert_true(twin[k].ends > now);
	}
	assert_int_equal(records_live(rs), live);
	assert_int_equal(records_tombstones(rs), dead);
	for (uint32_t d = 0; d < DOMAINS; d++) {
		assert_int_equal(records_live_in(rs, (uint16_t)d), in[d]);
		assert_int_equal(records_tombstones_in(rs, (uint16_t)d), ended[d]);
	}
	for (uint32_t c = 0; c < COAS; c++) {
		struct ip6_addr coa = coa_of(c);

		assert_int_equal(records_at_coa(rs, &coa), at[c]);
	}
}

static void step(uint64_t *rnd)
{
	uint32_t k = rng_below(rnd, KEYS), c = rng_below(rnd, COAS);
	struct ip6_addr hoa = key(k), coa = coa_of(c);
	struct twin *t = &twin[k];

	if (t->r != NULL && rng_below(rnd, 6) == 0) {
		records_del(rs, t->r);
		*t = (struct twin){ 0 };
		return;
	}
	if (t->r == NULL) {
		t->r = records_add(rs, k % DOMAINS, &hoa);
		if (t->r == NULL) {
			assert_int_equal(records_live(rs) + records_tombstones(rs), MAX);
			return;
		}
	}
	t->state = rng_below(rnd, 4) == 0 ? RECORD_TOMBSTONE : RECORD_LIVE;
	t->coa = c;
	t->ends = now + 1 + rng_below(rnd, 20000);
	records_set(rs, t->r, t->state, &coa, t->ends);
}

/* A walk in slices while records come and go. */
static void check_walk(uint64_t *rnd)
{
	struct record *before[KEYS], *r;
	bool seen[MAX + 1] = { false };
	uint32_t cursor = 0, last = 0;

	for (uint32_t k = 0; k < KEYS; k++)
		before[k] = twin[k].r;
	while ((r = records_next(rs, &cursor)) != NULL) {
		assert_int_equal(r->handle, cursor);
		assert_true(cursor > last);
		last = cursor;
		seen[cursor] = true;
		if (rng_below(rnd, 8) != 0)
			continue;
		step(rnd);
		for (uint32_t k = 0; k < KEYS; k++)
			before[k] = before[k] == twin[k].r ? before[k] : NULL;
	}
	for (uint32_t k = 0; k < KEYS; k++)
		assert_true(before[k] == NULL || seen[before[k]->handle]);
}

static void test_model(void **state)
{
	uint64_t rnd = rng_start("model");

	(void)state;
	now = 1000000;
	start(MAX, now);
	for (uint32_t op = 0; op < 40000; op++) {
		step(&rnd);
		now += rng_below(&rnd, 100);
		/* Small slices; a slice may be spent on sorting timers without ending one. */
		for (uint32_t i = 0; i < 40; i++)
			records_expire(rs, now, 1 + i, on_end, NULL);
		if (op % 16 == 0)
			check_counts();
		if (op % 256 == 0)
			check_walk(&rnd);
	}
	records_free(rs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_handles),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_tombstone),
		cmocka_unit_test(test_second_part),
		cmocka_unit_test(test_extra),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
