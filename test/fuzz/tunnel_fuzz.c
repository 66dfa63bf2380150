/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input: an ICMPv6 error, from its type octet on, about a tunnel packet. What it quotes is opened
 * and the inner source's share found.
 */
#include "fuzz.h"

#include "control/icmp_rules.h"
#include "control/tunnel_rules.h"

#define HDR sizeof(struct net_ip6)

static void check_quote(const struct icmp6_err_msg *m, const struct tunnel_quote *q)
{
	const uint8_t *inner = (const uint8_t *)q->inner;

	FUZZ_CHECK((const uint8_t *)q->outer == m->quoted);
	FUZZ_CHECK(inner == m->quoted + q->inner_off && q->inner_off >= HDR);
	FUZZ_CHECK(q->inner_here >= HDR && q->inner_here <= q->inner_len);
	FUZZ_CHECK(q->inner_off + q->inner_here <= m->quoted_len);
	FUZZ_CHECK(q->outer_len >= HDR && q->inner_len >= HDR);
	FUZZ_CHECK(q->limit_off == 0 || (q->limit_off > HDR && q->limit_off < q->inner_off));
	FUZZ_CHECK(net_ip6_version(q->inner) == 6);
	/* whoever reads it stays inside, too */
	FUZZ_CHECK(net_tunnel_flow(q->inner, q->inner_here, 1) < 1 << 20);
}

static void check_told(const struct icmp6_err_msg *m, const struct tunnel_quote *q)
{
	struct tunnel_error e = { m->type, m->code, m->arg };

	if (!tunnel_tells(q, &e))
		return;
	FUZZ_CHECK(m->type >= ICMP6_UNREACHABLE && m->type <= ICMP6_PARAM_PROBLEM);
	if (m->type == ICMP6_TOO_BIG)
		FUZZ_CHECK(e.type == ICMP6_TOO_BIG && e.code == 0 && e.arg >= IP6_MIN_MTU &&
			   (e.arg < m->arg || e.arg == IP6_MIN_MTU) && q->inner_len > IP6_MIN_MTU);
	else
		FUZZ_CHECK(e.type == ICMP6_UNREACHABLE && e.code == ICMP6_ADDRESS && e.arg == 0);
	if (m->type == ICMP6_PARAM_PROBLEM)
		FUZZ_CHECK(m->quoted[m->arg] == 0 && m->arg < q->inner_off);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct icmp6_err_msg m;
	struct tunnel_quote q;
	uint32_t mtu;

	if (size > 4096 || icmp6_error_decode(data, (uint16_t)size, &m) < 0)
		return 0;
	mtu = icmp_learned_mtu(&m, 1500);
	FUZZ_CHECK(mtu == 0 || (m.type == ICMP6_TOO_BIG && mtu >= IP6_MIN_MTU && mtu < 1500));
	if (tunnel_open(m.quoted, m.quoted_len, &q)) {
		check_quote(&m, &q);
		check_told(&m, &q);
	}
	return 0;
}
