/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sites that say hello to each other in virtual time, over a network that delays, loses, and goes
 * one way only; sites that die, freeze and come back.
 */
#include "test.h"

#include <errno.h>

#include <sodium.h>

#include "rng.h"
#include "sync/hello.h"
#include "sync/hello_seal.h"
#include "sync/hello_wire.h"

#define SITES   5
#define WIRE    256
#define WALL    1700000000000ULL
#define HELLO_T 100
#define DEAD_T  300
#define DELAY   5

struct datagram {
	uint8_t from, to;
	uint64_t at_ms;
	size_t n;
	uint8_t b[HELLO_MAX];
};

struct site {
	struct hello *h;
	bool runs, frozen, wedged; /* wedged: hello's own loop runs, but must not send */
	uint64_t due_ms;
	int64_t clock_ms; /* what its time of day is ahead */
	uint64_t boot;
	uint8_t version_min, version_max;
	uint32_t interval_ms;
	uint32_t setting[HELLO_SETTING_COUNT];
	struct next_view view; /* as it was last told */
	unsigned views, restarted, incompatible, drift, clock, stall, reach[3];
	int64_t value; /* of the last event but HELLO_REACH */
};

static struct site site[SITES + 1];
static struct datagram wire[WIRE];
static unsigned wire_count, sites;
static unsigned delay[SITES + 1][SITES + 1];
static bool cut[SITES + 1][SITES + 1];
static unsigned loss_percent;
static unsigned pair_hello[SITES + 1][SITES + 1], pair_dead[SITES + 1][SITES + 1]; /* 0: as all */
static unsigned sent[SITES + 1][SITES + 1];
static uint64_t now_ms, seed;
static unsigned verdicts[HELLO_VERDICT_COUNT];

static struct ip6_addr address(uint8_t node)
{
	struct ip6_addr a = addr("2001:db8:5::");

	a.b[15] = node;
	return a;
}

/* --- what hello asks for --- */

static void op_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	uint8_t from = (uint8_t)((struct site *)ctx - site);
	struct datagram *d = &wire[wire_count];

	assert_in_range(node, 1, sites);
	assert_in_range(len, HELLO_SEAL_OVERHEAD + 1, HELLO_MAX);
	sent[from][node]++;
	if (cut[from][node] || rng_below(&seed, 100) < loss_percent)
		return;
	assert_in_range(wire_count, 0, WIRE - 1);
	*d = (struct datagram){ .from = from, .to = node, .n = len };
	d->at_ms = now_ms + delay[from][node];
	memcpy(d->b, buf, len);
	wire_count++;
}

static void op_view(void *ctx, uint32_t domain, const struct next_view *v)
{
	struct site *at = ctx;

	assert_ptr_equal(v, hello_view(at->h, domain));
	at->view = *v;
	at->views++;
}

static void op_event(void *ctx, enum hello_event e, uint32_t domain, uint8_t node, int64_t value)
{
	struct site *at = ctx;
	unsigned *const count[] = { NULL, &at->restarted, &at->incompatible, &at->drift, &at->clock,
		&at->stall, NULL };

	(void)domain;
	(void)node;
	if (e == HELLO_REACH) {
		at->reach[value]++;
		return;
	}
	assert_non_null(count[e]); /* nobody has a label key here: hello_talk_test.c */
	++*count[e];
	at->value = value;
}

/* --- the world --- */

static void share_keys(uint8_t a, uint8_t b)
{
	struct session_keys k = { .initiator = true };

	rng_fill(&seed, k.hello, sizeof(k.hello));
	hello_keys(site[a].h, b, &k, now_ms);
	k.initiator = false;
	hello_keys(site[b].h, a, &k, now_ms);
}

