/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked of ports that no test machine has: as data. */
#include "test.h"

#include <errno.h>

#include "dataplane/plan.h"
#include "net/esp.h"
#include "net/ip6hdr.h"

#define HF 0xf0ULL

/* A 25G NIC, a virtio without a table, af_packet. */
static const struct plan_caps nic = { .max_rx_queues = 128,
	.max_tx_queues = 128,
	.reta_size = 512,
	.rss_hf = HF,
	.rss_level = true,
	.min_mtu = 68,
	.max_mtu = 9702 };
static const struct plan_caps plain = {
	.max_rx_queues = 1, .max_tx_queues = 1, .min_mtu = 68, .max_mtu = 65535
};
static const struct plan_caps no_table = {
	.max_rx_queues = 8, .max_tx_queues = 2, .rss_hf = HF, .min_mtu = 68, .max_mtu = 65535
};

static const struct plan_caps equal = { .max_rx_queues = 16,
	.max_tx_queues = 16,
	.equal_queues = true,
	.min_mtu = 68,
	.max_mtu = 65535 };
static const struct plan_caps fanout = { .max_rx_queues = 3,
	.max_tx_queues = 3,
	.fixed_rx_queues = true,
	.min_mtu = 68,
	.max_mtu = 65535 };

static const struct {
	const char *name;
	const struct plan_caps *caps;
	struct plan_request req;
	uint16_t rx, tx, control_rx, control_tx, control_via, first_owner;
	bool rss;
} cases[] = {
	{ "nic, 4 workers: control has its queues", &nic,
		{ .workers = 4, .mtu = 1500, .rss_wanted = HF }, 5, 5, 4, 4, 4, 0, true },
	{ "nic, one lcore: nothing of its own for control", &nic,
		{ .workers = 1, .control_is_worker = true, .mtu = 1500, .rss_wanted = HF }, 1, 2,
		PLAN_NO_QUEUE, 1, 1, 0, false },
	{ "nic, 4 workers, 2 queues asked", &nic,
		{ .workers = 4, .rx_queues = 2, .mtu = 1500, .rss_wanted = HF }, 3, 5, 2, 4, 4, 0,
		true },
	{ "more queues asked than workers", &nic,
		{ .workers = 2, .rx_queues = 9, .mtu = 1500, .rss_wanted = HF }, 3, 3, 2, 2, 2, 0,
		true },
	{ "nothing the operator wants can be hashed: one queue", &nic,
		{ .workers = 4, .mtu = 1500, .rss_wanted = 0x1 }, 1, 5, PLAN_NO_QUEUE, 4, 4, 0,
		false },
	{ "one queue each way: control by the worker's", &plain, { .workers = 1, .mtu = 1500 }, 1,
		1, PLAN_NO_QUEUE, PLAN_NO_QUEUE, 0, 0, false },
	{ "one queue, third port, two workers", &plain, { .port = 3, .workers = 2, .mtu = 1500 }, 1,
		1, PLAN_NO_QUEUE, PLAN_NO_QUEUE, 0, 1, false },
	{ "as many queues as the device was made with, for one worker", &fanout,
		{ .workers = 1, .mtu = 1500 }, 3, 2, PLAN_NO_QUEUE, 1, 1, 0, false },
	{ "as many transmit as receive queues", &equal, { .workers = 2, .mtu = 1500 }, 1, 1,
		PLAN_NO_QUEUE, PLAN_NO_QUEUE, 0, 0, false },
	{ "no table: data cannot be kept off a queue", &no_table,
		{ .workers = 4, .mtu = 1500, .rss_wanted = HF }, 4, 2, PLAN_NO_QUEUE, PLAN_NO_QUEUE,
		0, 0, true },
};

static void test_plans(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct plan p;
		char err[160] = "";
		uint16_t control = cases[i].req.workers;

		if (plan_make(cases[i].caps, &cases[i].req, &p, err, sizeof(err)) < 0)
			fail_msg("%s: %s", cases[i].name, err);
		if (p.rx_queues != cases[i].rx || p.tx_queues != cases[i].tx ||
			p.control_rx_queue != cases[i].control_rx ||
			p.tx_queue[control] != cases[i].control_tx ||
			p.tx_via[control] != cases[i].control_via ||
			p.rx_owner[0] != cases[i].first_owner || (p.rss_hf != 0) != cases[i].rss)
			fail_msg("%s: rx %u tx %u control rx %u tx %u via %u owner %u rss 0x%llx",
				cases[i].name, p.rx_queues, p.tx_queues, p.control_rx_queue,
				p.tx_queue[control], p.tx_via[control], p.rx_owner[0],
				(unsigned long long)p.rss_hf);
	}
}

/* Every queue has an owner, every sender a way out, and no data goes to control's queue. */
static void test_invariants(void **state)
{
	(void)state;
	for (uint16_t workers = 1; workers <= PLAN_MAX_WORKERS; workers++) {
		for (uint16_t queues = 1; queues <= 70; queues++) {
			struct plan_caps caps = nic;
			struct plan_request req = {
				.port = queues, .workers = workers, .mtu = 1500, .rss_wanted = HF
			};
			struct plan p;
			char err[160];

			caps.max_rx_queues = queues;
			caps.max_tx_queues = queues;
			assert_int_equal(plan_make(&caps, &req, &p, err, sizeof(err)), 0);
			assert_in_range(p.rx_queues, 1, queues);
			assert_in_range(p.tx_queues, 1, queues);
			for (uint16_t q = 0; q < p.rx_queues; q++)
				assert_in_range(p.rx_owner[q], 0,
					q == p.control_rx_queue ? workers : workers - 1);
			for (uint16_t s = 0; s <= workers; s++) {
				if (p.tx_queue[s] != PLAN_NO_QUEUE) {
					assert_in_range(p.tx_queue[s], 0, p.tx_queues - 1);
					continue;
				}
				assert_in_range(p.tx_via[s], 0, workers - 1);
				assert_int_not_equal(p.tx_queue[p.tx_via[s]], PLAN_NO_QUEUE);
			}
			for (uint16_t i = 0; i < p.reta_size; i++)
				assert_int_not_equal(p.reta[i], p.control_rx_queue);
		}
	}
}

