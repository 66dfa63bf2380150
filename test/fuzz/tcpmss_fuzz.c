/* SPDX-License-Identifier: BSD-3-Clause */
/* Input: two octets, the limit, and a TCP segment. */
#include "net_fuzz.h"

#include "net/tcpmss.h"

#define TCP 6

static const struct ip6_addr src = { .b = { 0x20, 1 } }, dst = { .b = { 0x20, 2 } };

/* Only octets of options and of the checksum may differ, and the sum over all may not. */
static void check(const uint8_t *was, const uint8_t *is, uint32_t len, bool lowered)
{
	uint32_t header = len > 12 ? (uint32_t)(was[12] >> 4) * 4 : 0, changed = 0;

	for (uint32_t i = 0; i < len; i++) {
		if (was[i] == is[i])
			continue;
		changed++;
		FUZZ_CHECK(i == 16 || i == 17 || (i >= 20 + 2 && i < header));
	}
	FUZZ_CHECK(lowered || changed == 0);
	FUZZ_CHECK(!lowered || (changed > 0 && (was[NET_TCP_FLAGS] & NET_TCP_SYN) != 0));
	FUZZ_CHECK(net_cksum(&src, &dst, TCP, was, len) == net_cksum(&src, &dst, TCP, is, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t len = (uint32_t)size - 2;
	uint8_t *was, *is;
	uint16_t mss;
	bool lowered;

	if (size < 2 || size > 2048)
		return 0;
	mss = (uint16_t)(data[0] << 8 | data[1]);
	was = malloc(len > 0 ? len : 1);
	is = malloc(len > 0 ? len : 1);
	FUZZ_CHECK(was != NULL && is != NULL);
	memcpy(was, data + 2, len);
	if (len >= 20) /* an intact one: 0 and 0xffff are the same sum otherwise */
		fuzz_fix_cksum(&src, &dst, TCP, was, len, 16);
	memcpy(is, was, len);
	lowered = net_tcp_clamp_mss(is, len, mss);
	check(was, is, len, lowered);
	FUZZ_CHECK(!net_tcp_clamp_mss(is, len, mss)); /* there is nothing left to lower */
	free(was);
	free(is);
	return 0;
}