static void start(uint8_t node)
{
	struct site *at = &site[node];
	struct hello_peer peers[SITES];
	uint8_t members[SITES];
	uint32_t n = 0;
	struct hello_domain d = { .id = next_domain("msp1"), .members = members };

	for (uint8_t id = 1; id <= sites; id++) {
		if (id == node)
			continue;
		members[n] = id;
		peers[n++] = (struct hello_peer){ id, address(id), pair_hello[node][id],
			pair_dead[node][id] };
	}
	d.member_count = n;
	memcpy(d.setting, at->setting, sizeof(d.setting));
	at->boot = rng_next(&seed) | 1;
	at->views = 0;
	assert_int_equal(hello_new(&(struct hello_opts){ .node = node,
					   .boot = at->boot,
					   .version_min = at->version_min,
					   .version_max = at->version_max,
					   .hello_ms = at->interval_ms,
					   .dead_ms = DEAD_T,
					   .clock_limit_ms = 500,
					   .peers = peers,
					   .peer_count = n,
					   .domains = &d,
					   .domain_count = 1,
					   .ops = { at, op_send, op_view, op_event } },
				 &at->h),
		0);
	at->runs = true;
	at->frozen = false;
	at->due_ms = now_ms;
}

static void stop(uint8_t node)
{
	hello_free(site[node].h);
	site[node].h = NULL;
	site[node].runs = false;
}

/* n sites that have keys for each other, but have not said anything. */
static void make(unsigned n)
{
	sites = n;
	for (uint8_t id = 1; id <= n; id++)
		start(id);
	for (uint8_t a = 1; a <= n; a++)
		for (uint8_t b = (uint8_t)(a + 1); b <= n; b++)
			share_keys(a, b);
}

static int set_up(void **state)
{
	(void)state;
	memset(site, 0, sizeof(site));
	memset(cut, 0, sizeof(cut));
	memset(pair_hello, 0, sizeof(pair_hello));
	memset(pair_dead, 0, sizeof(pair_dead));
	memset(verdicts, 0, sizeof(verdicts));
	wire_count = loss_percent = 0;
	now_ms = 1000;
	seed = rng_start("hello");
	for (unsigned a = 0; a <= SITES; a++) {
		site[a].version_min = site[a].version_max = 1;
		site[a].interval_ms = HELLO_T;
		for (unsigned b = 0; b <= SITES; b++)
			delay[a][b] = DELAY;
	}
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (unsigned id = 1; id <= SITES; id++)
		hello_free(site[id].h);
	return 0;
}

static uint64_t wall(const struct site *at)
{
	return (uint64_t)((int64_t)(WALL + now_ms) + at->clock_ms);
}

static void deliver(void)
{
	for (unsigned i = 0; i < wire_count;) {
		struct datagram d = wire[i];
		struct ip6_addr from = address(d.from);
		struct site *to = &site[d.to];

		if (d.at_ms > now_ms || to->frozen) {
			i++; /* a frozen one finds it when it wakes */
			continue;
		}
		memmove(&wire[i], &wire[i + 1], (--wire_count - i) * sizeof(wire[0]));
		to->due_ms = now_ms;
		if (to->runs)
			verdicts[hello_input(to->h, &from, d.b, d.n, now_ms, wall(to))]++;
	}
}

static void turn(void)
{
	deliver();
	for (unsigned id = 1; id <= sites; id++) {
		struct site *at = &site[id];

		if (at->runs && !at->frozen && now_ms >= at->due_ms)
			at->due_ms = now_ms + hello_turn(at->h, now_ms, wall(at), !at->wedged);
	}
}

static void run(uint64_t ms)
{
	for (uint64_t end = now_ms + ms; now_ms < end; now_ms++)
		turn();
}

static void say(uint8_t node, enum next_says says)
{
	hello_say(site[node].h, 0, says);
	site[node].due_ms = now_ms;
}

/* Sites that are all up and ready. */
static void make_ready(unsigned n)
{
	make(n);
	run(300);
	for (uint8_t id = 1; id <= n; id++)
		say(id, NEXT_READY);
	run(300);
}

/* "u r", in order of nodes: reach (u up, c cut off, x dead) and, but for dead ones, the first
 * letter of what it says. */
static void expect(uint8_t at, const char *want)
{
	const struct next_view *v = site[at].views > 0 ? &site[at].view : hello_view(site[at].h, 0);
	char got[3 * SITES + 1] = "", *p = got;

	for (unsigned id = 1; id <= sites; id++) {
		const struct next_site *s = &v->site[id];

		*p++ = "xuc"[s->reach];
		if (s->reach != NEXT_DEAD)
			*p++ = "jrdl"[s->says];
		*p++ = id == sites ? '\0' : ' ';
	}
	if (strcmp(got, want) != 0)
		fail_msg("site %u at %llu ms sees \"%s\", not \"%s\"", at,
			(unsigned long long)now_ms, got, want);
}

