/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sites that talk over a network that delays, reorders, loses and repeats, in virtual time; and
 * somebody in between who knows every public key.
 */
#include "test.h"

#include <errno.h>
#include <limits.h>

#include <sodium.h>

#include "rng.h"
#include "sync/session.h"
#include "sync/session_priv.h"

#define SITES    3
#define WIRE_MAX 256
#define WALL     1700000000000ULL
#define START_MS 1000
#define DATAGRAM 200

struct datagram {
	uint8_t from, to; /* node ids */
	uint64_t at_ms;
	size_t n;
	uint8_t b[DATAGRAM];
};

struct site {
	uint8_t node;
	struct sessions *s;
	uint8_t secret[32], public[32];
	uint64_t seed;
	uint64_t wall_ms; /* at START_MS */
	struct session_keys keys[SITES + 1], answered[SITES + 1];
	unsigned established[SITES + 1], confirmed[SITES + 1];
	uint64_t established_ms[SITES + 1], confirmed_ms[SITES + 1]; /* the last time */
	unsigned empties[SITES + 1]; /* messages that say nothing, sent */
	unsigned lose[SITES + 1]; /* of these, the first ones */
};

static struct site site[SITES + 1]; /* by node id */
static struct datagram wire[WIRE_MAX];
static unsigned wire_count;
static uint64_t now_ms, seed;
static unsigned loss_percent, delay_ms, jitter_ms;
static unsigned verdicts[SESSION_VERDICT_COUNT];
static unsigned opened; /* datagrams that were DATA */
static uint8_t last_plain[DATAGRAM];
static size_t last_len;

static struct ip6_addr address(uint8_t node)
{
	struct ip6_addr a = addr("2001:db8:5::");

	a.b[15] = node;
	return a;
}

/* --- what sessions ask for --- */

static void op_random(void *ctx, uint8_t *buf, size_t len)
{
	rng_fill(&((struct site *)ctx)->seed, buf, len);
}

static void post(uint8_t from, uint8_t to, const uint8_t *b, size_t n)
{
	struct datagram *d = &wire[wire_count];

	if (rng_next(&seed) % 100 < loss_percent)
		return;
	assert_in_range(wire_count, 0, WIRE_MAX - 1);
	assert_in_range(n, 1, DATAGRAM);
	*d = (struct datagram){ .from = from, .to = to, .n = n };
	d->at_ms = now_ms + delay_ms + (jitter_ms == 0 ? 0 : rng_next(&seed) % jitter_ms);
	memcpy(d->b, b, n);
	wire_count++;
}

static void op_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	struct site *at = ctx;

	if (buf[0] == MSG_DATA) {
		assert_int_equal(len, SESSION_OVERHEAD);
		if (at->empties[node]++ < at->lose[node])
			return;
	}
	post(at->node, node, buf, len);
}

/* Before the other side can have them: it hears of them by what is sent behind this. */
static void op_answered(void *ctx, uint8_t node, const struct session_keys *keys)
{
	struct site *at = ctx;

	assert_false(keys->initiator);
	assert_memory_not_equal(keys->data, site[node].keys[at->node].data, sizeof(keys->data));
	at->answered[node] = *keys;
}

static void op_established(void *ctx, uint8_t node, const struct session_keys *keys)
{
	struct site *at = ctx;

	if (!keys->initiator)
		assert_memory_equal(keys, &at->answered[node], sizeof(*keys));
	at->keys[node] = *keys;
	at->established[node]++;
	at->established_ms[node] = now_ms;
}

/* Once for each at most. */
static void op_confirmed(void *ctx, uint8_t node)
{
	struct site *at = ctx;

	assert_in_range(++at->confirmed[node], 1, at->established[node]);
	at->confirmed_ms[node] = now_ms;
}

/* --- the world --- */

/* It knows sites 1 to most. */
static void start_site_among(uint8_t node, uint8_t most)
{
	struct site *at = &site[node];
	struct session_peer peers[SITES];
	uint32_t n = 0;

	for (uint8_t id = 1; id <= most; id++) {
		if (id == node)
			continue;
		peers[n].node = id;
		peers[n].address = address(id);
		memcpy(peers[n++].key, site[id].public, 32);
	}
	assert_int_equal(sessions_new(&(struct session_opts){ .node = node,
					      .secret = at->secret,
					      .peers = peers,
					      .peer_count = n,
					      .now_ms = now_ms,
					      .ops = { at, op_random, op_send, op_established,
						      op_answered, NULL, op_confirmed } },
				 &at->s),
		0);
}

