/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a packet goes: each row of the tables, then everything that small meshes can disagree
 * about.
 */
#include "test.h"

#include "rng.h"
#include "sync/forward.h"

#define SITES 4

static const struct forward_agent agents[SITES + 1] = {
	{ .node = FORWARD_ALL },
	{ .node = 1 },
	{ .node = 2 },
	{ .node = 3 },
	{ .node = 4 },
};

struct world {
	struct forward_domain d;
	struct next_view view;
	struct next_table next;
};

/* One letter for each site from 1 on: r ready, d draining, j joining, l left, x dead; a digit: cut
 * off and ready, reached through that site. */
static void set_view(struct world *w, uint8_t self, const char *text)
{
	w->view = (struct next_view){ .domain = next_domain("msp1"), .self = self };
	for (uint8_t n = 1; *text != '\0'; text++, n++) {
		static const char letters[] = "jrdl"; /* in order of enum next_says */
		const char *at = strchr(letters, *text);

		if (at != NULL)
			w->view.site[n] = (struct next_site){ NEXT_UP, (uint8_t)(at - letters), 0 };
		else if (*text != 'x')
			w->view.site[n] = (struct next_site){ NEXT_CUT_OFF, NEXT_READY,
				(uint8_t)(*text - '0') };
	}
	next_fill(&w->view, &w->next);
	w->d.view = &w->view;
	w->d.next = &w->next;
}

static void set_domain(struct world *w, enum forward_mode mode, enum forward_delivery delivery)
{
	w->d = (struct forward_domain){ .mode = mode, .delivery = delivery };
	w->d.agents = mode == FORWARD_SHARED ? agents : agents + 1;
	w->d.agent_count = mode == FORWARD_SHARED ? 1 : SITES;
	for (uint8_t n = 1; n <= SITES; n++)
		forward_add_member(&w->d, n);
}

/* --- the tables, a row each --- */

#define U FORWARD_UNICAST
#define S FORWARD_SHARED
#define D FORWARD_DIRECT
#define P FORWARD_PRIMARY

#define OWN        FORWARD_OWN, 0
#define FIRST(n)   FORWARD_FIRST, n
#define RELAYED(n) FORWARD_RELAYED, n

#define NONE                                                                                       \
	{                                                                                          \
		0                                                                                  \
	}
#define OF(n)                                                                                      \
	{                                                                                          \
		.owner = n                                                                         \
	}
#define ESP(n)                                                                                     \
	{                                                                                          \
		.owner = n, .payload_esp = true                                                    \
	}
#define PMIP(n)                                                                                    \
	{                                                                                          \
		.owner = n, .proxy = true                                                          \
	}

#define HERE(a)                                                                                    \
	{                                                                                          \
		.act = FORWARD_##a                                                                 \
	}
#define TO(n)                                                                                      \
	{                                                                                          \
		.act = FORWARD_RELAY, .node = n, .as = FORWARD_FIRST                               \
	}
#define ONWARD(n)                                                                                  \
	{                                                                                          \
		.act = FORWARD_RELAY, .node = n, .as = FORWARD_RELAYED                             \
	}
#define ASK(n)                                                                                     \
	{                                                                                          \
		.act = FORWARD_RELAY, .node = n, .as = FORWARD_FIRST, .policed = true              \
	}
#define ASK_ON(n)                                                                                  \
	{                                                                                          \
		.act = FORWARD_RELAY, .node = n, .as = FORWARD_RELAYED, .policed = true            \
	}
#define DROPS(why)                                                                                 \
	{                                                                                          \
		.act = FORWARD_DROP, .drop = FORWARD_DROP_##why                                    \
	}
#define NOT_COA   .other_coa = true
#define SUCCESSOR .successor

