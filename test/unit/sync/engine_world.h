/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sites with nothing but their engines, in virtual time, over a wire that delays, loses, repeats
 * and reorders. What hello would find out is told at once: who is linked with whom, and what each
 * says of itself.
 */
#pragma once

#include "test.h"

#include <errno.h>

#include "common/ntp.h"
#include "records/digest.h"
#include "records/order.h"
#include "records/records.h"
#include "records/seen.h"
#include "rng.h"
#include "sync/engine.h"
#include "sync/engine_priv.h"

#define SITES     4 /* at most; node ids 1..SITES */
#define DOMAIN    7
#define DOMAIN_ID 0x1234u
#define OTHER     3 /* another domain, in front of it, at sites that have it */
#define OTHER_ID  0x5678u
#define WALL      1700000000000ULL
#define START_MS  1000
#define WIRE_MAX  4096
#define LINE_MS   100
#define TOKENS    16384 /* registrations of a site that a test tells apart */

struct datagram {
	uint8_t from, to;
	uint64_t at_ms;
	size_t n;
	uint8_t b[ENGINE_DATAGRAM];
};

struct site {
	uint8_t node;
	struct records *rs;
	struct seen *seen;
	struct engine *e;
	bool is_frozen; /* does nothing, hears nothing */
	bool has_no_room; /* ops.changed refuses */
	enum next_says says, other_says;
	struct next_table next;
	struct next_view view, told; /* told: by hello */
	unsigned nexts, changes, heard, took, handed, ahead;
	unsigned events[ENGINE_EV_COUNT];
	uint64_t next_turn;
	enum engine_commit committed[TOKENS]; /* by token */
	uint64_t committed_ms[TOKENS];
};

struct world {
	struct site site[SITES + 1];
	uint8_t sites;
	struct datagram *wire;
	unsigned wire_count;
	uint64_t now_ms, seed, boots;
	uint64_t sent[SITES + 1], octets, lost;
	unsigned loss_percent, dup_percent, delay_ms, jitter_ms;
	unsigned more_ms[SITES + 1][SITES + 1]; /* one way, beyond delay_ms */
	unsigned queue_ms; /* and so much more, which hello's round trip knows nothing of */
	uint64_t
		line; /* octets a second that each way takes; what waits for LINE_MS is lost; 0: all */
	uint64_t line_us[SITES + 1][SITES + 1]; /* busy until then */
	bool cut[SITES + 1][SITES + 1];
	bool is_late[SITES + 1][SITES + 1]; /* the first has not heard yet that the other serves */
	bool covers_none;
	uint8_t refuser; /* to this site home(refused) is none of the domain's */
	uint8_t older; /* a site of a release that knows no places in snapshots */
	uint8_t untold; /* a site of a release that does not say what its streams begin with */
	uint8_t retired; /* a site that all others know to be gone for good */
	uint8_t homeless; /* at this site home(refused) can never be published, */
	uint16_t homeless_in; /* ... nor anything of this domain */
	unsigned refused;
	/* options for sites that are started */
	struct engine_domain conf, other;
	bool has_other[SITES + 1];
	bool all_say_other; /* also who does not have it: to hello it is there, it answers nothing */
	bool is_unicast;
	uint32_t max, seen_max, max_waits, records_s;
	uint64_t rate;
};

static struct world world;

static struct ip6_addr agent(uint8_t node)
{
	struct ip6_addr a = addr("2001:db8:a::1");

	if (world.is_unicast)
		a.b[15] = node;
	return a;
}

static struct ip6_addr home(unsigned i)
{
	struct ip6_addr a = addr("2001:db8:a::100:0");

	a.b[12] = (uint8_t)(1 + (i >> 16));
	a.b[14] = (uint8_t)(i >> 8);
	a.b[15] = (uint8_t)i;
	return a;
}

static struct ip6_addr care_of(unsigned i)
{
	struct ip6_addr a = addr("2001:db8:c::1");

	a.b[12] = (uint8_t)(i >> 24);
	a.b[13] = (uint8_t)(i >> 16);
	a.b[14] = (uint8_t)(i >> 8);
	a.b[15] = (uint8_t)i;
	return a;
}

/* --- what engines ask for --- */

/* It skips the field that names the place. */
static void forget_place(uint8_t *b, size_t n)
{
	for (size_t at = MESSAGE_HEADER, len; at + 3 <= n; at += 3 + len) {
		len = (size_t)(b[at + 1] << 8 | b[at + 2]);
		if (b[at] != MESSAGE_ASK || len <= 8)
			continue;
		assert_int_equal(len, 16);
		memset(b + at + 11, 0, 7);
		b[at + 18] = 1;
	}
}

