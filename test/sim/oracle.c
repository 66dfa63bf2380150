/* SPDX-License-Identifier: BSD-3-Clause */
#include "oracle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "mn.h"
#include "net.h"
#include "site.h"
#include "world.h"

#define HOPS_MAX     2 /* mesh tunnels for each time that a packet is opened or wrapped */
#define HOPS_ALL_MAX 8 /* two openings and two wraps, with that */
#define FATE_US      (3 * S) /* by then a packet has arrived or was dropped */
#define KEPT_MS      6000 /* a site that is not the owner keeps a record dead-ms and 5 s longer */

/* Tables are made at the start; what comes on top is for handshakes, questions under way and
 * fields that few records have. */
#define MEMORY_MORE (256ULL << 10)

/* A Binding Update that was sent. */
struct bu {
	struct pkt pkt;
	uint8_t agent;
	uint64_t sent_us, acked_us; /* 0: not acknowledged, or not heard of */
	uint64_t until_us; /* the mobile node believes in it until then */
	uint32_t granted_s;
	bool is_replicated; /* as the home agent said */
	uint8_t by; /* the site that acknowledged */
	bool unsettled; /* sent or acknowledged while not all was settled */
};

/* What there is of a mobile node. */
struct subject {
	struct bu *bu; /* [1..count] in the order of sending */
	uint32_t count, cap;
	uint32_t acked; /* the newest that was acknowledged; 0: none */
	bool is_void; /* nothing is promised until the next settled acknowledgement */
	uint64_t void_us;
};

enum fate { FATE_OPEN, FATE_ARRIVED, FATE_DROPPED, FATE_LOST };

struct probe {
	enum probe_kind kind;
	uint8_t mn, other, node;
	enum fate fate;
	uint64_t at_us;
	uint32_t floor; /* PROBE_TO, PROBE_BETWEEN: of the receiver, older ones must not win */
	bool is_strict; /* all was settled when it was sent */
	bool must_arrive; /* unless somebody says something new meanwhile: */
	uint32_t said, said_other; /* Binding Updates of both mobile nodes until then */
	struct ip6_addr dst; /* home address or correspondent */
};

/* What befell a site last. */
struct life {
	uint64_t at_us;
	uint64_t gap_us; /* it went on after so long; else UINT64_MAX */
};

struct oracle {
	uint32_t open_faults;
	uint64_t changed_us; /* the last begin or end of a fault */
	uint64_t unsettled_us; /* since when, the last time that it was not settled */
	uint64_t loss_us; /* the last loss of a site; 0: none */
	bool loss_unsettled; /* a loss, and nothing has settled since */
	bool is_whole,
		is_looked_at; /* sites can all reach each other; whether that is up to date */
	uint32_t open_paths;
	uint64_t paths_us; /* the last begin or end of a fault of paths */
	struct life life[SHAPE_SITES + 1];
	struct subject *subject; /* by mobile node */
	struct probe *probe; /* [1..count] */
	uint32_t count, cap;
	uint32_t judged; /* up to here every fate is known to be sealed */
};

/* Room for one more, [1..count]. */
static void *grown(void *list, uint32_t count, uint32_t *cap, size_t size)
{
	if (count + 1 < *cap)
		return list;
	*cap = *cap == 0 ? 64 : 2 * *cap;
	return mem_own_again(list, *cap * size);
}

int oracle_new(struct world *w)
{
	struct oracle *o = calloc(1, sizeof(*o));

	w->oracle = o;
	if (o == NULL)
		return -ENOMEM;
	o->subject = calloc(w->shape.mns, sizeof(*o->subject));
	for (unsigned i = 0; o->subject != NULL && i < w->shape.mns; i++) {
		struct subject *s = &o->subject[i];

		s->bu = grown(NULL, 0, &s->cap, sizeof(*s->bu));
		s->bu[0] = (struct bu){ 0 }; /* what was acknowledged before anything was */
	}
	return o->subject == NULL ? -ENOMEM : 0;
}

void oracle_free(struct world *w)
{
	struct oracle *o = w->oracle;

	if (o == NULL)
		return;
	for (unsigned i = 0; o->subject != NULL && i < w->shape.mns; i++)
		free(o->subject[i].bu);
	free(o->subject);
	free(o->probe);
	free(o);
}

/* --- faults --- */

