/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "readers.h"
#include "rng.h"
#include "tables/dq.h"
#include "tables/fib.h"

static struct rte_rcu_qsbr *rcu;
static struct dq *dq;
static struct fib *fib;

static void start(struct fib_opts opts, uint32_t dq_size)
{
	rcu = readers_new(1);
	assert_int_equal(dq_new(rcu, dq_size, &dq), 0);
	assert_int_equal(fib_new(&opts, dq, &fib), 0);
}

static void stop(void)
{
	fib_free(fib);
	dq_free(dq);
	free(rcu);
}

static void grace(void)
{
	rte_rcu_qsbr_quiescent(rcu, 0);
	dq_run(dq, UINT32_MAX);
}

static int set(const char *p, uint32_t value)
{
	struct ip6_prefix pfx = prefix(p);

	return fib_set(fib, &pfx, value);
}

static int del(const char *p)
{
	struct ip6_prefix pfx = prefix(p);

	return fib_del(fib, &pfx);
}

static uint32_t lookup(const char *a)
{
	struct ip6_addr dst = addr(a);

	return fib_lookup(fib, &dst);
}

static void test_values(void **state)
{
	(void)state;
	assert_int_equal(fib_kind(fib_value(FIB_VIA, 0x0fffffff)), FIB_VIA);
	assert_int_equal(fib_index(fib_value(FIB_VIA, 0x0fffffff)), 0x0fffffff);
	assert_int_equal(fib_kind(0), FIB_UNREACHABLE);
}

static void test_longest_prefix(void **state)
{
	static const struct {
		const char *dst;
		uint32_t value;
	} cases[] = {
		{ "::", 1 },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1 },
		{ "2001:db8:ffff::1", 2 },
		{ "2001:db8:a::1", 3 },
		{ "2001:db8:a::", 3 },
		{ "2001:db8:9:ffff:ffff:ffff:ffff:ffff", 2 },
		{ "2001:db8:a:0:1::", 3 },
		{ "2001:db8:a::42", 4 },
		{ "2001:db8:a::43", 3 },
		{ "2001:db8:b:8000::", 0 },
		{ "2001:db8:b:7fff:ffff::", 2 },
		{ "2001:db9::", 1 },
		{ "3fff::", 6 },
		{ "4000::", 1 },
	};
	uint32_t generation;

	(void)state;
	start((struct fib_opts){ .max_routes = 16 }, 64);
	assert_int_equal(lookup("2001:db8::1"), 0);
	assert_int_equal(set("2001:db8:a::42/128", 4), 0);
	assert_int_equal(set("2001:db8::/32", 2), 0);
	assert_int_equal(set("2001:db8:a::/48", 5), 0);
	assert_int_equal(set("::/0", 1), 0);
	assert_int_equal(set("2000::/3", 1), 0);
	assert_int_equal(set("3800::/5", 6), 0);
	assert_int_equal(set("2001:db8:b:8000::/49", fib_value(FIB_UNREACHABLE, 0)), 0);
	generation = fib_generation(fib);
	assert_int_equal(set("2001:db8:a::/48", 3), 0);
	assert_int_not_equal(fib_generation(fib), generation);
	for (size_t i = 0; i < DIM(cases); i++) {
		if (lookup(cases[i].dst) != cases[i].value)
			fail_msg("%s: %u, not %u", cases[i].dst, lookup(cases[i].dst),
				cases[i].value);
	}
	assert_int_equal(fib_count(fib), 7);

	generation = fib_generation(fib);
	assert_int_equal(set("2001:db8:a::/48", 3), 0); /* nothing new */
	assert_int_equal(del("2001:db8:a::/47"), -ENOENT);
	assert_int_equal(fib_generation(fib), generation);
	assert_int_equal(del("2001:db8::/32"), 0);
	assert_int_equal(lookup("2001:db8:ffff::1"), 1);
	assert_int_equal(lookup("2001:db8:a::1"), 3);
	assert_int_equal(del("::/0"), 0);
	assert_int_equal(lookup("4000::"), 0);
	assert_int_equal(lookup("2001:db8:ffff::1"), 1); /* 2000::/3 */
	stop();
	fib_free(NULL);
}

