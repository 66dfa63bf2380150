/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets carried from site to site through the real stages, sealed or in clear. Sites that agree
 * lose none, whoever of them joins, drains, has left, is dead or cut off, as long as one is ready;
 * sites that believe anything of each other may drop it, with a reason. In either case it passes at
 * most two mesh tunnels before it is opened or wrapped, and two more behind that; what reaches the
 * mobile node comes from the address that it is bound at.
 */
#include "sites.h"

#include "rng.h"

#define MN      "2001:db8:a::100"
#define COA     "2001:db8:f::1"
#define OLD_COA "2001:db8:f::2"
#define MN2     "2001:db8:a::200"
#define COA2    "2001:db8:f::9"
#define CN      "2001:db8:c::1"

enum kind {
	TO_MN, /* from a correspondent */
	FROM_MN, /* in its tunnel, to a correspondent */
	MN_TO_MN, /* in its tunnel, to the other mobile node */
	UPDATE, /* a Binding Update */
	ECHO,
	KINDS
};

static uint64_t first, rng; /* where random numbers began, and are */

static unsigned below(unsigned n)
{
	return (unsigned)rng_below(&rng, n);
}

/* How its way ended. */
struct end {
	enum { ROUTED, TUNNELLED, CONTROL, DROPPED } how;
	uint8_t site;
	unsigned hops, levels; /* mesh tunnels in all; times that it was opened or wrapped */
	struct fate fate;
};

static const struct net_ip6 *head_of(const struct pkt *p)
{
	return (const struct net_ip6 *)p->b;
}

static struct pkt between(const struct ip6_addr *src, const struct ip6_addr *dst, enum kind kind)
{
	const uint8_t mh[16] = { 59, 1, 5 }, ping[8] = { 128 };

	if (kind == UPDATE)
		return ip6(src, dst, IP6_MH, mh, sizeof(mh));
	if (kind == ECHO)
		return ip6(src, dst, IP6_ICMP6, ping, sizeof(ping));
	return ip6(src, dst, IP6_UDP, NULL, 100);
}

static struct pkt make(enum kind kind, unsigned agent)
{
	struct ip6_addr mn = addr(MN), mn2 = addr(MN2), cn = addr(CN), coa = addr(COA),
			ha = agent_address(0, (uint8_t)agent);
	struct pkt inner;

	switch (kind) {
	case TO_MN:
		return between(&cn, &mn, kind);
	case FROM_MN:
	case MN_TO_MN:
		inner = between(&mn, kind == FROM_MN ? &cn : &mn2, kind);
		return ip6(&coa, &ha, IP6_IN_IP6, inner.b, inner.n);
	case UPDATE:
		return between(&coa, &ha, kind);
	default:
		return between(&cn, &ha, kind);
	}
}

/* The site that a mesh tunnel leads to; 0: it is none. */
static uint8_t other_end(const struct pkt *p)
{
	for (uint8_t n = 1; n <= SITES; n++) {
		struct ip6_addr a = site_address(n);

		if (ip6_eq(&head_of(p)->dst, &a))
			return n;
	}
	return 0;
}

static struct end follow(const struct pkt *p, uint8_t site)
{
	struct end e = { .site = site, .fate = { .pkt = *p } };
	uint64_t opened = 0;

	for (uint8_t n = 1; n <= SITES; n++)
		opened += sites[n].w.counters.c[DP_COUNTER_DECAPSULATED];
	do {
		struct pkt in = e.fate.pkt;

		e.fate = site_take(&sites[e.site], &in);
		if (e.fate.door != DOOR_TX) {
			e.how = e.fate.door < 0 ? CONTROL : DROPPED;
			break;
		}
		if (other_end(&e.fate.pkt) == 0) {
			e.how = head_of(&e.fate.pkt)->next_header == IP6_IN_IP6 ? TUNNELLED
										: ROUTED;
			break;
		}
		e.site = other_end(&e.fate.pkt);
		e.hops++;
		if (e.hops > 8)
			fail_msg("it goes round: HAMD_SEED=0x%lx", first);
	} while (true);
	for (uint8_t n = 1; n <= SITES; n++)
		e.levels += (unsigned)sites[n].w.counters.c[DP_COUNTER_DECAPSULATED];
	e.levels -= (unsigned)opened;
	return e;
}

