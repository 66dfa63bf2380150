/* SPDX-License-Identifier: BSD-3-Clause */
/* Generations of keys, sequence numbers, and whose worker opens a packet. */
#include "mesh_pair.h"

/* --- generations --- */

static void quiesce(void)
{
	rte_rcu_qsbr_quiescent(site1.t->rcu, 0);
	for (unsigned i = 0; i < WORKERS; i++)
		rte_rcu_qsbr_quiescent(site2.t->rcu, i);
	dq_run(site1.t->dq, 64);
	dq_run(site2.t->dq, 64);
}

/* Packets of both generations under way, in any order: none is lost until the old one ends. */
static void test_renew(void **state)
{
	struct pkt sent[60], wire[60];
	struct sa_count out, in;
	struct sa_keys k2 = keys_of(1, 2);

	(void)state;
	for (unsigned i = 0; i < 60; i++) {
		if (i == 20) /* who answered opens with them before anybody seals */
			assert_int_equal(sa_add_in(site2.t->sa, 1, &k2), 0);
		if (i == 30)
			assert_int_equal(sa_set_out(site1.t->sa, 2, &k2), 0);
		sent[i] = udp(CN, MN, (uint16_t)(60 + i));
		wire[i] = sealed(&sent[i], 0);
		quiesce();
	}
	for (unsigned i = 60; i-- > 0;)
		if (i != 29)
			check_arrives(&wire[i], &sent[i]);
	assert_int_equal(sa_del_in(site2.t->sa, 1, 1), 0);
	quiesce();
	assert_int_equal(dq_used(site2.t->dq), 0);
	assert_int_equal(dq_used(site1.t->dq), 0);
	check_drop(&wire[29], DP_DROP_MESH_ESP_KEYS);
	check_drop(&wire[30], DP_DROP_MESH_ESP_REPLAYED);
	sa_count(site1.t->sa, 2, &out, &in);
	assert_int_equal(out.packets, 60);
	sa_count(site2.t->sa, 1, &out, &in);
	assert_int_equal(in.packets, 59);
}

/* What makes a nonce: salt and number. Over lanes and generations none comes twice. */
static void test_numbers(void **state)
{
	struct sa *sa;
	struct sa_opts o = { .node = 1, .workers = SA_WORKERS };
	struct ip6_addr peer = addr(SITE2);
	static uint8_t seen[SA_LANES][ESP_SALT_LEN];

	(void)state;
	assert_int_equal(sa_new(&o, site1.t->dq, &sa), 0);
	assert_int_equal(sa_add_peer(sa, 2, &peer), 0);
	for (uint32_t g = 1; g < 4; g++) {
		struct sa_keys k = keys_of(1, g);
		struct sa_out *out;

		assert_int_equal(sa_set_out(sa, 2, &k), 0);
		out = sa_out_of(sa_view(sa)->peer[2]);
		assert_int_equal(out->lanes, SA_LANES);
		for (unsigned i = 0; i < SA_LANES; i++) {
			memcpy(seen[i], out->lane[i].esp.salt, ESP_SALT_LEN);
			assert_int_equal(out->lane[i].esp.last, 0);
			assert_ptr_equal(out->lane[i].esp.key, out->key);
			assert_int_equal(out->lane[i].esp.spi, sa_spi(1, i / 2, i & 1, g));
			for (unsigned j = 0; j < i; j++)
				assert_memory_not_equal(seen[i], seen[j], ESP_SALT_LEN);
		}
	}
	sa_free(sa);
}

/* --- many workers --- */

static void test_other_worker(void **state)
{
	unsigned other = 1 - opener();
	struct dp_worker *w = &site2.w[other];
	struct pkt p = udp(CN, MN, 100);
	void *m;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct pkt wire = sealed(&p, 0);

		push(&w->vec[V_AGAIN], &wire, 0, 0);
	}
	dp_carry(w);
	assert_int_equal(w->counters.c[DP_COUNTER_MESH_HANDED], 3);
	assert_int_equal(w->counters.c[DP_COUNTER_MESH_OPENED], 0);
	assert_int_equal(rte_ring_count(site2.hand[opener()]), 3);
	w = &site2.w[opener()];
	assert_true(dp_worker_poll(w));
	assert_int_equal(w->counters.c[DP_COUNTER_MESH_OPENED], 3);
	assert_int_equal(w->counters.c[DP_COUNTER_TX_RINGED], 3);
	while (rte_ring_dequeue(site2.tx, &m) == 0)
		rte_pktmbuf_free(m);
	/* what cannot be from a peer is no worker's business */
	head(&p)->dst = addr(SITE2);
	head(&p)->next_header = IP6_ESP;
	put_spi(&p, sa_spi(1, 0, false, 1));
	w = &site2.w[other];
	push(&w->vec[V_AGAIN], &p, 0, 0);
	dp_carry(w);
	assert_int_equal(w->counters.drop[DP_DROP_MESH_SOURCE], 1);
	put_spi(&p, sa_spi(77, other, false, 1));
	push(&w->vec[V_AGAIN], &p, 0, 0);
	dp_carry(w);
	assert_int_equal(w->counters.drop[DP_DROP_MESH_STRANGER], 1);
	head(&p)->src = addr(SITE1);
	put_spi(&p, sa_spi(1, 0, false, 9)); /* its owner had no keys for it either */
	push(&w->vec[V_AGAIN], &p, 0, 0);
	dp_carry(w);
	assert_int_equal(w->counters.drop[DP_DROP_MESH_ESP_KEYS], 1);
	assert_int_equal(w->counters.c[DP_COUNTER_MESH_HANDED], 3);
}

