/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 8200, 4.5: fragments put together again are the packet. */
#include "test.h"

#include <errno.h>

#include "net/frag.h"
#include "net/ip6hdr.h"
#include "net/mh.h"

/* IPv6 header, a routing header if asked for, then octets that count up. */
static struct buf packet(uint16_t len, bool routed)
{
	struct buf b = { malloc(len), len };
	struct ip6_addr src = addr("2001:db8::1"), dst = addr("2001:db8::2");
	uint16_t head = sizeof(struct net_ip6);

	assert_non_null(b.p);
	net_ip6_fill((struct net_ip6 *)b.p, (uint16_t)(len - head),
		routed ? IP6_ROUTING : IP6_ICMP6, 64, &src, &dst);
	if (routed) {
		mh_rh2_write(b.p + head, IP6_ICMP6, &dst);
		head = (uint16_t)(head + MH_RH2_LEN);
	}
	for (uint16_t i = head; i < len; i++)
		b.p[i] = (uint8_t)(i * 7 + i / 256);
	return b;
}

static uint32_t u32_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Returns how many fragments it took. */
static uint32_t check_whole(const struct buf *pkt, uint16_t mtu, bool routed)
{
	uint16_t head = (uint16_t)(sizeof(struct net_ip6) + (routed ? MH_RH2_LEN : 0));
	uint16_t nh_off = routed ? sizeof(struct net_ip6) : 6, got = head, n;
	struct buf out = { malloc(pkt->n), pkt->n }, one;
	uint16_t largest = 0, least = UINT16_MAX;
	bool more = true;
	uint32_t count = 0;
	struct frag f;

	assert_int_equal(frag_init(&f, pkt->p, (uint16_t)pkt->n, mtu, 0xcafe0001), 0);
	one = (struct buf){ malloc(f.size), f.size };
	while ((n = frag_next(&f, one.p)) > 0) {
		const uint8_t *fh = one.p + head;
		uint16_t offset = (uint16_t)((fh[2] << 8 | fh[3]) & ~7);

		assert_true(more);
		assert_true(n <= mtu);
		assert_int_equal(net_ip6_payload_len((struct net_ip6 *)one.p), n - 40);
		assert_int_equal(one.p[nh_off], IP6_FRAGMENT);
		assert_int_equal(fh[0], IP6_ICMP6);
		assert_int_equal(fh[1], 0);
		assert_int_equal(fh[3] & 6, 0);
		assert_int_equal(u32_at(fh + 4), 0xcafe0001);
		assert_int_equal(offset, got - head);
		more = fh[3] & 1;
		memcpy(out.p + got, fh + 8, n - head - 8u);
		got = (uint16_t)(got + n - head - 8);
		largest = n > largest ? n : largest;
		least = n < least ? n : least;
		count++;
	}
	assert_false(more);
	assert_int_equal(count, f.count);
	assert_int_equal(largest, f.size);
	assert_true(least + 8 * count >= largest);
	assert_int_equal(got, pkt->n);
	assert_memory_equal(out.p + head, pkt->p + head, pkt->n - head);
	buf_free(&out);
	buf_free(&one);
	return count;
}

static void test_sizes(void **state)
{
	static const struct {
		uint16_t len, mtu;
		bool routed;
		uint32_t fragments;
	} cases[] = {
		{ 1281, 1280, false, 2 },
		{ 1304, 1280, false, 2 },
		{ 1500, 1280, false, 2 },
		{ 1500, 1500, true, 2 },
		{ 1524, 1500, true, 2 },
		{ 1272, 1280, false, 1 }, /* with its Fragment header exactly the MTU */
		{ 40 + 1232 * 2, 1280, false, 2 },
		{ 40 + 1232 * 2 + 1, 1280, false, 3 },
		{ 9600, 1280, true, 8 },
		{ 1328, 1280, false, 2 }, /* an inner packet of 1280 octets and the limit option */
		{ 65535, 1280, false, 54 },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf pkt = packet(cases[i].len, cases[i].routed);
		uint32_t n = check_whole(&pkt, cases[i].mtu, cases[i].routed);

		buf_free(&pkt);
		if (n != cases[i].fragments)
			fail_msg("%u over %u: %u fragments", cases[i].len, cases[i].mtu, n);
	}
}

static void test_refused(void **state)
{
	struct buf pkt = packet(1400, true);
	struct frag f;

	(void)state;
	assert_int_equal(frag_init(&f, pkt.p, 39, 1280, 1), -EINVAL);
	assert_int_equal(frag_init(&f, pkt.p, 1400, 1279, 1), -EINVAL);
	assert_int_equal(frag_init(&f, pkt.p, 47, 1280, 1), -EINVAL); /* half a routing header */
	pkt.p[41] = 255; /* a routing header of 2,048 octets */
	assert_int_equal(frag_init(&f, pkt.p, 1400, 1280, 1), -EINVAL);
	assert_int_equal(frag_init(&f, pkt.p, 40, 1280, 1), -EINVAL);
	pkt.p[41] = 2;
	assert_int_equal(frag_init(&f, pkt.p, 64, 1280, 1), -EINVAL); /* headers alone */
	buf_free(&pkt);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
