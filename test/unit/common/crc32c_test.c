/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "common/crc32c.h"
#include "rng.h"

/* RFC 3720, B.4; its table shows the CRC's octets as they are sent, lowest first. */
static const struct {
	const char *name, *hex;
	uint32_t crc;
} cases[] = {
	{ "nothing", "", 0 },
	{ "123456789", "313233343536373839", 0xe3069283 },
	{ "zeroes", "0000000000000000000000000000000000000000000000000000000000000000",
		0x8a9136aa },
	{ "ones", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", 0x62a8ab43 },
	{ "incrementing", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
		0x46dd794e },
	{ "decrementing", "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100",
		0x113fdb5c },
	{ "a SCSI read",
		"01c00000 00000000 00000000 00000000 14000000 00000400 00000014 00000018"
		"28000000 00000000 02000000 00000000",
		0xd9963a56 },
};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf b = buf_from_hex(cases[i].hex);

		if (crc32c(0, b.p, b.n) != cases[i].crc ||
			crc32c_plain(0, b.p, b.n) != cases[i].crc)
			fail_msg("%s: %08x, %08x", cases[i].name, crc32c(0, b.p, b.n),
				crc32c_plain(0, b.p, b.n));
		buf_free(&b);
	}
}

/* With and without the instruction, in one piece and in two, from any seed and alignment. */
static void test_pieces(void **state)
{
	uint64_t rng = rng_start("crc32c");
	uint8_t buf[300];

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		size_t at = rng_below(&rng, 16), n = rng_below(&rng, sizeof(buf) - at);
		size_t cut = rng_below(&rng, n + 1);
		uint32_t seed = (uint32_t)rng_next(&rng), whole;

		rng_fill(&rng, buf, sizeof(buf));
		whole = crc32c_plain(seed, buf + at, n);
		assert_int_equal(crc32c(seed, buf + at, n), whole);
		assert_int_equal(
			crc32c(crc32c(seed, buf + at, cut), buf + at + cut, n - cut), whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