static void forget_told(uint8_t *b, size_t n)
{
	for (size_t at = MESSAGE_HEADER; at + 5 <= n;
		at += 3 + (size_t)(b[at + 1] << 8 | b[at + 2]))
		if (b[at] == MESSAGE_DELTA)
			b[at + 4] &= (uint8_t)~DELTA_TOLD;
}

/* How long it waits on its way. */
static bool fits_line(uint8_t from, uint8_t to, size_t n, uint64_t *ms)
{
	uint64_t *busy_us = &world.line_us[from][to], now_us = 1000 * world.now_ms;

	*ms = 0;
	if (world.line == 0)
		return true;
	if (*busy_us < now_us)
		*busy_us = now_us;
	if (*busy_us - now_us > 1000 * LINE_MS)
		return false;
	*busy_us += n * 1000000 / world.line;
	*ms = (*busy_us - now_us) / 1000;
	return true;
}

static void post(uint8_t from, uint8_t to, const uint8_t *b, size_t n)
{
	struct datagram *d;
	uint64_t wait_ms;

	assert_in_range(n, 1, ENGINE_DATAGRAM);
	world.sent[from]++;
	world.octets += n;
	if (!fits_line(from, to, n, &wait_ms) || world.cut[from][to] ||
		rng_below(&world.seed, 100) < world.loss_percent) {
		world.lost++;
		return;
	}
	for (unsigned copies = rng_below(&world.seed, 100) < world.dup_percent ? 2 : 1; copies > 0;
		copies--) {
		if (world.wire_count == WIRE_MAX)
			return; /* a queue that is full */
		d = &world.wire[world.wire_count++];
		*d = (struct datagram){ .from = from, .to = to, .n = n };
		d->at_ms = world.now_ms + wait_ms + world.delay_ms + world.more_ms[from][to] +
			   world.queue_ms +
			   (world.jitter_ms == 0 ? 0 : rng_below(&world.seed, world.jitter_ms));
		memcpy(d->b, b, n);
		if (to == world.older)
			forget_place(d->b, n);
		if (from == world.untold)
			forget_told(d->b, n);
	}
}

static void op_send(void *ctx, uint8_t node, const uint8_t *buf, size_t len)
{
	post(((struct site *)ctx)->node, node, buf, len);
}

static bool is_refused(const struct ip6_addr *hoa)
{
	struct ip6_addr refused = home(world.refused);

	return ip6_eq(&refused, hoa);
}

static bool op_covers(void *ctx, uint16_t domain, const struct ip6_addr *hoa)
{
	struct ip6_addr prefix = addr("2001:db8:a::");

	if (((struct site *)ctx)->node == world.refuser && is_refused(hoa))
		return false;
	return (domain == DOMAIN || domain == OTHER) && memcmp(hoa, &prefix, 6) == 0 &&
	       !world.covers_none;
}

static bool op_changed(void *ctx, struct record *r, enum engine_why why)
{
	struct site *s = ctx;

	assert_non_null(r);
	if (s->has_no_room || (s->node == world.homeless &&
				      (is_refused(&r->hoa) || r->domain == world.homeless_in)))
		return false;
	s->changes++;
	s->heard += why == ENGINE_HEARD;
	s->took += why == ENGINE_TOOK_OVER;
	s->handed += why == ENGINE_HANDED;
	return true;
}

static void op_next(
	void *ctx, uint16_t domain, const struct next_view *v, const struct next_table *t)
{
	struct site *s = ctx;

	if (domain == OTHER)
		return;
	assert_int_equal(domain, DOMAIN);
	s->view = *v;
	s->next = *t;
	s->nexts++;
}

static void op_committed(void *ctx, uint64_t token, enum engine_commit how)
{
	struct site *s = ctx;

	assert_in_range(token, 1, TOKENS - 1);
	assert_int_equal(s->committed[token], ENGINE_WAITS); /* once */
	s->committed[token] = how;
	s->committed_ms[token] = world.now_ms;
}

static void op_state(void *ctx, uint16_t domain, enum next_says says)
{
	struct site *s = ctx;

	*(domain == OTHER ? &s->other_says : &s->says) = says;
}

static void op_event(void *ctx, enum engine_event ev, uint16_t domain, uint8_t node, uint64_t n)
{
	(void)domain;
	(void)node;
	(void)n;
	((struct site *)ctx)->events[ev]++;
}

/* Of each that is about to change, once or more often, and of no more than that. */
static void op_ahead(void *ctx, const struct ip6_addr *const hoa[], uint32_t n)
{
	struct site *s = ctx;

	assert_in_range(n, 1, ENGINE_AHEAD);
	for (uint32_t i = 0; i < n; i++)
		assert_true(ip6_is_global(hoa[i]));
	s->ahead += n;
}

