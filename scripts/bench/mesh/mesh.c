/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What replication costs by itself: two sites in one process, each with its records, its engine and
 * its session on a core of its own, and two rings between them as the wire. Real time, real
 * sealing; no data plane, so publishing into the binding cache is not in it (the rows of moves have
 * that), nor the kernel or a card.
 *
 *   bench-mesh deltas BINDINGS SECONDS       changes at site 1, as many as site 2 keeps up with
 *   bench-mesh snapshot BINDINGS             site 2 joins a site that has so many bindings
 *   bench-mesh takeover BINDINGS             half of them move to site 2, then site 1 dies
 *
 * Prints one line of JSON.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "common/bring.h"
#include "records/order.h"
#include "records/records.h"
#include "records/seen.h"
#include "sync/engine.h"
#include "sync/session.h"

#define DOMAIN_ID   0x1234u
#define WIRE_OCTETS (4u << 20) /* what is on its way at most; more is lost, as by a switch */
#define HEADERS     (40 + 8) /* of IPv6 and UDP */
#define BUDGET      2000 /* records of a turn of the engine */
#define INPUTS      64 /* datagrams of a turn */
#define LIFETIME_S  3600
#define BACKLOG     20000 /* changes that may wait while more are made */
#define MOVES       64 /* made in a turn */
#define PATIENCE_S  120

enum phase {
	PHASE_FILL, /* site 1 alone */
	PHASE_LINKED,
	PHASE_STIR, /* site 1 makes changes */
	PHASE_CLAIM, /* half of the mobile nodes move to site 2 */
	PHASE_CUT, /* site 1 is dead */
	PHASE_OVER,
};

struct end {
	uint8_t node;
	int core;
	struct end *other;
	struct records *rs;
	struct seen *seen;
	struct engine *e;
	struct sessions *s;
	struct bring *in; /* the other writes it */
	uint8_t secret[NOISE_KEY_LEN], public[NOISE_KEY_LEN];
	uint64_t now_ms, wall_ms, sessions_ms;
	_Atomic uint64_t moves; /* made */
	bool is_linked;
	_Atomic bool has_keys;
	_Atomic int says; /* enum next_says */
	_Atomic uint64_t datagrams, octets; /* sent, with headers */
	_Atomic uint64_t next_ns, taken_ns, taken; /* takeover */
};

static struct end ends[2];
static _Atomic int phase;
static uint32_t bindings;

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "bench-mesh: %s\n", what);
	exit(1);
}

static struct ip6_addr home(uint32_t i)
{
	return (struct ip6_addr){ { 0x20, 0x01, 0x0d, 0xb8, 0, 0xa, 0, 1, 0, 0, 0, 0,
		(uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i } };
}

static struct ip6_addr care_of(uint64_t i)
{
	struct ip6_addr a = { { 0x20, 0x01, 0x0d, 0xb8, 0, 0xc } };

	for (int k = 0; k < 8; k++)
		a.b[8 + k] = (uint8_t)(i >> (56 - 8 * k));
	return a;
}

static const struct ip6_addr agent = { { 0x20, 0x01, 0x0d, 0xb8, 0, 0xa, [15] = 1 } };

static struct ip6_addr site_address(uint8_t node)
{
	return (struct ip6_addr){ { 0x20, 0x01, 0x0d, 0xb8, 0, node, [15] = 0x10 } };
}

/* --- the wire --- */

static void put_on_wire(struct end *from, const uint8_t *buf, size_t len)
{
	void *room = bring_prepare(from->other->in, (uint32_t)len);

	if (room != NULL) {
		memcpy(room, buf, len);
		bring_publish(from->other->in, bring_at(from->other->in));
	}
	from->datagrams++;
	from->octets += len + HEADERS;
}

static void on_random(void *ctx, uint8_t *buf, size_t len)
{
	(void)ctx;
	randombytes_buf(buf, len);
}

static void on_session_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	(void)node;
	put_on_wire(ctx, buf, len);
}

static void on_established(void *ctx, uint8_t node, const struct session_keys *keys)
{
	struct end *at = ctx;

	(void)node;
	(void)keys;
	at->has_keys = true;
}

/* --- what the engine asks for --- */

static void on_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	uint8_t sealed[ENGINE_DATAGRAM + SESSION_OVERHEAD];
	struct end *at = ctx;

	if (sessions_seal(at->s, node, buf, len, at->now_ms, sealed) == 0)
		put_on_wire(at, sealed, len + SESSION_OVERHEAD);
}

