/* SPDX-License-Identifier: BSD-3-Clause */
/* Where packets go, and what becomes of them. */
#include "oracle_priv.h"

#define HOPS_MAX     2 /* mesh tunnels for each time that a packet is opened or wrapped */
#define HOPS_ALL_MAX 8 /* two openings and two wraps, with that */
#define KEPT_MS      6000 /* a site that is not the owner keeps a record dead-ms and 5 s longer */

static struct probe *probe_of(struct world *w, const struct pkt *p)
{
	return p->kind == PKT_DATA ? &w->oracle->probe[p->probe] : NULL;
}

/* The newest registration that was acknowledged long enough ago for every site to know; of those
 * before the last excuse (the operator removed it, say) none. */
static uint32_t known_everywhere(const struct world *w, const struct subject *s)
{
	for (uint32_t i = s->acked; i > 0 && s->bu[i].sent_us >= s->void_us; i--)
		if (s->bu[i].acked_us != 0 && s->bu[i].acked_us + oracle_spread_us(w) <= w->now_us)
			return i;
	return 0;
}

/* Bound without any doubt: nothing was sent since, and it lasts. */
static bool is_bound(const struct world *w, const struct subject *s, uint32_t floor)
{
	const struct bu *b = &s->bu[floor];
	uint64_t until_us = b->until_us;

	if (floor == 0 || b->pkt.bu.lifetime_s == 0)
		return false;
	/* what was sent since says the same, but lasts longer: a refresh need not be known
	 * everywhere for the binding to last */
	for (uint32_t i = floor + 1; i <= s->count; i++) {
		const struct bu *n = &s->bu[i];

		if (n->agent != b->agent || !ip6_eq(&n->pkt.hdr[0].src, &b->pkt.hdr[0].src) ||
			n->pkt.bu.lifetime_s == 0)
			return false;
		if (n->acked_us != 0 && n->until_us > until_us && n->heard[0].us < until_us)
			until_us = n->until_us;
	}
	return w->now_us + FATE_US < until_us;
}

/*
 * The site that acknowledged the newest Binding Update, has served ever since and says that it
 * does: it needs nobody to know better than any other site, whatever happens to those.
 */
static bool is_at_home(struct world *w, uint8_t mn, const struct subject *s, uint8_t node)
{
	const struct bu *b = &s->bu[s->acked];
	uint64_t since_us = oracle_heard_us(b, node);
	uint8_t d = mn_domain(w, mn);

	/* taken over by another one before the mobile node heard of it, it is that one's */
	if (since_us > b->acked_us)
		since_us = b->acked_us;
	/* with delivery "primary" it may have to ask whoever answers on the agent's address */
	return !w->shape.domain[d].primary && s->took_us < since_us && s->acked != 0 &&
	       s->acked == s->count && !s->is_void && b->by == node && b->pkt.bu.lifetime_s != 0 &&
	       w->now_us + FATE_US < b->until_us && site_runs(w->site[node]) &&
	       w->site[node]->announced[d] && w->oracle->life[node].at_us < b->acked_us &&
	       w->oracle->served_us[node][d] < b->acked_us;
}

static void address(struct world *w, enum probe_kind kind, uint8_t mn, uint8_t other, struct pkt *p)
{
	struct subject *s = &w->oracle->subject[mn];
	struct ip6_addr home = mn_home(w, mn);
	const struct bu *b;

	p->depth = 1;
	if (kind == PROBE_TO || kind == PROBE_FOREIGN) {
		p->hdr[0] = (struct pkt_hdr){ addr_correspondent(), home };
		return;
	}
	b = &s->bu[s->acked]; /* of a mobile node that speaks: it was acknowledged */
	p->hdr[0] = (struct pkt_hdr){ home,
		kind == PROBE_BETWEEN ? mn_home(w, other) : addr_correspondent() };
	p->hdr[1] = (struct pkt_hdr){ kind == PROBE_SPOOFED ? addr_stranger() : b->pkt.hdr[0].src,
		b->pkt.hdr[0].dst };
	p->depth = 2;
	if (mn_has_esp(w, mn) && kind != PROBE_SPOOFED)
		p->what = PKT_ESP;
}

