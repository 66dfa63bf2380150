/* SPDX-License-Identifier: BSD-3-Clause */
/* Out of the mesh's tunnels: what is forged, replayed, malformed or nested is not opened. */
#include "mesh_pair.h"

/* --- what is not opened --- */

static void test_forged(void **state)
{
	struct pkt p = udp(CN, MN, 100);

	(void)state;
	for (unsigned at = 44; at < 40 + esp_size(100); at++) {
		struct pkt wire = sealed(&p, 0), bad = wire;
		struct pkt got;
		int r;

		bad.b[at] ^= 0x10;
		r = arrive(opener(), &bad, &got);
		/* a number that is changed may also be one that was taken */
		assert_true(r == DP_DROP_MESH_ESP_FORGED ||
			    (at < 48 && r == DP_DROP_MESH_ESP_REPLAYED));
		check_arrives(&wire, &p); /* the forged one did not take its place */
	}
}

static void test_not_opened(void **state)
{
	struct ip6_addr other = addr("2001:db8:1::11");
	struct pkt p = udp(CN, MN, 100), wire = sealed(&p, 0), bad;

	(void)state;
	bad = wire;
	head(&bad)->src = other;
	check_drop(&bad, DP_DROP_MESH_SOURCE);
	bad = wire;
	put_spi(&bad, sa_spi(77, 0, false, 1));
	check_drop(&bad, DP_DROP_MESH_STRANGER);
	bad = wire;
	put_spi(&bad, sa_spi(2, 0, false, 1)); /* our own */
	check_drop(&bad, DP_DROP_MESH_STRANGER);
	bad = wire;
	put_spi(&bad, sa_spi(1, 0, false, 9));
	check_drop(&bad, DP_DROP_MESH_ESP_KEYS);
	bad = wire;
	put_spi(&bad, sa_spi(1, 0, true, 1)); /* the other kind of hop: another nonce */
	check_drop(&bad, DP_DROP_MESH_ESP_FORGED);
	bad = wire;
	put_spi(&bad, sa_spi(1, 2, false, 1)); /* another worker: that too */
	check_drop(&bad, DP_DROP_MESH_ESP_FORGED);
	bad = wire;
	bad.n = 40 + 16 + 16;
	net_ip6_set_payload_len(head(&bad), 32);
	check_drop(&bad, DP_DROP_MESH_ESP_SHORT);
	check_arrives(&wire, &p);
	check_drop(&wire, DP_DROP_MESH_ESP_REPLAYED);
}

/* Sealed as a peer that has lost its mind would: genuine all the same. */
static struct pkt genuine(const void *text, uint32_t len, uint8_t next)
{
	struct sa_out *o = sa_out_of(sa_view(site1.t->sa)->peer[2]);
	struct pkt p = { .n = 0 };
	uint32_t n;

	memcpy(p.b + 40 + ESP_HEAD, text, len);
	n = esp_seal(sa_view(site1.t->sa)->gcm, &o->lane[0].esp, p.b + 40 + ESP_HEAD, len, next);
	net_ip6_fill(head(&p), (uint16_t)n, IP6_ESP, 64, &sa_view(site1.t->sa)->site,
		&sa_view(site2.t->sa)->site);
	p.n = (uint16_t)(40 + n);
	return p;
}

static void test_inner(void **state)
{
	struct pkt p = udp(CN, MN, 100), bad;
	struct ip6_addr ll = addr("fe80::1");

	(void)state;
	bad = genuine(p.b, p.n, IP6_UDP);
	check_drop(&bad, DP_DROP_MESH_INNER);
	bad = genuine(p.b, 39, IP6_IN_IP6);
	check_drop(&bad, DP_DROP_MESH_INNER);
	bad = genuine(p.b, 99, IP6_IN_IP6);
	check_drop(&bad, DP_DROP_MESH_INNER);
	bad = genuine(p.b, 0, IP6_NONE);
	check_drop(&bad, DP_DROP_MESH_INNER);
	head(&p)->vtf[0] = 0x40;
	bad = genuine(p.b, p.n, IP6_IN_IP6);
	check_drop(&bad, DP_DROP_MESH_INNER);
	p = udp(CN, MN, 40);
	head(&p)->next_header = IP6_HOPOPT;
	bad = genuine(p.b, p.n, IP6_IN_IP6);
	check_drop(&bad, DP_DROP_MESH_INNER);
	p = udp(CN, MN, 100);
	head(&p)->dst = ll;
	bad = genuine(p.b, p.n, IP6_IN_IP6);
	check_drop(&bad, DP_DROP_DECAP_LINK_LOCAL);
	p = udp("fe80::2", MN, 100);
	bad = genuine(p.b, p.n, IP6_IN_IP6);
	check_drop(&bad, DP_DROP_DECAP_LINK_LOCAL);
}

