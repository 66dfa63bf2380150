/* SPDX-License-Identifier: BSD-3-Clause */
/* What is made of what the store tells: persist_load.c. */
#include "persist_lab.h"

/* --- reading --- */

static void test_load(void **state)
{
	const struct bc_entry *e;
	struct bc_counts c;
	struct record *r;

	(void)state;
	ctl_load_clock(&t.ctl, unix_ms());
	assert_int_equal(ctl_load_domain(&t.ctl, "alpha"), 0);
	assert_int_equal(ctl_load_domain(&t.ctl, "beta"), 1);
	assert_int_equal(ctl_load_domain(&t.ctl, "gamma"), -1);
	load(image_of(5));
	start();
	r = record_of(5);
	assert_non_null(r);
	assert_int_equal(r->state, RECORD_LIVE);
	assert_int_equal(r->seq, 1005);
	assert_int_equal(r->flags, 0xc000);
	assert_int_equal(r->lifetime_s, 100);
	assert_int_equal(r->session, 5);
	assert_int_equal(r->ends_ms, START_MS + 50000);
	assert_int_equal(r->since_ms, START_MS - 30000);
	e = bc_find(t.tables.bc, &r->hoa);
	assert_non_null(e);
	assert_true(ip6_eq(&e->coa, &r->coa) && ip6_eq(&e->ha, &r->ha));
	bc_counts(t.tables.bc, e, &c);
	assert_int_equal(c.packets_to, 5);
	assert_int_equal(c.bytes_to, 50);
	assert_int_equal(c.packets_from, 10);
	assert_int_equal(c.bytes_from, 100);
	assert_int_equal(t.ctl.counters[CTL_STORE_LOADED], 1);
	/* reading is no change */
	assert_false(persist_run(&t.ctl));
	assert_int_equal(waiting(), 0);
}

/* A time long before this start of the machine: since_ms wraps, and is still right by difference. */
static void test_load_older_than_the_machine(void **state)
{
	struct record_image image = image_of(1);

	(void)state;
	image.since_ms = unix_ms() - 10ULL * START_MS;
	ctl_load_clock(&t.ctl, unix_ms());
	load(image);
	start();
	assert_int_equal(t.ctl.now_ms - record_of(1)->since_ms, 10ULL * START_MS);
}

/* The last one counts, whatever it is. */
static void test_load_later_ones(void **state)
{
	struct record_image image = image_of(1);

	(void)state;
	ctl_load_clock(&t.ctl, unix_ms());
	load(image); /* 1: moved */
	image.coa = coa_of(77);
	image.seq++;
	image.packets_to = 1234;
	load(image);
	load(image_of(2)); /* 2: de-registered */
	image = image_of(2);
	image.state = RECORD_TOMBSTONE;
	image.ends_ms = unix_ms() + 5000;
	load(image);
	load(image_of(3)); /* 3: de-registered, and that is over */
	image = image_of(3);
	image.state = RECORD_TOMBSTONE;
	image.ends_ms = unix_ms() - 1;
	load(image);
	load(image_of(4)); /* 4: asked for less time the second time */
	image = image_of(4);
	image.lifetime_s = 4;
	image.ends_ms = unix_ms() - 1;
	load(image);
	load(image_of(5)); /* 5: moved to where nobody may be today */
	image = image_of(5);
	image.coa = addr("2001:db8:bad::1");
	load(image);
	image = image_of(6); /* 6: came back */
	image.state = RECORD_TOMBSTONE;
	image.ends_ms = unix_ms() + 5000;
	load(image);
	load(image_of(6));
	start();
	assert_int_equal(records_live(t.ctl.records), 2);
	assert_int_equal(records_tombstones(t.ctl.records), 1);
	assert_int_equal(record_of(1)->seq, 1002);
	assert_non_null(bc_find(t.tables.bc, &record_of(1)->hoa));
	assert_int_equal(bc_find(t.tables.bc, &record_of(1)->hoa)->packets_to, 1234);
	assert_int_equal(record_of(2)->state, RECORD_TOMBSTONE);
	assert_null(bc_find(t.tables.bc, &record_of(2)->hoa));
	assert_null(record_of(3));
	assert_null(record_of(4));
	assert_null(record_of(5));
	assert_int_equal(record_of(6)->state, RECORD_LIVE);
	assert_int_equal(bc_count(t.tables.bc), 2);
	for (unsigned n = 1; n <= 6; n++) {
		struct ip6_addr coa = coa_of(n);

		assert_int_equal(records_at_coa(t.ctl.records, &coa), n == 6);
	}
}

