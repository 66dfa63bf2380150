/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "common/mac.h"
#include "records/subs.h"
#include "rng.h"

static struct mac *mac;
static struct sub_place there;

static struct subs *new_set(uint32_t max)
{
	struct subs_opts opts = { .max = max, .domains = 2, .seed = 42 };
	struct subs *s;

	assert_int_equal(subs_new(&opts, &s), 0);
	return s;
}

/* A number stands for all that a subscriber may differ in. */
static struct sub sub_of(uint16_t domain, uint32_t lifetime_max_s)
{
	return (struct sub){
		.lifetime_max_s = lifetime_max_s, .key = SUB_NO_KEY, .domain = domain
	};
}

static int add(struct subs *s, uint16_t domain, const char *hoa, uint32_t lifetime_max_s,
	enum sub_source source, uint32_t number)
{
	struct ip6_addr a = addr(hoa);
	struct sub sub = sub_of(domain, lifetime_max_s);

	return subs_add(s, &a, &sub, (struct sub_place){ source, number }, &there);
}

static void add_range(struct subs *s, uint16_t domain, const char *range, uint32_t lifetime_max_s,
	uint32_t number)
{
	struct ip6_prefix p = prefix(range);
	struct sub sub = sub_of(domain, lifetime_max_s);

	assert_int_equal(subs_add_range(s, &p, &sub, number), 0);
}

/* The lifetime tells who it is; 0: nobody. */
static uint32_t find(const struct subs *s, uint16_t domain, const char *hoa)
{
	struct ip6_addr a = addr(hoa);
	const struct sub *sub = subs_find(s, domain, &a);

	return sub != NULL ? sub->lifetime_max_s : 0;
}

static struct sub_place place(const struct subs *s, uint16_t domain, const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	return subs_place(s, subs_find(s, domain, &a));
}

static void add_key(struct subs *s, const char *text, uint32_t *number)
{
	struct mac_key *key;

	assert_int_equal(subs_add_key(s, &key, number), 0);
	mac_key_set(mac, key, (const uint8_t *)text, strlen(text));
}

static int setup(void **state)
{
	(void)state;
	return mac_new(&mac);
}

static int teardown(void **state)
{
	(void)state;
	mac_free(mac);
	return 0;
}

static void test_rows(void **state)
{
	struct subs *s = new_set(4);

	(void)state;
	assert_int_equal(add(s, 0, "2001:db8:a::1", 4, SUB_NODE, 0), 0);
	assert_int_equal(add(s, 0, "2001:db8:a::2", 8, SUB_LINE, 17), 0);
	assert_int_equal(add(s, 1, "2001:db8:a::1", 12, SUB_LINE, 3), 0);
	assert_int_equal(add(s, 0, "2001:db8:a::2", 16, SUB_LINE, 18), -EEXIST);
	assert_int_equal(there.source, SUB_LINE);
	assert_int_equal(there.number, 17);
	assert_int_equal(add(s, 0, "2001:db8:a::1", 16, SUB_LINE, 18), -EEXIST);
	assert_int_equal(there.source, SUB_NODE);
	assert_int_equal(there.number, 0);
	assert_int_equal(add(s, 0, "2001:db8:a::3", 16, SUB_LINE, 0x7fffffff), 0);
	assert_int_equal(add(s, 0, "2001:db8:a::4", 20, SUB_LINE, 20), -ENOSPC);
	assert_int_equal(add(s, 0, "2001:db8:a::1", 20, SUB_LINE, 20), -EEXIST);
	subs_seal(s);
	assert_int_equal(find(s, 0, "2001:db8:a::1"), 4);
	assert_int_equal(find(s, 0, "2001:db8:a::2"), 8);
	assert_int_equal(find(s, 1, "2001:db8:a::1"), 12);
	assert_int_equal(find(s, 1, "2001:db8:a::2"), 0);
	assert_int_equal(find(s, 0, "2001:db8:a::4"), 0);
	assert_int_equal(place(s, 0, "2001:db8:a::3").number, 0x7fffffff);
	assert_int_equal(place(s, 0, "2001:db8:a::3").source, SUB_LINE);
	assert_int_equal(place(s, 0, "2001:db8:a::1").source, SUB_NODE);
	assert_int_equal(subs_count(s), 4);
	assert_int_equal(subs_counts(s, 0)->subscribers, 3);
	assert_int_equal(subs_counts(s, 0)->lines, 2);
	assert_int_equal(subs_counts(s, 0)->open_lines, 2);
	assert_int_equal(subs_counts(s, 1)->lines, 1);
	assert_false(subs_counts(s, 0)->has_keys);
	subs_free(s);
	subs_free(NULL);
}

