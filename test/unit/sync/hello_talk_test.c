/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a hello tells whom, and what becomes of a datagram: one site, whose peers are made of keys
 * and messages by hand.
 */
#include "test.h"

#include <errno.h>

#include <sodium.h>

#include "sync/hello.h"
#include "sync/hello_seal.h"
#include "sync/hello_wire.h"

#define WALL      1700000000000ULL
#define PEERS_MAX 254
#define HELLO_T   100
#define DEAD_T    300
#define BOOT      4711

static struct hello *h;
static struct hello_seal seal[NEXT_NODES]; /* of the peers' side */
static struct hello_msg told[NEXT_NODES]; /* the last that each was told */
static unsigned told_count[NEXT_NODES], datagrams;
static size_t longest;
static uint64_t now_ms;
static uint64_t label_of[3][4]; /* by domain and node, as told by events */
static unsigned label_events;

static struct ip6_addr address(uint8_t node)
{
	struct ip6_addr a = addr("2001:db8:5::");

	a.b[15] = node;
	return a;
}

static void op_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	uint8_t plain[HELLO_MAX], from;

	(void)ctx;
	assert_in_range(len, HELLO_SEAL_OVERHEAD, HELLO_MAX);
	longest = len > longest ? len : longest;
	datagrams++;
	assert_int_equal(hello_seal_form(buf, len, &from), HELLO_TAKEN);
	assert_int_equal(from, 1);
	assert_int_equal(hello_open(&seal[node], buf, len, now_ms, plain), HELLO_TAKEN);
	assert_int_equal(hello_decode(plain, len - HELLO_SEAL_OVERHEAD, &told[node]), 0);
	told_count[node]++;
}

static void op_view(void *ctx, uint32_t domain, const struct next_view *v)
{
	(void)ctx;
	(void)domain;
	(void)v;
}

static void op_event(void *ctx, enum hello_event e, uint32_t domain, uint8_t node, int64_t value)
{
	(void)ctx;
	if (e != HELLO_LABEL_KEY)
		return;
	label_events++;
	label_of[domain][node] = (uint64_t)value;
}

static uint32_t clock_limit_ms;

static struct hello_opts opts(const struct hello_peer *peers, uint32_t peer_count,
	const struct hello_domain *domains, uint32_t domain_count)
{
	return (struct hello_opts){ .node = 1,
		.boot = BOOT,
		.version_min = 1,
		.version_max = 1,
		.hello_ms = HELLO_T,
		.dead_ms = DEAD_T,
		.clock_limit_ms = clock_limit_ms,
		.peers = peers,
		.peer_count = peer_count,
		.domains = domains,
		.domain_count = domain_count,
		.ops = { NULL, op_send, op_view, op_event } };
}

static void share_keys(uint8_t node, uint8_t number)
{
	struct session_keys k = { .initiator = true };

	memset(k.hello, number, sizeof(k.hello));
	k.hello[0] = node;
	hello_keys(h, node, &k, now_ms);
	k.initiator = false;
	hello_seal_keys(&seal[node], &k, now_ms);
}

/* Site 1, whose peers are 2 to last. */
static void make(uint8_t last, const struct hello_domain *domains, uint32_t domain_count)
{
	static struct hello_peer peers[PEERS_MAX];
	uint32_t n = 0;
	struct hello_opts o;

	for (unsigned id = 2; id <= last; id++)
		peers[n++] = (struct hello_peer){ (uint8_t)id, address((uint8_t)id) };
	o = opts(peers, n, domains, domain_count);
	assert_int_equal(hello_new(&o, &h), 0);
	for (unsigned id = 2; id <= last; id++)
		share_keys((uint8_t)id, 7);
}

static int set_up(void **state)
{
	(void)state;
	now_ms = 1000;
	clock_limit_ms = 500;
	memset(seal, 0, sizeof(seal));
	memset(told_count, 0, sizeof(told_count));
	datagrams = 0;
	longest = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hello_free(h);
	h = NULL;
	return 0;
}

/* A hello that says that it hears us, and knows these domains. */
static struct hello_msg message(const struct hello_domain *domains, uint32_t domain_count)
{
	struct hello_msg m = { .version_min = 1,
		.version_max = 1,
		.boot = 99,
		.interval_ms = HELLO_T,
		.sent_ms = now_ms,
		.wall_ms = WALL + now_ms,
		.has_echo = true,
		.hears = true,
		.echo_boot = BOOT,
		.echo_sent_ms = now_ms };

