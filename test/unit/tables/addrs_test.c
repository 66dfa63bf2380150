/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include <errno.h>

#include "tables/addrs.h"

static const struct {
	const char *addr;
	uint8_t prefix_len;
	enum addr_owner owner;
	enum addr_state state;
	uint16_t port;
	int ret;
} rows[] = {
	{ "fe80::1", 128, ADDR_PORT, ADDR_PREFERRED, 0, 0 },
	{ "fe80::1", 128, ADDR_PORT, ADDR_PREFERRED, 1, 1 },
	{ "fe80::1", 128, ADDR_PORT, ADDR_PREFERRED, 1, -EEXIST },
	{ "2001:db8:1::10", 64, ADDR_PORT, ADDR_PREFERRED, 0, 2 },
	{ "2001:db8:2::10", 64, ADDR_PORT, ADDR_PREFERRED, 0, 3 },
	{ "2001:db8:3::10", 64, ADDR_PORT, ADDR_TENTATIVE, 0, 4 },
	{ "2001:db8:4::10", 64, ADDR_PORT, ADDR_DUPLICATE, 0, 5 },
	{ "2001:db8:5::10", 64, ADDR_PORT, ADDR_PREFERRED, 1, 6 },
	{ "2001:db8:5::10", 64, ADDR_PORT, ADDR_PREFERRED, 0, -EEXIST },
	{ "2001:db8:a::1", 128, ADDR_HOME_AGENT, ADDR_PREFERRED, ADDR_NO_PORT, 7 },
	{ "2001:db8:a::1", 128, ADDR_HOME_AGENT, ADDR_PREFERRED, ADDR_NO_PORT, -EEXIST },
	{ "2001:db8:b::1", 128, ADDR_HOME_AGENT, ADDR_PREFERRED, ADDR_NO_PORT, -ENOSPC },
};

static const struct {
	const char *dst;
	uint16_t port;
	const char *source;
} sources[] = {
	{ "fe80::99", 0, "fe80::1" },
	{ "fe80::99", 2, NULL }, /* not another link's */
	{ "ff02::1:ff00:1", 1, "fe80::1" },
	{ "ff0e::1", 1, "2001:db8:5::10" },
	{ "2001:db8:1::99", 0, "2001:db8:1::10" },
	{ "2001:db8:2::99", 0, "2001:db8:2::10" },
	{ "2001:db8:3::99", 0, "2001:db8:2::10" }, /* tentative is not used */
	{ "2001:db8:2::99", 1, "2001:db8:5::10" }, /* of the port it leaves by */
	{ "2001:db8:2::99", 7, "2001:db8:1::10" },
	{ "2001:db8:a::1", 7, "2001:db8:1::10" }, /* a port's before a home agent's */
	{ "2001:db8:2::10", 0, "2001:db8:2::10" },
};

static struct addrs *t;

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(addrs_new(8, &t), 0);
	for (size_t i = 0; i < DIM(rows); i++) {
		struct addr_row row = { .addr = addr(rows[i].addr),
			.prefix_len = rows[i].prefix_len,
			.owner = rows[i].owner,
			.state = rows[i].state,
			.port = rows[i].port,
			.domain = (uint16_t)i };

		assert_int_equal(addrs_add(t, &row), rows[i].ret);
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	addrs_free(t);
	return 0;
}

static void test_find(void **state)
{
	struct ip6_addr ll = addr("fe80::1"), global = addr("2001:db8:5::10"),
			ha = addr("2001:db8:a::1"), other = addr("2001:db8:a::2");

	(void)state;
	assert_int_equal(addrs_count(t), 8);
	assert_ptr_equal(addrs_find(t, &ll, 0), addrs_row(t, 0));
	assert_ptr_equal(addrs_find(t, &ll, 1), addrs_row(t, 1));
	assert_null(addrs_find(t, &ll, 2));
	assert_ptr_equal(addrs_find(t, &global, 0), addrs_row(t, 6)); /* came in elsewhere */
	assert_ptr_equal(addrs_find(t, &ha, 0), addrs_row(t, 7));
	assert_null(addrs_find(t, &other, 0));
	assert_int_equal(addrs_row(t, 7)->domain, 9);
	assert_null(addrs_row(t, 8));
}

static void check_source(const char *dst, uint16_t port, const char *expected)
{
	struct ip6_addr d = addr(dst);
	const struct ip6_addr *s = addrs_source(t, &d, port);
	char text[IP6_STRLEN];

	if (expected == NULL ? s != NULL : s == NULL || strcmp(ip6_str(s, text), expected) != 0)
		fail_msg("%s by %u: %s", dst, port, s != NULL ? ip6_str(s, text) : "none");
}

static void test_source(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(sources); i++)
		check_source(sources[i].dst, sources[i].port, sources[i].source);
	for (uint32_t i = 0; i < 7; i++)
		addrs_row(t, i)->state = ADDR_TENTATIVE;
	check_source("2001:db8:1::99", 0, "2001:db8:a::1");
	addrs_row(t, 7)->state = ADDR_DUPLICATE;
	check_source("2001:db8:1::99", 0, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_find, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_source, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