static struct hello_info info(uint8_t at, uint8_t of)
{
	struct hello_info i;

	assert_int_equal(hello_info(site[at].h, of, &i), 0);
	return i;
}

/* --- up --- */

static void test_start(void **state)
{
	(void)state;
	delay[1][3] = 40;
	delay[3][1] = 30;
	make(3);
	expect(1, "uj x x");
	run(2 * HELLO_T + 50);
	for (uint8_t id = 1; id <= 3; id++)
		expect(id, "uj uj uj");
	assert_int_equal(site[1].reach[NEXT_UP], 2);
	run(1000);
	assert_true(info(1, 2).has_rtt);
	assert_in_range(info(1, 2).rtt_ms, 2 * DELAY, 2 * DELAY + 1);
	assert_in_range(info(1, 3).rtt_ms, 69, 71);
	assert_int_equal(info(1, 2).boot, site[2].boot);
	assert_int_equal(info(1, 2).interval_ms, HELLO_T);
	/* what one says is everywhere with the next datagram, not with the next interval */
	run(37);
	say(2, NEXT_READY);
	run(DELAY + 2);
	expect(1, "uj ur uj");
	expect(3, "uj ur uj");
	assert_int_equal(verdicts[HELLO_TAKEN] + verdicts[HELLO_OLDER],
		verdicts[HELLO_TAKEN]); /* and all were taken */
}

/* Nothing changes while nothing happens: no event, no view. */
static void test_quiet(void **state)
{
	unsigned views;

	(void)state;
	make_ready(3);
	views = site[1].views;
	run(10000);
	assert_int_equal(site[1].views, views);
	assert_int_equal(site[1].reach[NEXT_DEAD] + site[1].reach[NEXT_CUT_OFF], 0);
	assert_int_equal(site[1].stall + site[1].restarted + site[1].drift + site[1].clock, 0);
}

static void test_loss(void **state)
{
	(void)state;
	make_ready(4);
	loss_percent = 5; /* three in a row: every 8000th; but a longer interval was promised */
	for (uint8_t id = 1; id <= 4; id++)
		site[id].interval_ms = 200;
	for (uint8_t id = 1; id <= 4; id++) {
		stop(id);
		start(id);
	}
	for (uint8_t a = 1; a <= 4; a++)
		for (uint8_t b = (uint8_t)(a + 1); b <= 4; b++)
			share_keys(a, b);
	run(2000);
	expect(1, "uj uj uj uj");
}

/* --- dead --- */

static uint64_t time_until(uint8_t at, uint8_t node, enum next_reach reach, uint64_t most)
{
	uint64_t begin = now_ms;

	while (hello_view(site[at].h, 0)->site[node].reach != reach) {
		assert_in_range(now_ms - begin, 0, most);
		run(1);
	}
	return now_ms - begin;
}

static void test_death(void **state)
{
	uint64_t ms;

	(void)state;
	make_ready(3);
	run(rng_below(&seed, HELLO_T));
	stop(2);
	/* whoever notices first is told by the others that it is up there, until they notice */
	ms = time_until(1, 2, NEXT_DEAD, 1000);
	assert_in_range(ms, DEAD_T - HELLO_T - 1, DEAD_T + 2 * DELAY + HELLO_INTERVAL_MIN + 3);
	run(DELAY + HELLO_INTERVAL_MIN + 2);
	expect(3, "ur x ur");
	assert_int_equal(site[3].reach[NEXT_DEAD], 1);
}

/* Three of its intervals, where these are longer than dead-ms. */
static void test_slow_peer(void **state)
{
	(void)state;
	site[2].interval_ms = 1000;
	make(2);
	run(3000);
	expect(1, "uj uj");
	stop(2);
	run(1900);
	expect(1, "uj uj");
	run(1200);
	expect(1, "uj x");
}

