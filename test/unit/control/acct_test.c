/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions and their events over real records and a real binding cache. Workers are this test: it
 * counts in entries and reports, or does not.
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <rte_rcu_qsbr.h>
#include <sched.h>
#include <time.h>

#include "../tables/readers.h"
#include "common/ntp.h"
#include "conf/conf.h"
#include "control/ctl_priv.h"
#include "records/records.h"
#include "records/subs.h"
#include "tables/bc.h"
#include "tables/bc_view.h"
#include "tables/dq.h"
#include "tables/tables.h"

#define START_MS   1000000
#define START_NTP  ntp_from_unix(1700000000, 0)
#define SITE       7
#define MAX        40000
#define DQ_SIZE    1024
#define RING       16383 /* what fits */
#define INTERIM_S  100
#define INTERIM_MS (1000 * INTERIM_S)
#define PER_TURN   64

static struct {
	struct ctl ctl;
	struct conf conf;
	struct conf_domain domains[2];
	struct tables tables;
	char nai[ACCT_NAI_MAX];
	char file[8];
} t;

static struct acct_event got[2 * RING];
static uint32_t got_n;

/* Who may register is others' business: one of them has an identifier. */
const struct sub *ctl_subscriber(const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa)
{
	static struct sub sub;
	struct ip6_addr one = addr("2001:db8:a::1");

	(void)ctl;
	sub.nai = t.nai;
	return domain == 0 && ip6_eq(hoa, &one) ? &sub : NULL;
}

const struct sub *ctl_former_subscriber(
	const struct ctl *ctl, uint16_t domain, const struct ip6_addr *hoa)
{
	(void)ctl;
	(void)domain;
	(void)hoa;
	return NULL;
}

static int setup(void **state)
{
	const struct records_opts opts = { .max = MAX, .seed = 1, .now_ms = START_MS };

	(void)state;
	memset(&t, 0, sizeof(t));
	memset(t.nai, 'n', sizeof(t.nai) - 1);
	snprintf(t.domains[0].name, CONF_NAME_MAX, "msp1");
	snprintf(t.domains[1].name, CONF_NAME_MAX, "the-longest-name-a-domain-can-h");
	t.conf.domains = t.domains;
	t.conf.domain_count = 2;
	t.conf.node.id = SITE;
	t.conf.accounting = (struct conf_accounting){ .file = t.file, .interim_s = INTERIM_S };
	t.tables.rcu = readers_new(1);
	assert_int_equal(dq_new(t.tables.rcu, DQ_SIZE, &t.tables.dq), 0);
	assert_int_equal(
		bc_new(&(struct bc_opts){ .max = MAX, .seed = 1 }, t.tables.dq, &t.tables.bc), 0);
	t.ctl = (struct ctl){
		.conf = &t.conf, .t = &t.tables, .now_ms = START_MS, .ntp = START_NTP, .seed = 42
	};
	assert_int_equal(records_new(&opts, &t.ctl.records), 0);
	assert_int_equal(acct_new(&t.ctl, &t.ctl.acct), 0);
	got_n = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	acct_free(&t.ctl, t.ctl.acct);
	records_free(t.ctl.records);
	bc_free(t.tables.bc);
	dq_free(t.tables.dq);
	free(t.tables.rcu);
	return 0;
}

/* --- what control does --- */

static struct ip6_addr hoa_of(uint32_t i)
{
	struct ip6_addr a = addr("2001:db8:a::");

	a.b[13] = (uint8_t)(i >> 16);
	a.b[14] = (uint8_t)(i >> 8);
	a.b[15] = (uint8_t)i;
	return a;
}

static const struct bc_entry *entry(const struct record *r)
{
	const struct bc_entry *e = bc_find(t.tables.bc, &r->hoa);

	assert_non_null(e);
	return e;
}

static void set(struct record *r, const char *coa_text)
{
	struct ip6_addr coa = addr(coa_text);
	const struct bc_binding b = { .hoa = r->hoa, .coa = coa, .record = r->handle };

	assert_int_equal(bc_publish(t.tables.bc, &b), 0);
	records_set(t.ctl.records, r, RECORD_LIVE, &coa, t.ctl.now_ms + 600000);
}

static struct record *bind_node(uint32_t i)
{
	struct ip6_addr hoa = hoa_of(i);
	struct record *r = records_add(t.ctl.records, 0, &hoa);

	assert_non_null(r);
	r->since_ms = t.ctl.now_ms;
	r->lifetime_s = 600;
	set(r, "2001:db8:c::1");
	acct_start(&t.ctl, r, ACCT_CAUSE_REGISTERED);
	return r;
}