/* --- sites --- */

static void start_site(uint8_t node)
{
	struct site *s = &world.site[node];
	struct engine_member members[SITES];
	struct ip6_addr addresses[SITES];
	struct engine_domain domains[2] = { world.other, world.conf };
	uint32_t first = !world.has_other[node], n = 0;
	uint8_t secret[32];

	*s = (struct site){ .node = node };
	for (uint8_t id = 1; id <= world.sites; id++) {
		addresses[id - 1] = agent(id);
		if (id == node)
			continue;
		members[n] = (struct engine_member){ .node = id, .retired = id == world.retired };
		if (world.is_unicast)
			members[n].ha = agent(id);
		n++;
	}
	for (unsigned i = 0; i < 2; i++) {
		domains[i].members = members;
		domains[i].member_count = n;
		domains[i].addresses = addresses;
		domains[i].address_count = world.sites;
	}
	rng_fill(&world.seed, secret, sizeof(secret));
	assert_int_equal(records_new(&(struct records_opts){ .max = world.max,
					     .seed = rng_next(&world.seed),
					     .now_ms = world.now_ms,
					     .mesh = true },
				 &s->rs),
		0);
	assert_int_equal(seen_new(&(struct seen_opts){ .max = world.seen_max,
					  .addresses = 16,
					  .markers = ENGINE_MARKERS(SITES),
					  .window_s = 300,
					  .seed = rng_next(&world.seed) },
				 &s->seen),
		0);
	assert_int_equal(engine_new(&(struct engine_opts){ .self = node,
					    .boot = ++world.boots,
					    .records = s->rs,
					    .seen = s->seen,
					    .secret = secret,
					    .domains = domains + first,
					    .domain_count = 2 - first,
					    .dead_ms = 300,
					    .rate_max = world.rate,
					    .records_s = world.records_s,
					    .max_waits = world.max_waits,
					    .now_ms = world.now_ms,
					    .wall_ms = WALL + world.now_ms,
					    .ops = { s, op_send, op_covers, op_changed, op_next,
						    op_committed, op_state, op_event, op_ahead } },
				 &s->e),
		0);
	s->next_turn = world.now_ms;
}

static void stop_site(uint8_t node)
{
	struct site *s = &world.site[node];

	engine_free(s->e);
	seen_free(s->seen);
	records_free(s->rs);
	s->e = NULL;
	s->seen = NULL;
	s->rs = NULL;
	s->says = NEXT_JOINING;
}

static bool lives(uint8_t node)
{
	return world.site[node].e != NULL && !world.site[node].is_frozen;
}

static bool is_linked(uint8_t a, uint8_t b)
{
	return lives(a) && lives(b) && !world.cut[a][b] && !world.cut[b][a];
}

/* The same sites as in the domain that all have. */
static void tell_other(uint8_t node, struct next_view v)
{
	v.domain = OTHER_ID;
	for (uint8_t b = 1; b <= world.sites; b++) {
		v.site[b].says = world.site[b].other_says;
		if (!world.has_other[b] && !world.all_say_other)
			v.site[b] = (struct next_site){ 0 };
	}
	engine_view(world.site[node].e, OTHER, &v, world.now_ms);
}

/* Tells everybody what hello would. */
static void tell_views(void)
{
	for (uint8_t a = 1; a <= world.sites; a++) {
		struct next_view v = { .domain = DOMAIN_ID, .self = a };

		if (!lives(a))
			continue;
		for (uint8_t b = 1; b <= world.sites; b++) {
			uint64_t up[4] = { 0 };

			if (b == a)
				continue;
			for (uint8_t c = 1; c <= world.sites; c++)
				if (c != b && is_linked(b, c))
					set_add(up, c);
			if (is_linked(a, b)) {
				v.site[b].reach = NEXT_UP;
				engine_hears(world.site[a].e, b, up, world.now_ms);
			}
			for (uint8_t c = 1; c <= world.sites && v.site[b].reach == NEXT_DEAD; c++)
				if (c != a && c != b && is_linked(a, c) && is_linked(c, b))
					v.site[b] = (struct next_site){ .reach = NEXT_CUT_OFF,
						.via = c };
			if (v.site[b].reach != NEXT_DEAD && !world.is_late[a][b])
				v.site[b].says = world.site[b].says;
			engine_rtt(world.site[a].e, b,
				2 * world.delay_ms + world.more_ms[a][b] + world.more_ms[b][a]);
		}
		/* hello tells what changes, once */
		if (memcmp(&v, &world.site[a].told, sizeof(v)) != 0)
			engine_view(world.site[a].e, DOMAIN, &v, world.now_ms);
		world.site[a].told = v;
		if (world.has_other[a])
			tell_other(a, v);
	}
}