bool oracle_probe(struct world *w, enum probe_kind kind, uint8_t mn, uint8_t other, uint8_t node,
	struct pkt *out)
{
	struct oracle *o = w->oracle;
	struct subject *s = &o->subject[mn], *to = kind == PROBE_BETWEEN ? &o->subject[other] : s;
	struct probe *p;

	if (s->acked == 0 && kind != PROBE_TO && kind != PROBE_FOREIGN)
		return false;
	o->probe = oracle_grown(o->probe, o->count, &o->cap, sizeof(*o->probe));
	p = &o->probe[++o->count];
	*p = (struct probe){ .kind = kind, .mn = mn, .other = other, .node = node };
	*out = (struct pkt){ .kind = PKT_DATA, .probe = o->count };
	p->at_us = w->now_us;
	if (oracle_is_asking(kind))
		oracle_address_asked(w, p, out);
	else
		address(w, kind, mn, other, out);
	p->dst = out->hdr[0].dst;
	p->is_strict = !oracle_is_spoilt(w, mn) && oracle_is_quiet(w, node) && !to->is_void &&
		       !s->is_void && !oracle_is_waiting(w, mn_domain(w, mn));
	/* one that serves nothing hands over; who gets it cannot deliver in ESP for the owner, nor
	 * reach one that it is cut off from with the one hop that is left; and while a binding is
	 * handed back nobody is its owner for a moment */
	if ((mn_has_esp(w, mn) || mn_has_esp(w, other)) &&
		(!oracle_is_settled(w) || !w->site[node]->announced[mn_domain(w, mn)]))
		p->is_strict = false;
	p->floor = known_everywhere(w, to);
	if (p->is_strict && p->floor > to->kept)
		to->kept = p->floor;
	p->kept = to->kept;
	p->is_home = is_at_home(w, mn, s, node) && (kind == PROBE_TO || kind == PROBE_FROM);
	p->said = s->count;
	p->said_other = to->count;
	if (oracle_is_asking(kind))
		p->must_arrive = p->is_strict;
	else
		p->must_arrive = p->is_strict && kind != PROBE_SPOOFED && kind != PROBE_FOREIGN &&
				 is_bound(w, to, p->floor) &&
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
	return !p->is_strict || !oracle_is_quiet(w, p->node) || s->is_void;
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
static uint64_t gone_by(struct world *w, const struct subject *s, const struct bu *b)
{
	uint64_t us = b->until_us,
		 again = w->oracle->changed_us + oracle_settle_us(w) + b->granted_s * S;

	if (b->sent_us <= w->oracle->changed_us + oracle_settle_us(w) && again > us)
		us = again;
	/* where hellos get lost, sites may take each other for dead at any time */
	again = s->took_us + b->granted_s * S;
	if (w->shape.loss_ppm > 0 && s->took_us > b->sent_us && again > us)
		us = again;
	return us + 2 * S + (KEPT_MS + 3 * w->shape.dead_ms) * MS;
}

/*
 * A site that stood still for longer than others wait assumes that it was taken over: it delivers
 * nothing by what it knew, once it has had time to look at the clock. True: it does, and a newer
 * registration was acknowledged meanwhile, while nothing was wrong but that.
 */
static bool is_stale_after_stop(struct world *w, uint8_t node, uint8_t mn, uint32_t which)
{
	const struct oracle *o = w->oracle;
	const struct subject *s = &o->subject[mn];
	const struct life *l = &o->life[node];
	uint64_t begin_us, long_us = (3 * w->shape.dead_ms + 3000) * MS;
	uint64_t dead_us = (w->shape.dead_ms + 2 * w->shape.hello_ms) * MS;

	if (l->gap_us == UINT64_MAX || l->gap_us < dead_us + 200 * MS || s->is_void ||
		w->now_us < l->at_us + 5 * MS || w->now_us > l->at_us + 2 * S)
		return false;
	begin_us = l->at_us - l->gap_us;
	if (o->open_paths > 0 || o->paths_us + long_us > begin_us || w->shape.loss_ppm > 0 ||
		2ULL * (w->shape.delay_us + w->shape.jitter_us) + 2 * w->shape.hello_ms * MS >
			w->shape.dead_ms * MS)
		return false;
	for (uint8_t n = 1; n <= w->shape.sites; n++)
		if (n != node && (!site_runs(w->site[n]) || o->life[n].at_us + long_us > begin_us))
			return false;
	for (uint32_t i = which + 1; i <= s->count; i++)
		if (s->bu[i].acked_us > begin_us + dead_us && s->bu[i].by != node &&
			s->bu[i].acked_us + oracle_spread_us(w) < l->at_us)
			return true;
	return false;
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
	if (oracle_is_gone(w, s, which)) {
		world_fail(w, "packet %u: site %u tunnels for mn %u by BU #%u, which was removed",
			p->probe, node, mn, which);
		return;
	}
	if (which < pr->kept && !s->is_void) {
		world_fail(w,
			"packet %u: site %u tunnels for mn %u by BU #%u, but all knew of #%u when "
			"all was quiet",
			p->probe, node, mn, which, pr->kept);
		return;
	}
	if (is_stale_after_stop(w, node, mn, which)) {
		world_fail(w,
			"packet %u: site %u, which stood still, tunnels for mn %u by BU #%u, as if "
			"nobody had taken over",
			p->probe, node, mn, which);
		return;
	}
	if (which < oracle_told(w, mn, node)) {
		world_fail(w, "packet %u: site %u tunnels for mn %u by BU #%u, it was told of #%u",
			p->probe, node, mn, which, oracle_told(w, mn, node));
		return;
	}
	/* one that came back is kept out of it until a digest round is complete; and whoever heard
	 * the same Binding Update, repeated by somebody, may have claimed it by that */
	if (oracle_is_settled(w) && w->site[node]->kind->has_mesh && mn_has_esp(w, mn) &&
		which == s->acked && which == pr->floor && which == s->count &&
		!is_excused(w, s, pr) && s->took_us < s->bu[which].sent_us &&
		node != s->bu[which].by && oracle_heard_us(&s->bu[which], node) == UINT64_MAX) {
		world_fail(w, "packet %u: site %u seals for mn %u, whose owner is site %u",
			p->probe, node, mn, s->bu[which].by);
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
		w->now_us > gone_by(w, s, &s->bu[which]))
		world_fail(w, "packet %u: site %u tunnels for mn %u by BU #%u, which has ended",
			p->probe, node, mn, which);
}

void oracle_emitted(struct world *w, uint8_t node, const struct pkt *p)
{
	struct probe *pr = probe_of(w, p);
	const struct pkt_hdr *outer = &p->hdr[p->depth - 1];
	const struct subject *s;

	if (pr == NULL)
		return;
	world_tell(w, "site %u sends packet %u from %s to %s", node, p->probe,
		addr_str(&outer->src), addr_str(&outer->dst));
	w->stats.delivered += pr->fate == FATE_OPEN;
	pr->fate = FATE_ARRIVED;
	if (oracle_is_spoilt(w, pr->mn))
		return;
	if (oracle_is_asking(pr->kind)) {
		world_fail(w, "packet %u, for a home agent, leaves site %u for %s", p->probe, node,
			addr_str(&outer->dst));
		return;
	}
	if (pr->kind == PROBE_FOREIGN) {
		world_fail(w, "packet %u: site %u delivers what site %u had no right to send",
			p->probe, node, pr->node);
		return;
	}
	if (pr->kind == PROBE_SPOOFED) {
		world_fail(w, "packet %u: site %u believes %s to be mn %u", p->probe, node,
			"a stranger", pr->mn);
		return;
	}
	if (pr->kind == PROBE_FROM) {
		s = &w->oracle->subject[pr->mn];
		if (oracle_is_gone(w, s, s->count))
			world_fail(w, "packet %u: site %u opens for mn %u, which was removed",
				p->probe, node, pr->mn);
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
	if (oracle_is_spoilt(w, pr->mn))
		return;
	from = &w->oracle->subject[pr->mn];
	s = pr->kind == PROBE_BETWEEN ? &w->oracle->subject[pr->other] : from;
	if (from->count != pr->said || s->count != pr->said_other)
		return;
	if (pr->is_home && !s->is_void)
		world_fail(w,
			"packet %u (%s mn %u, let loose at site %u, which registered it) is "
			"dropped by "
			"site %u: %s",
			p->probe, pr->kind == PROBE_FROM ? "from" : "to", pr->mn, pr->node, node,
			reason);
	if (!pr->must_arrive || is_excused(w, s, pr))
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
