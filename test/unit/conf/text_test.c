/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "conf/text.h"

#define NO_NAME "is not a name: a-z, 0-9 and \"-\" make one, no \"-\" in front"
#define NO_DEVICE                                                                                  \
	"is neither a PCI address like 0000:3b:00.0 "                                              \
	"nor a DPDK device like net_af_packet0,iface=eth0"
#define NO_CORES    "is not a list of cores like \"0\", \"0-3\" or \"0,2-3\""
#define UNPRINTABLE "holds white space or what is not printable"

static const struct {
	const char *(*check)(const char *text);
	const char *text;
	const char *why; /* NULL = fine */
} cases[] = {
	{ conf_check_name, "wan", NULL },
	{ conf_check_name, "0-a-", NULL },
	{ conf_check_name, "", NO_NAME },
	{ conf_check_name, "-a", NO_NAME },
	{ conf_check_name, "Wan", NO_NAME },
	{ conf_check_name, "w_n", NO_NAME },
	{ conf_check_name, "w n", NO_NAME },
	{ conf_check_name, "w\xc3\xa9", NO_NAME },
	{ conf_check_device, "0000:3b:00.0", NULL },
	{ conf_check_device, "abCD:Ff:1f.7", NULL },
	{ conf_check_device, "0000:3b:00.0,dv_flow_en=2", NULL },
	{ conf_check_device, "net_null0", NULL },
	{ conf_check_device, "net_af_packet0,iface=eth0", NULL },
	{ conf_check_device, "net_pcap0,rx_pcap=/tmp/a.pcap,tx_pcap=/tmp/b.pcap", NULL },
	{ conf_check_device, "", NO_DEVICE },
	{ conf_check_device, "eth0", NO_DEVICE },
	{ conf_check_device, "net_", NO_DEVICE },
	{ conf_check_device, "net_-", NO_DEVICE },
	{ conf_check_device, ",iface=eth0", NO_DEVICE },
	{ conf_check_device, "3b:00.0", NO_DEVICE },
	{ conf_check_device, "0000:3b:00", NO_DEVICE },
	{ conf_check_device, "0000:3b:00.", NO_DEVICE },
	{ conf_check_device, "0000:3b:00.8", NO_DEVICE },
	{ conf_check_device, "0000:3b:00.00", NO_DEVICE },
	{ conf_check_device, "0000:3b:20.0", NO_DEVICE },
	{ conf_check_device, "0000:3b:a0.0", NO_DEVICE },
	{ conf_check_device, "0000:3b.00.0", NO_DEVICE },
	{ conf_check_device, "00000:3b:00.0", NO_DEVICE },
	{ conf_check_device, "net_null0,", "ends in a comma" },
	{ conf_check_device, "net_null0, a=1", UNPRINTABLE },
	{ conf_check_device, "net_null0\n", UNPRINTABLE },
	{ conf_check_device, "net_null0,a=\xc3\xa9", UNPRINTABLE },
	{ conf_check_lcores, "0", NULL },
	{ conf_check_lcores, "127", NULL },
	{ conf_check_lcores, "0-3,8,5-6", NULL },
	{ conf_check_lcores, "", NO_CORES },
	{ conf_check_lcores, "a", NO_CORES },
	{ conf_check_lcores, "-1", NO_CORES },
	{ conf_check_lcores, "1-", NO_CORES },
	{ conf_check_lcores, "3-1", NO_CORES },
	{ conf_check_lcores, "0-1-2", NO_CORES },
	{ conf_check_lcores, "0,", NO_CORES },
	{ conf_check_lcores, ",0", NO_CORES },
	{ conf_check_lcores, "0,,1", NO_CORES },
	{ conf_check_lcores, "0 ,1", NO_CORES },
	{ conf_check_lcores, "128", "names a core above 127" },
	{ conf_check_lcores, "0-99999999999999999999", "names a core above 127" },
	{ conf_check_lcores, "0-3,2", "names a core twice" },
	{ conf_check_lcores, "7,7", "names a core twice" },
	{ conf_check_path, "/run/hamd/x.sock", NULL },
	{ conf_check_path, "", "is not an absolute path" },
	{ conf_check_path, "x.sock", "is not an absolute path" },
	{ conf_check_path, "/run/\x7f", "holds a control character" },
	{ conf_check_path, "/run/\t", "holds a control character" },
};

static void test_checks(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct buf b = buf_copy(cases[i].text, strlen(cases[i].text) + 1);
		const char *why = cases[i].check((const char *)b.p);

		buf_free(&b);
		if ((why == NULL) != (cases[i].why == NULL) ||
			(why != NULL && strcmp(why, cases[i].why) != 0))
			fail_msg("%s: %s", cases[i].text, why != NULL ? why : "is fine");
	}
}

static void test_lcore_count(void **state)
{
	(void)state;
	assert_int_equal(conf_lcore_count("5"), 1);
	assert_int_equal(conf_lcore_count("0-3"), 4);
	assert_int_equal(conf_lcore_count("0-127"), 128);
	assert_int_equal(conf_lcore_count("9,0-1,4"), 4);
}

static void test_device_parts(void **state)
{
	size_t len = 0;

	(void)state;
	assert_int_equal(conf_device_id_len("net_null0"), 9);
	assert_int_equal(conf_device_id_len("net_tap0,iface=x"), 8);
	assert_null(conf_device_iface("net_null0", &len));
	assert_null(conf_device_iface("net_tap0,remote=iface", &len));
	assert_memory_equal(conf_device_iface("net_tap0,mac=fixed,iface=x1,a=b", &len), "x1", 2);
	assert_int_equal(len, 2);
}

static void test_nearest(void **state)
{
	static const char *const words[] = { "mtu", "name", "addresses", "home-agent-address",
		NULL };
	static const struct {
		const char *text, *nearest;
	} table[] = {
		{ "addressez", "addresses" },
		{ "home_agent_address", "home-agent-address" },
		{ "NAME", "name" },
		{ "MTU", "mtu" },
		{ "naem", "name" },
		{ "mt", "mtu" },
		{ "", NULL },
		{ "addressesxyz", NULL },
		{ "port", NULL },
		{ "addresses-of-something-that-is-far-too-long", NULL },
	};

	(void)state;
	for (size_t i = 0; i < DIM(table); i++) {
		const char *nearest = conf_nearest(table[i].text, words);

		if (nearest == NULL ? table[i].nearest != NULL
				    : table[i].nearest == NULL ||
					      strcmp(nearest, table[i].nearest) != 0)
			fail_msg("%s: %s", table[i].text, nearest != NULL ? nearest : "none");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_lcore_count),
		cmocka_unit_test(test_device_parts),
		cmocka_unit_test(test_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
