/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose mobile nodes are to be told to switch, and the walk that finds them. */
#include "conf/conf.h"
#include "control/mesh/mesh_priv.h"
#include "control/mesh/route.h"
#include "control/mip6/rules.h"
#include "control/mip6/switch_priv.h"
#include "records/records.h"

#define TAG "mip6"

#define LOOK_MS 100 /* who drains, who is gone */

/* The walk: all records within the 10 s that a drain takes by default, while there is something to
 * do and a domain may begin one; at least a thousand a second, never begun twice in one. */
#define WALK_S        5
#define WALK_LEAST    1000 /* records a second */
#define WALK_EVERY_MS 1000
#define WALK_SLICE    64 /* records a turn, some tens of microseconds */

uint32_t switch_agents(
	const struct ctl *ctl, uint16_t domain, uint64_t random, struct ip6_addr *out)
{
	const struct conf_domain *d = &ctl->conf->domains[domain];
	struct discovery_site sites[CONF_PEERS_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < d->peer_count; i++) {
		const struct mesh_site *site =
			&ctl->mesh->site[ctl->conf->mesh.peers[d->peers[i].peer].id];

		if (site->gone_ms[domain] == 0 && site->says[domain] == NEXT_READY)
			sites[n++] = mip6_site(ctl, &d->peers[i]);
	}
	return n == 0 ? 0 : discovery_agents(&d->home_agent_address, false, sites, n, random, out);
}

/* --- rounds --- */

/* We serve, and have long taken over what that site did. */
static bool is_gone(const struct ctl *ctl, uint16_t domain, const struct conf_mesh_peer *p)
{
	uint64_t gone_ms = ctl->mesh->site[p->id].gone_ms[domain];
	uint32_t after_s = ctl->conf->domains[domain].switch_after_s;

	if (gone_ms == 0 || ctl->mesh->domain[domain].says != NEXT_READY)
		return false;
	return p->retired ||
	       (after_s != CONF_SWITCH_NEVER && ctl->now_ms - gone_ms >= 1000ULL * after_s);
}

static void set_round(struct ctl *ctl, uint16_t domain, uint8_t node, bool is_on)
{
	struct switches *s = switches(ctl);
	struct part *p = &s->part[domain];

	if (is_on == (p->round[node] != 0))
		return;
	if (is_on) {
		if (++s->last_round == 0)
			s->last_round = 1;
		p->round[node] = s->last_round;
		p->rounds++;
		s->rounds++;
		p->in_walk = p->all_told = false;
	} else {
		p->round[node] = 0;
		p->rounds--;
		s->rounds--;
	}
	log_info(TAG, "mobile nodes of that site are %s to switch domain=%s site=%s",
		is_on ? "told" : "not told any more", ctl->conf->domains[domain].name,
		mesh_site_name(ctl, node));
}

static void look(struct ctl *ctl)
{
	struct ip6_addr agents[CONF_PEERS_MAX];
	struct switches *s = switches(ctl);

	if (ctl->now_ms - s->looked_ms < LOOK_MS)
		return;
	s->looked_ms = ctl->now_ms;
	for (uint16_t d = 0; d < ctl->conf->domain_count; d++) {
		const struct conf_domain *conf = &ctl->conf->domains[d];

		if (!s->part[d].is_on)
			continue;
		s->part[d].has_agents = switch_agents(ctl, d, 0, agents) > 0;
		set_round(ctl, d, switch_self(ctl), ctl->mesh->domain[d].says == NEXT_DRAINING);
		for (uint32_t i = 0; i < conf->peer_count; i++) {
			const struct conf_mesh_peer *p =
				&ctl->conf->mesh.peers[conf->peers[i].peer];

			set_round(ctl, d, (uint8_t)p->id, is_gone(ctl, d, p));
		}
	}
}

uint16_t switch_round(const struct ctl *ctl, const struct record *rec, uint8_t *node)
{
	const struct part *p = &switches(ctl)->part[rec->domain];
	const struct conf_domain *d = &ctl->conf->domains[rec->domain];

	*node = 0;
	if (p->rounds == 0 || !mip6_is_bound(rec, ctl->now_ms))
		return 0;
	*node = route_agent(ctl->conf, rec->domain, &rec->ha);
	if (*node == switch_self(ctl)) /* or it is an address that nobody has any more */
		return ip6_eq(&rec->ha, &d->home_agent_address) ? p->round[*node] : 0;
	return mesh_is_owner(ctl, rec) ? p->round[*node] : 0;
}

/* --- the walk --- */

static bool visit(struct ctl *ctl, const struct record *rec)
{
	struct switches *s = switches(ctl);
	uint8_t node;
	uint16_t round = switch_round(ctl, rec, &node);

	if (round == 0 || s->told[rec->handle] == round)
		return false;
	if (switch_begin(ctl, rec, round, node))
		return true;
	s->part[rec->domain].has_missed = true;
	return false;
}

/* A domain could begin one now: else the walk stays where it is. */
static bool may_begin(struct ctl *ctl)
{
	struct switches *s = switches(ctl);
	bool may = false;

	for (uint32_t d = 0; d < ctl->conf->domain_count; d++) {
		struct part *p = &s->part[d];

		/* who drains tells of nothing else */
		if (p->rounds == 0 || (p->round[switch_self(ctl)] != 0 && !p->has_agents))
			continue;
		if (!p->has_token)
			p->has_token = bucket_take(&p->begun, ctl->now_ms);
		may |= p->has_token && p->waiting < s->share;
	}
	return may;
}

static void begin_walk(struct ctl *ctl)
{
	struct switches *s = switches(ctl);

	s->began_ms = s->walked_ms = ctl->now_ms;
	s->credit = 1000;
	for (uint32_t d = 0; d < ctl->conf->domain_count; d++) {
		s->part[d].in_walk = s->part[d].rounds > 0;
		s->part[d].has_missed = false;
	}
}

static void end_walk(struct ctl *ctl)
{
	struct switches *s = switches(ctl);

	s->cursor = 0;
	for (uint32_t d = 0; d < ctl->conf->domain_count; d++) {
		struct part *p = &s->part[d];

		p->all_told |= p->in_walk && !p->has_missed;
	}
}

/* How many records the walk may look at in this turn. */
static uint32_t allowance(struct ctl *ctl)
{
	struct switches *s = switches(ctl);
	uint32_t rate = (records_live(ctl->records) + records_tombstones(ctl->records)) / WALK_S;
	uint32_t n;

	if (s->cursor == 0) {
		if (ctl->now_ms - s->began_ms < WALK_EVERY_MS)
			return 0;
		begin_walk(ctl);
	}
	s->credit += (ctl->now_ms - s->walked_ms) * (rate > WALK_LEAST ? rate : WALK_LEAST);
	s->walked_ms = ctl->now_ms;
	if (s->credit > 1000 * WALK_SLICE)
		s->credit = 1000 * WALK_SLICE;
	n = (uint32_t)(s->credit / 1000);
	s->credit %= 1000;
	return n;
}

bool mip6_switch(struct ctl *ctl)
{
	struct switches *s = switches(ctl);
	bool told = false;

	if (s == NULL || ctl->mesh == NULL)
		return false;
	look(ctl);
	if (s->rounds == 0)
		return false;
	for (uint32_t n = allowance(ctl); n > 0 && may_begin(ctl); n--) {
		const struct record *rec = records_next(ctl->records, &s->cursor);

		if (rec == NULL) {
			end_walk(ctl);
			break;
		}
		told |= visit(ctl, rec);
	}
	return told;
}
