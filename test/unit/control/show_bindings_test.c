/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers to hamctl about bindings. */
#include "show_lab.h"

/* --- bindings --- */

/* Whose it is, and which of two copies is the newer one. */
static void test_binding_in_mesh(void **state)
{
	struct ip6_addr hoa = addr("2001:db8:a::7");
	struct ctl_req req = request(CTL_SHOW_BINDING);
	struct record_mesh *m;
	struct record *r;
	cJSON *list;

	(void)state;
	with_mesh();
	r = bind_node(0, &hoa, "2001:db8:c::1");
	m = records_mesh(t.ctl.records, r);
	m->content =
		(struct content_version){ .epoch = 1, .ext_seq = 65543, .hlc = 0xab, .node = 2 };
	m->owner = (struct owner_version){ .epoch = 1, .ext_seq = 65543, .term = 3, .node = 2 };
	m->flags = RECORD_ALONE;
	req.key = hoa;
	list = ask(&req);
	assert_string_equal(text(list, 0, "owner"), "tokyo");
	assert_string_equal(text(list, 0, "version"), "1.65543.ab@2");
	assert_string_equal(text(list, 0, "owner-version"), "1.65543.3@2");
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "alone")));
	cJSON_Delete(list);
	for (unsigned i = 0; i < 3; i++) {
		req = request(CTL_SHOW_BINDINGS);
		set_name(req.site, i == 0 ? "tokyo" : i == 1 ? "paris" : "oslo");
		if (i == 2)
			assert_fails(&req, -ENOENT, "no such site: oslo");
		else
			assert_int_equal(count_of(&req), i == 0);
	}
}

static void test_binding(void **state)
{
	struct ip6_addr hoa = addr("2001:db8:b::7");
	struct ctl_req req = request(CTL_SHOW_BINDING);
	struct record *r = bind_node(1, &hoa, "2001:db8:c::1");
	char since[] = "2026-01-01T00:00:00Z";
	cJSON *list;

	(void)state;
	publish_it(r);
	bc_count_to(bc_find(t.tables->bc, &hoa), 3, 300);
	bc_count_from(bc_find(t.tables->bc, &hoa), 4, 400);
	req.key = hoa;
	list = ask(&req);
	assert_int_equal(req.status, 0);
	assert_int_equal(cJSON_GetArraySize(list), 1);
	assert_string_equal(text(list, 0, "home-address"), "2001:db8:b::7");
	assert_string_equal(text(list, 0, "care-of-address"), "2001:db8:c::1");
	assert_string_equal(text(list, 0, "home-agent-address"), "2001:db8:a::ffff");
	assert_string_equal(text(list, 0, "domain"), "msp2");
	assert_string_equal(text(list, 0, "state"), "live");
	assert_string_equal(text(list, 0, "flags"), "AHK");
	assert_int_equal(strlen(text(list, 0, "since")), strlen(since));
	assert_int_equal(number(list, 0, "sequence"), 65535);
	assert_int_equal(number(list, 0, "lifetime-s"), 420);
	assert_int_equal(number(list, 0, "remaining-s"), 120);
	assert_int_equal(number(list, 0, "packets-to"), 3);
	assert_int_equal(number(list, 0, "bytes-to"), 300);
	assert_int_equal(number(list, 0, "packets-from"), 4);
	assert_int_equal(number(list, 0, "bytes-from"), 400);
	assert_null(cJSON_GetObjectItem(cJSON_GetArrayItem(list, 0), "tunnel-mtu"));
	cJSON_Delete(list);

	/* when the path takes less than the link */
	bc_set_mtu(bc_find(t.tables->bc, &hoa), 1400);
	req = request(CTL_SHOW_BINDING);
	req.key = hoa;
	list = ask(&req);
	assert_int_equal(number(list, 0, "tunnel-mtu"), 1360);
	cJSON_Delete(list);

	req = request(CTL_SHOW_BINDING);
	req.key = addr("2001:db8:b::8");
	assert_fails(&req, -ENOENT, "no such binding: 2001:db8:b::8");
	records_set(t.ctl.records, r, RECORD_TOMBSTONE, &r->coa, NOW_MS + 5000);
	req = request(CTL_SHOW_BINDING);
	req.key = hoa;
	assert_fails(&req, -ENOENT, "no such binding: 2001:db8:b::7");
}