/* Seen from site 1. */
static const struct {
	const char *name;
	enum forward_mode mode;
	enum forward_delivery delivery;
	const char *view;
	enum forward_kind kind;
	uint8_t agent; /* whose address it is sent to; 0: the shared one */
	enum forward_from from;
	uint8_t peer;
	struct forward_binding b; /* owner 0: none */
	struct forward_result want;
	bool other_coa;
	uint8_t successor; /* of the bucket; 0: whoever */
	uint8_t asker;
} rows[] = {
	/* to a home address */
	{ "owner", S, P, "rrr", FORWARD_INTERCEPT, 0, OWN, OF(1), HERE(DELIVER) },
	{ "owner, ESP", S, D, "rrr", FORWARD_INTERCEPT, 0, OWN, ESP(1), HERE(DELIVER) },
	{ "direct", S, D, "rrr", FORWARD_INTERCEPT, 0, OWN, OF(2), HERE(DELIVER) },
	{ "direct, draining", S, D, "drr", FORWARD_INTERCEPT, 0, OWN, OF(2), HERE(DELIVER) },
	{ "direct, ESP", S, D, "rrr", FORWARD_INTERCEPT, 0, OWN, ESP(2), TO(2) },
	{ "primary", U, P, "rrr", FORWARD_INTERCEPT, 0, OWN, OF(2), TO(2) },
	{ "primary, PMIPv6", U, P, "rrr", FORWARD_INTERCEPT, 0, OWN, PMIP(2), HERE(DELIVER) },
	{ "to a draining owner", S, P, "rdr", FORWARD_INTERCEPT, 0, OWN, OF(2), TO(2) },
	{ "to a successor", S, P, "rxr", FORWARD_INTERCEPT, 0, OWN, OF(2), TO(3), SUCCESSOR = 3 },
	{ "is successor", S, P, "rxr", FORWARD_INTERCEPT, 0, OWN, OF(2), HERE(DELIVER),
		SUCCESSOR = 1 },
	{ "is successor, ESP", S, P, "rxr", FORWARD_INTERCEPT, 0, OWN, ESP(2), HERE(DELIVER),
		SUCCESSOR = 1 },
	{ "owner restarted", S, P, "rjr", FORWARD_INTERCEPT, 0, OWN, OF(2), TO(3), SUCCESSOR = 3 },
	{ "owner left", S, P, "rlr", FORWARD_INTERCEPT, 0, OWN, OF(2), HERE(DELIVER),
		SUCCESSOR = 1 },
	{ "owner cut off", S, P, "r3r", FORWARD_INTERCEPT, 0, OWN, OF(2), TO(3) },
	{ "no successor", S, P, "dxx", FORWARD_INTERCEPT, 0, OWN, OF(2), HERE(DELIVER) },
	{ "no successor, ESP", S, P, "dxx", FORWARD_INTERCEPT, 0, OWN, ESP(2), DROPS(NOT_READY) },
	{ "on to the owner", S, P, "rrr", FORWARD_INTERCEPT, 0, FIRST(3), OF(2), ONWARD(2) },
	{ "relayed twice", S, P, "rrr", FORWARD_INTERCEPT, 0, RELAYED(3), OF(2), HERE(DELIVER) },
	{ "relayed twice, ESP", S, P, "rrr", FORWARD_INTERCEPT, 0, RELAYED(3), ESP(2),
		DROPS(HOP_LIMIT) },
	{ "back", S, P, "rrr", FORWARD_INTERCEPT, 0, FIRST(2), OF(2), HERE(DELIVER) },
	{ "back, ESP", S, P, "rrr", FORWARD_INTERCEPT, 0, FIRST(2), ESP(2), DROPS(BACK) },
	{ "back through another", S, P, "r3r", FORWARD_INTERCEPT, 0, FIRST(3), ESP(2),
		DROPS(BACK) },
	{ "no binding", S, D, "rrr", FORWARD_INTERCEPT, 0, OWN, NONE, HERE(UNREACHABLE) },
	{ "no binding, relayed", S, D, "rrr", FORWARD_INTERCEPT, 0, RELAYED(2), NONE,
		HERE(UNREACHABLE) },
	{ "joining", S, D, "jrr", FORWARD_INTERCEPT, 0, OWN, OF(1), TO(2), SUCCESSOR = 2 },
	{ "joining, no binding", S, D, "jrr", FORWARD_INTERCEPT, 0, OWN, NONE, TO(3),
		SUCCESSOR = 3 },
	{ "joining, cut off", S, D, "j3j", FORWARD_INTERCEPT, 0, OWN, OF(1), TO(3) },
	{ "left", S, D, "lrr", FORWARD_INTERCEPT, 0, OWN, OF(2), TO(3), SUCCESSOR = 3 },
	{ "joining, on", S, D, "jrr", FORWARD_INTERCEPT, 0, FIRST(2), OF(1), ONWARD(3),
		SUCCESSOR = 3 },
	{ "joining, back", S, D, "jrr", FORWARD_INTERCEPT, 0, FIRST(2), OF(1), DROPS(NOT_READY),
		SUCCESSOR = 2 },
	{ "left, back", S, P, "lrr", FORWARD_INTERCEPT, 0, FIRST(2), OF(2), DROPS(NOT_READY),
		SUCCESSOR = 2 },
	{ "left, between two", S, P, "lrr", FORWARD_INTERCEPT, 0, FIRST(2), OF(3), ONWARD(3),
		SUCCESSOR = 2 },
	{ "left, between two, ESP", S, D, "lrr", FORWARD_INTERCEPT, 0, FIRST(2), ESP(3), ONWARD(3),
		SUCCESSOR = 2 },
	{ "left, between two, again", S, P, "lrr", FORWARD_INTERCEPT, 0, RELAYED(2), OF(3),
		DROPS(NOT_READY), SUCCESSOR = 2 },
	{ "joining, twice", S, D, "jrr", FORWARD_INTERCEPT, 0, RELAYED(2), OF(1), DROPS(NOT_READY),
		SUCCESSOR = 3 },
	{ "joining, nobody ready", S, D, "jdj", FORWARD_INTERCEPT, 0, OWN, NONE, DROPS(NOT_READY) },

	/* out of a tunnel */
	{ "opened", U, D, "rrr", FORWARD_TUNNEL, 2, OWN, OF(2), HERE(OPEN) },
	{ "opened, shared", S, P, "rrr", FORWARD_TUNNEL, 0, OWN, OF(2), HERE(OPEN) },
	{ "opened, draining", S, D, "drr", FORWARD_TUNNEL, 0, OWN, OF(2), HERE(OPEN) },
	{ "old address, owner", S, D, "rrr", FORWARD_TUNNEL, 0, OWN, OF(1), DROPS(WRONG_COA),
		NOT_COA },
	{ "old address, successor", S, D, "rx", FORWARD_TUNNEL, 0, OWN, OF(2), DROPS(WRONG_COA),
		NOT_COA, SUCCESSOR = 1 },
	{ "other address", S, D, "rrr", FORWARD_TUNNEL, 0, OWN, OF(2), ASK(2), NOT_COA },
	{ "other address, on", S, D, "rrr", FORWARD_TUNNEL, 0, FIRST(3), OF(2), ASK_ON(2),
		NOT_COA },
	{ "other address, back", S, D, "rrr", FORWARD_TUNNEL, 0, FIRST(2), OF(2), DROPS(WRONG_COA),
		NOT_COA },
	{ "other address, twice", S, D, "rrr", FORWARD_TUNNEL, 0, RELAYED(3), OF(2),
		DROPS(WRONG_COA), NOT_COA },
	{ "tunnel, twice", S, D, "rrr", FORWARD_TUNNEL, 0, RELAYED(3), OF(2), HERE(OPEN) },
	{ "no binding, ours", U, D, "rrr", FORWARD_TUNNEL, 1, OWN, NONE, DROPS(NO_BINDING) },
	{ "no binding, other's", U, D, "rrr", FORWARD_TUNNEL, 2, OWN, NONE, ASK(2) },
	{ "no binding, adopted", U, D, "rxr", FORWARD_TUNNEL, 2, OWN, NONE, DROPS(NO_BINDING) },
	{ "no binding, shared", S, D, "rrr", FORWARD_TUNNEL, 0, OWN, NONE, DROPS(NO_BINDING) },
	{ "no binding, back", U, D, "rrr", FORWARD_TUNNEL, 2, FIRST(2), NONE, DROPS(NO_BINDING) },
	{ "clear, but ESP", S, D, "rrr", FORWARD_TUNNEL, 0, OWN, ESP(1), DROPS(CLEAR) },
	{ "clear, but ESP, owner knows", S, D, "rrr", FORWARD_TUNNEL, 0, OWN, ESP(2), ASK(2) },
	{ "primary, ours", U, P, "rrr", FORWARD_TUNNEL, 1, OWN, OF(1), HERE(OPEN) },
	{ "primary, ours, other owner", U, P, "rrr", FORWARD_TUNNEL, 1, OWN, OF(2), HERE(OPEN) },
	{ "primary, other's", U, P, "rrr", FORWARD_TUNNEL, 2, OWN, OF(2), TO(2) },
	{ "primary, cut off", U, P, "r3r", FORWARD_TUNNEL, 2, OWN, OF(2), TO(3) },
	{ "primary, adopted", U, P, "rxr", FORWARD_TUNNEL, 2, OWN, OF(3), HERE(OPEN) },
	{ "primary, twice", U, P, "rrr", FORWARD_TUNNEL, 2, RELAYED(3), OF(2), HERE(OPEN) },
	{ "tunnel, joining", U, D, "jrr", FORWARD_TUNNEL, 1, OWN, OF(1), TO(3), SUCCESSOR = 3 },
	{ "tunnel, joining, other's", U, P, "jrr", FORWARD_TUNNEL, 2, OWN, NONE, TO(2),
		SUCCESSOR = 3 },
	{ "tunnel, joining, back", U, D, "jrr", FORWARD_TUNNEL, 1, FIRST(3), OF(1),
		DROPS(NOT_READY), SUCCESSOR = 3 },

	/* payload in ESP */
	{ "SA of ours", U, D, "rrr", FORWARD_PAYLOAD_ESP, 1, OWN, ESP(1), HERE(OPEN) },
	{ "SA of another's", S, D, "rrr", FORWARD_PAYLOAD_ESP, 0, OWN, ESP(2), TO(2) },
	{ "SA, on", S, D, "rrr", FORWARD_PAYLOAD_ESP, 0, FIRST(3), ESP(2), ONWARD(2) },
	{ "SA, twice", S, D, "rrr", FORWARD_PAYLOAD_ESP, 0, RELAYED(3), ESP(2), DROPS(HOP_LIMIT) },
	{ "SA, back", S, D, "rrr", FORWARD_PAYLOAD_ESP, 0, FIRST(2), ESP(2), DROPS(BACK) },
	{ "SA, adopted", U, D, "rxr", FORWARD_PAYLOAD_ESP, 2, OWN, ESP(3), TO(3) },
	{ "SA, owner dead", S, D, "rxr", FORWARD_PAYLOAD_ESP, 0, OWN, ESP(2), HERE(OPEN),
		SUCCESSOR = 1 },
	{ "SA, nobody", S, D, "dxx", FORWARD_PAYLOAD_ESP, 0, OWN, ESP(2), DROPS(NOT_READY) },
	{ "SA of nobody", S, D, "rrr", FORWARD_PAYLOAD_ESP, 0, OWN, NONE, DROPS(NO_SA) },
	{ "SA of nobody, other's", U, D, "rrr", FORWARD_PAYLOAD_ESP, 2, OWN, NONE, TO(2) },
	{ "SA, joining", S, D, "jrr", FORWARD_PAYLOAD_ESP, 0, OWN, ESP(1), TO(2), SUCCESSOR = 2 },

	/* signalling */
	{ "BU, shared", S, D, "rrr", FORWARD_SIGNALLING, 0, OWN, OF(2), HERE(ACCEPT) },
	{ "BU, ours", U, D, "rrr", FORWARD_SIGNALLING, 1, OWN, OF(2), HERE(ACCEPT) },
	{ "BU, other's", U, D, "rrr", FORWARD_SIGNALLING, 2, OWN, OF(1), TO(2) },
	{ "BU, draining other's", U, D, "rdr", FORWARD_SIGNALLING, 2, OWN, NONE, TO(2) },
	{ "BU, cut off", U, D, "r3r", FORWARD_SIGNALLING, 2, OWN, NONE, TO(3) },
	{ "BU, relayed here", U, D, "rrr", FORWARD_SIGNALLING, 1, RELAYED(3), NONE, HERE(ACCEPT) },
	{ "BU, on", U, D, "rrr", FORWARD_SIGNALLING, 2, FIRST(3), NONE, ONWARD(2) },
	{ "BU, twice", U, D, "rrr", FORWARD_SIGNALLING, 2, RELAYED(3), NONE, DROPS(HOP_LIMIT) },
	{ "BU, back", U, D, "rrr", FORWARD_SIGNALLING, 2, FIRST(2), NONE, DROPS(BACK) },
	{ "BU, adopted", U, D, "rxr", FORWARD_SIGNALLING, 2, OWN, OF(3), HERE(ACCEPT) },
	{ "BU, adopted, draining", U, D, "dxr", FORWARD_SIGNALLING, 2, OWN, NONE, HERE(ACCEPT) },
	{ "BU, site not ready again", U, D, "rjr", FORWARD_SIGNALLING, 2, OWN, NONE, HERE(ACCEPT) },
	{ "BU, joining", S, D, "jrr", FORWARD_SIGNALLING, 0, OWN, OF(1), TO(3), SUCCESSOR = 3 },
	{ "BU, joining, ours", U, D, "jrr", FORWARD_SIGNALLING, 1, OWN, NONE, TO(2),
		SUCCESSOR = 2 },
	{ "BU, joining, other's", U, D, "jrr", FORWARD_SIGNALLING, 2, OWN, NONE, TO(2),
		SUCCESSOR = 3 },
	{ "BU, joining, dead one's", U, D, "jxr", FORWARD_SIGNALLING, 2, OWN, NONE, TO(3) },
	{ "BU, joining alone", U, D, "jxx", FORWARD_SIGNALLING, 1, OWN, NONE, DROPS(NOT_READY) },
	{ "BU, left", S, D, "lrr", FORWARD_SIGNALLING, 0, OWN, NONE, TO(2), SUCCESSOR = 2 },

	/* what comes back to another site */
	{ "answer to us", S, D, "rrr", FORWARD_ANSWER, 0, OWN, NONE, HERE(ACCEPT), .asker = 1 },
	{ "answer to us, joining", S, D, "jrr", FORWARD_ANSWER, 0, OWN, NONE, HERE(ACCEPT),
		.asker = 1 },
	{ "answer to another", S, D, "rrr", FORWARD_ANSWER, 0, OWN, NONE, TO(2), .asker = 2 },
	{ "answer to one cut off", S, D, "r3r", FORWARD_ANSWER, 0, OWN, NONE, TO(3), .asker = 2 },
	{ "answer, on", S, D, "rrr", FORWARD_ANSWER, 0, FIRST(3), NONE, ONWARD(2), .asker = 2 },
	{ "answer, twice", S, D, "rrr", FORWARD_ANSWER, 0, RELAYED(3), NONE, DROPS(HOP_LIMIT),
		.asker = 2 },
	{ "answer, back", S, D, "rrr", FORWARD_ANSWER, 0, FIRST(2), NONE, DROPS(BACK), .asker = 2 },
	{ "answer to a dead one", S, D, "rxr", FORWARD_ANSWER, 0, OWN, NONE, HERE(ACCEPT),
		.asker = 2 },
	{ "answer to no site", S, D, "rrr", FORWARD_ANSWER, 0, OWN, NONE, HERE(ACCEPT),
		.asker = 77 },
	{ "answer to 0", S, D, "rrr", FORWARD_ANSWER, 0, OWN, NONE, HERE(ACCEPT), .asker = 0 },
	{ "error", S, D, "rrr", FORWARD_TUNNEL_ERROR, 0, OWN, OF(2), HERE(ACCEPT) },
	{ "error, other's address", U, P, "rrr", FORWARD_TUNNEL_ERROR, 2, OWN, OF(2),
		HERE(ACCEPT) },
	{ "error, joining", S, D, "jrr", FORWARD_TUNNEL_ERROR, 0, OWN, OF(1), TO(2),
		SUCCESSOR = 2 },

	/* whatever else is for a home agent address */
	{ "echo, shared", S, D, "rrr", FORWARD_OTHER, 0, OWN, NONE, HERE(ACCEPT) },
	{ "echo, other's", U, D, "rrr", FORWARD_OTHER, 2, OWN, NONE, TO(2) },
	{ "echo, on", U, D, "rrr", FORWARD_OTHER, 2, FIRST(3), NONE, ONWARD(2) },
	{ "echo, twice", U, D, "rrr", FORWARD_OTHER, 2, RELAYED(3), NONE, HERE(ACCEPT) },
	{ "echo, adopted", U, D, "rxr", FORWARD_OTHER, 2, OWN, NONE, HERE(ACCEPT) },
	{ "echo, joining", U, D, "jrr", FORWARD_OTHER, 1, OWN, NONE, HERE(ACCEPT) },
	{ "DHAAD", U, D, "rrr", FORWARD_DISCOVERY, 0, OWN, NONE, HERE(ACCEPT) },
	{ "DHAAD, joining", U, D, "jrr", FORWARD_DISCOVERY, 0, OWN, NONE, HERE(ACCEPT) },

	/* fences */
	{ "foreign", S, D, "rrr", FORWARD_INTERCEPT, 0, FIRST(9), OF(1), DROPS(FOREIGN) },
	{ "foreign, relayed", S, D, "rrr", FORWARD_SIGNALLING, 0, RELAYED(9), NONE,
		DROPS(FOREIGN) },
	{ "foreign, DHAAD", S, D, "rrr", FORWARD_DISCOVERY, 0, FIRST(9), NONE, DROPS(FOREIGN) },
};