	for (uint32_t i = 0; i < domain_count; i++)
		m.states[m.state_count++] =
			(struct hello_state){ domains[i].id, NEXT_READY, HELLO_WIRE_UNHEARD };
	return m;
}

static struct buf sealed(uint8_t node, const void *plain, size_t n)
{
	struct buf b = { malloc(n + HELLO_SEAL_OVERHEAD), n + HELLO_SEAL_OVERHEAD };

	assert_true(hello_seal(&seal[node], node, plain, n, now_ms, b.p));
	return b;
}

static struct buf made(uint8_t node, const struct hello_msg *m)
{
	uint8_t plain[HELLO_MAX];
	size_t n = hello_encode(m, plain, sizeof(plain));

	assert_true(n > 0);
	return sealed(node, plain, n);
}

static enum hello_verdict put(uint8_t node, struct buf b)
{
	struct ip6_addr from = address(node);

	return hello_input(h, &from, b.p, b.n, now_ms, WALL + now_ms);
}

static enum hello_verdict hear(uint8_t node, const struct hello_msg *m)
{
	struct buf b = made(node, m);
	enum hello_verdict v = put(node, b);

	buf_free(&b);
	return v;
}

static enum next_reach reach(uint32_t domain, uint8_t node)
{
	return hello_view(h, domain)->site[node].reach;
}

/* --- what comes --- */

static const uint8_t two_three[] = { 2, 3 }, only_two[] = { 2 }, only_three[] = { 3 };
static const struct hello_domain both = { .id = 10, .members = two_three, .member_count = 2 };

static void check_failure(uint8_t node, enum hello_verdict want)
{
	struct hello_info i;

	assert_int_equal(hello_info(h, node, &i), 0);
	assert_int_equal(i.last_failure, want);
	assert_int_equal(i.failed_ms, now_ms);
	assert_false(i.up);
	assert_int_equal(i.heard_ms, 0);
}

static void test_refused(void **state)
{
	struct hello_msg m;
	struct buf b;

	(void)state;
	make(3, &both, 1);
	hello_turn(h, now_ms, WALL, true);
	m = message(&both, 1);
	b = made(2, &m);
	assert_int_equal(put(3, b), HELLO_STRANGER); /* another's address */
	b.p[2] = 4;
	assert_int_equal(put(4, b), HELLO_STRANGER); /* no peer */
	b.p[2] = 0;
	assert_int_equal(put(0, b), HELLO_STRANGER);
	b.p[2] = 1;
	assert_int_equal(put(1, b), HELLO_STRANGER); /* ourselves */
	b.p[2] = 3;
	assert_int_equal(put(3, b), HELLO_NO_KEYS); /* one of 2's, sent by 3 as its own */
	check_failure(3, HELLO_NO_KEYS);
	b.p[2] = 2;
	b.p[0] = 9;
	assert_int_equal(put(2, b), HELLO_MALFORMED);
	b.p[0] = HELLO_SEAL_TYPE;
	b.p[1] = 9;
	assert_int_equal(put(2, b), HELLO_OTHER_VERSION);
	b.p[1] = HELLO_SEAL_VERSION;
	b.p[20] ^= 1;
	assert_int_equal(put(2, b), HELLO_FORGED);
	check_failure(2, HELLO_FORGED);
	b.p[20] ^= 1;
	assert_int_equal(reach(0, 2), NEXT_DEAD);
	assert_int_equal(put(2, b), HELLO_TAKEN);
	assert_int_equal(reach(0, 2), NEXT_UP);
	assert_int_equal(put(2, b), HELLO_REPLAYED);
	buf_free(&b);
	assert_string_equal(hello_verdict_name(HELLO_REPLAYED), "replayed");
}

static void test_nonsense_inside(void **state)
{
	struct buf b;

	(void)state;
	make(3, &both, 1);
	hello_turn(h, now_ms, WALL, true);
	b = sealed(2, "", 0);
	assert_int_equal(put(2, b), HELLO_CONTENT);
	buf_free(&b);
	b = sealed(2, "nonsense", 8);
	assert_int_equal(put(2, b), HELLO_CONTENT);
	check_failure(2, HELLO_CONTENT);
	buf_free(&b);
}

