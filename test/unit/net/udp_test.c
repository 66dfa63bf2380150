/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "net/cksum.h"
#include "net/ip6hdr.h"
#include "net/udp.h"

#define SRC "2001:db8:1::a"
#define DST "2001:db8:1::b"

/* The first one's checksum was computed by a program that shares nothing with net/cksum.c. */
static const struct {
	const char *name, *hex;
	int ret;
	uint16_t src, dst, len;
	bool is_intact;
} cases[] = {
	{ "as it should be", "1234 128e 000b f623 68 69 21", 0, 0x1234, 4750, 3, true },
	{ "one bit in the data", "1234 128e 000b f623 68 69 20", 0, 0x1234, 4750, 3, false },
	{ "one bit in a port", "1235 128e 000b f623 68 69 21", 0, 0x1235, 4750, 3, false },
	{ "no checksum", "1234 128e 000b 0000 68 69 21", 0, 0x1234, 4750, 3, false },
	{ "nothing inside", "1234 128e 0008 0000", 0, 0x1234, 4750, 0, false },
	{ "something behind it", "1234 128e 000a f623 68 69 21", -EBADMSG, 0x1234, 4750, 0, false },
	{ "says more than is there", "1234 128e 000c f623 68 69 21", -EBADMSG, 0x1234, 4750, 0,
		false },
	{ "jumbogram", "1234 128e 0000 f623 68 69 21", -EBADMSG, 0x1234, 4750, 0, false },
	{ "shorter than a header", "1234 128e 0007 f6", -EBADMSG, 0x1234, 4750, 0, false },
	{ "not even its length", "1234 128e 00", -EBADMSG, 0x1234, 4750, 0, false },
	{ "half a port", "1234 12", -EBADMSG, 0x1234, 0, 0, false },
	{ "nothing at all", "", -EBADMSG, 0, 0, 0, false },
};

static void test_decode(void **state)
{
	struct ip6_addr src = addr(SRC), dst = addr(DST);

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf b = buf_from_hex(cases[i].hex);
		struct net_udp u = { 0 };
		int ret = net_udp_decode(b.p, (uint32_t)b.n, &u);

		if (ret != cases[i].ret || u.src_port != cases[i].src || u.dst_port != cases[i].dst)
			fail_msg("%s: %d, ports %u %u", cases[i].name, ret, u.src_port, u.dst_port);
		if (ret == 0) {
			assert_int_equal(u.len, cases[i].len);
			assert_ptr_equal(u.data, b.p + NET_UDP_LEN);
			if (net_udp_is_intact(&src, &dst, b.p, (uint32_t)b.n) != cases[i].is_intact)
				fail_msg("%s: checksum", cases[i].name);
		}
		buf_free(&b);
	}
}

static void test_packet(void **state)
{
	struct ip6_addr src = addr(SRC), dst = addr(DST);
	uint8_t pkt[40 + 8 + 3], small[sizeof(pkt) - 1];
	struct buf want = buf_from_hex("1234 128e 000b f623 68 69 21");

	(void)state;
	assert_int_equal(net_udp_packet(small, sizeof(small), &src, &dst, 0x1234, 4750, 64,
				 (const uint8_t *)"hi!", 3),
		-ENOSPC);
	assert_int_equal(net_udp_packet(pkt, sizeof(pkt), &src, &dst, 0x1234, 4750, 64, pkt, 65528),
		-ENOSPC);
	memcpy(pkt + 48, "hi!", 3); /* at its place already */
	assert_int_equal(
		net_udp_packet(pkt, sizeof(pkt), &src, &dst, 0x1234, 4750, 64, pkt + 48, 3),
		sizeof(pkt));
	assert_memory_equal(pkt + 40, want.p, want.n);
	assert_int_equal(net_ip6_version((struct net_ip6 *)pkt), 6);
	assert_int_equal(net_ip6_payload_len((struct net_ip6 *)pkt), 11);
	assert_int_equal(((struct net_ip6 *)pkt)->next_header, IP6_UDP);
	assert_int_equal(((struct net_ip6 *)pkt)->hop_limit, 64);
	buf_free(&want);
}

/* A sum of 0 goes as 0xffff: 0 would be no checksum (RFC 8200, 8.1). */
static void test_zero(void **state)
{
	struct ip6_addr src = addr(SRC), dst = addr(DST);
	uint8_t pkt[40 + 8 + 2], data[2] = { 0 };
	uint16_t sum;

	(void)state;
	net_udp_packet(pkt, sizeof(pkt), &src, &dst, 1, 2, 64, data, 2);
	sum = (uint16_t)(pkt[46] << 8 | pkt[47]);
	data[0] = (uint8_t)(sum >> 8); /* what makes the sum over all come to 0xffff */
	data[1] = (uint8_t)sum;
	assert_int_equal(net_udp_packet(pkt, sizeof(pkt), &src, &dst, 1, 2, 64, data, 2), 50);
	assert_int_equal(pkt[46] << 8 | pkt[47], 0xffff);
	assert_true(net_udp_is_intact(&src, &dst, pkt + 40, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