/* --- what sites know --- */

static uint64_t seen[KINDS][DROPPED + 1];

static void forget(struct site *s, const char *hoa)
{
	struct ip6_addr a = addr(hoa);

	(void)bc_remove(s->t->bc, &a);
	rte_rcu_qsbr_quiescent(s->t->rcu, 0);
	dq_run(s->t->dq, 16);
}

static void bind_all(const char *hoa, const char *coa, unsigned agent, unsigned owner)
{
	for (uint8_t n = 1; n <= SITES; n++) {
		forget(&sites[n], hoa);
		bind_at(&sites[n], hoa, coa, 0, (uint8_t)agent, (uint8_t)owner);
	}
}

static unsigned site_or_shared(const struct site *s, unsigned n)
{
	return s->conf.domains[0].mode == CONF_MODE_SHARED ? 1 : n;
}

/* The same at all sites, one of them ready. Two may be cut off, both up at the third. */
static void agree(char views[SITES + 1][SITES + 1])
{
	char says[SITES + 1] = { 0 };
	unsigned cut = below(8); /* 1..3: between the other two of them */

	do {
		for (unsigned i = 0; i < SITES; i++)
			says[i] = "rrdjlx"[below(6)];
	} while (strchr(says, 'r') == NULL);
	for (uint8_t n = 1; n <= SITES; n++)
		memcpy(views[n], says, sizeof(says));
	if (cut < 1 || cut > 3 || strspn(says, "r") < SITES)
		return;
	for (uint8_t n = 1; n <= SITES; n++)
		if (n != cut)
			views[n][6 - cut - n - 1] = (char)('0' + cut);
}

static void disagree(char views[SITES + 1][SITES + 1])
{
	for (uint8_t n = 1; n <= SITES; n++) {
		for (uint8_t of = 1; of <= SITES; of++) {
			char *v = &views[n][of - 1];

			do {
				*v = "rrrdjlx123"[below(n == of ? 7 : 10)];
			} while (*v == '0' + n || *v == '0' + of);
		}
	}
}

static void believe_all(char views[SITES + 1][SITES + 1])
{
	for (uint8_t n = 1; n <= SITES; n++)
		believe(&sites[n], 0, views[n]);
}

/* --- checks --- */

static const char *words(char views[SITES + 1][SITES + 1])
{
	static char text[64];

	snprintf(text, sizeof(text), "%s %s %s, HAMD_SEED=0x%lx", views[1], views[2], views[3],
		first);
	return text;
}

/* Where it came out: bounded, and from the right address. */
static void check_end(const struct end *e, unsigned agent, unsigned agent2, const char *say)
{
	struct ip6_addr ha = agent_address(0, (uint8_t)agent), mn2 = addr(MN2);
	const struct net_ip6 *ip = head_of(&e->fate.pkt);

	if (e->how == TUNNELLED && ip6_eq(&(ip + 1)->dst, &mn2))
		ha = agent_address(0, (uint8_t)agent2);
	if (e->hops > 2 * (1 + e->levels))
		fail_msg("%u hops, %u levels: %s", e->hops, e->levels, say);
	if (e->how == TUNNELLED && !ip6_eq(&ip->src, &ha))
		fail_msg("from another address: %s", say);
	if (e->how == DROPPED && e->fate.door != DP_DROP_NOT_READY &&
		e->fate.door != DP_DROP_MESH_BACK && e->fate.door != DP_DROP_MESH_HOP_LIMIT &&
		e->fate.door != DP_DROP_DECAP_WRONG_COA && e->fate.door != DP_DROP_DECAP_NO_BINDING)
		fail_msg("dropped for %s: %s", dp_drop_name((enum dp_drop)e->fate.door), say);
}

