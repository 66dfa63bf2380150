/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring against a plain list of records, and a writer and a reader at the same time; under the
 * thread sanitizer the latter is the proof of the memory orders. */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#include "common/bring.h"
#include "rng.h"

#define OCTETS 1024

static void test_sizes(void **state)
{
	static const uint32_t bad[] = { 0, 32, 63, 65, 1000, UINT32_MAX };
	struct bring *r = NULL;

	(void)state;
	for (size_t i = 0; i < DIM(bad); i++)
		assert_int_equal(bring_new(bad[i], &r), -EINVAL);
	assert_int_equal(bring_new(64, &r), 0);
	bring_free(r);
	bring_free(NULL);
}

static void write_one(struct bring *r, const char *text)
{
	char *p = bring_prepare(r, (uint32_t)strlen(text));

	assert_non_null(p);
	memcpy(p, text, strlen(text));
	bring_publish(r, bring_at(r));
}

static void read_one(struct bring *r, const char *text)
{
	uint32_t len;
	const void *p = bring_peek(r, &len);

	assert_non_null(p);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(p, text, len);
	bring_drop(r);
}

static void test_order(void **state)
{
	struct bring *r;
	uint32_t len;

	(void)state;
	assert_int_equal(bring_new(64, &r), 0);
	assert_null(bring_peek(r, &len));
	for (unsigned i = 0; i < 100; i++) { /* at every place of the ring */
		write_one(r, "one");
		write_one(r, i % 2 == 0 ? "" : "twelve octet");
		read_one(r, "one");
		read_one(r, i % 2 == 0 ? "" : "twelve octet");
		assert_null(bring_peek(r, &len));
	}
	assert_int_equal(bring_lost(r), 0);
	bring_free(r);
}

static void test_full(void **state)
{
	struct bring *r;

	(void)state;
	assert_int_equal(bring_new(64, &r), 0);
	assert_null(bring_prepare(r, 25)); /* more than half */
	for (unsigned i = 0; i < 4; i++)
		write_one(r, "eight   ");
	assert_null(bring_prepare(r, 0));
	assert_int_equal(bring_lost(r), 2);
	bring_count_lost(r, 5);
	assert_int_equal(bring_lost(r), 7);
	read_one(r, "eight   ");
	write_one(r, "room    ");
	for (unsigned i = 0; i < 3; i++)
		read_one(r, "eight   ");
	read_one(r, "room    ");
	bring_free(r);
}

static void test_publish_some(void **state)
{
	struct bring *r;
	uint32_t len;
	uint64_t at;

	(void)state;
	assert_int_equal(bring_new(64, &r), 0);
	memcpy(bring_prepare(r, 3), "one", 3);
	at = bring_at(r);
	memcpy(bring_prepare(r, 3), "two", 3);
	assert_null(bring_peek(r, &len)); /* nothing is published */
	bring_publish(r, at);
	write_one(r, "three");
	read_one(r, "one");
	read_one(r, "three");
	assert_null(bring_peek(r, &len));
	bring_free(r);
}

/* What was published is not taken back, read or not. */
static void test_publish_older(void **state)
{
	struct bring *r;
	uint32_t len;
	uint64_t at;

	(void)state;
	assert_int_equal(bring_new(64, &r), 0);
	for (unsigned i = 0; i < 100; i++) { /* at every place of the ring */
		at = bring_at(r);
		write_one(r, "one");
		memcpy(bring_prepare(r, 3), "two", 3);
		bring_publish(r, at); /* from before `one` */
		if (i % 2 == 0) {
			read_one(r, "one");
			bring_publish(r, at);
			assert_null(bring_peek(r, &len));
			assert_int_equal(bring_at(r), at + 16);
		}
		write_one(r, "three");
		if (i % 2 != 0)
			read_one(r, "one");
		read_one(r, "three");
		assert_null(bring_peek(r, &len));
	}
	assert_int_equal(bring_lost(r), 0);
	bring_free(r);
}

