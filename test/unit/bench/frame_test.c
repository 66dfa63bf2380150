/* SPDX-License-Identifier: BSD-3-Clause */
/* What the benchmarks' source of traffic writes is what hamd reads: its Binding Updates pass the
 * checks of ext_walk(), mh_check() and mh_bu_decode(), and its authenticator is the right one. */
#include "test.h"

#include "../../scripts/bench/rnd/frame.h"

#include "common/mac.h"
#include "net/cksum.h"
#include "net/ext.h"
#include "net/ip6hdr.h"
#include "net/mh.h"

#define HOA "2001:db8:a::"
#define COA "2001:db8:c::"

static struct bu_source source(void)
{
	return (struct bu_source){
		.hoa = addr(HOA),
		.coa = addr(COA),
		.ha = addr("2001:db8:a::1"),
		.src_mac = { 2, 0, 0, 0, 0, 1 },
		.dst_mac = { 2, 0, 0, 0, 0, 2 },
		.lifetime = 15000,
		.subnet_bits = 6,
	};
}

static void assert_addr(const uint8_t *at, const char *expected)
{
	struct ip6_addr a = addr(expected);

	assert_memory_equal(at, &a, sizeof(a));
}

static const struct {
	uint32_t n;
	unsigned subnet_bits;
	const char *hoa;
} nodes[] = {
	{ 0, 0, HOA "100" },
	{ 0, 6, HOA "100" },
	{ 1, 6, "2001:db8:a:1::100" },
	{ 63, 6, "2001:db8:a:3f::100" },
	{ 64, 6, HOA "101" },
	{ 9999999, 6, "2001:db8:a:3f::2:6359" },
	{ 9999999, 0, HOA "98:977f" },
};

static void test_nodes(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(nodes); i++) {
		struct ip6_addr a = addr(HOA);

		node_write(a.b, nodes[i].n, nodes[i].subnet_bits);
		assert_addr(a.b, nodes[i].hoa);
	}
}

/* Below the count, and no number much more often than another. */
static void test_random(void **state)
{
	enum { COUNT = 1000, ROUNDS = 1000 };
	static uint32_t seen[COUNT];
	uint64_t x = 1;

	(void)state;
	for (uint32_t i = 0; i < COUNT * ROUNDS; i++) {
		uint32_t n = node_random(&x, COUNT);

		assert_true(n < COUNT);
		seen[n]++;
	}
	for (uint32_t i = 0; i < COUNT; i++)
		assert_in_range(seen[i], ROUNDS * 8 / 10, ROUNDS * 12 / 10);
}

/* The message of a frame that the data plane and the Mobility Header's checks let through. */
static struct mh_bu_msg read_back(const uint8_t *frame, uint16_t len, const char *hoa)
{
	struct buf b = buf_copy((const char *)frame + FRAME_ETHER, (size_t)len - FRAME_ETHER);
	const struct net_ip6 *ip = (const struct net_ip6 *)b.p;
	struct mh_bu_msg bu;
	struct ext_info x;
	struct mh_hdr hdr;
	uint16_t bad_at;

	assert_int_equal(net_ip6_payload_len(ip) + sizeof(*ip), b.n);
	assert_int_equal(ext_walk(b.p, (uint16_t)b.n, EXT_TO_US, &x), EXT_OK);
	assert_int_equal(x.upper, IP6_MH);
	assert_true(x.flags & EXT_HAO);
	assert_addr(b.p + x.hao_off + 2, hoa);
	assert_int_equal(mh_check(b.p + x.upper_off, (uint16_t)(b.n - x.upper_off),
				 (const struct ip6_addr *)(b.p + x.hao_off + 2), &ip->dst, &hdr),
		MH_OK);
	assert_int_equal(hdr.type, MH_BU);
	assert_int_equal(hdr.len, b.n - x.upper_off);
	assert_int_equal(mh_bu_decode(b.p + x.upper_off, hdr.len, &bu, &bad_at), 0);
	assert_true(ip6_eq(&bu.opts.alt_coa, &ip->src));
	buf_free(&b);
	return bu;
}