/* Death is noticed, taken over, given back; a start waits for the others; the mobile nodes' lazily
 * sent refreshes, lost ones repeated, and a digest round. */
uint64_t oracle_settle_us(const struct world *w)
{
	uint64_t us = 3 * w->shape.dead_ms * MS + 6 * S + 20 * w->shape.delay_us;

	return w->shape.loss_ppm > 0 ? us + 4 * S : us;
}

/* How long a change takes to be everywhere when there is no fault. */
static uint64_t spread_us(const struct world *w)
{
	uint64_t us = 300 * MS + 8ULL * (w->shape.delay_us + w->shape.jitter_us);

	return w->shape.loss_ppm > 0 ? us + 2 * S : us;
}

static bool hear_each_other(struct world *w, uint8_t a, uint8_t b)
{
	const struct net_path *to = net_path(w, a, b), *back = net_path(w, b, a);

	return to->cuts + to->partitions + back->cuts + back->partitions == 0;
}

/* A site that is up hears both, and is near enough to speak for them. */
static bool is_bridged(struct world *w, uint8_t domain, uint8_t a, uint8_t b)
{
	for (uint8_t c = 1; c <= w->shape.sites; c++) {
		if (c == a || c == b || !site_runs(w->site[c]) ||
			!site_is_member(w->site[c], domain))
			continue;
		if (hear_each_other(w, a, c) && hear_each_other(w, c, b))
			return true;
	}
	return false;
}

/* Each pair of sites that run reaches each other, by another one at most. Several cuts together may
 * be a partition, and two sites that are cut off from each other have nobody else. */
static bool is_whole(struct world *w, uint8_t domain)
{
	for (uint8_t a = 1; a <= w->shape.sites; a++)
		for (uint8_t b = 1; b < a; b++) {
			if (!site_runs(w->site[a]) || !site_runs(w->site[b]) ||
				!site_is_member(w->site[a], domain) ||
				!site_is_member(w->site[b], domain))
				continue;
			if (!hear_each_other(w, a, b) && !is_bridged(w, domain, a, b))
				return false;
		}
	return true;
}

bool oracle_is_settled(struct world *w)
{
	struct oracle *o = w->oracle;

	if (!o->is_looked_at) {
		o->is_whole = true;
		for (uint8_t d = 0; d < w->shape.domains; d++)
			o->is_whole = o->is_whole && is_whole(w, d);
		o->is_looked_at = true;
	}
	return o->is_whole && o->open_faults == 0 &&
	       w->now_us >= o->changed_us + oracle_settle_us(w);
}

static void touch(struct world *w)
{
	struct oracle *o = w->oracle;

	if (oracle_is_settled(w)) {
		o->loss_unsettled = false;
		o->unsettled_us = w->now_us;
	}
	o->changed_us = w->now_us;
	o->is_looked_at = false;
}

void oracle_fault(struct world *w)
{
	touch(w);
}

void oracle_fault_begins(struct world *w)
{
	touch(w);
	w->oracle->open_faults++;
}

void oracle_fault_ends(struct world *w)
{
	touch(w);
	w->oracle->open_faults--;
}

void oracle_path_begins(struct world *w)
{
	w->oracle->open_paths++;
	w->oracle->paths_us = w->now_us;
}

void oracle_path_ends(struct world *w)
{
	w->oracle->open_paths--;
	w->oracle->paths_us = w->now_us;
}

void oracle_site(struct world *w, uint8_t node, uint64_t gap_us)
{
	w->oracle->life[node] = (struct life){ w->now_us, gap_us };
}

void oracle_memory(struct world *w, uint8_t node, uint64_t octets, uint64_t at_start)
{
	if (octets > at_start + MEMORY_MORE)
		world_fail(w, "site %u holds %llu octets, %llu when it began", node,
			(unsigned long long)octets, (unsigned long long)at_start);
}

/* Nobody served the domain, and somebody who is down was waited for: a start like that of all. */
void oracle_ready(struct world *w, uint8_t node, uint8_t domain)
{
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		if (n != node && site_is_member(w->site[n], domain) &&
			w->site[n]->announced[domain])
			return;
	oracle_fault(w);
}

/* Without a ready site a domain is not served; one that waits for those that are down may have to
 * wait for long. */
