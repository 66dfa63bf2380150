/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers are given at the start: two of them, and one queue to receive from. In a mesh the one
 * without carries what the other hands over, and needs all for it. */
#include "test.h"

#include <rte_eal.h>

#include "conf/conf.h"
#include "dataplane/dp_priv.h"
#include "tables/sa.h"
#include "tables/tables.h"

static int set_up(void **state)
{
	char args[][32] = { "workers-test", "--no-huge", "-m", "512", "--no-pci", "--no-telemetry",
		"--no-shconf", "--log-level=*:error", "--lcores=(0-2)@0", "--vdev=net_null1",
		"--vdev=net_null2" };
	char *argv[DIM(args) + 1] = { NULL };

	(void)state;
	for (unsigned i = 0; i < DIM(args); i++)
		argv[i] = args[i];
	return rte_eal_init(DIM(args), argv) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

static void check(bool mesh)
{
	struct conf_domain domain = { .name = "msp1", .limits = { .mismatch_per_s = 1 } };
	struct conf_port port = {
		.name = "wan", .device = "net_null1", .mtu = 1500, .rx_queues = 1
	};
	struct sa_opts sa = { .node = 1, .site = addr("2001:db8:1::10"), .workers = 3 };
	struct conf conf = { .ports = &port,
		.port_count = 1,
		.domains = &domain,
		.domain_count = 1,
		.runtime = { .mbufs = 8192 },
		.icmp_errors_per_s = 100,
		.icmp_burst = 100,
		.reassembly = { .max_datagrams = 16,
			.max_fragments = 64,
			.max_per_source = 32,
			.max_octets = 2000,
			.timeout_ms = 1000 } };
	struct tables_opts opts = { .readers = 3,
		.max_bindings = 16,
		.mesh_domains = mesh ? 1 : 0,
		.mesh = mesh ? &sa : NULL,
		.max_neighbors = 16,
		.max_routes = 16,
		.max_addrs = 4 };
	struct tables *t;
	struct dp *dp;
	char err[256] = "";

	if (mesh) {
		conf.mesh.site_address = sa.site;
		snprintf(port.device, sizeof(port.device), "net_null2"); /* dp_free() closes it */
	}
	assert_int_equal(tables_new(&opts, &t), 0);
	if (dp_new(&conf, t, &dp, err, sizeof(err)) < 0)
		fail_msg("%s", err);
	assert_int_equal(dp->worker_count, 2);
	for (unsigned i = 0; i < 2; i++) {
		const struct dp_worker *w = dp->workers[i];
		bool carries = mesh || w->rxq_count > 0;

		assert_int_equal(w->rxq_count, i == 0);
		assert_int_equal(w->hand != NULL, mesh);
		assert_int_equal(w->reass != NULL, carries);
		assert_int_equal(w->police != NULL, carries);
		assert_int_equal(w->relay != NULL, mesh);
	}
	dp_free(dp);
	tables_free(t);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mesh),
		cmocka_unit_test(test_alone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