static const struct {
	const char *name, *prefix, *coa, *domain;
	bool all;
	int n;
} filters[] = {
	{ "none", NULL, NULL, "", false, 3 },
	{ "all", NULL, NULL, "", true, 4 },
	{ "prefix", "2001:db8:a::/64", NULL, "", false, 2 },
	{ "prefix, all", "2001:db8:a::/64", NULL, "", true, 3 },
	{ "home address", "2001:db8:a::2/128", NULL, "", false, 1 },
	{ "coa", NULL, "2001:db8:c::/64", "", false, 2 },
	{ "domain", NULL, NULL, "msp2", false, 1 },
	{ "prefix and coa", "2001:db8:a::/64", "2001:db8:c::/64", "", false, 1 },
	{ "domain against prefix", "2001:db8:a::/64", NULL, "msp2", false, 0 },
};

static void test_filters(void **state)
{
	struct ip6_addr hoa[] = { addr("2001:db8:a::1"), addr("2001:db8:a::2"),
		addr("2001:db8:a::3"), addr("2001:db8:b::1") };
	struct record *gone;

	(void)state;
	bind_node(0, &hoa[0], "2001:db8:c::1");
	bind_node(0, &hoa[1], "2001:db8:d::1");
	gone = bind_node(0, &hoa[2], "2001:db8:c::2");
	records_set(t.ctl.records, gone, RECORD_TOMBSTONE, &gone->coa, NOW_MS + 5000);
	bind_node(1, &hoa[3], "2001:db8:c::3");
	for (size_t i = 0; i < DIM(filters); i++) {
		struct ctl_req req = request(CTL_SHOW_BINDINGS);

		req.all = filters[i].all;
		set_name(req.domain, filters[i].domain);
		req.has_prefix = filters[i].prefix != NULL;
		if (req.has_prefix)
			req.prefix = prefix(filters[i].prefix);
		req.has_coa = filters[i].coa != NULL;
		if (req.has_coa)
			req.coa = prefix(filters[i].coa);
		int n = count_of(&req);

		if (n != filters[i].n)
			fail_msg("%s: %d bindings", filters[i].name, n);
	}
	struct ctl_req req = request(CTL_SHOW_BINDINGS);

	set_name(req.domain, "nix");
	assert_fails(&req, -ENOENT, "no such domain: nix");
}

/* One line, whatever the filters leave; what was de-registered is not in it. */
static void test_summary(void **state)
{
	struct ctl_req req = request(CTL_SHOW_SUMMARY);
	struct record *gone = NULL;
	cJSON *list;

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		struct ip6_addr hoa = numbered("2001:db8:a::", i);
		struct record *r = bind_node(0, &hoa, i < 10 ? "2001:db8:c::1" : "2001:db8:d::1");

		publish_it(r);
		if (i % 2 == 0)
			bc_count_to(bc_find(t.tables->bc, &hoa), 3, 300);
		if (i % 4 == 0)
			bc_count_from(bc_find(t.tables->bc, &hoa), 5, 500);
		gone = r;
	}
	records_set(t.ctl.records, gone, RECORD_TOMBSTONE, &gone->coa, NOW_MS + 5000);
	list = ask(&req);
	assert_int_equal(req.status, 0);
	assert_int_equal(cJSON_GetArraySize(list), 1);
	assert_int_equal(number(list, 0, "bindings"), 1999);
	assert_int_equal(number(list, 0, "used-to"), 1000);
	assert_int_equal(number(list, 0, "used-from"), 500);
	assert_int_equal(number(list, 0, "packets-to"), 3000);
	assert_int_equal(number(list, 0, "bytes-to"), 300000);
	assert_int_equal(number(list, 0, "packets-from"), 2500);
	assert_int_equal(number(list, 0, "bytes-from"), 250000);
	cJSON_Delete(list);

	req = request(CTL_SHOW_SUMMARY);
	req.has_coa = true;
	req.coa = prefix("2001:db8:c::/64");
	list = ask(&req);
	assert_int_equal(number(list, 0, "bindings"), 10);
	assert_int_equal(number(list, 0, "used-to"), 5);
	cJSON_Delete(list);

	req = request(CTL_SHOW_SUMMARY);
	set_name(req.domain, "nix");
	assert_fails(&req, -ENOENT, "no such domain: nix");
}

