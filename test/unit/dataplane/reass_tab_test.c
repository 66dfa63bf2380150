/* SPDX-License-Identifier: BSD-3-Clause */
#include "test.h"

#include "dataplane/reass_tab.h"
#include "rng.h"

#define OCTETS  4096
#define TIMEOUT 1000
#define SEED                                                                                       \
	{                                                                                          \
		0x1234567890abcdefULL, 0xfedcba0987654321ULL                                       \
	}
#define MAX_EVENT 4096

/* Each fragment is a number; its octets are its own memory, freed when it leaves, so that the
 * address sanitizer sees what is used too late. */
struct piece {
	uint8_t *octets;
	uint16_t off, len;
	bool more;
};

struct event {
	uintptr_t id;
	enum dp_drop why;
	bool first;
};

static struct reass_tab *tab;
static struct piece pieces[MAX_EVENT];
static uintptr_t piece_count;
static struct event events[MAX_EVENT]; /* of the last call */
static uint32_t event_count;

static void on_drop(void *ctx, void *buf, enum dp_drop why, bool first)
{
	uintptr_t id = (uintptr_t)buf;

	assert_ptr_equal(ctx, &tab);
	assert_true(id > 0 && id <= piece_count && event_count < MAX_EVENT);
	assert_non_null(pieces[id - 1].octets); /* leaves once */
	free(pieces[id - 1].octets);
	pieces[id - 1].octets = NULL;
	events[event_count++] = (struct event){ id, why, first };
}

static void start(uint32_t datagrams, uint32_t fragments, uint32_t per_source)
{
	struct reass_opts opts = { .max_datagrams = datagrams,
		.max_fragments = fragments,
		.max_per_source = per_source,
		.max_octets = OCTETS,
		.timeout = TIMEOUT,
		.seed = SEED,
		.drop = on_drop,
		.ctx = &tab };

	piece_count = event_count = 0;
	assert_int_equal(reass_tab_new(&opts, &tab), 0);
}

/* What was held is dropped for SHUTDOWN, and nothing is left. */
static void stop(void)
{
	uint32_t held = reass_tab_fragments(tab);

	event_count = 0;
	reass_tab_free(tab);
	assert_int_equal(event_count, held);
	for (uint32_t i = 0; i < event_count; i++)
		assert_int_equal(events[i].why, DP_DROP_SHUTDOWN);
	for (uintptr_t i = 0; i < piece_count; i++)
		assert_null(pieces[i].octets);
}

static struct reass_key key(uint8_t src, uint32_t id)
{
	return (struct reass_key){
		.src = { { 0x20, 0x01, [15] = src } }, .dst = { { 0x20, 0x02 } }, .id = id
	};
}

/* Octets that tell place and datagram; `lie` makes others of them. */
static uintptr_t piece_new(
	const struct reass_key *k, uint32_t off, uint32_t len, bool more, uint8_t lie)
{
	struct piece *p = &pieces[piece_count];

	assert_true(piece_count < MAX_EVENT);
	*p = (struct piece){ malloc(len), (uint16_t)off, (uint16_t)len, more };
	assert_non_null(p->octets);
	for (uint32_t i = 0; i < len; i++)
		p->octets[i] = (uint8_t)(k->id * 31 + k->src.b[15] * 7 + (off + i) * 3 + lie);
	return ++piece_count;
}

/* The number of fragments of the datagram that is complete, 0: none. They are checked: in order,
 * without gap, the octets those that were sent; then they leave. */
static uint32_t put(const struct reass_key *k, uintptr_t id, uint64_t now)
{
	const struct piece *p = &pieces[id - 1];
	struct reass_frag f = { (void *)id, p->octets, p->off, p->len, p->more };
	const struct reass_frag *done;
	uint32_t n = 0, at = 0;

	event_count = 0;
	done = reass_tab_add(tab, k, &f, now, &n);
	if (done == NULL)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		struct piece *q = &pieces[(uintptr_t)done[i].buf - 1];

		assert_int_equal(done[i].off, at);
		assert_ptr_equal(done[i].data, q->octets);
		assert_int_equal(done[i].more, i < n - 1);
		at += done[i].len;
		free(q->octets);
		q->octets = NULL;
	}
	return n;
}