static void start_site(uint8_t node)
{
	start_site_among(node, SITES);
}

static int set_up(void **state)
{
	(void)state;
	memset(site, 0, sizeof(site));
	memset(verdicts, 0, sizeof(verdicts));
	now_ms = START_MS;
	wire_count = opened = loss_percent = jitter_ms = 0;
	delay_ms = 5;
	seed = rng_start("session");
	for (uint8_t id = 1; id <= SITES; id++) {
		site[id].node = id;
		site[id].seed = rng_next(&seed);
		site[id].wall_ms = WALL;
		rng_fill(&seed, site[id].secret, 32);
		assert_int_equal(session_public_key(site[id].secret, site[id].public), 0);
	}
	for (uint8_t id = 1; id <= SITES; id++)
		start_site(id);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (uint8_t id = 1; id <= SITES; id++)
		sessions_free(site[id].s);
	return 0;
}

static enum session_verdict deliver(const struct datagram *d)
{
	struct buf exact = { malloc(d->n), d->n };
	uint8_t node = 0, out[DATAGRAM];
	struct ip6_addr from = address(d->from);
	enum session_verdict v;
	size_t len;

	assert_non_null(exact.p);
	memcpy(exact.p, d->b, d->n);
	v = sessions_input(site[d->to].s, &from, exact.p, exact.n, now_ms, &node, out, &len);
	buf_free(&exact);
	verdicts[v]++;
	if (v == SESSION_DATA) {
		opened++;
		assert_int_equal(node, d->from);
		memcpy(last_plain, out, len);
		last_len = len;
	}
	return v;
}

/* One millisecond. */
static void step(void)
{
	now_ms++;
	for (uint8_t id = 1; id <= SITES; id++)
		if ((now_ms + id) % 50 == 0)
			sessions_turn(site[id].s, now_ms, site[id].wall_ms + now_ms - START_MS);
	for (unsigned i = 0; i < wire_count;) {
		struct datagram d = wire[i];

		if (d.at_ms > now_ms) {
			i++;
			continue;
		}
		wire[i] = wire[--wire_count];
		deliver(&d);
	}
}

static void run(uint64_t ms)
{
	while (ms-- > 0)
		step();
}

static bool is_up(uint8_t at, uint8_t with)
{
	struct session_info info;

	assert_int_equal(sessions_info(site[at].s, with, now_ms, &info), 0);
	return info.established;
}

static struct datagram sealed(uint8_t from, uint8_t to, const char *text)
{
	struct datagram d = { .from = from, .to = to };

	d.n = strlen(text) + SESSION_OVERHEAD;
	assert_int_equal(
		sessions_seal(site[from].s, to, (const uint8_t *)text, strlen(text), now_ms, d.b),
		0);
	return d;
}

static void check_talk(uint8_t a, uint8_t b)
{
	struct datagram d = sealed(a, b, "to b"), e;

	assert_int_equal(deliver(&d), SESSION_DATA);
	assert_int_equal(last_len, 4);
	assert_memory_equal(last_plain, "to b", 4);
	e = sealed(b, a, "and to a");
	assert_int_equal(deliver(&e), SESSION_DATA);
	assert_int_equal(last_len, 8);
	assert_memory_equal(last_plain, "and to a", 8);
}

static void check_keys(uint8_t a, uint8_t b)
{
	const struct session_keys *x = &site[a].keys[b], *y = &site[b].keys[a];

	assert_true(x->initiator != y->initiator);
	assert_memory_equal(x->hello, y->hello, sizeof(x->hello));
	assert_memory_equal(x->data, y->data, sizeof(x->data));
	assert_memory_not_equal(x->data, x->hello, sizeof(x->data));
}

/* --- tests --- */

/* All begin at once, so all handshakes cross: one session each comes of it. */
static void test_up(void **state)
{
	(void)state;
	run(300);
	for (uint8_t a = 1; a <= SITES; a++) {
		for (uint8_t b = 1; b <= SITES; b++) {
			if (a == b)
				continue;
			assert_true(is_up(a, b));
			assert_int_equal(site[a].established[b], 1);
			assert_int_equal(site[a].confirmed[b], 1);
			check_talk(a, b);
			check_keys(a, b);
		}
	}
	assert_int_equal(verdicts[SESSION_HANDSHAKE] + verdicts[SESSION_FORGED], 0);
	assert_int_equal(sessions_seal(site[1].s, 9, last_plain, 1, now_ms, last_plain), -EINVAL);
}

