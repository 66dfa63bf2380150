/* SPDX-License-Identifier: BSD-3-Clause */
/* Into the mesh's tunnels: sizes, outer headers, fragments, what is not sealed. */
#include "mesh_pair.h"

/* --- there and back --- */

static void test_sizes(void **state)
{
	(void)state;
	for (uint16_t len = 40; len <= 1426; len = (uint16_t)(len + (len < 200 ? 1 : 61))) {
		struct pkt p = udp(CN, MN, len), wire = sealed(&p, len & 1 ? DP_META_RELAY_ON : 0);

		assert_int_equal(wire.n, 40 + esp_size(len));
		check_arrives(&wire, &p);
	}
}

static void test_outer_header(void **state)
{
	struct pkt p = udp(CN, MN, 100), wire, again;
	uint32_t spi;

	(void)state;
	net_ip6_set_vtf(head(&p), 0xb9, 0x12345);
	wire = sealed(&p, 0);
	again = sealed(&p, DP_META_RELAY_ON);
	assert_int_equal(net_ip6_version(head(&wire)), 6);
	assert_int_equal(net_ip6_tclass(head(&wire)), 0xb9);
	assert_int_not_equal(net_ip6_flow(head(&wire)), 0);
	assert_int_equal(net_ip6_flow(head(&wire)), net_ip6_flow(head(&again)));
	assert_int_equal(head(&wire)->next_header, IP6_ESP);
	assert_int_equal(head(&wire)->hop_limit, 64);
	assert_true(ip6_eq(&head(&wire)->src, &(struct ip6_addr){ 0 }) == false);
	assert_memory_equal(&head(&wire)->src, &sa_view(site1.t->sa)->site, 16);
	assert_memory_equal(&head(&wire)->dst, &sa_view(site2.t->sa)->site, 16);
	memcpy(&spi, wire.b + 40, 4);
	assert_int_equal(be32toh(spi), 0x01000001);
	memcpy(&spi, again.b + 40, 4);
	assert_int_equal(be32toh(spi), 0x01800001);
	check_arrives(&wire, &p);
}

/* The provenance that later stages go by. */
static void test_provenance(void **state)
{
	struct dp_worker *w = &site2.w[opener()];
	struct pkt p = udp(CN, MN, 100);

	(void)state;
	for (unsigned relayed = 0; relayed < 2; relayed++) {
		struct pkt wire = sealed(&p, relayed ? DP_META_RELAY_ON : 0);
		struct rte_mbuf *m;

		push(&w->vec[V_MESH], &wire, 0, DP_META_WALKED);
		dp_open(w, &w->vec[V_MESH]);
		assert_int_equal(w->vec[V_AGAIN].n, 1);
		m = w->vec[V_AGAIN].pkt[0];
		assert_int_equal(dp_meta(m)->peer, 1);
		assert_int_equal(dp_meta(m)->flags, relayed ? DP_META_RELAYED : 0);
		assert_int_equal(dp_meta(m)->opened, 0);
		rte_pktmbuf_free(m);
		w->vec[V_AGAIN].n = 0;
	}
}

/* Each worker has numbers of its own: no two ever seal with one nonce. */
static void test_own_lane(void **state)
{
	struct sa_out *out = sa_out_of(sa_view(site1.t->sa)->peer[2]);
	struct dp_worker *w = &site1.w[0];
	struct pkt p = udp(CN, MN, 100);
	uint16_t id = w->id;

	(void)state;
	assert_true(out->lanes >= 4);
	for (uint16_t n = 0; n < 2; n++) {
		uint64_t last = out->lane[sa_lane_of(n, false)].esp.last;
		struct pkt wire;
		uint32_t spi;

		w->id = n;
		wire = sealed(&p, 0);
		w->id = id;
		memcpy(&spi, wire.b + sizeof(struct net_ip6), sizeof(spi));
		assert_int_equal(sa_spi_worker(be32toh(spi)), n);
		assert_int_equal(out->lane[sa_lane_of(n, false)].esp.last, last + 1);
	}
}

