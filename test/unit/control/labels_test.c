/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose tunnel packet it is: keys of labels.c by domain, in time, and how many looks there are. */
#include "test.h"

#include <errno.h>

#include "control/mesh/labels.h"
#include "net/ip6hdr.h"

#define RATE  10
#define BURST 5
#define KEEP  LABELS_KEPT_MS
#define ALL   254 /* sites of the largest domain */

static struct labels *l;
static uint64_t now_ms;
static struct net_ip6 inner;

static void make(void)
{
	static const uint8_t first[] = { 2, 3 }, second[] = { 3 };

	now_ms = 1000;
	net_ip6_fill(
		&inner, 0, IP6_UDP, 64, &(struct ip6_addr){ { 1 } }, &(struct ip6_addr){ { 2 } });
	assert_int_equal(labels_new(1000000, 1000000, now_ms, &l), 0);
	assert_int_equal(labels_add_domain(l, first, 2), 0);
	assert_int_equal(labels_add_domain(l, second, 1), 0);
	assert_int_equal(labels_add_domain(l, NULL, 0), 0);
}

static int set_up(void **state)
{
	(void)state;
	make();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	labels_free(l);
	return 0;
}

/* Who made a packet with that key's label. */
static int who(uint16_t domain, uint64_t key)
{
	uint32_t label = net_tunnel_flow(&inner, sizeof(inner), key);

	return labels_made(l, domain, &inner, sizeof(inner), label, now_ms);
}

static void live(uint16_t domain, uint8_t node, bool is_live)
{
	labels_live(l, domain, node, is_live, now_ms);
}

static void test_domains(void **state)
{
	(void)state;
	for (uint16_t d = 0; d < 3; d++)
		for (uint8_t node = 2; node <= 4; node++)
			live(d, node, true);
	assert_int_equal(who(0, 222), 0);
	labels_heard(l, 0, 2, 222, now_ms);
	labels_heard(l, 0, 3, 333, now_ms);
	labels_heard(l, 1, 3, 444, now_ms);
	/* who is no member has no key there, whatever it says */
	labels_heard(l, 1, 2, 555, now_ms);
	labels_heard(l, 0, 4, 555, now_ms);
	labels_heard(l, 2, 3, 555, now_ms);
	assert_int_equal(who(0, 222), 2);
	assert_int_equal(who(0, 333), 3);
	assert_int_equal(who(0, 444), 0);
	assert_int_equal(who(0, 555), 0);
	assert_int_equal(who(1, 444), 3);
	assert_int_equal(who(1, 222), 0);
	assert_int_equal(who(1, 333), 0);
	assert_int_equal(who(1, 555), 0);
	assert_int_equal(who(2, 555), 0);
	assert_int_equal(who(0, 0), 0); /* no key is none */
}

static void test_time(void **state)
{
	(void)state;
	labels_heard(l, 0, 2, 222, now_ms);
	assert_int_equal(who(0, 222), 0); /* it has not served yet */
	live(0, 2, false);
	assert_int_equal(who(0, 222), 0);
	live(0, 2, true);
	assert_int_equal(who(0, 222), 2);
	now_ms += 100 * KEEP;
	assert_int_equal(who(0, 222), 2);
	live(0, 2, false);
	now_ms += KEEP - 1;
	live(0, 2, false); /* begins nothing anew */
	assert_int_equal(who(0, 222), 2);
	now_ms++;
	assert_int_equal(who(0, 222), 0);
	live(0, 2, true);
	assert_int_equal(who(0, 222), 2);
}

/* Another life: packets of the last one are still on their way. */
static void test_restart(void **state)
{
	(void)state;
	live(0, 2, true);
	labels_heard(l, 0, 2, 1, now_ms);
	labels_heard(l, 0, 2, 222, now_ms);
	now_ms += KEEP / 2;
	labels_heard(l, 0, 2, 333, now_ms);
	for (unsigned i = 0; i < 3; i++)
		labels_heard(l, 0, 2, 333, now_ms); /* no news */
	assert_int_equal(who(0, 1), 0);
	assert_int_equal(who(0, 222), 2);
	assert_int_equal(who(0, 333), 2);
	now_ms += KEEP - 1;
	assert_int_equal(who(0, 222), 2);
	now_ms++;
	assert_int_equal(who(0, 222), 0);
	assert_int_equal(who(0, 333), 2);
}

/* It left, and its key ran out before it came back with another one: that has not begun anew. */
static void test_away(void **state)
{
	(void)state;
	live(0, 2, true);
	labels_heard(l, 0, 2, 222, now_ms);
	live(0, 2, false);
	now_ms += KEEP / 2;
	labels_heard(l, 0, 2, 333, now_ms); /* another life already, and not live yet */
	now_ms += KEEP / 2 - 1;
	assert_int_equal(who(0, 222), 2);
	now_ms++;
	assert_int_equal(who(0, 222), 0);
	now_ms += 100 * KEEP;
	labels_heard(l, 0, 2, 444, now_ms);
	live(0, 2, true);
	assert_int_equal(who(0, 222), 0);
	assert_int_equal(who(0, 333), 0);
	assert_int_equal(who(0, 444), 2);
}

/* A flood of what nobody made is looked for so many times a second; a domain of our own is free. */
static void test_rate(void **state)
{
	const uint8_t node = 2;
	unsigned n = 0;

	(void)state;
	labels_free(l);
	assert_int_equal(labels_new(RATE, BURST, now_ms, &l), 0);
	assert_int_equal(labels_add_domain(l, &node, 1), 0);
	assert_int_equal(labels_add_domain(l, NULL, 0), 0);
	assert_int_equal(labels_add_domain(l, &node, 1), 0);
	for (uint16_t d = 0; d < 3; d++) {
		live(d, 2, true);
		labels_heard(l, d, 2, 222, now_ms);
	}
	for (unsigned i = 0; i < 3 * BURST; i++)
		assert_int_equal(who(1, 5), 0);
	while (who(0, 5) == 0)
		n++;
	assert_int_equal(n, BURST);
	assert_int_equal(who(0, 222), -EBUSY);
	for (unsigned i = 0; i < BURST; i++) /* and takes nothing from another provider's */
		assert_int_equal(who(2, 222), 2);
	assert_int_equal(who(2, 222), -EBUSY);
	now_ms += 1000 / RATE;
	assert_int_equal(who(0, 222), 2);
	assert_int_equal(who(0, 222), -EBUSY);
}

/* Each of the largest domain is found, and a made up label by chance only: 20 bits. */
static void test_all(void **state)
{
	uint8_t nodes[ALL];
	unsigned lucky = 0;

	(void)state;
	for (unsigned i = 0; i < ALL; i++)
		nodes[i] = (uint8_t)(i + 2);
	labels_free(l);
	assert_int_equal(labels_new(1000000, 1000000, now_ms, &l), 0);
	assert_int_equal(labels_add_domain(l, nodes, ALL), 0);
	for (unsigned i = 0; i < ALL; i++) {
		live(0, nodes[i], true);
		labels_heard(l, 0, nodes[i], 1000003ULL * (i + 1), now_ms);
	}
	for (unsigned i = 0; i < ALL; i++)
		if (who(0, 1000003ULL * (i + 1)) != nodes[i])
			lucky++;
	assert_in_range(lucky, 0, 3); /* two with one label: 254^2 / 2^21 */
	lucky = 0;
	for (uint32_t label = 1; label <= 1000; label++)
		lucky += labels_made(l, 0, &inner, sizeof(inner), label * 1009, now_ms) != 0;
	assert_in_range(lucky, 0, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_domains, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_time, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restart, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_rate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_all, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