static uint8_t bucket_of(const struct world *w, uint8_t successor)
{
	for (unsigned b = 0; b < NEXT_BUCKETS; b++)
		if (next_successor(&w->view, (uint8_t)b) == successor)
			return (uint8_t)b;
	fail_msg("nobody's buckets go to %u", successor);
	return 0;
}

static bool is_agent_needed(enum forward_kind kind)
{
	return kind != FORWARD_INTERCEPT && kind != FORWARD_DISCOVERY;
}

static bool is_same(const struct forward_result *a, const struct forward_result *b)
{
	return a->act == b->act && a->node == b->node && a->as == b->as &&
	       a->policed == b->policed && a->drop == b->drop;
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < DIM(rows); i++) {
		struct world w;
		struct forward_packet p = { .kind = rows[i].kind,
			.from = rows[i].from,
			.peer = rows[i].peer,
			.from_coa = !rows[i].other_coa,
			.asker = rows[i].asker };
		struct forward_result r;

		set_domain(&w, rows[i].mode, rows[i].delivery);
		set_view(&w, 1, rows[i].view);
		if (rows[i].successor != 0)
			p.bucket = bucket_of(&w, rows[i].successor);
		if (is_agent_needed(p.kind))
			p.agent = &agents[rows[i].agent];
		r = forward(&w.d, rows[i].b.owner == 0 ? NULL : &rows[i].b, &p);
		if (!is_same(&r, &rows[i].want))
			fail_msg("%s: act %u node %u as %u policed %u drop %s", rows[i].name, r.act,
				r.node, r.as, r.policed, forward_drop_name(r.drop));
	}
}