static uint32_t add(const struct reass_key *k, uint32_t off, uint32_t len, bool more, uint64_t now)
{
	return put(k, piece_new(k, off, len, more, 0), now);
}

static void check_dropped(const char *what, uint32_t n, enum dp_drop why)
{
	if (event_count != n)
		fail_msg("%s: %u dropped, not %u", what, event_count, n);
	for (uint32_t i = 0; i < n; i++) {
		if (events[i].why != why)
			fail_msg("%s: %s, not %s", what, dp_drop_name(events[i].why),
				dp_drop_name(why));
	}
}

/* --- one datagram --- */

#define NOTHING DP_DROP_COUNT

/* What comes of one datagram, a step a fragment; what becomes of the step. */
static const struct {
	const char *name;
	struct {
		uint16_t off, len;
		bool more;
		uint8_t lie;
	} step[REASS_MAX_FRAGMENTS + 2];
	unsigned steps;
	uint32_t complete; /* fragments in the datagram that the last step completes, or */
	enum dp_drop why; /* why the last step drops fragments, */
	uint32_t dropped; /* so many */
} cases[] = {
	{ "two", { { 0, 8, true }, { 8, 1 } }, 2, 2, NOTHING, 0 },
	{ "two, backwards", { { 8, 1 }, { 0, 8, true } }, 2, 2, NOTHING, 0 },
	{ "three, the middle last", { { 16, 5 }, { 0, 8, true }, { 8, 8, true } }, 3, 3, NOTHING,
		0 },
	{ "no end", { { 0, 8, true }, { 8, 8, true } }, 2, 0, NOTHING, 0 },
	{ "no beginning", { { 16, 8 }, { 8, 8, true } }, 2, 0, NOTHING, 0 },
	{ "a gap", { { 0, 8, true }, { 16, 8 } }, 2, 0, NOTHING, 0 },
	{ "twice", { { 0, 8, true }, { 0, 8, true } }, 2, 0, DP_DROP_FRAG_DUPLICATE, 1 },
	{ "the last twice", { { 8, 3 }, { 8, 3 } }, 2, 0, DP_DROP_FRAG_DUPLICATE, 1 },
	{ "one twice, then the other", { { 8, 3 }, { 8, 3 }, { 0, 8, true } }, 3, 2, NOTHING, 0 },
	{ "twice, other octets", { { 0, 8, true }, { 0, 8, true, 1 } }, 2, 0, DP_DROP_FRAG_OVERLAP,
		2 },
	{ "twice, first as the last", { { 0, 8, true }, { 0, 8, false } }, 2, 0,
		DP_DROP_FRAG_OVERLAP, 2 },
	{ "longer than before", { { 0, 8, true }, { 0, 16, true } }, 2, 0, DP_DROP_FRAG_OVERLAP,
		2 },
	{ "shorter than before", { { 8, 16, true }, { 8, 8, true } }, 2, 0, DP_DROP_FRAG_OVERLAP,
		2 },
	{ "over the end of one", { { 0, 16, true }, { 8, 16, true } }, 2, 0, DP_DROP_FRAG_OVERLAP,
		2 },
	{ "over the beginning of one", { { 8, 16, true }, { 0, 16, true } }, 2, 0,
		DP_DROP_FRAG_OVERLAP, 2 },
	{ "inside one", { { 0, 32, true }, { 8, 8, true } }, 2, 0, DP_DROP_FRAG_OVERLAP, 2 },
	{ "around two", { { 8, 8, true }, { 24, 8, true }, { 0, 40, true } }, 3, 0,
		DP_DROP_FRAG_OVERLAP, 3 },
	{ "between two", { { 0, 8, true }, { 24, 8, true }, { 8, 24, true } }, 3, 0,
		DP_DROP_FRAG_OVERLAP, 3 },
	{ "two ends", { { 8, 8 }, { 24, 8 } }, 2, 0, DP_DROP_FRAG_OVERLAP, 2 },
	{ "an end before another", { { 24, 8 }, { 8, 8 } }, 2, 0, DP_DROP_FRAG_OVERLAP, 2 },
	{ "behind the end", { { 8, 8 }, { 16, 8, true } }, 2, 0, DP_DROP_FRAG_OVERLAP, 2 },
	{ "the end before what is there", { { 16, 8, true }, { 8, 8 } }, 2, 0, DP_DROP_FRAG_OVERLAP,
		2 },
	{ "more at the end", { { 16, 8 }, { 8, 16, true } }, 2, 0, DP_DROP_FRAG_OVERLAP, 2 },
	{ "after an overlap", { { 0, 8, true }, { 0, 16, true }, { 16, 8 } }, 3, 0,
		DP_DROP_FRAG_OVERLAP, 1 },
	{ "just fits", { { 0, OCTETS - 8, true }, { OCTETS - 8, 8 } }, 2, 2, NOTHING, 0 },
	{ "too big", { { 0, OCTETS - 8, true }, { OCTETS - 8, 9 } }, 2, 0, DP_DROP_FRAG_TOO_BIG,
		2 },
	{ "too big at once", { { OCTETS, 8 } }, 1, 0, DP_DROP_FRAG_TOO_BIG, 1 },
	{ "the highest end there is", { { 0xfff8, 0xffff } }, 1, 0, DP_DROP_FRAG_TOO_BIG, 1 },
	{ "after one too big", { { OCTETS, 8 }, { 0, 8, true } }, 2, 0, DP_DROP_FRAG_TOO_BIG, 1 },
};