static void test_not_yet(void **state)
{
	uint8_t out[DATAGRAM] = { 0 };

	(void)state;
	assert_int_equal(sessions_seal(site[1].s, 2, out, 0, now_ms, out), -ENOTCONN);
	assert_false(is_up(1, 2));
}

/* Ten minutes of traffic with reordering: keys are renewed several times and no datagram is lost
 * by it. */
static void test_renewal(void **state)
{
	unsigned sent = 0;

	(void)state;
	delay_ms = 20;
	jitter_ms = 60;
	run(1000);
	opened = 0;
	for (unsigned i = 0; i < 60000; i++) {
		struct datagram d;

		run(10);
		if (!is_up(1, 2) || !is_up(2, 1))
			fail_msg("no session after %u s", i / 100);
		d = sealed(1, 2, "x");
		post(1, 2, d.b, d.n);
		d = sealed(2, 1, "y");
		post(2, 1, d.b, d.n);
		sent += 2;
	}
	run(200);
	assert_int_equal(opened, sent);
	assert_in_range(site[1].established[2], 5, 6);
	assert_in_range(site[2].established[1], 5, 6);
	assert_int_equal(site[1].confirmed[2], site[1].established[2]);
	assert_int_equal(site[2].confirmed[1], site[2].established[1]);
	check_keys(1, 2);
}

/* 2^60 messages under one key and no more; from half of them on new keys are made. */
static void test_messages_run_out(void **state)
{
	uint8_t out[SESSION_OVERHEAD + 1];
	struct peer *p;
	unsigned was;

	(void)state;
	run(5000);
	p = session_peer_of(site[1].s, 2);
	was = site[1].established[2];
	p->now.counter = (1ULL << 60) - 1;
	assert_int_equal(sessions_seal(site[1].s, 2, (const uint8_t *)"x", 1, now_ms, out), 0);
	assert_int_equal(
		sessions_seal(site[1].s, 2, (const uint8_t *)"x", 1, now_ms, out), -ENOTCONN);
	p->now.counter = (1ULL << 59) - 1;
	run(2000);
	assert_int_equal(site[1].established[2], was);
	p->now.counter = 1ULL << 59;
	run(2000);
	assert_int_equal(site[1].established[2], was + 1);
	assert_true(session_peer_of(site[1].s, 2)->now.counter < 1000);
}

/* The message by which 2 hears that 1 has the new keys is lost, or 2's answer is. */
static void test_confirmation_lost(void **state)
{
	static const struct {
		unsigned first, answers; /* so many are lost */
		unsigned ms; /* after it has them 1 hears that 2 has */
		unsigned sent, answered;
	} rows[] = {
		{ 0, 0, 0, 1, 1 },
		{ 1, 0, 200, 2, 1 },
		{ 4, 0, 3000, 5, 1 },
		{ 0, 1, 200, 2, 2 },
		{ 1, 2, 1400, 4, 3 },
	};

	(void)state;
	for (unsigned i = 0; i < DIM(rows); i++) {
		uint64_t took;

		tear_down(state);
		set_up(state);
		run(300); /* the first keys: what follows is about a renewal */
		for (uint8_t at = 1; at <= 2; at++)
			site[at].empties[3 - at] = site[at].confirmed[3 - at] = 0;
		site[1].lose[2] = rows[i].first;
		site[2].lose[1] = rows[i].answers;
		run(SESSION_REKEY_MS + 5000);
		assert_int_equal(site[1].established[2], 2);
		assert_int_equal(site[2].established[1], 2);
		assert_true(site[1].keys[2].initiator);
		assert_int_equal(site[1].confirmed[2], 1);
		assert_int_equal(site[2].confirmed[1], 1);
		took = site[1].confirmed_ms[2] - site[1].established_ms[2];
		/* there and back; each time up to a turn later */
		assert_in_range(took, rows[i].ms + 2 * delay_ms,
			rows[i].ms + 2 * delay_ms + 50 * (rows[i].sent - 1));
		assert_int_equal(site[1].empties[2], rows[i].sent);
		assert_int_equal(site[2].empties[1], rows[i].answered);
	}
}