static void test_no_domain(void **state)
{
	struct forward_packet p = { .kind = FORWARD_OTHER, .peer = 2 };

	(void)state;
	assert_int_equal(forward(NULL, NULL, &p).act, FORWARD_ACCEPT);
	p.from = FORWARD_FIRST;
	assert_int_equal(forward(NULL, NULL, &p).act, FORWARD_DROP);
	assert_int_equal(forward(NULL, NULL, &p).drop, FORWARD_DROP_FOREIGN);
}

static void test_holder(void **state)
{
	static const struct {
		const char *view;
		enum forward_holder own, other, shared;
	} cases[] = {
		{ "rr", FORWARD_HOLDER_SELF, FORWARD_HOLDER_PEER, FORWARD_HOLDER_SELF },
		{ "rd", FORWARD_HOLDER_SELF, FORWARD_HOLDER_PEER, FORWARD_HOLDER_SELF },
		{ "r3r", FORWARD_HOLDER_SELF, FORWARD_HOLDER_PEER, FORWARD_HOLDER_SELF },
		{ "dx", FORWARD_HOLDER_SELF, FORWARD_HOLDER_ADOPTED, FORWARD_HOLDER_SELF },
		{ "rj", FORWARD_HOLDER_SELF, FORWARD_HOLDER_ADOPTED, FORWARD_HOLDER_SELF },
		{ "rl", FORWARD_HOLDER_SELF, FORWARD_HOLDER_ADOPTED, FORWARD_HOLDER_SELF },
		{ "jr", FORWARD_HOLDER_BUCKET, FORWARD_HOLDER_PEER, FORWARD_HOLDER_BUCKET },
		{ "lx", FORWARD_HOLDER_BUCKET, FORWARD_HOLDER_BUCKET, FORWARD_HOLDER_BUCKET },
	};

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		struct world w;

		set_domain(&w, U, D);
		set_view(&w, 1, cases[i].view);
		if (forward_holder(&w.d, &agents[1]) != cases[i].own ||
			forward_holder(&w.d, &agents[2]) != cases[i].other ||
			forward_holder(&w.d, &agents[0]) != cases[i].shared)
			fail_msg("%s", cases[i].view);
	}
}