/* A peer's padding that is none: the text is sealed with GCM by hand. */
static void test_padding(void **state)
{
	struct sa_out *o = sa_out_of(sa_view(site1.t->sa)->peer[2]);
	struct esp_out *e = &o->lane[0].esp;
	struct pkt p = { .n = 40 + 16 + 48 + 16 };
	uint8_t aad[12] = { 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9 }, iv[12] = { 0 };

	(void)state;
	net_ip6_fill(head(&p), 80, IP6_ESP, 64, &sa_view(site1.t->sa)->site,
		&sa_view(site2.t->sa)->site);
	put_spi(&p, e->spi);
	p.b[47] = p.b[55] = iv[11] = 9;
	memcpy(iv, e->salt, 4);
	p.b[56 + 44] = 7; /* not 1 */
	p.b[56 + 46] = 2;
	p.b[56 + 47] = IP6_IN_IP6;
	gcm_seal(sa_view(site1.t->sa)->gcm, o->key, iv, aad, 12, p.b + 56, 48, p.b + 56 + 48);
	check_drop(&p, DP_DROP_MESH_ESP_PADDING);
}

static void test_ecn(void **state)
{
	static const struct {
		uint8_t inner, outer;
		int out; /* -1: dropped */
	} cases[] = { { 0, 0, 0 }, { 0, 3, -1 }, { 2, 3, 3 }, { 2, 2, 2 }, { 1, 3, 3 },
		{ 3, 2, 3 } };

	(void)state;
	for (unsigned i = 0; i < DIM(cases); i++) {
		struct pkt p = udp(CN, MN, 80), wire, got;

		net_ip6_set_ecn(head(&p), cases[i].inner);
		wire = sealed(&p, 0);
		assert_int_equal(net_ip6_tclass(head(&wire)) & 3, cases[i].inner);
		net_ip6_set_ecn(head(&wire), cases[i].outer);
		if (cases[i].out < 0) {
			check_drop(&wire, DP_DROP_DECAP_ECN);
			continue;
		}
		assert_int_equal(arrive(opener(), &wire, &got), -1);
		assert_int_equal(net_ip6_tclass(head(&got)) & 3, cases[i].out);
	}
}

/* A mesh packet in a mobile node's tunnel, and one in another mesh packet. */
static void test_nested(void **state)
{
	struct pkt p = udp(CN, MN, 100), wire = sealed(&p, 0);
	struct dp_worker *w = &site2.w[opener()];
	struct rte_mbuf *m = mbuf_of(&wire);
	struct pkt in_tunnel = { .n = (uint16_t)(40 + wire.n) };
	struct ip6_addr coa = addr("2001:db8:f::1"), ha = addr("2001:db8:a::1");

	(void)state;
	dp_meta(m)->peer = 1;
	dp_vec_push(&w->vec[V_AGAIN], m);
	dp_carry(w);
	assert_int_equal(w->counters.drop[DP_DROP_MESH_NESTED], 1);
	head(&wire)->src = addr("2001:db8:a::100");
	net_ip6_fill(head(&in_tunnel), wire.n, IP6_IN_IP6, 64, &coa, &ha);
	memcpy(in_tunnel.b + 40, wire.b, wire.n);
	check_drop(&in_tunnel, DP_DROP_MESH_NESTED);
}

/* ESP to an address of ours that is not the site's, and clear tunnels of strangers. */
static void test_not_mesh(void **state)
{
	struct pkt p = udp(CN, MN, 100), wire = sealed(&p, 0), clear = wire;
	struct dp_worker *w = &site2.w[opener()];
	void *m = NULL;

	(void)state;
	route(site2.t, "2001:db8:2::11/128", fib_value(FIB_LOCAL, 0));
	head(&wire)->dst = addr("2001:db8:2::11");
	push(&w->vec[V_AGAIN], &wire, 0, 0);
	dp_carry(w);
	assert_int_equal(rte_ring_dequeue(w->punt[DP_PUNT_LOCAL], &m), 0);
	rte_pktmbuf_free(m);
	head(&clear)->next_header = IP6_DSTOPT;
	memcpy(clear.b + 40, (uint8_t[]){ 41, 0, 4, 1, 1, 1, 1, 0 }, 8);
	check_drop(&clear, DP_DROP_MESH_CLEAR);
	head(&clear)->src = addr(CN);
	check_drop(&clear, DP_DROP_MESH_STRANGER);
	clear.b[44] = 2; /* not as a peer writes it: a packet to us like any other */
	push(&w->vec[V_AGAIN], &clear, 0, 0);
	dp_carry(w);
	assert_int_equal(rte_ring_dequeue(w->punt[DP_PUNT_LOCAL], &m), 0);
	rte_pktmbuf_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forged, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_not_opened, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_inner, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_padding, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_ecn, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_nested, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_not_mesh, begin_sealed, end_sites),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