static void test_expired(void **state)
{
	struct hello_msg m;

	(void)state;
	make(3, &both, 1);
	now_ms += SESSION_REJECT_MS - 1;
	m = message(&both, 1);
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	seal[2].now.made_ms += 10;
	now_ms++;
	assert_int_equal(hear(2, &m), HELLO_EXPIRED);
	datagrams = 0;
	hello_turn(h, now_ms, WALL, true);
	assert_int_equal(datagrams, 0); /* nothing is sealed with such keys, either */
}

/* An overtaken hello says nothing any more. */
static void test_older(void **state)
{
	struct hello_msg m;
	struct buf b;

	(void)state;
	make(3, &both, 1);
	m = message(&both, 1);
	m.states[0].says = NEXT_JOINING;
	b = made(2, &m);
	m.states[0].says = NEXT_READY;
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	assert_int_equal(put(2, b), HELLO_OLDER);
	assert_int_equal(hello_view(h, 0)->site[2].says, NEXT_READY);
	buf_free(&b);
}

/* Somebody on the way keeps hellos of a site that died and lets them through one by one. */
static void test_held_back(void **state)
{
	struct buf kept[100];
	struct hello_msg m;
	unsigned late = 0;

	(void)state;
	make(3, &both, 1);
	for (unsigned i = 0; i < DIM(kept); i++, now_ms += HELLO_T) {
		hello_turn(h, now_ms, WALL, true);
		m = message(&both, 1);
		kept[i] = made(2, &m);
	}
	for (unsigned i = 0; i < DIM(kept); i++) {
		/* let through as fast as they were made: each is 10 s old */
		late += put(2, kept[i]) == HELLO_LATE;
		buf_free(&kept[i]);
		now_ms += HELLO_T;
		hello_turn(h, now_ms, WALL, true);
		assert_int_equal(reach(0, 2), NEXT_DEAD);
	}
	assert_int_equal(late, DIM(kept));
	/* a long way is no such thing */
	m = message(&both, 1);
	m.echo_sent_ms = now_ms - DEAD_T - HELLO_LATE_MS;
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	m.echo_sent_ms--;
	assert_int_equal(hear(2, &m), HELLO_LATE);
	/* nor is a long time that it did not hear us */
	m.echo_sent_ms = 0;
	m.echo_age_ms = (uint32_t)now_ms - 50;
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
}

/* Numbers of an echo that cannot be are not reckoned with. */
static void test_echo_nonsense(void **state)
{
	struct hello_info i;
	struct hello_msg m;

	(void)state;
	make(3, &both, 1);
	m = message(&both, 1);
	m.echo_sent_ms = now_ms + 1; /* not sent yet */
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	m.echo_sent_ms = now_ms - 5;
	m.echo_age_ms = 6; /* came before it was sent */
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	m.echo_age_ms = 0;
	m.echo_boot++; /* of another life of ours */
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	assert_int_equal(hello_info(h, 2, &i), 0);
	assert_false(i.has_rtt);
	assert_int_equal(reach(0, 2), NEXT_DEAD);
	m.echo_boot--;
	m.has_echo = false;
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	assert_int_equal(reach(0, 2), NEXT_DEAD);
	m.has_echo = true;
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	assert_int_equal(reach(0, 2), NEXT_UP);
	assert_int_equal(hello_info(h, 2, &i), 0);
	assert_true(i.has_rtt && i.rtt_ms == 5);
	m.has_echo = false;
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	assert_int_equal(reach(0, 2), NEXT_DEAD);
	assert_int_equal(hello_info(h, 2, &i), 0);
	assert_true(i.has_rtt); /* as it was measured last, ... */
	m.boot++;
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	assert_int_equal(hello_info(h, 2, &i), 0);
	assert_false(i.has_rtt); /* ... but not with another process */
}

static void turns_in_time(uint64_t ms)
{
	for (uint64_t end_ms = now_ms + ms; now_ms < end_ms; now_ms++)
		hello_turn(h, now_ms, WALL + now_ms, true);
}

/* A turn, so late, and then an answer to a hello of 30 ms ago. */
static struct hello_info late_answer(uint32_t late_ms)
{
	struct hello_info i;
	struct hello_msg m;

	turns_in_time(25);
	now_ms += hello_turn(h, now_ms, WALL + now_ms, true) + late_ms;
	hello_turn(h, now_ms, WALL + now_ms, true);
	m = message(&both, 1);
	m.echo_sent_ms = now_ms - 30;
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	assert_int_equal(hello_info(h, 2, &i), 0);
	return i;
}