/* --- whatever they disagree about --- */

static const enum forward_mode modes[] = { U, S };
static const enum forward_delivery deliveries[] = { D, P };

/* hop[site][from][peer]: what a packet at a site, which came so, may become elsewhere, over every
 * view, record and bucket that the site could have. */
struct hops {
	bool to[SITES + 1][FORWARD_FROM_COUNT][SITES + 1][SITES + 1];
	unsigned long asked, relayed;
};

static void note(struct hops *h, const struct world *w, const struct forward_binding *b,
	const struct forward_packet *p)
{
	struct forward_result r = forward(&w->d, b, p);
	uint8_t self = w->view.self;

	h->asked++;
	if (r.act == FORWARD_DROP)
		assert_in_range(r.drop, 0, FORWARD_DROP_COUNT - 1);
	if (r.act != FORWARD_RELAY)
		return;
	h->relayed++;
	assert_in_range(r.node, 1, SITES);
	assert_int_not_equal(r.node, self);
	assert_int_equal(w->view.site[r.node].reach, NEXT_UP);
	assert_int_equal(p->from + 1, r.as); /* own: first; first: relayed; relayed: never */
	assert_true(p->from == FORWARD_OWN || r.node != p->peer);
	h->to[self][p->from][p->peer][r.node] = true;
}