static void test_one(void **state)
{
	struct reass_key k = key(1, 7);

	(void)state;
	for (size_t i = 0; i < DIM(cases); i++) {
		uint32_t n = 0;

		start(4, 64, 32);
		for (unsigned s = 0; s < cases[i].steps; s++) {
			assert_int_equal(n, 0);
			n = put(&k,
				piece_new(&k, cases[i].step[s].off, cases[i].step[s].len,
					cases[i].step[s].more, cases[i].step[s].lie),
				0);
		}
		if (n != cases[i].complete)
			fail_msg("%s: complete %u", cases[i].name, n);
		check_dropped(cases[i].name, cases[i].dropped, cases[i].why);
		if (cases[i].why == DP_DROP_FRAG_OVERLAP || cases[i].complete > 0) {
			assert_int_equal(reass_tab_fragments(tab), 0);
			assert_int_equal(reass_tab_datagrams(tab), 0);
		}
		stop();
	}
}

/* As many fragments as a datagram may have, and one more. */
static void test_too_many(void **state)
{
	struct reass_key k = key(1, 7);

	(void)state;
	for (uint32_t n = REASS_MAX_FRAGMENTS; n <= REASS_MAX_FRAGMENTS + 1; n++) {
		start(4, 64, 32);
		for (uint32_t i = 0; i < n - 1; i++)
			assert_int_equal(add(&k, 8 * i, 8, true, 0), 0);
		if (n == REASS_MAX_FRAGMENTS) {
			assert_int_equal(add(&k, 8 * (n - 1), 8, false, 0), n);
		} else {
			assert_int_equal(add(&k, 8 * (n - 1), 8, false, 0), 0);
			check_dropped("17", n, DP_DROP_FRAG_TOO_MANY);
		}
		stop();
	}
}

/* Each part of the key keeps datagrams apart. */
static void test_keys(void **state)
{
	struct reass_key k[6];

	(void)state;
	start(8, 64, 32);
	for (unsigned i = 0; i < DIM(k); i++)
		k[i] = key(1, 7);
	k[1].src.b[0]++;
	k[2].dst.b[15]++;
	k[3].id++;
	k[4].zone = 1;
	k[5].path = 1;
	for (unsigned i = 0; i < DIM(k); i++)
		assert_int_equal(add(&k[i], 0, 8, true, 0), 0);
	assert_int_equal(reass_tab_datagrams(tab), DIM(k));
	for (unsigned i = 0; i < DIM(k); i++)
		assert_int_equal(add(&k[i], 8, 8, false, 0), 2);
	assert_int_equal(event_count, 0);
	stop();
}

/* --- time --- */