/* Routes without a common octet, as many as there may be, again and again. */
static void test_worst_case_fits(void **state)
{
	enum { N = 200 };

	(void)state;
	start((struct fib_opts){ .max_routes = N }, 4096);
	for (uint32_t round = 0; round < 20; round++) {
		struct ip6_prefix p = { .len = 128 };

		for (uint32_t i = 0; i <= N; i++) {
			memset(&p.addr, (int)(i + round), 16);
			assert_int_equal(fib_set(fib, &p, 1 + i), i < N ? 0 : -ENOSPC);
		}
		assert_int_equal(fib_count(fib), N);
		for (uint32_t i = 0; i < N; i++) {
			memset(&p.addr, (int)(i + round), 16);
			assert_int_equal(fib_lookup(fib, &p.addr), 1 + i);
			assert_int_equal(fib_del(fib, &p), 0);
			assert_int_equal(fib_lookup(fib, &p.addr), 0);
		}
		grace();
		assert_int_equal(dq_used(dq), 0);
	}
	stop();
}

/* Refused is refused as a whole: neither route, nor node, nor generation. */
static void test_full(void **state)
{
	uint32_t generation;

	(void)state;
	start((struct fib_opts){ .max_routes = 8, .max_nodes = 3 }, 4);
	assert_int_equal(set("2001:db8::1/128", 1), 0); /* a node */
	assert_int_equal(set("2001:db8:0:0:0:1::/128", 2), 0); /* two: their ways part */
	generation = fib_generation(fib);
	assert_int_equal(set("3fff::/41", 3), -ENOSPC); /* one */
	assert_int_equal(set("2001:db8::/32", 3), -ENOSPC); /* one, in the middle of the way */
	assert_int_equal(set("2001:db8:0:0:0:2::/128", 3), -ENOSPC); /* one of its own */
	assert_int_equal(set("2001:db8:0:0:0:1:1:0/128", 3), -ENOSPC); /* two */
	assert_int_equal(fib_generation(fib), generation);
	assert_int_equal(fib_count(fib), 2);
	assert_int_equal(set("2001:db8:0:0:0:1::/96", 4), 0); /* none: where the ways part */
	assert_int_equal(lookup("2001:db8:0:0:0:1:0:1"), 4);
	assert_int_equal(lookup("2001:db8::1"), 1);
	assert_int_equal(lookup("2001:db8::2"), 0);

	/* Nobody reports: the queue gets full, too. */
	assert_int_equal(del("2001:db8::1/128"), 0);
	assert_int_equal(lookup("2001:db8::1"), 0);
	assert_int_equal(set("2001:db8::1/128", 1), -ENOSPC);
	assert_int_equal(del("2001:db8:0:0:0:1::/128"), 0);
	assert_int_equal(lookup("2001:db8:0:0:0:1::"), 4);
	assert_int_equal(set("2001::/16", 6), 0); /* in the root: no node */
	assert_int_equal(dq_room(dq), 2);
	assert_int_equal(del("2001:db8:0:0:0:1::/96"), 0);
	assert_int_equal(dq_room(dq), 1);
	assert_int_equal(set("3fff::/16", 7), 0);
	assert_int_equal(del("3fff::/16"), 0); /* nothing to free */
	grace();
	assert_int_equal(set("2001:db8::1/128", 1), 0);
	assert_int_equal(lookup("2001:db8::1"), 1);
	assert_int_equal(lookup("2001:db8::2"), 6);
	stop();
}

/* What is left after a deletion is what there would be without the route. */
static void test_ways_close_again(void **state)
{
	static const char *const stay[] = { "2001:db8::1/128", "2001:db8:0:0:0:1::/128" };

	(void)state;
	start((struct fib_opts){ .max_routes = 8, .max_nodes = 5 }, 64);
	assert_int_equal(set(stay[0], 1), 0);
	assert_int_equal(set(stay[1], 2), 0); /* three nodes are taken */
	for (uint32_t i = 0; i < 100; i++) {
		/* in the middle, beside, in front; two nodes at most */
		static const char *const come[] = { "2001:db8::/64", "2001:db8:1::/48",
			"2001:db8:0:0:0:1:0:1/128", "2001:d00::/24", "3fff::/20" };
		const char *p = come[i % DIM(come)];

		assert_int_equal(set(p, 9), 0);
		assert_int_equal(del(p), 0);
		grace();
		assert_int_equal(lookup("2001:db8::1"), 1);
		assert_int_equal(lookup("2001:db8:0:0:0:1::"), 2);
		assert_int_equal(lookup("2001:db8::5"), 0);
	}
	stop();
}