/* What each told of the other before both died is no life. */
/* A pair of sites may have an interval and a limit of its own, slower or faster than the others. */
static void test_pairs(void **state)
{
	(void)state;
	pair_hello[1][3] = pair_hello[3][1] = 1000;
	pair_dead[1][3] = pair_dead[3][1] = 3000;
	pair_hello[1][2] = 20;
	pair_dead[1][2] = 60;
	make_ready(3);
	run(3000);
	memset(sent, 0, sizeof(sent));
	run(10000);
	assert_in_range(sent[1][2], 495, 505);
	assert_in_range(sent[1][3], 9, 11);
	assert_in_range(sent[3][1], 9, 11);
	assert_in_range(sent[2][1], 95, 105); /* it was not asked for more */
	assert_in_range(sent[2][3], 95, 105);
	assert_int_equal(info(1, 3).interval_ms, 1000);
	assert_int_equal(info(2, 1).interval_ms, 20);
	for (uint8_t id = 1; id <= 3; id++) {
		expect(id, "ur ur ur");
		assert_int_equal(site[id].stall, 0);
	}
	/* three of what the other announced, though our own limit is less */
	cut[2][1] = cut[2][3] = true;
	run(200);
	expect(1, "ur ur ur");
	run(200);
	expect(1, "ur x ur");
	cut[3][1] = cut[3][2] = true;
	run(1500);
	expect(1, "ur x ur"); /* it has 3000 ms */
	run(1700);
	expect(1, "ur x x");
}

static void test_pairs_refused(void **state)
{
	const struct hello_peer bad[] = { { 2, address(2), HELLO_INTERVAL_MIN - 1, 300 },
		{ 2, address(2), HELLO_INTERVAL_MAX + 1, 300 },
		{ 2, address(2), 100, UINT32_MAX } };

	(void)state;
	for (unsigned i = 0; i < DIM(bad); i++) {
		struct hello *h = NULL;

		assert_int_equal(hello_new(&(struct hello_opts){ .node = 1,
						   .boot = 1,
						   .hello_ms = 100,
						   .dead_ms = 300,
						   .peers = &bad[i],
						   .peer_count = 1 },
					 &h),
			-EINVAL);
		assert_null(h);
	}
}

static void test_no_vouching_dead(void **state)
{
	(void)state;
	make_ready(3);
	stop(2);
	stop(3);
	run(DEAD_T + DELAY + 3);
	expect(1, "ur x x");
	/* and apart, while they live on */
	start(2);
	start(3);
	share_keys(1, 2);
	share_keys(1, 3);
	share_keys(2, 3);
	run(500);
	cut[1][2] = cut[2][1] = cut[1][3] = cut[3][1] = true;
	run(1000);
	expect(1, "ur x x");
	expect(2, "x uj uj");
	expect(3, "x uj uj");
}

/* --- cut off --- */

static void test_cut_off(void **state)
{
	(void)state;
	make_ready(4);
	delay[1][3] = delay[3][1] = 30;
	run(3000);
	cut[1][2] = cut[2][1] = true;
	run(500);
	expect(1, "ur cr ur ur");
	expect(2, "cr ur ur ur");
	expect(3, "ur ur ur ur");
	assert_int_equal(site[1].view.site[2].via, 4); /* the nearest */
	assert_int_equal(site[1].reach[NEXT_DEAD], 0);
	/* what it says comes through others, too */
	say(2, NEXT_DRAINING);
	run(HELLO_T + 2 * DELAY + 3);
	expect(1, "ur cd ur ur");
	/* it stays with whom it has, unless that one serves no more */
	delay[1][4] = delay[4][1] = 60;
	run(5000);
	assert_int_equal(site[1].view.site[2].via, 4);
	say(4, NEXT_LEFT);
	run(200);
	assert_int_equal(site[1].view.site[2].via, 3);
	say(3, NEXT_JOINING);
	run(200);
	assert_int_equal(site[1].view.site[2].via, 3);
	stop(3);
	run(500);
	assert_int_equal(site[1].view.site[2].via, 4);
	expect(1, "ur cd x ul");
	stop(2); /* its death is told likewise */
	run(DEAD_T + HELLO_T + 2 * DELAY + 80);
	expect(1, "ur x x ul");
	assert_true(site[1].reach[NEXT_DEAD] == 2);
}

/* Who is in between loses it, too: nothing else changes. */
static void test_via_moves(void **state)
{
	uint8_t via;

	(void)state;
	make_ready(4);
	cut[1][2] = cut[2][1] = true;
	run(600);
	via = site[1].view.site[2].via;
	assert_in_range(via, 3, 4);
	cut[via][2] = cut[2][via] = true;
	run(800);
	assert_int_equal(site[1].view.site[2].via, 7 - via);
	expect(1, "ur cr ur ur");
}