/* Each way that the packet may have come. */
static void note_from(struct hops *h, const struct world *w, const struct forward_binding *b,
	struct forward_packet p, unsigned sites)
{
	for (p.bucket = 0; p.bucket < 3; p.bucket++) {
		p.from = FORWARD_OWN;
		p.peer = 0;
		note(h, w, b, &p);
		for (p.peer = 1; p.peer <= sites; p.peer++) {
			if (p.peer == w->view.self)
				continue;
			p.from = FORWARD_FIRST;
			note(h, w, b, &p);
			p.from = FORWARD_RELAYED;
			note(h, w, b, &p);
		}
	}
}

static void note_bindings(
	struct hops *h, const struct world *w, struct forward_packet p, unsigned sites)
{
	note_from(h, w, NULL, p, sites);
	for (uint8_t owner = 0; owner <= sites; owner++) {
		for (unsigned bits = 0; bits < 8; bits++) {
			struct forward_binding b = { owner, bits & 1, bits & 2 };

			p.from_coa = bits & 4;
			if (p.from_coa && p.kind != FORWARD_TUNNEL)
				continue;
			note_from(h, w, &b, p, sites);
		}
	}
}

static void note_view(struct hops *h, uint8_t self, const char *text, unsigned sites)
{
	struct world w;

	set_view(&w, self, text);
	for (unsigned mode = 0; mode < 4; mode++) {
		const struct next_view *view = &w.view;

		set_domain(&w, modes[mode & 1], deliveries[mode >> 1]);
		w.d.view = view;
		w.d.next = &w.next;
		for (unsigned kind = 0; kind < FORWARD_KIND_COUNT; kind++) {
			struct forward_packet p = { .kind = kind };

			for (uint8_t n = 0; n <= sites; n++) {
				bool shared = w.d.mode == FORWARD_SHARED;

				p.asker = n;
				p.agent = is_agent_needed(kind) ? &agents[shared ? 0 : n] : NULL;
				if (p.agent != NULL && (n == 0) != shared && kind != FORWARD_ANSWER)
					continue;
				if (p.agent == NULL && n > 0)
					break;
				note_bindings(h, &w, p, sites);
			}
		}
	}
}

/* Every view that one site may have of a few; see set_view() for the letters. */
static void note_views(struct hops *h, uint8_t self, unsigned sites, const char *letters)
{
	unsigned count = (unsigned)strlen(letters), all = 1;

	for (unsigned i = 0; i < sites; i++)
		all *= count;
	for (unsigned v = 0; v < all; v++) {
		char text[SITES + 1] = "";
		unsigned rest = v;
		bool ok = true;

		for (unsigned i = 0; i < sites; i++, rest /= count)
			text[i] = letters[rest % count];
		for (unsigned i = 0; ok && i < sites; i++) {
			unsigned via = (unsigned)(text[i] - '0');

			if (i + 1 == self && strchr("rdjl", text[i]) == NULL)
				ok = false; /* one is up oneself */
			if (via <= 9 && (via > sites || via == self || via == i + 1 ||
						strchr("rdjl", text[via - 1]) == NULL))
				ok = false; /* one goes through who is up */
		}
		if (ok)
			note_view(h, self, text, sites);
	}
}

static void follow(
	const struct hops *h, uint8_t site, enum forward_from from, uint8_t peer, unsigned visited)
{
	assert_true((visited & 1U << site) == 0);
	visited |= 1U << site;
	for (uint8_t to = 1; to <= SITES; to++) {
		if (!h->to[site][from][peer][to])
			continue;
		assert_int_not_equal(from, FORWARD_RELAYED);
		/* each site's doings were collected apart: any of them may follow any other's */
		follow(h, to, from + 1, site, visited);
	}
}

/* No packet is relayed more than twice, comes back to where it was, or goes to somebody who is not
 * heard, whatever each site on its way believes, and however that changes meanwhile. */
static void test_no_loop(void **state)
{
	static struct hops three, four;

	(void)state;
	for (uint8_t self = 1; self <= 3; self++)
		note_views(&three, self, 3, "rdjlx123");
	for (uint8_t self = 1; self <= 4; self++)
		note_views(&four, self, 4, "rjx1234");
	assert_true(three.relayed > 100000 && four.relayed > 100000);
	for (uint8_t site = 1; site <= 4; site++) {
		follow(&three, site, FORWARD_OWN, 0, 0);
		follow(&four, site, FORWARD_OWN, 0, 0);
	}
	printf("forward: %lu decisions, %lu of them to relay\n", three.asked + four.asked,
		three.relayed + four.relayed);
}

/* --- sites that agree --- */

struct mesh {
	struct world at[SITES + 1];
	enum next_says says[SITES + 1];
	bool dead[SITES + 1];
	uint8_t cut[2]; /* these two do not hear each other; 0: all do */
};

static bool serves(const struct mesh *m, uint8_t n)
{
	return !m->dead[n] && (m->says[n] == NEXT_READY || m->says[n] == NEXT_DRAINING);
}

static uint8_t via_of(const struct mesh *m)
{
	uint8_t best = 0;

	for (uint8_t n = 1; n <= SITES; n++)
		if (!m->dead[n] && n != m->cut[0] && n != m->cut[1] &&
			(best == 0 || (!serves(m, best) && serves(m, n))))
			best = n;
	return best;
}