/* By the smallest limit a turn that is 6 ms late says nothing of clocks, but what a round trip is. */
static void test_late_turns(void **state)
{
	struct hello_info i;

	(void)state;
	clock_limit_ms = 10;
	make(3, &both, 1);
	hello_turn(h, now_ms, WALL + now_ms, true);
	i = late_answer(HELLO_T);
	assert_false(i.has_rtt || i.has_offset);
	for (unsigned n = 0; n < 10; n++) {
		i = late_answer(6);
		assert_true(i.has_rtt && i.rtt_ms == 30);
		assert_false(i.has_offset);
	}
	turns_in_time(30);
	i = late_answer(5);
	assert_true(i.has_offset);
	i = late_answer(HELLO_T);
	assert_true(i.has_rtt && i.has_offset); /* those of before */
}

/* Nobody knows how far away such a one is. */
static void test_voucher_nowhere(void **state)
{
	struct hello_msg m;

	(void)state;
	make(3, &both, 1);
	m = message(&both, 1);
	m.list_count = m.pair_count = 1;
	m.lists[0] = (struct hello_list){ both.id, 0, 1 };
	m.pairs[0] = (struct hello_pair){ 3, NEXT_READY };
	m.echo_sent_ms = now_ms + 1;
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	assert_int_equal(reach(0, 2), NEXT_UP);
	assert_int_equal(reach(0, 3), NEXT_DEAD);
	m.echo_sent_ms = now_ms;
	m.states[0].says = NEXT_DRAINING; /* a change, to look again */
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	assert_int_equal(reach(0, 3), NEXT_CUT_OFF);
}

/* --- domains are fences --- */

/* 1 and 2 share both domains, 1 and 3 the second only. */
static const struct hello_domain fenced[] = {
	{ .id = 10, .members = only_two, .member_count = 1, .setting = { 77 } },
	{ .id = 20, .members = two_three, .member_count = 2, .setting = { 88 }, .label_key = 0x20 },
	{ .id = 30,
		.members = only_three,
		.member_count = 1,
		.setting = { 99 },
		.label_key = 0x30 },
};

static bool is_told_of(uint8_t node, uint32_t domain)
{
	for (unsigned i = 0; i < told[node].state_count; i++)
		if (told[node].states[i].domain == domain)
			return true;
	for (unsigned i = 0; i < told[node].list_count; i++)
		if (told[node].lists[i].domain == domain)
			return true;
	return (told[node].setting_count > 0 && told[node].settings_domain == domain) ||
	       (told[node].label_key != 0 && told[node].label_domain == domain);
}

static void test_fence_out(void **state)
{
	struct hello_msg m;
	bool of_20[2] = { false, false };

	(void)state;
	make(3, fenced, DIM(fenced));
	for (unsigned i = 0; i < 5; i++, now_ms += HELLO_T) {
		m = message(fenced, DIM(fenced));
		hear(2, &m);
		hear(3, &m);
		hello_turn(h, now_ms, WALL, true);
		assert_int_equal(told[2].state_count, 2);
		assert_int_equal(told[3].state_count, 2);
		assert_false(is_told_of(3, 10));
		assert_false(is_told_of(2, 30));
		assert_int_equal(told[2].list_count, 2);
		for (unsigned j = 0; j < 2; j++) { /* 3 is up, but 10 is none of its */
			const struct hello_list *l = &told[2].lists[j];

			assert_int_equal(l->count, l->domain == 20);
			if (l->count > 0)
				assert_int_equal(told[2].pairs[l->first].node, 3);
		}
		assert_true(told[2].settings[0] == (told[2].settings_domain == 10 ? 77 : 88));
		of_20[told[2].settings_domain == 20] = true;
		/* each domain's key, to its members; 10 has none */
		assert_true(told[2].label_key == (told[2].settings_domain == 10 ? 0 : 0x20));
		assert_true(told[3].label_key == (told[3].settings_domain == 20 ? 0x20 : 0x30));
		assert_true(told[3].label_domain == told[3].settings_domain);
	}
	assert_true(of_20[0] && of_20[1]); /* in turns */
}