static bool op_end(void *ctx, struct record *r)
{
	return engine_end(((struct site *)ctx)->e, r, world.now_ms);
}

static void check_site(struct site *s);

/* One millisecond. */
static void step(void)
{
	world.now_ms++;
	for (unsigned i = 0; i < world.wire_count;) {
		struct datagram d = world.wire[i];
		struct buf exact;

		if (d.at_ms > world.now_ms) {
			i++;
			continue;
		}
		world.wire[i] = world.wire[--world.wire_count];
		if (!lives(d.to) || world.cut[d.from][d.to])
			continue;
		exact = (struct buf){ malloc(d.n), d.n };
		assert_non_null(exact.p);
		memcpy(exact.p, d.b, d.n);
		engine_input(world.site[d.to].e, d.from, exact.p, exact.n, world.now_ms,
			WALL + world.now_ms);
		buf_free(&exact);
		world.site[d.to].next_turn = world.now_ms;
	}
	tell_views();
	for (uint8_t id = 1; id <= world.sites; id++) {
		struct site *s = &world.site[id];

		if (!lives(id))
			continue;
		records_expire(s->rs, world.now_ms, 1000, op_end, s);
		s->next_turn =
			world.now_ms + engine_turn(s->e, world.now_ms, WALL + world.now_ms, 2000);
		check_site(s);
	}
}

static void run(uint64_t ms)
{
	while (ms-- > 0)
		step();
}

/* The same while hello notices nothing: no view is told. */
static inline void run_unseen(uint64_t ms)
{
	while (ms-- > 0) {
		world.now_ms++;
		for (unsigned k = 0; k < world.wire_count;) {
			struct datagram d = world.wire[k];

			if (d.at_ms > world.now_ms) {
				k++;
				continue;
			}
			world.wire[k] = world.wire[--world.wire_count];
			engine_input(world.site[d.to].e, d.from, d.b, d.n, world.now_ms,
				WALL + world.now_ms);
		}
		for (uint8_t id = 1; id <= world.sites; id++)
			engine_turn(world.site[id].e, world.now_ms, WALL + world.now_ms, 2000);
	}
}

/* It stood still for so long, and the others have noticed; its sockets kept nothing for it. */
static inline void stand_still(uint8_t node, uint64_t ms)
{
	world.site[node].is_frozen = true;
	step();
	world.site[node].is_frozen = false;
	engine_stall(world.site[node].e, ms, world.now_ms);
}

/* What must hold of any site at any time. */
static void check_site(struct site *s)
{
	struct engine_domain_info info;

	assert_int_equal(engine_domain_info(s->e, DOMAIN, &info), 0);
	assert_int_equal(info.says, s->says);
	if (s->nexts > 0)
		assert_int_equal(info.serves, next_is_live(&s->view, s->node));
}

static bool all_say(enum next_says says)
{
	for (uint8_t id = 1; id <= world.sites; id++)
		if (lives(id) && world.site[id].says != says)
			return false;
	return true;
}