static void fill(struct mesh *m)
{
	for (uint8_t self = 1; self <= SITES; self++) {
		struct world *w = &m->at[self];

		w->view = (struct next_view){ .domain = next_domain("msp1"), .self = self };
		for (uint8_t n = 1; n <= SITES; n++) {
			bool cut = (m->cut[0] == n && m->cut[1] == self) ||
				   (m->cut[1] == n && m->cut[0] == self);
			uint8_t via = cut ? via_of(m) : 0;

			if (m->dead[n] || (cut && via == 0))
				continue;
			w->view.site[n] =
				(struct next_site){ cut ? NEXT_CUT_OFF : NEXT_UP, m->says[n], via };
		}
		next_fill(&w->view, &w->next);
	}
}

struct end {
	struct forward_result r;
	uint8_t site;
	unsigned relays;
};

/* Carries a packet to its end. */
static struct end carry(const struct mesh *m, const struct forward_binding *b[SITES + 1],
	struct forward_packet p, uint8_t site)
{
	struct end e = { .site = site };

	for (;;) {
		e.r = forward(&m->at[e.site].d, b[e.site], &p);
		if (e.r.act != FORWARD_RELAY)
			return e;
		e.relays++;
		assert_in_range(e.relays, 1, 2);
		p.from = e.r.as;
		p.peer = e.site;
		e.site = e.r.node;
	}
}

/* Who stands for the owner: himself, or the successor. */
static uint8_t answers_for(const struct mesh *m, uint8_t owner, uint8_t bucket)
{
	return serves(m, owner) ? owner : next_successor(&m->at[1].view, bucket);
}

/* What must become of packets for a mobile node of this owner, wherever they come in. */
static void check_binding(const struct mesh *m, uint8_t site, uint8_t bucket, uint8_t owner)
{
	const struct world *w = &m->at[site];
	const struct forward_binding clear = { .owner = owner }, esp = { owner, true, false };
	const struct forward_binding *b[SITES + 1] = { NULL };
	struct forward_packet p = { .kind = FORWARD_INTERCEPT, .bucket = bucket, .from_coa = true };
	uint8_t agent = w->d.mode == FORWARD_SHARED ? 0 : owner;
	uint8_t stands = answers_for(m, owner, bucket);
	struct end e;

	for (uint8_t n = 1; n <= SITES; n++)
		b[n] = &clear;
	e = carry(m, b, p, site);
	assert_int_equal(e.r.act, FORWARD_DELIVER);
	if (w->d.delivery == FORWARD_DIRECT && serves(m, site))
		assert_int_equal(e.relays, 0);
	if (w->d.delivery == FORWARD_PRIMARY)
		assert_int_equal(e.site, stands);
	p.kind = FORWARD_TUNNEL;
	p.agent = &agents[agent];
	assert_int_equal(carry(m, b, p, site).r.act, FORWARD_OPEN);
	p.from_coa = false;
	e = carry(m, b, p, site);
	assert_true(e.r.act == FORWARD_DROP && e.r.drop == FORWARD_DROP_WRONG_COA);

	for (uint8_t n = 1; n <= SITES; n++)
		b[n] = &esp;
	p.kind = FORWARD_PAYLOAD_ESP;
	e = carry(m, b, p, site);
	assert_true(e.r.act == FORWARD_OPEN && e.site == stands);
	p.kind = FORWARD_INTERCEPT;
	p.agent = NULL;
	e = carry(m, b, p, site);
	assert_true(e.r.act == FORWARD_DELIVER && e.site == stands);
}

static void check_signalling(const struct mesh *m, uint8_t site, uint8_t bucket, uint8_t to)
{
	static const struct forward_binding *const none[SITES + 1];
	struct forward_packet p = { .kind = FORWARD_SIGNALLING, .bucket = bucket };
	struct end e;

	p.agent = &agents[to];
	e = carry(m, (const struct forward_binding **)none, p, site);
	assert_int_equal(e.r.act, FORWARD_ACCEPT);
	assert_true(serves(m, e.site));
	if (to != 0 && serves(m, to))
		assert_int_equal(e.site, to);
	else if (serves(m, site))
		assert_int_equal(e.site, site);
	p.agent = NULL;
	p.kind = FORWARD_INTERCEPT;
	e = carry(m, (const struct forward_binding **)none, p, site);
	assert_int_equal(e.r.act, FORWARD_UNREACHABLE);
}

static void check_mesh(struct mesh *m)
{
	for (uint8_t site = 1; site <= SITES; site++) {
		/* who serves nothing and does not hear its successor needs both its relays */
		if (m->dead[site] || (m->cut[0] != 0 && !serves(m, site)))
			continue;
		for (unsigned bucket = 0; bucket < 12; bucket += 3) {
			for (uint8_t owner = 1; owner <= SITES; owner++)
				check_binding(m, site, (uint8_t)bucket, owner);
			for (uint8_t to = 0; to <= SITES; to++)
				if ((to == 0) == (m->at[1].d.mode == FORWARD_SHARED))
					check_signalling(m, site, (uint8_t)bucket, to);
		}
	}
}

/* Sites that know the same lose nothing, whatever states they are in, as long as one is ready; nor
 * when two of them do not hear each other. */
