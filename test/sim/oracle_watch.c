/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long things take: what is healed before anybody asks was broken all the same. Who can't be
 * reached is called dead in time, who can be is not for long; a refresh is answered at once, and no
 * registration is called replicated before another site can have heard of it; nobody's binding
 * goes round between sites.
 */
#include <errno.h>
#include <stdlib.h>

#include "oracle_priv.h"

#define LOOK_US    (100 * MS) /* between two looks at who calls whom dead */
#define SITES_MOST 16 /* of more, pairs are not looked at */
#define AT_ONCE_US (5 * MS) /* what waits for nobody takes no longer */
#define CLAIMS     8 /* takeovers of one binding at one site in CLAIMS_US are too many */
#define CLAIMS_US  (2 * S)
#define HELD_US    (5 * S) /* a digest round, of which each question may be asked some times */
#define LOSSY_US   (15 * S) /* ... where some of it is lost */
#define ROOM_US    (5 * S) /* no room is told of for a second, then that there is, some times */
#define RETURN_US  (5 * S) /* a session is made anew, hellos go to and fro, and may be lost */

/* One site's mind about another one, in a domain. */
struct mind {
	uint32_t boot; /* in that life of the first one */
	bool lives;
	uint64_t lives_us; /* since when it says so, or not */
	uint64_t same_us; /* since when the network is what it is between them */
	bool is_reached; /* ... namely so */
	bool is_direct;
};

struct watch {
	struct mind mind[SHAPE_DOMAINS][SITES_MOST + 1][SITES_MOST + 1];
	struct claims {
		uint64_t us[CLAIMS];
		uint32_t count;
	} claims[SHAPE_MNS][SITES_MOST + 1];
	uint64_t room_us[SITES_MOST + 1];
};

/* --- dead or alive --- */

static uint64_t limit_us(const struct world *w)
{
	uint64_t once = (w->shape.dead_ms + 2 * w->shape.hello_ms) * MS;

	/* one who speaks for it may take as long as we do */
	return 2 * once + 4ULL * (w->shape.delay_us + w->shape.jitter_us) + 500 * MS;
}

/* Since when both have served, and known that of each other, with nothing between them. */
static uint64_t both_since_us(struct world *w, uint8_t d, uint8_t by, uint8_t node)
{
	const struct oracle *o = w->oracle;
	const struct mind *m = &o->watch->mind[d][by][node];
	uint64_t us[] = { o->paths_us, o->served_us[by][d], o->served_us[node][d],
		o->life[by].at_us, o->life[node].at_us, m->same_us, m->lives_us };
	uint64_t last = 0;

	for (unsigned i = 0; i < DIM(us); i++)
		last = us[i] > last ? us[i] : last;
	return last;
}

/* They hear each other, know that of each other, and serve. */
static bool are_both_there(struct world *w, uint8_t d, uint8_t by, uint8_t node)
{
	const struct mind *m = &w->oracle->watch->mind[d][by][node];

	return m->is_direct && m->lives && m->boot == w->site[by]->boot &&
	       w->oracle->open_paths == 0 && w->site[by]->announced[d] &&
	       w->site[node]->announced[d];
}

/* What is lost of a round is asked for again after a while; where handshakes drown in a flood, keys
 * that have sealed as much as they may are made anew after it. */
static uint64_t held_us(const struct world *w)
{
	return w->shape.loss_ppm == 0 && !w->shape.is_attacked ? HELD_US : LOSSY_US;
}

/* Whoever came back is kept out until a digest round is complete, and such a round ends though mobile
 * nodes come and go. */
static void look_at_door(struct world *w, uint8_t d, uint8_t by, uint8_t node)
{
	uint64_t us;

	/* what has no room differs in each round: it ends when all was asked for often enough; and a
	 * domain waits for its turn while a bought member lasts out that of the other */
	if (w->shape.is_cramped || !are_both_there(w, d, by, node) ||
		w->site[by]->kind->lets_in(w->site[by], d, node))
		return;
	us = w->now_us - both_since_us(w, d, by, node);
	if (us > (w->shape.hostile != 0 ? 2 : 1) * held_us(w) + oracle_fill_us(w))
		world_fail(w,
			"site %u is held out too long: site %u has known for %llu ms that it "
			"serves",
			node, by, (unsigned long long)(us / MS));
}

