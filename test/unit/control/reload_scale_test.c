/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reload over a million bindings, with all subscribers staying and with all of them gone: how much
 * is done in each of control's slices, which is exact, and how long they take. Their mean has a tenth
 * of the bound to go; which single ones are too long depends on who else is busy, so that is looked
 * at only where somebody asks (HAMD_TIMES, scripts/soak).
 */
#include "test.h"

#include <time.h>

#include <rte_rcu_qsbr.h>

#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "control/mip6/mip6_priv.h"
#include "records/records.h"
#include "records/subs.h"
#include "tables/bc.h"
#include "tables/dq.h"
#include "tables/fib.h"
#include "tables/tables.h"

#ifndef N
#define N 1000000 /* fewer under sanitizers, which take ten times as long */
#endif
#define DQ_SIZE        4096
#define FREES_PER_TURN 64 /* ctl.c's */
#define SLICE_MS       1.0 /* bound; what it is is printed */
#define ONE_IN         1000 /* may take longer: interrupts for others are counted as ours */

static struct {
	struct ctl ctl;
	struct conf conf;
	struct conf_domain domain;
	struct tables tables;
} t;

static struct ip6_addr node(uint32_t i)
{
	return (struct ip6_addr){ { 0x20, 0x01, 0x0d, 0xb8, 0,
		0x0a, [13] = (uint8_t)(i >> 16), [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i } };
}

/* The thread's own: whoever else wants the processor is no fault of ours. */
static double cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static struct subs *new_set(uint32_t n)
{
	struct subs_opts opts = { .max = N, .domains = 1, .seed = 7 };
	struct sub sub = { .lifetime_max_s = 600, .key = SUB_NO_KEY };
	struct sub_place there;
	struct subs *s;

	assert_int_equal(subs_new(&opts, &s), 0);
	for (uint32_t i = 0; i < n; i++) {
		struct ip6_addr hoa = node(i);

		assert_int_equal(
			subs_add(s, &hoa, &sub, (struct sub_place){ SUB_LINE, i }, &there), 0);
	}
	subs_seal(s);
	return s;
}

static int setup(void **state)
{
	size_t rcu_bytes = rte_rcu_qsbr_get_memsize(1);
	struct bc_opts bc_opts = { .max = N, .seed = 1 };
	struct records_opts rs_opts = { .max = N, .seed = 2 };
	struct fib_opts fib_opts = { .max_routes = 16 };

	(void)state;
	t.tables.rcu = aligned_alloc(64, (rcu_bytes + 63) & ~63ul);
	assert_int_equal(rte_rcu_qsbr_init(t.tables.rcu, 1), 0);
	assert_int_equal(dq_new(t.tables.rcu, DQ_SIZE, &t.tables.dq), 0);
	assert_int_equal(bc_new(&bc_opts, t.tables.dq, &t.tables.bc), 0);
	assert_int_equal(fib_new(&fib_opts, t.tables.dq, &t.tables.fib), 0);
	assert_int_equal(records_new(&rs_opts, &t.ctl.records), 0);
	t.conf.domains = &t.domain;
	t.conf.domain_count = 1;
	t.conf.runtime.max_bindings = N;
	t.ctl.conf = &t.conf;
	t.ctl.t = &t.tables;
	assert_int_equal(mip6_new(&t.ctl, &t.ctl.mip6), 0);
	for (uint32_t i = 0; i < N; i++) {
		struct bc_binding b = { .hoa = node(i), .coa = node(~i) };
		struct record *r = records_add(t.ctl.records, 0, &b.hoa);

		assert_non_null(r);
		records_set(t.ctl.records, r, RECORD_LIVE, &b.coa, 3600000);
		b.record = r->handle;
		assert_int_equal(bc_publish(t.tables.bc, &b), 0);
	}
	t.ctl.subs = new_set(N);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mip6_free(t.ctl.mip6);
	subs_free(t.ctl.subs);
	records_free(t.ctl.records);
	bc_free(t.tables.bc);
	fib_free(t.tables.fib);
	dq_free(t.tables.dq);
	free(t.tables.rcu);
	return 0;
}

static void reload_to(uint32_t subscribers, const char *what)
{
	struct ctl_update u = { .subs = new_set(subscribers), .json = "{}" };
	double longest = 0, total = 0;
	unsigned slices = 0, slow = 0, most = 0;

	ctl_update(&t.ctl, &u);
	while (!ctl_is_updated(&t.ctl)) {
		uint32_t seen = t.ctl.updating ? t.ctl.update_cursor : 0, ended = u.ended;
		double start = cpu_ms(), took;
		unsigned work;

		assert_true(subscribers_run(&t.ctl));
		took = cpu_ms() - start;
		/* nothing is missing between two records: the cursor counts them */
		work = t.ctl.update_cursor - seen + MIP6_STRANGERS_END * (u.ended - ended);
		most = work > most ? work : most;
		total += took;
		longest = took > longest ? took : longest;
		slow += took >= SLICE_MS;
		slices++;
		rte_rcu_qsbr_quiescent(t.tables.rcu, 0);
		dq_run(t.tables.dq, FREES_PER_TURN);
	}
	subs_free(u.subs);
	printf("%u bindings, %s: %u slices, most work %u, longest %.3f ms, %u of 1 ms and more, "
	       "%.0f ms in all, %u ended\n",
		N, what, slices, most, longest, slow, total, u.ended);
	assert_int_equal(u.ended, N - subscribers);
	assert_int_equal(records_live(t.ctl.records), subscribers);
	assert_int_equal(bc_count(t.tables.bc), subscribers);
	/* the last record of a slice may be one that ends */
	assert_true(most <= MIP6_STRANGERS_COST + MIP6_STRANGERS_END);
	if (N < 1000000) /* sanitizers' time is their own */
		return;
	assert_true(total / slices < SLICE_MS);
	if (getenv("HAMD_TIMES") != NULL)
		assert_true(slow <= slices / ONE_IN);
}

static void test_reload(void **state)
{
	(void)state;
	reload_to(N, "all stay");
	reload_to(0, "all go");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reload),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