/* What a peer says of a domain that it is not in, or of a site in one, is not heard. */
static void test_fence_in(void **state)
{
	uint64_t up[NEXT_NODES / 64];
	struct hello_msg m;

	(void)state;
	make(3, fenced, DIM(fenced));
	m = message(fenced, DIM(fenced));
	assert_int_equal(hear(3, &m), HELLO_TAKEN);
	assert_int_equal(reach(0, 3), NEXT_DEAD);
	assert_int_equal(reach(1, 3), NEXT_UP);
	assert_int_equal(reach(2, 3), NEXT_UP);
	/* it vouches for 2 in 10, which is none of its, and in 30, which is none of 2's */
	m.list_count = 3;
	m.pair_count = 1;
	m.pairs[0] = (struct hello_pair){ 2, NEXT_READY };
	for (unsigned i = 0; i < 3; i++)
		m.lists[i] = (struct hello_list){ fenced[i].id, 0, i == 1 ? 0 : 1 };
	assert_int_equal(hear(3, &m), HELLO_TAKEN);
	for (unsigned d = 0; d < 3; d++)
		assert_int_equal(reach(d, 2), NEXT_DEAD);
	m.lists[1].count = 1;
	assert_int_equal(hear(3, &m), HELLO_TAKEN);
	assert_int_equal(reach(1, 2), NEXT_CUT_OFF);
	assert_int_equal(reach(0, 2), NEXT_DEAD);
	hello_up_there(h, 3, up);
	assert_true(up[0] == 1U << 2 && up[1] == 0 && up[2] == 0 && up[3] == 0);
	hello_up_there(h, 2, up);
	assert_int_equal(up[0], 0);
	/* settings of another's domain are no drift */
	m.setting_count = 1;
	m.settings_domain = 10;
	m.settings[0] = 1;
	assert_int_equal(hear(3, &m), HELLO_TAKEN);
	assert_int_equal(hello_drift(h, 0, 3) | hello_drift(h, 0, 2), 0);
	m.settings_domain = 20;
	assert_int_equal(hear(3, &m), HELLO_TAKEN);
	assert_int_equal(hello_drift(h, 1, 3), 1);
}

/* Keys of labels: once for each change, and none of a domain that is not the peer's. */
static void test_label_keys(void **state)
{
	struct hello_msg m;

	(void)state;
	make(3, fenced, DIM(fenced));
	label_events = 0;
	memset(label_of, 0, sizeof(label_of));
	m = message(fenced, DIM(fenced));
	assert_int_equal(hear(3, &m), HELLO_TAKEN); /* an older release tells none */
	m.label_domain = 10; /* 2's */
	m.label_key = 0xabc;
	assert_int_equal(hear(3, &m), HELLO_TAKEN);
	m.label_domain = 40; /* nobody's */
	assert_int_equal(hear(3, &m), HELLO_TAKEN);
	assert_int_equal(label_events, 0);
	m.label_domain = 20;
	m.label_key = UINT64_MAX;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(hear(3, &m), HELLO_TAKEN);
	assert_int_equal(label_events, 1);
	assert_true(label_of[1][3] == UINT64_MAX);
	m.label_domain = 30;
	assert_int_equal(hear(3, &m), HELLO_TAKEN);
	m.label_domain = 20;
	m.label_key = 7;
	assert_int_equal(hear(3, &m), HELLO_TAKEN);
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	assert_int_equal(label_events, 4);
	assert_true(label_of[1][3] == 7 && label_of[1][2] == 7 && label_of[2][3] == UINT64_MAX);
}

/* A site that does not know the domain that we think it is in is not there. */
static void test_domain_unknown(void **state)
{
	struct hello_msg m;

	(void)state;
	make(3, fenced, DIM(fenced));
	m = message(fenced, 1);
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	assert_int_equal(reach(0, 2), NEXT_UP);
	assert_int_equal(reach(1, 2), NEXT_DEAD);
	hello_turn(h, now_ms, WALL, true); /* nor do we say that it is */
	for (unsigned i = 0; i < told[3].list_count; i++)
		assert_int_equal(told[3].lists[i].count, 0);
	for (unsigned i = 0; i < told[2].state_count; i++)
		assert_int_equal(told[2].states[i].echo,
			told[2].states[i].domain == 10 ? NEXT_READY : HELLO_WIRE_UNHEARD);
	m = message(fenced, 2);
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	assert_int_equal(reach(1, 2), NEXT_UP);
	m = message(fenced, 1);
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	assert_int_equal(reach(1, 2), NEXT_DEAD);
}

/* --- sizes --- */