static bool is_waiting(struct world *w, uint8_t domain)
{
	bool is_down = false;

	for (uint8_t n = 1; n <= w->shape.sites; n++) {
		if (!site_is_member(w->site[n], domain))
			continue;
		if (w->site[n]->announced[domain])
			return false;
		is_down = is_down || !site_runs(w->site[n]);
	}
	return is_down;
}

/* Nothing but a short stop of its own, shorter than others wait, may have happened to it. */
static bool is_calm(struct world *w, uint8_t node, bool may_have_stopped)
{
	const struct life *l = &w->oracle->life[node];
	uint64_t long_us = (3 * w->shape.dead_ms + 2000) * MS;

	if (w->now_us > l->at_us + long_us)
		return true;
	return may_have_stopped && l->gap_us != UINT64_MAX &&
	       l->gap_us + 2 * w->shape.hello_ms * MS < w->shape.dead_ms * MS;
}

void oracle_verdict(struct world *w, uint8_t by, uint8_t node, bool lives)
{
	const struct oracle *o = w->oracle;
	uint64_t long_us = (3 * w->shape.dead_ms + 2000) * MS;

	if (lives || w->shape.loss_ppm > 0 || o->open_paths > 0 ||
		w->now_us < o->paths_us + long_us || !site_runs(w->site[node]))
		return;
	if (is_calm(w, node, false) && is_calm(w, by, true))
		world_fail(w,
			"site %u calls site %u dead, which lives, and nothing is between them", by,
			node);
}

static void excuse(struct world *w, struct subject *s)
{
	s->is_void = true;
	s->void_us = w->now_us;
}

/* Only one holder is certain: whoever acknowledged it, and not even one peer. */
static bool is_alone_at(struct world *w, const struct subject *s, uint8_t node)
{
	const struct bu *b = &s->bu[s->acked];

	if (s->acked == 0 || b->is_replicated || b->by != node)
		return false;
	/* settled since: then the others have it long ago */
	return !oracle_is_settled(w) || w->now_us < b->acked_us + oracle_settle_us(w);
}

void oracle_loss(struct world *w, uint8_t node)
{
	struct oracle *o = w->oracle;
	bool second;

	touch(w);
	second = o->loss_unsettled;
	for (unsigned i = 0; i < w->shape.mns; i++) {
		struct subject *s = &o->subject[i];

		if (!second && !is_alone_at(w, s, node))
			continue;
		if (!s->is_void)
			w->stats.void_loss++;
		excuse(w, s);
	}
	o->loss_unsettled = true;
	o->loss_us = w->now_us;
}

/* --- mobile nodes --- */

/* Registered with one agent address, then with another, and somebody may not have heard of the
 * first when the second came: then no one can tell which is newer (the numbers are two series). */
static bool is_agent_conflict(struct world *w, const struct subject *s, uint8_t agent)
{
	uint64_t since = oracle_is_settled(w) ? w->now_us : w->oracle->unsettled_us;

	for (uint32_t i = s->count; i > 0 && s->bu[i].sent_us + spread_us(w) >= since; i--)
		if (s->bu[i].agent != agent)
			return true;
	return false;
}

/* Its number is below one that was used before: the series went round. */
static bool is_wrap(struct world *w, const struct subject *s, const struct bu *b)
{
	for (uint32_t i = s->count - 1; i > 0; i--)
		if (s->bu[i].agent == b->agent)
			return b->pkt.bu.seq < s->bu[i].pkt.bu.seq && !oracle_is_settled(w);
	return false;
}

uint32_t oracle_sent(struct world *w, uint8_t mn, uint8_t agent, const struct pkt *bu)
{
	struct subject *s = &w->oracle->subject[mn];
	bool conflict = is_agent_conflict(w, s, agent);
	struct bu *b;

	s->bu = grown(s->bu, s->count, &s->cap, sizeof(*s->bu));
	b = &s->bu[++s->count];
	*b = (struct bu){ .pkt = *bu, .agent = agent, .sent_us = w->now_us };
	b->unsettled = !oracle_is_settled(w);
	w->stats.bus++;
	if (conflict) {
		w->stats.void_agents += !s->is_void;
		excuse(w, s);
	} else if (is_wrap(w, s, b)) {
		w->stats.void_wrap += !s->is_void;
		excuse(w, s);
	}
	return s->count;
}

/* A de-registration at another address than the binding's ends nothing; whether a registration
 * there that was not acknowledged had made it the binding's, nobody outside can tell. */