static void test_queue_full(void **state)
{
	(void)state;
	start((struct fib_opts){ .max_routes = 8 }, 2);
	assert_int_equal(set("2001:db8::/64", 1), 0);
	assert_int_equal(set("3fff:db8::/64", 2), 0);
	assert_int_equal(del("2001:db8::/64"), 0);
	assert_int_equal(del("3fff:db8::/64"), -ENOSPC);
	assert_int_equal(dq_refused(dq), 1);
	assert_int_equal(lookup("3fff:db8::1"), 2);
	grace();
	assert_int_equal(del("3fff:db8::/64"), 0);
	assert_int_equal(lookup("3fff:db8::1"), 0);
	stop();
}

/* --- against a list that is searched from end to end --- */

#define TWIN 300

struct twin {
	struct ip6_prefix p;
	uint32_t value;
	bool there;
};

/* Addresses that share octets often and differ in one bit somewhere. */
static struct ip6_addr some_addr(uint64_t *r)
{
	static const uint8_t octets[] = { 0, 0, 0, 1, 0x80, 0xff, 0x20 };
	struct ip6_addr a;

	for (unsigned i = 0; i < 16; i++)
		a.b[i] = rng_below(r, 3) == 0 ? octets[rng_below(r, DIM(octets))] : 0;
	return a;
}

static uint32_t twin_lookup(const struct twin *t, const struct ip6_addr *a)
{
	int best = -1;
	uint32_t value = 0;

	for (uint32_t i = 0; i < TWIN; i++) {
		if (!t[i].there || t[i].p.len <= best || !ip6_in_prefix(a, &t[i].p))
			continue;
		best = t[i].p.len;
		value = t[i].value;
	}
	return value;
}

static void compare(uint64_t *r, const struct twin *twin)
{
	struct ip6_addr a[FIB_BULK_MAX];
	const struct ip6_addr *dst[FIB_BULK_MAX] = { NULL };
	uint32_t value[FIB_BULK_MAX], n = rng_below(r, FIB_BULK_MAX + 1);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t at = rng_below(r, TWIN);

		a[i] = some_addr(r);
		if (i % 2 == 0) { /* inside a route, or one bit beside it */
			a[i] = twin[at].p.addr;
			a[i].b[rng_below(r, 16)] ^= (uint8_t)(1U << rng_below(r, 8));
		}
		if (i > 0 &&
			rng_below(r, 8) == 0) { /* the one before, or all but its last octets */
			memcpy(&a[i], &a[i - 1], rng_below(r, 2) == 0 ? 16 : 8);
		}
		dst[i] = &a[i];
	}
	fib_lookup_bulk(fib, dst, value, n);
	for (uint32_t i = 0; i < n; i++) {
		char text[IP6_STRLEN];

		if (value[i] != twin_lookup(twin, &a[i]))
			fail_msg("%s: %u, not %u", ip6_str(&a[i], text), value[i],
				twin_lookup(twin, &a[i]));
	}
}

static void compare_list(const struct twin *twin)
{
	uint32_t cursor = 0, value, n = 0, there = 0;
	struct ip6_prefix p;

	while (fib_next(fib, &cursor, &p, &value)) {
		uint32_t i = 0;

		while (i < TWIN && !(twin[i].there && twin[i].p.len == p.len &&
					   ip6_eq(&twin[i].p.addr, &p.addr)))
			i++;
		assert_true(i < TWIN);
		assert_int_equal(value, twin[i].value);
		n++;
	}
	for (uint32_t i = 0; i < TWIN; i++)
		there += twin[i].there;
	assert_int_equal(n, there);
	assert_int_equal(fib_count(fib), there);
}