static void test_timeout(void **state)
{
	struct reass_key a = key(1, 1), b = key(1, 2), c = key(2, 3), d = key(3, 4);

	(void)state;
	start(4, 64, 32);
	assert_true(reass_tab_is_empty(tab));
	add(&a, 8, 8, true, 100);
	add(&a, 0, 8, true, 200); /* a later fragment gains no time */
	add(&b, 8, 8, true, 300);
	add(&c, 0, 8, true, 400);
	add(&c, 0, 16, true, 400); /* a grave */
	add(&d, 0, 8, true, 500);
	event_count = 0;
	assert_int_equal(reass_tab_expire(tab, 100 + TIMEOUT - 1, 9), 0);
	assert_int_equal(reass_tab_expire(tab, 100 + TIMEOUT, 9), 1);
	check_dropped("first", 2, DP_DROP_FRAG_TIMEOUT);
	assert_int_equal(events[0].first + events[1].first, 1);
	event_count = 0;
	assert_int_equal(reass_tab_expire(tab, 1000 + TIMEOUT, 1), 1); /* bounded */
	check_dropped("second", 1, DP_DROP_FRAG_TIMEOUT);
	assert_false(events[0].first);
	assert_int_equal(reass_tab_datagrams(tab), 1);
	assert_int_equal(reass_tab_expire(tab, 1000 + TIMEOUT, 1), 1);
	assert_int_equal(reass_tab_datagrams(tab), 0);
	assert_false(reass_tab_is_empty(tab)); /* the grave */
	assert_int_equal(reass_tab_expire(tab, 1000 + TIMEOUT, 9), 1);
	assert_true(reass_tab_is_empty(tab));
	stop();
}

/* What is late finds nothing to join, even when nobody has expired it yet. */
static void test_late(void **state)
{
	struct reass_key k = key(1, 1);

	(void)state;
	start(4, 64, 32);
	add(&k, 0, 8, true, 100);
	assert_int_equal(add(&k, 8, 8, false, 100 + TIMEOUT), 0);
	check_dropped("late", 1, DP_DROP_FRAG_TIMEOUT);
	assert_true(events[0].first);
	assert_int_equal(reass_tab_fragments(tab), 1);
	assert_int_equal(add(&k, 0, 8, true, 100 + TIMEOUT), 2);
	add(&k, 0, 8, true, 5000);
	add(&k, 0, 8, false, 5000); /* a grave */
	add(&k, 8, 8, false, 5000 + TIMEOUT - 1);
	check_dropped("in time for the grave", 1, DP_DROP_FRAG_OVERLAP);
	assert_int_equal(add(&k, 8, 8, false, 5000 + TIMEOUT), 0);
	check_dropped("too late for it", 0, NOTHING);
	assert_int_equal(add(&k, 0, 8, true, 5000 + TIMEOUT), 2);
	stop();
}

/* --- bounds --- */

/* One source, over its bound: its own oldest goes, nobody else's. A link-local address on another
 * link is another source. */
static void test_per_source(void **state)
{
	struct reass_key other = key(1, 1), k;

	(void)state;
	other.zone = 2;
	start(100, 200, 20);
	add(&other, 0, 8, true, 0);
	for (uint32_t i = 0; i < 20; i++) {
		k = key(1, i);
		add(&k, 0, 8, true, i);
	}
	check_dropped("up to it", 0, NOTHING);
	k = key(1, 20);
	add(&k, 0, 8, true, 20);
	check_dropped("over it", 1, DP_DROP_FRAG_SOURCE_LIMIT);
	assert_int_equal(events[0].id, 2);
	/* for a second fragment too; never its own datagram, though it is the oldest */
	k = key(1, 1);
	assert_int_equal(add(&k, 16, 8, false, 21), 0);
	check_dropped("a second fragment", 1, DP_DROP_FRAG_SOURCE_LIMIT);
	assert_int_equal(events[0].id, 4);
	assert_int_equal(add(&k, 8, 8, true, 21), 3);
	assert_int_equal(add(&other, 8, 8, false, 21), 2);
	stop();
}

static void test_all_fragments(void **state)
{
	struct reass_key k;

	(void)state;
	start(100, 20, 17);
	for (uint32_t i = 0; i < 20; i++) {
		k = key((uint8_t)i, 0);
		add(&k, 0, 8, true, i);
	}
	check_dropped("up to it", 0, NOTHING);
	k = key(0, 0);
	assert_int_equal(add(&k, 16, 8, false, 20), 0);
	check_dropped("never its own", 1, DP_DROP_FRAG_EVICTED);
	assert_int_equal(events[0].id, 2);
	k = key(100, 0);
	add(&k, 0, 8, true, 20);
	check_dropped("the oldest", 2, DP_DROP_FRAG_EVICTED);
	assert_int_equal(reass_tab_fragments(tab), 19);
	stop();
}

