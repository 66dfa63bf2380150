/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of mesh tunnels: peers, generations that come and go under readers, counters. That
 * packets pass: dataplane/mesh_workers_test.c. */
#include "test.h"

#include "tables/dq.h"
#include "tables/readers.h"
#include "tables/sa.h"

static struct rte_rcu_qsbr *rcu;
static struct dq *dq;
static struct sa *sa;

static void make(uint32_t dq_size, bool clear)
{
	struct sa_opts o = {
		.node = 1, .site = addr("2001:db8::1"), .workers = 3, .clear = clear, .seed = 99
	};

	rcu = readers_new(1);
	assert_int_equal(dq_new(rcu, dq_size, &dq), 0);
	assert_int_equal(sa_new(&o, dq, &sa), 0);
}

static int begin(void **state)
{
	struct ip6_addr a = addr("2001:db8::2");

	(void)state;
	make(16, false);
	assert_int_equal(sa_add_peer(sa, 2, &a), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	sa_free(sa);
	dq_free(dq);
	free(rcu);
	return 0;
}

static struct sa_keys keys_of(uint32_t generation)
{
	struct sa_keys k = { .generation = generation };

	memset(k.key, (int)generation, sizeof(k.key));
	return k;
}

static int add_in(uint32_t generation)
{
	struct sa_keys k = keys_of(generation);

	return sa_add_in(sa, 2, &k);
}

static int set_out(uint32_t generation)
{
	struct sa_keys k = keys_of(generation);

	return sa_set_out(sa, 2, &k);
}

static const struct sa_peer *peer(void)
{
	return sa_view(sa)->peer[2];
}

static void test_spi(void **state)
{
	static const uint32_t workers[] = { 0, 1, 31, 63 }, generations[] = { 0, 1, 0x1ffff };

	(void)state;
	for (unsigned node = 1; node < 256; node += 127) {
		for (unsigned i = 0; i < DIM(workers) * DIM(generations) * 2; i++) {
			uint32_t w = workers[i / 2 % DIM(workers)], spi;
			uint32_t g = generations[i / 2 / DIM(workers)];

			spi = sa_spi((uint8_t)node, w, i & 1, g);
			assert_int_equal(sa_spi_node(spi), node);
			assert_int_equal(sa_spi_worker(spi), w);
			assert_int_equal(sa_spi_relayed(spi), i & 1);
			assert_int_equal(sa_spi_generation(spi), g);
			assert_true(spi > 255); /* the rest is reserved: RFC 4303, 2.1 */
			assert_true(sa_owner(spi, 5) < 5);
			assert_int_equal(sa_owner(spi, 1), 0);
			/* both kinds of hop: one worker */
			assert_int_equal(sa_owner(spi, 7), sa_owner(spi ^ 1 << 23, 7));
		}
	}
}

static void test_sizes(void **state)
{
	(void)state;
	for (uint32_t mtu = 1280; mtu < 9700; mtu++) {
		uint32_t room = sa_inner_mtu(false, mtu);

		assert_true(40 + esp_size(room) <= mtu);
		assert_true(40 + esp_size(room + 1) > mtu);
		assert_int_equal(sa_inner_mtu(true, mtu), mtu - 48);
	}
	assert_int_equal(sa_path_mtu(peer(), 1500), 1500);
	sa_set_mtu(sa, 2, 1400);
	assert_int_equal(sa_path_mtu(peer(), 1500), 1400);
	assert_int_equal(sa_path_mtu(peer(), 1300), 1300);
	sa_set_mtu(sa, 3, 1400); /* nobody */
}

static void test_refused(void **state)
{
	struct sa_opts o = { .node = 0, .workers = 1 };
	struct sa_keys k = keys_of(1);
	struct ip6_addr a = addr("2001:db8::2"), b = addr("2001:db8::3");
	struct sa_count out, in;
	struct sa *other;

	(void)state;
	assert_int_equal(sa_new(&o, dq, &other), -EINVAL);
	o = (struct sa_opts){ .node = 1, .workers = SA_WORKERS + 1 };
	assert_int_equal(sa_new(&o, dq, &other), -EINVAL);
	o.workers = 0;
	assert_int_equal(sa_new(&o, dq, &other), -EINVAL);
	assert_int_equal(sa_add_peer(sa, 0, &b), -EINVAL);
	assert_int_equal(sa_add_peer(sa, 1, &b), -EINVAL); /* ourselves */
	assert_int_equal(sa_add_peer(sa, 2, &b), -EINVAL); /* twice */
	assert_int_equal(sa_add_peer(sa, 3, &a), -EINVAL); /* another one's address */
	assert_int_equal(sa_add_in(sa, 3, &k), -ENOENT);
	assert_int_equal(sa_del_in(sa, 3, 1), -ENOENT);
	assert_int_equal(sa_del_in(sa, 2, 1), -ENOENT);
	assert_int_equal(sa_set_out(sa, 3, &k), -ENOENT);
	assert_int_equal(sa_count(sa, 3, &out, &in), -ENOENT);
	sa_free(NULL);
}

static void test_addresses(void **state)
{
	(void)state;
	for (unsigned node = 3; node < 256; node++) {
		struct ip6_addr a = addr("2001:db8:7::");

		a.b[15] = (uint8_t)node;
		assert_null(sa_by_address(sa, &a));
		assert_int_equal(sa_add_peer(sa, (uint8_t)node, &a), 0);
	}
	for (unsigned node = 3; node < 256; node++) {
		struct ip6_addr a = addr("2001:db8:7::");

		a.b[15] = (uint8_t)node;
		assert_int_equal(sa_by_address(sa, &a)->node, node);
		a.b[0] ^= 1;
		assert_null(sa_by_address(sa, &a));
	}
}

static void test_inbound(void **state)
{
	struct sa_in *in;

	(void)state;
	for (uint32_t g = 1; g <= SA_INBOUND; g++)
		assert_int_equal(add_in(g), 0);
	assert_int_equal(add_in(9), -EBUSY);
	for (uint32_t g = 1; g <= SA_INBOUND; g++) {
		in = sa_in_of(peer(), g);
		assert_non_null(in);
		assert_int_equal(in->generation, g);
		assert_int_equal(in->lane[127].esp.spi, sa_spi(2, 63, true, g));
	}
	assert_null(sa_in_of(peer(), 9));
	assert_int_equal(sa_del_in(sa, 2, 2), 0);
	assert_null(sa_in_of(peer(), 2));
	assert_int_equal(dq_used(dq), 1);
	assert_int_equal(dq_run(dq, 9), 0); /* a worker may still see it */
	assert_int_equal(add_in(9), 0);
	rte_rcu_qsbr_quiescent(rcu, 0);
	assert_int_equal(dq_run(dq, 9), 1);
	/* another one of the same number takes its place, and begins anew */
	in = sa_in_of(peer(), 9);
	in->lane[0].count.packets = 3;
	assert_int_equal(add_in(9), 0);
	assert_ptr_not_equal(sa_in_of(peer(), 9), in);
	assert_int_equal(sa_in_of(peer(), 9)->lane[0].count.packets, 0);
}

static void test_full(void **state)
{
	struct ip6_addr a = addr("2001:db8::2");

	(void)state;
	end(NULL);
	make(1, false);
	assert_int_equal(sa_add_peer(sa, 2, &a), 0);
	assert_int_equal(add_in(1), 0);
	assert_int_equal(add_in(2), 0);
	assert_int_equal(set_out(1), 0);
	assert_int_equal(set_out(2), 0);
	assert_int_equal(set_out(3), -ENOSPC);
	assert_int_equal(sa_out_of(peer())->generation, 2);
	assert_int_equal(sa_set_out(sa, 2, NULL), -ENOSPC);
	assert_int_equal(sa_del_in(sa, 2, 1), -ENOSPC);
	assert_int_equal(add_in(1), -ENOSPC);
	assert_non_null(sa_in_of(peer(), 1));
	rte_rcu_qsbr_quiescent(rcu, 0);
	assert_int_equal(dq_run(dq, 1), 1);
	assert_int_equal(sa_set_out(sa, 2, NULL), 0);
	assert_null(sa_out_of(peer()));
}

/* What generations carried that are gone is not lost, also what they count after they were
 * replaced, while a worker still has them. */
static void test_counts(void **state)
{
	struct sa_count out, in;
	struct sa_out *o;
	struct sa_in *i;

	(void)state;
	assert_int_equal(set_out(1), 0);
	assert_int_equal(add_in(1), 0);
	o = sa_out_of(peer());
	i = sa_in_of(peer(), 1);
	sa_counted(&o->lane[0].count, 100);
	sa_counted(&o->lane[5].count, 10);
	sa_counted(&i->lane[77].count, 7);
	assert_int_equal(set_out(2), 0);
	assert_int_equal(sa_del_in(sa, 2, 1), 0);
	sa_counted(&o->lane[0].count, 1);
	sa_counted(&i->lane[77].count, 2);
	rte_rcu_qsbr_quiescent(rcu, 0);
	assert_int_equal(dq_run(dq, 9), 2);
	sa_counted(&sa_out_of(peer())->lane[1].count, 1000);
	assert_int_equal(sa_count(sa, 2, &out, &in), 0);
	assert_int_equal(out.packets, 4);
	assert_int_equal(out.octets, 1111);
	assert_int_equal(in.packets, 2);
	assert_int_equal(in.octets, 9);
}

static void test_next(void **state)
{
	uint32_t cursor = 0;
	struct sa_info info;
	unsigned found = 0, empty = 0;
	int ret;

	(void)state;
	assert_int_equal(set_out(1), 0);
	assert_int_equal(add_in(3), 0);
	assert_int_equal(add_in(4), 0);
	sa_counted(&sa_out_of(peer())->lane[5].count, 10);
	sa_counted(&sa_in_of(peer(), 3)->lane[0].count, 20);
	sa_counted(&sa_in_of(peer(), 4)->lane[127].count, 30);
	while ((ret = sa_next(sa, &cursor, &info)) >= 0) {
		if (ret == 0) {
			empty++;
			continue;
		}
		found++;
		assert_int_equal(info.node, 2);
		assert_int_equal(info.outbound, info.count.octets == 10);
		assert_int_equal(info.worker, info.count.octets == 10   ? 2
					      : info.count.octets == 20 ? 0
									: 63);
		assert_int_equal(info.relayed, info.count.octets != 20);
	}
	assert_int_equal(found, 3);
	assert_true(empty > 0 && empty < 10); /* peers that are not there cost nothing */
}

/* What an ICMPv6 error has to quote to be believed. */
static void test_was_sent(void **state)
{
	uint32_t spi = sa_spi(1, 2, true, 7);
	struct esp_out *e;

	(void)state;
	assert_false(sa_was_sent(sa, 2, spi, 1)); /* nothing is sealed yet */
	assert_int_equal(set_out(7), 0);
	e = &sa_out_of(peer())->lane[5].esp;
	assert_false(sa_was_sent(sa, 2, spi, 0));
	assert_false(sa_was_sent(sa, 2, spi, 1));
	e->last = 3;
	assert_false(sa_was_sent(sa, 2, spi, 0));
	assert_true(sa_was_sent(sa, 2, spi, 1));
	assert_true(sa_was_sent(sa, 2, spi, 3));
	assert_false(sa_was_sent(sa, 2, spi, 4));
	assert_false(sa_was_sent(sa, 2, spi, UINT32_MAX));
	assert_false(sa_was_sent(sa, 2, spi ^ 1, 3)); /* another generation, */
	assert_false(sa_was_sent(sa, 2, spi ^ 1 << 17, 3)); /* lane, */
	assert_false(sa_was_sent(sa, 2, sa_spi(1, 63, true, 7), 3)); /* one that there is not, */
	assert_false(sa_was_sent(sa, 2, sa_spi(2, 2, true, 7), 3)); /* sender, */
	assert_false(sa_was_sent(sa, 3, spi, 3)); /* peer */
	e->last = (1ULL << 32) + 5;
	assert_true(sa_was_sent(sa, 2, spi, 5));
	assert_true(sa_was_sent(sa, 2, spi, UINT32_MAX));
	assert_true(sa_was_sent(sa, 2, spi, 5 - 65535));
	assert_false(sa_was_sent(sa, 2, spi, 5 - 65536));
	assert_false(sa_was_sent(sa, 2, spi, 6));
}

static void test_clear(void **state)
{
	struct ip6_addr a = addr("2001:db8::2");

	(void)state;
	end(NULL);
	make(16, true);
	assert_int_equal(sa_add_peer(sa, 2, &a), 0);
	assert_null(sa_out_of(peer())->key);
	assert_non_null(sa_in_of(peer(), 0));
	assert_null(sa_in_of(peer(), 0)->key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spi),
		cmocka_unit_test_setup_teardown(test_sizes, begin, end),
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_addresses, begin, end),
		cmocka_unit_test_setup_teardown(test_inbound, begin, end),
		cmocka_unit_test_setup_teardown(test_full, begin, end),
		cmocka_unit_test_setup_teardown(test_counts, begin, end),
		cmocka_unit_test_setup_teardown(test_next, begin, end),
		cmocka_unit_test_setup_teardown(test_was_sent, begin, end),
		cmocka_unit_test_setup_teardown(test_clear, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