/* They are not repeated for ever; whatever else is said under the keys does as well. */
static void test_never_confirmed(void **state)
{
	struct datagram d;

	(void)state;
	site[1].lose[2] = UINT_MAX;
	while (site[1].established[2] == 0)
		step();
	loss_percent = 100;
	run(60000);
	assert_int_equal(site[1].empties[2], SESSION_CONFIRMS);
	assert_int_equal(site[1].confirmed[2] + site[2].established[1], 0);
	d = sealed(1, 2, "x");
	assert_int_equal(deliver(&d), SESSION_DATA);
	assert_int_equal(site[2].established[1], 1);
	assert_int_equal(site[2].confirmed[1], 1);
	assert_int_equal(site[2].empties[1], 0); /* only nothing is answered with nothing */
	assert_int_equal(site[1].confirmed[2], 0);
	d = sealed(2, 1, "y");
	assert_int_equal(deliver(&d), SESSION_DATA);
	assert_int_equal(site[1].confirmed[2], 1);
	run(60000);
	assert_int_equal(site[1].confirmed[2], 1);
	assert_int_equal(site[1].empties[2], SESSION_CONFIRMS);
}

/* A site has restarted, and the path is cut when it alone has new keys, for longer than they are
 * confirmed: to the other one its old keys are good. */
static void test_cut_after_restart(void **state)
{
	unsigned was;

	(void)state;
	run(5000);
	was = site[2].established[1];
	sessions_free(site[1].s);
	start_site(1);
	site[1].lose[2] = UINT_MAX;
	while (!is_up(1, 2))
		step();
	loss_percent = 100;
	run(40000);
	assert_int_equal(site[2].established[1], was);
	site[1].lose[2] = loss_percent = 0;
	run(3000);
	check_keys(1, 2);
	assert_int_equal(site[2].established[1], was + 1);
	run(60000);
	assert_int_equal(site[2].established[1], was + 1); /* and that was all */
}

static void test_lossy(void **state)
{
	(void)state;
	loss_percent = 40;
	run(60000);
	for (unsigned i = 0; i < 300; i++) {
		run(1000);
		for (uint8_t id = 2; id <= SITES; id++)
			assert_true(is_up(1, id) && is_up(id, 1));
	}
}

/* Each datagram of a handshake and of data again, later: nothing is taken twice. */
static void test_replay(void **state)
{
	static struct datagram kept[64];
	unsigned n = 0;
	struct datagram d;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		for (unsigned k = 0; k < wire_count && n < DIM(kept); k++)
			if (wire[k].at_ms == now_ms + 1)
				kept[n++] = wire[k];
		step();
	}
	assert_true(n >= 9);
	d = sealed(1, 2, "once");
	assert_int_equal(deliver(&d), SESSION_DATA);
	assert_int_equal(deliver(&d), SESSION_REPLAYED);
	for (unsigned round = 0; round < 2; round++, run(2000)) {
		for (unsigned i = 0; i < n; i++) {
			enum session_verdict v = deliver(&kept[i]);

			if (v != SESSION_OLD && v != SESSION_UNASKED && v != SESSION_REPLAYED &&
				v != SESSION_CROSSED)
				fail_msg("datagram of type %u: %s", kept[i].b[0],
					session_verdict_name(v));
		}
	}
	assert_int_equal(site[1].established[2], 1);
	check_talk(1, 2);
}

/* Any octet of any datagram changed on the way, any length: refused, and what was true goes on. */
static void test_changed(void **state)
{
	struct datagram d;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		for (unsigned k = 0; k < wire_count; k++) {
			d = wire[k];
			if (d.at_ms != now_ms + 1)
				continue;
			for (unsigned at = 0; at < d.n; at++) {
				enum session_verdict v;

				d.b[at] ^= (uint8_t)(1 << i % 8);
				v = deliver(&d);
				d.b[at] ^= (uint8_t)(1 << i % 8);
				/* mac2 is looked at in a flood only */
				if (v == SESSION_HANDLED &&
					!(d.b[0] <= MSG_RESPONSE && at >= d.n - MAC_LEN))
					fail_msg("type %u, octet %u", d.b[0], at);
				if (d.b[0] <= MSG_RESPONSE && at + 1 == d.n - MAC_LEN)
					break;
			}
			for (size_t n = 1; n < wire[k].n; n++) {
				d.n = n;
				assert_int_not_equal(deliver(&d), SESSION_HANDLED);
			}
		}
		step();
	}
	d = sealed(1, 2, "true words");
	for (unsigned bit = 0; bit < 8 * d.n; bit++) {
		d.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(deliver(&d), SESSION_DATA);
		d.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(deliver(&d), SESSION_DATA);
	check_talk(1, 2);
}

/* A site that lost its memory comes back within its first tries; the other one's old keys do not
 * stand in the way. */
static void test_restart(void **state)
{
	(void)state;
	run(5000);
	sessions_free(site[2].s);
	start_site(2);
	run(300);
	assert_true(is_up(2, 1) && is_up(1, 2));
	check_talk(1, 2);
	check_keys(1, 2);
}