static bool has_run_for(struct world *w, uint8_t node, uint64_t us)
{
	return site_runs(w->site[node]) && w->oracle->life[node].at_us + us < w->now_us;
}

static void look_at(struct world *w, uint8_t d, uint8_t by, uint8_t node)
{
	struct mind *m = &w->oracle->watch->mind[d][by][node];
	bool runs = site_runs(w->site[node]);
	bool direct = runs && oracle_hear_each_other(w, by, node);
	bool reached = direct || (runs && oracle_is_bridged(w, d, by, node));
	bool lives = m->lives && m->boot == w->site[by]->boot;

	if (reached != m->is_reached || direct != m->is_direct || m->same_us == 0)
		m->same_us = w->now_us;
	m->is_reached = reached;
	m->is_direct = direct;
	if (!reached && lives && w->now_us > m->same_us + limit_us(w) &&
		w->now_us > m->lives_us + limit_us(w) && has_run_for(w, by, limit_us(w)))
		world_fail(w, "site %u has called site %u alive for %llu ms, and can't reach it",
			by, node, (unsigned long long)((w->now_us - m->same_us) / MS));
	if (direct && !lives && w->shape.loss_ppm == 0 && w->oracle->open_paths == 0 &&
		w->now_us > w->oracle->paths_us + RETURN_US && w->now_us > m->same_us + RETURN_US &&
		w->now_us > m->lives_us + RETURN_US && has_run_for(w, by, RETURN_US) &&
		has_run_for(w, node, RETURN_US))
		world_fail(w, "site %u calls site %u dead still, which it can reach", by, node);
}

/* It has had room in each domain since then. */
static void look_at_room(struct world *w, uint8_t node)
{
	uint64_t *since_us = &w->oracle->watch->room_us[node];

	for (uint8_t d = 0; d < w->shape.domains; d++)
		if (site_is_member(w->site[node], d) &&
			!w->site[node]->kind->has_room(w->site[node], d))
			*since_us = w->now_us;
}

static void look_at_full(struct world *w, uint8_t d, uint8_t by, uint8_t node)
{
	uint64_t since_us = both_since_us(w, d, by, node);

	/* what workers hold on to, and what memory there is, nobody outside can tell */
	if (!are_both_there(w, d, by, node) || w->shape.loss_ppm > 0 ||
		shape_knows(&w->shape, FAULT_ROOM) || shape_knows(&w->shape, FAULT_MEMORY) ||
		w->shape.hostile != 0)
		return;
	if (w->oracle->watch->room_us[node] > since_us)
		since_us = w->oracle->watch->room_us[node];
	if (w->now_us > since_us + ROOM_US && w->site[by]->kind->calls_full(w->site[by], node))
		world_fail(w, "site %u calls site %u full, which has had room for %llu ms", by,
			node, (unsigned long long)((w->now_us - since_us) / MS));
}

static void look_at_both(struct world *w, uint8_t d, uint8_t by, uint8_t node)
{
	look_at(w, d, by, node);
	look_at_door(w, d, by, node);
	look_at_full(w, d, by, node);
}

static void look(struct world *w, void *ctx, uint64_t arg)
{
	(void)ctx;
	(void)arg;
	world_at(w, w->now_us + LOOK_US, look, NULL, 0);
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		if (site_runs(w->site[n]) && w->site[n]->kind->has_mesh)
			look_at_room(w, n);
	for (uint8_t d = 0; d < w->shape.domains; d++)
		for (uint8_t by = 1; by <= w->shape.sites; by++)
			for (uint8_t node = 1; node <= w->shape.sites; node++)
				if (!shape_is_spoilt(&w->shape, d) && by != node &&
					site_runs(w->site[by]) && w->site[by]->kind->has_mesh &&
					site_is_member(w->site[by], d) &&
					site_is_member(w->site[node], d))
					look_at_both(w, d, by, node);
}