static void test_one_way(void **state)
{
	(void)state;
	make_ready(3);
	cut[1][2] = true; /* 1 hears 2 all the time */
	run(600);
	expect(1, "ur cr ur");
	expect(2, "cr ur ur");
	assert_false(info(1, 2).up);
	cut[1][3] = cut[3][1] = cut[2][3] = cut[3][2] = true; /* nobody in between any more */
	run(600);
	expect(1, "ur x x");
	expect(2, "x ur x");
	cut[1][2] = false;
	run(300);
	expect(1, "ur ur x");
	expect(2, "ur ur x");
}

/* Who is far away does not vouch. */
static void test_far_voucher(void **state)
{
	(void)state;
	delay[1][3] = delay[3][1] = DEAD_T - 2;
	make_ready(3);
	run(3000);
	cut[1][2] = cut[2][1] = true;
	run(1500);
	expect(1, "ur cr ur");
	delay[1][3] = delay[3][1] = DEAD_T + 20;
	run(10000);
	expect(1, "ur x ur");
	expect(2, "cr ur ur"); /* it is near to 3, which hears 1 */
}

/* --- frozen, wedged --- */

static void test_freeze(void **state)
{
	(void)state;
	make_ready(3);
	site[1].frozen = true;
	run(1000);
	expect(2, "x ur ur");
	site[1].frozen = false;
	turn();
	expect(1, "uj x x"); /* it may have been taken over, and nobody hears it yet */
	assert_int_equal(site[1].stall, 1);
	assert_in_range(site[1].value, 1000, 1000 + HELLO_T);
	run(2 * DELAY + HELLO_INTERVAL_MIN + 3);
	expect(1, "uj ur ur");
	expect(2, "uj ur ur");
	run(1000);
	assert_int_equal(site[1].reach[NEXT_DEAD], 2);
	assert_int_equal(site[1].stall, 1);
	expect(3, "uj ur ur");
	say(1, NEXT_READY);
	run(20);
	expect(3, "ur ur ur");
}

/* The first thing that it does is to look at what came: that is no reason to bury the others. */
static void test_freeze_then_input(void **state)
{
	struct ip6_addr from = address(2);
	unsigned fed = 0;

	(void)state;
	make_ready(3);
	while (site[1].due_ms != now_ms - 1 + HELLO_T) /* it has just said hello, as has 3 */
		run(1);
	cut[3][1] = true;
	run(HELLO_T);
	say(2, NEXT_DRAINING);
	site[1].frozen = true;
	run(DEAD_T - DELAY);
	for (unsigned i = 0; i < wire_count; i++) {
		if (wire[i].to == 1 && wire[i].at_ms <= now_ms) {
			assert_int_equal(hello_input(site[1].h, &from, wire[i].b, wire[i].n, now_ms,
						 WALL + now_ms),
				HELLO_TAKEN);
			fed++;
		}
	}
	assert_true(fed >= 2);
	expect(1, "ur ud ur");
	site[1].frozen = false;
	run(HELLO_T / 2);
	expect(1, "ur ud ur");
	assert_int_equal(site[1].stall, 0);
	run(2 * HELLO_T - HELLO_T / 2 + DELAY); /* a third of its time was over before */
	expect(1, "ur ud cr");
}

static void test_short_freeze(void **state)
{
	(void)state;
	make_ready(2);
	for (unsigned i = 0; i < 20; i++) {
		site[1].frozen = true;
		run(DEAD_T - HELLO_T - 2 * DELAY);
		site[1].frozen = false;
		run(HELLO_T + rng_below(&seed, 50));
	}
	assert_int_equal(site[1].stall + site[1].reach[NEXT_DEAD] + site[2].reach[NEXT_DEAD], 0);
	expect(2, "ur ur");
}

/* A peer that dies while we do not live is found dead a limit after we woke. */
static void test_freeze_and_death(void **state)
{
	uint64_t ms;

	(void)state;
	make_ready(2);
	stop(2);
	run(DEAD_T / 2);
	site[1].frozen = true;
	run(5000);
	site[1].frozen = false;
	ms = time_until(1, 2, NEXT_DEAD, 1000);
	assert_in_range(ms, 1, DEAD_T / 2 + DELAY);
}