/* All that there may be: all sites in one domain. */
static void test_many_sites(void **state)
{
	static uint8_t members[PEERS_MAX];
	struct hello_domain d = { .id = 10, .members = members, .member_count = PEERS_MAX };
	struct hello_msg m;

	(void)state;
	for (unsigned i = 0; i < PEERS_MAX; i++)
		members[i] = (uint8_t)(i + 2);
	make(255, &d, 1);
	m = message(&d, 1);
	for (unsigned id = 2; id <= 255; id++)
		assert_int_equal(hear((uint8_t)id, &m), HELLO_TAKEN);
	hello_turn(h, now_ms, WALL, true);
	for (unsigned id = 2; id <= 255; id++) {
		assert_int_equal(told_count[id], 1);
		assert_int_equal(told[id].list_count, 1);
		assert_int_equal(told[id].pair_count, PEERS_MAX - 1);
	}
	assert_in_range(longest, 500, HELLO_MAX);
}

/* As many domains as there may be, too many sites for one datagram: each gets its turn, and what
 * was not told again still holds. */
static void test_many_domains(void **state)
{
	static uint8_t members[30];
	static struct hello_domain d[HELLO_DOMAINS];
	unsigned seen[HELLO_DOMAINS] = { 0 };
	struct hello_msg m;

	(void)state;
	for (unsigned i = 0; i < DIM(members); i++)
		members[i] = (uint8_t)(i + 2);
	for (unsigned i = 0; i < HELLO_DOMAINS; i++)
		d[i] = (struct hello_domain){
			.id = i, .members = members, .member_count = DIM(members)
		};
	make(DIM(members) + 1, d, HELLO_DOMAINS);
	m = message(d, HELLO_DOMAINS);
	hello_say(h, 3, NEXT_DRAINING);
	for (unsigned id = 2; id < DIM(members) + 2; id++)
		assert_int_equal(hear((uint8_t)id, &m), HELLO_TAKEN);
	for (unsigned i = 0; i < 8 * 2; i++, now_ms += HELLO_T) {
		hello_turn(h, now_ms, WALL, true);
		assert_int_equal(told[2].state_count, HELLO_DOMAINS);
		for (unsigned j = 0; j < HELLO_DOMAINS; j++) /* in each what it is there */
			assert_int_equal(told[2].states[j].says,
				told[2].states[j].domain == 3 ? NEXT_DRAINING : NEXT_JOINING);
		for (unsigned j = 0; j < told[2].list_count; j++) {
			assert_int_equal(told[2].lists[j].count, DIM(members) - 1);
			seen[told[2].lists[j].domain]++;
		}
		for (unsigned id = 2; id < DIM(members) + 2; id++) {
			m.sent_ms = m.echo_sent_ms = now_ms;
			assert_int_equal(hear((uint8_t)id, &m), HELLO_TAKEN);
		}
	}
	for (unsigned i = 0; i < HELLO_DOMAINS; i++)
		assert_in_range(seen[i], 1, 3); /* no one is left out */
	assert_in_range(longest, HELLO_MAX - 70, HELLO_MAX);

	/* 2 hears only some of ours; told of 3 in domain 5 once, it is so until told otherwise */
	m.list_count = 1;
	m.pair_count = 1;
	m.lists[0] = (struct hello_list){ 5, 0, 1 };
	m.pairs[0] = (struct hello_pair){ 3, NEXT_DRAINING };
	hear(2, &m);
	m.list_count = m.pair_count = 0;
	for (unsigned i = 0; i < 5; i++, now_ms += HELLO_T) {
		m.sent_ms = m.echo_sent_ms = now_ms;
		hear(2, &m);
		hello_turn(h, now_ms, WALL, true);
	}
	assert_int_equal(reach(5, 3), NEXT_CUT_OFF);
	assert_int_equal(hello_view(h, 5)->site[3].says, NEXT_DRAINING);
	assert_int_equal(reach(6, 3), NEXT_DEAD);
	/* what it told before it fell silent, or in another life, is forgotten */
	for (uint64_t end = now_ms + DEAD_T + 1; now_ms < end; now_ms++)
		hello_turn(h, now_ms, WALL, true);
	m.sent_ms = m.echo_sent_ms = now_ms;
	hear(2, &m);
	assert_int_equal(reach(5, 2), NEXT_UP);
	assert_int_equal(reach(5, 3), NEXT_DEAD);
	m.list_count = m.pair_count = 1;
	hear(2, &m);
	assert_int_equal(reach(5, 3), NEXT_CUT_OFF);
	m.list_count = m.pair_count = 0;
	m.boot++;
	hear(2, &m);
	assert_int_equal(reach(5, 3), NEXT_DEAD);
}