void oracle_verdict(struct world *w, uint8_t domain, uint8_t by, uint8_t node, bool lives)
{
	const struct oracle *o = w->oracle;
	uint64_t long_us = (3 * w->shape.dead_ms + 2000) * MS;

	if (shape_is_spoilt(&w->shape, domain))
		return;
	if (o->watch != NULL) {
		struct mind *m = &o->watch->mind[domain][by][node];

		/* what it said in an earlier life it has not gone on saying since */
		if (m->lives != lives || m->boot != w->site[by]->boot)
			m->lives_us = w->now_us;
		m->lives = lives;
		m->boot = w->site[by]->boot;
	}
	if (lives || w->shape.loss_ppm > 0 || o->open_paths > 0 ||
		w->now_us < o->paths_us + long_us || !site_runs(w->site[node]))
		return;
	/* who stood still asks nobody to have spoken meanwhile: what they said waits to be read */
	if (oracle_is_calm(w, node, false) &&
		(w->site[by]->is_waking || oracle_is_calm(w, by, true)))
		world_fail(w,
			"site %u calls site %u dead, which lives, and nothing is between them", by,
			node);
}

bool oracle_had_peer(struct world *w, uint8_t domain, uint8_t node)
{
	for (uint8_t n = 1; n <= w->shape.sites && w->oracle->watch != NULL; n++) {
		const struct mind *m = &w->oracle->watch->mind[domain][node][n];

		if (w->site[n]->announced[domain] &&
			w->oracle->served_us[n][domain] + S < w->now_us && m->lives &&
			m->boot == w->site[node]->boot && m->lives_us + S < w->now_us)
			return true;
	}
	return false;
}

/* --- takeovers --- */

void oracle_took_over(struct world *w, uint8_t node, uint8_t mn)
{
	struct claims *c;
	uint64_t *at;

	w->oracle->subject[mn].took_us = w->now_us;
	if (w->oracle->watch == NULL || oracle_is_spoilt(w, mn))
		return;
	c = &w->oracle->watch->claims[mn][node];
	at = &c->us[c->count++ % CLAIMS];
	if (c->count > CLAIMS && *at + CLAIMS_US > w->now_us)
		world_fail(w, "site %u takes mn %u over for the %u. time in %llu ms", node, mn,
			CLAIMS + 1, (unsigned long long)((w->now_us - *at) / MS));
	*at = w->now_us;
}

void oracle_moved(struct world *w, uint8_t mn)
{
	w->oracle->subject[mn].took_us = w->now_us;
}

/* --- acknowledgements --- */

static struct bu *asked(const struct subject *s, const struct ip6_addr *agent, uint16_t seq)
{
	for (uint32_t i = s->count; i > 0; i--)
		if (s->bu[i].pkt.bu.seq == seq && ip6_eq(&s->bu[i].pkt.hdr[0].dst, agent))
			return &s->bu[i];
	return NULL;
}

static bool is_same_word(const struct bu *a, const struct bu *b)
{
	return a->agent == b->agent && ip6_eq(&a->pkt.hdr[0].src, &b->pkt.hdr[0].src) &&
	       a->pkt.bu.lifetime_s != 0 && b->pkt.bu.lifetime_s != 0;
}

void oracle_heard(struct world *w, uint8_t node, uint8_t mn, const struct pkt *p)
{
	struct bu *b = asked(&w->oracle->subject[mn], &p->hdr[0].dst, p->bu.seq);

	if (b == NULL)
		return;
	for (unsigned i = 0; i < DIM(b->heard); i++) {
		if (b->heard[i].node == node)
			return;
		if (b->heard[i].node != 0)
			continue;
		b->heard[i].node = node;
		b->heard[i].us = w->now_us;
		return;
	}
}

uint64_t oracle_heard_us(const struct bu *b, uint8_t node)
{
	for (unsigned i = 0; i < DIM(b->heard); i++)
		if (b->heard[i].node == node)
			return b->heard[i].us;
	return UINT64_MAX;
}

/* Nothing has been amiss since long before it was sent. */
static bool is_calm_since(struct world *w, const struct bu *b)
{
	return oracle_is_settled(w) && w->oracle->changed_us + oracle_settle_us(w) < b->sent_us;
}