static void test_wedged(void **state)
{
	(void)state;
	make_ready(3);
	site[1].wedged = true;
	run(1000);
	expect(2, "x ur ur");
	expect(1, "ur x x"); /* it hears that they do not hear it */
	assert_int_equal(site[1].stall, 0);
	site[1].wedged = false;
	run(300);
	assert_int_equal(site[1].stall, 1);
	expect(2, "uj ur ur");
	expect(1, "uj ur ur");
}

static void test_left_stays_left(void **state)
{
	(void)state;
	make_ready(2);
	say(1, NEXT_LEFT);
	run(100);
	site[1].frozen = true;
	run(1000);
	site[1].frozen = false;
	run(200);
	expect(2, "ul ur");
	assert_int_equal(site[1].stall, 1);
}

/* --- restarted --- */

static void test_fast_restart(void **state)
{
	uint64_t old;

	(void)state;
	make_ready(3);
	old = site[2].boot;
	stop(2);
	run(20);
	start(2);
	share_keys(1, 2);
	share_keys(2, 3);
	run(DELAY + 2);
	expect(1, "ur cj ur"); /* its first hello: it cannot have heard us yet, and joins */
	run(50);
	expect(1, "ur uj ur");
	assert_int_equal(site[1].restarted, 1);
	assert_int_equal(site[1].value, (int64_t)site[2].boot);
	assert_int_not_equal(site[2].boot, old);
	expect(2, "ur uj ur");
	assert_in_range(info(2, 1).rtt_ms, 2 * DELAY, 2 * DELAY + 1); /* no echo of another life */
}

/* --- what is told --- */

static void test_known(void **state)
{
	(void)state;
	make_ready(3);
	assert_true(hello_is_known(site[1].h, 0, now_ms));
	delay[3][1] = 60;
	run(1000);
	say(1, NEXT_LEFT);
	assert_false(hello_is_known(site[1].h, 0, now_ms));
	run(DELAY + 2);
	expect(3, "ul ur ur");
	assert_false(hello_is_known(site[1].h, 0, now_ms));
	run(HELLO_T + 2 * DELAY);
	assert_false(hello_is_known(site[1].h, 0, now_ms)); /* 3's echo is under way */
	run(60);
	assert_true(hello_is_known(site[1].h, 0, now_ms));
	/* who does not live needs not know */
	cut[3][1] = cut[3][2] = true;
	say(1, NEXT_READY);
	run(200);
	assert_false(hello_is_known(site[1].h, 0, now_ms));
	run(300);
	assert_true(hello_is_known(site[1].h, 0, now_ms));
}

/* An echo of the last time that we said the same does not count. */
static void test_known_again(void **state)
{
	(void)state;
	make_ready(2);
	delay[2][1] = 90;
	run(1000);
	say(1, NEXT_DRAINING);
	run(1);
	say(1, NEXT_READY);
	for (unsigned i = 0; i < 95; i++) {
		run(1);
		assert_false(hello_is_known(site[1].h, 0, now_ms));
	}
	run(110);
	assert_true(hello_is_known(site[1].h, 0, now_ms));
}

static void test_known_cut_off(void **state)
{
	(void)state;
	make_ready(3);
	cut[1][2] = cut[2][1] = true;
	run(1000);
	say(1, NEXT_LEFT);
	run(2 * HELLO_T);
	expect(2, "cl ur ur");
	assert_false(hello_is_known(site[1].h, 0, now_ms)); /* as far as 1 can tell */
	run(DEAD_T);
	assert_true(hello_is_known(site[1].h, 0, now_ms));
}

static void test_drift(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HELLO_SETTING_COUNT; i++)
		for (unsigned id = 1; id <= 3; id++)
			site[id].setting[i] = i;
	site[2].setting[HELLO_SETTING_DELIVERY]++;
	site[2].setting[HELLO_SETTING_COUNT - 1]++;
	make(3);
	run(500);
	assert_int_equal(site[1].drift, 1);
	assert_int_equal(
		site[1].value, 1 << HELLO_SETTING_DELIVERY | 1 << (HELLO_SETTING_COUNT - 1));
	assert_int_equal(hello_drift(site[1].h, 0, 2), site[1].value);
	assert_int_equal(hello_drift(site[1].h, 0, 3), 0);
	assert_int_equal(hello_drift(site[1].h, 0, 77), 0);
	assert_int_equal(site[2].drift, 2);
	stop(2);
	memcpy(site[2].setting, site[1].setting, sizeof(site[2].setting));
	start(2);
	share_keys(1, 2);
	run(500);
	assert_int_equal(site[1].drift, 2);
	assert_int_equal(hello_drift(site[1].h, 0, 2), 0);
	assert_string_equal(hello_setting_name(HELLO_SETTING_DELIVERY), "delivery");
}

