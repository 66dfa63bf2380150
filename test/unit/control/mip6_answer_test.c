/* SPDX-License-Identifier: BSD-3-Clause */
/* The octets on the wire, checksums included, as computed by hand from RFC 6275. */
#include "test.h"

#include <errno.h>

#include "control/mip6/answer.h"

#define HA  "2001:db8:a::1"
#define HOA "2001:db8:a::100"
#define COA "2001:db8:c::1"

#define KEY "0123456789abcdef"

#define HEX_HA  "20010db8000a00000000000000000001"
#define HEX_HOA "20010db8000a00000000000000000100"
#define HEX_COA "20010db8000c00000000000000000001"

static const struct {
	const char *name, *src;
	struct mip6_verdict v;
	const char *hex;
} acks[] = {
	{ "away", COA,
		{ .action = MIP6_REGISTER,
			.status = HA_ACCEPTED,
			.seq = 0x1234,
			.lifetime_s = 420 },
		"60000000 0028 2b 40" HEX_HA HEX_COA /* routing header, hop limit 64 */
		"87 02 02 01 00000000" HEX_HOA /* type 2, one segment left */
		"3b 01 06 00 CKSM 00 00 1234 0069 01020000" },
	{ "refresh advice", COA,
		{ .action = MIP6_REFRESH,
			.status = HA_ACCEPTED,
			.seq = 0x1234,
			.lifetime_s = 1800,
			.refresh_s = 300 },
		"60000000 0028 2b 40" HEX_HA HEX_COA "87 02 02 01 00000000" HEX_HOA
		"3b 01 06 00 CKSM 00 00 1234 01c2 02 02 004b" },
	{ "longest refresh advice", COA,
		{ .action = MIP6_MOVE,
			.status = HA_ACCEPTED,
			.seq = 1,
			.lifetime_s = 262140,
			.refresh_s = 262136 },
		"60000000 0028 2b 40" HEX_HA HEX_COA "87 02 02 01 00000000" HEX_HOA
		"3b 01 06 00 CKSM 00 00 0001 ffff 02 02 fffe" },
	{ "refused", COA, { .action = MIP6_REFUSE, .status = HA_SEQUENCE, .seq = 7 },
		"60000000 0028 2b 40" HEX_HA HEX_COA "87 02 02 01 00000000" HEX_HOA
		"3b 01 06 00 CKSM 87 00 0007 0000 01020000" },
	{ "from home", HOA, { .action = MIP6_DEREGISTER, .status = HA_ACCEPTED, .seq = 65535 },
		"60000000 0010 87 40" HEX_HA HEX_HOA "3b 01 06 00 CKSM 00 00 ffff 0000 01020000" },
	{ "longest lifetime", COA,
		{ .action = MIP6_REGISTER, .status = HA_ACCEPTED, .seq = 1, .lifetime_s = 262140 },
		"60000000 0028 2b 40" HEX_HA HEX_COA "87 02 02 01 00000000" HEX_HOA
		"3b 01 06 00 CKSM 00 00 0001 ffff 01020000" },
	/* MACs: RFC 4285, 5.1, by another implementation of HMAC-SHA1 */
	{ "signed", COA,
		{ .action = MIP6_REGISTER,
			.status = HA_ACCEPTED,
			.seq = 0x1234,
			.lifetime_s = 420,
			.sign = true },
		"60000000 0038 2b 40" HEX_HA HEX_COA "87 02 02 01 00000000" HEX_HOA
		"3b 03 06 00 CKSM 00 00 1234 0069 00 09 11 01 00000100 6d609db06f740353fafac37e" },
	{ "signed, with refresh advice and a timestamp", COA,
		{ .action = MIP6_REGISTER,
			.status = HA_ACCEPTED,
			.seq = 0x1234,
			.lifetime_s = 1800,
			.refresh_s = 300,
			.sign = true,
			.has_timestamp = true,
			.timestamp = 0xe100000089abcdef },
		"60000000 0048 2b 40" HEX_HA HEX_COA "87 02 02 01 00000000" HEX_HOA
		"3b 05 06 00 CKSM 00 00 1234 01c2 02 02 004b 01 00 0a 08 e1000000 89abcdef 00"
		"09 11 01 00000100 e0014e7df34a872d9e245001" },
	{ "signed, with a timestamp", COA,
		{ .action = MIP6_REFUSE,
			.status = HA_ID_MISMATCH,
			.seq = 7,
			.sign = true,
			.has_timestamp = true,
			.timestamp = 0xe100000089abcdef },
		"60000000 0048 2b 40" HEX_HA HEX_COA "87 02 02 01 00000000" HEX_HOA
		"3b 05 06 00 CKSM 90 00 0007 0000 01 04 00000000 0a 08 e1000000 89abcdef 00"
		"09 11 01 00000100 188900cb6167ac4417694d0b" },
};

