/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "net/ext.h"
#include "net/fraghdr.h"
#include "net/ip6hdr.h"

#define NO_POINTER 0xffffffff

/* A packet of `len` octets whose Fragment header is at `at`; the buffer has the exact size. */
static struct buf packet(uint16_t at, uint32_t len, uint16_t field, uint32_t id)
{
	struct ip6_addr src = addr("2001:db8::1"), dst = addr("2001:db8::2");
	struct buf b = { calloc(1, len), len };

	assert_non_null(b.p);
	net_ip6_fill((struct net_ip6 *)b.p, (uint16_t)(len - 40), IP6_FRAGMENT, 64, &src, &dst);
	for (uint32_t i = 40; i < len; i++)
		b.p[i] = (uint8_t)i;
	b.p[at] = IP6_UDP;
	b.p[at + 1] = 0xff; /* reserved */
	b.p[at + 2] = (uint8_t)(field >> 8);
	b.p[at + 3] = (uint8_t)field;
	for (unsigned i = 0; i < 4; i++)
		b.p[at + 4 + i] = (uint8_t)(id >> (24 - 8 * i));
	return b;
}

static const struct {
	const char *name;
	uint16_t at;
	uint32_t data;
	uint16_t field;
	enum fraghdr_verdict verdict;
	uint32_t pointer;
	uint16_t off;
	bool more;
} cases[] = {
	{ "first", 40, 16, 0x0001, FRAGHDR_OK, NO_POINTER, 0, true },
	{ "next", 40, 8, 0x0009, FRAGHDR_OK, NO_POINTER, 8, true },
	{ "last, any length", 40, 7, 0x0010, FRAGHDR_OK, NO_POINTER, 16, false },
	{ "reserved bits", 40, 8, 0x000f, FRAGHDR_OK, NO_POINTER, 8, true },
	{ "behind options", 64, 8, 0x0009, FRAGHDR_OK, NO_POINTER, 8, true },
	{ "nothing", 40, 0, 0x0009, FRAGHDR_EMPTY, NO_POINTER, 8, true },
	{ "nothing, last", 40, 0, 0x0008, FRAGHDR_EMPTY, NO_POINTER, 8, false },
	{ "odd", 40, 12, 0x0009, FRAGHDR_ODD, 4, 8, true },
	{ "odd, one octet", 40, 1, 0x0001, FRAGHDR_ODD, 4, 0, true },
	{ "odd and beyond", 40, 9, 0xfff9, FRAGHDR_ODD, 4, 0xfff8, true },
	{ "just fits", 40, 7, 0xfff8, FRAGHDR_OK, NO_POINTER, 0xfff8, false },
	{ "one octet beyond", 40, 8, 0xfff8, FRAGHDR_BEYOND, 42, 0xfff8, false },
	{ "beyond, not the last", 40, 8, 0xfff9, FRAGHDR_BEYOND, 42, 0xfff8, true },
	{ "just fits behind options", 64, 7, 0xffe0, FRAGHDR_OK, NO_POINTER, 0xffe0, false },
	{ "one octet beyond with options", 64, 8, 0xffe0, FRAGHDR_BEYOND, 66, 0xffe0, false },
	{ "the largest fragment there is", 40, 65487, 0x0000, FRAGHDR_OK, NO_POINTER, 0, false },
	{ "far beyond", 40, 65480, 0xfff9, FRAGHDR_BEYOND, 42, 0xfff8, true },
};

static void test_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		uint32_t len = cases[i].at + 8u + cases[i].data, pointer = NO_POINTER;
		struct buf b = packet(cases[i].at, len, cases[i].field, 0x89abcdef);
		struct fraghdr f;
		enum fraghdr_verdict v;

		memset(&f, 0xff, sizeof(f));
		v = fraghdr_read(b.p, (uint16_t)len, cases[i].at, &f, &pointer);
		if (v != cases[i].verdict || pointer != cases[i].pointer)
			fail_msg("%s: verdict %d pointer %u", cases[i].name, v, pointer);
		if (f.off != cases[i].off || f.more != cases[i].more || f.len != cases[i].data ||
			f.data_off != cases[i].at + 8 || f.id != 0x89abcdef)
			fail_msg("%s: off %u more %d len %u at %u id %#x", cases[i].name, f.off,
				f.more, f.len, f.data_off, f.id);
		buf_free(&b);
	}
}

/* Behind nothing, and behind options: what is left is the packet without the header. */
static void test_strip(void **state)
{
	static const char *const options = "2c 00 01 04 00 00 00 00";

	(void)state;
	for (unsigned with = 0; with < 2; with++) {
		uint16_t at = with ? 48 : 40, nh_off = with ? 40 : 6;
		struct buf b = packet(at, at + 24u, 0x0000, 7), was, opt = buf_from_hex(options);
		struct ext_info x;

		if (with) {
			memcpy(b.p + 40, opt.p, opt.n);
			b.p[6] = IP6_DSTOPT;
		}
		was = buf_copy(b.p, b.n);
		assert_int_equal(ext_walk(b.p, (uint16_t)b.n, EXT_TO_US, &x), EXT_OK);
		assert_int_equal(x.frag_off, at);
		assert_int_equal(x.frag_nh_off, nh_off);
		fraghdr_strip(b.p, x.frag_off, x.frag_nh_off);
		was.p[nh_off] = IP6_UDP;
		assert_memory_equal(b.p + 8, was.p, at);
		assert_memory_equal(b.p + 8 + at, was.p + at + 8, 16);
		assert_int_equal(ext_walk(b.p + 8, (uint16_t)(b.n - 8), EXT_TO_US, &x), EXT_OK);
		assert_int_equal(x.upper, IP6_UDP);
		assert_int_equal(x.upper_off, at);
		buf_free(&opt);
		buf_free(&was);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_strip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
