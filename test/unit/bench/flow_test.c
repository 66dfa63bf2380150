/* SPDX-License-Identifier: BSD-3-Clause */
/* The books of the benchmarks' mobile nodes: what counts as lost, twice, or from somebody else. */
#include <errno.h>

#include "test.h"

#include "../../scripts/bench/around/flow.h"
#include "../../scripts/bench/around/updates.h"

#include "net/ip6hdr.h"
#include "net/mh.h"

#define MS    1000000ULL
#define BEGIN (5000 * MS)
#define NODES 4
#define PER_S 1000 /* one a millisecond */
#define AGENT "2001:db8:a::1"
#define FAR   "2001:db8:d1::2"

struct lab {
	struct crowd crowd;
	struct flow flow;
	struct ip6_addr far;
};

static struct lab *made(bool is_from)
{
	struct lab *l = calloc(1, sizeof(*l));

	assert_non_null(l);
	l->crowd = (struct crowd){
		.hoa = addr("2001:db8:a::"), .coa = addr("2001:db8:c::"), .agent = addr(AGENT)
	};
	assert_int_equal(crowd_init(&l->crowd, NODE_FIRST, NODES), 0);
	for (unsigned i = 0; i < NODES; i++)
		l->crowd.mn[i].place = 1;
	l->far = addr(FAR);
	l->flow.is_from = is_from;
	assert_int_equal(flow_begin(&l->flow, &l->crowd, 0, PER_S, BEGIN), 0);
	return l;
}

static void unmade(struct lab *l)
{
	free(l->flow.seen);
	free(l->flow.newest);
	free(l->crowd.mn);
	free(l);
}

/* The next packet of the flow as it arrives: what goes to a node has a tunnel's header, that from
 * one has none any more. Its length. */
static size_t arriving(struct lab *l, uint64_t now, const char *agent, uint8_t place, uint8_t *pkt)
{
	uint8_t frame[FRAME_LEN_MAX];
	uint32_t i = (uint32_t)(l->flow.sent % NODES);
	struct ip6_addr src = addr(agent), dst = crowd_care_of(&l->crowd, i, place);
	size_t len = flow_next(&l->flow, now, &l->far, frame);

	assert_int_not_equal(len, 0);
	if (l->flow.is_from) {
		memcpy(pkt, frame + FRAME_ETHER + FRAME_IP6, FLOW_PACKET_LEN);
		return FLOW_PACKET_LEN;
	}
	net_ip6_fill((struct net_ip6 *)pkt, FLOW_PACKET_LEN, IP6_IN_IP6, 64, &src, &dst);
	memcpy(pkt + FRAME_IP6, frame + FRAME_ETHER, FLOW_PACKET_LEN);
	return FRAME_IP6 + FLOW_PACKET_LEN;
}

static void test_rate(void **state)
{
	struct lab *l = made(false);
	uint8_t frame[FRAME_LEN_MAX];
	unsigned n = 0;

	(void)state;
	assert_int_equal(flow_next(&l->flow, BEGIN - 1, &l->far, frame), 0);
	while (flow_next(&l->flow, BEGIN + 10 * MS - 1, &l->far, frame) == 14 + FLOW_PACKET_LEN)
		n++;
	assert_int_equal(n, 10);
	l->flow.is_on = false;
	assert_int_equal(flow_next(&l->flow, BEGIN + 99 * MS, &l->far, frame), 0);
	assert_int_equal(flow_begin(&l->flow, &l->crowd, 0, 0, BEGIN), -EINVAL);
	assert_int_equal(crowd_init(&l->crowd, 0, NODES), -EINVAL);
	unmade(l);
}

/* Lost is what was sent and is not got: one of three, though another came twice. */
static void test_lost_and_twice(void **state)
{
	(void)state;
	for (int is_from = 0; is_from < 2; is_from++) {
		struct lab *l = made(is_from);
		uint8_t pkt[3][FRAME_LEN_MAX];
		size_t len = 0;

		for (unsigned i = 0; i < 3; i++)
			len = arriving(l, BEGIN + i * MS, AGENT, 1, pkt[i]);
		assert_true(flow_take(&l->flow, 1, pkt[0], len, 2, BEGIN + 4 * MS));
		assert_true(flow_take(&l->flow, 1, pkt[2], len, 2, BEGIN + 9 * MS));
		assert_true(flow_take(&l->flow, 1, pkt[2], len, 2, BEGIN + 10 * MS));
		assert_int_equal(l->flow.sent, 3);
		assert_int_equal(l->flow.got, 2);
		assert_int_equal(l->flow.duplicates, 1);
		assert_int_equal(l->flow.silence_ns, 5 * MS);
		assert_int_equal(l->flow.silence_from_ns, BEGIN + 4 * MS);
		assert_int_equal(l->flow.slowest_ns, 8 * MS);
		assert_int_equal(l->flow.by[2].packets, 3);
		assert_int_equal(l->flow.by[2].last_ns, BEGIN + 10 * MS);
		unmade(l);
	}
}

static void test_overtaken(void **state)
{
	struct lab *l = made(true);
	uint8_t pkt[NODES + 1][FRAME_LEN_MAX];
	size_t len = 0;

	(void)state;
	for (unsigned i = 0; i <= NODES; i++) /* the last one is the first node's again */
		len = arriving(l, BEGIN + i * MS, AGENT, 1, pkt[i]);
	flow_take(&l->flow, 1, pkt[NODES], len, 0, BEGIN + 9 * MS);
	flow_take(&l->flow, 1, pkt[1], len, 0, BEGIN + 9 * MS);
	assert_int_equal(l->flow.overtaken, 0);
	flow_take(&l->flow, 1, pkt[0], len, 0, BEGIN + 9 * MS);
	assert_int_equal(l->flow.overtaken, 1);
	unmade(l);
}

