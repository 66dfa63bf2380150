/* SPDX-License-Identifier: BSD-3-Clause */
/* A million lines with a key each: how long reading, checking and comparing takes, and the memory
 * that the documents promise. */
#include "test.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "host/subscribers.h"
#include "records/subs.h"

#ifndef N
#define N 1000000 /* fewer under sanitizers, which take ten times as long */
#endif
#define OCTETS_A_SUBSCRIBER 200 /* bounds; what it is is printed */
#define SECONDS             5

static char file[] = "/tmp/hamd-subscribers-XXXXXX";
static struct conf *conf;

/* The process's own: what else the machine does is no fault of ours. */
static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* One of 97 lines differs with `version`, one of 101 is missing in the second. */
static void write_file(unsigned version)
{
	FILE *f = fopen(file, "we");

	assert_non_null(f);
	for (uint32_t i = 0; i < N; i++) {
		uint32_t j = (uint32_t)(i * 7ULL % N); /* in no order: 7 divides no power of 10 */

		if (version == 1 && j % 101 == 0)
			continue;
		fprintf(f,
			"{\"home-address\":\"2001:db8:a:1::%x:%x\",\"auth\":{\"type\":\"mn-ha\","
			"\"spi\":%u,\"key\":\"%08x%08x%08x%08x\",\"nai\":\"mn%u@example.net\"},"
			"\"lifetime-max-s\":600}\n",
			j >> 16, j & 0xffff, 256 + j, j, j * 7, j * 11,
			version == 1 && j % 97 == 0 ? 1 : 0, j);
	}
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(file, 0600), 0);
}

static int setup(void **state)
{
	char json[1024], err[256];

	(void)state;
	close(mkstemp(file));
	snprintf(json, sizeof(json),
		"{\"ports\":[{\"name\":\"wan\",\"device\":\"net_null0\"}],\"domains\":[{\"name\":"
		"\"msp1\",\"mobile-prefixes\":[\"2001:db8:a::/48\"],\"home-agent-address\":"
		"\"2001:db8:a::1\",\"subscribers\":{\"file\":\"%s\"}}]}",
		file);
	return conf_parse("t.json", json, strlen(json), &conf, err, sizeof(err));
}

static int teardown(void **state)
{
	(void)state;
	conf_free(conf);
	return unlink(file);
}

static struct subs *load(double *took)
{
	double start = cpu_s();
	struct subs *s = NULL;
	char err[512];

	if (subscribers_load(conf, NULL, &s, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	*took = cpu_s() - start;
	return s;
}

static void test_million(void **state)
{
	double took, took_again, compared, start, octets;
	struct subs *old, *new;
	struct subs_diff d;
	struct stat st;
	uint32_t both = (N - 1) / (97 * 101) + 1;

	(void)state;
	write_file(0);
	assert_int_equal(stat(file, &st), 0);
	old = load(&took);
	assert_int_equal(subs_count(old), N);
	octets = (double)subs_memory(old) / N;
	write_file(1);
	new = load(&took_again);
	start = cpu_s();
	subs_compare(old, new, &d);
	compared = cpu_s() - start;
	printf("%u lines, %.0f octets each: read in %.2f and %.2f s, compared in %.2f s; "
	       "%.1f octets each in memory\n",
		N, (double)st.st_size / N, took, took_again, compared, octets);
	assert_int_equal(d.added, 0);
	assert_int_equal(d.removed, (N - 1) / 101 + 1);
	assert_int_equal(d.changed, (N - 1) / 97 + 1 - both);
	for (uint32_t i = 0; i < N; i += 997) {
		struct ip6_addr a = addr("2001:db8:a:1::");
		const struct sub *sub;
		char nai[32];

		a.b[13] = (uint8_t)(i >> 16);
		a.b[14] = (uint8_t)(i >> 8);
		a.b[15] = (uint8_t)i;
		sub = subs_find(old, 0, &a);
		snprintf(nai, sizeof(nai), "mn%u@example.net", i);
		assert_non_null(sub);
		assert_string_equal(sub->nai, nai);
		assert_int_equal(subs_find(new, 0, &a) == NULL, i % 101 == 0);
	}
	start = cpu_s();
	subs_free(old);
	subs_free(new);
	printf("freed in %.2f s\n", cpu_s() - start);
	assert_true(octets <= OCTETS_A_SUBSCRIBER);
	if (N >= 1000000) /* the better one: what else the machine does only adds */
		assert_true((took < took_again ? took : took_again) + compared < SECONDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_million),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