/* Ones' complement sum over pseudo-header and message, written again here on purpose. */
static uint16_t cksum(
	const struct ip6_addr *src, const struct ip6_addr *dst, const uint8_t *mh, size_t n)
{
	uint32_t sum = 135 + (uint32_t)n;

	for (int i = 0; i < 16; i += 2)
		sum += (uint32_t)(src->b[i] << 8 | src->b[i + 1]) +
		       (uint32_t)(dst->b[i] << 8 | dst->b[i + 1]);
	for (size_t i = 0; i < n; i += 2)
		sum += i == 4 ? 0 : (uint32_t)(mh[i] << 8 | mh[i + 1]);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* hex with CKSM in place of the message's checksum; mh_off: where the message starts. */
static struct buf expected(const char *hex, size_t mh_off, const char *dst)
{
	struct ip6_addr from = addr(HA), to = addr(dst);
	char text[512];
	struct buf b;
	uint16_t sum;

	assert_true(strlen(hex) < sizeof(text));
	memcpy(text, hex, strlen(hex) + 1);
	memcpy(strstr(text, "CKSM"), "0000", 4);
	b = buf_from_hex(text);
	sum = cksum(&from, &to, b.p + mh_off, b.n - mh_off);
	b.p[mh_off + 4] = (uint8_t)(sum >> 8);
	b.p[mh_off + 5] = (uint8_t)sum;
	return b;
}

static void test_ba(void **state)
{
	struct mh_bu_msg bu = { .opts.spi = 256 };
	struct ip6_addr from = addr(HA);
	struct mac_key *key = mac_keys_new(1);
	struct mip6_signer s = { .key = key };

	(void)state;
	assert_non_null(key);
	assert_int_equal(mac_new(&s.mac), 0);
	mac_key_set(s.mac, key, (const uint8_t *)KEY, strlen(KEY));
	for (size_t i = 0; i < DIM(acks); i++) {
		struct mip6_facts f = {
			.bu = &bu, .src = addr(acks[i].src), .hoa = addr(HOA), .coa = addr(COA)
		};
		size_t mh_off = ip6_eq(&f.src, &f.hoa) ? 40 : 64;
		struct buf want = expected(acks[i].hex, mh_off, HOA);
		struct buf got = buf_copy(want.p, want.n);

		memset(got.p, 0xa5, got.n);
		assert_int_equal(
			mip6_write_ba(&f, &acks[i].v, &from, &s, got.p, (uint16_t)got.n), want.n);
		assert_memory_equal(got.p, want.p, want.n);
		for (uint16_t cap = 0; cap < want.n; cap++) {
			struct buf small = buf_copy(want.p, cap);

			assert_int_equal(
				mip6_write_ba(&f, &acks[i].v, &from, &s, small.p, cap), -ENOSPC);
			buf_free(&small);
		}
		buf_free(&got);
		buf_free(&want);
	}
	mac_free(s.mac);
	mac_keys_free(key);
}

static void test_be(void **state)
{
	static const struct {
		enum mh_be_status status;
		const char *hoa, *hex;
	} cases[] = {
		{ MH_BE_UNKNOWN_BINDING, HOA,
			"60000000 0018 87 40" HEX_HA HEX_COA "3b 02 07 00 CKSM 01 00" HEX_HOA },
		{ MH_BE_UNKNOWN_TYPE, "::",
			"60000000 0018 87 40" HEX_HA HEX_COA
			"3b 02 07 00 CKSM 02 00 00000000000000000000000000000000" },
	};
	struct ip6_addr from = addr(HA), to = addr(COA);

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct ip6_addr hoa = addr(cases[i].hoa);
		struct buf want = expected(cases[i].hex, 40, COA);
		struct buf got = buf_copy(want.p, want.n);

		memset(got.p, 0xa5, got.n);
		assert_int_equal(
			mip6_write_be(cases[i].status, &from, &to, &hoa, got.p, (uint16_t)got.n),
			want.n);
		assert_memory_equal(got.p, want.p, want.n);
		for (uint16_t cap = 0; cap < want.n; cap++) {
			struct buf small = buf_copy(want.p, cap);

			assert_int_equal(
				mip6_write_be(cases[i].status, &from, &to, &hoa, small.p, cap),
				-ENOSPC);
			buf_free(&small);
		}
		buf_free(&got);
		buf_free(&want);
	}
}