static void end(struct record *r)
{
	assert_int_equal(unpublish(&t.ctl, r, ACCT_CAUSE_EXPIRED), 0);
	records_del(t.ctl.records, r);
}

static void pass(uint64_t ms)
{
	t.ctl.now_ms += ms;
	t.ctl.ntp += ms * NTP_SECOND / 1000;
}

static void grace(void)
{
	rte_rcu_qsbr_quiescent(t.tables.rcu, 0);
	dq_run(t.tables.dq, UINT32_MAX);
}

/* The turns of some time; returns how many found something. Sorting timers in is bounded too, so
 * that a turn without an interim may not be the last. */
static unsigned run(unsigned turns)
{
	unsigned busy = 0;

	for (unsigned i = 0; i < turns; i++)
		busy += acct_run(&t.ctl);
	return busy;
}

static uint32_t take(void)
{
	got_n = acct_take(t.ctl.acct, got, DIM(got));
	return got_n;
}

static void count(const struct bc_entry *e, uint64_t n)
{
	bc_count_to(e, n, 10 * n);
	bc_count_from(e, 2 * n, 3 * n);
}

static void assert_event(const struct acct_event *e, enum acct_type type, enum acct_cause cause,
	uint64_t seq, uint64_t session)
{
	assert_int_equal(e->type, type);
	assert_int_equal(e->cause, cause);
	assert_int_equal(e->seq, seq);
	assert_true(e->session == session);
}

static void assert_counts(const struct acct_event *e, uint64_t n)
{
	assert_int_equal(e->packets_to, n);
	assert_int_equal(e->bytes_to, 10 * n);
	assert_int_equal(e->packets_from, 2 * n);
	assert_int_equal(e->bytes_from, 3 * n);
}

/* --- tests --- */

static void test_life(void **state)
{
	struct ip6_addr hoa = hoa_of(1), coa = addr("2001:db8:c::1"), coa2 = addr("2001:db8:d::1");
	const struct bc_entry *old;
	uint64_t session;
	struct record *r;

	(void)state;
	acct_run(&t.ctl);
	r = bind_node(1);
	session = r->session;
	assert_int_equal(session >> 56, SITE);
	assert_int_equal(session >> 24 & 0xffffffff, START_NTP >> 32);
	old = entry(r);
	count(old, 5);
	pass(1500);
	set(r, "2001:db8:d::1");
	acct_move(&t.ctl, r, &coa);
	count(old, 1); /* by a worker that has not looked again */
	count(entry(r), 1);
	assert_int_equal(take(), 3);
	assert_event(&got[0], ACCT_ON, ACCT_CAUSE_NONE, 1, 0);
	assert_event(&got[1], ACCT_START, ACCT_CAUSE_REGISTERED, 2, session);
	assert_true(got[1].time == START_NTP);
	assert_true(ip6_eq(&got[1].hoa, &hoa) && ip6_eq(&got[1].coa, &coa));
	assert_int_equal(got[1].lifetime_s, 600);
	assert_string_equal(got[1].domain, "msp1");
	assert_string_equal(got[1].nai, t.nai);
	assert_int_equal(got[1].duration_ms, 0);
	assert_counts(&got[1], 0);
	assert_event(&got[2], ACCT_MOVE, ACCT_CAUSE_NONE, 3, session);
	assert_int_equal(got[2].duration_ms, 1500);
	assert_true(ip6_eq(&got[2].coa, &coa2) && ip6_eq(&got[2].old_coa, &coa));
	assert_counts(&got[2], 5);

	/* The stop has the time of the end, and what was in flight. */
	pass(2000);
	old = entry(r);
	end(r);
	pass(50);
	count(old, 1);
	dq_run(t.tables.dq, UINT32_MAX);
	assert_int_equal(take(), 0);
	r = bind_node(1);
	assert_true(r->session != session);
	grace();
	assert_int_equal(take(), 2);
	assert_event(&got[0], ACCT_START, ACCT_CAUSE_REGISTERED, 4, r->session);
	assert_counts(&got[0], 0);
	assert_event(&got[1], ACCT_STOP, ACCT_CAUSE_EXPIRED, 5, session);
	assert_int_equal(got[1].duration_ms, 3500);
	assert_true(got[1].time < got[0].time);
	assert_counts(&got[1], 8);
	assert_int_equal(got[1].lost, 0);
}

/* Of a binding that was registered at another site. */
static struct record *hear_node(uint32_t i)
{
	struct ip6_addr hoa = hoa_of(i);
	struct record *r = records_add(t.ctl.records, 0, &hoa);