/* Runs until it is so; fails when it takes longer. */
#define RUN_UNTIL(what, ms)                                                                        \
	do {                                                                                       \
		uint64_t until_ms = world.now_ms + (ms);                                           \
		while (!(what)) {                                                                  \
			if (world.now_ms >= until_ms)                                              \
				fail_msg("%s:%d: not within %u ms: %s", __FILE__, __LINE__,        \
					(unsigned)(ms), #what);                                    \
			step();                                                                    \
		}                                                                                  \
	} while (0)

/* --- a mobile node --- */

static struct record *at(uint8_t node, unsigned mn)
{
	struct ip6_addr hoa = home(mn);

	return records_find(world.site[node].rs, DOMAIN, &hoa);
}

static struct record_mesh *mesh_at(uint8_t node, unsigned mn)
{
	struct record *r = at(node, mn);

	assert_non_null(r);
	return records_mesh(world.site[node].rs, r);
}

static inline uint8_t owner_at(uint8_t node, unsigned mn)
{
	return mesh_at(node, mn)->owner.node;
}

static bool has(uint8_t node, unsigned mn, unsigned coa)
{
	struct record *r = at(node, mn);
	struct ip6_addr a = care_of(coa);

	return r != NULL && r->state == RECORD_LIVE && ip6_eq(&r->coa, &a);
}

/* A Binding Update for home agent address `ha` of a site arrives at `node`; lifetime 0:
 * de-registration. */
static enum engine_commit update_in(uint16_t domain, uint8_t node, unsigned mn, uint8_t ha,
	unsigned coa, uint16_t seq, uint32_t lifetime_s, uint64_t token)
{
	struct site *s = &world.site[node];
	struct ip6_addr hoa = home(mn), ha_addr = agent(ha), coa_addr = care_of(coa);
	struct record *r = records_find(s->rs, domain, &hoa);
	struct order_facts f = { .is_deregistration = lifetime_s == 0, .number = seq };
	struct order_result o;
	struct seen_value v;
	bool is_refresh;

	assert_in_range(token, 1, TOKENS - 1);
	if (r != NULL) {
		f.content = &records_mesh(s->rs, r)->content;
		f.is_live = r->state == RECORD_LIVE;
		f.is_same_ha = ip6_eq(&r->ha, &ha_addr);
	}
	if (seen_get(s->seen, domain, &hoa, &ha_addr, &v))
		f.seen = &v;
	f.epoch = seen_epoch(s->seen, domain, &hoa);
	f.remembers = true;
	assert_int_equal(order_judge(&f, &o), ORDER_NEWER);
	if (r == NULL)
		r = records_add(s->rs, domain, &hoa);
	assert_non_null(r);
	is_refresh = lifetime_s != 0 && r->state == RECORD_LIVE && ip6_eq(&r->coa, &coa_addr) &&
		     ip6_eq(&r->ha, &ha_addr);
	r->ha = ha_addr;
	r->seq = seq;
	if (lifetime_s != 0) {
		r->lifetime_s = lifetime_s;
		records_set(s->rs, r, RECORD_LIVE, &coa_addr, world.now_ms + 1000ULL * lifetime_s);
	} else {
		records_set(s->rs, r, RECORD_TOMBSTONE, &coa_addr,
			world.now_ms + records_tombstone_ms(s->rs, r));
	}
	s->committed[token] = ENGINE_WAITS;
	if (!engine_accepted(
		    s->e, r, &o, RECORD_BY_SEQUENCE, is_refresh, world.now_ms, WALL + world.now_ms))
		return s->committed[token] = ENGINE_HELD;
	return s->committed[token] = engine_wait(s->e, r, token, world.now_ms);
}

static inline enum engine_commit update(uint8_t node, unsigned mn, uint8_t ha, unsigned coa,
	uint16_t seq, uint32_t lifetime_s, uint64_t token)
{
	return update_in(DOMAIN, node, mn, ha, coa, seq, lifetime_s, token);
}

static inline uint64_t digest_of(uint8_t node)
{
	struct engine_domain_info info;

	assert_int_equal(engine_domain_info(world.site[node].e, DOMAIN, &info), 0);
	return info.digest;
}

/* Every live site holds the same, by digests under the same key. */
static inline bool is_converged(void)
{
	uint64_t sum = 0;
	const struct digest_key *key = NULL;

	for (uint8_t id = 1; id <= world.sites; id++) {
		const struct digest *d;

		if (!lives(id))
			continue;
		d = domain_by_number(world.site[id].e, DOMAIN)->digest;
		if (!digest_is_ready(d))
			return false;
		if (key != NULL &&
			(digest_key_cmp(key, digest_key_of(d)) != 0 || digest_of(id) != sum))
			return false;
		key = digest_key_of(d);
		sum = digest_of(id);
	}
	return true;
}

static void open_world(uint8_t sites, const char *name)
{
	memset(&world, 0, sizeof(world));
	world.sites = sites;
	world.now_ms = START_MS;
	world.seed = rng_start(name);
	world.wire = calloc(WIRE_MAX, sizeof(*world.wire));
	assert_non_null(world.wire);
	world.delay_ms = 5;
	world.max = 4000;
	world.seen_max = 8000;
	world.max_waits = 1000;
	world.records_s = 1000000;
	world.rate = 12500000;
	world.conf = (struct engine_domain){ .number = DOMAIN,
		.id = DOMAIN_ID,
		.ack_peers = 1,
		.remembers = true,
		.join_timeout_ms = 3000,
		.drain_wait_ms = 500,
		.max_bindings = 4000 };
	world.other = world.conf;
	world.other.number = OTHER;
	world.other.id = OTHER_ID;
}

static void start_all(void)
{
	for (uint8_t id = 1; id <= world.sites; id++)
		start_site(id);
}

static void close_world(void)
{
	for (uint8_t id = 1; id <= world.sites; id++)
		if (world.site[id].e != NULL)
			stop_site(id);
	free(world.wire);
	world.wire = NULL;
}
