/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <assert.h>

#include "net/ip6hdr.h"
#include "rng.h"
#include "vectors.h"

#define DROP (-1)

/* RFC 6040, figure 4, line by line as it is printed. */
static void test_ecn_figure_4(void **state)
{
	static const uint8_t outer[] = { ECN_NOT_ECT, ECN_ECT0, ECN_ECT1, ECN_CE };
	static const struct {
		uint8_t inner;
		int result[DIM(outer)];
	} figure[] = {
		{ ECN_NOT_ECT, { ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, DROP } },
		{ ECN_ECT0, { ECN_ECT0, ECN_ECT0, ECN_ECT1, ECN_CE } },
		{ ECN_ECT1, { ECN_ECT1, ECN_ECT1, ECN_ECT1, ECN_CE } },
		{ ECN_CE, { ECN_CE, ECN_CE, ECN_CE, ECN_CE } },
	};

	(void)state;
	for (size_t i = 0; i < DIM(figure); i++) {
		for (size_t o = 0; o < DIM(outer); o++) {
			int got = net_ecn_decap(figure[i].inner, outer[o]);

			if (got != figure[i].result[o])
				fail_msg("inner %u outer %u: %d", figure[i].inner, outer[o], got);
		}
	}
}

/* RFC 3168, 5.3, said with two fragments: the first one's field and the other's. */
static void test_ecn_of_fragments(void **state)
{
	static const int result[4][4] = {
		[ECN_NOT_ECT] = { [ECN_NOT_ECT] = ECN_NOT_ECT,
			[ECN_ECT0] = ECN_NOT_ECT,
			[ECN_ECT1] = ECN_NOT_ECT,
			[ECN_CE] = DROP },
		[ECN_ECT0] = { [ECN_NOT_ECT] = ECN_ECT0,
			[ECN_ECT0] = ECN_ECT0,
			[ECN_ECT1] = ECN_ECT0,
			[ECN_CE] = ECN_CE },
		[ECN_ECT1] = { [ECN_NOT_ECT] = ECN_ECT1,
			[ECN_ECT0] = ECN_ECT1,
			[ECN_ECT1] = ECN_ECT1,
			[ECN_CE] = ECN_CE },
		[ECN_CE] = { [ECN_NOT_ECT] = DROP,
			[ECN_ECT0] = ECN_CE,
			[ECN_ECT1] = ECN_CE,
			[ECN_CE] = ECN_CE },
	};

	(void)state;
	for (unsigned first = 0; first < 4; first++) {
		for (unsigned other = 0; other < 4; other++) {
			int got = net_ecn_reassemble(
				(uint8_t)(1 << first | 1 << other), (uint8_t)first);

			if (got != result[first][other])
				fail_msg("first %u other %u: %d", first, other, got);
		}
	}
}

static void test_fields(void **state)
{
	struct ip6_addr src = addr(VEC_CN), dst = addr(VEC_HOA);
	struct net_ip6 h;

	(void)state;
	memset(&h, 0xff, sizeof(h));
	net_ip6_fill(&h, 0x1234, IP6_MH, 64, &src, &dst);
	assert_int_equal(net_ip6_version(&h), 6);
	assert_int_equal(net_ip6_tclass(&h), 0);
	assert_int_equal(net_ip6_flow(&h), 0);
	assert_int_equal(net_ip6_payload_len(&h), 0x1234);
	net_ip6_set_vtf(&h, 0xb9, 0xabcde);
	assert_int_equal(net_ip6_version(&h), 6);
	assert_int_equal(net_ip6_tclass(&h), 0xb9);
	assert_int_equal(net_ip6_flow(&h), 0xabcde);
	for (uint8_t ecn = 0; ecn < 4; ecn++) {
		net_ip6_set_ecn(&h, ecn);
		assert_int_equal(net_ip6_tclass(&h), 0xb8 | ecn);
		assert_int_equal(net_ip6_flow(&h), 0xabcde);
	}
}

/* An inner packet of 48 octets: header and the first 8 octets of the upper layer. */
struct flow_pkt {
	struct net_ip6 h;
	uint8_t up[8];
};
static_assert(sizeof(struct flow_pkt) == 48, "no holes");

static struct flow_pkt flow_pkt(uint8_t upper)
{
	struct ip6_addr src = addr(VEC_CN), dst = addr(VEC_HOA);
	struct flow_pkt p = { .up = { 0x14, 0xe9, 0x00, 0x35 } };

