/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels that are not sealed, by configuration. */
#include "mesh_pair.h"

/* --- without protection --- */

static void test_clear(void **state)
{
	struct sa_count out, in;

	(void)state;
	for (unsigned relayed = 0; relayed < 2; relayed++) {
		uint8_t opt[8] = { 41, 0, 4, 1, (uint8_t)!relayed, 1, 1, 0 };
		struct pkt p = udp(CN, MN, 1452), wire = sealed(&p, relayed ? DP_META_RELAY_ON : 0);
		struct dp_worker *w = &site2.w[1];

		assert_int_equal(wire.n, 1500);
		assert_int_equal(head(&wire)->next_header, IP6_DSTOPT);
		assert_memory_equal(wire.b + 40, opt, 8);
		check_arrives(&wire, &p);
		push(&w->vec[V_MESH], &wire, 0, 0); /* any worker */
		dp_open(w, &w->vec[V_MESH]);
		assert_int_equal(dp_meta(w->vec[V_AGAIN].pkt[0])->peer, 1);
		assert_int_equal(
			dp_meta(w->vec[V_AGAIN].pkt[0])->flags, relayed ? DP_META_RELAYED : 0);
		rte_pktmbuf_free(w->vec[V_AGAIN].pkt[0]);
		w->vec[V_AGAIN].n = 0;
	}
	sa_count(site2.t->sa, 1, &out, &in);
	assert_int_equal(in.packets, 4);
	check_seal_error(udp(CN, MN, 1453), 0, DP_DROP_MESH_TOO_BIG);
}

static void test_clear_refused(void **state)
{
	struct pkt p = udp(CN, MN, 100), wire = sealed(&p, 0), esp = wire;

	(void)state;
	head(&wire)->src = addr(CN);
	check_drop(&wire, DP_DROP_MESH_STRANGER);
	head(&esp)->next_header = IP6_ESP;
	put_spi(&esp, sa_spi(1, 1, false, 0)); /* there is a generation 0, but no key */
	check_drop(&esp, DP_DROP_MESH_ESP_KEYS);
}

/* Nothing of a clear packet vouches for the sealed one behind it, whatever SPI that names. */
static void test_clear_then_sealed(void **state)
{
	const uint32_t spi[] = { 0, sa_spi(1, 1, false, 0) };
	const enum dp_drop why[] = { DP_DROP_MESH_STRANGER, DP_DROP_MESH_ESP_KEYS };
	struct pkt p = udp(CN, MN, 100), clear = sealed(&p, 0), esp = clear;

	(void)state;
	head(&esp)->next_header = IP6_ESP;
	for (unsigned id = 0; id < WORKERS; id++) {
		struct dp_worker *w = &site2.w[id];

		for (unsigned i = 0; i < DIM(spi); i++) {
			put_spi(&esp, spi[i]);
			push(&w->vec[V_MESH], &clear, 0, 0);
			push(&w->vec[V_MESH], &esp, 0, 0);
			dp_open(w, &w->vec[V_MESH]);
			assert_int_equal(w->vec[V_AGAIN].n, 1);
			rte_pktmbuf_free(w->vec[V_AGAIN].pkt[0]);
			w->vec[V_AGAIN].n = 0;
			assert_int_equal(w->counters.drop[why[i]], 1);
		}
		assert_int_equal(w->counters.c[DP_COUNTER_MESH_HANDED], 0);
		assert_int_equal(w->counters.c[DP_COUNTER_MESH_OPENED], 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_clear, begin_clear, end_sites),
		cmocka_unit_test_setup_teardown(test_clear_refused, begin_clear, end_sites),
		cmocka_unit_test_setup_teardown(test_clear_then_sealed, begin_clear, end_sites),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