static void test_rules(void **state)
{
	const struct ip6_addr agents[] = { addr("2001:db8:a::1"), addr("2001:db8:b::1") };
	struct plan_request req = { .workers = 2,
		.mtu = 1500,
		.rss_wanted = HF,
		.home_agents = agents,
		.home_agent_count = 2 };
	const struct ip6_addr site = addr("2001:db8:51::1");
	struct plan p;
	char err[160];
	unsigned nd = 0, signalling = 0, sync = 0;

	(void)state;
	assert_int_equal(plan_make(&nic, &req, &p, err, sizeof(err)), 0);
	for (uint16_t i = 0; i < p.rule_count; i++) {
		if (p.rules[i].kind == PLAN_RULE_ND) {
			assert_true(p.rules[i].type == 135 || p.rules[i].type == 136);
			nd++;
		} else {
			assert_true(p.rules[i].type == 60 || p.rules[i].type == 135);
			signalling++;
		}
	}
	assert_int_equal(nd, 2);
	assert_int_equal(signalling, 4);
	/* sessions of a mesh, too, but not hello, which is the next port */
	req.site_address = &site;
	req.sync_port = 4750;
	assert_int_equal(plan_make(&nic, &req, &p, err, sizeof(err)), 0);
	assert_int_equal(p.rule_count, 7);
	for (uint16_t i = 0; i < p.rule_count; i++) {
		if (p.rules[i].kind != PLAN_RULE_SYNC)
			continue;
		assert_true(ip6_eq(&p.rules[i].dst, &site));
		assert_int_equal(p.rules[i].port, 4750);
		sync++;
	}
	assert_int_equal(sync, 1);
	/* no queue to steer to: no rule */
	assert_int_equal(plan_make(&plain, &req, &p, err, sizeof(err)), 0);
	assert_int_equal(p.rule_count, 0);
}

static void test_refused(void **state)
{
	struct plan_request req = { .workers = 1, .mtu = 9800 };
	struct plan_caps none = nic, many = fanout;
	struct plan p;
	char err[160] = "";

	(void)state;
	assert_int_equal(plan_make(&nic, &req, &p, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "mtu 9800 is outside the device's 68..9702");
	req.mtu = 1500;
	many.max_rx_queues = PLAN_MAX_WORKERS + 1;
	assert_int_equal(plan_make(&many, &req, &p, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "the device has 65 receive queues, at most 64 are polled");
	none.max_tx_queues = 0;
	assert_int_equal(plan_make(&none, &req, &p, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "the device has no transmit queue");
}

static void test_devices(void **state)
{
	static const struct {
		const char *device;
		uint16_t mtu;
		int ret;
	} rows[] = {
		{ "net_af_packet0,iface=veth0", 1500, 0 },
		{ "net_af_packet0,iface=veth0", 1964, 0 },
		{ "net_af_packet0,iface=veth0", 1965, -EINVAL },
		{ "net_af_packet0,iface=veth0,framesz=4096,blocksz=4096", 1965, 0 },
		{ "net_af_packet0,iface=veth0,framesz=4096", 9000, -EINVAL },
		{ "net_tap0,iface=x", 9000, 0 },
		{ "0000:3b:00.0", 9000, 0 },
	};
	char err[160];

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		if (plan_check_device(rows[i].device, rows[i].mtu, err, sizeof(err)) != rows[i].ret)
			fail_msg("%s mtu %u", rows[i].device, rows[i].mtu);
	}
}

static void test_drivers(void **state)
{
	static const struct {
		const char *driver;
		bool fixed, equal;
	} rows[] = {
		{ "net_af_packet", true, false },
		{ "net_pcap", true, false },
		{ "net_tap", false, true },
		{ "net_memif", false, true },
		{ "net_ice", false, false },
	};

	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		struct plan_caps caps = { 0 };

		plan_know_driver(rows[i].driver, &caps);
		if (caps.fixed_rx_queues != rows[i].fixed || caps.equal_queues != rows[i].equal)
			fail_msg("%s", rows[i].driver);
	}
}

/* A tunnel around a packet of the port's MTU, or what was asked for. */
static void test_datagram(void **state)
{
	(void)state;
	assert_int_equal(plan_datagram(1500, 1500, false), 1548);
	assert_int_equal(plan_datagram(1500, 1548, false), 1548);
	assert_int_equal(plan_datagram(1500, 3072, false), 3072);
	assert_int_equal(plan_datagram(9600, 9600, false), 9648);
	/* in a mesh, whichever of them it is, in a tunnel */
	assert_int_equal(plan_datagram(1500, 1500, true), 1548 + 77);
	assert_int_equal(plan_datagram(1500, 3072, true), 3072 + 77);
	for (uint32_t len = 3000; len <= 3072; len++)
		assert_true(sizeof(struct net_ip6) + esp_size(len) <= 3072 + 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_invariants),
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_drivers),
		cmocka_unit_test(test_datagram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