	net_ip6_fill(&p.h, sizeof(p.up), upper, 64, &src, &dst);
	return p;
}

static uint64_t key; /* what the hash is seeded with */

static uint32_t hash(const struct flow_pkt *p)
{
	return net_flow_hash((const uint8_t *)p, sizeof(*p), p->h.next_header, sizeof(p->h), key);
}

/* What differs between two packets of one flow, and between two flows. */
static void test_flow_identity(void **state)
{
	struct flow_pkt udp = flow_pkt(IP6_UDP), other = udp;
	struct flow_pkt icmp = flow_pkt(IP6_ICMP6), esp = flow_pkt(IP6_ESP);

	(void)state;
	other.h.hop_limit = 3;
	other.up[7] = 0x77;
	net_ip6_set_vtf(&other.h, 0x02, 0x12345);
	assert_int_equal(hash(&udp), hash(&other)); /* ports tell, not label or payload */
	other.up[1] ^= 1;
	assert_int_not_equal(hash(&udp), hash(&other));
	other = flow_pkt(IP6_TCP);
	assert_int_not_equal(hash(&udp), hash(&other));
	other = udp;
	other.h.src.b[15] ^= 1;
	assert_int_not_equal(hash(&udp), hash(&other));
	other = udp;
	other.h.src = udp.h.dst;
	other.h.dst = udp.h.src;
	assert_int_not_equal(hash(&udp), hash(&other));

	/* No ports: what the octets there are does not matter, the sender's label does. */
	other = icmp;
	other.up[0] ^= 0xff;
	assert_int_equal(hash(&icmp), hash(&other));
	net_ip6_set_vtf(&other.h, 0, 7);
	assert_int_not_equal(hash(&icmp), hash(&other));
	other = esp;
	other.up[3] ^= 1; /* SPI */
	assert_int_not_equal(hash(&esp), hash(&other));
	other = esp;
	other.up[7] ^= 1; /* sequence number */
	assert_int_equal(hash(&esp), hash(&other));
}

/* Fragments, and an upper layer that is not there: nothing is read past the packet. */
static void test_flow_short(void **state)
{
	struct flow_pkt udp = flow_pkt(IP6_UDP), other = udp;

	(void)state;
	other.up[1] ^= 1;
	assert_int_equal(net_flow_hash((uint8_t *)&udp, sizeof(udp), IP6_UDP, 0, 0),
		net_flow_hash((uint8_t *)&other, sizeof(other), IP6_FRAGMENT, 0, 0));
	for (uint16_t len = 40; len < 48; len++) {
		struct buf b = buf_copy(&udp, len);
		uint32_t got = net_flow_hash(b.p, len, IP6_UDP, 40, 0);

		assert_true(got > 0 && got < 1 << 20);
		assert_true((got == hash(&udp)) == (len >= 44));
		buf_free(&b);
	}
}

/* Another seed is another hash: what one says of the other's is chance. */
static void test_flow_seed(void **state)
{
	struct flow_pkt p = flow_pkt(IP6_UDP);
	unsigned same = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		uint32_t label;

		p.up[1] = (uint8_t)i;
		p.up[0] = (uint8_t)(i >> 8);
		label = hash(&p);
		key = 0x5eed;
		same += label == hash(&p);
		key = 0;
	}
	assert_in_range(same, 0, 1);
}

/* No address takes the seed out of it: whoever may choose one, as a mobile node in a range may,
 * still cannot tell a label. (Those that would meet a constant of the hash, and its like.) */
static void test_flow_seed_stays(void **state)
{
	static const uint64_t words[] = { 0xe7037ed1a0b428dbULL, 0x589965cc75374cc3ULL, 0, 1,
		UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < 2 * DIM(words); i++) {
		struct flow_pkt p = flow_pkt(IP6_UDP);
		struct ip6_addr *chosen = i % 2 == 0 ? &p.h.src : &p.h.dst;
		unsigned same = 0;

		memcpy(chosen->b + 8, &words[i / 2], sizeof(words[0]));
		for (uint64_t seed = 1; seed <= 100; seed++) {
			uint32_t label =
				net_tunnel_flow(&p.h, sizeof(p), seed * 0x9e3779b97f4a7c15);

			same += label == net_tunnel_flow(&p.h, sizeof(p), seed);
		}
		assert_in_range(same, 0, 1);
	}
}