static void test_all_datagrams(void **state)
{
	struct reass_key k;

	(void)state;
	start(4, 64, 32);
	for (uint32_t i = 0; i < 4; i++) {
		k = key((uint8_t)i, 0);
		add(&k, 0, 8, true, i);
	}
	k = key(4, 0);
	add(&k, 0, 8, true, 4);
	check_dropped("the oldest", 1, DP_DROP_FRAG_EVICTED);
	assert_int_equal(events[0].id, 1);
	/* a grave goes first, though it is younger than all */
	add(&k, 0, 16, true, 4);
	k = key(5, 0);
	add(&k, 0, 8, true, 5);
	check_dropped("a grave", 0, NOTHING);
	assert_int_equal(reass_tab_datagrams(tab), 4);
	/* graves of one displace one datagram, not all */
	for (uint32_t i = 0; i < 10; i++) {
		k = key(9, i);
		add(&k, OCTETS, 8, true, 6);
	}
	assert_int_equal(reass_tab_datagrams(tab), 3);
	stop();
}

/* --- against a naive twin --- */

#define TWIN_MAX 64

struct twin_dgram {
	struct reass_key key;
	uint64_t deadline;
	bool dead;
	enum dp_drop why;
	uint32_t n;
	uintptr_t frag[REASS_MAX_FRAGMENTS];
};

/* In the order of their birth (living ones) or death (dead ones). */
static struct {
	uint32_t n, max_datagrams, max_fragments, max_per_source;
	struct twin_dgram d[TWIN_MAX];
	struct event event[MAX_EVENT];
	uint32_t events;
} twin;

static void twin_drop(uintptr_t id, enum dp_drop why)
{
	twin.event[twin.events++] = (struct event){ id, why, pieces[id - 1].off == 0 };
}

static void twin_remove(uint32_t i, enum dp_drop why)
{
	for (uint32_t f = 0; f < twin.d[i].n; f++)
		twin_drop(twin.d[i].frag[f], why);
	memmove(&twin.d[i], &twin.d[i + 1], (twin.n - i - 1) * sizeof(twin.d[0]));
	twin.n--;
}

static uint32_t twin_find(const struct reass_key *k)
{
	uint32_t i = 0;

	while (i < twin.n && memcmp(&twin.d[i].key, k, sizeof(*k)) != 0)
		i++;
	return i;
}

static uint32_t twin_fragments(const struct ip6_addr *src)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < twin.n; i++) {
		if (src == NULL || ip6_eq(src, &twin.d[i].key.src))
			sum += twin.d[i].n;
	}
	return sum;
}

/* The first living datagram (or grave) of the source (or of anyone) but `not_this`. */
static uint32_t twin_oldest(bool dead, const struct ip6_addr *src, const struct reass_key *not_this)
{
	uint32_t i = 0;

	for (; i < twin.n; i++) {
		if (twin.d[i].dead == dead && (src == NULL || ip6_eq(src, &twin.d[i].key.src)) &&
			(not_this == NULL ||
				memcmp(&twin.d[i].key, not_this, sizeof(*not_this)) != 0))
			break;
	}
	return i;
}

static uint32_t twin_begin(const struct reass_key *k, uint64_t now)
{
	if (twin.n == twin.max_datagrams) {
		uint32_t i = twin_oldest(true, NULL, NULL);

		twin_remove(i < twin.n ? i : twin_oldest(false, NULL, NULL), DP_DROP_FRAG_EVICTED);
	}
	twin.d[twin.n] = (struct twin_dgram){ .key = *k, .deadline = now + TIMEOUT };
	return twin.n++;
}

/* By octets: which of them are there, where is the end. */
static enum dp_drop twin_judge(const struct twin_dgram *d, const struct piece *p)
{
	static uint8_t there[1 << 17];
	uint32_t end = (uint32_t)p->off + p->len, highest = 0, total = 0;
	bool overlaps = false;