/* Thousands: slices and turns stay small, every one is there once, though others come and go. */
static void test_many(void **state)
{
	static uint8_t seen[MAX];
	struct ctl_req req = request(CTL_SHOW_BINDINGS);
	struct record *churn = NULL;
	struct ip6_addr other = addr("2001:db8:b::1");
	unsigned slices = 0;

	(void)state;
	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < 5000; i++) {
		struct ip6_addr hoa = numbered("2001:db8:a::", i);

		bind_node(0, &hoa, "2001:db8:c::1");
	}
	do {
		run_slice(&req);
		jw_raw(&req.out, "", 1); /* a string */
		req.out.len--;
		for (const char *p = req.out.buf; p < req.out.buf + req.out.len;
			p = strchr(p, '\n') + 1) {
			struct ip6_addr hoa;
			char a[IP6_STRLEN];

			assert_int_equal(sscanf(p, "{\"home-address\":\"%45[0-9a-f:]", a), 1);
			assert_int_equal(ip6_parse(a, &hoa), 0);
			if (hoa.b[5] == 0xa)
				seen[hoa.b[14] << 8 | hoa.b[15]]++;
		}
		if (churn != NULL)
			records_del(t.ctl.records, churn);
		other.b[15]++;
		churn = bind_node(1, &other, "2001:db8:c::2");
		slices++;
	} while (!req.done);
	jw_done(&req.out);
	assert_true(slices > 20 && slices < 60);
	for (uint32_t i = 0; i < 5000; i++)
		assert_int_equal(seen[i], 1);

	/* Nothing matches: it takes a few turns, none of them looks at all 5000. */
	req = request(CTL_SHOW_BINDINGS);
	req.has_prefix = true;
	req.prefix = prefix("2001:db8:f::/64");
	unsigned turns = run_slice(&req);

	assert_true(req.done && req.out.len == 0);
	assert_true(turns >= 15 && turns < 25);
	jw_done(&req.out);
}

static void test_delete(void **state)
{
	struct ctl_req req = request(CTL_BINDING_DELETE);
	cJSON *list;

	(void)state;
	req.key = addr("2001:db8:a::1");
	delete_returns = 0;
	list = ask(&req);
	assert_int_equal(req.status, 0);
	assert_string_equal(text(list, 0, "deleted"), "2001:db8:a::1");
	cJSON_Delete(list);
	req = request(CTL_BINDING_DELETE);
	delete_returns = -ENOENT;
	assert_fails(&req, -ENOENT, "no such binding: ::");
	req = request(CTL_BINDING_DELETE);
	delete_returns = -ENOSPC;
	assert_fails(&req, -ENOSPC,
		"nothing can be deleted at this moment: No space left on device; try again");
}

/* A node that only routes. */
static void test_no_domains(void **state)
{
	struct records *kept = t.ctl.records;
	struct ctl_req req = request(CTL_SHOW_BINDINGS);

	(void)state;
	delete_returns = 0;
	t.ctl.records = NULL;
	t.ctl.mip6 = NULL;
	t.conf.domain_count = 0;
	assert_int_equal(count_of(&req), 0);
	req = request(CTL_SHOW_BINDING);
	assert_fails(&req, -ENOENT, "no such binding: ::");
	req = request(CTL_BINDING_DELETE);
	assert_fails(&req, -ENOENT, "no such binding: ::");
	req = request(CTL_SHOW_VERSION);
	assert_int_equal(count_of(&req), 1);
	t.ctl.records = kept;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_binding),
		TEST(test_binding_in_mesh),
		TEST(test_filters),
		TEST(test_summary),
		TEST(test_many),
		TEST(test_delete),
		TEST(test_no_domains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