static void test_counts(void **state)
{
	struct sa_count out, in;
	struct sa_info info;
	uint32_t cursor = 0;
	int ret, found = 0;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct pkt p = udp(CN, MN, (uint16_t)(100 + i)), wire = sealed(&p, 0);

		check_arrives(&wire, &p);
	}
	assert_int_equal(sa_count(site1.t->sa, 2, &out, &in), 0);
	assert_int_equal(out.packets, 5);
	assert_int_equal(out.octets, 510);
	assert_int_equal(in.packets, 0);
	assert_int_equal(sa_count(site2.t->sa, 1, &out, &in), 0);
	assert_int_equal(in.packets, 5);
	assert_int_equal(in.octets, 510);
	assert_int_equal(site1.w[0].counters.c[DP_COUNTER_MESH_SEALED], 5);
	assert_int_equal(site2.w[opener()].counters.c[DP_COUNTER_MESH_OPENED], 5);
	while ((ret = sa_next(site2.t->sa, &cursor, &info)) >= 0) {
		if (ret == 0)
			continue;
		found++;
		assert_int_equal(info.node, 1);
		assert_false(info.outbound);
		assert_int_equal(info.spi, 0x01000001);
		assert_int_equal(info.number, 5);
		assert_int_equal(info.count.packets, 5);
	}
	assert_int_equal(found, 1);
}

/* --- sizes --- */

static void check_seal_drop(const struct pkt *p, uint8_t relay_to, enum dp_drop reason)
{
	struct dp_worker *w = &site1.w[0];
	struct dp_counters before = w->counters;
	struct dp_meta meta;

	push(&w->vec[V_RELAY], p, relay_to, 0);
	seal(w);
	assert_int_equal(reason_since(w, &before, &meta), reason);
}

static void test_too_big(void **state)
{
	struct dp_meta meta = check_seal_error(udp(CN, MN, 1427), 0, DP_DROP_MESH_TOO_BIG);
	struct pkt p = udp(CN, MN, 1280), wire[4];

	(void)state;
	assert_int_equal(meta.icmp_type, ICMP6_TOO_BIG);
	assert_int_equal(meta.icmp_arg, 1426);
	sa_set_mtu(site1.t->sa, 2, 1400);
	meta = check_seal_error(udp(CN, MN, 1327), 0, DP_DROP_MESH_TOO_BIG);
	assert_int_equal(meta.icmp_arg, 1326);
	sa_set_mtu(site1.t->sa, 2, 1300);
	meta = check_seal_error(udp(CN, MN, 1281), 0, DP_DROP_MESH_TOO_BIG);
	assert_int_equal(meta.icmp_arg, 1280);
	/* what must be carried all the same goes in two */
	push(&site1.w[0].vec[V_RELAY], &p, 2, 0);
	seal(&site1.w[0]);
	assert_int_equal(take_tx(&site1.w[0], 0, wire, 4), 2);
	for (unsigned i = 0; i < 2; i++) {
		struct pkt got;

		assert_true(wire[i].n <= 1300);
		assert_int_equal(head(&wire[i])->next_header, IP6_FRAGMENT);
		assert_int_equal(arrive(opener(), &wire[i], &got), i == 0 ? -2 : -1);
		if (i == 1)
			assert_memory_equal(got.b + 40, p.b + 40, 1240);
	}
}

/* What came in fragments leaves in fragments; not more of them than a turn has room for. */
static void test_joined(void **state)
{
	struct pkt p = udp(CN, MN, 2600), wire[200], got;
	struct dp_counters before = site1.w[0].counters;
	struct dp_vec *v = &site1.w[0].vec[V_RELAY];
	unsigned n;

	(void)state;
	sa_set_mtu(site1.t->sa, 2, 1280);
	push(v, &p, 2, DP_META_JOINED);
	seal(&site1.w[0]);
	n = take_tx(&site1.w[0], 0, wire, DIM(wire));
	assert_int_equal(n, 3);
	views[1].mtu = 3000;
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(arrive(opener(), &wire[i], &got), i + 1 < n ? -2 : -1);
	assert_int_equal(got.n, p.n);
	assert_memory_equal(got.b + 40, p.b + 40, p.n - 40u);
	for (unsigned i = 0; i < DP_BURST; i++)
		push(v, &p, 2, DP_META_JOINED);
	seal(&site1.w[0]);
	assert_int_equal(take_tx(&site1.w[0], 0, wire, 0), 3 * DP_BURST);
	/* each takes one of the spare ones; here they are used up before the last */
	for (unsigned i = 0; i < DP_BURST; i++)
		push(v, &p, 2, DP_META_JOINED);
	site1.w[0].spare = DP_SPARE - 1;
	dp_seal(&site1.w[0], v);
	dp_route(&site1.w[0], &site1.w[0].vec[V_ROUTE]);
	assert_int_equal(take_tx(&site1.w[0], 0, wire, 0), 3 * (DP_BURST - 1));
	assert_int_equal(
		site1.w[0].counters.drop[DP_DROP_NO_BUFFER], before.drop[DP_DROP_NO_BUFFER] + 1);
}

/* In pieces of at most 1280 octets: how many. */
static unsigned cut(const struct pkt *p, struct pkt *out)
{
	struct frag f;

	assert_int_equal(frag_init(&f, p->b, p->n, 1280, 77), 0);
	for (unsigned i = 0; i < f.count; i++)
		out[i].n = frag_next(&f, out[i].b);
	return f.count;
}