static void left_elsewhere(struct world *w, struct subject *s, uint32_t bu)
{
	if (s->bu[bu].pkt.bu.lifetime_s != 0 || s->acked == 0 ||
		s->bu[s->acked].agent == s->bu[bu].agent)
		return;
	w->stats.void_agents += !s->is_void;
	excuse(w, s);
}

void oracle_acked(struct world *w, uint8_t mn, uint32_t bu, const struct pkt_ba *ba)
{
	struct subject *s = &w->oracle->subject[mn];
	struct bu *b = &s->bu[bu];

	w->stats.acks++;
	if (b->acked_us != 0)
		return;
	b->acked_us = w->now_us;
	b->granted_s = ba->lifetime_s;
	b->until_us = b->sent_us + ba->lifetime_s * S;
	b->is_replicated = ba->is_replicated;
	b->by = ba->node;
	if (b->pkt.bu.lifetime_s != 0 && ba->lifetime_s == 0)
		world_fail(w, "mn %u: BU #%u asked for %u s and was granted none", mn, bu,
			b->pkt.bu.lifetime_s);
	left_elsewhere(w, s, bu);
	if (bu > s->acked)
		s->acked = bu;
	/* an excuse ends: from here on everybody knows better */
	if (s->is_void && b->pkt.bu.lifetime_s != 0 && !b->unsettled && oracle_is_settled(w) &&
		b->sent_us > s->void_us + spread_us(w))
		s->is_void = false;
}

/* A mobile node that wanted to leave hears that it is not bound: as good as an acknowledgement. */
void oracle_refused_leave(struct world *w, uint8_t mn, uint32_t bu)
{
	struct subject *s = &w->oracle->subject[mn];

	left_elsewhere(w, s, bu);
	if (bu > s->acked) {
		s->bu[bu].acked_us = w->now_us;
		s->acked = bu;
	}
}

void oracle_ba_source(struct world *w, uint8_t mn, const struct pkt_ba *ba)
{
	const struct subject *s = &w->oracle->subject[mn];

	for (uint32_t i = s->count; i > 0; i--)
		if (ip6_eq(&s->bu[i].pkt.hdr[0].dst, &ba->src) && s->bu[i].pkt.bu.seq == ba->seq)
			return; /* it asked that one, some time ago */
	if (ba->status < 128)
		world_fail(w, "mn %u: a BA came from %s, which it never asked (seq %u)", mn,
			addr_str(&ba->src), ba->seq);
}

/* A number as high, or a higher one, was taken by that agent address. */
static bool is_used(const struct subject *s, uint32_t bu)
{
	for (uint32_t i = bu; i <= s->count; i++)
		if (s->bu[i].agent == s->bu[bu].agent && s->bu[i].acked_us != 0)
			return true;
	return false;
}

/*
 * Without keys nobody can be kept from registering anything (trust.md says so); what protects a
 * live binding even then is its own number. And with keys: what an attacker kept from arriving is
 * new when it comes to an agent address that has heard nothing since (only a timestamp helps).
 */
static bool is_protected(struct world *w, const struct subject *s, uint8_t mn, uint32_t bu)
{
	const struct bu *b = &s->bu[s->acked];

	if (w->shape.domain[mn_domain(w, mn)].with_auth)
		return is_used(s, bu) || (s->acked != 0 && b->agent == s->bu[bu].agent);
	return oracle_is_settled(w) && s->acked != 0 && b->pkt.bu.lifetime_s != 0 &&
	       b->agent == s->bu[bu].agent && w->now_us + S < b->until_us;
}

bool oracle_replayed(struct world *w, uint64_t random, struct pkt *out)
{
	uint8_t mn = (uint8_t)(random % w->shape.mns);
	struct subject *s = &w->oracle->subject[mn];
	uint32_t bu;

	if (s->count == 0)
		return false;
	bu = 1 + (uint32_t)((random >> 16) % s->count);
	*out = s->bu[bu].pkt;
	if (!is_protected(w, s, mn, bu)) {
		w->stats.void_replay += !s->is_void;
		excuse(w, s);
	}
	return true;
}

/* --- packets --- */

static struct probe *probe_of(struct world *w, const struct pkt *p)
{
	return p->kind == PKT_DATA ? &w->oracle->probe[p->probe] : NULL;
}

