/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input: an IPv6 packet. Errors and echo replies are built from it, and what follows its header
 * is read as a received ICMPv6 message.
 */
#include "net_fuzz.h"

#include <errno.h>

#include "net/icmp6.h"
#include "net/ip6hdr.h"

#define HDR sizeof(struct net_ip6)

static const struct ip6_addr ours = { { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } };

/* RFC 4443, 2.4: the error quotes the packet, fits, and is never answered by another one. */
static void check_error(const uint8_t *pkt, uint16_t len, uint8_t type, uint8_t code)
{
	const struct net_ip6 *h = (const struct net_ip6 *)pkt;
	uint8_t buf[IP6_MIN_MTU];
	struct icmp6_err_msg m;
	struct ext_info x;
	int n = icmp6_error(buf, sizeof(buf), &ours, type, code, 0x12345678, pkt, len);
	uint16_t icmp_len = (uint16_t)(n - (int)HDR);

	FUZZ_CHECK(n == (len + 48 < IP6_MIN_MTU ? len + 48 : IP6_MIN_MTU));
	FUZZ_CHECK(icmp6_check(&ours, &h->src, buf + HDR, icmp_len));
	FUZZ_CHECK(ext_walk(buf, (uint16_t)n, EXT_TO_US, &x) == EXT_OK);
	for (uint8_t t = ICMP6_UNREACHABLE; t <= ICMP6_PARAM_PROBLEM; t++)
		FUZZ_CHECK(!icmp6_may_answer(buf, (uint16_t)n, &x, t, code));
	FUZZ_CHECK(icmp6_error(buf, (uint16_t)(n - 1), &ours, type, code, 0, pkt, len) == -ENOSPC);
	n = icmp6_error_decode(buf + HDR, icmp_len, &m);
	FUZZ_CHECK((n == 0) == (net_ip6_version(h) == 6));
	if (n == 0) {
		FUZZ_CHECK(m.type == type && m.code == code && m.arg == 0x12345678);
		FUZZ_CHECK(memcmp(m.quoted, pkt, m.quoted_len) == 0 && m.quoted_len >= HDR);
	}
}

static bool is_error(const uint8_t *pkt, uint16_t len)
{
	struct ext_info x;

	return ext_walk(pkt, len, EXT_TRANSIT, &x) == EXT_OK && x.upper == IP6_ICMP6 &&
	       x.upper_off < len && pkt[x.upper_off] < 128;
}

static void check_answers(const uint8_t *pkt, uint16_t len)
{
	const struct net_ip6 *h = (const struct net_ip6 *)pkt;
	bool answerable = !is_error(pkt, len);

	for (enum ext_mode mode = EXT_TO_US; mode <= EXT_TRANSIT; mode++) {
		struct ext_info x;

		ext_walk(pkt, len, mode, &x);
		for (uint8_t type = ICMP6_UNREACHABLE; type <= ICMP6_PARAM_PROBLEM; type++) {
			for (uint8_t code = 0; code <= 4; code++) {
				if (!icmp6_may_answer(pkt, len, &x, type, code))
					continue;
				FUZZ_CHECK(answerable);
				FUZZ_CHECK(
					!ip6_is_multicast(&h->src) && !ip6_is_unspecified(&h->src));
				FUZZ_CHECK(!ip6_is_multicast(&h->dst) || type == ICMP6_TOO_BIG ||
					   (type == ICMP6_PARAM_PROBLEM && code == 2));
				check_error(pkt, len, type, code);
			}
		}
	}
}

static void check_received(const struct net_ip6 *h, const uint8_t *icmp, uint16_t len)
{
	struct icmp6_err_msg m;
	uint8_t *reply = malloc(HDR + len);

	FUZZ_CHECK(reply != NULL);
	if (icmp6_error_decode(icmp, len, &m) == 0) {
		FUZZ_CHECK(m.type < 128 && m.quoted_len >= HDR);
		FUZZ_CHECK(m.quoted + m.quoted_len == icmp + len);
	}
	if (len >= 8) {
		FUZZ_CHECK(icmp6_echo_reply(reply, (uint16_t)(HDR + len), &ours, &h->src, icmp,
				   len) == (int)(HDR + len));
		FUZZ_CHECK(icmp6_check(&ours, &h->src, reply + HDR, len));
		FUZZ_CHECK(reply[HDR] == ICMP6_ECHO_REPLY && reply[HDR + 1] == 0);
		FUZZ_CHECK(memcmp(reply + HDR + 4, icmp + 4, len - 4u) == 0);
	} else {
		FUZZ_CHECK(!icmp6_check(&ours, &h->src, icmp, len));
	}
	free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HDR || size > 4096)
		return 0;
	check_answers(data, (uint16_t)size);
	check_received((const struct net_ip6 *)data, data + HDR, (uint16_t)(size - HDR));
	return 0;
}
