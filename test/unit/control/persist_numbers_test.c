/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers that outlive bindings, without a mesh: what the store is told of them and tells. */
#include "persist_lab.h"

/* --- numbers that outlive bindings, without a mesh --- */

static void begin_remembering(void)
{
	persist_free(&t.ctl, t.ctl.persist);
	mip6_free(t.ctl.mip6);
	t.domains[0].remember_sequence = t.domains[0].remember_given = true;
	assert_int_equal(mip6_new(&t.ctl, &t.ctl.mip6), 0);
	assert_int_equal(persist_new(&t.ctl, &t.ctl.persist), 0);
	t.feed = ctl_feed(&t.ctl);
}

/* -1: any would do. */
static int last_number(unsigned n)
{
	struct ip6_addr hoa = hoa_of(n);
	uint16_t seq;

	return numbers_last(&t.ctl, 0, &hoa, record_of(n), &seq) ? seq : -1;
}

/* How many pairs a rewriting has, and of them the last. */
static unsigned told_pairs(struct seen_pair *last)
{
	const struct feed_item *it;
	unsigned n = 0;

	feed_want_all(t.feed);
	while (persist_run(&t.ctl))
		;
	for (uint32_t i = 0; (it = feed_peek(t.feed, i)) != NULL; i++) {
		if (it->kind != FEED_SEEN)
			continue;
		*last = it->pair;
		n++;
	}
	sync_all();
	return n;
}

/* Of a binding that ended while hamd was away, or just now: it is told when all is written anew, but
 * not beside its record, and is the number of the next run. */
static void test_numbers(void **state)
{
	struct record_image image = image_of(3);
	struct seen_pair pair = { 0 };

	(void)state;
	begin_remembering();
	ctl_load_clock(&t.ctl, unix_ms());
	image.ends_ms = unix_ms() - 1;
	load(image);
	start();
	assert_null(record_of(3));
	assert_int_equal(last_number(3), 1003);
	assert_int_equal(last_number(4), -1);
	assert_int_equal(told_pairs(&pair), 1);
	assert_int_equal(pair.value.ext_seq, 1003);
	assert_true(ip6_eq(&pair.hoa, &image.hoa));

	bind_node(3, 1, 600)->seq = 2000;
	assert_int_equal(told_pairs(&pair), 0);
	assert_int_equal(last_number(3), 2000);
	while (persist_run(&t.ctl))
		;
	sync_all();
	t.ctl.now_ms += 600001;
	while (mip6_expire(&t.ctl))
		;
	assert_null(record_of(3));
	assert_int_equal(last_number(3), 2000);
	assert_int_equal(told_pairs(&pair), 1);

	persist_teardown(NULL);
	persist_setup(NULL);
	begin_remembering();
	ctl_load_clock(&t.ctl, unix_ms());
	load(image_of(5));
	assert_int_equal(ctl_load_seen(&t.ctl, 0, &pair), 0);
	start();
	assert_int_equal(last_number(3), 2000);
	assert_int_equal(last_number(5), 1005);
}

static void load_pair(unsigned n, const char *hoa, const char *ha)
{
	struct seen_pair pair = { .value = { .epoch = 1, .ext_seq = 1000 + n } };

	pair.hoa = hoa != NULL ? addr(hoa) : hoa_of(n);
	pair.ha = addr(ha);
	assert_int_equal(ctl_load_seen(&t.ctl, 0, &pair), 0);
}

/* A home agent alone that got another address: what was accepted at the old one counts at the new
 * one. What sites of a mesh accepted does not, and nothing takes the place of the address itself. */
static void test_numbers_of_other_addresses(void **state)
{
	struct record_image image = image_of(1);
	struct seen_pair pair = { 0 };

	(void)state;
	begin_remembering();
	ctl_load_clock(&t.ctl, unix_ms());
	load_pair(4, NULL, "2001:db8:a::2");
	image.ha = addr("2001:db8:a::2");
	load(image);
	image = image_of(2);
	image.ha = addr("2001:db8:a::3");
	image.content.node = 7;
	load(image);
	image = image_of(3);
	image.content.node = 7;
	image.ends_ms = unix_ms();
	load(image);
	load_pair(0, "2001:db8:bad::1", "2001:db8:a::1"); /* a prefix that it had */
	load_pair(5, NULL, "2001:db8:a::1");
	start();
	assert_null(record_of(1));
	assert_int_equal(last_number(1), 1001);
	assert_int_equal(last_number(2), -1);
	assert_int_equal(last_number(3), 1003);
	assert_int_equal(last_number(4), -1);
	assert_int_equal(last_number(5), 1005);
	assert_int_equal(told_pairs(&pair), 3);
	bind_node(6, 1, 600)->seq = 2000;
	t.ctl.now_ms += 600001;
	while (persist_run(&t.ctl))
		;
	sync_all();
	while (mip6_expire(&t.ctl))
		;
	assert_null(record_of(6));
	assert_int_equal(last_number(6), 2000);
	assert_int_equal(t.ctl.counters[CTL_MESH_FORGOTTEN], 0);
}

/* A full table, of which more have a record than are looked at for room at once: the newest number
 * is remembered, an older one without a record is not. A turn ends few, as each may look so far. */
static void test_numbers_full(void **state)
{
	enum { BOUND = 300, FEW = 16, TURNS = 1000 };
	uint32_t before = BOUND;

	(void)state;
	t.conf.runtime.max_bindings = BOUND;
	begin_remembering();
	ctl_load_clock(&t.ctl, unix_ms());
	for (unsigned n = 0; n < 2 * BOUND; n++)
		load_pair(n, NULL, "2001:db8:a::1");
	for (unsigned n = 0; n < BOUND; n++)
		load(image_of(n));
	start();
	load_pair(2 * BOUND, NULL, "2001:db8:a::1");
	assert_int_equal(last_number(2 * BOUND), 1000 + 2 * BOUND);
	assert_int_equal(last_number(BOUND), -1);
	assert_int_equal(t.ctl.counters[CTL_MESH_FORGOTTEN], 1);
	while (persist_run(&t.ctl))
		;
	sync_all();
	t.ctl.now_ms += 50001;
	for (unsigned i = 0; i < TURNS; i++) {
		mip6_expire(&t.ctl);
		assert_in_range(before - records_live(t.ctl.records), 0, FEW);
		before = records_live(t.ctl.records);
	}
	assert_int_equal(before, 0);
	for (unsigned n = 0; n < BOUND; n++)
		assert_int_equal(last_number(n), 1000 + n);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, persist_setup, persist_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_numbers),
		TEST(test_numbers_of_other_addresses),
		TEST(test_numbers_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