/* Set back by a day it cannot begin, but its tries make the others begin, whose goes first or not. */
static void test_clock_set_back(void **state)
{
	(void)state;
	run(8000);
	sessions_free(site[2].s);
	site[2].wall_ms -= 86400000;
	start_site(2);
	run(7000);
	assert_true(verdicts[SESSION_OLD] > 0);
	for (uint8_t with = 1; with <= 3; with += 2) {
		assert_true(is_up(2, with) && is_up(with, 2));
		check_talk(with, 2);
		check_keys(with, 2);
		assert_int_equal(site[with].established[2], 2);
	}
	run(3 * SESSION_REKEY_MS);
	check_talk(1, 2);
	check_talk(3, 2);
}

static struct datagram first_init(uint8_t from, uint8_t to)
{
	sessions_turn(site[from].s, now_ms, WALL);
	for (unsigned i = 0; i < wire_count; i++)
		if (wire[i].from == from && wire[i].to == to && wire[i].b[0] == MSG_INIT)
			return wire[i];
	fail_msg("no handshake begun");
	return wire[0];
}

/* Its stamps go on where they stood: the next ones are above those that it sent before. */
static void test_clock_set_back_while_it_runs(void **state)
{
	(void)state;
	run(5000);
	assert_true(site[1].keys[2].initiator && site[1].keys[3].initiator);
	site[1].wall_ms -= 86400000;
	run(3 * SESSION_REKEY_MS);
	assert_int_equal(verdicts[SESSION_OLD], 0);
	for (uint8_t with = 2; with <= 3; with++) {
		assert_int_equal(site[1].established[with], 4);
		check_talk(1, with);
		check_keys(1, with);
	}
}

static void test_two_in_a_millisecond(void **state)
{
	struct datagram d;

	(void)state;
	run(5000);
	wire_count = 0;
	for (unsigned i = 0; i < 3; i++) {
		handshake_begin(site[1].s, session_peer_of(site[1].s, 2), now_ms);
		assert_int_equal(wire_count, 1);
		d = wire[--wire_count];
		assert_int_equal(deliver(&d), SESSION_HANDLED);
		if (i < 2)
			wire_count = 0; /* its answer is lost */
	}
	run(500);
	assert_int_equal(site[1].established[2], 2);
	check_talk(1, 2);
	check_keys(1, 2);
}

/* The first message of a handshake that was taken long ago comes again, all the time. */
static void replay(const struct datagram *d, uint64_t ms, bool is_talking)
{
	while (ms-- > 0) {
		if (is_talking && now_ms % 500 == 0)
			check_talk(d->from, d->to);
		assert_int_not_equal(deliver(d), SESSION_HANDLED);
		step();
	}
	check_talk(d->from, d->to);
	check_keys(d->from, d->to);
}

static void test_old_replayed(void **state)
{
	struct datagram d = first_init(2, 1);

	(void)state;
	run(5000);
	replay(&d, 60000, true);
	assert_int_equal(site[1].established[2], 1); /* it is heard: nothing is begun */
	replay(&d, 60000, false);
	assert_in_range(site[1].established[2], 2, 2 + 60000 / SESSION_QUIET_MS);
}

/* The path copies a beginning, after a silence in which the peer may have lost its keys. It was
 * answered: one session comes of it, and both ends have its keys. */
static void test_beginning_copied(void **state)
{
	struct datagram d;

	(void)state;
	run(5000);
	sessions_free(site[2].s);
	start_site(2);
	wire_count = 0;
	delay_ms = 40;
	do {
		step();
	} while (wire_count == 0 || wire[0].from != 2 || wire[0].to != 1);
	d = wire[0];
	assert_int_equal(deliver(&d), SESSION_HANDLED);
	assert_int_equal(deliver(&d), SESSION_OLD);
	run(1500);
	assert_int_equal(site[1].established[2], 2);
	check_talk(1, 2);
	check_keys(1, 2);
}

/* Somebody who knows the public keys, and speaks with a peer's address, makes handshakes as fast
 * as they come: the costly part is bounded, and the peer gets through with a cookie. */
