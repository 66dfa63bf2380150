/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "net/cksum.h"
#include "net/tcpmss.h"

#define CLAMP  1400
#define HEADER 20
#define CKSUM  16

/* Options of a SYN in hex, before and after; flags, and octets of the header (0: 20 + options).
 * NULL: left alone. */
static const struct {
	const char *name, *options, *after;
	uint8_t flags, header;
} cases[] = {
	{ "no options", "", NULL, 2, 0 },
	{ "1440", "020405a0", "02040578", 2, 0 },
	{ "in an answer", "020405a0", "02040578", 0x12, 0 },
	{ "with ECN's flags", "020405a0", "02040578", 0xc2, 0 },
	{ "no SYN", "020405a0", NULL, 0x10, 0 },
	{ "largest", "0204ffff", "02040578", 2, 0 },
	{ "one above", "02040579", "02040578", 2, 0 },
	{ "equal", "02040578", NULL, 2, 0 },
	{ "smaller", "020404c4", NULL, 2, 0 },
	{ "none", "02040000", NULL, 2, 0 },
	{ "as Linux sends it", "020405a00402080a0001020300000000010303 07",
		"020405780402080a000102030000000001030307", 2, 0 },
	{ "last, behind others", "0402080a0001020300000000 01030307 020405a0",
		"0402080a0001020300000000 01030307 02040578", 2, 0 },
	{ "at an odd offset", "01 020405a0 010101", "01 02040578 010101", 2, 0 },
	{ "at an odd offset, largest", "010101 0204ffff 00", "010101 02040578 00", 2, 0 },
	{ "twice", "020405a0 020405b4", "02040578 02040578", 2, 0 },
	{ "twice, once above", "020404c4 020405b4", "020404c4 02040578", 2, 0 },
	{ "behind the end of options", "00 020405a0 010101", NULL, 2, 0 },
	{ "only another option", "04020101", NULL, 2, 0 },
	{ "too short an option", "020305a0", NULL, 2, 0 },
	{ "too long an option", "020505a0 00010101", NULL, 2, 0 },
	{ "length 0", "020005a0", NULL, 2, 0 },
	{ "length 1", "020105a0", NULL, 2, 0 },
	{ "behind a length of 0", "0800 0101 020405a0", NULL, 2, 0 },
	{ "past the header", "010102 04", NULL, 2, 0 },
	{ "kind without length", "01010102", NULL, 2, 0 },
	{ "another's length past the header", "080a0001", NULL, 2, 0 },
	{ "before a fault", "020405a0 08ff0101", "02040578 08ff0101", 2, 0 },
	{ "behind the header, in data", "020405a0", NULL, 2, 20 },
	{ "header longer than the packet", "020405a0", NULL, 2, 28 },
	{ "header shorter than one", "020405a0", NULL, 2, 16 },
	{ "header of 0", "020405a0", NULL, 2, 4 },
};

static const struct ip6_addr src = { .b = { 0x20, 1, 0xd, 0xb8 } };
static const struct ip6_addr dst = { .b = { 0x20, 1, 0xd, 0xb8, 0xff } };

static uint16_t sum_of(const struct buf *b)
{
	return net_cksum(&src, &dst, 6, b->p, (uint32_t)b->n);
}

/* A segment with these options and the right checksum, in a buffer of just its size. */
static struct buf segment(const char *options, uint8_t flags, uint8_t header, uint8_t salt)
{
	struct buf o = buf_from_hex(options), b = { calloc(1, HEADER + o.n), HEADER + o.n };
	uint16_t sum;

	assert_non_null(b.p);
	memset(b.p, salt, 12);
	b.p[12] = (uint8_t)((header > 0 ? header : b.n) / 4 << 4);
	b.p[13] = flags;
	if (o.n > 0)
		memcpy(b.p + HEADER, o.p, o.n);
	sum = sum_of(&b);
	b.p[CKSUM] = (uint8_t)(sum >> 8);
	b.p[CKSUM + 1] = (uint8_t)sum;
	buf_free(&o);
	return b;
}

static void check(size_t i, uint8_t salt)
{
	const char *after = cases[i].after != NULL ? cases[i].after : cases[i].options;
	struct buf b = segment(cases[i].options, cases[i].flags, cases[i].header, salt);
	struct buf was = buf_copy(b.p, b.n);
	struct buf want = segment(after, cases[i].flags, cases[i].header, salt);
	bool lowered = net_tcp_clamp_mss(b.p, (uint32_t)b.n, CLAMP);

	if (lowered != (cases[i].after != NULL))
		fail_msg("%s: lowered %d", cases[i].name, lowered);
	if (memcmp(b.p + HEADER, want.p + HEADER, b.n - HEADER) != 0)
		fail_msg("%s: options", cases[i].name);
	if (memcmp(b.p, want.p, CKSUM) != 0 || sum_of(&b) != 0)
		fail_msg("%s: checksum with salt %u", cases[i].name, salt);
	if (!lowered && memcmp(b.p, was.p, b.n) != 0)
		fail_msg("%s: not left alone", cases[i].name);
	buf_free(&want);
	buf_free(&was);
	buf_free(&b);
}

static void test_clamp(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		for (unsigned salt = 0; salt < 256; salt++) /* another checksum each */
			check(i, (uint8_t)salt);
	}
}

/* Cut anywhere: nothing is read or written behind the end. */
static void test_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf b = segment(cases[i].options, cases[i].flags, cases[i].header, 7);

		for (size_t n = 0; n < b.n; n++) {
			struct buf cut = buf_copy(b.p, n), was = buf_copy(b.p, n);

			if (!net_tcp_clamp_mss(cut.p, (uint32_t)n, CLAMP))
				assert_memory_equal(cut.p, was.p, n);
			buf_free(&was);
			buf_free(&cut);
		}
		buf_free(&b);
	}
}

/* Whoever broke the checksum before us, the receiver still sees it. */
static void test_wrong_stays_wrong(void **state)
{
	struct buf b = segment("020405a0", 2, 0, 9);
	uint16_t off;

	(void)state;
	b.p[CKSUM] ^= 0x10;
	off = sum_of(&b);
	assert_int_not_equal(off, 0);
	assert_true(net_tcp_clamp_mss(b.p, (uint32_t)b.n, CLAMP));
	assert_int_equal(sum_of(&b), off);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clamp),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_wrong_stays_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