/* --- versions --- */

static void test_versions(void **state)
{
	static const struct {
		uint8_t min, max;
		bool understood; /* by one that speaks 3 and 4 */
	} cases[] = { { 1, 2, false }, { 1, 3, true }, { 3, 4, true }, { 4, 9, true },
		{ 5, 6, false }, { 0, 255, true } };

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		site[1].version_min = 3;
		site[1].version_max = 4;
		site[2].version_min = cases[i].min;
		site[2].version_max = cases[i].max;
		site[1].incompatible = 0;
		make(2);
		run(300);
		expect(1, cases[i].understood ? "uj uj" : "uj x");
		assert_int_equal(info(1, 2).incompatible, !cases[i].understood);
		assert_int_equal(info(1, 2).version_max, cases[i].max);
		assert_int_not_equal(info(1, 2).heard_ms, 0);
		assert_int_equal(site[1].incompatible, !cases[i].understood);
		stop(1);
		stop(2);
	}
}

/* Two that do not understand each other have a third that understands both. */
static void test_interpreter(void **state)
{
	(void)state;
	site[1].version_max = 2;
	site[2].version_max = 3;
	site[3].version_min = site[3].version_max = 3;
	make(3);
	run(1000);
	expect(1, "uj uj cj");
	expect(2, "uj uj uj");
	expect(3, "cj uj uj");
	assert_int_equal(site[1].incompatible, 1);
	/* an upgrade ends it */
	stop(1);
	site[1].version_max = 3;
	start(1);
	share_keys(1, 2);
	share_keys(1, 3);
	run(500);
	expect(3, "uj uj uj");
	assert_int_equal(site[3].incompatible, 2);
	assert_false(info(3, 1).incompatible);
}

/* --- clocks --- */

static void test_clock(void **state)
{
	static const struct {
		int64_t ahead[3]; /* of 2, 3 and 4 before 1 */
		int64_t value; /* 0: not off */
	} cases[] = {
		{ { 0, 0, 0 }, 0 },
		{ { 505, 505, 0 }, 505 },
		{ { 495, 495, 495 }, 0 },
		{ { -800, -1200, 0 }, -1000 },
		{ { 5000, 0, 0 }, 0 }, /* one alone */
		{ { 5000, -5000, 0 }, 0 }, /* two who do not agree */
		{ { 5000, 6000, 7000 }, 0 },
		{ { 5000, 9000, 9400 }, 9200 },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		for (unsigned j = 0; j < 3; j++)
			site[j + 2].clock_ms = cases[i].ahead[j];
		site[1].clock = 0;
		site[1].value = 0;
		make_ready(4);
		run(500);
		if (hello_is_clock_off(site[1].h, 0) != (cases[i].value != 0) ||
			llabs((long long)(site[1].value - cases[i].value)) > 2)
			fail_msg("row %zu: %lld", i, (long long)site[1].value);
		assert_in_range(info(1, 2).offset_ms - cases[i].ahead[0] + 2, 0, 4);
		assert_int_equal(site[1].clock, cases[i].value != 0);
		for (uint8_t id = 1; id <= 4; id++)
			stop(id);
	}
}

/* Only who lives has a say; and what was found ends with it. */
static void test_clock_of_joining(void **state)
{
	(void)state;
	site[1].clock_ms = -2000;
	make(3);
	run(1000);
	assert_false(hello_is_clock_off(site[1].h, 0));
	say(2, NEXT_READY);
	run(300);
	assert_false(hello_is_clock_off(site[1].h, 0));
	say(3, NEXT_DRAINING);
	run(300);
	assert_true(hello_is_clock_off(site[1].h, 0));
	site[1].clock_ms = 0; /* it was set */
	run(300);
	assert_false(hello_is_clock_off(site[1].h, 0));
	assert_int_equal(site[1].clock, 2);
	site[1].clock_ms = 3000;
	run(300);
	assert_true(hello_is_clock_off(site[1].h, 0));
	stop(2);
	stop(3); /* nobody says anything any more */
	run(500);
	assert_false(hello_is_clock_off(site[1].h, 0));
}