static bool on_covers(void *ctx, uint16_t domain, const struct ip6_addr *hoa)
{
	(void)ctx;
	return domain == 0 && memcmp(hoa, &agent, 6) == 0;
}

static bool on_changed(void *ctx, struct record *r, enum engine_why why)
{
	(void)ctx;
	(void)r;
	(void)why;
	return true;
}

static void on_next(
	void *ctx, uint16_t domain, const struct next_view *v, const struct next_table *t)
{
	struct end *at = ctx;

	(void)domain;
	(void)v;
	(void)t;
	if (phase == PHASE_CUT && at->next_ns == 0)
		at->next_ns = now_ns(CLOCK_MONOTONIC);
}

static void on_committed(void *ctx, uint64_t token, enum engine_commit how)
{
	(void)ctx;
	(void)token;
	(void)how;
}

static void on_state(void *ctx, uint16_t domain, enum next_says says)
{
	struct end *at = ctx;

	(void)domain;
	at->says = (int)says;
}

static void on_event(void *ctx, enum engine_event ev, uint16_t domain, uint8_t node, uint64_t n)
{
	struct end *at = ctx;

	(void)domain;
	(void)node;
	if (ev == ENGINE_EV_TAKEN_OVER) {
		at->taken = n;
		at->taken_ns = now_ns(CLOCK_MONOTONIC);
	}
}

/* --- an end --- */

static void read_clocks(struct end *at)
{
	at->now_ms = now_ns(CLOCK_MONOTONIC) / 1000000;
	at->wall_ms = now_ns(CLOCK_REALTIME) / 1000000;
}

static void open_records(struct end *at)
{
	const struct records_opts ro = {
		.max = 2 * bindings, .seed = 7, .now_ms = at->now_ms, .mesh = true
	};
	const struct seen_opts so = { .max = 1024,
		.addresses = 4,
		.markers = ENGINE_MARKERS(1),
		.window_s = 300,
		.seed = 9 };

	if (records_new(&ro, &at->rs) < 0 || seen_new(&so, &at->seen) < 0)
		die("no memory");
}

static void open_engine(struct end *at)
{
	const struct engine_member member = { .node = at->other->node };
	const struct engine_domain domain = { .id = DOMAIN_ID,
		.members = &member,
		.member_count = 1,
		.addresses = &agent,
		.address_count = 1,
		.join_timeout_ms = 3000,
		.drain_wait_ms = 1000,
		.max_bindings = bindings };
	struct engine_opts o = { .self = at->node,
		.boot = at->wall_ms << 8 | at->node,
		.records = at->rs,
		.seen = at->seen,
		.secret = at->secret,
		.domains = &domain,
		.domain_count = 1,
		.dead_ms = 300,
		.rate_max =
			125000000, /* 1 Gbit/s: mesh.rate-mbps, as it is without being written */
		.records_s = 500000, /* mesh.records-per-s, likewise */
		.max_waits = 1024,
		.now_ms = at->now_ms,
		.wall_ms = at->wall_ms,
		.ops = { .ctx = at,
			.send = on_send,
			.covers = on_covers,
			.changed = on_changed,
			.next = on_next,
			.committed = on_committed,
			.state = on_state,
			.event = on_event } };

	if (engine_new(&o, &at->e) < 0)
		die("no engine");
}

static void open_session(struct end *at)
{
	struct session_peer peer = { .node = at->other->node,
		.address = site_address(at->other->node) };
	struct session_opts o = { .node = at->node,
		.secret = at->secret,
		.peers = &peer,
		.peer_count = 1,
		.now_ms = at->now_ms,
		.ops = { .ctx = at,
			.random = on_random,
			.send = on_session_send,
			.established = on_established } };

	memcpy(peer.key, at->other->public, sizeof(peer.key));
	if (sessions_new(&o, &at->s) < 0)
		die("no session");
}

static void tell_view(struct end *at, bool is_up)
{
	struct next_view v = { .domain = DOMAIN_ID, .self = at->node };
	uint64_t up[4] = { 0 };

	if (is_up) {
		v.site[at->other->node] = (struct next_site){ .reach = NEXT_UP,
			.says = (enum next_says)at->other->says };
		engine_hears(at->e, at->other->node, up, at->now_ms);
		engine_rtt(at->e, at->other->node, 0);
	}
	engine_view(at->e, 0, &v, at->now_ms);
}