static void test_empty(void **state)
{
	struct subs *s = new_set(1);

	(void)state;
	subs_seal(s);
	assert_int_equal(find(s, 0, "2001:db8:a::1"), 0);
	assert_int_equal(subs_count(s), 0);
	subs_free(s);
}

/* A line wins over a range, of ranges the longest one; those that look alike are none. */
static void test_ranges(void **state)
{
	static const struct {
		const char *hoa;
		uint16_t domain;
		uint32_t who;
	} rows[] = {
		{ "2001:db8:a:1::7", 0, 100 }, /* its own line */
		{ "2001:db8:a:1::8", 0, 12 },
		{ "2001:db8:a:1:1::", 0, 8 },
		{ "2001:db8:a:1:ffff:ffff:ffff:ffff", 0, 8 },
		{ "2001:db8:a:1::1234", 0, 16 },
		{ "2001:db8:a:1::1235", 0, 12 },
		{ "2001:db8:a:2::1", 0, 4 },
		{ "2001:db8:a::", 0, 4 },
		{ "2001:db8:a:ffff:ffff:ffff:ffff:ffff", 0, 4 },
		{ "2001:db8:b::1", 0, 0 }, /* another domain's */
		{ "2001:db8:b::1", 1, 20 },
		{ "2001:db8:9:ffff::1", 0, 0 },
		{ "2001:db8:c::1", 0, 0 },
		{ "::", 0, 0 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 0, 0 },
	};
	struct subs *s = new_set(4);

	(void)state;
	add_range(s, 0, "2001:db8:a:1::1234/128", 16, 3);
	add_range(s, 0, "2001:db8:a:1::/64", 8, 1);
	add_range(s, 0, "2001:db8:a:1::/80", 12, 2);
	add_range(s, 0, "2001:db8:a::/48", 4, 0);
	add_range(s, 1, "2001:db8:b::/48", 20, 0);
	assert_int_equal(add(s, 0, "2001:db8:a:1::7", 100, SUB_LINE, 1), 0);
	subs_seal(s);
	for (size_t i = 0; i < DIM(rows); i++) {
		if (find(s, rows[i].domain, rows[i].hoa) != rows[i].who)
			fail_msg("%s", rows[i].hoa);
	}
	assert_int_equal(place(s, 0, "2001:db8:a:1::8").source, SUB_RANGE);
	assert_int_equal(place(s, 0, "2001:db8:a:1::8").number, 2);
	assert_int_equal(place(s, 1, "2001:db8:b::8").number, 0);
	assert_int_equal(subs_counts(s, 0)->ranges, 4);
	assert_int_equal(subs_count(s), 1);
	subs_free(s);
}

/* Keys and identifiers are the set's own; across chunks, too. */
static void test_keys(void **state)
{
	struct subs *s = new_set(20000);
	char nai[255], text[32];
	const struct sub *sub;
	struct ip6_addr a;

	(void)state;
	memset(nai, 'n', 254);
	nai[254] = '\0';
	for (uint32_t i = 0; i < 10000; i++) {
		struct sub mine = { .nai = i % 2 ? nai : NULL,
			.auth = SUB_AUTH_MN_HA,
			.spi = 256 + i,
			.lifetime_max_s = 4 };

		snprintf(nai, sizeof(nai), "mn%u@example.net", i);
		snprintf(text, sizeof(text), "key number %u", i);
		add_key(s, text, &mine.key);
		assert_int_equal(mine.key, i);
		a = (struct ip6_addr){ { 0x20, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i } };
		assert_int_equal(
			subs_add(s, &a, &mine, (struct sub_place){ SUB_LINE, i }, &there), 0);
	}
	memset(nai, 'x', sizeof(nai));
	subs_seal(s);
	for (uint32_t i = 0; i < 10000; i++) {
		struct mac_key *key = mac_keys_new(1);

		a = (struct ip6_addr){ { 0x20, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i } };
		sub = subs_find(s, 0, &a);
		assert_non_null(sub);
		snprintf(text, sizeof(text), "key number %u", i);
		mac_key_set(mac, key, (const uint8_t *)text, strlen(text));
		assert_true(mac_key_equal(subs_key(s, sub), key));
		mac_keys_free(key);
		snprintf(text, sizeof(text), "mn%u@example.net", i);
		if (i % 2)
			assert_string_equal(sub->nai, text);
		else
			assert_null(sub->nai);
	}
	assert_true(subs_counts(s, 0)->has_keys);
	assert_false(subs_counts(s, 1)->has_keys);
	assert_int_equal(subs_counts(s, 0)->open_lines, 0);
	subs_free(s);
}