static void expect_ahead(int64_t ahead_ms)
{
	for (uint8_t of = 2; of <= 3; of++)
		if (llabs((long long)(info(1, of).offset_ms - ahead_ms)) > 3)
			fail_msg("at %llu ms the clock of %u seems %lld ms ahead",
				(unsigned long long)now_ms, of, (long long)info(1, of).offset_ms);
}

/* Hellos that waited for whoever stood still say nothing about clocks: what was known before counts,
 * but for what its own clock was set by meanwhile. */
static void test_clock_of_frozen(void **state)
{
	(void)state;
	site[1].clock_ms = -700;
	make_ready(3);
	run(500);
	for (unsigned i = 0; i < 10; i++) {
		site[1].frozen = true;
		run(900 + 7 * i);
		if (i == 5)
			site[1].clock_ms = 4000;
		site[1].frozen = false;
		for (unsigned ms = 0; ms < 500; ms++) {
			turn();
			expect_ahead(-site[1].clock_ms);
			now_ms++;
		}
		assert_true(hello_is_clock_off(site[1].h, 0));
	}
	site[1].clock_ms = 0; /* set right: at once, not when all have said hello again */
	turn();
	assert_true(hello_is_clock_off(site[1].h, 0));
	run(2);
	site[1].due_ms = now_ms;
	turn();
	assert_false(hello_is_clock_off(site[1].h, 0));
}

/* A peer, or the path, held some back: nobody knows where. Where a path became that long the clock is
 * measured by it. */
static void test_clock_by_slow_hello(void **state)
{
	(void)state;
	site[1].clock_ms = -700;
	make_ready(3);
	run(500);
	delay[2][1] = 600;
	for (unsigned ms = 0; ms < 1500; ms++) {
		if (ms == 750)
			delay[2][1] = DELAY;
		turn();
		expect_ahead(700);
		now_ms++;
	}
	delay[2][1] = delay[1][2] = 300;
	run(3000);
	expect_ahead(700);
	site[1].clock_ms = 0;
	run(1000);
	expect_ahead(0);
	assert_in_range(info(1, 2).rtt_ms, 590, 610);
}

/* --- new keys --- */

/* The other gets them much later, or not at all until the old ones end: nobody falls silent. */
static void test_new_keys(void **state)
{
	struct session_keys k = { .initiator = true };

	(void)state;
	make_ready(2);
	for (unsigned i = 0; i < 5; i++) {
		rng_fill(&seed, k.hello, sizeof(k.hello));
		k.initiator = true;
		hello_keys(site[i % 2 == 0 ? 1 : 2].h, i % 2 == 0 ? 2 : 1, &k, now_ms);
		run(rng_below(&seed, 1500));
		k.initiator = false;
		hello_keys(site[i % 2 == 0 ? 2 : 1].h, i % 2 == 0 ? 1 : 2, &k, now_ms);
		run(1000);
	}
	assert_int_equal(site[1].reach[NEXT_DEAD] + site[2].reach[NEXT_DEAD], 0);
	assert_int_equal(verdicts[HELLO_NO_KEYS], 0);
	run(SESSION_REJECT_MS); /* and never again: then they do */
	expect(1, "ur x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		T(test_start),
		T(test_quiet),
		T(test_loss),
		T(test_death),
		T(test_slow_peer),
		T(test_pairs),
		cmocka_unit_test(test_pairs_refused),
		T(test_no_vouching_dead),
		T(test_cut_off),
		T(test_via_moves),
		T(test_one_way),
		T(test_far_voucher),
		T(test_freeze),
		T(test_freeze_then_input),
		T(test_short_freeze),
		T(test_freeze_and_death),
		T(test_wedged),
		T(test_left_stays_left),
		T(test_fast_restart),
		T(test_known),
		T(test_known_again),
		T(test_known_cut_off),
		T(test_drift),
		T(test_versions),
		T(test_interpreter),
		T(test_clock),
		T(test_clock_of_joining),
		T(test_clock_of_frozen),
		T(test_clock_by_slow_hello),
		T(test_new_keys),
#undef T
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