/* --- clocks --- */

/* Whose clocks count: the domain's own sites', and of them the more. */
static void test_clock_of_a_domain(void **state)
{
	static const uint8_t first[] = { 2, 3 }, second[] = { 4, 5, 6, 7, 8 };
	static const struct hello_domain domains[] = {
		{ .id = 10, .members = first, .member_count = 2 },
		{ .id = 20, .members = second, .member_count = 5 },
	};
	static const struct {
		int64_t ahead_ms[7]; /* of 2 to 8 */
		bool is_off[2];
	} rows[] = {
		{ { 0 }, { false, false } },
		{ { 5000, 5000 }, { true, false } },
		{ { 0, 0, -9000, -9000, -9000 }, { false, true } },
		{ { 5000, 0, 5000 }, { false, false } }, /* one of each */
		{ { 5000, 5100, 5000, 5000 }, { true, false } }, /* two against three */
		{ { 0, 0, 5000, 5000, 5000 }, { false, true } }, /* three against two, and us */
		{ { 0, 0, 5000, 5000, 900 }, { false, false } }, /* two against two, and us */
		{ { 0, 0, 5000, 5000, 900, 900 }, { false, true } },
		{ { 0, 0, 5000, 5000, 9000, 9000, 9000 }, { false, true } },
	};

	(void)state;
	make(8, domains, 2);
	for (unsigned i = 0; i < DIM(rows); i++) {
		now_ms += 20;
		for (uint8_t node = 2; node <= 8; node++) {
			struct hello_msg m = message(&domains[node > 3], 1);

			m.wall_ms += (uint64_t)rows[i].ahead_ms[node - 2];
			assert_int_equal(hear(node, &m), HELLO_TAKEN);
		}
		for (unsigned d = 0; d < 2; d++)
			if (hello_is_clock_off(h, d) != rows[i].is_off[d])
				fail_msg("row %u, domain %u", i, d);
	}
}

/* --- has it heard --- */

static void echo(uint8_t node, uint64_t sent_ms)
{
	struct hello_msg m = message(&both, 1);

	m.echo_sent_ms = sent_ms;
	m.states[0].echo = NEXT_READY;
	assert_int_equal(hear(node, &m), HELLO_TAKEN);
}

/* We say something else, and again the same, in one millisecond: one peer was told before, the other
 * is told behind that. An echo of the former is not one of what we say now. */
static void test_known_to_each(void **state)
{
	static const struct hello_peer peers[] = {
		{ .node = 2, .address = { .b = { 0x20, 1, 0xd, 0xb8, 0, 5, [15] = 2 } } },
		{ .node = 3,
			.address = { .b = { 0x20, 1, 0xd, 0xb8, 0, 5, [15] = 3 } },
			.hello_ms = 10 * HELLO_T },
	};
	struct hello_opts o = opts(peers, 2, &both, 1);
	uint64_t at_ms;

	(void)state;
	assert_int_equal(hello_new(&o, &h), 0);
	share_keys(2, 7);
	share_keys(3, 7);
	hello_say(h, 0, NEXT_READY);
	hello_turn(h, now_ms, WALL, true);
	at_ms = now_ms += HELLO_T;
	hello_turn(h, now_ms, WALL, true);
	assert_int_equal(told_count[2], 2);
	assert_int_equal(told_count[3], 1);
	hello_say(h, 0, NEXT_DRAINING);
	hello_say(h, 0, NEXT_READY);
	hello_turn(h, now_ms, WALL, true);
	assert_int_equal(told_count[2], 2);
	assert_int_equal(told_count[3], 2);
	share_keys(2,
		8); /* it is told again, out of its turn: which of the two it echoes nobody knows */
	hello_turn(h, now_ms, WALL, true);
	assert_int_equal(told_count[2], 3);
	now_ms++;
	echo(2, at_ms);
	echo(3, at_ms);
	assert_false(hello_is_known(h, 0, now_ms));
	now_ms = at_ms + HELLO_INTERVAL_MIN;
	hello_turn(h, now_ms, WALL, true);
	assert_int_equal(told_count[2], 4);
	echo(2, now_ms);
	assert_true(hello_is_known(h, 0, now_ms));
}