	r->since_ms = t.ctl.now_ms;
	r->lifetime_s = 600;
	r->session = 4711; /* of an earlier one with this number */
	set(r, "2001:db8:c::1");
	acct_hear(&t.ctl, r);
	return r;
}

/* Other sites' bindings are told of when they carry packets here, whole. */
static void test_heard(void **state)
{
	struct record *idle, *used, *brief, *moved;
	struct ip6_addr coa = addr("2001:db8:c::1");
	struct acct_status status;

	(void)state;
	acct_run(&t.ctl);
	idle = hear_node(1);
	used = hear_node(2);
	brief = hear_node(3);
	moved = hear_node(4);
	assert_int_equal(take(), 1); /* ON */
	for (unsigned i = 0; i < 300; i++) {
		pass(INTERIM_MS / 100);
		run(4);
	}
	assert_int_equal(take(), 0);
	assert_int_equal(idle->session, 0);

	/* a mobile node comes here by itself */
	set(moved, "2001:db8:d::1");
	acct_move(&t.ctl, moved, &coa);
	assert_int_equal(take(), 1);
	assert_event(&got[0], ACCT_START, ACCT_CAUSE_REGISTERED, 2, moved->session);
	assert_int_equal(moved->session >> 56, SITE);
	end(moved);

	count(entry(used), 5);
	for (unsigned i = 0; i < 101; i++) {
		pass(INTERIM_MS / 100);
		run(4);
	}
	assert_int_equal(take(), 2);
	assert_event(&got[0], ACCT_START, ACCT_CAUSE_HEARD, 3, used->session);
	assert_counts(&got[0], 0);
	assert_event(&got[1], ACCT_INTERIM, ACCT_CAUSE_NONE, 4, used->session);
	assert_counts(&got[1], 5);
	acct_status(&t.ctl, &status);
	assert_int_equal(status.sessions, 1);

	/* one that nobody has looked at yet */
	count(entry(brief), 7);
	end(brief);
	end(idle);
	end(used);
	grace();
	assert_int_equal(take(), 4);
	assert_event(&got[0], ACCT_STOP, ACCT_CAUSE_EXPIRED, 5, got[0].session); /* moved */
	assert_event(&got[1], ACCT_START, ACCT_CAUSE_HEARD, 6, got[2].session);
	assert_counts(&got[1], 0);
	assert_event(&got[2], ACCT_STOP, ACCT_CAUSE_EXPIRED, 7, got[1].session);
	assert_counts(&got[2], 7);
	assert_event(&got[3], ACCT_STOP, ACCT_CAUSE_EXPIRED, 8, got[3].session); /* used */
	acct_status(&t.ctl, &status);
	assert_int_equal(status.sessions, 0);
}

static void test_heard_until_the_end(void **state)
{
	struct record *used;

	(void)state;
	acct_run(&t.ctl);
	hear_node(1);
	used = hear_node(2);
	count(entry(used), 3);
	acct_finish(&t.ctl);
	assert_int_equal(take(), 4);
	assert_event(&got[1], ACCT_START, ACCT_CAUSE_HEARD, 2, used->session);
	assert_event(&got[2], ACCT_STOP, ACCT_CAUSE_SHUTDOWN, 3, used->session);
	assert_counts(&got[2], 3);
}

/* From the store, in a mesh: one without a number begins when it is in use, as it would have. */
static void test_resumed_in_a_mesh(void **state)
{
	struct record *idle, *used, *known;

	(void)state;
	acct_run(&t.ctl);
	idle = hear_node(1);
	used = hear_node(2);
	known = hear_node(3);
	known->session = 5;
	t.ctl.mesh = (struct mesh *)&t; /* there is one */
	acct_resume(&t.ctl, idle);
	acct_resume(&t.ctl, used);
	acct_resume(&t.ctl, known);
	t.ctl.mesh = NULL;
	assert_int_equal(idle->session, 0);
	assert_int_equal(used->session, 0);
	count(entry(used), 5);
	end(known);
	for (unsigned i = 0; i < 101; i++) {
		pass(INTERIM_MS / 100);
		run(4);
	}
	assert_int_equal(take(), 3);
	assert_event(&got[1], ACCT_START, ACCT_CAUSE_HEARD, 2, used->session);
	assert_event(&got[2], ACCT_INTERIM, ACCT_CAUSE_NONE, 3, used->session);
	assert_counts(&got[2], 5);
	grace();
	assert_int_equal(take(), 1);
	assert_event(&got[0], ACCT_STOP, ACCT_CAUSE_EXPIRED, 4, 5);
}