/* The care-of address of one that was ended from home is the home address: nothing is sent there. */
static void test_load_ended_at_home(void **state)
{
	struct record_image image = image_of(1);

	(void)state;
	ctl_load_clock(&t.ctl, unix_ms());
	load(image);
	image.state = RECORD_TOMBSTONE;
	image.coa = image.hoa;
	load(image);
	start();
	assert_non_null(record_of(1));
	assert_int_equal(record_of(1)->state, RECORD_TOMBSTONE);
	assert_int_equal(t.ctl.counters[CTL_STORE_LEFT_OUT], 0);
}

/* What the configuration has no place for. */
static const struct {
	const char *name, *hoa, *ha, *coa;
	int domain;
	bool fits;
} places[] = {
	{ "as it was", "2001:db8:a::7", "2001:db8:a::1", "2001:db8:c::1", 0, true },
	{ "another domain's", "2001:db8:b::100", "2001:db8:b::1", "2001:db8:c::1", 1, true },
	{ "no such domain", "2001:db8:a::7", "2001:db8:a::1", "2001:db8:c::1", -1, false },
	{ "no such mobile node", "2001:db8:b::101", "2001:db8:b::1", "2001:db8:c::1", 1, false },
	{ "outside the range", "2001:db8:a:1::7", "2001:db8:a::1", "2001:db8:c::1", 0, false },
	{ "the home agent itself", "2001:db8:a::1", "2001:db8:a::1", "2001:db8:c::1", 0, false },
	{ "another home agent address", "2001:db8:a::7", "2001:db8:a::2", "2001:db8:c::1", 0,
		false },
	{ "denied care-of address", "2001:db8:a::7", "2001:db8:a::1", "2001:db8:bad::1", 0, false },
	{ "care-of address is ours", "2001:db8:a::7", "2001:db8:a::1", "2001:db8:c:1::ff", 0,
		false },
	{ "care-of address at home", "2001:db8:a::7", "2001:db8:a::1", "2001:db8:b::9", 0, false },
};

static void test_load_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(places); i++) {
		struct record_image image = image_of(0);
		uint64_t left_out = t.ctl.counters[CTL_STORE_LEFT_OUT];

		persist_teardown(NULL);
		persist_setup(NULL);
		image.hoa = addr(places[i].hoa);
		image.ha = addr(places[i].ha);
		image.coa = addr(places[i].coa);
		ctl_load_clock(&t.ctl, unix_ms());
		assert_int_equal(ctl_load_record(&t.ctl, places[i].domain, &image), 0);
		start();
		left_out = t.ctl.counters[CTL_STORE_LEFT_OUT];
		if (records_live(t.ctl.records) != places[i].fits || left_out != !places[i].fits)
			fail_msg("%s: %u bound, %u left out", places[i].name,
				records_live(t.ctl.records), (unsigned)left_out);
	}
}

/* How long is left, of a lifetime of 100 s granted at the 0 of the clock that the store has. */
static const struct {
	const char *name;
	int64_t now_s, left_s;
	bool tombstone;
} clocks[] = {
	{ "at once", 0, 100, false },
	{ "later", 60, 40, false },
	{ "the last moment", 99, 1, false },
	{ "over", 100, 0, false },
	{ "long over", 1000000000, 0, false },
	{ "granted by a clock that is ahead", -1, 100, false },
	{ "granted by a clock that is years ahead", -1000000000, 100, false },
	{ "tombstone", 3, 7, true },
	{ "tombstone of a clock that is ahead", -500, 10, true },
	{ "tombstone, over", 10, 0, true },
};

