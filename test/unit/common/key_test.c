/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "common/key.h"

/* Other sites, and other releases, must come to the same. Computed by another implementation, in
 * Python. */
static void test_golden(void **state)
{
	static const struct {
		uint32_t domain;
		const char *hoa;
		uint64_t key;
	} rows[] = {
		{ 0x0, "::", 0x0000000000000000 },
		{ 0x0, "::1", 0x5692161d100b05e5 },
		{ 0x1, "::", 0x48218226ff3cd4bf },
		{ 0xffffffff, "2001:db8:a::100", 0x5b1e5675c65071e6 },
		{ 0x12345678, "2001:db8:a::100", 0xc48df44d3f153dd6 },
		{ 0x12345678, "2001:db8:b::100", 0x0add3a96992f1dfd },
		{ 0x12345678, "2001:db8:a:0:fedc:ba98:7654:3210", 0x408c9c7af374969a },
	};

	(void)state;
	for (unsigned i = 0; i < DIM(rows); i++) {
		struct ip6_addr hoa = addr(rows[i].hoa);

		if (record_key(rows[i].domain, &hoa) != rows[i].key)
			fail_msg("%u %s", rows[i].domain, rows[i].hoa);
	}
}

/* Home addresses one behind the other spread over buckets and over ranges. */
static void test_spread(void **state)
{
	unsigned bucket[256] = { 0 }, range[256] = { 0 };
	struct ip6_addr hoa = addr("2001:db8:a::");

	(void)state;
	for (unsigned i = 0; i < 256 * 256; i++) {
		uint64_t key;

		hoa.b[14] = (uint8_t)(i >> 8);
		hoa.b[15] = (uint8_t)i;
		key = record_key(1, &hoa);
		bucket[record_key_bucket(key)]++;
		range[key >> 56]++;
	}
	for (unsigned i = 0; i < 256; i++) {
		assert_in_range(bucket[i], 170, 342); /* 5 sigma */
		assert_in_range(range[i], 170, 342);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