static void test_names(void **state)
{
	struct ip6_addr hoa = hoa_of(2);
	struct record *r = records_add(t.ctl.records, 1, &hoa);

	(void)state;
	set(r, "2001:db8:c::1");
	acct_start(&t.ctl, r, ACCT_CAUSE_REGISTERED);
	assert_int_equal(take(), 1);
	assert_string_equal(got[0].domain, "the-longest-name-a-domain-can-h");
	assert_string_equal(got[0].nai, "");
	for (enum acct_type i = 0; i < ACCT_TYPE_COUNT; i++)
		assert_true(acct_type_name(i)[0] != '\0');
	for (enum acct_cause i = 1; i < ACCT_CAUSE_COUNT; i++)
		assert_true(acct_cause_name(i)[0] != '\0');
}

static int by_session(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Sessions that began together are told of all over the interval, each every interval. */
static void test_interims_spread(void **state)
{
	enum { N = 5000, TENTHS = 10 };
	static uint64_t last[N + 1];
	uint32_t tenth[TENTHS] = { 0 }, told = 0;
	static uint64_t sessions[N];

	(void)state;
	acct_run(&t.ctl);
	for (uint32_t i = 1; i <= N; i++)
		sessions[i - 1] = bind_node(i)->session;
	qsort(sessions, N, sizeof(sessions[0]), by_session);
	for (uint32_t i = 1; i < N; i++)
		assert_true(sessions[i] != sessions[i - 1]);
	assert_int_equal(take(), N + 1);
	for (uint64_t ms = 0; ms < 3 * INTERIM_MS; ms += 10) {
		pass(10);
		run(20);
		take();
		for (uint32_t i = 0; i < got_n; i++) {
			uint32_t n = (uint32_t)got[i].hoa.b[14] << 8 | got[i].hoa.b[15];

			assert_int_equal(got[i].type, ACCT_INTERIM);
			if (last[n] == 0)
				tenth[ms * TENTHS / INTERIM_MS]++;
			else
				assert_in_range(got[i].duration_ms, last[n] + INTERIM_MS - 10,
					last[n] + INTERIM_MS + 10);
			last[n] = got[i].duration_ms;
			told++;
		}
	}
	assert_int_equal(told, 3 * N);
	for (uint32_t i = 0; i < TENTHS; i++)
		assert_in_range(tenth[i], N / TENTHS * 8 / 10, N / TENTHS * 12 / 10);
}

/* Nobody takes events: interims wait at half of the ring, what cannot wait has the other half,
 * what does not fit is counted and leaves a gap; and all is well again. */
static void test_ring_full(void **state)
{
	enum { N = 10000 };
	struct acct_status status;
	uint64_t told = 0, lost;
	struct record *r;

	(void)state;
	for (uint32_t i = 1; i <= N; i++)
		bind_node(i);
	take();
	pass(INTERIM_MS);
	assert_true(run(1000) >= RING / 2 / PER_TURN);
	assert_true(acct_status(&t.ctl, &status));
	assert_int_equal(status.queued, RING / 2);
	assert_int_equal(status.queue_size, RING);
	assert_int_equal(status.sessions, N);
	for (uint32_t i = N + 1; i <= 2 * N; i++)
		bind_node(i);
	lost = N - (RING - RING / 2);
	acct_status(&t.ctl, &status);
	assert_int_equal(status.lost, lost);
	assert_int_equal(t.ctl.counters[CTL_ACCT_LOST], lost);
	assert_int_equal(take(), RING);
	for (uint32_t i = 1; i < got_n; i++)
		assert_int_equal(got[i].seq, got[i - 1].seq + 1);
	r = bind_node(2 * N + 1);
	assert_int_equal(got[RING - 1].lost, 0);
	lost += got[RING - 1].seq;
	assert_int_equal(take(), 1);
	assert_event(&got[0], ACCT_START, ACCT_CAUSE_REGISTERED, lost + 1, r->session);
	assert_int_equal(got[0].lost, N - (RING - RING / 2));
	/* the interims that waited come, each once; a late one does not shift the next */
	for (uint32_t i = 0; i < 1000; i++) {
		uint32_t n;

		run(1);
		n = take();
		assert_true(n <= PER_TURN);
		told += n;
	}
	assert_int_equal(told, N - RING / 2 + 1); /* ON was one of the half */
}

/* A session that is over is told of no more, and its place may be another's. */
static void test_no_interim_after_stop(void **state)
{
	struct record *r = bind_node(1);
	uint64_t first = r->session, second;
	uint32_t handle = r->handle;

	(void)state;
	end(r);
	grace();
	pass(INTERIM_MS);
	run(10);
	assert_int_equal(take(), 3); /* START, STOP, ON */
	r = bind_node(2);
	assert_int_equal(r->handle, handle);
	second = r->session;
	take();
	pass(INTERIM_MS);
	run(10);
	assert_int_equal(take(), 1);
	assert_int_equal(got[0].type, ACCT_INTERIM);
	assert_true(got[0].session == second && second != first);
}

struct reader {
	pthread_t thread;
	_Atomic bool stop;
	uint32_t stops, off;
	uint64_t packets;
};

static void *reader_main(void *arg)
{
	static struct acct_event e[64];
	struct reader *rd = arg;
	bool last = false;

	while (!last) {
		bool stop = rd->stop; /* read before the ring: no event follows it */
		uint32_t n = acct_take(t.ctl.acct, e, DIM(e));

		last = stop && n == 0;
		for (uint32_t i = 0; i < n; i++) {
			rd->stops += e[i].type == ACCT_STOP;
			rd->off += e[i].type == ACCT_OFF;
			rd->packets += e[i].packets_to;
		}
		sched_yield();
	}
	return NULL;
}

/* More sessions than the ring holds, two of them stopped just before, of one the record is there
 * still; all are told, and each once. */
static void test_finish(void **state)
{
	enum { N = 20000 };
	struct reader rd = { 0 };
	struct acct_status status;

	(void)state;
	for (uint32_t i = 1; i <= N; i++) {
		count(entry(bind_node(i)), 1);
		if (i % RING == 0)
			take();
	}
	run(1);
	take();
	end(records_at(t.ctl.records, 1));
	assert_int_equal(unpublish(&t.ctl, records_at(t.ctl.records, 2), ACCT_CAUSE_EXPIRED), 0);
	assert_int_equal(pthread_create(&rd.thread, NULL, reader_main, &rd), 0);
	acct_finish(&t.ctl);
	rd.stop = true;
	pthread_join(rd.thread, NULL);
	assert_int_equal(rd.stops, N);
	assert_int_equal(rd.off, 1);
	assert_int_equal(rd.packets, N);
	acct_status(&t.ctl, &status);
	assert_int_equal(status.lost, 0);
}

/* Nobody takes them: it ends all the same, soon, and says what is lost. */
static void test_finish_stuck(void **state)
{
	enum { N = 20000 };
	struct acct_status status;
	struct timespec begin, now;

	(void)state;
	for (uint32_t i = 1; i <= N; i++) {
		bind_node(i);
		if (i % RING == 0)
			take();
	}
	acct_finish(&t.ctl); /* it has not begun: nothing to say */
	assert_int_equal(take(), N % RING);
	run(1);
	take();
	clock_gettime(CLOCK_MONOTONIC, &begin);
	acct_finish(&t.ctl);
	clock_gettime(CLOCK_MONOTONIC, &now);
	assert_in_range(now.tv_sec - begin.tv_sec, 1, 20);
	acct_status(&t.ctl, &status);
	assert_int_equal(status.lost, N + 1 - RING);
}

static void test_report(void **state)
{
	const struct acct_report r = {
		.lines = 1, .bytes = 2, .lost = 3, .waiting = 4, .blocked = true
	};
	struct acct_status status;

	(void)state;
	acct_report(t.ctl.acct, &r);
	assert_true(acct_status(&t.ctl, &status));
	assert_int_equal(status.host.lines, 1);
	assert_int_equal(status.host.bytes, 2);
	assert_int_equal(status.host.waiting, 4);
	assert_true(status.host.blocked);
	assert_int_equal(status.lost, 3);
}

/* Without accounting the calls do nothing. */
static void test_off(void **state)
{
	struct acct *a = t.ctl.acct;
	struct acct_status status;
	struct record *r;

	(void)state;
	bc_on_final(t.tables.bc, NULL, NULL);
	t.ctl.acct = NULL;
	r = bind_node(1);
	assert_int_equal(r->session, 0);
	acct_move(&t.ctl, r, &r->hoa);
	end(r);
	grace();
	acct_finish(&t.ctl);
	assert_false(acct_status(&t.ctl, &status));
	t.ctl.acct = a;
	assert_int_equal(take(), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_life),
		TEST(test_heard),
		TEST(test_heard_until_the_end),
		TEST(test_resumed_in_a_mesh),
		TEST(test_names),
		TEST(test_interims_spread),
		TEST(test_ring_full),
		TEST(test_no_interim_after_stop),
		TEST(test_finish),
		TEST(test_finish_stuck),
		TEST(test_report),
		TEST(test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