/* The newest registration that was acknowledged long enough ago for every site to know. */
static uint32_t known_everywhere(const struct world *w, const struct subject *s)
{
	for (uint32_t i = s->acked; i > 0; i--)
		if (s->bu[i].acked_us != 0 && s->bu[i].acked_us + spread_us(w) <= w->now_us)
			return i;
	return 0;
}

/* Bound without any doubt: nothing was sent since, and it lasts. */
static bool is_bound(const struct world *w, const struct subject *s, uint32_t floor)
{
	const struct bu *b = &s->bu[floor];

	return floor != 0 && floor == s->count && b->pkt.bu.lifetime_s != 0 &&
	       w->now_us + FATE_US < b->until_us;
}

static void address(struct world *w, enum probe_kind kind, uint8_t mn, uint8_t other, struct pkt *p)
{
	struct subject *s = &w->oracle->subject[mn];
	struct ip6_addr home = mn_home(w, mn);
	const struct bu *b;

	p->depth = 1;
	if (kind == PROBE_TO) {
		p->hdr[0] = (struct pkt_hdr){ addr_correspondent(), home };
		return;
	}
	b = &s->bu[s->acked]; /* of a mobile node that speaks: it was acknowledged */
	p->hdr[0] = (struct pkt_hdr){ home,
		kind == PROBE_BETWEEN ? mn_home(w, other) : addr_correspondent() };
	p->hdr[1] = (struct pkt_hdr){ kind == PROBE_SPOOFED ? addr_stranger() : b->pkt.hdr[0].src,
		b->pkt.hdr[0].dst };
	p->depth = 2;
}

bool oracle_probe(struct world *w, enum probe_kind kind, uint8_t mn, uint8_t other, uint8_t node,
	struct pkt *out)
{
	struct oracle *o = w->oracle;
	struct subject *s = &o->subject[mn], *to = kind == PROBE_BETWEEN ? &o->subject[other] : s;
	struct probe *p;

	if (s->acked == 0 && kind != PROBE_TO)
		return false;
	o->probe = grown(o->probe, o->count, &o->cap, sizeof(*o->probe));
	p = &o->probe[++o->count];
	*p = (struct probe){ .kind = kind, .mn = mn, .other = other, .node = node };
	*out = (struct pkt){ .kind = PKT_DATA, .probe = o->count };
	address(w, kind, mn, other, out);
	p->dst = out->hdr[0].dst;
	p->at_us = w->now_us;
	p->is_strict = oracle_is_settled(w) && !to->is_void && !s->is_void &&
		       !is_waiting(w, mn_domain(w, mn));
	p->floor = known_everywhere(w, to);
	p->said = s->count;
	p->said_other = to->count;
	p->must_arrive = p->is_strict && kind != PROBE_SPOOFED && is_bound(w, to, p->floor) &&
			 is_bound(w, s, known_everywhere(w, s));
	w->stats.probes++;
	w->stats.strict += p->is_strict;
	return true;
}

void oracle_relays(struct world *w, uint8_t from, uint8_t to, struct pkt *p)
{
	p->hops++;
	p->hops_in_all++;
	if (p->kind == PKT_DATA)
		world_tell(
			w, "site %u relays packet %u to %u (%u hops)", from, p->probe, to, p->hops);
	if (p->hops > HOPS_MAX)
		world_fail(w, "packet %u went from site %u to %u as its hop %u", p->probe, from, to,
			p->hops);
	if (p->hops_in_all > HOPS_ALL_MAX)
		world_fail(w, "packet %u goes round: hop %u in all", p->probe, p->hops_in_all);
	if (p->from != 0 && p->from == to)
		world_fail(
			w, "packet %u goes back, unopened, from site %u to %u", p->probe, from, to);
	p->from = from;
}

/* Is the outer header one that the mobile node registered for? The number of the newest such
 * Binding Update, 0: none. */
static uint32_t registered(const struct subject *s, const struct pkt_hdr *outer)
{
	for (uint32_t i = s->count; i > 0; i--)
		if (ip6_eq(&s->bu[i].pkt.hdr[0].src, &outer->dst) &&
			ip6_eq(&s->bu[i].pkt.hdr[0].dst, &outer->src) &&
			s->bu[i].pkt.bu.lifetime_s != 0)
			return i;
	return 0;
}

static bool is_excused(struct world *w, const struct subject *s, const struct probe *p)
{
	return !p->is_strict || !oracle_is_settled(w) || s->is_void;
}