	memset(there, 0, sizeof(there));
	for (uint32_t i = 0; i < d->n; i++) {
		const struct piece *q = &pieces[d->frag[i] - 1];

		if (q->off == p->off && q->len == p->len && q->more == p->more &&
			memcmp(q->octets, p->octets, p->len) == 0)
			return DP_DROP_FRAG_DUPLICATE;
		memset(there + q->off, 1, q->len);
		if ((uint32_t)q->off + q->len > highest)
			highest = (uint32_t)q->off + q->len;
		if (!q->more)
			total = (uint32_t)q->off + q->len;
	}
	for (uint32_t i = p->off; i < end; i++)
		overlaps |= there[i];
	if (overlaps || (!p->more && (total > 0 || highest > p->off)) ||
		(p->more && total > 0 && end >= total))
		return DP_DROP_FRAG_OVERLAP;
	if (end > OCTETS)
		return DP_DROP_FRAG_TOO_BIG;
	return d->n == REASS_MAX_FRAGMENTS ? DP_DROP_FRAG_TOO_MANY : NOTHING;
}

static bool twin_complete(const struct twin_dgram *d)
{
	uint32_t sum = 0, total = 0;

	for (uint32_t i = 0; i < d->n; i++) {
		const struct piece *p = &pieces[d->frag[i] - 1];

		sum += p->len;
		if (!p->more)
			total = (uint32_t)p->off + p->len;
	}
	return total > 0 && sum == total;
}

static void twin_bury(uint32_t i, enum dp_drop why, uint64_t now)
{
	struct twin_dgram grave = {
		.key = twin.d[i].key, .dead = true, .why = why, .deadline = now + TIMEOUT
	};

	twin_remove(i, why);
	twin.d[twin.n++] = grave;
}

/* How many fragments the completed datagram has, 0: none. */
static uint32_t twin_put(const struct reass_key *k, uintptr_t id, uint64_t now)
{
	uint32_t i = twin_find(k), n;
	enum dp_drop why;

	twin.events = 0;
	if (i < twin.n && twin.d[i].deadline <= now) {
		twin_remove(i, DP_DROP_FRAG_TIMEOUT);
		i = twin.n;
	}
	if (i == twin.n)
		i = twin_begin(k, now);
	if (twin.d[i].dead) {
		twin_drop(id, twin.d[i].why);
		return 0;
	}
	why = twin_judge(&twin.d[i], &pieces[id - 1]);
	if (why != NOTHING) {
		if (why != DP_DROP_FRAG_DUPLICATE)
			twin_bury(i, why, now);
		twin_drop(id, why);
		return 0;
	}
	if (twin_fragments(&k->src) == twin.max_per_source)
		twin_remove(twin_oldest(false, &k->src, k), DP_DROP_FRAG_SOURCE_LIMIT);
	if (twin_fragments(NULL) == twin.max_fragments)
		twin_remove(twin_oldest(false, NULL, k), DP_DROP_FRAG_EVICTED);
	i = twin_find(k);
	twin.d[i].frag[twin.d[i].n++] = id;
	if (!twin_complete(&twin.d[i]))
		return 0;
	n = twin.d[i].n;
	twin.d[i].n = 0;
	twin_remove(i, NOTHING);
	return n;
}

static void twin_expire(uint64_t now)
{
	twin.events = 0;
	for (uint32_t i = 0; i < twin.n;) {
		if (twin.d[i].deadline <= now)
			twin_remove(i, DP_DROP_FRAG_TIMEOUT);
		else
			i++;
	}
}