static void take_inputs(struct end *at)
{
	const struct ip6_addr from = site_address(at->other->node);
	uint8_t plain[ENGINE_DATAGRAM + SESSION_OVERHEAD], node;
	const uint8_t *d;
	uint32_t n;
	size_t len;

	for (int i = 0; i < INPUTS && (d = bring_peek(at->in, &n)) != NULL; i++) {
		if (n <= sizeof(plain) && sessions_input(at->s, &from, d, n, at->now_ms, &node,
						  plain, &len) == SESSION_DATA)
			engine_input(at->e, node, plain, len, at->now_ms, at->wall_ms);
		bring_drop(at->in);
	}
}

static void move(struct end *at, uint32_t mn, uint64_t number)
{
	struct order_result order = { .ext_seq = number, .epoch = 1 };
	struct ip6_addr hoa = home(mn), coa = care_of(number << 32 | mn);
	struct record *r = records_find(at->rs, 0, &hoa);

	if (r == NULL)
		r = records_add(at->rs, 0, &hoa);
	if (r == NULL)
		die("no room for a record");
	r->ha = agent;
	r->seq = (uint16_t)number;
	r->lifetime_s = LIFETIME_S;
	records_set(at->rs, r, RECORD_LIVE, &coa, at->now_ms + LIFETIME_S * 1000ULL);
	engine_accepted(at->e, r, &order, RECORD_BY_SEQUENCE, false, at->now_ms, at->wall_ms);
}

/* In an order in which neighbours in memory are far apart; number: of the mobile node's update. */
static void stir(struct end *at)
{
	struct engine_peer_info info;

	if (engine_peer_info(at->e, at->other->node, &info) < 0 || info.behind > BACKLOG)
		return;
	for (int i = 0; i < MOVES; i++, at->moves++)
		move(at, (uint32_t)(at->moves * 2654435761u % bindings), 2 + at->moves / bindings);
}

static void claim(struct end *at)
{
	for (int i = 0; i < MOVES && at->moves < bindings / 2; i++, at->moves++)
		move(at, bindings / 2 + (uint32_t)at->moves, 2);
}

static void turn(struct end *at)
{
	bool is_up = phase != PHASE_FILL && phase != PHASE_CUT;

	read_clocks(at);
	if (at->now_ms >= at->sessions_ms + 50) {
		at->sessions_ms = at->now_ms;
		sessions_turn(at->s, at->now_ms, at->wall_ms);
		if (is_up && at->has_keys)
			tell_view(at, true);
	}
	if (at->is_linked && !is_up)
		tell_view(at, false);
	at->is_linked = is_up;
	take_inputs(at);
	if (phase == PHASE_STIR && at->node == 1)
		stir(at);
	if (phase == PHASE_CLAIM && at->node == 2)
		claim(at);
	engine_turn(at->e, at->now_ms, at->wall_ms, BUDGET);
}

static void *live(void *end)
{
	struct end *at = end;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(at->core, &cpus);
	if (pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus) != 0)
		die("two cores are needed");
	while (phase != PHASE_OVER && !(phase == PHASE_CUT && at->node == 1))
		turn(at);
	return NULL;
}

static void open_ends(void)
{
	for (int i = 0; i < 2; i++) {
		struct end *at = &ends[i];

		*at = (struct end){ .node = (uint8_t)(1 + i), .core = i, .other = &ends[1 - i] };
		randombytes_buf(at->secret, sizeof(at->secret));
		if (session_public_key(at->secret, at->public) < 0 ||
			bring_new(WIRE_OCTETS, &at->in) < 0)
			die("no memory");
	}
	for (int i = 0; i < 2; i++) {
		read_clocks(&ends[i]);
		open_records(&ends[i]);
		open_engine(&ends[i]);
		open_session(&ends[i]);
	}
}

/* Alone, and ready by the operator's word. */
static void fill(struct end *at, uint32_t count)
{
	read_clocks(at);
	tell_view(at, false);
	engine_turn(at->e, at->now_ms, at->wall_ms, BUDGET);
	(void)engine_force_ready(at->e, 0, at->now_ms);
	for (uint32_t i = 0; i < count; i++)
		move(at, i, 1);
	while (engine_turn(at->e, at->now_ms, at->wall_ms, BUDGET) == 0)
		read_clocks(at);
	if (at->says != NEXT_READY)
		die("site 1 does not get ready");
}

static void await(const char *what, bool (*is_so)(void))
{
	uint64_t end = now_ns(CLOCK_MONOTONIC) + PATIENCE_S * 1000000000ULL;

	while (!is_so()) {
		if (now_ns(CLOCK_MONOTONIC) > end)
			die(what);
		usleep(200);
	}
}