/* What counts as a change, one row each: `from`, then `to`. */
static void test_changes(void **state)
{
	static const struct {
		const char *name;
		struct sub from, to;
		const char *from_key, *to_key;
		uint32_t changed;
	} rows[] = {
		{ "nothing", { .lifetime_max_s = 4 }, { .lifetime_max_s = 4 }, NULL, NULL, 0 },
		{ "lifetime", { .lifetime_max_s = 4 }, { .lifetime_max_s = 8 }, NULL, NULL, 1 },
		{ "type", { .auth = SUB_AUTH_NONE }, { .auth = SUB_AUTH_MN_HA }, NULL, NULL, 1 },
		{ "spi", { .spi = 256 }, { .spi = 257 }, NULL, NULL, 1 },
		{ "replay", { .replay = true }, { .replay = false }, NULL, NULL, 1 },
		{ "nai", { .nai = "a@b" }, { .nai = "a@c" }, NULL, NULL, 1 },
		{ "nai as it was", { .nai = "a@b" }, { .nai = "a@b" }, NULL, NULL, 0 },
		{ "a nai", { .nai = NULL }, { .nai = "a@b" }, NULL, NULL, 1 },
		{ "no nai", { .nai = "a@b" }, { .nai = NULL }, NULL, NULL, 1 },
		{ "key", { .spi = 256 }, { .spi = 256 }, "one", "two", 1 },
		{ "the same key", { .spi = 256 }, { .spi = 256 }, "one", "one", 0 },
		{ "a key", { .spi = 256 }, { .spi = 256 }, NULL, "one", 1 },
		{ "no key", { .spi = 256 }, { .spi = 256 }, "one", NULL, 1 },
	};
	struct ip6_addr a = addr("2001:db8:a::1");
	struct ip6_prefix p = prefix("2001:db8:a:1::/64");
	struct sub_place at = { SUB_LINE, 1 };

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		struct subs *from = new_set(4), *to = new_set(4);
		struct sub x = rows[i].from, y = rows[i].to;
		struct subs_diff d;
		uint32_t unused;

		add_key(to, "in the way", &unused); /* numbers of keys do not count */
		x.key = y.key = SUB_NO_KEY;
		if (rows[i].from_key != NULL)
			add_key(from, rows[i].from_key, &x.key);
		if (rows[i].to_key != NULL)
			add_key(to, rows[i].to_key, &y.key);
		assert_int_equal(subs_add(from, &a, &x, at, &there), 0);
		at.number++; /* nor do lines */
		assert_int_equal(subs_add(to, &a, &y, at, &there), 0);
		assert_int_equal(subs_add_range(from, &p, &x, 0), 0);
		assert_int_equal(subs_add_range(to, &p, &y, 9), 0);
		subs_seal(from);
		subs_seal(to);
		subs_compare(from, to, &d);
		if (d.changed != 2 * rows[i].changed || d.added != 0 || d.removed != 0)
			fail_msg("%s: %u changed, %u added, %u removed", rows[i].name, d.changed,
				d.added, d.removed);
		subs_free(from);
		subs_free(to);
	}
}

/* Random sets against a list that is searched from end to end. */
#define HOSTS  512
#define RANGES 64

struct twin {
	uint32_t host[HOSTS]; /* lifetime; 0: not there */
	struct ip6_prefix range[RANGES];
	uint32_t who[RANGES]; /* lifetime; 0: not there */
};

