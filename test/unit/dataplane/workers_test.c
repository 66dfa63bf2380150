/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers are given at the start, and how many packet buffers there are. Two workers and one
 * queue to receive from: in a mesh the one without carries what the other hands over, and needs all
 * for it. One worker: control receives beside it. The number of lcores is a process', so there are
 * two. */
#include "test.h"

#include <sys/wait.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_mempool.h>

#include "conf/conf.h"
#include "dataplane/dp_priv.h"
#include "tables/fib.h"
#include "tables/sa.h"
#include "tables/tables.h"

#define SITE "2001:db8:1::10"
#define PEER "2001:db8:2::10"

static char lcores[] = "--lcores=(0-2)@0";

static struct conf conf;
static struct tables *t;
static struct dp *dp;

static int set_up(void **state)
{
	char args[][32] = { "workers-test", "--no-huge", "-m", "512", "--no-pci", "--no-telemetry",
		"--no-shconf", "--log-level=*:error", "" };
	char *argv[DIM(args) + 1] = { NULL };

	(void)state;
	snprintf(args[DIM(args) - 1], sizeof(args[0]), "%s", lcores);
	for (unsigned i = 0; i < DIM(args); i++)
		argv[i] = args[i];
	return rte_eal_init(DIM(args), argv) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

static void make(bool mesh, uint32_t mbufs)
{
	static struct conf_domain domain = { .name = "msp1", .limits = { .mismatch_per_s = 1 } };
	static struct conf_port port = {
		.name = "wan", .device = "net_null0", .mtu = 1500, .rx_queues = 1
	};
	struct sa_opts sa = { .node = 1, .site = addr(SITE), .workers = 3 };
	struct tables_opts opts = { .readers = 3,
		.max_bindings = 16,
		.mesh_domains = mesh ? 1 : 0,
		.mesh = mesh ? &sa : NULL,
		.max_neighbors = 16,
		.max_routes = 16,
		.max_addrs = 4 };
	char err[256] = "";

	conf = (struct conf){ .ports = &port,
		.port_count = 1,
		.domains = &domain,
		.domain_count = 1,
		.runtime = { .mbufs = mbufs },
		.icmp_errors_per_s = 100,
		.icmp_burst = 100,
		.reassembly = { .max_datagrams = 16,
			.max_fragments = 64,
			.max_per_source = 32,
			.max_octets = 2000,
			.timeout_ms = 1000 } };
	if (mesh)
		conf.mesh.site_address = sa.site;
	assert_int_equal(
		rte_eal_hotplug_add("vdev", port.device, "no-rx=1"), 0); /* dp_free() closes it */
	assert_int_equal(tables_new(&opts, &t), 0);
	if (dp_new(&conf, t, &dp, err, sizeof(err)) < 0)
		fail_msg("%s", err);
}

static void unmake(void)
{
	dp_free(dp);
	tables_free(t);
	(void)rte_eal_hotplug_remove("vdev", "net_null0");
}

/* --- two workers --- */

static void check(bool mesh)
{
	make(mesh, 8192);
	assert_int_equal(dp->worker_count, 2);
	for (unsigned i = 0; i < 2; i++) {
		const struct dp_worker *w = dp->workers[i];
		bool carries = mesh || w->rxq_count > 0;

		assert_int_equal(w->rxq_count, i == 0);
		assert_int_equal(w->hand != NULL, mesh);
		assert_int_equal(w->reass != NULL, carries);
		assert_int_equal(w->police != NULL, carries);
		assert_int_equal(w->domains != NULL, carries);
	}
	unmake();
}

static void test_alone(void **state)
{
	(void)state;
	check(false);
}

static void test_mesh(void **state)
{
	(void)state;
	check(true);
}

/* --- packet buffers --- */

/* What standard error got while it was made. */
static void made_saying(bool mesh, uint32_t mbufs, char *text, size_t room)
{
	int before = dup(STDERR_FILENO);
	FILE *f = tmpfile();
	size_t n;

	assert_non_null(f);
	assert_true(dup2(fileno(f), STDERR_FILENO) >= 0);
	make(mesh, mbufs);
	assert_true(dup2(before, STDERR_FILENO) >= 0);
	close(before);
	rewind(f);
	n = fread(text, 1, room - 1, f);
	text[n] = '\0';
	fclose(f);
}

/* As many as there would be by themselves; with one less that is said. */
static uint32_t buffers_due(bool mesh)
{
	char text[2000], said[64];
	uint32_t due;

	made_saying(mesh, 0, text, sizeof(text));
	due = dp->pool->size;
	assert_null(strstr(text, "runtime.mbufs"));
	unmake();
	made_saying(mesh, due, text, sizeof(text));
	assert_int_equal(dp->pool->size, due);
	assert_null(strstr(text, "runtime.mbufs"));
	unmake();
	made_saying(mesh, due - 1, text, sizeof(text));
	assert_int_equal(dp->pool->size, due - 1);
	snprintf(said, sizeof(said), "runtime.mbufs: %u is less than the %u ", due - 1, due);
	assert_non_null(strstr(text, said));
	unmake();
	return due;
}

static void test_buffers(void **state)
{
	uint32_t alone = buffers_due(false), mesh = buffers_due(true), rings = 0;

	(void)state;
	make(true, 0);
	for (unsigned i = 0; i < dp->worker_count; i++)
		rings += rte_ring_get_size(dp->hand[i]);
	rings += rte_ring_get_size(dp->punt[DP_PUNT_SYNC]);
	rings += rte_ring_get_size(dp->punt[DP_PUNT_HELLO]);
	unmake();
	assert_int_equal(mesh, alone + rings);
}

/* --- what control lets go of --- */

static void release(uint8_t worker, uint8_t flags)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);

	assert_non_null(m);
	*dp_meta(m) = (struct dp_meta){ .worker = worker, .flags = flags };
	dp_release(dp, m);
}