/* The last registration that was acknowledged before it; all in between say the same as this, and no
 * other site has accepted one of them: then that one would be the owner. */
static const struct bu *before(const struct subject *s, const struct bu *b, uint8_t node)
{
	const struct bu *a = b - 1;

	while (a > s->bu && a->acked_us == 0 && is_same_word(a, b) &&
		(a->answered_by == 0 || a->answered_by == node))
		a--;
	return a > s->bu && a->acked_us != 0 ? a : NULL;
}

static void judge_refresh(struct world *w, uint8_t node, uint8_t mn, const struct bu *b)
{
	const struct subject *s = &w->oracle->subject[mn];
	const struct bu *a = before(s, b, node);
	uint64_t us = oracle_heard_us(b, node);

	if (a == NULL || us == UINT64_MAX || !is_same_word(a, b) || a->by != node || s->is_void ||
		s->took_us >= a->sent_us || !is_calm_since(w, a) ||
		a->acked_us + oracle_spread_us(w) > us || w->now_us >= a->until_us)
		return;
	if (w->now_us > us + AT_ONCE_US)
		world_fail(w, "mn %u: site %u answers BU #%u, a refresh of its own, after %llu ms",
			mn, node, (uint32_t)(b - s->bu),
			(unsigned long long)((w->now_us - us) / MS));
}

static uint64_t nearest_us(struct world *w, uint8_t domain, uint8_t node)
{
	uint64_t least = UINT64_MAX;

	for (uint8_t n = 1; n <= w->shape.sites; n++)
		if (n != node && site_is_member(w->site[n], domain) &&
			net_path(w, node, n)->delay_us + net_path(w, n, node)->delay_us < least)
			least = net_path(w, node, n)->delay_us + net_path(w, n, node)->delay_us;
	return least;
}

/* A new registration that is called replicated: was there time for a word to somebody and back? */
static void judge_commit(struct world *w, uint8_t node, uint8_t mn, const struct bu *b)
{
	const struct subject *s = &w->oracle->subject[mn];
	uint64_t first = oracle_heard_us(b, node);
	const struct bu *a = b;

	while (a - 1 > s->bu && is_same_word(a - 1, b)) {
		a--;
		if (a->acked_us != 0)
			return; /* it was registered before */
		if (oracle_heard_us(a, node) < first)
			first = oracle_heard_us(a, node);
	}
	/* what came before may have been lost, and then this is the registration that it was */
	if (a - 1 > s->bu && a[-1].acked_us == 0 && oracle_heard_us(a - 1, node) == UINT64_MAX)
		return;
	if (first == UINT64_MAX || !is_calm_since(w, a) || !w->site[node]->kind->has_mesh ||
		w->shape.domain[mn_domain(w, mn)].ack_peers == 0)
		return;
	if (w->now_us < first + nearest_us(w, mn_domain(w, mn), node))
		world_fail(w,
			"mn %u: site %u calls BU #%u replicated after %llu us, before anybody can "
			"have said so",
			mn, node, (uint32_t)(b - s->bu), (unsigned long long)(w->now_us - first));
}

void oracle_answers(struct world *w, uint8_t node, uint8_t mn, const struct pkt_ba *ba)
{
	struct bu *b = asked(&w->oracle->subject[mn], &ba->src, ba->seq);

	if (b == NULL || ba->status >= 128 || oracle_is_spoilt(w, mn))
		return;
	if (b->answered_by == 0)
		b->answered_by = node;
	if (ba->lifetime_s == 0)
		return;
	judge_refresh(w, node, mn, b);
	if (ba->is_replicated)
		judge_commit(w, node, mn, b);
}

/* --- beginning and end --- */

int oracle_watch_new(struct world *w)
{
	if (w->shape.sites > SITES_MOST)
		return 0;
	w->oracle->watch = calloc(1, sizeof(*w->oracle->watch));
	if (w->oracle->watch == NULL)
		return -ENOMEM;
	world_at(w, LOOK_US, look, NULL, 0);
	return 0;
}

void oracle_watch_free(struct world *w)
{
	free(w->oracle->watch);
}