/* --- the model --- */

struct twin {
	uint8_t rec[OCTETS][OCTETS / 2];
	uint32_t len[OCTETS];
	uint32_t head, tail; /* records published, records read */
	uint64_t lost;
};

static struct twin twin;

/* A few records are prepared, the first of them published. */
static void model_write(struct bring *r, uint64_t *seed)
{
	uint32_t n = (uint32_t)rng_below(seed, 4), keep = (uint32_t)rng_below(seed, n + 1), put = 0;
	uint64_t at = bring_at(r);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t len = (uint32_t)rng_below(seed, rng_below(seed, 8) == 0 ? 600 : 100);
		uint8_t *p = bring_prepare(r, len);
		uint32_t slot = (twin.head + put) % OCTETS;

		if (p == NULL) {
			twin.lost++;
			continue;
		}
		if (put == keep)
			memset(p, 0xee, len); /* never to be seen */
		if (put >= keep)
			continue;
		rng_fill(seed, p, len);
		memcpy(twin.rec[slot], p, len);
		twin.len[slot] = len;
		put++;
		at = bring_at(r);
	}
	bring_publish(r, at);
	twin.head += put;
}

static void model_read(struct bring *r)
{
	uint32_t slot = twin.tail % OCTETS, len;
	const void *p = bring_peek(r, &len);

	if (twin.tail == twin.head) {
		assert_null(p);
		return;
	}
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 8, 0);
	assert_int_equal(len, twin.len[slot]);
	assert_memory_equal(p, twin.rec[slot], len);
	bring_drop(r);
	twin.tail++;
}

static void test_model(void **state)
{
	uint64_t seed = rng_start("bring");
	struct bring *r;

	(void)state;
	assert_int_equal(bring_new(OCTETS, &r), 0);
	for (unsigned i = 0; i < 200000; i++) {
		if (rng_below(&seed, 2) == 0)
			model_write(r, &seed);
		else
			model_read(r);
		assert_int_equal(bring_lost(r), twin.lost);
	}
	while (twin.tail != twin.head)
		model_read(r);
	model_read(r);
	bring_free(r);
}

/* --- two threads --- */

#define RECORDS 200000

static void *writer(void *arg)
{
	struct bring *r = arg;
	uint64_t seed = 1;

	for (uint64_t i = 0; i < RECORDS; i++) {
		uint32_t n = 1 + (uint32_t)rng_below(&seed, 20);
		uint64_t *p = bring_prepare(r, n * sizeof(*p));

		if (p == NULL) {
			sched_yield();
			continue;
		}
		for (uint32_t k = 0; k < n; k++)
			p[k] = i * 32 + k;
		bring_publish(r, bring_at(r));
	}
	return NULL;
}

static void test_threads(void **state)
{
	uint64_t got = 0, before = 0;
	pthread_t thread;
	struct bring *r;
	bool ended = false;

	(void)state;
	assert_int_equal(bring_new(OCTETS, &r), 0);
	assert_int_equal(pthread_create(&thread, NULL, writer, r), 0);
	for (;;) {
		uint32_t len;
		const uint64_t *p = bring_peek(r, &len);

		if (p == NULL && ended)
			break;
		if (p == NULL) {
			/* what was written before the end is there for sure after it */
			ended = got + bring_lost(r) == RECORDS;
			sched_yield();
			continue;
		}
		assert_true(got == 0 || p[0] > before); /* in order */
		for (uint32_t k = 0; k < len / sizeof(*p); k++)
			assert_int_equal(p[k], p[0] + k);
		before = p[0];
		got++;
		bring_drop(r);
	}
	pthread_join(thread, NULL);
	assert_true(got > 0);
	assert_int_equal(got + bring_lost(r), RECORDS);
	bring_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_publish_some),
		cmocka_unit_test(test_publish_older),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