static void step(uint64_t *r, struct twin *twin)
{
	uint32_t i = rng_below(r, TWIN), same = 0;
	struct twin *t = &twin[i];
	struct ip6_prefix p;
	uint32_t value = fib_value((enum fib_kind)rng_below(r, FIB_KIND_COUNT), rng_below(r, 9));
	int ret;

	if (t->there && rng_below(r, 2) == 0) {
		ret = fib_del(fib, &t->p);
		t->there = ret != 0;
		assert_true(ret == 0 || (ret == -ENOSPC && dq_room(dq) < 2));
		return;
	}
	p = t->there ? t->p : (struct ip6_prefix){ some_addr(r), (uint8_t)rng_below(r, 129) };
	ip6_prefix_mask(&p);
	while (same < TWIN && !(twin[same].there && twin[same].p.len == p.len &&
				      ip6_eq(&twin[same].p.addr, &p.addr)))
		same++;
	ret = fib_set(fib, &p, value);
	if (ret == -ENOSPC) {
		assert_int_equal(same, TWIN); /* replacing always fits */
		return;
	}
	assert_int_equal(ret, 0);
	twin[same < TWIN ? same : i] = (struct twin){ p, value, true };
}

static void test_model(void **state)
{
	static const uint32_t nodes[] = { 0, 250 };
	uint64_t r = rng_start("model");

	(void)state;
	for (size_t k = 0; k < DIM(nodes); k++) {
		struct twin twin[TWIN] = { 0 };
		uint32_t refused = 0;

		start(
			(struct fib_opts){
				.max_routes = TWIN, .max_nodes = nodes[k], .seed = rng_next(&r) },
			512);
		for (uint32_t op = 0; op < 8000; op++) {
			uint32_t before = fib_count(fib);

			step(&r, twin);
			refused += fib_count(fib) == before;
			compare(&r, twin);
			if (rng_below(&r, 3) == 0)
				grace();
			if (op % 500 == 0)
				compare_list(twin);
		}
		for (uint32_t i = 0; i < TWIN; i++) {
			grace();
			if (twin[i].there)
				assert_int_equal(fib_del(fib, &twin[i].p), 0);
			twin[i].there = false;
		}
		compare(&r, twin);
		compare_list(twin);
		printf("nodes %u: %u changes without effect on the count\n", nodes[k], refused);
		stop();
	}
}

/* --- a reader beside the writer --- */

static _Atomic bool enough;

/* Under the /64 that stays, something longer and something shorter come and go. */
static void *reader_main(void *arg)
{
	struct ip6_addr a = addr("2001:db8::1"), b = addr("2001:db8::2"), c = addr("2001:db8:1::");
	const struct ip6_addr *dst[] = { &a, &b, &c };
	uint64_t *wrong = arg;
	uint32_t v[3];

	while (!enough) {
		for (unsigned i = 0; i < 16; i++) {
			fib_lookup_bulk(fib, dst, v, 3);
			*wrong += v[0] != 64 && v[0] != 128;
			*wrong += v[1] != 64;
			*wrong += v[2] != 0 && v[2] != 16 && v[2] != 32;
		}
		rte_rcu_qsbr_quiescent(rcu, 0);
	}
	rte_rcu_qsbr_thread_offline(rcu, 0);
	return NULL;
}

static void test_reader_beside_writer(void **state)
{
	static const struct {
		const char *prefix;
		uint32_t value;
	} routes[] = {
		{ "2001:db8::1/128", 128 },
		{ "2001:db8::/32", 32 },
		{ "2001::/16", 16 },
	};
	uint64_t r = rng_start("reader beside writer");
	uint64_t wrong = 0, changes = 0;
	pthread_t thread;

	(void)state;
	start((struct fib_opts){ .max_routes = 8 }, 256);
	assert_int_equal(set("2001:db8::/64", 64), 0);
	enough = false;
	assert_int_equal(pthread_create(&thread, NULL, reader_main, &wrong), 0);
	for (uint32_t op = 0; op < 80000; op++) {
		size_t i = rng_below(&r, DIM(routes));
		int ret = op % 2 == 0 ? set(routes[i].prefix, routes[i].value)
				      : del(routes[i].prefix);

		changes += ret == 0;
		if (ret == -ENOSPC)
			sched_yield();
		dq_run(dq, 16);
	}
	enough = true;
	pthread_join(thread, NULL);
	printf("%lu changes\n", changes);
	assert_int_equal(wrong, 0);
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_longest_prefix),
		cmocka_unit_test(test_worst_case_fits),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_ways_close_again),
		cmocka_unit_test(test_queue_full),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_reader_beside_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