static void test_flood(void **state)
{
	struct datagram d = first_init(2, 1);
	uint8_t mac_key[MAC_LEN * 2], cookie_key[32];

	(void)state;
	wire_count = 0;
	sessions_free(site[2].s);
	start_site(2); /* it has heard nothing yet */
	handshake_derive(site[1].public, mac_key, cookie_key);
	for (unsigned ms = 0; ms < 20000; ms++) {
		for (unsigned i = 0; i < 5; i++) {
			rng_fill(&seed, d.b + 8, NOISE_OVERHEAD + STAMP_LEN);
			crypto_generichash_blake2b(d.b + d.n - 2 * MAC_LEN, MAC_LEN, d.b,
				d.n - 2 * MAC_LEN, mac_key, sizeof(mac_key));
			deliver(&d);
		}
		step();
		if (ms == 0)
			assert_in_range(verdicts[SESSION_HANDSHAKE], 0, 5);
	}
	assert_in_range(verdicts[SESSION_HANDSHAKE], 50, 50 * 22);
	assert_true(verdicts[SESSION_FLOOD] > 90000);
	assert_true(is_up(1, 2) && is_up(2, 1));
	assert_true(is_up(3, 1));
}

/* In the same flood both the site in whose name it comes and another one are started anew, while the
 * flooded one believes that it has keys with both. */
static void test_flood_restarts(void **state)
{
	struct datagram d;
	uint8_t mac_key[MAC_LEN * 2], cookie_key[32];
	struct session_info info;

	(void)state;
	run(5000);
	assert_true(is_up(1, 2) && is_up(1, 3));
	for (unsigned n = 2; n <= 3; n++) {
		sessions_free(site[n].s);
		start_site(n);
	}
	wire_count = 0;
	d = first_init(2, 1);
	handshake_derive(site[1].public, mac_key, cookie_key);
	for (unsigned ms = 0; ms < 12000; ms++) {
		for (unsigned i = 0; i < 20; i++) {
			rng_fill(&seed, d.b + 8, NOISE_OVERHEAD + STAMP_LEN);
			crypto_generichash_blake2b(d.b + d.n - 2 * MAC_LEN, MAC_LEN, d.b,
				d.n - 2 * MAC_LEN, mac_key, sizeof(mac_key));
			deliver(&d);
		}
		step();
		if (ms == 7000)
			assert_true(is_up(3, 1)); /* the flood is not in its name */
	}
	assert_true(is_up(2, 1));
	assert_in_range(verdicts[SESSION_HANDSHAKE], 0, 50 * 18); /* costly ones */
	assert_int_equal(sessions_info(site[1].s, 2, now_ms, &info), 0);
	assert_in_range(info.handshakes, 2, 6); /* what it makes us begin is bounded */
}

/* Another one like that, made with no more than public keys. */
static struct datagram forged(const struct datagram *like, const uint8_t mac_key[MAC_LEN * 2])
{
	struct datagram d = *like;

	rng_fill(&seed, d.b + 8, NOISE_OVERHEAD + STAMP_LEN);
	crypto_generichash_blake2b(
		d.b + d.n - 2 * MAC_LEN, MAC_LEN, d.b, d.n - 2 * MAC_LEN, mac_key, MAC_LEN * 2);
	return d;
}

/* A peer with nothing to say is there as long as hello hears it: in a flood nothing is begun in its
 * place, and it is once hello does not. */
static void test_flood_idle(void **state)
{
	const struct {
		bool is_heard;
		unsigned least, most;
	} rows[] = { { true, 0, 0 }, { false, 2, 5 } };
	struct datagram d = first_init(2, 1);
	uint8_t mac_key[MAC_LEN * 2];
	unsigned was;

	(void)state;
	handshake_derive(site[1].public, mac_key, (uint8_t[32]){ 0 });
	run(5000);
	for (size_t i = 0; i < DIM(rows); i++) {
		was = site[1].established[2];
		for (unsigned ms = 0; ms < 12000; ms++) {
			for (unsigned n = 0; n < 5; n++) {
				struct datagram f = forged(&d, mac_key);

				deliver(&f);
			}
			if (rows[i].is_heard && now_ms % 1000 == 0)
				sessions_heard(site[1].s, 2, now_ms);
			step();
		}
		assert_in_range(site[1].established[2] - was, rows[i].least, rows[i].most);
	}
	sessions_heard(site[1].s, 200, now_ms); /* nobody */
}

