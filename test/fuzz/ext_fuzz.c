/* SPDX-License-Identifier: BSD-3-Clause */
/* Input: an IPv6 packet. Both walks, and the flow hash over what they left. */
#include "fuzz.h"

#include "net/ext.h"
#include "net/ip6hdr.h"

#define HDR sizeof(struct net_ip6)

static void check_offsets(const uint8_t *pkt, size_t len, const struct ext_info *x)
{
	FUZZ_CHECK(pkt[x->nh_off] == x->upper && x->nh_off < len);
	FUZZ_CHECK(x->upper_off == 0 || (x->upper_off >= HDR && x->upper_off <= len));
	FUZZ_CHECK(x->upper_off <= HDR + EXT_MAX_BYTES);
	FUZZ_CHECK(x->bad_off < len && x->headers <= EXT_MAX_HEADERS + 1);
	FUZZ_CHECK(((x->flags & EXT_HAO) != 0) == (x->hao_off != 0));
	FUZZ_CHECK(((x->flags & EXT_LIMIT) != 0) == (x->limit_off != 0));
	FUZZ_CHECK(((x->flags & EXT_RH) != 0) == (x->rh_off != 0));
	FUZZ_CHECK(((x->flags & (EXT_FRAGMENT | EXT_ATOMIC)) != 0) == (x->frag_off != 0));
	if (x->flags & EXT_HAO)
		FUZZ_CHECK(x->hao_off + 18u <= len && pkt[x->hao_off] == 0xc9);
	if (x->flags & EXT_LIMIT)
		FUZZ_CHECK(x->limit_off + 3u <= len && pkt[x->limit_off] == 4);
	if (x->flags & EXT_RH)
		FUZZ_CHECK(x->rh_off + 8u <= len);
	if (x->frag_off != 0)
		FUZZ_CHECK(x->frag_off + 8u <= len && pkt[x->frag_nh_off] == IP6_FRAGMENT);
	if (x->flags & EXT_NOT_FIRST)
		FUZZ_CHECK((x->flags & EXT_FRAGMENT) && x->upper == IP6_FRAGMENT);
}

static void check_to_us(const uint8_t *pkt, uint16_t len)
{
	struct ext_info x;
	enum ext_verdict v = ext_walk(pkt, len, EXT_TO_US, &x);
	bool whole = v == EXT_OK || v == EXT_HAO_REFUSED;

	check_offsets(pkt, len, &x);
	FUZZ_CHECK(v < EXT_VERDICT_COUNT);
	FUZZ_CHECK((x.upper_off != 0) == (whole && (x.flags & EXT_NOT_FIRST) == 0));
	if (v == EXT_OK && (x.flags & EXT_HAO))
		FUZZ_CHECK(ip6_is_routable((const struct ip6_addr *)(pkt + x.hao_off + 2)));
	if (v == EXT_OK && (x.flags & EXT_HAO) && (x.flags & EXT_RH))
		FUZZ_CHECK(x.hao_off > x.rh_off);
	if (v == EXT_RH_REFUSED)
		FUZZ_CHECK(x.bad_off == x.rh_off + 2 && pkt[x.bad_off] != 2);
	if (v == EXT_RH2)
		FUZZ_CHECK(pkt[x.rh_off + 2] == 2 && pkt[x.rh_off + 3] > 0);
	if (v == EXT_BAD_OPTION || v == EXT_BAD_OPTION_UNI)
		FUZZ_CHECK(pkt[x.bad_off] >> 6 == (v == EXT_BAD_OPTION ? 2 : 3));
}

static void check_transit(const uint8_t *pkt, uint16_t len)
{
	struct ext_info x, same;
	enum ext_verdict v = ext_walk(pkt, len, EXT_TRANSIT, &x);
	uint32_t label;

	check_offsets(pkt, len, &x);
	FUZZ_CHECK(v == EXT_OK || v == EXT_TRUNCATED || v == EXT_TOO_MANY);
	FUZZ_CHECK(x.bad_off == 0);
	/* Whatever passes for us reads the same in transit. */
	if (ext_walk(pkt, len, EXT_TO_US, &same) == EXT_OK) {
		FUZZ_CHECK(v == EXT_OK && same.upper == x.upper && same.flags == x.flags);
		FUZZ_CHECK(same.upper_off == x.upper_off && same.hao_off == x.hao_off);
	}
	label = net_flow_hash(pkt, len, x.upper, x.upper_off, 0);
	FUZZ_CHECK(label > 0 && label < 1 << 20);
	FUZZ_CHECK(label == net_flow_hash(pkt, len, x.upper, x.upper_off, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < HDR || size > UINT16_MAX)
		return 0;
	check_to_us(data, (uint16_t)size);
	check_transit(data, (uint16_t)size);
	return 0;
}
