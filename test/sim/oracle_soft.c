/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is asked of home agents besides bindings: answers to whoever asked, and path MTUs, which may
 * get lost, but which nobody makes up.
 */
#include "mem.h"
#include "oracle_priv.h"

/* One that came back is kept out until a digest round with it is complete: where changes never cease
 * that may take long. */
#define RETURN_US (15 * S)

/* An error told some site that so much goes to that care-of address. */
struct mtu {
	uint8_t mn;
	uint16_t mtu;
	struct ip6_addr coa;
};

void oracle_mtu_known(struct world *w, uint8_t mn, const struct ip6_addr *coa, uint16_t mtu)
{
	struct oracle *o = w->oracle;

	o->mtu = oracle_grown(o->mtu, o->mtus, &o->mtus_cap, sizeof(*o->mtu));
	o->mtu[++o->mtus] = (struct mtu){ mn, mtu, *coa };
}

void oracle_mtu_held(
	struct world *w, uint8_t node, uint8_t mn, const struct ip6_addr *coa, uint16_t mtu)
{
	const struct oracle *o = w->oracle;

	for (uint32_t i = 1; i <= o->mtus; i++)
		if (o->mtu[i].mn == mn && o->mtu[i].mtu == mtu && ip6_eq(&o->mtu[i].coa, coa))
			return;
	if (!oracle_is_spoilt(w, mn))
		world_fail(w, "site %u believes that %u octets go to mn %u at %s: nobody said so",
			node, mtu, mn, addr_str(coa));
}

/* --- what a home agent takes for itself --- */

void oracle_address_asked(struct world *w, struct probe *pr, struct pkt *p)
{
	const struct subject *s = &w->oracle->subject[pr->mn];
	uint8_t d = mn_domain(w, pr->mn);

	p->depth = 1;
	p->hdr[0] = (struct pkt_hdr){ addr_correspondent(), s->bu[s->acked].pkt.hdr[0].dst };
	switch (pr->kind) {
	case PROBE_ANSWER:
		p->what = PKT_ANSWER;
		p->asker = w->shape.domain[d].members[pr->at_us % w->shape.domain[d].member_count];
		break;
	case PROBE_ERROR:
		p->what = PKT_ERROR;
		p->about = mn_home(w, pr->mn);
		break;
	case PROBE_DISCOVERY:
		p->what = PKT_DISCOVERY;
		p->hdr[0].dst = addr_anycast(d);
		break;
	default:
		break;
	}
}

void oracle_accepted(struct world *w, uint8_t node, const struct pkt *p)
{
	struct probe *pr = &w->oracle->probe[p->probe];
	uint8_t d = mn_domain(w, pr->mn);

	world_tell(w, "site %u takes packet %u for itself", node, p->probe);
	w->stats.delivered += pr->fate == FATE_OPEN;
	pr->fate = FATE_ARRIVED;
	if (!oracle_is_asking(pr->kind)) {
		world_fail(w, "packet %u of mn %u is taken by site %u for itself", p->probe, pr->mn,
			node);
		return;
	}
	if (pr->kind == PROBE_ANSWER && pr->is_strict && oracle_is_settled(w) &&
		w->shape.loss_ppm == 0 &&
		w->oracle->served_us[p->asker][d] + RETURN_US < w->now_us && node != p->asker &&
		site_runs(w->site[p->asker]) && w->site[p->asker]->announced[d])
		world_fail(w, "packet %u answers what site %u asked, and is taken by site %u",
			p->probe, p->asker, node);
}