/* Back to the worker that took it in, which frees it: no more of them than it takes in two turns. */
static void test_release(void **state)
{
	struct rte_ring *home;

	(void)state;
	make(false, 8192);
	home = dp->tx_ring[1];
	release(1, DP_META_OWN);
	release(2, 0); /* by control itself */
	assert_int_equal(rte_mempool_avail_count(dp->pool), 8192);
	for (unsigned i = 1; i <= 2 * DP_BURST + 3; i++) {
		release(1, 0);
		assert_int_equal(rte_ring_count(home), i < 2 * DP_BURST ? i : 2 * DP_BURST);
	}
	assert_int_equal(rte_ring_count(dp->tx_ring[0]), 0);
	assert_int_equal(rte_mempool_avail_count(dp->pool), 8192 - 2 * DP_BURST);
	assert_true(dp_worker_poll(dp->workers[1]));
	assert_int_equal(rte_mempool_avail_count(dp->pool), 8192 - DP_BURST);
	assert_true(dp_worker_poll(dp->workers[1]));
	assert_int_equal(rte_mempool_avail_count(dp->pool), 8192);
	assert_false(dp_worker_poll(dp->workers[1]));
	assert_int_equal(dp->workers[1]->counters.c[DP_COUNTER_TX_PACKETS], 0);
	release(1, 0); /* is there when all ends */
	unmake();
}

/* --- one worker --- */

/* Sealed by the peer, as far as one can see without its key. */
static struct rte_mbuf *from_peer(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(dp->pool);
	struct ip6_addr src = addr(PEER), dst = addr(SITE);
	uint32_t spi = htobe32(sa_spi(2, 0, false, 1));
	uint8_t b[140] = { 0 };

	assert_non_null(m);
	net_ip6_fill((struct net_ip6 *)b, sizeof(b) - 40, IP6_ESP, 64, &src, &dst);
	memcpy(b + 40, &spi, sizeof(spi));
	b[47] = b[55] = 1; /* its number */
	memcpy(rte_pktmbuf_append(m, sizeof(b)), b, sizeof(b));
	memset(dp_meta(m), 0, sizeof(struct dp_meta));
	return m;
}

/* What the device puts into control's queue, asked or not, is opened by the worker: a window has
 * one owner. */
static void test_control_receives(void **state)
{
	struct sa_keys keys = { .key = { 1 }, .generation = 1 };
	struct ip6_addr peer = addr(PEER);
	struct ip6_prefix site = prefix(SITE "/128");
	struct dp_worker *own;

	(void)state;
	make(true, 8192);
	own = dp_own(dp);
	assert_int_equal(dp->worker_count, 1);
	assert_int_equal(own->rxq_count, 1);
	assert_int_equal(sa_add_peer(t->sa, 2, &peer), 0);
	assert_int_equal(sa_add_in(t->sa, 2, &keys), 0);
	assert_int_equal(fib_set(t->fib, &site, fib_value(FIB_LOCAL, 0)), 0);
	dp_vec_push(&own->vec[V_AGAIN], from_peer());
	dp_carry(own);
	assert_int_equal(own->counters.c[DP_COUNTER_MESH_HANDED], 1);
	dp_vec_push(&dp->workers[0]->vec[V_AGAIN], from_peer());
	dp_carry(dp->workers[0]);
	assert_int_equal(dp->workers[0]->counters.drop[DP_DROP_MESH_ESP_FORGED], 1);
	assert_true(dp_worker_poll(dp->workers[0]));
	assert_int_equal(dp->workers[0]->counters.drop[DP_DROP_MESH_ESP_FORGED], 2);
	unmake();
}

int main(void)
{
	const struct CMUnitTest two[] = {
		cmocka_unit_test(test_mesh),
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_release),
	};
	const struct CMUnitTest one[] = {
		cmocka_unit_test(test_control_receives),
	};
	pid_t child = fork();
	int status;

	if (child == 0) {
		snprintf(lcores, sizeof(lcores), "--lcores=(0-1)@0");
		return cmocka_run_group_tests(one, set_up, tear_down);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		return 1;
	return cmocka_run_group_tests(two, set_up, tear_down);
}