/* As large as it may be: in a tunnel the other site puts it together, too. What comes by no tunnel of
 * the mesh may have to go into one. */
static void test_joined_largest(void **state)
{
	struct pkt p = udp(CN, MN, MAX - PLAN_MESH_OVERHEAD), wire[4], got;
	struct dp_worker *w = &site2.w[0];
	unsigned n;

	(void)state;
	push(&site1.w[0].vec[V_RELAY], &p, 2, DP_META_JOINED);
	seal(&site1.w[0]);
	n = take_tx(&site1.w[0], 0, wire, DIM(wire));
	assert_int_equal(n, 3);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(arrive(opener(), &wire[i], &got), i + 1 < n ? -2 : -1);
	assert_int_equal(got.n, p.n);
	route(site2.t, "2001:db8:2::11/128", fib_value(FIB_LOCAL, 0));
	for (uint16_t over = 0; over < 2; over++) {
		void *m = NULL;

		p = udp(CN, "2001:db8:2::11", (uint16_t)(MAX - PLAN_MESH_OVERHEAD + over));
		n = cut(&p, wire);
		for (unsigned i = 0; i < n; i++)
			push(&w->vec[V_AGAIN], &wire[i], 0, 0);
		dp_carry(w);
		assert_int_equal(w->counters.drop[DP_DROP_FRAG_TOO_BIG], over ? n : 0);
		assert_int_equal(rte_ring_dequeue(w->punt[DP_PUNT_LOCAL], &m), over ? -ENOENT : 0);
		if (!over)
			rte_pktmbuf_free(m);
	}
}

/* One half came from the peer's own port, the other it had from somebody else. */
static void test_joined_ways(void **state)
{
	struct dp_worker *w = &site2.w[opener()];
	struct pkt p = udp(CN, "2001:db8:a::1", 1400), half[2];

	(void)state;
	assert_int_equal(cut(&p, half), 2);
	for (unsigned i = 0; i < 2; i++) {
		struct pkt wire = sealed(&half[i], i == 0 ? DP_META_RELAY_ON : 0);

		push(&w->vec[V_AGAIN], &wire, 0, 0);
	}
	dp_carry(w);
	assert_int_equal(w->counters.c[DP_COUNTER_MESH_OPENED], 2);
	assert_int_equal(w->counters.c[DP_COUNTER_REASSEMBLED], 0);
	assert_int_equal(reass_tab_fragments(w->reass), 2);
}

static void test_seal_refused(void **state)
{
	struct pkt p = udp(CN, MN, 100);
	struct ip6_prefix to = prefix(SITE2 "/128");
	struct rte_mbuf *m;
	struct dp_counters before;
	struct dp_meta meta;

	(void)state;
	head(&p)->hop_limit = 1;
	meta = check_seal_error(p, 0, DP_DROP_HOP_LIMIT);
	assert_int_equal(meta.icmp_type, ICMP6_TIME_EXCEEDED);
	head(&p)->hop_limit = 64;
	check_seal_drop(&p, 3, DP_DROP_MESH_NO_KEYS); /* no peer at all */
	assert_int_equal(fib_set(site1.t->fib, &to, fib_value(FIB_UNREACHABLE, 0)), 0);
	meta = check_seal_error(p, 0, DP_DROP_NO_ROUTE);
	assert_int_equal(meta.icmp_type, ICMP6_UNREACHABLE);
	assert_int_equal(fib_del(site1.t->fib, &to), 0);
	m = mbuf_of(&p);
	memmove((uint8_t *)m->buf_addr + 20, p.b, p.n);
	m->data_off = 20;
	dp_meta(m)->relay_to = 2;
	before = site1.w[0].counters;
	dp_vec_push(&site1.w[0].vec[V_RELAY], m);
	seal(&site1.w[0]);
	assert_int_equal(reason_since(&site1.w[0], &before, &meta), DP_DROP_ENCAP_HEADROOM);
	sa_out_of(sa_view(site1.t->sa)->peer[2])->lane[0].esp.last = ESP_NUMBERS;
	check_seal_drop(&p, 2, DP_DROP_MESH_NO_KEYS);
	assert_int_equal(sa_set_out(site1.t->sa, 2, NULL), 0);
	check_seal_drop(&p, 2, DP_DROP_MESH_NO_KEYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sizes, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_outer_header, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_provenance, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_own_lane, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_counts, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_too_big, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_joined, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_joined_largest, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_joined_ways, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_seal_refused, begin_sealed, end_sites),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