static void not_registered(struct world *w, uint8_t node, const struct subject *s, uint8_t mn,
	const struct pkt *p, const struct pkt_hdr *outer)
{
	for (uint32_t i = s->count; i > 0; i--)
		if (ip6_eq(&s->bu[i].pkt.hdr[0].src, &outer->dst)) {
			world_fail(w,
				"packet %u: site %u tunnels to mn %u from %s, it registered with "
				"%s",
				p->probe, node, mn, addr_str(&outer->src),
				addr_str(&s->bu[i].pkt.hdr[0].dst));
			return;
		}
	world_fail(w, "packet %u: site %u tunnels for mn %u to %s, where it never was", p->probe,
		node, mn, addr_str(&outer->dst));
}

/* When the last site has let go of a registration that was not renewed: a takeover gives it its
 * whole granted lifetime again, and until all is settled there may be one more. */
static uint64_t gone_by(struct world *w, const struct bu *b)
{
	uint64_t us = b->until_us,
		 again = w->oracle->changed_us + oracle_settle_us(w) + b->granted_s * S;

	if (b->sent_us <= w->oracle->changed_us + oracle_settle_us(w) && again > us)
		us = again;
	return us + 2 * S + (KEPT_MS + 3 * w->shape.dead_ms) * MS;
}

static void judge_tunnel(struct world *w, uint8_t node, struct probe *pr, const struct pkt *p)
{
	uint8_t mn = pr->kind == PROBE_BETWEEN ? pr->other : pr->mn;
	struct subject *s = &w->oracle->subject[mn];
	const struct pkt_hdr *outer = &p->hdr[p->depth - 1];
	uint32_t which = registered(s, outer);

	if (which == 0) {
		not_registered(w, node, s, mn, p, outer);
		return;
	}
	if (which < pr->floor) {
		if (is_excused(w, s, pr)) {
			w->stats.stale++;
			return;
		}
		world_fail(w,
			"packet %u: site %u tunnels for mn %u by BU #%u, #%u was acknowledged",
			p->probe, node, mn, which, pr->floor);
		return;
	}
	if (which == s->acked && which == s->count && !is_excused(w, s, pr) &&
		w->now_us > gone_by(w, &s->bu[which]))
		world_fail(w, "packet %u: site %u tunnels for mn %u by BU #%u, which has ended",
			p->probe, node, mn, which);
}

void oracle_emitted(struct world *w, uint8_t node, const struct pkt *p)
{
	struct probe *pr = probe_of(w, p);
	const struct pkt_hdr *outer = &p->hdr[p->depth - 1];

	if (pr == NULL)
		return;
	world_tell(w, "site %u sends packet %u from %s to %s", node, p->probe,
		addr_str(&outer->src), addr_str(&outer->dst));
	w->stats.delivered += pr->fate == FATE_OPEN;
	pr->fate = FATE_ARRIVED;
	if (pr->kind == PROBE_SPOOFED) {
		world_fail(w, "packet %u: site %u believes %s to be mn %u", p->probe, node,
			"a stranger", pr->mn);
		return;
	}
	if (pr->kind == PROBE_FROM) {
		if (p->depth != 1 || !ip6_eq(&outer->dst, &pr->dst))
			world_fail(w, "packet %u of mn %u leaves site %u for %s instead of %s",
				p->probe, pr->mn, node, addr_str(&outer->dst), addr_str(&pr->dst));
		return;
	}
	if (p->depth != 2 || !ip6_eq(&p->hdr[0].dst, &pr->dst))
		world_fail(w, "packet %u to mn %u leaves site %u for %s with %u headers", p->probe,
			pr->mn, node, addr_str(&outer->dst), p->depth);
	else
		judge_tunnel(w, node, pr, p);
}

void oracle_dropped(struct world *w, uint8_t node, const struct pkt *p, const char *reason)
{
	struct probe *pr = probe_of(w, p);
	struct subject *s, *from;

	if (pr == NULL)
		return;
	world_tell(w, "site %u drops packet %u: %s", node, p->probe, reason);
	if (pr->fate != FATE_OPEN)
		return;
	pr->fate = FATE_DROPPED;
	w->stats.dropped++;
	from = &w->oracle->subject[pr->mn];
	s = pr->kind == PROBE_BETWEEN ? &w->oracle->subject[pr->other] : from;
	if (!pr->must_arrive || is_excused(w, s, pr) || from->count != pr->said ||
		s->count != pr->said_other)
		return;
	world_fail(w,
		"packet %u (%s mn %u, let loose at site %u) is dropped by site %u: %s; nothing is "
		"wrong",
		p->probe, pr->kind == PROBE_FROM ? "from" : "to",
		pr->kind == PROBE_BETWEEN ? pr->other : pr->mn, pr->node, node, reason);
}