static void test_tunnel_flow(void **state)
{
	static const uint8_t with_ports[] = { IP6_TCP, IP6_UDP };
	static const uint8_t without[] = { IP6_ICMP6, IP6_ESP, IP6_DSTOPT, IP6_FRAGMENT };

	(void)state;
	for (size_t i = 0; i < DIM(with_ports); i++) {
		struct flow_pkt p = flow_pkt(with_ports[i]);

		assert_int_equal(net_tunnel_flow(&p.h, sizeof(p), 7),
			net_flow_hash((uint8_t *)&p, sizeof(p), with_ports[i], 40, 7));
		assert_int_not_equal(
			net_tunnel_flow(&p.h, sizeof(p), 7), net_tunnel_flow(&p.h, sizeof(p), 8));
	}
	for (size_t i = 0; i < DIM(without); i++) {
		struct flow_pkt p = flow_pkt(without[i]);

		assert_int_equal(net_tunnel_flow(&p.h, sizeof(p), 7),
			net_flow_hash((uint8_t *)&p, sizeof(p), without[i], 0, 7));
	}
}

#define LABELS   ((1u << 20) - 1)
#define SAMPLES  (1u << 22)
#define DEVIANCE 6.0 /* standard deviations */

enum { BY_PORTS, BY_HOSTS, BY_LABEL, BY_RANDOM, BY_COUNT };

/* The i-th flow of a kind: consecutive numbers, as networks have them. */
static uint32_t nth_hash(struct flow_pkt *p, unsigned kind, uint32_t i, uint64_t *seed)
{
	switch (kind) {
	case BY_PORTS: /* consecutive source ports to 64 services */
		p->up[0] = (uint8_t)(i >> 8);
		p->up[1] = (uint8_t)i;
		p->up[3] = (uint8_t)(i >> 16);
		break;
	case BY_HOSTS: /* consecutive home addresses */
		for (unsigned k = 0; k < 4; k++)
			p->h.dst.b[12 + k] = (uint8_t)(i >> (24 - 8 * k));
		break;
	case BY_LABEL: /* ICMPv6: all labels of four hosts */
		p->h.next_header = IP6_ICMP6;
		net_ip6_set_vtf(&p->h, 0, i & 0xfffff);
		p->h.src.b[15] = (uint8_t)(i >> 20);
		break;
	default:
		rng_fill(seed, &p->h.src, 32);
	}
	return hash(p);
}

/*
 * Chi-square over all 2^20 - 1 labels: with 4 flows expected in each, the statistic has mean
 * and half its variance LABELS - 1; six standard deviations are one in 10^9.
 */
static void test_flow_uniform(void **state)
{
	uint32_t *seen = calloc(LABELS + 1, sizeof(*seen));
	uint64_t seed = 0x6438, first = 0, last = 0;

	(void)state;
	assert_non_null(seen);
	for (unsigned kind = 0; kind < BY_COUNT; kind++) {
		struct flow_pkt p = flow_pkt(IP6_UDP);
		double expected = (double)SAMPLES / LABELS, chi2 = 0, off;

		memset(seen, 0, (LABELS + 1) * sizeof(*seen));
		for (uint32_t i = 0; i < SAMPLES; i++) {
			uint32_t label = nth_hash(&p, kind, i, &seed);

			assert_in_range(label, 1, LABELS);
			seen[label]++;
		}
		for (uint32_t l = 1; l <= LABELS; l++)
			chi2 += (seen[l] - expected) * (seen[l] - expected) / expected;
		off = chi2 - (LABELS - 1);
		if (off * off > DEVIANCE * DEVIANCE * 2 * (LABELS - 1))
			fail_msg("kind %u: chi-square %.0f", kind, chi2);
		first += seen[1];
		last += seen[LABELS];
	}
	assert_true(first > 0 && last > 0); /* 16 expected each */
	free(seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ecn_figure_4),
		cmocka_unit_test(test_ecn_of_fragments),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_flow_identity),
		cmocka_unit_test(test_flow_short),
		cmocka_unit_test(test_flow_seed),
		cmocka_unit_test(test_flow_seed_stays),
		cmocka_unit_test(test_tunnel_flow),
		cmocka_unit_test(test_flow_uniform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