/* --- when it wants to be called --- */

/* dead-ms holds for who says hello more often than that would take, too. */
static void test_fast_peer(void **state)
{
	struct hello_msg m;

	(void)state;
	make(3, &both, 1);
	m = message(&both, 1);
	m.interval_ms = HELLO_INTERVAL_MIN;
	assert_int_equal(hear(2, &m), HELLO_TAKEN);
	for (uint64_t end = now_ms + DEAD_T; now_ms <= end; now_ms++) {
		hello_turn(h, now_ms, WALL, true);
		assert_int_equal(reach(0, 2), NEXT_UP);
	}
	hello_turn(h, now_ms, WALL, true);
	assert_int_equal(reach(0, 2), NEXT_DEAD);
}

static void test_schedule(void **state)
{
	(void)state;
	make(2, NULL, 0);
	assert_int_equal(hello_turn(h, now_ms, WALL, true), HELLO_T);
	assert_int_equal(datagrams, 1);
	now_ms += 60;
	assert_int_equal(hello_turn(h, now_ms, WALL, true), 40);
	assert_int_equal(datagrams, 1);
	assert_int_equal(hello_turn(h, now_ms, WALL, false), HELLO_INTERVAL_MIN);
	share_keys(2, 8); /* new keys: a hello under them at once */
	hello_turn(h, now_ms, WALL, false);
	assert_int_equal(datagrams, 1);
	hello_turn(h, now_ms, WALL, true);
	assert_int_equal(datagrams, 2);
	now_ms += 40;
	assert_int_equal(hello_turn(h, now_ms, WALL, true), HELLO_T);
	assert_int_equal(datagrams, 3);
}

static void test_options(void **state)
{
	static const uint8_t twice[] = { 2, 2 }, foreign[] = { 4 }, self[] = { 1 };
	const struct hello_peer ok[] = { { .node = 2 }, { .node = 3 } },
				own[] = { { .node = 2 }, { .node = 1 } },
				same[] = { { .node = 2 }, { .node = 2 } },
				zero[] = { { .node = 2 }, { .node = 0 } };
	const struct hello_domain d_twice = { .members = twice, .member_count = 2 },
				  d_foreign = { .members = foreign, .member_count = 1 },
				  d_self = { .members = self, .member_count = 1 },
				  d_same[] = { { .id = 5 }, { .id = 5 } };
	const struct hello_opts good = opts(ok, 2, &both, 1);
	struct hello_opts bad[] = { good, good, good, good, good, good, opts(own, 2, NULL, 0),
		opts(same, 2, NULL, 0), opts(zero, 2, NULL, 0), opts(ok, 2, &d_twice, 1),
		opts(ok, 2, &d_foreign, 1), opts(ok, 2, &d_self, 1), opts(ok, 2, d_same, 2), good,
		good };
	struct hello_info i;

	(void)state;
	bad[0].node = 0;
	bad[1].boot = 0;
	bad[2].version_min = 2;
	bad[3].hello_ms = HELLO_INTERVAL_MIN - 1;
	bad[4].hello_ms = HELLO_INTERVAL_MAX + 1;
	bad[5].dead_ms = 0;
	bad[13].domain_count = HELLO_DOMAINS + 1;
	bad[14].peer_count = NEXT_NODES;
	for (size_t j = 0; j < DIM(bad); j++)
		if (hello_new(&bad[j], &h) != -EINVAL)
			fail_msg("row %zu is taken", j);
	assert_int_equal(hello_new(&good, &h), 0);
	assert_int_equal(hello_info(h, 4, &i), -EINVAL);
	assert_int_equal(hello_info(h, 1, &i), -EINVAL);
	hello_keys(h, 9, &(struct session_keys){ 0 }, 0); /* no peer: nothing happens */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_refused),
		T(test_nonsense_inside),
		T(test_expired),
		T(test_older),
		T(test_held_back),
		T(test_echo_nonsense),
		T(test_late_turns),
		T(test_voucher_nowhere),
		T(test_fence_out),
		T(test_fence_in),
		T(test_label_keys),
		T(test_domain_unknown),
		T(test_many_sites),
		T(test_many_domains),
		T(test_clock_of_a_domain),
		T(test_known_to_each),
		T(test_fast_peer),
		T(test_schedule),
		T(test_options),
#undef T
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