static int by_id(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static void compare(uint64_t step)
{
	uint32_t living = 0;

	qsort(events, event_count, sizeof(events[0]), by_id);
	qsort(twin.event, twin.events, sizeof(twin.event[0]), by_id);
	if (event_count != twin.events)
		fail_msg("step %llu: %u dropped, twin %u", (unsigned long long)step, event_count,
			twin.events);
	for (uint32_t i = 0; i < event_count; i++) {
		if (events[i].id != twin.event[i].id || events[i].why != twin.event[i].why ||
			events[i].first != twin.event[i].first)
			fail_msg("step %llu: %s of %zu, twin %s of %zu", (unsigned long long)step,
				dp_drop_name(events[i].why), events[i].id,
				dp_drop_name(twin.event[i].why), twin.event[i].id);
	}
	for (uint32_t i = 0; i < twin.n; i++)
		living += !twin.d[i].dead;
	assert_int_equal(reass_tab_datagrams(tab), living);
	assert_int_equal(reass_tab_fragments(tab), twin_fragments(NULL));
	assert_int_equal(reass_tab_is_empty(tab), twin.n == 0);
}

/* Mostly the next cut of an honest datagram, in any order and sometimes again; then and now
 * anything. */
static uintptr_t random_piece(uint64_t *rng, const struct reass_key *k)
{
	uint32_t unit = 8 << (k->id % 3), last = k->id > 2 ? REASS_MAX_FRAGMENTS : 3 * k->id;
	uint32_t d = twin_find(k), i = (uint32_t)rng_below(rng, last + 1);
	uint64_t mood = rng_below(rng, 200);

	if (mood < 100 && d < twin.n) /* often in order, or long ones would never be done */
		i = twin.d[d].n % (last + 1);
	if (mood < 4)
		return piece_new(k, 8 * (uint32_t)rng_below(rng, 20),
			8 * (1 + (uint32_t)rng_below(rng, 8)), rng_below(rng, 2) == 0, 0);
	if (mood < 5)
		return piece_new(k, OCTETS - 64 + 8 * (uint32_t)rng_below(rng, 16), 8, true, 0);
	if (i == last)
		return piece_new(k, i * unit, 1 + k->src.b[15] % unit, false, mood < 7 ? 1 : 0);
	return piece_new(k, i * unit, unit, true, mood < 7 ? 1 : 0);
}

/* Numbers of pieces are used again when all are gone. */
static void start_over(uint32_t datagrams, uint32_t fragments, uint32_t per_source)
{
	start(datagrams, fragments, per_source);
	memset(&twin, 0, sizeof(twin));
	twin.max_datagrams = datagrams;
	twin.max_fragments = fragments;
	twin.max_per_source = per_source;
}

static void run_model(uint64_t *rng, uint32_t *seen)
{
	uint64_t now = 0;

	for (uint64_t step = 0; step < MAX_EVENT; step++) {
		struct reass_key k = key((uint8_t)rng_below(rng, 4), (uint32_t)rng_below(rng, 5));
		uintptr_t id;
		uint32_t want;

		now += rng_below(rng, 300) == 0 ? rng_below(rng, TIMEOUT / 4) : rng_below(rng, 2);
		if (rng_below(rng, 30) == 0) {
			event_count = 0;
			twin_expire(now);
			reass_tab_expire(tab, now, UINT32_MAX);
			compare(step);
		}
		id = random_piece(rng, &k);
		want = twin_put(&k, id, now);
		assert_int_equal(put(&k, id, now), want);
		compare(step);
		for (uint32_t i = 0; i < event_count; i++)
			seen[events[i].why]++;
		seen[NOTHING] += want > 0;
	}
}

static void test_model(void **state)
{
	uint64_t seed = rng_start("reass_tab");
	uint32_t seen[DP_DROP_COUNT + 1] = { 0 };

	(void)state;
	for (unsigned round = 0; round < 60; round++) {
		/* each bound is met in turn, and in the fourth round hardly any */
		start_over(round % 4 == 0 ? 2 + (uint32_t)rng_below(&seed, 6) : 30,
			17 + (uint32_t)rng_below(&seed, round % 4 == 1 ? 20 : 300),
			17 + (uint32_t)rng_below(&seed, round % 4 == 2 ? 10 : 200));
		run_model(&seed, seen);
		stop();
	}
	/* a model that never meets a rule says nothing about it */
	for (enum dp_drop why = DP_DROP_FRAG_DUPLICATE; why <= DP_DROP_FRAG_EVICTED; why++) {
		if (why != DP_DROP_FRAG_ECN && seen[why] == 0)
			fail_msg("%s never occurred", dp_drop_name(why));
	}
	assert_true(seen[NOTHING] > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_per_source),
		cmocka_unit_test(test_all_fragments),
		cmocka_unit_test(test_all_datagrams),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