static bool both_are_ready(void)
{
	return ends[0].says == NEXT_READY && ends[1].says == NEXT_READY;
}

static bool have_keys(void)
{
	return ends[0].has_keys && ends[1].has_keys;
}

static bool is_claimed(void)
{
	struct engine_peer_info info;

	return ends[1].moves == bindings / 2 && engine_peer_info(ends[1].e, 1, &info) == 0 &&
	       info.behind == 0;
}

static bool is_taken_over(void)
{
	return ends[1].taken_ns != 0;
}

/* --- what is measured --- */

static double seconds_since(uint64_t ns)
{
	return (double)(now_ns(CLOCK_MONOTONIC) - ns) / 1e9;
}

static uint64_t records_in(void)
{
	struct engine_peer_info info = { 0 };

	engine_peer_info(ends[1].e, 1, &info);
	return info.records_in;
}

static void deltas(unsigned seconds)
{
	uint64_t octets, taken, begin;
	double s;

	await("site 2 does not join", both_are_ready);
	usleep(500000);
	phase = PHASE_STIR;
	usleep(1000000); /* until the rate has been found */
	octets = ends[0].octets;
	taken = records_in();
	begin = now_ns(CLOCK_MONOTONIC);
	usleep(seconds * 1000000);
	s = seconds_since(begin);
	taken = records_in() - taken;
	octets = ends[0].octets - octets;
	printf("{\"bindings\": %u, \"deltas-per-s\": %.0f, \"octets-per-delta\": %.1f, "
	       "\"moves\": %llu}\n",
		bindings, (double)taken / s, taken > 0 ? (double)octets / (double)taken : 0.0,
		(unsigned long long)ends[0].moves);
}

static void snapshot(uint64_t begin)
{
	struct engine_peer_info info = { 0 };
	uint64_t octets = ends[0].octets;
	double s;

	await("site 2 does not join", both_are_ready);
	s = seconds_since(begin);
	octets = ends[0].octets - octets;
	phase = PHASE_OVER;
	engine_peer_info(ends[0].e, 2, &info);
	printf("{\"bindings\": %u, \"snapshot-s\": %.3f, \"records\": %u, \"octets\": %llu, "
	       "\"datagrams\": %llu, \"again\": %llu, \"lost\": %llu, \"mbit-per-s\": %.0f}\n",
		bindings, s, records_live(ends[1].rs), (unsigned long long)octets,
		(unsigned long long)info.sent, (unsigned long long)info.sent_again,
		(unsigned long long)bring_lost(ends[1].in), (double)info.rate * 8 / 1e6);
}

static void takeover(void)
{
	uint64_t begin;

	await("site 2 does not join", both_are_ready);
	phase = PHASE_CLAIM;
	await("half of the mobile nodes do not move", is_claimed);
	begin = now_ns(CLOCK_MONOTONIC);
	phase = PHASE_CUT;
	await("nothing is taken over", is_taken_over);
	printf("{\"bindings\": %u, \"next-ms\": %.3f, \"walk-ms\": %.3f, \"taken-over\": %llu}\n",
		bindings, (double)(ends[1].next_ns - begin) / 1e6,
		(double)(ends[1].taken_ns - begin) / 1e6, (unsigned long long)ends[1].taken);
}

static void measure(const char *what, unsigned seconds)
{
	pthread_t thread[2];
	uint64_t begin;

	open_ends();
	fill(&ends[0], bindings);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread[i], NULL, live, &ends[i]) != 0)
			die("no thread");
	await("no session", have_keys);
	begin = now_ns(CLOCK_MONOTONIC);
	phase = PHASE_LINKED;
	if (strcmp(what, "deltas") == 0)
		deltas(seconds);
	else if (strcmp(what, "takeover") == 0)
		takeover();
	else
		snapshot(begin);
	phase = PHASE_OVER;
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
}

int main(int argc, char **argv)
{
	unsigned seconds = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 3;

	if (argc < 3 || (strcmp(argv[1], "deltas") != 0 && strcmp(argv[1], "snapshot") != 0 &&
				strcmp(argv[1], "takeover") != 0)) {
		fputs("usage: bench-mesh deltas|snapshot|takeover BINDINGS [SECONDS]\n", stderr);
		return 2;
	}
	bindings = (uint32_t)strtoul(argv[2], NULL, 0);
	if (bindings < 1000 || bindings > 20000000 || seconds < 1 || sodium_init() < 0)
		die("1,000 to 20,000,000 bindings, 1 second or more");
	measure(argv[1], seconds);
	return 0;
}