/* Nor does it keep us from trying again ourselves, as soon as ever. */
static void test_flood_tries(void **state)
{
	struct datagram d = first_init(1, 2);
	uint8_t mac_key[MAC_LEN * 2];
	unsigned tries = 0;

	(void)state;
	wire_count = 0;
	sessions_free(site[2].s);
	start_site(2);
	handshake_derive(site[2].public, mac_key, (uint8_t[32]){ 0 });
	loss_percent = 100;
	for (unsigned ms = 0; ms < 20000; ms++) {
		for (unsigned n = 0; n < 5; n++) {
			struct datagram f = forged(&d, mac_key);

			deliver(&f);
		}
		now_ms++;
		if (now_ms % 50 == 0) {
			loss_percent = 0;
			sessions_turn(site[2].s, now_ms, WALL + now_ms);
			for (unsigned i = 0; i < wire_count; i++)
				tries += wire[i].to == 1 && wire[i].b[0] == MSG_INIT;
			wire_count = 0;
			loss_percent = 100;
		}
	}
	assert_true(tries >= 20000 / (SESSION_RETRY_MAX_MS + 333 + 50));
}

static void test_strangers(void **state)
{
	struct datagram d = first_init(2, 1), other;

	(void)state;
	d.from = 3; /* another peer's address */
	assert_int_equal(deliver(&d), SESSION_STRANGER);
	d.from = 77;
	assert_int_equal(deliver(&d), SESSION_STRANGER);
	d.from = 2;
	other = d;
	other.b[2] = 77; /* nobody's id */
	assert_int_equal(deliver(&other), SESSION_STRANGER);
	other = d;
	other.b[1] = SESSION_VERSION + 1;
	assert_int_equal(deliver(&other), SESSION_OTHER_VERSION);
	other = d;
	other.b[0] = MSG_DATA + 1;
	assert_int_equal(deliver(&other), SESSION_MALFORMED);
	other = d;
	other.n--;
	assert_int_equal(deliver(&other), SESSION_MALFORMED);
	other = d;
	other.b[20] ^= 1;
	assert_int_equal(deliver(&other), SESSION_MAC);
	/* meant for another site */
	other = d;
	other.to = 3;
	assert_int_equal(deliver(&other), SESSION_MAC);
	assert_int_equal(deliver(&d), SESSION_HANDLED);
}

/* An operator gave site 1 a wrong key for site 2: no session, whoever begins, and it is told. */
static void test_wrong_key(void **state)
{
	struct session_info info;

	(void)state;
	sessions_free(site[2].s);
	rng_fill(&seed, site[2].secret, 32);
	assert_int_equal(session_public_key(site[2].secret, site[2].public), 0);
	start_site(2);
	run(20000);
	assert_false(is_up(1, 2) || is_up(2, 1));
	assert_true(is_up(1, 3));
	assert_int_equal(sessions_info(site[1].s, 2, now_ms, &info), 0);
	assert_int_equal(info.last_failure, SESSION_HANDSHAKE);
	assert_int_equal(sessions_info(site[2].s, 1, now_ms, &info), 0);
	assert_int_equal(info.last_failure, SESSION_MAC);
}

/* Two operators do not agree about an id: nobody answers by a name that is not its own. */
static void test_called_by_another_id(void **state)
{
	struct datagram d = first_init(1, 3), to_two;

	(void)state;
	sessions_free(site[2].s);
	memcpy(site[2].secret, site[3].secret, sizeof(site[2].secret));
	memcpy(site[2].public, site[3].public, sizeof(site[2].public));
	start_site_among(2, 1); /* to site 1 it is site 3 */
	to_two = d;
	to_two.to = 2;
	assert_int_equal(deliver(&to_two), SESSION_HANDSHAKE);
	assert_int_equal(deliver(&d), SESSION_HANDLED);
}

static void test_silence(void **state)
{
	struct datagram d;

	(void)state;
	run(300);
	d = sealed(1, 2, "late");
	now_ms += SESSION_REJECT_MS; /* nobody has looked at the clock since */
	assert_int_equal(deliver(&d), SESSION_EXPIRED);
	assert_false(is_up(1, 2) || is_up(2, 1));
	assert_int_equal(sessions_seal(site[1].s, 2, d.b, 0, now_ms, d.b), -ENOTCONN);
	loss_percent = 100;
	run(10000);
	assert_true(deliver(&d) == SESSION_NO_KEYS);
	loss_percent = 0;
	run(SESSION_RETRY_MAX_MS + 1000);
	check_talk(1, 2);
}

static void test_garbage(void **state)
{
	struct datagram d = { .from = 2, .to = 1 };

	(void)state;
	run(300);
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t r = rng_next(&seed);

		d.n = 1 + r % (DATAGRAM - 1);
		rng_fill(&seed, d.b, d.n);
		d.b[0] = (uint8_t)(r >> 16) % 6;
		d.b[1] = SESSION_VERSION;
		d.b[2] = 2;
		if (d.n > 7 && r >> 63)
			d.b[7] = 2;
		assert_true(deliver(&d) > SESSION_HANDLED);
	}
	check_talk(1, 2);
}