static void test_update(void **state)
{
	struct bu_source s = source();
	struct bu_frame t;
	uint8_t frame[FRAME_MAX];
	struct mh_bu_msg bu;

	(void)state;
	bu_prepare(&s, &t);
	assert_int_equal(t.len, FRAME_MAX - FRAME_AUTH);
	bu_write(&s, &t, frame, 65, 4711, 0, 0);
	bu = read_back(frame, t.len, "2001:db8:a:1::101");
	assert_int_equal(bu.seq, 4711);
	assert_int_equal(bu.lifetime, 15000);
	assert_int_equal(bu.flags, MH_BU_A | MH_BU_H);
	assert_addr(bu.opts.alt_coa.b, "2001:db8:c:1::101");
	assert_false(mh_opts_has(&bu.opts, MHOPT_MN_AUTH));

	bu_write(&s, &t, frame, 65, 4712, 3, 0);
	bu = read_back(frame, t.len, "2001:db8:a:1::101");
	assert_addr(bu.opts.alt_coa.b, "2001:db8:c:1:0:3:0:101");
}

/* Its checksum is put together from parts: of every node, number and place it is the whole one's. */
static void test_checksums(void **state)
{
	struct bu_source s = source();
	struct bu_frame t;
	uint8_t frame[FRAME_MAX];
	uint64_t x = 1;

	(void)state;
	s.coa.b[11] = 0xff; /* what is written over counts no more */
	s.coa.b[6] = s.hoa.b[7] = s.hoa.b[15] = 0xfe;
	bu_prepare(&s, &t);
	for (uint32_t i = 0; i < 70000; i++) {
		uint32_t n = i < 1000 ? i : node_random(&x, UINT32_MAX);
		const uint8_t *mh = frame + FRAME_ETHER + FRAME_IP6 + FRAME_HAO;
		struct ip6_addr hoa;

		bu_write(&s, &t, frame, n, (uint16_t)i, (uint8_t)(i * 7), 0);
		memcpy(&hoa, frame + FRAME_ETHER + FRAME_IP6 + 8, sizeof(hoa));
		assert_int_equal(net_cksum(&hoa, &s.ha, IP6_MH, mh, FRAME_BU), 0);
	}
}

static void test_signed(void **state)
{
	static const uint8_t secret[20] = "sixteen octets, more";
	struct bu_source s = source();
	struct mac_key *key = mac_keys_new(1);
	uint8_t frame[FRAME_MAX], msg[MAC_MSG_MAX], tag[MAC_LEN];
	struct bu_frame t;
	struct mh_bu_msg bu;

	(void)state;
	assert_int_equal(mac_new(&s.mac), 0);
	mac_key_set(s.mac, key, secret, sizeof(secret));
	s.key = key;
	s.spi = 4096;
	s.is_signed = true;
	bu_prepare(&s, &t);
	assert_int_equal(t.len, FRAME_MAX);
	bu_write(&s, &t, frame, 7, 1, 0, 0x0102030405060708ULL);
	bu = read_back(frame, t.len, "2001:db8:a:7::100");
	assert_true(mh_opts_has(&bu.opts, MHOPT_MN_AUTH) && mh_opts_has(&bu.opts, MHOPT_REPLAY));
	assert_int_equal(bu.opts.spi, 4096);
	assert_true(bu.opts.timestamp == 0x0102030405060708ULL);

	/* RFC 4285, 5.1, with the checksum taken as 0 */
	memcpy(msg, &bu.opts.alt_coa, 16);
	memcpy(msg + 16, frame + FRAME_ETHER + FRAME_IP6 + 8, 16);
	memcpy(msg + 32, frame + FRAME_ETHER + FRAME_IP6 + FRAME_HAO, bu.opts.mac_at);
	memset(msg + 32 + MH_CKSUM_AT, 0, 2);
	mac_sign(s.mac, key, msg, 32U + bu.opts.mac_at, tag);
	assert_true(mac_equal(tag, bu.opts.mac));
	mac_keys_free(key);
	mac_free(s.mac);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_update),
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
