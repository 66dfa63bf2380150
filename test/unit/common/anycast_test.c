/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 2526, 2 and 4: the anycast addresses by the letter of the RFC. */
#include "test.h"

#include "common/anycast.h"

static void test_home_agents(void **state)
{
	static const struct {
		const char *prefix, *agent, *want[ANYCAST_FORMS];
	} t[] = {
		{ "2001:db8:a:b::/64", "2001:db8:a:b::1", { "2001:db8:a:b:fdff:ffff:ffff:fffe" } },
		{ "2001:db8:a:b::/64", "2001:db8:c::1", { "2001:db8:a:b:fdff:ffff:ffff:fffe" } },
		/* shorter: the agent's /64, and right behind the prefix */
		{ "2001:db8:a::/48", "2001:db8:a:7::1",
			{ "2001:db8:a:7:fdff:ffff:ffff:fffe",
				"2001:db8:a:ffff:ffff:ffff:ffff:fffe" } },
		{ "2001:db8:a::/48", "2001:db8:c::1",
			{ "2001:db8:a:0:fdff:ffff:ffff:fffe",
				"2001:db8:a:ffff:ffff:ffff:ffff:fffe" } },
		{ "2001:db8:a:b0::/60", "2001:db8:a:b1::1",
			{ "2001:db8:a:b1:fdff:ffff:ffff:fffe",
				"2001:db8:a:bf:ffff:ffff:ffff:fffe" } },
		/* longer: only the second form is one of theirs */
		{ "2001:db8:a:b:8000::/65", "2001:db8:a:b:8000::1",
			{ "2001:db8:a:b:ffff:ffff:ffff:fffe" } },
		{ "2001:db8:a:b::/65", "2001:db8:a:b::1", { "2001:db8:a:b:7fff:ffff:ffff:fffe" } },
		{ "2001:db8:a:b:c::/96", "2001:db8:a:b:c::1", { "2001:db8:a:b:c:0:ffff:fffe" } },
		{ "2001:db8::a00/120", "2001:db8::a01", { "2001:db8::afe" } },
		{ "2001:db8::a00/121", "2001:db8::a01", { NULL } },
		{ "2001:db8::a/128", "2001:db8::a", { NULL } },
	};

	(void)state;
	for (size_t i = 0; i < DIM(t); i++) {
		struct ip6_prefix p = prefix(t[i].prefix);
		struct ip6_addr agent = addr(t[i].agent), got[ANYCAST_FORMS];
		uint32_t n = anycast_home_agents(&p, &agent, got);
		char text[IP6_STRLEN];

		for (uint32_t j = 0; j < ANYCAST_FORMS; j++) {
			const char *want = t[i].want[j];

			if ((j < n) != (want != NULL))
				fail_msg("%s: %u addresses", t[i].prefix, n);
			if (j < n && strcmp(ip6_str(&got[j], text), want) != 0)
				fail_msg("%s: %s, not %s", t[i].prefix, text, want);
		}
		/* what is answered is what nobody may have */
		for (uint32_t j = 0; j < n; j++)
			assert_true(anycast_is_reserved(&got[j], &p));
	}
}

static void test_reserved(void **state)
{
	static const struct {
		const char *prefix, *a;
		bool want;
	} t[] = {
		{ "2001:db8::/64", "2001:db8::fdff:ffff:ffff:ff80", true },
		{ "2001:db8::/64", "2001:db8::fdff:ffff:ffff:ffff", true },
		{ "2001:db8::/64", "2001:db8::fdff:ffff:ffff:ff7f", false },
		{ "2001:db8::/64", "2001:db8::fdff:ffff:fffe:ffff", false },
		{ "2001:db8::/64", "2001:db8::ffff:ffff:ffff:fffe", false },
		{ "2001:db8::/64", "2001:db8::1", false },
		/* every /64 of it, and the end of the whole */
		{ "2001:db8::/48", "2001:db8:0:77:fdff:ffff:ffff:ff80", true },
		{ "2001:db8::/48", "2001:db8:0:77:fdff:ffff:ffff:ff7f", false },
		{ "2001:db8::/48", "2001:db8:0:ffff:ffff:ffff:ffff:ff80", true },
		{ "2001:db8::/48", "2001:db8:0:ffff:ffff:ffff:ffff:ff7f", false },
		{ "2001:db8::/48", "2001:db8:0:fffe:ffff:ffff:ffff:fffe", false },
		{ "2001:db8::/96", "2001:db8::ffff:ff80", true },
		{ "2001:db8::/96", "2001:db8::ffff:ff7f", false },
		{ "2001:db8::/120", "2001:db8::80", true },
		{ "2001:db8::/120", "2001:db8::7f", false },
		{ "2001:db8::80/121", "2001:db8::fe", false },
		{ "2001:db8::fe/128", "2001:db8::fe", false },
	};

	(void)state;
	for (size_t i = 0; i < DIM(t); i++) {
		struct ip6_prefix p = prefix(t[i].prefix);
		struct ip6_addr a = addr(t[i].a);

		if (anycast_is_reserved(&a, &p) != t[i].want)
			fail_msg("%s in %s: not %d", t[i].a, t[i].prefix, t[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_home_agents),
		cmocka_unit_test(test_reserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