static void test_agreeing(void **state)
{
	static const uint8_t cuts[][2] = { { 0, 0 }, { 1, 2 }, { 1, 4 }, { 3, 4 } };
	static struct mesh m;
	unsigned meshes = 0;

	(void)state;
	for (unsigned v = 0; v < 625 * DIM(cuts); v++) {
		bool has_ready = false;

		memset(&m, 0, sizeof(m));
		memcpy(m.cut, cuts[v / 625], sizeof(m.cut));
		for (unsigned n = 1, rest = v % 625; n <= SITES; n++, rest /= 5) {
			m.dead[n] = rest % 5 == 4;
			m.says[n] = m.dead[n] ? NEXT_JOINING : rest % 5;
			has_ready |= m.says[n] == NEXT_READY;
		}
		if (!has_ready || (m.cut[0] != 0 && !serves(&m, via_of(&m))))
			continue;
		meshes++;
		for (unsigned kind = 0; kind < 4; kind++) {
			for (uint8_t n = 1; n <= SITES; n++)
				set_domain(&m.at[n], modes[kind & 1], deliveries[kind >> 1]);
			if (kind == 0)
				fill(&m);
			for (uint8_t n = 1; n <= SITES; n++) {
				m.at[n].d.view = &m.at[n].view;
				m.at[n].d.next = &m.at[n].next;
			}
			check_mesh(&m);
		}
	}
	assert_in_range(meshes, 1000, 625 * DIM(cuts));
}

/* --- nested mobile networks --- */

#define LEVELS 4 /* of tunnels, as the encapsulation limit bounds them */

/* A mobile node is in the network of the one before, or outside; sites have all kinds of ideas
 * about that. */
struct nest {
	struct forward_binding b[LEVELS][SITES + 1];
	const struct forward_binding *at[LEVELS][SITES + 1]; /* NULL: none there */
	uint8_t inside[LEVELS]
		      [SITES + 1]; /* whose network its care-of address is in; LEVELS: none */
	bool knows_coa[LEVELS][SITES + 1];
	uint8_t agent[LEVELS];
};

static void random_nest(struct nest *n, uint64_t *seed)
{
	for (unsigned mn = 0; mn < LEVELS; mn++) {
		for (unsigned s = 1; s <= SITES; s++) {
			n->b[mn][s].owner = (uint8_t)rng_below(seed, SITES + 1);
			n->b[mn][s].payload_esp = rng_below(seed, 4) == 0;
			n->b[mn][s].proxy = rng_below(seed, 8) == 0;
			n->at[mn][s] = rng_below(seed, 8) == 0 ? NULL : &n->b[mn][s];
			n->inside[mn][s] = (uint8_t)rng_below(seed, LEVELS + 1);
			n->knows_coa[mn][s] = rng_below(seed, 3) != 0;
		}
		n->agent[mn] = (uint8_t)(1 + rng_below(seed, SITES));
	}
}

/* One packet to its end; site: where it is, in and out. */
static enum forward_act level(const struct mesh *m, const struct nest *n, enum forward_kind kind,
	unsigned mn, uint8_t *site)
{
	struct forward_packet p = { .kind = kind, .bucket = (uint8_t)(mn * 3) };

	if (is_agent_needed(kind))
		p.agent = &agents[m->at[1].d.mode == FORWARD_SHARED ? 0 : n->agent[mn]];
	for (unsigned relays = 0;; relays++) {
		struct forward_result r;

		assert_in_range(relays, 0, 2);
		p.from_coa = n->knows_coa[mn][*site];
		r = forward(&m->at[*site].d, n->at[mn][*site], &p);
		if (r.act != FORWARD_RELAY)
			return r.act;
		p.peer = *site;
		p.from = r.as;
		*site = r.node;
	}
}

static void test_nested(void **state)
{
	static const char *const says = "rrrrdjl";
	uint64_t seed = rng_start("forward");
	unsigned ends[FORWARD_DROP + 1] = { 0 };
	static struct mesh m;
	struct nest n;

	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		for (uint8_t s = 1; s <= SITES; s++) {
			char text[SITES + 1] = "";

			set_domain(&m.at[s], modes[round & 1], deliveries[round >> 1 & 1]);
			for (unsigned i = 0; i < SITES; i++)
				text[i] = rng_below(&seed, 4) == 0 && i + 1 != s
						  ? 'x'
						  : says[rng_below(&seed, strlen(says))];
			set_view(&m.at[s], s, text);
		}
		random_nest(&n, &seed);
		for (unsigned walk = 0; walk < 8; walk++) {
			uint8_t site = (uint8_t)(1 + rng_below(&seed, SITES));
			unsigned mn = (unsigned)rng_below(&seed, LEVELS), wraps = 0;
			enum forward_act act = FORWARD_OPEN;

			/* out of one tunnel after the other, ... */
			for (unsigned open = 0; act == FORWARD_OPEN && open < walk % 3; open++)
				act = level(&m, &n, FORWARD_TUNNEL, (mn + open) % LEVELS, &site);
			/* ... then into one after the other, as deep as one may */
			while (act == FORWARD_OPEN || (act == FORWARD_DELIVER && mn < LEVELS)) {
				if (wraps++ == LEVELS) {
					act = FORWARD_DROP;
					break;
				}
				act = level(&m, &n, FORWARD_INTERCEPT, mn, &site);
				mn = n.inside[mn][site];
			}
			ends[act]++;
		}
	}
	assert_true(ends[FORWARD_DELIVER] > 3000 && ends[FORWARD_DROP] > 3000);
	assert_int_equal(ends[FORWARD_RELAY] + ends[FORWARD_OPEN] + ends[FORWARD_ACCEPT], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_no_domain),
		cmocka_unit_test(test_holder),
		cmocka_unit_test(test_no_loop),
		cmocka_unit_test(test_agreeing),
		cmocka_unit_test(test_nested),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