/* RFC 5142, 4, signed as RFC 4285, 5.1 has it; MACs by another implementation. */
static void test_switch(void **state)
{
	static const struct {
		const char *agents[2];
		uint64_t timestamp;
		const char *hex;
	} cases[] = {
		{ { "2001:db8:a::2", "2001:db8:a::3" }, 0,
			"60000000 0040 87 40" HEX_HA HEX_HOA "3b 07 0c 00 CKSM 02 00"
			"20010db8000a00000000000000000002 20010db8000a00000000000000000003"
			"01 03 000000 09 11 01 00000100 f018f0bff683e121fec34e62" },
		{ { HA, NULL }, 0xe100000089abcdef,
			"60000000 0038 87 40" HEX_HA HEX_HOA "3b 06 0c 00 CKSM 01 00" HEX_HA
			"01 00 0a 08 e1000000 89abcdef 00"
			"09 11 01 00000100 c9b8a0e44151e2e6769723a4" },
	};
	struct mac_key *key = mac_keys_new(1);
	struct mip6_signer s = { .key = key };

	(void)state;
	assert_non_null(key);
	assert_int_equal(mac_new(&s.mac), 0);
	mac_key_set(s.mac, key, (const uint8_t *)KEY, strlen(KEY));
	for (size_t i = 0; i < DIM(cases); i++) {
		struct ip6_addr agents[2];
		struct mip6_switch m = { .from = addr(HA),
			.hoa = addr(HOA),
			.coa = addr(COA),
			.agents = agents,
			.spi = 256,
			.timestamp = cases[i].timestamp };
		struct buf want = expected(cases[i].hex, 40, HOA);
		struct buf got = buf_copy(want.p, want.n);

		for (; m.agent_count < 2 && cases[i].agents[m.agent_count] != NULL; m.agent_count++)
			agents[m.agent_count] = addr(cases[i].agents[m.agent_count]);
		memset(got.p, 0xa5, got.n);
		assert_int_equal(mip6_write_switch(&m, &s, got.p, (uint16_t)got.n), want.n);
		assert_memory_equal(got.p, want.p, want.n);
		for (uint16_t cap = 0; cap < want.n; cap++)
			assert_int_equal(mip6_write_switch(&m, &s, got.p, cap), -ENOSPC);
		buf_free(&got);
		buf_free(&want);
	}
	mac_free(s.mac);
	mac_keys_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ba),
		cmocka_unit_test(test_be),
		cmocka_unit_test(test_switch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