/* Sites that agree: it arrives. */
static void check_arrival(const struct end *e, enum kind kind, const char *say)
{
	static const int want[KINDS] = { [TO_MN] = TUNNELLED,
		[FROM_MN] = ROUTED,
		[MN_TO_MN] = TUNNELLED,
		[UPDATE] = CONTROL,
		[ECHO] = CONTROL };
	struct ip6_addr to = addr(kind == FROM_MN ? CN : kind == MN_TO_MN ? COA2 : COA);

	if ((int)e->how != want[kind])
		fail_msg("kind %d: ended by %d, %s: %s", kind, e->how,
			e->fate.door >= 0 ? dp_drop_name((enum dp_drop)e->fate.door) : "no drop",
			say);
	if (want[kind] != CONTROL && !ip6_eq(&head_of(&e->fate.pkt)->dst, &to))
		fail_msg("kind %d went elsewhere: %s", kind, say);
	if (want[kind] == CONTROL && e->fate.door == DOOR_PUNT(DP_PUNT_ERROR))
		fail_msg("kind %d was refused: %s", kind, say);
}

/* All kinds of packets in at all sites that are there. */
static void inject_all(
	bool agreed, char views[SITES + 1][SITES + 1], unsigned agent, unsigned agent2)
{
	for (uint8_t n = 1; n <= SITES; n++) {
		for (unsigned i = 0; i < KINDS * SITES; i++) {
			enum kind kind = i % KINDS;
			unsigned to = kind == UPDATE || kind == ECHO
					      ? site_or_shared(&sites[1], 1 + i / KINDS)
					      : agent;
			struct pkt p = make(kind, to);
			struct end e;

			if (views[n][n - 1] == 'x')
				continue; /* dead: nothing comes in there */
			e = follow(&p, n);
			seen[kind][e.how]++;
			check_end(&e, agent, agent2, words(views));
			if (agreed)
				check_arrival(&e, kind, words(views));
		}
	}
}

static void with_all(void (*fn)(unsigned agent, unsigned agent2), unsigned turns)
{
	memset(seen, 0, sizeof(seen));
	first = rng = rng_start("sites");
	for (unsigned w = 0; w < 8; w++) {
		sites_make((enum conf_mode)(w & 1), (enum conf_delivery)(w >> 1 & 1), w >= 4);
		for (unsigned i = 0; i < turns; i++) {
			unsigned agent = site_or_shared(&sites[1], 1 + below(SITES));

			fn(agent, site_or_shared(&sites[1], 1 + below(SITES)));
		}
	}
	for (unsigned k = 0; k < KINDS; k++)
		print_message("kind %u: routed %lu tunnelled %lu control %lu dropped %lu\n", k,
			seen[k][ROUTED], seen[k][TUNNELLED], seen[k][CONTROL], seen[k][DROPPED]);
}

static void agreed_turn(unsigned agent, unsigned agent2)
{
	char views[SITES + 1][SITES + 1] = { 0 };

	agree(views);
	believe_all(views);
	bind_all(MN, COA, agent, 1 + below(SITES));
	bind_all(MN2, COA2, agent2, 1 + below(SITES));
	inject_all(true, views, agent, agent2);
}

static void test_agreed(void **state)
{
	(void)state;
	with_all(agreed_turn, 60);
	for (unsigned k = 0; k < KINDS; k++)
		assert_int_equal(seen[k][DROPPED], 0);
}

/* Each has a binding, an old one or none, and anybody for its owner. */
static void bind_somehow(const char *hoa, const char *coa, unsigned agent)
{
	for (uint8_t n = 1; n <= SITES; n++) {
		unsigned what = below(4);

		forget(&sites[n], hoa);
		if (what > 0)
			bind_at(&sites[n], hoa, what == 1 ? OLD_COA : coa, 0, (uint8_t)agent,
				(uint8_t)(1 + below(SITES)));
	}
}

static void disagreed_turn(unsigned agent, unsigned agent2)
{
	char views[SITES + 1][SITES + 1] = { 0 };

	disagree(views);
	believe_all(views);
	bind_somehow(MN, COA, agent);
	bind_somehow(MN2, COA2, agent2);
	inject_all(false, views, agent, agent2);
}

static void test_disagreed(void **state)
{
	(void)state;
	with_all(disagreed_turn, 200);
	assert_true(seen[TO_MN][TUNNELLED] > 0 && seen[FROM_MN][ROUTED] > 0);
	assert_true(seen[FROM_MN][DROPPED] > 0 && seen[UPDATE][DROPPED] > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_agreed),
		cmocka_unit_test(test_disagreed),
	};

	return cmocka_run_group_tests(tests, sites_set_up, sites_tear_down);
}