void oracle_lost(struct world *w, const struct pkt *p)
{
	struct probe *pr = probe_of(w, p);

	if (pr == NULL || pr->fate != FATE_OPEN)
		return;
	pr->fate = FATE_LOST;
	w->stats.lost++;
}

/* --- the end --- */

/* True: all sites say the same of the domain. `say`: then it is a failure when they do not. */
static bool is_equal(struct world *w, uint8_t domain, bool say)
{
	uint64_t first = 0;
	uint32_t records = 0, n;
	uint8_t of = 0;

	for (uint8_t i = 1; i <= w->shape.sites; i++) {
		struct site *s = w->site[i];
		uint64_t digest;

		if (!site_runs(s) || !site_is_member(s, domain))
			continue;
		digest = s->kind->digest(s, domain, &n);
		if (of == 0) {
			of = i;
			first = digest;
			records = n;
		} else if (digest != first) {
			if (say)
				world_fail(w,
					"domain %u: sites %u and %u differ when all is quiet (%u "
					"and %u records)",
					domain, of, i, records, n);
			return false;
		}
	}
	return true;
}

bool oracle_is_converged(struct world *w)
{
	for (uint8_t d = 0; d < w->shape.domains; d++)
		if (!is_equal(w, d, false))
			return false;
	return true;
}

/* Two others that run agree about the time of day, more or less, and this one does not: then it may
 * wait for its clock to be put right before it serves. */
static bool may_have_bad_clock(struct world *w, uint8_t node)
{
	int64_t mine = w->site[node]->wall_off_ms;
	unsigned others = 0;

	for (uint8_t i = 1; i <= w->shape.sites; i++) {
		int64_t off = w->site[i]->wall_off_ms - mine;

		others += i != node && site_runs(w->site[i]) && (off > 300 || off < -300);
	}
	return others >= 2;
}

static void all_ready(struct world *w, uint8_t domain)
{
	for (uint8_t i = 1; i <= w->shape.sites; i++) {
		struct site *s = w->site[i];

		if (site_runs(s) && site_is_member(s, domain) && !s->kind->is_ready(s, domain) &&
			!may_have_bad_clock(w, i))
			world_fail(w, "site %u is not ready in domain %u, and nothing is wrong", i,
				domain);
	}
}

static void probe_everywhere(struct world *w, uint8_t mn)
{
	for (uint8_t i = 1; i <= w->shape.sites; i++) {
		struct site *s = w->site[i];
		struct pkt p;

		if (!site_runs(s) || !site_is_member(s, mn_domain(w, mn)))
			continue;
		if (oracle_probe(w, PROBE_TO, mn, mn, i, &p))
			site_packet(s, &p, 0, true);
		if (oracle_probe(w, PROBE_FROM, mn, mn, i, &p))
			site_packet(s, &p, 0, true);
		if (oracle_probe(w, PROBE_SPOOFED, mn, mn, i, &p))
			site_packet(s, &p, 0, true);
	}
}

void oracle_final(struct world *w)
{
	for (uint8_t i = 0; i < w->shape.mns && w->trace; i++)
		for (uint8_t n = 1; n <= w->shape.sites; n++)
			if (site_runs(w->site[n]) && site_is_member(w->site[n], mn_domain(w, i)))
				w->site[n]->kind->tell(w->site[n], i);
	for (uint8_t d = 0; d < w->shape.domains; d++) {
		all_ready(w, d);
		is_equal(w, d, true);
	}
	for (uint8_t i = 0; i < w->shape.mns && !w->failed; i++) {
		w->stats.final_checks++;
		probe_everywhere(w, i);
	}
}

void oracle_end(struct world *w)
{
	struct oracle *o = w->oracle;

	for (uint32_t i = 1; i <= o->count; i++)
		if (o->probe[i].fate == FATE_OPEN && o->probe[i].at_us + FATE_US < w->now_us)
			world_fail(w, "packet %u neither arrived nor was dropped", i);
}