static void test_load_clocks(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(clocks); i++) {
		struct record_image image = image_of(1);
		uint64_t granted_ms = 5000000000000;
		struct record *r;
		uint64_t left_ms;

		persist_teardown(NULL);
		persist_setup(NULL);
		image.state = clocks[i].tombstone ? RECORD_TOMBSTONE : RECORD_LIVE;
		image.ends_ms = granted_ms + (clocks[i].tombstone ? 10000 : 100000);
		image.since_ms = granted_ms;
		ctl_load_clock(&t.ctl, granted_ms + (uint64_t)(1000 * clocks[i].now_s));
		load(image);
		start();
		r = record_of(1);
		left_ms = r != NULL ? r->ends_ms - t.ctl.now_ms : 0;
		if ((r != NULL) != (clocks[i].left_s > 0) ||
			left_ms != 1000 * (uint64_t)clocks[i].left_s)
			fail_msg("%s: %u ms left", clocks[i].name, (unsigned)left_ms);
		/* registered in time to come: now */
		if (r != NULL &&
			t.ctl.now_ms - r->since_ms !=
				(uint64_t)(clocks[i].now_s > 0 ? 1000 * clocks[i].now_s : 0))
			fail_msg("%s: since %u", clocks[i].name, (unsigned)r->since_ms);
	}
}

/* Files by clocks of their own. */
static void test_load_two_clocks(void **state)
{
	struct record_image image = image_of(1);

	(void)state;
	image.ends_ms = 90000;
	ctl_load_clock(&t.ctl, 50000);
	load(image);
	image = image_of(2);
	image.ends_ms = 7000000;
	ctl_load_clock(&t.ctl, 6980000);
	load(image);
	start();
	assert_int_equal(record_of(1)->ends_ms, START_MS + 40000);
	assert_int_equal(record_of(2)->ends_ms, START_MS + 20000);
}

static void test_load_stamps(void **state)
{
	struct record_image image = image_of(0);
	struct ip6_addr keyed = addr("2001:db8:a::100");
	uint64_t floor = mip6_stamp(&t.ctl, 0, &keyed), later = floor + 3 * NTP_SECOND;

	(void)state;
	image.hoa = keyed;
	ctl_load_clock(&t.ctl, unix_ms());
	image.ntp_last = floor - NTP_SECOND;
	load(image);
	assert_true(mip6_stamp(&t.ctl, 0, &keyed) == floor);
	image.ntp_last = later;
	image.ends_ms = unix_ms() - 1; /* its binding is over, the timestamp is not */
	load(image);
	assert_null(records_find(t.ctl.records, 0, &keyed));
	assert_true(mip6_stamp(&t.ctl, 0, &keyed) == later);
	image.ntp_last = floor + 2 * 86400 * NTP_SECOND; /* of a clock that was wrong */
	load(image);
	assert_true(mip6_stamp(&t.ctl, 0, &keyed) == later);
	start();
}

static void test_load_too_many(void **state)
{
	struct record_image image;

	(void)state;
	ctl_load_clock(&t.ctl, unix_ms());
	for (unsigned n = 0; n < MAX; n++)
		load(image_of(n));
	load(image_of(0)); /* one that is there */
	image = image_of(MAX);
	image.state = RECORD_TOMBSTONE; /* of which there may be more */
	load(image);
	assert_int_equal(ctl_load_end(&t.ctl), 0);
	load(image_of(MAX + 1));
	assert_int_equal(ctl_load_end(&t.ctl), -ENOSPC);
	start();
	assert_int_equal(records_live(t.ctl.records), MAX);
	assert_int_equal(bc_count(t.tables.bc), MAX);
}

/* A history that has too many bindings at once in its middle, but not at its end: it is what is
 * left that counts, each as it was last, and the order does not. */