static struct ip6_addr host(uint32_t i)
{
	return (struct ip6_addr){ { 0x20, 0x01, [8] = (uint8_t)(i >> 8), [15] = (uint8_t)i } };
}

static bool has_range(const struct twin *t, const struct ip6_prefix *p)
{
	for (unsigned i = 0; i < RANGES; i++) {
		if (t->who[i] != 0 && t->range[i].len == p->len &&
			ip6_eq(&t->range[i].addr, &p->addr))
			return true;
	}
	return false;
}

static struct subs *random_set(uint64_t *rnd, struct twin *t)
{
	struct subs *s = new_set(HOSTS);

	memset(t, 0, sizeof(*t));
	for (uint32_t n = 0; n < HOSTS; n++) {
		uint32_t i = (uint32_t)rng_below(rnd, HOSTS),
			 life = 4 + (uint32_t)rng_below(rnd, 3);
		struct ip6_addr a = host(i);
		struct sub sub = sub_of(0, life);
		int ret = subs_add(s, &a, &sub, (struct sub_place){ SUB_LINE, n }, &there);

		assert_int_equal(ret, t->host[i] != 0 ? -EEXIST : 0);
		if (ret == 0)
			t->host[i] = life;
	}
	for (uint32_t n = 0; n < RANGES; n++) {
		struct ip6_prefix p = { host((uint32_t)rng_below(rnd, HOSTS)),
			(uint8_t)(60 + rng_below(rnd, 69)) };
		struct sub sub = sub_of(0, 100 + (uint32_t)rng_below(rnd, 3));

		ip6_prefix_mask(&p);
		if (has_range(t, &p))
			continue;
		assert_int_equal(subs_add_range(s, &p, &sub, n), 0);
		t->range[n] = p;
		t->who[n] = sub.lifetime_max_s;
	}
	subs_seal(s);
	return s;
}

static uint32_t twin_find(const struct twin *t, uint32_t i)
{
	struct ip6_addr a = host(i);
	uint32_t who = 0;
	int longest = -1;

	if (i < HOSTS && t->host[i] != 0)
		return t->host[i];
	for (unsigned n = 0; n < RANGES; n++) {
		if (t->who[n] != 0 && t->range[n].len > longest &&
			ip6_in_prefix(&a, &t->range[n])) {
			longest = t->range[n].len;
			who = t->who[n];
		}
	}
	return who;
}

static uint32_t twin_range(const struct twin *t, const struct ip6_prefix *p)
{
	for (unsigned i = 0; i < RANGES; i++) {
		if (t->who[i] != 0 && t->range[i].len == p->len &&
			ip6_eq(&t->range[i].addr, &p->addr))
			return t->who[i];
	}
	return 0;
}

static void count_diff(uint32_t x, uint32_t y, struct subs_diff *d)
{
	d->added += x == 0 && y != 0;
	d->removed += x != 0 && y == 0;
	d->changed += x != 0 && y != 0 && x != y;
}

static void test_model(void **state)
{
	uint64_t rnd = rng_start("model");
	static struct twin a, b;

	(void)state;
	for (unsigned round = 0; round < 200; round++) {
		struct subs *from = random_set(&rnd, &a), *to = random_set(&rnd, &b);
		struct subs_diff d, want = { 0 };

		for (uint32_t i = 0; i < 2 * HOSTS; i++) {
			struct ip6_addr hoa = host(i);
			const struct sub *sub = subs_find(from, 0, &hoa);

			assert_int_equal(sub != NULL ? sub->lifetime_max_s : 0, twin_find(&a, i));
		}
		for (uint32_t i = 0; i < HOSTS; i++)
			count_diff(a.host[i], b.host[i], &want);
		for (uint32_t i = 0; i < RANGES; i++) {
			if (a.who[i] != 0)
				count_diff(a.who[i], twin_range(&b, &a.range[i]), &want);
			if (b.who[i] != 0 && twin_range(&a, &b.range[i]) == 0)
				want.added++;
		}
		subs_compare(from, to, &d);
		assert_memory_equal(&d, &want, sizeof(d));
		subs_compare(from, from, &d);
		assert_memory_equal(&d, &(struct subs_diff){ 0 }, sizeof(d));
		subs_free(from);
		subs_free(to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