/* A node that went to place 2 at BEGIN + 10 ms. */
static void test_places(void **state)
{
	static const struct {
		const char *agent;
		uint8_t place;
		uint64_t at_ms;
		uint64_t got, old_link, stray, wrong_source;
	} cases[] = {
		{ AGENT, 2, 20, 1, 0, 0, 0 },
		{ AGENT, 1, 1010, 1, 1, 0, 0 },
		{ AGENT, 1, 1011, 0, 0, 1, 0 },
		{ AGENT, 3, 20, 0, 0, 1, 0 },
		{ "2001:db8:a::2", 2, 20, 0, 0, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct lab *l = made(false);
		uint8_t pkt[FRAME_LEN_MAX];
		size_t len;

		mn_move(&l->crowd.mn[0], 2, BEGIN + 10 * MS);
		len = arriving(l, BEGIN + 15 * MS, cases[i].agent, cases[i].place, pkt);
		assert_true(flow_take(&l->flow, 1, pkt, len, 0, BEGIN + cases[i].at_ms * MS));
		assert_int_equal(l->flow.got, cases[i].got);
		assert_int_equal(l->flow.old_link, cases[i].old_link);
		assert_int_equal(l->flow.stray, cases[i].stray);
		assert_int_equal(l->flow.wrong_source, cases[i].wrong_source);
		unmade(l);
	}
}

/* Neither too short, nor of a flow or with a number that there is not, nor the wrong way round. */
static void test_not_ours(void **state)
{
	struct lab *l = made(false);
	uint8_t pkt[FRAME_LEN_MAX];
	size_t len = arriving(l, BEGIN, AGENT, 1, pkt);

	(void)state;
	for (size_t n = 0; n < len; n++)
		assert_false(flow_take(&l->flow, 1, pkt, n, 0, BEGIN));
	assert_false(flow_take(&l->flow, 0, pkt, len, 0, BEGIN));
	assert_false(flow_take(&l->flow, 1, pkt + FRAME_IP6, len - FRAME_IP6, 0, BEGIN));
	l->flow.sent = 0;
	assert_false(flow_take(&l->flow, 1, pkt, len, 0, BEGIN));
	assert_int_equal(l->flow.got, 0);
	unmade(l);
}

/* What answers a Binding Update (RFC 6275, 6.1.8), by its status and number. */
static size_t answer(const struct crowd *c, uint32_t i, uint8_t status, uint16_t seq, uint8_t *pkt)
{
	struct ip6_addr coa = crowd_care_of(c, i, c->mn[i].place);
	uint8_t *rh = pkt + FRAME_IP6, *ba = rh + 24;

	memset(pkt, 0, FRAME_IP6 + 24 + 12);
	net_ip6_fill((struct net_ip6 *)pkt, 24 + 12, IP6_ROUTING, 64, &c->agent, &coa);
	rh[0] = IP6_MH;
	rh[1] = 2;
	rh[2] = 2;
	ba[2] = MH_BA;
	ba[6] = status;
	ba[8] = (uint8_t)(seq >> 8);
	ba[9] = (uint8_t)seq;
	return FRAME_IP6 + 24 + 12;
}

static void test_updates(void **state)
{
	struct lab *l = made(false);
	struct updates u;
	uint8_t buf[FRAME_LEN_MAX];
	size_t len;

	(void)state;
	updates_init(&u, &l->crowd);
	updates_begin(&u, 2, PER_S, BEGIN);
	for (unsigned i = 0; i < NODES; i++) {
		assert_int_equal(updates_next(&u, BEGIN + i * MS - 1, buf), 0);
		assert_int_equal(updates_next(&u, BEGIN + i * MS, buf), u.frame.len);
		assert_int_equal(l->crowd.mn[i].place, 2);
	}
	assert_int_equal(updates_next(&u, BEGIN + NODES * MS, buf), 0);
	assert_int_equal(updates_unanswered(&u), NODES);
	len = answer(&l->crowd, 0, 0, 1, buf);
	assert_false(updates_take(&u, buf, len - 1, BEGIN));
	assert_true(updates_take(&u, buf, len, BEGIN + 7 * MS));
	assert_true(updates_take(&u, buf, len, BEGIN + 8 * MS)); /* once more */
	len = answer(&l->crowd, 1, 0, 2, buf); /* another one's number */
	assert_true(updates_take(&u, buf, len, BEGIN + 8 * MS));
	len = answer(&l->crowd, 2, 128, 1, buf);
	assert_true(updates_take(&u, buf, len, BEGIN + 8 * MS));
	assert_int_equal(u.acknowledged, 1);
	assert_int_equal(u.refused, 1);
	assert_int_equal(u.slowest_ns, 7 * MS);
	assert_int_equal(l->crowd.mn[0].took_ns, 7 * MS);
	assert_int_equal(l->crowd.mn[2].took_ns, 0);
	/* again: only those three */
	updates_begin(&u, 2, PER_S, BEGIN);
	while (updates_next(&u, BEGIN + 99 * MS, buf) > 0)
		;
	assert_int_equal(u.sent, NODES + 3);
	unmade(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_lost_and_twice),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_updates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