static void test_load_more_in_the_middle(void **state)
{
	enum { HOMES = MAX + 5000 };
	static struct record_image last[HOMES];
	uint64_t rng = rng_start("middle");
	unsigned live = 0;

	(void)state;
	ctl_load_clock(&t.ctl, unix_ms());
	for (unsigned n = 0; n < HOMES; n++)
		load(image_of(n));
	assert_int_equal(records_live(t.ctl.records), MAX);
	for (unsigned step = 0; step < 4 * HOMES; step++) {
		unsigned n = (unsigned)rng_below(&rng, HOMES);
		struct record_image image = image_of(n);

		image.coa = coa_of(step);
		image.seq = (uint16_t)step;
		image.session = step;
		if (rng_below(&rng, 3) == 0) {
			image.state = RECORD_TOMBSTONE;
			image.ends_ms = unix_ms() + (rng_below(&rng, 8) == 0 ? 5000 : 0);
		}
		load(image);
		last[n] = image;
	}
	for (unsigned n = 0; n < HOMES; n++) { /* and down to what is allowed */
		if (n % 2 == 0) {
			last[n] = image_of(n);
			last[n].ends_ms = unix_ms() - 1;
			load(last[n]);
		} else if (last[n].state == 0) {
			last[n] = image_of(n);
		}
	}
	assert_int_equal(ctl_load_end(&t.ctl), 0);
	start();
	for (unsigned n = 0; n < HOMES; n++) {
		const struct record *r = record_of(n);
		bool is_over = last[n].ends_ms <= unix_ms();

		live += !is_over && last[n].state == RECORD_LIVE;
		assert_int_equal(r == NULL, is_over);
		if (r == NULL)
			continue;
		assert_int_equal(r->state, last[n].state);
		assert_int_equal(r->seq, last[n].seq);
		assert_int_equal(r->session, last[n].session);
		assert_true(ip6_eq(&r->coa, &last[n].coa));
	}
	assert_int_equal(records_live(t.ctl.records), live);
	assert_int_equal(bc_count(t.tables.bc), live);
}

/* Until when there is silence about mobile nodes that are not bound: for as long as one may hold a
 * binding that has been forgotten. Lifetimes are up to 600 s. */
static const struct {
	const char *name;
	uint64_t known_ms, quiet_ms;
} knowns[] = {
	{ "nothing", 0, 600000 },
	{ "a minute", 60000, 540000 },
	{ "all but the last moment", 599999, 1 },
	{ "just long enough", 600000, 0 },
	{ "for ever", UINT64_MAX, 0 },
};

static void test_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(knowns); i++) {
		uint64_t known_ms[2] = { 0, knowns[i].known_ms };
		struct ctl_past past = {
			.known_ms = known_ms, .was_damaged = i % 2 == 0, .has_no_clock = i % 2 == 1
		};

		persist_teardown(NULL);
		persist_setup(NULL);
		ctl_load_clock(&t.ctl, unix_ms());
		assert_int_equal(ctl_loaded(&t.ctl, &past, t.err, sizeof(t.err)), 0);
		assert_int_equal(t.ctl.mip6->quiet_until_ms[0], START_MS + 600000);
		if (t.ctl.mip6->quiet_until_ms[1] != START_MS + knowns[i].quiet_ms)
			fail_msg("%s: silent for %u ms", knowns[i].name,
				(unsigned)(t.ctl.mip6->quiet_until_ms[1] - START_MS));
		assert_int_equal(t.ctl.counters[CTL_STORE_DAMAGED], past.was_damaged);
		assert_int_equal(t.ctl.counters[CTL_STORE_NO_CLOCK], past.has_no_clock);
	}
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, persist_setup, persist_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_load),
		TEST(test_load_older_than_the_machine),
		TEST(test_load_later_ones),
		TEST(test_load_ended_at_home),
		TEST(test_load_places),
		TEST(test_load_clocks),
		TEST(test_load_two_clocks),
		TEST(test_load_stamps),
		TEST(test_load_too_many),
		TEST(test_load_more_in_the_middle),
		TEST(test_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