static void test_ring_full(void **state)
{
	unsigned other = 1 - opener();
	struct dp_worker *w = &site2.w[other];
	struct pkt p = udp(CN, MN, 100);
	void *m;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned k = 0; k < DP_BURST; k++) {
			struct pkt wire = sealed(&p, 0);

			push(&w->vec[V_AGAIN], &wire, 0, 0);
		}
		dp_carry(w);
	}
	assert_int_equal(w->counters.c[DP_COUNTER_MESH_HANDED], HAND - 1);
	assert_int_equal(w->counters.drop[DP_DROP_MESH_HAND_FULL], 3 * DP_BURST - HAND + 1);
	while (rte_ring_dequeue(site2.hand[opener()], &m) == 0)
		rte_pktmbuf_free(m);
}

/* Each flow goes to one worker, in order; both get some. */
static void test_spread(void **state)
{
	struct dp_worker *w = &site2.w[opener()], *o = &site2.w[1 - opener()];
	struct pkt here[64], there[64];
	unsigned n = 0, at_home, away;
	uint8_t last[16] = { 0 };

	(void)state;
	site2.spreading = true;
	for (unsigned i = 0; i < 64; i++) {
		struct pkt p = udp(CN, MN, 100), wire;

		p.b[40] = 0; /* source port: 16 flows, four packets each */
		p.b[41] = (uint8_t)(i % 16);
		p.b[60] = (uint8_t)(i / 16 + 1);
		wire = sealed(&p, 0);
		push(&w->vec[V_AGAIN], &wire, 0, 0);
	}
	dp_carry(w);
	at_home = take_tx(w, 1, here, 64);
	o->vec[V_AGAIN].n = rte_ring_dequeue_burst(
		site2.hand[o->id], (void **)o->vec[V_AGAIN].pkt, DP_BURST, NULL);
	dp_carry(o);
	away = take_tx(o, 1, there, 64);
	assert_int_equal(at_home + away, 64);
	assert_true(at_home > 0 && away > 0);
	assert_int_equal(at_home % 4, 0);
	for (struct pkt *p = here; n < 64; n++) {
		const uint8_t *inner;

		p = n < at_home ? &here[n] : &there[n - at_home];
		inner = p->b + sizeof(struct net_ip6);
		assert_int_equal(inner[60], last[inner[41]] + 1);
		last[inner[41]]++;
	}
}

static void test_spread_look(void **state)
{
	static const struct {
		uint64_t opened[3];
		bool on;
	} looks[] = {
		{ { 4999, 0, 0 }, false }, /* not worth it */
		{ { 10000, 5000, 5000 }, false }, /* 2 : 1 and no more */
		{ { 10001, 5000, 9000 }, true },
		{ { 9000, 5000, 9000 }, true }, /* less than what it began at: goes on */
		{ { 9000, 9000, 9000 }, true },
		{ { 9000, 2000, 9000 }, true },
	};
	struct spread s = { 0 };
	uint64_t even[3] = { 9000, 9000, 9000 };

	(void)state;
	for (unsigned i = 0; i < DIM(looks); i++)
		assert_int_equal(spread_look(&s, looks[i].opened, 3), looks[i].on);
	for (unsigned i = 1; i < SPREAD_CALM; i++)
		assert_true(spread_look(&s, even, 3));
	assert_false(spread_look(&s, even, 3));
	assert_false(spread_look(&s, (uint64_t[]){ 9000 }, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_renew, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_numbers, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_other_worker, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_ring_full, begin_sealed, end_sites),
		cmocka_unit_test_setup_teardown(test_spread, begin_sealed, end_sites),
		cmocka_unit_test(test_spread_look),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
