/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input: a Mobility Header. Checked as it is and with its checksum put right; what decodes is
 * encoded and decoded again: decode(encode(x)) = x.
 */
#include "net_fuzz.h"

#include <errno.h>

#include "net/ip6hdr.h"
#include "net/mh.h"

#define MSG_MAX 512

static const struct ip6_addr src = { { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };
static const struct ip6_addr dst = { { 0x20, 0x01, 0x0d, 0xb8, [14] = 1 } };

static void check_own(const uint8_t *buf, int len, enum mh_type type)
{
	struct mh_hdr h;

	FUZZ_CHECK(len > 0 && len % 8 == 0);
	FUZZ_CHECK(mh_check(buf, (uint16_t)len, &src, &dst, &h) == MH_OK);
	FUZZ_CHECK(h.type == type && h.len == len);
}

static void check_bu(const uint8_t *mh, uint16_t len)
{
	struct mh_bu_msg a, b;
	uint8_t buf[MSG_MAX];
	uint16_t at = UINT16_MAX;
	int n;

	if (mh_bu_decode(mh, len, &a, &at) < 0) {
		FUZZ_CHECK(at == 1 || (at >= 12 && at < len));
		return;
	}
	n = mh_bu_encode(&a, &src, &dst, buf, sizeof(buf));
	check_own(buf, n, MH_BU);
	FUZZ_CHECK(mh_bu_decode(buf, (uint16_t)n, &b, &at) == 0);
	FUZZ_CHECK(a.seq == b.seq && a.flags == b.flags && a.lifetime == b.lifetime);
	FUZZ_CHECK(fuzz_same_opts(&a.opts, &b.opts));
	FUZZ_CHECK(mh_bu_encode(&a, &src, &dst, buf, (uint16_t)(n - 1)) == -ENOSPC);
}

static void check_ba(const uint8_t *mh, uint16_t len)
{
	struct mh_ba_msg a, b;
	uint8_t buf[MSG_MAX];
	uint16_t at = UINT16_MAX;
	int n;

	if (mh_ba_decode(mh, len, &a, &at) < 0) {
		FUZZ_CHECK(at == 1 || (at >= 12 && at < len));
		return;
	}
	n = mh_ba_encode(&a, &src, &dst, buf, sizeof(buf));
	check_own(buf, n, MH_BA);
	FUZZ_CHECK(mh_ba_decode(buf, (uint16_t)n, &b, &at) == 0);
	FUZZ_CHECK(a.status == b.status && a.flags == b.flags);
	FUZZ_CHECK(a.seq == b.seq && a.lifetime == b.lifetime);
	FUZZ_CHECK(fuzz_same_opts(&a.opts, &b.opts));
	FUZZ_CHECK(mh_ba_encode(&a, &src, &dst, buf, (uint16_t)(n - 1)) == -ENOSPC);
	FUZZ_CHECK(ha_status_str(a.status) != NULL);
}

static void check_be(const uint8_t *mh, uint16_t len)
{
	struct mh_be_msg a, b;
	uint8_t buf[MSG_MAX];
	int n;

	if (mh_be_decode(mh, len, &a) < 0)
		return;
	n = mh_be_encode(&a, &src, &dst, buf, sizeof(buf));
	check_own(buf, n, MH_BE);
	FUZZ_CHECK(mh_be_decode(buf, (uint16_t)n, &b) == 0);
	FUZZ_CHECK(a.status == b.status && ip6_eq(&a.hoa, &b.hoa));
	FUZZ_CHECK(mh_be_encode(&a, &src, &dst, buf, (uint16_t)(n - 1)) == -ENOSPC);
}

static void check_switch(const uint8_t *mh, uint16_t len)
{
	struct mh_switch_msg a, b;
	uint8_t buf[2048 + 8];
	uint16_t at = UINT16_MAX;
	int n;

	if (mh_switch_decode(mh, len, &a, &at) < 0) {
		FUZZ_CHECK(at == 1 || (at >= 8 && at < len));
		return;
	}
	n = mh_switch_encode(&a, &src, &dst, buf, sizeof(buf));
	if (n == -ENOSPC) { /* more than a length field says, which mh_check() has no eye on here */
		FUZZ_CHECK(len > 2048 - 64);
		return;
	}
	FUZZ_CHECK(n >= 8 && n % 8 == 0 && n <= 2048 && n == 8 * (buf[1] + 1));
	FUZZ_CHECK(buf[2] == MH_HA_SWITCH && net_cksum(&src, &dst, IP6_MH, buf, (uint32_t)n) == 0);
	FUZZ_CHECK(mh_switch_decode(buf, (uint16_t)n, &b, &at) == 0);
	FUZZ_CHECK(a.agent_count == b.agent_count);
	FUZZ_CHECK(memcmp(a.agents, b.agents, a.agent_count * sizeof(*a.agents)) == 0);
	FUZZ_CHECK(fuzz_same_opts(&a.opts, &b.opts));
	FUZZ_CHECK(mh_switch_encode(&a, &src, &dst, buf, (uint16_t)(n - 1)) == -ENOSPC);
}

static void check_message(uint8_t *mh, uint16_t len)
{
	struct mh_hdr h;
	enum mh_check c = mh_check(mh, len, &src, &dst, &h);

	if (c == MH_TRUNCATED)
		return;
	FUZZ_CHECK(h.len <= len && h.len % 8 == 0 && h.type == mh[2]);
	fuzz_fix_cksum(&src, &dst, IP6_MH, mh, h.len, 4);
	c = mh_check(mh, len, &src, &dst, &h);
	FUZZ_CHECK(c != MH_TRUNCATED && c != MH_BAD_CHECKSUM);
	if (c != MH_OK)
		return;
	FUZZ_CHECK(h.type <= MH_BE && mh[0] == IP6_NONE);
	switch (h.type) {
	case MH_BU:
		check_bu(mh, h.len);
		break;
	case MH_BA:
		check_ba(mh, h.len);
		break;
	case MH_BE:
		check_be(mh, h.len);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *mh;

	if (size > 4096)
		return 0;
	/* Decoders are asked without mh_check() too: they trust no length. */
	check_bu(data, (uint16_t)size);
	check_ba(data, (uint16_t)size);
	check_be(data, (uint16_t)size);
	check_switch(data, (uint16_t)size);
	mh = malloc(size > 0 ? size : 1);
	FUZZ_CHECK(mh != NULL);
	if (size > 0)
		memcpy(mh, data, size);
	check_message(mh, (uint16_t)size);
	free(mh);
	return 0;
}