static void test_refused(void **state)
{
	static const uint8_t low[32] = { 1 };
	struct session_peer p[2] = { { .node = 2 }, { .node = 3 } };
	struct session_opts o = {
		.node = 1, .secret = site[1].secret, .peers = p, .peer_count = 2
	};
	struct sessions *s;

	(void)state;
	memcpy(p[0].key, site[2].public, 32);
	memcpy(p[1].key, site[3].public, 32);
	assert_int_equal(sessions_new(&o, &s), 0);
	sessions_free(s);
	sessions_free(NULL);
	o.node = 0;
	assert_int_equal(sessions_new(&o, &s), -EINVAL);
	o.node = 2; /* its own */
	assert_int_equal(sessions_new(&o, &s), -EINVAL);
	o.node = 1;
	p[1].node = 2;
	assert_int_equal(sessions_new(&o, &s), -EINVAL);
	p[1].node = 0;
	assert_int_equal(sessions_new(&o, &s), -EINVAL);
	p[1].node = 3;
	memcpy(p[1].key, site[2].public, 32);
	assert_int_equal(sessions_new(&o, &s), -EINVAL);
	memcpy(p[1].key, site[1].public, 32);
	assert_int_equal(sessions_new(&o, &s), -EINVAL);
	memcpy(p[1].key, low, 32);
	assert_int_equal(sessions_new(&o, &s), -EINVAL);
	o.peer_count = 256;
	assert_int_equal(sessions_new(&o, &s), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* --- many peers --- */

#define MANY 11

static unsigned begun[MANY + 1];

static void op_count(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	(void)ctx;
	(void)len;
	assert_int_equal(buf[0], MSG_INIT);
	begun[node]++;
}

/* A call begins a few handshakes, says that there are more, and all get their turn: at the start,
 * and when they are due again. */
static void test_many(void **state)
{
	struct session_peer peers[MANY - 1];
	struct sessions *s;
	uint64_t at = START_MS;
	unsigned calls = 0;

	(void)state;
	memset(begun, 0, sizeof(begun));
	for (uint8_t id = 2; id <= MANY; id++) {
		uint8_t secret[32];

		rng_fill(&seed, secret, 32);
		peers[id - 2] = (struct session_peer){ .node = id, .address = address(id) };
		assert_int_equal(session_public_key(secret, peers[id - 2].key), 0);
	}
	assert_int_equal(sessions_new(&(struct session_opts){ .node = 1,
					      .secret = site[1].secret,
					      .peers = peers,
					      .peer_count = MANY - 1,
					      .now_ms = at,
					      .ops = { &site[1], op_random, op_count } },
				 &s),
		0);
	for (unsigned round = 1; round <= 3; round++, at += 2 * SESSION_RETRY_MAX_MS) {
		for (bool more = true; more; calls++) {
			unsigned before = 0, after = 0;

			for (unsigned i = 0; i <= MANY; i++)
				before += begun[i];
			more = sessions_turn(s, at, WALL + at);
			for (unsigned i = 0; i <= MANY; i++)
				after += begun[i];
			assert_in_range(after - before, 0, SESSION_BEGINS);
			assert_true(!more || after - before == SESSION_BEGINS);
		}
		for (unsigned id = 2; id <= MANY; id++)
			assert_int_equal(begun[id], round);
	}
	assert_in_range(calls, 3 * (MANY - 1) / SESSION_BEGINS, 3 * MANY);
	sessions_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_up),
		TEST(test_not_yet),
		TEST(test_renewal),
		TEST(test_messages_run_out),
		TEST(test_confirmation_lost),
		TEST(test_never_confirmed),
		TEST(test_cut_after_restart),
		TEST(test_lossy),
		TEST(test_replay),
		TEST(test_changed),
		TEST(test_restart),
		TEST(test_clock_set_back),
		TEST(test_clock_set_back_while_it_runs),
		TEST(test_two_in_a_millisecond),
		TEST(test_old_replayed),
		TEST(test_beginning_copied),
		TEST(test_flood),
		TEST(test_flood_restarts),
		TEST(test_flood_idle),
		TEST(test_flood_tries),
		TEST(test_strangers),
		TEST(test_wrong_key),
		TEST(test_called_by_another_id),
		TEST(test_silence),
		TEST(test_garbage),
		TEST(test_refused),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
